//! `yufu demo`: see [`crate::demo`].

use std::path::PathBuf;

use super::{Done, Exit, Failure, failure::chain, log};
use crate::{
    config::Config,
    demo::{self, Plan},
};

/// The words of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// 演示数据的文件夹 / folder of the demo's data
    #[arg(long, default_value = "demo")]
    pub dir: PathBuf,
    /// 支付模拟器的地址 / address of the simulated providers
    #[arg(long, value_name = "BASE_URL")]
    pub provider: String,
    /// 商户密钥文件夹 / folder of the merchants' key files
    #[arg(long, value_name = "DIR")]
    pub keys: PathBuf,
    /// 写入网关拨入地址的文件 / file to write the modems' address into
    #[arg(long, value_name = "FILE")]
    pub ready: Option<PathBuf>,
    /// 网页端口，也可用 YUFU_DEMO_PORT；省略取空闲端口 / HTTP port; none takes a free one
    #[arg(long)]
    pub port: Option<u16>,
    /// 充值一次后退出 / end after one top-up
    #[arg(long)]
    pub once: bool,
}

/// Runs the demo.
pub async fn run(args: Args) -> Done {
    std::fs::create_dir_all(&args.dir).map_err(|error| Failure::file(&args.dir, &error))?;
    log::to_file(&Config::default().log, &args.dir.join("yufu.log"))?;
    let plan = Plan {
        dir: args.dir,
        provider: args.provider.trim().trim_end_matches('/').to_owned(),
        keys: args.keys,
        ready: args.ready,
        port: args.port.or_else(port_of_environment),
        once: args.once,
    };
    demo::run(plan).await.map_err(|error| {
        Failure::new(Exit::Failed, "demo", "演示没有完成", "the demo did not get through")
            .fix("看演示文件夹里的日志", "see the logs in the demo's folder")
            .detail(chain(&error))
    })
}

fn port_of_environment() -> Option<u16> {
    std::env::var("YUFU_DEMO_PORT").ok()?.parse().ok()
}

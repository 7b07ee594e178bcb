//! The command line: one file per sub-command. `docs/operations.md` lists them and the exit codes.

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

pub mod failure;
pub use failure::{Exit, Failure};
pub mod site;
pub use site::Site;
pub mod log;

pub mod migrate;
pub mod serve;
#[path = "command/config.rs"]
pub mod settings;

pub mod import;
pub mod merchant;
pub mod operator;

pub mod kiosk;
pub mod ledger;
pub mod meter;
pub mod order;
pub mod story;
pub mod tags;
pub mod vend;

pub mod backup;
pub mod doctor;
pub mod safe_mode;
pub mod trips;

pub mod demo;
pub mod frame;
pub mod openapi;

/// The environment variable that names the configuration file.
pub const CONFIG_VARIABLE: &str = "YUFU_CONFIG";

/// What every sub-command answers with.
pub type Done = Result<(), Failure>;

/// The words of the command line.
#[derive(Debug, Parser)]
#[command(
    name = "yufu",
    version,
    about = "预付：水电预付费 / prepaid water and electricity",
    after_help = "退出码 / exit codes: 0 完成 done · 1 出错 failed · 2 参数有误 wrong words · \
                  3 配置有误 configuration · 4 数据库不可用 database · 5 被拒绝，未改动 refused · \
                  6 检查发现问题 a check found something"
)]
pub struct Line {
    /// 配置文件，也可用环境变量 YUFU_CONFIG / configuration file
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// 做什么 / what to do
    #[command(subcommand)]
    pub command: Command,
}

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// 启动服务 / run the server
    Serve,
    /// 建立或升级数据库 / create or upgrade the database
    Migrate,
    /// 查看配置 / print or check the configuration
    Config {
        /// 查看什么 / what to show
        #[command(subcommand)]
        what: settings::What,
    },
    /// 导入 Excel 工作簿或 CSV 文件夹 / import a workbook or a folder of CSV
    Import(import::Args),
    /// 商户号和密钥 / merchant accounts and their keys
    Merchant {
        /// 做什么 / what to do
        #[command(subcommand)]
        what: merchant::What,
    },
    /// 订单的完整时间线 / the whole timeline of an order
    Order {
        /// 做什么 / what to do
        #[command(subcommand)]
        what: order::What,
    },
    /// 下发到表计的充值 / deliveries of money to meters
    Vend {
        /// 做什么 / what to do
        #[command(subcommand)]
        what: vend::What,
    },
    /// 表计：查看、换表 / meters: look at one, replace one
    Meter {
        /// 做什么 / what to do
        #[command(subcommand)]
        what: meter::What,
    },
    /// 表上的二维码 / the QR codes on meters
    Tags {
        /// 做什么 / what to do
        #[command(subcommand)]
        what: tags::What,
    },
    /// 自助终端：配对、远程命令、首页内容 / kiosks: pair, command, content
    Kiosk {
        /// 做什么 / what to do
        #[command(subcommand)]
        what: kiosk::What,
    },
    /// 账本 / the ledger
    Ledger {
        /// 做什么 / what to do
        #[command(subcommand)]
        what: ledger::What,
    },
    /// 逐项检查并给出办法 / check everything and say how to mend it
    Doctor(doctor::Args),
    /// 备份到文件并验证 / copy the database to a file and prove the copy
    Backup(backup::BackupArgs),
    /// 从备份恢复，进入安全模式 / restore a backup; safe mode stays on until a person ends it
    Restore(backup::RestoreArgs),
    /// 查看或结束安全模式 / show or end safe mode
    SafeMode(safe_mode::Args),
    /// 红色开关：停止欠费跳闸 / the red switch: nobody is cut off while it is thrown
    Trips(trips::Args),
    /// 解读或生成表计报文 / explain or build meter frames
    Frame {
        /// 做什么 / what to do
        #[command(subcommand)]
        what: frame::What,
    },
    /// 打印 OpenAPI 文档 / print the OpenAPI document
    Openapi {
        /// 哪一套接口 / whose API
        #[arg(value_enum, default_value = "operator")]
        whose: openapi::Whose,
    },
    /// 操作员账号 / operators' accounts
    Operator {
        /// 做什么 / what to do
        #[command(subcommand)]
        what: operator::What,
    },
    /// 带数据的演示 / a site with believable data, one top-up, told line by line
    Demo(demo::Args),
}

/// Runs the command line to its exit code.
pub fn main() -> ExitCode {
    let line = Line::parse();
    let config = line.config.or_else(|| std::env::var_os(CONFIG_VARIABLE).map(PathBuf::from));
    match run(line.command, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprint!("{failure}");
            failure.exit().into()
        }
    }
}

fn run(command: Command, config: Option<PathBuf>) -> Done {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::machine(&error))?;
    runtime.block_on(dispatch(command, config))
}

async fn dispatch(command: Command, config: Option<PathBuf>) -> Done {
    let config = config.as_deref();
    match command {
        Command::Serve => serve::run(site::load(config)?).await,
        Command::Migrate => migrate::run(&site::load(config)?).await,
        Command::Config { what } => settings::run(&what, config),
        Command::Import(args) => import::run(args, config).await,
        Command::Merchant { what } => merchant::run(what, &Site::open(config).await?).await,
        Command::Order { what } => order::run(what, &Site::open(config).await?).await,
        Command::Vend { what } => vend::run(what, &Site::open(config).await?).await,
        Command::Meter { what } => meter::run(what, &Site::open(config).await?).await,
        Command::Tags { what } => tags::run(what, &Site::open(config).await?).await,
        Command::Kiosk { what } => kiosk::run(what, &Site::open(config).await?).await,
        Command::Ledger { what } => ledger::run(what, &Site::open(config).await?).await,
        Command::Doctor(args) => doctor::run(&args, config).await,
        Command::Backup(args) => backup::backup(&args, &Site::open(config).await?).await,
        Command::Restore(args) => backup::restore(&args, &site::load(config)?).await,
        Command::SafeMode(args) => safe_mode::run(&args, &Site::open(config).await?).await,
        Command::Trips(args) => trips::run(&args, &Site::open(config).await?).await,
        Command::Frame { what } => frame::run(&what),
        Command::Openapi { whose } => openapi::run(whose),
        Command::Operator { what } => operator::run(what, &Site::open(config).await?).await,
        Command::Demo(args) => demo::run(args).await,
    }
}

/// Prints a JSON value for people and machines alike.
pub(crate) fn print_json(value: &serde_json::Value) {
    say(format_args!("{value:#}"));
}

/// Prints a line. A reader that has gone away, as `head` does, is no failure.
pub(crate) fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_every_help_text_speaks_both_languages() {
        fn check(command: &clap::Command) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.contains(" / "), "{}: {about:?}", command.get_name());
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let own = ["help", "version"].contains(&id);
                assert!(own || help.contains(" / "), "{} {id}: {help:?}", command.get_name());
            }
            command.get_subcommands().filter(|c| c.get_name() != "help").for_each(check);
        }
        let command = Line::command();
        command.clone().debug_assert();
        check(&command);
    }
}

//! The sub-command `simulator provider`.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::clock::SimClock;
use crate::config::{AlipayApp, AlipayMode, Config, WechatApp, WechatKind, WechatMerchant};
use crate::crypto::KeyError;
use crate::provider::{StartError, start};

/// The command line of `simulator provider`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:7001")]
    pub listen: SocketAddr,
    /// Seed of all chance; the present moment when absent.
    #[arg(long)]
    pub seed: Option<u64>,
    /// A WeChat Pay merchant, `MCHID,APPID,NAME`; may be given many times.
    #[arg(long, value_parser = wechat_merchant)]
    pub wechat_merchant: Vec<WechatMerchant>,
    /// An Alipay application, `APP_ID,SELLER_ID,NAME`; may be given many times.
    #[arg(long, value_parser = alipay_app)]
    pub alipay_app: Vec<AlipayApp>,
    /// A mini-program or service account, `APP_ID,SECRET,mini-program|service-account,NAME`; its
    /// orders go to the first WeChat Pay merchant; may be given many times.
    #[arg(long, value_parser = wechat_app)]
    pub wechat_app: Vec<WechatApp>,
    /// Keep the SMS gateways' limits per number.
    #[arg(long)]
    pub sms_limits: bool,
    /// How many times faster than the real one the callback retry schedule runs.
    #[arg(long, default_value_t = 1)]
    pub time_scale: u32,
    /// Folder where the providers' own keys are kept between runs.
    #[arg(long)]
    pub keys: Option<PathBuf>,
    /// Folder to write the merchant's files into.
    #[arg(long)]
    pub merchant_files: Option<PathBuf>,
    /// File to write the base address into, once everything else is ready.
    #[arg(long)]
    pub ready: Option<PathBuf>,
    /// Put wallet links into QR codes instead of the wallets' own schemes.
    #[arg(long)]
    pub plain_links: bool,
    /// Answer bills of the present day.
    #[arg(long)]
    pub same_day_bills: bool,
    /// Run the Alipay application in certificate mode.
    #[arg(long)]
    pub alipay_certificates: bool,
}

fn parts<const N: usize>(text: &str) -> Result<[String; N], String> {
    let parts: Vec<String> = text.split(',').map(str::to_owned).collect();
    parts.try_into().map_err(|_| format!("{N} parts with commas between them are wanted"))
}

fn wechat_merchant(text: &str) -> Result<WechatMerchant, String> {
    let [mchid, appid, name] = parts(text)?;
    Ok(WechatMerchant { mchid, appid, name, ..WechatMerchant::default() })
}

fn alipay_app(text: &str) -> Result<AlipayApp, String> {
    let [app_id, seller_id, name] = parts(text)?;
    Ok(AlipayApp { app_id, seller_id, name, ..AlipayApp::default() })
}

fn wechat_app(text: &str) -> Result<WechatApp, String> {
    let [app_id, secret, kind, name] = parts(text)?;
    let kind = match kind.as_str() {
        "mini-program" => WechatKind::MiniProgram,
        "service-account" => WechatKind::ServiceAccount,
        _ => return Err("the third part is mini-program or service-account".to_owned()),
    };
    Ok(WechatApp { app_id, secret, kind, name, ..WechatApp::default() })
}

/// Why the sub-command ends.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The merchant's files could not be written.
    #[error(transparent)]
    Files(#[from] KeyError),
    /// The signal to stop could not be waited for, or the ready file not be written.
    #[error("the stop signal could not be waited for or the ready file not be written")]
    Signal(#[from] std::io::Error),
}

/// Runs the simulator until the process is told to stop.
///
/// # Errors
/// [`RunError`] when it cannot start or cannot write the merchant's files.
pub async fn run(args: Args) -> Result<(), RunError> {
    let mode = if args.alipay_certificates { AlipayMode::Certificate } else { AlipayMode::Key };
    let now_ms = SimClock::system().now_ms();
    let mut config = Config {
        listen: args.listen,
        seed: args.seed.unwrap_or(now_ms.unsigned_abs()),
        time_scale: args.time_scale,
        key_dir: args.keys,
        plain_links: args.plain_links,
        same_day_bills: args.same_day_bills,
        ..Config::default()
    };
    if !args.wechat_merchant.is_empty() {
        config.wechat_merchants = args.wechat_merchant;
    }
    if !args.alipay_app.is_empty() {
        config.alipay_apps = args.alipay_app;
    }
    for app in &mut config.alipay_apps {
        app.mode = mode;
    }
    if !args.wechat_app.is_empty() {
        config.wechat_apps = args.wechat_app;
    }
    let mchid = config.wechat_merchants.first().map(|merchant| merchant.mchid.clone());
    for app in &mut config.wechat_apps {
        app.mchid.clone_from(&mchid);
    }
    for account in &mut config.sms_accounts {
        account.limits = args.sms_limits;
    }
    let provider = start(config)?;
    if let Some(dir) = &args.merchant_files {
        provider.write_merchant_files(dir)?;
    }
    println!("WeChat Pay  {}", provider.base_url);
    println!("Alipay      {}", provider.gateway_url());
    println!("WeChat, SMS {}", provider.base_url);
    println!("wallet      {}/wallet", provider.base_url);
    println!("control     {}/control/book", provider.base_url);
    if let Some(ready) = &args.ready {
        std::fs::write(ready, &provider.base_url)?;
    }
    tokio::signal::ctrl_c().await?;
    Ok(())
}

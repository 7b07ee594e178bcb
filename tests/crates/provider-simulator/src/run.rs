//! The sub-command `simulator provider`.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{AlipayApp, AlipayMode, Config};
use crate::crypto::KeyError;
use crate::provider::{StartError, start};

/// The command line of `simulator provider`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:7001")]
    pub listen: SocketAddr,
    /// Seed of all chance.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many times faster than the real one the callback retry schedule runs.
    #[arg(long, default_value_t = 1)]
    pub time_scale: u32,
    /// Folder where the providers' own keys are kept between runs.
    #[arg(long)]
    pub keys: Option<PathBuf>,
    /// Folder to write the merchant's files into.
    #[arg(long)]
    pub merchant_files: Option<PathBuf>,
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

/// Why the sub-command ends.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The merchant's files could not be written.
    #[error(transparent)]
    Files(#[from] KeyError),
    /// The signal to stop could not be waited for.
    #[error("the stop signal could not be waited for")]
    Signal(#[from] std::io::Error),
}

/// Runs the simulator until the process is told to stop.
///
/// # Errors
/// [`RunError`] when it cannot start or cannot write the merchant's files.
pub async fn run(args: Args) -> Result<(), RunError> {
    let mode = if args.alipay_certificates { AlipayMode::Certificate } else { AlipayMode::Key };
    let config = Config {
        listen: args.listen,
        seed: args.seed,
        time_scale: args.time_scale,
        key_dir: args.keys,
        plain_links: args.plain_links,
        same_day_bills: args.same_day_bills,
        alipay_apps: vec![AlipayApp { mode, ..AlipayApp::default() }],
        ..Config::default()
    };
    let provider = start(config)?;
    if let Some(dir) = &args.merchant_files {
        provider.write_merchant_files(dir)?;
    }
    println!("WeChat Pay  {}", provider.base_url);
    println!("Alipay      {}", provider.gateway_url());
    println!("wallet      {}/wallet", provider.base_url);
    println!("control     {}/control/book", provider.base_url);
    tokio::signal::ctrl_c().await?;
    Ok(())
}

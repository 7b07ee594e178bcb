//! The far side on a command line: payment providers, meters and a printer, each on a real wire.

use std::{error::Error, io, process::ExitCode};

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "simulator",
    about = "支付渠道、表计和凭条打印机的模拟器 / payment providers, meters and a printer"
)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 微信支付和支付宝 / WeChat Pay and Alipay with a wallet page
    Provider(provider_simulator::Args),
    /// 凭条打印机 / A receipt printer on TCP, with its paper as pictures
    Printer(kiosk_simulator::command::Args),
    #[command(flatten)]
    Meters(meter_simulator::command::Command),
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the provider simulator ended")]
    Provider(#[from] provider_simulator::RunError),
    #[error("the printer ended")]
    Printer(#[from] kiosk_simulator::command::RunError),
    #[error("the meter simulator ended")]
    Meters(#[from] meter_simulator::command::CommandError),
    #[error("the runtime does not start")]
    Runtime(#[from] io::Error),
}

fn main() -> ExitCode {
    match run(Line::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprint!("simulator: {failure}");
            let mut cause = failure.source();
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Provider(args) => provider_simulator::run(args).await?,
            Command::Printer(args) => kiosk_simulator::command::run(args).await?,
            Command::Meters(command) => meter_simulator::command::run_command(command).await?,
        }
        Ok(())
    })
}

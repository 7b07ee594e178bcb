//! The command line of the meter side of `simulator`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{SiteConfig, SiteError};
use crate::control::{Answerer, Control, site_answerer};
use crate::idle::{Idle, IdleConfig};
use crate::site::Site;
use crate::swarm::{Swarm, SwarmConfig};

/// What the meter simulator can be on a command line.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// A site of meters, buses and DTUs from a TOML file.
    Meters(Meters),
    /// Thousands of simple buses with exact character timing, for the sweep benchmark.
    Swarm(SwarmArgs),
    /// Thousands of idle DTU connections with heartbeats.
    Idle(IdleArgs),
}

/// Arguments of `meters`.
#[derive(Args, Clone, Debug)]
pub struct Meters {
    /// The site file.
    #[arg(long)]
    pub config: PathBuf,
    /// Server every dialling bus dials, instead of its `connect`.
    #[arg(long)]
    pub dial: Option<SocketAddr>,
    /// Where the control port listens.
    #[arg(long)]
    pub control: Option<SocketAddr>,
    /// Seed instead of the file's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Speed instead of the file's.
    #[arg(long)]
    pub speed: Option<u32>,
}

/// Arguments of `swarm`.
#[derive(Args, Clone, Debug)]
pub struct SwarmArgs {
    /// Server to dial.
    #[arg(long)]
    pub dial: SocketAddr,
    /// Number of buses.
    #[arg(long, default_value_t = 3_125)]
    pub buses: usize,
    /// Meters on each bus.
    #[arg(long, default_value_t = 32)]
    pub meters: usize,
    /// Line speed.
    #[arg(long, default_value_t = 2_400)]
    pub baud: u64,
    /// Turnaround, ms.
    #[arg(long, default_value_t = 20)]
    pub turnaround_ms: u64,
    /// Text in front of the bus number in its registration.
    #[arg(long, default_value = "SWARM")]
    pub prefix: String,
    /// Loopback source addresses to spread over.
    #[arg(long, default_value_t = 0)]
    pub sources: u8,
    /// Where the control port listens.
    #[arg(long)]
    pub control: Option<SocketAddr>,
}

/// Arguments of `idle`.
#[derive(Args, Clone, Debug)]
pub struct IdleArgs {
    /// Server to dial.
    #[arg(long)]
    pub dial: SocketAddr,
    /// Number of connections.
    #[arg(long, default_value_t = 18_000)]
    pub count: usize,
    /// Number of the first one.
    #[arg(long, default_value_t = 0)]
    pub first: usize,
    /// Heartbeat interval, seconds.
    #[arg(long, default_value_t = 60)]
    pub heartbeat_s: u64,
    /// Heartbeat text.
    #[arg(long, default_value = "HB")]
    pub heartbeat: String,
    /// Text in front of the number in the registration.
    #[arg(long, default_value = "IDLE")]
    pub prefix: String,
    /// Loopback source addresses to spread over.
    #[arg(long, default_value_t = 4)]
    pub sources: u8,
    /// Where the control port listens.
    #[arg(long)]
    pub control: Option<SocketAddr>,
}

/// Why the command ended.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The words were not understood, or help was asked for.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The site file could not be read.
    #[error("the site file {} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the machine said.
        #[source]
        source: std::io::Error,
    },
    /// The site could not be built.
    #[error("the site cannot be built")]
    Site(#[from] SiteError),
    /// The population is larger than its bounds.
    #[error("{0}")]
    Bounds(String),
    /// A socket or signal failed.
    #[error("the machine refused a socket or signal")]
    Machine(#[from] std::io::Error),
}

#[derive(Debug, Parser)]
#[command(name = "simulator")]
struct Line {
    #[command(subcommand)]
    command: Command,
}

/// Runs `meters`, `swarm` or `idle`; `args` begin with that word. Returns when interrupted.
///
/// # Errors
/// [`CommandError`] says what was wrong with the words, the file or the machine.
pub async fn run(args: impl IntoIterator<Item = String>) -> Result<(), CommandError> {
    let words = std::iter::once("simulator".to_owned()).chain(args);
    run_command(Line::try_parse_from(words)?.command).await
}

/// Runs an already parsed command until it is interrupted. One JSON line on standard output says
/// that it is ready: seed and the addresses it listens on.
///
/// # Errors
/// [`CommandError`] as for [`run`].
pub async fn run_command(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Meters(args) => {
            let site = Site::start(site_config(&args)?).await?;
            let control = open_control(args.control, site_answerer(site.oracle())).await?;
            let listening: Vec<_> = (0..site.buses()).map(|bus| site.listening_on(bus)).collect();
            ready(
                control.as_ref(),
                serde_json::json!({
                    "seed": site.seed(), "buses": site.buses(), "listening": listening,
                }),
            );
            tokio::signal::ctrl_c().await?;
            site.stop().await;
        }
        Command::Swarm(args) => {
            let swarm = Swarm::start(SwarmConfig {
                dial: args.dial,
                buses: args.buses,
                meters_per_bus: args.meters,
                baud: args.baud,
                turnaround_ms: args.turnaround_ms,
                prefix: args.prefix,
                sources: args.sources,
            });
            let swarm = swarm.map_err(CommandError::Bounds)?;
            let control = open_control(args.control, swarm.answerer()).await?;
            ready(control.as_ref(), serde_json::json!({"buses": args.buses}));
            tokio::signal::ctrl_c().await?;
        }
        Command::Idle(args) => {
            let idle = Idle::start(IdleConfig {
                dial: args.dial,
                count: args.count,
                first: args.first,
                heartbeat_s: args.heartbeat_s,
                heartbeat: args.heartbeat,
                prefix: args.prefix,
                sources: args.sources,
            });
            let idle = idle.map_err(CommandError::Bounds)?;
            let control = open_control(args.control, idle.answerer()).await?;
            ready(control.as_ref(), serde_json::json!({"connections": args.count}));
            tokio::signal::ctrl_c().await?;
        }
    }
    Ok(())
}

/// The site file with the words of the command line over it.
fn site_config(args: &Meters) -> Result<SiteConfig, CommandError> {
    let text = std::fs::read_to_string(&args.config)
        .map_err(|source| CommandError::File { path: args.config.clone(), source })?;
    let mut config = SiteConfig::from_toml(&text)?;
    config.seed = args.seed.unwrap_or(config.seed);
    config.speed = args.speed.unwrap_or(config.speed);
    for bus in config.buses.iter_mut().filter(|bus| bus.listen.is_none()) {
        bus.connect = args.dial.or(bus.connect);
    }
    Ok(config)
}

async fn open_control(
    address: Option<SocketAddr>,
    answerer: Answerer,
) -> Result<Option<Control>, CommandError> {
    match address {
        Some(address) => Ok(Some(Control::start(address, answerer).await?)),
        None => Ok(None),
    }
}

fn ready(control: Option<&Control>, mut line: serde_json::Value) {
    line["ready"] = true.into();
    line["control"] = control.map(|c| c.address().to_string()).into();
    println!("{line}");
}

//! The kiosk's window. It holds no truth: what is right while nobody looks is the terminal's,
//! what is drawn is the page's, and this keeps the page up, alone on the screen.

mod core;
mod glass;
mod life;
mod order;
mod rehearse;
mod root;
mod starts;
mod still;
mod watch;
mod window;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use gtk::glib;
use rustix::fs::{FlockOperation, flock};
use tracing_subscriber::EnvFilter;

use crate::{
    rehearse::Rehearsal,
    starts::{Line, Start},
};

const USAGE: &str = "usage: kiosk --rehearse   a panel without a server: no money, no meter";
/// Linux' name for this start of the machine.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

fn main() -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    if std::env::args().nth(1).as_deref() != Some("--rehearse") {
        bail!("{USAGE}");
    }
    let runtime = folder("RUNTIME_DIRECTORY");
    let _alone = alone(&runtime)?;
    match begin(&folder("STATE_DIRECTORY"))? {
        Start::Window => {}
        Start::Still => return still::show(),
        Start::Reboot => {
            if let Err(fault) = root::ask(Path::new(root::SOCKET), &root::Action::Reboot) {
                tracing::error!(%fault, "machine.not_restarted");
            }
            return still::show();
        }
    }
    let (give, orders) = mpsc::channel();
    order::listen(give);
    window::run(Arc::new(Rehearsal::new(now)), orders, runtime)
}

/// A folder systemd has made for this unit; the working folder without one.
fn folder(name: &str) -> PathBuf {
    std::env::var_os(name).map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// The wall clock, as the main loop's library tells it.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(glib::real_time()).unwrap_or_default()
}

/// One kiosk to a machine: two would fight for the printer and the card.
fn alone(folder: &Path) -> Result<File> {
    let path = folder.join("kiosk.lock");
    let file = File::create(&path).with_context(|| format!("{} is not there", path.display()))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).context("another kiosk runs here")?;
    Ok(file)
}

/// Remembers this beginning and says how it goes on.
fn begin(folder: &Path) -> Result<Start> {
    let path = folder.join("starts");
    let before = starts::read(&path);
    let boot = fs::read_to_string(BOOT).unwrap_or_default().trim().to_owned();
    let at_ms = now().timestamp_millis();
    let start = starts::decide(&before, at_ms, &boot);
    let this = Line { at_ms, boot, reboot: start == Start::Reboot };
    if let Err(fault) = starts::keep(&path, &before, &this) {
        tracing::warn!(%fault, "starts.unkept");
    }
    tracing::info!(?start, "kiosk.begins");
    Ok(start)
}

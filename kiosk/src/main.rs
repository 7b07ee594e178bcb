//! The kiosk's window. It holds no truth: what is right while nobody looks is the terminal's,
//! what is drawn is the page's, and this keeps the page up, alone on the screen.

mod cabinet;
mod core;
#[cfg_attr(windows, path = "platform/windows_glass.rs")]
mod glass;
mod house;
#[cfg_attr(windows, path = "platform/windows_life.rs")]
mod life;
mod order;
#[cfg_attr(windows, path = "platform/windows.rs")]
#[cfg_attr(not(windows), path = "platform/linux.rs")]
mod platform;
mod rehearse;
#[cfg_attr(windows, path = "platform/windows_root.rs")]
mod root;
mod starts;
#[cfg_attr(windows, path = "platform/windows_still.rs")]
mod still;
mod tail;
mod watch;
mod window;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use anyhow::{Context, Result, bail};
use terminal::{
    clock::SystemClock,
    config::Config,
    device::Papers,
    kiosk::{self, Kiosk},
};
use tracing_subscriber::EnvFilter;

use crate::{
    cabinet::Cabinet,
    house::House,
    rehearse::Rehearsal,
    starts::{Line, Start},
    tail::Tail,
    window::Frame,
};

const USAGE: &str = "usage: kiosk [--config FILE] [--window WIDTHxHEIGHT]\n\
    \u{20}      kiosk --forget     it is no longer who it was: an operator takes it up anew\n\
    \u{20}      kiosk --rehearse   a panel without a server: no money, no meter";
/// Where a technician writes down what hangs on this machine.
const CONFIG: &str = "/etc/kiosk/kiosk.toml";
/// The file of [`starts`], in the state folder.
const STARTS: &str = "starts";
/// Threads of the terminal; its own work waits on the network most of the time.
const WORKERS: usize = 2;
/// One kiosk to a machine: two would fight for the printer and the card.
const LOCK: &str = "kiosk.lock";

fn main() -> Result<()> {
    let tail = Tail::default();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(tail.clone()).init();
    let asked = Asked::read(std::env::args().skip(1))?;
    let (runtime, state) = (folder("RUNTIME_DIRECTORY"), folder("STATE_DIRECTORY"));
    let _alone = platform::alone(&runtime.join(LOCK))?;
    let config = match &asked {
        Asked::Forget => return Ok(Papers::of(&state).forget()?),
        Asked::Rehearse => None,
        Asked::Serve { config, .. } => Some(read(config)?),
    };
    // A demo is begun and ended by hand, as often as somebody likes.
    if config.as_ref().is_none_or(|config| !config.demo) {
        match begin(&state)? {
            Start::Window => {}
            Start::Still => return still::show(),
            Start::Reboot => {
                if let Err(fault) = root::ask(Path::new(root::SOCKET), &root::Action::Reboot) {
                    tracing::error!(%fault, "machine.not_restarted");
                }
                return still::show();
            }
        }
    }
    let (give, orders) = mpsc::channel();
    let (Some(config), Asked::Serve { frame, .. }) = (config, asked) else {
        order::listen(give);
        return window::run(Arc::new(Rehearsal::new(platform::now)), Frame::Panel, orders, runtime);
    };
    let workers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    tauri::async_runtime::set(workers.handle().clone());
    let cabinet = Arc::new(Cabinet::new(give, tail, state.join(STARTS)));
    let kiosk = {
        let _within = workers.enter();
        Kiosk::start(kiosk::Start {
            config,
            folder: state,
            machine: cabinet.clone(),
            ambient: Arc::new(SystemClock::new()),
            origin: Some(window::ORIGIN.to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })?
    };
    window::run(Arc::new(House::new(kiosk, cabinet)), frame, orders, runtime)
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Serve { config: PathBuf, frame: Frame },
    Forget,
    Rehearse,
}

impl Asked {
    fn read(words: impl Iterator<Item = String>) -> Result<Asked> {
        let (mut config, mut frame) = (PathBuf::from(CONFIG), Frame::Panel);
        let words: Vec<String> = words.collect();
        let mut left = words.iter().map(String::as_str);
        match words.first().map(String::as_str) {
            Some("--forget") if words.len() == 1 => return Ok(Asked::Forget),
            Some("--rehearse") if words.len() == 1 => return Ok(Asked::Rehearse),
            _ => {}
        }
        while let Some(word) = left.next() {
            match (word, left.next()) {
                ("--config", Some(path)) => config = PathBuf::from(path),
                ("--window", Some(size)) => {
                    let sides = size.split_once('x').context(USAGE)?;
                    frame = Frame::Desk(sides.0.parse()?, sides.1.parse()?);
                }
                _ => bail!("{USAGE}"),
            }
        }
        Ok(Asked::Serve { config, frame })
    }
}

fn read(path: &Path) -> Result<Config> {
    let text = fs::read_to_string(path).with_context(|| {
        format!("{} cannot be read: write server = \"https://…\"", path.display())
    })?;
    Config::read(&text).with_context(|| format!("{} is not understood", path.display()))
}

/// A folder systemd has made for this unit; the working folder without one.
fn folder(name: &str) -> PathBuf {
    std::env::var_os(name).map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Remembers this beginning and says how it goes on.
fn begin(folder: &Path) -> Result<Start> {
    let path = folder.join(STARTS);
    let before = starts::read(&path);
    let boot = platform::boot();
    let at_ms = platform::now().timestamp_millis();
    let start = starts::decide(&before, at_ms, &boot);
    let this = Line { at_ms, boot, reboot: start == Start::Reboot };
    if let Err(fault) = starts::keep(&path, &before, &this) {
        tracing::warn!(%fault, "starts.unkept");
    }
    tracing::info!(?start, "kiosk.begins");
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Option<Asked> {
        Asked::read(words.iter().map(|word| (*word).to_owned())).ok()
    }

    #[test]
    fn the_command_line_says_what_is_opened_and_nothing_else() {
        let serve = |config: &str, frame| Some(Asked::Serve { config: config.into(), frame });
        assert_eq!(asked(&[]), serve(CONFIG, Frame::Panel));
        let desk = Frame::Desk(540, 960);
        assert_eq!(asked(&["--config", "a.toml", "--window", "540x960"]), serve("a.toml", desk));
        assert_eq!(asked(&["--rehearse"]), Some(Asked::Rehearse));
        assert_eq!(asked(&["--forget"]), Some(Asked::Forget));
        for wrong in [
            &["--window"][..],
            &["--window", "540"],
            &["--config"],
            &["--help"],
            &["--forget", "x"],
        ] {
            assert_eq!(asked(wrong), None, "{wrong:?}");
        }
    }
}

//! Linux: one lock on a file, the main loop's clocks and timers, the kernel's name for a start.

use std::{
    fs::{self, File},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use gtk::glib;
use rustix::fs::{FlockOperation, flock};

/// Linux' name for this start of the machine.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// Where the page comes from.
pub const ORIGIN: &str = "tauri://localhost";

/// The wall clock, as the main loop's library tells it.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(glib::real_time()).unwrap_or_default()
}

/// Milliseconds of the clock that never jumps.
pub fn monotonic_ms() -> u64 {
    u64::try_from(glib::monotonic_time() / 1_000).unwrap_or_default()
}

/// Takes a file for this process alone, until it ends.
///
/// # Errors
/// If the file cannot be made, or another process has it.
pub fn alone(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("{} is not there", path.display()))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).context("another kiosk runs here")?;
    Ok(file)
}

/// What this start of the machine is called; another one is called otherwise.
pub fn boot() -> String {
    fs::read_to_string(BOOT).unwrap_or_default().trim().to_owned()
}

/// Does something again and again, on the thread of the main loop.
pub fn every(span: Duration, mut work: impl FnMut() + 'static) {
    glib::timeout_add_local(span, move || {
        work();
        glib::ControlFlow::Continue
    });
}

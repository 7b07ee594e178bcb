//! Windows: a file nobody else may open, and a thread for what is done again and again.

use std::{
    fs::{File, OpenOptions},
    os::windows::fs::OpenOptionsExt,
    path::Path,
    sync::OnceLock,
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use terminal::clock::{Clock, SystemClock};

/// Where the page comes from: WebView2 knows no schemes of our own.
pub const ORIGIN: &str = "http://tauri.localhost";

fn clock() -> &'static SystemClock {
    static CLOCK: OnceLock<SystemClock> = OnceLock::new();
    CLOCK.get_or_init(SystemClock::new)
}

/// The wall clock.
pub fn now() -> DateTime<Utc> {
    clock().now_wall()
}

/// Milliseconds of the clock that never jumps.
pub fn monotonic_ms() -> u64 {
    clock().now_ms()
}

/// Takes a file for this process alone, until it ends.
///
/// # Errors
/// If the file cannot be made, or another process has it.
pub fn alone(path: &Path) -> Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).share_mode(0).open(path);
    file.with_context(|| format!("{} is not there, or another kiosk's", path.display()))
}

/// Windows names no start of the machine: nothing here asks for a restart of it either.
pub fn boot() -> String {
    String::new()
}

/// Does something again and again, for as long as the process runs.
pub fn every(span: Duration, mut work: impl FnMut() + Send + 'static) {
    thread::spawn(move || {
        loop {
            thread::sleep(span);
            work();
        }
    });
}

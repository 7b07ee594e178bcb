//! Where the log of a long-running command goes.

use std::{fs::OpenOptions, io, path::Path, sync::Mutex};

use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt};

use super::{Done, Exit, Failure};
use crate::config::Log;

/// Sends the log to standard error, as text or JSON.
pub fn to_stderr(log: &Log) -> Done {
    let builder = fmt().with_env_filter(filter(log)?).with_writer(io::stderr);
    let set = match log.format.as_str() {
        "json" => builder.json().finish().try_init(),
        _ => builder.finish().try_init(),
    };
    set.map_err(|error| wrong(log).detail(error))
}

/// Appends the log to a file as text, because the terminal tells a story of its own.
pub fn to_file(log: &Log, file: &Path) -> Done {
    let opened = OpenOptions::new().create(true).append(true).open(file);
    let writer = Mutex::new(opened.map_err(|error| Failure::file(file, &error))?);
    let builder = fmt().with_env_filter(filter(log)?).with_ansi(false).with_writer(writer);
    builder.finish().try_init().map_err(|error| wrong(log).detail(error))
}

fn filter(log: &Log) -> Result<EnvFilter, Failure> {
    EnvFilter::try_new(&log.filter).map_err(|error| wrong(log).detail(error))
}

fn wrong(log: &Log) -> Failure {
    let zh = format!("[log] filter 不可用：{}", log.filter);
    Failure::new(Exit::Config, "log", zh, "[log] filter cannot be used")
        .fix("写成 info 或 info,vending=debug 这样", "write it as info or info,vending=debug")
}

//! What may be asked for, and who does it.

use std::{
    io::{BufRead, Read, Write},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::release::{self, Digest, Place};

/// The longest line that is read, in bytes.
const LINE_MAX: u64 = 512;

/// What may be asked for. Those without a field are written with braces: only so is a field that
/// nobody knows refused.
#[derive(Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
enum Action {
    /// Start the machine anew.
    Reboot {},
    /// Switch it off.
    PowerOff {},
    /// Start the display anew, and the kiosk with it.
    RestartDisplay {},
    /// Put a signed release in place, and take it back if it does not come up.
    Apply {
        /// SHA-256 of its archive.
        release: Digest,
    },
}

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done,
    Refused(String),
}

/// Answers one line, or settles what a power cut has left open.
///
/// # Errors
/// If the line or the answer cannot be passed, or a release was taken back.
pub fn run() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        // systemd asks at the start of the machine, if a release is on trial.
        Some("settle") => release::settle(&place(), restart, release::wait),
        Some(word) => bail!("{word:?} is nothing to ask for"),
        None => answer(),
    }
}

/// Hears one line and says what came of it.
fn answer() -> Result<()> {
    let mut line = String::new();
    std::io::stdin().lock().take(LINE_MAX).read_line(&mut line)?;
    let answer = match serde_json::from_str(&line).context("nobody knows that action").map(act) {
        Ok(Ok(())) => Answer::Done,
        Ok(Err(fault)) | Err(fault) => Answer::Refused(format!("{fault:#}")),
    };
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &answer)?;
    writeln!(out)?;
    Ok(())
}

fn act(action: Action) -> Result<()> {
    match action {
        Action::Reboot {} => systemctl(&["reboot"]),
        Action::PowerOff {} => systemctl(&["poweroff"]),
        Action::RestartDisplay {} => systemctl(&["restart", "kiosk-x.service"]),
        Action::Apply { release } => release::apply(&place(), &release, restart, release::wait),
    }
}

/// Where a kiosk's releases lie.
fn place() -> Place {
    Place {
        inbox: Path::new("/var/lib/kiosk/releases").to_owned(),
        key: Path::new("/etc/kiosk/release.key").to_owned(),
        home: Path::new("/opt/kiosk").to_owned(),
        health: Path::new("/run/kiosk/health").to_owned(),
    }
}

fn restart() -> Result<()> {
    systemctl(&["restart", "kiosk.service"])
}

fn systemctl(words: &[&str]) -> Result<()> {
    let ended = Command::new("/usr/bin/systemctl").args(words).status()?;
    if !ended.success() {
        bail!("systemctl {words:?} ended with {ended}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_in_the_list_is_understood() {
        let digest = "a7".repeat(32);
        let cases = [
            (r#"{"act":"reboot"}"#.to_owned(), true),
            (r#"{"act":"power_off"}"#.to_owned(), true),
            (r#"{"act":"restart_display"}"#.to_owned(), true),
            (format!(r#"{{"act":"apply","release":"{digest}"}}"#), true),
            (r#"{"act":"reboot","now":true}"#.to_owned(), false),
            (r#"{"act":"shell","line":"id"}"#.to_owned(), false),
            (r#"{"act":"apply","release":"../../etc/passwd"}"#.to_owned(), false),
            (format!(r#"{{"act":"apply","release":"{}"}}"#, "A7".repeat(32)), false),
            ("reboot".to_owned(), false),
            (String::new(), false),
        ];
        for (line, want) in cases {
            assert_eq!(serde_json::from_str::<Action>(&line).is_ok(), want, "{line}");
        }
    }
}

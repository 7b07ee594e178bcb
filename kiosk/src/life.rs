//! Tells systemd how this process is. It is told only while the main loop turns and the page lives
//! or is being brought back; whether the server answers is no part of it.

use std::{fs, path::Path};

use sd_notify::NotifyState;

/// How a process ends that asks to be begun anew.
pub const FAILED: i32 = 70;

/// The first page is up: systemd is told, and whoever has put this release in place.
pub fn ready(runtime: &Path) {
    let health = runtime.join("health");
    if let Err(fault) = fs::write(&health, env!("CARGO_PKG_VERSION")) {
        tracing::warn!(%fault, "health.unwritten");
    }
    tell(&[NotifyState::Ready]);
}

/// A still page stands, on purpose: that is no release that has come up.
pub fn stands() {
    tell(&[NotifyState::Ready]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(fault) = sd_notify::notify(states) {
        tracing::warn!(%fault, "systemd.unheard");
    }
}

/// Tells systemd at the rhythm it asks for.
#[derive(Default)]
pub struct Teller {
    last: Option<u64>,
}

impl Teller {
    /// One turn of the main loop at `now`, in milliseconds.
    pub fn tell(&mut self, now: u64, well: bool) {
        let Some(patience) = sd_notify::watchdog_enabled() else { return };
        // Half the time there is, so that one lost turn ends nothing.
        let span = u64::try_from(patience.as_millis() / 2).unwrap_or(u64::MAX);
        let due = self.last.is_none_or(|last| now.saturating_sub(last) >= span);
        if well && due {
            self.last = Some(now);
            tell(&[NotifyState::Watchdog]);
        }
    }
}

//! What only root may do is not done here: there is no `kiosk-root` on Windows.

use std::path::Path;

use anyhow::{Result, bail};

/// Where it would listen.
pub const SOCKET: &str = "kiosk-root";

/// What may be asked for.
#[derive(Debug)]
pub enum Action {
    /// Start the machine anew.
    Reboot,
    /// Switch it off.
    PowerOff,
    /// Put a signed release in place.
    Apply {
        /// SHA-256 of its archive.
        release: String,
    },
}

/// Refuses.
///
/// # Errors
/// Always.
pub fn ask(_: &Path, action: &Action) -> Result<()> {
    let what = match action {
        Action::Reboot => "a restart of the machine".to_owned(),
        Action::PowerOff => "the end of its power".to_owned(),
        Action::Apply { release } => format!("the release {release}"),
    };
    bail!("{what} cannot be asked for on this platform")
}

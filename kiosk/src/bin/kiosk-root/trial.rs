//! What is being tried, on the disk: a power cut forgets what `kiosk-root` was waiting for.

use std::{
    fs::{self, File},
    io::Write,
};

use anyhow::Result;

use crate::release::{Place, Version, remove};

/// A release that has yet to come up, and the one that runs again if it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The one before.
    pub before: Version,
    /// The new one.
    pub tried: Version,
}

impl Trial {
    /// Remembers it, before the link is turned.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn begin(self, place: &Place) -> Result<()> {
        let (path, beside) = (place.home.join("trial"), place.home.join("trial.new"));
        let mut file = File::create(&beside)?;
        writeln!(file, "{} {}", self.before, self.tried)?;
        file.sync_all()?;
        fs::rename(beside, path)?;
        Ok(File::open(&place.home)?.sync_all()?)
    }

    /// The one that is open; what cannot be read is none.
    pub fn open(place: &Place) -> Option<Trial> {
        let text = fs::read_to_string(place.home.join("trial")).ok()?;
        let (before, tried) = text.trim().split_once(' ')?;
        let version = |text: &str| Version::try_from(text.to_owned()).ok();
        Some(Trial { before: version(before)?, tried: version(tried)? })
    }

    /// Forgets it, once it is decided.
    ///
    /// # Errors
    /// If the disk does not allow it.
    pub fn end(place: &Place) -> Result<()> {
        remove(&place.home.join("trial"))
    }
}

//! Releases beside each other and one link that says which runs. A new one has to come up within a
//! minute, or the link goes back. What is not signed by the maker never gets that far.

use std::{
    fs::{self, File},
    io::ErrorKind,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use serde::Deserialize;

use crate::{proof::proven, trial::Trial, unpack::unpack};

/// How long a release has to come up, in seconds.
pub const HEALTH_S: u32 = 60;
/// The same where the whole machine begins, its display with it.
pub const HEALTH_BOOT_S: u32 = 180;

/// A SHA-256 in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Digest(String);

impl Digest {
    /// Its 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Digest, String> {
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        let right = text.len() == 64 && text.bytes().all(hex);
        if right { Ok(Digest(text)) } else { Err("not a digest".to_owned()) }
    }
}

/// `1.4.2`: three numbers that grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Version([u32; 3]);

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Version, String> {
        // A number may come with a sign where the language reads it; in a version none does.
        let number = |part: &str| {
            if part.starts_with('+') { None } else { part.parse().ok() }
        };
        let numbers: Option<Vec<u32>> = text.split('.').map(number).collect();
        let three = numbers.and_then(|numbers| <[u32; 3]>::try_from(numbers).ok());
        three.map(Version).ok_or_else(|| format!("{text:?} is not a version"))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// Where everything lies.
pub struct Place {
    /// Where the kiosk lays down what it has fetched: `DIGEST.tar`, `.json`, `.sig`.
    pub inbox: PathBuf,
    /// The maker's public key, 32 bytes in hexadecimal.
    pub key: PathBuf,
    /// `releases/VERSION/`, the link `current`, and `trial` while a release is tried.
    pub home: PathBuf,
    /// Written by a kiosk whose page is up: its version. It does not outlive the machine's start.
    pub health: PathBuf,
}

/// One look at whether a release is up; a second lies between two.
pub fn wait() {
    thread::sleep(Duration::from_secs(1));
}

/// Takes a file or a folder away; one that is not there is gone already.
///
/// # Errors
/// If the disk does not allow it.
pub fn remove(path: &Path) -> Result<()> {
    let found = fs::symlink_metadata(path);
    let gone = match found {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(fault) => Err(fault),
    };
    match gone {
        Err(fault) if fault.kind() != ErrorKind::NotFound => Err(fault.into()),
        _ => Ok(()),
    }
}

/// The release that runs, by its link.
pub fn current(place: &Place) -> Option<Version> {
    let target = fs::read_link(place.home.join("current")).ok()?;
    let name = target.file_name()?.to_str()?.to_owned();
    Version::try_from(name).ok()
}

/// Lets the link say that `version` runs; there is no moment without a link.
fn point(place: &Place, version: Version) -> Result<()> {
    let beside = place.home.join("next");
    remove(&beside)?;
    symlink(Path::new("releases").join(version.to_string()), &beside)?;
    fs::rename(beside, place.home.join("current"))?;
    Ok(File::open(&place.home)?.sync_all()?)
}

/// Puts a release in place. `restart` starts the kiosk anew, `look` lies between two looks at
/// whether it is up.
///
/// Invariant: whatever fails, the link names a release that lies there whole:
/// `whatever_is_wrong_with_an_archive_the_release_that_runs_stays`.
///
/// # Errors
/// If it is not signed, damaged, not newer, cannot be unpacked, or does not come up within a
/// minute; the former one then runs.
pub fn apply(
    place: &Place,
    release: &Digest,
    restart: impl Fn() -> Result<()>,
    look: impl Fn(),
) -> Result<()> {
    let release = proven(place, release)?;
    let (before, tried) = (current(place), release.version);
    ensure!(before.is_none_or(|before| tried > before), "it is not newer");
    unpack(place, &release)?;
    // An older start's word would speak for the new one.
    remove(&place.health)?;
    if let Some(before) = before {
        Trial { before, tried }.begin(place)?;
    }
    point(place, tried)?;
    let up = restart().and_then(|()| comes_up(place, tried, HEALTH_S, look));
    decide(place, tried, before, up, restart)
}

/// Ends what a power cut has left open: the release that was being tried has to come up in this
/// start of the machine, or the one before it runs again.
///
/// Invariant: a release that was never seen to be up does not outlive two starts of the machine:
/// `after_a_power_cut_a_release_on_trial_comes_up_or_is_taken_back`.
///
/// # Errors
/// If the release was taken back, or the disk does not allow it.
pub fn settle(place: &Place, restart: impl Fn() -> Result<()>, look: impl Fn()) -> Result<()> {
    let Some(trial) = Trial::open(place) else { return Trial::end(place) };
    if current(place) != Some(trial.tried) {
        // The power went before the link was turned, or after it had been turned back.
        return Trial::end(place);
    }
    let up = comes_up(place, trial.tried, HEALTH_BOOT_S, look);
    decide(place, trial.tried, Some(trial.before), up, restart)
}

/// Keeps a release that is up, and takes back one that is not.
fn decide(
    place: &Place,
    tried: Version,
    before: Option<Version>,
    up: Result<()>,
    restart: impl Fn() -> Result<()>,
) -> Result<()> {
    let Err(fault) = up else {
        Trial::end(place)?;
        // It runs: a folder that cannot be taken away is no reason to say that it does not.
        if let Err(fault) = sweep(place, tried, before) {
            eprintln!("older releases stay: {fault:#}");
        }
        return Ok(());
    };
    let Some(before) = before else {
        return Err(fault.context("there is no release to go back to"));
    };
    point(place, before)?;
    Trial::end(place)?;
    restart()?;
    Err(fault.context(format!("taken back to {before}")))
}

fn comes_up(place: &Place, version: Version, patience_s: u32, look: impl Fn()) -> Result<()> {
    for _ in 0..patience_s {
        let said = fs::read_to_string(&place.health).unwrap_or_default();
        if said.trim() == version.to_string() {
            return Ok(());
        }
        look();
    }
    bail!("{version} has not come up in {patience_s} s")
}

/// Keeps the release that runs and the one before; older ones go.
fn sweep(place: &Place, now: Version, before: Option<Version>) -> Result<()> {
    let kept: Vec<String> = [Some(now), before].iter().flatten().map(ToString::to_string).collect();
    for entry in fs::read_dir(place.home.join("releases"))? {
        let entry = entry?;
        if !kept.iter().any(|kept| entry.file_name() == kept.as_str()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A place where 0.1.0 runs.
    pub fn place(folder: &Path) -> Place {
        let place = Place {
            inbox: folder.join("inbox"),
            key: folder.join("key"),
            home: folder.join("home"),
            health: folder.join("health"),
        };
        fs::create_dir_all(&place.inbox).unwrap();
        fs::create_dir_all(place.home.join("releases/0.1.0")).unwrap();
        fs::write(place.home.join("releases/0.1.0/kiosk"), "0.1.0").unwrap();
        point(&place, Version([0, 1, 0])).unwrap();
        place
    }

    /// Lays the three files of a release into the inbox.
    pub fn lay(place: &Place, release: &Digest, archive: &[u8], manifest: &str, signature: &str) {
        let file = |kind: &str| place.inbox.join(format!("{}.{kind}", release.0));
        fs::write(file("tar"), archive).unwrap();
        fs::write(file("json"), manifest).unwrap();
        fs::write(file("sig"), signature).unwrap();
    }

    #[test]
    fn three_numbers_are_a_version_and_nothing_else_is() {
        let cases = [
            ("1.4.2", Some(Version([1, 4, 2]))),
            ("1.4", None),
            ("1.4.2.1", None),
            ("../1.4", None),
            ("1.4.x", None),
            ("1.+4.2", None),
            ("1..2", None),
        ];
        for (text, want) in cases {
            assert_eq!(Version::try_from(text.to_owned()).ok(), want, "{text}");
        }
        assert!(Version([0, 10, 0]) > Version([0, 9, 9]));
    }
}

//! Releases beside each other and one link that says which runs. A new one has to come up within a
//! minute, or the link goes back. What is not signed by the maker never gets that far.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use aws_lc_rs::{digest, signature};
use serde::Deserialize;

/// How long a release has to come up, in seconds.
const HEALTH_S: u32 = 60;
/// The largest archive, in bytes.
const ARCHIVE_MAX: u64 = 256 * 1024 * 1024;
/// Releases that are kept: the one that runs and the one before it.
const KEPT: usize = 2;

/// A SHA-256 in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Digest(String);

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Digest, String> {
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        let right = text.len() == 64 && text.bytes().all(hex);
        if right { Ok(Digest(text)) } else { Err("not a digest".to_owned()) }
    }
}

/// What the maker signs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    version: Version,
    sha256: Digest,
}

/// `1.4.2`: three numbers that grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Version([u32; 3]);

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Version, String> {
        let numbers: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
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
    /// `releases/VERSION/` and the link `current`.
    pub home: PathBuf,
    /// Written by a kiosk whose page is up: its version.
    pub health: PathBuf,
}

/// One look at whether a release is up; a second lies between two.
pub fn wait() {
    thread::sleep(Duration::from_secs(1));
}

fn unhex(path: &Path) -> Result<Vec<u8>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("{} is missing", path.display()))?;
    let text = text.trim();
    ensure!(text.len() % 2 == 0 && text.is_ascii(), "{} is not hexadecimal", path.display());
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16);
    let bytes: Result<Vec<u8>, _> = (0..text.len()).step_by(2).map(byte).collect();
    bytes.with_context(|| format!("{} is not hexadecimal", path.display()))
}

/// The manifest of a release, once its signature and its archive's digest are right.
fn proven(place: &Place, release: &Digest) -> Result<Manifest> {
    let file = |kind: &str| place.inbox.join(format!("{}.{kind}", release.0));
    let manifest = fs::read(file("json")).context("the release has no manifest")?;
    let key = signature::UnparsedPublicKey::new(&signature::ED25519, unhex(&place.key)?);
    let signed = key.verify(&manifest, &unhex(&file("sig"))?);
    ensure!(signed.is_ok(), "the release is not signed by its maker");
    let manifest: Manifest = serde_json::from_slice(&manifest)?;
    ensure!(manifest.sha256 == *release, "the manifest is another release's");
    let archive = file("tar");
    ensure!(fs::metadata(&archive)?.len() <= ARCHIVE_MAX, "the archive is too large");
    let found = digest::digest(&digest::SHA256, &fs::read(archive)?);
    let found: String = found.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(found == release.0, "the archive is damaged");
    Ok(manifest)
}

/// The release that runs, by its link.
fn current(place: &Place) -> Option<Version> {
    let target = fs::read_link(place.home.join("current")).ok()?;
    let name = target.file_name()?.to_str()?.to_owned();
    Version::try_from(name).ok()
}

/// Lets the link say that `version` runs; there is no moment without a link.
fn point(place: &Place, version: Version) -> Result<()> {
    let beside = place.home.join("next");
    let _ = fs::remove_file(&beside);
    symlink(Path::new("releases").join(version.to_string()), &beside)?;
    Ok(fs::rename(beside, place.home.join("current"))?)
}

/// Puts a release in place. `restart` starts the kiosk anew, `look` lies between two looks at
/// whether it is up.
///
/// Invariant: whatever fails, the link names a release that lies there whole:
/// `a_release_that_does_not_come_up_is_taken_back`.
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
    let manifest = proven(place, release)?;
    let before = current(place);
    ensure!(before.is_none_or(|before| manifest.version > before), "it is not newer");
    unpack(place, release, manifest.version)?;
    let _ = fs::remove_file(&place.health);
    point(place, manifest.version)?;
    let up = restart().and_then(|()| comes_up(place, manifest.version, look));
    let Err(fault) = up else {
        return sweep(place, manifest.version, before);
    };
    let Some(before) = before else {
        return Err(fault.context("there is no release to go back to"));
    };
    point(place, before)?;
    restart()?;
    Err(fault.context(format!("taken back to {before}")))
}

fn unpack(place: &Place, release: &Digest, version: Version) -> Result<()> {
    let archive = place.inbox.join(format!("{}.tar", release.0));
    let home = place.home.join("releases");
    let (whole, half) = (home.join(version.to_string()), home.join(format!("{version}.half")));
    for old in [&whole, &half] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    fs::create_dir_all(&half)?;
    let ended = Command::new("tar")
        .args(["--extract", "--no-same-owner", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(&half)
        .status()?;
    ensure!(ended.success(), "the archive cannot be unpacked");
    ensure!(half.join("kiosk").is_file(), "there is no kiosk in the archive");
    Ok(fs::rename(half, whole)?)
}

fn comes_up(place: &Place, version: Version, look: impl Fn()) -> Result<()> {
    for _ in 0..HEALTH_S {
        let said = fs::read_to_string(&place.health).unwrap_or_default();
        if said.trim() == version.to_string() {
            return Ok(());
        }
        look();
    }
    bail!("{version} has not come up in {HEALTH_S} s")
}

/// Keeps the release that runs and the one before; older ones go.
fn sweep(place: &Place, now: Version, before: Option<Version>) -> Result<()> {
    let kept: Vec<String> = [Some(now), before].iter().flatten().map(ToString::to_string).collect();
    debug_assert!(kept.len() <= KEPT);
    for entry in fs::read_dir(place.home.join("releases"))? {
        let entry = entry?;
        if !kept.iter().any(|kept| entry.file_name() == kept.as_str()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const KEY: &str = include_str!("../../../tests/release/key.hex");
    const MANIFEST: &str = include_str!("../../../tests/release/manifest.json");
    /// Made by OpenSSL, not by us.
    const SIGNATURE: &str = include_str!("../../../tests/release/signature.hex");

    fn place(folder: &Path) -> Place {
        let place = Place {
            inbox: folder.join("inbox"),
            key: folder.join("key"),
            home: folder.join("home"),
            health: folder.join("health"),
        };
        fs::create_dir_all(&place.inbox).unwrap();
        fs::create_dir_all(place.home.join("releases/0.1.0")).unwrap();
        fs::write(&place.key, KEY).unwrap();
        point(&place, Version([0, 1, 0])).unwrap();
        place
    }

    fn digest_of(bytes: &[u8]) -> Digest {
        let found = digest::digest(&digest::SHA256, bytes);
        Digest(found.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn lay(place: &Place, release: &Digest, archive: &[u8], manifest: &str, signature: &str) {
        let file = |kind: &str| place.inbox.join(format!("{}.{kind}", release.0));
        fs::write(file("tar"), archive).unwrap();
        fs::write(file("json"), manifest).unwrap();
        fs::write(file("sig"), signature).unwrap();
    }

    #[test]
    fn a_release_is_believed_only_with_its_makers_signature() {
        let good = b"a release".as_slice();
        let release = digest_of(good);
        let other = MANIFEST.replace("0.2.0", "0.9.9");
        let forged = format!("00{}", &SIGNATURE[2..]);
        let cases: [(&[u8], &str, &str, &str); 5] = [
            (good, MANIFEST, SIGNATURE, ""),
            (b"another", MANIFEST, SIGNATURE, "the archive is damaged"),
            (good, &other, SIGNATURE, "the release is not signed by its maker"),
            (good, MANIFEST, &forged, "the release is not signed by its maker"),
            (good, MANIFEST, "zz", "is not hexadecimal"),
        ];
        for (archive, manifest, signature, want) in cases {
            let folder = tempfile::tempdir().unwrap();
            let place = place(folder.path());
            lay(&place, &release, archive, manifest, signature);
            match proven(&place, &release) {
                Ok(manifest) => {
                    assert_eq!((manifest.version, want), (Version([0, 2, 0]), ""));
                }
                Err(fault) => {
                    let said = format!("{fault:#}");
                    assert!(!want.is_empty() && said.contains(want), "{said} for {want}");
                }
            }
        }
    }

    /// A signed archive with a kiosk in it, made with a key of this test's own.
    fn signed(place: &Place, version: &str) -> Digest {
        use aws_lc_rs::signature::KeyPair;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("kiosk"), version).unwrap();
        let archive = folder.path().join("archive.tar");
        let ended = Command::new("tar")
            .args(["--create", "--file"])
            .arg(&archive)
            .arg("--directory")
            .arg(folder.path())
            .arg("kiosk")
            .status()
            .unwrap();
        assert!(ended.success());
        let archive = fs::read(archive).unwrap();
        let release = digest_of(&archive);
        let manifest = format!(r#"{{"version":"{version}","sha256":"{}"}}"#, release.0);
        let pair = signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        fs::write(&place.key, hex(pair.public_key().as_ref())).unwrap();
        let signature = hex(pair.sign(manifest.as_bytes()).as_ref());
        lay(place, &release, &archive, &manifest, &signature);
        release
    }

    #[test]
    fn a_release_that_comes_up_stays_and_older_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        fs::create_dir_all(place.home.join("releases/0.0.9")).unwrap();
        let release = signed(&place, "0.2.0");
        let up = || Ok(fs::write(&place.health, "0.2.0\n")?);
        apply(&place, &release, up, || {}).unwrap();
        assert_eq!(current(&place), Some(Version([0, 2, 0])));
        assert_eq!(fs::read_to_string(place.home.join("current/kiosk")).unwrap(), "0.2.0");
        assert!(place.home.join("releases/0.1.0").exists());
        assert!(!place.home.join("releases/0.0.9").exists());
        let again = apply(&place, &release, up, || {}).unwrap_err();
        assert_eq!(again.to_string(), "it is not newer");
    }

    #[test]
    fn a_release_that_does_not_come_up_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let release = signed(&place, "0.2.0");
        let (starts, looks) = (Cell::new(0), Cell::new(0));
        let restart = || {
            starts.set(starts.get() + 1);
            // An old kiosk that still runs says its own version.
            Ok(fs::write(&place.health, "0.1.0")?)
        };
        let fault = apply(&place, &release, restart, || looks.set(looks.get() + 1)).unwrap_err();
        assert!(format!("{fault:#}").contains("taken back to 0.1.0"), "{fault:#}");
        assert_eq!(current(&place), Some(Version([0, 1, 0])));
        assert_eq!((starts.get(), looks.get()), (2, HEALTH_S));
    }

    #[test]
    fn three_numbers_are_a_version_and_nothing_else_is() {
        let cases = [
            ("1.4.2", Some(Version([1, 4, 2]))),
            ("1.4", None),
            ("1.4.2.1", None),
            ("../1.4", None),
            ("1.4.x", None),
        ];
        for (text, want) in cases {
            assert_eq!(Version::try_from(text.to_owned()).ok(), want, "{text}");
        }
        assert!(Version([0, 10, 0]) > Version([0, 9, 9]));
    }
}

//! What the kiosk has laid down is believed only with its maker's signature, and nothing is read
//! twice: whoever can write to the inbox could change it in between.

use std::{
    fs::{self, OpenOptions},
    io::Read,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, Result, ensure};
use aws_lc_rs::{digest, signature};
use rustix::fs::OFlags;
use serde::Deserialize;

use crate::release::{Digest, Place, Version};

/// The largest archive, in bytes.
const ARCHIVE_MAX: u64 = 256 * 1024 * 1024;
/// The longest manifest or signature, in bytes.
const WORDS_MAX: u64 = 4_096;

/// What the maker signs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    version: Version,
    sha256: Digest,
}

/// A release its maker has signed: these very bytes.
#[derive(Debug)]
pub struct Proven {
    /// Its version.
    pub version: Version,
    /// Its archive.
    pub archive: Vec<u8>,
}

/// Reads a file of the inbox: a plain one, and not more than `max` bytes.
fn read(path: &Path, max: u64) -> Result<Vec<u8>> {
    let shown = path.display();
    // A link could lead to a file only root may read, a pipe would hold us for ever.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.with_context(|| format!("{shown} is missing"))?;
    ensure!(file.metadata()?.is_file(), "{shown} is no file");
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes)?;
    ensure!(u64::try_from(bytes.len())? <= max, "{shown} is too large");
    Ok(bytes)
}

fn unhex(text: &[u8]) -> Result<Vec<u8>> {
    let text = std::str::from_utf8(text).unwrap_or_default().trim();
    let right = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    ensure!(right && !text.is_empty(), "a key or a signature is not hexadecimal");
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16);
    Ok((0..text.len()).step_by(2).map(byte).collect::<Result<_, _>>()?)
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let found = digest::digest(&digest::SHA256, bytes);
    found.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A release, once its signature and its archive's digest are right.
///
/// # Errors
/// If a file is missing, no plain file, too large, not signed by the maker, or not what was signed.
pub fn proven(place: &Place, release: &Digest) -> Result<Proven> {
    let file = |kind: &str| place.inbox.join(format!("{}.{kind}", release.as_str()));
    let manifest = read(&file("json"), WORDS_MAX)?;
    let key = fs::read(&place.key).context("the maker's key is missing")?;
    let key = signature::UnparsedPublicKey::new(&signature::ED25519, unhex(&key)?);
    let signed = key.verify(&manifest, &unhex(&read(&file("sig"), WORDS_MAX)?)?);
    ensure!(signed.is_ok(), "the release is not signed by its maker");
    let manifest: Manifest = serde_json::from_slice(&manifest)?;
    ensure!(manifest.sha256 == *release, "the manifest is another release's");
    let archive = read(&file("tar"), ARCHIVE_MAX)?;
    ensure!(sha256(&archive) == release.as_str(), "the archive is damaged");
    Ok(Proven { version: manifest.version, archive })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{lay, place};
    use std::os::unix::fs::symlink;

    const KEY: &str = include_str!("../../../tests/release/key.hex");
    const MANIFEST: &str = include_str!("../../../tests/release/manifest.json");
    /// Made by OpenSSL, not by us.
    const SIGNATURE: &str = include_str!("../../../tests/release/signature.hex");
    const GOOD: &[u8] = b"a release";

    #[test]
    fn a_release_is_believed_only_with_its_makers_signature() {
        let other = MANIFEST.replace("0.2.0", "0.9.9");
        let forged = format!("00{}", &SIGNATURE[2..]);
        let cases: [(&[u8], &str, &str, &str); 6] = [
            (GOOD, MANIFEST, SIGNATURE, ""),
            (b"another", MANIFEST, SIGNATURE, "the archive is damaged"),
            (GOOD, &other, SIGNATURE, "the release is not signed by its maker"),
            (GOOD, MANIFEST, &forged, "the release is not signed by its maker"),
            (GOOD, MANIFEST, "zz", "is not hexadecimal"),
            (GOOD, MANIFEST, "", "is not hexadecimal"),
        ];
        for (archive, manifest, signature, want) in cases {
            let folder = tempfile::tempdir().unwrap();
            let place = place(folder.path());
            fs::write(&place.key, KEY).unwrap();
            let release = Digest::try_from(sha256(GOOD)).unwrap();
            lay(&place, &release, archive, manifest, signature);
            match proven(&place, &release) {
                Ok(found) => assert_eq!((found.version.to_string().as_str(), want), ("0.2.0", "")),
                Err(fault) => {
                    let said = format!("{fault:#}");
                    assert!(!want.is_empty() && said.contains(want), "{said} for {want}");
                }
            }
        }
    }

    #[test]
    fn an_inbox_that_leads_elsewhere_or_never_ends_is_not_read() {
        let cases = [("/dev/zero", "is missing"), ("/etc/hostname", "is missing")];
        for (target, want) in cases {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("link");
            symlink(target, &path).unwrap();
            let fault = read(&path, WORDS_MAX).unwrap_err();
            assert!(fault.to_string().contains(want), "{target}: {fault:#}");
        }
        let fault = read(Path::new("/dev/zero"), WORDS_MAX).unwrap_err();
        assert!(fault.to_string().contains("is no file"), "{fault:#}");
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let fault = read(&pipe, WORDS_MAX).unwrap_err();
        assert!(fault.to_string().contains("is no file"), "{fault:#}");
        let long = folder.path().join("long");
        fs::write(&long, [0; 5]).unwrap();
        assert_eq!(read(&long, 5).unwrap(), [0; 5]);
        let fault = read(&long, 4).unwrap_err();
        assert!(fault.to_string().contains("is too large"), "{fault:#}");
    }
}

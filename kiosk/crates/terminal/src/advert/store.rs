//! Files named by what is in them, with the halves of those that are still being fetched.

use std::{
    collections::BTreeSet,
    fs::{self, File as Handle, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use kiosk_wire::content::File;

use super::{
    fetch::Broken,
    sniff::{HEAD_BYTES, media_type},
};
use crate::{disk, hex};

/// The most bytes of all files together.
pub const QUOTA: u64 = 2 * 1024 * 1024 * 1024;
/// What is left free on the disk for the journal, whatever the adverts want.
pub const FREE_MIN: u64 = 256 * 1024 * 1024;

/// The files of one folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    quota: u64,
}

impl Store {
    /// Opens it, made where it is missing. `quota` is [`QUOTA`] but in tests.
    pub fn open(folder: &Path, quota: u64) -> io::Result<Store> {
        fs::create_dir_all(folder)?;
        Ok(Store { folder: folder.to_owned(), quota })
    }

    /// Where a file lies. Only what is named by a digest has a place.
    pub fn path(&self, sha256: &str) -> Option<PathBuf> {
        hex::is_sha256(sha256).then(|| self.folder.join(sha256))
    }

    fn part(&self, sha256: &str) -> Option<PathBuf> {
        Some(self.path(sha256)?.with_extension("part"))
    }

    /// Whether a file is here, whole.
    pub fn has(&self, file: &File) -> bool {
        let path = self.path(&file.sha256);
        path.is_some_and(|path| length(&path) == Some(file.bytes))
    }

    /// How much of a file is here already.
    pub fn part_bytes(&self, file: &File) -> u64 {
        self.part(&file.sha256).and_then(|path| length(&path)).unwrap_or(0)
    }

    /// The bytes of all files and halves.
    pub fn used(&self) -> io::Result<u64> {
        let mut sum = 0_u64;
        for entry in fs::read_dir(&self.folder)? {
            sum = sum.saturating_add(entry?.metadata()?.len());
        }
        Ok(sum)
    }

    /// Whether this many more bytes may be written.
    pub fn has_room(&self, more: u64) -> io::Result<bool> {
        let fits = self.used()?.saturating_add(more) <= self.quota;
        let left = free(&self.folder).is_none_or(|free| free >= FREE_MIN.saturating_add(more));
        Ok(fits && left)
    }

    /// Opens the half of a file to go on with it, or anew.
    pub(super) fn go_on(&self, file: &File, anew: bool) -> io::Result<Handle> {
        let path = self.part(&file.sha256).ok_or(io::ErrorKind::InvalidInput)?;
        OpenOptions::new().create(true).append(!anew).write(true).truncate(anew).open(path)
    }

    /// Drops the half of a file.
    pub(super) fn drop_part(&self, file: &File) -> io::Result<()> {
        self.part(&file.sha256).map_or(Ok(()), |path| disk::remove(&path))
    }

    /// Makes a whole file out of a half that is complete, if it is what its name says.
    ///
    /// Invariant: no file has a digest's name that has not that digest
    /// (`a_file_comes_in_parts_over_a_broken_line_and_is_what_its_name_says`).
    pub(super) fn finish(&self, file: &File) -> io::Result<Result<(), Broken>> {
        let (Some(part), Some(path)) = (self.part(&file.sha256), self.path(&file.sha256)) else {
            return Ok(Err(Broken::Digest));
        };
        let (sum, head) = look(&part)?;
        let wrong = if sum != file.sha256 {
            Some(Broken::Digest)
        } else if media_type(&head) != Some(file.media_type.as_str()) {
            Some(Broken::Kind)
        } else {
            None
        };
        if let Some(wrong) = wrong {
            disk::remove(&part)?;
            return Ok(Err(wrong));
        }
        Handle::open(&part)?.sync_all()?;
        fs::rename(&part, &path)?;
        Handle::open(&self.folder)?.sync_all()?;
        Ok(Ok(()))
    }

    /// Removes what is not named any more; says how many files went.
    pub fn collect(&self, keep: &BTreeSet<String>) -> io::Result<usize> {
        let mut gone = 0;
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if !keep.contains(stem) {
                fs::remove_file(&path)?;
                gone += 1;
            }
        }
        Ok(gone)
    }
}

fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
}

/// The sum over a file and how it begins.
fn look(path: &Path) -> io::Result<(String, Vec<u8>)> {
    let mut file = Handle::open(path)?;
    let mut sum = digest::Context::new(&digest::SHA256);
    let mut head = Vec::new();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let n = file.read(&mut bytes)?;
        if n == 0 {
            return Ok((hex::encode(sum.finish().as_ref()), head));
        }
        sum.update(&bytes[..n]);
        let missing = HEAD_BYTES.saturating_sub(head.len()).min(n);
        head.extend_from_slice(&bytes[..missing]);
    }
}

/// Free bytes of the disk a folder lies on; `None` where the system does not say.
pub(crate) fn free(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(folder).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// Writes all of it; a full disk is told apart from everything else.
pub(super) fn write(handle: &mut Handle, bytes: &[u8]) -> io::Result<()> {
    handle.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> File {
        File {
            sha256: hex::sha256(bytes),
            bytes: bytes.len() as u64,
            media_type: "image/png".to_owned(),
        }
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0123456789";

    #[test]
    fn a_half_becomes_a_file_only_if_it_is_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), QUOTA).unwrap();
        let put = |file: &File, bytes: &[u8]| {
            write(&mut store.go_on(file, true).unwrap(), bytes).unwrap();
            store.finish(file).unwrap()
        };
        let png = file(PNG);
        assert_eq!(put(&png, &PNG[1..]), Err(Broken::Digest));
        assert_eq!(store.part_bytes(&png), 0, "what is wrong is not gone on with");
        assert_eq!(put(&file(b"<html>"), b"<html>"), Err(Broken::Kind));
        let jpeg = File { media_type: "image/jpeg".to_owned(), ..png.clone() };
        assert_eq!(put(&jpeg, PNG), Err(Broken::Kind));
        assert!(!store.has(&png));
        assert_eq!(put(&png, PNG), Ok(()));
        assert!(store.has(&png));
        assert!(!store.has(&File { bytes: 1, ..png }));
        assert_eq!(store.path("../secret"), None);
    }

    #[test]
    fn what_is_named_no_more_goes_and_the_quota_holds() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), 100).unwrap();
        let (one, two) = (file(b"one"), file(b"two"));
        for (file, bytes) in [(&one, b"one"), (&two, b"two")] {
            fs::write(store.path(&file.sha256).unwrap(), bytes).unwrap();
            write(&mut store.go_on(file, false).unwrap(), b"half").unwrap();
        }
        assert_eq!(store.used().unwrap(), 14);
        assert!(store.has_room(86).unwrap());
        assert!(!store.has_room(87).unwrap());
        assert!(!Store::open(folder.path(), u64::MAX).unwrap().has_room(u64::MAX / 2).unwrap());
        assert_eq!(store.collect(&BTreeSet::from([one.sha256.clone()])).unwrap(), 2);
        assert!(store.has(&one) && !store.has(&two));
        assert_eq!((store.part_bytes(&one), store.part_bytes(&two)), (4, 0));
    }
}

//! Which content stands on the screen: the last good one, until a page has said that it shows the
//! next.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use kiosk_wire::{
    channel::Up,
    content::{File, HomeContent},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::check::check;
use crate::disk;

/// How long a page may take to show new content, in milliseconds.
pub const CONFIRM_MS: u64 = 30_000;
/// With how many starts of the process new content may end before it counts as their cause.
pub const TRIES_MAX: u32 = 2;
/// The largest document, in bytes.
const DOCUMENT_MAX: u64 = 1024 * 1024;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Kept {
    good: Option<HomeContent>,
    next: Option<HomeContent>,
    /// How often the process was started with `next` on the screen.
    tries: u32,
    /// Refused versions are not tried again.
    refused: i64,
}

/// The content.
#[derive(Debug)]
pub struct Desk {
    path: PathBuf,
    kept: Kept,
    broken: BTreeSet<String>,
    /// When `next` was first on the screen; `None` while its files are fetched.
    trying_since_ms: Option<u64>,
    shown: Option<i64>,
}

impl Desk {
    /// Opens it. Where new content was on the screen at several ends of the process it is refused,
    /// and that is to be told.
    pub fn open(folder: &Path) -> io::Result<(Desk, Option<Up>)> {
        let path = folder.join("content.json");
        let kept = read::<Kept>(&path)?.unwrap_or_default();
        let broken = BTreeSet::new();
        let mut desk = Desk { path, kept, broken, trying_since_ms: None, shown: None };
        let told = if desk.kept.tries >= TRIES_MAX {
            desk.refuse("the program was started again twice while it was shown")?
        } else {
            None
        };
        Ok((desk, told))
    }

    /// Whether a version is worth fetching. An older one never is.
    pub fn wants(&self, version: i64) -> bool {
        let version_of = |content: &Option<HomeContent>| content.as_ref().map_or(0, |c| c.version);
        version > version_of(&self.kept.good)
            && version > version_of(&self.kept.next)
            && version > self.kept.refused
    }

    /// Takes a document. What cannot be shown is refused, and that is to be told.
    pub fn offer(&mut self, content: HomeContent) -> io::Result<Option<Up>> {
        if !self.wants(content.version) {
            return Ok(None);
        }
        if let Err(error) = check(&content) {
            let content_version = content.version;
            self.kept.refused = self.kept.refused.max(content_version);
            self.write()?;
            return Ok(Some(Up::NotShown { content_version, error }));
        }
        self.kept.next = Some(content);
        self.kept.tries = 0;
        self.trying_since_ms = None;
        // A file that was missing may be there now.
        self.broken.clear();
        self.write()?;
        Ok(None)
    }

    /// The files that are named, those of the next content first.
    pub fn files(&self) -> Vec<File> {
        let mut files: Vec<File> = Vec::new();
        for content in self.kept.next.iter().chain(&self.kept.good) {
            let of = content.playlist.iter().map(|advert| &advert.file);
            for file in content.logo.iter().chain(of) {
                if !files.iter().any(|other| other.sha256 == file.sha256) {
                    files.push(file.clone());
                }
            }
        }
        files
    }

    /// Whether the next content waits for this file.
    pub fn waits_for(&self, file: &File) -> bool {
        self.trying_since_ms.is_none()
            && !self.broken.contains(&file.sha256)
            && self.kept.next.as_ref().is_some_and(|next| names(next, &file.sha256))
    }

    /// A file will never be shown: the adverts that name it are left out. `true` the first time.
    pub fn break_file(&mut self, sha256: &str) -> bool {
        self.broken.insert(sha256.to_owned())
    }

    /// Whether a file is known to be broken.
    pub fn is_broken(&self, sha256: &str) -> bool {
        self.broken.contains(sha256)
    }

    /// Every file of the next content is here or broken: it may be shown.
    pub fn ready(&mut self, now_ms: u64) -> io::Result<()> {
        if self.kept.next.is_some() && self.trying_since_ms.is_none() {
            self.trying_since_ms = Some(now_ms);
            self.kept.tries += 1;
            self.write()?;
        }
        Ok(())
    }

    /// Whether there is new content whose files are not all here.
    pub fn is_fetching(&self) -> bool {
        self.kept.next.is_some() && self.trying_since_ms.is_none()
    }

    /// What stands on the screen, without what is broken.
    pub fn to_show(&self) -> HomeContent {
        let next = self.kept.next.as_ref().filter(|_| self.trying_since_ms.is_some());
        let mut content = next.or(self.kept.good.as_ref()).cloned().unwrap_or_default();
        content.playlist.retain(|advert| !self.broken.contains(&advert.file.sha256));
        content.logo = content.logo.filter(|logo| !self.broken.contains(&logo.sha256));
        content
    }

    /// A page says which version it shows. The first time that is to be told, and the next content
    /// becomes the good one.
    ///
    /// Invariant: content becomes the last good one only by a page's word
    /// (`new_content_replaces_the_good_one_only_when_a_page_shows_it`).
    pub fn confirm(&mut self, version: i64) -> io::Result<Option<Up>> {
        let trying = self.trying_since_ms.is_some();
        if trying && self.kept.next.as_ref().is_some_and(|next| next.version == version) {
            self.kept.good = self.kept.next.take();
            self.kept.tries = 0;
            self.trying_since_ms = None;
            self.write()?;
        }
        let is_good = self.kept.good.as_ref().is_some_and(|good| good.version == version);
        if !is_good || self.shown == Some(version) {
            return Ok(None);
        }
        self.shown = Some(version);
        Ok(Some(Up::Shown { content_version: version }))
    }

    /// Time passed. Where the home screen was up all the while (`home`), new content no page has
    /// shown by now is refused, and that is to be told; a customer at the screen costs it no time.
    pub fn tick(&mut self, home: bool, now_ms: u64) -> io::Result<Option<Up>> {
        let Some(since) = &mut self.trying_since_ms else { return Ok(None) };
        if !home {
            *since = now_ms;
            return Ok(None);
        }
        if now_ms < *since + CONFIRM_MS {
            return Ok(None);
        }
        self.refuse("no page showed it in time")
    }

    /// The page died or hung: if new content was on it, that is refused.
    pub fn page_failed(&mut self, why: &str) -> io::Result<Option<Up>> {
        if self.trying_since_ms.is_some() { self.refuse(why) } else { Ok(None) }
    }

    /// The version a page has said it shows, since this start of the process.
    pub fn shown(&self) -> Option<i64> {
        self.shown
    }

    fn refuse(&mut self, error: &str) -> io::Result<Option<Up>> {
        self.trying_since_ms = None;
        self.kept.tries = 0;
        let Some(next) = self.kept.next.take() else { return Ok(None) };
        self.kept.refused = self.kept.refused.max(next.version);
        self.write()?;
        Ok(Some(Up::NotShown { content_version: next.version, error: error.to_owned() }))
    }

    fn write(&self) -> io::Result<()> {
        let bytes = serde_json::to_vec(&self.kept).map_err(io::Error::other)?;
        disk::replace(&self.path, &bytes, disk::PLAIN)
    }
}

fn names(content: &HomeContent, sha256: &str) -> bool {
    content.logo.iter().any(|logo| logo.sha256 == sha256)
        || content.playlist.iter().any(|advert| advert.file.sha256 == sha256)
}

/// Reads a document; one that is damaged is none, the server has it.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    // Two documents stand in one file.
    let bytes = disk::read(path, 2 * DOCUMENT_MAX)?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

#[cfg(test)]
mod tests {
    use kiosk_wire::text::Text;

    use super::*;

    fn content(version: i64, company: &str) -> HomeContent {
        let logo = Some(File {
            sha256: format!("{version:064x}"),
            bytes: 1,
            media_type: "image/png".to_owned(),
        });
        HomeContent { version, company: Text::new(company, ""), logo, ..HomeContent::default() }
    }

    fn not_shown(up: Option<Up>) -> i64 {
        let Some(Up::NotShown { content_version, .. }) = up else { panic!("{up:?}") };
        content_version
    }

    #[test]
    fn new_content_replaces_the_good_one_only_when_a_page_shows_it() {
        let folder = tempfile::tempdir().unwrap();
        let (mut desk, _) = Desk::open(folder.path()).unwrap();
        assert_eq!(desk.to_show(), HomeContent::default());
        desk.offer(content(1, "one")).unwrap();
        assert_eq!(desk.to_show().version, 0, "its files are not here");
        assert_eq!(desk.confirm(1).unwrap(), None, "nobody can have shown it");
        desk.ready(0).unwrap();
        assert_eq!(desk.to_show().version, 1);
        assert_eq!(desk.confirm(1).unwrap(), Some(Up::Shown { content_version: 1 }));
        assert_eq!(desk.confirm(1).unwrap(), None, "told once");
        // The second one is never confirmed: it goes, the first comes back and stays.
        desk.offer(content(2, "two")).unwrap();
        desk.ready(10_000).unwrap();
        assert_eq!(desk.to_show().version, 2);
        assert_eq!(desk.tick(false, 15_000).unwrap(), None, "a customer stands there");
        assert_eq!(desk.tick(true, 15_000 + CONFIRM_MS - 1).unwrap(), None);
        assert_eq!(not_shown(desk.tick(true, 15_000 + CONFIRM_MS).unwrap()), 2);
        assert_eq!(desk.to_show().version, 1);
        assert_eq!(desk.confirm(2).unwrap(), None, "too late");
        let (desk, told) = Desk::open(folder.path()).unwrap();
        assert_eq!((desk.to_show().version, told), (1, None));
        assert!(!desk.wants(2) && !desk.wants(1) && desk.wants(3));
    }

    #[test]
    fn old_content_and_content_that_cannot_be_shown_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (mut desk, _) = Desk::open(folder.path()).unwrap();
        desk.offer(content(5, "five")).unwrap();
        desk.ready(0).unwrap();
        let _ = desk.confirm(5).unwrap();
        assert_eq!(desk.offer(content(4, "old")).unwrap(), None);
        assert_eq!(desk.to_show().company.zh, "five");
        assert_eq!(not_shown(desk.offer(content(6, "bad\u{7}")).unwrap()), 6);
        assert_eq!(desk.to_show().company.zh, "five");
        assert_eq!(desk.page_failed("crashed").unwrap(), None, "the good one is not to blame");
        desk.offer(content(7, "crashes pages")).unwrap();
        desk.ready(0).unwrap();
        assert_eq!(not_shown(desk.page_failed("crashed").unwrap()), 7);
        assert_eq!(desk.to_show().company.zh, "five");
    }

    #[test]
    fn content_that_ends_the_process_is_refused_at_the_third_start() {
        let folder = tempfile::tempdir().unwrap();
        let (mut desk, _) = Desk::open(folder.path()).unwrap();
        desk.offer(content(1, "deadly")).unwrap();
        desk.ready(0).unwrap();
        let (mut desk, told) = Desk::open(folder.path()).unwrap();
        assert_eq!(told, None, "once may be chance");
        desk.ready(0).unwrap();
        let (desk, told) = Desk::open(folder.path()).unwrap();
        assert_eq!(not_shown(told), 1);
        assert_eq!(desk.to_show().version, 0);
    }

    #[test]
    fn a_broken_file_takes_only_its_own_advert_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let (mut desk, _) = Desk::open(folder.path()).unwrap();
        desk.offer(content(1, "one")).unwrap();
        let logo = desk.files().remove(0);
        assert!(desk.waits_for(&logo));
        assert!(desk.break_file(&logo.sha256));
        assert!(!desk.break_file(&logo.sha256), "told once");
        assert!(!desk.waits_for(&logo));
        desk.ready(0).unwrap();
        assert_eq!(desk.to_show().logo, None);
        assert_eq!(desk.to_show().company.zh, "one");
    }
}

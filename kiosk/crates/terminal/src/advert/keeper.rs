//! Keeps what should be on the kiosk on it: fetches newer documents and their files, tries again
//! when the line comes back, throws away what is named no more.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kiosk_wire::{
    channel::{Down, Up},
    content::{File, Holidays, HomeContent},
};
use tokio::sync::{Notify, watch};

use super::{
    desk::{Desk, read},
    fetch::{FetchEnd, fetch},
    media::Media,
    store::Store,
};
use crate::{
    ambient::Ambient,
    call::Failure,
    disk,
    link::{Backoff, Link, Mouth},
};

/// The longest wait before what is missing is tried again, in milliseconds.
pub const RETRY_MAX_MS: u64 = 300_000;
/// The shortest.
const RETRY_FIRST_MS: u64 = 2_000;
/// It looks by itself this often, in milliseconds.
const LOOK_EVERY_MS: u64 = 600_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Versions {
    content: i64,
    settings: i64,
    holidays: i64,
}

/// Everything of the home screen that comes from the server.
pub struct Keeper {
    link: Arc<Link>,
    mouth: Arc<Mouth>,
    media: Arc<Media>,
    ambient: Arc<dyn Ambient>,
    store: Store,
    desk: Mutex<Desk>,
    folder: PathBuf,
    wanted: Mutex<Versions>,
    changed: Notify,
    holidays: watch::Sender<Holidays>,
    content: watch::Sender<HomeContent>,
}

/// What is missing will be tried again.
struct Later;

impl Keeper {
    /// Opens a folder with what was good before.
    pub fn open(
        folder: &Path,
        store: Store,
        link: Arc<Link>,
        mouth: Arc<Mouth>,
        media: Arc<Media>,
        ambient: Arc<dyn Ambient>,
    ) -> io::Result<Keeper> {
        let (desk, told) = Desk::open(folder)?;
        told.into_iter().for_each(|up| mouth.say(up));
        let holidays = read(&folder.join("holidays.json"))?.unwrap_or_default();
        let keeper = Keeper {
            link,
            mouth,
            media,
            ambient,
            store,
            desk: Mutex::new(desk),
            folder: folder.to_owned(),
            wanted: Mutex::default(),
            changed: Notify::new(),
            holidays: watch::Sender::new(holidays),
            content: watch::Sender::new(HomeContent::default()),
        };
        keeper.publish();
        Ok(keeper)
    }

    /// What stands on the home screen, and every change of it.
    pub fn content(&self) -> watch::Receiver<HomeContent> {
        self.content.subscribe()
    }

    /// The days off, and every change of them.
    pub fn holidays(&self) -> watch::Receiver<Holidays> {
        self.holidays.subscribe()
    }

    /// The version a page has said it shows.
    pub fn shown(&self) -> Option<i64> {
        self.desk().shown()
    }

    /// Whether a file can be played.
    pub fn is_here(&self, file: &File) -> bool {
        self.store.has(file)
    }

    /// Where the page finds all of them: `http://127.0.0.1:PORT/TOKEN`.
    pub fn base(&self) -> String {
        self.media.base()
    }

    /// Where the page finds a file.
    pub fn address(&self, file: &File) -> String {
        self.media.address(&file.sha256)
    }

    /// A page could not play a file: it is left out from now on, and told.
    pub fn unplayable(&self, file: &File) {
        self.lost("advert_unplayable", file);
        self.publish();
    }

    fn lost(&self, name: &str, file: &File) {
        if self.desk().break_file(&file.sha256) {
            self.mouth.fault(name, file.sha256.clone());
        }
    }

    /// Takes what the server says there should be.
    pub fn hear(&self, down: &Down) {
        if let Down::Versions { content, settings, holidays } = *down {
            let wanted = Versions { content, settings, holidays };
            *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
            self.changed.notify_one();
        }
    }

    /// A page says which version it shows.
    pub fn confirm(&self, version: i64) {
        self.told(|desk| desk.confirm(version));
    }

    /// Time passed; `home` where the home screen was up.
    pub fn tick(&self, home: bool) {
        let now_ms = self.ambient.now_ms();
        self.told(|desk| desk.tick(home, now_ms));
    }

    /// The page died or hung.
    pub fn page_failed(&self, why: &str) {
        self.told(|desk| desk.page_failed(why));
    }

    fn told(&self, work: impl FnOnce(&mut Desk) -> io::Result<Option<Up>>) {
        let told = work(&mut self.desk());
        match told {
            Ok(Some(up)) => {
                self.mouth.say(up);
                self.publish();
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the content cannot be kept"),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what is to be shown before the page, and nothing else.
    fn publish(&self) {
        let content = self.desk().to_show();
        let adverts = content.playlist.iter().map(|advert| &advert.file);
        let files = content.logo.iter().chain(adverts).filter(|file| self.store.has(file));
        let served = files.filter_map(|f| Some((f.clone(), self.store.path(&f.sha256)?)));
        self.media.serve(served);
        self.content.send_if_modified(|was| {
            let new = *was != content;
            *was = content;
            new
        });
    }

    /// Works until it is dropped.
    pub async fn run(self: Arc<Keeper>) {
        let mut backoff = Backoff::new(RETRY_FIRST_MS, RETRY_MAX_MS);
        loop {
            let wait = match self.turn().await {
                Ok(()) => {
                    backoff.worked();
                    LOOK_EVERY_MS
                }
                Err(Later) => RETRY_FIRST_MS + backoff.failed(&*self.ambient),
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = self.ambient.sleep(wait) => {}
            }
        }
    }

    async fn turn(&self) -> Result<(), Later> {
        let wanted = *self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let held = self.link.settings().borrow().as_ref().map_or(0, |settings| settings.version);
        let mut all = Ok(());
        if wanted.settings > held {
            all = all.and(self.link.fetch_settings().await.map(drop).map_err(later));
        }
        if wanted.holidays > self.holidays.borrow().version {
            all = all.and(self.fetch_holidays().await);
        }
        if self.desk().wants(wanted.content) {
            all = all.and(self.fetch_content().await);
        }
        all.and(self.fetch_files().await)
    }

    async fn fetch_holidays(&self) -> Result<(), Later> {
        let holidays = self.link.holidays().await.map_err(later)?;
        if holidays.version > self.holidays.borrow().version {
            let bytes = serde_json::to_vec(&holidays).unwrap_or_default();
            let path = self.folder.join("holidays.json");
            disk::replace(&path, &bytes, disk::PLAIN).map_err(not_kept)?;
            self.holidays.send_replace(holidays);
        }
        Ok(())
    }

    async fn fetch_content(&self) -> Result<(), Later> {
        let content = self.link.content().await.map_err(later)?;
        self.told(|desk| desk.offer(content));
        Ok(())
    }

    async fn fetch_files(&self) -> Result<(), Later> {
        let files = self.desk().files();
        let keep: BTreeSet<String> = files.iter().map(|file| file.sha256.clone()).collect();
        self.store.collect(&keep).map_err(not_kept)?;
        let mut all = Ok(());
        for file in files.iter().filter(|file| !self.store.has(file)) {
            if self.desk().is_broken(&file.sha256) {
                continue;
            }
            let name = match fetch(&self.link, &self.store, file).await {
                Ok(()) => continue,
                Err(FetchEnd::Broken(_)) => "advert_broken",
                Err(FetchEnd::Full) => "advert_no_room",
                Err(error) => {
                    tracing::info!(%error, "a file is not here yet");
                    all = Err(Later);
                    continue;
                }
            };
            self.lost(name, file);
        }
        let waits = files.iter().any(|f| !self.store.has(f) && self.desk().waits_for(f));
        if !waits {
            let now_ms = self.ambient.now_ms();
            self.desk().ready(now_ms).map_err(not_kept)?;
        }
        self.publish();
        all
    }
}

fn later(failure: Failure) -> Later {
    tracing::info!(?failure, "a document is not here yet");
    Later
}

fn not_kept(error: io::Error) -> Later {
    tracing::error!(%error, "what the server sent cannot be kept");
    Later
}

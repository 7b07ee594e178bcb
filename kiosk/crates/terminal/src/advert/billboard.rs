//! What is shown while nobody is there: one after the other, each for its time, counted while it is
//! really on the screen.

use std::{collections::BTreeMap, sync::Arc};

use kiosk_wire::{
    content::{Advert, HomeContent},
    text::Text,
};

use super::{
    keeper::Keeper,
    playlist::{Rota, is_due, local},
    proof::Proof,
};
use crate::{
    ambient::Ambient,
    link::{Link, Mouth},
};

/// A file whose showing ends at once this often in a row cannot be played.
pub const QUICK_MAX: u8 = 2;
/// At once, in milliseconds.
const QUICK_MS: u64 = 1_000;

/// What the page puts on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poster {
    /// Where the page finds it.
    pub url: String,
    /// `image` or `video`.
    pub media: &'static str,
    /// Read beside it.
    pub title: Text,
    /// This showing; told back with the end.
    pub play: u64,
}

/// What the page and the session say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// Whether adverts are on the screen now.
    pub on_screen: bool,
    /// The showing the page says has ended.
    pub ended: Option<u64>,
    /// What the page can play.
    pub plays: &'a [String],
}

struct Current {
    advert: Advert,
    poster: Poster,
    since_ms: Option<u64>,
}

/// Whose turn it is.
pub struct Billboard {
    keeper: Arc<Keeper>,
    link: Arc<Link>,
    mouth: Arc<Mouth>,
    ambient: Arc<dyn Ambient>,
    rota: Rota,
    proof: Proof,
    play: u64,
    current: Option<Current>,
    quick: BTreeMap<String, u8>,
}

impl Billboard {
    /// Over what the keeper has.
    pub fn new(
        keeper: Arc<Keeper>,
        link: Arc<Link>,
        mouth: Arc<Mouth>,
        ambient: Arc<dyn Ambient>,
    ) -> Billboard {
        Billboard {
            keeper,
            link,
            mouth,
            ambient,
            rota: Rota::default(),
            proof: Proof::default(),
            play: 0,
            current: None,
            quick: BTreeMap::new(),
        }
    }

    /// Asked at every beat of the page: what is, or would be, on the screen; `None` where there is
    /// nothing to show.
    pub fn turn(&mut self, seen: Seen<'_>) -> Option<&Poster> {
        let now_ms = self.ambient.now_ms();
        self.watch(seen, now_ms);
        if !self.stays(seen, now_ms) {
            self.proof.stop(now_ms);
            self.current = self.choose(seen);
        }
        let server_now = self.link.server_now();
        if let Some(current) = self.current.as_mut().filter(|_| seen.on_screen)
            && current.since_ms.is_none()
        {
            current.since_ms = Some(now_ms);
            let file = &current.advert.file.sha256;
            self.proof.begin(current.poster.play, file, server_now, now_ms);
        }
        let ambient = &self.ambient;
        if let Some(up) = self.proof.take(now_ms, || ambient.fresh()) {
            self.mouth.say(up);
        }
        self.current.as_ref().map(|current| &current.poster)
    }

    /// Ends what has ended, and notes what ended at once.
    fn watch(&mut self, seen: Seen<'_>, now_ms: u64) {
        let Some(current) = &mut self.current else { return };
        let Some(since) = current.since_ms else { return };
        if !seen.on_screen {
            // Somebody touched it: the same one has its turn again later.
            current.since_ms = None;
            self.proof.stop(now_ms);
        } else if seen.ended == Some(current.poster.play) {
            let file = current.advert.file.clone();
            let quick = self.quick.entry(file.sha256.clone()).or_default();
            *quick = if now_ms < since + QUICK_MS { *quick + 1 } else { 0 };
            if *quick >= QUICK_MAX {
                self.quick.remove(&file.sha256);
                self.keeper.unplayable(&file);
            }
        }
    }

    /// Whether the one on the screen stays there.
    fn stays(&self, seen: Seen<'_>, now_ms: u64) -> bool {
        let Some(current) = &self.current else { return false };
        let over = current.since_ms.is_some_and(|since| {
            now_ms >= since.saturating_add(u64::from(current.advert.seconds) * 1_000)
        });
        let ended = seen.on_screen && seen.ended == Some(current.poster.play);
        let content = self.keeper.content();
        let listed = content.borrow().playlist.contains(&current.advert);
        !over && !ended && listed && is_due(&current.advert, self.wall())
    }

    fn choose(&mut self, seen: Seen<'_>) -> Option<Current> {
        let content: HomeContent = self.keeper.content().borrow().clone();
        let (keeper, wall) = (Arc::clone(&self.keeper), self.wall());
        let here = |file: &_| keeper.is_here(file);
        let advert = self.rota.next(&content.playlist, wall, seen.plays, here)?.clone();
        self.play += 1;
        let video = advert.file.media_type.starts_with("video/");
        let poster = Poster {
            url: self.keeper.address(&advert.file),
            media: if video { "video" } else { "image" },
            title: advert.title.clone(),
            play: self.play,
        };
        Some(Current { advert, poster, since_ms: None })
    }

    fn wall(&self) -> chrono::NaiveDateTime {
        local(self.link.time(|time, wall, now_ms| time.best(wall, now_ms)))
    }
}

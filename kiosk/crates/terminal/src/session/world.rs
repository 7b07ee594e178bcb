//! What the session knows about the kiosk itself.

use kiosk_wire::{content::HomeContent, device::Settings, heartbeat::Printer, text::Text};

use super::{Change, Pairing, SKEW_MS_MAX, Showing};
use crate::{view::Day, words};

/// What is known.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) pairing: Pairing,
    pub(crate) link_up: bool,
    pub(crate) heard_ms: Option<u64>,
    pub(crate) skew_ms: i64,
    pub(crate) journal: bool,
    pub(crate) printer: Printer,
    pub(crate) reader: String,
    pub(crate) content: HomeContent,
    pub(crate) logo: Option<String>,
    pub(crate) media: Option<String>,
    pub(crate) settings: Settings,
    pub(crate) day: Day,
    pub(crate) advert: Option<Showing>,
    pub(crate) watched: bool,
    pub(crate) demo: bool,
    pub(crate) revoked: bool,
    pub(crate) locked: Option<Text>,
}

impl World {
    /// Nothing is known but that the journal was opened: no link, no wallet, no printer.
    pub(crate) fn new() -> World {
        World {
            pairing: Pairing::Starting,
            link_up: false,
            heard_ms: None,
            skew_ms: 0,
            journal: true,
            printer: Printer::default(),
            reader: "none".to_owned(),
            content: HomeContent::default(),
            logo: None,
            media: None,
            settings: Settings {
                version: 0,
                site: String::new(),
                number: String::new(),
                printer_required: false,
                paper_mm: 80,
                wallets: Vec::new(),
                cards: false,
                dark_from: String::new(),
                dark_until: String::new(),
            },
            day: Day::default(),
            advert: None,
            watched: false,
            demo: false,
            revoked: false,
            locked: None,
        }
    }

    pub(crate) fn take(&mut self, at_ms: u64, change: Change) {
        match change {
            Change::Pairing(pairing) => self.pairing = pairing,
            Change::Link { up } => self.link_up = up,
            Change::Heard => self.heard_ms = Some(at_ms),
            Change::Skew { ms } => self.skew_ms = ms,
            Change::Journal { writable } => self.journal = writable,
            Change::Printer(printer) => self.printer = printer,
            Change::Reader(reader) => self.reader = reader,
            Change::Content(content, logo) => {
                self.content = *content;
                self.logo = logo;
            }
            Change::Media(base) => self.media = Some(base),
            Change::Settings(settings) => self.settings = *settings,
            Change::Day(day) => self.day = *day,
            Change::Advert(advert) => self.advert = advert,
            Change::Watched(watched) => self.watched = watched,
            Change::Demo(demo) => self.demo = demo,
            Change::Revoked(revoked) => self.revoked = revoked,
            Change::Locked(text) => self.locked = text,
        }
    }

    /// How long ago the server was last heard; `None` = never.
    pub(crate) fn heard_age_ms(&self, at_ms: u64) -> Option<u64> {
        self.heard_ms.map(|heard| at_ms.saturating_sub(heard))
    }

    /// Whether the printer can print as far as is known.
    pub(crate) fn can_print(&self) -> bool {
        can_print(&self.printer)
    }

    /// Whether card meters are served.
    pub(crate) fn cards(&self) -> bool {
        self.settings.cards && !matches!(self.reader.as_str(), "none" | "lost")
    }

    /// Why nothing can be paid now; `None` = it can. Figures may be looked at all the same.
    pub(crate) fn closed(&self) -> Option<Text> {
        if !self.link_up {
            Some(words::closed_offline())
        } else if self.skew_ms.unsigned_abs() > SKEW_MS_MAX {
            Some(words::closed_clock())
        } else if self.settings.printer_required && !self.can_print() {
            Some(words::closed_printer())
        } else if self.settings.wallets.is_empty() {
            Some(words::closed_wallets())
        } else {
            None
        }
    }

    /// Why the kiosk serves nobody; `None` = it does.
    pub(crate) fn out_of_service(&self) -> Option<(&'static str, Text)> {
        if self.revoked {
            Some(("revoked", words::out_revoked()))
        } else if !self.journal {
            Some(("disk", words::out_disk()))
        } else {
            let text = self.locked.clone()?;
            let said = if text.zh.is_empty() { words::out_locked() } else { text };
            Some(("locked", said))
        }
    }
}

/// Whether a printer in this state prints a receipt.
pub(crate) fn can_print(printer: &Printer) -> bool {
    matches!(printer.state.as_str(), "ready" | "near_end")
}

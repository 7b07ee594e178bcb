//! What an operator has set for one kiosk.

use kiosk_wire::device::Settings;
use serde::{Deserialize, Serialize};
use store::{kiosk::Kiosk, site};

use crate::{
    desk::Desk,
    failure::{Failure, Result},
};

/// What is stored; what a kiosk is told has its site, number and version besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wishes {
    /// See [`Settings::printer_required`].
    pub printer_required: bool,
    /// See [`Settings::paper_mm`].
    pub paper_mm: u16,
    /// See [`Settings::wallets`].
    pub wallets: Vec<String>,
    /// See [`Settings::cards`].
    pub cards: bool,
    /// See [`Settings::dark_from`].
    pub dark_from: String,
    /// See [`Settings::dark_until`].
    pub dark_until: String,
}

impl Default for Wishes {
    fn default() -> Self {
        Wishes {
            printer_required: false,
            paper_mm: 80,
            wallets: vec!["wechat".to_owned(), "alipay".to_owned()],
            cards: false,
            dark_from: String::new(),
            dark_until: String::new(),
        }
    }
}

impl Wishes {
    /// What is stored for a kiosk.
    pub fn of(kiosk: &Kiosk) -> Result<Wishes> {
        serde_json::from_str(&kiosk.settings).map_err(|error| Failure::internal(&error))
    }

    /// Refuses what no kiosk can follow, by the field's name.
    pub fn check(&self) -> Result<()> {
        let known = |wallet: &String| matches!(wallet.as_str(), "wechat" | "alipay");
        let mut wallets = self.wallets.clone();
        wallets.sort();
        wallets.dedup();
        if !matches!(self.paper_mm, 58 | 80) {
            return Err(Failure::Malformed("paper_mm"));
        }
        if wallets.len() != self.wallets.len() || !self.wallets.iter().all(known) {
            return Err(Failure::Malformed("wallets"));
        }
        if self.dark_from.is_empty() != self.dark_until.is_empty() {
            return Err(Failure::Malformed("dark_until"));
        }
        for (time, field) in [(&self.dark_from, "dark_from"), (&self.dark_until, "dark_until")] {
            if !time.is_empty() && !is_minute(time) {
                return Err(Failure::Malformed(field));
            }
        }
        Ok(())
    }
}

/// True for `HH:MM`.
pub fn is_minute(text: &str) -> bool {
    text.len() == 5 && chrono::NaiveTime::parse_from_str(text, "%H:%M").is_ok()
}

/// What a kiosk is told.
pub async fn of(desk: &Desk, kiosk: &Kiosk) -> Result<Settings> {
    let wishes = Wishes::of(kiosk)?;
    let site = site::project(desk.store().read(), kiosk.project()).await?;
    Ok(Settings {
        version: kiosk.settings_version,
        site: site.map(|site| site.name).unwrap_or_default(),
        number: kiosk.number.clone(),
        printer_required: wishes.printer_required,
        paper_mm: wishes.paper_mm,
        wallets: wishes.wallets,
        cards: wishes.cards,
        dark_from: wishes.dark_from,
        dark_until: wishes.dark_until,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_no_kiosk_can_follow_are_refused_by_name() {
        let usual = Wishes::default();
        assert!(usual.check().is_ok());
        let night = Wishes {
            dark_from: "23:30".to_owned(),
            dark_until: "05:00".to_owned(),
            ..usual.clone()
        };
        assert!(night.check().is_ok());
        let table = [
            (Wishes { paper_mm: 57, ..usual.clone() }, "paper_mm"),
            (Wishes { wallets: vec!["cash".to_owned()], ..usual.clone() }, "wallets"),
            (Wishes { wallets: vec!["alipay".to_owned(); 2], ..usual.clone() }, "wallets"),
            (Wishes { dark_until: String::new(), ..night.clone() }, "dark_until"),
            (Wishes { dark_from: "24:00".to_owned(), ..night.clone() }, "dark_from"),
            (Wishes { dark_until: "5:00".to_owned(), ..night }, "dark_until"),
        ];
        for (wishes, field) in table {
            let got = wishes.check();
            assert!(matches!(got, Err(Failure::Malformed(f)) if f == field), "{got:?} {field}");
        }
    }
}

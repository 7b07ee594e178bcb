//! The words of supply: one state, with what it was, since when and why.

use chrono::{DateTime, Utc};
use gateway::item::state;
use serde::Serialize;
use store::{meter::Meter, supply::Supply};
use utoipa::ToSchema;

/// A meter's supply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SupplyView {
    /// `on`, `off`, `waiting` (待合闸确认), `offline`, `kept` (保电) or `unknown`.
    #[schema(example = "on")]
    pub state: String,
    /// `on` or `off`: what was last read, where the state says something else first.
    pub was: Option<String>,
    /// When the meter was last seen so.
    pub at: Option<DateTime<Utc>>,
    /// Since when the state stands, where that is known.
    pub since: Option<DateTime<Utc>>,
    /// Why there is none: `arrears`, `by-tenant` or `by-operator`.
    pub reason: Option<String>,
    /// `on` or `off`: what is wished, while it is not so yet.
    pub wanted: Option<String>,
}

/// What is known of a meter's supply.
pub struct Seen<'a> {
    /// The meter.
    pub meter: &'a Meter,
    /// False where it has neither relay nor valve.
    pub has_switch: bool,
    /// Since when its gateway is gone; `None` while it is there.
    pub offline_since: Option<DateTime<Utc>>,
    /// What was steered.
    pub row: Option<&'a Supply>,
    /// What a scan last read of the relay or valve.
    pub scanned: Option<(i64, DateTime<Utc>)>,
    /// True where the money is used up.
    pub out_of_money: bool,
}

impl Seen<'_> {
    /// What the relay or valve was last read to be, whichever way that was, and when.
    pub fn actual(&self) -> (&'static str, Option<DateTime<Utc>>) {
        let steered = self.row.and_then(|row| Some((word(&row.actual), row.actual_at?)));
        let scanned = self.scanned.map(|(value, at)| (word_of(value), at));
        let (word, at) = match (steered, scanned) {
            // Whichever was read later tells.
            (Some(steered), Some(scanned)) if scanned.1 > steered.1 => scanned,
            (Some(steered), _) => steered,
            (None, Some(scanned)) => scanned,
            (None, None) => return ("unknown", None),
        };
        (word, Some(at))
    }

    /// The view.
    pub fn view(&self) -> SupplyView {
        let (actual, at) = self.actual();
        let known = matches!(actual, "on" | "off");
        let state = match (self.offline_since, actual) {
            (Some(_), _) => "offline",
            (None, "on") if self.meter.keeps_power() => "kept",
            (None, actual) => actual,
        };
        let was = (known && state != actual).then(|| actual.to_owned());
        let desired = self.row.map_or("none", |row| row.desired.as_str());
        let since = match (actual, desired) {
            _ if self.offline_since.is_some() => self.offline_since,
            ("off", "off") => self.row.map(|row| row.desired_at),
            ("on", _) => self.row.and_then(|row| row.restored_at),
            _ => None,
        };
        let wanted = match (desired, actual) {
            ("on", "off" | "unknown" | "waiting") => Some("on".to_owned()),
            ("off", "on" | "unknown") => Some("off".to_owned()),
            _ => None,
        };
        SupplyView {
            state: state.to_owned(),
            was,
            at,
            since,
            reason: self.reason(actual).map(str::to_owned),
            wanted,
        }
    }

    /// Why there is no supply, where there is none.
    pub fn reason(&self, actual: &str) -> Option<&'static str> {
        if !matches!(actual, "off" | "waiting") {
            return None;
        }
        let by = self.row.filter(|row| row.desired == "off").map(|row| row.desired_reason.as_str());
        match by {
            Some("arrears") => Some("arrears"),
            Some(vending::supply::switch::REASON_TENANT) => Some("by-tenant"),
            Some(vending::supply::switch::REASON_OPERATOR) => Some("by-operator"),
            _ if self.out_of_money => Some("arrears"),
            _ => None,
        }
    }
}

fn word(actual: &str) -> &'static str {
    match actual {
        "on" => "on",
        "off" => "off",
        "waiting" => "waiting",
        _ => "unknown",
    }
}

fn word_of(value: i64) -> &'static str {
    match value {
        state::ON => "on",
        state::OFF => "off",
        state::WAITING => "waiting",
        _ => "unknown",
    }
}

//! Finding a meter and seeing how it stands.
//!
//! A meter is named by a *handle*: a word that is good for one kiosk and a quarter of an hour. The
//! kiosk never sees an account's or a person's id, and what cannot be found answers exactly like
//! what is somebody else's.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text::Text;

/// The most matches one look-up answers with.
pub const MATCHES_MAX: usize = 24;
/// The most entries of one step of the cascade.
pub const ROOMS_MAX: usize = 500;

/// `POST /lookups/meter`: by the number printed on the meter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterLookup {
    /// The number, 6 to 12 digits.
    pub number: String,
}

/// `GET /rooms?under={id}`: one step of 楼栋 → 单元 → 房号 at this kiosk's site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rooms {
    /// What can be chosen.
    pub nodes: Vec<RoomNode>,
}

/// One entry of the cascade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomNode {
    /// Its name in `under` and in [`RoomLookup`].
    pub id: String,
    /// What stands on the button, `5 栋`.
    pub label: String,
    /// True for a room, false for something that has more beneath it.
    pub room: bool,
}

/// `POST /lookups/room`: the meters of a room. Whoever chose it proves with the last four digits
/// of the meter's number that they stand before their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomLookup {
    /// From [`RoomNode`].
    pub room: String,
    /// The last four digits of one of its meters.
    pub last_four: String,
}

/// `POST /lookups/phone`: sends a code to that number if it is on file; the answer is the same if
/// it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneLookup {
    /// A mobile number, 11 digits.
    pub phone: String,
}

/// A code is on its way, or is not; nobody can tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneAsked {
    /// Names this question in [`PhoneProof`].
    pub challenge: Uuid,
    /// `138****1234`.
    pub masked: String,
    /// How long the code is good for.
    pub expires_in_ms: u64,
    /// When another may be asked for.
    pub again_in_ms: u64,
}

/// `POST /lookups/phone/code`: the six digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneProof {
    /// From [`PhoneAsked`].
    pub challenge: Uuid,
    /// Six digits.
    pub code: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matches {
    /// At most [`MATCHES_MAX`]; empty = nothing there, or nothing of theirs.
    pub matches: Vec<Match>,
}

/// One meter that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// Names it from now on.
    pub handle: String,
    /// `和园公寓 5-1-0803`.
    pub place: String,
    /// `electricity`, `water` or `gas`.
    pub purpose: String,
    /// The last four digits of its number.
    pub meter_tail: String,
    /// Its whole number, where whoever asks has typed it.
    pub meter_number: Option<String>,
    /// Whose it is, masked: `张*三`.
    pub holder: Option<String>,
}

/// A figure with its age; without an age there is no figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aged {
    /// The value: fen, Wh or litres.
    pub value: i64,
    /// When the meter said so, or the books did.
    pub at: DateTime<Utc>,
    /// How old it is by the server's clock.
    pub age_ms: u64,
    /// True where it was just read from the meter.
    pub live: bool,
}

/// How a meter stands: `GET /meters/{handle}`, and the answer to `POST /meters/{handle}/read`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// What was asked for.
    #[serde(flatten)]
    pub matched: Match,
    /// `platform` (the purse is with us), `meter` (the meter keeps it) or `card` (carried by card).
    pub money_model: String,
    /// What is left, in fen; negative = owed.
    pub balance_fen: Option<Aged>,
    /// What the register shows, in Wh or litres.
    pub register: Option<Aged>,
    /// Used today, this month, in Wh or litres.
    pub used_today: Option<Aged>,
    /// See `used_today`.
    pub used_month: Option<Aged>,
    /// The price now, in ten-thousandths of a yuan per kWh or m³.
    pub price_e4: Option<i64>,
    /// `on`, `off`, `confirm`, `offline`, `kept`, `moving` or `unknown`.
    pub supply: String,
    /// Since when, or why, for people.
    pub supply_text: Text,
    /// What brings the light back, in fen, where there is none for want of money.
    pub restore_fen: Option<i64>,
    /// What may be paid.
    pub amounts: Amounts,
    /// Why nothing can be paid for it now; `None` = it can.
    pub closed: Option<Text>,
    /// Whether the read that was asked for reached the meter; `None` = none was asked for.
    pub read: Option<ReadOutcome>,
}

/// What came of a live read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadOutcome {
    /// The figures are the meter's of this moment.
    Fresh,
    /// It did not answer; the figures are the last known ones.
    Silent,
    /// Its gateway is offline.
    Offline,
}

/// What may be paid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// The usual ones, in fen.
    pub usual_fen: Vec<i64>,
    /// The least.
    pub min_fen: i64,
    /// The most.
    pub max_fen: i64,
}

/// `POST /quotes`: what an amount comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteRequest {
    /// The meter.
    pub handle: String,
    /// The amount.
    pub amount_fen: i64,
}

/// What an amount comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The amount.
    pub amount_fen: i64,
    /// The fee in it.
    pub fee_fen: i64,
    /// Roughly how much that is, in Wh or litres; `None` where prices differ over the day.
    pub quantity: Option<i64>,
    /// What will be left, as far as is known.
    pub balance_after_fen: Option<i64>,
    /// Whether the light comes back with it; `None` where it is there.
    pub restores: Option<bool>,
}

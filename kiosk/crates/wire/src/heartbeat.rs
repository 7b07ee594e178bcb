//! How a kiosk is.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Between two heartbeats over the WebSocket, in milliseconds.
pub const BEAT_MS: u64 = 10_000;
/// Between two polls where there is no WebSocket, in milliseconds.
pub const POLL_MS: u64 = 15_000;

/// How a kiosk is, every [`BEAT_MS`] or [`POLL_MS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// This start of the process.
    pub boot_id: Uuid,
    /// How long it has run.
    pub uptime_ms: u64,
    /// Where its session stands, by the name of its state.
    pub state: String,
    /// For how long.
    pub state_for_ms: u64,
    /// Whether that is a state without a customer.
    pub idle: bool,
    /// Its version.
    pub version: String,
    /// The version of the home content that is really shown, once a page has said so.
    pub content_version: Option<i64>,
    /// Out of service by an operator's word.
    pub locked: bool,
    /// The printer.
    pub printer: Printer,
    /// The card reader: `none`, `ready`, `card` or `lost`.
    pub reader: String,
    /// Whether a touch screen is there; `None` where that is not known.
    pub touch: Option<bool>,
    /// Free bytes of the disk.
    pub disk_free: Option<u64>,
    /// Resident memory of the process, in bytes.
    pub memory: Option<u64>,
    /// Resident memory of the page's process, in bytes.
    pub page_memory: Option<u64>,
    /// Tenths of a degree Celsius.
    pub temperature: Option<i32>,
    /// Local wall clock minus the server's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// The age of the page's last sign of life.
    pub page_beat_age_ms: Option<u64>,
    /// The age of the last picture of the screen that differed from the one before, while idle.
    pub picture_age_ms: Option<u64>,
    /// Lines of the journal the server has not been told about.
    pub journal_open: u64,
    /// What the page can play: `mp4`, `webm`.
    pub plays: Vec<String>,
    /// Stable names of what is wrong.
    pub faults: Vec<String>,
}

/// A printer as its status tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printer {
    /// `ready`, `near_end`, `paper_out`, `cover_open`, `cutter`, `offline`, `unknown` or `none`.
    pub state: String,
    /// Millimetres left on the roll, as counted since it was changed.
    pub paper_mm: Option<i64>,
}

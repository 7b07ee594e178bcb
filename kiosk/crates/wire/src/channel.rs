//! The channel beside the money: the same messages over the WebSocket (`GET /channel`) and, where
//! there is none, by `POST /poll` every 15 s.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    command::{Command, CommandReport},
    heartbeat::Heartbeat,
};

/// The most messages one poll or one frame carries.
pub const MESSAGES_MAX: usize = 64;
/// The largest frame or poll, in bytes.
pub const FRAME_MAX: usize = 256 * 1024;

/// From the kiosk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Up {
    /// How it is.
    Heartbeat(Box<Heartbeat>),
    /// How far a command is; sent again until [`Down::Heard`] names it.
    Report(CommandReport),
    /// A page has confirmed that it shows this version of the content.
    Shown {
        /// The version.
        content_version: i64,
    },
    /// Content that could not be shown; the last good version stays.
    NotShown {
        /// The version.
        content_version: i64,
        /// Why.
        error: String,
    },
    /// Adverts that were shown (proof of play).
    Played {
        /// This message; told twice it counts once.
        id: Uuid,
        /// What was shown.
        plays: Vec<Play>,
    },
    /// What the journal knew of a session that a crash or power cut ended.
    Abandoned {
        /// This message; told twice it counts once.
        id: Uuid,
        /// The order, if there was one.
        order: Option<Uuid>,
        /// The step it stood at.
        step: String,
    },
    /// Something went wrong that a person should know.
    Fault {
        /// This message; told twice it counts once.
        id: Uuid,
        /// Its stable name: `page_crashed`, `page_hung`, `picture_frozen`, `command_forged`, …
        name: String,
        /// More, for a person.
        detail: String,
    },
}

/// One showing of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Play {
    /// The file, by its SHA-256 in hexadecimal.
    pub file: String,
    /// When it began, by the kiosk's clock as corrected by the server's.
    pub at: DateTime<Utc>,
    /// For how long.
    pub shown_ms: u64,
}

/// From the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Down {
    /// Something to do.
    Command(Command),
    /// A message was kept, or refused for good: it need not be said again.
    Heard {
        /// The id of the message or of the command it reports on.
        id: Uuid,
    },
    /// What should be on the kiosk by now; whoever has an older version fetches it.
    Versions {
        /// Of [`crate::content::HomeContent`].
        content: i64,
        /// Of [`crate::device::Settings`].
        settings: i64,
        /// Of [`crate::content::Holidays`].
        holidays: i64,
    },
    /// An order of this kiosk has moved: fetch it. Never money by itself.
    OrderMoved {
        /// The order.
        order: Uuid,
    },
    /// The server's clock.
    Time {
        /// By the server.
        now: DateTime<Utc>,
    },
    /// This kiosk is no longer let in.
    Revoked,
}

/// `POST /poll`: what the kiosk has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// At most [`MESSAGES_MAX`].
    pub up: Vec<Up>,
}

/// What the server has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Polled {
    /// At most [`MESSAGES_MAX`]; the rest comes with the next poll.
    pub down: Vec<Down>,
    /// Messages of this poll nothing was kept of; the others were heard all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedMessage>,
}

/// A message that would not be kept either if it were said again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedMessage {
    /// Its place in the poll, from 0.
    pub at: u32,
    /// Its id, where one can be read.
    pub id: Option<Uuid>,
    /// What it calls itself; empty where that cannot be read.
    pub name: String,
    /// Why: `unreadable`, `malformed`, `too_large` or `other_start`.
    pub why: String,
}

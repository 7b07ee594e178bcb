//! What an operator asks of a kiosk from afar: signed, expiring, done once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::signed::Bytes;

/// A command as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// This command; one id is carried out once.
    pub id: Uuid,
    /// What to do, by its stable name; see [`Verb`].
    pub verb: String,
    /// What it needs to know: the text of a JSON object. It stays text so that both sides sign the
    /// same bytes.
    pub args: String,
    /// When it was ordered, by the server.
    pub issued_at: DateTime<Utc>,
    /// When it is void, by the server.
    pub expires_at: DateTime<Utc>,
    /// The only start of the process it is meant for; `None` where any will do.
    pub boot_id: Option<Uuid>,
    /// The command key's signature over [`Command::to_sign`], 64 bytes in hexadecimal.
    pub signature: String,
}

impl Command {
    /// What the server signs, for one kiosk.
    pub fn to_sign(&self, kiosk_id: Uuid) -> Vec<u8> {
        let boot = self.boot_id.map(|id| id.as_bytes().to_vec()).unwrap_or_default();
        Bytes::named("kiosk-command-v1")
            .and(kiosk_id.as_bytes())
            .and(&boot)
            .and(self.id.as_bytes())
            .and(self.verb.as_bytes())
            .and(self.args.as_bytes())
            .and(&self.issued_at.timestamp_micros().to_be_bytes())
            .and(&self.expires_at.timestamp_micros().to_be_bytes())
            .finish()
    }
}

/// What can be asked of a kiosk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// A picture of the screen, personal data masked; args `{upload, full}`.
    Screenshot,
    /// End the customer's session; refused once money may have moved.
    CancelSession,
    /// Out of service until unlocked; args `{zh, en}`.
    Lock,
    /// In service again.
    Unlock,
    /// End the process; it is started again.
    RestartApp,
    /// Start the machine again.
    Reboot,
    /// Switch the machine off.
    Shutdown,
    /// Print a receipt again, marked 补打; args `{order}`.
    Reprint,
    /// Print a test page.
    TestPrint,
    /// A new roll was put in; args `{mm}`.
    SetPaperChanged,
    /// Forget the printer's or reader's error and try again.
    ClearError,
    /// Send the log; args `{upload}`.
    UploadLogs,
    /// Look at everything and report.
    SelfTest,
    /// Ask the server for the time.
    SyncTime,
    /// Go to another release; args `{version, digest, signature}`.
    Update,
}

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 15] = [
        Verb::Screenshot,
        Verb::CancelSession,
        Verb::Lock,
        Verb::Unlock,
        Verb::RestartApp,
        Verb::Reboot,
        Verb::Shutdown,
        Verb::Reprint,
        Verb::TestPrint,
        Verb::SetPaperChanged,
        Verb::ClearError,
        Verb::UploadLogs,
        Verb::SelfTest,
        Verb::SyncTime,
        Verb::Update,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Screenshot => "screenshot",
            Verb::CancelSession => "cancel_session",
            Verb::Lock => "lock",
            Verb::Unlock => "unlock",
            Verb::RestartApp => "restart_app",
            Verb::Reboot => "reboot",
            Verb::Shutdown => "shutdown",
            Verb::Reprint => "reprint",
            Verb::TestPrint => "test_print",
            Verb::SetPaperChanged => "set_paper_changed",
            Verb::ClearError => "clear_error",
            Verb::UploadLogs => "upload_logs",
            Verb::SelfTest => "self_test",
            Verb::SyncTime => "sync_time",
            Verb::Update => "update",
        }
    }

    /// Reads such a name; `None` for any other text.
    pub fn from_name(name: &str) -> Option<Verb> {
        Verb::ALL.into_iter().find(|verb| verb.as_str() == name)
    }

    /// Whether it is bound to one start of the process, and told as done by the next.
    pub fn is_power(self) -> bool {
        matches!(self, Verb::RestartApp | Verb::Reboot | Verb::Shutdown)
    }

    /// How long it is good for, in seconds; `None` for a state that holds until it is changed.
    pub fn life_s(self) -> Option<i64> {
        match self {
            Verb::Screenshot => Some(30),
            Verb::CancelSession => Some(60),
            Verb::Lock | Verb::Unlock => None,
            Verb::Reprint => Some(600),
            Verb::Update => Some(86_400),
            _ => Some(300),
        }
    }
}

/// How far a command is, as the kiosk reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandReport {
    /// The command.
    pub id: Uuid,
    /// How far.
    #[serde(flatten)]
    pub state: CommandState,
}

/// How far a command is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CommandState {
    /// Taken, to be done.
    Accepted,
    /// Not now.
    Deferred {
        /// `session`, `money`, `card`, `printing` or `window`.
        reason: String,
        /// When it is tried at the latest.
        until_ms: u64,
    },
    /// Not at all.
    Refused {
        /// `signature`, `boot`, `unknown_verb`, `args`, `money`, `card`, `too_often`, …
        reason: String,
    },
    /// It came too late.
    Expired,
    /// Being done.
    Running,
    /// Done.
    Done {
        /// What came of it.
        result: Value,
    },
    /// It could not be done.
    Failed {
        /// Why.
        error: String,
    },
}

impl CommandState {
    /// Whether nothing more comes.
    pub fn is_final(&self) -> bool {
        !matches!(
            self,
            CommandState::Accepted | CommandState::Deferred { .. } | CommandState::Running
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_read_by_its_own_name_and_no_other() {
        for verb in Verb::ALL {
            assert_eq!(Verb::from_name(verb.as_str()), Some(verb));
        }
        assert_eq!(Verb::from_name("format_disk"), None);
    }

    #[test]
    fn every_field_of_a_command_is_signed() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let command = Command {
            id: Uuid::from_u128(1),
            verb: "reboot".to_owned(),
            args: "{}".to_owned(),
            issued_at: at("2026-11-21T06:00:00Z"),
            expires_at: at("2026-11-21T06:05:00Z"),
            boot_id: Some(Uuid::from_u128(2)),
            signature: String::new(),
        };
        let kiosk = Uuid::from_u128(3);
        let changed = [
            Command { id: Uuid::from_u128(9), ..command.clone() },
            Command { verb: "shutdown".to_owned(), ..command.clone() },
            Command { args: "{\"force\":true}".to_owned(), ..command.clone() },
            Command { issued_at: command.expires_at, ..command.clone() },
            Command { expires_at: command.issued_at, ..command.clone() },
            Command { boot_id: None, ..command.clone() },
        ];
        for other in &changed {
            assert_ne!(other.to_sign(kiosk), command.to_sign(kiosk), "{other:?}");
        }
        assert_ne!(command.to_sign(kiosk), command.to_sign(Uuid::from_u128(4)));
    }
}

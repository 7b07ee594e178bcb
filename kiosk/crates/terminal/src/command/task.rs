//! A command read: its verb with what it needs to know.

use kiosk_wire::{command::Verb, text::Text};
use serde::{Deserialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::hex;

/// The longest arguments that are read, in bytes.
pub const ARGS_MAX: usize = 4096;
/// The longest sentence of a lock, in characters.
const TEXT_MAX: usize = 200;
/// The longest roll, in millimetres.
const ROLL_MAX_MM: u32 = 500_000;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Send a picture of the screen.
    Screenshot {
        /// The one-time name it is sent under.
        upload: String,
        /// Whole size instead of half.
        full: bool,
    },
    /// End the customer's session.
    CancelSession,
    /// Out of service, with this sentence.
    Lock {
        /// Why, for people.
        text: Text,
    },
    /// In service again.
    Unlock,
    /// End the process; it is started again.
    RestartApp {
        /// Without waiting for a customer.
        force: bool,
    },
    /// Start the machine again.
    Reboot {
        /// Without waiting for a customer.
        force: bool,
    },
    /// Switch the machine off.
    Shutdown {
        /// Without waiting for a customer.
        force: bool,
    },
    /// Print a receipt again.
    Reprint {
        /// Whose.
        order: Uuid,
    },
    /// Print a test page.
    TestPrint,
    /// A new roll was put in.
    PaperChanged {
        /// Its length.
        mm: u32,
    },
    /// Forget the printer's or reader's error.
    ClearError,
    /// Send the log.
    UploadLogs {
        /// The one-time name it is sent under.
        upload: String,
    },
    /// Look at everything and report.
    SelfTest,
    /// Ask the server for the time.
    SyncTime,
    /// Go to another release; whoever does it checks the release key's signature.
    Update {
        /// The release.
        version: String,
        /// The SHA-256 of its package.
        digest: String,
        /// The release key's signature.
        signature: String,
    },
}

impl Task {
    /// Reads the arguments of a verb; `None` where they are not what it needs. What is not known
    /// is ignored, so that a newer server may say more.
    pub fn read(verb: Verb, args: &str) -> Option<Task> {
        if args.len() > ARGS_MAX {
            return None;
        }
        // Every verb takes an object, also one that needs nothing of it.
        let _: serde_json::Map<String, serde_json::Value> = serde_json::from_str(args).ok()?;
        match verb {
            Verb::Screenshot => {
                let args: Upload = object(args)?;
                Some(Task::Screenshot { upload: token(args.upload)?, full: args.full })
            }
            Verb::UploadLogs => {
                let args: Upload = object(args)?;
                Some(Task::UploadLogs { upload: token(args.upload)? })
            }
            Verb::Lock => {
                let text: Text = object(args)?;
                let fits = |part: &str| part.chars().count() <= TEXT_MAX;
                (fits(&text.zh) && fits(&text.en)).then_some(Task::Lock { text })
            }
            Verb::RestartApp => Some(Task::RestartApp { force: object::<Force>(args)?.force }),
            Verb::Reboot => Some(Task::Reboot { force: object::<Force>(args)?.force }),
            Verb::Shutdown => Some(Task::Shutdown { force: object::<Force>(args)?.force }),
            Verb::Reprint => Some(Task::Reprint { order: object::<Reprint>(args)?.order }),
            Verb::SetPaperChanged => {
                let mm = object::<Roll>(args)?.mm;
                (1..=ROLL_MAX_MM).contains(&mm).then_some(Task::PaperChanged { mm })
            }
            Verb::Update => update(object(args)?),
            Verb::CancelSession => Some(Task::CancelSession),
            Verb::Unlock => Some(Task::Unlock),
            Verb::TestPrint => Some(Task::TestPrint),
            Verb::ClearError => Some(Task::ClearError),
            Verb::SelfTest => Some(Task::SelfTest),
            Verb::SyncTime => Some(Task::SyncTime),
        }
    }

    /// Whether an operator and a second one have said: also with a customer there.
    pub fn is_forced(&self) -> bool {
        matches!(
            self,
            Task::RestartApp { force: true }
                | Task::Reboot { force: true }
                | Task::Shutdown { force: true }
        )
    }
}

#[derive(Deserialize)]
struct Upload {
    upload: String,
    #[serde(default)]
    full: bool,
}

#[derive(Deserialize)]
struct Force {
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize)]
struct Reprint {
    order: Uuid,
}

#[derive(Deserialize)]
struct Roll {
    mm: u32,
}

#[derive(Deserialize)]
struct Release {
    version: String,
    digest: String,
    signature: String,
}

fn object<T: DeserializeOwned>(args: &str) -> Option<T> {
    serde_json::from_str(args).ok()
}

/// A name that can stand in a path without meaning anything there.
fn token(text: String) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    ((16..=128).contains(&text.len()) && text.chars().all(plain)).then_some(text)
}

fn update(release: Release) -> Option<Task> {
    let Release { version, digest, signature } = release;
    let plain = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
    let named = (1..=64).contains(&version.len())
        && version.chars().all(plain)
        && version.starts_with(|c: char| c.is_ascii_digit());
    let good = named && hex::is_sha256(&digest) && !signature.is_empty();
    good.then_some(Task::Update { version, digest, signature })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_as_their_verb_needs_them_and_nothing_else_is() {
        let upload = "0123456789abcdef-_";
        let digest = "ab".repeat(32);
        let good = [
            (
                Verb::Screenshot,
                format!("{{\"upload\":\"{upload}\",\"full\":true}}"),
                Task::Screenshot { upload: upload.to_owned(), full: true },
            ),
            (
                Verb::UploadLogs,
                format!("{{\"upload\":\"{upload}\"}}"),
                Task::UploadLogs { upload: upload.to_owned() },
            ),
            (
                Verb::Lock,
                "{\"zh\":\"检修\",\"en\":\"Service\"}".to_owned(),
                Task::Lock { text: Text::new("检修", "Service") },
            ),
            (Verb::Reboot, "{\"force\":true}".to_owned(), Task::Reboot { force: true }),
            (Verb::Shutdown, "{\"by\":\"x\"}".to_owned(), Task::Shutdown { force: false }),
            (Verb::SetPaperChanged, "{\"mm\":80000}".to_owned(), Task::PaperChanged { mm: 80_000 }),
            (
                Verb::Update,
                format!("{{\"version\":\"1.2.3\",\"digest\":\"{digest}\",\"signature\":\"s\"}}"),
                Task::Update {
                    version: "1.2.3".to_owned(),
                    digest: digest.clone(),
                    signature: "s".to_owned(),
                },
            ),
            (Verb::SelfTest, "{}".to_owned(), Task::SelfTest),
        ];
        for (verb, args, task) in good {
            assert_eq!(Task::read(verb, &args), Some(task), "{args}");
        }
        let bad = [
            (Verb::Screenshot, "{}".to_owned()),
            (Verb::Screenshot, "{\"upload\":\"../../../../etc/passwd\"}".to_owned()),
            (Verb::Screenshot, "{\"upload\":\"short\"}".to_owned()),
            (Verb::Lock, format!("{{\"zh\":\"{}\",\"en\":\"\"}}", "锁".repeat(201))),
            (Verb::Reboot, "{\"force\":\"yes\"}".to_owned()),
            (Verb::Reprint, "{\"order\":\"1\"}".to_owned()),
            (Verb::SetPaperChanged, "{\"mm\":0}".to_owned()),
            (Verb::SetPaperChanged, "{\"mm\":-5}".to_owned()),
            (
                Verb::Update,
                format!("{{\"version\":\"../1\",\"digest\":\"{digest}\",\"signature\":\"s\"}}"),
            ),
            (
                Verb::Update,
                "{\"version\":\"1.0\",\"digest\":\"../x\",\"signature\":\"s\"}".to_owned(),
            ),
            (Verb::SelfTest, String::new()),
            (Verb::SelfTest, "[]".to_owned()),
            (Verb::SelfTest, format!("{{\"x\":\"{}\"}}", "a".repeat(ARGS_MAX))),
        ];
        for (verb, args) in bad {
            assert_eq!(Task::read(verb, &args), None, "{args}");
        }
    }
}

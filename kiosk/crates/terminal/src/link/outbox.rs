//! What the kiosk has to say beside the money, kept on the disk until the server has heard it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

use kiosk_wire::{
    channel::{FRAME_MAX, MESSAGES_MAX, Up},
    command::{CommandReport, CommandState},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::disk::Log;

/// The most messages that wait. Beyond it the oldest of the least worth goes: showings of adverts
/// first, then faults, then abandoned sessions, which their journal still knows; reports of
/// commands stay.
pub const OUTBOX_MAX: usize = 1_000;
/// The most bytes of them together; what is too much goes in the same order.
pub const OUTBOX_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The largest message, in bytes; a longer result or detail is cut.
const MESSAGE_MAX: usize = 16 * 1024;
/// The most bytes of messages in one poll or burst; a heartbeat fits beside them.
const BYTES_MAX: usize = FRAME_MAX - 32 * 1024;
/// The longest detail of a fault, in characters.
const DETAIL_MAX: usize = 1_000;
/// The file is written anew when it has grown beyond this, in bytes.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;
const FILE: &str = "outbox.log";

#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line {
    Said { nth: u64, up: Up },
    Gone { nth: u64 },
}

#[derive(Debug)]
struct Waiting {
    up: Up,
    bytes: usize,
    /// The connection it was sent over last.
    sent: Option<u64>,
}

/// Messages in the order they were said.
#[derive(Debug)]
pub struct Outbox {
    log: Log,
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
}

/// What a message is heard by.
fn id_of(up: &Up) -> Option<Uuid> {
    match up {
        Up::Report(report) => Some(report.id),
        Up::Played { id, .. } | Up::Abandoned { id, .. } | Up::Fault { id, .. } => Some(*id),
        Up::Heartbeat(_) | Up::Shown { .. } | Up::NotShown { .. } => None,
    }
}

/// What goes first when there is no room; the same is dropped oldest first.
fn worth(up: &Up) -> u8 {
    match up {
        Up::Heartbeat(_) | Up::Played { .. } => 0,
        Up::Fault { .. } => 1,
        Up::Abandoned { .. } => 2,
        Up::Shown { .. } | Up::NotShown { .. } => 3,
        Up::Report(_) => 4,
    }
}

fn is_stance(up: &Up) -> bool {
    matches!(up, Up::Shown { .. } | Up::NotShown { .. })
}

impl Waiting {
    fn new(up: Up) -> Waiting {
        let bytes = serde_json::to_string(&up).map_or(0, |text| text.len());
        Waiting { up, bytes, sent: None }
    }
}

impl Outbox {
    /// Opens the one of a folder with what was not heard before.
    pub fn open(folder: &Path) -> io::Result<Outbox> {
        let (log, lines) = Log::open(&folder.join(FILE))?;
        let mut outbox = Outbox { log, waiting: BTreeMap::new(), next: 0 };
        for line in lines {
            match serde_json::from_str(&line) {
                Ok(Line::Said { nth, up }) => {
                    outbox.next = outbox.next.max(nth + 1);
                    outbox.waiting.insert(nth, Waiting::new(up));
                }
                Ok(Line::Gone { nth }) => {
                    outbox.waiting.remove(&nth);
                }
                Err(error) => tracing::warn!(%error, "a line of the outbox cannot be read"),
            }
        }
        Ok(outbox)
    }

    /// Says something. A heartbeat is not kept: a later one says more. A report that has not been
    /// sent yet gives way to a newer one of the same command, and so does an older word on what is
    /// shown.
    ///
    /// Invariant: what is said in order is sent in order
    /// (`messages_are_kept_in_order_until_heard_and_over_a_restart`).
    pub fn say(&mut self, up: Up) -> io::Result<()> {
        if matches!(up, Up::Heartbeat(_)) {
            return Ok(());
        }
        let new = Waiting::new(bounded(up));
        let is_again = |old: &Waiting| matches!(old.up, Up::Report(_)) && old.up == new.up;
        if self.waiting.values().any(is_again) {
            // A command that came twice is reported twice; once is enough while that waits.
            return Ok(());
        }
        let Some(gone) = self.make_room(&new) else { return Ok(()) };
        let nth = self.next;
        let mut lines: Vec<Line> = vec![Line::Said { nth, up: new.up.clone() }];
        lines.extend(gone.iter().map(|nth| Line::Gone { nth: *nth }));
        self.write(&lines)?;
        self.next += 1;
        for nth in gone {
            self.waiting.remove(&nth);
        }
        self.waiting.insert(nth, new);
        self.shorten()
    }

    /// What has to go for a new message; `None` where that is worth less than all that waits.
    fn make_room(&self, new: &Waiting) -> Option<Vec<u64>> {
        let (given, stay): (Vec<_>, Vec<_>) =
            self.waiting.iter().partition(|(_, old)| gives_way(old, &new.up));
        let mut gone: Vec<u64> = given.into_iter().map(|(nth, _)| *nth).collect();
        let (mut count, mut bytes) =
            (stay.len(), stay.iter().map(|(_, old)| old.bytes).sum::<usize>() + new.bytes);
        let mut by_worth: Vec<_> = stay.iter().map(|(nth, old)| (worth(&old.up), **nth)).collect();
        by_worth.sort_unstable();
        for (old, nth) in by_worth {
            if count < OUTBOX_MAX && bytes <= OUTBOX_BYTES_MAX {
                break;
            }
            if old > worth(&new.up) {
                return None;
            }
            count -= 1;
            bytes -= self.waiting.get(&nth).map_or(0, |old| old.bytes);
            gone.push(nth);
        }
        Some(gone)
    }

    /// What is to be sent over this connection now: less than [`MESSAGES_MAX`] together with what
    /// it has not answered yet, and no more bytes than fit beside a heartbeat. Of one command one
    /// report is on its way at a time, so that it is clear which of them was heard.
    pub fn next(&mut self, connection: u64) -> Vec<Up> {
        let on_its_way = |waiting: &Waiting| waiting.sent == Some(connection);
        let mut busy: BTreeSet<Uuid> =
            self.waiting.values().filter(|w| on_its_way(w)).filter_map(|w| id_of(&w.up)).collect();
        let mut room = (MESSAGES_MAX - 1).saturating_sub(busy.len());
        let mut bytes = BYTES_MAX;
        let mut out = Vec::new();
        for waiting in self.waiting.values_mut() {
            if room == 0 {
                break;
            }
            let id = id_of(&waiting.up);
            if waiting.sent == Some(connection) || id.is_some_and(|id| !busy.insert(id)) {
                continue;
            }
            if waiting.bytes > bytes {
                break;
            }
            bytes -= waiting.bytes;
            waiting.sent = Some(connection);
            out.push(waiting.up.clone());
            room -= 1;
        }
        out
    }

    /// The server has kept the message of this id that was sent over this connection; `false` where
    /// none was.
    pub fn heard(&mut self, id: Uuid, connection: u64) -> io::Result<bool> {
        let found = self
            .waiting
            .iter()
            .find(|(_, w)| w.sent == Some(connection) && id_of(&w.up) == Some(id))
            .map(|(nth, _)| *nth);
        let Some(nth) = found else { return Ok(false) };
        self.write(&[Line::Gone { nth }])?;
        self.waiting.remove(&nth);
        self.shorten()?;
        Ok(true)
    }

    /// A poll was answered: what has no id and was in it has arrived.
    pub fn arrived(&mut self, connection: u64) -> io::Result<()> {
        let gone: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, w)| w.sent == Some(connection) && is_stance(&w.up))
            .map(|(nth, _)| *nth)
            .collect();
        let lines: Vec<Line> = gone.iter().map(|nth| Line::Gone { nth: *nth }).collect();
        self.write(&lines)?;
        self.waiting.retain(|nth, _| !gone.contains(nth));
        Ok(())
    }

    /// What was sent over this connection and not heard is sent over it again.
    pub fn again(&mut self, connection: u64) {
        for waiting in self.waiting.values_mut().filter(|w| w.sent == Some(connection)) {
            waiting.sent = None;
        }
    }

    /// Whether something that has an id was sent over this connection and is not heard yet.
    pub fn is_unheard(&self, connection: u64) -> bool {
        self.waiting.values().any(|w| w.sent == Some(connection) && id_of(&w.up).is_some())
    }

    /// How many wait, sent or not.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether everything was heard.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        let text: Result<Vec<String>, _> = lines.iter().map(serde_json::to_string).collect();
        self.log.append(text.map_err(io::Error::other)?.iter().map(String::as_str))
    }

    fn shorten(&mut self) -> io::Result<()> {
        let many = self.log.lines() > (self.waiting.len() + 16) * 4;
        if !many && self.log.bytes() < LOG_BYTES_MAX {
            return Ok(());
        }
        let mut lines = Vec::new();
        for (nth, waiting) in &self.waiting {
            let line = Line::Said { nth: *nth, up: waiting.up.clone() };
            lines.push(serde_json::to_string(&line).map_err(io::Error::other)?);
        }
        self.log.rewrite(lines.iter().map(String::as_str))
    }
}

fn gives_way(old: &Waiting, new: &Up) -> bool {
    match (&old.up, new) {
        (Up::Report(old_report), Up::Report(new)) => {
            old.sent.is_none() && old_report.id == new.id && !old_report.state.is_final()
        }
        (old, new) => is_stance(old) && is_stance(new),
    }
}

/// Cuts what a picture's worth of detail would make too large for the disk and the line.
fn bounded(up: Up) -> Up {
    match up {
        Up::Fault { id, name, detail } => {
            let detail = detail.chars().take(DETAIL_MAX).collect();
            Up::Fault { id, name, detail }
        }
        Up::NotShown { content_version, error } => {
            let error = error.chars().take(DETAIL_MAX).collect();
            Up::NotShown { content_version, error }
        }
        Up::Report(CommandReport { id, state: CommandState::Failed { error } }) => {
            let error = error.chars().take(DETAIL_MAX).collect();
            Up::Report(CommandReport { id, state: CommandState::Failed { error } })
        }
        Up::Report(CommandReport { id, state: CommandState::Done { result } })
            if result.to_string().len() > MESSAGE_MAX =>
        {
            let result = json!({ "cut": true });
            Up::Report(CommandReport { id, state: CommandState::Done { result } })
        }
        up => up,
    }
}

#[cfg(test)]
mod tests {
    use kiosk_wire::channel::Play;

    use super::*;

    fn report(id: u128, state: CommandState) -> Up {
        Up::Report(CommandReport { id: Uuid::from_u128(id), state })
    }

    fn done() -> CommandState {
        CommandState::Done { result: json!({}) }
    }

    fn fault(id: u128) -> Up {
        Up::Fault { id: Uuid::from_u128(id), name: "page_hung".to_owned(), detail: String::new() }
    }

    fn played(id: u128) -> Up {
        Up::Played { id: Uuid::from_u128(id), plays: Vec::new() }
    }

    fn abandoned(id: u128) -> Up {
        Up::Abandoned { id: Uuid::from_u128(id), order: None, step: "pay".to_owned() }
    }

    #[test]
    fn messages_are_kept_in_order_until_heard_and_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(folder.path()).unwrap();
        for id in 1..=5 {
            outbox.say(fault(id)).unwrap();
        }
        assert_eq!(outbox.next(1), [fault(1), fault(2), fault(3), fault(4), fault(5)]);
        assert_eq!(outbox.next(1), [], "once over one connection");
        assert!(outbox.heard(Uuid::from_u128(2), 1).unwrap());
        assert!(!outbox.heard(Uuid::from_u128(2), 1).unwrap(), "heard twice is heard");
        assert!(!outbox.heard(Uuid::from_u128(3), 2).unwrap(), "not over this connection");
        let mut outbox = Outbox::open(folder.path()).unwrap();
        outbox.say(fault(6)).unwrap();
        assert_eq!(outbox.next(1), [fault(1), fault(3), fault(4), fault(5), fault(6)]);
        assert_eq!(outbox.next(2).len(), 5, "and again over the next connection");
    }

    #[test]
    fn of_one_command_one_report_is_on_its_way_and_the_last_one_is_never_lost() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(folder.path()).unwrap();
        outbox.say(report(1, CommandState::Accepted)).unwrap();
        outbox.say(report(1, CommandState::Running)).unwrap();
        assert_eq!(outbox.next(1), [report(1, CommandState::Running)], "nobody saw the first");
        outbox.say(report(1, done())).unwrap();
        assert_eq!(outbox.next(1), [], "the other is not answered yet");
        assert!(outbox.heard(Uuid::from_u128(1), 1).unwrap());
        assert_eq!(outbox.next(1), [report(1, done())]);
        assert!(outbox.heard(Uuid::from_u128(1), 1).unwrap());
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_is_shown_is_said_last_word_only_and_until_it_has_arrived() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(folder.path()).unwrap();
        let shown = |content_version| Up::Shown { content_version };
        outbox.say(shown(1)).unwrap();
        let not = Up::NotShown { content_version: 2, error: "x".repeat(5_000) };
        outbox.say(not).unwrap();
        outbox.say(shown(3)).unwrap();
        assert_eq!(outbox.next(1), [shown(3)]);
        outbox.arrived(2).unwrap();
        assert_eq!(outbox.len(), 1);
        outbox.arrived(1).unwrap();
        assert!(outbox.is_empty());
        assert!(Outbox::open(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn a_full_outbox_drops_showings_before_faults_before_sessions_and_never_a_report() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(folder.path()).unwrap();
        let said: Vec<Up> =
            (1..=4).map(played).chain([fault(5), abandoned(6), report(7, done())]).collect();
        for up in &said {
            outbox.say(up.clone()).unwrap();
        }
        // Filled without the disk: a thousand syncs prove nothing more.
        for n in 0..OUTBOX_MAX as u64 - 7 {
            let up = report(1_000 + u128::from(n), done());
            outbox.waiting.insert(100 + n, Waiting::new(up));
        }
        outbox.next = 10_000;
        let mut left = Vec::new();
        for n in 0..8 {
            outbox.say(report(5_000 + n, done())).unwrap();
            assert_eq!(outbox.len(), OUTBOX_MAX);
            let stays = |up: &Up| outbox.waiting.values().any(|w| w.up == *up);
            left.push(said.iter().filter(|up| stays(up)).count());
        }
        assert_eq!(
            left,
            [6, 5, 4, 3, 2, 1, 0, 0],
            "the reports go last, when nothing else is left"
        );
        outbox.say(played(9)).unwrap();
        assert!(!outbox.waiting.values().any(|w| w.up == played(9)), "worth less than all of it");
    }

    #[test]
    fn large_messages_go_before_the_file_grows_beyond_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(folder.path()).unwrap();
        let at = "2026-11-21T06:00:00Z".parse().unwrap();
        let plays = |id: u128| Up::Played {
            id: Uuid::from_u128(id),
            plays: vec![Play { file: "a".repeat(64), at, shown_ms: 8_000 }; 1_000],
        };
        outbox.say(report(1, done())).unwrap();
        for id in 2..100 {
            outbox.say(plays(id)).unwrap();
        }
        let sum: usize = outbox.waiting.values().map(|waiting| waiting.bytes).sum();
        assert!((OUTBOX_BYTES_MAX / 2..=OUTBOX_BYTES_MAX).contains(&sum), "{sum}");
        assert!(outbox.log.bytes() <= LOG_BYTES_MAX + 200_000);
        let left: Vec<Up> = outbox.waiting.into_values().map(|waiting| waiting.up).collect();
        assert_eq!((&left[0], left.last()), (&report(1, done()), Some(&plays(99))));
        assert_eq!(Outbox::open(folder.path()).unwrap().len(), left.len());
    }

    #[test]
    fn the_same_report_waits_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(folder.path()).unwrap();
        for _ in 0..3 {
            outbox.say(report(1, done())).unwrap();
            let _ = outbox.next(1);
        }
        assert_eq!(outbox.len(), 1);
    }

    #[test]
    fn a_long_message_is_cut_and_a_heartbeat_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(folder.path()).unwrap();
        outbox.say(Up::Heartbeat(Box::default())).unwrap();
        assert!(outbox.is_empty());
        let result = json!({ "log": "x".repeat(MESSAGE_MAX) });
        outbox.say(report(1, CommandState::Done { result })).unwrap();
        let error = "错".repeat(100_000);
        outbox.say(report(2, CommandState::Failed { error })).unwrap();
        for up in outbox.next(1) {
            assert!(serde_json::to_string(&up).unwrap().len() < MESSAGE_MAX);
        }
    }
}

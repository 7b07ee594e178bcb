//! What was really shown, for whom it was paid for.

use chrono::{DateTime, Utc};
use kiosk_wire::channel::{Play, Up};
use uuid::Uuid;

/// The most showings of one message.
pub const PLAYS_MAX: usize = 100;
/// A showing waits no longer than this to be told, in milliseconds.
pub const TELL_EVERY_MS: u64 = 300_000;
/// A shorter showing is none, in milliseconds.
const SHOWN_MIN_MS: u64 = 1_000;

#[derive(Clone, Debug)]
struct Showing {
    play: u64,
    file: String,
    at: Option<DateTime<Utc>>,
    since_ms: u64,
}

/// Showings that end and are told.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    current: Option<Showing>,
    ended: Vec<Play>,
    first_ms: Option<u64>,
}

impl Proof {
    /// A showing begins; the one before ends with it. Its number comes back from the page with its
    /// end. Without the server's time it is shown and not counted.
    pub fn begin(&mut self, play: u64, file: &str, at: Option<DateTime<Utc>>, now_ms: u64) {
        self.stop(now_ms);
        self.current = Some(Showing { play, file: file.to_owned(), at, since_ms: now_ms });
    }

    /// The page says that a showing has ended; a word about an earlier one changes nothing.
    pub fn end(&mut self, play: u64, now_ms: u64) -> bool {
        let is = self.current.as_ref().is_some_and(|showing| showing.play == play);
        if is {
            self.stop(now_ms);
        }
        is
    }

    /// Somebody touched the screen, or the page is gone.
    pub fn stop(&mut self, now_ms: u64) {
        let Some(showing) = self.current.take() else { return };
        let shown_ms = now_ms.saturating_sub(showing.since_ms);
        if let Some(at) = showing.at
            && shown_ms >= SHOWN_MIN_MS
        {
            self.ended.push(Play { file: showing.file, at, shown_ms });
            self.first_ms.get_or_insert(now_ms);
        }
    }

    /// What is to be told now, if it is time; `id` makes it count once.
    pub fn take(&mut self, now_ms: u64, id: impl FnOnce() -> Uuid) -> Option<Up> {
        let late = self.first_ms.is_some_and(|first| now_ms >= first + TELL_EVERY_MS);
        if !late && self.ended.len() < PLAYS_MAX {
            return None;
        }
        self.first_ms = None;
        let count = self.ended.len().min(PLAYS_MAX);
        Some(Up::Played { id: id(), plays: self.ended.drain(..count).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(proof: &mut Proof, now_ms: u64) -> Option<Vec<(String, u64)>> {
        let up = proof.take(now_ms, || Uuid::from_u128(1))?;
        let Up::Played { plays, .. } = up else { panic!("{up:?}") };
        Some(plays.into_iter().map(|play| (play.file, play.shown_ms)).collect())
    }

    #[test]
    fn what_was_shown_is_counted_once_for_as_long_as_it_was() {
        let at: Option<DateTime<Utc>> = Some("2026-11-21T06:00:00Z".parse().unwrap());
        let mut proof = Proof::default();
        proof.begin(1, "one", at, 0);
        proof.begin(2, "two", at, 8_000);
        assert!(!proof.end(1, 9_000), "that one has ended already");
        assert!(proof.end(2, 23_000));
        assert!(!proof.end(2, 24_000));
        proof.begin(3, "touched at once", at, 30_000);
        proof.stop(30_999);
        proof.begin(4, "without a clock", None, 40_000);
        proof.stop(50_000);
        assert_eq!(told(&mut proof, 8_000 + TELL_EVERY_MS - 1), None);
        let want = vec![("one".to_owned(), 8_000), ("two".to_owned(), 15_000)];
        assert_eq!(told(&mut proof, 8_000 + TELL_EVERY_MS), Some(want));
        assert_eq!(told(&mut proof, u64::MAX), None);
        for n in 0..=u64::try_from(PLAYS_MAX).unwrap() {
            proof.begin(n, "many", at, 1_000_000 + n * 2_000);
        }
        let now = 1_000_000 + 201 * 2_000;
        assert_eq!(told(&mut proof, now).map(|plays| plays.len()), Some(PLAYS_MAX));
    }
}

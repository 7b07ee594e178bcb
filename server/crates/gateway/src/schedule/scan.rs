//! One meter's place in the round: when it is due, which read is next, how silent it is.

use std::time::Duration;

/// A meter counts as silent after so many exchanges without an answer.
pub const SILENT_AFTER: u8 = 3;

/// How a silent meter is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Until the first probe after one time-out.
    pub first: Duration,
    /// The longest wait between two probes.
    pub longest: Duration,
}

/// What an exchange says about a meter that we did not know before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing new.
    Unchanged,
    /// It has not answered [`SILENT_AFTER`] times in a row.
    WentSilent,
    /// It answers again.
    CameBack,
}

/// A meter's scan.
#[derive(Clone, Debug)]
pub struct Scan {
    interval: Duration,
    due: Duration,
    /// The backoff in milliseconds: a large site has a hundred thousand scans (goal R4).
    first_ms: u32,
    longest_ms: u32,
    parts: u8,
    part: u8,
    misses: u8,
}

impl Scan {
    /// A scan of `parts` reads every `interval`, first at `due`. No parts: never scanned.
    pub fn new(parts: u8, interval: Duration, due: Duration, backoff: Backoff) -> Self {
        let ms = |wait: Duration| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        let (first_ms, longest_ms) = (ms(backoff.first), ms(backoff.longest));
        Scan { interval, due, first_ms, longest_ms, parts, part: 0, misses: 0 }
    }

    /// The same scan of a meter that was silent before: one probe first.
    pub fn silent(self) -> Self {
        Scan { misses: SILENT_AFTER, ..self }
    }

    /// The moment of its next read, if it is scanned at all.
    pub fn due(&self) -> Option<Duration> {
        (self.parts > 0).then_some(self.due)
    }

    /// Which of its reads is next.
    pub fn part(&self) -> u8 {
        self.part
    }

    /// Whether the read that is next ends the meter's turn. A quarantined meter gets one probe.
    pub fn is_last_part(&self) -> bool {
        self.misses > 0 || self.part + 1 >= self.parts
    }

    /// Exchanges without an answer, in a row.
    pub fn misses(&self) -> u8 {
        self.misses
    }

    /// Whether the meter counts as silent.
    pub fn is_silent(&self) -> bool {
        self.misses >= SILENT_AFTER
    }

    /// Books the outcome of a scan read and sets the next due moment.
    ///
    /// Invariant: after one time-out a meter gets one probe a round, further and further apart,
    /// until it answers (test `a_dead_meter_gets_one_probe_further_and_further_apart`).
    pub fn exchanged(&mut self, answered: bool, now: Duration) -> Health {
        if !answered {
            return self.missed(now);
        }
        let health = self.answered();
        self.part += 1;
        if self.part < self.parts {
            self.due = now;
            return health;
        }
        self.part = 0;
        // Due times do not drift, and rounds that were missed are not made up.
        self.due = (self.due + self.interval).max(now);
        if self.interval.is_zero() || self.due <= now {
            self.due = now;
        }
        health
    }

    /// Books what a command says about the meter's health.
    pub fn heard(&mut self, answered: bool, now: Duration) -> Health {
        if !answered {
            return self.missed(now);
        }
        if self.misses > 0 {
            self.due = now;
        }
        self.answered()
    }

    fn answered(&mut self) -> Health {
        let was_silent = self.is_silent();
        self.misses = 0;
        if was_silent { Health::CameBack } else { Health::Unchanged }
    }

    fn missed(&mut self, now: Duration) -> Health {
        let was_silent = self.is_silent();
        self.misses = self.misses.saturating_add(1);
        self.part = 0;
        let doublings = u32::from(self.misses - 1).min(16);
        let wait = (u64::from(self.first_ms) << doublings).min(u64::from(self.longest_ms));
        self.due = now + Duration::from_millis(wait);
        if !was_silent && self.is_silent() { Health::WentSilent } else { Health::Unchanged }
    }
}

//! One request and its answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use meter_protocol::dtu::Line;
use tokio::time::Instant;

use super::{Conn, StrayKind, noise};
use crate::{
    command::{Direction, FRAMES_MAX, FrameRecord},
    counter::{add, count},
    profile::Quirks,
    query::{Answer, Found, MeterAddress, Query, Verdict},
    shared::Shared,
    timing::Timing,
};

/// A request and what its answer may cost.
pub(crate) struct Ask<'a> {
    pub query: &'a Query,
    pub quirks: &'a Quirks,
    pub baud: u32,
    /// Turnaround of the meter and the path to it, on top of the time on the wire.
    pub patience: Duration,
    /// The answer's length in bytes, as far as it is known.
    pub expected: usize,
    /// Where frames are kept, for commands.
    pub frames: Option<&'a mut Vec<FrameRecord>>,
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answer(Answer),
    /// Nothing came.
    Silence,
    /// Bytes came that were no answer.
    Noise,
    /// Only another meter answered.
    WrongMeter(MeterAddress),
    /// The connection failed after this many bytes of the request.
    Lost {
        written: usize,
    },
}

impl Conn {
    /// Sends a request and waits for its answer. The bytes of a value are in `self.value`.
    ///
    /// Silence, noise and a wrong meter leave the bus doubtful: [`Conn::drain`] it before the next
    /// request.
    pub(crate) async fn ask(&mut self, shared: &Shared, mut ask: Ask<'_>) -> Outcome {
        self.idle(Some(ask.query.key().address), shared);
        self.rx.clear();
        self.value.clear();
        if self.closed.is_some() {
            return Outcome::Lost { written: 0 };
        }
        let mut frame = Vec::with_capacity(64);
        ask.query.encode(ask.quirks, &mut frame);
        let sending_since = shared.clock.now();
        if let Err(written) = self.send(&frame, shared.timing.exchange_max, shared).await {
            return Outcome::Lost { written };
        }
        count(&shared.counters.requests);
        let on_wire = Timing::line_time(ask.baud, frame.len() + ask.expected);
        if ask.frames.is_some() {
            let kept = ask.query.for_the_record(frame);
            record(&mut ask.frames, Direction::Sent, sending_since, kept);
        }
        if !ask.query.expects_reply() {
            // Fire and pause (H.1 no. 23): waiting for an answer would wait for ever.
            tokio::time::sleep(on_wire + shared.timing.broadcast_pause).await;
            return Outcome::Answer(Answer::Done);
        }
        if ask.query.is_wildcard() {
            return self.hear_one(shared, ask, on_wire).await;
        }
        self.hear(shared, ask, on_wire).await
    }

    async fn hear(&mut self, shared: &Shared, mut ask: Ask<'_>, on_wire: Duration) -> Outcome {
        let start = Instant::now();
        let hard_limit = start + shared.timing.exchange_max;
        let mut limit = (start + on_wire + ask.patience).min(hard_limit);
        let (mut garbled, mut wrong) = (false, None);
        loop {
            let ready = tokio::time::timeout_at(limit, self.readable()).await.is_ok();
            let before = self.rx.len();
            if ready {
                self.receive(Line::InFlight, shared);
            } else {
                self.release(shared);
            }
            if ask.frames.is_some() && self.rx.len() > before {
                let bytes = self.rx[before..].to_vec();
                record(&mut ask.frames, Direction::Received, shared.clock.now(), bytes);
            }
            if let Some(answer) = self.scan(&ask, !ready, shared, &mut garbled, &mut wrong) {
                count(&shared.counters.answers);
                return Outcome::Answer(answer);
            }
            if self.closed.is_some() {
                // The request left whole; what became of it is not known.
                return Outcome::Lost { written: usize::MAX };
            }
            if !ready {
                return match (wrong, garbled) {
                    (Some(address), _) => Outcome::WrongMeter(address),
                    (None, true) => {
                        count(&shared.counters.garbled);
                        Outcome::Noise
                    }
                    (None, false) => {
                        count(&shared.counters.timeouts);
                        Outcome::Silence
                    }
                };
            }
            if !self.rx.is_empty() {
                // A frame is under way: the path may delay its pieces as it may delay its start.
                let rest = Timing::line_time(ask.baud, ask.expected) + shared.timing.path / 2;
                limit = limit.max(Instant::now() + rest).min(hard_limit);
            }
        }
    }

    /// As [`Conn::hear`] for a wildcard: several meters may answer at once, and then the first
    /// valid frame may be nobody's. One frame and nothing else is believed (H.1 no. 6).
    async fn hear_one(&mut self, shared: &Shared, mut ask: Ask<'_>, on_wire: Duration) -> Outcome {
        let limit = Instant::now() + on_wire + ask.patience;
        while tokio::time::timeout_at(limit, self.readable()).await.is_ok() {
            self.receive(Line::InFlight, shared);
            if self.closed.is_some() {
                return Outcome::Lost { written: usize::MAX };
            }
        }
        self.release(shared);
        let heard = std::mem::take(&mut self.rx);
        if heard.is_empty() {
            count(&shared.counters.timeouts);
            return Outcome::Silence;
        }
        record(&mut ask.frames, Direction::Received, shared.clock.now(), heard.clone());
        let begin = heard.iter().position(|byte| *byte != 0xFE).unwrap_or(0);
        match ask.query.look(&heard[begin..], ask.quirks, &mut self.value) {
            Found::Frame { consumed, verdict: Verdict::Answer(answer) }
                if begin + consumed == heard.len() =>
            {
                count(&shared.counters.answers);
                Outcome::Answer(answer)
            }
            _ => {
                count(&shared.counters.garbled);
                Outcome::Noise
            }
        }
    }

    /// Looks for the answer in the buffer and drops what cannot belong to it.
    fn scan(
        &mut self,
        ask: &Ask<'_>,
        ended: bool,
        shared: &Shared,
        garbled: &mut bool,
        wrong: &mut Option<MeterAddress>,
    ) -> Option<Answer> {
        let mut at = 0;
        let mut answer = None;
        while at < self.rx.len() && answer.is_none() {
            match ask.query.look(&self.rx[at..], ask.quirks, &mut self.value) {
                Found::NeedMore => match self.look_ahead(ask, at) {
                    // A false start byte must not hide a whole, checked answer behind it.
                    Some((found, end)) => {
                        add(&shared.counters.noise_bytes, 1);
                        (answer, at) = (Some(found), end);
                    }
                    None if ended => {
                        *garbled = true;
                        at += 1;
                    }
                    None => break,
                },
                Found::Skip(len) => {
                    let noise = noise(&self.rx[at..at + len]);
                    add(&shared.counters.noise_bytes, noise);
                    *garbled |= noise > 0;
                    at += len;
                }
                Found::Frame { consumed, verdict } => {
                    let frame = at..at + consumed;
                    at += consumed;
                    match verdict {
                        Verdict::Answer(found) => answer = Some(found),
                        Verdict::Request => {}
                        Verdict::WrongAddress(address) => {
                            *wrong = Some(address);
                            let frame = self.rx[frame].to_vec();
                            self.stray(StrayKind::WrongAddress(address), frame);
                        }
                        Verdict::Foreign(key) => {
                            let frame = self.rx[frame].to_vec();
                            self.stray(StrayKind::Foreign(key), frame);
                        }
                    }
                }
            }
        }
        self.rx.drain(..at);
        answer
    }

    fn look_ahead(&mut self, ask: &Ask<'_>, from: usize) -> Option<(Answer, usize)> {
        for at in from + 1..self.rx.len() {
            let found = ask.query.look(&self.rx[at..], ask.quirks, &mut self.value);
            if let Found::Frame { consumed, verdict: Verdict::Answer(answer) } = found {
                return Some((answer, at + consumed));
            }
        }
        None
    }
}

fn record(
    frames: &mut Option<&mut Vec<FrameRecord>>,
    direction: Direction,
    at: DateTime<Utc>,
    bytes: Vec<u8>,
) {
    let Some(frames) = frames else { return };
    let full = frames.len() >= FRAMES_MAX;
    match frames.last_mut() {
        // Pieces of one answer are one record, as one would read them.
        Some(last) if last.direction == direction && direction == Direction::Received => {
            last.bytes.extend_from_slice(&bytes);
        }
        _ if full => {}
        _ => frames.push(FrameRecord { at, direction, bytes }),
    }
}

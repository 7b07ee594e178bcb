//! One exchange with a meter: its following parts, and what it cost. How long it is waited for
//! stands in [`super::patience`].

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::Instant;

use super::Bus;
use crate::{
    command::FrameRecord,
    conn::{Ask, Outcome},
    counter::{add, count},
    line::MeterPlan,
    profile::{Protocol, Read},
    query::{Answer, FrameKey, Query, Target},
    timing::Timing,
    wire::Wire,
};

/// How often a long value is read from its start again after a part was lost.
pub const FOLLOW_UP_RESTARTS_MAX: u8 = 2;

/// Longest value that is put together from parts, in bytes.
pub const VALUE_BYTES_MAX: usize = 8 * 1024;

/// The bytes of an answer to a read, as far as they can be known before.
pub(super) fn expected(meter: &MeterPlan, read: &Read) -> usize {
    let data = read.values.iter().map(|field| field.at + field.len()).max().unwrap_or(0);
    match meter.profile.protocol {
        Protocol::Dlt645 | Protocol::Dlt645V1997 => 4 + 12 + 4 + data,
        Protocol::Cjt188 => 4 + 13 + 3 + data,
        Protocol::Modbus => 5 + 2 * usize::from(read.count.unwrap_or(0)),
    }
}

/// What is fixed for all parts of a long value.
#[derive(Clone, Copy)]
struct Times {
    expected: usize,
    gap: Duration,
    patience: Duration,
    timeout: Duration,
}

/// The bytes of an answer to anything else: a refusal, an acknowledgement, a receipt.
const SHORT_ANSWER: usize = 34;

impl Bus {
    pub(super) fn target(&mut self, at: usize, operator_tag: u32) -> Target<'_> {
        self.serial = self.serial.wrapping_add(1);
        let meter = &self.plan.meters[at];
        Target {
            profile: &meter.profile,
            address: meter.address,
            password: meter.password,
            serial: self.serial,
            operator_tag,
        }
    }

    /// Asks, follows up, and books what it cost.
    pub(super) async fn exchange(
        &mut self,
        wire: &mut Wire,
        at: usize,
        query: &Query,
        read: Option<&Read>,
        patience: Duration,
        mut frames: Option<&mut Vec<FrameRecord>>,
    ) -> Outcome {
        let begin = Instant::now();
        let meter = &self.plan.meters[at];
        let expected = read.map_or(SHORT_ANSWER, |read| expected(meter, read));
        let quirks = &meter.profile.quirks;
        let gap = self.pause;
        let on_wire = Timing::line_time(self.plan.baud(), query.length(quirks) + expected);
        let timeout = on_wire + patience;
        let mut outcome =
            self.ask(wire, at, query, expected, patience, frames.as_deref_mut()).await;
        let answered_after = begin.elapsed();
        if outcome == Outcome::Answer(Answer::Value { more: true }) {
            // Boxed: rare, and most lines should not carry its state.
            let times = Times { expected, gap, patience, timeout };
            let rest = self.follow_up(wire, at, query, times, frames);
            outcome = Box::pin(rest).await;
        }
        let failed = matches!(
            outcome,
            Outcome::Silence | Outcome::Noise | Outcome::WrongMeter(_) | Outcome::Lost { .. }
        );
        if failed {
            self.give_up(query.key());
            self.quiet = Some(self.quiet_after(timeout));
            self.meters[at].pace.lost();
            self.status.failures.fetch_add(1, Ordering::Relaxed);
        } else {
            self.meters[at].pace.answered(answered_after.saturating_sub(on_wire));
            self.meters[at].wrong = 0;
            self.status.answers.fetch_add(1, Ordering::Relaxed);
        }
        self.note_strays(wire, Some(at as u16));
        // The bus is idle since the last byte, not since we have read it.
        self.free_at = wire.heard().unwrap_or_else(Instant::now).max(begin) + gap;
        let busy = (begin.elapsed() + gap).as_micros() as u64;
        add(&self.shared.counters.bus_busy_us, busy);
        self.status.busy_us.fetch_add(busy, Ordering::Relaxed);
        outcome
    }

    async fn ask(
        &self,
        wire: &mut Wire,
        at: usize,
        query: &Query,
        expected: usize,
        patience: Duration,
        frames: Option<&mut Vec<FrameRecord>>,
    ) -> Outcome {
        let quirks = &self.plan.meters[at].profile.quirks;
        let baud = self.plan.baud();
        wire.ask(&self.shared, Ask { query, quirks, baud, patience, expected, frames }).await
    }

    /// Gathers the parts of a long value. When one is lost the whole is read again: half a table
    /// is never shown (`meters.md` H.1 no. 19).
    async fn follow_up(
        &mut self,
        wire: &mut Wire,
        at: usize,
        query: &Query,
        times: Times,
        mut frames: Option<&mut Vec<FrameRecord>>,
    ) -> Outcome {
        let Times { expected, gap, patience, timeout } = times;
        let mut outcome = Outcome::Noise;
        for restart in 0..=FOLLOW_UP_RESTARTS_MAX {
            if restart > 0 {
                count(&self.shared.counters.follow_up_restarts);
                let quiet = self.quiet_after(timeout);
                wire.drain(quiet, self.plan.wire(), &self.shared).await;
                let frames = frames.as_deref_mut();
                outcome = self.ask(wire, at, query, expected, patience, frames).await;
                match outcome {
                    Outcome::Answer(Answer::Value { more: true }) => {}
                    Outcome::Answer(_) | Outcome::Lost { .. } => return outcome,
                    _ => continue,
                }
            }
            let mut whole = std::mem::take(wire.value());
            for sequence in 1..=u8::MAX {
                let Some(part) = self.target(at, 0).follow_up(query, sequence) else {
                    return Outcome::Noise;
                };
                tokio::time::sleep(gap).await;
                let frames = frames.as_deref_mut();
                outcome = self.ask(wire, at, &part, expected, patience, frames).await;
                whole.extend_from_slice(wire.value());
                match outcome {
                    Outcome::Answer(Answer::Value { more: true })
                        if whole.len() <= VALUE_BYTES_MAX => {}
                    Outcome::Answer(Answer::Value { more: false }) => {
                        *wire.value() = whole;
                        return outcome;
                    }
                    Outcome::Answer(Answer::Value { .. }) => return Outcome::Noise,
                    _ => break,
                }
            }
            if matches!(outcome, Outcome::Lost { .. }) {
                break;
            }
        }
        match outcome {
            // A restart that ended in "more follows" is not a value.
            Outcome::Answer(Answer::Value { more: true }) => Outcome::Noise,
            other => other,
        }
    }

    fn give_up(&mut self, key: FrameKey) {
        if !self.given_up.contains(&Some(key)) {
            self.given_up.rotate_right(1);
            self.given_up[0] = Some(key);
        }
    }
}

//! What is learnt about a meter on the way: its clock, its password, its health.

use std::sync::atomic::Ordering;

use super::Bus;
use crate::{event::GatewayEvent, schedule::Health};

/// A meter's clock is reported when it is so many seconds off (`meters.md` H.1 no. 11).
pub const CLOCK_ALARM_S: i64 = 120;

impl Bus {
    pub(super) fn known_clock(&self, at: usize) -> Option<i64> {
        let (off, learnt) = self.meters[at].clock_off?;
        let age = self.shared.clock.monotonic().saturating_sub(learnt);
        (age <= self.shared.timing.clock_fresh).then_some(off)
    }

    pub(super) fn note_clock(&mut self, at: usize, clock: i64) {
        let off = clock.saturating_sub(self.shared.clock.now().timestamp());
        let state = &mut self.meters[at];
        state.clock_off = Some((off, self.shared.clock.monotonic()));
        let alarm = off.abs() > CLOCK_ALARM_S;
        if alarm && !state.clock_alarm {
            let meter = self.plan.meters[at].key;
            self.shared.outbox.event(GatewayEvent::ClockOff { meter, seconds: off });
        }
        state.clock_alarm = alarm;
    }

    /// Wrong passwords lock a meter; one refusal is enough for a day (`meters.md` H.1 no. 13).
    pub(super) fn rest_password(&mut self, at: usize) {
        let until = self.shared.clock.monotonic() + self.shared.timing.password_rest;
        self.meters[at].password_rest = Some(until);
        let meter = self.plan.meters[at].key;
        self.shared.outbox.event(GatewayEvent::PasswordRefused { meter });
    }

    pub(super) fn note_health(&mut self, at: usize, health: Health) {
        let (meter, now) = (self.plan.meters[at].key, self.shared.clock.now());
        match health {
            Health::Unchanged => {}
            Health::WentSilent => {
                self.meters[at].silent = true;
                self.status.silent.fetch_add(1, Ordering::Relaxed);
                self.shared.outbox.event(GatewayEvent::MeterSilent { meter, at: now });
            }
            Health::CameBack => {
                self.meters[at].silent = false;
                self.status.silent.fetch_sub(1, Ordering::Relaxed);
                self.shared.outbox.event(GatewayEvent::MeterBack { meter, at: now });
            }
        }
    }
}

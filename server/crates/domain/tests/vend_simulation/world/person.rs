//! The persons: a tenant who wants the money back, and two operators who look at the meter.

use domain::{
    OperatorId, VendEvent, VendState,
    vend::{Evidence, Finding},
};
use uuid::Uuid;

use super::{Happening, World};

impl World<'_> {
    /// A tenant asks for the money back; the vend decides whether that is safe.
    pub(super) fn ask_refund(&mut self) {
        if self.current >= self.orders.len() {
            return;
        }
        match self.subject.fence(&self.memory, self.now()) {
            Ok(fenced) => {
                self.trace.line(self.now_ms, format_args!("refunded"));
                self.memory = fenced;
                self.stored = self.memory.clone();
                self.refund();
            }
            Err(refusal) => {
                self.trace.line(self.now_ms, format_args!("no refund: {refusal}"));
            }
        }
    }

    /// Two operators go to the meter, switch the DTU off so that no copy is left anywhere, read
    /// what is there, and settle what the saga could not.
    pub(super) fn person(&mut self) -> Result<(), String> {
        if self.current >= self.orders.len() {
            return Ok(());
        }
        if matches!(self.memory.state, VendState::Sent(_) | VendState::Intended(_)) {
            self.after(60_000, Happening::Person);
            return Ok(());
        }
        self.drop_copies();
        let parked = matches!(self.memory.state, VendState::NotApplied { parked: true, .. });
        if parked && self.rng.below(3) == 0 {
            self.after(900_000, Happening::Person);
            return self.told(self.life, self.current, VendEvent::Resend);
        }
        if self.memory.state.is_in_doubt() {
            self.resolve()?;
        } else if matches!(self.memory.state, VendState::Quarantined { .. }) {
            self.way_out();
        }
        Ok(())
    }

    fn resolve(&mut self) -> Result<(), String> {
        let there = self.meter.times(self.current) > 0;
        let finding = if there { Finding::Applied } else { Finding::NotDelivered };
        let evidence = Evidence {
            operator: OperatorId(Uuid::from_u128(1)),
            second: OperatorId(Uuid::from_u128(2)),
            reason: "seen at the meter".into(),
            seen: self.meter.registers(),
        };
        let settled = self.memory.resolve(finding, evidence, self.now());
        let (next, actions) = settled.map_err(|refusal| format!("persons: {refusal}"))?;
        self.trace.line(self.now_ms, format_args!("persons: {finding:?} {actions:?}"));
        self.tally.settled_by_persons += 1;
        self.orders[self.current].by_persons = true;
        self.memory = next;
        self.store()?;
        let current = self.current;
        for action in actions {
            self.carry_out(action);
        }
        if self.meter.counted {
            self.platform_count = Some(self.meter.count);
        }
        if there {
            // The order is booked and the next one has begun: it starts from the count seen.
            if self.current < self.orders.len() && self.current != current {
                self.memory.request.platform_count = self.platform_count;
                self.stored = self.memory.clone();
            }
            return Ok(());
        }
        self.way_out();
        Ok(())
    }

    /// Nothing of it can reach the meter any more: refund it, or start again from the count seen.
    fn way_out(&mut self) {
        if self.rng.below(2) == 0 {
            return self.ask_refund();
        }
        if self.meter.counted {
            self.platform_count = Some(self.meter.count);
        }
        let Ok(again) = self.memory.restart(self.platform_count) else { return };
        self.trace.line(self.now_ms, format_args!("starts again at {:?}", self.platform_count));
        self.memory = again;
        self.stored = self.memory.clone();
        self.watch.restart();
        self.after(900_000, Happening::Person);
        self.tell(1, VendEvent::Wake);
    }
}

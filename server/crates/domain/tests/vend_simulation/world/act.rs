//! The executor and the bus: what becomes of what a vend asks for.

use domain::{
    VendAction, VendEvent, VendState,
    vend::{SendOutcome, VendAlarm},
};

use super::{Happening, World};
use crate::meter::{Answer, Frame};

/// One exchange on the bus, and one that times out.
const EXCHANGE_MS: i64 = 500;
const TIMEOUT_MS: i64 = 2_000;
/// When persons come after an alarm.
const PERSON_MS: i64 = 900_000;

impl World<'_> {
    pub(super) fn carry_out(&mut self, action: VendAction) {
        match action {
            VendAction::ReadProof | VendAction::ReadBack => self.read(),
            VendAction::PersistIntent { count } => {
                let holder = count
                    .map(|count| *self.reserved.entry((self.epoch, count)).or_insert(self.current));
                let taken = holder.is_some_and(|holder| holder != self.current);
                let event = if taken { VendEvent::IntentTaken } else { VendEvent::IntentPersisted };
                self.tell(1, event);
            }
            VendAction::SendTopUp { count, amount_fen } => {
                let outcome = self.send(Frame { order: self.current, count, amount_fen });
                let slow = outcome == SendOutcome::NoAnswer;
                let delay = if slow { TIMEOUT_MS } else { EXCHANGE_MS };
                self.tell(delay, VendEvent::SendEnded(outcome));
                if self.chance(2) {
                    self.crash();
                }
            }
            VendAction::Applied { count, .. } => self.book(count),
            VendAction::Quarantine { .. } => {
                self.tally.quarantined += 1;
                self.after(PERSON_MS, Happening::Person);
                // A stray wake must not bring it back to life.
                self.tell(5_000, VendEvent::Wake);
            }
            VendAction::Voided => self.void(),
            VendAction::RetryAfter(delay) => {
                self.timer += 1;
                let (life, order, timer) = (self.life, self.current, self.timer);
                self.after(delay.as_millis() as i64, Happening::Ring { life, order, timer });
            }
            VendAction::Alarm(VendAlarm::Unreadable { .. } | VendAlarm::BalanceDiffers(_)) => {}
            VendAction::Alarm(_) => self.after(PERSON_MS, Happening::Person),
        }
    }

    fn read(&mut self) {
        let (life, order) = (self.life, self.current);
        if !self.bus_up || self.chance(self.rate) {
            self.tell(TIMEOUT_MS, VendEvent::ProofUnreadable);
        } else {
            self.after(EXCHANGE_MS, Happening::Read { life, order });
        }
    }

    /// Puts a frame on its way and says what the gateway saw of it.
    fn send(&mut self, frame: Frame) -> SendOutcome {
        if self.chance(self.rate / 6) {
            return SendOutcome::NotSent;
        }
        if !self.bus_up || self.chance(self.rate) {
            // Lost, or waiting somewhere.
            if self.rng.below(2) == 0 {
                let wait = self.rng.below(400_000) as i64;
                self.after(wait, Happening::Copy(frame));
            }
            return SendOutcome::NoAnswer;
        }
        if self.chance(self.rate / 10) {
            // The power fails in the meter; it may say no, yes, or nothing.
            let money = self.rng.below(3);
            if money < 2 {
                // Money without its count is the one case in which an earlier copy would pay
                // again, whatever the platform does; here none is left.
                self.drop_copies();
                self.meter.recharge_torn(frame, money == 0);
            }
            return match self.rng.below(3) {
                0 => SendOutcome::Accepted,
                1 => SendOutcome::Refused { serr: 1 },
                _ => SendOutcome::NoAnswer,
            };
        }
        let answer = self.meter.recharge(frame);
        self.trace.line(self.now_ms, format_args!("{frame:?}: {answer:?}"));
        // Without a count nothing protects the meter from a doubled frame, so none is doubled.
        if self.meter.counted && self.chance(self.rate / 2) {
            let again = self.meter.recharge(frame);
            self.after(self.rng.below(400_000) as i64, Happening::Copy(frame));
            if self.rng.below(2) == 0 {
                return seen(again);
            }
        }
        if self.chance(self.rate) { SendOutcome::NoAnswer } else { seen(answer) }
    }

    fn book(&mut self, count: Option<u32>) {
        let order = &mut self.orders[self.current];
        order.booked += 1;
        order.count = count;
        order.epoch = self.epoch;
        self.tally.delivered += 1;
        self.tally.delivered_after_doubt += u64::from(self.rate > 0);
        self.platform_count = count.or(self.platform_count);
        self.proceed();
    }

    /// The hold is free; the product leaves what follows to persons, a planted bug may refund.
    pub(super) fn void(&mut self) {
        let current = self.current;
        self.reserved.retain(|_, holder| *holder != current);
        if matches!(self.memory.state, VendState::Fenced { .. }) {
            self.refund();
        }
    }

    pub(super) fn refund(&mut self) {
        self.orders[self.current].refunded = true;
        self.tally.refunded += 1;
        let current = self.current;
        self.reserved.retain(|_, holder| *holder != current);
        self.proceed();
    }

    /// What a vend asks for after its end: only a mistake asks for anything.
    pub(super) fn carry_out_late(&mut self, action: VendAction) {
        match action {
            VendAction::Applied { .. } => self.orders[self.current].booked += 1,
            VendAction::SendTopUp { count, amount_fen } => {
                let frame = Frame { order: self.current, count, amount_fen };
                self.meter.recharge(frame);
            }
            VendAction::ReadProof | VendAction::ReadBack => {
                // It came back to life after its end: let it run on as it likes.
                let mut vend = self.memory.clone();
                let mut events = vec![
                    VendEvent::Wake,
                    VendEvent::ProofRead(self.meter.registers()),
                    VendEvent::IntentPersisted,
                ];
                for event in events.drain(..) {
                    let (next, actions) = self.subject.step(vend, event, self.now());
                    vend = next;
                    for action in actions {
                        if matches!(action, VendAction::SendTopUp { .. }) {
                            self.carry_out_late(action);
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

fn seen(answer: Answer) -> SendOutcome {
    match answer {
        Answer::Yes => SendOutcome::Accepted,
        Answer::No(serr) => SendOutcome::Refused { serr },
    }
}

//! Random sequences of transactions, the same for everybody who keeps books.
//!
//! The book in memory, the store on SQLite and the store on PostgreSQL replay the same sequence
//! and have to answer alike and end with the same balances. A sequence holds true events, replays,
//! contradictions, holds that are posted, given up, run out, ended twice or never placed, and
//! attempts to spend what is not there.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AccountId, HoldId, LandlordId, ManualClock, MerchantId, MeterId, Money, OperatorId, Purpose,
    Rng,
};

use crate::{
    hold::HoldChange,
    posting::Posting,
    template::{self, Booked, Purse, Till},
    transaction::{Key, Occurrence, Transaction},
};

/// The moment a sequence starts at, RFC 3339.
pub const START: &str = "2026-11-20T00:00:00Z";
/// The time from one step of a sequence to the next, in seconds.
pub const STEP_S: i64 = 30;
/// The largest amount of one event, in fen.
pub const AMOUNT_FEN_MAX: u64 = 20_000;

/// A sequence of `steps` transactions. The same generator state always gives the same sequence.
pub fn sequence(rng: &dyn Rng, steps: usize) -> Vec<Transaction> {
    let mut scene = Scene::new(rng);
    let mut made: Vec<Transaction> = Vec::with_capacity(steps);
    for step in 0..steps {
        let next = match rng.below(100) {
            0..10 => repeated(rng, &made, scene.at(step)),
            10..16 => contradicted(rng, &made),
            _ => scene.event(step),
        };
        // An event that cannot be made, or a repeat of nothing, gives way to a payment.
        made.extend(next.or_else(|| scene.payment(step)));
    }
    made
}

/// A replay: the same event, later.
fn repeated(rng: &dyn Rng, made: &[Transaction], at: DateTime<Utc>) -> Option<Transaction> {
    Some(Transaction { at, ..pick(rng, made)?.clone() })
}

/// The same key with something else in it.
fn contradicted(rng: &dyn Rng, made: &[Transaction]) -> Option<Transaction> {
    let mut changed = pick(rng, made)?.clone();
    let posting = changed.postings.first().copied();
    match (posting, rng.below(3)) {
        (Some(posting), 0) => {
            let more = posting.amount().checked_add(Money::from_fen(1)).ok()?;
            changed.postings[0] = Posting::new(posting.debit(), posting.credit(), more).ok()?;
        }
        (Some(posting), 1) => {
            let turned = Posting::new(posting.credit(), posting.debit(), posting.amount()).ok()?;
            changed.postings[0] = turned;
        }
        (Some(posting), _) => changed.postings.push(posting),
        (None, _) => {
            let id = HoldId(AccountId::generate(&ManualClock::at(START), rng).0);
            changed.hold = Some(HoldChange::Void { id });
        }
    }
    Some(changed)
}

fn pick<'a, T>(rng: &dyn Rng, from: &'a [T]) -> Option<&'a T> {
    let at = rng.below(u64::try_from(from.len()).ok()?);
    from.get(usize::try_from(at).ok()?)
}

/// A hold that was asked for; whether the book granted it is the book's affair.
#[derive(Clone, Copy)]
struct Asked {
    id: HoldId,
    purse: Purse,
    amount: Money,
}

/// The people and things of a sequence.
struct Scene<'a> {
    rng: &'a dyn Rng,
    start: DateTime<Utc>,
    purses: Vec<Purse>,
    meters: Vec<MeterId>,
    merchants: Vec<MerchantId>,
    operators: Vec<OperatorId>,
    landlords: Vec<LandlordId>,
    holds: Vec<Asked>,
}

impl<'a> Scene<'a> {
    fn new(rng: &'a dyn Rng) -> Self {
        let clock = ManualClock::at(START);
        let accounts: Vec<AccountId> = (0..4).map(|_| AccountId::generate(&clock, rng)).collect();
        let purse = |account, purpose| Purse { account, purpose };
        Scene {
            rng,
            start: domain::Clock::now(&clock),
            purses: accounts
                .iter()
                .flat_map(|a| [purse(*a, Purpose::Electricity), purse(*a, Purpose::Water)])
                .collect(),
            meters: (0..3).map(|_| MeterId::generate(&clock, rng)).collect(),
            merchants: (0..2).map(|_| MerchantId::generate(&clock, rng)).collect(),
            operators: (0..2).map(|_| OperatorId::generate(&clock, rng)).collect(),
            landlords: (0..2).map(|_| LandlordId::generate(&clock, rng)).collect(),
            holds: Vec::new(),
        }
    }

    fn at(&self, step: usize) -> DateTime<Utc> {
        self.start + TimeDelta::seconds(STEP_S * i64::try_from(step).unwrap_or(i64::MAX / STEP_S))
    }

    fn occurrence(&self, step: usize) -> Option<Occurrence> {
        let key = Key::new(format!("step:{step}")).ok()?;
        Some(Occurrence { key, at: self.at(step) })
    }

    fn amount(&self) -> Money {
        let fen = 1 + self.rng.below(AMOUNT_FEN_MAX);
        Money::from_fen(i64::try_from(fen).unwrap_or(1))
    }

    fn purse(&self) -> Option<Purse> {
        pick(self.rng, &self.purses).copied()
    }

    fn merchant(&self) -> Option<MerchantId> {
        pick(self.rng, &self.merchants).copied()
    }

    fn till(&self) -> Option<Till> {
        let operator = pick(self.rng, &self.operators).copied()?;
        let tills =
            [Till::Cash(operator), Till::Bank(self.merchant()?), Till::Pos(self.merchant()?)];
        pick(self.rng, &tills).copied()
    }

    fn payment(&self, step: usize) -> Option<Transaction> {
        let (occurrence, amount) = (self.occurrence(step)?, self.amount());
        template::payment_received(occurrence, self.merchant()?, self.purse()?, amount).ok()
    }

    fn event(&mut self, step: usize) -> Option<Transaction> {
        match self.rng.below(100) {
            0..25 => self.payment(step),
            25..37 => self.incoming(step),
            37..50 => self.placed(step),
            50..65 => self.ended(step),
            65..80 => self.used(step),
            80..92 => self.refunded(step),
            _ => self.settled(step),
        }
    }

    /// Money that comes in by other doors.
    fn incoming(&self, step: usize) -> Option<Transaction> {
        let (o, amount, purse) = (self.occurrence(step)?, self.amount(), self.purse()?);
        let merchant = self.merchant()?;
        let booked: Booked = match self.rng.below(6) {
            0 => template::payment_received_duplicate(o, merchant, amount),
            1 => template::payment_received_unmatched(o, merchant, amount),
            2 => template::unmatched_resolved(o, purse, amount),
            3 => template::unmatched_returned(o, amount),
            4 => template::counter_sale_reversed(o, self.till()?, purse, amount),
            _ => template::counter_sale(o, self.till()?, purse, amount),
        };
        booked.ok()
    }

    /// Money set aside, with and without an end.
    fn placed(&mut self, step: usize) -> Option<Transaction> {
        let (o, amount, purse) = (self.occurrence(step)?, self.amount(), self.purse()?);
        let id = HoldId::generate(&ManualClock::at(START), self.rng);
        self.holds.push(Asked { id, purse, amount });
        if self.rng.below(3) == 0 {
            let expires_at = o.at + TimeDelta::seconds(STEP_S * 10);
            return template::amount_held(o, id, purse, amount, expires_at).ok();
        }
        if self.rng.below(4) == 0 {
            return template::card_held(o, id, purse, amount).ok();
        }
        template::vend_held(o, id, purse, amount).ok()
    }

    /// A hold ended: rightly, twice, too early, by the wrong amount, or never placed.
    fn ended(&self, step: usize) -> Option<Transaction> {
        let o = self.occurrence(step)?;
        let Asked { id, purse, mut amount } = *pick(self.rng, &self.holds)?;
        let meter = *pick(self.rng, &self.meters)?;
        Some(match self.rng.below(12) {
            10 | 11 => template::card_written(o, id, purse, meter, amount).ok()?,
            0 => template::hold_released(o, id),
            1 | 2 => template::hold_expired(o, id),
            3 => template::vend_voided(o, id),
            4 => template::vend_voided(o, HoldId::generate(&ManualClock::at(START), self.rng)),
            5 => {
                amount = self.amount();
                template::vend_applied(o, id, purse, meter, amount).ok()?
            }
            _ => template::vend_applied(o, id, purse, meter, amount).ok()?,
        })
    }

    /// What was used.
    fn used(&self, step: usize) -> Option<Transaction> {
        let (o, amount, purse) = (self.occurrence(step)?, self.amount(), self.purse()?);
        let meter = *pick(self.rng, &self.meters)?;
        let booked: Booked = match self.rng.below(7) {
            6 => template::meter_value_found(o, meter, purse.purpose, amount),
            0 => template::meter_consumption(o, meter, purse.purpose, amount),
            1 => template::meter_value_returned(o, meter, purse, amount),
            2 => template::consumption_credited(o, purse, amount),
            3 => template::arrears_written_off(o, purse, amount),
            _ => template::consumption_billed(o, purse, amount),
        };
        booked.ok()
    }

    /// Money that goes back or over to somebody else.
    fn refunded(&self, step: usize) -> Option<Transaction> {
        let (o, amount, purse) = (self.occurrence(step)?, self.amount(), self.purse()?);
        let other = Purse { purpose: purse.purpose, ..self.purse()? };
        match self.rng.below(7) {
            0 => template::refund_done(o, self.merchant()?, amount).ok(),
            1 => template::refund_paid_at_counter(o, self.till()?, amount).ok(),
            2 => template::refund_failed_back(o, purse, amount).ok(),
            3 => template::purse_transferred(o, purse, other, amount).ok(),
            4 => {
                let rests = [(purse, amount), (other, self.amount())];
                let rests = if purse == other { &rests[..1] } else { &rests[..] };
                template::account_closed(o, rests).ok()
            }
            _ => template::refund_started(o, purse, amount).ok(),
        }
    }

    /// Money between us, the providers, the bank and the landlords.
    fn settled(&self, step: usize) -> Option<Transaction> {
        let (o, amount, merchant) = (self.occurrence(step)?, self.amount(), self.merchant()?);
        let landlord = *pick(self.rng, &self.landlords)?;
        let operator = *pick(self.rng, &self.operators)?;
        let booked: Booked = match self.rng.below(5) {
            0 => template::provider_fee(o, merchant, amount),
            1 => template::provider_settled(o, merchant, amount),
            2 => template::settlement_landlord(o, Purpose::Electricity, landlord, amount),
            3 => template::settlement_paid(o, landlord, merchant, amount),
            _ => template::cash_banked(o, operator, merchant, amount),
        };
        booked.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::SeededRng;

    use super::*;
    use crate::{Book, Outcome, Refusal, Template};

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let table = [(7, 7, true), (7, 8, false)];
        for (one, other, same) in table {
            let got = sequence(&SeededRng::new(one), 300) == sequence(&SeededRng::new(other), 300);
            assert_eq!(got, same, "{one} {other}");
        }
    }

    #[test]
    fn a_long_sequence_meets_every_template_and_every_refusal_a_caller_can_cause() {
        let mut book = Book::new();
        let (mut templates, mut answers) = (BTreeSet::new(), BTreeSet::new());
        for transaction in sequence(&SeededRng::new(7), 5000) {
            templates.insert(transaction.template);
            answers.insert(match book.apply(&transaction) {
                Ok(Outcome::Applied) => "applied",
                Ok(Outcome::Exists) => "exists",
                Err(Refusal::Contradiction { .. }) => "contradiction",
                Err(Refusal::NotEnough { .. }) => "not enough",
                Err(Refusal::UnknownHold) => "unknown hold",
                Err(Refusal::HoldEnded { .. }) => "hold ended",
                Err(Refusal::HoldMismatch) => "hold mismatch",
                Err(Refusal::NotExpired) => "not expired",
                Err(other) => panic!("{other}"),
            });
        }
        assert_eq!(templates, Template::ALL.iter().copied().collect());
        assert_eq!(answers.len(), 8, "{answers:?}");
    }
}

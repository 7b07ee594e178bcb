//! Money in the meter and the purchase-count rules of facts A.6, with the meter's own book of
//! what was really applied.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::config::Firmware;

/// Purchases a meter remembers for 0333xxxx.
const RECORDS_MAX: usize = 10;

/// Applied top-ups kept for the oracle; the sum and the number go on beyond it.
pub const APPLIED_MAX: usize = 4_096;

/// Where a purchase came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A command over the wire, applied whole.
    Wire,
    /// A command over the wire, applied in part (fault `partial_apply`).
    Partial,
    /// Bought elsewhere: another system, a card (fault `count_jump`).
    Foreign,
}

/// One top-up the meter applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedTopup {
    /// Purchase count after it.
    pub count: u32,
    /// Money, fen.
    pub amount_fen: u64,
    /// UTC microseconds since 1970, in the machine's clock.
    pub at_unix_us: i64,
    /// Where it came from.
    pub origin: Origin,
}

/// One record of 0333xxxx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Purchase {
    pub local_s: i64,
    pub count: u32,
    pub amount_fen: u64,
    pub before_fen: u64,
    pub after_fen: u64,
    pub cumulative_fen: u64,
}

/// Why the meter refuses money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Other,
    Repeated,
    Mac,
    Customer,
    Count,
    Hoarding,
}

impl Refusal {
    /// SERR, two bytes low first (firmware A), or the vendor byte (firmware C).
    pub fn bytes(self, firmware: Firmware) -> Vec<u8> {
        let serr: u16 = match self {
            Self::Other => 0x0001,
            Self::Repeated => 0x0002,
            Self::Mac => 0x0004,
            Self::Customer => 0x0010,
            Self::Count => 0x0020,
            Self::Hoarding => 0x0040,
        };
        match (firmware, self) {
            (Firmware::A, _) => serr.to_le_bytes().to_vec(),
            (Firmware::C, Self::Repeated | Self::Count) => vec![0x80],
            (Firmware::C, Self::Customer) => vec![0x81],
            (Firmware::C, _) => vec![0x84],
        }
    }
}

/// A recharge or opening as it came over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TopUp {
    pub amount_fen: u64,
    pub count: u32,
    pub customer: [u8; 6],
    pub macs: [[u8; 4]; 2],
}

/// The moment of a purchase in the meter's calendar and in the log's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub local_s: i64,
    pub sim_us: u64,
}

/// An applied top-up with the simulated time it happened at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub count: u32,
    pub amount_fen: u64,
    pub sim_us: u64,
    pub origin: Origin,
}

/// The money side of one meter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purse {
    pub remaining_fen: u64,
    pub overdraft_fen: u64,
    pub overdraft_limit_fen: u64,
    pub hoard_limit_fen: u64,
    pub count: u32,
    pub opened: bool,
    pub customer: [u8; 6],
    pub cumulative_fen: u64,
    pub mac: Option<[u8; 4]>,
    pub records: VecDeque<Purchase>,
    pub applied: VecDeque<Applied>,
    pub applied_sum_fen: u64,
    pub applied_count: u64,
}

impl Purse {
    /// Balance with debt as a negative number, fen.
    pub fn balance_fen(&self) -> i64 {
        self.remaining_fen as i64 - self.overdraft_fen as i64
    }

    /// What may still be used before the relay opens, fen.
    pub fn spendable_fen(&self) -> u64 {
        (self.remaining_fen + self.overdraft_limit_fen).saturating_sub(self.overdraft_fen)
    }

    /// Takes the cost of supply: first what remains, then debt.
    pub fn spend(&mut self, fen: u64) {
        let from_rest = fen.min(self.remaining_fen);
        self.remaining_fen -= from_rest;
        self.overdraft_fen += fen - from_rest;
    }

    /// 070102FF. The order of checks is facts A.6: customer, count, hoarding, MAC, money.
    pub fn recharge(
        &mut self,
        firmware: Firmware,
        top_up: TopUp,
        at: Moment,
        partly: bool,
    ) -> Result<(), Refusal> {
        let opens_itself = firmware == Firmware::C && top_up.count == 1;
        if !self.opened && !opens_itself {
            return Err(Refusal::Other);
        }
        if self.opened && top_up.customer != self.customer {
            return Err(Refusal::Customer);
        }
        if top_up.count == self.count {
            return Err(Refusal::Repeated);
        }
        self.take(top_up, at, partly)?;
        if !self.opened {
            self.opened = true;
            self.customer = top_up.customer;
        }
        Ok(())
    }

    /// 070101FF: as a recharge, but an equal count only sets the flag.
    pub fn open(&mut self, top_up: TopUp, at: Moment, partly: bool) -> Result<(), Refusal> {
        if !self.opened && (top_up.count > 1 || self.count > 1) {
            return Err(Refusal::Count);
        }
        if self.opened && top_up.customer != self.customer {
            return Err(Refusal::Customer);
        }
        if top_up.count != self.count {
            self.take(top_up, at, partly)?;
        }
        self.opened = true;
        self.customer = top_up.customer;
        Ok(())
    }

    /// Count, hoarding limit, MAC, then money.
    fn take(&mut self, top_up: TopUp, at: Moment, partly: bool) -> Result<(), Refusal> {
        if top_up.count != self.count.wrapping_add(1) {
            return Err(Refusal::Count);
        }
        let paid_off = self.overdraft_fen.min(top_up.amount_fen);
        let after = self.remaining_fen + top_up.amount_fen - paid_off;
        if self.hoard_limit_fen > 0 && after > self.hoard_limit_fen {
            return Err(Refusal::Hoarding);
        }
        if self.mac.is_some_and(|mac| top_up.macs != [mac, mac]) {
            return Err(Refusal::Mac);
        }
        if partly {
            self.apply_partly(top_up, at);
            return Err(Refusal::Other);
        }
        self.apply(top_up.amount_fen, at, Origin::Wire);
        Ok(())
    }

    /// Adds money under the next count and writes the record and the oracle's book.
    pub fn apply(&mut self, amount_fen: u64, at: Moment, origin: Origin) {
        let before_fen = self.remaining_fen;
        self.credit(amount_fen);
        self.count = self.count.wrapping_add(1);
        let record = Purchase {
            local_s: at.local_s,
            count: self.count,
            amount_fen,
            before_fen,
            after_fen: self.remaining_fen,
            cumulative_fen: self.cumulative_fen,
        };
        self.records.push_front(record);
        self.records.truncate(RECORDS_MAX);
        self.note(amount_fen, at, origin);
    }

    /// The field capture of facts H.1 row 2: count and half the money are in, the record is not,
    /// so that a read-back agrees neither with before nor with the target.
    fn apply_partly(&mut self, top_up: TopUp, at: Moment) {
        self.credit(top_up.amount_fen / 2);
        self.count = self.count.wrapping_add(1);
        self.note(top_up.amount_fen / 2, at, Origin::Partial);
    }

    fn credit(&mut self, amount_fen: u64) {
        let paid_off = self.overdraft_fen.min(amount_fen);
        self.overdraft_fen -= paid_off;
        self.remaining_fen += amount_fen - paid_off;
        self.cumulative_fen += amount_fen;
    }

    fn note(&mut self, amount_fen: u64, at: Moment, origin: Origin) {
        let applied = Applied { count: self.count, amount_fen, sim_us: at.sim_us, origin };
        if self.applied.len() == APPLIED_MAX {
            self.applied.pop_front();
        }
        self.applied.push_back(applied);
        if origin != Origin::Foreign {
            self.applied_sum_fen += amount_fen;
            self.applied_count += 1;
        }
    }

    /// 070103FF: wallet initialised; the book of the oracle stays, it is not the meter's.
    pub fn initialise(&mut self, amount_fen: u64) {
        self.remaining_fen = amount_fen;
        self.overdraft_fen = 0;
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMER: [u8; 6] = [0x56, 0x34, 0x12, 0, 0, 0];
    const STRANGER: [u8; 6] = [9, 0, 0, 0, 0, 0];
    const GOOD: [u8; 4] = [1, 2, 3, 4];
    const BAD: [u8; 4] = [0; 4];
    const AT: Moment = Moment { local_s: 0, sim_us: 0 };

    fn purse(opened: bool, count: u32) -> Purse {
        Purse {
            opened,
            count,
            customer: CUSTOMER,
            remaining_fen: 500,
            hoard_limit_fen: 20_000,
            mac: Some(GOOD),
            ..Purse::default()
        }
    }

    fn top_up(count: u32, customer: [u8; 6], amount_fen: u64, mac: [u8; 4]) -> TopUp {
        TopUp { amount_fen, count, customer, macs: [mac, mac] }
    }

    type Row = (bool, u32, u32, [u8; 6], u64, [u8; 4], Result<(), Refusal>, (bool, u32, u64));

    fn check(rows: &[Row], act: impl Fn(&mut Purse, TopUp) -> Result<(), Refusal>) {
        for &(opened, m, c, customer, amount, mac, outcome, after) in rows {
            let mut purse = purse(opened, m);
            let said = act(&mut purse, top_up(c, customer, amount, mac));
            assert_eq!(said, outcome, "opened {opened}, m {m}, c {c}");
            let is = (purse.opened, purse.count, purse.remaining_fen);
            assert_eq!(is, after, "opened {opened}, m {m}, c {c}");
            assert_eq!(purse.applied_sum_fen, purse.remaining_fen - 500);
        }
    }

    #[test]
    fn recharge_follows_every_row_of_the_table_in_firmware_a() {
        use Refusal::{Count, Customer, Hoarding, Mac, Other, Repeated};
        let rows: [Row; 10] = [
            (false, 0, 1, CUSTOMER, 100, GOOD, Err(Other), (false, 0, 500)),
            (true, 7, 8, STRANGER, 100, GOOD, Err(Customer), (true, 7, 500)),
            (true, 7, 6, CUSTOMER, 100, GOOD, Err(Count), (true, 7, 500)),
            (true, 7, 7, CUSTOMER, 100, GOOD, Err(Repeated), (true, 7, 500)),
            (true, 7, 8, CUSTOMER, 100, GOOD, Ok(()), (true, 8, 600)),
            (true, 7, 9, CUSTOMER, 100, GOOD, Err(Count), (true, 7, 500)),
            (true, 7, 8, CUSTOMER, 19_501, BAD, Err(Hoarding), (true, 7, 500)),
            (true, 7, 8, CUSTOMER, 19_500, BAD, Err(Mac), (true, 7, 500)),
            (true, 7, 8, CUSTOMER, 19_500, GOOD, Ok(()), (true, 8, 20_000)),
            (true, 0, 1, CUSTOMER, 1, GOOD, Ok(()), (true, 1, 501)),
        ];
        check(&rows, |purse, top_up| purse.recharge(Firmware::A, top_up, AT, false));
    }

    #[test]
    fn firmware_c_opens_itself_with_the_first_count() {
        use Refusal::{Count, Customer, Other, Repeated};
        let rows: [Row; 6] = [
            (false, 0, 1, STRANGER, 100, GOOD, Ok(()), (true, 1, 600)),
            (false, 0, 2, CUSTOMER, 100, GOOD, Err(Other), (false, 0, 500)),
            (true, 7, 7, CUSTOMER, 100, GOOD, Err(Repeated), (true, 7, 500)),
            (true, 7, 9, CUSTOMER, 100, GOOD, Err(Count), (true, 7, 500)),
            (true, 7, 8, STRANGER, 100, GOOD, Err(Customer), (true, 7, 500)),
            (true, 7, 8, CUSTOMER, 100, GOOD, Ok(()), (true, 8, 600)),
        ];
        check(&rows, |purse, top_up| purse.recharge(Firmware::C, top_up, AT, false));
        for (refusal, c) in [(Repeated, 0x80), (Count, 0x80), (Customer, 0x81), (Other, 0x84)] {
            assert_eq!(refusal.bytes(Firmware::C), [c]);
        }
    }

    #[test]
    fn opening_follows_every_row_of_the_table() {
        use Refusal::{Count, Customer, Hoarding, Mac};
        let rows: [Row; 9] = [
            (false, 0, 0, CUSTOMER, 100, BAD, Ok(()), (true, 0, 500)),
            (false, 0, 1, CUSTOMER, 100, GOOD, Ok(()), (true, 1, 600)),
            (false, 0, 1, CUSTOMER, 100, BAD, Err(Mac), (false, 0, 500)),
            (false, 0, 1, CUSTOMER, 20_000, GOOD, Err(Hoarding), (false, 0, 500)),
            (false, 0, 2, CUSTOMER, 100, GOOD, Err(Count), (false, 0, 500)),
            (false, 2, 1, CUSTOMER, 100, GOOD, Err(Count), (false, 2, 500)),
            (false, 1, 0, CUSTOMER, 100, GOOD, Err(Count), (false, 1, 500)),
            (true, 3, 3, CUSTOMER, 100, GOOD, Ok(()), (true, 3, 500)),
            (true, 3, 4, STRANGER, 100, GOOD, Err(Customer), (true, 3, 500)),
        ];
        check(&rows, |purse, top_up| purse.open(top_up, AT, false));
    }

    #[test]
    fn debt_is_paid_first_and_the_record_tells_the_purchase() {
        let mut purse = purse(true, 1);
        purse.spend(800);
        assert_eq!((purse.balance_fen(), purse.overdraft_fen), (-300, 300));
        purse.recharge(Firmware::A, top_up(2, CUSTOMER, 1_000, GOOD), AT, false).unwrap();
        assert_eq!((purse.balance_fen(), purse.overdraft_fen), (700, 0));
        let record = purse.records[0];
        assert_eq!((record.count, record.amount_fen, record.before_fen), (2, 1_000, 0));
        assert_eq!((record.after_fen, record.cumulative_fen), (700, 1_000));
    }

    #[test]
    fn a_part_applied_purchase_agrees_neither_with_before_nor_after() {
        let mut purse = purse(true, 7);
        let said = purse.recharge(Firmware::A, top_up(8, CUSTOMER, 1_000, GOOD), AT, true);
        assert_eq!(said, Err(Refusal::Other));
        assert_eq!((purse.count, purse.remaining_fen, purse.records.len()), (8, 1_000, 0));
        assert_eq!(purse.applied[0].origin, Origin::Partial);
    }

    #[test]
    fn serr_travels_low_byte_first() {
        assert_eq!(Refusal::Repeated.bytes(Firmware::A), [0x02, 0x00]);
        assert_eq!(Refusal::Hoarding.bytes(Firmware::A), [0x40, 0x00]);
    }
}

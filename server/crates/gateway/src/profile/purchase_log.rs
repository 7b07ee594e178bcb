//! The meter's own log of its last purchases: what it says when its count is not ours.

use serde::Deserialize;

use super::{Identifier, Read};

/// The most records of a log that are read.
pub const RECORDS_MAX: u8 = 10;

/// Where a model keeps its last purchases: the same reads for every record, a step apart.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurchaseLog {
    /// How many records it keeps, at most [`RECORDS_MAX`] of which are read.
    pub records: u8,
    /// How far apart two records lie: identifiers of DL/T 645, registers of Modbus.
    pub step: u16,
    /// The reads of the newest record.
    pub read: Vec<Read>,
}

impl PurchaseLog {
    /// A read of the record `back` before the newest.
    pub fn read_back(&self, read: u8, back: u8) -> Option<Read> {
        let mut read = self.read.get(usize::from(read))?.clone();
        let far = u16::from(back).checked_mul(self.step)?;
        if let Some(Identifier { number, digits }) = read.identifier {
            let number = number.checked_add(u32::from(far))?;
            read.identifier = Some(Identifier { number, digits });
        }
        if let Some(register) = read.register {
            read.register = Some(register.checked_add(far)?);
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use crate::{command::Exchange, item::Item, item::Value, profile::Profiles};

    #[test]
    fn the_records_of_a_log_lie_a_step_apart() {
        // (profile, read, how far back, identifier, register)
        let table = [
            ("dlt645-2007-prepaid", 0, 0, Some(0x0333_0201), None),
            ("dlt645-2007-prepaid", 1, 9, Some(0x0333_030A), None),
            ("dlt645-2007-prepaid", 2, 1, Some(0x0333_0102), None),
            ("eastron-sdm530y", 0, 0, None, Some(0x0500)),
            ("eastron-sdm530y", 0, 9, None, Some(0x055A)),
        ];
        let profiles = Profiles::embedded().unwrap();
        for (name, read, back, identifier, register) in table {
            let log = profiles.get(name).unwrap().purchase_log.clone().unwrap();
            let read = log.read_back(read, back).unwrap();
            let got = (read.identifier.map(|identifier| identifier.number), read.register);
            assert_eq!(got, (identifier, register), "{name} {back}");
        }
    }

    #[test]
    fn a_log_is_told_record_by_record() {
        let of = |count: i64, amount: i64| {
            [
                (Item::PurchaseCount, Value::Number(count)),
                (Item::LastPurchaseAmount, Value::Number(amount)),
            ]
        };
        let (newest, before) = (of(7, 5_000), of(6, 100));
        let values = [newest, before].concat();
        let exchange = Exchange { values, address: None, frames: Vec::new() };
        assert_eq!(exchange.records(), [&newest[..], &before[..]]);
        let none = Exchange { values: Vec::new(), address: None, frames: Vec::new() };
        assert!(none.records().is_empty());
    }
}

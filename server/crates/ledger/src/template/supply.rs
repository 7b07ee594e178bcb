//! What was used, and what becomes of a meter's or an account's rest.

use domain::{MeterId, Money};

use super::{Booked, Purse, Template, one};
use crate::{
    account::LedgerAccount,
    posting::{Posting, PostingError},
    transaction::{Occurrence, Transaction},
};

/// A platform-held meter's use is billed: purse → revenue of the same purpose. The purse may run
/// into arrears.
pub fn consumption_billed(occurrence: Occurrence, purse: Purse, amount: Money) -> Booked {
    let revenue = LedgerAccount::Revenue(purse.purpose);
    one(occurrence, Template::ConsumptionBilled, purse, revenue, amount)
}

/// A bill line is corrected in the tenant's favour: revenue → purse.
pub fn consumption_credited(occurrence: Occurrence, purse: Purse, amount: Money) -> Booked {
    let revenue = LedgerAccount::Revenue(purse.purpose);
    one(occurrence, Template::ConsumptionCredited, revenue, purse, amount)
}

/// A meter-held meter's use is recognised from its registers: on meter → revenue. The meter may
/// be overdrawn.
pub fn meter_consumption(
    occurrence: Occurrence,
    meter: MeterId,
    purpose: domain::Purpose,
    amount: Money,
) -> Booked {
    let (meter, revenue) = (LedgerAccount::OnMeter(meter), LedgerAccount::Revenue(purpose));
    one(occurrence, Template::MeterConsumption, meter, revenue, amount)
}

/// A meter was read to hold more than the books had put on it: an opening balance, or a sale of
/// another system. Nobody paid it to us, so it lessens what was earned: revenue → on meter.
pub fn meter_value_found(
    occurrence: Occurrence,
    meter: MeterId,
    purpose: domain::Purpose,
    amount: Money,
) -> Booked {
    let (meter, revenue) = (LedgerAccount::OnMeter(meter), LedgerAccount::Revenue(purpose));
    one(occurrence, Template::MeterValueFound, revenue, meter, amount)
}

/// What a removed or emptied meter still held goes back: on meter → purse.
pub fn meter_value_returned(
    occurrence: Occurrence,
    meter: MeterId,
    purse: Purse,
    amount: Money,
) -> Booked {
    let meter = LedgerAccount::OnMeter(meter);
    one(occurrence, Template::MeterValueReturned, meter, purse, amount)
}

/// Money moves to another tenant's purse (过户): purse → purse, of the same purpose only.
///
/// Fails with [`TransferError::OtherPurpose`] when the purposes differ: energy money never pays a
/// fee.
pub fn purse_transferred(
    occurrence: Occurrence,
    from: Purse,
    to: Purse,
    amount: Money,
) -> Result<Transaction, TransferError> {
    if from.purpose != to.purpose {
        return Err(TransferError::OtherPurpose);
    }
    Ok(one(occurrence, Template::PurseTransferred, from, to, amount)?)
}

/// Why money does not move from purse to purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The purses are for different purposes.
    #[error("the purses are for different purposes")]
    OtherPurpose,
    /// The posting is not one.
    #[error("the transfer cannot be posted")]
    Posting(#[from] PostingError),
}

/// An account is closed (销户): whatever its purses hold is to be refunded, purse → refund due,
/// one posting per purse that holds something. Fails when none does.
pub fn account_closed(occurrence: Occurrence, rests: &[(Purse, Money)]) -> Booked {
    let postings: Result<Vec<Posting>, PostingError> = rests
        .iter()
        .filter(|(_, rest)| rest.is_positive())
        .map(|(purse, rest)| Posting::new((*purse).into(), LedgerAccount::RefundDue, *rest))
        .collect();
    let postings = postings?;
    if postings.is_empty() {
        return Err(PostingError::NotPositive);
    }
    Ok(Transaction::from_rows(occurrence, Template::AccountClosed, postings, None))
}

/// Arrears that will not be paid are given up: revenue → purse.
pub fn arrears_written_off(occurrence: Occurrence, purse: Purse, amount: Money) -> Booked {
    let revenue = LedgerAccount::Revenue(purse.purpose);
    one(occurrence, Template::ArrearsWrittenOff, revenue, purse, amount)
}

//! Money on its way into a meter, and other money set aside.

use chrono::{DateTime, Utc};
use domain::{HoldId, MeterId, Money};

use super::{Booked, Purse, Template};
use crate::{
    account::LedgerAccount,
    hold::HoldChange,
    posting::{Posting, PostingError},
    transaction::{Occurrence, Transaction},
};

pub(super) fn place(
    occurrence: Occurrence,
    template: Template,
    id: HoldId,
    purse: Purse,
    amount: Money,
    expires_at: Option<DateTime<Utc>>,
) -> Booked {
    if !amount.is_positive() {
        return Err(PostingError::NotPositive);
    }
    let account = purse.into();
    let change = HoldChange::Place { id, account, amount, expires_at };
    Ok(Transaction::of_hold(occurrence, template, change))
}

/// Paid but not yet on the meter: the purse's money is held, without an end, because only a
/// read-back or a person may end the doubt (I6).
pub fn vend_held(occurrence: Occurrence, hold: HoldId, purse: Purse, amount: Money) -> Booked {
    place(occurrence, Template::VendHeld, hold, purse, amount, None)
}

/// The meter was read to hold the purchase: the hold is posted, purse → on meter.
pub fn vend_applied(
    occurrence: Occurrence,
    hold: HoldId,
    purse: Purse,
    meter: MeterId,
    amount: Money,
) -> Booked {
    let posting = Posting::new(purse.into(), LedgerAccount::OnMeter(meter), amount);
    let change = HoldChange::Post { id: hold };
    Transaction::of(occurrence, Template::VendApplied, posting, Some(change))
}

/// The purchase is proven not to have reached the meter: the hold is void, the money free.
pub fn vend_voided(occurrence: Occurrence, hold: HoldId) -> Transaction {
    Transaction::of_hold(occurrence, Template::VendVoided, HoldChange::Void { id: hold })
}

/// Money is set aside until a moment; after it the hold may run out.
pub fn amount_held(
    occurrence: Occurrence,
    hold: HoldId,
    purse: Purse,
    amount: Money,
    expires_at: DateTime<Utc>,
) -> Booked {
    place(occurrence, Template::AmountHeld, hold, purse, amount, Some(expires_at))
}

/// A bounded hold is given up.
pub fn hold_released(occurrence: Occurrence, hold: HoldId) -> Transaction {
    Transaction::of_hold(occurrence, Template::HoldReleased, HoldChange::Void { id: hold })
}

/// A bounded hold's time is over. The book refuses it before that, and for holds without an end.
pub fn hold_expired(occurrence: Occurrence, hold: HoldId) -> Transaction {
    Transaction::of_hold(occurrence, Template::HoldExpired, HoldChange::Expire { id: hold })
}

//! Money on its way onto a card.

use domain::{HoldId, MeterId, Money};

use super::{Booked, Purse, Template, vend::place};
use crate::{
    account::LedgerAccount,
    hold::HoldChange,
    posting::Posting,
    transaction::{Occurrence, Transaction},
};

/// A voucher was made: the purse's money is held, without an end, because only the card itself
/// tells whether it carries it (V6).
pub fn card_held(occurrence: Occurrence, hold: HoldId, purse: Purse, amount: Money) -> Booked {
    place(occurrence, Template::CardHeld, hold, purse, amount, None)
}

/// The card was read to carry the voucher: the hold is posted, purse → on card.
pub fn card_written(
    occurrence: Occurrence,
    hold: HoldId,
    purse: Purse,
    meter: MeterId,
    amount: Money,
) -> Booked {
    let posting = Posting::new(purse.into(), LedgerAccount::OnCard(meter), amount);
    let change = HoldChange::Post { id: hold };
    Transaction::of(occurrence, Template::CardWritten, posting, Some(change))
}

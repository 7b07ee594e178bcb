//! Money that comes in through a provider.

use domain::{MerchantId, Money};

use super::{Booked, Purse, Template, one};
use crate::{account::LedgerAccount, transaction::Occurrence};

/// A provider confirmed a payment that fits its order: provider → purse.
pub fn payment_received(
    occurrence: Occurrence,
    merchant: MerchantId,
    purse: Purse,
    amount: Money,
) -> Booked {
    let provider = LedgerAccount::Provider(merchant);
    one(occurrence, Template::PaymentReceived, provider, purse, amount)
}

/// A provider confirmed a second payment for the same order: provider → unmatched, never the
/// purse twice (I3).
pub fn payment_received_duplicate(
    occurrence: Occurrence,
    merchant: MerchantId,
    amount: Money,
) -> Booked {
    let provider = LedgerAccount::Provider(merchant);
    let unmatched = LedgerAccount::Unmatched;
    one(occurrence, Template::PaymentReceivedDuplicate, provider, unmatched, amount)
}

/// A provider confirmed a payment that fits no order, or not in amount: provider → unmatched.
pub fn payment_received_unmatched(
    occurrence: Occurrence,
    merchant: MerchantId,
    amount: Money,
) -> Booked {
    let provider = LedgerAccount::Provider(merchant);
    let unmatched = LedgerAccount::Unmatched;
    one(occurrence, Template::PaymentReceivedUnmatched, provider, unmatched, amount)
}

/// A person found where unmatched money belongs: unmatched → purse.
pub fn unmatched_resolved(occurrence: Occurrence, purse: Purse, amount: Money) -> Booked {
    one(occurrence, Template::UnmatchedResolved, LedgerAccount::Unmatched, purse, amount)
}

/// A person sends unmatched money back to its payer: unmatched → refund due.
pub fn unmatched_returned(occurrence: Occurrence, amount: Money) -> Booked {
    let (unmatched, due) = (LedgerAccount::Unmatched, LedgerAccount::RefundDue);
    one(occurrence, Template::UnmatchedReturned, unmatched, due, amount)
}

//! Money that goes back.

use domain::{MerchantId, Money};

use super::{Booked, Purse, Template, Till, one};
use crate::{account::LedgerAccount, transaction::Occurrence};

/// A refund is decided: purse → refund due, before the provider is asked (matrix 14K).
pub fn refund_started(occurrence: Occurrence, purse: Purse, amount: Money) -> Booked {
    one(occurrence, Template::RefundStarted, purse, LedgerAccount::RefundDue, amount)
}

/// The provider confirmed the refund: refund due → provider.
pub fn refund_done(occurrence: Occurrence, merchant: MerchantId, amount: Money) -> Booked {
    let provider = LedgerAccount::Provider(merchant);
    one(occurrence, Template::RefundDone, LedgerAccount::RefundDue, provider, amount)
}

/// A refund was paid out at the counter: refund due → till.
pub fn refund_paid_at_counter(occurrence: Occurrence, till: Till, amount: Money) -> Booked {
    let due = LedgerAccount::RefundDue;
    one(occurrence, Template::RefundPaidAtCounter, due, till.account(), amount)
}

/// The provider refused the refund for good: refund due → purse.
pub fn refund_failed_back(occurrence: Occurrence, purse: Purse, amount: Money) -> Booked {
    one(occurrence, Template::RefundFailedBack, LedgerAccount::RefundDue, purse, amount)
}

//! One named template per business event: the caller states what happened, the template picks the
//! accounts.

mod card;
mod counter;
mod payment;
mod refund;
mod settlement;
mod supply;
mod vend;

pub use card::*;
pub use counter::*;
pub use payment::*;
pub use refund::*;
pub use settlement::*;
pub use supply::*;
pub use vend::*;

use std::{fmt, str::FromStr};

use domain::{AccountId, MerchantId, Money, OperatorId, Purpose};

use crate::{
    account::LedgerAccount,
    posting::{Posting, PostingError},
    transaction::{Occurrence, Transaction},
};

macro_rules! templates {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The business events the books know.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Template {
            $($(#[$doc])* $name,)*
        }

        impl Template {
            /// Every event there is.
            pub const ALL: &[Template] = &[$(Template::$name),*];

            /// The stable name in the store.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Template::$name => $text,)*
                }
            }
        }
    };
}

templates! {
    /// A provider confirmed a payment that fits its order.
    PaymentReceived = "payment_received",
    /// A provider confirmed a payment that is a second one for its order.
    PaymentReceivedDuplicate = "payment_received_duplicate",
    /// A provider confirmed a payment that fits no order.
    PaymentReceivedUnmatched = "payment_received_unmatched",
    /// A person found the purse that unmatched money belongs to.
    UnmatchedResolved = "unmatched_resolved",
    /// A person sends unmatched money back.
    UnmatchedReturned = "unmatched_returned",
    /// An operator took cash.
    CounterSaleCash = "counter_sale_cash",
    /// An operator saw a bank transfer arrive.
    CounterSaleBank = "counter_sale_bank",
    /// An operator's card terminal was paid.
    CounterSalePos = "counter_sale_pos",
    /// A wrong counter sale is undone (冲正).
    CounterSaleReversed = "counter_sale_reversed",
    /// Cash from a drawer was paid into the bank.
    CashBanked = "cash_banked",
    /// Money is set aside for a meter.
    VendHeld = "vend_held",
    /// The meter was read to hold it.
    VendApplied = "vend_applied",
    /// It is proven not to have reached the meter.
    VendVoided = "vend_voided",
    /// Money is set aside for the voucher of a card.
    CardHeld = "card_held",
    /// The card was read to carry the voucher.
    CardWritten = "card_written",
    /// Money is set aside for a bounded time.
    AmountHeld = "amount_held",
    /// A bounded hold is given up.
    HoldReleased = "hold_released",
    /// A bounded hold ran out.
    HoldExpired = "hold_expired",
    /// A platform-held meter's use is billed.
    ConsumptionBilled = "consumption_billed",
    /// A bill line is corrected in the tenant's favour.
    ConsumptionCredited = "consumption_credited",
    /// A meter-held meter's use is recognised.
    MeterConsumption = "meter_consumption",
    /// A meter was read to hold more than the books had put on it.
    MeterValueFound = "meter_value_found",
    /// What a removed meter still held goes back to the purse.
    MeterValueReturned = "meter_value_returned",
    /// Money leaves a purse to be refunded.
    RefundStarted = "refund_started",
    /// The provider paid a refund out.
    RefundDone = "refund_done",
    /// A refund was paid out at the counter.
    RefundPaidAtCounter = "refund_paid_at_counter",
    /// A refund failed for good; the money is in the purse again.
    RefundFailedBack = "refund_failed_back",
    /// The provider kept its fee.
    ProviderFee = "provider_fee",
    /// The provider paid out to the bank.
    ProviderSettled = "provider_settled",
    /// Revenue is owed to a landlord.
    SettlementLandlord = "settlement_landlord",
    /// A landlord was paid.
    SettlementPaid = "settlement_paid",
    /// Money moves to another purse of the same purpose (过户).
    PurseTransferred = "purse_transferred",
    /// An account is closed; the rest is to be refunded (销户).
    AccountClosed = "account_closed",
    /// Arrears are given up.
    ArrearsWrittenOff = "arrears_written_off",
}

impl Template {
    /// True where the debited purse or meter may fall below zero: what was used was used, whether
    /// it was paid or not.
    pub fn allows_arrears(self) -> bool {
        matches!(self, Template::ConsumptionBilled | Template::MeterConsumption)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text names no template of the ledger")]
pub struct TemplateError;

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let found = Template::ALL.iter().copied().find(|template| template.as_str() == text);
        found.ok_or(TemplateError)
    }
}

/// A tenant's purse: whose, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purse {
    /// Whose.
    pub account: AccountId,
    /// What it may be spent on.
    pub purpose: Purpose,
}

impl From<Purse> for LedgerAccount {
    fn from(purse: Purse) -> Self {
        LedgerAccount::Purse(purse.account, purse.purpose)
    }
}

/// Where money taken or paid at the counter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Till {
    /// Notes in an operator's drawer.
    Cash(OperatorId),
    /// A transfer to the bank account behind a merchant account.
    Bank(MerchantId),
    /// A card terminal that pays into that bank account.
    Pos(MerchantId),
}

impl Till {
    fn account(self) -> LedgerAccount {
        match self {
            Till::Cash(operator) => LedgerAccount::Cash(operator),
            Till::Bank(merchant) | Till::Pos(merchant) => LedgerAccount::Bank(merchant),
        }
    }
}

/// What every template answers.
pub type Booked = Result<Transaction, PostingError>;

fn one(
    occurrence: Occurrence,
    template: Template,
    debit: impl Into<LedgerAccount>,
    credit: impl Into<LedgerAccount>,
    amount: Money,
) -> Booked {
    let posting = Posting::new(debit.into(), credit.into(), amount);
    Transaction::of(occurrence, template, posting, None)
}

#[cfg(test)]
mod tests;

//! Money taken by an operator.

use domain::{MerchantId, Money, OperatorId};

use super::{Booked, Purse, Template, Till, one};
use crate::{account::LedgerAccount, transaction::Occurrence};

/// A sale at the counter, by the template of its till: cash, bank or card terminal → purse.
pub fn counter_sale(occurrence: Occurrence, till: Till, purse: Purse, amount: Money) -> Booked {
    let template = match till {
        Till::Cash(_) => Template::CounterSaleCash,
        Till::Bank(_) => Template::CounterSaleBank,
        Till::Pos(_) => Template::CounterSalePos,
    };
    one(occurrence, template, till.account(), purse, amount)
}

/// An operator took cash: cash → purse.
pub fn counter_sale_cash(
    occurrence: Occurrence,
    operator: OperatorId,
    purse: Purse,
    amount: Money,
) -> Booked {
    counter_sale(occurrence, Till::Cash(operator), purse, amount)
}

/// An operator saw a bank transfer arrive: bank → purse.
pub fn counter_sale_bank(
    occurrence: Occurrence,
    merchant: MerchantId,
    purse: Purse,
    amount: Money,
) -> Booked {
    counter_sale(occurrence, Till::Bank(merchant), purse, amount)
}

/// A card terminal was paid: bank → purse.
pub fn counter_sale_pos(
    occurrence: Occurrence,
    merchant: MerchantId,
    purse: Purse,
    amount: Money,
) -> Booked {
    counter_sale(occurrence, Till::Pos(merchant), purse, amount)
}

/// A wrong counter sale is undone while the money is still in the purse: purse → the same till.
pub fn counter_sale_reversed(
    occurrence: Occurrence,
    till: Till,
    purse: Purse,
    amount: Money,
) -> Booked {
    one(occurrence, Template::CounterSaleReversed, purse, till.account(), amount)
}

/// Cash from a drawer was paid into the bank: cash → bank.
pub fn cash_banked(
    occurrence: Occurrence,
    operator: OperatorId,
    merchant: MerchantId,
    amount: Money,
) -> Booked {
    let (cash, bank) = (LedgerAccount::Cash(operator), LedgerAccount::Bank(merchant));
    one(occurrence, Template::CashBanked, bank, cash, amount)
}

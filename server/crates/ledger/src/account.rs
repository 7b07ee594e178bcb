//! Where money can be: the accounts of one project's books.

use std::{fmt, str::FromStr};

use domain::{AccountId, LandlordId, MerchantId, MeterId, OperatorId, Purpose};

/// An account of a project's books, in CNY. Its text form is stable and is what the store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// `provider:{merchant}`: what a payment provider holds for a merchant account.
    Provider(MerchantId),
    /// `bank:{merchant}`: what has reached the bank account behind a merchant account.
    Bank(MerchantId),
    /// `cash:{operator}`: the notes in an operator's drawer.
    Cash(OperatorId),
    /// `purse:{account}:{purpose}`: what a tenant has with us, ring-fenced by purpose.
    Purse(AccountId, Purpose),
    /// `on_meter:{meter}`: the value a meter holds itself.
    OnMeter(MeterId),
    /// `on_card:{meter}`: what was written to cards of a meter, which takes it by itself.
    OnCard(MeterId),
    /// `revenue:{purpose}`: what was used and paid.
    Revenue(Purpose),
    /// `refund_due`: taken out of a purse and not yet back with the payer.
    RefundDue,
    /// `unmatched`: money that fits no order.
    Unmatched,
    /// `provider_fee`: what the providers keep.
    ProviderFee,
    /// `landlord:{id}`: what is owed to a landlord.
    Landlord(LandlordId),
}

/// The side on which an account grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What we have or have spent.
    Debit,
    /// What we owe or have earned.
    Credit,
}

/// The text names no account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no ledger account")]
pub struct AccountError {
    /// The text.
    pub text: String,
}

impl LedgerAccount {
    /// The side on which the account grows; a balance is positive on this side.
    pub fn normal_side(self) -> Side {
        use LedgerAccount::*;
        match self {
            Provider(_) | Bank(_) | Cash(_) | ProviderFee => Side::Debit,
            Purse(..) | OnMeter(_) | OnCard(_) | Revenue(_) | RefundDue | Unmatched
            | Landlord(_) => Side::Credit,
        }
    }

    /// True for accounts with a balance row of their own, that a rule looks at before a posting.
    ///
    /// All others are *hot*: every payment touches them, so no row is ever updated for them; their
    /// balance is a roll-up plus a tail of postings (`reliability.md` finding 2).
    pub fn keeps_balance(self) -> bool {
        matches!(self, LedgerAccount::Purse(..) | LedgerAccount::OnMeter(_))
    }

    /// True for accounts whose balance is derived from a roll-up and a tail.
    pub fn is_hot(self) -> bool {
        !self.keeps_balance()
    }
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerAccount::Provider(merchant) => write!(f, "provider:{merchant}"),
            LedgerAccount::Bank(merchant) => write!(f, "bank:{merchant}"),
            LedgerAccount::Cash(operator) => write!(f, "cash:{operator}"),
            LedgerAccount::Purse(account, purpose) => write!(f, "purse:{account}:{purpose}"),
            LedgerAccount::OnMeter(meter) => write!(f, "on_meter:{meter}"),
            LedgerAccount::OnCard(meter) => write!(f, "on_card:{meter}"),
            LedgerAccount::Revenue(purpose) => write!(f, "revenue:{purpose}"),
            LedgerAccount::RefundDue => f.write_str("refund_due"),
            LedgerAccount::Unmatched => f.write_str("unmatched"),
            LedgerAccount::ProviderFee => f.write_str("provider_fee"),
            LedgerAccount::Landlord(landlord) => write!(f, "landlord:{landlord}"),
        }
    }
}

impl FromStr for LedgerAccount {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        parse(text).ok_or_else(|| AccountError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<LedgerAccount> {
    let mut parts = text.split(':');
    let (kind, first, second) = (parts.next()?, parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let account = match (kind, first, second) {
        ("provider", Some(id), None) => LedgerAccount::Provider(id.parse().ok()?),
        ("bank", Some(id), None) => LedgerAccount::Bank(id.parse().ok()?),
        ("cash", Some(id), None) => LedgerAccount::Cash(id.parse().ok()?),
        ("purse", Some(id), Some(purpose)) => {
            LedgerAccount::Purse(id.parse().ok()?, purpose.parse().ok()?)
        }
        ("on_meter", Some(id), None) => LedgerAccount::OnMeter(id.parse().ok()?),
        ("on_card", Some(id), None) => LedgerAccount::OnCard(id.parse().ok()?),
        ("revenue", Some(purpose), None) => LedgerAccount::Revenue(purpose.parse().ok()?),
        ("refund_due", None, None) => LedgerAccount::RefundDue,
        ("unmatched", None, None) => LedgerAccount::Unmatched,
        ("provider_fee", None, None) => LedgerAccount::ProviderFee,
        ("landlord", Some(id), None) => LedgerAccount::Landlord(id.parse().ok()?),
        _ => return None,
    };
    // One text per account: an id in capitals or without hyphens would be a second key.
    (account.to_string() == text).then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0193a1b2-0000-7000-8000-000000000001";

    #[test]
    fn every_account_has_one_text_and_is_read_back_from_it() {
        // (text, normal side, keeps a balance row)
        let table = [
            (format!("provider:{ID}"), Side::Debit, false),
            (format!("bank:{ID}"), Side::Debit, false),
            (format!("cash:{ID}"), Side::Debit, false),
            (format!("purse:{ID}:electricity"), Side::Credit, true),
            (format!("purse:{ID}:water"), Side::Credit, true),
            (format!("on_meter:{ID}"), Side::Credit, true),
            (format!("on_card:{ID}"), Side::Credit, false),
            ("revenue:gas".into(), Side::Credit, false),
            ("refund_due".into(), Side::Credit, false),
            ("unmatched".into(), Side::Credit, false),
            ("provider_fee".into(), Side::Debit, false),
            (format!("landlord:{ID}"), Side::Credit, false),
        ];
        for (text, side, keeps) in table {
            let account: LedgerAccount = text.parse().unwrap();
            assert_eq!(account.to_string(), text);
            assert_eq!((account.normal_side(), account.keeps_balance()), (side, keeps), "{text}");
            assert_ne!(account.keeps_balance(), account.is_hot());
        }
    }

    #[test]
    fn what_names_no_account_is_refused() {
        let table = [
            String::new(),
            "purse".into(),
            format!("purse:{ID}"),
            format!("purse:{ID}:rent"),
            format!("purse:{ID}:water:x"),
            format!("provider:{}", ID.to_uppercase()),
            format!("provider:{}", ID.replace('-', "")),
            "provider:1".into(),
            "revenue:".into(),
            "refund_due:".into(),
            " unmatched".into(),
        ];
        for text in table {
            let error = text.parse::<LedgerAccount>().unwrap_err();
            assert_eq!(error, AccountError { text });
        }
    }
}

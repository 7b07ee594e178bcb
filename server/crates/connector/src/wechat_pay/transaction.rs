//! One transaction as queries and callbacks write it (A7, A9).

use chrono::{DateTime, Utc};
use domain::{Money, Provider};
use serde::Deserialize;

use super::merchant::{Merchant, Mode};
use crate::fact::{PaymentFact, PaymentStatus};

#[derive(Deserialize)]
pub(super) struct Transaction {
    #[serde(flatten)]
    account: Account,
    pub(super) out_trade_no: String,
    transaction_id: Option<String>,
    pub(super) trade_state: String,
    success_time: Option<String>,
    payer: Option<Payer>,
    amount: Option<Amount>,
}

/// Whom a resource is about, in either mode.
#[derive(Deserialize)]
pub(super) struct Account {
    appid: Option<String>,
    mchid: Option<String>,
    sp_appid: Option<String>,
    sp_mchid: Option<String>,
    sub_appid: Option<String>,
    sub_mchid: Option<String>,
}

#[derive(Deserialize)]
struct Payer {
    openid: Option<String>,
    sp_openid: Option<String>,
    sub_openid: Option<String>,
}

#[derive(Deserialize)]
struct Amount {
    total: Option<i64>,
    payer_total: Option<i64>,
    currency: Option<String>,
}

/// Why a provably genuine resource is no fact of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It names another merchant or application; the field is WeChat's name for it.
    WrongMerchant(&'static str),
    /// It lacks something a fact needs, or has it in another form.
    Unreadable,
    /// A state that is not in the table.
    UnlistedState(String),
}

impl Account {
    /// Compares every name the resource must carry with ours (F4 no. 10, 11).
    pub(super) fn check(&self, mode: &Mode, has_app: bool) -> Result<(), Misfit> {
        let same = |field, theirs: &Option<String>, ours: &str| {
            let fits = theirs.as_deref() == Some(ours);
            if fits { Ok(()) } else { Err(Misfit::WrongMerchant(field)) }
        };
        let absent = |field, theirs: &Option<String>| {
            if theirs.is_none() { Ok(()) } else { Err(Misfit::WrongMerchant(field)) }
        };
        match mode {
            Mode::Ordinary { appid, mchid } => {
                if has_app {
                    same("appid", &self.appid, appid)?;
                }
                absent("sub_mchid", &self.sub_mchid)?;
                same("mchid", &self.mchid, mchid)
            }
            Mode::Partner { sp_appid, sp_mchid, sub_appid, sub_mchid } => {
                if has_app {
                    same("sp_appid", &self.sp_appid, sp_appid)?;
                }
                // WeChat repeats the sub-application only if the order named one.
                if let (Some(_), Some(ours)) = (&self.sub_appid, sub_appid) {
                    same("sub_appid", &self.sub_appid, ours)?;
                }
                same("sp_mchid", &self.sp_mchid, sp_mchid)?;
                same("sub_mchid", &self.sub_mchid, sub_mchid)
            }
        }
    }
}

impl Transaction {
    /// The transaction as a fact about one of this merchant's orders.
    pub(super) fn into_fact(self, merchant: &Merchant) -> Result<PaymentFact, Misfit> {
        self.account.check(&merchant.mode, true)?;
        let status = status(&self.trade_state)?;
        let is_paid = status == PaymentStatus::Paid;
        let amount = self.amount.as_ref();
        let is_yuan = amount.and_then(|a| a.currency.as_deref()).is_none_or(|c| c == "CNY");
        let money = |fen: Option<i64>| fen.filter(|_| is_yuan).map(Money::from_fen);
        let total = amount.and_then(|a| a.total);
        let provider_trade_no = self.transaction_id.filter(|number| !number.is_empty());
        let success_time = self.success_time.as_deref().filter(|text| !text.is_empty());
        let paid_at = success_time.map(moment).transpose()?;
        let is_whole =
            total.is_some_and(|fen| fen >= 0) && provider_trade_no.is_some() && paid_at.is_some();
        if self.out_trade_no.is_empty() || (is_paid && !is_whole) {
            return Err(Misfit::Unreadable);
        }
        Ok(PaymentFact {
            provider: Provider::WechatPay,
            merchant_no: merchant.mode.merchant_no().to_owned(),
            app_id: merchant.mode.app_id().to_owned(),
            out_trade_no: self.out_trade_no,
            provider_trade_no,
            status,
            total: money(total).filter(|_| is_paid),
            payer_total: money(amount.and_then(|a| a.payer_total)).filter(|_| is_paid),
            payer: self.payer.and_then(|payer| payer.openid(&merchant.mode)),
            paid_at,
        })
    }
}

impl Payer {
    /// The payer's id under the application the order was paid in.
    fn openid(self, mode: &Mode) -> Option<String> {
        match mode {
            Mode::Ordinary { .. } => self.openid,
            Mode::Partner { sub_appid: Some(_), .. } => self.sub_openid.or(self.sp_openid),
            Mode::Partner { sub_appid: None, .. } => self.sp_openid,
        }
    }
}

/// The table of trade states (A9).
fn status(trade_state: &str) -> Result<PaymentStatus, Misfit> {
    match trade_state {
        // REFUND comes after a partial refund too: the money did arrive.
        "SUCCESS" | "REFUND" => Ok(PaymentStatus::Paid),
        // A failed or half-made attempt leaves the order payable.
        "NOTPAY" | "USERPAYING" | "PAYERROR" => Ok(PaymentStatus::NotPaid),
        "CLOSED" | "REVOKED" => Ok(PaymentStatus::Closed),
        other => Err(Misfit::UnlistedState(other.to_owned())),
    }
}

/// A moment as WeChat writes it, RFC 3339.
pub(super) fn moment(text: &str) -> Result<DateTime<Utc>, Misfit> {
    DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(|_| Misfit::Unreadable)
}

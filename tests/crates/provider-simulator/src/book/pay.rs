//! The payer's side: what a person with a wallet may do to an order.

use serde::{Deserialize, Serialize};

use super::{Book, Payment, ProviderKind, TradeKey, TradeState};

/// How a payer pays. The default pays an open order once, in full, and reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pay {
    /// Which provider, when the same number is open at both.
    pub provider: Option<ProviderKind>,
    /// What a coupon pays of the total, in fen.
    pub coupon_fen: i64,
    /// Another amount than the order's, in fen: the provider's own mistake.
    pub amount_fen: Option<i64>,
    /// Pays although the order is closed or expired.
    pub late: bool,
    /// Pays although it is paid: a second transaction for one order.
    pub again: bool,
    /// Whether the merchant is told.
    pub callback: bool,
    /// The payer; the order's or a made-up one when absent.
    pub payer: Option<String>,
}

impl Default for Pay {
    fn default() -> Self {
        Self {
            provider: None,
            coupon_fen: 0,
            amount_fen: None,
            late: false,
            again: false,
            callback: true,
            payer: None,
        }
    }
}

impl Pay {
    /// Pays without telling the merchant.
    pub fn silent() -> Self {
        Self { callback: false, ..Self::default() }
    }
}

/// Why a payment is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayError {
    /// Nobody placed such an order.
    #[error("no such order")]
    Unknown,
    /// The order is closed; `late` would pay all the same.
    #[error("the order is closed")]
    Closed,
    /// The order is paid; `again` would pay a second time.
    #[error("the order is already paid")]
    Paid,
    /// The coupon is worth more than the order, or the amount is not positive.
    #[error("the amount to pay is not positive")]
    Amount,
}

impl Book {
    /// Pays; answers the provider's number of the payment.
    pub(crate) fn pay(
        &mut self,
        key: &TradeKey,
        pay: &Pay,
        now_ms: i64,
    ) -> Result<String, PayError> {
        let trade = self.find(key).ok_or(PayError::Unknown)?;
        let closed = trade.state(now_ms) == TradeState::Closed;
        if closed && !pay.late {
            return Err(PayError::Closed);
        }
        if !trade.payments.is_empty() && !pay.again {
            return Err(PayError::Paid);
        }
        let total_fen = pay.amount_fen.unwrap_or(trade.total_fen);
        let payer_total_fen = total_fen - pay.coupon_fen;
        if total_fen <= 0 || payer_total_fen <= 0 || pay.coupon_fen < 0 {
            return Err(PayError::Amount);
        }
        let payer = match &pay.payer {
            Some(payer) => payer.clone(),
            None if trade.payer.is_empty() => stranger(key.provider).to_owned(),
            None => trade.payer.clone(),
        };
        let reserved = trade.reserved_no.clone().filter(|_| trade.payments.is_empty());
        let provider_trade_no = reserved.unwrap_or_else(|| self.issue(key.provider, now_ms));
        let payment = Payment {
            provider_trade_no: provider_trade_no.clone(),
            total_fen,
            payer_total_fen,
            payer,
            paid_ms: now_ms,
            after_close: closed,
        };
        let trade = self.find_mut(key).ok_or(PayError::Unknown)?;
        trade.exists = true;
        trade.payments.push(payment);
        self.index_payment(provider_trade_no.clone(), key);
        Ok(provider_trade_no)
    }
}

/// Who pays when the order names nobody.
fn stranger(provider: ProviderKind) -> &'static str {
    match provider {
        ProviderKind::WechatPay => "oYufuWalletPayer000000000001",
        ProviderKind::Alipay => "2088102177846880",
    }
}

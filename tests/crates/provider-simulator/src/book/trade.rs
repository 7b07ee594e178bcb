//! One order as the provider knows it, with its payments and refunds.

use serde::{Deserialize, Serialize};

/// Which of the two providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// WeChat Pay APIv3.
    WechatPay,
    /// Alipay open API.
    Alipay,
}

/// How the order was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TradeKind {
    /// WeChat QR code.
    Native,
    /// WeChat page or mini-program.
    Jsapi,
    /// WeChat from an outside browser.
    H5,
    /// Alipay QR code.
    Precreate,
    /// Alipay mini-program.
    Create,
    /// Alipay mobile page.
    Wap,
}

/// What the provider says of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TradeState {
    /// Nothing paid, still payable.
    NotPay,
    /// Paid.
    Success,
    /// Paid, with at least one refund under way or done.
    Refund,
    /// Closed or expired without payment.
    Closed,
    /// Paid and past its refund window (Alipay).
    Finished,
}

/// How far a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundStatus {
    /// Accepted.
    Processing,
    /// With the payer.
    Success,
    /// The payer's account cannot take it.
    Abnormal,
    /// Given up; needs a new number.
    Closed,
}

impl RefundStatus {
    /// The word on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Abnormal => "ABNORMAL",
            Self::Closed => "CLOSED",
        }
    }
}

/// What makes an order unique: provider, account (merchant and sub-merchant), merchant's number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct TradeKey {
    /// The provider.
    pub provider: ProviderKind,
    /// `mchid`, `sp_mchid/sub_mchid` or `app_id`.
    pub account: String,
    /// The merchant's own number.
    pub out_trade_no: String,
}

impl TradeKey {
    pub(crate) fn new(provider: ProviderKind, account: &str, out_trade_no: &str) -> Self {
        Self { provider, account: account.to_owned(), out_trade_no: out_trade_no.to_owned() }
    }
}

/// One payment of an order; two when somebody paid twice.
#[derive(Clone, Debug, Serialize)]
pub struct Payment {
    /// `transaction_id` or `trade_no`.
    pub provider_trade_no: String,
    /// What the merchant is owed, in fen.
    pub total_fen: i64,
    /// What the payer gave, in fen; less than the total with a coupon.
    pub payer_total_fen: i64,
    /// `openid` or `buyer_id`.
    pub payer: String,
    /// Unix milliseconds.
    pub paid_ms: i64,
    /// Whether the order was closed already.
    pub after_close: bool,
}

/// One refund.
#[derive(Clone, Debug, Serialize)]
pub struct Refund {
    /// The merchant's number.
    pub out_refund_no: String,
    /// The provider's number.
    pub refund_id: String,
    /// The payment it returns.
    pub provider_trade_no: String,
    /// Amount in fen.
    pub refund_fen: i64,
    /// Where to report it; absent when the merchant named no address.
    pub notify_url: Option<String>,
    /// Unix milliseconds.
    pub created_ms: i64,
    /// Unix milliseconds of the final state.
    pub settled_ms: Option<i64>,
    /// How far it is.
    pub status: RefundStatus,
}

/// What became of the callbacks of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Callbacks sent, copies and retries included.
    pub sent: u32,
    /// Callbacks the merchant accepted.
    pub acknowledged: u32,
    /// Events whose retry schedule ran out.
    pub given_up: u32,
    /// Events a fault swallowed.
    pub swallowed: u32,
}

/// An order.
#[derive(Clone, Debug, Serialize)]
pub struct Trade {
    /// What makes it unique.
    pub key: TradeKey,
    /// `mchid`, `sp_mchid` or `app_id`.
    pub merchant: String,
    /// `sub_mchid` of partner mode.
    pub sub_merchant: Option<String>,
    /// The application it was placed under.
    pub appid: String,
    /// How it was placed.
    pub kind: TradeKind,
    /// The code of the wallet page.
    pub code: String,
    /// What is sold.
    pub description: String,
    /// Amount in fen.
    pub total_fen: i64,
    /// Where to report payment.
    pub notify_url: String,
    /// `attach` or `passback_params`.
    pub attach: Option<String>,
    /// The payer named by the order, empty when anybody may pay.
    pub payer: String,
    /// Unix milliseconds.
    pub created_ms: i64,
    /// Unix milliseconds after which it is closed.
    pub expires_ms: Option<i64>,
    /// Whether the trade exists for queries (an Alipay QR trade only after the scan, B7).
    pub exists: bool,
    /// The provider's number, when it is known before the payment (Alipay).
    pub reserved_no: Option<String>,
    /// Where the payer goes after paying on a page (Alipay wap).
    pub return_url: Option<String>,
    /// Unix milliseconds of the close call.
    pub closed_ms: Option<i64>,
    /// Unix milliseconds of the end of the refund window.
    pub finished_ms: Option<i64>,
    /// Fingerprint of the parameters, to tell a repetition from a contradiction.
    #[serde(skip)]
    pub print: String,
    /// Payments, first first.
    pub payments: Vec<Payment>,
    /// Refunds, first first.
    pub refunds: Vec<Refund>,
    /// What became of its callbacks.
    pub callbacks: Tally,
}

impl Trade {
    /// The state at this moment (Unix milliseconds).
    pub fn state(&self, now_ms: i64) -> TradeState {
        if !self.payments.is_empty() {
            return if self.refunds.iter().any(|refund| refund.status != RefundStatus::Closed) {
                TradeState::Refund
            } else if self.finished_ms.is_some() {
                TradeState::Finished
            } else {
                TradeState::Success
            };
        }
        let expired = self.expires_ms.is_some_and(|expires_ms| now_ms >= expires_ms);
        if self.closed_ms.is_some() || expired { TradeState::Closed } else { TradeState::NotPay }
    }

    /// What was paid, in fen.
    pub fn paid_fen(&self) -> i64 {
        self.payments.iter().map(|payment| payment.total_fen).sum()
    }

    /// The payment with this provider number, or the first one.
    pub(crate) fn payment(&self, provider_trade_no: Option<&str>) -> Option<&Payment> {
        match provider_trade_no {
            Some(no) => self.payments.iter().find(|payment| payment.provider_trade_no == no),
            None => self.payments.first(),
        }
    }

    /// Whether another refund of the order was asked for less than `gap_ms` ago.
    pub(crate) fn refunded_within(&self, gap_ms: i64, now_ms: i64) -> bool {
        self.refunds.iter().any(|refund| now_ms - refund.created_ms < gap_ms)
    }

    /// What was returned of a payment or is on its way, in fen.
    pub(crate) fn refunded_fen(&self, provider_trade_no: &str) -> i64 {
        let counted = self.refunds.iter().filter(|refund| {
            refund.provider_trade_no == provider_trade_no && refund.status != RefundStatus::Closed
        });
        counted.map(|refund| refund.refund_fen).sum()
    }
}

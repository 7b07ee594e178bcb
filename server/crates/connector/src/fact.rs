//! Facts a provider has proven, whatever way they came: callback, query or bill.

use chrono::{DateTime, Utc};
use domain::{Money, Provider};

/// What a provider says about one of our orders, after its signature was verified.
///
/// The reducer compares every field with our own order before it books anything (S3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentFact {
    /// Who says it.
    pub provider: Provider,
    /// The merchant number it is about: WeChat `mchid` (the sub-merchant's in partner mode),
    /// Alipay `seller_id` where sent, else the `app_id`.
    pub merchant_no: String,
    /// The application: WeChat `appid`, Alipay `app_id`.
    pub app_id: String,
    /// Our number for the attempt.
    pub out_trade_no: String,
    /// The provider's number; absent while nothing was paid.
    pub provider_trade_no: Option<String>,
    /// What the provider says happened.
    pub status: PaymentStatus,
    /// The order's amount: what is credited. Absent while nothing was paid, and for any currency
    /// but CNY: a payment without an amount fits no order and is held (F4 no. 9).
    pub total: Option<Money>,
    /// What the payer paid after the provider's coupons; for the books, never for the credit.
    pub payer_total: Option<Money>,
    /// The payer as the provider names them (openid, buyer_open_id or buyer_id).
    pub payer: Option<String>,
    /// When the provider says it was paid.
    pub paid_at: Option<DateTime<Utc>>,
}

/// Where a payment stands at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Paid. (A WeChat trade in state `REFUND` was paid before: its money came in once.)
    Paid,
    /// Not paid yet, and still payable.
    NotPaid,
    /// Closed without payment, or wholly refunded: only our own refund records tell which.
    Closed,
    /// The provider knows no such order (yet): an Alipay precreate exists only after a scan.
    NotFound,
}

/// What a provider says about one of our refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundFact {
    /// Who says it.
    pub provider: Provider,
    /// The merchant number it is about, as in [`PaymentFact::merchant_no`].
    pub merchant_no: String,
    /// Our number for the attempt that was paid.
    pub out_trade_no: String,
    /// Our number for the refund.
    pub out_refund_no: String,
    /// The provider's number for the refund, where it has one.
    pub provider_refund_no: Option<String>,
    /// What the provider says happened.
    pub status: RefundStatus,
    /// The refunded amount.
    pub amount: Option<Money>,
    /// When the provider says the money went back.
    pub refunded_at: Option<DateTime<Utc>>,
}

/// Where a refund stands at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundStatus {
    /// The money went back.
    Done,
    /// Accepted, under way.
    Processing,
    /// The payer's account cannot take it; a person has to name another (WeChat `ABNORMAL`).
    Abnormal,
    /// Ended without a refund; another number is needed.
    Closed,
    /// The provider knows no such refund: the request never took effect.
    NotFound,
}

//! Believes or refuses a callback (异步通知, `payments.md` B8).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Money;
use encoding_rs::Encoding;

use super::{
    Merchant, TrustError,
    form::{self, FormError},
    query::{bare_fact, is_cny, status},
    wire,
};
use crate::fact::{PaymentFact, PaymentStatus};

/// The body, with status 200, that stops Alipay from sending a callback again; any other answer
/// brings it back. Only sent once the fact is durable.
pub const NOTIFY_REPLY: &[u8] = b"success";

/// The largest callback we read, in bytes; real ones have about two thousand.
pub const NOTIFY_MAX: usize = 256 << 10;

const PARAMS_MAX: usize = 256;

/// What a believed callback says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notify {
    /// Something about a payment. A late `TRADE_FINISHED` comes as "paid" once more.
    Payment(PaymentFact),
    /// Money went back.
    Refund(RefundNotice),
    /// Believed, but of a kind or state nobody listed: it decides nothing; where it names a
    /// payment, that one is to be queried.
    Other {
        /// `notify_type`, as sent.
        kind: String,
        /// Our number, where there is one.
        out_trade_no: Option<String>,
    },
}

/// A callback about a refund. It speaks of the trade as a whole: amounts are totals over all
/// refunds, and a trade is "closed" once everything went back. Which of our refunds it was is
/// told by [`out_biz_no`](Self::out_biz_no) where it is sent, else by a refund query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundNotice {
    /// The payment the refund belongs to. Its status is [`PaymentStatus::Paid`]: only what came
    /// in can go back, even if this is the first we hear of it.
    pub payment: PaymentFact,
    /// Our number of the refund (`out_biz_no`).
    pub out_refund_no: Option<String>,
    /// What went back so far, over all refunds of the trade.
    pub refunded_total: Option<Money>,
    /// True if the trade is closed: all of it went back.
    pub is_whole: bool,
    /// When the money went back.
    pub refunded_at: Option<DateTime<Utc>>,
}

/// Why a callback is refused. Nothing of it is used, and the answer is not `success`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// Larger than [`NOTIFY_MAX`].
    #[error("the callback is larger than any real one")]
    TooLarge,
    /// Not a form: XML, JSON, damaged escapes or too many parameters.
    #[error("the callback is not a form")]
    NotAForm,
    /// A parameter stands twice.
    #[error("a parameter of the callback stands twice")]
    Repeated,
    /// `sign_type` is not `RSA2`.
    #[error("the callback is not signed with RSA2")]
    NotRsa2,
    /// There is no signature.
    #[error("the callback is not signed")]
    Unsigned,
    /// The signature names a certificate we do not have; fetching the new one mends it.
    #[error("the callback names a certificate we do not have: {sn}")]
    UnknownCertificate {
        /// The number it names.
        sn: String,
    },
    /// The signature is wrong.
    #[error("the callback's signature is wrong")]
    BadSignature,
    /// The declared charset is unknown, or the text is not written in it.
    #[error("the callback is not written in the charset it declares")]
    BadCharset,
    /// Rightly signed, but for another application or another seller (F4 nos. 10, 11): somebody
    /// mixed up addresses, or tries to.
    #[error("the callback is for another merchant: its {field} is not ours")]
    ForeignMerchant {
        /// The parameter that differs.
        field: &'static str,
    },
    /// Rightly signed, but without what a callback of its kind must say.
    #[error("the callback does not say its {field}")]
    Incomplete {
        /// The parameter that is missing.
        field: &'static str,
    },
}

impl From<FormError> for NotifyError {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Repeated => NotifyError::Repeated,
            FormError::Damaged | FormError::TooMany => NotifyError::NotAForm,
        }
    }
}

/// Verifies a callback over its raw bytes and says what it means.
///
/// `content_type` is the header's value, if there was one; the `charset` parameter goes before
/// what it says. The amount is *not* compared here: that takes our order, and is the reducer's
/// part.
///
/// # Errors
/// See [`NotifyError`]; whatever is doubtful is refused, and Alipay sends it again.
pub fn read_notify(
    merchant: &Merchant,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Notify, NotifyError> {
    if body.len() > NOTIFY_MAX {
        return Err(NotifyError::TooLarge);
    }
    let declared = header_charset(content_type)?;
    let params = form::params(body, PARAMS_MAX)?;
    verify(&merchant.trust, &params)?;
    let charset = params.get("charset").map(Vec::as_slice).or(declared);
    let texts = Texts::decode(&params, charset.unwrap_or(b"utf-8"))?;
    texts.must_be("app_id", &merchant.app_id)?;
    if let Some(seller_id) = &merchant.seller_id {
        texts.must_be("seller_id", seller_id)?;
    }
    meaning(merchant, &texts)
}

type Raw = BTreeMap<String, Vec<u8>>;

/// Services disagree on whether `sign_type` and blank values were signed, so both are tried. That
/// is safe: every variant is checked against the same signature, and a forger has none.
fn verify(trust: &super::Trust, params: &Raw) -> Result<(), NotifyError> {
    let ascii = |name: &str| params.get(name).and_then(|value| std::str::from_utf8(value).ok());
    let sign = ascii("sign").filter(|sign| !sign.is_empty()).ok_or(NotifyError::Unsigned)?;
    if ascii("sign_type") != Some("RSA2") {
        return Err(NotifyError::NotRsa2);
    }
    let cert_sn = ascii("alipay_cert_sn").filter(|sn| !sn.is_empty());
    for keeps_sign_type in [false, true] {
        for keeps_blanks in [true, false] {
            let message = signed_bytes(params, keeps_sign_type, keeps_blanks);
            match trust.verify(cert_sn, &message, sign) {
                Ok(()) => return Ok(()),
                Err(TrustError::UnknownCertificate { sn }) => {
                    return Err(NotifyError::UnknownCertificate { sn });
                }
                Err(TrustError::Wrong) => {}
            }
        }
    }
    Err(NotifyError::BadSignature)
}

fn signed_bytes(params: &Raw, keeps_sign_type: bool, keeps_blanks: bool) -> Vec<u8> {
    let mut message = Vec::new();
    for (name, value) in params {
        let is_dropped = name == "sign"
            || (name == "sign_type" && !keeps_sign_type)
            || (value.is_empty() && !keeps_blanks);
        if is_dropped {
            continue;
        }
        if !message.is_empty() {
            message.push(b'&');
        }
        message.extend_from_slice(name.as_bytes());
        message.push(b'=');
        message.extend_from_slice(value);
    }
    message
}

/// The charset the header declares. A header that declares another kind of content is refused.
fn header_charset(content_type: Option<&str>) -> Result<Option<&[u8]>, NotifyError> {
    let Some(content_type) = content_type else {
        return Ok(None);
    };
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(NotifyError::NotAForm);
    }
    let charset = parts.filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    Ok(charset.filter(|charset| !charset.is_empty()).map(str::as_bytes))
}

/// The parameters as text, blank ones left out.
struct Texts(BTreeMap<String, String>);

impl Texts {
    fn decode(params: &Raw, charset: &[u8]) -> Result<Self, NotifyError> {
        let encoding = Encoding::for_label(charset).ok_or(NotifyError::BadCharset)?;
        // Alipay writes these; a label such as UTF-16 would read the same bytes differently.
        let is_known =
            [encoding_rs::UTF_8, encoding_rs::GBK, encoding_rs::GB18030].contains(&encoding);
        if !is_known {
            return Err(NotifyError::BadCharset);
        }
        let mut texts = BTreeMap::new();
        for (name, value) in params.iter().filter(|(_, value)| !value.is_empty()) {
            let text = encoding
                .decode_without_bom_handling_and_without_replacement(value)
                .ok_or(NotifyError::BadCharset)?;
            texts.insert(name.clone(), text.into_owned());
        }
        Ok(Texts(texts))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn must(&self, field: &'static str) -> Result<&str, NotifyError> {
        self.get(field).ok_or(NotifyError::Incomplete { field })
    }

    /// Invariant: what is for another application or seller is refused, however well signed
    /// (`a_callback_for_another_merchant_is_refused_however_well_signed`).
    fn must_be(&self, field: &'static str, ours: &str) -> Result<(), NotifyError> {
        if self.get(field) == Some(ours) {
            Ok(())
        } else {
            Err(NotifyError::ForeignMerchant { field })
        }
    }

    fn money(&self, name: &str) -> Option<Money> {
        Money::parse_yuan(self.get(name)?).ok()
    }

    fn moment(&self, name: &str) -> Option<DateTime<Utc>> {
        wire::read_moment(self.get(name)?)
    }
}

fn meaning(merchant: &Merchant, texts: &Texts) -> Result<Notify, NotifyError> {
    let kind = texts.must("notify_type")?;
    let out_trade_no = texts.get("out_trade_no");
    let trade_status = texts.get("trade_status").unwrap_or_default();
    let (Some(status), "trade_status_sync") = (status(trade_status), kind) else {
        let out_trade_no = out_trade_no.map(str::to_owned);
        return Ok(Notify::Other { kind: kind.to_owned(), out_trade_no });
    };
    let fact = PaymentFact {
        provider_trade_no: Some(texts.must("trade_no")?.to_owned()),
        total: texts.money("total_amount").filter(|_| is_cny(texts.get("trans_currency"))),
        payer_total: texts.money("buyer_pay_amount"),
        payer: texts.get("buyer_open_id").or(texts.get("buyer_id")).map(str::to_owned),
        paid_at: texts.moment("gmt_payment"),
        ..bare_fact(merchant, texts.must("out_trade_no")?, status)
    };
    if trade_status == "TRADE_FINISHED" || !tells_of_refund(texts) {
        return Ok(Notify::Payment(fact));
    }
    Ok(Notify::Refund(RefundNotice {
        payment: PaymentFact { status: PaymentStatus::Paid, ..fact },
        out_refund_no: texts.get("out_biz_no").map(str::to_owned),
        refunded_total: texts.money("refund_fee"),
        is_whole: status == PaymentStatus::Closed,
        refunded_at: texts.moment("gmt_refund"),
    }))
}

/// The status alone cannot tell: a part refund leaves `TRADE_SUCCESS`, a full one reads like an
/// unpaid trade that was closed.
fn tells_of_refund(texts: &Texts) -> bool {
    let refunded = texts.money("refund_fee").is_some_and(Money::is_positive);
    refunded || texts.get("gmt_refund").is_some()
}

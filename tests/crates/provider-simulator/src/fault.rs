//! Every way the providers can misbehave, and when.
//!
//! A [`Rule`] names a place, optionally one order, how often it strikes and with what probability.
//! Rules are switched at run time by the handle or by `/control/faults`.

use serde::{Deserialize, Serialize};

use crate::book::ProviderKind;
use crate::chance::Chance;

/// How many rules may be switched on at once.
pub const RULES_MAX: usize = 256;

/// Where a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// Order calls: `transactions/{native,jsapi,h5}`, precreate, create, wap.pay.
    Create,
    /// Order queries.
    Query,
    /// Close and cancel.
    Close,
    /// Refund calls.
    Refund,
    /// Refund queries.
    RefundQuery,
    /// `/v3/certificates`.
    Certificates,
    /// The call that answers with a bill's address.
    Bill,
    /// The bill file.
    BillFile,
    /// Payment callbacks and notices.
    Callback,
    /// Refund callbacks and notices.
    RefundCallback,
    /// The exchange of a code for a person: `jscode2session`, the page's code, Alipay's.
    SignIn,
    /// The phone button's code.
    Phone,
    /// The account's access token.
    Token,
    /// The ticket of the JS-SDK.
    Ticket,
    /// Messages of WeChat and Alipay; `out_trade_no` of a rule is the openid there.
    Message,
    /// Shipping information.
    Shipping,
    /// Links that open a mini-program.
    Link,
    /// Texts through Aliyun; `out_trade_no` of a rule is the number as it was sent.
    SmsAliyun,
    /// Texts through Tencent, likewise.
    SmsTencent,
}

/// One misbehaviour.
///
/// Those of answers act at the endpoint sites, those of callbacks at the two callback sites; a few
/// (signature faults) act at both. A fault at a place where it has no meaning does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// Answers with this status and code instead; `effect` tells whether the call took effect.
    /// Alipay answers HTTP 200 with `code` as `sub_code`, WeChat's own calls (beside the payment)
    /// and the SMS gateways with `code` as theirs; above 499 they answer a proxy's page.
    Status {
        /// HTTP status of the answer.
        status: u16,
        /// The provider's error code.
        code: String,
        /// Whether the call took effect all the same.
        effect: bool,
    },
    /// Holds the answer for so long that the caller gives up.
    Timeout {
        /// How long the connection is held, in milliseconds.
        hold_ms: u64,
        /// Whether the call took effect first.
        effect: bool,
    },
    /// Closes the connection in the middle of the answer.
    Cut {
        /// Whether the call took effect first.
        effect: bool,
    },
    /// Alipay's code 20000, or WeChat's 500 SYSTEM_ERROR.
    SystemError {
        /// Whether the call took effect all the same.
        effect: bool,
    },
    /// Answers properly after this delay.
    Slow {
        /// Milliseconds before the answer.
        delay_ms: u64,
    },
    /// Success with a body that is not JSON, properly signed.
    BrokenJson,
    /// Success with so many bytes of body, properly signed.
    Huge {
        /// Length of the body in bytes.
        bytes: usize,
    },
    /// Redirects to another address.
    Redirect {
        /// The address.
        to: String,
    },
    /// An error that says the order does not exist, without any signature (F4 no. 28).
    UnsignedMissing,
    /// The payer pays and the callback is delivered before the order call is answered (F4 no. 1).
    PaidBeforeAnswer,
    /// The payer pays the moment a close call has succeeded (F4 no. 4).
    PaidAfterClose,
    /// The refund ends this way instead of succeeding.
    RefundEnds {
        /// The final state.
        status: crate::book::RefundStatus,
    },
    /// WeChat: the refund is settled and its callback delivered before the refund call is
    /// answered (F4 no. 18).
    RefundedBeforeAnswer,
    /// Answers with two root nodes (Alipay, B3).
    DuplicateRoot,
    /// Changes the code or address inside the answer after it was signed (F4 no. 31).
    Tampered,
    /// A probe: the signature starts with `WECHATPAY/SIGNTEST/` (A3).
    SignTest,
    /// The right serial, another key.
    Forged,
    /// The right key, a serial nobody knows.
    UnknownSerial,
    /// No signature at all.
    Unsigned,
    /// A valid signature over a moment so many seconds ago.
    Stale {
        /// Age of the signed moment in seconds.
        age_s: i64,
    },
    /// One signature header twice.
    DuplicateHeader,
    /// Never calls back.
    Never,
    /// Delivers so many copies at the same moment.
    Copies {
        /// Number of concurrent copies.
        count: usize,
    },
    /// Delivers later than due.
    Delay {
        /// Additional milliseconds, unscaled.
        delay_ms: i64,
    },
    /// Keeps the callback back until another one has been delivered.
    HoldUntilNext,
    /// Flips one bit of the body after signing.
    BitFlip,
    /// Flips one bit of the ciphertext before signing: valid signature, invalid tag.
    BadCiphertext,
    /// Properly signed, but for another amount in fen; of the refund in WeChat's refund callback.
    WrongAmount {
        /// The amount named instead.
        total_fen: i64,
    },
    /// Properly signed, but in another currency.
    WrongCurrency {
        /// The currency named instead.
        currency: String,
    },
    /// Properly signed, but naming another merchant number (or `seller_id`).
    WrongMerchant,
    /// Properly signed, but naming another application.
    WrongAppId,
    /// Properly signed, but for an order nobody placed.
    WrongOrder,
    /// Properly signed, with another state of the trade, or of the refund in its callback.
    WrongState {
        /// The state named instead.
        state: String,
    },
    /// A V2-style XML body (A7).
    V2Xml,
    /// Half of the body.
    Truncated,
    /// A body padded by so many bytes, properly signed.
    Oversize {
        /// Number of padding bytes.
        bytes: usize,
    },
    /// An Alipay notice in GBK.
    Gbk,
    /// An Alipay notice signed with `sign_type` kept in.
    SignTypeKept,
    /// An Alipay notice with blank params that are part of the signed text.
    BlankParams,
    /// An Alipay notice with params nobody documented.
    ExtraParams,
    /// An Alipay notice with `&quot;` inside `fund_bill_list`.
    HtmlQuotes,
    /// Bill: a row of a payment that never was.
    BillExtraRow,
    /// Bill: the rows of this order are missing.
    BillMissingRow {
        /// The order.
        out_trade_no: String,
    },
    /// Bill: another amount in the row of this order.
    BillOtherAmount {
        /// The order.
        out_trade_no: String,
        /// The amount in the row, in fen.
        total_fen: i64,
    },
    /// Bill: the hash is of other bytes.
    BillWrongHash,
    /// Bill: the compressed file ends too early.
    BillTruncated,
    /// Bill: the totals are a fen off.
    BillWrongTotals,
    /// Bill: a column nobody documented.
    BillExtraColumn,
    /// Bill: still being made.
    BillNotReady,
    /// Bill file: the address is dead already.
    BillLinkExpired,
    /// The visitor is a virtual account of a snapshot page (C7).
    Snapshot,
}

/// A fault with its place, its order, its count and its probability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Where it strikes.
    pub site: Site,
    /// What happens.
    pub fault: Fault,
    /// Only this provider; both when absent.
    #[serde(default)]
    pub provider: Option<ProviderKind>,
    /// Only this order; every order when absent.
    #[serde(default)]
    pub out_trade_no: Option<String>,
    /// How often it may strike; without end when absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// Probability in permille.
    #[serde(default = "always")]
    pub permille: u32,
}

fn always() -> u32 {
    1_000
}

impl Rule {
    /// A rule that strikes every time at this place.
    pub fn new(site: Site, fault: Fault) -> Self {
        Self { site, fault, provider: None, out_trade_no: None, times: None, permille: 1_000 }
    }

    /// Only for this order.
    #[must_use]
    pub fn order(mut self, out_trade_no: &str) -> Self {
        self.out_trade_no = Some(out_trade_no.to_owned());
        self
    }

    /// Only for this provider.
    #[must_use]
    pub fn provider(mut self, provider: ProviderKind) -> Self {
        self.provider = Some(provider);
        self
    }

    /// At most so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// With this probability in permille.
    #[must_use]
    pub fn permille(mut self, permille: u32) -> Self {
        self.permille = permille;
        self
    }
}

/// What a call or a callback is: the question put to the rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion<'a> {
    pub(crate) site: Site,
    /// Whose call it is; a text message is neither's.
    pub(crate) provider: Option<ProviderKind>,
    pub(crate) out_trade_no: &'a str,
}

/// The rules in force, each with its number.
#[derive(Default)]
pub(crate) struct FaultTable {
    rules: Vec<(u64, Rule)>,
    issued: u64,
}

impl FaultTable {
    /// Adds a rule; `None` when [`RULES_MAX`] are in force.
    pub(crate) fn add(&mut self, rule: Rule) -> Option<u64> {
        if self.rules.len() >= RULES_MAX {
            return None;
        }
        self.issued += 1;
        self.rules.push((self.issued, rule));
        Some(self.issued)
    }

    /// Removes one rule, or all.
    pub(crate) fn remove(&mut self, id: Option<u64>) {
        self.rules.retain(|(number, _)| id.is_some_and(|id| id != *number));
    }

    /// The rules in force.
    pub(crate) fn list(&self) -> &[(u64, Rule)] {
        &self.rules
    }

    /// The faults that strike now; each is counted.
    pub(crate) fn draw(&mut self, occasion: Occasion<'_>, chance: &mut Chance) -> Vec<Fault> {
        let mut struck = Vec::new();
        for (_, rule) in &mut self.rules {
            let meant = rule.site == occasion.site
                && rule.times != Some(0)
                && rule.provider.is_none_or(|provider| Some(provider) == occasion.provider)
                && rule.out_trade_no.as_deref().is_none_or(|no| no == occasion.out_trade_no);
            if meant && chance.strikes(rule.permille) {
                rule.times = rule.times.map(|left| left - 1);
                struck.push(rule.fault.clone());
            }
        }
        self.rules.retain(|(_, rule)| rule.times != Some(0));
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_strikes_at_its_site_for_its_order_as_often_as_it_says() {
        let mut table = FaultTable::default();
        let mut chance = Chance::new(1);
        table.add(Rule::new(Site::Query, Fault::SignTest).order("A").times(1)).unwrap();
        table.add(Rule::new(Site::Close, Fault::Unsigned).permille(0)).unwrap();
        let wechat = ProviderKind::WechatPay;
        table.add(Rule::new(Site::Create, Fault::BrokenJson).provider(wechat)).unwrap();
        for (site, provider, out_trade_no, struck) in [
            (Site::Query, wechat, "B", 0),
            (Site::Query, wechat, "A", 1),
            (Site::Query, wechat, "A", 0),
            (Site::Close, wechat, "A", 0),
            (Site::Create, ProviderKind::Alipay, "A", 0),
            (Site::Create, wechat, "A", 1),
            (Site::Create, wechat, "A", 1),
        ] {
            let provider = Some(provider);
            let occasion = Occasion { site, provider, out_trade_no };
            assert_eq!(table.draw(occasion, &mut chance).len(), struck, "{occasion:?}");
        }
        assert_eq!(table.list().len(), 2, "a used-up rule is gone");
    }

    #[test]
    fn a_rule_reads_from_the_json_the_control_api_documents() {
        let text = r#"{"site":"callback","fault":{"kind":"copies","count":3},"times":2}"#;
        let rule: Rule = serde_json::from_str(text).unwrap();
        assert_eq!(rule, Rule::new(Site::Callback, Fault::Copies { count: 3 }).times(2));
        assert!(serde_json::from_str::<Rule>(r#"{"site":"callback","fault":{}}"#).is_err());
    }
}

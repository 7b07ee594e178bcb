//! Notices: form posts signed over the raw fields, in utf-8 or GBK (payments.md B8).

use std::collections::BTreeMap;

use encoding_rs::{Encoding, GBK, UTF_8};

use super::request::signed_text;
use super::trade::{settled_fen, status};
use crate::book::{Payment, Refund, RefundStatus, Trade, TradeKey};
use crate::clock;
use crate::config::Charset;
use crate::courier::{Draft, Letter};
use crate::fault::Fault;
use crate::misbehave;
use crate::money::yuan;
use crate::world::{State, World};

/// The fields of one notice, unsigned.
type Fields = Vec<(String, String)>;

fn put(fields: &mut Fields, name: &str, value: impl Into<String>) {
    fields.push((name.to_owned(), value.into()));
}

/// What every notice of a trade carries; `notify_id` is made once and kept over the retries.
fn common(
    world: &World,
    state: &mut State,
    trade: &Trade,
    payment: Option<&Payment>,
    trade_status: &str,
) -> Fields {
    let now_ms = world.now_ms();
    let seller_id = world.alipay_app(&trade.merchant).map_or("", |app| app.seller_id.as_str());
    let mut fields = Fields::new();
    put(&mut fields, "notify_time", clock::plain(now_ms));
    put(&mut fields, "notify_type", "trade_status_sync");
    let serial = state.chance.hex(20).to_lowercase();
    put(&mut fields, "notify_id", format!("{}0022{serial}", clock::day_digits(now_ms)));
    put(&mut fields, "app_id", &trade.merchant);
    put(&mut fields, "auth_app_id", &trade.merchant);
    put(&mut fields, "version", "1.0");
    put(&mut fields, "out_trade_no", &trade.key.out_trade_no);
    put(&mut fields, "seller_id", seller_id);
    put(&mut fields, "seller_email", "seller@sandbox.com");
    put(&mut fields, "trade_status", trade_status);
    put(&mut fields, "subject", &trade.description);
    put(&mut fields, "gmt_create", clock::plain(trade.created_ms));
    if let Some(attach) = &trade.attach {
        put(&mut fields, "passback_params", attach);
    }
    let trade_no = payment.map(|payment| payment.provider_trade_no.clone());
    put(
        &mut fields,
        "trade_no",
        trade_no.or_else(|| trade.reserved_no.clone()).unwrap_or_default(),
    );
    let Some(payment) = payment else {
        put(&mut fields, "total_amount", yuan(trade.total_fen));
        return fields;
    };
    put(&mut fields, "total_amount", yuan(payment.total_fen));
    put(&mut fields, "receipt_amount", yuan(payment.total_fen));
    put(&mut fields, "invoice_amount", yuan(payment.payer_total_fen));
    put(&mut fields, "buyer_pay_amount", yuan(payment.payer_total_fen));
    put(&mut fields, "point_amount", "0.00");
    put(&mut fields, "buyer_id", &payment.payer);
    put(&mut fields, "buyer_logon_id", "yuf***@sandbox.com");
    put(&mut fields, "gmt_payment", clock::plain(payment.paid_ms));
    let bills = fund_bills(payment);
    put(&mut fields, "fund_bill_list", bills);
    fields
}

fn fund_bills(payment: &Payment) -> String {
    let coupon_fen = payment.total_fen - payment.payer_total_fen;
    let mut bills = vec![serde_json::json!({
        "amount": yuan(payment.payer_total_fen), "fundChannel": "ALIPAYACCOUNT"})];
    if coupon_fen > 0 {
        bills.push(serde_json::json!({"amount": yuan(coupon_fen), "fundChannel": "COUPON"}));
    }
    serde_json::Value::Array(bills).to_string()
}

/// A payment.
pub(crate) fn paid(world: &World, state: &mut State, trade: &Trade, payment: &Payment) -> Fields {
    common(world, state, trade, Some(payment), "TRADE_SUCCESS")
}

/// A refund that succeeded; a full one says TRADE_CLOSED.
pub(crate) fn refunded(
    world: &World,
    state: &mut State,
    trade: &Trade,
    refund: &Refund,
) -> Option<Fields> {
    if refund.status != RefundStatus::Success {
        return None;
    }
    let payment = trade.payment(Some(&refund.provider_trade_no));
    let trade_status = status(trade, world.now_ms());
    let mut fields = common(world, state, trade, payment, trade_status);
    put(&mut fields, "out_biz_no", &refund.out_refund_no);
    put(&mut fields, "refund_fee", yuan(settled_fen(trade, &refund.provider_trade_no)));
    if let Some(settled_ms) = refund.settled_ms {
        put(&mut fields, "gmt_refund", format!("{}.000", clock::plain(settled_ms)));
    }
    Some(fields)
}

/// The end of the refund window, or of an unpaid trade.
pub(crate) fn ended(world: &World, state: &mut State, trade: &Trade, words: &str) -> Fields {
    let mut fields = common(world, state, trade, trade.payments.first(), words);
    put(&mut fields, "gmt_close", clock::plain(world.now_ms()));
    fields
}

/// Changes what a lying or odd provider would send.
fn bend(fields: &mut BTreeMap<String, String>, faults: &[Fault]) {
    let mut set = |name: &str, value: &str| fields.insert(name.to_owned(), value.to_owned());
    for fault in faults {
        match fault {
            Fault::WrongAmount { total_fen } => {
                set("total_amount", &yuan(*total_fen));
            }
            Fault::WrongMerchant => {
                set("seller_id", "2088999999999999");
            }
            Fault::WrongAppId => {
                set("app_id", "2021999999999999");
                set("auth_app_id", "2021999999999999");
            }
            Fault::WrongOrder => {
                set("out_trade_no", "NOBODYPLACEDTHIS");
            }
            Fault::WrongState { state } => {
                set("trade_status", state);
            }
            Fault::BlankParams => {
                set("body", "");
                set("store_id", "");
            }
            Fault::ExtraParams => {
                set("new_field_of_2027", "50%+1 & \"quoted\"");
            }
            Fault::HtmlQuotes => {
                let bills = "[{&quot;amount&quot;:&quot;1.00&quot;}]";
                set("fund_bill_list", bills);
            }
            Fault::Oversize { bytes } => {
                set("body", &"x".repeat((*bytes).min(misbehave::BODY_MAX)));
            }
            _ => {}
        }
    }
}

/// Percent-encodes the bytes of a value in its charset, once.
fn encoded(text: &str, encoding: &'static Encoding) -> String {
    let mut written = String::new();
    for byte in encoding.encode(text).0.iter() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
                written.push(char::from(*byte));
            }
            b' ' => written.push('+'),
            other => written.push_str(&format!("%{other:02X}")),
        }
    }
    written
}

/// The notice as it will go over the wire; signing it is left to the draft.
pub(crate) fn draft(
    world: &World,
    state: &mut State,
    key: &TradeKey,
    url: &str,
    fields: &[(String, String)],
    faults: &[Fault],
) -> Draft {
    let app = world.alipay_app(&key.account);
    let gbk =
        faults.contains(&Fault::Gbk) || app.is_some_and(|app| app.notify_charset == Charset::Gbk);
    let (encoding, charset) = if gbk { (GBK, "GBK") } else { (UTF_8, "utf-8") };
    let mut params: BTreeMap<String, String> = fields.iter().cloned().collect();
    params.insert("charset".to_owned(), charset.to_owned());
    params.insert("sign_type".to_owned(), "RSA2".to_owned());
    bend(&mut params, faults);
    let forged = faults
        .iter()
        .any(|fault| matches!(fault, Fault::Forged | Fault::SignTest | Fault::UnknownSerial));
    let own = state.keys.alipay.get(&key.account).map(|keys| keys.alipay.clone());
    let signer = if forged { Some(state.keys.attacker.clone()) } else { own };
    let signer = signer.filter(|_| !faults.contains(&Fault::Unsigned));
    let (url, faults) = (url.to_owned(), faults.to_vec());
    Box::new(move || {
        if let Some(signer) = signer {
            let kept = faults.contains(&Fault::SignTypeKept);
            let without: &[&str] = if kept { &["sign"] } else { &["sign", "sign_type"] };
            let text = signed_text(&params, without);
            params.insert("sign".to_owned(), signer.sign(&encoding.encode(&text).0));
        }
        let body = form(&params, encoding, &faults);
        let content_type = format!("application/x-www-form-urlencoded; charset={charset}");
        let headers = vec![
            ("Content-Type".to_owned(), content_type),
            ("User-Agent".to_owned(), "Mozilla/4.0".to_owned()),
        ];
        Letter { url, headers, body }
    })
}

/// The form's bytes, torn or flipped by the faults.
fn form(
    params: &BTreeMap<String, String>,
    encoding: &'static Encoding,
    faults: &[Fault],
) -> Vec<u8> {
    let pairs = params.iter();
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{}={}", encoded(name, encoding), encoded(value, encoding)))
        .collect();
    let mut body = pairs.join("&").into_bytes();
    if faults.contains(&Fault::BitFlip) {
        body = misbehave::bit_flipped(body);
    }
    if faults.contains(&Fault::Truncated) {
        body = misbehave::truncated(body);
    }
    body
}

/// The address a wap payer returns to: signed parameters, for display only (payments.md B7).
pub(crate) fn return_link(world: &World, trade: &Trade, return_url: &str) -> String {
    let state = world.state();
    let paid = trade.payments.first();
    let mut params: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in [
        ("charset", "utf-8"),
        ("method", "alipay.trade.wap.pay.return"),
        ("version", "1.0"),
        ("app_id", trade.merchant.as_str()),
        ("out_trade_no", trade.key.out_trade_no.as_str()),
        ("trade_no", paid.map_or("", |payment| payment.provider_trade_no.as_str())),
        ("total_amount", yuan(trade.total_fen).as_str()),
        ("timestamp", clock::plain(world.now_ms()).as_str()),
    ] {
        params.insert(name.to_owned(), value.to_owned());
    }
    if let Some(keys) = state.keys.alipay.get(&trade.merchant) {
        let sign = keys.alipay.sign(signed_text(&params, &[]).as_bytes());
        params.insert("sign".to_owned(), sign);
        params.insert("sign_type".to_owned(), "RSA2".to_owned());
    }
    let pairs = params.iter();
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{name}={}", encoded(value, UTF_8))).collect();
    let mark = if return_url.contains('?') { '&' } else { '?' };
    format!("{return_url}{mark}{}", pairs.join("&"))
}

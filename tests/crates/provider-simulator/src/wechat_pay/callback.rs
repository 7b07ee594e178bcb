//! Callbacks: the resource is encrypted once, the delivery signed afresh each time
//! (payments.md A5, A7).

use serde_json::{Value, json};

use super::{signer, transaction};
use crate::book::{Payment, Refund, RefundStatus, Trade};
use crate::clock;
use crate::courier::{Draft, Letter};
use crate::crypto::aes;
use crate::fault::Fault;
use crate::misbehave::{self, Signing};
use crate::world::{State, World};

/// One event in WeChat's words; its ciphertext stays the same over all retries.
#[derive(Clone)]
pub(crate) struct Notice {
    mchid: String,
    id: String,
    create_time: String,
    event_type: String,
    summary: String,
    original_type: &'static str,
    nonce: String,
    ciphertext: String,
    plaintext: Value,
}

impl Notice {
    /// A payment that succeeded; nothing else is ever told of an order.
    pub(crate) fn transaction(
        world: &World,
        state: &mut State,
        trade: &Trade,
        payment: &Payment,
    ) -> Option<Self> {
        // A callback tells the payment, whatever happened to the order since.
        let mut plaintext = transaction::transaction(trade, Some(payment), payment.paid_ms);
        plaintext["trade_state"] = json!("SUCCESS");
        plaintext["trade_state_desc"] = json!("支付成功");
        let words = ("TRANSACTION.SUCCESS", "支付成功", "transaction");
        Self::seal(world, state, &trade.merchant, words, plaintext)
    }

    /// A refund that ended.
    pub(crate) fn refund(
        world: &World,
        state: &mut State,
        trade: &Trade,
        refund: &Refund,
    ) -> Option<Self> {
        let words = match refund.status {
            RefundStatus::Success => ("REFUND.SUCCESS", "退款成功", "refund"),
            RefundStatus::Abnormal => ("REFUND.ABNORMAL", "退款异常", "refund"),
            RefundStatus::Closed => ("REFUND.CLOSED", "退款关闭", "refund"),
            RefundStatus::Processing => return None,
        };
        let plaintext = transaction::refund_notice(trade, refund);
        Self::seal(world, state, &trade.merchant, words, plaintext)
    }

    fn seal(
        world: &World,
        state: &mut State,
        mchid: &str,
        (event_type, summary, original_type): (&str, &str, &'static str),
        plaintext: Value,
    ) -> Option<Self> {
        let nonce = state.chance.letters(12);
        let key = &state.keys.wechat.get(mchid)?.api_v3_key;
        let text = plaintext.to_string();
        Some(Self {
            mchid: mchid.to_owned(),
            ciphertext: aes::seal_gcm(key, &nonce, original_type, text.as_bytes())?,
            id: state.chance.uuid(),
            create_time: clock::rfc3339(world.now_ms()),
            event_type: event_type.to_owned(),
            summary: summary.to_owned(),
            original_type,
            nonce,
            plaintext,
        })
    }

    /// The body, in the key order of a real capture.
    fn body(&self, ciphertext: &str, nonce: &str) -> String {
        let text = |value: &str| json!(value).to_string();
        format!(
            concat!(
                r#"{{"id":{},"create_time":{},"resource_type":"encrypt-resource","#,
                r#""event_type":{},"summary":{},"resource":{{"original_type":{},"#,
                r#""algorithm":"AEAD_AES_256_GCM","ciphertext":{},"associated_data":{},"#,
                r#""nonce":{}}}}}"#
            ),
            text(&self.id),
            text(&self.create_time),
            text(&self.event_type),
            text(&self.summary),
            text(self.original_type),
            text(ciphertext),
            text(self.original_type),
            text(nonce),
        )
    }

    /// What a lying provider would have encrypted; `None` when no fault touches the content.
    fn lie(&self, faults: &[Fault]) -> Option<String> {
        let mut content = self.plaintext.clone();
        for fault in faults {
            match fault {
                Fault::WrongAmount { total_fen } if self.original_type == "refund" => {
                    content["amount"]["refund"] = json!(total_fen);
                }
                Fault::WrongAmount { total_fen } => content["amount"]["total"] = json!(total_fen),
                Fault::WrongCurrency { currency } => {
                    content["amount"]["currency"] = json!(currency);
                }
                Fault::WrongMerchant if content.get("sp_mchid").is_some() => {
                    content["sub_mchid"] = json!("1999999999");
                }
                Fault::WrongMerchant => content["mchid"] = json!("1999999999"),
                Fault::WrongAppId if content.get("sp_appid").is_some() => {
                    content["sp_appid"] = json!("wx0000000000000000");
                }
                Fault::WrongAppId => content["appid"] = json!("wx0000000000000000"),
                Fault::WrongOrder => content["out_trade_no"] = json!("NOBODYPLACEDTHIS"),
                Fault::WrongState { state } if self.original_type == "refund" => {
                    content["refund_status"] = json!(state);
                }
                Fault::WrongState { state } => content["trade_state"] = json!(state),
                Fault::Oversize { bytes } => {
                    content["attach"] = json!("x".repeat((*bytes).min(misbehave::BODY_MAX)));
                }
                _ => {}
            }
        }
        (content != self.plaintext).then(|| content.to_string())
    }
}

/// A V2 callback: XML, signed by nobody we know (payments.md A7).
fn v2_xml(notice: &Notice) -> Vec<u8> {
    format!(
        "<xml><return_code>SUCCESS</return_code><appid><![CDATA[wx8888888888888888]]></appid>\
         <mch_id><![CDATA[{}]]></mch_id><nonce_str><![CDATA[{}]]></nonce_str>\
         <req_info><![CDATA[{}]]></req_info></xml>",
        notice.mchid, notice.nonce, notice.ciphertext
    )
    .into_bytes()
}

/// The callback as it will go over the wire; signing it is left to the draft.
pub(crate) fn draft(
    world: &World,
    state: &mut State,
    url: &str,
    notice: &Notice,
    faults: &[Fault],
) -> Draft {
    let mut headers = vec![
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("Accept".to_owned(), "*/*".to_owned()),
        ("User-Agent".to_owned(), "Mozilla/4.0".to_owned()),
        ("Request-ID".to_owned(), format!("08{}-0", state.chance.hex(29))),
    ];
    let url = url.to_owned();
    if faults.contains(&Fault::V2Xml) {
        headers[0].1 = "text/xml".to_owned();
        let body = v2_xml(notice);
        return Box::new(move || Letter { url, headers, body });
    }
    let mut body = content(state, notice, faults).into_bytes();
    let now_s = world.now_ms() / 1_000;
    let signer = signer::of_callback(state, &notice.mchid);
    let plan = signer.and_then(|signer| Signing::plan(state, &signer, now_s, faults));
    let faults = faults.to_vec();
    Box::new(move || {
        if let Some(plan) = plan {
            let signed = plan.headers(&body);
            headers.extend(signed.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        if faults.contains(&Fault::BitFlip) {
            body = misbehave::bit_flipped(body);
        }
        if faults.contains(&Fault::Truncated) {
            body = misbehave::truncated(body);
        }
        Letter { url, headers, body }
    })
}

fn content(state: &mut State, notice: &Notice, faults: &[Fault]) -> String {
    if let Some(lie) = notice.lie(faults) {
        let nonce = state.chance.letters(12);
        let key = state.keys.wechat.get(&notice.mchid).map(|keys| keys.api_v3_key.clone());
        let sealed =
            key.and_then(|key| aes::seal_gcm(&key, &nonce, notice.original_type, lie.as_bytes()));
        return notice.body(&sealed.unwrap_or_default(), &nonce);
    }
    if faults.contains(&Fault::BadCiphertext) {
        let mut letters = notice.ciphertext.clone().into_bytes();
        if let Some(first) = letters.first_mut() {
            *first = if *first == b'A' { b'B' } else { b'A' };
        }
        return notice.body(&String::from_utf8_lossy(&letters), &notice.nonce);
    }
    notice.body(&notice.ciphertext, &notice.nonce)
}

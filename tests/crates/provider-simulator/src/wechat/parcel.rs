//! What hangs on an order: shipping information, and the notice keyed by its number
//! (payments.md C6, C9).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::answer::{Outcome, Refusal, fine};
use super::call::Ask;
use super::message::{Message, addressee};
use crate::book::{ProviderKind, Trade};
use crate::clock;
use crate::config::{WechatApp, WechatKind};
use crate::world::World;

/// How long after the payment a notice may be activated, in milliseconds.
const ACTIVATION_MS: i64 = 86_400_000;

/// How long it may be advanced, in milliseconds.
const ADVANCE_MS: i64 = 30 * 86_400_000;

/// How far the named moment of payment may be off, in seconds.
const PAY_TIME_SLACK_S: i64 = 60;

/// Shipping information as it was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shipment {
    /// The provider's number of the payment.
    pub transaction_id: String,
    /// What was sold.
    pub item_desc: String,
    /// To whom.
    pub openid: String,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// What was uploaded about orders.
#[derive(Default)]
pub(crate) struct Parcels {
    /// By transaction id.
    pub(crate) shipped: BTreeMap<String, Shipment>,
    /// The last state of a notice, by transaction id.
    notices: BTreeMap<String, i64>,
}

/// The paid order with this number of the provider's.
fn paid(world: &World, transaction_id: &str) -> Option<Trade> {
    let state = world.state();
    let found = state.book.by_payment(transaction_id).cloned();
    found.filter(|trade| trade.key.provider == ProviderKind::WechatPay)
}

fn format_error() -> Refusal {
    Refusal::new(47001, "data format error")
}

/// `upload_shipping_info`.
pub(crate) fn ship(world: &World, app: &WechatApp, ask: &Ask) -> Outcome {
    if app.kind != WechatKind::MiniProgram {
        return Err(Refusal::new(48001, "api unauthorized"));
    }
    let items = ask.json["shipping_list"].as_array().map_or(0, Vec::len);
    let item_desc = ask.text("/shipping_list/0/item_desc");
    let is_unified = ask.number("/delivery_mode") == Some(1) && items == 1;
    let is_virtual = ask.number("/logistics_type") == Some(3);
    let upload_time = clock::read_rfc3339(ask.text("/upload_time"));
    if !is_unified || !is_virtual || item_desc.is_empty() || upload_time.is_none() {
        return Err(format_error());
    }
    let transaction_id = match ask.number("/order_key/order_number_type") {
        Some(1) => {
            let (mchid, number) =
                (ask.text("/order_key/mchid"), ask.text("/order_key/out_trade_no"));
            let state = world.state();
            let mut found = state.book.by_number(number, Some(ProviderKind::WechatPay));
            let trade = found.find(|trade| trade.merchant == mchid);
            let trade = trade.ok_or_else(|| Refusal::new(10060001, "支付单不存在"))?;
            let payment = trade.payments.first();
            let payment =
                payment.ok_or_else(|| Refusal::new(10060004, "支付单处于不可发货的状态"))?;
            payment.provider_trade_no.clone()
        }
        Some(2) => ask.text("/order_key/transaction_id").to_owned(),
        _ => return Err(format_error()),
    };
    let trade = paid(world, &transaction_id).filter(|trade| trade.appid == app.app_id);
    let trade = trade.ok_or_else(|| Refusal::new(10060001, "支付单不存在"))?;
    let payer = trade.payment(Some(&transaction_id)).map(|payment| payment.payer.clone());
    let openid = ask.text("/payer/openid");
    if payer.as_deref() != Some(openid) {
        return Err(Refusal::new(40003, "invalid openid"));
    }
    let at_ms = world.now_ms();
    let mut state = world.state();
    if state.parcels.shipped.contains_key(&transaction_id) {
        return Err(Refusal::new(10060002, "支付单已完成发货，无法继续发货"));
    }
    let (item_desc, openid) = (item_desc.to_owned(), openid.to_owned());
    let shipment = Shipment { transaction_id: transaction_id.clone(), item_desc, openid, at_ms };
    state.parcels.shipped.insert(transaction_id, shipment);
    fine()
}

/// `set_user_notify`.
pub(crate) fn notice(world: &World, app: &WechatApp, ask: &Ask) -> Outcome {
    let openid = ask.text("/openid");
    addressee(world, app, openid)?;
    let notify_type = ask.number("/notify_type").unwrap_or_default();
    if !(2001..=2099).contains(&notify_type) {
        return Err(Refusal::new(85434, "invalid notify_type"));
    }
    let code = ask.text("/notify_code");
    let trade = paid(world, code).filter(|trade| trade.appid == app.app_id);
    let trade = trade.ok_or_else(|| Refusal::new(85437, "notify_code 不存在"))?;
    let payment = trade.payment(Some(code)).filter(|payment| payment.payer == openid);
    let payment = payment.ok_or_else(|| Refusal::new(85437, "invalid notify_code"))?;
    let content: Value = serde_json::from_str(ask.text("/content_json")).unwrap_or_default();
    let status = content["cur_status"].as_i64().ok_or_else(format_error)?;
    let products = content.pointer("/product_list/info_list").and_then(Value::as_array);
    if products.is_none_or(Vec::is_empty) {
        return Err(Refusal::new(85447, "invalid product_list"));
    }
    let now_ms = world.now_ms();
    let mut state = world.state();
    let before = state.parcels.notices.get(code).copied();
    let allowed_ms = if before.is_none() { ACTIVATION_MS } else { ADVANCE_MS };
    if now_ms - payment.paid_ms > allowed_ms {
        return Err(Refusal::new(85438, "notify_code expired"));
    }
    if before.is_none() {
        let check: Value = serde_json::from_str(ask.text("/check_json")).unwrap_or_default();
        let off_s = check["pay_time"].as_i64().map(|at| (at - payment.paid_ms / 1_000).abs());
        let amounts = [payment.total_fen, payment.payer_total_fen];
        let is_paid = check["pay_amount"].as_i64().is_some_and(|fen| amounts.contains(&fen));
        if !is_paid || off_s.is_none_or(|off_s| off_s > PAY_TIME_SLACK_S) {
            return Err(Refusal::new(85433, "invalid check_json"));
        }
    }
    if before.is_some_and(|before| status <= before) {
        return fine();
    }
    state.parcels.notices.insert(code.to_owned(), status);
    state.post.send(Message {
        channel: "order-notice",
        app_id: app.app_id.clone(),
        openid: openid.to_owned(),
        template: notify_type.to_string(),
        page: content["wxa_path_query"].as_str().unwrap_or_default().to_owned(),
        data: content,
        client_msg_id: code.to_owned(),
        msgid: 0,
        at_ms: now_ms,
    });
    fine()
}

//! Refund calls (payments.md A10).

use serde_json::Value;

use super::answer::Answer;
use super::call::query_value;
use super::front::Caller;
use super::order::{Account, sub_merchant};
use super::problem::{self, Problem};
use super::{text, transaction};
use crate::book::refund::RefundError;
use crate::book::{Refund, RefundStatus, TradeKey};
use crate::courier::{self, Errand};
use crate::event::Event;
use crate::fault::Fault;
use crate::world::{State, World};

/// How long after the payment a refund may be asked for (A10), in milliseconds.
const WINDOW_MS: i64 = 365 * 86_400_000;

/// How long after another refund of the same order (A10), in milliseconds.
const GAP_MS: i64 = 60_000;

/// Which account a refund call is about: a `sub_mchid` makes it a partner's.
fn account(world: &World, caller: &Caller, sub: Option<String>) -> Result<Account, Problem> {
    let sub_mchid = match sub {
        Some(sub) => sub_merchant(world, caller, Some(sub))?,
        None => None,
    };
    Ok(Account { mchid: caller.mchid.clone(), sub_mchid })
}

/// What a refund call asks for.
struct Wanted {
    out_refund_no: String,
    refund_fen: i64,
    total_fen: i64,
    notify_url: Option<String>,
}

fn read(json: &Value) -> Result<Wanted, Problem> {
    let out_refund_no = text(json, "out_refund_no").unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte);
    if !(1..=64).contains(&out_refund_no.len()) || !out_refund_no.bytes().all(fits) {
        return Err(Problem::param("/out_refund_no", &out_refund_no, "格式不正确"));
    }
    let fen = |name: &str| {
        let value = &json["amount"][name];
        let pointer = format!("/amount/{name}");
        value
            .as_i64()
            .filter(|fen| *fen >= 1)
            .ok_or_else(|| Problem::param(&pointer, &value.to_string(), "金额必须是大于0的整数"))
    };
    if json["amount"]["currency"].as_str() != Some("CNY") {
        return Err(Problem::param("/amount/currency", "", "不支持的币种"));
    }
    if text(json, "reason").is_some_and(|reason| reason.chars().count() > 80) {
        return Err(Problem::param("/reason", "", "长度超过限制"));
    }
    let notify_url = text(json, "notify_url");
    if notify_url.as_ref().is_some_and(|url| url.len() > 256 || url.contains('?')) {
        return Err(Problem::param("/notify_url", "", "通知地址不合法"));
    }
    Ok(Wanted { out_refund_no, refund_fen: fen("refund")?, total_fen: fen("total")?, notify_url })
}

/// The order and, when named, the payment a refund call is about.
fn target(
    state: &State,
    account: &Account,
    json: &Value,
) -> Result<(TradeKey, Option<String>), Problem> {
    match (text(json, "transaction_id"), text(json, "out_trade_no")) {
        (Some(id), None) => {
            let trade = state.book.by_payment(&id).ok_or(problem::ORDER_NOT_EXIST)?;
            let key = account.key(&trade.key.out_trade_no);
            if key != trade.key {
                return Err(problem::ORDER_NOT_EXIST);
            }
            Ok((key, Some(id)))
        }
        (None, Some(number)) => Ok((account.key(&number), None)),
        _ => Err(Problem::param("/out_trade_no", "", "transaction_id和out_trade_no必须二选一")),
    }
}

/// Accepts a refund; it is settled a little later.
pub(crate) fn place(
    world: &World,
    caller: &Caller,
    json: &Value,
    faults: &[Fault],
) -> Result<Answer, Problem> {
    let account = account(world, caller, text(json, "sub_mchid"))?;
    let wanted = read(json)?;
    let now_ms = world.now_ms();
    let mut state = world.state();
    let (key, payment) = target(&state, &account, json)?;
    let trade = state.book.find(&key).ok_or(problem::ORDER_NOT_EXIST)?;
    let paid = trade.payment(payment.as_deref()).ok_or(problem::REFUND_UNPAID)?;
    if paid.total_fen != wanted.total_fen {
        return Err(problem::REFUND_FEE_MISMATCH);
    }
    let (number, notify_url) = (&wanted.out_refund_no, wanted.notify_url.as_deref());
    if !trade.refunds.iter().any(|refund| refund.out_refund_no == *number) {
        if now_ms - paid.paid_ms > WINDOW_MS {
            return Err(problem::REFUND_OVERDUE);
        }
        if world.config.refund_gaps && trade.refunded_within(GAP_MS, now_ms) {
            return Err(problem::REFUND_TOO_SOON);
        }
    }
    let payment = payment.as_deref();
    let placed = state.book.refund(&key, number, wanted.refund_fen, payment, notify_url, now_ms);
    let (refund, new) = placed.map_err(|error| match error {
        RefundError::Unknown => problem::ORDER_NOT_EXIST,
        RefundError::NotPaid => problem::REFUND_UNPAID,
        RefundError::Differs => problem::REFUND_DIFFERS,
        RefundError::Exceeds => problem::REFUND_EXCEEDS,
        RefundError::TooMany | RefundError::Finished => problem::REFUND_TOO_MANY,
    })?;
    if new {
        settle_later(world, &mut state, &key, number, end(faults));
    }
    let trade = state.book.find(&key).ok_or(problem::ORDER_NOT_EXIST)?;
    Ok(Answer::json(&transaction::refund(trade, &refund)))
}

fn settle_later(
    world: &World,
    state: &mut State,
    key: &TradeKey,
    out_refund_no: &str,
    status: RefundStatus,
) {
    let due_ms = world.clock.true_ms() + world.config.refund_settle_ms;
    let out_refund_no = out_refund_no.to_owned();
    state.outbox.push(due_ms, Errand::Settle { key: key.clone(), out_refund_no, status });
}

/// Takes an abnormal refund up again, to a bank card of the payer's or of the merchant's.
pub(crate) fn take_up(
    world: &World,
    caller: &Caller,
    refund_id: &str,
    json: &Value,
    faults: &[Fault],
) -> Result<Answer, Problem> {
    let account = account(world, caller, text(json, "sub_mchid"))?;
    let filled = |name: &str| text(json, name).is_some_and(|value| !value.is_empty());
    match text(json, "type").as_deref() {
        // The card and the name are encrypted, so the caller names the key (A1, A6).
        Some("USER_BANK_CARD") => {
            for name in ["bank_type", "bank_account", "real_name"] {
                if !filled(name) || caller.wanted_serial.is_none() {
                    return Err(Problem::param(&format!("/{name}"), "", "缺少加密的收款信息"));
                }
            }
        }
        Some("MERCHANT_BANK_CARD") => {}
        other => return Err(Problem::param("/type", other.unwrap_or_default(), "类型不正确")),
    }
    let number = text(json, "out_refund_no").unwrap_or_default();
    let mut state = world.state();
    let name = account.key("").account;
    let trade = state.book.by_refund_no(&name, &number).ok_or(problem::REFUND_NOT_EXISTS)?;
    let known = |refund: &&Refund| refund.out_refund_no == number && refund.refund_id == refund_id;
    trade.refunds.iter().find(known).ok_or(problem::REFUND_NOT_EXISTS)?;
    let key = trade.key.clone();
    let refund = state.book.take_up(&key, &number).ok_or(problem::REFUND_NOT_ABNORMAL)?;
    settle_later(world, &mut state, &key, &number, end(faults));
    let trade = state.book.find(&key).ok_or(problem::REFUND_NOT_EXISTS)?;
    Ok(Answer::json(&transaction::refund(trade, &refund)))
}

/// The payer has the money and the merchant the callback before the refund call is answered
/// (payments.md F4 no. 18).
pub(crate) async fn settle_first(world: &World, caller: &Caller, json: &Value) {
    let number = text(json, "out_refund_no").unwrap_or_default();
    let Ok(account) = account(world, caller, text(json, "sub_mchid")) else { return };
    let event = {
        let now_ms = world.now_ms();
        let mut state = world.state();
        let key = state.book.by_refund_no(&account.key("").account, &number);
        let Some(key) = key.map(|trade| trade.key.clone()) else { return };
        let settled = state.book.settle(&key, &number, RefundStatus::Success, now_ms);
        settled.and_then(|refund| Event::refunded(world, &mut state, &key, &refund))
    };
    if let (Some(event), Some(client)) = (event, courier::client(world)) {
        courier::deliver(world, &client, event).await;
    }
}

/// How a refund accepted under these faults will end.
pub(crate) fn end(faults: &[Fault]) -> RefundStatus {
    let chosen = faults.iter().find_map(|fault| match fault {
        Fault::RefundEnds { status } => Some(*status),
        _ => None,
    });
    chosen.unwrap_or(RefundStatus::Success)
}

/// Queries a refund by the merchant's number.
pub(crate) fn query(
    world: &World,
    caller: &Caller,
    out_refund_no: &str,
    query: &str,
) -> Result<Answer, Problem> {
    let account = account(world, caller, query_value(query, "sub_mchid"))?;
    let state = world.state();
    let trade = state.book.by_refund_no(&account.key("").account, out_refund_no);
    let trade = trade.ok_or(problem::REFUND_NOT_EXISTS)?;
    let mut refunds = trade.refunds.iter();
    let refund = refunds.find(|refund| refund.out_refund_no == out_refund_no);
    let refund = refund.ok_or(problem::REFUND_NOT_EXISTS)?;
    Ok(Answer::json(&transaction::refund(trade, refund)))
}

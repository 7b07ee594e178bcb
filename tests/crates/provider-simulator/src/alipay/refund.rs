//! Refunds and their query (payments.md B9).

use serde_json::json;

use super::request::Request;
use super::trade::{find, not_exist, settled_fen};
use super::{Failure, Outcome};
use crate::book::refund::RefundError;
use crate::book::{Payment, Refund, RefundStatus, TradeKey};
use crate::clock;
use crate::fault::Fault;
use crate::money::{read_yuan, yuan};
use crate::wechat_pay::refund::end;
use crate::world::World;

/// How long after another refund of the same trade (B9), in milliseconds. How Alipay refuses is
/// not documented; the answer that proves nothing asks the most of a merchant.
const GAP_MS: i64 = 3_000;

fn failure(error: RefundError) -> Failure {
    match error {
        RefundError::Unknown => not_exist(),
        RefundError::NotPaid => Failure::new("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"),
        RefundError::Differs => Failure::new("ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求"),
        RefundError::Exceeds => {
            Failure::new("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "撤销或退款金额与订单金额不一致")
        }
        RefundError::TooMany => Failure::new("ACQ.TRADE_NOT_ALLOW_REFUND", "当前交易不允许退款"),
        RefundError::Finished => Failure::new("ACQ.TRADE_HAS_FINISHED", "交易已完结"),
    }
}

/// Refunds and settles at once, as cancelling a paid trade does.
pub(crate) fn give_back(
    world: &World,
    key: &TradeKey,
    out_request_no: &str,
    refund_fen: i64,
) -> Result<Refund, Failure> {
    let now_ms = world.now_ms();
    let placed = world.state().book.refund(key, out_request_no, refund_fen, None, None, now_ms);
    let (refund, _) = placed.map_err(failure)?;
    world.settle(key, out_request_no, RefundStatus::Success);
    Ok(refund)
}

/// Refunds; the money moves at once unless a fault holds it.
pub(crate) fn place(world: &World, request: &Request, faults: &[Fault]) -> Outcome {
    let amount = request.text("refund_amount").unwrap_or_default();
    let refund_fen = read_yuan(&amount).ok_or(Failure::parameter("refund_amount格式不正确"))?;
    let now_ms = world.now_ms();
    let (key, number, new) = {
        let mut state = world.state();
        let trade = find(&state, request)?;
        let key = trade.key.clone();
        let number = request.text("out_request_no").unwrap_or_else(|| key.out_trade_no.clone());
        let wanted = request.text("trade_no");
        let paid = trade.payment(wanted.as_deref());
        let known = trade.refunds.iter().any(|refund| refund.out_refund_no == number);
        let returned =
            |paid: &Payment| settled_fen(trade, &paid.provider_trade_no) >= paid.total_fen;
        if !known && paid.is_some_and(returned) {
            return Err(Failure::new("ACQ.TRADE_HAS_CLOSE", "交易已经关闭"));
        }
        if world.config.refund_gaps && !known && trade.refunded_within(GAP_MS, now_ms) {
            return Err(Failure::unknown());
        }
        let wanted = wanted.as_deref();
        let placed = state.book.refund(&key, &number, refund_fen, wanted, None, now_ms);
        let (_, new) = placed.map_err(failure)?;
        (key, number, new)
    };
    let status = end(faults);
    let moved = new && world.settle(&key, &number, status) && status == RefundStatus::Success;
    let state = world.state();
    let trade = state.book.find(&key).ok_or_else(not_exist)?;
    let refund = trade.refunds.iter().find(|refund| refund.out_refund_no == number);
    let trade_no = refund.map_or("", |refund| refund.provider_trade_no.as_str());
    let payer = trade.payment(Some(trade_no)).map_or("", |payment| payment.payer.as_str());
    Ok(json!({
        "out_trade_no": key.out_trade_no,
        "trade_no": trade_no,
        "buyer_logon_id": "yuf***@sandbox.com",
        "buyer_user_id": payer,
        "fund_change": if moved { "Y" } else { "N" },
        // Cumulative over all refunds of the trade (B9).
        "refund_fee": yuan(settled_fen(trade, trade_no)),
        "gmt_refund_pay": clock::plain(now_ms),
    }))
}

/// Queries a refund; a missing `refund_status` means not received or failed.
pub(crate) fn query(world: &World, request: &Request) -> Outcome {
    let number = request.text("out_request_no");
    let number = number.ok_or(Failure::parameter("out_request_no不能为空"))?;
    let state = world.state();
    let trade = find(&state, request)?;
    let mut refunds = trade.refunds.iter();
    let Some(refund) = refunds.find(|refund| refund.out_refund_no == number) else {
        return Ok(json!({}));
    };
    let mut answer = json!({
        "out_trade_no": trade.key.out_trade_no,
        "trade_no": refund.provider_trade_no,
        "out_request_no": refund.out_refund_no,
        "total_amount": yuan(trade.total_fen),
        "refund_amount": yuan(refund.refund_fen),
    });
    if refund.status == RefundStatus::Success {
        answer["refund_status"] = json!("REFUND_SUCCESS");
        let asked = |option: &str| {
            let options = request.content["query_options"].as_array();
            options.is_some_and(|options| options.iter().any(|one| one == option))
        };
        if let Some(settled_ms) = refund.settled_ms.filter(|_| asked("gmt_refund_pay")) {
            answer["gmt_refund_pay"] = json!(clock::plain(settled_ms));
        }
    }
    Ok(answer)
}

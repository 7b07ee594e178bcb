//! The two documents WeChat shows: a transaction and a refund (payments.md A7, A9, A10).

use serde_json::{Value, json};

use crate::book::{Payment, Refund, RefundStatus, Trade, TradeKind, TradeState};
use crate::clock;

fn state_words(state: TradeState) -> (&'static str, &'static str) {
    match state {
        TradeState::NotPay => ("NOTPAY", "订单未支付"),
        TradeState::Success | TradeState::Finished => ("SUCCESS", "支付成功"),
        TradeState::Refund => ("REFUND", "订单发生过退款"),
        TradeState::Closed => ("CLOSED", "订单已关闭"),
    }
}

/// `trade_type` on the wire.
pub(crate) fn trade_type(kind: TradeKind) -> &'static str {
    match kind {
        TradeKind::H5 | TradeKind::Wap => "MWEB",
        TradeKind::Jsapi | TradeKind::Create => "JSAPI",
        TradeKind::Native | TradeKind::Precreate => "NATIVE",
    }
}

/// Adds the numbers of the merchant, in the words of the ordinary or the partner mode.
fn parties(document: &mut Value, trade: &Trade) {
    match &trade.sub_merchant {
        Some(sub_mchid) => {
            document["sp_appid"] = json!(trade.appid);
            document["sp_mchid"] = json!(trade.merchant);
            document["sub_mchid"] = json!(sub_mchid);
        }
        None => {
            document["appid"] = json!(trade.appid);
            document["mchid"] = json!(trade.merchant);
        }
    }
}

/// The transaction, as query and callback show it.
pub(crate) fn transaction(trade: &Trade, payment: Option<&Payment>, now_ms: i64) -> Value {
    let (state, description) = state_words(trade.state(now_ms));
    let mut document = json!({
        "out_trade_no": trade.key.out_trade_no,
        "trade_state": state,
        "trade_state_desc": description,
        "attach": trade.attach.clone().unwrap_or_default(),
        "amount": {"total": trade.total_fen, "currency": "CNY"},
    });
    parties(&mut document, trade);
    let Some(payment) = payment else { return document };
    document["transaction_id"] = json!(payment.provider_trade_no);
    document["trade_type"] = json!(trade_type(trade.kind));
    document["bank_type"] = json!("OTHERS");
    document["success_time"] = json!(clock::rfc3339(payment.paid_ms));
    document["payer"] = match trade.sub_merchant {
        Some(_) => json!({"sp_openid": payment.payer}),
        None => json!({"openid": payment.payer}),
    };
    document["amount"] = json!({
        "total": payment.total_fen,
        "payer_total": payment.payer_total_fen,
        "currency": "CNY",
        "payer_currency": "CNY",
    });
    let coupon_fen = payment.total_fen - payment.payer_total_fen;
    document["promotion_detail"] = match coupon_fen {
        0 => json!([]),
        fen => json!([{"coupon_id": "109519", "name": "模拟券", "scope": "GLOBAL",
            "type": "CASH", "amount": fen, "currency": "CNY"}]),
    };
    document
}

/// What the payer gets back of a refund: in proportion, rounded down to the fen.
fn payer_refund_fen(refund: &Refund, payment: &Payment) -> i64 {
    match payment.total_fen {
        0 => 0,
        total_fen => refund.refund_fen * payment.payer_total_fen / total_fen,
    }
}

/// The refund, as the refund calls answer it.
pub(crate) fn refund(trade: &Trade, refund: &Refund) -> Value {
    let mut document = json!({
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": refund.provider_trade_no,
        "out_trade_no": trade.key.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": clock::rfc3339(refund.created_ms),
        "status": refund.status.word(),
        "funds_account": "AVAILABLE",
        "promotion_detail": [],
    });
    if let Some(payment) = trade.payment(Some(&refund.provider_trade_no)) {
        let payer_fen = payer_refund_fen(refund, payment);
        document["amount"] = json!({
            "total": payment.total_fen,
            "refund": refund.refund_fen,
            "payer_total": payment.payer_total_fen,
            "payer_refund": payer_fen,
            "settlement_refund": refund.refund_fen,
            "settlement_total": payment.total_fen,
            "discount_refund": refund.refund_fen - payer_fen,
            "currency": "CNY",
            "refund_fee": 0,
        });
    }
    if let Some(settled_ms) = success_ms(refund) {
        document["success_time"] = json!(clock::rfc3339(settled_ms));
    }
    document
}

/// The refund, as its callback shows it: `refund_status`, no currency, no channel.
pub(crate) fn refund_notice(trade: &Trade, refund: &Refund) -> Value {
    let mut document = json!({
        "out_trade_no": trade.key.out_trade_no,
        "transaction_id": refund.provider_trade_no,
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "refund_status": refund.status.word(),
        "user_received_account": "支付用户零钱",
    });
    match &trade.sub_merchant {
        Some(sub_mchid) => {
            document["sp_mchid"] = json!(trade.merchant);
            document["sub_mchid"] = json!(sub_mchid);
        }
        None => document["mchid"] = json!(trade.merchant),
    }
    if let Some(payment) = trade.payment(Some(&refund.provider_trade_no)) {
        document["amount"] = json!({
            "total": payment.total_fen,
            "refund": refund.refund_fen,
            "payer_total": payment.payer_total_fen,
            "payer_refund": payer_refund_fen(refund, payment),
        });
    }
    if let Some(settled_ms) = success_ms(refund) {
        document["success_time"] = json!(clock::rfc3339(settled_ms));
    }
    document
}

fn success_ms(refund: &Refund) -> Option<i64> {
    refund.settled_ms.filter(|_| refund.status == RefundStatus::Success)
}

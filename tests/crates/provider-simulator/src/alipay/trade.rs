//! Placing, querying, closing and cancelling trades (payments.md B7, B9).

use serde_json::{Value, json};

use super::request::Request;
use super::{Failure, Outcome, refund};
use crate::book::{
    CloseError, PlaceError, ProviderKind, RefundStatus, Tally, Trade, TradeKey, TradeKind,
    TradeState,
};
use crate::clock;
use crate::courier::Errand;
use crate::crypto::digest;
use crate::money::{read_yuan, yuan};
use crate::world::{State, World};

/// Milliseconds after which a QR trade without an expiry closes: three hours (B7).
const QR_EXPIRY_MS: i64 = 3 * 3_600 * 1_000;

/// Milliseconds after which any other trade without an expiry closes: fifteen days.
const EXPIRY_MS: i64 = 15 * 24 * 3_600 * 1_000;

pub(crate) const NOT_EXIST: &str = "ACQ.TRADE_NOT_EXIST";

/// No such trade, or not yet.
pub(crate) fn not_exist() -> Failure {
    Failure::new(NOT_EXIST, "交易不存在")
}

/// The trade a request names by either number; a QR nobody scanned does not exist.
pub(crate) fn find<'a>(state: &'a State, request: &Request) -> Result<&'a Trade, Failure> {
    let found = match (request.text("trade_no"), request.text("out_trade_no")) {
        (Some(trade_no), _) => state.book.by_payment(&trade_no),
        (None, Some(number)) => state.book.find(&key(request, &number)),
        (None, None) => return Err(Failure::parameter("out_trade_no和trade_no不能同时为空")),
    };
    let found = found.filter(|trade| trade.exists && trade.merchant == request.app_id);
    found.ok_or_else(not_exist)
}

fn key(request: &Request, out_trade_no: &str) -> TradeKey {
    TradeKey::new(ProviderKind::Alipay, &request.app_id, out_trade_no)
}

/// `trade_status` on the wire.
pub(crate) fn status(trade: &Trade, now_ms: i64) -> &'static str {
    let returned = trade
        .payments
        .first()
        .is_some_and(|first| settled_fen(trade, &first.provider_trade_no) >= first.total_fen);
    match trade.state(now_ms) {
        TradeState::NotPay => "WAIT_BUYER_PAY",
        TradeState::Closed => "TRADE_CLOSED",
        _ if returned => "TRADE_CLOSED",
        _ if trade.finished_ms.is_some() => "TRADE_FINISHED",
        _ => "TRADE_SUCCESS",
    }
}

/// What was really returned of a payment, in fen.
pub(crate) fn settled_fen(trade: &Trade, provider_trade_no: &str) -> i64 {
    let settled = trade.refunds.iter().filter(|refund| {
        refund.provider_trade_no == provider_trade_no && refund.status == RefundStatus::Success
    });
    settled.map(|refund| refund.refund_fen).sum()
}

fn expires_ms(request: &Request, kind: TradeKind, now_ms: i64) -> Result<i64, Failure> {
    if let Some(text) = request.text("time_expire") {
        let moment_ms = clock::read_plain(&text);
        let moment_ms = moment_ms.ok_or(Failure::parameter("time_expire格式不正确"))?;
        let ahead = (moment_ms > now_ms).then_some(moment_ms);
        return ahead.ok_or(Failure::parameter("time_expire已过"));
    }
    if let Some(text) = request.text("timeout_express") {
        let mut number = text.chars();
        let unit_ms = match number.next_back() {
            Some('m') => 60_000,
            Some('h') => 3_600_000,
            Some('d') => 86_400_000,
            _ => return Err(Failure::parameter("timeout_express格式不正确")),
        };
        let number = number.as_str();
        let number: i64 =
            number.parse().map_err(|_| Failure::parameter("timeout_express格式不正确"))?;
        return Ok(now_ms + number.clamp(1, 100_000) * unit_ms);
    }
    Ok(now_ms + if kind == TradeKind::Precreate { QR_EXPIRY_MS } else { EXPIRY_MS })
}

fn read(world: &World, request: &Request, kind: TradeKind) -> Result<Trade, Failure> {
    let number = request.text("out_trade_no").unwrap_or_default();
    let fits = number.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if number.is_empty() || number.len() > 64 || !fits {
        return Err(Failure::parameter("out_trade_no格式不正确"));
    }
    let subject = request.text("subject").unwrap_or_default();
    if subject.is_empty() || subject.chars().count() > 256 || subject.contains(['/', '=', '&']) {
        return Err(Failure::parameter("subject格式不正确"));
    }
    // Most SDKs send a string, some a JSON number; both are read as text.
    let amount = match &request.content["total_amount"] {
        Value::Number(number) => number.to_string(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let total_fen = read_yuan(&amount).filter(|fen| (1..=10_000_000_000).contains(fen));
    let payer = ["buyer_open_id", "buyer_id", "op_buyer_open_id"];
    let payer = payer.iter().find_map(|name| request.text(name));
    if kind == TradeKind::Create && payer.is_none() {
        return Err(Failure::parameter("buyer_id不能为空"));
    }
    let now_ms = world.now_ms();
    let mut print = request.content.clone();
    if let Some(fields) = print.as_object_mut() {
        fields.remove("time_expire");
    }
    Ok(Trade {
        key: key(request, &number),
        merchant: request.app_id.clone(),
        sub_merchant: None,
        appid: request.app_id.clone(),
        kind,
        code: String::new(),
        description: subject,
        total_fen: total_fen.ok_or(Failure::parameter("total_amount格式不正确"))?,
        notify_url: request.notify_url.clone(),
        attach: request.text("passback_params"),
        payer: payer.unwrap_or_default(),
        created_ms: now_ms,
        expires_ms: Some(expires_ms(request, kind, now_ms)?),
        exists: false,
        reserved_no: None,
        return_url: request.return_url.clone(),
        closed_ms: None,
        finished_ms: None,
        print: digest::sha256_hex(format!("{kind:?}\n{print}").as_bytes()),
        payments: Vec::new(),
        refunds: Vec::new(),
        callbacks: Tally::default(),
    })
}

/// Places a trade: a QR code, a trade number, or a page.
pub(crate) fn place(world: &World, request: &Request) -> Outcome {
    let kind = match request.method.as_str() {
        "alipay.trade.precreate" => TradeKind::Precreate,
        "alipay.trade.create" => TradeKind::Create,
        _ => TradeKind::Wap,
    };
    let trade = read(world, request, kind)?;
    let now_ms = world.now_ms();
    let (key, number) = (trade.key.clone(), trade.key.out_trade_no.clone());
    let expires_ms = trade.expires_ms;
    let mut state = world.state();
    let code = format!("ax{}", state.chance.letters(18).to_lowercase());
    let placed = state.book.place(Trade { code: code.clone(), ..trade }, now_ms);
    placed.map_err(|error| match error {
        PlaceError::Differs => Failure::new("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改"),
        PlaceError::Paid => Failure::new("ACQ.TRADE_HAS_SUCCESS", "交易已被支付"),
        PlaceError::Closed => Failure::new("ACQ.TRADE_HAS_CLOSE", "交易已经关闭"),
        PlaceError::Full => Failure::unknown(),
    })?;
    // The schedule is kept by the true time, the expiry by the provider's clock.
    let wait_ms = expires_ms.unwrap_or(now_ms) - now_ms;
    state.outbox.push(world.clock.true_ms() + wait_ms, Errand::Expire { key: key.clone() });
    let page = format!("{}/wallet/{code}", world.base_url);
    match kind {
        TradeKind::Precreate => {
            let plain = world.config.plain_links;
            let qr_code = if plain { page } else { format!("https://qr.alipay.com/b{code}") };
            Ok(json!({"out_trade_no": number, "qr_code": qr_code}))
        }
        TradeKind::Create => {
            let trade_no = state.book.scan(&key, now_ms);
            Ok(json!({"out_trade_no": number, "trade_no": trade_no}))
        }
        _ => Ok(json!({"page": page})),
    }
}

/// Queries a trade.
pub(crate) fn query(world: &World, request: &Request) -> Outcome {
    let now_ms = world.now_ms();
    let state = world.state();
    let trade = find(&state, request)?;
    let mut answer = json!({
        "trade_no": trade.reserved_no,
        "out_trade_no": trade.key.out_trade_no,
        "trade_status": status(trade, now_ms),
        "total_amount": yuan(trade.total_fen),
        "subject": trade.description,
        "buyer_logon_id": "yuf***@sandbox.com",
        "receipt_amount": "0.00",
        "buyer_pay_amount": "0.00",
        "point_amount": "0.00",
        "invoice_amount": "0.00",
    });
    let wanted = request.text("trade_no");
    let payment = trade.payment(wanted.as_deref()).or(trade.payments.first());
    if let Some(payment) = payment {
        answer["trade_no"] = json!(payment.provider_trade_no);
        answer["total_amount"] = json!(yuan(payment.total_fen));
        answer["receipt_amount"] = json!(yuan(payment.total_fen));
        answer["buyer_pay_amount"] = json!(yuan(payment.payer_total_fen));
        answer["invoice_amount"] = json!(yuan(payment.payer_total_fen));
        answer["buyer_user_id"] = json!(payment.payer);
        answer["send_pay_date"] = json!(clock::plain(payment.paid_ms));
    }
    Ok(answer)
}

/// Closes an unpaid trade that exists.
pub(crate) fn close(world: &World, request: &Request) -> Outcome {
    let now_ms = world.now_ms();
    let mut state = world.state();
    let found = find(&state, request)?;
    let (key, trade_no) = (found.key.clone(), found.reserved_no.clone());
    let open = found.state(now_ms) == TradeState::NotPay;
    if !open {
        return Err(Failure::new("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"));
    }
    state.book.close(&key, now_ms).map_err(|error| match error {
        CloseError::Unknown => not_exist(),
        CloseError::Paid => Failure::new("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"),
    })?;
    Ok(json!({"out_trade_no": key.out_trade_no, "trade_no": trade_no}))
}

/// Closes if unpaid, returns the money if paid.
pub(crate) fn cancel(world: &World, request: &Request) -> Outcome {
    let now_ms = world.now_ms();
    let (key, trade_no, paid_fen) = {
        let mut state = world.state();
        let found = find(&state, request)?;
        let (key, paid) = (found.key.clone(), found.payments.first().cloned());
        let trade_no = found.reserved_no.clone();
        match paid {
            None => {
                // Closing a closed trade again is fine here, and an unpaid one always closes.
                let _ = state.book.close(&key, now_ms);
                (key, trade_no, None)
            }
            Some(paid) => {
                let fen = paid.total_fen - settled_fen(found, &paid.provider_trade_no);
                (key, Some(paid.provider_trade_no), Some(fen))
            }
        }
    };
    let action = match paid_fen {
        None => "close",
        Some(fen) => {
            if fen > 0 {
                refund::give_back(world, &key, &format!("CANCEL{}", key.out_trade_no), fen)?;
            }
            "refund"
        }
    };
    Ok(json!({"out_trade_no": key.out_trade_no, "trade_no": trade_no, "retry_flag": "N",
        "action": action}))
}

//! One order's story: its state, attempts, facts, timeline, vend, frames and ledger lines, for
//! people and as JSON.

use std::fmt;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use domain::{AccountId, Money};
use gateway::{Profiles, profile::Protocol as MeterProtocol};
use meter_protocol::{Protocol, describe::describe, hex};
use serde_json::{Value, json};
use store::{
    Store, StoreError, account, attempt, fact, meter, order::Order, story, timeline, vend,
};

use super::frame;

/// How long after the last word about an order the relay's frames still belong to it.
const FRAMES_AFTER: TimeDelta = TimeDelta::seconds(2);
/// Chinese time: every site of this version stands there.
const UTC_OFFSET_S: i32 = 8 * 3_600;

/// Everything known about an order.
pub struct Story {
    order: Order,
    meter: Option<meter::Meter>,
    account: Option<account::Account>,
    attempts: Vec<attempt::Attempt>,
    facts: Vec<fact::ProviderFact>,
    events: Vec<timeline::Event>,
    vend: Option<vend::Vend>,
    frames: Vec<vend::Frame>,
    bookings: Vec<(story::LedgerTransaction, Vec<story::Posting>)>,
    protocol: Option<Protocol>,
}

/// Gathers the story of an order.
pub async fn of(store: &Store, profiles: &Profiles, order: &Order) -> Result<Story, StoreError> {
    let db = store.read();
    let (project, id) = (order.project(), order.order_id());
    let meter = meter::by_id(db, project, order.meter()).await?;
    let vend = vend::of_order(db, project, id).await?;
    let events = timeline::of(db, project, id).await?;
    let last = events.last().map_or(order.placed_at, |event| event.at);
    let end = last + FRAMES_AFTER;
    let frames = story::frames_of_meter(db, project, order.meter(), order.placed_at, end).await?;
    let protocol = meter
        .as_ref()
        .and_then(|meter| profiles.get(&meter.profile))
        .map(|profile| protocol_of(profile.protocol));
    Ok(Story {
        account: account::by_id(db, project, AccountId(order.account_id)).await?,
        attempts: attempt::of_order(db, project, id).await?,
        facts: fact::of_order(db, project, id).await?,
        bookings: story::bookings(db, project, id, vend.as_ref()).await?,
        order: order.clone(),
        meter,
        events,
        vend,
        frames,
        protocol,
    })
}

/// The name of a meter's protocol in the `frame` command.
fn protocol_of(protocol: MeterProtocol) -> Protocol {
    match protocol {
        MeterProtocol::Dlt645 => Protocol::Dlt645,
        MeterProtocol::Dlt645V1997 => Protocol::Dlt645Of1997,
        MeterProtocol::Cjt188 => Protocol::Cjt188,
        MeterProtocol::Modbus => Protocol::ModbusRtu,
    }
}

/// The words of a timeline event: Chinese and English.
pub fn words(kind: &str) -> [&str; 2] {
    match kind {
        "placed" => ["下单", "order placed"],
        "attempted" | "attempt" => ["发起支付", "payment started"],
        "provider-answered" => ["支付渠道已应答", "provider answered"],
        "paid" => ["已付款", "paid"],
        "credited" => ["已到账", "credited"],
        "intent" => ["写下充入意图", "intent written"],
        "sent" => ["报文已下发", "frame sent"],
        "answered" => ["表计已应答", "meter answered"],
        "read-back" => ["已回读", "read back"],
        "unreadable" => ["回读失败，稍后再读", "read-back failed, trying again"],
        "resend" => ["人工重试", "tried again by hand"],
        "delivered" => ["已充入", "on the meter"],
        "close-sent" => ["合闸命令已下发", "close sent"],
        "allow-close-sent" => ["允许合闸已下发", "allow-close sent"],
        "trip-sent" => ["拉闸命令已下发", "trip sent"],
        "held-off" => ["人工断开，付款不自动合闸", "cut by hand, not closed by a payment"],
        "waiting-for-user" => ["等待住户按键合闸", "waiting for the tenant's button"],
        "restored" => ["已送电", "relay on"],
        "supply.dark" => ["已付款，还没送电", "paid, power not back"],
        "quarantined" => ["表计已隔离", "meter quarantined"],
        "voided" => ["充入已撤销", "delivery voided"],
        other => kiosk_words(other).unwrap_or([other, ""]),
    }
}

/// The words of what happened at a kiosk.
fn kiosk_words(kind: &str) -> Option<[&'static str; 2]> {
    Some(match kind {
        "kiosk" => ["在自助终端下单", "ordered at a kiosk"],
        "kiosk.qr_shown" => ["终端显示付款码", "code shown"],
        "kiosk.qr_hidden" => ["付款码已遮住", "code covered"],
        "kiosk.left" => ["顾客离开", "customer left"],
        "kiosk.abandoned" => ["终端中断后恢复", "cut off at the kiosk"],
        "kiosk.result_shown" => ["终端显示结果", "result shown"],
        "kiosk.print" => ["凭条计数", "receipt counted"],
        "kiosk.printed" => ["凭条打印结果", "receipt printed or not"],
        "kiosk.card_asked" => ["请顾客放卡", "asked for the card"],
        "kiosk.voucher" => ["写卡凭证已生成", "voucher made"],
        "kiosk.card" => ["写卡结果", "what the card told"],
        _ => return None,
    })
}

/// A moment as the site's clock shows it, with milliseconds.
pub fn local(at: DateTime<Utc>) -> String {
    match FixedOffset::east_opt(UTC_OFFSET_S) {
        Some(offset) => at.with_timezone(&offset).format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        None => at.to_rfc3339(),
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

impl Story {
    /// The whole story as JSON, every frame decoded.
    pub fn to_json(&self) -> Value {
        json!({
            "order": self.order_json(),
            "meter": self.meter.as_ref().map(|m| json!({
                "meter_no": m.meter_no, "profile": m.profile, "state": m.state,
                "money_model": m.money_model, "epoch": m.epoch,
                "purchase_count": m.purchase_count,
            })),
            "account": self.account.as_ref().map(|a| json!({
                "account_no": a.account_no, "state": a.state,
            })),
            "attempts": self.attempts.iter().map(|a| json!({
                "attempt_no": a.attempt_no, "channel": a.channel, "out_trade_no": a.out_trade_no,
                "state": a.state, "amount_fen": a.amount_fen, "checks": a.checks,
                "created_at": a.created_at, "next_check_at": a.next_check_at,
                "last_error": a.last_error,
            })).collect::<Vec<_>>(),
            "facts": self.facts.iter().map(|f| json!({
                "provider": f.provider, "merchant_no": f.merchant_no,
                "provider_trade_no": f.provider_trade_no, "amount_fen": f.amount_fen,
                "source": f.source, "received_at": f.received_at, "paid_at": f.paid_at,
                "verdict": f.verdict,
            })).collect::<Vec<_>>(),
            "timeline": self.events.iter().map(|e| json!({
                "at": e.at, "kind": e.kind, "text_zh": words(&e.kind)[0],
                "text_en": words(&e.kind)[1], "detail": parsed(&e.detail),
            })).collect::<Vec<_>>(),
            "vend": self.vend.as_ref().map(|v| json!({
                "id": v.id.to_string(), "state": v.state, "purchase_count": v.purchase_count,
                "amount_fen": v.amount_fen, "sent_count": v.sent_count,
                "proof": v.proof.as_deref().map(parsed), "saga": parsed(&v.saga),
                "intended_at": v.intended_at, "sent_at": v.sent_at, "ended_at": v.ended_at,
                "last_error": v.last_error,
            })),
            "frames": self.frames.iter().map(|f| self.frame_json(f)).collect::<Vec<_>>(),
            "ledger": self.bookings.iter().map(booking_json).collect::<Vec<_>>(),
        })
    }

    fn order_json(&self) -> Value {
        let o = &self.order;
        json!({
            "order_no": o.order_no, "id": o.id.to_string(), "project": o.project_id,
            "client_id": o.client_id, "purpose": o.purpose, "channel": o.channel,
            "amount_fen": o.amount_fen, "price_micro_yuan": o.price_micro_yuan,
            "state": o.state, "provider_trade_no": o.provider_trade_no,
            "placed_at": o.placed_at, "expires_at": o.expires_at, "credited_at": o.credited_at,
            "delivered_at": o.delivered_at, "restored_at": o.restored_at,
            "closed_at": o.closed_at, "reason": o.reason,
        })
    }

    fn frame_json(&self, frame: &vend::Frame) -> Value {
        let reply = frame.direction == "rx";
        let decoded = self.protocol.map(|p| frame::to_json(&describe(p, &frame.bytes, reply)));
        json!({
            "at": frame.at, "direction": frame.direction, "hex": hex::spaced(&frame.bytes),
            "note": frame.note, "decoded": decoded,
        })
    }
}

fn booking_json((transaction, lines): &(story::LedgerTransaction, Vec<story::Posting>)) -> Value {
    json!({
        "template": transaction.template, "key": transaction.key, "at": transaction.at,
        "hold_change": transaction.hold_change, "memo": transaction.memo,
        "lines": lines.iter().map(|p| json!({
            "debit": p.debit, "credit": p.credit, "amount_fen": p.amount_fen,
        })).collect::<Vec<_>>(),
    })
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let o = &self.order;
        let amount = Money::from_fen(o.amount_fen).to_yuan();
        writeln!(f, "订单 order {}  ¥{amount}  {}  {}", o.order_no, o.channel, o.state)?;
        if let Some(meter) = &self.meter {
            writeln!(f, "表计 meter {}  {}  {}", meter.meter_no, meter.profile, meter.state)?;
        }
        writeln!(f, "\n时间线 timeline")?;
        for event in &self.events {
            let [zh, en] = words(&event.kind);
            let since = (event.at - o.placed_at).num_milliseconds();
            let detail = if event.detail == "{}" { "" } else { event.detail.as_str() };
            let at = local(event.at);
            writeln!(f, "  {at}  +{}.{:03} s  {zh} {en}  {detail}", since / 1000, since % 1000)?;
        }
        if let Some(vend) = &self.vend {
            writeln!(f, "\n下发 vend {}  第 {} 次 sends", vend.state, vend.sent_count)?;
        }
        if !self.frames.is_empty() {
            writeln!(f, "\n报文 frames")?;
        }
        for frame in &self.frames {
            let reply = frame.direction == "rx";
            let summary = self.protocol.map(|p| describe(p, &frame.bytes, reply).summary);
            let (at, bytes) = (local(frame.at), hex::spaced(&frame.bytes));
            writeln!(f, "  {at}  {}  {bytes}", frame.direction)?;
            writeln!(f, "      {}", summary.unwrap_or_default())?;
        }
        writeln!(f, "\n账本 ledger")?;
        for (transaction, lines) in &self.bookings {
            let change = transaction.hold_change.as_deref().unwrap_or_default();
            writeln!(f, "  {}  {} {change}", local(transaction.at), transaction.template)?;
            for line in lines {
                let amount = Money::from_fen(line.amount_fen).to_yuan();
                writeln!(f, "      {} -> {}  ¥{amount}", line.debit, line.credit)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_sale_at_a_kiosk_leaves_on_its_timeline_has_words_in_both_languages() {
        let told = kiosk_api::order::EVENTS.map(|name| format!("kiosk.{name}"));
        let kept = ["kiosk", "kiosk.print", "kiosk.printed", "kiosk.voucher", "kiosk.card"];
        for kind in told.iter().map(String::as_str).chain(kept) {
            let [zh, en] = words(kind);
            assert!(!zh.is_ascii() && en.is_ascii() && !en.is_empty(), "{kind}: {zh} {en}");
        }
        assert_eq!(words("something-else"), ["something-else", ""]);
    }
}

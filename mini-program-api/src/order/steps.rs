//! The timeline of an order as a person reads it: paid, credited, sent, on the meter, restored.

use chrono::{DateTime, Utc};
use serde::Serialize;
use store::{order::Order, timeline::Event};
use utoipa::ToSchema;

use super::{
    view::{number, tail, text},
    words::{Text, Told, yuan},
};

/// One step of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StepView {
    /// `paid`, `credited`, `sent`, `on-meter` or `restored`.
    #[schema(example = "on-meter")]
    pub step: String,
    /// `done`, `now`, `waiting` or `doubt`.
    #[schema(example = "done")]
    pub state: String,
    /// When it was reached.
    pub at: Option<DateTime<Utc>>,
    /// What proves it.
    pub proof: Option<Text>,
}

/// What an order's lines say, read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    paid: Option<(DateTime<Utc>, Option<String>)>,
    credited: Option<DateTime<Utc>>,
    sent: Option<(DateTime<Utc>, Option<i64>)>,
    delivered: Option<(DateTime<Utc>, Option<i64>)>,
    restored: Option<DateTime<Utc>>,
    /// What the meter held before, in fen.
    pub balance_before_fen: Option<i64>,
    /// What was read back from the meter, in fen.
    pub balance_after_fen: Option<i64>,
    /// What came in besides the order's own payment, in fen.
    pub extra_fen: Option<i64>,
}

impl Story {
    /// Reads the lines, oldest first.
    pub fn of(events: &[Event]) -> Story {
        let mut story = Story::default();
        for event in events {
            let balance = number(&event.detail, "balance_fen");
            match event.kind.as_str() {
                "paid" => {
                    story.paid = Some((event.at, text(&event.detail, "provider_trade_no")));
                }
                "credited" => story.credited = Some(event.at),
                "intent" | "sent" if story.sent.is_none() => {
                    story.sent = Some((event.at, number(&event.detail, "count")));
                }
                "delivered" => {
                    story.delivered = Some((event.at, number(&event.detail, "count")));
                    story.balance_after_fen = balance;
                }
                "restored" => story.restored = Some(event.at),
                "duplicate" => {
                    let more = number(&event.detail, "paid_fen").unwrap_or(0);
                    story.extra_fen = Some(story.extra_fen.unwrap_or(0) + more);
                }
                _ if story.sent.is_none() && balance.is_some() => {
                    story.balance_before_fen = balance;
                }
                _ => {}
            }
        }
        story
    }
}

/// The steps of an order. Where we keep the money nothing is sent, and a meter that cannot be
/// switched brings nothing back.
pub fn steps(
    order: &Order,
    story: &Story,
    told: &Told,
    (with_us, has_switch): (bool, bool),
) -> Vec<StepView> {
    let credited = order.credited_at.or(story.credited);
    let paid = story.paid.as_ref().map(|(at, _)| *at).or(credited);
    let trade = story.paid.as_ref().and_then(|(_, trade)| trade.as_deref()).map(|trade| {
        Text::new(format!("交易号尾号 {}", tail(trade)), format!("Trade …{}", tail(trade)))
    });
    let mut rows = vec![("paid", paid, trade), ("credited", credited, None)];
    if !with_us {
        let count = story.sent.and_then(|(_, count)| count);
        let sent = count.map(|n| Text::new(format!("第 {n} 次充值"), format!("Purchase {n}")));
        rows.push(("sent", story.sent.map(|(at, _)| at), sent));
        let on_meter = order.delivered_at.or(story.delivered.map(|(at, _)| at));
        rows.push(("on-meter", on_meter, on_meter.and_then(|_| read_back(story))));
    }
    if has_switch {
        let restored = order.restored_at.or(story.restored);
        let proof = restored.map(|_| match order.purpose.as_str() {
            "electricity" => Text::new("电表回读：合闸", "Read back: relay closed"),
            _ => Text::new("表计回读：开阀", "Read back: valve open"),
        });
        rows.push(("restored", restored, proof));
    }
    // A refund or a close is no step further.
    let goes_on = matches!(told.state, "credited" | "sending" | "on-meter" | "in-doubt");
    let doubt = told.state == "in-doubt";
    let next = rows.iter().position(|(_, at, _)| at.is_none());
    // What is in doubt was sent and not proven.
    let last_sent = rows.iter().position(|(step, ..)| *step == "on-meter");
    let view = |(index, (step, at, proof)): (usize, (&str, _, _))| {
        let state = match (at, doubt && (Some(index) == last_sent || index == 0)) {
            (Some(_), _) => "done",
            (None, true) if Some(index) == next => "doubt",
            (None, _) if Some(index) == next && goes_on && !told.is_final && !doubt => "now",
            _ => "waiting",
        };
        StepView { step: step.to_owned(), state: state.to_owned(), at, proof }
    };
    rows.into_iter().enumerate().map(view).collect()
}

fn read_back(story: &Story) -> Option<Text> {
    let count = story.delivered.and_then(|(_, count)| count);
    let balance = story.balance_after_fen.map(yuan);
    match (count, balance) {
        (Some(n), Some(fen)) => Some(Text::new(
            format!("第 {n} 次充值，回读余额 {fen}"),
            format!("Purchase {n}, read back: {fen}"),
        )),
        (None, Some(fen)) => {
            Some(Text::new(format!("回读余额 {fen}"), format!("Read back: {fen}")))
        }
        (Some(n), None) => Some(Text::new(format!("第 {n} 次充值"), format!("Purchase {n}"))),
        (None, None) => None,
    }
}

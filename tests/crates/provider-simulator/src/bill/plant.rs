//! Differences between book and bill that stay until they are taken away: the same bill asked for
//! twice lies twice in the same way, and whoever planted them knows what must be found.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Row, Whose, of_book};
use crate::book::{Payment, ProviderKind, RefundStatus, Tally, Trade, TradeKey, TradeKind};
use crate::chance::Chance;
use crate::clock;
use crate::world::State;

/// How many differences may be planted.
pub const PLANTED_MAX: usize = 100_000;

/// How a bill's row differs from the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Disturbance {
    /// A row of a payment that never was.
    Extra,
    /// No row.
    Missing,
    /// Another amount, in fen.
    Amount {
        /// The amount in the row.
        fen: i64,
    },
    /// On the next day's bill, with the moment it happened at.
    Late,
    /// Two rows.
    Doubled,
    /// So much more fee, in fen.
    Fee {
        /// How much more; negative for less.
        fen: i64,
    },
    /// A payment shown as revoked, a refund as under way, or as done where it is not. Alipay's
    /// bills have no states.
    State,
}

/// One difference, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planted {
    /// Whose bill.
    pub provider: ProviderKind,
    /// The merchant's number of the order.
    pub out_trade_no: String,
    /// The merchant's number of the refund, where the row of a refund is meant.
    #[serde(default)]
    pub out_refund_no: Option<String>,
    /// What is different.
    pub disturbance: Disturbance,
}

/// Which row.
type Mark = (ProviderKind, String, Option<String>);

/// Everything that is planted.
#[derive(Default)]
pub(crate) struct Plants {
    bent: HashMap<Mark, Disturbance>,
    extra: Vec<Trade>,
}

fn mark(row: &Row<'_>) -> Mark {
    let refund = row.refund.map(|refund| refund.out_refund_no.clone());
    (row.trade.key.provider, row.trade.key.out_trade_no.clone(), refund)
}

impl Plants {
    pub(crate) fn is_empty(&self) -> bool {
        self.bent.is_empty() && self.extra.is_empty()
    }

    /// Plants a difference in a row of the book; false when too many are planted.
    pub(crate) fn plant(&mut self, planted: Planted) -> bool {
        let mark = (planted.provider, planted.out_trade_no, planted.out_refund_no);
        let fits = self.bent.len() < PLANTED_MAX;
        fits && self.bent.insert(mark, planted.disturbance).is_none()
    }

    /// Takes everything away.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Payments that never were.
    pub(crate) fn extra(&self) -> impl Iterator<Item = &Trade> {
        self.extra.iter()
    }

    /// Whether the row is on the next day's bill.
    pub(crate) fn is_late(&self, row: &Row<'_>) -> bool {
        self.bent.get(&mark(row)) == Some(&Disturbance::Late)
    }

    /// The rows the bill has for a row of the book.
    pub(crate) fn bent<'a>(&self, row: Row<'a>) -> Vec<Row<'a>> {
        match self.bent.get(&mark(&row)) {
            None | Some(Disturbance::Extra) => vec![row],
            Some(Disturbance::Missing | Disturbance::Late) => vec![],
            Some(Disturbance::Amount { fen }) => vec![Row { amount_fen: *fen, ..row }],
            Some(Disturbance::Doubled) => vec![row, row],
            Some(Disturbance::Fee { fen }) => vec![Row { fee_fen: row.fee_fen + fen, ..row }],
            Some(Disturbance::State) => vec![Row { other_state: true, ..row }],
        }
    }
}

/// Plants so many differences of each class in a day's rows, chosen by the seed; fewer where the
/// day has too few rows. Answers what was planted.
pub(crate) fn plant_day(
    state: &mut State,
    whose: Whose<'_>,
    day: NaiveDate,
    seed: u64,
    each: usize,
) -> Vec<Planted> {
    let mut chance = Chance::new(seed);
    let mut rows: Vec<(Mark, i64)> = of_book(state.book.trades().iter(), whose, day, 0)
        .iter()
        .map(|row| (mark(row), row.amount_fen))
        .filter(|(mark, _)| !state.plants.bent.contains_key(mark))
        .collect();
    let mut planted = Vec::new();
    for class in 0..6 {
        for _ in 0..each {
            if rows.is_empty() {
                break;
            }
            let (mark, amount_fen) = rows.swap_remove(chance.below(rows.len()));
            let disturbance = match class {
                0 => Disturbance::Missing,
                1 => Disturbance::Amount { fen: amount_fen + 1 },
                2 => Disturbance::Late,
                3 => Disturbance::Doubled,
                4 => Disturbance::Fee { fen: 1 },
                _ if whose.provider == ProviderKind::Alipay => continue,
                _ => Disturbance::State,
            };
            let (provider, out_trade_no, out_refund_no) = mark;
            planted.push(Planted { provider, out_trade_no, out_refund_no, disturbance });
        }
    }
    planted.retain(|one| state.plants.plant(one.clone()));
    for _ in 0..each.min(PLANTED_MAX.saturating_sub(state.plants.extra.len())) {
        let trade = never_was(state, whose, day, &mut chance);
        planted.push(Planted {
            provider: whose.provider,
            out_trade_no: trade.key.out_trade_no.clone(),
            out_refund_no: None,
            disturbance: Disturbance::Extra,
        });
        state.plants.extra.push(trade);
    }
    planted
}

/// An order nobody placed, paid at noon of the day.
fn never_was(state: &mut State, whose: Whose<'_>, day: NaiveDate, chance: &mut Chance) -> Trade {
    let noon_ms = clock::noon_ms(day);
    let total_fen = 1 + i64::try_from(chance.below(100_000)).unwrap_or_default();
    let key = TradeKey::new(whose.provider, whose.merchant, &format!("X{}", chance.digits(20)));
    let payment = Payment {
        provider_trade_no: state.book.issue(whose.provider, noon_ms),
        total_fen,
        payer_total_fen: total_fen,
        payer: "nobody".to_owned(),
        paid_ms: noon_ms,
        after_close: false,
    };
    let appid = state.book.trades().iter().find(|trade| whose.owns(trade));
    Trade {
        appid: appid.map_or(whose.merchant, |trade| &trade.appid).to_owned(),
        merchant: whose.merchant.to_owned(),
        sub_merchant: whose.sub_merchant.map(str::to_owned),
        payments: vec![payment],
        ..blank(key, total_fen, noon_ms)
    }
}

/// An order with nothing but its number and amount.
pub(crate) fn blank(key: TradeKey, total_fen: i64, created_ms: i64) -> Trade {
    let kind = match key.provider {
        ProviderKind::WechatPay => TradeKind::Native,
        ProviderKind::Alipay => TradeKind::Precreate,
    };
    Trade {
        merchant: key.account.clone(),
        sub_merchant: None,
        appid: key.account.clone(),
        kind,
        code: format!("past{}", key.out_trade_no),
        description: "电费".to_owned(),
        total_fen,
        notify_url: String::new(),
        attach: None,
        payer: String::new(),
        created_ms,
        expires_ms: None,
        exists: true,
        reserved_no: None,
        return_url: None,
        closed_ms: None,
        finished_ms: None,
        print: String::new(),
        payments: Vec::new(),
        refunds: Vec::new(),
        callbacks: Tally::default(),
        key,
    }
}

/// What a refund's row shows where its state is not the book's.
pub(crate) fn other_status(status: RefundStatus) -> RefundStatus {
    match status {
        RefundStatus::Success => RefundStatus::Processing,
        _ => RefundStatus::Success,
    }
}

//! What stands on a day's bill, before it is written in a provider's form: the book's own rows,
//! bent by what was planted and by the faults of the call.
//!
//! Invariant: a bill that nobody bent is the book, row by row
//! (`a_bill_that_nobody_bent_is_the_book`).

pub mod plant;
pub use plant::{Disturbance, Planted};

use chrono::NaiveDate;

use crate::book::{Payment, ProviderKind, Refund, RefundStatus, Trade};
use crate::clock;
use crate::fault::Fault;
use crate::money::fee_fen;
use crate::world::State;

/// The merchant's number in the row of a payment that never was.
pub(crate) const NOBODY: &str = "NOBODYPLACEDTHIS";

/// Whose bill it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose<'a> {
    pub(crate) provider: ProviderKind,
    /// `mchid` or `app_id`.
    pub(crate) merchant: &'a str,
    /// One sub-merchant only.
    pub(crate) sub_merchant: Option<&'a str>,
}

/// One line of a bill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) trade: &'a Trade,
    pub(crate) payment: &'a Payment,
    /// The refund, in the line of one.
    pub(crate) refund: Option<&'a Refund>,
    /// When it happened, in Unix milliseconds.
    pub(crate) at_ms: i64,
    /// What was paid or given back, in fen; never negative.
    pub(crate) amount_fen: i64,
    /// What the provider keeps of it, in fen; negative where it gives back.
    pub(crate) fee_fen: i64,
    /// Shows a state that is not the book's.
    pub(crate) other_state: bool,
    /// A payment that never was, made up from another row.
    pub(crate) made_up: bool,
}

impl Whose<'_> {
    fn owns(&self, trade: &Trade) -> bool {
        trade.key.provider == self.provider
            && trade.merchant == self.merchant
            && self.sub_merchant.is_none_or(|sub| trade.sub_merchant.as_deref() == Some(sub))
    }
}

impl Row<'_> {
    /// The provider's number of the payment.
    pub(crate) fn provider_trade_no(&self) -> &str {
        if self.made_up { "4200000777000000000000000000" } else { &self.payment.provider_trade_no }
    }

    /// The merchant's number of the order.
    pub(crate) fn out_trade_no(&self) -> &str {
        if self.made_up { NOBODY } else { &self.trade.key.out_trade_no }
    }
}

/// What happened on a day, oldest first, as the book has it. A refund under way is on WeChat's
/// bill and not on Alipay's.
fn of_book<'a>(
    trades: impl Iterator<Item = &'a Trade>,
    whose: Whose<'_>,
    day: NaiveDate,
    basis_points: i64,
) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for trade in trades.filter(|trade| whose.owns(trade)) {
        let row = Row {
            trade,
            payment: match trade.payments.first() {
                Some(payment) => payment,
                None => continue,
            },
            refund: None,
            at_ms: 0,
            amount_fen: 0,
            fee_fen: 0,
            other_state: false,
            made_up: false,
        };
        for payment in trade.payments.iter().filter(|one| clock::day(one.paid_ms) == day) {
            let (at_ms, amount_fen) = (payment.paid_ms, payment.total_fen);
            let fee_fen = fee_fen(amount_fen, basis_points);
            rows.push(Row { payment, at_ms, amount_fen, fee_fen, ..row });
        }
        for refund in &trade.refunds {
            let at_ms = refund.settled_ms.unwrap_or(refund.created_ms);
            let told =
                whose.provider == ProviderKind::WechatPay || refund.status == RefundStatus::Success;
            let Some(payment) = trade.payment(Some(&refund.provider_trade_no)) else { continue };
            if told && clock::day(at_ms) == day {
                let amount_fen = refund.refund_fen;
                let fee_fen = -fee_fen(amount_fen, basis_points);
                let refund = Some(refund);
                rows.push(Row { payment, refund, at_ms, amount_fen, fee_fen, ..row });
            }
        }
    }
    rows.sort_by_key(|row| row.at_ms);
    rows
}

/// The rows of a day's bill.
pub(crate) fn rows<'a>(
    state: &'a State,
    whose: Whose<'_>,
    day: NaiveDate,
    basis_points: i64,
    faults: &[Fault],
) -> Vec<Row<'a>> {
    let plants = &state.plants;
    let trades = || state.book.trades().iter();
    let mut rows = of_book(trades(), whose, day, basis_points);
    if !plants.is_empty() {
        rows = rows.into_iter().flat_map(|row| plants.bent(row)).collect();
        let before = day.pred_opt().map(|day| of_book(trades(), whose, day, basis_points));
        rows.extend(before.unwrap_or_default().into_iter().filter(|row| plants.is_late(row)));
        rows.extend(of_book(plants.extra(), whose, day, basis_points));
        rows.sort_by_key(|row| row.at_ms);
    }
    bend(&mut rows, faults);
    rows
}

/// Bends the rows as the faults of one call say.
fn bend(rows: &mut Vec<Row<'_>>, faults: &[Fault]) {
    for fault in faults {
        match fault {
            Fault::BillMissingRow { out_trade_no } => {
                rows.retain(|row| row.trade.key.out_trade_no != *out_trade_no);
            }
            Fault::BillOtherAmount { out_trade_no, total_fen } => {
                for row in rows.iter_mut() {
                    if row.refund.is_none() && row.trade.key.out_trade_no == *out_trade_no {
                        row.amount_fen = *total_fen;
                    }
                }
            }
            Fault::BillExtraRow => {
                let first = rows.iter().find(|row| row.refund.is_none()).copied();
                rows.extend(first.map(|row| Row { made_up: true, ..row }));
            }
            _ => {}
        }
    }
}

/// How far the totals below the rows are from the truth, in fen.
pub(crate) fn error_fen(faults: &[Fault]) -> i64 {
    i64::from(faults.contains(&Fault::BillWrongTotals))
}

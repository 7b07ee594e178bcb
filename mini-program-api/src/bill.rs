//! Why a day's use cost what it cost: reading from, reading until, use × price = amount, and what
//! became of the part of a fen (T11).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Purpose;
use serde::Serialize;
use store::{
    billing::{self, BillLine},
    ledger::statement::{MOVEMENTS_MAX, Side, balance_at, movements_of},
    meter,
};
use utoipa::ToSchema;
use uuid::Uuid;
use vending::posting;

use crate::{
    answer::Answer,
    call::Call,
    failure::{Failure, Result},
    meter::unit_of,
    route::{Need, Route},
};

/// Parts of a fen, as carries are kept.
const PARTS_PER_FEN: i64 = 10_000_000;

/// The route.
pub const ROUTES: &[Route] =
    &[Route::get("/homes/{home}/bills/{bill}", "bill.show", |call| Box::pin(show(call)))
        .needs(Need::Home)
        .says("看算法", "How a deduction came about, line by line")
        .answers::<BillView>(200)];

/// A register at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RegisterView {
    /// When it was read.
    pub at: DateTime<Utc>,
    /// What it showed, in the bill's unit.
    #[schema(example = 1_234_560)]
    pub register: i64,
}

/// One stretch of use at one price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BillPart {
    /// The meter's number.
    #[schema(example = "000000000502")]
    pub meter_no: String,
    /// Where it begins.
    pub from: RegisterView,
    /// Where it ends.
    pub until: RegisterView,
    /// Transformer ratio: use is the difference times this.
    #[schema(example = 1)]
    pub ratio: i64,
    /// How much, in the bill's unit.
    #[schema(example = 7_650)]
    pub quantity: i64,
    /// For a kWh or a cubic metre, in 1/1000 fen.
    #[schema(example = 78_000)]
    pub fen_per_unit_milli: i64,
    /// What it cost, in fen.
    #[schema(example = 597)]
    pub amount_fen: i64,
    /// Left over from before, in 1/10,000,000 fen.
    #[schema(example = 0)]
    pub carry_in: i64,
    /// Left over for the next one, in 1/10,000,000 fen.
    #[schema(example = 3_000_000)]
    pub carry_out: i64,
}

/// A bill.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BillView {
    /// The bill.
    #[schema(example = "electricity-1201-1296")]
    pub id: String,
    /// `electricity`, `water` or `gas`.
    #[schema(example = "electricity")]
    pub purpose: String,
    /// Where it begins.
    pub from: RegisterView,
    /// Where it ends.
    pub until: RegisterView,
    /// How much.
    #[schema(example = 7_650)]
    pub quantity: i64,
    /// `wh` or `l`.
    #[schema(example = "wh")]
    pub unit: String,
    /// The price of its last part, in 1/1000 fen for a kWh or a cubic metre.
    #[schema(example = 78_000)]
    pub fen_per_unit_milli: i64,
    /// What was taken from the purse, in fen.
    #[schema(example = 597)]
    pub amount_fen: i64,
    /// What became of the part of a fen, in Chinese.
    pub rounding_note_zh: Option<String>,
    /// What became of the part of a fen, in English.
    pub rounding_note_en: Option<String>,
    /// What the purse held afterwards, in fen.
    pub balance_after_fen: Option<i64>,
    /// Its parts, where price or meter changed in between; they add up to it.
    pub parts: Vec<BillPart>,
}

/// The purpose and the numbers of the postings a bill's name says.
fn read_name(name: &str) -> Option<(Purpose, i64, i64)> {
    let mut parts = name.split('-');
    let (purpose, low, high) = (parts.next()?, parts.next()?, parts.next()?);
    let (purpose, low, high) = (purpose.parse().ok()?, low.parse().ok()?, high.parse().ok()?);
    let fits = parts.next().is_none() && 0 < low && low <= high && high < i64::MAX;
    fits.then_some((purpose, low, high))
}

async fn show(call: Call) -> Result<Answer> {
    let missing = || Failure::NotFound("bill");
    let name = call.text("bill")?.to_owned();
    let (purpose, low, high) = read_name(&name).ok_or_else(missing)?;
    let (home, db) = (call.home()?, call.desk.house.store().read());
    let (project, account) = (home.project, home.account);
    let purse = posting::purse_of(account, purpose);
    let span = (low - 1, high + 1);
    let found = movements_of(db, (project, purse), Side::Out, span, MOVEMENTS_MAX).await?;
    let named = |key: &str| key.strip_prefix("bill:")?.parse::<Uuid>().ok();
    let ids: Vec<Uuid> = found.iter().filter_map(|row| named(&row.key)).collect();
    let charged: i64 =
        found.iter().filter(|row| named(&row.key).is_some()).map(|row| -row.amount_fen).sum();
    let lines = billing::lines_by_id(db, project, account, &ids).await?;
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Err(missing()) };
    // Lines below one fen have no posting; they stand between those that have one.
    let span = (first.to_at, last.to_at);
    let all = billing::lines_between(db, (project, account), span.0, span.1).await?;
    let mut meters = BTreeMap::new();
    for line in &lines {
        if let std::collections::btree_map::Entry::Vacant(place) = meters.entry(line.meter_id) {
            let id = domain::MeterId(line.meter_id);
            let row = meter::by_id(db, project, id).await?.ok_or_else(missing)?;
            place.insert(row);
        }
    }
    let mut parts = Vec::new();
    for (id, row) in &meters {
        let ratio = i64::from(row.ct).saturating_mul(i64::from(row.pt));
        let own = all.iter().filter(|line| line.meter_id == *id);
        parts.extend(parts_of(own, (&row.meter_no, ratio)));
    }
    let (Some(begins), Some(ends)) = (parts.first(), parts.last()) else { return Err(missing()) };
    let rest = parts.iter().map(|part| part.carry_out).max().unwrap_or(0);
    let note = (rest > 0).then(|| hundredths(rest));
    Answer::ok(&BillView {
        purpose: purpose.as_str().to_owned(),
        from: begins.from,
        until: ends.until,
        quantity: parts.iter().map(|part| part.quantity).sum(),
        unit: unit_of(purpose.as_str()).to_owned(),
        fen_per_unit_milli: ends.fen_per_unit_milli,
        amount_fen: charged,
        rounding_note_zh: note
            .as_ref()
            .map(|rest| format!("不足 1 分的 {rest} 分记入下一笔，不会多收")),
        rounding_note_en: note.as_ref().map(|rest| {
            format!("The {rest} fen below one fen goes into the next bill; nothing is added")
        }),
        balance_after_fen: balance_at(db, project, purse, high).await?.map(domain::Money::fen),
        id: name,
        parts,
    })
}

/// A part of a fen with two decimals.
fn hundredths(parts: i64) -> String {
    format!("0.{:02}", parts * 100 / PARTS_PER_FEN)
}

/// Lines that follow on each other at one price, as one part each.
fn parts_of<'a>(
    lines: impl Iterator<Item = &'a BillLine>,
    (meter_no, ratio): (&str, i64),
) -> Vec<BillPart> {
    let mut parts: Vec<BillPart> = Vec::new();
    for line in lines {
        let until = RegisterView { at: line.to_at, register: line.to_value };
        let price = line.micro_yuan / 10;
        let follows = |part: &&mut BillPart| {
            part.fen_per_unit_milli == price && part.until.register == line.from_value
        };
        if let Some(part) = parts.last_mut().filter(follows) {
            part.until = until;
            part.quantity += line.quantity;
            part.amount_fen += line.amount_fen;
            part.carry_out = line.carry_out;
            continue;
        }
        parts.push(BillPart {
            meter_no: meter_no.to_owned(),
            from: RegisterView { at: line.from_at, register: line.from_value },
            until,
            ratio,
            quantity: line.quantity,
            fen_per_unit_milli: price,
            amount_fen: line.amount_fen,
            carry_in: line.carry_in,
            carry_out: line.carry_out,
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bills_name_says_whose_postings_it_is_made_of() {
        let electricity = Purpose::Electricity;
        let table = [
            ("electricity-3-9", Some((electricity, 3, 9))),
            ("electricity-9-3", None),
            ("electricity-0-3", None),
            ("electricity-3", None),
            ("electricity-3-9-1", None),
            ("light-3-9", None),
            ("electricity--3-9", None),
            ("electricity-3-9223372036854775807", None),
        ];
        for (name, want) in table {
            assert_eq!(read_name(name), want, "{name}");
        }
    }
}

//! Statements (对账单): what a purse held, everything that moved it, what it holds; as a printable
//! page, a PDF or a workbook.

mod html;
mod pdf;
mod xlsx;

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::{BusinessDay, Purpose};
use serde::Deserialize;
use store::account;
use utoipa::IntoParams;

use crate::{
    answer::Answer,
    call::Call,
    entry::{self, kind_of},
    failure::{Failure, Result},
    home,
    route::{Need, Route},
};

/// The longest stretch of one statement, in days.
const DAYS_MAX: i64 = 400;

/// The route.
pub const ROUTES: &[Route] =
    &[Route::get("/homes/{home}/statement", "statement.show", |call| Box::pin(show(call)))
        .needs(Need::Home)
        .says("对账单", "What the purses held, what moved them, what they hold; html, pdf or xlsx")
        .query::<Wanted>()];

/// Which statement.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The first day.
    #[param(example = "2026-11-01")]
    pub from: NaiveDate,
    /// The last day, included.
    #[param(example = "2026-11-30")]
    pub until: NaiveDate,
    /// `html`, `pdf` or `xlsx`.
    #[param(example = "xlsx")]
    pub format: String,
}

/// A line of a statement: one movement, or the use of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The day it was booked.
    pub day: NaiveDate,
    /// `top-up`, `use`, `refund`, `to-meter` or `correction`.
    pub kind: &'static str,
    /// What it did to the purse, in fen.
    pub amount_fen: i64,
    /// What the purse held afterwards, in fen.
    pub balance_fen: i64,
}

/// One purse over a stretch of time.
///
/// Invariant: what it held before and every line add up to what it holds after, and all three are
/// the ledger's; proved by `a_statement_adds_up_to_the_ledger`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurseStatement {
    /// What the money is for.
    pub purpose: Purpose,
    /// What it held before, in fen.
    pub opening_fen: i64,
    /// What moved it, the oldest first.
    pub lines: Vec<Line>,
    /// What it holds after, in fen.
    pub closing_fen: i64,
}

/// A statement of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Where the home is.
    pub place: String,
    /// Its number.
    pub account_no: String,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub until: NaiveDate,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Its purses; one that was never used is left out.
    pub purses: Vec<PurseStatement>,
}

/// A kind of line in Chinese and English.
pub fn kind_words(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "top-up" => ("充值", "Top-up"),
        "use" => ("用量扣费", "Use"),
        "refund" => ("退款", "Refund"),
        "to-meter" => ("充入表内", "To the meter"),
        _ => ("更正", "Correction"),
    }
}

/// A purpose in Chinese and English.
pub fn purpose_words(purpose: Purpose) -> (&'static str, &'static str) {
    match purpose {
        Purpose::Electricity => ("电费", "Electricity"),
        Purpose::Water => ("水费", "Water"),
        Purpose::Gas => ("燃气费", "Gas"),
    }
}

impl PurseStatement {
    /// Sums the use of each day up into one line.
    fn of(
        purpose: Purpose,
        opening_fen: i64,
        moved: &[store::ledger::statement::Movement],
    ) -> Self {
        let (mut lines, mut balance_fen) = (Vec::<Line>::new(), opening_fen);
        for row in moved {
            let (day, kind) =
                (BusinessDay::of(row.at).date(), kind_of(&row.template).unwrap_or("to-meter"));
            balance_fen = balance_fen.saturating_add(row.amount_fen);
            let same = |line: &&mut Line| kind == "use" && line.kind == "use" && line.day == day;
            if let Some(line) = lines.last_mut().filter(same) {
                line.amount_fen = line.amount_fen.saturating_add(row.amount_fen);
                line.balance_fen = balance_fen;
                continue;
            }
            lines.push(Line { day, kind, amount_fen: row.amount_fen, balance_fen });
        }
        PurseStatement { purpose, opening_fen, lines, closing_fen: balance_fen }
    }
}

async fn show(call: Call) -> Result<Answer> {
    let wish: Wanted = call.query()?;
    let days = (wish.until - wish.from).num_days();
    let end = wish.until.checked_add_days(Days::new(1)).ok_or(Failure::Malformed("until"))?;
    if !(0..DAYS_MAX).contains(&days) {
        return Err(Failure::Malformed("until"));
    }
    if !matches!(wish.format.as_str(), "html" | "pdf" | "xlsx") {
        return Err(Failure::Malformed("format"));
    }
    let (home, desk) = (call.home()?, &call.desk);
    let found = account::by_id(desk.house.store().read(), home.project, home.account).await?;
    let row = found.ok_or(Failure::NotFound("home"))?;
    let (_, place) = home::place_of(desk, home.project, &row).await?;
    let span = (BusinessDay::from_date(wish.from).start(), BusinessDay::from_date(end).start());
    let mut purses = Vec::new();
    for purpose in Purpose::ALL.iter().copied() {
        let key = (home.project, home.account);
        let (opening, moved) = entry::stretch(desk, key, purpose, span).await?;
        if opening != 0 || !moved.is_empty() {
            purses.push(PurseStatement::of(purpose, opening, &moved));
        }
    }
    let statement = Statement {
        place,
        account_no: row.account_no,
        from: wish.from,
        until: wish.until,
        made_at: desk.clock.now(),
        purses,
    };
    let name = format!("yufu-{}-{}.{}", wish.from, wish.until, wish.format);
    Ok(match wish.format.as_str() {
        "xlsx" => {
            let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            Answer::file(kind, &name, xlsx::workbook(&statement)?)
        }
        "pdf" => Answer::file("application/pdf", &name, pdf::file(&statement)?),
        _ => Answer::file("text/html; charset=utf-8", &name, html::page(&statement).into_bytes()),
    })
}

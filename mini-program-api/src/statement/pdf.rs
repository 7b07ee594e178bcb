//! A statement on paper: A4, a page after the other, the same lines as in the workbook.

use std::sync::OnceLock;

use paper::{Align, Face, Page, PaperError};

use super::{PurseStatement, Statement, kind_words, purpose_words};
use crate::{
    failure::{Failure, Result},
    order::words::yuan,
};

/// The first base line and the last, in millimetres.
const TOP: f32 = 24.0;
const BOTTOM: f32 = 276.0;
/// One line to the next.
const STEP: f32 = 6.5;
/// Where the columns stand: day, what, amount, balance (the last two end there).
const DAY: f32 = 20.0;
const WHAT: f32 = 48.0;
const AMOUNT: f32 = 150.0;
const BALANCE: f32 = 190.0;
/// Sizes of type, in points.
const HEAD: f32 = 16.0;
const TITLE: f32 = 12.0;
const TEXT: f32 = 9.5;
const SMALL: f32 = 8.0;
/// The greys of hints and hairlines.
const HINT: u8 = 90;
const HAIRLINE: u8 = 190;

/// The font of this machine, read once.
fn face() -> Result<&'static Face> {
    static FACE: OnceLock<std::result::Result<Face, PaperError>> = OnceLock::new();
    let face = FACE.get_or_init(Face::find);
    face.as_ref().map_err(Failure::internal)
}

/// The pages under construction.
struct Sheets {
    pages: Vec<Page>,
    /// The base line that is free next.
    at: f32,
}

impl Sheets {
    fn new() -> Sheets {
        Sheets { pages: vec![Page::new()], at: TOP }
    }

    /// The page and the base line of the next line; a new page where this one is full.
    fn next(&mut self, step: f32) -> (&mut Page, f32) {
        if self.at + step > BOTTOM {
            self.pages.push(Page::new());
            self.at = TOP;
        }
        self.at += step;
        let last = self.pages.len() - 1;
        (&mut self.pages[last], self.at)
    }

    fn row(&mut self, day: &str, what: &str, amount: &str, balance: &str) {
        let (page, at) = self.next(STEP);
        page.text((DAY, at), TEXT, day, Align::Left)
            .text((WHAT, at), TEXT, what, Align::Left)
            .text((AMOUNT, at), TEXT, amount, Align::Right)
            .text((BALANCE, at), TEXT, balance, Align::Right)
            .line((DAY, at + 1.8), (BALANCE, at + 1.8), 0.25, HAIRLINE);
    }

    fn purse(&mut self, purse: &PurseStatement) {
        let (zh, en) = purpose_words(purse.purpose);
        let (page, at) = self.next(STEP * 2.0);
        page.text((DAY, at), TITLE, &format!("{zh} {en}"), Align::Left);
        let (page, at) = self.next(STEP);
        page.grey_text((DAY, at), SMALL, "日期 Date", Align::Left, HINT)
            .grey_text((WHAT, at), SMALL, "事项 What", Align::Left, HINT)
            .grey_text((AMOUNT, at), SMALL, "金额 Amount", Align::Right, HINT)
            .grey_text((BALANCE, at), SMALL, "余额 Balance", Align::Right, HINT);
        self.row("", "期初余额 Opening balance", "", &yuan(purse.opening_fen));
        for line in &purse.lines {
            let (zh, en) = kind_words(line.kind);
            let (amount, balance) = (yuan(line.amount_fen), yuan(line.balance_fen));
            self.row(&line.day.to_string(), &format!("{zh} {en}"), &amount, &balance);
        }
        self.row("", "期末余额 Closing balance", "", &yuan(purse.closing_fen));
    }
}

fn sheets(statement: &Statement) -> Vec<Page> {
    let mut sheets = Sheets::new();
    let (page, at) = sheets.next(0.0);
    page.text((DAY, at), HEAD, "对账单 Statement", Align::Left);
    let (page, at) = sheets.next(STEP);
    page.text((DAY, at), TEXT, &statement.place, Align::Left);
    let (page, at) = sheets.next(STEP);
    let (from, until) = (statement.from, statement.until);
    page.text((DAY, at), TEXT, &format!("户号 Account {}", statement.account_no), Align::Left)
        .text((BALANCE, at), TEXT, &format!("{from} – {until}"), Align::Right);
    if statement.purses.is_empty() {
        let (page, at) = sheets.next(STEP * 2.0);
        page.text((DAY, at), TEXT, "这段时间没有往来 Nothing moved in this period", Align::Left);
    }
    statement.purses.iter().for_each(|purse| sheets.purse(purse));
    let (page, at) = sheets.next(STEP * 2.0);
    let note = "本单不作为发票 This is not an invoice";
    page.grey_text((DAY, at), SMALL, note, Align::Left, HINT);
    let all = sheets.pages.len();
    for (number, page) in sheets.pages.iter_mut().enumerate() {
        let text = format!("{} / {all}", number + 1);
        page.grey_text((BALANCE, 288.0), SMALL, &text, Align::Right, HINT);
    }
    sheets.pages
}

/// The file. Errors: [`Failure::Internal`] where this machine has no font with Chinese.
pub fn file(statement: &Statement) -> Result<Vec<u8>> {
    let made = paper::pdf("对账单 Statement", face()?, &sheets(statement));
    made.map_err(|error| Failure::internal(&error))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};
    use domain::Purpose;

    use super::{super::Line, *};

    fn statement(lines: usize) -> Statement {
        let day = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
        let line = Line { day, kind: "use", amount_fen: -100, balance_fen: 5_000 };
        let purse = PurseStatement {
            purpose: Purpose::Electricity,
            opening_fen: 5_100,
            lines: vec![line; lines],
            closing_fen: 5_000,
        };
        Statement {
            place: "和园公寓 3-2-1204".to_owned(),
            account_no: "880012040371".to_owned(),
            from: day,
            until: day,
            made_at: DateTime::UNIX_EPOCH,
            purses: if lines == 0 { Vec::new() } else { vec![purse] },
        }
    }

    #[test]
    fn a_long_statement_goes_on_on_the_next_page() {
        // A day's line for four hundred days is the longest there is.
        for (lines, pages) in [(0, 1), (1, 1), (29, 1), (30, 2), (400, 11)] {
            assert_eq!(sheets(&statement(lines)).len(), pages, "{lines}");
        }
        let made = file(&statement(400)).unwrap();
        assert!(made.starts_with(b"%PDF-") && made.len() < 400_000, "{} bytes", made.len());
    }
}

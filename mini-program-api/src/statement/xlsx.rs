//! A statement as a workbook: one sheet a purse, amounts as numbers in yuan.

use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::{Statement, kind_words, purpose_words};
use crate::failure::{Failure, Result};

/// The workbook.
pub fn workbook(statement: &Statement) -> Result<Vec<u8>> {
    written(statement).map_err(|error| Failure::internal(&error))
}

/// Yuan as a spreadsheet knows numbers. Two decimals of any amount we book are exact to the fen in
/// a double; the fen themselves stay whole everywhere else.
fn yuan(fen: i64) -> f64 {
    fen as f64 / 100.0
}

fn written(statement: &Statement) -> std::result::Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let (money, bold) = (Format::new().set_num_format("#,##0.00"), Format::new().set_bold());
    for purse in &statement.purses {
        let (zh, en) = purpose_words(purse.purpose);
        let sheet = book.add_worksheet().set_name(format!("{zh} {en}"))?;
        sheet.set_column_width(0, 14)?.set_column_width(1, 24)?;
        sheet.write_with_format(0, 0, "对账单 Statement", &bold)?;
        // A text is written as a text: no cell of a statement is ever a formula.
        let about = format!("{} · {}", statement.place, statement.account_no);
        sheet.write_string(1, 0, about)?;
        sheet.write_string(2, 0, format!("{} – {}", statement.from, statement.until))?;
        for (column, word) in
            ["日期 Date", "事项 What", "金额（元） Amount", "余额（元） Balance"].iter().enumerate()
        {
            let column = u16::try_from(column).unwrap_or_default();
            sheet.write_with_format(4, column, *word, &bold)?;
        }
        sheet.write_string(5, 1, "期初余额 Opening balance")?;
        sheet.write_number_with_format(5, 3, yuan(purse.opening_fen), &money)?;
        let mut row = 6;
        for line in &purse.lines {
            let (zh, en) = kind_words(line.kind);
            sheet.write_string(row, 0, line.day.to_string())?;
            sheet.write_string(row, 1, format!("{zh} {en}"))?;
            sheet.write_number_with_format(row, 2, yuan(line.amount_fen), &money)?;
            sheet.write_number_with_format(row, 3, yuan(line.balance_fen), &money)?;
            row += 1;
        }
        sheet.write_string(row, 1, "期末余额 Closing balance")?;
        sheet.write_number_with_format(row, 3, yuan(purse.closing_fen), &money)?;
    }
    if statement.purses.is_empty() {
        let sheet = book.add_worksheet();
        sheet.write_string(0, 0, "这段时间没有往来 / Nothing moved in this period")?;
    }
    book.save_to_buffer()
}

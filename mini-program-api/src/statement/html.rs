//! A statement as a page to print.

use super::{PurseStatement, Statement, kind_words, purpose_words};
use crate::order::words::yuan;

const STYLE: &str = "body{font:14px/1.6 system-ui,sans-serif;margin:24px auto;max-width:720px}\
h1{font-size:20px}h2{font-size:16px;margin-top:24px}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:4px 8px;border-bottom:1px solid #ccc}\
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}";

/// The page.
pub fn page(statement: &Statement) -> String {
    let purses: String = statement.purses.iter().map(purse).collect();
    let empty = "<p>这段时间没有往来 / Nothing moved in this period</p>";
    let body = if purses.is_empty() { empty } else { &purses };
    format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <title>对账单 Statement</title><style>{STYLE}</style></head><body>\
         <h1>对账单 Statement</h1><p>{} · {} · {} – {}</p>{body}\
         <p>本单不作为发票 / This is not an invoice</p></body></html>",
        escaped(&statement.place),
        escaped(&statement.account_no),
        statement.from,
        statement.until,
    )
}

fn purse(purse: &PurseStatement) -> String {
    let (zh, en) = purpose_words(purse.purpose);
    let row = |day: &str, word: &str, amount: &str, balance: i64| {
        format!(
            "<tr><td>{day}</td><td>{word}</td><td class=\"n\">{amount}</td>\
             <td class=\"n\">{}</td></tr>",
            yuan(balance)
        )
    };
    let lines: String = purse
        .lines
        .iter()
        .map(|line| {
            let (zh, en) = kind_words(line.kind);
            let word = format!("{zh} {en}");
            row(&line.day.to_string(), &word, &yuan(line.amount_fen), line.balance_fen)
        })
        .collect();
    format!(
        "<h2>{zh} {en}</h2><table><tr><th>日期 Date</th><th>事项 What</th>\
         <th class=\"n\">金额 Amount</th><th class=\"n\">余额 Balance</th></tr>{}{lines}{}</table>",
        row("", "期初余额 Opening balance", "", purse.opening_fen),
        row("", "期末余额 Closing balance", "", purse.closing_fen),
    )
}

/// Text of people in a page: nothing of it is markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_no_markup_in_a_statement() {
        assert_eq!(escaped("<script>\"&"), "&lt;script&gt;&quot;&amp;");
    }
}

//! Receipts: from what the server says stands on one to the bytes of a printer.
//!
//! [`layout`] breaks it into rows that fit the paper, [`encode`] turns rows into ESC/POS: Chinese
//! text in the one- and two-byte part of GB18030, which the printers know, and whatever they do
//! not know as a picture of its line. What is printed here is never believed to be printed: that
//! is [`crate::printer`]'s business.

use kiosk_wire::receipt::{Line, Receipt};

pub mod bitmap;
pub mod encode;
pub mod face;
pub mod layout;
pub mod words;
pub mod wrap;

pub use encode::{Form, Job, encode};
pub use face::Face;
pub use layout::{Paper, Row, Sheet};

/// A receipt that says of itself that it is a copy: 补打第 n 次, under its title. The first print
/// (`copy` 0) and one whose server has said so already stay as they are.
pub fn marked(receipt: &Receipt, copy: u32) -> Receipt {
    let text = |line: &Line| match line {
        Line::Title { text } | Line::Text { text, .. } => text.contains("补打"),
        Line::Pair { name, .. } => name.contains("补打"),
        _ => false,
    };
    if copy == 0 || receipt.lines.iter().any(text) {
        return receipt.clone();
    }
    let mut lines = receipt.lines.clone();
    let title = lines.iter().rposition(|line| matches!(line, Line::Title { .. }));
    let mark = Line::Text { text: format!("补打第 {copy} 次  COPY {copy}"), centred: true };
    lines.insert(title.map_or(0, |at| at + 1), mark);
    Receipt { lines }
}

/// The page an operator asks for to see whether a printer prints: both widths of character, both
/// sizes, a code and a cut.
pub fn test_page(number: &str, paper: Paper) -> Receipt {
    let pair = |name: &str, value: &str, strong| Line::Pair {
        name: name.to_owned(),
        value: value.to_owned(),
        strong,
    };
    let ruler: String =
        (1..=paper.columns()).map(|at| char::from(b'0' + (at % 10) as u8)).collect();
    Receipt {
        lines: vec![
            Line::Title { text: "打印测试".to_owned() },
            pair("终端号", number, false),
            pair("纸宽", &format!("{} mm", paper.width_mm()), false),
            pair("金额", "￥0.00", true),
            Line::Text { text: ruler, centred: false },
            Line::Text {
                text: "中文 English 0123456789 ,.-/ 镕喆𬭎㛃".to_owned(), centred: false
            },
            Line::Rule,
            Line::Qr { content: format!("YUFU TEST {number}") },
            Line::Feed { lines: 2 },
            Line::Cut,
        ],
    }
}

//! Receipts: from what the server says stands on one to the bytes of a printer.
//!
//! [`layout`] breaks it into rows that fit the paper, [`encode`] turns rows into ESC/POS: Chinese
//! text in the one- and two-byte part of GB18030, which the printers know, and whatever they do
//! not know as a picture of its line. What is printed here is never believed to be printed: that
//! is [`crate::printer`]'s business.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use kiosk_wire::receipt::{Line, Receipt};

use crate::advert;

pub mod bitmap;
pub mod encode;
pub mod face;
pub mod layout;
pub mod logo;
pub mod words;
pub mod wrap;

pub use encode::{Form, Job, encode, encode_sheet};
pub use face::Face;
pub use layout::{Paper, Row, Sheet};
pub use logo::{Logos, StoredLogos};

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
    Receipt { lines, ..receipt.clone() }
}

/// Rows of the bar of a test page.
const BAR_DOTS: usize = 24;

/// The page an operator asks for to see whether a printer prints: its paper and the moment, the
/// printer's own letters in both sizes, a rare character and a bar as pictures, a code, a cut.
pub fn test_page(number: &str, paper: Paper, at: DateTime<Utc>) -> Receipt {
    let pair = |name: &str, value: &str, strong| Line::Pair {
        name: name.to_owned(),
        value: value.to_owned(),
        strong,
    };
    let text = |text: &str| Line::Text { text: text.to_owned(), centred: false };
    let ruler: String =
        (1..=paper.columns()).map(|at| char::from(b'0' + (at % 10) as u8)).collect();
    let moment = advert::local(at).format("%Y-%m-%d %H:%M:%S").to_string();
    let lines = vec![
        Line::Title { text: "打印测试".to_owned() },
        Line::Text { text: "Test page".to_owned(), centred: true },
        pair("终端号", number, false),
        pair("纸宽", &format!("{} mm", paper.width_mm()), false),
        pair("打印时间", &moment, false),
        pair("金额", "￥0.00", true),
        text(&ruler),
        text("GB18030 电费充值 水费 镕喆 ￥，。"),
        text("生僻字 𬭎㛃"),
        Line::Rule,
        bar(paper),
        Line::Rule,
        Line::Qr { content: format!("YUFU TEST {number} {moment}") },
        Line::Feed { lines: 2 },
        Line::Cut,
    ];
    lines.into()
}

/// A bar across the paper: black, on which a dead dot of the head is a white stripe, over every
/// other dot, where one that is always hot would be a black one.
fn bar(paper: Paper) -> Line {
    let stride = paper.dots() / 8;
    let half = |pattern: u8| vec![pattern; stride * BAR_DOTS / 2];
    let bits = STANDARD.encode([half(0xff), half(0xaa)].concat());
    Line::Picture { width: paper.dots() as u16, height: BAR_DOTS as u16, bits }
}

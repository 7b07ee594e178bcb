//! Typed reading of a row's cells; whatever does not fit becomes a fault with the cell's name.

use std::ops::RangeInclusive;

use chrono::NaiveDate;

use super::{
    book::{Content, Sheet},
    fault::{Fault, shortened},
    table::Column,
};

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 80;

/// A row being read.
pub(super) struct Cells<'a> {
    sheet: &'a Sheet,
    /// The row's number as a spreadsheet counts.
    pub number: u32,
    row: &'a std::collections::BTreeMap<u32, Content>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Cells<'a> {
    pub fn new(
        sheet: &'a Sheet,
        (number, row): (u32, &'a std::collections::BTreeMap<u32, Content>),
        faults: &'a mut Vec<Fault>,
    ) -> Self {
        Cells { sheet, number, row, faults }
    }

    fn column(&self, key: &str) -> Option<&'static Column> {
        self.sheet.table.columns().iter().find(|column| column.key == key)
    }

    /// The cell's text; empty where there is none.
    pub fn raw(&self, key: &str) -> &'a str {
        let at = self.sheet.columns.get(key);
        match at.and_then(|at| self.row.get(at)) {
            Some(Content::Text(text) | Content::Error(text)) => text,
            None => "",
        }
    }

    /// Notes that the cell is wrong; what is allowed stands in the table.
    pub fn fault(&mut self, key: &str, zh: impl Into<String>, en: impl Into<String>) {
        let Some(column) = self.column(key) else { return };
        self.faults.push(Fault {
            sheet: self.sheet.name.clone(),
            row: self.number,
            column: self.sheet.columns.get(key).copied(),
            name: format!("{} {}", column.zh, column.key),
            value: shortened(self.raw(key)),
            problem: [zh.into(), en.into()],
            allowed: [column.allowed_zh.to_owned(), column.allowed_en.to_owned()],
        });
    }

    /// The cell's text if it holds any; an error of the spreadsheet is a fault.
    pub fn given(&mut self, key: &str) -> Option<&'a str> {
        let at = self.sheet.columns.get(key)?;
        match self.row.get(at)? {
            Content::Text(text) => Some(text),
            Content::Error(_) => {
                self.fault(key, "单元格是错误值", "the cell is an error of the spreadsheet");
                None
            }
        }
    }

    /// The cell's text; an empty one is a fault.
    pub fn needed(&mut self, key: &str) -> Option<&'a str> {
        if self.raw(key).is_empty() {
            self.fault(key, "不能为空", "it must not be empty");
            return None;
        }
        self.given(key)
    }

    fn check<T>(&mut self, key: &str, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = read(text);
        if value.is_none() {
            self.fault(key, "内容不符合要求", "this is not allowed here");
        }
        value
    }

    /// A text of letters that a rule accepts, if given.
    pub fn matching(&mut self, key: &str, rule: impl Fn(&str) -> bool) -> Option<String> {
        let text = self.given(key)?;
        self.check(key, text, |text| rule(text).then(|| text.to_owned()))
    }

    /// A needed name. It is never a formula, so that an export of it stays harmless.
    pub fn name(&mut self, key: &str) -> Option<String> {
        self.needed(key)?;
        self.optional_name(key)
    }

    /// A name, if given.
    pub fn optional_name(&mut self, key: &str) -> Option<String> {
        self.matching(key, |text| {
            let formula = text.starts_with(['=', '+', '-', '@']);
            !formula && text.chars().count() <= NAME_CHARS_MAX && !text.contains(char::is_control)
        })
    }

    /// A telephone number, if given.
    pub fn phone(&mut self, key: &str) -> Option<String> {
        self.matching(key, |text| {
            let digits = text.chars().filter(char::is_ascii_digit).count();
            let plain = |c: char| c.is_ascii_digit() || c == '-' || c == ' ';
            (5..=20).contains(&digits) && text.strip_prefix('+').unwrap_or(text).chars().all(plain)
        })
    }

    /// A whole number in a range, if given.
    pub fn integer(&mut self, key: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let text = self.given(key)?;
        self.check(key, text, |text| text.parse().ok().filter(|n| range.contains(n)))
    }

    /// A decimal number in units of its last allowed decimal, if given. `0.5883` with six decimals
    /// is 588300.
    pub fn decimal(&mut self, key: &str, decimals: usize, max: i64) -> Option<i64> {
        let text = self.given(key)?;
        self.check(key, text, |text| fixed(text, decimals).filter(|n| (0..=max).contains(n)))
    }

    /// One of some words, if given: each stable name with what people write for it.
    pub fn choice(&mut self, key: &str, words: &[(&'static str, &[&str])]) -> Option<&'static str> {
        let text = self.given(key)?.to_lowercase();
        let known = words.iter().find(|(name, also)| *name == text || also.contains(&&*text));
        self.check(key, &text, |_| known.map(|(name, _)| *name))
    }

    /// A date, if given: `2026-01-31` or `2026/1/31`.
    pub fn date(&mut self, key: &str) -> Option<NaiveDate> {
        let text = self.given(key)?;
        self.check(key, text, |text| {
            let text = text.replace(['/', '.'], "-");
            NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()
        })
    }

    /// Yes or no, if given.
    pub fn yes_no(&mut self, key: &str) -> Option<bool> {
        let words: &[(&'static str, &[&str])] =
            &[("yes", &["是", "y", "true", "1"]), ("no", &["否", "n", "false", "0"])];
        self.choice(key, words).map(|word| word == "yes")
    }
}

/// A plain decimal text as a whole number of its last allowed decimal; no sign, no exponent.
fn fixed(text: &str, decimals: usize) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > decimals {
        return None;
    }
    format!("{whole}{part:0<decimals$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::fixed;

    #[test]
    fn decimals_are_read_without_floating_point() {
        let table = [
            ("0.5883", 6, Some(588_300)),
            ("3", 6, Some(3_000_000)),
            ("45.5", 2, Some(4_550)),
            ("45.555", 2, None),
            ("-1", 2, None),
            ("1e3", 2, None),
            (".5", 2, None),
            ("", 2, None),
        ];
        for (text, decimals, value) in table {
            assert_eq!(fixed(text, decimals), value, "{text}");
        }
    }
}

//! One bad cell, named so that a person finds it at once.

use std::fmt;

/// A bad cell: where it is, what it holds, what is wrong, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The sheet or file as it is called there.
    pub sheet: String,
    /// The row, from 1, as a spreadsheet counts.
    pub row: u32,
    /// The column, from 0; none where the whole row or sheet is meant.
    pub column: Option<u32>,
    /// The column's names, as in `通信地址 address`.
    pub name: String,
    /// The cell's content, shortened.
    pub value: String,
    /// What is wrong, in Chinese and English.
    pub problem: [String; 2],
    /// What is allowed, in Chinese and English.
    pub allowed: [String; 2],
}

/// How much of a cell is shown.
const SHOWN_CHARS_MAX: usize = 40;

/// A column's letters: 0 is `A`, 26 is `AA`.
pub fn letters(column: u32) -> String {
    let mut text = String::new();
    let mut rest = column + 1;
    while rest > 0 {
        let digit = ((rest - 1) % 26) as u8;
        text.insert(0, char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    text
}

/// A cell's content on one line, short enough to be read.
pub fn shortened(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '␣' } else { c };
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).map(plain).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

impl Fault {
    /// Where it is, as a spreadsheet says it.
    pub fn place(&self) -> String {
        match self.column {
            Some(column) => format!("{}{}", letters(column), self.row),
            None => format!("{}", self.row),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([zh, en], [may_zh, may_en]) = (&self.problem, &self.allowed);
        write!(f, "[{}] {}", self.sheet, self.place())?;
        if !self.name.is_empty() {
            write!(f, " {} = \"{}\"", self.name, self.value)?;
        }
        write!(f, "：{zh}")?;
        if !may_zh.is_empty() {
            write!(f, "；应为：{may_zh}")?;
        }
        write!(f, " / {en}")?;
        if !may_en.is_empty() {
            write!(f, "; allowed: {may_en}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_lettered_as_a_spreadsheet_does() {
        let table = [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ")];
        for (column, text) in table {
            assert_eq!(letters(column), text);
        }
    }

    #[test]
    fn a_cell_is_shown_on_one_line() {
        assert_eq!(shortened("a\nb"), "a␣b");
        assert_eq!(shortened(&"x".repeat(50)).chars().count(), 41);
    }
}

//! How a printer is set: what some commands change and letters and codes are printed by.

use crate::escpos::Command;

/// A line's height while nobody has set another, in dots: a sixth of an inch.
pub const SPACING_DOTS: usize = 34;
/// Dots of a module of a QR code while nobody has set another, as the makers' tables say.
const MODULE_DOTS: u8 = 3;

/// What is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// `GS !`: how often wider in the high half, how often higher in the low one, each less one.
    pub latin: u8,
    /// `FS !`: bit 2 twice as wide, bit 3 twice as high, bit 7 underlined.
    pub chinese: u8,
    /// `ESC E`.
    pub bold: bool,
    /// `ESC -`.
    pub underlined: bool,
    /// `ESC a`: 0 left, 1 centre, 2 right.
    pub align: u8,
    /// A line's height, in dots.
    pub spacing: usize,
    /// What `GS ( k` prints next.
    pub code: Code,
}

/// A QR code that waits to be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// What it says.
    pub content: Vec<u8>,
    /// Dots of a module.
    pub module: u8,
    /// 48 = L, 49 = M, 50 = Q, 51 = H.
    pub correction: u8,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            latin: 0,
            chinese: 0,
            bold: false,
            underlined: false,
            align: 0,
            spacing: SPACING_DOTS,
            code: Code { content: Vec::new(), module: MODULE_DOTS, correction: 48 },
        }
    }
}

impl Style {
    /// Sets what a command sets; every other command changes nothing.
    pub fn obey(&mut self, command: &Command) {
        match command {
            Command::Initialise => *self = Style::default(),
            Command::Spacing(dots) => self.spacing = dots.map_or(SPACING_DOTS, usize::from),
            Command::Align(n) => self.align = *n,
            Command::Bold(on) => self.bold = *on,
            Command::Underline(on) => self.underlined = *on,
            Command::ChineseStyle(n) => self.chinese = *n,
            Command::LatinStyle(n) => self.latin = *n,
            Command::Symbol(b'C', rest) => {
                self.code.module = rest.first().copied().unwrap_or(MODULE_DOTS);
            }
            Command::Symbol(b'E', rest) => {
                self.code.correction = rest.first().copied().unwrap_or(48);
            }
            Command::Symbol(b'P', rest) => {
                self.code.content = rest.get(1..).unwrap_or_default().to_vec();
            }
            _ => {}
        }
    }

    /// How often wider and higher a letter is; Chinese or not.
    pub fn scale(&self, chinese: bool) -> (usize, usize) {
        if chinese {
            let twice = |bit: u8| if self.chinese & bit != 0 { 2 } else { 1 };
            return (twice(0x04), twice(0x08));
        }
        (usize::from(self.latin >> 4 & 7) + 1, usize::from(self.latin & 7) + 1)
    }

    /// Whether a letter is underlined; Chinese or not.
    pub fn underlines(&self, chinese: bool) -> bool {
        self.underlined || chinese && self.chinese & 0x80 != 0
    }

    /// How far from the left something begins that is so wide on a line of so many dots.
    pub fn left(&self, wide: usize, of: usize) -> usize {
        match self.align & 3 {
            1 => of.saturating_sub(wide) / 2,
            2 => of.saturating_sub(wide),
            _ => 0,
        }
    }
}

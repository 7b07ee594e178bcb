//! The print head: the commands a paper was printed by become its dots.

use qrcode::{EcLevel, QrCode, types::Color};

use crate::{
    escpos::Command,
    letters::{Cell, HEIGHT_DOTS, Letters},
    paper::{Paper, chinese},
    picture::{DOTS_PER_MM, Picture},
    style::Style,
};

/// Paper between the head and the knife, in dots. It is white when a receipt begins, since the one
/// before was fed so far to be cut.
pub const KNIFE_DOTS: usize = 120;
/// The width of a column, in dots.
const COLUMN_DOTS: usize = 12;

/// A picture of a paper, margins included: 58 mm wide where a line has 32 columns, else 80 mm.
///
/// Invariant: only what was carried out is on it; a line that was not fed is not, and neither is
/// anything after the end of the roll: proved by
/// `paper_that_ends_in_the_middle_shows_its_upper_half_and_the_new_roll_the_rest`.
pub fn picture(paper: &Paper, letters: &Letters) -> Picture {
    let dots = paper.columns() * COLUMN_DOTS;
    let mm = if dots > 58 * DOTS_PER_MM { 80 } else { 58 };
    let wide = (mm * DOTS_PER_MM).max(dots);
    let mut head = Head {
        picture: Picture::new(wide, KNIFE_DOTS),
        margin: (wide - dots) / 2,
        dots,
        style: paper.began().clone(),
        line: Vec::new(),
        used: 0,
        y: KNIFE_DOTS,
        letters,
    };
    for command in paper.carried() {
        head.carry_out(command);
    }
    head.picture
}

struct Head<'a> {
    picture: Picture,
    margin: usize,
    dots: usize,
    style: Style,
    line: Vec<Letter>,
    used: usize,
    y: usize,
    letters: &'a Letters,
}

/// A letter that waits for its line to be fed.
struct Letter {
    character: char,
    width: usize,
    scale: (usize, usize),
    bold: bool,
    underlined: bool,
}

impl Head<'_> {
    fn carry_out(&mut self, command: &Command) {
        match command {
            Command::Latin(byte) => self.put(char::from(*byte), false),
            Command::Chinese(pair) => self.put(chinese(*pair).unwrap_or('〓'), true),
            Command::LineFeed if self.line.is_empty() => self.feed(self.style.spacing),
            Command::LineFeed | Command::Cut => self.end_line(),
            Command::FeedLines(n) => {
                self.end_line();
                self.feed(usize::from(*n) * self.style.spacing);
            }
            Command::FeedDots(n) => {
                self.end_line();
                self.feed(usize::from(*n));
            }
            Command::Initialise => {
                self.line.clear();
                self.used = 0;
            }
            Command::Raster { stride, data } => self.raster(*stride, data),
            Command::Symbol(b'Q', _) => self.code(),
            _ => {}
        }
        self.style.obey(command);
    }

    /// A letter that does not fit begins a new line, as on every printer.
    fn put(&mut self, character: char, chinese: bool) {
        let width = if chinese { 2 * COLUMN_DOTS } else { COLUMN_DOTS };
        let scale = self.style.scale(chinese);
        if self.used + width * scale.0 > self.dots {
            self.end_line();
        }
        self.used += width * scale.0;
        let (bold, underlined) = (self.style.bold, self.style.underlines(chinese));
        self.line.push(Letter { character, width, scale, bold, underlined });
    }

    fn end_line(&mut self) {
        let Some(highest) = self.line.iter().map(|letter| letter.scale.1).max() else { return };
        let high = highest * HEIGHT_DOTS;
        let mut left = self.margin + self.style.left(self.used, self.dots);
        let top = self.y;
        self.feed(self.style.spacing.max(high));
        self.used = 0;
        for letter in std::mem::take(&mut self.line) {
            let Letter { character, width, scale, bold, underlined } = letter;
            let top = top + high - scale.1 * HEIGHT_DOTS;
            self.letters.draw(&mut self.picture, character, Cell { left, top, width, scale, bold });
            let right = left + width * scale.0;
            if underlined {
                self.fill(
                    left..right,
                    top + scale.1 * HEIGHT_DOTS - 2..top + scale.1 * HEIGHT_DOTS,
                );
            }
            left = right;
        }
    }

    fn feed(&mut self, dots: usize) {
        self.y += dots;
        self.picture.reach(self.y);
    }

    fn raster(&mut self, stride: usize, data: &[u8]) {
        self.end_line();
        let left = self.style.left(stride * 8, self.dots);
        let top = self.y;
        self.feed(data.len() / stride.max(1));
        for (at, byte) in data.iter().enumerate() {
            let (x, y) = (left + at % stride * 8, top + at / stride);
            for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0 && x + bit < self.dots) {
                self.picture.blacken(self.margin + x + bit, y);
            }
        }
    }

    /// The code that was stored; one that is wider than the paper, or says more than a code can,
    /// is not printed.
    fn code(&mut self) {
        self.end_line();
        let level = match self.style.code.correction {
            49 => EcLevel::M,
            50 => EcLevel::Q,
            51 => EcLevel::H,
            _ => EcLevel::L,
        };
        let stored = &self.style.code.content;
        let Ok(code) = QrCode::with_error_correction_level(stored, level) else { return };
        let module = usize::from(self.style.code.module);
        let side = code.width() * module;
        if side > self.dots {
            return;
        }
        let left = self.margin + self.style.left(side, self.dots);
        let top = self.y;
        self.feed(side);
        for (at, color) in code.to_colors().into_iter().enumerate() {
            if color == Color::Dark {
                let x = left + at % code.width() * module;
                let y = top + at / code.width() * module;
                self.fill(x..x + module, y..y + module);
            }
        }
    }

    fn fill(&mut self, across: std::ops::Range<usize>, down: std::ops::Range<usize>) {
        for y in down {
            for x in across.clone() {
                self.picture.blacken(x, y);
            }
        }
    }
}

//! What came out of the printer, line by line, and everything a maker would call an error.

use crate::{
    escpos::{Command, Parser},
    style::{Code, SPACING_DOTS, Style},
};

/// One thing on the paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A line of text as a person reads it.
    Text {
        /// The text, spaces at the end gone.
        text: String,
        /// 1, or 2 for twice as wide.
        scale: usize,
        /// `ESC a`: 0 left, 1 centre, 2 right.
        align: u8,
    },
    /// Dots, of consecutive bands one picture.
    Picture {
        /// Bytes in a row.
        stride: usize,
        /// The rows.
        data: Vec<u8>,
    },
    /// A QR code of the printer's own.
    Code {
        /// What it says.
        content: Vec<u8>,
        /// Dots of a module.
        module: u8,
        /// 48 = L, 49 = M, 50 = Q, 51 = H.
        correction: u8,
        /// `ESC a`.
        align: u8,
    },
    /// A cut.
    Cut,
}

/// A strip of paper.
#[derive(Clone, Debug, Default)]
pub struct Paper {
    /// From top to bottom.
    pub marks: Vec<Mark>,
    /// Lines over the edge, unknown commands, characters of four bytes, an opened drawer.
    pub problems: Vec<String>,
    /// Lines and rows of dots fed, in dots.
    pub dots: usize,
    columns: usize,
    line: String,
    used: usize,
    began: Style,
    style: Style,
    carried: Vec<Command>,
}

impl Paper {
    /// A strip for lines of so many columns: 32 or 48.
    pub fn new(columns: usize) -> Paper {
        Paper::after(columns, Style::default(), Vec::new())
    }

    /// A strip that begins with the printer set like this, and what is printed on it.
    fn after(columns: usize, style: Style, commands: Vec<Command>) -> Paper {
        let mut paper = Paper { columns, began: style.clone(), style, ..Paper::default() };
        commands.iter().for_each(|command| paper.print(command));
        paper
    }

    /// What a whole stream of bytes prints.
    pub fn of(bytes: &[u8], columns: usize) -> Paper {
        let (mut parser, mut paper) = (Parser::default(), Paper::new(columns));
        for byte in bytes {
            if let Some(command) = parser.feed(*byte) {
                paper.print(&command);
            }
        }
        if parser.pending() > 0 {
            paper.problems.push(format!("{} bytes of half a command", parser.pending()));
        }
        paper
    }

    /// The lines of text, one under the other.
    pub fn text(&self) -> String {
        let text = |mark: &Mark| match mark {
            Mark::Text { text, .. } => Some(format!("{text}\n")),
            _ => None,
        };
        self.marks.iter().filter_map(text).collect()
    }

    /// Columns of a line.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How the printer was set when the strip began.
    pub fn began(&self) -> &Style {
        &self.began
    }

    /// The commands it was printed by, in order.
    pub fn carried(&self) -> &[Command] {
        &self.carried
    }

    /// Takes what stands above the first cut; `None` where nothing was cut.
    pub fn torn(&mut self) -> Option<Paper> {
        let cut = self.carried.iter().position(|command| *command == Command::Cut)?;
        Some(self.split(cut + 1))
    }

    /// Takes all that is on the strip; a line that is not fed yet stays with the printer.
    pub fn taken(&mut self) -> Paper {
        let fed = self.carried.iter().rposition(ends_a_line).map_or(0, |at| at + 1);
        self.split(fed)
    }

    fn split(&mut self, at: usize) -> Paper {
        let below = self.carried.split_off(at);
        let above = std::mem::take(&mut self.carried);
        let above = Paper::after(self.columns, self.began.clone(), above);
        *self = Paper::after(self.columns, above.style.clone(), below);
        above
    }

    /// Carries one command out.
    pub fn print(&mut self, command: &Command) {
        self.carried.push(command.clone());
        self.mark(command);
        self.style.obey(command);
    }

    fn mark(&mut self, command: &Command) {
        match command {
            Command::Latin(byte) => {
                self.put(char::from(*byte), 1, self.style.latin & 0x10 != 0);
            }
            Command::Chinese(pair) => self.chinese(*pair),
            Command::LineFeed => self.end_line(),
            Command::Initialise => {
                self.line.clear();
                self.used = 0;
            }
            Command::FeedLines(n) => {
                self.end_text();
                self.dots += usize::from(*n) * SPACING_DOTS;
            }
            Command::FeedDots(n) => {
                self.end_text();
                self.dots += usize::from(*n);
            }
            Command::Raster { stride, data } => self.picture(*stride, data),
            Command::Symbol(function, rest) => self.symbol(*function, rest),
            Command::Cut => {
                self.end_text();
                self.marks.push(Mark::Cut);
            }
            Command::Drawer => self.problems.push("the drawer was opened".to_owned()),
            Command::Unknown(bytes) => self.problems.push(format!("unknown: {bytes:02x?}")),
            _ => {}
        }
    }

    fn chinese(&mut self, pair: [u8; 2]) {
        let character = chinese(pair);
        if character.is_none() {
            self.problems.push(format!("no character of two bytes: {pair:02x?}"));
        }
        self.put(character.unwrap_or('〓'), 2, self.style.chinese & 0x04 != 0);
    }

    fn put(&mut self, character: char, columns: usize, wide: bool) {
        self.used += columns * if wide { 2 } else { 1 };
        self.line.push(character);
        if self.used == columns * 2 && (self.style.latin != 0) != (self.style.chinese != 0) {
            self.problems.push("one alphabet is large, the other is not".to_owned());
        }
    }

    fn end_line(&mut self) {
        if self.line.is_empty() {
            self.dots += SPACING_DOTS;
        }
        self.end_text();
    }

    fn end_text(&mut self) {
        if self.line.is_empty() {
            return;
        }
        if self.used > self.columns {
            let (used, most) = (self.used, self.columns);
            self.problems.push(format!("{used} columns on paper of {most}: {}", self.line));
        }
        let scale = if self.style.chinese & 0x04 != 0 { 2 } else { 1 };
        self.dots += if scale == 2 { 48 } else { SPACING_DOTS };
        let text = std::mem::take(&mut self.line).trim_end().to_owned();
        self.marks.push(Mark::Text { text, scale, align: self.style.align });
        self.used = 0;
    }

    fn picture(&mut self, stride: usize, data: &[u8]) {
        if !self.line.is_empty() {
            self.problems.push("a picture in the middle of a line".to_owned());
        }
        if stride * 8 > self.columns * 12 {
            self.problems.push(format!("a picture of {} dots", stride * 8));
        }
        self.dots += data.len() / stride.max(1);
        match self.marks.last_mut() {
            Some(Mark::Picture { stride: before, data: rows }) if *before == stride => {
                rows.extend_from_slice(data);
            }
            _ => self.marks.push(Mark::Picture { stride, data: data.to_vec() }),
        }
    }

    fn symbol(&mut self, function: u8, rest: &[u8]) {
        match (function, rest) {
            (b'A', [b'2', 0]) => {}
            (b'C' | b'E', [_]) | (b'P', [b'0', ..]) => {}
            (b'Q', [b'0']) => {
                let Code { content, module, correction } = self.style.code.clone();
                self.marks.push(Mark::Code {
                    content,
                    module,
                    correction,
                    align: self.style.align,
                });
            }
            _ => self.problems.push(format!("GS ( k {function} {rest:02x?}")),
        }
    }
}

/// The character two bytes are; `None` where they are none, or half of one of four bytes.
pub fn chinese(pair: [u8; 2]) -> Option<char> {
    let (text, _, broken) = encoding_rs::GBK.decode(&pair);
    let mut characters = text.chars();
    let character = characters.next().filter(|_| !broken)?;
    characters.next().is_none().then_some(character)
}

/// Whether a command leaves no letters waiting in the line.
fn ends_a_line(command: &Command) -> bool {
    use Command::{Cut, FeedDots, FeedLines, Initialise, LineFeed, Raster, Symbol};
    matches!(
        command,
        LineFeed | FeedLines(_) | FeedDots(_) | Raster { .. } | Cut | Initialise | Symbol(b'Q', _)
    )
}

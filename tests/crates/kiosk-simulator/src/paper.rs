//! What came out of the printer, line by line, and everything a maker would call an error.

use crate::escpos::{Command, Parser};

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
    latin: u8,
    chinese: u8,
    align: u8,
    code: (Vec<u8>, u8, u8),
}

impl Paper {
    /// A strip for lines of so many columns: 32 or 48.
    pub fn new(columns: usize) -> Paper {
        Paper { columns, code: (Vec::new(), 3, 48), ..Paper::default() }
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

    /// Carries one command out.
    pub fn print(&mut self, command: &Command) {
        match command {
            Command::Latin(byte) => self.put(char::from(*byte), 1, self.latin & 0x10 != 0),
            Command::Chinese(pair) => self.chinese(*pair),
            Command::LineFeed => self.end_line(),
            Command::Initialise => {
                (self.latin, self.chinese, self.align) = (0, 0, 0);
                self.line.clear();
                self.used = 0;
            }
            Command::Align(n) => self.align = *n,
            Command::FeedLines(n) => {
                self.end_text();
                self.dots += usize::from(*n) * 34;
            }
            Command::ChineseStyle(n) => self.chinese = *n,
            Command::LatinStyle(n) => self.latin = *n,
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
        let (text, _, broken) = encoding_rs::GBK.decode(&pair);
        let mut characters = text.chars();
        let character = characters.next().unwrap_or('〓');
        if broken || characters.next().is_some() {
            self.problems.push(format!("no character of two bytes: {pair:02x?}"));
        }
        self.put(character, 2, self.chinese & 0x04 != 0);
    }

    fn put(&mut self, character: char, columns: usize, wide: bool) {
        self.used += columns * if wide { 2 } else { 1 };
        self.line.push(character);
        if self.used == columns * 2 && (self.latin != 0) != (self.chinese != 0) {
            self.problems.push("one alphabet is large, the other is not".to_owned());
        }
    }

    fn end_line(&mut self) {
        if self.line.is_empty() {
            self.dots += 34;
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
        let scale = if self.chinese & 0x04 != 0 { 2 } else { 1 };
        self.dots += if scale == 2 { 48 } else { 34 };
        let text = std::mem::take(&mut self.line).trim_end().to_owned();
        self.marks.push(Mark::Text { text, scale, align: self.align });
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
            (b'C', [module]) => self.code.1 = *module,
            (b'E', [correction]) => self.code.2 = *correction,
            (b'P', [b'0', content @ ..]) => self.code.0 = content.to_vec(),
            (b'Q', [b'0']) => {
                let (content, module, correction) = self.code.clone();
                self.marks.push(Mark::Code { content, module, correction, align: self.align });
            }
            _ => self.problems.push(format!("GS ( k {function} {rest:02x?}")),
        }
    }
}

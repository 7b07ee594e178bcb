//! A byte stream cut into ESC/POS commands, by the makers' command tables. A printer of the common
//! Chinese kind: in Chinese mode a byte from 0x81 on and the one after it are one character, so a
//! character of four bytes is two wrong ones.

/// One command, or one printed character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A character of one byte.
    Latin(u8),
    /// A character of two bytes.
    Chinese([u8; 2]),
    /// LF.
    LineFeed,
    /// `ESC @`.
    Initialise,
    /// `ESC 2` or `ESC 3 n`.
    Spacing(Option<u8>),
    /// `ESC a n`.
    Align(u8),
    /// `ESC d n`.
    FeedLines(u8),
    /// `ESC J n`: dots.
    FeedDots(u8),
    /// `ESC E n`.
    Bold(bool),
    /// `ESC - n`.
    Underline(bool),
    /// `ESC p m t1 t2`: opens the drawer.
    Drawer,
    /// `FS &` and `FS .`.
    ChineseMode(bool),
    /// `FS ! n`.
    ChineseStyle(u8),
    /// `GS ! n`.
    LatinStyle(u8),
    /// `GS v 0`.
    Raster {
        /// Bytes in a row.
        stride: usize,
        /// The rows.
        data: Vec<u8>,
    },
    /// `GS ( k`: the function and its parameters.
    Symbol(u8, Vec<u8>),
    /// `GS V`.
    Cut,
    /// `GS r n`.
    Fence(u8),
    /// `GS a n`.
    Automatic(u8),
    /// `DLE EOT n`.
    RealTime(u8),
    /// `DLE ENQ n`.
    Recover(u8),
    /// Nothing this printer knows.
    Unknown(Vec<u8>),
}

/// Takes bytes as they come.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    pending: Vec<u8>,
    chinese: bool,
}

impl Parser {
    /// One more byte; the command it completes.
    pub fn feed(&mut self, byte: u8) -> Option<Command> {
        if byte == 0 && self.pending.is_empty() {
            // NUL outside a command is skipped.
            return None;
        }
        self.pending.push(byte);
        let command = complete(&self.pending, self.chinese)?;
        self.pending.clear();
        match command {
            Command::Initialise => self.chinese = false,
            Command::ChineseMode(on) => self.chinese = on,
            _ => {}
        }
        Some(command)
    }

    /// Bytes of a command that is not complete.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }
}

/// The command these bytes are, once they are whole.
fn complete(bytes: &[u8], chinese: bool) -> Option<Command> {
    match *bytes {
        [b'\n'] => Some(Command::LineFeed),
        [0x1b | 0x1c | 0x1d | 0x10] => None,
        [0x1b, ..] => escape(&bytes[1..]),
        [0x1c, b'&'] => Some(Command::ChineseMode(true)),
        [0x1c, b'.'] => Some(Command::ChineseMode(false)),
        [0x1c, b'!'] => None,
        [0x1c, b'!', n] => Some(Command::ChineseStyle(n)),
        [0x1d, ..] => group(&bytes[1..]),
        [0x10, 0x04 | 0x05] => None,
        [0x10, 0x04, n] => Some(Command::RealTime(n)),
        [0x10, 0x05, n] => Some(Command::Recover(n)),
        [byte] if byte >= 0x81 && chinese => None,
        [first, second] if first >= 0x81 => Some(Command::Chinese([first, second])),
        [byte @ (0x20..=0x7e | 0x80..=0xff)] => Some(Command::Latin(byte)),
        _ => Some(Command::Unknown(bytes.to_vec())),
    }
}

fn escape(after: &[u8]) -> Option<Command> {
    match *after {
        [b'@'] => Some(Command::Initialise),
        [b'2'] => Some(Command::Spacing(None)),
        [b'3' | b'a' | b'd' | b'J' | b'E' | b'-'] => None,
        [b'p'] | [b'p', _] | [b'p', _, _] => None,
        [b'J', n] => Some(Command::FeedDots(n)),
        [b'E', n] => Some(Command::Bold(n & 1 != 0)),
        [b'-', n] => Some(Command::Underline(matches!(n, 1 | 2 | b'1' | b'2'))),
        [b'3', n] => Some(Command::Spacing(Some(n))),
        [b'a', n] => Some(Command::Align(n)),
        [b'd', n] => Some(Command::FeedLines(n)),
        [b'p', _, _, _] => Some(Command::Drawer),
        _ => Some(Command::Unknown([&[0x1b], after].concat())),
    }
}

fn group(after: &[u8]) -> Option<Command> {
    match *after {
        [b'!' | b'r' | b'a' | b'V' | b'v' | b'('] => None,
        [b'!', n] => Some(Command::LatinStyle(n)),
        [b'r', n] => Some(Command::Fence(n)),
        [b'a', n] => Some(Command::Automatic(n)),
        [b'V', 0 | 1 | b'0' | b'1'] | [b'V', _, _] => Some(Command::Cut),
        [b'V', 65 | 66] => None,
        [b'v', b'0', _, wide_l, wide_h, high_l, high_h, ref data @ ..] => {
            let stride = usize::from(u16::from_le_bytes([wide_l, wide_h]));
            let rows = usize::from(u16::from_le_bytes([high_l, high_h]));
            let whole = data.len() == stride * rows;
            whole.then(|| Command::Raster { stride, data: data.to_vec() })
        }
        [b'v', b'0', ..] | [b'(', b'k'] | [b'(', b'k', _] => None,
        [b'(', b'k', low, high, ref rest @ ..] => {
            let whole = rest.len() == usize::from(u16::from_le_bytes([low, high]));
            let function = || rest.get(1).copied().unwrap_or_default();
            whole.then(|| Command::Symbol(function(), rest.get(2..).unwrap_or_default().to_vec()))
        }
        _ => Some(Command::Unknown([&[0x1d], after].concat())),
    }
}

//! From the lines of a receipt to rows that fit the paper.

use base64::{Engine, engine::general_purpose::STANDARD};
use kiosk_wire::receipt::{LINE_CHARS_MAX, LINES_MAX, Line, Receipt};
use qrcode::{EcLevel, QrCode, types::Color};

use super::{
    bitmap::Bitmap,
    face::{EM_DOTS, Face},
    words::{GETA, clean, printer_knows},
    wrap::{pair, wrap},
};

/// The most empty lines one element asks for.
pub const FEED_MAX: u8 = 10;
/// The highest picture, in dots; what is higher, or wider than the paper, is not printed.
pub const PICTURE_HEIGHT_MAX: usize = 384;
/// White modules around a code (ISO/IEC 18004, 6.3.8).
const QUIET_ZONE: usize = 4;
/// The largest module of a code, in dots.
const MODULE_MAX: usize = 6;
/// The smallest module a phone still reads from thermal paper, in dots.
const MODULE_MIN: usize = 4;
/// What a row of text takes: a sixth of an inch.
pub const ROW_DOTS: usize = 34;

/// A width of paper at 203 dots per inch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// 58 mm: 384 dots, 32 columns.
    Mm58,
    /// 80 mm: 576 dots, 48 columns.
    Mm80,
}

impl Paper {
    /// The paper of a setting in millimetres; anything below 80 is the narrow one, on which
    /// nothing is cut off.
    pub fn of_mm(mm: u16) -> Paper {
        if mm >= 80 { Paper::Mm80 } else { Paper::Mm58 }
    }

    /// Its width in millimetres.
    pub fn width_mm(self) -> u16 {
        match self {
            Paper::Mm58 => 58,
            Paper::Mm80 => 80,
        }
    }

    /// Dots across.
    pub fn dots(self) -> usize {
        self.columns() * EM_DOTS / 2
    }

    /// Columns of one-byte characters.
    pub fn columns(self) -> usize {
        match self {
            Paper::Mm58 => 32,
            Paper::Mm80 => 48,
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Text that fits.
    Text {
        /// Padded with spaces as it stands on the paper, unless it is centred.
        text: String,
        /// 1, or 2 for twice as wide and high.
        scale: usize,
        /// In the middle.
        centred: bool,
    },
    /// A QR code with error correction M, in the middle.
    Code {
        /// What it says.
        content: String,
        /// Dots of a module's side.
        module: usize,
        /// The code, one dot to a module, with its quiet zone.
        picture: Bitmap,
    },
    /// A picture, in the middle.
    Picture(Bitmap),
    /// Empty rows.
    Feed(u8),
    /// A cut.
    Cut,
}

impl Row {
    /// Its height in dots.
    pub fn dots(&self) -> usize {
        match self {
            Row::Text { scale, .. } => ROW_DOTS.max(scale * EM_DOTS),
            Row::Code { module, picture, .. } => {
                module * (picture.height() - 2 * QUIET_ZONE) + 2 * ROW_DOTS
            }
            Row::Picture(picture) => picture.height(),
            Row::Feed(rows) => usize::from(*rows) * ROW_DOTS,
            Row::Cut => CUT_DOTS,
        }
    }
}

/// What a cut pushes out before the blade: from the head to the knife, about 15 mm.
const CUT_DOTS: usize = 120;

/// A laid-out receipt; it ends with a cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The paper.
    pub paper: Paper,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

impl Sheet {
    /// Lays a receipt out. Of a longer one than [`LINES_MAX`] the rest is missing, of a longer text
    /// than [`LINE_CHARS_MAX`] its end; a picture that is misshapen or too large is left out, and a
    /// code that would be too fine to be read is printed as text. A character neither the printer
    /// nor the font knows becomes `〓`.
    pub fn lay_out(receipt: &Receipt, paper: Paper, face: Option<&Face>) -> Sheet {
        let mut rows = Vec::new();
        for line in receipt.lines.iter().take(LINES_MAX) {
            rows.extend(laid_out(line, paper, face));
        }
        if rows.last() != Some(&Row::Cut) {
            rows.push(Row::Cut);
        }
        Sheet { paper, rows }
    }

    /// Puts a logo in the middle above everything, with an empty row beneath it.
    pub fn put_above(&mut self, logo: Bitmap) {
        self.rows.splice(0..0, [Row::Picture(logo), Row::Feed(1)]);
    }

    /// The paper it takes, in whole millimetres, rounded up.
    pub fn mm(&self) -> u32 {
        let dots: usize = self.rows.iter().map(Row::dots).sum();
        u32::try_from((dots * 254).div_ceil(2_030)).unwrap_or(u32::MAX)
    }
}

fn laid_out(line: &Line, paper: Paper, face: Option<&Face>) -> Vec<Row> {
    let columns = paper.columns();
    let known = |text: &str| known(text, face);
    let text = |lines: Vec<String>, scale, centred| {
        lines.into_iter().map(|text| Row::Text { text, scale, centred }).collect()
    };
    match line {
        Line::Title { text: title } => text(wrap(&known(title), columns / 2), 2, true),
        Line::Pair { name, value, strong } => {
            let scale = if *strong { 2 } else { 1 };
            text(pair(&known(name), &known(value), columns / scale), scale, false)
        }
        Line::Rule => text(vec!["-".repeat(columns)], 1, false),
        Line::Text { text: plain, centred } => text(wrap(&known(plain), columns), 1, *centred),
        Line::Qr { content } => {
            let plain = clean(content, LINE_CHARS_MAX);
            match code(&plain, paper) {
                Some(row) => vec![row],
                None => text(wrap(&known(&plain), columns), 1, false),
            }
        }
        Line::Picture { width, height, bits } => {
            let (width, height) = (usize::from(*width), usize::from(*height));
            let fits = width <= paper.dots() && height <= PICTURE_HEIGHT_MAX;
            let bits = fits.then(|| STANDARD.decode(bits).ok()).flatten();
            let picture = bits.and_then(|bits| Bitmap::from_bits(width, height, bits));
            picture.map(Row::Picture).into_iter().collect()
        }
        Line::Feed { lines } => vec![Row::Feed((*lines).min(FEED_MAX))],
        Line::Cut => vec![Row::Cut],
    }
}

/// A clean text of which the printer or the font knows every character.
fn known(text: &str, face: Option<&Face>) -> String {
    let drawn = |c: char| printer_knows(c) || face.is_some_and(|face| face.has(c));
    clean(text, LINE_CHARS_MAX).chars().map(|c| if drawn(c) { c } else { GETA }).collect()
}

/// A code as large as the paper and a hand's distance allow; `None` where it would be too fine.
fn code(content: &str, paper: Paper) -> Option<Row> {
    let code = QrCode::with_error_correction_level(content, EcLevel::M).ok()?;
    let side = code.width() + 2 * QUIET_ZONE;
    let module = (paper.dots() / side).min(MODULE_MAX);
    if module < MODULE_MIN || content.is_empty() {
        return None;
    }
    let mut picture = Bitmap::new(side, side);
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            picture.blacken(at % code.width() + QUIET_ZONE, at / code.width() + QUIET_ZONE);
        }
    }
    Some(Row::Code { content: content.to_owned(), module, picture })
}

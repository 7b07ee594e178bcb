//! Rows as ESC/POS, each command as the makers' tables give it.

use kiosk_wire::receipt::Receipt;
use serde::Deserialize;

use super::{
    bitmap::Bitmap,
    face::{EM_DOTS, Face},
    layout::{Paper, ROW_DOTS, Row, Sheet},
    words::{gb18030, printer_knows, width},
};

/// Rows of dots in one `GS v 0`: cheap heads keep no more in memory.
pub const BAND_ROWS_MAX: usize = 128;

/// Initialise, so that nothing of a former print is left over.
const ESC_INIT: &[u8] = b"\x1b@";
/// Line spacing of a sixth of an inch.
const ESC_SPACING: &[u8] = b"\x1b2";
/// Chinese mode on: some models start with it, some do not.
const FS_CHINESE: &[u8] = b"\x1c&";
/// Feed to the knife and cut, one point left.
const GS_CUT: &[u8] = b"\x1dVB\x00";

/// How text becomes dots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The printer's own Chinese font; only what it lacks is sent as a picture.
    #[default]
    Native,
    /// Everything as a picture: about a hundred times the bytes, for printers without Chinese.
    Raster,
}

/// What is sent, and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The bytes, up to the cut.
    pub bytes: Vec<u8>,
    /// The paper it takes, in millimetres.
    pub mm: u32,
}

/// A receipt for a printer. Without a font there are no pictures of text: the form is native then,
/// and rare characters are `〓`.
pub fn encode(receipt: &Receipt, paper: Paper, form: Form, face: Option<&Face>) -> Job {
    encode_sheet(&Sheet::lay_out(receipt, paper, face), form, face)
}

/// The same for one that was laid out with the same font.
pub fn encode_sheet(sheet: &Sheet, form: Form, face: Option<&Face>) -> Job {
    let paper = sheet.paper;
    let mut out = Out { bytes: Vec::new(), scale: 1, centred: false, paper };
    out.put(ESC_INIT).put(ESC_SPACING);
    if form == Form::Native || face.is_none() {
        out.put(FS_CHINESE);
    }
    for row in &sheet.rows {
        match (row, face) {
            (Row::Text { text, scale, centred }, Some(face))
                if form == Form::Raster || !text.chars().all(printer_knows) =>
            {
                out.picture(&drawn(text, *scale, *centred, paper, face));
            }
            (Row::Code { module, picture, .. }, Some(_)) if form == Form::Raster => {
                out.picture(&larger(picture, *module));
            }
            _ => out.row(row),
        }
    }
    Job { bytes: out.bytes, mm: sheet.mm() }
}

struct Out {
    bytes: Vec<u8>,
    scale: usize,
    centred: bool,
    paper: Paper,
}

impl Out {
    fn put(&mut self, bytes: &[u8]) -> &mut Out {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn row(&mut self, row: &Row) {
        match row {
            Row::Text { text, scale, centred } => {
                self.style(*scale, *centred).put(&gb18030(text)).put(b"\n");
            }
            Row::Code { content, module, .. } => self.code(content, *module),
            Row::Picture(picture) => self.picture(picture),
            Row::Feed(rows) => {
                self.put(&[0x1b, b'd', *rows]);
            }
            Row::Cut => {
                self.style(1, false).put(GS_CUT);
            }
        }
    }

    /// Size for both alphabets, since many heads obey `GS !` only in one of them, and alignment.
    fn style(&mut self, scale: usize, centred: bool) -> &mut Out {
        if self.scale != scale {
            let (latin, chinese) = if scale == 2 { (0x11, 0x0c) } else { (0, 0) };
            self.put(&[0x1d, b'!', latin, 0x1c, b'!', chinese]);
            self.scale = scale;
        }
        if self.centred != centred {
            self.put(&[0x1b, b'a', u8::from(centred)]);
            self.centred = centred;
        }
        self
    }

    /// The printer's own QR code: model 2, module size, correction M, store, print (`GS ( k`,
    /// functions 165, 167, 169, 180, 181).
    fn code(&mut self, content: &str, module: usize) {
        let length = u16::try_from(content.len() + 3).unwrap_or(u16::MAX).to_le_bytes();
        let module = u8::try_from(module).unwrap_or(1);
        self.style(1, true);
        self.put(b"\x1d(k\x04\x001A2\x00");
        self.put(b"\x1d(k\x03\x001C").put(&[module]);
        self.put(b"\x1d(k\x03\x001E1");
        self.put(b"\x1d(k").put(&length).put(b"1P0").put(content.as_bytes());
        // Its quiet zone: the command itself prints none.
        self.put(b"\n\x1d(k\x03\x001Q0\n");
    }

    /// A picture in the middle of the paper, in bands (`GS v 0`).
    fn picture(&mut self, picture: &Bitmap) {
        self.style(1, false);
        let wide = picture.centred(self.paper.dots());
        let stride = u16::try_from(wide.stride()).unwrap_or(u16::MAX).to_le_bytes();
        for first in (0..wide.height()).step_by(BAND_ROWS_MAX) {
            let band = wide.rows(first, BAND_ROWS_MAX);
            let rows = (band.len() / wide.stride()) as u16;
            self.put(b"\x1dv0\x00").put(&stride).put(&rows.to_le_bytes()).put(band);
        }
    }
}

/// A row of text as dots, as wide as the paper.
fn drawn(text: &str, scale: usize, centred: bool, paper: Paper, face: &Face) -> Bitmap {
    let mut row = Bitmap::new(paper.dots(), ROW_DOTS.max(scale * EM_DOTS));
    let cell = |c: char| width(c) * EM_DOTS / 2 * scale;
    let wide: usize = text.chars().map(cell).sum();
    let mut left = if centred { paper.dots().saturating_sub(wide) / 2 } else { 0 };
    for character in text.chars() {
        face.draw(&mut row, character, (left, 0), cell(character), scale);
        left += cell(character);
    }
    row
}

/// A picture with each dot as a square of `side` dots.
fn larger(picture: &Bitmap, side: usize) -> Bitmap {
    let mut large = Bitmap::new(picture.width() * side, picture.height() * side);
    for y in 0..large.height() {
        for x in 0..large.width() {
            if picture.is_black(x / side, y / side) {
                large.blacken(x, y);
            }
        }
    }
    large
}

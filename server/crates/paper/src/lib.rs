//! Paper: A4 pages of text, lines and QR codes, as PDF.
//!
//! Places are millimetres from the upper left corner, sizes of type are points. The font comes from
//! the machine ([`Face::find`]), because a font with every Chinese character weighs more than the
//! whole program; only the characters that are used go into a file.

use krilla::{
    Document,
    color::rgb,
    geom::{PathBuilder, Point, Rect},
    metadata::Metadata,
    num::NormalizedF32,
    page::PageSettings,
    paint::{Fill, FillRule, Stroke},
    surface::Surface,
    text::TextDirection,
};
use qrcode::{EcLevel, QrCode, types::Color};

pub mod face;
pub use face::Face;

/// Width and height of a page in millimetres.
pub const A4: (f32, f32) = (210.0, 297.0);
/// The most pages of one file.
pub const PAGES_MAX: usize = 2_000;
/// The longest line of text, in characters; what is longer was not meant for paper.
pub const TEXT_MAX: usize = 400;
/// The quiet zone around a code, in modules (ISO/IEC 18004, 6.3.8).
pub const QUIET_ZONE: usize = 4;

/// Points in a millimetre.
const POINTS: f32 = 72.0 / 25.4;

/// Why there is no PDF.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// No font with Chinese characters was found on this machine.
    #[error("no font with Chinese characters was found; name one, or install fonts-droid-fallback")]
    NoFont,
    /// The font file cannot be read, or is no font.
    #[error("the font {0} cannot be used")]
    BadFont(String),
    /// There is more than one file holds.
    #[error("there are more than {PAGES_MAX} pages")]
    TooMany,
    /// A text does not fit a QR code.
    #[error("the text is too long for a QR code")]
    CodeTooLong,
    /// The PDF could not be put together; the text is for the log.
    #[error("the PDF could not be made: {0}")]
    Failed(String),
}

/// Where a line of text stands to its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// It begins there.
    #[default]
    Left,
    /// Its middle is there.
    Centre,
    /// It ends there: figures.
    Right,
}

/// One mark on a page.
#[derive(Clone, Debug, PartialEq)]
enum Mark {
    Text { at: (f32, f32), points: f32, text: String, align: Align, grey: u8 },
    Line { from: (f32, f32), to: (f32, f32), points: f32, grey: u8 },
    Code { at: (f32, f32), side: f32, text: String },
}

/// A page, filled mark by mark.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    marks: Vec<Mark>,
}

impl Page {
    /// An empty page.
    pub fn new() -> Page {
        Page::default()
    }

    /// A line of text on its base line.
    pub fn text(&mut self, at: (f32, f32), points: f32, text: &str, align: Align) -> &mut Page {
        self.grey_text(at, points, text, align, 0)
    }

    /// The same in a grey: 0 is black, 255 is white.
    pub fn grey_text(
        &mut self,
        at: (f32, f32),
        points: f32,
        text: &str,
        align: Align,
        grey: u8,
    ) -> &mut Page {
        let printable = text.chars().filter(|c| !c.is_control()).take(TEXT_MAX);
        let text = printable.collect();
        self.marks.push(Mark::Text { at, points, text, align, grey });
        self
    }

    /// A straight line of this thickness.
    pub fn line(&mut self, from: (f32, f32), to: (f32, f32), points: f32, grey: u8) -> &mut Page {
        self.marks.push(Mark::Line { from, to, points, grey });
        self
    }

    /// A QR code whose upper left corner, quiet zone included, is at this place.
    pub fn code(&mut self, at: (f32, f32), side: f32, text: &str) -> &mut Page {
        self.marks.push(Mark::Code { at, side, text: text.to_owned() });
        self
    }
}

/// The pages as one PDF under a title.
pub fn pdf(title: &str, face: &Face, pages: &[Page]) -> Result<Vec<u8>, PaperError> {
    if pages.len() > PAGES_MAX {
        return Err(PaperError::TooMany);
    }
    let failed = |what: &str| PaperError::Failed(what.to_owned());
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(title.to_owned()).creator("Yufu".to_owned()));
    for page in pages {
        let size = PageSettings::from_wh(A4.0 * POINTS, A4.1 * POINTS);
        let mut sheet = document.start_page_with(size.ok_or_else(|| failed("page size"))?);
        let mut surface = sheet.surface();
        for mark in &page.marks {
            draw(&mut surface, face, mark)?;
        }
        surface.finish();
        sheet.finish();
    }
    document.finish().map_err(|error| PaperError::Failed(format!("{error:?}")))
}

fn ink(grey: u8) -> Fill {
    Fill {
        paint: rgb::Color::new(grey, grey, grey).into(),
        opacity: NormalizedF32::ONE,
        rule: FillRule::default(),
    }
}

fn draw(surface: &mut Surface<'_>, face: &Face, mark: &Mark) -> Result<(), PaperError> {
    match mark {
        Mark::Text { at, points, text, align, grey } => {
            let width = face.width(text, *points);
            let shift = match align {
                Align::Left => 0.0,
                Align::Centre => width / 2.0,
                Align::Right => width,
            };
            surface.set_fill(Some(ink(*grey)));
            surface.set_stroke(None);
            let place = Point::from_xy(at.0 * POINTS - shift, at.1 * POINTS);
            surface.draw_text(place, face.font(), *points, text, false, TextDirection::LeftToRight);
        }
        Mark::Line { from, to, points, grey } => {
            let mut path = PathBuilder::new();
            path.move_to(from.0 * POINTS, from.1 * POINTS);
            path.line_to(to.0 * POINTS, to.1 * POINTS);
            surface.set_fill(None);
            let paint = rgb::Color::new(*grey, *grey, *grey).into();
            surface.set_stroke(Some(Stroke { paint, width: *points, ..Stroke::default() }));
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
        Mark::Code { at, side, text } => {
            let dark = modules(text)?;
            surface.set_stroke(None);
            surface.set_fill(Some(ink(0)));
            let unit = side * POINTS / dark.width as f32;
            let mut path = PathBuilder::new();
            for (row, column, length) in dark.runs {
                let left = at.0 * POINTS + column as f32 * unit;
                let top = at.1 * POINTS + row as f32 * unit;
                if let Some(rect) = Rect::from_xywh(left, top, length as f32 * unit, unit) {
                    path.push_rect(rect);
                }
            }
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
    }
    Ok(())
}

/// The dark modules of a code, quiet zone included, as runs of a row: no hair lines between them.
struct Modules {
    width: usize,
    /// Row, first column, length.
    runs: Vec<(usize, usize, usize)>,
}

fn modules(text: &str) -> Result<Modules, PaperError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M);
    let code = code.map_err(|_| PaperError::CodeTooLong)?;
    let inner = code.width();
    let mut runs = Vec::new();
    for row in 0..inner {
        let mut column = 0;
        while column < inner {
            let length = (column..inner).take_while(|at| code[(*at, row)] == Color::Dark).count();
            if length > 0 {
                runs.push((row + QUIET_ZONE, column + QUIET_ZONE, length));
            }
            column += length.max(1);
        }
    }
    Ok(Modules { width: inner + 2 * QUIET_ZONE, runs })
}

#[cfg(test)]
mod tests;

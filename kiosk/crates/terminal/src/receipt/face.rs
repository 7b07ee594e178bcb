//! Characters as dots, from a font of the machine.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use skrifa::{
    FontRef, GlyphId, MetadataProvider,
    instance::LocationRef,
    outline::{DrawSettings, OutlinePen},
    prelude::Size,
};

use super::{bitmap::Bitmap, words::GETA};

/// Where fonts with Chinese characters lie, and which one of a collection; the best first.
const KNOWN: &[(&str, u32)] = &[
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("C:\\Windows\\Fonts\\msyh.ttc", 0),
    ("C:\\Windows\\Fonts\\simsunb.ttf", 0),
];

/// The height of an unscaled character, in dots.
pub const EM_DOTS: usize = 24;
/// Dots above the baseline in an unscaled row.
const ASCENT_DOTS: usize = 21;

/// Fonts, each read when its first character is drawn.
#[derive(Debug, Default)]
pub struct Face {
    fonts: Vec<Font>,
}

struct Font {
    path: PathBuf,
    index: u32,
    bytes: OnceLock<Vec<u8>>,
}

impl fmt::Debug for Font {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Font").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Font {
    /// The font, or none where the file cannot be read or is no font.
    fn open(&self) -> Option<FontRef<'_>> {
        let bytes = self.bytes.get_or_init(|| std::fs::read(&self.path).unwrap_or_default());
        FontRef::from_index(bytes, self.index).ok()
    }
}

impl Face {
    /// The fonts of this machine that are known to hold Chinese; `None` where there is none.
    pub fn find() -> Option<Face> {
        let there = KNOWN.iter().filter(|(path, _)| Path::new(path).is_file());
        let fonts: Vec<Font> = there.map(|(path, index)| font(Path::new(path), *index)).collect();
        (!fonts.is_empty()).then_some(Face { fonts })
    }

    /// One font of a file; `index` is its number in a collection.
    pub fn open(path: &Path, index: u32) -> Face {
        Face { fonts: vec![font(path, index)] }
    }

    /// Whether some font has a shape for a character.
    pub fn has(&self, character: char) -> bool {
        self.glyph(character).is_some()
    }

    fn glyph(&self, character: char) -> Option<(FontRef<'_>, GlyphId)> {
        self.fonts.iter().find_map(|font| {
            let font = font.open()?;
            let glyph = font.charmap().map(character)?;
            (glyph.to_u32() != 0).then_some((font, glyph))
        })
    }

    /// Draws a character into a cell of `cell` dots whose upper left corner is (`left`, `top`),
    /// `scale` times as large. What is wider than its cell is drawn narrower, what no font has
    /// as `〓`.
    pub fn draw(
        &self,
        on: &mut Bitmap,
        character: char,
        (left, top): (usize, usize),
        cell: usize,
        scale: usize,
    ) {
        let found = self.glyph(character).or_else(|| self.glyph(GETA));
        let Some((font, glyph)) = found else { return };
        let size = Size::new((EM_DOTS * scale) as f32);
        let location = LocationRef::default();
        let advance = font.glyph_metrics(size, location).advance_width(glyph).unwrap_or_default();
        let Some(outline) = font.outline_glyphs().get(glyph) else { return };
        let narrow = if advance > cell as f32 { cell as f32 / advance } else { 1.0 };
        let height = on.height().saturating_sub(top);
        let mut pen = Pen {
            dots: Rasterizer::new(cell, height),
            size: (cell as f32, height as f32),
            shift: (cell as f32 - advance * narrow) / 2.0,
            narrow,
            baseline: (ASCENT_DOTS * scale) as f32,
            first: point(0.0, 0.0),
            last: point(0.0, 0.0),
        };
        if outline.draw(DrawSettings::unhinted(size, location), &mut pen).is_err() {
            return;
        }
        pen.dots.for_each_pixel_2d(|x, y, coverage| {
            if coverage >= 0.5 {
                on.blacken(left + x as usize, top + y as usize);
            }
        });
    }
}

fn font(path: &Path, index: u32) -> Font {
    Font { path: path.to_owned(), index, bytes: OnceLock::new() }
}

/// Carries an outline into the cell; what would lie outside is pulled to its edge.
struct Pen {
    dots: Rasterizer,
    size: (f32, f32),
    shift: f32,
    narrow: f32,
    baseline: f32,
    first: Point,
    last: Point,
}

impl Pen {
    fn place(&self, x: f32, y: f32) -> Point {
        let x = (x * self.narrow + self.shift).clamp(0.0, self.size.0);
        point(x, (self.baseline - y).clamp(0.0, self.size.1))
    }
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.first = self.place(x, y);
        self.last = self.first;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.dots.draw_line(self.last, to);
        self.last = to;
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let (control, to) = (self.place(cx, cy), self.place(x, y));
        self.dots.draw_quad(self.last, control, to);
        self.last = to;
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        let (a, b, to) = (self.place(ax, ay), self.place(bx, by), self.place(x, y));
        self.dots.draw_cubic(self.last, a, b, to);
        self.last = to;
    }

    fn close(&mut self) {
        self.dots.draw_line(self.last, self.first);
        self.last = self.first;
    }
}

//! The printer's own letters: drawn from a font of the machine, since a real one has them in ROM.

use std::{fmt, fs, io};

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use skrifa::{
    FontRef, GlyphId, MetadataProvider,
    instance::LocationRef,
    outline::{DrawSettings, OutlinePen},
    prelude::Size,
};

use crate::picture::Picture;

/// The height of a letter, in dots.
pub const HEIGHT_DOTS: usize = 24;
/// Dots of it above the baseline.
const ASCENT_DOTS: usize = 21;
/// Fonts and their numbers in a collection: one for Latin in columns, the others for Chinese.
pub const FONTS: [(&str, u32); 5] = [
    ("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf", 0),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
];

/// Fonts, the first one asked first.
pub struct Letters {
    fonts: Vec<(Vec<u8>, u32)>,
}

impl fmt::Debug for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letters").field("fonts", &self.fonts.len()).finish()
    }
}

/// Where a letter goes, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its left edge.
    pub left: usize,
    /// Its upper edge.
    pub top: usize,
    /// Its width before it is made wider, in dots.
    pub width: usize,
    /// How often wider and higher.
    pub scale: (usize, usize),
    /// Twice, one dot beside the first time.
    pub bold: bool,
}

impl Letters {
    /// The fonts of this machine.
    ///
    /// # Errors
    /// Where there are none with Latin and Chinese.
    pub fn find() -> io::Result<Letters> {
        let read = |(path, index): &(&str, u32)| Some((fs::read(path).ok()?, *index));
        let letters = Letters { fonts: FONTS.iter().filter_map(read).collect() };
        if ['0', '电'].iter().any(|letter| letters.glyph(*letter).is_none()) {
            let missing = "fonts are missing: install fonts-dejavu-core and fonts-droid-fallback";
            return Err(io::Error::new(io::ErrorKind::NotFound, missing));
        }
        Ok(letters)
    }

    fn glyph(&self, character: char) -> Option<(FontRef<'_>, GlyphId)> {
        self.fonts.iter().find_map(|(bytes, index)| {
            let font = FontRef::from_index(bytes, *index).ok()?;
            let glyph = font.charmap().map(character).filter(|glyph| glyph.to_u32() != 0)?;
            Some((font, glyph))
        })
    }

    /// Draws a letter; one no font has is a black cell.
    pub fn draw(&self, on: &mut Picture, character: char, cell: Cell) {
        let wide = cell.width * cell.scale.0;
        let high = HEIGHT_DOTS * cell.scale.1;
        let Some((font, glyph)) = self.glyph(character) else {
            let dots = (0..high).flat_map(|y| (0..wide).map(move |x| (x, y)));
            dots.for_each(|(x, y)| on.blacken(cell.left + x, cell.top + y));
            return;
        };
        let size = Size::new(HEIGHT_DOTS as f32);
        let location = LocationRef::default();
        let advance = font.glyph_metrics(size, location).advance_width(glyph).unwrap_or_default();
        let Some(outline) = font.outline_glyphs().get(glyph) else { return };
        let room = cell.width as f32;
        let narrow = if advance > room { room / advance } else { 1.0 };
        let mut pen = Pen {
            dots: Rasterizer::new(wide, high),
            most: (wide as f32, high as f32),
            times: (narrow * cell.scale.0 as f32, cell.scale.1 as f32),
            shift: (room - advance * narrow) / 2.0 * cell.scale.0 as f32,
            first: point(0.0, 0.0),
            last: point(0.0, 0.0),
        };
        if outline.draw(DrawSettings::unhinted(size, location), &mut pen).is_err() {
            return;
        }
        let twice = if cell.bold { 1 } else { 0 };
        pen.dots.for_each_pixel_2d(|x, y, coverage| {
            if coverage >= 0.5 {
                for beside in 0..=twice {
                    on.blacken(cell.left + x as usize + beside, cell.top + y as usize);
                }
            }
        });
    }
}

/// Carries an outline into its cell; what would lie outside is pulled to the edge.
struct Pen {
    dots: Rasterizer,
    most: (f32, f32),
    times: (f32, f32),
    shift: f32,
    first: Point,
    last: Point,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> Point {
        let down = (ASCENT_DOTS as f32 - y) * self.times.1;
        let right = x * self.times.0 + self.shift;
        point(right.clamp(0.0, self.most.0), down.clamp(0.0, self.most.1))
    }
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.first = self.at(x, y);
        self.last = self.first;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.at(x, y);
        self.dots.draw_line(self.last, to);
        self.last = to;
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let (control, to) = (self.at(cx, cy), self.at(x, y));
        self.dots.draw_quad(self.last, control, to);
        self.last = to;
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        let (a, b, to) = (self.at(ax, ay), self.at(bx, by), self.at(x, y));
        self.dots.draw_cubic(self.last, a, b, to);
        self.last = to;
    }

    fn close(&mut self) {
        self.dots.draw_line(self.last, self.first);
        self.last = self.first;
    }
}

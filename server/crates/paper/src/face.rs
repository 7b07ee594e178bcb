//! The font of the paper.

use std::{fmt, path::Path, sync::Arc};

use krilla::{Data, text::Font};
use skrifa::{FontRef, MetadataProvider, instance::LocationRef, prelude::Size};

use super::PaperError;

/// Fonts of Debian that hold Chinese, and which one of a collection; the best first.
const KNOWN: &[(&str, u32)] = &[
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
];

/// A font, loaded once and used for many files.
#[derive(Clone)]
pub struct Face {
    font: Font,
    bytes: Arc<Vec<u8>>,
    index: u32,
}

impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Face").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Face {
    /// The first known font of this machine.
    pub fn find() -> Result<Face, PaperError> {
        let found = KNOWN.iter().find(|(path, _)| Path::new(path).is_file());
        let (path, index) = found.ok_or(PaperError::NoFont)?;
        Face::open(Path::new(path), *index)
    }

    /// A font of a file; `index` is its number in a collection.
    pub fn open(path: &Path, index: u32) -> Result<Face, PaperError> {
        let bad = || PaperError::BadFont(path.display().to_string());
        let bytes = Arc::new(std::fs::read(path).map_err(|_| bad())?);
        let font =
            Font::new(Data::from(Arc::clone(&bytes) as Arc<dyn AsRef<[u8]> + Send + Sync>), index);
        let font = font.ok_or_else(bad)?;
        Ok(Face { font, bytes, index })
    }

    #[cfg(test)]
    pub(crate) fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn font(&self) -> Font {
        self.font.clone()
    }

    /// How wide a text is at this size, in points.
    pub fn width(&self, text: &str, points: f32) -> f32 {
        let Ok(font) = FontRef::from_index(&self.bytes, self.index) else { return 0.0 };
        let characters = font.charmap();
        let metrics = font.glyph_metrics(Size::new(points), LocationRef::default());
        let advance = |character| {
            let glyph = characters.map(character).unwrap_or_default();
            metrics.advance_width(glyph).unwrap_or_default()
        };
        text.chars().map(advance).sum()
    }

    /// As much of a text as fits a width, with an ellipsis where something is missing.
    pub fn cut(&self, text: &str, points: f32, width: f32) -> String {
        if self.width(text, points) <= width {
            return text.to_owned();
        }
        let mut kept = String::new();
        for character in text.chars() {
            let mut longer = kept.clone();
            longer.push(character);
            if self.width(&longer, points) + self.width("…", points) > width {
                break;
            }
            kept = longer;
        }
        kept + "…"
    }
}

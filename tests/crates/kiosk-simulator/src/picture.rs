//! A picture of paper, dot by dot at 203 dots per inch.

use std::io;

/// Dots of a millimetre.
pub const DOTS_PER_MM: usize = 8;
/// Dots of a metre, for whoever prints the picture in its true size.
const DOTS_PER_METRE: u32 = 7_992;
/// The longest picture, in rows of dots: four metres.
pub const ROWS_MAX: usize = 4_000 * DOTS_PER_MM;
const WHITE: u8 = 0xff;
const BLACK: u8 = 0;

/// Grey dots, a byte each; it grows downwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    dots: Vec<u8>,
}

impl Picture {
    /// White paper so many dots wide and high.
    pub fn new(width: usize, height: usize) -> Picture {
        Picture { width, dots: vec![WHITE; width * height] }
    }

    /// Dots across.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.dots.len() / self.width.max(1)
    }

    /// Makes it at least so high, [`ROWS_MAX`] at most.
    pub fn reach(&mut self, height: usize) {
        let whole = height.min(ROWS_MAX) * self.width;
        if whole > self.dots.len() {
            self.dots.resize(whole, WHITE);
        }
    }

    /// Whether a dot is black; outside nothing is.
    pub fn is_black(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dots.get(y * self.width + x) == Some(&BLACK)
    }

    /// Makes a dot black; outside nothing happens.
    pub fn blacken(&mut self, x: usize, y: usize) {
        if let Some(dot) = self.dots.get_mut(y * self.width + x).filter(|_| x < self.width) {
            *dot = BLACK;
        }
    }

    /// The picture as a file.
    ///
    /// # Errors
    /// A picture without a dot is no PNG.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        let size = |dots: usize| u32::try_from(dots).map_err(io::Error::other);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, size(self.width)?, size(self.height())?);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_pixel_dims(Some(png::PixelDimensions {
            xppu: DOTS_PER_METRE,
            yppu: DOTS_PER_METRE,
            unit: png::Unit::Meter,
        }));
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&self.dots).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)?;
        Ok(file)
    }
}

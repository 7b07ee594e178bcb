//! The company's logo as a printer prints it: decoded within bounds, made to fit, dithered to one
//! bit. A logo that is not there or not well costs the logo and never the receipt.

use std::{
    fmt,
    fs::File,
    io::{self, Cursor, Read},
    panic::catch_unwind,
    sync::{Mutex, PoisonError},
};

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use super::{bitmap::Bitmap, layout::Paper};
use crate::advert::Store;

/// The largest file a logo is read from, in bytes.
pub const LOGO_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// The longest side of a logo's file, in pixels.
pub const LOGO_SIDE_MAX: u32 = 4_096;
/// The most pixels of a logo's file: what is larger would keep a receipt waiting.
pub const LOGO_PIXELS_MAX: u64 = 4_000_000;
/// The most memory one is decoded in, in bytes.
const LOGO_MEMORY_MAX: u64 = 64 * 1024 * 1024;
/// The highest logo on paper, in dots: 25 mm.
pub const LOGO_HEIGHT_MAX: usize = 200;

/// Logos by their digests.
pub trait Logos: fmt::Debug + Send + Sync {
    /// A logo for that paper; `None` where it is not here or cannot be printed. Answers at once.
    fn bitmap(&self, sha256: &str, paper: Paper) -> Option<Bitmap>;
}

/// The logos among the files of the home screen. The last one is kept as it was printed.
#[derive(Debug)]
pub struct StoredLogos {
    store: Store,
    last: Mutex<Option<Ready>>,
}

/// A logo that was read, well or not.
#[derive(Clone, Debug)]
struct Ready {
    sha256: String,
    paper: Paper,
    bitmap: Option<Bitmap>,
}

impl StoredLogos {
    /// Those of this store.
    pub fn new(store: Store) -> StoredLogos {
        StoredLogos { store, last: Mutex::new(None) }
    }

    fn read(&self, sha256: &str) -> io::Result<Vec<u8>> {
        let path = self.store.path(sha256).ok_or(io::ErrorKind::InvalidInput)?;
        let mut bytes = Vec::new();
        File::open(path)?.take(LOGO_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Logos for StoredLogos {
    fn bitmap(&self, sha256: &str, paper: Paper) -> Option<Bitmap> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |ready: &&Ready| ready.sha256 == sha256 && ready.paper == paper;
        if let Some(ready) = last.as_ref().filter(known) {
            return ready.bitmap.clone();
        }
        let bytes = match self.read(sha256) {
            Ok(bytes) => bytes,
            // It may come yet: that it is missing is not remembered.
            Err(error) => {
                tracing::info!(%error, sha256, "receipt.no_logo");
                return None;
            }
        };
        let bitmap = printable(&bytes, paper);
        if bitmap.is_none() {
            tracing::warn!(sha256, "receipt.logo_broken");
        }
        *last = Some(Ready { sha256: sha256.to_owned(), paper, bitmap: bitmap.clone() });
        bitmap
    }
}

/// A PNG or JPEG as dots, two thirds of the paper wide and [`LOGO_HEIGHT_MAX`] high at most and
/// never larger than it is; `None` for anything else, and for what is beyond the bounds.
///
/// Invariant: no file makes this take more memory than its bounds, or ends the thread that
/// prints; proved by `a_logo_that_is_broken_or_a_bomb_costs_the_logo_only`.
pub fn printable(bytes: &[u8], paper: Paper) -> Option<Bitmap> {
    if bytes.len() as u64 > LOGO_BYTES_MAX {
        return None;
    }
    // A decoder that panics is a broken logo.
    let grey = catch_unwind(|| decoded(bytes)).ok().flatten()?;
    let grey = grey.fitted(paper.dots() * 2 / 3, LOGO_HEIGHT_MAX);
    Some(dithered(&grey))
}

fn decoded(bytes: &[u8]) -> Option<Grey> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LOGO_SIDE_MAX);
    limits.max_image_height = Some(LOGO_SIDE_MAX);
    limits.max_alloc = Some(LOGO_MEMORY_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if !(1..=LOGO_PIXELS_MAX).contains(&pixels) {
        return None;
    }
    let turned = decoder.orientation().ok();
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    turned.into_iter().for_each(|turned| picture.apply_orientation(turned));
    let picture = picture.into_luma_alpha8();
    // Paper is white where the logo is transparent.
    let on_white = |[grey, alpha]: [u8; 2]| {
        let (grey, alpha) = (u32::from(grey), u32::from(alpha));
        ((grey * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Some(Grey { width, height, dots: picture.pixels().map(|pixel| on_white(pixel.0)).collect() })
}

/// Grey dots, 0 = black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grey {
    /// Dots in a row, at least one.
    pub width: usize,
    /// Rows, at least one.
    pub height: usize,
    /// Row by row.
    pub dots: Vec<u8>,
}

impl Grey {
    /// The same picture within these sides, in its proportions; each new dot is the average of the
    /// area it covers. What fits stays as it is.
    pub fn fitted(self, width_max: usize, height_max: usize) -> Grey {
        if self.width <= width_max && self.height <= height_max {
            return self;
        }
        let (width, height) = if self.width * height_max > self.height * width_max {
            (width_max, self.height * width_max / self.width)
        } else {
            (self.width * height_max / self.height, height_max)
        };
        let (width, height) = (width.max(1), height.max(1));
        let mut dots = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                dots.push(
                    self.average(shares(x, self.width, width), shares(y, self.height, height)),
                );
            }
        }
        Grey { width, height, dots }
    }

    fn average(
        &self,
        across: impl Iterator<Item = (usize, usize)> + Clone,
        down: impl Iterator<Item = (usize, usize)>,
    ) -> u8 {
        let mut sum = 0;
        for (y, high) in down {
            for (x, wide) in across.clone() {
                sum += usize::from(self.dots[y * self.width + x]) * wide * high;
            }
        }
        let area = self.width * self.height;
        ((sum + area / 2) / area) as u8
    }
}

/// Which of `of` dots lie under dot `at` of `to` larger ones, and how much of each: in parts of
/// which a dot has `to`, so that they sum to `of`.
fn shares(at: usize, of: usize, to: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let (first, end) = (at * of, (at + 1) * of);
    let share = move |dot: usize| ((dot + 1) * to).min(end) - (dot * to).max(first);
    (first / to..end.div_ceil(to)).map(move |dot| (dot, share(dot)))
}

/// Black and white in the place of grey: what a dot is too dark or too light by goes to its
/// neighbours that are still to come, by the sixteenth (Floyd and Steinberg, 1976).
pub fn dithered(grey: &Grey) -> Bitmap {
    let mut bitmap = Bitmap::new(grey.width, grey.height);
    // What the row above has left for each dot, in sixteenths; the one before the first and the
    // one behind the last are the edges'.
    let mut above = vec![0_i32; grey.width + 2];
    for (y, row) in grey.dots.chunks_exact(grey.width).enumerate() {
        let mut below = vec![0_i32; grey.width + 2];
        let mut carried = 0;
        for (x, dot) in row.iter().enumerate() {
            let wanted = (i32::from(*dot) + (carried + above[x + 1]) / 16).clamp(0, 255);
            let white = wanted > 128;
            if !white {
                bitmap.blacken(x, y);
            }
            let error = wanted - if white { 255 } else { 0 };
            carried = error * 7;
            below[x] += error * 3;
            below[x + 1] += error * 5;
            below[x + 2] += error;
        }
        above = below;
    }
    bitmap
}

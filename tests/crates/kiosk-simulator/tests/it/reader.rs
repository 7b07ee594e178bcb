//! Reads letters off a picture of paper: `fontdue`, which shares nothing with the drawing, draws
//! each letter it could be, and the one that differs least is it.

use fontdue::{Font, FontSettings};
use kiosk_simulator::{letters::FONTS, picture::Picture};

/// Letters that are told apart, look-alikes among them.
const KNOWN: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-:./￥￡ \
    电费充值凭条证已到账张订单号表户金额状态水气未末土士日曰目白自千干于王玉主大太犬天夫人入八田由甲申己巳\
    元充冲重置直真具具县打印机测试中文终端纸宽租户房东付款支交易时间客服话补第次请插卡写处理待";

/// How much larger a letter is drawn before it is made to fit its cell.
const FINER: usize = 4;

/// The reader.
pub struct Reader {
    fonts: Vec<Font>,
    /// A letter, the width of its cell and its dots: once and twice as large.
    letters: [Vec<(char, usize, Vec<bool>)>; 2],
}

impl Reader {
    /// One that knows the letters of receipts.
    pub fn new() -> Reader {
        let font = |(path, collection_index): &(&str, u32)| {
            let settings =
                FontSettings { collection_index: *collection_index, ..FontSettings::default() };
            Some(Font::from_bytes(std::fs::read(path).ok()?, settings).unwrap())
        };
        // The first two that are there: Latin and Chinese.
        let fonts = FONTS.iter().filter_map(font).take(2).collect();
        let mut letters: Vec<char> = KNOWN.chars().collect();
        letters.sort_unstable();
        letters.dedup();
        let mut reader = Reader { fonts, letters: [Vec::new(), Vec::new()] };
        for scale in [1, 2] {
            let wide = |letter: char| if letter.is_ascii() { 12 } else { 24 } * scale;
            let cell = |l: &char| (*l, wide(*l), reader.drawn(*l, wide(*l), scale));
            reader.letters[scale - 1] = letters.iter().map(cell).collect();
        }
        reader
    }

    /// The letters of a line that begins at (`left`, `top`), `scale` times as large, to `right`.
    pub fn line(
        &self,
        of: &Picture,
        (left, top): (usize, usize),
        right: usize,
        scale: usize,
    ) -> String {
        let mut text = String::new();
        let mut x = left;
        while x + 12 * scale <= right {
            let (letter, wide) = self.letter(of, (x, top), scale);
            text.push(letter);
            x += wide;
        }
        text.trim_end().to_owned()
    }

    fn letter(&self, of: &Picture, at: (usize, usize), scale: usize) -> (char, usize) {
        let off = |(letter, wide, drawn): &(char, usize, Vec<bool>)| {
            let differs = |dot: &usize| {
                let (x, y) = (dot % wide, dot / wide);
                drawn[*dot] != of.is_black(at.0 + x, at.1 + y)
            };
            // By the thousand of its cell, so that a narrow letter has no advantage.
            let count = (0..drawn.len()).filter(differs).count();
            (count * 1_000 / drawn.len(), *letter, *wide)
        };
        let (_, letter, wide) = self.letters[scale - 1].iter().map(off).min().unwrap();
        (letter, wide)
    }

    /// A letter as the dots of its cell, made narrower where it is wider than that.
    fn drawn(&self, letter: char, wide: usize, scale: usize) -> Vec<bool> {
        let has = |font: &&Font| font.lookup_glyph_index(letter) != 0;
        let font = self.fonts.iter().find(has).unwrap_or_else(|| panic!("no font has {letter}"));
        let (metrics, coverage) = font.rasterize(letter, (24 * scale * FINER) as f32);
        let room = (wide * FINER) as f32;
        let narrow = (room / metrics.advance_width).min(1.0);
        let shift = (room - metrics.advance_width * narrow) / 2.0;
        let top = (21 * scale * FINER) as i32 - metrics.height as i32 - metrics.ymin;
        let much = |x: usize, y: usize| -> u32 {
            let source_x = ((x as f32 - shift) / narrow) as i32 - metrics.xmin;
            let source_y = y as i32 - top;
            let inside = (0..metrics.width as i32).contains(&source_x)
                && (0..metrics.height as i32).contains(&source_y);
            let at = || source_y as usize * metrics.width + source_x as usize;
            if inside { u32::from(coverage[at()]) } else { 0 }
        };
        let dot = |at: usize| {
            let (x, y) = (at % wide * FINER, at / wide * FINER);
            let inner = (0..FINER * FINER).map(|in_| much(x + in_ % FINER, y + in_ / FINER));
            inner.sum::<u32>() >= 128 * (FINER * FINER) as u32
        };
        (0..wide * 24 * scale).map(dot).collect()
    }
}

//! Pictures of one bit: a logo, a line of rare characters, a whole receipt.

/// Rows of dots, eight to a byte, the highest bit at the left, 1 = black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    width: usize,
    height: usize,
    bits: Vec<u8>,
}

impl Bitmap {
    /// A white one.
    pub fn new(width: usize, height: usize) -> Bitmap {
        Bitmap { width, height, bits: vec![0; width.div_ceil(8) * height] }
    }

    /// One of these bits; `None` where they are not as many as the size says.
    pub fn from_bits(width: usize, height: usize, bits: Vec<u8>) -> Option<Bitmap> {
        let whole = width > 0 && height > 0 && bits.len() == width.div_ceil(8) * height;
        whole.then_some(Bitmap { width, height, bits })
    }

    /// Dots in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Bytes in a row.
    pub fn stride(&self) -> usize {
        self.width.div_ceil(8)
    }

    /// Rows from `first` on, `rows` of them or as many as there are.
    pub fn rows(&self, first: usize, rows: usize) -> &[u8] {
        let at = |row: usize| row.min(self.height) * self.stride();
        &self.bits[at(first)..at(first + rows)]
    }

    /// Whether a dot is black; outside nothing is.
    pub fn is_black(&self, x: usize, y: usize) -> bool {
        let inside = x < self.width && y < self.height;
        inside && self.bits[y * self.stride() + x / 8] & (0x80 >> (x % 8)) != 0
    }

    /// Makes a dot black; outside nothing happens.
    pub fn blacken(&mut self, x: usize, y: usize) {
        if x < self.width && y < self.height {
            let at = y * self.stride() + x / 8;
            self.bits[at] |= 0x80 >> (x % 8);
        }
    }

    /// Lays another one upon this one, its upper left corner at (`left`, `top`).
    pub fn lay(&mut self, other: &Bitmap, left: usize, top: usize) {
        for y in 0..other.height {
            for x in (0..other.width).filter(|x| other.is_black(*x, y)) {
                self.blacken(left + x, top + y);
            }
        }
    }

    /// The same in the middle of a wider one.
    pub fn centred(&self, width: usize) -> Bitmap {
        let mut wide = Bitmap::new(width.max(self.width), self.height);
        let left = (wide.width - self.width) / 2;
        wide.lay(self, left, 0);
        wide
    }
}

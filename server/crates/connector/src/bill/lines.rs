//! Lines of bytes, whatever pieces the file arrives in.

use std::io::{BufRead, BufReader, Read};

use super::BillError;

/// The longest line, in bytes: a hundred times a real one.
pub const LINE_MAX: usize = 64 << 10;

/// The most rows of one bill: a million sales are two million movements, and some go back.
pub const ROWS_MAX: usize = 4_000_000;

/// How much is read at once, in bytes.
const PIECE: usize = 64 << 10;

/// The lines of a text, one at a time in one buffer.
///
/// Both character sets, UTF-8 and GBK, never use the byte of a line feed or a comma inside a
/// longer character, so lines may be cut before they are decoded.
pub(crate) struct Lines<R> {
    text: BufReader<R>,
    line: Vec<u8>,
    number: usize,
    /// How many bytes the lines so far had, their ends included.
    pub(crate) bytes: u64,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(text: R) -> Self {
        let text = BufReader::with_capacity(PIECE, text);
        Lines { text, line: Vec::new(), number: 0, bytes: 0 }
    }

    /// The next line without its end, and its number counted from one.
    pub(crate) fn next(&mut self) -> Result<Option<(usize, &[u8])>, BillError> {
        self.line.clear();
        // One byte more than allowed tells a line that is too long from one that just fits.
        let mut bounded = (&mut self.text).take(LINE_MAX as u64 + 1);
        bounded.read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(None);
        }
        if self.line.len() > LINE_MAX {
            return Err(BillError::TooLarge);
        }
        self.number += 1;
        self.bytes += self.line.len() as u64;
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some((self.number, line.strip_suffix(b"\r").unwrap_or(line))))
    }

    /// Reads what is left, so that all of it has passed the readers below, and gives them back.
    pub(crate) fn drain(mut self) -> Result<R, BillError> {
        std::io::copy(&mut self.text, &mut std::io::sink())?;
        Ok(self.text.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_bounded() {
        let long = [b'x'; LINE_MAX + 1];
        for (text, want) in [
            (&b"a\r\nb\n\nc"[..], Ok(vec![(1, "a"), (2, "b"), (3, ""), (4, "c")])),
            (b"", Ok(vec![])),
            (b"\n", Ok(vec![(1, "")])),
            (&long, Err(BillError::TooLarge)),
        ] {
            let mut lines = Lines::new(text);
            let mut got = Vec::new();
            let end = loop {
                match lines.next() {
                    Ok(Some((number, line))) => {
                        got.push((number, String::from_utf8(line.to_vec()).unwrap()));
                    }
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            let want = want.map(|lines| {
                lines.into_iter().map(|(at, line)| (at, line.to_owned())).collect::<Vec<_>>()
            });
            assert_eq!(end.map(|()| got), want);
        }
    }
}

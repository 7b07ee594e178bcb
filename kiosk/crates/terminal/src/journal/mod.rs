//! The journal: what the kiosk is about to do, on disk before it does it (KI4). A restart reads it
//! and knows which orders, prints and cards nobody has heard the end of.

use std::io;

use crc32fast::hash;

mod line;
mod medium;
mod open;

pub use line::Line;
pub use medium::{FileMedium, Medium};
pub use open::{Open, OpenPrint, OpenSale, OpenVoucher};

/// The journal is written anew, with nothing but what is open, once it is longer than this.
pub const JOURNAL_BYTES_MAX: usize = 256 * 1024;
/// No line is longer, in bytes; what is longer was not written by us.
pub const LINE_BYTES_MAX: usize = 1024;

/// A journal that was opened.
pub struct Journal {
    medium: Box<dyn Medium>,
    open: Open,
    bytes: usize,
    broken: bool,
    skipped: usize,
}

impl Journal {
    /// Reads what is there. A torn last line is dropped; any other that cannot be read is skipped
    /// and counted. What remains is written anew at once, which also shows that the disk takes it.
    pub fn open(mut medium: Box<dyn Medium>) -> Journal {
        let (mut open, mut skipped) = (Open::default(), 0);
        let read = medium.read();
        let mut broken = read.is_err();
        let bytes = read.unwrap_or_default();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match decode(part) {
                Some(line) => open.apply(&line),
                None if part.ends_with(b"\n") => skipped += 1,
                None => {}
            }
        }
        let mut journal = Journal { medium, open, bytes: 0, broken: false, skipped };
        broken |= journal.rewrite().is_err();
        journal.broken = broken;
        journal
    }

    /// What is open: orders, prints and cards whose end was not written down.
    pub fn open_ones(&self) -> &Open {
        &self.open
    }

    /// Lines that could not be read when it was opened, the torn last one not counted.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Whether the last write succeeded.
    pub fn is_writable(&self) -> bool {
        !self.broken
    }

    /// Writes a line and returns once it would survive a power cut.
    ///
    /// Invariant: nothing is done outwardly whose line was not written; the engine stops at the
    /// first that fails (`when_the_disk_is_full_nothing_that_was_to_be_journalled_is_done`).
    ///
    /// # Errors
    /// The disk is full, read-only or broken. Nothing is written any more until
    /// [`Journal::mend`] has succeeded.
    pub fn append(&mut self, line: &Line) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("the journal is broken"));
        }
        let text = encode(line)?;
        // An order that is open is remembered before it is written: whatever became of the bytes,
        // it is asked about.
        self.open.apply(line);
        let written = if self.bytes + text.len() > JOURNAL_BYTES_MAX {
            self.rewrite()
        } else {
            self.bytes += text.len();
            self.medium.append(&text)
        };
        self.broken = written.is_err();
        written
    }

    /// Tries to write what is open anew, after a failure.
    ///
    /// # Errors
    /// The disk still does not take it.
    pub fn mend(&mut self) -> io::Result<()> {
        self.rewrite()?;
        self.broken = false;
        Ok(())
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        for line in self.open.lines() {
            bytes.extend(encode(&line)?);
        }
        self.medium.replace(&bytes)?;
        self.bytes = bytes.len();
        Ok(())
    }
}

/// `crc32 json\n`; the sum is over the JSON, eight hexadecimal digits.
fn encode(line: &Line) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(line)?;
    if json.len() > LINE_BYTES_MAX {
        return Err(io::Error::other("a line of the journal is too long"));
    }
    let mut text = format!("{:08x} ", hash(&json)).into_bytes();
    text.extend(json);
    text.push(b'\n');
    Ok(text)
}

fn decode(part: &[u8]) -> Option<Line> {
    let bare = part.strip_suffix(b"\n")?;
    let (sum, json) = (bare.get(..8)?, bare.get(9..)?);
    if bare[8] != b' ' || json.len() > LINE_BYTES_MAX {
        return None;
    }
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (sum == hash(json)).then(|| serde_json::from_slice(json).ok())?
}

#[cfg(test)]
mod tests;

//! The end of the log, kept for the operator who asks for it; the whole of it goes to standard
//! error, where the journal takes it.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use tracing_subscriber::fmt::MakeWriter;

/// How much is kept, in bytes.
pub const TAIL_MAX: usize = 1024 * 1024;

/// The last [`TAIL_MAX`] bytes that were logged.
#[derive(Clone, Default)]
pub struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    /// What is there, from the first whole line on.
    pub fn bytes(&self) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = if kept.len() < TAIL_MAX {
            0
        } else {
            kept.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1)
        };
        kept.iter().skip(cut).copied().collect()
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(bytes);
        let more = kept.len().saturating_sub(TAIL_MAX);
        kept.drain(..more);
    }
}

/// One line on its way.
pub struct Writer(Tail);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.keep(bytes);
        // A journal that takes nothing must not end what is logged about it.
        let _ = io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for Tail {
    type Writer = Writer;

    fn make_writer(&self) -> Writer {
        Writer(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_log_begins_with_a_whole_line() {
        let tail = Tail::default();
        tail.keep(b"one\n");
        assert_eq!(tail.bytes(), b"one\n");
        for n in 0..60_000 {
            tail.keep(format!("line number {n:06}\n").as_bytes());
        }
        let bytes = tail.bytes();
        assert!(bytes.len() <= TAIL_MAX);
        assert!(bytes.starts_with(b"line number "), "a torn line");
        assert!(bytes.ends_with(b"line number 059999\n"));
    }
}

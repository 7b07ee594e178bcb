//! Bytes on their way from a file to its lines: bounded, counted and hashed as they pass.

use std::io::{self, Read};

use aws_lc_rs::digest::{Algorithm, Context, Digest, SHA256};

use super::BillError;
use crate::http::BILL_MAX;

/// The longest text we unpack, in bytes: four million rows of 250 bytes. It is never in memory at
/// once.
pub const UNPACKED_MAX: u64 = 1 << 30;

/// Why one of the readers here stopped, inside the error that [`Read`] wants.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// The file itself failed.
    #[error("the file failed: {0}")]
    Source(io::ErrorKind),
    /// More bytes than the bound.
    #[error("more bytes than the bound")]
    TooLarge,
}

impl From<io::Error> for BillError {
    /// What is neither the file's failure nor a bound is the packing's: an unpacker said so.
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Stop>()) {
            Some(Stop::Source(kind)) => BillError::Source(*kind),
            Some(Stop::TooLarge) => BillError::TooLarge,
            None => BillError::Damaged,
        }
    }
}

/// The file as it was served: at most [`BILL_MAX`] bytes, under our own SHA-256.
pub(crate) struct Tap<R> {
    file: Hashed<R>,
    left: u64,
}

impl<R: Read> Tap<R> {
    pub(crate) fn new(file: R) -> Self {
        Tap { file: Hashed::new(file, &SHA256), left: BILL_MAX as u64 }
    }

    /// The hash of all that passed.
    pub(crate) fn sha256(self) -> [u8; 32] {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.file.digest().as_ref());
        sha256
    }
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::other(Stop::Source(kind)),
        })?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| io::Error::other(Stop::TooLarge))?;
        Ok(read)
    }
}

/// At most so many bytes; the one beyond is an error and not an end.
pub(crate) struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Bounded<R> {
    pub(crate) fn new(inner: R, bytes_max: u64) -> Self {
        Bounded { inner, left: bytes_max }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| io::Error::other(Stop::TooLarge))?;
        Ok(read)
    }
}

/// Whatever passes, hashed.
pub(crate) struct Hashed<R> {
    inner: R,
    context: Context,
}

impl<R: Read> Hashed<R> {
    pub(crate) fn new(inner: R, algorithm: &'static Algorithm) -> Self {
        Hashed { inner, context: Context::new(algorithm) }
    }

    /// The hash of all that passed.
    pub(crate) fn digest(self) -> Digest {
        self.context.finish()
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.context.update(&into[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_an_error_and_not_an_end() {
        let bytes = [7; 10];
        for (bound, read) in [(10, Ok(10)), (11, Ok(10)), (9, Err(BillError::TooLarge))] {
            let mut into = Vec::new();
            let got = Bounded::new(&bytes[..], bound).read_to_end(&mut into);
            assert_eq!(got.map_err(BillError::from), read, "{bound}");
        }
    }

    #[test]
    fn a_file_that_fails_is_told_from_a_packing_that_is_damaged() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::TimedOut.into())
            }
        }
        let error = Tap::new(Broken).read(&mut [0; 4]).unwrap_err();
        assert_eq!(BillError::from(error), BillError::Source(io::ErrorKind::TimedOut));
        assert_eq!(BillError::from(io::Error::other("corrupt deflate stream")), BillError::Damaged);
    }
}

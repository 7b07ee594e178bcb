//! From the wire to proven bytes.

use std::io::Read;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use flate2::read::MultiGzDecoder;

use super::Link;
use crate::http::Response;

/// The largest bill we unpack, in bytes: half a million rows.
pub const BILL_UNPACKED_MAX: usize = 256 << 20;

/// Why a bill is not used. Nothing of it may be reconciled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// The download was refused, usually because the link is minutes old: ask for another.
    #[error("the bill was not served, HTTP status {0}")]
    NotServed(u16),
    /// The packed file breaks off or is damaged: fetch it again.
    #[error("the bill's packing is damaged")]
    Damaged,
    /// The file unpacks to more than [`BILL_UNPACKED_MAX`] bytes, or has more rows than
    /// [`ROWS_MAX`](super::ROWS_MAX).
    #[error("the bill is larger than we read")]
    TooLarge,
    /// The bytes are not those WeChat announced: fetch it again, tell a person if it stays.
    #[error("the bill's hash differs from the announced one")]
    HashMismatch,
    /// The file is not UTF-8 text with a header line.
    #[error("the bill is not the documented text")]
    NotText,
    /// A column we need is not in the header.
    #[error("the bill has no column {0}")]
    MissingColumn(&'static str),
    /// A line has another number of cells than the header.
    #[error("line {line} of the bill does not fit its header")]
    Ragged {
        /// The line, counted from one.
        line: usize,
    },
    /// A cell does not hold what its column promises.
    #[error("line {line} of the bill: column {column} cannot be read")]
    Cell {
        /// The line, counted from one.
        line: usize,
        /// The column.
        column: &'static str,
    },
    /// The file ends without its summary.
    #[error("the bill ends without its summary")]
    Truncated,
    /// The summary does not agree with the rows above it.
    #[error("the bill's summary disagrees with its rows on {0}")]
    SummaryMismatch(&'static str),
}

/// The proven bytes of a downloaded bill: unpacked where packed, bounded, and with exactly the
/// announced SHA-1 over the unpacked bytes, byte order mark and line ends included.
pub fn open(link: &Link, response: &Response) -> Result<Vec<u8>, BillError> {
    if response.status != 200 {
        return Err(BillError::NotServed(response.status));
    }
    let is_packed = response.body.starts_with(&[0x1f, 0x8b]);
    let bytes = match is_packed {
        true => unpack(&response.body, BILL_UNPACKED_MAX)?,
        false if response.body.len() > BILL_UNPACKED_MAX => return Err(BillError::TooLarge),
        false => response.body.clone(),
    };
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    if hash.as_ref() == link.sha1 { Ok(bytes) } else { Err(BillError::HashMismatch) }
}

fn unpack(packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, BillError> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large from one that just fits.
    let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(packed).take(bound).read_to_end(&mut bytes);
    read.map_err(|_| BillError::Damaged)?;
    if bytes.len() > bytes_max { Err(BillError::TooLarge) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// F4 no. 14.
    #[test]
    fn a_gzip_bomb_is_cut_off_at_the_bound() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&vec![0; 1 << 20]).unwrap();
        let megabyte = packer.finish().unwrap();
        assert!(megabyte.len() < 2048);
        // A thousand members in a row promise a gigabyte; no more than the bound is unpacked.
        let bomb = megabyte.repeat(1000);
        assert_eq!(unpack(&bomb, 1 << 20), Err(BillError::TooLarge));
        assert_eq!(unpack(&megabyte, 1 << 20).map(|bytes| bytes.len()), Ok(1 << 20));
        assert_eq!(unpack(&megabyte, (1 << 20) - 1), Err(BillError::TooLarge));
    }
}

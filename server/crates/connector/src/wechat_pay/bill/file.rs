//! From the served file to proven rows.

use std::io::{self, Cursor, Read};

use aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
use flate2::read::MultiGzDecoder;

use super::{
    Link,
    table::{self, Sheet},
};
use crate::{
    bill::{BillError, Bounded, Hashed, Lines, Tap, UNPACKED_MAX, Whole},
    http::Response,
};

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The file of a download that was served.
///
/// # Errors
/// [`BillError::NotServed`] for every status but 200.
pub fn file(response: &Response) -> Result<&[u8], BillError> {
    match response.status {
        200 => Ok(&response.body),
        status => Err(BillError::NotServed(status)),
    }
}

/// Reads a file of this kind, packed or not, and proves it by the announced SHA-1, which is that
/// of the unpacked bytes, byte order mark and line ends included.
pub(super) fn read<S: Sheet>(
    link: &Link,
    file: impl Read,
    each: impl FnMut(S::Row),
) -> Result<Whole, BillError> {
    let mut tap = Tap::new(file);
    let (rows, unpacked_bytes) = prove::<S>(link, &mut tap, UNPACKED_MAX, each)?;
    Ok(Whole { rows, unpacked_bytes, sha256: tap.sha256() })
}

fn prove<S: Sheet>(
    link: &Link,
    file: impl Read,
    unpacked_max: u64,
    each: impl FnMut(S::Row),
) -> Result<(usize, u64), BillError> {
    let text = Bounded::new(unpacked(file)?, unpacked_max);
    let mut lines = Lines::new(Hashed::new(text, &SHA1_FOR_LEGACY_USE_ONLY));
    let rows = table::read::<S>(&mut lines, each);
    if let Err(error @ (BillError::Damaged | BillError::TooLarge | BillError::Source(_))) = rows {
        return Err(error);
    }
    // A row that cannot be read is the provider's doing only if the file is the provider's.
    let bytes = lines.bytes;
    if lines.drain()?.digest().as_ref() != link.sha1 {
        return Err(BillError::HashMismatch);
    }
    Ok((rows?, bytes))
}

fn unpacked<'r>(mut file: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut first = Vec::with_capacity(GZIP.len());
    (&mut file).take(GZIP.len() as u64).read_to_end(&mut first)?;
    let is_packed = first == GZIP;
    let whole = Cursor::new(first).chain(file);
    Ok(if is_packed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// F4 no. 14.
    #[test]
    fn a_gzip_bomb_is_cut_off_at_the_bound() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&vec![b'\n'; 1 << 20]).unwrap();
        let megabyte = packer.finish().unwrap();
        assert!(megabyte.len() < 2048);
        // A thousand members in a row promise a gigabyte; no more than the bound is unpacked.
        let bomb = megabyte.repeat(1000);
        let mut passed = Bounded::new(unpacked(&bomb[..]).unwrap(), 1 << 20);
        let error = io::copy(&mut passed, &mut io::sink()).unwrap_err();
        assert_eq!(BillError::from(error), BillError::TooLarge);
        let mut passed = Bounded::new(unpacked(&megabyte[..]).unwrap(), 1 << 20);
        assert_eq!(io::copy(&mut passed, &mut io::sink()).unwrap(), 1 << 20);
    }
}

//! A small ZIP writer: entry names are raw bytes, because Alipay's are GBK without the UTF-8 flag
//! (payments.md B11) and no library writes those.

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// 1 January 1980, the oldest date a ZIP can name.
const DOS_DATE: u16 = 0x21;

/// Version 2.0: deflate.
const VERSION: u16 = 20;

/// Deflate.
const METHOD: u16 = 8;

/// Writes an archive; `None` when it would not fit the 32-bit format.
pub(crate) fn write(entries: &[(Vec<u8>, Vec<u8>)]) -> Option<Vec<u8>> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).ok()?;
        let packed = encoder.finish().ok()?;
        let mut crc = Crc::new();
        crc.update(bytes);
        let offset = u32::try_from(file.len()).ok()?;
        let mut common = Vec::new();
        // Flags 0: the name is in the local code page.
        for word in [VERSION, 0, METHOD, 0, DOS_DATE] {
            common.extend(word.to_le_bytes());
        }
        common.extend(crc.sum().to_le_bytes());
        common.extend(u32::try_from(packed.len()).ok()?.to_le_bytes());
        common.extend(u32::try_from(bytes.len()).ok()?.to_le_bytes());
        common.extend(u16::try_from(name.len()).ok()?.to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(name);
        file.extend(&packed);
        directory.extend(b"PK\x01\x02");
        directory.extend(VERSION.to_le_bytes());
        directory.extend(&common);
        // Comment length, disk, internal and external attributes: all zero.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name);
    }
    let start = u32::try_from(file.len()).ok()?;
    let count = u16::try_from(entries.len()).ok()?;
    let size = u32::try_from(directory.len()).ok()?;
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(count.to_le_bytes());
    file.extend(count.to_le_bytes());
    file.extend(size.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0; 2]);
    Some(file)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    #[test]
    fn an_unrelated_reader_opens_the_archive_and_finds_raw_names() {
        let name = encoding_rs::GBK.encode("明细.csv").0.into_owned();
        let bytes = b"row\r\n".repeat(1_000);
        let file = write(&[(name.clone(), bytes.clone()), (b"b".to_vec(), Vec::new())]).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
        assert_eq!(archive.len(), 2);
        let mut entry = archive.by_index(0).unwrap();
        assert_eq!(entry.name_raw(), name);
        let mut read = Vec::new();
        entry.read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
    }
}

//! The bill's wrapping: a ZIP whose names are GBK. Nothing is ever written to a disk.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::BillError;

/// The most entries an archive may have; Alipay's have two.
pub const ENTRIES_MAX: usize = 16;

/// The largest sheet we unpack, in bytes: 512 MiB.
pub const UNPACKED_MAX: u64 = 512 << 20;

/// The detail sheet is the one entry with this ending; the summary's ends `(汇总).csv`.
const SHEET_ENDING: &str = "业务明细.csv";

/// Unpacks the detail sheet.
///
/// Invariant: however the archive lies about its sizes, no more than `unpacked_max` bytes are
/// unpacked (`a_zip_bomb_is_stopped_at_the_bound`), and a forged name refuses the whole archive
/// (`a_name_that_leaves_its_folder_refuses_the_archive`).
pub(super) fn sheet(zip: &[u8], unpacked_max: u64) -> Result<Vec<u8>, BillError> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| BillError::NotAnArchive)?;
    if archive.len() > ENTRIES_MAX {
        return Err(BillError::TooLarge);
    }
    let mut found = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|_| BillError::NotAnArchive)?;
        let name = readable(entry.name_raw());
        let is_forged = name.contains(['/', '\\', '\0', ':']) || name.contains("..");
        if is_forged {
            return Err(BillError::ForgedName);
        }
        if name.ends_with(SHEET_ENDING) {
            found.push(index);
        }
    }
    let [index] = found[..] else {
        return Err(BillError::NoSheet);
    };
    let entry = archive.by_index(index).map_err(|_| BillError::NotAnArchive)?;
    let mut bytes = Vec::new();
    let mut bounded = entry.take(unpacked_max + 1);
    bounded.read_to_end(&mut bytes).map_err(|_| BillError::NotAnArchive)?;
    if bytes.len() as u64 > unpacked_max { Err(BillError::TooLarge) } else { Ok(bytes) }
}

/// Names are GBK without saying so; should Alipay ever mend that, they are UTF-8.
fn readable(raw: &[u8]) -> String {
    match std::str::from_utf8(raw) {
        Ok(name) => name.to_owned(),
        Err(_) => encoding_rs::GBK.decode_without_bom_handling(raw).0.into_owned(),
    }
}

#[cfg(test)]
mod tests;

//! The bill's wrapping: a ZIP whose names are GBK. Nothing is ever written to a disk.

use std::io::{self, Read, Seek};

use zip::ZipArchive;

use crate::bill::{BillError, Bounded, Tap};

/// The most entries an archive may have; Alipay's have two.
pub const ENTRIES_MAX: usize = 16;

/// Hands the text of the one detail sheet to `read`; answers what it made of it and our SHA-256
/// of the whole archive. The detail sheet is the one entry with this ending; the summary's ends
/// `(汇总).csv`.
///
/// Invariant: however the archive lies about its sizes, no more than `unpacked_max` bytes are
/// unpacked (`a_zip_bomb_is_stopped_at_the_bound`), and a forged name refuses the whole archive
/// (`a_name_that_leaves_its_folder_refuses_the_archive`).
pub(super) fn sheet<T>(
    mut file: impl Read + Seek,
    ending: &str,
    unpacked_max: u64,
    read: impl FnOnce(&mut dyn Read) -> Result<T, BillError>,
) -> Result<(T, [u8; 32]), BillError> {
    let mut tap = Tap::new(&mut file);
    io::copy(&mut tap, &mut io::sink())?;
    let sha256 = tap.sha256();
    let mut archive = ZipArchive::new(file).map_err(|_| BillError::Damaged)?;
    if archive.len() > ENTRIES_MAX {
        return Err(BillError::TooLarge);
    }
    let mut found = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|_| BillError::Damaged)?;
        let name = readable(entry.name_raw());
        let is_forged = name.contains(['/', '\\', '\0', ':']) || name.contains("..");
        if is_forged {
            return Err(BillError::ForgedName);
        }
        if name.ends_with(ending) {
            found.push(index);
        }
    }
    let [index] = found[..] else {
        return Err(BillError::NoSheet);
    };
    let entry = archive.by_index(index).map_err(|_| BillError::Damaged)?;
    Ok((read(&mut Bounded::new(entry, unpacked_max))?, sha256))
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

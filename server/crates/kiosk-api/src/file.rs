//! Pictures and videos: taken from an operator piece by piece, named by their digest, handed to
//! kiosks in ranges.

use aws_lc_rs::digest::{Context, SHA256};
use domain::ProjectId;
use kiosk_wire::{card_format::hex, content::FILE_MAX};
use store::{
    StoreError,
    kiosk::file::{self, FILES_MAX, File, PART_BYTES, PROJECT_BYTES_MAX, Part},
};

use crate::{
    desk::Desk,
    failure::{Failure, Result},
};

/// The types that are taken.
pub const TYPES: [&str; 5] = ["image/png", "image/jpeg", "image/webp", "video/mp4", "video/webm"];

/// The type of a file by its first bytes; what it calls itself counts for nothing.
pub fn type_of(bytes: &[u8]) -> Option<&'static str> {
    if let Some(picture) = crate::upload::picture_type(bytes) {
        return Some(picture);
    }
    match (bytes.get(..4)?, bytes.get(4..8)?, bytes.get(8..12)) {
        (b"RIFF", _, Some(b"WEBP")) => Some("image/webp"),
        (_, b"ftyp", _) => Some("video/mp4"),
        ([0x1a, 0x45, 0xdf, 0xa3], ..) => Some("video/webm"),
        _ => None,
    }
}

/// A file on its way in. It is there for kiosks only once [`Intake::finish`] has agreed.
pub struct Intake<'a> {
    desk: &'a Desk,
    row: File,
    digest: Context,
    waiting: Vec<u8>,
    parts: i64,
    taken: i64,
    known: bool,
}

impl<'a> Intake<'a> {
    /// Begins a file of a project, named by the digest it will have.
    ///
    /// Invariant: a file is what its name says, to the byte; proved by
    /// `a_file_is_taken_by_its_digest_and_handed_out_in_ranges`.
    pub async fn begin(
        desk: &'a Desk,
        project: ProjectId,
        sha256: &str,
        size: u64,
    ) -> Result<Intake<'a>> {
        let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if sha256.len() != 64 || !sha256.bytes().all(lower) {
            return Err(Failure::NotFound("file"));
        }
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        if size > FILE_MAX as i64 {
            return Err(Failure::File("too_large"));
        }
        let db = desk.store().read();
        let known = file::by_digest(db, project, sha256).await?.is_some();
        let all = file::list(db, project).await?;
        let held: i64 = all.iter().map(|row| row.size).sum();
        if !known && (all.len() as u64 >= FILES_MAX || held + size > PROJECT_BYTES_MAX) {
            return Err(Failure::File("too_many"));
        }
        let row = File {
            project_id: project.0,
            sha256: sha256.to_owned(),
            size,
            media_type: String::new(),
            whole: false,
            created_at: desk.now(),
        };
        let (digest, waiting) = (Context::new(&SHA256), Vec::new());
        Ok(Intake { desk, row, digest, waiting, parts: 0, taken: 0, known })
    }

    /// Takes the next bytes.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.taken += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        if self.taken > self.row.size {
            return Err(Failure::File("size"));
        }
        self.digest.update(bytes);
        self.waiting.extend_from_slice(bytes);
        while self.waiting.len() >= PART_BYTES {
            let rest = self.waiting.split_off(PART_BYTES);
            let part = std::mem::replace(&mut self.waiting, rest);
            self.keep(part).await?;
        }
        Ok(())
    }

    async fn keep(&mut self, bytes: Vec<u8>) -> Result<()> {
        if self.known {
            return Ok(());
        }
        let first = self.parts == 0;
        if first {
            self.row.media_type = type_of(&bytes).ok_or(Failure::File("type"))?.to_owned();
        }
        let part = Part {
            project_id: self.row.project_id,
            sha256: self.row.sha256.clone(),
            part: self.parts,
            bytes,
        };
        let row = first.then(|| self.row.clone());
        let begun = self.desk.store().transact(move |tx| {
            Box::pin(async move {
                if let Some(row) = row
                    && !file::begin(tx, row).await?
                {
                    return Ok(false);
                }
                file::put(tx, part).await?;
                Ok::<_, StoreError>(true)
            })
        });
        self.known = !begun.await?;
        self.parts += 1;
        Ok(())
    }

    /// Ends the file; what is not what its name says is removed.
    pub async fn finish(mut self) -> Result<File> {
        if !self.waiting.is_empty() {
            let last = std::mem::take(&mut self.waiting);
            self.keep(last).await?;
        }
        let project = ProjectId(self.row.project_id);
        let digest = hex(self.digest.finish().as_ref());
        let is_right = digest == self.row.sha256 && self.taken == self.row.size;
        let (sha256, known) = (self.row.sha256.clone(), self.known);
        if !is_right && known {
            return Err(Failure::File("digest"));
        }
        let ended = self.desk.store().transact(move |tx| {
            Box::pin(async move {
                match (known, is_right) {
                    (true, _) => Ok(()),
                    (false, true) => file::complete(tx, project, &sha256).await,
                    (false, false) => file::remove(tx, project, &sha256).await.map(|_| ()),
                }
            })
        });
        ended.await?;
        if !is_right {
            return Err(Failure::File("digest"));
        }
        let kept = file::by_digest(self.desk.store().read(), project, &self.row.sha256).await?;
        kept.ok_or(Failure::File("digest"))
    }
}

/// The bytes of a file from one place to another (not included), at most one part's worth: the
/// caller asks again for the rest.
pub async fn piece(desk: &Desk, row: &File, from: u64, until: u64) -> Result<Vec<u8>> {
    let size = PART_BYTES as u64;
    let (part, at) = (from / size, (from % size) as usize);
    let number = i64::try_from(part).unwrap_or(i64::MAX);
    let db = desk.store().read();
    let bytes = file::part(db, ProjectId(row.project_id), &row.sha256, number).await?;
    let bytes = bytes.ok_or(Failure::NotFound("file"))?;
    let end = usize::try_from(until - part * size).unwrap_or(usize::MAX).min(bytes.len());
    Ok(bytes.get(at..end).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_first_bytes_alone() {
        let table: [(&[u8], Option<&str>); 8] = [
            (b"\x89PNG\r\n\x1a\n0000", Some("image/png")),
            (b"\xff\xd8\xff\xe0\0\0\0\0\0\0\0\0", Some("image/jpeg")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"\0\0\0\x20ftypisom\0\0", Some("video/mp4")),
            (b"\x1a\x45\xdf\xa3\0\0\0\0\0\0\0\0", Some("video/webm")),
            (b"<svg xmlns='x'></svg>", None),
            (b"GIF89a000000", None),
            (b"", None),
        ];
        for (bytes, want) in table {
            assert_eq!(type_of(bytes), want, "{bytes:?}");
        }
        assert!(TYPES.iter().all(|name| name.contains('/')));
    }
}

//! Fetching a file by its digest, going on where the line broke.

use std::io;

use kiosk_wire::content::File;

use super::{
    check::known,
    store::{Store, write},
};
use crate::{
    call::Failure,
    link::{Download, Link},
};

/// Why a file will never be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The server has no such file.
    #[error("the server does not have the file")]
    Missing,
    /// More bytes than it was said to have.
    #[error("the file is larger than it was said to be")]
    Size,
    /// Not what its name says.
    #[error("the file has another digest")]
    Digest,
    /// Not what its type says.
    #[error("the file is of another kind than it was said to be")]
    Kind,
    /// Not a name, a size or a type a file can have.
    #[error("the file cannot be one")]
    Unknown,
}

/// Why a file is not here.
#[derive(Debug, thiserror::Error)]
pub enum FetchEnd {
    /// The line: try again later, the half is kept.
    #[error("the line was lost")]
    Lost,
    /// The server does not let this kiosk in.
    #[error("the server does not let this kiosk in")]
    Revoked,
    /// It will not be better next time.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The quota or the disk.
    #[error("there is no room for the file")]
    Full,
    /// The disk.
    #[error("the file cannot be written")]
    Disk(#[from] io::Error),
}

/// Fetches a file unless it is here.
pub async fn fetch(link: &Link, store: &Store, file: &File) -> Result<(), FetchEnd> {
    known(file).map_err(|_| Broken::Unknown)?;
    if store.has(file) {
        return Ok(());
    }
    if store.part_bytes(file) > file.bytes {
        store.drop_part(file)?;
    }
    let had = store.part_bytes(file);
    if had < file.bytes {
        if !store.has_room(file.bytes - had)? {
            return Err(FetchEnd::Full);
        }
        receive(link, store, file, had).await?;
    }
    let (finished, of) = (store.clone(), file.clone());
    // Looking at 64 MB takes a moment the rest of the kiosk does not have.
    let task = tokio::task::spawn_blocking(move || finished.finish(&of));
    match task.await.map_err(io::Error::other)?? {
        Ok(()) => Ok(()),
        // It may be the half that was bad: that one is gone now, and the next try is whole.
        Err(Broken::Digest) if had > 0 => Err(FetchEnd::Lost),
        Err(broken) => Err(broken.into()),
    }
}

async fn receive(link: &Link, store: &Store, file: &File, had: u64) -> Result<(), FetchEnd> {
    let mut download = link.file(&file.sha256, had).await.map_err(|failure| match failure {
        Failure::Revoked => FetchEnd::Revoked,
        Failure::Lost | Failure::Refused(_) => FetchEnd::Lost,
    })?;
    let mut at = begin(&download, store, file, had)?;
    let mut handle = store.go_on(file, at == 0)?;
    while let Some(bytes) = download.chunk().await.map_err(|_| FetchEnd::Lost)? {
        at = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if at > file.bytes {
            store.drop_part(file)?;
            return Err(Broken::Size.into());
        }
        write(&mut handle, &bytes)?;
    }
    if at < file.bytes { Err(FetchEnd::Lost) } else { Ok(()) }
}

/// The byte the server begins with.
fn begin(download: &Download, store: &Store, file: &File, had: u64) -> Result<u64, FetchEnd> {
    match download.status {
        200 => Ok(0),
        206 if download.start == had => Ok(had),
        404 | 410 if download.is_problem => Err(Broken::Missing.into()),
        // Another part than was asked for, or a half the server does not know: begin anew.
        206 | 416 => {
            store.drop_part(file)?;
            Err(FetchEnd::Lost)
        }
        _ => Err(FetchEnd::Lost),
    }
}

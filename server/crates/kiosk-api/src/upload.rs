//! What kiosks send to one-time addresses: pictures of their screens, logs.

use bytes::Bytes;
use mini_program_api::keyed::sha256;
use store::kiosk::event::{self, Received};

use crate::{
    desk::Desk,
    failure::{Failure, Result},
    greeting::Caller,
};

/// The largest picture of a screen, in bytes.
pub const PICTURE_MAX: usize = 1024 * 1024;
/// The largest log, in bytes.
pub const LOG_MAX: usize = 4 * 1024 * 1024;

/// The type of a picture by its first bytes.
pub fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        return Some("image/jpeg");
    }
    bytes.starts_with(b"\x89PNG\r\n\x1a\n").then_some("image/png")
}

/// The type of a log by its bytes: text, or text that was compressed.
fn log_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(&[0x1f, 0x8b, 0x08]) {
        return Some("application/gzip");
    }
    std::str::from_utf8(bytes).ok().map(|_| "text/plain; charset=utf-8")
}

/// Keeps what was sent. An address that is unknown, another's, used or too old is not there.
pub async fn receive(desk: &Desk, caller: &Caller, token: &str, bytes: Bytes) -> Result<()> {
    let missing = || Failure::NotFound("upload");
    let (hash, now) = (sha256(token), desk.now());
    let found = event::upload(desk.store().read(), &hash, caller.kiosk.id, now).await?;
    let found = found.ok_or_else(missing)?;
    let (max, kind) = match found.kind.as_str() {
        "screenshot" => (PICTURE_MAX, picture_type(&bytes)),
        _ => (LOG_MAX, log_type(&bytes)),
    };
    if bytes.len() > max {
        return Err(Failure::File("too_large"));
    }
    let media_type = kind.ok_or(Failure::File("type"))?.to_owned();
    let row = Received {
        project_id: found.project_id,
        id: found.command_id,
        kiosk_id: found.kiosk_id,
        kind: found.kind,
        media_type,
        bytes: bytes.to_vec(),
        received_at: now,
    };
    let kept = desk
        .store()
        .transact(move |tx| Box::pin(async move { event::receive(tx, &hash, row).await }));
    if kept.await? { Ok(()) } else { Err(missing()) }
}

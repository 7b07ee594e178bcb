//! `yufu openapi`: the document other programs are written against.

use super::{Done, say};

/// Prints the document the server serves under `/api/openapi.json`.
pub fn run() -> Done {
    say(crate::http::openapi::json());
    Ok(())
}

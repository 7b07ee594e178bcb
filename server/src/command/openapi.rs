//! `yufu openapi`: the document other programs are written against.

use super::Done;

/// Prints the document the server serves under `/api/openapi.json`.
pub fn run() -> Done {
    println!("{}", crate::http::openapi::json());
    Ok(())
}

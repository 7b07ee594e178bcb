//! What a handler answers.

use std::fmt;

use bytes::Bytes;
use futures::stream::LocalBoxStream;
use serde::Serialize;

use crate::failure::{Failure, Result};

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What is sent.
    pub body: Body,
    /// Further headers, by lower-case name.
    pub headers: Vec<(&'static str, String)>,
}

/// What is sent with an answer.
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Vec<u8>),
    /// A file to keep, with its media type.
    File(&'static str, Vec<u8>),
    /// Server-sent events, each already in its wire form; the stream ends by itself.
    Events(LocalBoxStream<'static, Bytes>),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Empty => f.write_str("Empty"),
            Body::Json(json) => {
                f.debug_tuple("Json").field(&String::from_utf8_lossy(json)).finish()
            }
            Body::File(kind, bytes) => {
                f.debug_tuple("File").field(kind).field(&bytes.len()).finish()
            }
            Body::Events(_) => f.write_str("Events"),
        }
    }
}

impl Answer {
    /// JSON under this status.
    pub fn json(status: u16, body: &impl Serialize) -> Result<Answer> {
        let json = serde_json::to_vec(body).map_err(|error| Failure::internal(&error))?;
        Ok(Answer { status, body: Body::Json(json), headers: Vec::new() })
    }

    /// 200 with a body.
    pub fn ok(body: &impl Serialize) -> Result<Answer> {
        Answer::json(200, body)
    }

    /// 201 with what was made.
    pub fn created(body: &impl Serialize) -> Result<Answer> {
        Answer::json(201, body)
    }

    /// 202: it is written down and will be done; the body shows where it stands.
    pub fn accepted(body: &impl Serialize) -> Result<Answer> {
        Answer::json(202, body)
    }

    /// 204.
    pub fn none() -> Result<Answer> {
        Ok(Answer { status: 204, body: Body::Empty, headers: Vec::new() })
    }

    /// 302 to another place.
    pub fn go_to(place: String) -> Answer {
        Answer { status: 302, body: Body::Empty, headers: vec![("location", place)] }
    }

    /// A file of this media type under this name.
    pub fn file(kind: &'static str, name: &str, bytes: Vec<u8>) -> Answer {
        let disposition = format!("attachment; filename=\"{name}\"");
        let headers = vec![("content-disposition", disposition)];
        Answer { status: 200, body: Body::File(kind, bytes), headers }
    }

    /// A stream of events.
    pub fn events(stream: LocalBoxStream<'static, Bytes>) -> Answer {
        Answer { status: 200, body: Body::Events(stream), headers: Vec::new() }
    }

    /// One more header, as in `set-cookie`.
    pub fn with(mut self, name: &'static str, value: String) -> Answer {
        self.headers.push((name, value));
        self
    }
}

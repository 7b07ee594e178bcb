//! A request to be sent by somebody else, and the answer they bring.

use std::fmt;

use chrono::{DateTime, Utc};

/// The verbs the providers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET, without a body.
    Get,
    /// POST.
    Post,
}

impl Method {
    /// The verb as it stands on the wire and in the signed text.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// One request, complete: the sender adds nothing but the connection.
///
/// The sender must not follow redirects, must not retry, and must read no more than
/// `response_max` bytes of body. What is printed of it is the verb and the path: some providers
/// want the secret in the query or in the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// The absolute address, percent-encoded: the very bytes that were signed.
    pub url: String,
    /// Header names and values in order.
    pub headers: Vec<(String, String)>,
    /// The body: the very bytes that were signed.
    pub body: Vec<u8>,
    /// The largest answer worth reading, in bytes.
    pub response_max: usize,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.url.split('?').next().unwrap_or_default();
        write!(f, "{} {path} ({} bytes)", self.method.as_str(), self.body.len())
    }
}

/// The largest ordinary provider answer we read: 1 MiB. Bills have their own bound.
pub const RESPONSE_MAX: usize = 1 << 20;

/// The largest bill file we read, packed: 256 MiB.
pub const BILL_MAX: usize = 256 << 20;

/// The moment and the nonce of a request, handed in because this crate has neither clock nor dice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Present wall-clock time.
    pub now: DateTime<Utc>,
    /// 32 characters of `[0-9a-f]` from a cryptographic generator.
    pub nonce: String,
}

impl Stamp {
    /// A stamp with 16 random bytes written as hexadecimal.
    pub fn new(now: DateTime<Utc>, rng: &dyn domain::Rng) -> Self {
        let mut bytes = [0u8; 16];
        rng.fill(&mut bytes);
        let nonce = bytes.iter().map(|b| format!("{b:02x}")).collect();
        Stamp { now, nonce }
    }
}

/// Header fields as they arrived. Names compare without case; repeated names stay visible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

/// A header that must stand exactly once does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The header is not there.
    #[error("a required header is missing")]
    Missing,
    /// The header stands more than once, so nobody can say which one was meant.
    #[error("a required header stands more than once")]
    Repeated,
}

impl Headers {
    /// Fields in the order they arrived.
    pub fn new(fields: Vec<(String, String)>) -> Self {
        Headers(fields)
    }

    /// The value of a field that must stand exactly once.
    pub fn one(&self, name: &str) -> Result<&str, HeaderError> {
        let mut found = self.0.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value),
            (None, _) => Err(HeaderError::Missing),
            (Some(_), Some(_)) => Err(HeaderError::Repeated),
        }
    }

    /// True if the field stands at least once.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// Every field, for the log and the inbox.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// What came back over the wire, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header fields.
    pub headers: Headers,
    /// The raw body; signatures are checked over these bytes before anything parses them.
    pub body: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_request_shows_neither_query_nor_headers_nor_body() {
        let request = Request {
            method: Method::Post,
            url: "https://api.example.com/sns/x?secret=canary".to_owned(),
            headers: vec![("authorization".to_owned(), "canary".to_owned())],
            body: b"canary".to_vec(),
            response_max: 1,
        };
        assert_eq!(format!("{request:?}"), "POST https://api.example.com/sns/x (6 bytes)");
    }

    #[test]
    fn a_repeated_header_is_an_error_and_not_a_choice() {
        let field = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        let headers = Headers::new(vec![field("A", "1"), field("b", "2"), field("B", "3")]);
        assert_eq!(headers.one("a"), Ok("1"));
        assert_eq!(headers.one("b"), Err(HeaderError::Repeated));
        assert_eq!(headers.one("c"), Err(HeaderError::Missing));
    }
}

//! What both signature schemes are made of.

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::OurFault;

/// Everything but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text as a name or value of a query.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 in lower-case hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// HMAC with SHA-256.
pub(super) fn hmac_sha256(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

/// The `Host` header the sender will write for an address: without the scheme's own port.
pub(super) fn host(base_url: &str) -> Result<&str, OurFault> {
    let (rest, port) = match base_url.strip_prefix("https://") {
        Some(rest) => (rest, ":443"),
        None => (base_url.strip_prefix("http://").ok_or(OurFault::BaseUrl)?, ":80"),
    };
    let host = rest.strip_suffix(port).unwrap_or(rest);
    if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
        return Err(OurFault::BaseUrl);
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_host_is_the_one_the_sender_writes() {
        for (base_url, want) in [
            ("https://sms.tencentcloudapi.com", Ok("sms.tencentcloudapi.com")),
            ("https://sms.tencentcloudapi.com:443", Ok("sms.tencentcloudapi.com")),
            ("http://127.0.0.1:7001", Ok("127.0.0.1:7001")),
            ("http://sim:443", Ok("sim:443")),
            ("http://sim:80", Ok("sim")),
            ("https://a/b", Err(OurFault::BaseUrl)),
            ("https://", Err(OurFault::BaseUrl)),
            ("ftp://a", Err(OurFault::BaseUrl)),
            ("https://me@a", Err(OurFault::BaseUrl)),
        ] {
            assert_eq!(host(base_url), want, "{base_url}");
        }
    }
}

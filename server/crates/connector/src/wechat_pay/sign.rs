//! Building a signed request (A1, A2).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::merchant::Merchant;
use crate::{
    http::{Method, RESPONSE_MAX, Request, Stamp},
    key::KeyError,
};

/// Why we cannot even ask: a mistake on our side, found before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OurFault {
    /// The private key would not sign.
    #[error("the merchant key cannot sign")]
    Key(#[from] KeyError),
    /// The base address is no absolute http or https address.
    #[error("the base address is not an absolute http(s) address without a query")]
    BaseUrl,
    /// A number of ours has a form WeChat refuses.
    #[error("{field} is not a number WeChat accepts: {value:?}")]
    Number {
        /// Which one, in WeChat's spelling.
        field: &'static str,
        /// What it was.
        value: String,
    },
    /// A text is empty where it must not be, or longer than WeChat takes.
    #[error("{field} must have 1 to {max} characters")]
    Text {
        /// Which one, in WeChat's spelling.
        field: &'static str,
        /// The most characters allowed.
        max: usize,
    },
    /// An amount below one fen, or a refund above its order.
    #[error("{field} is out of range")]
    Amount {
        /// Which one, in WeChat's spelling.
        field: &'static str,
    },
    /// The channel needs something about the payer that was not given.
    #[error("the channel needs {0}")]
    Missing(&'static str),
    /// The channel is not one of WeChat Pay's.
    #[error("the channel does not belong to WeChat Pay")]
    Channel,
    /// A download address that does not lead to a bill.
    #[error("the download address does not lead to a bill")]
    DownloadUrl,
    /// The body could not be written as JSON.
    #[error("the body cannot be written as JSON")]
    Body,
}

/// What WeChat's servers are told about the caller. An absent one is refused (A1).
const USER_AGENT: &str = concat!("yufu/", env!("CARGO_PKG_VERSION"));

/// Everything but the unreserved characters and `*`, which WeChat leaves as it is (A2).
const PATH_SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'*');

/// A text as one segment of a path or one value of a query.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, PATH_SEGMENT).to_string()
}

/// A signed GET of a path and query below the merchant's base address.
pub(super) fn get(
    merchant: &Merchant,
    path_and_query: &str,
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    build(merchant, Method::Get, path_and_query, Vec::new(), stamp)
}

/// A signed POST of a JSON body. The body is written once; those bytes are signed and sent.
pub(super) fn post(
    merchant: &Merchant,
    path: &str,
    body: &impl Serialize,
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    let body = serde_json::to_vec(body).map_err(|_| OurFault::Body)?;
    build(merchant, Method::Post, path, body, stamp)
}

fn build(
    merchant: &Merchant,
    method: Method,
    path_and_query: &str,
    body: Vec<u8>,
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    let url = format!("{}{path_and_query}", merchant.base_url);
    // What is signed is what the server sees: a path in the base address counts too.
    let target = target(&url).ok_or(OurFault::BaseUrl)?;
    let authorization = authorization(merchant, method, target, &body, stamp)?;
    let mut headers = vec![
        ("Accept", "application/json".to_owned()),
        ("User-Agent", USER_AGENT.to_owned()),
        ("Authorization", authorization),
    ];
    if method == Method::Post {
        headers.push(("Content-Type", "application/json".to_owned()));
    }
    if let Some(serial) = merchant.trust.preferred() {
        headers.push(("Wechatpay-Serial", serial.to_owned()));
    }
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Request { method, url, headers, body, response_max: RESPONSE_MAX })
}

/// Path and query of an absolute address.
pub(super) fn target(url: &str) -> Option<&str> {
    let after_scheme = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let slash = after_scheme.find('/').filter(|at| *at > 0)?;
    let host_is_plain = !after_scheme[..slash].contains(['?', '#', '@', ' ']);
    host_is_plain.then(|| &after_scheme[slash..])
}

fn authorization(
    merchant: &Merchant,
    method: Method,
    target: &str,
    body: &[u8],
    stamp: &Stamp,
) -> Result<String, OurFault> {
    let (timestamp, nonce) = (stamp.now.timestamp(), &stamp.nonce);
    let mut message = format!("{}\n{target}\n{timestamp}\n{nonce}\n", method.as_str()).into_bytes();
    message.extend_from_slice(body);
    message.push(b'\n');
    let signature = merchant.signing_key.sign_sha256(&message)?;
    let (mchid, serial_no) = (merchant.mode.signing_mchid(), &merchant.serial_no);
    Ok(format!(
        "WECHATPAY2-SHA256-RSA2048 mchid=\"{mchid}\",nonce_str=\"{nonce}\",\
         signature=\"{signature}\",timestamp=\"{timestamp}\",serial_no=\"{serial_no}\""
    ))
}

/// Checks a number of ours: 0-9, A-Z, a-z and `_`, which is the part of WeChat's alphabet that
/// needs no encoding anywhere (A8).
pub(super) fn check_number(
    field: &'static str,
    value: &str,
    length: std::ops::RangeInclusive<usize>,
) -> Result<(), OurFault> {
    let plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain && length.contains(&value.len()) {
        Ok(())
    } else {
        Err(OurFault::Number { field, value: value.to_owned() })
    }
}

/// Checks a text's length in characters.
pub(super) fn check_text(field: &'static str, value: &str, max: usize) -> Result<(), OurFault> {
    let length = value.chars().count();
    if (1..=max).contains(&length) { Ok(()) } else { Err(OurFault::Text { field, max }) }
}

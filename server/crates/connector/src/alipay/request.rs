//! Puts a signed request together (`payments.md` B1, B2).

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::{Merchant, Trust, content, wire};
use crate::{
    http::{Method, RESPONSE_MAX, Request, Stamp},
    key::KeyError,
};

/// Why no request could be made: what we were asked or configured with is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OurFault {
    /// The channel is not one of Alipay's.
    #[error("the channel is not one of Alipay's")]
    ForeignChannel,
    /// The number is not 1 to 64 characters of `[A-Za-z0-9_]`.
    #[error("the number is not 1 to 64 letters, digits or underscores")]
    BadNumber,
    /// The amount is outside 0.01 to 100,000,000.00 yuan.
    #[error("the amount is outside what Alipay takes")]
    BadAmount,
    /// A payment that is already over cannot be asked for.
    #[error("the payment would expire before it starts")]
    AlreadyExpired,
    /// A mini-program payment needs to know the buyer.
    #[error("a mini-program payment needs the buyer")]
    NoBuyer,
    /// The code a visitor came back with is empty or absurdly long.
    #[error("the code is empty or too long")]
    BadCode,
    /// The address or the state of a sign-in has signs Alipay does not carry.
    #[error("the address or the state of the sign-in is not usable")]
    BadReturn,
    /// The subject is empty.
    #[error("the payment has no subject")]
    NoSubject,
    /// The content key is not the base64 of 16 bytes.
    #[error("the content key is not the base64 of 16 bytes")]
    BadContentKey,
    /// A configured secret is not text.
    #[error("the authorisation token is not text")]
    BadToken,
    /// Our private key refused its work.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What differs between the calls.
pub(super) struct Call<'a, B> {
    /// The method's name.
    pub method: &'static str,
    /// The business content.
    pub content: &'a B,
    /// Whether the call starts something Alipay will call back about.
    pub notify: bool,
    /// Whether a browser is sent back afterwards.
    pub returns: bool,
}

// Everything but the unreserved characters of RFC 3986 is escaped; a space becomes %20.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

type Params = BTreeMap<&'static str, String>;

impl<B: Serialize> Call<'_, B> {
    /// A POST: everything but the content in the query (there `charset` has to stand, or the
    /// gateway reads the body as GBK), the content in a form.
    pub fn request(&self, merchant: &Merchant, stamp: &Stamp) -> Result<Request, OurFault> {
        let params = signed(merchant, self.params(merchant, stamp)?)?;
        Ok(posted(merchant, params, &[CONTENT]))
    }

    /// The address of a page a browser opens itself; all of it in the query.
    pub fn page(&self, merchant: &Merchant, stamp: &Stamp) -> Result<String, OurFault> {
        Ok(address(merchant, &signed(merchant, self.params(merchant, stamp)?)?))
    }

    fn params(&self, merchant: &Merchant, stamp: &Stamp) -> Result<Params, OurFault> {
        // A struct of texts and lists always becomes JSON.
        let content = serde_json::to_string(self.content).unwrap_or_default();
        let mut params = common(merchant, self.method, stamp)?;
        if self.notify {
            params.insert("notify_url", merchant.notify_url.clone());
        }
        if let (true, Some(return_url)) = (self.returns, &merchant.return_url) {
            params.insert("return_url", return_url.clone());
        }
        // Sealed first, signed afterwards: the signature covers what goes over the wire.
        let content = match &merchant.aes_key {
            None => content,
            Some(key) => {
                params.insert("encrypt_type", "AES".to_owned());
                content::seal(key, content.as_bytes()).map_err(|_| OurFault::BadContentKey)?
            }
        };
        params.insert(CONTENT, content);
        Ok(params)
    }
}

/// A POST of a call that has no business content: its fields stand beside the common ones, and
/// in the form (`payments.md` C10).
pub(super) fn plain_request(
    merchant: &Merchant,
    method: &str,
    fields: &[(&'static str, &str)],
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    let mut params = common(merchant, method, stamp)?;
    params.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    Ok(posted(merchant, signed(merchant, params)?, &names))
}

/// What every call carries.
fn common(merchant: &Merchant, method: &str, stamp: &Stamp) -> Result<Params, OurFault> {
    let mut params = BTreeMap::from([
        ("app_id", merchant.app_id.clone()),
        ("method", method.to_owned()),
        ("format", "JSON".to_owned()),
        ("charset", "utf-8".to_owned()),
        ("sign_type", "RSA2".to_owned()),
        ("timestamp", wire::moment(stamp.now)),
        ("version", "1.0".to_owned()),
    ]);
    if let Some(token) = &merchant.app_auth_token {
        let token = std::str::from_utf8(token.expose()).map_err(|_| OurFault::BadToken)?;
        params.insert("app_auth_token", token.to_owned());
    }
    if let Trust::Certificates { app_cert_sn, alipay_root_cert_sn, .. } = &merchant.trust {
        params.insert("app_cert_sn", app_cert_sn.clone());
        params.insert("alipay_root_cert_sn", alipay_root_cert_sn.clone());
    }
    Ok(params)
}

fn signed(merchant: &Merchant, mut params: Params) -> Result<Params, OurFault> {
    // An empty value is signed by some gateways and dropped by others; none is ever sent.
    params.retain(|_, value| !value.is_empty());
    let sign = merchant.signing_key.sign_sha256(signed_text(&params).as_bytes())?;
    params.insert("sign", sign);
    Ok(params)
}

/// A POST with the named fields in its form and the others in its query.
fn posted(merchant: &Merchant, params: Params, in_form: &[&str]) -> Request {
    let (form, query): (Params, Params) =
        params.into_iter().partition(|(name, _)| in_form.contains(name));
    Request {
        method: Method::Post,
        url: address(merchant, &query),
        headers: vec![
            (
                "content-type".to_owned(),
                "application/x-www-form-urlencoded;charset=utf-8".to_owned(),
            ),
            ("accept".to_owned(), "application/json".to_owned()),
        ],
        body: pairs(&form).into_bytes(),
        response_max: RESPONSE_MAX,
    }
}

const CONTENT: &str = "biz_content";

/// `k=v&k=v` in the order of the names, the values raw.
fn signed_text(params: &Params) -> String {
    let pairs: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn address(merchant: &Merchant, params: &Params) -> String {
    let joint = if merchant.gateway_url.contains('?') { '&' } else { '?' };
    format!("{}{joint}{}", merchant.gateway_url, pairs(params))
}

fn pairs(params: &Params) -> String {
    let pairs: Vec<String> =
        params.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.join("&")
}

pub(super) fn escaped(value: &str) -> String {
    utf8_percent_encode(value, ESCAPED).to_string()
}

/// Refuses numbers Alipay would refuse (`payments.md` B7).
pub(super) fn check_number(number: &str) -> Result<(), OurFault> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if (1..=64).contains(&number.len()) && number.bytes().all(legal) {
        Ok(())
    } else {
        Err(OurFault::BadNumber)
    }
}

/// Refuses amounts Alipay would refuse: 0.01 to 100,000,000.00 yuan.
pub(super) fn check_amount(amount: domain::Money) -> Result<(), OurFault> {
    if (1..=10_000_000_000).contains(&amount.fen()) { Ok(()) } else { Err(OurFault::BadAmount) }
}

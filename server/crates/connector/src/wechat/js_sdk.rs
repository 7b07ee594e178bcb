//! The signature a page needs for WeChat's JS-SDK (C8).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde::Deserialize;

use super::{
    answer::{self, Undone},
    app::{App, OurFault, get, plain},
    code::Call,
};
use crate::{
    http::{Request, Response, Stamp},
    outcome::Outcome,
    secret::Secret,
};

/// What pages are signed with. Few calls a day: one per account, cached, refreshed by one worker.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The ticket.
    pub ticket: Secret,
    /// How long it is good for, in seconds.
    pub expires_in_s: u32,
}

/// Asks for the ticket with the account's access token (C3, not a visitor's).
///
/// # Errors
/// What is wrong with our configuration; nothing was sent then.
pub fn ticket(app: &App, token: &Secret) -> Result<Request, OurFault> {
    let query = [("access_token", plain(token)?), ("type", "jsapi")];
    get(app, "/cgi-bin/ticket/getticket", &query)
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    ticket: Option<Secret>,
    #[serde(default)]
    expires_in: u32,
}

/// Reads the answer to [`ticket`].
pub fn read_ticket(response: &Response) -> Outcome<Ticket> {
    let read = || -> Result<Ticket, Undone> {
        let fields: Fields = answer::fields(Call::Ticket, response)?;
        let ticket = fields.ticket.filter(|ticket| !ticket.expose().is_empty());
        match (ticket, fields.expires_in) {
            (Some(ticket), expires_in_s @ 1..) => Ok(Ticket { ticket, expires_in_s }),
            _ => Err(answer::unreadable()),
        }
    };
    answer::settle(read())
}

/// What `wx.config` takes. The page writes `nonceStr`, the signed text `noncestr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSignature {
    /// The account.
    pub app_id: String,
    /// Seconds since 1970.
    pub timestamp: i64,
    /// The nonce that was signed.
    pub nonce: String,
    /// SHA-1 in lower-case hexadecimal.
    pub signature: String,
}

/// Signs the address of a page, as the page itself sees it (`location.href`): with its query,
/// which WeChat may have added to, and without its fragment.
///
/// `origins` are ours, scheme and host (`https://pay.example.com`).
///
/// # Errors
/// [`OurFault::ForeignPage`] for an address under no origin of ours: whoever may have any page
/// signed speaks with our account's voice.
pub fn sign_page(
    app: &App,
    ticket: &Secret,
    url: &str,
    origins: &[&str],
    stamp: &Stamp,
) -> Result<PageSignature, OurFault> {
    let url = url.split('#').next().unwrap_or_default();
    let is_ours = |origin: &&str| {
        let rest = url.strip_prefix(*origin);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    };
    if !origins.iter().any(is_ours) {
        return Err(OurFault::ForeignPage);
    }
    let (timestamp, nonce) = (stamp.now.timestamp(), stamp.nonce.clone());
    let ticket = plain(ticket)?;
    let text = format!("jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url}");
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    let signature = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(PageSignature { app_id: app.app_id.clone(), timestamp, nonce, signature })
}

//! The account's own access token (C3).

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::{
    answer::{self, Undone},
    app::{App, OurFault, plain, post},
    code::Call,
};
use crate::{
    http::{Request, Response},
    outcome::Outcome,
    secret::Secret,
};

/// What the account's calls are made with.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token; a store must take at least 512 characters.
    pub token: Secret,
    /// How long it is good for, in seconds, at most 7200. WeChat makes the next one five minutes
    /// earlier and lets both work until then.
    pub expires_in_s: u32,
}

/// The longest token we keep, in bytes.
pub const TOKEN_MAX: usize = 2_048;

/// The longest life a token is believed to have, in seconds.
const LIFE_S_MAX: u32 = 7_200;

#[derive(Serialize)]
struct Body<'a> {
    grant_type: &'static str,
    appid: &'a str,
    secret: &'a str,
    force_refresh: bool,
}

/// Asks for the token. Asked by two nodes at once, both get the same one: it is never forced,
/// because a forced one kills the other node's (F4 no. 29).
///
/// # Errors
/// What is wrong with our configuration; nothing was sent then.
pub fn token(app: &App) -> Result<Request, OurFault> {
    let body = Body {
        grant_type: "client_credential",
        appid: &app.app_id,
        secret: plain(&app.secret)?,
        force_refresh: false,
    };
    post(app, "/cgi-bin/stable_token", None, &body)
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    access_token: Option<Secret>,
    #[serde(default)]
    expires_in: u32,
}

/// Reads the answer to [`token`] and wipes it.
pub fn read_token(mut response: Response) -> Outcome<AccessToken> {
    let read = || -> Result<AccessToken, Undone> {
        let fields: Fields = answer::fields(Call::Token, &response)?;
        let is_sound = |token: &Secret| (1..=TOKEN_MAX).contains(&token.expose().len());
        let token = fields.access_token.filter(is_sound).ok_or_else(answer::unreadable)?;
        if !(1..=LIFE_S_MAX).contains(&fields.expires_in) {
            return Err(answer::unreadable());
        }
        Ok(AccessToken { token, expires_in_s: fields.expires_in })
    };
    let outcome = answer::settle(read());
    response.body.zeroize();
    outcome
}

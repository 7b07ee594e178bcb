//! The account's token and its ticket for pages (payments.md C3, C8).

use std::collections::BTreeMap;

use serde_json::json;

use super::answer::{Outcome, Refusal};
use super::call::Ask;
use crate::chance::Chance;
use crate::config::WechatApp;
use crate::world::World;

/// How long a token or a ticket lives, in milliseconds.
const LIFE_MS: i64 = 7_200_000;

/// So long before its end a new one is made, and so long the old one works on.
const OVERLAP_MS: i64 = 300_000;

/// The length of a token: what a store must be able to take.
const TOKEN_CHARS: usize = 512;

/// A text and the end of its life in Unix milliseconds.
#[derive(Clone)]
struct Lease {
    text: String,
    until_ms: i64,
}

/// The tokens and tickets in force, by application.
#[derive(Default)]
pub(crate) struct Tokens {
    current: BTreeMap<String, Lease>,
    former: BTreeMap<String, Lease>,
    tickets: BTreeMap<String, Lease>,
}

impl Tokens {
    fn stable(&mut self, chance: &mut Chance, app_id: &str, force: bool, now_ms: i64) -> &Lease {
        let good = self.current.get(app_id).is_some_and(|one| now_ms < one.until_ms - OVERLAP_MS);
        if !good || force {
            match self.current.remove(app_id).filter(|_| !force) {
                Some(former) => self.former.insert(app_id.to_owned(), former),
                None => self.former.remove(app_id),
            };
        }
        let make = || Lease { text: chance.letters(TOKEN_CHARS), until_ms: now_ms + LIFE_MS };
        self.current.entry(app_id.to_owned()).or_insert_with(make)
    }

    fn ticket(&mut self, chance: &mut Chance, app_id: &str, now_ms: i64) -> &Lease {
        self.tickets.retain(|_, ticket| now_ms < ticket.until_ms);
        let make = || Lease { text: chance.letters(86), until_ms: now_ms + LIFE_MS };
        self.tickets.entry(app_id.to_owned()).or_insert_with(make)
    }

    /// Takes the tokens of an application out of force.
    pub(crate) fn revoke(&mut self, app_id: &str) {
        self.current.remove(app_id);
        self.former.remove(app_id);
    }

    /// The application a token belongs to.
    fn owner(&self, token: &str, now_ms: i64) -> Result<&str, Refusal> {
        let mut all = self.current.iter().chain(&self.former);
        let found = all.find(|(_, lease)| lease.text == token);
        let invalid = "invalid credential, access_token is invalid or not latest";
        let (app_id, lease) = found.ok_or_else(|| Refusal::new(40001, invalid))?;
        if now_ms >= lease.until_ms {
            return Err(Refusal::new(42001, "access_token expired"));
        }
        Ok(app_id)
    }
}

/// The account that calls, by the token in its query.
pub(crate) fn caller(world: &World, ask: &Ask) -> Result<WechatApp, Refusal> {
    let token = ask.param("access_token");
    if token.is_empty() {
        return Err(Refusal::new(41001, "access_token missing"));
    }
    let now_ms = world.now_ms();
    let state = world.state();
    let app_id = state.tokens.owner(&token, now_ms)?;
    let app = world.wechat_app(app_id);
    app.cloned().ok_or_else(|| Refusal::new(40013, "invalid appid"))
}

/// The account that calls, by its number and secret.
pub(crate) fn account(world: &World, app_id: &str, secret: &str) -> Result<WechatApp, Refusal> {
    if app_id.is_empty() {
        return Err(Refusal::new(41002, "appid missing"));
    }
    if secret.is_empty() {
        return Err(Refusal::new(41004, "appsecret missing"));
    }
    let app = world.wechat_app(app_id).ok_or_else(|| Refusal::new(40013, "invalid appid"))?;
    if app.secret != secret {
        return Err(Refusal::new(40125, "invalid appsecret"));
    }
    Ok(app.clone())
}

/// `stable_token`.
pub(crate) fn stable(world: &World, ask: &Ask) -> Outcome {
    if ask.text("/grant_type") != "client_credential" {
        return Err(Refusal::new(40002, "invalid grant_type"));
    }
    let app = account(world, ask.text("/appid"), ask.text("/secret"))?;
    let force = ask.json["force_refresh"].as_bool().unwrap_or_default();
    let now_ms = world.now_ms();
    let mut state = world.state();
    let state = &mut *state;
    let lease = state.tokens.stable(&mut state.chance, &app.app_id, force, now_ms);
    let expires_in = (lease.until_ms - now_ms) / 1_000;
    Ok(json!({"access_token": lease.text, "expires_in": expires_in}))
}

/// `getticket`.
pub(crate) fn ticket(world: &World, app: &WechatApp, ask: &Ask) -> Outcome {
    if ask.param("type") != "jsapi" {
        return Err(Refusal::new(40097, "invalid args"));
    }
    let now_ms = world.now_ms();
    let mut state = world.state();
    let state = &mut *state;
    let lease = state.tokens.ticket(&mut state.chance, &app.app_id, now_ms);
    let expires_in = (lease.until_ms - now_ms) / 1_000;
    Ok(json!({"errcode": 0, "errmsg": "ok", "ticket": lease.text, "expires_in": expires_in}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stays_the_same_until_shortly_before_its_end_and_the_former_works_on() {
        let (mut tokens, mut chance) = (Tokens::default(), Chance::new(1));
        let mut get = |tokens: &mut Tokens, force, now_ms| {
            tokens.stable(&mut chance, "wx1", force, now_ms).text.clone()
        };
        let first = get(&mut tokens, false, 0);
        assert_eq!(first.len(), TOKEN_CHARS);
        assert_eq!(get(&mut tokens, false, LIFE_MS - OVERLAP_MS - 1), first);
        let second = get(&mut tokens, false, LIFE_MS - OVERLAP_MS);
        assert_ne!(second, first);
        let owner = |tokens: &Tokens, token: &str, now_ms| {
            tokens.owner(token, now_ms).map(str::to_owned).map_err(|refusal| refusal.errcode)
        };
        assert_eq!(owner(&tokens, &first, LIFE_MS - 1), Ok("wx1".to_owned()));
        assert_eq!(owner(&tokens, &first, LIFE_MS), Err(42001));
        assert_eq!(owner(&tokens, &second, LIFE_MS), Ok("wx1".to_owned()));
        let forced = get(&mut tokens, true, LIFE_MS);
        assert_eq!(owner(&tokens, &second, LIFE_MS), Err(40001), "a forced one kills the other");
        tokens.revoke("wx1");
        assert_eq!(owner(&tokens, &forced, LIFE_MS), Err(40001));
    }
}

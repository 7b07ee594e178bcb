//! Signing in on a page inside WeChat or Alipay: there and back over the provider's own page.
//!
//! The browser gets a cookie before it goes and brings it back with the state; only then the code
//! is exchanged, once. What the page gets is a ticket, good once, for a minute, with that cookie.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector::{alipay, wechat};
use domain::{IdentityKind, PersonId};
use serde::Deserialize;
use store::{
    StoreError,
    person::{
        self, KnownBy,
        ticket::{self, Ticket},
    },
    rate::{self, Budget},
};
use utoipa::{IntoParams, ToSchema};

use super::{Start, TenantSession, page::Page, provider::known_in_alipay};
use crate::{
    answer::Answer,
    budget,
    call::Call,
    desk::Desk,
    door::settled,
    failure::{Failure, Result},
    keyed::{MAC_LEN, drawn, sha256},
    route::{Need, Route},
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/session/wechat", "session.wechat", |call| Box::pin(to_wechat(call)))
        .needs(Need::Nothing)
        .says("去微信网页授权", "To WeChat, which tells who the visitor is")
        .query::<Going>()
        .redirects(),
    Route::get("/session/wechat/back", "session.wechat_back", |call| Box::pin(from_wechat(call)))
        .needs(Need::Nothing)
        .says("微信网页授权返回", "Back from WeChat")
        .query::<WechatBack>()
        .redirects(),
    Route::get("/session/alipay", "session.alipay", |call| Box::pin(to_alipay(call)))
        .needs(Need::Nothing)
        .says("去支付宝授权", "To Alipay, which tells who the visitor is")
        .query::<Going>()
        .redirects(),
    Route::get("/session/alipay/back", "session.alipay_back", |call| Box::pin(from_alipay(call)))
        .needs(Need::Nothing)
        .says("支付宝授权返回", "Back from Alipay")
        .query::<AlipayBack>()
        .redirects(),
    Route::post("/session/ticket", "session.ticket", |call| Box::pin(redeem(call)))
        .needs(Need::Nothing)
        .says("用返回的票据登录", "Sign in with the ticket a sign-in page came back with")
        .body::<TicketWish>()
        .answers::<TenantSession>(200),
];

/// The cookie that ties a provider's sign-in page to the browser that went there.
pub const BROWSER_COOKIE: &str = "yufu_browser";
/// The only addresses the cookie goes to.
const COOKIE_PATH: &str = "/api/mini/v1/session";
/// How long a visitor may take on the provider's page.
const STATE_LIFE: TimeDelta = TimeDelta::minutes(10);
/// How long a ticket is good for.
const TICKET_LIFE: TimeDelta = TimeDelta::seconds(60);
/// How long a page that is loaded twice waits for the ticket of the load that was first, and how
/// often it looks.
const TICKET_WAIT_MAX: Duration = Duration::from_secs(5);
const TICKET_LOOK: Duration = Duration::from_millis(100);
/// How many digits of the state are chance, and how many the time it was made.
const NONCE_LEN: usize = 32;
const TIME_LEN: usize = 8;
const STATE_LEN: usize = TIME_LEN + NONCE_LEN + MAC_LEN;
/// How many digits the browser's secret has.
const BROWSER_LEN: usize = 32;
/// The longest cookie that is looked at, in bytes.
const COOKIE_MAX: usize = 512;

/// Where to come back to.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct Going {
    /// `/t/TAG`, `/m/` or `/m/#/pages/…`; anything else is refused.
    #[param(example = "/t/7QK2MZ9XW4RT")]
    pub return_to: String,
}

/// What WeChat's page comes back with; without a code the visitor refused.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default)]
pub struct WechatBack {
    /// The visitor's code.
    pub code: String,
    /// What we gave along.
    pub state: String,
}

/// What Alipay's page comes back with, beside what it may add.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default)]
pub struct AlipayBack {
    /// The visitor's code.
    pub auth_code: String,
    /// What we gave along.
    pub state: String,
    /// The application the code is of.
    pub app_id: String,
}

/// A ticket to be used up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketWish {
    /// The `ticket` of the page's address.
    pub ticket: String,
}

/// A browser that goes to a sign-in page: its secret, and the page it wants back to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Browser {
    secret: String,
    page: Page,
    wish: String,
}

impl Browser {
    /// Reads the cookie. The wish in it is checked like one that comes fresh: whoever writes
    /// cookies here still goes nowhere else.
    fn read(cookie: &str) -> Option<Browser> {
        if cookie.len() > COOKIE_MAX || !cookie.is_ascii() {
            return None;
        }
        let (secret, wish) = cookie.split_once('.')?;
        let is_hex = secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        if secret.len() != BROWSER_LEN || !is_hex {
            return None;
        }
        let wish = percent_encoding::percent_decode_str(wish).decode_utf8().ok()?.into_owned();
        Some(Browser { secret: secret.to_owned(), page: Page::read(&wish)?, wish })
    }

    fn cookie(&self, is_tls: bool) -> String {
        let wish =
            percent_encoding::utf8_percent_encode(&self.wish, percent_encoding::NON_ALPHANUMERIC);
        let (secret, seconds) = (&self.secret, STATE_LIFE.num_seconds());
        let secure = if is_tls { "; Secure" } else { "" };
        format!(
            "{BROWSER_COOKIE}={secret}.{wish}; Path={COOKIE_PATH}; HttpOnly; SameSite=Lax; \
             Max-Age={seconds}{secure}"
        )
    }

    /// What is stored of the secret.
    fn hash(&self) -> String {
        sha256(&self.secret)
    }
}

/// A fresh state: the moment, chance, and a signature over both, the provider and the browser.
fn state_of(desk: &Desk, provider: &str, browser: &Browser) -> String {
    let nonce = drawn(desk.rng.as_ref(), NONCE_LEN / 2);
    let body = format!("{:08x}{nonce}", desk.clock.now().timestamp());
    let mac = desk.keyed.hash("state", &[provider, &body, &browser.secret]);
    format!("{body}{}", &mac[..MAC_LEN])
}

/// Whether a state is ours, of this browser and not too old.
fn is_ours(desk: &Desk, provider: &str, state: &str, browser: &Browser) -> bool {
    if state.len() != STATE_LEN || !state.is_ascii() {
        return false;
    }
    let (body, mac) = state.split_at(STATE_LEN - MAC_LEN);
    let made = i64::from_str_radix(&body[..TIME_LEN], 16).unwrap_or(0);
    let age = desk.clock.now().timestamp() - made;
    (0..=STATE_LIFE.num_seconds()).contains(&age)
        && desk.keyed.fits(mac, "state", &[provider, body, &browser.secret])
}

/// Sends a browser to a provider's page.
fn leave(
    call: &Call,
    provider: &str,
    link: impl FnOnce(&str, &str) -> Result<String>,
) -> Result<Answer> {
    let going: Going = call.query()?;
    let page = Page::read(&going.return_to).ok_or(Failure::Malformed("return_to"))?;
    // A browser that is on its way already keeps its secret, so that two tabs both come back.
    let known = call.client.browser.as_deref().and_then(Browser::read);
    let fresh = || drawn(call.desk.rng.as_ref(), BROWSER_LEN / 2);
    let secret = known.map_or_else(fresh, |known| known.secret);
    let browser = Browser { secret, page, wish: going.return_to };
    let settings = &call.desk.settings;
    let back = format!("{}{COOKIE_PATH}/{provider}/back", settings.public_url);
    let place = link(&back, &state_of(&call.desk, provider, &browser))?;
    Ok(Answer::go_to(place).with("set-cookie", browser.cookie(settings.is_tls())))
}

async fn to_wechat(call: Call) -> Result<Answer> {
    let app = call.desk.doors.wechat_page.clone().ok_or(Failure::NotOffered)?;
    leave(&call, "wechat", |back, state| {
        wechat::authorize_link(&app, wechat::Scope::Base, back, state)
            .map_err(|error| Failure::internal(&error))
    })
}

async fn to_alipay(call: Call) -> Result<Answer> {
    let (door, keys) = call.desk.doors.alipay(&call.desk.house)?;
    leave(&call, "alipay", |back, state| {
        alipay::authorize_link(keys.get()?, &door.authorize_url, back, state)
            .map_err(|error| Failure::internal(&error))
    })
}

async fn from_wechat(call: Call) -> Result<Answer> {
    let back: WechatBack = call.query()?;
    let app = call.desk.doors.wechat_page.clone().ok_or(Failure::NotOffered)?;
    let desk = std::sync::Arc::clone(&call.desk);
    arrive(&call, "wechat", &back.state, async move || {
        let request = wechat::exchange(&app, &back.code).map_err(|_| Failure::CodeRefused)?;
        match settled("wechat", desk.ask(request, wechat::read_exchange).await)? {
            wechat::Visitor::Person(person) => {
                let (kind, scope) = (IdentityKind::WechatPage, app.app_id.clone());
                let by = KnownBy { kind, scope, value: person.openid };
                Ok(Some((by, person.unionid)))
            }
            wechat::Visitor::Snapshot => Ok(None),
        }
    })
    .await
}

async fn from_alipay(call: Call) -> Result<Answer> {
    let back: AlipayBack = call.query()?;
    let desk = std::sync::Arc::clone(&call.desk);
    let (door, keys) = desk.doors.alipay(&desk.house)?;
    arrive(&call, "alipay", &back.state, async || {
        if !back.app_id.is_empty() && back.app_id != door.app_id {
            return Err(Failure::CodeRefused);
        }
        let keys = keys.get()?;
        let request = alipay::sign_in(keys, &back.auth_code, &desk.stamp());
        let request = request.map_err(|_| Failure::CodeRefused)?;
        let read = |response| alipay::read_sign_in(keys, &response);
        let visitor = settled("alipay", desk.ask(request, read).await)?;
        Ok(Some((known_in_alipay(&door.app_id, visitor), None)))
    })
    .await
}

/// Somebody the provider named: by what they are known, and their unionid. `None` for the virtual
/// visitor of a snapshot page, who is never signed in (C7).
type Named = Option<(KnownBy, Option<String>)>;

/// Receives a browser that comes back, and sends it on to the page it wanted, with a ticket or
/// with the reason why not. The page says it in the person's words; a problem document would be
/// all a browser shows.
async fn arrive(
    call: &Call,
    provider: &str,
    state: &str,
    exchange: impl AsyncFnOnce() -> Result<Named>,
) -> Result<Answer> {
    let browser = call.client.browser.as_deref().and_then(Browser::read);
    let Some(browser) = browser.filter(|b| is_ours(&call.desk, provider, state, b)) else {
        return Ok(refused(&Page::default(), "code.refused"));
    };
    let page = &browser.page;
    match ticket_for(call, &browser, state, exchange).await {
        Ok(Some(ticket)) => Ok(Answer::go_to(page.with("ticket", &ticket).as_str().to_owned())),
        Ok(None) => Ok(refused(page, "snapshot")),
        Err(Failure::CodeRefused) => Ok(refused(page, "code.refused")),
        Err(Failure::TooMany { .. }) => Ok(refused(page, "too_many_tries")),
        Err(Failure::DoorClosed(_)) => Ok(refused(page, "door.closed")),
        Err(other) => Err(other),
    }
}

fn refused(page: &Page, why: &str) -> Answer {
    let why = why.replace('.', "_");
    Answer::go_to(page.with("sign_in", &why).as_str().to_owned())
}

/// The ticket a state leads to. It is made from the state, so that a page that is loaded twice
/// gets the same one and the code is exchanged once (C7).
///
/// Invariant: of any number of loads of one state one asks the provider; proved by
/// `a_code_is_exchanged_once_however_often_the_page_comes_back`.
async fn ticket_for(
    call: &Call,
    browser: &Browser,
    state: &str,
    exchange: impl AsyncFnOnce() -> Result<Named>,
) -> Result<Option<String>> {
    let (desk, now) = (&call.desk, call.desk.clock.now());
    let text = desk.keyed.hash("ticket", &[state]);
    let hash = sha256(&text);
    if ticket::by_hash(desk.house.store().read(), &hash).await?.is_some() {
        return Ok(Some(text));
    }
    let once = Budget::new(format!("state:{}", sha256(state)), STATE_LIFE * 2, 1);
    let is_first = desk
        .house
        .store()
        .transact(move |tx| Box::pin(async move { rate::spend(tx, &once, 1, now).await }))
        .await?;
    if !is_first {
        // The same page, loaded twice at once: whichever stays on the screen needs the ticket.
        let made = wait_for(desk, &hash).await?;
        return if made { Ok(Some(text)) } else { Err(Failure::CodeRefused) };
    }
    budget::spend(desk, &[budget::sign_ins(call)]).await?;
    let Some((by, union_id)) = exchange().await? else { return Ok(None) };
    keep(desk, by, union_id, (hash, browser.hash())).await?;
    Ok(Some(text))
}

/// Waits for the ticket another load of the same page is asking the provider for.
async fn wait_for(desk: &Desk, hash: &str) -> Result<bool> {
    let until = desk.clock.monotonic() + TICKET_WAIT_MAX;
    while desk.clock.monotonic() < until {
        desk.house.store().wait_for_work(TICKET_LOOK).await;
        if ticket::by_hash(desk.house.store().read(), hash).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps a ticket for the person who was named.
async fn keep(
    desk: &Desk,
    by: KnownBy,
    union_id: Option<String>,
    (hash, browser_hash): (String, String),
) -> Result<()> {
    let now: DateTime<Utc> = desk.clock.now();
    let new = PersonId::generate(desk.clock.as_ref(), desk.rng.as_ref());
    desk.house
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let person = person::sign_in(tx, &by, union_id.as_deref(), new, now).await?.person;
                let row = Ticket {
                    hash,
                    person_id: person.0,
                    browser_hash,
                    created_at: now,
                    expires_at: now + TICKET_LIFE,
                    used_at: None,
                };
                ticket::insert(tx, row).await
            })
        })
        .await?;
    Ok(())
}

/// Signs in with a ticket, in the browser that went to the provider's page and in no other;
/// proved by `a_ticket_of_another_browser_opens_nothing`. A second page of the same browser is
/// told that the first has signed in.
async fn redeem(call: Call) -> Result<Answer> {
    let wish: TicketWish = call.body()?;
    let browser = call.client.browser.as_deref().and_then(Browser::read);
    let browser = browser.ok_or(Failure::CodeRefused)?;
    let start = Start::draw(&call);
    let (unit, now) = (start.clone(), call.desk.clock.now());
    let (hash, browser_hash) = (sha256(&wish.ticket), browser.hash());
    let store = call.desk.house.store();
    let opened = store
        .transact(move |tx| {
            Box::pin(async move {
                if let Some(person) = ticket::redeem(tx, &hash, &browser_hash, now).await? {
                    return unit.open(tx, person).await.map(Ok);
                }
                let used = ticket::was_used_here(tx, &hash, &browser_hash, now).await?;
                let why = if used { Failure::SignedIn } else { Failure::CodeRefused };
                Ok::<_, StoreError>(Err(why))
            })
        })
        .await?;
    start.answer(&call.desk, &opened?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_leads_nowhere_else() {
        let browser = Browser {
            secret: "0123456789abcdef0123456789abcdef".to_owned(),
            page: Page::read("/t/7QK2").unwrap(),
            wish: "/t/7QK2".to_owned(),
        };
        let cookie = browser.cookie(true);
        let want = "yufu_browser=0123456789abcdef0123456789abcdef.%2Ft%2F7QK2; \
                    Path=/api/mini/v1/session; HttpOnly; SameSite=Lax; Max-Age=600; Secure";
        assert_eq!(cookie, want);
        assert!(!browser.cookie(false).contains("Secure"));
        let value = cookie.split(';').next().unwrap().split_once('=').unwrap().1;
        assert_eq!(Browser::read(value), Some(browser));
        for bad in [
            "0123456789abcdef0123456789abcdef",
            "0123456789abcdef0123456789abcdef.https%3A%2F%2Fevil.example",
            "0123456789abcdef0123456789abcdeg.",
            "short.",
            "",
        ] {
            assert_eq!(Browser::read(bad), None, "{bad:?}");
        }
    }
}

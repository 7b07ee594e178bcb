//! Who somebody is: the mini-program's code, the page's code, the phone button
//! (payments.md C1, C2, C7).

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::call::Ask;
use super::token::account;
use crate::code::{Purpose, Spoilt};
use crate::config::{WechatApp, WechatKind};
use crate::crypto::digest;
use crate::fault::Fault;
use crate::people;
use crate::world::World;

fn invalid_code() -> Refusal {
    Refusal::new(40029, "invalid code")
}

/// The application of a call that names it with its secret, and the right grant.
fn granted(world: &World, ask: &Ask, kind: WechatKind) -> Result<WechatApp, Refusal> {
    let app = account(world, &ask.param("appid"), &ask.param("secret"))?;
    if ask.param("grant_type") != "authorization_code" {
        return Err(Refusal::new(40002, "invalid grant_type"));
    }
    if app.kind != kind {
        return Err(Refusal::new(40013, "invalid appid"));
    }
    Ok(app)
}

/// Writes down that the application knows the person, and what it may know.
fn names(world: &World, app: &WechatApp, person: &str) -> Value {
    let openid = people::openid(&app.app_id, person);
    world.state().people.introduce(&app.app_id, &openid, person);
    let mut names = json!({"openid": openid});
    if app.union {
        names["unionid"] = people::unionid(person).into();
    }
    names
}

/// `jscode2session`.
pub(crate) fn session(world: &World, ask: &Ask) -> Outcome {
    let app = granted(world, ask, WechatKind::MiniProgram)?;
    let code = ask.param("js_code");
    if code.is_empty() {
        return Err(Refusal::new(41008, "missing code"));
    }
    let now_ms = world.now_ms();
    let taken = world.state().codes.take(&code, &app.app_id, &[Purpose::Login], now_ms);
    let (person, _) = taken.map_err(|spoilt| match spoilt {
        Spoilt::Used => Refusal::new(40163, "code been used"),
        Spoilt::Wrong | Spoilt::Expired => invalid_code(),
    })?;
    let mut fields = names(world, &app, &person);
    // Sixteen bytes in base64, as the real ones are.
    fields["session_key"] = format!("{}==", world.state().chance.letters(22)).into();
    Ok(fields)
}

/// The exchange of a page's code.
pub(crate) fn exchange(world: &World, ask: &Ask, faults: &[Fault]) -> Outcome {
    let app = granted(world, ask, WechatKind::ServiceAccount)?;
    let code = ask.param("code");
    if code.is_empty() {
        return Err(Refusal::new(41008, "missing code"));
    }
    let now_ms = world.now_ms();
    let purposes = [Purpose::Base, Purpose::UserInfo];
    let taken = world.state().codes.take(&code, &app.app_id, &purposes, now_ms);
    let (person, purpose) = taken.map_err(|spoilt| match spoilt {
        Spoilt::Used => Refusal::new(40163, "code been used"),
        Spoilt::Expired => Refusal::new(42003, "code expired"),
        Spoilt::Wrong => invalid_code(),
    })?;
    let scope = if purpose == Purpose::Base { "snsapi_base" } else { "snsapi_userinfo" };
    let mut fields = if faults.contains(&Fault::Snapshot) {
        // A virtual account: another one every time, and nobody behind it.
        let virtual_person = digest::sha256_hex(code.as_bytes());
        json!({"openid": people::openid(&app.app_id, &virtual_person), "is_snapshotuser": 1})
    } else {
        names(world, &app, &person)
    };
    // The visitor's own tokens: no call of the account takes them.
    let mut state = world.state();
    fields["access_token"] = state.chance.letters(86).into();
    fields["refresh_token"] = state.chance.letters(86).into();
    fields["expires_in"] = 7_200.into();
    fields["scope"] = scope.into();
    Ok(fields)
}

/// `getuserphonenumber`.
pub(crate) fn phone(world: &World, app: &WechatApp, ask: &Ask) -> Outcome {
    if app.kind != WechatKind::MiniProgram {
        return Err(Refusal::new(48001, "api unauthorized"));
    }
    let now_ms = world.now_ms();
    let mut state = world.state();
    let taken = state.codes.take(ask.text("/code"), &app.app_id, &[Purpose::Phone], now_ms);
    let (person, _) = taken.map_err(|_| invalid_code())?;
    let named = ask.text("/openid");
    if !named.is_empty() && named != people::openid(&app.app_id, &person) {
        return Err(invalid_code());
    }
    let phone = state.people.get(&person).phone;
    let watermark = json!({"timestamp": now_ms / 1_000, "appid": app.app_id});
    // A number where the document promises a text, as in its own sample.
    let info = json!({"phoneNumber": phone, "purePhoneNumber": phone, "countryCode": 86,
        "watermark": watermark});
    Ok(json!({"errcode": 0, "errmsg": "ok", "phone_info": info}))
}

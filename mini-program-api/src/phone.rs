//! Phone numbers: signing in with a code that was sent, and giving oneself a number.

use connector::{
    Secret,
    wechat::{self, Phone},
};
use domain::{ChallengeId, CodePurpose, IdentityKind, PersonId};
use serde::Deserialize;
use store::{
    StoreError,
    person::{self, KnownBy, Linked},
    sms_challenge::{self, Said, Tried},
};
use utoipa::ToSchema;

use crate::{
    answer::Answer,
    budget,
    call::Call,
    desk::Desk,
    door::settled,
    failure::{Failure, Result},
    me::PersonView,
    reach,
    route::{Need, Route},
    session::{
        Start, TenantSession,
        provider::{WechatCode, in_code},
    },
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/session/sms", "session.sms", |call| Box::pin(sign_in(call)))
        .needs(Need::Nothing)
        .says("短信验证码登录", "Sign in with a code that was sent by SMS")
        .body::<CodeSaid>()
        .answers::<TenantSession>(200),
    Route::post("/me/phone", "me.phone", |call| Box::pin(set_phone(call)))
        .says("设置手机号", "Take a phone number that answered a code for oneself")
        .body::<CodeSaid>()
        .answers::<PersonView>(200),
    Route::post("/me/wechat-phone", "me.wechat_phone", |call| Box::pin(set_wechat_phone(call)))
        .says("用微信手机号", "Take the number WeChat knows, by the code of its phone button")
        .body::<WechatCode>()
        .answers::<PersonView>(200),
];

/// How many digits a code has.
pub const CODE_LEN: usize = 6;

/// A code that is said back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeSaid {
    /// What the request for the code answered.
    #[schema(example = "019e0000-0000-7000-8000-000000000001")]
    pub challenge: String,
    /// Six digits.
    #[schema(example = "123456")]
    pub code: String,
}

/// A code that is said back, read: which one, and its hash.
pub(crate) fn said(
    desk: &Desk,
    (challenge, code): (&str, &str),
    purpose: CodePurpose,
    person: Option<PersonId>,
) -> Result<Said> {
    let id: ChallengeId = challenge.parse().map_err(|_| Failure::Malformed("challenge"))?;
    let code = code.trim();
    if code.len() != CODE_LEN || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::Malformed("code"));
    }
    Ok(Said { id, purpose, person, code_hash: code_hash(desk, id, code) })
}

/// What is stored of a code: nobody who reads the table can try the million there are.
pub(crate) fn code_hash(desk: &Desk, id: ChallengeId, code: &str) -> String {
    desk.keyed.hash("sms-code", &[&id.to_string(), code])
}

/// Eleven digits of a mobile number in mainland China, however it is written.
pub fn mobile(written: &str) -> Option<String> {
    let digits: String = written.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let digits = digits.strip_prefix("+86").unwrap_or(&digits);
    let mut bytes = digits.bytes();
    let begins =
        bytes.next() == Some(b'1') && bytes.next().is_some_and(|b| (b'3'..=b'9').contains(&b));
    let is_mobile = begins && digits.len() == 11 && digits.bytes().all(|b| b.is_ascii_digit());
    is_mobile.then(|| digits.to_owned())
}

async fn sign_in(call: Call) -> Result<Answer> {
    let wish: CodeSaid = call.body()?;
    let desk = &call.desk;
    let said = said(desk, (&wish.challenge, &wish.code), CodePurpose::SignIn, None)?;
    budget::spend(desk, &[budget::said(&call)]).await?;
    let start = Start::draw(&call);
    let (unit, now) = (start.clone(), desk.clock.now());
    let opened = desk
        .house
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let Tried::Right(challenge) = sms_challenge::try_code(tx, &said, now).await? else {
                    return Ok::<_, StoreError>(None);
                };
                let Some(phone) = challenge.phone else { return Ok(None) };
                unit.sign_in(tx, &KnownBy::phone(&phone), None).await.map(Some)
            })
        })
        .await?;
    start.answer(desk, &opened.ok_or(Failure::CodeRefused)?).await
}

async fn set_phone(call: Call) -> Result<Answer> {
    let wish: CodeSaid = call.body()?;
    let (desk, caller) = (&call.desk, *call.caller()?);
    let purpose = CodePurpose::Phone;
    let said = said(desk, (&wish.challenge, &wish.code), purpose, Some(caller.person))?;
    budget::spend(desk, &[budget::said(&call)]).await?;
    let now = desk.clock.now();
    let linked = desk
        .house
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let Tried::Right(challenge) = sms_challenge::try_code(tx, &said, now).await? else {
                    return Ok::<_, StoreError>(None);
                };
                let Some(phone) = challenge.phone else { return Ok(None) };
                person::set_phone(tx, caller.person, &phone, now).await.map(Some)
            })
        })
        .await?;
    answered(&call, linked.ok_or(Failure::CodeRefused)?).await
}

/// The number behind WeChat's phone button; asked together with the caller's own openid, so that
/// nobody takes the number of a code that another person pressed (C2).
async fn set_wechat_phone(call: Call) -> Result<Answer> {
    let wish: WechatCode = call.body()?;
    let (desk, caller) = (&call.desk, *call.caller()?);
    let app = desk.doors.mini(&wish.app_id)?;
    let db = desk.house.store().read();
    let known = person::identities(db, caller.person).await?;
    let kind = IdentityKind::WechatMini.as_str();
    let own = known.iter().find(|row| row.kind == kind && row.scope == app.app_id);
    let openid = own.map(|row| row.value.clone()).ok_or(Failure::CodeRefused)?;
    budget::spend(desk, &[budget::sign_ins(&call)]).await?;
    let phone = wechat_phone(desk, app, &wish.code, &openid).await?;
    let mobile = (phone.country == "86").then(|| mobile(&phone.number)).flatten();
    // Codes and notices go to mainland numbers only; another one would never hear from us.
    let mobile = mobile.ok_or(Failure::Malformed("phone"))?;
    let now = desk.clock.now();
    let linked = desk
        .house
        .store()
        .transact(move |tx| {
            Box::pin(async move { person::set_phone(tx, caller.person, &mobile, now).await })
        })
        .await?;
    answered(&call, linked).await
}

/// Asks WeChat for a number, with the token everything else is asked with (C3, F4 no. 29).
async fn wechat_phone(desk: &Desk, app: &wechat::App, code: &str, openid: &str) -> Result<Phone> {
    let make = |token: &Secret| wechat::phone(app, token, code, Some(openid));
    // A code that cannot be one is the caller's fault, whatever the token.
    make(&Secret::new("-")).map_err(|error| in_code("code", error))?;
    settled("wechat", desk.house.ask_wechat(app, make, |r| wechat::read_phone(app, r)).await)
}

async fn answered(call: &Call, linked: Linked) -> Result<Answer> {
    if linked == Linked::Taken {
        return Err(Failure::IdentityTaken);
    }
    let person = reach::person(&call.desk, call.caller()?).await?;
    let db = call.desk.house.store().read();
    let identities = person::identities(db, person.person_id()).await?;
    Answer::ok(&PersonView::of(&person, &identities))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mobile_number_is_read_however_it_is_written() {
        let table = [
            ("13800138000", Some("13800138000")),
            ("+86 138-0013-8000", Some("13800138000")),
            ("+8613800138000", Some("13800138000")),
            ("12800138000", None),
            ("1380013800", None),
            ("138001380000", None),
            ("+113800138000", None),
            ("１３８００１３８０００", None),
            ("02112345678", None),
            ("", None),
        ];
        for (written, want) in table {
            assert_eq!(mobile(written).as_deref(), want, "{written}");
        }
    }
}

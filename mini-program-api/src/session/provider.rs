//! Signing in from inside a mini-program: the code it got is exchanged here, on the server. Who
//! the visitor is comes from the provider's answer alone, never from a request (S20).

use connector::{
    alipay::{self, Buyer},
    wechat,
};
use domain::IdentityKind;
use serde::Deserialize;
use store::person::KnownBy;
use utoipa::ToSchema;

use crate::{
    answer::Answer,
    budget,
    call::Call,
    door::settled,
    failure::{Failure, Result},
    route::{Need, Route},
    session::{self, TenantSession},
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/session/wechat-mini", "session.wechat_mini", |call| Box::pin(from_wechat(call)))
        .needs(Need::Nothing)
        .says("微信小程序登录", "Sign in with the code of wx.login")
        .body::<WechatCode>()
        .answers::<TenantSession>(200),
    Route::post("/session/alipay-mini", "session.alipay_mini", |call| Box::pin(from_alipay(call)))
        .needs(Need::Nothing)
        .says("支付宝小程序登录", "Sign in with the code of my.getAuthCode")
        .body::<AlipayCode>()
        .answers::<TenantSession>(200),
];

/// The code of a WeChat mini-program.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WechatCode {
    /// The mini-program the code is of.
    #[schema(example = "wx8888888888888888")]
    pub app_id: String,
    /// What `wx.login` or the phone button gave; good once and for five minutes.
    pub code: String,
}

/// The code of an Alipay mini-program.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlipayCode {
    /// The application the code is of.
    #[schema(example = "2021000000000001")]
    pub app_id: String,
    /// What `my.getAuthCode` gave; good once.
    pub auth_code: String,
}

/// Invariant: an openid is believed only from the provider's own answer to our own question;
/// proved by `nobody_signs_in_by_naming_an_openid`.
async fn from_wechat(call: Call) -> Result<Answer> {
    let wish: WechatCode = call.body()?;
    let desk = &call.desk;
    let app = desk.doors.mini(&wish.app_id)?;
    let request = wechat::session(app, &wish.code).map_err(|error| in_code("code", error))?;
    budget::spend(desk, &[budget::sign_ins(&call)]).await?;
    let person = settled("wechat", desk.ask(request, wechat::read_session).await)?;
    let by =
        KnownBy { kind: IdentityKind::WechatMini, scope: app.app_id.clone(), value: person.openid };
    session::sign_in(&call, by, person.unionid).await
}

async fn from_alipay(call: Call) -> Result<Answer> {
    let wish: AlipayCode = call.body()?;
    let desk = &call.desk;
    let (door, keys) = desk.doors.alipay(&desk.house)?;
    if door.app_id != wish.app_id {
        return Err(Failure::NotOffered);
    }
    let keys = keys.get()?;
    let request = alipay::sign_in(keys, &wish.auth_code, &desk.stamp());
    let request = request.map_err(|error| match error {
        alipay::OurFault::BadCode => Failure::Malformed("auth_code"),
        other => Failure::internal(&other),
    })?;
    budget::spend(desk, &[budget::sign_ins(&call)]).await?;
    let read = |response| alipay::read_sign_in(keys, &response);
    let visitor = settled("alipay", desk.ask(request, read).await)?;
    session::sign_in(&call, known_in_alipay(&door.app_id, visitor), None).await
}

/// What is wrong with a code of WeChat's, or with our configuration.
pub(crate) fn in_code(field: &'static str, error: wechat::OurFault) -> Failure {
    match error {
        wechat::OurFault::Text { .. } => Failure::Malformed(field),
        other => Failure::internal(&other),
    }
}

/// By what a visitor from Alipay is known within an application.
pub(crate) fn known_in_alipay(app_id: &str, visitor: alipay::Visitor) -> KnownBy {
    let value = match visitor.name {
        Buyer::OpenId(name) | Buyer::UserId(name) => name,
    };
    KnownBy { kind: IdentityKind::Alipay, scope: app_id.to_owned(), value }
}

/// How a person from Alipay is named to Alipay: an old application's `user_id` has sixteen digits
/// that begin with 2088, a newer one's `open_id` is longer (C10).
pub fn alipay_buyer(value: &str) -> Buyer {
    let is_user_id = value.len() == 16
        && value.starts_with("2088")
        && value.bytes().all(|byte| byte.is_ascii_digit());
    let value = value.to_owned();
    if is_user_id { Buyer::UserId(value) } else { Buyer::OpenId(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alipay_name_is_read_back_as_what_it_was() {
        let user_id = "2088101117955611".to_owned();
        let open_id = "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5".to_owned();
        for name in [Buyer::UserId(user_id), Buyer::OpenId(open_id)] {
            let visitor = alipay::Visitor { name: name.clone(), union_id: None };
            assert_eq!(alipay_buyer(&known_in_alipay("2021", visitor).value), name);
        }
    }
}

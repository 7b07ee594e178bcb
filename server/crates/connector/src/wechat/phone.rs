//! The phone number a user of a mini-program agreed to show (C2).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    answer::{self, Undone},
    app::{App, CODE_MAX, OurFault, check_text, post},
    code::Call,
};
use crate::{
    http::{Request, Response},
    outcome::{Doubt, Outcome},
    secret::Secret,
};

/// A number WeChat has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// The country's calling code, `86`.
    pub country: String,
    /// The number without it, digits only.
    pub number: String,
}

#[derive(Serialize)]
struct Body<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    openid: Option<&'a str>,
}

/// Asks for the number behind a code of the `getPhoneNumber` button (not the one of `wx.login`).
/// The code works once and for five minutes; naming the openid binds it to that person.
///
/// # Errors
/// What is wrong with the code or our configuration; nothing was sent then.
pub fn phone(
    app: &App,
    token: &Secret,
    code: &str,
    openid: Option<&str>,
) -> Result<Request, OurFault> {
    check_text("code", code, CODE_MAX)?;
    post(app, "/wxa/business/getuserphonenumber", Some(token), &Body { code, openid })
}

#[derive(Deserialize)]
struct Fields {
    phone_info: PhoneInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhoneInfo {
    #[serde(default)]
    pure_phone_number: String,
    // The document says text, its sample shows a number.
    #[serde(default)]
    country_code: Value,
    watermark: Watermark,
}

#[derive(Deserialize)]
struct Watermark {
    appid: String,
}

/// Reads the answer to [`phone`]. A number given to another account is not ours to believe.
pub fn read_phone(app: &App, response: &Response) -> Outcome<Phone> {
    let read = || -> Result<Phone, Undone> {
        let Fields { phone_info } = answer::fields(Call::Phone, response)?;
        if phone_info.watermark.appid != app.app_id {
            return Err(Outcome::Unknown(Doubt::Mismatch));
        }
        let country = match phone_info.country_code {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return Err(answer::unreadable()),
        };
        let number = phone_info.pure_phone_number;
        let is_digits = |text: &str, max: usize| {
            (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_digits(&country, 4) || !is_digits(&number, 15) {
            return Err(answer::unreadable());
        }
        Ok(Phone { country, number })
    };
    answer::settle(read())
}

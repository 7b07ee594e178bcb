//! Tencent Cloud SMS, signature `TC3-HMAC-SHA256` (`payments.md` D2).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Accepted, Class, OurFault, Table, Text, classify, day_of, mainland, outcome,
    wire::{hex, hmac_sha256, host, sha256_hex},
};
use crate::{
    http::{Method, RESPONSE_MAX, Request, Response, Stamp},
    json,
    outcome::{Doubt, Outcome, Rejection},
    secret::Secret,
};

/// An account, and the application and name its messages are sent under.
#[derive(Clone, Debug)]
pub struct Account {
    /// SecretId.
    pub secret_id: String,
    /// SecretKey.
    pub secret_key: Secret,
    /// The application (`SmsSdkAppId`).
    pub sdk_app_id: String,
    /// The approved signature (签名), without its brackets.
    pub sign_name: String,
    /// `ap-guangzhou`, `ap-beijing` or `ap-nanjing`.
    pub region: String,
    /// Scheme and host: `https://sms.tencentcloudapi.com`, or a simulator.
    pub base_url: String,
}

/// Refusals, of one number or of the whole call; from the list of codes of the maker's own
/// client. The order matters: what follows a listed code is its family.
const REFUSALS: &Table = &[
    ("FailedOperation.PhoneNumberInBlacklist", Class::Declined),
    ("FailedOperation.PhoneNumberParseFail", Class::Declined),
    ("InvalidParameterValue.IncorrectPhoneNumber", Class::Declined),
    ("LimitExceeded.PhoneNumberCountLimit", Class::OurFault),
    ("LimitExceeded*", Class::Limit),
    ("RequestLimitExceeded*", Class::Limit),
    // The clocks differ by more than ten minutes.
    ("InternalError.RequestTimeException", Class::OurFault),
    ("InternalError.RestApiInterfaceNotExist", Class::OurFault),
    ("InternalError.SigFieldMissing", Class::OurFault),
    ("InternalError.SigVerificationFail", Class::OurFault),
    ("InternalError*", Class::Pending),
    // "Other" and "unknown" errors name no reason to believe that nothing was sent.
    ("FailedOperation.OtherError", Class::Pending),
    ("FailedOperation.ParametersOtherError", Class::Pending),
    ("FailedOperation.*", Class::OurFault),
    ("AuthFailure*", Class::OurFault),
    ("InvalidParameter*", Class::OurFault),
    ("MissingParameter*", Class::OurFault),
    ("UnauthorizedOperation*", Class::OurFault),
    ("UnsupportedOperation*", Class::OurFault),
];

/// What a code means.
fn class(code: &str) -> Class {
    classify(REFUSALS, code)
}

/// The content type, signed as it is sent.
const CONTENT_TYPE: &str = "application/json";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    phone_number_set: [String; 1],
    sms_sdk_app_id: &'a str,
    template_id: &'a str,
    sign_name: &'a str,
    template_param_set: Vec<&'a str>,
}

/// One number per call, so that one answer means one number.
pub(super) fn send(account: &Account, text: &Text, stamp: &Stamp) -> Result<Request, OurFault> {
    let host = host(&account.base_url)?;
    let body = Body {
        phone_number_set: [international(&text.phone)?],
        sms_sdk_app_id: &account.sdk_app_id,
        template_id: &text.template,
        sign_name: &account.sign_name,
        template_param_set: text.params.iter().map(|(_, value)| value.as_str()).collect(),
    };
    // A struct of texts and lists always becomes JSON.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let signed = [("content-type", CONTENT_TYPE), ("host", host)];
    let authorization = authorization(account, "sms", &signed, &body, stamp.now);
    let headers = [
        ("accept", "application/json"),
        ("authorization", &authorization),
        ("content-type", CONTENT_TYPE),
        ("x-tc-action", "SendSms"),
        ("x-tc-region", &account.region),
        ("x-tc-timestamp", &stamp.now.timestamp().to_string()),
        ("x-tc-version", "2021-01-11"),
    ];
    Ok(Request {
        method: Method::Post,
        url: format!("{}/", account.base_url),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body,
        response_max: RESPONSE_MAX,
    })
}

fn international(phone: &str) -> Result<String, OurFault> {
    Ok(format!("+86{}", mainland(phone)?))
}

/// The `Authorization` of a POST to `/` whose headers `signed` (sorted, lower case) count.
fn authorization(
    account: &Account,
    service: &str,
    signed: &[(&str, &str)],
    body: &[u8],
    now: DateTime<Utc>,
) -> String {
    let (seconds, day) = day_of(now);
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let canonical = format!("POST\n/\n\n{lines}\n{names}\n{}", sha256_hex(body));
    let scope = format!("{day}/{service}/tc3_request");
    let to_sign =
        format!("TC3-HMAC-SHA256\n{seconds}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
    let start = Secret::new([b"TC3", account.secret_key.expose()].concat());
    let by_day = hmac_sha256(start.expose(), day.as_bytes());
    let by_service = hmac_sha256(by_day.as_ref(), service.as_bytes());
    let key = hmac_sha256(by_service.as_ref(), b"tc3_request");
    let signature = hex(hmac_sha256(key.as_ref(), to_sign.as_bytes()).as_ref());
    let id = &account.secret_id;
    format!("TC3-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    response: Inner,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inner {
    #[serde(default)]
    send_status_set: Vec<Status>,
    #[serde(default)]
    error: Option<Refusal>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    #[serde(default)]
    serial_no: String,
    #[serde(default)]
    phone_number: String,
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    code: String,
    #[serde(default)]
    message: String,
}

/// Codes are per number: success at the top says nothing, so exactly our number's counts.
pub(super) fn read_send(text: &Text, response: &Response) -> Outcome<Accepted> {
    if response.status != 200 {
        let code = format!("HTTP_{}", response.status);
        let why = Rejection::new(code, "not an answer of the gateway's");
        return Outcome::Unknown(Doubt::Unlisted(why));
    }
    let Ok(Answer { response }) = json::read::<Answer>(&response.body) else {
        return Outcome::Unknown(Doubt::Unreadable);
    };
    if let Some(refusal) = response.error {
        let class = class(&refusal.code);
        return outcome(class, Rejection::new(refusal.code, refusal.message));
    }
    let [status] = response.send_status_set.as_slice() else {
        return Outcome::Unknown(Doubt::Unreadable);
    };
    if international(&text.phone).as_ref() != Ok(&status.phone_number) {
        return Outcome::Unknown(Doubt::Mismatch);
    }
    match status.code.as_str() {
        "Ok" if !status.serial_no.is_empty() => {
            Outcome::Done(Accepted { provider_no: status.serial_no.clone() })
        }
        "Ok" => Outcome::Unknown(Doubt::Unreadable),
        code => outcome(class(code), Rejection::new(code, status.message.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two examples printed in Tencent Cloud's descriptions of the scheme; in the second the
    /// stars are the very text that was signed.
    #[test]
    fn the_published_signatures_come_out() {
        let body = br#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "#.to_vec();
        let body = [&body[..], br#""Name": "instance-name"}]}"#].concat();
        assert_eq!(body.len(), 86);
        let content_type = ("content-type", "application/json; charset=utf-8");
        let host = ("host", "cvm.tencentcloudapi.com");
        let action = ("x-tc-action", "describeinstances");
        let stars = "*".repeat(32);
        for (secret_id, secret_key, signed, signature) in [
            (
                "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE".to_owned(),
                "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE".to_owned(),
                &[content_type, host][..],
                "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
            ),
            (
                format!("AKID{stars}"),
                stars,
                &[content_type, host, action],
                "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
            ),
        ] {
            let account = Account {
                secret_id: secret_id.clone(),
                secret_key: Secret::new(secret_key),
                sdk_app_id: String::new(),
                sign_name: String::new(),
                region: String::new(),
                base_url: String::new(),
            };
            let now = DateTime::from_timestamp(1_551_113_065, 0).unwrap();
            let got = authorization(&account, "cvm", signed, &body, now);
            let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
            let want = format!(
                "TC3-HMAC-SHA256 Credential={secret_id}/2019-02-25/cvm/tc3_request, \
                 SignedHeaders={}, Signature={signature}",
                names.join(";")
            );
            assert_eq!(got, want);
        }
    }
}

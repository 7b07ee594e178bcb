//! Tencent Cloud SMS: `TC3-HMAC-SHA256` and SendSms (payments.md D2).

use actix_web::{HttpRequest, HttpResponse};
use chrono::DateTime;
use serde_json::{Value, json};

use super::book::{SentText, mainland};
use super::{draw, header, injected, send};
use crate::config::{SmsAccount, SmsGateway};
use crate::crypto::digest;
use crate::fault::Site;
use crate::misbehave;
use crate::world::World;

/// How far the caller's clock may be off, in seconds.
const SKEW_S_MAX: i64 = 300;

/// How many numbers one call may name.
const PHONES_MAX: usize = 200;

const SCHEME: &str = "TC3-HMAC-SHA256";

/// A refusal of the whole call: code and words.
type Refusal = (&'static str, &'static str);

const SIGNATURE_FAILURE: Refusal =
    ("AuthFailure.SignatureFailure", "The provided credentials could not be validated.");

/// Answers SendSms, always with HTTP 200.
pub(crate) async fn serve(world: &World, request: &HttpRequest, body: &[u8]) -> HttpResponse {
    let request_id = world.state().chance.uuid();
    let refuse = |code: &str, words: &str| {
        let error = json!({"Code": code, "Message": words});
        json!({"Response": {"Error": error, "RequestId": request_id}})
    };
    let (account, json) = match check(world, request, body) {
        Ok(checked) => checked,
        Err((code, words)) => return send(200, &refuse(code, words), &[]),
    };
    if header(request, "x-tc-action") != "SendSms" {
        return send(200, &refuse("InvalidAction", "The request action is invalid."), &[]);
    }
    if header(request, "x-tc-version") != "2021-01-11" {
        return send(200, &refuse("NoSuchVersion", "The API version does not exist."), &[]);
    }
    let subject = json.pointer("/PhoneNumberSet/0").and_then(Value::as_str).unwrap_or_default();
    let faults = draw(world, Site::SmsTencent, subject);
    let mut outcome = Err(("InternalError.Timeout", "请求下发短信超时"));
    if misbehave::takes_effect(&faults) {
        outcome = deliver(world, &account, &json);
    }
    misbehave::wait(&faults).await;
    let answer = match (injected(&faults, "InternalError"), outcome) {
        // A code of one number or of the whole call: both kinds are told by their family.
        (Some(code), _) if code.starts_with("AuthFailure") || code.starts_with("InternalError") => {
            refuse(&code, "模拟的错误")
        }
        (Some(code), _) => {
            let status = status(subject, &code, "", "模拟的错误");
            json!({"Response": {"SendStatusSet": [status], "RequestId": request_id}})
        }
        (None, Ok(statuses)) => {
            json!({"Response": {"SendStatusSet": statuses, "RequestId": request_id}})
        }
        (None, Err((code, words))) => refuse(code, words),
    };
    send(200, &answer, &faults)
}

/// What became of one number.
fn status(phone: &str, code: &str, serial_no: &str, message: &str) -> Value {
    let fee = i32::from(code == "Ok");
    json!({"SerialNo": serial_no, "PhoneNumber": phone, "Fee": fee, "SessionContext": "",
        "Code": code, "Message": message, "IsoCode": "CN"})
}

/// The signature and its clock.
fn check(
    world: &World,
    request: &HttpRequest,
    body: &[u8],
) -> Result<(SmsAccount, Value), Refusal> {
    let authorization = header(request, "authorization");
    let rest = authorization.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix(' '));
    let field = |name: &str| {
        let mut fields = rest.unwrap_or_default().split(',').map(str::trim);
        fields.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let invalid = ("AuthFailure.InvalidAuthorization", "The authorization header is malformed.");
    let credential = field("Credential").ok_or(invalid)?;
    let names = field("SignedHeaders").ok_or(invalid)?;
    let signature = field("Signature").ok_or(invalid)?;
    let (id, scope) = credential.split_once('/').ok_or(invalid)?;
    let unknown = ("AuthFailure.SecretIdNotFound", "The SecretId is not found.");
    let account = world.sms_account(SmsGateway::Tencent, id).ok_or(unknown)?;
    let timestamp: i64 = header(request, "x-tc-timestamp").parse().map_err(|_| invalid)?;
    if (timestamp - world.now_ms() / 1_000).abs() > SKEW_S_MAX {
        return Err(("AuthFailure.SignatureExpire", "The signature has expired."));
    }
    let day = DateTime::from_timestamp(timestamp, 0).unwrap_or_default().format("%Y-%m-%d");
    let day = day.to_string();
    let listed: Vec<&str> = names.split(';').collect();
    let is_whole = ["content-type", "host"].iter().all(|name| listed.contains(name));
    if scope != format!("{day}/sms/tc3_request") || !is_whole || !listed.is_sorted() {
        return Err(SIGNATURE_FAILURE);
    }
    // One official client signs the host with its port, the other without.
    let host = header(request, "host");
    let bare = host.split(':').next().unwrap_or_default();
    let fits = [host, bare].iter().any(|host| {
        let signed = Signed { request, host, names: &listed, body, timestamp, day: &day };
        signed.signature(&account) == signature
    });
    let json = serde_json::from_slice(body).unwrap_or_default();
    if fits { Ok((account, json)) } else { Err(SIGNATURE_FAILURE) }
}

/// What a signature covers.
struct Signed<'a> {
    request: &'a HttpRequest,
    host: &'a str,
    names: &'a [&'a str],
    body: &'a [u8],
    timestamp: i64,
    day: &'a str,
}

impl Signed<'_> {
    fn signature(&self, account: &SmsAccount) -> String {
        let line = |name: &&str| {
            let value = match *name {
                "host" => self.host.to_owned(),
                // Signed in small letters, whatever was sent.
                "x-tc-action" => header(self.request, name).to_lowercase(),
                name => header(self.request, name).trim().to_owned(),
            };
            format!("{name}:{value}\n")
        };
        let lines: String = self.names.iter().map(line).collect();
        let canonical = format!(
            "{}\n{}\n{}\n{lines}\n{}\n{}",
            self.request.method(),
            self.request.path(),
            self.request.query_string(),
            self.names.join(";"),
            digest::sha256_hex(self.body)
        );
        let scope = format!("{}/sms/tc3_request", self.day);
        let print = digest::sha256_hex(canonical.as_bytes());
        let to_sign = format!("{SCHEME}\n{}\n{scope}\n{print}", self.timestamp);
        let start = format!("TC3{}", account.secret);
        let by_day = digest::hmac_sha256(start.as_bytes(), self.day.as_bytes());
        let by_service = digest::hmac_sha256(&by_day, b"sms");
        let key = digest::hmac_sha256(&by_service, b"tc3_request");
        digest::hex(&digest::hmac_sha256(&key, to_sign.as_bytes()))
    }
}

/// Sends to every number; what became of each.
fn deliver(world: &World, account: &SmsAccount, json: &Value) -> Result<Vec<Value>, Refusal> {
    let text = |name: &str| json[name].as_str().unwrap_or_default();
    let phones: Vec<&str> =
        json["PhoneNumberSet"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if phones.is_empty() {
        return Err(("MissingParameter.EmptyPhoneNumberSet", "号码列表为空"));
    }
    if phones.len() > PHONES_MAX {
        return Err(("LimitExceeded.PhoneNumberCountLimit", "号码个数超过200"));
    }
    let values = json.get("TemplateParamSet").cloned().unwrap_or_else(|| json!([]));
    let is_texts = values.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    if !is_texts {
        return Err(("InvalidParameter", "TemplateParamSet"));
    }
    let template = text("TemplateId");
    let is_known =
        account.templates.is_empty() || account.templates.iter().any(|one| one == template);
    let wrong = if text("SmsSdkAppId") != account.sdk_app_id {
        Some("UnauthorizedOperation.SmsSdkAppIdVerifyFail")
    } else if text("SignName") != account.sign_name {
        Some("FailedOperation.SignatureIncorrectOrUnapproved")
    } else if template.is_empty() || !is_known {
        Some("FailedOperation.TemplateIncorrectOrUnapproved")
    } else {
        None
    };
    let at_ms = world.now_ms();
    let mut state = world.state();
    let mut statuses = Vec::new();
    for named in phones {
        let refused = match (wrong, mainland(named).filter(|_| named.starts_with('+'))) {
            (Some(code), _) => Err(code),
            (None, None) => Err("InvalidParameterValue.IncorrectPhoneNumber"),
            (None, Some(phone)) => match state.texts.limit(account, &phone, at_ms) {
                Some(_) => Err("LimitExceeded.PhoneNumberThirtySecondLimit"),
                None => Ok(phone),
            },
        };
        let phone = match refused {
            Ok(phone) => phone,
            Err(code) => {
                statuses.push(status(named, code, "", "refused"));
                continue;
            }
        };
        let provider_no = format!("5000:{}", state.chance.digits(28));
        statuses.push(status(&phone, "Ok", &provider_no, "send success"));
        state.texts.send(SentText {
            gateway: SmsGateway::Tencent,
            phone,
            sign_name: account.sign_name.clone(),
            template: template.to_owned(),
            params: values.clone(),
            provider_no,
            at_ms,
        });
    }
    Ok(statuses)
}

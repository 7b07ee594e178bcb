//! Aliyun dysmsapi: `ACS3-HMAC-SHA256` and SendSms (payments.md D1).

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpRequest, HttpResponse};
use chrono::NaiveDateTime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::book::{SentText, mainland};
use super::{draw, header, injected, send};
use crate::config::{SmsAccount, SmsGateway};
use crate::crypto::digest;
use crate::fault::Site;
use crate::misbehave;
use crate::world::World;

/// How far the caller's clock may be off, in seconds.
const SKEW_S_MAX: i64 = 900;

/// How many numbers one call may name.
const PHONES_MAX: usize = 1_000;

const SCHEME: &str = "ACS3-HMAC-SHA256";

/// Headers that must be signed whenever there are any of theirs.
const ALWAYS_SIGNED: [&str; 6] = [
    "host",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-version",
];

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A refusal of the gateway: HTTP status, code, words.
type Refusal = (u16, &'static str, &'static str);

type Params = BTreeMap<String, String>;

/// Answers SendSms.
pub(crate) async fn serve(world: &World, request: &HttpRequest, body: &[u8]) -> HttpResponse {
    let request_id = world.state().chance.uuid().to_uppercase();
    let refuse = |(status, code, words): Refusal| {
        let body = json!({"Code": code, "Message": words, "RequestId": request_id,
            "HostId": header(request, "host"), "Recommend": ""});
        send(status, &body, &[])
    };
    let params: Params =
        form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let account = match check(world, request, &params, body) {
        Ok(account) => account,
        Err(refusal) => return refuse(refusal),
    };
    if header(request, "x-acs-action") != "SendSms" {
        return refuse((404, "InvalidAction.NotFound", "Specified api is not found"));
    }
    if header(request, "x-acs-version") != "2017-05-25" {
        return refuse((404, "InvalidVersion", "Specified version is not valid."));
    }
    let phones = params.get("PhoneNumbers").cloned().unwrap_or_default();
    let faults = draw(world, Site::SmsAliyun, &phones);
    let mut outcome = Err(("isp.SYSTEM_ERROR".to_owned(), "系统错误".to_owned()));
    if misbehave::takes_effect(&faults) {
        outcome = deliver(world, &account, &params);
    }
    misbehave::wait(&faults).await;
    if let Some(code) = injected(&faults, "isp.SYSTEM_ERROR") {
        outcome = Err((code, "模拟的错误".to_owned()));
    }
    let answer = match outcome {
        Ok(biz_id) => {
            json!({"Code": "OK", "Message": "OK", "BizId": biz_id, "RequestId": request_id})
        }
        Err((code, words)) => json!({"Code": code, "Message": words, "RequestId": request_id}),
    };
    send(200, &answer, &faults)
}

/// The signature, its clock and its nonce, in this order.
fn check(
    world: &World,
    request: &HttpRequest,
    params: &Params,
    body: &[u8],
) -> Result<SmsAccount, Refusal> {
    let incomplete =
        (400, "IncompleteSignature", "The request signature does not conform to standards");
    let authorization = header(request, "authorization");
    let fields = authorization.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix(' '));
    let fields: BTreeMap<&str, &str> =
        fields.ok_or(incomplete)?.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let field = |name: &str| fields.get(name).copied().ok_or(incomplete);
    let (id, signed, signature) =
        (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
    let account = world.sms_account(SmsGateway::Aliyun, id);
    let account = account.ok_or((
        404,
        "InvalidAccessKeyId.NotFound",
        "Specified access key is not found.",
    ))?;
    let date = NaiveDateTime::parse_from_str(header(request, "x-acs-date"), "%Y-%m-%dT%H:%M:%SZ");
    let date =
        date.map_err(|_| (400, "InvalidTimeStamp.Format", "Specified time stamp is malformed."))?;
    if (date.and_utc().timestamp() - world.now_ms() / 1_000).abs() > SKEW_S_MAX {
        return Err((
            400,
            "InvalidTimeStamp.Expired",
            "Specified time stamp or date value is expired.",
        ));
    }
    let names: Vec<&str> = signed.split(';').collect();
    let mut due: BTreeSet<&str> = ALWAYS_SIGNED.into();
    due.extend(
        request
            .headers()
            .keys()
            .map(|name| name.as_str())
            .filter(|name| name.starts_with("x-acs-")),
    );
    let is_sorted = names.is_sorted() && due.iter().all(|name| names.contains(name));
    let content = digest::sha256_hex(body);
    if !is_sorted || header(request, "x-acs-content-sha256") != content {
        return Err(incomplete);
    }
    let expected = signature_of(&account, request, params, &names, &content);
    if expected != signature {
        let words = "Specified signature is not matched with our calculation.";
        return Err((400, "SignatureDoesNotMatch", words));
    }
    if !world.state().texts.remember(header(request, "x-acs-signature-nonce")) {
        return Err((400, "SignatureNonceUsed", "Specified signature nonce was used already."));
    }
    Ok(account)
}

fn signature_of(
    account: &SmsAccount,
    request: &HttpRequest,
    params: &Params,
    names: &[&str],
    content: &str,
) -> String {
    let escape = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
    let query: Vec<String> =
        params.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    let lines: String =
        names.iter().map(|name| format!("{name}:{}\n", header(request, name).trim())).collect();
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n{}\n{content}",
        request.method(),
        request.path(),
        query.join("&"),
        names.join(";")
    );
    let to_sign = format!("{SCHEME}\n{}", digest::sha256_hex(canonical.as_bytes()));
    digest::hex(&digest::hmac_sha256(account.secret.as_bytes(), to_sign.as_bytes()))
}

/// Sends to every number; answers the number of the message.
fn deliver(
    world: &World,
    account: &SmsAccount,
    params: &Params,
) -> Result<String, (String, String)> {
    let refuse = |code: &str, words: &str| Err((code.to_owned(), words.to_owned()));
    let param = |name: &str| params.get(name).map_or("", String::as_str);
    if param("SignName") != account.sign_name {
        return refuse("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法");
    }
    let template = param("TemplateCode");
    if template.is_empty()
        || (!account.templates.is_empty() && !account.templates.iter().any(|one| one == template))
    {
        return refuse("isv.SMS_TEMPLATE_ILLEGAL", "短信模板不合法");
    }
    let values = match param("TemplateParam") {
        "" => Ok(json!({})),
        text => serde_json::from_str::<Value>(text),
    };
    let Some(values) = values.ok().filter(Value::is_object) else {
        return refuse("isv.INVALID_JSON_PARAM", "JSON参数不合法");
    };
    let phones: Option<Vec<String>> = param("PhoneNumbers").split(',').map(mainland).collect();
    let phones = phones.filter(|phones| phones.len() <= PHONES_MAX);
    let Some(phones) = phones else {
        return refuse("isv.MOBILE_NUMBER_ILLEGAL", "非法手机号");
    };
    let at_ms = world.now_ms();
    let mut state = world.state();
    for phone in &phones {
        if let Some((permits, level)) = state.texts.limit(account, phone, at_ms) {
            let words = format!("触发{level}流控Permits:{permits}");
            return refuse("isv.BUSINESS_LIMIT_CONTROL", &words);
        }
    }
    let provider_no = format!("{}^0", state.chance.digits(18));
    for phone in phones {
        state.texts.send(SentText {
            gateway: SmsGateway::Aliyun,
            phone,
            sign_name: account.sign_name.clone(),
            template: template.to_owned(),
            params: values.clone(),
            provider_no: provider_no.clone(),
            at_ms,
        });
    }
    Ok(provider_no)
}

//! SendSms of both gateways, by a small client written against their documents.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use chrono::DateTime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use provider_simulator::{
    Config, Fault, Provider, Rule, SimClock, Site, SmsAccount, SmsGateway, start,
};
use serde_json::{Value, json};

use crate::wechat_merchant::client;

const NOW_MS: i64 = 1_767_196_800_000;
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// One text, and how it is bent before it is sent.
#[derive(Clone)]
struct Text {
    key_id: String,
    secret: String,
    at_s: i64,
    nonce: String,
    phone: String,
    sign_name: String,
    sdk_app_id: String,
    altered: bool,
}

impl Text {
    fn of(account: &SmsAccount) -> Self {
        Self {
            key_id: account.key_id.clone(),
            secret: account.secret.clone(),
            at_s: NOW_MS / 1_000,
            nonce: String::new(),
            phone: "13800000000".to_owned(),
            sign_name: account.sign_name.clone(),
            sdk_app_id: account.sdk_app_id.clone(),
            altered: false,
        }
    }

    async fn aliyun(&self, provider: &Provider) -> (u16, Value) {
        let host = provider.base_url.trim_start_matches("http://").to_owned();
        let date = DateTime::from_timestamp(self.at_s, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ");
        let query: Vec<String> = [
            ("PhoneNumbers", self.phone.as_str()),
            ("SignName", &self.sign_name),
            ("TemplateCode", "SMS_1"),
            ("TemplateParam", "{\"code\":\"123456\"}"),
        ]
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ESCAPED)))
        .to_vec();
        let query = query.join("&");
        let headers = BTreeMap::from([
            ("host", host),
            ("x-acs-action", "SendSms".to_owned()),
            ("x-acs-content-sha256", sha256(b"")),
            ("x-acs-date", date.to_string()),
            ("x-acs-signature-nonce", self.nonce.clone()),
            ("x-acs-version", "2017-05-25".to_owned()),
        ]);
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names: Vec<&str> = headers.keys().copied().collect();
        let names = names.join(";");
        let canonical = format!("POST\n/\n{query}\n{lines}\n{names}\n{}", sha256(b""));
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", sha256(canonical.as_bytes()));
        let signature = hex(&hmac(self.secret.as_bytes(), &to_sign));
        let sent = if self.altered { query.replace("138", "139") } else { query };
        let mut request = client().post(format!("{}/?{sent}", provider.base_url));
        for (name, value) in headers.iter().filter(|(name, _)| **name != "host") {
            request = request.header(*name, value);
        }
        let credential = format!(
            "ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}",
            self.key_id
        );
        read(request.header("authorization", credential)).await
    }

    async fn tencent(&self, provider: &Provider) -> (u16, Value) {
        let host = provider.base_url.trim_start_matches("http://");
        let body = json!({"PhoneNumberSet": [format!("+86{}", self.phone)],
            "SmsSdkAppId": self.sdk_app_id, "TemplateId": "1", "SignName": self.sign_name,
            "TemplateParamSet": ["123456"]})
        .to_string();
        let day = DateTime::from_timestamp(self.at_s, 0).unwrap().format("%Y-%m-%d").to_string();
        let canonical = format!(
            "POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n{}",
            sha256(body.as_bytes())
        );
        let to_sign = format!(
            "TC3-HMAC-SHA256\n{}\n{day}/sms/tc3_request\n{}",
            self.at_s,
            sha256(canonical.as_bytes())
        );
        let key = hmac(format!("TC3{}", self.secret).as_bytes(), &day);
        let key = hmac(&hmac(&key, "sms"), "tc3_request");
        let signature = hex(&hmac(&key, &to_sign));
        let credential = format!(
            "TC3-HMAC-SHA256 Credential={}/{day}/sms/tc3_request, \
             SignedHeaders=content-type;host, Signature={signature}",
            self.key_id
        );
        let sent = if self.altered { body.replace("138", "139") } else { body };
        let request = client().post(format!("{}/", provider.base_url)).body(sent);
        let request = request
            .header("content-type", "application/json")
            .header("authorization", credential)
            .header("x-tc-action", "SendSms")
            .header("x-tc-version", "2021-01-11")
            .header("x-tc-region", "ap-guangzhou")
            .header("x-tc-timestamp", self.at_s.to_string());
        read(request).await
    }
}

async fn read(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default())
}

fn world(limits: bool) -> (Provider, SimClock) {
    let clock = SimClock::manual(NOW_MS);
    let sms_accounts = [SmsAccount::aliyun(), SmsAccount::tencent()];
    let sms_accounts = sms_accounts.map(|account| SmsAccount { limits, ..account }).to_vec();
    let config = Config { clock: clock.clone(), sms_accounts, ..Config::default() };
    (start(config).unwrap(), clock)
}

/// The code of Tencent's first number, or of the whole call.
fn tencent_code(answer: &Value) -> &str {
    let one = answer.pointer("/Response/SendStatusSet/0/Code");
    one.or(answer.pointer("/Response/Error/Code")).and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn aliyun_takes_what_its_key_signed_in_time_and_once() {
    let (provider, _) = world(false);
    let text = Text::of(&SmsAccount::aliyun());
    // name, the text, status, code
    for (at, (name, text, status, code)) in [
        ("good", text.clone(), 200, "OK"),
        ("another key", Text { secret: "x".into(), ..text.clone() }, 400, "SignatureDoesNotMatch"),
        ("altered", Text { altered: true, ..text.clone() }, 400, "SignatureDoesNotMatch"),
        ("nobody", Text { key_id: "x".into(), ..text.clone() }, 404, "InvalidAccessKeyId.NotFound"),
        ("15 min", Text { at_s: text.at_s - 900, ..text.clone() }, 200, "OK"),
        ("late", Text { at_s: text.at_s - 901, ..text.clone() }, 400, "InvalidTimeStamp.Expired"),
        ("early", Text { at_s: text.at_s + 901, ..text.clone() }, 400, "InvalidTimeStamp.Expired"),
        ("twice", Text { nonce: "n0".into(), ..text.clone() }, 400, "SignatureNonceUsed"),
        ("number", Text { phone: "138".into(), ..text.clone() }, 200, "isv.MOBILE_NUMBER_ILLEGAL"),
        ("name", Text { sign_name: "x".into(), ..text }, 200, "isv.SMS_SIGNATURE_ILLEGAL"),
    ]
    .into_iter()
    .enumerate()
    {
        let nonce = if text.nonce.is_empty() { format!("n{at}") } else { text.nonce.clone() };
        let (answered, answer) = Text { nonce, ..text }.aliyun(&provider).await;
        assert_eq!((answered, answer["Code"].as_str()), (status, Some(code)), "{name}");
    }
    let sent = provider.texts("13800000000");
    assert_eq!((sent.len(), sent[0].gateway), (2, SmsGateway::Aliyun));
    assert_eq!(sent[0].params, json!({"code": "123456"}));
    assert_eq!(sent[0].phone, "+8613800000000");
}

#[tokio::test]
async fn tencent_takes_what_its_key_signed_in_time() {
    let (provider, _) = world(false);
    let text = Text::of(&SmsAccount::tencent());
    for (name, text, code) in [
        ("good", text.clone(), "Ok"),
        (
            "another key",
            Text { secret: "x".into(), ..text.clone() },
            "AuthFailure.SignatureFailure",
        ),
        ("altered", Text { altered: true, ..text.clone() }, "AuthFailure.SignatureFailure"),
        ("nobody", Text { key_id: "x".into(), ..text.clone() }, "AuthFailure.SecretIdNotFound"),
        ("5 min", Text { at_s: text.at_s - 300, ..text.clone() }, "Ok"),
        ("late", Text { at_s: text.at_s - 301, ..text.clone() }, "AuthFailure.SignatureExpire"),
        ("early", Text { at_s: text.at_s + 301, ..text.clone() }, "AuthFailure.SignatureExpire"),
        (
            "number",
            Text { phone: "138".into(), ..text.clone() },
            "InvalidParameterValue.IncorrectPhoneNumber",
        ),
        (
            "application",
            Text { sdk_app_id: "1".into(), ..text.clone() },
            "UnauthorizedOperation.SmsSdkAppIdVerifyFail",
        ),
        (
            "name",
            Text { sign_name: "x".into(), ..text },
            "FailedOperation.SignatureIncorrectOrUnapproved",
        ),
    ] {
        let (status, answer) = text.tencent(&provider).await;
        assert_eq!((status, tencent_code(&answer)), (200, code), "{name}: {answer}");
    }
    let sent = provider.texts("+8613800000000");
    assert_eq!((sent.len(), &sent[0].params), (2, &json!(["123456"])));
}

#[tokio::test]
async fn limits_per_number_are_kept_where_they_are_switched_on() {
    let (provider, clock) = world(true);
    for (at, (wait_ms, aliyun, tencent)) in [
        (0, "OK", "Ok"),
        (59_999, "isv.BUSINESS_LIMIT_CONTROL", "LimitExceeded.PhoneNumberThirtySecondLimit"),
        (1, "OK", "Ok"),
        (60_000, "OK", "Ok"),
        (60_000, "OK", "Ok"),
        (60_000, "OK", "Ok"),
        (60_000, "isv.BUSINESS_LIMIT_CONTROL", "LimitExceeded.PhoneNumberThirtySecondLimit"),
        (3_600_000, "OK", "Ok"),
    ]
    .into_iter()
    .enumerate()
    {
        clock.advance(wait_ms);
        let at_s = clock.now_ms() / 1_000;
        let text = Text { at_s, nonce: format!("n{at}"), ..Text::of(&SmsAccount::aliyun()) };
        assert_eq!(text.aliyun(&provider).await.1["Code"], aliyun, "row {at}");
        let text = Text { at_s, ..Text::of(&SmsAccount::tencent()) };
        assert_eq!(tencent_code(&text.tencent(&provider).await.1), tencent, "row {at}");
    }
}

#[tokio::test]
async fn a_gateway_can_refuse_be_busy_or_fall_silent_after_it_accepted() {
    let (provider, _) = world(false);
    let status = |status, code: &str| Fault::Status { status, code: code.into(), effect: false };
    // fault, status of Aliyun, its code, Tencent's code, texts sent by each
    for (at, (fault, answered, aliyun, tencent, sent)) in [
        (
            status(200, "isv.DAY_LIMIT_CONTROL"),
            200,
            "isv.DAY_LIMIT_CONTROL",
            "isv.DAY_LIMIT_CONTROL",
            0,
        ),
        (
            status(200, "LimitExceeded.PhoneNumberDailyLimit"),
            200,
            "LimitExceeded.PhoneNumberDailyLimit",
            "LimitExceeded.PhoneNumberDailyLimit",
            0,
        ),
        (Fault::SystemError { effect: true }, 200, "isp.SYSTEM_ERROR", "InternalError", 1),
        (Fault::Timeout { hold_ms: 1, effect: true }, 504, "", "", 1),
        (Fault::Timeout { hold_ms: 1, effect: false }, 504, "", "", 0),
        (Fault::BrokenJson, 200, "", "", 1),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{fault:?}");
        let phone = format!("138000000{at:02}");
        for site in [Site::SmsAliyun, Site::SmsTencent] {
            provider.add_rule(Rule::new(site, fault.clone()).times(1)).unwrap();
        }
        let text =
            Text { nonce: name.clone(), phone: phone.clone(), ..Text::of(&SmsAccount::aliyun()) };
        let (status, answer) = Text { nonce: format!("n{at}"), ..text }.aliyun(&provider).await;
        assert_eq!(
            (status, answer["Code"].as_str().unwrap_or_default()),
            (answered, aliyun),
            "{name}"
        );
        let text = Text { phone: phone.clone(), ..Text::of(&SmsAccount::tencent()) };
        let (_, answer) = text.tencent(&provider).await;
        assert_eq!(tencent_code(&answer), tencent, "{name}");
        assert_eq!(provider.texts(&phone).len(), 2 * sent, "{name}");
    }
}

#[tokio::test]
async fn a_person_reads_the_code_on_a_page_and_nothing_in_it_becomes_markup() {
    let account = SmsAccount { sign_name: "<i>预付</i>".into(), ..SmsAccount::aliyun() };
    let (clock, sms_accounts) = (SimClock::manual(NOW_MS), vec![account.clone()]);
    let provider = start(Config { clock, sms_accounts, ..Config::default() }).unwrap();
    let page = async |path: &str| {
        let answer = client().get(format!("{}{path}", provider.base_url)).send().await.unwrap();
        answer.text().await.unwrap()
    };
    assert!(page("/wallet/inbox?lang=en").await.contains("No texts or messages yet"));
    assert!(!page("/wallet").await.contains("/wallet/inbox"));
    Text { nonce: "n".into(), ..Text::of(&account) }.aliyun(&provider).await;
    let shown = page("/wallet/inbox").await;
    assert!(shown.contains("+8613800000000") && shown.contains("<b>123456</b>"), "{shown}");
    assert!(shown.contains("【&lt;i&gt;预付") && !shown.contains("<i>预付"), "{shown}");
    assert!(page("/wallet").await.contains("/wallet/inbox?lang=zh"));
}

#[tokio::test]
async fn the_control_api_shows_the_code_that_was_sent() {
    let (provider, _) = world(false);
    let text = Text { nonce: "n".into(), ..Text::of(&SmsAccount::aliyun()) };
    text.aliyun(&provider).await;
    for (query, found) in
        [("?phone=13800000000", 1), ("?phone=%2B8613800000000", 1), ("?phone=139", 0), ("", 1)]
    {
        let request = client().get(format!("{}/control/sms{query}", provider.base_url));
        let (_, list) = read(request).await;
        assert_eq!(list.as_array().unwrap().len(), found, "{query}");
        if found == 1 {
            assert_eq!(
                (&list[0]["params"]["code"], &list[0]["gateway"]),
                (&json!("123456"), &json!("aliyun"))
            );
        }
    }
}

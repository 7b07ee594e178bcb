//! Text messages: what is sent, and what every answer means.

#![allow(clippy::unwrap_used)]

use chrono::DateTime;
use connector::{
    Doubt, Headers, Method, Outcome, Request, Response, Secret, Stamp,
    sms::{Accepted, Gateway, OurFault, PARAMS_MAX, Text, aliyun, read_send, send, tencent},
};
use serde_json::{Value, json};

fn aliyun() -> Gateway {
    Gateway::Aliyun(aliyun::Account {
        access_key_id: "YourAccessKeyId".to_owned(),
        access_key_secret: Secret::new("canary"),
        sign_name: "预付 水电".to_owned(),
        base_url: "https://dysmsapi.aliyuncs.com".to_owned(),
    })
}

fn tencent() -> Gateway {
    Gateway::Tencent(tencent::Account {
        secret_id: "AKIDEXAMPLE".to_owned(),
        secret_key: Secret::new("canary"),
        sdk_app_id: "1400006666".to_owned(),
        sign_name: "预付水电".to_owned(),
        region: "ap-guangzhou".to_owned(),
        base_url: "https://sms.tencentcloudapi.com".to_owned(),
    })
}

fn text() -> Text {
    let params = [("code", "123456"), ("minutes", "5")];
    Text {
        phone: "+8613800000000".to_owned(),
        template: "SMS_1".to_owned(),
        params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
    }
}

fn stamp() -> Stamp {
    let now = DateTime::from_timestamp(1_767_225_599, 0).unwrap();
    Stamp { now, nonce: "3156853299f313e23d1673dc12e1703d".to_owned() }
}

fn response(status: u16, body: impl ToString) -> Response {
    Response { status, headers: Headers::default(), body: body.to_string().into_bytes() }
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    &request.headers.iter().find(|(found, _)| found == name).unwrap().1
}

#[test]
fn aliyun_gets_everything_in_the_query_and_an_empty_body() {
    let request = send(&aliyun(), &text(), &stamp()).unwrap();
    assert_eq!(
        request.url,
        "https://dysmsapi.aliyuncs.com/?PhoneNumbers=13800000000\
         &SignName=%E9%A2%84%E4%BB%98%20%E6%B0%B4%E7%94%B5&TemplateCode=SMS_1\
         &TemplateParam=%7B%22code%22%3A%22123456%22%2C%22minutes%22%3A%225%22%7D"
    );
    assert_eq!((request.method, request.body.len()), (Method::Post, 0));
    for (name, value) in [
        ("x-acs-action", "SendSms"),
        ("x-acs-version", "2017-05-25"),
        ("x-acs-date", "2025-12-31T23:59:59Z"),
        ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
        // SHA-256 of nothing (FIPS 180-2).
        (
            "x-acs-content-sha256",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
    ] {
        assert_eq!(header(&request, name), value);
    }
    let start = "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;\
         x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=";
    assert!(header(&request, "authorization").starts_with(start));
    assert!(request.headers.iter().all(|(name, _)| name != "host"), "the sender writes it");
}

#[test]
fn tencent_gets_one_number_and_its_variables_in_order() {
    let request = send(&tencent(), &text(), &stamp()).unwrap();
    assert_eq!(request.url, "https://sms.tencentcloudapi.com/");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let want = json!({"PhoneNumberSet": ["+8613800000000"], "SmsSdkAppId": "1400006666",
        "TemplateId": "SMS_1", "SignName": "预付水电", "TemplateParamSet": ["123456", "5"]});
    assert_eq!(body, want);
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-tc-action", "SendSms"),
        ("x-tc-version", "2021-01-11"),
        ("x-tc-timestamp", "1767225599"),
        ("x-tc-region", "ap-guangzhou"),
    ] {
        assert_eq!(header(&request, name), value);
    }
    // The day of the scope is Greenwich's, where the year has not ended yet.
    let start = "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2025-12-31/sms/tc3_request, \
         SignedHeaders=content-type;host, Signature=";
    assert!(header(&request, "authorization").starts_with(start));
}

#[test]
fn a_text_that_cannot_be_right_is_not_sent() {
    let with = |change: fn(&mut Text)| {
        let mut text = text();
        change(&mut text);
        text
    };
    for (text, want) in [
        (with(|t| t.phone = "13800000000".to_owned()), None),
        (with(|t| t.phone = "1380000000".to_owned()), Some(OurFault::Phone)),
        (with(|t| t.phone = "138000000000".to_owned()), Some(OurFault::Phone)),
        (with(|t| t.phone = "23800000000".to_owned()), Some(OurFault::Phone)),
        (with(|t| t.phone = "1380000000a".to_owned()), Some(OurFault::Phone)),
        (with(|t| t.phone = "1380000000０".to_owned()), Some(OurFault::Phone)),
        (with(|t| t.phone = "13800000000,13800000001".to_owned()), Some(OurFault::Phone)),
        (with(|t| t.phone = "+85213800000".to_owned()), Some(OurFault::Phone)),
        (with(|t| t.phone = String::new()), Some(OurFault::Phone)),
        (with(|t| t.template = String::new()), Some(OurFault::Template)),
        (
            with(|t| t.params = vec![(String::new(), String::new()); PARAMS_MAX + 1]),
            Some(OurFault::Template),
        ),
    ] {
        for gateway in [aliyun(), tencent()] {
            assert_eq!(send(&gateway, &text, &stamp()).err(), want, "{text:?}");
        }
    }
    let printed = format!("{:?} {:?}", aliyun(), send(&aliyun(), &text(), &stamp()).unwrap());
    assert!(!printed.contains("canary") && !printed.contains("123456"), "{printed}");
}

#[test]
fn every_answer_of_aliyun_is_a_refusal_a_limit_or_a_doubt() {
    let read = |status, body: Value| read_send(&aliyun(), &text(), &response(status, body));
    let biz = "900619746936498440^0";
    let good = json!({"Code": "OK", "Message": "OK", "BizId": biz, "RequestId": "F655A8D5"});
    assert_eq!(read(200, good), Outcome::Done(Accepted { provider_no: biz.to_owned() }));
    for (status, code, want) in [
        (200, "isv.BUSINESS_LIMIT_CONTROL", "theirs"),
        (200, "isv.DAY_LIMIT_CONTROL", "theirs"),
        (200, "isv.MOBILE_NUMBER_ILLEGAL", "declined"),
        (200, "isv.BLACK_KEY_CONTROL_LIMIT", "declined"),
        (200, "isv.AMOUNT_NOT_ENOUGH", "our-fault"),
        (200, "isv.SMS_SIGNATURE_ILLEGAL", "our-fault"),
        (200, "isv.TEMPLATE_MISSING_PARAMETERS", "our-fault"),
        (200, "isp.RAM_PERMISSION_DENY", "our-fault"),
        (200, "isp.SYSTEM_ERROR", "unknown"),
        (200, "isv.SOMETHING_NEW", "unknown"),
        (200, "OK", "unknown"),
        (202, "OK", "unknown"),
        (400, "SignatureDoesNotMatch", "our-fault"),
        (404, "InvalidAccessKeyId.NotFound", "our-fault"),
        (400, "InvalidTimeStamp.Expired", "our-fault"),
        (400, "SignatureNonceUsed", "unknown"),
        (400, "Throttling.User", "theirs"),
        (503, "ServiceUnavailable", "unknown"),
        (500, "isv.MOBILE_NUMBER_ILLEGAL", "unknown"),
    ] {
        let outcome = read(status, json!({"Code": code, "Message": "说", "RequestId": "1"}));
        assert_eq!(outcome.class(), want, "{status} {code}");
    }
    for body in ["", "<html>", "{}", r#"{"Code":"OK","Code":"OK","BizId":"1"}"#] {
        let outcome = read_send(&aliyun(), &text(), &response(200, body));
        assert_eq!(outcome, Outcome::Unknown(Doubt::Unreadable), "{body}");
    }
}

#[test]
fn tencents_success_counts_only_for_our_number() {
    let status = |phone: &str, code: &str, serial: &str| {
        json!({"SerialNo": serial, "PhoneNumber": phone, "Fee": 1, "SessionContext": "",
            "Code": code, "Message": "send success", "IsoCode": "CN"})
    };
    let read = |statuses: Vec<Value>| {
        let body = json!({"Response": {"SendStatusSet": statuses, "RequestId": "a0aabda6"}});
        read_send(&tencent(), &text(), &response(200, body))
    };
    let ours = "+8613800000000";
    let done = Outcome::Done(Accepted { provider_no: "5000:1045710669157053657849499619".into() });
    assert_eq!(read(vec![status(ours, "Ok", "5000:1045710669157053657849499619")]), done);
    let mismatch = Outcome::Unknown(Doubt::Mismatch);
    assert_eq!(read(vec![status("+8613800000001", "Ok", "1")]), mismatch);
    let unreadable = Outcome::Unknown(Doubt::Unreadable);
    assert_eq!(read(vec![]), unreadable);
    assert_eq!(read(vec![status(ours, "Ok", "1"), status(ours, "Ok", "2")]), unreadable);
    assert_eq!(read(vec![status(ours, "Ok", "")]), unreadable);
    for (code, want) in [
        ("LimitExceeded.PhoneNumberThirtySecondLimit", "theirs"),
        ("LimitExceeded.PhoneNumberDailyLimit", "theirs"),
        ("LimitExceeded.DeliveryFrequencyLimit", "theirs"),
        ("LimitExceeded.PhoneNumberCountLimit", "our-fault"),
        ("FailedOperation.PhoneNumberInBlacklist", "declined"),
        ("InvalidParameterValue.IncorrectPhoneNumber", "declined"),
        ("FailedOperation.InsufficientBalanceInSmsPackage", "our-fault"),
        ("FailedOperation.SignatureIncorrectOrUnapproved", "our-fault"),
        ("FailedOperation.TemplateParamSetNotMatchApprovedTemplate", "our-fault"),
        ("InvalidParameterValue.TemplateParameterLengthLimit", "our-fault"),
        ("InternalError.Timeout", "unknown"),
        ("InternalError.SendAndRecvFail", "unknown"),
        ("FailedOperation.OtherError", "unknown"),
        ("SomethingNew", "unknown"),
    ] {
        assert_eq!(read(vec![status(ours, code, "")]).class(), want, "{code}");
    }
}

#[test]
fn tencents_refusal_of_the_whole_call_has_its_class() {
    for (code, want) in [
        ("AuthFailure.SignatureFailure", "our-fault"),
        ("AuthFailure.SignatureExpire", "our-fault"),
        ("AuthFailure.SecretIdNotFound", "our-fault"),
        ("UnauthorizedOperation.SmsSdkAppIdVerifyFail", "our-fault"),
        ("RequestLimitExceeded", "theirs"),
        ("InternalError", "unknown"),
        ("InternalError.RequestTimeException", "our-fault"),
        ("", "unknown"),
    ] {
        let body = json!({"Response": {"Error": {"Code": code, "Message": "m"}, "RequestId": "1"}});
        let outcome = read_send(&tencent(), &text(), &response(200, body));
        assert_eq!(outcome.class(), want, "{code}");
    }
    for (status, body) in [(502, "<html>"), (200, "<html>"), (200, "{}"), (302, "{}")] {
        let outcome = read_send(&tencent(), &text(), &response(status, body));
        assert_eq!(outcome.class(), "unknown", "{status} {body}");
    }
}

//! Mini-program: who is it, what is their number, what do we call with (C1–C3).

use connector::{
    Doubt, Method, Outcome, Secret,
    wechat::{
        App, OurFault, Person, Phone, phone, read_phone, read_session, read_token, session, token,
    },
};
use serde_json::Value;

use crate::support::{self, APP_ID, app, class, refused, response};

/// The sample of C1's document, with the key of the documented decryption example.
const SESSION: &str = r#"{"session_key":"tiihtNczf5v6AKRyjwEUhQ==","openid":"oGZUI0egBJY1zhBYw2KhdUfwVJJE","unionid":"ocMvos6NjeKLIBqg5Mr9QjxrP1FA"}"#;

#[test]
fn requests_stand_as_the_documents_print_them() {
    let asked = session(&app(), "0a1b2c d/").unwrap();
    assert_eq!(
        (asked.method, asked.url.as_str()),
        (
            Method::Get,
            "https://api.weixin.qq.com/sns/jscode2session?appid=wx8888888888888888\
             &secret=canary-secret%2B%2F%3D&js_code=0a1b2c%20d%2F&grant_type=authorization_code"
        )
    );
    assert!(asked.body.is_empty());
    let asked = phone(&app(), &support::token(), "abc", Some("o1")).unwrap();
    assert_eq!(
        asked.url,
        "https://api.weixin.qq.com/wxa/business/getuserphonenumber?access_token=canary-token"
    );
    assert_eq!(asked.body, br#"{"code":"abc","openid":"o1"}"#);
    let asked = phone(&app(), &support::token(), "abc", None).unwrap();
    assert_eq!(asked.body, br#"{"code":"abc"}"#);
    let asked = token(&app()).unwrap();
    assert_eq!(asked.url, "https://api.weixin.qq.com/cgi-bin/stable_token");
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    let want = serde_json::json!({"grant_type": "client_credential", "appid": APP_ID,
        "secret": "canary-secret+/=", "force_refresh": false});
    assert_eq!(body, want);
}

#[test]
fn a_request_that_cannot_be_right_is_not_sent() {
    let text = |field| Err(OurFault::Text { field, max: 512 });
    assert_eq!(session(&app(), ""), text("js_code"));
    assert_eq!(session(&app(), &"a".repeat(513)), text("js_code"));
    assert_eq!(phone(&app(), &support::token(), "", None), text("code"));
    let bad = App { secret: Secret::new([0xff]), ..app() };
    assert_eq!(session(&bad, "a"), Err(OurFault::Secret));
    for base_url in ["", "api.weixin.qq.com", "https://", "https://a/?x=1", "https://a#", "ftp://a"]
    {
        let bad = App { base_url: base_url.to_owned(), ..app() };
        assert_eq!(session(&bad, "a"), Err(OurFault::BaseUrl), "{base_url}");
    }
}

#[test]
fn a_person_is_whoever_wechat_names_and_an_absent_errcode_is_success() {
    let openid = "oGZUI0egBJY1zhBYw2KhdUfwVJJE".to_owned();
    let unionid = Some("ocMvos6NjeKLIBqg5Mr9QjxrP1FA".to_owned());
    let zero = SESSION.replacen('{', r#"{"errcode":0,"errmsg":"ok","#, 1);
    for body in [SESSION, &zero] {
        let want = Person { openid: openid.clone(), unionid: unionid.clone() };
        assert_eq!(read_session(response(body)), Outcome::Done(want), "{body}");
    }
    let alone = r#"{"session_key":"k","openid":"o1"}"#;
    let want = Person { openid: "o1".to_owned(), unionid: None };
    assert_eq!(read_session(response(alone)), Outcome::Done(want));
    for body in [
        r#"{"session_key":"k","openid":""}"#,
        r#"{"session_key":"","openid":"o1"}"#,
        r#"{"openid":"o1"}"#,
        r#"{"session_key":"k"}"#,
        r#"{"session_key":"k","openid":"o 1"}"#,
        r#"{"session_key":"k","openid":"o1","openid":"o2"}"#,
        r#"{"session_key":"k","openid":7}"#,
        "{}",
        "",
        "<html>",
    ] {
        let outcome = read_session(response(body));
        assert_eq!(outcome, Outcome::Unknown(Doubt::Unreadable), "{body}");
    }
    let long = format!(r#"{{"session_key":"k","openid":"{}"}}"#, "o".repeat(129));
    assert_eq!(read_session(response(long)), Outcome::Unknown(Doubt::Unreadable));
}

#[test]
fn a_refusal_has_its_class_and_a_foreign_status_settles_nothing() {
    for (errcode, want) in [
        (-1, "theirs"),
        (40029, "declined"),
        (40163, "declined"),
        (40226, "declined"),
        (45011, "theirs"),
        (40013, "our-fault"),
        (61024, "unknown"),
    ] {
        let outcome = read_session(refused(errcode));
        assert_eq!(class(&outcome), (want, errcode.to_string()));
    }
    for status in [302, 404, 500, 502] {
        let mut strange = response(SESSION);
        strange.status = status;
        assert_eq!(class(&read_session(strange)), ("unknown", format!("HTTP_{status}")));
    }
}

#[test]
fn a_session_key_never_leaves_the_reader() {
    let outcome = read_session(response(SESSION));
    assert!(!format!("{outcome:?}").contains("tiihtNczf5v6AKRyjwEUhQ"), "{outcome:?}");
    // Nothing of the secrets shows where a request is printed.
    let printed = format!("{:?} {:?}", session(&app(), "c").unwrap(), token(&app()).unwrap());
    assert!(!printed.contains("canary"), "{printed}");
    assert!(!format!("{:?}", app()).contains("canary"));
}

#[test]
fn a_phone_number_counts_only_with_our_watermark() {
    let body = |appid: &str, country: &str, number: &str| {
        format!(
            r#"{{"errcode":0,"errmsg":"ok","phone_info":{{"phoneNumber":"{number}",
            "purePhoneNumber":"{number}","countryCode":{country},
            "watermark":{{"timestamp":1637744274,"appid":"{appid}"}}}}}}"#
        )
    };
    let unreadable = || Outcome::Unknown(Doubt::Unreadable);
    let done = Outcome::Done(Phone { country: "86".to_owned(), number: "13800000000".to_owned() });
    // appid, country, number, outcome
    for (appid, country, number, want) in [
        (APP_ID, "\"86\"", "13800000000", done.clone()),
        // The document says text, its sample shows a number.
        (APP_ID, "86", "13800000000", done),
        ("wx0000000000000000", "86", "13800000000", Outcome::Unknown(Doubt::Mismatch)),
        ("", "86", "13800000000", Outcome::Unknown(Doubt::Mismatch)),
        (APP_ID, "null", "13800000000", unreadable()),
        (APP_ID, "\"\"", "13800000000", unreadable()),
        (APP_ID, "86.5", "13800000000", unreadable()),
        (APP_ID, "86", "", unreadable()),
        (APP_ID, "86", "138-0000", unreadable()),
        (APP_ID, "86", "1234567890123456", unreadable()),
    ] {
        let outcome = read_phone(&app(), &response(body(appid, country, number)));
        assert_eq!(outcome, want, "{appid} {country} {number}");
    }
    assert_eq!(read_phone(&app(), &response("{}")), unreadable());
    assert_eq!(class(&read_phone(&app(), &refused(40001))).0, "theirs");
}

#[test]
fn a_token_is_taken_with_a_life_of_at_most_two_hours() {
    let read = |body: String| read_token(response(body));
    let body =
        |token: &str, life: &str| format!(r#"{{"access_token":"{token}","expires_in":{life}}}"#);
    let Outcome::Done(token) = read(body(&"t".repeat(512), "7200")) else { panic!("refused") };
    assert_eq!((token.token.expose().len(), token.expires_in_s), (512, 7_200));
    for (token, life) in
        [("", "7200"), ("t", "0"), ("t", "7201"), ("t", "-1"), ("t", "\"7200\""), ("t", "null")]
    {
        let outcome = read(body(token, life));
        assert_eq!(class(&outcome).0, "unknown", "{token} {life}");
    }
    assert_eq!(class(&read_token(refused(40001))).0, "our-fault");
    assert_eq!(class(&read_token(refused(40125))).0, "our-fault");
}

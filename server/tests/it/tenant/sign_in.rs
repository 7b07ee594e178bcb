//! Signing in, staying signed in, and what nobody gets in by.

use std::sync::atomic::Ordering;

use futures::future::join_all;
use serde_json::{Value, json};

use super::{
    MINI,
    far_side::{Doorway, MINI_APP, PAGE_APP, text},
};
use crate::world::{Reply, Sent};

crate::base::on_both_databases! {
    somebody_signs_in_by_phone_and_goes_on_and_out,
    a_refresh_token_that_was_used_ends_the_sign_in_for_everybody,
    nobody_signs_in_by_naming_an_openid,
    two_ways_in_are_one_person_and_a_taken_number_is_not_taken_over,
    however_many_need_an_access_token_at_once_it_is_fetched_once,
    one_unionid_makes_one_person_of_two_apps,
    every_field_of_the_way_in_is_named_when_it_is_wrong,
}

async fn refresh(door: &Doorway, token: &str, program: &str) -> Reply {
    let sent =
        Sent::default().body(json!({ "refresh_token": token })).header("user-agent", program);
    door.world.send("POST", &format!("{MINI}/session/refresh"), sent).await
}

async fn somebody_signs_in_by_phone_and_goes_on_and_out() {
    let door = Doorway::open().await;
    let session = door.by_phone("13812340007").await;
    assert_eq!(session["expires_in_s"], 600);
    assert_eq!(session["person"]["phone_masked"], "138****0007");
    assert_eq!(session["person"]["identities"][0]["kind"], "phone");
    let me = door.get_by(&text(&session, "access_token"), "/me").await;
    assert_eq!(me.json()["id"], session["person"]["id"]);
    // The same number is the same person.
    door.clock.pass(61);
    let again = door.by_phone("13812340007").await;
    assert_eq!(again["person"]["id"], session["person"]["id"]);
    let next = refresh(&door, &text(&again, "refresh_token"), "").await;
    assert_eq!(next.status, 200, "{}", next.text);
    let token = text(&next.json(), "access_token");
    assert_eq!(door.delete_by(&token, "/session").await.status, 204);
    assert_eq!(door.get_by(&token, "/me").await.code(), "auth.login_required");
    let after = refresh(&door, &text(&next.json(), "refresh_token"), "").await;
    assert_eq!(after.code(), "auth.login_required");
    // The other sign-in stands, until all of them end.
    let first = text(&session, "access_token");
    assert_eq!(door.get_by(&first, "/me").await.status, 200);
    assert_eq!(door.delete_by(&first, "/sessions").await.status, 204);
    assert_eq!(door.get_by(&first, "/me").await.code(), "auth.login_required");
    door.stop().await;
}

async fn a_refresh_token_that_was_used_ends_the_sign_in_for_everybody() {
    let door = Doorway::open().await;
    let session = door.by_wechat("oA").await;
    let first = text(&session, "refresh_token");
    let second = refresh(&door, &first, "").await.json();
    let again = refresh(&door, &first, "thief").await;
    assert_eq!(again.code(), "session.reused", "another program asked: {}", again.text);
    for token in [&first, &text(&second, "refresh_token")] {
        assert_eq!(refresh(&door, token, "").await.code(), "auth.login_required");
    }
    let access = text(&second, "access_token");
    assert_eq!(door.get_by(&access, "/me").await.code(), "auth.login_required");

    // A lost reply is given again for a moment to the program that signed in.
    let session = door.by_wechat("oB").await;
    let first = text(&session, "refresh_token");
    let second = refresh(&door, &first, "").await.json();
    let repeat = refresh(&door, &first, "").await.json();
    assert_eq!(repeat["refresh_token"], second["refresh_token"], "the reply got lost");
    door.clock.pass(31);
    assert_eq!(refresh(&door, &first, "").await.code(), "session.reused", "too late for that");

    // Of many at once everybody gets the same pair, and the sign-in stands.
    let session = door.by_wechat("oC").await;
    let first = text(&session, "refresh_token");
    let all = join_all((0..20).map(|_| refresh(&door, &first, ""))).await;
    let next = text(&all[0].json(), "refresh_token");
    assert!(all.iter().all(|reply| text(&reply.json(), "refresh_token") == next));
    assert_eq!(refresh(&door, &next, "").await.status, 200);
    for bad in ["", ".", "x", "00000000000000000000000000000000.0", &"a".repeat(5_000)] {
        assert_eq!(refresh(&door, bad, "").await.code(), "auth.login_required", "{bad}");
    }
    door.stop().await;
}

async fn nobody_signs_in_by_naming_an_openid() {
    let door = Doorway::open().await;
    let honest = door.by_wechat("oHONEST").await;
    assert!(!honest.to_string().contains("c2VjcmV0"), "the session key left the server");
    let table = [
        ("an openid as code", json!({ "app_id": MINI_APP, "code": "oHONEST" }), 422),
        ("an openid beside", json!({ "app_id": MINI_APP, "code": "x", "openid": "oHONEST" }), 400),
        ("a unionid beside", json!({ "app_id": MINI_APP, "code": "x", "unionid": "u" }), 400),
        ("another app", json!({ "app_id": "wx0000000000000000", "code": "x" }), 404),
        ("the page's app", json!({ "app_id": PAGE_APP, "code": "x" }), 404),
        ("no code", json!({ "app_id": MINI_APP, "code": "" }), 400),
        ("endless", json!({ "app_id": MINI_APP, "code": "x".repeat(513) }), 400),
    ];
    for (name, body, status) in table {
        let reply = door.post("/session/wechat-mini", body).await;
        assert_eq!(reply.status, status, "{name}: {}", reply.text);
    }
    // A code works once.
    door.far.press("once", json!({ "openid": "oX", "session_key": "a2V5" }));
    let body = json!({ "app_id": MINI_APP, "code": "once" });
    assert_eq!(door.post("/session/wechat-mini", body.clone()).await.status, 200);
    assert_eq!(door.post("/session/wechat-mini", body).await.code(), "code.refused");
    // An answer that names nobody is no answer of WeChat's.
    for (name, answer, code) in [
        ("nobody", json!({ "openid": "", "session_key": "a2V5" }), "door.closed"),
        ("no key", json!({ "openid": "oY" }), "door.closed"),
        ("busy", json!({ "errcode": -1, "errmsg": "busy" }), "door.closed"),
        ("risky", json!({ "errcode": 40226, "errmsg": "code blocked" }), "code.refused"),
    ] {
        door.far.press(name, answer);
        let body = json!({ "app_id": MINI_APP, "code": name });
        assert_eq!(door.post("/session/wechat-mini", body).await.code(), code, "{name}");
    }
    let alipay = json!({ "app_id": "2021000000000001", "auth_code": "x" });
    assert_eq!(door.post("/session/alipay-mini", alipay).await.code(), "sign_in.not_offered");
    door.stop().await;
}

async fn two_ways_in_are_one_person_and_a_taken_number_is_not_taken_over() {
    let door = Doorway::open().await;
    let session = door.by_wechat("oZHANG").await;
    let (token, id) = (text(&session, "access_token"), session["person"]["id"].clone());
    let wish = json!({ "purpose": "phone", "phone": "13812340001" });
    let sent = door.post_by(&token, "/sms-codes", wish).await;
    let said = json!({
        "challenge": sent.json()["challenge"], "code": door.far.last_code("13812340001"),
    });
    // The code is good for its purpose and its person only.
    assert_eq!(door.post("/session/sms", said.clone()).await.code(), "code.refused");
    let other = text(&door.by_wechat("oLI").await, "access_token");
    assert_eq!(door.post_by(&other, "/me/phone", said.clone()).await.code(), "code.refused");
    let me = door.post_by(&token, "/me/phone", said.clone()).await;
    assert_eq!(me.status, 200, "{}", me.text);
    let kinds: Vec<_> =
        me.json()["identities"].as_array().unwrap().iter().map(|one| text(one, "kind")).collect();
    assert_eq!(kinds, ["wechat-mini", "phone"]);
    assert_eq!(door.post_by(&token, "/me/phone", said).await.code(), "code.refused", "used");
    door.clock.pass(61);
    assert_eq!(door.by_phone("13812340001").await["person"]["id"], id);
    assert_eq!(door.by_wechat("oZHANG").await["person"]["id"], id);
    // WeChat's own button gives the other one no number that is taken already.
    let number = |digits: &str, app: &str| {
        json!({ "errcode": 0, "errmsg": "ok", "phone_info": {
            "phoneNumber": digits, "purePhoneNumber": digits, "countryCode": 86,
            "watermark": { "timestamp": 1, "appid": app } } })
    };
    door.far.bad_tokens.store(1, Ordering::SeqCst);
    for (code, answer, want) in [
        ("p1", number("13812340001", MINI_APP), "identity.taken"),
        ("p2", number("13812340002", PAGE_APP), "door.closed"),
        ("p3", number("51512345", MINI_APP), "malformed"),
        ("p4", number("13812340002", MINI_APP), ""),
        ("p4", number("13812340003", MINI_APP), "code.refused"),
    ] {
        door.far.press(code, answer);
        let body = json!({ "app_id": MINI_APP, "code": code });
        let reply = door.post_by(&other, "/me/wechat-phone", body).await;
        assert_eq!(reply.code(), want, "{code}: {}", reply.text);
    }
    assert_eq!(door.far.tokens.load(Ordering::SeqCst), 2, "a refused token is fetched once more");
    // A person without WeChat presses no button of WeChat's.
    let phone = text(&door.by_phone("13812340009").await, "access_token");
    door.far.press("p5", number("13812340005", MINI_APP));
    let body = json!({ "app_id": MINI_APP, "code": "p5" });
    let reply = door.post_by(&phone, "/me/wechat-phone", body).await;
    assert_eq!(reply.code(), "code.refused");
    door.stop().await;
}

async fn however_many_need_an_access_token_at_once_it_is_fetched_once() {
    let door = Doorway::open().await;
    let mut tokens = Vec::new();
    for n in 0..10 {
        let session = door.by_wechat(&format!("oPHONE{n}")).await;
        tokens.push(text(&session, "access_token"));
        let digits = format!("1390000000{n}");
        let answer = json!({ "errcode": 0, "errmsg": "ok", "phone_info": {
            "phoneNumber": digits, "purePhoneNumber": digits, "countryCode": 86,
            "watermark": { "timestamp": 1, "appid": MINI_APP } } });
        door.far.press(&format!("button-{n}"), answer);
    }
    let pressed = tokens.iter().enumerate().map(|(n, token)| {
        let body = json!({ "app_id": MINI_APP, "code": format!("button-{n}") });
        door.post_by(token, "/me/wechat-phone", body)
    });
    for reply in futures::future::join_all(pressed.collect::<Vec<_>>()).await {
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    assert_eq!(door.far.tokens.load(Ordering::SeqCst), 1);
    door.stop().await;
}

async fn one_unionid_makes_one_person_of_two_apps() {
    let door = Doorway::open().await;
    let answer = |openid: &str| json!({ "openid": openid, "unionid": "u1", "session_key": "a2V5" });
    door.far.press("m", answer("oMINI"));
    let body = json!({ "app_id": MINI_APP, "code": "m" });
    let mini = door.post("/session/wechat-mini", body).await.json();
    let visit = super::page::visit(&door, "/t/7QK2MZ9XW4RT").await;
    door.far.press("w", answer("oPAGE"));
    let (ticket, _) = super::page::ticket(&door, &visit, "w").await;
    let page = super::page::redeem(&door, &ticket, &visit.cookie).await.json();
    assert_eq!(page["person"]["id"], mini["person"]["id"]);
    door.stop().await;
}

async fn every_field_of_the_way_in_is_named_when_it_is_wrong() {
    let door = Doorway::open().await;
    let session = door.by_phone("13812340007").await;
    let token = text(&session, "access_token");
    let challenge = "019e0000-0000-7000-8000-000000000001";
    let phone = "13812340001";
    let table: &[(&str, Value, &str)] = &[
        ("/session/sms", json!({ "challenge": "x", "code": "123456" }), "challenge"),
        ("/session/sms", json!({ "challenge": challenge, "code": "12345" }), "code"),
        ("/session/sms", json!({ "challenge": challenge, "code": "１２３４５６" }), "code"),
        ("/session/sms", json!({ "challenge": challenge }), "code"),
        ("/me/phone", json!({ "challenge": challenge, "code": "abcdef" }), "code"),
        ("/session/ticket", json!({}), "ticket"),
        ("/session/refresh", json!({}), "refresh_token"),
        ("/sms-codes", json!({ "purpose": "marketing", "phone": phone }), "purpose"),
        ("/sms-codes", json!({ "purpose": "sign-in", "phone": "12345" }), "phone"),
        ("/sms-codes", json!({ "purpose": "sign-in" }), "phone"),
        ("/sms-codes", json!({ "purpose": "sign-in", "phone": phone, "meter": "1" }), "meter"),
        ("/sms-codes", json!({ "purpose": "bind" }), "meter"),
        ("/sms-codes", json!({ "purpose": "bind", "meter": "表" }), "meter"),
        ("/sms-codes", json!({ "purpose": "bind", "meter": "1", "phone": phone }), "phone"),
        ("/homes", json!({ "by": "luck", "code": "A" }), "by"),
        ("/homes", json!({ "by": "code", "code": "A" }), "tag"),
        ("/homes", json!({ "by": "code", "tag": "A", "meter_no": "1", "code": "A" }), "meter_no"),
        ("/homes", json!({ "by": "code", "tag": "A", "code": "" }), "code"),
        ("/homes", json!({ "by": "sms", "code": "123456" }), "challenge"),
        ("/homes", json!({ "by": "sms", "challenge": challenge, "code": "1" }), "code"),
        ("/homes", json!({ "by": "invitation", "tag": "A", "code": "A" }), "tag"),
        ("/binding-requests", json!({ "tag": "A", "name": " " }), "name"),
        ("/binding-requests", json!({ "tag": "A", "name": "x".repeat(41) }), "name"),
        ("/binding-requests", json!({ "tag": "A", "name": "x", "note": "\u{7}" }), "note"),
        ("/binding-requests", json!({ "name": "x" }), "tag"),
    ];
    for (path, body, field) in table {
        let reply = door.post_by(&token, path, body.clone()).await;
        let told = reply.json();
        let got = (reply.status, told["errors"][0]["field"].as_str());
        assert_eq!(got, (400, Some(*field)), "{path} {body}: {}", reply.text);
        assert!(text(&told, "title").contains(" / "), "both languages: {}", reply.text);
    }
    for purpose in ["bind", "phone"] {
        let body = json!({ "purpose": purpose, "phone": phone, "meter": "1" });
        let body = match purpose {
            "bind" => json!({ "purpose": body["purpose"], "meter": "1" }),
            _ => json!({ "purpose": body["purpose"], "phone": phone }),
        };
        assert_eq!(door.post("/sms-codes", body).await.code(), "auth.login_required");
    }
    door.stop().await;
}

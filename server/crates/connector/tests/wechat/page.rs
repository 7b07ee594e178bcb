//! Pages inside WeChat: who the visitor is, and the signature of the JS-SDK (C7, C8).

use connector::{
    Doubt, Outcome, Secret,
    wechat::{
        App, OurFault, Person, Scope, Visitor, authorize_link, exchange, read_exchange,
        read_ticket, sign_page, ticket,
    },
};

use crate::support::{self, app, class, refused, response, stamp};

#[test]
fn the_link_has_the_order_wechat_demands() {
    let link = authorize_link(&app(), Scope::Base, "https://pay.example.com/t/a?x=1", "s7");
    assert_eq!(
        link.unwrap(),
        "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx8888888888888888\
         &redirect_uri=https%3A%2F%2Fpay.example.com%2Ft%2Fa%3Fx%3D1&response_type=code\
         &scope=snsapi_base&state=s7#wechat_redirect"
    );
    let asked = authorize_link(&app(), Scope::UserInfo, "https://a.example", "s").unwrap();
    assert!(asked.contains("&scope=snsapi_userinfo&state=s#wechat_redirect"), "{asked}");
    for state in ["", "a-b", "a b", "电", "a&scope=x", &"a".repeat(129)] {
        let link = authorize_link(&app(), Scope::Base, "https://a.example", state);
        assert_eq!(link, Err(OurFault::State), "{state}");
    }
    assert!(authorize_link(&app(), Scope::Base, "https://a.example", &"a".repeat(128)).is_ok());
    let link = authorize_link(&app(), Scope::Base, "//a.example", "s");
    assert_eq!(link, Err(OurFault::BaseUrl));
    let bad = App { authorize_url: String::new(), ..app() };
    assert_eq!(authorize_link(&bad, Scope::Base, "https://a.example", "s"), Err(OurFault::BaseUrl));
}

#[test]
fn a_visitor_is_a_person_or_a_snapshot_and_a_snapshot_has_no_name() {
    let asked = exchange(&app(), "c1").unwrap();
    assert_eq!(
        asked.url,
        "https://api.weixin.qq.com/sns/oauth2/access_token?appid=wx8888888888888888\
         &secret=canary-secret%2B%2F%3D&code=c1&grant_type=authorization_code"
    );
    let person = |openid: &str, unionid: Option<&str>| {
        let unionid = unionid.map(str::to_owned);
        Outcome::Done(Visitor::Person(Person { openid: openid.to_owned(), unionid }))
    };
    let unreadable = || Outcome::Unknown(Doubt::Unreadable);
    let snapshot = || Outcome::Done(Visitor::Snapshot);
    // The rest of the answer, as documented; `scope` sometimes ends with a comma.
    let rest = r#""access_token":"canary-a","expires_in":7200,"refresh_token":"canary-r","scope":"snsapi_base,""#;
    for (fields, want) in [
        (r#""openid":"o1""#, person("o1", None)),
        (r#""openid":"o1","unionid":"u1""#, person("o1", Some("u1"))),
        (r#""openid":"o1","is_snapshotuser":0"#, person("o1", None)),
        (r#""openid":"o1","is_snapshotuser":1"#, snapshot()),
        (r#""openid":"o1","is_snapshotuser":2"#, snapshot()),
        (r#""openid":"o1","is_snapshotuser":"1""#, unreadable()),
        (r#""openid":"""#, unreadable()),
        (r#""unionid":"u1""#, unreadable()),
        (r#""openid":"o1","openid":"o2""#, unreadable()),
    ] {
        let outcome = read_exchange(response(format!("{{{rest},{fields}}}")));
        assert!(!format!("{outcome:?}").contains("canary"));
        assert_eq!(outcome, want, "{fields}");
    }
    for (errcode, want) in [
        (40029, "declined"),
        (40163, "declined"),
        (42003, "declined"),
        (-1, "theirs"),
        (41008, "our-fault"),
        (10003, "unknown"),
    ] {
        assert_eq!(class(&read_exchange(refused(errcode))).0, want, "{errcode}");
    }
}

#[test]
fn the_published_page_signatures_come_out() {
    let ticket = Secret::new(
        "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg",
    );
    let own = ["https://pay.example.com", "http://mp.weixin.qq.com"];
    for (url, signature) in [
        ("http://mp.weixin.qq.com?params=value", "0f9de62fce790f9a083d5c99e95740ceb90c27ed"),
        ("http://mp.weixin.qq.com", "f4d90daf4b3bca3078ab155816175ba34c443a7b"),
        ("http://mp.weixin.qq.com#wechat_redirect", "f4d90daf4b3bca3078ab155816175ba34c443a7b"),
    ] {
        let signed = sign_page(&app(), &ticket, url, &own, &stamp()).unwrap();
        assert_eq!(signed.signature, signature, "{url}");
        assert_eq!((signed.timestamp, signed.nonce.as_str()), (1_414_587_457, "Wm3WZYTPz0wzccnW"));
    }
    for url in [
        "https://mp.weixin.qq.com/",
        "http://mp.weixin.qq.com.evil.example/",
        "http://mp.weixin.qq.com:8080/",
        "http://mp.weixin.qq.com@evil.example/",
        "https://evil.example/#https://pay.example.com/",
        "",
    ] {
        let signed = sign_page(&app(), &ticket, url, &own, &stamp());
        assert_eq!(signed, Err(OurFault::ForeignPage), "{url}");
    }
}

#[test]
fn a_ticket_is_asked_for_with_the_accounts_own_token() {
    let asked = ticket(&app(), &support::token()).unwrap();
    assert_eq!(
        asked.url,
        "https://api.weixin.qq.com/cgi-bin/ticket/getticket?access_token=canary-token&type=jsapi"
    );
    let good = r#"{"errcode":0,"errmsg":"ok","ticket":"bxLdikRXVbTPdHSM05e5u5","expires_in":7200}"#;
    let Outcome::Done(ticket) = read_ticket(&response(good)) else { panic!("refused") };
    assert_eq!(ticket.expires_in_s, 7_200);
    assert!(!format!("{ticket:?}").contains("bxLdik"));
    assert_eq!(class(&read_ticket(&refused(40001))), ("theirs", "40001".to_owned()));
    for body in ["{}", r#"{"ticket":"","expires_in":7200}"#, r#"{"ticket":"t"}"#] {
        assert_eq!(class(&read_ticket(&response(body))).0, "unknown", "{body}");
    }
}

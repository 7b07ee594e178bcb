//! Who a visitor is, and telling them something.

use connector::{
    Doubt, Outcome, Rejection,
    alipay::{
        Buyer, Merchant, OurFault, Visitor, authorize_link, read_sign_in, read_tell, sign_in,
        wants_new_code,
    },
};

use crate::support::*;

const METHOD: &str = "alipay.system.oauth.token";
const AUTHORIZE: &str = "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm";

fn visitor(name: Buyer) -> Outcome<Visitor> {
    Outcome::Done(Visitor { name, union_id: None })
}

#[test]
fn a_visitor_is_known_by_the_open_id_before_the_user_id_and_nobody_is_nobody() {
    let open_id = Buyer::OpenId("074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5".to_owned());
    let user_id = Buyer::UserId("2088101117955611".to_owned());
    let read = |name| read_sign_in(&merchant(), &answer(name));
    assert_eq!(read("sign in"), visitor(open_id.clone()));
    assert_eq!(read("sign in, old application"), visitor(user_id));
    assert_eq!(read("sign in, nobody"), Outcome::Unknown(Doubt::Unreadable));
    for node in [
        // Both names: the one that newer applications go on with.
        r#"{"access_token":"t","open_id":"O","user_id":"2088101117955611"}"#,
        r#"{"access_token":"t","open_id":"O","user_id":""}"#,
    ] {
        let read = read_sign_in(&merchant(), &signed(METHOD, node));
        assert_eq!(read, visitor(Buyer::OpenId("O".to_owned())), "{node}");
    }
    for node in [
        r#"{"access_token":"t","open_id":"","user_id":""}"#,
        r#"{"access_token":"","open_id":"O"}"#,
        r#"{"open_id":"O"}"#,
        r#"{}"#,
    ] {
        let read = read_sign_in(&merchant(), &signed(METHOD, node));
        assert_eq!(read, Outcome::Unknown(Doubt::Unreadable), "{node}");
    }
}

#[test]
fn a_spent_code_is_told_from_a_doubt_under_either_root() {
    let spent = Rejection::new("isv.code-invalid", "授权码code无效");
    let unsigned = Rejection::new("unsigned:isv.code-invalid", "授权码code无效");
    assert!(wants_new_code(&spent) && wants_new_code(&unsigned));
    let read = |response| read_sign_in(&merchant(), &response);
    assert_eq!(read(answer("sign in, spent code")), Outcome::Declined(spent.clone()));
    assert_eq!(read(answer("sign in, spent code, unsigned")), Outcome::OurFault(unsigned));
    // sub_code, class
    for (code, sub_code, class) in [
        ("40002", "isv.code-invalid", "declined"),
        ("40002", "isv.grant-type-invalid", "our-fault"),
        ("40002", "isv.invalid-app-id", "our-fault"),
        ("20000", "isp.unknow-error", "unknown"),
        ("40004", "ACQ.SOMETHING_NEW", "unknown"),
    ] {
        let outcome = read(refused(METHOD, code, sub_code));
        assert_eq!(outcome.class(), class, "{sub_code}");
    }
}

#[test]
fn a_sign_in_that_is_not_signed_names_nobody() {
    let good = answer("sign in");
    let text = std::str::from_utf8(&good.body).unwrap();
    for (name, body) in [
        ("another person", text.replacen("074a1C", "074b1C", 1)),
        ("unsigned", text.split(",\"sign\"").next().unwrap().to_owned() + "}"),
        ("an accepted code from nowhere", r#"{"alipay_system_oauth_token_response":{}}"#.into()),
        ("another method's", text.replace("oauth_token_response", "oauth_other_response")),
        ("under the root of errors", text.replace("alipay_system_oauth_token", "error")),
        ("broken", "{".to_owned()),
    ] {
        let outcome = read_sign_in(&merchant(), &response(body));
        assert_eq!(outcome.class(), "unknown", "{name}: {outcome:?}");
    }
}

#[test]
fn the_authorize_link_carries_the_address_of_return_whole() {
    let link = |redirect, state| authorize_link(&merchant(), AUTHORIZE, redirect, state);
    assert_eq!(
        link("https://pay.example.com/back?a=1&b=电", "s3cr3t").unwrap(),
        "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm?app_id=2021000000000001\
         &scope=auth_base&redirect_uri=https%3A%2F%2Fpay.example.com%2Fback%3Fa%3D1%26b%3D%E7%94%B5\
         &state=s3cr3t"
    );
    for (redirect, state) in [
        ("https://a.example", ""),
        ("https://a.example", "a b"),
        ("https://a.example", "电"),
        ("https://a.example", "a&app_id=other"),
        ("javascript:alert(1)", "a"),
    ] {
        assert_eq!(link(redirect, state), Err(OurFault::BadReturn), "{redirect} {state}");
    }
    assert_eq!(link("https://a.example", &"a".repeat(101)), Err(OurFault::BadReturn));
}

#[test]
fn a_code_that_cannot_be_one_is_not_sent() {
    for code in ["", "a b", "a\nb", "电", &"a".repeat(513)] {
        assert_eq!(sign_in(&merchant(), code, &stamp()), Err(OurFault::BadCode), "{code}");
    }
    let request = sign_in(&merchant(), "abc", &stamp()).unwrap();
    assert_eq!(request.body, b"code=abc&grant_type=authorization_code");
    assert!(!request.url.contains("code=") && !request.url.contains("biz_content"));
}

#[test]
fn a_message_is_sent_or_in_doubt_and_never_sent_twice_on_a_guess() {
    let method = "alipay.open.app.mini.templatemessage.send";
    let read = |merchant: &Merchant, response| read_tell(merchant, &response);
    assert_eq!(read(&merchant(), answer("tell")), Outcome::Done(()));
    for (code, sub_code, class) in [
        ("40004", "USER_NOT_SUBSCRIBED", "unknown"),
        ("40006", "isv.insufficient-isv-permissions", "our-fault"),
        ("40005", "isv.app-call-limited", "theirs"),
    ] {
        let outcome = read(&merchant(), refused(method, code, sub_code));
        assert_eq!(outcome.class(), class, "{sub_code}");
    }
}

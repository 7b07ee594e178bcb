//! Signing in on a page inside WeChat: there, back, and with the ticket.

use std::sync::atomic::Ordering;

use futures::future::join_all;
use serde_json::json;

use super::{
    MINI,
    far_side::{Doorway, text},
};
use crate::world::{Reply, Sent};

crate::base::on_both_databases! {
    a_page_in_wechat_signs_its_visitor_in,
    a_ticket_of_another_browser_opens_nothing,
    a_code_is_exchanged_once_however_often_the_page_comes_back,
    a_snapshot_a_refusal_and_a_bent_state_sign_nobody_in,
    no_return_leads_away_from_us,
    what_is_not_set_up_is_not_offered,
}

/// A browser on its way to WeChat.
pub struct Visit {
    pub cookie: String,
    pub state: String,
    pub link: String,
}

/// A browser opens a page that sends it to WeChat.
pub async fn visit(door: &Doorway, return_to: &str) -> Visit {
    let reply = go(door, return_to, None).await;
    assert_eq!(reply.status, 302, "{}", reply.text);
    let cookie = reply.headers["set-cookie"].split(';').next().unwrap().to_owned();
    let link = reply.headers["location"].clone();
    let state = link.split("&state=").nth(1).unwrap().trim_end_matches("#wechat_redirect");
    Visit { cookie, state: state.to_owned(), link }
}

async fn go(door: &Doorway, return_to: &str, cookie: Option<&str>) -> Reply {
    let wish = percent_encoding::utf8_percent_encode(return_to, percent_encoding::NON_ALPHANUMERIC);
    let mut sent = Sent::default();
    if let Some(cookie) = cookie {
        sent = sent.header("cookie", cookie);
    }
    door.world.send("GET", &format!("{MINI}/session/wechat?return_to={wish}"), sent).await
}

/// The browser comes back; answers where it is sent.
async fn back(door: &Doorway, code: &str, state: &str, cookie: &str) -> String {
    let path = format!("{MINI}/session/wechat/back?code={code}&state={state}");
    let reply = door.world.send("GET", &path, Sent::default().header("cookie", cookie)).await;
    assert_eq!(reply.status, 302, "{}", reply.text);
    assert!(!reply.headers["location"].contains("code="), "the code stays in the address");
    reply.headers["location"].clone()
}

/// The ticket of a visit, and the page it came with.
pub async fn ticket(door: &Doorway, visit: &Visit, code: &str) -> (String, String) {
    let place = back(door, code, &visit.state, &visit.cookie).await;
    let (page, ticket) = place.split_once("ticket=").unwrap_or_else(|| panic!("{place}"));
    (ticket.to_owned(), page.to_owned())
}

pub async fn redeem(door: &Doorway, ticket: &str, cookie: &str) -> Reply {
    let sent = Sent::default().body(json!({ "ticket": ticket })).header("cookie", cookie);
    door.world.send("POST", &format!("{MINI}/session/ticket"), sent).await
}

async fn a_page_in_wechat_signs_its_visitor_in() {
    let door = Doorway::open().await;
    let visit = visit(&door, "/t/7QK2MZ9XW4RT").await;
    let start = "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx9999999999999999\
                 &redirect_uri=http%3A%2F%2F127.0.0.1%3A";
    assert!(visit.link.starts_with(start), "{}", visit.link);
    assert!(visit.link.contains("&scope=snsapi_base&state="), "{}", visit.link);
    door.far.press("c1", json!({ "openid": "oPAGE" }));
    let (ticket, page) = ticket(&door, &visit, "c1").await;
    assert_eq!(page, "/m/#/pages/welcome/welcome?tag=7QK2MZ9XW4RT&");
    let session = redeem(&door, &ticket, &visit.cookie).await;
    assert_eq!(session.status, 200, "{}", session.text);
    assert_eq!(session.json()["person"]["identities"][0]["kind"], "wechat-page");
    let again = redeem(&door, &ticket, &visit.cookie).await;
    assert_eq!((again.status, again.code()), (409, "session.signed_in".to_owned()), "works once");
    door.clock.pass(60);
    let late = redeem(&door, &ticket, &visit.cookie).await;
    assert_eq!(late.code(), "code.refused", "and is forgotten after its minute");
    door.stop().await;
}

async fn a_ticket_of_another_browser_opens_nothing() {
    let door = Doorway::open().await;
    let (mine, theirs) = (visit(&door, "").await, visit(&door, "").await);
    assert_ne!(mine.cookie, theirs.cookie);
    door.far.press("c1", json!({ "openid": "oA" }));
    // The state of one browser brought by another: a link that was sent to a victim.
    let place = back(&door, "c1", &mine.state, &theirs.cookie).await;
    assert_eq!(place, "/m/#/pages/welcome/welcome?sign_in=code_refused");
    let place = back(&door, "c1", &mine.state, "other=1").await;
    assert_eq!(place, "/m/#/pages/welcome/welcome?sign_in=code_refused");
    assert_eq!(door.far.exchanges.load(Ordering::SeqCst), 0, "no code was shown to anybody");
    let (ticket, _) = ticket(&door, &mine, "c1").await;
    for cookie in [theirs.cookie.as_str(), "other=1"] {
        assert_eq!(redeem(&door, &ticket, cookie).await.code(), "code.refused");
    }
    door.clock.pass(60);
    let late = redeem(&door, &ticket, &mine.cookie).await;
    assert_eq!(late.code(), "code.refused", "a minute later");
    door.stop().await;
}

async fn a_code_is_exchanged_once_however_often_the_page_comes_back() {
    let door = Doorway::open().await;
    let visit = visit(&door, "").await;
    door.far.press("c1", json!({ "openid": "oA" }));
    let (first, _) = ticket(&door, &visit, "c1").await;
    let loads = (0..20).map(|_| ticket(&door, &visit, "c1"));
    for (again, _) in join_all(loads).await {
        assert_eq!(again, first);
    }
    assert_eq!(door.far.exchanges.load(Ordering::SeqCst), 1);
    // At the same moment one of them asks, and all of them come to the same ticket.
    let other = self::visit(&door, "").await;
    door.far.press("c2", json!({ "openid": "oB" }));
    let loads = (0..20).map(|_| self::ticket(&door, &other, "c2"));
    let tickets: Vec<_> = join_all(loads).await.into_iter().map(|(ticket, _)| ticket).collect();
    assert!(tickets.iter().all(|one| *one == tickets[0]), "{tickets:?}");
    assert_eq!(door.far.exchanges.load(Ordering::SeqCst), 2);
    // One page of the browser signs in with it; the others are told to go on, and no stranger is.
    let pages = join_all((0..5).map(|_| redeem(&door, &tickets[0], &other.cookie))).await;
    let told: Vec<_> = pages.iter().map(|page| (page.status, page.code())).collect();
    let first = told.iter().filter(|(status, _)| *status == 200).count();
    let others = told.iter().filter(|one| **one == (409, "session.signed_in".to_owned())).count();
    assert_eq!((first, others), (1, 4), "{told:?}");
    let stranger = redeem(&door, &tickets[0], &visit.cookie).await;
    assert_eq!(stranger.code(), "code.refused");
    door.stop().await;
}

async fn a_snapshot_a_refusal_and_a_bent_state_sign_nobody_in() {
    let door = Doorway::open().await;
    let snapshot = json!({ "openid": "oVIRTUAL", "is_snapshotuser": 1 });
    let table = [
        ("snapshot", snapshot, "snapshot"),
        ("unknown", json!({ "errcode": 40029, "errmsg": "x" }), "code_refused"),
        ("busy", json!({ "errcode": -1, "errmsg": "x" }), "door_closed"),
    ];
    for (code, answer, want) in table {
        let visit = visit(&door, "/m/#/pages/home/home").await;
        door.far.press(code, answer);
        let place = back(&door, code, &visit.state, &visit.cookie).await;
        assert_eq!(place, format!("/m/#/pages/home/home?sign_in={want}"), "{code}");
    }
    let visit = visit(&door, "").await;
    let (head, tail) = visit.state.split_at(8);
    let table = [
        ("empty", String::new()),
        ("another time", format!("{:08x}{tail}", u32::from_str_radix(head, 16).unwrap() + 1)),
        ("cut", visit.state[..visit.state.len() - 1].to_owned()),
        ("not ours", "0".repeat(visit.state.len())),
    ];
    for (name, state) in table {
        let place = back(&door, "c9", &state, &visit.cookie).await;
        assert!(place.ends_with("?sign_in=code_refused"), "{name}: {place}");
    }
    door.clock.pass(601);
    let place = back(&door, "c9", &visit.state, &visit.cookie).await;
    assert!(place.ends_with("?sign_in=code_refused"), "too old: {place}");
    door.stop().await;
}

async fn no_return_leads_away_from_us() {
    let door = Doorway::open().await;
    for wish in ["https://evil.example", "//evil.example", "/\\evil", "/t/x\r\nset-cookie: a=b"] {
        let reply = go(&door, wish, None).await;
        let field = reply.json()["errors"][0]["field"].clone();
        assert_eq!((reply.status, field), (400, json!("return_to")), "{wish}");
    }
    // A cookie somebody else wrote leads nowhere else either.
    let visit = visit(&door, "").await;
    let secret = visit.cookie.split('.').next().unwrap();
    let bent = format!("{secret}.https%3A%2F%2Fevil%2Eexample");
    let place = back(&door, "c1", &visit.state, &bent).await;
    assert_eq!(place, "/m/#/pages/welcome/welcome?sign_in=code_refused");
    // Two tabs of one browser both come back.
    let first = self::visit(&door, "/t/AAAA").await;
    let second = go(&door, "/t/BBBB", Some(&first.cookie)).await;
    let cookie = second.headers["set-cookie"].split(';').next().unwrap().to_owned();
    door.far.press("c2", json!({ "openid": "oA" }));
    let place = back(&door, "c2", &first.state, &cookie).await;
    assert!(place.contains("tag=BBBB&ticket="), "{place}");
    door.stop().await;
}

async fn what_is_not_set_up_is_not_offered() {
    let door = Doorway::open_with(|config| {
        config.wechat.page_app_id.clear();
        config.wechat.mini_app_id.clear();
        config.sms.driver = "none".to_owned();
    })
    .await;
    for path in
        ["/session/wechat", "/session/wechat/back", "/session/alipay", "/session/alipay/back"]
    {
        let reply = door.world.send("GET", &format!("{MINI}{path}"), Sent::default()).await;
        assert_eq!(reply.code(), "sign_in.not_offered", "{path}: {}", reply.text);
    }
    let wish = json!({ "purpose": "sign-in", "phone": "13812340007" });
    let reply = door.post("/sms-codes", wish).await;
    assert_eq!(reply.code(), "sign_in.not_offered", "{}", text(&reply.json(), "title"));
    door.stop().await;
}

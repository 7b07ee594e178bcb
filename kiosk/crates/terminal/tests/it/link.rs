//! Requests and greetings against a server that misbehaves.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kiosk_wire::{
    account::{MeterLookup, PhoneAsked, PhoneLookup, PhoneProof, QuoteRequest, RoomLookup},
    card::{CardKeysRequest, CardLookup, VoucherOutcome, VoucherReport, VoucherRequest},
    device::{Hello, Identity, PairingCode, PairingOutcome, PairingRequest},
    order::{OrderDraft, OrderEvent, OrderFind},
    receipt::{PrintOutcome, PrintReport, PrintRequest},
};
use serde_json::json;
use terminal::{
    ambient::{Ambient, Manual},
    call::{Answer, Call, Failure},
    device::{DeviceKey, Papers, is_signed},
    link::{BODY_MAX, Link, LinkSettings, RENEW_BEFORE_MS, Skew, Standing, Trust, pair},
};
use tokio::sync::watch;
use uuid::Uuid;

use crate::faulty::{Does, Faulty, settings, soon};

pub fn start() -> DateTime<Utc> {
    "2026-11-21T06:00:00Z".parse().unwrap()
}

pub const BOOT: Uuid = Uuid::from_u128(0xb007);

/// A paired kiosk before a faulty server.
pub struct Bench {
    pub server: Faulty,
    pub link: Arc<Link>,
    pub clock: Manual,
    pub key: Arc<DeviceKey>,
    pub folder: tempfile::TempDir,
}

pub fn identity(server: &Faulty) -> Identity {
    Identity {
        kiosk_id: Uuid::from_u128(0x6b),
        number: "K-03".to_owned(),
        command_key: server.command_key(),
    }
}

pub fn bench_of(server: Faulty, trust: Trust) -> Bench {
    let clock = Manual::at(start(), 1);
    let folder = tempfile::tempdir().unwrap();
    let key = Arc::new(DeviceKey::open(folder.path(), &clock).unwrap());
    let papers = Papers::of(folder.path());
    let address = server.address.parse().unwrap();
    let not_before = LinkSettings::not_before(&papers);
    let link = Link::new(
        &LinkSettings { server: address, trust, not_before },
        Arc::clone(&key),
        papers,
        identity(&server),
        BOOT,
        "0.1.0",
        Arc::new(clock.clone()),
    );
    Bench { link: Arc::new(link.unwrap()), server, clock, key, folder }
}

pub async fn bench() -> Bench {
    bench_of(Faulty::start(start()).await, Trust::default())
}

fn order_view(id: Uuid) -> serde_json::Value {
    json!({
        "id": id, "order_no": "YF1", "state": "awaiting_payment", "amount_fen": 5000,
        "wallet": "wechat", "qr": "weixin://x", "expires_in_ms": 120_000, "payee": "和园物业",
        "place": "5-1-0803", "purpose": "electricity", "meter_tail": "1234",
        "money_model": "platform", "steps": [], "what": { "zh": "", "en": "" },
        "safe": { "zh": "", "en": "" }, "todo": { "zh": "", "en": "" },
        "balance_before_fen": null, "balance_after_fen": null, "supply": "on",
        "receipt_url": null, "a_field_of_a_newer_server": 1
    })
}

fn draft() -> OrderDraft {
    OrderDraft {
        client_id: Uuid::from_u128(1),
        session: Uuid::from_u128(2),
        handle: "h".to_owned(),
        amount_fen: 5_000,
        wallet: "wechat".to_owned(),
        without_paper: false,
        card: None,
    }
}

fn one_match() -> serde_json::Value {
    json!({ "handle": "h/1", "place": "5-1", "purpose": "water", "meter_tail": "1234",
        "meter_number": null, "holder": null })
}

fn account() -> serde_json::Value {
    let mut view = one_match();
    let more = json!({
        "money_model": "platform", "balance_fen": null, "register": null, "used_today": null,
        "used_month": null, "price_e4": null, "supply": "on",
        "supply_text": { "zh": "", "en": "" }, "restore_fen": null,
        "amounts": { "usual_fen": [2000], "min_fen": 100, "max_fen": 50_000 },
        "closed": null, "read": null
    });
    view.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    view
}

/// A call, the request it has to be, and what the server says to it.
type Row = (Call, &'static str, String, serde_json::Value);

const ORDER: Uuid = Uuid::from_u128(0x0d);

fn text(text: &str) -> String {
    text.to_owned()
}

fn lookups() -> Vec<Row> {
    let (post, get) = ("POST", "GET");
    let matches = json!({ "matches": [one_match()] });
    let nodes = json!({ "nodes": [] });
    let asked = PhoneAsked {
        challenge: ORDER,
        masked: text("138****1234"),
        expires_in_ms: 1,
        again_in_ms: 1,
    };
    let meter = Call::FindMeter(MeterLookup { number: text("123456") });
    let room = Call::FindRoom(RoomLookup { room: text("r"), last_four: text("1234") });
    let phone = Call::AskPhone(PhoneLookup { phone: text("13800001234") });
    let proof = Call::ProvePhone(PhoneProof { challenge: ORDER, code: text("123456") });
    let rooms = |under: Option<&str>| Call::Rooms { under: under.map(text) };
    let handle = || text("h/1");
    let keys = Call::CardKeys(CardKeysRequest { uid: text("04") });
    let key_a = json!({ "key_a": "ffffffffffff", "copies": [4, 8] });
    let card = CardLookup { uid: text("04"), format: text("yufu-m1"), blocks: Vec::new() };
    let quote = json!({ "amount_fen": 5000, "fee_fen": 0, "quantity": null,
        "balance_after_fen": null, "restores": null });
    let ask = Call::Quote(QuoteRequest { handle: text("h"), amount_fen: 5_000 });
    vec![
        (meter, post, text("/lookups/meter"), matches.clone()),
        (rooms(None), get, text("/rooms"), nodes.clone()),
        (rooms(Some("5 栋")), get, text("/rooms?under=5+%E6%A0%8B"), nodes),
        (room, post, text("/lookups/room"), matches.clone()),
        (phone, post, text("/lookups/phone"), json!(asked)),
        (proof, post, text("/lookups/phone/code"), matches.clone()),
        (keys, post, text("/cards/keys"), key_a),
        (Call::FindCard(card), post, text("/lookups/card"), matches),
        (Call::Account { handle: handle() }, get, text("/meters/h%2F1"), account()),
        (Call::Read { handle: handle() }, post, text("/meters/h%2F1/read"), account()),
        (ask, post, text("/quotes"), quote),
    ]
}

fn sales() -> Vec<Row> {
    let (post, get) = ("POST", "GET");
    let (order, view) = (ORDER, order_view(ORDER));
    let path = |rest: &str| format!("/orders/{order}{rest}");
    let find = OrderFind { order_no: text("YF1"), last_four: text("1234") };
    let event = OrderEvent { id: order, name: text("qr_shown"), seq: Some(1) };
    let by_client = Call::OrderByClient { client_id: order };
    vec![
        (Call::Place(draft()), post, text("/orders"), view.clone()),
        (Call::Order { order }, get, path(""), view.clone()),
        (by_client, get, format!("/orders/by-client/{order}"), view.clone()),
        (Call::Cancel { order }, post, path("/cancel"), view.clone()),
        (Call::Find(find), post, text("/orders/find"), view),
        (Call::Tell { order, event }, post, path("/events"), json!(null)),
    ]
}

fn papers_and_cards() -> Vec<Row> {
    let (post, order) = ("POST", ORDER);
    let path = |rest: &str| format!("/orders/{order}{rest}");
    let print = json!({ "print_id": order, "copy": 0, "already": false,
        "receipt": { "lines": [{ "line": "cut" }] } });
    let request = PrintRequest { print_id: order, automatic: true };
    let report = PrintReport { outcome: PrintOutcome::Printed, paper_mm: 120 };
    let printed = Call::Printed { print: order, report };
    let voucher = json!({ "id": order, "seq": 1, "copy": 0, "blocks": [], "on_card": false,
        "expires_in_ms": 1 });
    let card = VoucherRequest { uid: text("04"), blocks: Vec::new() };
    let report = VoucherReport { outcome: VoucherOutcome::Written, blocks: Vec::new() };
    let ended = Call::VoucherEnded { voucher: order, report };
    vec![
        (Call::Print { order, request }, post, path("/prints"), print),
        (printed, post, format!("/prints/{order}/outcome"), json!(null)),
        (Call::Voucher { order, request: card }, post, path("/voucher"), voucher),
        (ended, post, format!("/vouchers/{order}/outcome"), json!(null)),
    ]
}

#[tokio::test]
async fn every_call_asks_its_own_route_and_reads_its_own_answer() {
    let mut bench = bench().await;
    let rows = [lookups(), sales(), papers_and_cards()].concat();
    for (call, method, path, answer) in rows {
        let empty = answer.is_null();
        let does = if empty { Does::Answer(204, Vec::new()) } else { Does::json(&answer) };
        bench.server.once(path.split('?').next().unwrap(), does);
        let outcome = soon(bench.link.call(call.clone())).await;
        assert!(outcome.is_ok(), "{call:?}: {outcome:?}");
        assert_eq!(outcome == Ok(Answer::Heard), empty, "{call:?}");
        let asked = bench.server.asked_so_far();
        assert_eq!((asked.len(), &asked[0].range), (1, &None), "{call:?}");
        assert_eq!((asked[0].method.as_str(), &asked[0].path), (method, &path));
        assert_eq!(asked[0].token.as_deref(), Some("token-1"));
        let json = asked[0].media_type.as_deref() == Some("application/json");
        assert_eq!(json, !asked[0].body.is_empty(), "{call:?}");
    }
    assert_eq!(bench.server.hellos(), 1, "one greeting for all of them");
}

#[tokio::test]
async fn a_lost_answer_is_lost_and_the_server_is_asked_once() {
    let order = Uuid::from_u128(1);
    let view = serde_json::to_vec(&order_view(order)).unwrap();
    let mut other = order_view(order);
    other["amount_fen"] = json!(50_000);
    let html = b"<html>Please sign in to the guest network</html>".to_vec();
    let faults = [
        Does::LoseReply,
        Does::Cut(201, Vec::new(), view.clone(), 0),
        Does::Cut(201, Vec::new(), view.clone(), view.len() - 1),
        Does::Babble,
        Does::Hang,
        Does::Stall(200, view.clone(), 10),
        Does::Answer(200, html.clone()),
        Does::Answer(200, view[..view.len() / 2].to_vec()),
        Does::Answer(200, vec![b' '; BODY_MAX + 1]),
        Does::Answer(204, Vec::new()),
        Does::json(&other),
        Does::Answer(302, Vec::new()),
        Does::With(307, vec![("location".to_owned(), "/orders".to_owned())], Vec::new()),
        Does::Answer(403, html.clone()),
        Does::Answer(404, html),
        Does::problem(408, "timeout"),
        Does::problem(500, "internal"),
        Does::problem(503, "busy"),
    ];
    for does in faults {
        let mut bench = bench().await;
        bench.server.always("/orders", does.clone());
        let link = Arc::clone(&bench.link);
        let call = tokio::spawn(async move { link.call(Call::Place(draft())).await });
        let _ = bench.server.next("/orders").await;
        if matches!(does, Does::Hang | Does::Stall(..)) {
            bench.clock.pass(7_999);
            tokio::task::yield_now().await;
            assert!(!call.is_finished(), "it may still come");
            bench.clock.pass(1);
        }
        assert_eq!(soon(call).await.unwrap(), Err(Failure::Lost), "{does:?}");
        let again = bench.server.asked_so_far();
        assert!(again.is_empty(), "{does:?}: asked again: {again:?}");
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_known() {
    let mut server = Faulty::start(start()).await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    server.address = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let bench = bench_of(server, Trust::default());
    assert_eq!(soon(bench.link.call(Call::Place(draft()))).await, Err(Failure::Lost));
    assert_eq!(*bench.link.standing().borrow(), Standing::Unheard);
    assert_eq!(bench.link.heard_age_ms(), None);
}

#[tokio::test]
async fn only_the_servers_own_word_is_a_refusal() {
    let bench = bench().await;
    for (status, code) in [(400, "bad"), (404, "not_found"), (409, "order.stale"), (429, "slow")] {
        bench.server.once("/orders", Does::problem(status, code));
        let Err(Failure::Refused(problem)) = soon(bench.link.call(Call::Place(draft()))).await
        else {
            panic!("{status} is a refusal")
        };
        assert_eq!((problem.code.as_str(), problem.title.as_str()), (code, "不行"));
    }
    assert_eq!(*bench.link.standing().borrow(), Standing::In);
    bench.server.once("/orders", Does::problem(403, "order.foreign"));
    let refused = soon(bench.link.call(Call::Place(draft()))).await;
    assert!(matches!(refused, Err(Failure::Refused(_))));
    bench.server.once("/orders", Does::problem(403, "kiosk.revoked"));
    let revoked = soon(bench.link.call(Call::Place(draft()))).await;
    assert_eq!(revoked, Err(Failure::Revoked));
    assert_eq!(*bench.link.standing().borrow(), Standing::Revoked);
}

#[tokio::test]
async fn a_session_the_server_forgot_is_made_anew_and_the_request_sent_once_more() {
    let mut bench = bench().await;
    bench.server.once("/orders", Does::problem(401, "kiosk.session"));
    bench.server.once("/orders", Does::json(&order_view(Uuid::from_u128(1))));
    assert!(soon(bench.link.call(Call::Place(draft()))).await.is_ok());
    let tokens: Vec<_> = bench.server.asked_so_far().into_iter().map(|a| a.token).collect();
    assert_eq!(tokens, [Some("token-1".to_owned()), Some("token-2".to_owned())]);
    // A server that never believes it is not asked for ever.
    bench.server.always("/orders", Does::problem(401, "kiosk.session"));
    let refused = soon(bench.link.call(Call::Place(draft()))).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
    assert_eq!(bench.server.asked_so_far().len(), 2);
}

#[tokio::test]
async fn a_session_is_renewed_before_it_ends_by_one_greeting_for_all_who_wait() {
    let bench = bench().await;
    bench.server.always("/rooms", Does::json(&json!({ "nodes": [] })));
    let ask = || async { soon(bench.link.call(Call::Rooms { under: None })).await };
    let all = futures::future::join_all((0..8).map(|_| ask())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(bench.server.hellos(), 1);
    bench.clock.pass(900_000 - RENEW_BEFORE_MS - 1);
    assert!(ask().await.is_ok());
    assert_eq!(bench.server.hellos(), 1);
    bench.clock.pass(1);
    let all = futures::future::join_all((0..8).map(|_| ask())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(bench.server.hellos(), 2);
    // While the server does not greet, the old session serves to its end and no longer.
    bench.server.always("/challenges", Does::LoseReply);
    bench.clock.pass(900_000 - 1);
    assert!(ask().await.is_ok());
    bench.clock.pass(1);
    assert_eq!(ask().await, Err(Failure::Lost));
}

#[tokio::test]
async fn a_server_that_does_not_prove_itself_gets_nothing() {
    let mut bench = bench().await;
    bench.server.forge(true);
    assert_eq!(soon(bench.link.call(Call::Place(draft()))).await, Err(Failure::Lost));
    assert_eq!(*bench.link.standing().borrow(), Standing::Unproven);
    assert!(bench.server.asked_so_far().is_empty(), "not even the request");
    assert_eq!(bench.link.server_now(), None, "nor is its clock believed");
    assert_eq!(*bench.link.settings().borrow(), None);
    bench.server.forge(false);
    bench.server.once("/orders", Does::json(&order_view(Uuid::from_u128(1))));
    assert!(soon(bench.link.call(Call::Place(draft()))).await.is_ok());
    assert_eq!(*bench.link.standing().borrow(), Standing::In);
    bench.server.once("/hello", Does::problem(403, "kiosk.revoked"));
    assert_eq!(soon(bench.link.renew()).await, Err(Failure::Revoked));
}

#[tokio::test]
async fn a_greeting_is_signed_and_brings_the_settings_and_the_time() {
    let mut bench = bench().await;
    bench.clock.set_wall(start() + TimeDelta::minutes(7));
    soon(bench.link.renew()).await.unwrap();
    let hello: Hello = bench.server.next("/hello").await.json();
    assert!(is_signed(&bench.key.public_hex(), &hello.to_sign(), &hello.signature));
    assert_eq!((hello.boot_id, hello.version.as_str()), (BOOT, "0.1.0"));
    assert_eq!(*bench.link.settings().borrow(), Some(settings()));
    assert_eq!(bench.link.server_now(), Some(start()));
    assert_eq!(bench.link.skew(), Skew::Stop);
    bench.clock.pass(60_000);
    assert_eq!(bench.link.server_now(), Some(start() + TimeDelta::minutes(1)));
    assert_eq!(bench.link.heard_age_ms(), Some(60_000));
    // After a power cut with a dead battery it starts from there.
    let papers = Papers::of(bench.folder.path());
    assert_eq!(papers.heard_at(), Some(start()));
    assert_eq!(LinkSettings::not_before(&papers), start());
}

#[tokio::test]
async fn every_answer_says_that_it_is_not_earlier_than_its_date() {
    let bench = bench().await;
    soon(bench.link.renew()).await.unwrap();
    let date = vec![("date".to_owned(), "Sat, 21 Nov 2026 06:00:30 GMT".to_owned())];
    bench.server.once("/rooms", Does::With(200, date, b"{\"nodes\":[]}".to_vec()));
    assert!(soon(bench.link.call(Call::Rooms { under: None })).await.is_ok());
    assert_eq!(bench.link.server_now(), Some(start() + TimeDelta::seconds(30)));
    let date = vec![("date".to_owned(), "Sat, 21 Nov 2020 06:00:30 GMT".to_owned())];
    bench.server.once("/rooms", Does::With(200, date, b"{\"nodes\":[]}".to_vec()));
    assert!(soon(bench.link.call(Call::Rooms { under: None })).await.is_ok());
    assert_eq!(bench.link.server_now(), Some(start() + TimeDelta::seconds(30)));
}

#[tokio::test]
async fn a_kiosk_is_paired_over_a_line_that_fails_and_keeps_who_it_is() {
    let mut server = Faulty::start(start()).await;
    let clock = Manual::at(start(), 3);
    let folder = tempfile::tempdir().unwrap();
    let key = DeviceKey::open(folder.path(), &clock).unwrap();
    let papers = Papers::of(folder.path());
    let id = Uuid::from_u128(5);
    let code = PairingCode {
        pairing_id: id,
        code: "ABCD2345".to_owned(),
        secret: "s3cret".to_owned(),
        expires_in_ms: 600_000,
    };
    let outcome = format!("/pairings/{id}/outcome");
    server.once("/pairings", Does::problem(500, "internal"));
    server.once("/pairings", Does::json(&code));
    server.once(&outcome, Does::json(&PairingOutcome::Waiting));
    server.once(&outcome, Does::Answer(404, b"<html>portal</html>".to_vec()));
    server.once(&outcome, Does::json(&PairingOutcome::Paired(identity(&server))));
    let settings = LinkSettings {
        server: server.address.parse().unwrap(),
        trust: Trust::default(),
        not_before: start(),
    };
    let (shown, mut shows) = watch::channel(None);
    let ambient: Arc<dyn Ambient> = Arc::new(clock.clone());
    let (key_of, papers_of) = (key.public_hex(), papers.clone());
    let fingerprint = key.fingerprint();
    let pairing = tokio::spawn(async move {
        pair(&settings, &key, &papers_of, ("board", "0.1.0"), &shown, ambient).await.unwrap()
    });
    let asked = server.next("/pairings").await;
    assert_eq!(asked.json::<PairingRequest>().public_key, key_of);
    assert_eq!(asked.token, None);
    let shows_code = |shows: &mut watch::Receiver<Option<terminal::device::Shown>>| {
        let shown = shows.borrow_and_update().clone().unwrap();
        assert_eq!(shown.fingerprint, fingerprint);
        shown.code
    };
    let mut codes = Vec::new();
    while !pairing.is_finished() {
        // Whenever it waits, time passes; the server's answers come by themselves.
        if let Some(wait) = clock.next_ms().filter(|wait| *wait <= 6_000) {
            if shows.borrow().is_some() {
                codes.extend(shows_code(&mut shows));
            }
            clock.pass(wait);
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(soon(pairing).await.unwrap(), identity(&server));
    assert_eq!(papers.identity().unwrap(), Some(identity(&server)));
    assert_eq!(papers.pending(), None);
    assert!(codes.contains(&"ABCD2345".to_owned()), "{codes:?}");
}

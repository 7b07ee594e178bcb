//! Who a kiosk is: pairing, greeting, sessions; and what it may find.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::ProjectId;
use kiosk_api::{
    Failure, Need, PREFIX, ROUTES, Verb,
    lookup::SUBJECT_MAX,
    pairing::{self, Acceptance},
};
use kiosk_wire::{
    account::{
        AccountView, Matches, MeterLookup, PhoneAsked, PhoneLookup, PhoneProof, ReadOutcome,
        RoomLookup, Rooms,
    },
    card_format::hex,
    channel::Up,
    device::PairingOutcome,
};
use serde_json::json;
use store::site::Project;
use tests::{
    clock::SkippingClock,
    fixture::{Bus, PROJECT},
    kiosk::{
        FakeKiosk, OPERATOR, ask_code, base, code, fresh, key, outcome, row, seen, send,
        without_trace,
    },
    world::{Plan, World},
};

super::postgres::on_both_databases! {
    a_pairing_code_is_guessed_five_times_at_most,
    a_kiosk_is_taken_up_once_by_who_saw_its_digits,
    a_replayed_or_forged_greeting_opens_nothing,
    a_cloned_key_is_quarantined_in_both_places,
    every_kiosk_route_lets_in_only_a_live_session,
    a_handle_of_another_kiosk_or_another_hour_names_nothing,
    a_live_read_at_a_kiosk_says_how_it_ended,
    a_room_is_opened_by_the_last_digits_of_its_meter_and_guesses_are_counted,
    a_phone_number_that_is_not_on_file_answers_like_one_that_is,
    a_meter_of_another_site_answers_like_one_that_is_not_there,
}

async fn world() -> World {
    World::start(Plan::new(vec![Bus::mixed()])).await
}

/// Another site in the same database.
async fn second_project(world: &World) -> ProjectId {
    let now = world.house.now();
    let other = Project {
        id: 2,
        name: "别处".to_owned(),
        name_en: "Elsewhere".to_owned(),
        currency: "CNY".to_owned(),
        timezone: "+08:00".to_owned(),
        created_at: now,
    };
    let put = world
        .house
        .store()
        .transact(move |tx| Box::pin(async move { store::insert(tx, other).await }));
    put.await.unwrap();
    ProjectId(2)
}

async fn a_pairing_code_is_guessed_five_times_at_most() {
    let world = world().await;
    let server = world.server();
    let key = key(1);
    let asked = ask_code(server, &key).await;
    // The first characters find the row; whoever has read those guesses the others.
    let found = asked.code.get(..3).unwrap().to_owned();
    let desk = Arc::clone(&server.app().kiosks);
    let guesses = (0..40u32).map(|n| {
        let (desk, found) = (Arc::clone(&desk), found.clone());
        let operator = domain::OperatorId(uuid::Uuid::from_u128(u128::from(n)));
        let letters = "23456789ABCDEFGHJKMNPQRSTVWXYZ".as_bytes();
        let letter = char::from(letters[(n % 30) as usize]);
        tokio::spawn(async move {
            let guess = format!("{found}2222{letter}");
            matches!(pairing::look(&desk, operator, &guess).await, Err(Failure::PairingRefused))
        })
    });
    for guess in guesses.collect::<Vec<_>>() {
        assert!(guess.await.unwrap(), "no guess is right");
    }
    let late = pairing::look(&desk, OPERATOR, &asked.code).await;
    assert!(matches!(late, Err(Failure::PairingRefused)), "the code is burnt: {late:?}");
    assert_eq!(outcome(server, &asked).await, PairingOutcome::Expired);
    // Another code is good at once, and a look at it is no guess.
    let again = ask_code(server, &key).await;
    for _ in 0..8 {
        pairing::look(&desk, OPERATOR, &again.code.to_lowercase()).await.unwrap();
    }
    world.stop().await;
}

async fn a_kiosk_is_taken_up_once_by_who_saw_its_digits() {
    let world = world().await;
    let server = world.server();
    let (desk, first) = (&server.app().kiosks, key(1));
    let asked = ask_code(server, &first).await;
    assert_eq!(outcome(server, &asked).await, PairingOutcome::Waiting);
    let stranger = kiosk_wire::device::PairingProof { secret: "00".repeat(32) };
    let path = format!("/pairings/{}/outcome", asked.pairing_id);
    let body = Some(serde_json::to_string(&stranger).unwrap());
    let refused = send(&base(server), "POST", &path, None, body).await;
    assert_eq!(code(&refused), (404, "not_found"));

    let right = seen(&asked, &first, "K-01");
    let digits = right.fingerprint.clone();
    assert_eq!(digits.len(), 6);
    let wrong = if digits == "000000" { "000001" } else { "000000" };
    let table = [
        (Acceptance { fingerprint: wrong.to_owned(), ..right.clone() }, "fingerprint"),
        (Acceptance { number: "K 01".to_owned(), ..right.clone() }, "form"),
        (Acceptance { name: "x".repeat(61), ..right.clone() }, "form"),
    ];
    for (wish, why) in table {
        let refused = pairing::accept(desk, PROJECT, OPERATOR, wish).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{refused} {why}");
    }
    let kiosk = pairing::accept(desk, PROJECT, OPERATOR, right.clone()).await.unwrap();
    let twice = pairing::accept(desk, PROJECT, OPERATOR, right).await;
    assert!(matches!(twice, Err(Failure::PairingRefused)), "{twice:?}");
    let PairingOutcome::Paired(identity) = outcome(server, &asked).await else { panic!() };
    assert_eq!((identity.kiosk_id, identity.number.as_str()), (kiosk.id, "K-01"));

    // Another machine: not under the same number, unless it takes the place of the first.
    let second = key(2);
    let asked = ask_code(server, &second).await;
    let wish = seen(&asked, &second, "K-01");
    let taken = pairing::accept(desk, PROJECT, OPERATOR, wish.clone()).await;
    assert!(matches!(taken, Err(Failure::Taken)), "{taken:?}");
    let wish = Acceptance { takes_over: true, ..wish };
    let heir = pairing::accept(desk, PROJECT, OPERATOR, wish).await.unwrap();
    assert_eq!(heir.id, kiosk.id);
    assert_ne!(heir.public_key, kiosk.public_key);
    world.stop().await;
}

async fn a_replayed_or_forged_greeting_opens_nothing() {
    let world = world().await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let used = kiosk.hello().await;
    assert_eq!(kiosk.post("/hello", &used).await.0, 200);
    assert_eq!(code(&kiosk.post("/hello", &used).await), (401, "kiosk.session"), "replayed");

    let other = FakeKiosk::paired(server, PROJECT, 2).await;
    let forged = |hello: kiosk_wire::device::Hello| {
        let key = key(9);
        kiosk_wire::device::Hello { signature: hex(key.sign(&hello.to_sign()).as_ref()), ..hello }
    };
    let fresh_hello = kiosk.hello().await;
    let table = [
        (forged(fresh_hello.clone()), "another key"),
        (
            kiosk_wire::device::Hello { boot_id: fresh(server), ..fresh_hello.clone() },
            "another start than was signed",
        ),
        (
            kiosk_wire::device::Hello { kiosk_id: other.identity.kiosk_id, ..fresh_hello.clone() },
            "another kiosk",
        ),
        (
            kiosk_wire::device::Hello { kiosk_id: fresh(server), ..fresh_hello.clone() },
            "no kiosk at all",
        ),
        (
            kiosk_wire::device::Hello { signature: "00".repeat(64), ..fresh_hello.clone() },
            "no signature",
        ),
    ];
    for (hello, why) in table {
        let refused = kiosk.post("/hello", &hello).await;
        assert_eq!(code(&refused), (403, "kiosk.revoked"), "{why}");
    }
    // A nonce that was given to another kiosk.
    let mut stolen = kiosk.hello().await;
    stolen.server_nonce = other.hello().await.server_nonce;
    stolen.signature = hex(kiosk.key.sign(&stolen.to_sign()).as_ref());
    assert_eq!(code(&kiosk.post("/hello", &stolen).await), (401, "kiosk.session"));
    // None of it has cost the kiosk anything.
    assert_eq!(kiosk.post("/hello", &fresh_hello).await.0, 200);
    world.stop().await;
}

async fn a_cloned_key_is_quarantined_in_both_places() {
    let world = world().await;
    let server = world.server();
    // A start that follows another is no clone: a process that was killed cannot say goodbye.
    let mut kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    kiosk.poll(vec![Up::Heartbeat(Box::new(kiosk.beat()))]).await;
    kiosk.boot = fresh(server);
    kiosk.greet().await;
    kiosk.greet().await;
    assert!(row(server, &kiosk).await.is_active());

    // What gives a clone away: the earlier start is heard again, in whatever way.
    for (number, way) in [(2, "greets"), (3, "asks"), (4, "polls")] {
        let kiosk = FakeKiosk::paired(server, PROJECT, number).await;
        kiosk.poll(vec![Up::Heartbeat(Box::new(kiosk.beat()))]).await;
        let mut clone = kiosk.cloned(server, number);
        clone.greet().await;
        clone.poll(vec![Up::Heartbeat(Box::new(clone.beat()))]).await;
        let gives_away = match way {
            "greets" => kiosk.post("/hello", &kiosk.hello().await).await,
            "asks" => kiosk.get("/rooms").await,
            _ => kiosk.post("/poll", &json!({ "up": [] })).await,
        };
        assert_eq!(code(&gives_away), (403, "kiosk.revoked"), "{way}");
        for one in [&kiosk, &clone] {
            assert_eq!(code(&one.get("/content").await), (403, "kiosk.revoked"), "{way}");
            let hello = one.hello().await;
            assert_eq!(code(&one.post("/hello", &hello).await), (403, "kiosk.revoked"), "{way}");
        }
        let kept = row(server, &kiosk).await;
        assert_eq!((kept.state.as_str(), kept.reason.as_deref()), ("quarantined", Some("cloned")));
        let items = store::work_item::open_items(world.house.store().read(), PROJECT).await;
        let about = kiosk.identity.kiosk_id.to_string();
        let told = items.unwrap().into_iter().filter(|item| item.subject_id == about).count();
        assert_eq!(told, 1, "{way}: somebody is told, once");
    }
    world.stop().await;
}

/// A body each route reads, as far as its form goes.
fn example(path: &str, id: uuid::Uuid) -> serde_json::Value {
    let block = json!([{ "number": 4, "bytes": "" }]);
    match path {
        "/lookups/meter" => json!({ "number": "020220000" }),
        "/lookups/room" => json!({ "room": id, "last_four": "0000" }),
        "/lookups/phone" => json!({ "phone": "13812340000" }),
        "/lookups/phone/code" => json!({ "challenge": id, "code": "000000" }),
        "/lookups/card" => json!({ "uid": "04a1b2c3", "format": "yufu-m1", "blocks": block }),
        "/cards/keys" => json!({ "uid": "04a1b2c3" }),
        "/quotes" => json!({ "handle": "00", "amount_fen": 100 }),
        "/orders" => json!({
            "client_id": id, "session": id, "handle": "00", "amount_fen": 100,
            "wallet": "wechat", "without_paper": false, "card": null,
        }),
        "/orders/find" => json!({ "order_no": "YF0", "last_four": "0000" }),
        "/orders/{order}/events" => json!({ "id": id, "name": "qr_shown" }),
        "/orders/{order}/prints" => json!({ "print_id": id, "automatic": true }),
        "/orders/{order}/voucher" => json!({ "uid": "04a1b2c3", "blocks": block }),
        "/prints/{print}/outcome" => json!({ "outcome": "printed", "paper_mm": 90 }),
        "/vouchers/{voucher}/outcome" => json!({ "outcome": "unknown", "blocks": block }),
        "/poll" => json!({ "up": [] }),
        _ => json!({}),
    }
}

async fn every_kiosk_route_lets_in_only_a_live_session() {
    let clock = SkippingClock::true_time();
    let plan = Plan { clock: Some(clock.clone()), ..Plan::new(vec![Bus::mixed()]) };
    let world = World::start(plan).await;
    let server = world.server();
    let live = FakeKiosk::paired(server, PROJECT, 1).await;
    let revoked = FakeKiosk::paired(server, PROJECT, 2).await;
    let kept = row(server, &revoked).await;
    pairing::revoke(&server.app().kiosks, kept, "stolen").await.unwrap();
    let stranger = second_project(&world).await;
    let stranger = FakeKiosk::paired(server, stranger, 3).await;
    let (own, foreign) = sold(&world, &live).await;
    let extra = [(Verb::Get, "/channel"), (Verb::Get, "/files/{sha256}")];
    let routes = ROUTES.iter().flat_map(|routes| routes.iter());
    let routes = routes.filter(|route| route.need != Need::Nothing);
    let all: Vec<_> = routes.map(|route| (route.method, route.path)).chain(extra).collect();
    assert!(all.len() > 20, "the registry is walked");
    for (method, path) in &all {
        let method = if *method == Verb::Get { "GET" } else { "POST" };
        let filled = |id: &str| {
            let mut filled = (*path).to_owned();
            for name in ["order", "client", "print", "voucher", "handle", "sha256"] {
                filled = filled.replace(&format!("{{{name}}}"), id);
            }
            filled
        };
        let missing = fresh(server);
        let body = (method == "POST").then(|| example(path, missing).to_string());
        let call = |token: Option<String>, id: &str| {
            let (at, path, body) = (base(server), filled(id), body.clone());
            async move { send(&at, method, &path, token.as_deref(), body).await }
        };
        for token in [None, Some("x".to_owned()), Some("00".repeat(32))] {
            let reply = call(token, &missing.to_string()).await;
            assert_eq!(code(&reply), (401, "kiosk.session"), "{path}");
        }
        let finishes = path.contains("{order}") || path.contains("{print}");
        let finishes = finishes || path.contains("{voucher}") || path.contains("{client}");
        let reply = call(Some(revoked.token.clone()), &missing.to_string()).await;
        match finishes {
            true => assert_eq!(code(&reply), (404, "not_found"), "{path}: what is sold may end"),
            false => assert_eq!(code(&reply), (403, "kiosk.revoked"), "{path}"),
        }
        if finishes {
            let absent = call(Some(stranger.token.clone()), &missing.to_string()).await;
            let other = call(Some(stranger.token.clone()), &own).await;
            assert_eq!(absent.0, 404, "{path}: {}", absent.1);
            assert_eq!(without_trace(absent), without_trace(other), "{path}");
        }
    }
    let handle = stranger.get(&format!("/meters/{foreign}")).await;
    assert_eq!(code(&handle), (404, "not_found"), "a handle of another site");
    clock.skip(TimeDelta::minutes(16));
    assert_eq!(code(&live.get("/content").await), (401, "kiosk.session"), "too old");
    assert_eq!(code(&revoked.get("/content").await), (403, "kiosk.revoked"));
    world.stop().await;
}

/// An order and a handle of the first site.
async fn sold(world: &World, kiosk: &FakeKiosk) -> (String, String) {
    let handle = kiosk.handle(&world.layout.places[0].meter.meter_no).await;
    let draft = kiosk.draft(fresh(world.server()), &handle, 5_000);
    let order: kiosk_wire::order::OrderView = kiosk.ask("/orders", &draft).await;
    (order.id.to_string(), handle)
}

async fn a_handle_of_another_kiosk_or_another_hour_names_nothing() {
    let clock = SkippingClock::true_time();
    let plan = Plan { clock: Some(clock.clone()), ..Plan::new(vec![Bus::mixed()]) };
    let world = World::start(plan).await;
    let server = world.server();
    let mut kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let neighbour = FakeKiosk::paired(server, PROJECT, 2).await;
    let meter_no = &world.layout.places[1].meter.meter_no;
    let handle = kiosk.handle(meter_no).await;
    assert!(!handle.contains(&world.layout.places[1].meter.id.simple().to_string()), "sealed");
    let view: AccountView = kiosk.look(&format!("/meters/{handle}")).await;
    assert_eq!(view.matched.meter_number.as_ref(), Some(meter_no));
    assert_eq!(view.matched.place, "测试项目 1 号楼 0102".replace("测试项目", &site(&world).await));
    assert_eq!((view.money_model.as_str(), view.price_e4), ("platform", Some(6_000)));
    assert!(view.amounts.usual_fen.contains(&5_000) && view.closed.is_none());
    let torn = format!("{}0", &handle[..handle.len() - 1]);
    for (who, handle) in [(&neighbour, handle.as_str()), (&kiosk, torn.as_str()), (&kiosk, "x")] {
        let reply = who.get(&format!("/meters/{handle}")).await;
        assert_eq!(code(&reply), (404, "not_found"), "{handle}");
    }
    clock.skip(TimeDelta::minutes(14));
    kiosk.greet().await;
    assert_eq!(kiosk.get(&format!("/meters/{handle}")).await.0, 200);
    clock.skip(TimeDelta::minutes(2));
    assert_eq!(code(&kiosk.get(&format!("/meters/{handle}")).await), (404, "not_found"));
    world.stop().await;
}

async fn site(world: &World) -> String {
    let db = world.house.store().read();
    store::site::project(db, PROJECT).await.unwrap().unwrap().name
}

async fn a_live_read_at_a_kiosk_says_how_it_ended() {
    let world = World::start(Plan::new(vec![Bus::mixed()])).await;
    let kiosk = FakeKiosk::paired(world.server(), PROJECT, 1).await;
    let place = &world.layout.places[0].meter;
    let handle = kiosk.handle(place.meter_no.trim_start_matches('0')).await;
    let read: AccountView = kiosk.ask(&format!("/meters/{handle}/read"), &json!({})).await;
    assert_eq!((read.read, read.money_model.as_str()), (Some(ReadOutcome::Fresh), "meter"));
    let balance = read.balance_fen.unwrap();
    assert!(balance.live && balance.age_ms < 60_000, "{balance:?}");
    let meter = world.site.meter(&place.address).unwrap();
    meter.turn(meter_simulator::Knob::DropReply, meter_simulator::Setting::percent(100));
    // Whoever asks again within ten seconds is shown the read that ended.
    let again: AccountView = kiosk.ask(&format!("/meters/{handle}/read"), &json!({})).await;
    assert_eq!(again.read, Some(ReadOutcome::Fresh));
    world.stop().await;
}

async fn a_room_is_opened_by_the_last_digits_of_its_meter_and_guesses_are_counted() {
    let world = world().await;
    let kiosk = FakeKiosk::paired(world.server(), PROJECT, 1).await;
    let buildings: Rooms = kiosk.look("/rooms").await;
    let building = &buildings.nodes[0];
    assert_eq!((building.label.as_str(), building.room), ("1 号楼", false));
    let floors: Rooms = kiosk.look(&format!("/rooms?under={}", building.id)).await;
    let rooms: Rooms = kiosk.look(&format!("/rooms?under={}", floors.nodes[0].id)).await;
    let room = &rooms.nodes[0];
    assert_eq!((room.label.as_str(), room.room), ("0101", true));
    for under in ["x", "00112233.1", "'or 1=1"] {
        let reply = kiosk.get(&format!("/rooms?under={under}")).await;
        assert_eq!(code(&reply), (404, "not_found"), "{under}");
    }
    let meter_no = &world.layout.places[0].meter.meter_no;
    let proof = |last: &str| RoomLookup { room: room.id.clone(), last_four: last.to_owned() };
    let right = &meter_no[meter_no.len() - 4..];
    let found: Matches = kiosk.ask("/lookups/room", &proof(right)).await;
    assert_eq!(found.matches.len(), 1);
    assert_eq!(
        (found.matches[0].meter_number.as_ref(), &*found.matches[0].meter_tail),
        (None, right)
    );
    let absent =
        RoomLookup { room: fresh(world.server()).to_string(), last_four: right.to_owned() };
    let empty: Matches = kiosk.ask("/lookups/room", &absent).await;
    assert!(empty.matches.is_empty());
    let mut wrong = 0;
    let refused = loop {
        let reply = kiosk.post("/lookups/room", &proof("9999")).await;
        if reply.0 != 200 {
            break reply;
        }
        assert_eq!(reply.1["matches"], json!([]), "like a room that is not there");
        wrong += 1;
    };
    assert_eq!((code(&refused), wrong), ((429, "too_many_tries"), SUBJECT_MAX - 1));
    let blocked = kiosk.post("/lookups/room", &proof(right)).await;
    assert_eq!(code(&blocked), (429, "too_many_tries"), "the right digits come too late");
    world.stop().await;
}

async fn a_phone_number_that_is_not_on_file_answers_like_one_that_is() {
    let plan = Plan::new(vec![Bus::mixed()]);
    let tune = |config: &mut yufu::config::Config| config.sms.driver = "aliyun".to_owned();
    let world = World::start(Plan { tune, ..plan }).await;
    let server = world.server();
    let (known, unknown) = ("13800138000", "13800138001");
    give_phone(&world, 0, known).await;
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let ask = |phone: &str| PhoneLookup { phone: phone.to_owned() };
    let asked: PhoneAsked = kiosk.ask("/lookups/phone", &ask(known)).await;
    let nothing: PhoneAsked = kiosk.ask("/lookups/phone", &ask(unknown)).await;
    assert_eq!((&*asked.masked, &*nothing.masked), ("138****8000", "138****8001"));
    assert_eq!(asked.expires_in_ms, nothing.expires_in_ms);
    for phone in [known, unknown] {
        let again = kiosk.post("/lookups/phone", &ask(phone)).await;
        assert_eq!(code(&again), (429, "too_many_tries"), "one a minute, on file or not");
    }
    let sent = texted(&world, known).await;
    assert!(world.provider.texts(unknown).is_empty());
    let proof = |challenge, code: &str| PhoneProof { challenge, code: code.to_owned() };
    // The right code at another kiosk, the wrong one here, and one for a number nobody has.
    let neighbour = FakeKiosk::paired(server, PROJECT, 2).await;
    let wrong = if sent == "000000" { "000001" } else { "000000" };
    for (who, proof) in [
        (&neighbour, proof(asked.challenge, &sent)),
        (&kiosk, proof(asked.challenge, wrong)),
        (&kiosk, proof(nothing.challenge, &sent)),
        (&kiosk, proof(fresh(server), &sent)),
    ] {
        let reply = who.post("/lookups/phone/code", &proof).await;
        assert_eq!(code(&reply), (422, "code.refused"));
    }
    let found: Matches = kiosk.ask("/lookups/phone/code", &proof(asked.challenge, &sent)).await;
    assert_eq!(found.matches.len(), 1);
    assert_eq!(found.matches[0].holder.as_deref(), Some("住*0"));
    let twice = kiosk.post("/lookups/phone/code", &proof(asked.challenge, &sent)).await;
    assert_eq!(code(&twice), (422, "code.refused"), "a code fits once");
    world.stop().await;
}

async fn give_phone(world: &World, place: usize, phone: &str) {
    let db = world.house.store().read();
    let account = store::account::by_id(db, PROJECT, world.layout.places[place].account).await;
    let mut row = account.unwrap().unwrap();
    (row.phone, row.version) = (Some(phone.to_owned()), row.version + 1);
    let changed = world.house.store().transact(move |tx| {
        Box::pin(async move { store::roster::change(tx, &[row], &["phone"]).await })
    });
    changed.await.unwrap();
}

/// The code of the text a number gets.
async fn texted(world: &World, phone: &str) -> String {
    let came = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        loop {
            if let Some(text) = world.provider.texts(phone).first() {
                return text.params["code"].as_str().unwrap().to_owned();
            }
            world.house.store().wait_for_work(std::time::Duration::from_millis(20)).await;
        }
    });
    came.await.expect("a text comes")
}

async fn a_meter_of_another_site_answers_like_one_that_is_not_there() {
    let world = world().await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let other = second_project(&world).await;
    let stranger = FakeKiosk::paired(server, other, 2).await;
    let number = world.layout.places[0].meter.meter_no.clone();
    let wish = |number: &str| MeterLookup { number: number.to_owned() };
    let found: Matches = kiosk.ask("/lookups/meter", &wish(&number)).await;
    assert_eq!(found.matches.len(), 1);
    for (who, number) in [(&stranger, number.as_str()), (&kiosk, "123456789012")] {
        let reply = who.post("/lookups/meter", &wish(number)).await;
        assert_eq!(reply, (200, json!({ "matches": [] })), "{number}");
    }
    for number in ["12345", "12a456", "", "123456789012345"] {
        let reply = kiosk.post("/lookups/meter", &wish(number)).await;
        assert_eq!(code(&reply), (400, "malformed"), "{number}");
        assert!(reply.1["title_en"].is_string() && reply.1["trace_id"].is_string());
        assert!(!reply.1["title"].as_str().unwrap().is_ascii(), "Chinese by itself: {PREFIX}");
    }
    world.stop().await;
}

//! The channel beside the money: heartbeats, commands, uploads, content, files, proof of play.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::TimeDelta;
use domain::OperatorId;
use futures::{SinkExt, StreamExt};
use kiosk_api::{
    Desk, Failure, PREFIX,
    command::{self, Wish},
    content,
    file::Intake,
    watch,
};
use kiosk_wire::{
    card_format::hex,
    channel::{Down, Play, Polled, Up},
    command::{Command, CommandReport, CommandState},
    content::{Advert, File, Holiday, Holidays, HomeContent},
    device::Settings,
    text::Text,
};
use serde_json::{Map, Value, json};
use store::kiosk::{event, play, presence};
use tests::{
    clock::SkippingClock,
    fixture::{Bus, PROJECT},
    kiosk::{FakeKiosk, OPERATOR, code, fresh, row},
    world::{Plan, World},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

super::postgres::on_both_databases! {
    a_command_comes_again_until_it_is_reported,
    power_is_bound_to_a_start_and_force_to_a_second_person,
    an_upload_is_taken_once_and_only_for_what_it_is,
    a_file_is_taken_by_its_digest_and_handed_out_in_ranges,
    content_is_drafted_published_rolled_back_and_acknowledged,
    proof_of_play_told_twice_counts_once,
    online_time_is_counted_from_the_intervals_of_any_span,
    a_fault_is_kept_and_a_flood_of_them_opens_few_work_items,
    a_malformed_message_is_named_and_the_others_are_heard,
    the_socket_says_what_the_poll_says_and_at_once,
}

async fn world() -> World {
    World::start(Plan::new(vec![Bus::prepaid(1)])).await
}

fn wish(verb: &str, args: Value) -> Wish {
    let args = args.as_object().cloned().unwrap_or_else(Map::new);
    Wish { verb: verb.to_owned(), args, operator: OPERATOR, second: None }
}

/// The server's side of the kiosks.
pub fn desk(world: &World) -> Arc<Desk> {
    Arc::clone(&world.server().app().kiosks)
}

async fn order(world: &World, kiosk: &FakeKiosk, wish: Wish) -> Result<uuid::Uuid, Failure> {
    let row = row(world.server(), kiosk).await;
    Ok(command::order(&desk(world), &row, wish).await?.id)
}

fn commands(down: &[Down]) -> Vec<Command> {
    let command = |message: &Down| match message {
        Down::Command(command) => Some(command.clone()),
        _ => None,
    };
    down.iter().filter_map(command).collect()
}

async fn state(world: &World, id: uuid::Uuid) -> String {
    let db = world.house.store().read();
    store::kiosk::command::by_id(db, PROJECT, id).await.unwrap().unwrap().state
}

async fn a_command_comes_again_until_it_is_reported() {
    let world = world().await;
    let kiosk = FakeKiosk::paired(world.server(), PROJECT, 1).await;
    let lock = wish("lock", json!({ "zh": "维护中", "en": "Maintenance" }));
    let id = order(&world, &kiosk, lock).await.unwrap();
    let mut texts = Vec::new();
    for _ in 0..3 {
        let down = kiosk.poll(Vec::new()).await;
        let [command] = commands(&down).try_into().unwrap();
        kiosk.proves(&command.to_sign(kiosk.identity.kiosk_id), &command.signature);
        assert_eq!((command.id, command.boot_id), (id, None));
        texts.push(serde_json::to_string(&command).unwrap());
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "the same command, to the byte");
    assert_eq!(state(&world, id).await, "sent");
    let accepted = CommandReport { id, state: CommandState::Accepted };
    let deferred = CommandState::Deferred { reason: "money".to_owned(), until_ms: 60_000 };
    let done = CommandState::Done { result: json!({ "locked": true }) };
    let table = [
        (accepted, "accepted"),
        (CommandReport { id, state: deferred }, "deferred"),
        (CommandReport { id, state: done }, "done"),
        (CommandReport { id, state: CommandState::Running }, "done"),
    ];
    for (report, want) in table {
        let down = kiosk.poll(vec![Up::Report(report)]).await;
        assert!(down.contains(&Down::Heard { id }) && commands(&down).is_empty());
        assert_eq!(state(&world, id).await, want);
    }
    // Another kiosk's report about it is heard and changes nothing.
    let neighbour = FakeKiosk::paired(world.server(), PROJECT, 2).await;
    let id = order(&world, &kiosk, wish("self_test", json!({}))).await.unwrap();
    let stolen = CommandReport { id, state: CommandState::Expired };
    neighbour.poll(vec![Up::Report(stolen)]).await;
    assert_eq!(state(&world, id).await, "queued");
    world.stop().await;
}

async fn power_is_bound_to_a_start_and_force_to_a_second_person() {
    let clock = SkippingClock::at(12, 0);
    let plan = Plan { clock: Some(clock.clone()), ..Plan::new(vec![Bus::prepaid(1)]) };
    let world = World::start(plan).await;
    let kiosk = FakeKiosk::paired(world.server(), PROJECT, 1).await;
    let second = |id: u128| Some(OperatorId(uuid::Uuid::from_u128(id)));
    let forced = |second| Wish { second, ..wish("reboot", json!({ "force": true })) };
    let table = [
        (forced(None), Some("second_person")),
        (forced(Some(OPERATOR)), Some("second_person")),
        (wish("format_disk", json!({})), None),
        (wish("reboot", json!({ "force": "yes" })), None),
        (wish("reboot", json!({ "delay": 5 })), None),
        (wish("set_paper_changed", json!({})), None),
        (wish("lock", json!({ "zh": "x".repeat(81) })), None),
        (wish("reprint", json!({ "order": fresh(world.server()) })), None),
    ];
    for (wish, why) in table {
        let refused = order(&world, &kiosk, wish.clone()).await.unwrap_err();
        match why {
            Some(why) => assert!(matches!(refused, Failure::Command(w) if w == why), "{refused}"),
            None => assert!(
                matches!(refused, Failure::Malformed(_) | Failure::NotFound(_)),
                "{wish:?}: {refused}"
            ),
        }
    }
    let id = order(&world, &kiosk, forced(second(9))).await.unwrap();
    let [command] = commands(&kiosk.poll(Vec::new()).await).try_into().unwrap();
    assert_eq!((command.boot_id, command.id), (Some(kiosk.boot), id));
    assert_eq!((command.expires_at - command.issued_at).num_seconds(), 300);
    clock.skip(TimeDelta::minutes(6));
    assert!(commands(&kiosk.poll(Vec::new()).await).is_empty(), "it came too late");
    watch::round(&desk(&world)).await.unwrap();
    assert_eq!(state(&world, id).await, "expired");
    // A kiosk that was put out is asked for nothing.
    let kept = row(world.server(), &kiosk).await;
    kiosk_api::pairing::revoke(&desk(&world), kept, "stolen").await.unwrap();
    let refused = order(&world, &kiosk, wish("self_test", json!({}))).await.unwrap_err();
    assert!(matches!(refused, Failure::Command("not_active")), "{refused}");
    world.stop().await;
}

async fn an_upload_is_taken_once_and_only_for_what_it_is() {
    let world = world().await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let neighbour = FakeKiosk::paired(server, PROJECT, 2).await;
    let id = order(&world, &kiosk, wish("screenshot", json!({ "full": true }))).await.unwrap();
    let often = order(&world, &kiosk, wish("screenshot", json!({}))).await.unwrap_err();
    assert!(matches!(often, Failure::TooMany { .. }), "one picture in five seconds: {often}");
    let [command] = commands(&kiosk.poll(Vec::new()).await).try_into().unwrap();
    kiosk.proves(&command.to_sign(kiosk.identity.kiosk_id), &command.signature);
    let args: Value = serde_json::from_str(&command.args).unwrap();
    assert_eq!(args["full"], true);
    let path = format!("/uploads/{}", args["upload"].as_str().unwrap());
    let jpeg = [&[0xff, 0xd8, 0xff, 0xe0][..], &[7; 1_000]].concat();
    let large = [&[0xff, 0xd8, 0xff, 0xe0][..], &vec![7; 1024 * 1024]].concat();
    let table = [
        (&neighbour, path.as_str(), jpeg.clone(), 404),
        (&kiosk, "/uploads/0123", jpeg.clone(), 404),
        (&kiosk, path.as_str(), b"<svg/>".to_vec(), 422),
        (&kiosk, path.as_str(), large, 422),
        (&kiosk, path.as_str(), jpeg.clone(), 204),
        (&kiosk, path.as_str(), jpeg.clone(), 404),
    ];
    for (who, path, body, want) in table {
        let (status, text) = who.bytes("PUT", path, None, Some(body)).await;
        assert_eq!(status, want, "{}", String::from_utf8_lossy(&text));
    }
    let kept = event::received(world.house.store().read(), PROJECT, id).await.unwrap().unwrap();
    assert_eq!((kept.media_type.as_str(), kept.bytes), ("image/jpeg", jpeg));
    let stored = store::kiosk::command::by_id(world.house.store().read(), PROJECT, id).await;
    let stored = format!("{:?}", stored.unwrap().unwrap());
    assert!(!stored.contains(args["upload"].as_str().unwrap()), "the address is not kept");
    world.stop().await;
}

/// Lays a file into the house, as an operator does.
pub async fn put(world: &World, bytes: &[u8]) -> File {
    let desk = desk(world);
    let sha256 = hex(digest(&SHA256, bytes).as_ref());
    let mut intake = Intake::begin(&desk, PROJECT, &sha256, bytes.len() as u64).await.unwrap();
    for piece in bytes.chunks(100_000) {
        intake.push(piece).await.unwrap();
    }
    let row = intake.finish().await.unwrap();
    File { sha256, bytes: bytes.len() as u64, media_type: row.media_type }
}

fn png(length: usize) -> Vec<u8> {
    let body = (0..length).map(|n| (n % 251) as u8);
    b"\x89PNG\r\n\x1a\n".iter().copied().chain(body).collect()
}

async fn a_file_is_taken_by_its_digest_and_handed_out_in_ranges() {
    let world = world().await;
    let kiosk = FakeKiosk::paired(world.server(), PROJECT, 1).await;
    let desk = desk(&world);
    let bytes = png(700_000);
    let file = put(&world, &bytes).await;
    assert_eq!(file.media_type, "image/png");
    assert_eq!(put(&world, &bytes).await, file, "the same file again is the same file");
    let path = format!("/files/{}", file.sha256);
    let (status, whole) = kiosk.bytes("GET", &path, None, None).await;
    assert_eq!((status, whole == bytes), (200, true));
    let table = [
        ("bytes=0-9", 206, 0..10),
        ("bytes=262140-262150", 206, 262_140..262_151),
        ("bytes=699000-", 206, 699_000..bytes.len()),
        ("bytes=-8", 206, bytes.len() - 8..bytes.len()),
    ];
    for (range, want, part) in table {
        let (status, got) = kiosk.bytes("GET", &path, Some(range), None).await;
        assert_eq!((status, got == bytes[part]), (want, true), "{range}");
    }
    assert_eq!(kiosk.bytes("GET", &path, Some("bytes=999999-"), None).await.0, 416);
    assert_eq!(kiosk.bytes("GET", "/files/00", None, None).await.0, 404);
    // What is not what its name says is not there, and leaves nothing behind.
    let other = hex(digest(&SHA256, b"other").as_ref());
    let mut forged = Intake::begin(&desk, PROJECT, &other, bytes.len() as u64).await.unwrap();
    forged.push(&bytes).await.unwrap();
    assert!(matches!(forged.finish().await, Err(Failure::File("digest"))));
    assert_eq!(kiosk.bytes("GET", &format!("/files/{other}"), None, None).await.0, 404);
    let page = b"<html></html>";
    let name = hex(digest(&SHA256, page).as_ref());
    let mut page_in = Intake::begin(&desk, PROJECT, &name, page.len() as u64).await.unwrap();
    page_in.push(page).await.unwrap();
    assert!(matches!(page_in.finish().await, Err(Failure::File("type"))));
    let large = Intake::begin(&desk, PROJECT, &name, 64 * 1024 * 1024 + 1).await;
    assert!(matches!(large, Err(Failure::File("too_large"))));
    world.stop().await;
}

async fn content_is_drafted_published_rolled_back_and_acknowledged() {
    let world = world().await;
    let kiosk = FakeKiosk::paired(world.server(), PROJECT, 1).await;
    let desk = desk(&world);
    let empty: HomeContent = kiosk.look("/content").await;
    assert_eq!(empty.version, 0);
    assert!(!empty.company.zh.is_empty(), "the site's own name, before anything is published");
    let file = put(&world, &png(100)).await;
    let advert = Advert {
        file: file.clone(),
        title: Text::new("广告", "Advert"),
        seconds: 10,
        from_day: String::new(),
        until_day: String::new(),
        from_time: String::new(),
        until_time: String::new(),
        weekdays: Vec::new(),
    };
    let wish = |company: &str| HomeContent {
        company: Text::new(company, ""),
        playlist: vec![advert.clone()],
        ..HomeContent::default()
    };
    let mut lost = wish("甲");
    lost.playlist[0].file.sha256 = "0".repeat(64);
    let refused = content::draft(&desk, PROJECT, Some(OPERATOR), lost).await;
    assert!(matches!(refused, Err(Failure::Content(_))), "a file that is not there");
    let draft = async |company: &str| {
        let kept = content::draft(&desk, PROJECT, Some(OPERATOR), wish(company)).await.unwrap();
        kept.content_version
    };
    let publish = async |version: i64| {
        let done = content::publish(&desk, PROJECT, Some(OPERATOR), version).await.unwrap();
        done.content_version
    };
    let versions = async || {
        let told = kiosk.poll(Vec::new()).await.into_iter().find_map(|message| match message {
            Down::Versions { content, .. } => Some(content),
            _ => None,
        });
        told.unwrap()
    };
    let first = draft("甲").await;
    assert_eq!(versions().await, 0, "a draft is shown to nobody");
    assert_eq!((publish(first).await, versions().await), (1, 1));
    assert_eq!(publish(first).await, 1, "published twice is published once");
    let second = draft("乙").await;
    publish(second).await;
    assert_eq!(kiosk.look::<HomeContent>("/content").await.company.zh, "乙");
    // Going back is going forward: the old words under a new number.
    assert_eq!(publish(first).await, 3);
    let shown: HomeContent = kiosk.look("/content").await;
    assert_eq!((shown.version, shown.company.zh.as_str()), (3, "甲"));
    let not = Up::NotShown { content_version: 3, error: "logo\u{7} broken".to_owned() };
    let acknowledged = async || {
        let db = world.house.store().read();
        let rows = presence::shown(db, PROJECT, 3).await.unwrap();
        rows.into_iter().map(|row| (row.shown, row.why)).collect::<Vec<_>>()
    };
    kiosk.poll(vec![not.clone()]).await;
    assert_eq!(acknowledged().await, [(false, Some("logo broken".to_owned()))]);
    kiosk.poll(vec![Up::Shown { content_version: 3 }, not]).await;
    assert_eq!(acknowledged().await, [(true, None)], "what was shown stays shown");
    kiosk.poll(vec![Up::Shown { content_version: 99 }]).await;
    holidays(&kiosk, &desk).await;
    world.stop().await;
}

async fn holidays(kiosk: &FakeKiosk, desk: &Desk) {
    let none: Holidays = kiosk.look("/holidays").await;
    assert_eq!(none, Holidays::default());
    let day = |day: &str, off| Holiday { day: day.to_owned(), name: "国庆节".to_owned(), off };
    let list = |days: Vec<Holiday>| Holidays { version: 0, years: vec![2026], days };
    for bad in [
        list(vec![day("2025-10-01", true)]),
        list(vec![day("2026-10-01", true), day("2026-10-01", false)]),
        list(vec![day("1.10.", true)]),
        Holidays::default(),
    ] {
        assert!(content::import_holidays(desk, bad).await.is_err());
    }
    let days = vec![day("2026-10-01", true), day("2026-10-10", false)];
    let version = content::import_holidays(desk, list(days.clone())).await.unwrap();
    let known: Holidays = kiosk.look("/holidays").await;
    assert_eq!(known, Holidays { version, years: vec![2026], days });
    let settings: Settings = kiosk.look("/settings").await;
    assert_eq!((settings.version, settings.paper_mm, settings.number.as_str()), (1, 80, "K-01"));
}

async fn proof_of_play_told_twice_counts_once() {
    let world = world().await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let now = world.house.now();
    let play_of = |file: &str, at, shown_ms| Play { file: file.to_owned(), at, shown_ms };
    let file = "ab".repeat(32);
    let played = Up::Played {
        id: fresh(server),
        plays: vec![
            play_of(&file, now, 10_000),
            play_of(&file, now, 5_000),
            play_of(&file, now + TimeDelta::days(2), 5_000),
            play_of("../../etc", now, 5_000),
        ],
    };
    let Up::Played { id, .. } = &played else { unreachable!() };
    for _ in 0..3 {
        let down = kiosk.poll(vec![played.clone(), played.clone()]).await;
        assert!(down.contains(&Down::Heard { id: *id }));
    }
    let today = domain::BusinessDay::of(now).date();
    let db = world.house.store().read();
    let rows = play::report(db, PROJECT, (today, today)).await.unwrap();
    let rows: Vec<_> = rows.into_iter().map(|r| (r.sha256, r.plays, r.shown_ms)).collect();
    assert_eq!(rows, [(file, 2, 15_000)]);
    // A line is tried with an empty one: it is heard, and nothing is kept of it.
    let kept = async |id: uuid::Uuid| {
        let key = (PROJECT.0, kiosk.identity.kiosk_id, id);
        let db = world.house.store().read();
        event::by_id(db, key).await.unwrap().is_some()
    };
    let probe = Up::Played { id: fresh(server), plays: Vec::new() };
    let Up::Played { id, .. } = &probe else { unreachable!() };
    assert!(kiosk.poll(vec![probe.clone()]).await.contains(&Down::Heard { id: *id }));
    let Up::Played { id: full, .. } = &played else { unreachable!() };
    assert_eq!((kept(*full).await, kept(*id).await), (true, false));
    world.stop().await;
}

async fn online_time_is_counted_from_the_intervals_of_any_span() {
    let clock = SkippingClock::at(12, 0);
    let plan = Plan { clock: Some(clock.clone()), ..Plan::new(vec![Bus::prepaid(1)]) };
    let world = World::start(plan).await;
    let server = world.server();
    let mut kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let (desk, id) = (desk(&world), kiosk.identity.kiosk_id);
    let began = world.house.now();
    let beat = async |kiosk: &FakeKiosk, state: &str, for_ms: u64, printer: &str| {
        let mut beat = kiosk.beat();
        (beat.state, beat.state_for_ms) = (state.to_owned(), for_ms);
        beat.idle = state == "Idle";
        beat.printer.state = printer.to_owned();
        kiosk.poll(vec![Up::Heartbeat(Box::new(beat))]).await;
        watch::round(&desk).await.unwrap();
    };
    let alarms = async || {
        let rows = store::work_item::alarms(world.house.store().read(), PROJECT).await.unwrap();
        let own = rows.into_iter().filter(|row| row.subject_id == id.to_string());
        let mut kinds: Vec<_> = own.map(|row| row.kind).collect();
        kinds.sort();
        kinds
    };
    let none: [&str; 0] = [];
    beat(&kiosk, "Idle", 5, "near_end").await;
    assert_eq!(alarms().await, ["kiosk.paper_low"]);
    beat(&kiosk, "Idle", 5, "paper_out").await;
    assert_eq!(alarms().await, ["kiosk.paper_out"]);
    beat(&kiosk, "QrShown", 421_000, "ready").await;
    assert_eq!(alarms().await, ["kiosk.stuck"]);
    beat(&kiosk, "Idle", 5, "ready").await;
    assert_eq!(alarms().await, none, "what is over clears itself");
    clock.skip(TimeDelta::seconds(59));
    watch::round(&desk).await.unwrap();
    let online =
        async || presence::is_online(world.house.store().read(), PROJECT, id).await.unwrap();
    assert!(online().await);
    clock.skip(TimeDelta::seconds(2));
    watch::round(&desk).await.unwrap();
    assert!(!online().await, "a minute without a word");
    assert_eq!(alarms().await, none, "and no alarm yet");
    clock.skip(TimeDelta::minutes(2));
    watch::round(&desk).await.unwrap();
    assert_eq!(alarms().await, ["kiosk.offline"]);
    clock.skip(TimeDelta::hours(1));
    kiosk.greet().await;
    beat(&kiosk, "Idle", 5, "ready").await;
    assert_eq!(alarms().await, none);
    let until = world.house.now();
    let db = world.house.store().read();
    let rows = presence::intervals(db, PROJECT, id, (began, until)).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].reason, "silent");
    let at = |row: &presence::Interval| (row.from_at, row.to_at.unwrap_or(until));
    let (from, to) = at(&rows[0]);
    assert!(to - from < TimeDelta::seconds(59), "it ends with the last word, not with the look");
    let inside = presence::online_ms(&rows, from - TimeDelta::hours(1), to);
    assert_eq!(inside, (to - from).num_milliseconds());
    let half = presence::online_ms(&rows, from, from + (to - from) / 2);
    assert_eq!(half, ((to - from) / 2).num_milliseconds());
    assert_eq!(presence::online_ms(&rows, to, rows[1].from_at), 0);
    world.stop().await;
}

async fn a_fault_is_kept_and_a_flood_of_them_opens_few_work_items() {
    let world = world().await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let fault = |name: &str| Up::Fault {
        id: fresh(server),
        name: name.to_owned(),
        detail: "line\none".to_owned(),
    };
    let first = fault("page_crashed");
    kiosk.poll(vec![first.clone(), first]).await;
    kiosk.poll((0..20).map(|_| fault("page_hung")).collect()).await;
    let db = world.house.store().read();
    let events = event::list(db, PROJECT, kiosk.identity.kiosk_id, 100).await.unwrap();
    assert_eq!(events.len(), 21);
    let items = store::work_item::open_items(db, PROJECT).await.unwrap();
    let told = items.iter().filter(|item| item.kind == "kiosk.fault").count();
    assert_eq!(told, 6);
    // What only a newer kiosk knows to say is passed over, and the rest is heard.
    let last = fault("picture_frozen");
    let Up::Fault { id, .. } = &last else { unreachable!() };
    let newer = json!({ "up": [{ "kind": "from_the_future" }, last] });
    let (status, answer) = kiosk.post("/poll", &newer).await;
    assert_eq!((status, &answer["down"][0]), (200, &json!({ "kind": "heard", "id": id })));
    assert_eq!(code(&kiosk.post("/poll", &json!({ "up": 5 })).await), (400, "malformed"));
    world.stop().await;
}

async fn a_malformed_message_is_named_and_the_others_are_heard() {
    let world = world().await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let beat = |change: fn(&mut kiosk_wire::heartbeat::Heartbeat)| {
        let mut beat = kiosk.beat();
        change(&mut beat);
        serde_json::to_value(Up::Heartbeat(Box::new(beat))).unwrap()
    };
    let good = beat(|beat| beat.state = "Idle\u{0}\u{7}".to_owned());
    let lame = fresh(server);
    // A message nothing is kept of, what it is called in the answer, and why.
    let table = [
        (json!(5), "", "unreadable"),
        (json!({ "kind": "from_the_future" }), "from_the_future", "unreadable"),
        (json!({ "kind": "fault", "id": lame, "name": 7 }), "fault", "unreadable"),
        (json!({ "kind": "heartbeat", "boot_id": "x" }), "heartbeat", "unreadable"),
        (beat(|beat| beat.boot_id = uuid::Uuid::from_u128(1)), "heartbeat", "other_start"),
        (beat(|beat| beat.version = "x".repeat(20_000)), "heartbeat", "too_large"),
    ];
    for (at, (bad, name, why)) in table.iter().enumerate() {
        let fault =
            Up::Fault { id: fresh(server), name: "page_hung".to_owned(), detail: String::new() };
        let Up::Fault { id, .. } = &fault else { unreachable!() };
        let wish = json!({ "up": [bad, good, fault] });
        let (status, answer) = kiosk.post("/poll", &wish).await;
        assert_eq!(status, 200, "{bad}");
        let polled: Polled = serde_json::from_value(answer).unwrap();
        assert!(polled.down.contains(&Down::Heard { id: *id }), "{bad}");
        let lame = bad["id"].as_str().map(|_| lame);
        let named = |id| polled.down.contains(&Down::Heard { id });
        assert!(lame.is_none_or(named), "what is never kept need not be said again");
        let [refused] = polled.refused.as_slice() else { panic!("{bad}: {:?}", polled.refused) };
        assert_eq!((refused.at, &*refused.name, &*refused.why), (0, *name, *why), "{bad}");
        assert_eq!(refused.id, lame);
        assert_eq!(server.app().kiosks.board.refused(), at as u64 + 1);
    }
    let db = world.house.store().read();
    let id = kiosk.identity.kiosk_id;
    let pulse = presence::pulse(db, PROJECT, id).await.unwrap().unwrap();
    assert_eq!((pulse.state.as_str(), pulse.boot_id), ("Idle", kiosk.boot));
    let events = event::list(db, PROJECT, id, 100).await.unwrap();
    assert_eq!(events.len(), table.len(), "the faults, and nothing of the others");
    let clean: Polled = kiosk.ask("/poll", &json!({ "up": [good] })).await;
    assert!(clean.refused.is_empty());
    world.stop().await;
}

async fn socket(world: &World, kiosk: &FakeKiosk) -> WebSocketStream<tokio::net::TcpStream> {
    let address = world.server().http();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut request = format!("ws://{address}{PREFIX}/channel").into_client_request().unwrap();
    let bearer = format!("Bearer {}", kiosk.token).parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    client_async(request, stream).await.unwrap().0
}

/// The next message that is not the time.
async fn next(socket: &mut WebSocketStream<tokio::net::TcpStream>) -> Option<Down> {
    let patience = std::time::Duration::from_secs(60);
    loop {
        let message = tokio::time::timeout(patience, socket.next()).await.unwrap()?;
        match message {
            Ok(Message::Text(text)) => match serde_json::from_str(&text).unwrap() {
                Down::Time { .. } => {}
                down => return Some(down),
            },
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

async fn the_socket_says_what_the_poll_says_and_at_once() {
    let world = world().await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let mut channel = socket(&world, &kiosk).await;
    assert!(matches!(next(&mut channel).await, Some(Down::Versions { .. })));
    let beat = serde_json::to_string(&Up::Heartbeat(Box::new(kiosk.beat()))).unwrap();
    channel.send(Message::text("{\"kind\":\"from_the_future\"}")).await.unwrap();
    channel.send(Message::text("no json")).await.unwrap();
    let lame = fresh(server);
    channel.send(Message::text(json!({ "kind": "fault", "id": lame }).to_string())).await.unwrap();
    assert_eq!(next(&mut channel).await, Some(Down::Heard { id: lame }), "not to be said again");
    channel.send(Message::text(beat)).await.unwrap();
    let asked = world.house.clock().monotonic();
    let id = order(&world, &kiosk, wish("self_test", json!({}))).await.unwrap();
    let Some(Down::Command(command)) = next(&mut channel).await else { panic!("no command") };
    assert_eq!(command.id, id);
    println!("told after {:?}", world.house.clock().monotonic() - asked);
    let report = Up::Report(CommandReport { id, state: CommandState::Accepted });
    channel.send(Message::text(serde_json::to_string(&report).unwrap())).await.unwrap();
    assert_eq!(next(&mut channel).await, Some(Down::Heard { id }));
    let db = world.house.store().read();
    let pulse = presence::pulse(db, PROJECT, kiosk.identity.kiosk_id).await.unwrap().unwrap();
    assert_eq!(pulse.way, "socket");
    let handle = kiosk.handle(&world.layout.places[0].meter.meter_no).await;
    let draft = kiosk.draft(fresh(server), &handle, 2_000);
    let placed: kiosk_wire::order::OrderView = kiosk.ask("/orders", &draft).await;
    let moved = next(&mut channel).await;
    assert_eq!(moved, Some(Down::OrderMoved { order: placed.id }));
    // A second channel takes the place of the first; a revoked kiosk is told so and let go.
    let mut second = socket(&world, &kiosk).await;
    assert!(matches!(next(&mut second).await, Some(Down::Versions { .. })));
    while next(&mut channel).await.is_some() {}
    let kept = row(server, &kiosk).await;
    kiosk_api::pairing::revoke(&desk(&world), kept, "test").await.unwrap();
    let mut last = None;
    while let Some(message) = next(&mut second).await {
        last = Some(message);
    }
    assert_eq!(last, Some(Down::Revoked));
    world.stop().await;
}

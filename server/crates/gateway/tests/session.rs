//! Connections: how they begin, contend and end (`meters.md` D; H.1 no. 4, 14, 15).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rig;

use std::time::Duration;

use gateway::{
    Action, CommandFailure, GatewayEvent, Item, Timing,
    command::{NotSent, RelayCommand},
    event::OfflineReason,
    line::{Framing, Line, Link, Meter, Registration},
    schedule::scan::Backoff,
};
use rig::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
    time::timeout,
};

/// Long enough that only a hang reaches it.
const LONG: Duration = Duration::from_secs(20);

const E1: [u8; 4] = [0x26, 0, 0, 0];

fn online(event: &GatewayEvent) -> bool {
    matches!(event, GatewayEvent::Online { .. })
}

#[tokio::test]
async fn a_modem_is_known_by_its_packet_by_its_name_or_by_its_vendors_frame() {
    let mut named = dial_in(101, "LOGIN:[1001]", vec![]);
    named.framing =
        Framing::Plain { heartbeat: b"beat-1001".to_vec(), registration_prefixes_packets: false };
    let mut hongdian = dial_in(103, "x", vec![]);
    hongdian.link = Link::DialIn { registration: Registration::Vendor("13912345678".into()) };
    hongdian.framing = Framing::Hongdian;
    let mut acrel = dial_in(104, "x", vec![]);
    acrel.link = Link::DialIn { registration: Registration::Vendor("12307210720085".into()) };
    acrel.framing = Framing::Acrel4g;
    let lines = vec![
        named,
        dial_in(102, "hex:AA01313339", vec![]),
        hongdian,
        acrel,
        dial_in(105, "LOGIN:10012", vec![]),
    ];
    let mut rig = Rig::new(fast(), lines).await;
    // The Acrel frame is the one of frames.json.
    let acrel = "7B 7B 84 31 32 33 30 37 32 31 30 37 32 30 30 38 35 00 00 00 00 00 00 38 39 38 36 \
        30 34 32 38 32 32 31 39 43 30 34 32 33 36 31 30 00 00 00 00 00 00 00 00 00 00 1A 01 00 01 \
        00 01 00 1E 70 F7 7D 7D";
    let acrel: Vec<u8> =
        acrel.split_whitespace().map(|b| u8::from_str_radix(b, 16).unwrap()).collect();
    let hongdian =
        [&[0x7B, 1, 0, 0x16], b"13912345678".as_slice(), &[10, 0, 0, 1, 0x1F, 0x90, 0x7B]].concat();
    let table: [(u128, &[u8]); 5] = [
        (101, b"LOGIN:1001"),
        (102, &[0xAA, 1, 0x31, 0x33, 0x39]),
        (103, &hongdian),
        (104, &acrel),
        (105, b"LOGIN:10012"),
    ];
    let mut dtus = Vec::new();
    for (number, registration) in table {
        dtus.push(rig.dial(registration).await);
        let event = rig.until(online).await;
        let GatewayEvent::Online { gateway, .. } = event else { unreachable!() };
        assert_eq!(gateway, key(number));
    }
    // Both vendors want their registration acknowledged.
    let ack = dtus[2].hear(|bytes| bytes.len() >= 16).await;
    assert_eq!(ack, [&[0x7B, 0x81, 0, 0x10], b"13912345678".as_slice(), &[0x7B]].concat());
    let ack = dtus[3].hear(|bytes| bytes.ends_with(&[0x7D, 0x7D])).await;
    assert_eq!(ack[..3], [0x7B, 0x7B, 0x84]);
}

#[tokio::test]
async fn who_does_not_name_itself_is_closed_and_its_bytes_are_reported() {
    let mut rig = Rig::new(fast(), vec![dial_in(100, "LOGIN:1001", vec![])]).await;
    let table: [(&[u8], usize); 2] = [(b"LOGIN:9999", 10), (&[0x55; 1000], 256)];
    for (bytes, kept) in table {
        let mut dtu = rig.dial(bytes).await;
        let event = rig.until(|e| matches!(e, GatewayEvent::UnknownRegistration { .. })).await;
        let GatewayEvent::UnknownRegistration { bytes: heard, .. } = event else { unreachable!() };
        assert_eq!(heard, bytes[..kept]);
        assert!(dtu.is_closed().await);
    }
    let mut silent = rig.dial(b"").await;
    assert!(silent.is_closed().await, "five seconds, here a fraction, without a name");
    assert_eq!((rig.count("registration_timeouts"), rig.count("unknown_registrations")), (2, 2));
}

#[tokio::test]
async fn a_registration_may_come_in_pieces() {
    let mut rig = Rig::new(fast(), vec![dial_in(100, "LOGIN:1001", vec![])]).await;
    let mut dtu = rig.dial(b"LOG").await;
    tokio::task::yield_now().await;
    dtu.send(b"IN:1001").await;
    rig.until(online).await;
}

/// A meter behind a modem: answers energy reads, or nothing, until the connection is closed.
/// Gives the control codes it saw.
fn meter_behind(mut dtu: Dtu, answers: bool) -> JoinHandle<Vec<u8>> {
    tokio::spawn(async move {
        let mut seen = Vec::new();
        let mut chunk = [0; 256];
        loop {
            match dtu.stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return seen,
                Ok(_) => {
                    let begin = chunk.iter().position(|b| *b == 0x68).unwrap();
                    seen.push(chunk[begin + 8]);
                    let data = vec![0, 0, 1, 0];
                    let asked = Asked { address: A.to_owned(), control: 0x11, data };
                    if answers {
                        let _ = dtu.stream.write_all(&answer(&asked, &E1)).await;
                    }
                }
            }
        }
    })
}

#[tokio::test]
async fn h1_04_two_dtus_with_one_id_are_weighed_by_their_meters() {
    // (the present one's meter answers, the claimant's meter answers, the claimant stays)
    let table =
        [(true, true, false), (true, false, false), (false, true, true), (false, false, true)];
    for (present_answers, claimant_answers, claimant_stays) in table {
        let (mut rig, present) = Rig::online(fast(), vec![prepaid(1, A)]).await;
        let claimant = rig.dial(b"LOGIN:1001").await;
        let (staying, leaving) = {
            let addresses = [&present, &claimant].map(|dtu| dtu.stream.local_addr().unwrap());
            let present = meter_behind(present, present_answers);
            let claimant = meter_behind(claimant, claimant_answers);
            match claimant_stays {
                true => (addresses[1], present),
                false => (addresses[0], claimant),
            }
        };
        rig.until(|e| matches!(e, GatewayEvent::DuplicateRegistration { .. })).await;
        let event = rig.until(|e| matches!(e, GatewayEvent::DuplicateSettled { .. })).await;
        let GatewayEvent::DuplicateSettled { kept, .. } = event else { unreachable!() };
        assert_eq!(kept, staying.to_string(), "{present_answers} {claimant_answers}");
        let seen = timeout(LONG, leaving).await.expect("the other one is closed").unwrap();
        assert!(seen.iter().all(|control| *control == 0x11), "only reads: {seen:02X?}");
    }
}

#[tokio::test]
async fn h1_04_no_relay_or_top_up_while_two_connections_claim_a_line() {
    // A patient path keeps the claim open while the commands come.
    let timing = Timing { path: ms(300), ..fast() };
    let (mut rig, mut present) = Rig::online(timing, vec![prepaid(1, A)]).await;
    let mut claimant = rig.dial(b"LOGIN:1001").await;
    rig.until(|e| matches!(e, GatewayEvent::DuplicateRegistration { .. })).await;
    assert!(rig.gateway.status()[0].contested);
    assert_eq!(present.asked().await.control, 0x11);
    let writes = [top_up(1), relay(1, RelayCommand::Close)].map(|write| rig.start(write));
    let value = rig.start(read(1, &[Item::ForwardEnergy]));
    // The present one stays silent, so the claimant is asked, and answers.
    let asked = claimant.asked().await;
    for write in writes {
        let failure = done(write).await.expect_err("quarantined");
        assert!(matches!(failure, CommandFailure::Quarantined), "{failure:?}");
        assert!(failure.proves_nothing_sent());
    }
    claimant.answer(&asked, &E1).await;
    assert!(present.is_closed().await);
    // The read waited, lost its connection, and says so; the next one is served.
    let failure = done(value).await.expect_err("the old connection is gone");
    assert!(failure.proves_nothing_sent());
    rig.until(online).await;
    let value = rig.start(read(1, &[Item::ForwardEnergy]));
    let asked = claimant.asked().await;
    claimant.answer(&asked, &E1).await;
    done(value).await.expect("served");
}

#[tokio::test]
async fn h1_15_a_new_registration_replaces_a_half_open_connection() {
    let mut line = dial_in(100, "LOGIN:1001", vec![prepaid(1, A)]);
    line.heartbeat = Duration::from_secs(3600);
    let mut rig = Rig::new(fast(), vec![line]).await;
    // Kept open, never read: as after a hand-over of the cell, writes succeed.
    let _half_open = rig.dial(b"LOGIN:1001").await;
    rig.until(online).await;
    let mut fresh = rig.dial(b"LOGIN:1001").await;
    let asked = fresh.asked().await;
    fresh.answer(&asked, &E1).await;
    let event = rig.until(|e| matches!(e, GatewayEvent::Offline { .. })).await;
    let reason = OfflineReason::Replaced;
    assert!(matches!(event, GatewayEvent::Offline { reason: r, .. } if r == reason));
    let event = rig.until(online).await;
    let here = fresh.stream.local_addr().unwrap().to_string();
    assert!(matches!(event, GatewayEvent::Online { remote, .. } if remote == here));
}

#[tokio::test]
async fn h1_15_a_connection_without_a_sign_of_life_ends_after_three_heartbeats() {
    let mut line = dial_in(100, "LOGIN:1001", vec![prepaid(1, A)]);
    line.heartbeat = ms(40);
    line.framing =
        Framing::Plain { heartbeat: b"HEART".to_vec(), registration_prefixes_packets: false };
    let mut rig = Rig::new(fast(), vec![line]).await;
    let mut dtu = rig.dial(b"LOGIN:1001").await;
    rig.until(online).await;
    dtu.send(b"HEART").await;
    let event = rig.until(|e| matches!(e, GatewayEvent::Offline { .. })).await;
    let reason = OfflineReason::Silent;
    assert!(matches!(event, GatewayEvent::Offline { reason: r, .. } if r == reason));
    assert!(dtu.is_closed().await);
}

#[tokio::test]
async fn h1_15_a_top_up_in_flight_when_the_connection_ends_stays_in_doubt() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let task = rig.start(top_up(1));
    dtu.asked().await;
    drop(dtu);
    let failure = done(task).await.expect_err("no answer");
    assert!(matches!(failure, CommandFailure::NoAnswer { .. }), "{failure:?}");
    assert!(!failure.proves_nothing_sent());
}

#[tokio::test]
async fn not_sent_is_said_only_when_no_byte_left() {
    // Offline, before, behind, and in the middle: what may the failure claim?
    let mut rig = Rig::new(fast(), vec![dial_in(100, "LOGIN:1001", vec![prepaid(1, A)])]).await;
    let failure = done(rig.start(top_up(1))).await.expect_err("offline");
    assert!(matches!(failure, CommandFailure::Offline), "{failure:?}");
    let failure = done(rig.start(top_up(77))).await.expect_err("no such meter");
    let why = NotSent::UnknownMeter;
    assert!(matches!(failure, CommandFailure::NotSent { why: w, .. } if w == why));

    let mut dtu = rig.dial(b"LOGIN:1001").await;
    rig.until(online).await;
    let first = rig.start(read(1, &[Item::ForwardEnergy]));
    dtu.asked().await;
    let behind = rig.start(top_up(1));
    // Both are with the line's task once the later one is counted.
    while rig.count("commands") < 3 {
        tokio::task::yield_now().await;
    }
    drop(dtu);
    let failure = done(behind).await.expect_err("never sent");
    assert!(failure.proves_nothing_sent(), "{failure:?}");
    assert!(done(first).await.is_err());
}

#[tokio::test]
async fn h1_14_a_storm_is_let_in_at_a_bounded_rate_and_nobody_is_scanned_at_once() {
    const MODEMS: u128 = 11;
    let timing = Timing {
        accepts_per_second: 5,
        first_poll_within: Duration::from_secs(24 * 3600),
        ..fast()
    };
    let lines = (0..MODEMS).map(|number| {
        let mut scanned = prepaid(1000 + number, A);
        scanned.scan = vec![Item::ForwardEnergy];
        dial_in(number, &format!("LOGIN:[{:04}]", 1000 + number), vec![scanned])
    });
    let mut rig = Rig::new(timing, lines.collect()).await;
    let begin = tokio::time::Instant::now();
    let mut dtus = Vec::new();
    for number in 0..MODEMS {
        dtus.push(rig.dial(format!("LOGIN:{}", 1000 + number).as_bytes()).await);
    }
    for _ in 0..MODEMS {
        rig.until(online).await;
    }
    assert!(begin.elapsed() >= ms(1900), "eleven at five a second: {:?}", begin.elapsed());
    // The first poll of each is a random moment of the day away; a person's read is not.
    assert_eq!(rig.count("requests"), 0);
    let task = rig.start(read(1003, &[Item::ForwardEnergy]));
    let asked = dtus[3].asked().await;
    dtus[3].answer(&asked, &E1).await;
    done(task).await.expect("served");
    assert_eq!(rig.count("requests"), 1);
}

#[tokio::test]
async fn connections_are_limited() {
    let timing = Timing { connections_max: 2, ..fast() };
    let mut rig = Rig::new(timing, vec![dial_in(100, "LOGIN:1001", vec![])]).await;
    let _first = rig.dial(b"LOGIN:1001").await;
    rig.until(online).await;
    let _second = rig.dial(b"LOG").await;
    while rig.count("connections") < 2 {
        tokio::task::yield_now().await;
    }
    let mut third = Dtu::new(tokio::net::TcpStream::connect(rig.address).await.unwrap());
    assert!(third.is_closed().await);
    assert_eq!(rig.count("refused_connections"), 1);
}

#[tokio::test]
async fn a_serial_server_is_dialled_and_dialled_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut line = dial_in(100, "x", vec![prepaid(1, A)]);
    line.link = Link::DialOut { address };
    let mut rig = Rig::new(fast(), vec![line]).await;
    for _ in 0..2 {
        let (stream, _) = listener.accept().await.unwrap();
        let mut server = Dtu::new(stream);
        rig.until(online).await;
        let task = rig.start(read(1, &[Item::ForwardEnergy]));
        let asked = server.asked().await;
        server.answer(&asked, &E1).await;
        done(task).await.expect("served");
        drop(server);
        let event = rig.until(|e| matches!(e, GatewayEvent::Offline { .. })).await;
        assert!(matches!(event, GatewayEvent::Offline { reason: OfflineReason::Closed, .. }));
    }
}

#[tokio::test]
async fn a_change_of_meters_keeps_the_connection_and_a_change_of_name_does_not() {
    let (mut rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let line = |registration: &str| -> Line {
        dial_in(100, registration, vec![prepaid(2, B), prepaid(1, A)])
    };
    assert_eq!(rig.gateway.configure(vec![line("LOGIN:1001")]).await, []);
    for (number, address) in [(2, B), (1, A)] {
        let task = rig.start(read(number, &[Item::ForwardEnergy]));
        let asked = dtu.asked().await;
        assert_eq!(asked.address, address);
        dtu.answer(&asked, &E1).await;
        done(task).await.expect("served");
    }
    assert_eq!(rig.gateway.configure(vec![line("LOGIN:2002")]).await, []);
    let event = rig.until(|e| matches!(e, GatewayEvent::Offline { .. })).await;
    assert!(matches!(event, GatewayEvent::Offline { reason: OfflineReason::Reconfigured, .. }));
    assert!(dtu.is_closed().await);
    let _dtu = rig.dial(b"LOGIN:2002").await;
    rig.until(online).await;
    assert_eq!(rig.gateway.configure(vec![]).await, []);
    let event = rig.until(|e| matches!(e, GatewayEvent::Offline { .. })).await;
    assert!(matches!(event, GatewayEvent::Offline { reason: OfflineReason::Stopped, .. }));
    let failure = done(rig.start(read(1, &[Item::ForwardEnergy]))).await.expect_err("gone");
    assert!(failure.proves_nothing_sent());
}

#[tokio::test]
async fn what_cannot_be_used_is_named_and_the_rest_is_in_force() {
    let (rig, _dtu) = Rig::online(fast(), vec![]).await;
    let scanned = |number, item| {
        let mut meter = meter(number, "1", "acrel-ddsy1352");
        meter.scan = vec![item];
        meter
    };
    let meters = vec![
        prepaid(1, A),
        prepaid(2, "12345"),
        prepaid(3, A),
        meter(4, "300", "acrel-ddsy1352"),
        meter(5, "1", "no-such-model"),
        scanned(6, Item::Volume),
    ];
    let lines = vec![
        dial_in(100, "LOGIN:1001", meters),
        dial_in(100, "a", vec![]),
        dial_in(101, "LOGIN:1001", vec![]),
    ];
    let faults = rig.gateway.configure(lines).await;
    let text: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let words = [
        ["12345", "twelve digits"],
        [A, "another meter of the line has this address"],
        ["300", "1 to 247"],
        ["no-such-model", "dlt645-2007-prepaid"],
        ["volume", "acrel-ddsy1352"],
        ["gateway", "a second line"],
        ["registration", "another line's"],
    ];
    assert_eq!(text.len(), words.len(), "{text:#?}");
    for (text, words) in text.iter().zip(words) {
        assert!(words.iter().all(|word| text.contains(word)), "{words:?} in {text}");
    }
    assert_eq!(rig.gateway.status().len(), 2);
}

#[tokio::test]
async fn stopping_lets_the_exchange_under_way_end() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let task = rig.start(command(1, Action::Read(vec![Item::ForwardEnergy])));
    let asked = dtu.asked().await;
    let gateway = rig.gateway.clone();
    let stopping = tokio::spawn(async move { gateway.stop().await });
    tokio::task::yield_now().await;
    dtu.answer(&asked, &E1).await;
    done(task).await.expect("answered");
    stopping.await.expect("stopped");
    assert!(dtu.is_closed().await);
}

/// A line we dial, at a listener of its own.
async fn dial_out(number: u128, meters: Vec<Meter>) -> (Line, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut line = dial_in(number, "x", meters);
    line.link = Link::DialOut { address: listener.local_addr().unwrap().to_string() };
    (line, listener)
}

#[tokio::test]
async fn a_line_that_is_asked_all_the_time_is_still_dialled_again() {
    let (line, listener) = dial_out(100, vec![prepaid(1, A)]).await;
    let redial = Backoff { first: ms(100), longest: ms(100) };
    let mut rig = Rig::new(Timing { redial, ..fast() }, vec![line]).await;
    drop(listener.accept().await.unwrap());
    rig.until(|e| matches!(e, GatewayEvent::Offline { .. })).await;
    // Far more questions than the wait before the next call has room for.
    let gateway = rig.gateway.clone();
    let asking = tokio::spawn(async move {
        loop {
            let _ = gateway.execute(read(1, &[Item::ForwardEnergy])).await;
            tokio::task::yield_now().await;
        }
    });
    let dialled = tokio::time::timeout(std::time::Duration::from_secs(20), listener.accept());
    dialled.await.expect("dialled again").unwrap();
    asking.abort();
}

#[tokio::test]
async fn a_server_that_closes_at_once_is_not_dialled_again_at_once() {
    let (silent, closes) = dial_out(100, vec![prepaid(1, A)]).await;
    let (speaking, serves) = dial_out(200, vec![prepaid(2, B)]).await;
    let hour = std::time::Duration::from_secs(3_600);
    let redial = Backoff { first: hour, longest: hour };
    let rig = Rig::new(Timing { redial, ..fast() }, vec![silent, speaking]).await;
    drop(closes.accept().await.unwrap());
    // The other server speaks and is lost again and again: each time it is dialled at once.
    for _ in 0..10 {
        let (stream, _) = serves.accept().await.unwrap();
        let mut server = Dtu::new(stream);
        let task = rig.start(read(2, &[Item::ForwardEnergy]));
        let asked = server.asked().await;
        server.answer(&asked, &E1).await;
        done(task).await.expect("served");
    }
    tokio::select! {
        biased;
        _ = closes.accept() => panic!("a server that says nothing is left alone for the wait"),
        () = tokio::task::yield_now() => {}
    }
}

/// A downlink frame as the maker's page lays it out.
fn acrel(command: u8, body: &[u8]) -> Vec<u8> {
    let checked = with_crc(&[&[command], body].concat());
    [&[0x7B, 0x7B], checked.as_slice(), &[0x7D, 0x7D]].concat()
}

/// The maker's own frames (`frames.json`): registration of 12307210720085, heartbeat.
const ACREL_REGISTRATION: &str = "7B7B84313233303732313037323030383500000000000038393836303432\
                                  3832323139433034323336313000000000000000000000\
                                  1A010001000100 1E70F77D7D";
const ACREL_HEARTBEAT: [u8; 7] = [0x7B, 0x7B, 0x94, 0xBE, 0xEF, 0x7D, 0x7D];

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |two: &[u8]| {
        let text = std::str::from_utf8(two).expect("ascii");
        u8::from_str_radix(text, 16).expect("hexadecimal digits")
    };
    digits.chunks(2).map(pair).collect()
}

#[tokio::test]
async fn an_acrel_meter_registers_asks_the_time_uploads_and_answers_through_its_modem() {
    let serial = "12307210720085";
    let mut line = dial_in(100, "x", vec![meter(1, "1", "acrel-ddsy1352")]);
    line.link = Link::DialIn { registration: Registration::Vendor(serial.to_owned()) };
    line.framing = Framing::Acrel4g;
    let mut rig = Rig::new(fast(), vec![line]).await;
    let ends = |bytes: &[u8]| bytes.ends_with(&[0x7D, 0x7D]);

    let mut dtu = rig.dial(&bytes_of(ACREL_REGISTRATION)).await;
    assert_eq!(dtu.hear(ends).await, acrel(0x84, &[]), "registered");
    rig.until(online).await;

    // A heartbeat has no answer: what is heard next is the answer to the question for the time.
    dtu.send(&ACREL_HEARTBEAT).await;
    dtu.send(&acrel(0x93, &[])).await;
    let time = dtu.hear(ends).await;
    assert_eq!((time.len(), &time[..3]), (14, [0x7B, 0x7B, 0x93].as_slice()));
    assert_eq!(time, acrel(0x93, &time[3..10]));
    let [year, month, day, weekday, hour, minute, second] = time[3..10] else { unreachable!() };
    assert!((26..=99).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day));
    assert!(weekday < 7 && hour < 24 && minute < 60 && second < 60, "{time:02X?}");

    // An upload is acknowledged and told, also one that holds the end bytes.
    let block = [&[7, 0x7D, 0x7D], [0x11; 93].as_slice()].concat();
    dtu.send(&acrel(0x91, &block)).await;
    assert_eq!(dtu.hear(ends).await, acrel(0x91, &[]), "acknowledged");
    let event = rig.until(|e| matches!(e, GatewayEvent::Spontaneous { .. })).await;
    let GatewayEvent::Spontaneous { frame, .. } = event else { unreachable!() };
    assert_eq!(frame, block);

    // A read of the meter, whose value is the end bytes, with and without the number in front,
    // and with a heartbeat that comes between question and answer.
    let mut number = serial.as_bytes().to_vec();
    number.resize(20, 0);
    for front in [&[][..], &number] {
        let task = rig.start(read(1, &[Item::ForwardEnergy]));
        let request = dtu.hear(ends).await;
        assert_eq!(request, acrel(0x90, &with_crc(&[1, 3, 0, 0, 0, 2])));
        dtu.send(&ACREL_HEARTBEAT).await;
        let answer = with_crc(&[1, 3, 4, 0, 0, 0x7D, 0x7D]);
        let bytes = acrel(0x90, &[front, &answer].concat());
        for piece in bytes.chunks(5) {
            dtu.send(piece).await;
            tokio::task::yield_now().await;
        }
        let exchange = done(task).await.expect("energy");
        assert_eq!(exchange.number(Item::ForwardEnergy), Some(0x7D7D * 10));
    }
}

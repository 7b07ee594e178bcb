//! Every fault of facts H.1 does what its name says, over a real loopback socket.

use std::time::Duration;

use crate::wire::{
    COUNT, ENERGY, METER, NAME, VOLTAGE, bus, recharge, request, start, until, usual,
};
use meter_simulator::bcd::to_hex;
use meter_simulator::dlt645;
use meter_simulator::{BusConfig, Framing, Knob, MeterHandle, Origin, Outcome, Setting, Site};

fn meter(site: &Site) -> MeterHandle {
    site.meter(NAME).unwrap()
}

#[tokio::test]
async fn lost_requests_and_answers_leave_only_the_second_answer() {
    let rows = [
        (Knob::DropReply, Outcome::ReplyLost),
        (Knob::DropRequest, Outcome::RequestLost),
        (Knob::Dead, Outcome::Silent),
    ];
    for (knob, outcome) in rows {
        let (_server, site, mut wire) = usual().await;
        meter(&site).turn(knob, Setting::times(1));
        // Both at once: the first finds no answer, so the line is free for the second.
        let both = [request(0x11, VOLTAGE), request(0x11, ENERGY)].concat();
        wire.write(&both).await;
        let frame = wire.frame().await;
        assert_eq!(to_hex(&frame.data[..4]), ENERGY, "{knob:?}");
        let log = meter(&site).exchanges();
        let outcomes: Vec<Outcome> = log.iter().map(|e| e.outcome).collect();
        assert_eq!(outcomes, [outcome, Outcome::Answered], "{knob:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_of_a_recharge_was_applied_and_a_lost_request_was_not() {
    for (knob, applied, count) in [(Knob::DropReply, 500, 8), (Knob::DropRequest, 0, 7)] {
        let (_server, site, mut wire) = usual().await;
        meter(&site).turn(knob, Setting::times(1).on(0x03));
        wire.write(&[request(0x03, &recharge(500, 8)), request(0x11, COUNT)].concat()).await;
        let frame = wire.frame().await;
        assert_eq!(to_hex(&frame.data), format!("{COUNT} {count:02} 00"));
        assert_eq!(site.sum_applied_fen(), applied);
        let snapshot = meter(&site).snapshot();
        assert_eq!(snapshot.balance_fen, 1_000 + applied as i64);
        assert_eq!(snapshot.applied_topups.len() as u64, site.applied_topups());
    }
}

#[tokio::test]
async fn a_part_applied_recharge_is_refused_and_half_in() {
    let (_server, site, mut wire) = usual().await;
    meter(&site).turn(Knob::PartialApply, Setting::times(1));
    let refused = wire.ask(0x03, &recharge(500, 8)).await;
    assert_eq!((refused.control, refused.data), (0xc3, vec![0x01, 0x00]));
    let snapshot = meter(&site).snapshot();
    assert_eq!((snapshot.count, snapshot.balance_fen), (8, 1_250));
    assert_eq!((snapshot.last_amount_fen, site.sum_applied_fen()), (0, 250));
    assert_eq!(snapshot.applied_topups[0].origin, Origin::Partial);
    meter(&site).turn(Knob::PartialApply, Setting::times(1));
    let write = "01 10 00 04 02 00 00 00 00 00 00 00 78 56 34 12";
    assert_eq!(wire.ask(0x14, write).await.control, 0xd4);
    let limit = wire.ask(0x11, "01 10 00 04").await;
    assert_eq!(to_hex(&limit.data[4..]), "78 56 00 00");
}

#[tokio::test]
async fn noise_spoils_or_precedes_answers_and_never_forges_one() {
    let (_server, site, mut wire) = usual().await;
    let clean = wire.raw(0x11, ENERGY, 24).await;
    meter(&site).turn(Knob::Noise, Setting::percent(100));
    // Nothing may come at all, so a quiet neighbour's answer marks the end of each exchange.
    let mut neighbour = dlt645::Frame { address: METER, control: 0x11, data: vec![0, 0, 1, 0] };
    neighbour.address[0] = 0x03;
    let (mut whole, mut spoilt) = (0, 0);
    for _ in 0..60 {
        wire.write(&request(0x11, ENERGY)).await;
        wire.write(&neighbour.encode(4)).await;
        let end = loop {
            let found = (0..wire.buffer.len()).find_map(|at| {
                let frame = match dlt645::attempt(&wire.buffer[at..]) {
                    dlt645::Attempt::Whole(frame, used) => Some((frame, at + used)),
                    _ => None,
                };
                frame.filter(|(frame, _)| frame.address == neighbour.address)
            });
            match found {
                Some((_, end)) => break end,
                None if wire.more().await => {}
                None => panic!("the connection ended"),
            }
        };
        let heard: Vec<u8> = wire.buffer.drain(..end).collect();
        match dlt645::find(&heard) {
            Some((frame, _)) if frame.address == METER => {
                assert_eq!(frame.encode(4), clean);
                whole += 1;
            }
            _ => spoilt += 1,
        }
        wire.buffer.clear();
    }
    assert!(whole > 5 && spoilt > 5, "{whole} whole, {spoilt} spoilt");
}

#[tokio::test]
async fn a_twin_registers_with_the_same_identity_and_has_no_meters() {
    let (server, site, mut wire) = usual().await;
    site.turn(0, Knob::DupId, Setting::default()).unwrap();
    let mut twin = server.accept("LOGIN:1001").await;
    twin.write(&request(0x11, VOLTAGE)).await;
    assert_eq!(wire.ask(0x11, ENERGY).await.control, 0x91);
    assert_eq!(meter(&site).snapshot().frames_seen, 1);
    site.turn(0, Knob::DupId, Setting::percent(0)).unwrap();
    twin.ended().await;
    assert!(twin.buffer.is_empty());
}

#[tokio::test]
async fn split_answers_arrive_whole_and_merged_ones_together() {
    let (_server, site, mut wire) = usual().await;
    meter(&site).turn(Knob::Split, Setting::percent(100).with_value(5).with_ms(5));
    assert_eq!(wire.ask(0x11, ENERGY).await.data.len(), 8);
    meter(&site).clear(Knob::Split);
    // Held for ever unless something follows.
    meter(&site).turn(Knob::Merge, Setting::times(1).with_ms(3_600_000));
    wire.write(&request(0x11, VOLTAGE)).await;
    until(|| meter(&site).snapshot().replies == 2).await;
    wire.write(&request(0x11, ENERGY)).await;
    let (first, second) = (wire.frame().await, wire.frame().await);
    assert_eq!(to_hex(&first.data[..4]), VOLTAGE);
    assert_eq!(to_hex(&second.data[..4]), ENERGY);
}

#[tokio::test]
async fn a_late_answer_comes_after_the_next_one() {
    let (_server, site, mut wire) = usual().await;
    meter(&site).turn(Knob::Late, Setting::times(1).with_ms(1_500));
    wire.write(&request(0x11, VOLTAGE)).await;
    until(|| meter(&site).snapshot().replies == 1).await;
    assert_eq!(to_hex(&wire.ask(0x11, ENERGY).await.data[..4]), ENERGY);
    assert_eq!(to_hex(&wire.frame().await.data[..4]), VOLTAGE);
}

#[tokio::test]
async fn foreign_addresses_collisions_and_unasked_frames_come_as_told() {
    let (_server, site, mut wire) = usual().await;
    meter(&site).turn(Knob::WrongAddr, Setting::times(1));
    let frame = wire.ask(0x11, ENERGY).await;
    assert_eq!(frame.address[0], 0x03);
    meter(&site).turn(Knob::Collide, Setting::times(1));
    let bytes = wire.raw(0x11, ENERGY, 24).await;
    assert_eq!(dlt645::find(&bytes), None);
    meter(&site).turn(Knob::Spontaneous, Setting::times(1));
    let frame = wire.ask(0x11, ENERGY).await;
    assert_eq!((frame.control, to_hex(&frame.data[..4])), (0x91, "FF 05 00 04".into()));
    assert_eq!(to_hex(&wire.frame().await.data[..4]), ENERGY);
}

#[tokio::test]
async fn counts_jump_and_meters_are_replaced() {
    let (_server, site, mut wire) = usual().await;
    meter(&site).turn(Knob::CountJump, Setting::default().with_value(2));
    assert_eq!(to_hex(&wire.ask(0x11, COUNT).await.data), format!("{COUNT} 09 00"));
    let snapshot = meter(&site).snapshot();
    assert_eq!((snapshot.balance_fen, snapshot.cumulative_fen), (11_000, 10_000));
    assert_eq!((site.sum_applied_fen(), snapshot.applied_topups.len()), (0, 2));
    let before = snapshot.meter_no;
    meter(&site).turn(Knob::Replaced, Setting::default());
    assert_eq!(to_hex(&wire.ask(0x11, COUNT).await.data), format!("{COUNT} 00 00"));
    let snapshot = meter(&site).snapshot();
    assert_ne!(snapshot.meter_no, before);
    assert!(!snapshot.opened);
}

#[tokio::test]
async fn clock_relay_lock_sign_absent_and_cache_show_in_what_is_read() {
    let (_server, site, mut wire) = usual().await;
    let right = meter(&site).snapshot().clock_local_s;
    meter(&site).turn(Knob::Clock, Setting::default().with_value(-10_080));
    let wrong = meter(&site).snapshot().clock_local_s;
    assert!((10_000..=10_080).contains(&(right - wrong)), "{}", right - wrong);
    let trip = "02 00 00 00 00 00 00 00 1A 00 59 59 23 31 12 99";
    meter(&site).turn(Knob::RelayStuck, Setting::default());
    assert_eq!(wire.ask(0x1c, trip).await.control, 0x9c);
    let snapshot = meter(&site).snapshot();
    assert!(snapshot.relay_closed && !snapshot.relay_command_closed);
    meter(&site).turn(Knob::Lock, Setting::default());
    assert_eq!(wire.ask(0x1c, trip).await.data, [0x04]);
    meter(&site).set_load(1_100);
    meter(&site).turn(Knob::Sign, Setting::default());
    assert_eq!(to_hex(&wire.ask(0x11, "00 01 02 02").await.data[4..]), "00 50 80");
    meter(&site).turn(Knob::Absent, Setting::times(1));
    assert_eq!(to_hex(&wire.ask(0x11, VOLTAGE).await.data[4..]), "FF FF");
    meter(&site).turn(Knob::Cache, Setting::default());
    assert_eq!(to_hex(&wire.ask(0x11, COUNT).await.data[4..]), "07 00");
    assert_eq!(wire.ask(0x03, &recharge(500, 8)).await.control, 0x83);
    assert_eq!(to_hex(&wire.ask(0x11, COUNT).await.data[4..]), "07 00");
    meter(&site).clear(Knob::Cache);
    assert_eq!(to_hex(&wire.ask(0x11, COUNT).await.data[4..]), "08 00");
}

#[tokio::test]
async fn a_follow_up_frame_is_cut_off() {
    let (_server, site, mut wire) = usual().await;
    meter(&site).turn(Knob::Cut, Setting::default());
    assert_eq!(wire.ask(0x11, "FF FF 01 00").await.control, 0xb1);
    wire.write(&[request(0x12, "FF FF 01 00 01"), request(0x11, ENERGY)].concat()).await;
    assert_eq!(to_hex(&wire.frame().await.data[..4]), ENERGY);
}

#[tokio::test]
async fn registrations_and_heartbeats_stand_in_front_of_and_inside_answers() {
    let (_server, site, mut wire) = usual().await;
    let clean = wire.raw(0x11, ENERGY, 24).await;
    site.turn(0, Knob::RegPrefix, Setting::times(1)).unwrap();
    let bytes = wire.raw(0x11, ENERGY, 34).await;
    assert_eq!(bytes, [b"LOGIN:1001".to_vec(), clean.clone()].concat());
    site.turn(0, Knob::HbInside, Setting::times(1)).unwrap();
    let bytes = wire.raw(0x11, ENERGY, 26).await;
    assert_eq!(bytes, [&clean[..12], b"HB", &clean[12..]].concat());
    site.turn(0, Knob::Stuff, Setting::times(1)).unwrap();
    let bytes = wire.raw(0x11, ENERGY, 25).await;
    assert_eq!(bytes, [vec![0xfe], clean].concat());
}

#[tokio::test]
async fn four_faith_heartbeats_stand_between_stuffed_answers() {
    let config = BusConfig { framing: Framing::FourFaith, ..bus() };
    let (server, site) = start(vec![config], 1_000).await;
    let mut wire = server.accept("").await;
    wire.fill(21).await;
    wire.buffer.clear();
    site.turn(0, Knob::Stuff, Setting::times(1)).unwrap();
    wire.write(&meter_simulator::bcd::from_hex("FD EE FD EE").unwrap()).await;
    wire.write(&request(0x11, ENERGY)[4..]).await;
    wire.fill(1 + 8 + 20).await;
    assert_eq!(to_hex(&wire.buffer[..9]), "FE FD EE FD EE FD EE FD EE");
}

#[tokio::test]
async fn a_dtu_reconnects_before_or_after_the_meter_acted() {
    for (value, applied) in [(0, 0), (1, 500)] {
        let (server, site, mut wire) = usual().await;
        let setting = Setting::times(1).with_ms(1).with_value(value).on(0x03);
        site.turn(0, Knob::Reconnect, setting).unwrap();
        assert_eq!(wire.ask(0x11, ENERGY).await.control, 0x91);
        wire.write(&request(0x03, &recharge(500, 8))).await;
        wire.ended().await;
        assert!(wire.buffer.is_empty());
        let mut wire = server.accept("LOGIN:1001").await;
        let count = wire.ask(0x11, COUNT).await;
        assert_eq!(to_hex(&count.data[4..]), if value == 0 { "07 00" } else { "08 00" });
        assert_eq!(site.sum_applied_fen(), applied);
    }
}

#[tokio::test]
async fn a_half_open_socket_stays_open_and_silent_while_a_new_one_registers() {
    let (server, site, mut wire) = usual().await;
    site.turn(0, Knob::HalfOpen, Setting::times(1).with_ms(1)).unwrap();
    wire.write(&request(0x11, ENERGY)).await;
    let mut fresh = server.accept("LOGIN:1001").await;
    assert_eq!(fresh.ask(0x11, ENERGY).await.control, 0x91);
    let mut byte = [0u8; 1];
    let nothing = wire.stream.try_read(&mut byte).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(meter(&site).snapshot().frames_seen, 1);
}

#[tokio::test]
async fn after_a_storm_every_dtu_returns_and_a_cut_one_stays_away_until_restored() {
    let (server, site) = start(vec![bus(), bus(), bus()], 1_000).await;
    let mut wires = Vec::new();
    for _ in 0..3 {
        wires.push(server.accept("LOGIN:1001").await);
    }
    site.turn_all(Knob::Storm, Setting::default().with_ms(20));
    for wire in &mut wires {
        wire.ended().await;
    }
    let mut back = Vec::new();
    for _ in 0..3 {
        back.push(server.accept("LOGIN:1001").await);
    }
    until(|| (0..3).all(|bus| site.counters(bus).unwrap().connections == 2)).await;
    site.cut(0).unwrap();
    site.cut(1).unwrap();
    site.cut(2).unwrap();
    for wire in &mut back {
        wire.ended().await;
    }
    site.restore(1).unwrap();
    let mut only = server.accept("LOGIN:1001").await;
    assert_eq!(only.ask(0x11, ENERGY).await.control, 0x91);
    let made: Vec<u64> = (0..3).map(|bus| site.counters(bus).unwrap().connections).collect();
    assert_eq!(made, [2, 3, 2]);
    assert!(site.cut(3).is_err());
    // Storms of a site that is dropped end with it.
    site.storm(Duration::from_secs(3_600));
}

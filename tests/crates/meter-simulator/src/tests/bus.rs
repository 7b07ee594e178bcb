//! Line timing, half-duplex, faults of the DTU, and that a seed decides everything.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Bench, plain, request};
use crate::bcd::to_hex;
use crate::bus::Output;
use crate::config::{BusConfig, MeterConfig, MeterKind};
use crate::framing::Framing;
use crate::knob::{Knob, Setting};

fn bus(framing: Framing) -> BusConfig {
    BusConfig {
        registration: "LOGIN:1001".into(),
        framing,
        meters: vec![
            MeterConfig::at(MeterKind::Remote2007, "202208310002"),
            MeterConfig::at(MeterKind::Remote2007, "202208310003"),
        ],
        ..BusConfig::default()
    }
}

fn energy() -> String {
    request(0x11, "00 00 01 00")
}

#[test]
fn an_answer_takes_its_exact_time_on_the_line() {
    // 20 + 24 characters of 11 bits and 20 ms of turnaround: 221,667 µs at 2400 baud.
    let mut bench = Bench::with(bus(Framing::Transparent));
    assert_eq!(bench.send(&energy(), 221_666), []);
    bench.pass(1);
    assert_eq!(bench.bus.take_outputs().len(), 1);
    assert_eq!(bench.bus.counters.busy_us, 221_667);
    let exchange = bench.bus.meters[0].exchanges[0];
    assert_eq!((exchange.request_us, exchange.reply_us), (91_667, Some(221_667)));
}

#[test]
fn round_trip_and_packing_come_on_top() {
    let config = BusConfig { rtt_ms: 150, pack_ms: 50, ..bus(Framing::Transparent) };
    let mut bench = Bench::with(config);
    assert_eq!(bench.send(&energy(), 421_600), []);
    bench.pass(100);
    assert_eq!(bench.bus.take_outputs().len(), 1);
}

#[test]
fn talking_into_an_answer_loses_the_request_and_spoils_the_answer() {
    let mut bench = Bench::with(bus(Framing::Transparent));
    let quiet = {
        let mut other = Bench::with(bus(Framing::Transparent));
        other.ask(&energy())
    };
    assert_eq!(bench.send(&energy(), 130_000), []);
    let answer = bench.ask(&energy());
    assert_ne!(answer, quiet);
    assert_eq!(plain(&answer).0, 0);
    assert_eq!(bench.bus.counters.collisions, 1);
    assert_eq!(bench.bus.meters[0].frames_seen, 1);
    assert_eq!(bench.ask(&energy()), quiet);
}

#[test]
fn two_requests_in_one_segment_get_one_answer() {
    let mut bench = Bench::with(bus(Framing::Transparent));
    let both = format!("{} {}", energy(), energy());
    bench.ask(&both);
    assert_eq!(bench.bus.meters[0].replies, 1);
}

#[test]
fn two_meters_answering_a_wildcard_overlap() {
    let mut bench = Bench::with(bus(Framing::Transparent));
    let answer = bench.ask("FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16");
    assert_eq!(plain(&answer).0, 0);
    assert!(!answer.is_empty());
}

#[test]
fn modbus_needs_its_bytes_together_and_nothing_in_front() {
    let config = BusConfig {
        meters: vec![MeterConfig::at(MeterKind::AcrelDdsy1352, "1")],
        baud: 9_600,
        ..BusConfig::default()
    };
    let asked = "01 03 00 0B 00 01";
    let crc = to_hex(&crate::modbus::crc16(&crate::bcd::from_hex(asked).unwrap()).to_le_bytes());
    let rows = [
        (vec![(format!("{asked} {crc}"), 0)], true),
        (vec![(asked.to_owned(), 0), (crc.clone(), 0)], true),
        (vec![(asked.to_owned(), 30_000), (crc.clone(), 0)], false),
        (vec![(format!("FE {asked} {crc}"), 0)], false),
    ];
    for (parts, answers) in rows {
        let mut bench = Bench::with(config.clone());
        for (part, pause_us) in &parts {
            bench.send(part, *pause_us);
        }
        bench.pass(1_000_000);
        assert_eq!(!bench.bus.take_outputs().is_empty(), answers, "{parts:?}");
    }
}

#[test]
fn framings_wrap_answers_as_their_vendors_do() {
    let id = "30 4C 4F 47 49 4E 3A 31 30 30 31";
    let bare = {
        let mut bench = Bench::with(bus(Framing::Transparent));
        bench.ask(&energy())
    };
    let stuffed = bare.replace("FE", "FD EE");
    let mut bench = Bench::with(bus(Framing::FourFaith));
    assert_eq!(bench.ask(&energy().replace("FE", "FD EE")), stuffed);
    let mut bench = Bench::with(bus(Framing::Hongdian));
    let down = format!("7B 89 00 24 {id} {} 7B", energy());
    let ack = format!("7B 05 00 10 {id} 7B");
    assert_eq!(bench.ask(&down), format!("{ack} 7B 09 00 28 {id} {bare} 7B"));
    let prefixed = BusConfig { register_each_packet: true, ..bus(Framing::Transparent) };
    let mut bench = Bench::with(prefixed);
    assert_eq!(bench.ask(&energy()), format!("{} {bare}", id.split_at(3).1));
}

#[test]
fn heartbeats_go_on_while_connected_and_stop_with_the_connection() {
    let config = BusConfig { heartbeat: "HB".into(), heartbeat_s: 30, ..bus(Framing::Transparent) };
    let mut bench = Bench::with(config);
    bench.pass(95_000_000);
    let beat = Output::Send(b"HB".to_vec());
    assert_eq!(bench.bus.take_outputs(), vec![beat.clone(), beat.clone(), beat]);
    bench.bus.disconnected();
    bench.pass(95_000_000);
    assert_eq!(bench.bus.take_outputs(), []);
    let now = bench.now();
    bench.bus.connected(now);
    assert_eq!(bench.bus.take_outputs(), [Output::Send(b"LOGIN:1001".to_vec())]);
}

#[test]
fn a_command_on_the_line_lands_although_the_connection_broke() {
    let mut config = bus(Framing::Transparent);
    config.meters[0] = MeterConfig {
        customer_no: "000000123456".into(),
        ..MeterConfig::at(MeterKind::Prepaid2007, "202208310002")
    };
    let mut bench = Bench::with(config);
    let recharge = "FF 02 01 07 00 00 00 00 10 27 00 00 01 00 00 00 00 00 00 00 \
                    56 34 12 00 00 00 00 00 00 00";
    bench.send(&request(0x03, recharge), 10_000);
    bench.bus.disconnected();
    assert_eq!(bench.bus.take_outputs(), []);
    let now = bench.now();
    bench.bus.connected(now);
    bench.pass(1_000_000);
    // The registration only: the answer belonged to the connection that is gone.
    assert_eq!(bench.bus.take_outputs().len(), 1);
    assert_eq!(bench.bus.meters[0].purse.applied_sum_fen, 10_000);
}

/// Every answer of a fixed conversation under many faults, as one text.
fn trace(seed: u64) -> String {
    let mut config = bus(Framing::Transparent);
    config.meters[0].load_w = 500;
    for meter in &mut config.meters {
        meter.valve_travel_ms = 0;
    }
    let now = crate::clock::Now { sim_us: 0, local_s: super::noon() };
    let mut bench = Bench::with(config.clone());
    bench.bus = crate::bus::Bus::new(config, seed, 1, now).unwrap();
    bench.bus.connected(now);
    for knob in [
        Knob::Noise,
        Knob::DropReply,
        Knob::Split,
        Knob::Merge,
        Knob::WrongAddr,
        Knob::Late,
        Knob::Collide,
        Knob::HbInside,
    ] {
        bench.bus.turn(knob, Setting::percent(30));
    }
    // The questions have dice of their own: the same for every seed of the bus.
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let mut out = String::new();
    for _ in 0..200 {
        let di = ["00 00 01 00", "00 01 01 02", "03 05 00 04"][dice.random_range(0..3)];
        let pause_us = dice.random_range(50_000..600_000);
        for output in bench.send(&request(0x11, di), pause_us) {
            out.push_str(&format!("{} {output:?}\n", bench.sim_us));
        }
    }
    out
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let first = trace(7);
    assert!(first.len() > 1_000);
    assert_eq!(first, trace(7));
    assert_ne!(first, trace(8));
}

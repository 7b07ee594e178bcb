//! The rules of the meters, asked over their own bytes.

use super::{Bench, noon, plain, request};
use crate::bcd::{put, to_hex};
use crate::clock::Civil;
use crate::config::{Firmware, MeterConfig, MeterKind};
use crate::dlt645::Frame;
use crate::knob::{Knob, Setting};
use crate::modbus::Pdu;

fn prepaid() -> MeterConfig {
    MeterConfig {
        customer_no: "000000123456".into(),
        count: 7,
        balance_fen: 1_000,
        load_w: 1_100,
        hoard_limit_fen: 100_000,
        mac: "AABBCCDD".into(),
        ..MeterConfig::at(MeterKind::Prepaid2007, "202208310002")
    }
}

fn remote() -> MeterConfig {
    MeterConfig { load_w: 1_100, ..MeterConfig::at(MeterKind::Remote2007, "202208310002") }
}

/// Data of 03H: identifier, amount, count, customer, MAC.
fn top_up(di: &str, amount_fen: u32, count: u32, customer: &str, mac: &str) -> String {
    let operator = "11 22 33 44";
    let amount = to_hex(&amount_fen.to_le_bytes());
    let count = to_hex(&count.to_le_bytes());
    request(0x03, &format!("{di} {operator} {amount} {count} {mac} {customer} {mac}"))
}

const OPEN: &str = "FF 01 01 07";
const RECHARGE: &str = "FF 02 01 07";
const OURS: &str = "56 34 12 00 00 00";
const THEIRS: &str = "65 34 12 00 00 00";
const MAC: &str = "AA BB CC DD";
const BAD_MAC: &str = "00 00 00 00";

#[test]
fn every_row_of_the_meter_rules_answers_on_the_wire() {
    let unopened = || MeterConfig { customer_no: String::new(), count: 0, ..prepaid() };
    let c = |meter: MeterConfig| MeterConfig { firmware: Firmware::C, ..meter };
    // Meter; command; control and data of the answer; count and balance afterwards.
    let rows = [
        (unopened(), top_up(OPEN, 100, 0, OURS, MAC), (0x83, OPEN), (0, 1_000)),
        (unopened(), top_up(OPEN, 100, 1, OURS, MAC), (0x83, OPEN), (1, 1_100)),
        (unopened(), top_up(OPEN, 100, 2, OURS, MAC), (0xc3, "20 00"), (0, 1_000)),
        (unopened(), top_up(RECHARGE, 100, 1, OURS, MAC), (0xc3, "01 00"), (0, 1_000)),
        (prepaid(), top_up(OPEN, 100, 7, OURS, MAC), (0x83, OPEN), (7, 1_000)),
        (prepaid(), top_up(RECHARGE, 100, 8, THEIRS, MAC), (0xc3, "10 00"), (7, 1_000)),
        (prepaid(), top_up(RECHARGE, 100, 6, OURS, MAC), (0xc3, "20 00"), (7, 1_000)),
        (prepaid(), top_up(RECHARGE, 100, 7, OURS, MAC), (0xc3, "02 00"), (7, 1_000)),
        (prepaid(), top_up(RECHARGE, 100, 8, OURS, MAC), (0x83, RECHARGE), (8, 1_100)),
        (prepaid(), top_up(RECHARGE, 100, 9, OURS, MAC), (0xc3, "20 00"), (7, 1_000)),
        (prepaid(), top_up(RECHARGE, 99_001, 8, OURS, BAD_MAC), (0xc3, "40 00"), (7, 1_000)),
        (prepaid(), top_up(RECHARGE, 100, 8, OURS, BAD_MAC), (0xc3, "04 00"), (7, 1_000)),
        (
            c(unopened()),
            top_up(RECHARGE, 100, 1, OURS, MAC),
            (0x83, "FF 02 01 07 4C 04 00 00 01 00 00 00 56 34 12 00 00 00"),
            (1, 1_100),
        ),
        (c(prepaid()), top_up(RECHARGE, 100, 7, OURS, MAC), (0xc3, "80"), (7, 1_000)),
        (c(prepaid()), top_up(RECHARGE, 100, 9, OURS, MAC), (0xc3, "80"), (7, 1_000)),
        (c(prepaid()), top_up(RECHARGE, 100, 8, THEIRS, MAC), (0xc3, "81"), (7, 1_000)),
        (c(prepaid()), top_up(RECHARGE, 100, 0x1_0008, OURS, MAC), (0xc3, "84"), (7, 1_000)),
        (c(prepaid()), request(0x03, "FF 02 01 07 00 00 00 00"), (0xc3, "84"), (7, 1_000)),
        (remote(), top_up(RECHARGE, 100, 1, OURS, MAC), (0xc3, "02"), (0, 0)),
    ];
    for (place, (meter, command, answer, after)) in rows.into_iter().enumerate() {
        let mut bench = Bench::of(MeterConfig { load_w: 0, ..meter });
        let (control, data) = plain(&bench.ask(&command));
        assert_eq!((control, data.as_str()), answer, "row {place}");
        let purse = &bench.bus.meters[0].purse;
        assert_eq!((purse.count, purse.balance_fen()), after, "row {place}");
    }
}

#[test]
fn the_purchase_reads_back_from_every_identifier() {
    let mut bench = Bench::of(MeterConfig { load_w: 0, ..prepaid() });
    bench.ask(&top_up(RECHARGE, 10_000, 8, OURS, MAC));
    let rows = [
        ("01 02 33 03", "08 00"),
        ("01 03 33 03", "00 00 01 00"),
        ("01 04 33 03", "00 10 00 00"),
        ("01 05 33 03", "00 10 01 00"),
        ("01 06 33 03", "00 00 01 00"),
        ("01 01 33 03", "00 12 20 11 26"),
        ("00 02 90 00", "00 10 01 00"),
        ("01 02 90 00", "00 00 00 00"),
        ("0E 04 00 04", OURS),
    ];
    for (di, value) in rows {
        let (control, data) = plain(&bench.ask(&request(0x11, di)));
        assert_eq!((control, data), (0x91, format!("{di} {value}")));
    }
    let (_, data) = plain(&bench.ask(&request(0x03, "FF 02 81 07 11 22 33 44")));
    let status = "F8 2A 00 00 AA BB CC DD 08 00 00 00 AA BB CC DD 56 34 12 00 00 00 00 00 00 00";
    assert_eq!(data, format!("FF 02 81 07 {status}"));
}

#[test]
fn unknown_items_wrong_passwords_and_wildcards_are_refused_as_the_standard_says() {
    let valid = "59 59 23 31 12 26";
    let trip = format!("02 00 00 00 00 00 00 00 1A 00 {valid}");
    let rows = [
        (request(0x11, "99 99 99 04"), (0xd1, "02")),
        (request(0x14, "01 10 00 04 02 99 99 99 00 00 00 00 00 00 00 00"), (0xd4, "04")),
        (request(0x14, "01 10 00 04 02 00 00 00 00 00 00 00 00 50 00 00"), (0x94, "")),
        (request(0x14, "01 10 00 04 02 00 00 00 00 00 00 00 00 50 00"), (0xd4, "01")),
        (request(0x14, "01 10 00 04 02 00 00 00 00 00 00 00 00 5A 00 00"), (0xd4, "01")),
        (request(0x14, "FF 01 05 04 02 00 00 00 00 00 00 00 00 50 00 00"), (0xd4, "04")),
        (request(0x14, "99 99 99 04 02 00 00 00 00 00 00 00 00"), (0xd4, "02")),
        (request(0x17, "08"), (0xd7, "08")),
        (request(0x13, ""), (0x93, "02 00 31 08 22 20")),
        (request(0x16, "99 99 99 99"), (0x96, "")),
        (request(0x1c, &trip), (0x9c, "")),
        (request(0x91, "00 00 01 00"), (0, "")),
    ];
    for (command, answer) in rows {
        let mut bench = Bench::of(prepaid());
        let (control, data) = plain(&bench.ask(&command));
        assert_eq!((control, data.as_str()), answer, "{command}");
    }
    let to = |address: [u8; 6], control: u8, data: &str| {
        let data = crate::bcd::from_hex(data).unwrap();
        to_hex(&Frame { address, control, data }.encode(0))
    };
    let tail = [0x02, 0x00, 0xaa, 0xaa, 0xaa, 0xaa];
    let rows = [
        (to([0xaa; 6], 0x13, ""), 0x93),
        (to(tail, 0x11, "00 00 01 00"), 0x91),
        (to([0xaa; 6], 0x1c, &trip), 0),
        (to([0x99; 6], 0x11, "00 00 01 00"), 0),
        (to([0x99; 6], 0x16, "99 99 99 99"), 0),
        (to([1, 0, 0, 0, 0, 0], 0x11, "00 00 01 00"), 0),
    ];
    for (command, control) in rows {
        let mut bench = Bench::of(prepaid());
        let answer = bench.ask(&command);
        assert_eq!(plain(&answer).0, control, "{command}");
        assert!(control == 0 || answer.contains("68 02 00 31 08 22 20 68"), "{answer}");
    }
}

#[test]
fn three_wrong_passwords_lock_programming_for_a_day() {
    let mut bench = Bench::of(prepaid());
    let write = |password: &str| {
        request(0x14, &format!("01 10 00 04 02 {password} 00 00 00 00 00 50 00 00"))
    };
    for _ in 0..3 {
        assert_eq!(plain(&bench.ask(&write("11 11 11"))).1, "04");
    }
    assert_eq!(plain(&bench.ask(&write("00 00 00"))).1, "04");
    bench.pass(24 * 3_600_000_000);
    assert_eq!(plain(&bench.ask(&write("00 00 00"))).0, 0x94);
}

#[test]
fn the_relay_obeys_its_own_clock_keep_power_and_stuck_contacts() {
    let act =
        |n1: &str, until: &str| request(0x1c, &format!("02 00 00 00 00 00 00 00 {n1} 00 {until}"));
    let late = "59 59 23 31 12 26";
    let past = "00 00 11 20 11 26";
    // Clock error, faults, commands with their answers, then the contact.
    type Row<'a> = (i64, &'a [&'a str], &'a [(&'a str, &'a str, u8)], bool);
    let rows: &[Row] = &[
        (0, &[], &[("1A", late, 0x9c)], false),
        (0, &[], &[("1A", past, 0xdc)], true),
        (-7_200, &[], &[("1A", past, 0x9c)], false),
        (365 * 86_400, &[], &[("1A", late, 0xdc)], true),
        (0, &[], &[("3A", late, 0x9c), ("1A", late, 0xdc)], true),
        (0, &[], &[("3A", late, 0x9c), ("3B", late, 0x9c), ("1A", late, 0x9c)], false),
        (0, &[], &[("1A", late, 0x9c), ("1B", late, 0x9c)], false),
        (0, &[], &[("1A", late, 0x9c), ("1C", late, 0x9c)], true),
        (0, &["stuck"], &[("1A", late, 0x9c)], true),
        (0, &["lock"], &[("1A", late, 0xdc)], true),
        (0, &[], &[("77", late, 0xdc)], true),
    ];
    for (clock_offset_s, faults, commands, closed) in rows {
        let mut bench = Bench::of(MeterConfig { clock_offset_s: *clock_offset_s, ..remote() });
        for fault in *faults {
            let knob = if *fault == "stuck" { Knob::RelayStuck } else { Knob::Lock };
            bench.bus.meters[0].turn(knob, Setting::percent(100));
        }
        for (n1, until, control) in *commands {
            assert_eq!(plain(&bench.ask(&act(n1, until))).0, *control, "{commands:?}");
        }
        assert_eq!(bench.bus.meters[0].relay.closed, *closed, "{commands:?}");
    }
}

#[test]
fn extended_status_words_come_when_the_password_ends_in_one() {
    let mut bench = Bench::of(MeterConfig { password: "010000".into(), ..remote() });
    let act =
        |n1: &str| request(0x1c, &format!("02 00 00 01 00 00 00 00 {n1} 00 59 59 23 31 12 26"));
    let rows = [
        ("1A", 0x9c, "04 00"),
        ("1B", 0x9c, "02 00"),
        ("3A", 0x9c, "00 01"),
        ("1A", 0xdc, "20 00"),
    ];
    for (n1, control, word) in rows {
        assert_eq!(plain(&bench.ask(&act(n1))), (control, word.to_owned()));
    }
}

#[test]
fn supply_uses_money_and_the_relay_opens_at_zero_then_a_top_up_closes_it() {
    // 10.00 yuan at 0.60 a kWh and 1.1 kW last 54,545 s.
    let mut bench = Bench::of(prepaid());
    bench.pass(54_540_000_000);
    let meter = &bench.bus.meters[0];
    assert!(meter.relay.closed && meter.purse.balance_fen() <= 1);
    bench.pass(10_000_000);
    let meter = &bench.bus.meters[0];
    assert!(!meter.relay.closed);
    assert_eq!((meter.purse.balance_fen(), meter.usage.total()), (0, 16_666));
    bench.ask(&top_up(RECHARGE, 5_000, 8, OURS, MAC));
    assert!(bench.bus.meters[0].relay.closed);
    let word = plain(&bench.ask(&request(0x11, "03 05 00 04"))).1;
    assert_eq!(word, "03 05 00 04 00 02");
}

#[test]
fn items_of_a_single_phase_meter_have_signs_and_absent_phases() {
    let mut bench = Bench::of(MeterConfig { load_w: 2_420, energy_wh: 123_450, ..remote() });
    bench.bus.settle(bench.now());
    let rows = [
        ("00 01 01 02", "00 22"),
        ("00 02 01 02", "FF FF"),
        ("00 FF 01 02", "00 22 FF FF FF FF"),
        ("00 01 02 02", "00 10 01"),
        ("00 00 03 02", "00 42 02"),
        ("00 00 06 02", "00 10"),
        ("00 FF 01 00", "45 23 01 00 00 00 00 00 00 00 00 00 45 23 01 00 00 00 00 00"),
        ("02 00 80 02", "00 50"),
        ("01 01 00 04", "05 20 11 26"),
        ("02 01 00 04", "00 00 12"),
        ("0C 01 00 04", "00 00 12 05 20 11 26"),
        ("03 05 00 04", "00 C0"),
        ("20 00 80 02", "00 60 00 00"),
    ];
    for (di, value) in rows {
        bench.sim_us = 0;
        let now = bench.now();
        let asked = crate::meter::Message::Dlt645(
            crate::dlt645::find(&crate::bcd::from_hex(&request(0x11, di)).unwrap()).unwrap().0,
        );
        bench.bus.meters[0].advance(now);
        let answer = bench.bus.meters[0].answer(&asked, crate::meter::Mood::default()).unwrap();
        let crate::meter::Message::Dlt645(frame) = answer else { panic!("not 645") };
        assert_eq!(to_hex(&frame.data), format!("{di} {value}"));
    }
    bench.bus.meters[0].turn(Knob::Sign, Setting::percent(100));
    assert_eq!(plain(&bench.ask(&request(0x11, "00 01 02 02"))).1, "00 01 02 02 00 10 81");
    bench.bus.meters[0].turn(Knob::Absent, Setting::times(1));
    assert_eq!(plain(&bench.ask(&request(0x11, "00 01 02 02"))).1, "00 01 02 02 FF FF FF");
}

#[test]
fn every_day_s_end_is_frozen_with_its_moment_and_its_energies() {
    let mut bench = Bench::of(MeterConfig { load_w: 3_600, energy_wh: 0, ..remote() });
    let read = |bench: &mut Bench, di: &str| {
        let (control, data) = plain(&bench.ask(&request(0x11, di)));
        assert_eq!(control, 0x91, "{di}");
        data[12..].to_owned()
    };
    assert_eq!(read(&mut bench, "01 00 06 05"), "00 00 00 00 00", "nothing is frozen yet");
    // Two and a half days from noon on, in one step, as of a bus that was cut off.
    bench.pass(60 * 3_600_000_000);
    assert_eq!(read(&mut bench, "01 00 06 05"), "00 00 23 11 26");
    assert_eq!(read(&mut bench, "01 01 06 05")[..11], *"00 16 02 00");
    assert_eq!(read(&mut bench, "02 00 06 05"), "00 00 22 11 26");
    assert_eq!(read(&mut bench, "02 01 06 05")[..11], *"60 29 01 00");
    assert_eq!(read(&mut bench, "03 00 06 05"), "00 00 21 11 26");
    assert_eq!(read(&mut bench, "03 01 06 05")[..11], *"20 43 00 00");
}

#[test]
fn a_long_block_needs_follow_up_frames_and_may_lose_one() {
    let mut bench = Bench::of(remote());
    let (control, first) = plain(&bench.ask(&request(0x11, "FF FF 01 00")));
    assert_eq!((control, first.len()), (0xb1, 200 * 3 - 1));
    let (control, rest) = plain(&bench.ask(&request(0x12, "FF FF 01 00 01")));
    assert_eq!((control, rest.len()), (0x92, (4 + 64 + 1) * 3 - 1));
    assert!(rest.ends_with(" 01"));
    assert_eq!(plain(&bench.ask(&request(0x12, "FF FF 01 00 02"))), (0xd2, "02".into()));
    let (control, _) = plain(&bench.ask(&request(0x11, "01 00 00 06 20 00 00 20 11 26")));
    assert_eq!(control, 0xb1);
    bench.bus.meters[0].turn(Knob::Cut, Setting::percent(100));
    assert_eq!(bench.ask(&request(0x12, "01 00 00 06 01")), "");
}

#[test]
fn the_clock_follows_writes_and_one_broadcast_a_day() {
    let mut bench = Bench::of(MeterConfig { clock_offset_s: -200, ..remote() });
    let broadcast = |bench: &mut Bench, local_s: i64| {
        let c = Civil::from_local_s(local_s);
        let fields = [c.second, c.minute, c.hour, c.day, c.month, c.yy()];
        let data: Vec<u8> = fields.iter().map(|f| crate::bcd::byte(*f)).collect();
        let frame = Frame { address: [0x99; 6], control: 0x08, data };
        let now = bench.now();
        bench.bus.downlink(now, &frame.encode(4));
        bench.bus.advance(now);
        bench.bus.meters[0].clock_offset_s
    };
    assert_eq!(broadcast(&mut bench, noon()), 0);
    assert_eq!(broadcast(&mut bench, noon() + 100), 0);
    bench.pass(86_400_000_000);
    assert_eq!(broadcast(&mut bench, noon() + 86_400 + 100), 100);
    bench.pass(86_400_000_000);
    assert_eq!(broadcast(&mut bench, noon() + 2 * 86_400 + 500), 100);
    let write = "0C 01 00 04 02 00 00 00 00 00 00 00 00 00 08 05 20 11 26";
    assert_eq!(plain(&bench.ask(&request(0x14, write))).0, 0x94);
    let told = bench.bus.meters[0].calendar();
    assert_eq!((told.day, told.hour), (20, 8));
}

#[test]
fn standby_prices_run_after_their_switch_moment() {
    let mut bench = Bench::of(remote());
    let price = to_hex(&put(7_000, 4));
    let prices = format!("{price} {price} {price} {price}");
    let head = "02 00 00 00 00 00 00 00";
    let write = |di: &str, value: &str| request(0x14, &format!("{di} {head} {value}"));
    assert_eq!(plain(&bench.ask(&write("FF 02 05 04", &prices))).0, 0x94);
    assert_eq!(plain(&bench.ask(&write("08 01 00 04", "30 12 20 11 26"))).0, 0x94);
    assert_eq!(bench.bus.meters[0].price_now(), 6_000);
    bench.pass(1_800_000_000);
    assert_eq!(bench.bus.meters[0].price_now(), 7_000);
}

#[test]
fn a_1997_meter_reads_and_does_nothing_else() {
    let meter = MeterConfig {
        energy_wh: 123_450,
        ..MeterConfig::at(MeterKind::ReadOnly1997, "202208310002")
    };
    let rows = [
        (0x01, "10 90", (0x81, "10 90 45 23 01 00")),
        (0x01, "11 B6", (0x81, "11 B6 20 02")),
        (0x01, "32 C0", (0x81, "32 C0 02 00 31 08 22 20")),
        (0x01, "99 99", (0xc1, "02")),
        (0x11, "00 00 01 00", (0, "")),
        (0x1c, "02", (0, "")),
    ];
    for (control, data, answer) in rows {
        let mut bench = Bench::of(meter.clone());
        let (control, data) = plain(&bench.ask(&request(control, data)));
        assert_eq!((control, data.as_str()), answer);
    }
}

/// An RTU request of unit 1.
fn rtu(function: u8, body: &str) -> String {
    let body = crate::bcd::from_hex(body).unwrap();
    to_hex(&Pdu { unit: 1, function, body, transaction: None }.encode())
}

/// Body of the RTU answer behind unit and function, without checksum.
fn rtu_body(hex: &str) -> String {
    let bytes = crate::bcd::from_hex(hex).unwrap();
    if bytes.len() < 4 {
        return String::new();
    }
    let (core, crc) = bytes.split_at(bytes.len() - 2);
    assert_eq!(crate::modbus::crc16(core).to_le_bytes(), crc);
    to_hex(&core[1..])
}

#[test]
fn modbus_meters_keep_their_registers() {
    let base = |kind| MeterConfig {
        energy_wh: 123_450,
        balance_fen: 4_200,
        count: 3,
        ..MeterConfig::at(kind, "1")
    };
    let acrel = || base(MeterKind::AcrelDdsy1352);
    let eastron = || base(MeterKind::EastronSdm530y);
    let generic = || base(MeterKind::Modbus);
    let rows = [
        (acrel(), rtu(0x03, "00 00 00 02"), "03 04 00 00 30 39"),
        (acrel(), rtu(0x03, "00 0B 00 01"), "03 02 08 98"),
        (acrel(), rtu(0x03, "00 4E 00 03"), "03 06 00 03 00 00 10 68"),
        (acrel(), rtu(0x10, "00 57 00 02 04 00 01 00 01"), "10 00 57 00 02"),
        (acrel(), rtu(0x10, "00 57 00 02 04 00 02 00 01"), "90 03"),
        (acrel(), rtu(0x03, "12 34 00 01"), "83 02"),
        (acrel(), rtu(0x06, "00 57 00 01"), "86 01"),
        (eastron(), rtu(0x04, "00 00 00 02"), "04 04 43 5C 00 00"),
        (eastron(), rtu(0x04, "05 00 00 05"), "04 0A 00 00 00 00 00 00 00 00 00 00"),
        (eastron(), rtu(0x10, "00 57 00 02 04 00 01 00 01"), "90 01"),
        (generic(), rtu(0x03, "00 1A 00 01"), "03 02 00 01"),
        (generic(), rtu(0x10, "00 1A 00 01 02 00 00"), "10 00 1A 00 01"),
    ];
    for (meter, asked, answer) in rows {
        let mut bench = Bench::of(meter);
        assert_eq!(rtu_body(&bench.ask(&asked)), answer, "{asked}");
    }
    let mut bench = Bench::of(acrel());
    bench.ask(&rtu(0x10, "00 57 00 02 04 00 01 00 01"));
    assert!(!bench.bus.meters[0].relay.closed);
    bench.ask(&rtu(0x10, "00 57 00 02 04 00 01 00 00"));
    assert!(bench.bus.meters[0].relay.closed);
    let mut bench = Bench::of(eastron());
    bench.bus.meters[0].buy_elsewhere(10_000);
    let log = "04 0A 42 C8 00 00 26 11 20 12 00 00";
    assert_eq!(rtu_body(&bench.ask(&rtu(0x04, "05 00 00 05"))), log);
}

/// A 188 request to the meter below.
fn water(control: u8, data: &str) -> String {
    let frame = crate::cjt188::Frame {
        kind: 0x10,
        address: [0x44, 0x33, 0x22, 0x11, 0x00, 0x33, 0x78],
        control,
        data: crate::bcd::from_hex(data).unwrap(),
    };
    to_hex(&frame.encode(2))
}

fn water_answer(hex: &str) -> (u8, String) {
    let bytes = crate::bcd::from_hex(hex).unwrap();
    crate::cjt188::find(&bytes).map_or((0, String::new()), |(f, _)| (f.control, to_hex(&f.data)))
}

#[test]
fn a_water_meter_sells_and_turns_its_valve_slowly() {
    for low_first in [false, true] {
        let di = |high: &str, low: &str| {
            if low_first { format!("{low} {high}") } else { format!("{high} {low}") }
        };
        let mut bench = Bench::of(MeterConfig {
            di_low_first: low_first,
            valve_travel_ms: 15_000,
            energy_wh: 1_234,
            ..MeterConfig::at(MeterKind::Cjt188Water, "78330011223344")
        });
        let a017 = di("A0", "17");
        let closing = bench.ask(&water(0x04, &format!("{a017} 01 99")));
        assert_eq!(water_answer(&closing), (0x84, format!("{a017} 01 00 00")));
        let read = water(0x01, &format!("{} 02", di("90", "1F")));
        let data = water_answer(&bench.ask(&read)).1;
        assert!(data.contains("23 01 00 00 2C"), "{data}");
        let data = water_answer(&bench.ask(&read)).1;
        assert!(data.ends_with("01 00"), "{data}");
        let a013 = di("A0", "13");
        let buy = |seq: &str| water(0x04, &format!("{a013} 05 {seq} 00 50 00 00"));
        assert_eq!(water_answer(&bench.ask(&buy("01"))).0, 0x84);
        assert_eq!(water_answer(&bench.ask(&buy("01"))), (0xc4, "05 01 00".into()));
        assert_eq!(water_answer(&bench.ask(&buy("03"))).0, 0xc4);
        let proof = di("81", "05");
        let data = water_answer(&bench.ask(&water(0x01, &format!("{proof} 00")))).1;
        let said = "01 00 50 00 00 00 50 00 00 00 50 00 00 01 00";
        assert_eq!(data, format!("{proof} 00 {said}"));
    }
}

#[test]
fn a_water_meter_that_counts_money_shuts_its_valve_and_opens_it_on_a_purchase() {
    // 1.00 yuan at 3.00 a cubic metre is 333 litres and a bit.
    let mut bench = Bench::of(MeterConfig {
        local_fee: Some(true),
        balance_fen: 100,
        price_e4: 30_000,
        load_w: 1_000,
        valve_travel_ms: 9_000,
        ..MeterConfig::at(MeterKind::Cjt188Water, "78330011223344")
    });
    bench.pass(1_200_000_000);
    assert!(bench.bus.meters[0].relay.closed);
    bench.pass(9_000_000);
    let meter = &bench.bus.meters[0];
    assert!(!meter.relay.closed && meter.purse.spendable_fen() == 0);
    // Nine seconds of a litre in 3.6 s flowed while the valve travelled.
    assert_eq!(meter.usage.total(), 335);
    bench.ask(&water(0x04, "A0 13 00 01 00 10 00 00"));
    bench.pass(9_000_000);
    let meter = &bench.bus.meters[0];
    assert!(meter.relay.closed && meter.purse.balance_fen() > 900);
}

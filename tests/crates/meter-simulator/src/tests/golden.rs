//! Bytes from outside: the simulator must read them and, in the same state, say them.

use serde::Deserialize;

use super::{Bench, noon};
use crate::bcd::{from_hex, to_hex};
use crate::config::{MeterConfig, MeterKind};
use crate::{cjt188, dlt645, modbus};

#[derive(Deserialize)]
struct Golden {
    protocol: String,
    direction: String,
    hex: String,
    meaning: String,
    expect: String,
}

fn goldens() -> Vec<Golden> {
    serde_json::from_str(include_str!("../../tests/frames.json")).unwrap()
}

/// FE bytes in front.
fn preamble(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| **b == 0xfe).count()
}

#[test]
fn every_golden_645_frame_is_read_and_written_back() {
    let all = goldens().into_iter().filter(|g| g.protocol.starts_with("dlt645"));
    let mut seen = 0;
    for golden in all {
        let bytes = from_hex(&golden.hex).unwrap();
        let (frame, end) = dlt645::find(&bytes).expect(&golden.meaning);
        assert_eq!(end, bytes.len(), "{}", golden.meaning);
        assert_eq!(frame.encode(preamble(&bytes)), bytes, "{}", golden.meaning);
        seen += 1;
    }
    assert!(seen >= 30, "{seen}");
}

#[test]
fn every_golden_188_frame_is_read_and_the_famous_wrong_one_is_not() {
    for golden in goldens().into_iter().filter(|g| g.protocol == "cjt188") {
        let bytes = from_hex(&golden.hex).unwrap();
        match (golden.expect.as_str(), cjt188::find(&bytes)) {
            ("valid", Some((frame, _))) => {
                assert_eq!(frame.encode(preamble(&bytes)), bytes, "{}", golden.meaning);
            }
            ("invalid", None) => {}
            (expect, found) => panic!("{expect}: {found:?}: {}", golden.meaning),
        }
    }
}

#[test]
fn golden_modbus_checksums_are_judged_as_published() {
    for golden in goldens().into_iter().filter(|g| g.protocol == "modbus-rtu") {
        let bytes = from_hex(&golden.hex).unwrap();
        let (body, sum) = bytes.split_at(bytes.len() - 2);
        let right = modbus::crc16(body).to_le_bytes() == sum;
        assert_eq!(right, golden.expect == "valid", "{}", golden.meaning);
        if golden.direction == "request" {
            let whole = matches!(modbus::attempt_rtu(&bytes), dlt645::Attempt::Whole(..));
            assert!(whole, "{}", golden.meaning);
        }
    }
}

/// Meter 202208310002 of the hand-built frames.
fn golden_meter() -> MeterConfig {
    MeterConfig {
        customer_no: "000000123456".into(),
        count: 7,
        balance_fen: 12_345_678,
        ..MeterConfig::at(MeterKind::Prepaid2007, "202208310002")
    }
}

/// The golden frame whose meaning starts so, with the four FE this meter always sends.
fn golden(meaning: &str) -> String {
    let found = goldens().into_iter().find(|g| g.meaning.starts_with(meaning)).unwrap();
    let bytes = from_hex(&found.hex).unwrap();
    let bare = bytes[preamble(&bytes)..].to_vec();
    let framed = if bare[0] == 0x68 { [vec![0xfe; 4], bare].concat() } else { bare };
    to_hex(&framed)
}

#[test]
fn a_meter_in_the_state_of_the_golden_frames_says_them() {
    // Meter, request and reply by the start of their golden meanings.
    let small = |energy_wh, voltage_dv| MeterConfig {
        energy_wh,
        voltage_dv,
        ..MeterConfig::at(MeterKind::Remote2007, "000000000161")
    };
    let password = MeterConfig { password: "123456".into(), ..golden_meter() };
    let rows = [
        (small(260, 2_200), "read 00010000 forward", "00010000 = 0.26 kWh"),
        (small(260, 1_001), "read 02010100 phase A", "02010100 = 100.1 V"),
        (golden_meter(), "read 00900200 remaining", "00900200 = 123456.78"),
        (golden_meter(), "1C trip (N1=1A)", "9C, L=00"),
        (password, "1C trip (N1=1A)", "DC, ERR 04"),
        (golden_meter(), "fee-control recharge", "recharge accepted"),
        (MeterConfig { count: 8, ..golden_meter() }, "fee-control recharge", "recharge refused"),
    ];
    for (meter, request, reply) in rows {
        let mut bench = Bench::of(meter);
        assert_eq!(bench.ask(&golden(request)), golden(reply), "{request}");
    }
}

#[test]
fn count_and_status_word_read_back_as_the_golden_frames_say() {
    let mut bench = Bench::of(golden_meter());
    assert_eq!(bench.ask(&super::request(0x11, "01 02 33 03")), golden("03330201 purchase count"));
    bench.ask(&golden("1C trip (N1=1A)"));
    let word = super::request(0x11, "03 05 00 04");
    assert_eq!(bench.ask(&word), golden("04000503 status word 3 = 0250H"));
}

#[test]
fn a_broadcast_time_is_taken_in_silence() {
    let mut bench = Bench::of(MeterConfig { clock_offset_s: 100, ..golden_meter() });
    bench.local_s = noon() + 42 * 86_400;
    // 2026-01-01 12:00:00 is far from this meter's clock, so nothing moves either.
    assert_eq!(bench.ask(&golden("broadcast time")), "");
    assert_eq!(bench.bus.meters[0].clock_offset_s, 100);
}

#[test]
fn a_water_meter_answers_the_published_valve_and_address_requests() {
    let meter = MeterConfig::at(MeterKind::Cjt188Water, "78331505900569");
    let mut bench = Bench::of(meter);
    assert_eq!(bench.ask(&golden("valve OPEN")), golden("valve reply"));
    let meter = MeterConfig::at(MeterKind::Cjt188Water, "00000000000012");
    let mut bench = Bench::of(meter);
    let asked = cjt188::Frame {
        kind: 0xaa,
        address: [0xaa; 7],
        control: 0x03,
        data: vec![0x81, 0x0a, 0x00],
    };
    assert_eq!(bench.ask(&to_hex(&asked.encode(4))), golden("read-address reply"));
}

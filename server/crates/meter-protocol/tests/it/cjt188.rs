//! Water meters: dialects, the two records, traps (C).

use meter_protocol::cjt188::{
    Address, Command, DATA_LEN_MAX, Di, DiOrder, Dialect, FlowReading, Frame, MeterType, Mismatch,
    PurchaseRecord, ReadingError, Reply, Request, Status, Unit, Valve, decode,
};
use meter_protocol::dlt645::Control;
use meter_protocol::{BcdError, Decoded, MeterTime, MeterTimeError, Payload, hex};

const LOW: Dialect = Dialect {
    read_order: DiOrder::LowFirst,
    write_order: DiOrder::LowFirst,
    status_mirrored: false,
};
/// The sample copied through many pages, with its checksum put right.
const SAMPLE: &str = "68 10 44 33 22 11 00 33 78 81 16 1F 90 00 00 77 66 55 2C 00 77 66 55 2C \
                      31 01 22 11 05 15 20 21 84 13 16";

fn request(address: &str, command: Command, serial: u8, dialect: Dialect) -> Request {
    let address = address.parse().unwrap();
    Request::new(MeterType::COLD_WATER, address, command, serial, dialect).unwrap()
}

fn received(text: &str) -> Frame {
    match decode(&hex::parse(text).unwrap(), DATA_LEN_MAX) {
        Decoded::Frame { frame, .. } => frame,
        other => panic!("{other:?}"),
    }
}

fn reply(address: &str, control: u8, data: &[u8]) -> Frame {
    Frame {
        meter_type: MeterType::COLD_WATER,
        address: address.parse().unwrap(),
        control: Control(control),
        data: Payload::try_from(data).unwrap(),
    }
}

#[test]
fn the_published_reading_gives_litres_time_and_valve() {
    let asked = request("78330011223344", Command::Read(Di::READING), 0, LOW);
    let frame = received(SAMPLE);
    let Ok(Reply::Reading(Ok(reading))) = Reply::parse(&frame, &asked) else { panic!() };
    assert_eq!(reading.current.hundredths, Some(55_667_700));
    assert_eq!(reading.current.unit, Unit::CubicMetre);
    assert_eq!(reading.current.litres_floor(), Some(556_677_000));
    assert_eq!(reading.settlement, reading.current);
    assert_eq!(reading.time, MeterTime::new(2015, 5, 11, 22, 1, 31));
    assert_eq!(reading.status.valve(), Valve::Closed);
    assert!(!reading.status.battery_low());
}

#[test]
fn the_wrong_byte_order_is_a_mismatch_and_never_a_reading() {
    let frame = received(SAMPLE);
    let asked = request("78330011223344", Command::Read(Di::READING), 0, Dialect::default());
    let expected = Mismatch::Di { asked: Di::READING, got: Di(0x1F90) };
    assert_eq!(Reply::parse(&frame, &asked), Err(expected));
}

#[test]
fn answers_to_another_question_are_named() {
    let frame = received(SAMPLE);
    let asked = request("78330011223344", Command::Read(Di::READING), 1, LOW);
    assert_eq!(Reply::parse(&frame, &asked), Err(Mismatch::Serial { asked: 1, got: 0 }));
    let asked = request("78330011223345", Command::Read(Di::READING), 0, LOW);
    assert!(matches!(Reply::parse(&frame, &asked), Err(Mismatch::Address { .. })));
    let asked = request("78330011223344", Command::Valve { open: true }, 0, LOW);
    assert!(matches!(Reply::parse(&frame, &asked), Err(Mismatch::Control { .. })));
}

#[test]
fn an_ultrasonic_layout_of_the_same_length_is_refused_by_its_unit_byte() {
    // RD-W10-00101: flow 4, fraction 3, velocity 3, temperature 1, time 3, date 3, ST 2.
    let mut value = [0x12, 0, 0, 0, 0x50, 0, 0, 0x10, 0, 0, 0x22, 0, 0, 12, 1, 1, 0x26, 0, 0];
    let read = FlowReading::read(&value, LOW);
    assert_eq!(read, Err(ReadingError::Unit { byte: 0x50 }));
    // Even when the first byte happens to be a unit, the second one gives it away.
    value[4] = 0x2C;
    let read = FlowReading::read(&value, LOW);
    assert_eq!(read, Err(ReadingError::Unit { byte: 0 }));
    let short = FlowReading::read(&value[..18], LOW);
    assert_eq!(short, Err(ReadingError::Length { expected: 19, got: 18 }));
}

#[test]
fn absent_and_invalid_numbers_are_told_apart_and_a_lost_clock_does_not_hide_the_flow() {
    let frame = received(SAMPLE);
    let value = &frame.data[3..];
    let mut absent = value.to_vec();
    absent[..4].fill(0xFF);
    absent[10..17].fill(0xFF);
    let reading = FlowReading::read(&absent, LOW).unwrap();
    assert_eq!(reading.current.hundredths, None);
    assert_eq!(reading.current.litres_floor(), None);
    assert_eq!(reading.settlement.hundredths, Some(55_667_700));
    assert_eq!(reading.time, Err(MeterTimeError::NotDecimal { byte: 0xFF }));
    let mut invalid = value.to_vec();
    invalid[1] = 0x0A;
    let error = ReadingError::Number(BcdError::NotDecimal { at: 1, byte: 0x0A });
    assert_eq!(FlowReading::read(&invalid, LOW), Err(error));
}

#[test]
fn litres_are_cut_off_and_only_volumes_have_them() {
    let flow = |hundredths, unit| meter_protocol::cjt188::Flow { hundredths, unit };
    let table = [
        (flow(Some(123), Unit::CubicMetre), Some(1_230)),
        (flow(Some(199), Unit::Litre), Some(1)),
        (flow(Some(100), Unit::KilowattHour), None),
        (flow(None, Unit::CubicMetre), None),
    ];
    for (flow, expected) in table {
        assert_eq!(flow.litres_floor(), expected, "{flow:?}");
    }
}

#[test]
fn the_purchase_record_is_the_proof_of_payment() {
    // 8105, L=12H by the layout of C: sequence 5, last 10.00, cumulative 123.45, remaining 67.89.
    let data =
        [0x81, 0x05, 0x07, 0x05, 0x00, 0x10, 0, 0, 0x45, 0x23, 0x01, 0, 0x89, 0x67, 0, 0, 0x04, 0];
    let frame = reply("33150590056910", 0x81, &data);
    let asked =
        request("33150590056910", Command::Read(Di::PURCHASE_RECORD), 7, Dialect::default());
    let Ok(Reply::Purchase(Ok(record))) = Reply::parse(&frame, &asked) else { panic!() };
    assert_eq!(record.sequence, 5);
    assert_eq!(record.last_fen, Some(1_000));
    assert_eq!(record.cumulative_fen, Some(12_345));
    assert_eq!(record.remaining_fen, Some(6_789));
    assert_eq!(record.status.valve(), Valve::Open);
    assert!(record.status.battery_low());
    assert!(PurchaseRecord::read(&data, LOW).is_err());
}

#[test]
fn status_bits_are_mirrored_only_where_the_profile_says_so() {
    let mirrored = Dialect { status_mirrored: true, ..Dialect::default() };
    let table = [
        ([0x00, 0], Dialect::default(), Valve::Open, false),
        ([0x01, 0], Dialect::default(), Valve::Closed, false),
        ([0x02, 0], Dialect::default(), Valve::Unexplained, false),
        ([0x07, 0], Dialect::default(), Valve::Fault, true),
        // C: one firmware sends C0 for a fault and 20 for a low battery.
        ([0xC0, 0], mirrored, Valve::Fault, false),
        ([0x20, 0], mirrored, Valve::Open, true),
        ([0xC0, 0], Dialect::default(), Valve::Open, false),
    ];
    for (wire, dialect, valve, battery_low) in table {
        let status = Status::read(wire, dialect);
        assert_eq!((status.valve(), status.battery_low()), (valve, battery_low), "{wire:02X?}");
    }
}

#[test]
fn writes_have_the_lengths_of_the_manual() {
    let time = MeterTime::new(2026, 1, 2, 3, 4, 5).unwrap();
    let table = [
        (Command::Valve { open: false }, "04 04 A0 17 09 99"),
        (Command::Purchase { sequence: 6, amount_fen: 12_345 }, "04 08 A0 13 09 06 45 23 01 00"),
        (Command::SetTime(time), "04 0A A0 15 09 05 04 03 02 01 26 20"),
        (Command::Read(Di::PURCHASE_RECORD), "01 03 81 05 09"),
        (Command::ReadAddress, "03 03 81 0A 09"),
    ];
    for (command, expected) in table {
        let mut out = Vec::new();
        request("33150590056910", command, 9, Dialect::default()).encode(0, &mut out);
        assert_eq!(hex::spaced(&out[9..out.len() - 2]), expected, "{command:?}");
    }
}

#[test]
fn the_published_valve_answer_is_only_what_the_meter_says_at_once() {
    let frame = received("68 10 69 05 90 05 15 33 78 84 05 A0 17 01 00 00 7C 16");
    let asked = request("78331505900569", Command::Valve { open: true }, 1, Dialect::default());
    let Ok(Reply::Valve(status)) = Reply::parse(&frame, &asked) else { panic!() };
    assert_eq!(status.valve(), Valve::Open);
}

#[test]
fn a_refusal_carries_serial_and_status() {
    let asked = request("33150590056910", Command::Valve { open: true }, 3, Dialect::default());
    let status = |first| Status::read([first, 0], Dialect::default());
    let table: [(&[u8], _); 4] = [
        (&[3, 0x03, 0], Ok(Reply::Refused(Some(status(0x03))))),
        (&[4, 0x03, 0], Err(Mismatch::Serial { asked: 3, got: 4 })),
        (&[], Ok(Reply::Refused(None))),
        (&[0; 5], Err(Mismatch::Length { got: 5 })),
    ];
    for (data, expected) in table {
        let frame = reply("33150590056910", 0xC4, data);
        assert_eq!(Reply::parse(&frame, &asked), expected, "{data:02X?}");
    }
}

#[test]
fn the_address_is_read_from_the_frame_that_answers() {
    let frame = received("68 10 12 00 00 00 00 00 00 83 03 81 0A 00 9B 16");
    let any = Request::new(
        MeterType::ANY,
        Address::WILDCARD,
        Command::ReadAddress,
        0,
        Dialect::default(),
    )
    .unwrap();
    let address = "00000000000012".parse().unwrap();
    assert_eq!(Reply::parse(&frame, &any), Ok(Reply::Address(address)));
}

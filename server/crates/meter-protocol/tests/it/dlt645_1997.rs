//! The 1997 edition: reads, the time broadcast, refusals, correlation (A.8).

use meter_protocol::dlt645::{Address, Control, DATA_LEN_MAX, ErrorByte, Frame, decode};
use meter_protocol::dlt645_1997::{Command, Di, Mismatch, Reply, Request};
use meter_protocol::{Decoded, MeterTime, Payload, bcd_to_u64, hex};

const METER: &str = "138000130754";

fn frame(address: &str, control: u8, data: &[u8]) -> Frame {
    Frame {
        address: address.parse().unwrap(),
        control: Control(control),
        data: Payload::try_from(data).unwrap(),
    }
}

fn request(command: Command) -> Request {
    Request::new(METER.parse().unwrap(), command).unwrap()
}

#[test]
fn the_captured_answer_reads_as_one_hundredth_of_a_kilowatt_hour() {
    let bytes = hex::parse("68 54 07 13 00 80 13 68 81 06 43 C3 34 33 33 33 2B 16").unwrap();
    let Decoded::Frame { frame, .. } = decode(&bytes, DATA_LEN_MAX) else { panic!() };
    let reply = Reply::parse(&frame, &request(Command::Read(Di(0x9010))));
    let Ok(Reply::Value { value, more: false, .. }) = reply else { panic!("{reply:?}") };
    assert_eq!(bcd_to_u64(value), Ok(Some(1)));
}

#[test]
fn answers_to_another_question_are_named() {
    let read = request(Command::Read(Di(0x9010)));
    let asked: Address = METER.parse().unwrap();
    let table = [
        (
            frame("138000130755", 0x81, &[0x10, 0x90, 1, 0, 0, 0]),
            Mismatch::Address { asked, got: "138000130755".parse().unwrap() },
        ),
        (
            frame(METER, 0x81, &[0x20, 0x90, 1, 0, 0, 0]),
            Mismatch::Di { asked: Di(0x9010), got: Di(0x9020) },
        ),
        // A 2007 reply on the same line.
        (
            frame(METER, 0x91, &[0x10, 0x90, 1, 0]),
            Mismatch::Control { asked: Control(0x01), got: Control(0x91) },
        ),
        (frame(METER, 0x81, &[0x10]), Mismatch::Length { got: 1 }),
        (frame(METER, 0xC1, &[]), Mismatch::Length { got: 0 }),
    ];
    for (frame, expected) in table {
        assert_eq!(Reply::parse(&frame, &read), Err(expected), "{frame:?}");
    }
    let refused = frame(METER, 0xC1, &[0x02]);
    assert_eq!(Reply::parse(&refused, &read), Ok(Reply::Refused(ErrorByte(0x02))));
}

#[test]
fn follow_up_time_and_address_have_their_control_codes() {
    let time = MeterTime::new(2026, 1, 2, 3, 4, 5).unwrap();
    let new: Address = "000000000007".parse().unwrap();
    // Layout of A.8 by hand: control, length, data after +33H.
    let table = [
        (request(Command::ReadFollowUp(Di(0x901F))), "02 02 52 C3"),
        (request(Command::ReadAgain), "03 00"),
        (request(Command::BroadcastTime(time)), "08 06 38 37 36 35 34 59"),
        (request(Command::WriteAddress(new)), "0A 06 3A 33 33 33 33 33"),
    ];
    for (request, expected) in table {
        let mut out = Vec::new();
        request.encode(0, &mut out);
        assert_eq!(hex::spaced(&out[8..out.len() - 2]), expected);
    }
    let write = request(Command::WriteAddress(new));
    let reply = frame("000000000007", 0x8A, &[]);
    assert_eq!(Reply::parse(&reply, &write), Ok(Reply::AddressWritten));
    let broadcast = request(Command::BroadcastTime(time));
    let reply = frame(METER, 0x88, &[]);
    assert_eq!(Reply::parse(&reply, &broadcast), Err(Mismatch::NoReplyExpected));
}

//! Which answers belong to which question (H.1 cases 2, 6, 7, 8, 18), and what they say.

use crate::support::golden;
use meter_protocol::dlt645::{
    Address, Baud, Command, Control, DATA_LEN_MAX, Di, ErrorByte, Frame, Mismatch, Operator,
    Prepaid, PrepaidReply, Refusal, RelayFault, RelayState, RelayStatus, Reply, Request, Serr,
    StatusWord3, decode,
};
use meter_protocol::{Decoded, MeterTime, Payload, bcd_to_i64, bcd_to_u64};

const METER: &str = "202208310002";

fn meter() -> Address {
    METER.parse().unwrap()
}

fn frame(address: &str, control: u8, data: &[u8]) -> Frame {
    Frame {
        address: address.parse().unwrap(),
        control: Control(control),
        data: Payload::try_from(data).unwrap(),
    }
}

fn captured(meaning: &str) -> Frame {
    let golden = golden();
    let found = golden.iter().find(|frame| frame.meaning.starts_with(meaning)).unwrap();
    let bytes = found.bytes();
    let start = bytes.iter().position(|byte| *byte == 0x68).unwrap();
    match decode(&bytes[start..], DATA_LEN_MAX) {
        Decoded::Frame { frame, .. } => frame,
        other => panic!("{other:?}"),
    }
}

fn read(address: &str, di: u32) -> Request {
    Request::read(address.parse().unwrap(), Di(di)).unwrap()
}

#[test]
fn captured_answers_give_the_stated_numbers_as_integers() {
    let table = [
        ("00010000 = 0.26 kWh", "000000000161", 0x0001_0000, false, 26),
        ("02010100 = 100.1 V", "000000000161", 0x0201_0100, false, 1_001),
        ("02020100 with sign bit set", "260305510020", 0x0202_0100, true, -11_519),
        ("02800002 = 50.03 Hz", "171118445100", 0x0280_0002, false, 5_003),
        ("00900200 = 123456.78", METER, 0x0090_0200, false, 12_345_678),
        ("03330201 purchase count", METER, 0x0333_0201, false, 7),
    ];
    for (meaning, address, di, signed, expected) in table {
        let frame = captured(meaning);
        let reply = Reply::parse(&frame, &read(address, di));
        let Ok(Reply::Value { value, more: false, .. }) = reply else { panic!("{reply:?}") };
        let number = if signed {
            bcd_to_i64(value).unwrap()
        } else {
            bcd_to_u64(value).unwrap().map(|number| i64::try_from(number).unwrap())
        };
        assert_eq!(number, Some(expected), "{meaning}");
    }
}

#[test]
fn a_frame_that_answers_something_else_is_named_and_never_taken() {
    let request = read(METER, 0x0001_0000);
    let data = [0, 0, 1, 0, 0x26, 0, 0, 0];
    let got = |address: &str| address.parse::<Address>().unwrap();
    let table = [
        // H.1 case 7: wrong meter.
        (
            frame("202208310003", 0x91, &data),
            Mismatch::Address { asked: meter(), got: got("202208310003") },
        ),
        // A slave of a public library answers AA with AA.
        (
            frame("AAAAAAAAAAAA", 0x91, &data),
            Mismatch::Address { asked: meter(), got: Address::WILDCARD },
        ),
        // H.1 case 8: the late answer of another read.
        (
            frame(METER, 0x91, &[0, 1, 1, 2, 0x26, 0x22]),
            Mismatch::Di { asked: Di(0x0001_0000), got: Di(0x0201_0100) },
        ),
        // H.1 case 18: a spontaneous frame.
        (
            frame(METER, 0x94, &[]),
            Mismatch::Function {
                asked: meter_protocol::dlt645::Function::Read,
                got: Control(0x94),
            },
        ),
        // Our own request, echoed by the line.
        (frame(METER, 0x11, &[0, 0, 1, 0]), Mismatch::NotAReply { control: Control(0x11) }),
        (
            frame(METER, 0x91, &[0, 0, 1]),
            Mismatch::Length { asked: meter_protocol::dlt645::Function::Read, got: 3 },
        ),
    ];
    for (frame, expected) in table {
        assert_eq!(Reply::parse(&frame, &request), Err(expected), "{frame:?}");
    }
}

#[test]
fn a_broadcast_is_never_answered() {
    let time = Command::BroadcastTime(MeterTime::new(2026, 1, 1, 0, 0, 0).unwrap());
    let request = Request::new(Address::BROADCAST, time).unwrap();
    let reply = frame(METER, 0x88, &[]);
    assert_eq!(Reply::parse(&reply, &request), Err(Mismatch::NoReplyExpected));
}

#[test]
fn an_address_is_believed_only_when_header_and_data_agree() {
    let request = Request::new(Address::WILDCARD, Command::ReadAddress).unwrap();
    let wire = meter().wire();
    let own = frame(METER, 0x93, &wire);
    assert_eq!(Reply::parse(&own, &request), Ok(Reply::Address(meter())));
    // H.1 case 6: two meters answered at once and their bytes overlapped.
    let mixed = frame("202208310003", 0x93, &wire);
    assert!(matches!(Reply::parse(&mixed, &request), Err(Mismatch::Address { .. })));
    let echoed = frame("AAAAAAAAAAAA", 0x93, &[0xAA; 6]);
    assert!(matches!(Reply::parse(&echoed, &request), Err(Mismatch::Address { .. })));
}

#[test]
fn refusals_keep_their_form_and_their_raw_value() {
    let operator = Operator(1);
    let status = Request::new(meter(), Command::Prepaid(Prepaid::Status(operator))).unwrap();
    let password = meter_protocol::dlt645::Password::new(2, 0).unwrap();
    let relay = meter_protocol::dlt645::Relay {
        operator,
        authority: meter_protocol::dlt645::RelayAuthority::Plain {
            password,
            action: meter_protocol::dlt645::RelayAction::Trip,
            delay_five_minutes: 0,
            valid_until: MeterTime::new(2026, 12, 31, 23, 59, 59).unwrap(),
        },
    };
    let relay = Request::new(meter(), Command::Relay(relay)).unwrap();
    let table = [
        (&read(METER, 1), frame(METER, 0xD1, &[0x02]), Refusal::Byte(ErrorByte(0x02))),
        (&status, frame(METER, 0xC3, &[0x02, 0x00]), Refusal::Security(Serr(0x0002))),
        (&status, frame(METER, 0xC3, &[0x20, 0x01]), Refusal::Security(Serr(0x0120))),
        // Firmware C answers one byte: 80, the count is wrong.
        (&status, frame(METER, 0xC3, &[0x80]), Refusal::Byte(ErrorByte(0x80))),
        (&status, frame(METER, 0xC3, &[]), Refusal::Unexplained),
        (&relay, frame(METER, 0xDC, &[0x04]), Refusal::Byte(ErrorByte(0x04))),
        (&relay, frame(METER, 0xDC, &[0x20, 0x00]), Refusal::Relay(RelayFault(0x0020))),
    ];
    for (request, frame, expected) in table {
        assert_eq!(Reply::parse(&frame, request), Ok(Reply::Refused(expected)), "{frame:?}");
    }
    assert!(Serr(0x0122).has(Serr::PURCHASE_COUNT));
    assert!(Serr(0x0122).has(Serr::REPEATED_RECHARGE));
    assert!(!Serr(0x0120).has(Serr::REPEATED_RECHARGE));
    assert_eq!(Serr(0x0120).to_string(), "0120, purchase count error, the meter is suspended");
    let accepted = frame(METER, 0x9C, &[]);
    assert_eq!(Reply::parse(&accepted, &relay), Ok(Reply::Relay(None)));
    let status_word = frame(METER, 0x9C, &[0x04, 0x00]);
    let expected = Reply::Relay(Some(RelayStatus(0x0004)));
    assert_eq!(Reply::parse(&status_word, &relay), Ok(expected));
}

#[test]
fn answers_to_prepayment_are_read_by_identifier_and_length() {
    let prepaid = |prepaid| Request::new(meter(), Command::Prepaid(prepaid)).unwrap();
    let purchase = meter_protocol::dlt645::FeeControl {
        operator: Operator(1),
        amount_fen: 10_000,
        purchase_count: 8,
        mac_amount: [0; 4],
        customer: "000000123456".parse().unwrap(),
        mac_customer: [0; 4],
    };
    let recharge = prepaid(Prepaid::Recharge(purchase));

    let done = captured("recharge accepted: 83");
    assert_eq!(Reply::parse(&done, &recharge), Ok(Reply::Prepaid(PrepaidReply::Done)));
    let repeated = captured("recharge refused: C3, SERR 0002");
    let expected = Reply::Refused(Refusal::Security(Serr(Serr::REPEATED_RECHARGE)));
    assert_eq!(Reply::parse(&repeated, &recharge), Ok(expected));

    // Firmware C: DI, balance, count, customer, L=12H; the layout of A.6 written by hand.
    let receipt = [0xFF, 0x02, 0x01, 0x07, 0x10, 0x27, 0, 0, 8, 0, 0, 0, 0x56, 0x34, 0x12, 0, 0, 0];
    let receipt = frame(METER, 0x83, &receipt);
    let Ok(Reply::Prepaid(PrepaidReply::Receipt(receipt))) = Reply::parse(&receipt, &recharge)
    else {
        panic!("{receipt:?}");
    };
    assert_eq!((receipt.balance_fen, receipt.purchase_count), (10_000, 8));
    assert_eq!(receipt.customer.to_string(), "000000123456");

    // 078102FF: 26 bytes after the DI.
    let mut status = vec![0xFF, 0x02, 0x81, 0x07, 0x39, 0x30, 0, 0, 1, 2, 3, 4, 7, 0, 0, 0];
    status.extend([5, 6, 7, 8, 0x56, 0x34, 0x12, 0, 0, 0, 9, 9, 9, 9]);
    let frame_status = frame(METER, 0x83, &status);
    let asked = prepaid(Prepaid::Status(Operator(1)));
    let Ok(Reply::Prepaid(PrepaidReply::Status(status))) = Reply::parse(&frame_status, &asked)
    else {
        panic!("{frame_status:?}");
    };
    assert_eq!((status.remaining_fen, status.purchase_count), (12_345, 7));

    // The answer to another 03H of the same meter is a late one.
    let late = Reply::parse(&frame_status, &recharge);
    assert_eq!(late, Err(Mismatch::Di { asked: Prepaid::RECHARGE, got: Prepaid::STATUS }));

    // A length nobody describes is handed over as bytes, not forced into a shape.
    let strange = frame(METER, 0x83, &[0xFF, 0x02, 0x01, 0x07, 0x01]);
    let unknown = Reply::Prepaid(PrepaidReply::Unknown(&[0x01]));
    assert_eq!(Reply::parse(&strange, &recharge), Ok(unknown));
}

#[test]
fn a_vendor_refusal_that_was_partly_applied_is_still_only_a_refusal() {
    // H.1 case 2: the capture says C3 ERR 01 while 11 bytes had changed. The codec reports the
    // refusal; that it proves nothing is the reader's business.
    let refused = captured("C3, ERR byte 01");
    let status = Prepaid::Status(Operator(0x4433_2211));
    let request = Request::new("260305510012".parse().unwrap(), Command::Prepaid(status)).unwrap();
    let expected = Reply::Refused(Refusal::Byte(ErrorByte(0x01)));
    assert_eq!(Reply::parse(&refused, &request), Ok(expected));
}

#[test]
fn an_echoed_byte_must_be_the_one_sent() {
    let request = Request::new(meter(), Command::Baud(Baud::B9600)).unwrap();
    let good = frame(METER, 0x97, &[0x20]);
    assert_eq!(Reply::parse(&good, &request), Ok(Reply::Echo(0x20)));
    let other = frame(METER, 0x97, &[0x10]);
    let expected = Mismatch::Echo { asked: 0x20, got: 0x10 };
    assert_eq!(Reply::parse(&other, &request), Err(expected));
}

#[test]
fn the_relay_is_read_from_state_and_command_bits_together() {
    let table = [
        ([0x50, 0x02], Some(RelayState::Open)),
        ([0x00, 0x02], Some(RelayState::Closed)),
        ([0x40, 0x02], Some(RelayState::OpenPending)),
        ([0x10, 0x02], Some(RelayState::WaitingForUser)),
        ([0xFF, 0xFF], None),
    ];
    for (value, expected) in table {
        assert_eq!(StatusWord3::read(&value).map(StatusWord3::relay), expected, "{value:02X?}");
    }
    assert!(StatusWord3(0x1000).keeps_power());
    assert_eq!(StatusWord3::read(&[0x50]), None);
}

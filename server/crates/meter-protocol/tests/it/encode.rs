//! Golden requests built again, byte for byte, by the typed builders and by named parameters.

use crate::support::golden;
use meter_protocol::compose::{Parameters, compose};
use meter_protocol::dlt645::{
    Address, Command, Di, FeeControl, Operator, OrderFamily, Password, Prepaid, Relay, RelayAction,
    RelayAuthority, Request,
};
use meter_protocol::{MeterTime, Protocol, cjt188, dlt645_1997, modbus};

/// Start of the meaning of a golden frame, kind, parameters.
type Row = (&'static str, Protocol, &'static str, &'static [(&'static str, &'static str)]);

const ROWS: &[Row] = &[
    (
        "read 00010000 forward active total, meter 0",
        Protocol::Dlt645,
        "read",
        &[("address", "000000000161"), ("di", "00010000")],
    ),
    (
        "read 02010100 phase A voltage",
        Protocol::Dlt645,
        "read",
        &[("address", "000000000161"), ("di", "02010100")],
    ),
    (
        "read 0400010C date+time",
        Protocol::Dlt645,
        "read",
        &[("address", "222222222233"), ("di", "0400010C")],
    ),
    (
        "read 0000FF00 combined",
        Protocol::Dlt645,
        "read",
        &[("address", "000000000001"), ("di", "0000FF00"), ("preamble", "0")],
    ),
    ("read address, all-AA wildcard", Protocol::Dlt645, "read-address", &[]),
    (
        "vendor-private recharge 070102FF",
        Protocol::Dlt645,
        "order-recharge",
        &[("address", "260305510012"), ("amount-fen", "10000"), ("order-no", "1240826202124138")],
    ),
    (
        "C=03 DI 078102FF status query",
        Protocol::Dlt645,
        "wallet-status",
        &[("address", "260305510012"), ("operator", "44332211"), ("preamble", "0")],
    ),
    (
        "C3, ERR byte 01 to a 070104FF write",
        Protocol::Dlt645,
        "raw",
        &[("address", "260305510012"), ("control", "C3"), ("data", "01"), ("preamble", "0")],
    ),
    (
        "read 070104FF parameter block",
        Protocol::Dlt645,
        "read",
        &[("address", "260305510012"), ("di", "070104FF"), ("preamble", "0")],
    ),
    (
        "read 00010000 with all-AA wildcard",
        Protocol::Dlt645,
        "raw",
        &[
            ("address", "AAAAAAAAAAAA"),
            ("control", "11"),
            ("data", "00 00 01 00"),
            ("preamble", "0"),
        ],
    ),
    (
        "read 00900200 remaining money",
        Protocol::Dlt645,
        "read",
        &[("address", "202208310002"), ("di", "00900200")],
    ),
    (
        "1C trip (N1=1A)",
        Protocol::Dlt645,
        "relay",
        &[
            ("address", "202208310002"),
            ("level", "2"),
            ("password", "000000"),
            ("operator", "00000001"),
            ("action", "trip"),
            ("valid-until", "2026-12-31 23:59:59"),
        ],
    ),
    (
        "broadcast time 2026-01-01",
        Protocol::Dlt645,
        "broadcast-time",
        &[("time", "2026-01-01 12:00:00")],
    ),
    (
        "fee-control recharge 070102FF",
        Protocol::Dlt645,
        "recharge",
        &[
            ("address", "202208310002"),
            ("operator", "00000001"),
            ("amount-fen", "10000"),
            ("purchase-count", "8"),
            ("customer", "000000123456"),
            ("mac-amount", "AABBCCDD"),
            ("mac-customer", "11223344"),
        ],
    ),
    (
        "97 read B611",
        Protocol::Dlt645Of1997,
        "read",
        &[("address", "000000000003"), ("di", "B611"), ("preamble", "0")],
    ),
    (
        "97 read 9010",
        Protocol::Dlt645Of1997,
        "read",
        &[("address", "138000130754"), ("di", "9010"), ("preamble", "0")],
    ),
    (
        "read 901F, DI sent 1F 90",
        Protocol::Cjt188,
        "read",
        &[("address", "78330011223344"), ("di", "901F"), ("di-order", "low-first")],
    ),
    (
        "valve OPEN",
        Protocol::Cjt188,
        "valve",
        &[("address", "78331505900569"), ("state", "open"), ("serial", "1"), ("preamble", "0")],
    ),
    (
        "write address A018",
        Protocol::Cjt188,
        "write-address",
        &[
            ("type", "30"),
            ("address", "00000000000003"),
            ("new", "00000000000005"),
            ("serial", "0xFF"),
            ("di-order", "low-first"),
            ("preamble", "0"),
        ],
    ),
    (
        "motor sync / set base reading",
        Protocol::Cjt188,
        "set-base-reading",
        &[
            ("type", "30"),
            ("address", "00000000000003"),
            ("value", "12345678"),
            ("serial", "0xFF"),
            ("di-order", "low-first"),
            ("preamble", "0"),
        ],
    ),
    (
        "Acrel DTSD1352: read last event record",
        Protocol::ModbusRtu,
        "read-holding",
        &[("slave", "1"), ("start", "0x3001"), ("count", "6")],
    ),
];

#[test]
fn every_golden_request_is_built_again_byte_for_byte_from_named_parameters() {
    let frames = golden();
    for (meaning, protocol, kind, parameters) in ROWS {
        let frame = frames
            .iter()
            .find(|frame| frame.protocol == protocol.name() && frame.meaning.starts_with(meaning));
        let frame = frame.unwrap_or_else(|| panic!("{meaning}"));
        let parameters: Parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(compose(*protocol, kind, &parameters), Ok(frame.bytes()), "{meaning}");
    }
    let requests = frames
        .iter()
        .filter(|frame| frame.direction == "request" && frame.protocol.parse::<Protocol>().is_ok());
    for frame in requests {
        let has_row = ROWS.iter().any(|(meaning, protocol, ..)| {
            frame.protocol == protocol.name() && frame.meaning.starts_with(meaning)
        });
        assert!(has_row, "no row builds {:?}", frame.meaning);
    }
}

fn find(meaning: &str) -> Vec<u8> {
    golden().iter().find(|frame| frame.meaning.starts_with(meaning)).unwrap().bytes()
}

#[test]
fn typed_requests_give_the_golden_bytes() {
    let meter: Address = "202208310002".parse().unwrap();
    let send = |address: Address, command: Command| {
        let mut out = Vec::new();
        Request::new(address, command).unwrap().encode(4, &mut out);
        out
    };
    let relay = Relay {
        operator: Operator(1),
        authority: RelayAuthority::Plain {
            password: Password::new(2, 0).unwrap(),
            action: RelayAction::Trip,
            delay_five_minutes: 0,
            valid_until: MeterTime::new(2026, 12, 31, 23, 59, 59).unwrap(),
        },
    };
    assert_eq!(send(meter, Command::Relay(relay)), find("1C trip"));

    let recharge = FeeControl {
        operator: Operator(1),
        amount_fen: 10_000,
        purchase_count: 8,
        mac_amount: [0xAA, 0xBB, 0xCC, 0xDD],
        customer: "000000123456".parse().unwrap(),
        mac_customer: [0x11, 0x22, 0x33, 0x44],
    };
    let recharge = Command::Prepaid(Prepaid::Recharge(recharge));
    assert_eq!(send(meter, recharge), find("fee-control recharge"));

    let time = MeterTime::new(2026, 1, 1, 12, 0, 0).unwrap();
    let broadcast = send(Address::BROADCAST, Command::BroadcastTime(time));
    assert_eq!(broadcast, find("broadcast time"));

    let read = Request::read(meter, Di(0x0090_0200)).unwrap();
    let mut out = Vec::new();
    read.encode(4, &mut out);
    assert_eq!(out, find("read 00900200"));
}

#[test]
fn the_published_amounts_of_the_order_number_family_stand_on_the_wire() {
    // A.6: 1.00, 10.00, 50.00, 100.00 yuan.
    let table = [
        (100, [0x97, 0x33, 0x33, 0x33]),
        (1_000, [0x1B, 0x36, 0x33, 0x33]),
        (5_000, [0xBB, 0x46, 0x33, 0x33]),
        (10_000, [0x43, 0x5A, 0x33, 0x33]),
    ];
    for (amount_fen, wire) in table {
        let purchase = OrderFamily { amount_fen, order_no: "1240826202124138".parse().unwrap() };
        let command = Command::Prepaid(Prepaid::OrderRecharge(purchase));
        let request = Request::new("260305510012".parse().unwrap(), command).unwrap();
        let mut out = Vec::new();
        request.encode(0, &mut out);
        assert_eq!(out[18..22], wire, "{amount_fen}");
        assert_eq!(out[9], 0x22);
    }
}

#[test]
fn dangerous_addresses_are_refused_before_anything_is_encoded() {
    let any = Address::WILDCARD;
    let all = Address::BROADCAST;
    let tail: Address = "AAAA08310002".parse().unwrap();
    let meter: Address = "202208310002".parse().unwrap();
    let odd = Address::from_wire([0x0A, 0, 0, 0, 0, 0]);
    let read = Command::Read(Di(0x0001_0000));
    let time = Command::BroadcastTime(MeterTime::new(2026, 1, 1, 0, 0, 0).unwrap());
    let status = Command::Prepaid(Prepaid::Status(Operator(0)));
    let freeze = Command::Freeze(meter_protocol::dlt645::FreezeMoment::NOW);
    let table = [
        (meter, &read, true),
        (any, &read, false),
        (tail, &read, false),
        (all, &read, false),
        (odd, &read, false),
        (any, &status, false),
        (tail, &status, false),
        (all, &time, true),
        (meter, &time, true),
        (any, &time, false),
        (all, &freeze, true),
        (tail, &freeze, false),
        (any, &Command::ReadAddress, true),
        (meter, &Command::ReadAddress, false),
        (any, &Command::WriteAddress(meter), true),
        (any, &Command::WriteAddress(all), false),
        (any, &Command::WriteAddress(odd), false),
    ];
    for (address, command, allowed) in table {
        let request = Request::new(address, command.clone());
        assert_eq!(request.is_ok(), allowed, "{address} {command:?}");
    }
}

#[test]
fn a_broadcast_expects_no_reply_and_everything_else_does() {
    let time = Command::BroadcastTime(MeterTime::new(2026, 1, 1, 0, 0, 0).unwrap());
    let all = Request::new(Address::BROADCAST, time).unwrap();
    assert!(!all.expects_reply());
    let meter = "202208310002".parse().unwrap();
    assert!(Request::read(meter, Di(0)).unwrap().expects_reply());
}

#[test]
fn other_protocols_refuse_what_would_reach_the_wrong_meter() {
    use cjt188::{Command, Dialect, MeterType};
    let water = |address, command| {
        cjt188::Request::new(MeterType::COLD_WATER, address, command, 0, Dialect::default()).is_ok()
    };
    let meter: cjt188::Address = "33150590056910".parse().unwrap();
    let any = cjt188::Address::WILDCARD;
    assert!(water(meter, Command::Valve { open: false }));
    assert!(!water(any, Command::Valve { open: false }));
    assert!(!water(any, Command::Purchase { sequence: 1, amount_fen: 100 }));
    assert!(water(any, Command::ReadAddress));
    // 100,000,000 fen have nine digits, XXXXXX.XX has eight.
    assert!(!water(meter, Command::Purchase { sequence: 1, amount_fen: 100_000_000 }));

    let broadcast = dlt645_1997::Command::Read(dlt645_1997::Di(0x9010));
    assert!(dlt645_1997::Request::new(Address::BROADCAST, broadcast).is_err());

    let refused = [
        modbus::Request::read_holding(0, 0, 1),
        modbus::Request::read_holding(248, 0, 1),
        modbus::Request::read_holding(1, 0, 0),
        modbus::Request::read_holding(1, 0, 126),
        modbus::Request::read_holding(1, 0xFFFF, 2),
        modbus::Request::write_multiple(1, 0, &[]),
        modbus::Request::write_multiple(1, 0, &[0; 124]),
    ];
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
    assert!(modbus::Request::read_holding(247, 0xFFFF, 1).is_ok());
}

#[test]
fn passwords_have_a_level_and_six_digits_and_print_stars() {
    let password = Password::new(2, 123_456).unwrap();
    assert_eq!(password.wire(), [0x02, 0x56, 0x34, 0x12]);
    assert_eq!(format!("{password:?}"), "level 02 ******");
    assert!(Password::new(10, 0).is_err());
    assert!(Password::new(2, 1_000_000).is_err());
}

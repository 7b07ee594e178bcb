//! Every frame of `frames.json` read to its stated meaning, and the two false ones refused.

use crate::support::{Golden, golden};
use meter_protocol::describe::{Field, Verdict, describe};
use meter_protocol::{Protocol, acrel_4g, dtu};

/// Start of the `meaning` of a golden frame, and what the description must say: `path=phrase`.
type Row = (&'static str, &'static [&'static str]);

const DLT645: &[Row] = &[
    (
        "read 00010000 forward active total, meter 0",
        &[
            "preamble=4 bytes FE",
            "address=000000000161",
            "control.direction=request",
            "control.function=read",
            "di=00010000 forward active energy, total, now",
        ],
    ),
    (
        "00010000 = 0.26 kWh",
        &[
            "address=000000000161",
            "control.direction=reply",
            "control.abnormal=false",
            "value=0.26 kWh",
        ],
    ),
    ("read 02010100 phase A voltage", &["di=02010100 voltage, phase A"]),
    ("02010100 = 100.1 V", &["value=100.1 V"]),
    ("read 0400010C date+time", &["address=222222222233", "di=0400010C date and time"]),
    (
        "read 0000FF00 combined active energy block",
        &["preamble=0 bytes FE", "di=0000FF00 combined active energy, total and all tariffs, now"],
    ),
    (
        "read address, all-AA wildcard",
        &["address=AAAAAAAAAAAA wildcard", "control.function=read address", "length=0 data bytes"],
    ),
    (
        "vendor-private recharge 070102FF",
        &[
            "control.function=security and prepayment",
            "layout=order-number family",
            "operator=11223344",
            "amount=100.00 yuan",
            "order_no=1240826202124138",
            "mac_amount=00 00 00 00",
            "meter=260305510012",
            "mac_meter=00 00 00 00",
        ],
    ),
    ("C=03 DI 078102FF status query", &["di=078102FF wallet status", "operator=44332211"]),
    (
        "C3, ERR byte 01 to a 070104FF write",
        &["control.abnormal=true", "error=ERR 01 other error or illegal data"],
    ),
    ("read 070104FF parameter block", &["di=070104FF vendor parameter block"]),
    ("02020100 with sign bit set: -11.519 A", &["value=-11.519 A"]),
    (
        "vendor bulk 028011FF",
        &[
            "length=69 data bytes",
            "balance=0.00 yuan",
            "overdraft=0.00 yuan",
            "voltage_a=244.4 V",
            "voltage_b=232.1 V",
            "voltage_c=240.0 V",
            "energy=4693.65 kWh",
            "status_word=0003",
            "status_word.relay=closed",
        ],
    ),
    ("0400010C: 2025-10-31 W05", &["value=2025-10-31 12:07:01", "weekday=05 0 is Sunday"]),
    (
        "JoyMeter vendor block 001D0000",
        &[
            "clock=946658354 seconds since 1970",
            "remaining=0.00 kWh",
            "history=0.00 kWh",
            "current=0.054 A",
            "voltage=222.10 V",
            "power=6.60 W",
            "power_factor=0.542",
            "switch=closed",
        ],
    ),
    ("02800002 = 50.03 Hz", &["address=171118445100", "value=50.03 Hz"]),
    (
        "D1 abnormal reply with ERR",
        &[
            "control=D1",
            "control.abnormal=true",
            "error=ERR FE no such data, password wrong or not authorised, \
         baud rate cannot be changed, too many year zones, too many day segments, \
         too many tariffs, reserved; some meters: programming key not pressed, \
         or purchase count wrong",
        ],
    ),
    ("read 00010000 with all-AA wildcard", &["address=AAAAAAAAAAAA wildcard", "control=11"]),
    ("read 00900200 remaining money", &["address=202208310002", "di=00900200 remaining money"]),
    ("00900200 = 123456.78 yuan", &["value=123456.78 yuan"]),
    (
        "03330201 purchase count = 7",
        &["di=03330201 money purchase 1 ago: total purchase count", "value=7"],
    ),
    (
        "04000503 status word 3 = 0250H",
        &["value=0250 relay open, relay command open, money prepayment", "relay=open"],
    ),
    (
        "1C trip (N1=1A)",
        &[
            "control.function=relay control",
            "password_level=02",
            "operator=00000001",
            "action=trip N1 = 1A",
            "valid_until=2026-12-31 23:59:59",
        ],
    ),
    ("9C, L=00: relay command accepted", &["result=accepted not yet proven, read back"]),
    ("DC, ERR 04", &["error=ERR 04 password wrong or not authorised"]),
    (
        "broadcast time 2026-01-01",
        &[
            "address=999999999999 every meter, without reply",
            "control.function=broadcast time",
            "value=2026-01-01 12:00:00",
        ],
    ),
    (
        "fee-control recharge 070102FF",
        &[
            "layout=fee control",
            "operator=00000001",
            "amount=100.00 yuan",
            "purchase_count=8",
            "customer=000000123456",
            "mac_amount=AA BB CC DD",
            "mac_customer=11 22 33 44",
        ],
    ),
    ("recharge accepted: 83", &["di=070102FF recharge", "result=accepted not yet proven"]),
    ("recharge refused: C3, SERR 0002", &["error=SERR 0002 repeated recharge"]),
];

const DLT645_1997: &[Row] = &[
    ("97 read B611", &["address=000000000003", "di=B611 phase A voltage"]),
    ("97 read 9010", &["address=138000130754", "di=9010 forward active energy, total"]),
    ("97 9010 = 0.01 kWh", &["control.direction=reply", "value=0.01 kWh"]),
];

const CJT188: &[Row] = &[
    (
        "read 901F, DI sent 1F 90",
        &[
            "meter_type=10 cold water",
            "address=78330011223344",
            "di=901F reading",
            "di_order=low byte first",
            "serial=0",
        ],
    ),
    (
        "widely copied 901F reply whose checksum is WRONG",
        &["!33 the checksum is 08, the bytes sum to 13"],
    ),
    (
        "901F reply, the widely copied sample",
        &[
            "current_flow=556677.00 m3",
            "settlement_flow=556677.00 m3",
            "time=2015-05-11 22:01:31",
            "status=21 84",
        ],
    ),
    ("valve OPEN", &["di=A017 valve", "di_order=high byte first", "serial=1", "valve=open 55"]),
    ("valve reply C=84", &["valve=open", "battery_low=false", "status=00 00"]),
    ("write address A018", &["control=15", "di=A018 address", "value=00000000000005 new address"]),
    ("motor sync / set base reading", &["control=16", "di=A016 base reading", "value=12345678"]),
    ("read-address reply, T=10", &["address=00000000000012", "di=810A address"]),
];

const MODBUS: &[Row] = &[
    (
        "Acrel DTSD1352: read last event record",
        &[
            "slave=1",
            "function=03 read holding registers",
            "start=3001 register, hex",
            "count=6 registers",
        ],
    ),
    ("Acrel ASJ: FC10 ack", &["!6 the CRC is C9 31, the bytes give C1 C9"]),
];

fn check(protocol: Protocol, rows: &[Row]) {
    let frames: Vec<Golden> =
        golden().into_iter().filter(|frame| frame.protocol == protocol.name()).collect();
    assert_eq!(frames.len(), rows.len(), "every {protocol} frame has its row");
    for frame in frames {
        let fitting: Vec<&Row> =
            rows.iter().filter(|(meaning, _)| frame.meaning.starts_with(meaning)).collect();
        let [(_, expectations)] = fitting.as_slice() else {
            panic!("{} rows fit {:?}", fitting.len(), frame.meaning);
        };
        check_row(protocol, &frame, expectations);
    }
}

fn check_row(protocol: Protocol, frame: &Golden, expectations: &[&str]) {
    let description = describe(protocol, &frame.bytes(), frame.is_reply());
    let context = &frame.meaning;
    assert_eq!(description.is_valid(), frame.is_valid(), "{context}: {description:?}");
    if description.is_valid() {
        assert_eq!(description.offset + description.len, frame.bytes().len(), "{context}");
        assert!(!description.summary.is_empty(), "{context}");
    }
    for expectation in expectations {
        if let (Some(expected), Verdict::Invalid { reason, offset }) =
            (expectation.strip_prefix('!'), &description.verdict)
        {
            assert_eq!(format!("{offset} {reason}"), expected, "{context}");
            continue;
        }
        let (path, expected) = expectation.split_once('=').unwrap();
        let path: Vec<&str> = path.split('.').collect();
        let phrase = description.find(&path).map(phrase);
        assert_eq!(phrase.as_deref(), Some(expected), "{context}: {path:?} of {description:#?}");
    }
}

fn phrase(field: &Field) -> String {
    match &field.meaning {
        Some(meaning) => format!("{} {meaning}", field.value),
        None => field.value.clone(),
    }
}

#[test]
fn every_golden_frame_of_dlt645_2007_means_what_its_source_says() {
    check(Protocol::Dlt645, DLT645);
}

#[test]
fn every_golden_frame_of_dlt645_1997_means_what_its_source_says() {
    check(Protocol::Dlt645Of1997, DLT645_1997);
}

#[test]
fn every_golden_frame_of_cjt188_means_what_its_source_says_and_the_false_one_is_refused() {
    check(Protocol::Cjt188, CJT188);
}

#[test]
fn every_golden_frame_of_modbus_means_what_its_source_says_and_the_false_one_is_refused() {
    check(Protocol::ModbusRtu, MODBUS);
}

#[test]
fn every_golden_frame_of_acrel_4g_means_what_its_source_says() {
    let frames = golden().into_iter().filter(|frame| frame.protocol == "acrel-4g");
    let mut commands = Vec::new();
    for golden in frames {
        let bytes = golden.bytes();
        let meter_protocol::Decoded::Frame { frame, consumed } = acrel_4g::decode(&bytes) else {
            panic!("{}", golden.meaning);
        };
        assert_eq!(consumed, bytes.len());
        commands.push(frame.command.0);
        let mut again = Vec::new();
        acrel_4g::encode(frame.command, frame.body, &mut again);
        assert_eq!(again, bytes, "{}", golden.meaning);
        if frame.command == acrel_4g::Command::REGISTER {
            let registration = acrel_4g::Registration::read(frame.body).unwrap();
            assert_eq!(registration.serial, "12307210720085");
            assert_eq!(registration.iccid, Some("898604282219C0423610"));
            assert_eq!((registration.rssi, registration.interval_min), (Some(0x1A), Some(30)));
        }
        if frame.command == acrel_4g::Command::TIME {
            let time = meter_protocol::MeterTime::new(2023, 10, 10, 17, 7, 27).unwrap();
            let mut answer = Vec::new();
            acrel_4g::encode_time(time, &mut answer);
            // The published frame says Wednesday; 10 October 2023 was a Tuesday. Only the
            // weekday byte and with it the CRC differ.
            assert_eq!(answer[..6], bytes[..6]);
            assert_eq!((answer[6], bytes[6]), (2, 3));
            assert_eq!(answer[7..10], bytes[7..10]);
        }
    }
    assert_eq!(commands, [0x84, 0x93, 0x94]);
}

#[test]
fn every_golden_packet_of_a_modem_means_what_its_source_says() {
    let packets: Vec<Vec<u8>> =
        golden().iter().filter(|frame| frame.protocol == "dtu").map(Golden::bytes).collect();
    let [heartbeat, login] = packets.as_slice() else { panic!("{packets:?}") };

    let mut four_faith = dtu::Deframer::new(dtu::Framing::FourFaith);
    assert_eq!(four_faith.feed(heartbeat, dtu::Line::Idle), [dtu::Event::Heartbeat]);

    let pattern = dtu::Pattern::fixed(b"LOGIN:", dtu::Charset::Digits, 4);
    let plain = dtu::Plain { registration: Some(pattern), ..dtu::Plain::default() };
    let mut usr = dtu::Deframer::new(dtu::Framing::Plain(plain));
    let registered = dtu::Event::Registered("1001".to_owned());
    assert_eq!(usr.feed(login, dtu::Line::Idle), [registered]);
}

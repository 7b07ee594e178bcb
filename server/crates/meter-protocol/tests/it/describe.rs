//! Frames explained, and why a bad one is refused, down to the byte.

use meter_protocol::describe::{Verdict, describe};
use meter_protocol::{Protocol, hex};

fn verdict(protocol: Protocol, text: &str, reply: bool) -> Verdict {
    describe(protocol, &hex::parse(text).unwrap(), reply).verdict
}

#[test]
fn a_refused_frame_names_its_fault_and_where_it_stands() {
    use Protocol::{Cjt188, Dlt645, ModbusRtu};
    let table = [
        (Dlt645, "", 0, "there is no start byte 68"),
        (Dlt645, "FE FE 16", 0, "there is no start byte 68"),
        (Dlt645, "FE 68 61 01 00", 5, "the frame ends inside its address"),
        (
            Dlt645,
            "68 61 01 00 00 00 00 67 11 04 33 33 34 33 14 16",
            7,
            "the second start byte is 67, not 68",
        ),
        (Dlt645, "68 61 01 00 00 00 00 68 11", 9, "the frame ends before its length"),
        (
            Dlt645,
            "68 61 01 00 00 00 00 68 11 04 33 33 34",
            13,
            "L says 4 data bytes, 3 bytes are missing",
        ),
        (
            Dlt645,
            "68 61 01 00 00 00 00 68 11 04 33 33 34 33 15 16",
            14,
            "the checksum is 15, the bytes sum to 14",
        ),
        (
            Dlt645,
            "FE 68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 17",
            16,
            "the end byte is 17, not 16",
        ),
        (Cjt188, "68 10 44", 3, "the frame ends before its length"),
        (
            Cjt188,
            "68 10 44 33 22 11 00 33 78 01 03 1F 90 00 80 17",
            15,
            "the end byte is 17, not 16",
        ),
        (
            Cjt188,
            "68 10 44 33 22 11 00 33 78 01 03 1F 90 00",
            14,
            "L says 3 data bytes, 2 bytes are missing",
        ),
        (ModbusRtu, "01 03 30", 3, "a frame has at least four bytes"),
        (ModbusRtu, "01 03 30 01 00 06 9B 09", 6, "the CRC is 9B 09, the bytes give 9B 08"),
    ];
    for (protocol, text, offset, reason) in table {
        let expected = Verdict::Invalid { reason: reason.to_owned(), offset };
        assert_eq!(verdict(protocol, text, false), expected, "{text}");
    }
}

#[test]
fn a_request_is_not_passed_off_as_a_reply() {
    let request = "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16";
    assert_eq!(verdict(Protocol::Dlt645, request, false), Verdict::Valid);
    let reason = "the control byte says request, a reply was expected".to_owned();
    let expected = Verdict::Invalid { reason, offset: 8 };
    assert_eq!(verdict(Protocol::Dlt645, request, true), expected);
    let shape = verdict(Protocol::ModbusRtu, "01 03 30 01 00 06 9B 08", true);
    assert!(matches!(shape, Verdict::Invalid { offset: 2, .. }), "{shape:?}");
}

#[test]
fn noise_and_glued_frames_are_shown_beside_the_first_frame() {
    let frame = "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16";
    let line = hex::parse(&format!("00 68 FE FE {frame} {frame}")).unwrap();
    let description = describe(Protocol::Dlt645, &line, false);
    assert!(description.is_valid());
    assert_eq!((description.offset, description.len), (4, 16));
    let value = |name| description.find(&[name]).map(|field| field.value.clone());
    assert_eq!(value("preamble").as_deref(), Some("2"));
    assert_eq!(value("noise_before").as_deref(), Some("00 68"));
    assert_eq!(value("bytes_behind").as_deref(), Some(frame));
}

#[test]
fn summaries_read_as_sentences() {
    let table = [
        (
            Protocol::Dlt645,
            "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16",
            true,
            "000000000161 answers: read, 00010000 forward active energy, total, now, 0.26 kWh",
        ),
        (
            Protocol::Dlt645,
            "FE FE FE FE 68 02 00 31 08 22 20 68 C3 02 35 33 7A 16",
            true,
            "202208310002 refuses: security and prepayment, SERR 0002 repeated recharge",
        ),
        (
            Protocol::Dlt645Of1997,
            "68 54 07 13 00 80 13 68 81 06 43 C3 34 33 33 33 2B 16",
            true,
            "138000130754 answers: read, 9010 forward active energy, total, 0.01 kWh",
        ),
        (
            Protocol::Cjt188,
            "68 10 69 05 90 05 15 33 78 04 04 A0 17 01 55 50 16",
            false,
            "to 78331505900569: write, A017 valve, open 55",
        ),
        (
            Protocol::ModbusRtu,
            "01 03 30 01 00 06 9B 08",
            false,
            "to slave 1: read 6 registers from 3001, the answer has 17 bytes",
        ),
    ];
    for (protocol, text, reply, expected) in table {
        let description = describe(protocol, &hex::parse(text).unwrap(), reply);
        assert_eq!(description.summary, expected);
    }
}

fn built(control: &str, data: &str) -> meter_protocol::describe::Description {
    let parameters = [("address", "202208310002"), ("control", control), ("data", data)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let bytes =
        meter_protocol::compose::compose(Protocol::Dlt645, "raw", &parameters.into()).unwrap();
    describe(Protocol::Dlt645, &bytes, false)
}

#[test]
fn every_function_of_the_2007_edition_is_explained() {
    // Control, data before +33H, `path=value`: layouts of A.3 to A.7 by hand.
    let table = [
        // H.1 case 22: absent and invalid values never become numbers.
        ("91", "00 01 01 02 FF FF", "value=absent"),
        ("91", "00 01 01 02 0A 10", "value=0A 10"),
        ("91", "00 FF 01 02 01 22 FF FF FF FF", "value_0=220.1"),
        ("91", "00 FF 01 02 01 22 FF FF FF FF", "value_1=absent"),
        ("91", "00 00 01 01 34 12 00 30 12 31 10 25", "value=0.1234"),
        ("91", "00 00 01 01 34 12 00 30 12 31 10 25", "at=2025-10-31 12:30"),
        ("91", "01 01 00 04 05 31 10 25", "value=2025-10-31"),
        ("91", "02 01 00 04 01 07 12", "value=12:07:01"),
        ("91", "01 04 00 04 02 00 31 08 22 20", "value=202208310002"),
        ("91", "0B 04 00 04 32 53 31 59 53 44 44 00 00 00", "value=DDSY1S2"),
        ("91", "FF 05 00 04 00 40 00 00 50 02 00 00 00 00 00 00 00 04", "word_3=0250"),
        ("91", "FF 05 00 04 00 40 00 00 50 02 00 00 00 00 00 00 00 04", "word_1=4000"),
        ("B1", "00 FF 01 00 01 02", "control.more_follows=true"),
        ("92", "00 FF 01 00 01 02 03", "sequence=3"),
        ("11", "01 00 00 06 02 30 12 31 10 25", "value=2025-10-31 12:30"),
        ("12", "00 FF 01 00 02", "sequence=2"),
        ("93", "02 00 31 08 22 20", "value=202208310002"),
        ("15", "02 00 31 08 22 20", "value=202208310002"),
        ("14", "01 01 00 04 02 11 22 33 01 00 00 00 04 31 12 26", "password_level=02"),
        ("14", "01 01 00 04 02 11 22 33 01 00 00 00 04 31 12 26", "operator=00000001"),
        ("94", "", "result=accepted"),
        ("16", "99 99 99 99", "value=now"),
        ("16", "30 12 01 99", "value=**-01 12:30"),
        ("18", "04 0C 00 04 02 11 22 33 04 44 55 66", "new_password_level=04"),
        ("19", "02 11 22 33 01 00 00 00", "operator=00000001"),
        ("1B", "02 11 22 33 01 00 00 00 FF FF FF FF", "di=FFFFFFFF"),
        ("1C", "02 00 00 00 01 00 00 00 1D 03 59 59 23 31 12 26", "delay_five_minutes=3"),
        ("1C", "02 00 00 00 01 00 00 00 77 00 59 59 23 31 12 26", "action=unlisted"),
        ("1C", "02 00 00 00 01 00 00 00 1C 00 59 59 23 31 13 26", "valid_until=59 59 23 31 13 26"),
        ("9C", "04 00", "status_word=0004"),
        ("DC", "20 00", "error=0020"),
        (
            "03",
            "FF 03 01 07 01 00 00 00 E8 03 00 00 11 11 11 11 00 00 00 00 22 22 22 22",
            "amount=10.00",
        ),
        ("83", "FF 02 01 07 10 27 00 00 08 00 00 00 56 34 12 00 00 00", "balance=100.00"),
        ("97", "20", "value=20"),
        ("1F", "01", "control.function=unlisted function"),
    ];
    for (control, data, expectation) in table {
        let (path, expected) = expectation.split_once('=').unwrap();
        let description = built(control, data);
        let path: Vec<&str> = path.split('.').collect();
        let value = description.find(&path).map(|field| field.value.clone());
        assert_eq!(value.as_deref(), Some(expected), "{control} {data}: {description:#?}");
    }
}

#[test]
fn a_password_is_never_spelled_out_as_a_field() {
    let description = built("1C", "02 56 34 12 01 00 00 00 1A 00 59 59 23 31 12 26");
    let names: Vec<&str> = description.fields.iter().map(|field| field.name.as_ref()).collect();
    assert!(names.contains(&"password_level"));
    assert!(!names.contains(&"password"), "{names:?}");
}

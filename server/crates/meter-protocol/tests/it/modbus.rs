//! Modbus RTU without silence: length, slave, function, echo and CRC decide (B.4).

use meter_protocol::modbus::{
    Adu, Exception, Mismatch, Reply, Request, decode_reply, decode_reply_at_end, decode_request,
};
use meter_protocol::{Decoded, hex};

fn read(slave: u8, start: u16, count: u16) -> Request {
    Request::read_holding(slave, start, count).unwrap()
}

fn encoded(request: &Request) -> Vec<u8> {
    let mut out = Vec::new();
    request.encode(&mut out);
    out
}

/// Appends the CRC that pycrc and every Modbus manual give for the bytes.
fn sealed(text: &str) -> Vec<u8> {
    let mut bytes = hex::parse(text).unwrap();
    let crc = meter_protocol::checksum::crc16(&bytes);
    bytes.extend(crc.to_le_bytes());
    bytes
}

/// Everything the buffer yields for a request, dropping what the decoder says.
fn receive(mut buffer: &[u8], request: &Request) -> (Vec<Adu>, usize) {
    let mut found = Vec::new();
    loop {
        match decode_reply(buffer, request) {
            Decoded::NeedMore => return (found, buffer.len()),
            Decoded::Skip(count) => buffer = &buffer[count..],
            Decoded::Frame { frame, consumed } => {
                found.push(frame);
                buffer = &buffer[consumed..];
            }
        }
    }
}

#[test]
fn requests_have_the_bytes_of_the_manuals_and_a_known_reply_length() {
    let trip = Request::write_multiple(1, 0x0057, &[1, 1]).unwrap();
    let table = [
        (read(1, 0x3001, 6), "01 03 30 01 00 06 9B 08", 17),
        // B.1: force trip of a DDSY1352, 0057 and 0058; the CRC from an unrelated calculator.
        (trip, "01 10 00 57 00 02 04 00 01 00 01 27 75", 8),
        // The example of the Modbus application protocol V1.1b3, 6.6: register 2 to 0003.
        (Request::write_single(0x11, 1, 3).unwrap(), "11 06 00 01 00 03 9A 9B", 8),
        (Request::read_input(1, 0, 2).unwrap(), "01 04 00 00 00 02 71 CB", 9),
    ];
    for (request, expected, reply_len) in table {
        assert_eq!(hex::spaced(&encoded(&request)), expected);
        assert_eq!(request.expected_reply_len(), reply_len);
        let decoded = decode_request(&encoded(&request));
        let consumed = encoded(&request).len();
        assert_eq!(decoded, Decoded::Frame { frame: request, consumed });
    }
}

#[test]
fn the_answer_is_found_at_every_split_behind_noise_and_false_headers() {
    let request = read(1, 0, 2);
    let answer = sealed("01 03 04 00 01 E2 40");
    let noises: [&[u8]; 6] = [
        &[],
        &[0xFE; 25],
        // The header that silences tokio-modbus until its time-out.
        &[0x01, 0x03, 0xF0],
        &[0x01],
        &[0x01, 0x01, 0x03],
        b"LOGIN:1001",
    ];
    for noise in noises {
        let line = [noise, &answer].concat();
        for split in 0..line.len() {
            assert_eq!(receive(&line[..split], &request).0, [], "{noise:02X?} at {split}");
        }
        let (found, rest) = receive(&line, &request);
        assert_eq!((found.len(), rest), (1, 0), "{noise:02X?}");
        let Ok(Reply::Registers(registers)) = Reply::parse(&found[0], &request) else { panic!() };
        assert_eq!(registers.u32_at(0), Some(123_456));
        assert_eq!((registers.u32_at(1), registers.u32_at(usize::MAX)), (None, None));
    }
}

#[test]
fn frames_of_other_slaves_functions_and_lengths_are_skipped_whole() {
    let request = read(1, 0, 2);
    let answer = sealed("01 03 04 00 01 E2 40");
    let others = [
        sealed("02 03 04 00 01 E2 40"),
        sealed("01 04 04 00 01 E2 40"),
        // The late answer to a longer read of the same slave.
        sealed("01 03 06 00 01 00 02 00 03"),
        sealed("01 10 00 57 00 02"),
        // A right header with a wrong CRC.
        hex::parse("01 03 04 00 01 E2 40 00 00").unwrap(),
    ];
    for other in others {
        let (found, rest) = receive(&[&other[..], &answer].concat(), &request);
        assert_eq!((found.len(), rest), (1, 0), "{other:02X?}");
        assert!(Reply::parse(&found[0], &request).is_ok());
    }
}

#[test]
fn a_write_is_believed_only_when_its_echo_is_exact() {
    let trip = Request::write_multiple(1, 0x0057, &[1, 1]).unwrap();
    let single = Request::write_single(1, 0x001A, 1).unwrap();
    let table = [
        (&trip, "01 10 00 57 00 02", Ok(Reply::Written)),
        (&trip, "01 10 00 57 00 03", Err(Mismatch::Echo)),
        (&trip, "01 10 00 58 00 02", Err(Mismatch::Echo)),
        (&trip, "01 90 02", Ok(Reply::Refused(Exception(2)))),
        (&single, "01 06 00 1A 00 01", Ok(Reply::Written)),
        (&single, "01 06 00 1A 00 00", Err(Mismatch::Echo)),
        (&single, "01 86 04", Ok(Reply::Refused(Exception(4)))),
    ];
    for (request, answer, expected) in table {
        let (found, _) = receive(&sealed(answer), request);
        let [adu] = found.as_slice() else { panic!("{answer}") };
        assert_eq!(Reply::parse(adu, request), expected, "{answer}");
    }
    assert_eq!(Exception(2).to_string(), "02, illegal data address");
}

#[test]
fn an_answer_is_not_taken_for_another_request() {
    let request = read(1, 0, 2);
    let (found, _) = receive(&sealed("01 03 04 00 01 E2 40"), &request);
    let table = [
        (read(2, 0, 2), Mismatch::Header { slave: 1, function: 3 }),
        (Request::read_input(1, 0, 2).unwrap(), Mismatch::Header { slave: 1, function: 3 }),
        (read(1, 0, 3), Mismatch::Length { expected: 7, got: 5 }),
    ];
    for (other, expected) in table {
        assert_eq!(Reply::parse(&found[0], &other), Err(expected));
    }
}

#[test]
fn an_unfinished_head_is_noise_once_the_line_is_silent() {
    let request = read(1, 0, 2);
    assert_eq!(decode_reply(&[1, 3, 4, 0], &request), Decoded::NeedMore);
    assert_eq!(decode_reply_at_end(&[1, 3, 4, 0], &request), Decoded::Skip(1));
    assert_eq!(decode_reply_at_end(&[], &request), Decoded::NeedMore);
}

#[test]
fn a_request_that_contradicts_itself_is_refused() {
    let refused = [
        "01 10 00 57 00 03 04 00 01 00 01",
        "01 10 00 57 00 02 03 00 01 00",
        "01 03 00 00 00 00",
        "01 03 00 00 00 7E",
        "00 03 00 00 00 01",
        "01 AA 00 00 00 01",
    ];
    for text in refused {
        assert_eq!(decode_request(&sealed(text)), Decoded::Skip(1), "{text}");
    }
}

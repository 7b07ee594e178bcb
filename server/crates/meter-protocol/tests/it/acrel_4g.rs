//! Acrel 4G framing: no length, no stuffing, the CRC ends a frame (B.2).

use meter_protocol::acrel_4g::{
    BODY_LEN_MAX, Command, FRAME_LEN_MAX, Frame, decode, encode, without_serial,
};
use meter_protocol::{Decoded, hex};

#[test]
fn end_bytes_inside_a_body_do_not_end_the_frame() {
    let body = [0x7D, 0x7D, 0x7B, 0x7B, 0x00, 0x7D, 0x7D, 0x7D];
    let mut bytes = Vec::new();
    encode(Command::TRANSPARENT, &body, &mut bytes);
    for split in 0..bytes.len() {
        assert_eq!(decode(&bytes[..split]), Decoded::NeedMore, "split at {split}");
    }
    let frame = Frame { command: Command::TRANSPARENT, body: &body };
    assert_eq!(decode(&bytes), Decoded::Frame { frame, consumed: bytes.len() });
}

#[test]
fn noise_is_skipped_and_an_endless_frame_meets_the_bound() {
    let heartbeat = hex::parse("7B 7B 94 BE EF 7D 7D").unwrap();
    let line = [&[0x00, 0x7B, 0x00][..], &heartbeat].concat();
    assert_eq!(decode(&line), Decoded::Skip(1));
    assert_eq!(decode(&line[1..]), Decoded::Skip(1));
    assert_eq!(decode(&line[2..]), Decoded::Skip(1));
    assert!(matches!(decode(&line[3..]), Decoded::Frame { consumed: 7, .. }));

    let mut endless = vec![0x7B, 0x7B];
    endless.resize(FRAME_LEN_MAX, 0);
    assert_eq!(decode(&endless[..FRAME_LEN_MAX - 1]), Decoded::NeedMore);
    assert_eq!(decode(&endless), Decoded::Skip(1));

    let mut longest = Vec::new();
    encode(Command::UPLOAD, &[0; BODY_LEN_MAX], &mut longest);
    assert!(matches!(decode(&longest), Decoded::Frame { .. }));
}

#[test]
fn a_wrong_crc_is_no_frame() {
    let mut bytes = hex::parse("7B 7B 94 BE EF 7D 7D").unwrap();
    bytes[3] ^= 1;
    assert_eq!(decode(&bytes), Decoded::NeedMore);
    assert_eq!(decode(&bytes).at_end(&bytes), Decoded::Skip(1));
}

#[test]
fn the_serial_number_is_taken_off_a_transparent_answer_only_when_it_is_there() {
    let serial = "12307210720085";
    let mut padded = serial.as_bytes().to_vec();
    padded.resize(20, 0);
    let rtu = [1, 3, 2, 0, 1, 0x79, 0x84];
    assert_eq!(without_serial(&[&padded[..], &rtu].concat(), serial), rtu);
    assert_eq!(without_serial(&rtu, serial), rtu);
    assert!(without_serial(&padded, serial).is_empty());
}

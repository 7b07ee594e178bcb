//! M-Bus link frames and the records of a captured gas meter (E).

use crate::support::{Golden, golden};
use meter_protocol::mbus::{Frame, RecordError, VariableData, Volume, decode};
use meter_protocol::{Decoded, hex};

fn captured() -> Vec<(Vec<u8>, Frame)> {
    let frames = golden();
    let frames = frames.iter().filter(|frame| frame.protocol == "mbus").map(Golden::bytes);
    frames
        .map(|bytes| match decode(&bytes) {
            Decoded::Frame { frame, consumed } if consumed == bytes.len() => (bytes, frame),
            other => panic!("{bytes:02X?}: {other:?}"),
        })
        .collect()
}

#[test]
fn every_golden_frame_of_mbus_means_what_its_source_says_and_is_built_again() {
    let frames = captured();
    let expected = [
        Frame::reset(0xFE),
        Frame::Ack,
        Frame::set_address(0xFE, 0x40),
        Frame::request(0x40, false),
    ];
    for ((_, frame), expected) in frames.iter().zip(expected) {
        assert_eq!(*frame, expected);
    }
    assert_eq!(frames.len(), 5);
    for (bytes, frame) in &frames {
        let mut again = Vec::new();
        frame.encode(&mut again);
        assert_eq!(again, *bytes);
    }
}

#[test]
fn the_captured_gas_meter_says_3_777_cubic_metres() {
    let frames = captured();
    let Frame::Long { control: 0x08, address: 0x40, information: 0x72, data } = frames[4].1 else {
        panic!("{:?}", frames[4]);
    };
    let answer = VariableData::read(&data).unwrap();
    assert_eq!(answer.header.id, 526_043);
    assert_eq!((answer.header.medium, answer.header.status), (0x03, 0x10));
    assert_eq!(answer.volume(), Some(Volume { units: 3_777, exponent: -3 }));
    let stored = answer.records.iter().find(|record| record.storage == 1).unwrap();
    assert_eq!((stored.vif, stored.integer()), (0x13, Some(2_141)));
    let serial = answer.records.iter().find(|record| record.vif == 0x78).unwrap();
    assert_eq!(serial.integer(), Some(10_010_376));
    // The record with an extension is a volume of another kind and is not taken for the reading.
    assert!(answer.records.iter().any(|record| record.vif_extension == Some(0x7F)));
    assert_eq!(answer.vendor, [0x01, 0x00, 0x1F]);
}

#[test]
fn a_list_cut_short_anywhere_is_an_error_or_a_shorter_list_and_never_a_panic() {
    let frames = captured();
    let Frame::Long { data, .. } = frames[4].1 else { panic!() };
    let whole = VariableData::read(&data).unwrap().records.len();
    for end in 0..data.len() {
        match VariableData::read(&data[..end]) {
            Ok(answer) => assert!(answer.records.len() <= whole),
            Err(error) => assert_eq!(error, RecordError::Truncated, "cut at {end}"),
        }
    }
}

#[test]
fn splits_noise_and_damage_are_survived() {
    for (bytes, frame) in captured() {
        for split in 0..bytes.len() {
            assert_eq!(decode(&bytes[..split]), Decoded::NeedMore, "{bytes:02X?} at {split}");
        }
        let line = [&[0x00, 0xFF][..], &bytes].concat();
        assert_eq!(decode(&line), Decoded::Skip(2));
        for at in 1..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            let read = decode(&damaged).at_end(&damaged);
            assert_eq!(read, Decoded::Skip(1), "{frame:?} byte {at}");
        }
    }
    // An unrelated package accepts a wrong second 68; we do not.
    let wrong = hex::parse("68 06 06 69 53 FE 51 01 7A 40 5D 16").unwrap();
    assert_eq!(decode(&wrong), Decoded::Skip(1));
}

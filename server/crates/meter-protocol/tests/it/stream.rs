//! What happens to frames on a wire: split, glued, preceded by noise, hidden behind false starts.

use crate::support::{Golden, golden};
use meter_protocol::dlt645::{self, DATA_LEN_CEILING, DATA_LEN_MAX, FRAME_LEN_MAX, Frame};
use meter_protocol::{Decoded, Payload, cjt188};

fn dlt645_frames() -> Vec<Vec<u8>> {
    let valid = |frame: &&Golden| frame.protocol.starts_with("dlt645") && frame.is_valid();
    golden().iter().filter(valid).map(Golden::bytes).collect()
}

/// Runs a decoder as a connection would: over what has arrived, dropping what it says.
fn run<F>(
    arriving: &[&[u8]],
    decode: impl Fn(&[u8]) -> Decoded<F>,
    mut take: impl FnMut(F),
) -> usize {
    let mut buffer = Vec::new();
    for segment in arriving {
        buffer.extend_from_slice(segment);
        loop {
            match decode(&buffer) {
                Decoded::NeedMore => break,
                Decoded::Skip(count) => {
                    assert!((1..=buffer.len()).contains(&count), "a skip makes progress");
                    buffer.drain(..count);
                }
                Decoded::Frame { frame, consumed } => {
                    assert!((1..=buffer.len()).contains(&consumed), "a frame makes progress");
                    buffer.drain(..consumed);
                    take(frame);
                }
            }
        }
    }
    buffer.len()
}

fn read_645(arriving: &[&[u8]]) -> (Vec<Frame>, usize) {
    let mut frames = Vec::new();
    let rest = run(arriving, |buf| dlt645::decode(buf, DATA_LEN_MAX), |frame| frames.push(frame));
    (frames, rest)
}

fn encoded(frame: &Frame) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(0, &mut out);
    out
}

fn without_preamble(bytes: &[u8]) -> &[u8] {
    let preamble = bytes.iter().take_while(|byte| **byte == 0xFE).count();
    &bytes[preamble..]
}

#[test]
fn every_golden_frame_arrives_whole_at_every_split_point() {
    for bytes in dlt645_frames() {
        for split in 0..=bytes.len() {
            let (first, second) = bytes.split_at(split);
            let (frames, rest) = read_645(&[first, second]);
            let [frame] = frames.as_slice() else { panic!("{bytes:02X?} split at {split}") };
            assert_eq!(encoded(frame), without_preamble(&bytes), "split at {split}");
            assert_eq!(rest, 0);
        }
    }
}

#[test]
fn every_golden_frame_arrives_one_byte_at_a_time() {
    for bytes in dlt645_frames() {
        let segments: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read_645(&segments).0.len(), 1, "{bytes:02X?}");
    }
}

#[test]
fn glued_frames_are_all_found_in_order() {
    let all = dlt645_frames().concat();
    let (frames, rest) = read_645(&[&all]);
    let again: Vec<u8> = frames.iter().flat_map(encoded).collect();
    let plain: Vec<u8> =
        dlt645_frames().iter().flat_map(|bytes| without_preamble(bytes).to_vec()).collect();
    assert_eq!(again, plain);
    assert_eq!(rest, 0);
}

#[test]
fn noise_in_front_costs_nothing_but_itself() {
    let noises: [&[u8]; 7] = [
        &[0xFE],
        &[0xFE; 25],
        &[0x00, 0xFF, 0x16, 0x16],
        // A false start byte with nothing behind it.
        &[0x68],
        &[0x68, 0x68],
        // A false start with a second 68 where it belongs, an absurd length, then the real frame.
        &[0x68, 1, 2, 3, 4, 5, 6, 0x68, 0x11, 0xFF, 0x00],
        b"LOGIN:1001",
    ];
    for bytes in dlt645_frames() {
        for noise in noises {
            let line = [noise, &bytes].concat();
            let (frames, rest) = read_645(&[&line]);
            assert_eq!((frames.len(), rest), (1, 0), "{line:02X?}");
            assert_eq!(encoded(&frames[0]), without_preamble(&bytes));
        }
    }
}

#[test]
fn a_false_start_that_promises_a_long_frame_yields_once_the_line_is_silent() {
    let real = without_preamble(&dlt645_frames()[0]).to_vec();
    // The false 68 stands seven bytes in front of the real one and so borrows it as its second
    // start byte; the real address then reads as control and length.
    let line = [&[0x68, 9, 9, 9, 9, 9, 9][..], &real].concat();
    let mut buffer = line.as_slice();
    let mut found = None;
    while let Decoded::Skip(count) = dlt645::decode(buffer, DATA_LEN_MAX) {
        buffer = &buffer[count..];
    }
    while found.is_none() {
        match dlt645::decode_at_end(buffer, DATA_LEN_MAX) {
            Decoded::Frame { frame, .. } => found = Some(frame),
            Decoded::Skip(count) => buffer = &buffer[count..],
            Decoded::NeedMore => break,
        }
    }
    assert_eq!(found.map(|frame| encoded(&frame)), Some(real));
}

#[test]
fn start_end_and_wake_up_bytes_inside_data_mean_nothing() {
    // After +33H these become 68, 16, FE, and a whole start pattern at the right distance.
    let inside = [0x35, 0xE3, 0xCB, 0x35, 0, 0, 0, 0, 0, 0, 0x35, 0xDE, 0xD1, 0xE3];
    let frame = Frame {
        address: dlt645::Address::from_wire([0x68, 0x16, 0x68, 0x16, 0x68, 0x16]),
        control: dlt645::Control(0x91),
        data: Payload::try_from(inside.as_slice()).unwrap(),
    };
    let bytes = encoded(&frame);
    assert_eq!(bytes.iter().filter(|byte| **byte == 0x68).count(), 8);
    for split in 0..=bytes.len() {
        let (first, second) = bytes.split_at(split);
        assert_eq!(read_645(&[first, second]).0, [frame], "split at {split}");
    }
}

#[test]
fn every_single_damaged_byte_of_a_frame_is_refused() {
    for bytes in dlt645_frames() {
        let bytes = without_preamble(&bytes);
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0x01;
            let (frames, _) = read_645(&[&damaged]);
            assert!(frames.is_empty(), "byte {at} of {bytes:02X?}");
        }
    }
}

#[test]
fn data_past_the_cap_is_skipped_and_a_profile_may_raise_it() {
    let cases = [(200, DATA_LEN_MAX, true), (201, DATA_LEN_MAX, false)];
    let raised = [(201, DATA_LEN_CEILING, true), (255, DATA_LEN_CEILING, true)];
    // A 97H-long write was captured on a real meter and fits the standard cap.
    let captured = [(0x97, DATA_LEN_MAX, true)];
    for (len, cap, fits) in cases.into_iter().chain(raised).chain(captured) {
        let data = vec![0x11; len];
        let frame = Frame {
            address: dlt645::Address::from_wire([1, 0, 0, 0, 0, 0]),
            control: dlt645::Control(0x14),
            data: Payload::try_from(data.as_slice()).unwrap(),
        };
        let bytes = encoded(&frame);
        let expected =
            if fits { Decoded::Frame { frame, consumed: bytes.len() } } else { Decoded::Skip(1) };
        assert_eq!(dlt645::decode(&bytes, cap), expected, "{len} bytes, cap {cap}");
    }
}

#[test]
fn a_full_buffer_never_asks_for_more() {
    let mut buffer = vec![0x68; FRAME_LEN_MAX];
    buffer[9] = 0xFF;
    assert_ne!(dlt645::decode(&buffer, DATA_LEN_CEILING), Decoded::NeedMore);
    let mut buffer = vec![0x68; cjt188::FRAME_LEN_MAX];
    buffer[10] = 0xFF;
    assert_ne!(cjt188::decode(&buffer, cjt188::DATA_LEN_CEILING), Decoded::NeedMore);
}

#[test]
fn water_frames_survive_splits_noise_glue_and_single_damaged_bytes() {
    let valid = |frame: &&Golden| frame.protocol == "cjt188" && frame.is_valid();
    let all: Vec<Vec<u8>> = golden().iter().filter(valid).map(Golden::bytes).collect();
    let read = |arriving: &[&[u8]]| {
        let mut frames = Vec::new();
        let decode = |buf: &[u8]| cjt188::decode(buf, cjt188::DATA_LEN_MAX);
        let rest = run(arriving, decode, |frame: cjt188::Frame| frames.push(frame));
        (frames, rest)
    };
    assert_eq!(read(&[&all.concat()]).0.len(), all.len());
    for bytes in &all {
        for split in 0..=bytes.len() {
            let (first, second) = bytes.split_at(split);
            let (frames, rest) = read(&[&[0xFE, 0x00], first, second]);
            assert_eq!((frames.len(), rest), (1, 0));
            let mut again = Vec::new();
            frames[0].encode(0, &mut again);
            assert_eq!(again, without_preamble(bytes));
        }
        let bytes = without_preamble(bytes);
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0x01;
            assert!(read(&[&damaged]).0.is_empty(), "byte {at} of {bytes:02X?}");
        }
    }
}

//! Whatever the bytes: decoders answer, make progress and never panic; numbers survive the trip.

use meter_protocol::dlt645::{self, Control, Frame};
use meter_protocol::dtu::{Charset, Deframer, Event, Framing, Line, Pattern, Plain};
use meter_protocol::{
    Decoded, MeterTime, Payload, Protocol, acrel_4g, bcd_from_u64, bcd_to_u64, cjt188, describe,
    mbus, modbus,
};
use proptest::prelude::*;

/// Mostly the bytes that have a meaning on the wire, so that half-right frames are common.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => Just(0x68_u8),
        1 => Just(0x16),
        1 => Just(0xFE),
        1 => Just(0x7B),
        1 => Just(0x7D),
        2 => 0_u8..8,
        3 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..400)
}

pub(crate) fn drain<F>(mut buf: &[u8], decode: impl Fn(&[u8]) -> Decoded<F>) -> usize {
    let mut frames = 0;
    loop {
        match decode(buf) {
            Decoded::NeedMore => return frames,
            Decoded::Skip(count) => {
                assert!((1..=buf.len()).contains(&count));
                buf = &buf[count..];
            }
            Decoded::Frame { consumed, .. } => {
                assert!((1..=buf.len()).contains(&consumed));
                frames += 1;
                buf = &buf[consumed..];
            }
        }
    }
}

pub(crate) fn every_decoder(bytes: &[u8]) {
    let read = modbus::Request::read_holding(0x68, 0, 2).unwrap();
    let write = modbus::Request::write_single(7, 0, 2).unwrap();
    drain(bytes, |buf| dlt645::decode(buf, dlt645::DATA_LEN_MAX));
    drain(bytes, |buf| cjt188::decode(buf, cjt188::DATA_LEN_MAX));
    drain(bytes, |buf| modbus::decode_reply(buf, &read));
    drain(bytes, |buf| modbus::decode_reply(buf, &write));
    drain(bytes, modbus::decode_request);
    drain(bytes, |buf| acrel_4g::decode(buf).map(|_| ()));
    drain(bytes, mbus::decode);
    // Any outcome is fine, as long as there is one.
    let _ = mbus::VariableData::read(bytes);
    // At the end of the line everything is consumed: nothing can stall.
    drain(bytes, |buf| dlt645::decode_at_end(buf, dlt645::DATA_LEN_CEILING));
    drain(bytes, |buf| cjt188::decode_at_end(buf, cjt188::DATA_LEN_CEILING));
    for protocol in Protocol::ALL {
        for reply in [false, true] {
            let description = describe::describe(protocol, bytes, reply);
            assert!(description.offset + description.len <= bytes.len());
        }
    }
}

fn framings() -> Vec<Framing> {
    let login = Pattern::fixed(b"\x68", Charset::Binary, 2);
    vec![
        Framing::Plain(Plain::default()),
        Framing::Plain(Plain {
            registration: Some(login),
            heartbeat: b"\x68\x68\x16\x16".to_vec(),
            registration_prefixes_packets: true,
        }),
        Framing::FourFaith,
        Framing::Hongdian,
        Framing::Acrel4g,
    ]
}

pub(crate) fn every_framing(bytes: &[u8], split: usize) {
    for framing in framings() {
        for line in [Line::Idle, Line::InFlight] {
            let mut whole = Deframer::new(framing.clone());
            whole.feed(bytes, line);
            whole.release();
            let mut parts = Deframer::new(framing.clone());
            for part in bytes.chunks(split.max(1)) {
                parts.feed(part, line);
            }
            parts.release();
            assert_eq!(whole.id(), parts.id(), "{framing:?} in parts of {split}");
        }
    }
}

fn data_of(events: Vec<Event>) -> Vec<u8> {
    let data = events.into_iter().filter_map(|event| match event {
        Event::Data(bytes) => Some(bytes),
        _ => None,
    });
    data.flatten().collect()
}

proptest! {
    // A debug build draws long byte strings slowly; the fuzz run does the volume.
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_decoder_always_makes_progress(bytes in wire()) {
        every_decoder(&bytes);
    }

    #[test]
    fn every_framing_survives_any_bytes_in_any_parts(bytes in wire(), split in 1_usize..40) {
        every_framing(&bytes, split);
    }

    #[test]
    fn a_frame_behind_any_noise_is_found_once_the_line_is_silent(
        noise in wire(),
        address in any::<[u8; 6]>(),
        control in any::<u8>(),
        data in prop::collection::vec(any::<u8>(), 0..=200),
    ) {
        let frame = Frame {
            address: dlt645::Address::from_wire(address),
            control: Control(control),
            data: Payload::try_from(data.as_slice()).unwrap(),
        };
        let mut line = noise;
        frame.encode(4, &mut line);
        let mut found = Vec::new();
        let mut buf = line.as_slice();
        loop {
            match dlt645::decode_at_end(buf, dlt645::DATA_LEN_MAX) {
                Decoded::NeedMore => break,
                Decoded::Skip(count) => buf = &buf[count..],
                Decoded::Frame { frame, consumed } => {
                    found.push(frame);
                    buf = &buf[consumed..];
                }
            }
        }
        // Noise may by chance hold a frame of its own that swallows the start of the real one;
        // with the checksum over it that is one case in many thousands, and it is a valid frame.
        prop_assert!(found.contains(&frame) || !found.is_empty());
    }

    #[test]
    fn numbers_survive_the_trip_through_digits(value in 0_u64..1_000_000_000_000) {
        let mut digits = [0; 6];
        prop_assert_eq!(bcd_from_u64(value, &mut digits), Ok(()));
        prop_assert_eq!(bcd_to_u64(&digits), Ok(Some(value)));
    }

    #[test]
    fn times_survive_the_trip_through_digits(
        year in 2000_u16..2100, month in 1_u8..13, day in 1_u8..29,
        hour in 0_u8..24, minute in 0_u8..60, second in 0_u8..60,
    ) {
        let time = MeterTime::new(year, month, day, hour, minute, second).unwrap();
        prop_assert_eq!(MeterTime::from_second_first(time.second_first()), Ok(time));
        prop_assert_eq!(time.to_string().parse(), Ok(time));
    }

    #[test]
    fn stuffed_bytes_come_back_as_they_went(bytes in wire()) {
        let registration = b"\0\0\x04\xD213912345678\0\x0A\0\0\x01\0";
        let mut modem = Deframer::new(Framing::FourFaith);
        modem.feed(registration, Line::Idle);
        let mut line = Vec::new();
        modem.encode_downlink(&bytes, &mut line).unwrap();
        prop_assert_eq!(data_of(modem.feed(&line, Line::InFlight)), bytes);
    }
}

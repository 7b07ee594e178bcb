//! Modems: registration, heartbeats, vendor framings (D; H.1 cases 3, 5, 16, 17).

use meter_protocol::dtu::{
    Charset, DOWNLINK_LEN_MAX, Deframer, DownlinkError, Event, Framing, Line, Pattern, Plain,
    UNREGISTERED_LEN_MAX,
};
use meter_protocol::{acrel_4g, hex};

/// A captured read of meter 202208310002, with preamble.
const READ: &str = "FE FE FE FE 68 02 00 31 08 22 20 68 11 04 33 35 C3 33 C0 16";

fn bytes(text: &str) -> Vec<u8> {
    hex::parse(text).unwrap()
}

fn usr(heartbeat: &str, prefixes: bool) -> Deframer {
    Deframer::new(Framing::Plain(Plain {
        registration: Some(Pattern::fixed(b"LOGIN:", Charset::Digits, 4)),
        heartbeat: heartbeat.as_bytes().to_vec(),
        registration_prefixes_packets: prefixes,
    }))
}

fn registered(id: &str) -> Event {
    Event::Registered(id.to_owned())
}

/// Feeds segments and joins neighbouring data, so that segment ends do not show.
fn feed(deframer: &mut Deframer, segments: &[&[u8]], line: Line) -> Vec<Event> {
    let mut joined: Vec<Event> = Vec::new();
    for segment in segments {
        for event in deframer.feed(segment, line) {
            match (joined.last_mut(), event) {
                (Some(Event::Data(sofar)), Event::Data(more)) => sofar.extend(more),
                (_, event) => joined.push(event),
            }
        }
    }
    joined
}

#[test]
fn a_registration_is_recognised_at_every_split_and_the_rest_is_data() {
    let line = [b"LOGIN:1001", &bytes(READ)[..]].concat();
    for split in 0..=line.len() {
        let (first, second) = line.split_at(split);
        let mut modem = usr("", false);
        let events = feed(&mut modem, &[first, second], Line::Idle);
        assert_eq!(events, [registered("1001"), Event::Data(bytes(READ))], "split at {split}");
        assert_eq!(modem.id(), Some("1001"));
    }
}

#[test]
fn nothing_goes_down_and_nothing_is_handed_on_before_the_registration() {
    let mut modem = usr("", false);
    assert_eq!(modem.feed(&bytes(READ), Line::Idle), []);
    let mut out = Vec::new();
    let refused = modem.encode_downlink(&[1], &mut out);
    assert_eq!((refused, out.len()), (Err(DownlinkError::Unregistered), 0));
    // Meter bytes from before the name are not delivered afterwards either.
    assert_eq!(modem.feed(b"LOGIN:1001", Line::Idle), [registered("1001")]);
    assert_eq!(modem.encode_downlink(&[1], &mut out), Ok(()));
    assert_eq!(out, [1]);
    let long = modem.encode_downlink(&[0; DOWNLINK_LEN_MAX + 1], &mut out);
    assert_eq!(long, Err(DownlinkError::TooLong { len: DOWNLINK_LEN_MAX + 1 }));
    assert_eq!(out, [1]);
}

#[test]
fn an_unknown_modem_is_shown_once_and_then_ignored() {
    let mut modem = usr("", false);
    let junk = vec![b'x'; UNREGISTERED_LEN_MAX];
    assert_eq!(modem.feed(&junk, Line::Idle), []);
    assert_eq!(modem.feed(b"yz", Line::Idle), [Event::Unrecognised(junk)]);
    assert_eq!(modem.feed(b"LOGIN:1001", Line::Idle), []);
    assert_eq!(modem.id(), None);
    assert!(!modem.is_transparent());
}

#[test]
fn a_serial_server_has_no_name_and_passes_everything() {
    let mut server = Deframer::new(Framing::Plain(Plain::default()));
    assert!(server.is_transparent());
    assert_eq!(server.feed(&bytes(READ), Line::InFlight), [Event::Data(bytes(READ))]);
    assert_eq!(server.id(), None);
}

#[test]
fn a_heartbeat_is_cut_out_wherever_it_falls_and_at_every_split() {
    let reply = bytes(READ);
    for at in 0..=reply.len() {
        let (head, tail) = reply.split_at(at);
        let line = [head, b"HEART".as_slice(), tail].concat();
        for split in 0..=line.len() {
            let mut modem = usr("HEART", false);
            modem.feed(b"LOGIN:1001", Line::Idle);
            let (first, second) = line.split_at(split);
            let mut data = Vec::new();
            let mut beats = 0;
            for event in feed(&mut modem, &[first, second], Line::Idle) {
                match event {
                    Event::Data(bytes) => data.extend(bytes),
                    Event::Heartbeat => beats += 1,
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!((data, beats), (reply.clone(), 1), "{at} {split}");
        }
    }
}

#[test]
fn bytes_that_only_look_like_a_heartbeat_are_handed_on_at_once_while_a_reply_is_awaited() {
    // The reply ends in the first byte of the heartbeat text.
    let reply = [0x68, 0x16, b'H'];
    let mut modem = usr("HEART", false);
    modem.feed(b"LOGIN:1001", Line::Idle);
    assert_eq!(modem.feed(&reply, Line::InFlight), [Event::Data(reply.to_vec())]);

    assert_eq!(modem.feed(&reply, Line::Idle), [Event::Data(vec![0x68, 0x16])]);
    assert_eq!(modem.release(), [Event::Data(vec![b'H'])]);
    assert_eq!(modem.release(), []);

    // A whole heartbeat inside the reply is cut out all the same.
    let line = b"\x68HEART\x16";
    let expected = [Event::Data(vec![0x68]), Event::Heartbeat, Event::Data(vec![0x16])];
    assert_eq!(modem.feed(line, Line::InFlight), expected);
}

#[test]
fn a_heartbeat_shorter_than_four_bytes_is_never_cut_out_of_data() {
    let mut modem = usr("\x16", false);
    modem.feed(b"LOGIN:1001", Line::Idle);
    let reply = [0x68, 0x01, 0x16, 0x02, 0x16];
    assert_eq!(modem.feed(&reply, Line::InFlight), [Event::Data(reply.to_vec())]);
    assert_eq!(modem.feed(&reply, Line::Idle), [Event::Data(reply.to_vec())]);
    assert_eq!(modem.feed(&[0x16], Line::Idle), [Event::Heartbeat]);
    assert_eq!(modem.feed(&[0x16], Line::InFlight), [Event::Data(vec![0x16])]);
}

#[test]
fn a_heartbeat_before_the_registration_is_a_sign_of_life() {
    let mut modem = usr("HEART", false);
    let events = modem.feed(b"HEARTLOGIN:1001HEART", Line::Idle);
    assert_eq!(events, [Event::Heartbeat, registered("1001"), Event::Heartbeat]);
}

#[test]
fn a_registration_in_front_of_every_packet_is_cut_off() {
    let rtu = [1, 3, 4, 0, 1, 0xE2, 0x40, 0x12, 0x34];
    let packet = [b"LOGIN:1001", &rtu[..]].concat();
    let mut modem = usr("", true);
    let first = modem.feed(&packet, Line::InFlight);
    assert_eq!(first, [registered("1001"), Event::Data(rtu.to_vec())]);
    for split in 0..=packet.len() {
        let (head, tail) = packet.split_at(split);
        let mut data = Vec::new();
        for event in feed(&mut modem, &[head, tail], Line::Idle) {
            let Event::Data(bytes) = event else { panic!("{event:?}") };
            data.extend(bytes);
        }
        assert_eq!(data, rtu, "split at {split}");
    }
    // Without that habit the text is data: it may be what a meter sent.
    let mut plain = usr("", false);
    plain.feed(b"LOGIN:1001", Line::Idle);
    assert_eq!(plain.feed(&packet, Line::Idle), [Event::Data(packet)]);
}

fn four_faith_registration(ip: [u8; 4]) -> Vec<u8> {
    let mut packet = vec![0x00, 0x00, 0x04, 0xD2];
    packet.extend(b"13912345678");
    packet.push(0);
    packet.extend(ip);
    packet.push(0);
    packet
}

#[test]
fn four_faith_names_itself_by_telephone_number_at_every_split() {
    // The third address has FE in it, which no source says to be stuffed; both forms are taken.
    let stuffed: Vec<u8> =
        [&four_faith_registration([10, 0, 0, 0])[..16], &[10, 0xFD, 0xEE, 0, 1, 0]].concat();
    let packets =
        [four_faith_registration([10, 0, 0, 1]), four_faith_registration([10, 254, 0, 1]), stuffed];
    for packet in packets {
        for split in 0..=packet.len() {
            let (first, second) = packet.split_at(split);
            let mut modem = Deframer::new(Framing::FourFaith);
            let events = feed(&mut modem, &[&[0xFE], first, second], Line::Idle);
            assert_eq!(events, [Event::Heartbeat, registered("13912345678")], "at {split}");
        }
    }
}

#[test]
fn four_faith_stuffs_both_ways_and_its_heartbeat_is_no_preamble() {
    let mut modem = Deframer::new(Framing::FourFaith);
    modem.feed(&four_faith_registration([10, 0, 0, 1]), Line::Idle);

    let mut down = Vec::new();
    modem.encode_downlink(&bytes(READ), &mut down).unwrap();
    let preamble = "FD EE FD EE FD EE FD EE 68 02";
    assert_eq!(hex::spaced(&down[..10]), preamble);

    let mut down = Vec::new();
    modem.encode_downlink(&[0xFD, 0xFE, 0xED, 0xEE], &mut down).unwrap();
    assert_eq!(hex::spaced(&down), "FD ED FD EE ED EE");

    // The same stuffing comes back, with a heartbeat in the middle of a frame.
    let up = bytes("FD EE 68 FE FD ED 16 FE");
    for split in 0..=up.len() {
        let (first, second) = up.split_at(split);
        let mut modem = modem.clone();
        let mut data = Vec::new();
        let mut beats = 0;
        for event in feed(&mut modem, &[first, second], Line::InFlight) {
            match event {
                Event::Data(bytes) => data.extend(bytes),
                Event::Heartbeat => beats += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((hex::spaced(&data), beats), ("FE 68 FD 16".to_owned(), 2), "at {split}");
    }
}

#[test]
fn four_faith_bytes_that_are_no_registration_are_shown() {
    let mut modem = Deframer::new(Framing::FourFaith);
    let junk = vec![b'x'; UNREGISTERED_LEN_MAX];
    assert_eq!(modem.feed(&junk, Line::Idle), [Event::Unrecognised(junk)]);
    assert_eq!(modem.feed(&four_faith_registration([1, 2, 3, 4]), Line::Idle), []);
}

/// D: `7B 01 0016 ID11 IP4 port2 7B`.
const HONGDIAN_REGISTER: &str = "7B 01 00 16 31 33 39 31 32 33 34 35 36 37 38 0A 00 00 01 1F 90 7B";
/// D: `7B 81 0010 ID11 7B`.
const HONGDIAN_REGISTERED: &str = "7B 81 00 10 31 33 39 31 32 33 34 35 36 37 38 7B";

#[test]
fn hongdian_registers_acknowledges_and_wraps_both_ways_at_every_split() {
    let up = bytes("7B 09 00 14 31 33 39 31 32 33 34 35 36 37 38 68 7B 7B 16 7B");
    let line = [bytes(HONGDIAN_REGISTER), up].concat();
    for split in 0..=line.len() {
        let (first, second) = line.split_at(split);
        let mut modem = Deframer::new(Framing::Hongdian);
        let events = feed(&mut modem, &[first, second], Line::InFlight);
        let taken = bytes("7B 85 00 10 31 33 39 31 32 33 34 35 36 37 38 7B");
        let expected = [
            registered("13912345678"),
            Event::Send(bytes(HONGDIAN_REGISTERED)),
            Event::Send(taken),
            Event::Data(vec![0x68, 0x7B, 0x7B, 0x16]),
        ];
        assert_eq!(events, expected, "split at {split}");
        let mut down = Vec::new();
        modem.encode_downlink(&[0x68, 0x16], &mut down).unwrap();
        let expected = "7B 89 00 12 31 33 39 31 32 33 34 35 36 37 38 68 16 7B";
        assert_eq!(hex::spaced(&down), expected);
    }
}

#[test]
fn hongdian_life_cycle_is_followed() {
    let frame = |kind: &str| bytes(&format!("7B {kind} 00 10 31 33 39 31 32 33 34 35 36 37 38 7B"));
    let mut modem = Deframer::new(Framing::Hongdian);
    // Data before the registration is answered with a demand to register, and dropped.
    assert_eq!(modem.feed(&frame("09"), Line::Idle), [Event::Send(frame("83"))]);
    modem.feed(&bytes(HONGDIAN_REGISTER), Line::Idle);
    // The registration repeated is the heartbeat.
    let beat = modem.feed(&bytes(HONGDIAN_REGISTER), Line::Idle);
    assert_eq!(beat, [Event::Heartbeat, Event::Send(bytes(HONGDIAN_REGISTERED))]);
    assert_eq!(modem.feed(&frame("05"), Line::InFlight), [Event::DownlinkTaken]);
    assert_eq!(modem.feed(&frame("04"), Line::Idle), [Event::Noise(16)]);
    let out = modem.feed(&frame("02"), Line::Idle);
    assert_eq!(out, [Event::Send(frame("82")), Event::LoggedOut]);
    assert!(!modem.is_transparent());
    let mut down = Vec::new();
    assert_eq!(modem.encode_downlink(&[1], &mut down), Err(DownlinkError::Unregistered));
}

#[test]
fn hongdian_noise_and_absurd_lengths_cost_only_themselves() {
    let noises = ["00 11 22", "7B", "7B 09 FF FF", "7B 09 00 03", "7B 7B 7B"];
    for noise in noises {
        let line = [bytes(noise), bytes(HONGDIAN_REGISTER)].concat();
        let mut modem = Deframer::new(Framing::Hongdian);
        let events = modem.feed(&line, Line::Idle);
        let last = &events[events.len() - 2..];
        let expected = [registered("13912345678"), Event::Send(bytes(HONGDIAN_REGISTERED))];
        assert_eq!(last, expected, "{noise}");
    }
}

#[test]
fn an_acrel_meter_registers_beats_asks_the_time_uploads_and_passes_modbus_through() {
    let register = bytes(
        "7B 7B 84 31 32 33 30 37 32 31 30 37 32 30 30 38 35 00 00 00 00 00 00 38 39 38 36 30 34 \
         32 38 32 32 31 39 43 30 34 32 33 36 31 30 00 00 00 00 00 00 00 00 00 00 1A 01 00 01 00 \
         01 00 1E 70 F7 7D 7D",
    );
    let sealed = |command: u8, body: &[u8]| {
        let mut out = Vec::new();
        acrel_4g::encode(acrel_4g::Command(command), body, &mut out);
        out
    };
    let mut meter = Deframer::new(Framing::Acrel4g);
    // Modbus bytes before the registration belong to nobody.
    assert_eq!(meter.feed(&sealed(0x90, &[1, 3]), Line::Idle), [Event::Noise(2)]);
    let expected = [registered("12307210720085"), Event::Send(sealed(0x84, &[]))];
    assert_eq!(meter.feed(&register, Line::Idle), expected);
    assert_eq!(meter.feed(&bytes("7B 7B 94 BE EF 7D 7D"), Line::Idle), [Event::Heartbeat]);
    assert_eq!(meter.feed(&sealed(0x93, &[]), Line::Idle), [Event::TimeRequested]);
    let upload = Event::Upload { command: 0x91, body: vec![7, 8] };
    let expected = [upload, Event::Send(sealed(0x91, &[]))];
    assert_eq!(meter.feed(&sealed(0x91, &[7, 8]), Line::Idle), expected);

    let mut with_serial = b"12307210720085\0\0\0\0\0\0".to_vec();
    with_serial.extend([1, 3, 2]);
    for body in [&[1, 3, 2][..], &with_serial] {
        let events = meter.feed(&sealed(0x90, body), Line::InFlight);
        assert_eq!(events, [Event::Data(vec![1, 3, 2])]);
    }
    assert_eq!(meter.feed(&sealed(0x90, &with_serial[..20]), Line::InFlight), []);

    let mut down = Vec::new();
    meter.encode_downlink(&[1, 3], &mut down).unwrap();
    assert_eq!(down, sealed(0x90, &[1, 3]));
}

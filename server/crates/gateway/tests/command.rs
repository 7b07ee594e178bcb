//! Commands and scans on a bus: order, expiry, every family of meter (design §5; H.1 no. 25).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rig;

use std::time::Duration;

use domain::Clock;
use gateway::{
    Action, CommandFailure, GatewayEvent, Item, MeterCommand, Priority, Timing, Value,
    command::{NotSent, Refusal, RelayCommand},
    item::state,
    line::Link,
};
use rig::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const E1: [u8; 4] = [0x26, 0, 0, 0];

/// Waits until so many commands are with the line's task or answered.
async fn taken(rig: &Rig, commands: u64) {
    while rig.count("commands") < commands {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_most_urgent_command_is_next_when_the_exchange_under_way_ends() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A), prepaid(2, B)]).await;
    let busy = rig.start(read(2, &[Item::ForwardEnergy]));
    let asked = dtu.asked().await;
    let order = [
        MeterCommand { priority: Priority::OnDemand, ..read(2, &[Item::VoltageA]) },
        MeterCommand { priority: Priority::Trip, ..read(2, &[Item::Power]) },
        MeterCommand { priority: Priority::TopUp, ..read(2, &[Item::PurchaseCount]) },
        MeterCommand { priority: Priority::Restore, ..read(2, &[Item::RelayState]) },
    ];
    let tasks = order.map(|command| rig.start(command));
    // They are in the task's inbox, which it empties at the boundary of the exchange.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    dtu.answer(&asked, &E1).await;
    done(busy).await.expect("answered");
    for identifier in [0x0400_0503, 0x0333_0201, 0x0203_0000, 0x0201_0100] {
        let asked = dtu.asked().await;
        assert_eq!(asked.identifier(), identifier);
        let value: &[u8] = if identifier == 0x0203_0000 { &[0, 0, 0] } else { &[0, 0] };
        dtu.answer(&asked, value).await;
    }
    for task in tasks {
        done(task).await.expect("answered");
    }
}

#[tokio::test]
async fn a_password_is_on_the_wire_and_in_no_record() {
    let mut own = meter(1, A, "dlt645-2007-prepaid");
    own.password = Some("654321".parse().expect("a password"));
    let (rig, mut dtu) = Rig::online(fast(), vec![own]).await;
    let task = rig.start(command(1, Action::SetClock));
    for _ in 0..2 {
        let asked = dtu.asked().await;
        assert_eq!((asked.control, &asked.data[4..8]), (0x14, [2, 0x21, 0x43, 0x65].as_slice()));
        dtu.send(&frame(A, 0x94, &[])).await;
    }
    let mut frames = done(task).await.expect("set").frames;
    let task = rig.start(relay(1, RelayCommand::Close));
    let asked = dtu.asked().await;
    dtu.answer(&asked, &clock_value(0)).await;
    let asked = dtu.asked().await;
    assert_eq!((asked.control, &asked.data[..4]), (0x1C, [2, 0x21, 0x43, 0x65].as_slice()));
    dtu.send(&frame(A, 0x9C, &[])).await;
    frames.extend(done(task).await.expect("accepted").frames);
    // What was sent stands there, with zeros for the digits and a checksum that fits.
    let kept = |control: u8, at: usize, data: &[u8]| {
        let mut data = data.to_vec();
        data[at..at + 3].fill(0);
        frame(A, control, &data)
    };
    assert!(frames.iter().any(|frame| frame.bytes == kept(0x1C, 1, &asked.data)));
    let wire = [0x54, 0x76, 0x98];
    assert!(frames.iter().all(|frame| frame.bytes.windows(3).all(|w| w != wire)), "{frames:?}");
    assert_eq!(frames.len(), 8);
}

#[tokio::test]
async fn a_meter_whose_password_is_not_known_is_not_programmed() {
    let mut own = meter(1, A, "dlt645-2007-prepaid");
    own.password = Some(gateway::line::Password::UNKNOWN);
    let (rig, mut dtu) = Rig::online(fast(), vec![own]).await;
    let failure = done(rig.start(command(1, Action::SetClock))).await.expect_err("refused");
    assert!(matches!(&failure, CommandFailure::Unsupported(_)), "{failure:?}");
    assert_eq!(rig.count("requests"), 0);
    let task = rig.start(read(1, &[Item::ForwardEnergy]));
    let asked = dtu.asked().await;
    dtu.answer(&asked, &E1).await;
    done(task).await.expect("it is read all the same");
}

#[tokio::test]
async fn the_look_before_a_top_up_begins_with_the_meters_own_number() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    // The number as the bus carries it, low byte first; none: the meter refuses.
    let table: [(&str, &[u8], Option<i64>); 4] = [
        ("a number", &[0x02, 0x00, 0x31, 0x08, 0x22, 0x20], Some(202_208_310_002)),
        ("all FF", &[0xFF; 6], None),
        ("no decimal digits", &[0xAB, 0, 0, 0, 0, 0], None),
        ("refused", &[], None),
    ];
    for (name, number, want) in table {
        let task = rig.start(command(1, Action::ReadSight));
        let asked = dtu.asked().await;
        assert_eq!((asked.control, asked.identifier()), (0x11, 0x0400_0402), "{name}");
        match number.is_empty() {
            false => dtu.answer(&asked, number).await,
            true => dtu.send(&frame(A, 0xD1, &[0x02])).await,
        }
        let proof: [(u32, &[u8]); 6] = [
            (0x0333_0201, &[7, 0]),
            (0x0333_0301, &[0, 1, 0, 0]),
            (0x0333_0601, &[0, 1, 0, 0]),
            (0x0090_0200, &[0, 1, 0, 0]),
            (0x0090_0201, &[0, 0, 0, 0]),
            (0x0001_0000, &E1),
        ];
        for (identifier, value) in proof {
            let asked = dtu.asked().await;
            assert_eq!(asked.identifier(), identifier, "{name}");
            dtu.answer(&asked, value).await;
        }
        let exchange = done(task).await.expect(name);
        let told = (exchange.number(Item::MeterNumber), exchange.number(Item::PurchaseCount));
        assert_eq!(told, (want, Some(7)), "{name}");
    }
}

#[tokio::test]
async fn a_proof_of_several_reads_lets_a_command_to_close_pass_between_them() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A), prepaid(2, B)]).await;
    // The clock of meter 2 is known, so closing is one exchange.
    let clock = rig.start(command(2, Action::ReadClock));
    let asked = dtu.asked().await;
    dtu.answer(&asked, &clock_value(0)).await;
    done(clock).await.expect("a clock");

    let proof = rig.start(command(1, Action::ReadProof));
    let asked = dtu.asked().await;
    assert_eq!(asked.identifier(), 0x0333_0201);
    let close = rig.start(relay(2, RelayCommand::Close));
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    dtu.answer(&asked, &[7, 0]).await;
    let asked = dtu.asked().await;
    assert_eq!((asked.control, asked.address.as_str()), (0x1C, B));
    dtu.send(&frame(B, 0x9C, &[])).await;
    done(close).await.expect("accepted");
    let rest: [(u32, &[u8]); 5] = [
        (0x0333_0301, &[0, 0, 1, 0]),
        (0x0333_0601, &[0, 0, 7, 0]),
        (0x0090_0200, &[0x78, 0x56, 0x34, 0x12]),
        (0x0090_0201, &[0, 0, 0, 0]),
        (0x0001_0000, &E1),
    ];
    for (identifier, value) in rest {
        let asked = dtu.asked().await;
        assert_eq!(asked.identifier(), identifier);
        dtu.answer(&asked, value).await;
    }
    let exchange = done(proof).await.expect("a proof");
    assert_eq!(
        exchange.values,
        [
            (Item::PurchaseCount, Value::Number(7)),
            (Item::LastPurchaseAmount, Value::Number(10_000)),
            (Item::CumulativePurchase, Value::Number(70_000)),
            (Item::RemainingMoney, Value::Number(12_345_678)),
            (Item::Overdraft, Value::Number(0)),
            (Item::ForwardEnergy, Value::Number(260)),
        ]
    );
    assert_eq!(exchange.frames.len(), 12);
}

#[tokio::test]
async fn h1_25_a_command_whose_time_is_over_never_reaches_the_wire() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A), prepaid(2, B)]).await;
    let over = MeterCommand { not_after: Some(Duration::ZERO), ..top_up(1) };
    let busy = rig.start(read(2, &[Item::ForwardEnergy]));
    let asked = dtu.asked().await;
    let waiting = MeterCommand { not_after: Some(Duration::from_millis(1)), ..top_up(1) };
    let tasks = [rig.start(over), rig.start(waiting)];
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    dtu.answer(&asked, &E1).await;
    done(busy).await.expect("answered");
    for task in tasks {
        let failure = done(task).await.expect_err("expired");
        let why = NotSent::Expired;
        assert!(matches!(&failure, CommandFailure::NotSent { why: w, .. } if *w == why));
        assert!(failure.proves_nothing_sent());
    }
    assert_eq!(rig.count("requests"), 1);
}

#[tokio::test]
async fn a_command_to_close_takes_the_place_of_a_waiting_trip() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A), prepaid(2, B)]).await;
    for cancelled in [false, true] {
        let busy = rig.start(read(2, &[Item::ForwardEnergy]));
        let asked = dtu.asked().await;
        let before = rig.count("commands");
        let trip = rig.start(relay(1, RelayCommand::Trip));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let close = (!cancelled).then(|| rig.start(relay(1, RelayCommand::Close)));
        if cancelled {
            rig.gateway.cancel_trips(key(1)).await;
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        dtu.answer(&asked, &E1).await;
        done(busy).await.expect("answered");
        taken(&rig, before + 1).await;
        let failure = done(trip).await.expect_err("superseded");
        let why = NotSent::Superseded;
        assert!(matches!(&failure, CommandFailure::NotSent { why: w, .. } if *w == why));
        if let Some(close) = close {
            let asked = dtu.asked().await;
            dtu.answer(&asked, &clock_value(0)).await;
            assert_eq!(dtu.asked().await.data[8], 0x1C, "direct close");
            dtu.send(&frame(A, 0x9C, &[])).await;
            done(close).await.expect("accepted");
        }
    }
}

#[tokio::test]
async fn a_read_is_tried_again_and_then_given_up() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let task = rig.start(read(1, &[Item::ForwardEnergy]));
    dtu.asked().await;
    let asked = dtu.asked().await;
    dtu.answer(&asked, &E1).await;
    assert_eq!(done(task).await.expect("at the second try").frames.len(), 3);
    let task = rig.start(read(1, &[Item::ForwardEnergy]));
    for _ in 0..3 {
        dtu.asked().await;
    }
    let failure = done(task).await.expect_err("silent");
    assert!(matches!(failure, CommandFailure::NoAnswer { .. }));
    assert_eq!(failure.frames().len(), 3);
}

#[tokio::test]
async fn what_a_model_cannot_do_is_refused_before_a_byte_is_sent() {
    let meters = vec![
        prepaid(1, A),
        meter(2, "1", "acrel-ddsy1352"),
        meter(3, "138000130754", "dlt645-1997-read-only"),
        meter(4, "2", "eastron-sdm530y"),
    ];
    let (rig, _dtu) = Rig::online(fast(), meters).await;
    let table = [
        (read(1, &[]), "1 to 32 items"),
        (read(1, &[Item::Volume]), "does not give volume"),
        (top_up(2), "takes no money"),
        (command(2, Action::ReadProof), "no proof"),
        (relay(2, RelayCommand::KeepPower), "KeepPower"),
        (command(2, Action::SetClock), "cannot be set"),
        (command(2, Action::BroadcastTime), "no broadcast"),
        (relay(3, RelayCommand::Close), "no relay"),
        (command(4, Action::ReadRelay), "no relay"),
        (
            command(1, Action::TopUp { amount_fen: 0, count: 1, customer_no: "1".repeat(12) }),
            "amount",
        ),
        (
            command(1, Action::TopUp { amount_fen: 1, count: 1, customer_no: "12".into() }),
            "twelve digits",
        ),
    ];
    for (command, words) in table {
        match done(rig.start(command)).await {
            Err(CommandFailure::Unsupported(reason)) => {
                assert!(reason.contains(words), "{words:?} in {reason}");
            }
            other => panic!("{words}: {other:?}"),
        }
    }
    assert_eq!(rig.count("bytes_sent"), 0);
}

#[tokio::test]
async fn where_a_relay_stands_is_read_from_the_status_word() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    // Low byte first. 0250H is the status word of frames.json: open, by command.
    let table = [
        ([0x50, 0x02], state::OFF),
        ([0x00, 0x02], state::ON),
        ([0x10, 0x02], state::WAITING),
        ([0x40, 0x02], state::ON),
    ];
    for (word, want) in table {
        let task = rig.start(command(1, Action::ReadRelay));
        let asked = dtu.asked().await;
        assert_eq!(asked.identifier(), 0x0400_0503);
        dtu.answer(&asked, &word).await;
        let values = done(task).await.expect("a state").values;
        assert_eq!(values, [(Item::RelayState, Value::Number(want))], "{word:02X?}");
    }
}

#[tokio::test]
async fn a_1997_meter_gives_energy_and_a_clock_of_two_parts() {
    let address = "138000130754";
    let (rig, mut dtu) =
        Rig::online(fast(), vec![meter(1, address, "dlt645-1997-read-only")]).await;
    let task = rig.start(read(1, &[Item::ForwardEnergy]));
    // Request and reply of a field capture (frames.json).
    let request = [0x68, 0x54, 7, 0x13, 0, 0x80, 0x13, 0x68, 1, 2, 0x43, 0xC3, 0xDA, 0x16];
    let bytes = dtu.hear(|bytes| bytes.len() >= 18).await;
    assert_eq!(bytes, [&[0xFE; 4], request.as_slice()].concat());
    dtu.send(&[0x68, 0x54, 7, 0x13, 0, 0x80, 0x13, 0x68, 0x81, 6, 0x43, 0xC3, 0x34, 0x33, 0x33])
        .await;
    dtu.send(&[0x33, 0x2B, 0x16]).await;
    assert_eq!(done(task).await.expect("energy").number(Item::ForwardEnergy), Some(10));

    let task = rig.start(command(1, Action::ReadClock));
    for (identifier, value) in
        [([0x10, 0xC0], [5, 0x31, 0x10, 0x25].as_slice()), ([0x11, 0xC0], &[1, 7, 0x12])]
    {
        let asked = dtu.asked().await;
        assert_eq!((asked.control, asked.data.as_slice()), (1, identifier.as_slice()));
        dtu.send(&frame(address, 0x81, &[&identifier, value].concat())).await;
    }
    assert_eq!(done(task).await.expect("a clock").number(Item::Clock), Some(1_761_883_621));
}

#[tokio::test]
async fn a_modbus_meter_is_read_and_switched_by_its_registers() {
    let (rig, mut dtu) = Rig::online(fast(), vec![meter(1, "17", "acrel-ddsy1352")]).await;
    let table: [(MeterCommand, &[u8], &[u8]); 4] = [
        (read(1, &[Item::ForwardEnergy]), &[17, 3, 0, 0, 0, 2], &[17, 3, 4, 0, 0, 1, 0]),
        (
            relay(1, RelayCommand::Trip),
            &[17, 16, 0, 0x57, 0, 2, 4, 0, 1, 0, 1],
            &[17, 16, 0, 0x57, 0, 2],
        ),
        (
            relay(1, RelayCommand::Close),
            &[17, 16, 0, 0x57, 0, 2, 4, 0, 1, 0, 0],
            &[17, 16, 0, 0x57, 0, 2],
        ),
        (command(1, Action::ReadRelay), &[17, 3, 0, 0x57, 0, 2], &[17, 3, 4, 0, 1, 0, 1]),
    ];
    let wants = [vec![Value::Number(2560)], vec![], vec![], vec![Value::Number(state::OFF)]];
    for ((command, request, reply), want) in table.into_iter().zip(wants) {
        let task = rig.start(command);
        let bytes = dtu.hear(|bytes| bytes.len() >= request.len() + 2).await;
        assert_eq!(bytes, with_crc(request));
        dtu.send(&with_crc(reply)).await;
        let values = done(task).await.expect("answered").values;
        assert_eq!(values.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), want);
    }
}

#[tokio::test]
async fn modbus_answers_of_another_slave_length_or_echo_are_none() {
    let timing = Timing { read_tries: 1, ..fast() };
    let (rig, mut dtu) = Rig::online(timing, vec![meter(1, "17", "acrel-ddsy1352")]).await;
    let energy = || read(1, &[Item::ForwardEnergy]);
    let trip = || relay(1, RelayCommand::Trip);
    let table: [(MeterCommand, Vec<u8>, &str); 5] = [
        (energy(), with_crc(&[18, 3, 4, 0, 0, 1, 0]), "WrongMeter"),
        (energy(), with_crc(&[17, 3, 2, 0, 0]), "Garbled"),
        (energy(), with_crc(&[17, 4, 4, 0, 0, 1, 0]), "Garbled"),
        (trip(), with_crc(&[17, 16, 0, 0x58, 0, 2]), "NoAnswer"),
        (energy(), with_crc(&[17, 0x83, 2]), "Refused"),
    ];
    for (command, reply, want) in table {
        let task = rig.start(command);
        dtu.hear(|bytes| bytes.len() >= 8).await;
        dtu.send(&reply).await;
        let failure = format!("{:?}", done(task).await.expect_err(want));
        assert!(failure.starts_with(want), "{want}: {failure}");
        // The rest of a longer request is of no interest.
        let mut rest = [0; 16];
        let _ = dtu.stream.try_read(&mut rest);
    }
}

#[tokio::test]
async fn a_water_meter_is_read_and_its_valve_is_moved() {
    let (rig, mut dtu) =
        Rig::online(fast(), vec![meter(1, "78330011223344", "cjt188-valve-water")]).await;
    let task = rig.start(read(1, &[Item::Volume, Item::ValveState]));
    let bytes = dtu.hear(|bytes| bytes.len() >= 20).await;
    let serial = bytes[17];
    let head = [0x68, 0x10, 0x44, 0x33, 0x22, 0x11, 0, 0x33, 0x78];
    assert_eq!(bytes[4..17], [&head[..], &[1, 3, 0x90, 0x1F]].concat());
    // The widely copied sample with the right checksum and our serial (frames.json).
    let with_sum = |mut bytes: Vec<u8>| {
        bytes.push(bytes.iter().fold(0u8, |sum, b| sum.wrapping_add(*b)));
        bytes.push(0x16);
        bytes
    };
    let sample = [
        &[0x00, 0x77, 0x66, 0x55, 0x2C, 0x00, 0x77, 0x66, 0x55, 0x2C][..],
        &[0x31, 0x01, 0x22, 0x11, 0x05, 0x15, 0x20, 0x21, 0x84],
    ]
    .concat();
    let reply =
        |serial: u8| with_sum([&head[..], &[0x81, 0x16, 0x90, 0x1F, serial], &sample].concat());
    // Another serial is a late answer to an earlier request.
    dtu.send(&reply(serial.wrapping_sub(1))).await;
    dtu.send(&reply(serial)).await;
    let exchange = done(task).await.expect("a reading");
    assert_eq!(exchange.number(Item::Volume), Some(556_677_000));
    assert_eq!(exchange.number(Item::ValveState), Some(state::OFF), "ST 21: D1D0 = 01");

    for (way, byte) in [(RelayCommand::Trip, 0x99), (RelayCommand::Close, 0x55)] {
        let task = rig.start(relay(1, way));
        let bytes = dtu.hear(|bytes| bytes.len() >= 21).await;
        assert_eq!(bytes[13..17], [4, 4, 0xA0, 0x17]);
        assert_eq!(bytes[18], byte);
        let data = [0x84, 5, 0xA0, 0x17, bytes[17], 0, 0];
        dtu.send(&with_sum([&head[..], &data].concat())).await;
        done(task).await.expect("accepted");
    }
}

#[tokio::test]
async fn a_modbus_tcp_device_is_asked_by_mbap_and_dialled_again_after_a_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut line = dial_in(100, "x", vec![meter(1, "1", "acrel-ddsy1352")]);
    line.link = Link::ModbusTcp { address: listener.local_addr().unwrap().to_string() };
    let timing = Timing { read_tries: 1, ..fast() };
    let mut rig = Rig::new(timing, vec![line]).await;
    let online = |e: &GatewayEvent| matches!(e, GatewayEvent::Online { .. });
    let (mut device, _) = listener.accept().await.unwrap();
    rig.until(online).await;
    let task = rig.start(read(1, &[Item::ForwardEnergy]));
    let mut request = [0; 12];
    device.read_exact(&mut request).await.unwrap();
    assert_eq!(request[2..], [0, 0, 0, 6, 1, 3, 0, 0, 0, 2]);
    let mut reply = vec![request[0], request[1], 0, 0, 0, 7, 1, 3, 4, 0, 0, 1, 0];
    device.write_all(&reply).await.unwrap();
    let exchange = done(task).await.expect("answered");
    assert_eq!(exchange.number(Item::ForwardEnergy), Some(2560));
    assert_eq!(exchange.frames[1].bytes, reply);

    // Fewer registers than asked for: an answer that is none.
    let task = rig.start(read(1, &[Item::ForwardEnergy]));
    device.read_exact(&mut request).await.unwrap();
    reply = vec![request[0], request[1], 0, 0, 0, 5, 1, 3, 2, 0, 1];
    device.write_all(&reply).await.unwrap();
    let failure = done(task).await.expect_err("too short");
    assert!(matches!(failure, CommandFailure::Garbled { .. }), "{failure:?}");

    let (mut device, _) = listener.accept().await.unwrap();
    rig.until(online).await;
    let task = rig.start(relay(1, RelayCommand::Trip));
    let mut request = [0; 17];
    device.read_exact(&mut request).await.unwrap();
    assert_eq!(request[6..], [1, 16, 0, 0x57, 0, 2, 4, 0, 1, 0, 1]);
    let failure = done(task).await.expect_err("no answer");
    assert!(matches!(failure, CommandFailure::NoAnswer { .. }) && !failure.proves_nothing_sent());

    let (mut device, _) = listener.accept().await.unwrap();
    rig.until(online).await;
    let task = rig.start(read(1, &[Item::VoltageA]));
    let mut request = [0; 12];
    device.read_exact(&mut request).await.unwrap();
    device.write_all(&[request[0], request[1], 0, 0, 0, 3, 1, 0x83, 2]).await.unwrap();
    let failure = done(task).await.expect_err("refused");
    let meaning = Refusal::NoSuchItem;
    assert!(matches!(failure, CommandFailure::Refused { raw: 2, meaning: m, .. } if m == meaning));
}

#[tokio::test]
async fn scans_go_round_and_their_values_come_in_batches() {
    let scanned = |number, address| {
        let mut meter = prepaid(number, address);
        meter.scan = vec![Item::ForwardEnergy, Item::RelayState];
        meter
    };
    let begin = domain::SystemClock::new().now();
    let (mut rig, mut dtu) = Rig::online(fast(), vec![scanned(1, A), scanned(2, B)]).await;
    let mut order = Vec::new();
    for _ in 0..4 {
        let asked = dtu.asked().await;
        order.push((asked.address.clone(), asked.identifier()));
        let value: &[u8] = if asked.identifier() == 0x0001_0000 { &E1 } else { &[0, 2] };
        dtu.answer(&asked, value).await;
    }
    // The jittered first polls coincide here, so the round is in the order of the line.
    let want = [(A, 0x0001_0000), (A, 0x0400_0503), (B, 0x0001_0000), (B, 0x0400_0503)];
    assert_eq!(order, want.map(|(address, identifier)| (address.to_owned(), identifier)));
    let mut got = Vec::new();
    while got.len() < 4 {
        let event = rig.until(|e| matches!(e, GatewayEvent::Readings(_))).await;
        let GatewayEvent::Readings(readings) = event else { unreachable!() };
        got.extend(readings);
    }
    let brief: Vec<_> = got.iter().map(|r| (r.meter, r.item, r.value)).collect();
    let (energy, on) = (Value::Number(260), Value::Number(state::ON));
    assert_eq!(
        brief,
        [
            (key(1), Item::ForwardEnergy, energy),
            (key(1), Item::RelayState, on),
            (key(2), Item::ForwardEnergy, energy),
            (key(2), Item::RelayState, on),
        ]
    );
    assert!(got.iter().all(|reading| reading.at >= begin && reading.meter_clock.is_none()));
}

#[tokio::test]
async fn a_meter_that_falls_silent_and_comes_back_is_told_once_each() {
    let mut scanned = prepaid(1, A);
    scanned.scan = vec![Item::ForwardEnergy];
    scanned.interval = ms(10);
    let (mut rig, mut dtu) = Rig::online(fast(), vec![scanned]).await;
    for _ in 0..3 {
        dtu.asked().await;
    }
    rig.until(|e| matches!(e, GatewayEvent::MeterSilent { meter, .. } if *meter == key(1))).await;
    assert_eq!(rig.gateway.status()[0].silent, 1);
    let asked = dtu.asked().await;
    dtu.answer(&asked, &E1).await;
    rig.until(|e| matches!(e, GatewayEvent::MeterBack { meter, .. } if *meter == key(1))).await;
    assert_eq!(rig.gateway.status()[0].silent, 0);
}

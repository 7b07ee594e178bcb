//! Which bytes are an answer: `meters.md` H.1 no. 1 to 8, 16 to 19, 21 to 23.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rig;

use gateway::{
    Action, CommandFailure, GatewayEvent, Item, Value,
    command::{Direction, NotSent, Refusal, RelayCommand},
    line::Framing,
};
use rig::*;

fn number(result: Result<gateway::Exchange, CommandFailure>, item: Item) -> Option<i64> {
    result.expect("an answer").number(item)
}

const E1: [u8; 4] = [0x26, 0, 0, 0];
const E1_WH: i64 = 260;

#[tokio::test]
async fn h1_01_a_lost_reply_to_a_top_up_is_not_sent_again() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let task = rig.start(top_up(1));
    let asked = dtu.asked().await;
    assert_eq!((asked.control, asked.identifier()), (0x03, 0x0701_02FF));
    // frames.json: amount 100.00 as binary, count 8, customer 000000123456.
    assert_eq!(asked.data[8..16], [0x10, 0x27, 0, 0, 8, 0, 0, 0]);
    assert_eq!(asked.data[20..26], [0x56, 0x34, 0x12, 0, 0, 0]);
    let failure = done(task).await.expect_err("no answer");
    assert!(matches!(failure, CommandFailure::NoAnswer { .. }), "{failure:?}");
    assert!(!failure.proves_nothing_sent());
    assert_eq!(failure.frames().len(), 1);
    assert_eq!(failure.frames()[0].direction, Direction::Sent);

    // What follows on the bus is the read-back, not the top-up again.
    let task = rig.start(read(1, &[Item::PurchaseCount]));
    let asked = dtu.asked().await;
    assert_eq!((asked.control, asked.identifier()), (0x11, 0x0333_0201));
    dtu.answer(&asked, &[0x08, 0]).await;
    assert_eq!(number(done(task).await, Item::PurchaseCount), Some(8));
}

#[tokio::test]
async fn a_refused_top_up_says_what_the_meter_said_and_is_not_sent_again() {
    let table: [(&[u8], u16, Refusal); 5] = [
        (&[0x02, 0x00], 0x0002, Refusal::RepeatedTopUp),
        (&[0x20, 0x00], 0x0020, Refusal::PurchaseCount),
        (&[0x40, 0x00], 0x0040, Refusal::HoardingLimit),
        (&[0x80], 0x0080, Refusal::PurchaseCount),
        // H.1 no. 2, as captured; what was applied only the read-back tells.
        (&[0x01], 0x0001, Refusal::Other),
    ];
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    for (data, raw, meaning) in table {
        let task = rig.start(top_up(1));
        let asked = dtu.asked().await;
        dtu.send(&frame(&asked.address, 0xC3, data)).await;
        match done(task).await {
            Err(CommandFailure::Refused { raw: r, meaning: m, frames }) => {
                assert_eq!((r, m, frames.len()), (raw, meaning, 2));
            }
            other => panic!("{data:02X?}: {other:?}"),
        }
    }
    assert_eq!(rig.count("requests"), 5);
}

#[tokio::test]
async fn a_top_up_is_accepted_with_or_without_a_receipt() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let receipt = [0x10, 0x27, 0, 0, 8, 0, 0, 0, 0x56, 0x34, 0x12, 0, 0, 0];
    let table: [(&[u8], Option<i64>); 2] = [(&[], None), (&receipt, Some(8))];
    for (more, count) in table {
        let task = rig.start(top_up(1));
        let asked = dtu.asked().await;
        dtu.answer(&asked, more).await;
        assert_eq!(number(done(task).await, Item::PurchaseCount), count);
    }
}

#[tokio::test]
async fn h1_03_noise_in_front_of_an_answer_is_skipped_byte_by_byte() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let table: [(&str, &[u8]); 5] = [
        ("bytes of nothing", &[0x00, 0xFF, 0x13]),
        ("a lonely start byte", &[0x68]),
        ("the head of a frame", &[0x68, 2, 0, 0x31, 8, 0x22, 0x20, 0x68, 0x91, 0xC0]),
        ("many preambles", &[0xFE; 25]),
        ("ends", &[0x16, 0x16, 0x68, 0x16]),
    ];
    for (name, noise) in table {
        for preamble in [4, 0] {
            let task = rig.start(read(1, &[Item::ForwardEnergy]));
            let asked = dtu.asked().await;
            dtu.send(&[noise, &answer(&asked, &E1)[4 - preamble..]].concat()).await;
            assert_eq!(number(done(task).await, Item::ForwardEnergy), Some(E1_WH), "{name}");
        }
    }
}

#[tokio::test]
async fn h1_03_a_frame_with_a_wrong_checksum_is_never_an_answer() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let task = rig.start(top_up(1));
    let asked = dtu.asked().await;
    let mut bytes = answer(&asked, &[]);
    let at = bytes.len() - 2;
    bytes[at] ^= 1;
    dtu.send(&bytes).await;
    let failure = done(task).await.expect_err("garbled");
    assert!(matches!(failure, CommandFailure::Garbled { .. }), "{failure:?}");
    assert_eq!(failure.frames()[1].bytes, bytes, "the raw bytes are kept");
}

#[tokio::test]
async fn h1_05_an_answer_may_come_in_any_pieces() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    for cut in 1..24 {
        let task = rig.start(read(1, &[Item::ForwardEnergy]));
        let asked = dtu.asked().await;
        let bytes = answer(&asked, &E1);
        let (head, tail) = bytes.split_at(cut);
        dtu.send(head).await;
        tokio::task::yield_now().await;
        dtu.send(tail).await;
        assert_eq!(number(done(task).await, Item::ForwardEnergy), Some(E1_WH), "cut at {cut}");
    }
}

#[tokio::test]
async fn h1_06_colliding_answers_to_a_wildcard_are_not_believed() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let one = frame(A, 0x93, &[0x02, 0, 0x31, 8, 0x22, 0x20]);
    let other = frame(B, 0x93, &[0x03, 0, 0x31, 8, 0x22, 0x20]);
    let table = [
        ("one meter", one.clone(), true),
        ("two whole answers", [one.clone(), other.clone()].concat(), false),
        ("a whole answer and rubbish", [one.as_slice(), &[0x55, 0x68]].concat(), false),
        ("rubbish and a whole answer", [&[0x55], one.as_slice()].concat(), false),
    ];
    for (name, bytes, good) in table {
        let task = rig.start(command(1, Action::ReadAddress));
        assert_eq!(dtu.asked().await.address, "AAAAAAAAAAAA");
        dtu.send(&bytes).await;
        match done(task).await {
            Ok(exchange) => assert!(good && exchange.address.as_deref() == Some(A), "{name}"),
            Err(failure) => {
                assert!(!good && matches!(failure, CommandFailure::Garbled { .. }), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn h1_06_no_wildcard_goes_to_a_line_with_several_meters() {
    let (rig, _dtu) = Rig::online(fast(), vec![prepaid(1, A), prepaid(2, B)]).await;
    let failure = done(rig.start(command(1, Action::ReadAddress))).await.expect_err("refused");
    assert!(matches!(failure, CommandFailure::Unsupported(_)), "{failure:?}");
    assert_eq!(rig.count("requests"), 0);
}

#[tokio::test]
async fn h1_07_an_answer_from_another_address_is_discarded_and_three_are_an_alarm() {
    let timing = gateway::Timing { read_tries: 1, ..fast() };
    let (mut rig, mut dtu) = Rig::online(timing, vec![prepaid(1, A)]).await;
    for _ in 0..3 {
        let task = rig.start(read(1, &[Item::ForwardEnergy]));
        let asked = dtu.asked().await;
        dtu.answer(&Asked { address: B.to_owned(), ..asked }, &E1).await;
        let failure = done(task).await.expect_err("another meter");
        assert!(matches!(failure, CommandFailure::WrongMeter { .. }), "{failure:?}");
    }
    let event = rig.until(|e| matches!(e, GatewayEvent::AddressClash { .. })).await;
    let (gateway, meter, answered) = (key(100), key(1), B.to_owned());
    assert_eq!(event, GatewayEvent::AddressClash { gateway, meter, answered });
    assert_eq!(rig.count("wrong_address"), 3);
}

#[tokio::test]
async fn h1_08_a_late_answer_is_never_the_answer_to_the_next_request() {
    let timing = gateway::Timing { read_tries: 1, ..fast() };
    let (mut rig, mut dtu) = Rig::online(timing, vec![prepaid(1, A)]).await;
    let first = rig.start(read(1, &[Item::ForwardEnergy]));
    let asked_first = dtu.asked().await;
    assert!(matches!(done(first).await, Err(CommandFailure::NoAnswer { .. })));
    // It arrives while the bus is being drained: before the next request is on the wire.
    let second = rig.start(read(1, &[Item::ForwardEnergy]));
    dtu.answer(&asked_first, &[0x99, 0, 0, 0]).await;
    let asked_second = dtu.asked().await;
    dtu.answer(&asked_second, &E1).await;
    assert_eq!(number(done(second).await, Item::ForwardEnergy), Some(E1_WH));
    let event = rig.until(|e| matches!(e, GatewayEvent::LateAnswer { .. })).await;
    let GatewayEvent::LateAnswer { meter, .. } = event else { unreachable!() };
    assert_eq!((meter, rig.count("late_answers")), (key(1), 1));
}

#[tokio::test]
async fn h1_08_a_late_83_tells_that_a_read_back_is_due() {
    let (mut rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let task = rig.start(top_up(1));
    let asked = dtu.asked().await;
    assert!(matches!(done(task).await, Err(CommandFailure::NoAnswer { .. })));
    let next = rig.start(read(1, &[Item::PurchaseCount]));
    let count = dtu.asked().await;
    // Late even for the drain: another function and identifier than the one awaited now.
    dtu.answer(&asked, &[]).await;
    dtu.answer(&count, &[8, 0]).await;
    assert_eq!(number(done(next).await, Item::PurchaseCount), Some(8));
    rig.until(|e| matches!(e, GatewayEvent::LateAnswer { meter, .. } if *meter == key(1))).await;
}

#[tokio::test]
async fn h1_16_a_heartbeat_or_registration_inside_an_answer_is_cut_out() {
    let mut line = dial_in(100, "LOGIN:1001", vec![prepaid(1, A), meter(2, "1", "acrel-ddsy1352")]);
    line.framing =
        Framing::Plain { heartbeat: b"HEART".to_vec(), registration_prefixes_packets: true };
    let mut rig = Rig::new(fast(), vec![line]).await;
    let mut dtu = rig.dial(b"LOGIN:1001").await;
    rig.until(|e| matches!(e, GatewayEvent::Online { .. })).await;
    for (text, cut) in [(b"LOGIN:1001".as_slice(), 0), (b"HEART", 0), (b"HEART", 9)] {
        let task = rig.start(read(1, &[Item::ForwardEnergy]));
        let asked = dtu.asked().await;
        let bytes = answer(&asked, &E1);
        dtu.send(&[&bytes[..cut], text, &bytes[cut..]].concat()).await;
        assert_eq!(number(done(task).await, Item::ForwardEnergy), Some(E1_WH), "at {cut}");

        let task = rig.start(read(2, &[Item::ForwardEnergy]));
        let request = dtu.hear(|bytes| bytes.len() >= 8).await;
        assert_eq!(request, with_crc(&[1, 3, 0, 0, 0, 2]));
        let bytes = with_crc(&[1, 3, 4, 0, 1, 0, 0]);
        dtu.send(&[&bytes[..cut.min(4)], text, &bytes[cut.min(4)..]].concat()).await;
        assert_eq!(number(done(task).await, Item::ForwardEnergy), Some(655_360), "at {cut}");
    }
}

#[tokio::test]
async fn h1_17_four_faith_stuffing_is_undone_below_the_meter_codec() {
    let mut line = dial_in(100, "x", vec![prepaid(1, A)]);
    line.link = gateway::line::Link::DialIn {
        registration: gateway::line::Registration::Vendor("13912345678".to_owned()),
    };
    line.framing = Framing::FourFaith;
    let mut rig = Rig::new(fast(), vec![line]).await;
    let registration = [&[0, 0, 0, 1], b"13912345678".as_slice(), &[0, 10, 0, 0, 1, 0]].concat();
    let mut dtu = rig.dial(&registration).await;
    rig.until(|e| matches!(e, GatewayEvent::Online { .. })).await;
    dtu.send(&[0xFE]).await;
    let task = rig.start(read(1, &[Item::ForwardEnergy]));
    let stuffed = dtu.hear(|bytes| bytes.len() >= 24 && bytes.ends_with(&[0x16])).await;
    assert!(stuffed.starts_with(&[0xFD, 0xEE, 0xFD, 0xEE, 0xFD, 0xEE, 0xFD, 0xEE, 0x68]));
    let asked = Asked { address: A.to_owned(), control: 0x11, data: vec![0, 0, 1, 0] };
    let mut reply = Vec::new();
    for byte in answer(&asked, &E1) {
        match byte {
            0xFE => reply.extend([0xFD, 0xEE]),
            0xFD => reply.extend([0xFD, 0xED]),
            other => reply.push(other),
        }
    }
    // The heartbeat FE may fall anywhere.
    reply.insert(20, 0xFE);
    dtu.send(&reply).await;
    assert_eq!(number(done(task).await, Item::ForwardEnergy), Some(E1_WH));
}

#[tokio::test]
async fn h1_18_a_frame_nobody_asked_for_is_an_event_and_the_exchange_goes_on() {
    let (mut rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A), prepaid(2, B)]).await;
    let task = rig.start(read(1, &[Item::ForwardEnergy]));
    let asked = dtu.asked().await;
    let alarm = frame(B, 0x91, &[0xFF, 0x11, 0x80, 0x02, 1, 2, 3]);
    dtu.send(&[alarm.clone(), answer(&asked, &E1)].concat()).await;
    assert_eq!(number(done(task).await, Item::ForwardEnergy), Some(E1_WH));
    let event = rig.until(|e| matches!(e, GatewayEvent::Spontaneous { .. })).await;
    let GatewayEvent::Spontaneous { meter, frame: heard, .. } = event else { unreachable!() };
    assert_eq!((meter, heard.as_slice()), (Some(key(2)), &alarm[4..]));
    // And while nothing is asked.
    dtu.send(&alarm).await;
    rig.until(|e| matches!(e, GatewayEvent::Spontaneous { .. })).await;
}

#[tokio::test]
async fn h1_19_a_long_value_whose_next_part_is_lost_is_read_from_its_start() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let items = [Item::ForwardEnergy, Item::ForwardEnergyValley];
    let task = rig.start(read(1, &items));
    for lost in [true, false] {
        let asked = dtu.asked().await;
        assert_eq!((asked.control, asked.identifier()), (0x11, 0x0001_FF00));
        let first = [&asked.data[..], &[0x11, 0, 0, 0, 0x22, 0, 0, 0]].concat();
        dtu.send(&frame(A, 0xB1, &first)).await;
        let asked = dtu.asked().await;
        assert_eq!((asked.control, asked.data.len(), asked.data[4]), (0x12, 5, 1));
        if !lost {
            let value = [0x33, 0, 0, 0, 0x44, 0, 0, 0, 0x55, 0, 0, 0];
            let part = [&asked.data[..4], &value, &[1]].concat();
            dtu.send(&frame(A, 0x92, &part)).await;
        }
    }
    let exchange = done(task).await.expect("the whole value");
    let numbers = items.map(|item| exchange.number(item));
    assert_eq!(numbers, [Some(110), Some(550)]);
    assert_eq!(rig.count("follow_up_restarts"), 1);
}

#[tokio::test]
async fn h1_21_and_22_signs_are_signs_and_all_ff_is_absent() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let items = [Item::CurrentA, Item::CurrentB];
    let table: [(&[u8], [Value; 2]); 2] = [
        (
            &[0x19, 0x15, 0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            [Value::Number(-11_519), Value::Absent],
        ),
        (&[0x19, 0x15, 0x01, 0, 0, 0, 0, 0, 0], [Value::Number(11_519), Value::Number(0)]),
    ];
    for (bytes, want) in table {
        let task = rig.start(read(1, &items));
        let asked = dtu.asked().await;
        dtu.answer(&asked, bytes).await;
        let values = done(task).await.expect("values").values;
        assert_eq!(values, [(items[0], want[0]), (items[1], want[1])]);
    }
    // A digit above nine is no number, and a value without it is not made up.
    let timing = gateway::Timing { read_tries: 1, ..fast() };
    let (rig, mut dtu) = Rig::online(timing, vec![prepaid(1, A)]).await;
    let task = rig.start(read(1, &[Item::ForwardEnergy]));
    let asked = dtu.asked().await;
    dtu.answer(&asked, &[0x1A, 0, 0, 0]).await;
    assert!(matches!(done(task).await, Err(CommandFailure::Garbled { .. })));
}

#[tokio::test]
async fn h1_23_a_broadcast_is_fired_and_nobody_is_waited_for() {
    let (rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A), prepaid(2, B)]).await;
    let task = rig.start(command(1, Action::BroadcastTime));
    let asked = dtu.asked().await;
    assert_eq!((asked.address.as_str(), asked.control, asked.data.len()), ("999999999999", 8, 6));
    let exchange = done(task).await.expect("sent");
    assert_eq!((exchange.frames.len(), rig.count("timeouts")), (1, 0));
}

#[tokio::test]
async fn h1_11_no_relay_command_goes_to_a_meter_whose_clock_is_far_off() {
    let (mut rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let task = rig.start(relay(1, RelayCommand::Trip));
    let asked = dtu.asked().await;
    assert_eq!(asked.identifier(), 0x0400_010C);
    // The bench meter of H.1 no. 11 was 2 h 48 min slow.
    dtu.answer(&asked, &clock_value(-10_080)).await;
    match done(task).await {
        Err(CommandFailure::NotSent { why: NotSent::ClockOff { seconds }, frames }) => {
            assert!((-10_085..=-10_075).contains(&seconds), "{seconds}");
            assert_eq!(frames.len(), 2);
        }
        other => panic!("{other:?}"),
    }
    rig.until(|e| matches!(e, GatewayEvent::ClockOff { meter, .. } if *meter == key(1))).await;

    // Setting it makes the clock unknown, so it is read again before the next command.
    let task = rig.start(command(1, Action::SetClock));
    for identifier in [0x0400_0101, 0x0400_0102] {
        let asked = dtu.asked().await;
        assert_eq!((asked.control, asked.identifier()), (0x14, identifier));
        dtu.send(&frame(A, 0x94, &[])).await;
    }
    done(task).await.expect("set");
    let task = rig.start(relay(1, RelayCommand::Close));
    let asked = dtu.asked().await;
    dtu.answer(&asked, &clock_value(3)).await;
    let asked = dtu.asked().await;
    assert_eq!((asked.control, asked.data.len(), asked.data[8]), (0x1C, 16, 0x1C));
    assert_eq!(asked.data[..8], [2, 0, 0, 0, 1, 0, 0, 0], "level, password, operator tag");
    dtu.send(&frame(A, 0x9C, &[])).await;
    done(task).await.expect("accepted");
    // The clock is known now: the next command goes out at once.
    let task = rig.start(relay(1, RelayCommand::KeepPower));
    let asked = dtu.asked().await;
    assert_eq!((asked.control, asked.data[8]), (0x1C, 0x3A));
    dtu.send(&frame(A, 0x9C, &[])).await;
    done(task).await.expect("accepted");
}

#[tokio::test]
async fn h1_13_a_refused_password_is_not_tried_again() {
    let (mut rig, mut dtu) = Rig::online(fast(), vec![prepaid(1, A)]).await;
    let task = rig.start(command(1, Action::SetClock));
    dtu.asked().await;
    dtu.send(&frame(A, 0xD4, &[0x04])).await;
    let failure = done(task).await.expect_err("refused");
    let meaning = Refusal::Password;
    assert!(
        matches!(&failure, CommandFailure::Refused { meaning: m, raw: 4, .. } if *m == meaning)
    );
    rig.until(|e| matches!(e, GatewayEvent::PasswordRefused { .. })).await;
    for again in [relay(1, RelayCommand::Close), command(1, Action::SetClock)] {
        let failure = done(rig.start(again)).await.expect_err("resting");
        let why = NotSent::PasswordLocked;
        assert!(matches!(&failure, CommandFailure::NotSent { why: w, .. } if *w == why));
    }
    assert_eq!(rig.count("requests"), 1);
}

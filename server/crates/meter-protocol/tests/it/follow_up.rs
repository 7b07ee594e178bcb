//! Long values put together from 11H and 12H frames (A.3, H.1 case 19).

use meter_protocol::Payload;
use meter_protocol::dlt645::{
    Address, Assembly, AssemblyError, AssemblyStep, Command, Control, Di, Frame, Mismatch, Reply,
    Request,
};

const DI: Di = Di(0x0333_01FF);

fn meter() -> Address {
    "202208310002".parse().unwrap()
}

fn frame(control: u8, value: &[u8], sequence: Option<u8>) -> Frame {
    let data = [&DI.wire()[..], value, sequence.as_slice()].concat();
    let data = Payload::try_from(data.as_slice()).unwrap();
    Frame { address: meter(), control: Control(control), data }
}

fn follow_up(sequence: u8) -> Request {
    Request::new(meter(), Command::ReadFollowUp { di: DI, sequence }).unwrap()
}

#[test]
fn parts_are_joined_in_sequence_until_no_more_follow() {
    // Firmware A cuts at 196 data bytes in the first frame and 195 in the next.
    let (first, second, third) = ([1; 192], [2; 190], [3; 5]);
    let read = Request::read(meter(), DI).unwrap();
    let reply = frame(0xB1, &first, None);
    let step = Assembly::begin(DI, &Reply::parse(&reply, &read).unwrap()).unwrap();
    let AssemblyStep::Ask { assembly, sequence: 1 } = step else { panic!("{step:?}") };

    let reply = frame(0xB2, &second, Some(1));
    let step = assembly.advance(&Reply::parse(&reply, &follow_up(1)).unwrap()).unwrap();
    let AssemblyStep::Ask { assembly, sequence: 2 } = step else { panic!("{step:?}") };

    let reply = frame(0x92, &third, Some(2));
    let step = assembly.advance(&Reply::parse(&reply, &follow_up(2)).unwrap()).unwrap();
    let expected = [&first[..], &second, &third].concat();
    assert_eq!(step, AssemblyStep::Complete(expected));
}

#[test]
fn a_short_value_is_complete_at_once() {
    let read = Request::read(meter(), DI).unwrap();
    let reply = frame(0x91, &[7], None);
    let step = Assembly::begin(DI, &Reply::parse(&reply, &read).unwrap());
    assert_eq!(step, Ok(AssemblyStep::Complete(vec![7])));
}

#[test]
fn a_missing_or_repeated_part_is_an_error_and_never_half_a_table() {
    let late = frame(0x92, &[1], Some(1));
    let mismatch = Mismatch::Sequence { asked: 2, got: 1 };
    assert_eq!(Reply::parse(&late, &follow_up(2)), Err(mismatch));

    let read = Request::read(meter(), DI).unwrap();
    let reply = frame(0xB1, &[1], None);
    let value = Reply::parse(&reply, &read).unwrap();
    let Ok(AssemblyStep::Ask { assembly, .. }) = Assembly::begin(DI, &value) else { panic!() };
    // The meter answers the first frame once more instead of the next part.
    assert_eq!(assembly.advance(&value), Err(AssemblyError::NotNext { di: DI }));
    let other = Assembly::begin(Di(1), &value);
    assert_eq!(other, Err(AssemblyError::NotNext { di: Di(1) }));
}

#[test]
fn a_meter_that_never_ends_meets_the_bound() {
    let read = Request::read(meter(), DI).unwrap();
    let part = [9; 150];
    let reply = frame(0xB1, &part, None);
    let mut step = Assembly::begin(DI, &Reply::parse(&reply, &read).unwrap());
    let mut asked = 0;
    while let Ok(AssemblyStep::Ask { assembly, sequence }) = step {
        asked += 1;
        let reply = frame(0xB2, &part, Some(sequence));
        step = assembly.advance(&Reply::parse(&reply, &follow_up(sequence)).unwrap());
    }
    assert_eq!(step, Err(AssemblyError::TooLong { di: DI }));
    assert!(asked < 256, "{asked}");

    // Tiny parts run out of sequence numbers first.
    let reply = frame(0xB1, &[], None);
    let mut step = Assembly::begin(DI, &Reply::parse(&reply, &read).unwrap());
    while let Ok(AssemblyStep::Ask { assembly, sequence }) = step {
        let reply = frame(0xB2, &[], Some(sequence));
        step = assembly.advance(&Reply::parse(&reply, &follow_up(sequence)).unwrap());
    }
    assert_eq!(step, Err(AssemblyError::TooLong { di: DI }));
}

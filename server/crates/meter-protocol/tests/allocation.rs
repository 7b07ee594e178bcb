//! Goal G9, the half that does not depend on the machine: no allocation per frame.
//!
//! Alone in its binary, because the profiler counts every allocation of the process.

use meter_protocol::dlt645::{DATA_LEN_MAX, Di, Reply, Request, decode};
use meter_protocol::{Decoded, bcd_to_u64, cjt188, hex, modbus};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const READING: &str = "FE FE FE FE 68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16";
const WATER: &str = "68 10 44 33 22 11 00 33 78 81 16 1F 90 00 00 77 66 55 2C 00 77 66 55 2C 31 \
                     01 22 11 05 15 20 21 84 13 16";
const REGISTERS: &str = "01 03 04 00 01 E2 40 E2 A3";

#[test]
fn decoding_correlating_reading_and_encoding_again_allocates_nothing() {
    let line = hex::parse(READING).unwrap();
    let water = hex::parse(WATER).unwrap();
    let registers = hex::parse(REGISTERS).unwrap();
    let asked = Request::read("000000000161".parse().unwrap(), Di(0x0001_0000)).unwrap();
    let modbus_asked = modbus::Request::read_holding(1, 0, 2).unwrap();
    let mut out = Vec::with_capacity(64);

    let profiler = dhat::Profiler::builder().testing().build();
    let before = dhat::HeapStats::get().total_blocks;
    for _ in 0..1_000 {
        let Decoded::Skip(preamble) = decode(&line, DATA_LEN_MAX) else { panic!() };
        let Decoded::Frame { frame, .. } = decode(&line[preamble..], DATA_LEN_MAX) else {
            panic!()
        };
        let Ok(Reply::Value { value, .. }) = Reply::parse(&frame, &asked) else { panic!() };
        assert_eq!(bcd_to_u64(value), Ok(Some(26)));
        out.clear();
        asked.encode(4, &mut out);

        assert!(matches!(
            cjt188::decode(&water, cjt188::DATA_LEN_MAX),
            Decoded::Frame { consumed: 35, .. }
        ));

        let Decoded::Frame { frame, .. } = modbus::decode_reply(&registers, &modbus_asked) else {
            panic!()
        };
        assert!(modbus::Reply::parse(&frame, &modbus_asked).is_ok());
    }
    let allocated = dhat::HeapStats::get().total_blocks - before;
    drop(profiler);
    assert_eq!(allocated, 0);
}

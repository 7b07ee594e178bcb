//! Goal G9: at least two million DL/T 645 frames a second on one core.
//!
//! Prints the rate of finding, checking, correlating and reading one answer, over a long buffer of
//! glued captured frames with preambles. `cargo bench -p meter-protocol --bench decode`

use meter_protocol::dlt645::{DATA_LEN_MAX, Di, Reply, Request, decode};
use meter_protocol::{Decoded, bcd_to_u64, hex};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Captured answers: 8, 6 and 69 data bytes.
const FRAMES: [(&str, &str); 3] = [
    (
        "energy, 8 data bytes",
        "FE FE FE FE 68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16",
    ),
    ("voltage, 6 data bytes", "68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16"),
    (
        "bulk block, 69 data bytes",
        "68 20 00 51 05 03 26 68 91 45 32 44 B3 35 33 33 33 33 33 33 33 33 77 57 54 56 33 57 45 \
         C5 B4 33 33 33 33 33 33 4A 83 B7 4C 83 B7 33 33 33 34 33 33 95 BC 95 BC 33 43 33 43 98 C6 \
         79 33 33 33 33 33 33 33 33 33 98 C6 79 33 33 33 33 33 36 33 D9 16",
    ),
];
const GLUED: usize = 1_000;
const ROUNDS: usize = 300;

fn main() {
    // `cargo bench` says so; under `cargo test --all-targets` one round proves that it runs.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    for (name, text) in FRAMES {
        let Ok(frame) = hex::parse(text) else { continue };
        let line = frame.repeat(GLUED);
        read_all(&line);
        let best = (0..5).map(|_| measure(&line, rounds)).min().unwrap_or_default();
        let frames = GLUED * rounds;
        let nanos = best.as_nanos() / frames as u128;
        let rate = frames as u128 * 1_000_000_000 / best.as_nanos().max(1);
        println!("G9 decode {name}: {rate} frames/s, {nanos} ns a frame (goal 2000000 frames/s)");
    }
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures the wall")]
fn measure(line: &[u8], rounds: usize) -> Duration {
    let start = Instant::now();
    for _ in 0..rounds {
        black_box(read_all(black_box(line)));
    }
    start.elapsed()
}

fn read_all(mut line: &[u8]) -> u64 {
    let asked = "000000000161".parse().ok().map(|meter| Request::read(meter, Di(0x0001_0000)));
    let Some(Ok(asked)) = asked else { return 0 };
    let mut sum = 0;
    loop {
        match decode(line, DATA_LEN_MAX) {
            Decoded::NeedMore => return sum,
            Decoded::Skip(count) => line = &line[count..],
            Decoded::Frame { frame, consumed } => {
                if let Ok(Reply::Value { value, .. }) = Reply::parse(&frame, &asked)
                    && let Ok(Some(number)) = bcd_to_u64(value)
                {
                    sum += number;
                }
                sum += u64::from(frame.control.0);
                line = &line[consumed..];
            }
        }
    }
}

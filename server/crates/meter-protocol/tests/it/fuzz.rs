//! A bounded fuzz run that is part of every test run: golden frames, mutated.
//!
//! `YUFU_SEED` replays a run, `YUFU_FUZZ_ITERATIONS` makes it longer (`make fuzz`). A failure
//! prints the seed and the bytes.

use crate::properties::{drain, every_decoder, every_framing};
use crate::support::{Dice, golden};
use meter_protocol::dlt645;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs in about a second in a debug build.
const ITERATIONS: u64 = 10_000;
/// Any number; a failing run prints the one it used.
const SEED: u64 = 0x0645_2007;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number")),
        Err(_) => default,
    }
}

fn mutated(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = corpus[dice.below(corpus.len())].clone();
    if dice.below(3) == 0 {
        bytes.extend_from_slice(&corpus[dice.below(corpus.len())]);
    }
    for _ in 0..dice.below(5) {
        let at = dice.below(bytes.len());
        match dice.below(6) {
            0 => bytes[at] = dice.byte(),
            1 => bytes.insert(at, dice.byte()),
            2 if bytes.len() > 1 => drop(bytes.remove(at)),
            3 => bytes.truncate(at.max(1)),
            4 => bytes.insert(at, [0x68, 0x16, 0xFE, 0x7B, 0x7D, 0xFD][dice.below(6)]),
            _ => bytes[at] ^= 1 << dice.below(8),
        }
    }
    bytes
}

#[test]
fn mutated_golden_frames_never_panic_stall_or_grow() {
    let seed = setting("YUFU_SEED", SEED);
    let iterations = setting("YUFU_FUZZ_ITERATIONS", ITERATIONS);
    println!("fuzz: YUFU_SEED={seed} YUFU_FUZZ_ITERATIONS={iterations}");
    let corpus: Vec<Vec<u8>> = golden().iter().map(crate::support::Golden::bytes).collect();
    let mut dice = Dice(seed);
    let mut frames = 0;
    for iteration in 0..iterations {
        let bytes = mutated(&corpus, &mut dice);
        let split = 1 + dice.below(bytes.len());
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            every_decoder(&bytes);
            every_framing(&bytes, split);
            drain(&bytes, |buf| dlt645::decode(buf, dlt645::DATA_LEN_MAX))
        }));
        match outcome {
            Ok(found) => frames += found,
            Err(panic) => {
                let hex = meter_protocol::hex::spaced(&bytes);
                eprintln!("fuzz: YUFU_SEED={seed} iteration {iteration} split {split}: {hex}");
                resume_unwind(panic);
            }
        }
    }
    // A run that only ever sees garbage tests nothing.
    assert!(frames > 0 || iterations < 100, "no mutated frame was still a frame");
}

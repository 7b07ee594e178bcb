//! A bounded fuzz run of the bill readers that is part of every test run: whole bills, mutated.
//!
//! `YUFU_SEED` replays a run, `YUFU_FUZZ_ITERATIONS` makes it longer (`make fuzz`). A failure
//! prints the seed and the bytes.

// The fuzz run stops where it shows.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::{Cursor, Write},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use connector::{alipay, wechat_pay};
use serde_json::Value;

/// Runs in about two seconds in a debug build.
const ITERATIONS: u64 = 1_000;
/// Any number; a failing run prints the one it used.
const SEED: u64 = 0x20_26_11;

const VECTORS: &str = include_str!("wechat_pay/vectors.json");
const ARCHIVE: &[u8] = include_bytes!("alipay/bill.zip");
/// What separates things in one of the four formats.
const MARKS: &[&[u8]] =
    &[b"`", b",`", b",", b"\r\n", b"\"", b"#", b"\t", b"-", b".", b"\xef\xbb\xbf", b"\xb1\xca"];

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number")),
        Err(_) => default,
    }
}

fn mutated(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = corpus[dice.below(corpus.len())].clone();
    for _ in 0..dice.below(5) {
        let at = dice.below(bytes.len());
        match dice.below(6) {
            0 => bytes[at] = dice.byte(),
            1 => bytes.insert(at, dice.byte()),
            2 if bytes.len() > 1 => drop(bytes.remove(at)),
            3 => bytes.truncate(at.max(1)),
            4 => drop(bytes.splice(at..at, MARKS[dice.below(MARKS.len())].to_vec())),
            _ => bytes[at] ^= 1 << dice.below(8),
        }
    }
    bytes
}

/// Wraps a text as Alipay does, so that its own check sum does not hide it from the reader.
fn archive(name: &str, text: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    writer.start_file(name, options).unwrap();
    writer.write_all(text).unwrap();
    writer.finish().unwrap().into_inner()
}

/// Offers the bytes to every reader, as they are and wrapped; answers how many took them for a
/// whole bill.
fn every_reader(bytes: &[u8]) -> usize {
    let mut sha1 = [0; 20];
    sha1.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
    let link = wechat_pay::bill::Link { sha1, path_and_query: String::new() };
    let mut whole = 0;
    whole += usize::from(wechat_pay::bill::read_trade(&link, bytes, |_| {}).is_ok());
    whole += usize::from(wechat_pay::bill::read_fund_flow(&link, bytes, |_| {}).is_ok());
    let trade = archive("1_业务明细.csv", bytes);
    let account = archive("1_账务明细.csv", bytes);
    for zip in [bytes, &trade, &account] {
        whole += usize::from(alipay::bill::read_trade(Cursor::new(zip), |_| {}).is_ok());
        whole += usize::from(alipay::bill::read_account(Cursor::new(zip), |_| {}).is_ok());
    }
    whole
}

fn corpus() -> Vec<Vec<u8>> {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let bills = vectors["bills"].as_object().unwrap().values();
    let mut corpus: Vec<Vec<u8>> = bills
        .flat_map(|bill| [&bill["base64"], &bill["gzip"]])
        .map(|text| BASE64.decode(text.as_str().unwrap()).unwrap())
        .collect();
    corpus.push(ARCHIVE.to_vec());
    let mut zip = zip::ZipArchive::new(Cursor::new(ARCHIVE)).unwrap();
    for index in 0..zip.len() {
        let mut text = Vec::new();
        std::io::copy(&mut zip.by_index(index).unwrap(), &mut text).unwrap();
        corpus.push(text);
    }
    corpus
}

#[test]
fn mutated_bills_never_panic_and_few_of_them_are_still_bills() {
    let seed = setting("YUFU_SEED", SEED);
    let iterations = setting("YUFU_FUZZ_ITERATIONS", ITERATIONS);
    println!("fuzz: YUFU_SEED={seed} YUFU_FUZZ_ITERATIONS={iterations}");
    let corpus = corpus();
    let mut dice = Dice(seed);
    let mut whole = 0;
    for iteration in 0..iterations {
        let bytes = mutated(&corpus, &mut dice);
        match catch_unwind(AssertUnwindSafe(|| every_reader(&bytes))) {
            Ok(found) => whole += found,
            Err(panic) => {
                let bytes = BASE64.encode(&bytes);
                eprintln!("fuzz: YUFU_SEED={seed} iteration {iteration}: {bytes}");
                resume_unwind(panic);
            }
        }
    }
    // A run that only ever sees garbage tests nothing.
    assert!(whole > 0 || iterations < 100, "no mutated bill was still a bill");
}

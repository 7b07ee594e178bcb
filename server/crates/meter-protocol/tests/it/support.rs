//! What several test files share: the golden frames and a small seeded generator.
#![allow(dead_code, reason = "each test binary uses its own part")]

use serde::Deserialize;

/// One row of `frames.json`, whose bytes come from captures, manuals and layouts, never from here.
#[derive(Debug, Deserialize)]
pub struct Golden {
    pub protocol: String,
    pub direction: String,
    pub hex: String,
    pub meaning: String,
    pub expect: String,
}

impl Golden {
    pub fn bytes(&self) -> Vec<u8> {
        meter_protocol::hex::parse(&self.hex).unwrap()
    }

    pub fn is_valid(&self) -> bool {
        self.expect == "valid"
    }

    pub fn is_reply(&self) -> bool {
        self.direction == "reply"
    }
}

pub fn golden() -> Vec<Golden> {
    serde_json::from_str(include_str!("../frames.json")).unwrap()
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same bytes on every machine.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }
}

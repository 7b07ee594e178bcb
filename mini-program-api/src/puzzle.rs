//! Work that a machine shows before it gets more messages (S17): a text whose SHA-256 begins with
//! so many zero bits.
//!
//! The puzzle is signed and tells its own bounds, so nothing is kept before it is solved; a proof
//! is the puzzle, a dot and whatever makes the hash come out.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Rng;

use crate::keyed::{Keyed, MAC_LEN, drawn};

/// The least work: about 65,000 hashes, a second on an old phone.
pub const BITS_MIN: u32 = 16;
/// The most work that is asked of anybody.
pub const BITS_MAX: u32 = 22;
/// How long a puzzle may be worked on.
pub const LIFE: TimeDelta = TimeDelta::minutes(5);
/// The longest proof that is looked at, in bytes.
pub const PROOF_MAX: usize = 160;

const NONCE_LEN: usize = 16;
const TIME_LEN: usize = 8;
const BITS_LEN: usize = 2;
const PUZZLE_LEN: usize = TIME_LEN + BITS_LEN + NONCE_LEN + MAC_LEN;

/// A puzzle of so many bits for whoever is named; it is worth nothing for anybody else.
pub fn make(keyed: &Keyed, rng: &dyn Rng, whom: &str, bits: u32, now: DateTime<Utc>) -> String {
    let bits = bits.clamp(BITS_MIN, BITS_MAX);
    let body = format!("{:08x}{bits:02x}{}", now.timestamp(), drawn(rng, NONCE_LEN / 2));
    let mac = keyed.hash("puzzle", &[&body, whom]);
    format!("{body}{}", &mac[..MAC_LEN])
}

/// The puzzle a proof solves, if it is one of ours for whoever is named, not too old, and solved.
/// That it is used once is for the caller to see to.
pub fn solved<'a>(
    keyed: &Keyed,
    proof: &'a str,
    whom: &str,
    now: DateTime<Utc>,
) -> Option<&'a str> {
    if proof.len() > PROOF_MAX {
        return None;
    }
    let (puzzle, _) = proof.split_once('.')?;
    if puzzle.len() != PUZZLE_LEN || !puzzle.is_ascii() {
        return None;
    }
    let (body, mac) = puzzle.split_at(PUZZLE_LEN - MAC_LEN);
    if !keyed.fits(mac, "puzzle", &[body, whom]) {
        return None;
    }
    let made = i64::from_str_radix(&body[..TIME_LEN], 16).ok()?;
    let bits = u32::from_str_radix(&body[TIME_LEN..TIME_LEN + BITS_LEN], 16).ok()?;
    let age = now.timestamp() - made;
    let in_time = (0..=LIFE.num_seconds()).contains(&age);
    (in_time && zero_bits(proof) >= bits).then_some(puzzle)
}

/// How many zero bits the hash of a text begins with.
fn zero_bits(text: &str) -> u32 {
    let hash = digest(&SHA256, text.as_bytes());
    let mut bits = 0;
    for byte in hash.as_ref() {
        bits += byte.leading_zeros();
        if *byte != 0 {
            break;
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use domain::SeededRng;

    use super::*;

    fn keyed() -> Keyed {
        Keyed::new(&[3; 32]).unwrap()
    }

    fn at(second: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(1_800_000_000 + second, 0).unwrap()
    }

    fn work(puzzle: &str, bits: u32) -> String {
        let tries = (0u64..).map(|n| format!("{puzzle}.{n}"));
        tries.into_iter().find(|proof| zero_bits(proof) >= bits).unwrap()
    }

    /// Counted from what `sha256sum` prints: ba78…, 2cf2…, 0032…, 000f…, 0003….
    #[test]
    fn zero_bits_are_counted_from_the_front() {
        let table = [("abc", 0), ("hello", 2), ("286", 10), ("886", 12), ("1039", 14)];
        for (text, bits) in table {
            assert_eq!(zero_bits(text), bits, "{text}");
        }
    }

    #[test]
    fn a_puzzle_is_solved_by_work_by_its_own_client_and_in_time() {
        let puzzle = make(&keyed(), &SeededRng::new(1), "me", BITS_MIN, at(0));
        let proof = work(&puzzle, BITS_MIN);
        let table = [
            ("solved", proof.clone(), "me", 1, true),
            ("at the end of its time", proof.clone(), "me", 300, true),
            ("too late", proof.clone(), "me", 301, false),
            ("before it was made", proof.clone(), "me", -1, false),
            ("another's", proof.clone(), "you", 1, false),
            ("no work", format!("{puzzle}.x"), "me", 1, false),
            ("no dot", puzzle.clone(), "me", 1, false),
            ("endless", format!("{proof}{}", "0".repeat(PROOF_MAX)), "me", 1, false),
            ("nothing", String::new(), "me", 1, false),
            ("no text of ours", format!("{}.1", "é".repeat(29)), "me", 1, false),
        ];
        for (name, proof, whom, second, good) in table {
            let found = solved(&keyed(), &proof, whom, at(second));
            assert_eq!(found == Some(puzzle.as_str()), good, "{name}");
        }
    }

    #[test]
    fn nobody_makes_a_puzzle_lighter_or_younger() {
        let puzzle = make(&keyed(), &SeededRng::new(1), "me", BITS_MIN, at(0));
        let lighter = format!("{}01{}", &puzzle[..TIME_LEN], &puzzle[TIME_LEN + BITS_LEN..]);
        let younger = format!("{:08x}{}", at(200).timestamp(), &puzzle[TIME_LEN..]);
        for bent in [lighter, younger] {
            let proof = work(&bent, BITS_MIN);
            assert_eq!(solved(&keyed(), &proof, "me", at(201)), None);
        }
    }
}

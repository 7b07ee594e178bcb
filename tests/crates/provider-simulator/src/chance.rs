//! All chance from one seed: nonces, codes and whether a rule of probability strikes.

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The letters and digits of nonces and wallet codes.
const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The one source of chance; the same seed and the same calls give the same run.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// True in `permille` of 1,000 cases.
    pub(crate) fn strikes(&mut self, permille: u32) -> bool {
        permille >= 1_000 || self.0.random_range(0..1_000) < permille
    }

    /// So many letters and digits.
    pub(crate) fn letters(&mut self, count: usize) -> String {
        let letter = |_| char::from(LETTERS[self.0.random_range(0..LETTERS.len())]);
        (0..count).map(letter).collect()
    }

    /// So many upper-case hexadecimal digits.
    pub(crate) fn hex(&mut self, count: usize) -> String {
        (0..count).map(|_| format!("{:X}", self.0.random_range(0..16))).collect()
    }

    /// So many digits.
    pub(crate) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| format!("{}", self.0.random_range(0..10))).collect()
    }

    /// A number below the bound; zero when the bound is.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound.max(1))
    }

    /// A random identity in the form of a UUID, as `id` of WeChat callbacks.
    pub(crate) fn uuid(&mut self) -> String {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn one_seed_gives_one_run_and_never_and_always_are_exact() {
        let (mut one, mut two) = (Chance::new(7), Chance::new(7));
        assert_eq!(one.letters(32), two.letters(32));
        assert_eq!(one.uuid(), two.uuid());
        assert!((0..1_000).all(|_| one.strikes(1_000) && !one.strikes(0)));
        let struck = (0..10_000).filter(|_| one.strikes(100)).count();
        assert!((800..1_200).contains(&struck), "{struck}");
    }
}

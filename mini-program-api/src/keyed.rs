//! Hashes only this site can make. What is short enough to be tried out (codes, phone numbers,
//! addresses) is stored and named under one of these; what was signed with one is believed.

use std::{fmt, net::IpAddr};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest, hmac};

use crate::failure::{Failure, Result};

/// The shortest key, in bytes: as long as the hash.
pub const KEY_MIN: usize = 32;

/// The key of keyed hashes.
pub struct Keyed(hmac::Key);

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyed(***)")
    }
}

impl Keyed {
    /// A key from its bytes, at least [`KEY_MIN`].
    pub fn new(secret: &[u8]) -> Result<Keyed> {
        if secret.len() < KEY_MIN {
            return Err(Failure::internal(&"a key of hashes has at least 32 bytes"));
        }
        Ok(Keyed(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// The hash of some texts for one use, in 64 hexadecimal digits. Each text goes in with its
    /// length, so that no two lists of texts look alike.
    pub fn hash(&self, used_for: &str, parts: &[&str]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [used_for].iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        hex(context.sign().as_ref())
    }

    /// Whether a hash, or the beginning of one, is that of these texts.
    pub fn fits(&self, shown: &str, used_for: &str, parts: &[&str]) -> bool {
        let hash = self.hash(used_for, parts);
        shown.len() >= MAC_LEN && hash.get(..shown.len()).is_some_and(|hash| same(hash, shown))
    }

    /// What a budget names an address by: of IPv6 the network, because one home has them all.
    pub fn address(&self, ip: IpAddr) -> String {
        let named = match ip.to_canonical() {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        };
        self.hash("address", &[&named])
    }
}

/// How many digits of a hash stand in what is signed: 128 bits.
pub const MAC_LEN: usize = 32;

/// True if two texts are the same, in a time that tells nothing.
pub fn same(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

/// SHA-256 of a text that nobody can try out, in hexadecimal.
pub fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// So many random bytes in hexadecimal.
pub fn drawn(rng: &dyn domain::Rng, bytes: usize) -> String {
    let mut drawn = vec![0u8; bytes];
    rng.fill(&mut drawn);
    hex(&drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed() -> Keyed {
        Keyed::new(b"0123456789abcdef0123456789abcdef").unwrap()
    }

    #[test]
    fn a_hash_is_of_its_use_its_texts_and_their_bounds() {
        let keyed = keyed();
        let hash = keyed.hash("code", &["a", "bc"]);
        for other in [
            keyed.hash("code", &["ab", "c"]),
            keyed.hash("codea", &["bc"]),
            keyed.hash("ticket", &["a", "bc"]),
            Keyed::new(&[7; 32]).unwrap().hash("code", &["a", "bc"]),
        ] {
            assert_ne!(hash, other);
        }
        assert!(keyed.fits(&hash, "code", &["a", "bc"]));
        assert!(keyed.fits(&hash[..MAC_LEN], "code", &["a", "bc"]));
        assert!(!keyed.fits(&hash[..MAC_LEN - 1], "code", &["a", "bc"]), "too short to believe");
        assert!(!keyed.fits("", "code", &["a", "bc"]));
        assert!(!keyed.fits(&format!("{hash}0"), "code", &["a", "bc"]));
    }

    #[test]
    fn the_addresses_of_one_home_are_one() {
        let of = |ip: &str| keyed().address(ip.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }

    #[test]
    fn a_short_key_is_refused_and_no_key_is_printed() {
        assert!(Keyed::new(&[7; KEY_MIN - 1]).is_err());
        assert_eq!(format!("{:?}", keyed()), "Keyed(***)");
    }

    /// FIPS 180-2, appendix B.1.
    #[test]
    fn sha256_is_that_of_the_standard() {
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256("abc"), want);
    }
}

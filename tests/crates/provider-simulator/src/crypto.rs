//! Signing, verification and encryption, the simulator's own: built straight on aws-lc-rs, so
//! that it can contradict the product's.

pub mod rsa;
pub use rsa::{KeyError, RsaKey};
pub(crate) mod aes;
pub(crate) mod certificate;
pub(crate) mod digest;

//! Card meters: value travels as a numbered voucher the server made for one card, one order and
//! one sequence number; the kiosk only carries blocks it can neither read as money nor make (V6).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `POST /lookups/card`: what the reader saw, before anything is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardLookup {
    /// The card's own number, hexadecimal.
    pub uid: String,
    /// Which format answered, `yufu-m1`.
    pub format: String,
    /// The blocks that were read, as the format names them.
    pub blocks: Vec<Block>,
}

/// One block of sixteen bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its number on the card.
    pub number: u8,
    /// Its sixteen bytes in hexadecimal; empty where it could not be read.
    pub bytes: String,
}

/// `POST /cards/keys`: the keys of one card, diversified, for one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardKeysRequest {
    /// The card's own number, hexadecimal.
    pub uid: String,
}

/// Kept in memory that is wiped, never on disk.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardKeys {
    /// Key A of the sectors, six bytes in hexadecimal.
    pub key_a: String,
    /// The first block of copy A and of copy B.
    pub copies: [u8; 2],
}

impl std::fmt::Debug for CardKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CardKeys").field("copies", &self.copies).finish_non_exhaustive()
    }
}

/// `POST /orders/{id}/voucher`: the card lies on the reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherRequest {
    /// The card's own number, hexadecimal.
    pub uid: String,
    /// Both copies as they were read just now.
    pub blocks: Vec<Block>,
}

/// What to write. Asked for again it is the same one: there is never a second voucher for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// This voucher.
    pub id: Uuid,
    /// The purchase's sequence number on this card.
    pub seq: u32,
    /// Which copy is written: the older one, never the only valid one.
    pub copy: u8,
    /// The blocks in the order they are written; the last one makes the copy valid.
    pub blocks: Vec<Block>,
    /// True where the card already carries it: nothing is written.
    pub on_card: bool,
    /// How long it may be written.
    pub expires_in_ms: u64,
}

/// `POST /vouchers/{id}/outcome`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherReport {
    /// How it ended.
    pub outcome: VoucherOutcome,
    /// Both copies as they were read afterwards; empty where the card was gone.
    pub blocks: Vec<Block>,
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoucherOutcome {
    /// Written and read back.
    Written,
    /// Proven by a later reading not to be on the card.
    NotWritten,
    /// Nobody knows; the same card has to be read again.
    Unknown,
}

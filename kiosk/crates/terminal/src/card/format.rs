//! What a family of meters has on its cards.

use kiosk_wire::{
    card::{Block, CardKeys, Voucher, VoucherOutcome},
    card_format::BLOCK_BYTES,
};

/// A block to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockWrite {
    /// Its number.
    pub number: u8,
    /// Its bytes.
    pub bytes: [u8; BLOCK_BYTES],
}

/// Why a voucher is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Its blocks are not those of one copy, in their order.
    #[error("the voucher's blocks are not those of one copy")]
    Misshapen,
    /// The other copy cannot be read, so this one may be the only one there is.
    #[error("the other copy cannot be read")]
    OnlyCopy,
}

/// A card format. It knows where things lie, never what they are worth.
pub trait CardFormat: Send {
    /// The name both sides give it.
    fn name(&self) -> &'static str;

    /// The numbers of the blocks of both copies.
    fn blocks(&self, keys: &CardKeys) -> Vec<u8>;

    /// What has to be written, in its order, to a card that reads like this.
    fn plan(
        &self,
        keys: &CardKeys,
        voucher: &Voucher,
        before: &[Block],
    ) -> Result<Vec<BlockWrite>, PlanError>;

    /// Whether a card that reads like this carries the voucher: written, proven not written, or
    /// unknown where a block could not be read.
    fn verify(&self, voucher: &Voucher, read: &[Block]) -> VoucherOutcome;
}

//! `yufu-m1`: two copies of three blocks (see [`kiosk_wire::card_format`]).

use kiosk_wire::{
    card::{Block, CardKeys, Voucher, VoucherOutcome},
    card_format::{BLOCK_BYTES, COPY_BLOCKS, NAME, unhex},
};

use super::{
    format::{BlockWrite, CardFormat, PlanError},
    mifare::is_reserved,
};

/// Our own format.
#[derive(Clone, Copy, Debug, Default)]
pub struct YufuM1;

impl CardFormat for YufuM1 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn blocks(&self, keys: &CardKeys) -> Vec<u8> {
        keys.copies.iter().flat_map(|first| copy(*first)).collect()
    }

    /// Invariant: a copy is only written while the other one can be read, its commit block last;
    /// proved by `wherever_a_write_is_torn_a_valid_copy_remains_and_the_next_one_ends_it`.
    fn plan(
        &self,
        keys: &CardKeys,
        voucher: &Voucher,
        before: &[Block],
    ) -> Result<Vec<BlockWrite>, PlanError> {
        let [first, other] = match voucher.copy {
            0 => [keys.copies[0], keys.copies[1]],
            1 => [keys.copies[1], keys.copies[0]],
            _ => return Err(PlanError::Misshapen),
        };
        let writes: Option<Vec<BlockWrite>> = voucher.blocks.iter().map(write).collect();
        let writes = writes.ok_or(PlanError::Misshapen)?;
        let wanted = copy(first);
        let numbers: Vec<u8> = writes.iter().map(|write| write.number).collect();
        let apart = wanted.iter().all(|number| !copy(other).contains(number));
        if numbers != wanted || !apart || wanted.iter().any(|number| is_reserved(*number)) {
            return Err(PlanError::Misshapen);
        }
        if copy(other).iter().any(|number| bytes(before, *number).is_none()) {
            return Err(PlanError::OnlyCopy);
        }
        Ok(writes)
    }

    fn verify(&self, voucher: &Voucher, read: &[Block]) -> VoucherOutcome {
        let mut same = !voucher.blocks.is_empty();
        for block in &voucher.blocks {
            match (bytes(read, block.number), write(block)) {
                (Some(read), Some(wanted)) => same &= read == wanted.bytes,
                _ => return VoucherOutcome::Unknown,
            }
        }
        if same { VoucherOutcome::Written } else { VoucherOutcome::NotWritten }
    }
}

fn copy(first: u8) -> Vec<u8> {
    (0..COPY_BLOCKS).filter_map(|n| first.checked_add(n)).collect()
}

fn write(block: &Block) -> Option<BlockWrite> {
    let bytes: [u8; BLOCK_BYTES] = unhex(&block.bytes)?.try_into().ok()?;
    Some(BlockWrite { number: block.number, bytes })
}

fn bytes(blocks: &[Block], number: u8) -> Option<[u8; BLOCK_BYTES]> {
    blocks.iter().find(|block| block.number == number).and_then(write).map(|write| write.bytes)
}

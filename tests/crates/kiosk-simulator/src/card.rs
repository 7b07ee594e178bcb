//! A MIFARE Classic 1K and the reader in front of it, by the storage card commands of PC/SC part 3.
//! The field can be dropped at any byte of a write and at any command.

/// Blocks of a 1K card.
pub const BLOCKS: usize = 64;

/// When the field drops, and what the card does wrong. Counted from the moment it was laid
/// on the reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tear {
    /// After so many bytes of data were written, in the middle of a block too.
    pub after_bytes: Option<usize>,
    /// After so many commands; the last one is carried out.
    pub after_commands: Option<usize>,
    /// The reply to the last command is lost with it.
    pub reply_lost: bool,
    /// The byte at the tear has neither its old nor its new value.
    pub scrambled: bool,
    /// Writes of this block are answered with 9000 and change nothing: a worn card.
    pub worn_block: Option<u8>,
    /// Writes are answered with nothing at all and carried out.
    pub mute_writes: bool,
}

/// A card and its reader.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its number.
    pub uid: Vec<u8>,
    /// What is on it.
    pub blocks: [[u8; 16]; BLOCKS],
    /// How it fails next.
    pub tear: Tear,
    key_a: [u8; 6],
    slot: [u8; 6],
    open: Option<u8>,
    in_field: bool,
    written: usize,
    commands: usize,
}

impl Card {
    /// An empty one whose sectors all have this key A.
    pub fn new(uid: [u8; 4], key_a: [u8; 6]) -> Card {
        Card {
            uid: uid.to_vec(),
            blocks: [[0; 16]; BLOCKS],
            tear: Tear::default(),
            key_a,
            slot: [0; 6],
            open: None,
            in_field: true,
            written: 0,
            commands: 0,
        }
    }

    /// Lays it on the reader again; it forgets its tear.
    pub fn lay(&mut self) {
        *self = Card { blocks: self.blocks, ..Card::new([0; 4], self.key_a) }.with_uid(&self.uid);
    }

    fn with_uid(mut self, uid: &[u8]) -> Card {
        self.uid = uid.to_vec();
        self
    }

    /// Whether it is still in the field.
    pub fn is_there(&self) -> bool {
        self.in_field
    }

    /// The key a reader would still know.
    pub fn key_in_reader(&self) -> [u8; 6] {
        self.slot
    }

    /// Power off and on.
    pub fn reset(&mut self) {
        self.open = None;
    }

    /// One command; `None` = the field was gone before it could answer.
    pub fn command(&mut self, apdu: &[u8]) -> Option<Vec<u8>> {
        if !self.in_field {
            return None;
        }
        self.commands += 1;
        let reply = self.answer(apdu);
        if self.tear.after_commands.is_some_and(|most| self.commands >= most) {
            self.in_field = false;
        }
        if !self.in_field && (self.tear.reply_lost || self.tear.after_bytes.is_some()) {
            return None;
        }
        Some(reply)
    }

    fn answer(&mut self, apdu: &[u8]) -> Vec<u8> {
        match *apdu {
            [0xff, 0xca, 0x00, 0x00, 0x00] => ok(&self.uid),
            [0xff, 0x82, 0x00 | 0x20, 0x00, 0x06, ref key @ ..] if key.len() == 6 => {
                self.slot.copy_from_slice(key);
                ok(&[])
            }
            [0xff, 0x86, 0x00, 0x00, 0x05, 0x01, 0x00, block, 0x60, 0x00] => {
                let right = self.slot == self.key_a && usize::from(block) < BLOCKS;
                self.open = right.then_some(block / 4);
                if right { ok(&[]) } else { vec![0x63, 0x00] }
            }
            [0xff, 0xb0, 0x00, block, 0x10] if self.is_open(block) => {
                let mut bytes = self.blocks[usize::from(block)];
                if block % 4 == 3 {
                    bytes[..6].fill(0);
                }
                ok(&bytes)
            }
            [0xff, 0xd6, 0x00, block, 0x10, ref data @ ..]
                if data.len() == 16 && self.is_open(block) =>
            {
                self.write(block, data)
            }
            [0xff, 0xb0 | 0xd6, ..] => vec![0x69, 0x82],
            _ => vec![0x6d, 0x00],
        }
    }

    fn is_open(&self, block: u8) -> bool {
        self.open == Some(block / 4)
    }

    fn write(&mut self, number: u8, data: &[u8]) -> Vec<u8> {
        let block = &mut self.blocks[usize::from(number)];
        let left = self.tear.after_bytes.map_or(16, |most| most.saturating_sub(self.written));
        if self.tear.worn_block != Some(number) {
            block.iter_mut().zip(data).take(left).for_each(|(old, new)| *old = *new);
        }
        self.written += data.len().min(left);
        if left < 16 {
            if self.tear.scrambled {
                block[left] ^= 0xa5;
            }
            self.in_field = false;
        }
        if self.tear.mute_writes { Vec::new() } else { ok(&[]) }
    }
}

fn ok(data: &[u8]) -> Vec<u8> {
    [data, &[0x90, 0x00]].concat()
}

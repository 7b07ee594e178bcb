//! Storage cards by the commands of PC/SC part 3, section 3.2.2.

use kiosk_wire::card::{Block, CardKeys};
use kiosk_wire::card_format::{BLOCK_BYTES, hex, unhex};
use zeroize::{Zeroize, Zeroizing};

use super::reader::{CardReader, ReaderError};

/// Bytes of a sector's key.
const KEY_BYTES: usize = 6;
/// Blocks of a sector; the last one holds its keys.
const SECTOR_BLOCKS: u8 = 4;
/// The longest number of a card, in bytes.
const UID_BYTES_MAX: usize = 10;
/// Where a reader keeps a key: volatile first, as good readers do; else the other kind.
const KEY_PLACES: [u8; 2] = [0x00, 0x20];

/// Why a command did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardError {
    /// No card, or no reader.
    Reader(ReaderError),
    /// An answer too short to be one: whether the command was carried out nobody knows.
    Unknown,
    /// The card or the reader has said no.
    Refused(u16),
}

impl From<ReaderError> for CardError {
    fn from(error: ReaderError) -> CardError {
        CardError::Reader(error)
    }
}

/// A sector's key, wiped when it is dropped.
pub struct SectorKey(Zeroizing<[u8; KEY_BYTES]>);

impl SectorKey {
    /// Out of what the server sent, which is wiped; `None` where that is no key.
    pub fn take(keys: &mut CardKeys) -> Option<SectorKey> {
        let bytes = unhex(&keys.key_a).map(Zeroizing::new);
        keys.key_a.zeroize();
        let key: [u8; KEY_BYTES] = bytes?.as_slice().try_into().ok()?;
        Some(SectorKey(Zeroizing::new(key)))
    }
}

/// A card on a reader.
pub struct Mifare<'a> {
    reader: &'a mut dyn CardReader,
    key: &'a SectorKey,
    open: Option<u8>,
}

impl<'a> Mifare<'a> {
    /// The card that lies there, with its key given to the reader.
    pub fn open(
        reader: &'a mut dyn CardReader,
        key: &'a SectorKey,
    ) -> Result<Mifare<'a>, CardError> {
        let mut card = Mifare { reader, key, open: None };
        card.load(card.key.0.as_slice())?;
        Ok(card)
    }

    /// A block's sixteen bytes; tried a second time from a new authentication.
    pub fn read(&mut self, number: u8) -> Result<[u8; BLOCK_BYTES], CardError> {
        match self.read_once(number) {
            Err(CardError::Unknown | CardError::Refused(_)) => self.read_once(number),
            other => other,
        }
    }

    fn read_once(&mut self, number: u8) -> Result<[u8; BLOCK_BYTES], CardError> {
        let bytes = self.inside(number, &[0xff, 0xb0, 0x00, number, 0x10])?;
        bytes.try_into().map_err(|_| CardError::Unknown)
    }

    /// Writes a block. `Ok` is the reader's word; only reading it again is proof.
    pub fn write(&mut self, number: u8, bytes: &[u8; BLOCK_BYTES]) -> Result<(), CardError> {
        let apdu = [&[0xff, 0xd6, 0x00, number, 0x10], bytes.as_slice()].concat();
        self.inside(number, &apdu).map(|_| ())
    }

    /// The blocks of these numbers; the bytes of one that cannot be read are empty. An error only
    /// where there is no card any more.
    pub fn read_all(&mut self, numbers: &[u8]) -> Result<Vec<Block>, CardError> {
        let mut blocks = Vec::with_capacity(numbers.len());
        for number in numbers {
            let bytes = match self.read(*number) {
                Ok(bytes) => hex(&bytes),
                Err(CardError::Reader(error)) => return Err(error.into()),
                Err(CardError::Unknown | CardError::Refused(_)) => String::new(),
            };
            blocks.push(Block { number: *number, bytes });
        }
        Ok(blocks)
    }

    /// A command inside a block's sector; after any failure the sector is closed.
    fn inside(&mut self, number: u8, apdu: &[u8]) -> Result<Vec<u8>, CardError> {
        let sector = number / SECTOR_BLOCKS;
        if self.open.take() != Some(sector) {
            ask(self.reader, &[0xff, 0x86, 0x00, 0x00, 0x05, 0x01, 0x00, number, 0x60, 0x00])?;
        }
        let reply = ask(self.reader, apdu)?;
        self.open = Some(sector);
        Ok(reply)
    }

    fn load(&mut self, key: &[u8]) -> Result<(), CardError> {
        let mut last = CardError::Unknown;
        for place in KEY_PLACES {
            let apdu = Zeroizing::new([&[0xff, 0x82, place, 0x00, 0x06], key].concat());
            match ask(self.reader, &apdu) {
                Ok(_) => return Ok(()),
                Err(error @ CardError::Reader(_)) => return Err(error),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Drop for Mifare<'_> {
    fn drop(&mut self) {
        // The reader keeps keys longer than we need them.
        let _ = self.load(&[0; KEY_BYTES]);
    }
}

/// The card's own number in lower-case hexadecimal.
pub fn uid(reader: &mut dyn CardReader) -> Result<String, CardError> {
    let bytes = ask(reader, &[0xff, 0xca, 0x00, 0x00, 0x00])?;
    if bytes.is_empty() || bytes.len() > UID_BYTES_MAX {
        return Err(CardError::Unknown);
    }
    Ok(hex(&bytes))
}

/// Whether a block holds keys or the maker's own bytes: never written.
pub fn is_reserved(number: u8) -> bool {
    number == 0 || number % SECTOR_BLOCKS == SECTOR_BLOCKS - 1
}

/// One command; the data of its answer.
///
/// Invariant: an answer of fewer than two bytes is never success; proved by
/// `an_empty_reply_to_a_write_proves_nothing`.
fn ask(reader: &mut dyn CardReader, apdu: &[u8]) -> Result<Vec<u8>, CardError> {
    let mut reply = reader.transceive(apdu)?;
    let Some(at) = reply.len().checked_sub(2) else { return Err(CardError::Unknown) };
    match (reply[at], reply[at + 1]) {
        (0x90, 0x00) => {
            reply.truncate(at);
            Ok(reply)
        }
        (high, low) => Err(CardError::Refused(u16::from_be_bytes([high, low]))),
    }
}

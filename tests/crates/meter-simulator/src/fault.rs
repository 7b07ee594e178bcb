//! What faults do to the bytes of an answer.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::dlt645;
use crate::meter::{Address, Message, Meter};

/// Most bytes of noise in front of an answer.
const NOISE_MAX: usize = 8;

/// How noise hits one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noise {
    /// Garbage in front of the answer, often a false 68.
    InFront,
    /// The FE preamble is swallowed.
    NoPreamble,
    /// One byte of the answer is changed.
    Changed,
    /// The request is garbled: the meter hears nothing it understands.
    Request,
}

impl Noise {
    /// One of the four, equally likely.
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        match rng.random_range(0..4u8) {
            0 => Self::InFront,
            1 => Self::NoPreamble,
            2 => Self::Changed,
            _ => Self::Request,
        }
    }

    /// The answer after this noise.
    pub fn spoil(self, mut bytes: Vec<u8>, rng: &mut ChaCha8Rng) -> Vec<u8> {
        match self {
            Self::InFront => {
                let length = rng.random_range(1..=NOISE_MAX);
                let garbage =
                    (0..length).map(|i| if i % 3 == 0 { 0x68 } else { rng.random::<u8>() });
                let mut out: Vec<u8> = garbage.collect();
                out.append(&mut bytes);
                out
            }
            Self::NoPreamble => bytes.into_iter().skip_while(|b| *b == 0xfe).collect(),
            Self::Changed => {
                change_one(&mut bytes, rng);
                bytes
            }
            Self::Request => bytes,
        }
    }
}

/// Changes one byte behind the preamble, so that the frame cannot be right any more.
fn change_one(bytes: &mut [u8], rng: &mut ChaCha8Rng) {
    let preamble = bytes.iter().take_while(|b| **b == 0xfe).count();
    if preamble < bytes.len() {
        let place = rng.random_range(preamble..bytes.len());
        bytes[place] ^= 1 << rng.random_range(0..8u8);
    }
}

/// Two senders at once: a line driver that pulls low wins, so the bits are ANDed.
pub(crate) fn overlap(first: &[u8], second: &[u8]) -> Vec<u8> {
    let at = |bytes: &[u8], place: usize| bytes.get(place).copied().unwrap_or(0xff);
    (0..first.len().max(second.len())).map(|p| at(first, p) & at(second, p)).collect()
}

/// Every byte from `start` to `end` spoiled by somebody else talking.
pub(crate) fn garble(bytes: &mut [u8], start: usize, end: usize, rng: &mut ChaCha8Rng) {
    let length = bytes.len();
    for byte in &mut bytes[start.min(length)..end.min(length)] {
        *byte &= rng.random::<u8>();
    }
}

/// The answer under another address, as from a meter with a clashing one.
pub(crate) fn readdressed(reply: Message, other: Option<Address>) -> Message {
    match (reply, other) {
        (Message::Dlt645(mut frame), other) => {
            match other {
                Some(Address::Dlt645(address)) => frame.address = address,
                _ => frame.address[0] ^= 0x01,
            }
            Message::Dlt645(frame)
        }
        (Message::Cjt188(mut frame), other) => {
            match other {
                Some(Address::Cjt188(address)) => frame.address = address,
                _ => frame.address[0] ^= 0x01,
            }
            Message::Cjt188(frame)
        }
        (Message::Modbus(mut pdu), other) => {
            pdu.unit = match other {
                Some(Address::Slave(unit)) => unit,
                _ => pdu.unit ^ 0x01,
            };
            Message::Modbus(pdu)
        }
    }
}

/// A frame nobody asked for: the status words of a 645 meter; other protocols have none.
pub(crate) fn unasked(meter: &Meter) -> Vec<u8> {
    let Address::Dlt645(address) = meter.address else { return Vec::new() };
    let mut data = 0x0400_05ff_u32.to_le_bytes().to_vec();
    data.extend((1..=7).flat_map(|n| crate::items::status_word(meter, n).to_le_bytes()));
    dlt645::Frame { address, control: 0x91, data }.encode(4)
}

/// Cuts bytes into `pieces` at random places; never an empty piece.
pub(crate) fn pieces(bytes: &[u8], pieces: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<u8>> {
    let wanted = pieces.clamp(1, bytes.len().max(1));
    let mut cuts = std::collections::BTreeSet::new();
    while cuts.len() + 1 < wanted {
        cuts.insert(rng.random_range(1..bytes.len()));
    }
    let mut out = Vec::with_capacity(wanted);
    let mut from = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        out.push(bytes[from..cut].to_vec());
        from = cut;
    }
    out
}

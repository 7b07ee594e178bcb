//! The variable data structure of `RSP_UD`: a header and records of DIF, VIF and value.

use crate::{BcdError, bcd_to_i64, bcd_to_u64};

/// Most records read from one answer; 252 bytes cannot hold more.
pub const RECORDS_MAX: usize = 126;

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Eight-digit identification number.
    pub id: u64,
    /// Maker code as sent.
    pub maker: u16,
    /// Version of the meter.
    pub version: u8,
    /// Medium: 03 gas, 07 water.
    pub medium: u8,
    /// Access number.
    pub access_no: u8,
    /// Status byte; 00 is good.
    pub status: u8,
}

/// One record, its value borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'d> {
    /// Data information field: D3..D0 coding, D5D4 function, D6 lowest storage bit.
    pub dif: u8,
    /// Storage number: 0 now, 1 and more stored moments.
    pub storage: u64,
    /// Value information field without its extension bit; 7C is a plain-text unit.
    pub vif: u8,
    /// The first extension of the value information field, when there is one.
    pub vif_extension: Option<u8>,
    /// The value as sent, low byte first.
    pub value: &'d [u8],
}

/// A volume: `units` times ten to the power of `exponent` cubic metres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The number as sent.
    pub units: i64,
    /// -6 to 1.
    pub exponent: i8,
}

/// The answer of a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableData<'d> {
    /// Who answers.
    pub header: Header,
    /// The records up to manufacturer-specific data.
    pub records: Vec<Record<'d>>,
    /// Manufacturer-specific bytes behind DIF 0F or 1F.
    pub vendor: &'d [u8],
}

/// Why the data is not a list of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The data ends inside the header or a record.
    #[error("the data ends inside a record")]
    Truncated,
    /// A coding this reader does not know.
    #[error("DIF {dif:02X} has a coding that is not supported")]
    Coding {
        /// The DIF.
        dif: u8,
    },
    /// An identification number that is not decimal.
    #[error(transparent)]
    Number(#[from] BcdError),
}

impl<'d> VariableData<'d> {
    /// Reads the data behind CI 72.
    ///
    /// # Errors
    /// [`RecordError`]; nothing of a broken list is returned.
    pub fn read(data: &'d [u8]) -> Result<Self, RecordError> {
        let (head, mut rest) = data.split_first_chunk::<12>().ok_or(RecordError::Truncated)?;
        let [i0, i1, i2, i3, m0, m1, version, medium, access_no, status, ..] = *head;
        let header = Header {
            id: bcd_to_u64(&[i0, i1, i2, i3])?.unwrap_or_default(),
            maker: u16::from_le_bytes([m0, m1]),
            version,
            medium,
            access_no,
            status,
        };
        let mut records = Vec::new();
        let mut vendor: &[u8] = &[];
        while let Some((dif, behind)) = rest.split_first() {
            match dif {
                0x0F | 0x1F => {
                    vendor = behind;
                    break;
                }
                // Idle filler.
                0x2F => rest = behind,
                _ if records.len() == RECORDS_MAX => break,
                _ => {
                    let (record, behind) = Record::read(rest)?;
                    records.push(record);
                    rest = behind;
                }
            }
        }
        Ok(VariableData { header, records, vendor })
    }

    /// The volume now: storage 0, VIF 10 to 17 without extension.
    #[must_use]
    pub fn volume(&self) -> Option<Volume> {
        self.records.iter().find_map(Record::volume)
    }
}

impl<'d> Record<'d> {
    fn read(data: &'d [u8]) -> Result<(Self, &'d [u8]), RecordError> {
        let (dif, mut rest) = take(data)?;
        let mut storage = u64::from(dif >> 6 & 1);
        let mut extended = dif & 0x80 != 0;
        let mut shift = 1;
        while extended {
            let (dife, behind) = take(rest)?;
            // Ten extensions are legal and give 41 bits; more are dropped.
            if shift < 41 {
                storage |= u64::from(dife & 0x0F) << shift;
            }
            shift += 4;
            extended = dife & 0x80 != 0;
            rest = behind;
        }
        let (vif, mut rest) = take(rest)?;
        let mut vif_extension = None;
        let mut extended = vif & 0x80 != 0;
        while extended {
            let (vife, behind) = take(rest)?;
            vif_extension = vif_extension.or(Some(vife & 0x7F));
            extended = vife & 0x80 != 0;
            rest = behind;
        }
        if vif & 0x7F == 0x7C {
            // The unit is a text of its own in front of the value.
            let (len, behind) = take(rest)?;
            rest = behind.get(usize::from(len)..).ok_or(RecordError::Truncated)?;
        }
        let (len, rest) = value_len(dif, rest)?;
        let (value, rest) = rest.split_at_checked(len).ok_or(RecordError::Truncated)?;
        Ok((Record { dif, storage, vif: vif & 0x7F, vif_extension, value }, rest))
    }

    /// The value as an integer; `None` for texts, reals, dates and bad digits.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self.dif & 0x0F {
            0x01..=0x04 | 0x06 | 0x07 => {
                let negative = self.value.last()? & 0x80 != 0;
                let mut wide = [if negative { 0xFF } else { 0 }; 8];
                wide.get_mut(..self.value.len())?.copy_from_slice(self.value);
                Some(i64::from_le_bytes(wide))
            }
            0x09..=0x0C | 0x0E => bcd_to_i64(self.value).ok().flatten(),
            _ => None,
        }
    }

    fn volume(&self) -> Option<Volume> {
        let is_volume = self.storage == 0 && self.vif & 0x78 == 0x10;
        let exponent = i8::try_from(self.vif & 0x07).ok()? - 6;
        match self.vif_extension {
            None if is_volume => Some(Volume { units: self.integer()?, exponent }),
            _ => None,
        }
    }
}

fn take(data: &[u8]) -> Result<(u8, &[u8]), RecordError> {
    data.split_first().map(|(byte, rest)| (*byte, rest)).ok_or(RecordError::Truncated)
}

fn value_len(dif: u8, rest: &[u8]) -> Result<(usize, &[u8]), RecordError> {
    Ok(match dif & 0x0F {
        0x00 | 0x08 => (0, rest),
        0x01 | 0x09 => (1, rest),
        0x02 | 0x0A => (2, rest),
        0x03 | 0x0B => (3, rest),
        0x04 | 0x05 | 0x0C => (4, rest),
        0x06 | 0x0E => (6, rest),
        0x07 => (8, rest),
        0x0D => match take(rest)? {
            (len @ 0..=0xBF, rest) => (usize::from(len), rest),
            _ => return Err(RecordError::Coding { dif }),
        },
        _ => return Err(RecordError::Coding { dif }),
    })
}

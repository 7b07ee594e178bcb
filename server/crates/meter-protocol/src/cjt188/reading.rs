//! The two records that matter: the reading 901F and the purchase record 8105.

use super::{Dialect, Status};
use crate::{BcdError, MeterTime, MeterTimeError, bcd_to_u64};

/// The unit byte behind a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Unit {
    /// 01: joule.
    Joule = 0x01,
    /// 05: kilowatt-hour.
    KilowattHour = 0x05,
    /// 29: litre.
    Litre = 0x29,
    /// 2C: cubic metre.
    CubicMetre = 0x2C,
    /// 32: litre per hour.
    LitrePerHour = 0x32,
    /// 35: cubic metre per hour.
    CubicMetrePerHour = 0x35,
}

const UNITS: [Unit; 6] = [
    Unit::Joule,
    Unit::KilowattHour,
    Unit::Litre,
    Unit::CubicMetre,
    Unit::LitrePerHour,
    Unit::CubicMetrePerHour,
];

impl Unit {
    /// The unit of a byte, when it is a known one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        UNITS.into_iter().find(|unit| *unit as u8 == code)
    }

    /// How it is written.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Unit::Joule => "J",
            Unit::KilowattHour => "kWh",
            Unit::Litre => "L",
            Unit::CubicMetre => "m3",
            Unit::LitrePerHour => "L/h",
            Unit::CubicMetrePerHour => "m3/h",
        }
    }
}

/// A cumulative flow: hundredths of its unit, `None` when the meter sends all FF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Hundredths of the unit.
    pub hundredths: Option<u64>,
    /// The unit.
    pub unit: Unit,
}

impl Flow {
    /// Whole litres, a rest below one litre cut off; `None` when absent or not a volume.
    #[must_use]
    pub fn litres_floor(self) -> Option<i64> {
        let hundredths = i64::try_from(self.hundredths?).ok()?;
        match self.unit {
            Unit::CubicMetre => hundredths.checked_mul(10),
            Unit::Litre => Some(hundredths / 100),
            _ => None,
        }
    }
}

/// The reply to 901F: L=16H.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowReading {
    /// Cumulative flow now.
    pub current: Flow,
    /// Cumulative flow at the last settlement day.
    pub settlement: Flow,
    /// The meter's clock; an unset clock is an error of its own and does not hide the flow.
    pub time: Result<MeterTime, MeterTimeError>,
    /// Status.
    pub status: Status,
}

/// The reply to 8105: L=12H, the water meter's proof of payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurchaseRecord {
    /// One-byte sequence of the last purchase; whether it wraps at 99 or 255 is not known.
    pub sequence: u8,
    /// Last purchase in fen; `None` when absent.
    pub last_fen: Option<u64>,
    /// All purchases in fen.
    pub cumulative_fen: Option<u64>,
    /// Remaining in fen.
    pub remaining_fen: Option<u64>,
    /// Status.
    pub status: Status,
}

/// Why the bytes are not the record the profile expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadingError {
    /// Another length.
    #[error("the record has {got} bytes, {expected} are due")]
    Length {
        /// Bytes due after identifier and serial.
        expected: usize,
        /// Bytes received.
        got: usize,
    },
    /// The unit byte is not a known unit: an ultrasonic meter answers 901F with the same length
    /// and another layout, and must not be read as this one.
    #[error("unit byte {byte:02X} is not a known unit, the meter uses another layout")]
    Unit {
        /// The byte where a unit is due.
        byte: u8,
    },
    /// A number that is not decimal.
    #[error(transparent)]
    Number(#[from] BcdError),
}

impl FlowReading {
    /// Bytes after identifier and serial number.
    pub const LEN: usize = 19;

    /// Reads the bytes after identifier and serial number.
    ///
    /// # Errors
    /// [`ReadingError`]: wrong length, unknown unit (the ultrasonic layout), digits above 9.
    pub fn read(value: &[u8], dialect: Dialect) -> Result<Self, ReadingError> {
        let length = ReadingError::Length { expected: FlowReading::LEN, got: value.len() };
        let value: &[u8; FlowReading::LEN] = value.try_into().map_err(|_| length)?;
        let [flow @ .., s0, s1, s2, s3, s4, s5, _century, st0, st1] = value;
        let (current, settlement) = flow.split_at(5);
        Ok(FlowReading {
            current: read_flow(current)?,
            settlement: read_flow(settlement)?,
            time: read_time([*s0, *s1, *s2, *s3, *s4, *s5]),
            status: Status::read([*st0, *st1], dialect),
        })
    }
}

fn read_flow(bytes: &[u8]) -> Result<Flow, ReadingError> {
    let (unit, digits) = bytes.split_last().unwrap_or((&0, &[]));
    let unit = Unit::from_code(*unit).ok_or(ReadingError::Unit { byte: *unit })?;
    Ok(Flow { hundredths: bcd_to_u64(digits)?, unit })
}

fn read_time(wire: [u8; 6]) -> Result<MeterTime, MeterTimeError> {
    MeterTime::from_second_first(wire)
}

impl PurchaseRecord {
    /// Bytes after identifier and serial number.
    pub const LEN: usize = 15;

    /// Reads the bytes after identifier and serial number.
    ///
    /// # Errors
    /// [`ReadingError`]: wrong length, digits above 9.
    pub fn read(value: &[u8], dialect: Dialect) -> Result<Self, ReadingError> {
        let length = ReadingError::Length { expected: PurchaseRecord::LEN, got: value.len() };
        let value: &[u8; PurchaseRecord::LEN] = value.try_into().map_err(|_| length)?;
        let [sequence, amounts @ .., st0, st1] = value;
        Ok(PurchaseRecord {
            sequence: *sequence,
            last_fen: bcd_to_u64(&amounts[..4])?,
            cumulative_fen: bcd_to_u64(&amounts[4..8])?,
            remaining_fen: bcd_to_u64(&amounts[8..])?,
            status: Status::read([*st0, *st1], dialect),
        })
    }
}

//! Blocks two vendors put behind identifiers of their own (A.7: a DI means something only inside a
//! profile). Layouts are those of one capture each.

use crate::{BcdError, bcd_to_u64};

/// Block 028011FF of the order-number family, 65 bytes.
///
/// Between the voltages and the energy stand currents, powers and power factors whose layout no
/// source settles; they are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkReading {
    /// Balance in fen.
    pub balance_fen: Option<u64>,
    /// Overdraft in fen.
    pub overdraft_fen: Option<u64>,
    /// Phase voltages in tenths of a volt, as the vendor scales them.
    pub voltage_tenths: [Option<u64>; 3],
    /// Total energy in hundredths of a kilowatt-hour.
    pub energy_hundredths: Option<u64>,
    /// Status word: bit 8 relay open, bit 15 keep power.
    pub status: u16,
}

/// Block 001D0000 of `JoyMeter`, 27 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoyReading {
    /// Meter clock, seconds since 1970.
    pub epoch_s: u32,
    /// Remaining energy in hundredths of a kilowatt-hour.
    pub remaining_hundredths: Option<u64>,
    /// Energy used so far in hundredths of a kilowatt-hour.
    pub history_hundredths: Option<u64>,
    /// Current in milliamperes.
    pub current_ma: Option<u64>,
    /// Voltage in hundredths of a volt.
    pub voltage_hundredths: Option<u64>,
    /// Power in hundredths of a watt.
    pub power_hundredths: Option<u64>,
    /// Power factor in thousandths.
    pub power_factor_thousandths: Option<u64>,
    /// True when the switch is closed (byte 0).
    pub closed: bool,
}

impl BulkReading {
    /// Bytes after the identifier.
    pub const LEN: usize = 65;

    /// Reads the bytes after the identifier; `None` for another length.
    ///
    /// # Errors
    /// [`BcdError`] for a nibble above 9 in a field that is read.
    pub fn read(value: &[u8]) -> Option<Result<Self, BcdError>> {
        let value: &[u8; BulkReading::LEN] = value.try_into().ok()?;
        Some(Self::read_fields(value))
    }

    fn read_fields(value: &[u8; BulkReading::LEN]) -> Result<Self, BcdError> {
        Ok(BulkReading {
            balance_fen: bcd_to_u64(&value[..4])?,
            overdraft_fen: bcd_to_u64(&value[4..8])?,
            voltage_tenths: [
                bcd_to_u64(&value[8..10])?,
                bcd_to_u64(&value[10..12])?,
                bcd_to_u64(&value[12..14])?,
            ],
            energy_hundredths: bcd_to_u64(&value[43..47])?,
            status: u16::from_le_bytes([value[63], value[64]]),
        })
    }

    /// Bit 8 of the status word.
    #[must_use]
    pub const fn relay_open(&self) -> bool {
        self.status & 1 << 8 != 0
    }

    /// Bit 15 of the status word.
    #[must_use]
    pub const fn keeps_power(&self) -> bool {
        self.status & 1 << 15 != 0
    }
}

impl JoyReading {
    /// Bytes after the identifier.
    pub const LEN: usize = 27;

    /// Reads the bytes after the identifier; `None` for another length.
    ///
    /// # Errors
    /// [`BcdError`] for a nibble above 9.
    pub fn read(value: &[u8]) -> Option<Result<Self, BcdError>> {
        let value: &[u8; JoyReading::LEN] = value.try_into().ok()?;
        Some(Self::read_fields(value))
    }

    fn read_fields(value: &[u8; JoyReading::LEN]) -> Result<Self, BcdError> {
        let [e0, e1, e2, e3, rest @ .., switch] = value;
        Ok(JoyReading {
            epoch_s: u32::from_le_bytes([*e0, *e1, *e2, *e3]),
            remaining_hundredths: bcd_to_u64(&rest[..4])?,
            history_hundredths: bcd_to_u64(&rest[4..8])?,
            current_ma: bcd_to_u64(&rest[8..12])?,
            voltage_hundredths: bcd_to_u64(&rest[12..16])?,
            power_hundredths: bcd_to_u64(&rest[16..20])?,
            power_factor_thousandths: bcd_to_u64(&rest[20..22])?,
            closed: *switch == 0,
        })
    }
}

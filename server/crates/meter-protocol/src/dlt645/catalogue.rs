//! What the standard and the named vendors put behind a data identifier (A.7): for people reading
//! frames. Meters are read by their profile, never by this table.

use super::Di;

/// The form of a value, low byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Decimal digits.
    Number {
        /// Bytes.
        len: u8,
        /// Digits behind the point.
        decimals: u8,
        /// The top bit is a sign.
        signed: bool,
        /// Unit, may be empty.
        unit: &'static str,
    },
    /// Any number of equal numbers.
    Numbers {
        /// Bytes of each.
        len: u8,
        /// Digits behind the point.
        decimals: u8,
        /// The top bit is a sign.
        signed: bool,
        /// Unit, may be empty.
        unit: &'static str,
    },
    /// A demand of 3 bytes and its moment of 5.
    Demand {
        /// Unit.
        unit: &'static str,
    },
    /// `YYMMDDWW`.
    Date,
    /// `hhmmss`.
    TimeOfDay,
    /// `YYMMDDWWhhmmss`.
    DateTime,
    /// `YYMMDDhhmm`.
    Minute,
    /// Twelve digits: an address or a number of a person.
    TwelveDigits,
    /// ASCII, last character first.
    Text,
    /// Status word 1 to 7.
    StatusWord(u8),
    /// Status words 1 to 7 one after the other.
    StatusBlock,
    /// [`super::BulkReading`].
    Bulk,
    /// [`super::JoyReading`].
    Joy,
    /// No source gives a layout.
    Raw,
}

/// One catalogue entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What the value is.
    pub name: String,
    /// How it is written.
    pub format: Format,
}

const KWH: Format = number(4, 2, false, "kWh");
const YUAN: Format = number(4, 2, false, "yuan");

const fn number(len: u8, decimals: u8, signed: bool, unit: &'static str) -> Format {
    Format::Number { len, decimals, signed, unit }
}

/// Identifiers that stand alone. Sorted by identifier.
const SINGLE: [(u32, &str, Format); 54] = [
    (0x001D_0000, "vendor block (JoyMeter)", Format::Joy),
    (0x0090_0100, "remaining energy", KWH),
    (0x0090_0101, "overdraft energy", KWH),
    (0x0090_0200, "remaining money", YUAN),
    (0x0090_0201, "overdraft money", YUAN),
    (0x0280_0001, "neutral current", number(3, 3, true, "A")),
    (0x0280_0002, "grid frequency", number(2, 2, false, "Hz")),
    (0x0280_0003, "one-minute average power", number(3, 4, true, "kW")),
    (0x0280_0007, "temperature inside the meter", number(2, 1, true, "C")),
    (0x0280_0008, "clock battery voltage", number(2, 2, false, "V")),
    (0x0280_0020, "current price", number(4, 4, false, "yuan/kWh")),
    (0x0280_0021, "current tariff price", number(4, 4, false, "yuan/kWh")),
    (0x0280_0022, "authentication time left", number(2, 0, false, "min")),
    (0x0280_11FF, "vendor bulk block (order-number family)", Format::Bulk),
    (0x0311_0000, "power failures", number(3, 0, false, "")),
    (0x0400_0101, "date", Format::Date),
    (0x0400_0102, "time", Format::TimeOfDay),
    (0x0400_0106, "switch moment of the zone tables", Format::Minute),
    (0x0400_0107, "switch moment of the day tables", Format::Minute),
    (0x0400_0108, "switch moment of the prices", Format::Minute),
    (0x0400_0109, "switch moment of the ladders", Format::Minute),
    (0x0400_010C, "date and time", Format::DateTime),
    (0x0400_0201, "number of year zones", number(1, 0, false, "")),
    (0x0400_0202, "number of day tables", number(1, 0, false, "")),
    (0x0400_0203, "number of day segments", number(1, 0, false, "")),
    (0x0400_0204, "number of tariffs", number(1, 0, false, "")),
    (0x0400_0205, "number of holidays", number(2, 0, false, "")),
    (0x0400_0401, "communication address", Format::TwelveDigits),
    (0x0400_0402, "meter number", Format::TwelveDigits),
    (0x0400_040B, "meter model", Format::Text),
    (0x0400_040E, "customer number", Format::TwelveDigits),
    (0x0400_05FF, "status words", Format::StatusBlock),
    (0x0400_0F01, "alarm energy 1", KWH),
    (0x0400_0F02, "alarm energy 2", KWH),
    (0x0400_0F03, "hoarding limit of energy", KWH),
    (0x0400_0F04, "overdraft limit of energy", KWH),
    (0x0400_1001, "alarm money 1", YUAN),
    (0x0400_1002, "alarm money 2", YUAN),
    (0x0400_1003, "overdraft limit of money", YUAN),
    (0x0400_1004, "hoarding limit of money", YUAN),
    (0x0400_1005, "reclose threshold of money", YUAN),
    (0x0400_1401, "trip delay", number(2, 0, false, "min")),
    (0x0400_1402, "relay current limit", Format::Raw),
    (0x0506_0001, "moment of the last daily freeze", Format::Minute),
    (0x0700_00FF, "identity authentication", Format::Raw),
    (0x0700_01FF, "validity of the authentication", Format::Raw),
    (0x0700_02FF, "end of the authentication", Format::Raw),
    (0x0701_01FF, "open the account", Format::Raw),
    (0x0701_02FF, "recharge", Format::Raw),
    (0x0701_03FF, "wallet initialisation", Format::Raw),
    (0x0701_04FF, "vendor parameter block", Format::Raw),
    (0x0701_08FF, "refund", Format::Raw),
    (0x0703_01FF, "key update", Format::Raw),
    (0x0781_02FF, "wallet status", Format::Raw),
];

/// What is known of an identifier.
#[must_use]
pub fn known(di: Di) -> Option<Known> {
    if let Ok(index) = SINGLE.binary_search_by_key(&di.0, |(key, ..)| *key) {
        let (_, name, format) = SINGLE[index];
        return Some(Known { name: name.to_owned(), format });
    }
    let [di0, di1, di2, di3] = di.wire();
    match (di3, di2) {
        (0x00, _) => energy(di2, di1, di0),
        (0x01, _) => demand(di2, di1, di0),
        (0x02, _) => instant(di2, di1, di0),
        (0x03, 0x32 | 0x33) => purchase(di2 == 0x33, di1, di0),
        (0x04, 0x00) if di1 == 0x05 && (1..=7).contains(&di0) => {
            Some(Known { name: format!("status word {di0}"), format: Format::StatusWord(di0) })
        }
        _ => None,
    }
}

fn moment(di0: u8) -> Option<String> {
    match di0 {
        0 => Some("now".to_owned()),
        1..=12 => Some(format!("settlement {di0} ago")),
        _ => None,
    }
}

fn tariff(di1: u8) -> Option<&'static str> {
    const NAMES: [&str; 5] = ["total", "sharp", "peak", "flat", "valley"];
    match di1 {
        0xFF => Some("total and all tariffs"),
        1..=63 => Some(NAMES.get(usize::from(di1)).copied().unwrap_or("further tariff")),
        0 => Some(NAMES[0]),
        _ => None,
    }
}

fn energy(di2: u8, di1: u8, di0: u8) -> Option<Known> {
    let (kind, signed, unit) = match di2 {
        0x00 => ("combined active energy", true, "kWh"),
        0x01 => ("forward active energy", false, "kWh"),
        0x02 => ("reverse active energy", false, "kWh"),
        0x03 => ("combined reactive energy 1", true, "kvarh"),
        0x04 => ("combined reactive energy 2", true, "kvarh"),
        0x05..=0x08 => ("reactive energy of a quadrant", false, "kvarh"),
        0x09 => ("forward apparent energy", false, "kVAh"),
        0x0A => ("reverse apparent energy", false, "kVAh"),
        0x0B => ("energy of the month", false, "kWh"),
        0x0C => ("energy of the ladder period", false, "kWh"),
        0x15 => ("phase A forward active energy", false, "kWh"),
        0x29 => ("phase B forward active energy", false, "kWh"),
        0x3D => ("phase C forward active energy", false, "kWh"),
        _ => return None,
    };
    let name = format!("{kind}, {}, {}", tariff(di1)?, moment(di0)?);
    let format = if di1 == 0xFF {
        Format::Numbers { len: 4, decimals: 2, signed, unit }
    } else {
        number(4, 2, signed, unit)
    };
    Some(Known { name, format })
}

fn demand(di2: u8, di1: u8, di0: u8) -> Option<Known> {
    let (kind, unit) = match di2 {
        0x01 => ("forward active demand", "kW"),
        0x02 => ("reverse active demand", "kW"),
        0x03 | 0x04 => ("combined reactive demand", "kvar"),
        _ => return None,
    };
    let format = if di1 == 0xFF { Format::Raw } else { Format::Demand { unit } };
    Some(Known { name: format!("{kind}, {}, {}", tariff(di1)?, moment(di0)?), format })
}

fn instant(di2: u8, di1: u8, di0: u8) -> Option<Known> {
    let (kind, len, decimals, signed, unit, has_total) = match di2 {
        0x01 => ("voltage", 2, 1, false, "V", false),
        0x02 => ("current", 3, 3, true, "A", false),
        0x03 => ("active power", 3, 4, true, "kW", true),
        0x04 => ("reactive power", 3, 4, true, "kvar", true),
        0x05 => ("apparent power", 3, 4, true, "kVA", true),
        0x06 => ("power factor", 2, 3, true, "", true),
        0x07 => ("phase angle", 2, 1, false, "degree", false),
        _ => return None,
    };
    let phase = match (di1, di0) {
        (0, 0) if has_total => "total",
        (1, 0) => "phase A",
        (2, 0) => "phase B",
        (3, 0) => "phase C",
        (0xFF, 0) => "all phases",
        _ => return None,
    };
    let format = if di1 == 0xFF {
        Format::Numbers { len, decimals, signed, unit }
    } else {
        number(len, decimals, signed, unit)
    };
    Some(Known { name: format!("{kind}, {phase}"), format })
}

fn purchase(money: bool, di1: u8, di0: u8) -> Option<Known> {
    let amount = if money { YUAN } else { KWH };
    let (what, format) = match di1 {
        1 => ("moment", Format::Minute),
        2 => ("total purchase count", number(2, 0, false, "")),
        3 => ("amount", amount),
        4 => ("remaining before", amount),
        5 => ("remaining after", amount),
        6 => ("cumulative amount", amount),
        _ => return None,
    };
    let kind = if money { "money" } else { "energy" };
    match di0 {
        1..=10 => Some(Known { name: format!("{kind} purchase {di0} ago: {what}"), format }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_entry_is_found() {
        assert!(SINGLE.is_sorted_by_key(|(di, ..)| *di));
        for (di, name, format) in SINGLE {
            let entry = Known { name: name.to_owned(), format };
            assert_eq!(known(Di(di)), Some(entry));
        }
    }

    #[test]
    fn identifiers_are_named_by_family_and_unknown_ones_are_not_guessed() {
        let table = [
            (0x0001_0000, Some("forward active energy, total, now")),
            (0x0001_FF00, Some("forward active energy, total and all tariffs, now")),
            (0x0001_020C, Some("forward active energy, peak, settlement 12 ago")),
            (0x0202_0100, Some("current, phase A")),
            (0x0201_0000, None),
            (0x0333_0201, Some("money purchase 1 ago: total purchase count")),
            (0x0333_020B, None),
            (0x0400_0503, Some("status word 3")),
            (0x0400_0508, None),
            (0x0001_000D, None),
            (0x1234_5678, None),
        ];
        for (di, expected) in table {
            assert_eq!(known(Di(di)).map(|known| known.name).as_deref(), expected, "{di:08X}");
        }
    }
}

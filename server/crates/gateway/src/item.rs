//! What can be read from a meter, in which unit, and the value it gave.

use std::{fmt, str::FromStr};

use serde::Deserialize;

/// The base unit of an item. Every value is an integer count of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Watt-hours.
    WattHour,
    /// Var-hours.
    VarHour,
    /// Litres.
    Litre,
    /// Litres per hour.
    LitrePerHour,
    /// Millivolts.
    Millivolt,
    /// Milliamperes.
    Milliampere,
    /// Watts.
    Watt,
    /// Vars.
    Var,
    /// Volt-amperes.
    VoltAmpere,
    /// Thousandths of one.
    PerMille,
    /// Millihertz.
    Millihertz,
    /// Fen, hundredths of a yuan.
    Fen,
    /// Micro-yuan for one kWh or one cubic metre.
    MicroYuan,
    /// A plain count.
    Count,
    /// Seconds since 1970-01-01T00:00:00Z; meters are taken to show Beijing time.
    UnixSecond,
    /// One of the numbers that [`state`] names.
    State,
    /// A status word as the meter sent it.
    Bits,
    /// A number that names something: it is compared and never reckoned with.
    Name,
}

/// The numbers a [`Unit::State`] item can take.
pub mod state {
    /// The relay is closed: power is on. The valve is open: water is on.
    pub const ON: i64 = 0;
    /// The relay is open or the valve closed: no supply.
    pub const OFF: i64 = 1;
    /// Closing is allowed and the meter waits for somebody to press its button.
    pub const WAITING: i64 = 2;
    /// The valve reports that it cannot move.
    pub const FAULT: i64 = 3;
}

/// A name that no item has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of an item")]
pub struct UnknownItem(pub String);

macro_rules! items {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal, $unit:ident;)*) => {
        /// Something a meter can be asked for. The codes are stored with every reading and never
        /// change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[repr(u8)]
        pub enum Item {
            $($(#[$doc])* #[serde(rename = $text)] $name = $code,)*
        }

        impl Item {
            /// Every item there is, by code.
            pub const ALL: &[Item] = &[$(Item::$name),*];

            /// The stable name, as in a profile.
            pub const fn as_str(self) -> &'static str {
                match self { $(Item::$name => $text,)* }
            }

            /// The base unit its values count.
            pub const fn unit(self) -> Unit {
                match self { $(Item::$name => Unit::$unit,)* }
            }

            /// The stable number, as in a stored reading.
            pub const fn code(self) -> i16 {
                self as u8 as i16
            }

            /// The item of a stored reading.
            pub fn from_code(code: i16) -> Option<Item> {
                match code { $($code => Some(Item::$name),)* _ => None }
            }
        }
    };
}

items! {
    /// Forward active energy, all tariffs (正向有功总).
    ForwardEnergy = 1, "forward-energy", WattHour;
    /// Forward active energy at the sharp rate (尖).
    ForwardEnergySharp = 2, "forward-energy-sharp", WattHour;
    /// Forward active energy at the peak rate (峰).
    ForwardEnergyPeak = 3, "forward-energy-peak", WattHour;
    /// Forward active energy at the flat rate (平).
    ForwardEnergyFlat = 4, "forward-energy-flat", WattHour;
    /// Forward active energy at the valley rate (谷).
    ForwardEnergyValley = 5, "forward-energy-valley", WattHour;
    /// Reverse active energy, all tariffs.
    ReverseEnergy = 6, "reverse-energy", WattHour;
    /// Combined active energy, all tariffs.
    CombinedEnergy = 7, "combined-energy", WattHour;
    /// Combined reactive energy 1.
    ReactiveEnergy = 8, "reactive-energy", VarHour;
    /// Combined reactive energy 2.
    ReactiveEnergyReverse = 9, "reactive-energy-reverse", VarHour;
    /// Forward active energy, all tariffs, as the meter froze it at [`Item::FrozenTime`] (日冻结).
    FrozenEnergy = 10, "frozen-energy", WattHour;
    /// Voltage of phase A.
    VoltageA = 20, "voltage-a", Millivolt;
    /// Voltage of phase B.
    VoltageB = 21, "voltage-b", Millivolt;
    /// Voltage of phase C.
    VoltageC = 22, "voltage-c", Millivolt;
    /// Current of phase A; negative when it flows back.
    CurrentA = 23, "current-a", Milliampere;
    /// Current of phase B.
    CurrentB = 24, "current-b", Milliampere;
    /// Current of phase C.
    CurrentC = 25, "current-c", Milliampere;
    /// Active power, total.
    Power = 26, "power", Watt;
    /// Active power of phase A.
    PowerA = 27, "power-a", Watt;
    /// Active power of phase B.
    PowerB = 28, "power-b", Watt;
    /// Active power of phase C.
    PowerC = 29, "power-c", Watt;
    /// Reactive power, total.
    ReactivePower = 30, "reactive-power", Var;
    /// Apparent power, total.
    ApparentPower = 31, "apparent-power", VoltAmpere;
    /// Power factor, total.
    PowerFactor = 32, "power-factor", PerMille;
    /// Frequency of the supply.
    Frequency = 33, "frequency", Millihertz;
    /// Largest forward active demand of the period.
    Demand = 34, "demand", Watt;
    /// Money left in the meter.
    RemainingMoney = 50, "remaining-money", Fen;
    /// Money owed to the meter.
    Overdraft = 51, "overdraft", Fen;
    /// How many top-ups the meter has taken.
    PurchaseCount = 52, "purchase-count", Count;
    /// The amount of the last top-up.
    LastPurchaseAmount = 53, "last-purchase-amount", Fen;
    /// The sum of all top-ups.
    CumulativePurchase = 54, "cumulative-purchase", Fen;
    /// When the last top-up was taken, by the meter's clock.
    LastPurchaseTime = 55, "last-purchase-time", UnixSecond;
    /// The price in force.
    Price = 56, "price", MicroYuan;
    /// The relay, as [`state`] names it.
    RelayState = 70, "relay-state", State;
    /// The valve, as [`state`] names it.
    ValveState = 71, "valve-state", State;
    /// Keep-power: 1 on, 0 off.
    KeepPower = 72, "keep-power", State;
    /// The meter's alarm or status word.
    Alarms = 73, "alarms", Bits;
    /// The meter's clock.
    Clock = 74, "clock", UnixSecond;
    /// The meter's own number, which changes when the meter is replaced (`meters.md` H.1 no. 10).
    MeterNumber = 75, "meter-number", Name;
    /// When the meter last froze its energy by itself, by its own clock (日冻结时间).
    FrozenTime = 76, "frozen-time", UnixSecond;
    /// Water that has passed.
    Volume = 90, "volume", Litre;
    /// Water flowing now.
    Flow = 91, "flow", LitrePerHour;
    /// Water at the last settlement day.
    SettlementVolume = 92, "settlement-volume", Litre;
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Item {
    type Err = UnknownItem;
    fn from_str(text: &str) -> Result<Self, UnknownItem> {
        let found = Item::ALL.iter().copied().find(|i| i.as_str() == text);
        found.ok_or_else(|| UnknownItem(text.to_owned()))
    }
}

/// What a meter gave for an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A count of the item's base unit.
    Number(i64),
    /// The meter has the item's place but nothing in it (all FF): phase B of a single-phase
    /// meter. Never a number.
    Absent,
}

impl Value {
    /// The number, when there is one.
    pub const fn number(self) -> Option<i64> {
        match self {
            Value::Number(number) => Some(number),
            Value::Absent => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_found_by_its_name_and_by_its_code() {
        for item in Item::ALL {
            assert_eq!(item.as_str().parse(), Ok(*item));
            assert_eq!(Item::from_code(item.code()), Some(*item));
        }
    }

    #[test]
    fn an_unknown_name_is_named_in_the_error() {
        let error = "colour".parse::<Item>().unwrap_err();
        assert_eq!(error.to_string(), "\"colour\" is not the name of an item");
        assert_eq!(Item::from_code(255), None);
    }
}

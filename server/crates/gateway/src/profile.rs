//! Meter profiles: what a model understands, as data. No profile, no money command.
//!
//! "DL/T 645 prepaid" is not one protocol (`meters.md`, first of the three things to know), so a
//! meter is driven by a file that names its identifiers, scales, relay commands and quirks. The
//! guide is `docs/adding-a-meter-model.md`.

use domain::{MoneyModel, Purpose};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::item::Item;

pub mod field;
pub use field::{Field, FieldError, Format};
pub mod catalog;
mod check;
pub mod purchase_log;
pub use catalog::{ProfileError, Profiles};
pub use purchase_log::PurchaseLog;

/// Most reads one profile may list.
pub const READS_MAX: usize = 64;

/// The protocol a meter speaks on its bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// DL/T 645-2007.
    #[serde(rename = "dlt645-2007")]
    Dlt645,
    /// DL/T 645-1997.
    #[serde(rename = "dlt645-1997")]
    Dlt645V1997,
    /// CJ/T 188 water, gas and heat meters.
    #[serde(rename = "cjt188")]
    Cjt188,
    /// Modbus; RTU frames on a transparent line, MBAP on a Modbus TCP line.
    #[serde(rename = "modbus")]
    Modbus,
}

/// One model of meter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name that configuration and the database use; equal to the file's name.
    pub name: String,
    /// What people call it.
    pub title: Title,
    /// How to talk to it.
    pub protocol: Protocol,
    /// What it measures and sells.
    #[serde(deserialize_with = "purpose")]
    pub purpose: Purpose,
    /// Who keeps the tenant's money.
    #[serde(deserialize_with = "money_model")]
    pub money: MoneyModel,
    /// The largest growth of its register in an hour that is believed: Wh (so, W) or litres.
    pub max_rate: u32,
    /// The reads it answers.
    #[serde(default)]
    pub read: Vec<Read>,
    /// How money is written into it.
    #[serde(default)]
    pub top_up: TopUp,
    /// What proves that a top-up arrived, in the order it is read (`meters.md` H.0 step 1).
    #[serde(default)]
    pub proof: Vec<Item>,
    /// Where it keeps its last purchases, if it can be asked for them.
    pub purchase_log: Option<PurchaseLog>,
    /// What tells one meter from another in the same place, where the model can be asked for it. It
    /// is read before a top-up (`meters.md` H.1 no. 10).
    pub identity: Option<Item>,
    /// How it is switched, if it can be.
    pub relay: Option<Relay>,
    /// How its clock is set, if it can be.
    pub clock: Option<Clock>,
    /// Where it departs from its standard.
    #[serde(default)]
    pub quirks: Quirks,
}

/// A model's name for people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// One read: what is asked, and the fields of its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The data identifier, hexadecimal, high byte first: 8 digits for DL/T 645-2007, 4 for 1997
    /// and CJ/T 188.
    #[serde(default, deserialize_with = "identifier")]
    pub identifier: Option<Identifier>,
    /// The first register (Modbus).
    pub register: Option<u16>,
    /// How many registers (Modbus).
    pub count: Option<u16>,
    /// The function code: 3 or 4 (Modbus); 3 unless given.
    pub function: Option<u8>,
    /// The fields of the answer, measured from the first byte after the identifier (and serial
    /// number) or of the first register.
    pub values: Vec<Field>,
}

/// A data identifier and how many hexadecimal digits it was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// The identifier as a number.
    pub number: u32,
    /// 4 or 8.
    pub digits: usize,
}

/// How money is written into a meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopUp {
    /// The layout of the write.
    pub form: TopUpForm,
}

/// The layouts of a top-up that the house knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TopUpForm {
    /// The meter takes no money.
    #[default]
    None,
    /// DL/T 645-2007 03H 070102FF with a purchase count (`meters.md` A.6).
    FeeControl,
    /// DL/T 645-2007 03H 070102FF with an order number and no readable count (`meters.md` A.6).
    OrderNumber,
}

/// How a relay or valve is moved and how it tells where it stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// The layout of the write.
    pub form: RelayForm,
    /// The commands this model takes; any other is refused before a byte is sent.
    pub commands: Vec<RelayCommand>,
    /// The item that shows where the relay or valve stands.
    pub read_back: Item,
    /// Level of the password (DL/T 645-2007).
    pub level: Option<u8>,
    /// The password a meter leaves the factory with, six digits (DL/T 645-2007).
    pub password: Option<String>,
    /// The meter compares the command's validity with its own clock, so the clock is read first.
    #[serde(default)]
    pub check_clock: bool,
    /// The first register written by function 10H (Modbus).
    pub register: Option<u16>,
    /// The register values that close (Modbus).
    pub close: Option<Vec<u16>>,
    /// The register values that trip (Modbus).
    pub trip: Option<Vec<u16>>,
    /// How long after an accepted trip the relay may still be closed, in seconds.
    #[serde(default)]
    pub trip_delay_s: u32,
    /// How long after an accepted close the relay or valve may still be moving, in seconds.
    #[serde(default)]
    pub close_delay_s: u32,
}

/// The layouts of a relay command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelayForm {
    /// Control code 1CH (`meters.md` A.5).
    #[serde(rename = "dlt645-control")]
    Dlt645Control,
    /// Function 10H to fixed registers (`meters.md` B.1).
    ModbusWrite,
    /// Write A017, 55 open and 99 close (`meters.md` C).
    #[serde(rename = "cjt188-valve")]
    Cjt188Valve,
}

/// What can be asked of a relay or valve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelayCommand {
    /// Supply on now: relay closed, valve open.
    Close,
    /// Allow the user to close with the meter's button.
    AllowClose,
    /// Supply off: relay open, valve closed.
    Trip,
    /// Keep power: a later trip is refused by the meter.
    KeepPower,
    /// End keep power.
    Unkeep,
}

/// How a clock is set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Level of the password of a 14H write (DL/T 645-2007).
    pub level: u8,
    /// The password a meter leaves the factory with, six digits.
    pub password: String,
}

/// Where a model departs from its standard, and what its bus needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quirks {
    /// How many FE bytes go in front of a request, 0..=4.
    pub preamble: u8,
    /// The longest data field believed in a reply (DL/T 645); 200 by the standard.
    pub max_data: u8,
    /// The data identifier travels high byte first (CJ/T 188).
    pub di_high_first: bool,
    /// The type byte of the address (CJ/T 188): 10 cold water.
    pub meter_type: u8,
    /// How long the bus is idle before a request says something, in milliseconds; the gateway's own
    /// (20 ms) when absent. Preambles count as idle; see [`crate::Timing::gap`].
    pub min_gap_ms: Option<u16>,
    /// The longest the meter thinks before it answers, in milliseconds.
    pub turnaround_ms: u16,
}

impl Default for Quirks {
    fn default() -> Self {
        Quirks {
            preamble: 4,
            max_data: 200,
            di_high_first: false,
            meter_type: 0x10,
            min_gap_ms: None,
            turnaround_ms: 500,
        }
    }
}

impl Profile {
    /// Whether an answered exchange can tell how many top-ups the meter has taken. Without it a
    /// doubtful top-up is never sent again by itself (`meters.md` A.6).
    pub fn supports_count_readback(&self) -> bool {
        self.proof.contains(&Item::PurchaseCount)
    }

    /// Whether the model can give this item.
    pub fn gives(&self, item: Item) -> bool {
        self.read.iter().any(|read| read.values.iter().any(|field| field.item == item))
    }

    /// Whether the model freezes its energy by itself and tells the moment with it, so that a gap
    /// of its readings can be filled.
    pub fn freezes(&self) -> bool {
        self.gives(Item::FrozenTime) && self.gives(Item::FrozenEnergy)
    }

    /// The fewest reads, by a greedy choice, that give all of `items`, in the order the items are
    /// asked for. The error is the first item that no read gives.
    pub fn plan(&self, items: &[Item]) -> Result<Vec<u8>, Item> {
        let mut plan: Vec<u8> = Vec::new();
        for item in items {
            let gives = |read: &Read| read.values.iter().any(|field| field.item == *item);
            if plan.iter().any(|at| gives(&self.read[usize::from(*at)])) {
                continue;
            }
            let wanted = |read: &Read| {
                items.iter().filter(|i| read.values.iter().any(|f| f.item == **i)).count()
            };
            let candidates = self.read.iter().enumerate().filter(|(_, read)| gives(read));
            // Of equally useful reads the one that carries the least wins: fewer bytes on the bus.
            let best = candidates.max_by_key(|(at, read)| {
                (wanted(read), usize::MAX - read.values.len(), usize::MAX - at)
            });
            let (at, read) = best.ok_or(*item)?;
            plan.push(at as u8);
            if read.values.iter().any(|f| f.item == *item && f.format.is_part()) {
                let parts = self.read.iter().enumerate().filter(|(_, r)| gives(r));
                let others = parts.map(|(other, _)| other as u8).filter(|other| *other != at as u8);
                plan.extend(others);
            }
        }
        Ok(plan)
    }
}

fn purpose<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Purpose, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!(
            "{text:?} is not a purpose; allowed are `electricity`, `water`, `gas`"
        ))
    })
}

fn money_model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MoneyModel, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!(
            "{text:?} is not a money model; allowed are `meter-held`, `platform-held`"
        ))
    })
}

fn identifier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Identifier>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number = u32::from_str_radix(&text, 16).ok().filter(|_| matches!(text.len(), 4 | 8));
    let number = number.ok_or_else(|| {
        D::Error::custom(format!(
            "{text:?} is not a data identifier; allowed are 4 or 8 hexadecimal digits"
        ))
    })?;
    Ok(Some(Identifier { number, digits: text.len() }))
}

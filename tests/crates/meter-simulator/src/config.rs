//! What a simulated site is made of; the same words in TOML and in Rust. A site file:
//!
//! ```toml
//! seed = 7
//! speed = 50                        # physics runs 50 times faster; faults run in real time
//!
//! [[buses]]
//! registration = "LOGIN:1001"
//! heartbeat = "HB"
//! heartbeat_s = 30
//! connect = "127.0.0.1:9000"
//! knobs = [{ knob = "drop_reply", percent = 5 }, { knob = "noise", percent = 2 }]
//!
//! [[buses.meters]]
//! kind = "dlt645-2007-prepaid"      # dlt645-2007-remote, dlt645-1997, acrel-ddsy1352,
//! address = "202208310002"          # eastron-sdm530y, modbus, cjt188-water
//! customer_no = "000000123456"
//! balance_fen = 1000
//! load_w = 800
//!
//! [[script]]
//! at_ms = 60000
//! meter = "202208310002"
//! knob = "relay_stuck"
//! ```

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::clock::Wall;
use crate::framing::Framing;
use crate::knob::{Knob, Setting};

/// Most buses one site may have.
pub const BUSES_MAX: usize = 4_096;

/// Most meters on one bus: the address space of Modbus.
pub const METERS_MAX: usize = 247;

/// A site: buses with meters, and what goes wrong when.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteConfig {
    /// Seed of every dice; the same seed gives the same faults.
    pub seed: u64,
    /// How many times faster than real bytes, load and valves run; 0 counts as 1.
    pub speed: u32,
    /// The buses.
    pub buses: Vec<BusConfig>,
    /// Faults to switch while it runs.
    pub script: Vec<ScriptLine>,
    /// The calendar of the meters.
    #[serde(skip)]
    pub wall: Wall,
}

/// One RS-485 bus behind one DTU.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BusConfig {
    /// Identity the DTU registers with: text or `hex:AA 01 …`; empty registers not at all.
    pub registration: String,
    /// Heartbeat of a transparent DTU, text or `hex:…`.
    pub heartbeat: String,
    /// Heartbeat interval, simulated seconds; 0 sends none.
    pub heartbeat_s: u64,
    /// True when the registration stands in front of every packet.
    pub register_each_packet: bool,
    /// How bytes are wrapped.
    pub framing: Framing,
    /// Address to dial; used when `listen` is none.
    pub connect: Option<SocketAddr>,
    /// Address to listen on, for servers that dial out.
    pub listen: Option<SocketAddr>,
    /// Line speed, bits per second, 11 bits a character; 0 takes no time at all.
    pub baud: u32,
    /// Time between the end of a request and the start of its answer, simulated ms.
    pub turnaround_ms: u64,
    /// Round-trip time of the network, simulated ms.
    pub rtt_ms: u64,
    /// Idle gap after which the DTU sends the packet, simulated ms.
    pub pack_ms: u64,
    /// Time before dialling again after a broken connection, ms of the server's time.
    pub redial_ms: u64,
    /// Faults of the whole bus.
    pub knobs: Vec<KnobLine>,
    /// The meters.
    pub meters: Vec<MeterConfig>,
}

impl Default for BusConfig {
    fn default() -> Self {
        Self {
            registration: String::new(),
            heartbeat: String::new(),
            heartbeat_s: 0,
            register_each_packet: false,
            framing: Framing::Transparent,
            connect: None,
            listen: None,
            baud: 2_400,
            turnaround_ms: 20,
            rtt_ms: 0,
            pack_ms: 0,
            redial_ms: 50,
            knobs: Vec::new(),
            meters: Vec::new(),
        }
    }
}

/// What a meter is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeterKind {
    /// DL/T 645-2007, money in the meter, purchase count.
    #[default]
    #[serde(rename = "dlt645-2007-prepaid")]
    Prepaid2007,
    /// DL/T 645-2007, balance on the platform, relay by 1CH.
    #[serde(rename = "dlt645-2007-remote")]
    Remote2007,
    /// DL/T 645-1997, read only.
    #[serde(rename = "dlt645-1997")]
    ReadOnly1997,
    /// Acrel DDSY1352, Modbus RTU, relay by registers 0057/0058.
    AcrelDdsy1352,
    /// Eastron SDM530Y, Modbus RTU, purchase and relay logs.
    EastronSdm530y,
    /// A plain Modbus slave with energy, voltage, power and a relay register.
    Modbus,
    /// CJ/T 188 water meter with a motor valve.
    Cjt188Water,
}

/// Differences between the firmwares of facts A.6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// Two-byte SERR, answers a recharge with the identifier only.
    #[default]
    A,
    /// One vendor byte 80/81/84, answers with balance, count and customer number.
    C,
}

/// One meter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeterConfig {
    /// A name unique on the site; empty takes the address.
    pub name: String,
    /// What it is.
    pub kind: MeterKind,
    /// Firmware of a prepaid DL/T 645 meter.
    pub firmware: Firmware,
    /// Address as printed: 12 digits (DL/T 645), 14 digits (CJ/T 188), 1..=247 (Modbus).
    pub address: String,
    /// Customer number, 12 digits; empty means not opened.
    pub customer_no: String,
    /// Money in the meter at the start, fen.
    pub balance_fen: u64,
    /// Purchase count at the start.
    pub count: u32,
    /// Price, 1/10,000 yuan per kWh or m³.
    pub price_e4: u64,
    /// Load while supplied: watts, or litres per hour for water.
    pub load_w: u64,
    /// Energy at the start: Wh, or litres for water.
    pub energy_wh: u64,
    /// Voltage of phase A, tenths of a volt.
    pub voltage_dv: u64,
    /// True when the meter counts the money down itself; none takes the kind's habit.
    pub local_fee: Option<bool>,
    /// Credit the meter gives below zero, fen.
    pub overdraft_limit_fen: u64,
    /// Most money the meter will hold, fen; 0 means no limit.
    pub hoard_limit_fen: u64,
    /// First alarm limit, fen.
    pub alarm_fen: u64,
    /// Programming password, six digits.
    pub password: String,
    /// The MAC its ESAM accepts, eight hexadecimal digits; empty accepts any.
    pub mac: String,
    /// Delay before a trip command opens the relay, minutes.
    pub trip_delay_min: u64,
    /// Clock error at the start, seconds.
    pub clock_offset_s: i64,
    /// True when the relay is open at the start.
    pub relay_open: bool,
    /// CJ/T 188: identifiers travel low byte first.
    pub di_low_first: bool,
    /// CJ/T 188: meter type.
    pub water_type: u8,
    /// Valve travel, simulated ms; 0 draws 5 to 30 seconds from the seed.
    pub valve_travel_ms: u64,
    /// Faults of this meter.
    pub knobs: Vec<KnobLine>,
}

impl Default for MeterConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: MeterKind::Prepaid2007,
            firmware: Firmware::A,
            address: String::new(),
            customer_no: String::new(),
            balance_fen: 0,
            count: 0,
            price_e4: 6_000,
            load_w: 0,
            energy_wh: 0,
            voltage_dv: 2_200,
            local_fee: None,
            overdraft_limit_fen: 0,
            hoard_limit_fen: 0,
            alarm_fen: 2_000,
            password: "000000".into(),
            mac: String::new(),
            trip_delay_min: 0,
            clock_offset_s: 0,
            relay_open: false,
            di_low_first: false,
            water_type: 0x10,
            valve_travel_ms: 0,
            knobs: Vec::new(),
        }
    }
}

impl MeterConfig {
    /// A meter of `kind` at `address`, everything else as usual.
    pub fn at(kind: MeterKind, address: &str) -> Self {
        Self { kind, address: address.into(), ..Self::default() }
    }

    /// Whether it counts money down itself.
    pub(crate) fn counts_money(&self) -> bool {
        self.local_fee.unwrap_or(matches!(self.kind, MeterKind::Prepaid2007))
    }

    /// The name it is asked by.
    pub(crate) fn known_as(&self) -> &str {
        if self.name.is_empty() { &self.address } else { &self.name }
    }
}

/// A fault of a meter or bus from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnobLine {
    /// Which fault.
    pub knob: Knob,
    /// How often and how.
    #[serde(flatten)]
    pub setting: Setting,
}

/// A fault switched while the site runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptLine {
    /// When, milliseconds of real time after the start.
    pub at_ms: u64,
    /// Bus by index; none with no meter either means every bus.
    #[serde(default)]
    pub bus: Option<usize>,
    /// Meter by name or address.
    #[serde(default)]
    pub meter: Option<String>,
    /// Which fault.
    pub knob: Knob,
    /// How often and how.
    #[serde(flatten)]
    pub setting: Setting,
}

/// Why a site cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The TOML text is wrong.
    #[error("the site file is not understood")]
    Syntax(#[from] toml::de::Error),
    /// An address does not fit its meter kind.
    #[error("meter {0} has no valid address for its kind")]
    Address(String),
    /// A text of digits or hexadecimal is wrong.
    #[error("meter {meter}: {field} is not valid")]
    Field {
        /// Name of the meter.
        meter: String,
        /// Key in the configuration.
        field: &'static str,
    },
    /// More buses or meters than the bounds allow.
    #[error("more than {BUSES_MAX} buses or {METERS_MAX} meters on a bus")]
    TooMany,
    /// A bus has neither `connect` nor `listen`.
    #[error("bus {0} has no address to dial or to listen on")]
    NoAddress(usize),
    /// A socket could not be opened.
    #[error("the socket of bus {bus} could not be opened")]
    Socket {
        /// Index of the bus.
        bus: usize,
        /// What the machine said.
        #[source]
        source: std::io::Error,
    },
    /// No meter of this name.
    #[error("there is no meter {0}")]
    NoMeter(String),
    /// No bus of this index.
    #[error("there is no bus {0}")]
    NoBus(usize),
}

impl SiteConfig {
    /// Reads a site from TOML.
    ///
    /// # Errors
    /// [`SiteError::Syntax`] when the text is no TOML or has unknown keys.
    pub fn from_toml(text: &str) -> Result<Self, SiteError> {
        Ok(toml::from_str(text)?)
    }

    /// The speed with 0 read as 1.
    pub(crate) fn factor(&self) -> u64 {
        u64::from(self.speed.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_file_says_everything_and_refuses_unknown_words() {
        let site = SiteConfig::from_toml(
            r#"
            seed = 7
            speed = 50
            [[buses]]
            registration = "LOGIN:1001"
            framing = "four-faith"
            connect = "127.0.0.1:9000"
            baud = 9600
            knobs = [{ knob = "split", percent = 10, value = 3 }]
            [[buses.meters]]
            kind = "dlt645-2007-prepaid"
            firmware = "c"
            address = "202208310002"
            customer_no = "000000123456"
            [[buses.meters]]
            kind = "cjt188-water"
            address = "78330011223344"
            [[script]]
            at_ms = 1000
            meter = "202208310002"
            knob = "drop_reply"
            percent = 5
            "#,
        )
        .unwrap();
        assert_eq!(site.buses[0].meters[0].firmware, Firmware::C);
        assert_eq!(site.buses[0].knobs[0].setting.value, Some(3));
        assert_eq!(site.buses[0].framing, Framing::FourFaith);
        assert_eq!(site.script[0].setting.percent, 5);
        let wrong = [
            "sed = 7",
            "[[buses]]\nbuad = 1",
            "[[buses]]\n[[buses.meters]]\nadress = \"1\"",
            "[[script]]\nat_ms = 1\nknob = \"dead\"\npercnt = 5",
            "[[buses]]\nknobs = [{ knob = \"dead\", percnt = 5 }]",
            "[[buses]]\nknobs = [{ knob = \"deaf\" }]",
        ];
        for text in wrong {
            assert!(SiteConfig::from_toml(text).is_err(), "{text}");
        }
    }
}

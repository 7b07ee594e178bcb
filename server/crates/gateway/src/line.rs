//! What is configured: lines, their links, and the meters on them.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use meter_protocol::dtu;
use uuid::Uuid;

pub use crate::password::{Password, PasswordFault};
pub use crate::registration::{Registration, RegistrationError};
use crate::{
    item::Item,
    profile::{Profile, Profiles},
    query::{MeterAddress, build},
    schedule::METERS_MAX,
    timing::Timing,
};

/// Most lines of one gateway process.
pub const LINES_MAX: usize = 50_000;

/// One gateway or modem with one half-duplex bus behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// The key of events and of the status page.
    pub gateway: Uuid,
    /// How the connection comes about.
    pub link: Link,
    /// What the modem puts around the meters' bytes.
    pub framing: Framing,
    /// How often the modem shows a sign of life; zero when it does not.
    pub heartbeat: Duration,
    /// The bus's speed in bit/s; a time-out is made of it.
    pub baud: u32,
    /// The meters.
    pub meters: Vec<Meter>,
}

impl Line {
    /// The line as its task keeps it: the meters stand in its plan.
    fn without_meters(&self) -> Line {
        Line {
            gateway: self.gateway,
            link: self.link.clone(),
            framing: self.framing.clone(),
            heartbeat: self.heartbeat,
            baud: self.baud,
            meters: Vec::new(),
        }
    }

    /// Tells a configuration from another one without keeping either.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// How a connection comes about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// The modem dials in and names itself.
    DialIn {
        /// Its name.
        registration: Registration,
    },
    /// We dial a serial server, `host:port`.
    DialOut {
        /// Its address.
        address: String,
    },
    /// We dial a Modbus TCP device, `host:port`; frames are MBAP, made by tokio-modbus.
    ModbusTcp {
        /// Its address.
        address: String,
    },
}

/// What a modem puts around the meters' bytes (`meters.md` D).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Nothing, except texts of its own.
    Plain {
        /// The heartbeat text, if it sends one.
        heartbeat: Vec<u8>,
        /// It puts its registration in front of every packet.
        registration_prefixes_packets: bool,
    },
    /// Four-Faith PROT, with stuffing.
    FourFaith,
    /// Hongdian DDP.
    Hongdian,
    /// Acrel 4G meters.
    Acrel4g,
}

impl Framing {
    /// A serial server or modem that adds nothing.
    pub const BARE: Framing =
        Framing::Plain { heartbeat: Vec::new(), registration_prefixes_packets: false };
}

/// A meter on a line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Meter {
    /// The key of commands, readings and events.
    pub key: Uuid,
    /// The bus it hangs on, for people; a line has one outstanding request whatever the number.
    pub bus: u16,
    /// Its address as its protocol writes it: twelve digits (DL/T 645), fourteen (CJ/T 188), or a
    /// slave number (Modbus).
    pub address: String,
    /// The name of its profile.
    pub profile: String,
    /// The site's own password, where it is not the factory's.
    pub password: Option<Password>,
    /// What is read in every round.
    pub scan: Vec<Item>,
    /// The time between two rounds; zero reads without pause.
    pub interval: Duration,
}

/// Something configured that cannot be used. The rest of the configuration is in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {gateway}, {place}: {value:?}: {reason}")]
pub struct LineFault {
    /// The line.
    pub gateway: Uuid,
    /// The meter's key, or the field of the line.
    pub place: String,
    /// The value found.
    pub value: String,
    /// What is wrong with it, and what is allowed.
    pub reason: String,
}

/// A line that can be run.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Without its meters: a hundred thousand of them are not kept twice (goal R4).
    pub line: Arc<Line>,
    pub meters: Vec<MeterPlan>,
}

/// A meter that can be asked.
#[derive(Debug)]
pub(crate) struct MeterPlan {
    pub key: Uuid,
    pub address: MeterAddress,
    pub profile: Arc<Profile>,
    pub password: Option<Password>,
    /// Indexes of the profile's reads, one per exchange of a round.
    pub reads: Arc<[u8]>,
    /// What of their values is wanted.
    pub scan: Arc<[Item]>,
    pub interval: Duration,
}

impl Plan {
    /// Resolves profiles and addresses. Meters that cannot be used are left out and named.
    pub(crate) fn new(line: &Line, profiles: &Profiles, faults: &mut Vec<LineFault>) -> Self {
        let mut meters: Vec<MeterPlan> = Vec::with_capacity(line.meters.len().min(METERS_MAX));
        for meter in &line.meters {
            let fault = |value: &str, reason: String| LineFault {
                gateway: line.gateway,
                place: format!("meter {}", meter.key),
                value: value.to_owned(),
                reason,
            };
            if meters.len() >= METERS_MAX {
                let reason = format!("a line has at most {METERS_MAX} meters");
                faults.push(fault(&meter.address, reason));
                break;
            }
            match MeterPlan::new(meter, profiles) {
                Err((value, reason)) => faults.push(fault(&value, reason)),
                Ok(plan) if meters.iter().any(|m| m.address == plan.address) => {
                    let reason = "another meter of the line has this address".to_owned();
                    faults.push(fault(&meter.address, reason));
                }
                Ok(plan) => meters.push(plan.like(meters.last())),
            }
        }
        if !(300..=115_200).contains(&line.baud) {
            faults.push(LineFault {
                gateway: line.gateway,
                place: "baud".to_owned(),
                value: line.baud.to_string(),
                reason: "allowed are 300 to 115200; 2400 is used".to_owned(),
            });
        }
        meters.shrink_to_fit();
        Plan { line: Arc::new(line.without_meters()), meters }
    }

    /// The speed that time-outs are made of.
    pub(crate) fn baud(&self) -> u32 {
        if (300..=115_200).contains(&self.line.baud) { self.line.baud } else { 2400 }
    }

    /// The pause before every request: as long as the neediest meter of the line wants it.
    pub(crate) fn pause(&self, timing: &Timing) -> Duration {
        let pauses = self
            .meters
            .iter()
            .map(|meter| timing.pause(meter.profile.protocol, &meter.profile.quirks, self.baud()));
        pauses.max().unwrap_or(timing.gap)
    }

    /// An address that tells which protocol unasked frames are looked for in.
    pub(crate) fn wire(&self) -> Option<MeterAddress> {
        self.meters.first().map(|meter| meter.address)
    }

    /// The framing's prototype for a connection of this line.
    pub(crate) fn framing(&self) -> dtu::Framing {
        let registration = match &self.line.link {
            Link::DialIn { registration } => registration.pattern(),
            Link::DialOut { .. } | Link::ModbusTcp { .. } => None,
        };
        match &self.line.framing {
            Framing::Plain { heartbeat, registration_prefixes_packets } => {
                dtu::Framing::Plain(dtu::Plain {
                    registration,
                    heartbeat: heartbeat.clone(),
                    registration_prefixes_packets: *registration_prefixes_packets,
                })
            }
            Framing::FourFaith => dtu::Framing::FourFaith,
            Framing::Hongdian => dtu::Framing::Hongdian,
            Framing::Acrel4g => dtu::Framing::Acrel4g,
        }
    }
}

impl MeterPlan {
    /// Shares what the meter before it on the line has alike.
    fn like(mut self, before: Option<&MeterPlan>) -> Self {
        let Some(before) = before else { return self };
        if self.reads == before.reads {
            self.reads = Arc::clone(&before.reads);
        }
        if self.scan == before.scan {
            self.scan = Arc::clone(&before.scan);
        }
        self
    }

    /// The error is the value that is wrong and why.
    fn new(meter: &Meter, profiles: &Profiles) -> Result<Self, (String, String)> {
        let Some(profile) = profiles.get(&meter.profile) else {
            let known: Vec<_> = profiles.iter().map(|profile| profile.name.as_str()).collect();
            let reason = format!("no such profile; there are {}", known.join(", "));
            return Err((meter.profile.clone(), reason));
        };
        let address = build::address(profile.protocol, &meter.address)
            .map_err(|reason| (meter.address.clone(), reason))?;
        let reads = profile.plan(&meter.scan).map_err(|item| {
            (item.to_string(), format!("profile {} does not give this item", profile.name))
        })?;
        let in_parts = |item: &&Item| {
            let fields = profile.read.iter().flat_map(|read| &read.values);
            fields.into_iter().any(|field| field.item == **item && field.format.is_part())
        };
        if let Some(item) = meter.scan.iter().find(in_parts) {
            let reason = format!("profile {} gives this item on demand only", profile.name);
            return Err((item.to_string(), reason));
        }
        Ok(MeterPlan {
            key: meter.key,
            address,
            profile: Arc::clone(profile),
            password: meter.password,
            reads: reads.into(),
            scan: meter.scan.as_slice().into(),
            interval: meter.interval,
        })
    }
}

/// True where a text is the address of one meter in the words of a profile's protocol: a wildcard
/// is not.
pub fn is_address(profile: &Profile, text: &str) -> bool {
    build::address(profile.protocol, text).is_ok()
}

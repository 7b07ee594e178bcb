//! Proofs of the pure core: golden bytes, rules of the meters, the bus, determinism.

mod bus;
mod control;
mod golden;
mod meter;

use crate::bcd::{from_hex, to_hex};
use crate::bus::{Bus, Output};
use crate::clock::{Civil, Now};
use crate::config::{BusConfig, MeterConfig};

/// 2026-11-20 12:00:00 in the meters' local time.
pub(crate) fn noon() -> i64 {
    Civil { year: 2026, month: 11, day: 20, hour: 12, minute: 0, second: 0 }.to_local_s().unwrap()
}

/// A bus under a clock the test moves.
pub(crate) struct Bench {
    pub bus: Bus,
    pub sim_us: u64,
    pub local_s: i64,
}

impl Bench {
    /// One meter on a line that takes no time.
    pub fn of(meter: MeterConfig) -> Self {
        Self::with(BusConfig {
            baud: 0,
            turnaround_ms: 0,
            meters: vec![meter],
            ..BusConfig::default()
        })
    }

    /// A bus as configured, connected, with its registration taken away.
    pub fn with(config: BusConfig) -> Self {
        let now = Now { sim_us: 0, local_s: noon() };
        let mut bus = Bus::new(config, 42, 1, now).unwrap();
        bus.connected(now);
        bus.take_outputs();
        Self { bus, sim_us: 0, local_s: noon() }
    }

    pub fn now(&self) -> Now {
        Now { sim_us: self.sim_us, local_s: self.local_s }
    }

    /// Simulated time passes; the calendar goes along.
    pub fn pass(&mut self, us: u64) {
        self.sim_us += us;
        self.local_s += (us / 1_000_000) as i64;
        self.bus.advance(self.now());
        self.bus.settle(self.now());
    }

    /// Sends bytes and returns everything that comes back within `us`.
    pub fn send(&mut self, hex: &str, us: u64) -> Vec<Output> {
        let now = self.now();
        self.bus.downlink(now, &from_hex(hex).unwrap());
        self.pass(us);
        self.bus.take_outputs()
    }

    /// Sends bytes and returns what came back within ten seconds, as hexadecimal, glued.
    pub fn ask(&mut self, hex: &str) -> String {
        let outputs = self.send(hex, 10_000_000);
        let sent = outputs.into_iter().filter_map(|output| match output {
            Output::Send(bytes) => Some(bytes),
            _ => None,
        });
        to_hex(&sent.flatten().collect::<Vec<u8>>())
    }
}

/// A 645 request to 202208310002: control and plain data, as hexadecimal with preamble.
pub(crate) fn request(control: u8, data: &str) -> String {
    let frame = crate::dlt645::Frame {
        address: [0x02, 0x00, 0x31, 0x08, 0x22, 0x20],
        control,
        data: from_hex(data).unwrap(),
    };
    to_hex(&frame.encode(4))
}

/// Control and plain data of a 645 answer, as hexadecimal; empty for silence.
pub(crate) fn plain(hex: &str) -> (u8, String) {
    match crate::dlt645::find(&from_hex(hex).unwrap()) {
        Some((frame, _)) => (frame.control, to_hex(&frame.data)),
        None => (0, String::new()),
    }
}

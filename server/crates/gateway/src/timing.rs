//! Every time and rate the gateway waits for, in one place, so that a test can run a bus in
//! milliseconds.

use std::time::Duration;

use crate::{
    profile::{Protocol, Quirks},
    schedule::scan::Backoff,
};

/// Characters of true silence in front of every request: a meter lets go of the pair only when its
/// last character is out.
pub const SILENT_CHARACTERS: usize = 1;

/// Times and rates. The defaults are those of `meters.md` D and D.1.
#[derive(Clone, Debug)]
pub struct Timing {
    /// How long a new connection may take to register.
    pub registration: Duration,
    /// New connections accepted in one second; more wait in the system's queue.
    pub accepts_per_second: u32,
    /// Connections held at once, registered or not.
    pub connections_max: usize,
    /// Connections that may be unregistered at once.
    pub unregistered_max: usize,
    /// What the path to a DTU may add to an exchange.
    pub path: Duration,
    /// How much longer than three times its known delay the answer to a read may take: a modem's
    /// packing gap (up to 100 ms), a network's jitter (100 ms), and a reserve (`meters.md` D).
    pub read_margin: Duration,
    /// Scales every meter's turnaround time; 1000 is real time.
    pub turnaround_per_mille: u32,
    /// Idle time on a bus before the next request says something, where the profile names none:
    /// 20 ms by `meters.md` D, more than the 3.5 characters of Modbus at 2400 baud (16 ms).
    pub gap: Duration,
    /// How long a bus must be quiet after a time-out; as long as that time-out was when absent.
    pub quiet: Option<Duration>,
    /// The pause after a broadcast, which nobody answers.
    pub broadcast_pause: Duration,
    /// The longest one exchange may take, whatever trickles in.
    pub exchange_max: Duration,
    /// How often a read that a command needs is tried. Writes are tried once.
    pub read_tries: u8,
    /// The first poll of a meter comes at a random moment within this time.
    pub first_poll_within: Duration,
    /// How a silent meter is asked again.
    pub backoff: Backoff,
    /// How long a connection may be silent, in heartbeats.
    pub silent_heartbeats: u32,
    /// How long to wait before dialling again, at first and at most.
    pub redial: Backoff,
    /// How long dialling may take.
    pub dial: Duration,
    /// TCP keepalive: the first probe after this idle time, then as often, three times.
    pub keepalive: Duration,
    /// A settled claim to a line is not heard again from a third connection for this long.
    pub claim_rest: Duration,
    /// A refused password is not tried again for this long.
    pub password_rest: Duration,
    /// How long a known difference of a meter's clock is believed.
    pub clock_fresh: Duration,
    /// Readings are handed on at least this often.
    pub flush: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Timing {
            registration: seconds(5),
            accepts_per_second: 1500,
            connections_max: 20_000,
            unregistered_max: 2000,
            path: Duration::from_millis(1000),
            read_margin: Duration::from_millis(250),
            turnaround_per_mille: 1000,
            gap: Duration::from_millis(20),
            quiet: None,
            broadcast_pause: Duration::from_millis(500),
            exchange_max: seconds(15),
            read_tries: 3,
            first_poll_within: seconds(300),
            backoff: Backoff { first: seconds(2), longest: seconds(300) },
            silent_heartbeats: 3,
            redial: Backoff { first: seconds(1), longest: seconds(60) },
            dial: seconds(5),
            keepalive: seconds(30),
            claim_rest: seconds(10),
            password_rest: seconds(24 * 3600),
            clock_fresh: seconds(3600),
            flush: Duration::from_millis(100),
        }
    }
}

impl Timing {
    /// How long `bytes` take on the wire: eleven bits each (8E1, `meters.md` A.1).
    pub fn line_time(baud: u32, bytes: usize) -> Duration {
        let bits = 11 * bytes as u64;
        Duration::from_nanos(bits * 1_000_000_000 / u64::from(baud.max(1)))
    }

    /// The pause before a request to such a meter.
    ///
    /// The FE in front of a DL/T 645 or CJ/T 188 frame wake the receiver and say nothing; meters
    /// take any number of them, also none (`meters.md` A.1, C). So to a meter the bus is idle until
    /// the 68, and the preamble counts as part of the pause: at 2400 baud four FE are 18.3 ms of
    /// the 20. What is left is never less than one character. Modbus has no preamble.
    pub(crate) fn pause(&self, protocol: Protocol, quirks: &Quirks, baud: u32) -> Duration {
        let idle = quirks.min_gap_ms.map_or(self.gap, |ms| Duration::from_millis(u64::from(ms)));
        let preamble = match protocol {
            Protocol::Modbus => 0,
            Protocol::Dlt645 | Protocol::Dlt645V1997 | Protocol::Cjt188 => quirks.preamble,
        };
        let preamble = Timing::line_time(baud, usize::from(preamble));
        idle.saturating_sub(preamble).max(Timing::line_time(baud, SILENT_CHARACTERS))
    }

    /// A meter's turnaround on this clock.
    pub fn turnaround(&self, turnaround_ms: u16) -> Duration {
        let nanos = u64::from(turnaround_ms) * 1_000_000;
        Duration::from_nanos(nanos / 1000 * u64::from(self.turnaround_per_mille))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preamble_is_part_of_the_pause_before_a_request() {
        use Protocol::{Cjt188, Dlt645, Dlt645V1997, Modbus};
        // Eleven bits a character: 4.583 ms at 2400 baud, 1.145 ms at 9600.
        let table = [
            ("one character is left of 20 ms", Dlt645, 2_400, 4, None, 4_583),
            ("the same of 1997", Dlt645V1997, 2_400, 4, None, 4_583),
            ("the same of a water meter", Cjt188, 2_400, 4, None, 4_583),
            ("a shorter preamble, a longer pause", Dlt645, 2_400, 2, None, 10_833),
            ("no preamble", Dlt645, 2_400, 0, None, 20_000),
            ("a fast line", Dlt645, 9_600, 4, None, 15_416),
            ("a model that needs more", Dlt645, 2_400, 4, Some(50), 31_666),
            ("a model that needs less", Dlt645, 9_600, 4, Some(2), 1_145),
            ("Modbus has no preamble", Modbus, 2_400, 4, None, 20_000),
            ("nor a model of it", Modbus, 9_600, 4, Some(5), 5_000),
        ];
        for (name, protocol, baud, preamble, min_gap_ms, want_us) in table {
            let quirks = Quirks { preamble, min_gap_ms, ..Quirks::default() };
            let pause = Timing::default().pause(protocol, &quirks, baud);
            assert_eq!(pause.as_micros(), want_us, "{name}");
        }
    }
}

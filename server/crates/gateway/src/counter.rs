//! Counts of what the gateway did, readable at any time.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// Counts since the start. Gauges are marked as such.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: AtomicU64,)*
        }

        impl Counters {
            /// Name and value of each, for a metrics page.
            pub fn snapshot(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

counters! {
    /// Connections accepted.
    accepted;
    /// Connections closed because too many are open (gauge limits of `Timing`).
    refused_connections;
    /// Connections that did not register in time.
    registration_timeouts;
    /// Registrations nobody knows.
    unknown_registrations;
    /// Connections open now (gauge).
    connections;
    /// Lines with a connection now (gauge).
    online;
    /// Second claims to a line that had a connection.
    duplicate_claims;
    /// Requests written.
    requests;
    /// Answers that belonged to their request.
    answers;
    /// Requests given up without any answer.
    timeouts;
    /// Answers that were no valid frame or did not fit the profile.
    garbled;
    /// Refusals.
    refusals;
    /// Bytes that belonged to no frame.
    noise_bytes;
    /// Frames from another address than the one asked.
    wrong_address;
    /// Answers that came after their request was given up.
    late_answers;
    /// Frames nobody asked for.
    spontaneous;
    /// Reads started again because a following frame was lost.
    follow_up_restarts;
    /// Commands taken.
    commands;
    /// Commands that ended without a byte sent.
    commands_not_sent;
    /// Readings handed on.
    readings;
    /// Readings dropped because nobody took them.
    readings_dropped;
    /// Events dropped because nobody took them.
    events_dropped;
    /// Bytes sent.
    bytes_sent;
    /// Bytes received.
    bytes_received;
    /// Microseconds buses spent in exchanges, mandated gaps included.
    bus_busy_us;
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

pub(crate) fn discount(counter: &AtomicU64) {
    counter.fetch_sub(1, Ordering::Relaxed);
}

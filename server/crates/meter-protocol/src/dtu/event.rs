//! What a modem connection has to say.

/// Whether an exchange with a meter is under way on this connection.
///
/// A heartbeat may stand inside a reply (H.1 case 16). While a reply is awaited, bytes that only
/// *might* begin a heartbeat are handed on at once instead of being held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing is awaited.
    Idle,
    /// A reply is awaited.
    InFlight,
}

/// What came out of the received bytes, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The modem named itself; again when it does so under another name.
    Registered(String),
    /// A sign of life.
    Heartbeat,
    /// Bytes of the meter bus.
    Data(Vec<u8>),
    /// Bytes the framing demands to be written to the connection now.
    Send(Vec<u8>),
    /// The modem confirms that it took a downlink frame. It says nothing about the meter.
    DownlinkTaken,
    /// The modem logs out.
    LoggedOut,
    /// An Acrel meter asks for the time: answer with [`crate::acrel_4g::encode_time`].
    TimeRequested,
    /// An Acrel upload, alarm or parameter frame.
    Upload {
        /// Its command byte.
        command: u8,
        /// Its body.
        body: Vec<u8>,
    },
    /// Bytes that fit no frame of this framing were dropped.
    Noise(usize),
    /// The modem did not name itself within its bound; the first bytes, for the log. Close.
    Unrecognised(Vec<u8>),
}

impl Event {
    /// Adds dropped bytes, joined with those dropped just before, so that a flood of noise stays
    /// one event.
    pub(super) fn push_noise(events: &mut Vec<Event>, count: usize) {
        match events.last_mut() {
            Some(Event::Noise(sofar)) => *sofar += count,
            _ => events.push(Event::Noise(count)),
        }
    }
}

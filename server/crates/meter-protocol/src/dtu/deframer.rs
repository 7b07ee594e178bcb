//! One connection to a modem, whatever its framing.

use super::four_faith::FourFaith;
use super::hongdian::Hongdian;
use super::plain::{Plain, PlainState};
use super::{Event, Line};
use crate::{Decoded, acrel_4g};

/// Most bytes kept from a modem that has not named itself; then it is unrecognised.
pub const UNREGISTERED_LEN_MAX: usize = 256;
/// Most meter bytes one downlink packet may carry.
pub const DOWNLINK_LEN_MAX: usize = 512;

/// Which framing a gateway's modem uses, as data of its profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Bytes as they are, with optional registration and heartbeat (USR, Ebyte, InDTU, serial
    /// servers).
    Plain(Plain),
    /// Four-Faith PROT: 21-byte registration, FE heartbeat, FD stuffing.
    FourFaith,
    /// Hongdian DDP: `7B type length ID data 7B`.
    Hongdian,
    /// Acrel 4G meters: `7B 7B … 7D 7D`.
    Acrel4g,
}

/// Why bytes cannot go down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownlinkError {
    /// The modem has not named itself; nothing was sent.
    #[error("the modem has not registered")]
    Unregistered,
    /// More than [`DOWNLINK_LEN_MAX`] bytes.
    #[error("{len} bytes pass the {DOWNLINK_LEN_MAX} of one downlink packet")]
    TooLong {
        /// The offered length.
        len: usize,
    },
}

/// The state of one connection's framing. Small when idle: thousands of them wait at a time.
#[derive(Clone, Debug)]
pub struct Deframer(State);

#[derive(Clone, Debug)]
enum State {
    Plain(PlainState),
    FourFaith(FourFaith),
    Hongdian(Hongdian),
    Acrel4g { pending: Vec<u8>, serial: Option<String> },
}

impl Deframer {
    /// The state of a fresh connection.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Deframer(match framing {
            Framing::Plain(plain) => State::Plain(PlainState::new(plain)),
            Framing::FourFaith => State::FourFaith(FourFaith::default()),
            Framing::Hongdian => State::Hongdian(Hongdian::default()),
            Framing::Acrel4g => State::Acrel4g { pending: Vec::new(), serial: None },
        })
    }

    /// Takes received bytes and answers what they mean, in order.
    ///
    /// Held back at most are [`UNREGISTERED_LEN_MAX`] bytes of an unknown modem or one unfinished
    /// frame of the framing.
    pub fn feed(&mut self, bytes: &[u8], line: Line) -> Vec<Event> {
        let mut events = Vec::new();
        match &mut self.0 {
            State::Plain(plain) => plain.feed(bytes, line, &mut events),
            State::FourFaith(modem) => modem.feed(bytes, &mut events),
            State::Hongdian(modem) => modem.feed(bytes, &mut events),
            State::Acrel4g { pending, serial } => {
                pending.extend_from_slice(bytes);
                feed_acrel(pending, serial, &mut events);
            }
        }
        events
    }

    /// The line fell silent: hands on bytes that were held back because they might have begun a
    /// heartbeat. Unfinished frames of vendor framings stay; they carry their own check.
    pub fn release(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        if let State::Plain(plain) = &mut self.0 {
            plain.release(&mut events);
        }
        events
    }

    /// The name the modem gave itself; `None` before that, and always for framings without one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match &self.0 {
            State::Plain(plain) => plain.id(),
            State::FourFaith(modem) => modem.id(),
            State::Hongdian(modem) => modem.id(),
            State::Acrel4g { serial, .. } => serial.as_deref(),
        }
    }

    /// True when meter bytes may flow.
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        match &self.0 {
            State::Plain(plain) => plain.is_transparent(),
            _ => self.id().is_some(),
        }
    }

    /// Wraps meter bytes for the way down and appends them to `out`, to be sent in one write.
    ///
    /// # Errors
    /// [`DownlinkError`]; nothing is appended then.
    pub fn encode_downlink(&self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DownlinkError> {
        if bytes.len() > DOWNLINK_LEN_MAX {
            return Err(DownlinkError::TooLong { len: bytes.len() });
        }
        if !self.is_transparent() {
            return Err(DownlinkError::Unregistered);
        }
        match &self.0 {
            State::Plain(_) => out.extend_from_slice(bytes),
            State::FourFaith(_) => super::four_faith::stuff(bytes, out),
            State::Hongdian(modem) => modem.encode_downlink(bytes, out),
            State::Acrel4g { .. } => acrel_4g::encode(acrel_4g::Command::TRANSPARENT, bytes, out),
        }
        Ok(())
    }
}

fn feed_acrel(pending: &mut Vec<u8>, serial: &mut Option<String>, events: &mut Vec<Event>) {
    let mut start = 0;
    loop {
        match acrel_4g::decode(&pending[start..]) {
            Decoded::NeedMore => break,
            Decoded::Skip(count) => {
                Event::push_noise(events, count);
                start += count;
            }
            Decoded::Frame { frame, consumed } => {
                acrel_frame(frame, serial, events);
                start += consumed;
            }
        }
    }
    pending.drain(..start);
}

fn acrel_frame(frame: acrel_4g::Frame<'_>, serial: &mut Option<String>, events: &mut Vec<Event>) {
    use acrel_4g::Command;
    let acknowledge = |events: &mut Vec<Event>| {
        let mut answer = Vec::new();
        acrel_4g::encode(frame.command, &[], &mut answer);
        events.push(Event::Send(answer));
    };
    match (frame.command, serial.as_deref()) {
        (Command::REGISTER, _) => {
            let Some(registration) = acrel_4g::Registration::read(frame.body) else {
                events.push(Event::Unrecognised(frame.body.to_vec()));
                return;
            };
            *serial = Some(registration.serial.to_owned());
            events.push(Event::Registered(registration.serial.to_owned()));
            acknowledge(events);
        }
        (Command::HEARTBEAT, _) => events.push(Event::Heartbeat),
        (Command::TIME, _) => events.push(Event::TimeRequested),
        // Meter bytes before the registration belong to nobody.
        (_, None) => Event::push_noise(events, frame.body.len()),
        (Command::TRANSPARENT, Some(serial)) => {
            let bytes = acrel_4g::without_serial(frame.body, serial);
            if !bytes.is_empty() {
                events.push(Event::Data(bytes.to_vec()));
            }
        }
        (command, Some(_)) => {
            events.push(Event::Upload { command: command.0, body: frame.body.to_vec() });
            if command == Command::UPLOAD {
                acknowledge(events);
            }
        }
    }
}

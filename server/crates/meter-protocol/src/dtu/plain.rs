//! Modems that pass bytes through: USR, Ebyte, InDTU and plain serial servers (D).
//!
//! Two habits spoil the stream: a heartbeat text that may fall into the middle of a reply, and a
//! registration packet repeated in front of every packet. Both are cut out here, because a Modbus
//! parser cannot be trusted to skip them (H.1 case 16).

use super::{Event, Line, Match, Pattern, UNREGISTERED_LEN_MAX};

/// Texts shorter than this are never cut out of the middle of data, where they may be meter bytes.
pub const STRIP_LEN_MIN: usize = 4;

/// The habits of one modem. The default is a serial server: no registration, no heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain {
    /// How the modem names itself; `None` for lines we dial ourselves.
    pub registration: Option<Pattern>,
    /// The heartbeat text, at most 40 bytes on real modems; empty for none.
    pub heartbeat: Vec<u8>,
    /// The registration packet stands in front of every packet.
    pub registration_prefixes_packets: bool,
}

#[derive(Clone, Debug)]
pub(super) struct PlainState {
    plain: Plain,
    phase: Phase,
    pending: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Phase {
    /// Waiting for the name; so many of the kept bytes cannot begin it.
    Unregistered { scanned: usize },
    /// The name was not given in time; everything is ignored.
    Unrecognised,
    /// Meter bytes flow. `packet` is the registration packet as it was sent.
    Transparent { id: Option<String>, packet: Vec<u8> },
}

impl PlainState {
    pub(super) fn new(plain: Plain) -> Self {
        let phase = match plain.registration {
            Some(_) => Phase::Unregistered { scanned: 0 },
            None => Phase::Transparent { id: None, packet: Vec::new() },
        };
        PlainState { plain, phase, pending: Vec::new() }
    }

    pub(super) fn id(&self) -> Option<&str> {
        match &self.phase {
            Phase::Transparent { id, .. } => id.as_deref(),
            _ => None,
        }
    }

    pub(super) const fn is_transparent(&self) -> bool {
        matches!(self.phase, Phase::Transparent { .. })
    }

    pub(super) fn feed(&mut self, bytes: &[u8], line: Line, events: &mut Vec<Event>) {
        self.pending.extend_from_slice(bytes);
        if matches!(self.phase, Phase::Unregistered { .. }) {
            self.look_for_name(events);
        }
        match self.phase {
            Phase::Unregistered { .. } => {}
            Phase::Unrecognised => self.pending.clear(),
            Phase::Transparent { .. } => self.pass(line, events),
        }
    }

    pub(super) fn release(&mut self, events: &mut Vec<Event>) {
        if self.is_transparent() && !self.pending.is_empty() {
            events.push(Event::Data(std::mem::take(&mut self.pending)));
        }
    }

    fn look_for_name(&mut self, events: &mut Vec<Event>) {
        let (Phase::Unregistered { scanned }, Some(pattern)) =
            (&mut self.phase, &self.plain.registration)
        else {
            return;
        };
        while *scanned < self.pending.len() {
            let rest = &self.pending[*scanned..];
            if !self.plain.heartbeat.is_empty() && rest.starts_with(&self.plain.heartbeat) {
                events.push(Event::Heartbeat);
                *scanned += self.plain.heartbeat.len();
                continue;
            }
            match pattern.matches(rest) {
                Match::Yes { id, len } => {
                    let packet = rest[..len].to_vec();
                    self.pending.drain(..*scanned + len);
                    events.push(Event::Registered(id.clone()));
                    self.phase = Phase::Transparent { id: Some(id), packet };
                    return;
                }
                Match::Maybe => break,
                Match::No => *scanned += 1,
            }
        }
        if self.pending.len() > UNREGISTERED_LEN_MAX {
            self.pending.truncate(UNREGISTERED_LEN_MAX);
            events.push(Event::Unrecognised(std::mem::take(&mut self.pending)));
            self.phase = Phase::Unrecognised;
        }
    }

    /// Cuts heartbeats and repeated registrations out and hands the rest on.
    fn pass(&mut self, line: Line, events: &mut Vec<Event>) {
        let bytes = std::mem::take(&mut self.pending);
        let mut data = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let at_front = data.is_empty();
            match self.text_at(rest, at_front, line) {
                Text::Heartbeat(len) => {
                    push_data(&mut data, events);
                    events.push(Event::Heartbeat);
                    at += len;
                }
                Text::Registration(len) => at += len,
                Text::Unfinished => {
                    self.pending = rest.to_vec();
                    break;
                }
                Text::None => {
                    data.push(bytes[at]);
                    at += 1;
                }
            }
        }
        push_data(&mut data, events);
    }

    fn text_at(&self, rest: &[u8], at_front: bool, line: Line) -> Text {
        let heartbeat = self.plain.heartbeat.as_slice();
        let registration: &[u8] = match &self.phase {
            Phase::Transparent { packet, .. } if self.plain.registration_prefixes_packets => packet,
            _ => &[],
        };
        let cuttable = |text: &[u8]| {
            let short = text.len() < STRIP_LEN_MIN;
            !text.is_empty() && (!short || (at_front && line == Line::Idle))
        };
        if cuttable(heartbeat) && rest.starts_with(heartbeat) {
            return Text::Heartbeat(heartbeat.len());
        }
        if cuttable(registration) && rest.starts_with(registration) {
            return Text::Registration(registration.len());
        }
        // While a reply is awaited, a few bytes that look like the start of a text are more
        // likely its last bytes; holding them would cost the reply.
        let sure = line == Line::Idle || rest.len() >= STRIP_LEN_MIN;
        let begins = |text: &[u8]| cuttable(text) && text.starts_with(rest);
        if sure && (begins(heartbeat) || begins(registration)) {
            return Text::Unfinished;
        }
        Text::None
    }
}

enum Text {
    Heartbeat(usize),
    Registration(usize),
    Unfinished,
    None,
}

fn push_data(data: &mut Vec<u8>, events: &mut Vec<Event>) {
    if !data.is_empty() {
        events.push(Event::Data(std::mem::take(data)));
    }
}

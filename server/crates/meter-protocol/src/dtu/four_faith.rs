//! Four-Faith PROT (D): a 21-byte registration, a heartbeat of one byte FE, and stuffing in both
//! directions: FD becomes FD ED, FE becomes FD EE. A bare FE is therefore never meter data, though
//! it looks like a DL/T 645 preamble byte (H.1 case 17).

use super::{Event, UNREGISTERED_LEN_MAX};

const REGISTRATION_LEN: usize = 21;
const ESCAPE: u8 = 0xFD;
const HEARTBEAT: u8 = 0xFE;
const ESCAPED_ESCAPE: u8 = 0xED;
const ESCAPED_HEARTBEAT: u8 = 0xEE;

#[derive(Clone, Debug, Default)]
pub(super) struct FourFaith {
    /// The telephone number in the registration.
    phone: Option<String>,
    /// Unstuffed bytes of a registration that is not whole yet.
    pending: Vec<u8>,
    /// An FD was the last byte seen.
    escaped: bool,
    unrecognised: bool,
}

impl FourFaith {
    pub(super) fn id(&self) -> Option<&str> {
        self.phone.as_deref()
    }

    pub(super) fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        if self.unrecognised {
            return;
        }
        let mut data = Vec::new();
        for byte in bytes {
            self.take(*byte, &mut data, events);
            if self.phone.is_none() {
                self.pending.append(&mut data);
                self.look_for_registration(events);
            }
        }
        if !data.is_empty() && self.phone.is_some() {
            events.push(Event::Data(data));
        }
    }

    fn take(&mut self, byte: u8, data: &mut Vec<u8>, events: &mut Vec<Event>) {
        let escaped = std::mem::take(&mut self.escaped);
        match (escaped, byte) {
            (true, ESCAPED_ESCAPE) => data.push(ESCAPE),
            (true, ESCAPED_HEARTBEAT) => data.push(HEARTBEAT),
            // Not a pair of the stuffing: the FD was a literal byte.
            (true, other) => {
                data.push(ESCAPE);
                self.take(other, data, events);
            }
            (false, ESCAPE) => self.escaped = true,
            // No source says whether the registration itself is stuffed; its address bytes may be
            // FE. Inside a registration already begun, FE is taken as it is.
            (false, HEARTBEAT) if self.phone.is_none() && !self.pending.is_empty() => {
                data.push(HEARTBEAT);
            }
            (false, HEARTBEAT) => {
                if self.phone.is_some() && !data.is_empty() {
                    events.push(Event::Data(std::mem::take(data)));
                }
                events.push(Event::Heartbeat);
            }
            (false, other) => data.push(other),
        }
    }

    /// `ID4, telephone number 11 ASCII, 00, IP4, 00`.
    fn look_for_registration(&mut self, events: &mut Vec<Event>) {
        let Some(packet) = self.pending.first_chunk::<REGISTRATION_LEN>() else { return };
        let (phone, rest) = (&packet[4..15], &packet[15..]);
        if phone.iter().all(u8::is_ascii_digit) && rest[0] == 0 && rest[5] == 0 {
            let phone: String = phone.iter().map(|byte| char::from(*byte)).collect();
            events.push(Event::Registered(phone.clone()));
            self.phone = Some(phone);
            self.pending = Vec::new();
        } else if self.pending.len() >= UNREGISTERED_LEN_MAX {
            events.push(Event::Unrecognised(std::mem::take(&mut self.pending)));
            self.unrecognised = true;
        }
    }
}

/// Appends `bytes` with FD and FE escaped.
pub(super) fn stuff(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match *byte {
            ESCAPE => out.extend_from_slice(&[ESCAPE, ESCAPED_ESCAPE]),
            HEARTBEAT => out.extend_from_slice(&[ESCAPE, ESCAPED_HEARTBEAT]),
            other => out.push(other),
        }
    }
}

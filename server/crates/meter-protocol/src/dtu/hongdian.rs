//! Hongdian DDP (D): `7B type length ID data 7B`, the length big-endian and of the whole frame.
//! The registration packet repeated is the heartbeat. Data before the registration is answered with
//! a demand to register again.

use super::{DOWNLINK_LEN_MAX, Event};
use crate::Decoded;

const DELIMITER: u8 = 0x7B;
const ID_LEN: usize = 11;
/// Bytes of a frame without data.
const OVERHEAD: usize = 16;
/// Longest frame taken.
const FRAME_LEN_MAX: usize = OVERHEAD + 2 * DOWNLINK_LEN_MAX;

const REGISTER: u8 = 0x01;
const LOG_OUT: u8 = 0x02;
const DATA_TAKEN: u8 = 0x05;
const UP_DATA: u8 = 0x09;
const REGISTERED: u8 = 0x81;
const LOGGED_OUT: u8 = 0x82;
const REGISTER_AGAIN: u8 = 0x83;
const UP_DATA_TAKEN: u8 = 0x85;
const DOWN_DATA: u8 = 0x89;

#[derive(Clone, Debug, Default)]
pub(super) struct Hongdian {
    id: Option<[u8; ID_LEN]>,
    name: Option<String>,
    pending: Vec<u8>,
}

struct Frame<'b> {
    kind: u8,
    id: [u8; ID_LEN],
    data: &'b [u8],
}

impl Hongdian {
    pub(super) fn id(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let mut start = 0;
        loop {
            match decode(&pending[start..]) {
                Decoded::NeedMore => break,
                Decoded::Skip(count) => {
                    Event::push_noise(events, count);
                    start += count;
                }
                Decoded::Frame { frame, consumed } => {
                    self.take(&frame, events);
                    start += consumed;
                }
            }
        }
        pending.drain(..start);
        self.pending = pending;
    }

    fn take(&mut self, frame: &Frame<'_>, events: &mut Vec<Event>) {
        let answer = |kind: u8| Event::Send(encode(kind, frame.id, &[]));
        match frame.kind {
            REGISTER if self.id == Some(frame.id) => {
                events.push(Event::Heartbeat);
                events.push(answer(REGISTERED));
            }
            REGISTER => {
                let name: String = frame.id.iter().map(|byte| char::from(*byte)).collect();
                self.id = Some(frame.id);
                self.name = Some(name.clone());
                events.push(Event::Registered(name));
                events.push(answer(REGISTERED));
            }
            UP_DATA | LOG_OUT if self.id != Some(frame.id) => events.push(answer(REGISTER_AGAIN)),
            UP_DATA => {
                events.push(answer(UP_DATA_TAKEN));
                if !frame.data.is_empty() {
                    events.push(Event::Data(frame.data.to_vec()));
                }
            }
            LOG_OUT => {
                self.id = None;
                self.name = None;
                events.push(answer(LOGGED_OUT));
                events.push(Event::LoggedOut);
            }
            DATA_TAKEN => events.push(Event::DownlinkTaken),
            _ => Event::push_noise(events, OVERHEAD + frame.data.len()),
        }
    }

    pub(super) fn encode_downlink(&self, bytes: &[u8], out: &mut Vec<u8>) {
        if let Some(id) = self.id {
            out.extend_from_slice(&encode(DOWN_DATA, id, bytes));
        }
    }
}

fn decode(buf: &[u8]) -> Decoded<Frame<'_>> {
    match buf.iter().position(|byte| *byte == DELIMITER) {
        None if buf.is_empty() => return Decoded::NeedMore,
        None => return Decoded::Skip(buf.len()),
        Some(0) => {}
        Some(noise) => return Decoded::Skip(noise),
    }
    let [_, kind, high, low, rest @ ..] = buf else { return Decoded::NeedMore };
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    if !(OVERHEAD..=FRAME_LEN_MAX).contains(&len) {
        return Decoded::Skip(1);
    }
    let known = rest.iter().take(ID_LEN).all(u8::is_ascii_graphic);
    if !known {
        return Decoded::Skip(1);
    }
    let Some((id, body)) = rest.get(..len - 4).and_then(|rest| rest.split_first_chunk()) else {
        return Decoded::NeedMore;
    };
    match body.split_last() {
        Some((&DELIMITER, data)) => {
            Decoded::Frame { frame: Frame { kind: *kind, id: *id, data }, consumed: len }
        }
        _ => Decoded::Skip(1),
    }
}

fn encode(kind: u8, id: [u8; ID_LEN], data: &[u8]) -> Vec<u8> {
    // Data is at most DOWNLINK_LEN_MAX bytes, checked by the caller, so the length fits.
    let len = u16::try_from(OVERHEAD + data.len()).unwrap_or(u16::MAX);
    let mut frame = vec![DELIMITER, kind];
    frame.extend_from_slice(&len.to_be_bytes());
    frame.extend_from_slice(&id);
    frame.extend_from_slice(data);
    frame.push(DELIMITER);
    frame
}

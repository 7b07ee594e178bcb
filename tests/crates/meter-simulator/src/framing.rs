//! What a DTU wraps around the bytes of its bus (facts D): registration, heartbeat, stuffing,
//! packets. Pure; the socket is in `session`.

use serde::{Deserialize, Serialize};

use crate::{bcd, modbus::crc16};

/// Bytes of an unfinished vendor packet kept while waiting for the rest.
const PARTIAL_MAX: usize = 2048;

/// How meter bytes travel in the TCP stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// Bytes as they are: USR, Ebyte, InDTU.
    #[default]
    Transparent,
    /// Four-Faith PROT: FD and FE are stuffed both ways, the heartbeat is one FE.
    FourFaith,
    /// Hongdian DDP: `7B type length id data 7B` both ways.
    Hongdian,
    /// A meter with a 4G modem of its own: `7B7B command body CRC16 7D7D` both ways, no stuffing.
    #[serde(rename = "acrel-4g")]
    Acrel4g,
    /// Modbus TCP: no registration, MBAP headers.
    Mbap,
}

/// What the DTU says first and keeps saying.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// Identity: text, phone number or the hexadecimal bytes behind `hex:`.
    pub id: String,
    /// Heartbeat text or `hex:` bytes; empty takes the vendor's own.
    pub heartbeat: String,
    /// True when the registration stands in front of every packet (NREGSND=data, EMBCSTM).
    pub each_packet: bool,
}

/// The pure half of a DTU: what it sends and how it reads the server's bytes.
#[derive(Clone, Debug)]
pub struct Dtu {
    framing: Framing,
    registration: Registration,
    partial: Vec<u8>,
}

/// What the server's bytes meant to the DTU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Downlink {
    /// Bytes for the bus.
    Payload(Vec<u8>),
    /// Bytes the DTU answers by itself.
    Answer(Vec<u8>),
}

impl Dtu {
    /// A DTU that speaks `framing` and registers as `registration`.
    pub fn new(framing: Framing, registration: Registration) -> Self {
        Self { framing, registration, partial: Vec::new() }
    }

    /// The framing it speaks.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// First bytes after connecting; empty when it does not register.
    pub fn register(&self) -> Vec<u8> {
        let id = bytes_of(&self.registration.id);
        if id.is_empty() {
            return id;
        }
        match self.framing {
            Framing::Transparent => id,
            Framing::Mbap => Vec::new(),
            Framing::FourFaith => {
                let phone = padded(&id);
                let number = id.iter().fold(7u32, |n, b| n.wrapping_mul(31) + u32::from(*b));
                let mut out = (number & 0x7f7f_7f7f).to_be_bytes().to_vec();
                out.extend_from_slice(&phone);
                out.push(0);
                out.extend_from_slice(&[10, 0, 0, 1]);
                out.push(0);
                out
            }
            Framing::Hongdian => {
                let mut body = vec![10, 0, 0, 1];
                body.extend_from_slice(&4000u16.to_be_bytes());
                self.packet(0x01, &body)
            }
            Framing::Acrel4g => {
                let mut body = serial(&id).to_vec();
                // SIM number, padding, signal strength, firmware 1.1.1, 30 minutes.
                body.extend_from_slice(b"89860428221900000000");
                body.extend_from_slice(&[0; 10]);
                body.extend_from_slice(&[0x1a, 1, 0, 1, 0, 1, 0, 30]);
                framed(0x84, &body)
            }
        }
    }

    /// The heartbeat; empty when there is none.
    pub fn heartbeat(&self) -> Vec<u8> {
        match self.framing {
            Framing::FourFaith => vec![0xfe],
            Framing::Hongdian => self.register(),
            Framing::Acrel4g => framed(0x94, &[]),
            Framing::Mbap => Vec::new(),
            Framing::Transparent => bytes_of(&self.registration.heartbeat),
        }
    }

    /// Bus bytes as the TCP stream carries them; `prefixed` puts the registration in front.
    pub fn wrap(&self, bytes: &[u8], prefixed: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 32);
        if self.framing == Framing::Transparent && (prefixed || self.registration.each_packet) {
            out.extend(bytes_of(&self.registration.id));
        }
        match self.framing {
            Framing::Transparent | Framing::Mbap => out.extend_from_slice(bytes),
            Framing::FourFaith => out.extend(stuff(bytes)),
            Framing::Hongdian => out.extend(self.packet(0x09, bytes)),
            Framing::Acrel4g => {
                // Some firmwares put their serial number in front of what the meter answers.
                let prefixed = prefixed || self.registration.each_packet;
                let mut body = Vec::new();
                if prefixed {
                    body.extend_from_slice(&serial(&bytes_of(&self.registration.id)));
                }
                body.extend_from_slice(bytes);
                out.extend(framed(0x90, &body));
            }
        }
        out
    }

    /// Reads what the server sent, in pieces of any size.
    pub fn unwrap(&mut self, bytes: &[u8]) -> Vec<Downlink> {
        match self.framing {
            Framing::Transparent | Framing::Mbap => vec![Downlink::Payload(bytes.to_vec())],
            Framing::FourFaith => vec![Downlink::Payload(self.unstuff(bytes))],
            Framing::Hongdian => self.packets(bytes),
            Framing::Acrel4g => self.frames(bytes),
        }
    }

    /// Forgets half a packet: the connection it came on is gone.
    pub fn forget(&mut self) {
        self.partial.clear();
    }

    /// `7B type length id11 data 7B`; the length counts the whole packet.
    fn packet(&self, kind: u8, data: &[u8]) -> Vec<u8> {
        let mut out = vec![0x7b, kind];
        out.extend_from_slice(&((data.len() + 16) as u16).to_be_bytes());
        out.extend_from_slice(&padded(&bytes_of(&self.registration.id)));
        out.extend_from_slice(data);
        out.push(0x7b);
        out
    }

    fn unstuff(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        for &b in bytes {
            match (self.partial.pop(), b) {
                (Some(_), 0xed) => out.push(0xfd),
                (Some(_), 0xee) => out.push(0xfe),
                (Some(first), other) => out.extend([first, other]),
                (None, 0xfd) => self.partial.push(0xfd),
                // A bare FE is the other side's heartbeat.
                (None, 0xfe) => {}
                (None, other) => out.push(other),
            }
        }
        out
    }

    /// Frames end by their check alone: 7D 7D may stand inside.
    fn frames(&mut self, bytes: &[u8]) -> Vec<Downlink> {
        self.partial.extend_from_slice(bytes);
        let mut out = Vec::new();
        loop {
            let start = self.partial.windows(2).position(|two| two == [0x7b, 0x7b]);
            let keep = self.partial.len().saturating_sub(1);
            self.partial.drain(..start.unwrap_or(keep));
            let whole = |end: usize| {
                let (core, tail) = self.partial[2..end].split_at(end - 6);
                tail[2..] == [0x7d, 0x7d] && tail[..2] == crc16(core).to_le_bytes()
            };
            let Some(end) = (7..=self.partial.len()).find(|end| whole(*end)) else {
                if self.partial.len() > PARTIAL_MAX {
                    self.partial.drain(..1);
                    continue;
                }
                break;
            };
            let body = self.partial[3..end - 4].to_vec();
            match self.partial[2] {
                // Registered: it asks for the time.
                0x84 => out.push(Downlink::Answer(framed(0x93, &[]))),
                0x90 => out.push(Downlink::Payload(body)),
                _ => {}
            }
            self.partial.drain(..end);
        }
        out
    }

    fn packets(&mut self, bytes: &[u8]) -> Vec<Downlink> {
        self.partial.extend_from_slice(bytes);
        let mut out = Vec::new();
        loop {
            let skip = self.partial.iter().position(|&b| b == 0x7b).unwrap_or(self.partial.len());
            self.partial.drain(..skip);
            let Some(head) = self.partial.get(..4) else { break };
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            if !(16..=PARTIAL_MAX).contains(&length) {
                self.partial.drain(..1);
                continue;
            }
            let Some(packet) = self.partial.get(..length) else { break };
            if packet[length - 1] != 0x7b {
                self.partial.drain(..1);
                continue;
            }
            match packet[1] {
                0x89 => {
                    out.push(Downlink::Answer(self.packet(0x05, &[])));
                    out.push(Downlink::Payload(packet[15..length - 1].to_vec()));
                }
                0x83 | 0x84 => out.push(Downlink::Answer(self.register())),
                _ => {}
            }
            self.partial.drain(..length);
        }
        out
    }
}

/// `7B7B command body CRC16 7D7D`, the check over command and body, low byte first.
fn framed(command: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x7b, 0x7b, command];
    out.extend_from_slice(body);
    let crc = crc16(&out[2..]);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&[0x7d, 0x7d]);
    out
}

/// A serial number in its twenty bytes, zeros behind it.
fn serial(id: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    let length = id.len().min(20);
    out[..length].copy_from_slice(&id[..length]);
    out
}

/// FD and FE written as pairs, so that neither stands in the stream by itself.
fn stuff(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    for &b in bytes {
        match b {
            0xfd => out.extend([0xfd, 0xed]),
            0xfe => out.extend([0xfd, 0xee]),
            other => out.push(other),
        }
    }
    out
}

/// Text, or the bytes behind `hex:`.
fn bytes_of(text: &str) -> Vec<u8> {
    match text.strip_prefix("hex:").and_then(bcd::from_hex) {
        Some(bytes) => bytes,
        None => text.as_bytes().to_vec(),
    }
}

/// An eleven-byte identity, cut or filled with ASCII zeros in front, as a phone number is.
fn padded(id: &[u8]) -> [u8; 11] {
    let mut out = [b'0'; 11];
    let length = id.len().min(11);
    out[11 - length..].copy_from_slice(&id[..length]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dtu(framing: Framing, id: &str, heartbeat: &str) -> Dtu {
        let registration =
            Registration { id: id.into(), heartbeat: heartbeat.into(), each_packet: false };
        Dtu::new(framing, registration)
    }

    #[test]
    fn vendors_register_as_their_manuals_print() {
        let rows = [
            (Framing::Transparent, "LOGIN:1001", "4C 4F 47 49 4E 3A 31 30 30 31"),
            (Framing::Transparent, "hex:AA 01", "AA 01"),
            (
                Framing::Hongdian,
                "13912345678",
                "7B 01 00 16 31 33 39 31 32 33 34 35 36 37 38 0A 00 00 01 0F A0 7B",
            ),
            (Framing::Mbap, "x", ""),
        ];
        for (framing, id, hex) in rows {
            assert_eq!(bcd::to_hex(&dtu(framing, id, "").register()), hex);
        }
        let four_faith = dtu(Framing::FourFaith, "13912345678", "").register();
        assert_eq!(four_faith.len(), 21);
        assert_eq!(&four_faith[4..15], b"13912345678");
        assert_eq!(dtu(Framing::FourFaith, "1", "").heartbeat(), [0xfe]);
    }

    /// The published registration and heartbeat (`frames.json`), the SIM card aside.
    #[test]
    fn acrel_meters_frame_as_their_makers_page_prints() {
        let mut meter = dtu(Framing::Acrel4g, "12307210720085", "");
        assert_eq!(bcd::to_hex(&meter.heartbeat()), "7B 7B 94 BE EF 7D 7D");
        let registration = meter.register();
        assert_eq!(registration.len(), 65);
        let head = "7B 7B 84 31 32 33 30 37 32 31 30 37 32 30 30 38 35 00 00 00 00 00 00";
        assert_eq!(bcd::to_hex(&registration[..23]), head);
        assert_eq!(bcd::to_hex(&registration[53..61]), "1A 01 00 01 00 01 00 1E");
        // The time as the page prints it, and 7D 7D inside a transparent frame, byte by byte.
        let time = bcd::from_hex("7B 7B 93 17 0A 0A 03 11 07 1B E4 A2 7D 7D").unwrap();
        let inside = [0x01, 0x03, 0x7d, 0x7d, 0x7b, 0x7b];
        let mut heard = Vec::new();
        for byte in [&[0x00, 0x11][..], &time, &framed(0x84, &[]), &framed(0x90, &inside)].concat()
        {
            heard.extend(meter.unwrap(&[byte]));
        }
        let payload = Downlink::Payload(inside.to_vec());
        assert_eq!(heard, [Downlink::Answer(framed(0x93, &[])), payload]);
    }

    #[test]
    fn four_faith_stuffs_both_ways_across_any_split() {
        let mut dtu = dtu(Framing::FourFaith, "1", "");
        assert_eq!(dtu.wrap(&[0xfe, 0xfd, 0x68], false), [0xfd, 0xee, 0xfd, 0xed, 0x68]);
        let mut heard = Vec::new();
        for byte in [0xfd, 0xee, 0xfe, 0xfd, 0xed, 0x68] {
            for part in dtu.unwrap(&[byte]) {
                if let Downlink::Payload(bytes) = part {
                    heard.extend(bytes);
                }
            }
        }
        assert_eq!(heard, [0xfe, 0xfd, 0x68]);
    }

    #[test]
    fn hongdian_acknowledges_down_data_and_ignores_noise_in_front() {
        let mut dtu = dtu(Framing::Hongdian, "13912345678", "");
        let id = "31 33 39 31 32 33 34 35 36 37 38";
        let down = bcd::from_hex(&format!("00 FF 7B 89 00 12 {id} 68 16 7B")).unwrap();
        let (first, rest) = down.split_at(9);
        assert_eq!(dtu.unwrap(first), []);
        let ack = bcd::from_hex(&format!("7B 05 00 10 {id} 7B")).unwrap();
        let payload = Downlink::Payload(vec![0x68, 0x16]);
        assert_eq!(dtu.unwrap(rest), [Downlink::Answer(ack), payload]);
    }
}

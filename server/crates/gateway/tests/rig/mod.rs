//! A gateway on the loopback and a modem that is moved by hand. Frames are put together here, byte
//! by byte, and share nothing with the product's encoder.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use domain::{SeededRng, SystemClock};
use gateway::{
    Action, CommandFailure, Exchange, Gateway, GatewayEvent, Item, MeterCommand, Priority,
    Profiles, Timing,
    command::RelayCommand,
    line::{Framing, Line, Link, Meter},
    schedule::scan::Backoff,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use uuid::Uuid;

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

pub const A: &str = "202208310002";
pub const B: &str = "202208310003";

pub fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Buses that live in milliseconds.
pub fn fast() -> Timing {
    Timing {
        registration: ms(300),
        path: ms(200),
        // As long as the rest together: a busy machine is no slow meter.
        read_margin: ms(250),
        turnaround_per_mille: 100,
        gap: ms(1),
        quiet: Some(ms(30)),
        broadcast_pause: ms(20),
        exchange_max: ms(2000),
        first_poll_within: Duration::ZERO,
        backoff: Backoff { first: ms(20), longest: ms(100) },
        redial: Backoff { first: ms(10), longest: ms(50) },
        claim_rest: Duration::ZERO,
        flush: ms(5),
        ..Timing::default()
    }
}

pub fn key(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn meter(number: u128, address: &str, profile: &str) -> Meter {
    Meter {
        key: key(number),
        bus: 1,
        address: address.to_owned(),
        profile: profile.to_owned(),
        password: None,
        scan: Vec::new(),
        interval: Duration::from_secs(900),
    }
}

pub fn prepaid(number: u128, address: &str) -> Meter {
    meter(number, address, "dlt645-2007-prepaid")
}

/// A line that a modem dials in to with `registration`.
pub fn dial_in(number: u128, registration: &str, meters: Vec<Meter>) -> Line {
    Line {
        gateway: key(number),
        link: Link::DialIn { registration: registration.parse().expect("a registration") },
        framing: Framing::BARE,
        heartbeat: Duration::ZERO,
        baud: 115_200,
        meters,
    }
}

pub struct Rig {
    pub gateway: Gateway,
    pub events: mpsc::Receiver<GatewayEvent>,
    pub address: SocketAddr,
}

impl Rig {
    pub async fn new(timing: Timing, lines: Vec<Line>) -> Rig {
        let (sender, events) = mpsc::channel(1024);
        let profiles = Profiles::embedded().expect("profiles");
        let (clock, rng) = (Arc::new(SystemClock::new()), Arc::new(SeededRng::new(7)));
        let gateway = Gateway::start(timing, profiles, clock, rng, sender);
        let address = gateway.listen("127.0.0.1:0".parse().unwrap()).await.expect("a port");
        assert_eq!(gateway.configure(lines).await, []);
        Rig { gateway, events, address }
    }

    /// One line, `LOGIN:1001`, with these meters; its modem is online.
    pub async fn online(timing: Timing, meters: Vec<Meter>) -> (Rig, Dtu) {
        let mut rig = Rig::new(timing, vec![dial_in(100, "LOGIN:1001", meters)]).await;
        let dtu = rig.dial(b"LOGIN:1001").await;
        rig.until(|event| matches!(event, GatewayEvent::Online { .. })).await;
        (rig, dtu)
    }

    pub async fn dial(&self, registration: &[u8]) -> Dtu {
        let stream = TcpStream::connect(self.address).await.expect("connected");
        stream.set_nodelay(true).unwrap();
        let mut dtu = Dtu { stream, heard: Vec::new() };
        dtu.send(registration).await;
        dtu
    }

    /// Waits for an event, dropping the others.
    pub async fn until(&mut self, mut is: impl FnMut(&GatewayEvent) -> bool) -> GatewayEvent {
        let wait = async {
            loop {
                let event = self.events.recv().await.expect("the gateway runs");
                if is(&event) {
                    return event;
                }
            }
        };
        timeout(PATIENCE, wait).await.expect("the event comes")
    }

    pub fn start(&self, command: MeterCommand) -> JoinHandle<Result<Exchange, CommandFailure>> {
        let gateway = self.gateway.clone();
        tokio::spawn(async move { gateway.execute(command).await })
    }

    pub fn count(&self, name: &str) -> u64 {
        let all = self.gateway.counters().snapshot();
        all.iter().find(|(n, _)| *n == name).expect("a counter").1
    }
}

pub fn command(meter: u128, action: Action) -> MeterCommand {
    let priority = match &action {
        Action::Relay { command: RelayCommand::Trip, .. } => Priority::Trip,
        Action::Relay { .. } => Priority::Restore,
        Action::TopUp { .. } | Action::ReadProof | Action::ReadSight => Priority::TopUp,
        _ => Priority::OnDemand,
    };
    MeterCommand { meter: key(meter), action, priority, not_after: None, operator_tag: 1 }
}

pub fn read(meter: u128, items: &[Item]) -> MeterCommand {
    command(meter, Action::Read(items.to_vec()))
}

pub fn top_up(meter: u128) -> MeterCommand {
    let customer_no = "000000123456".to_owned();
    command(meter, Action::TopUp { amount_fen: 10_000, count: 8, customer_no })
}

pub fn relay(meter: u128, command_: RelayCommand) -> MeterCommand {
    use domain::Clock;
    let valid_until = SystemClock::new().now() + chrono::Duration::hours(1);
    command(meter, Action::Relay { command: command_, valid_until })
}

pub async fn done(
    task: JoinHandle<Result<Exchange, CommandFailure>>,
) -> Result<Exchange, CommandFailure> {
    timeout(PATIENCE, task).await.expect("the command ends").expect("no panic")
}

/// A DL/T 645 request as the meter's side sees it, data already without the 33H.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub address: String,
    pub control: u8,
    pub data: Vec<u8>,
}

impl Asked {
    /// The identifier, high byte first.
    pub fn identifier(&self) -> u32 {
        u32::from_le_bytes(self.data[..4].try_into().expect("an identifier"))
    }
}

/// The modem's end of a connection.
pub struct Dtu {
    pub stream: TcpStream,
    heard: Vec<u8>,
}

impl Dtu {
    pub fn new(stream: TcpStream) -> Dtu {
        Dtu { stream, heard: Vec::new() }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("sent");
    }

    /// Bytes until `enough` of them are there.
    pub async fn hear(&mut self, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let wait = async {
            while !enough(&self.heard) {
                let mut chunk = [0; 512];
                let len = self.stream.read(&mut chunk).await.expect("read");
                assert!(len > 0, "the gateway closed the connection");
                self.heard.extend_from_slice(&chunk[..len]);
            }
        };
        timeout(PATIENCE, wait).await.expect("the gateway sends");
        std::mem::take(&mut self.heard)
    }

    /// The next DL/T 645 request.
    pub async fn asked(&mut self) -> Asked {
        let frame_at = |bytes: &[u8]| {
            let begin = bytes.iter().position(|b| *b == 0x68)?;
            let len = usize::from(*bytes.get(begin + 9)?);
            (bytes.len() >= begin + len + 12).then_some((begin, len))
        };
        let bytes = self.hear(|bytes| frame_at(bytes).is_some()).await;
        let (begin, len) = frame_at(&bytes).unwrap();
        let frame = &bytes[begin..begin + len + 12];
        assert_eq!(bytes.len(), begin + len + 12, "one request at a time");
        assert_eq!(sum(&frame[..len + 10]), frame[len + 10], "the checksum");
        let address = frame[1..7].iter().rev().map(|b| format!("{b:02X}")).collect();
        let data = frame[10..10 + len].iter().map(|b| b.wrapping_sub(0x33)).collect();
        Asked { address, control: frame[8], data }
    }

    /// Answers a read with `value`, low byte first.
    pub async fn answer(&mut self, asked: &Asked, value: &[u8]) {
        let bytes = answer(asked, value);
        self.send(&bytes).await;
    }

    /// True once the gateway has closed this connection.
    pub async fn is_closed(&mut self) -> bool {
        let mut chunk = [0; 512];
        let wait = async {
            loop {
                match self.stream.read(&mut chunk).await {
                    Ok(0) | Err(_) => return true,
                    Ok(_) => {}
                }
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or(false)
    }
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// A DL/T 645 frame with four FE in front.
pub fn frame(address: &str, control: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x68];
    let byte = |at: usize| u8::from_str_radix(&address[at..at + 2], 16).expect("digits");
    frame.extend((0..6).rev().map(|at| byte(at * 2)));
    frame.extend([0x68, control, data.len() as u8]);
    frame.extend(data.iter().map(|b| b.wrapping_add(0x33)));
    frame.push(sum(&frame));
    frame.push(0x16);
    [&[0xFE; 4], frame.as_slice()].concat()
}

/// The answer to a read.
pub fn answer(asked: &Asked, value: &[u8]) -> Vec<u8> {
    let data = [&asked.data[..4], value].concat();
    frame(&asked.address, asked.control | 0x80, &data)
}

/// A meter's clock, `ss mm hh WW DD MM YY`, so many seconds away from now.
pub fn clock_value(off: i64) -> Vec<u8> {
    use domain::Clock;
    let moment = SystemClock::new().now() + chrono::Duration::seconds(off + 8 * 3600);
    let text = moment.format("%S%M%H0%w%d%m%y").to_string();
    (0..7).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).expect("digits")).collect()
}

/// CRC-16/MODBUS, bit by bit.
pub fn with_crc(bytes: &[u8]) -> Vec<u8> {
    let crc = bytes.iter().fold(0xFFFFu16, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte),
            |c, _| {
                if c & 1 == 1 { (c >> 1) ^ 0xA001 } else { c >> 1 }
            },
        )
    });
    [bytes, &crc.to_le_bytes()].concat()
}

//! A server's end of the wire, as small as a test needs it.

use std::time::Duration;

use meter_simulator::bcd::from_hex;
use meter_simulator::dlt645::{self, Frame};
use meter_simulator::{BusConfig, MeterConfig, MeterKind, Site, SiteConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longest wait for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The meter most tests talk to.
pub const METER: [u8; 6] = [0x02, 0x00, 0x31, 0x08, 0x22, 0x20];
pub const NAME: &str = "202208310002";

/// Identifiers, low byte first.
pub const ENERGY: &str = "00 00 01 00";
pub const VOLTAGE: &str = "00 01 01 02";
pub const COUNT: &str = "01 02 33 03";

/// A site that dials the server's listener.
pub struct Server {
    listener: TcpListener,
}

/// One accepted connection and what was read from it.
pub struct Wire {
    pub stream: TcpStream,
    pub buffer: Vec<u8>,
}

/// A prepaid meter with 10.00 yuan and count 7 and a neighbour, on a line that takes no time.
pub fn bus() -> BusConfig {
    BusConfig {
        registration: "LOGIN:1001".into(),
        heartbeat: "HB".into(),
        baud: 0,
        turnaround_ms: 0,
        redial_ms: 1,
        meters: vec![
            MeterConfig {
                customer_no: "000000123456".into(),
                balance_fen: 1_000,
                count: 7,
                ..MeterConfig::at(MeterKind::Prepaid2007, NAME)
            },
            MeterConfig::at(MeterKind::Remote2007, "202208310003"),
        ],
        ..BusConfig::default()
    }
}

/// A server and a site of these buses that dials it.
pub async fn start(buses: Vec<BusConfig>, speed: u32) -> (Server, Site) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connect = Some(listener.local_addr().unwrap());
    let buses = buses.into_iter().map(|bus| BusConfig { connect, ..bus }).collect();
    let site = Site::start(SiteConfig { seed: 7, speed, buses, ..SiteConfig::default() });
    (Server { listener }, site.await.unwrap())
}

/// The usual bus, connected and registered.
pub async fn usual() -> (Server, Site, Wire) {
    let (server, site) = start(vec![bus()], 1_000).await;
    let wire = server.accept("LOGIN:1001").await;
    (server, site, wire)
}

impl Server {
    /// The next connection, which must register with this text.
    pub async fn accept(&self, registration: &str) -> Wire {
        let accepted = timeout(PATIENCE, self.listener.accept()).await.unwrap();
        let mut wire = Wire { stream: accepted.unwrap().0, buffer: Vec::new() };
        wire.fill(registration.len()).await;
        let said: Vec<u8> = wire.buffer.drain(..registration.len()).collect();
        assert_eq!(String::from_utf8_lossy(&said), registration);
        wire
    }
}

impl Wire {
    /// Reads until at least `length` bytes are there.
    pub async fn fill(&mut self, length: usize) {
        while self.buffer.len() < length {
            assert!(self.more().await, "the connection ended");
        }
    }

    /// Reads once; false at the end.
    pub async fn more(&mut self) -> bool {
        let mut bytes = [0u8; 1_024];
        let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await.unwrap();
        let count = read.unwrap_or(0);
        self.buffer.extend_from_slice(&bytes[..count]);
        count > 0
    }

    /// Waits until the other side has closed.
    pub async fn ended(&mut self) {
        while self.more().await {}
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next whole frame.
    pub async fn frame(&mut self) -> Frame {
        loop {
            if let Some((frame, used)) = dlt645::find(&self.buffer) {
                self.buffer.drain(..used);
                return frame;
            }
            assert!(self.more().await, "the connection ended");
        }
    }

    /// Sends one request and returns the next frame.
    pub async fn ask(&mut self, control: u8, data: &str) -> Frame {
        self.write(&request(control, data)).await;
        self.frame().await
    }

    /// Sends one request and returns `length` raw bytes.
    pub async fn raw(&mut self, control: u8, data: &str, length: usize) -> Vec<u8> {
        self.write(&request(control, data)).await;
        self.fill(length).await;
        std::mem::take(&mut self.buffer)
    }
}

/// A request to [`METER`].
pub fn request(control: u8, data: &str) -> Vec<u8> {
    Frame { address: METER, control, data: from_hex(data).unwrap() }.encode(4)
}

/// 070102FF over `amount_fen` under `count`.
pub fn recharge(amount_fen: u32, count: u32) -> String {
    let le = |value: u32| meter_simulator::bcd::to_hex(&value.to_le_bytes());
    let (amount, count) = (le(amount_fen), le(count));
    format!("FF 02 01 07 00 00 00 00 {amount} {count} 00 00 00 00 56 34 12 00 00 00 00 00 00 00")
}

/// Waits until something is true.
pub async fn until(mut is: impl FnMut() -> bool) {
    let waiting = async {
        while !is() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
}

//! Ways to a printer, all alike: bytes in, bytes out, never longer than asked.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    time::Duration,
};

use serde::Deserialize;

/// How long a network printer may take to accept a connection.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// Where the printer is. A path of a device should be one that names the device and not the order
/// it was found in: `/dev/serial/by-id/…`, or a link made by a udev rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Place {
    /// There is none.
    #[default]
    None,
    /// A network printer, usually on port 9100.
    Network {
        /// Its address and port.
        address: SocketAddr,
    },
    /// A serial port, also a virtual one over USB.
    Serial {
        /// Its path, or `COM3`.
        path: String,
        /// Bits per second.
        baud: u32,
    },
    /// A USB printer as the kernel shows it, `/dev/usb/lp0`.
    Device {
        /// Its path.
        path: PathBuf,
    },
    /// A file that only takes: never answers, so nothing is ever known to be printed.
    File {
        /// Its path; it grows.
        path: PathBuf,
    },
}

/// An open way.
pub trait Port: Send {
    /// Takes as much as it can within `wait`; 0 = nothing.
    fn take(&mut self, bytes: &[u8], wait: Duration) -> io::Result<usize>;

    /// What came within `wait`; 0 = nothing.
    fn give(&mut self, into: &mut [u8], wait: Duration) -> io::Result<usize>;
}

impl Place {
    /// Opens it; `None` where there is no printer.
    pub fn open(&self) -> io::Result<Option<Box<dyn Port>>> {
        Ok(Some(match self {
            Place::None => return Ok(None),
            Place::Network { address } => {
                let stream = TcpStream::connect_timeout(address, CONNECT_MAX)?;
                stream.set_nodelay(true)?;
                Box::new(Network(stream))
            }
            Place::Serial { path, baud } => device::open_serial(path, *baud)?,
            Place::Device { path } => device::open(path)?,
            Place::File { path } => {
                Box::new(OneWay(OpenOptions::new().create(true).append(true).open(path)?))
            }
        }))
    }

    /// Whether it can answer.
    pub fn answers(&self) -> bool {
        !matches!(self, Place::None | Place::File { .. })
    }
}

/// A wait that ended empty is no error.
fn within(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
            ) =>
        {
            Ok(0)
        }
        other => other,
    }
}

struct Network(TcpStream);

impl Port for Network {
    fn take(&mut self, bytes: &[u8], wait: Duration) -> io::Result<usize> {
        self.0.set_write_timeout(Some(wait))?;
        within(self.0.write(bytes))
    }

    fn give(&mut self, into: &mut [u8], wait: Duration) -> io::Result<usize> {
        self.0.set_read_timeout(Some(wait))?;
        match self.0.read(into) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            other => within(other),
        }
    }
}

struct OneWay(File);

impl Port for OneWay {
    fn take(&mut self, bytes: &[u8], _: Duration) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn give(&mut self, _: &mut [u8], _: Duration) -> io::Result<usize> {
        Ok(0)
    }
}

#[cfg(unix)]
#[path = "port_unix.rs"]
mod device;

#[cfg(not(unix))]
#[path = "port_other.rs"]
mod device;

//! Where the kernel is not a Unix: serial ports by the crate that knows them, no device files.

use std::{
    io::{self, ErrorKind, Read, Write},
    path::Path,
    time::Duration,
};

use serialport::SerialPort;

use super::{Port, within};

/// The longest block written at once: a wait that ends early must not have lost its count.
const BLOCK_BYTES: usize = 64;

/// There are none here.
pub(super) fn open(_: &Path) -> io::Result<Box<dyn Port>> {
    Err(ErrorKind::Unsupported.into())
}

/// A serial port: eight bits, no parity.
pub(super) fn open_serial(path: &str, baud: u32) -> io::Result<Box<dyn Port>> {
    let port = serialport::new(path, baud).timeout(Duration::from_secs(1)).open()?;
    Ok(Box::new(Serial(port)))
}

struct Serial(Box<dyn SerialPort>);

impl Port for Serial {
    fn take(&mut self, bytes: &[u8], wait: Duration) -> io::Result<usize> {
        self.0.set_timeout(wait)?;
        within(self.0.write(&bytes[..bytes.len().min(BLOCK_BYTES)]))
    }

    fn give(&mut self, into: &mut [u8], wait: Duration) -> io::Result<usize> {
        self.0.set_timeout(wait)?;
        within(self.0.read(into))
    }
}

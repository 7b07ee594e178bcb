//! Devices of the kernel, opened so that they never hold the thread: `usblp` blocks in `write` for
//! as long as there is no paper, and a serial port until the last byte of a block has gone, even
//! where `poll` has just said that there is room (for its first bytes).

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    termios::{OptionalActions, QueueSelector, ioctl_tiocexcl, tcflush, tcgetattr, tcsetattr},
};

use super::{Port, within};

struct Device(File);

/// A USB printer of the kernel.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn Port>> {
    Ok(Box::new(Device(opened(path)?)))
}

/// A serial port: eight bits, no parity, nothing translated.
pub(super) fn open_serial(path: &str, baud: u32) -> io::Result<Box<dyn Port>> {
    let file = opened(Path::new(path))?;
    // Nobody else's bytes may come between ours.
    ioctl_tiocexcl(&file)?;
    let mut line = tcgetattr(&file)?;
    line.make_raw();
    line.set_speed(baud)?;
    tcsetattr(&file, OptionalActions::Now, &line)?;
    Ok(Box::new(Serial(Device(file))))
}

fn opened(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
}

impl Device {
    /// Whether it is ready within `wait`; a device that was unplugged is an error.
    fn ready(&self, flags: PollFlags, wait: Duration) -> io::Result<bool> {
        let wait = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        let mut waiting = [PollFd::new(&self.0, flags)];
        if poll(&mut waiting, Some(&wait))? == 0 {
            return Ok(false);
        }
        let found = waiting[0].revents();
        if found.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Err(ErrorKind::NotConnected.into());
        }
        Ok(found.intersects(flags))
    }
}

impl Port for Device {
    fn take(&mut self, bytes: &[u8], wait: Duration) -> io::Result<usize> {
        if !self.ready(PollFlags::OUT, wait)? {
            return Ok(0);
        }
        within(self.0.write(bytes))
    }

    fn give(&mut self, into: &mut [u8], wait: Duration) -> io::Result<usize> {
        if !self.ready(PollFlags::IN, wait)? {
            return Ok(0);
        }
        within(self.0.read(into))
    }
}

struct Serial(Device);

impl Port for Serial {
    fn take(&mut self, bytes: &[u8], wait: Duration) -> io::Result<usize> {
        self.0.take(bytes, wait)
    }

    fn give(&mut self, into: &mut [u8], wait: Duration) -> io::Result<usize> {
        self.0.give(into, wait)
    }
}

impl Drop for Serial {
    fn drop(&mut self) {
        // The kernel would keep the thread until a printer that takes no more has taken the rest.
        let _ = tcflush(&self.0.0, QueueSelector::IOFlush);
    }
}

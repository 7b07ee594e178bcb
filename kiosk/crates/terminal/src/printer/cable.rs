//! A conversation with a printer over whatever [`Port`] there is.
//!
//! There is no clock here: a wait that ends empty costs its length, and each small piece of
//! progress costs [`TRICKLE`], so that neither silence nor a drip outlasts a limit.

use std::{io, time::Duration};

use super::{
    port::Port,
    reply::{FENCE, QUIET, RECOVER, Replies, Reply, ask_status},
    status::Status,
};

/// The longest single wait.
const STEP: Duration = Duration::from_millis(100);
/// What a piece of progress costs of a limit.
const TRICKLE: Duration = Duration::from_millis(10);
/// How long one question about the status may take; asked four times.
const STATUS_MAX: Duration = Duration::from_millis(500);
/// How long three bytes may take to be accepted.
const QUESTION_MAX: Duration = Duration::from_millis(500);
/// How long a printer has to be quiet before it is believed to have said everything.
const QUIET_MAX: Duration = Duration::from_millis(300);
/// The most rounds a fence is waited for, each with a look at the status after it.
const FENCE_ROUNDS_MAX: u32 = 32;
/// How long one such round is.
const FENCE_ROUND: Duration = Duration::from_millis(250);
/// The most rounds without a status: then it is silent for good.
const SILENT_ROUNDS_MAX: u32 = 3;

/// Writing ended early.
#[derive(Debug)]
pub struct CutOff {
    /// Bytes that were accepted before.
    pub accepted: usize,
    /// Why; `None` = nothing more was accepted within the limit.
    pub error: Option<io::Error>,
}

/// A printer that is connected.
pub struct Cable {
    port: Box<dyn Port>,
    replies: Replies,
}

impl Cable {
    /// Over an open port.
    pub fn new(port: Box<dyn Port>) -> Cable {
        Cable { port, replies: Replies::default() }
    }

    /// Writes everything, or says how much was accepted. `limit` bounds the time without progress
    /// and, by way of [`TRICKLE`], the number of pieces.
    pub fn write_all(&mut self, bytes: &[u8], limit: Duration) -> Result<(), CutOff> {
        let (mut accepted, mut spent) = (0, Duration::ZERO);
        while accepted < bytes.len() {
            if spent >= limit {
                return Err(CutOff { accepted, error: None });
            }
            match self.port.take(&bytes[accepted..], STEP) {
                Ok(0) => spent += STEP,
                Ok(count) => {
                    accepted += count;
                    spent += TRICKLE;
                }
                Err(error) => return Err(CutOff { accepted, error: Some(error) }),
            }
        }
        Ok(())
    }

    /// How it is; `None` = nothing one could believe came back. Never to be called before a
    /// running `write_all` is over: inside a picture the question would be dots.
    pub fn status(&mut self) -> io::Result<Option<Status>> {
        let Some(printer) = self.ask(1)? else { return Ok(None) };
        let (Some(offline), error) = (self.ask(2)?, self.ask(3)?) else { return Ok(None) };
        let Some(paper) = self.ask(4)? else { return Ok(None) };
        Ok(Some(Status::of(printer, offline, error, paper)))
    }

    fn ask(&mut self, n: u8) -> io::Result<Option<u8>> {
        self.drain(Duration::from_millis(1))?;
        self.put(&ask_status(n))?;
        self.wait(STATUS_MAX, |reply| match reply {
            Reply::Status(byte) => Some(byte),
            Reply::Fence(_) => None,
        })
    }

    /// Asks behind everything that was written: true = it was carried out. Gives up early where the
    /// printer says that it does not print, or says nothing at all.
    pub fn fence(&mut self) -> io::Result<bool> {
        self.drain(Duration::from_millis(1))?;
        self.put(&FENCE)?;
        let mut silent = 0;
        for _ in 0..FENCE_ROUNDS_MAX {
            let fence = |reply| matches!(reply, Reply::Fence(_)).then_some(());
            if self.wait(FENCE_ROUND, fence)?.is_some() {
                return Ok(true);
            }
            // The question about the status drops what comes before its answer, a late fence too;
            // so the fence is asked for again where the printer is well.
            match self.status()? {
                Some(status) if !status.is_well() => return Ok(false),
                Some(_) => self.put(&FENCE)?,
                None => silent += 1,
            }
            if silent == SILENT_ROUNDS_MAX {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Makes it forget what is left of a print that failed. `cut_off` = the print itself was not
    /// written whole: so many empty bytes end whatever command it broke off in.
    pub fn forget(&mut self, cut_off: usize) -> io::Result<()> {
        let written = |result: Result<(), CutOff>| match result {
            Ok(()) => Ok(()),
            Err(CutOff { error: Some(error), .. }) => Err(error),
            Err(CutOff { error: None, .. }) => Err(io::ErrorKind::TimedOut.into()),
        };
        written(self.write_all(&vec![0; cut_off], Duration::from_secs(3)))?;
        self.put(&RECOVER)?;
        self.put(b"\x1b@")?;
        self.put(&QUIET)?;
        self.drain(QUIET_MAX)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes, QUESTION_MAX)
            .map_err(|cut| cut.error.unwrap_or_else(|| io::ErrorKind::TimedOut.into()))
    }

    /// Reads until it has been quiet for `quiet`, and forgets what came.
    fn drain(&mut self, quiet: Duration) -> io::Result<()> {
        let (mut buffer, mut spent) = ([0; 64], Duration::ZERO);
        while spent < STATUS_MAX && self.port.give(&mut buffer, quiet)? > 0 {
            spent += TRICKLE;
        }
        self.replies = Replies::default();
        Ok(())
    }

    /// The first answer that is wanted.
    fn wait<T>(
        &mut self,
        limit: Duration,
        wanted: impl Fn(Reply) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let (mut byte, mut spent) = ([0; 1], Duration::ZERO);
        while spent < limit {
            let step = STEP.min(limit - spent);
            if self.port.give(&mut byte, step)? == 0 {
                spent += step;
                continue;
            }
            spent += TRICKLE;
            let found = self.replies.push(byte[0]).and_then(&wanted);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

//! Whose turn it is on a bus: a pure step function, no clock, no socket.
//!
//! Invariant: one request is outstanding on a bus, because the caller asks [`Schedule::next`] only
//! after it has reported the former exchange (test `one_exchange_at_a_time_in_order_of_priority`).
//! Pre-emption happens between exchanges: a command of several exchanges returns to the front of
//! its own queue after each, so only a more urgent one passes it.

use std::{collections::VecDeque, time::Duration};

pub mod scan;
pub use scan::{Health, Scan};

/// Most commands that wait on one bus.
pub const COMMANDS_MAX: usize = 256;

/// Most meters on one line.
pub const METERS_MAX: usize = 1024;

/// After so many on-demand exchanges in a row a due scan goes first, so that a busy operator
/// cannot starve the readings that money depends on.
pub const ON_DEMAND_ROW_MAX: u8 = 8;

/// After so many scan reads in a row a background command gets a turn, so that a bus that is read
/// without pause still comes to it.
pub const SCAN_ROW_MAX: u8 = 64;

/// How urgent a command is, most urgent first (design §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Close a relay or open a valve: somebody sits in the dark.
    Restore,
    /// A top-up and the reads that prove it.
    TopUp,
    /// Open a relay or close a valve.
    Trip,
    /// A person waits for a value.
    OnDemand,
    /// Nobody waits: after the scans, when the bus has nothing else to do.
    Background,
}

impl Priority {
    /// Every priority, most urgent first.
    pub const ALL: [Priority; 5] = [
        Priority::Restore,
        Priority::TopUp,
        Priority::Trip,
        Priority::OnDemand,
        Priority::Background,
    ];
}

/// A command's place in the queue. Its content stays with the caller under `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The caller's name for the command.
    pub id: u32,
    /// Which meter of the line.
    pub meter: u16,
    /// How urgent.
    pub priority: Priority,
    /// The moment after which no byte of it may leave; monotonic.
    pub not_after: Option<Duration>,
}

/// What the bus does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// One exchange of this command; report with [`Schedule::resume`] if it needs more.
    Command(Ticket),
    /// One read of a meter's scan; report with [`Schedule::scanned`].
    Scan {
        /// Which meter of the line.
        meter: u16,
        /// Which of its reads.
        part: u8,
    },
    /// Nothing until this moment, if ever.
    Idle(Option<Duration>),
}

/// The queue is full; nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{COMMANDS_MAX} commands are waiting on this bus already")]
pub struct Full;

/// The turns of one bus.
#[derive(Debug, Default)]
pub struct Schedule {
    queues: [VecDeque<Ticket>; 5],
    scans: Vec<Scan>,
    cursor: usize,
    on_demand_row: u8,
    scan_row: u8,
    held: bool,
}

impl Schedule {
    /// A bus with these meters; scans begin at each one's `due`.
    pub fn new(scans: Vec<Scan>) -> Self {
        Schedule { scans, ..Schedule::default() }
    }

    /// Takes new meters after a change of configuration. Queued commands for meters that are gone
    /// are the caller's to answer, through [`Schedule::take_if`].
    pub fn replace_scans(&mut self, scans: Vec<Scan>) {
        self.scans = scans;
        self.cursor = 0;
    }

    /// The meters' scans, in the order of the line.
    pub fn scans(&self) -> &[Scan] {
        &self.scans
    }

    /// How many commands wait.
    pub fn waiting(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    /// Queues a command behind the equally urgent ones.
    pub fn push(&mut self, ticket: Ticket) -> Result<(), Full> {
        if self.waiting() >= COMMANDS_MAX {
            return Err(Full);
        }
        self.queues[ticket.priority as usize].push_back(ticket);
        Ok(())
    }

    /// Puts a command that needs another exchange back to the front of its queue.
    pub fn resume(&mut self, ticket: Ticket) {
        self.queues[ticket.priority as usize].push_front(ticket);
    }

    /// Takes every queued command that `which` picks out of the queues.
    pub fn take_if(&mut self, mut which: impl FnMut(&Ticket) -> bool) -> Vec<Ticket> {
        let mut taken = Vec::new();
        for queue in &mut self.queues {
            queue.retain(|ticket| {
                let take = which(ticket);
                if take {
                    taken.push(*ticket);
                }
                !take
            });
        }
        taken
    }

    /// Takes the commands whose time is over.
    ///
    /// Invariant: an expired command never gets a turn, so a trip that waited too long cannot open
    /// a relay later (test `an_expired_command_never_gets_a_turn`).
    pub fn take_expired(&mut self, now: Duration) -> Vec<Ticket> {
        self.take_if(|ticket| ticket.not_after.is_some_and(|limit| now > limit))
    }

    /// Stops or resumes all turns, while it is not known which connection owns the bus.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Whose turn it is. Call [`Schedule::take_expired`] first; what is expired is skipped here.
    pub fn next(&mut self, now: Duration) -> Turn {
        if self.held {
            return Turn::Idle(self.next_expiry());
        }
        let fresh = |ticket: &Ticket| ticket.not_after.is_none_or(|limit| now <= limit);
        for priority in Priority::ALL {
            let queue = &mut self.queues[priority as usize];
            let Some(at) = queue.iter().position(fresh) else { continue };
            if priority == Priority::Background
                && self.scan_row < SCAN_ROW_MAX
                && let Some(turn) = self.scan_turn(now)
            {
                self.scan_row += 1;
                return turn;
            }
            self.scan_row = 0;
            if priority == Priority::OnDemand {
                if self.on_demand_row >= ON_DEMAND_ROW_MAX
                    && let Some(turn) = self.scan_turn(now)
                {
                    self.on_demand_row = 0;
                    return turn;
                }
                self.on_demand_row = self.on_demand_row.saturating_add(1);
            }
            if let Some(ticket) = self.queues[priority as usize].remove(at) {
                return Turn::Command(ticket);
            }
        }
        self.on_demand_row = 0;
        match self.scan_turn(now) {
            Some(turn) => turn,
            None => {
                let due = self.scans.iter().filter_map(Scan::due).min();
                Turn::Idle(due.into_iter().chain(self.next_expiry()).min())
            }
        }
    }

    /// Reports the answer or the silence of a scan read.
    pub fn scanned(&mut self, meter: u16, answered: bool, now: Duration) -> Health {
        match self.scans.get_mut(usize::from(meter)) {
            Some(scan) => scan.exchanged(answered, now),
            None => Health::Unchanged,
        }
    }

    /// Reports that a meter answered, or not, to a command: news for its scan as well.
    pub fn heard(&mut self, meter: u16, answered: bool, now: Duration) -> Health {
        match self.scans.get_mut(usize::from(meter)) {
            Some(scan) => scan.heard(answered, now),
            None => Health::Unchanged,
        }
    }

    fn scan_turn(&mut self, now: Duration) -> Option<Turn> {
        let count = self.scans.len();
        let at = (0..count)
            .map(|step| (self.cursor + step) % count)
            .find(|at| self.scans[*at].due().is_some_and(|due| due <= now))?;
        // A meter's reads follow one another, so that its values belong to one moment; then the
        // round goes on behind it.
        let scan = &self.scans[at];
        self.cursor = if scan.is_last_part() { (at + 1) % count } else { at };
        Some(Turn::Scan { meter: at as u16, part: scan.part() })
    }

    fn next_expiry(&self) -> Option<Duration> {
        self.queues.iter().flatten().filter_map(|ticket| ticket.not_after).min()
    }
}

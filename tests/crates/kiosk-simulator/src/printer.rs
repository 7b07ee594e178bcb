//! A receipt printer as a machine: bytes in, replies out, paper kept. It fails where its script
//! says, and like a real one it goes on with what it has in memory once it is put right.

use std::collections::VecDeque;

use crate::{
    escpos::{Command, Parser},
    paper::{Mark, Paper},
};

/// How it fails. Bytes are counted as they are carried out, over the machine's whole life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The roll ends after so many bytes.
    pub paper_end_after: Option<usize>,
    /// Somebody opens the cover after so many bytes.
    pub cover_open_after: Option<usize>,
    /// The near-end sensor reports.
    pub near_end: bool,
    /// The next cut jams.
    pub jams_at_cut: bool,
    /// Nothing is answered.
    pub silent: bool,
    /// Nothing is answered once so many bytes were received.
    pub silent_after: Option<usize>,
    /// Replies are bytes no printer sends.
    pub garbage: bool,
    /// Somebody else has switched automatic status on: four bytes before every reply.
    pub automatic_status: bool,
    /// `GS r` is not known.
    pub no_fence: bool,
    /// Nothing is taken any more after so many bytes were received.
    pub stalls_after: Option<usize>,
    /// The connection is closed after so many bytes were received.
    pub closes_after: Option<usize>,
    /// It is off: whoever connects is hung up on.
    pub off: bool,
}

/// The machine.
#[derive(Debug)]
pub struct Machine {
    /// How it fails.
    pub script: Script,
    /// Every byte that came in.
    pub received: Vec<u8>,
    /// The paper that came out.
    pub paper: Paper,
    parser: Parser,
    size: usize,
    memory: VecDeque<(Command, usize)>,
    done: usize,
    paper_out: bool,
    cover_open: bool,
    jammed: bool,
}

impl Machine {
    /// A new one for 32 or 48 columns.
    pub fn new(columns: usize) -> Machine {
        Machine {
            script: Script::default(),
            received: Vec::new(),
            paper: Paper::new(columns),
            parser: Parser::default(),
            size: 0,
            memory: VecDeque::new(),
            done: 0,
            paper_out: false,
            cover_open: false,
            jammed: false,
        }
    }

    /// One byte; what the machine answers to it.
    pub fn receive(&mut self, byte: u8) -> Vec<u8> {
        self.received.push(byte);
        self.size += 1;
        let Some(command) = self.parser.feed(byte) else { return Vec::new() };
        let size = std::mem::take(&mut self.size);
        match command {
            Command::RealTime(n) => self.said(&[self.status(n)]),
            Command::Recover(_) => {
                self.memory.clear();
                self.parser = Parser::default();
                self.jammed = false;
                Vec::new()
            }
            other => {
                self.memory.push_back((other, size));
                self.run()
            }
        }
    }

    /// A new roll, a closed cover, a free knife: goes on with what is in memory.
    pub fn put_right(&mut self) -> Vec<u8> {
        let script = &mut self.script;
        (script.paper_end_after, script.cover_open_after) = (None, None);
        (script.near_end, script.jams_at_cut, script.off) = (false, false, false);
        (self.paper_out, self.cover_open, self.jammed) = (false, false, false);
        self.run()
    }

    /// The roll ends now.
    pub fn run_out(&mut self) {
        self.paper_out = true;
    }

    /// Somebody opens the cover now.
    pub fn open_cover(&mut self) {
        self.cover_open = true;
    }

    /// Tears the paper off: what came out so far.
    pub fn take_paper(&mut self) -> Paper {
        self.paper.taken()
    }

    /// Whether the roll has ended.
    pub fn is_paper_out(&self) -> bool {
        self.paper_out
    }

    /// Whether the cover is open.
    pub fn is_cover_open(&self) -> bool {
        self.cover_open
    }

    /// Whether the knife is stuck.
    pub fn is_jammed(&self) -> bool {
        self.jammed
    }

    /// Bytes carried out so far.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Whether it takes another byte.
    pub fn takes(&self) -> bool {
        self.script.stalls_after.is_none_or(|most| self.received.len() < most)
    }

    /// Whether it hangs up.
    pub fn hangs_up(&self) -> bool {
        let script = &self.script;
        script.off || script.closes_after.is_some_and(|most| self.received.len() >= most)
    }

    fn run(&mut self) -> Vec<u8> {
        let mut replies = Vec::new();
        while !self.is_offline() {
            let Some((command, size)) = self.memory.pop_front() else { break };
            let reached = |after: Option<usize>| after.is_some_and(|most| self.done + size > most);
            self.paper_out = reached(self.script.paper_end_after);
            self.cover_open = reached(self.script.cover_open_after);
            self.jammed = command == Command::Cut && self.script.jams_at_cut;
            if self.is_offline() {
                // Half of what was being printed is on the paper; the rest waits in memory.
                self.memory.push_front((command, size));
                break;
            }
            self.done += size;
            match command {
                Command::Fence(_) if self.script.no_fence => {}
                Command::Fence(_) => {
                    let near = if self.script.near_end { 0x03 } else { 0 };
                    replies.extend(self.said(&[near]));
                }
                other => self.paper.print(&other),
            }
        }
        replies
    }

    fn is_offline(&self) -> bool {
        self.paper_out || self.cover_open || self.jammed
    }

    /// `DLE EOT n`, by the makers' table.
    fn status(&self, n: u8) -> u8 {
        let bit = |set: bool, bits: u8| if set { bits } else { 0 };
        0x12 | match n {
            1 => bit(self.is_offline(), 0x08),
            2 => bit(self.cover_open, 0x04) | bit(self.paper_out, 0x20) | bit(self.jammed, 0x40),
            3 => bit(self.jammed, 0x08),
            _ => bit(self.script.near_end || self.paper_out, 0x0c) | bit(self.paper_out, 0x60),
        }
    }

    fn said(&self, reply: &[u8]) -> Vec<u8> {
        let script = &self.script;
        let mute = script.silent_after.is_some_and(|most| self.received.len() >= most);
        if script.silent || mute {
            return Vec::new();
        }
        if script.garbage {
            return vec![0x00, 0xff, 0x80];
        }
        let automatic: &[u8] = if script.automatic_status { &[0x14, 0, 0, 0x0f] } else { &[] };
        [automatic, reply].concat()
    }
}

/// Receipts on a strip: what stands between two cuts.
pub fn receipts(paper: &Paper) -> usize {
    paper.marks.iter().filter(|mark| **mark == Mark::Cut).count()
}

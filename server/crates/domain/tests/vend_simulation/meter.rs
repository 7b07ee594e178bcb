//! The reference meter: the rules of `meters.md` A.6 in as few lines as they need. It shares no
//! code with the product and keeps its own log of what it was really given.

use domain::vend::Proof;

/// A recharge command on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Whose it is; a real frame does not say so, the log does.
    pub order: usize,
    pub count: Option<u32>,
    pub amount_fen: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No(u16),
}

/// Money the meter was given: `order` is `None` for another system's purchase.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    pub order: Option<usize>,
    pub amount_fen: i64,
}

pub struct Meter {
    pub counted: bool,
    pub count: u32,
    last_fen: i64,
    total_fen: i64,
    balance_fen: i64,
    overdraft_fen: i64,
    energy_wh: i64,
    spent_parts: i64,
    hoard_fen: i64,
    pub log: Vec<Given>,
}

pub const PRICE_MICRO_YUAN: i64 = 528_300;

impl Meter {
    pub fn new(counted: bool, count: u32, balance_fen: i64) -> Self {
        Meter {
            counted,
            count,
            last_fen: 1000,
            total_fen: 5000,
            balance_fen: balance_fen.max(0),
            overdraft_fen: (-balance_fen).max(0),
            energy_wh: 123_450,
            spent_parts: 0,
            hoard_fen: 100_000,
            log: Vec::new(),
        }
    }

    /// c == m: repeated. c != m + 1: count error. Too much: hoarding. Else overdraft first, the
    /// rest added, m := c. Without a count every command is new.
    pub fn recharge(&mut self, frame: Frame) -> Answer {
        if let (true, Some(count)) = (self.counted, frame.count) {
            if count == self.count {
                return Answer::No(0x0002);
            }
            if count != self.count + 1 {
                return Answer::No(0x0020);
            }
        }
        if self.balance_fen + frame.amount_fen > self.hoard_fen {
            return Answer::No(0x0040);
        }
        self.take(Some(frame.order), frame.amount_fen);
        self.count += 1;
        self.last_fen = frame.amount_fen;
        self.total_fen += frame.amount_fen;
        Answer::Yes
    }

    fn take(&mut self, order: Option<usize>, amount_fen: i64) {
        let paid = self.overdraft_fen.min(amount_fen);
        self.overdraft_fen -= paid;
        self.balance_fen += amount_fen - paid;
        self.log.push(Given { order, amount_fen });
    }

    /// The power fails in the middle of a write: either the money or the last amount is in.
    pub fn recharge_torn(&mut self, frame: Frame, money: bool) {
        if money {
            self.take(Some(frame.order), frame.amount_fen);
        } else {
            self.last_fen = frame.amount_fen;
        }
    }

    pub fn sell_elsewhere(&mut self, amount_fen: i64) {
        self.take(None, amount_fen);
        self.count += 1;
        self.last_fen = amount_fen;
        self.total_fen += amount_fen;
    }

    /// Wallet initialisation (070103FF): balance, overdraft and count are zero.
    pub fn initialise(&mut self) {
        (self.count, self.balance_fen, self.overdraft_fen) = (0, 0, 0);
        (self.last_fen, self.total_fen) = (0, 0);
    }

    pub fn use_energy(&mut self, wh: i64) {
        self.energy_wh += wh;
        self.spent_parts += wh * PRICE_MICRO_YUAN;
        let fen = self.spent_parts / 10_000_000;
        self.spent_parts %= 10_000_000;
        let paid = self.balance_fen.min(fen);
        self.balance_fen -= paid;
        self.overdraft_fen += fen - paid;
    }

    /// Registers as they are read: energy in steps of 10 Wh.
    pub fn registers(&self) -> Proof {
        Proof {
            count: self.counted.then_some(self.count),
            last_amount_fen: self.counted.then_some(self.last_fen),
            cumulative_fen: None,
            balance_fen: Some(self.balance_fen),
            overdraft_fen: Some(self.overdraft_fen),
            quantity_milli: Some(self.energy_wh / 10 * 10),
            identity: None,
        }
    }

    pub fn times(&self, order: usize) -> usize {
        self.log.iter().filter(|given| given.order == Some(order)).count()
    }
}

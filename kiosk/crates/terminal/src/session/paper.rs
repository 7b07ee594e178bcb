//! Receipts: one comes by itself at most, every other is asked for by a person (KI5, KI6).

use kiosk_wire::{
    order::OrderState,
    receipt::{PrintOutcome, PrintReport, PrintRequest},
};
use uuid::Uuid;

use super::{Effect, Phase, Session, Task, Turn, customer::Deadline};
use crate::{
    call::{Answer, Call, Failure, Outcome},
    journal::Line,
};

/// How long a paid order may stay on its way before its receipt says 已付款，待充入.
const RECEIPT_WAIT_MS: u64 = 15_000;
/// How often the server is asked for one receipt.
const ASKS_MAX: u32 = 4;
/// Between two of these.
const ASK_MS: u64 = 2_000;
/// How long a receipt is waited for, from the question to the last bit of paper.
const PRINT_MS_MAX: u64 = 60_000;
/// The most prints under way at once.
const PRINTS_MAX: usize = 8;
/// Copies one visit may print whole; more are had by asking again.
const COPIES_MAX: u32 = 1;
/// How long it is said at the least that nobody knows whether paper came out.
const UNKNOWN_MS: u64 = 20_000;

/// An order's paper, as far as this visit knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paper {
    pub(crate) state: PaperState,
    /// Whether the automatic receipt was tried, here or before a restart.
    pub(crate) tried: bool,
    /// Copies as the server counts them.
    pub(crate) copies: u32,
    /// Copies of this visit that came out, or may have.
    asked: u32,
}

impl Paper {
    /// Of an order that is not this customer's: nothing is printed by itself.
    pub(crate) fn tried() -> Paper {
        Paper { tried: true, ..Paper::default() }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PaperState {
    #[default]
    None,
    Printing,
    Printed,
    PaperOut,
    Failed,
    Unknown,
}

impl PaperState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            PaperState::None => "none",
            PaperState::Printing => "printing",
            PaperState::Printed => "printed",
            PaperState::PaperOut => "paper_out",
            PaperState::Failed => "failed",
            PaperState::Unknown => "unknown",
        }
    }
}

/// A print under way.
#[derive(Clone, Debug)]
pub(crate) struct PrintJob {
    print: Uuid,
    order: Uuid,
    automatic: bool,
    began_ms: u64,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq)]
enum Stage {
    /// The server is asked what stands on it.
    Asking { task: Option<Task>, due_ms: u64, asks: u32 },
    /// The printer has it.
    Printing,
}

impl Session {
    /// Starts the receipt that comes by itself, once there is something to say.
    pub(super) fn consider_receipt(&mut self, turn: &mut Turn<'_>, at: usize) {
        let broken = self.card_is_broken(self.sales[at].client);
        let sale = &self.sales[at];
        let (Phase::Paid { since_ms }, Some(order)) = (&sale.phase, sale.order) else { return };
        let ready = match sale.state() {
            Some(OrderState::Paid) => turn.at >= since_ms + RECEIPT_WAIT_MS,
            Some(OrderState::AwaitingCard) => broken,
            Some(OrderState::Refunded) | None => false,
            Some(_) => true,
        };
        if sale.paper.tried || sale.without_paper || !ready || !self.world.journal {
            return;
        }
        let client = sale.client;
        self.begin_print(turn, order, true);
        if let Some(sale) = self.sale_mut(client) {
            sale.paper.tried = true;
        }
    }

    /// A person asks for a copy.
    pub(super) fn reprint(&mut self, turn: &mut Turn<'_>, client: Uuid) {
        if !self.can_reprint(client) {
            return;
        }
        self.more_of_sale(turn.at);
        if let Some(order) = self.sale(client).and_then(|sale| sale.order) {
            self.begin_print(turn, order, false);
        }
    }

    /// Whether a copy may be asked for now.
    pub(crate) fn can_reprint(&self, client: Uuid) -> bool {
        self.world.journal
            && self.world.can_print()
            && self.sale(client).is_some_and(|sale| {
                let automatic_to_come = !sale.paper.tried && !sale.without_paper;
                sale.is_paid()
                    && !automatic_to_come
                    && sale.paper.state != PaperState::Printing
                    && sale.paper.asked < COPIES_MAX
            })
    }

    pub(super) fn begin_print(&mut self, turn: &mut Turn<'_>, order: Uuid, automatic: bool) {
        if self.prints.len() >= PRINTS_MAX {
            return;
        }
        let print = turn.fresh();
        turn.journal(Line::PrintAsked { order, print, automatic });
        let stage = Stage::Asking { task: None, due_ms: turn.at, asks: 0 };
        self.prints.push(PrintJob { print, order, automatic, began_ms: turn.at, stage });
        self.on_paper(order, |paper| paper.state = PaperState::Printing);
    }

    /// Asks for what is due, and ends what nobody has heard of for too long.
    pub(super) fn pursue_prints(&mut self, turn: &mut Turn<'_>) {
        for at in (0..self.prints.len()).rev() {
            let job = &self.prints[at];
            let (print, order, automatic) = (job.print, job.order, job.automatic);
            if turn.at >= job.began_ms + PRINT_MS_MAX {
                let outcome = match job.stage {
                    Stage::Printing => PrintOutcome::Unknown,
                    Stage::Asking { .. } => PrintOutcome::Failed,
                };
                self.end_print(turn, at, outcome, 0);
                continue;
            }
            let Stage::Asking { task, due_ms, asks } = job.stage else { continue };
            if turn.at < due_ms || (task.is_some() && turn.at < due_ms + ASK_MS) {
                continue;
            }
            if asks >= ASKS_MAX {
                self.end_print(turn, at, PrintOutcome::Failed, 0);
                continue;
            }
            let request = PrintRequest { print_id: print, automatic };
            let task = Some(self.call(turn, Call::Print { order, request }));
            let due_ms = turn.at + ASK_MS;
            self.prints[at].stage = Stage::Asking { task, due_ms, asks: asks + 1 };
        }
    }

    pub(super) fn print_answer(
        &mut self,
        turn: &mut Turn<'_>,
        task: Task,
        outcome: &Outcome,
    ) -> bool {
        let waits = |job: &PrintJob| match job.stage {
            Stage::Asking { task: waited, .. } => waited == Some(task),
            Stage::Printing => false,
        };
        let Some(at) = self.prints.iter().position(waits) else { return false };
        match outcome {
            Ok(Answer::Print(print)) if self.prints[at].automatic && print.already => {
                // It was printed or tried before, and nobody has asked for another (KI6).
                let job = self.prints.remove(at);
                let copies = print.copy;
                self.on_paper(job.order, |paper| {
                    paper.copies = copies;
                    paper.state = PaperState::Unknown;
                });
                if self.world.journal {
                    turn.journal(Line::PrintTold { print: job.print });
                }
            }
            Ok(Answer::Print(print)) => {
                let (id, copies) = (self.prints[at].print, print.copy);
                turn.journal(Line::PrintSent { print: id });
                turn.out.push(Effect::Print { print: id, receipt: print.receipt.clone() });
                self.prints[at].stage = Stage::Printing;
                self.on_paper(self.prints[at].order, |paper| paper.copies = copies);
            }
            Err(Failure::Lost) => {
                if let Stage::Asking { task, .. } = &mut self.prints[at].stage {
                    *task = None;
                }
            }
            _ => self.end_print(turn, at, PrintOutcome::Failed, 0),
        }
        true
    }

    /// The printer is done, well or not.
    pub(super) fn printed(
        &mut self,
        turn: &mut Turn<'_>,
        print: Uuid,
        outcome: PrintOutcome,
        paper_mm: u32,
    ) {
        let sent = |job: &PrintJob| job.print == print && job.stage == Stage::Printing;
        if let Some(at) = self.prints.iter().position(sent) {
            self.end_print(turn, at, outcome, paper_mm);
        }
    }

    fn end_print(&mut self, turn: &mut Turn<'_>, at: usize, outcome: PrintOutcome, paper_mm: u32) {
        let job = self.prints.remove(at);
        let counts = matches!(outcome, PrintOutcome::Printed | PrintOutcome::Unknown);
        self.on_paper(job.order, |paper| {
            paper.state = match outcome {
                PrintOutcome::Printed => PaperState::Printed,
                PrintOutcome::PaperOut => PaperState::PaperOut,
                PrintOutcome::Failed => PaperState::Failed,
                PrintOutcome::Unknown => PaperState::Unknown,
            };
            paper.asked += u32::from(counts && !job.automatic);
        });
        if self.world.journal {
            turn.journal(Line::Printed { print: job.print, outcome, paper_mm });
        }
        self.tell_print(turn, job.print, PrintReport { outcome, paper_mm });
        if !matches!(outcome, PrintOutcome::Printed) {
            let task = self.task();
            turn.out.push(Effect::AskPrinter { task });
        }
        self.show_paper(turn.at, job.order, outcome);
    }

    /// The customer has time to read what became of the paper.
    fn show_paper(&mut self, at_ms: u64, order: Uuid, outcome: PrintOutcome) {
        let Some(client) = self.attached() else { return };
        let Some(customer) = &self.customer else { return };
        if self.sale(client).and_then(|sale| sale.order) != Some(order) {
            return;
        }
        let least = match outcome {
            PrintOutcome::Unknown => UNKNOWN_MS,
            _ => super::RESULT_MS,
        };
        let whole_ms = self.doubled(least).max(customer.deadline.left_ms(at_ms));
        self.last(Deadline { began_ms: at_ms, whole_ms });
    }

    fn on_paper(&mut self, order: Uuid, change: impl Fn(&mut Paper)) {
        self.sales.iter_mut().filter(|sale| sale.order == Some(order)).for_each(|sale| {
            change(&mut sale.paper);
        });
    }

    /// Whether a receipt is on its way to the printer or on it.
    pub fn is_printing(&self) -> bool {
        !self.prints.is_empty()
    }

    /// A line about a print could not be written: what had not gone to the printer does not.
    pub(super) fn print_unwritten(&mut self, turn: &mut Turn<'_>, line: &Line) {
        let unsent = match line {
            Line::PrintSent { print } => Some(*print),
            _ => None,
        };
        for at in (0..self.prints.len()).rev() {
            let job = &self.prints[at];
            if matches!(job.stage, Stage::Asking { .. }) || unsent == Some(job.print) {
                self.end_print(turn, at, PrintOutcome::Failed, 0);
            }
        }
    }
}

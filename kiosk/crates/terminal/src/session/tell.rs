//! What the server only has to be told: told again until it has heard, up to a bound.

use kiosk_wire::{
    card::{VoucherOutcome, VoucherReport},
    channel::Up,
    order::OrderEvent,
    receipt::PrintReport,
};
use uuid::Uuid;

use super::{Effect, Session, Task, Turn};
use crate::{
    call::{Call, Failure, Outcome},
    journal::{Line, Open},
};

/// The most that waits to be told; the oldest is let go.
const TELLS_MAX: usize = 128;
/// How often one thing is told before the next start of the process has to do it.
const TRIES_MAX: u32 = 12;
/// The first pause; it doubles.
const PAUSE_MS: u64 = 2_000;
/// The longest pause.
const PAUSE_MS_MAX: u64 = 120_000;
/// How long an answer is waited for.
const ANSWER_MS: u64 = 15_000;

/// Something to tell.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    call: Tell,
    task: Option<Task>,
    due_ms: u64,
    tries: u32,
    /// What is written down once it was heard.
    then: Option<Line>,
}

#[derive(Clone, Debug)]
enum Tell {
    /// To the order API.
    Call(Call),
    /// Beside the money; the channel keeps it until it was heard.
    Up(Up),
}

impl Session {
    fn telling(&mut self, call: Tell, then: Option<Line>, at_ms: u64) {
        if self.tells.len() >= TELLS_MAX {
            self.tells.pop_front();
        }
        self.tells.push_back(Telling { call, task: None, due_ms: at_ms, tries: 0, then });
    }

    /// For an order's timeline.
    pub(super) fn tell_order(&mut self, turn: &mut Turn<'_>, client: Uuid, name: &str) {
        let Some(order) = self.sale(client).and_then(|sale| sale.order) else { return };
        self.told += 1;
        let event = OrderEvent { id: turn.fresh(), name: name.to_owned(), seq: Some(self.told) };
        self.telling(Tell::Call(Call::Tell { order, event }), None, turn.at);
    }

    pub(super) fn tell_print(&mut self, turn: &mut Turn<'_>, print: Uuid, report: PrintReport) {
        let then = Some(Line::PrintTold { print });
        self.telling(Tell::Call(Call::Printed { print, report }), then, turn.at);
    }

    pub(super) fn tell_voucher(&mut self, at_ms: u64, voucher: Uuid, report: VoucherReport) {
        self.telling(Tell::Call(Call::VoucherEnded { voucher, report }), None, at_ms);
    }

    /// What a restart found: sales that were cut off, prints and writes nobody was told of.
    pub(super) fn tell_replayed(&mut self, open: &Open) {
        for sale in &open.sales {
            // The sale's own id names the message: told twice it counts once.
            let step = sale.step().to_owned();
            let up = Up::Abandoned { id: sale.client, order: sale.order, step };
            self.telling(Tell::Up(up), None, 0);
            if let Some(voucher) = &sale.voucher {
                let outcome = voucher.outcome.unwrap_or(VoucherOutcome::Unknown);
                let report = VoucherReport { outcome, blocks: Vec::new() };
                self.tell_voucher(0, voucher.id, report);
            }
        }
        for print in &open.prints {
            let then = Some(Line::PrintTold { print: print.print });
            if let Some(report) = print.report() {
                let call = Call::Printed { print: print.print, report };
                self.telling(Tell::Call(call), then, 0);
            } else {
                // Nothing went to the printer: the server has no paper to account for.
                let report =
                    PrintReport { outcome: kiosk_wire::receipt::PrintOutcome::Failed, paper_mm: 0 };
                self.telling(Tell::Call(Call::Printed { print: print.print, report }), then, 0);
            }
        }
    }

    pub(super) fn pursue_tells(&mut self, turn: &mut Turn<'_>) {
        if self.world.pairing != super::Pairing::Paired {
            return;
        }
        for at in 0..self.tells.len() {
            let telling = &self.tells[at];
            let waits = telling.task.is_some() && turn.at < telling.due_ms;
            if turn.at < telling.due_ms || waits {
                continue;
            }
            let call = telling.call.clone();
            let task = match call {
                Tell::Call(call) => Some(self.call(turn, call)),
                Tell::Up(up) => {
                    turn.out.push(Effect::Tell(up));
                    None
                }
            };
            let telling = &mut self.tells[at];
            telling.tries += 1;
            telling.due_ms = match task {
                Some(_) => turn.at + ANSWER_MS,
                None => u64::MAX,
            };
            telling.task = task;
        }
        self.tells.retain(|telling| {
            let given = telling.task.is_none() && telling.due_ms == u64::MAX;
            !given && telling.tries <= TRIES_MAX
        });
    }

    pub(super) fn tell_answer(
        &mut self,
        turn: &mut Turn<'_>,
        task: Task,
        outcome: &Outcome,
    ) -> bool {
        let Some(at) = self.tells.iter().position(|telling| telling.task == Some(task)) else {
            return false;
        };
        if matches!(outcome, Err(Failure::Lost)) {
            let telling = &mut self.tells[at];
            let pause = PAUSE_MS << telling.tries.min(6);
            telling.task = None;
            telling.due_ms = turn.at + pause.min(PAUSE_MS_MAX);
            return true;
        }
        // Heard, or refused for good: saying it once more changes nothing.
        if let Some(Telling { then: Some(line), .. }) = self.tells.remove(at)
            && self.world.journal
        {
            turn.journal(line);
        }
        true
    }
}

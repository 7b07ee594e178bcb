//! Time: what each screen lasts, and what happens when that is over.

use super::{
    ATTRACT_MS, BUSY_MS, CONFIRM_MS, INPUT_MS, Pairing, Phase, READ_MS, RESULT_MS, Session, Step,
    Turn, Work,
    customer::{Deadline, Wish},
};
use crate::words;

impl Session {
    /// In the elder version everything but a code and a question to the server lasts twice as long.
    pub(super) fn doubled(&self, ms: u64) -> u64 {
        if self.mode.elder { ms * 2 } else { ms }
    }

    pub(super) fn whole_ms(&self, step: &Step) -> u64 {
        match step {
            Step::Busy { work: Work::Reading { .. }, .. } | Step::Preflight(_) => READ_MS,
            Step::Busy { .. } => BUSY_MS,
            Step::Sale { .. } => CONFIRM_MS,
            Step::Trouble { .. } => self.doubled(RESULT_MS),
            _ => self.doubled(INPUT_MS),
        }
    }

    /// A touch on a screen that asks something gives it its whole time again.
    pub(super) fn more_time(&mut self, at_ms: u64) {
        let Some(customer) = &self.customer else { return };
        let fixed =
            matches!(customer.step, Step::Busy { .. } | Step::Preflight(_) | Step::Sale { .. });
        if !fixed {
            let whole_ms = self.whole_ms(&customer.step);
            self.last(Deadline { began_ms: at_ms, whole_ms });
        }
    }

    /// More time for a result; never for a code (KI3) and never for a check.
    pub(super) fn more_of_sale(&mut self, at_ms: u64) {
        let Some(client) = self.attached() else { return };
        let phase = self.sale(client).map(|sale| &sale.phase);
        if matches!(phase, Some(Phase::Paid { .. } | Phase::Closed)) {
            let whole_ms = self.doubled(match self.card_work_of(client) {
                Some(_) => INPUT_MS,
                None => RESULT_MS,
            });
            self.last(Deadline { began_ms: at_ms, whole_ms });
        }
    }

    pub(super) fn still_here(&mut self, turn: &mut Turn<'_>) {
        if let Some(customer) = &mut self.customer {
            customer.still_there = false;
        }
        self.more_time(turn.at);
        if matches!(self.step_mut(), Some(Step::Card)) {
            self.await_card(turn);
        }
    }

    /// Ends what has lasted its time.
    pub(super) fn pass_time(&mut self, turn: &mut Turn<'_>) {
        self.give_placing_up(turn);
        self.pursue_card(turn);
        let Some(customer) = &self.customer else {
            if turn.at.saturating_sub(self.touched_ms) >= INPUT_MS {
                self.mode = super::default_mode();
            }
            return;
        };
        if customer.deadline.left_ms(turn.at) > 0 {
            return;
        }
        if customer.still_there {
            self.leave(turn);
            return;
        }
        match customer.step.clone() {
            Step::Busy { .. } | Step::Preflight(_) => self.trouble(turn, "slow"),
            Step::Trouble { .. } => self.leave(turn),
            Step::Sale { client, .. } => self.sale_ended(turn, client),
            _ => self.ask_still_there(turn.at),
        }
    }

    /// Row 3: an order whose answer does not come is asked about behind the customer's back.
    fn give_placing_up(&mut self, turn: &mut Turn<'_>) {
        let late = |phase: &Phase| match phase {
            Phase::Placing { until_ms, .. } => turn.at >= *until_ms,
            _ => false,
        };
        let Some(sale) = self.sales.iter_mut().find(|sale| late(&sale.phase)) else { return };
        sale.phase = Phase::Asking;
        sale.due_ms = turn.at;
        let client = sale.client;
        if self.attached() == Some(client) {
            let trouble = Box::new(words::trouble("order_unknown"));
            self.enter(turn, Step::Trouble { trouble, client: Some(client) });
        }
    }

    fn sale_ended(&mut self, turn: &mut Turn<'_>, client: uuid::Uuid) {
        match self.sale(client).map(|sale| &sale.phase) {
            Some(Phase::Paying { .. }) if !self.is_live(turn.at) => self.leave(turn),
            Some(Phase::Paying { .. }) => {
                if let Some(Step::Sale { wish, .. }) = self.step_mut() {
                    *wish = Wish::Away;
                }
                self.begin_closing(turn, client);
                self.last(Deadline { began_ms: turn.at, whole_ms: CONFIRM_MS });
            }
            // Nothing on a screen ever ends doubt: the order is asked about until it is known.
            Some(Phase::Closing | Phase::Asking | Phase::Placing { .. }) => {
                let trouble = Box::new(words::trouble("confirming"));
                self.enter(turn, Step::Trouble { trouble, client: Some(client) });
            }
            // A card that is being written has no end but its own.
            Some(Phase::Paid { .. }) if self.is_writing_card() => {}
            _ => self.leave(turn),
        }
    }

    /// Whether adverts are shown: nobody is there and nobody has been for a while.
    pub(crate) fn is_attract(&self, at_ms: u64) -> bool {
        self.customer.is_none()
            && self.world.pairing == Pairing::Paired
            && self.world.out_of_service().is_none()
            && self.world.advert.is_some()
            && at_ms.saturating_sub(self.touched_ms) >= ATTRACT_MS
    }

    /// Whether the screen may be dark, if the schedule says so: nobody has touched it lately.
    pub(crate) fn is_dark_untouched(&self, at_ms: u64) -> bool {
        self.mode.dark && self.customer.is_none() && self.is_untouched(at_ms)
    }

    pub(crate) fn is_untouched(&self, at_ms: u64) -> bool {
        at_ms.saturating_sub(self.touched_ms) >= ATTRACT_MS
    }
}

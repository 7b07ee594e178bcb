//! The code, its end, and what a customer sees of an order's fate.

use kiosk_wire::order::{OrderState, OrderView};
use uuid::Uuid;

use super::{
    CONFIRM_MS, Choosing, POLL_MS, Phase, QR_MS_MAX, RESULT_MS, Session, Step, Turn,
    customer::{Deadline, Wish},
};
use crate::journal::Line;

impl Session {
    /// Shows the code.
    ///
    /// Invariant: the line that says so is written first; the picture of the screen is drawn only
    /// after the list was carried out
    /// (`killed_after_every_journal_line_a_sale_keeps_its_invariants`).
    pub(super) fn show_code(
        &mut self,
        turn: &mut Turn<'_>,
        client: Uuid,
        view: &OrderView,
        svg: String,
    ) {
        turn.journal(Line::Shown { client });
        let whole_ms = QR_MS_MAX.min(view.expires_in_ms);
        let since_ms = turn.at;
        if let Some(sale) = self.sale_mut(client) {
            sale.phase = Phase::Paying { svg, confirming: false };
            sale.due_ms = since_ms + POLL_MS;
        }
        self.last(Deadline { began_ms: since_ms, whole_ms });
        self.tell_order(turn, client, "qr_shown");
    }

    /// Query, close, query again: the server decides what it was.
    pub(super) fn begin_closing(&mut self, turn: &mut Turn<'_>, client: Uuid) {
        let writable = self.world.journal;
        let Some(sale) = self.sale_mut(client) else { return };
        let was_shown = matches!(sale.phase, Phase::Paying { .. });
        sale.phase = if sale.order.is_some() { Phase::Closing } else { Phase::Asking };
        sale.ask_now(turn.at);
        // Without a journal it is closed all the same: closing moves no money.
        if writable {
            turn.journal(Line::Closing { client });
        }
        if was_shown {
            self.tell_order(turn, client, "qr_hidden");
        }
    }

    /// A finger that gives up, while the code is shown.
    pub(super) fn give_up(&mut self, turn: &mut Turn<'_>, wanted: Wish) {
        let Some(client) = self.attached() else { return };
        let paying = matches!(self.sale(client).map(|s| &s.phase), Some(Phase::Paying { .. }));
        let other = wanted != Wish::Other || self.other_wallet(client).is_some();
        if paying && other {
            if let Some(Step::Sale { wish, .. }) = self.step_mut() {
                *wish = wanted;
            }
            self.begin_closing(turn, client);
            self.last(Deadline { began_ms: turn.at, whole_ms: CONFIRM_MS });
        }
    }

    /// A wallet that is offered and is not the order's.
    pub(crate) fn other_wallet(&self, client: Uuid) -> Option<String> {
        let view = self.sale(client)?.view.as_ref()?;
        self.world.settings.wallets.iter().find(|wallet| **wallet != view.wallet).cloned()
    }

    pub(super) fn closed(&mut self, turn: &mut Turn<'_>, client: Uuid) {
        if let Some(sale) = self.sale_mut(client) {
            sale.phase = Phase::Closed;
        }
        let Some(customer) = &self.customer else { return };
        let (wish, buy) = match &customer.step {
            Step::Sale { client: c, wish, buy } if *c == client => (*wish, buy.clone()),
            Step::Trouble { client: Some(c), .. } if *c == client => (Wish::Pay, None),
            _ => return,
        };
        match (wish, buy) {
            (Wish::Quit, _) | (Wish::Away, None) => self.leave(turn),
            (Wish::Away, Some(buy)) => {
                let seen = buy.seen.clone();
                let choosing = Choosing { seen, quote: None, quoting: None, wrong: None };
                self.enter(turn, Step::Amount(Box::new(choosing)));
                self.ask_still_there(turn.at);
            }
            (Wish::Other, Some(mut buy)) => match self.other_wallet(client) {
                Some(wallet) => {
                    buy.wallet = wallet;
                    self.preflight(turn, *buy);
                }
                None => self.show_result(turn, client),
            },
            _ => self.show_result(turn, client),
        }
    }

    pub(super) fn paid(
        &mut self,
        turn: &mut Turn<'_>,
        client: Uuid,
        state: OrderState,
        moved: bool,
    ) {
        let writable = self.world.journal;
        let Some(sale) = self.sale_mut(client) else { return };
        let first = !sale.is_paid();
        if first {
            sale.phase = Phase::Paid { since_ms: turn.at };
            if writable && sale.journalled {
                turn.journal(Line::Paid { client, state });
            }
        }
        if self.attached() != Some(client) || !moved {
            return;
        }
        if first {
            self.tell_order(turn, client, "result_shown");
        }
        if state == OrderState::AwaitingCard {
            if self.card_work_of(client).is_none() {
                self.keep_step(turn, client);
                self.deliver(turn, client);
            }
            return;
        }
        self.card_delivered(client);
        self.show_result(turn, client);
    }

    pub(super) fn keep_step(&mut self, turn: &mut Turn<'_>, client: Uuid) {
        let is_there =
            matches!(self.step_mut(), Some(Step::Sale { client: c, .. }) if *c == client);
        if !is_there {
            self.enter(turn, Step::Sale { client, wish: Wish::Pay, buy: None });
        }
    }

    pub(super) fn show_result(&mut self, turn: &mut Turn<'_>, client: Uuid) {
        self.keep_step(turn, client);
        let whole_ms = self.doubled(RESULT_MS);
        self.last(Deadline { began_ms: turn.at, whole_ms });
    }
}

//! Leaving: a customer goes with everything that is known of them, and an order goes once nothing
//! of it is left to do.

use kiosk_wire::order::{OrderState, OrderView};
use uuid::Uuid;

use super::{
    Asked, POLL_MS, Phase, RESULT_MS, Sale, Session, Step, Turn,
    customer::{Deadline, Wish},
    paper::Paper,
};
use crate::{intent::Errand, journal::Line, words};

impl Session {
    pub(super) fn leave_if(&mut self, turn: &mut Turn<'_>, client: Uuid) {
        if self.attached() == Some(client) {
            self.leave(turn);
        }
    }

    /// The customer goes, and with them everything that is known of them (KI7). What has begun
    /// goes on without them.
    pub(super) fn leave(&mut self, turn: &mut Turn<'_>) {
        let client = self.attached();
        self.customer = None;
        self.mode = super::default_mode();
        self.touched_ms = turn.at;
        self.drop_card(turn);
        if let Some(client) = client {
            let phase = self.sale(client).map(|sale| &sale.phase);
            match phase {
                Some(Phase::Paying { .. }) => self.begin_closing(turn, client),
                Some(Phase::Paid { .. }) => self.tell_order(turn, client, "left"),
                _ => {}
            }
        }
    }

    /// Ends what has nothing left to do.
    pub(super) fn let_go(&mut self, turn: &mut Turn<'_>) {
        let attached = self.attached();
        let over: Vec<Uuid> = self
            .sales
            .iter()
            .filter(|sale| attached != Some(sale.client) && self.is_over(sale))
            .map(|sale| sale.client)
            .collect();
        for client in over {
            let journalled = self.sale(client).is_some_and(|sale| sale.journalled);
            self.sales.retain(|sale| sale.client != client);
            if journalled && self.world.journal {
                turn.journal(Line::Done { client });
            }
        }
    }

    pub(super) fn is_over(&self, sale: &Sale) -> bool {
        match sale.phase {
            Phase::Closed | Phase::Nothing => true,
            Phase::Paid { .. } => {
                !(sale.awaits_card() && sale.journalled) && self.card_work_of(sale.client).is_none()
            }
            _ => false,
        }
    }

    /// A line about an order could not be written: what was to follow was not done.
    pub(super) fn sale_unwritten(&mut self, turn: &mut Turn<'_>, line: &Line) {
        if let Line::Ordering { client, .. } = line {
            if let Some(sale) = self.sale_mut(*client) {
                sale.phase = Phase::Nothing;
            }
            self.trouble(turn, "disk");
        }
        for at in 0..self.sales.len() {
            // Whatever else was in the list is asked again.
            self.sales[at].ask_now(turn.at);
            if matches!(self.sales[at].phase, Phase::Paying { .. }) {
                let client = self.sales[at].client;
                self.begin_closing(turn, client);
                if self.attached() == Some(client) {
                    let trouble = Box::new(words::trouble("disk_paying"));
                    self.enter(turn, Step::Trouble { trouble, client: Some(client) });
                }
            }
        }
    }

    /// Row 2: whoever is still choosing is told, and goes home by themselves.
    pub(super) fn link_lost(&mut self, turn: &mut Turn<'_>) {
        let Some(customer) = &self.customer else { return };
        let pays = matches!(customer.errand, Errand::TopUp | Errand::Card);
        let choosing = match &customer.step {
            Step::Amount(_) | Step::Preflight(_) | Step::NoPaper(_) | Step::Busy { .. } => true,
            Step::Number { asked: Asked::Order | Asked::OrderLastFour { .. }, .. } => true,
            Step::Identify | Step::Number { .. } | Step::Rooms { .. } | Step::Matches(_) => pays,
            Step::Card => true,
            Step::Account(_) | Step::Sale { .. } | Step::Trouble { .. } => false,
        };
        if choosing {
            self.drop_card(turn);
            self.trouble(turn, "offline");
        }
    }

    /// An order somebody looked for by its number.
    pub(super) fn found_order(&mut self, turn: &mut Turn<'_>, view: Box<OrderView>) {
        if !view.state.is_paid() {
            let trouble = words::Trouble {
                code: "not_paid".to_owned(),
                what: view.what.clone(),
                safe: view.safe.clone(),
                todo: view.todo.clone(),
            };
            self.enter(turn, Step::Trouble { trouble: Box::new(trouble), client: None });
            return;
        }
        let known = self.sales.iter().find(|sale| sale.order == Some(view.id));
        let client = known.map(|sale| sale.client);
        let client = client.unwrap_or_else(|| {
            let client = turn.fresh();
            let phase = Phase::Paid { since_ms: turn.at };
            let mut sale = Sale::new(client, client, phase, turn.at + POLL_MS);
            sale.order = Some(view.id);
            sale.paper = Paper::tried();
            sale.journalled = false;
            self.sales.push(sale);
            client
        });
        self.enter(turn, Step::Sale { client, wish: Wish::Pay, buy: None });
        self.last(Deadline { began_ms: turn.at, whole_ms: self.doubled(RESULT_MS) });
        let state = view.state;
        if let Some(sale) = self.sale_mut(client) {
            sale.view = Some(view);
        }
        if state == OrderState::AwaitingCard && self.world.cards() && self.world.journal {
            self.deliver(turn, client);
        }
    }

    pub(super) fn has_unfinished_card(&self) -> bool {
        self.sales.iter().any(|sale| sale.journalled && sale.awaits_card())
    }
}

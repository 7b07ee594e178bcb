//! An order, from its making to the moment nothing of it is left to do here, whether or not the
//! customer still stands there.

use std::collections::VecDeque;

use kiosk_wire::order::{OrderDraft, OrderState, OrderView};
use uuid::Uuid;

use super::{
    CALL_MS, POLL_MS, STILL_THERE_MS, Session, Step, Task, Turn, customer::Deadline, order_of,
    paper::Paper,
};
use crate::{
    call::{Call, Failure, Outcome},
    journal::{Line, Open, OpenVoucher},
    screen::qr_svg,
};

/// The most calls of one order whose answers are still taken: more than a code's whole time can
/// ask. Whatever an answer says of an order is taken in by that order alone, however late it is.
const CALLS_MAX: usize = 64;
/// How long closing an order may take: the server asks the provider, closes, and asks again.
const CLOSE_MS: u64 = 10_000;
/// The longest pause between two questions about an order nobody waits for.
const PAUSE_MS_MAX: u64 = 60_000;

/// An order.
#[derive(Clone, Debug)]
pub(crate) struct Sale {
    pub(crate) client: Uuid,
    pub(crate) session: Uuid,
    pub(crate) order: Option<Uuid>,
    pub(crate) view: Option<Box<OrderView>>,
    pub(crate) phase: Phase,
    /// The card that was laid on before it was paid.
    pub(crate) card: Option<String>,
    /// What may be on a card.
    pub(crate) voucher: Option<OpenVoucher>,
    pub(crate) without_paper: bool,
    pub(crate) paper: Paper,
    /// Whether it stands in the journal: what was only looked up does not.
    pub(crate) journalled: bool,
    calls: VecDeque<Task>,
    sent_ms: Option<u64>,
    pub(crate) due_ms: u64,
    pause_ms: u64,
}

/// How far an order is, as far as the kiosk has a say in it.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// Being asked for, again and again under the same id.
    Placing { draft: Box<OrderDraft>, until_ms: u64 },
    /// Whether the server has it, and where it stands, is being asked.
    Asking,
    /// Its code may be seen.
    Paying { svg: String, confirming: bool },
    /// It is being closed, and may turn out paid.
    Closing,
    /// Paid.
    Paid { since_ms: u64 },
    /// Not paid, and cannot be any more.
    Closed,
    /// The server knows no such order, or has refused it.
    Nothing,
}

impl Sale {
    pub(crate) fn new(client: Uuid, session: Uuid, phase: Phase, at_ms: u64) -> Sale {
        Sale {
            client,
            session,
            order: None,
            view: None,
            phase,
            card: None,
            voucher: None,
            without_paper: false,
            paper: Paper::default(),
            journalled: true,
            calls: VecDeque::new(),
            sent_ms: None,
            due_ms: at_ms,
            pause_ms: POLL_MS,
        }
    }

    pub(crate) fn state(&self) -> Option<OrderState> {
        self.view.as_ref().map(|view| view.state)
    }

    pub(crate) fn is_paid(&self) -> bool {
        matches!(self.phase, Phase::Paid { .. })
    }

    /// Whether money waits to be written to a card.
    pub(crate) fn awaits_card(&self) -> bool {
        let state = self.state();
        self.is_paid()
            && (state == Some(OrderState::AwaitingCard) || state.is_none())
            && (self.card.is_some() || self.voucher.is_some() || state.is_some())
    }

    /// Asks at once, and often, whatever was asked before.
    pub(super) fn ask_now(&mut self, at_ms: u64) {
        self.due_ms = at_ms;
        self.sent_ms = None;
        self.pause_ms = POLL_MS;
    }

    /// What is asked next, if anything.
    fn question(&self) -> Option<Call> {
        let by_id = self.order.map(|order| Call::Order { order });
        match (&self.phase, self.order) {
            (Phase::Closed | Phase::Nothing, _) => None,
            (Phase::Placing { draft, .. }, _) => Some(Call::Place(draft.as_ref().clone())),
            (Phase::Closing, Some(order)) => Some(Call::Cancel { order }),
            _ => by_id.or(Some(Call::OrderByClient { client_id: self.client })),
        }
    }

    /// How long an answer is waited for before the question is asked again.
    fn patience_ms(&self) -> u64 {
        match self.phase {
            Phase::Placing { .. } => super::PLACE_MS,
            Phase::Closing => CLOSE_MS,
            _ => CALL_MS,
        }
    }
}

impl Session {
    pub(crate) fn sale(&self, client: Uuid) -> Option<&Sale> {
        self.sales.iter().find(|sale| sale.client == client)
    }

    pub(crate) fn sale_mut(&mut self, client: Uuid) -> Option<&mut Sale> {
        self.sales.iter_mut().find(|sale| sale.client == client)
    }

    /// The order the customer is looking at.
    pub(crate) fn attached(&self) -> Option<Uuid> {
        match &self.customer.as_ref()?.step {
            Step::Sale { client, .. } => Some(*client),
            Step::Trouble { client, .. } => *client,
            _ => None,
        }
    }

    /// What a restart finds in the journal.
    pub(super) fn replay(&mut self, open: &Open) {
        for left in &open.sales {
            let phase = match left.paid {
                Some(_) => Phase::Paid { since_ms: 0 },
                None => Phase::Asking,
            };
            self.sales.push(Sale {
                order: left.order,
                card: left.card.clone(),
                voucher: left.voucher.clone(),
                paper: Paper::tried(),
                ..Sale::new(left.client, left.session, phase, 0)
            });
        }
        self.tell_replayed(open);
    }

    /// Asks what is due, prints what is ready, and lets go of what is over.
    pub(super) fn watch(&mut self, turn: &mut Turn<'_>) {
        let attached = self.attached();
        for at in 0..self.sales.len() {
            let is_attached = attached == Some(self.sales[at].client);
            self.ask_sale(turn, at, is_attached);
            if is_attached {
                self.consider_receipt(turn, at);
            }
        }
        self.pursue_prints(turn);
        self.pursue_tells(turn);
        self.let_go(turn);
    }

    fn ask_sale(&mut self, turn: &mut Turn<'_>, at: usize, is_attached: bool) {
        let sale = &self.sales[at];
        let waits = sale.sent_ms.is_some_and(|sent| turn.at < sent + sale.patience_ms());
        if turn.at < sale.due_ms || waits || self.world.pairing != super::Pairing::Paired {
            return;
        }
        let Some(call) = sale.question() else { return };
        let task = self.call(turn, call);
        let sale = &mut self.sales[at];
        sale.calls.push_back(task);
        if sale.calls.len() > CALLS_MAX {
            sale.calls.pop_front();
        }
        sale.sent_ms = Some(turn.at);
        let pause = if is_attached { POLL_MS } else { sale.pause_ms };
        sale.pause_ms = if is_attached { POLL_MS } else { (pause * 2).min(PAUSE_MS_MAX) };
        sale.due_ms = turn.at + pause;
    }

    /// Takes an answer that belongs to an order; false where it does not.
    pub(super) fn sale_answer(
        &mut self,
        turn: &mut Turn<'_>,
        task: Task,
        outcome: &Outcome,
    ) -> bool {
        let Some(sale) = self.sales.iter_mut().find(|sale| sale.calls.contains(&task)) else {
            return false;
        };
        sale.calls.retain(|call| *call != task);
        sale.sent_ms = None;
        let client = sale.client;
        match outcome {
            Err(Failure::Refused(problem)) => self.sale_refused(turn, client, problem),
            Err(Failure::Revoked) if matches!(sale.phase, Phase::Placing { .. }) => {
                sale.phase = Phase::Nothing;
                self.leave_if(turn, client);
            }
            Err(_) => sale.due_ms = sale.due_ms.min(turn.at + POLL_MS / 2),
            Ok(_) => {
                if let Some(view) = order_of(outcome) {
                    self.hear(turn, client, view);
                }
            }
        }
        true
    }

    fn sale_refused(
        &mut self,
        turn: &mut Turn<'_>,
        client: Uuid,
        problem: &kiosk_wire::text::Problem,
    ) {
        let attached = self.attached() == Some(client);
        let Some(sale) = self.sale_mut(client) else { return };
        match sale.phase {
            // The server has said no and done nothing.
            Phase::Placing { .. } => {
                sale.phase = Phase::Nothing;
                if attached {
                    self.refused(turn, problem);
                }
            }
            // It never reached the server; an order that was made is not forgotten there.
            Phase::Asking if sale.order.is_none() && problem.code == "not_found" => {
                sale.phase = Phase::Nothing;
            }
            // The books have lost it, and a person was told: there is nothing left to ask.
            Phase::Asking | Phase::Closing | Phase::Paid { .. }
                if problem.code == "kiosk.order_unknown" =>
            {
                sale.phase = Phase::Nothing;
            }
            _ => {}
        }
    }

    /// Takes in where an order stands.
    ///
    /// Invariant: what was once heard paid is never again shown or treated as unpaid
    /// (`what_was_paid_is_never_shown_as_closed_again`).
    fn hear(&mut self, turn: &mut Turn<'_>, client: Uuid, view: &OrderView) {
        let Some(sale) = self.sales.iter_mut().find(|sale| sale.client == client) else { return };
        if sale.order.is_some_and(|order| order != view.id)
            || (sale.is_paid() && !view.state.is_paid())
        {
            return;
        }
        if sale.order.is_none() {
            sale.order = Some(view.id);
            turn.journal(Line::Placed { client, order: view.id });
        }
        let was = sale.state();
        let over = matches!(sale.phase, Phase::Closed | Phase::Nothing);
        if over && !view.state.is_paid() {
            return;
        }
        sale.view = Some(Box::new(view.clone()));
        match view.state {
            OrderState::AwaitingPayment | OrderState::Confirming => {
                self.unpaid(turn, client, view);
            }
            OrderState::Closed => self.closed(turn, client),
            state => self.paid(turn, client, state, was != Some(state)),
        }
    }

    fn unpaid(&mut self, turn: &mut Turn<'_>, client: Uuid, view: &OrderView) {
        let is_confirming = view.state == OrderState::Confirming;
        let waits = matches!(&self.customer, Some(customer)
            if matches!(customer.step, Step::Sale { client: c, .. } if c == client));
        let Some(sale) = self.sale_mut(client) else { return };
        match (&mut sale.phase, &view.qr) {
            (Phase::Paying { confirming, .. }, _) => *confirming = is_confirming,
            (Phase::Placing { .. }, Some(content)) if waits && !is_confirming => {
                let svg = qr_svg(content);
                self.show_code(turn, client, view, svg);
            }
            (Phase::Placing { .. } | Phase::Asking, _) => self.begin_closing(turn, client),
            _ => {}
        }
    }

    /// Sets how long the present screen lasts.
    pub(super) fn last(&mut self, deadline: Deadline) {
        if let Some(customer) = &mut self.customer {
            customer.deadline = deadline;
        }
    }

    pub(super) fn ask_still_there(&mut self, at_ms: u64) {
        let whole_ms = self.doubled(STILL_THERE_MS);
        if let Some(customer) = &mut self.customer {
            customer.still_there = true;
            customer.deadline = Deadline { began_ms: at_ms, whole_ms };
        }
    }

    /// The server says that an order has moved.
    pub(super) fn moved(&mut self, order: Uuid) {
        if let Some(sale) = self.sales.iter_mut().find(|sale| sale.order == Some(order)) {
            sale.ask_now(0);
        }
    }
}

//! An order, from its making to the moment nothing of it is left to do here, whether or not the
//! customer still stands there.

use std::collections::VecDeque;

use kiosk_wire::order::{OrderDraft, OrderState, OrderView};
use uuid::Uuid;

use super::{
    Asked, CALL_MS, CONFIRM_MS, Choosing, POLL_MS, QR_MS_MAX, RESULT_MS, STILL_THERE_MS, Session,
    Step, Task, Turn,
    customer::{Deadline, Wish},
    order_of,
    paper::Paper,
};
use crate::{
    call::{Call, Failure, Outcome},
    intent::Errand,
    journal::{Line, Open, OpenVoucher},
    screen::qr_svg,
    words,
};

/// The most calls of one order whose answers are still taken; older ones are late.
const CALLS_MAX: usize = 3;
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

    /// Shows the code.
    ///
    /// Invariant: the line that says so is written first; the picture of the screen is drawn only
    /// after the list was carried out
    /// (`killed_after_every_journal_line_a_sale_keeps_its_invariants`).
    fn show_code(&mut self, turn: &mut Turn<'_>, client: Uuid, view: &OrderView, svg: String) {
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
        sale.due_ms = turn.at;
        sale.sent_ms = None;
        sale.pause_ms = POLL_MS;
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

    fn closed(&mut self, turn: &mut Turn<'_>, client: Uuid) {
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

    fn paid(&mut self, turn: &mut Turn<'_>, client: Uuid, state: OrderState, moved: bool) {
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

    fn keep_step(&mut self, turn: &mut Turn<'_>, client: Uuid) {
        let is_there =
            matches!(self.step_mut(), Some(Step::Sale { client: c, .. }) if *c == client);
        if !is_there {
            self.enter(turn, Step::Sale { client, wish: Wish::Pay, buy: None });
        }
    }

    fn show_result(&mut self, turn: &mut Turn<'_>, client: Uuid) {
        self.keep_step(turn, client);
        let whole_ms = self.doubled(RESULT_MS);
        self.last(Deadline { began_ms: turn.at, whole_ms });
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
            sale.due_ms = 0;
            sale.sent_ms = None;
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
            self.sales.push(Sale {
                order: Some(view.id),
                paper: Paper::tried(),
                journalled: false,
                ..Sale::new(client, client, phase, turn.at + POLL_MS)
            });
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

    fn leave_if(&mut self, turn: &mut Turn<'_>, client: Uuid) {
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
    fn let_go(&mut self, turn: &mut Turn<'_>) {
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

    fn is_over(&self, sale: &Sale) -> bool {
        match sale.phase {
            Phase::Closed | Phase::Nothing => true,
            Phase::Paid { .. } => {
                !(sale.awaits_card() && sale.journalled) && self.card_work_of(sale.client).is_none()
            }
            _ => false,
        }
    }

    pub(super) fn has_unfinished_card(&self) -> bool {
        self.sales.iter().any(|sale| sale.journalled && sale.awaits_card())
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
            self.sales[at].sent_ms = None;
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
}

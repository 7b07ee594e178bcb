//! Card meters: a card is read to find its meter, and written with what the server made for it. The
//! kiosk carries blocks; it never makes value (V6).

use kiosk_wire::{
    account::Matches,
    card::{
        CardKeys, CardKeysRequest, CardLookup, Voucher, VoucherOutcome, VoucherReport,
        VoucherRequest,
    },
    text::Problem,
};
use uuid::Uuid;

use super::{
    CardAsk, CardSeen, Effect, INPUT_MS, Session, Step, Task, Turn,
    customer::{Deadline, Wish},
};
use crate::{
    call::{Answer, Call, Failure, Outcome},
    journal::{Line, OpenVoucher},
};

/// How often a card is tried before it is called broken (F.7, row 26).
const TRIES_MAX: u32 = 3;
/// Between a call that was lost, or a card that could not be read, and the next try.
const PAUSE_MS: u64 = 2_000;

/// What the reader is doing.
#[derive(Clone, Debug)]
pub(crate) struct CardWork {
    /// The order it is for; `None` while a card is looked up.
    pub(crate) client: Option<Uuid>,
    task: Task,
    stage: Stage,
    tries: u32,
    note: Note,
}

#[derive(Clone, Debug)]
enum Stage {
    Waiting,
    Pausing { until_ms: u64 },
    Keys { uid: String },
    Reading { uid: String, keys: CardKeys },
    Finding { uid: String },
    Vouchering { uid: String, keys: CardKeys },
    Writing { voucher: Uuid },
    Verifying,
    Broken,
}

/// What was wrong with the card before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Note {
    Nothing,
    Other,
    Unknown,
}

impl CardWork {
    /// Its step, by the name the page knows.
    pub(crate) fn step(&self) -> &'static str {
        match (&self.stage, self.note) {
            (Stage::Waiting | Stage::Pausing { .. }, Note::Nothing) => "ask",
            (Stage::Waiting | Stage::Pausing { .. }, Note::Other) => "other_card",
            (Stage::Waiting | Stage::Pausing { .. }, Note::Unknown) => "unknown",
            (Stage::Writing { .. }, _) => "writing",
            (Stage::Verifying, _) => "verifying",
            (Stage::Broken, _) => "broken",
            _ => "reading",
        }
    }
}

impl Session {
    /// Whether a card is being written: nothing ends that from outside.
    pub(crate) fn is_writing_card(&self) -> bool {
        matches!(&self.card, Some(work) if matches!(work.stage, Stage::Writing { .. }))
    }

    pub(crate) fn card_work_of(&self, client: Uuid) -> Option<&CardWork> {
        self.card.as_ref().filter(|work| work.client == Some(client))
    }

    pub(super) fn card_is_broken(&self, client: Uuid) -> bool {
        self.card_work_of(client).is_some_and(|work| matches!(work.stage, Stage::Broken))
    }

    /// Asks for a card, to find its meter.
    pub(super) fn await_card(&mut self, turn: &mut Turn<'_>) {
        self.drop_card(turn);
        if self.is_writing_card() {
            self.trouble(turn, "card_unreadable");
            return;
        }
        self.enter(turn, Step::Card);
        self.wait_for_card(turn, None, None);
    }

    /// Asks for the card an order is to be written to.
    pub(super) fn deliver(&mut self, turn: &mut Turn<'_>, client: Uuid) {
        self.drop_card(turn);
        if !self.is_writing_card() {
            self.tell_order(turn, client, "card_asked");
            self.wait_for_card(turn, Some(client), None);
        }
    }

    /// Waits for a card with a new work.
    fn wait_for_card(&mut self, turn: &mut Turn<'_>, client: Option<Uuid>, not: Option<String>) {
        let (tries, note) = match &self.card {
            Some(work) if work.client == client => (work.tries, work.note),
            _ => (0, Note::Nothing),
        };
        let task = self.task();
        turn.out.push(Effect::Card { task, ask: CardAsk::Wait { not } });
        self.card = Some(CardWork { client, task, stage: Stage::Waiting, tries, note });
        // Whoever is asked for a card has the whole time for it, each time (F.7, row 23).
        let whole_ms = self.doubled(INPUT_MS);
        if client.is_none() || client == self.attached() {
            self.last(Deadline { began_ms: turn.at, whole_ms });
        }
    }

    /// Stops waiting or reading; a write goes on.
    pub(super) fn drop_card(&mut self, turn: &mut Turn<'_>) {
        if self.is_writing_card() {
            return;
        }
        if let Some(CardWork { task, stage: Stage::Waiting, .. }) = self.card {
            turn.out.push(Effect::DropCard { task });
        }
        self.card = None;
    }

    /// The server says that it is on the card, or that it need not be any more.
    pub(super) fn card_delivered(&mut self, client: Uuid) {
        if self.card_work_of(client).is_some() && !self.is_writing_card() {
            self.card = None;
        }
    }

    pub(super) fn pursue_card(&mut self, turn: &mut Turn<'_>) {
        if let Some(CardWork { stage: Stage::Pausing { until_ms }, client, .. }) = self.card
            && turn.at >= until_ms
        {
            self.wait_for_card(turn, client, None);
        }
    }

    pub(super) fn card_seen(&mut self, turn: &mut Turn<'_>, task: Task, seen: CardSeen) {
        let Some(work) = self.card.clone().filter(|work| work.task == task) else { return };
        match (work.stage, seen) {
            (Stage::Waiting, CardSeen::Laid { uid }) => self.laid(turn, work.client, uid),
            (Stage::Reading { uid, keys }, CardSeen::Read(lookup)) if lookup.uid == uid => {
                self.card_read(turn, work.client, keys, lookup);
            }
            (Stage::Writing { voucher }, CardSeen::Wrote(report)) => {
                self.wrote(turn, voucher, report);
            }
            (Stage::Writing { voucher }, _) => {
                let outcome = VoucherOutcome::Unknown;
                self.wrote(turn, voucher, VoucherReport { outcome, blocks: Vec::new() });
            }
            (Stage::Reading { .. }, CardSeen::Gone) => self.wait_for_card(turn, work.client, None),
            (Stage::Waiting | Stage::Reading { .. }, _) => self.unreadable(turn),
            _ => {}
        }
    }

    /// A card lies on the reader. Only its own number is known, and that is looked at first.
    fn laid(&mut self, turn: &mut Turn<'_>, client: Option<Uuid>, uid: String) {
        let client = client.or_else(|| self.unfinished(&uid));
        if let Some(client) = client {
            if self.customer.is_some() && self.attached() != Some(client) {
                self.enter(turn, Step::Sale { client, wish: Wish::Pay, buy: None });
                self.last(Deadline { began_ms: turn.at, whole_ms: self.doubled(INPUT_MS) });
            }
            let wanted = self.sale(client).and_then(|sale| {
                sale.voucher.as_ref().map(|open| open.uid.clone()).or_else(|| sale.card.clone())
            });
            if wanted.is_some_and(|wanted| wanted != uid) {
                if let Some(work) = &mut self.card {
                    work.note = Note::Other;
                }
                self.wait_for_card(turn, Some(client), Some(uid));
                return;
            }
        }
        let request = CardKeysRequest { uid: uid.clone() };
        let task = self.call(turn, Call::CardKeys(request));
        if let Some(work) = &mut self.card {
            work.client = client;
            work.task = task;
            work.stage = Stage::Keys { uid };
        }
    }

    /// A sale of this kiosk whose card was not finished.
    fn unfinished(&self, uid: &str) -> Option<Uuid> {
        let is_it = |open: &OpenVoucher| open.uid == uid;
        self.sales
            .iter()
            .filter(|sale| sale.awaits_card())
            .find(|sale| {
                sale.card.as_deref() == Some(uid) || sale.voucher.as_ref().is_some_and(is_it)
            })
            .map(|sale| sale.client)
    }

    fn card_read(
        &mut self,
        turn: &mut Turn<'_>,
        client: Option<Uuid>,
        keys: CardKeys,
        lookup: CardLookup,
    ) {
        let uid = lookup.uid.clone();
        let order = client.and_then(|client| self.sale(client)).and_then(|sale| sale.order);
        let (call, stage) = match (client, order) {
            (Some(_), None) => return self.pause_card(turn),
            (Some(_), Some(order)) => {
                let request = VoucherRequest { uid: uid.clone(), blocks: lookup.blocks };
                (Call::Voucher { order, request }, Stage::Vouchering { uid, keys })
            }
            (None, _) => (Call::FindCard(lookup), Stage::Finding { uid }),
        };
        let task = self.call(turn, call);
        self.set_stage(task, stage);
    }

    fn set_stage(&mut self, task: Task, stage: Stage) {
        if let Some(work) = &mut self.card {
            work.task = task;
            work.stage = stage;
        }
    }

    pub(super) fn card_answer(
        &mut self,
        turn: &mut Turn<'_>,
        task: Task,
        outcome: &Outcome,
    ) -> bool {
        let Some(work) = self.card.clone().filter(|work| work.task == task) else { return false };
        match (work.stage, outcome) {
            (Stage::Waiting | Stage::Writing { .. } | Stage::Pausing { .. }, _) => return false,
            (_, Err(Failure::Lost)) if work.client.is_some() => self.pause_card(turn),
            (_, Err(Failure::Lost)) => {
                self.drop_card(turn);
                self.trouble(turn, "offline");
            }
            (_, Err(Failure::Revoked)) => self.drop_card(turn),
            (stage, Err(Failure::Refused(problem))) => {
                self.card_refused(turn, work.client, &stage, problem);
            }
            (Stage::Keys { uid }, Ok(Answer::CardKeys(keys))) => {
                let task = self.task();
                let ask = CardAsk::Read { uid: uid.clone(), keys: keys.clone() };
                turn.out.push(Effect::Card { task, ask });
                self.set_stage(task, Stage::Reading { uid, keys: keys.clone() });
            }
            (Stage::Finding { uid }, Ok(Answer::Matches(found))) => {
                self.card_found(turn, uid, found);
            }
            (Stage::Vouchering { uid, keys }, Ok(Answer::Voucher(voucher))) => {
                if let Some(client) = work.client {
                    self.write(turn, client, uid, keys, voucher.clone());
                }
            }
            _ => self.unreadable(turn),
        }
        true
    }

    fn card_found(&mut self, turn: &mut Turn<'_>, uid: String, found: &Matches) {
        self.drop_card(turn);
        if let Some(customer) = &mut self.customer {
            customer.card = Some(uid);
            self.found(turn, None, found.matches.clone());
        }
    }

    fn card_refused(
        &mut self,
        turn: &mut Turn<'_>,
        client: Option<Uuid>,
        stage: &Stage,
        problem: &Problem,
    ) {
        match (client, stage) {
            // Before anything is paid: 卡内有未充入表的金额, a number ahead of the server's …
            (None, _) => {
                self.drop_card(turn);
                self.refused(turn, problem);
            }
            (Some(_), Stage::Vouchering { uid, .. }) if problem.code == "card.other" => {
                let not = Some(uid.clone());
                if let Some(work) = &mut self.card {
                    work.note = Note::Other;
                }
                self.wait_for_card(turn, client, not);
            }
            (Some(_), _) => self.break_card(turn),
        }
    }

    /// Writes what the server made.
    ///
    /// Invariant: an order is written with one voucher, the one in the journal, and a line says so
    /// before the first byte (`a_second_voucher_for_an_order_is_never_written`).
    fn write(
        &mut self,
        turn: &mut Turn<'_>,
        client: Uuid,
        uid: String,
        keys: CardKeys,
        voucher: Voucher,
    ) {
        let writable = self.world.journal;
        let Some(sale) = self.sale(client) else { return };
        let another =
            sale.voucher.as_ref().is_some_and(|o| (o.id, o.seq) != (voucher.id, voucher.seq));
        if another || !writable {
            self.break_card(turn);
            return;
        }
        if voucher.on_card {
            let outcome = VoucherOutcome::Written;
            self.wrote(turn, voucher.id, VoucherReport { outcome, blocks: Vec::new() });
            return;
        }
        if voucher.expires_in_ms == 0 {
            self.pause_card(turn);
            return;
        }
        self.write_down_found(turn, client, &uid);
        let Voucher { id, seq, copy, .. } = voucher;
        let line = Line::Writing { client, voucher: id, uid: uid.clone(), seq, copy };
        turn.journal(line);
        if let Some(sale) = self.sale_mut(client) {
            sale.voucher = Some(OpenVoucher { id, uid: uid.clone(), seq, copy, outcome: None });
        }
        let task = self.task();
        turn.out.push(Effect::Card { task, ask: CardAsk::Write { uid, keys, voucher } });
        self.set_stage(task, Stage::Writing { voucher: id });
    }

    /// An order that was only looked up becomes one of this kiosk's once its card is written here.
    fn write_down_found(&mut self, turn: &mut Turn<'_>, client: Uuid, uid: &str) {
        let Some(sale) = self.sale_mut(client) else { return };
        let (Some(order), Some(state)) = (sale.order, sale.state()) else { return };
        if !sale.journalled {
            sale.journalled = true;
            sale.card = Some(uid.to_owned());
            let (session, card) = (sale.session, sale.card.clone());
            turn.journal(Line::Ordering { client, session, card });
            turn.journal(Line::Placed { client, order });
            turn.journal(Line::Paid { client, state });
        }
    }

    /// A write has ended, well or not.
    fn wrote(&mut self, turn: &mut Turn<'_>, voucher: Uuid, report: VoucherReport) {
        let Some(work) = &mut self.card else { return };
        work.tries += 1;
        let (client, tries) = (work.client, work.tries);
        let Some(client) = client else { return };
        let outcome = report.outcome;
        let journalled = self.sale(client).is_some_and(|sale| sale.voucher.is_some());
        if self.world.journal && journalled {
            turn.journal(Line::Wrote { client, voucher, outcome });
        }
        self.tell_voucher(turn.at, voucher, report);
        if let Some(sale) = self.sale_mut(client) {
            sale.due_ms = turn.at;
            if let Some(open) = &mut sale.voucher {
                open.outcome = Some(outcome);
            }
        }
        if self.attached() != Some(client) {
            self.card = None;
        } else if outcome == VoucherOutcome::Written {
            let task = self.task();
            self.set_stage(task, Stage::Verifying);
            self.last(Deadline { began_ms: turn.at, whole_ms: self.doubled(INPUT_MS) });
        } else if tries >= TRIES_MAX {
            self.break_card(turn);
        } else {
            // Only another reading of the same card tells what is on it.
            if let Some(work) = &mut self.card {
                work.note = Note::Unknown;
            }
            self.wait_for_card(turn, Some(client), None);
        }
    }

    fn break_card(&mut self, turn: &mut Turn<'_>) {
        let task = self.task();
        self.set_stage(task, Stage::Broken);
        self.last(Deadline { began_ms: turn.at, whole_ms: self.doubled(INPUT_MS) });
    }

    /// A card, or a reader, that does not answer.
    fn unreadable(&mut self, turn: &mut Turn<'_>) {
        let Some(work) = &mut self.card else { return };
        work.tries += 1;
        match (work.client, work.tries >= TRIES_MAX) {
            (None, _) => {
                self.card = None;
                self.trouble(turn, "card_unreadable");
            }
            (Some(_), true) => self.break_card(turn),
            (Some(_), false) => {
                work.note = Note::Unknown;
                self.pause_card(turn);
            }
        }
    }

    /// Tries again in a moment; nothing is written while the server is away (KI8).
    fn pause_card(&mut self, turn: &mut Turn<'_>) {
        let task = self.task();
        self.set_stage(task, Stage::Pausing { until_ms: turn.at + PAUSE_MS });
    }

    /// A line about a card could not be written: the card is not.
    pub(super) fn card_unwritten(&mut self, line: &Line) {
        let unwritten = match line {
            Line::Ordering { client, .. }
            | Line::Placed { client, .. }
            | Line::Paid { client, .. }
            | Line::Writing { client, .. } => Some(*client),
            _ => None,
        };
        let is_it = |work: &CardWork| {
            work.client == unwritten && matches!(work.stage, Stage::Writing { .. })
        };
        if unwritten.is_some() && self.card.as_ref().is_some_and(is_it) {
            let task = self.task();
            self.set_stage(task, Stage::Broken);
        }
    }
}

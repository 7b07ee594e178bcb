//! From the amount to the order: nothing is asked for before paper, price, meter, clock and journal
//! are known to be good (KI2).

use kiosk_wire::{
    account::{QuoteRequest, ReadOutcome},
    heartbeat::Printer,
    order::OrderDraft,
    text::Text,
};

use super::{
    Choosing, Effect, LIVE_MS, PLACE_MS, Phase, READ_AGE_MS_MAX, Sale, Seen, Session, Step, Task,
    Turn, can_print,
    customer::{Buy, Preflight, Wish},
};
use crate::{
    call::{Answer, Call, Failure, Outcome},
    journal::Line,
    words,
};

/// The most orders whose end is not known yet; with more the line is too bad for another.
const SALES_MAX: usize = 32;

impl Session {
    /// Why nothing can be paid for this meter here and now; `None` = it can.
    pub(crate) fn closed_for(&self, seen: &Seen) -> Option<Text> {
        let by_card = self.customer.as_ref().is_some_and(|customer| customer.card.is_some());
        let account = &seen.account;
        self.world.closed().or_else(|| account.closed.clone()).or_else(|| {
            if account.money_model == "card" {
                (!by_card).then(words::closed_card)
            } else {
                (account.read != Some(ReadOutcome::Fresh)).then(words::closed_silent)
            }
        })
    }

    pub(super) fn choose_amount(&mut self, turn: &mut Turn<'_>, seen: Seen) {
        if self.closed_for(&seen).is_none() {
            // No amount is chosen beforehand: nobody is nudged.
            let choosing = Choosing { seen, quote: None, quoting: None, wrong: None };
            self.enter(turn, Step::Amount(Box::new(choosing)));
        }
    }

    pub(super) fn choose(&mut self, turn: &mut Turn<'_>, fen: i64) {
        self.more_time(turn.at);
        let Some(Step::Amount(choosing)) = self.step_mut() else { return };
        let amounts = &choosing.seen.account.amounts;
        let handle = choosing.seen.account.matched.handle.clone();
        choosing.quote = None;
        choosing.quoting = None;
        if fen < amounts.min_fen.max(1) || fen > amounts.max_fen {
            choosing.wrong = Some(words::wrong_amount());
            return;
        }
        choosing.wrong = None;
        let task = self.call(turn, Call::Quote(QuoteRequest { handle, amount_fen: fen }));
        if let Some(Step::Amount(choosing)) = self.step_mut() {
            choosing.quoting = Some(task);
        }
    }

    pub(super) fn quoted(&mut self, outcome: Outcome) {
        let Some(Step::Amount(choosing)) = self.step_mut() else { return };
        choosing.quoting = None;
        match outcome {
            Ok(Answer::Quote(quote)) => choosing.quote = Some(quote),
            Err(Failure::Refused(problem)) => {
                choosing.wrong = Some(words::refused(&problem).what);
            }
            _ => choosing.wrong = Some(words::no_quote()),
        }
    }

    pub(super) fn pay(&mut self, turn: &mut Turn<'_>, choosing: Choosing, wallet: String) {
        let Some(quote) = choosing.quote else { return };
        if self.world.settings.wallets.contains(&wallet) {
            let buy = Buy { seen: choosing.seen, quote, wallet, without_paper: false };
            self.preflight(turn, buy);
        }
    }

    pub(super) fn accept_no_paper(&mut self, turn: &mut Turn<'_>, buy: Buy) {
        self.preflight(turn, Buy { without_paper: true, ..buy });
    }

    /// Looks at everything once more.
    pub(super) fn preflight(&mut self, turn: &mut Turn<'_>, buy: Buy) {
        if !self.may_order(turn) {
            return;
        }
        if self.closed_for(&buy.seen).is_some() {
            self.enter(turn, Step::Account(buy.seen));
            return;
        }
        let account = &buy.seen.account;
        let handle = account.matched.handle.clone();
        let stale = turn.at.saturating_sub(buy.seen.read_ms) > READ_AGE_MS_MAX;
        let quiet = self.world.heard_age_ms(turn.at).is_none_or(|age| age > LIVE_MS);
        let amount_fen = buy.quote.amount_fen;
        let read = (stale && account.money_model != "card")
            .then(|| self.call(turn, Call::Read { handle: handle.clone() }));
        let request = QuoteRequest { handle, amount_fen };
        let quote = quiet.then(|| self.call(turn, Call::Quote(request)));
        let printer = self.task();
        turn.out.push(Effect::AskPrinter { task: printer });
        let can_print = self.world.can_print();
        let flight = Preflight { buy, printer: Some(printer), quote, read, can_print };
        self.enter(turn, Step::Preflight(Box::new(flight)));
    }

    /// Whether the kiosk itself is fit to take money; if not, the customer is told.
    fn may_order(&mut self, turn: &mut Turn<'_>) -> bool {
        let code = if !self.world.journal {
            "disk"
        } else if !self.world.link_up || self.sales.len() >= SALES_MAX {
            "offline"
        } else if self.world.skew_ms.unsigned_abs() > super::SKEW_MS_MAX {
            "clock"
        } else {
            return true;
        };
        self.trouble(turn, code);
        false
    }

    pub(super) fn printer_is(&mut self, turn: &mut Turn<'_>, task: Task, printer: Printer) {
        let can = can_print(&printer);
        self.world.printer = printer;
        let Some(Step::Preflight(flight)) = self.step_mut() else { return };
        if flight.printer == Some(task) {
            flight.printer = None;
            flight.can_print = can;
            self.take_off(turn);
        }
    }

    pub(super) fn preflight_answer(&mut self, turn: &mut Turn<'_>, task: Task, outcome: Outcome) {
        let at = turn.at;
        let Some(Step::Preflight(flight)) = self.step_mut() else { return };
        match outcome {
            Ok(Answer::Quote(quote)) if flight.quote == Some(task) => {
                flight.quote = None;
                flight.buy.quote = quote;
                self.take_off(turn);
            }
            Ok(Answer::Account(account)) if flight.read == Some(task) => {
                flight.read = None;
                flight.buy.seen = Seen { account, read_ms: at };
                self.take_off(turn);
            }
            Err(Failure::Refused(problem)) => self.refused(turn, &problem),
            _ => self.trouble(turn, "offline"),
        }
    }

    /// Makes the order once nothing is waited for any more.
    fn take_off(&mut self, turn: &mut Turn<'_>) {
        let Some(Step::Preflight(flight)) = self.step_mut() else { return };
        if flight.printer.is_some() || flight.quote.is_some() || flight.read.is_some() {
            return;
        }
        let (buy, can_print) = (flight.buy.clone(), flight.can_print);
        if !self.may_order(turn) {
            return;
        }
        if self.world.settings.printer_required && !can_print {
            self.trouble(turn, "printer_required");
        } else if self.closed_for(&buy.seen).is_some() {
            self.enter(turn, Step::Account(buy.seen));
        } else if !can_print && !buy.without_paper {
            self.enter(turn, Step::NoPaper(Box::new(buy)));
        } else if self.world.heard_age_ms(turn.at).is_none_or(|age| age > LIVE_MS) {
            self.preflight(turn, buy);
        } else {
            self.place(turn, buy);
        }
    }

    /// Asks for the order.
    ///
    /// Invariant: one session asks for one order, under one id that is on disk before it is sent
    /// (`whatever_happens_no_session_makes_two_orders_and_no_code_is_shown_while_offline`).
    fn place(&mut self, turn: &mut Turn<'_>, buy: Buy) {
        let Some(customer) = &mut self.customer else { return };
        let (session, card) = (customer.session, customer.card.clone());
        // The next order of the same customer is another session's.
        customer.session = turn.fresh();
        let client = turn.fresh();
        let card = card.filter(|_| buy.seen.account.money_model == "card");
        let draft = OrderDraft {
            client_id: client,
            session,
            handle: buy.seen.account.matched.handle.clone(),
            amount_fen: buy.quote.amount_fen,
            wallet: buy.wallet.clone(),
            without_paper: buy.without_paper,
            card: card.clone(),
        };
        turn.journal(Line::Ordering { client, session, card: card.clone() });
        let until_ms = turn.at + PLACE_MS;
        let phase = Phase::Placing { draft: Box::new(draft), until_ms };
        let mut sale = Sale::new(client, session, phase, turn.at);
        sale.card = card;
        sale.without_paper = buy.without_paper;
        self.sales.push(sale);
        let buy = Some(Box::new(buy));
        self.enter(turn, Step::Sale { client, wish: Wish::Pay, buy });
    }

    pub(crate) fn step_mut(&mut self) -> Option<&mut Step> {
        self.customer.as_mut().map(|customer| &mut customer.step)
    }
}

//! Fingers: what each touch means where it is made. A touch that does not fit is ignored, as the
//! screen may have changed under the finger.

use kiosk_wire::channel::Up;

use super::{
    Asked, CASCADE_MAX, Customer, Effect, INPUT_MS, Phase, SAME_MAX, Session, Step, TYPED_MAX,
    Task, Turn, Work,
    customer::{Deadline, Wish},
};
use crate::{
    call::Call,
    intent::{Errand, Intent, Way},
    words,
};

impl Session {
    pub(super) fn touch(&mut self, turn: &mut Turn<'_>, intent: Intent) {
        if self.is_stuck(turn, &intent) {
            return;
        }
        let asleep = self.is_attract(turn.at) || self.is_dark_untouched(turn.at);
        self.touched_ms = turn.at;
        if asleep || !self.is_open() {
            // The first touch only wakes: it never presses a button nobody could see.
            return;
        }
        if self.customer.as_ref().is_some_and(|customer| customer.still_there) {
            self.answer_still_there(turn, &intent);
            return;
        }
        match intent {
            Intent::Language { to } if to == "zh" || to == "en" => self.mode.language = to,
            Intent::Elder { on } => self.mode.elder = on,
            Intent::Low { on } => self.mode.low = on,
            Intent::Speech { on } => self.mode.speech = on,
            Intent::Start { errand } if self.customer.is_none() => self.start(turn, errand),
            Intent::Quit => self.quit(turn),
            other => {
                self.touch_step(turn, other);
                return;
            }
        }
        self.more_time(turn.at);
    }

    /// Row 35: the same touch over and over is a panel that is stuck, and keeps nobody's session
    /// alive.
    fn is_stuck(&mut self, turn: &mut Turn<'_>, intent: &Intent) -> bool {
        match &mut self.same {
            Some((before, times)) if before == intent => *times += 1,
            same => *same = Some((intent.clone(), 1)),
        }
        let times = self.same.as_ref().map_or(0, |(_, times)| *times);
        if times == SAME_MAX + 1 {
            let id = turn.fresh();
            let (name, detail) = ("touch_stuck".to_owned(), self.state().0.to_owned());
            turn.out.push(Effect::Tell(Up::Fault { id, name, detail }));
        }
        times > SAME_MAX
    }

    /// Whether anybody is served: starting, pairing and out of service are not.
    fn is_open(&self) -> bool {
        self.customer.is_some()
            || (self.world.pairing == super::Pairing::Paired
                && self.world.out_of_service().is_none())
    }

    fn start(&mut self, turn: &mut Turn<'_>, errand: Errand) {
        let pays = matches!(errand, Errand::TopUp | Errand::Card);
        if (pays && self.world.closed().is_some() && !self.has_unfinished_card())
            || (errand == Errand::Card && !self.world.cards())
        {
            return;
        }
        let session = turn.fresh();
        self.customer = Some(Customer {
            errand,
            session,
            card: None,
            step: Step::Identify,
            deadline: Deadline { began_ms: turn.at, whole_ms: INPUT_MS },
            still_there: false,
        });
        match errand {
            Errand::Card => self.await_card(turn),
            Errand::Receipt => self.ask_number(turn, Asked::Order),
            Errand::TopUp | Errand::Balance => self.enter(turn, Step::Identify),
        }
    }

    fn touch_step(&mut self, turn: &mut Turn<'_>, intent: Intent) {
        let Some(customer) = &self.customer else { return };
        let step = customer.step.clone();
        match (intent, step) {
            (Intent::More, Step::Sale { .. }) => self.more_of_sale(turn.at),
            (Intent::More, _) => self.more_time(turn.at),
            (Intent::Back, step) => self.back(turn, step),
            (Intent::LookUpBy { way }, Step::Identify) => self.look_up_by(turn, way),
            (Intent::Typed { text }, Step::Number { asked, .. }) => {
                self.typed(turn, asked, text.trim());
            }
            (Intent::Choose { id }, Step::Rooms { path, nodes }) => {
                let Some(node) = nodes.into_iter().find(|node| node.id == id) else { return };
                let (under, is_room) = (node.id.clone(), node.room);
                let path: Vec<_> = path.into_iter().chain([node]).collect();
                if is_room {
                    self.ask_number(turn, Asked::LastFour { path });
                } else if path.len() <= CASCADE_MAX {
                    self.work(turn, Work::Cascade(path), Call::Rooms { under: Some(under) });
                }
            }
            (Intent::Choose { id }, Step::Matches(matches))
                if matches.iter().any(|found| found.handle == id) =>
            {
                self.read(turn, id, false);
            }
            (Intent::ReadNow, Step::Account(seen)) if seen.account.money_model != "card" => {
                self.read(turn, seen.account.matched.handle, true);
            }
            (Intent::TopUp, Step::Account(seen)) => self.choose_amount(turn, seen),
            (Intent::Amount { fen }, Step::Amount(_)) => self.choose(turn, fen),
            (Intent::Pay { wallet }, Step::Amount(choosing)) => self.pay(turn, *choosing, wallet),
            (Intent::AcceptNoPaper, Step::NoPaper(buy)) => self.accept_no_paper(turn, *buy),
            (Intent::OtherWallet, Step::Sale { .. }) => self.give_up(turn, Wish::Other),
            (Intent::Cancel, Step::Sale { .. }) => self.give_up(turn, Wish::Cancel),
            (Intent::Reprint, Step::Sale { client, .. }) => self.reprint(turn, client),
            _ => {}
        }
    }

    fn look_up_by(&mut self, turn: &mut Turn<'_>, way: Way) {
        match way {
            Way::Meter => self.ask_number(turn, Asked::Meter),
            Way::Phone => self.ask_number(turn, Asked::Phone),
            Way::Room => self.work(turn, Work::Cascade(Vec::new()), Call::Rooms { under: None }),
            Way::Card if self.world.cards() => self.await_card(turn),
            Way::Card => {}
        }
    }

    fn typed(&mut self, turn: &mut Turn<'_>, asked: Asked, text: &str) {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = text.len() <= TYPED_MAX
            && match &asked {
                Asked::Meter => digits && (6..=12).contains(&text.len()),
                Asked::Phone => digits && text.len() == 11,
                Asked::Code { .. } => digits && text.len() == 6,
                Asked::LastFour { .. } | Asked::OrderLastFour { .. } => digits && text.len() == 4,
                Asked::Order => {
                    text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
                }
            };
        if !fits {
            let wrong = Some(words::wrong_number());
            self.enter(turn, Step::Number { asked, wrong });
            return;
        }
        self.look_up(turn, asked, text);
    }

    fn back(&mut self, turn: &mut Turn<'_>, step: Step) {
        match step {
            Step::Identify | Step::Number { asked: Asked::Order, .. } => self.leave(turn),
            Step::Number { asked: Asked::Code { .. }, .. } => self.ask_number(turn, Asked::Phone),
            Step::Number { asked: Asked::OrderLastFour { .. }, .. } => {
                self.ask_number(turn, Asked::Order);
            }
            Step::Number { asked: Asked::LastFour { path }, .. } | Step::Rooms { path, .. }
                if !path.is_empty() =>
            {
                self.cascade_back(turn, path)
            }
            Step::Amount(choosing) => self.enter(turn, Step::Account(choosing.seen)),
            Step::NoPaper(buy) => self.choose_amount(turn, buy.seen),
            Step::Card => {
                self.drop_card(turn);
                self.leave(turn);
            }
            Step::Busy { work: Work::Finding(_), .. }
            | Step::Trouble { client: None, .. }
            | Step::Account(_)
                if self.came_straight() =>
            {
                self.leave(turn);
            }
            Step::Number { .. }
            | Step::Rooms { .. }
            | Step::Matches(_)
            | Step::Busy { .. }
            | Step::Account(_)
            | Step::Trouble { client: None, .. } => self.enter(turn, Step::Identify),
            Step::Trouble { client: Some(_), .. } => self.leave(turn),
            Step::Preflight(_) | Step::Sale { .. } => {}
        }
    }

    /// One step up the cascade.
    fn cascade_back(&mut self, turn: &mut Turn<'_>, mut path: Vec<kiosk_wire::account::RoomNode>) {
        path.pop();
        let under = path.last().map(|node| node.id.clone());
        self.work(turn, Work::Cascade(path), Call::Rooms { under });
    }

    /// Whether the errand has no choice of how to look up.
    pub(crate) fn came_straight(&self) -> bool {
        let errand = self.customer.as_ref().map(|customer| customer.errand);
        matches!(errand, Some(Errand::Receipt | Errand::Card))
    }

    fn quit(&mut self, turn: &mut Turn<'_>) {
        let Some(customer) = &self.customer else { return };
        match &customer.step {
            Step::Preflight(_) => {}
            Step::Sale { client, .. } => {
                let client = *client;
                match self.sale(client).map(|sale| &sale.phase) {
                    Some(Phase::Paying { .. }) => self.give_up(turn, Wish::Quit),
                    Some(Phase::Paid { .. }) if self.is_writing_card() => {}
                    Some(Phase::Paid { .. } | Phase::Closed | Phase::Nothing) | None => {
                        self.leave(turn);
                    }
                    Some(_) => {}
                }
            }
            _ => self.leave(turn),
        }
    }

    fn answer_still_there(&mut self, turn: &mut Turn<'_>, intent: &Intent) {
        match intent {
            Intent::Quit => self.leave(turn),
            Intent::More | Intent::Wake | Intent::Back => self.still_here(turn),
            _ => {}
        }
    }

    /// Goes to another screen, with its whole time before it.
    pub(crate) fn enter(&mut self, turn: &mut Turn<'_>, step: Step) {
        let whole_ms = self.whole_ms(&step);
        if let Some(customer) = &mut self.customer {
            customer.step = step;
            customer.still_there = false;
            customer.deadline = Deadline { began_ms: turn.at, whole_ms };
        }
    }

    pub(crate) fn ask_number(&mut self, turn: &mut Turn<'_>, asked: Asked) {
        self.enter(turn, Step::Number { asked, wrong: None });
    }

    /// Asks the server and shows that it is being asked.
    pub(crate) fn work(&mut self, turn: &mut Turn<'_>, work: Work, call: Call) {
        let task: Task = self.call(turn, call);
        self.enter(turn, Step::Busy { work, task });
    }

    pub(crate) fn trouble(&mut self, turn: &mut Turn<'_>, code: &str) {
        let trouble = Box::new(words::trouble(code));
        self.enter(turn, Step::Trouble { trouble, client: None });
    }
}

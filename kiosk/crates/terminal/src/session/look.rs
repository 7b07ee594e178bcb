//! Looking up: from what was typed or chosen to a meter that was read.

use kiosk_wire::{
    account::{AccountView, MeterLookup, PhoneLookup, PhoneProof, RoomLookup},
    order::OrderFind,
};

use super::{Asked, Seen, Session, Step, Turn, Work};
use crate::{
    call::{Answer, Call, Failure, Outcome},
    words,
};

impl Session {
    /// Takes a number that has the right shape.
    pub(super) fn look_up(&mut self, turn: &mut Turn<'_>, asked: Asked, text: &str) {
        let text = text.to_owned();
        let call = match &asked {
            Asked::Meter => Call::FindMeter(MeterLookup { number: text }),
            Asked::Phone => Call::AskPhone(PhoneLookup { phone: text }),
            Asked::Code { challenge, .. } => {
                Call::ProvePhone(PhoneProof { challenge: *challenge, code: text })
            }
            Asked::LastFour { path } => {
                let room = path.last().map(|node| node.id.clone()).unwrap_or_default();
                Call::FindRoom(RoomLookup { room, last_four: text })
            }
            Asked::Order => {
                // The keypad has digits and no letters; every order's number begins alike.
                let is_bare = text.bytes().all(|byte| byte.is_ascii_digit());
                let prefix = if is_bare { "YF" } else { "" };
                let order_no = format!("{prefix}{}", text.to_ascii_uppercase());
                self.ask_number(turn, Asked::OrderLastFour { order_no });
                return;
            }
            Asked::OrderLastFour { order_no } => {
                let find = OrderFind { order_no: order_no.clone(), last_four: text };
                self.work(turn, Work::Finding(asked), Call::Find(find));
                return;
            }
        };
        self.work(turn, Work::Looking(asked), call);
    }

    /// Reads the meter of a handle; a card's meter cannot be read and is only looked at.
    pub(super) fn read(&mut self, turn: &mut Turn<'_>, handle: String, again: bool) {
        let by_card = self.customer.as_ref().is_some_and(|customer| customer.card.is_some());
        let call = if by_card {
            Call::Account { handle: handle.clone() }
        } else {
            Call::Read { handle: handle.clone() }
        };
        self.work(turn, Work::Reading { handle, again }, call);
    }

    /// What a look-up came to.
    pub(super) fn looked(&mut self, turn: &mut Turn<'_>, work: Work, outcome: Outcome) {
        match (work, outcome) {
            (_, Err(Failure::Lost)) => self.trouble(turn, "offline"),
            (_, Err(Failure::Revoked)) => self.leave(turn),
            (work, Err(Failure::Refused(problem))) => self.not_looked(turn, work, &problem),
            (Work::Looking(asked), Ok(Answer::Matches(found))) => {
                self.found(turn, Some(asked), found.matches);
            }
            (Work::Looking(_), Ok(Answer::PhoneAsked(sent))) => {
                let asked = Asked::Code { challenge: sent.challenge, masked: sent.masked };
                self.ask_number(turn, asked);
            }
            (Work::Cascade(path), Ok(Answer::Rooms(rooms))) => {
                self.enter(turn, Step::Rooms { path, nodes: rooms.nodes });
            }
            (Work::Reading { .. }, Ok(Answer::Account(account))) => self.seen(turn, account),
            (Work::Finding(_), Ok(Answer::Order(view))) => self.found_order(turn, view),
            // An answer to something else: the server and this kiosk do not understand each other.
            (_, Ok(_)) => self.trouble(turn, "slow"),
        }
    }

    fn not_looked(&mut self, turn: &mut Turn<'_>, work: Work, problem: &kiosk_wire::text::Problem) {
        match work {
            Work::Looking(asked) | Work::Finding(asked) if is_wrong(&problem.code) => {
                let wrong = Some(words::nothing_found());
                self.enter(turn, Step::Number { asked, wrong });
            }
            _ => self.refused(turn, problem),
        }
    }

    /// Meters that were found; one is read at once.
    pub(super) fn found(
        &mut self,
        turn: &mut Turn<'_>,
        asked: Option<Asked>,
        matches: Vec<kiosk_wire::account::Match>,
    ) {
        match (matches.len(), asked) {
            (0, Some(asked)) => {
                let wrong = Some(words::nothing_found());
                self.enter(turn, Step::Number { asked, wrong });
            }
            (0, None) => self.trouble(turn, "not_found"),
            (1, _) => {
                let handle = matches.into_iter().next().map(|found| found.handle);
                self.read(turn, handle.unwrap_or_default(), false);
            }
            _ => self.enter(turn, Step::Matches(matches)),
        }
    }

    fn seen(&mut self, turn: &mut Turn<'_>, account: Box<AccountView>) {
        let read_ms = turn.at;
        self.enter(turn, Step::Account(Seen { account, read_ms }));
    }

    /// The server has said no, and nothing was paid.
    pub(super) fn refused(&mut self, turn: &mut Turn<'_>, problem: &kiosk_wire::text::Problem) {
        let trouble = Box::new(words::refused(problem));
        self.enter(turn, Step::Trouble { trouble, client: None });
    }
}

/// Whether the server means that what was typed is wrong, or belongs to nobody or somebody else.
fn is_wrong(code: &str) -> bool {
    matches!(code, "not_found" | "malformed" | "code.refused")
}

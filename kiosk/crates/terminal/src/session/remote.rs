//! What an operator may do now, later, or not at all.

use kiosk_wire::command::Verb;

use super::{Pairing, Phase, Remote, Session, Step, Turn, customer::Wish};

/// Whether a command may be carried out. The reasons are those of
/// [`kiosk_wire::command::CommandState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// Yes.
    Now,
    /// Later: `session`, `money`, `card` or `printing`.
    Defer(&'static str),
    /// No: `money` or `card`.
    Refuse(&'static str),
}

impl Session {
    /// Whether a command may be carried out now (F.3).
    ///
    /// Invariant: nothing that ends the process or the machine runs while money or a card is under
    /// way (`a_restart_from_afar_waits_for_the_customer_and_never_cuts_a_card_write`).
    pub fn may(&self, verb: Verb) -> May {
        match verb {
            Verb::Screenshot
            | Verb::UploadLogs
            | Verb::SelfTest
            | Verb::SyncTime
            | Verb::Unlock => May::Now,
            Verb::CancelSession => match self.busy_with() {
                Some("card") => May::Refuse("card"),
                Some("money") => May::Refuse("money"),
                _ => May::Now,
            },
            Verb::RestartApp | Verb::Reboot | Verb::Shutdown | Verb::Update => {
                match self.busy_with() {
                    Some("card") => May::Refuse("card"),
                    Some(reason) => May::Defer(reason),
                    None => May::Now,
                }
            }
            Verb::Lock
            | Verb::Reprint
            | Verb::TestPrint
            | Verb::SetPaperChanged
            | Verb::ClearError => self.busy_with().map_or(May::Now, May::Defer),
        }
    }

    /// What stands in the way of something that needs an idle kiosk.
    fn busy_with(&self) -> Option<&'static str> {
        if self.is_writing_card() {
            return Some("card");
        }
        let phase = self.attached().and_then(|client| self.sale(client)).map(|sale| &sale.phase);
        match phase {
            Some(Phase::Paying { confirming: true, .. } | Phase::Paid { .. } | Phase::Closing) => {
                Some("money")
            }
            Some(Phase::Placing { .. } | Phase::Asking) => Some("money"),
            _ if self.is_printing() => Some("printing"),
            _ => self.customer.as_ref().map(|_| "session"),
        }
    }

    pub(super) fn remote(&mut self, turn: &mut Turn<'_>, remote: Remote) {
        match remote {
            Remote::Cancel => self.cancel_from_afar(turn),
            Remote::Lock(text) => {
                self.world.locked = Some(text);
                self.drain(turn);
            }
            Remote::Unlock => self.world.locked = None,
            Remote::Reprint { order } => {
                if self.is_idle() && self.world.journal {
                    self.begin_print(turn, order, false);
                }
            }
        }
    }

    fn cancel_from_afar(&mut self, turn: &mut Turn<'_>) {
        if !matches!(self.may(Verb::CancelSession), super::May::Now) {
            return;
        }
        match self.customer.as_ref().map(|customer| &customer.step) {
            Some(Step::Sale { client, .. })
                if matches!(self.sale(*client).map(|s| &s.phase), Some(Phase::Paying { .. })) =>
            {
                self.give_up(turn, Wish::Cancel);
            }
            Some(_) => self.leave(turn),
            None => {}
        }
    }

    /// Sends home whoever may not go on: with the key revoked or the disk gone everybody whose
    /// money has not moved. A lock waits until the customer is gone by themselves.
    pub(super) fn drain(&mut self, turn: &mut Turn<'_>) {
        let ends = self.world.revoked || !self.world.journal;
        let Some(customer) = &self.customer else { return };
        let has_money = match &customer.step {
            Step::Sale { .. } => true,
            Step::Trouble { client, .. } => client.is_some() || !self.world.revoked,
            _ => false,
        };
        if ends && !has_money {
            self.leave(turn);
        }
    }

    pub(super) fn state_name(&self) -> &'static str {
        let Some(customer) = &self.customer else {
            return match (&self.world.pairing, self.world.out_of_service()) {
                (Pairing::Starting, _) => "boot",
                (Pairing::Unpaired { .. }, _) => "unpaired",
                (_, Some((reason, _))) => reason,
                _ if self.is_attract(self.at_ms) => "attract",
                _ => "idle",
            };
        };
        match &customer.step {
            Step::Identify => "identify",
            Step::Number { .. } => "number",
            Step::Rooms { .. } => "rooms",
            Step::Matches(_) => "choose",
            Step::Busy { .. } => "looking",
            Step::Card => "card_read",
            Step::Account(_) => "account",
            Step::Amount(_) => "amount",
            Step::Preflight(_) => "preflight",
            Step::NoPaper(_) => "no_paper",
            Step::Trouble { .. } => "trouble",
            Step::Sale { client, .. } => self.sale_state_name(*client),
        }
    }

    fn sale_state_name(&self, client: uuid::Uuid) -> &'static str {
        if let Some(work) = self.card_work_of(client) {
            return match work.step() {
                "writing" => "card_writing",
                "verifying" => "card_verifying",
                "unknown" => "card_unknown",
                "broken" => "card_broken",
                _ => "card_asked",
            };
        }
        match self.sale(client).map(|sale| &sale.phase) {
            Some(Phase::Placing { .. }) => "ordering",
            Some(Phase::Paying { confirming: false, .. }) => "qr_shown",
            Some(Phase::Paid { .. }) => "paid",
            Some(Phase::Closed | Phase::Nothing) | None => "closed",
            Some(_) => "confirming",
        }
    }
}

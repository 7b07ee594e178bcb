//! The relay of an electricity meter and the motor valve of a water meter: what was commanded,
//! where the contact really is, and when it will move.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Movements kept for the oracle.
const CHANGES_MAX: usize = 64;

/// Microseconds in a minute.
const MINUTE_US: u64 = 60_000_000;

/// Who last decided where the contact should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// State at the start.
    Start,
    /// A command from the platform.
    Command,
    /// Money used up.
    Arrears,
    /// Money came in.
    TopUp,
    /// The user pressed the button after "allow close".
    Button,
}

/// One movement of the contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub closed: bool,
    pub cause: Cause,
    pub sim_us: u64,
}

/// A movement that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pending {
    at_us: u64,
    close: bool,
    cause: Cause,
    /// What follows: close directly (false) or allow to close (true), after so many minutes.
    restore: Option<(bool, u64)>,
}

/// What 1CH asks for (facts A.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Trip,
    AllowClose,
    Close,
    /// Trip and come back after this many minutes; true only allows closing.
    TripFor(u64, bool),
    Alarm(bool),
    KeepPower(bool),
}

/// Why a command is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    KeepPower,
}

/// Relay or valve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relay {
    pub closed: bool,
    pub command_closed: bool,
    pub waiting_for_button: bool,
    pub keep_power: bool,
    pub alarm: bool,
    pub stuck: bool,
    pub cause: Cause,
    /// Time a motor needs; 0 for a relay.
    pub travel_us: u64,
    pub trip_delay_min: u64,
    pub moved: VecDeque<Moved>,
    pub trips: u64,
    pub closes: u64,
    pending: Option<Pending>,
}

impl Relay {
    /// A contact in its first position.
    pub fn new(closed: bool, travel_us: u64, trip_delay_min: u64) -> Self {
        let cause = if closed { Cause::Start } else { Cause::Arrears };
        Self {
            closed,
            command_closed: closed,
            waiting_for_button: false,
            keep_power: false,
            alarm: false,
            stuck: false,
            cause,
            travel_us,
            trip_delay_min,
            moved: VecDeque::new(),
            trips: 0,
            closes: 0,
            pending: None,
        }
    }

    /// When the contact moves next, if it is on its way.
    pub fn next_us(&self) -> Option<u64> {
        self.pending.map(|p| p.at_us)
    }

    /// Carries out a movement whose time has come.
    pub fn advance(&mut self, sim_us: u64) {
        while let Some(due) = self.pending.filter(|p| p.at_us <= sim_us) {
            self.pending = None;
            self.settle(due.close, due.cause, due.at_us);
            if let Some((only_allow, minutes)) = due.restore {
                let back = Pending {
                    at_us: due.at_us + minutes * MINUTE_US,
                    close: true,
                    cause: Cause::Command,
                    restore: None,
                };
                if !only_allow {
                    self.pending = Some(back);
                }
                self.waiting_for_button = only_allow;
            }
        }
    }

    /// Accepts a command; the contact follows at once or after its delay.
    pub fn command(&mut self, action: Action, sim_us: u64) -> Result<(), Refused> {
        match action {
            Action::Trip | Action::TripFor(..) if self.keep_power => Err(Refused::KeepPower),
            Action::Trip => {
                self.go(false, Cause::Command, sim_us, None);
                Ok(())
            }
            Action::TripFor(minutes, only_allow) => {
                self.go(false, Cause::Command, sim_us, Some((only_allow, minutes)));
                Ok(())
            }
            Action::Close => {
                self.go(true, Cause::Command, sim_us, None);
                Ok(())
            }
            Action::AllowClose => {
                self.pending = None;
                self.command_closed = true;
                self.waiting_for_button = !self.closed;
                Ok(())
            }
            Action::Alarm(on) => {
                self.alarm = on;
                Ok(())
            }
            Action::KeepPower(on) => {
                self.keep_power = on;
                Ok(())
            }
        }
    }

    /// Opens because the money is gone; keep-power prevents it.
    pub fn out_of_money(&mut self, sim_us: u64) {
        if self.keep_power || !self.command_closed {
            return;
        }
        self.start(false, Cause::Arrears, sim_us + self.travel_us, None);
        self.advance(sim_us);
    }

    /// Closes again after a top-up, unless the platform had tripped it.
    pub fn money_came(&mut self, sim_us: u64) {
        if !self.command_closed && self.cause == Cause::Arrears {
            self.go(true, Cause::TopUp, sim_us, None);
        }
    }

    /// The user presses the button; closes only when that is allowed.
    pub fn press_button(&mut self, sim_us: u64) -> bool {
        if !self.waiting_for_button {
            return false;
        }
        self.waiting_for_button = false;
        self.go(true, Cause::Button, sim_us, None);
        true
    }

    fn go(&mut self, close: bool, cause: Cause, sim_us: u64, restore: Option<(bool, u64)>) {
        let delay_us = if close { 0 } else { self.trip_delay_min * MINUTE_US };
        self.start(close, cause, sim_us + delay_us + self.travel_us, restore);
        self.advance(sim_us);
    }

    fn start(&mut self, close: bool, cause: Cause, at_us: u64, restore: Option<(bool, u64)>) {
        self.command_closed = close;
        self.cause = cause;
        self.waiting_for_button = false;
        self.pending = Some(Pending { at_us, close, cause, restore });
    }

    fn settle(&mut self, close: bool, cause: Cause, sim_us: u64) {
        self.command_closed = close;
        if self.stuck || self.closed == close {
            return;
        }
        self.closed = close;
        if close {
            self.closes += 1;
        } else {
            self.trips += 1;
        }
        if self.moved.len() == CHANGES_MAX {
            self.moved.pop_front();
        }
        self.moved.push_back(Moved { closed: close, cause, sim_us });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    #[test]
    fn commands_move_the_contact_when_they_should() {
        use Action::{AllowClose, Close, KeepPower, Trip, TripFor};
        // Actions, then closed, commanded closed and waiting for the button after ten minutes.
        type Row = (&'static [Action], (bool, bool, bool));
        let rows: &[Row] = &[
            (&[Trip], (false, false, false)),
            (&[Trip, Close], (true, true, false)),
            (&[Trip, AllowClose], (false, true, true)),
            (&[KeepPower(true), Trip], (true, true, false)),
            (&[KeepPower(true), KeepPower(false), Trip], (false, false, false)),
            (&[TripFor(5, false)], (true, true, false)),
            (&[TripFor(15, false)], (false, false, false)),
            (&[TripFor(5, true)], (false, false, true)),
        ];
        for (actions, after) in rows {
            let mut relay = Relay::new(true, 0, 0);
            for action in *actions {
                let _ = relay.command(*action, SECOND_US);
            }
            relay.advance(600 * SECOND_US);
            let is = (relay.closed, relay.command_closed, relay.waiting_for_button);
            assert_eq!(is, *after, "{actions:?}");
        }
    }

    #[test]
    fn a_valve_reports_its_old_place_while_it_travels() {
        let mut valve = Relay::new(true, 8 * SECOND_US, 0);
        valve.command(Action::Trip, 0).unwrap();
        valve.advance(7 * SECOND_US);
        assert!(valve.closed && !valve.command_closed);
        valve.advance(8 * SECOND_US);
        assert!(!valve.closed);
    }

    #[test]
    fn a_trip_waits_for_its_delay_and_a_close_in_between_cancels_it() {
        let mut relay = Relay::new(true, 0, 2);
        relay.command(Action::Trip, 0).unwrap();
        relay.advance(MINUTE_US);
        assert!(relay.closed);
        relay.command(Action::Close, MINUTE_US).unwrap();
        relay.advance(10 * MINUTE_US);
        assert!(relay.closed);
        assert_eq!(relay.trips, 0);
    }

    #[test]
    fn a_top_up_undoes_arrears_but_never_the_platforms_trip() {
        let mut relay = Relay::new(true, 0, 0);
        relay.out_of_money(1);
        assert!(!relay.closed);
        relay.money_came(2);
        assert!(relay.closed);
        relay.command(Action::Trip, 3).unwrap();
        relay.money_came(4);
        assert!(!relay.closed);
        relay.stuck = true;
        relay.command(Action::Close, 5).unwrap();
        assert!(!relay.closed && relay.command_closed);
    }
}

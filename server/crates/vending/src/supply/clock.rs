//! A meter whose clock is far off understands no validity, so it could never be lit: its clock is
//! set first (H.1 no. 11).

use std::time::Duration;

use gateway::{Action, CommandFailure, Exchange, MeterCommand, Priority, command::NotSent};

use super::Turn;
use crate::house::House;

/// How long the setting of a clock may wait for its bus.
const SET_WITHIN: Duration = Duration::from_secs(60);
/// Our own clock is not set into a meter so shortly after it stepped itself.
const STEP_REST: chrono::TimeDelta = chrono::TimeDelta::hours(1);

impl House {
    /// Sends a close; to a meter whose clock is off, once more after its clock was set.
    ///
    /// Invariant: a wrong clock keeps nobody who has paid in the dark, and cuts nobody off; proved
    /// by `a_meter_whose_clock_is_wrong_is_lit_after_a_payment`.
    pub(super) async fn execute_close(
        &self,
        turn: &mut Turn,
        command: MeterCommand,
    ) -> Result<Exchange, CommandFailure> {
        let first = self.gateway().execute(command.clone()).await;
        let Err(CommandFailure::NotSent { why: NotSent::ClockOff { seconds }, frames }) = &first
        else {
            return first;
        };
        let ours = self.now();
        if self.clock_stepped_at().is_some_and(|stepped| ours - stepped < STEP_REST) {
            return first;
        }
        self.keep(turn, frames);
        tracing::warn!(meter = %turn.meter.id, seconds, "the meter's clock is set before a close");
        let set = MeterCommand {
            action: Action::SetClock,
            priority: Priority::Restore,
            not_after: Some(self.clock().monotonic() + SET_WITHIN),
            ..command.clone()
        };
        match self.gateway().execute(set).await {
            Ok(exchange) => self.keep(turn, &exchange.frames),
            Err(failure) => {
                self.keep(turn, failure.frames());
                return first;
            }
        }
        self.gateway().execute(command).await
    }
}

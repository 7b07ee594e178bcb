//! A supply as named texts, for the store.

use std::time::Duration;

use super::{Actuator, OnWish, Stage, Supply, TripCause, TripOrder, Wish};
use crate::fields::{FieldError, Fields};

impl Supply {
    /// The supply as named texts; [`Supply::from_fields`] reads them back.
    pub fn to_fields(&self) -> Fields {
        let mut out = Fields::default();
        out.set("close", self.actuator.close);
        out.set("settle_ms", self.actuator.settle.as_millis());
        out.set("seq", self.seq);
        out.set("actual", self.actual);
        if let Some(at) = self.actual_at {
            out.set_time("actual_at", at);
        }
        out.set("keep_power", self.keep_power);
        out.set("held_off", self.held_off);
        out.set("jitter", self.jitter);
        out.set("wish", self.wish.as_str());
        match &self.wish {
            Wish::None => {}
            Wish::On(wish) => put_on(&mut out, wish),
            Wish::Off { order, stage, failures } => {
                out.set("order.cause", order.cause);
                out.set("order.supply_seq", order.supply_seq);
                out.set_time("order.decided_at", order.decided_at);
                out.set_time("order.not_after", order.not_after);
                out.set("order.debt_fen", order.debt_fen);
                put_stage(&mut out, *stage);
                out.set("failures", failures);
            }
        }
        out
    }

    /// Reads a supply; what fits no state is an error that names the field.
    pub fn from_fields(fields: &Fields) -> Result<Supply, FieldError> {
        let wish = match fields.text("wish")? {
            "none" => Wish::None,
            "on" => Wish::On(take_on(fields)?),
            "off" => Wish::Off {
                order: TripOrder {
                    // An order stored before there were others was one by arrears.
                    cause: fields.get_some("order.cause")?.unwrap_or(TripCause::Arrears),
                    supply_seq: fields.get("order.supply_seq")?,
                    decided_at: fields.time("order.decided_at")?,
                    not_after: fields.time("order.not_after")?,
                    debt_fen: fields.get("order.debt_fen")?,
                },
                stage: take_stage(fields)?,
                failures: fields.get("failures")?,
            },
            _ => return Err(fields.malformed("wish")),
        };
        Ok(Supply {
            actuator: Actuator {
                close: fields.get("close")?,
                settle: Duration::from_millis(fields.get("settle_ms")?),
            },
            seq: fields.get("seq")?,
            wish,
            actual: fields.get("actual")?,
            actual_at: fields.time_some("actual_at")?,
            keep_power: fields.get("keep_power")?,
            held_off: fields.get_some("held_off")?.unwrap_or(false),
            jitter: fields.get("jitter")?,
        })
    }
}

fn put_on(out: &mut Fields, wish: &OnWish) {
    out.set_time("since", wish.since);
    out.set("credited", wish.credited);
    put_stage(out, wish.stage);
    out.set("failures", wish.failures);
    out.set("dark_shown", wish.dark_shown);
    out.set("stuck_shown", wish.stuck_shown);
    out.set("refused_shown", wish.refused_shown);
    out.set("asked_user", wish.asked_user);
    out.set("late_shown", wish.late_shown);
}

fn take_on(fields: &Fields) -> Result<OnWish, FieldError> {
    Ok(OnWish {
        since: fields.time("since")?,
        credited: fields.get("credited")?,
        stage: take_stage(fields)?,
        failures: fields.get("failures")?,
        dark_shown: fields.get("dark_shown")?,
        stuck_shown: fields.get("stuck_shown")?,
        refused_shown: fields.get("refused_shown")?,
        asked_user: fields.get("asked_user")?,
        late_shown: fields.get("late_shown")?,
    })
}

fn put_stage(out: &mut Fields, stage: Stage) {
    match stage {
        Stage::Unsent => out.set("stage", "unsent"),
        Stage::Sent { first, last } => {
            out.set("stage", "sent");
            out.set_time("first", first);
            out.set_time("last", last);
        }
        Stage::Verified { at } => {
            out.set("stage", "verified");
            out.set_time("verified_at", at);
        }
    }
}

fn take_stage(fields: &Fields) -> Result<Stage, FieldError> {
    Ok(match fields.text("stage")? {
        "unsent" => Stage::Unsent,
        "sent" => Stage::Sent { first: fields.time("first")?, last: fields.time("last")? },
        "verified" => Stage::Verified { at: fields.time("verified_at")? },
        _ => return Err(fields.malformed("stage")),
    })
}

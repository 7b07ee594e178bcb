//! A vend as named texts, for the store.

use super::{
    BalanceCheck, CountRule, Evidence, Flight, Proof, QuarantineReason, Vend, VendRequest,
    VendState,
};
use crate::fields::{FieldError, Fields};

impl Vend {
    /// The vend as named texts; [`Vend::from_fields`] reads them back.
    pub fn to_fields(&self) -> Fields {
        let mut out = Fields::default();
        let request = &self.request;
        out.set("amount_fen", request.amount_fen);
        out.set("price_micro_yuan", request.price_micro_yuan);
        if let CountRule::Counted { count_max } = request.count_rule {
            out.set("count_max", count_max);
        }
        out.set_some("platform_count", request.platform_count);
        out.set_some("identity", request.identity);
        out.set("quantity_step_milli", request.quantity_step_milli);
        out.set("jitter", request.jitter);
        out.set("state", self.state.as_str());
        put_state(&mut out, &self.state);
        out
    }

    /// Reads a vend; what fits no state is an error that names the field.
    pub fn from_fields(fields: &Fields) -> Result<Vend, FieldError> {
        let count_max = fields.get_some("count_max")?;
        let request = VendRequest {
            amount_fen: fields.get("amount_fen")?,
            price_micro_yuan: fields.get("price_micro_yuan")?,
            count_rule: count_max
                .map_or(CountRule::Uncounted, |count_max| CountRule::Counted { count_max }),
            platform_count: fields.get_some("platform_count")?,
            identity: fields.get_some("identity")?,
            quantity_step_milli: fields.get("quantity_step_milli")?,
            jitter: fields.get("jitter")?,
        };
        Ok(Vend { request, state: take_state(fields)? })
    }
}

fn put_state(out: &mut Fields, state: &VendState) {
    if let Some(flight) = state.flight() {
        put_flight(out, flight);
    }
    match state {
        VendState::Queued | VendState::Intended(_) | VendState::Sent(_) => {}
        VendState::Prechecking { failures } => out.set("failures", failures),
        VendState::Uncertain { failures, since, asked, .. } => {
            out.set("failures", failures);
            out.set_time("since", *since);
            out.set("asked", asked);
        }
        VendState::NotApplied { parked, .. } => out.set("parked", parked),
        VendState::Applied { count, proof, balance, at, evidence } => {
            out.set_some("count", *count);
            put_proof(out, "proof", proof);
            put_balance(out, *balance);
            out.set_time("at", *at);
            if let Some(evidence) = evidence {
                put_evidence(out, evidence);
            }
        }
        VendState::Partial { seen, .. } => put_proof(out, "seen", seen),
        VendState::Quarantined { reason, seen, .. } => {
            out.set("reason", reason);
            if let Some(seen) = seen {
                put_proof(out, "seen", seen);
            }
        }
        VendState::Voided { count, evidence } => {
            out.set_some("count", *count);
            put_evidence(out, evidence);
        }
        VendState::Fenced { at } => out.set_time("at", *at),
    }
}

fn take_state(fields: &Fields) -> Result<VendState, FieldError> {
    Ok(match fields.text("state")? {
        "queued" => VendState::Queued,
        "prechecking" => VendState::Prechecking { failures: fields.get("failures")? },
        "intended" => VendState::Intended(take_flight(fields)?),
        "sent" => VendState::Sent(take_flight(fields)?),
        "uncertain" => VendState::Uncertain {
            flight: take_flight(fields)?,
            failures: fields.get("failures")?,
            since: fields.time("since")?,
            asked: fields.get("asked")?,
        },
        "not-applied" => {
            VendState::NotApplied { flight: take_flight(fields)?, parked: fields.get("parked")? }
        }
        "applied" => VendState::Applied {
            count: fields.get_some("count")?,
            proof: take_proof(fields, "proof")?,
            balance: take_balance(fields)?,
            at: fields.time("at")?,
            evidence: if has(fields, "operator") { Some(take_evidence(fields)?) } else { None },
        },
        "partial" => {
            VendState::Partial { flight: take_flight(fields)?, seen: take_proof(fields, "seen")? }
        }
        "quarantined" => VendState::Quarantined {
            reason: fields.get::<QuarantineReason>("reason")?,
            flight: if has(fields, "sends") { Some(take_flight(fields)?) } else { None },
            seen: if has(fields, "seen") { Some(take_proof(fields, "seen")?) } else { None },
        },
        "voided" => {
            VendState::Voided { count: fields.get_some("count")?, evidence: take_evidence(fields)? }
        }
        "fenced" => VendState::Fenced { at: fields.time("at")? },
        _ => return Err(fields.malformed("state")),
    })
}

fn has(fields: &Fields, name: &str) -> bool {
    fields.0.contains_key(name)
}

fn put_flight(out: &mut Fields, flight: &Flight) {
    out.set_some("count", flight.count);
    put_proof(out, "before", &flight.before);
    out.set("sends", flight.sends);
    out.set_some("refusal", flight.refusal);
    out.set_time("intended_at", flight.intended_at);
}

fn take_flight(fields: &Fields) -> Result<Flight, FieldError> {
    Ok(Flight {
        count: fields.get_some("count")?,
        before: take_proof(fields, "before")?,
        sends: fields.get("sends")?,
        refusal: fields.get_some("refusal")?,
        intended_at: fields.time("intended_at")?,
    })
}

/// A proof is marked by a field of its own name, so that an empty one is told from none.
fn put_proof(out: &mut Fields, name: &str, proof: &Proof) {
    out.set(name, "registers");
    out.set_some(&format!("{name}.count"), proof.count);
    out.set_some(&format!("{name}.last_amount_fen"), proof.last_amount_fen);
    out.set_some(&format!("{name}.cumulative_fen"), proof.cumulative_fen);
    out.set_some(&format!("{name}.balance_fen"), proof.balance_fen);
    out.set_some(&format!("{name}.overdraft_fen"), proof.overdraft_fen);
    out.set_some(&format!("{name}.quantity_milli"), proof.quantity_milli);
    out.set_some(&format!("{name}.identity"), proof.identity);
}

fn take_proof(fields: &Fields, name: &str) -> Result<Proof, FieldError> {
    fields.text(name)?;
    Ok(Proof {
        count: fields.get_some(&format!("{name}.count"))?,
        last_amount_fen: fields.get_some(&format!("{name}.last_amount_fen"))?,
        cumulative_fen: fields.get_some(&format!("{name}.cumulative_fen"))?,
        balance_fen: fields.get_some(&format!("{name}.balance_fen"))?,
        overdraft_fen: fields.get_some(&format!("{name}.overdraft_fen"))?,
        quantity_milli: fields.get_some(&format!("{name}.quantity_milli"))?,
        identity: fields.get_some(&format!("{name}.identity"))?,
    })
}

fn put_balance(out: &mut Fields, balance: BalanceCheck) {
    let (name, by_fen) = match balance {
        BalanceCheck::Agrees => ("agrees", None),
        BalanceCheck::NotReadable => ("not-readable", None),
        BalanceCheck::Differs { by_fen } => ("differs", Some(by_fen)),
        BalanceCheck::TotalDiffers { by_fen } => ("total-differs", Some(by_fen)),
    };
    out.set("balance", name);
    out.set_some("by_fen", by_fen);
}

fn take_balance(fields: &Fields) -> Result<BalanceCheck, FieldError> {
    Ok(match fields.text("balance")? {
        "agrees" => BalanceCheck::Agrees,
        "not-readable" => BalanceCheck::NotReadable,
        "differs" => BalanceCheck::Differs { by_fen: fields.get("by_fen")? },
        "total-differs" => BalanceCheck::TotalDiffers { by_fen: fields.get("by_fen")? },
        _ => return Err(fields.malformed("balance")),
    })
}

fn put_evidence(out: &mut Fields, evidence: &Evidence) {
    out.set("operator", evidence.operator);
    out.set("second", evidence.second);
    out.set("why", &evidence.reason);
    put_proof(out, "sight", &evidence.seen);
}

fn take_evidence(fields: &Fields) -> Result<Evidence, FieldError> {
    Ok(Evidence {
        operator: fields.get("operator")?,
        second: fields.get("second")?,
        reason: fields.text("why")?.to_owned(),
        seen: take_proof(fields, "sight")?,
    })
}

//! Billing: a good reading of a platform-held meter becomes one bill line and one posting.

use chrono::{DateTime, Utc};
use domain::{BillLineId, MeterId, MoneyModel, ProjectId};
use serde_json::json;
use store::{
    billing::{self, BillLine, BillingCursor},
    meter::{self, Meter},
    tariff,
};

use crate::{
    house::House,
    job, posting,
    refusal::{Refusal, Result},
};

/// A register value that passed the plausibility rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// The register in milli-units (Wh or litres), as the meter shows it.
    pub value: i64,
    /// When it was read, by our clock.
    pub at: DateTime<Utc>,
}

/// What a reading led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billed {
    /// The first reading of the meter: counting starts here.
    Started,
    /// Nothing to bill: no use, nobody's meter, or not one whose money we keep.
    Nothing,
    /// A line was written; the amount in fen may be zero below one fen.
    Line {
        /// What was charged.
        amount_fen: i64,
        /// What is left in the purse.
        balance_fen: i64,
    },
}

impl House {
    /// Bills a meter up to a register value.
    ///
    /// Invariant: a replay of the same readings gives the same lines, and a reading that arrives
    /// twice is billed once (I17, 16D); proved by `a_reading_that_arrives_twice_is_billed_once`.
    pub async fn bill(&self, project: ProjectId, id: MeterId, read: Register) -> Result<Billed> {
        let house = self.clone();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let meter = meter::by_id(tx, project, id).await?;
                    let meter = meter.ok_or(Refusal::NotFound { what: "meter" })?;
                    bill(tx, &house, &meter, read).await
                })
            })
            .await
    }
}

/// The same, within a transaction.
pub(crate) async fn bill(
    tx: &store::Tx,
    house: &House,
    meter: &Meter,
    read: Register,
) -> Result<Billed> {
    if meter.money_model()? != MoneyModel::PlatformHeld {
        return Ok(Billed::Nothing);
    }
    let Some(cursor) = billing::cursor(tx, meter.project(), meter.meter_id()).await? else {
        billing::move_cursor(tx, &first_cursor(meter, read)).await?;
        return Ok(Billed::Started);
    };
    // Equal is no use; lower was quarantined before it came here.
    if read.value <= cursor.value || read.at <= cursor.at {
        return Ok(Billed::Nothing);
    }
    bill_line(tx, house, meter, cursor, read).await
}

/// Counting starts anew at what another meter in the same place shows; what was billed stands.
///
/// Invariant: no line reaches from the register of one meter to that of another (V7); proved by
/// `the_use_of_two_meters_in_one_place_is_never_one_stretch`.
pub(crate) async fn restart(tx: &store::Tx, meter: &Meter, read: Register) -> Result<()> {
    let known = billing::cursor(tx, meter.project(), meter.meter_id()).await?;
    let first = first_cursor(meter, read);
    let cursor = match known {
        Some(known) => BillingCursor { carry: known.carry, version: known.version + 1, ..first },
        None => first,
    };
    Ok(billing::move_cursor(tx, &cursor).await?)
}

fn first_cursor(meter: &Meter, read: Register) -> BillingCursor {
    BillingCursor {
        project_id: meter.project_id,
        meter_id: meter.id,
        value: read.value,
        at: read.at,
        carry: 0,
        version: 1,
    }
}

async fn bill_line(
    tx: &store::Tx,
    house: &House,
    meter: &Meter,
    cursor: BillingCursor,
    read: Register,
) -> Result<Billed> {
    let project = meter.project();
    let mut moved = cursor.clone();
    moved.value = read.value;
    moved.at = read.at;
    moved.version = cursor.version + 1;
    let (Some(account), Some(tariff_id)) = (meter.account(), meter.tariff()) else {
        // Use of an empty room is the landlord's: counted past, not billed to the next tenant.
        billing::move_cursor(tx, &moved).await?;
        return Ok(Billed::Nothing);
    };
    let tariff = tariff::in_force(tx, project, tariff_id, read.at).await?;
    let tariff = tariff.ok_or(Refusal::NoTariff)?;
    let ratio = i64::from(meter.ct).checked_mul(i64::from(meter.pt));
    let used = read.value.checked_sub(cursor.value).zip(ratio);
    let quantity = used.and_then(|(used, ratio)| used.checked_mul(ratio));
    let quantity = quantity.ok_or(Refusal::Malformed { field: "reading" })?;
    let charge = tariff.price()?.charge(quantity, cursor.carried()?);
    let charge = charge.map_err(|_| Refusal::Malformed { field: "reading" })?;
    moved.carry = charge.carry.parts();
    let id = BillLineId::generate(house.clock(), house.rng());
    let transaction = if charge.amount.is_positive() {
        let booked = posting::consumption_billed(house, meter, account, id, charge.amount)?;
        store::ledger::post(tx, &booked).await?;
        Some(booked.id.0)
    } else {
        None
    };
    let line = BillLine {
        project_id: meter.project_id,
        id: id.0,
        meter_id: meter.id,
        account_id: account.0,
        from_at: cursor.at,
        to_at: read.at,
        from_value: cursor.value,
        to_value: read.value,
        quantity,
        tariff_id: tariff.id,
        micro_yuan: tariff.micro_yuan,
        amount_fen: charge.amount.fen(),
        carry_in: cursor.carry,
        carry_out: moved.carry,
        transaction_id: transaction,
        created_at: house.now(),
    };
    billing::add_line(tx, line).await?;
    billing::move_cursor(tx, &moved).await?;
    let purse = posting::purse_of(account, meter.purpose()?);
    let balance_fen = store::ledger::balance(tx, project, purse).await?.posted.fen();
    if balance_fen <= 0 && !meter.keeps_power() {
        let detail = json!({ "balance_fen": balance_fen, "read_at": read.at });
        job::enqueue_arrears(tx, house, meter, detail).await?;
    }
    Ok(Billed::Line { amount_fen: charge.amount.fen(), balance_fen })
}

//! Billing: a good reading of a platform-held meter becomes one bill line and one posting.

use chrono::{DateTime, Utc};
use domain::{
    AccountId, BillLineId, MeterId, MoneyModel, NoticeKind, ProjectId, arrears::low_balance_level,
};
use serde_json::json;
use store::{
    billing::{self, BASIS_FROZEN, BASIS_GAP, BillLine, BillingCursor},
    kiosk::card,
    ledger::Booking,
    meter::{self, Meter},
    reading::gap::{self, FILL_WANTED, Gap},
    tariff::{self, Tariff},
};

use crate::{
    backfill::BACK_FILL_MAX,
    gap::gap_after,
    house::House,
    job,
    notice::fact::Fact,
    posting,
    refusal::{Refusal, Result},
};

mod batch;
pub use batch::{BILL_BATCH_MAX, Read};

/// A register value that passed the plausibility rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// The register in milli-units (Wh or litres), as the meter shows it.
    pub value: i64,
    /// When it was read, by our clock; of a frozen value when it was frozen, by the meter's.
    pub at: DateTime<Utc>,
    /// The meter kept it by itself and told it later.
    pub frozen: bool,
}

impl Register {
    /// A value read just then.
    pub fn read(value: i64, at: DateTime<Utc>) -> Self {
        Register { value, at, frozen: false }
    }
}

/// What a reading led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billed {
    /// The first reading of the meter: counting starts here.
    Started,
    /// Nothing to bill: no use, nobody's meter, or not one whose money we keep.
    Nothing,
    /// The meter is still asked what it kept over a gap; the use is billed after its answer.
    Waits,
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
                    bill_in(tx, &house, &meter, read).await
                })
            })
            .await
    }
}

/// Bills a meter inside a transaction.
pub(crate) async fn bill_in(
    tx: &store::Tx,
    house: &House,
    meter: &Meter,
    read: Register,
) -> Result<Billed> {
    if meter.money_model()? != MoneyModel::PlatformHeld {
        return Ok(Billed::Nothing);
    }
    let (project, id) = (meter.project(), meter.meter_id());
    let Some(cursor) = billing::cursor(tx, project, id).await? else {
        billing::move_cursor(tx, &first_cursor(meter, read)).await?;
        return Ok(Billed::Started);
    };
    if !is_ahead(&cursor, read) {
        return Ok(Billed::Nothing);
    }
    if !card::carried(tx, &[(project, id)]).await?.is_empty() {
        billing::move_cursor(tx, &passed(&cursor, read)).await?;
        return Ok(Billed::Nothing);
    }
    let gaps = match may_span_a_gap(meter, cursor.at, read) {
        true => gap::within(tx, project, id, cursor.at, read.at).await?,
        false => Vec::new(),
    };
    let price = match meter.tariff() {
        Some(tariff) => tariff::in_force(tx, project, tariff, read.at).await?,
        None => None,
    };
    let draft = match draft(house, meter, &cursor, read, &gaps, price.as_ref())? {
        Draft::Waits => return Ok(Billed::Waits),
        Draft::Passed(moved) => {
            billing::move_cursor(tx, &moved).await?;
            return Ok(Billed::Nothing);
        }
        Draft::Line(draft) => draft,
    };
    // The cursor first, as in a batch: whoever comes second waits here and not on a purse.
    billing::move_cursor(tx, &draft.moved).await?;
    if let Some(booking) = &draft.booking {
        store::ledger::post(tx, booking).await?;
    }
    let (amount_fen, account) = (draft.line.amount_fen, AccountId(draft.line.account_id));
    let line_id = draft.line.id;
    billing::add_line(tx, draft.line).await?;
    let purse = posting::purse_of(account, meter.purpose()?);
    let balance_fen = store::ledger::balance(tx, project, purse).await?.posted.fen();
    if balance_fen <= 0 && !meter.keeps_power() {
        let detail = json!({ "balance_fen": balance_fen, "read_at": read.at });
        store::job::schedule(tx, &job::arrears_job(house, meter, detail)).await?;
    }
    let left = Left { account, line: line_id, amount_fen, balance_fen };
    let low = low_balance(house, meter, left, read.at);
    store::job::schedule_all(tx, &low.into_iter().collect::<Vec<_>>()).await?;
    Ok(Billed::Line { amount_fen, balance_fen })
}

/// What a line left in a purse.
pub(crate) struct Left {
    pub account: AccountId,
    pub line: uuid::Uuid,
    pub amount_fen: i64,
    pub balance_fen: i64,
}

/// The notice of a line that took its purse below one of the site's levels. Balances only fall
/// between two top-ups, so each level is told once until somebody pays; a line that crosses
/// several tells of the lowest.
pub(crate) fn low_balance(
    house: &House,
    meter: &Meter,
    left: Left,
    at: DateTime<Utc>,
) -> Option<store::job::Job> {
    let levels = &house.settings().notices.low_balance_fen;
    let before = left.balance_fen.saturating_add(left.amount_fen);
    let crossed = low_balance_level(left.balance_fen, levels) > low_balance_level(before, levels);
    let told = crossed.then(|| Fact::new(NoticeKind::LowBalance, left.account, at))?;
    let told = Fact { meter: Some(meter.id), balance_fen: Some(left.balance_fen), ..told };
    Some(told.job(house, meter.project(), &format!("low-balance:{}", left.line)))
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

/// Equal is no use; lower was quarantined before it came here.
pub(crate) fn is_ahead(cursor: &BillingCursor, read: Register) -> bool {
    read.value > cursor.value && read.at > cursor.at
}

/// Whether the stretch is so long that a gap may lie in it: only then anybody looks.
pub(crate) fn may_span_a_gap(meter: &Meter, from: DateTime<Utc>, read: Register) -> bool {
    read.at - from > gap_after(meter.reading_interval_s)
}

pub(crate) fn first_cursor(meter: &Meter, read: Register) -> BillingCursor {
    BillingCursor {
        project_id: meter.project_id,
        meter_id: meter.id,
        value: read.value,
        at: read.at,
        carry: 0,
        version: 1,
    }
}

/// The cursor behind a reading nothing is billed for. A meter that is sold to with its card takes
/// what it uses from what lies in it: its purse pays for the card alone.
///
/// Invariant: what was paid for by card is never billed again (I17); proved by
/// `a_meter_that_is_sold_to_by_card_is_not_billed_from_its_purse`.
pub(crate) fn passed(cursor: &BillingCursor, read: Register) -> BillingCursor {
    let version = cursor.version + 1;
    BillingCursor { value: read.value, at: read.at, version, ..cursor.clone() }
}

/// What a reading ahead of the cursor means, decided and not yet written.
pub(crate) enum Draft {
    /// Nothing is billed before the meter has told what it kept.
    Waits,
    /// Use of an empty room is the landlord's: counted past, not billed to the next tenant.
    Passed(BillingCursor),
    /// A line.
    Line(Box<DraftLine>),
}

/// A bill line with all that goes with it.
pub(crate) struct DraftLine {
    pub moved: BillingCursor,
    pub line: BillLine,
    /// Absent below one fen.
    pub booking: Option<Booking>,
}

/// Decides what a reading ahead of the cursor means; `gaps` are those of the stretch, `price` is
/// the tariff in force when it was read. Pure but for ids: one by one and in batches alike.
pub(crate) fn draft(
    house: &House,
    meter: &Meter,
    cursor: &BillingCursor,
    read: Register,
    gaps: &[Gap],
    price: Option<&Tariff>,
) -> Result<Draft> {
    let asked = |gap: &Gap| {
        gap.back_fill == FILL_WANTED && gap.to_at.is_some_and(|to| read.at <= to + BACK_FILL_MAX)
    };
    if !read.frozen && gaps.iter().any(asked) {
        return Ok(Draft::Waits);
    }
    let mut moved = passed(cursor, read);
    let (Some(account), Some(_)) = (meter.account(), meter.tariff()) else {
        return Ok(Draft::Passed(moved));
    };
    let tariff = price.ok_or(Refusal::NoTariff)?;
    let ratio = i64::from(meter.ct).checked_mul(i64::from(meter.pt));
    let used = read.value.checked_sub(cursor.value).zip(ratio);
    let quantity = used.and_then(|(used, ratio)| used.checked_mul(ratio));
    let quantity = quantity.ok_or(Refusal::Malformed { field: "reading" })?;
    let charge = tariff.price()?.charge(quantity, cursor.carried()?);
    let charge = charge.map_err(|_| Refusal::Malformed { field: "reading" })?;
    moved.carry = charge.carry.parts();
    let id = BillLineId::generate(house.clock(), house.rng());
    let booking = match charge.amount.is_positive() {
        true => Some(posting::consumption_billed(house, meter, account, id, charge.amount)?),
        false => None,
    };
    let basis = match (read.frozen, gaps.is_empty()) {
        (true, _) => Some(BASIS_FROZEN),
        (false, false) => Some(BASIS_GAP),
        (false, true) => None,
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
        transaction_id: booking.as_ref().map(|booking| booking.id.0),
        created_at: house.now(),
        basis: basis.map(str::to_owned),
    };
    Ok(Draft::Line(Box::new(DraftLine { moved, line, booking })))
}

//! The guided way out for a meter that was replaced or whose wallet was initialised (换表, V7).
//!
//! Two persons say what they saw of the old meter and what the new one shows. One life of the
//! place ends and the next begins: what was in doubt is settled by what they saw, what waits moves
//! over, what the old meter still held is carried to the new one by an ordinary vend, and no
//! reading of the one is ever counted together with a reading of the other.

use chrono::{DateTime, Utc};
use domain::{
    AccountId, MeterId, MoneyModel, OperatorId, ProjectId, VendId,
    vend::{CountRule, Evidence, Finding, Proof},
};
use store::{
    StoreError, Tx, billing,
    meter::{self, Change, Meter},
    meter_epoch::{self, Ended},
    order::Order,
    vend, work_item,
};

use super::carry::{self, Settled};
use crate::{
    billing::Register,
    house::House,
    job,
    refusal::{Refusal, Result, VendingError},
    supply::switch::Wanted,
    vend::{exchange, resolve},
};

/// The highest amount a meter's display shows, in fen: `XXXXXX.XX` yuan (`meters.md` A.6).
pub const DISPLAY_FEN_MAX: i64 = 99_999_999;
/// The highest register a meter shows, in Wh or litres: `XXXXXX.XX` (`meters.md` A.7).
pub const REGISTER_MAX: i64 = 999_999_990;
/// The highest purchase count a meter shows.
pub const COUNT_MAX: i64 = 9_999;

/// Work items about deliveries that a replacement settles.
const SETTLED_KINDS: [&str; 5] = [
    "vend.quarantined",
    "vend.needs_operator",
    "vend.unreadable",
    "vend.refused",
    "vend.exhausted",
];

/// What a meter showed, or what was last read of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The purchase count; needed of a new meter that keeps one.
    pub count: Option<i64>,
    /// The money left, in fen; a debt is below zero. Needed where the meter keeps the money.
    pub balance_fen: Option<i64>,
    /// The register of use, in Wh or litres; needed of a new meter whose use is billed.
    pub register: Option<i64>,
}

/// What two persons say about a meter that was replaced, or initialised where it hangs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The life that ends, as the persons know it. It makes a repeat a repeat.
    pub epoch: i32,
    /// The meter that is taken away.
    pub old: Shown,
    /// The meter in its place.
    pub new: Shown,
    /// The number on the new meter's face; `None` where the same meter was initialised.
    pub meter_no: Option<String>,
    /// The new meter's address on the bus; `None` where it stays.
    pub address: Option<String>,
    /// What became of a purchase in doubt, by the old meter's display.
    pub open: Option<Finding>,
    /// Who looked.
    pub operator: OperatorId,
    /// Who agreed.
    pub second: OperatorId,
    /// What happened, in their words.
    pub reason: String,
}

/// What a replacement did, or would do.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// The place afterwards.
    pub meter: Meter,
    /// The life that ended, with what was booked: used, found, carried.
    pub ended: Ended,
    /// The order that carries the rest to the new meter, if there is a rest.
    pub order: Option<Order>,
    /// The purchase in doubt that was settled by this.
    pub settled: Option<VendId>,
    /// Paid purchases that wait for the new meter.
    pub moved: Vec<VendId>,
    /// What somebody has to settle by hand besides, in fen: a debt on the old meter is below zero,
    /// a rest that could not be set aside above.
    pub by_hand_fen: i64,
    /// True when it had been done before and nothing changed.
    pub repeated: bool,
}

/// Why the transaction of a replacement ended without a commit.
enum Stop {
    /// It was a dry run.
    Dry(Box<Replaced>),
    Failed(VendingError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Failed(error.into())
    }
}

impl House {
    /// Ends one life of a meter's place and begins the next; a dry run does the same and undoes it.
    ///
    /// Invariant: however often it is told, a life ends once and its rest is carried once (V7);
    /// proved by `a_replaced_meter_gets_the_rest_of_the_old_one_once`.
    ///
    /// Errors: [`Refusal::DeliveryInDoubt`] while a purchase may still reach the old meter or
    /// nobody said what became of it, [`Refusal::AlreadyReplaced`] when the life ended with other
    /// figures, [`Refusal::Malformed`] naming the figure that contradicts the books.
    pub async fn replace_meter(
        &self,
        project: ProjectId,
        id: MeterId,
        wish: Replacement,
        dry_run: bool,
    ) -> Result<Replaced> {
        let house = self.clone();
        let told = self.store().transact(move |tx| {
            Box::pin(async move {
                let done = replace(tx, &house, project, id, &wish).await.map_err(Stop::Failed)?;
                if dry_run { Err(Stop::Dry(Box::new(done))) } else { Ok(done) }
            })
        });
        match told.await {
            Ok(done) => {
                self.light(&done).await?;
                Ok(done)
            }
            Err(Stop::Dry(done)) => Ok(*done),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// A new meter may come with its relay open: whoever has money gets light.
    async fn light(&self, done: &Replaced) -> Result<()> {
        let meter = &done.meter;
        let ours = meter.money_model()? == MoneyModel::PlatformHeld;
        let Some(account) = meter.account().filter(|_| ours && !done.repeated) else {
            return Ok(());
        };
        let purse = crate::posting::purse_of(account, meter.purpose()?);
        let balance = store::ledger::balance(self.store().read(), meter.project(), purse).await?;
        if !balance.posted.is_positive() {
            return Ok(());
        }
        match self.steer_supply(meter.project(), meter.meter_id(), Wanted::On).await {
            Err(VendingError::Refused(Refusal::NotSupported)) => Ok(()),
            other => other,
        }
    }
}

async fn replace(
    tx: &Tx,
    house: &House,
    project: ProjectId,
    id: MeterId,
    wish: &Replacement,
) -> Result<Replaced> {
    let row = meter::by_id(tx, project, id).await?;
    let row = row.filter(|row| row.state != "removed");
    let row = row.ok_or(Refusal::NotFound { what: "meter" })?;
    if let Some(ended) = meter_epoch::by_epoch(tx, project, id, wish.epoch).await? {
        return repeated(tx, row, ended, wish).await;
    }
    if wish.epoch != row.epoch {
        return Err(Refusal::Malformed { field: "epoch" }.into());
    }
    check(house, &row, wish)?;
    let identity = identity(tx, house, &row, wish).await?;
    let now = house.now();
    let (row, settled) = settle_doubt(tx, house, row, wish, now).await?;
    if wish.old.count.zip(row.purchase_count).is_some_and(|(seen, proven)| seen < proven) {
        // The old meter has taken every purchase that was proven; it cannot show fewer.
        return Err(Refusal::Malformed { field: "old.count" }.into());
    }
    let money = match row.money_model()? {
        MoneyModel::MeterHeld => carry::settle_value(tx, house, &row, (wish.old, wish.new)).await?,
        MoneyModel::PlatformHeld => {
            settle_register(tx, house, &row, wish, now).await?;
            Settled::default()
        }
    };
    let before = (row.meter_no.clone(), row.address.clone());
    let change = Change {
        epoch: Some(row.epoch + 1),
        purchase_count: Some(wish.new.count),
        state: Some(("in-service", None)),
        identity: Some(identity),
        ..Default::default()
    };
    let row = meter::change(tx, &row, change).await?;
    let moved = move_waiting(tx, house, &row, now).await?;
    let carried = carry::carry(tx, house, &row, &money, wish).await?;
    let ended = ended(&row, before, wish, &money, carried.order.as_ref(), now);
    meter_epoch::end(tx, ended.clone()).await?;
    let by_hand_fen = carried.by_hand_fen;
    let order = carried.order;
    Ok(Replaced { meter: row, ended, order, settled, moved, by_hand_fen, repeated: false })
}

/// The same story told again changes nothing; another story about the same life is refused.
async fn repeated(tx: &Tx, meter: Meter, ended: Ended, wish: &Replacement) -> Result<Replaced> {
    let other = |told: &Option<String>, known: &str| told.as_ref().is_some_and(|t| t != known);
    let differs = [
        ("old.count", ended.old_count != wish.old.count),
        ("old.balance_fen", ended.old_balance_fen != wish.old.balance_fen),
        ("old.register", ended.old_register != wish.old.register),
        ("new.count", ended.new_count != wish.new.count),
        ("new.balance_fen", ended.new_balance_fen != wish.new.balance_fen),
        ("new.register", ended.new_register != wish.new.register),
        ("meter_no", other(&wish.meter_no, &ended.new_meter_no)),
        ("address", other(&wish.address, &ended.new_address)),
    ];
    if let Some((field, _)) = differs.into_iter().find(|(_, differs)| *differs) {
        return Err(Refusal::AlreadyReplaced { field }.into());
    }
    let project = meter.project();
    let order = match ended.order_id {
        Some(id) => store::order::by_id(tx, project, domain::OrderId(id)).await?,
        None => None,
    };
    let (settled, moved) = (None, Vec::new());
    Ok(Replaced { meter, ended, order, settled, moved, by_hand_fen: 0, repeated: true })
}

/// What the persons say has to be whole and within what a meter can show.
fn check(house: &House, row: &Meter, wish: &Replacement) -> Result<()> {
    if wish.reason.trim().is_empty() {
        return Err(Refusal::ReasonMissing.into());
    }
    super::check_text("reason", &wish.reason)?;
    if wish.operator == wish.second {
        return Err(Refusal::Malformed { field: "second" }.into());
    }
    let held = row.money_model()? == MoneyModel::MeterHeld;
    let counted = matches!(exchange::count_rule(house, &row.profile), CountRule::Counted { .. });
    let within = |value: Option<i64>, min: i64, max: i64| match value {
        Some(value) => (min..=max).contains(&value),
        None => true,
    };
    let (old, new) = (&wish.old, &wish.new);
    let wrong = [
        ("old.balance_fen", held && old.balance_fen.is_none()),
        ("new.balance_fen", held && new.balance_fen.is_none()),
        ("new.count", held && counted && new.count.is_none()),
        ("new.register", !held && new.register.is_none()),
        ("old.balance_fen", !within(old.balance_fen, -DISPLAY_FEN_MAX, DISPLAY_FEN_MAX)),
        ("new.balance_fen", !within(new.balance_fen, 0, DISPLAY_FEN_MAX)),
        ("old.count", !within(old.count, 0, COUNT_MAX)),
        ("new.count", !within(new.count, 0, COUNT_MAX)),
        ("old.register", !within(old.register, 0, REGISTER_MAX)),
        ("new.register", !within(new.register, 0, REGISTER_MAX)),
    ];
    match wrong.into_iter().find(|(_, wrong)| *wrong) {
        Some((field, _)) => Err(Refusal::Malformed { field }.into()),
        None => Ok(()),
    }
}

/// The number and address the place has from now on.
async fn identity(
    tx: &Tx,
    house: &House,
    row: &Meter,
    wish: &Replacement,
) -> Result<(String, String)> {
    let meter_no = wish.meter_no.clone().unwrap_or_else(|| row.meter_no.clone());
    super::check_text("meter_no", &meter_no)?;
    if meter_no != row.meter_no && meter::by_no(tx, row.project(), &meter_no).await?.is_some() {
        return Err(Refusal::Malformed { field: "meter_no" }.into());
    }
    let address = wish.address.clone().unwrap_or_else(|| row.address.clone());
    if address != row.address {
        let profile = house.gateway().profiles().get(&row.profile);
        let fits = profile.is_some_and(|profile| gateway::line::is_address(profile, &address));
        let place = (row.gateway(), row.bus);
        let taken = meter::by_address(tx, place, &address).await?.is_some();
        if !fits || taken {
            return Err(Refusal::Malformed { field: "address" }.into());
        }
    }
    Ok((meter_no, address))
}

/// Settles the purchase whose outcome is not known, by the old meter's display; refuses while
/// nobody said what became of it. There is one at most: a meter's vends go one after the other.
async fn settle_doubt(
    tx: &Tx,
    house: &House,
    row: Meter,
    wish: &Replacement,
    now: DateTime<Utc>,
) -> Result<(Meter, Option<VendId>)> {
    let (mut meter, mut settled) = (row, None);
    for open in vend::open(tx, meter.project(), Some(meter.meter_id())).await? {
        let saga = house.stored_saga(tx, &open, &meter).await?;
        if saga.state.is_harmless() {
            continue;
        }
        let finding = wish.open.filter(|_| saga.state.is_in_doubt());
        let finding = finding.ok_or(Refusal::DeliveryInDoubt)?;
        let count = wish.old.count.and_then(|count| u32::try_from(count).ok());
        let evidence = Evidence {
            operator: wish.operator,
            second: wish.second,
            reason: wish.reason.clone(),
            seen: Proof { count, balance_fen: wish.old.balance_fen, ..Default::default() },
        };
        settled = Some(open.vend_id());
        let ruling = (finding, evidence);
        let (after, changed) = resolve::settle(tx, house, (open, meter), saga, ruling, now).await?;
        meter = changed;
        if finding == Finding::NotDelivered {
            // Its money is due on the new meter: set aside anew, it waits with the others.
            let saga = house.stored_saga(tx, &after, &meter).await?;
            resolve::start_anew(tx, house, &after, &meter, &saga).await?;
        }
    }
    Ok((meter, settled))
}

/// Paid purchases that never left start again on the new meter.
async fn move_waiting(
    tx: &Tx,
    house: &House,
    row: &Meter,
    now: DateTime<Utc>,
) -> Result<Vec<VendId>> {
    let mut moved = Vec::new();
    for open in vend::open(tx, row.project(), Some(row.meter_id())).await? {
        let saga = house.stored_saga(tx, &open, row).await?;
        let after = resolve::start_anew(tx, house, &open, row, &saga).await?;
        job::schedule_vend(tx, house, &after, row).await?;
        let subject = after.order_id.to_string();
        for kind in SETTLED_KINDS {
            let how = "meter replaced";
            work_item::close_about(tx, row.project(), kind, &subject, how, now).await?;
        }
        moved.push(after.vend_id());
    }
    Ok(moved)
}

/// Bills the old meter to its end and starts counting at what the new one shows.
async fn settle_register(
    tx: &Tx,
    house: &House,
    row: &Meter,
    wish: &Replacement,
    now: DateTime<Utc>,
) -> Result<()> {
    let (project, id) = (row.project(), row.meter_id());
    if let Some(last) = wish.old.register {
        let cursor = billing::cursor(tx, project, id).await?;
        if cursor.is_some_and(|cursor| last < cursor.value) {
            // More was read and billed than the old meter is said to have shown.
            return Err(Refusal::Malformed { field: "old.register" }.into());
        }
        crate::billing::bill_in(tx, house, row, Register { value: last, at: now, frozen: false })
            .await?;
    }
    let value = wish.new.register.ok_or(Refusal::Malformed { field: "new.register" })?;
    crate::billing::restart(tx, row, Register { value, at: now, frozen: false }).await
}

fn ended(
    row: &Meter,
    (old_meter_no, old_address): (String, String),
    wish: &Replacement,
    money: &Settled,
    order: Option<&Order>,
    now: DateTime<Utc>,
) -> Ended {
    Ended {
        project_id: row.project_id,
        meter_id: row.id,
        epoch: wish.epoch,
        ended_at: now,
        operator_id: wish.operator.0,
        second_id: wish.second.0,
        reason: wish.reason.clone(),
        old_meter_no,
        old_address,
        old_count: wish.old.count,
        old_balance_fen: wish.old.balance_fen,
        old_register: wish.old.register,
        new_meter_no: row.meter_no.clone(),
        new_address: row.address.clone(),
        new_count: wish.new.count,
        new_balance_fen: wish.new.balance_fen,
        new_register: wish.new.register,
        used_fen: money.used_fen,
        found_fen: money.found_fen,
        carried_fen: money.carried_fen,
        order_id: order.map(|order| order.id),
    }
}

/// The account whose money is on a meter, if the room is let.
pub(super) fn holder(row: &Meter) -> Result<AccountId> {
    Ok(row.account().ok_or(Refusal::MeterUnassigned)?)
}

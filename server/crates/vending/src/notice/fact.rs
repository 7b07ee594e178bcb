//! Facts people are told of. Each is written as a job into the transaction that makes it true;
//! everything else happens later and stands in nobody's way.

use chrono::{DateTime, Utc};
use domain::{AccountId, NoticeKind, ProjectId};
use serde::{Deserialize, Serialize};
use store::{
    StoreError, Tx,
    binding::{self, Binding},
    job::{self, Job},
    meter::Meter,
    order::Order,
};
use uuid::Uuid;

use crate::house::House;

/// How long a top-up that arrived waits for its light before it is told, so that both are told at
/// once.
pub(crate) const LIGHT_WAIT: std::time::Duration = std::time::Duration::from_secs(20);

/// Nobody waits for a notice who waits for money or light.
const PRIORITY: i16 = job::PRIORITY_MAX;

/// A fact, as it stands in its job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fact {
    /// What is told.
    pub kind: String,
    /// The account whose people are told.
    pub account: Uuid,
    /// The order it is about.
    pub order: Option<Uuid>,
    /// The meter it is about.
    pub meter: Option<Uuid>,
    /// Whom it is told to where they are no longer bound to the account.
    #[serde(default)]
    pub people: Vec<Uuid>,
    /// An amount that only the fact knows, in fen.
    #[serde(default)]
    pub amount_fen: Option<i64>,
    /// What the purse held then, in fen.
    #[serde(default)]
    pub balance_fen: Option<i64>,
    /// The hour of a cut that is announced.
    #[serde(default)]
    pub cut_at: Option<DateTime<Utc>>,
    /// True where the amount that brings the light back is to be told.
    #[serde(default)]
    pub restore: bool,
    /// When it happened.
    pub at: DateTime<Utc>,
}

impl Fact {
    /// A fact about an account and nothing else.
    pub fn new(kind: NoticeKind, account: AccountId, at: DateTime<Utc>) -> Fact {
        Fact {
            kind: kind.as_str().to_owned(),
            account: account.0,
            order: None,
            meter: None,
            people: Vec::new(),
            amount_fen: None,
            balance_fen: None,
            cut_at: None,
            restore: false,
            at,
        }
    }

    /// A fact about an order, with its amount.
    pub fn of_order(kind: NoticeKind, order: &Order, at: DateTime<Utc>) -> Fact {
        Fact {
            order: Some(order.id),
            meter: Some(order.meter_id),
            amount_fen: Some(order.amount_fen),
            ..Fact::new(kind, AccountId(order.account_id), at)
        }
    }

    /// A fact about a meter; `None` where nobody lives behind it.
    pub fn of_meter(kind: NoticeKind, meter: &Meter, at: DateTime<Utc>) -> Option<Fact> {
        let fact = Fact::new(kind, meter.account()?, at);
        Some(Fact { meter: Some(meter.id), ..fact })
    }

    /// The job that tells it. The reason is its key: one message per reason, for ever.
    pub(crate) fn job(&self, house: &House, project: ProjectId, reason: &str) -> Job {
        Job {
            payload: serde_json::to_string(self).unwrap_or_default(),
            priority: PRIORITY,
            ..crate::job::draft(house, project, "notice", reason, house.now())
        }
    }
}

/// Notes a fact in the transaction that makes it true; a second time it changes nothing.
pub async fn note(
    tx: &Tx,
    house: &House,
    project: ProjectId,
    (fact, reason): (&Fact, &str),
) -> Result<(), StoreError> {
    job::insert(tx, &fact.job(house, project, reason)).await?;
    Ok(())
}

/// Notes that a top-up arrived; it is told a little later, or at once when the light is back.
pub(crate) async fn note_credited(
    tx: &Tx,
    house: &House,
    order: &Order,
    lit: bool,
) -> Result<(), StoreError> {
    let now = house.now();
    let fact = Fact::of_order(NoticeKind::Credited, order, now);
    let job = fact.job(house, order.project(), &format!("credited:{}", order.id));
    if lit {
        return job::schedule(tx, &job).await;
    }
    let wait = crate::job::span(house.paced(LIGHT_WAIT));
    job::insert(tx, &Job { run_at: now + wait, ..job }).await?;
    Ok(())
}

/// Notes that somebody belongs to a home now, in the transaction that binds them; everybody there
/// is told.
pub async fn note_bound(tx: &Tx, house: &House, binding: &Binding) -> Result<(), StoreError> {
    let fact = Fact::new(NoticeKind::BindingAdded, binding.account(), house.now());
    let reason = format!("binding-added:{}", binding.id);
    note(tx, house, ProjectId(binding.project_id), (&fact, &reason)).await
}

/// Notes that bindings of one account end together, in the transaction that ends them and before
/// it does: whoever goes is told, and whoever stays.
pub async fn note_unbound(tx: &Tx, house: &House, ending: &[Binding]) -> Result<(), StoreError> {
    let Some(first) = ending.first() else { return Ok(()) };
    let project = ProjectId(first.project_id);
    let bound = binding::of_account(tx, project, first.account()).await?;
    let mut people: Vec<_> = bound.iter().map(|one| one.person_id).collect();
    for one in ending {
        if !people.contains(&one.person_id) {
            people.push(one.person_id);
        }
    }
    let fact = Fact::new(NoticeKind::BindingEnded, first.account(), house.now());
    let reason = format!("binding-ended:{}", first.id);
    note(tx, house, project, (&Fact { people, ..fact }, &reason)).await
}

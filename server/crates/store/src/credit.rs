//! The hot path of money: decided payments applied in batches, one statement per table.
//!
//! `vending` decides what a payment means; here it is applied whole or not at all. The unique
//! keys say who was first.

use chrono::{DateTime, Utc};
use ledger::HoldChange;
use tokio::sync::oneshot;

use crate::{
    Store, StoreError,
    entity::{job, provider_fact, vend, work_item},
    ledger::Booking,
    order::Order,
    store::{Lane, enqueue},
    writer::Work,
};

mod apply;
pub(crate) mod lane;
mod sql;
pub(crate) mod target;
pub(crate) use apply::apply;
pub(crate) use sql::sql_of_books;
pub use target::Target;

/// A payment with everything it changes, decided beforehand.
#[derive(Clone, Debug)]
pub struct Credit {
    /// What the provider, or the counter, confirmed; verdict `credited`. Its key and its
    /// `out_trade_no` keep the money single.
    pub fact: provider_fact::Model,
    /// The order to be moved from placed or closed to credited.
    pub order: Order,
    /// The attempt to be moved to paid.
    pub attempt: Option<uuid::Uuid>,
    /// What is booked, the payment first; then, for a meter that keeps its money itself, the
    /// transaction that sets it aside. Purses among the accounts are brought up to date.
    pub bookings: Vec<Booking>,
    /// The vend that carries the money to a meter that keeps it itself.
    pub vend: Option<vend::Model>,
    /// What is to be done next; a job that is already there is left alone.
    pub jobs: Vec<job::Model>,
    /// What a person has to do about it.
    pub items: Vec<work_item::Model>,
    /// Lines for the order's timeline: kind, moment, detail.
    pub events: Vec<(String, DateTime<Utc>, serde_json::Value)>,
    /// The moment of the credit.
    pub at: DateTime<Utc>,
}

/// What became of a credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credited {
    /// Applied now, and durable.
    New,
    /// The same fact was credited before; nothing changed.
    Already,
    /// The order cannot take it (paid by another trade, refunded, held), or the fact is known with
    /// other contents. Nothing changed; the slow path has to decide.
    NeedsReview,
}

impl Store {
    /// Applies a decided payment, together with all that are waiting; answers when it is durable
    /// (I4).
    ///
    /// Invariant: at most one credit per provider trade number and per `out_trade_no`, for ever
    /// (I3); proved by `a_hundred_parallel_copies_of_a_credit_are_one_credit`.
    ///
    /// Errors: [`StoreError::Refused`] if this credit breaks a rule of the schema (its neighbours
    /// are applied all the same), [`StoreError::Overloaded`], [`StoreError::Stopped`],
    /// [`StoreError::CommitUnknown`]: say it again later, the key decides.
    pub async fn credit(&self, credit: Credit) -> Result<Credited, StoreError> {
        check(&credit)?;
        let (unit, answer) = CreditUnit::new(credit);
        let (Lane::Sqlite(queue) | Lane::Postgres(queue)) = &self.parts.lane;
        enqueue(queue, Work::Credit(Box::new(unit)))?;
        answer.await.unwrap_or(Err(StoreError::Stopped))
    }
}

/// A credit that contradicts itself never reaches the database.
fn check(credit: &Credit) -> Result<(), StoreError> {
    let (project, order) = (credit.fact.project_id, Some(credit.order.id));
    let wrong = [
        ("order", credit.order.project_id != project || credit.fact.order_id != order),
        ("verdict", credit.fact.verdict != "credited"),
        ("payment", credit.bookings.first().map(|b| b.id.0) != credit.fact.transaction_id),
        ("bookings", credit.bookings.iter().any(|b| b.project.0 != project || ends_a_hold(b))),
        ("jobs", credit.jobs.iter().any(|job| job.project_id != project)),
        ("items", credit.items.iter().any(|item| item.project_id != project)),
        ("vend", credit.vend.as_ref().is_some_and(|v| Some(v.order_id) != order)),
    ];
    match wrong.into_iter().find(|(_, wrong)| *wrong) {
        Some((part, _)) => Err(StoreError::Refused(format!("the {part} of the credit disagrees"))),
        None => Ok(()),
    }
}

/// A payment may set money aside; it never ends what was set aside before.
fn ends_a_hold(booking: &Booking) -> bool {
    !matches!(booking.transaction.hold, None | Some(HoldChange::Place { .. }))
}

/// A credit on its way through the writer.
pub(crate) struct CreditUnit {
    credit: Credit,
    outcome: Option<Result<Credited, StoreError>>,
    reply: oneshot::Sender<Result<Credited, StoreError>>,
}

impl CreditUnit {
    fn new(credit: Credit) -> (Self, oneshot::Receiver<Result<Credited, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (CreditUnit { credit, outcome: None, reply }, answer)
    }

    /// Answers after the commit has returned.
    pub(crate) fn answer(self) {
        let _ = self.reply.send(self.outcome.unwrap_or(Err(StoreError::Stopped)));
    }

    /// Answers after the batch was lost.
    pub(crate) fn refuse(self, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }

    /// Forgets the outcome of a batch that is tried again.
    pub(crate) fn forget(&mut self) {
        self.outcome = None;
    }
}

//! Payments: an attempt is stored, then sent; what the providers prove is reduced to money once.

pub mod call;
pub mod certificate;
pub mod reduce;
pub mod sweep;

use std::time::Duration;

use chrono::TimeDelta;
use connector::Outcome;
use domain::{AttemptId, AttemptState, OrderId, OrderState, ProjectId};
use serde_json::json;
use store::{
    attempt::{self, ATTEMPTS_MAX, Attempt},
    order::Order,
    timeline,
};

use crate::{
    house::House,
    job,
    payment::call::{Payer, PayerHint},
    refusal::{Refusal, Result, VendingError},
};

/// What the client needs to let the tenant pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The attempt behind it.
    pub attempt: Attempt,
    /// The QR content, prepay id or page.
    pub hint: PayerHint,
}

/// How often the provider's answer is noted again after somebody else changed the attempt.
const NOTE_TRIES_MAX: u32 = 5;

impl House {
    /// Has an order paid through the provider behind its channel: stores an attempt, then asks the
    /// provider. An attempt that is still open is offered again instead of making another number.
    ///
    /// Invariant: nothing is sent to a provider before the attempt with its number is committed
    /// (F5 a, F4 no. 1); proved by `a_callback_that_overtakes_the_create_response_credits_once`.
    pub async fn start_payment(&self, order: &Order, payer: Payer) -> Result<Offer> {
        if !order.state()?.is_payable() || order.expires_at <= self.now() {
            return Err(Refusal::WrongState { state: order.state()? }.into());
        }
        let channel = order.channel()?;
        let provider = channel.provider().ok_or(Refusal::ChannelNotOffered)?;
        let merchant = self.merchants().of_project(order.project(), provider);
        let merchant = merchant.ok_or(Refusal::ChannelNotOffered)?;
        let known = attempt::of_order(self.store().read(), order.project(), order.order_id());
        let known = known.await?;
        if let Some(open) = known.iter().rev().find(|a| is_open(a)) {
            if let Some(text) = &open.payer_hint {
                let hint = PayerHint::from_json(text).ok_or(Refusal::ProviderUnreachable)?;
                return Ok(Offer { attempt: open.clone(), hint });
            }
            return self.send_attempt(order, open.clone(), &payer).await;
        }
        if known.len() >= ATTEMPTS_MAX {
            return Err(Refusal::WrongState { state: order.state()? }.into());
        }
        let fresh = self.draft_attempt(order, merchant.id, known.len());
        let stored = fresh.clone();
        let house = self.clone();
        let order_row = order.clone();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    attempt::insert(tx, &stored).await?;
                    let detail = json!({ "out_trade_no": stored.out_trade_no });
                    timeline::add(tx, &order_row, "attempted", stored.created_at, detail).await?;
                    job::enqueue_query(tx, &house, &stored).await?;
                    Ok::<_, VendingError>(())
                })
            })
            .await?;
        self.send_attempt(order, fresh, &payer).await
    }

    fn draft_attempt(&self, order: &Order, merchant: domain::MerchantId, before: usize) -> Attempt {
        let now = self.now();
        let number = i32::try_from(before + 1).unwrap_or(i32::MAX);
        let first = self.paced(domain::retry::payment_query_delay(0));
        Attempt {
            project_id: order.project_id,
            id: AttemptId::generate(self.clock(), self.rng()).0,
            order_id: order.id,
            attempt_no: number,
            merchant_id: merchant.0,
            channel: order.channel.clone(),
            out_trade_no: format!("{}{number:02}", order.order_no),
            state: AttemptState::Created.as_str().to_owned(),
            amount_fen: order.amount_fen,
            payer_hint: None,
            created_at: now,
            next_check_at: Some(now + TimeDelta::from_std(first).unwrap_or_default()),
            checks: 0,
            last_error: None,
            version: 1,
        }
    }

    /// Asks the provider to open the stored attempt and keeps what the payer needs.
    async fn send_attempt(&self, order: &Order, row: Attempt, payer: &Payer) -> Result<Offer> {
        let merchant = self.merchants().by_id(row.merchant());
        let merchant = merchant.ok_or(Refusal::ChannelNotOffered)?;
        let outcome = call::place(self, &merchant, order, &row, payer).await?;
        let mut refused = false;
        let (state, hint, error) = match outcome {
            Outcome::Done(hint) => (AttemptState::Awaiting, Some(hint), None),
            Outcome::Declined(why) | Outcome::OurFault(why) if why.authenticated => {
                (AttemptState::Declined, None, Some(why.code))
            }
            // A refusal nobody signed is a hint: the number may be known to the provider, so it is
            // queried until its end is proven, and never replaced (F4 no. 2, 28).
            Outcome::Declined(why) | Outcome::OurFault(why) => {
                refused = true;
                (AttemptState::Unknown, None, Some(why.code))
            }
            Outcome::Unknown(why) => (AttemptState::Unknown, None, Some(format!("{why:?}"))),
            Outcome::Theirs(why) => (AttemptState::Created, None, Some(why.code)),
        };
        let text = hint.as_ref().map(PayerHint::to_json);
        let changed = self.note_placed(order, row.clone(), state, text, error.clone()).await?;
        match (hint, state, error) {
            (Some(hint), ..) => Ok(Offer { attempt: changed, hint }),
            (None, state, Some(code)) if refused || state == AttemptState::Declined => {
                Err(Refusal::ProviderRefused { code }.into())
            }
            _ => Err(Refusal::ProviderUnreachable.into()),
        }
    }

    /// Notes the provider's answer. A query or a callback may change the attempt between our look
    /// and our write; nothing was written then, so we look again: the payer still needs the code.
    async fn note_placed(
        &self,
        order: &Order,
        row: Attempt,
        state: AttemptState,
        hint: Option<String>,
        error: Option<String>,
    ) -> Result<Attempt> {
        for _ in 1..NOTE_TRIES_MAX {
            let noted = self.note_once(order, row.clone(), state, hint.clone(), error.clone());
            match noted.await {
                Err(VendingError::Store(store::StoreError::Gone(_))) => {}
                done => return done,
            }
        }
        self.note_once(order, row, state, hint, error).await
    }

    async fn note_once(
        &self,
        order: &Order,
        row: Attempt,
        state: AttemptState,
        hint: Option<String>,
        error: Option<String>,
    ) -> Result<Attempt> {
        let now = self.now();
        let order = order.clone();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let fresh = attempt::by_id(tx, row.project(), row.attempt_id()).await?;
                    let fresh = fresh.unwrap_or(row);
                    let change = attempt::Change {
                        // A callback may have been faster than the answer: what it proved stands.
                        state: fresh.state()?.needs_query().then_some(state),
                        payer_hint: hint,
                        last_error: Some(error.clone()),
                        ..Default::default()
                    };
                    let changed = attempt::change(tx, &fresh, change).await?;
                    let detail = json!({ "state": changed.state, "error": error });
                    timeline::add(tx, &order, "provider-answered", now, detail).await?;
                    Ok::<_, VendingError>(changed)
                })
            })
            .await
    }

    /// Cancels an order the tenant no longer wants: query → close → query (P1). The answer tells
    /// where the order stands afterwards; it may be paid.
    pub async fn cancel_order(&self, project: ProjectId, id: OrderId) -> Result<Order> {
        let order = self.order(project, id).await?;
        if !order.state()?.is_payable() {
            return Err(Refusal::WrongState { state: order.state()? }.into());
        }
        let attempts = attempt::of_order(self.store().read(), project, id).await?;
        for row in attempts.iter().filter(|a| is_open(a)) {
            self.settle_attempt(row.attempt_id(), project, sweep::Wish::Close).await?;
        }
        self.close_if_unpaid(project, id, "cancelled").await?;
        self.order(project, id).await
    }

    /// Closes an order none of whose attempts can still be paid, as far as the providers proved.
    pub(crate) async fn close_if_unpaid(
        &self,
        project: ProjectId,
        id: OrderId,
        why: &'static str,
    ) -> Result<bool> {
        let now = self.now();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let Some(order) = store::order::by_id(tx, project, id).await? else {
                        return Ok(false);
                    };
                    let attempts = attempt::of_order(tx, project, id).await?;
                    let open = attempts.iter().any(is_open);
                    if order.state()? != OrderState::Placed || open {
                        return Ok(false);
                    }
                    let detail = json!({ "reason": why });
                    let to = OrderState::Closed;
                    crate::order::advance(tx, &order, to, now, "closed", detail).await?;
                    Ok::<_, VendingError>(true)
                })
            })
            .await
    }

    /// An order of a project, or a refusal that does not tell missing from foreign.
    pub async fn order(&self, project: ProjectId, id: OrderId) -> Result<Order> {
        let found = store::order::by_id(self.store().read(), project, id).await?;
        Ok(found.ok_or(Refusal::NotFound { what: "order" })?)
    }
}

/// True while the provider may still take money for the attempt, as far as we know.
pub(crate) fn is_open(attempt: &Attempt) -> bool {
    attempt.state().is_ok_and(AttemptState::needs_query)
}

/// How long after an order's expiry a provider that knows no such trade is believed to never take
/// money for it (F4 no. 19): the trade's own explicit expiry has passed on any clock by then.
pub(crate) const NOT_FOUND_MARGIN: Duration = Duration::from_secs(10 * 60);

//! The sweeper: every attempt whose end is not proven is asked for again, for ever (I2, P3).

use std::time::Duration;

use chrono::TimeDelta;
use connector::{Doubt, Outcome, PaymentStatus};
use domain::{AttemptId, AttemptState, ProjectId, retry::payment_query_delay};
use serde_json::json;
use store::{
    attempt::{self, Attempt},
    timeline,
};

use super::{NOT_FOUND_MARGIN, call, is_open, reduce::Source};
use crate::{
    house::House,
    job::JobEnd,
    merchant::Merchant,
    refusal::{Refusal, Result, VendingError},
};

/// How long an attempt waits whose merchant's keys cannot be read.
const NO_KEYS_WAIT: Duration = Duration::from_secs(60);

/// What the asker wants of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To know how it stands.
    Know,
    /// To have it closed if it is unpaid: query → close → query.
    Close,
}

impl House {
    /// Asks the provider about one attempt and books what it proves.
    pub async fn settle_attempt(
        &self,
        id: AttemptId,
        project: ProjectId,
        wish: Wish,
    ) -> Result<Attempt> {
        let row = attempt::by_id(self.store().read(), project, id).await?;
        let row = row.ok_or(Refusal::NotFound { what: "attempt" })?;
        if !is_open(&row) {
            return Ok(row);
        }
        let merchant = self.merchants().by_id(row.merchant());
        let merchant = merchant.ok_or(Refusal::ChannelNotOffered)?;
        let seen = self.ask(&merchant, &row).await?;
        let closable = !matches!(seen, Seen::Paid | Seen::Closed);
        if wish == Wish::Close && closable {
            let answer = call::close(self, &merchant, &row.out_trade_no).await;
            tracing::info!(out_trade_no = row.out_trade_no, class = answer.class(), "close asked");
            // A close racing a payment is decided by the provider: ask once more (A9).
            let seen = self.ask(&merchant, &row).await?;
            return self.note(row, seen, matches!(answer, Outcome::Done(()))).await;
        }
        self.note(row, seen, false).await
    }

    async fn ask(&self, merchant: &Merchant, row: &Attempt) -> Result<Seen> {
        let answer = call::query(self, merchant, &row.out_trade_no).await;
        let fact = match answer {
            Outcome::Done(fact) => fact,
            Outcome::Declined(why) | Outcome::OurFault(why) => {
                tracing::warn!(out_trade_no = row.out_trade_no, code = why.code, "query refused");
                return Ok(Seen::Doubt);
            }
            Outcome::Unknown(Doubt::Unproven(_)) => return Ok(Seen::Unproven),
            Outcome::Unknown(Doubt::UnknownSerial(_)) => {
                // The next look believes what is fetched now; this one proves nothing.
                self.refresh_certificates(merchant).await;
                return Ok(Seen::Doubt);
            }
            Outcome::Unknown(_) | Outcome::Theirs(_) => return Ok(Seen::Doubt),
        };
        let raw = fact.out_trade_no.clone().into_bytes();
        self.reduce(merchant, &fact, Source::Query, &raw).await?;
        Ok(match fact.status {
            PaymentStatus::Paid => Seen::Paid,
            PaymentStatus::NotPaid => Seen::NotPaid,
            PaymentStatus::Closed => Seen::Closed,
            PaymentStatus::NotFound => Seen::NotFound,
        })
    }

    /// Writes down what was learned.
    ///
    /// Invariant: an attempt ends by what the provider proved, or when a trade the provider never
    /// knew is past its own explicit expiry and a margin; no other clock ends it, and an unsigned
    /// "no such order" ends only what nobody was ever shown a code of (I6, F4 no. 19, 28); proved
    /// by `an_unscanned_code_is_given_up_only_after_expiry_and_margin` and
    /// `an_unsigned_not_found_never_ends_an_attempt_whose_code_was_signed`.
    async fn note(&self, row: Attempt, seen: Seen, closed: bool) -> Result<Attempt> {
        let now = self.now();
        let order = store::order::by_id(self.store().read(), row.project(), row.order()).await?;
        let margin = TimeDelta::from_std(NOT_FOUND_MARGIN).unwrap_or_default();
        let past =
            order.is_some_and(|order| order.expires_at + margin < now) && self.clock_is_settled();
        let state = ended_by(seen, past, row.payer_hint.is_some(), closed);
        let checks = row.checks.saturating_add(1);
        let wait = self.paced(payment_query_delay(u32::try_from(checks).unwrap_or(u32::MAX)));
        let next = now + TimeDelta::from_std(wait).unwrap_or_default();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let fresh = attempt::by_id(tx, row.project(), row.attempt_id()).await?;
                    let fresh = fresh.ok_or(Refusal::NotFound { what: "attempt" })?;
                    if !is_open(&fresh) {
                        return Ok(fresh);
                    }
                    let ended = state.is_some_and(|state| !state.needs_query());
                    let change = attempt::Change {
                        state,
                        next_check_at: Some((!ended).then_some(next)),
                        checks: Some(checks),
                        ..Default::default()
                    };
                    let changed = attempt::change(tx, &fresh, change).await?;
                    if state.is_some() {
                        let (project, order) = (changed.project(), changed.order());
                        let detail = json!({ "state": changed.state });
                        timeline::add_by_id(tx, project, order, "attempt", now, detail).await?;
                    }
                    Ok::<_, VendingError>(changed)
                })
            })
            .await
    }

    /// The query job of one attempt: ask, close what has expired, come again until it is proven.
    pub(crate) async fn run_query_job(&self, project: ProjectId, id: AttemptId) -> Result<JobEnd> {
        let row = attempt::by_id(self.store().read(), project, id).await?;
        let Some(row) = row else { return Ok(JobEnd::Done) };
        if self.merchants().by_id(row.merchant()).is_none() {
            // Keys that cannot be read today may be mended tomorrow; the asking never ends.
            tracing::error!(merchant = %row.merchant(), "no keys to ask about a payment with");
            return Ok(JobEnd::Again(self.paced(NO_KEYS_WAIT)));
        }
        let order = self.order(project, row.order()).await?;
        let expired = order.expires_at < self.now() && self.clock_is_settled();
        let wish = if expired { Wish::Close } else { Wish::Know };
        let after = self.settle_attempt(id, project, wish).await?;
        if wish == Wish::Close {
            self.close_if_unpaid(project, row.order(), "expired").await?;
        }
        if !is_open(&after) {
            return Ok(JobEnd::Done);
        }
        let wait = after.next_check_at.map(|at| at - self.now());
        let wait = wait.and_then(|wait| wait.to_std().ok()).unwrap_or_default();
        Ok(JobEnd::Again(wait))
    }
}

/// What the provider said about an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Paid,
    NotPaid,
    Closed,
    /// The provider says, signed, that it knows no such trade.
    NotFound,
    /// Somebody said so, and nobody signed it.
    Unproven,
    Doubt,
}

/// Where an answer leaves an attempt; `None` leaves it as it stands. `past` says that the order's
/// own expiry and a margin are over, `shown` that the provider signed a code for the payer, and
/// `closed` that it accepted our wish to close.
fn ended_by(seen: Seen, past: bool, shown: bool, closed: bool) -> Option<AttemptState> {
    match seen {
        Seen::Paid => None,
        Seen::Closed => Some(AttemptState::Closed),
        Seen::NotFound if past => Some(AttemptState::Closed),
        Seen::Unproven if past && !shown => Some(AttemptState::Closed),
        _ if closed => Some(AttemptState::Closing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsigned_not_found_never_ends_an_attempt_whose_code_was_signed() {
        let (closed, closing) = (Some(AttemptState::Closed), Some(AttemptState::Closing));
        // What was seen, past its end, shown to a payer, closed by our wish, what follows.
        let table = [
            (Seen::Unproven, true, true, false, None),
            (Seen::Unproven, true, true, true, closing),
            (Seen::Unproven, false, false, false, None),
            (Seen::Unproven, true, false, false, closed),
            (Seen::NotFound, true, true, false, closed),
            (Seen::NotFound, false, true, false, None),
            (Seen::NotFound, false, true, true, closing),
            (Seen::Closed, false, true, false, closed),
            (Seen::NotPaid, true, true, false, None),
            (Seen::NotPaid, true, true, true, closing),
            (Seen::Doubt, true, true, false, None),
            (Seen::Paid, true, true, true, None),
        ];
        for (seen, past, shown, wish, state) in table {
            assert_eq!(ended_by(seen, past, shown, wish), state, "{seen:?} {past} {shown} {wish}");
        }
    }
}

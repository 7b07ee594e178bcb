//! Orders: placed once under the client's own id, priced here and nowhere else.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{
    AccountId, Channel, FlatPrice, MeterId, Money, OperatorId, OrderId, OrderNo, OrderState,
    PayWay, PersonId, ProjectId, Purpose,
};
use serde_json::json;
use store::{
    StoreError, Tx, account,
    kiosk::card,
    meter,
    order::{self, Order},
    order_tenant, tariff, timeline,
};

use crate::{
    house::House,
    refusal::{Refusal, Result, VendingError},
};

/// Numbers drawn for one order before the store's refusal is believed to be about something else.
const DRAFTS_MAX: usize = 3;
/// Lengths a client-made order id may have.
const CLIENT_ID_LENGTH: std::ops::RangeInclusive<usize> = 8..=64;

/// A wish to buy, as a client states it: whom for, how much, through which door. The price is not
/// in it, because the client does not set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceOrder {
    /// The id the client made and stored before asking; the same on every retry, for ever.
    pub client_id: String,
    /// The meter to top up.
    pub meter: MeterId,
    /// The door to pay through.
    pub channel: Channel,
    /// How much.
    pub amount: Money,
    /// The operator at the counter, where one places the order.
    pub operator: Option<OperatorId>,
}

/// Who places an order by phone, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedBy {
    /// The tenant.
    pub person: PersonId,
    /// From which page.
    pub way: PayWay,
    /// Heaters and irons are switched off, as they said.
    pub appliances_off: bool,
}

impl PlacedBy {
    fn row(self, order: &Order) -> order_tenant::OrderTenant {
        order_tenant::OrderTenant {
            project_id: order.project_id,
            order_id: order.id,
            person_id: self.person.0,
            way: self.way.as_str().to_owned(),
            appliances_off: self.appliances_off,
            placed_at: order.placed_at,
        }
    }
}

/// The meter an order is for, with what is needed to price it.
#[derive(Clone, Debug)]
pub struct Quote {
    /// The account that owns the money.
    pub account: AccountId,
    /// What the money is for.
    pub purpose: Purpose,
    /// The price frozen into the order.
    pub price: FlatPrice,
}

impl House {
    /// Places an order, or finds the one this client id placed before.
    ///
    /// Invariant: one client id is one order for ever, a contradicting replay changes nothing and
    /// names the field that differs (I3, 1D); proved by
    /// `the_same_client_id_finds_the_same_order_and_a_contradiction_is_named`.
    pub async fn place_order(&self, project: ProjectId, wish: PlaceOrder) -> Result<Order> {
        self.place(project, wish, None, None).await
    }

    /// The same for a tenant with a phone.
    ///
    /// Invariant: an order placed by phone is known as its tenant's from its first moment, whatever
    /// fails; proved by `an_order_and_who_placed_it_are_stored_together_or_not_at_all`.
    pub async fn place_order_by(
        &self,
        project: ProjectId,
        wish: PlaceOrder,
        by: PlacedBy,
    ) -> Result<Order> {
        self.place(project, wish, Some(by), None).await
    }

    /// The same at a kiosk: it can be paid for so long, which is minutes where people queue behind
    /// each other; and where a meter is sold to with its card, its card is there.
    ///
    /// Invariant: a meter with a card is sold to with its card only: money that came by another
    /// door would never reach it; proved by
    /// `a_meter_that_is_sold_to_by_card_is_not_billed_from_its_purse`.
    pub async fn place_order_for(
        &self,
        project: ProjectId,
        wish: PlaceOrder,
        lifetime: Duration,
    ) -> Result<Order> {
        self.place(project, wish, None, Some(lifetime)).await
    }

    async fn place(
        &self,
        project: ProjectId,
        wish: PlaceOrder,
        by: Option<PlacedBy>,
        at_kiosk: Option<Duration>,
    ) -> Result<Order> {
        check_client_id(&wish.client_id)?;
        let known = order::by_client_id(self.store().read(), project, &wish.client_id).await?;
        if let Some(known) = known {
            return same_order(known, &wish);
        }
        let settings = self.settings();
        if wish.amount.fen() < settings.order_min.fen()
            || wish.amount.fen() > settings.order_max.fen()
        {
            let (min, max) = (settings.order_min, settings.order_max);
            return Err(Refusal::AmountOutOfRange { min, max }.into());
        }
        if at_kiosk.is_none() {
            let cards = card::of_meter(self.store().read(), project, wish.meter).await?;
            if !cards.is_empty() {
                return Err(Refusal::ChannelNotOffered.into());
            }
        }
        let lifetime = at_kiosk.unwrap_or(settings.order_lifetime);
        let quote = self.quote(project, wish.meter).await?;
        let mut refused = StoreError::Conflict;
        for _ in 0..DRAFTS_MAX {
            let mut draft = self.draft(project, &wish, &quote);
            draft.expires_at = draft.placed_at + TimeDelta::from_std(lifetime).unwrap_or_default();
            match self.store_order(project, (&wish, by), draft).await {
                Err(VendingError::Store(error @ StoreError::Refused(_))) => refused = error,
                done => return done,
            }
            // On PostgreSQL the other retry may have committed between our look and our insert;
            // or the number was drawn before, and another one will do.
            let known = order::by_client_id(self.store().read(), project, &wish.client_id).await?;
            if let Some(known) = known {
                return same_order(known, &wish);
            }
            tracing::warn!(error = %refused, client_id = wish.client_id, "an order is drawn anew");
        }
        Err(refused.into())
    }

    async fn store_order(
        &self,
        project: ProjectId,
        (wish, by): (&PlaceOrder, Option<PlacedBy>),
        draft: Order,
    ) -> Result<Order> {
        let wish = wish.clone();
        let placed = self.store().transact(move |tx| {
            Box::pin(async move {
                // Two retries may race here: the unique client id decides, not this look.
                if let Some(known) = order::by_client_id(tx, project, &wish.client_id).await? {
                    return same_order(known, &wish);
                }
                order::insert(tx, &draft).await?;
                if let Some(by) = by {
                    order_tenant::note(tx, by.row(&draft)).await?;
                }
                let detail = json!({
                    "amount_fen": draft.amount_fen,
                    "channel": draft.channel,
                    "price_micro_yuan": draft.price_micro_yuan,
                });
                timeline::add(tx, &draft, "placed", draft.placed_at, detail).await?;
                Ok::<_, VendingError>(draft)
            })
        });
        placed.await
    }

    /// What an order for this meter would be priced by, or why none can be placed.
    pub async fn quote(&self, project: ProjectId, id: MeterId) -> Result<Quote> {
        let db = self.store().read();
        let meter = meter::by_id(db, project, id).await?;
        let meter = meter.ok_or(Refusal::NotFound { what: "meter" })?;
        let account = meter.account().ok_or(Refusal::MeterUnassigned)?;
        let holder = account::by_id(db, project, account).await?;
        let holder = holder.ok_or(Refusal::MeterUnassigned)?;
        if !holder.is_open() {
            return Err(Refusal::AccountClosed.into());
        }
        let tariff = meter.tariff().ok_or(Refusal::NoTariff)?;
        let price = tariff::in_force(db, project, tariff, self.now()).await?;
        let price = price.ok_or(Refusal::NoTariff)?.price()?;
        Ok(Quote { account, purpose: meter.purpose()?, price })
    }

    pub(crate) fn draft(&self, project: ProjectId, wish: &PlaceOrder, quote: &Quote) -> Order {
        let now = self.now();
        let lifetime = TimeDelta::from_std(self.settings().order_lifetime);
        Order {
            project_id: project.0,
            id: OrderId::generate(self.clock(), self.rng()).0,
            order_no: OrderNo::generate(self.clock(), self.rng()).to_string(),
            client_id: wish.client_id.clone(),
            account_id: quote.account.0,
            meter_id: wish.meter.0,
            purpose: quote.purpose.as_str().to_owned(),
            channel: wish.channel.as_str().to_owned(),
            amount_fen: wish.amount.fen(),
            price_micro_yuan: quote.price.micro_yuan(),
            state: OrderState::Placed.as_str().to_owned(),
            operator_id: wish.operator.map(|id| id.0),
            provider_trade_no: None,
            placed_at: now,
            expires_at: now + lifetime.unwrap_or_default(),
            credited_at: None,
            delivered_at: None,
            restored_at: None,
            closed_at: None,
            reason: None,
            version: 1,
        }
    }
}

/// How long an order may still be paid; zero once it has expired.
pub fn remaining(order: &Order, now: chrono::DateTime<chrono::Utc>) -> Duration {
    (order.expires_at - now).to_std().unwrap_or_default()
}

/// Moves an order along its table inside a transaction and writes the timeline row with it.
pub async fn advance(
    tx: &Tx,
    order: &Order,
    to: OrderState,
    at: chrono::DateTime<chrono::Utc>,
    event: &str,
    detail: serde_json::Value,
) -> Result<Order> {
    let moved = order::step(tx, order, to, at).await?;
    timeline::add(tx, &moved, event, at, detail).await?;
    Ok(moved)
}

fn check_client_id(id: &str) -> Result<()> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if CLIENT_ID_LENGTH.contains(&id.len()) && id.bytes().all(legal) {
        Ok(())
    } else {
        Err(Refusal::ClientIdMalformed.into())
    }
}

fn same_order(known: Order, wish: &PlaceOrder) -> Result<Order> {
    let differs = [
        ("meter", known.meter_id != wish.meter.0),
        ("amount_fen", known.amount_fen != wish.amount.fen()),
        ("channel", known.channel != wish.channel.as_str()),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((field, _)) => Err(Refusal::ClientIdReused { field }.into()),
        None => Ok(known),
    }
}

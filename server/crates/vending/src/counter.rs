//! The counter: cash, bank transfers and card slips taken by an operator (P5).

use chrono::TimeDelta;
use domain::{Channel, OperatorId, OrderState, ProjectId};
use serde_json::{Value, json};
use store::{
    credit::{Credit, Credited},
    fact::ProviderFact,
    meter,
    order::Order,
    timeline,
};

use crate::{
    house::House,
    job,
    order::PlaceOrder,
    posting,
    refusal::{Refusal, Result},
};

/// The longest receipt or slip number an operator may note.
const SLIP_MAX: usize = 64;

impl House {
    /// Sells at the counter: the order is placed and credited in the operator's name. The slip
    /// number (of the bank or the card terminal; free for cash) keeps the sale single, as a
    /// provider's trade number does.
    pub async fn sell_at_counter(
        &self,
        project: ProjectId,
        operator: OperatorId,
        wish: PlaceOrder,
        slip: Option<String>,
    ) -> Result<Order> {
        if !wish.channel.is_counter() {
            return Err(Refusal::ChannelNotOffered.into());
        }
        let slip_too_long = slip.as_ref().is_some_and(|slip| slip.len() > SLIP_MAX);
        let slip_missing = slip.is_none() && wish.channel != Channel::Cash;
        if slip_too_long || slip_missing {
            return Err(Refusal::Malformed { field: "slip_no" }.into());
        }
        let order = self.place_order(project, wish).await?;
        match order.state()? {
            OrderState::Placed => {}
            // The cash is in the drawer: that the order's time ran out before it was credited
            // takes nothing back. What an operator cancelled stays cancelled.
            OrderState::Closed if self.only_expired(&order).await? => {}
            state @ OrderState::Closed => return Err(Refusal::WrongState { state }.into()),
            // The same sale told again: it stands as it stood.
            _ => return Ok(order),
        }
        let credit = self.counter_credit(&order, operator, slip).await?;
        match self.apply(&order, credit).await? {
            Credited::New | Credited::Already => self.order(project, order.order_id()).await,
            Credited::NeedsReview => Err(Refusal::WrongState { state: order.state()? }.into()),
        }
    }

    /// True if the order was closed by its expiry and by nobody's wish.
    async fn only_expired(&self, order: &Order) -> Result<bool> {
        let lines = timeline::of(self.store().read(), order.project(), order.order_id()).await?;
        let closed = lines.iter().rev().find(|line| line.kind == "closed");
        let detail = closed.and_then(|line| serde_json::from_str::<Value>(&line.detail).ok());
        Ok(detail.is_some_and(|detail| detail["reason"] == "expired"))
    }

    async fn counter_credit(
        &self,
        order: &Order,
        operator: OperatorId,
        slip: Option<String>,
    ) -> Result<Credit> {
        let now = self.now();
        let meter = meter::by_id(self.store().read(), order.project(), order.meter()).await?;
        let next = match meter.as_ref().map(|m| m.money_model()).transpose()? {
            Some(domain::MoneyModel::MeterHeld) => {
                job::vend_parts(self, order, meter.as_ref(), now)
            }
            _ => job::supply_parts(self, order, meter.as_ref(), now),
        }?;
        let transaction = posting::counter_sale(self, order, operator, now)?;
        // Cash has no number of its own; the order's is unique for ever.
        let number = slip.unwrap_or_else(|| order.order_no.clone());
        let fact = ProviderFact {
            project_id: order.project_id,
            provider: "counter".to_owned(),
            merchant_no: order.channel.clone(),
            provider_trade_no: number.clone(),
            id: domain::TransactionId::generate(self.clock(), self.rng()).0,
            out_trade_no: order.order_no.clone(),
            order_id: Some(order.id),
            kind: "payment".to_owned(),
            amount_fen: order.amount_fen,
            source: "counter".to_owned(),
            received_at: now,
            paid_at: Some(now),
            payer: None,
            payer_total_fen: None,
            raw: Vec::new(),
            verdict: "credited".to_owned(),
            transaction_id: Some(transaction.id.0),
        };
        let paid = json!({ "channel": order.channel, "slip_no": number, "operator": operator.0 });
        let credit = Credit {
            fact,
            order: order.clone(),
            attempt: None,
            bookings: std::iter::once(transaction).chain(next.held).collect(),
            vend: next.vend,
            jobs: next.jobs,
            items: Vec::new(),
            events: vec![
                ("paid".to_owned(), now, paid),
                (
                    "credited".to_owned(),
                    now + TimeDelta::microseconds(1),
                    json!({ "purse": posting::purse_of_order(order)?.to_string() }),
                ),
            ],
            at: now,
        };
        let served = posting::served(order, meter.as_ref()).is_some();
        Ok(if served { credit } else { self.undeliverable(order, credit) })
    }
}

//! The counter: cash, bank transfers and card slips taken by an operator (P5).

use chrono::{DateTime, TimeDelta, Utc};
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

/// What an operator notes beside a sale.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slip {
    /// The number of the bank, the card terminal or the receipt.
    pub no: Option<String>,
    /// The day the money came, where that was before it was told.
    pub paid_at: Option<DateTime<Utc>>,
    /// A word for the timeline.
    pub remark: Option<String>,
}

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
        let slip = Slip { no: slip, ..Slip::default() };
        check_sale(&wish, &slip)?;
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
        self.take_money(order, operator, slip).await
    }

    /// A sale out of a list: told again it is the same sale, and one whose telling broke off
    /// between order and money is finished, however late.
    ///
    /// Invariant: a number of a list is sold once, for ever (I3); proved by
    /// `a_list_of_seven_hundred_top_ups_is_sold_once_however_often_it_is_told`.
    pub async fn sell_from_list(
        &self,
        project: ProjectId,
        operator: OperatorId,
        wish: PlaceOrder,
        slip: Slip,
    ) -> Result<Order> {
        check_sale(&wish, &slip)?;
        let order = self.place_order(project, wish).await?;
        match order.state()? {
            OrderState::Placed | OrderState::Closed => self.take_money(order, operator, slip).await,
            _ => Ok(order),
        }
    }

    async fn take_money(&self, order: Order, operator: OperatorId, slip: Slip) -> Result<Order> {
        let credit = self.counter_credit(&order, operator, slip).await?;
        match self.apply(&order, credit).await? {
            Credited::New | Credited::Already => {
                self.order(order.project(), order.order_id()).await
            }
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
        slip: Slip,
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
        let number = slip.no.unwrap_or_else(|| order.order_no.clone());
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
            paid_at: Some(slip.paid_at.unwrap_or(now)),
            payer: None,
            payer_total_fen: None,
            raw: Vec::new(),
            verdict: "credited".to_owned(),
            transaction_id: Some(transaction.id.0),
        };
        let mut paid =
            json!({ "channel": order.channel, "slip_no": number, "operator": operator.0 });
        if let Some(paid_at) = slip.paid_at {
            paid["paid_at"] = json!(paid_at);
        }
        if let Some(remark) = slip.remark {
            paid["remark"] = json!(remark);
        }
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

fn check_sale(wish: &PlaceOrder, slip: &Slip) -> Result<()> {
    if !wish.channel.is_counter() {
        return Err(Refusal::ChannelNotOffered.into());
    }
    let slip_too_long = slip.no.as_ref().is_some_and(|no| no.len() > SLIP_MAX);
    let slip_missing = slip.no.is_none() && wish.channel != Channel::Cash;
    if slip_too_long || slip_missing {
        return Err(Refusal::Malformed { field: "slip_no" }.into());
    }
    Ok(())
}

//! Telling WeChat that a mini-program order was delivered (发货信息, C6): until it is told, the
//! money of the order stays frozen there.

use chrono::TimeDelta;
use connector::{
    Outcome,
    wechat::{self, OrderKey, Shipment, Shipped},
};
use domain::{Channel, OrderId, PayWay, ProjectId, Purpose, retry::Backoff};
use serde_json::json;
use store::{
    Tx, fact,
    job::{self, Job},
    order::{self, Order},
    order_tenant,
    shipping::{self, Outcome as Upload},
    work_item,
};

use crate::{
    house::House,
    job::JobEnd,
    notice,
    refusal::{Refusal, Result, VendingError},
};

/// How long an upload may take before another worker may look after it.
const ATTEMPT_MAX: TimeDelta = TimeDelta::minutes(2);
/// The wait between two uploads: WeChat's order centre may not know a payment for minutes.
const BACKOFF: Backoff = Backoff::seconds(60, 3_600);

/// The work item of an upload that cannot be made.
const FAILED: &str = "shipping.failed";

/// Has WeChat told, in the transaction that delivered an order. Whether this order needs it is
/// looked at later.
pub(crate) async fn enqueue(tx: &Tx, house: &House, order: &Order) -> Result<()> {
    if order.channel()? != Channel::WechatJsapi {
        return Ok(());
    }
    let id = order.id.to_string();
    let draft = crate::job::draft(house, order.project(), "ship", &id, house.now());
    let job =
        Job { payload: json!({ "order": id }).to_string(), priority: job::PRIORITY_MAX, ..draft };
    job::insert(tx, &job).await?;
    Ok(())
}

impl House {
    /// The upload job of one order.
    ///
    /// Invariant: an order whose upload cannot be made is shown to a person, because its money
    /// stays frozen; proved by `an_upload_that_cannot_be_made_is_shown`.
    pub(crate) async fn run_shipping_job(&self, project: ProjectId, id: OrderId) -> Result<JobEnd> {
        let db = self.store().read();
        let placed = order_tenant::of_order(db, project, id).await?;
        let from_mini = placed.is_some_and(|row| row.way().is_ok_and(|w| w == PayWay::WechatMini));
        if !from_mini {
            return Ok(JobEnd::Done);
        }
        let order = order::by_id(db, project, id).await?;
        let order = order.ok_or(Refusal::NotFound { what: "order" })?;
        let now = self.now();
        let taken = self.store().transact(move |tx| {
            Box::pin(async move {
                shipping::open(tx, project, id, now).await?;
                let Some(row) = shipping::of_order(tx, project, id).await? else {
                    return Ok::<_, VendingError>(None);
                };
                let taken = shipping::begin(tx, &row, now + ATTEMPT_MAX, now).await?;
                Ok(taken.map_or_else(|| row.next_at.map(Err), |taken| Some(Ok(taken))))
            })
        });
        let taken = match taken.await? {
            None => return Ok(JobEnd::Done),
            Some(Err(at)) => return Ok(JobEnd::Again((at - now).to_std().unwrap_or_default())),
            Some(Ok(taken)) => taken,
        };
        let failures = u32::try_from(taken.attempts).unwrap_or(1);
        let wait = self.paced(BACKOFF.drawn(failures, self.rng()));
        let next_at = self.now() + crate::job::span(wait);
        let upload = match self.upload(&order).await? {
            Outcome::Done(Shipped::Now | Shipped::Before) => Upload::Sent,
            Outcome::Declined(why) | Outcome::OurFault(why) => {
                Upload::Failed(format!("{}: {}", why.code, why.message))
            }
            Outcome::Theirs(why) => Upload::Later { next_at, why: why.code },
            // Telling WeChat twice does no harm.
            Outcome::Unknown(doubt) => {
                Upload::Later { next_at, why: format!("unknown: {doubt:?}") }
            }
        };
        let again = matches!(upload, Upload::Later { .. });
        let failed = self.end_upload(order, taken, upload).await?;
        Ok(if again && !failed { JobEnd::Again(wait) } else { JobEnd::Done })
    }

    /// Writes down how an upload ended; answers whether a person has to look.
    async fn end_upload(
        &self,
        order: Order,
        taken: shipping::Shipping,
        upload: Upload,
    ) -> Result<bool> {
        let (house, now) = (self.clone(), self.now());
        let why = match &upload {
            Upload::Later { why, .. } | Upload::Failed(why) | Upload::Skipped(why) => why.clone(),
            Upload::Sent => String::new(),
        };
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let sent = upload == Upload::Sent;
                    let failed = shipping::end(tx, &taken, upload, now).await?;
                    if sent {
                        let (project, subject) = (order.project(), order.id.to_string());
                        let how = "WeChat was told";
                        work_item::close_about(tx, project, FAILED, &subject, how, now).await?;
                    }
                    if failed {
                        let titles = (
                            "发货信息没有传给微信，货款被冻结",
                            "WeChat was not told of a delivery, its money is frozen",
                        );
                        let detail = json!({ "why": why, "attempts": taken.attempts });
                        let item = notice::work_item(&house, &order, FAILED, titles, detail, now);
                        work_item::open(tx, item).await?;
                    }
                    Ok::<_, VendingError>(failed)
                })
            })
            .await
    }

    async fn upload(&self, order: &Order) -> Result<Outcome<Shipped>> {
        let Some(app) = self.settings().notices.mini.as_ref() else {
            return Ok(notice::channel::our_fault(&Refusal::NotSupported));
        };
        let db = self.store().read();
        let facts = fact::of_order(db, order.project(), order.order_id()).await?;
        let paid = facts.into_iter().find(|fact| fact.verdict == "credited");
        let Some((paid, openid)) = paid.and_then(|fact| fact.payer.clone().map(|p| (fact, p)))
        else {
            return Ok(notice::channel::our_fault(&Refusal::NotFound { what: "payer" }));
        };
        let goods = match order.purpose.parse().unwrap_or(Purpose::Electricity) {
            Purpose::Water => "水费",
            Purpose::Gas => "燃气费",
            _ => "电费",
        };
        let shipment = Shipment {
            order: OrderKey::TransactionId(paid.provider_trade_no.clone()),
            item_desc: format!("{goods}充值 {} 元", order.amount().to_yuan()),
            openid,
            delivered_at: order.delivered_at.unwrap_or_else(|| self.now()),
        };
        let make = |token: &connector::Secret| wechat::ship(app, token, &shipment);
        Ok(self.ask_wechat(app, make, wechat::read_ship).await)
    }

    /// Tries an upload again from the start, because a person mended what was wrong.
    pub async fn ship_again(&self, project: ProjectId, id: OrderId) -> Result<()> {
        let (house, now) = (self.clone(), self.now());
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    if !shipping::again(tx, project, id, now).await? {
                        let row = order::by_id(tx, project, id).await?;
                        let row = row.ok_or(Refusal::NotFound { what: "order" })?;
                        return Err(Refusal::WrongState { state: row.state()? }.into());
                    }
                    let id = id.to_string();
                    let draft = crate::job::draft(&house, project, "ship", &id, now);
                    let payload = json!({ "order": id }).to_string();
                    job::schedule(tx, &Job { payload, priority: job::PRIORITY_MAX, ..draft })
                        .await?;
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }
}

//! Callbacks that were believed and fit nothing yet: kept, bounded, shown; never acknowledged
//! unless they are durable.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::TimeDelta;
use connector::PaymentFact;
use domain::{CommandId, Money};
use serde_json::json;
use store::{
    StoreError, fact,
    work_item::{self, WorkItem},
};
use uuid::Uuid;
use vending::merchant::Merchant;

use super::{Arrived, Verdict};
use crate::http::App;

/// Messages kept of one merchant in an hour; beyond it they are asked to come again later.
pub const KEPT_PER_HOUR_MAX: u64 = 500;

/// Keeps a message and answers the verdict, or that there was no room. The same bytes are kept
/// once, however often they come.
pub async fn keep(app: &App, merchant: &Merchant, arrived: &Arrived, verdict: Verdict) -> Verdict {
    keep_with(app, merchant, arrived, verdict, None).await
}

/// Keeps a genuine payment of an order nobody knows, and shows it to a person, once. An attempt is
/// stored before a provider hears of it, so such an order was lost in a restore.
///
/// Invariant: no genuine payment stays unseen; proved by
/// `a_payment_of_an_order_lost_in_a_restore_is_shown_to_a_person`.
pub async fn keep_unmatched(
    app: &App,
    merchant: &Merchant,
    arrived: &Arrived,
    fact: &PaymentFact,
) -> Verdict {
    let trade_no = fact.provider_trade_no.as_deref().unwrap_or_default();
    let name = ["unmatched", &merchant.merchant_no, &fact.out_trade_no, trade_no];
    let detail = json!({
        "provider": merchant.provider.as_str(),
        "merchant_no": merchant.merchant_no,
        "out_trade_no": fact.out_trade_no,
        "provider_trade_no": fact.provider_trade_no,
        "paid_fen": fact.total.map(Money::fen),
        "paid_at": fact.paid_at,
        "payer": fact.payer,
    });
    let item = WorkItem {
        project_id: merchant.project.0,
        id: work_item::id_of(&name).0,
        kind: "payment.unmatched".to_owned(),
        subject_kind: "payment".to_owned(),
        subject_id: fact.out_trade_no.clone(),
        title_zh: "付款找不到订单，等人核对".to_owned(),
        title_en: "A payment of an order nobody knows".to_owned(),
        detail: detail.to_string(),
        state: "open".to_owned(),
        opened_at: app.house.now(),
        closed_at: None,
        closed_by: None,
        resolution: None,
    };
    keep_with(app, merchant, arrived, Verdict::Unmatched, Some(item)).await
}

async fn keep_with(
    app: &App,
    merchant: &Merchant,
    arrived: &Arrived,
    verdict: Verdict,
    item: Option<WorkItem>,
) -> Verdict {
    let now = app.house.now();
    let headers: Vec<_> = arrived.headers.iter().filter(|(name, _)| is_kept(name)).collect();
    let message = fact::InboxMessage {
        id: id_of(merchant, arrived, verdict),
        project_id: merchant.project.0,
        provider: merchant.provider.as_str().to_owned(),
        merchant_id: merchant.id.0,
        received_at: now,
        headers: json!(headers).to_string(),
        body: arrived.body.to_vec(),
        verified: true,
        verdict: verdict.as_str().to_owned(),
        matched_at: None,
    };
    let id = merchant.id;
    let stored = app.house.store().transact(move |tx| {
        Box::pin(async move {
            let hour_ago = now - TimeDelta::hours(1);
            if fact::messages_since(tx, id, hour_ago).await? >= KEPT_PER_HOUR_MAX {
                return Ok(false);
            }
            if let Some(item) = item {
                work_item::open_once(tx, item).await?;
            }
            fact::keep_message(tx, message).await?;
            Ok::<_, StoreError>(true)
        })
    });
    match stored.await {
        Ok(true) => verdict,
        Ok(false) => Verdict::Shed,
        // The same bytes are there already.
        Err(StoreError::Refused(_)) => verdict,
        Err(error) => {
            tracing::error!(error = %error, "a callback could not be kept");
            Verdict::StoreFailed
        }
    }
}

/// Tells a person that a genuine callback could not be used (S41); once, while it stands.
pub async fn alarm(app: &App, merchant: &Merchant, verdict: Verdict, why: &str) {
    let alarm = work_item::Alarm {
        project_id: merchant.project.0,
        id: CommandId::generate(app.clock.as_ref(), app.rng.as_ref()).0,
        kind: format!("callback.{}", verdict.as_str()),
        subject_kind: "merchant".to_owned(),
        subject_id: merchant.id.to_string(),
        raised_at: app.house.now(),
        cleared_at: None,
        detail: json!({ "why": why }).to_string(),
    };
    let raised = app
        .house
        .store()
        .transact(move |tx| Box::pin(async move { work_item::raise(tx, alarm).await }));
    if let Err(error) = raised.await {
        tracing::error!(error = %error, "an alarm about a callback could not be raised");
    }
}

/// The providers' own headers; nothing of proxies in between.
fn is_kept(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("wechatpay-") || name == "content-type" || name == "request-id"
}

/// An id that follows from the message, so that a repeat meets its own row.
fn id_of(merchant: &Merchant, arrived: &Arrived, verdict: Verdict) -> Uuid {
    let mut text = merchant.id.0.as_bytes().to_vec();
    text.extend_from_slice(verdict.as_str().as_bytes());
    text.extend_from_slice(&arrived.body);
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest(&SHA256, &text).as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

//! What people have to be told: work items for operators, and notices for tenants (T8).
//!
//! A fact is noted as a job in the transaction that makes it true ([`fact`]); the job tells every
//! person it concerns ([`tell`]), another one sends what is to leave the house ([`send`]).
//!
//! Invariant: notices never stand in the way of money: they are jobs of the lowest priority, and
//! one that fails changes nothing but itself; proved by
//! `a_notice_that_cannot_be_told_stands_in_nobodys_way`.

use chrono::{DateTime, Utc};
use domain::WorkItemId;
use serde_json::Value;
use store::{order::Order, work_item::WorkItem};

use crate::house::House;

pub mod channel;
pub use channel::{Channels, Template};
pub mod fact;
pub use fact::{note_bound, note_unbound};
pub(crate) mod low;
pub mod send;
pub mod tell;
pub mod words;
pub use words::{Params, Words, words};

/// What a kind of alarm is called in Chinese and in English, whether or not its work item is still
/// open; `None` for a kind this release does not know.
pub fn titles(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "supply.dark" => ("已付款，还没送电", "Paid, power not back"),
        "supply.stuck" => ("已下发命令，继电器没有动", "The relay is stuck"),
        "supply.refused" => ("电表拒绝合闸", "The meter refuses to close"),
        "supply.not_cut" => ("人工拉闸没有执行", "A cut by hand was not carried out"),
        "supply.still_dark" => ("一天了还没送电", "No power for a day"),
        "meter.address_clash" => ("总线上表号冲突", "Another meter answers in its place"),
        "meter.clock" => ("电表时钟不准", "The meter's clock is wrong"),
        "meter.password" => ("电表密码被拒", "The meter refuses our password"),
        "shipping.failed" => (
            "发货信息没有传给微信，货款被冻结",
            "WeChat was not told of a delivery, its money is frozen",
        ),
        "gateway.offline" => ("网关离线", "A gateway is offline"),
        kind if kind.starts_with("callback.") => {
            ("支付回调有问题", "A payment callback could not be used")
        }
        _ => return None,
    })
}

/// A work item about an order, with its titles in Chinese and English.
pub(crate) fn work_item(
    house: &House,
    order: &Order,
    kind: &str,
    (zh, en): (&str, &str),
    mut detail: Value,
    at: DateTime<Utc>,
) -> WorkItem {
    if let Some(fields) = detail.as_object_mut() {
        fields.insert("order_no".to_owned(), Value::String(order.order_no.clone()));
    }
    WorkItem {
        project_id: order.project_id,
        id: WorkItemId::generate(house.clock(), house.rng()).0,
        kind: kind.to_owned(),
        subject_kind: "order".to_owned(),
        subject_id: order.id.to_string(),
        title_zh: zh.to_owned(),
        title_en: en.to_owned(),
        detail: detail.to_string(),
        state: "open".to_owned(),
        opened_at: at,
        closed_at: None,
        closed_by: None,
        resolution: None,
    }
}

/// A work item about something that is not an order: a meter, a gateway, a merchant.
pub(crate) fn work_item_about(
    house: &House,
    project: domain::ProjectId,
    (subject_kind, subject_id): (&str, String),
    kind: &str,
    (zh, en): (&str, &str),
    detail: &Value,
) -> WorkItem {
    WorkItem {
        project_id: project.0,
        id: WorkItemId::generate(house.clock(), house.rng()).0,
        kind: kind.to_owned(),
        subject_kind: subject_kind.to_owned(),
        subject_id,
        title_zh: zh.to_owned(),
        title_en: en.to_owned(),
        detail: detail.to_string(),
        state: "open".to_owned(),
        opened_at: house.now(),
        closed_at: None,
        closed_by: None,
        resolution: None,
    }
}

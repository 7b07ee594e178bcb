//! What people have to be told: work items for operators. (Messages to tenants are jobs of their
//! own and never stand in the way of money.)

use chrono::{DateTime, Utc};
use domain::WorkItemId;
use serde_json::Value;
use store::{order::Order, work_item::WorkItem};

use crate::house::House;

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

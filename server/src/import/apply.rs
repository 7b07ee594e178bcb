//! One transaction for the whole import.

use chrono::{DateTime, Utc};
use serde_json::json;
use store::{
    Store, StoreError, Tx,
    operation_log::{self, NewOperation},
    roster,
};

use super::Plan;

/// Writes the plan; all or nothing.
pub(super) async fn apply(plan: Plan, store: &Store, now: DateTime<Utc>) -> Result<(), StoreError> {
    store.transact(move |tx| Box::pin(write(tx, plan, now))).await
}

async fn write(tx: &Tx, plan: Plan, now: DateTime<Utc>) -> Result<(), StoreError> {
    let counts = plan.counts();
    roster::add(tx, &plan.projects.added).await?;
    roster::change(tx, &plan.projects.changed, &["name", "name_en"]).await?;
    roster::add(tx, &plan.landlords.added).await?;
    roster::change(tx, &plan.landlords.changed, &["phone"]).await?;
    roster::add(tx, &plan.rooms.added).await?;
    let room = ["floor", "area_m2_e2", "landlord_id", "tags"];
    roster::change(tx, &plan.rooms.changed, &room).await?;
    roster::add(tx, &plan.accounts.added).await?;
    roster::change(tx, &plan.accounts.changed, &["name", "phone", "protected"]).await?;
    roster::add(tx, &plan.gateways.added).await?;
    let line = ["registration", "link", "address", "framing", "heartbeat_s", "settings"];
    roster::change(tx, &plan.gateways.changed, &line).await?;
    roster::add(tx, &plan.tariffs.added).await?;
    roster::add(tx, &plan.meters.added).await?;
    let meter = [
        "room_id",
        "account_id",
        "gateway_id",
        "bus",
        "tariff_id",
        "reading_interval_s",
        "supply_policy",
    ];
    roster::change(tx, &plan.meters.changed, &meter).await?;
    roster::change(tx, &plan.let_meters, &["account_id"]).await?;
    let tables = counts
        .iter()
        .map(|count| (count.table.en(), json!({ "added": count.added, "changed": count.changed })));
    let detail: serde_json::Map<_, _> = tables.map(|(name, n)| (name.to_owned(), n)).collect();
    let line = NewOperation {
        at: now,
        operator: None,
        project: None,
        action: "import".to_owned(),
        target: String::new(),
        detail: serde_json::Value::Object(detail).to_string(),
        ip: String::new(),
        outcome: "done".to_owned(),
    };
    operation_log::append(tx, line).await
}

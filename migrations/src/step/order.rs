//! Orders, the attempts to pay them, and what the providers said.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The names of `domain::Channel`.
const CHANNELS: &[&str] = &[
    "wechat-jsapi",
    "wechat-native",
    "wechat-h5",
    "alipay-create",
    "alipay-precreate",
    "alipay-wap",
    "cash",
    "bank-transfer",
    "pos",
];

/// The names of `domain::OrderState`.
const ORDER_STATES: &[&str] = &[
    "placed",
    "credited",
    "delivering",
    "uncertain",
    "delivered",
    "restored",
    "closed",
    "held",
    "refunded",
];

/// The names of `domain::AttemptState`.
const ATTEMPT_STATES: &[&str] =
    &["created", "awaiting", "unknown", "closing", "closed", "paid", "declined"];

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000004_order"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![
        orders(),
        order_locator(),
        attempt(),
        attempt_locator(),
        provider_fact(),
        inbox(),
        order_event(),
    ]
}

/// A tenant's order with its frozen price.
fn orders() -> Table {
    Table::of_project("orders")
        .uuid("id")
        .text("order_no")
        .text("client_id")
        .uuid("account_id")
        .uuid("meter_id")
        .one_of("purpose", &["electricity", "water", "gas"])
        .one_of("channel", CHANNELS)
        .amount("amount_fen")
        .count("price_micro_yuan")
        .one_of("state", ORDER_STATES)
        .uuid("operator_id?")
        .text("provider_trade_no?")
        .time("placed_at")
        .time("expires_at")
        .time("credited_at?")
        .time("delivered_at?")
        .time("restored_at?")
        .time("closed_at?")
        .text("reason?")
        .bigint_from("version", 0)
        .key(&["project_id", "id"])
        .unique(&["project_id", "client_id"])
        .unique(&["project_id", "order_no"])
        .index(&["project_id", "account_id", "placed_at"])
        .index(&["project_id", "meter_id", "placed_at"])
        .index(&["project_id", "placed_at"])
        .refers("account_id", "account")
        .refers("meter_id", "meter")
}

/// Finds the project of an order number someone reads out over the phone.
fn order_locator() -> Table {
    Table::global("order_locator")
        .text("order_no")
        .bigint("project_id")
        .uuid("order_id")
        .key(&["order_no"])
        .stored_in_key_order()
}

/// One attempt to have an order paid.
fn attempt() -> Table {
    Table::of_project("attempt")
        .uuid("id")
        .uuid("order_id")
        .int("attempt_no")
        .uuid("merchant_id")
        .one_of("channel", CHANNELS)
        .text("out_trade_no")
        .one_of("state", ATTEMPT_STATES)
        .amount("amount_fen")
        .text("payer_hint?")
        .time("created_at")
        .time("next_check_at?")
        .int("checks")
        .text("last_error?")
        .bigint_from("version", 0)
        .key(&["project_id", "id"])
        .unique(&["project_id", "out_trade_no"])
        .unique(&["project_id", "order_id", "attempt_no"])
        .index_where(&["next_check_at"], "next_check_at is not null")
        .refers("order_id", "orders")
}

/// Finds the project of a callback by merchant and trade number.
fn attempt_locator() -> Table {
    Table::global("attempt_locator")
        .uuid("merchant_id")
        .text("out_trade_no")
        .bigint("project_id")
        .uuid("attempt_id")
        .uuid("order_id")
        .key(&["merchant_id", "out_trade_no"])
        .stored_in_key_order()
}

/// A payment a provider, or a counter, has confirmed. Its key is what keeps money single (I3).
fn provider_fact() -> Table {
    Table::of_project("provider_fact")
        .one_of("provider", &["wechat-pay", "alipay", "counter"])
        .text("merchant_no")
        .text("provider_trade_no")
        .uuid("id")
        .text("out_trade_no")
        .uuid("order_id?")
        .one_of("kind", &["payment"])
        .amount("amount_fen")
        .one_of("source", &["callback", "query", "bill", "counter"])
        .time("received_at")
        .time("paid_at?")
        .text("payer?")
        .bigint("payer_total_fen?")
        .bytes("raw")
        .one_of("verdict", &["credited", "duplicate", "mismatch", "unmatched"])
        .uuid("transaction_id?")
        .key(&["project_id", "provider", "merchant_no", "provider_trade_no"])
        .unique_where(
            &["project_id", "provider", "merchant_no", "out_trade_no"],
            "verdict = 'credited'",
        )
        .index(&["project_id", "order_id"])
}

/// Callbacks that fit no order yet; kept for a bounded time.
fn inbox() -> Table {
    Table::global("inbox")
        .uuid("id")
        .bigint("project_id")
        .one_of("provider", &["wechat-pay", "alipay"])
        .uuid("merchant_id")
        .time("received_at")
        .text("headers")
        .bytes("body")
        .flag("verified")
        .text("verdict")
        .time("matched_at?")
        .key(&["id"])
        .index(&["project_id", "received_at"])
}

/// The timeline of an order, written in the transaction that makes it true (I15).
fn order_event() -> Table {
    Table::of_project("order_event")
        .uuid("order_id")
        .uuid("id")
        .time("at")
        .text("kind")
        .text("detail")
        .key(&["project_id", "order_id", "id"])
        .stored_in_key_order()
}

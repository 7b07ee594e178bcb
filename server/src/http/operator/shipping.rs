//! Telling WeChat of a delivery once more, after somebody mended why it could not be told: until
//! then the money of the order is frozen there (C6).

use chrono::{DateTime, Utc};
use domain::OrderId;
use serde::Serialize;
use store::shipping::{self, Shipping};
use utoipa::ToSchema;
use uuid::Uuid;

use super::order::find;
use crate::{
    access::Perm,
    http::{
        Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The routes.
pub const ROUTES: &[Route] =
    &[Route::post("/projects/{project}/orders/{order}/shipping", "shipping.again", |call| {
        Box::pin(again(call))
    })
    .in_project(Perm::ShipAgain)
    .says(
        "重新上传发货信息",
        "Tell WeChat of a delivery once more; only what has failed is told again",
    )
    .answers::<ShippingView>(200)];

/// What WeChat is told about a delivered order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShippingView {
    /// The order.
    pub order_id: Uuid,
    /// `waiting`, `sent`, `failed` or `skipped`.
    #[schema(example = "waiting")]
    pub state: String,
    /// How often it was tried since it was last begun.
    #[schema(example = 0)]
    pub attempts: i64,
    /// When it is tried next.
    pub next_at: Option<DateTime<Utc>>,
    /// Why it failed last: our code, or WeChat's and its words.
    pub why: Option<String>,
    /// When that was.
    pub updated_at: DateTime<Utc>,
}

impl From<Shipping> for ShippingView {
    fn from(row: Shipping) -> Self {
        ShippingView {
            order_id: row.order_id,
            state: row.state,
            attempts: row.attempts,
            next_at: row.next_at,
            why: row.why,
            updated_at: row.updated_at,
        }
    }
}

async fn again(call: Call) -> Result<Answer> {
    let order = find(&call).await?;
    let (project, id): (_, OrderId) = (order.project(), order.order_id());
    call.house().ship_again(project, id).await?;
    let row = shipping::of_order(call.house().store().read(), project, id).await?;
    let row = row.ok_or_else(|| Problem::not_found("order"))?;
    Answer::ok(&ShippingView::from(row))
}

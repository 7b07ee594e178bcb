//! The tariff of a meter: what it costs, since when, and what it cost before.

use chrono::{DateTime, Utc};
use domain::MeterId;
use serde::Serialize;
use store::tariff;
use utoipa::ToSchema;

use crate::{
    answer::Answer,
    call::Call,
    failure::Result,
    meter::{self, price_of},
    route::{Need, Route},
};

/// The route.
pub const ROUTES: &[Route] =
    &[Route::get("/homes/{home}/meters/{meter}/tariff", "tariff.show", |call| {
        Box::pin(show(call))
    })
    .needs(Need::Home)
    .says("电价说明", "The price now and the prices before")
    .answers::<TariffView>(200)];

/// A price from a moment on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PriceFrom {
    /// From when.
    pub from: DateTime<Utc>,
    /// For a kWh or a cubic metre, in 1/1000 fen.
    #[schema(example = 60_000)]
    pub fen_per_unit_milli: i64,
}

/// The tariff of a meter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TariffView {
    /// In words, in Chinese.
    #[schema(example = "居民电价：单一价格 ¥0.6 /度")]
    pub text_zh: String,
    /// In words, in English.
    #[schema(example = "One price: ¥0.6 per kWh")]
    pub text_en: String,
    /// Every price, the oldest first; one that begins later is told as well.
    pub versions: Vec<PriceFrom>,
}

async fn show(call: Call) -> Result<Answer> {
    let (_, row) = meter::own(&call.desk, call.home()?, call.id::<MeterId>("meter")?).await?;
    let db = call.desk.house.store().read();
    let versions = match row.tariff() {
        Some(id) => tariff::versions_of(db, row.project(), id).await?,
        None => Vec::new(),
    };
    let (text_zh, text_en) = match tariff::in_force_of(&versions, call.desk.clock.now()) {
        Some(version) => {
            let price = price_of(version, &row.purpose);
            (
                format!("{}：单一价格 {}", version.name, price.text_zh),
                format!("One price: {}", price.text_en),
            )
        }
        None => ("还没有设置价格".to_owned(), "No price is set yet".to_owned()),
    };
    let price = |version: &tariff::Tariff| PriceFrom {
        from: version.valid_from,
        fen_per_unit_milli: version.micro_yuan / 10,
    };
    Answer::ok(&TariffView { text_zh, text_en, versions: versions.iter().map(price).collect() })
}

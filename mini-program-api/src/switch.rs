//! A tenant's own hand on the switch, where the landlord allows it (T7).

use domain::MeterId;
use serde::Deserialize;
use utoipa::ToSchema;
use vending::{
    Refusal,
    supply::switch::{Hand, Wanted},
};

use crate::{
    answer::Answer,
    call::Call,
    failure::{Failure, Result},
    meter::{self, MeterView},
    route::{Need, Route},
};

/// The route.
pub const ROUTES: &[Route] =
    &[Route::post("/homes/{home}/meters/{meter}/supply", "switch.set", |call| Box::pin(set(call)))
        .needs(Need::Home)
        .once()
        .says("自己拉合闸", "Wish supply on or off; the meter shows later whether it is so")
        .body::<SwitchWish>()
        .answers::<MeterView>(202)];

/// What a tenant wants of a supply.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchWish {
    /// `on` or `off`.
    #[schema(example = "on")]
    pub wanted: String,
    /// Heaters and irons are switched off; has to be true for `on`.
    #[schema(example = true)]
    pub appliances_off: bool,
}

/// Invariant: nobody's supply comes on by a tenant's hand unless they said that appliances are
/// off, the landlord lets them, and the money suffices (T7); proved by
/// `a_tenant_switches_only_where_they_may_and_only_with_appliances_off`.
async fn set(call: Call) -> Result<Answer> {
    let wish: SwitchWish = call.body()?;
    let wanted = match wish.wanted.as_str() {
        "on" => Wanted::On,
        "off" => Wanted::Off,
        _ => return Err(Failure::Malformed("wanted")),
    };
    let (desk, home, id) = (&call.desk, call.home()?, call.id::<MeterId>("meter")?);
    let refuse = |why: &'static str| Err(Failure::Refused(Refusal::SwitchRefused { why }));
    if !desk.settings.switching_projects.contains(&home.project.0) {
        return refuse("not-allowed");
    }
    if wanted == Wanted::On {
        if !wish.appliances_off {
            return Err(Failure::Malformed("appliances_off"));
        }
        let seen = meter::of_home(desk, home, id).await?;
        if seen.restore.is_some() || seen.can.why_not.as_deref() == Some("arrears") {
            return refuse("arrears");
        }
    }
    desk.house.steer_supply_by(Hand::Tenant, home.project, id, wanted).await?;
    Answer::accepted(&meter::of_home(desk, home, id).await?)
}

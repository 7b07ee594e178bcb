//! Homes: what belongs to a person, each with its meters.

use domain::{HomeRole, ProjectId};
use serde::Serialize;
use store::{account, binding, meter, site};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer::Answer,
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    meter::{self as meter_view, MeterView},
    reach::Home,
    route::{Need, Route},
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/homes", "home.list", |call| Box::pin(list(call)))
        .says("我的住处", "The homes of whoever calls")
        .answers::<Homes>(200),
    Route::get("/homes/{home}", "home.show", |call| Box::pin(show(call)))
        .needs(Need::Home)
        .says("一处住处", "One home with its meters")
        .answers::<HomeView>(200),
];

/// A home: an account, as one of its people sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HomeView {
    /// The home.
    pub id: Uuid,
    /// The project it is in.
    #[schema(example = "和园公寓")]
    pub project_name: String,
    /// Where it is.
    #[schema(example = "和园公寓 3-2-1204")]
    pub place: String,
    /// The number people see.
    #[schema(example = "A0502")]
    pub account_no: String,
    /// `owner` or `member`.
    #[schema(example = "owner")]
    pub role: String,
    /// Whom to call.
    #[schema(example = "0571-00001204")]
    pub service_phone: Option<String>,
    /// Its meters, by number.
    pub meters: Vec<MeterView>,
}

/// The homes of a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Homes {
    /// The longest first.
    pub items: Vec<HomeView>,
    /// Always `null`: they fit on one page.
    pub next: Option<String>,
}

/// Whom tenants call.
pub fn service_phone(desk: &Desk) -> Option<String> {
    Some(desk.settings.service_phone.clone()).filter(|phone| !phone.is_empty())
}

/// Where an account is, as people say it; the project's name first.
pub async fn place_of(
    desk: &Desk,
    project: ProjectId,
    account: &account::Account,
) -> Result<(String, String)> {
    let db = desk.house.store().read();
    let site = site::project(db, project).await?.ok_or(Failure::NotFound("home"))?;
    let room = account::room(db, project, domain::RoomId(account.room_id)).await?;
    let place = match room {
        Some(room) => format!("{} {} {}", site.name, room.building, room.number),
        None => site.name.clone(),
    };
    Ok((site.name, place))
}

/// A home as one of its people sees it.
pub async fn view(desk: &Desk, home: &Home) -> Result<HomeView> {
    let db = desk.house.store().read();
    let account = account::by_id(db, home.project, home.account).await?;
    let account = account.ok_or(Failure::NotFound("home"))?;
    let (project_name, place) = place_of(desk, home.project, &account).await?;
    let mut meters = Vec::new();
    for row in meter::of_account(db, home.project, home.account).await? {
        if row.state != "removed" {
            meters.push(meter_view::view(desk, &account, &row).await?);
        }
    }
    Ok(HomeView {
        id: account.id,
        project_name,
        place,
        account_no: account.account_no,
        role: home.role.as_str().to_owned(),
        service_phone: service_phone(desk),
        meters,
    })
}

/// The homes of the caller; one whose binding ended meanwhile is left out.
pub async fn of_caller(call: &Call) -> Result<Vec<Home>> {
    let (db, person) = (call.desk.house.store().read(), call.caller()?.person);
    let mut homes = Vec::new();
    for row in binding::homes(db, person).await? {
        let Some(held) = binding::held(db, person, row.account()).await? else { continue };
        let role: HomeRole = held.role()?;
        let (project, account) = (row.project(), row.account());
        homes.push(Home { project, account, binding: held.id, role });
    }
    Ok(homes)
}

async fn list(call: Call) -> Result<Answer> {
    let mut items = Vec::new();
    for home in of_caller(&call).await? {
        items.push(view(&call.desk, &home).await?);
    }
    Answer::ok(&Homes { items, next: None })
}

async fn show(call: Call) -> Result<Answer> {
    Answer::ok(&view(&call.desk, call.home()?).await?)
}

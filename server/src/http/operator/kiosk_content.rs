//! What kiosks show: the home screen in versions, files, proof of play, days off; and the cards
//! they serve.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data, Payload, ServiceConfig},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{BusinessDay, MeterId};
use futures::StreamExt;
use kiosk_api::{
    card as cards,
    content::{self as desk},
    file::Intake,
};
use kiosk_wire::content::{Holidays, HomeContent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::kiosk::{
    card,
    content::{self, Content},
    file, play, presence,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::site::json_of;
use crate::{
    access::Perm,
    http::{
        App, Code, Problem, dispatch,
        error::Result,
        kiosk::{problem, ranged},
        route::{Answer, Call, PREFIX, Route},
    },
};

/// The longest span one report of plays covers, in days.
const SPAN_DAYS_MAX: i64 = 400;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects/{project}/kiosk-content", "kiosk_content.list", |call| {
        Box::pin(list(call))
    })
    .in_project(Perm::ViewSite)
    .says("首页内容的各个版本", "The versions of the kiosks' home screen")
    .answers::<Contents>(200),
    Route::post("/projects/{project}/kiosk-content", "kiosk_content.draft", |call| {
        Box::pin(draft(call))
    })
    .in_project(Perm::ManageKiosks)
    .says("新建首页草稿", "Keep a draft; it is shown only once it is published")
    .body::<ContentWish>()
    .answers::<ContentView>(201),
    Route::get("/projects/{project}/kiosk-content/{content}", "kiosk_content.show", |call| {
        Box::pin(show(call))
    })
    .in_project(Perm::ViewSite)
    .says("预览一个版本", "One version as kiosks are told it, and who has shown it")
    .answers::<ContentView>(200),
    Route::post(
        "/projects/{project}/kiosk-content/{content}/publish",
        "kiosk_content.publish",
        |call| Box::pin(publish(call)),
    )
    .in_project(Perm::ManageKiosks)
    .says("发布或回退", "Publish a draft, or an earlier version again under a new number")
    .answers::<ContentView>(200),
    Route::get("/projects/{project}/kiosk-files", "kiosk_file.list", |call| Box::pin(files(call)))
        .in_project(Perm::ViewSite)
        .says(
            "终端素材",
            "Pictures and videos; sent by PUT /projects/{project}/kiosk-files/{sha256}",
        )
        .answers::<Files>(200),
    Route::get("/projects/{project}/kiosk-plays", "kiosk_play.report", |call| {
        Box::pin(plays(call))
    })
    .in_project(Perm::ViewSite)
    .says("播放统计", "How often and how long each file was shown, by day and kiosk")
    .query::<Days>()
    .answers::<Plays>(200),
    Route::put("/kiosk-holidays", "kiosk_holiday.import", |call| Box::pin(holidays(call)))
        .needs(crate::http::route::Need::Everywhere(Perm::ManageKiosks))
        .says("导入节假日和调休", "Days off and worked, as the State Council announced them")
        .body::<HolidayWish>()
        .answers::<Imported>(200),
    Route::post("/projects/{project}/kiosk-cards", "kiosk_card.enter", |call| {
        Box::pin(enter(call))
    })
    .in_project(Perm::ManageAccounts)
    .says("登记购电卡", "Enter a card for a meter")
    .body::<CardWish>()
    .answers::<CardView>(201),
];

/// Where a file is sent: not in the registry, because its body is no JSON.
const UPLOAD: Route =
    Route::put("/projects/{project}/kiosk-files/{sha256}", "kiosk_file.put", |_| {
        Box::pin(async { Answer::none() })
    })
    .in_project(Perm::ManageKiosks);
/// Where a file is looked at.
const FETCH: Route =
    Route::get("/projects/{project}/kiosk-files/{sha256}", "kiosk_file.show", |_| {
        Box::pin(async { Answer::none() })
    })
    .in_project(Perm::ViewSite);

/// Serves what is no JSON.
pub fn configure(config: &mut ServiceConfig) {
    let path = format!("{PREFIX}{}", UPLOAD.path);
    config
        .service(web::resource(path).route(web::put().to(put_file)).route(web::get().to(get_file)));
}

/// The home screen as it is wished.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentWish {
    /// `company`, `intro`, `logo`, `tips`, `notice`, `service_phone`, `service_hours`, `nearest`,
    /// `playlist`; see `docs/kiosk.md`.
    #[schema(value_type = Object)]
    pub content: Value,
}

/// A version of the home screen.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContentView {
    /// The version.
    #[schema(example = 4)]
    pub version: i64,
    /// `draft`, `published` or `retired`.
    #[schema(example = "published")]
    pub state: String,
    /// When it was kept.
    pub created_at: DateTime<Utc>,
    /// When it was published.
    pub published_at: Option<DateTime<Utc>>,
    /// Who kept it.
    pub operator_id: Option<Uuid>,
    /// What it says.
    #[schema(value_type = Object)]
    pub content: Value,
    /// Which kiosks have shown it, or could not.
    pub shown: Vec<ShownView>,
}

/// What a kiosk made of a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownView {
    /// The kiosk.
    pub kiosk_id: Uuid,
    /// True once a page has confirmed that it shows it.
    pub shown: bool,
    /// Why it could not.
    pub why: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Versions of the home screen.
#[derive(Debug, Serialize, ToSchema)]
pub struct Contents {
    /// The newest first.
    pub items: Vec<ContentView>,
}

/// A picture or video.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileView {
    /// Its digest, which is its name.
    pub sha256: String,
    /// Its size.
    pub bytes: i64,
    /// Its type.
    #[schema(example = "image/png")]
    pub media_type: String,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
}

/// Pictures and videos.
#[derive(Debug, Serialize, ToSchema)]
pub struct Files {
    /// The newest first.
    pub items: Vec<FileView>,
}

/// Days; the last seven when not said.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Days {
    /// The first, `YYYY-MM-DD`.
    #[serde(default)]
    pub from: Option<NaiveDate>,
    /// The last.
    #[serde(default)]
    pub until: Option<NaiveDate>,
}

/// What was shown on a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlayView {
    /// The kiosk.
    pub kiosk_id: Uuid,
    /// The file.
    pub sha256: String,
    /// The day.
    pub day: NaiveDate,
    /// How often.
    #[schema(example = 42)]
    pub plays: i64,
    /// For how long, in milliseconds.
    pub shown_ms: i64,
}

/// Proof of play.
#[derive(Debug, Serialize, ToSchema)]
pub struct Plays {
    /// By day.
    pub items: Vec<PlayView>,
}

/// Days off and worked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HolidayWish {
    /// The years it covers.
    pub years: Vec<i32>,
    /// `{day, name, off}` for each day that differs from its week.
    #[schema(value_type = Object)]
    pub days: Value,
}

/// What was imported.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// The list's version.
    pub version: i64,
}

/// A card to be entered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CardWish {
    /// The card's own number, hexadecimal.
    #[schema(example = "04a1b2c3")]
    pub uid: String,
    /// The meter it carries value to.
    pub meter_id: Uuid,
}

/// A card.
#[derive(Debug, Serialize, ToSchema)]
pub struct CardView {
    /// Its number in the register.
    pub card_no: i64,
    /// The card's own number.
    pub uid: String,
    /// The meter.
    pub meter_id: Uuid,
    /// The number of its latest purchase.
    pub seq: i64,
    /// `active` or `frozen`.
    #[schema(example = "active")]
    pub state: String,
    /// Why it was stopped.
    pub reason: Option<String>,
}

async fn view(call: &Call, row: Content, with_shown: bool) -> Result<ContentView> {
    let shown = match with_shown {
        true => {
            let db = call.house().store().read();
            presence::shown(db, call.project()?, row.content_version).await?
        }
        false => Vec::new(),
    };
    Ok(ContentView {
        version: row.content_version,
        state: row.state,
        created_at: row.created_at,
        published_at: row.published_at,
        operator_id: row.operator_id,
        content: json_of(&row.body),
        shown: shown
            .into_iter()
            .map(|row| ShownView {
                kiosk_id: row.kiosk_id,
                shown: row.shown,
                why: row.why,
                at: row.at,
            })
            .collect(),
    })
}

async fn list(call: Call) -> Result<Answer> {
    let rows = content::list(call.house().store().read(), call.project()?).await?;
    let mut items = Vec::new();
    for row in rows {
        items.push(view(&call, row, false).await?);
    }
    Answer::ok(&Contents { items })
}

async fn draft(call: Call) -> Result<Answer> {
    let wish: ContentWish = call.body()?;
    let wish: HomeContent = serde_json::from_value(wish.content)
        .map_err(|error| Problem::unreadable("content", &error.to_string()))?;
    let (project, operator) = (call.project()?, call.caller()?.id());
    let kept = desk::draft(&call.app.kiosks, project, Some(operator), wish).await;
    Answer::created(&view(&call, kept.map_err(problem)?, false).await?)
}

async fn show(call: Call) -> Result<Answer> {
    let (version, db) = (call.id::<i64>("content")?, call.house().store().read());
    let row = content::by_version(db, call.project()?, version).await?;
    let row = row.ok_or_else(|| Problem::not_found("content"))?;
    Answer::ok(&view(&call, row, true).await?)
}

async fn publish(call: Call) -> Result<Answer> {
    let version = call.id::<i64>("content")?;
    let (project, operator) = (call.project()?, call.caller()?.id());
    let done = desk::publish(&call.app.kiosks, project, Some(operator), version).await;
    Answer::ok(&view(&call, done.map_err(problem)?, true).await?)
}

fn file_view(row: file::File) -> FileView {
    FileView {
        sha256: row.sha256,
        bytes: row.size,
        media_type: row.media_type,
        created_at: row.created_at,
    }
}

async fn files(call: Call) -> Result<Answer> {
    let rows = file::list(call.house().store().read(), call.project()?).await?;
    Answer::ok(&Files { items: rows.into_iter().map(file_view).collect() })
}

async fn plays(call: Call) -> Result<Answer> {
    let days: Days = call.query()?;
    let today = BusinessDay::of(call.app.clock.now()).date();
    let until = days.until.unwrap_or(today);
    let from = days.from.unwrap_or(until - TimeDelta::days(6));
    if from > until || (until - from).num_days() > SPAN_DAYS_MAX {
        return Err(Problem::malformed("from"));
    }
    let db = call.house().store().read();
    let rows = play::report(db, call.project()?, (from, until)).await?.into_iter();
    let items = rows
        .map(|row| PlayView {
            kiosk_id: row.kiosk_id,
            sha256: row.sha256,
            day: row.day,
            plays: row.plays,
            shown_ms: row.shown_ms,
        })
        .collect();
    Answer::ok(&Plays { items })
}

async fn holidays(call: Call) -> Result<Answer> {
    let wish: HolidayWish = call.body()?;
    let days = serde_json::from_value(wish.days)
        .map_err(|error| Problem::unreadable("days", &error.to_string()))?;
    let list = Holidays { version: 0, years: wish.years, days };
    let version = desk::import_holidays(&call.app.kiosks, list).await.map_err(problem)?;
    Answer::ok(&Imported { version })
}

async fn enter(call: Call) -> Result<Answer> {
    let wish: CardWish = call.body()?;
    let db = call.house().store().read();
    let meter = store::meter::by_id(db, call.project()?, MeterId(wish.meter_id)).await?;
    let meter = meter.ok_or_else(|| Problem::not_found("meter"))?;
    let row = cards::enter(&call.app.kiosks, &meter, &wish.uid).await.map_err(problem)?;
    Answer::created(&card_view(row))
}

fn card_view(row: card::Card) -> CardView {
    CardView {
        card_no: row.card_no,
        uid: row.uid,
        meter_id: row.meter_id,
        seq: row.seq,
        state: row.state,
        reason: row.reason,
    }
}

async fn put_file(request: HttpRequest, payload: Payload, app: Data<App>) -> Result<HttpResponse> {
    let (caller, project) = dispatch::let_in(&UPLOAD, &request, &app).await?;
    let sha256 = request.match_info().get("sha256").unwrap_or_default().to_owned();
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let length = length.ok_or_else(|| Problem::malformed("Content-Length"))?;
    let line = dispatch::line(&app, &request, &UPLOAD, (&caller, project), "begun");
    dispatch::append(&app, line.clone()).await?;
    let taken = take(&app, project, (&sha256, length), payload).await;
    let outcome = match &taken {
        Ok(_) => "done 200".to_owned(),
        Err(problem) => format!("refused {}", problem.code().as_str()),
    };
    let end = store::operation_log::NewOperation { at: app.clock.now(), outcome, ..line };
    dispatch::append(&app, end).await?;
    let body = serde_json::to_vec(&file_view(taken?))
        .map_err(|error| Problem::new(Code::Internal).because(error))?;
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

async fn take(
    app: &App,
    project: domain::ProjectId,
    (sha256, length): (&str, u64),
    mut payload: Payload,
) -> Result<file::File> {
    let intake = Intake::begin(&app.kiosks, project, sha256, length).await;
    let mut intake = intake.map_err(problem)?;
    let within = std::time::Duration::from_secs(app.server.request_timeout_s);
    loop {
        // A sender may be slow as a whole, but not from one piece to the next (S26).
        let chunk = tokio::time::timeout(within, payload.next()).await;
        let chunk = chunk.map_err(|_| Problem::new(Code::TooSlow))?;
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(|error| Problem::new(Code::BadRequest).because(error))?;
        intake.push(&chunk).await.map_err(problem)?;
    }
    intake.finish().await.map_err(problem)
}

async fn get_file(request: HttpRequest, app: Data<App>) -> Result<HttpResponse> {
    let (_, project) = dispatch::let_in(&FETCH, &request, &app).await?;
    let sha256 = request.match_info().get("sha256").unwrap_or_default();
    let desk = std::sync::Arc::clone(&app.kiosks);
    ranged(&request, desk, project, sha256).await.map_err(problem)
}

//! Kiosks (自助终端): the register of a site, who is there, taking one up, putting one out.

use chrono::{DateTime, TimeDelta, Utc};
use kiosk_api::{
    pairing::{self, Acceptance},
    settings::Wishes,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::kiosk::{self, Change, Kiosk, presence};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::site::json_of;
use crate::{
    access::Perm,
    http::{
        Problem,
        error::Result,
        kiosk::problem,
        route::{Answer, Call, Route},
    },
};

/// The longest span one report covers.
const SPAN_MAX: TimeDelta = TimeDelta::days(400);
/// The span nobody named.
const SPAN_USUAL: TimeDelta = TimeDelta::days(7);

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects/{project}/kiosks", "kiosk.list", |call| Box::pin(list(call)))
        .in_project(Perm::ViewSite)
        .says("终端列表", "The kiosks of the site and how each is")
        .answers::<Kiosks>(200),
    Route::get("/projects/{project}/kiosks/{kiosk}", "kiosk.show", |call| Box::pin(show(call)))
        .in_project(Perm::ViewSite)
        .says("终端详情和在线率", "One kiosk with its online time in a span")
        .query::<Span>()
        .answers::<KioskStory>(200),
    Route::post("/projects/{project}/kiosk-pairings/look", "kiosk.look", |call| {
        Box::pin(look(call))
    })
    .in_project(Perm::ManageKiosks)
    .says("查看待配对终端", "The kiosk that shows a code, before it is taken up")
    .body::<CodeTyped>()
    .answers::<WaitingView>(200),
    Route::post("/projects/{project}/kiosks", "kiosk.pair", |call| Box::pin(pair(call)))
        .in_project(Perm::ManageKiosks)
        .says("配对终端", "Take up the kiosk whose code and digits were seen")
        .body::<PairWish>()
        .answers::<KioskView>(201),
    Route::put("/projects/{project}/kiosks/{kiosk}/settings", "kiosk.settings", |call| {
        Box::pin(set(call))
    })
    .in_project(Perm::ManageKiosks)
    .says("终端设置", "What a kiosk is set to")
    .body::<SettingsView>()
    .answers::<KioskView>(200),
    Route::post("/projects/{project}/kiosks/{kiosk}/revoke", "kiosk.revoke", |call| {
        Box::pin(revoke(call))
    })
    .in_project(Perm::ManageKiosks)
    .says("吊销终端", "Put a kiosk out; it is let in again only by another pairing")
    .body::<Reason>()
    .answers::<KioskView>(200),
];

/// A kiosk.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KioskView {
    /// The kiosk.
    pub id: Uuid,
    /// What stands on its foot.
    #[schema(example = "K-03")]
    pub number: String,
    /// Its name.
    #[schema(example = "1 号楼大厅")]
    pub name: String,
    /// `active`, `quarantined` (one key in two places) or `revoked`.
    #[schema(example = "active")]
    pub state: String,
    /// Why it is not active.
    pub reason: Option<String>,
    /// Whether it is there now.
    pub online: bool,
    /// When it was heard last.
    pub heard_at: Option<DateTime<Utc>>,
    /// `socket` or `poll`.
    pub way: Option<String>,
    /// Where its session stands, by its own name for it.
    pub session: Option<String>,
    /// Since when.
    pub session_at: Option<DateTime<Utc>>,
    /// Whether that is a state without a customer.
    pub idle: Option<bool>,
    /// The version of the home content it has shown.
    pub content_shown: Option<i64>,
    /// What it runs.
    #[schema(example = "0.1.0")]
    pub software: String,
    /// What it is.
    pub hardware: String,
    /// The six digits of its key.
    #[schema(example = "048213")]
    pub fingerprint: String,
    /// When it was taken up.
    pub paired_at: DateTime<Utc>,
    /// What it is set to.
    pub settings: SettingsView,
    /// Its last heartbeat, as it came.
    #[schema(value_type = Object)]
    pub heartbeat: Value,
}

/// What a kiosk is set to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsView {
    /// Nobody can pay while the printer cannot print.
    pub printer_required: bool,
    /// 58 or 80 millimetres.
    #[schema(example = 80)]
    pub paper_mm: u16,
    /// `wechat`, `alipay`.
    pub wallets: Vec<String>,
    /// Card meters are served.
    pub cards: bool,
    /// The screen is dark from here, `HH:MM`; empty for never.
    #[schema(example = "23:30")]
    pub dark_from: String,
    /// Until here.
    #[schema(example = "05:30")]
    pub dark_until: String,
}

/// Kiosks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Kiosks {
    /// By number.
    pub items: Vec<KioskView>,
}

/// A span of time; the last seven days when not said.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Its beginning.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    /// Its end.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}

/// A stretch in which a kiosk was there.
#[derive(Debug, Serialize, ToSchema)]
pub struct OnlineView {
    /// From here.
    pub from: DateTime<Utc>,
    /// Until here; `null` while it is.
    pub until: Option<DateTime<Utc>>,
    /// Why it ended.
    #[schema(example = "silent")]
    pub reason: String,
}

/// A kiosk with its online time.
#[derive(Debug, Serialize, ToSchema)]
pub struct KioskStory {
    /// The kiosk.
    pub kiosk: KioskView,
    /// The span.
    pub from: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
    /// How long it was online in the span, in milliseconds.
    pub online_ms: i64,
    /// The same in thousandths of the span.
    #[schema(example = 998)]
    pub online_permille: i64,
    /// The stretches, the oldest first.
    pub online: Vec<OnlineView>,
    /// What it told lately, the newest first.
    pub events: Vec<KioskEventView>,
}

/// Something a kiosk told.
#[derive(Debug, Serialize, ToSchema)]
pub struct KioskEventView {
    /// When.
    pub at: DateTime<Utc>,
    /// `fault`, `abandoned` or `order`.
    pub kind: String,
    /// Its name.
    #[schema(example = "page_hung")]
    pub name: String,
    /// More.
    pub detail: String,
    /// The order it is about.
    pub order_id: Option<Uuid>,
}

/// A code on the screen of an unpaired kiosk.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeTyped {
    /// Eight characters.
    #[schema(example = "7QK2MZ9X")]
    pub code: String,
}

/// A kiosk that waits to be taken up.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitingView {
    /// The six digits its screen has to show, too.
    #[schema(example = "048213")]
    pub fingerprint: String,
    /// What it is.
    pub hardware: String,
    /// What it runs.
    pub software: String,
    /// Until when its code is good.
    pub expires_at: DateTime<Utc>,
}

/// A kiosk to be taken up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PairWish {
    /// The code on its screen.
    #[schema(example = "7QK2MZ9X")]
    pub code: String,
    /// The six digits on its screen.
    #[schema(example = "048213")]
    pub fingerprint: String,
    /// What stands on its foot.
    #[schema(example = "K-03")]
    pub number: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// It takes the place of the kiosk with this number: settings and counts stay, the key goes.
    #[serde(default)]
    pub takes_over: bool,
}

/// A reason.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Why.
    pub reason: String,
}

/// The kiosk of the path.
pub async fn of_path(call: &Call) -> Result<Kiosk> {
    let (id, db) = (call.id::<Uuid>("kiosk")?, call.house().store().read());
    let found = kiosk::by_id(db, call.project()?, id).await?;
    found.ok_or_else(|| Problem::not_found("kiosk"))
}

async fn view(call: &Call, row: Kiosk) -> Result<KioskView> {
    let db = call.house().store().read();
    let pulse = presence::pulse(db, row.project(), row.id).await?;
    let online = presence::is_online(db, row.project(), row.id).await?;
    let wishes = Wishes::of(&row).map_err(problem)?;
    let fingerprint = pairing::digits_of(&row.public_key).map_err(problem)?;
    Ok(KioskView {
        id: row.id,
        number: row.number,
        name: row.name,
        state: row.state,
        reason: row.reason,
        online,
        heard_at: pulse.as_ref().map(|pulse| pulse.heard_at),
        way: pulse.as_ref().map(|pulse| pulse.way.clone()),
        session: pulse.as_ref().map(|pulse| pulse.state.clone()),
        session_at: pulse.as_ref().map(|pulse| pulse.state_at),
        idle: pulse.as_ref().map(|pulse| pulse.idle),
        content_shown: pulse.as_ref().and_then(|pulse| pulse.content_shown),
        software: row.software,
        hardware: row.hardware,
        fingerprint,
        paired_at: row.paired_at,
        settings: SettingsView {
            printer_required: wishes.printer_required,
            paper_mm: wishes.paper_mm,
            wallets: wishes.wallets,
            cards: wishes.cards,
            dark_from: wishes.dark_from,
            dark_until: wishes.dark_until,
        },
        heartbeat: pulse.map_or(Value::Null, |pulse| json_of(&pulse.beat)),
    })
}

async fn list(call: Call) -> Result<Answer> {
    let rows = kiosk::list(call.house().store().read(), Some(call.project()?)).await?;
    let mut items = Vec::new();
    for row in rows {
        items.push(view(&call, row).await?);
    }
    Answer::ok(&Kiosks { items })
}

async fn show(call: Call) -> Result<Answer> {
    let span: Span = call.query()?;
    let row = of_path(&call).await?;
    let until = span.until.unwrap_or_else(|| call.app.clock.now());
    let from = span.from.unwrap_or(until - SPAN_USUAL);
    if from >= until || until - from > SPAN_MAX {
        return Err(Problem::malformed("from"));
    }
    let (db, project, id) = (call.house().store().read(), row.project(), row.id);
    let rows = presence::intervals(db, project, id, (from, until)).await?;
    // What has not happened yet is neither online nor offline.
    let counted = until.min(call.app.clock.now());
    let online_ms = presence::online_ms(&rows, from, counted);
    let span_ms = (counted - from).num_milliseconds().max(1);
    let events = kiosk::event::list(db, project, id, 100).await?.into_iter();
    Answer::ok(&KioskStory {
        kiosk: view(&call, row).await?,
        from,
        until,
        online_ms,
        online_permille: online_ms.saturating_mul(1_000) / span_ms,
        online: rows
            .into_iter()
            .map(|row| OnlineView { from: row.from_at, until: row.to_at, reason: row.reason })
            .collect(),
        events: events
            .map(|row| KioskEventView {
                at: row.at,
                kind: row.kind,
                name: row.name,
                detail: row.detail,
                order_id: row.order_id,
            })
            .collect(),
    })
}

async fn look(call: Call) -> Result<Answer> {
    let CodeTyped { code } = call.body()?;
    let waiting = pairing::look(&call.app.kiosks, call.caller()?.id(), &code).await;
    let waiting = waiting.map_err(problem)?;
    Answer::ok(&WaitingView {
        fingerprint: waiting.fingerprint,
        hardware: waiting.hardware,
        software: waiting.software,
        expires_at: waiting.expires_at,
    })
}

async fn pair(call: Call) -> Result<Answer> {
    let PairWish { code, fingerprint, number, name, takes_over } = call.body()?;
    let wish = Acceptance { code, fingerprint, number, name, takes_over };
    let (project, operator) = (call.project()?, call.caller()?.id());
    let taken = pairing::accept(&call.app.kiosks, project, operator, wish).await;
    Answer::created(&view(&call, taken.map_err(problem)?).await?)
}

async fn change(call: &Call, row: Kiosk, change: Change) -> Result<Kiosk> {
    let (store, id) = (call.house().store(), row.id);
    let done =
        store.transact(move |tx| Box::pin(async move { kiosk::change(tx, &row, change).await }));
    let done = done.await?;
    call.app.kiosks.board.ring(id);
    Ok(done)
}

async fn set(call: Call) -> Result<Answer> {
    let wish: SettingsView = call.body()?;
    let row = of_path(&call).await?;
    let wishes = Wishes {
        printer_required: wish.printer_required,
        paper_mm: wish.paper_mm,
        wallets: wish.wallets,
        cards: wish.cards,
        dark_from: wish.dark_from,
        dark_until: wish.dark_until,
    };
    wishes.check().map_err(problem)?;
    let settings = serde_json::to_string(&wishes)
        .map_err(|error| Problem::new(crate::http::Code::Internal).because(error))?;
    let wish = Change { settings: Some(settings), ..Change::default() };
    let row = change(&call, row, wish).await?;
    Answer::ok(&view(&call, row).await?)
}

async fn revoke(call: Call) -> Result<Answer> {
    let Reason { reason } = call.body()?;
    let row = of_path(&call).await?;
    let row = pairing::revoke(&call.app.kiosks, row, &reason).await.map_err(problem)?;
    Answer::ok(&view(&call, row).await?)
}

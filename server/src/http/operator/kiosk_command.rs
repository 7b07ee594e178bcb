//! What is asked of kiosks from afar, and what came of it.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use kiosk_api::command::{self as desk, Wish};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::kiosk::{
    command::{self, Command},
    event,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    kiosk::of_path,
    site::json_of,
    vend::{SecondPerson, agreeing},
};
use crate::{
    access::Perm,
    http::{
        Problem,
        error::Result,
        kiosk::problem,
        route::{Answer, Call, Route},
    },
};

/// Commands one list shows.
const SHOWN_MAX: u64 = 100;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/projects/{project}/kiosks/{kiosk}/commands", "kiosk.command", |call| {
        Box::pin(order(call))
    })
    .in_project(Perm::ManageKiosks)
    .says("远程命令", "Ask a kiosk for something; force needs a second person")
    .body::<CommandWish>()
    .answers::<CommandView>(202),
    Route::get("/projects/{project}/kiosks/{kiosk}/commands", "kiosk.commands", |call| {
        Box::pin(list(call))
    })
    .in_project(Perm::ViewSite)
    .says("远程命令记录", "What was asked of a kiosk, the newest first")
    .answers::<Commands>(200),
    Route::get(
        "/projects/{project}/kiosks/{kiosk}/commands/{command}",
        "kiosk.command_show",
        |call| Box::pin(show(call)),
    )
    .in_project(Perm::ManageKiosks)
    .says("远程命令结果", "One command with what it brought in: a picture or a log")
    .answers::<CommandResult>(200),
];

/// A command as it is wished.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandWish {
    /// `screenshot`, `cancel_session`, `lock`, `unlock`, `restart_app`, `reboot`, `shutdown`,
    /// `reprint`, `test_print`, `set_paper_changed`, `clear_error`, `upload_logs`, `self_test`,
    /// `sync_time` or `update`.
    #[schema(example = "screenshot")]
    pub verb: String,
    /// What it needs to know: `full`; `force`; `zh`, `en`; `order`; `mm`; `version`, `digest`,
    /// `signature`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub args: Map<String, Value>,
    /// The second person, for `force`.
    #[serde(default)]
    pub second: Option<SecondPerson>,
}

/// A command.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommandView {
    /// The command.
    pub id: Uuid,
    /// What was asked.
    #[schema(example = "screenshot")]
    pub verb: String,
    /// With what.
    #[schema(value_type = Object)]
    pub args: Value,
    /// `queued`, `sent`, `accepted`, `deferred`, `refused`, `expired`, `running`, `done` or
    /// `failed`.
    #[schema(example = "done")]
    pub state: String,
    /// What the kiosk said about it last.
    #[schema(value_type = Object)]
    pub report: Value,
    /// When it was asked.
    pub issued_at: DateTime<Utc>,
    /// When it is void.
    pub expires_at: DateTime<Utc>,
    /// When it moved last.
    pub updated_at: DateTime<Utc>,
    /// Who asked.
    pub operator_id: Option<Uuid>,
    /// Who agreed.
    pub second_id: Option<Uuid>,
}

/// Commands.
#[derive(Debug, Serialize, ToSchema)]
pub struct Commands {
    /// The newest first.
    pub items: Vec<CommandView>,
}

/// A command with what it brought in.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommandResult {
    /// The command.
    pub command: CommandView,
    /// The type of what came: `image/jpeg`, `image/png`, `text/plain; charset=utf-8` or
    /// `application/gzip`.
    pub media_type: Option<String>,
    /// Its bytes in base64.
    pub bytes: Option<String>,
    /// When it came.
    pub received_at: Option<DateTime<Utc>>,
}

fn view(row: Command, now: DateTime<Utc>) -> CommandView {
    CommandView {
        state: desk::state_at(&row, now).to_owned(),
        id: row.id,
        verb: row.verb,
        args: json_of(&row.args),
        report: json_of(&row.detail),
        issued_at: row.issued_at,
        expires_at: row.expires_at,
        updated_at: row.updated_at,
        operator_id: row.operator_id,
        second_id: row.second_id,
    }
}

async fn order(call: Call) -> Result<Answer> {
    let wish: CommandWish = call.body()?;
    let kiosk = of_path(&call).await?;
    let second = match wish.second {
        Some(second) => Some(agreeing(&call, call.project()?, Perm::ManageKiosks, second).await?),
        None => None,
    };
    let operator = call.caller()?.id();
    let wish = Wish { verb: wish.verb, args: wish.args, operator, second };
    let row = desk::order(&call.app.kiosks, &kiosk, wish).await.map_err(problem)?;
    Answer::accepted(&view(row, call.app.clock.now()))
}

async fn list(call: Call) -> Result<Answer> {
    let kiosk = of_path(&call).await?;
    let db = call.house().store().read();
    let rows = command::list(db, kiosk.project(), kiosk.id, SHOWN_MAX).await?;
    let now = call.app.clock.now();
    Answer::ok(&Commands { items: rows.into_iter().map(|row| view(row, now)).collect() })
}

async fn show(call: Call) -> Result<Answer> {
    let kiosk = of_path(&call).await?;
    let (id, db) = (call.id::<Uuid>("command")?, call.house().store().read());
    let row = command::by_id(db, kiosk.project(), id).await?;
    let row = row.filter(|row| row.kiosk_id == kiosk.id);
    let row = row.ok_or_else(|| Problem::not_found("command"))?;
    let came = event::received(db, kiosk.project(), id).await?;
    Answer::ok(&CommandResult {
        command: view(row, call.app.clock.now()),
        media_type: came.as_ref().map(|came| came.media_type.clone()),
        received_at: came.as_ref().map(|came| came.received_at),
        bytes: came.map(|came| STANDARD.encode(came.bytes)),
    })
}

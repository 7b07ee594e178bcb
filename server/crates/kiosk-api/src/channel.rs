//! The channel beside the money: what kiosks tell, what they are told. The same messages go over
//! the WebSocket and, where there is none, by poll. Nothing here moves money.

use std::{collections::HashMap, sync::Arc};

use chrono::TimeDelta;
use domain::{BusinessDay, OrderId};
use kiosk_wire::{
    channel::{Down, MESSAGES_MAX, Play, Polled, RefusedMessage, Up},
    command::{CommandReport, CommandState},
    heartbeat::Heartbeat,
};
use serde_json::{Value, json};
use store::{
    StoreError, Tx,
    kiosk::{
        command, content,
        event::{self, Event},
        play, presence, sale,
    },
    order::{self as orders, Order},
    timeline,
    work_item::{self, WorkItem},
};
use uuid::Uuid;

use crate::{
    call::{Answer, Call, Route},
    command::wire,
    desk::Desk,
    failure::{Failure, Result},
    greeting::{self, Caller},
    order::{WATCHED, cancelled, lost_detail},
    watch,
};

/// The largest heartbeat that is kept, in bytes.
const BEAT_BYTES_MAX: usize = 16 * 1024;
/// The longest name or detail of a message that is kept, in characters.
const TEXT_MAX: usize = 500;
/// Showings one message tells of at most.
const PLAYS_MAX: usize = 512;
/// Faults of one kiosk that open a work item in an hour; the others are kept as events.
const FAULTS_MAX: i64 = 6;
/// The longest state a kiosk names.
const STATE_MAX: usize = 60;
/// How often a kiosk is told the time over the socket, in looks.
const TIME_EVERY: u64 = 30;

/// The route of the poll; the socket is the server's own.
pub const ROUTES: &[Route] = &[Route::post("/poll", |call| Box::pin(poll(call)))];

/// What one channel has said already.
#[derive(Debug, Default)]
pub struct Seen {
    versions: Option<(i64, i64, i64)>,
    orders: HashMap<Uuid, i64>,
    commands: Vec<Uuid>,
    looks: u64,
}

/// A poll as it is read; each message of it is read by itself.
#[derive(serde::Deserialize)]
struct Told {
    #[serde(default)]
    up: Vec<Value>,
}

async fn poll(call: Call) -> Result<Answer> {
    let Told { up } = call.body()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    let mut polled = hear(desk, caller, up, "poll").await?;
    polled.down.extend(news(desk, caller, &mut Seen::default()).await?);
    polled.down.truncate(MESSAGES_MAX);
    Answer::ok(&polled)
}

/// Keeps what a kiosk tells; the answers say which messages were kept and which never will be.
/// What only a newer kiosk knows to say is refused like what nobody can read. Where the store
/// fails one message the others are heard, and that one comes again.
///
/// Invariant: a start of a process that was replaced is not heard, and speaking gives it away;
/// proved by `a_cloned_key_is_quarantined_in_both_places`.
///
/// Invariant: one bad message keeps no other from being heard, and nothing of it is kept; proved
/// by `a_malformed_message_is_named_and_the_others_are_heard`.
pub async fn hear(
    desk: &Arc<Desk>,
    caller: &Caller,
    up: Vec<Value>,
    way: &'static str,
) -> Result<Polled> {
    if !greeting::still_speaks(desk, caller).await? {
        return Err(Failure::Revoked);
    }
    let (mut polled, mut failed) = (Polled::default(), None);
    for (at, message) in (0..).zip(up.into_iter().take(MESSAGES_MAX)) {
        let (id, name) = named(&message);
        let heard = match serde_json::from_value(message) {
            Ok(message) => one(desk, caller, message, way).await,
            Err(_) => Err(Failure::Malformed("unreadable")),
        };
        match heard {
            Ok(heard) => polled.down.extend(heard.map(|id| Down::Heard { id })),
            Err(Failure::Malformed(why)) => {
                // What is never kept need not be said again.
                polled.down.extend(id.map(|id| Down::Heard { id }));
                let why = why.to_owned();
                polled.refused.push(RefusedMessage { at, id, name, why });
            }
            Err(error) => {
                tracing::warn!(%error, name, "a message of a kiosk could not be kept");
                failed = Some(error);
            }
        }
    }
    if !polled.refused.is_empty() {
        let (number, count) = (&caller.kiosk.number, polled.refused.len());
        tracing::info!(number, count, first = ?polled.refused[0], "a kiosk was not understood");
        desk.board.count_refused(count);
    }
    match failed {
        Some(error) if polled == Polled::default() => Err(error),
        _ => Ok(polled),
    }
}

/// The id and the name of a message, as far as they can be read.
fn named(message: &Value) -> (Option<Uuid>, String) {
    let id = message["id"].as_str().and_then(|id| Uuid::try_parse(id).ok());
    let name = message["kind"].as_str().unwrap_or_default();
    (id, name.chars().filter(|c| !c.is_control()).take(STATE_MAX).collect())
}

async fn one(
    desk: &Arc<Desk>,
    caller: &Caller,
    message: Up,
    way: &'static str,
) -> Result<Option<Uuid>> {
    match message {
        Up::Heartbeat(beat) => heartbeat(desk, caller, &beat, way).await.map(|()| None),
        Up::Report(report) => reported(desk, caller, report).await.map(Some),
        Up::Shown { content_version } => shown(desk, caller, content_version, None).await,
        Up::NotShown { content_version, error } => {
            shown(desk, caller, content_version, Some(error)).await
        }
        Up::Played { id, plays } => played(desk, caller, id, plays).await.map(Some),
        Up::Abandoned { id, order, step } => {
            abandoned(desk, caller, (id, order), step).await.map(Some)
        }
        Up::Fault { id, name, detail } => fault(desk, caller, id, (name, detail)).await.map(Some),
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect()
}

async fn heartbeat(
    desk: &Desk,
    caller: &Caller,
    beat: &Heartbeat,
    way: &'static str,
) -> Result<()> {
    let kept = serde_json::to_string(beat).map_err(|error| Failure::internal(&error))?;
    if beat.boot_id != caller.boot {
        return Err(Failure::Malformed("other_start"));
    }
    if kept.len() > BEAT_BYTES_MAX {
        return Err(Failure::Malformed("too_large"));
    }
    let now = desk.now();
    let since = i64::try_from(beat.state_for_ms).ok().and_then(TimeDelta::try_milliseconds);
    let state_at = since.and_then(|since| now.checked_sub_signed(since)).unwrap_or(now);
    let pulse = presence::Pulse {
        project_id: caller.kiosk.project_id,
        kiosk_id: caller.kiosk.id,
        boot_id: caller.boot,
        heard_at: now,
        way: way.to_owned(),
        beat: kept,
        state: beat.state.chars().filter(|c| !c.is_control()).take(STATE_MAX).collect(),
        state_at,
        idle: beat.idle,
        content_shown: beat.content_version,
    };
    let noted =
        desk.store().transact(move |tx| Box::pin(async move { presence::note(tx, pulse).await }));
    Ok(noted.await?)
}

/// A report is kept as often as it comes; what has ended stays as it ended.
async fn reported(desk: &Desk, caller: &Caller, report: CommandReport) -> Result<Uuid> {
    let state = match &report.state {
        CommandState::Accepted => "accepted",
        CommandState::Deferred { .. } => "deferred",
        CommandState::Refused { .. } => "refused",
        CommandState::Expired => "expired",
        CommandState::Running => "running",
        CommandState::Done { .. } => "done",
        CommandState::Failed { .. } => "failed",
    };
    let detail = serde_json::to_string(&report.state).unwrap_or_default();
    let detail = if detail.len() > BEAT_BYTES_MAX { "{}".to_owned() } else { detail };
    let (key, now) = ((caller.project(), caller.kiosk.id, report.id), desk.now());
    // A report about what nobody asked for is heard as well, so that it is not told for ever.
    desk.store()
        .transact(move |tx| {
            Box::pin(async move { command::report(tx, key, state, &detail, now).await })
        })
        .await?;
    Ok(report.id)
}

async fn shown(
    desk: &Desk,
    caller: &Caller,
    content_version: i64,
    why: Option<String>,
) -> Result<Option<Uuid>> {
    let project = caller.project();
    if content::by_version(desk.store().read(), project, content_version).await?.is_none() {
        return Ok(None);
    }
    let row = presence::Shown {
        project_id: project.0,
        kiosk_id: caller.kiosk.id,
        content_version,
        shown: why.is_none(),
        why: why.as_deref().map(cut),
        at: desk.now(),
    };
    desk.store()
        .transact(move |tx| Box::pin(async move { presence::note_shown(tx, row).await }))
        .await?;
    Ok(None)
}

fn event_of(
    desk: &Desk,
    caller: &Caller,
    id: Uuid,
    kind: &str,
    (name, detail): (&str, &str),
) -> Event {
    Event {
        project_id: caller.kiosk.project_id,
        kiosk_id: caller.kiosk.id,
        id,
        at: desk.now(),
        kind: kind.to_owned(),
        name: cut(name),
        detail: cut(detail),
        order_id: None,
        boot_id: None,
        seq: None,
    }
}

/// Proof of play. An empty one only asks whether anybody hears it, and nothing is kept of it.
async fn played(desk: &Desk, caller: &Caller, id: Uuid, plays: Vec<Play>) -> Result<Uuid> {
    if plays.is_empty() {
        return Ok(id);
    }
    let row = event_of(desk, caller, id, "played", ("", ""));
    let now = desk.now();
    let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let day_ms = TimeDelta::days(1).num_milliseconds();
    let mut sums: HashMap<(String, chrono::NaiveDate), (i64, i64)> = HashMap::new();
    for play in plays.into_iter().take(PLAYS_MAX) {
        // What was shown in the future, or in another year, was shown by a wrong clock.
        let known = play.at <= now + TimeDelta::hours(1) && play.at > now - TimeDelta::days(60);
        if known && is_digest(&play.file) {
            let shown = i64::try_from(play.shown_ms).unwrap_or(day_ms).min(day_ms);
            let key = (play.file.to_ascii_lowercase(), BusinessDay::of(play.at).date());
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + 1, sum.1 + shown);
        }
    }
    desk.store()
        .transact(move |tx| {
            Box::pin(async move {
                let (project_id, kiosk_id) = (row.project_id, row.kiosk_id);
                if !event::note(tx, row).await? {
                    return Ok(());
                }
                for ((sha256, day), (plays, shown_ms)) in sums {
                    let row = play::Play { project_id, kiosk_id, sha256, day, plays, shown_ms };
                    play::add(tx, row).await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .await?;
    Ok(id)
}

/// A session that a crash or a power cut ended: its order is asked about and closed if it is
/// unpaid; the money, if there is any, needs no kiosk (F.7 no. 19, 20).
async fn abandoned(
    desk: &Arc<Desk>,
    caller: &Caller,
    (id, order): (Uuid, Option<Uuid>),
    step: String,
) -> Result<Uuid> {
    let db = desk.store().read();
    let (mut own, lost) = (None::<Order>, lost_order(desk, caller, order).await?);
    if let Some(order) = order.map(OrderId) {
        let placed = sale::of_order(db, caller.project(), order).await?;
        if placed.is_some_and(|row| row.kiosk_id == caller.kiosk.id) {
            own = orders::by_id(db, caller.project(), order).await?;
        }
    }
    let detail = lost.as_ref().map_or_else(String::new, |(id, _)| lost_detail(*id));
    let row = event_of(desk, caller, id, "abandoned", (&step, &detail));
    let row = Event { order_id: own.as_ref().map(|order| order.id), ..row };
    let (kept, number) = (own.clone(), caller.kiosk.number.clone());
    let first = desk.store().transact(move |tx| {
        Box::pin(async move {
            let at = row.at;
            let detail = json!({ "kiosk": number, "step": row.name });
            let first = event::note(tx, row).await?;
            if let Some((_, item)) = lost {
                work_item::open_once(tx, item).await?;
            }
            if let (true, Some(order)) = (first, kept) {
                timeline::add(tx, &order, "kiosk.abandoned", at, detail).await?;
            }
            Ok::<_, StoreError>(first)
        })
    });
    if let (true, Some(order)) = (first.await?, own) {
        let desk = Arc::clone(desk);
        tokio::spawn(async move {
            if let Err(error) = cancelled(&desk, &order).await {
                // Its query job closes it when its time is over.
                tracing::warn!(%error, order_no = order.order_no, "an order was not closed yet");
            }
        });
    }
    Ok(id)
}

/// The order a kiosk's journal knows and the books do not, with the item for a person: money may
/// have been paid for it (20B). What is another site's is not here either.
async fn lost_order(
    desk: &Desk,
    caller: &Caller,
    order: Option<Uuid>,
) -> Result<Option<(Uuid, WorkItem)>> {
    let Some(id) = order else { return Ok(None) };
    let known = orders::by_id(desk.store().read(), caller.project(), OrderId(id)).await?;
    if known.is_some() {
        return Ok(None);
    }
    let (zh, en) = ("有一笔订单账上没有", "has an order the books do not have");
    let trouble = watch::Trouble { kind: "kiosk.order_unknown", zh, en };
    let (_, item) = watch::told(desk, &caller.kiosk, trouble);
    let detail = json!({ "number": caller.kiosk.number, "order": id }).to_string();
    let key = work_item::id_of(&[trouble.kind, &caller.kiosk.id.to_string(), &id.to_string()]);
    Ok(Some((id, WorkItem { id: key.0, detail, ..item })))
}

async fn fault(
    desk: &Desk,
    caller: &Caller,
    id: Uuid,
    (name, detail): (String, String),
) -> Result<Uuid> {
    let row = event_of(desk, caller, id, "fault", (&name, &detail));
    let trouble =
        watch::Trouble { kind: "kiosk.fault", zh: "报告故障", en: "tells of a fault" };
    let (_, mut item) = watch::told(desk, &caller.kiosk, trouble);
    item.title_zh = format!("{}：{}", item.title_zh, row.name);
    item.title_en = format!("{}: {}", item.title_en, row.name);
    item.detail = json!({ "number": caller.kiosk.number, "detail": row.detail }).to_string();
    let budget = desk.budget("fault", caller.kiosk.id, 60, FAULTS_MAX);
    desk.store()
        .transact(move |tx| {
            Box::pin(async move {
                let at = row.at;
                let first = event::note(tx, row).await?;
                if first && store::rate::spend(tx, &budget, 1, at).await? {
                    open(tx, item).await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .await?;
    Ok(id)
}

async fn open(tx: &Tx, item: store::work_item::WorkItem) -> Result<(), StoreError> {
    store::work_item::open(tx, item).await
}

/// What a kiosk should be told now and was not told over this channel.
///
/// Invariant: a command is told again over every new channel until the kiosk has said that it has
/// it; proved by `a_command_comes_again_until_it_is_reported`.
pub async fn news(desk: &Desk, caller: &Caller, seen: &mut Seen) -> Result<Vec<Down>> {
    let (db, project, id, now) =
        (desk.store().read(), caller.project(), caller.kiosk.id, desk.now());
    let fresh = store::kiosk::by_id(db, project, id).await?;
    let Some(fresh) = fresh.filter(|row| row.is_active()) else {
        return Ok(vec![Down::Revoked]);
    };
    let mut down = Vec::new();
    if seen.looks.is_multiple_of(TIME_EVERY) {
        down.push(Down::Time { now });
    }
    seen.looks += 1;
    let published = content::published(db, project).await?;
    let holidays = content::holidays(db).await?;
    let versions = (
        published.map_or(0, |row| row.content_version),
        fresh.settings_version,
        holidays.map_or(0, |row| row.version),
    );
    if seen.versions.replace(versions) != Some(versions) {
        let (content, settings, holidays) = versions;
        down.push(Down::Versions { content, settings, holidays });
    }
    let waiting = command::waiting(db, project, id, now).await?;
    let fresh_ones: Vec<_> =
        waiting.into_iter().filter(|row| !seen.commands.contains(&row.id)).collect();
    let ids: Vec<Uuid> = fresh_ones.iter().map(|row| row.id).collect();
    for row in &fresh_ones {
        down.push(Down::Command(wire(desk, row)?));
    }
    if !ids.is_empty() {
        seen.commands.extend(&ids);
        desk.store()
            .transact(move |tx| {
                Box::pin(async move { command::sent(tx, project, &ids, now).await })
            })
            .await?;
    }
    down.extend(moved(desk, caller, seen).await?);
    Ok(down)
}

async fn moved(desk: &Desk, caller: &Caller, seen: &mut Seen) -> Result<Vec<Down>> {
    let (db, project, now) = (desk.store().read(), caller.project(), desk.now());
    let mut down = Vec::new();
    for row in sale::of_kiosk(db, project, caller.kiosk.id, now - WATCHED).await? {
        let order = orders::by_id(db, project, OrderId(row.order_id)).await?;
        let Some(order) = order else { continue };
        let before = seen.orders.insert(order.id, order.version);
        if before != Some(order.version) {
            down.push(Down::OrderMoved { order: order.id });
        }
    }
    Ok(down)
}

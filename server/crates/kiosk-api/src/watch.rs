//! The watch over kiosks: who is gone, stuck, out of paper. What was raised here is cleared here.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kiosk_wire::heartbeat::Heartbeat;
use store::{
    StoreError, Tx,
    kiosk::{self, Kiosk, command, event, presence},
    work_item::{self, Alarm, WorkItem},
};
use tokio::sync::watch;

use crate::{desk::Desk, failure::Result};

/// How often the watch goes round.
const ROUND: Duration = Duration::from_secs(10);
/// So long without a word is offline.
pub const OFFLINE_AFTER: TimeDelta = TimeDelta::seconds(60);
/// So long without a word is an alarm.
pub const ALARM_AFTER: TimeDelta = TimeDelta::minutes(3);
/// So long in one state that is not idle is stuck.
pub const STUCK_AFTER: TimeDelta = TimeDelta::minutes(7);
/// A clock that is off by more is an alarm, in milliseconds; five minutes stop payments.
pub const CLOCK_OFF_MS: i64 = 30_000;
/// How long messages of kiosks are kept.
const EVENTS_KEPT: TimeDelta = TimeDelta::days(90);
/// Every so many rounds what is old is forgotten.
const LONG_ROUND: u64 = 360;
/// Every so many rounds the numbers kiosks give what they tell of orders are looked at.
const COUNT_ROUND: u64 = 30;
/// So long after a number came an earlier one may still be on its way.
pub const LATE_MAX: TimeDelta = TimeDelta::minutes(30);
/// How far back numbers are looked at.
const COUNTED: TimeDelta = TimeDelta::days(2);

/// Something that can be wrong with a kiosk: its alarm and how people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The alarm's kind.
    pub kind: &'static str,
    /// What is wrong, behind the kiosk's number, in Chinese.
    pub zh: &'static str,
    /// The same in English.
    pub en: &'static str,
}

/// Two processes hold one key.
pub const CLONED: Trouble =
    Trouble {
        kind: "kiosk.cloned", zh: "密钥被两处使用，已隔离", en: "its key is used twice"
    };
/// Nothing was heard of it.
pub const OFFLINE: Trouble = Trouble { kind: "kiosk.offline", zh: "离线", en: "is offline" };
/// It stands in one state for too long.
pub const STUCK: Trouble =
    Trouble { kind: "kiosk.stuck", zh: "停在同一画面超过 7 分钟", en: "is stuck" };
/// Paper is near its end.
pub const PAPER_LOW: Trouble =
    Trouble { kind: "kiosk.paper_low", zh: "凭条纸即将用完", en: "is low on paper" };
/// There is no paper.
pub const PAPER_OUT: Trouble =
    Trouble { kind: "kiosk.paper_out", zh: "凭条纸已用完", en: "is out of paper" };
/// The printer does not print.
pub const PRINTER: Trouble =
    Trouble { kind: "kiosk.printer", zh: "打印机故障", en: "has a printer that cannot print" };
/// The card reader is gone.
pub const READER: Trouble =
    Trouble { kind: "kiosk.reader", zh: "读卡器故障", en: "has lost its card reader" };
/// Its clock is wrong.
pub const CLOCK: Trouble =
    Trouble { kind: "kiosk.clock", zh: "时钟不准", en: "has a wrong clock" };

/// What it told of orders has a gap, or one number twice. Ended by a person.
pub const SEQUENCE: Trouble =
    Trouble {
        kind: "kiosk.sequence", zh: "订单事件序号有缺或重复", en: "has told with gaps"
    };

/// Everything the watch raises and clears by itself.
pub const WATCHED: [Trouble; 7] = [OFFLINE, STUCK, PAPER_LOW, PAPER_OUT, PRINTER, READER, CLOCK];

/// What is wrong with a kiosk by its last word.
///
/// Invariant: what is wrong is told from the last word alone, so that it is over when the kiosk
/// says so; proved by `what_is_wrong_follows_from_the_last_word`.
pub fn troubles(
    beat: &Heartbeat,
    (heard_at, state_at, idle): (DateTime<Utc>, DateTime<Utc>, bool),
    now: DateTime<Utc>,
) -> Vec<Trouble> {
    if now - heard_at >= ALARM_AFTER {
        return vec![OFFLINE];
    }
    let mut found = Vec::new();
    // A locked kiosk stands still on purpose.
    if !idle && !beat.locked && heard_at - state_at >= STUCK_AFTER {
        found.push(STUCK);
    }
    match beat.printer.state.as_str() {
        "near_end" => found.push(PAPER_LOW),
        "paper_out" => found.push(PAPER_OUT),
        "cover_open" | "cutter" | "offline" => found.push(PRINTER),
        _ => {}
    }
    if beat.reader == "lost" {
        found.push(READER);
    }
    if beat.clock_offset_ms.is_some_and(|ms| ms.saturating_abs() > CLOCK_OFF_MS) {
        found.push(CLOCK);
    }
    found
}

/// The alarm and the work item of a trouble.
pub fn told(desk: &Desk, kiosk: &Kiosk, trouble: Trouble) -> (Alarm, WorkItem) {
    let (now, subject) = (desk.now(), kiosk.id.to_string());
    let detail = serde_json::json!({ "number": kiosk.number, "name": kiosk.name }).to_string();
    let alarm = Alarm {
        project_id: kiosk.project_id,
        id: desk.fresh_id(),
        kind: trouble.kind.to_owned(),
        subject_kind: "kiosk".to_owned(),
        subject_id: subject.clone(),
        raised_at: now,
        cleared_at: None,
        detail: detail.clone(),
    };
    let item = WorkItem {
        project_id: kiosk.project_id,
        id: desk.fresh_id(),
        kind: trouble.kind.to_owned(),
        subject_kind: "kiosk".to_owned(),
        subject_id: subject,
        title_zh: format!("终端 {} {}", kiosk.number, trouble.zh),
        title_en: format!("Kiosk {} {}", kiosk.number, trouble.en),
        detail,
        state: "open".to_owned(),
        opened_at: now,
        closed_at: None,
        closed_by: None,
        resolution: None,
    };
    (alarm, item)
}

/// Raises an alarm with its work item, unless it stands.
pub async fn raise(tx: &Tx, alarm: Alarm, item: WorkItem) -> Result<(), StoreError> {
    if work_item::raise(tx, alarm).await? {
        work_item::open(tx, item).await?;
    }
    Ok(())
}

/// Looks at every kiosk once.
pub async fn round(desk: &Desk) -> Result<()> {
    let now = desk.now();
    // A clock that was just set says nothing about who was silent.
    if !desk.house().clock_is_settled() {
        return Ok(());
    }
    desk.store()
        .transact(move |tx| Box::pin(async move { command::expire(tx, now).await }))
        .await?;
    for row in kiosk::list(desk.store().read(), None).await? {
        look(desk, &row, now).await?;
    }
    Ok(())
}

async fn look(desk: &Desk, row: &Kiosk, now: DateTime<Utc>) -> Result<()> {
    let (db, project) = (desk.store().read(), row.project());
    let Some(pulse) = presence::pulse(db, project, row.id).await? else { return Ok(()) };
    let silent = now - pulse.heard_at >= OFFLINE_AFTER;
    let beat: Heartbeat = serde_json::from_str(&pulse.beat).unwrap_or_default();
    let wanted = match row.is_active() {
        true => troubles(&beat, (pulse.heard_at, pulse.state_at, pulse.idle), now),
        false => Vec::new(),
    };
    let (id, ends) = (row.id, silent || !row.is_active());
    if ends && presence::is_online(db, project, id).await? {
        let (at, reason) = match silent {
            true => (pulse.heard_at, "silent"),
            false => (now.min(row.ended_at.unwrap_or(now)), "put out"),
        };
        let done = desk.store().transact(move |tx| {
            Box::pin(async move { presence::gone(tx, project, id, at, reason).await })
        });
        done.await?;
    }
    for trouble in WATCHED {
        let subject = id.to_string();
        let stands = work_item::standing(db, project, trouble.kind, &subject).await?.is_some();
        let is_wrong = wanted.contains(&trouble);
        if stands == is_wrong {
            continue;
        }
        let (alarm, item) = told(desk, row, trouble);
        let done = desk.store().transact(move |tx| {
            Box::pin(async move {
                if is_wrong {
                    return raise(tx, alarm, item).await;
                }
                let over = "it is over";
                work_item::clear(tx, project, trouble.kind, &subject, now).await?;
                work_item::close_about(tx, project, trouble.kind, &subject, over, now).await?;
                Ok(())
            })
        });
        done.await?;
    }
    Ok(())
}

/// Opens a work item for each start of a kiosk whose numbers have a gap or one twice, once.
///
/// Invariant: a gap in what a kiosk tells is shown to a person once and stands in no sale's way
/// (19R, I15); proved by `a_gap_in_what_a_kiosk_tells_of_orders_is_shown_once`.
pub async fn count(desk: &Desk) -> Result<()> {
    let now = desk.now();
    let span = (now - COUNTED, now - LATE_MAX);
    for told in event::out_of_order(desk.store().read(), span).await? {
        let project = domain::ProjectId(told.project_id);
        let row = kiosk::by_id(desk.store().read(), project, told.kiosk_id).await?;
        let Some(row) = row else { continue };
        let missing = told.last - told.first + 1 - told.numbers;
        let twice = told.messages - told.numbers;
        let (_, item) = self::told(desk, &row, SEQUENCE);
        let key =
            work_item::id_of(&[SEQUENCE.kind, &row.id.to_string(), &told.boot_id.to_string()]);
        let detail = serde_json::json!({
            "number": row.number, "boot": told.boot_id, "until": told.last, "missing": missing,
            "twice": twice,
        });
        let item = WorkItem { id: key.0, detail: detail.to_string(), ..item };
        let opened = desk
            .store()
            .transact(move |tx| Box::pin(async move { work_item::open_once(tx, item).await }));
        opened.await?;
    }
    Ok(())
}

/// Keeps the watch until told to stop. A round that fails is made again by the next.
pub async fn keep(desk: std::sync::Arc<Desk>, mut stop: watch::Receiver<bool>) {
    let mut rounds = 0u64;
    while !*stop.borrow() {
        if let Err(error) = round(&desk).await {
            tracing::warn!(%error, "a round of the watch over kiosks failed");
        }
        if rounds.is_multiple_of(COUNT_ROUND)
            && let Err(error) = count(&desk).await
        {
            tracing::warn!(%error, "the numbers of kiosks could not be looked at");
        }
        if rounds.is_multiple_of(LONG_ROUND) {
            let before = desk.now() - EVENTS_KEPT;
            let forgotten = desk
                .store()
                .transact(move |tx| Box::pin(async move { event::forget(tx, before).await }));
            if let Err(error) = forgotten.await {
                tracing::warn!(%error, "old messages of kiosks could not be forgotten");
            }
        }
        rounds += 1;
        tokio::select! {
            () = tokio::time::sleep(desk.house().paced(ROUND)) => {}
            _ = stop.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_follows_from_the_last_word() {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let beat = |printer: &str, reader: &str, off: i64| {
            let mut beat = Heartbeat { reader: reader.to_owned(), ..Heartbeat::default() };
            beat.printer.state = printer.to_owned();
            beat.clock_offset_ms = Some(off);
            beat
        };
        let well = beat("ready", "ready", 900);
        let ago = |seconds: i64| now - TimeDelta::seconds(seconds);
        // Beat, heard so many seconds ago, in its state for so long, idle, what is wrong.
        let table = [
            (well.clone(), 5, 600, true, vec![]),
            (well.clone(), 5, 424, false, vec![]),
            (well.clone(), 5, 425, false, vec![STUCK]),
            (Heartbeat { locked: true, ..well.clone() }, 5, 9_000, false, vec![]),
            (well.clone(), 179, 600, true, vec![]),
            (well, 180, 600, false, vec![OFFLINE]),
            (beat("near_end", "none", 0), 5, 5, true, vec![PAPER_LOW]),
            (beat("paper_out", "none", 0), 5, 5, true, vec![PAPER_OUT]),
            (beat("cutter", "lost", -30_001), 5, 5, true, vec![PRINTER, READER, CLOCK]),
            (beat("none", "card", 30_000), 5, 5, true, vec![]),
        ];
        for (beat, heard, since, idle, want) in table {
            let got = troubles(&beat, (ago(heard), ago(since), idle), now);
            assert_eq!(got, want, "{beat:?} {heard} {since} {idle}");
        }
    }
}

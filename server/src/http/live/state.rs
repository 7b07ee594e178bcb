//! What the live page shows, worked out from a few statements over everything.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use domain::{BusinessDay, ProjectId};
use gateway::Item;
use serde::Serialize;
use serde_json::Value;
use store::{StoreError, account, meter, overview, setting, site, supply, timeline, work_item};
use uuid::Uuid;
use vending::House;

mod view;
use view::Directory;

/// Orders shown with their events.
const ORDERS_MAX: u64 = 8;
/// Alarms shown.
const ALARMS_MAX: u64 = 50;
/// Rooms drawn; a larger site is shown by its first ones.
const ROOMS_MAX: usize = 2_000;
/// Hours of a day.
const HOURS: usize = 24;

/// The whole page.
#[derive(Debug, Serialize)]
pub struct LiveState {
    now: DateTime<Utc>,
    demo: bool,
    /// After a restore: nothing is sent to a meter, so whoever paid waits.
    safe_mode: bool,
    projects: Vec<Project>,
    money: Money,
    sold_today: Sum,
    sold_yesterday_same_hour: Sum,
    by_hour: Vec<i64>,
    yesterday_by_hour: Vec<i64>,
    orders: Vec<Order>,
    gateways: Gateways,
    alarms: Vec<Alarm>,
}

#[derive(Debug, Serialize)]
struct Project {
    id: i64,
    name: String,
    name_en: String,
    rooms: Vec<Room>,
}

#[derive(Debug, Serialize)]
struct Room {
    id: Uuid,
    building: String,
    floor: i32,
    number: String,
    meters: Vec<Meter>,
}

#[derive(Debug, Serialize)]
struct Meter {
    meter_no: String,
    purpose: String,
    supply: &'static str,
    balance_fen: Option<i64>,
    read_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Default, Serialize)]
struct Money {
    placed: Stage,
    paid: Stage,
    delivering: Stage,
    dark: Stage,
    uncertain: Stage,
}

#[derive(Debug, Default, Serialize)]
struct Stage {
    count: i64,
    amount_fen: i64,
    oldest_s: Option<i64>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Sum {
    count: i64,
    amount_fen: i64,
}

#[derive(Debug, Serialize)]
struct Order {
    order_no: String,
    place: String,
    purpose: String,
    amount_fen: i64,
    channel: String,
    state: String,
    events: Vec<Event>,
}

#[derive(Debug, Serialize)]
struct Event {
    at: DateTime<Utc>,
    kind: String,
    detail: Value,
}

#[derive(Debug, Serialize)]
struct Gateways {
    online: usize,
    total: usize,
}

#[derive(Debug, Serialize)]
struct Alarm {
    kind: String,
    subject: String,
    title_zh: String,
    title_en: String,
    raised_at: DateTime<Utc>,
}

/// Works the state out.
pub async fn work_out(house: &House, demo: bool) -> Result<LiveState, StoreError> {
    let db = house.store().read();
    let now = house.now();
    let directory = Directory::read(house, now).await?;
    let gateways =
        Gateways { online: directory.online.len(), total: site::gateways(db, None).await?.len() };
    let since = day_start(now) - TimeDelta::days(1);
    let curve = Curve::of(&overview::sales_since(db, since).await?, now);
    Ok(LiveState {
        now,
        demo,
        safe_mode: setting::get(db, setting::SAFE_MODE).await?.as_deref() == Some("on"),
        money: money(house, &directory, now).await?,
        orders: orders(house, &directory).await?,
        alarms: alarms(house, &directory).await?,
        projects: directory.projects,
        sold_today: curve.today_sum,
        sold_yesterday_same_hour: curve.yesterday_sum,
        by_hour: curve.today,
        yesterday_by_hour: curve.yesterday,
        gateways,
    })
}

async fn money(
    house: &House,
    directory: &Directory,
    now: DateTime<Utc>,
) -> Result<Money, StoreError> {
    let db = house.store().read();
    let mut money = Money::default();
    for sum in overview::money_by_state(db, now).await? {
        let oldest = overview::oldest_in_state(db, &sum.state, now).await?;
        let since = oldest.map(|row| row.credited_at.unwrap_or(row.placed_at));
        let stage = Stage {
            count: sum.count,
            amount_fen: sum.amount_fen,
            oldest_s: since.map(|since| (now - since).num_seconds().max(0)),
        };
        match sum.state.as_str() {
            "placed" => money.placed = stage,
            "credited" => money.paid = stage,
            "delivering" => money.delivering = stage,
            "uncertain" => money.uncertain = stage,
            _ => {}
        }
    }
    for dark in &directory.dark {
        let Some(id) = dark.order() else { continue };
        let project = ProjectId(dark.project_id);
        let Some(order) = store::order::by_id(db, project, id).await? else { continue };
        let since = order.delivered_at.or(order.credited_at).unwrap_or(order.placed_at);
        let age = (now - since).num_seconds().max(0);
        money.dark.count += 1;
        money.dark.amount_fen += order.amount_fen;
        money.dark.oldest_s = money.dark.oldest_s.max(Some(age));
    }
    Ok(money)
}

async fn orders(house: &House, directory: &Directory) -> Result<Vec<Order>, StoreError> {
    let db = house.store().read();
    let mut shown = Vec::new();
    for row in overview::latest_orders(db, ORDERS_MAX).await? {
        let events = timeline::of(db, row.project(), row.order_id()).await?;
        let event = |event: timeline::Event| Event {
            at: event.at,
            kind: event.kind,
            detail: serde_json::from_str(&event.detail).unwrap_or(Value::Null),
        };
        shown.push(Order {
            place: directory.place_of(row.meter_id),
            order_no: row.order_no,
            purpose: row.purpose,
            amount_fen: row.amount_fen,
            channel: row.channel,
            state: row.state,
            events: events.into_iter().map(event).collect(),
        });
    }
    Ok(shown)
}

/// Standing alarms, and open cases no alarm stands for: money that fits nothing.
async fn alarms(house: &House, directory: &Directory) -> Result<Vec<Alarm>, StoreError> {
    let db = house.store().read();
    let mut open = HashMap::new();
    for project in &directory.projects {
        for item in work_item::open_items(db, ProjectId(project.id)).await? {
            open.insert((item.kind.clone(), item.subject_id.clone()), item);
        }
    }
    let mut shown = Vec::new();
    for row in overview::standing_alarms(db, ALARMS_MAX).await? {
        let item = open.remove(&(row.kind.clone(), row.subject_id.clone()));
        let titles = item.map(|item| (item.title_zh, item.title_en));
        // The item may be closed, or was never opened: then its kind has a name of its own.
        let fixed = || {
            let (zh, en) = vending::notice::titles(&row.kind).unwrap_or((&row.kind, &row.kind));
            (zh.to_owned(), en.to_owned())
        };
        let (title_zh, title_en) = titles.unwrap_or_else(fixed);
        let place = row.subject_id.parse().ok().map(|id| directory.place_of(id));
        // A place is what people know; an id says nothing to them.
        let subject = place.unwrap_or_default();
        shown.push(Alarm { kind: row.kind, subject, title_zh, title_en, raised_at: row.raised_at });
    }
    let mut cases: Vec<_> =
        open.into_values().filter(|item| item.kind.starts_with("payment.")).collect();
    cases.sort_by_key(|item| (item.opened_at, item.id));
    let room = usize::try_from(ALARMS_MAX).unwrap_or_default().saturating_sub(shown.len());
    shown.extend(cases.into_iter().take(room).map(|item| Alarm {
        subject: number_of(&item.detail),
        kind: item.kind,
        title_zh: item.title_zh,
        title_en: item.title_en,
        raised_at: item.opened_at,
    }));
    Ok(shown)
}

/// Our own number in a case about money: it names the case and nobody in it.
fn number_of(detail: &str) -> String {
    let detail: Value = serde_json::from_str(detail).unwrap_or(Value::Null);
    let number = detail["order_no"].as_str().or(detail["out_trade_no"].as_str());
    number.unwrap_or_default().to_owned()
}

/// Two days of sales by hour of the local day.
#[derive(Debug, PartialEq, Eq)]
struct Curve {
    today: Vec<i64>,
    yesterday: Vec<i64>,
    today_sum: Sum,
    yesterday_sum: Sum,
}

impl Curve {
    fn of(sales: &[overview::Sale], now: DateTime<Utc>) -> Curve {
        let today_start = day_start(now);
        let same_hour = now - TimeDelta::days(1);
        let mut curve = Curve {
            today: vec![0; HOURS],
            yesterday: vec![0; HOURS],
            today_sum: Sum::default(),
            yesterday_sum: Sum::default(),
        };
        for sale in sales {
            let hour = local(sale.credited_at).hour() as usize % HOURS;
            let today = sale.credited_at >= today_start;
            let hours = if today { &mut curve.today } else { &mut curve.yesterday };
            hours[hour] += sale.amount_fen;
            if today {
                curve.today_sum.count += 1;
                curve.today_sum.amount_fen += sale.amount_fen;
            } else if sale.credited_at <= same_hour {
                curve.yesterday_sum.count += 1;
                curve.yesterday_sum.amount_fen += sale.amount_fen;
            }
        }
        curve
    }
}

/// The moment the local day of a moment began.
fn day_start(at: DateTime<Utc>) -> DateTime<Utc> {
    BusinessDay::of(at).start()
}

/// The local time of a moment, as a moment whose fields read like the clock on the wall.
fn local(at: DateTime<Utc>) -> DateTime<Utc> {
    let since = at - day_start(at);
    DateTime::UNIX_EPOCH + since
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sales_are_counted_by_the_local_hour_and_compared_up_to_the_same_time_yesterday() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let sale = |text: &str, amount_fen| overview::Sale { credited_at: at(text), amount_fen };
        let sales = [
            sale("2026-11-20T00:10:00+08:00", 100),
            sale("2026-11-20T09:59:59+08:00", 200),
            sale("2026-11-19T09:00:00+08:00", 400),
            sale("2026-11-19T23:59:59+08:00", 800),
        ];
        let curve = Curve::of(&sales, at("2026-11-20T10:00:00+08:00"));
        assert_eq!((curve.today[0], curve.today[9]), (100, 200));
        assert_eq!((curve.yesterday[9], curve.yesterday[23]), (400, 800));
        assert_eq!(curve.today_sum, Sum { count: 2, amount_fen: 300 });
        assert_eq!(curve.yesterday_sum, Sum { count: 1, amount_fen: 400 });
    }
}

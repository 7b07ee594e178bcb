//! A batch of readings bills what the same readings bill one by one, on both databases.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, ManualClock, Rng, SeededRng};
use gateway::{Gateway, Profiles, Timing};
use sqlx::{Connection, Executor, PgConnection, Row};
use store::{Store, billing, reading::gap};
use tests::{
    fixture::{Bus, Layout, PROJECT},
    world::seed,
};
use tokio::sync::mpsc;
use vending::{
    House, Parts, Settings,
    billing::{Read, Register},
    merchant::MerchantCatalogue,
};
use yufu::transport::HttpTransport;

/// Generated sites, each billed both ways.
const CASES: u64 = 8;
/// Readings of a case; more than a batch holds now and then.
const READS_MAX: u64 = 700;
const NOW: &str = "2026-11-20T06:30:00Z";

async fn schema(name: &str) -> Option<String> {
    let Ok(server) = std::env::var("YUFU_TEST_POSTGRES") else {
        let required = std::env::var("YUFU_TEST_DATABASES").is_ok_and(|v| v == "required");
        assert!(!required, "YUFU_TEST_POSTGRES names no server, but PostgreSQL is required");
        eprintln!("NOTICE: YUFU_TEST_POSTGRES is not set, this half did not run");
        return None;
    };
    let name = format!("yufu_bill_{}_{name}", std::process::id());
    let mut db = PgConnection::connect(&server).await.unwrap();
    db.execute(sqlx::AssertSqlSafe(format!("drop schema if exists {name} cascade"))).await.unwrap();
    db.execute(sqlx::AssertSqlSafe(format!("create schema {name}"))).await.unwrap();
    Some(format!("{server}?options=-csearch_path%3D{name}"))
}

/// A house nobody works in, over a site of platform-held meters and one that keeps its money.
async fn house(url: &str, chance: &SeededRng) -> (House, Layout) {
    let store = Store::open(url).await.unwrap();
    store.migrate().await.unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let rng = Arc::new(SeededRng::new(chance.below(u64::MAX)));
    let (events, _) = mpsc::channel(16);
    let profiles = Profiles::embedded().unwrap();
    let gateway = Gateway::start(Timing::default(), profiles, clock.clone(), rng.clone(), events);
    let transport = Arc::new(HttpTransport::new().unwrap());
    let (merchants, settings) = (MerchantCatalogue::default(), Settings::default());
    let mut layout = Layout::new(&[Bus { prepaid: 1, remote: 5, water: 2 }], 1, 1, clock.now());
    // A purse two meters share, a flat nobody lives in, a current transformer, kept power.
    let shared = layout.places[1].account;
    let meters = &mut layout.places;
    meters[2].meter.account_id = Some(shared.0);
    meters[3].meter.account_id = None;
    meters[4].meter.ct = 40;
    meters[5].meter.supply_policy = "keep-power".to_owned();
    layout.store(&store, Vec::new()).await;
    let parts = Parts { store, gateway, transport, merchants, clock, rng, settings };
    (House::new(parts), layout)
}

/// Readings as a sweep brings them: mostly forwards, now and then equal, late or a second time.
fn readings(layout: &Layout, chance: &SeededRng) -> Vec<Read> {
    let start: DateTime<Utc> = DateTime::parse_from_rfc3339(NOW).unwrap().to_utc();
    let mut at = vec![(start - TimeDelta::days(2), 1_000_000i64); layout.places.len()];
    let mut reads: Vec<Read> = Vec::new();
    for _ in 0..chance.below(READS_MAX) + 20 {
        let place = chance.below(layout.places.len() as u64) as usize;
        let (moment, value) = &mut at[place];
        let (step, used) = match chance.below(8) {
            0 => (900, 0),
            1 => (0, 370),
            2 => (7_200, 45_678),
            _ => (900, (chance.below(500) * 10) as i64),
        };
        (*moment, *value) = (*moment + TimeDelta::seconds(step), *value + used);
        let late = TimeDelta::seconds(if chance.below(16) == 0 { 1_000 } else { 0 });
        let mut read = Register::read(*value, *moment - late);
        read.frozen = chance.below(20) == 0;
        let meter = &layout.places[place].meter;
        reads.push((meter.project(), meter.meter_id(), read));
        if chance.below(10) == 0 {
            reads.extend(reads.last().copied());
        }
    }
    // Nobody's meter stops no neighbour.
    reads.push((PROJECT, domain::MeterId(uuid::Uuid::from_u128(404)), Register::read(1, start)));
    reads
}

/// Gaps of one meter: one that is over, one whose meter is still asked.
async fn gaps(house: &House, layout: &Layout) {
    let start: DateTime<Utc> = DateTime::parse_from_rfc3339(NOW).unwrap().to_utc();
    let gap = |place: usize, hours: i64, back_fill: &str| gap::Gap {
        project_id: PROJECT.0,
        meter_id: layout.places[place].meter.id,
        item: 1,
        from_at: start - TimeDelta::days(2) + TimeDelta::hours(hours),
        from_value: 1_000_000,
        to_at: Some(start - TimeDelta::days(2) + TimeDelta::hours(hours + 4)),
        to_value: Some(1_000_000),
        reason: "meter-silent".to_owned(),
        noticed_at: start,
        back_fill: back_fill.to_owned(),
        filled_at: None,
        filled_value: None,
    };
    let rows = [gap(1, 1, gap::FILL_NONE), gap(2, 1, gap::FILL_WANTED)];
    let noted =
        house.store().transact(move |tx| Box::pin(async move { gap::note(tx, &rows).await }));
    noted.await.unwrap();
}

/// What was written, without the ids that differ from run to run.
#[derive(Debug, PartialEq, Eq)]
struct Written {
    lines: Vec<String>,
    cursors: Vec<String>,
    postings: BTreeMap<String, u32>,
    purses: Vec<String>,
    jobs: Vec<String>,
}

async fn written(url: &str, house: &House, layout: &Layout) -> Written {
    let db = house.store().read();
    let (mut lines, mut cursors) = (Vec::new(), Vec::new());
    let far = DateTime::UNIX_EPOCH;
    let accounts: std::collections::BTreeSet<_> = layout.places.iter().map(|p| p.account).collect();
    for account in accounts {
        for line in billing::lines(db, PROJECT, account, far).await.unwrap() {
            let billing::BillLine { id: _, transaction_id, .. } = &line;
            let booked = transaction_id.is_some();
            let nil = uuid::Uuid::nil();
            let line = billing::BillLine { id: nil, transaction_id: None, ..line };
            lines.push(format!("{line:?} {booked}"));
        }
    }
    lines.sort();
    for place in &layout.places {
        let cursor = billing::cursor(db, PROJECT, place.meter.meter_id()).await.unwrap();
        cursors.push(format!("{cursor:?}"));
    }
    let rows = |sql: &'static str| text_rows(url, sql);
    let mut postings = BTreeMap::new();
    for row in
        rows("select debit || '|' || credit || '|' || cast(amount_fen as text) from posting").await
    {
        *postings.entry(row).or_default() += 1;
    }
    let purses = "select ledger_account || '|' || cast(balance_fen as text) || '|' || \
         cast(held_fen as text) from purse order by 1";
    let jobs = "select kind || '|' || key || '|' || state || '|' || payload from job order by 1";
    Written { lines, cursors, postings, purses: rows(purses).await, jobs: rows(jobs).await }
}

async fn text_rows(url: &str, sql: &'static str) -> Vec<String> {
    if url.starts_with("postgres") {
        let mut db = PgConnection::connect(url).await.unwrap();
        let rows = sqlx::query(sql).fetch_all(&mut db).await.unwrap();
        return rows.iter().map(|row| row.get(0)).collect();
    }
    let mut db = sqlx::SqliteConnection::connect(url).await.unwrap();
    let rows = sqlx::query(sql).fetch_all(&mut db).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn compare(urls: [String; 2], case: u64) -> usize {
    let mut both = Vec::new();
    for (way, url) in urls.iter().enumerate() {
        // The same chance for both ways: the same site, the same readings.
        let chance = SeededRng::new(case);
        let (house, layout) = house(url, &chance).await;
        gaps(&house, &layout).await;
        let reads = readings(&layout, &chance);
        let refused = if way == 0 {
            let mut refused = 0;
            for (project, meter, read) in reads {
                refused += usize::from(house.bill(project, meter, read).await.is_err());
            }
            refused
        } else {
            house.bill_all(reads).await.len()
        };
        assert_eq!(refused, 1, "nobody's meter and no other");
        house.store().audit(Some(PROJECT)).await.unwrap();
        both.push(written(url, &house, &layout).await);
    }
    let (one_by_one, batch) = (&both[0], &both[1]);
    assert_eq!(one_by_one.cursors, batch.cursors, "case {case}");
    assert_eq!(one_by_one.lines, batch.lines, "case {case}");
    assert_eq!(one_by_one, batch, "case {case}");
    batch.lines.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_bills_what_its_readings_bill_one_by_one() {
    let (first, mut lines) = (seed(), 0);
    for case in (0..CASES).map(|n| first.wrapping_add(n)) {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| format!("sqlite:{}", dir.path().join(name).display());
        lines += compare([file("one.db"), file("all.db")], case).await;
    }
    for case in (0..CASES / 4).map(|n| first.wrapping_add(n)) {
        let Some(one) = schema(&format!("{case}_one")).await else { break };
        let all = schema(&format!("{case}_all")).await.unwrap();
        lines += compare([one, all], case).await;
    }
    assert!(lines > 100, "{lines} lines tell too little");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_breaks_a_rule_takes_no_neighbour_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("one.db").display());
    let (house, layout) = house(&url, &SeededRng::new(7)).await;
    let start: DateTime<Utc> = DateTime::parse_from_rfc3339(NOW).unwrap().to_utc();
    let all = |n: i64| {
        let read = Register::read(1_000_000 + n * 1_000, start + TimeDelta::minutes(n));
        let meters = layout.places.iter().map(|place| &place.meter);
        meters.map(|meter| (PROJECT, meter.meter_id(), read)).collect::<Vec<_>>()
    };
    for n in 0..2 {
        assert!(house.bill_all(all(n)).await.is_empty());
    }
    // The purse of the sixth place is as empty as a purse can be: one fen more breaks its row.
    let broken = &layout.places[5];
    let mut db = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let sql = "update purse set balance_fen = -9000000000000000 where ledger_account like $1";
    let account = format!("purse:{}:%", broken.account);
    let done = sqlx::query(sql).bind(account).execute(&mut db).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    let refused = house.bill_all(all(2)).await;
    assert_eq!(refused.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [broken.meter.meter_id()]);
    for (number, place) in layout.places.iter().enumerate() {
        let id = place.meter.meter_id();
        let cursor = billing::cursor(house.store().read(), PROJECT, id).await.unwrap();
        // The first keeps its money itself; it was never counted.
        let at = if number == 5 { 1_001_000 } else { 1_002_000 };
        let expected = (number > 0).then_some(at);
        assert_eq!(cursor.map(|cursor| cursor.value), expected, "place {number}");
    }
}

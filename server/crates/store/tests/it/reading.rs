//! Readings: appended, folded, read back.

use chrono::TimeDelta;
use domain::{BusinessDay, MeterId};
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait, Statement};
use store::{
    Store,
    entity::{reading_day, reading_today},
    reading::{self, Point, Quality, Reading},
};

use crate::{
    base::Base,
    site::{PROJECT, at, id},
};

fn meter(n: u128) -> MeterId {
    MeterId(id(10 + n))
}

fn reading(n: u128, at: chrono::DateTime<chrono::Utc>, value: i64) -> Reading {
    let (project, meter, quality) = (PROJECT, meter(n), Quality::Good);
    Reading { project, meter, item: 1, at, value, quality, received_at: at }
}

async fn values(store: &Store, n: u128) -> Vec<i64> {
    let (from, until) = (at(-86_400 * 9), at(86_400 * 9));
    let points = reading::range(store.read(), PROJECT, meter(n), 1, from, until).await.unwrap();
    points.iter().map(|point| point.value).collect()
}

#[tokio::test]
async fn an_older_reading_never_replaces_the_latest_and_a_doubtful_one_is_no_history() {
    for base in Base::each().await {
        let store = base.store().await;
        let doubtful = Reading { quality: Quality::Doubtful, ..reading(0, at(50), 9) };
        let batches = [
            vec![reading(0, at(20), 200), reading(0, at(10), 100), reading(1, at(5), 7)],
            // Late, and said twice.
            vec![reading(0, at(15), 150), reading(0, at(15), 151), reading(0, at(10), 100)],
            vec![doubtful],
        ];
        for (batch, want) in batches.into_iter().zip([200, 200, 9]) {
            store.append_readings(batch).await.unwrap();
            let latest = reading::latest(store.read(), PROJECT, meter(0), 1).await.unwrap();
            assert_eq!(latest.unwrap().value, want);
        }
        assert_eq!(values(&store, 0).await, [100, 150, 200]);
        assert_eq!(values(&store, 1).await, [7]);
        base.end().await;
    }
}

#[tokio::test]
async fn a_folded_day_reads_back_value_for_value() {
    for base in Base::each().await {
        let store = base.store().await;
        let day = BusinessDay::of(at(0));
        let start = day.start();
        let quarter = |n: i64| start + TimeDelta::minutes(15 * n);
        // A day before, the day, and one value of the day after; 250 meters make several turns.
        let readings = (0..250u128)
            .flat_map(|m| (-2..98).map(move |n| reading(m, quarter(n), 1000 * m as i64 + n * 10)));
        let readings: Vec<Reading> = readings.collect();
        for chunk in readings.chunks(reading::APPEND_MAX) {
            store.append_readings(chunk.to_vec()).await.unwrap();
        }
        let before = values(&store, 249).await;
        assert_eq!(store.fold_day(PROJECT, day).await.unwrap(), 250);
        assert_eq!(values(&store, 249).await, before);
        assert_eq!(reading_day::Entity::find().count(store.read()).await.unwrap(), 250);
        assert_eq!(reading_today::Entity::find().count(store.read()).await.unwrap(), 250 * 4);
        // A late value joins its day; folding again changes nothing else.
        let late = start + TimeDelta::minutes(7);
        store.append_readings(vec![reading(249, late, 249_005)]).await.unwrap();
        assert_eq!(store.fold_day(PROJECT, day).await.unwrap(), 1);
        assert_eq!(store.fold_day(PROJECT, day).await.unwrap(), 0);
        let points = reading::range(store.read(), PROJECT, meter(249), 1, start, quarter(1)).await;
        let want = [Point { at: start, value: 249_000 }, Point { at: late, value: 249_005 }];
        assert_eq!(points.unwrap(), want);
        base.end().await;
    }
}

/// Goal G7: at most 2.0 bytes a reading in the file, keys and indexes included.
#[tokio::test]
async fn a_month_of_load_curves_takes_at_most_two_bytes_a_reading() {
    let base = Base::sqlite();
    let store = base.store().await;
    let first = BusinessDay::of(at(0)).start();
    let mut seed = 1u64;
    for day in 0..30i64 {
        let mut readings = Vec::new();
        for m in 0..60u128 {
            let mut value = 1_000_000 + day * 20_000;
            for n in 0..96 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Up to 6 kW in steps of ten watt-hours, read within seconds of the quarter.
                value += ((seed >> 33) % 60) as i64 * 10;
                let second = ((seed >> 50) % 40) as i64;
                let at = first + TimeDelta::days(day) + TimeDelta::seconds(n * 900 + second);
                readings.push(reading(m, at, value));
            }
        }
        store.append_readings(readings).await.unwrap();
        store.fold_day(PROJECT, BusinessDay::of(first + TimeDelta::days(day))).await.unwrap();
    }
    let db = store.read();
    let sql = "select sum(length(series) + length(meter_id) + length(day) + 8) from reading_day";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let payload: i64 = row.unwrap().unwrap().try_get_by_index(0).unwrap();
    let sql = "select count(*) * 4096 from dbstat where name = 'reading_day'";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    // Where the page statistics are not compiled in, the rows themselves are counted.
    let bytes = row.map_or(payload, |row| row.unwrap().try_get_by_index(0).unwrap());
    let per_reading = bytes as f64 / (30.0 * 60.0 * 96.0);
    assert!(per_reading <= 2.0, "{per_reading:.2} bytes a reading");
    base.end().await;
}

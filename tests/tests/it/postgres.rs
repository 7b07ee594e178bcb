//! The same world on PostgreSQL: what holds on the embedded database holds there too.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use domain::{Channel, Money, OrderState};
use meter_simulator::{Knob, Setting};
use provider_simulator::{Fault, Pay, Rule, Site as Place};
use sqlx::{Connection, Executor, PgConnection, Row};
use tests::{
    base,
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};
use vending::{order::PlaceOrder, payment::call::Payer};

/// The test server; `None`, with a notice, where there is none and none is required.
fn server() -> Option<String> {
    let server = std::env::var("YUFU_TEST_POSTGRES").ok();
    if server.is_none() {
        let required = std::env::var("YUFU_TEST_DATABASES").is_ok_and(|v| v == "required");
        assert!(!required, "YUFU_TEST_POSTGRES names no server, but PostgreSQL is required");
        eprintln!("NOTICE: YUFU_TEST_POSTGRES is not set, this test did not run");
    }
    server
}

/// A schema of its own on the test server, if there is one.
pub(super) async fn schema(name: &str) -> Option<Schema> {
    Some(Schema::on(server()?, name).await)
}

/// A schema that is there for one test.
pub(super) struct Schema {
    server: String,
    name: String,
    pub(super) url: String,
}

impl Schema {
    async fn on(server: String, name: &str) -> Schema {
        let name = format!("yufu_world_{}_{name}", std::process::id());
        let schema = Schema {
            url: format!("{server}?application_name={name}&options=-csearch_path%3D{name}"),
            server,
            name,
        };
        schema.run(format!("drop schema if exists {} cascade", schema.name)).await;
        schema.run(format!("create schema {}", schema.name)).await;
        schema
    }

    async fn run(&self, sql: String) {
        let mut db = PgConnection::connect(&self.server).await.unwrap();
        db.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    }

    pub(super) async fn end(self) {
        // A world that was only dropped still holds its connections, and may hold locks.
        let those = format!("from pg_stat_activity where application_name = '{}'", self.name);
        self.run(format!("select pg_terminate_backend(pid) {those}")).await;
        self.run(format!("drop schema {} cascade", self.name)).await;
    }
}

/// Runs a test whose worlds keep their rows on PostgreSQL, each in a schema of its own.
pub(super) async fn on_postgresql(test: impl Future<Output = ()>) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Some(server) = server() else { return };
    let made = Arc::new(Mutex::new(Vec::new()));
    let kept = made.clone();
    let maker: base::Maker = Arc::new(move || {
        let (server, kept) = (server.clone(), kept.clone());
        Box::pin(async move {
            let no = NEXT.fetch_add(1, Ordering::Relaxed);
            let schema = Schema::on(server, &format!("both_{no}")).await;
            let url = schema.url.clone();
            kept.lock().unwrap().push(schema);
            url
        })
    });
    base::within(maker, test).await;
    let made = std::mem::take(&mut *made.lock().unwrap());
    for schema in made {
        schema.end().await;
    }
}

/// Makes tests of bodies: each runs once per database, as a test of its own.
macro_rules! on_both_databases {
    ($($body:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                super::$body().await;
            })+
        }

        mod on_postgresql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                $crate::it::postgres::on_postgresql(super::$body()).await;
            })+
        }
    };
}
pub(crate) use on_both_databases;

#[tokio::test(flavor = "multi_thread")]
async fn a_top_up_ends_with_the_light_on_postgresql_as_well() {
    let Some(schema) = schema("walk").await else { return };
    let plan = Plan {
        database: Some(schema.url.clone()),
        ..Plan::new(vec![Bus::mixed(), Bus::prepaid(4)])
    };
    let world = World::start(plan).await;
    world.site.turn_all(Knob::DropReply, Setting::percent(5));
    let mut wanted = 0;
    for round in 0..3 {
        let orders = (0..world.layout.places.len()).map(async |place| {
            let fen = 1_000 + round * 10 + i64::try_from(place).unwrap();
            let (order, no) = world.order(place, fen, Channel::WechatNative).await;
            world.provider.pay_now(&no, Pay::default()).unwrap();
            world.until(order.order_id(), OrderState::Restored).await;
            fen
        });
        wanted += futures::future::join_all(orders).await.iter().sum::<i64>();
    }
    let report = world.house.store().audit(Some(PROJECT)).await.unwrap();
    assert_eq!(world.provider.sum_paid_fen(), wanted);
    assert_eq!((report.open_holds, report.credited_facts), (0, 21));
    world.stop().await;
    schema.end().await;
}

/// A connection that holds the row of an attempt, changed and not yet committed.
async fn hold_attempt(url: &str, order: uuid::Uuid) -> (PgConnection, i32) {
    let mut holder = PgConnection::connect(url).await.unwrap();
    holder.execute("begin").await.unwrap();
    let changed = sqlx::query("update attempt set version = version + 1 where order_id = $1")
        .bind(order)
        .execute(&mut holder)
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 1);
    let pid = sqlx::query("select pg_backend_pid()").fetch_one(&mut holder).await.unwrap();
    (holder, pid.get(0))
}

/// Waits until somebody waits for the holder.
async fn until_blocked(url: &str, holder: i32) {
    let mut watch = PgConnection::connect(url).await.unwrap();
    loop {
        let waiting = sqlx::query(
            "select count(*) from pg_stat_activity where $1 = any(pg_blocking_pids(pid))",
        )
        .bind(holder)
        .fetch_one(&mut watch)
        .await
        .unwrap();
        if waiting.get::<i64, _>(0) > 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_answer_is_noted_although_somebody_changes_the_attempt_meanwhile() {
    let Some(schema) = schema("note").await else { return };
    let url = schema.url.clone();
    // At full pace no query of ours comes within the first five seconds.
    let tune = |config: &mut yufu::config::Config| config.vending.pace_percent = 100;
    let plan = Plan { database: Some(url.clone()), tune, ..Plan::new(vec![Bus::prepaid(1)]) };
    let world = World::start(plan).await;
    let cut = Rule::new(Place::Create, Fault::Cut { effect: true }).times(1);
    world.provider.add_rule(cut);
    let wish = PlaceOrder {
        client_id: "phone-0000000007".to_owned(),
        meter: world.layout.places[0].meter.meter_id(),
        channel: Channel::WechatNative,
        amount: Money::from_fen(5_000),
        operator: None,
    };
    let order = world.house.place_order(PROJECT, wish).await.unwrap();
    world.house.start_payment(&order, Payer::default()).await.unwrap_err();
    let (mut holder, pid) = hold_attempt(&url, order.id).await;
    let (house, again) = (world.house.clone(), order.clone());
    let asking = tokio::spawn(async move { house.start_payment(&again, Payer::default()).await });
    until_blocked(&url, pid).await;
    holder.execute("commit").await.unwrap();
    let offer = asking.await.unwrap().expect("the payer gets the code all the same");
    assert_eq!(offer.attempt.attempt_no, 1);
    drop(holder);
    world.stop().await;
    schema.end().await;
}

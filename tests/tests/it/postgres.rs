//! The same world on PostgreSQL: what holds on the embedded database holds there too.

use domain::{Channel, OrderState};
use meter_simulator::{Knob, Setting};
use provider_simulator::Pay;
use sqlx::{Connection, Executor, PgConnection};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};

/// A schema of its own on the test server; `None`, with a notice, where there is no server and
/// none is required.
async fn schema(name: &str) -> Option<String> {
    let Ok(server) = std::env::var("YUFU_TEST_POSTGRES") else {
        let required = std::env::var("YUFU_TEST_DATABASES").is_ok_and(|v| v == "required");
        assert!(!required, "YUFU_TEST_POSTGRES names no server, but PostgreSQL is required");
        eprintln!("NOTICE: YUFU_TEST_POSTGRES is not set, this test did not run");
        return None;
    };
    let name = format!("yufu_world_{}_{name}", std::process::id());
    let mut db = PgConnection::connect(&server).await.unwrap();
    db.execute(sqlx::AssertSqlSafe(format!("drop schema if exists {name} cascade"))).await.unwrap();
    db.execute(sqlx::AssertSqlSafe(format!("create schema {name}"))).await.unwrap();
    Some(format!("{server}?options=-csearch_path%3D{name}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_up_ends_with_the_light_on_postgresql_as_well() {
    let Some(url) = schema("walk").await else { return };
    let plan = Plan { database: Some(url), ..Plan::new(vec![Bus::mixed(), Bus::prepaid(4)]) };
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
}

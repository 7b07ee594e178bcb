//! The workers: who is served while others wait, whose jobs are whose, and what a clock that jumps
//! does to them.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::{
    Channel, Clock, JobId, ManualClock, Money, OperatorId, OrderId, OrderState, SystemClock,
};
use meter_simulator::{Knob, Setting};
use store::{
    job::{self, Claim, GatewayFilter, Job},
    work_item,
};
use tests::{
    fixture::{Bus, Layout, PROJECT},
    still::StillHouse,
};
use vending::{House, Settings, order::PlaceOrder};

fn remote(counts: &[usize], clock: &dyn Clock) -> Layout {
    let bus = |remote: &usize| Bus { prepaid: 0, remote: *remote, water: 0 };
    Layout::new(&counts.iter().map(bus).collect::<Vec<_>>(), 1, 50, clock.now())
}

async fn sell(still: &StillHouse, place: usize, fen: i64) -> OrderId {
    let house = &still.house;
    let wish = wish(still, place, fen, Channel::Cash);
    let operator = OperatorId(uuid::Uuid::from_u128(77));
    house.sell_at_counter(PROJECT, operator, wish, None).await.unwrap().order_id()
}

fn wish(still: &StillHouse, place: usize, fen: i64, channel: Channel) -> PlaceOrder {
    let house = &still.house;
    PlaceOrder {
        client_id: OrderId::generate(house.clock(), house.rng()).to_string(),
        meter: still.layout.places[place].meter.meter_id(),
        channel,
        amount: Money::from_fen(fen),
        operator: None,
    }
}

/// A look at a meter, as its bill would have it or as somebody wakes it.
fn look(
    house: &House,
    kind: &str,
    meter: &store::meter::Meter,
    key: &str,
    after: TimeDelta,
) -> Job {
    let id = JobId::generate(house.clock(), house.rng());
    let payload = format!("{{\"meter\":\"{}\"}}", meter.id);
    let priority = if kind == "arrears" { job::PRIORITY_BACKGROUND } else { 0 };
    let gateway_id = Some(meter.gateway_id);
    let draft = job::draft(PROJECT, id, kind, key, house.now() + after);
    Job { payload, priority, gateway_id, ..draft }
}

async fn add(house: &House, jobs: Vec<Job>) {
    let added = house.store().transact(move |tx| {
        Box::pin(async move {
            for job in &jobs {
                job::insert(tx, job).await?;
            }
            Ok::<_, store::StoreError>(())
        })
    });
    added.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_never_waits_for_arrears() {
    // Eight workers; twelve meters that do not answer are to be looked at for arrears.
    let clock = Arc::new(SystemClock::new());
    let settings = Settings { jobs_at_once: 8, pace: 0.02, ..Settings::default() };
    let layout = remote(&[1, 12], clock.as_ref());
    let mut still = StillHouse::open(layout, None, clock, settings).await;
    let site = still.connect().await;
    for place in &still.layout.places[1..] {
        site.meter(&place.meter.address).unwrap().turn(Knob::Dead, Setting::default());
    }
    let key = |place: &tests::fixture::Place| place.meter.id.to_string();
    let owing = still.layout.places[1..]
        .iter()
        .map(|place| look(&still.house, "arrears", &place.meter, &key(place), TimeDelta::zero()));
    add(&still.house, owing.collect()).await;
    let held = async || {
        let mut held = 0;
        for place in &still.layout.places[1..] {
            let job = still.job("arrears", &key(place)).await;
            held += usize::from(job.is_some_and(|job| job.state == "leased"));
        }
        assert!(held <= 2, "{held} of 8 workers look at arrears");
        held
    };
    let stop = still.work();
    still.until("two look at arrears", async || held().await == 2).await;
    let order = sell(&still, 0, 10_000).await;
    let restored = async || {
        held().await;
        let order = still.house.order(PROJECT, order).await.unwrap();
        order.state().unwrap() == OrderState::Restored
    };
    still.until("the light of who has paid", restored).await;
    drop(stop);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_room_behind_an_offline_gateway_alarms_on_many_nodes() {
    let clock = Arc::new(ManualClock::at("2026-11-20T06:00:00Z"));
    let settings = Settings { many_nodes: true, pace: 0.02, ..Settings::default() };
    let layout = remote(&[1], clock.as_ref());
    let still = StillHouse::open(layout, None, clock.clone(), settings).await;
    let stop = still.work();
    // Nobody owns the gateway, because it is connected nowhere.
    sell(&still, 0, 10_000).await;
    let subject = still.layout.places[0].meter.id.to_string();
    let alarmed = async || {
        clock.advance(Duration::from_secs(1));
        let db = still.house.store().read();
        work_item::standing(db, PROJECT, "supply.dark", &subject).await.unwrap().is_some()
    };
    still.until("paid but dark is an alarm", alarmed).await;
    let (db, id) = (still.house.store().read(), still.layout.places[0].meter.meter_id());
    let row = store::supply::of_meter(db, PROJECT, id).await.unwrap().unwrap();
    let reason = format!("dark:{id}:{}", row.desired_seq);
    assert!(still.job("notice", &reason).await.is_some(), "whoever paid is told");
    drop(stop);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_follows_its_meter_to_another_gateway() {
    let clock = Arc::new(SystemClock::new());
    let settings = Settings { pace: 0.02, ..Settings::default() };
    let layout = remote(&[1, 1], clock.as_ref());
    let still = StillHouse::open(layout, None, clock, settings).await;
    let (meter, other) = (&still.layout.places[0].meter, &still.layout.places[1].meter);
    // The job was written while the meter hung on the other gateway.
    let written = look(&still.house, "supply", meter, "moved", TimeDelta::zero());
    add(&still.house, vec![Job { gateway_id: Some(other.gateway_id), ..written }]).await;
    let stop = still.work();
    let followed = async || {
        let job = still.job("supply", "moved").await.unwrap();
        job.state == "done" && job.gateway_id == Some(meter.gateway_id)
    };
    still.until("the job is done by who reaches the meter", followed).await;
    drop(stop);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_400_days_and_back_neither_expires_nor_stops_billing() {
    let clock = Arc::new(ManualClock::at("2026-11-20T06:00:00Z"));
    let settings = Settings { pace: 0.02, ..Settings::default() };
    let layout = remote(&[1], clock.as_ref());
    let still = StillHouse::open(layout, None, clock.clone(), settings).await;
    let (house, meter) = (still.house.clone(), still.layout.places[0].meter.clone());
    let stop = still.work();
    let soon = |key: &str, after| look(&house, "supply", &meter, key, after);
    let is_done = async |key: &str| still.job("supply", key).await.unwrap().state == "done";
    add(&house, vec![soon("first", TimeDelta::zero())]).await;
    still.until("the worker works", async || is_done("first").await).await;
    let wish = wish(&still, 0, 5_000, Channel::WechatNative);
    let order = house.place_order(PROJECT, wish).await.unwrap().order_id();

    // A turn that is under way in this process: its lease is counted by the steady clock.
    add(&house, vec![soon("held", TimeDelta::hours(1))]).await;
    let held = Claim {
        owner: "slow".to_owned(),
        kinds: Vec::new(),
        gateways: GatewayFilter::Any,
        limit: 1,
        background_limit: 0,
        lease: Duration::from_secs(90),
        now: house.now() + TimeDelta::hours(2),
        lease_now: house.steady_now(),
        take_back: false,
    };
    let held = house.store().claim(held).await.unwrap().remove(0);

    let right = clock.now();
    for (key, jump) in [("ahead", TimeDelta::days(400)), ("behind", TimeDelta::zero())] {
        // Whatever waits for the time as it was looks at once, in both directions.
        add(&house, vec![soon(key, TimeDelta::minutes(30))]).await;
        clock.jump_to(right + jump);
        still.until(key, async || is_done(key).await).await;
        house.close_expired().await.unwrap();
        let state = house.order(PROJECT, order).await.unwrap().state().unwrap();
        assert_eq!(state, OrderState::Placed, "{key}");
        let job = still.job("supply", "held").await.unwrap();
        assert_eq!((job.state.as_str(), job.lease_token), ("leased", held.lease_token), "{key}");
    }
    // Ten quiet minutes later time counts again, and the order is over.
    clock.advance(Duration::from_secs(20 * 60));
    house.close_expired().await.unwrap();
    let state = house.order(PROJECT, order).await.unwrap().state().unwrap();
    assert_eq!(state, OrderState::Closed);
    drop(stop);
}

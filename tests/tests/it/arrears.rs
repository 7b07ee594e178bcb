//! Readings become bills, bills become arrears, arrears may become a dark window, and a payment
//! lights it again. Nobody is cut off while any rule forbids it.

use std::time::Duration;

use domain::{Channel, JobId, Money, OperatorId, OrderId, OrderState, ProjectId};
use ledger::LedgerAccount;
use store::{
    job::{self, Job},
    meter, setting, supply,
};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};
use vending::{
    VendingError,
    billing::{Billed, Register},
    order::PlaceOrder,
    supply::switch::Wanted,
};

/// Platform-held meters whose use is dear: 10 yuan a kWh, so that a purse empties while one looks.
fn dear(remote: usize) -> Plan {
    Plan {
        tune: |config| config.vending.order_min_fen = 1,
        interval_s: 1,
        price_micro_yuan: 10_000_000,
        ..Plan::new(vec![Bus { prepaid: 0, remote, water: 0 }])
    }
}

async fn sell(world: &World, place: usize, fen: i64) -> OrderId {
    let wish = PlaceOrder {
        client_id: OrderId::generate(world.house.clock(), world.house.rng()).to_string(),
        meter: world.layout.places[place].meter.meter_id(),
        channel: Channel::Cash,
        amount: Money::from_fen(fen),
        operator: None,
    };
    let operator = OperatorId(uuid::Uuid::from_u128(77));
    let sold = world.house.sell_at_counter(PROJECT, operator, wish, None).await.unwrap();
    sold.order_id()
}

/// Waits until the simulated relay stands as wanted.
async fn until_relay(world: &World, place: usize, closed: bool) {
    let meter = world.site.meter(&world.layout.places[place].meter.address).unwrap();
    let seen = tokio::time::timeout(Duration::from_secs(60), async {
        while meter.snapshot().relay_closed != closed {
            world.house.store().wait_for_work(Duration::from_millis(20)).await;
        }
    });
    assert!(seen.await.is_ok(), "the relay of place {place} never stood at closed={closed}");
}

async fn purse_fen(world: &World, place: usize) -> i64 {
    let account = world.layout.places[place].account;
    let purse = LedgerAccount::Purse(account, domain::Purpose::Electricity);
    let db = world.house.store().read();
    store::ledger::balance(db, PROJECT, purse).await.unwrap().posted.fen()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_who_runs_out_is_cut_off_and_a_payment_brings_the_light_back() {
    let world = World::start(dear(1)).await;
    let first = sell(&world, 0, 20).await;
    world.until(first, OrderState::Restored).await;
    until_relay(&world, 0, false).await;
    assert!(purse_fen(&world, 0).await < 0, "cut off in arrears only");
    let second = sell(&world, 0, 10_000).await;
    world.until(second, OrderState::Restored).await;
    until_relay(&world, 0, true).await;
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

/// Has a meter looked at for arrears, as its next bill line would; some are not even asked about.
async fn ask(world: &World, place: usize) {
    let meter = &world.layout.places[place].meter;
    let id = JobId::generate(world.house.clock(), world.house.rng());
    let draft = job::draft(PROJECT, id, "arrears", &meter.id.to_string(), world.house.now());
    let asked = Job {
        payload: format!("{{\"meter\":\"{}\"}}", meter.id),
        gateway_id: Some(meter.gateway_id),
        priority: job::PRIORITY_BACKGROUND,
        ..draft
    };
    let store = world.house.store();
    store
        .transact(move |tx| Box::pin(async move { job::schedule(tx, &asked).await }))
        .await
        .unwrap();
}

/// Waits until a purse is deep in arrears and a whole look at the meter after that has ended.
async fn until_judged(world: &World, place: usize) {
    let db = world.house.store().read();
    let key = world.layout.places[place].meter.id.to_string();
    let turns = async || {
        let job = job::by_key(db, PROJECT, "arrears", &key).await.unwrap();
        job.map_or((0, false), |job| (job.lease_token, job.state == "leased"))
    };
    let judged = tokio::time::timeout(Duration::from_secs(120), async {
        while purse_fen(world, place).await > -20 {
            world.house.store().wait_for_work(Duration::from_millis(20)).await;
        }
        let (before, _) = turns().await;
        ask(world, place).await;
        while !matches!(turns().await, (turn, false) if turn > before) {
            world.house.store().wait_for_work(Duration::from_millis(20)).await;
        }
    });
    assert!(judged.await.is_ok(), "nobody looked at place {place}");
}

/// Nobody was cut off by a look that found arrears, and the rule alone was why: without it the
/// next look cuts.
async fn only_the_rule_stood_between(world: &World, place: usize, lift: impl AsyncFnOnce()) {
    until_judged(world, place).await;
    let address = &world.layout.places[place].meter.address;
    let meter = world.site.meter(address).unwrap().snapshot();
    assert_eq!((meter.trips, meter.relay_closed), (0, true), "{address} was cut off");
    lift().await;
    ask(world, place).await;
    until_relay(world, place, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_cut_off_while_any_rule_forbids_it() {
    let world = World::start(dear(2)).await;
    // Place 0 is kept on by an operator, place 1 belongs to a protected tenant.
    let kept = world.layout.places[0].meter.meter_id();
    world.house.steer_supply(PROJECT, kept, Wanted::KeepPower(true)).await.unwrap();
    let account = world.layout.places[1].account;
    let protect = async |protected: bool| {
        let done = world.house.store().transact(move |tx| {
            Box::pin(async move { store::account::protect(tx, PROJECT, account, protected).await })
        });
        done.await.unwrap();
    };
    protect(true).await;
    for place in 0..2 {
        let order = sell(&world, place, 1).await;
        world.until(order, OrderState::Restored).await;
    }
    only_the_rule_stood_between(&world, 0, async || {
        world.house.steer_supply(PROJECT, kept, Wanted::KeepPower(false)).await.unwrap();
    })
    .await;
    only_the_rule_stood_between(&world, 1, async || protect(false).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_cut_off_in_safe_mode() {
    let world = World::start(dear(1)).await;
    let safe = async |value: &'static str| {
        let set = world.house.store().transact(move |tx| {
            Box::pin(setting::set(tx, vending::arrears::SETTING_SAFE_MODE, value))
        });
        set.await.unwrap();
    };
    safe("on").await;
    let order = sell(&world, 0, 1).await;
    world.until(order, OrderState::Restored).await;
    only_the_rule_stood_between(&world, 0, async || safe("off").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_arrives_twice_is_billed_once() {
    let world = World::start(Plan::new(vec![Bus { prepaid: 0, remote: 1, water: 0 }])).await;
    let id = world.layout.places[0].meter.meter_id();
    let far = world.house.now() + chrono::TimeDelta::days(1);
    let read =
        |value: i64, later: i64| Register::read(value, far + chrono::TimeDelta::seconds(later));
    let bill = |r: Register| world.house.bill(PROJECT, id, r);
    // Whatever the scan has billed by now, the register stands at 9,000 kWh from here on.
    bill(read(9_000_000, 0)).await.unwrap();
    let before = purse_fen(&world, 0).await;
    // 1.5 kWh at 0.60 yuan are 90 fen, told by four readers at once and once more later.
    let told = (0..4).map(|_| bill(read(9_001_500, 900)));
    let told = futures::future::join_all(told).await;
    let lines = told.iter().filter(|b| matches!(b, Ok(Billed::Line { amount_fen: 90, .. })));
    assert_eq!(lines.count(), 1, "{told:?}");
    assert_eq!(bill(read(9_001_500, 1_800)).await.unwrap(), Billed::Nothing);
    assert_eq!(bill(read(9_001_400, 1_900)).await.unwrap(), Billed::Nothing);
    assert_eq!(purse_fen(&world, 0).await, before - 90);
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_later_wish_for_a_relay_wins_by_sequence() {
    let world = World::start(Plan::new(vec![Bus { prepaid: 0, remote: 1, water: 0 }])).await;
    let id = world.layout.places[0].meter.meter_id();
    for _ in 0..3 {
        world.house.steer_supply(PROJECT, id, Wanted::On).await.unwrap();
    }
    let db = world.house.store().read();
    let row = supply::of_meter(db, PROJECT, id).await.unwrap().unwrap();
    let mut stale = row.clone();
    stale.version = row.version;
    stale.desired = "off".to_owned();
    let written = world.house.store().transact(move |tx| {
        Box::pin(async move { Ok::<_, VendingError>(supply::write(tx, &stale).await?) })
    });
    assert!(written.await.is_err(), "a writer that lost the race gets a conflict");
    assert!(row.desired_seq >= 1);
    let missing = meter::by_id(db, ProjectId(2), id).await.unwrap();
    assert!(missing.is_none(), "the key is led by the project");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_into_a_purse_in_arrears_is_booked_and_shown_and_never_refused() {
    // The purse of a meter that keeps its own money owes 30 yuan, from whatever history; a top-up
    // of 50 cannot be held for the meter, but the money is there and must be booked.
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let account = world.layout.places[0].account;
    let purse = ledger::template::Purse { account, purpose: domain::Purpose::Electricity };
    let occurrence = ledger::transaction::Occurrence {
        key: ledger::transaction::Key::new("bill:from-before").unwrap(),
        at: world.house.now(),
    };
    let debt = ledger::template::consumption_billed(occurrence, purse, Money::from_fen(3_000));
    let booking = store::ledger::Booking {
        id: domain::TransactionId::generate(world.house.clock(), world.house.rng()),
        project: PROJECT,
        order: None,
        vend: None,
        memo: None,
        transaction: debt.unwrap(),
    };
    world
        .house
        .store()
        .transact(move |tx| Box::pin(async move { store::ledger::post(tx, &booking).await }))
        .await
        .unwrap();
    let id = sell(&world, 0, 5_000).await;
    let order = world.house.order(PROJECT, id).await.unwrap();
    assert_eq!(order.state().unwrap(), OrderState::Credited);
    assert_eq!(purse_fen(&world, 0).await, 2_000);
    let items = store::work_item::open_items(world.house.store().read(), PROJECT).await.unwrap();
    assert!(items.iter().any(|item| item.kind == "payment.not_held"), "{items:?}");
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

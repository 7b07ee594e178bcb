//! H.1 no. 10: a meter is replaced or its wallet initialised. Two persons say what they saw, and
//! what the tenant is still due arrives once on the meter that hangs there now.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::{
    Channel, Clock, MeterId, OperatorId, OrderId, OrderState, ProjectId, Purpose, SystemClock,
    VendId, vend::Finding,
};
use gateway::Item;
use ledger::LedgerAccount;
use meter_simulator::{Knob, MeterConfig, Setting};
use provider_simulator::Pay;
use store::StoreError;
use tests::{
    fixture::{Bus, Layout, PROJECT},
    still::StillHouse,
    world::{Plan, World},
};
use uuid::Uuid;
use vending::{
    Refusal, VendingError,
    billing::{Billed, Register},
    meter::{
        OpenAccount,
        replace::{Replaced, Replacement, Shown},
    },
};

/// The control code of the command that carries money to a DL/T 645-2007 meter.
const TOP_UP: u8 = 0x03;
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(120);

fn person(number: u128) -> OperatorId {
    OperatorId(Uuid::from_u128(number))
}

fn wish(old: Shown, new: Shown) -> Replacement {
    Replacement {
        epoch: 1,
        old,
        new,
        meter_no: None,
        address: None,
        open: None,
        operator: person(71),
        second: person(72),
        reason: "旧表烧毁，现场换表".to_owned(),
    }
}

fn shown(count: i64, balance_fen: i64) -> Shown {
    Shown { count: Some(count), balance_fen: Some(balance_fen), register: None }
}

/// The configuration of a fresh meter for a place, at the same or another address.
fn fresh(world: &World, place: usize, address: &str) -> MeterConfig {
    let old = world.layout.site.buses[0].meters[place].clone();
    MeterConfig { count: 0, balance_fen: 0, energy_wh: 0, address: address.to_owned(), ..old }
}

async fn replace(
    world: &World,
    place: usize,
    wish: &Replacement,
) -> Result<Replaced, VendingError> {
    let id = world.layout.places[place].meter.meter_id();
    let done = world.house.replace_meter(PROJECT, id, wish.clone(), false).await?;
    world.house.configure_lines().await.unwrap();
    Ok(done)
}

async fn paid(world: &World, place: usize, fen: i64) -> OrderId {
    let (order, no) = world.order(place, fen, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    order.order_id()
}

async fn balance_fen(world: &World, account: LedgerAccount) -> i64 {
    let db = world.house.store().read();
    store::ledger::balance(db, PROJECT, account).await.unwrap().posted.fen()
}

/// The provider's money stands on the meter, in the purse, or was earned: nothing else.
async fn books_agree(world: &World, place: usize, on_meter_fen: i64) {
    let here = &world.layout.places[place];
    let on_meter = balance_fen(world, LedgerAccount::OnMeter(here.meter.meter_id())).await;
    let purse = LedgerAccount::Purse(here.account, Purpose::Electricity);
    let revenue = balance_fen(world, LedgerAccount::Revenue(Purpose::Electricity)).await;
    let purse = balance_fen(world, purse).await;
    assert_eq!(on_meter, on_meter_fen, "what the books say of the meter");
    assert_eq!(on_meter + purse + revenue, world.provider.sum_paid_fen());
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

async fn vend_of(world: &World, order: OrderId) -> store::vend::Vend {
    store::vend::of_order(world.house.store().read(), PROJECT, order).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_meter_gets_the_rest_of_the_old_one_once() {
    let world = World::start(Plan::new(vec![Bus::prepaid(2)])).await;
    let place = world.layout.places[0].meter.clone();
    let meter = world.site.meter(&place.address).unwrap();
    let first = paid(&world, 0, 5_000).await;
    world.until(first, OrderState::Restored).await;
    let old = meter.snapshot();
    // Another meter with another address is put in its place, and somebody pays meanwhile.
    let address = "000099887766";
    meter.swap(fresh(&world, 0, address)).unwrap();
    let waiting = paid(&world, 0, 1_000).await;
    world.until(waiting, OrderState::Credited).await;
    let told = Replacement {
        meter_no: Some(address.to_owned()),
        address: Some(address.to_owned()),
        ..wish(shown(i64::from(old.count), old.balance_fen), shown(0, 0))
    };
    let dry = world.house.replace_meter(PROJECT, place.meter_id(), told.clone(), true).await;
    let dry = dry.unwrap();
    assert_eq!((dry.ended.carried_fen, dry.moved.len()), (old.balance_fen, 1));
    let before = store::meter::by_no(world.house.store().read(), PROJECT, &place.address).await;
    assert_eq!(before.unwrap().unwrap().epoch, 1, "a dry run changes nothing");
    let done = replace(&world, 0, &told).await.unwrap();
    let order = done.order.clone().unwrap();
    assert_eq!((order.channel.as_str(), order.amount_fen), ("carried-over", old.balance_fen));
    assert_eq!((done.meter.epoch, done.meter.address.as_str()), (2, address));
    world.until(order.order_id(), OrderState::Restored).await;
    world.until(waiting, OrderState::Restored).await;
    println!("{}", world.story(order.order_id()).await);
    let new = meter.snapshot();
    let due = old.balance_fen + 1_000;
    assert_eq!((new.count, i64::try_from(new.sum_applied_fen).unwrap()), (2, due));
    for id in [order.order_id(), waiting] {
        let vend = vend_of(&world, id).await;
        assert_eq!((vend.state.as_str(), vend.epoch, vend.sent_count), ("applied", 2, 1));
    }
    // Opened with 5 yuan nobody paid us; the rest of it is found, and what was used is earned.
    books_agree(&world, 0, due).await;
    // Told again it changes nothing; told otherwise it is refused.
    let again = replace(&world, 0, &told).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.order.map(|order| order.id), Some(order.id));
    let other = Replacement { old: shown(4, old.balance_fen + 1), ..told };
    assert_refused(
        replace(&world, 0, &other).await,
        Refusal::AlreadyReplaced { field: "old.balance_fen" },
    );
    assert_eq!(meter.snapshot().sum_applied_fen, new.sum_applied_fen);
    // The next purchase counts on in the new life.
    let next = paid(&world, 0, 2_000).await;
    world.until(next, OrderState::Restored).await;
    assert_eq!(meter.snapshot().count, 3);
    books_agree(&world, 0, due + 2_000).await;
}

fn assert_refused(told: Result<Replaced, VendingError>, want: Refusal) {
    match told {
        Err(VendingError::Refused(refusal)) => assert_eq!(refusal, want),
        other => panic!("{other:?} instead of {want:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initialised_meter_leaves_quarantine_with_its_money() {
    initialised(Plan::new(vec![Bus::prepaid(1)])).await;
    if let Some(schema) = super::postgres::schema("replace").await {
        let url = schema.url.clone();
        initialised(Plan { database: Some(url), ..Plan::new(vec![Bus::prepaid(1)]) }).await;
    }
}

async fn initialised(plan: Plan) {
    let world = World::start(plan).await;
    let place = world.layout.places[0].meter.clone();
    let meter = world.site.meter(&place.address).unwrap();
    let first = paid(&world, 0, 3_000).await;
    world.until(first, OrderState::Restored).await;
    let old = meter.snapshot();
    meter.swap(fresh(&world, 0, &place.address)).unwrap();
    let stopped = paid(&world, 0, 1_000).await;
    world.until_event(stopped, "quarantined").await;
    let told = wish(shown(i64::from(old.count), old.balance_fen), shown(0, 0));
    let done = replace(&world, 0, &told).await.unwrap();
    assert_eq!((done.meter.state.as_str(), done.moved.len()), ("in-service", 1));
    for order in [stopped, done.order.unwrap().order_id()] {
        world.until(order, OrderState::Restored).await;
    }
    let new = meter.snapshot();
    let due = old.balance_fen + 1_000;
    assert_eq!((new.count, i64::try_from(new.sum_applied_fen).unwrap()), (2, due));
    books_agree(&world, 0, due).await;
    let items = store::work_item::open_items(world.house.store().read(), PROJECT).await.unwrap();
    assert!(items.iter().all(|item| item.kind != "vend.quarantined"), "{items:?}");
}

/// Waits until the vend of an order stands in doubt after the meter was taken away.
async fn until_doubt(world: &World, order: OrderId) -> VendId {
    let seen = tokio::time::timeout(PATIENCE, async {
        loop {
            let vend = vend_of(world, order).await;
            if vend.state == "uncertain" {
                return vend.vend_id();
            }
            world.house.store().wait_for_work(Duration::from_millis(20)).await;
        }
    });
    seen.await.expect("the vend is in doubt")
}

/// A turn of the vend's job may be storing its next read at the same moment: that race is told.
async fn replace_in_the_end(world: &World, wish: &Replacement) -> Replaced {
    for _ in 0..1_000 {
        match replace(world, 0, wish).await {
            Ok(done) => return done,
            Err(VendingError::Store(StoreError::Gone(_))) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("the job always was faster");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_never_arrived_is_delivered_once_to_the_new_meter() {
    // What the persons find, what the old meter showed beyond what it showed before, and how many
    // purchases the new one gets: the late one may have landed before the meter was taken down.
    let table = [(Finding::NotDelivered, (0, 0), 2), (Finding::Applied, (1, 2_000), 1)];
    for (finding, (later_count, later_fen), count) in table {
        let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
        let place = world.layout.places[0].meter.clone();
        let meter = world.site.meter(&place.address).unwrap();
        let first = paid(&world, 0, 1_000).await;
        world.until(first, OrderState::Restored).await;
        meter.set_load(0);
        meter.turn(Knob::DropRequest, Setting::percent(100).on(TOP_UP));
        let lost = paid(&world, 0, 2_000).await;
        world.until_event(lost, "sent").await;
        let old = meter.snapshot();
        meter.swap(fresh(&world, 0, "000011112222")).unwrap();
        let doubtful = until_doubt(&world, lost).await;
        let seen = shown(i64::from(old.count) + later_count, old.balance_fen + later_fen);
        let base =
            Replacement { address: Some("000011112222".to_owned()), ..wish(seen, shown(0, 0)) };
        assert_refused(replace(&world, 0, &base).await, Refusal::DeliveryInDoubt);
        let told = Replacement { open: Some(finding), ..base };
        let done = replace_in_the_end(&world, &told).await;
        assert_eq!(done.settled, Some(doubtful));
        for order in [lost, done.order.unwrap().order_id()] {
            world.until(order, OrderState::Restored).await;
        }
        let (new, due) = (meter.snapshot(), old.balance_fen + 2_000);
        let applied = i64::try_from(new.sum_applied_fen).unwrap();
        assert_eq!((applied, new.count), (due, count), "{finding:?}");
        books_agree(&world, 0, due).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_that_contradicts_the_books_changes_nothing() {
    let world = World::start(Plan::new(vec![Bus::prepaid(2)])).await;
    let first = paid(&world, 0, 5_000).await;
    world.until(first, OrderState::Restored).await;
    let good = wish(shown(4, 5_000), shown(0, 0));
    let taken = world.layout.places[1].meter.clone();
    let malformed = |field| Refusal::Malformed { field };
    let none = Shown::default();
    let table = [
        (Replacement { epoch: 2, ..good.clone() }, malformed("epoch")),
        (Replacement { second: person(71), ..good.clone() }, malformed("second")),
        (Replacement { reason: "  ".to_owned(), ..good.clone() }, Refusal::ReasonMissing),
        // The platform has proven four purchases; the old meter cannot show three.
        (Replacement { old: shown(3, 5_000), ..good.clone() }, malformed("old.count")),
        (Replacement { old: none, ..good.clone() }, malformed("old.balance_fen")),
        (Replacement { new: none, ..good.clone() }, malformed("new.balance_fen")),
        (
            Replacement { new: Shown { count: None, ..shown(0, 0) }, ..good.clone() },
            malformed("new.count"),
        ),
        (Replacement { new: shown(0, -1), ..good.clone() }, malformed("new.balance_fen")),
        (Replacement { old: shown(4, 100_000_000), ..good.clone() }, malformed("old.balance_fen")),
        (Replacement { meter_no: Some(taken.meter_no), ..good.clone() }, malformed("meter_no")),
        (Replacement { address: Some(taken.address), ..good.clone() }, malformed("address")),
        (
            Replacement { address: Some("AAAAAAAAAAAA".to_owned()), ..good.clone() },
            malformed("address"),
        ),
    ];
    for (told, want) in table {
        assert_refused(replace(&world, 0, &told).await, want);
    }
    let id = world.layout.places[0].meter.meter_id();
    let elsewhere = world.house.replace_meter(ProjectId(2), id, good.clone(), false).await;
    assert_refused(elsewhere, Refusal::NotFound { what: "meter" });
    let nowhere = MeterId(Uuid::from_u128(9));
    let nowhere = world.house.replace_meter(PROJECT, nowhere, good, false).await;
    assert_refused(nowhere, Refusal::NotFound { what: "meter" });
    let row = store::meter::by_id(world.house.store().read(), PROJECT, id).await.unwrap().unwrap();
    assert_eq!((row.epoch, row.purchase_count), (1, Some(4)));
    books_agree(&world, 0, 5_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_use_of_two_meters_in_one_place_is_never_one_stretch() {
    let buses = vec![Bus { prepaid: 0, remote: 1, water: 0 }];
    let world = World::start(Plan { interval_s: 1, ..Plan::new(buses) }).await;
    let place = world.layout.places[0].meter.clone();
    let meter = world.site.meter(&place.address).unwrap();
    meter.set_load(0);
    let (house, id) = (&world.house, place.meter_id());
    // The old register stands at 1,000 kWh; counting starts with the first reading.
    let code = Item::ForwardEnergy.code();
    let until = async |below: i64| {
        let seen = tokio::time::timeout(PATIENCE, async {
            loop {
                let db = house.store().read();
                let latest = store::reading::latest(db, PROJECT, id, code).await.unwrap();
                let started = store::billing::cursor(db, PROJECT, id).await.unwrap().is_some();
                if started && latest.is_some_and(|latest| latest.value < below) {
                    return;
                }
                house.store().wait_for_work(Duration::from_millis(20)).await;
            }
        });
        seen.await.expect("a reading came");
    };
    until(i64::MAX).await;
    let mut fresh = fresh(&world, 0, &place.address);
    (fresh.load_w, fresh.energy_wh) = (0, 700);
    meter.swap(fresh).unwrap();
    let register = |register| Shown { register: Some(register), ..Default::default() };
    let low = wish(register(999_000), register(700));
    assert_refused(replace(&world, 0, &low).await, Refusal::Malformed { field: "old.register" });
    // 1.5 kWh were used since the last reading: 90 fen at 0.60 yuan, billed to the old register.
    let told = wish(register(1_001_500 + 500), register(700));
    replace(&world, 0, &told).await.unwrap();
    // What the new meter shows is believed, though it is far below what the old one showed.
    until(1_000).await;
    let later = house.now() + TimeDelta::hours(1);
    let billed =
        house.bill(PROJECT, id, Register { value: 2_200, at: later, frozen: false }).await.unwrap();
    assert!(matches!(billed, Billed::Line { amount_fen: 90, .. }), "{billed:?}");
    let account = world.layout.places[0].account;
    let since = chrono::DateTime::UNIX_EPOCH;
    let lines = store::billing::lines(house.store().read(), PROJECT, account, since).await.unwrap();
    let last: Vec<_> = lines.iter().map(|line| (line.to_value, line.quantity)).collect();
    assert!(last.ends_with(&[(1_002_000, last[last.len() - 2].1), (2_200, 1_500)]), "{lines:?}");
    assert!(lines.iter().all(|line| line.quantity <= 5_000), "{lines:?}");
    house.store().audit(Some(PROJECT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vend_started_again_after_its_meter_was_released_is_delivered() {
    // H.1 no. 9 to its end: a foreign purchase, the release by a person, and our own arrives.
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let place = world.layout.places[0].meter.clone();
    let meter = world.site.meter(&place.address).unwrap();
    let first = paid(&world, 0, 1_000).await;
    world.until(first, OrderState::Restored).await;
    meter.buy_elsewhere(700);
    let stopped = paid(&world, 0, 2_000).await;
    world.until_event(stopped, "quarantined").await;
    let vend = vend_of(&world, stopped).await.vend_id();
    let early = world.house.restart_vend(PROJECT, vend).await;
    assert!(matches!(early, Err(VendingError::Refused(Refusal::MeterQuarantined))), "{early:?}");
    let reason = "另一系统售电，已核对".to_owned();
    world.house.release_meter(PROJECT, place.meter_id(), false, reason).await.unwrap();
    world.house.restart_vend(PROJECT, vend).await.unwrap();
    world.until(stopped, OrderState::Restored).await;
    let seen = meter.snapshot();
    assert_eq!((seen.count, seen.sum_applied_fen), (6, 3_000));
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_meter_is_billed_again_after_its_release() {
    let buses = vec![Bus { prepaid: 0, remote: 1, water: 0 }];
    let world = World::start(Plan { interval_s: 1, ..Plan::new(buses) }).await;
    let (house, id) = (&world.house, world.layout.places[0].meter.meter_id());
    let meter = world.site.meter(&world.layout.places[0].meter.address).unwrap();
    meter.set_load(0);
    let cursor = async || store::billing::cursor(house.store().read(), PROJECT, id).await.unwrap();
    let aside = async || {
        let db = house.store().read();
        store::reading::quarantined(db, PROJECT, Some(id)).await.unwrap().len()
    };
    while cursor().await.is_none() {
        house.store().wait_for_work(Duration::from_millis(20)).await;
    }
    // Another meter hangs there, and nobody has said so: each of its readings is put aside.
    let mut other = fresh(&world, 0, &world.layout.places[0].meter.address);
    (other.load_w, other.energy_wh) = (0, 700);
    meter.swap(other).unwrap();
    while aside().await < 3 {
        house.store().wait_for_work(Duration::from_millis(20)).await;
    }
    let items = store::work_item::open_items(house.store().read(), PROJECT).await.unwrap();
    let told = items.iter().filter(|item| item.kind == "reading.quarantined").count();
    assert!((1..=2).contains(&told), "told once a day, and midnight may have passed: {told}");
    assert!(cursor().await.is_some_and(|cursor| cursor.value > 900_000), "nothing was billed");
    let why = "another meter, seen on the spot".to_owned();
    house.release_meter(PROJECT, id, true, why).await.unwrap();
    assert_eq!(cursor().await, None, "counting starts anew");
    house.configure_lines().await.unwrap();
    while cursor().await.is_none_or(|cursor| cursor.value != 700) {
        house.store().wait_for_work(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn use_before_an_account_was_opened_is_never_billed_to_it() {
    let clock = Arc::new(SystemClock::new());
    let buses = [Bus { prepaid: 0, remote: 1, water: 0 }];
    let layout = Layout::new(&buses, 1, 1, clock.now());
    let still = StillHouse::open(layout, None, clock, vending::Settings::default()).await;
    let (house, place) = (&still.house, &still.layout.places[0]);
    let (id, start) = (place.meter.meter_id(), house.now());
    let bill = async |minutes: i64, value: i64| {
        let read = Register { value, at: start + TimeDelta::minutes(minutes), frozen: false };
        house.bill(PROJECT, id, read).await.unwrap()
    };
    bill(1, 2_000_000).await;
    let first = bill(2, 2_001_000).await;
    assert!(matches!(first, Billed::Line { amount_fen: 60, .. }), "{first:?}");
    house.close_account(PROJECT, place.account, person(71)).await.unwrap();
    let next = OpenAccount {
        account_no: "A-NEXT".to_owned(),
        room: place.meter.room().unwrap(),
        name: "新住户".to_owned(),
        phone: None,
        customer_no: "990000000009".to_owned(),
        protected: false,
    };
    let next = house.open_account(PROJECT, next).await.unwrap();
    // The meter was out of reach meanwhile: whose the stretch was nobody knows.
    assert_eq!(bill(30, 2_009_000).await, Billed::Started);
    let line = bill(31, 2_010_000).await;
    assert!(matches!(line, Billed::Line { amount_fen: 60, .. }), "{line:?}");
    let (db, since) = (house.store().read(), chrono::DateTime::UNIX_EPOCH);
    let account = domain::AccountId(next.id);
    let lines = store::billing::lines(db, PROJECT, account, since).await.unwrap();
    let spans: Vec<_> = lines.iter().map(|line| (line.from_value, line.to_value)).collect();
    assert_eq!(spans, [(2_009_000, 2_010_000)]);
}

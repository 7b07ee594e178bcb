//! Trips: no more than the budget however many are decided at once, and none that was taken back.

use std::{sync::Arc, time::Duration};

use domain::{
    Clock, Money, SystemClock, TransactionId,
    arrears::{Situation, TripRefusal},
    fields::Fields,
    plausibility::Quality,
    supply::{Actuator, CloseMode, RelayReading, SupplyAction, SupplyEvent},
};
use gateway::{Action, MeterCommand, Priority};
use meter_simulator::{Knob, Setting};
use store::{meter::Meter, setting, supply};
use tests::{
    fixture::{Bus, Layout, PROJECT, Place},
    still::StillHouse,
    world::{Plan, World},
};
use vending::{House, Settings, arrears, supply::switch::Wanted};

use super::postgres::schema;

const RELAY: Actuator = Actuator { close: CloseMode::Direct, settle: Duration::from_secs(5) };

/// A meter in arrears by `owed_fen` whom no rule protects, as its job sees it.
fn owing(house: &House, owed_fen: i64) -> Situation {
    let now = house.now();
    Situation {
        rules: house.settings().trip_rules.clone(),
        balance_fen: -owed_fen,
        overdraft_fen: 0,
        balance_at: now,
        credited_at: None,
        payment_pending: false,
        vend_in_doubt: false,
        reading_at: Some(now),
        reading_quality: Quality::Good,
        reading_verified: true,
        meter_quarantined: false,
        user_protected: false,
        keep_power: false,
        supply_wanted: false,
        already_off: false,
        supply_seq: 0,
        tripped_project: 0,
        tripped_building: 0,
        clock_stepped_at: None,
        migrating: false,
        safe_mode: false,
        trips_stopped: false,
        database_doubtful: false,
    }
}

/// Bills `fen` from the purse of each place, so that it owes them.
pub async fn bill(house: &House, places: &[Place], fen: i64) {
    let booking = |place: &Place| {
        let key = format!("bill:{}", place.meter.id);
        let occurrence = ledger::transaction::Occurrence {
            key: ledger::transaction::Key::new(key).unwrap(),
            at: house.now(),
        };
        let purse = ledger::template::Purse {
            account: place.account,
            purpose: domain::Purpose::Electricity,
        };
        let debt =
            ledger::template::consumption_billed(occurrence, purse, Money::from_fen(fen)).unwrap();
        store::ledger::Booking {
            id: TransactionId::generate(house.clock(), house.rng()),
            project: PROJECT,
            order: None,
            vend: None,
            memo: None,
            transaction: debt,
        }
    };
    // Few enough for one unit of work on a machine that does much else.
    for portion in places.chunks(20) {
        let bookings: Vec<_> = portion.iter().map(booking).collect();
        let billed = house.store().transact(move |tx| {
            Box::pin(async move {
                for booking in bookings {
                    store::ledger::post(tx, &booking).await?;
                }
                Ok::<_, store::StoreError>(())
            })
        });
        billed.await.unwrap();
    }
}

fn layout(buses: usize, remote: usize) -> Layout {
    let bus = Bus { prepaid: 0, remote, water: 0 };
    Layout::new(&vec![bus; buses], 1, 50, SystemClock::new().now())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_meters_in_arrears_at_once_cut_no_more_than_the_budget() {
    let mut schemas = vec![None];
    schemas.extend(schema("budget").await.map(Some));
    for schema in schemas {
        let url = schema.as_ref().map(|schema| schema.url.clone());
        // Five buildings of 200 rooms: the project may cut 30 an hour, each building 10.
        let clock = Arc::new(SystemClock::new());
        let settings = Settings::default();
        let still =
            StillHouse::open(layout(5, 200), url.clone(), clock.clone(), settings.clone()).await;
        let house = &still.house;
        bill(house, &still.layout.places, 500).await;
        // Where the database can be shared a second process decides about every other meter.
        let second = match &url {
            Some(url) => Some(tests::still::house(url, clock, settings).await),
            None => None,
        };
        let other = second.as_ref().map_or(house, |(other, _)| other);
        let decide = still.layout.places.iter().enumerate().map(|(number, place)| {
            let house = if number % 2 == 0 { house.clone() } else { other.clone() };
            let meter = place.meter.clone();
            tokio::spawn(async move {
                let situation = owing(&house, 500);
                house.order_trip(&meter, RELAY, situation).await.unwrap()
            })
        });
        let decided = futures::future::join_all(decide.collect::<Vec<_>>()).await;
        let mut by_building = [0usize; 5];
        for (number, verdict) in decided.into_iter().enumerate() {
            match verdict.unwrap() {
                Ok(()) => by_building[number / 200] += 1,
                Err(why) => assert!(
                    matches!(
                        why,
                        TripRefusal::ProjectBudgetSpent | TripRefusal::BuildingBudgetSpent
                    ),
                    "{why:?}"
                ),
            }
        }
        assert_eq!(by_building.iter().sum::<usize>(), 30, "{by_building:?}");
        assert!(by_building.iter().all(|trips| *trips <= 10), "{by_building:?}");
        // What was taken back before it was handed to a bus costs nothing.
        let tripped = supply::list(house.store().read(), PROJECT).await.unwrap();
        let back = tripped.iter().find(|row| row.desired == "off").unwrap();
        house.steer_supply(PROJECT, back.meter(), Wanted::On).await.unwrap();
        let hour = house.now() - chrono::TimeDelta::hours(1);
        let spent = supply::trips_spent(house.store().read(), PROJECT, back.meter(), hour).await;
        assert_eq!(spent.unwrap().project, 29);
        drop((still, second));
        if let Some(schema) = schema {
            schema.end().await;
        }
    }
}

fn saga(row: &supply::Supply) -> domain::supply::Supply {
    let stored = serde_json::from_str(&row.state).unwrap();
    domain::supply::Supply::from_fields(&Fields(stored)).unwrap()
}

#[tokio::test]
async fn a_close_by_hand_leaves_at_once() {
    let clock = Arc::new(SystemClock::new());
    let still = StillHouse::open(layout(1, 1), None, clock, Settings::default()).await;
    let (house, meter) = (&still.house, &still.layout.places[0].meter);
    house.steer_supply(PROJECT, meter.meter_id(), Wanted::On).await.unwrap();
    let db = house.store().read();
    let row = supply::of_meter(db, PROJECT, meter.meter_id()).await.unwrap().unwrap();
    assert_eq!((row.desired.as_str(), row.desired_reason.as_str()), ("on", "by-hand"));
    // The job's turn: it looks, reads an open relay, and closes it in the same breath.
    let now = house.now();
    let (waked, actions) = saga(&row).step(SupplyEvent::Wake, now);
    assert!(actions.contains(&SupplyAction::ReadRelay), "{actions:?}");
    let open = RelayReading { open: true, command_open: None, keep_power: false };
    let (_, actions) = waked.step(SupplyEvent::Read(open), now);
    assert!(
        actions.iter().any(|action| matches!(
            action,
            SupplyAction::SendClose { .. } | SupplyAction::SendAllowClose { .. }
        )),
        "{actions:?}"
    );
}

/// Keeps the bus of a dead meter busy until the answer is dropped.
fn occupy(house: &House, dead: &Meter, reads: usize) {
    for _ in 0..reads {
        let (gateway, meter) = (house.gateway().clone(), dead.id);
        tokio::spawn(async move {
            let read = MeterCommand {
                meter,
                action: Action::ReadRelay,
                priority: Priority::Restore,
                not_after: None,
                operator_tag: 0,
            };
            gateway.execute(read).await
        });
    }
}

/// The state of the newest trip command of a meter.
async fn trip_state(house: &House, meter: &Meter) -> Option<String> {
    let db = house.store().read();
    let row = supply::of_meter(db, PROJECT, meter.meter_id()).await.unwrap()?;
    for seq in (1..=row.desired_seq).rev() {
        let command = supply::command_by_seq(db, PROJECT, meter.meter_id(), seq).await.unwrap();
        if let Some(command) = command.filter(|command| command.kind == "trip") {
            return Some(command.state);
        }
    }
    None
}

async fn until_trip(house: &House, meter: &Meter, wanted: &str) {
    let seen = tokio::time::timeout(Duration::from_secs(60), async {
        while trip_state(house, meter).await.as_deref() != Some(wanted) {
            house.store().wait_for_work(Duration::from_millis(10)).await;
        }
    });
    let ended = seen.await;
    assert!(ended.is_ok(), "{:?} instead of {wanted}", trip_state(house, meter).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_trip_is_taken_back_by_keep_power_and_by_the_red_switch() {
    #[derive(Clone, Copy, Debug)]
    enum By {
        KeepPower,
        Switch(&'static str),
        Protection,
    }
    for by in [
        By::KeepPower,
        By::Switch(arrears::SETTING_TRIPS_STOPPED),
        By::Switch(arrears::SETTING_SAFE_MODE),
        By::Protection,
    ] {
        let world = World::start(Plan::new(vec![Bus { prepaid: 0, remote: 2, water: 0 }])).await;
        let house = &world.house;
        let (owing_place, dead) = (&world.layout.places[0], &world.layout.places[1].meter);
        let (meter, account) = (&owing_place.meter, owing_place.account);
        let address = &meter.address;
        let online = tokio::time::timeout(Duration::from_secs(60), async {
            while !house.gateway().status().iter().all(|line| line.remote.is_some()) {
                house.store().wait_for_work(Duration::from_millis(10)).await;
            }
        });
        online.await.unwrap();
        bill(house, std::slice::from_ref(owing_place), 500).await;
        // A dead meter keeps the bus busy, so that the trip has to wait behind it.
        world.site.meter(&dead.address).unwrap().turn(Knob::Dead, Setting::default());
        occupy(house, dead, 24);
        house.order_trip(meter, RELAY, owing(house, 500)).await.unwrap().unwrap();
        until_trip(house, meter, "sent").await;
        match by {
            By::KeepPower => house
                .steer_supply(PROJECT, meter.meter_id(), Wanted::KeepPower(true))
                .await
                .unwrap(),
            By::Switch(key) => house
                .store()
                .transact(move |tx| Box::pin(setting::set(tx, key, "on")))
                .await
                .unwrap(),
            By::Protection => house
                .store()
                .transact(move |tx| {
                    Box::pin(
                        async move { store::account::protect(tx, PROJECT, account, true).await },
                    )
                })
                .await
                .unwrap(),
        }
        until_trip(house, meter, "cancelled").await;
        let seen = world.site.meter(address).unwrap().snapshot();
        assert_eq!((seen.trips, seen.relay_closed), (0, true), "{by:?}");
        world.stop().await;
    }
}

/// What happens after a trip was decided and before a worker has taken it up.
#[derive(Clone, Copy, Debug)]
enum Between {
    Nothing,
    Money,
    KeepPower,
    Switch(&'static str),
}

async fn happens(house: &House, place: &Place, between: Between) {
    let id = place.meter.meter_id();
    match between {
        Between::Nothing => {}
        Between::Money => pay_in(house, place, 10_000).await,
        Between::KeepPower => {
            house.steer_supply(PROJECT, id, Wanted::KeepPower(true)).await.unwrap();
        }
        Between::Switch(key) => {
            house.store().transact(move |tx| Box::pin(setting::set(tx, key, "on"))).await.unwrap()
        }
    }
}

/// Money into the purse and nothing else: no wish for light and no job that could replace the trip.
async fn pay_in(house: &House, place: &Place, fen: i64) {
    let purse = ledger::LedgerAccount::Purse(place.account, domain::Purpose::Electricity);
    let occurrence = ledger::transaction::Occurrence {
        key: ledger::transaction::Key::new("payment:from-somewhere").unwrap(),
        at: house.now(),
    };
    let merchant = ledger::LedgerAccount::Provider(domain::MerchantId(place.meter.id));
    let posting = ledger::Posting::new(merchant, purse, Money::from_fen(fen)).unwrap();
    let template = ledger::Template::PaymentReceived;
    let transaction = ledger::Transaction::from_rows(occurrence, template, vec![posting], None);
    let booking = store::ledger::Booking {
        id: TransactionId::generate(house.clock(), house.rng()),
        project: PROJECT,
        order: None,
        vend: None,
        memo: None,
        transaction,
    };
    let booked = house
        .store()
        .transact(move |tx| Box::pin(async move { store::ledger::post(tx, &booking).await }));
    booked.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_between_the_decision_and_the_sending_cancels_the_trip() {
    // 17R: the trip is decided and its job waits; then something happens; then a worker comes.
    let table = [
        (Between::Nothing, "verified", 1),
        (Between::Money, "cancelled", 0),
        (Between::KeepPower, "cancelled", 0),
        (Between::Switch(arrears::SETTING_TRIPS_STOPPED), "cancelled", 0),
        (Between::Switch(arrears::SETTING_SAFE_MODE), "cancelled", 0),
        (Between::Switch(arrears::SETTING_MIGRATING), "cancelled", 0),
    ];
    for (between, ends, trips) in table {
        let clock = Arc::new(SystemClock::new());
        let settings = Settings { pace: 0.02, ..Settings::default() };
        let mut still = StillHouse::open(layout(1, 1), None, clock, settings).await;
        let site = still.connect().await;
        let place = still.layout.places[0].clone();
        let house = still.house.clone();
        bill(&house, std::slice::from_ref(&place), 500).await;
        house.order_trip(&place.meter, RELAY, owing(&house, 500)).await.unwrap().unwrap();
        happens(&house, &place, between).await;
        let stop = still.work();
        until_trip(&house, &place.meter, ends).await;
        let seen = site.meter(&place.meter.address).unwrap().snapshot();
        assert_eq!((seen.trips, seen.relay_closed), (trips, trips == 0), "{between:?}");
        let row = supply::of_meter(house.store().read(), PROJECT, place.meter.meter_id()).await;
        let reason = format!("cut-off:{}:{}", place.meter.id, row.unwrap().unwrap().desired_seq);
        let told = still.job("notice", &reason).await.is_some();
        assert_eq!(told, trips == 1, "who lives there is told of a cut and of nothing else");
        drop(stop);
        site.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_healed_rings_again() {
    let plan = Plan::new(vec![Bus { prepaid: 0, remote: 1, water: 0 }]);
    let world = World::start(Plan { tune: |c| c.vending.order_min_fen = 1, ..plan }).await;
    let (house, meter) = (&world.house, world.layout.places[0].meter.clone());
    let kinds = ["supply.dark", "supply.stuck", "supply.refused", "supply.still_dark"];
    for round in 0..2 {
        for kind in kinds {
            assert!(raise(house, &meter, kind).await, "{kind} rings in round {round}");
            assert!(!raise(house, &meter, kind).await, "{kind} stands in round {round}");
        }
        // The light comes back, and with it every reason for these alarms is gone.
        house.steer_supply(PROJECT, meter.meter_id(), Wanted::On).await.unwrap();
        let healed = tokio::time::timeout(Duration::from_secs(60), async {
            while !store::work_item::alarms(house.store().read(), PROJECT).await.unwrap().is_empty()
            {
                house.store().wait_for_work(Duration::from_millis(10)).await;
            }
        });
        assert!(healed.await.is_ok(), "round {round}");
    }
    // What only a person can settle is over when the person says so.
    assert!(raise(house, &meter, "meter.clock").await);
    let subject = ("meter", meter.id.to_string());
    let titles = vending::notice::titles("meter.clock").unwrap();
    let item = store::work_item::WorkItem {
        project_id: PROJECT.0,
        id: store::work_item::id_of(&["meter.clock"]).0,
        kind: "meter.clock".to_owned(),
        subject_kind: subject.0.to_owned(),
        subject_id: subject.1,
        title_zh: titles.0.to_owned(),
        title_en: titles.1.to_owned(),
        detail: "{}".to_owned(),
        state: "open".to_owned(),
        opened_at: house.now(),
        closed_at: None,
        closed_by: None,
        resolution: None,
    };
    let (id, now) = (store::work_item::id_of(&["meter.clock"]), house.now());
    let closed = house.store().transact(move |tx| {
        Box::pin(async move {
            store::work_item::open(tx, item).await?;
            store::work_item::close(tx, PROJECT, id, "ann", "set by hand", now).await
        })
    });
    assert!(closed.await.unwrap());
    assert!(raise(house, &meter, "meter.clock").await, "it rings again");
}

async fn raise(house: &House, meter: &Meter, kind: &str) -> bool {
    let alarm = store::work_item::Alarm {
        project_id: PROJECT.0,
        id: TransactionId::generate(house.clock(), house.rng()).0,
        kind: kind.to_owned(),
        subject_kind: "meter".to_owned(),
        subject_id: meter.id.to_string(),
        raised_at: house.now(),
        cleared_at: None,
        detail: "{}".to_owned(),
    };
    let raised = house
        .store()
        .transact(move |tx| Box::pin(async move { store::work_item::raise(tx, alarm).await }));
    raised.await.unwrap()
}

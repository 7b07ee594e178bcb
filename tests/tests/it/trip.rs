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
async fn bill(house: &House, places: &[Place], fen: i64) {
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
    for portion in places.chunks(100) {
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
    let mut urls = vec![None];
    urls.extend(schema("budget").await.map(Some));
    for url in urls {
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

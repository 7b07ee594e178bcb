//! Switching by hand, many at once and later (G6), against meters on a wire.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::{Channel, Clock, ManualClock, OperatorId, OrderState, SystemClock};
use provider_simulator::Pay;
use store::{setting, supply, work_item};
use tests::{
    fixture::{Bus, Layout, PROJECT},
    still::StillHouse,
    world::{Plan, World},
};
use uuid::Uuid;
use vending::{
    House, Refusal, Settings, VendingError, arrears,
    supply::{
        plan::{BATCH_MAX, LATE_MAX, Switching},
        switch::{Hand, Wanted},
    },
};

fn layout(remote: usize) -> Layout {
    Layout::new(&[Bus { prepaid: 0, remote, water: 0 }], 1, 50, SystemClock::new().now())
}

fn order(meters: Vec<domain::MeterId>, wanted: Wanted) -> Switching {
    let operator = OperatorId(Uuid::from_u128(7));
    Switching { meters, wanted, operator, reason: "配电房检修".to_owned() }
}

async fn until_read(house: &House, id: domain::MeterId, wanted: &str) {
    let shown = async || {
        let row = supply::of_meter(house.store().read(), PROJECT, id).await.unwrap();
        row.map(|row| row.actual)
    };
    let seen = tokio::time::timeout(Duration::from_secs(60), async {
        while shown().await.as_deref() != Some(wanted) {
            house.store().wait_for_work(Duration::from_millis(10)).await;
        }
    });
    assert!(seen.await.is_ok(), "{:?} instead of {wanted}", shown().await);
}

fn why(result: Result<(), VendingError>) -> Option<&'static str> {
    match result {
        Ok(()) => None,
        Err(VendingError::Refused(Refusal::SwitchRefused { why })) => Some(why),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_cut_is_dark_through_a_payment_and_lit_by_hand() {
    let world = World::start(Plan::new(vec![Bus { prepaid: 0, remote: 1, water: 0 }])).await;
    let (house, place) = (&world.house, world.layout.places[0].clone());
    let id = place.meter.meter_id();
    house.steer_supply(PROJECT, id, Wanted::Off).await.unwrap();
    until_read(house, id, "off").await;
    let (placed, no) = world.order(0, 5_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until_event(placed.order_id(), "held-off").await;
    let waiting = world.until(placed.order_id(), OrderState::Delivered).await;
    assert_eq!(waiting.state().unwrap(), OrderState::Delivered);
    let seen = world.site.meter(&place.meter.address).unwrap().snapshot();
    assert_eq!((seen.trips, seen.relay_closed), (1, false));
    // A tenant may not switch on what an operator cut; an operator may, and the order ends.
    let by_tenant = house.steer_supply_by(Hand::Tenant, PROJECT, id, Wanted::On).await;
    assert_eq!(why(by_tenant), Some("cut-by-operator"));
    house.steer_supply(PROJECT, id, Wanted::On).await.unwrap();
    until_read(house, id, "on").await;
    world.until(placed.order_id(), OrderState::Restored).await;
    assert!(world.site.meter(&place.meter.address).unwrap().snapshot().relay_closed);
    world.stop().await;
}

super::postgres::on_both_databases! {
    wishes_by_hand_at_the_same_moment_are_all_taken,
}

async fn wishes_by_hand_at_the_same_moment_are_all_taken() {
    let clock = Arc::new(SystemClock::new());
    let still = StillHouse::open(layout(1), None, clock, Settings::default()).await;
    let (house, id) = (&still.house, still.layout.places[0].meter.meter_id());
    for round in 0..5 {
        let (keep, end) = (Wanted::KeepPower(true), Wanted::KeepPower(false));
        let wishes = [Wanted::On, keep, Wanted::On, end];
        let taken = wishes.map(|wanted| {
            let house = house.clone();
            tokio::spawn(async move { house.steer_supply(PROJECT, id, wanted).await })
        });
        for taken in futures::future::join_all(taken).await {
            taken.unwrap().unwrap_or_else(|error| panic!("{round}: {error:?}"));
        }
    }
    let row = supply::of_meter(house.store().read(), PROJECT, id).await.unwrap().unwrap();
    assert!(row.desired_seq >= 1, "{row:?}");
}

#[tokio::test]
async fn a_cut_by_hand_is_refused_by_the_switches_keep_power_and_protection() {
    let clock = Arc::new(SystemClock::new());
    let still = StillHouse::open(layout(1), None, clock, Settings::default()).await;
    let (house, place) = (&still.house, &still.layout.places[0]);
    let (id, account) = (place.meter.meter_id(), place.account);
    let throw = async |key: &'static str, value: &'static str| {
        house.store().transact(move |tx| Box::pin(setting::set(tx, key, value))).await.unwrap();
    };
    let off = async || why(house.steer_supply(PROJECT, id, Wanted::Off).await);
    for (key, name) in [
        (arrears::SETTING_TRIPS_STOPPED, "trips-stopped"),
        (arrears::SETTING_SAFE_MODE, "safe-mode"),
        (arrears::SETTING_MIGRATING, "migrating"),
    ] {
        throw(key, "on").await;
        assert_eq!(off().await, Some(name));
        throw(key, "off").await;
    }
    house.steer_supply(PROJECT, id, Wanted::KeepPower(true)).await.unwrap();
    assert_eq!(off().await, Some("keep-power"));
    house.steer_supply(PROJECT, id, Wanted::KeepPower(false)).await.unwrap();
    let protect = async |protected: bool| {
        let done = house.store().transact(move |tx| {
            Box::pin(async move { store::account::protect(tx, PROJECT, account, protected).await })
        });
        done.await.unwrap();
    };
    protect(true).await;
    assert_eq!(off().await, Some("user-protected"));
    protect(false).await;
    assert_eq!(off().await, None);
    let row = supply::of_meter(house.store().read(), PROJECT, id).await.unwrap().unwrap();
    assert_eq!((row.desired.as_str(), row.desired_reason.as_str()), ("off", "by-hand"));
    // What a tenant cut themselves they may switch on again.
    house.steer_supply_by(Hand::Tenant, PROJECT, id, Wanted::On).await.unwrap_err();
    house.steer_supply(PROJECT, id, Wanted::On).await.unwrap();
    house.steer_supply_by(Hand::Tenant, PROJECT, id, Wanted::Off).await.unwrap();
    house.steer_supply_by(Hand::Tenant, PROJECT, id, Wanted::On).await.unwrap();
}

#[tokio::test]
async fn of_many_meters_each_is_answered_and_a_dry_run_changes_nothing() {
    let clock = Arc::new(SystemClock::new());
    let still = StillHouse::open(layout(3), None, clock, Settings::default()).await;
    let house = &still.house;
    let mut ids: Vec<_> = still.layout.places.iter().map(|p| p.meter.meter_id()).collect();
    house.steer_supply(PROJECT, ids[1], Wanted::KeepPower(true)).await.unwrap();
    ids.push(domain::MeterId(Uuid::from_u128(404)));
    let wish = order(ids.clone(), Wanted::Off);
    let before = supply::list(house.store().read(), PROJECT).await.unwrap();
    let told = house.preview_switching(PROJECT, &wish).await.unwrap();
    assert_eq!(supply::list(house.store().read(), PROJECT).await.unwrap(), before);
    let done = house.switch_many(PROJECT, &wish).await.unwrap();
    assert_eq!(told, done, "the dry run told what happened");
    let codes: Vec<_> = done.iter().map(|(_, f)| f.as_ref().err().map(Refusal::code)).collect();
    assert_eq!(codes, [None, Some("supply.refused"), None, Some("not_found")]);
    let rows = supply::list(house.store().read(), PROJECT).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.desired == "off").count(), 2);
    let wrong = [
        order(Vec::new(), Wanted::Off),
        order(vec![ids[0]; BATCH_MAX + 1], Wanted::Off),
        Switching { reason: " ".to_owned(), ..order(ids, Wanted::On) },
    ];
    for wish in wrong {
        assert!(house.switch_many(PROJECT, &wish).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_cut_that_comes_too_late_is_shown_and_not_made() {
    // (how long after its moment a worker comes, whether it wishes it then, work items). What the
    // supply makes of the wish is not asked here: no meter can be reached, and a cut is dropped.
    let table = [
        (TimeDelta::seconds(1), Wanted::Off, true, 0),
        (LATE_MAX + TimeDelta::seconds(1), Wanted::Off, false, 1),
        (LATE_MAX + TimeDelta::seconds(1), Wanted::On, true, 0),
    ];
    for (late, wanted, made, items) in table {
        let clock = Arc::new(ManualClock::at("2026-11-20T06:00:00Z"));
        let still = StillHouse::open(layout(2), None, clock.clone(), Settings::default()).await;
        let house = &still.house;
        let ids: Vec<_> = still.layout.places.iter().map(|p| p.meter.meter_id()).collect();
        let at = house.now() + TimeDelta::hours(8);
        house.plan_switching(PROJECT, &order(ids.clone(), wanted), at).await.unwrap();
        let planned = house.planned_switchings(PROJECT).await.unwrap();
        assert_eq!(planned.len(), 2);
        assert!(planned.iter().all(|plan| (plan.at, plan.wanted) == (at, wanted)));
        // One of them is taken back; a second time there is nothing to take back.
        let back = planned.iter().find(|plan| plan.meter == ids[1]).unwrap();
        house.withdraw_switching(PROJECT, back.id).await.unwrap();
        house.withdraw_switching(PROJECT, back.id).await.unwrap_err();
        clock.jump_to(at + late);
        let stop = still.work();
        let waits = async || !house.planned_switchings(PROJECT).await.unwrap().is_empty();
        let done = tokio::time::timeout(Duration::from_secs(60), async {
            while waits().await
                || store::job::counts(house.store().read())
                    .await
                    .unwrap()
                    .iter()
                    .any(|count| count.state == "leased")
            {
                house.store().wait_for_work(Duration::from_millis(10)).await;
            }
        });
        done.await.unwrap();
        let db = house.store().read();
        let row = supply::of_meter(db, PROJECT, ids[0]).await.unwrap();
        let wish = row.map(|row| (row.desired_seq, row.desired_reason));
        let expected = made.then(|| (1, "by-hand".to_owned()));
        assert_eq!(wish, expected, "{late} {wanted:?}");
        assert!(supply::of_meter(db, PROJECT, ids[1]).await.unwrap().is_none());
        let open = work_item::open_items(db, PROJECT).await.unwrap();
        let shown = open.iter().filter(|item| item.kind == "supply.plan_refused").count();
        assert_eq!(shown, items, "{late} {wanted:?}");
        drop(stop);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_by_hand_that_never_left_is_shown_and_not_made_later() {
    let clock = Arc::new(ManualClock::at("2026-11-20T06:00:00Z"));
    let mut still = StillHouse::open(layout(1), None, clock, Settings::default()).await;
    let (house, place) = (still.house.clone(), still.layout.places[0].clone());
    let id = place.meter.meter_id();
    // No line is there: the order is dropped, and a person is told why nothing went dark.
    house.steer_supply(PROJECT, id, Wanted::Off).await.unwrap();
    let stop = still.work();
    let shown = async || {
        let open = work_item::open_items(house.store().read(), PROJECT).await.unwrap();
        open.into_iter().filter(|item| item.kind == "supply.not_cut").collect::<Vec<_>>()
    };
    still.until("the dropped cut is shown", async || !shown().await.is_empty()).await;
    let detail: serde_json::Value = serde_json::from_str(&shown().await[0].detail).unwrap();
    assert_eq!(detail["why"], "not-sent");
    // The line comes back: nothing is cut by an order that is over.
    let site = still.connect().await;
    house.steer_supply(PROJECT, id, Wanted::On).await.unwrap();
    still.until("the wish to have it on is settled", async || shown().await.is_empty()).await;
    let seen = site.meter(&place.meter.address).unwrap().snapshot();
    assert_eq!((seen.trips, seen.relay_closed), (0, true));
    drop(stop);
    site.stop().await;
}

#[tokio::test]
async fn a_plan_for_the_past_or_too_far_ahead_is_refused() {
    let clock = Arc::new(ManualClock::at("2026-11-20T06:00:00Z"));
    let still = StillHouse::open(layout(1), None, clock, Settings::default()).await;
    let house = &still.house;
    let id = still.layout.places[0].meter.meter_id();
    for ahead in [TimeDelta::zero(), TimeDelta::seconds(-1), TimeDelta::days(93)] {
        let at = house.now() + ahead;
        let planned = house.plan_switching(PROJECT, &order(vec![id], Wanted::Off), at).await;
        assert!(
            matches!(planned, Err(VendingError::Refused(Refusal::Malformed { field: "at" }))),
            "{ahead}"
        );
    }
    assert!(house.planned_switchings(PROJECT).await.unwrap().is_empty());
}

//! Deliveries that people push on, and money whose meter serves somebody else by now.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{Channel, Money, OperatorId, OrderId, OrderState};
use gateway::{Action, CommandFailure, Item, MeterCommand, Priority, command::RelayCommand};
use meter_simulator::{Knob, Setting};
use provider_simulator::{Fault, Pay, Rule, Site as Place};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};
use vending::{Refusal, VendingError, meter::OpenAccount, order::PlaceOrder};

fn operator() -> OperatorId {
    OperatorId(uuid::Uuid::from_u128(77))
}

async fn items(world: &World) -> Vec<String> {
    let db = world.house.store().read();
    let items = store::work_item::open_items(db, PROJECT).await.unwrap();
    items.into_iter().map(|item| item.kind).collect()
}

async fn vend_of(world: &World, order: OrderId) -> store::vend::Vend {
    let db = world.house.store().read();
    store::vend::of_order(db, PROJECT, order).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_of_a_vend_that_waits_for_its_meter_is_delivered_when_it_returns() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let meter = world.site.meter(&world.layout.places[0].meter.address).unwrap();
    meter.turn(Knob::DropRequest, Setting::percent(100));
    let (order, no) = world.order(0, 2_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until_event(order.order_id(), "unreadable").await;
    // Whoever presses the button twice must not end what he wants to hurry.
    for _ in 0..2 {
        let vend = vend_of(&world, order.order_id()).await;
        world.house.resend_vend(PROJECT, vend.vend_id()).await.unwrap();
        world.until_event(order.order_id(), "resend").await;
    }
    meter.clear(Knob::DropRequest);
    world.until(order.order_id(), OrderState::Restored).await;
    assert_eq!(world.site.sum_applied_fen(), 2_000);
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_vend_is_delivered() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let meter = world.site.meter(&world.layout.places[0].meter.address).unwrap();
    let (first, no) = world.order(0, 1_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until(first.order_id(), OrderState::Restored).await;
    meter.turn(Knob::CountJump, Setting::times(1));
    let (second, no) = world.order(0, 3_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until_event(second.order_id(), "quarantined").await;
    let vend = vend_of(&world, second.order_id()).await.vend_id();
    let early = world.house.restart_vend(PROJECT, vend).await;
    assert!(matches!(early, Err(VendingError::Refused(Refusal::MeterQuarantined))), "{early:?}");
    let id = world.layout.places[0].meter.meter_id();
    let before = meter.snapshot().sum_applied_fen;
    let why = "sold by the old system, seen on the display".to_owned();
    world.house.release_meter(PROJECT, id, false, why).await.unwrap();
    world.house.restart_vend(PROJECT, vend).await.unwrap();
    world.until(second.order_id(), OrderState::Restored).await;
    assert_eq!(meter.snapshot().sum_applied_fen - before, 3_000);
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_for_a_closed_account_is_booked_and_never_pushed_into_the_next_tenants_meter() {
    let world = World::start(Plan::new(vec![Bus::mixed()])).await;
    for place in 0..2 {
        // The code is on the screen, the tenant leaves, another one moves in, then it is paid:
        // taking the offer back fails, because the provider cannot be reached just now.
        let gone = |place| Rule::new(place, Fault::SystemError { effect: false });
        let gone = [Place::Query, Place::Close].map(|place| world.provider.add_rule(gone(place)));
        let (order, no) = world.order(place, 2_000, Channel::WechatNative).await;
        let left = &world.layout.places[place];
        world.house.close_account(PROJECT, left.account, operator()).await.unwrap();
        let wish = OpenAccount {
            account_no: format!("A-NEW-{place}"),
            room: left.meter.room().unwrap(),
            name: "新住户".to_owned(),
            phone: None,
            customer_no: format!("99000000000{place}"),
            protected: false,
        };
        let next = world.house.open_account(PROJECT, wish).await.unwrap();
        for rule in gone {
            world.provider.remove_rule(rule.unwrap());
        }
        world.provider.pay_now(&no, Pay::default()).unwrap();
        let paid = world.until(order.order_id(), OrderState::Credited).await;
        assert_eq!(paid.account_id, left.account.0, "the money is the one's who paid");
        let purse = vending::posting::purse_of(left.account, paid.purpose().unwrap());
        let db = world.house.store().read();
        let held = store::ledger::balance(db, PROJECT, purse).await.unwrap();
        assert_eq!(held.posted.fen(), 2_000);
        let other = domain::AccountId(next.id);
        let purse = vending::posting::purse_of(other, paid.purpose().unwrap());
        assert_eq!(store::ledger::balance(db, PROJECT, purse).await.unwrap().posted.fen(), 0);
        assert!(store::vend::of_order(db, PROJECT, order.order_id()).await.unwrap().is_none());
        let told = items(&world).await;
        let told = told.iter().filter(|kind| *kind == "payment.account_closed").count();
        assert_eq!(told, place + 1);
    }
    assert_eq!(world.site.sum_applied_fen(), 0);
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_an_account_takes_its_open_offers_back() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let (order, no) = world.order(0, 2_000, Channel::WechatNative).await;
    let account = world.layout.places[0].account;
    world.house.close_account(PROJECT, account, operator()).await.unwrap();
    let order = world.house.order(PROJECT, order.order_id()).await.unwrap();
    assert_eq!(order.state().unwrap(), OrderState::Closed);
    assert!(world.provider.pay_now(&no, Pay::default()).is_err(), "nobody can pay it any more");
    assert!(items(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_sale_told_again_after_its_order_expired_is_credited_or_refused() {
    let tune = |config: &mut yufu::config::Config| config.vending.order_lifetime_s = 1;
    let world = World::start(Plan { tune, ..Plan::new(vec![Bus::prepaid(2)]) }).await;
    let wish = |place: usize| PlaceOrder {
        client_id: format!("till-3-000000000{place}"),
        meter: world.layout.places[place].meter.meter_id(),
        channel: Channel::Cash,
        amount: Money::from_fen(2_000),
        operator: Some(operator()),
    };
    // The till's server died between the order and its money; the order's time runs out.
    let died = world.house.place_order(PROJECT, wish(0)).await.unwrap();
    let closed = async |id: OrderId| {
        while world.house.order(PROJECT, id).await.unwrap().state().unwrap() != OrderState::Closed {
            world.house.close_expired().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    closed(died.order_id()).await;
    for _ in 0..2 {
        world.house.sell_at_counter(PROJECT, operator(), wish(0), None).await.unwrap();
    }
    world.until(died.order_id(), OrderState::Restored).await;
    assert_eq!(world.site.sum_applied_fen(), 2_000);
    // What somebody cancelled is not sold by telling it again.
    let cancelled = world.house.place_order(PROJECT, wish(1)).await.unwrap();
    world.house.cancel_order(PROJECT, cancelled.order_id()).await.unwrap();
    let told = world.house.sell_at_counter(PROJECT, operator(), wish(1), None).await;
    let state = OrderState::Closed;
    assert!(
        matches!(told, Err(VendingError::Refused(Refusal::WrongState { state: s })) if s == state),
        "{told:?}"
    );
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meter_whose_clock_is_wrong_is_lit_after_a_payment() {
    // H.1 no. 11: a meter that lives in another year understands no validity of a close.
    let world = World::start(Plan::new(vec![Bus { prepaid: 0, remote: 1, water: 0 }])).await;
    let id = world.layout.places[0].meter.meter_id();
    let meter = world.site.meter(&world.layout.places[0].meter.address).unwrap();
    let until = async |closed: bool| {
        while meter.snapshot().relay_closed != closed {
            world.house.store().wait_for_work(Duration::from_millis(20)).await;
        }
    };
    let tell = async |action: Action, priority: Priority| {
        let command =
            MeterCommand { meter: id.0, action, priority, not_after: None, operator_tag: 0 };
        // The modem dials in when it is ready.
        while let Err(failure) = world.house.gateway().execute(command.clone()).await {
            assert!(matches!(failure, CommandFailure::Offline), "{failure:?}");
            world.house.store().wait_for_work(Duration::from_millis(20)).await;
        }
    };
    let valid_until = world.house.now() + TimeDelta::minutes(5);
    let trip = Action::Relay { command: RelayCommand::Trip, valid_until };
    tell(trip, Priority::Trip).await;
    tokio::time::timeout(Duration::from_secs(60), until(false)).await.expect("dark");
    meter.turn(Knob::Clock, Setting::percent(100).with_value(-800 * 86_400));
    tell(Action::Read(vec![Item::Clock]), Priority::OnDemand).await;
    let wish = PlaceOrder {
        client_id: "till-1-0000000009".to_owned(),
        meter: id,
        channel: Channel::Cash,
        amount: Money::from_fen(5_000),
        operator: Some(operator()),
    };
    world.house.sell_at_counter(PROJECT, operator(), wish, None).await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), until(true)).await.expect("the light is on");
}

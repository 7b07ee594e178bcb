//! Rows of the two fault tables that no other test walks from end to end: a callback that never
//! comes, a purchase taken in part, a read-back out of a cache.

use std::time::Duration;

use domain::{Channel, OrderId, OrderState};
use meter_simulator::{Knob, Setting};
use provider_simulator::{Fault, Pay, Rule, Site as Place};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};

/// The control code of the command that carries money to a DL/T 645-2007 meter.
const TOP_UP: u8 = 0x03;
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often an order's timeline tells of an event.
async fn told(world: &World, order: OrderId, kind: &str) -> usize {
    let events = store::timeline::of(world.house.store().read(), PROJECT, order).await.unwrap();
    events.iter().filter(|event| event.kind == kind).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_callback_never_comes_is_credited_by_the_query() {
    // F4 no. 3, for both providers.
    let world = World::start(Plan::new(vec![Bus::prepaid(2)])).await;
    world.provider.add_rule(Rule::new(Place::Callback, Fault::Never));
    for (place, channel) in [(0, Channel::WechatNative), (1, Channel::AlipayPrecreate)] {
        let (order, no) = world.order(place, 5_000, channel).await;
        world.provider.pay_now(&no, Pay::default()).unwrap();
        world.until(order.order_id(), OrderState::Restored).await;
        let story = world.story(order.order_id()).await;
        assert!(story.contains(r#""source":"query""#), "{story}");
    }
    assert_eq!(world.site.sum_applied_fen(), 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_the_meter_took_in_part_stops_every_write_to_it() {
    // H.1 no. 2: half of the money is in, and the meter says that it refused.
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let address = &world.layout.places[0].meter.address;
    let meter = world.site.meter(address).unwrap();
    let before = meter.snapshot().sum_applied_fen;
    meter.turn(Knob::PartialApply, Setting::times(1).on(TOP_UP));
    let (order, no) = world.order(0, 2_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until_event(order.order_id(), "quarantined").await;
    let row = store::meter::by_no(world.house.store().read(), PROJECT, address).await;
    let row = row.unwrap().unwrap();
    assert!(row.quarantine_reason.is_some(), "{}", row.state);
    assert_eq!(told(&world, order.order_id(), "sent").await, 1, "nothing is sent a second time");
    assert_eq!(meter.snapshot().sum_applied_fen - before, 1_000);
    let stands = world.house.order(PROJECT, order.order_id()).await.unwrap().state().unwrap();
    assert!(matches!(stands, OrderState::Delivering | OrderState::Uncertain), "{stands}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_read_back_never_pays_twice() {
    // H.1 no. 20: whatever is read comes out of a cache from before the top-up.
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let address = &world.layout.places[0].meter.address;
    let meter = world.site.meter(address).unwrap();
    let before = meter.snapshot();
    meter.turn(Knob::Cache, Setting::default());
    let (order, no) = world.order(0, 2_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    let id = order.order_id();
    tokio::time::timeout(PATIENCE, async {
        while told(&world, id, "sent").await < 2 {
            world.house.store().wait_for_work(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the same count goes out again");
    let after = meter.snapshot();
    assert_eq!(after.count, before.count + 1);
    assert_eq!(after.sum_applied_fen - before.sum_applied_fen, 2_000);
    let stands = world.house.order(PROJECT, id).await.unwrap().state().unwrap();
    assert_ne!(stands, OrderState::Delivered, "a cache proves nothing");
}

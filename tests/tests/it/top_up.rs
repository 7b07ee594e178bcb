//! A top-up from the order to the light, on real bytes over real sockets.

use domain::{Channel, OrderState};
use provider_simulator::Pay;
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_ends_with_the_money_on_the_meter_and_the_light_on() {
    let world = World::start(Plan::new(vec![Bus::mixed()])).await;
    for (place, channel) in
        [(0, Channel::WechatNative), (1, Channel::AlipayPrecreate), (2, Channel::WechatNative)]
    {
        let (order, out_trade_no) = world.order(place, 5_000, channel).await;
        world.provider.pay_now(&out_trade_no, Pay::default()).unwrap();
        world.until(order.order_id(), OrderState::Restored).await;
        println!("{}", world.story(order.order_id()).await);
    }
    let meter = world.site.meter(&world.layout.places[0].meter.address).unwrap().snapshot();
    assert_eq!((meter.count, meter.sum_applied_fen), (4, 5_000));
    assert_eq!(world.provider.sum_paid_fen(), 15_000);
    let report = world.house.store().audit(Some(PROJECT)).await.unwrap();
    println!("{report:?}");
}

//! A thousand top-ups while the wires misbehave: three books have to agree to the fen.

use domain::{Channel, OrderState};
use futures::StreamExt;
use ledger::LedgerAccount;
use meter_simulator::{Knob, Setting};
use provider_simulator::{Fault, Pay, Rule, Site as Place};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World, say},
};

/// Orders of one campaign.
const ORDERS: usize = 1_000;
/// Buses, and meters on each.
const BUSES: usize = 20;
const METERS: usize = 5;
/// Orders under way at once.
const AT_ONCE: usize = 100;

/// What goes wrong all the time: 5 % of the replies lost, 2 % noise, modems that reconnect.
pub fn misbehave(world: &World) {
    world.site.turn_all(Knob::DropReply, Setting::percent(5));
    world.site.turn_all(Knob::Noise, Setting::percent(2));
    world.site.turn_all(Knob::Reconnect, Setting::percent(1));
    world.provider.add_rule(Rule::new(Place::Callback, Fault::Copies { count: 2 }));
}

async fn one(world: &World, number: usize) -> i64 {
    let place = number % (BUSES * METERS);
    let fen = 1_000 + i64::try_from(number).unwrap();
    let channel =
        if number.is_multiple_of(3) { Channel::AlipayPrecreate } else { Channel::WechatNative };
    let (order, out_trade_no) = world.order(place, fen, channel).await;
    world.provider.pay_now(&out_trade_no, Pay::default()).unwrap();
    world.until(order.order_id(), OrderState::Restored).await;
    fen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_top_ups_agree_in_ledger_provider_and_meters() {
    let world = World::start(Plan::new(vec![Bus::prepaid(METERS); BUSES])).await;
    misbehave(&world);
    let sold: Vec<i64> = futures::stream::iter(0..ORDERS)
        .map(|number| one(&world, number))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let wanted: i64 = sold.iter().sum();
    let report = world.house.store().audit(Some(PROJECT)).await.unwrap();
    let mut on_meters = 0;
    for place in &world.layout.places {
        let account = LedgerAccount::OnMeter(place.meter.meter_id());
        let db = world.house.store().read();
        on_meters += store::ledger::balance(db, PROJECT, account).await.unwrap().posted.fen();
    }
    let provider = world.provider.sum_paid_fen();
    let meters = i64::try_from(world.site.sum_applied_fen()).unwrap();
    say(&format!(
        "{ORDERS} top-ups: ledger on meters {on_meters} fen, provider's book {provider} fen, \
         meters {meters} fen"
    ));
    println!("{report:?}");
    assert_eq!((on_meters, provider, meters), (wanted, wanted, wanted));
    assert_eq!(world.site.applied_topups(), ORDERS as u64);
    assert_eq!(report.open_holds, 0);
}

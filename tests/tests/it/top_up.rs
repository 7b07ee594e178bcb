//! A top-up from the order to the light, on real bytes over real sockets.

use domain::{Channel, OrderState};
use meter_simulator::{Knob, Setting};
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

/// One row: what goes wrong at the meter, and how the order must end.
struct Case {
    name: &'static str,
    knob: Option<(Knob, Setting)>,
    count: u32,
    applied_fen: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_lost_on_the_bus_the_meter_is_topped_up_once() {
    let cases = [
        Case { name: "nothing", knob: None, count: 4, applied_fen: 2_000 },
        Case {
            // H.1 no. 1: the meter applied it, the reply was lost.
            name: "the reply to the top-up is lost",
            knob: Some((Knob::DropReply, Setting::times(1).on(0x03))),
            count: 4,
            applied_fen: 2_000,
        },
        Case {
            name: "the request of the top-up is lost",
            knob: Some((Knob::DropRequest, Setting::times(1).on(0x03))),
            count: 4,
            applied_fen: 2_000,
        },
        Case {
            name: "every third reply is lost",
            knob: Some((Knob::DropReply, Setting::percent(33))),
            count: 4,
            applied_fen: 2_000,
        },
        Case {
            name: "noise",
            knob: Some((Knob::Noise, Setting::percent(30))),
            count: 4,
            applied_fen: 2_000,
        },
    ];
    let world = World::start(Plan::new(vec![Bus::prepaid(cases.len())])).await;
    for (place, case) in cases.iter().enumerate() {
        let address = &world.layout.places[place].meter.address;
        let meter = world.site.meter(address).unwrap();
        if let Some((knob, setting)) = &case.knob {
            meter.turn(*knob, *setting);
        }
        let (order, out_trade_no) = world.order(place, 2_000, Channel::WechatNative).await;
        world.provider.pay_now(&out_trade_no, Pay::default()).unwrap();
        world.until(order.order_id(), OrderState::Restored).await;
        let seen = meter.snapshot();
        assert_eq!(
            (seen.count, seen.sum_applied_fen),
            (case.count, case.applied_fen),
            "{}",
            case.name
        );
    }
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meter_that_counts_otherwise_is_quarantined_and_takes_no_money() {
    // H.1 no. 9 and 10: sold from another system, or replaced by another meter.
    let world = World::start(Plan::new(vec![Bus::prepaid(2)])).await;
    for (place, knob, reason) in
        [(0, Knob::CountJump, "count-ahead"), (1, Knob::Replaced, "meter-replaced")]
    {
        let address = &world.layout.places[place].meter.address;
        let meter = world.site.meter(address).unwrap();
        // The first sale tells the platform where the meter counts.
        let (first, no) = world.order(place, 1_000, Channel::WechatNative).await;
        world.provider.pay_now(&no, Pay::default()).unwrap();
        world.until(first.order_id(), OrderState::Restored).await;
        let before = meter.snapshot().sum_applied_fen;
        meter.turn(knob, Setting::times(1));
        let (second, no) = world.order(place, 1_000, Channel::WechatNative).await;
        world.provider.pay_now(&no, Pay::default()).unwrap();
        world.until_event(second.order_id(), "quarantined").await;
        let row = store::meter::by_no(world.house.store().read(), PROJECT, address).await;
        let row = row.unwrap().unwrap();
        assert_eq!(row.quarantine_reason.as_deref(), Some(reason));
        assert_eq!(meter.snapshot().sum_applied_fen - before, 0, "{reason}");
        let order = world.house.order(PROJECT, second.order_id()).await.unwrap();
        assert_eq!(order.state().unwrap(), OrderState::Credited, "the money waits in the purse");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_pushed_to_a_meter_in_safe_mode_and_everything_after_it() {
    // 20B: restored from a backup, the books may be behind the meters.
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let switch = |to: &'static str| {
        world.house.store().transact(move |tx| {
            let key = vending::arrears::SETTING_SAFE_MODE;
            Box::pin(store::setting::set(tx, key, to))
        })
    };
    switch("on").await.unwrap();
    let (order, no) = world.order(0, 2_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until(order.order_id(), OrderState::Credited).await;
    // The delivery was taken up again and again, and each time it waited.
    let store = world.house.store();
    let vend = store::vend::of_order(store.read(), PROJECT, order.order_id()).await.unwrap();
    let key = vend.unwrap().id.to_string();
    let turns = async {
        while store::job::by_key(store.read(), PROJECT, "vend", &key)
            .await
            .unwrap()
            .unwrap()
            .lease_token
            < 3
        {
            store.wait_for_work(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), turns).await.unwrap();
    let stands = world.house.order(PROJECT, order.order_id()).await.unwrap();
    assert_eq!(stands.state().unwrap(), OrderState::Credited);
    assert_eq!(world.site.sum_applied_fen(), 0);
    switch("off").await.unwrap();
    world.until(order.order_id(), OrderState::Restored).await;
    assert_eq!(world.site.sum_applied_fen(), 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_jumped_shows_the_foreign_purchases_beside_the_quarantine() {
    // H.1 no. 9: two sales of another system, 12.34 and 50 yuan, between two of ours.
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let place = world.layout.places[0].meter.clone();
    let meter = world.site.meter(&place.address).unwrap();
    let (first, no) = world.order(0, 1_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until(first.order_id(), OrderState::Restored).await;
    meter.buy_elsewhere(1_234);
    meter.buy_elsewhere(5_000);
    let (second, no) = world.order(0, 2_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until_event(second.order_id(), "quarantined").await;
    let log = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        loop {
            let db = world.house.store().read();
            let items = store::work_item::open_items(db, PROJECT).await.unwrap();
            let item = items.into_iter().find(|item| item.kind == "vend.quarantined").unwrap();
            assert_eq!(item.subject_id, second.id.to_string());
            let detail: serde_json::Value = serde_json::from_str(&item.detail).unwrap();
            if !detail["log_read_at"].is_null() {
                return detail;
            }
            world.house.store().wait_for_work(std::time::Duration::from_millis(20)).await;
        }
    });
    let log = log.await.expect("the meter's log stands beside its quarantine");
    let purchases: Vec<_> = log["foreign_purchases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|purchase| (purchase["count"].as_i64(), purchase["amount_fen"].as_i64()))
        .collect();
    assert_eq!(purchases, [(Some(6), Some(5_000)), (Some(5), Some(1_234))], "{log}");
    assert!(log["foreign_purchases"][0]["at"].is_string(), "{log}");
    assert_eq!(meter.snapshot().sum_applied_fen, 1_000, "nothing more was sent");
    // On demand the whole log is there, ours among it, and only what was really bought.
    let all = world.house.read_purchases(PROJECT, place.meter_id(), 10).await.unwrap();
    let all: Vec<_> = all.iter().map(|p| (p.count, p.amount_fen)).collect();
    assert_eq!(all, [(Some(6), Some(5_000)), (Some(5), Some(1_234)), (Some(4), Some(1_000))]);
}

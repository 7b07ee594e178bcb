//! Callbacks over the real wire: a 2xx means that the money is durable, and nothing else is a 2xx.

use domain::{Channel, OrderState};
use provider_simulator::{Fault, Pay, ProviderKind, Rule, Site as Place};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};

/// How often the ledger was credited, by its own audit.
async fn credited(world: &World) -> u64 {
    let report = world.house.store().audit(Some(PROJECT)).await.unwrap();
    u64::try_from(report.credited_facts).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_genuine_callback_is_acknowledged_and_it_is_credited_once() {
    let world = World::start(Plan::new(vec![Bus::prepaid(2)])).await;
    // The provider neither calls by itself nor answers queries: this test speaks for it.
    world.provider.add_rule(Rule::new(Place::Callback, Fault::Never));
    world.provider.add_rule(Rule::new(Place::Query, Fault::SystemError { effect: false }));
    let refused = [
        Fault::Forged,
        Fault::UnknownSerial,
        Fault::Unsigned,
        Fault::SignTest,
        Fault::Stale { age_s: 301 },
        Fault::DuplicateHeader,
        Fault::BitFlip,
        Fault::BadCiphertext,
        Fault::WrongMerchant,
        Fault::WrongAppId,
        Fault::WrongOrder,
        Fault::V2Xml,
        Fault::Truncated,
    ];
    let (order, no) = world.order(0, 5_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::silent()).unwrap();
    for fault in refused {
        let reply = world.provider.send_callback(&no, std::slice::from_ref(&fault)).await.unwrap();
        let harmless = !reply.acknowledged && !(200..300).contains(&reply.status);
        assert!(harmless, "{fault:?}: {reply:?}");
        assert_eq!(credited(&world).await, 0, "{fault:?}");
    }
    let genuine = (0..10).map(|_| world.provider.send_callback(&no, &[]));
    for reply in futures::future::join_all(genuine).await {
        let reply = reply.unwrap();
        assert!(reply.acknowledged, "{reply:?}");
    }
    assert_eq!(credited(&world).await, 1);
    world.until(order.order_id(), OrderState::Restored).await;
    // F4 no. 11: this merchant's genuine letter at another merchant's address.
    let mut letter = world.provider.letter(&no, &[]).unwrap();
    letter.url = letter.url.replace("wechat-token-1", "wechat-token-2");
    let reply = world.provider.post(ProviderKind::WechatPay, &letter).await.unwrap();
    assert!(!(200..300).contains(&reply.status), "{reply:?}");
    assert_eq!(credited(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn alipay_is_answered_success_in_every_dialect_and_credited_once() {
    let world = World::start(Plan::new(vec![Bus::prepaid(5)])).await;
    world.provider.add_rule(Rule::new(Place::Callback, Fault::Never));
    world.provider.add_rule(Rule::new(Place::Query, Fault::SystemError { effect: false }));
    let dialects: [&[Fault]; 5] = [
        &[],
        &[Fault::Gbk],
        &[Fault::SignTypeKept],
        &[Fault::BlankParams, Fault::ExtraParams],
        &[Fault::HtmlQuotes],
    ];
    for (place, faults) in dialects.into_iter().enumerate() {
        let (order, no) = world.order(place, 5_000, Channel::AlipayPrecreate).await;
        world.provider.pay_now(&no, Pay::silent()).unwrap();
        for wrong in [Fault::Forged, Fault::BitFlip, Fault::WrongMerchant, Fault::WrongAppId] {
            let reply = world.provider.send_callback(&no, std::slice::from_ref(&wrong)).await;
            let reply = reply.unwrap();
            assert!(!reply.acknowledged, "{wrong:?}: {reply:?}");
        }
        for _ in 0..2 {
            let reply = world.provider.send_callback(&no, faults).await.unwrap();
            assert!(reply.acknowledged, "{faults:?}: {reply:?}");
        }
        world.until(order.order_id(), OrderState::Restored).await;
        assert_eq!(credited(&world).await, place as u64 + 1, "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_an_order_lost_in_a_restore_is_shown_to_a_person() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    world.provider.add_rule(Rule::new(Place::Callback, Fault::Never));
    world.provider.add_rule(Rule::new(Place::Query, Fault::SystemError { effect: false }));
    for channel in [Channel::WechatNative, Channel::AlipayPrecreate] {
        let (_, no) = world.order(0, 5_000, channel).await;
        world.provider.pay_now(&no, Pay::silent()).unwrap();
        // Genuine, and about a number that stands nowhere in our database; told again and again.
        for _ in 0..3 {
            let reply = world.provider.send_callback(&no, &[Fault::WrongOrder]).await.unwrap();
            assert_eq!((reply.acknowledged, reply.status), (false, 503), "{channel:?}: {reply:?}");
        }
    }
    assert_eq!(credited(&world).await, 0);
    let items = store::work_item::open_items(world.house.store().read(), PROJECT).await.unwrap();
    let lost = items.iter().filter(|item| item.kind == "payment.unmatched");
    let told = lost
        .map(|item| serde_json::from_str::<serde_json::Value>(&item.detail).unwrap())
        .map(|told| (told["provider"].as_str().map(str::to_owned), told["paid_fen"].as_i64()))
        .collect::<Vec<_>>();
    let once = |provider: &str| (Some(provider.to_owned()), Some(5_000));
    assert_eq!(told, [once("wechat-pay"), once("alipay")], "each payment is shown once");
}

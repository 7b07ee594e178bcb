//! Telling WeChat that a mini-program order was delivered: until then its money is frozen there.

use std::time::Duration;

use domain::{Channel, Money, OrderId, OrderState, PayWay, PersonId};
use provider_simulator::{Fault, Pay, Rule, Site as Place};
use serde_json::Value;
use store::{
    StoreError,
    person::{self, KnownBy},
    shipping, work_item,
};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};
use vending::{
    order::{PlaceOrder, PlacedBy},
    payment::call::Payer,
};
use yufu::config::{Config, Hidden};

super::postgres::on_both_databases! {
    a_delivery_from_the_mini_program_is_told_to_wechat_and_no_other,
    an_upload_that_cannot_be_made_is_shown,
}

fn mini(config: &mut Config) {
    config.wechat.mini_app_id = "wx8888888888888888".to_owned();
    config.wechat.mini_secret = Hidden("0a5c1f3e7d9b24680a5c1f3e7d9b2468".to_owned());
}

/// An order placed from a page in WeChat and paid there.
async fn paid(world: &World, place: usize, way: PayWay) -> OrderId {
    let house = &world.house;
    let wish = PlaceOrder {
        client_id: OrderId::generate(house.clock(), house.rng()).to_string(),
        meter: world.layout.places[place].meter.meter_id(),
        channel: Channel::WechatJsapi,
        amount: Money::from_fen(5_000),
        operator: None,
    };
    let (new, now) = (PersonId::generate(house.clock(), house.rng()), house.now());
    let signed_in = house.store().transact(move |tx| {
        Box::pin(async move {
            let by = KnownBy::phone(&format!("1380000{place:04}"));
            Ok::<_, StoreError>(person::sign_in(tx, &by, None, new, now).await?.person)
        })
    });
    let by = PlacedBy { person: signed_in.await.unwrap(), way, appliances_off: true };
    let order = house.place_order_by(PROJECT, wish, by).await.unwrap();
    let id = order.order_id();
    let payer = Payer { open_id: Some(format!("oWANG{place}")), ..Payer::default() };
    let offer = house.start_payment(&order, payer).await.unwrap();
    world.provider.pay_now(&offer.attempt.out_trade_no, Pay::default()).unwrap();
    world.until(id, OrderState::Restored).await;
    id
}

async fn shipped(world: &World) -> Vec<Value> {
    let url = format!("{}/control/shipping", world.provider.base_url);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let text = client.get(url).send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Waits until the upload of an order stands so.
async fn until(world: &World, order: OrderId, wanted: &str) -> shipping::Shipping {
    let stands = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let db = world.house.store().read();
            let row = shipping::of_order(db, PROJECT, order).await.unwrap();
            if let Some(row) = row.filter(|row| row.state == wanted) {
                return row;
            }
            world.house.store().wait_for_work(Duration::from_millis(20)).await;
        }
    });
    stands.await.unwrap_or_else(|_| panic!("the upload never became {wanted}"))
}

async fn a_delivery_from_the_mini_program_is_told_to_wechat_and_no_other() {
    let plan = Plan::new(vec![Bus { prepaid: 1, remote: 2, water: 0 }]);
    let world = World::start(Plan { tune: mini, ..plan }).await;
    // Right after a payment WeChat's order centre may not know it yet.
    let unknown = Fault::Status { status: 200, code: "10060001".to_owned(), effect: false };
    world.provider.add_rule(Rule::new(Place::Shipping, unknown).times(1));
    let on_meter = paid(&world, 0, PayWay::WechatMini).await;
    assert_eq!(until(&world, on_meter, "sent").await.attempts, 2);
    // An upload that got through without its answer is known there already.
    world.provider.add_rule(Rule::new(Place::Shipping, Fault::Cut { effect: true }).times(1));
    let with_us = paid(&world, 1, PayWay::WechatMini).await;
    assert_eq!(until(&world, with_us, "sent").await.attempts, 2);
    let page = paid(&world, 2, PayWay::WechatPage).await;
    let job = async || {
        let db = world.house.store().read();
        store::job::by_key(db, PROJECT, "ship", &page.to_string()).await.unwrap().unwrap()
    };
    while job().await.state != "done" {
        world.house.store().wait_for_work(Duration::from_millis(20)).await;
    }
    let told = shipped(&world).await;
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|one| one["item_desc"] == "电费充值 50.00 元"), "{told:?}");
    world.stop().await;
}

async fn an_upload_that_cannot_be_made_is_shown() {
    let plan = Plan::new(vec![Bus { prepaid: 0, remote: 1, water: 0 }]);
    let world = World::start(Plan { tune: mini, ..plan }).await;
    let refused = Fault::Status { status: 200, code: "10060004".to_owned(), effect: false };
    let rule = world.provider.add_rule(Rule::new(Place::Shipping, refused)).unwrap();
    let order = paid(&world, 0, PayWay::WechatMini).await;
    let row = until(&world, order, "failed").await;
    assert_eq!(row.attempts, 1, "what is refused for good is not asked again");
    let db = world.house.store().read();
    let items = work_item::open_items(db, PROJECT).await.unwrap();
    let kinds: Vec<_> = items.iter().map(|item| item.kind.as_str()).collect();
    assert_eq!(kinds, ["shipping.failed"]);
    assert!(items[0].detail.contains("10060004"), "{}", items[0].detail);
    // Somebody mends it there and has it tried again.
    world.provider.remove_rule(rule);
    world.house.ship_again(PROJECT, order).await.unwrap();
    until(&world, order, "sent").await;
    assert_eq!(shipped(&world).await.len(), 1);
    assert!(work_item::open_items(db, PROJECT).await.unwrap().is_empty());
    assert!(world.house.ship_again(PROJECT, order).await.is_err(), "it is told already");
    world.stop().await;
}

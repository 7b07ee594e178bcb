//! An order by phone and who placed it: one write, whatever fails.

use std::sync::Arc;

use domain::{Channel, Clock, Money, OrderId, PayWay, PersonId, SystemClock};
use store::{
    StoreError, order, order_tenant,
    person::{self, KnownBy},
};
use tests::{
    fixture::{Bus, Layout, PROJECT},
    still::StillHouse,
};
use vending::order::{PlaceOrder, PlacedBy};

super::postgres::on_both_databases! {
    an_order_and_who_placed_it_are_stored_together_or_not_at_all,
}

async fn an_order_and_who_placed_it_are_stored_together_or_not_at_all() {
    let clock = Arc::new(SystemClock::new());
    let layout = Layout::new(&[Bus::prepaid(1)], 1, 50, clock.now());
    let settings = vending::Settings::default();
    let still = StillHouse::open(layout, None, clock, settings).await;
    let (house, db) = (&still.house, still.house.store().read());
    let wish = PlaceOrder {
        client_id: "phone-0000000001".to_owned(),
        meter: still.layout.places[0].meter.meter_id(),
        channel: Channel::WechatJsapi,
        amount: Money::from_fen(5_000),
        operator: None,
    };
    let person = PersonId::generate(house.clock(), house.rng());
    let by = PlacedBy { person, way: PayWay::WechatMini, appliances_off: true };
    // What fails after the order was written: nobody is who placed it, so the note is refused.
    house.place_order_by(PROJECT, wish.clone(), by).await.unwrap_err();
    let left = order::by_client_id(db, PROJECT, &wish.client_id).await.unwrap();
    assert_eq!(left.map(|order| order.order_no), None, "an order nobody would see");
    let now = house.now();
    let signed_in = house.store().transact(move |tx| {
        Box::pin(async move {
            person::sign_in(tx, &KnownBy::phone("13800000001"), None, person, now).await?;
            Ok::<_, StoreError>(())
        })
    });
    signed_in.await.unwrap();
    // The same wish again is one order, and its tenant's at once, however often it comes.
    let all = (0..10).map(|_| house.place_order_by(PROJECT, wish.clone(), by));
    let all = futures::future::join_all(all).await;
    let id = OrderId(all[0].as_ref().unwrap().id);
    assert!(all.iter().all(|one| one.as_ref().is_ok_and(|order| order.id == id.0)));
    let own = order_tenant::own(db, person, id).await.unwrap().unwrap();
    assert_eq!((own.way().unwrap(), own.appliances_off), (PayWay::WechatMini, true));
    assert_eq!(order_tenant::of_person(db, person, 10).await.unwrap().len(), 1);
}

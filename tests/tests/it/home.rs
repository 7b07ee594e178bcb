//! Homes of tenants by phone: what moving out does to them.

use std::sync::Arc;

use domain::{BindingId, BindingProof, Clock, OperatorId, PersonId, SystemClock};
use store::{
    StoreError,
    binding::{self, Bind, Bound},
    person::{self, KnownBy},
};
use tests::{
    fixture::{Bus, Layout, PROJECT},
    still::StillHouse,
};
use uuid::Uuid;
use vending::{House, meter::OpenAccount};

super::postgres::on_both_databases! {
    who_moves_out_is_unbound_and_who_moves_in_is_alone,
}

fn operator() -> OperatorId {
    OperatorId(Uuid::from_u128(71))
}

/// A person who signs in by number and proves to live in a home.
async fn tenant(house: &House, phone: &'static str, account: domain::AccountId) -> PersonId {
    let (new, id) = (
        PersonId::generate(house.clock(), house.rng()),
        BindingId::generate(house.clock(), house.rng()),
    );
    let now = house.now();
    let bound = house.store().transact(move |tx| {
        Box::pin(async move {
            let signed = person::sign_in(tx, &KnownBy::phone(phone), None, new, now).await?;
            let wish = Bind {
                id,
                project: PROJECT,
                account,
                person: signed.person,
                proof: BindingProof::Sms,
                invited_by: None,
            };
            let bound = binding::bind(tx, &wish, now).await?;
            Ok::<_, StoreError>((signed.person, bound))
        })
    });
    let (person, bound) = bound.await.unwrap();
    assert!(matches!(bound, Bound::New(_)), "{bound:?}");
    person
}

async fn who_moves_out_is_unbound_and_who_moves_in_is_alone() {
    let clock = Arc::new(SystemClock::new());
    let buses = [Bus { prepaid: 0, remote: 1, water: 0 }];
    let layout = Layout::new(&buses, 1, 1, clock.now());
    let still = StillHouse::open(layout, None, clock, vending::Settings::default()).await;
    let (house, place) = (&still.house, &still.layout.places[0]);
    let old = tenant(house, "13800000001", place.account).await;
    house.close_account(PROJECT, place.account, operator()).await.unwrap();
    let next = OpenAccount {
        account_no: "A-NEXT".to_owned(),
        room: place.meter.room().unwrap(),
        name: "新住户".to_owned(),
        phone: None,
        customer_no: "990000000009".to_owned(),
        protected: false,
    };
    let next = house.open_account(PROJECT, next).await.unwrap().account_id();
    let new = tenant(house, "13800000002", next).await;
    let db = house.store().read();
    assert!(binding::homes(db, old).await.unwrap().is_empty());
    for (person, account, sees) in [
        (old, place.account, false),
        (old, next, false),
        (new, place.account, false),
        (new, next, true),
    ] {
        let held = binding::held(db, person, account).await.unwrap();
        assert_eq!(held.is_some(), sees, "{person:?} {account:?}");
    }
    assert_eq!(binding::of_account(db, PROJECT, next).await.unwrap().len(), 1);
}

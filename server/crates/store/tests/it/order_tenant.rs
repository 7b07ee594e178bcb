//! Orders by phone: whose they are, and the links that open one of them.

use std::collections::BTreeSet;

use domain::{OrderId, PayWay, PersonId, SeededRng};
use futures::future::join_all;
use store::{
    Store, StoreError,
    entity::person,
    order_tenant::{self as tenants, OrderTenant, StreamTicket, TOKEN_LEN},
};

use crate::{
    base::Base,
    site::{PROJECT, at, build, id, order, place},
};

/// The site with orders `0..3`, placed by persons 100, 100 and 101.
async fn site(store: &Store) {
    build(store, 1).await;
    place(store, 0, 3).await;
    let noted = store.transact(|tx| {
        Box::pin(async move {
            for n in [100, 101] {
                let row = person::Model {
                    id: id(n),
                    name: None,
                    language: "zh-CN".into(),
                    elder: false,
                    theme: "system".into(),
                    created_at: at(0),
                    session_version: 0,
                };
                store::insert(tx, row).await?;
            }
            for n in 0..3 {
                let row = OrderTenant {
                    project_id: PROJECT.0,
                    order_id: order(n).id,
                    person_id: id(100 + n / 2),
                    way: "wechat-mini".into(),
                    appliances_off: true,
                    placed_at: at(n as i64),
                };
                assert!(tenants::note(tx, row.clone()).await?);
                assert!(!tenants::note(tx, row).await?, "a repeat of the placement");
            }
            Ok::<_, StoreError>(())
        })
    });
    noted.await.unwrap();
}

fn one(n: u128) -> OrderId {
    OrderId(order(n).id)
}

#[tokio::test]
async fn an_order_of_somebody_else_is_as_good_as_missing() {
    for base in Base::each().await {
        let store = base.store().await;
        site(&store).await;
        let (ann, bob) = (PersonId(id(100)), PersonId(id(101)));
        let of_ann = tenants::of_person(store.read(), ann, 10).await.unwrap();
        let found: Vec<_> = of_ann.iter().map(|row| row.order()).collect();
        assert_eq!(found, [(PROJECT, one(1)), (PROJECT, one(0))], "the latest first");
        assert!(of_ann.iter().all(|row| row.way().unwrap() == PayWay::WechatMini));
        assert_eq!(tenants::own(store.read(), bob, one(0)).await.unwrap(), None);
        assert_eq!(tenants::own(store.read(), ann, one(9)).await.unwrap(), None);
        let own = tenants::own(store.read(), bob, one(2)).await.unwrap().unwrap();
        assert_eq!(own.person(), bob);
        assert_eq!(tenants::of_order(store.read(), PROJECT, one(2)).await.unwrap(), Some(own));
        base.end().await;
    }
}

#[tokio::test]
async fn a_receipt_has_one_link_that_opens_it_alone() {
    for base in Base::each().await {
        let store = base.store().await;
        site(&store).await;
        let all = (0..60).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let made = store.transact(move |tx| {
                    Box::pin(async move {
                        let rng = SeededRng::new(n);
                        tenants::receipt(tx, PROJECT, one(u128::from(n % 2)), &rng, at(1)).await
                    })
                });
                made.await.unwrap().token
            })
        });
        let tokens: BTreeSet<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(tokens.len(), 2);
        for token in &tokens {
            assert_eq!(token.len(), TOKEN_LEN);
            let found = tenants::by_receipt(store.read(), &token.to_lowercase()).await.unwrap();
            let (project, order) = found.unwrap();
            let back = tenants::receipt_of(store.read(), project, order).await.unwrap().unwrap();
            assert_eq!(back.token, *token);
        }
        assert_eq!(tenants::by_receipt(store.read(), "YF0000000000000000").await.unwrap(), None);
        base.end().await;
    }
}

#[tokio::test]
async fn a_stream_ticket_opens_one_stream() {
    for base in Base::each().await {
        let store = base.store().await;
        let row = StreamTicket {
            hash: "s".into(),
            person_id: id(100),
            project_id: PROJECT.0,
            order_id: id(4),
            expires_at: at(60),
            used_at: None,
        };
        let late = StreamTicket { hash: "late".into(), ..row.clone() };
        let kept = store.transact(move |tx| {
            Box::pin(async move {
                tenants::insert_ticket(tx, row).await?;
                tenants::insert_ticket(tx, late).await
            })
        });
        kept.await.unwrap();
        let redeem = |hash: &'static str, seconds| {
            let store = store.clone();
            tokio::spawn(async move {
                let used = store
                    .transact(move |tx| Box::pin(tenants::redeem_ticket(tx, hash, at(seconds))));
                used.await.unwrap().is_some()
            })
        };
        assert!(!redeem("late", 60).await.unwrap() && !redeem("x", 1).await.unwrap());
        let opened = join_all((0..50).map(|_| redeem("s", 59))).await;
        assert_eq!(opened.into_iter().filter(|one| *one.as_ref().unwrap()).count(), 1);
        base.end().await;
    }
}

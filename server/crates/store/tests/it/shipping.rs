//! Telling WeChat of a delivery: until it took it, or a person has to look.

use domain::OrderId;
use futures::future::join_all;
use store::{
    Store,
    shipping::{self, ATTEMPTS_MAX, Outcome, Shipping},
};

use crate::{
    base::Base,
    site::{PROJECT, at, build, order, place},
};

fn one(n: u128) -> OrderId {
    OrderId(order(n).id)
}

async fn open(store: &Store, n: u128) -> bool {
    store.transact(move |tx| Box::pin(shipping::open(tx, PROJECT, one(n), at(0)))).await.unwrap()
}

async fn begin(store: &Store, due: &Shipping, now: i64) -> Option<Shipping> {
    let due = due.clone();
    let begun = store.transact(move |tx| {
        Box::pin(async move { shipping::begin(tx, &due, at(now + 60), at(now)).await })
    });
    begun.await.unwrap()
}

async fn end(store: &Store, taken: Shipping, outcome: Outcome) -> bool {
    let ended = store.transact(move |tx| {
        Box::pin(async move { shipping::end(tx, &taken, outcome, at(5)).await })
    });
    ended.await.unwrap()
}

async fn state(store: &Store, n: u128) -> (String, i64) {
    let row = shipping::of_order(store.read(), PROJECT, one(n)).await.unwrap().unwrap();
    assert_eq!(row.order(), (PROJECT, one(n)));
    (row.state, row.attempts)
}

#[tokio::test]
async fn an_upload_is_made_by_one() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        place(&store, 0, 1).await;
        assert!(open(&store, 0).await && !open(&store, 0).await);
        let due = shipping::due(store.read(), at(0), 9).await.unwrap();
        let all = (0..50).map(|_| {
            let (store, due) = (store.clone(), due[0].clone());
            tokio::spawn(async move { begin(&store, &due, 0).await })
        });
        let begun: Vec<_> = join_all(all).await.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(begun.len(), 1);
        assert!(shipping::due(store.read(), at(59), 9).await.unwrap().is_empty());
        // Its process is gone: another one makes it, and the first one's end is too late.
        let due = shipping::due(store.read(), at(60), 9).await.unwrap();
        let second = begin(&store, &due[0], 60).await.unwrap();
        assert!(!end(&store, begun[0].clone(), Outcome::Failed("x".into())).await);
        assert!(!end(&store, second, Outcome::Sent).await);
        assert_eq!(state(&store, 0).await, ("sent".into(), 2));
        base.end().await;
    }
}

#[tokio::test]
async fn an_upload_that_never_works_is_shown_once_and_can_be_made_again() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        place(&store, 0, 3).await;
        let mut shown = Vec::new();
        open(&store, 0).await;
        for n in 0..ATTEMPTS_MAX {
            let due = shipping::due(store.read(), at(n), 9).await.unwrap();
            let taken = begin(&store, &due[0], n).await.unwrap();
            let later = Outcome::Later { next_at: at(n + 1), why: "busy".into() };
            shown.push(end(&store, taken, later).await);
        }
        let last = shown.pop();
        assert!(last == Some(true) && shown.iter().all(|shown| !shown), "{shown:?}");
        assert_eq!(state(&store, 0).await, ("failed".into(), ATTEMPTS_MAX));
        let again = |n| {
            let done =
                store.transact(move |tx| Box::pin(shipping::again(tx, PROJECT, one(n), at(90))));
            async { done.await.unwrap_or_else(|error: store::StoreError| panic!("{error}")) }
        };
        assert!(again(0).await && !again(0).await);
        assert_eq!(state(&store, 0).await, ("waiting".into(), 0));
        for (n, outcome, want, look) in [
            (1, Outcome::Failed("10060004".into()), "failed", true),
            (2, Outcome::Skipped("refunded".into()), "skipped", false),
        ] {
            open(&store, n).await;
            let row = shipping::of_order(store.read(), PROJECT, one(n)).await.unwrap().unwrap();
            let taken = begin(&store, &row, 100).await.unwrap();
            assert_eq!(end(&store, taken, outcome).await, look);
            assert_eq!(state(&store, n).await.0, want);
        }
        base.end().await;
    }
}

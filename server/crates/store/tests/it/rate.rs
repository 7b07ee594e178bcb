//! Budgets: exactly what may be spent is spent, however many spend at once.

use chrono::TimeDelta;
use futures::future::join_all;
use store::{
    Store,
    rate::{self, Budget},
};

use crate::{base::Base, site::at};

async fn spend(store: &Store, budget: &Budget, amount: i64, seconds: i64) -> bool {
    let budget = budget.clone();
    let spent = store.transact(move |tx| {
        Box::pin(async move { rate::spend(tx, &budget, amount, at(seconds)).await })
    });
    spent.await.unwrap()
}

#[tokio::test]
async fn of_a_thousand_at_once_exactly_the_budget_is_spent() {
    for base in Base::each().await {
        let store = base.store().await;
        for (key, max, amount, want) in [("sms:day", 10, 1, 10), ("money", 100, 7, 14)] {
            let budget = Budget::new(key, TimeDelta::days(1), max);
            let all = (0..1_000).map(|_| {
                let (store, budget) = (store.clone(), budget.clone());
                tokio::spawn(async move { spend(&store, &budget, amount, 5).await })
            });
            let done = join_all(all).await;
            let spent = done.into_iter().filter(|done| *done.as_ref().unwrap()).count();
            assert_eq!(spent, want, "{key}");
            let (sum, ends) = rate::spent(store.read(), &budget, at(5)).await.unwrap().unwrap();
            assert_eq!((sum, ends), (want as i64 * amount, at(5 + 86_400)));
        }
        base.end().await;
    }
}

#[tokio::test]
async fn a_window_begins_with_the_first_that_is_spent() {
    // What is asked for at which second of a budget of 10 in a minute.
    let table: &[(i64, i64, bool)] = &[
        (100, 11, false),
        (100, -1, false),
        (100, 6, true),
        (101, 5, false),
        (101, 4, true),
        (159, 1, false),
        (160, 10, true),
        (219, 1, false),
        (220, 1, true),
        // A clock that went back a little spends from the same window …
        (170, 9, true),
        (170, 1, false),
        // … and one that was wrong by days does not lock anybody out until then.
        (-400_000, 10, true),
        (-400_000, 1, false),
        (170, 1, true),
    ];
    for base in Base::each().await {
        let store = base.store().await;
        let budget = Budget::new("k", TimeDelta::seconds(60), 10);
        for (seconds, amount, want) in table {
            let spent = spend(&store, &budget, *amount, *seconds).await;
            assert_eq!(spent, *want, "{amount} at {seconds}");
        }
        assert_eq!(rate::spent(store.read(), &budget, at(300)).await.unwrap(), None);
        base.end().await;
    }
}

#[tokio::test]
async fn a_narrow_budget_that_is_used_up_leaves_the_wide_ones_alone() {
    for base in Base::each().await {
        let store = base.store().await;
        let day = TimeDelta::days(1);
        let budgets = |phone: u32| {
            [Budget::new(format!("phone:{phone}"), day, 1), Budget::new("site", day, 3)]
        };
        let knock = async |phone| {
            let budgets = budgets(phone);
            let spent = store.transact(move |tx| {
                Box::pin(async move { rate::spend_each(tx, &budgets, at(1)).await })
            });
            spent.await.unwrap()
        };
        let mut told = Vec::new();
        for phone in [1, 1, 1, 1, 2, 3, 4] {
            told.push(knock(phone).await);
        }
        assert_eq!(told, [None, Some(0), Some(0), Some(0), None, None, Some(1)]);
        base.end().await;
    }
}

//! `transact`: all or nothing, alone and among neighbours.

use std::task::Poll;

use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
use store::{Store, StoreError, entity::setting};

use crate::base::Base;

fn row(key: String) -> setting::Model {
    setting::Model { key, value: "1".into() }
}

async fn count(store: &Store) -> u64 {
    setting::Entity::find().count(store.read()).await.unwrap()
}

#[tokio::test]
async fn what_answers_ok_is_kept_and_what_answers_err_is_undone() {
    for base in Base::each().await {
        let store = base.store().await;
        let kept = store.transact(|tx| {
            Box::pin(async move {
                store::insert(tx, row("kept".into())).await?;
                Ok::<_, StoreError>(42)
            })
        });
        assert_eq!(kept.await.unwrap(), 42);
        let undone = store.transact(|tx| {
            Box::pin(async move {
                store::insert(tx, row("undone".into())).await?;
                Err::<(), _>(StoreError::Gone("cake"))
            })
        });
        assert!(matches!(undone.await, Err(StoreError::Gone("cake"))));
        assert_eq!(count(&store).await, 1);
        base.end().await;
    }
}

#[tokio::test]
async fn a_failing_neighbour_undoes_only_its_own_writes() {
    for base in Base::each().await {
        let store = base.store().await;
        let units = (0..300).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let unit = store.transact(move |tx| {
                    Box::pin(async move {
                        store::insert(tx, row(format!("a{n}"))).await?;
                        match n % 5 {
                            // Its own refusal.
                            1 => return Err(StoreError::Gone("cake")),
                            // A rule of the schema.
                            2 => store::insert(tx, row(format!("a{n}"))).await?,
                            3 => panic!("unit {n} panics on purpose"),
                            _ => {}
                        }
                        store::insert(tx, row(format!("b{n}"))).await
                    })
                });
                (n, unit.await)
            })
        });
        let mut kept = 0;
        for unit in units.collect::<Vec<_>>() {
            let (n, result) = unit.await.unwrap();
            match n % 5 {
                1 => assert!(matches!(result, Err(StoreError::Gone(_))), "{n}: {result:?}"),
                2 => assert!(matches!(result, Err(StoreError::Refused(_))), "{n}: {result:?}"),
                3 => assert!(matches!(result, Err(StoreError::Abandoned(_))), "{n}: {result:?}"),
                _ => {
                    result.unwrap();
                    kept += 2;
                }
            }
        }
        assert_eq!(count(&store).await, kept);
        base.end().await;
    }
}

#[tokio::test]
async fn readers_see_nothing_before_the_commit_and_cannot_write() {
    for base in Base::each().await {
        let store = base.store().await;
        let reader = store.clone();
        let seen = store.transact(move |tx| {
            Box::pin(async move {
                store::insert(tx, row("one".into())).await?;
                Ok::<_, StoreError>(count(&reader).await)
            })
        });
        assert_eq!(seen.await.unwrap(), 0);
        assert_eq!(count(&store).await, 1);
        if base.url.starts_with("sqlite") {
            let write = store.read().execute_unprepared("delete from setting").await;
            assert!(write.is_err());
        }
        base.end().await;
    }
}

#[tokio::test]
async fn the_work_is_done_even_if_the_caller_goes_away() {
    for base in Base::each().await {
        if !base.url.starts_with("sqlite") {
            base.end().await;
            continue;
        }
        let store = base.store().await;
        let mut unit =
            Box::pin(store.transact(|tx| {
                Box::pin(async move { store::insert(tx, row("kept".into())).await })
            }));
        assert!(futures::poll!(&mut unit).is_pending());
        drop(unit);
        store.transact(|_| Box::pin(async { Ok::<_, StoreError>(()) })).await.unwrap();
        assert_eq!(count(&store).await, 1);
        base.end().await;
    }
}

#[tokio::test]
async fn a_full_queue_answers_at_once_and_loses_nothing_it_took() {
    let base = Base::sqlite();
    let store = base.store().await;
    let (open, gate) = tokio::sync::oneshot::channel::<()>();
    let mut slow = Box::pin(
        store.transact(|_| Box::pin(async { gate.await.map_err(|_| StoreError::Stopped) })),
    );
    assert!(futures::poll!(&mut slow).is_pending());
    let mut taken = Vec::new();
    let full = loop {
        let n = taken.len();
        let mut unit = Box::pin(store.transact(move |tx| {
            Box::pin(async move { store::insert(tx, row(format!("q{n}"))).await })
        }));
        match futures::poll!(&mut unit) {
            Poll::Pending => taken.push(unit),
            Poll::Ready(answer) => break answer,
        }
    };
    assert!(matches!(full, Err(StoreError::Overloaded)), "{full:?}");
    open.send(()).unwrap();
    slow.await.unwrap();
    let want = taken.len() as u64;
    for unit in taken {
        unit.await.unwrap();
    }
    assert_eq!(count(&store).await, want);
    base.end().await;
}

//! The timeline of an order: short while nothing happens, and never without its end.

use serde_json::json;
use store::{StoreError, order::Order, timeline};

use crate::{
    base::Base,
    site::{at, order},
};

/// Lines written in one transaction.
const PORTION: i64 = 250;

#[tokio::test]
async fn the_delivery_is_shown_after_two_thousand_failed_looks() {
    for base in Base::each().await {
        let store = base.store().await;
        let row: Order = order(0);
        let (project, id) = (row.project(), row.order_id());
        // As an earlier release wrote them: a line for every look.
        for portion in 0..2_000 / PORTION {
            let row = row.clone();
            let told = store.transact(move |tx| {
                Box::pin(async move {
                    for look in portion * PORTION..(portion + 1) * PORTION {
                        let detail = json!({ "error": "offline" });
                        timeline::add(tx, &row, "unreadable", at(look), detail).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            });
            told.await.unwrap();
        }
        let late = row.clone();
        let told = store.transact(move |tx| {
            Box::pin(async move {
                timeline::add(tx, &late, "sent", at(2_000), json!({})).await?;
                // As this one does: the looks of a run are one line.
                for look in 2_001..2_100 {
                    let detail = json!({ "error": "offline" });
                    timeline::add_run(tx, &late, "unreadable", at(look), detail).await?;
                }
                timeline::add(tx, &late, "delivered", at(2_100), json!({ "count": 4 })).await
            })
        });
        told.await.unwrap();
        let shown = timeline::of(store.read(), project, id).await.unwrap();
        assert_eq!(shown.len() as u64, timeline::EVENTS_MAX);
        let kinds: Vec<_> = shown.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds[kinds.len() - 4..], ["unreadable", "sent", "unreadable", "delivered"]);
        assert!(shown.is_sorted_by_key(|event| event.at), "oldest first");
        base.end().await;
    }
}

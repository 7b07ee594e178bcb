//! What the rows promise: versions, unique counts, a timeline that rolls back with its fact.

use domain::{Channel, OrderState};
use serde_json::json;
use store::{StoreError, order, timeline, vend};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_moved_meanwhile_is_a_conflict() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let (seen, _) = world.order(0, 5_000, Channel::WechatNative).await;
    let at = world.house.now();
    let step = |to: OrderState| {
        let seen = seen.clone();
        world
            .house
            .store()
            .transact(move |tx| Box::pin(async move { order::step(tx, &seen, to, at).await }))
    };
    // Two writers saw the same version: the first moves it, the second is told.
    let first = step(OrderState::Closed).await.unwrap();
    assert_eq!((first.version, first.state.as_str()), (seen.version + 1, "closed"));
    assert!(matches!(step(OrderState::Held).await, Err(StoreError::Gone("orders"))));
    // A step that is not in the table is refused even at the right version.
    let wrong = world.house.store().transact(move |tx| {
        Box::pin(async move { order::step(tx, &first, OrderState::Restored, at).await })
    });
    assert!(matches!(wrong.await, Err(StoreError::Gone("orders"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transition_that_rolls_back_leaves_no_line_in_the_timeline() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let (seen, _) = world.order(0, 5_000, Channel::WechatNative).await;
    let at = world.house.now();
    let count = async || {
        let db = world.house.store().read();
        timeline::of(db, PROJECT, seen.order_id()).await.unwrap().len()
    };
    let before = count().await;
    let row = seen.clone();
    let undone = world.house.store().transact(move |tx| {
        Box::pin(async move {
            let moved = order::step(tx, &row, OrderState::Closed, at).await?;
            timeline::add(tx, &moved, "closed", at, json!({})).await?;
            Err::<(), _>(StoreError::Refused("the work failed afterwards".to_owned()))
        })
    });
    assert!(undone.await.is_err());
    let stands = world.house.order(PROJECT, seen.order_id()).await.unwrap();
    assert_eq!((stands.state.as_str(), count().await), ("placed", before));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_vends_cannot_reserve_the_same_count() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let (one, _) = world.order(0, 5_000, Channel::WechatNative).await;
    let (two, _) = world.order(0, 5_000, Channel::WechatNative).await;
    let meter = world.layout.places[0].meter.id;
    let at = world.house.now();
    let vend = |order: &order::Order, id: u128, count: Option<i64>, epoch: i32| vend::Vend {
        project_id: PROJECT.0,
        id: Uuid::from_u128(id),
        order_id: order.id,
        meter_id: meter,
        epoch,
        purchase_count: count,
        amount_fen: 5_000,
        state: "queued".to_owned(),
        saga: "{}".to_owned(),
        hold_id: None,
        sent_count: 0,
        proof: None,
        created_at: at,
        intended_at: None,
        sent_at: None,
        ended_at: None,
        next_action_at: None,
        last_error: None,
        version: 1,
    };
    let insert =
        |row: vend::Vend| world.house.store().transact(move |tx| Box::pin(store::insert(tx, row)));
    insert(vend(&one, 1, Some(8), 1)).await.unwrap();
    // (count, epoch, may stand beside count 8 of epoch 1)
    let table = [(Some(8), 1, false), (Some(8), 2, true)];
    for (count, epoch, fits) in table {
        let inserted = insert(vend(&two, 2, count, epoch)).await;
        assert_eq!(inserted.is_ok(), fits, "{count:?} of epoch {epoch}: {inserted:?}");
    }
}

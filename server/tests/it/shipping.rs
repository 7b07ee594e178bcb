//! Telling WeChat again of a delivery: who may, and of which orders.

use domain::{OrderId, ProjectId};
use serde_json::json;
use store::{
    StoreError,
    shipping::{self, Outcome},
};

use crate::world::{World, id};

/// An upload of project 1's order that has failed for good.
async fn failed(world: &World) {
    let (now, project, order) = (world.now(), ProjectId(1), OrderId(id(6, 1)));
    let put = world.server.house().store().transact(move |tx| {
        Box::pin(async move {
            shipping::open(tx, project, order, now).await?;
            let row = shipping::of_order(tx, project, order).await?.unwrap();
            let taken = shipping::begin(tx, &row, now, now).await?.unwrap();
            let why = "10060004: wrong".to_owned();
            shipping::end(tx, &taken, Outcome::Failed(why), now).await?;
            Ok::<_, StoreError>(())
        })
    });
    put.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_failed_is_told_again_and_only_by_who_may() {
    let world = World::start().await;
    let operator = world.signed_in("operator", &[(1, "operator")]).await;
    let cashier = world.signed_in("cashier", &[(1, "cashier")]).await;
    let path = "/projects/1/orders/YF2611200000000001/shipping";
    let nothing = world.post(path, &operator, json!({})).await;
    assert_eq!(nothing.code(), "order.wrong_state", "it was never to be told");
    failed(&world).await;
    assert_eq!(world.post(path, &cashier, json!({})).await.code(), "auth.forbidden");
    let again = world.post(path, &operator, json!({})).await;
    assert_eq!(again.status, 200, "{}", again.text);
    let told = again.json();
    assert_eq!((&told["state"], &told["attempts"]), (&json!("waiting"), &json!(0)));
    assert_eq!(told["order_id"], json!(id(6, 1)));
    let twice = world.post(path, &operator, json!({})).await;
    assert_eq!(twice.code(), "order.wrong_state", "it is on its way already");
    world.stop().await;
}

//! Money at the counter: once per key, logged, proven by the books.

use serde_json::{Value, json};

use crate::world::{API, Reply, Sent, World, id};

async fn sell(world: &World, token: &str, key: Option<&str>, body: Value) -> Reply {
    let mut sent = Sent::by(token).body(body);
    if let Some(key) = key {
        sent = sent.header("idempotency-key", key);
    }
    world.send("POST", &format!("{API}/projects/1/sales"), sent).await
}

fn sale(client_id: &str, fen: i64) -> Value {
    json!({ "client_id": client_id, "meter_id": id(4, 1), "amount_fen": fen, "channel": "cash" })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gives_the_same_answer_and_another_body_is_refused() {
    let world = World::start().await;
    let cashier = world.signed_in("cashier", &[(1, "cashier")]).await;
    let owner = world.signed_in("chief", &[(1, "owner")]).await;
    let none = sell(&world, &cashier, None, sale("sale-0001", 5_000)).await;
    assert_eq!(none.code(), "idempotency.key_missing");
    let first = sell(&world, &cashier, Some("key-00001"), sale("sale-0001", 5_000)).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let again = sell(&world, &cashier, Some("key-00001"), sale("sale-0001", 5_000)).await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    let other = sell(&world, &cashier, Some("key-00001"), sale("sale-0001", 6_000)).await;
    assert_eq!((other.status, other.code()), (409, "idempotency.key_reused".to_owned()));
    let reused = sell(&world, &cashier, Some("key-00002"), sale("sale-0001", 6_000)).await;
    assert_eq!(reused.code(), "order.client_id_reused", "{}", reused.text);
    let path = format!("/projects/1/accounts/{}/balance", id(2, 1));
    let balance = world.get(&path, &cashier).await.json();
    assert_eq!(balance["items"][0]["balance_fen"], 5_000);
    let audit = world.get("/projects/1/ledger/audit", &owner).await;
    assert_eq!(audit.json()["proven"], true, "{}", audit.text);
    let log = world.get("/projects/1/operation-log", &owner).await.json();
    let outcomes: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["action"] == "order.sell")
        .map(|line| line["outcome"].as_str().unwrap())
        .collect();
    let want = ["refused order.client_id_reused", "begun", "done 201", "begun"];
    assert_eq!(outcomes, want, "a repeat does nothing and is not logged as done again");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_identical_sales_at_once_are_one_sale() {
    let world = World::start().await;
    let cashier = world.signed_in("cashier", &[(1, "cashier")]).await;
    let tries = (0..20).map(|n| {
        let key = format!("key-{n:05}");
        let (world, cashier) = (&world, &cashier);
        async move { sell(world, cashier, Some(&key), sale("sale-race", 300)).await.status }
    });
    let statuses = futures::future::join_all(tries).await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    let path = format!("/projects/1/accounts/{}/balance", id(2, 1));
    let balance = world.get(&path, &cashier).await.json();
    assert_eq!(balance["items"][0]["balance_fen"], 300);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_bounds_is_refused_with_its_bounds() {
    let world = World::start().await;
    let cashier = world.signed_in("cashier", &[(1, "cashier")]).await;
    for fen in [0, -1, 99, 500_001, i64::MAX, i64::MIN] {
        let reply = sell(&world, &cashier, Some("key-bounds"), sale("sale-bounds", fen)).await;
        assert_eq!(reply.code(), "order.amount_out_of_range", "{fen}: {}", reply.text);
        assert_eq!(reply.json()["params"]["max_fen"], 500_000);
    }
    let mut float = sale("sale-bounds", 100);
    float["amount_fen"] = json!(100.5);
    let reply = sell(&world, &cashier, Some("key-bounds"), float).await;
    assert_eq!(reply.code(), "malformed");
    world.stop().await;
}

//! The live page: there when it is switched on, and nowhere else.

use futures::StreamExt;

use crate::world::{Sent, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_live_page_shows_the_site_without_a_login() {
    let world = World::start().await;
    let page = world.send("GET", "/live", Sent::default()).await;
    assert_eq!(
        (page.status, page.headers["content-type"].as_str()),
        (200, "text/html; charset=utf-8")
    );
    let script = world.send("GET", "/live/live.js", Sent::default()).await;
    assert_eq!(script.status, 200);
    let tag = script.headers["etag"].clone();
    let again = world.send("GET", "/live/live.js", Sent::default().header("if-none-match", &tag));
    assert_eq!(again.await.status, 304);
    assert_eq!(world.send("GET", "/live/../yufu.toml", Sent::default()).await.status, 404);
    let state = world.send("GET", "/live/state", Sent::default()).await.json();
    let meter = &state["projects"][0]["rooms"][0]["meters"][0];
    assert_eq!(
        (meter["supply"].as_str(), meter["balance_fen"].as_i64()),
        (Some("offline"), Some(0))
    );
    assert_eq!(state["by_hour"].as_array().unwrap().len(), 24);
    assert_eq!(state["gateways"]["total"], 2);
    assert_eq!(state["safe_mode"], false);
    let case = &state["alarms"][0];
    assert_eq!(case["title_zh"], "金额对不上", "money that waits for a person is shown: {state}");
    let place = state["orders"][0]["place"].as_str().unwrap();
    assert!(place.ends_with("1栋 101"), "{place}");
    let url = format!("http://{}/live/events", world.server.http());
    let mut stream = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(url)
        .send()
        .await
        .unwrap()
        .bytes_stream();
    let first = stream.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"event: state\ndata: {"), "{first:?}");
    drop(stream);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_page_says_that_a_restored_site_keeps_still() {
    let world = World::start().await;
    let store = world.server.house().store();
    let on =
        store.transact(|tx| Box::pin(store::setting::set(tx, store::setting::SAFE_MODE, "on")));
    on.await.unwrap();
    let state = world.send("GET", "/live/state", Sent::default()).await.json();
    assert_eq!(state["safe_mode"], true);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_a_live_page_has_none() {
    let world = World::start_with(|config| config.server.live_page = false).await;
    for path in ["/live", "/live/state", "/live/events", "/live/live.js"] {
        let reply = world.send("GET", path, Sent::default()).await;
        assert_eq!(reply.code(), "no_such_route", "{path}");
    }
    world.stop().await;
}

//! Orders of tenants without a provider: placed once, bounded, nobody else's, told as they are.

use serde_json::{Value, json};

use super::{
    super::world::{Reply, Sent, World, id},
    MINI, Tenant,
};

crate::base::on_both_databases! {
    a_lost_reply_and_two_tabs_end_in_one_order,
    an_order_for_what_is_not_ones_own_answers_like_one_for_what_is_not_there,
    what_an_order_may_not_be_is_refused_by_name,
    a_person_has_a_few_open_orders_at_most_and_cancels_only_their_own,
    orders_are_listed_page_by_page_without_repeating_or_leaving_out,
    a_live_page_opens_once_by_its_ticket_and_ends_with_its_order,
}

fn wish(client_id: &str) -> Value {
    json!({
        "client_id": client_id, "home": id(2, 1), "meter": id(4, 1), "amount_fen": 5_000,
        "way": "wechat-h5", "appliances_off": true,
    })
}

impl World {
    /// A tenant does something.
    pub async fn act(&self, tenant: &Tenant, path: &str, body: Option<Value>) -> Reply {
        let mut sent = Sent::by(&tenant.token);
        sent.body = body;
        self.send("POST", &format!("{MINI}{path}"), sent).await
    }
}

async fn a_lost_reply_and_two_tabs_end_in_one_order() {
    let world = World::start().await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    let tabs = (0..8).map(|_| world.act(&wang, "/orders", Some(wish("tab-0001"))));
    let replies = futures::future::join_all(tabs).await;
    let mut ids: Vec<_> = replies.iter().map(|r| r.json()["id"].clone()).collect();
    assert!(replies.iter().all(|r| matches!(r.status, 200 | 201)), "{}", replies[0].text);
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let again = world.act(&wang, "/orders", Some(wish("tab-0001"))).await;
    assert_eq!((again.status, &again.json()["id"]), (200, &ids[0]));
    assert_eq!(again.json()["way"], "wechat-h5");
    // The back button: the page finds the order that is still open.
    let path = format!("/homes/{}/meters/{}/top-up", id(2, 1), id(4, 1));
    assert_eq!(world.look(&wang, &path).await["open_order_id"], ids[0]);
    // The same id for something else is refused and names what differs.
    let mut other = wish("tab-0001");
    other["amount_fen"] = json!(6_000);
    let reply = world.act(&wang, "/orders", Some(other)).await;
    assert_eq!((reply.status, reply.code()), (409, "order.client_id_reused".to_owned()));
    // Another tenant's client may have made the same id.
    let li = world.tenant("13812340008", &[(1, 2)]).await;
    let theirs = world.act(&li, "/orders", Some(wish("tab-0001"))).await;
    assert_eq!(theirs.status, 201, "{}", theirs.text);
    assert_ne!(theirs.json()["id"], ids[0]);
    world.stop().await;
}

async fn an_order_for_what_is_not_ones_own_answers_like_one_for_what_is_not_there() {
    let world = World::start().await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    world.old_home(1).await;
    // (field, somebody else's, missing)
    let table = [
        ("home", id(22, 1), id(99, 9)),
        ("home", id(2, 2), id(99, 9)),
        ("meter", id(24, 1), id(99, 9)),
        ("meter", id(4, 2), id(99, 9)),
    ];
    for (field, theirs, missing) in table {
        let mut answers = Vec::new();
        for name in [theirs, missing] {
            let mut body = wish("foreign-0001");
            body[field] = json!(name);
            let reply = world.act(&wang, "/orders", Some(body)).await;
            assert_eq!(reply.status, 404, "{}", reply.text);
            answers.push(reply.without_trace());
        }
        assert_eq!(answers[0], answers[1], "{field}");
    }
    world.stop().await;
}

async fn what_an_order_may_not_be_is_refused_by_name() {
    let world = World::start().await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    let table = [
        ("amount_fen", json!(99), 422, "order.amount_out_of_range"),
        ("amount_fen", json!(500_001), 422, "order.amount_out_of_range"),
        ("amount_fen", json!(-1), 422, "order.amount_out_of_range"),
        ("amount_fen", json!(1.5), 400, "malformed"),
        ("way", json!("cash"), 400, "malformed"),
        ("client_id", json!("short"), 400, "order.client_id_malformed"),
        ("client_id", json!("with_underscore"), 400, "order.client_id_malformed"),
    ];
    for (field, value, status, code) in table {
        let mut body = wish("refused-0001");
        body[field] = value.clone();
        let reply = world.act(&wang, "/orders", Some(body)).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{field} {value}");
    }
    world.stop().await;
}

async fn a_person_has_a_few_open_orders_at_most_and_cancels_only_their_own() {
    let world = World::start().await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    let li = world.tenant("13812340008", &[(1, 2)]).await;
    let mut first = Value::Null;
    for number in 0..mini_program_api::order::OPEN_MAX {
        let reply = world.act(&wang, "/orders", Some(wish(&format!("open-{number:04}")))).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        first = reply.json();
    }
    let reply = world.act(&wang, "/orders", Some(wish("one-too-many"))).await;
    assert_eq!((reply.status, reply.code()), (429, "too_many_tries".to_owned()));
    assert_eq!(first["can"], json!({ "pay": true, "cancel": true }));
    let path = format!("/orders/{}", first["id"].as_str().unwrap());
    // A flatmate sees it, and neither pays nor cancels it.
    let seen = world.look(&li, &path).await;
    assert_eq!(seen["can"], json!({ "pay": false, "cancel": false }));
    assert_eq!(world.act(&li, &format!("{path}/cancel"), None).await.status, 403);
    assert_eq!(world.act(&li, &format!("{path}/pay"), Some(json!({}))).await.status, 422);
    let reply = world.act(&wang, &format!("{path}/pay"), Some(json!({}))).await;
    assert_eq!((reply.status, reply.code()), (409, "payment.channel_not_offered".to_owned()));
    let gone = world.act(&wang, &format!("{path}/cancel"), None).await;
    assert_eq!((gone.status, &gone.json()["state"]), (200, &json!("closed")));
    assert_eq!(gone.json()["safe"]["zh"], "没有扣款");
    let again = world.act(&wang, &format!("{path}/cancel"), None).await;
    assert_eq!((again.status, again.code()), (409, "order.wrong_state".to_owned()));
    let reply = world.act(&wang, "/orders", Some(wish("one-too-many"))).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    world.stop().await;
}

async fn orders_are_listed_page_by_page_without_repeating_or_leaving_out() {
    let world = World::start().await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    for number in 0..4 {
        world.act(&wang, "/orders", Some(wish(&format!("page-{number:04}")))).await;
    }
    let whole = world.look(&wang, "/orders").await;
    assert_eq!((whole["items"].as_array().unwrap().len(), &whole["next"]), (5, &Value::Null));
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = world.look(&wang, &format!("/orders?limit=2{after}")).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let ids: Vec<_> = whole["items"].as_array().unwrap().iter().map(|i| i["id"].clone()).collect();
    assert_eq!(seen, ids);
    let theirs = format!("/orders?home={}", id(2, 2));
    let reply = world.send("GET", &format!("{MINI}{theirs}"), Sent::by(&wang.token)).await;
    assert_eq!(reply.status, 404, "{}", reply.text);
    world.stop().await;
}

async fn a_live_page_opens_once_by_its_ticket_and_ends_with_its_order() {
    let world = World::start().await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    let path = format!("/orders/{}/stream", id(6, 1));
    let ticket = world.act(&wang, &path, None).await;
    assert_eq!(ticket.status, 200, "{}", ticket.text);
    let url = ticket.json()["url"].as_str().unwrap().to_owned();
    // The order of the fixture is closed: one event, and the end.
    let stream = world.send("GET", &url, Sent::default()).await;
    assert_eq!(stream.status, 200, "{}", stream.text);
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    let told = stream.text.strip_prefix("event: order\ndata: ").unwrap();
    let told: Value = serde_json::from_str(told.trim_end()).unwrap();
    assert_eq!((&told["state"], &told["final"]), (&json!("closed"), &json!(true)));
    for url in [url, format!("{MINI}/orders/stream/nobody-made-this")] {
        let reply = world.send("GET", &url, Sent::default()).await;
        assert_eq!((reply.status, reply.code()), (404, "not_found".to_owned()));
    }
    world.stop().await;
}

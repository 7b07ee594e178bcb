//! Notices over the wire: one's own, and nobody else's.

use domain::{DeliveryState, NoticeChannel, NoticeId};
use serde_json::json;
use store::notice::{self, Notice, Sending};
use vending::notice::Params;

use super::{
    super::world::{Sent, World, id},
    MINI, Tenant,
};

crate::base::on_both_databases! {
    a_tenant_reads_their_own_notices_and_nobody_elses,
    what_a_person_chose_is_kept_and_what_cannot_be_chosen_is_named,
}

/// Tells a person of a cut, by a text message that failed.
async fn tell(world: &World, tenant: &Tenant, reason: &str) -> NoticeId {
    let app = world.server.app();
    let (id_, now) = (NoticeId::generate(app.clock.as_ref(), app.rng.as_ref()), app.clock.now());
    let params = Params {
        place: "和园公寓 3 1204".to_owned(),
        meter: "0086".to_owned(),
        purpose: "electricity".to_owned(),
        amount_fen: Some(2_564),
        at: now,
        ..Params::default()
    };
    let row = Notice {
        project_id: 1,
        id: id_.0,
        person_id: tenant.person.0,
        account_id: Some(id(2, 1)),
        order_id: None,
        kind: "cut-off".to_owned(),
        reason: reason.to_owned(),
        params: serde_json::to_string(&params).unwrap(),
        created_at: now,
        read_at: None,
    };
    let sending = |channel, state, why: Option<&str>| Sending {
        channel,
        state,
        next_at: None,
        why: why.map(str::to_owned),
    };
    let sendings = [
        sending(NoticeChannel::InApp, DeliveryState::Delivered, None),
        sending(NoticeChannel::Sms, DeliveryState::Failed, Some("notice.unknown")),
    ];
    let told = app
        .house
        .store()
        .transact(move |tx| Box::pin(async move { notice::tell(tx, row, &sendings).await }));
    assert!(told.await.unwrap());
    id_
}

async fn a_tenant_reads_their_own_notices_and_nobody_elses() {
    let world = World::start().await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    let li = world.tenant("13812340008", &[(1, 2)]).await;
    let mut mine = Vec::new();
    for number in 0..3 {
        mine.push(tell(&world, &wang, &format!("cut-off:{number}")).await);
    }
    let theirs = tell(&world, &li, "cut-off:0").await;
    let get = async |path: &str, who: &Tenant| {
        world.send("GET", &format!("{MINI}{path}"), Sent::by(&who.token)).await
    };
    let post = async |path: &str, who: &Tenant| {
        world.send("POST", &format!("{MINI}{path}"), Sent::by(&who.token)).await
    };
    // Two pages, the newest first.
    let first = get("/notices?limit=2", &wang).await.json();
    let after = first["next"].as_str().unwrap();
    let second = get(&format!("/notices?limit=2&after={after}"), &wang).await.json();
    assert_eq!(second["next"], json!(null));
    let all: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap().clone())
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect();
    let mut want: Vec<_> = mine.iter().map(NoticeId::to_string).collect();
    want.sort();
    want.reverse();
    assert_eq!(all, want);
    let item = &first["items"][0];
    assert_eq!(item["title"], json!({ "zh": "已断电", "en": "No power" }));
    assert!(item["body"]["zh"].as_str().unwrap().starts_with("充 ¥25.64 可恢复供电"), "{item}");
    assert!(item["body"]["en"].as_str().unwrap().starts_with("pay ¥25.64"), "{item}");
    let failed = json!({ "channel": "sms", "state": "failed", "why": "notice.unknown" });
    assert!(item["deliveries"].as_array().unwrap().contains(&failed), "{item}");
    // Somebody else's answers like none.
    let foreign = post(&format!("/notices/{theirs}/read"), &wang).await;
    let missing = post(&format!("/notices/{}/read", id(99, 9)), &wang).await;
    assert_eq!((foreign.status, missing.status), (404, 404));
    assert_eq!(foreign.without_trace(), missing.without_trace());
    let unread = async |who: &Tenant| {
        let shown = get("/notices", who).await.json();
        let items = shown["items"].as_array().unwrap().clone();
        items.iter().filter(|item| item["read"] == json!(false)).count()
    };
    assert_eq!((unread(&wang).await, unread(&li).await), (3, 1));
    assert_eq!(post(&format!("/notices/{}/read", mine[1]), &wang).await.status, 204);
    assert_eq!((unread(&wang).await, unread(&li).await), (2, 1));
    assert_eq!(post("/notices/read-all", &wang).await.status, 204);
    assert_eq!((unread(&wang).await, unread(&li).await), (0, 1));
    // Staff see what did not arrive, without a name or a text.
    let operator = world.signed_in("an-operator", &[(1, "owner")]).await;
    let path = "/api/operator/v1/projects/1/notices";
    let shown = world.send("GET", path, Sent::by(&operator)).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    let shown = shown.json();
    assert_eq!((&shown["total"], &shown["items"][0]["why"]), (&json!(4), &json!("notice.unknown")));
    world.stop().await;
}

async fn what_a_person_chose_is_kept_and_what_cannot_be_chosen_is_named() {
    let world = World::start().await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    let path = format!("{MINI}/me/notices");
    let put = async |kinds: serde_json::Value, from: &str, until: &str| {
        let body = json!({ "kinds": kinds, "quiet": { "from": from, "until": until } });
        world.send("PUT", &path, Sent::by(&wang.token).body(body)).await
    };
    // What is chosen, the hours, and the field that is refused.
    for (kinds, from, until, refused) in [
        (json!({ "birthday": { "channels": [] } }), "22:00", "08:00", "kinds"),
        (json!({ "cut-off": { "channels": ["pigeon"] } }), "22:00", "08:00", "channels"),
        (json!({}), "22", "08:00", "from"),
        (json!({}), "22:00", "24:00", "until"),
        (json!({}), "08:00", "08:00", "until"),
    ] {
        let reply = put(kinds, from, until).await;
        let told = (reply.status, reply.json()["errors"][0]["field"].clone());
        assert_eq!(told, (400, json!(refused)), "{}", reply.text);
    }
    let chosen = json!({ "cut-off": { "channels": ["sms", "in-app", "sms"] } });
    assert_eq!(put(chosen, "23:30", "06:15").await.status, 200);
    let shown = world.send("GET", &path, Sent::by(&wang.token)).await.json();
    assert_eq!(shown["kinds"]["cut-off"]["channels"], json!(["sms"]));
    assert_eq!(shown["kinds"]["credited"]["channels"], json!(["wechat", "service-account"]));
    assert_eq!(shown["quiet"], json!({ "from": "23:30", "until": "06:15" }));
    world.stop().await;
}

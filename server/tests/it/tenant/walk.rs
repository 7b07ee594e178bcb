//! Every route × {own, another tenant's, another project's, missing, garbled, no token, ended,
//! forged, of another audience}.

use mini_program_api::{Effect, Need, ROUTES, Route, Verb, token::Holder};
use serde_json::{Value, json};
use store::{account, meter, person::session};
use yufu::http::openapi::path_names;

use super::{
    super::world::{Reply, Sent, World, id},
    MINI, Tenant,
};

crate::base::on_both_databases! {
    every_tenant_route_lets_in_only_who_may_and_tells_strangers_nothing,
    every_look_of_a_tenant_at_their_own_things_is_answered,
    a_field_nobody_asked_for_is_refused_by_every_route,
    a_token_is_worth_nothing_after_signing_out,
}

fn routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().flat_map(|routes| routes.iter())
}

/// A body each route would accept, as far as its form goes.
fn example(route: &Route) -> Option<Value> {
    let body = match route.name {
        "session.refresh" => json!({ "refresh_token": "x" }),
        "session.wechat_mini" => json!({ "app_id": "wx1", "code": "x" }),
        "session.alipay_mini" => json!({ "app_id": "2021", "auth_code": "x" }),
        "session.ticket" => json!({ "ticket": "x" }),
        "session.sms" | "me.phone" => json!({ "challenge": id(99, 9), "code": "000000" }),
        "sms_code.send" => json!({ "purpose": "sign-in", "phone": "13812340007" }),
        "me.preferences" => json!({ "language": "en", "elder": true, "theme": "dark" }),
        "me.wechat_phone" => json!({ "app_id": "wx1", "code": "x" }),
        "home.bind" => json!({ "by": "code", "tag": "7QK2MZ9XW4RT", "code": "K7Q2M-Z9XW4" }),
        "binding_request.make" => json!({ "tag": "7QK2MZ9XW4RT", "name": "王小明" }),
        "tenant_order.place" => json!({
            "client_id": "walk-0001", "home": id(2, 1), "meter": id(4, 1), "amount_fen": 5_000,
            "way": "wechat-h5", "appliances_off": true,
        }),
        "tenant_order.pay" => json!({}),
        "switch.set" => json!({ "wanted": "off", "appliances_off": true }),
        "notice.choose" => json!({
            "kinds": { "low-balance": { "channels": ["sms"] } },
            "quiet": { "from": "22:00", "until": "08:00" },
        }),
        "subscription.add" => json!({ "app_id": "wx8888888888888888", "results": {} }),
        "order.consents" => json!({ "template_ids": {} }),
        name => {
            assert!(route.body.is_none(), "{name} takes a body: give an example of it here");
            return None;
        }
    };
    assert!(route.body.is_some(), "{} takes no body any more", route.name);
    Some(body)
}

/// What a route's query needs.
fn query(route: &Route) -> &'static str {
    match route.name {
        "usage.show" => "?by=day&from=2026-11-01&until=2026-12-01",
        "statement.show" => "?from=2026-11-01&until=2026-11-30&format=html",
        _ => "",
    }
}

fn path(route: &Route, fill: impl Fn(&str) -> String) -> String {
    let mut path = format!("{MINI}{}", route.path);
    for name in path_names(route.path) {
        path = path.replace(&format!("{{{name}}}"), &fill(name));
    }
    path + query(route)
}

/// Things of the account with this kind in this project; the kinds are those of [`World`].
fn of(project: i64, shift: u8) -> impl Fn(&str) -> String {
    move |name| {
        let kind = match name {
            "home" => 2,
            "meter" => 4,
            "order" => 6,
            _ => 99,
        };
        id(kind + shift, project).to_string()
    }
}

fn missing(_: &str) -> String {
    id(99, 9).to_string()
}

async fn call(world: &World, route: &Route, path: &str, token: Option<&str>) -> Reply {
    let method = match route.method {
        Verb::Get => "GET",
        Verb::Post => "POST",
        Verb::Put => "PUT",
        Verb::Delete => "DELETE",
    };
    let mut sent = Sent { token: token.map(str::to_owned), ..Sent::default() };
    sent.body = example(route);
    if route.effect == Effect::Once {
        let key = format!("walk-{:016x}", path.len() * 31 + token.map_or(0, str::len));
        sent = sent.header("idempotency-key", &key);
    }
    world.send(method, path, sent).await
}

/// A neighbour in the same project: an account, a meter and an order of their own.
async fn add_neighbour(world: &World) {
    let store = world.server.house().store();
    let db = store.read();
    let project = domain::ProjectId(1);
    let mine = account::by_id(db, project, domain::AccountId(id(2, 1))).await.unwrap().unwrap();
    let meter = meter::by_id(db, project, domain::MeterId(id(4, 1))).await.unwrap().unwrap();
    let order = store::order::by_id(db, project, domain::OrderId(id(6, 1))).await.unwrap().unwrap();
    let theirs = account::Account {
        id: id(12, 1),
        account_no: "A102".to_owned(),
        room_id: id(11, 1),
        phone: Some("13812340008".to_owned()),
        customer_no: "000000000102".to_owned(),
        ..mine
    };
    let meter = meter::Meter {
        id: id(14, 1),
        meter_no: "000030220102".to_owned(),
        address: "000030220102".to_owned(),
        room_id: Some(id(11, 1)),
        account_id: Some(id(12, 1)),
        ..meter
    };
    let order = store::order::Order {
        id: id(16, 1),
        order_no: "YF2611200000000099".to_owned(),
        client_id: "fixture-neighbour".to_owned(),
        account_id: id(12, 1),
        meter_id: id(14, 1),
        ..order
    };
    let rows = store.transact(move |tx| {
        Box::pin(async move {
            store::insert(tx, theirs).await?;
            store::insert(tx, meter).await?;
            store::order::insert(tx, &order).await
        })
    });
    rows.await.unwrap();
}

/// Tokens that are worth nothing.
async fn worthless(world: &World, live: &Tenant) -> Vec<(&'static str, Option<String>)> {
    let app = world.server.app();
    let ended = world.tenant("13812340099", &[(1, 2)]).await;
    let (person, family, now) = (ended.person, ended.family, app.clock.now());
    let store = app.house.store();
    let revoked = store.transact(move |tx| {
        Box::pin(async move { session::revoke(tx, person, family, "test", now).await })
    });
    assert!(revoked.await.unwrap());
    let holder = Holder { person: live.person.0, family: live.family.0, version: 0 };
    let long_ago = (now - chrono::TimeDelta::hours(2), chrono::TimeDelta::seconds(600));
    let expired = app.tenants.keys.issue(holder, long_ago, uuid::Uuid::nil()).unwrap();
    let newer = Holder { version: 1, ..holder };
    let life = (now, chrono::TimeDelta::seconds(600));
    let newer = app.tenants.keys.issue(newer, life, uuid::Uuid::nil()).unwrap();
    let stranger = Holder { person: ended.person.0, ..holder };
    let stranger = app.tenants.keys.issue(stranger, life, uuid::Uuid::nil()).unwrap();
    let elsewhere = mini_program_api::token::Keys::new(
        "https://elsewhere.example".to_owned(),
        vec![7; mini_program_api::token::KEY_MIN],
        None,
    );
    let foreign = elsewhere.unwrap().issue(holder, life, uuid::Uuid::nil()).unwrap();
    let operator = world.signed_in("an-operator", &[(0, "owner")]).await;
    vec![
        ("none", None),
        ("garbled", Some("x".to_owned())),
        ("sql", Some("' or 1=1 --".to_owned())),
        ("signed out", Some(ended.token)),
        ("expired", Some(expired)),
        ("of another version", Some(newer)),
        ("of another's sign-in", Some(stranger)),
        ("of another site", Some(foreign)),
        ("an operator's", Some(operator)),
    ]
}

async fn every_tenant_route_lets_in_only_who_may_and_tells_strangers_nothing() {
    let world = World::start().await;
    add_neighbour(&world).await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    let bad = worthless(&world, &wang).await;
    for route in routes().filter(|route| route.need != Need::Nothing) {
        let name = route.name;
        for (kind, token) in &bad {
            if route.need == Need::Anybody && token.is_none() {
                continue;
            }
            let reply = call(&world, route, &path(route, of(1, 0)), token.as_deref()).await;
            let got = (reply.status, reply.code());
            assert_eq!(got, (401, "auth.login_required".to_owned()), "{name} {kind}");
        }
        if !matches!(route.need, Need::Home | Need::Order) {
            continue;
        }
        let absent = call(&world, route, &path(route, missing), Some(&wang.token)).await;
        assert_eq!(absent.status, 404, "{name}: {}", absent.text);
        for (whose, path) in [
            ("a neighbour's", path(route, of(1, 10))),
            ("another project's", path(route, of(2, 0))),
            ("garbled", path(route, |_| "x".to_owned())),
        ] {
            let reply = call(&world, route, &path, Some(&wang.token)).await;
            assert_eq!(reply.status, 404, "{name} {whose}: {}", reply.text);
            assert_eq!(reply.without_trace(), absent.without_trace(), "{name} {whose}");
        }
        if route.path.contains("{meter}") {
            // One's own home with a neighbour's meter.
            let mixed =
                path(
                    route,
                    |field| if field == "meter" { of(1, 10)(field) } else { of(1, 0)(field) },
                );
            let none = path(
                route,
                |field| if field == "meter" { missing(field) } else { of(1, 0)(field) },
            );
            let mixed = call(&world, route, &mixed, Some(&wang.token)).await;
            let none = call(&world, route, &none, Some(&wang.token)).await;
            assert_eq!((mixed.status, none.status), (404, 404), "{name}");
            assert_eq!(mixed.without_trace(), none.without_trace(), "{name}");
        }
    }
    world.stop().await;
}

/// How a look at one's own things is answered in the fixture's world: a live read is only there
/// once it was asked for.
fn answered(name: &str) -> u16 {
    match name {
        "read.show" | "bill.show" => 404,
        // The fixture's order was never paid.
        "receipt.show" => 409,
        _ => 200,
    }
}

async fn every_look_of_a_tenant_at_their_own_things_is_answered() {
    let world = World::start().await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    for route in routes().filter(|r| r.method == Verb::Get && r.need != Need::Nothing) {
        let reply = call(&world, route, &path(route, of(1, 0)), Some(&wang.token)).await;
        assert_eq!(reply.status, answered(route.name), "{}: {}", route.name, reply.text);
        assert_eq!(reply.headers.get("cache-control").map(String::as_str), Some("no-store"));
    }
    world.stop().await;
}

async fn a_field_nobody_asked_for_is_refused_by_every_route() {
    let world = World::start().await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    for route in routes().filter(|route| route.body.is_some()) {
        let mut body = example(route).unwrap();
        body["person_id"] = json!(id(99, 9));
        let key = format!("extra-field-{}", route.name).replace('.', "-");
        let sent = Sent::by(&wang.token).body(body).header("idempotency-key", &key);
        let method = if route.method == Verb::Put { "PUT" } else { "POST" };
        let reply = world.send(method, &path(route, of(1, 0)), sent).await;
        let told = (reply.status, reply.json()["errors"][0]["field"].clone());
        assert_eq!(told, (400, json!("person_id")), "{}: {}", route.name, reply.text);
    }
    world.stop().await;
}

async fn a_token_is_worth_nothing_after_signing_out() {
    let world = World::start().await;
    for everywhere in [false, true] {
        let wang = world.tenant("13812340007", &[(1, 2)]).await;
        let me = format!("{MINI}/me");
        let before = world.send("GET", &me, Sent::by(&wang.token)).await;
        assert_eq!(before.status, 200, "{}", before.text);
        assert_eq!(before.json()["phone_masked"], "138****0007");
        let (person, family, now) = (wang.person, wang.family, world.now());
        let out = world.server.house().store().transact(move |tx| {
            Box::pin(async move {
                match everywhere {
                    true => session::revoke_all(tx, person, "test", now).await,
                    false => session::revoke(tx, person, family, "test", now).await.map(|_| ()),
                }
            })
        });
        out.await.unwrap();
        let after = world.send("GET", &me, Sent::by(&wang.token)).await;
        assert_eq!(after.status, 401, "{}", after.text);
    }
    world.stop().await;
}

#[test]
fn names_are_single_and_only_the_way_in_is_open() {
    let mut names = Vec::new();
    for route in routes() {
        assert!(!names.contains(&route.name), "{} stands twice", route.name);
        names.push(route.name);
        assert_eq!(route.method == Verb::Get, route.effect == Effect::Read, "{}", route.name);
        let of_home = route.path.contains("{home}");
        assert_eq!(of_home, route.need == Need::Home, "{}", route.name);
    }
    let needing = |need| routes().filter(move |r| r.need == need).map(|r| r.name);
    let open: Vec<_> = needing(Need::Nothing).collect();
    let way_in = [
        "session.refresh",
        "session.wechat_mini",
        "session.alipay_mini",
        "session.wechat",
        "session.wechat_back",
        "session.alipay",
        "session.alipay_back",
        "session.ticket",
        "session.sms",
        "tag.show",
        "tenant_order.stream",
        "receipt.verify",
    ];
    assert_eq!(open, way_in);
    assert_eq!(needing(Need::Anybody).collect::<Vec<_>>(), ["sms_code.send"]);
}

//! Every route × who may and who may not. The walk follows the registry, so a route that is added
//! is walked too, and one that takes a body has to bring an example here.

use serde_json::{Value, json};
use yufu::{
    access::{Perm, Role},
    http::{
        openapi::path_names,
        operator::ROUTES,
        route::{Effect, Need, Route, Verb},
    },
};

use crate::world::{API, KINDS, Reply, Sent, World, id};

fn routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().flat_map(|routes| routes.iter())
}

/// A body each route would accept, as far as its form goes.
fn example(route: &Route) -> Option<Value> {
    let second = json!({ "login": "nobody", "password": "no password" });
    let body = match route.name {
        "setup" => json!({ "token": "x", "password": "long enough" }),
        "login" => json!({ "login": "x", "password": "y" }),
        "me.password" => json!({ "old_password": "x", "new_password": "y" }),
        "me.totp_on" => json!({ "secret": "x", "totp": "000000", "password": "y" }),
        "me.totp_off" => json!({ "totp": "000000", "password": "y" }),
        "operator.create" => json!({ "login": "new", "name": "new", "roles": [] }),
        "operator.roles" => json!({ "roles": [] }),
        "account.open" => json!({
            "room_id": id(11, 1), "account_no": "A9", "name": "x", "customer_no": "000000000009",
        }),
        "binding_request.decide" => json!({ "accept": false, "reason": "test" }),
        "meter.supply" => json!({ "wanted": "on", "reason": "test" }),
        "supply.batch" => json!({ "meters": [id(4, 1)], "wanted": "on", "reason": "test" }),
        "meter.release" => json!({ "new_epoch": false, "reason": "test" }),
        "meter.replace" => json!({
            "epoch": 1, "old": { "register": 1 }, "new": { "register": 0 }, "reason": "test",
            "second": second,
        }),
        "order.sell" => json!({
            "client_id": "walk-sale-1", "meter_id": id(4, 1), "amount_fen": 100, "channel": "cash",
        }),
        "order.place" => json!({
            "client_id": "walk-order-1", "meter_id": id(4, 1), "amount_fen": 100,
            "channel": "wechat-native",
        }),
        "vend.resolve" => json!({ "finding": "applied", "reason": "seen", "second": second }),
        "kiosk.look" => json!({ "code": "ABCDEFGH" }),
        "kiosk.pair" => json!({
            "code": "ABCDEFGH", "fingerprint": "000000", "number": "K-09", "name": "x",
        }),
        "kiosk.settings" => json!({
            "printer_required": false, "paper_mm": 80, "wallets": ["wechat"], "cards": false,
            "dark_from": "", "dark_until": "",
        }),
        "kiosk.revoke" => json!({ "reason": "test" }),
        "kiosk.command" => json!({ "verb": "self_test" }),
        "kiosk_content.draft" => json!({ "content": {} }),
        "kiosk_holiday.import" => json!({ "years": [2026], "days": [] }),
        "kiosk_card.enter" => json!({ "uid": "04a1b2c3", "meter_id": id(99, 9) }),
        "work.close" => json!({ "resolution": "done" }),
        name => {
            assert!(route.body.is_none(), "{name} takes a body: give an example of it here");
            return None;
        }
    };
    assert!(route.body.is_some(), "{} takes no body any more", route.name);
    Some(body)
}

/// A path with its project and, for every other name, an id.
fn path(route: &Route, project: i64, fill: impl Fn(&str) -> String) -> String {
    let mut path = format!("{API}{}", route.path);
    for name in path_names(route.path) {
        let value = if name == "project" { project.to_string() } else { fill(name) };
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    match route.name {
        "meter.readings" => path + "?item=forward-energy",
        _ => path,
    }
}

fn missing(_: &str) -> String {
    id(99, 9).to_string()
}

fn of_project(project: i64) -> impl Fn(&str) -> String {
    move |name| {
        if name == "content" {
            // A version is a number: the fixture's own stands in the first project only.
            return if project == 1 { "1".to_owned() } else { "77".to_owned() };
        }
        let kind = KINDS.iter().find(|(known, _)| *known == name).map_or(99, |(_, kind)| *kind);
        id(kind, project).to_string()
    }
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

/// A role that sees the project and lacks the permission, if there is one.
fn role_without(perm: Perm) -> Option<Role> {
    Role::ALL.iter().copied().find(|role| !role.may(perm))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_only_who_may_and_tells_strangers_nothing() {
    let world = World::start().await;
    let owner_here = world.signed_in("owner-1", &[(1, "owner")]).await;
    let owner_there = world.signed_in("owner-2", &[(2, "owner")]).await;
    let everywhere = world.signed_in("owner-0", &[(0, "owner")]).await;
    let ended = world.signed_in("ended", &[(0, "owner")]).await;
    let out = world.send("POST", &format!("{API}/logout"), Sent::by(&ended)).await;
    assert_eq!(out.status, 204, "{}", out.text);
    for route in routes() {
        let name = route.name;
        let here = path(route, 1, missing);
        if route.need == Need::Nothing {
            continue;
        }
        for token in [None, Some(ended.as_str()), Some("x"), Some("' or 1=1 --")] {
            let reply = call(&world, route, &here, token).await;
            let got = (reply.status, reply.code());
            assert_eq!(got, (401, "auth.login_required".to_owned()), "{name} {token:?}");
        }
        let perm = match route.need {
            Need::InProject(perm) => {
                let other = call(&world, route, &here, Some(&owner_there)).await;
                assert_eq!(other.status, 404, "{name}: {}", other.text);
                let nowhere = path(route, 77, missing);
                let nowhere = call(&world, route, &nowhere, Some(&everywhere)).await;
                assert_eq!(other.without_trace(), nowhere.without_trace(), "{name}");
                perm
            }
            Need::Everywhere(perm) => {
                let reply = call(&world, route, &here, Some(&owner_here)).await;
                assert_eq!(reply.code(), "auth.forbidden", "{name}: {}", reply.text);
                perm
            }
            Need::SignedIn | Need::Nothing => continue,
        };
        let Some(role) = role_without(perm) else { continue };
        let scope = if route.path.contains("{project}") { 1 } else { 0 };
        let login = format!("wrong-{name}");
        let wrong = world.signed_in(&login, &[(scope, role.as_str())]).await;
        let reply = call(&world, route, &here, Some(&wrong)).await;
        assert_eq!((reply.status, reply.code()), (403, "auth.forbidden".to_owned()), "{name}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_id_answers_exactly_like_a_missing_one() {
    let world = World::start().await;
    let owner = world.signed_in("owner-1", &[(1, "owner")]).await;
    for route in routes().filter(|route| matches!(route.need, Need::InProject(_))) {
        let names: Vec<_> = path_names(route.path).filter(|name| *name != "project").collect();
        if names.is_empty() {
            continue;
        }
        let absent = call(&world, route, &path(route, 1, missing), Some(&owner)).await;
        let foreign = call(&world, route, &path(route, 1, of_project(2)), Some(&owner)).await;
        let garbled = call(&world, route, &path(route, 1, |_| "x".into()), Some(&owner)).await;
        assert_eq!(absent.status, 404, "{}: {}", route.name, absent.text);
        assert_eq!(absent.without_trace(), foreign.without_trace(), "{}", route.name);
        assert_eq!(absent.without_trace(), garbled.without_trace(), "{}", route.name);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_look_at_ones_own_things_is_answered() {
    let world = World::start().await;
    let owner = world.signed_in("owner-1", &[(1, "owner"), (0, "auditor")]).await;
    for route in routes().filter(|route| route.method == Verb::Get) {
        if route.need == Need::Everywhere(Perm::ManageOperators) {
            continue;
        }
        let reply = call(&world, route, &path(route, 1, of_project(1)), Some(&owner)).await;
        assert_eq!(reply.status, 200, "{}: {}", route.name, reply.text);
        let unknown = format!(
            "{}{}unknown=1",
            path(route, 1, of_project(1)),
            if route.name == "meter.readings" { "&" } else { "?" }
        );
        if route.query.is_some() {
            let reply = call(&world, route, &unknown, Some(&owner)).await;
            assert_eq!(reply.code(), "malformed", "{}: {}", route.name, reply.text);
        }
    }
    let page = world.get("/projects/1/meters", &owner).await.json();
    assert_eq!(page["total"], 1);
    assert_eq!(page["items"][0]["balance_fen"], 0);
    let by_no = world.get("/projects/1/orders/YF2611200000000001", &owner).await;
    assert_eq!(by_no.json()["order"]["amount_fen"], 5_000);
    let foreign = world.get("/projects/1/orders/YF2611200000000002", &owner).await;
    assert_eq!(foreign.code(), "not_found");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_phones_are_masked_for_who_does_not_manage_accounts() {
    let world = World::start().await;
    let table = [("cashier", "王**", "138****0007"), ("operator", "王小明", "13812340007")];
    for (role, name, phone) in table {
        let token = world.signed_in(role, &[(1, role)]).await;
        let row = world.get("/projects/1/accounts", &token).await.json()["items"][0].clone();
        assert_eq!((row["name"].as_str(), row["phone"].as_str()), (Some(name), Some(phone)));
    }
    world.stop().await;
}

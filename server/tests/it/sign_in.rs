//! The way in: the first account, logins, second factors, budgets, cookies.

use serde_json::{Value, json};

use crate::world::{API, Reply, Sent, World};

async fn login(world: &World, body: Value) -> Reply {
    world.send("POST", &format!("{API}/login"), Sent::default().body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_account_is_set_up_by_a_link_and_there_is_no_default_password() {
    let world = World::start().await;
    for password in ["", "admin", "owner", "password", "yufu"] {
        let reply = login(&world, json!({ "login": "owner", "password": password })).await;
        assert_eq!(reply.code(), "auth.login_failed", "{password}");
    }
    let link = world.server.setup_link().unwrap().clone();
    let url = link.url(world.server.public_url());
    let page = url.strip_prefix(world.server.public_url()).unwrap().split('#').next().unwrap();
    assert_eq!(world.send("GET", page, Sent::default()).await.status, 200, "the link opens");
    let path = format!("{API}/setup");
    let body = json!({ "token": link.token.as_str(), "password": "correct horse" });
    let done = world.send("POST", &path, Sent::default().body(body.clone())).await;
    assert_eq!(done.json()["login"], "owner", "{}", done.text);
    let again = world.send("POST", &path, Sent::default().body(body)).await;
    assert_eq!(again.code(), "auth.setup_link");
    let body = json!({ "login": "owner", "password": "correct horse", "bearer": true });
    let token = login(&world, body).await.json()["token"].as_str().unwrap().to_owned();
    let me = world.get("/me", &token).await.json();
    assert_eq!((&me["login"], &me["roles"][0]["role"]), (&json!("owner"), &json!("owner")));
    assert_eq!(me["csrf"], Value::Null);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_by_cookie_needs_the_value_only_our_page_can_read() {
    let world = World::start().await;
    world.operator("wang", "a long password", &[(0, "owner")]).await;
    let reply = login(&world, json!({ "login": "wang", "password": "a long password" })).await;
    let cookie = reply.headers["set-cookie"].clone();
    assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    let body = reply.json();
    assert_eq!(body["token"], Value::Null, "a cookie login shows no token: {}", reply.text);
    let csrf = body["csrf"].as_str().unwrap().to_owned();
    let pair = cookie.split(';').next().unwrap().to_owned();
    let by_cookie = || Sent::default().header("cookie", &pair);
    let me = world.send("GET", &format!("{API}/me"), by_cookie()).await;
    assert_eq!(me.json()["csrf"], csrf.as_str());
    let logout = format!("{API}/logout");
    for wrong in [None, Some("x"), Some("")] {
        let sent = wrong.map_or_else(by_cookie, |value| by_cookie().header("x-csrf-token", value));
        assert_eq!(world.send("POST", &logout, sent).await.code(), "auth.csrf");
    }
    let right = by_cookie().header("x-csrf-token", &csrf);
    let out = world.send("POST", &logout, right).await;
    assert_eq!(out.status, 204);
    assert!(out.headers["set-cookie"].contains("Max-Age=0"));
    let after = world.send("GET", &format!("{API}/me"), by_cookie()).await;
    assert_eq!(after.code(), "auth.login_required");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_the_second_factor_works_once() {
    let world = World::start().await;
    world.operator("wang", "a long password", &[(1, "cashier")]).await;
    let plain = json!({ "login": "wang", "password": "a long password", "bearer": true });
    let token = login(&world, plain.clone()).await.json()["token"].as_str().unwrap().to_owned();
    let made = world.post("/me/totp", &token, json!({})).await;
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    // Codes of three steps in a row; each is good within one step of now.
    let now = world.now().timestamp();
    let code = |step: i64| code_at(&secret, now + 30 * step);
    let on = json!({ "secret": secret, "totp": code(-1), "password": "a long password" });
    let path = format!("{API}/me/totp");
    let reply = world.send("PUT", &path, Sent::by(&token).body(on)).await;
    assert_eq!(reply.status, 204, "{}", reply.text);
    assert_eq!(login(&world, plain.clone()).await.code(), "auth.login_failed");
    let with = |code: String| {
        let mut body = plain.clone();
        body["totp"] = json!(code);
        body
    };
    let used = login(&world, with(code(-1))).await;
    assert_eq!(used.code(), "auth.login_failed", "the code that switched it on is used up");
    assert_eq!(login(&world, with(code(0))).await.status, 200);
    assert_eq!(login(&world, with(code(0))).await.code(), "auth.login_failed");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_replaced_only_with_a_code_of_the_old_one() {
    let world = World::start().await;
    let token = world.signed_in("wang", &[(1, "cashier")]).await;
    let path = format!("{API}/me/totp");
    let now = world.now().timestamp();
    let fresh = async || {
        let made = world.post("/me/totp", &token, json!({})).await;
        made.json()["secret"].as_str().unwrap().to_owned()
    };
    let put = async |secret: &str, step: i64, old: Option<String>| {
        let code = code_at(secret, now + 30 * step);
        let mut body = json!({ "secret": secret, "totp": code, "password": "a long password" });
        if let Some(old) = old {
            body["old_totp"] = json!(old);
        }
        world.send("PUT", &path, Sent::by(&token).body(body)).await
    };
    let first = fresh().await;
    assert_eq!(put(&first, -1, None).await.status, 204, "there is nothing to replace yet");
    let second = fresh().await;
    let table = [
        (None, "auth.totp"),
        (Some("000000".to_owned()), "auth.totp"),
        (Some(code_at(&first, now - 30)), "auth.totp"),
        (Some(code_at(&second, now)), "auth.totp"),
        (Some(code_at(&first, now)), ""),
    ];
    for (old, code) in table {
        let reply = put(&second, 0, old.clone()).await;
        let got = if reply.status == 204 { String::new() } else { reply.code() };
        assert_eq!(got, code, "{old:?}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_login_is_no_place_to_guess_a_password_from() {
    let world = World::start().await;
    let operator = world.operator("wang", "a long password", &[(1, "cashier")]).await;
    let from = "127.0.0.1".parse().unwrap();
    let opened = world.server.app().sign_in.open_session(&operator, from, "test").await;
    let token = opened.unwrap().1.to_string();
    for _ in 0..5 {
        let body = json!({ "old_password": "guess", "new_password": "another long one" });
        let reply = world.post("/me/password", &token, body).await;
        assert_eq!(reply.code(), "auth.login_failed");
    }
    // Five failures lock the account for strangers, and this one guesses from a strange address.
    let body = json!({ "old_password": "a long password", "new_password": "another long one" });
    let reply = world.post("/me/password", &token, body).await;
    assert_eq!(reply.code(), "auth.login_failed", "{}", reply.text);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_at_once_are_counted_one_by_one() {
    let world = World::start().await;
    let operator = world.operator("wang", "a long password", &[(1, "cashier")]).await;
    let body = json!({ "login": "wang", "password": "wrong" });
    let tries = (0..6).map(|_| login(&world, body.clone()));
    for reply in futures::future::join_all(tries).await {
        assert!(reply.status >= 400, "{}", reply.text);
    }
    let db = world.server.house().store().read();
    let row = store::operator::by_id(db, operator.operator_id()).await.unwrap().unwrap();
    let locked = row.locked_until.is_some_and(|until| until > world.now());
    assert!(row.failed_count >= 5 && locked, "{} {:?}", row.failed_count, row.locked_until);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_owners_who_disable_each_other_leave_one() {
    let world = World::start().await;
    let mut people = Vec::new();
    for login in ["wang", "li"] {
        let operator = world.operator(login, "a long password", &[(0, "owner")]).await;
        let from = "127.0.0.1".parse().unwrap();
        let opened = world.server.app().sign_in.open_session(&operator, from, "test").await;
        people.push((operator.id, opened.unwrap().1.to_string()));
    }
    let away = |by: usize, whom: usize| {
        let path = format!("/operators/{}/disable", people[whom].0);
        let token = people[by].1.clone();
        let world = &world;
        async move { world.post(&path, &token, json!({})).await.status }
    };
    let (one, other) = tokio::join!(away(0, 1), away(1, 0));
    let done = [one, other].into_iter().filter(|status| *status == 204).count();
    assert_eq!(done, 1, "{one} {other}");
    world.stop().await;
}

fn code_at(secret: &str, at: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("wang");
    totp.build().unwrap().generate(u64::try_from(at).unwrap()).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_names_and_wrong_passwords_are_answered_alike() {
    let world = World::start().await;
    world.operator("wang", "a long password", &[(1, "cashier")]).await;
    let wrong = login(&world, json!({ "login": "wang", "password": "wrong" })).await;
    let unknown = login(&world, json!({ "login": "nobody", "password": "wrong" })).await;
    let long = login(&world, json!({ "login": "x".repeat(500), "password": "wrong" })).await;
    assert_eq!(wrong.without_trace(), unknown.without_trace());
    assert_eq!(wrong.without_trace(), long.without_trace());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_cannot_lock_an_owner_out_and_an_address_has_a_budget() {
    let world = World::start().await;
    world.operator("wang", "a long password", &[(1, "cashier")]).await;
    let path = format!("{API}/login");
    let good = json!({ "login": "wang", "password": "a long password" });
    let from = |ip: &str| Sent::default().header("x-forwarded-for", ip);
    let first = world.send("POST", &path, from("10.250.0.1").body(good.clone())).await;
    assert_eq!(first.status, 200);
    for n in 0..6 {
        let bad = json!({ "login": "wang", "password": "wrong" });
        let reply = world.send("POST", &path, from(&format!("10.250.1.{n}")).body(bad)).await;
        assert_eq!(reply.code(), "auth.login_failed");
    }
    let stranger = world.send("POST", &path, from("10.250.2.1").body(good.clone())).await;
    assert_eq!(stranger.code(), "auth.login_failed", "a stranger waits, even with the password");
    let owner = world.send("POST", &path, from("10.250.0.1").body(good.clone())).await;
    assert_eq!(owner.status, 200, "the known address is let in: {}", owner.text);
    let mut codes = Vec::new();
    for _ in 0..12 {
        let bad = json!({ "login": "nobody", "password": "wrong" });
        codes.push(world.send("POST", &path, from("10.250.3.1").body(bad)).await.code());
    }
    assert_eq!(codes[0], "auth.login_failed");
    assert!(codes.contains(&"too_many_requests".to_owned()), "{codes:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_and_logins_that_are_taken_away_are_gone_at_once() {
    let world = World::start().await;
    let owner = world.signed_in("owner-0", &[(0, "owner")]).await;
    let made = world
        .post(
            "/operators",
            &owner,
            json!({
                "login": "li", "name": "李", "roles": [{ "project_id": 1, "role": "cashier" }],
            }),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let url = made.json()["url"].as_str().unwrap().to_owned();
    let token = url.split('#').nth(1).unwrap();
    let set_up = json!({ "token": token, "password": "another long one" });
    let done = world.send("POST", &format!("{API}/setup"), Sent::default().body(set_up)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let body = json!({ "login": "li", "password": "another long one", "bearer": true });
    let li = login(&world, body).await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(world.get("/projects/1/orders", &li).await.status, 200);
    let roles = Sent::by(&owner).body(json!({ "roles": [] }));
    let path = format!("{API}/operators/{id}/roles");
    assert_eq!(world.send("PUT", &path, roles).await.status, 204);
    assert_eq!(world.get("/projects/1/orders", &li).await.status, 404);
    assert_eq!(world.get("/me", &li).await.status, 200);
    let off = world.post(&format!("/operators/{id}/disable"), &owner, json!({})).await;
    assert_eq!(off.status, 204, "{}", off.text);
    assert_eq!(world.get("/me", &li).await.code(), "auth.login_required");
    let log = world.get("/operation-log?limit=200", &owner).await;
    assert!(log.text.contains("operator.disable"), "{}", log.text);
    assert!(!log.text.contains("another long one"), "no password reaches the log");
    world.stop().await;
}

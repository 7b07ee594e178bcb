//! Replacing a meter takes two persons and is done once.

use serde_json::{Value, json};

use crate::world::{World, id};

fn body(second: Value) -> Value {
    json!({
        "epoch": 1, "old": { "register": 5_000 }, "new": { "register": 100 },
        "meter_no": "000030220777", "address": "000030220777",
        "reason": "旧表烧毁，现场换表", "second": second,
    })
}

fn by(login: &str) -> Value {
    json!({ "login": login, "password": "a long password" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meter_is_replaced_by_two_persons_who_may_and_once() {
    let world = World::start().await;
    // The delivery of the fixture was never sent to any meter; it is another test's.
    let first = world.signed_in("zhang", &[(1, "engineer")]).await;
    let cashier = world.signed_in("cashier", &[(1, "cashier")]).await;
    for (login, roles) in
        [("li", [(1, "operator")]), ("qian", [(1, "cashier")]), ("sun", [(2, "owner")])]
    {
        world.operator(login, "a long password", &roles).await;
    }
    let path = format!("/projects/1/meters/{}/replace", id(4, 1));
    let mut without = body(by("li"));
    without.as_object_mut().unwrap().remove("second");
    let mut wrong_password = body(by("li"));
    wrong_password["second"]["password"] = json!("another password");
    let mut unknown = body(by("li"));
    unknown["open"] = json!("lost");
    let mut later = body(by("li"));
    later["epoch"] = json!(2);
    let table = [
        (&cashier, body(by("li")), 403, "auth.forbidden"),
        (&first, without, 403, "vend.second_person"),
        (&first, wrong_password, 403, "vend.second_person"),
        // The same person twice, one who may not, one of another project.
        (&first, body(by("zhang")), 403, "vend.second_person"),
        (&first, body(by("qian")), 403, "vend.second_person"),
        (&first, body(by("sun")), 403, "vend.second_person"),
        (&first, unknown, 400, "malformed"),
        (&first, later, 400, "malformed"),
    ];
    for (token, body, status, code) in table {
        let reply = world.post(&path, token, body.clone()).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{body}");
    }
    let mut dry = body(Value::Null);
    dry["dry_run"] = json!(true);
    let dry = world.post(&path, &first, dry).await;
    assert_eq!((dry.status, dry.json()["meter"]["epoch"].as_i64()), (200, Some(2)), "{}", dry.text);
    let show = format!("/projects/1/meters/{}", id(4, 1));
    assert_eq!(world.get(&show, &first).await.json()["epoch"], 1, "a dry run changes nothing");
    let done = world.post(&path, &first, body(by("li"))).await;
    assert_eq!((done.status, &done.json()["repeated"]), (200, &json!(false)), "{}", done.text);
    let again = world.post(&path, &first, body(by("li"))).await;
    assert_eq!((again.status, &again.json()["repeated"]), (200, &json!(true)), "{}", again.text);
    let mut other = body(by("li"));
    other["new"]["register"] = json!(200);
    let other = world.post(&path, &first, other).await;
    assert_eq!((other.status, other.code().as_str()), (409, "meter.already_replaced"));
    let seen = world.get(&show, &first).await.json();
    assert_eq!((&seen["epoch"], &seen["address"]), (&json!(2), &json!("000030220777")));
    let owner = world.signed_in("chief", &[(1, "owner")]).await;
    let log = world.get("/projects/1/operation-log", &owner).await;
    let secret = "a long password";
    assert!(log.text.contains("meter.replace") && !log.text.contains(secret), "{}", log.text);
    world.stop().await;
}

//! Belonging to a home: proofs, guesses, people, and what staff do about it (T2, S19, S21).

use chrono::TimeDelta;
use domain::{AccountId, MeterId, ProjectId};
use futures::future::join_all;
use mini_program_api::budget::{PROOFS_ADDRESS_MAX, PROOFS_METER_MAX};
use serde_json::{Value, json};
use store::rate::{self, Budget};

use super::{
    MINI,
    far_side::{Doorway, text},
};
use crate::world::{Reply, Sent, World, id};

crate::base::on_both_databases! {
    a_printed_code_opens_its_own_home_and_the_next_print_ends_it,
    guessing_meters_and_codes_tells_nothing_and_ends,
    a_stranger_who_guesses_locks_nobody_out_of_their_print,
    asking_for_a_code_tells_nothing_about_a_meter,
    an_owner_invites_and_sends_away_and_a_member_does_neither,
    staff_decide_what_nobody_could_prove,
    a_closed_account_prints_no_code_and_its_people_are_gone,
}

/// The account of project 1, its meter's number, and the number on file.
const METER_NO: &str = "000030220101";
const ON_FILE: &str = "13812340007";

fn home() -> String {
    id(2, 1).to_string()
}

/// Staff of project 1.
async fn staff(world: &World) -> String {
    world.signed_in("staff", &[(1, "owner")]).await
}

async fn printed(world: &World, staff: &str) -> String {
    let path = format!("/projects/1/accounts/{}/binding-code", home());
    let reply = world.post(&path, staff, json!({})).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    text(&reply.json(), "code")
}

async fn tag(world: &World, staff: &str) -> String {
    let reply = world.post("/projects/1/meters/tags", staff, json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let items = reply.json()["items"].clone();
    let mine = items.as_array().unwrap().iter().find(|one| one["meter_no"] == METER_NO);
    let (tag, url) = (text(mine.unwrap(), "tag"), text(mine.unwrap(), "url"));
    assert_eq!(url, format!("{}/t/{tag}", world.server.public_url()));
    tag
}

async fn bind(door: &Doorway, token: &str, meter: &str, code: &str) -> Reply {
    let body = json!({ "by": "code", "meter_no": meter, "code": code });
    door.post_by(token, "/homes", body).await
}

async fn person(door: &Doorway, openid: &str) -> String {
    text(&door.by_wechat(openid).await, "access_token")
}

async fn a_printed_code_opens_its_own_home_and_the_next_print_ends_it() {
    let door = Doorway::open().await;
    let staff = staff(&door.world).await;
    let (first, tag) = (printed(&door.world, &staff).await, tag(&door.world, &staff).await);
    assert_eq!(self::tag(&door.world, &staff).await, tag, "a meter keeps its tag");
    let shown = door.world.send("GET", &format!("{MINI}/tags/{tag}"), Sent::default()).await;
    let want = json!({ "tag": tag, "purpose": "electricity", "project_name": "项目 1" });
    assert_eq!(shown.json(), want);
    let missing = format!("{MINI}/tags/222222222222");
    let missing = door.world.send("GET", &missing, Sent::default()).await;
    assert_eq!(missing.code(), "not_found");

    let wang = person(&door, "oWANG").await;
    let body = json!({ "by": "code", "tag": tag.to_lowercase(), "code": first.to_lowercase() });
    let bound = door.post_by(&wang, "/homes", body.clone()).await;
    assert_eq!(bound.status, 201, "{}", bound.text);
    let shown = bound.json();
    assert_eq!((&shown["id"], &shown["role"]), (&json!(home()), &json!("owner")));
    let again = door.get_by(&wang, &format!("/homes/{}", home())).await.json();
    assert_eq!(shown["place"], again["place"]);
    assert_eq!(shown["meters"][0]["meter_no"], METER_NO);
    assert_eq!(door.post_by(&wang, "/homes", body).await.status, 200, "once more is the same");
    // Project 2 has a meter with an account of the same number, and no code.
    let li = person(&door, "oLI").await;
    let second = printed(&door.world, &staff).await;
    assert_eq!(bind(&door, &li, METER_NO, &first).await.code(), "binding.refused");
    let bound = door.post_by(&li, "/homes", json!({ "by": "code", "tag": tag, "code": second }));
    assert_eq!(bound.await.json()["role"], "member");
    // A print gets old.
    let third = printed(&door.world, &staff).await;
    door.clock.pass(91 * 86_400);
    let zhao = person(&door, "oZHAO").await;
    let late = door.post_by(&zhao, "/homes", json!({ "by": "code", "tag": tag, "code": third }));
    assert_eq!(late.await.code(), "binding.refused");
    door.stop().await;
}

async fn guessing_meters_and_codes_tells_nothing_and_ends() {
    let door = Doorway::open().await;
    let staff = staff(&door.world).await;
    let (code, tag) = (printed(&door.world, &staff).await, tag(&door.world, &staff).await);
    let wang = person(&door, "oWANG").await;
    let guess = |by: Value| door.post_by(&wang, "/homes", by);
    let guesses = [
        ("a wrong code", json!({ "by": "code", "tag": tag, "code": "AAAAA-AAAAA" })),
        ("a wrong tag", json!({ "by": "code", "tag": "222222222222", "code": code })),
        ("a wrong number", json!({ "by": "code", "meter_no": "999999999999", "code": code })),
        ("an ambiguous number", json!({ "by": "code", "meter_no": METER_NO, "code": "AAAAA" })),
        ("no challenge", json!({ "by": "sms", "challenge": id(99, 9), "code": "000000" })),
        ("no invitation", json!({ "by": "invitation", "code": "AAAAAAAAAAAA" })),
    ];
    let mut told = Vec::new();
    for (name, body) in guesses {
        let reply = guess(body).await;
        assert_eq!((reply.status, reply.code()), (422, "binding.refused".to_owned()), "{name}");
        told.push(reply.without_trace());
    }
    assert!(told.iter().all(|one| *one == told[0]), "all of them look alike");
    // One person: one more of five printed codes, of however many at once.
    let body = json!({ "by": "code", "tag": tag, "code": "BBBBB-BBBBB" });
    let replies = join_all((0..60).map(|_| guess(body.clone()))).await;
    let looked = replies.iter().filter(|reply| reply.code() == "binding.refused").count();
    assert_eq!(looked, 1);
    assert!(replies.iter().all(|r| matches!(r.status, 422 | 429)));
    // And three more of ten proofs, of whatever kind.
    let body = json!({ "by": "invitation", "code": "BBBBBBBBBBBB" });
    let replies = join_all((0..60).map(|_| guess(body.clone()))).await;
    assert_eq!(replies.iter().filter(|r| r.code() == "binding.refused").count(), 3);
    // One address with many persons, over meter numbers one after the other: sixty an hour.
    let mut tokens = Vec::new();
    for n in 0..16 {
        tokens.push(person(&door, &format!("oSPY{n}")).await);
    }
    let counted = (0..80).map(|n| {
        let body =
            json!({ "by": "code", "meter_no": format!("{:012}", 30_220_101 + n), "code": "A" });
        let sent = Sent::by(&tokens[n % 16]).body(body).header("x-forwarded-for", "10.5.5.5");
        door.world.send("POST", "/api/mini/v1/homes", sent)
    });
    let replies = join_all(counted).await;
    let looked: Vec<_> = replies.iter().filter(|r| r.status == 422).collect();
    assert_eq!(looked.len(), 60);
    assert!(looked.iter().all(|reply| reply.without_trace() == told[0]));
    // One meter, whoever asks from wherever, whether it exists or not: what is left of its hour.
    for meter in [tag.as_str(), "333333333333"] {
        door.clock.pass(3_601);
        spend_at(&door, meter, PROOFS_METER_MAX - 30).await;
        let mut tokens = Vec::new();
        for n in 0..10 {
            tokens.push(person(&door, &format!("oMANY{n}")).await);
        }
        let many = (0..50).map(|n: usize| {
            let body = json!({ "by": "code", "tag": meter, "code": "CCCCC-CCCCC" });
            door.post_by(&tokens[n % 10], "/homes", body)
        });
        let many: Vec<_> = many.collect();
        let replies = join_all(many).await;
        assert_eq!(replies.iter().filter(|r| r.status == 422).count(), 30, "{meter}");
    }
    door.stop().await;
}

/// Spends so many tries of a meter's hour.
async fn spend_at(door: &Doorway, meter: &str, tries: i64) {
    let app = door.world.server.app();
    let key = format!("proof:meter:{}", app.tenants.keyed.hash("meter", &[meter]));
    let (budget, now) = (Budget::new(key, TimeDelta::hours(1), PROOFS_METER_MAX), app.clock.now());
    let spent = app
        .house
        .store()
        .transact(move |tx| Box::pin(async move { rate::spend(tx, &budget, tries, now).await }));
    assert!(spent.await.unwrap(), "nobody tried at {meter} before");
}

async fn a_stranger_who_guesses_locks_nobody_out_of_their_print() {
    let door = Doorway::open().await;
    let staff = staff(&door.world).await;
    let (code, tag) = (printed(&door.world, &staff).await, tag(&door.world, &staff).await);
    let wrong = json!({ "by": "code", "tag": tag, "code": "BBBBB-BBBBB" });
    // Everything one address gets through in an hour, with as many persons as it likes, at once.
    let mut strangers = Vec::new();
    for n in 0..20 {
        strangers.push(person(&door, &format!("oSTRANGER{n}")).await);
    }
    let tries = (0..200).map(|n| {
        let sent = Sent::by(&strangers[n % 20]).body(wrong.clone());
        let sent = sent.header("x-forwarded-for", "10.6.6.6");
        door.world.send("POST", "/api/mini/v1/homes", sent)
    });
    let replies = join_all(tries).await;
    let looked = replies.iter().filter(|reply| reply.status == 422).count();
    assert_eq!(looked as i64, PROOFS_ADDRESS_MAX);
    assert!(replies.iter().all(|r| matches!(r.status, 422 | 429)));
    // The tenant, who mistypes it first, is let in within the same hour.
    let wang = person(&door, "oWANG").await;
    assert_eq!(door.post_by(&wang, "/homes", wrong).await.code(), "binding.refused");
    let right = json!({ "by": "code", "tag": tag, "code": code });
    assert_eq!(door.post_by(&wang, "/homes", right).await.status, 201);
    door.stop().await;
}

async fn asking_for_a_code_tells_nothing_about_a_meter() {
    let door = Doorway::open().await;
    let staff = staff(&door.world).await;
    let tag = tag(&door.world, &staff).await;
    let wang = person(&door, "oWANG").await;
    let ask = |meter: &str| {
        door.post_by(&wang, "/sms-codes", json!({ "purpose": "bind", "meter": meter }))
    };
    let mut shapes = Vec::new();
    for meter in [tag.as_str(), "222222222222", "999999999999"] {
        let reply = ask(meter).await;
        assert_eq!(reply.status, 202, "{}", reply.text);
        let mut shape = reply.json();
        shape["challenge"].take();
        shapes.push(shape);
        let again = ask(meter).await;
        assert_eq!(again.code(), "too_many_tries", "{meter}");
    }
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
    // The one that exists got a message, to the number on file, whatever was typed.
    while door.far.sent() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(door.far.sent_to(ON_FILE), 1);
    door.clock.pass(61);
    let reply = ask(&tag).await.json();
    while door.far.sent() == 1 {
        tokio::task::yield_now().await;
    }
    let proof = json!({
        "by": "sms", "challenge": reply["challenge"], "code": door.far.last_code(ON_FILE),
    });
    // It is good for whoever asked, and for binding only.
    let other = person(&door, "oLI").await;
    let refused = door.post_by(&other, "/homes", proof.clone()).await;
    assert_eq!(refused.code(), "binding.refused");
    let said = json!({ "challenge": reply["challenge"], "code": door.far.last_code(ON_FILE) });
    assert_eq!(door.post_by(&wang, "/me/phone", said).await.code(), "code.refused");
    let bound = door.post_by(&wang, "/homes", proof.clone()).await;
    assert_eq!((bound.status, bound.json()["role"].clone()), (201, json!("owner")));
    let again = door.post_by(&wang, "/homes", proof).await;
    assert_eq!(again.code(), "binding.refused", "a code works once");
    // A number that had its messages already gets no more through the meter, and nobody is told.
    door.clock.pass(61);
    let body = json!({ "purpose": "sign-in", "phone": ON_FILE });
    assert_eq!(door.post("/sms-codes", body).await.status, 202);
    let before = door.far.sent();
    assert_eq!(ask(&tag).await.status, 202);
    assert_eq!(door.far.sent(), before);
    door.stop().await;
}

async fn an_owner_invites_and_sends_away_and_a_member_does_neither() {
    let door = Doorway::open().await;
    let wang = door.world.tenant("13812340007", &[(1, 2)]).await;
    let people = format!("/homes/{}/people", home());
    let invitations = format!("/homes/{}/invitations", home());
    let made = door.post_by(&wang.token, &invitations, json!({})).await;
    let made = if made.status == 201 { made } else { panic!("{}", made.text) };
    let code = text(&made.json(), "code");
    let url = text(&made.json(), "url");
    assert!(url.ends_with(&format!("/m/#/pages/welcome/welcome?invitation={code}")), "{url}");
    let body = json!({ "by": "invitation", "code": code });
    // Of many who come with it one is let in.
    let mut tokens = Vec::new();
    for n in 0..5 {
        tokens.push(person(&door, &format!("oGUEST{n}")).await);
    }
    let came = join_all(tokens.iter().map(|t| door.post_by(t, "/homes", body.clone()))).await;
    assert_eq!(came.iter().filter(|reply| reply.status == 201).count(), 1);
    let place = came.iter().position(|reply| reply.status == 201).unwrap();
    let li = tokens[place].clone();
    assert_eq!(came[place].json()["role"], "member");
    assert_eq!(door.post_by(&li, &invitations, json!({})).await.code(), "home.owner_only");
    let shown = door.get_by(&li, &people).await.json();
    let items = shown["items"].as_array().unwrap();
    let told: Vec<_> = items.iter().map(|one| (text(one, "role"), one["me"].clone())).collect();
    let want = [("owner".to_owned(), json!(false)), ("member".to_owned(), json!(true))];
    assert_eq!(told, want);
    assert_eq!(items[0]["phone_masked"], "138****0007");
    let (owner, member) = (text(&items[0], "id"), text(&items[1], "id"));
    let removed = door.delete_by(&li, &format!("{people}/{owner}")).await;
    assert_eq!(removed.code(), "home.owner_only");
    let nobody = door.delete_by(&wang.token, &format!("{people}/{}", id(99, 9))).await;
    assert_eq!(nobody.code(), "not_found");
    assert_eq!(door.delete_by(&wang.token, &format!("{people}/{member}")).await.status, 204);
    assert_eq!(door.get_by(&li, &people).await.code(), "not_found", "it is no home of theirs");
    // No more than ten invitations wait.
    let replies =
        join_all((0..15).map(|_| door.post_by(&wang.token, &invitations, json!({})))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 10);
    assert!(replies.iter().all(|r| r.status == 201 || r.code() == "home.full"));
    // Whoever leaves sees nothing of the home any more, and their invitations end.
    let waiting = text(&replies.iter().find(|r| r.status == 201).unwrap().json(), "code");
    assert_eq!(door.delete_by(&wang.token, &format!("/homes/{}", home())).await.status, 204);
    assert_eq!(door.get_by(&wang.token, &people).await.code(), "not_found");
    let late = door.post_by(&li, "/homes", json!({ "by": "invitation", "code": waiting })).await;
    assert_eq!(late.code(), "binding.refused");
    door.stop().await;
}

async fn staff_decide_what_nobody_could_prove() {
    let door = Doorway::open().await;
    let staff = staff(&door.world).await;
    let tag = tag(&door.world, &staff).await;
    let (wang, li) = (person(&door, "oWANG").await, person(&door, "oLI").await);
    let ask = async |token: &str, tag: &str| {
        let body = json!({ "tag": tag, "name": "王小明", "note": "新租客" });
        let reply = door.post_by(token, "/binding-requests", body).await;
        (reply.status, reply.json())
    };
    let want = (202, json!({ "state": "waiting" }));
    for tag in [tag.as_str(), "222222222222", &tag] {
        assert_eq!(ask(&wang, tag).await, want, "a meter that exists, one that does not, again");
    }
    assert_eq!(ask(&li, &tag).await, want);
    let none = json!({ "items": [] });
    assert_eq!(
        door.get_by(&wang, "/binding-requests").await.json(),
        none,
        "what waits is not told"
    );
    let waiting = door.world.get("/projects/1/binding-requests", &staff).await.json();
    let items = waiting["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{waiting}");
    assert_eq!(
        (&items[0]["account_name"], &items[0]["note"]),
        (&json!("王小明"), &json!("新租客"))
    );
    let decide = |which: usize| {
        format!("/projects/1/binding-requests/{}/decision", text(&items[which], "id"))
    };
    let yes = json!({ "accept": true });
    let no = |reason: &str| json!({ "accept": false, "reason": reason });
    assert_eq!(door.world.post(&decide(1), &staff, no(" ")).await.code(), "reason_missing");
    assert_eq!(door.world.post(&decide(1), &staff, no(&"x".repeat(201))).await.code(), "malformed");
    assert_eq!(door.world.post(&decide(0), &staff, yes.clone()).await.status, 204);
    assert_eq!(door.world.post(&decide(0), &staff, yes).await.code(), "changed");
    assert_eq!(door.world.post(&decide(1), &staff, no("请带合同")).await.status, 204);
    assert_eq!(door.get_by(&wang, &format!("/homes/{}/people", home())).await.status, 200);
    let told = door.get_by(&li, "/binding-requests").await.json();
    let told = &told["items"][0];
    assert_eq!((&told["state"], &told["why"]), (&json!("refused"), &json!("请带合同")));
    // Five a day, about whatever meter.
    let replies = join_all((0..10).map(|_| ask(&li, "222222222222"))).await;
    assert_eq!(replies.iter().filter(|(status, _)| *status == 202).count(), 4);
    door.stop().await;
}

async fn a_closed_account_prints_no_code_and_its_people_are_gone() {
    let door = Doorway::open().await;
    let staff = staff(&door.world).await;
    add_second_account(&door.world).await;
    let wang = door.world.tenant(ON_FILE, &[(1, 12)]).await;
    let account = id(12, 1);
    let path = format!("/projects/1/accounts/{account}/binding-code");
    let code = door.world.post(&path, &staff, json!({})).await;
    let code = text(&code.json(), "code");
    let people = format!("/homes/{account}/people");
    assert_eq!(door.get_by(&wang.token, &people).await.status, 200);
    let operator = door.world.operator("closer", "a long password", &[(1, "owner")]).await;
    let by = domain::OperatorId(operator.id);
    let house = door.world.server.house();
    house.close_account(ProjectId(1), AccountId(account), by).await.unwrap();
    let reply = door.world.post(&path, &staff, json!({})).await;
    assert_eq!(reply.code(), "account.closed");
    assert_eq!(door.get_by(&wang.token, &people).await.code(), "not_found");
    let refused = bind(&door, &wang.token, "000030220102", &code).await;
    assert_eq!(refused.code(), "binding.refused");
    door.stop().await;
}

/// An account with a meter of its own that nobody has sold anything for.
async fn add_second_account(world: &World) {
    let store = world.server.house().store();
    let (db, project) = (store.read(), ProjectId(1));
    let account = store::account::by_id(db, project, AccountId(id(2, 1))).await.unwrap().unwrap();
    let meter = store::meter::by_id(db, project, MeterId(id(4, 1))).await.unwrap().unwrap();
    let account = store::account::Account {
        id: id(12, 1),
        account_no: "A102".to_owned(),
        room_id: id(11, 1),
        customer_no: "000000000102".to_owned(),
        ..account
    };
    let meter = store::meter::Meter {
        id: id(14, 1),
        meter_no: "000030220102".to_owned(),
        address: "000030220102".to_owned(),
        room_id: Some(id(11, 1)),
        account_id: Some(id(12, 1)),
        ..meter
    };
    let rows = store.transact(move |tx| {
        Box::pin(async move {
            store::insert(tx, account).await?;
            store::insert(tx, meter).await
        })
    });
    rows.await.unwrap();
}

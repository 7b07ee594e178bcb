//! What codes by SMS may cost, and what guessing them gets (S17, S18).

use std::sync::atomic::Ordering;

use aws_lc_rs::digest::{SHA256, digest};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{
    MINI,
    far_side::{Doorway, text},
};
use crate::world::{Reply, Sent};

crate::base::on_both_databases! {
    a_thousand_at_once_get_exactly_the_cap,
    a_thousand_numbers_at_once_cost_no_more_than_the_days_money,
    after_three_messages_an_address_works_for_each,
    a_code_is_guessed_five_times_at_most,
    a_gateway_that_refuses_is_told_and_one_that_is_silent_is_not_asked_again,
}

async fn ask(door: &Doorway, address: &str, phone: &str, proof: Option<&str>) -> Reply {
    let mut body = json!({ "purpose": "sign-in", "phone": phone });
    if let Some(proof) = proof {
        body["proof"] = json!(proof);
    }
    let sent = Sent::default().body(body).header("x-forwarded-for", address);
    door.world.send("POST", &format!("{MINI}/sms-codes"), sent).await
}

fn address(number: usize) -> String {
    format!("10.77.{}.{}", number / 250, number % 250)
}

fn mobile(number: usize) -> String {
    format!("138{number:08}")
}

/// The answers of many at once, by code, with how often each came.
async fn all_at_once(asking: impl Iterator<Item = impl Future<Output = Reply>>) -> Vec<Reply> {
    stream::iter(asking).buffer_unordered(100).collect().await
}

async fn a_thousand_at_once_get_exactly_the_cap() {
    // One number, a thousand addresses: one message.
    let door = Doorway::open().await;
    let one = (0..1_000).map(|n| {
        let door = &door;
        async move { ask(door, &address(n), "13812340007", None).await }
    });
    let replies = all_at_once(one).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 202).count(), 1);
    assert!(replies.iter().all(|r| r.status == 202 || r.code() == "too_many_tries"));
    assert_eq!(door.far.sent(), 1);
    // Ten a day and no more, however long somebody waits between two.
    for round in 0..12 {
        door.clock.pass(61);
        for n in 0..3 {
            ask(&door, &format!("10.78.{round}.{n}"), "13812340007", None).await;
        }
    }
    assert_eq!(door.far.sent_to("13812340007"), 10);
    door.stop().await;
}

/// A thousand numbers from a thousand addresses: as many as the day's money pays for.
async fn a_thousand_numbers_at_once_cost_no_more_than_the_days_money() {
    let door = Doorway::open_with(|config| {
        config.sms.price_li = 45;
        config.sms.day_budget_fen = 167; // 37 messages at 4.5 fen and half a fen left
    })
    .await;
    let many = (0..1_000).map(|n| {
        let door = &door;
        async move { ask(door, &address(n), &mobile(n), None).await }
    });
    let replies = all_at_once(many).await;
    assert_eq!(door.far.sent(), 37);
    assert_eq!(replies.iter().filter(|reply| reply.status == 202).count(), 37);
    assert!(replies.iter().all(|r| r.status == 202 || r.code() == "door.closed"));
    door.stop().await;
}

fn zero_bits(text: &str) -> u32 {
    let hash = digest(&SHA256, text.as_bytes());
    let head = u32::from_be_bytes(hash.as_ref()[..4].try_into().unwrap());
    head.leading_zeros()
}

/// Works for a message, as a page does.
fn work(refused: &Value) -> String {
    let puzzle = text(&refused["params"], "puzzle");
    let bits = u32::try_from(refused["params"]["bits"].as_u64().unwrap()).unwrap();
    let mut tries = (0u64..).map(|n| format!("{puzzle}.{n}"));
    tries.find(|proof| zero_bits(proof) >= bits).unwrap()
}

async fn after_three_messages_an_address_works_for_each() {
    let door = Doorway::open().await;
    let at = "10.9.9.9";
    // Of many at once from one address three need no work.
    let many = (0..50).map(|n| {
        let door = &door;
        async move { ask(door, at, &mobile(n), None).await }
    });
    let replies = all_at_once(many).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 202).count(), 3);
    assert_eq!(door.far.sent(), 3);
    door.clock.pass(61);
    let refused = ask(&door, at, &mobile(60), None).await;
    assert_eq!((refused.status, refused.code()), (429, "sms.proof_required".to_owned()));
    let proof = work(&refused.json());
    let table = [
        ("no work", ask(&door, at, &mobile(60), Some("x.y")).await),
        ("for another number", ask(&door, at, &mobile(61), Some(&proof)).await),
        ("from another address", ask(&door, "10.9.9.8", &mobile(60), Some(&proof)).await),
    ];
    for (name, reply) in table {
        assert_eq!(reply.code(), "sms.proof_required", "{name}");
    }
    let number = mobile(60);
    let shown = (0..20).map(|_| ask(&door, at, &number, Some(&proof)));
    let shown = all_at_once(shown).await;
    assert_eq!(shown.iter().filter(|reply| reply.status == 202).count(), 1, "a proof works once");
    assert!(shown.iter().all(|r| r.status == 202 || r.code() == "sms.proof_required"));
    assert_eq!(door.far.sent(), 4);
    let late = work(&ask(&door, at, &mobile(62), None).await.json());
    door.clock.pass(301);
    let reply = ask(&door, at, &mobile(62), Some(&late)).await;
    assert_eq!(reply.code(), "sms.proof_required", "a puzzle gets old");
    door.clock.pass(3_600);
    assert_eq!(ask(&door, at, &mobile(63), None).await.status, 202, "an hour later");
    door.stop().await;
}

async fn a_code_is_guessed_five_times_at_most() {
    let door = Doorway::open().await;
    let sent = ask(&door, "10.1.1.1", "13812340007", None).await.json();
    assert_eq!((&sent["resend_after_s"], &sent["expires_in_s"]), (&json!(60), &json!(600)));
    let code = door.far.last_code("13812340007");
    let wrong = |n: usize| format!("{:06}", (code.parse::<usize>().unwrap() + 1 + n) % 1_000_000);
    let guesses = (0..200).map(|n| {
        let body = json!({ "challenge": sent["challenge"], "code": wrong(n) });
        let door = &door;
        async move { door.post("/session/sms", body).await }
    });
    let replies = all_at_once(guesses).await;
    assert!(replies.iter().all(|reply| reply.code() == "code.refused"));
    let first = replies[0].without_trace();
    assert!(replies.iter().all(|reply| reply.without_trace() == first), "nothing is told");
    let right = json!({ "challenge": sent["challenge"], "code": code });
    assert_eq!(door.post("/session/sms", right).await.code(), "code.refused", "it is dead");
    // Ten minutes, and only once.
    door.clock.pass(61);
    let sent = ask(&door, "10.1.1.1", "13812340007", None).await.json();
    let right = json!({
        "challenge": sent["challenge"], "code": door.far.last_code("13812340007"),
    });
    assert_eq!(door.post("/session/sms", right.clone()).await.status, 200);
    assert_eq!(door.post("/session/sms", right).await.code(), "code.refused");
    door.clock.pass(61);
    let sent = ask(&door, "10.1.1.1", "13812340007", None).await.json();
    door.clock.pass(600);
    let late = json!({ "challenge": sent["challenge"], "code": door.far.last_code("13812340007") });
    assert_eq!(door.post("/session/sms", late).await.code(), "code.refused", "too late");
    // From one address nobody tries on and on, whichever challenge it is.
    let guesses = (0..80).map(|_| {
        let body = json!({ "challenge": sent["challenge"], "code": "000000" });
        let sent = Sent::default().body(body).header("x-forwarded-for", "10.1.1.2");
        door.world.send("POST", "/api/mini/v1/session/sms", sent)
    });
    let replies = all_at_once(guesses).await;
    let bounded = replies.iter().filter(|r| r.code() == "too_many_tries").count();
    assert_eq!(bounded, 20);
    door.stop().await;
}

async fn a_gateway_that_refuses_is_told_and_one_that_is_silent_is_not_asked_again() {
    let door = Doorway::open().await;
    *door.far.sms_code.lock().unwrap() = "isv.AMOUNT_NOT_ENOUGH".to_owned();
    assert_eq!(ask(&door, "10.1.1.1", &mobile(1), None).await.code(), "door.closed");
    door.far.sms_code.lock().unwrap().clear();
    door.far.sms_lost.store(true, Ordering::SeqCst);
    let sent = ask(&door, "10.1.1.1", &mobile(2), None).await;
    assert_eq!(sent.status, 202, "nobody knows: {}", sent.text);
    assert_eq!(door.far.sent_to(&mobile(2)), 1, "it is not sent again by itself");
    // It arrived after all.
    let body = json!({
        "challenge": sent.json()["challenge"], "code": door.far.last_code(&mobile(2)),
    });
    assert_eq!(door.post("/session/sms", body).await.status, 200);
    door.stop().await;
}

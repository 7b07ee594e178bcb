//! Operators and their kiosks: settings, commands, files, the home screen, cards.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::world::{API, Reply, Sent, World, id};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn path(rest: &str) -> String {
    format!("/projects/1/{rest}")
}

async fn put(world: &World, token: &str, rest: &str, body: Value) -> Reply {
    world.send("PUT", &format!("{API}{rest}"), Sent::by(token).body(body)).await
}

async fn upload(world: &World, token: &str, rest: &str, bytes: &[u8]) -> Reply {
    let sent = Sent { raw: Some(bytes.to_vec()), ..Sent::by(token) };
    world.send("PUT", &format!("{API}{rest}"), sent).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_sent_named_published_and_fetched_by_whoever_may() {
    let world = World::start().await;
    let owner = world.signed_in("owner-1", &[(1, "owner")]).await;
    let auditor = world.signed_in("auditor-1", &[(1, "auditor")]).await;
    let elsewhere = world.signed_in("owner-2", &[(2, "owner")]).await;
    let png: Vec<u8> =
        b"\x89PNG\r\n\x1a\n".iter().copied().chain((0..300_000).map(|n| n as u8)).collect();
    let name = hex(digest(&SHA256, &png).as_ref());
    let file = path(&format!("kiosk-files/{name}"));
    let wrong = path(&format!("kiosk-files/{}", "0".repeat(64)));
    let table = [
        ("x", file.as_str(), 401, "auth.login_required"),
        (auditor.as_str(), file.as_str(), 403, "auth.forbidden"),
        (elsewhere.as_str(), file.as_str(), 404, "not_found"),
        (owner.as_str(), wrong.as_str(), 422, "kiosk.file_refused"),
    ];
    for (token, rest, status, code) in table {
        let reply = upload(&world, token, rest, &png).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{}", reply.text);
    }
    for _ in 0..2 {
        let reply = upload(&world, &owner, &file, &png).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.json()["media_type"], "image/png");
    }
    let shown = world.get(&file, &auditor).await;
    assert_eq!((shown.status, shown.headers["content-type"].as_str()), (200, "image/png"));
    assert_eq!(world.get(&file, &elsewhere).await.status, 404);
    let files = world.get(&path("kiosk-files"), &auditor).await.json();
    assert_eq!(files["items"].as_array().unwrap().len(), 1);

    let logo = json!({ "sha256": name, "bytes": png.len(), "media_type": "image/png" });
    let words = |text: &str| json!({ "zh": text, "en": "" });
    let content = |company: &str| {
        json!({ "content": {
            "version": 0, "company": words(company), "intro": words(""), "logo": logo, "tips": [],
            "notice": null, "service_phone": "", "service_hours": words(""), "nearest": null,
            "playlist": [],
        } })
    };
    let refused = world.post(&path("kiosk-content"), &owner, content("<b>x</b>")).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "kiosk.content_refused"));
    assert_eq!(refused.json()["errors"][0]["field"], "company");
    let refused = world.post(&path("kiosk-content"), &owner, json!({ "content": {} })).await;
    assert_eq!(refused.code(), "malformed", "{}", refused.text);
    let kept = world.post(&path("kiosk-content"), &owner, content("和园")).await;
    assert_eq!((kept.status, &kept.json()["state"]), (201, &json!("draft")), "{}", kept.text);
    let version = kept.json()["version"].as_i64().unwrap();
    let publish = path(&format!("kiosk-content/{version}/publish"));
    let done = world.post(&publish, &owner, json!({})).await;
    assert_eq!(done.json()["state"], "published", "{}", done.text);
    let preview = world.get(&path(&format!("kiosk-content/{version}")), &auditor).await.json();
    assert_eq!(preview["content"]["company"]["zh"], "和园");
    let lines = store::operation_log::list(world.server.house().store().read(), None, None, 50);
    let sent = lines.await.unwrap().into_iter().filter(|line| line.action == "kiosk_file.put");
    let mut outcomes: Vec<_> = sent.map(|line| line.outcome).collect();
    outcomes.sort();
    let refused = "refused kiosk.file_refused";
    assert_eq!(outcomes, ["begun", "begun", "begun", "done 200", "done 200", refused]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kiosk_is_set_asked_and_put_out_by_whoever_may() {
    let world = World::start().await;
    let owner = world.signed_in("owner-1", &[(1, "owner"), (0, "owner")]).await;
    world.operator("second", "another long password", &[(1, "engineer")]).await;
    let kiosk = path(&format!("kiosks/{}", id(12, 1)));
    let settings = |mm: u16| {
        json!({
            "printer_required": true, "paper_mm": mm, "wallets": ["alipay"], "cards": true,
            "dark_from": "23:00", "dark_until": "05:00",
        })
    };
    let set = put(&world, &owner, &format!("{kiosk}/settings"), settings(58)).await;
    assert_eq!(set.json()["settings"]["paper_mm"], 58, "{}", set.text);
    let refused = put(&world, &owner, &format!("{kiosk}/settings"), settings(60)).await;
    assert_eq!(refused.code(), "malformed");
    let commands = format!("{kiosk}/commands");
    let ask = async |body: Value| world.post(&commands, &owner, body).await;
    let asked = ask(json!({ "verb": "lock", "args": { "zh": "维护", "en": "" } })).await;
    assert_eq!((asked.status, &asked.json()["state"]), (202, &json!("queued")), "{}", asked.text);
    let second = json!({ "login": "second", "password": "another long password" });
    let table = [
        (json!({ "verb": "dance" }), 400, "malformed"),
        (json!({ "verb": "reboot" }), 409, "kiosk.command_refused"),
        (json!({ "verb": "reboot", "args": { "force": true } }), 409, "kiosk.command_refused"),
        (
            json!({ "verb": "reboot", "args": { "force": true }, "second": second }),
            409,
            "kiosk.command_refused",
        ),
        (
            json!({ "verb": "self_test", "second": { "login": "x", "password": "y" } }),
            403,
            "vend.second_person",
        ),
    ];
    for (body, status, code) in table {
        let shown = body.to_string();
        let reply = ask(body).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{shown}");
    }
    let list = world.get(&commands, &owner).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    let story = world.get(&format!("{kiosk}?from=2026-01-01T00:00:00Z"), &owner).await;
    assert_eq!((story.status, &story.json()["online_permille"]), (200, &json!(0)));
    counted_online(&world, &owner, &kiosk).await;
    let card = json!({ "uid": "04A1B2C3", "meter_id": id(4, 1) });
    let entered = world.post(&path("kiosk-cards"), &owner, card.clone()).await;
    assert_eq!((entered.status, &entered.json()["card_no"]), (201, &json!(1)), "{}", entered.text);
    let twice = world.post(&path("kiosk-cards"), &owner, card).await;
    assert_eq!(twice.code(), "already_exists");
    let days = json!({ "years": [2026], "days": [{ "day": "2026-10-01", "name": "国庆节", "off": true }] });
    let imported = put(&world, &owner, "/kiosk-holidays", days).await;
    assert_eq!(imported.json()["version"], 1, "{}", imported.text);
    let none = world.post(&format!("{kiosk}/revoke"), &owner, json!({ "reason": " " })).await;
    assert_eq!(none.code(), "reason_missing");
    let out = world.post(&format!("{kiosk}/revoke"), &owner, json!({ "reason": "stolen" })).await;
    assert_eq!(out.json()["state"], "revoked", "{}", out.text);
    let late = ask(json!({ "verb": "self_test" })).await;
    assert_eq!(late.code(), "kiosk.command_refused");
    world.stop().await;
}

/// Two stretches of presence, and what any span makes of them: an hour of two, the second open.
async fn counted_online(world: &World, token: &str, kiosk: &str) {
    let stretch =
        |from: &str, to: Option<&str>, reason: &str| store::entity::kiosk_interval::Model {
            project_id: 1,
            kiosk_id: id(12, 1),
            from_at: from.parse().unwrap(),
            to_at: to.map(|to| to.parse().unwrap()),
            reason: reason.to_owned(),
        };
    let rows = [
        stretch("2026-03-01T00:00:00Z", Some("2026-03-01T00:30:00Z"), "silent"),
        stretch("2026-03-01T01:30:00Z", None, ""),
    ];
    for row in rows {
        let put = world.server.house().store();
        put.transact(move |tx| Box::pin(async move { store::insert(tx, row).await }))
            .await
            .unwrap();
    }
    // The span, how long it was there in it, in minutes, and in how many stretches.
    let table = [
        ("2026-03-01T00:00:00Z", "2026-03-01T02:00:00Z", 60, 500, 2),
        ("2026-03-01T00:15:00Z", "2026-03-01T01:15:00Z", 15, 250, 1),
        ("2026-03-01T00:30:00Z", "2026-03-01T01:30:00Z", 0, 0, 0),
        ("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", 24 * 60, 1_000, 1),
    ];
    for (from, until, minutes, permille, stretches) in table {
        let told = world.get(&format!("{kiosk}?from={from}&until={until}"), token).await;
        let told = told.json();
        let said = (&told["online_ms"], &told["online_permille"]);
        assert_eq!(said, (&json!(minutes * 60_000), &json!(permille)), "{from} {until}: {told}");
        let listed = told["online"].as_array().unwrap().len();
        assert_eq!(listed, stretches, "{from} {until}: {told}");
    }
}

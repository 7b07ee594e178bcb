//! Whatever goes wrong has the same face.

use serde_json::json;

use crate::world::{API, Sent, World};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_problems_with_the_field_named() {
    let world = World::start().await;
    let owner = world.signed_in("chief", &[(0, "owner")]).await;
    let post = |path: &str| ("POST", format!("{API}{path}"));
    let raw = |text: &str| Sent {
        raw: Some(text.as_bytes().to_vec()),
        ..Sent::by(&owner).header("content-type", "application/json")
    };
    let good = json!({ "login": "a", "name": "a", "roles": [] });
    let mut extra = good.clone();
    extra["is_admin"] = json!(true);
    let mut wrong = good.clone();
    wrong["login"] = json!(7);
    let plain = Sent { body: None, ..Sent::by(&owner) };
    let plain = Sent { raw: Some(b"login=a".to_vec()), ..plain };
    let text = plain.clone().header("content-type", "text/plain");
    let huge = raw(&format!("{{\"login\":\"{}\"}}", "x".repeat(70_000)));
    let bearer = Sent::by(&owner);
    type Row = ((&'static str, String), Sent, u16, &'static str, Option<&'static str>);
    let table: Vec<Row> = vec![
        (("GET", "/nowhere".into()), bearer.clone(), 404, "no_such_route", None),
        (("GET", format!("{API}/nowhere")), bearer.clone(), 404, "no_such_route", None),
        (("DELETE", format!("{API}/login")), bearer.clone(), 405, "method_not_allowed", None),
        (post("/operators"), raw("{"), 400, "malformed", Some("body")),
        (post("/operators"), raw("[]"), 400, "malformed", Some("body")),
        (post("/operators"), bearer.clone().body(extra), 400, "malformed", Some("is_admin")),
        (post("/operators"), bearer.clone().body(json!({})), 400, "malformed", Some("login")),
        (post("/operators"), bearer.clone().body(wrong), 400, "malformed", Some("body")),
        (post("/operators"), raw(r#"{"login":"a","login":"b"}"#), 400, "malformed", Some("login")),
        (post("/operators"), text, 415, "unsupported_media_type", None),
        (post("/operators"), huge, 413, "body_too_large", None),
    ];
    for ((method, path), sent, status, code, field) in table {
        let reply = world.send(method, &path, sent).await;
        let body = reply.json();
        assert_eq!((reply.status, body["code"].as_str()), (status, Some(code)), "{}", reply.text);
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{path}");
        assert_eq!(body["status"], status);
        assert_eq!(body["trace_id"], reply.headers["x-trace-id"].as_str());
        if let Some(field) = field {
            assert_eq!(body["errors"][0]["field"], field, "{}", reply.text);
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reader_chooses_the_language_and_every_answer_carries_its_headers() {
    let world = World::start().await;
    for (accept, first) in [("zh-CN,en;q=0.5", "请先登录 / "), ("en", "Please sign in / ")] {
        let sent = Sent::default().header("accept-language", accept);
        let reply = world.send("GET", &format!("{API}/me"), sent).await;
        let title = reply.json()["title"].as_str().unwrap().to_owned();
        assert!(title.starts_with(first), "{title}");
        assert_eq!(reply.headers["www-authenticate"], "Bearer");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert!(reply.headers["content-security-policy"].contains("frame-ancestors 'none'"));
        assert!(!reply.headers.contains_key("strict-transport-security"));
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_is_told_so_and_the_others_are_served() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::start().await;
    let mut slow = tokio::net::TcpStream::connect(world.server.http()).await.unwrap();
    let head = format!(
        "POST {API}/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: 1000\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let health = world.send("GET", "/healthz", Sent::default()).await;
    assert_eq!((health.status, health.text.as_str()), (200, "ok"));
    let mut answer = vec![0; 64];
    let read = slow.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_metrics_and_the_description_are_there() {
    let world = World::start().await;
    let ready = world.send("GET", "/readyz", Sent::default()).await;
    assert_eq!((ready.status, ready.json()["ready"].as_bool()), (200, Some(true)));
    let near = Sent::default().header("x-forwarded-for", "127.0.0.1");
    let metrics = world.send("GET", "/metrics", near).await;
    assert!(metrics.text.contains("yufu_jobs{state=\"parked\"} 2"), "{}", metrics.text);
    assert!(metrics.text.contains("route=\"/readyz\""), "{}", metrics.text);
    let far = Sent::default().header("x-forwarded-for", "8.8.8.8");
    assert_eq!(world.send("GET", "/metrics", far).await.status, 404);
    let api = world.send("GET", "/api/openapi.json", Sent::default()).await;
    assert!(api.json()["paths"][format!("{API}/me")].is_object());
    let docs = world.send("GET", "/api/docs/", Sent::default()).await;
    assert_eq!(docs.status, 200);
    assert!(docs.text.contains("swagger-ui"), "{}", docs.text);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_taken_is_a_conflict_and_no_fault_of_ours() {
    let world = World::start().await;
    let chief = world.signed_in("chief", &[(1, "owner")]).await;
    let account = json!({
        "room_id": crate::world::id(11, 1),
        "account_no": "A101",
        "name": "李",
        "customer_no": "000000000102",
    });
    let taken = world.post("/projects/1/accounts", &chief, account.clone()).await;
    assert_eq!((taken.status, taken.code()), (409, "already_exists".to_owned()), "{}", taken.text);
    let mut free = account;
    free["account_no"] = json!("A102");
    let opened = world.post("/projects/1/accounts", &chief, free).await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_readings_has_an_end_wherever_the_calendar_ends() {
    let world = World::start().await;
    let token = world.signed_in("wang", &[(1, "operator")]).await;
    let meter = crate::world::id(4, 1);
    let table = [
        ("", 200),
        ("&until=2026-11-20T00:00:00Z", 200),
        ("&until=-262143-01-01T00:00:00Z", 400),
        ("&until=%2B262142-12-31T23:59:59Z&from=-262143-01-01T00:00:00Z", 400),
        ("&from=2026-11-20T00:00:00Z&until=2026-11-19T00:00:00Z", 400),
        ("&from=2025-01-01T00:00:00Z&until=2026-11-19T00:00:00Z", 400),
    ];
    for (range, status) in table {
        let path = format!("/projects/1/meters/{meter}/readings?item=forward-energy{range}");
        let reply = world.get(&path, &token).await;
        assert_eq!(reply.status, status, "{range}: {}", reply.text);
    }
    world.stop().await;
}

//! TLS that ends here.

use serde_json::json;

use crate::world::{API, World};

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_cookie_is_bound_to_the_host_and_browsers_are_told_to_stay() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let world = World::start_with(|config| {
        config.server.tls_certificate = certificate.display().to_string();
        config.server.tls_key = key.display().to_string();
    })
    .await;
    world.operator("wang", "a long password", &[(1, "cashier")]).await;
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([root])
        .resolve("localhost", world.server.http())
        .build()
        .unwrap();
    let url = format!("https://localhost:{}{API}/login", world.server.http().port());
    let body = json!({ "login": "wang", "password": "a long password" });
    let reply = client.post(url).json(&body).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    let header = |name: &str| reply.headers()[name].to_str().unwrap().to_owned();
    assert!(header("strict-transport-security").starts_with("max-age="));
    assert!(header("set-cookie").starts_with("__Host-yufu="), "{}", header("set-cookie"));
    assert!(header("set-cookie").ends_with("; Secure"));
    drop((reply, client));
    world.stop().await;
}

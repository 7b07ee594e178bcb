//! The real program as a child process: started, killed, started again on the same database.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use domain::{OrderId, SystemClock};
use serde_json::{Value, json};
use store::Store;
use yufu::{chance::SystemRng, operator::setup};

use crate::fixture::{Layout, PROJECT};

/// How long a start may take on a busy machine.
const START_MAX: Duration = Duration::from_secs(60);

/// The ports handed out: below those the system gives to whoever asks for any (from 32768 on), so
/// that nobody is given ours while our program is killed and started again.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// A port nobody uses just now, and nobody but the caller will be told of by this process. Several
/// test processes begin at places of their own.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let span = u32::from(PORTS.end - PORTS.start);
    let start = std::process::id().wrapping_mul(61) % span;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(step < span, "no port is free");
        let port = PORTS.start + u16::try_from((start + step) % span).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The built program beside the test binary.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let found = test.parent().unwrap().parent().unwrap().join(name);
    assert!(found.is_file(), "{} is not built: run `cargo build --bins` first", found.display());
    found
}

/// The program with its configuration, whether it runs or not.
pub struct Yufu {
    child: Mutex<Option<Child>>,
    config: PathBuf,
    pub http: SocketAddr,
    pub dtu: SocketAddr,
    pub client: reqwest::Client,
    token: String,
}

impl Yufu {
    /// Writes a configuration into `dir` and creates the first operator in the database; starts
    /// nothing yet.
    pub async fn prepare(
        dir: &Path,
        store: Store,
        provider: &provider_simulator::Provider,
    ) -> Self {
        let http = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let dtu = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let config = dir.join("config.toml");
        let text = format!(
            "[server]\nlisten = '{http}'\npublic_url = 'http://{http}'\n\
             [database]\nurl = 'sqlite:{}'\n\
             [gateway]\ndtu_listen = '{dtu}'\npace_percent = 20\nfirst_poll_max_s = 1\n\
             [wechat_pay]\nbase_url = '{}'\n[alipay]\ngateway_url = '{}'\n\
             [vending]\npace_percent = 2\n[log]\nfilter = 'warn'\n",
            dir.join("yufu.db").display(),
            provider.base_url,
            provider.gateway_url(),
        );
        std::fs::write(&config, text).unwrap();
        let (clock, rng) = (SystemClock::new(), SystemRng::new());
        let roles = vec![(store::operator::EVERYWHERE, "owner".to_owned())];
        let link = setup::invite(&store, &clock, &rng, ("tester", "测试员"), roles).await.unwrap();
        drop(store);
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let mut yufu =
            Yufu { child: Mutex::new(None), config, http, dtu, client, token: String::new() };
        yufu.start().await;
        yufu.sign_in(&link.token).await;
        yufu
    }

    /// Starts the program and waits until it answers.
    pub async fn start(&self) {
        let child = Command::new(binary("yufu"))
            .arg("--config")
            .arg(&self.config)
            .arg("serve")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        *self.child.lock().unwrap() = Some(child);
        let url = format!("http://{}/readyz", self.http);
        let ready = tokio::time::timeout(START_MAX, async {
            while !self.client.get(&url).send().await.is_ok_and(|r| r.status().is_success()) {
                let ended = self.child.lock().unwrap().as_mut().unwrap().try_wait().unwrap();
                assert!(ended.is_none(), "the program ended by itself: {ended:?}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        ready.await.expect("the program did not become ready");
    }

    /// Kills the program as a power cut would: no signal handler, no farewell.
    pub fn kill(&self) {
        let child = self.child.lock().unwrap().take();
        if let Some(mut child) = child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    async fn sign_in(&mut self, secret: &str) {
        let password = "correct horse battery staple";
        let body = json!({ "token": secret, "password": password });
        self.call("setup", None, &body).await.expect("the set-up link works");
        let body = json!({ "login": "tester", "password": password, "bearer": true });
        let answer = self.call("login", None, &body).await.expect("the login works");
        self.token = answer["token"].as_str().unwrap().to_owned();
    }

    /// One POST to the operators' API; `None` when the program was not there or not able.
    pub async fn call(&self, path: &str, key: Option<&str>, body: &Value) -> Option<Value> {
        let url = format!("http://{}/api/operator/v1/{path}", self.http);
        let mut request = self.client.post(url).json(body);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let text = answer.text().await.ok()?;
        assert!(
            status.is_success()
                || status.is_server_error()
                || status.as_u16() == 409
                || status.as_u16() == 502
                || status.as_u16() == 429,
            "{path}: {status} {text}"
        );
        if !status.is_success() {
            return None;
        }
        Some(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// One GET to the operators' API.
    pub async fn get(&self, path: &str) -> Option<Value> {
        let url = format!("http://{}/api/operator/v1/{path}", self.http);
        let answer = self.client.get(url).bearer_auth(&self.token).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        answer.json().await.ok()
    }

    /// Places an order under one client id until it is placed; answers id and the number to pay.
    pub async fn order(
        &self,
        layout: &Layout,
        place: usize,
        fen: i64,
        client: &str,
    ) -> Option<(OrderId, String)> {
        let channel = if fen % 3 == 0 { "alipay-precreate" } else { "wechat-native" };
        let body = json!({
            "client_id": client,
            "meter_id": layout.places[place].meter.id,
            "amount_fen": fen,
            "channel": channel,
        });
        let path = format!("projects/{PROJECT}/orders");
        let placed = self.call(&path, Some(client), &body).await?;
        let id = placed["order"]["id"].as_str()?.parse().ok()?;
        Some((id, placed["out_trade_no"].as_str()?.to_owned()))
    }

    /// Where an order stands, as the program tells.
    pub async fn state(&self, id: OrderId) -> Option<String> {
        let story = self.get(&format!("projects/{PROJECT}/orders/{id}")).await?;
        Some(story["order"]["state"].as_str()?.to_owned())
    }
}

impl Drop for Yufu {
    fn drop(&mut self) {
        self.kill();
    }
}

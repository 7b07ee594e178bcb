//! A running server over two small projects, and a client that speaks to it.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use chrono::{DateTime, Utc};
use domain::{OperatorId, ProjectId};
use serde_json::{Value, json};
use store::{
    StoreError,
    entity::{
        account, gateway, job, kiosk, kiosk_command, kiosk_content, meter, order_locator, orders,
        project, room, tariff, vend, work_item,
    },
    operator::{self, Operator},
};
use uuid::Uuid;
use yufu::{Outside, Server, config::Config};

use crate::base;

/// The API's path.
pub const API: &str = "/api/operator/v1";

/// An id a test can name: of a kind, in a project.
pub fn id(kind: u8, project: i64) -> Uuid {
    let number = (u128::from(kind) << 8) | project as u128;
    uuid::Builder::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + number).into_uuid()
}

/// The kinds of ids above, by the names of path parameters.
pub const KINDS: &[(&str, u8)] = &[
    ("room", 1),
    ("account", 2),
    ("gateway", 3),
    ("meter", 4),
    ("tariff", 5),
    ("order", 6),
    ("vend", 7),
    ("work_item", 8),
    ("job", 9),
    ("kiosk", 12),
    ("command", 13),
];

/// A running server.
pub struct World {
    pub server: Server,
    client: reqwest::Client,
    base: String,
    _dir: tempfile::TempDir,
}

/// An answer.
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The body without the number that differs from request to request.
    pub fn without_trace(&self) -> Value {
        let mut body = self.json();
        body.as_object_mut().unwrap().remove("trace_id");
        body
    }
}

/// What a client sends besides method and path.
#[derive(Clone, Default)]
pub struct Sent {
    pub token: Option<String>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    pub raw: Option<Vec<u8>>,
}

impl Sent {
    pub fn by(token: &str) -> Sent {
        Sent { token: Some(token.to_owned()), ..Default::default() }
    }

    pub fn body(mut self, body: Value) -> Sent {
        self.body = Some(body);
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Sent {
        self.headers.push((name, value.to_owned()));
        self
    }
}

impl World {
    pub async fn start() -> World {
        World::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> World {
        World::start_outside(change, Outside::real().unwrap()).await
    }

    /// The same with another clock or network.
    pub async fn start_outside(change: impl FnOnce(&mut Config), outside: Outside) -> World {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".to_owned();
        config.server.public_url = "http://127.0.0.1:0".to_owned();
        // Each request of a test may come from an address of its own.
        config.server.trusted_proxies = 1;
        config.server.live_page = true;
        config.server.request_timeout_s = 2;
        config.database.url = base::url(dir.path()).await;
        config.gateway.dtu_listen = String::new();
        change(&mut config);
        let server = yufu::serve::start_with(config, outside).await.unwrap();
        let base = format!("http://{}", server.http());
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let world = World { server, client, base, _dir: dir };
        world.build(1).await;
        world.build(2).await;
        world
    }

    /// Stops the server; the client goes first, because its idle connections would be waited for.
    pub async fn stop(self) {
        drop(self.client);
        self.server.stop().await;
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.server.app().clock.now()
    }

    /// Sends a request, from an address nobody used before unless a header says otherwise.
    pub async fn send(&self, method: &str, path: &str, sent: Sent) -> Reply {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let method: reqwest::Method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if !sent.headers.iter().any(|(name, _)| *name == "x-forwarded-for") {
            let [_, a, b, c] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            request = request.header("x-forwarded-for", format!("10.{a}.{b}.{c}"));
        }
        if let Some(token) = &sent.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &sent.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &sent.body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        if let Some(raw) = sent.raw {
            request = request.body(raw);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers
            .map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
            .collect();
        Reply { status, headers, text: response.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str, token: &str) -> Reply {
        self.send("GET", &format!("{API}{path}"), Sent::by(token)).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Reply {
        let key = Uuid::from_u128(u128::from(rand(self))).to_string();
        let sent = Sent::by(token).body(body).header("idempotency-key", &key);
        self.send("POST", &format!("{API}{path}"), sent).await
    }

    /// Adds an operator with a password.
    pub async fn operator(&self, login: &str, password: &str, roles: &[(i64, &str)]) -> Operator {
        let app = self.server.app();
        let hash = app.sign_in.passwords.hash(app.rng.as_ref(), password).await.unwrap();
        let new = Operator {
            id: OperatorId::generate(app.clock.as_ref(), app.rng.as_ref()).0,
            login: login.to_owned(),
            name: login.to_owned(),
            password_hash: Some(hash),
            totp_secret: None,
            totp_last_step: None,
            state: "active".to_owned(),
            setup_token_hash: None,
            setup_expires_at: None,
            failed_count: 0,
            locked_until: None,
            created_at: app.clock.now(),
        };
        let roles: Vec<_> =
            roles.iter().map(|(at, role)| (ProjectId(*at), (*role).to_owned())).collect();
        let row = new.clone();
        let store = app.house.store();
        store
            .transact(move |tx| Box::pin(async move { operator::insert(tx, row, &roles).await }))
            .await
            .unwrap();
        new
    }

    /// Somebody with these roles, signed in; answers the token.
    pub async fn signed_in(&self, login: &str, roles: &[(i64, &str)]) -> String {
        let operator = self.operator(login, "a long password", roles).await;
        let from = "127.0.0.1".parse().unwrap();
        let opened = self.server.app().sign_in.open_session(&operator, from, "test").await;
        opened.unwrap().1.to_string()
    }

    /// Writes one of everything into a project.
    async fn build(&self, project: i64) {
        let now = self.now();
        let at = move |kind| id(kind, project);
        let rows = self.server.house().store().transact(move |tx| {
            Box::pin(async move {
                store::insert(tx, project_row(project, now)).await?;
                store::insert(tx, room_row(project, at(1), "101")).await?;
                store::insert(tx, room_row(project, at(11), "102")).await?;
                store::insert(tx, account_row(project, at(2), at(1), now)).await?;
                store::insert(tx, gateway_row(project, at(3))).await?;
                store::insert(tx, tariff_row(project, at(5), now)).await?;
                store::insert(tx, meter_row(project, now)).await?;
                store::insert(tx, order_row(project, now)).await?;
                store::insert(tx, locator_row(project)).await?;
                store::insert(tx, vend_row(project, now)).await?;
                store::insert(tx, work_row(project, now)).await?;
                store::insert(tx, job_row(project, now)).await?;
                store::kiosk::insert(tx, kiosk_row(project, now)).await?;
                store::insert(tx, command_row(project, now)).await?;
                store::insert(tx, content_row(project, now)).await?;
                Ok::<_, StoreError>(())
            })
        });
        rows.await.unwrap();
    }
}

fn rand(world: &World) -> u64 {
    let mut bytes = [0u8; 8];
    world.server.app().rng.fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

fn project_row(project: i64, now: DateTime<Utc>) -> project::Model {
    project::Model {
        id: project,
        name: format!("项目 {project}"),
        name_en: format!("Project {project}"),
        currency: "CNY".to_owned(),
        timezone: "+08:00".to_owned(),
        created_at: now,
    }
}

fn room_row(project: i64, room: Uuid, number: &str) -> room::Model {
    room::Model {
        project_id: project,
        id: room,
        building: "1栋".to_owned(),
        floor: 1,
        number: number.to_owned(),
        area_m2_e2: None,
        landlord_id: None,
        tags: "[]".to_owned(),
    }
}

fn account_row(project: i64, account: Uuid, room: Uuid, now: DateTime<Utc>) -> account::Model {
    account::Model {
        project_id: project,
        id: account,
        account_no: "A101".to_owned(),
        room_id: room,
        name: "王小明".to_owned(),
        phone: Some("13812340007".to_owned()),
        customer_no: "000000000101".to_owned(),
        state: "open".to_owned(),
        opened_at: now,
        closed_at: None,
        protected: false,
        version: 1,
    }
}

fn gateway_row(project: i64, gateway: Uuid) -> gateway::Model {
    gateway::Model {
        id: gateway,
        project_id: project,
        name: "GW-1".to_owned(),
        registration: Some(format!("YF-TEST-{project}")),
        link: "dial-in".to_owned(),
        address: None,
        framing: "plain".to_owned(),
        heartbeat_s: 60,
        settings: "{}".to_owned(),
        owner: None,
        owner_token: 0,
        lease_until: None,
    }
}

fn tariff_row(project: i64, tariff: Uuid, now: DateTime<Utc>) -> tariff::Model {
    tariff::Model {
        project_id: project,
        id: tariff,
        name: "居民电价".to_owned(),
        purpose: "electricity".to_owned(),
        valid_from: now - chrono::TimeDelta::days(30),
        micro_yuan: 600_000,
        created_at: now,
    }
}

fn meter_row(project: i64, now: DateTime<Utc>) -> meter::Model {
    meter::Model {
        project_id: project,
        id: id(4, project),
        meter_no: "000030220101".to_owned(),
        room_id: Some(id(1, project)),
        account_id: Some(id(2, project)),
        gateway_id: id(3, project),
        bus: 0,
        address: "000030220101".to_owned(),
        profile: "dlt645-2007-remote-fee".to_owned(),
        purpose: "electricity".to_owned(),
        money_model: "platform-held".to_owned(),
        tariff_id: Some(id(5, project)),
        epoch: 1,
        purchase_count: None,
        state: "in-service".to_owned(),
        quarantine_reason: None,
        ct: 1,
        pt: 1,
        base_reading: 0,
        reading_interval_s: 900,
        supply_policy: "auto".to_owned(),
        created_at: now,
        version: 1,
    }
}

fn order_no(project: i64) -> String {
    format!("YF261120{project:010}")
}

fn order_row(project: i64, now: DateTime<Utc>) -> orders::Model {
    orders::Model {
        project_id: project,
        id: id(6, project),
        order_no: order_no(project),
        client_id: "fixture-order".to_owned(),
        account_id: id(2, project),
        meter_id: id(4, project),
        purpose: "electricity".to_owned(),
        channel: "wechat-native".to_owned(),
        amount_fen: 5_000,
        price_micro_yuan: 600_000,
        state: "closed".to_owned(),
        operator_id: None,
        provider_trade_no: None,
        placed_at: now,
        expires_at: now,
        credited_at: None,
        delivered_at: None,
        restored_at: None,
        closed_at: Some(now),
        reason: None,
        version: 1,
    }
}

fn locator_row(project: i64) -> order_locator::Model {
    order_locator::Model {
        order_no: order_no(project),
        project_id: project,
        order_id: id(6, project),
    }
}

fn vend_row(project: i64, now: DateTime<Utc>) -> vend::Model {
    vend::Model {
        project_id: project,
        id: id(7, project),
        order_id: id(6, project),
        meter_id: id(4, project),
        epoch: 1,
        purchase_count: None,
        amount_fen: 5_000,
        state: "queued".to_owned(),
        saga: "{}".to_owned(),
        hold_id: None,
        sent_count: 0,
        proof: None,
        created_at: now,
        intended_at: None,
        sent_at: None,
        ended_at: None,
        next_action_at: None,
        last_error: None,
        version: 1,
    }
}

fn work_row(project: i64, now: DateTime<Utc>) -> work_item::Model {
    work_item::Model {
        project_id: project,
        id: id(8, project),
        kind: "payment.mismatch".to_owned(),
        subject_kind: "order".to_owned(),
        subject_id: id(6, project).to_string(),
        title_zh: "金额对不上".to_owned(),
        title_en: "The amount differs".to_owned(),
        detail: json!({}).to_string(),
        state: "open".to_owned(),
        opened_at: now,
        closed_at: None,
        closed_by: None,
        resolution: None,
    }
}

fn kiosk_row(project: i64, now: DateTime<Utc>) -> kiosk::Model {
    kiosk::Model {
        project_id: project,
        id: id(12, project),
        number: "K-01".to_owned(),
        name: "大厅".to_owned(),
        public_key: format!("{project:064x}"),
        state: "active".to_owned(),
        reason: None,
        settings: "{}".to_owned(),
        settings_version: 1,
        hardware: "test".to_owned(),
        software: "0".to_owned(),
        boot_id: None,
        boot_at: None,
        paired_at: now,
        ended_at: None,
        version: 0,
    }
}

fn command_row(project: i64, now: DateTime<Utc>) -> kiosk_command::Model {
    kiosk_command::Model {
        project_id: project,
        id: id(13, project),
        kiosk_id: id(12, project),
        verb: "self_test".to_owned(),
        args: "{}".to_owned(),
        issued_at: now,
        expires_at: now,
        boot_id: None,
        signature: String::new(),
        state: "done".to_owned(),
        detail: "{}".to_owned(),
        operator_id: None,
        second_id: None,
        updated_at: now,
    }
}

fn content_row(project: i64, now: DateTime<Utc>) -> kiosk_content::Model {
    kiosk_content::Model {
        project_id: project,
        content_version: 1,
        state: "draft".to_owned(),
        body: "{}".to_owned(),
        operator_id: None,
        created_at: now,
        published_at: None,
    }
}

fn job_row(project: i64, now: DateTime<Utc>) -> job::Model {
    job::Model {
        state: "parked".to_owned(),
        last_error: Some("the meter is quarantined".to_owned()),
        ended_at: Some(now),
        // A kind no worker knows: run again, it parks itself at once.
        ..store::job::draft(ProjectId(project), domain::JobId(id(9, project)), "fixture", "x", now)
    }
}

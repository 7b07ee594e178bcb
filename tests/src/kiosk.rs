//! A kiosk without a terminal: it speaks the wire's own types to the server's own port.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use domain::{OperatorId, ProjectId};
use kiosk_api::{
    PREFIX,
    pairing::{self, Acceptance},
};
use kiosk_wire::{
    account::{Matches, MeterLookup},
    card_format::{hex, unhex},
    channel::{Down, Poll, Polled, Up},
    device::{
        Challenge, ChallengeRequest, Hello, Identity, PairingCode, PairingOutcome, PairingProof,
        PairingRequest, Welcome,
    },
    heartbeat::Heartbeat,
    order::{OrderDraft, OrderView},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::kiosk::Kiosk;
use uuid::Uuid;
use yufu::Server;

/// An answer: its status and its JSON, or nothing.
pub type Reply = (u16, Value);

/// What an answer says went wrong.
pub fn code(reply: &Reply) -> (u16, &str) {
    (reply.0, reply.1["code"].as_str().unwrap_or_default())
}

/// An answer without the number that differs from request to request.
pub fn without_trace((status, mut body): Reply) -> Reply {
    if let Some(body) = body.as_object_mut() {
        body.remove("trace_id");
    }
    (status, body)
}

/// A kiosk's key and what it keeps.
pub struct FakeKiosk {
    pub key: Ed25519KeyPair,
    pub identity: Identity,
    pub boot: Uuid,
    pub token: String,
    client: reqwest::Client,
    base: String,
}

/// A request to the server, with a session or without.
pub async fn send(
    base: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<String>,
) -> Reply {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    sent(&client, base, method, path, token, body).await
}

async fn sent(
    client: &reqwest::Client,
    base: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<String>,
) -> Reply {
    let method: reqwest::Method = method.parse().unwrap();
    let mut request = client.request(method, format!("{base}{PREFIX}{path}"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// A fresh id.
pub fn fresh(server: &Server) -> Uuid {
    let app = server.app();
    domain::CommandId::generate(app.clock.as_ref(), app.rng.as_ref()).0
}

/// A key that is always the same for its number.
pub fn key(number: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap()
}

/// Where a server is.
pub fn base(server: &Server) -> String {
    format!("http://{}", server.http())
}

/// Asks for a code.
pub async fn ask_code(server: &Server, key: &Ed25519KeyPair) -> PairingCode {
    let wish = PairingRequest {
        public_key: hex(key.public_key().as_ref()),
        hardware: "test bench".to_owned(),
        version: "1.0".to_owned(),
    };
    let body = serde_json::to_string(&wish).unwrap();
    let (status, answer) = send(&base(server), "POST", "/pairings", None, Some(body)).await;
    assert_eq!(status, 201, "{answer}");
    serde_json::from_value(answer).unwrap()
}

/// Asks how far a pairing is.
pub async fn outcome(server: &Server, code: &PairingCode) -> PairingOutcome {
    let proof = PairingProof { secret: code.secret.clone() };
    let path = format!("/pairings/{}/outcome", code.pairing_id);
    let body = serde_json::to_string(&proof).unwrap();
    let (status, answer) = send(&base(server), "POST", &path, None, Some(body)).await;
    assert_eq!(status, 200, "{answer}");
    serde_json::from_value(answer).unwrap()
}

/// What an operator says of a kiosk whose screen they see.
pub fn seen(code: &PairingCode, key: &Ed25519KeyPair, number: &str) -> Acceptance {
    Acceptance {
        code: code.code.clone(),
        fingerprint: pairing::digits_of(&hex(key.public_key().as_ref())).unwrap(),
        number: number.to_owned(),
        name: "大厅".to_owned(),
        takes_over: false,
    }
}

/// Nobody in particular.
pub const OPERATOR: OperatorId = OperatorId(Uuid::from_u128(77));

impl FakeKiosk {
    /// Pairs a kiosk into a project and greets.
    pub async fn paired(server: &Server, project: ProjectId, number: u8) -> FakeKiosk {
        let key = key(number);
        let asked = ask_code(server, &key).await;
        let wish = seen(&asked, &key, &format!("K-{number:02}"));
        pairing::accept(&server.app().kiosks, project, OPERATOR, wish).await.unwrap();
        let PairingOutcome::Paired(identity) = outcome(server, &asked).await else {
            panic!("the kiosk was not taken up")
        };
        let mut kiosk = FakeKiosk {
            key,
            identity,
            boot: fresh(server),
            token: String::new(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            base: base(server),
        };
        kiosk.greet().await;
        kiosk
    }

    /// The same machine copied to another place: its key, in another process.
    pub fn cloned(&self, server: &Server, number: u8) -> FakeKiosk {
        FakeKiosk {
            key: key(number),
            identity: self.identity.clone(),
            boot: fresh(server),
            token: String::new(),
            client: self.client.clone(),
            base: self.base.clone(),
        }
    }

    /// A greeting, signed, on a fresh nonce.
    pub async fn hello(&self) -> Hello {
        let wish = ChallengeRequest { kiosk_id: self.identity.kiosk_id };
        let (status, answer) = self.post("/challenges", &wish).await;
        assert_eq!(status, 200, "{answer}");
        let Challenge { server_nonce } = serde_json::from_value(answer).unwrap();
        let mut hello = Hello {
            kiosk_id: self.identity.kiosk_id,
            boot_id: self.boot,
            device_nonce: "5a".repeat(32),
            server_nonce,
            version: "1.0".to_owned(),
            signature: String::new(),
        };
        hello.signature = hex(self.key.sign(&hello.to_sign()).as_ref());
        hello
    }

    /// Greets, proves the server, and keeps the session.
    pub async fn greet(&mut self) -> Welcome {
        let hello = self.hello().await;
        let (status, answer) = self.post("/hello", &hello).await;
        assert_eq!(status, 200, "{answer}");
        let welcome: Welcome = serde_json::from_value(answer).unwrap();
        self.proves(&welcome.to_sign(&hello), &welcome.signature);
        self.token = welcome.token.clone();
        welcome
    }

    /// Fails unless the command key has signed this.
    pub fn proves(&self, message: &[u8], signature: &str) {
        let key = unhex(&self.identity.command_key).unwrap();
        let signature = unhex(signature).unwrap();
        UnparsedPublicKey::new(&ED25519, key).verify(message, &signature).unwrap();
    }

    pub async fn get(&self, path: &str) -> Reply {
        sent(&self.client, &self.base, "GET", path, Some(&self.token), None).await
    }

    pub async fn post(&self, path: &str, body: &impl Serialize) -> Reply {
        let body = Some(serde_json::to_string(body).unwrap());
        sent(&self.client, &self.base, "POST", path, Some(&self.token), body).await
    }

    /// A request that is answered with what was asked for.
    pub async fn ask<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> T {
        let (status, answer) = self.post(path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        serde_json::from_value(answer).unwrap()
    }

    pub async fn look<T: DeserializeOwned>(&self, path: &str) -> T {
        let (status, answer) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {answer}");
        serde_json::from_value(answer).unwrap()
    }

    /// Raw bytes to or from a path that speaks no JSON.
    pub async fn bytes(
        &self,
        method: &str,
        path: &str,
        range: Option<&str>,
        body: Option<Vec<u8>>,
    ) -> (u16, Vec<u8>) {
        let method: reqwest::Method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{PREFIX}{path}", self.base));
        request = request.bearer_auth(&self.token);
        if let Some(range) = range {
            request = request.header("range", range);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
    }

    /// Tells and hears by poll.
    pub async fn poll(&self, up: Vec<Up>) -> Vec<Down> {
        let polled: Polled = self.ask("/poll", &Poll { up }).await;
        polled.down
    }

    /// A heartbeat of this start.
    pub fn beat(&self) -> Heartbeat {
        Heartbeat {
            boot_id: self.boot,
            state: "Idle".to_owned(),
            idle: true,
            version: "1.0".to_owned(),
            reader: "none".to_owned(),
            ..Heartbeat::default()
        }
    }

    /// The handle of a meter by its number.
    pub async fn handle(&self, meter_no: &str) -> String {
        let wish = MeterLookup { number: meter_no.to_owned() };
        let found: Matches = self.ask("/lookups/meter", &wish).await;
        found.matches.first().expect("the meter is there").handle.clone()
    }

    /// A sale as somebody at the kiosk wishes it.
    pub fn draft(&self, client_id: Uuid, handle: &str, amount_fen: i64) -> OrderDraft {
        OrderDraft {
            client_id,
            session: Uuid::from_u128(5),
            handle: handle.to_owned(),
            amount_fen,
            wallet: "wechat".to_owned(),
            without_paper: false,
            card: None,
        }
    }

    /// An order as the kiosk sees it.
    pub async fn order(&self, id: Uuid) -> OrderView {
        self.look(&format!("/orders/{id}")).await
    }
}

/// The kiosk as the books have it.
pub async fn row(server: &Server, kiosk: &FakeKiosk) -> Kiosk {
    let db = server.house().store().read();
    let project = store::kiosk::locate(db, kiosk.identity.kiosk_id).await.unwrap().unwrap();
    store::kiosk::by_id(db, project, kiosk.identity.kiosk_id).await.unwrap().unwrap()
}

//! A merchant of WeChat Pay, written against the documents, not against the simulator.

use std::fs;
use std::path::PathBuf;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provider_simulator::crypto::RsaKey;
use provider_simulator::{Config, Provider, start};
use serde_json::{Value, json};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::receiver::Arrived;

pub const MCHID: &str = "1900000001";
pub const APPID: &str = "wx8888888888888888";

/// What the merchant knows, read from the files the simulator wrote.
pub struct Merchant {
    pub base_url: String,
    pub serial_no: String,
    pub api_v3_key: String,
    pub public_key_id: String,
    pub public_pem: String,
    pub platform_pem: String,
    key: RsaKey,
    client: reqwest::Client,
    // Kept, because dropping it deletes the files.
    _dir: tempfile::TempDir,
}

/// An answer: status, headers, body.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }
}

/// How a request is bent before it is sent.
#[derive(Clone, Debug, Default)]
pub struct Bend {
    pub timestamp_s: i64,
    pub serial_no: Option<String>,
    pub signed_body: Option<String>,
    pub authorization: Option<String>,
    pub no_accept: bool,
    pub wanted_serial: Option<String>,
}

pub fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.no_proxy().timeout(crate::receiver::PATIENCE).build().unwrap()
}

/// A simulator with this configuration and its first WeChat merchant.
pub fn world(config: Config) -> (Provider, Merchant) {
    let provider = start(config).unwrap();
    let merchant = Merchant::of(&provider);
    (provider, merchant)
}

impl Merchant {
    pub fn of(provider: &Provider) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = provider.write_merchant_files(dir.path()).unwrap();
        let (_, folder): &(String, PathBuf) = &files.wechat_pay[0];
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        Self {
            base_url: provider.base_url.clone(),
            serial_no: read("serial_no.txt"),
            api_v3_key: read("api_v3.key"),
            public_key_id: read("public_key_id.txt"),
            public_pem: read("public_key.pem"),
            platform_pem: read("platform_certificate.pem"),
            key: RsaKey::from_private_pem(&read("merchant.key.pem")).unwrap(),
            client: client(),
            _dir: dir,
        }
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.send("GET", target, "", now_s(), &Bend::default()).await
    }

    pub async fn post(&self, target: &str, body: &Value) -> Answer {
        self.send("POST", target, &body.to_string(), now_s(), &Bend::default()).await
    }

    pub async fn send(
        &self,
        method: &str,
        target: &str,
        body: &str,
        now: i64,
        bend: &Bend,
    ) -> Answer {
        let timestamp = now + bend.timestamp_s;
        let nonce = "593BEC0C930BF1AFEB40B4A08C8FB242";
        let signed = bend.signed_body.as_deref().unwrap_or(body);
        let signature = self
            .key
            .sign(format!("{method}\n{target}\n{timestamp}\n{nonce}\n{signed}\n").as_bytes());
        let serial_no = bend.serial_no.as_deref().unwrap_or(&self.serial_no);
        let authorization = bend.authorization.clone().unwrap_or(format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{MCHID}\",nonce_str=\"{nonce}\",\
             signature=\"{signature}\",timestamp=\"{timestamp}\",serial_no=\"{serial_no}\""
        ));
        let url = format!("{}{target}", self.base_url);
        let mut request = self.client.request(method.parse().unwrap(), url);
        request = request.header("Authorization", authorization).header("User-Agent", "test");
        // The client always sends the header; an empty one counts as missing.
        let accept = if bend.no_accept { "" } else { "application/json" };
        request = request.header("Accept", accept);
        if let Some(serial) = &bend.wanted_serial {
            request = request.header("Wechatpay-Serial", serial);
        }
        if !body.is_empty() {
            request = request.header("Content-Type", "application/json").body(body.to_owned());
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap_or_default().to_vec() }
    }

    /// The body of an order call.
    pub fn order(&self, out_trade_no: &str, total_fen: i64, notify_url: &str) -> Value {
        json!({
            "appid": APPID, "mchid": MCHID, "description": "电费充值 5-1-0803",
            "out_trade_no": out_trade_no, "notify_url": notify_url,
            "amount": {"total": total_fen, "currency": "CNY"},
        })
    }

    /// Places a native order and insists that it works.
    pub async fn place(&self, out_trade_no: &str, total_fen: i64, notify_url: &str) -> String {
        let order = self.order(out_trade_no, total_fen, notify_url);
        let answer = self.post("/v3/pay/transactions/native", &order).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["code_url"].as_str().unwrap().to_owned()
    }

    pub async fn query(&self, out_trade_no: &str) -> Answer {
        let path = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={MCHID}");
        self.get(&path).await
    }

    pub async fn close(&self, out_trade_no: &str) -> Answer {
        let path = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}/close");
        self.post(&path, &json!({"mchid": MCHID})).await
    }

    /// Whether the signature headers hold over the body with one of the two known keys.
    pub fn verifies(&self, header: impl Fn(&str) -> Option<String>, body: &[u8]) -> bool {
        let serial = header("Wechatpay-Serial").unwrap_or_default();
        let (timestamp, nonce) = (header("Wechatpay-Timestamp"), header("Wechatpay-Nonce"));
        let head = format!("{}\n{}\n", timestamp.unwrap_or_default(), nonce.unwrap_or_default());
        let message = [head.as_bytes(), body, b"\n"].concat();
        let Ok(signature) = STANDARD.decode(header("Wechatpay-Signature").unwrap_or_default())
        else {
            return false;
        };
        let der = if serial == self.public_key_id {
            spki(&self.public_pem)
        } else if serial == certificate_serial(&self.platform_pem) {
            certificate_key(&self.platform_pem)
        } else {
            return false;
        };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der)
            .verify(&message, &signature)
            .is_ok()
    }

    pub fn answer_verifies(&self, answer: &Answer) -> bool {
        self.verifies(|name| answer.header(name), &answer.body)
    }

    pub fn callback_verifies(&self, arrived: &Arrived) -> bool {
        self.verifies(|name| arrived.header(name).map(str::to_owned), &arrived.body)
    }

    /// Opens the resource of a callback or certificate; `None` when its tag does not hold.
    pub fn open(&self, resource: &Value) -> Option<Vec<u8>> {
        let text = |name: &str| resource[name].as_str().unwrap_or_default().to_owned();
        let key = UnboundKey::new(&AES_256_GCM, self.api_v3_key.as_bytes()).unwrap();
        let nonce = Nonce::try_assume_unique_for_key(text("nonce").as_bytes()).unwrap();
        let mut bytes = STANDARD.decode(text("ciphertext")).ok()?;
        let aad = text("associated_data");
        let opened = LessSafeKey::new(key).open_in_place(nonce, Aad::from(aad), &mut bytes);
        opened.ok().map(|plain| plain.to_vec())
    }

    /// The content of a callback.
    pub fn content(&self, arrived: &Arrived) -> Value {
        let envelope: Value = serde_json::from_slice(&arrived.body).unwrap();
        serde_json::from_slice(&self.open(&envelope["resource"]).unwrap()).unwrap()
    }

    pub fn sign(&self, message: &str) -> String {
        self.key.sign(message.as_bytes())
    }
}

/// The machine's time in seconds.
pub fn now_s() -> i64 {
    provider_simulator::SimClock::system().now_ms() / 1_000
}

fn pem(text: &str) -> Vec<u8> {
    Pem::iter_from_buffer(text.as_bytes()).next().unwrap().unwrap().contents
}

fn spki(text: &str) -> Vec<u8> {
    let der = pem(text);
    let (_, info) = SubjectPublicKeyInfo::from_der(&der).unwrap();
    info.subject_public_key.data.to_vec()
}

pub fn certificate_serial(text: &str) -> String {
    let der = pem(text);
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    certificate.raw_serial().iter().map(|byte| format!("{byte:02X}")).collect()
}

fn certificate_key(text: &str) -> Vec<u8> {
    let der = pem(text);
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    certificate.public_key().subject_public_key.data.to_vec()
}

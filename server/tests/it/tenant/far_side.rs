//! The far side of the doors: WeChat and an SMS gateway that answer by their documents, and a
//! clock that can be put forward.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector::{Headers, Request, Response};
use domain::{Clock, SystemClock};
use serde_json::{Value, json};
use vending::{Transport, TransportError};
use yufu::{Outside, config::Config};

use crate::world::{Reply, Sent, World};

use super::MINI;

/// The mini-program and the service account of the tests.
pub const MINI_APP: &str = "wx8888888888888888";
pub const PAGE_APP: &str = "wx9999999999999999";

/// A system clock that can be put forward.
#[derive(Default)]
pub struct AheadClock {
    ahead_s: std::sync::atomic::AtomicI64,
    system: SystemClock,
}

impl AheadClock {
    pub fn pass(&self, seconds: i64) {
        self.ahead_s.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for AheadClock {
    fn now(&self) -> DateTime<Utc> {
        self.system.now() + TimeDelta::seconds(self.ahead_s.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        let ahead = u64::try_from(self.ahead_s.load(Ordering::SeqCst)).unwrap();
        self.system.monotonic() + Duration::from_secs(ahead)
    }
}

/// What somebody is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texted {
    pub phone: String,
    pub code: String,
}

/// WeChat and the gateway.
#[derive(Default)]
pub struct FarSide {
    /// What a code stands for, once: the answer of whichever call exchanges it.
    codes: Mutex<HashMap<String, Value>>,
    used: Mutex<Vec<String>>,
    /// What an Alipay code stands for: a whole answer, signed by an unrelated implementation.
    alipay: Mutex<HashMap<String, String>>,
    pub texts: Mutex<Vec<Texted>>,
    /// What the gateway answers instead; empty for "OK".
    pub sms_code: Mutex<String>,
    /// True while answers of the gateway get lost.
    pub sms_lost: std::sync::atomic::AtomicBool,
    pub exchanges: AtomicUsize,
    pub tokens: AtomicUsize,
    /// How many calls with the access token are refused first.
    pub bad_tokens: AtomicUsize,
}

impl FarSide {
    /// Somebody presses a button: the code stands for this answer.
    pub fn press(&self, code: &str, answer: Value) {
        self.codes.lock().unwrap().insert(code.to_owned(), answer);
    }

    /// Somebody presses a button in Alipay: the code stands for this signed answer.
    pub fn press_in_alipay(&self, code: &str, answer: &str) {
        self.alipay.lock().unwrap().insert(code.to_owned(), answer.to_owned());
    }

    /// The code last sent to a number.
    pub fn last_code(&self, phone: &str) -> String {
        let texts = self.texts.lock().unwrap();
        let last = texts.iter().rev().find(|text| text.phone == phone);
        last.unwrap_or_else(|| panic!("nothing was sent to {phone}")).code.clone()
    }

    pub fn sent_to(&self, phone: &str) -> usize {
        self.texts.lock().unwrap().iter().filter(|text| text.phone == phone).count()
    }

    pub fn sent(&self) -> usize {
        self.texts.lock().unwrap().len()
    }

    fn exchanged(&self, code: &str) -> Value {
        self.exchanges.fetch_add(1, Ordering::SeqCst);
        let mut used = self.used.lock().unwrap();
        if used.iter().any(|known| known == code) {
            return json!({ "errcode": 40163, "errmsg": "code been used, rid: 1" });
        }
        match self.codes.lock().unwrap().remove(code) {
            Some(answer) => {
                used.push(code.to_owned());
                answer
            }
            None => json!({ "errcode": 40029, "errmsg": "invalid code, rid: 1" }),
        }
    }

    fn text(&self, query: &BTreeMap<String, String>) -> Result<Value, TransportError> {
        let refused = self.sms_code.lock().unwrap().clone();
        if !refused.is_empty() {
            return Ok(json!({ "Code": refused, "Message": "no", "RequestId": "1" }));
        }
        let params: Value = serde_json::from_str(&query["TemplateParam"]).unwrap();
        self.texts.lock().unwrap().push(Texted {
            phone: query["PhoneNumbers"].clone(),
            code: params["code"].as_str().unwrap().to_owned(),
        });
        if self.sms_lost.load(Ordering::SeqCst) {
            return Err(TransportError::NoAnswer);
        }
        Ok(json!({ "Code": "OK", "Message": "OK", "BizId": "9^0", "RequestId": "1" }))
    }
}

#[async_trait]
impl Transport for FarSide {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let url = reqwest::Url::parse(&request.url).unwrap();
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        if url.path() == "/gateway.do" {
            let form = form_urlencoded(&request.body);
            let code = query.get("code").or(form.get("code")).unwrap();
            let body = self.alipay.lock().unwrap()[code].clone().into_bytes();
            return Ok(Response { status: 200, headers: Headers::default(), body });
        }
        let answer = match url.path() {
            "/sns/jscode2session" => self.exchanged(&query["js_code"]),
            "/sns/oauth2/access_token" => self.exchanged(&query["code"]),
            "/cgi-bin/stable_token" => {
                let number = self.tokens.fetch_add(1, Ordering::SeqCst);
                json!({ "access_token": format!("token-{number}"), "expires_in": 7200 })
            }
            "/wxa/business/getuserphonenumber" => {
                let left = self.bad_tokens.load(Ordering::SeqCst);
                if left > 0 {
                    self.bad_tokens.store(left - 1, Ordering::SeqCst);
                    json!({ "errcode": 40001, "errmsg": "invalid credential, rid: 1" })
                } else {
                    let body: Value = serde_json::from_slice(&request.body).unwrap();
                    assert!(body["openid"].is_string(), "the number is asked for one person");
                    self.exchanged(body["code"].as_str().unwrap())
                }
            }
            "/" => self.text(&query)?,
            other => panic!("nobody asked for {other}"),
        };
        let body = answer.to_string().into_bytes();
        Ok(Response { status: 200, headers: Headers::default(), body })
    }
}

fn form_urlencoded(body: &[u8]) -> BTreeMap<String, String> {
    let query = String::from_utf8(body.to_vec()).unwrap();
    let url = reqwest::Url::parse(&format!("http://form/?{query}")).unwrap();
    url.query_pairs().into_owned().collect()
}

/// A server whose doors lead to a far side, under a clock that can be put forward.
pub struct Doorway {
    pub world: World,
    pub far: Arc<FarSide>,
    pub clock: Arc<AheadClock>,
}

impl Doorway {
    pub async fn open() -> Doorway {
        Doorway::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Config)) -> Doorway {
        let (far, clock) = (Arc::new(FarSide::default()), Arc::new(AheadClock::default()));
        let outside =
            Outside { clock: clock.clone(), transport: far.clone(), ..Outside::real().unwrap() };
        let with_doors = |config: &mut Config| {
            config.wechat.mini_app_id = MINI_APP.to_owned();
            config.wechat.mini_secret.0 = "mini-secret".to_owned();
            config.wechat.page_app_id = PAGE_APP.to_owned();
            config.wechat.page_secret.0 = "page-secret".to_owned();
            config.sms.driver = "aliyun".to_owned();
            config.sms.sign_name = "预付".to_owned();
            config.sms.code_template = "SMS_1".to_owned();
            config.sms.key_id = "key".to_owned();
            config.sms.key_secret.0 = "secret".to_owned();
            change(config);
        };
        let world = World::start_outside(with_doors, outside).await;
        Doorway { world, far, clock }
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.world.send("POST", &format!("{MINI}{path}"), Sent::default().body(body)).await
    }

    pub async fn post_by(&self, token: &str, path: &str, body: Value) -> Reply {
        self.world.send("POST", &format!("{MINI}{path}"), Sent::by(token).body(body)).await
    }

    pub async fn get_by(&self, token: &str, path: &str) -> Reply {
        self.world.send("GET", &format!("{MINI}{path}"), Sent::by(token)).await
    }

    pub async fn delete_by(&self, token: &str, path: &str) -> Reply {
        self.world.send("DELETE", &format!("{MINI}{path}"), Sent::by(token)).await
    }

    /// Signs in by phone; answers the session.
    pub async fn by_phone(&self, phone: &str) -> Value {
        let sent = self.post("/sms-codes", json!({ "purpose": "sign-in", "phone": phone })).await;
        assert_eq!(sent.status, 202, "{}", sent.text);
        let code = self.far.last_code(phone);
        let body = json!({ "challenge": sent.json()["challenge"], "code": code });
        let session = self.post("/session/sms", body).await;
        assert_eq!(session.status, 200, "{}", session.text);
        session.json()
    }

    /// Signs in from the mini-program as whoever WeChat calls this.
    pub async fn by_wechat(&self, openid: &str) -> Value {
        let code = format!("code-of-{openid}-{}", self.far.exchanges.load(Ordering::SeqCst));
        self.far.press(&code, json!({ "openid": openid, "session_key": "c2VjcmV0IGNhbmFyeQ==" }));
        let body = json!({ "app_id": MINI_APP, "code": code });
        let session = self.post("/session/wechat-mini", body).await;
        assert_eq!(session.status, 200, "{}", session.text);
        session.json()
    }

    pub async fn stop(self) {
        self.world.stop().await;
    }
}

/// A text of a JSON answer.
pub fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

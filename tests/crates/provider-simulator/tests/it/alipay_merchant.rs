//! An application of Alipay, written against the documents, not against the simulator.

use std::collections::BTreeMap;
use std::fs;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provider_simulator::crypto::RsaKey;
use provider_simulator::{Config, Provider, start};
use serde_json::{Value, json};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

pub const APP_ID: &str = "2021000000000001";

/// What the application knows.
pub struct App {
    pub gateway_url: String,
    pub client: reqwest::Client,
    key: RsaKey,
    alipay_pem: String,
    /// `app_cert_sn` and `alipay_root_cert_sn`, sent when set.
    pub certificates: Option<(String, String)>,
    /// How the request is bent.
    pub bend: BTreeMap<&'static str, String>,
    _dir: tempfile::TempDir,
}

pub fn world(config: Config) -> (Provider, App) {
    let provider = start(config).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let files = provider.write_merchant_files(dir.path()).unwrap();
    let (_, folder) = &files.alipay[0];
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let app = App {
        gateway_url: provider.gateway_url(),
        client: crate::wechat_merchant::client(),
        key: RsaKey::from_private_pem(&read("app.key.pem")).unwrap(),
        alipay_pem: read("alipay_public_key.pem"),
        certificates: None,
        bend: BTreeMap::new(),
        _dir: dir,
    };
    (provider, app)
}

impl App {
    /// The signed parameters of a call.
    pub fn params(
        &self,
        method: &str,
        content: &str,
        notify_url: &str,
    ) -> BTreeMap<String, String> {
        let mut params: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in [
            ("app_id", APP_ID),
            ("method", method),
            ("format", "JSON"),
            ("charset", "utf-8"),
            ("sign_type", "RSA2"),
            ("timestamp", "2026-01-01 10:00:00"),
            ("version", "1.0"),
            ("biz_content", content),
            ("notify_url", notify_url),
        ] {
            if !value.is_empty() {
                params.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some((app_sn, root_sn)) = &self.certificates {
            params.insert("app_cert_sn".to_owned(), app_sn.clone());
            params.insert("alipay_root_cert_sn".to_owned(), root_sn.clone());
        }
        for (name, value) in &self.bend {
            params.insert((*name).to_owned(), value.clone());
        }
        let pairs: Vec<String> =
            params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        params.insert("sign".to_owned(), self.key.sign(pairs.join("&").as_bytes()));
        params
    }

    /// Parameters with their signature, as a form.
    pub fn signed_form(&self, params: &BTreeMap<String, String>) -> String {
        let pairs: Vec<String> =
            params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let sign = self.key.sign(pairs.join("&").as_bytes());
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(params).append_pair("sign", &sign).finish()
    }

    /// Calls with all but `biz_content` in the query, as the official SDK does.
    pub async fn raw(&self, method: &str, content: &str, notify_url: &str) -> String {
        let mut params = self.params(method, content, notify_url);
        let body = params.remove("biz_content").unwrap_or_default();
        let query: String =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish();
        let form: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("biz_content", &body)
            .finish();
        let request = self.client.post(format!("{}?{query}", self.gateway_url));
        let request =
            request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        answer.text().await.unwrap()
    }

    /// Calls and verifies; the root node.
    pub async fn call(&self, method: &str, content: Value) -> Value {
        let text = self.raw(method, &content.to_string(), "http://127.0.0.1:9/notify").await;
        assert!(self.verifies(method, &text), "{text}");
        node(method, &text)
    }

    /// Places a QR order that is told to `notify_url`.
    pub async fn precreate(&self, no: &str, amount: &str, notify_url: &str) -> Value {
        let content = json!({"out_trade_no": no, "total_amount": amount, "subject": "电费充值"});
        let method = "alipay.trade.precreate";
        node(method, &self.raw(method, &content.to_string(), notify_url).await)
    }

    /// Whether the signature holds over the raw slice of the root node.
    pub fn verifies(&self, method: &str, text: &str) -> bool {
        let root = format!("{{\"{}\":", root(method));
        let Some(rest) = text.strip_prefix(&root) else { return false };
        let end = rest.find(",\"alipay_cert_sn\"").or(rest.find(",\"sign\":\"")).unwrap_or(0);
        let sign = text.rsplit("\"sign\":\"").next().unwrap_or_default();
        self.holds(&rest.as_bytes()[..end], sign.trim_end_matches("\"}"))
    }

    /// Whether Alipay signed these bytes.
    pub fn holds(&self, bytes: &[u8], sign: &str) -> bool {
        let der = Pem::iter_from_buffer(self.alipay_pem.as_bytes()).next().unwrap().unwrap();
        let (_, info) = SubjectPublicKeyInfo::from_der(&der.contents).unwrap();
        let Ok(sign) = STANDARD.decode(sign) else { return false };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &info.subject_public_key.data)
            .verify(bytes, &sign)
            .is_ok()
    }
}

pub fn root(method: &str) -> String {
    format!("{}_response", method.replace('.', "_"))
}

/// The root node of an answer.
pub fn node(method: &str, text: &str) -> Value {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    answer.get(root(method)).or(answer.get("error_response")).cloned().unwrap_or_default()
}

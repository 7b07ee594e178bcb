//! The outside oracle, alive: npm `wechatpay-axios-plugin` in `tests/oracles/wechatpay`.
//!
//! It runs where its packages are installed (`npm ci --ignore-scripts` in that folder, or the
//! folder named by `YUFU_ORACLE_WECHATPAY`). Elsewhere it says so and passes, unless
//! `YUFU_ORACLES=required`.

// The oracle's own failures stop the tests where they show.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use connector::{
    Headers, Request,
    key::VerifyingKey,
    wechat_pay::{Notified, Place, payer_parameters, place, query, read_payment_callback},
};
use domain::{Channel, Money};
use serde_json::{Value, json};

// Half of the shared vectors serve the golden tests only.
#[allow(dead_code)]
#[path = "wechat_pay/vectors.rs"]
mod vectors;
use vectors::*;

const MERCHANT_PUBLIC: &str = include_str!("keys/merchant.public.pem");
const PLATFORM_A_KEY: &str = include_str!("keys/platform-a.pkcs8.pem");

/// One running oracle; it ends when its input closes.
struct Oracle {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

fn folder() -> PathBuf {
    let named = env::var_os("YUFU_ORACLE_WECHATPAY").map(PathBuf::from);
    let home =
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/oracles/wechatpay");
    named.unwrap_or_else(home)
}

/// The folder, if the oracle can run there; a visible notice, or a failure where it must, if not.
fn installed() -> Option<PathBuf> {
    let folder = folder();
    if folder.join("node_modules/wechatpay-axios-plugin/package.json").is_file() {
        return Some(folder);
    }
    let required = env::var("YUFU_ORACLES").is_ok_and(|value| value == "required");
    assert!(!required, "the oracle is required and not installed in {}", folder.display());
    eprintln!("NOT RUN: the WeChat Pay oracle is not installed in {}", folder.display());
    None
}

impl Oracle {
    fn start() -> Option<Self> {
        let mut child = Command::new("node")
            .args(["oracle.js", "serve"])
            .current_dir(installed()?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs where the packages are installed");
        let questions = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Some(Oracle { child, questions, answers })
    }

    fn ask(&mut self, question: Value) -> Value {
        writeln!(self.questions, "{question}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let reply: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(reply.get("error"), None, "{question}");
        reply["answer"].clone()
    }

    fn end(mut self) {
        drop(self.questions);
        assert!(self.child.wait().unwrap().success());
    }
}

fn check_authorization(oracle: &mut Oracle, request: &Request, target: &str) {
    let mut found = request.headers.iter().filter(|(name, _)| name == "Authorization");
    let header = &found.next().unwrap().1;
    let answer = oracle.ask(json!({
        "ask": "check-authorization", "method": request.method.as_str(), "uri": target,
        "body": String::from_utf8(request.body.clone()).unwrap(), "header": header,
        "key": MERCHANT_PUBLIC,
    }));
    let want = json!({
        "scheme": "WECHATPAY2-SHA256-RSA2048", "mchid": "1900000001", "valid": true,
        "serial": text(&vectors()["merchant"], "serial"),
    });
    assert_eq!(answer, want, "{target}");
}

#[test]
fn the_oracle_verifies_our_requests() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut order = Place {
        channel: Channel::WechatNative,
        out_trade_no: OUT_TRADE_NO.to_owned(),
        description: "预付电费 \"3栋\"\\201 🔌".to_owned(),
        amount: Money::from_fen(5000),
        expires_at: now(),
        payer_openid: Some("o-payer".to_owned()),
        payer_ip: Some("2001:db8::9".parse().unwrap()),
        attach: "a=1&b=%2C+".to_owned(),
    };
    for (channel, door) in [
        (Channel::WechatNative, "native"),
        (Channel::WechatJsapi, "jsapi"),
        (Channel::WechatH5, "h5"),
    ] {
        order.channel = channel;
        let request = place(&merchant(), &order, &stamp()).unwrap();
        check_authorization(&mut oracle, &request, &format!("/v3/pay/transactions/{door}"));
    }
    let request = query(&merchant(), OUT_TRADE_NO, &stamp()).unwrap();
    let target = format!("/v3/pay/transactions/out-trade-no/{OUT_TRADE_NO}?mchid=1900000001");
    check_authorization(&mut oracle, &request, &target);
    oracle.end();
}

#[test]
fn the_oracle_verifies_our_pay_sign() {
    let Some(mut oracle) = Oracle::start() else { return };
    let parameters = payer_parameters(&merchant(), "wx201410272009395522", &stamp()).unwrap();
    let bridge = parameters.bridge();
    let lines = ["appId", "timeStamp", "nonceStr", "package"].map(|name| bridge[name].clone());
    let valid = oracle.ask(json!({
        "ask": "check-lines", "lines": lines, "signature": bridge["paySign"],
        "key": MERCHANT_PUBLIC,
    }));
    assert_eq!(valid, json!(true));
    oracle.end();
}

#[test]
fn we_read_a_callback_the_oracle_seals_and_signs_now() {
    let Some(mut oracle) = Oracle::start() else { return };
    let vectors = vectors();
    let transaction = json!({
        "appid": "wx1900000001abcdef", "mchid": "1900000001", "out_trade_no": OUT_TRADE_NO,
        "transaction_id": "4200000000202612010000000009", "trade_state": "SUCCESS",
        "success_time": "2026-12-01T10:00:00+08:00", "payer": {"openid": "o-活"},
        "amount": {"total": 1, "payer_total": 1, "currency": "CNY"},
    });
    let ciphertext = oracle.ask(json!({
        "ask": "seal", "plaintext": transaction.to_string(), "nonce": "abcdefghijkl",
        "key": text(vectors, "api_v3_key"), "associated_data": "transaction",
    }));
    let body = json!({
        "id": "1", "create_time": "2026-12-01T10:00:01+08:00", "event_type": "TRANSACTION.SUCCESS",
        "resource_type": "encrypt-resource", "summary": "支付成功",
        "resource": {
            "original_type": "transaction", "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": ciphertext, "associated_data": "transaction", "nonce": "abcdefghijkl",
        },
    })
    .to_string();
    let timestamp = signed_at().timestamp().to_string();
    let signature = oracle.ask(json!({
        "ask": "sign-response", "timestamp": timestamp, "nonce": "n", "body": body,
        "key": PLATFORM_A_KEY,
    }));
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = Headers::new(vec![
        field("wechatpay-timestamp", &timestamp),
        field("wechatpay-nonce", "n"),
        field("wechatpay-signature", signature.as_str().unwrap()),
        field("wechatpay-serial", text(vectors, "platform_a")),
    ]);
    let callback = read_payment_callback(&merchant(), &headers, body.as_bytes(), now()).unwrap();
    let Notified::Payment(fact) = callback.fact else { panic!("not a payment") };
    assert_eq!(fact.total, Some(Money::from_fen(1)));
    assert_eq!(fact.payer.as_deref(), Some("o-活"));
    oracle.end();
}

#[test]
fn the_oracle_opens_what_we_seal() {
    let Some(mut oracle) = Oracle::start() else { return };
    let key = VerifyingKey::from_pem(PLATFORM_A).unwrap();
    let ciphertext = key.encrypt_oaep_sha1("张三".as_bytes()).unwrap();
    let opened =
        oracle.ask(json!({"ask": "open-oaep", "ciphertext": ciphertext, "key": PLATFORM_A_KEY}));
    assert_eq!(opened, json!("张三"));
    oracle.end();
}

#[test]
fn the_committed_vectors_are_the_oracles_own() {
    let Some(folder) = installed() else { return };
    let keys = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/keys");
    let output =
        Command::new("node").args(["oracle.js", "vectors"]).arg(keys).current_dir(folder).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut fresh: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut committed = vectors().clone();
    // How tightly zlib packs is its own business from version to version.
    for vectors in [&mut fresh, &mut committed] {
        for bill in vectors["bills"].as_object_mut().unwrap().values_mut() {
            bill.as_object_mut().unwrap().remove("gzip");
        }
    }
    assert_eq!(fresh, committed);
}

//! The makers' own clients sign what we are about to send, and must come to the same.
//!
//! Needs `YUFU_ORACLE_SMS`: the folder `tests/oracles/sms` after `npm ci`.

// The whole crate is a test; the lint only sees the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeMap,
    env,
    io::Write,
    process::{Command, Stdio},
};

use chrono::DateTime;
use connector::{
    Request, Secret, Stamp,
    sms::{Gateway, Text, aliyun, send, tencent},
};
use serde_json::{Value, json};

/// Runs the oracle with this input. `None` if there is none here and none is required.
fn ask(input: &Value) -> Option<Value> {
    let Ok(folder) = env::var("YUFU_ORACLE_SMS") else {
        let is_required = env::var("YUFU_ORACLES").is_ok_and(|value| value == "required");
        assert!(!is_required, "YUFU_ORACLES=required, but YUFU_ORACLE_SMS is not set");
        eprintln!("SKIPPED: YUFU_ORACLE_SMS is not set, the outside oracle was not asked");
        return None;
    };
    let mut node = Command::new("node")
        .arg("clients.mjs")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    // Dropping the pipe tells the oracle that the question is complete.
    node.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed: {}", output.status);
    Some(serde_json::from_slice(&output.stdout).expect("the oracle answers in JSON"))
}

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "Secret+/=例";

fn gateways() -> [Gateway; 2] {
    [
        Gateway::Aliyun(aliyun::Account {
            access_key_id: ID.to_owned(),
            access_key_secret: Secret::new(SECRET),
            sign_name: "预付 水电*~'()!".to_owned(),
            base_url: "https://dysmsapi.aliyuncs.com".to_owned(),
        }),
        Gateway::Tencent(tencent::Account {
            secret_id: ID.to_owned(),
            secret_key: Secret::new(SECRET),
            sdk_app_id: "1400006666".to_owned(),
            sign_name: "预付 水电".to_owned(),
            region: "ap-guangzhou".to_owned(),
            base_url: "https://sms.tencentcloudapi.com".to_owned(),
        }),
    ]
}

fn header(request: &Request, name: &str) -> String {
    request.headers.iter().find(|(found, _)| found == name).unwrap().1.clone()
}

#[test]
fn the_makers_clients_write_the_same_authorization() {
    let mut requests = Vec::new();
    for (at, value) in ["042137", "电费 & = + % \" \\ é 😀 ~*'()!", ""].into_iter().enumerate()
    {
        for gateway in gateways() {
            let text = Text {
                phone: format!("+861380000000{at}"),
                template: "SMS_465".to_owned(),
                params: vec![("code".to_owned(), value.to_owned()), ("a".into(), "b c".into())],
            };
            // Around the turn of a year in Greenwich.
            let now = DateTime::from_timestamp(1_767_225_599 + i64::try_from(at).unwrap(), 0);
            let stamp = Stamp { now: now.unwrap(), nonce: format!("{at:032}") };
            requests.push((gateway.name(), send(&gateway, &text, &stamp).unwrap()));
        }
    }
    let asked: Vec<Value> = requests
        .iter()
        .map(|(gateway, request)| {
            let headers: BTreeMap<_, _> = request.headers.iter().cloned().collect();
            let body = std::str::from_utf8(&request.body).unwrap();
            json!({"gateway": gateway, "id": ID, "secret": SECRET, "url": request.url,
                "method": request.method.as_str(), "headers": headers, "body": body})
        })
        .collect();
    let Some(output) = ask(&json!({ "judge": asked })) else { return };
    let judged = output["judged"].as_array().unwrap();
    assert_eq!(judged.len(), requests.len());
    for ((gateway, request), want) in requests.iter().zip(judged) {
        assert_eq!(&json!(header(request, "authorization")), want, "{gateway} {}", request.url);
    }
}

//! The makers' own clients against the simulator: what their clients send must be served.
//!
//! Needs `YUFU_ORACLE_SMS`: the folder `tests/oracles/sms` after `npm ci`.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

use provider_simulator::{Config, SmsAccount, start};
use serde_json::{Value, json};

/// Runs the clients with this input. `None` if there are none here and none are required.
fn ask(input: &Value) -> Option<Value> {
    let Ok(folder) = env::var("YUFU_ORACLE_SMS") else {
        let is_required = env::var("YUFU_ORACLES").is_ok_and(|value| value == "required");
        assert!(!is_required, "YUFU_ORACLES=required, but YUFU_ORACLE_SMS is not set");
        eprintln!("SKIPPED: YUFU_ORACLE_SMS is not set, the makers' clients were not asked");
        return None;
    };
    let mut node = Command::new("node");
    let node = node.arg("clients.mjs").current_dir(folder);
    let mut node = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Dropping the pipe tells the clients that the question is complete.
    node.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "the clients failed: {}", output.status);
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_makers_own_clients_are_served_and_a_wrong_key_is_not() {
    let provider = start(Config::default()).unwrap();
    let (aliyun, tencent) = (SmsAccount::aliyun(), SmsAccount::tencent());
    let text = |gateway: &str, account: &SmsAccount, phone: &str| {
        json!({"gateway": gateway, "id": account.key_id, "secret": account.secret,
            "sdk_app_id": account.sdk_app_id, "sign_name": account.sign_name,
            "template": "SMS_465", "phone": phone,
            "params": {"code": "042137", "place": "3 栋 & = + % ~*'()!"}})
    };
    let wrong = |account: &SmsAccount| SmsAccount { secret: "wrong".into(), ..account.clone() };
    let nobody = |account: &SmsAccount| SmsAccount { key_id: "nobody".into(), ..account.clone() };
    // the text, the code its client must report, how many have arrived then
    let table = [
        (text("aliyun", &aliyun, "13800000000"), "OK"),
        (text("tencent", &tencent, "13800000000"), "Ok"),
        (text("aliyun", &wrong(&aliyun), "13800000001"), "SignatureDoesNotMatch"),
        (text("tencent", &wrong(&tencent), "13800000001"), "AuthFailure.SignatureFailure"),
        (text("aliyun", &nobody(&aliyun), "13800000001"), "InvalidAccessKeyId.NotFound"),
        (text("tencent", &nobody(&tencent), "13800000001"), "AuthFailure.SecretIdNotFound"),
        (text("aliyun", &aliyun, "138"), "isv.MOBILE_NUMBER_ILLEGAL"),
        (text("tencent", &tencent, "138"), "InvalidParameterValue.IncorrectPhoneNumber"),
    ];
    let texts: Vec<_> = table.iter().map(|(text, _)| text).collect();
    let input = json!({"send": {"base": provider.base_url, "texts": texts}});
    let Some(output) = ask(&input) else { return };
    let sent = output["sent"].as_array().unwrap();
    for ((text, want), got) in table.iter().zip(sent) {
        assert_eq!(&got["code"], want, "{text}");
    }
    let arrived = provider.texts("");
    let phones: Vec<_> = arrived.iter().map(|one| one.phone.as_str()).collect();
    assert_eq!(phones, ["+8613800000000"; 2], "nothing else was sent");
    assert_eq!(arrived[0].params["place"], "3 栋 & = + % ~*'()!");
    assert_eq!(arrived[1].params[1], "3 栋 & = + % ~*'()!");
    for (text, answer) in arrived.iter().zip(sent) {
        assert_eq!(answer["number"], text.provider_no);
    }
}

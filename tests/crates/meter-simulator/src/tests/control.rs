//! Questions of other processes.

use crate::config::SiteConfig;
use crate::control::site_answerer;
use crate::site::Site;

#[tokio::test]
async fn questions_get_answers_and_bad_ones_a_reason() {
    let config = SiteConfig::from_toml(
        r#"
        [[buses]]
        listen = "127.0.0.1:0"
        [[buses.meters]]
        address = "202208310002"
        customer_no = "000000123456"
        balance_fen = 100
        "#,
    );
    let site = Site::start(config.unwrap()).await.unwrap();
    let answerer = site_answerer(site.oracle());
    let meter = "202208310002";
    let rows = [
        (format!(r#"{{"op":"buy_elsewhere","meter":"{meter}","amount_fen":50}}"#), true),
        (format!(r#"{{"op":"knob","meter":"{meter}","knob":"dead","percent":100}}"#), true),
        (r#"{"op":"knob","knob":"noise","percent":2}"#.into(), true),
        (r#"{"op":"knob","bus":9,"knob":"noise"}"#.into(), false),
        (r#"{"op":"cut","bus":0}"#.into(), true),
        (r#"{"op":"restore","bus":0}"#.into(), true),
        (r#"{"op":"storm","ms":1}"#.into(), true),
        (r#"{"op":"list"}"#.into(), true),
        (r#"{"op":"counters"}"#.into(), true),
        (r#"{"op":"snapshot","meter":"nobody"}"#.into(), false),
        (r#"{"op":"dance"}"#.into(), false),
        ("not json".into(), false),
    ];
    for (line, ok) in rows {
        let answer = answerer(&line);
        assert_eq!(answer["ok"], ok, "{line}: {answer}");
        assert_eq!(answer["error"].is_string(), !ok);
    }
    let answer = answerer(&format!(r#"{{"op":"snapshot","meter":"{meter}"}}"#));
    assert_eq!(answer["snapshot"]["balance_fen"], 150);
    assert_eq!(answer["snapshot"]["cumulative_fen"], 50);
    assert_eq!(answerer(r#"{"op":"sum"}"#)["sum_applied_fen"], 0);
    site.stop().await;
}

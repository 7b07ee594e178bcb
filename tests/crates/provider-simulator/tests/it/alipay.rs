//! The gateway: signature before business, trades, refunds, bills.

use std::io::{Cursor, Read};

use provider_simulator::{
    AlipayApp, AlipayMode, Config, Fault, Pay, RefundStatus, Rule, SimClock, Site,
};
use serde_json::{Value, json};

use crate::alipay_merchant::{APP_ID, node, root, world};

const QUERY: &str = "alipay.trade.query";

fn number(no: &str) -> Value {
    json!({"out_trade_no": no})
}

#[tokio::test]
async fn the_signature_comes_before_the_business() {
    let (_provider, mut app) = world(Config::default());
    for (name, field, value, sub_code) in [
        ("unknown app", "app_id", "2021000000000009", "isv.invalid-app-id"),
        ("sign type", "sign_type", "RSA", "isv.invalid-signature-type"),
        ("version", "version", "2.0", "isv.invalid-version"),
        ("charset", "charset", "latin1", "isv.invalid-charset"),
        ("timestamp", "timestamp", "now", "isv.invalid-timestamp"),
        ("good", "format", "JSON", "ACQ.TRADE_NOT_EXIST"),
    ] {
        app.bend = [(field, value.to_owned())].into();
        let text = app.raw(QUERY, "{\"out_trade_no\":\"X\"}", "").await;
        let found = node(QUERY, &text);
        assert_eq!(found["sub_code"], sub_code, "{name}");
        assert_eq!(text.contains("\"sign\""), name == "good", "{name}: refusals are unsigned");
    }
    app.bend.clear();
    // A parameter changed after signing; a method nobody knows.
    let mut params = app.params(QUERY, "{\"out_trade_no\":\"X\"}", "");
    params.insert("biz_content".into(), "{\"out_trade_no\":\"Y\"}".into());
    let form: String =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish();
    let answer = app.client.get(format!("{}?{form}", app.gateway_url)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html;charset=utf-8");
    let text = answer.text().await.unwrap();
    assert_eq!(node(QUERY, &text)["sub_code"], "isv.invalid-signature");
    let text = app.raw("alipay.trade.nothing", "{}", "").await;
    assert!(text.starts_with("{\"error_response\":"), "{text}");
}

#[tokio::test]
async fn chinese_text_holds_only_with_the_charset_in_the_query() {
    let (_provider, app) = world(Config::default());
    let content = "{\"out_trade_no\":\"CHARSET1\",\"total_amount\":\"1.00\",\"subject\":\"电费\"}";
    let params = app.params("alipay.trade.precreate", content, "");
    let form = |pairs: Vec<(&String, &String)>| -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    };
    for (name, in_query, code) in [("body only", false, "40002"), ("split", true, "10000")] {
        let (query, body): (Vec<_>, Vec<_>) =
            params.iter().partition(|(key, _)| in_query && *key == "charset");
        let url = format!("{}?{}", app.gateway_url, form(query));
        let request =
            app.client.post(url).header("Content-Type", "application/x-www-form-urlencoded");
        let text = request.body(form(body)).send().await.unwrap().text().await.unwrap();
        assert_eq!(node("alipay.trade.precreate", &text)["code"], code, "{name}");
    }
}

#[tokio::test]
async fn a_qr_trade_exists_only_after_the_scan() {
    let (provider, app) = world(Config::default());
    let placed = app.precreate("SCAN0001", "50.00", "http://127.0.0.1:9/n").await;
    assert!(placed["qr_code"].as_str().unwrap().starts_with("https://qr.alipay.com/bax"));
    for method in [QUERY, "alipay.trade.close", "alipay.trade.cancel"] {
        let answer = app.call(method, number("SCAN0001")).await;
        assert_eq!(answer["sub_code"], "ACQ.TRADE_NOT_EXIST", "{method}");
    }
    provider.scan("SCAN0001").unwrap();
    let waiting = app.call(QUERY, number("SCAN0001")).await;
    assert_eq!(waiting["trade_status"], "WAIT_BUYER_PAY");
    let id = provider.pay_now("SCAN0001", Pay::silent()).unwrap();
    let paid = app.call(QUERY, number("SCAN0001")).await;
    assert_eq!((&paid["trade_status"], &paid["trade_no"]), (&json!("TRADE_SUCCESS"), &json!(id)));
    assert_eq!(waiting["trade_no"], paid["trade_no"], "one number from scan to payment");
    let closed = app.call("alipay.trade.close", number("SCAN0001")).await;
    assert_eq!(closed["sub_code"], "ACQ.TRADE_STATUS_ERROR");
    for (amount, sub_code) in
        [("50.00", "ACQ.TRADE_HAS_SUCCESS"), ("51.00", "ACQ.TRADE_HAS_SUCCESS")]
    {
        let again = app.precreate("SCAN0001", amount, "http://127.0.0.1:9/n").await;
        assert_eq!(again["sub_code"], sub_code);
    }
}

#[tokio::test]
async fn every_field_of_a_trade_is_checked() {
    let (_provider, app) = world(Config::default());
    let create = "alipay.trade.create";
    for (field, value, code) in [
        ("out_trade_no", json!("bad no"), "40004"),
        ("total_amount", json!("1.234"), "40004"),
        ("total_amount", json!("0.00"), "40004"),
        ("subject", json!("a=b"), "40004"),
        ("time_expire", json!("2020-01-01 00:00:00"), "40004"),
        ("timeout_express", json!("5x"), "40004"),
        ("timeout_express", json!("5分"), "40004"),
        ("timeout_express", json!("m"), "40004"),
        ("buyer_id", json!(""), "40004"),
        ("timeout_express", json!("5m"), "10000"),
    ] {
        let mut content = json!({"out_trade_no": "FIELD001", "total_amount": "1.00",
            "subject": "电费", "buyer_id": "2088102177846880", "product_code": "JSAPI_PAY"});
        content[field] = value.clone();
        assert_eq!(app.call(create, content).await["code"], code, "{field} {value}");
    }
    let created = app.call(QUERY, number("FIELD001")).await;
    assert_eq!(created["trade_status"], "WAIT_BUYER_PAY", "a created trade exists at once");
    let other = json!({"out_trade_no": "FIELD001", "total_amount": "2.00", "subject": "电费",
        "buyer_id": "2088102177846880"});
    assert_eq!(app.call(create, other).await["sub_code"], "ACQ.CONTEXT_INCONSISTENT");
}

#[tokio::test]
async fn cancel_closes_an_unpaid_trade_and_returns_a_paid_one() {
    let (provider, app) = world(Config::default());
    let cancel = "alipay.trade.cancel";
    for (no, pays, action, status) in
        [("CANCEL01", false, "close", "TRADE_CLOSED"), ("CANCEL02", true, "refund", "TRADE_CLOSED")]
    {
        app.precreate(no, "1.00", "http://127.0.0.1:9/n").await;
        provider.scan(no).unwrap();
        if pays {
            provider.pay_now(no, Pay::silent()).unwrap();
        }
        let answer = app.call(cancel, number(no)).await;
        assert_eq!((&answer["action"], &answer["retry_flag"]), (&json!(action), &json!("N")));
        assert_eq!(app.call(QUERY, number(no)).await["trade_status"], status, "{no}");
    }
    assert_eq!((provider.sum_paid_fen(), provider.sum_refunded_fen()), (100, 100));
}

#[tokio::test]
async fn a_refund_is_cumulative_and_bound_to_its_number() {
    let (provider, app) = world(Config { refund_gaps: false, ..Config::default() });
    app.precreate("REFUND01", "5.00", "http://127.0.0.1:9/n").await;
    let refund = async |request: &str, amount: &str| {
        let content = json!({"out_trade_no": "REFUND01", "refund_amount": amount,
            "out_request_no": request});
        let answer = app.call("alipay.trade.refund", content).await;
        let field = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        (field("sub_code"), field("fund_change"), field("refund_fee"))
    };
    let query = async |request: &str| {
        let content = json!({"out_trade_no": "REFUND01", "out_request_no": request});
        let answer = app.call("alipay.trade.fastpay.refund.query", content).await;
        answer["refund_status"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(refund("Q0", "1.00").await.0, "ACQ.TRADE_NOT_EXIST");
    provider.pay_now("REFUND01", Pay::silent()).unwrap();
    let row = |code: &str, change: &str, fee: &str| (code.into(), change.into(), fee.into());
    for (request, amount, answer) in [
        ("Q1", "1.00", row("", "Y", "1.00")),
        ("Q1", "1.00", row("", "N", "1.00")),
        ("Q1", "1.01", row("ACQ.DISCORDANT_REPEAT_REQUEST", "", "")),
        ("Q2", "4.01", row("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "", "")),
        ("Q2", "4.00", row("", "Y", "5.00")),
        ("Q3", "0.01", row("ACQ.TRADE_HAS_CLOSE", "", "")),
        ("Q2", "4.00", row("", "N", "5.00")),
    ] {
        assert_eq!(refund(request, amount).await, answer, "{request} {amount}");
    }
    assert_eq!((query("Q1").await, query("Q9").await), ("REFUND_SUCCESS".into(), String::new()));
    assert_eq!(app.call(QUERY, number("REFUND01")).await["trade_status"], "TRADE_CLOSED");
}

#[tokio::test]
async fn a_refund_under_way_has_no_status_and_the_next_waits_three_seconds() {
    let clock = SimClock::manual(1_767_283_200_000);
    let (provider, app) = world(Config { clock: clock.clone(), ..Config::default() });
    app.precreate("REFUND02", "5.00", "http://127.0.0.1:9/n").await;
    provider.pay_now("REFUND02", Pay::silent()).unwrap();
    let held = Fault::RefundEnds { status: RefundStatus::Processing };
    provider.add_rule(Rule::new(Site::Refund, held).times(1)).unwrap();
    // milliseconds after the step before, number, code, whether the money moved
    for (later_ms, request, code, moved) in
        [(0, "Q1", "10000", "N"), (2_999, "Q2", "20000", ""), (1, "Q2", "10000", "Y")]
    {
        clock.advance(later_ms);
        let content = json!({"out_trade_no": "REFUND02", "refund_amount": "1.00",
            "out_request_no": request});
        let answer = app.call("alipay.trade.refund", content).await;
        assert_eq!(answer["code"], code, "{request}");
        assert_eq!(answer["fund_change"].as_str().unwrap_or_default(), moved, "{request}");
    }
    let query = async || {
        let content = json!({"out_trade_no": "REFUND02", "out_request_no": "Q1",
            "query_options": ["gmt_refund_pay"]});
        let answer = app.call("alipay.trade.fastpay.refund.query", content).await;
        let field = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        (field("refund_status"), field("gmt_refund_pay"))
    };
    assert_eq!(query().await, (String::new(), String::new()));
    assert!(provider.settle_refund("REFUND02", "Q1", RefundStatus::Success));
    assert_eq!(query().await, ("REFUND_SUCCESS".into(), "2026-01-02 00:00:03".into()));
}

#[tokio::test]
async fn an_unknown_outcome_comes_with_and_without_effect() {
    let (provider, app) = world(Config::default());
    for (no, effect, exists) in [("UNKNOWN1", true, true), ("UNKNOWN2", false, false)] {
        provider.add_rule(Rule::new(Site::Create, Fault::SystemError { effect }).times(1)).unwrap();
        let answer = app.precreate(no, "1.00", "").await;
        assert_eq!(
            (&answer["code"], &answer["sub_code"]),
            (&json!("20000"), &json!("ACQ.SYSTEM_ERROR"))
        );
        assert_eq!(provider.trade(no).is_some(), exists, "{no}");
    }
}

#[tokio::test]
async fn a_bent_answer_does_not_verify() {
    let (provider, app) = world(Config::default());
    app.precreate("BENT0001", "1.00", "").await;
    provider.scan("BENT0001").unwrap();
    let content = number("BENT0001").to_string();
    for (fault, verifies, roots) in [
        (None, true, 1),
        (Some(Fault::Tampered), false, 1),
        (Some(Fault::Forged), false, 1),
        (Some(Fault::Unsigned), false, 1),
        (Some(Fault::DuplicateRoot), false, 2),
        (Some(Fault::UnsignedMissing), false, 0),
        (Some(Fault::BrokenJson), true, 1),
    ] {
        if let Some(fault) = &fault {
            provider.add_rule(Rule::new(Site::Query, fault.clone()).times(1)).unwrap();
        }
        let text = app.raw(QUERY, &content, "").await;
        assert_eq!(app.verifies(QUERY, &text), verifies, "{fault:?} {text}");
        assert_eq!(text.matches(&root(QUERY)).count(), roots, "{fault:?}");
    }
}

#[tokio::test]
async fn certificates_are_demanded_and_named() {
    let certified = AlipayApp { mode: AlipayMode::Certificate, ..AlipayApp::default() };
    let (provider, mut app) = world(Config { alipay_apps: vec![certified], ..Config::default() });
    let text = app.raw(QUERY, "{\"out_trade_no\":\"X\"}", "").await;
    assert_eq!(node(QUERY, &text)["sub_code"], "isv.invalid-app-cert-sn");
    let dir = tempfile::tempdir().unwrap();
    let files = provider.write_merchant_files(dir.path()).unwrap();
    let sn = |name: &str| {
        let pem = std::fs::read(files.alipay[0].1.join(name)).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let issuer = certificate.issuer().to_string();
        let mut parts: Vec<&str> = issuer.split(", ").collect();
        parts.reverse();
        use md5::Digest;
        let digest = md5::Md5::digest(format!("{}{}", parts.join(","), certificate.serial));
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    app.certificates = Some((sn("app_cert.pem"), sn("alipay_root_cert.pem")));
    let text = app.raw(QUERY, "{\"out_trade_no\":\"X\"}", "").await;
    assert!(app.verifies(QUERY, &text));
    assert!(text.contains(&format!("\"alipay_cert_sn\":\"{}\"", sn("alipay_cert.pem"))), "{text}");
}

#[tokio::test]
async fn content_can_be_encrypted_both_ways() {
    // A vector of the cipher itself stands in the crate; here only the wire's shape is checked.
    let content_key = Some("AAECAwQFBgcICQoLDA0ODw==".to_owned());
    let sealed = AlipayApp { content_key, ..AlipayApp::default() };
    let (_provider, mut app) = world(Config { alipay_apps: vec![sealed], ..Config::default() });
    app.bend = [("encrypt_type", "AES".to_owned())].into();
    let text = app.raw(QUERY, "bm90IGFlcw==", "").await;
    assert_eq!(node(QUERY, &text)["sub_code"], "isv.invalid-parameter");
    // `{"out_trade_no":"X"}` by OpenSSL: aes-128-cbc, that key, zero IV.
    let text = app.raw(QUERY, "G7PYcjyAquhKW/Z/PmtCC5hjb34xCDpqHo/99ZN+Cj8=", "").await;
    assert!(node(QUERY, &text).is_string(), "{text}");
    assert!(app.verifies(QUERY, &text), "the signature covers the string with its quotes");
}

#[tokio::test]
async fn the_page_call_leads_to_the_wallet_or_to_a_gbk_page() {
    let (provider, app) = world(Config::default());
    let method = "alipay.trade.wap.pay";
    for (amount, status) in [("1.00", 302), ("zero", 200)] {
        let content = json!({"out_trade_no": "WAP00001", "total_amount": amount, "subject": "电费",
            "quit_url": "http://127.0.0.1:9/", "product_code": "QUICK_WAP_WAY"});
        let params = app.params(method, &content.to_string(), "http://127.0.0.1:9/n");
        let query: String =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish();
        let answer = app.client.get(format!("{}?{query}", app.gateway_url)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{amount}");
        if status == 302 {
            let to = answer.headers()["location"].to_str().unwrap().to_owned();
            assert_eq!(Some(to), provider.wallet_url("WAP00001"));
        } else {
            assert_eq!(answer.headers()["content-type"], "text/html;charset=GBK");
        }
    }
}

#[tokio::test]
async fn the_bill_is_a_zip_of_gbk_files_that_add_up() {
    let (provider, app) = world(Config { same_day_bills: true, ..Config::default() });
    for (no, amount) in [("BILL0001", "50.00"), ("BILL0002", "0.99")] {
        app.precreate(no, amount, "http://127.0.0.1:9/n").await;
        provider.pay_now(no, Pay::silent()).unwrap();
    }
    let refund =
        json!({"out_trade_no": "BILL0001", "refund_amount": "20.00", "out_request_no": "Q1"});
    app.call("alipay.trade.refund", refund).await;
    let day =
        chrono::DateTime::from_timestamp(crate::wechat_merchant::now_s() + 8 * 3_600, 0).unwrap();
    let method = "alipay.data.dataservice.bill.downloadurl.query";
    let content = json!({"bill_type": "trade", "bill_date": day.format("%Y-%m-%d").to_string()});
    let url =
        app.call(method, content.clone()).await["bill_download_url"].as_str().unwrap().to_owned();
    let bytes = app.client.get(url).send().await.unwrap().bytes().await.unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut texts = Vec::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        let name = encoding_rs::GBK.decode(entry.name_raw()).0.into_owned();
        let mut raw = Vec::new();
        entry.read_to_end(&mut raw).unwrap();
        texts.push((name, encoding_rs::GBK.decode(&raw).0.into_owned()));
    }
    assert!(texts[0].0.ends_with("_业务明细.csv") && texts[1].0.ends_with("_业务明细(汇总).csv"));
    let lines: Vec<&str> = texts[0].1.split("\r\n").collect();
    let head: Vec<&str> = lines[4].split(',').collect();
    let rows: Vec<Vec<&str>> = lines[5..]
        .iter()
        .take_while(|line| !line.starts_with('#'))
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!((head.len(), rows.len()), (25, 3));
    assert!(rows.iter().all(|row| row.len() == head.len()));
    let at = |name: &str| head.iter().position(|known| *known == name).unwrap();
    assert_eq!(rows[0][at("商户订单号")], "BILL0001\t");
    assert_eq!(rows[0][at("服务费（元）")], "-0.30");
    let back = rows.iter().find(|row| row[at("业务类型")] == "退款").unwrap();
    assert_eq!((back[at("订单金额（元）")], back[at("服务费（元）")]), ("-20.00", "0.12"));
    assert!(texts[0].1.contains("#交易合计：2笔，商家实收共50.99元"), "{}", texts[0].1);
    assert!(texts[0].1.contains("#退款合计：1笔，商家实收退款共-20.00元"));
    assert_eq!(APP_ID, provider.trades()[0].appid);
    let other = json!({"bill_type": "trade", "bill_date": "2020-01-01"});
    assert_eq!(app.call(method, other).await["sub_code"], "isp.bill_not_exist");
}

//! Unrelated readers of the same files: npm `wechatpay-axios-plugin` for WeChat's dialect, Python's
//! `zipfile` and its `gbk` codec for Alipay's archive.
//!
//! They run where they are installed (`YUFU_ORACLE_WECHATPAY`, `YUFU_ORACLE_ALIPAY`, the folders
//! under `tests/oracles`). Elsewhere the tests say so and pass, unless `YUFU_ORACLES=required`.

use std::{
    env,
    io::Write,
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use connector::alipay::bill::Kind;
use provider_simulator::{PastOrder, PastRefund, ProviderKind, RefundStatus};
use serde_json::{Value, json};

use crate::support::*;

/// Asks a program in the folder this variable names; `None` where it need not be there.
fn ask(variable: &str, program: &[&str], question: &str) -> Option<Value> {
    let Ok(folder) = env::var(variable) else {
        let is_required = env::var("YUFU_ORACLES").is_ok_and(|value| value == "required");
        assert!(!is_required, "YUFU_ORACLES=required, but {variable} is not set");
        eprintln!("NOT RUN: {variable} is not set, the outside oracle was not asked");
        return None;
    };
    let mut child = Command::new(program[0])
        .args(&program[1..])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle starts");
    // Dropping the pipe tells the oracle that the question is complete.
    child.stdin.take().unwrap().write_all(question.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed: {}", output.status);
    Some(serde_json::from_slice(&output.stdout).expect("the oracle answers in JSON"))
}

fn enter(world: &World, provider: ProviderKind) {
    let start_ms = day("2026-03-01").start().timestamp_millis();
    let names = ["预付电费,3栋201", "a`b", "两\n行", "3\"管（水）", "plain"];
    world.provider.enter(names.iter().zip(0_i64..).map(|(name, at)| PastOrder {
        provider,
        merchant: merchant_of(provider).to_owned(),
        out_trade_no: format!("R{at:04}"),
        description: (*name).to_owned(),
        total_fen: 5_001 * (at + 1),
        paid_ms: start_ms + at * 3_600_000,
        refunds: vec![PastRefund {
            out_refund_no: format!("F{at:04}"),
            refund_fen: 999,
            settled_ms: start_ms + at * 3_600_000 + 1_000,
            status: RefundStatus::Success,
        }],
    }));
}

#[test]
fn the_plugin_reads_the_trade_bill_as_we_do() {
    let world = World::new();
    enter(&world, ProviderKind::WechatPay);
    let (link, served) = world.wechat_trade_file(day("2026-03-01")).unwrap();
    let mut text = Vec::new();
    let mut unpacker = flate2::read::GzDecoder::new(&served.body[..]);
    std::io::Read::read_to_end(&mut unpacker, &mut text).unwrap();
    let question = format!("{}\n", json!({"ask": "bill", "base64": BASE64.encode(&text)}));
    let program = ["node", "oracle.js", "serve"];
    let Some(reply) = ask("YUFU_ORACLE_WECHATPAY", &program, &question) else { return };
    let answer = &reply["answer"];
    let sha1: String = link.sha1.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(answer["sha1"], sha1);
    let rows = answer["rows"].as_array().unwrap();
    let (lines, _) = world.wechat_trades(day("2026-03-01")).unwrap();
    assert_eq!((rows.len(), lines.len()), (10, 10));
    for (line, cells) in lines.iter().zip(rows) {
        let cell = |name: &str| cells[name].as_str().unwrap().to_owned();
        assert_eq!(line.out_trade_no, cell("商户订单号"));
        assert_eq!(line.provider_trade_no, cell("微信订单号"));
        assert_eq!(line.subject, cell("商品名称"));
        let is_refund = cell("交易状态") == "REFUND";
        assert_eq!(line.out_refund_no.clone(), is_refund.then(|| cell("商户退款单号")));
        let shown = cell(if is_refund { "申请退款金额" } else { "订单金额" });
        let shown = domain::Money::parse_yuan(&shown).unwrap().fen();
        assert_eq!(line.amount_fen, if is_refund { -shown } else { shown });
        assert_eq!(
            cell("手续费"),
            format!("{}000", domain::Money::from_fen(line.fee_fen).to_yuan())
        );
    }
}

#[test]
fn python_opens_the_archives_and_finds_the_names_and_rows_we_find() {
    let world = World::new();
    enter(&world, ProviderKind::Alipay);
    let today = day("2026-03-01");
    for (kind, word, number) in
        [(Kind::Trade, "业务明细", "商户订单号"), (Kind::Account, "账务明细", "账务流水号")]
    {
        let served = world.alipay_file(kind, today).unwrap();
        let question = BASE64.encode(&served.body);
        let program = ["python3", "unzip.py"];
        let Some(answer) = ask("YUFU_ORACLE_ALIPAY", &program, &question) else { return };
        let sheets = answer.as_array().unwrap();
        let names: Vec<&str> = sheets.iter().map(|one| one["name"].as_str().unwrap()).collect();
        let whole_name = |ending: &str| format!("20880000000000010156_20260301_{word}{ending}.csv");
        assert_eq!(names, [whole_name(""), whole_name("(汇总)")]);
        let rows = sheets[0]["rows"].as_array().unwrap();
        let cells = |name: &str| -> Vec<String> {
            rows.iter().map(|row| row[name].as_str().unwrap().trim().to_owned()).collect()
        };
        match kind {
            Kind::Trade => {
                let (lines, _) = world.alipay_trades(today).unwrap();
                let ours: Vec<String> = lines.iter().map(|l| l.out_trade_no.clone()).collect();
                assert_eq!(ours, cells(number));
                let ours: Vec<String> = lines.iter().map(|l| l.subject.clone()).collect();
                assert_eq!(ours, cells("商品名称"));
                let yuan = |fen: i64| domain::Money::from_fen(fen).to_yuan();
                let ours: Vec<String> = lines.iter().map(|l| yuan(l.amount_fen)).collect();
                assert_eq!(ours, cells("商家实收（元）"));
            }
            Kind::Account => {
                let flows = world.alipay_flows(today).unwrap();
                let ours: Vec<String> = flows.iter().map(|row| row.flow_no.clone()).collect();
                assert_eq!(ours, cells(number));
                let ours: Vec<String> = flows.iter().map(|row| row.balance.to_yuan()).collect();
                assert_eq!(ours, cells("账户余额（元）"));
            }
        }
    }
}

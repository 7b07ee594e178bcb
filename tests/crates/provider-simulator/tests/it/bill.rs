//! WeChat bills from the simulator's own book.

use std::io::Read;

use provider_simulator::{Config, Fault, Pay, Rule, SimClock, Site};
use serde_json::json;

use crate::wechat_merchant::{Bend, Merchant, now_s, world};

/// SHA-1 by the library, in hex.
fn sha1(bytes: &[u8]) -> String {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fetches a bill: the answer's hash, and the unpacked file.
async fn bill(merchant: &Merchant, target: &str, gzip: bool) -> (String, Vec<u8>) {
    let answer = merchant.get(target).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert!(merchant.answer_verifies(&answer));
    let url = answer.json()["download_url"].as_str().unwrap().to_owned();
    let file = merchant.get(url.strip_prefix(&merchant.base_url).unwrap()).await;
    assert!(file.header("Wechatpay-Signature").is_none(), "files are not signed");
    let mut plain = file.body;
    if gzip {
        let packed = std::mem::take(&mut plain);
        // A truncated file still gives its beginning; the hash tells.
        let _ = flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut plain);
    }
    (answer.json()["hash_value"].as_str().unwrap().to_owned(), plain)
}

/// Reads the backtick dialect: header names, rows, summary.
fn parse(file: &[u8]) -> (Vec<String>, Vec<Vec<String>>, Vec<String>) {
    let text = std::str::from_utf8(file).unwrap().strip_prefix('\u{feff}').unwrap();
    let lines: Vec<&str> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
    let cells = |line: &str| -> Vec<String> {
        line.strip_prefix('`').unwrap().split(",`").map(str::to_owned).collect()
    };
    let rows = lines[1..lines.len() - 2].iter().map(|line| cells(line)).collect();
    let head = lines[0].split(',').map(str::to_owned).collect();
    (head, rows, cells(lines[lines.len() - 1]))
}

fn today() -> String {
    let day = chrono::DateTime::from_timestamp(now_s() + 8 * 3_600, 0).unwrap();
    day.format("%Y-%m-%d").to_string()
}

async fn paid_world() -> (provider_simulator::Provider, Merchant) {
    let config = Config { same_day_bills: true, refund_settle_ms: 0, ..Config::default() };
    let (provider, merchant) = world(config);
    let mut order = merchant.order("BILL0001", 5_000, "http://127.0.0.1:9/x");
    order["description"] = json!("电费,5-1");
    merchant.post("/v3/pay/transactions/native", &order).await;
    for (no, fen) in [("BILL0002", 10_001), ("BILL0003", 777)] {
        merchant.place(no, fen, "http://127.0.0.1:9/x").await;
    }
    for no in ["BILL0001", "BILL0002"] {
        provider.pay_now(no, Pay::silent()).unwrap();
    }
    let refund = json!({"out_trade_no": "BILL0002", "out_refund_no": "BR1",
        "amount": {"refund": 1_001, "total": 10_001, "currency": "CNY"}});
    merchant.post("/v3/refund/domestic/refunds", &refund).await;
    let settled = provider.until("BILL0002", |trade| trade.refunds[0].settled_ms.is_some());
    tokio::time::timeout(crate::receiver::PATIENCE, settled).await.unwrap();
    (provider, merchant)
}

#[tokio::test]
async fn the_trade_bill_adds_up_to_the_book() {
    let (provider, merchant) = paid_world().await;
    for (kind, gzip, columns, rows_expected, totals) in [
        ("ALL", true, 27, 3, ["3", "150.01", "10.01", "0.00", "0.84000", "150.01", "10.01"]),
        ("SUCCESS", false, 20, 2, ["2", "150.01", "0.00", "0.00", "0.90000", "150.01", "0.00"]),
        ("REFUND", true, 29, 1, ["1", "0.00", "10.01", "0.00", "-0.06000", "0.00", "10.01"]),
    ] {
        let tar = if gzip { "&tar_type=GZIP" } else { "" };
        let target = format!("/v3/bill/tradebill?bill_date={}&bill_type={kind}{tar}", today());
        let (hash, file) = bill(&merchant, &target, gzip).await;
        assert_eq!(hash, sha1(&file), "{kind}: hash over the unpacked bytes");
        let (head, rows, summary) = parse(&file);
        assert_eq!((head.len(), rows.len()), (columns, rows_expected), "{kind}");
        assert!(rows.iter().all(|row| row.len() == columns), "{kind}");
        assert_eq!(summary, totals, "{kind}");
    }
    let target = format!("/v3/bill/tradebill?bill_date={}", today());
    let (head, rows, _) = parse(&bill(&merchant, &target, false).await.1);
    let column = |name: &str| head.iter().position(|known| known == name).unwrap();
    assert_eq!(rows[0][column("商品名称")], "电费\\ 5-1");
    assert_eq!(rows[2][column("商户退款单号")], "BR1");
    assert_eq!(rows[0][column("商户退款单号")], "0");
    assert_eq!(rows[0][column("手续费")], "0.30000");
    assert_eq!(provider.sum_paid_fen() - provider.sum_refunded_fen(), 15_001 - 1_001);
}

#[tokio::test]
async fn the_fund_flow_bill_balances() {
    let (_provider, merchant) = paid_world().await;
    let target = format!("/v3/bill/fundflowbill?bill_date={}&account_type=BASIC", today());
    let (hash, file) = bill(&merchant, &target, false).await;
    assert_eq!(hash, sha1(&file));
    let (head, rows, summary) = parse(&file);
    assert_eq!((head.len(), rows.len()), (11, 6));
    // In: 50.00 + 100.01 + fee back 0.06. Out: fees 0.30 + 0.60, refund 10.01.
    assert_eq!(summary, ["6", "3", "150.07", "3", "10.91"]);
    assert_eq!(rows[5][7], "139.16", "the last balance is income less expense");
    let fees = format!("/v3/bill/fundflowbill?bill_date={}&account_type=FEES", today());
    assert_eq!(merchant.get(&fees).await.code(), "NO_STATEMENT_EXIST");
}

#[tokio::test]
async fn a_bill_can_lie_in_every_way_reconciliation_must_notice() {
    let (provider, merchant) = paid_world().await;
    let no = "BILL0001".to_owned();
    // fault, columns, rows, whether the hash holds
    for (fault, columns, count, holds) in [
        (Fault::BillExtraRow, 27, 4, true),
        (Fault::BillMissingRow { out_trade_no: no.clone() }, 27, 2, true),
        (Fault::BillOtherAmount { out_trade_no: no, total_fen: 1 }, 27, 3, true),
        (Fault::BillWrongHash, 27, 3, false),
        (Fault::BillExtraColumn, 28, 3, true),
    ] {
        let name = format!("{fault:?}");
        provider.add_rule(Rule::new(Site::Bill, fault).times(1)).unwrap();
        let target = format!("/v3/bill/tradebill?bill_date={}&tar_type=GZIP", today());
        let (hash, file) = bill(&merchant, &target, true).await;
        let (head, rows, _) = parse(&file);
        assert_eq!((head.len(), rows.len()), (columns, count), "{name}");
        assert_eq!(hash == sha1(&file), holds, "{name}");
    }
    provider.add_rule(Rule::new(Site::Bill, Fault::BillTruncated).times(1)).unwrap();
    let target = format!("/v3/bill/tradebill?bill_date={}&tar_type=GZIP", today());
    let (hash, file) = bill(&merchant, &target, true).await;
    assert_ne!(hash, sha1(&file), "a file that ends early");
    provider.add_rule(Rule::new(Site::Bill, Fault::BillNotReady).times(1)).unwrap();
    assert_eq!(merchant.get(&target).await.code(), "STATEMENT_CREATING");
}

#[tokio::test]
async fn a_bill_is_ready_at_ten_and_lives_five_minutes() {
    // Midnight of 2 January 2026 in China.
    let midnight_ms = 1_767_283_200_000;
    let clock = SimClock::manual(midnight_ms - 1_000);
    let (provider, merchant) = world(Config { clock: clock.clone(), ..Config::default() });
    let at = |clock: &SimClock| clock.now_ms() / 1_000;
    let bend = Bend::default();
    for no in ["LAST0001", "NEXT0001"] {
        let order = merchant.order(no, 100, "http://127.0.0.1:9/x").to_string();
        let target = "/v3/pay/transactions/native";
        merchant.send("POST", target, &order, at(&clock), &bend).await;
        provider.pay_now(no, Pay::silent()).unwrap();
        clock.advance(2_000);
    }
    let target = "/v3/bill/tradebill?bill_date=2026-01-01";
    for (hour, date, code) in [
        (0, "2026-01-02", "PARAM_ERROR"),
        (0, "2026-01-01", "STATEMENT_CREATING"),
        (9, "2026-01-01", "STATEMENT_CREATING"),
        (10, "2025-12-31", "NO_STATEMENT_EXIST"),
        (10, "2026-13-01", "PARAM_ERROR"),
        (10, "2026-01-01", ""),
    ] {
        clock.advance(midnight_ms + hour * 3_600_000 + 60_000 - clock.now_ms());
        let target = format!("/v3/bill/tradebill?bill_date={date}");
        let answer = merchant.send("GET", &target, "", at(&clock), &bend).await;
        assert_eq!(answer.code(), code, "{hour}:01 {date}");
    }
    let answer = merchant.send("GET", target, "", at(&clock), &bend).await;
    let url = answer.json()["download_url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(&merchant.base_url).unwrap().to_owned();
    let file = merchant.send("GET", &path, "", at(&clock), &bend).await;
    let (_, rows, _) = parse(&file.body);
    assert_eq!(rows.len(), 1, "the payment after midnight is on the next bill");
    clock.advance(5 * 60 * 1_000 + 1);
    let gone = merchant.send("GET", &path, "", at(&clock), &bend).await;
    assert_eq!(gone.status, 404);
}

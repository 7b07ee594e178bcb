//! Trade and fund-flow bills from the simulator's own book (payments.md A13).

use std::io::Write;

use chrono::NaiveDate;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::answer::Answer;
use super::call::query_value;
use super::front::Caller;
use super::problem::{self, Problem};
use super::transaction::trade_type;
use crate::book::{Payment, ProviderKind, Refund, RefundStatus, Trade};
use crate::clock;
use crate::crypto::digest;
use crate::fault::Fault;
use crate::money::{fee_fen, yuan, yuan5};
use crate::world::World;

/// How long a bill's address lives, in milliseconds.
const ADDRESS_MS: i64 = 5 * 60 * 1_000;

/// The hour of the next day from which a bill is ready.
const READY_HOUR: u32 = 10;

const HEAD: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,\
交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额";
const HEAD_REFUND_TIMES: &str = ",退款申请时间,退款成功时间";
const HEAD_REFUND: &str = ",微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态";
const HEAD_TAIL: &str = ",商品名称,商户数据包,手续费,费率,订单金额";
const HEAD_TAIL_REFUND: &str = ",申请退款金额";
const HEAD_END: &str = ",费率备注";
const SUMMARY_HEAD: &str = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,\
订单总金额,申请退款总金额";
const FLOW_HEAD: &str = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,\
收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号";
const FLOW_SUMMARY_HEAD: &str = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额";

/// Which rows a trade bill holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    All,
    Success,
    Refund,
}

/// A row of the trade bill, before it is written.
struct Row<'a> {
    trade: &'a Trade,
    payment: &'a Payment,
    refund: Option<&'a Refund>,
    at_ms: i64,
    total_fen: i64,
}

/// The sums below the rows, in fen.
#[derive(Default)]
struct Sums {
    rows: usize,
    total_fen: i64,
    refund_fen: i64,
    fee_fen: i64,
}

/// Reads `bill_date`, and whether the bill of that day can be there.
fn bill_day(world: &World, query: &str, faults: &[Fault]) -> Result<NaiveDate, Problem> {
    let text = query_value(query, "bill_date").unwrap_or_default();
    let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d")
        .map_err(|_| Problem::param("bill_date", &text, "日期格式不正确"))?;
    let now_ms = world.now_ms();
    let today = clock::day(now_ms);
    if day > today || (day == today && !world.config.same_day_bills) {
        return Err(Problem::param("bill_date", &text, "账单日期必须早于今天"));
    }
    let yesterday = today.pred_opt() == Some(day);
    let early = yesterday && clock::hour(now_ms) < READY_HOUR && !world.config.same_day_bills;
    if early || faults.contains(&Fault::BillNotReady) {
        return Err(problem::STATEMENT_CREATING);
    }
    Ok(day)
}

/// Whether the trade belongs on the caller's bill.
fn own(trade: &Trade, mchid: &str, sub: Option<&str>) -> bool {
    trade.key.provider == ProviderKind::WechatPay
        && trade.merchant == mchid
        && sub.is_none_or(|sub| trade.sub_merchant.as_deref() == Some(sub))
}

fn rows<'a>(trades: impl Iterator<Item = &'a Trade>, day: NaiveDate, kind: Kind) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for trade in trades {
        for payment in &trade.payments {
            let (at_ms, total_fen) = (payment.paid_ms, payment.total_fen);
            if kind != Kind::Refund && clock::day(at_ms) == day {
                rows.push(Row { trade, payment, refund: None, at_ms, total_fen });
            }
        }
        for refund in &trade.refunds {
            let at_ms = refund.settled_ms.unwrap_or(refund.created_ms);
            let Some(payment) = trade.payment(Some(&refund.provider_trade_no)) else { continue };
            if kind != Kind::Success && clock::day(at_ms) == day {
                let total_fen = payment.total_fen;
                rows.push(Row { trade, payment, refund: Some(refund), at_ms, total_fen });
            }
        }
    }
    rows.sort_by_key(|row| row.at_ms);
    rows
}

/// Bends the rows: one order missing, or with another amount.
fn bend(rows: &mut Vec<Row<'_>>, faults: &[Fault]) {
    for fault in faults {
        match fault {
            Fault::BillMissingRow { out_trade_no } => {
                rows.retain(|row| row.trade.key.out_trade_no != *out_trade_no);
            }
            Fault::BillOtherAmount { out_trade_no, total_fen } => {
                for row in rows.iter_mut() {
                    if row.trade.key.out_trade_no == *out_trade_no {
                        row.total_fen = *total_fen;
                    }
                }
            }
            _ => {}
        }
    }
}

/// Commas and line ends in merchant text arrive as the official bills write them.
fn escaped(text: &str) -> String {
    text.replace(',', "\\ ").replace('\n', "\\n")
}

fn refund_status(refund: &Refund) -> &'static str {
    match refund.status {
        RefundStatus::Processing => "PROCESSING",
        RefundStatus::Success => "SUCCESS",
        RefundStatus::Abnormal => "CHANGE",
        RefundStatus::Closed => "FAIL",
    }
}

fn head(kind: Kind) -> String {
    match kind {
        Kind::Success => format!("{HEAD}{HEAD_TAIL}{HEAD_END}"),
        Kind::All => format!("{HEAD}{HEAD_REFUND}{HEAD_TAIL}{HEAD_TAIL_REFUND}{HEAD_END}"),
        Kind::Refund => {
            format!("{HEAD}{HEAD_REFUND_TIMES}{HEAD_REFUND}{HEAD_TAIL}{HEAD_TAIL_REFUND}{HEAD_END}")
        }
    }
}

fn cells(row: &Row<'_>, kind: Kind, basis_points: i64, sums: &mut Sums) -> Vec<String> {
    let (trade, payment) = (row.trade, row.payment);
    let coupon_fen = payment.total_fen - payment.payer_total_fen;
    let (paid_fen, refund_fen) = match row.refund {
        Some(refund) => (0, refund.refund_fen),
        None => (row.total_fen, 0),
    };
    let fee_fen = fee_fen(paid_fen, basis_points) - fee_fen(refund_fen, basis_points);
    sums.rows += 1;
    sums.total_fen += paid_fen;
    sums.refund_fen += refund_fen;
    sums.fee_fen += fee_fen;
    let mut cells = vec![
        clock::plain(row.at_ms),
        trade.appid.clone(),
        trade.merchant.clone(),
        trade.sub_merchant.clone().unwrap_or_else(|| "0".to_owned()),
        String::new(),
        payment.provider_trade_no.clone(),
        trade.key.out_trade_no.clone(),
        payment.payer.clone(),
        trade_type(trade.kind).to_owned(),
        if row.refund.is_some() { "REFUND" } else { "SUCCESS" }.to_owned(),
        "OTHERS".to_owned(),
        "CNY".to_owned(),
        yuan(paid_fen),
        yuan(if row.refund.is_some() { 0 } else { coupon_fen }),
    ];
    if kind == Kind::Refund {
        let times = row.refund.map(|refund| (refund.created_ms, refund.settled_ms));
        let (created_ms, settled_ms) = times.unwrap_or_default();
        cells.push(clock::plain(created_ms));
        cells.push(settled_ms.map(clock::plain).unwrap_or_default());
    }
    if kind != Kind::Success {
        let none = || "0".to_owned();
        cells.push(row.refund.map_or_else(none, |refund| refund.refund_id.clone()));
        cells.push(row.refund.map_or_else(none, |refund| refund.out_refund_no.clone()));
        cells.extend([yuan(refund_fen), yuan(0)]);
        cells.push(row.refund.map_or("", |_| "ORIGINAL").to_owned());
        cells.push(row.refund.map_or("", refund_status).to_owned());
    }
    cells.push(escaped(&trade.description));
    cells.push(escaped(trade.attach.as_deref().unwrap_or_default()));
    cells.push(yuan5(fee_fen));
    cells.push(format!("{}.{:02}%", basis_points / 100, basis_points % 100));
    cells.push(yuan(paid_fen));
    if kind != Kind::Success {
        cells.push(yuan(refund_fen));
    }
    cells.push(String::new());
    cells
}

/// Every cell starts with a backtick.
fn line(cells: &[String]) -> String {
    let ticked: Vec<String> = cells.iter().map(|cell| format!("`{cell}")).collect();
    ticked.join(",")
}

/// BOM, CRLF, rows and summary.
fn file_of(lines: &[String]) -> Vec<u8> {
    let mut text = String::from("\u{feff}");
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.into_bytes()
}

/// Keeps the file and answers where it is.
fn address(world: &World, query: &str, plain: &[u8], faults: &[Fault]) -> Result<Answer, Problem> {
    let mut bytes = plain.to_vec();
    if query_value(query, "tar_type").as_deref() == Some("GZIP") {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let written = encoder.write_all(plain);
        bytes = encoder.finish().map_err(|_| problem::SYSTEM_ERROR)?;
        written.map_err(|_| problem::SYSTEM_ERROR)?;
    }
    if faults.contains(&Fault::BillTruncated) {
        bytes.truncate(bytes.len() / 2);
    }
    let wrong = faults.contains(&Fault::BillWrongHash);
    let hash = digest::sha1_hex(if wrong { b"other bytes" } else { plain });
    let token = world.state().keep_bill(bytes, world.now_ms() + ADDRESS_MS);
    let url = format!("{}/v3/billdownload/file?token={token}", world.base_url);
    Ok(Answer::json(&json!({"hash_type": "SHA1", "hash_value": hash, "download_url": url})))
}

/// The trade bill.
pub(crate) fn trade(
    world: &World,
    caller: &Caller,
    query: &str,
    faults: &[Fault],
) -> Result<Answer, Problem> {
    let day = bill_day(world, query, faults)?;
    let kind = match query_value(query, "bill_type").as_deref() {
        None | Some("ALL") => Kind::All,
        Some("SUCCESS") => Kind::Success,
        Some("REFUND") => Kind::Refund,
        Some(other) => return Err(Problem::param("bill_type", other, "账单类型不正确")),
    };
    let sub = query_value(query, "sub_mchid");
    let basis_points = world.config.fee_basis_points;
    let lines = {
        let state = world.state();
        let trades = state.book.trades().iter();
        let trades = trades.filter(|trade| own(trade, &caller.mchid, sub.as_deref()));
        let mut rows = rows(trades, day, kind);
        bend(&mut rows, faults);
        let mut sums = Sums::default();
        let mut lines = vec![head(kind)];
        for row in &rows {
            lines.push(line(&cells(row, kind, basis_points, &mut sums)));
        }
        if let Some(row) = rows.first().filter(|_| faults.contains(&Fault::BillExtraRow)) {
            let mut extra = cells(row, kind, basis_points, &mut sums);
            extra[5] = "4200000777000000000000000000".to_owned();
            extra[6] = "NOBODYPLACEDTHIS".to_owned();
            lines.push(line(&extra));
        }
        if lines.len() == 1 {
            return Err(problem::NO_STATEMENT);
        }
        if faults.contains(&Fault::BillExtraColumn) {
            widen(&mut lines);
        }
        lines.push(SUMMARY_HEAD.to_owned());
        lines.push(line(&[
            sums.rows.to_string(),
            yuan(sums.total_fen),
            yuan(sums.refund_fen),
            yuan(0),
            yuan5(sums.fee_fen),
            yuan(sums.total_fen),
            yuan(sums.refund_fen),
        ]));
        lines
    };
    address(world, query, &file_of(&lines), faults)
}

/// Puts a column nobody documented in front.
fn widen(lines: &mut [String]) {
    for (at, line) in lines.iter_mut().enumerate() {
        let first = if at == 0 { "新增列," } else { "`新," };
        line.insert_str(0, first);
    }
}

/// The fund-flow bill: each payment, its fee, each refund and its fee back.
pub(crate) fn fund_flow(
    world: &World,
    caller: &Caller,
    query: &str,
    faults: &[Fault],
) -> Result<Answer, Problem> {
    let day = bill_day(world, query, faults)?;
    match query_value(query, "account_type").as_deref() {
        None | Some("BASIC") => {}
        Some("OPERATION" | "FEES") => return Err(problem::NO_STATEMENT),
        Some(other) => return Err(Problem::param("account_type", other, "账户类型不正确")),
    }
    let lines = {
        let state = world.state();
        let trades = state.book.trades().iter().filter(|trade| own(trade, &caller.mchid, None));
        flow_lines(&rows(trades, day, Kind::All), world.config.fee_basis_points)
    };
    let lines = lines.ok_or(problem::NO_STATEMENT)?;
    address(world, query, &file_of(&lines), faults)
}

fn flow_lines(rows: &[Row<'_>], basis_points: i64) -> Option<Vec<String>> {
    let mut lines = vec![FLOW_HEAD.to_owned()];
    let (mut income, mut expense) = ((0_usize, 0_i64), (0_usize, 0_i64));
    let mut flow = |row: &Row<'_>, name: &str, fen: i64| {
        if fen == 0 {
            return;
        }
        let side = if fen > 0 { &mut income } else { &mut expense };
        *side = (side.0 + 1, side.1 + fen.abs());
        let balance_fen = income.1 - expense.1;
        let flow_no = format!("{}{:04}", row.payment.provider_trade_no, lines.len());
        let voucher = row.refund.map_or(&row.trade.key.out_trade_no, |one| &one.out_refund_no);
        lines.push(line(&[
            clock::plain(row.at_ms),
            row.payment.provider_trade_no.clone(),
            flow_no,
            name.to_owned(),
            name.to_owned(),
            if fen > 0 { "收入" } else { "支出" }.to_owned(),
            yuan(fen.abs()),
            yuan(balance_fen),
            "system".to_owned(),
            String::new(),
            voucher.clone(),
        ]));
    };
    for row in rows {
        match row.refund {
            None => {
                flow(row, "交易", row.total_fen);
                flow(row, "扣除交易手续费", -fee_fen(row.total_fen, basis_points));
            }
            Some(refund) if refund.status == RefundStatus::Success => {
                flow(row, "退款", -refund.refund_fen);
                flow(row, "退还手续费", fee_fen(refund.refund_fen, basis_points));
            }
            Some(_) => {}
        }
    }
    let count = income.0 + expense.0;
    lines.push(FLOW_SUMMARY_HEAD.to_owned());
    lines.push(line(&[
        count.to_string(),
        income.0.to_string(),
        yuan(income.1),
        expense.0.to_string(),
        yuan(expense.1),
    ]));
    (count > 0).then_some(lines)
}

/// The file behind an address.
pub(crate) fn file(world: &World, query: &str) -> Result<Answer, Problem> {
    let token = query_value(query, "token").unwrap_or_default();
    let now_ms = world.now_ms();
    let state = world.state();
    let bill = state.bills.get(&token).filter(|bill| bill.until_ms >= now_ms);
    Ok(Answer::file(bill.ok_or(problem::BILL_GONE)?.bytes.clone()))
}

//! The business bill: a ZIP of two GBK files from the simulator's own book (payments.md B11).

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDate;
use encoding_rs::GBK;
use serde_json::json;

use super::request::Request;
use super::{Failure, Outcome, zip};
use crate::book::{Payment, ProviderKind, Refund, RefundStatus, Trade};
use crate::clock;
use crate::fault::Fault;
use crate::money::{fee_fen, yuan};
use crate::wechat_pay::call::query_value;
use crate::world::World;

/// How long a bill's address lives, in milliseconds.
const ADDRESS_MS: i64 = 30_000;

/// The hour of the next day from which a bill is ready.
const READY_HOUR: u32 = 9;

const HEAD: &str = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,\
操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,\
商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,\
服务费（元）,分润（元）,备注";
const SUMMARY_HEAD: &str = "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,\
商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）";

/// One line of the bill.
struct Row<'a> {
    trade: &'a Trade,
    payment: &'a Payment,
    refund: Option<&'a Refund>,
    at_ms: i64,
    amount_fen: i64,
}

#[derive(Default)]
struct Sums {
    payments: (usize, i64),
    refunds: (usize, i64),
    fee_fen: i64,
}

fn missing() -> Failure {
    Failure::new("isp.bill_not_exist", "账单不存在")
}

/// Answers where the bill is.
pub(crate) fn address(world: &World, request: &Request, faults: &[Fault]) -> Outcome {
    let wrong = || Failure::new("isp.invalid_arguments", "入参不合法");
    if !matches!(request.text("bill_type").as_deref(), Some("trade" | "signcustomer")) {
        return Err(wrong());
    }
    let text = request.text("bill_date").unwrap_or_default();
    let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").map_err(|_| wrong())?;
    let now_ms = world.now_ms();
    let today = clock::day(now_ms);
    let early = today.pred_opt() == Some(day) && clock::hour(now_ms) < READY_HOUR;
    let soon = day > today || (!world.config.same_day_bills && (day == today || early));
    if soon || faults.contains(&Fault::BillNotReady) {
        return Err(missing());
    }
    let seller_id =
        world.alipay_app(&request.app_id).map_or("", |app| app.seller_id.as_str()).to_owned();
    let (detail, summary) = {
        let state = world.state();
        let own = |trade: &&Trade| {
            trade.key.provider == ProviderKind::Alipay && trade.merchant == request.app_id
        };
        let rows = rows(state.book.trades().iter().filter(own), day, faults);
        if rows.is_empty() {
            return Err(missing());
        }
        texts(&rows, day, &seller_id, world, faults)
    };
    let name = format!("{seller_id}0156_{}", day.format("%Y%m%d"));
    let entry = |kind: &str, text: &str| {
        (GBK.encode(&format!("{name}_{kind}.csv")).0.into_owned(), GBK.encode(text).0.into_owned())
    };
    let entries = [entry("业务明细", &detail), entry("业务明细(汇总)", &summary)];
    let mut bytes = zip::write(&entries).ok_or_else(Failure::unknown)?;
    if faults.contains(&Fault::BillTruncated) {
        bytes.truncate(bytes.len() / 2);
    }
    let token = world.state().keep_bill(bytes, now_ms + ADDRESS_MS);
    let url = format!("{}/alipay/bill?token={token}", world.base_url);
    Ok(json!({"bill_download_url": url}))
}

fn rows<'a>(
    trades: impl Iterator<Item = &'a Trade>,
    day: NaiveDate,
    faults: &[Fault],
) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for trade in trades {
        for payment in trade.payments.iter().filter(|one| clock::day(one.paid_ms) == day) {
            let (at_ms, amount_fen) = (payment.paid_ms, payment.total_fen);
            rows.push(Row { trade, payment, refund: None, at_ms, amount_fen });
        }
        for refund in trade.refunds.iter().filter(|one| one.status == RefundStatus::Success) {
            let at_ms = refund.settled_ms.unwrap_or(refund.created_ms);
            let payment = trade.payment(Some(&refund.provider_trade_no));
            if let Some(payment) = payment.filter(|_| clock::day(at_ms) == day) {
                let amount_fen = -refund.refund_fen;
                rows.push(Row { trade, payment, refund: Some(refund), at_ms, amount_fen });
            }
        }
    }
    for fault in faults {
        match fault {
            Fault::BillMissingRow { out_trade_no } => {
                rows.retain(|row| row.trade.key.out_trade_no != *out_trade_no);
            }
            Fault::BillOtherAmount { out_trade_no, total_fen } => {
                for row in &mut rows {
                    if row.trade.key.out_trade_no == *out_trade_no {
                        row.amount_fen = *total_fen;
                    }
                }
            }
            _ => {}
        }
    }
    rows.sort_by_key(|row| row.at_ms);
    rows
}

fn cells(row: &Row<'_>, basis_points: i64, sums: &mut Sums) -> Vec<String> {
    let sign = if row.amount_fen < 0 { -1 } else { 1 };
    let fee = -sign * fee_fen(row.amount_fen.abs(), basis_points);
    let side = if row.refund.is_some() { &mut sums.refunds } else { &mut sums.payments };
    *side = (side.0 + 1, side.1 + row.amount_fen);
    sums.fee_fen += fee;
    // Ids end with a tab, so that spreadsheets keep them as text.
    let id = |text: &str| format!("{text}\t");
    let zero = || yuan(0);
    let mut cells = vec![
        id(&row.payment.provider_trade_no),
        id(&row.trade.key.out_trade_no),
        if row.refund.is_some() { "退款" } else { "交易" }.to_owned(),
        row.trade.description.replace(',', " "),
        clock::plain(row.trade.created_ms),
        clock::plain(row.at_ms),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        "yuf***@sandbox.com".to_owned(),
        yuan(row.amount_fen),
        yuan(row.amount_fen),
    ];
    cells.extend([zero(), zero(), zero(), zero(), zero(), String::new(), zero(), zero()]);
    cells.push(id(row.refund.map_or("", |refund| &refund.out_refund_no)));
    cells.extend([yuan(fee), zero(), String::new()]);
    cells
}

fn texts(
    rows: &[Row<'_>],
    day: NaiveDate,
    seller_id: &str,
    world: &World,
    faults: &[Fault],
) -> (String, String) {
    let moment = |day: NaiveDate| day.format("%Y年%m月%d日 00:00:00").to_string();
    let (from, to) = (moment(day), moment(day.succ_opt().unwrap_or(day)));
    let mut sums = Sums::default();
    let mut lines = vec![
        "#支付宝业务明细查询".to_owned(),
        format!("#账号：[{seller_id}0156]"),
        format!("#起始日期：[{from}]   终止日期：[{to}]"),
        "#-----------------------------------------业务明细列表----------------------------"
            .to_owned(),
        HEAD.to_owned(),
    ];
    for row in rows {
        lines.push(cells(row, world.config.fee_basis_points, &mut sums).join(","));
    }
    if let Some(first) = rows.first().filter(|_| faults.contains(&Fault::BillExtraRow)) {
        let mut extra = cells(first, world.config.fee_basis_points, &mut sums);
        extra[0] = "2026010122001000000000000000\t".to_owned();
        extra[1] = "NOBODYPLACEDTHIS\t".to_owned();
        lines.push(extra.join(","));
    }
    let Sums { payments, refunds, fee_fen } = sums;
    let foot = [
        "#-----------------------------------------业务明细列表结束------------------------"
            .to_owned(),
        format!("#交易合计：{}笔，商家实收共{}元，商家优惠共0.00元", payments.0, yuan(payments.1)),
        format!(
            "#退款合计：{}笔，商家实收退款共{}元，商家优惠退款共0.00元",
            refunds.0,
            yuan(refunds.1)
        ),
        format!("#导出时间：[{}]", clock::china(world.now_ms()).format("%Y年%m月%d日 %H:%M:%S")),
    ];
    if faults.contains(&Fault::BillExtraColumn) {
        for (at, line) in lines.iter_mut().skip(4).enumerate() {
            line.insert_str(0, if at == 0 { "新增列," } else { "新," });
        }
    }
    lines.extend(foot);
    let net_fen = payments.1 + refunds.1;
    let total = [payments.0.to_string(), refunds.0.to_string(), yuan(net_fen), yuan(net_fen)];
    let rest = [yuan(0), yuan(0), yuan(0), yuan(fee_fen), yuan(0), yuan(net_fen + fee_fen)];
    let summary = [
        "#支付宝业务汇总查询".to_owned(),
        format!("#账号：[{seller_id}0156]"),
        SUMMARY_HEAD.to_owned(),
        format!("合计,,{},{}", total.join(","), rest.join(",")),
    ];
    let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\r\n")).collect();
    (text(&lines), text(&summary))
}

/// The bill file behind an address; unsigned, as the real one.
pub(crate) async fn file(request: HttpRequest, world: web::Data<World>) -> HttpResponse {
    let token = query_value(request.query_string(), "token").unwrap_or_default();
    let now_ms = world.now_ms();
    let state = world.state();
    match state.bills.get(&token).filter(|bill| bill.until_ms >= now_ms) {
        Some(bill) => HttpResponse::Ok().content_type("application/zip").body(bill.bytes.clone()),
        None => HttpResponse::Forbidden().finish(),
    }
}

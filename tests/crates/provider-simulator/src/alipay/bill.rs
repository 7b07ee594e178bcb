//! Business and account bills: ZIPs of two GBK files from the simulator's own book
//! (payments.md B11).

mod account;
mod trade;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDate;
use encoding_rs::{EncoderResult, GBK};
use serde_json::json;

use super::request::Request;
use super::{Failure, Outcome, zip};
use crate::bill::{self, Whose};
use crate::book::ProviderKind;
use crate::clock;
use crate::fault::{Fault, Occasion, Site};
use crate::misbehave;
use crate::wechat_pay::call::query_value;
use crate::world::World;

/// How long a bill's address lives, in milliseconds.
const ADDRESS_MS: i64 = 30_000;

/// The hour of the next day from which a bill is ready.
const READY_HOUR: u32 = 9;

/// What stands above and below the rows of every sheet.
struct Sheet<'a> {
    seller_id: &'a str,
    day: NaiveDate,
    now_ms: i64,
}

/// Writes the detail sheet and the summary of some rows.
type Write = fn(&Sheet<'_>, &[bill::Row<'_>], &[Fault]) -> (String, String);

impl Sheet<'_> {
    fn account(&self) -> String {
        format!("#账号：[{}0156]", self.seller_id)
    }

    fn exported(&self) -> String {
        format!("#导出时间：[{}]", clock::china(self.now_ms).format("%Y年%m月%d日 %H:%M:%S"))
    }
}

fn heading(sheet: &Sheet<'_>, kind: &str) -> String {
    let moment = |day: NaiveDate| day.format("%Y年%m月%d日 00:00:00").to_string();
    let (from, to) = (moment(sheet.day), moment(sheet.day.succ_opt().unwrap_or(sheet.day)));
    let rule = "-".repeat(41);
    [
        format!("#支付宝{kind}查询"),
        sheet.account(),
        format!("#起始日期：[{from}]   终止日期：[{to}]"),
        format!("#{rule}{kind}列表{rule}"),
    ]
    .map(|line| line + "\r\n")
    .concat()
}

/// Ids end with a tab, so that spreadsheets keep them as text.
fn id(text: &str) -> String {
    format!("{text}\t")
}

/// Merchant text without what would break a line. How the real sheets write it is not documented.
fn plain(text: &str) -> String {
    text.replace([',', '\n', '\r', '\t'], " ")
}

/// The text in GBK; what GBK lacks becomes a question mark.
fn gbk(mut text: &str) -> Vec<u8> {
    let mut encoder = GBK.new_encoder();
    let mut bytes = Vec::with_capacity(text.len() + 8);
    loop {
        bytes.reserve(text.len() + 8);
        let (result, read) =
            encoder.encode_from_utf8_to_vec_without_replacement(text, &mut bytes, true);
        text = &text[read..];
        match result {
            EncoderResult::InputEmpty => return bytes,
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(_) => bytes.push(b'?'),
        }
    }
}

fn missing() -> Failure {
    Failure::new("isp.bill_not_exist", "账单不存在")
}

/// Reads `bill_date`, and whether the bill of that day can be there.
fn bill_day(world: &World, request: &Request, faults: &[Fault]) -> Result<NaiveDate, Failure> {
    let text = request.text("bill_date").unwrap_or_default();
    let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").map_err(|_| wrong())?;
    let now_ms = world.now_ms();
    let today = clock::day(now_ms);
    let early = today.pred_opt() == Some(day) && clock::hour(now_ms) < READY_HOUR;
    let soon = day > today || (!world.config.same_day_bills && (day == today || early));
    if soon || faults.contains(&Fault::BillNotReady) { Err(missing()) } else { Ok(day) }
}

fn wrong() -> Failure {
    Failure::new("isp.invalid_arguments", "入参不合法")
}

/// Answers where the bill is.
pub(crate) fn address(world: &World, request: &Request, faults: &[Fault]) -> Outcome {
    let (kind, sheets): (_, Write) = match request.text("bill_type").as_deref() {
        Some("trade") => ("业务明细", trade::sheets),
        Some("signcustomer") => ("账务明细", account::sheets),
        _ => return Err(wrong()),
    };
    let day = bill_day(world, request, faults)?;
    let now_ms = world.now_ms();
    let seller_id = world.alipay_app(&request.app_id).map_or("", |app| app.seller_id.as_str());
    let (detail, summary) = {
        let state = world.state();
        let provider = ProviderKind::Alipay;
        let whose = Whose { provider, merchant: &request.app_id, sub_merchant: None };
        let rows = bill::rows(&state, whose, day, world.config.fee_basis_points, faults);
        if rows.is_empty() {
            return Err(missing());
        }
        sheets(&Sheet { seller_id, day, now_ms }, &rows, faults)
    };
    let name = format!("{seller_id}0156_{}", day.format("%Y%m%d"));
    let entry = |kind: &str, text: &str| (gbk(&format!("{name}_{kind}.csv")), gbk(text));
    let entries = [entry(kind, &detail), entry(&format!("{kind}(汇总)"), &summary)];
    let mut bytes = zip::write(&entries).ok_or_else(Failure::unknown)?;
    if faults.contains(&Fault::BillTruncated) {
        bytes.truncate(bytes.len() / 2);
    }
    let token = world.state().keep_bill(bytes, now_ms + ADDRESS_MS);
    let url = format!("{}/alipay/bill?token={token}", world.base_url);
    Ok(json!({"bill_download_url": url}))
}

/// The bill file behind an address; unsigned, as the real one.
pub(crate) async fn file(request: HttpRequest, world: web::Data<World>) -> HttpResponse {
    let token = query_value(request.query_string(), "token").unwrap_or_default();
    let provider = Some(ProviderKind::Alipay);
    let occasion = Occasion { site: Site::BillFile, provider, out_trade_no: "" };
    let faults = world.state().draw(occasion);
    misbehave::wait(&faults).await;
    for fault in &faults {
        if let Fault::Status { status, .. } = fault {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::FORBIDDEN);
            return HttpResponse::build(status).finish();
        }
    }
    let now_ms = world.now_ms();
    let alive = !faults.contains(&Fault::BillLinkExpired);
    let state = world.state();
    match state.bills.get(&token).filter(|bill| alive && bill.until_ms >= now_ms) {
        Some(bill) => HttpResponse::Ok().content_type("application/zip").body(bill.bytes.clone()),
        None => HttpResponse::Forbidden().finish(),
    }
}

//! Trade and fund-flow bills from the simulator's own book (payments.md A13).

mod fund_flow;
mod trade;

use std::io::Write;

use chrono::NaiveDate;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::answer::Answer;
use super::call::query_value;
use super::front::Caller;
use super::problem::{self, Problem};
use crate::bill::{self, Whose};
use crate::book::ProviderKind;
use crate::clock;
use crate::crypto::digest;
use crate::fault::Fault;
use crate::world::World;
use trade::Kind;

/// How long a bill's address lives, in milliseconds.
const ADDRESS_MS: i64 = 5 * 60 * 1_000;

/// The hour of the next day from which a bill is ready.
const READY_HOUR: u32 = 10;

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

/// Commas and line ends in merchant text arrive as the official bills write them.
fn escaped(text: &str) -> String {
    text.replace(',', "\\ ").replace('\n', "\\n").replace('\r', "")
}

/// A file in the making: BOM, CRLF, a backtick before every value.
struct Text(String);

impl Default for Text {
    fn default() -> Self {
        Self("\u{feff}".to_owned())
    }
}

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push_str("\r\n");
    }

    fn values<'a>(&mut self, first: Option<&'a str>, cells: impl Iterator<Item = &'a str>) {
        for (at, cell) in first.into_iter().chain(cells).enumerate() {
            self.0.push_str(if at == 0 { "`" } else { ",`" });
            self.0.push_str(cell);
        }
        self.0.push_str("\r\n");
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
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
    let text = {
        let state = world.state();
        let whose = whose(caller, sub.as_deref());
        let mut rows = bill::rows(&state, whose, day, basis_points, faults);
        rows.retain(|row| kind.holds(row));
        if rows.is_empty() {
            return Err(problem::NO_STATEMENT);
        }
        trade::text(&rows, kind, basis_points, faults)
    };
    address(world, query, &text, faults)
}

fn whose<'a>(caller: &'a Caller, sub_merchant: Option<&'a str>) -> Whose<'a> {
    Whose { provider: ProviderKind::WechatPay, merchant: &caller.mchid, sub_merchant }
}

/// The fund-flow bill.
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
    let text = {
        let state = world.state();
        let basis_points = world.config.fee_basis_points;
        let rows = bill::rows(&state, whose(caller, None), day, basis_points, faults);
        fund_flow::text(&rows, faults).ok_or(problem::NO_STATEMENT)?
    };
    address(world, query, &text, faults)
}

/// The file behind an address.
pub(crate) fn file(world: &World, query: &str, faults: &[Fault]) -> Result<Answer, Problem> {
    let token = query_value(query, "token").unwrap_or_default();
    let now_ms = world.now_ms();
    let state = world.state();
    let alive = !faults.contains(&Fault::BillLinkExpired);
    let bill = state.bills.get(&token).filter(|bill| alive && bill.until_ms >= now_ms);
    Ok(Answer::file(bill.ok_or(problem::BILL_GONE)?.bytes.clone()))
}

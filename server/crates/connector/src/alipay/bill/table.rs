//! The bill's content: GBK text, columns by name, closed by its own totals.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use domain::Money;

use super::{BillError, archive};
use crate::alipay::wire;

/// The most rows a day's bill may have.
pub const ROWS_MAX: usize = 2_000_000;

/// One day's payments and refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// The rows in the order of the sheet.
    pub rows: Vec<BillRow>,
    /// The sheet's own totals, which the rows were checked against.
    pub totals: Totals,
    /// SHA-256 of the archive in hexadecimal: our own, for the file; Alipay gives none.
    pub sha256: String,
}

/// One payment or refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillRow {
    /// Its line in the sheet, counted from one.
    pub line: usize,
    /// What happened.
    pub kind: RowKind,
    /// Alipay's number for the trade (支付宝交易号).
    pub provider_trade_no: String,
    /// Our number for the attempt (商户订单号).
    pub out_trade_no: String,
    /// Our number for the refund (退款批次号/请求号).
    pub out_refund_no: Option<String>,
    /// What was sold (商品名称), if the sheet says.
    pub subject: String,
    /// When it was done (完成时间).
    pub finished_at: Option<DateTime<Utc>>,
    /// The order's amount (订单金额); below zero for refunds.
    pub amount: Money,
    /// What we received of it (商家实收); below zero for refunds.
    pub received: Money,
    /// Alipay's fee (服务费); below zero where it is taken.
    pub fee: Money,
}

/// What a row tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// 交易.
    Payment,
    /// 退款.
    Refund,
    /// Anything else, in Alipay's word: for a person.
    Other(String),
}

/// The two closing lines of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Payments (交易合计).
    pub payment_count: u64,
    /// What we received by them.
    pub received: Money,
    /// Refunds (退款合计).
    pub refund_count: u64,
    /// What we gave back, without its sign.
    pub given_back: Money,
}

/// Unpacks and reads a day's bill, and checks the rows against the sheet's own totals.
///
/// Columns are found by name, so that a new or moved column is no harm.
///
/// # Errors
/// See [`BillError`]; a bill that is not whole and right is not used at all.
pub fn open(zip: &[u8]) -> Result<Bill, BillError> {
    let sheet = archive::sheet(zip, archive::UNPACKED_MAX)?;
    let (rows, totals) = read(&sheet)?;
    let sha256 = digest(&SHA256, zip).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Bill { rows, totals, sha256 })
}

fn read(sheet: &[u8]) -> Result<(Vec<BillRow>, Totals), BillError> {
    let text = encoding_rs::GBK
        .decode_without_bom_handling_and_without_replacement(sheet)
        .ok_or(BillError::NotGbk)?;
    let mut columns = None;
    let mut rows = Vec::new();
    let mut closing = Closing::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end_matches(['\r', ' ']);
        if let Some(remark) = line.strip_prefix('#') {
            closing.hear(remark);
        } else if line.is_empty() {
        } else if let Some(columns) = &columns {
            if rows.len() == ROWS_MAX {
                return Err(BillError::TooLarge);
            }
            rows.push(Columns::row(columns, index + 1, line)?);
        } else {
            columns = Some(Columns::find(line)?);
        }
    }
    if columns.is_none() {
        return Err(BillError::NoColumn { column: "支付宝交易号" });
    }
    let totals = closing.totals()?;
    check(&rows, &totals)?;
    Ok((rows, totals))
}

/// Where the columns stand.
struct Columns {
    count: usize,
    provider_trade_no: usize,
    out_trade_no: usize,
    kind: usize,
    subject: Option<usize>,
    finished_at: usize,
    amount: usize,
    received: usize,
    refund_no: usize,
    fee: usize,
}

impl Columns {
    fn find(line: &str) -> Result<Self, BillError> {
        let names: Vec<String> = line.split(',').map(plain_name).collect();
        let at = |column: &str| names.iter().position(|name| name == column);
        let must = |column: &'static str| at(column).ok_or(BillError::NoColumn { column });
        Ok(Columns {
            count: names.len(),
            provider_trade_no: must("支付宝交易号")?,
            out_trade_no: must("商户订单号")?,
            kind: must("业务类型")?,
            subject: at("商品名称"),
            finished_at: must("完成时间")?,
            amount: must("订单金额")?,
            received: must("商家实收")?,
            refund_no: must("退款批次号/请求号")?,
            fee: must("服务费")?,
        })
    }

    fn row(&self, line: usize, text: &str) -> Result<BillRow, BillError> {
        let bad = |column| BillError::BadRow { line, column };
        let cells = cells(text, self.count).ok_or(bad("columns"))?;
        let money = |at: usize, column| {
            let cell = &cells[at];
            if cell.is_empty() { Ok(Money::ZERO) } else { Money::parse_yuan(cell) }
                .map_err(|_| bad(column))
        };
        let kind = match cells[self.kind].as_str() {
            "交易" => RowKind::Payment,
            "退款" => RowKind::Refund,
            other => RowKind::Other(other.to_owned()),
        };
        let finished = &cells[self.finished_at];
        let finished_at = wire::read_moment(finished);
        if finished_at.is_none() && !finished.is_empty() {
            return Err(bad("完成时间"));
        }
        if cells[self.provider_trade_no].is_empty() {
            return Err(bad("支付宝交易号"));
        }
        Ok(BillRow {
            line,
            kind,
            provider_trade_no: cells[self.provider_trade_no].clone(),
            out_trade_no: cells[self.out_trade_no].clone(),
            out_refund_no: Some(cells[self.refund_no].clone()).filter(|no| !no.is_empty()),
            subject: self.subject.map(|at| cells[at].clone()).unwrap_or_default(),
            finished_at,
            amount: money(self.amount, "订单金额")?,
            received: money(self.received, "商家实收")?,
            fee: money(self.fee, "服务费")?,
        })
    }
}

/// A column's name without its unit, whichever brackets it is written in.
fn plain_name(name: &str) -> String {
    let name = name.trim();
    let bare = name.strip_suffix("（元）").or(name.strip_suffix("(元)"));
    bare.unwrap_or(name).to_owned()
}

/// The cells of a row, without the TABs and blanks around them. A subject may hold a comma and be
/// quoted; the number of columns tells which reading is right, and if neither is, none is taken.
fn cells(line: &str, count: usize) -> Option<Vec<String>> {
    let plain: Vec<String> = line.split(',').map(|cell| cell.trim().to_owned()).collect();
    if plain.len() == count {
        return Some(plain);
    }
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    for character in line.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            other => cells.last_mut()?.push(other),
        }
    }
    let cells: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
    (cells.len() == count && !is_quoted).then_some(cells)
}

/// The two closing lines as far as they were seen.
#[derive(Default)]
struct Closing {
    payments: Option<(u64, Money)>,
    refunds: Option<(u64, Money)>,
}

impl Closing {
    /// `交易合计：1笔，商家实收共50.00元，商家优惠共0.00元`
    fn hear(&mut self, remark: &str) {
        if let Some(rest) = remark.strip_prefix("交易合计：") {
            self.payments = total(rest, "商家实收共");
        } else if let Some(rest) = remark.strip_prefix("退款合计：") {
            self.refunds = total(rest, "商家实收退款共");
        }
    }

    fn totals(self) -> Result<Totals, BillError> {
        let (payment_count, received) = self.payments.ok_or(BillError::CutOff)?;
        let (refund_count, given_back) = self.refunds.ok_or(BillError::CutOff)?;
        let given_back = Money::from_fen(given_back.fen().saturating_abs());
        Ok(Totals { payment_count, received, refund_count, given_back })
    }
}

fn total(text: &str, label: &str) -> Option<(u64, Money)> {
    let (count, rest) = text.split_once('笔')?;
    let (_, rest) = rest.split_once(label)?;
    let (amount, _) = rest.split_once('元')?;
    Some((count.trim().parse().ok()?, Money::parse_yuan(amount.trim()).ok()?))
}

/// Invariant: rows that do not add up are not a bill (`rows_that_do_not_add_up_are_no_bill`).
fn check(rows: &[BillRow], totals: &Totals) -> Result<(), BillError> {
    let differ = |what| BillError::TotalsDiffer { what };
    let sum = |kind: RowKind, what| {
        let mut of_kind = rows.iter().filter(|row| row.kind == kind);
        let (mut count, mut amount) = (0u64, Money::ZERO);
        of_kind.try_for_each(|row| {
            count += 1;
            amount = amount.checked_add(row.received).map_err(|_| differ(what))?;
            Ok(())
        })?;
        Ok((count, amount))
    };
    let (payment_count, received) = sum(RowKind::Payment, "交易合计")?;
    let (refund_count, given_back) = sum(RowKind::Refund, "退款合计")?;
    if (payment_count, received) != (totals.payment_count, totals.received) {
        return Err(differ("交易合计"));
    }
    let given_back = given_back.checked_neg().map_err(|_| differ("退款合计"))?;
    if (refund_count, given_back) != (totals.refund_count, totals.given_back) {
        return Err(differ("退款合计"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

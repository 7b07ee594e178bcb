//! The trade bill (交易账单): every payment and refund of a day.

use chrono::{DateTime, Utc};
use domain::Money;

use super::{
    BillError,
    table::{Line, Table},
};

/// A trade bill, its summary checked against its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeBill {
    /// The rows in the file's order.
    pub rows: Vec<TradeRow>,
}

/// One payment or one refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeRow {
    /// When it happened (交易时间): decides the business day.
    pub at: DateTime<Utc>,
    /// 公众账号ID.
    pub appid: String,
    /// 商户号: the merchant that signs.
    pub mchid: String,
    /// 特约商户号, in partner mode.
    pub sub_mchid: Option<String>,
    /// 微信订单号; a refund repeats its payment's.
    pub transaction_id: String,
    /// 商户订单号: our number for the attempt.
    pub out_trade_no: String,
    /// 用户标识.
    pub payer: String,
    /// 交易类型, such as `NATIVE`.
    pub trade_type: String,
    /// 交易状态.
    pub state: TradeState,
    /// 货币种类.
    pub currency: String,
    /// 订单金额: what a payment was for; zero in a refund's row.
    pub total: Money,
    /// 应结订单金额: the same without coupons that cost the merchant nothing.
    pub settled: Money,
    /// 手续费, in thousandths of a fen; negative where a refund gives it back.
    pub fee_millifen: i64,
    /// 费率, as written.
    pub rate: String,
    /// The refund, in a refund's row.
    pub refund: Option<RefundCells>,
}

/// 交易状态.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeState {
    /// A payment.
    Success,
    /// A refund.
    Refund,
    /// A payment taken back at once (code payment only).
    Revoked,
}

/// What only a refund's row has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundCells {
    /// 微信退款单号.
    pub refund_id: String,
    /// 商户退款单号: our number for the refund.
    pub out_refund_no: String,
    /// 申请退款金额: what was asked to go back.
    pub amount: Money,
    /// 退款金额: the same without coupons that cost the merchant nothing.
    pub settled: Money,
    /// 退款状态 as it stood when the bill was made: `SUCCESS`, `PROCESSING`, `FAIL`, `CHANGE`.
    pub status: String,
    /// 退款申请时间, in the refund bill.
    pub requested_at: Option<DateTime<Utc>>,
    /// 退款成功时间, in the refund bill.
    pub succeeded_at: Option<DateTime<Utc>>,
}

/// Reads a proven trade bill of any of the three kinds. Columns are found by name; columns we do
/// not know are passed over.
pub fn read_trade(bytes: &[u8]) -> Result<TradeBill, BillError> {
    let table = Table::read(bytes)?;
    let rows = table.rows().map(|line| row(&line?)).collect::<Result<Vec<_>, _>>()?;
    let summary = table.summary()?;
    if summary.count("总交易单数")? != rows.len() {
        return Err(BillError::SummaryMismatch("总交易单数"));
    }
    let refund = |pick: fn(&RefundCells) -> Money| {
        sum(rows.iter().map(|row| row.refund.as_ref().map_or(Money::ZERO, pick)))
    };
    summary.check_sum("订单总金额", sum(rows.iter().map(|row| row.total)))?;
    summary.check_sum("应结订单总金额", sum(rows.iter().map(|row| row.settled)))?;
    summary.check_sum("退款总金额", refund(|cells| cells.settled))?;
    summary.check_sum("申请退款总金额", refund(|cells| cells.amount))?;
    let mut fees = rows.iter().map(|row| row.fee_millifen);
    summary.check_fee("手续费总金额", fees.try_fold(0, i64::checked_add))?;
    Ok(TradeBill { rows })
}

/// The sum of amounts; `None` if it does not fit.
pub(super) fn sum(mut amounts: impl Iterator<Item = Money>) -> Option<Money> {
    amounts.try_fold(Money::ZERO, |sum, amount| sum.checked_add(amount).ok())
}

fn row(line: &Line<'_, '_>) -> Result<TradeRow, BillError> {
    let state = match line.text("交易状态")? {
        "SUCCESS" => TradeState::Success,
        "REFUND" => TradeState::Refund,
        "REVOKED" => TradeState::Revoked,
        _ => return Err(line.unreadable("交易状态")),
    };
    // Bills of before 2019 call the sub-merchant by another name.
    let sub_mchid = match line.find("特约商户号") {
        Some(_) => line.optional("特约商户号")?,
        None => line.optional("子商户号")?,
    };
    Ok(TradeRow {
        at: line.moment("交易时间")?,
        appid: line.name("公众账号ID")?,
        mchid: line.name("商户号")?,
        sub_mchid,
        transaction_id: line.name("微信订单号")?,
        out_trade_no: line.name("商户订单号")?,
        payer: line.text("用户标识")?.to_owned(),
        trade_type: line.text("交易类型")?.to_owned(),
        state,
        currency: line.text("货币种类")?.to_owned(),
        total: line.money("订单金额")?,
        settled: line.money("应结订单金额")?,
        fee_millifen: line.fee_millifen("手续费")?,
        rate: line.text("费率")?.to_owned(),
        refund: if state == TradeState::Refund { Some(refund_cells(line)?) } else { None },
    })
}

fn refund_cells(line: &Line<'_, '_>) -> Result<RefundCells, BillError> {
    // Only the refund bill has the times; a refund under way has no second one.
    let moment = |column: &'static str| match line.find(column) {
        None | Some("") => Ok(None),
        Some(_) => line.moment(column).map(Some),
    };
    Ok(RefundCells {
        refund_id: line.name("微信退款单号")?,
        out_refund_no: line.name("商户退款单号")?,
        amount: line.money("申请退款金额")?,
        settled: line.money("退款金额")?,
        status: line.name("退款状态")?,
        requested_at: moment("退款申请时间")?,
        succeeded_at: moment("退款成功时间")?,
    })
}

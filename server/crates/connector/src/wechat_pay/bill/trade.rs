//! The trade bill (交易账单): every payment and refund of a day.

use std::io::Read;

use chrono::{DateTime, Utc};
use domain::{BusinessDay, Money};

use super::{
    Link, file,
    table::{Sheet, Summary},
};
use crate::bill::{BillError, Cells, Column, Header, Sum, Whole};

/// One payment or one refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeRow {
    /// Its line in the file, counted from one.
    pub line: usize,
    /// When it happened (交易时间).
    pub at: DateTime<Utc>,
    /// The day it happened on WeChat's clock, which decides the business day.
    pub day: BusinessDay,
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
    /// 商品名称 as the bill writes it: `\ ` may stand for a comma, `\n` for a line end.
    pub subject: String,
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

/// Reads a trade bill of any of the three kinds and hands on its rows, which count only if this
/// ends well ([`crate::bill`]). Columns are found by name; columns we do not know are passed over.
///
/// # Errors
/// See [`BillError`].
pub fn read_trade(
    link: &Link,
    file: impl Read,
    each: impl FnMut(TradeRow),
) -> Result<Whole, BillError> {
    file::read::<Trade>(link, file, each)
}

/// Where the columns stand, and the sums so far.
struct Trade {
    at: Column,
    appid: Column,
    mchid: Column,
    sub_mchid: Option<Column>,
    transaction_id: Column,
    out_trade_no: Column,
    payer: Column,
    trade_type: Column,
    state: Column,
    currency: Column,
    total: Column,
    settled: Column,
    fee: Column,
    rate: Column,
    subject: Option<Column>,
    refund: Option<RefundColumns>,
    sums: Sums,
}

/// The payment bill has none of these.
struct RefundColumns {
    refund_id: Column,
    out_refund_no: Column,
    amount: Column,
    settled: Column,
    status: Column,
    requested_at: Option<Column>,
    succeeded_at: Option<Column>,
}

struct Sums {
    total: Sum,
    settled: Sum,
    refund: Sum,
    refund_settled: Sum,
    fee_millifen: Option<i64>,
}

impl RefundColumns {
    fn find(header: &Header) -> Result<Self, BillError> {
        Ok(RefundColumns {
            refund_id: header.must("微信退款单号")?,
            out_refund_no: header.must("商户退款单号")?,
            amount: header.must("申请退款金额")?,
            settled: header.must("退款金额")?,
            status: header.must("退款状态")?,
            requested_at: header.find("退款申请时间"),
            succeeded_at: header.find("退款成功时间"),
        })
    }

    fn cells(&self, cells: &Cells<'_>) -> Result<RefundCells, BillError> {
        // Only the refund bill has the times; a refund under way has no second one.
        let moment = |column: Option<Column>| match column {
            Some(column) => cells.moment_or_none(column),
            None => Ok(None),
        };
        Ok(RefundCells {
            refund_id: cells.name(self.refund_id)?,
            out_refund_no: cells.name(self.out_refund_no)?,
            amount: cells.money(self.amount)?,
            settled: cells.money(self.settled)?,
            status: cells.name(self.status)?,
            requested_at: moment(self.requested_at)?,
            succeeded_at: moment(self.succeeded_at)?,
        })
    }
}

impl Sheet for Trade {
    type Row = TradeRow;

    fn columns(header: &Header) -> Result<Self, BillError> {
        let refunds = header.find("商户退款单号").or(header.find("微信退款单号"));
        Ok(Trade {
            at: header.must("交易时间")?,
            appid: header.must("公众账号ID")?,
            mchid: header.must("商户号")?,
            // Bills of before 2019 call the sub-merchant by another name.
            sub_mchid: header.find("特约商户号").or(header.find("子商户号")),
            transaction_id: header.must("微信订单号")?,
            out_trade_no: header.must("商户订单号")?,
            payer: header.must("用户标识")?,
            trade_type: header.must("交易类型")?,
            state: header.must("交易状态")?,
            currency: header.must("货币种类")?,
            total: header.must("订单金额")?,
            settled: header.must("应结订单金额")?,
            fee: header.must("手续费")?,
            rate: header.must("费率")?,
            subject: header.find("商品名称"),
            refund: refunds.map(|_| RefundColumns::find(header)).transpose()?,
            sums: Sums {
                total: Sum::default(),
                settled: Sum::default(),
                refund: Sum::default(),
                refund_settled: Sum::default(),
                fee_millifen: Some(0),
            },
        })
    }

    fn row(&mut self, cells: &Cells<'_>) -> Result<TradeRow, BillError> {
        let state = match cells.text(self.state) {
            "SUCCESS" => TradeState::Success,
            "REFUND" => TradeState::Refund,
            "REVOKED" => TradeState::Revoked,
            _ => return Err(cells.unreadable(self.state)),
        };
        let refund = match (state, &self.refund) {
            (TradeState::Refund, Some(columns)) => Some(columns.cells(cells)?),
            (TradeState::Refund, None) => return Err(BillError::MissingColumn("商户退款单号")),
            _ => None,
        };
        let at = cells.moment(self.at)?;
        let row = TradeRow {
            line: cells.line(),
            at,
            day: BusinessDay::of(at),
            appid: cells.name(self.appid)?,
            mchid: cells.name(self.mchid)?,
            sub_mchid: self.sub_mchid.and_then(|column| cells.optional(column)),
            transaction_id: cells.name(self.transaction_id)?,
            out_trade_no: cells.name(self.out_trade_no)?,
            payer: cells.text(self.payer).to_owned(),
            trade_type: cells.text(self.trade_type).to_owned(),
            state,
            currency: cells.text(self.currency).to_owned(),
            total: cells.money(self.total)?,
            settled: cells.money(self.settled)?,
            fee_millifen: cells.fee_millifen(self.fee)?,
            rate: cells.text(self.rate).to_owned(),
            subject: self.subject.map_or("", |column| cells.text(column)).to_owned(),
            refund,
        };
        self.sums.add(&row);
        Ok(row)
    }

    fn check(&self, rows: usize, summary: &Summary<'_>) -> Result<(), BillError> {
        summary.check_count("总交易单数", rows)?;
        summary.check_sum("订单总金额", self.sums.total)?;
        summary.check_sum("应结订单总金额", self.sums.settled)?;
        summary.check_sum("退款总金额", self.sums.refund_settled)?;
        summary.check_sum("申请退款总金额", self.sums.refund)?;
        summary.check_fee("手续费总金额", self.sums.fee_millifen)
    }
}

impl Sums {
    fn add(&mut self, row: &TradeRow) {
        self.total.add(row.total);
        self.settled.add(row.settled);
        if let Some(refund) = &row.refund {
            self.refund.add(refund.amount);
            self.refund_settled.add(refund.settled);
        }
        self.fee_millifen = self.fee_millifen.and_then(|sum| sum.checked_add(row.fee_millifen));
    }
}

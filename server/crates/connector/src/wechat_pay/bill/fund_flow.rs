//! The fund-flow bill (资金账单): every movement on an account of the merchant's.

use std::io::Read;

use chrono::{DateTime, Utc};
use domain::{BusinessDay, Money};

use super::{
    Link, file,
    table::{Sheet, Summary},
};
use crate::bill::{BillError, Cells, Column, Header, Sum, Whole};

/// One movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundFlowRow {
    /// Its line in the file, counted from one.
    pub line: usize,
    /// 记账时间.
    pub at: DateTime<Utc>,
    /// The day it was booked on WeChat's clock.
    pub day: BusinessDay,
    /// 微信支付业务单号.
    pub business_no: String,
    /// 资金流水单号.
    pub flow_no: String,
    /// 业务名称, such as 交易, 退款, 提现.
    pub business_name: String,
    /// 业务类型.
    pub business_type: String,
    /// 收支类型.
    pub direction: Direction,
    /// 收支金额(元), never negative.
    pub amount: Money,
    /// 账户结余(元) after the movement.
    pub balance: Money,
    /// 备注.
    pub remark: String,
    /// 业务凭证号: our number, where there is one.
    pub voucher_no: String,
}

/// 收支类型.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// 收入.
    In,
    /// 支出.
    Out,
}

/// Reads a fund-flow bill and hands on its rows, which count only if this ends well
/// ([`crate::bill`]). Columns are found by name; columns we do not know are passed over.
///
/// # Errors
/// See [`BillError`].
pub fn read_fund_flow(
    link: &Link,
    file: impl Read,
    each: impl FnMut(FundFlowRow),
) -> Result<Whole, BillError> {
    file::read::<FundFlow>(link, file, each)
}

/// Where the columns stand, and the sums so far.
struct FundFlow {
    at: Column,
    business_no: Column,
    flow_no: Column,
    business_name: Column,
    business_type: Column,
    direction: Column,
    amount: Column,
    balance: Column,
    remark: Column,
    voucher_no: Column,
    income: (usize, Sum),
    expense: (usize, Sum),
}

impl Sheet for FundFlow {
    type Row = FundFlowRow;

    fn columns(header: &Header) -> Result<Self, BillError> {
        Ok(FundFlow {
            at: header.must("记账时间")?,
            business_no: header.must("微信支付业务单号")?,
            flow_no: header.must("资金流水单号")?,
            business_name: header.must("业务名称")?,
            business_type: header.must("业务类型")?,
            direction: header.must("收支类型")?,
            amount: header.must("收支金额(元)")?,
            balance: header.must("账户结余(元)")?,
            remark: header.must("备注")?,
            voucher_no: header.must("业务凭证号")?,
            income: Default::default(),
            expense: Default::default(),
        })
    }

    fn row(&mut self, cells: &Cells<'_>) -> Result<FundFlowRow, BillError> {
        let (direction, side) = match cells.text(self.direction) {
            "收入" => (Direction::In, &mut self.income),
            "支出" => (Direction::Out, &mut self.expense),
            _ => return Err(cells.unreadable(self.direction)),
        };
        let amount = cells.money(self.amount)?;
        if amount.is_negative() {
            return Err(cells.unreadable(self.amount));
        }
        side.0 += 1;
        side.1.add(amount);
        let at = cells.moment(self.at)?;
        Ok(FundFlowRow {
            line: cells.line(),
            at,
            day: BusinessDay::of(at),
            business_no: cells.name(self.business_no)?,
            flow_no: cells.name(self.flow_no)?,
            business_name: cells.text(self.business_name).to_owned(),
            business_type: cells.text(self.business_type).to_owned(),
            direction,
            amount,
            balance: cells.money(self.balance)?,
            remark: cells.text(self.remark).to_owned(),
            voucher_no: cells.text(self.voucher_no).to_owned(),
        })
    }

    fn check(&self, rows: usize, summary: &Summary<'_>) -> Result<(), BillError> {
        summary.check_count("资金流水总笔数", rows)?;
        summary.check_count("收入笔数", self.income.0)?;
        summary.check_sum("收入金额", self.income.1)?;
        summary.check_count("支出笔数", self.expense.0)?;
        summary.check_sum("支出金额", self.expense.1)
    }
}

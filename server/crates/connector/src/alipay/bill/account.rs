//! The account bill (账务账单): every movement of the money itself, fees and pay-outs included.

use std::io::{Read, Seek};

use chrono::{DateTime, Utc};
use domain::{BusinessDay, Money};

use super::{
    archive,
    table::{self, Sheet, Total},
};
use crate::bill::{BillError, Cells, Column, Header, Sum, UNPACKED_MAX, Whole};

/// One movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Its line in the sheet, counted from one.
    pub line: usize,
    /// Alipay's number for the movement (账务流水号).
    pub flow_no: String,
    /// Alipay's number for what caused it (业务流水号), the trade where there is one.
    pub business_no: String,
    /// Our number (商户订单号), where there is one.
    pub out_trade_no: String,
    /// When it happened (发生时间).
    pub at: DateTime<Utc>,
    /// The day it happened on Alipay's clock.
    pub day: BusinessDay,
    /// What came (收入金额) less what went (支出金额).
    pub amount: Money,
    /// The account after it (账户余额).
    pub balance: Money,
    /// What caused it (业务类型), in Alipay's words: 在线支付, 交易退款, 收费, …
    pub business_type: String,
    /// 备注.
    pub remark: String,
}

/// Reads a day's account bill and hands on its rows, which count only if this ends well
/// ([`crate::bill`]).
///
/// # Errors
/// See [`BillError`]; a bill that is not whole and right is not used at all.
pub fn read_account(
    file: impl Read + Seek,
    each: impl FnMut(AccountRow),
) -> Result<Whole, BillError> {
    let ((rows, unpacked_bytes), sha256) =
        archive::sheet(file, "账务明细.csv", UNPACKED_MAX, |text| {
            table::read::<Account>(text, each)
        })?;
    Ok(Whole { rows, unpacked_bytes, sha256 })
}

/// Where the columns stand, and the sums so far.
pub(super) struct Account {
    flow_no: Column,
    business_no: Column,
    out_trade_no: Column,
    at: Column,
    income: Column,
    expense: Column,
    balance: Column,
    business_type: Option<Column>,
    remark: Option<Column>,
    expenses: (usize, Sum),
    incomes: (usize, Sum),
}

impl Sheet for Account {
    type Row = AccountRow;

    const TOTALS: [(&'static str, &'static str); 2] = [("支出合计", "共"), ("收入合计", "共")];

    fn columns(header: &Header) -> Result<Self, BillError> {
        Ok(Account {
            flow_no: header.must("账务流水号")?,
            business_no: header.must("业务流水号")?,
            out_trade_no: header.must("商户订单号")?,
            at: header.must("发生时间")?,
            income: header.must("收入金额")?,
            expense: header.must("支出金额")?,
            balance: header.must("账户余额")?,
            business_type: header.find("业务类型"),
            remark: header.find("备注"),
            expenses: Default::default(),
            incomes: Default::default(),
        })
    }

    fn row(&mut self, cells: &Cells<'_>) -> Result<AccountRow, BillError> {
        let income = cells.money_or_none(self.income)?;
        if income.is_negative() {
            return Err(cells.unreadable(self.income));
        }
        // What went is written with its sign in some sheets and without in others.
        let expense = cells.money_or_none(self.expense)?;
        let expense = Money::from_fen(expense.fen().checked_abs().unwrap_or(i64::MAX));
        if income.is_positive() && expense.is_positive() {
            return Err(cells.unreadable(self.expense));
        }
        if income.is_positive() {
            self.incomes.0 += 1;
            self.incomes.1.add(income);
        }
        if expense.is_positive() {
            self.expenses.0 += 1;
            self.expenses.1.add(expense);
        }
        let at = cells.moment(self.at)?;
        let optional = |column: Option<Column>| column.map_or("", |one| cells.text(one)).to_owned();
        Ok(AccountRow {
            line: cells.line(),
            flow_no: cells.name(self.flow_no)?,
            business_no: cells.text(self.business_no).to_owned(),
            out_trade_no: cells.text(self.out_trade_no).to_owned(),
            at,
            day: BusinessDay::of(at),
            amount: income.checked_sub(expense).map_err(|_| cells.unreadable(self.income))?,
            balance: cells.money_or_none(self.balance)?,
            business_type: optional(self.business_type),
            remark: optional(self.remark),
        })
    }

    fn check(&self, [expenses, incomes]: [Total; 2]) -> Result<(), BillError> {
        if self.expenses.0 != expenses.count || !self.expenses.1.is_either_way(expenses.amount) {
            return Err(BillError::TotalsDiffer("支出合计"));
        }
        if self.incomes.0 != incomes.count || !self.incomes.1.is(incomes.amount) {
            return Err(BillError::TotalsDiffer("收入合计"));
        }
        Ok(())
    }
}

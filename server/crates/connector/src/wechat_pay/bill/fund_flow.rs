//! The fund-flow bill (资金账单): every movement on an account of the merchant's.

use chrono::{DateTime, Utc};
use domain::Money;

use super::{
    BillError,
    table::{Line, Table},
    trade::sum,
};

/// A fund-flow bill, its summary checked against its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundFlowBill {
    /// The rows in the file's order.
    pub rows: Vec<FundFlowRow>,
}

/// One movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundFlowRow {
    /// 记账时间.
    pub at: DateTime<Utc>,
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

/// Reads a proven fund-flow bill. Columns are found by name; columns we do not know are passed
/// over.
pub fn read_fund_flow(bytes: &[u8]) -> Result<FundFlowBill, BillError> {
    let table = Table::read(bytes)?;
    let rows = table.rows().map(|line| row(&line?)).collect::<Result<Vec<_>, _>>()?;
    let summary = table.summary()?;
    if summary.count("资金流水总笔数")? != rows.len() {
        return Err(BillError::SummaryMismatch("资金流水总笔数"));
    }
    let sides = [(Direction::In, "收入笔数", "收入金额"), (Direction::Out, "支出笔数", "支出金额")];
    for (direction, count, amount) in sides {
        let side = || rows.iter().filter(|row| row.direction == direction);
        if summary.count(count)? != side().count() {
            return Err(BillError::SummaryMismatch(count));
        }
        summary.check_sum(amount, sum(side().map(|row| row.amount)))?;
    }
    Ok(FundFlowBill { rows })
}

fn row(line: &Line<'_, '_>) -> Result<FundFlowRow, BillError> {
    let direction = match line.text("收支类型")? {
        "收入" => Direction::In,
        "支出" => Direction::Out,
        _ => return Err(line.unreadable("收支类型")),
    };
    let amount = line.money("收支金额(元)")?;
    if amount.is_negative() {
        return Err(line.unreadable("收支金额(元)"));
    }
    Ok(FundFlowRow {
        at: line.moment("记账时间")?,
        business_no: line.name("微信支付业务单号")?,
        flow_no: line.name("资金流水单号")?,
        business_name: line.text("业务名称")?.to_owned(),
        business_type: line.text("业务类型")?.to_owned(),
        direction,
        amount,
        balance: line.money("账户结余(元)")?,
        remark: line.text("备注")?.to_owned(),
        voucher_no: line.text("业务凭证号")?.to_owned(),
    })
}

//! The text of a fund-flow bill: each payment, its fee, each refund and its fee back.

use super::Text;
use crate::bill::{Row, error_fen};
use crate::book::RefundStatus;
use crate::clock;
use crate::fault::Fault;
use crate::money::yuan;

const HEAD: &str = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,\
收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号";
const SUMMARY_HEAD: &str = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额";

/// The whole file; `None` when nothing moved.
pub(super) fn text(rows: &[Row<'_>], faults: &[Fault]) -> Option<Vec<u8>> {
    let mut text = Text::default();
    text.line(HEAD);
    let (mut income, mut expense) = ((0_usize, 0_i64), (0_usize, 0_i64));
    let mut flow = |row: &Row<'_>, name: &str, fen: i64| {
        if fen == 0 {
            return;
        }
        let side = if fen > 0 { &mut income } else { &mut expense };
        *side = (side.0 + 1, side.1 + fen.abs());
        let balance_fen = income.1 - expense.1;
        let number = row.provider_trade_no();
        let voucher = row.refund.map_or(row.out_trade_no(), |one| &one.out_refund_no);
        let cells = [
            clock::plain(row.at_ms),
            number.to_owned(),
            format!("{number}{:07}", income.0 + expense.0),
            name.to_owned(),
            name.to_owned(),
            if fen > 0 { "收入" } else { "支出" }.to_owned(),
            yuan(fen.abs()),
            yuan(balance_fen),
            "system".to_owned(),
            String::new(),
            voucher.to_owned(),
        ];
        text.values(None, cells.iter().map(String::as_str));
    };
    for row in rows {
        match row.refund {
            None => {
                flow(row, "交易", row.amount_fen);
                flow(row, "扣除交易手续费", -row.fee_fen);
            }
            Some(refund) if refund.status == RefundStatus::Success => {
                flow(row, "退款", -row.amount_fen);
                flow(row, "退还手续费", -row.fee_fen);
            }
            Some(_) => {}
        }
    }
    let count = income.0 + expense.0;
    text.line(SUMMARY_HEAD);
    let sums = [
        count.to_string(),
        income.0.to_string(),
        yuan(income.1 + error_fen(faults)),
        expense.0.to_string(),
        yuan(expense.1),
    ];
    text.values(None, sums.iter().map(String::as_str));
    (count > 0).then(|| text.bytes())
}

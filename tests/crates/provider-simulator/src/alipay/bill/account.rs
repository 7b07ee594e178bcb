//! The two sheets of an account bill: each payment, its fee, each refund and its fee back. The
//! layout is that of published sheets of 2012 and 2026; the words for fees are our own.

use super::{Sheet, heading, id, plain};
use crate::bill::{Row, error_fen};
use crate::clock;
use crate::fault::Fault;
use crate::money::yuan;

const HEAD: &str = "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,\
支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注";
const SUMMARY_HEAD: &str = "类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）";

/// The detail sheet and the summary.
pub(super) fn sheets(sheet: &Sheet<'_>, rows: &[Row<'_>], faults: &[Fault]) -> (String, String) {
    let wide = faults.contains(&Fault::BillExtraColumn);
    let (mut income, mut expense) = ((0_usize, 0_i64), (0_usize, 0_i64));
    let mut text = heading(sheet, "账务明细");
    text.push_str(if wide { "新增列," } else { "" });
    text.push_str(HEAD);
    text.push_str("\r\n");
    let mut flow = |row: &Row<'_>, kind: &str, fen: i64| {
        if fen == 0 {
            return;
        }
        let side = if fen > 0 { &mut income } else { &mut expense };
        *side = (side.0 + 1, side.1 + fen);
        let number = row.provider_trade_no();
        let cells = [
            id(&format!("{number}{:07}", income.0 + expense.0)),
            id(number),
            id(row.out_trade_no()),
            plain(&row.trade.description),
            clock::plain(row.at_ms),
            id("yuf***@sandbox.com"),
            yuan(fen.max(0)),
            yuan(fen.min(0)),
            yuan(income.1 + expense.1),
            "支付宝".to_owned(),
            kind.to_owned(),
            plain(row.refund.map_or("", |refund| &refund.out_refund_no)),
        ];
        text.push_str(if wide { "新," } else { "" });
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    };
    for row in rows {
        let back = row.refund.is_some();
        flow(row, if back { "交易退款" } else { "在线支付" }, {
            if back { -row.amount_fen } else { row.amount_fen }
        });
        flow(row, if back { "退费" } else { "收费" }, -row.fee_fen);
    }
    let foot = [
        "#----------------------------------------账务明细列表结束------------------------"
            .to_owned(),
        format!("#支出合计：{}笔，共{}元", expense.0, yuan(expense.1)),
        format!("#收入合计：{}笔，共{}元", income.0, yuan(income.1 + error_fen(faults))),
        sheet.exported(),
    ];
    text.push_str(&foot.map(|line| line + "\r\n").concat());
    let sums = [
        "合计".to_owned(),
        income.0.to_string(),
        yuan(income.1),
        expense.0.to_string(),
        yuan(expense.1),
        yuan(income.1 + expense.1),
    ];
    let summary = [
        "#支付宝账务汇总查询".to_owned(),
        sheet.account(),
        SUMMARY_HEAD.to_owned(),
        sums.join(","),
    ];
    (text, summary.map(|line| line + "\r\n").concat())
}

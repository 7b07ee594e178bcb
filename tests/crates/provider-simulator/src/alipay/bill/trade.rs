//! The two sheets of a business bill.

use super::{Sheet, heading, id, plain};
use crate::bill::{Row, error_fen};
use crate::clock;
use crate::fault::Fault;
use crate::money::yuan;

const HEAD: &str = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,\
操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,\
商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,\
服务费（元）,分润（元）,备注";
const SUMMARY_HEAD: &str = "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,\
商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）";

#[derive(Default)]
struct Sums {
    payments: (usize, i64),
    refunds: (usize, i64),
    fee_fen: i64,
}

fn cells(row: &Row<'_>, sums: &mut Sums) -> Vec<String> {
    let amount_fen = if row.refund.is_some() { -row.amount_fen } else { row.amount_fen };
    let side = if row.refund.is_some() { &mut sums.refunds } else { &mut sums.payments };
    *side = (side.0 + 1, side.1 + amount_fen);
    sums.fee_fen -= row.fee_fen;
    let zero = || yuan(0);
    let mut cells = vec![
        id(row.provider_trade_no()),
        id(row.out_trade_no()),
        if row.refund.is_some() { "退款" } else { "交易" }.to_owned(),
        plain(&row.trade.description),
        clock::plain(row.trade.created_ms),
        clock::plain(row.at_ms),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        "yuf***@sandbox.com".to_owned(),
        yuan(amount_fen),
        yuan(amount_fen),
    ];
    cells.extend([zero(), zero(), zero(), zero(), zero(), String::new(), zero(), zero()]);
    cells.push(id(row.refund.map_or("", |refund| &refund.out_refund_no)));
    cells.extend([yuan(-row.fee_fen), zero(), String::new()]);
    cells
}

/// The detail sheet and the summary.
pub(super) fn sheets(sheet: &Sheet<'_>, rows: &[Row<'_>], faults: &[Fault]) -> (String, String) {
    let wide = faults.contains(&Fault::BillExtraColumn);
    let mut sums = Sums::default();
    let mut text = heading(sheet, "业务明细");
    let mut line = |line: &str| {
        text.push_str(line);
        text.push_str("\r\n");
    };
    line(&format!("{}{HEAD}", if wide { "新增列," } else { "" }));
    for row in rows {
        let cells = cells(row, &mut sums).join(",");
        line(&if wide { format!("新,{cells}") } else { cells });
    }
    let Sums { payments, refunds, fee_fen } = sums;
    let paid = yuan(payments.1 + error_fen(faults));
    line("#-----------------------------------------业务明细列表结束------------------------");
    line(&format!("#交易合计：{}笔，商家实收共{paid}元，商家优惠共0.00元", payments.0));
    let back = yuan(refunds.1);
    line(&format!("#退款合计：{}笔，商家实收退款共{back}元，商家优惠退款共0.00元", refunds.0));
    line(&sheet.exported());
    let net_fen = payments.1 + refunds.1;
    let total = [payments.0.to_string(), refunds.0.to_string(), yuan(net_fen), yuan(net_fen)];
    let rest = [yuan(0), yuan(0), yuan(0), yuan(fee_fen), yuan(0), yuan(net_fen + fee_fen)];
    let summary = [
        "#支付宝业务汇总查询".to_owned(),
        sheet.account(),
        SUMMARY_HEAD.to_owned(),
        format!("合计,,{},{}", total.join(","), rest.join(",")),
    ];
    (text, summary.map(|line| line + "\r\n").concat())
}

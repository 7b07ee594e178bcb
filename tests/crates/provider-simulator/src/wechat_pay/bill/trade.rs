//! The text of a trade bill.

use super::{Text, escaped};
use crate::bill::plant::other_status;
use crate::bill::{Row, error_fen};
use crate::book::{Refund, RefundStatus};
use crate::clock;
use crate::fault::Fault;
use crate::money::{yuan, yuan5};
use crate::wechat_pay::transaction::trade_type;

const HEAD: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,\
交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额";
const HEAD_REFUND_TIMES: &str = ",退款申请时间,退款成功时间";
const HEAD_REFUND: &str = ",微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态";
const HEAD_TAIL: &str = ",商品名称,商户数据包,手续费,费率,订单金额";
const HEAD_TAIL_REFUND: &str = ",申请退款金额";
const HEAD_END: &str = ",费率备注";
const SUMMARY_HEAD: &str = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,\
订单总金额,申请退款总金额";

/// Which rows a trade bill holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    All,
    Success,
    Refund,
}

impl Kind {
    pub(super) fn holds(self, row: &Row<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Success => row.refund.is_none(),
            Self::Refund => row.refund.is_some(),
        }
    }

    fn head(self) -> String {
        match self {
            Self::Success => format!("{HEAD}{HEAD_TAIL}{HEAD_END}"),
            Self::All => format!("{HEAD}{HEAD_REFUND}{HEAD_TAIL}{HEAD_TAIL_REFUND}{HEAD_END}"),
            Self::Refund => format!(
                "{HEAD}{HEAD_REFUND_TIMES}{HEAD_REFUND}{HEAD_TAIL}{HEAD_TAIL_REFUND}{HEAD_END}"
            ),
        }
    }
}

/// The sums below the rows, in fen.
#[derive(Default)]
struct Sums {
    rows: usize,
    total_fen: i64,
    refund_fen: i64,
    fee_fen: i64,
}

/// The whole file.
pub(super) fn text(rows: &[Row<'_>], kind: Kind, basis_points: i64, faults: &[Fault]) -> Vec<u8> {
    let mut text = Text::default();
    let wide = faults.contains(&Fault::BillExtraColumn);
    text.line(&format!("{}{}", if wide { "新增列," } else { "" }, kind.head()));
    let mut sums = Sums::default();
    let rate = format!("{}.{:02}%", basis_points / 100, basis_points % 100);
    for row in rows {
        let cells = cells(row, kind, &rate, &mut sums);
        text.values(wide.then_some("新"), cells.iter().map(String::as_str));
    }
    let total_fen = sums.total_fen + error_fen(faults);
    text.line(SUMMARY_HEAD);
    let sums = [
        sums.rows.to_string(),
        yuan(total_fen),
        yuan(sums.refund_fen),
        yuan(0),
        yuan5(sums.fee_fen),
        yuan(total_fen),
        yuan(sums.refund_fen),
    ];
    text.values(None, sums.iter().map(String::as_str));
    text.bytes()
}

fn refund_status(refund: &Refund, other: bool) -> &'static str {
    match if other { other_status(refund.status) } else { refund.status } {
        RefundStatus::Processing => "PROCESSING",
        RefundStatus::Success => "SUCCESS",
        RefundStatus::Abnormal => "CHANGE",
        RefundStatus::Closed => "FAIL",
    }
}

fn cells(row: &Row<'_>, kind: Kind, rate: &str, sums: &mut Sums) -> Vec<String> {
    let (trade, payment) = (row.trade, row.payment);
    let coupon_fen = payment.total_fen - payment.payer_total_fen;
    let (paid_fen, refund_fen) =
        if row.refund.is_some() { (0, row.amount_fen) } else { (row.amount_fen, 0) };
    sums.rows += 1;
    sums.total_fen += paid_fen;
    sums.refund_fen += refund_fen;
    sums.fee_fen += row.fee_fen;
    let state = match (row.refund, row.other_state) {
        (Some(_), _) => "REFUND",
        (None, true) => "REVOKED",
        (None, false) => "SUCCESS",
    };
    let mut cells = vec![
        clock::plain(row.at_ms),
        trade.appid.clone(),
        trade.merchant.clone(),
        trade.sub_merchant.clone().unwrap_or_else(|| "0".to_owned()),
        String::new(),
        row.provider_trade_no().to_owned(),
        row.out_trade_no().to_owned(),
        payment.payer.clone(),
        trade_type(trade.kind).to_owned(),
        state.to_owned(),
        "OTHERS".to_owned(),
        "CNY".to_owned(),
        yuan(paid_fen),
        yuan(if row.refund.is_some() { 0 } else { coupon_fen }),
    ];
    if kind == Kind::Refund {
        let times = row.refund.map(|refund| (refund.created_ms, refund.settled_ms));
        let (created_ms, settled_ms) = times.unwrap_or_default();
        cells.push(clock::plain(created_ms));
        cells.push(settled_ms.map(clock::plain).unwrap_or_default());
    }
    if kind != Kind::Success {
        let none = || "0".to_owned();
        cells.push(row.refund.map_or_else(none, |refund| refund.refund_id.clone()));
        cells.push(row.refund.map_or_else(none, |refund| refund.out_refund_no.clone()));
        cells.extend([yuan(refund_fen), yuan(0)]);
        cells.push(row.refund.map_or("", |_| "ORIGINAL").to_owned());
        let status = row.refund.map_or("", |refund| refund_status(refund, row.other_state));
        cells.push(status.to_owned());
    }
    cells.push(escaped(&trade.description));
    cells.push(escaped(trade.attach.as_deref().unwrap_or_default()));
    cells.push(yuan5(row.fee_fen));
    cells.push(rate.to_owned());
    cells.push(yuan(paid_fen));
    if kind != Kind::Success {
        cells.push(yuan(refund_fen));
    }
    cells.push(String::new());
    cells
}

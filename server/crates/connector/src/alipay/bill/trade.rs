//! The business bill (业务账单): every payment and refund of a day.

use std::io::{Read, Seek};

use chrono::{DateTime, Utc};
use domain::{BusinessDay, Money};

use super::{
    archive,
    table::{self, Sheet, Total},
};
use crate::bill::{BillError, Cells, Column, Header, Sum, UNPACKED_MAX, Whole};

/// One payment or refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeRow {
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
    pub at: DateTime<Utc>,
    /// The day it was done on Alipay's clock, which decides the business day.
    pub day: BusinessDay,
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

/// Reads a day's business bill and hands on its rows, which count only if this ends well
/// ([`crate::bill`]).
///
/// # Errors
/// See [`BillError`]; a bill that is not whole and right is not used at all.
pub fn read_trade(file: impl Read + Seek, each: impl FnMut(TradeRow)) -> Result<Whole, BillError> {
    let ((rows, unpacked_bytes), sha256) =
        archive::sheet(file, "业务明细.csv", UNPACKED_MAX, |text| {
            table::read::<Trade>(text, each)
        })?;
    Ok(Whole { rows, unpacked_bytes, sha256 })
}

/// Where the columns stand, and the sums so far.
pub(super) struct Trade {
    provider_trade_no: Column,
    out_trade_no: Column,
    kind: Column,
    subject: Option<Column>,
    finished_at: Column,
    amount: Column,
    received: Column,
    refund_no: Column,
    fee: Column,
    payments: (usize, Sum),
    refunds: (usize, Sum),
}

impl Sheet for Trade {
    type Row = TradeRow;

    const TOTALS: [(&'static str, &'static str); 2] =
        [("交易合计", "商家实收共"), ("退款合计", "商家实收退款共")];

    fn columns(header: &Header) -> Result<Self, BillError> {
        Ok(Trade {
            provider_trade_no: header.must("支付宝交易号")?,
            out_trade_no: header.must("商户订单号")?,
            kind: header.must("业务类型")?,
            subject: header.find("商品名称"),
            finished_at: header.must("完成时间")?,
            amount: header.must("订单金额")?,
            received: header.must("商家实收")?,
            refund_no: header.must("退款批次号/请求号")?,
            fee: header.must("服务费")?,
            payments: Default::default(),
            refunds: Default::default(),
        })
    }

    fn row(&mut self, cells: &Cells<'_>) -> Result<TradeRow, BillError> {
        let kind = match cells.text(self.kind) {
            "交易" => RowKind::Payment,
            "退款" => RowKind::Refund,
            other => RowKind::Other(other.to_owned()),
        };
        let received = cells.money_or_none(self.received)?;
        match kind {
            RowKind::Payment => {
                self.payments.0 += 1;
                self.payments.1.add(received);
            }
            RowKind::Refund => {
                self.refunds.0 += 1;
                self.refunds.1.add(received);
            }
            RowKind::Other(_) => {}
        }
        let at = cells.moment(self.finished_at)?;
        Ok(TradeRow {
            line: cells.line(),
            kind,
            provider_trade_no: cells.name(self.provider_trade_no)?,
            out_trade_no: cells.text(self.out_trade_no).to_owned(),
            out_refund_no: Some(cells.text(self.refund_no).to_owned()).filter(|no| !no.is_empty()),
            subject: self.subject.map_or("", |column| cells.text(column)).to_owned(),
            at,
            day: BusinessDay::of(at),
            amount: cells.money_or_none(self.amount)?,
            received,
            fee: cells.money_or_none(self.fee)?,
        })
    }

    /// Invariant: rows that do not add up are not a bill (`rows_that_do_not_add_up_are_no_bill`).
    fn check(&self, [payments, refunds]: [Total; 2]) -> Result<(), BillError> {
        if self.payments.0 != payments.count || !self.payments.1.is(payments.amount) {
            return Err(BillError::TotalsDiffer("交易合计"));
        }
        // The sign of the refunds' total differs between sheets; both mean the same.
        if self.refunds.0 != refunds.count || !self.refunds.1.is_either_way(refunds.amount) {
            return Err(BillError::TotalsDiffer("退款合计"));
        }
        Ok(())
    }
}

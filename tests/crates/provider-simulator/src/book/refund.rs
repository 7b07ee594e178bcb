//! Refunds in the book: accepted first, settled later (payments.md A10, B9).

use super::{Book, ProviderKind, Refund, RefundStatus, Trade, TradeKey};

/// How many refunds one order may have (A10).
pub(crate) const REFUNDS_MAX: usize = 50;

/// Why a refund is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefundError {
    /// No such order or payment.
    Unknown,
    /// The order is not paid.
    NotPaid,
    /// The number is used with another amount.
    Differs,
    /// More than was paid.
    Exceeds,
    /// The order has [`REFUNDS_MAX`] refunds.
    TooMany,
    /// The refund window has ended.
    Finished,
}

impl Book {
    /// Accepts a refund, or finds the same one again. The flag is true when it is new.
    pub(crate) fn refund(
        &mut self,
        key: &TradeKey,
        out_refund_no: &str,
        refund_fen: i64,
        provider_trade_no: Option<&str>,
        notify_url: Option<&str>,
        now_ms: i64,
    ) -> Result<(Refund, bool), RefundError> {
        let trade = self.find(key).ok_or(RefundError::Unknown)?;
        if let Some(known) = trade.refunds.iter().find(|known| known.out_refund_no == out_refund_no)
        {
            let same = known.refund_fen == refund_fen
                && provider_trade_no.is_none_or(|no| no == known.provider_trade_no);
            return if same { Ok((known.clone(), false)) } else { Err(RefundError::Differs) };
        }
        // WeChat's refund numbers are the merchant's; Alipay's are the trade's (A10, B9).
        if key.provider == ProviderKind::WechatPay
            && self.by_refund_no(&key.account, out_refund_no).is_some()
        {
            return Err(RefundError::Differs);
        }
        if trade.payments.is_empty() {
            return Err(RefundError::NotPaid);
        }
        let payment = trade.payment(provider_trade_no).ok_or(RefundError::Unknown)?;
        if trade.finished_ms.is_some() {
            return Err(RefundError::Finished);
        }
        let left_fen = payment.total_fen - trade.refunded_fen(&payment.provider_trade_no);
        if refund_fen <= 0 || refund_fen > left_fen {
            return Err(RefundError::Exceeds);
        }
        if trade.refunds.len() >= REFUNDS_MAX {
            return Err(RefundError::TooMany);
        }
        let provider_trade_no = payment.provider_trade_no.clone();
        let number = self.issue(key.provider, now_ms);
        let refund = Refund {
            out_refund_no: out_refund_no.to_owned(),
            refund_id: format!("50{}", &number[2..]),
            provider_trade_no,
            refund_fen,
            notify_url: notify_url.map(str::to_owned),
            created_ms: now_ms,
            settled_ms: None,
            status: RefundStatus::Processing,
        };
        if let Some(trade) = self.find_mut(key) {
            trade.refunds.push(refund.clone());
        }
        if let Some(&at) = self.by_key.get(key).filter(|_| key.provider == ProviderKind::WechatPay)
        {
            self.by_refund.insert((key.account.clone(), out_refund_no.to_owned()), at);
        }
        Ok((refund, true))
    }

    /// The WeChat order a refund number of this account belongs to.
    pub(crate) fn by_refund_no(&self, account: &str, out_refund_no: &str) -> Option<&Trade> {
        let key = (account.to_owned(), out_refund_no.to_owned());
        self.by_refund.get(&key).map(|&at| &self.trades[at])
    }

    /// Takes an abnormal refund up again, to another account (A10); answers it under way.
    pub(crate) fn take_up(&mut self, key: &TradeKey, out_refund_no: &str) -> Option<Refund> {
        let trade = self.find_mut(key)?;
        let mut refunds = trade.refunds.iter_mut();
        let refund = refunds.find(|refund| {
            refund.out_refund_no == out_refund_no && refund.status == RefundStatus::Abnormal
        })?;
        refund.status = RefundStatus::Processing;
        refund.settled_ms = None;
        Some(refund.clone())
    }

    /// Ends a refund; answers it when it changed.
    pub(crate) fn settle(
        &mut self,
        key: &TradeKey,
        out_refund_no: &str,
        status: RefundStatus,
        now_ms: i64,
    ) -> Option<Refund> {
        let trade = self.find_mut(key)?;
        let refund =
            trade.refunds.iter_mut().find(|refund| refund.out_refund_no == out_refund_no)?;
        // Back is back, and a closed one needs a new number (A10).
        let ended = matches!(refund.status, RefundStatus::Success | RefundStatus::Closed);
        if refund.status == status || ended {
            return None;
        }
        refund.status = status;
        refund.settled_ms = (status != RefundStatus::Processing).then_some(now_ms);
        Some(refund.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::trade;
    use super::super::{Pay, ProviderKind};
    use super::*;

    #[test]
    fn a_refund_is_bound_to_its_number_its_amount_and_what_was_paid() {
        let mut book = Book::default();
        let key = TradeKey::new(ProviderKind::WechatPay, "m", "A");
        book.place(trade(ProviderKind::WechatPay, "A", 100), 0).unwrap();
        let mut refund = |paid: bool, no: &str, fen: i64| {
            if paid && book.find(&key).unwrap().payments.is_empty() {
                book.pay(&key, &Pay::default(), 1).unwrap();
            }
            book.refund(&key, no, fen, None, None, 2).map(|(_, new)| new)
        };
        for (paid, no, fen, outcome) in [
            (false, "R1", 40, Err(RefundError::NotPaid)),
            (true, "R1", 0, Err(RefundError::Exceeds)),
            (true, "R1", 101, Err(RefundError::Exceeds)),
            (true, "R1", 40, Ok(true)),
            (true, "R1", 40, Ok(false)),
            (true, "R1", 41, Err(RefundError::Differs)),
            (true, "R2", 61, Err(RefundError::Exceeds)),
            (true, "R2", 60, Ok(true)),
        ] {
            assert_eq!(refund(paid, no, fen), outcome, "{no} {fen}");
        }
        // A closed refund frees its amount, and only a new number may use it.
        book.settle(&key, "R2", RefundStatus::Closed, 3).unwrap();
        let same = book.refund(&key, "R2", 60, None, None, 4).unwrap();
        assert_eq!((same.0.status, same.1), (RefundStatus::Closed, false));
        assert!(book.refund(&key, "R3", 60, None, None, 4).unwrap().1);
        assert!(book.settle(&key, "R2", RefundStatus::Success, 5).is_none());
    }

    #[test]
    fn a_refund_number_is_the_merchants_at_wechat_and_the_trades_at_alipay() {
        for (provider, again) in
            [(ProviderKind::WechatPay, Err(RefundError::Differs)), (ProviderKind::Alipay, Ok(true))]
        {
            let mut book = Book::default();
            for no in ["A", "B"] {
                book.place(trade(provider, no, 100), 0).unwrap();
                book.pay(&TradeKey::new(provider, "m", no), &Pay::default(), 1).unwrap();
            }
            let mut refund = |no: &str| {
                let key = TradeKey::new(provider, "m", no);
                book.refund(&key, "R", 40, None, None, 2).map(|(_, new)| new)
            };
            assert_eq!((refund("A"), refund("B")), (Ok(true), again), "{provider:?}");
        }
    }

    #[test]
    fn only_an_abnormal_refund_is_taken_up_again() {
        let mut book = Book::default();
        let key = TradeKey::new(ProviderKind::WechatPay, "m", "A");
        book.place(trade(ProviderKind::WechatPay, "A", 100), 0).unwrap();
        book.pay(&key, &Pay::default(), 1).unwrap();
        book.refund(&key, "R", 40, None, None, 2).unwrap();
        for (end, taken) in [(None, false), (Some(RefundStatus::Abnormal), true), (None, false)] {
            if let Some(end) = end {
                book.settle(&key, "R", end, 3).unwrap();
            }
            assert_eq!(book.take_up(&key, "R").is_some(), taken, "{end:?}");
        }
        book.settle(&key, "R", RefundStatus::Success, 4).unwrap();
        assert_eq!(book.sum_refunded_fen(), 40);
    }
}

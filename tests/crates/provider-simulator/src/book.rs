//! The providers' own book: every order, payment and refund, with times.
//!
//! Invariant: the book changes only by what a caller or a payer did here; no figure in it comes
//! from the product (`sums_follow_payments_and_refunds` and the HTTP tests).

pub mod trade;
pub use trade::{
    Payment, ProviderKind, Refund, RefundStatus, Tally, Trade, TradeKey, TradeKind, TradeState,
};
pub mod pay;
pub use pay::{Pay, PayError};
pub(crate) mod refund;

use std::collections::HashMap;

use crate::clock;

/// How many orders the book holds before it refuses new ones.
pub const TRADES_MAX: usize = 1_000_000;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// How many numbers the book may give out per millisecond of its life.
const NUMBERS_PER_MS: u64 = 10;

/// Why an order call is refused by the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceError {
    /// The number is used with other parameters.
    Differs,
    /// The order is paid.
    Paid,
    /// The order is closed.
    Closed,
    /// The book is full.
    Full,
}

/// Why an order cannot be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseError {
    /// No such order.
    Unknown,
    /// The order is paid.
    Paid,
}

/// The book itself.
#[derive(Default)]
pub(crate) struct Book {
    trades: Vec<Trade>,
    by_key: HashMap<TradeKey, usize>,
    by_number: HashMap<String, Vec<usize>>,
    by_code: HashMap<String, usize>,
    by_payment: HashMap<String, usize>,
    by_refund: HashMap<(String, String), usize>,
    issued: u64,
}

impl Book {
    /// Enters an order, or finds the same one again; a repeated call gets the new code and the
    /// old code dies (payments.md A8).
    pub(crate) fn place(&mut self, trade: Trade, now_ms: i64) -> Result<&Trade, PlaceError> {
        if let Some(&at) = self.by_key.get(&trade.key) {
            let known = &mut self.trades[at];
            match known.state(now_ms) {
                TradeState::NotPay => {}
                TradeState::Closed => return Err(PlaceError::Closed),
                _ => return Err(PlaceError::Paid),
            }
            if known.print != trade.print {
                return Err(PlaceError::Differs);
            }
            self.by_code.remove(&known.code);
            self.by_code.insert(trade.code.clone(), at);
            known.code = trade.code;
            return Ok(known);
        }
        if self.trades.len() >= TRADES_MAX {
            return Err(PlaceError::Full);
        }
        let at = self.trades.len();
        self.by_key.insert(trade.key.clone(), at);
        self.by_number.entry(trade.key.out_trade_no.clone()).or_default().push(at);
        self.by_code.insert(trade.code.clone(), at);
        self.trades.push(trade);
        Ok(&self.trades[at])
    }

    /// All orders, oldest first.
    pub(crate) fn trades(&self) -> &[Trade] {
        &self.trades
    }

    /// The order under this key.
    pub(crate) fn find(&self, key: &TradeKey) -> Option<&Trade> {
        self.by_key.get(key).map(|&at| &self.trades[at])
    }

    /// The order under this key, to change it.
    pub(crate) fn find_mut(&mut self, key: &TradeKey) -> Option<&mut Trade> {
        self.by_key.get(key).map(|&at| &mut self.trades[at])
    }

    /// The order a wallet code leads to.
    pub(crate) fn by_code(&self, code: &str) -> Option<&Trade> {
        self.by_code.get(code).map(|&at| &self.trades[at])
    }

    /// The order a provider number belongs to.
    pub(crate) fn by_payment(&self, provider_trade_no: &str) -> Option<&Trade> {
        self.by_payment.get(provider_trade_no).map(|&at| &self.trades[at])
    }

    /// The orders with this merchant number, of any provider and merchant.
    pub(crate) fn by_number(
        &self,
        out_trade_no: &str,
        provider: Option<ProviderKind>,
    ) -> impl Iterator<Item = &Trade> {
        let places = self.by_number.get(out_trade_no).map_or(&[][..], Vec::as_slice);
        let trades = places.iter().map(|&at| &self.trades[at]);
        trades.filter(move |trade| provider.is_none_or(|provider| provider == trade.key.provider))
    }

    /// Closes an unpaid order; closing a closed one again is fine.
    pub(crate) fn close(&mut self, key: &TradeKey, now_ms: i64) -> Result<(), CloseError> {
        let trade = self.find_mut(key).ok_or(CloseError::Unknown)?;
        match trade.state(now_ms) {
            TradeState::NotPay => {
                trade.closed_ms = Some(now_ms);
                Ok(())
            }
            TradeState::Closed => Ok(()),
            TradeState::Success | TradeState::Refund | TradeState::Finished => {
                Err(CloseError::Paid)
            }
        }
    }

    /// Starts the count of numbers at the moment of the day, so that a simulator started again on
    /// the same day never repeats a number it has given out before.
    pub(crate) fn starting(now_ms: i64) -> Self {
        let of_day_ms = u64::try_from(now_ms.rem_euclid(DAY_MS)).unwrap_or_default();
        Self { issued: of_day_ms * NUMBERS_PER_MS, ..Self::default() }
    }

    /// A number of the provider's own: a prefix, the day, and a count that never repeats.
    pub(crate) fn issue(&mut self, provider: ProviderKind, now_ms: i64) -> String {
        self.issued += 1;
        let day = clock::day_digits(now_ms);
        match provider {
            ProviderKind::WechatPay => format!("4200000777{day}{:010}", self.issued),
            ProviderKind::Alipay => format!("{day}22001{:015}", self.issued),
        }
    }

    /// Makes an Alipay trade exist, as a scan does, and reserves its number.
    pub(crate) fn scan(&mut self, key: &TradeKey, now_ms: i64) -> Option<String> {
        let known = self.find(key)?.reserved_no.clone();
        let number = known.unwrap_or_else(|| self.issue(key.provider, now_ms));
        let trade = self.find_mut(key)?;
        trade.exists = true;
        trade.reserved_no = Some(number.clone());
        self.index_payment(number.clone(), key);
        Some(number)
    }

    fn index_payment(&mut self, provider_trade_no: String, key: &TradeKey) {
        if let Some(&at) = self.by_key.get(key) {
            self.by_payment.insert(provider_trade_no, at);
        }
    }

    /// Everything that was ever paid, in fen.
    pub(crate) fn sum_paid_fen(&self) -> i64 {
        let payments = self.trades.iter().flat_map(|trade| &trade.payments);
        payments.map(|payment| payment.total_fen).sum()
    }

    /// Everything that was refunded for good, in fen.
    pub(crate) fn sum_refunded_fen(&self) -> i64 {
        let refunds = self.trades.iter().flat_map(|trade| &trade.refunds);
        let settled = refunds.filter(|refund| refund.status == RefundStatus::Success);
        settled.map(|refund| refund.refund_fen).sum()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn trade(provider: ProviderKind, out_trade_no: &str, total_fen: i64) -> Trade {
        let key = TradeKey::new(provider, "m", out_trade_no);
        Trade {
            key,
            merchant: "m".to_owned(),
            sub_merchant: None,
            appid: "app".to_owned(),
            kind: TradeKind::Native,
            code: format!("code{out_trade_no}"),
            description: "电费".to_owned(),
            total_fen,
            notify_url: String::new(),
            attach: None,
            payer: String::new(),
            created_ms: 0,
            expires_ms: Some(100_000),
            exists: true,
            reserved_no: None,
            return_url: None,
            closed_ms: None,
            finished_ms: None,
            print: "p".to_owned(),
            payments: Vec::new(),
            refunds: Vec::new(),
            callbacks: Tally::default(),
        }
    }

    #[test]
    fn an_order_moves_only_as_its_state_allows() {
        use TradeState::{Closed, NotPay, Refund, Success};
        let late = Pay { late: true, ..Pay::default() };
        let again = Pay { again: true, ..Pay::default() };
        let mut book = Book::default();
        let wechat = ProviderKind::WechatPay;
        let key = |no: &str| TradeKey::new(wechat, "m", no);
        for no in ["A", "B", "C", "D"] {
            book.place(trade(wechat, no, 100), 0).unwrap();
        }
        // order, moment, step, allowed, state after
        type Step = Box<dyn Fn(&mut Book, &TradeKey, i64) -> bool>;
        let pay =
            |pay: Pay| -> Step { Box::new(move |book, key, now| book.pay(key, &pay, now).is_ok()) };
        let close: fn() -> Step = || Box::new(|book, key, now| book.close(key, now).is_ok());
        let refund: fn() -> Step =
            || Box::new(|book, key, now| book.refund(key, "R", 40, None, None, now).is_ok());
        for (no, now_ms, name, step, allowed, state) in [
            ("A", 1, "refund unpaid", refund(), false, NotPay),
            ("A", 2, "pay", pay(Pay::default()), true, Success),
            ("A", 3, "pay again unasked", pay(Pay::default()), false, Success),
            ("A", 4, "close paid", close(), false, Success),
            ("A", 5, "pay twice", pay(again.clone()), true, Success),
            ("A", 6, "refund", refund(), true, Refund),
            ("A", 7, "same refund", refund(), true, Refund),
            ("B", 1, "close", close(), true, Closed),
            ("B", 2, "close again", close(), true, Closed),
            ("B", 3, "pay closed", pay(Pay::default()), false, Closed),
            ("B", 4, "pay late", pay(late.clone()), true, Success),
            ("C", 100_000, "pay expired", pay(Pay::default()), false, Closed),
            ("C", 100_001, "pay expired late", pay(late), true, Success),
            ("D", 1, "pay twice at once", pay(again), true, Success),
            ("E", 1, "close unknown", close(), false, NotPay),
        ] {
            assert_eq!(step(&mut book, &key(no), now_ms), allowed, "{no}: {name}");
            let found = book.find(&key(no)).map_or(NotPay, |trade| trade.state(now_ms));
            assert_eq!(found, state, "{no}: after {name}");
        }
        assert_eq!(book.sum_paid_fen(), 100 * 5);
    }

    #[test]
    fn a_number_is_used_once_and_a_repeated_call_kills_the_old_code() {
        let wechat = ProviderKind::WechatPay;
        let mut book = Book::default();
        book.place(trade(wechat, "A", 100), 0).unwrap();
        let again = Trade { code: "second".to_owned(), ..trade(wechat, "A", 100) };
        assert_eq!(book.place(again, 1).unwrap().code, "second");
        assert!(book.by_code("codeA").is_none() && book.by_code("second").is_some());
        let other = Trade { print: "q".to_owned(), ..trade(wechat, "A", 200) };
        assert_eq!(book.place(other, 1).err(), Some(PlaceError::Differs));
        let key = TradeKey::new(wechat, "m", "A");
        book.pay(&key, &Pay::default(), 2).unwrap();
        assert_eq!(book.place(trade(wechat, "A", 100), 3).err(), Some(PlaceError::Paid));
        assert_eq!(book.place(trade(wechat, "A", 100), 3).err(), Some(PlaceError::Paid));
        // The same number at another provider is another order.
        assert!(book.place(trade(ProviderKind::Alipay, "A", 5), 3).is_ok());
    }

    #[test]
    fn a_simulator_started_again_never_repeats_a_number() {
        let start_ms = 1_767_196_800_000;
        let (mut first, mut second) = (Book::starting(start_ms), Book::starting(start_ms + 1));
        let mut numbers = std::collections::HashSet::new();
        for provider in [ProviderKind::WechatPay, ProviderKind::Alipay] {
            for _ in 0..NUMBERS_PER_MS / 2 {
                assert!(numbers.insert(first.issue(provider, start_ms)));
                assert!(numbers.insert(second.issue(provider, start_ms)));
            }
        }
        assert!(numbers.iter().all(|number| number.len() == 28), "{numbers:?}");
    }

    #[test]
    fn sums_follow_payments_and_refunds() {
        let wechat = ProviderKind::WechatPay;
        let mut book = Book::default();
        let key = TradeKey::new(wechat, "m", "A");
        book.place(trade(wechat, "A", 500), 0).unwrap();
        book.pay(&key, &Pay { coupon_fen: 100, ..Pay::default() }, 1).unwrap();
        assert_eq!(book.trades()[0].payments[0].payer_total_fen, 400);
        book.refund(&key, "R1", 200, None, None, 2).unwrap();
        assert_eq!((book.sum_paid_fen(), book.sum_refunded_fen()), (500, 0));
        book.settle(&key, "R1", RefundStatus::Success, 3);
        assert_eq!((book.sum_paid_fen(), book.sum_refunded_fen()), (500, 200));
    }
}

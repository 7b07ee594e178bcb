//! Orders of long ago, entered into the book at once: a month of sales without a month of calls;
//! and the differences their bills shall have.

use chrono::NaiveDate;

use crate::bill::plant::{blank, plant_day};
use crate::bill::{Planted, Whose};
use crate::book::{Pay, ProviderKind, RefundStatus, TradeKey};
use crate::provider::Provider;
use crate::world::World;

/// An order that was placed and paid, and perhaps given back.
#[derive(Clone, Debug)]
pub struct PastOrder {
    /// At which provider.
    pub provider: ProviderKind,
    /// `mchid` or `app_id`.
    pub merchant: String,
    /// The merchant's number.
    pub out_trade_no: String,
    /// What was sold.
    pub description: String,
    /// Amount in fen.
    pub total_fen: i64,
    /// Unix milliseconds.
    pub paid_ms: i64,
    /// What went back.
    pub refunds: Vec<PastRefund>,
}

/// A refund of such an order.
#[derive(Clone, Debug)]
pub struct PastRefund {
    /// The merchant's number.
    pub out_refund_no: String,
    /// Amount in fen.
    pub refund_fen: i64,
    /// Unix milliseconds of the final state.
    pub settled_ms: i64,
    /// How it ended.
    pub status: RefundStatus,
}

impl Provider {
    /// Plants so many differences of each class between the book and the bill of a day, chosen by
    /// the seed; answers what must be found. `merchant` is the `mchid` or `app_id`.
    pub fn plant(
        &self,
        provider: ProviderKind,
        merchant: &str,
        day: NaiveDate,
        seed: u64,
        each: usize,
    ) -> Vec<Planted> {
        let whose = Whose { provider, merchant, sub_merchant: None };
        plant_day(&mut self.world().state(), whose, day, seed, each)
    }

    /// Plants one difference; false when the row has one already or too many are planted.
    pub fn plant_one(&self, planted: Planted) -> bool {
        self.world().state().plants.plant(planted)
    }

    /// Takes all differences away.
    pub fn clear_plants(&self) {
        self.world().state().plants.clear();
    }

    /// Enters orders of the past; nobody is told of them. Answers the provider's numbers of their
    /// payments, in order; what the book refuses (a number twice, an amount of nothing, more given
    /// back than paid) is left out.
    pub fn enter(&self, orders: impl IntoIterator<Item = PastOrder>) -> Vec<String> {
        orders.into_iter().filter_map(|order| enter(self.world(), &order)).collect()
    }
}

fn enter(world: &World, order: &PastOrder) -> Option<String> {
    let merchant = &order.merchant;
    let appid = match order.provider {
        ProviderKind::WechatPay => &world.wechat_merchant(merchant)?.appid,
        ProviderKind::Alipay => &world.alipay_app(merchant)?.app_id,
    };
    let key = TradeKey::new(order.provider, merchant, &order.out_trade_no);
    let mut trade = blank(key.clone(), order.total_fen, order.paid_ms);
    trade.appid.clone_from(appid);
    trade.description.clone_from(&order.description);
    let mut state = world.state();
    let book = &mut state.book;
    if order.total_fen <= 0 || book.find(&key).is_some() {
        return None;
    }
    book.place(trade, order.paid_ms).ok()?;
    let number = book.pay(&key, &Pay::silent(), order.paid_ms).ok()?;
    for refund in &order.refunds {
        let (no, at_ms) = (&refund.out_refund_no, refund.settled_ms);
        if book.refund(&key, no, refund.refund_fen, None, None, at_ms).is_ok() {
            book.settle(&key, no, refund.status, at_ms);
        }
    }
    Some(number)
}

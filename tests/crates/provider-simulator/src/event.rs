//! Something the merchant is to be told: made once, delivered until it is acknowledged.

use crate::alipay;
use crate::book::{ProviderKind, Refund, TradeKey};
use crate::fault::{Occasion, Site};
use crate::wechat_pay::callback::Notice;
use crate::world::{State, World};

/// What is told, in the provider's own words.
#[derive(Clone)]
pub(crate) enum Content {
    /// An encrypted resource.
    Wechat(Notice),
    /// Form fields, unsigned.
    Alipay(Vec<(String, String)>),
}

/// One event on its way.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) key: TradeKey,
    pub(crate) site: Site,
    pub(crate) url: String,
    pub(crate) content: Content,
    /// Deliveries tried so far.
    pub(crate) attempt: usize,
    /// Whether a fault has put it off already.
    pub(crate) put_off: bool,
}

impl Event {
    /// A payment; `None` when the order names no address.
    pub(crate) fn paid(
        world: &World,
        state: &mut State,
        key: &TradeKey,
        provider_trade_no: &str,
    ) -> Option<Self> {
        let trade = state.book.find(key)?.clone();
        let payment = trade.payment(Some(provider_trade_no))?;
        let content = match key.provider {
            ProviderKind::WechatPay => {
                Content::Wechat(Notice::transaction(world, state, &trade, payment)?)
            }
            ProviderKind::Alipay => {
                Content::Alipay(alipay::notify::paid(world, state, &trade, payment))
            }
        };
        Self::to(&trade.notify_url, key, Site::Callback, content)
    }

    /// The end of a refund; `None` when there is no address for it. Alipay tells of successful
    /// refunds only, at the order's own address (payments.md B8).
    pub(crate) fn refunded(
        world: &World,
        state: &mut State,
        key: &TradeKey,
        refund: &Refund,
    ) -> Option<Self> {
        let trade = state.book.find(key)?.clone();
        match key.provider {
            ProviderKind::WechatPay => {
                let url = refund.notify_url.clone()?;
                let notice = Notice::refund(world, state, &trade, refund)?;
                Self::to(&url, key, Site::RefundCallback, Content::Wechat(notice))
            }
            ProviderKind::Alipay => {
                let fields = alipay::notify::refunded(world, state, &trade, refund)?;
                let content = Content::Alipay(fields);
                Self::to(&trade.notify_url, key, Site::RefundCallback, content)
            }
        }
    }

    /// Alipay's end of the refund window, or the close of an unpaid trade.
    pub(crate) fn ended(
        world: &World,
        state: &mut State,
        key: &TradeKey,
        trade_status: &str,
    ) -> Option<Self> {
        let trade = state.book.find(key)?.clone();
        let fields = alipay::notify::ended(world, state, &trade, trade_status);
        Self::to(&trade.notify_url, key, Site::Callback, Content::Alipay(fields))
    }

    fn to(url: &str, key: &TradeKey, site: Site, content: Content) -> Option<Self> {
        (!url.is_empty()).then(|| Self {
            key: key.clone(),
            site,
            url: url.to_owned(),
            content,
            attempt: 0,
            put_off: false,
        })
    }

    /// The question put to the rules before a delivery.
    pub(crate) fn occasion(&self) -> Occasion<'_> {
        Occasion {
            site: self.site,
            provider: Some(self.key.provider),
            out_trade_no: &self.key.out_trade_no,
        }
    }
}

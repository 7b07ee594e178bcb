//! What the handlers, the wallet, the control API and the courier share.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::bill::plant::Plants;
use crate::book::{Book, Pay, PayError, ProviderKind, RefundStatus, TradeKey, TradeState};
use crate::chance::Chance;
use crate::clock::SimClock;
use crate::code::Codes;
use crate::config::{
    AlipayApp, Config, KeyMode, SmsAccount, SmsGateway, WechatApp, WechatMerchant,
};
use crate::courier::{Errand, Outbox};
use crate::crypto::KeyError;
use crate::event::Event;
use crate::fault::{Fault, FaultTable, Occasion};
use crate::keyring::Keyring;
use crate::people::People;
use crate::sms::book::Texts;
use crate::wechat::{message::Post, parcel::Parcels, token::Tokens};

/// How many bill addresses may be open at once.
pub(crate) const BILL_ADDRESSES_MAX: usize = 1_024;

/// A bill file that waits to be fetched.
pub(crate) struct BillFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) until_ms: i64,
}

/// A merchant's key settings, which change while the simulator runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyChoice {
    pub(crate) mode: KeyMode,
    pub(crate) grey_permille: u32,
}

/// Everything that changes.
pub(crate) struct State {
    pub(crate) book: Book,
    pub(crate) faults: FaultTable,
    pub(crate) chance: Chance,
    pub(crate) outbox: Outbox,
    pub(crate) keys: Keyring,
    pub(crate) key_choice: BTreeMap<String, KeyChoice>,
    pub(crate) bills: BTreeMap<String, BillFile>,
    pub(crate) plants: Plants,
    pub(crate) people: People,
    pub(crate) codes: Codes,
    pub(crate) tokens: Tokens,
    pub(crate) post: Post,
    pub(crate) parcels: Parcels,
    pub(crate) texts: Texts,
}

impl State {
    /// The faults that strike this call or callback.
    pub(crate) fn draw(&mut self, occasion: Occasion<'_>) -> Vec<Fault> {
        self.faults.draw(occasion, &mut self.chance)
    }

    /// Keeps a bill file for fetching; answers its token. The oldest goes when there are too many.
    pub(crate) fn keep_bill(&mut self, bytes: Vec<u8>, until_ms: i64) -> String {
        let token = self.chance.letters(32);
        if self.bills.len() >= BILL_ADDRESSES_MAX {
            let oldest = self.bills.iter().min_by_key(|(_, bill)| bill.until_ms);
            if let Some(oldest) = oldest.map(|(token, _)| token.clone()) {
                self.bills.remove(&oldest);
            }
        }
        self.bills.insert(token.clone(), BillFile { bytes, until_ms });
        token
    }
}

/// The simulated world.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) clock: SimClock,
    pub(crate) base_url: String,
    /// Wakes the courier.
    pub(crate) wake: Notify,
    /// Tells those who wait that a payment, a refund or a delivery is in the book.
    pub(crate) progress: Notify,
    state: Mutex<State>,
}

impl World {
    pub(crate) fn new(config: Config, base_url: String) -> Result<Self, KeyError> {
        let mut faults = FaultTable::default();
        for rule in &config.rules {
            faults.add(rule.clone());
        }
        let choice = |one: &WechatMerchant| {
            let choice = KeyChoice { mode: one.key_mode, grey_permille: one.grey_permille };
            (one.mchid.clone(), choice)
        };
        let state = State {
            book: Book::starting(config.clock.true_ms()),
            faults,
            chance: Chance::new(config.seed),
            outbox: Outbox::default(),
            keys: Keyring::new(&config)?,
            key_choice: config.wechat_merchants.iter().map(choice).collect(),
            bills: BTreeMap::new(),
            plants: Plants::default(),
            people: People::default(),
            codes: Codes::default(),
            tokens: Tokens::default(),
            post: Post::default(),
            parcels: Parcels::default(),
            texts: Texts::default(),
        };
        let clock = config.clock.clone();
        let (wake, progress) = (Notify::new(), Notify::new());
        Ok(Self { config, clock, base_url, wake, progress, state: Mutex::new(state) })
    }

    /// The state; a panic elsewhere does not lock everybody out.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The provider's present, skew included.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(crate) fn wechat_merchant(&self, mchid: &str) -> Option<&WechatMerchant> {
        self.config.wechat_merchants.iter().find(|one| one.mchid == mchid)
    }

    pub(crate) fn alipay_app(&self, app_id: &str) -> Option<&AlipayApp> {
        self.config.alipay_apps.iter().find(|one| one.app_id == app_id)
    }

    pub(crate) fn wechat_app(&self, app_id: &str) -> Option<&WechatApp> {
        self.config.wechat_apps.iter().find(|one| one.app_id == app_id)
    }

    /// The account at this gateway with this key.
    pub(crate) fn sms_account(&self, gateway: SmsGateway, key_id: &str) -> Option<SmsAccount> {
        let mut accounts = self.config.sms_accounts.iter();
        accounts.find(|one| one.gateway == gateway && one.key_id == key_id).cloned()
    }

    /// The name the wallet shows for a merchant.
    pub(crate) fn merchant_name<'a>(
        &'a self,
        provider: ProviderKind,
        merchant: &'a str,
    ) -> &'a str {
        let name = match provider {
            ProviderKind::WechatPay => self.wechat_merchant(merchant).map(|one| &one.name),
            ProviderKind::Alipay => self.alipay_app(merchant).map(|one| &one.name),
        };
        name.map_or(merchant, String::as_str)
    }

    /// Pays an order and queues the callback; answers the provider's number.
    pub(crate) fn pay(&self, key: &TradeKey, pay: &Pay) -> Result<String, PayError> {
        let now_ms = self.now_ms();
        let provider_trade_no = {
            let mut state = self.state();
            let provider_trade_no = state.book.pay(key, pay, now_ms)?;
            if pay.callback {
                let event = Event::paid(self, &mut state, key, &provider_trade_no);
                self.queue(&mut state, event);
            }
            provider_trade_no
        };
        self.changed();
        Ok(provider_trade_no)
    }

    /// Pays an order that was closed a moment ago; an order that is paid already stays as it is.
    pub(crate) fn pay_late(&self, out_trade_no: &str, provider: ProviderKind) {
        let late = Pay { late: true, ..Pay::default() };
        if let Some(key) = self.key(out_trade_no, Some(provider))
            && let Err(error) = self.pay(&key, &late)
        {
            tracing::debug!(%error, out_trade_no, "the late payer did not pay");
        }
    }

    /// Wakes the courier and those who wait for the book.
    fn changed(&self) {
        self.wake.notify_one();
        self.progress.notify_waiters();
    }

    /// Ends a refund and queues its callback; false when nothing changed.
    pub(crate) fn settle(&self, key: &TradeKey, no: &str, status: RefundStatus) -> bool {
        let now_ms = self.now_ms();
        let changed = {
            let mut state = self.state();
            let settled = state.book.settle(key, no, status, now_ms);
            if let Some(refund) = &settled {
                let event = Event::refunded(self, &mut state, key, refund);
                self.queue(&mut state, event);
            }
            settled.is_some()
        };
        self.changed();
        changed
    }

    /// Ends a refund that was accepted, unless somebody ended it meanwhile.
    pub(crate) fn settle_due(&self, key: &TradeKey, no: &str, status: RefundStatus) {
        let waits = self.state().book.find(key).is_some_and(|trade| {
            let mut refunds = trade.refunds.iter();
            refunds.any(|one| one.out_refund_no == no && one.status == RefundStatus::Processing)
        });
        if waits {
            self.settle(key, no, status);
        }
    }

    /// Closes an Alipay trade whose time is over, and tells the merchant if it exists
    /// (payments.md B8).
    pub(crate) fn expire(&self, key: &TradeKey) {
        let now_ms = self.now_ms();
        let event = {
            let mut state = self.state();
            let over = state.book.find(key).is_some_and(|trade| {
                trade.exists
                    && trade.closed_ms.is_none()
                    && trade.state(now_ms) == TradeState::Closed
            });
            if !over {
                return;
            }
            Event::ended(self, &mut state, key, "TRADE_CLOSED")
        };
        self.announce(event);
    }

    fn queue(&self, state: &mut State, event: Option<Event>) {
        if let Some(event) = event {
            state.outbox.push(self.clock.true_ms(), Errand::Callback(Box::new(event)));
        }
    }

    /// Queues an event that no payment or refund caused (a closed or finished notice).
    pub(crate) fn announce(&self, event: Option<Event>) {
        self.queue(&mut self.state(), event);
        self.wake.notify_one();
    }
}

//! The handle of a running simulator: start it, pay, break things, read its book.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};

use crate::book::{Pay, PayError, ProviderKind, RefundStatus, Trade, TradeKey};
use crate::clock::SimClock;
use crate::config::{Config, KeyMode};
use crate::courier::{self, Letter, Reply};
use crate::crypto::KeyError;
use crate::event::Event;
use crate::fault::{Fault, Rule};
use crate::keyring::MerchantFiles;
use crate::wechat_pay::pay_sign::{self, OpenError, PayerParams};
use crate::world::World;
use crate::{alipay, control, sms, wallet, wechat, wechat_pay};

/// How many bytes a request body may have.
pub const REQUEST_BODY_MAX: usize = 2 << 20;

/// The page of Alipay that recognises a visitor.
const AUTHORIZE: &str = "/oauth2/publicAppAuthorize.htm";

/// How many threads answer requests.
const WORKERS: usize = 2;

/// Why the simulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("the simulator cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A key could not be made, read or kept.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The server thread ended before it served.
    #[error("the simulator's thread ended early")]
    Thread,
}

/// Why a callback cannot be made on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The order is unknown, unpaid or names no address.
    #[error("there is nothing to call back about")]
    Nothing,
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made")]
    Client,
}

/// A running simulator; it stops when the handle is dropped.
pub struct Provider {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub base_url: String,
    world: Arc<World>,
    server: ServerHandle,
}

impl Drop for Provider {
    fn drop(&mut self) {
        // The command is sent at once; only waiting for the end would need the future.
        drop(self.server.stop(false));
    }
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/v3/{tail:.*}").to(wechat_pay::serve))
        .route("/gateway.do", web::get().to(alipay::serve))
        .route("/gateway.do", web::post().to(alipay::serve))
        .route("/alipay/bill", web::get().to(alipay::bill::file))
        .route(AUTHORIZE, web::get().to(alipay::sign_in::authorize))
        .route("/", web::post().to(sms::serve))
        .configure(wechat::routes)
        .configure(wallet::routes)
        .configure(control::routes)
        .default_service(web::to(HttpResponse::NotFound));
}

/// Starts a simulator on a thread of its own.
///
/// # Errors
/// [`StartError`] when the address is taken or a key cannot be had.
pub fn start(config: Config) -> Result<Provider, StartError> {
    let address = config.listen;
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let base_url = format!("http://{}", listener.local_addr().map_err(failed)?);
    let world = Arc::new(World::new(config, base_url.clone())?);
    let (ready, started) = std::sync::mpsc::channel();
    let shared = world.clone();
    let serve = move || {
        actix_web::rt::System::new().block_on(async move {
            let data = web::Data::from(shared.clone());
            let app = move || {
                App::new()
                    .app_data(data.clone())
                    .app_data(web::PayloadConfig::new(REQUEST_BODY_MAX))
                    .configure(routes)
            };
            let server = HttpServer::new(app).workers(WORKERS).disable_signals().listen(listener);
            let Ok(server) = server else { return };
            let server = server.run();
            if ready.send(server.handle()).is_err() {
                return;
            }
            actix_web::rt::spawn(courier::work(shared));
            if let Err(error) = server.await {
                tracing::error!(%error, "the simulator's server ended");
            }
        });
    };
    let thread = thread::Builder::new().name("provider-simulator".to_owned()).spawn(serve);
    thread.map_err(failed)?;
    let server = started.recv().map_err(|_| StartError::Thread)?;
    Ok(Provider { base_url, world, server })
}

impl Provider {
    /// What the handlers share.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// The address of Alipay's gateway.
    pub fn gateway_url(&self) -> String {
        format!("{}/gateway.do", self.base_url)
    }

    /// The wallet page of an order, by plain HTTP.
    pub fn wallet_url(&self, out_trade_no: &str) -> Option<String> {
        let trade = self.trade(out_trade_no)?;
        Some(format!("{}/wallet/{}", self.base_url, trade.code))
    }

    /// The provider's clock.
    pub fn clock(&self) -> &SimClock {
        &self.world.clock
    }

    /// Writes what every merchant knows under `dir`; the crate's page lists the names.
    ///
    /// # Errors
    /// [`KeyError::File`] when a file cannot be written.
    pub fn write_merchant_files(&self, dir: &Path) -> Result<MerchantFiles, KeyError> {
        self.world.state().keys.write(dir, &self.world.config)
    }

    /// Pays an order as a person with a wallet would; answers the provider's number.
    ///
    /// # Errors
    /// [`PayError`] as the wallet would say it.
    pub fn pay_now(&self, out_trade_no: &str, pay: Pay) -> Result<String, PayError> {
        let key = self.world.key(out_trade_no, pay.provider).ok_or(PayError::Unknown)?;
        self.world.pay(&key, &pay)
    }

    /// Pays through the payer-side parameters of a JSAPI order, checking them as the wallet does.
    ///
    /// # Errors
    /// [`OpenError`] when the parameters do not hold or the book refuses.
    pub fn pay_jsapi(&self, params: &PayerParams, pay: &Pay) -> Result<String, OpenError> {
        pay_sign::pay(&self.world, params, pay)
    }

    /// Scans an Alipay code without paying: from now on the trade exists.
    ///
    /// # Errors
    /// [`PayError::Unknown`] when nobody placed the order.
    pub fn scan(&self, out_trade_no: &str) -> Result<(), PayError> {
        let now_ms = self.world.now_ms();
        let key = self.world.key(out_trade_no, Some(ProviderKind::Alipay));
        let key = key.ok_or(PayError::Unknown)?;
        self.world.state().book.scan(&key, now_ms).map(drop).ok_or(PayError::Unknown)
    }

    /// The order with this number (the first, when both providers have one).
    pub fn trade(&self, out_trade_no: &str) -> Option<Trade> {
        self.world.state().book.by_number(out_trade_no, None).next().cloned()
    }

    /// All orders, oldest first.
    pub fn trades(&self) -> Vec<Trade> {
        self.world.state().book.trades().to_vec()
    }

    /// Everything that was ever paid, in fen.
    pub fn sum_paid_fen(&self) -> i64 {
        self.world.state().book.sum_paid_fen()
    }

    /// Everything that was refunded for good, in fen.
    pub fn sum_refunded_fen(&self) -> i64 {
        self.world.state().book.sum_refunded_fen()
    }

    /// Callbacks and refunds that still wait for their moment.
    pub fn pending(&self) -> usize {
        self.world.state().outbox.pending()
    }

    /// Waits until an order, its payments, refunds and callbacks, satisfies the condition; put a
    /// time-out around it.
    pub async fn until(&self, out_trade_no: &str, mut holds: impl FnMut(&Trade) -> bool) {
        loop {
            let progress = self.world.progress.notified();
            if self.trade(out_trade_no).is_some_and(|trade| holds(&trade)) {
                return;
            }
            progress.await;
        }
    }
}

impl Provider {
    /// Switches a fault on; `None` when too many are on already.
    pub fn add_rule(&self, rule: Rule) -> Option<u64> {
        self.world.state().faults.add(rule)
    }

    /// Switches one fault off.
    pub fn remove_rule(&self, id: u64) {
        self.world.state().faults.remove(Some(id));
    }

    /// Switches all faults off and lets go of the callbacks they kept back.
    pub fn clear_rules(&self) {
        self.world.clear_rules();
    }

    /// Lets go of callbacks kept back by [`Fault::HoldUntilNext`].
    pub fn release_held(&self) {
        self.world.release_held();
    }

    /// The callback of the order's newest payment as it would go now, with these faults.
    ///
    /// # Errors
    /// [`CallbackError::Nothing`] when the order is unpaid or names no address.
    pub fn letter(&self, out_trade_no: &str, faults: &[Fault]) -> Result<Letter, CallbackError> {
        self.world.letter(out_trade_no, faults).map(|(_, letter)| letter)
    }

    /// Sends that callback now, outside every schedule, and reads the merchant's answer.
    ///
    /// # Errors
    /// [`CallbackError`] when there is nothing to send.
    pub async fn send_callback(
        &self,
        out_trade_no: &str,
        faults: &[Fault],
    ) -> Result<Reply, CallbackError> {
        let (provider, letter) = self.world.letter(out_trade_no, faults)?;
        self.world.post(provider, &letter).await
    }

    /// The callback of a refund that has ended as it would go now, with these faults.
    ///
    /// # Errors
    /// [`CallbackError::Nothing`] when there is none, it has not ended or names no address.
    pub fn refund_letter(
        &self,
        out_trade_no: &str,
        out_refund_no: &str,
        faults: &[Fault],
    ) -> Result<Letter, CallbackError> {
        let written = self.world.refund_letter(out_trade_no, out_refund_no, faults);
        written.map(|(_, letter)| letter)
    }

    /// Sends the order's last callback again, byte for byte with its old signature.
    ///
    /// # Errors
    /// [`CallbackError`] when none was sent.
    pub async fn replay(&self, out_trade_no: &str) -> Result<Reply, CallbackError> {
        let (provider, letter) = self.world.last_letter(out_trade_no)?;
        self.world.post(provider, &letter).await
    }

    /// Posts any letter, for instance one with another tenant's address in it.
    ///
    /// # Errors
    /// [`CallbackError::Client`] when the HTTP client cannot be made.
    pub async fn post(
        &self,
        provider: ProviderKind,
        letter: &Letter,
    ) -> Result<Reply, CallbackError> {
        self.world.post(provider, letter).await
    }

    /// Ends a refund; false when there is none or it has ended so already.
    pub fn settle_refund(&self, no: &str, out_refund_no: &str, status: RefundStatus) -> bool {
        let Some(key) = self.world.key(no, None) else { return false };
        self.world.settle(&key, out_refund_no, status)
    }

    /// Ends the refund window of an Alipay trade: TRADE_FINISHED, with its notice.
    pub fn finish(&self, out_trade_no: &str) {
        self.world.finish(out_trade_no);
    }

    /// Closes an unpaid Alipay trade from the provider's side: TRADE_CLOSED, with its notice.
    pub fn close(&self, out_trade_no: &str) {
        self.world.close(out_trade_no);
    }
}

impl Provider {
    /// Adds a newer WeChat platform certificate; answers its serial.
    ///
    /// # Errors
    /// [`KeyError`] when no key can be made.
    pub fn rotate_platform_certificate(&self) -> Result<String, KeyError> {
        self.world.state().keys.rotate()
    }

    /// Takes all but the newest platform certificate out of force.
    pub fn retire_platform_certificates(&self) {
        self.world.state().keys.retire();
    }

    /// Chooses the keys that sign for a WeChat merchant, and the share of callbacks signed with
    /// the public key while both are in force (permille).
    pub fn set_key_mode(&self, mchid: &str, mode: KeyMode, grey_permille: u32) {
        self.world.set_key_mode(mchid, mode, grey_permille);
    }

    /// Changes a merchant's APIv3 key; callbacks already made keep the old one.
    pub fn set_api_v3_key(&self, mchid: &str, key: &str) {
        if let Some(keys) = self.world.state().keys.wechat.get_mut(mchid) {
            key.clone_into(&mut keys.api_v3_key);
        }
    }
}

impl World {
    /// The first order with this number.
    pub(crate) fn key(&self, no: &str, provider: Option<ProviderKind>) -> Option<TradeKey> {
        self.state().book.by_number(no, provider).next().map(|trade| trade.key.clone())
    }

    pub(crate) fn letter(
        &self,
        out_trade_no: &str,
        faults: &[Fault],
    ) -> Result<(ProviderKind, Letter), CallbackError> {
        let key = self.key(out_trade_no, None).ok_or(CallbackError::Nothing)?;
        let draft = {
            let mut state = self.state();
            let paid = state.book.find(&key).and_then(|trade| trade.payments.last());
            let paid = paid.map(|payment| payment.provider_trade_no.clone());
            let paid = paid.ok_or(CallbackError::Nothing)?;
            let event = Event::paid(self, &mut state, &key, &paid);
            courier::draft(self, &mut state, &event.ok_or(CallbackError::Nothing)?, faults)
        };
        Ok((key.provider, draft()))
    }

    pub(crate) fn refund_letter(
        &self,
        out_trade_no: &str,
        out_refund_no: &str,
        faults: &[Fault],
    ) -> Result<(ProviderKind, Letter), CallbackError> {
        let key = self.key(out_trade_no, None).ok_or(CallbackError::Nothing)?;
        let draft = {
            let mut state = self.state();
            let trade = state.book.find(&key).ok_or(CallbackError::Nothing)?;
            let mut refunds = trade.refunds.iter();
            let refund = refunds.find(|refund| refund.out_refund_no == out_refund_no).cloned();
            let refund = refund.ok_or(CallbackError::Nothing)?;
            let event = Event::refunded(self, &mut state, &key, &refund);
            courier::draft(self, &mut state, &event.ok_or(CallbackError::Nothing)?, faults)
        };
        Ok((key.provider, draft()))
    }

    pub(crate) fn last_letter(&self, no: &str) -> Result<(ProviderKind, Letter), CallbackError> {
        let key = self.key(no, None).ok_or(CallbackError::Nothing)?;
        let state = self.state();
        let last = state.outbox.last(&key).cloned();
        last.map(|letter| (key.provider, letter)).ok_or(CallbackError::Nothing)
    }

    pub(crate) async fn post(
        &self,
        provider: ProviderKind,
        letter: &Letter,
    ) -> Result<Reply, CallbackError> {
        let client = courier::client(self).ok_or(CallbackError::Client)?;
        Ok(courier::post(&client, provider, letter).await)
    }

    pub(crate) fn clear_rules(&self) {
        self.state().faults.remove(None);
        self.release_held();
    }

    pub(crate) fn release_held(&self) {
        self.state().outbox.release_held(self.clock.true_ms());
        self.wake.notify_one();
    }

    pub(crate) fn finish(&self, out_trade_no: &str) {
        let now_ms = self.now_ms();
        self.end(out_trade_no, "TRADE_FINISHED", |trade| trade.finished_ms = Some(now_ms));
    }

    pub(crate) fn close(&self, out_trade_no: &str) {
        let now_ms = self.now_ms();
        self.end(out_trade_no, "TRADE_CLOSED", |trade| {
            if trade.payments.is_empty() {
                trade.closed_ms = Some(now_ms);
            }
        });
    }

    fn end(&self, no: &str, words: &str, change: impl FnOnce(&mut Trade)) {
        let Some(key) = self.key(no, Some(ProviderKind::Alipay)) else { return };
        let event = {
            let mut state = self.state();
            if let Some(trade) = state.book.find_mut(&key) {
                change(trade);
            }
            Event::ended(self, &mut state, &key, words)
        };
        self.announce(event);
    }

    pub(crate) fn set_key_mode(&self, mchid: &str, mode: KeyMode, grey_permille: u32) {
        if let Some(choice) = self.state().key_choice.get_mut(mchid) {
            choice.mode = mode;
            choice.grey_permille = grey_permille;
        }
    }
}

//! The simulated tenants: they order through the house as the tenants' pages do, and pay in the
//! provider's wallet.

use std::collections::HashMap;

use connector::{Method, Request};
use domain::{Channel, Money, OrderId, ProjectId, SystemClock};
use store::{Store, meter::Meter, order::Order, site::Gateway};
use uuid::Uuid;
use vending::{House, Transport, merchant::Addresses, order::PlaceOrder, payment::call::Payer};

use super::{DemoError, founding::PAYING_PROJECT, town::SILENT, town::Start};
use crate::{command::Site, config::Config, transport::HttpTransport};

/// The largest answer of the wallet that is read, in bytes.
const ANSWER_MAX: usize = 64 * 1024;
/// How many rooms are left to visitors: the dark ones of the town whose meters answer.
pub const GUESTS_MAX: usize = 3;

/// Everybody who lives in the town and whose meter answers.
pub struct Tenants {
    /// The way to order.
    pub house: House,
    /// The books, to look at.
    pub store: Store,
    /// The meters whose gateway has a modem.
    pub meters: Vec<Meter>,
    provider: String,
    wallet: HttpTransport,
}

impl Tenants {
    /// Opens a house of its own beside the server's: it orders, and leaves all else to the server.
    pub async fn open(config: &Config, store: &Store, provider: &str) -> Result<Self, DemoError> {
        let site = Site::of(config.clone(), store.clone());
        let house = site.quiet_house().map_err(|error| DemoError::House(error.to_string()))?;
        let addresses = Addresses {
            wechat_pay_base_url: config.wechat_pay.base_url.clone(),
            alipay_gateway_url: config.alipay.gateway_url.clone(),
            public_url: config.server.public_url.clone(),
        };
        let broken = house.merchants().reload(store, &addresses).await?;
        if let Some((_, error)) = broken.first() {
            return Err(DemoError::House(error.to_string()));
        }
        let gateways = store::site::gateways(store.read(), None).await?;
        let silent = |gateway: &&Gateway| {
            gateway.registration.as_deref().is_some_and(|r| SILENT.contains(&r))
        };
        let silent: Vec<Uuid> = gateways.iter().filter(silent).map(|g| g.id).collect();
        let mut meters = store::meter::in_service(store.read(), None).await?;
        meters.retain(|meter| !silent.contains(&meter.gateway_id));
        let wallet = HttpTransport::new().map_err(|e| DemoError::House(e.to_string()))?;
        Ok(Tenants {
            house,
            store: store.clone(),
            meters,
            provider: provider.trim_end_matches('/').to_owned(),
            wallet,
        })
    }

    /// The meter of the first top-up: one that holds its own money, is dark, and whose light
    /// nobody has paid for yet.
    pub async fn choose(&self, starts: &HashMap<Uuid, Start>) -> Result<Meter, DemoError> {
        let steered = store::supply::list(self.store.read(), PAYING_PROJECT).await?;
        let mut held: Vec<&Meter> = self
            .meters
            .iter()
            .filter(|m| m.project() == PAYING_PROJECT && m.money_model == "meter-held")
            .collect();
        held.sort_by_key(|meter| &meter.meter_no);
        let dark = |meter: &&&Meter| starts.get(&meter.id).is_some_and(|start| start.dark);
        let paid = |meter: &Meter| {
            steered.iter().any(|row| row.meter_id == meter.id && row.desired == "on")
        };
        let star = held.iter().filter(dark).find(|meter| !paid(meter));
        let star = star.or_else(|| held.iter().find(|meter| !paid(meter))).or(held.first());
        star.map(|meter| (*meter).clone()).ok_or(DemoError::NoModem)
    }

    /// The meters of the rooms visitors may be the tenants of: dark ones first where tenants pay
    /// by phone, which the simulated tenants then leave alone.
    pub fn guests(&self, starts: &HashMap<Uuid, Start>, star: &Meter) -> Vec<Meter> {
        let mut free: Vec<&Meter> = self
            .meters
            .iter()
            .filter(|m| m.project() == PAYING_PROJECT && m.id != star.id && m.account_id.is_some())
            .filter(|m| m.purpose == "electricity")
            .collect();
        let dark = |meter: &Meter| starts.get(&meter.id).is_some_and(|start| start.dark);
        free.sort_by_key(|meter| (!dark(meter), &meter.meter_no));
        let found: Vec<Meter> = free.into_iter().take(GUESTS_MAX).cloned().collect();
        if found.is_empty() { vec![star.clone()] } else { found }
    }

    /// Places an order and opens its payment; answers the order and the provider's number.
    pub async fn order(
        &self,
        meter: &Meter,
        channel: Channel,
        fen: i64,
    ) -> Result<(Order, String), DemoError> {
        let client_id = OrderId::generate(&SystemClock::new(), self.house.rng()).to_string();
        let amount = Money::from_fen(fen);
        let wish =
            PlaceOrder { client_id, meter: meter.meter_id(), channel, amount, operator: None };
        let order = self.house.place_order(meter.project(), wish).await?;
        let offer = self.house.start_payment(&order, Payer::default()).await?;
        Ok((order, offer.attempt.out_trade_no))
    }

    /// Pays in the wallet, as the tenant does after scanning the code.
    pub async fn pay(&self, out_trade_no: &str) -> Result<(), DemoError> {
        let request = Request {
            method: Method::Post,
            url: format!("{}/control/orders/{out_trade_no}/pay", self.provider),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: b"{}".to_vec(),
            response_max: ANSWER_MAX,
        };
        let answer = self.wallet.send(request).await;
        let answer = answer.map_err(|error| DemoError::Wallet(error.to_string()))?;
        match answer.status {
            200 => Ok(()),
            status => {
                let said = String::from_utf8_lossy(&answer.body).into_owned();
                Err(DemoError::Wallet(format!("{status} {said}")))
            }
        }
    }

    /// True where tenants pay by phone.
    pub fn pays_by_phone(project: ProjectId) -> bool {
        project == PAYING_PROJECT
    }
}

//! The first day of the town: its rows, its merchants, and the money people have paid in before.

use std::{collections::HashMap, path::Path};

use domain::{Channel, Clock, MerchantId, Money, OperatorId, ProjectId, Rng};
use store::{Store, StoreError, operator::EVERYWHERE, roster, site::Merchant};
use uuid::Uuid;
use vending::{merchant::MerchantConfig, order::PlaceOrder};

use super::{
    DemoError,
    tenant::Tenants,
    town::{self, Start, Town},
};
use crate::{access::Role, command::merchant::path_token, operator::setup};

/// The project that takes payments by phone; one merchant account belongs to one project.
pub const PAYING_PROJECT: ProjectId = ProjectId(1);
/// The login of the counter.
const COUNTER: &str = "counter";

/// Writes the town and its merchants; answers how the meters start.
pub async fn found(
    store: &Store,
    clock: &dyn Clock,
    rng: &dyn Rng,
    keys: &Path,
) -> Result<HashMap<Uuid, Start>, DemoError> {
    let town = town::build(clock, rng);
    let starts = town.places.iter().map(|p| (p.meter.id, p.start.clone())).collect();
    let merchants = merchants(clock, rng, keys)?;
    store.transact(move |tx| Box::pin(write(tx, town, merchants))).await?;
    let roles = vec![(EVERYWHERE, Role::Cashier.as_str().to_owned())];
    setup::invite(store, clock, rng, (COUNTER, "前台"), roles).await?;
    Ok(starts)
}

async fn write(tx: &store::Tx, town: Town, merchants: Vec<Merchant>) -> Result<(), StoreError> {
    roster::add(tx, &town.projects).await?;
    roster::add(tx, &merchants).await?;
    roster::add(tx, &town.landlords).await?;
    roster::add(tx, &town.rooms).await?;
    roster::add(tx, &town.accounts).await?;
    roster::add(tx, &town.tariffs).await?;
    roster::add(tx, &town.gateways).await?;
    let meters: Vec<_> = town.places.into_iter().map(|place| place.meter).collect();
    roster::add(tx, &meters).await
}

/// The merchants whose files the provider simulator has written: a folder each.
fn merchants(clock: &dyn Clock, rng: &dyn Rng, keys: &Path) -> Result<Vec<Merchant>, DemoError> {
    let mut merchants = Vec::new();
    for provider in ["wechat-pay", "alipay"] {
        let folder = keys.join(provider);
        let entries = std::fs::read_dir(&folder).map_err(|_| DemoError::Keys(folder.clone()))?;
        let first = entries.filter_map(Result::ok).map(|entry| entry.path()).min();
        let own = first.ok_or(DemoError::Keys(folder))?;
        let number = own.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        let wechat = provider == "wechat-pay";
        let config = MerchantConfig::default();
        merchants.push(Merchant {
            id: MerchantId::generate(clock, rng).0,
            project_id: PAYING_PROJECT.0,
            provider: provider.to_owned(),
            mode: "ordinary".to_owned(),
            merchant_no: if wechat { number.clone() } else { "2088000000000001".to_owned() },
            sub_merchant_no: String::new(),
            app_id: if wechat { "wx8888888888888888".to_owned() } else { number },
            sub_app_id: None,
            path_token: path_token(rng),
            key_dir: std::fs::canonicalize(&own)?.display().to_string(),
            config: serde_json::to_string(&config).unwrap_or_else(|_| "{}".to_owned()),
            active: true,
            created_at: clock.now(),
        });
    }
    Ok(merchants)
}

/// The counter's operator.
pub async fn counter(store: &Store) -> Result<OperatorId, DemoError> {
    let known = store::operator::by_login(store.read(), COUNTER).await?;
    known.map(|known| known.operator_id()).ok_or(DemoError::Store(StoreError::Gone("counter")))
}

/// Tenants of platform-held meters have paid at the counter before; those in arrears have not.
/// Told again it changes nothing, because the client's ids stay the same.
pub async fn open_purses(
    tenants: &Tenants,
    starts: &HashMap<Uuid, Start>,
) -> Result<(), DemoError> {
    let operator = counter(&tenants.store).await?;
    for meter in &tenants.meters {
        let Some(start) = starts.get(&meter.id) else { continue };
        if meter.money_model == "meter-held" || start.balance_fen <= 0 {
            continue;
        }
        let id = format!("demo-opening-{}", meter.id.as_simple());
        let db = tenants.store.read();
        if store::order::by_client_id(db, meter.project(), &id).await?.is_some() {
            continue;
        }
        let whole_yuan = (start.balance_fen / 100).max(1) * 100;
        let wish = PlaceOrder {
            client_id: id,
            meter: meter.meter_id(),
            channel: Channel::Cash,
            amount: Money::from_fen(whole_yuan),
            operator: Some(operator),
        };
        tenants.house.sell_at_counter(meter.project(), operator, wish, None).await?;
    }
    Ok(())
}

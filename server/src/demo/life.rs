//! A little life: tenants top up now and then, so that the live page moves.

use std::time::Duration;

use domain::{Channel, Money, OrderId, SystemClock};
use store::meter::Meter;
use vending::order::PlaceOrder;

use super::{DemoError, founding, tenant::Tenants};

/// The most top-ups of one run.
const TOP_UPS_MAX: usize = 2_000;
/// The shortest wait between two of them, and how much longer it may be.
const PAUSE_S: (u64, u64) = (8, 22);
/// What people pay, in fen.
const AMOUNTS_FEN: [i64; 5] = [1_000, 2_000, 3_000, 5_000, 10_000];
/// One in so many orders is never paid.
const UNPAID_ONE_IN: u64 = 8;

/// Lives until it is stopped or has used up its top-ups. A top-up that fails is the live page's
/// and the log's affair; the next one comes all the same.
pub async fn live(tenants: Tenants) {
    for _ in 0..TOP_UPS_MAX {
        let rng = tenants.house.rng();
        let pause = PAUSE_S.0 + rng.below(PAUSE_S.1);
        tokio::time::sleep(Duration::from_secs(pause)).await;
        if let Err(error) = one(&tenants).await {
            tracing::info!(%error, "a simulated tenant did not get through");
        }
    }
}

async fn one(tenants: &Tenants) -> Result<(), DemoError> {
    let rng = tenants.house.rng();
    let at = usize::try_from(rng.below(tenants.meters.len().max(1) as u64)).unwrap_or(0);
    let Some(meter) = tenants.meters.get(at) else { return Ok(()) };
    let amount = AMOUNTS_FEN[usize::try_from(rng.below(5)).unwrap_or(0)];
    if !Tenants::pays_by_phone(meter.project()) {
        return at_the_counter(tenants, meter, amount).await;
    }
    let channel = if rng.below(3) == 0 { Channel::AlipayPrecreate } else { Channel::WechatNative };
    let (_, out_trade_no) = tenants.order(meter, channel, amount).await?;
    if rng.below(UNPAID_ONE_IN) == 0 {
        return Ok(());
    }
    tokio::time::sleep(Duration::from_secs(2 + rng.below(5))).await;
    tenants.pay(&out_trade_no).await
}

async fn at_the_counter(tenants: &Tenants, meter: &Meter, fen: i64) -> Result<(), DemoError> {
    let operator = founding::counter(&tenants.store).await?;
    let wish = PlaceOrder {
        client_id: OrderId::generate(&SystemClock::new(), tenants.house.rng()).to_string(),
        meter: meter.meter_id(),
        channel: Channel::Cash,
        amount: Money::from_fen(fen),
        operator: Some(operator),
    };
    tenants.house.sell_at_counter(meter.project(), operator, wish, None).await?;
    Ok(())
}

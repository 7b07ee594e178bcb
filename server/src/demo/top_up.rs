//! One top-up, told line by line as it happens.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Channel, Money, OrderState};
use serde_json::Value;
use store::{meter::Meter, order::Order, timeline::Event};

use super::{DemoError, LOOK_EVERY, tenant::Tenants};
use crate::command::story::{local, words};

/// What the tenant pays, in fen.
const AMOUNT_FEN: i64 = 5_000;
/// How long the light may take.
const LIGHT_MAX: Duration = Duration::from_secs(180);

/// Orders, pays, and tells the timeline until the light is on.
pub async fn perform(tenants: &Tenants, meter: &Meter) -> Result<(), DemoError> {
    let yuan = Money::from_fen(AMOUNT_FEN).to_yuan();
    let room = place(tenants, meter).await?;
    println!("\n==> 一次充值 / one top-up: {room} · 表号 meter {} · ¥{yuan}", meter.meter_no);
    let (order, out_trade_no) = tenants.order(meter, Channel::WechatNative, AMOUNT_FEN).await?;
    println!("    订单 order {} · 微信支付 WeChat Pay", order.order_no);
    let mut teller = Teller::new(&order);
    teller.tell(tenants, &order).await?;
    tenants.pay(&out_trade_no).await?;
    let telling = async {
        let mut every = tokio::time::interval(LOOK_EVERY);
        loop {
            every.tick().await;
            teller.tell(tenants, &order).await?;
            let now = tenants.house.order(order.project(), order.order_id()).await?;
            if matches!(now.state()?, OrderState::Restored | OrderState::Closed) {
                // The line may have been written between the two looks.
                teller.tell(tenants, &order).await?;
                return Ok::<_, DemoError>(now);
            }
        }
    };
    let ended = match tokio::time::timeout(LIGHT_MAX, telling).await {
        Ok(ended) => ended?,
        Err(_) => {
            let now = tenants.house.order(order.project(), order.order_id()).await?;
            return Err(DemoError::Dark(format!("{} stands at {}", now.order_no, now.state)));
        }
    };
    conclude(&ended)
}

async fn place(tenants: &Tenants, meter: &Meter) -> Result<String, DemoError> {
    let Some(room) = meter.room() else { return Ok(String::new()) };
    let room = store::account::room(tenants.store.read(), meter.project(), room).await?;
    Ok(room.map(|room| format!("{} {}", room.building, room.number)).unwrap_or_default())
}

fn conclude(order: &Order) -> Result<(), DemoError> {
    let Some(lit) = order.restored_at else {
        return Err(DemoError::Dark(format!("{} was closed", order.order_no)));
    };
    let whole = seconds(lit, order.placed_at);
    let paid = order.credited_at.map(|at| seconds(lit, at)).unwrap_or_default();
    println!("    合计 total {whole} s · 从到账到亮灯 from credit to light {paid} s");
    Ok(())
}

fn seconds(to: DateTime<Utc>, from: DateTime<Utc>) -> String {
    let ms = (to - from).num_milliseconds();
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Prints each line of a timeline once.
struct Teller {
    placed_at: DateTime<Utc>,
    told: usize,
}

impl Teller {
    fn new(order: &Order) -> Self {
        Teller { placed_at: order.placed_at, told: 0 }
    }

    async fn tell(&mut self, tenants: &Tenants, order: &Order) -> Result<(), DemoError> {
        let db = tenants.store.read();
        let events = store::timeline::of(db, order.project(), order.order_id()).await?;
        for event in events.iter().skip(self.told) {
            let [zh, en] = words(&event.kind);
            let at = local(event.at);
            let at = at.split(' ').nth(1).unwrap_or(&at);
            let since = seconds(event.at, self.placed_at);
            println!("    {at}  +{since:>7} s  {zh} / {en}  {}", said(event));
        }
        self.told = events.len().max(self.told);
        Ok(())
    }
}

/// What of an event's detail a person wants to see.
fn said(event: &Event) -> String {
    let detail: Value = serde_json::from_str(&event.detail).unwrap_or_default();
    let number = |name: &str| detail[name].as_i64();
    let yuan = |name: &str| number(name).map(|fen| Money::from_fen(fen).to_yuan());
    let parts = [
        yuan("amount_fen").map(|yuan| format!("¥{yuan}")),
        detail["provider_trade_no"].as_str().map(ToOwned::to_owned),
        number("count").map(|count| format!("第 {count} 次 count {count}")),
        yuan("balance_fen").map(|yuan| format!("表内 on meter ¥{yuan}")),
        detail["outcome"].as_str().map(ToOwned::to_owned),
        detail["relay"].as_str().map(|relay| format!("relay {relay}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

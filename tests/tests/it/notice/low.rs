//! Little money left in a meter that keeps it itself.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::{Clock, ManualClock};
use gateway::{GatewayEvent, Item, event::Reading, item::Value as Shown};
use store::{StoreError, notice};
use tests::fixture::{Bus, Layout, PROJECT};
use tokio::sync::mpsc;
use vending::reading::Listener;

use super::{MORNING, PHONE, STEP, Town, as_is, rest};

crate::it::postgres::on_both_databases! {
    a_meter_that_keeps_the_money_tells_of_each_level_once_until_it_is_topped_up,
}

/// What happens before a meter that keeps the money itself is read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Nothing,
    Restart,
    TopUp,
    /// The meter is quarantined, or no longer.
    Quarantine(bool),
    /// The answer waited for two days.
    Wait,
    /// The same scan shows a register that ran backwards.
    Backwards,
}

/// What happens before, what the meter then shows, what was told by then; the levels are 20.00
/// and 5.00.
const STEPS: &[(Before, i64, &[i64])] = &[
    (Before::Nothing, 2_500, &[]),
    (Before::Nothing, 1_999, &[1_999]),
    (Before::Nothing, 1_800, &[1_999]),
    (Before::Restart, 1_700, &[1_999]),
    (Before::Wait, 400, &[1_999]),
    (Before::Backwards, 400, &[1_999]),
    (Before::Quarantine(true), 400, &[1_999]),
    (Before::Quarantine(false), 390, &[1_999, 390]),
    (Before::Restart, 380, &[1_999, 390]),
    (Before::TopUp, 3_000, &[1_999, 390]),
    (Before::Nothing, 1_500, &[1_999, 390, 1_500]),
    // From above both levels to below both is one notice.
    (Before::TopUp, 4_000, &[1_999, 390, 1_500]),
    (Before::Nothing, 300, &[1_999, 390, 1_500, 300]),
    // A top-up that stays below the higher level is no reason to tell of it.
    (Before::TopUp, 1_000, &[1_999, 390, 1_500, 300]),
    (Before::Nothing, 450, &[1_999, 390, 1_500, 300, 450]),
];

impl Town {
    async fn change(&self, before: Before) {
        let id = self.still.layout.places[0].meter.meter_id();
        let changed = self.house().store().transact(move |tx| {
            Box::pin(async move {
                let row = store::meter::by_id(tx, PROJECT, id).await?.unwrap();
                let count = row.purchase_count.unwrap_or(0);
                let change = match before {
                    Before::TopUp => store::meter::Change {
                        purchase_count: Some(Some(count + 1)),
                        ..Default::default()
                    },
                    Before::Quarantine(true) => store::meter::Change {
                        state: Some(("quarantined", Some("count-ahead".to_owned()))),
                        ..Default::default()
                    },
                    Before::Quarantine(false) => store::meter::Change {
                        state: Some(("in-service", None)),
                        ..Default::default()
                    },
                    _ => return Ok(()),
                };
                store::meter::change(tx, &row, change).await?;
                Ok::<_, StoreError>(())
            })
        });
        changed.await.unwrap();
    }

    /// Starts somebody who listens to what is read; they stop when nobody tells any more.
    async fn listen(&self) -> mpsc::Sender<GatewayEvent> {
        let (tell, told) = mpsc::channel(8);
        let listener = Listener::new(self.house().clone()).await.unwrap();
        tokio::spawn(listener.run(told));
        tell
    }
}

async fn a_meter_that_keeps_the_money_tells_of_each_level_once_until_it_is_topped_up() {
    let hand = Arc::new(ManualClock::at(MORNING));
    let clock: Arc<dyn Clock> = hand.clone();
    let layout = Layout::new(&[Bus::prepaid(1)], 1, 50, clock.now());
    let town = Town { hand: Some(hand), ..Town::of(clock, layout, as_is).await };
    let person = town.tenant(PHONE, town.account(0)).await;
    let meter = town.still.layout.places[0].meter.id;
    let mut tell = town.listen().await;
    let stop = town.still.work();
    for (step, (before, fen, want)) in STEPS.iter().copied().enumerate() {
        town.change(before).await;
        if before == Before::Restart {
            tell = town.listen().await;
        }
        town.pass(Duration::from_secs(900));
        let now = town.house().now();
        let step = i64::try_from(step).unwrap();
        let at = if before == Before::Wait { now - TimeDelta::days(2) } else { now };
        let wh = if before == Before::Backwards { 1 } else { 100_000 + step * 1_000 };
        let values = [
            (Item::ForwardEnergy, wh, now),
            (Item::RemainingMoney, fen, at),
            // So that one sees when all of it was taken.
            (Item::VoltageA, step, now),
        ];
        let readings = values.map(|(item, value, at)| {
            let value = Shown::Number(value);
            Reading { meter, item, value, meter_clock: None, at }
        });
        tell.send(GatewayEvent::Readings(readings.to_vec())).await.unwrap();
        let taken = async || {
            let db = town.house().store().read();
            let id = domain::MeterId(meter);
            let rows = store::reading::latest_of_meter(db, PROJECT, id).await.unwrap();
            rows.iter().any(|row| row.item == Item::VoltageA.code() && row.value == step)
        };
        town.still.until("the scan is taken", taken).await;
        town.settled(STEP).await;
        let mut told = town.notices(person).await;
        told.retain(|row| row.kind == "low-balance");
        told.sort_by_key(|row| row.created_at);
        let balance = |row: &notice::Notice| {
            let params: vending::notice::Params = serde_json::from_str(&row.params).unwrap();
            params.balance_fen.unwrap()
        };
        let told: Vec<_> = told.iter().map(balance).collect();
        assert_eq!(told, want, "{step}: {before:?}");
    }
    rest(stop).await;
}

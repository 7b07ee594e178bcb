//! A meter that was not read for a night: noticed, shown, filled from what it kept, billed once.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BusinessDay, Clock};
use gateway::Item;
use ledger::LedgerAccount;
use store::{
    billing::{self, BillLine},
    reading::{self, gap},
};
use tests::{
    clock::SkippingClock,
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};
use vending::billing::{Billed, Register};

/// The first place's use before and after midnight, Wh or litres.
const EVENING: u64 = 3_000;
const MORNING: u64 = 5_000;

async fn until<T>(world: &World, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let seen = tokio::time::timeout(Duration::from_secs(120), async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            world.house.store().wait_for_work(Duration::from_millis(30)).await;
        }
    });
    seen.await.unwrap_or_else(|_| panic!("{what} never came"))
}

/// A world of one platform-held meter, and the clock it lives by; 22:00 in the evening.
async fn evening(bus: Bus) -> (World, Arc<SkippingClock>) {
    let clock = SkippingClock::at(22, 0);
    let plan = Plan { clock: Some(clock.clone()), interval_s: 1, ..Plan::new(vec![bus]) };
    let world = World::start(plan).await;
    let meter = world.site.meter(&world.layout.places[0].meter.address).unwrap();
    meter.set_load(0);
    let stands = (meter.snapshot().energy_wh / 10 * 10) as i64;
    let id = world.layout.places[0].meter.meter_id();
    until(&world, "the first bill", async || {
        let cursor = billing::cursor(world.house.store().read(), PROJECT, id).await.unwrap();
        cursor.filter(|cursor| cursor.value == stands)
    })
    .await;
    (world, clock)
}

/// The gateway is away from 22:00 to 06:01, and 3 then 5 units are used on the two days.
async fn sleep_through(world: &World, clock: &SkippingClock) -> gap::Gap {
    let meter = world.site.meter(&world.layout.places[0].meter.address).unwrap();
    let id = world.layout.places[0].meter.meter_id();
    world.site.cut(0).unwrap();
    clock.skip(TimeDelta::minutes(119));
    meter.use_up(EVENING);
    clock.skip(TimeDelta::minutes(2));
    meter.use_up(MORNING);
    clock.skip(TimeDelta::hours(6));
    let open = until(world, "the open gap", async || {
        let open = gap::open(world.house.store().read(), PROJECT).await.unwrap();
        open.into_iter().find(|gap| gap.meter_id == id.0)
    })
    .await;
    assert_eq!((open.reason.as_str(), open.to_at), ("gateway-offline", None));
    world.site.restore(0).unwrap();
    until(world, "the end of the gap", async || {
        let db = world.house.store().read();
        let found = gap::by_start(db, PROJECT, id, open.from_at).await.unwrap();
        found.filter(|gap| gap.to_at.is_some() && gap.back_fill != gap::FILL_WANTED)
    })
    .await
}

async fn lines(world: &World, since: DateTime<Utc>) -> Vec<BillLine> {
    let account = world.layout.places[0].account;
    billing::lines(world.house.store().read(), PROJECT, account, since).await.unwrap()
}

fn seen(line: &BillLine) -> (i64, i64, Option<&str>) {
    (line.quantity, line.amount_fen, line.basis.as_deref())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_without_the_gateway_is_back_filled_from_the_daily_freeze_and_billed_once() {
    let (world, clock) = evening(Bus { prepaid: 0, remote: 1, water: 0 }).await;
    let (house, place) = (&world.house, &world.layout.places[0]);
    let purse = LedgerAccount::Purse(place.account, domain::Purpose::Electricity);
    let balance = async || {
        let db = house.store().read();
        store::ledger::balance(db, PROJECT, purse).await.unwrap().posted.fen()
    };
    let before = balance().await;
    let gap = sleep_through(&world, &clock).await;
    let midnight = BusinessDay::of(clock.now()).start();
    let frozen = gap.from_value + EVENING as i64;
    assert_eq!((gap.filled_at, gap.filled_value), (Some(midnight), Some(frozen)));
    let told = until(&world, "both lines", async || {
        let told = lines(&world, midnight).await;
        (told.len() == 2).then_some(told)
    })
    .await;
    // 0.60 yuan a kWh, in the order of time, the second from where the first ends.
    let table = [(3_000, 180, Some("frozen")), (5_000, 300, Some("gap"))];
    assert_eq!(told.iter().map(seen).collect::<Vec<_>>(), table);
    assert_eq!(
        (told[0].from_value, told[0].to_value, told[0].to_at),
        (gap.from_value, frozen, midnight)
    );
    assert_eq!((told[1].from_value, told[1].from_at), (frozen, midnight));
    assert_eq!(balance().await, before - 480);
    // Whoever tells either of them again is told that it is billed.
    let again = Register { value: frozen, at: midnight, frozen: true };
    let late = Register::read(gap.to_value.unwrap(), gap.to_at.unwrap());
    for read in [again, late] {
        let billed = house.bill(PROJECT, place.meter.meter_id(), read).await.unwrap();
        assert_eq!(billed, Billed::Nothing);
    }
    assert_eq!(balance().await, before - 480);
    let (item, until) = (Item::ForwardEnergy.code(), midnight + TimeDelta::seconds(1));
    let id = place.meter.meter_id();
    let kept = reading::range(house.store().read(), PROJECT, id, item, midnight, until).await;
    assert_eq!(kept.unwrap(), [reading::Point { at: midnight, value: frozen }]);
    house.store().audit(Some(PROJECT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meter_that_keeps_nothing_is_billed_over_its_gap_and_the_line_says_so() {
    let (world, clock) = evening(Bus { prepaid: 0, remote: 0, water: 1 }).await;
    let gap = sleep_through(&world, &clock).await;
    assert_eq!((gap.back_fill.as_str(), gap.filled_at), (gap::FILL_NONE, None));
    let told = until(&world, "the line", async || {
        let told = lines(&world, gap.from_at + TimeDelta::seconds(1)).await;
        (told.len() == 1).then_some(told)
    })
    .await;
    assert_eq!(told.iter().map(seen).collect::<Vec<_>>(), [(8_000, 2_800, Some("gap"))]);
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

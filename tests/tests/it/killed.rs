//! The real program, killed again and again in the middle of everything.

use std::{sync::Arc, time::Duration};

use domain::{Clock, SystemClock};
use ledger::LedgerAccount;
use meter_simulator::{Knob, Setting, Site};
use provider_simulator::{Config, Fault, Pay, Provider, Rule, Site as Place};
use rand::{Rng, SeedableRng};
use store::Store;
use tests::{
    fixture::{Bus, Layout, PROJECT, alipay_merchant, wechat_merchant},
    process::Yufu,
    world::{SPEED, say, seed},
};

/// Kills in one campaign.
const KILLS: usize = 25;
/// Orders of one campaign.
const ORDERS: usize = 1_000;
const BUSES: usize = 20;
const METERS: usize = 5;
/// How long one order may take through all the kills.
const PATIENCE: Duration = Duration::from_secs(600);

/// One tenant: orders, pays, and waits for the light, whoever dies meanwhile.
async fn tenant(yufu: &Yufu, provider: &Provider, layout: &Layout, number: usize) -> i64 {
    let fen = 1_000 + i64::try_from(number).unwrap();
    let client = format!("tenant-{number:08}");
    let pause = Duration::from_millis(30);
    let served = tokio::time::timeout(PATIENCE, async {
        let (id, out_trade_no) = loop {
            let place = number % layout.places.len();
            if let Some(placed) = yufu.order(layout, place, fen, &client).await {
                break placed;
            }
            tokio::time::sleep(pause).await;
        };
        provider.pay_now(&out_trade_no, Pay::default()).unwrap();
        while yufu.state(id).await.as_deref() != Some("restored") {
            tokio::time::sleep(pause).await;
        }
    });
    served.await.unwrap_or_else(|_| panic!("order {number} never ended"));
    fen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_moment_loses_nothing_and_pays_nothing_twice() {
    let seed = seed();
    let dir = tempfile::tempdir().unwrap();
    let config = Config { seed, time_scale: 200, ..Default::default() };
    let provider = provider_simulator::start(config).unwrap();
    let keys = dir.path().join("keys");
    provider.write_merchant_files(&keys).unwrap();
    let url = format!("sqlite:{}", dir.path().join("yufu.db").display());
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    let now = SystemClock::new().now();
    let mut layout = Layout::new(&[Bus::prepaid(METERS); BUSES], seed, SPEED, now);
    let merchants = vec![
        wechat_merchant(&keys.join("wechat-pay/1900000001"), now),
        alipay_merchant(&keys.join("alipay/2021000000000001"), now),
    ];
    layout.store(&store, merchants).await;
    let yufu = Yufu::prepare(dir.path(), store, &provider).await;
    layout.dial(yufu.dtu);
    let site = Site::start(layout.site.clone()).await.unwrap();
    site.turn_all(Knob::DropReply, Setting::percent(5));
    site.turn_all(Knob::Noise, Setting::percent(2));
    site.turn_all(Knob::Reconnect, Setting::percent(1));
    provider.add_rule(Rule::new(Place::Callback, Fault::Copies { count: 2 }));
    let (yufu, provider) = (Arc::new(yufu), Arc::new(provider));

    let layout = Arc::new(layout);
    let mut tenants = tokio::task::JoinSet::new();
    let at_once = Arc::new(tokio::sync::Semaphore::new(100));
    for number in 0..ORDERS {
        let (yufu, provider, layout) = (yufu.clone(), provider.clone(), layout.clone());
        let at_once = at_once.clone();
        tenants.spawn(async move {
            let _turn = at_once.acquire_owned().await.unwrap();
            tenant(&yufu, &provider, &layout, number).await
        });
    }
    let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(dice.random_range(50..2_000))).await;
        yufu.kill();
        yufu.start().await;
    }
    let sold: i64 = tenants.join_all().await.iter().sum();
    yufu.kill();

    let store = Store::open(&url).await.unwrap();
    let report = store.audit(Some(PROJECT)).await.unwrap();
    let mut on_meters = 0;
    for place in &layout.places {
        let account = LedgerAccount::OnMeter(place.meter.meter_id());
        on_meters +=
            store::ledger::balance(store.read(), PROJECT, account).await.unwrap().posted.fen();
    }
    let meters = i64::try_from(site.sum_applied_fen()).unwrap();
    let paid = provider.sum_paid_fen();
    say(&format!(
        "{ORDERS} top-ups, {KILLS} kills: ledger on meters {on_meters} fen, provider's book \
         {paid} fen, meters {meters} fen"
    ));
    assert_eq!((on_meters, paid, meters), (sold, sold, sold));
    assert_eq!(site.applied_topups(), ORDERS as u64);
    assert_eq!(report.open_holds, 0);
}

//! How many payments a second the store credits, row by row and set-based, proven by the audit.
//!
//! ```text
//! cargo run --release -p store --example credit_rate -- [COUNT] [sqlite:FILE | postgres://…]…
//! ```
//!
//! Row by row is what an ORM invites to: one closure per credit, one statement per row; it stays
//! here to be measured against (goal P2). Both ways run interleaved, several rounds, and every
//! round ends with the ledger audit: a number from books that fail it is void
//! (`performance.md` 1).

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::Duration;

use domain::{
    AccountId, Clock, HoldId, MerchantId, Money, OrderId, ProjectId, Purpose, SystemClock,
    TransactionId,
};
use ledger::{HoldChange, Key, LedgerAccount, Occurrence, Posting, Template, Transaction};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use store::{
    Credit, Credited, Store, StoreError, StoreOptions, Tx,
    entity::{account, gateway, meter, orders, project, provider_fact, room},
    job,
    ledger::Booking,
};
use uuid::Uuid;

const PROJECT: i64 = 7;
/// Tenants the payments spread over; another run puts all on one (goal P4).
const PURSES: u128 = 1000;
/// Payments told at the same time.
const IN_FLIGHT: usize = 512;
const ROUNDS: u128 = 3;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: u128 = arguments.next().map_or(20_000, |text| text.parse().expect("a count"));
    for url in arguments {
        measure(&url, count).await;
    }
}

async fn measure(url: &str, count: u128) {
    let store = Store::open_with(url, StoreOptions::default()).await.expect("a database");
    store.migrate().await.unwrap();
    if store::site::project(store.read(), ProjectId(PROJECT)).await.unwrap().is_none() {
        store.transact(|tx| Box::pin(site(tx))).await.unwrap();
    }
    let kind = url.split(':').next().unwrap_or_default();
    let mut next = orders::Entity::find().all(store.read()).await.unwrap().len() as u128;
    for round in 1..=ROUNDS {
        // Row by row is so much slower that a tenth of the payments tells as much.
        for (way, purses, count) in [
            ("row by row", PURSES, count / 10),
            ("set-based", PURSES, count),
            ("set-based, one purse", 1, count),
        ] {
            place(&store, next..next + count).await;
            let busy = cpu_time();
            let took = credit_all(&store, next..next + count, purses, way == "row by row").await;
            let busy = (cpu_time() - busy).as_micros() / count;
            next += count;
            store.audit(None).await.expect("true books");
            let rate = count as f64 / took.as_secs_f64();
            println!(
                "{kind:9} round {round}  {way:21} {rate:9.0} credits/s {busy:6} µs of CPU each"
            );
        }
    }
}

/// What this process has used of the processors, to the hundredth of a second: on a busy machine
/// it tells more than the clock. Nothing where there is no `/proc`.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

async fn credit_all(
    store: &Store,
    range: std::ops::Range<u128>,
    purses: u128,
    row_by_row: bool,
) -> Duration {
    let credits: Vec<Credit> = range.map(|n| credit(n, purses)).collect();
    let lanes = (0..IN_FLIGHT)
        .map(|lane| credits.iter().skip(lane).step_by(IN_FLIGHT).cloned().collect::<Vec<Credit>>());
    let lanes = lanes.collect::<Vec<_>>();
    let clock = SystemClock::new();
    let begun = clock.monotonic();
    let lanes = lanes.into_iter().map(|lane| {
        let store = store.clone();
        tokio::spawn(async move {
            for credit in lane {
                if row_by_row {
                    // The naive way meets itself on hot rows; it says the same again.
                    while let Err(StoreError::Conflict) = naive(&store, credit.clone()).await {}
                } else {
                    assert_eq!(store.credit(credit).await.unwrap(), Credited::New);
                }
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.unwrap();
    }
    clock.monotonic() - begun
}

/// The same rows as the hot path, one statement each.
async fn naive(store: &Store, credit: Credit) -> Result<(), StoreError> {
    store
        .transact(move |tx| {
            Box::pin(async move {
                store::insert(tx, credit.fact.clone()).await?;
                orders::Entity::update_many()
                    .col_expr(orders::Column::State, Expr::value("credited"))
                    .col_expr(
                        orders::Column::ProviderTradeNo,
                        Expr::value(credit.fact.provider_trade_no),
                    )
                    .col_expr(orders::Column::CreditedAt, Expr::value(credit.at))
                    .filter(orders::Column::ProjectId.eq(PROJECT))
                    .filter(orders::Column::Id.eq(credit.order.id))
                    .filter(orders::Column::State.is_in(["placed", "closed"]))
                    .exec(tx)
                    .await?;
                for booking in &credit.bookings {
                    store::ledger::post(tx, booking).await?;
                }
                for job in &credit.jobs {
                    job::insert(tx, job).await?;
                }
                for (kind, at, detail) in credit.events {
                    store::timeline::add(tx, &credit.order, &kind, at, detail).await?;
                }
                Ok(())
            })
        })
        .await
}

fn id(kind: u128, n: u128) -> Uuid {
    let high = 0x0198_0000_0000_7000_8000_0000_0000_0000u128;
    uuid::Builder::from_u128(high + (kind << 40) + n).into_uuid()
}

fn at() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(1_795_000_000, 123_456_000).expect("a moment")
}

fn credit(n: u128, purses: u128) -> Credit {
    let order = order(n);
    let transaction_id = TransactionId(id(1, n));
    let trade_no = format!("4200{n:024}");
    let amount = Money::from_fen(order.amount_fen);
    let purse = LedgerAccount::Purse(AccountId(id(2, n % purses)), Purpose::Electricity);
    let merchant = LedgerAccount::Provider(MerchantId(id(3, 0)));
    let posting = Posting::new(merchant, purse, amount).expect("a posting");
    let hold = HoldId(id(4, n));
    let place = HoldChange::Place { id: hold, account: purse, amount, expires_at: None };
    let book = |id, key: String, template, postings, hold| Booking {
        id,
        project: ProjectId(PROJECT),
        order: Some(OrderId(order.id)),
        vend: None,
        memo: None,
        transaction: Transaction::from_rows(
            Occurrence { key: Key::new(key).expect("a key"), at: at() },
            template,
            postings,
            hold,
        ),
    };
    let bookings = vec![
        book(
            transaction_id,
            format!("pay:{trade_no}"),
            Template::PaymentReceived,
            vec![posting],
            None,
        ),
        book(TransactionId(id(4, n)), format!("hold:{n}"), Template::VendHeld, vec![], Some(place)),
    ];
    let next = domain::JobId(id(5, n));
    Credit {
        fact: fact(n, &order, trade_no, transaction_id),
        attempt: None,
        bookings,
        vend: None,
        jobs: vec![job::draft(ProjectId(PROJECT), next, "vend", &order.order_no, at())],
        items: Vec::new(),
        events: vec![("credited".to_owned(), at(), serde_json::json!({ "source": "callback" }))],
        at: at(),
        order,
    }
}

fn fact(
    n: u128,
    order: &orders::Model,
    trade_no: String,
    transaction: TransactionId,
) -> provider_fact::Model {
    provider_fact::Model {
        project_id: PROJECT,
        provider: "wechat-pay".to_owned(),
        merchant_no: "1900000001".to_owned(),
        provider_trade_no: trade_no,
        id: id(6, n),
        out_trade_no: format!("{}01", order.order_no),
        order_id: Some(order.id),
        kind: "payment".to_owned(),
        amount_fen: order.amount_fen,
        source: "callback".to_owned(),
        received_at: at(),
        paid_at: Some(at()),
        payer: None,
        payer_total_fen: Some(order.amount_fen),
        // A decrypted WeChat notice is about this long.
        raw: vec![b'x'; 600],
        verdict: "credited".to_owned(),
        transaction_id: Some(transaction.0),
    }
}

fn order(n: u128) -> orders::Model {
    orders::Model {
        project_id: PROJECT,
        id: id(7, n),
        order_no: format!("YF{n:016}"),
        client_id: format!("client-{n:012}"),
        account_id: id(8, 0),
        meter_id: id(9, 0),
        purpose: "electricity".to_owned(),
        channel: "wechat-native".to_owned(),
        amount_fen: 5000,
        price_micro_yuan: 528_300,
        state: "placed".to_owned(),
        operator_id: None,
        provider_trade_no: None,
        placed_at: at(),
        expires_at: at(),
        credited_at: None,
        delivered_at: None,
        restored_at: None,
        closed_at: None,
        reason: None,
        version: 1,
    }
}

async fn place(store: &Store, range: std::ops::Range<u128>) {
    let mut start = range.start;
    while start < range.end {
        let end = (start + 500).min(range.end);
        let placed = store.transact(move |tx| {
            Box::pin(async move {
                for n in start..end {
                    store::insert(tx, order(n)).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        placed.await.unwrap();
        start = end;
    }
}

async fn site(tx: &Tx) -> Result<(), StoreError> {
    let text = |text: &str| text.to_owned();
    let project = project::Model {
        id: PROJECT,
        name: text("测试"),
        name_en: text("Bench"),
        currency: text("CNY"),
        timezone: text("+08:00"),
        created_at: at(),
    };
    store::insert(tx, project).await?;
    let room = room::Model {
        project_id: PROJECT,
        id: id(10, 0),
        building: text("A"),
        floor: 1,
        number: text("1"),
        area_m2_e2: None,
        landlord_id: None,
        tags: text("[]"),
    };
    store::insert(tx, room).await?;
    let account = account::Model {
        project_id: PROJECT,
        id: id(8, 0),
        account_no: text("1"),
        room_id: id(10, 0),
        name: text("张三"),
        phone: None,
        customer_no: text("000000000001"),
        state: text("open"),
        opened_at: at(),
        closed_at: None,
        protected: false,
        version: 0,
    };
    store::insert(tx, account).await?;
    let gateway = gateway::Model {
        id: id(11, 0),
        project_id: PROJECT,
        name: text("DTU"),
        registration: None,
        link: text("dial-in"),
        address: None,
        framing: text("plain"),
        heartbeat_s: 60,
        settings: text("{}"),
        owner: None,
        owner_token: 0,
        lease_until: None,
    };
    store::insert(tx, gateway).await?;
    store::insert(tx, bench_meter()).await
}

fn bench_meter() -> meter::Model {
    let text = |text: &str| text.to_owned();
    meter::Model {
        project_id: PROJECT,
        id: id(9, 0),
        meter_no: text("1"),
        room_id: Some(id(10, 0)),
        account_id: Some(id(8, 0)),
        gateway_id: id(11, 0),
        bus: 1,
        address: text("000000000001"),
        profile: text("dlt645-2007-local"),
        purpose: text("electricity"),
        money_model: text("meter-held"),
        tariff_id: None,
        epoch: 1,
        purchase_count: None,
        state: text("in-service"),
        quarantine_reason: None,
        ct: 1,
        pt: 1,
        base_reading: 0,
        reading_interval_s: 900,
        supply_policy: text("auto"),
        created_at: at(),
        version: 0,
    }
}

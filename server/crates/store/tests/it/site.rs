//! One small site to test on: a project, an account, a meter, and orders on demand.

use chrono::{DateTime, Utc};
use domain::{AccountId, HoldId, MerchantId, Money, OrderId, ProjectId, Purpose, TransactionId};
use ledger::{HoldChange, Key, LedgerAccount, Occurrence, Posting, Template, Transaction};
use store::{
    Credit, Store, StoreError,
    entity::{account, gateway, job, meter, order_locator, orders, project, provider_fact, room},
    ledger::Booking,
};
use uuid::Uuid;

pub const PROJECT: ProjectId = ProjectId(7);
pub const MERCHANT: &str = "1900000001";

/// An id a test can name: `id(1)`.
pub fn id(n: u128) -> Uuid {
    uuid::Builder::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + n).into_uuid()
}

/// A moment: seconds after the start of the test.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
}

pub fn purse() -> LedgerAccount {
    LedgerAccount::Purse(AccountId(id(2)), Purpose::Electricity)
}

/// Writes the project, its room, account, gateway and meters `10..10+meters`.
pub async fn build(store: &Store, meters: u128) {
    let rows = store.transact(move |tx| {
        Box::pin(async move {
            store::insert(tx, project_row()).await?;
            store::insert(tx, room_row()).await?;
            store::insert(tx, account_row()).await?;
            store::insert(tx, gateway_row()).await?;
            for n in 0..meters {
                store::insert(tx, meter_row(10 + n)).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    rows.await.unwrap();
}

fn project_row() -> project::Model {
    project::Model {
        id: PROJECT.0,
        name: "宝龙城".into(),
        name_en: "Powerlong".into(),
        currency: "CNY".into(),
        timezone: "+08:00".into(),
        created_at: at(0),
    }
}

fn room_row() -> room::Model {
    room::Model {
        project_id: PROJECT.0,
        id: id(1),
        building: "A".into(),
        floor: 3,
        number: "A301".into(),
        area_m2_e2: Some(4550),
        landlord_id: None,
        tags: "[]".into(),
    }
}

fn account_row() -> account::Model {
    account::Model {
        project_id: PROJECT.0,
        id: id(2),
        account_no: "0001".into(),
        room_id: id(1),
        name: "张三".into(),
        phone: None,
        customer_no: "000000000001".into(),
        state: "open".into(),
        opened_at: at(0),
        closed_at: None,
        protected: false,
        version: 0,
    }
}

fn gateway_row() -> gateway::Model {
    gateway::Model {
        id: id(3),
        project_id: PROJECT.0,
        name: "DTU 1".into(),
        registration: Some("DTU0001".into()),
        link: "dial-in".into(),
        address: None,
        framing: "plain".into(),
        heartbeat_s: 60,
        settings: "{}".into(),
        owner: None,
        owner_token: 0,
        lease_until: None,
    }
}

pub fn meter_row(n: u128) -> meter::Model {
    meter::Model {
        project_id: PROJECT.0,
        id: id(n),
        meter_no: format!("M{n:06}"),
        room_id: Some(id(1)),
        account_id: Some(id(2)),
        gateway_id: id(3),
        bus: 1,
        address: format!("{n:012}"),
        profile: "dlt645-2007-local".into(),
        purpose: "electricity".into(),
        money_model: "meter-held".into(),
        tariff_id: None,
        epoch: 1,
        purchase_count: None,
        state: "in-service".into(),
        quarantine_reason: None,
        ct: 1,
        pt: 1,
        base_reading: 0,
        reading_interval_s: 900,
        supply_policy: "auto".into(),
        created_at: at(0),
        version: 0,
    }
}

/// A placed order; `n` makes it.
pub fn order(n: u128) -> orders::Model {
    orders::Model {
        project_id: PROJECT.0,
        id: id(1_000_000 + n),
        order_no: format!("YF{n:016}"),
        client_id: format!("client-{n:08}"),
        account_id: id(2),
        meter_id: id(10),
        purpose: "electricity".into(),
        channel: "wechat-native".into(),
        amount_fen: 5000,
        price_micro_yuan: 528_300,
        state: "placed".into(),
        operator_id: None,
        provider_trade_no: None,
        placed_at: at(0),
        expires_at: at(900),
        credited_at: None,
        delivered_at: None,
        restored_at: None,
        closed_at: None,
        reason: None,
        version: 1,
    }
}

/// Stores orders `from..to`.
pub async fn place(store: &Store, from: u128, to: u128) {
    let placed = store.transact(move |tx| {
        Box::pin(async move {
            for n in from..to {
                let row = order(n);
                let locator = order_locator::Model {
                    order_no: row.order_no.clone(),
                    project_id: row.project_id,
                    order_id: row.id,
                };
                store::insert(tx, row).await?;
                store::insert(tx, locator).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    placed.await.unwrap();
}

/// The decided credit of order `n`, paid by trade number `trade`.
pub fn credit(n: u128, trade: u128) -> Credit {
    let order = order(n);
    let transaction_id = TransactionId(id(2_000_000 + trade));
    let trade_no = format!("4200{trade:012}");
    Credit {
        fact: provider_fact::Model {
            project_id: PROJECT.0,
            provider: "wechat-pay".into(),
            merchant_no: MERCHANT.into(),
            provider_trade_no: trade_no.clone(),
            id: id(3_000_000 + trade),
            out_trade_no: format!("{}{:02}", order.order_no, trade % 100),
            order_id: Some(order.id),
            kind: "payment".into(),
            amount_fen: order.amount_fen,
            source: "callback".into(),
            received_at: at(10),
            paid_at: Some(at(9)),
            payer: Some("o\"penid\\1".into()),
            payer_total_fen: None,
            raw: vec![0, 1, 0xfe, 0xff],
            verdict: "credited".into(),
            transaction_id: Some(transaction_id.0),
        },
        attempt: None,
        bookings: vec![
            booking(transaction_id, &order, payment(&trade_no, order.amount_fen)),
            booking(TransactionId(id(4_000_000 + n)), &order, set_aside(n, order.amount_fen)),
        ],
        vend: None,
        jobs: vec![job_row(n)],
        items: Vec::new(),
        events: vec![("credited".into(), at(10), serde_json::json!({ "trade": trade_no }))],
        at: at(10),
        order,
    }
}

fn booking(id: TransactionId, order: &orders::Model, transaction: Transaction) -> Booking {
    let order = Some(OrderId(order.id));
    Booking { id, project: PROJECT, order, vend: None, memo: None, transaction }
}

fn occurrence(key: String) -> Occurrence {
    Occurrence { key: Key::new(key).unwrap(), at: at(10) }
}

fn payment(trade_no: &str, amount_fen: i64) -> Transaction {
    let merchant = LedgerAccount::Provider(MerchantId(id(4)));
    let posting = Posting::new(merchant, purse(), Money::from_fen(amount_fen)).unwrap();
    let occurrence = occurrence(format!("payment:wechat-pay:{MERCHANT}:{trade_no}"));
    Transaction::from_rows(occurrence, Template::PaymentReceived, vec![posting], None)
}

fn set_aside(n: u128, amount_fen: i64) -> Transaction {
    let hold = HoldChange::Place {
        id: HoldId(id(4_000_000 + n)),
        account: purse(),
        amount: Money::from_fen(amount_fen),
        expires_at: None,
    };
    let occurrence = occurrence(format!("vend:{n}:held"));
    Transaction::from_rows(occurrence, Template::VendHeld, Vec::new(), Some(hold))
}

/// A job about the meter of order `n`; every order has its own key.
pub fn job_row(n: u128) -> job::Model {
    let id = domain::JobId(id(5_000_000 + n));
    let mut job = store::job::draft(PROJECT, id, "vend", &format!("order-{n}"), at(10));
    job.order_key = Some(format!("meter-{n}"));
    job
}

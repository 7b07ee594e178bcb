//! Homes and meters as their tenants see them: figures with their age, what is unknown as null.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{GatewayId, MeterId, ProjectId};
use gateway::{Item, item::state};
use serde_json::{Value, json};
use store::{
    StoreError, account, meter,
    reading::{Quality, Reading},
    site,
};
use vending::billing::Register;

use super::{
    super::world::{Sent, World, id},
    MINI, Tenant,
};

crate::base::on_both_databases! {
    what_was_never_read_is_null_and_never_zero,
    a_dark_home_is_told_what_brings_the_light_back_in_parts_that_add_up,
    use_is_told_since_the_beginning_of_the_day_and_the_year_and_only_of_this_tenant,
    a_live_read_of_a_meter_that_is_gone_ends_honestly_and_belongs_to_whoever_asked,
}

/// The project of the fixture.
pub const PROJECT: ProjectId = ProjectId(1);
/// The account and the meter of [`World::old_home`], as kinds of ids.
pub const OLD: (u8, u8) = (22, 24);

impl World {
    /// A tenant looks at something of theirs.
    pub async fn look(&self, tenant: &Tenant, path: &str) -> Value {
        let reply = self.send("GET", &format!("{MINI}{path}"), Sent::by(&tenant.token)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    }

    /// A home that was opened so many days ago, with a meter that is a copy of the fixture's and
    /// whose gateway is connected; answers its paths' beginning.
    pub async fn old_home(&self, days: i64) -> String {
        let store = self.server.house().store();
        let now = self.now();
        let db = store.read();
        let mine = account::by_id(db, PROJECT, domain::AccountId(id(2, 1))).await;
        let first = meter::by_id(db, PROJECT, MeterId(id(4, 1))).await.unwrap().unwrap();
        let account = account::Account {
            id: id(OLD.0, 1),
            account_no: "A102".to_owned(),
            room_id: id(11, 1),
            customer_no: "000000000102".to_owned(),
            opened_at: now - TimeDelta::days(days),
            ..mine.unwrap().unwrap()
        };
        let meter = meter::Meter {
            id: id(OLD.1, 1),
            meter_no: "000030220102".to_owned(),
            address: "000030220102".to_owned(),
            room_id: Some(id(11, 1)),
            account_id: Some(account.id),
            ..first
        };
        let rows = store.transact(move |tx| {
            Box::pin(async move {
                store::insert(tx, account).await?;
                store::insert(tx, meter).await?;
                site::gateway_online(tx, PROJECT, GatewayId(id(3, 1)), now, None).await?;
                Ok::<_, StoreError>(())
            })
        });
        rows.await.unwrap();
        format!("/homes/{}/meters/{}", id(OLD.0, 1), id(OLD.1, 1))
    }

    /// What a meter showed: item, when, value.
    pub async fn shown(&self, meter: u8, rows: &[(Item, DateTime<Utc>, i64)]) {
        let reading = |(item, at, value): &(Item, DateTime<Utc>, i64)| Reading {
            project: PROJECT,
            meter: MeterId(id(meter, 1)),
            item: item.code(),
            at: *at,
            value: *value,
            quality: Quality::Good,
            received_at: *at,
        };
        let rows = rows.iter().map(reading).collect();
        self.server.house().store().append_readings(rows).await.unwrap();
    }

    /// Bills the old home's meter up to a register.
    pub async fn billed(&self, at: DateTime<Utc>, register: i64) {
        let read = Register::read(register, at);
        self.server.house().bill(PROJECT, MeterId(id(OLD.1, 1)), read).await.unwrap();
        self.shown(OLD.1, &[(Item::ForwardEnergy, at, register)]).await;
    }
}

async fn what_was_never_read_is_null_and_never_zero() {
    let world = World::start().await;
    let wang = world.tenant("13812340007", &[(1, 2)]).await;
    // What was read before the account was opened was another tenant's.
    let before = world.now() - TimeDelta::hours(1);
    let before = [(Item::ForwardEnergy, before, 1_000), (Item::RelayState, before, state::ON)];
    world.shown(4, &before).await;
    let homes = world.look(&wang, "/homes").await;
    assert_eq!(homes["items"].as_array().unwrap().len(), 1);
    let home = &homes["items"][0];
    assert_eq!(home["place"], "项目 1 1栋 101");
    let meter = &home["meters"][0];
    for field in ["balance_fen", "balance_at", "days_left", "remaining_quantity", "used_at"] {
        assert_eq!(meter[field], Value::Null, "{field}: {meter:#}");
    }
    let unknown = json!({ "quantity": null, "amount_fen": null, "complete": false });
    assert_eq!((&meter["today"], &meter["year"]), (&unknown, &unknown));
    assert_eq!(meter["supply"]["state"], "offline", "its gateway never came");
    assert_eq!((&meter["supply"]["was"], &meter["restore"]), (&Value::Null, &Value::Null));
    assert_eq!(
        meter["can"],
        json!({
            "switch_on": false, "switch_off": false, "why_not": "not-allowed", "read": false,
        })
    );
    assert_eq!(meter["price"]["fen_per_unit_milli"], 60_000);
    let alone = world.look(&wang, &format!("/homes/{}", id(2, 1))).await;
    assert_eq!(alone["id"], home["id"]);
    world.stop().await;
}

async fn a_dark_home_is_told_what_brings_the_light_back_in_parts_that_add_up() {
    let world = World::start_with(|config| {
        config.arrears.reconnect_minimum_fen = 1_000;
        config.arrears.mode = "never".to_owned();
    })
    .await;
    let path = world.old_home(40).await;
    let wang = world.tenant("13812340007", &[(1, OLD.0)]).await;
    let now = world.now();
    let day = |days: i64| now - TimeDelta::days(days);
    // 35 kWh in 35 days, then 21 in the last ones: 12.60 yuan were never paid.
    world.billed(day(36), 100_000).await;
    world.billed(day(1), 121_000).await;
    let minutes = |minutes: i64| now - TimeDelta::minutes(minutes);
    // Half an hour ago it had used 5.07 kWh more, which no bill shows yet.
    let last =
        [(Item::ForwardEnergy, minutes(30), 126_070), (Item::RelayState, minutes(30), state::OFF)];
    world.shown(OLD.1, &last).await;
    let meter = world.look(&wang, &path).await;
    assert_eq!(meter["balance_fen"], -1_260);
    let balance_at: DateTime<Utc> = meter["balance_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(balance_at.timestamp(), day(1).timestamp(), "as old as the last bill");
    assert_eq!(meter["remaining_quantity"], 0);
    assert_eq!(meter["supply"]["state"], "off");
    assert_eq!(meter["supply"]["reason"], "arrears");
    assert_eq!(
        meter["restore"],
        json!({
            "amount_fen": 2_564, "arrears_fen": 1_260, "unbilled_fen": 304, "minimum_fen": 1_000,
        })
    );
    let top_up = world.look(&wang, &format!("{path}/top-up")).await;
    assert_eq!(top_up["restore"], meter["restore"]);
    assert_eq!(top_up["ways"], json!([]), "nobody to pay to");
    world.stop().await;
}

async fn use_is_told_since_the_beginning_of_the_day_and_the_year_and_only_of_this_tenant() {
    let world = World::start().await;
    let path = world.old_home(2).await;
    let wang = world.tenant("13812340007", &[(1, OLD.0)]).await;
    let now = world.now();
    let midnight = domain::BusinessDay::of(now).start();
    // Opened two days ago; before that another tenant used a lot.
    let rows = [
        (Item::ForwardEnergy, now - TimeDelta::days(3), 0),
        (Item::ForwardEnergy, now - TimeDelta::days(2) + TimeDelta::minutes(5), 500_000),
        (Item::ForwardEnergy, midnight - TimeDelta::minutes(1), 507_000),
        (Item::ForwardEnergy, now, 510_000),
    ];
    world.shown(OLD.1, &rows).await;
    let meter = world.look(&wang, &path).await;
    assert_eq!(meter["today"], json!({ "quantity": 3_000, "amount_fen": 180, "complete": true }));
    assert_eq!(meter["year"]["quantity"], 10_000, "{meter:#}");
    assert_eq!(meter["year"]["amount_fen"], 600);
    world.stop().await;
}

async fn a_live_read_of_a_meter_that_is_gone_ends_honestly_and_belongs_to_whoever_asked() {
    let world = World::start().await;
    let path = world.old_home(2).await;
    let wang = world.tenant("13812340007", &[(1, OLD.0)]).await;
    let li = world.tenant("13812340008", &[(1, OLD.0)]).await;
    let asked = world.send("POST", &format!("{MINI}{path}/reads"), Sent::by(&wang.token)).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    let one = format!("{path}/reads/{}", asked.json()["id"].as_str().unwrap());
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        loop {
            let read = world.look(&wang, &one).await;
            if read["state"] == "failed" {
                return read;
            }
            tokio::task::yield_now().await;
        }
    });
    let ended = ended.await.unwrap();
    assert_eq!((&ended["why"], &ended["meter"]), (&json!("meter.offline"), &Value::Null));
    let other = world.send("GET", &format!("{MINI}{one}"), Sent::by(&li.token)).await;
    assert_eq!(other.status, 404, "{}", other.text);
    world.stop().await;
}

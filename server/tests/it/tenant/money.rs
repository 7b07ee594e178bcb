//! Where a tenant's money went: use, entries, bills, statements, and the switch.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BusinessDay, Money, OperatorId, Purpose};
use gateway::{Item, item::state};
use serde_json::{Value, json};
use store::ledger::statement::balance_at;
use vending::{order::PlaceOrder, posting};

use super::{
    super::world::{Sent, World, id},
    MINI, Tenant,
    meter::{OLD, PROJECT},
};

crate::base::on_both_databases! {
    a_statement_adds_up_to_the_ledger,
    a_deduction_is_explained_by_its_registers_and_adds_up,
    use_by_the_hour_shows_gaps_as_gaps_and_only_this_tenants,
    a_tenant_switches_only_where_they_may_and_only_with_appliances_off,
}

impl World {
    /// Somebody pays at the counter for the old home.
    async fn paid(&self, client_id: &str, fen: i64) {
        let operator = OperatorId(id(50, 1));
        let wish = PlaceOrder {
            client_id: client_id.to_owned(),
            meter: domain::MeterId(id(OLD.1, 1)),
            channel: domain::Channel::Cash,
            amount: Money::from_fen(fen),
            operator: Some(operator),
        };
        let sold = self.server.house().sell_at_counter(PROJECT, operator, wish, None);
        sold.await.unwrap();
    }
}

/// A home with a week of use behind it, and a tenant.
async fn lived_in(world: &World) -> (String, Tenant, DateTime<Utc>) {
    let path = world.old_home(30).await;
    let wang = world.tenant("13812340007", &[(1, OLD.0)]).await;
    // Noon some days ago, so that no day turns while the test runs.
    let noon = BusinessDay::of(world.now()).start() - TimeDelta::hours(12);
    (path, wang, noon)
}

async fn a_statement_adds_up_to_the_ledger() {
    let world = World::start().await;
    let (path, wang, noon) = lived_in(&world).await;
    world.billed(noon - TimeDelta::days(3), 100_000).await;
    for (hours, register) in [(24, 100_007), (36, 103_333), (48, 107_777), (60, 111_111)] {
        world.billed(noon - TimeDelta::days(3) + TimeDelta::hours(hours), register).await;
    }
    world.paid("statement-0001", 5_000).await;
    let home = path.split("/meters").next().unwrap();
    let today = BusinessDay::of(world.now()).date();
    let query = format!("{home}/statement?from={today}&until={today}");
    let reply =
        world.send("GET", &format!("{MINI}{query}&format=html"), Sent::by(&wang.token)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.headers["content-type"], "text/html; charset=utf-8");
    let db = world.server.house().store().read();
    let purse = posting::purse_of(domain::AccountId(id(OLD.0, 1)), Purpose::Electricity);
    let stands = store::ledger::balance(db, PROJECT, purse).await.unwrap().posted.fen();
    // 11.111 kWh at 0.6 yuan: 666.66 fen, and the part of a fen is carried.
    assert_eq!(stands, 5_000 - 666);
    let entries = world.look(&wang, &format!("{home}/entries")).await;
    let sum: i64 = amounts(&entries).iter().sum();
    assert_eq!(sum, stands, "{entries:#}");
    let opening = balance_at(db, PROJECT, purse, 0).await.unwrap().unwrap().fen();
    assert_eq!(opening, 0, "before the first posting");
    for text in ["期初余额 Opening balance", "¥50.00", "−¥6.66", "¥43.34", "1栋 102"] {
        assert!(reply.text.contains(text), "{text}: {}", reply.text);
    }
    let file =
        world.send("GET", &format!("{MINI}{query}&format=xlsx"), Sent::by(&wang.token)).await;
    assert_eq!(file.status, 200);
    assert!(file.text.starts_with("PK"), "a workbook is a zip");
    assert!(file.headers["content-disposition"].contains(".xlsx"));
    let paper =
        world.send("GET", &format!("{MINI}{query}&format=pdf"), Sent::by(&wang.token)).await;
    assert_eq!(paper.status, 200, "{}", paper.text);
    assert_eq!(paper.headers["content-type"], "application/pdf");
    assert!(paper.text.starts_with("%PDF-"));
    // A stretch before anything moved ends with what it began with.
    let before = today - TimeDelta::days(2);
    let quiet = format!("{home}/statement?from={before}&until={before}&format=html");
    let reply = world.send("GET", &format!("{MINI}{quiet}"), Sent::by(&wang.token)).await;
    assert!(reply.text.contains("没有往来"), "{}", reply.text);
    for (query, field) in [
        ("from=2026-11-02&until=2026-11-01&format=html", "until"),
        ("from=2020-11-02&until=2026-11-01&format=html", "until"),
        ("from=2026-11-01&until=2026-11-01&format=docx", "format"),
    ] {
        let path = format!("{MINI}{home}/statement?{query}");
        let reply = world.send("GET", &path, Sent::by(&wang.token)).await;
        let told = (reply.status, reply.json()["errors"][0]["field"].clone());
        assert_eq!(told, (400, json!(field)), "{query}");
    }
    world.stop().await;
}

fn amounts(entries: &Value) -> Vec<i64> {
    let items = entries["items"].as_array().unwrap();
    items.iter().map(|item| item["amount_fen"].as_i64().unwrap()).collect()
}

async fn a_deduction_is_explained_by_its_registers_and_adds_up() {
    let world = World::start().await;
    let (path, wang, noon) = lived_in(&world).await;
    let home = path.split("/meters").next().unwrap();
    world.billed(noon, 100_000).await;
    for (minutes, register) in [(15, 100_001), (30, 100_777), (45, 101_234)] {
        world.billed(noon + TimeDelta::minutes(minutes), register).await;
    }
    world.paid("explained-0001", 2_000).await;
    let entries = world.look(&wang, &format!("{home}/entries?kind=use")).await;
    assert_eq!(entries["items"].as_array().unwrap().len(), 1, "one a day: {entries:#}");
    let entry = &entries["items"][0];
    let bill = entry["bill_id"].as_str().unwrap();
    let bill = world.look(&wang, &format!("{home}/bills/{bill}")).await;
    // The first line, of 1 Wh, was below one fen and has no posting: its use is in the next one.
    assert_eq!(bill["until"]["register"], 101_234);
    let charged = -entry["amount_fen"].as_i64().unwrap();
    assert_eq!((&bill["amount_fen"], charged), (&json!(charged), 74));
    let mut sum = 0;
    for part in bill["parts"].as_array().unwrap() {
        let number = |name: &str| part[name].as_i64().unwrap();
        let register = |name: &str| part[name]["register"].as_i64().unwrap();
        assert_eq!(register("until") - register("from"), number("quantity"), "{part:#}");
        // Reading × price and what was left over before = amount and what is left over now.
        let exact = number("quantity") * number("fen_per_unit_milli") * 10 + number("carry_in");
        assert_eq!(exact, number("amount_fen") * 10_000_000 + number("carry_out"), "{part:#}");
        sum += number("amount_fen");
    }
    assert_eq!(sum, charged);
    assert_eq!(bill["balance_after_fen"], -74);
    let only = world.look(&wang, &format!("{home}/entries?kind=top-up")).await;
    assert_eq!(amounts(&only), [2_000]);
    // The bill of another home is not there.
    let li = world.tenant("13812340008", &[(1, 2)]).await;
    let other = format!("{MINI}/homes/{}/bills/{}", id(2, 1), bill["id"].as_str().unwrap());
    let reply = world.send("GET", &other, Sent::by(&li.token)).await;
    assert_eq!(reply.status, 404, "{}", reply.text);
    world.stop().await;
}

async fn use_by_the_hour_shows_gaps_as_gaps_and_only_this_tenants() {
    let world = World::start().await;
    let (path, wang, _) = lived_in(&world).await;
    let day = BusinessDay::of(world.now() - TimeDelta::days(2));
    let hour = |hour: i64| day.start() + TimeDelta::hours(hour);
    let rows = [(0, 1_000), (1, 1_500), (2, 1_900), (6, 4_000), (7, 4_100)];
    let rows = rows.map(|(at, value)| (Item::ForwardEnergy, hour(at), value));
    world.shown(OLD.1, &rows).await;
    let (from, until) = (day.date(), day.date() + TimeDelta::days(1));
    let usage = format!("{path}/usage?by=hour&from={from}&until={until}");
    let usage = world.look(&wang, &usage).await;
    let bars: Vec<_> =
        usage["points"].as_array().unwrap().iter().map(|p| p["quantity"].as_i64()).collect();
    assert_eq!(bars.len(), 24);
    assert_eq!(bars[..8], [Some(500), Some(400), None, None, None, None, Some(100), None]);
    assert_eq!(usage["total_quantity"], 3_100, "the whole knows what was used in the gap");
    assert_eq!(usage["total_amount_fen"], Value::Null, "and nobody invents its hours");
    assert_eq!(usage["points"][0]["amount_fen"], 30);
    assert!(usage["before"].as_array().unwrap().iter().all(|bar| bar["quantity"].is_null()));
    let tariff = world.look(&wang, &format!("{path}/tariff")).await;
    assert_eq!(tariff["versions"][0]["fen_per_unit_milli"], 60_000);
    for (query, field) in [("by=week", "by"), ("by=hour", "until")] {
        let path = format!("{MINI}{path}/usage?{query}&from=2026-11-01&until=2026-11-30");
        let reply = world.send("GET", &path, Sent::by(&wang.token)).await;
        let told = (reply.status, reply.json()["errors"][0]["field"].clone());
        assert_eq!(told, (400, json!(field)), "{query}");
    }
    world.stop().await;
}

async fn a_tenant_switches_only_where_they_may_and_only_with_appliances_off() {
    let world = World::start_with(|config| config.tenant.switching_projects = vec![1]).await;
    let (path, wang, noon) = lived_in(&world).await;
    let far = world.tenant("13812340008", &[(2, 2)]).await;
    let steer = async |tenant: &Tenant, path: &str, key: &str, body: Value| {
        let sent = Sent::by(&tenant.token).body(body).header("idempotency-key", key);
        world.send("POST", &format!("{MINI}{path}/supply"), sent).await
    };
    let wish = |wanted: &str, off: bool| json!({ "wanted": wanted, "appliances_off": off });
    let elsewhere = format!("/homes/{}/meters/{}", id(2, 2), id(4, 2));
    let reply = steer(&far, &elsewhere, "switch-0001", wish("off", true)).await;
    let why = (reply.status, reply.json()["params"]["why"].clone());
    assert_eq!(why, (409, json!("not-allowed")), "{}", reply.text);
    let reply = steer(&wang, &path, "switch-0002", wish("on", false)).await;
    let told = (reply.status, reply.json()["errors"][0]["field"].clone());
    assert_eq!(told, (400, json!("appliances_off")));
    // In arrears and dark: paying brings it back, and no hand.
    world.billed(noon, 100_000).await;
    world.billed(noon + TimeDelta::minutes(15), 110_000).await;
    world.shown(OLD.1, &[(Item::RelayState, noon + TimeDelta::minutes(15), state::OFF)]).await;
    let reply = steer(&wang, &path, "switch-0003", wish("on", true)).await;
    let why = (reply.status, reply.json()["params"]["why"].clone());
    assert_eq!(why, (409, json!("arrears")), "{}", reply.text);
    world.paid("switching-0001", 5_000).await;
    world.shown(OLD.1, &[(Item::RelayState, world.now(), state::ON)]).await;
    let reply = steer(&wang, &path, "switch-0004", wish("off", true)).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    assert_eq!(reply.json()["supply"]["wanted"], "off", "{}", reply.text);
    let again = steer(&wang, &path, "switch-0004", wish("off", true)).await;
    assert_eq!((again.status, &again.text), (202, &reply.text), "one wish, one answer");
    world.stop().await;
}

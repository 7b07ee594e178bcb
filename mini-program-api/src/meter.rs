//! A meter as its tenant sees it: light and money first, and every figure with its age.

pub mod restore;
pub mod supply;
#[cfg(test)]
mod tests;
pub mod used;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use domain::{BusinessDay, MeterId, Money, MoneyModel};
use gateway::Item;
use serde::Serialize;
use store::{
    account::Account,
    billing,
    meter::Meter,
    reading::{self, Latest, Quality},
    site,
    tariff::{self, Tariff},
};
use utoipa::ToSchema;
use uuid::Uuid;
use vending::posting;

use crate::{
    answer::Answer,
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    reach::Home,
    route::{Need, Route},
};
use restore::RestoreView;
use supply::{Seen, SupplyView};
use used::{Registers, Used, register_of};

/// The days whose use says how long the money lasts.
const PACE_DAYS: i64 = 7;

/// The routes.
pub const ROUTES: &[Route] =
    &[Route::get("/homes/{home}/meters/{meter}", "meter.view", |call| Box::pin(show(call)))
        .needs(Need::Home)
        .says("我的表", "One meter: light, money, use, and the age of each figure")
        .answers::<MeterView>(200)];

/// Use of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PeriodView {
    /// How much, in the meter's `unit`; `null` where nobody can tell.
    #[schema(example = 3650)]
    pub quantity: Option<i64>,
    /// What it costs, in fen.
    #[schema(example = 203)]
    pub amount_fen: Option<i64>,
    /// False where a part of the stretch was not read.
    pub complete: bool,
}

/// The price now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PriceView {
    /// For a kWh or a cubic metre, in 1/1000 fen.
    #[schema(example = 60_000)]
    pub fen_per_unit_milli: i64,
    /// In words, in Chinese.
    #[schema(example = "¥0.6 /度")]
    pub text_zh: String,
    /// In words, in English.
    #[schema(example = "¥0.6 per kWh")]
    pub text_en: String,
}

/// What the tenant may do with the meter now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CanView {
    /// Switch supply on.
    pub switch_on: bool,
    /// Switch supply off.
    pub switch_off: bool,
    /// Why not, as a stable word: `no-switch`, `not-allowed`, `meter-offline`, `arrears`,
    /// `cut-by-operator`, `keep-power`.
    pub why_not: Option<String>,
    /// Read the meter now.
    pub read: bool,
}

/// A meter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MeterView {
    /// The meter.
    pub id: Uuid,
    /// `electricity`, `water` or `gas`.
    #[schema(example = "electricity")]
    pub purpose: String,
    /// The number on its face.
    #[schema(example = "000000000502")]
    pub meter_no: String,
    /// True where we know how its model is read and switched.
    pub model_known: bool,
    /// Who keeps the money: `on-meter` or `with-us`.
    #[schema(example = "with-us")]
    pub money: String,
    /// What is left, in fen; `null` where it was never read.
    #[schema(example = 8640)]
    pub balance_fen: Option<i64>,
    /// The moment the balance is true of.
    pub balance_at: Option<DateTime<Utc>>,
    /// True where the balance is worked out and not read.
    pub balance_estimated: bool,
    /// How many days it lasts by the use of the last week.
    #[schema(example = 14)]
    pub days_left: Option<i64>,
    /// What it buys at the price now, in `unit`.
    #[schema(example = 144_000)]
    pub remaining_quantity: Option<i64>,
    /// `wh` or `l`.
    #[schema(example = "wh")]
    pub unit: String,
    /// Since midnight.
    pub today: PeriodView,
    /// Since the first of the month.
    pub month: PeriodView,
    /// Since the first of January.
    pub year: PeriodView,
    /// The moment up to which use is known.
    pub used_at: Option<DateTime<Utc>>,
    /// The price now.
    pub price: Option<PriceView>,
    /// Its supply.
    pub supply: SupplyView,
    /// What brings the light back, where it is out for want of money.
    pub restore: Option<RestoreView>,
    /// What the tenant may do.
    pub can: CanView,
    /// Since when its gateway is gone.
    pub meter_offline_since: Option<DateTime<Utc>>,
}

/// A price in words.
pub fn price_of(version: &Tariff, purpose: &str) -> PriceView {
    let micro = version.micro_yuan;
    let digits = format!("{:06}", micro % 1_000_000);
    let rest = digits.trim_end_matches('0');
    let yuan = micro / 1_000_000;
    let text = if rest.is_empty() { format!("¥{yuan}") } else { format!("¥{yuan}.{rest}") };
    let (zh, en) = if purpose == "electricity" { ("度", "kWh") } else { ("立方米", "m³") };
    PriceView {
        fen_per_unit_milli: micro / 10,
        text_zh: format!("{text} /{zh}"),
        text_en: format!("{text} per {en}"),
    }
}

/// The unit quantities of a meter are told in.
pub fn unit_of(purpose: &str) -> &'static str {
    if purpose == "electricity" { "wh" } else { "l" }
}

async fn show(call: Call) -> Result<Answer> {
    let (home, id) = (call.home()?, call.id::<MeterId>("meter")?);
    Answer::ok(&of_home(&call.desk, home, id).await?)
}

/// A meter of a home, looked up anew.
pub async fn of_home(desk: &Desk, home: &Home, id: MeterId) -> Result<MeterView> {
    let (account, meter) = own(desk, home, id).await?;
    view(desk, &account, &meter).await
}

/// A home's account and its meter. The meter of another home is not found.
pub async fn own(desk: &Desk, home: &Home, id: MeterId) -> Result<(Account, Meter)> {
    let db = desk.house.store().read();
    let found = store::meter::by_id(db, home.project, id).await?;
    let meter = found.filter(|meter| meter.account() == Some(home.account));
    let meter = meter.ok_or(Failure::NotFound("meter"))?;
    let account = store::account::by_id(db, home.project, home.account).await?;
    Ok((account.ok_or(Failure::NotFound("home"))?, meter))
}

/// Since when a meter's gateway is gone; `None` while it is there.
pub async fn offline_since(desk: &Desk, meter: &Meter) -> Result<Option<DateTime<Utc>>> {
    let db = desk.house.store().read();
    let gateway = domain::GatewayId(meter.gateway_id);
    let newest = site::newest_interval(db, meter.project(), gateway).await?;
    Ok(match newest {
        Some(interval) => interval.to_at,
        // A gateway that never came has been gone since the meter was set up.
        None => Some(meter.created_at),
    })
}

/// What a meter's money stands at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// In fen; `None` where it was never read.
    pub fen: Option<i64>,
    /// The moment it is true of.
    pub at: Option<DateTime<Utc>>,
    /// Use since the last bill, in fen.
    pub unbilled_fen: i64,
}

/// What a meter's money stands at, from the ledger or from the meter, whoever keeps it.
pub async fn balance(
    desk: &Desk,
    account: &Account,
    meter: &Meter,
    latest: &[Latest],
    price: Option<&Tariff>,
) -> Result<Balance> {
    if meter.money_model()? == MoneyModel::MeterHeld {
        let read = latest.iter().find(|row| row.item == Item::RemainingMoney.code());
        let (fen, at) = (read.map(|row| row.value), read.map(|row| row.at));
        return Ok(Balance { fen, at, unbilled_fen: 0 });
    }
    let (db, project) = (desk.house.store().read(), meter.project());
    let purse = posting::purse_of(account.account_id(), meter.purpose()?);
    let stands = store::ledger::balance(db, project, purse).await?.posted.fen();
    let cursor = billing::cursor(db, project, meter.meter_id()).await?;
    let Some(cursor) = cursor.filter(|cursor| cursor.at >= account.opened_at) else {
        // Nothing was billed yet. The ledger knows what was paid, and that is as of now.
        let known = (stands != 0).then_some(stands);
        return Ok(Balance { fen: known, at: known.map(|_| desk.clock.now()), unbilled_fen: 0 });
    };
    let register = latest.iter().find(|row| row.item == register_of(meter).code());
    let good = register.filter(|row| row.quality == Quality::Good.code());
    let more = good.map_or(0, |row| row.value.saturating_sub(cursor.value).max(0));
    let more = more.saturating_mul(i64::from(meter.ct)).saturating_mul(i64::from(meter.pt));
    let unbilled_fen = match price {
        Some(version) => {
            let charge = version.price()?.charge(more, cursor.carried()?);
            charge.map_err(|error| Failure::internal(&error))?.amount.fen()
        }
        None => 0,
    };
    Ok(Balance { fen: Some(stands), at: Some(cursor.at), unbilled_fen })
}

/// What the last week's use says about how many days the money lasts.
fn days_left(balance_fen: i64, week_fen: i64) -> Option<i64> {
    let days = balance_fen.max(0).checked_mul(PACE_DAYS)?;
    (week_fen > 0).then(|| days / week_fen)
}

/// What a meter shows its tenant.
pub async fn view(desk: &Desk, account: &Account, meter: &Meter) -> Result<MeterView> {
    let (house, now) = (&desk.house, desk.clock.now());
    let (db, project, id) = (house.store().read(), meter.project(), meter.meter_id());
    let mut latest = reading::latest_of_meter(db, project, id).await?;
    // What was read before the account was opened was another tenant's.
    latest.retain(|row| row.at >= account.opened_at);
    let row = store::supply::of_meter(db, project, id).await?;
    let row = row.filter(|row| row.actual_at.is_none_or(|at| at >= account.opened_at));
    let versions = match meter.tariff() {
        Some(tariff) => tariff::versions_of(db, project, tariff).await?,
        None => Vec::new(),
    };
    let price = tariff::in_force_of(&versions, now);
    let balance = balance(desk, account, meter, &latest, price).await?;
    let offline = offline_since(desk, meter).await?;
    let is_good = |row: &&Latest| {
        row.item == register_of(meter).code() && row.quality != Quality::Doubtful.code()
    };
    let register = latest.iter().find(is_good).cloned();
    let registers = Registers::open(house, meter, account.opened_at, register).await?;
    let periods = periods(&registers, &versions, now).await?;
    let scanned = if meter.purpose == "water" { Item::ValveState } else { Item::RelayState };
    let scanned = latest.iter().find(|row| row.item == scanned.code());
    let minimum = house.settings().reconnect_minimum_fen.max(1);
    let with_us = meter.money_model()? == MoneyModel::PlatformHeld;
    let least = if with_us { minimum } else { 1 };
    let seen = Seen {
        meter,
        has_switch: house.has_switch(meter),
        offline_since: offline,
        row: row.as_ref(),
        scanned: scanned.map(|row| (row.value, row.at)),
        out_of_money: balance.fen.is_some_and(|fen| fen < least),
    };
    let dark = seen.reason(seen.actual().0) == Some("arrears");
    let restore = balance.fen.filter(|_| dark);
    let restore = restore.and_then(|fen| RestoreView::of(fen, balance.unbilled_fen, least));
    let restore = restore.map(|view| view.payable(house.settings().order_min.fen()));
    let [today, month, year, week] = periods;
    let fen = balance.fen;
    Ok(MeterView {
        id: meter.id,
        purpose: meter.purpose.clone(),
        meter_no: meter.meter_no.clone(),
        model_known: house.gateway().profiles().get(&meter.profile).is_some(),
        money: if with_us { "with-us" } else { "on-meter" }.to_owned(),
        balance_fen: fen,
        balance_at: balance.at,
        balance_estimated: false,
        days_left: fen
            .zip(week.amount_fen.filter(|_| week.complete))
            .and_then(|(fen, used)| days_left(fen, used)),
        remaining_quantity: remaining(fen, price)?,
        unit: unit_of(&meter.purpose).to_owned(),
        today,
        month,
        year,
        used_at: registers.latest().map(|row| row.at),
        price: price.map(|version| price_of(version, &meter.purpose)),
        can: can(desk, &seen, fen),
        supply: seen.view(),
        restore,
        meter_offline_since: offline,
    })
}

fn remaining(fen: Option<i64>, price: Option<&Tariff>) -> Result<Option<i64>> {
    let (Some(fen), Some(price)) = (fen, price) else { return Ok(None) };
    Ok(price.price()?.buys(Money::from_fen(fen.max(0))))
}

/// Today, this month, this year and the last week.
async fn periods(
    registers: &Registers<'_>,
    versions: &[Tariff],
    now: DateTime<Utc>,
) -> Result<[PeriodView; 4]> {
    let today = BusinessDay::of(now);
    let day = |date: Option<chrono::NaiveDate>| {
        BusinessDay::from_date(date.unwrap_or(today.date())).start()
    };
    let month = day(today.date().with_day(1));
    let year = day(today.date().with_ordinal(1));
    let week = now - TimeDelta::days(PACE_DAYS);
    let mut views = [PeriodView { quantity: None, amount_fen: None, complete: false }; 4];
    for (from, place) in [today.start(), month, year, week].into_iter().zip(&mut views) {
        let used = registers.since(from).await?;
        *place = period(used, registers.cost_since(from, used, versions).await?);
    }
    Ok(views)
}

fn period(used: Used, amount_fen: Option<i64>) -> PeriodView {
    PeriodView { quantity: used.quantity, amount_fen, complete: used.complete }
}

/// What the tenant may do with a meter now, by the rules of the project and of safety. The house
/// asks every rule again when they do it.
fn can(desk: &Desk, seen: &Seen<'_>, balance_fen: Option<i64>) -> CanView {
    let online = seen.offline_since.is_none();
    let allowed = desk.settings.switching_projects.contains(&seen.meter.project_id);
    let (actual, _) = seen.actual();
    let on = matches!(actual, "on");
    let general = if !seen.has_switch {
        Some("no-switch")
    } else if !allowed {
        Some("not-allowed")
    } else if !online {
        Some("meter-offline")
    } else {
        None
    };
    let of_on = match seen.reason(actual) {
        Some("by-operator") => Some("cut-by-operator"),
        Some("arrears") => Some("arrears"),
        _ if seen.out_of_money && balance_fen.is_some() => Some("arrears"),
        _ => None,
    };
    let of_off = seen.meter.keeps_power().then_some("keep-power");
    let (why_on, why_off) = (general.or(of_on), general.or(of_off));
    CanView {
        switch_on: !on && why_on.is_none(),
        switch_off: on && why_off.is_none(),
        why_not: if on { why_off } else { why_on }.map(str::to_owned),
        read: online,
    }
}

//! How a meter stands: figures with their age, a read of this moment, what an amount comes to.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::Money;
use kiosk_wire::{
    account::{AccountView, Aged, Amounts, Quote, QuoteRequest, ReadOutcome},
    text::Text,
};
use mini_program_api::{
    meter::{self, MeterView, used::register_of},
    read,
};
use store::{account::Account, kiosk::card, meter::Meter, reading};
use vending::{Refusal, VendingError};

use crate::{
    call::{Answer, Call, Route},
    desk::Desk,
    failure::{Failure, Result},
    handle::{self, Named},
    lookup::{matched, meter_of},
};

/// The amounts that are offered, in fen; nobody is led to a larger one.
const AMOUNTS_FEN: [i64; 5] = [2_000, 5_000, 10_000, 20_000, 50_000];
/// Live reads of one kiosk in ten minutes.
const READS_MAX: i64 = 60;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/meters/{handle}", |call| Box::pin(show(call))),
    Route::post("/meters/{handle}/read", |call| Box::pin(read_now(call))),
    Route::post("/quotes", |call| Box::pin(quote(call))),
];

async fn show(call: Call) -> Result<Answer> {
    Answer::ok(&view(&call, None).await?)
}

async fn read_now(call: Call) -> Result<Answer> {
    let (desk, caller) = (&call.desk, call.caller()?);
    let named = handle::open(desk, caller, call.text("handle")?)?;
    desk.spend(&[desk.budget("read", caller.kiosk.id, 10, READS_MAX)]).await?;
    meter_of(desk, caller, named.meter).await?;
    let asked = (caller.project(), named.meter);
    let outcome = match read::shared(&desk.tenants, caller.kiosk.id, asked).await? {
        read::Ended::Fresh => ReadOutcome::Fresh,
        read::Ended::Silent => ReadOutcome::Silent,
        read::Ended::Offline => ReadOutcome::Offline,
    };
    Answer::ok(&view(&call, Some(outcome)).await?)
}

async fn view(call: &Call, read: Option<ReadOutcome>) -> Result<AccountView> {
    let (desk, caller) = (&call.desk, call.caller()?);
    let named @ Named { typed, .. } = handle::open(desk, caller, call.text("handle")?)?;
    let (holder, meter) = meter_of(desk, caller, named.meter).await?;
    let known = matched(desk, caller, &meter, typed).await?;
    let matched = known.ok_or(Failure::NotFound("meter"))?;
    let seen = meter::view(&desk.tenants, &holder, &meter).await?;
    let now = desk.now();
    let live = read == Some(ReadOutcome::Fresh);
    let aged = |value: Option<i64>, at: Option<DateTime<Utc>>| {
        let (value, at) = value.zip(at)?;
        let age_ms = u64::try_from((now - at).num_milliseconds()).unwrap_or(0);
        Some(Aged { value, at, age_ms, live })
    };
    let register = reading::latest(
        desk.store().read(),
        meter.project(),
        meter.meter_id(),
        register_of(&meter).code(),
    );
    let register = register.await?.filter(|row| row.at >= holder.opened_at);
    Ok(AccountView {
        matched,
        money_model: money_model(desk, &meter).await?.to_owned(),
        balance_fen: aged(seen.balance_fen, seen.balance_at),
        register: register.and_then(|row| aged(Some(row.value), Some(row.at))),
        used_today: aged(seen.today.quantity, seen.used_at),
        used_month: aged(seen.month.quantity, seen.used_at),
        price_e4: seen.price.as_ref().map(|price| price.fen_per_unit_milli / 10),
        supply: supply_of(&seen).to_owned(),
        supply_text: supply_text(&seen),
        restore_fen: seen.restore.map(|restore| restore.amount_fen),
        amounts: amounts(desk),
        closed: closed(desk, &meter).await?,
        read,
    })
}

/// Who keeps the money of a meter, in the kiosk's words.
pub async fn money_model(desk: &Desk, meter: &Meter) -> Result<&'static str> {
    let cards = card::of_meter(desk.store().read(), meter.project(), meter.meter_id()).await?;
    Ok(match (meter.money_model()?, cards.is_empty()) {
        (domain::MoneyModel::PlatformHeld, false) => "card",
        (domain::MoneyModel::PlatformHeld, true) => "platform",
        (domain::MoneyModel::MeterHeld, _) => "meter",
    })
}

/// How supply stands, in the kiosk's words.
fn supply_of(seen: &MeterView) -> &'static str {
    match seen.supply.state.as_str() {
        "waiting" => "confirm",
        "offline" => "offline",
        "kept" => "kept",
        "on" | "off" | "unknown" if seen.supply.wanted.is_some() => "moving",
        "on" => "on",
        "off" => "off",
        _ => "unknown",
    }
}

fn supply_text(seen: &MeterView) -> Text {
    let (zh, en) = match (supply_of(seen), seen.supply.reason.as_deref()) {
        ("on", _) => ("供应正常", "Supply is on"),
        ("off", Some("arrears")) => ("余额用完，已断开", "Off: the balance is used up"),
        ("off", Some("by-tenant")) => ("您自己断开的", "Switched off by the tenant"),
        ("off", Some("by-operator")) => ("由物业断开，请联系物业", "Switched off by the property"),
        ("off", _) => ("已断开", "Supply is off"),
        ("confirm", _) => ("等您按表上的按键", "Press the button on the meter"),
        ("offline", _) => ("表计离线", "The meter is offline"),
        ("kept", _) => ("保电中", "Supply is kept on"),
        ("moving", _) => ("正在切换", "Being switched"),
        _ => ("还没有读到", "Not known yet"),
    };
    Text::new(zh, en)
}

fn amounts(desk: &Desk) -> Amounts {
    let settings = desk.house().settings();
    let (min_fen, max_fen) = (settings.order_min.fen(), settings.order_max.fen());
    let usual = AMOUNTS_FEN.into_iter().filter(|fen| (min_fen..=max_fen).contains(fen));
    Amounts { usual_fen: usual.collect(), min_fen, max_fen }
}

/// Why nothing can be paid for a meter now.
async fn closed(desk: &Desk, meter: &Meter) -> Result<Option<Text>> {
    if meter.is_quarantined() {
        let (zh, en) = ("表计正在核对，暂不能充值，请联系物业", "The meter is being checked");
        return Ok(Some(Text::new(zh, en)));
    }
    match desk.house().quote(meter.project(), meter.meter_id()).await {
        Ok(_) => Ok(None),
        Err(VendingError::Refused(Refusal::NoTariff)) => {
            Ok(Some(Text::new("还没有设置价格，请联系物业", "There is no price yet")))
        }
        Err(VendingError::Refused(Refusal::AccountClosed | Refusal::MeterUnassigned)) => {
            Ok(Some(Text::new("该户已销户，请联系物业", "The account is closed")))
        }
        Err(error) => Err(error.into()),
    }
}

/// What an amount comes to at the price now.
pub async fn quoted(
    desk: &Arc<Desk>,
    (holder, meter): (&Account, &Meter),
    amount_fen: i64,
) -> Result<Quote> {
    let settings = desk.house().settings();
    let (min, max) = (settings.order_min, settings.order_max);
    if amount_fen < min.fen() || amount_fen > max.fen() {
        return Err(Failure::Refused(Refusal::AmountOutOfRange { min, max }));
    }
    let priced = desk.house().quote(meter.project(), meter.meter_id()).await?;
    let seen = meter::view(&desk.tenants, holder, meter).await?;
    Ok(Quote {
        amount_fen,
        fee_fen: 0,
        quantity: priced.price.buys(Money::from_fen(amount_fen)),
        balance_after_fen: seen.balance_fen.and_then(|fen| fen.checked_add(amount_fen)),
        restores: seen.restore.map(|restore| amount_fen >= restore.amount_fen),
    })
}

async fn quote(call: Call) -> Result<Answer> {
    let wish: QuoteRequest = call.body()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    let named = handle::open(desk, caller, &wish.handle)?;
    let (holder, meter) = meter_of(desk, caller, named.meter).await?;
    Answer::ok(&quoted(desk, (&holder, &meter), wish.amount_fen).await?)
}

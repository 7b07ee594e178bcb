//! A sale at a kiosk: placed once, paid by a code on its screen, told as it is proven.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::{Channel, Money, OrderId, OrderState as Booked};
use kiosk_wire::{
    order::{OrderDraft, OrderEvent, OrderFind, OrderView, Step},
    text::Text,
};
use mini_program_api::{
    keyed::sha256,
    order::{
        view::{self, Scene},
        words,
    },
};
use serde_json::json;
use store::{
    StoreError, attempt,
    kiosk::{
        card,
        event::{self, Event},
        sale::{self, OrderKiosk},
    },
    order::{self as orders, Order},
    order_tenant, site, timeline,
};
use uuid::Uuid;
use vending::{
    Refusal, VendingError,
    order::PlaceOrder,
    payment::call::{Payer, PayerHint},
};

use crate::{
    call::{Answer, Call, Need, Route},
    desk::Desk,
    failure::{Failure, Result},
    greeting::Caller,
    handle,
    lookup::{self, meter_of},
    settings::Wishes,
    state::{Facts, state_of},
    voucher,
};

/// How long an order of a kiosk can be paid (KI3).
pub const LIFE: Duration = Duration::from_secs(4 * 60);
/// Orders of one kiosk in ten minutes.
const ORDERS_MAX: i64 = 60;
/// Lines one kiosk may add to timelines in ten minutes.
const EVENTS_MAX: i64 = 600;
/// How often an attempt is looked for again that somebody else has begun meanwhile.
const RACES_MAX: usize = 3;
/// What a kiosk may say of an order.
pub const EVENTS: [&str; 6] =
    ["qr_shown", "qr_hidden", "left", "abandoned", "result_shown", "card_asked"];

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/orders", |call| Box::pin(place(call))),
    Route::post("/orders/find", |call| Box::pin(find(call))),
    Route::get("/orders/{order}", |call| Box::pin(show(call))).needs(Need::Sold),
    Route::get("/orders/by-client/{client}", |call| Box::pin(by_client(call))).needs(Need::Sold),
    Route::post("/orders/{order}/cancel", |call| Box::pin(cancel(call))).needs(Need::Sold),
    Route::post("/orders/{order}/events", |call| Box::pin(tell(call))).needs(Need::Sold),
];

/// The id under which the books know what a kiosk called `client`: made the kiosk's own.
fn own_client_id(kiosk: Uuid, client: Uuid) -> String {
    let text = sha256(&format!("{kiosk}\n{client}"));
    format!("k-{}", text.get(..48).unwrap_or(&text))
}

/// Places an order, or finds the one placed before under the same id.
///
/// Invariant: one client id is one order for ever, and one order one amount and one code at a time
/// (P1); proved by `a_sale_at_a_kiosk_is_one_order_however_often_it_is_asked_for`.
async fn place(call: Call) -> Result<Answer> {
    let wish: OrderDraft = call.body()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    let wishes = Wishes::of(&caller.kiosk)?;
    let channel = match wish.wallet.as_str() {
        "wechat" => Channel::WechatNative,
        "alipay" => Channel::AlipayPrecreate,
        _ => return Err(Failure::Malformed("wallet")),
    };
    let (project, client_id) = (caller.project(), own_client_id(caller.kiosk.id, wish.client_id));
    let known = orders::by_client_id(desk.store().read(), project, &client_id).await?;
    let first = known.is_none();
    let meter = match &known {
        // The handle may have run out since; the order knows its meter.
        Some(known) => known.meter(),
        None => {
            if !wishes.wallets.contains(&wish.wallet) {
                return Err(Failure::Refused(Refusal::ChannelNotOffered));
            }
            if wishes.printer_required && wish.without_paper {
                return Err(Failure::Malformed("without_paper"));
            }
            desk.spend(&[desk.budget("order", caller.kiosk.id, 10, ORDERS_MAX)]).await?;
            let named = handle::open(desk, caller, &wish.handle)?;
            let (_, meter) = meter_of(desk, caller, named.meter).await?;
            if meter.is_quarantined() {
                return Err(Failure::Refused(Refusal::MeterQuarantined));
            }
            voucher::may_sell(desk, caller, &meter, wish.card.as_deref()).await?;
            named.meter
        }
    };
    let amount = Money::from_fen(wish.amount_fen);
    let placed = PlaceOrder { client_id, meter, channel, amount, operator: None };
    let life = LIFE.min(desk.house().settings().order_lifetime);
    let order = desk.house().place_order_for(project, placed, life).await?;
    note(desk, caller, &order, &wish).await?;
    offer(desk, &order).await?;
    let order = of_project(desk, caller, order.order_id()).await?;
    Answer::json(if first { 201 } else { 200 }, &shown(desk, &order).await?)
}

/// Notes where an order was placed, once.
async fn note(desk: &Desk, caller: &Caller, order: &Order, wish: &OrderDraft) -> Result<()> {
    let row = OrderKiosk {
        project_id: order.project_id,
        order_id: order.id,
        kiosk_id: caller.kiosk.id,
        session: wish.session,
        client_id: wish.client_id,
        without_paper: wish.without_paper,
        card_uid: wish.card.clone(),
        placed_at: order.placed_at,
    };
    let detail = json!({
        "kiosk": caller.kiosk.number,
        "session": wish.session,
        "without_paper": wish.without_paper,
    });
    let (now, order) = (desk.now(), order.clone());
    let noted = desk.store().transact(move |tx| {
        Box::pin(async move {
            if sale::note(tx, row).await? {
                timeline::add(tx, &order, "kiosk", now, detail).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    Ok(noted.await?)
}

/// Opens the payment, or goes on with the one that is open. What can no longer be paid needs none.
async fn offer(desk: &Desk, order: &Order) -> Result<()> {
    let mut raced = StoreError::Conflict;
    for _ in 0..RACES_MAX {
        let fresh = desk.house().order(order.project(), order.order_id()).await?;
        if !fresh.state()?.is_payable() || fresh.expires_at <= desk.now() {
            return Ok(());
        }
        match desk.house().start_payment(&fresh, Payer::default()).await {
            Err(VendingError::Store(
                error @ (StoreError::Refused(_) | StoreError::Conflict | StoreError::Gone(_)),
            )) => raced = error,
            Err(VendingError::Refused(Refusal::WrongState { .. })) => return Ok(()),
            done => return Ok(done.map(|_| ())?),
        }
    }
    Err(raced.into())
}

/// An order of the kiosk's project.
pub async fn of_project(desk: &Desk, caller: &Caller, id: OrderId) -> Result<Order> {
    let found = orders::by_id(desk.store().read(), caller.project(), id).await?;
    found.ok_or(Failure::NotFound("order"))
}

/// An order that was placed at this kiosk; another's is not there.
pub async fn own(desk: &Desk, caller: &Caller, id: OrderId) -> Result<Order> {
    let order = of_project(desk, caller, id).await?;
    let placed = sale::of_order(desk.store().read(), caller.project(), id).await?;
    let is_own = placed.is_some_and(|row| row.kiosk_id == caller.kiosk.id);
    if is_own { Ok(order) } else { Err(Failure::NotFound("order")) }
}

async fn show(call: Call) -> Result<Answer> {
    let (desk, caller, id) = (&call.desk, call.caller()?, call.id("order")?);
    match of_project(desk, caller, id).await {
        Err(Failure::NotFound(_)) if is_lost(desk, caller, id).await? => Err(Failure::OrderUnknown),
        found => Answer::ok(&shown(desk, &found?).await?),
    }
}

/// How an order nobody knows is named in the word of the kiosk that had it.
pub fn lost_detail(id: Uuid) -> String {
    json!({ "unknown_order": id }).to_string()
}

/// Whether this kiosk has told, from its journal, of an order the books do not have: a restore may
/// have lost it. A person was told then, and asking on is in vain.
async fn is_lost(desk: &Desk, caller: &Caller, id: OrderId) -> Result<bool> {
    let (db, detail) = (desk.store().read(), lost_detail(id.0));
    Ok(event::was_abandoned(db, caller.project(), caller.kiosk.id, &detail).await?)
}

async fn by_client(call: Call) -> Result<Answer> {
    let (desk, caller) = (&call.desk, call.caller()?);
    let client_id = own_client_id(caller.kiosk.id, call.id("client")?);
    let found = orders::by_client_id(desk.store().read(), caller.project(), &client_id).await?;
    Answer::ok(&shown(desk, &found.ok_or(Failure::NotFound("order"))?).await?)
}

/// Asks the provider, closes what is unpaid, asks again. Whatever comes of it, the answer says
/// where the order stands: it may be paid.
async fn cancel(call: Call) -> Result<Answer> {
    let (desk, caller) = (&call.desk, call.caller()?);
    let order = own(desk, caller, call.id("order")?).await?;
    cancelled(desk, &order).await?;
    let order = of_project(desk, caller, order.order_id()).await?;
    Answer::ok(&shown(desk, &order).await?)
}

/// Cancels an order that can be; one that is paid or closed stays as it is.
pub async fn cancelled(desk: &Desk, order: &Order) -> Result<()> {
    match desk.house().cancel_order(order.project(), order.order_id()).await {
        Ok(_) | Err(VendingError::Refused(Refusal::WrongState { .. })) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn find(call: Call) -> Result<Answer> {
    let wish: OrderFind = call.body()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    let no = wish.order_no.trim().to_ascii_uppercase();
    if no.len() > 32 || wish.last_four.len() > 8 {
        return Err(Failure::Malformed("order_no"));
    }
    lookup::count(desk, caller, &["order", &no]).await?;
    let missing = || Failure::NotFound("order");
    let db = desk.store().read();
    let order = orders::by_no(db, &no).await?.filter(|row| row.project() == caller.project());
    let order = order.ok_or_else(missing)?;
    let meter = store::meter::by_id(db, order.project(), order.meter()).await?;
    let meter = meter.filter(|meter| lookup::tail(&meter.meter_no) == wish.last_four);
    meter.ok_or_else(missing)?;
    Answer::ok(&shown(desk, &order).await?)
}

async fn tell(call: Call) -> Result<Answer> {
    let wish: OrderEvent = call.body()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    if !EVENTS.contains(&wish.name.as_str()) {
        return Err(Failure::Malformed("name"));
    }
    let order = own(desk, caller, call.id("order")?).await?;
    desk.spend(&[desk.budget("event", caller.kiosk.id, 10, EVENTS_MAX)]).await?;
    let row = Event {
        project_id: order.project_id,
        kiosk_id: caller.kiosk.id,
        id: wish.id,
        at: desk.now(),
        kind: "order".to_owned(),
        name: wish.name.clone(),
        detail: "{}".to_owned(),
        order_id: Some(order.id),
        boot_id: wish.seq.map(|_| caller.boot),
        seq: wish.seq.map(|seq| i64::try_from(seq).unwrap_or(i64::MAX)),
    };
    let (kind, detail) = (format!("kiosk.{}", wish.name), json!({ "kiosk": caller.kiosk.number }));
    let told = desk.store().transact(move |tx| {
        Box::pin(async move {
            let at = row.at;
            if event::note(tx, row).await? {
                timeline::add(tx, &order, &kind, at, detail).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    told.await?;
    Answer::none()
}

fn text(of: words::Text) -> Text {
    Text::new(of.zh, of.en)
}

/// An order as a kiosk sees it.
pub async fn shown(desk: &Arc<Desk>, order: &Order) -> Result<OrderView> {
    let (db, project, id, now) =
        (desk.store().read(), order.project(), order.order_id(), desk.now());
    let scene = Scene::open(&desk.tenants, order).await?;
    let seen = view::view(&desk.tenants, order, &scene, None).await?;
    let booked = order.state()?;
    let placed = sale::of_order(db, project, id).await?;
    let for_card = placed.as_ref().is_some_and(|row| row.card_uid.is_some());
    let made = card::of_order(db, project, id).await?;
    let written = made.as_ref().filter(|row| row.state == "written");
    let facts = Facts {
        booked,
        told: &seen.state,
        expired: order.expires_at <= now,
        was_closed: order.closed_at.is_some(),
        with_us: scene.with_us()?,
        offline: scene.is_offline(),
        is_final: seen.is_final,
        card: for_card.then_some(written.is_some()),
    };
    let state = state_of(&facts);
    let can_pay = booked == Booked::Placed && order.expires_at > now;
    let qr = if can_pay { code_of(desk, order).await? } else { None };
    let payee = site::project(db, project).await?.map(|site| site.name).unwrap_or_default();
    let told = match for_card && state.is_paid() {
        true => voucher::words(state),
        false => [text(seen.sentence), text(seen.safe), text(seen.todo)],
    };
    let [what, safe, todo] = told;
    let mut steps = seen.steps.into_iter().filter_map(step).collect::<Vec<_>>();
    if for_card {
        steps.retain(|step| matches!(step.name.as_str(), "paid" | "credited"));
        let at = written.and_then(|row| row.ended_at);
        steps.push(Step { name: "card_written".to_owned(), at, proof: None });
    }
    Ok(OrderView {
        id: order.id,
        order_no: order.order_no.clone(),
        state,
        amount_fen: order.amount_fen,
        wallet: wallet_of(order)?.to_owned(),
        qr,
        expires_in_ms: u64::try_from((order.expires_at - now).num_milliseconds()).unwrap_or(0),
        payee,
        place: seen.place,
        purpose: seen.purpose,
        meter_tail: seen.meter_no_tail,
        money_model: match (for_card, facts.with_us) {
            (true, _) => "card",
            (false, true) => "platform",
            (false, false) => "meter",
        }
        .to_owned(),
        steps,
        what,
        safe,
        todo,
        balance_before_fen: seen.balance_before_fen,
        balance_after_fen: seen.balance_after_fen,
        supply: supply_of(&scene).to_owned(),
        receipt_url: receipt_url(desk, order).await?,
    })
}

fn supply_of(scene: &Scene) -> &'static str {
    match (scene.is_offline(), scene.supply()) {
        (true, _) => "offline",
        (false, "waiting") => "confirm",
        (false, "on") if scene.meter().keeps_power() => "kept",
        (false, "on") => "on",
        (false, "off") => "off",
        (false, _) => "unknown",
    }
}

fn step(step: mini_program_api::order::steps::StepView) -> Option<Step> {
    let name = match step.step.as_str() {
        "paid" => "paid",
        "credited" => "credited",
        "on-meter" => "on_meter",
        "restored" => "power_on",
        _ => return None,
    };
    Some(Step { name: name.to_owned(), at: step.at, proof: step.proof.map(text) })
}

/// The wallet an order is paid with, whatever door it came through.
pub fn wallet_of(order: &Order) -> Result<&'static str> {
    Ok(match order.channel()?.provider() {
        Some(domain::Provider::WechatPay) => "wechat",
        Some(domain::Provider::Alipay) => "alipay",
        None => "other",
    })
}

/// The code of the attempt that is open.
async fn code_of(desk: &Desk, order: &Order) -> Result<Option<String>> {
    let known = attempt::of_order(desk.store().read(), order.project(), order.order_id()).await?;
    let mut codes = Vec::new();
    for row in known {
        let hint = row.payer_hint.as_deref().and_then(PayerHint::from_json);
        if let (true, Some(PayerHint::Qr { code_url })) = (row.state()?.needs_query(), hint) {
            codes.push(code_url);
        }
    }
    Ok(codes.pop())
}

/// The address of the receipt of a paid order; made if it has none.
pub async fn receipt_url(desk: &Desk, order: &Order) -> Result<Option<String>> {
    if !order.state()?.is_paid() {
        return Ok(None);
    }
    let (project, id, now) = (order.project(), order.order_id(), desk.now());
    let known = order_tenant::receipt_of(desk.store().read(), project, id).await?;
    let known = match known {
        Some(known) => known,
        None => {
            let rng = Arc::clone(&desk.tenants.rng);
            let made = desk.store().transact(move |tx| {
                Box::pin(
                    async move { order_tenant::receipt(tx, project, id, rng.as_ref(), now).await },
                )
            });
            made.await?
        }
    };
    Ok(Some(format!("{}/r/{}", desk.tenants.settings.public_url, known.token)))
}

/// How long orders of a kiosk are told of when they move.
pub const WATCHED: TimeDelta = TimeDelta::minutes(30);

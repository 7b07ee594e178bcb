//! Vouchers: the value of one order on its way to one card. The server makes one and never a
//! second; the kiosk carries blocks it can neither read as money nor make (V6).

use chrono::TimeDelta;
use domain::{OrderId, ProjectId};
use kiosk_wire::{
    card::{Voucher as Wire, VoucherOutcome, VoucherReport, VoucherRequest},
    card_format::{Copy, MAC_BYTES, Purchase, SIGNED_BYTES, hex, unhex},
    order::OrderState,
    text::Text,
};
use store::{
    StoreError,
    kiosk::{
        card::{self, Card, Voucher},
        sale,
    },
    meter::{self, Meter},
    order::{self as orders, Order},
    tariff,
};
use uuid::Uuid;
use vending::{Refusal, card::Told};

use crate::{
    call::{Answer, Call, Need, Route},
    card::{Carried, carried, fits, freeze, meter_no_of, serves_cards, signed, uid_of},
    desk::Desk,
    failure::{Failure, Result},
    greeting::Caller,
    order::of_project,
};

/// How long the kiosk may write a voucher before it asks again.
pub const LIFE: TimeDelta = TimeDelta::minutes(3);
/// How often a voucher is made anew that somebody else was faster with.
const RACES_MAX: usize = 3;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/orders/{order}/voucher", |call| Box::pin(ask(call))).needs(Need::Sold),
    Route::post("/vouchers/{voucher}/outcome", |call| Box::pin(outcome(call))).needs(Need::Sold),
];

/// Refuses an order whose money could not get onto its card.
pub async fn may_sell(
    desk: &Desk,
    caller: &Caller,
    meter: &Meter,
    uid: Option<&str>,
) -> Result<()> {
    let db = desk.store().read();
    let cards = card::of_meter(db, meter.project(), meter.meter_id()).await?;
    let Some(uid) = uid else {
        return if cards.is_empty() { Ok(()) } else { Err(Failure::Card("missing")) };
    };
    serves_cards(caller)?;
    let uid = uid_of(uid)?;
    let known = cards.into_iter().find(|row| row.uid == uid);
    let known = known.ok_or(Failure::Card("other_card"))?;
    if !known.is_active() {
        return Err(Failure::Card("frozen"));
    }
    match card::last_of(db, &known).await? {
        Some(last) if last.state != "written" => Err(Failure::Card("pending")),
        _ => Ok(()),
    }
}

/// The words of an order whose money goes to a card.
pub fn words(state: OrderState) -> [Text; 3] {
    let three = |what: (&str, &str), safe: (&str, &str), todo: (&str, &str)| {
        [what, safe, todo].map(|(zh, en)| Text::new(zh, en))
    };
    match state {
        OrderState::CardWritten => three(
            ("已写卡，请插表", "On the card: insert it into the meter"),
            ("钱已在卡里", "The money is on the card"),
            ("请把卡插入电表，以表计显示为准", "The meter shows it once it has taken the card"),
        ),
        OrderState::Refunded => three(
            ("已退款", "Refunded"),
            ("钱已原路退回", "The money went back to where it came from"),
            ("以支付平台到账为准", "Your wallet shows when it has arrived"),
        ),
        _ => three(
            ("已付款，等待写卡", "Paid, waiting for the card"),
            ("钱已收到，不会丢", "The money is here and is not lost"),
            ("请把同一张卡放到读卡处", "Put the same card on the reader"),
        ),
    }
}

/// What the card and the order of a request come to.
struct Scene {
    order: Order,
    card: Card,
    meter: Meter,
    meter_no: String,
}

async fn scene(desk: &Desk, caller: &Caller, id: OrderId, uid: &str) -> Result<Scene> {
    let missing = || Failure::NotFound("order");
    let order = of_project(desk, caller, id).await?;
    let db = desk.store().read();
    let placed = sale::of_order(db, order.project(), id).await?.ok_or_else(missing)?;
    let wanted = placed.card_uid.ok_or_else(missing)?;
    if uid_of(&wanted)? != uid_of(uid)? {
        return Err(Failure::Card("other_card"));
    }
    let known = card::by_uid(db, order.project(), &uid_of(uid)?).await?.ok_or_else(missing)?;
    let meter = meter::by_id(db, order.project(), order.meter()).await?.ok_or_else(missing)?;
    let meter_no = meter_no_of(&meter).ok_or(Failure::Card("meter"))?;
    Ok(Scene { order, card: known, meter, meter_no })
}

async fn ask(call: Call) -> Result<Answer> {
    let wish: VoucherRequest = call.body()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    let id: OrderId = call.id("order")?;
    let mut raced = StoreError::Conflict;
    for _ in 0..RACES_MAX {
        let scene = scene(desk, caller, id, &wish.uid).await?;
        let state = scene.order.state()?;
        if !state.is_paid() {
            return Err(Failure::Refused(Refusal::WrongState { state }));
        }
        let read = carried(desk, &scene.card, &scene.meter_no, &wish.blocks)?;
        let made = card::of_order(desk.store().read(), scene.order.project(), id).await?;
        let done = match made {
            Some(made) => again(desk, &scene, made, &read).await,
            None => match first(desk, &scene, &read).await {
                // What lies ready for the card may be this order's own, made meanwhile.
                Err(Failure::Card("pending")) if is_made(desk, &scene).await? => continue,
                done => done,
            },
        };
        match done {
            Err(Failure::Store(error @ (StoreError::Gone(_) | StoreError::Refused(_)))) => {
                raced = error;
            }
            done => return Answer::ok(&done?),
        }
    }
    Err(raced.into())
}

async fn is_made(desk: &Desk, scene: &Scene) -> Result<bool> {
    let (db, order) = (desk.store().read(), &scene.order);
    Ok(card::of_order(db, order.project(), order.order_id()).await?.is_some())
}

/// Makes the one voucher of an order.
async fn first(desk: &Desk, scene: &Scene, read: &Carried) -> Result<Wire> {
    fits(desk, &scene.card, read).await?;
    let now = desk.now();
    let seq = u32::try_from(scene.card.seq + 1).map_err(|_| Failure::Card("worn"))?;
    let purchase = Purchase {
        card_no: u32::try_from(scene.card.card_no).map_err(|_| Failure::Card("worn"))?,
        meter_no: scene.meter_no.clone(),
        seq,
        amount_fen: u32::try_from(scene.order.amount_fen).map_err(|_| Failure::Card("amount"))?,
        tariff_version: tariff_version(desk, &scene.meter).await?,
        server_time: u32::try_from(now.timestamp()).map_err(|_| Failure::Card("clock"))?,
    };
    let copy = signed(desk, &scene.card, &purchase)?;
    let row = Voucher {
        project_id: scene.order.project_id,
        id: desk.fresh_id(),
        order_id: scene.order.id,
        card_no: scene.card.card_no,
        seq: i64::from(seq),
        copy_no: i64::from(read.spare()),
        amount_fen: scene.order.amount_fen,
        blocks: hex(&copy.signed) + &hex(&copy.mac),
        state: "issued".to_owned(),
        issued_at: now,
        expires_at: now + LIFE,
        ended_at: None,
    };
    match desk.house().issue_voucher(&scene.order, &scene.card, row.clone()).await? {
        true => wire(desk, &row, false),
        false => Err(Failure::Card("not_held")),
    }
}

/// Delivers the voucher of an order again: the same one, onto the copy that may be written now.
async fn again(desk: &Desk, scene: &Scene, made: Voucher, read: &Carried) -> Result<Wire> {
    let on_card = is_carried(&made, read);
    if on_card || made.state == "written" {
        ended(desk, &made, Told::Written).await?;
        return wire(desk, &made, true);
    }
    if read.newest().is_some_and(|purchase| i64::from(purchase.seq) > made.seq) {
        freeze(desk, &scene.card, "ahead").await?;
    }
    if read.newest().is_some_and(|purchase| purchase.amount_fen > 0) {
        return Err(Failure::Card("unloaded"));
    }
    let fresh = Voucher { copy_no: i64::from(read.spare()), expires_at: desk.now() + LIFE, ..made };
    match desk.house().redeliver_voucher(&scene.order, &fresh).await? {
        true => wire(desk, &fresh, false),
        false => Err(Failure::Card("not_held")),
    }
}

/// Whether a card carries a voucher: a valid copy with its number.
fn is_carried(made: &Voucher, read: &Carried) -> bool {
    read.copies.iter().flatten().any(|purchase| i64::from(purchase.seq) == made.seq)
}

fn wire(desk: &Desk, row: &Voucher, on_card: bool) -> Result<Wire> {
    let bad = || Failure::Internal(format!("the voucher {} cannot be read", row.id));
    let bytes = unhex(&row.blocks).filter(|bytes| bytes.len() == SIGNED_BYTES + MAC_BYTES);
    let bytes = bytes.ok_or_else(bad)?;
    let (signed, mac) = bytes.split_at(SIGNED_BYTES);
    let copy = Copy {
        signed: signed.try_into().map_err(|_| bad())?,
        mac: mac.try_into().map_err(|_| bad())?,
    };
    let number = u8::try_from(row.copy_no).map_err(|_| bad())?;
    let left = (row.expires_at - desk.now()).num_milliseconds();
    Ok(Wire {
        id: row.id,
        seq: u32::try_from(row.seq).map_err(|_| bad())?,
        copy: number,
        blocks: if on_card { Vec::new() } else { copy.blocks(number) },
        on_card,
        expires_in_ms: u64::try_from(left).unwrap_or(0),
    })
}

/// Which version of its tariff a meter is sold by: how many there were until now.
async fn tariff_version(desk: &Desk, meter: &Meter) -> Result<u16> {
    let Some(id) = meter.tariff() else { return Err(Failure::Refused(Refusal::NoTariff)) };
    let versions = tariff::versions_of(desk.store().read(), meter.project(), id).await?;
    let begun = versions.iter().filter(|row| row.valid_from <= desk.now()).count();
    Ok(u16::try_from(begun).unwrap_or(u16::MAX))
}

/// What the kiosk says is believed as far as the blocks it read back prove it.
///
/// Invariant: a voucher is written when its number was read back under the card's own key, and not
/// before; proved by `an_order_has_one_voucher_and_it_is_delivered_again`.
async fn outcome(call: Call) -> Result<Answer> {
    let report: VoucherReport = call.body()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    let missing = || Failure::NotFound("voucher");
    let (db, project) = (desk.store().read(), caller.project());
    let made = card::voucher(db, project, call.id::<Uuid>("voucher")?).await?;
    let made = made.ok_or_else(missing)?;
    let order = of_project(desk, caller, OrderId(made.order_id)).await.map_err(|_| missing())?;
    let placed = sale::of_order(db, project, order.order_id()).await?.ok_or_else(missing)?;
    let uid = placed.card_uid.ok_or_else(missing)?;
    let scene = scene(desk, caller, order.order_id(), &uid).await?;
    let read = carried(desk, &scene.card, &scene.meter_no, &report.blocks)?;
    let told = match report.outcome {
        _ if is_carried(&made, &read) => Told::Written,
        VoucherOutcome::NotWritten if read.complete => Told::NotWritten,
        _ => Told::Unknown,
    };
    ended(desk, &made, told).await?;
    Answer::none()
}

/// Notes what a card told of a voucher; what was known before is not told again.
pub async fn ended(desk: &Desk, made: &Voucher, told: Told) -> Result<()> {
    if made.state == told.as_str() {
        return Ok(());
    }
    let (db, project) = (desk.store().read(), ProjectId(made.project_id));
    let order = orders::by_id(db, project, OrderId(made.order_id)).await?;
    let order = order.ok_or(Failure::NotFound("order"))?;
    Ok(desk.house().end_voucher(&order, made, told).await?)
}

//! What a meter still held: booked out of its old life, carried into the new one by a vend.

use domain::{Channel, Money, OrderState};
use serde_json::json;
use store::{
    Tx,
    meter::Meter,
    order::{self, Order},
    timeline, work_item,
};

use super::replace::{Replacement, Shown, holder};
use crate::{
    house::House,
    job, notice,
    order::PlaceOrder,
    posting,
    refusal::{Refusal, Result},
};

/// What was booked when a life ended, in fen, none of it below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Used up on the old meter and recognised as earned.
    pub used_fen: i64,
    /// On the old or the new meter without the books having known of it.
    pub found_fen: i64,
    /// Due to the tenant on the new meter.
    pub carried_fen: i64,
    /// What the tenant owes the old meter.
    pub debt_fen: i64,
}

/// What became of the rest.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    /// The order whose vend carries it.
    pub order: Option<Order>,
    /// What a person has to settle.
    pub by_hand_fen: i64,
}

/// What follows from the books, the old meter's display and the new one's.
///
/// Afterwards the books say of the meter what it shows, and the rest is on its way:
/// `books - used + found - carried = new meter`, with a debt taken off.
pub(super) fn reckon(books_fen: i64, old_fen: i64, new_fen: i64) -> Settled {
    let due = old_fen.max(0);
    let carried_fen = (due - new_fen).max(0);
    // What the new meter came with beyond what is due is nobody's payment either.
    let gift = (new_fen - due).max(0);
    Settled {
        used_fen: (books_fen - old_fen).max(0),
        found_fen: (old_fen - books_fen).max(0) + gift,
        carried_fen,
        debt_fen: (-old_fen).max(0),
    }
}

/// Books the old life of a meter that keeps its money to its end: what was used is earned, what
/// was there without our knowing is taken from what was earned. The rest stands until it is
/// carried.
///
/// Invariant: what the books say of a meter is what it shows, less what is on its way (I1); proved
/// by `the_books_agree_with_the_new_meter_whatever_the_old_one_showed`.
pub(super) async fn settle_value(
    tx: &Tx,
    house: &House,
    row: &Meter,
    (old, new): (Shown, Shown),
) -> Result<Settled> {
    let needed = |value: Option<i64>, field| value.ok_or(Refusal::Malformed { field });
    let old_fen = needed(old.balance_fen, "old.balance_fen")?;
    let new_fen = needed(new.balance_fen, "new.balance_fen")?;
    let account = ledger::LedgerAccount::OnMeter(row.meter_id());
    let books = store::ledger::balance(tx, row.project(), account).await?.posted;
    let settled = reckon(books.fen(), old_fen, new_fen);
    for (amount, booking) in [
        (settled.found_fen, posting::meter_value_found as posting::OfMeter),
        (settled.used_fen, posting::meter_consumption),
    ] {
        if amount > 0 {
            store::ledger::post(tx, &booking(house, row, Money::from_fen(amount))?).await?;
        }
    }
    Ok(settled)
}

/// Has the rest delivered to the new meter, as a purchase like any other: intent before sending,
/// read-back as the proof. `row` is the place in its new life.
pub(super) async fn carry(
    tx: &Tx,
    house: &House,
    row: &Meter,
    money: &Settled,
    wish: &Replacement,
) -> Result<Carried> {
    if money.debt_fen > 0 {
        let titles = ("旧表透支，需要人工处理", "The old meter was overdrawn");
        by_hand(tx, house, row, ("meter.debt_left", titles), -money.debt_fen).await?;
        return Ok(Carried { order: None, by_hand_fen: -money.debt_fen });
    }
    if money.carried_fen == 0 {
        return Ok(Carried::default());
    }
    let (account, rest) = (holder(row)?, Money::from_fen(money.carried_fen));
    let purse = posting::purse_of(account, row.purpose()?);
    let free = store::ledger::balance(tx, row.project(), purse).await?.available().fen();
    if free < 0 {
        // The purse owes for something else; whoever decides that is a person.
        let booking = posting::meter_value_returned(house, row, account, None, rest)?;
        store::ledger::post(tx, &booking).await?;
        let titles =
            ("旧表余额已退回钱包，账户有欠费，待人工充入", "The rest is in a purse in arrears");
        by_hand(tx, house, row, ("meter.rest_not_held", titles), money.carried_fen).await?;
        return Ok(Carried { order: None, by_hand_fen: money.carried_fen });
    }
    let order = carrying_order(tx, house, row, money.carried_fen, wish).await?;
    let booking = posting::meter_value_returned(house, row, account, Some(order.order_id()), rest)?;
    store::ledger::post(tx, &booking).await?;
    let parts = job::vend_parts(house, &order, Some(row), house.now())?;
    if let Some(held) = parts.held {
        store::ledger::post(tx, &held).await?;
    }
    if let Some(vend) = parts.vend {
        store::insert(tx, vend).await?;
    }
    for job in &parts.jobs {
        store::job::insert(tx, job).await?;
    }
    Ok(Carried { order: Some(order), by_hand_fen: 0 })
}

/// The order the rest is carried by: nobody pays for it, and it is credited from the start.
async fn carrying_order(
    tx: &Tx,
    house: &House,
    row: &Meter,
    amount_fen: i64,
    wish: &Replacement,
) -> Result<Order> {
    let now = house.now();
    let order = PlaceOrder {
        // Unique for ever in its project: a rest cannot be carried twice under any race.
        client_id: format!("replace-{}-{}", row.id, wish.epoch),
        meter: row.meter_id(),
        channel: Channel::CarriedOver,
        amount: Money::from_fen(amount_fen),
        operator: Some(wish.operator),
    };
    let quote = house.quote(row.project(), row.meter_id()).await?;
    let order = Order {
        state: OrderState::Credited.as_str().to_owned(),
        credited_at: Some(now),
        reason: Some("meter-replaced".to_owned()),
        ..house.draft(row.project(), &order, &quote)
    };
    order::insert(tx, &order).await?;
    let detail = json!({
        "amount_fen": amount_fen, "channel": order.channel, "epoch": row.epoch,
        "operator": wish.operator.0, "second": wish.second.0,
    });
    timeline::add(tx, &order, "credited", now, detail).await?;
    Ok(order)
}

async fn by_hand(
    tx: &Tx,
    house: &House,
    row: &Meter,
    (kind, titles): (&str, (&str, &str)),
    amount_fen: i64,
) -> Result<()> {
    let detail = json!({
        "meter_no": row.meter_no, "epoch": row.epoch, "amount_fen": amount_fen,
        "account": row.account_id.map(|id| id.to_string()),
    });
    let subject = ("meter", row.id.to_string());
    let item = notice::work_item_about(house, row.project(), subject, kind, titles, &detail);
    Ok(work_item::open(tx, item).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_books_agree_with_the_new_meter_whatever_the_old_one_showed() {
        // (books, old display, new display) -> (used, found, carried, debt)
        let table = [
            // The usual: 2 yuan were used, 48 go over.
            ((5_000, 4_800, 0), (200, 0, 4_800, 0)),
            // Opened with 5 yuan nobody paid us.
            ((5_000, 5_300, 0), (0, 300, 5_300, 0)),
            // The new meter came with 10 yuan on it.
            ((5_000, 4_800, 1_000), (200, 0, 3_800, 0)),
            // It came with more than is due.
            ((5_000, 400, 1_000), (4_600, 600, 0, 0)),
            // Used up, and overdrawn.
            ((5_000, 0, 0), (5_000, 0, 0, 0)),
            ((5_000, -700, 0), (5_700, 0, 0, 700)),
            ((0, 0, 0), (0, 0, 0, 0)),
            // A debt of an earlier life that was paid at the old meter since.
            ((-700, 100, 0), (0, 800, 100, 0)),
        ];
        for ((books, old, new), (used, found, carried, debt)) in table {
            let got = reckon(books, old, new);
            let want =
                Settled { used_fen: used, found_fen: found, carried_fen: carried, debt_fen: debt };
            assert_eq!(got, want, "{books} {old} {new}");
            // The meter's account stands at what the new meter shows, less what it is owed.
            assert_eq!(books - used + found - carried, new - debt, "{books} {old} {new}");
        }
    }
}

//! The money of an order on its way onto a card: held when its voucher is made, booked onto the
//! card when the card was read to carry it.

use domain::OrderState;
use ledger::Refusal as BooksRefusal;
use serde_json::json;
use store::{
    StoreError, Tx,
    kiosk::card::{self, Card, Voucher},
    order::{self, Order},
    timeline,
    work_item::{self, WorkItem},
};

use crate::{
    house::House,
    notice::{self, fact},
    posting,
    refusal::{Refusal, Result, VendingError},
};

/// What a card told of a voucher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Its number was read back under the card's own key.
    Written,
    /// The whole card was read, and it is not there.
    NotWritten,
    /// Nobody knows.
    Unknown,
}

impl Told {
    /// The state a voucher has then.
    pub fn as_str(self) -> &'static str {
        match self {
            Told::Written => "written",
            Told::NotWritten => "not_written",
            Told::Unknown => "unknown",
        }
    }
}

impl House {
    /// Keeps the one voucher of an order and sets its money aside, in one transaction. `false`
    /// where the purse does not hold it any more: there is no voucher then, and a person is told.
    pub async fn issue_voucher(&self, order: &Order, card: &Card, new: Voucher) -> Result<bool> {
        let (house, kept, known, now) = (self.clone(), order.clone(), card.clone(), self.now());
        let done = self.store().transact(move |tx| {
            Box::pin(async move {
                let detail = json!({ "voucher": new.id, "card_no": new.card_no, "seq": new.seq });
                card::issue(tx, &known, new).await?;
                hold(tx, &house, &kept).await?;
                timeline::add(tx, &kept, "kiosk.voucher", now, detail).await?;
                Ok::<_, VendingError>(())
            })
        });
        self.unless_short(order, done.await).await
    }

    /// Gives a voucher another copy to lie on and another time to be written in.
    pub async fn redeliver_voucher(&self, order: &Order, voucher: &Voucher) -> Result<bool> {
        let (house, kept, voucher) = (self.clone(), order.clone(), voucher.clone());
        let done = self.store().transact(move |tx| {
            Box::pin(async move {
                // A voucher of an earlier program has no hold yet.
                hold(tx, &house, &kept).await?;
                card::redeliver(tx, &voucher).await?;
                Ok::<_, VendingError>(())
            })
        });
        self.unless_short(order, done.await).await
    }

    /// Notes what a card told of a voucher. What is written is booked and delivers the order; it
    /// stays written whatever is told later.
    ///
    /// Invariant: the money of a voucher leaves the purse once, in the transaction that believes
    /// the card, and stays held until then, however long that takes (V6); proved by
    /// `a_written_card_is_booked_once_and_only_when_it_was_read_back`.
    pub async fn end_voucher(&self, order: &Order, voucher: &Voucher, told: Told) -> Result<()> {
        match self.end_in_one(order, voucher, told, true).await {
            // What lies on the card lies there, whatever the books say.
            Err(error) if is_short(&error) => self.end_in_one(order, voucher, told, false).await,
            done => done,
        }
    }

    async fn end_in_one(
        &self,
        order: &Order,
        voucher: &Voucher,
        told: Told,
        books: bool,
    ) -> Result<()> {
        let (house, id, project) = (self.clone(), order.order_id(), order.project());
        let voucher = voucher.clone();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let now = house.now();
                    if !card::end(tx, &voucher, told.as_str(), now).await? {
                        return Ok(());
                    }
                    let order = order::by_id(tx, project, id).await?;
                    let order = order.ok_or(Refusal::NotFound { what: "order" })?;
                    let detail = json!({
                        "voucher": voucher.id, "card_no": voucher.card_no, "seq": voucher.seq,
                        "outcome": told.as_str(),
                    });
                    timeline::add(tx, &order, "kiosk.card", now, detail.clone()).await?;
                    match (told, books) {
                        (Told::Written, true) => written(tx, &house, &order, detail).await,
                        (Told::Written, false) => {
                            work_item::open_once(tx, short_item(&house, &order)).await?;
                            Ok(())
                        }
                        _ => Ok(()),
                    }
                })
            })
            .await
    }

    /// Tells a person of an order whose money the purse does not hold any more.
    async fn unless_short(&self, order: &Order, done: Result<()>) -> Result<bool> {
        match done {
            Ok(()) => Ok(true),
            Err(error) if is_short(&error) => {
                let item = short_item(self, order);
                self.store()
                    .transact(move |tx| {
                        Box::pin(async move { work_item::open_once(tx, item).await })
                    })
                    .await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

async fn hold(tx: &Tx, house: &House, order: &Order) -> Result<()> {
    let booking = posting::card_held(house, order, house.now())?;
    // Told again it is the same event: the hold exists.
    store::ledger::post(tx, &booking).await?;
    Ok(())
}

/// The money is on the card: the hold is used up and the order delivered.
async fn written(tx: &Tx, house: &House, order: &Order, detail: serde_json::Value) -> Result<()> {
    hold(tx, house, order).await?;
    let now = house.now();
    store::ledger::post(tx, &posting::card_written(house, order, now)?).await?;
    if order.state()? == OrderState::Credited {
        timeline::add(tx, order, "delivered", now, detail).await?;
        let order = order::step(tx, order, OrderState::Delivered, now).await?;
        fact::note_credited(tx, house, &order, false).await?;
    }
    Ok(())
}

fn is_short(error: &VendingError) -> bool {
    let VendingError::Store(StoreError::Books(refusal)) = error else { return false };
    matches!(refusal, BooksRefusal::NotEnough { .. })
}

fn short_item(house: &House, order: &Order) -> WorkItem {
    let titles =
        ("售电卡的钱已不在钱包里，待人工处理", "The purse no longer holds what a card is to carry");
    let detail = json!({ "amount_fen": order.amount_fen });
    let item = notice::work_item(house, order, "card.not_held", titles, detail, house.now());
    let id = work_item::id_of(&["card.not_held", &order.id.to_string()]);
    WorkItem { id: id.0, ..item }
}

//! The one room that calls the ledger's templates: it turns a business event into a booking. What
//! accounts an event moves is the templates' knowledge; which event it was is ours.

use chrono::{DateTime, Utc};
use domain::{
    AccountId, BillLineId, Channel, HoldId, MerchantId, Money, OperatorId, OrderId, ProjectId,
    Provider, Purpose, TransactionId, VendId,
};
use ledger::{
    LedgerAccount, PostingError,
    template::{self, Purse, Till},
    transaction::{Key, KeyError, Occurrence, Transaction},
};
use store::{
    Credit, Credited, StoreError, ledger::Booking, meter::Meter, order::Order, vend::Vend,
    work_item,
};

use crate::{
    house::House,
    notice,
    refusal::{Refusal, VendingError},
};

/// A booking could not be made: an amount that is not positive, or a key that is none. Both mean
/// that a row is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookingError {
    /// The posting is none.
    #[error("the amount cannot be posted")]
    Posting(#[from] PostingError),
    /// The key is none.
    #[error("the event has no usable key")]
    Key(#[from] KeyError),
}

impl From<BookingError> for VendingError {
    fn from(error: BookingError) -> Self {
        store::StoreError::Refused(error.to_string()).into()
    }
}

type Booked = Result<Booking, BookingError>;

/// The purse of an account for a purpose, as the store names it.
pub fn purse_of(account: AccountId, purpose: Purpose) -> LedgerAccount {
    LedgerAccount::Purse(account, purpose)
}

/// The purse an order pays into.
pub(crate) fn purse_of_order(order: &Order) -> Result<LedgerAccount, VendingError> {
    Ok(purse_of(AccountId(order.account_id), order.purpose()?))
}

fn purse(order: &Order) -> Result<Purse, VendingError> {
    Ok(Purse { account: AccountId(order.account_id), purpose: order.purpose()? })
}

fn occurrence(key: String, at: DateTime<Utc>) -> Result<Occurrence, BookingError> {
    Ok(Occurrence { key: Key::new(key)?, at })
}

/// The booking of a transaction: with the project's books and what it belongs to.
fn booking(
    house: &House,
    project: ProjectId,
    transaction: Transaction,
    order: Option<OrderId>,
    vend: Option<VendId>,
) -> Booking {
    let id = TransactionId::generate(house.clock(), house.rng());
    Booking { id, project, order, vend, memo: None, transaction }
}

/// The key of a payment: the provider's own number under the merchant it was paid to.
fn payment_key(provider: Provider, merchant: MerchantId, trade_no: &str) -> String {
    format!("payment:{provider}:{merchant}:{trade_no}")
}

/// A provider confirmed a payment that fits its order.
pub(crate) fn payment_received(
    house: &House,
    order: &Order,
    (provider, merchant): (Provider, MerchantId),
    trade_no: &str,
    at: DateTime<Utc>,
) -> Result<Booking, VendingError> {
    let key = occurrence(payment_key(provider, merchant, trade_no), at)?;
    let transaction = template::payment_received(key, merchant, purse(order)?, order.amount())
        .map_err(BookingError::from)?;
    Ok(booking(house, order.project(), transaction, Some(order.order_id()), None))
}

/// A provider confirmed money that does not fit: a second payment, or another amount.
pub(crate) fn payment_unmatched(
    house: &House,
    (project, order): (ProjectId, OrderId),
    (provider, merchant): (Provider, MerchantId),
    (trade_no, total): (&str, Money),
    duplicate: bool,
    at: DateTime<Utc>,
) -> Booked {
    let key = occurrence(payment_key(provider, merchant, trade_no), at)?;
    let transaction = if duplicate {
        template::payment_received_duplicate(key, merchant, total)?
    } else {
        template::payment_received_unmatched(key, merchant, total)?
    };
    Ok(booking(house, project, transaction, Some(order), None))
}

/// An operator took money at the counter; bank and card terminal money reaches the account behind
/// one of the project's merchants.
pub(crate) fn counter_sale(
    house: &House,
    order: &Order,
    operator: OperatorId,
    at: DateTime<Utc>,
) -> Result<Booking, VendingError> {
    let bank = || {
        let all = [Provider::WechatPay, Provider::Alipay];
        let found = all.into_iter().find_map(|p| house.merchants().of_project(order.project(), p));
        found.map(|merchant| merchant.id).ok_or(Refusal::ChannelNotOffered)
    };
    let till = match order.channel()? {
        Channel::BankTransfer => Till::Bank(bank()?),
        Channel::Pos => Till::Pos(bank()?),
        _ => Till::Cash(operator),
    };
    let key = occurrence(format!("counter:{}", order.order_no), at)?;
    let transaction = template::counter_sale(key, till, purse(order)?, order.amount())
        .map_err(BookingError::from)?;
    Ok(booking(house, order.project(), transaction, Some(order.order_id()), None))
}

/// Paid and not yet on the meter: the purse's money is set aside for the vend.
pub(crate) fn vend_held(
    house: &House,
    order: &Order,
    (vend, hold): (VendId, HoldId),
    at: DateTime<Utc>,
) -> Result<Booking, VendingError> {
    let key = occurrence(format!("vend-held:{vend}"), at)?;
    let transaction = template::vend_held(key, hold, purse(order)?, order.amount())
        .map_err(BookingError::from)?;
    Ok(booking(house, order.project(), transaction, Some(order.order_id()), Some(vend)))
}

/// A vend whose hold was given up starts again: its money is set aside anew.
pub(crate) fn vend_held_anew(
    house: &House,
    order: &Order,
    (vend, hold): (&Vend, HoldId),
    at: DateTime<Utc>,
) -> Result<Booking, VendingError> {
    let key = occurrence(format!("vend-held:{}:{}", vend.vend_id(), vend.version), at)?;
    let transaction = template::vend_held(key, hold, purse(order)?, order.amount())
        .map_err(BookingError::from)?;
    let (id, vend) = (Some(order.order_id()), Some(vend.vend_id()));
    Ok(booking(house, order.project(), transaction, id, vend))
}

/// The meter was read to hold the purchase.
pub(crate) fn vend_applied(
    house: &House,
    order: &Order,
    vend: &Vend,
    at: DateTime<Utc>,
) -> Result<Booking, VendingError> {
    let hold = vend.hold().ok_or_else(|| no_hold(vend))?;
    let key = occurrence(format!("vend-applied:{}", vend.vend_id()), at)?;
    let transaction = template::vend_applied(key, hold, purse(order)?, vend.meter(), vend.amount())
        .map_err(BookingError::from)?;
    let (id, vend) = (Some(order.order_id()), Some(vend.vend_id()));
    Ok(booking(house, order.project(), transaction, id, vend))
}

/// The hold of an order's voucher has the order's own id: whoever asks again finds the same one.
pub(crate) fn card_hold(order: &Order) -> HoldId {
    HoldId(order.id)
}

/// A voucher was made: its money is set aside until the card was read to carry it.
pub(crate) fn card_held(
    house: &House,
    order: &Order,
    at: DateTime<Utc>,
) -> Result<Booking, VendingError> {
    let key = occurrence(format!("card-held:{}", order.id), at)?;
    let hold = card_hold(order);
    let transaction = template::card_held(key, hold, purse(order)?, order.amount())
        .map_err(BookingError::from)?;
    Ok(booking(house, order.project(), transaction, Some(order.order_id()), None))
}

/// The card was read to carry the voucher.
pub(crate) fn card_written(
    house: &House,
    order: &Order,
    at: DateTime<Utc>,
) -> Result<Booking, VendingError> {
    let key = occurrence(format!("card-written:{}", order.id), at)?;
    let (hold, meter) = (card_hold(order), order.meter());
    let transaction = template::card_written(key, hold, purse(order)?, meter, order.amount())
        .map_err(BookingError::from)?;
    Ok(booking(house, order.project(), transaction, Some(order.order_id()), None))
}

/// A booking about what a meter holds.
pub(crate) type OfMeter = fn(&House, &Meter, Money) -> Result<Booking, VendingError>;

/// The key of what is booked once when a life of a meter ends.
fn life_key(house: &House, what: &str, meter: &Meter) -> Result<Occurrence, BookingError> {
    occurrence(format!("{what}:{}:{}", meter.id, meter.epoch), house.now())
}

/// What was used on a meter that keeps its money, up to the end of its life.
pub(crate) fn meter_consumption(
    house: &House,
    meter: &Meter,
    amount: Money,
) -> Result<Booking, VendingError> {
    let (key, purpose) = (life_key(house, "meter-used", meter)?, meter.purpose()?);
    let transaction = template::meter_consumption(key, meter.meter_id(), purpose, amount)
        .map_err(BookingError::from)?;
    Ok(booking(house, meter.project(), transaction, None, None))
}

/// What a meter held at the end of its life without the books having known.
pub(crate) fn meter_value_found(
    house: &House,
    meter: &Meter,
    amount: Money,
) -> Result<Booking, VendingError> {
    let (key, purpose) = (life_key(house, "meter-found", meter)?, meter.purpose()?);
    let transaction = template::meter_value_found(key, meter.meter_id(), purpose, amount)
        .map_err(BookingError::from)?;
    Ok(booking(house, meter.project(), transaction, None, None))
}

/// What a meter still held at the end of its life goes back to the tenant.
pub(crate) fn meter_value_returned(
    house: &House,
    meter: &Meter,
    account: AccountId,
    order: Option<OrderId>,
    amount: Money,
) -> Result<Booking, VendingError> {
    let purse = Purse { account, purpose: meter.purpose()? };
    let key = life_key(house, "meter-rest", meter)?;
    let transaction = template::meter_value_returned(key, meter.meter_id(), purse, amount)
        .map_err(BookingError::from)?;
    Ok(booking(house, meter.project(), transaction, order, None))
}

/// Two persons proved that a purchase never reached its meter: the hold is given up.
pub(crate) fn vend_voided(
    house: &House,
    order: &Order,
    vend: &Vend,
    at: DateTime<Utc>,
) -> Result<Booking, VendingError> {
    let hold = vend.hold().ok_or_else(|| no_hold(vend))?;
    // By the hold: a vend that was started again may be proven void again.
    let key = occurrence(format!("vend-voided:{}:{hold}", vend.vend_id()), at)?;
    let transaction = template::vend_voided(key, hold);
    let (id, vend) = (Some(order.order_id()), Some(vend.vend_id()));
    Ok(booking(house, order.project(), transaction, id, vend))
}

fn no_hold(vend: &Vend) -> store::StoreError {
    store::StoreError::Unreadable { table: "vend", column: "hold_id", row: vend.id.to_string() }
}

/// A platform-held meter's use was billed.
pub(crate) fn consumption_billed(
    house: &House,
    meter: &Meter,
    account: AccountId,
    line: BillLineId,
    amount: Money,
) -> Result<Booking, VendingError> {
    let key = occurrence(format!("bill:{line}"), house.now())?;
    let purse = Purse { account, purpose: meter.purpose()? };
    let transaction =
        template::consumption_billed(key, purse, amount).map_err(BookingError::from)?;
    Ok(booking(house, meter.project(), transaction, None, None))
}

impl House {
    /// Applies a decided payment. Where the purse is in arrears and cannot hold what the meter
    /// shall get, the money is booked all the same and a person decides what is delivered: a
    /// payment is never refused because of what it was meant for (I2).
    pub(crate) async fn apply(
        &self,
        order: &Order,
        credit: Credit,
    ) -> Result<Credited, VendingError> {
        let detail = serde_json::json!({ "amount_fen": order.amount_fen });
        let titles = ("已到账，账户有欠费，待人工充入", "Credited, in arrears, deliver by hand");
        let item = notice::work_item(self, order, "payment.not_held", titles, detail, self.now());
        let delivers = credit.vend.is_some();
        let plain = plain(credit.clone(), item);
        match self.store().credit(credit).await {
            // Whatever else is wrong stands in the plain credit's way as well and is told there.
            Err(StoreError::Refused(_) | StoreError::Books(_) | StoreError::Database(_))
                if delivers => {}
            other => return Ok(other?),
        }
        Ok(self.store().credit(plain).await?)
    }
}

/// The credit alone, with nothing that carries it on; the item is durable with it or not at all.
fn plain(credit: Credit, item: work_item::WorkItem) -> Credit {
    Credit {
        bookings: credit.bookings.into_iter().take(1).collect(),
        vend: None,
        jobs: Vec::new(),
        items: vec![item],
        ..credit
    }
}

/// The order's meter, if it still serves the account that paid.
///
/// Invariant: money never reaches the meter of another account than the one that paid; proved by
/// `a_payment_for_a_closed_account_is_booked_and_never_pushed_into_the_next_tenants_meter`.
pub(crate) fn served<'a>(order: &Order, meter: Option<&'a Meter>) -> Option<&'a Meter> {
    meter.filter(|meter| meter.account() == Some(AccountId(order.account_id)))
}

impl House {
    /// A credit whose meter serves somebody else by now: booked, shown, delivered to nobody.
    pub(crate) fn undeliverable(&self, order: &Order, credit: Credit) -> Credit {
        let detail = serde_json::json!({ "amount_fen": order.amount_fen });
        let titles = ("账户已销户，款项待退或待处理", "Paid for a closed account, pay it back");
        let kind = "payment.account_closed";
        plain(credit, notice::work_item(self, order, kind, titles, detail, self.now()))
    }
}

//! Meters and the accounts they serve: opening, closing, and the guided ways out of quarantine.

mod carry;
pub mod purchases;
pub mod replace;

use domain::{AccountId, MeterId, MoneyModel, OperatorId, OrderState, ProjectId, RoomId};
use serde_json::json;
use store::{
    account::{self, Account},
    billing, binding,
    meter::{self, Change, Meter},
    order, reading, vend, work_item,
};

use crate::{
    house::House,
    notice, posting,
    refusal::{Refusal, Result, VendingError},
};

/// Longest name, phone or reason an operator may write.
const TEXT_MAX: usize = 200;

/// A new account for a room (开户).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAccount {
    /// The room.
    pub room: RoomId,
    /// The account number people see; unique in the project.
    pub account_no: String,
    /// The tenant's name.
    pub name: String,
    /// The tenant's phone, if known.
    pub phone: Option<String>,
    /// The customer number the meters know, twelve digits.
    pub customer_no: String,
    /// True for people who are never cut off.
    pub protected: bool,
}

impl House {
    /// Opens an account: the room's meters now serve it (B6). One room has one open account, also
    /// when two operators open it at the same moment. Counting starts anew at the next good
    /// reading, because nobody knows how much of the stretch before it was another's.
    ///
    /// Invariant: use before an account was opened is never billed to it; proved by
    /// `use_before_an_account_was_opened_is_never_billed_to_it`.
    pub async fn open_account(&self, project: ProjectId, wish: OpenAccount) -> Result<Account> {
        check_text("name", &wish.name)?;
        check_text("account_no", &wish.account_no)?;
        let digits = wish.customer_no.bytes().all(|b| b.is_ascii_digit());
        if wish.customer_no.len() != 12 || !digits {
            return Err(Refusal::Malformed { field: "customer_no" }.into());
        }
        let row = Account {
            project_id: project.0,
            id: AccountId::generate(self.clock(), self.rng()).0,
            account_no: wish.account_no,
            room_id: wish.room.0,
            name: wish.name,
            phone: wish.phone,
            customer_no: wish.customer_no,
            state: "open".to_owned(),
            opened_at: self.now(),
            closed_at: None,
            protected: wish.protected,
            version: 1,
        };
        let room = wish.room;
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    account::hold_room(tx, project, room).await?;
                    if account::room(tx, project, room).await?.is_none() {
                        return Err(Refusal::NotFound { what: "room" }.into());
                    }
                    if account::open_in_room(tx, project, room).await?.is_some() {
                        return Err(Refusal::AccountOpen.into());
                    }
                    store::insert(tx, row.clone()).await?;
                    for meter in meter::of_room(tx, project, room).await? {
                        let account = Some(Some(AccountId(row.id)));
                        let change = Change { account, ..Default::default() };
                        meter::change(tx, &meter, change).await?;
                        billing::forget_cursor(tx, project, meter.meter_id()).await?;
                    }
                    Ok::<_, VendingError>(row)
                })
            })
            .await
    }

    /// Closes an account (销户). Refused while a delivery is open: what it would become is not
    /// known. What is left in its purses becomes a work item, because paying back is somebody's
    /// decision. Whoever was bound to it by phone no longer is.
    pub async fn close_account(
        &self,
        project: ProjectId,
        id: AccountId,
        operator: OperatorId,
    ) -> Result<Account> {
        self.withdraw_offers(project, id).await?;
        let house = self.clone();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let row = account::by_id(tx, project, id).await?;
                    let row = row.ok_or(Refusal::NotFound { what: "account" })?;
                    if !row.is_open() {
                        return Err(Refusal::AccountClosed.into());
                    }
                    for meter in meter::of_account(tx, project, id).await? {
                        if !vend::open(tx, project, Some(meter.meter_id())).await?.is_empty() {
                            return Err(Refusal::DeliveryInDoubt.into());
                        }
                        let change = Change { account: Some(None), ..Default::default() };
                        meter::change(tx, &meter, change).await?;
                    }
                    account::close(tx, &row, house.now()).await?;
                    let leaving = binding::of_account(tx, project, id).await?;
                    crate::notice::note_unbound(tx, &house, &leaving).await?;
                    binding::end_account(tx, project, id, house.now()).await?;
                    for purpose in domain::Purpose::ALL {
                        let purse = posting::purse_of(id, purpose);
                        let left = store::ledger::balance(tx, project, purse).await?.posted.fen();
                        if left != 0 {
                            let item = left_over(&house, &row, purpose, left, operator);
                            work_item::open(tx, item).await?;
                        }
                    }
                    Ok::<_, VendingError>(row)
                })
            })
            .await
    }

    /// Takes the codes back that still wait to be paid: query, close, query (P1). What is paid all
    /// the same is booked for the account that ordered it and shown to a person, never delivered.
    async fn withdraw_offers(&self, project: ProjectId, id: AccountId) -> Result<()> {
        for meter in meter::of_account(self.store().read(), project, id).await? {
            let placed = order::Filter {
                meter: Some(meter.meter_id()),
                states: vec![OrderState::Placed],
                limit: order::LIST_MAX,
                ..Default::default()
            };
            for open in order::list(self.store().read(), project, &placed).await? {
                if let Err(error) = self.cancel_order(project, open.order_id()).await {
                    tracing::warn!(order_no = open.order_no, %error, "an offer stays open");
                }
            }
        }
        Ok(())
    }

    /// Lets a quarantined meter take money again after a person has looked (V7).
    ///
    /// A replaced or reset meter starts a new epoch, whose counts are no longer compared with the
    /// old ones; the count it holds is read and taken over by its next vend. Refused while a
    /// purchase of the meter is in doubt: that is resolved first. A meter that keeps money of its
    /// own gets no new epoch here, because the rest it held would be forgotten: that is
    /// [`House::replace_meter`], where two people say what it held.
    pub async fn release_meter(
        &self,
        project: ProjectId,
        id: MeterId,
        new_epoch: bool,
        reason: String,
    ) -> Result<Meter> {
        check_text("reason", &reason)?;
        let now = self.now();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let row = meter::by_id(tx, project, id).await?;
                    let row = row.ok_or(Refusal::NotFound { what: "meter" })?;
                    if new_epoch && row.money_model()? == MoneyModel::MeterHeld {
                        return Err(Refusal::HoldsMoney.into());
                    }
                    for open in vend::open(tx, project, Some(id)).await? {
                        let sent = open.sent_count > 0 && open.state != "not-applied";
                        if sent {
                            return Err(Refusal::DeliveryInDoubt.into());
                        }
                    }
                    // What was put aside stops arrears until a person has looked; this is it.
                    reading::settle(tx, project, id, now).await?;
                    if new_epoch {
                        billing::forget_cursor(tx, project, id).await?;
                    }
                    let change = Change {
                        state: Some(("in-service", None)),
                        epoch: new_epoch.then_some(row.epoch + 1),
                        purchase_count: Some(None),
                        ..Default::default()
                    };
                    Ok::<_, VendingError>(meter::change(tx, &row, change).await?)
                })
            })
            .await
    }
}

fn check_text(field: &'static str, text: &str) -> Result<()> {
    let printable = text.chars().all(|c| !c.is_control());
    if text.trim().is_empty() || text.chars().count() > TEXT_MAX || !printable {
        return Err(Refusal::Malformed { field }.into());
    }
    Ok(())
}

fn left_over(
    house: &House,
    account: &Account,
    purpose: domain::Purpose,
    left_fen: i64,
    operator: OperatorId,
) -> work_item::WorkItem {
    let detail = json!({
        "account_no": account.account_no,
        "purpose": purpose.as_str(),
        "left_fen": left_fen,
        "closed_by": operator.to_string(),
    });
    notice::work_item_about(
        house,
        domain::ProjectId(account.project_id),
        ("account", account.id.to_string()),
        "account.left_over",
        ("销户后钱包还有余额或欠款", "The closed account still holds or owes money"),
        &detail,
    )
}

//! Customer accounts: list, open (开户), close (销户), what they hold.

use chrono::{DateTime, Utc};
use domain::{AccountId, Purpose, RoomId};
use serde::{Deserialize, Serialize};
use store::account::{self, Account};
use utoipa::ToSchema;
use uuid::Uuid;
use vending::{meter::OpenAccount, posting};

use super::page::{Paging, cut, page_of};
use crate::{
    access::{Access, Perm},
    http::{
        Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects/{project}/accounts", "account.list", |call| Box::pin(list(call)))
        .in_project(Perm::ViewSite)
        .says("户列表", "Accounts by number; names and phones masked without account.manage")
        .query::<Paging>()
        .answers::<AccountPage>(200),
    Route::post("/projects/{project}/accounts", "account.open", |call| Box::pin(open(call)))
        .in_project(Perm::ManageAccounts)
        .says("开户", "Open an account for a room")
        .body::<NewAccount>()
        .answers::<AccountView>(201),
    Route::post("/projects/{project}/accounts/{account}/close", "account.close", |call| {
        Box::pin(close(call))
    })
    .in_project(Perm::ManageAccounts)
    .says("销户", "Close an account; what is left becomes a work item")
    .answers::<AccountView>(200),
    Route::get("/projects/{project}/accounts/{account}/balance", "account.balance", |call| {
        Box::pin(balance(call))
    })
    .in_project(Perm::ViewMoney)
    .says("户的账本余额", "What the ledger says the account's purses hold")
    .answers::<Balances>(200),
];

/// An account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccountView {
    /// The account.
    pub id: Uuid,
    /// The number people see.
    #[schema(example = "A0502")]
    pub account_no: String,
    /// The room.
    pub room_id: Uuid,
    /// The tenant's name.
    #[schema(example = "王**")]
    pub name: String,
    /// The tenant's phone.
    #[schema(example = "138****0007")]
    pub phone: Option<String>,
    /// The number the meters know.
    #[schema(example = "000000000502")]
    pub customer_no: String,
    /// `open` or `closed`.
    #[schema(example = "open")]
    pub state: String,
    /// True for people who are never cut off.
    pub protected: bool,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

page_of!(
    /// Accounts.
    AccountPage,
    AccountView
);

/// An account to be opened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The room.
    pub room_id: Uuid,
    /// The number people see; unique in the project.
    #[schema(example = "A0502")]
    pub account_no: String,
    /// The tenant's name.
    #[schema(example = "王小明")]
    pub name: String,
    /// The tenant's phone.
    #[serde(default)]
    #[schema(example = "13800000007")]
    pub phone: Option<String>,
    /// The number the meters know, twelve digits.
    #[schema(example = "000000000502")]
    pub customer_no: String,
    /// True for people who are never cut off.
    #[serde(default)]
    pub protected: bool,
}

/// What an account holds, by purpose.
#[derive(Serialize, ToSchema)]
pub struct Balances {
    /// One purse per purpose.
    pub items: Vec<PurseView>,
}

/// A purse.
#[derive(Serialize, ToSchema)]
pub struct PurseView {
    /// `electricity`, `water` or `gas`.
    pub purpose: String,
    /// What is in it, in fen; negative when something is owed.
    #[schema(example = 5000)]
    pub balance_fen: i64,
    /// What of it is on its way to a meter.
    #[schema(example = 0)]
    pub held_fen: i64,
}

async fn list(call: Call) -> Result<Answer> {
    let (page, page_size) = call.query::<Paging>()?.bounds()?;
    let project = call.project()?;
    let rows = account::list(call.house().store().read(), project).await?;
    let total = rows.len();
    let access = call.caller()?.reach.access(project, Perm::ManageAccounts);
    let masked = access != Access::Granted;
    let rows = cut(rows, page, page_size).into_iter();
    let items = rows.map(|row| view(row, masked)).collect();
    Answer::ok(&AccountPage { items, total, page, page_size })
}

async fn open(call: Call) -> Result<Answer> {
    let wish: NewAccount = call.body()?;
    if wish.phone.as_deref().is_some_and(|phone| !is_phone(phone)) {
        return Err(Problem::malformed("phone"));
    }
    let wish = OpenAccount {
        room: RoomId(wish.room_id),
        account_no: wish.account_no,
        name: wish.name,
        phone: wish.phone,
        customer_no: wish.customer_no,
        protected: wish.protected,
    };
    Answer::created(&view(call.house().open_account(call.project()?, wish).await?, false))
}

async fn close(call: Call) -> Result<Answer> {
    let id: AccountId = call.id("account")?;
    let (project, operator) = (call.project()?, call.caller()?.id());
    call.house().close_account(project, id, operator).await?;
    let row = account::by_id(call.house().store().read(), project, id).await?;
    Answer::ok(&view(row.ok_or_else(|| Problem::not_found("account"))?, false))
}

async fn balance(call: Call) -> Result<Answer> {
    let id: AccountId = call.id("account")?;
    let (project, db) = (call.project()?, call.house().store().read());
    account::by_id(db, project, id).await?.ok_or_else(|| Problem::not_found("account"))?;
    let mut items = Vec::new();
    for purpose in Purpose::ALL {
        let purse = posting::purse_of(id, purpose);
        let balance = store::ledger::balance(db, project, purse).await?;
        items.push(PurseView {
            purpose: purpose.as_str().to_owned(),
            balance_fen: balance.posted.fen(),
            held_fen: balance.held.fen(),
        });
    }
    Answer::ok(&Balances { items })
}

fn view(row: Account, masked: bool) -> AccountView {
    let (name, phone) = if masked {
        (masked_name(&row.name), row.phone.as_deref().map(masked_phone))
    } else {
        (row.name, row.phone)
    };
    AccountView {
        id: row.id,
        account_no: row.account_no,
        room_id: row.room_id,
        name,
        phone,
        customer_no: row.customer_no,
        state: row.state,
        protected: row.protected,
        opened_at: row.opened_at,
        closed_at: row.closed_at,
    }
}

/// The first character and how many follow, at most three.
fn masked_name(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(String::from).unwrap_or_default();
    first + &"*".repeat(characters.count().clamp(1, 3))
}

/// The first three and last four digits of a mobile number; of anything shorter nothing.
fn masked_phone(phone: &str) -> String {
    if phone.len() < 10 || !phone.is_ascii() {
        return "****".to_owned();
    }
    format!("{}****{}", &phone[..3], &phone[phone.len() - 4..])
}

fn is_phone(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b' ');
    (5..=20).contains(&text.len()) && text.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_person_cannot_be_called_or_named() {
        let names = [("王小明", "王**"), ("王", "王*"), ("欧阳娜娜先生", "欧***"), ("", "*")];
        for (name, want) in names {
            assert_eq!(masked_name(name), want);
        }
        let phones = [("13812340007", "138****0007"), ("1234", "****"), ("电话一三八零零", "****")];
        for (phone, want) in phones {
            assert_eq!(masked_phone(phone), want);
        }
    }
}

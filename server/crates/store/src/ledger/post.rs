//! Booking one transaction, by the rules of `ledger::Book`.

use std::collections::BTreeMap;

use domain::{Money, ProjectId};
use ledger::{Balance, Hold, HoldChange, HoldState, LedgerAccount, Outcome, Refusal, Transaction};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    Statement, Value,
};

use super::{
    Booking,
    rows::{read_hold, read_transaction},
};
use crate::{
    StoreError, Tx,
    bulk::{self, Rows},
    credit::sql_of_books,
    entity::{hold, ledger_transaction, posting, purse},
    row,
};

/// Books a transaction, wholly or not at all, and brings its purses up to date.
///
/// Invariant: a key is booked once for ever; a replay answers [`Outcome::Exists`], a contradicting
/// replay is refused and names the field (I3); proved by
/// `a_replay_exists_and_a_contradiction_names_its_field`.
///
/// Errors: [`StoreError::Books`] with the ledger's refusal; nothing is written then, but the
/// closure has to answer `Err` for what it wrote before.
pub async fn post(tx: &Tx, booking: &Booking) -> Result<Outcome, StoreError> {
    let transaction = &booking.transaction;
    if let Some(known) = by_key(tx, booking.project, transaction.key.as_str()).await? {
        return match known.contradicts(transaction) {
            None => Ok(Outcome::Exists),
            Some(field) => Err(Refusal::Contradiction { field }.into()),
        };
    }
    check_shape(transaction)?;
    let mut draft = Draft::open(tx, booking).await?;
    let hold = draft.change_hold(transaction)?;
    draft.post(transaction)?;
    draft.write(tx, booking).await?;
    write_hold(tx, booking.project, hold).await?;
    let sql = sql_of_books(tx.get_database_backend());
    let (row, lines) = (booking.transaction_row(), booking.posting_rows().collect::<Vec<_>>());
    bulk::execute(tx, sql.transaction, Rows::of([&row])).await?;
    bulk::execute(tx, sql.posting, Rows::of(&lines)).await?;
    Ok(Outcome::Applied)
}

/// The transaction a key booked.
pub async fn by_key<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    key: &str,
) -> Result<Option<Transaction>, StoreError> {
    let found = ledger_transaction::Entity::find()
        .filter(ledger_transaction::Column::ProjectId.eq(project.0))
        .filter(ledger_transaction::Column::Key.eq(key))
        .one(db)
        .await?;
    let Some(row) = found else { return Ok(None) };
    let postings = posting::Entity::find()
        .filter(posting::Column::ProjectId.eq(row.project_id))
        .filter(posting::Column::TransactionId.eq(row.id))
        .order_by_asc(posting::Column::Line)
        .all(db)
        .await?;
    let hold = match row.hold_id {
        Some(id) => hold::Entity::find_by_id((row.project_id, id)).one(db).await?,
        None => None,
    };
    Ok(Some(read_transaction(&row, &postings, hold.as_ref())?))
}

fn check_shape(transaction: &Transaction) -> Result<(), Refusal> {
    if transaction.postings.is_empty() && transaction.hold.is_none() {
        return Err(Refusal::Empty);
    }
    if transaction.postings.len() > Transaction::POSTINGS_MAX {
        return Err(Refusal::TooLong);
    }
    Ok(())
}

/// The purses a transaction touches: as they are, and as it would leave them.
struct Draft {
    purses: BTreeMap<LedgerAccount, Purse>,
    /// The hold named by the transaction, if it is known.
    known: Option<Hold>,
}

#[derive(Clone, Copy)]
struct Purse {
    before: Balance,
    after: Balance,
    /// `None` for a purse that has no row yet.
    version: Option<i64>,
}

impl Draft {
    async fn open(tx: &Tx, booking: &Booking) -> Result<Draft, StoreError> {
        let transaction = &booking.transaction;
        let project = booking.project.0;
        let mut known = None;
        if let Some(change) = &transaction.hold {
            let id = (project, change.id().0);
            let row = hold::Entity::find_by_id(id).one(tx).await?;
            known = row.as_ref().map(read_hold).transpose()?;
        }
        let named = transaction.postings.iter().flat_map(|p| [p.debit(), p.credit()]);
        let held = known.map(|hold| hold.account);
        let placed = match transaction.hold {
            Some(HoldChange::Place { account, .. }) => Some(account),
            _ => None,
        };
        let accounts = named.chain(held).chain(placed).filter(|account| account.keeps_balance());
        let mut purses: BTreeMap<LedgerAccount, Purse> =
            accounts.map(|account| (account, Purse::nothing())).collect();
        // In the order of their texts, like every other lock on purses, so that nobody deadlocks.
        let mut texts: Vec<_> = purses.keys().map(|a| (a.to_string(), *a)).collect();
        texts.sort();
        for (text, account) in texts {
            if let Some(row) = lock_purse(tx, project, &text).await? {
                purses.insert(account, Purse::read(&row));
            }
        }
        Ok(Draft { purses, known })
    }

    /// The hold as the transaction leaves it.
    fn change_hold(&mut self, transaction: &Transaction) -> Result<Option<Hold>, Refusal> {
        match transaction.hold {
            None => Ok(None),
            Some(change @ HoldChange::Place { .. }) => self.place(transaction, change).map(Some),
            Some(change) => self.end(transaction, change).map(Some),
        }
    }

    fn place(&mut self, transaction: &Transaction, change: HoldChange) -> Result<Hold, Refusal> {
        let HoldChange::Place { id, account, amount, expires_at } = change else {
            return Err(Refusal::UnknownHold);
        };
        if self.known.is_some() {
            return Err(Refusal::HoldExists);
        }
        let purse = self.purses.get_mut(&account).ok_or(Refusal::NoHoldsHere)?;
        let available = purse.after.available();
        if available.fen() < amount.fen() {
            return Err(Refusal::NotEnough { account, available });
        }
        let held = purse.after.held.checked_add(amount);
        purse.after.held = held.map_err(|_| Refusal::Overflow)?;
        let (state, placed_at) = (HoldState::Held, transaction.at);
        Ok(Hold { id, account, amount, state, placed_at, expires_at, ended_at: None })
    }

    fn end(&mut self, transaction: &Transaction, change: HoldChange) -> Result<Hold, Refusal> {
        let hold = self.known.ok_or(Refusal::UnknownHold)?;
        if hold.state != HoldState::Held {
            return Err(Refusal::HoldEnded { state: hold.state });
        }
        let state = match change {
            HoldChange::Post { .. } if !moves_exactly(transaction, &hold) => {
                return Err(Refusal::HoldMismatch);
            }
            HoldChange::Expire { .. } if hold.expires_at.is_none_or(|end| transaction.at < end) => {
                return Err(Refusal::NotExpired);
            }
            HoldChange::Post { .. } => HoldState::Posted,
            HoldChange::Expire { .. } => HoldState::Expired,
            HoldChange::Place { .. } | HoldChange::Void { .. } => HoldState::Void,
        };
        let purse = self.purses.get_mut(&hold.account).ok_or(Refusal::NoHoldsHere)?;
        let held = purse.after.held.checked_sub(hold.amount);
        purse.after.held = held.map_err(|_| Refusal::Overflow)?;
        Ok(Hold { state, ended_at: Some(transaction.at), ..hold })
    }

    fn post(&mut self, transaction: &Transaction) -> Result<(), Refusal> {
        let mut add = |account: LedgerAccount, amount: Result<Money, _>| {
            let Some(purse) = self.purses.get_mut(&account) else { return Ok(()) };
            let posted = amount.and_then(|amount| purse.after.posted.checked_add(amount));
            purse.after.posted = posted.map_err(|_| Refusal::Overflow)?;
            Ok(())
        };
        for posting in &transaction.postings {
            add(posting.debit(), posting.amount().checked_neg())?;
            add(posting.credit(), Ok(posting.amount()))?;
        }
        // Posted holds are on the meter already, and what was used was used: the books follow.
        let follows = matches!(transaction.hold, Some(HoldChange::Post { .. }));
        if follows || transaction.template.allows_arrears() {
            return Ok(());
        }
        for posting in &transaction.postings {
            let account = posting.debit();
            match self.purses.get(&account) {
                Some(purse) if purse.after.available().is_negative() => {
                    let available = purse.before.available();
                    return Err(Refusal::NotEnough { account, available });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes the purses by compare-and-set on their versions.
    async fn write(&self, tx: &Tx, booking: &Booking) -> Result<(), StoreError> {
        for (account, purse) in &self.purses {
            let new = purse::Model {
                project_id: booking.project.0,
                ledger_account: account.to_string(),
                balance_fen: purse.after.posted.fen(),
                held_fen: purse.after.held.fen(),
                version: purse.version.unwrap_or(0) + 1,
                updated_at: booking.transaction.at,
            };
            let Some(version) = purse.version else {
                // On PostgreSQL another first booking of this purse may win: a conflict, no harm.
                row::insert(tx, new).await.map_err(|_| StoreError::Conflict)?;
                continue;
            };
            let change = purse::ActiveModel {
                balance_fen: Set(new.balance_fen),
                held_fen: Set(new.held_fen),
                version: Set(new.version),
                updated_at: Set(new.updated_at),
                ..Default::default()
            };
            let done = purse::Entity::update_many()
                .set(change)
                .filter(purse::Column::ProjectId.eq(new.project_id))
                .filter(purse::Column::LedgerAccount.eq(new.ledger_account))
                .filter(purse::Column::Version.eq(version))
                .exec(tx)
                .await?;
            if done.rows_affected != 1 {
                return Err(StoreError::Conflict);
            }
        }
        Ok(())
    }
}

impl Purse {
    fn nothing() -> Self {
        Purse { before: Balance::ZERO, after: Balance::ZERO, version: None }
    }

    fn read(row: &purse::Model) -> Self {
        let (posted, held) = (Money::from_fen(row.balance_fen), Money::from_fen(row.held_fen));
        let balance = Balance { posted, held };
        Purse { before: balance, after: balance, version: Some(row.version) }
    }
}

/// True when the postings take exactly the held amount out of the held account.
fn moves_exactly(transaction: &Transaction, hold: &Hold) -> bool {
    match transaction.postings.as_slice() {
        [posting] => posting.debit() == hold.account && posting.amount() == hold.amount,
        _ => false,
    }
}

/// Reads a purse; on PostgreSQL it stays locked to the end of the transaction. SQLite has only
/// one writer.
async fn lock_purse(
    tx: &Tx,
    project: i64,
    account: &str,
) -> Result<Option<purse::Model>, StoreError> {
    let lock = if tx.is_sqlite() { "" } else { " for update" };
    let sql = format!("select * from purse where project_id = $1 and ledger_account = $2{lock}");
    let values: [Value; 2] = [project.into(), account.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    Ok(purse::Entity::find().from_raw_sql(statement).one(tx).await?)
}

async fn write_hold(tx: &Tx, project: ProjectId, hold: Option<Hold>) -> Result<(), StoreError> {
    let Some(hold) = hold else { return Ok(()) };
    let row = hold::Model {
        project_id: project.0,
        id: hold.id.0,
        ledger_account: hold.account.to_string(),
        amount_fen: hold.amount.fen(),
        state: hold.state.as_str().to_owned(),
        created_at: hold.placed_at,
        expires_at: hold.expires_at,
        ended_at: hold.ended_at,
    };
    if hold.state == HoldState::Held {
        return row::insert(tx, row).await;
    }
    let change = hold::ActiveModel {
        state: Set(row.state),
        ended_at: Set(row.ended_at),
        ..Default::default()
    };
    let done = hold::Entity::update_many()
        .set(change)
        .filter(hold::Column::ProjectId.eq(row.project_id))
        .filter(hold::Column::Id.eq(row.id))
        .filter(hold::Column::State.eq("held"))
        .exec(tx)
        .await?;
    if done.rows_affected == 1 { Ok(()) } else { Err(StoreError::Conflict) }
}

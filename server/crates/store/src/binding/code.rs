//! The code printed for an account: whoever holds the paper lives there (S19).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, Utc};
use domain::{AccountId, BindingProof, ProjectId};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter,
    sea_query::{Expr, OnConflict},
};

use super::{Bind, Bound, bind, take_open};
use crate::{StoreError, Tx, entity::binding_code};

/// A printed code as stored.
pub type PrintedCode = binding_code::Model;

/// How often a printed code may be said wrong before staff have to print another. It ends what the
/// budgets let through: ten million of 30^10 codes are a chance of one in sixty million. No
/// stranger gets there: the budgets of a meter let through fewer in the life of a print.
pub const TRIES_MAX: i64 = 10_000_000;
/// The most persons that may bind with one print.
pub const USES_MAX: i64 = 10;

/// What is compared where there is no print: the hash of nothing.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Keeps the code of a print; the one before it no longer works.
pub async fn print(tx: &Tx, code: PrintedCode) -> Result<(), StoreError> {
    use binding_code::Column::{CodeHash, ExpiresAt, PrintedAt, PrintedBy, Tries, UsesLeft};
    let key = [binding_code::Column::ProjectId, binding_code::Column::AccountId];
    let replace = OnConflict::columns(key)
        .update_columns([CodeHash, PrintedAt, PrintedBy, ExpiresAt, UsesLeft, Tries])
        .to_owned();
    binding_code::Entity::insert(code.into_active_model().reset_all())
        .on_conflict(replace)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The code printed for an account, good or not.
pub async fn of_account<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    account: AccountId,
) -> Result<Option<PrintedCode>, StoreError> {
    Ok(binding_code::Entity::find_by_id((project.0, account.0)).one(db).await?)
}

/// Binds with a printed code. The caller answers `Ok` whatever it is told, because a wrong try
/// has to be counted.
///
/// Invariant: a print binds no more persons than it has uses, and is looked at [`TRIES_MAX`]
/// times; proved by `a_print_binds_as_many_as_it_has_uses`.
pub async fn redeem(
    tx: &Tx,
    wish: &Bind,
    code_hash: &str,
    now: DateTime<Utc>,
) -> Result<Bound, StoreError> {
    // The account before the code, as in its closing: in one order nobody waits for each other.
    // Whatever is missing, the same questions are asked: time tells nobody which home there is.
    let is_open = take_open(tx, wish.project, wish.account).await?;
    let counted = binding_code::Entity::update_many()
        .col_expr(binding_code::Column::Tries, Expr::col(binding_code::Column::Tries).add(1))
        .filter(binding_code::Column::ProjectId.eq(wish.project.0))
        .filter(binding_code::Column::AccountId.eq(wish.account.0))
        .filter(binding_code::Column::ExpiresAt.gt(now))
        .filter(binding_code::Column::UsesLeft.gt(0))
        .filter(binding_code::Column::Tries.lt(TRIES_MAX))
        .exec(tx)
        .await?;
    let print = of_account(tx, wish.project, wish.account).await?;
    let kept = print.as_ref().map_or(NO_HASH, |print| print.code_hash.as_str());
    let fits = verify_slices_are_equal(kept.as_bytes(), code_hash.as_bytes()).is_ok();
    if !is_open || counted.rows_affected != 1 || print.is_none() || !fits {
        return Ok(Bound::Refused);
    }
    let bound = bind(tx, &Bind { proof: BindingProof::Code, ..*wish }, now).await?;
    // A right code clears the wrong tries before it; only a new binding costs a use.
    let cost = i64::from(matches!(bound, Bound::New(_)));
    let left = Expr::col(binding_code::Column::UsesLeft).sub(cost);
    binding_code::Entity::update_many()
        .col_expr(binding_code::Column::Tries, Expr::value(0))
        .col_expr(binding_code::Column::UsesLeft, left)
        .filter(binding_code::Column::ProjectId.eq(wish.project.0))
        .filter(binding_code::Column::AccountId.eq(wish.account.0))
        .exec(tx)
        .await?;
    Ok(bound)
}

/// Takes the code of an account away.
pub(super) async fn remove(
    tx: &Tx,
    project: ProjectId,
    account: AccountId,
) -> Result<(), StoreError> {
    binding_code::Entity::delete_by_id((project.0, account.0)).exec(tx).await?;
    Ok(())
}

//! How many subscription messages WeChat lets us send: one for each "accept" of a tap. WeChat
//! tells nobody the number, so it is counted here (`payments.md` C9).

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, Statement, Value, sea_query::Expr,
};

use crate::{StoreError, Tx, entity::subscription_quota};

/// A count as stored.
pub type Quota = subscription_quota::Model;

/// The highest count kept; more taps say nothing new.
pub const LEFT_MAX: i64 = 100;
/// The most templates one list answers with.
pub const LIST_MAX: u64 = 50;

/// Which messages are counted: a template, to an openid of an app.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The mini-program.
    pub app_id: String,
    /// Whom the message goes to.
    pub openid: String,
    /// The template.
    pub template_id: String,
}

impl std::fmt::Debug for Subscription {
    // The openid is personal and stays out of logs (S13).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} for ***", self.template_id, self.app_id)
    }
}

/// Counts an "accept".
pub async fn add(tx: &Tx, to: &Subscription, now: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = format!(
        "insert into subscription_quota \
         (app_id, openid, template_id, messages_left, updated_at) values ($1, $2, $3, 1, $4) \
         on conflict (app_id, openid, template_id) do update set \
         messages_left = subscription_quota.messages_left + 1, updated_at = $4 \
         where subscription_quota.messages_left < {LEFT_MAX}"
    );
    let values: [Value; 4] = [
        to.app_id.clone().into(),
        to.openid.clone().into(),
        to.template_id.clone().into(),
        now.into(),
    ];
    let backend = tx.get_database_backend();
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(())
}

/// Takes one message from the count before it is sent; `false` if none is left.
///
/// Invariant: no more messages are sent than were accepted, however many are sent at once; proved
/// by `of_a_hundred_sendings_as_many_go_out_as_were_accepted`.
pub async fn spend(tx: &Tx, to: &Subscription, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let less = Expr::col(subscription_quota::Column::MessagesLeft).sub(1);
    let done = subscription_quota::Entity::update_many()
        .col_expr(subscription_quota::Column::MessagesLeft, less)
        .col_expr(subscription_quota::Column::UpdatedAt, Expr::value(now))
        .filter(subscription_quota::Column::AppId.eq(&to.app_id))
        .filter(subscription_quota::Column::Openid.eq(&to.openid))
        .filter(subscription_quota::Column::TemplateId.eq(&to.template_id))
        .filter(subscription_quota::Column::MessagesLeft.gt(0))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Sets a count to nothing: WeChat said 43101, or the person refused the template for good.
pub async fn clear(tx: &Tx, to: &Subscription, now: DateTime<Utc>) -> Result<(), StoreError> {
    let set = subscription_quota::ActiveModel {
        messages_left: Set(0),
        updated_at: Set(now),
        ..Default::default()
    };
    subscription_quota::Entity::update_many()
        .set(set)
        .filter(subscription_quota::Column::AppId.eq(&to.app_id))
        .filter(subscription_quota::Column::Openid.eq(&to.openid))
        .filter(subscription_quota::Column::TemplateId.eq(&to.template_id))
        .exec(tx)
        .await?;
    Ok(())
}

/// The counts of an openid in an app, by template.
pub async fn of_openid<C: ConnectionTrait>(
    db: &C,
    app_id: &str,
    openid: &str,
) -> Result<Vec<Quota>, StoreError> {
    let found = subscription_quota::Entity::find()
        .filter(subscription_quota::Column::AppId.eq(app_id))
        .filter(subscription_quota::Column::Openid.eq(openid))
        .order_by_asc(subscription_quota::Column::TemplateId)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

//! What becomes of a notice in each channel. An attempt is counted before it is made, so that
//! whoever comes back from a crash knows that one may have got out.

use chrono::{DateTime, Utc};
use domain::{DeliveryState, NoticeChannel, NoticeId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

use super::Notice;
use crate::{
    StoreError, Tx,
    entity::{notice, notice_delivery},
    row,
};

/// A notice in one channel, as stored.
pub type Delivery = notice_delivery::Model;

/// The most attempts to send a notice through one channel.
pub const ATTEMPTS_MAX: i64 = 6;
/// Why a delivery has failed whose last attempt was lost half way.
pub const EXHAUSTED: &str = "notice.exhausted";
/// The most deliveries one list answers with.
pub const LIST_MAX: u64 = 500;

impl Delivery {
    /// The project of the notice.
    pub fn project(&self) -> ProjectId {
        ProjectId(self.project_id)
    }

    /// The notice.
    pub fn notice(&self) -> NoticeId {
        NoticeId(self.notice_id)
    }

    /// Through which channel.
    pub fn channel(&self) -> Result<NoticeChannel, StoreError> {
        row::named("notice_delivery", "channel", self.notice_id, &self.channel)
    }

    /// What became of it.
    pub fn state(&self) -> Result<DeliveryState, StoreError> {
        row::named("notice_delivery", "state", self.notice_id, &self.state)
    }
}

/// The deliveries of notices, which are those of one list.
pub async fn of_notices<C: ConnectionTrait>(
    db: &C,
    notices: &[Notice],
) -> Result<Vec<Delivery>, StoreError> {
    let projects: std::collections::BTreeSet<_> = notices.iter().map(|n| n.project_id).collect();
    let found = notice_delivery::Entity::find()
        .filter(notice_delivery::Column::ProjectId.is_in(projects))
        .filter(notice_delivery::Column::NoticeId.is_in(notices.iter().map(|n| n.id)))
        .order_by_asc(notice_delivery::Column::Channel)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// The newest deliveries of a project with their notices, what failed before everything else.
pub async fn of_project<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<(Delivery, Notice)>, StoreError> {
    let failed_first = Expr::cust("case when state = 'failed' then 0 else 1 end");
    let rows = notice_delivery::Entity::find()
        .filter(notice_delivery::Column::ProjectId.eq(project.0))
        .filter(notice_delivery::Column::Channel.ne(NoticeChannel::InApp.as_str()))
        .order_by_asc(failed_first)
        .order_by_desc(notice_delivery::Column::NoticeId)
        .order_by_asc(notice_delivery::Column::Channel)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    let ids: std::collections::BTreeSet<_> = rows.iter().map(|row| row.notice_id).collect();
    let notices = notice::Entity::find()
        .filter(notice::Column::ProjectId.eq(project.0))
        .filter(notice::Column::Id.is_in(ids))
        .all(db)
        .await?;
    let of = |row: Delivery| {
        let found = notices.iter().find(|notice| notice.id == row.notice_id).cloned();
        found.map(|notice| (row, notice))
    };
    Ok(rows.into_iter().filter_map(of).collect())
}

/// Deliveries whose moment has come, over all projects, the longest waiting first. The state is
/// written out, because an index of some rows serves no parameter.
pub async fn due<C: ConnectionTrait>(
    db: &C,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Delivery>, StoreError> {
    let found = notice_delivery::Entity::find()
        .filter(Expr::cust("state = 'waiting'"))
        .filter(notice_delivery::Column::NextAt.lte(now))
        .order_by_asc(notice_delivery::Column::NextAt)
        .limit(Ord::min(limit, LIST_MAX))
        .all(db)
        .await?;
    Ok(found)
}

/// Takes a delivery for an attempt and says when it is anybody's again; `None` if it is not due or
/// somebody else has it. One that was tried [`ATTEMPTS_MAX`] times without an end has failed.
///
/// The reason of the attempt before is taken away with it. A count above none without a reason
/// therefore means that an attempt was lost half way: a channel that cannot tell a repeat (SMS,
/// `payments.md` D3) ends it as failed instead of sending again.
///
/// Invariant: of several that want to send one goes on, because the count is part of the
/// condition; proved by `a_due_delivery_is_taken_by_one`.
pub async fn begin(
    tx: &Tx,
    delivery: &Delivery,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Delivery>, StoreError> {
    if delivery.attempts >= ATTEMPTS_MAX {
        let why = Some(EXHAUSTED.to_owned());
        finish(tx, delivery, DeliveryState::Failed, None, why, now).await?;
        return Ok(None);
    }
    let attempts = Expr::col(notice_delivery::Column::Attempts).add(1);
    let done = notice_delivery::Entity::update_many()
        .col_expr(notice_delivery::Column::Attempts, attempts)
        .col_expr(notice_delivery::Column::NextAt, Expr::value(until))
        .col_expr(notice_delivery::Column::UpdatedAt, Expr::value(now))
        .col_expr(notice_delivery::Column::Why, Expr::value(None::<String>))
        .filter(notice_delivery::Column::ProjectId.eq(delivery.project_id))
        .filter(notice_delivery::Column::NoticeId.eq(delivery.notice_id))
        .filter(notice_delivery::Column::Channel.eq(&delivery.channel))
        .filter(notice_delivery::Column::State.eq(DeliveryState::Waiting.as_str()))
        .filter(notice_delivery::Column::Attempts.eq(delivery.attempts))
        .filter(notice_delivery::Column::NextAt.lte(now))
        .exec(tx)
        .await?;
    let taken = Delivery {
        attempts: delivery.attempts + 1,
        next_at: Some(until),
        why: None,
        updated_at: now,
        ..delivery.clone()
    };
    Ok((done.rows_affected == 1).then_some(taken))
}

/// Puts a delivery off after a failure that may pass; after the last attempt it has failed.
pub async fn put_off(
    tx: &Tx,
    taken: &Delivery,
    next_at: DateTime<Utc>,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let over = taken.attempts >= ATTEMPTS_MAX;
    let state = if over { DeliveryState::Failed } else { DeliveryState::Waiting };
    let set = notice_delivery::ActiveModel {
        state: Set(state.as_str().to_owned()),
        next_at: Set((!over).then_some(next_at)),
        why: Set(Some(why.to_owned())),
        updated_at: Set(now),
        ..Default::default()
    };
    write(tx, taken, set).await
}

/// Ends an attempt: `sent` with the provider's number, `failed` or `skipped` with the reason.
pub async fn finish(
    tx: &Tx,
    taken: &Delivery,
    state: DeliveryState,
    provider_message: Option<String>,
    why: Option<String>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let set = notice_delivery::ActiveModel {
        state: Set(state.as_str().to_owned()),
        next_at: Set(None),
        provider_message: Set(provider_message),
        why: Set(why),
        updated_at: Set(now),
        ..Default::default()
    };
    write(tx, taken, set).await
}

/// Only while it waits, and only by whoever made the last attempt.
async fn write(
    tx: &Tx,
    taken: &Delivery,
    set: notice_delivery::ActiveModel,
) -> Result<(), StoreError> {
    notice_delivery::Entity::update_many()
        .set(set)
        .filter(notice_delivery::Column::ProjectId.eq(taken.project_id))
        .filter(notice_delivery::Column::NoticeId.eq(taken.notice_id))
        .filter(notice_delivery::Column::Channel.eq(&taken.channel))
        .filter(notice_delivery::Column::State.eq(DeliveryState::Waiting.as_str()))
        .filter(notice_delivery::Column::Attempts.eq(taken.attempts))
        .exec(tx)
        .await?;
    Ok(())
}

/// Notes the provider's own report about a message it took: arrived or not. A report about
/// nothing we sent, or a second one, changes nothing; answers how many rows it told of.
pub async fn report(
    tx: &Tx,
    channel: NoticeChannel,
    provider_message: &str,
    arrived: bool,
    why: Option<String>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let state = if arrived { DeliveryState::Delivered } else { DeliveryState::Failed };
    let set = notice_delivery::ActiveModel {
        state: Set(state.as_str().to_owned()),
        why: Set(why),
        updated_at: Set(now),
        ..Default::default()
    };
    let done = notice_delivery::Entity::update_many()
        .set(set)
        .filter(notice_delivery::Column::ProviderMessage.eq(provider_message))
        .filter(notice_delivery::Column::Channel.eq(channel.as_str()))
        .filter(notice_delivery::Column::State.eq(DeliveryState::Sent.as_str()))
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

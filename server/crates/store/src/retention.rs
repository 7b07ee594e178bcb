//! Evidence that is kept for a while and no longer: forgotten by its age, a bounded number at a
//! time. The books, the orders and their timelines are never forgotten.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ProjectId;
use sea_orm::{ConnectionTrait, Statement, Value};
use uuid::{Builder, Uuid};

use crate::{StoreError, Tx, rate};

/// The most rows forgotten in one go, whatever is asked for.
pub const FORGET_MAX: u64 = 10_000;

/// What is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Bytes that went over the wire for a vend or a command.
    Frames,
    /// Readings that were not plausible.
    QuarantinedReadings,
    /// Callbacks that fitted nothing.
    Messages,
    /// Who lived where before, after a binding has ended.
    EndedBindings,
    /// Requests to be bound, decided or not.
    BindingRequests,
    /// Notices to persons, read or not.
    Notices,
    /// What became of them.
    NoticeDeliveries,
}

impl Evidence {
    /// All of it.
    pub const ALL: [Evidence; 7] = [
        Evidence::Frames,
        Evidence::QuarantinedReadings,
        Evidence::Messages,
        Evidence::EndedBindings,
        Evidence::BindingRequests,
        Evidence::Notices,
        Evidence::NoticeDeliveries,
    ];
}

/// Forgets evidence of a project from before a moment, the oldest first; answers how many rows.
pub async fn forget(
    tx: &Tx,
    what: Evidence,
    project: ProjectId,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<u64, StoreError> {
    // The ids of frames and readings are ordered by time, so their keys find the oldest.
    let (table, column, bound): (_, _, Value) = match what {
        Evidence::Frames => ("frame_log", "id", first_id(before).into()),
        Evidence::QuarantinedReadings => ("reading_quarantine", "id", first_id(before).into()),
        Evidence::Messages => ("inbox", "received_at", before.into()),
        Evidence::EndedBindings => ("binding", "ended_at", before.into()),
        Evidence::BindingRequests => ("binding_request", "id", first_id(before).into()),
        Evidence::Notices => ("notice", "id", first_id(before).into()),
        Evidence::NoticeDeliveries => ("notice_delivery", "notice_id", first_id(before).into()),
    };
    let key = if table == "notice_delivery" { "notice_id" } else { "id" };
    let sql = format!(
        "delete from {table} where project_id = $1 and {key} in \
         (select {key} from {table} where project_id = $2 and {column} < $3 \
         order by {column} limit $4)"
    );
    let limit = i64::try_from(limit.min(FORGET_MAX)).unwrap_or(0);
    let values: [Value; 4] = [project.0.into(), project.0.into(), bound, limit.into()];
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(done.rows_affected())
}

/// What is kept outside any project for a while: ended sign-ins, and what was only good for
/// minutes. Phone numbers and addresses go with it (PIPL art. 19: no longer than needed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// Sign-ins of persons, by the end of their time.
    Sessions,
    /// Tickets of sign-in pages, by the end of their time.
    Tickets,
    /// Codes sent by SMS, with the number they went to, by the end of their time.
    Challenges,
    /// Budgets nobody has spent from since.
    Rates,
    /// Invitations to a home, by the end of their time.
    Invitations,
    /// Tickets of live pages, by the end of their time.
    StreamTickets,
}

impl Passing {
    /// All of it.
    pub const ALL: [Passing; 6] = [
        Passing::Sessions,
        Passing::Tickets,
        Passing::Challenges,
        Passing::Rates,
        Passing::Invitations,
        Passing::StreamTickets,
    ];

    /// How long it is kept after its time: a month for sign-ins and invitations, because a person
    /// may ask who was in their account; a day, the longest window of a budget, for the rest.
    pub fn kept(self) -> TimeDelta {
        match self {
            Passing::Sessions | Passing::Invitations => TimeDelta::days(30),
            _ => rate::WINDOW_MAX,
        }
    }
}

/// Forgets what is past its time and [`Passing::kept`], the oldest first; answers how many rows.
pub async fn forget_passing(
    tx: &Tx,
    what: Passing,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<u64, StoreError> {
    let (table, key, column) = match what {
        Passing::Sessions => ("person_session", "family", "expires_at"),
        Passing::Tickets => ("sign_in_ticket", "hash", "expires_at"),
        Passing::Challenges => ("sms_challenge", "id", "expires_at"),
        Passing::Rates => ("rate", "key", "window_start"),
        Passing::Invitations => ("invitation", "code_hash", "expires_at"),
        Passing::StreamTickets => ("stream_ticket", "hash", "expires_at"),
    };
    let sql = format!(
        "delete from {table} where {key} in \
         (select {key} from {table} where {column} < $1 order by {column} limit $2)"
    );
    let limit = i64::try_from(limit.min(FORGET_MAX)).unwrap_or(0);
    let values: [Value; 2] = [(now - what.kept()).into(), limit.into()];
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(done.rows_affected())
}

/// The smallest id of a moment (UUID version 7, RFC 9562 §5.7).
fn first_id(at: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

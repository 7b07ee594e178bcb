//! What may be spent in a stretch of time: messages, guesses, tries, money for messages (S17).

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, EntityTrait, Statement, Value};

use crate::{StoreError, Tx, entity::rate};

/// What was spent under a name, as stored.
pub type Rate = rate::Model;

/// The longest window a budget may have; older rows are forgotten.
pub const WINDOW_MAX: TimeDelta = TimeDelta::days(1);

/// A bound on what is spent under a name. The window begins with the first that is spent, so that
/// "one a minute" leaves a whole minute between two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What it is a budget of, with a hash where it names a person: `sms:phone:day:5f…`.
    pub key: String,
    /// How long the window is; at most [`WINDOW_MAX`].
    pub window: TimeDelta,
    /// How much may be spent in a window.
    pub max: i64,
}

impl Budget {
    /// A budget under a name.
    pub fn new(key: impl Into<String>, window: TimeDelta, max: i64) -> Budget {
        Budget { key: key.into(), window: window.min(WINDOW_MAX), max }
    }
}

/// One statement both databases read alike: a window that is over, or that lies in the future
/// because a clock was wrong, begins anew; within a window only what fits is added.
const SPEND: &str = "insert into rate (key, window_start, spent) values ($1, $2, $3) \
     on conflict (key) do update set \
     spent = case when rate.window_start > $4 and rate.window_start <= $5 \
       then rate.spent + $3 else $3 end, \
     window_start = case when rate.window_start > $4 and rate.window_start <= $5 \
       then rate.window_start else $2 end \
     where rate.window_start <= $4 or rate.window_start > $5 or rate.spent + $3 <= $6";

/// Spends from a budget; `false` if so much is not left, and nothing is spent then.
///
/// Invariant: however many spend at once, no more than `max` is spent in a window, because one
/// statement looks and adds (S21); proved by `of_a_thousand_at_once_exactly_the_budget_is_spent`.
pub async fn spend(
    tx: &Tx,
    budget: &Budget,
    amount: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    if amount > budget.max || amount < 0 {
        return Ok(false);
    }
    let (over, ahead) = (now - budget.window, now + budget.window);
    // What is exhausted is told by a look: a flood costs no writes.
    let known = rate::Entity::find_by_id(budget.key.clone()).one(tx).await?;
    if known.is_some_and(|r| stands(&r, over, ahead) && r.spent + amount > budget.max) {
        return Ok(false);
    }
    let values: [Value; 6] = [
        budget.key.clone().into(),
        now.into(),
        amount.into(),
        over.into(),
        ahead.into(),
        budget.max.into(),
    ];
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(Statement::from_sql_and_values(backend, SPEND, values)).await?;
    Ok(done.rows_affected() == 1)
}

/// Spends one from each of several budgets, in their order; answers the place of the first that
/// has nothing left. What was spent before it stays spent, so the narrow ones (a phone) come
/// before the wide ones (the site), and nobody can use up the wide ones by knocking at a narrow
/// one.
pub async fn spend_each(
    tx: &Tx,
    budgets: &[Budget],
    now: DateTime<Utc>,
) -> Result<Option<usize>, StoreError> {
    for (place, budget) in budgets.iter().enumerate() {
        if !spend(tx, budget, 1, now).await? {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// What is spent in the present window, and when it ends; `None` if nothing is.
pub async fn spent<C: ConnectionTrait>(
    db: &C,
    budget: &Budget,
    now: DateTime<Utc>,
) -> Result<Option<(i64, DateTime<Utc>)>, StoreError> {
    let known = rate::Entity::find_by_id(budget.key.clone()).one(db).await?;
    let (over, ahead) = (now - budget.window, now + budget.window);
    let standing = known.filter(|r| stands(r, over, ahead));
    Ok(standing.map(|r| (r.spent, r.window_start + budget.window)))
}

fn stands(rate: &Rate, over: DateTime<Utc>, ahead: DateTime<Utc>) -> bool {
    rate.window_start > over && rate.window_start <= ahead
}

//! A batch of credits applied to a transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::{FutureExt, future::BoxFuture};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, TransactionTrait, Value};
use uuid::Uuid;

use super::{CreditUnit, Credited, sql::sql};
use crate::{
    StoreError,
    bulk::{self, Rows},
    entity::{hold, ledger_transaction, order_event, posting, provider_fact},
    error::{Fault, fault},
    ledger::{Movement, movements},
    timeline,
};

/// Applies the credits; every unit has its outcome afterwards. An error means that the whole
/// transaction is lost.
pub(crate) async fn apply(
    outer: &DatabaseTransaction,
    units: &mut [CreditUnit],
) -> Result<(), DbErr> {
    let mut waiting: Vec<usize> = (0..units.len()).collect();
    while !waiting.is_empty() {
        let Rounds { now, copies, later } = split(units, &waiting);
        apply_round(outer, units, &now).await?;
        for (copy, first) in copies {
            units[copy].outcome = Some(match &units[first].outcome {
                Some(Ok(Credited::New)) => Ok(Credited::Already),
                Some(other) => other.clone(),
                None => Err(StoreError::Stopped),
            });
        }
        waiting = later;
    }
    Ok(())
}

/// Who can go in one statement: no order and no fact twice.
struct Rounds {
    now: Vec<usize>,
    /// (copy, the first of its kind): identical facts share one outcome.
    copies: Vec<(usize, usize)>,
    later: Vec<usize>,
}

fn split(units: &[CreditUnit], waiting: &[usize]) -> Rounds {
    let mut facts: HashMap<FactKey<'_>, usize> = HashMap::new();
    let mut orders = HashSet::new();
    let mut rounds = Rounds { now: Vec::new(), copies: Vec::new(), later: Vec::new() };
    for &index in waiting {
        let fact = &units[index].credit.fact;
        let first = facts.get(&fact_key(fact)).copied();
        if let Some(first) = first
            && same_contents(fact, &units[first].credit.fact)
        {
            rounds.copies.push((index, first));
        } else if first.is_some() || !orders.insert((fact.project_id, fact.order_id)) {
            rounds.later.push(index);
        } else {
            facts.insert(fact_key(fact), index);
            rounds.now.push(index);
        }
    }
    rounds
}

type FactKey<'a> = (i64, &'a str, &'a str, &'a str);

fn fact_key(fact: &provider_fact::Model) -> FactKey<'_> {
    (fact.project_id, &fact.provider, &fact.merchant_no, &fact.provider_trade_no)
}

fn same_contents(one: &provider_fact::Model, other: &provider_fact::Model) -> bool {
    one.order_id == other.order_id
        && one.out_trade_no == other.out_trade_no
        && one.amount_fen == other.amount_fen
}

/// Applies credits that do not meet each other. If one of them breaks a rule of the schema the
/// batch is halved until only that one is refused (5X).
fn apply_round<'a>(
    outer: &'a DatabaseTransaction,
    units: &'a mut [CreditUnit],
    round: &'a [usize],
) -> BoxFuture<'a, Result<(), DbErr>> {
    async move {
        if round.is_empty() {
            return Ok(());
        }
        let savepoint = outer.begin().await?;
        let error = match apply_statements(&savepoint, units, round).await {
            Ok(()) => return savepoint.commit().await,
            Err(error) => error,
        };
        if !matches!(fault(&error), Fault::Rule | Fault::Other) {
            return Err(error);
        }
        savepoint.rollback().await?;
        if let [only] = round {
            units[*only].outcome = Some(Err(StoreError::from(error)));
            return Ok(());
        }
        let (left, right) = round.split_at(round.len() / 2);
        apply_round(outer, units, left).await?;
        apply_round(outer, units, right).await
    }
    .boxed()
}

async fn apply_statements(
    db: &DatabaseTransaction,
    units: &mut [CreditUnit],
    round: &[usize],
) -> Result<(), DbErr> {
    let sql = sql(db.get_database_backend());
    let asked = round.iter().map(|i| &units[*i].credit);
    let mut orders = Rows::new();
    asked.for_each(|c| orders.push([c.order.project_id.into(), c.order.id.into()]));
    let payable = ids(bulk::query(db, &sql.payable, orders).await?)?;
    let able = round.iter().filter(|i| payable.contains(&units[**i].credit.order.id));
    let facts = Rows::of(able.map(|i| &units[*i].credit.fact));
    let first = ids(bulk::query(db, &sql.fact, facts).await?)?;

    let (won, lost): (Vec<usize>, Vec<usize>) =
        round.iter().partition(|i| first.contains(&units[**i].credit.fact.id));
    book(db, units, &won).await?;
    for index in won {
        units[index].outcome = Some(Ok(Credited::New));
    }
    classify(db, units, &lost).await
}

fn ids(rows: Vec<QueryResult>) -> Result<HashSet<Uuid>, DbErr> {
    rows.iter().map(|row| row.try_get_by_index::<Uuid>(0)).collect()
}

/// Everything that follows from the facts that were first.
async fn book(db: &DatabaseTransaction, units: &[CreditUnit], won: &[usize]) -> Result<(), DbErr> {
    let sql = sql(db.get_database_backend());
    let won = || won.iter().map(|i| &units[*i].credit);
    let mut orders = Rows::new();
    let mut attempts = Rows::new();
    let mut transactions: Vec<ledger_transaction::Model> = Vec::new();
    let mut postings: Vec<posting::Model> = Vec::new();
    let mut holds: Vec<hold::Model> = Vec::new();
    let mut events: Vec<order_event::Model> = Vec::new();
    let mut purses: BTreeMap<(i64, String), Movement> = BTreeMap::new();
    for credit in won() {
        let project = credit.fact.project_id;
        let trade_no: Value = credit.fact.provider_trade_no.as_str().into();
        orders.push([project.into(), credit.order.id.into(), trade_no, credit.at.into()]);
        if let Some(attempt) = credit.attempt {
            attempts.push([project.into(), attempt.into()]);
        }
        for booking in &credit.bookings {
            movements(booking, &mut purses)?;
            transactions.push(booking.transaction_row());
            postings.extend(booking.posting_rows());
            holds.extend(booking.placed_row());
        }
        events.extend(timeline_rows(credit));
    }
    let moved = bulk::execute(db, &sql.order, orders).await?;
    if moved != won().count() as u64 {
        return Err(DbErr::Custom("an order moved under its lock".to_owned()));
    }
    bulk::execute(db, &sql.attempt, attempts).await?;
    bulk::execute(db, &sql.transaction, Rows::of(&transactions)).await?;
    bulk::execute(db, &sql.posting, Rows::of(&postings)).await?;
    let left = bulk::query(db, &sql.purse, Movement::rows(&purses)).await?;
    check_covered(left, &purses)?;
    bulk::execute(db, &sql.hold, Rows::of(&holds)).await?;
    bulk::execute(db, &sql.vend, Rows::of(won().filter_map(|c| c.vend.as_ref()))).await?;
    bulk::execute(db, &sql.job, Rows::of(won().flat_map(|c| &c.jobs))).await?;
    bulk::execute(db, &sql.event, Rows::of(&events)).await?;
    bulk::execute(db, &sql.item, Rows::of(won().flat_map(|c| &c.items))).await?;
    Ok(())
}

/// What is set aside has to be there (`ledger::Refusal::NotEnough`).
fn check_covered(
    left: Vec<QueryResult>,
    purses: &BTreeMap<(i64, String), Movement>,
) -> Result<(), DbErr> {
    for row in left {
        let key = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let available: i64 = row.try_get_by_index(2)?;
        if available < 0 && purses.get(&key).is_some_and(|moved| moved.held_fen > 0) {
            return Err(DbErr::Custom(format!("{} has not enough to set aside", key.1)));
        }
    }
    Ok(())
}

fn timeline_rows(credit: &super::Credit) -> impl Iterator<Item = order_event::Model> + '_ {
    let order = &credit.order;
    credit.events.iter().map(|(kind, at, detail)| {
        let detail = detail.to_string();
        order_event::Model {
            project_id: order.project_id,
            order_id: order.id,
            id: timeline::row_id(*at, order.order_id(), kind, &detail),
            at: *at,
            kind: kind.clone(),
            detail,
        }
    })
}

/// Tells a repetition from a payment somebody has to look at.
async fn classify(
    db: &DatabaseTransaction,
    units: &mut [CreditUnit],
    lost: &[usize],
) -> Result<(), DbErr> {
    let mut asked = Rows::new();
    for index in lost {
        let fact = &units[*index].credit.fact;
        let (project, provider, merchant, trade) = fact_key(fact);
        let cells: [Value; 5] =
            [fact.id.into(), project.into(), provider.into(), merchant.into(), trade.into()];
        asked.push(cells);
    }
    let mut known = HashMap::new();
    for row in bulk::query(db, &sql(db.get_database_backend()).known, asked).await? {
        let order: Option<Uuid> = row.try_get("", "order_id")?;
        let out_trade_no: String = row.try_get("", "out_trade_no")?;
        let amount_fen: i64 = row.try_get("", "amount_fen")?;
        let verdict: String = row.try_get("", "verdict")?;
        let asked: Uuid = row.try_get("", "asked")?;
        known.insert(asked, (order, out_trade_no, amount_fen, verdict));
    }
    for index in lost {
        let fact = &units[*index].credit.fact;
        let same = known.get(&fact.id).is_some_and(|(order, out_trade_no, amount, verdict)| {
            (*order, out_trade_no, *amount) == (fact.order_id, &fact.out_trade_no, fact.amount_fen)
                && verdict == "credited"
        });
        let outcome = if same { Credited::Already } else { Credited::NeedsReview };
        units[*index].outcome = Some(Ok(outcome));
    }
    Ok(())
}

//! The hot path: each payment once, whoever tells it, however often.

use std::collections::HashMap;

use sea_orm::{EntityTrait, PaginatorTrait};
use store::{
    Credit, Credited, Store, StoreError,
    entity::{hold, job, ledger_transaction, order_event, orders, posting, provider_fact, purse},
};

use crate::{
    base::Base,
    site::{self, PROJECT, at, build, credit, place},
};

/// Tells every credit at the same time; answers what became of each, in order.
async fn tell(store: &Store, credits: Vec<Credit>) -> Vec<Result<Credited, StoreError>> {
    let told = credits.into_iter().map(|credit| {
        let store = store.clone();
        tokio::spawn(async move { store.credit(credit).await })
    });
    let mut answers = Vec::new();
    for answer in told.collect::<Vec<_>>() {
        answers.push(answer.await.unwrap());
    }
    answers
}

fn tally(answers: &[Result<Credited, StoreError>]) -> HashMap<&'static str, usize> {
    let mut tally = HashMap::new();
    for answer in answers {
        let name = match answer {
            Ok(Credited::New) => "new",
            Ok(Credited::Already) => "already",
            Ok(Credited::NeedsReview) => "review",
            Err(StoreError::Refused(_)) => "refused",
            Err(error) => panic!("{error}"),
        };
        *tally.entry(name).or_default() += 1;
    }
    tally
}

/// (facts, transactions, postings, holds, jobs, events, balance, held)
async fn books(store: &Store) -> (u64, u64, u64, u64, u64, u64, i64, i64) {
    let db = store.read();
    let purse =
        purse::Entity::find_by_id((PROJECT.0, site::purse().to_string())).one(db).await.unwrap();
    let (balance, held) = purse.map_or((0, 0), |p| (p.balance_fen, p.held_fen));
    (
        provider_fact::Entity::find().count(db).await.unwrap(),
        ledger_transaction::Entity::find().count(db).await.unwrap(),
        posting::Entity::find().count(db).await.unwrap(),
        hold::Entity::find().count(db).await.unwrap(),
        job::Entity::find().count(db).await.unwrap(),
        order_event::Entity::find().count(db).await.unwrap(),
        balance,
        held,
    )
}

#[tokio::test]
async fn a_credit_moves_everything_at_once() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        place(&store, 0, 1).await;
        let wanted = credit(0, 1);
        assert_eq!(store.credit(wanted.clone()).await.unwrap(), Credited::New);
        assert_eq!(books(&store).await, (1, 2, 1, 1, 1, 1, 5000, 5000));
        let db = store.read();
        let key = (PROJECT.0, wanted.order.id);
        let order = orders::Entity::find_by_id(key).one(db).await.unwrap().unwrap();
        assert_eq!((order.state.as_str(), order.version), ("credited", 2));
        assert_eq!(order.credited_at, Some(at(10)));
        assert_eq!(order.provider_trade_no, Some(wanted.fact.provider_trade_no.clone()));
        // What travelled as JSON reads back to the byte, as if sea-orm had written it.
        let fact = provider_fact::Entity::find().one(db).await.unwrap().unwrap();
        assert_eq!(fact, wanted.fact);
        assert_eq!(job::Entity::find().one(db).await.unwrap().as_ref(), wanted.jobs.first());
        assert_eq!(store.audit(Some(PROJECT)).await.unwrap().posted_fen, 5000);
        base.end().await;
    }
}

#[tokio::test]
async fn a_hundred_parallel_copies_of_a_credit_are_one_credit() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        place(&store, 0, 1).await;
        let answers = tell(&store, vec![credit(0, 1); 100]).await;
        assert_eq!(tally(&answers), HashMap::from([("new", 1), ("already", 99)]));
        let answers = tell(&store, vec![credit(0, 1); 10]).await;
        assert_eq!(tally(&answers), HashMap::from([("already", 10)]));
        assert_eq!(books(&store).await, (1, 2, 1, 1, 1, 1, 5000, 5000));
        base.end().await;
    }
}

#[tokio::test]
async fn a_second_payment_of_the_same_order_is_for_a_person() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        place(&store, 0, 1).await;
        // Five trades for one order, told at once and several times each.
        let told = (0..25).map(|n| credit(0, 1 + n % 5)).collect();
        let answers = tell(&store, told).await;
        assert_eq!(tally(&answers), HashMap::from([("new", 1), ("already", 4), ("review", 20)]));
        assert_eq!(books(&store).await, (1, 2, 1, 1, 1, 1, 5000, 5000));
        base.end().await;
    }
}

#[tokio::test]
async fn a_known_fact_with_other_contents_is_for_a_person() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        place(&store, 0, 2).await;
        assert_eq!(store.credit(credit(0, 1)).await.unwrap(), Credited::New);
        let mut other_amount = credit(0, 1);
        other_amount.fact.amount_fen += 1;
        let mut other_order = credit(1, 1);
        other_order.fact.id = credit(0, 1).fact.id;
        for contradiction in [other_amount, other_order] {
            let answer = store.credit(contradiction).await.unwrap();
            assert_eq!(answer, Credited::NeedsReview);
        }
        base.end().await;
    }
}

#[tokio::test]
async fn an_item_that_breaks_a_rule_is_refused_alone() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        place(&store, 0, 40).await;
        let mut credits = (0..40).map(|n| credit(n, n)).collect::<Vec<_>>();
        credits[17].fact.source = "rumour".into();
        credits[23].bookings[1] = credits[22].bookings[1].clone();
        let answers = tell(&store, credits).await;
        assert_eq!(tally(&answers), HashMap::from([("new", 38), ("refused", 2)]));
        assert!(answers[17].is_err(), "one is refused for its source");
        assert!(answers[22].is_err() || answers[23].is_err(), "one for a booking said twice");
        store.audit(None).await.unwrap();
        assert_eq!(books(&store).await, (38, 76, 38, 38, 38, 38, 38 * 5000, 38 * 5000));
        base.end().await;
    }
}

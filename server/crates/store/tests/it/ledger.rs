//! The books on disk agree with the book in memory, booking by booking.

use domain::{HoldId, Money, ProjectId, Purpose, TransactionId};
use ledger::{
    Book, HoldChange, Key, LedgerAccount, Occurrence, Outcome, Posting, Refusal, Template,
    Transaction,
};
use store::{
    Store, StoreError,
    ledger::{self as books, Booking},
};

use crate::{
    base::Base,
    site::{PROJECT, at, build, credit, id, place, purse},
};

/// A small generator, so that a failing sequence is named by its seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % bound
    }
}

fn accounts() -> Vec<LedgerAccount> {
    let owner = |n: u128| domain::AccountId(id(100 + n));
    vec![
        LedgerAccount::Purse(owner(1), Purpose::Electricity),
        LedgerAccount::Purse(owner(1), Purpose::Water),
        LedgerAccount::Purse(owner(2), Purpose::Electricity),
        LedgerAccount::OnMeter(domain::MeterId(id(10))),
        LedgerAccount::Provider(domain::MerchantId(id(4))),
        LedgerAccount::Revenue(Purpose::Electricity),
        LedgerAccount::Unmatched,
    ]
}

/// Any transaction at all, sensible or not: both books have to say the same about it.
fn any_transaction(chance: &mut Chance, n: u64) -> Transaction {
    let accounts = accounts();
    let pick = |c: &mut Chance| accounts[c.below(accounts.len() as u64) as usize];
    let templates = Template::ALL;
    let template = templates[chance.below(templates.len() as u64) as usize];
    let amount = Money::from_fen(1 + chance.below(400) as i64);
    let mut postings = Vec::new();
    for _ in 0..chance.below(3) {
        let (debit, credit) = (pick(chance), pick(chance));
        postings.extend(Posting::new(debit, credit, amount).ok());
    }
    let hold = HoldId(id(900 + u128::from(chance.below(12))));
    let change = match chance.below(8) {
        0..3 => Some(HoldChange::Place {
            id: hold,
            account: pick(chance),
            amount,
            expires_at: (chance.below(2) == 0).then(|| at(50)),
        }),
        3 => Some(HoldChange::Post { id: hold }),
        4 => Some(HoldChange::Void { id: hold }),
        5 => Some(HoldChange::Expire { id: hold }),
        _ => None,
    };
    // Now and then a key is said again, with the same contents or with others.
    let key = Key::new(format!("key-{}", if chance.below(6) == 0 { n / 2 } else { n })).unwrap();
    let occurrence = Occurrence { key, at: at(chance.below(100) as i64) };
    Transaction::from_rows(occurrence, template, postings, change)
}

async fn post(store: &Store, no: u128, transaction: &Transaction) -> Result<Outcome, StoreError> {
    let booking = Booking {
        id: TransactionId(id(10_000 + no)),
        project: PROJECT,
        order: None,
        vend: None,
        memo: None,
        transaction: transaction.clone(),
    };
    store.transact(move |tx| Box::pin(async move { books::post(tx, &booking).await })).await
}

#[tokio::test]
async fn the_same_sequences_leave_the_same_books_in_memory_and_on_disk() {
    for base in Base::each().await {
        let store = base.store().await;
        let mut book = Book::new();
        let mut chance = Chance(20_261_120);
        // Sensible histories first, then anything at all.
        let mut sequence = ledger::generate::sequence(&domain::SeededRng::new(20_261_120), 400);
        sequence.extend((0..400).map(|n| any_transaction(&mut chance, n)));
        let (mut applied, mut refused) = (0, 0);
        for (transaction, n) in sequence.into_iter().zip(0u64..) {
            let want = book.apply(&transaction);
            let got = post(&store, u128::from(n), &transaction).await;
            match (want, got) {
                (Ok(want), Ok(got)) => assert_eq!(want, got, "step {n}"),
                (Err(want), Err(StoreError::Books(got))) => assert_eq!(want, got, "step {n}"),
                (want, got) => panic!("step {n}: {want:?} in memory, {got:?} on disk"),
            }
            if want.is_ok() {
                applied += 1
            } else {
                refused += 1
            }
            if n % 150 == 99 {
                store.roll_up(PROJECT, at(n as i64)).await.unwrap();
            }
        }
        assert!(applied > 100 && refused > 50, "{applied} applied, {refused} refused");
        for (account, want) in book.balances() {
            let kept = books::balance(store.read(), PROJECT, account).await.unwrap();
            assert_eq!(kept, want, "{account}");
        }
        for hold in book.holds() {
            let kept = books::hold(store.read(), PROJECT, hold.id).await.unwrap();
            assert_eq!(kept.as_ref(), Some(hold));
        }
        let report = store.audit(Some(PROJECT)).await.unwrap();
        let proven = book.audit().unwrap();
        assert_eq!(report.transactions, proven.transactions as i64);
        assert_eq!(report.postings, proven.postings as i64);
        assert_eq!(report.open_holds, proven.open_holds as i64);
        base.end().await;
    }
}

#[tokio::test]
async fn a_replay_exists_and_a_contradiction_names_its_field() {
    for base in Base::each().await {
        let store = base.store().await;
        let [provider, other] = [accounts()[4], accounts()[6]];
        let transaction = |debit, fen| {
            let posting = Posting::new(debit, accounts()[0], Money::from_fen(fen)).unwrap();
            let key = Key::new("payment:1").unwrap();
            let occurrence = Occurrence { key, at: at(1) };
            Transaction::from_rows(occurrence, Template::PaymentReceived, vec![posting], None)
        };
        let first = transaction(provider, 5000);
        assert_eq!(post(&store, 1, &first).await.unwrap(), Outcome::Applied);
        assert_eq!(post(&store, 2, &first).await.unwrap(), Outcome::Exists);
        for (contradiction, want) in [
            (transaction(provider, 5001), "postings[0].amount"),
            (transaction(other, 5000), "postings[0].debit"),
        ] {
            match post(&store, 3, &contradiction).await {
                Err(StoreError::Books(Refusal::Contradiction { field })) => {
                    assert_eq!(field.to_string(), want);
                }
                answer => panic!("{answer:?}"),
            }
        }
        assert_eq!(store.audit(None).await.unwrap().posted_fen, 5000);
        base.end().await;
    }
}

#[tokio::test]
async fn parallel_bookings_of_one_purse_lose_nothing() {
    for base in Base::each().await {
        let store = base.store().await;
        let first = |n: u64, fen| {
            let posting = Posting::new(accounts()[4], accounts()[0], Money::from_fen(fen)).unwrap();
            let key = Key::new(format!("payment:{n}")).unwrap();
            let occurrence = Occurrence { key, at: at(1) };
            Transaction::from_rows(occurrence, Template::PaymentReceived, vec![posting], None)
        };
        post(&store, 9_999, &first(9_999, 1)).await.unwrap();
        let told = (0..60u64).map(|n| {
            let (store, transaction) = (store.clone(), first(n, 100));
            tokio::spawn(async move { post(&store, u128::from(n), &transaction).await })
        });
        for told in told.collect::<Vec<_>>() {
            assert_eq!(told.await.unwrap().unwrap(), Outcome::Applied);
        }
        let kept = books::balance(store.read(), PROJECT, accounts()[0]).await.unwrap();
        assert_eq!(kept.posted.fen(), 6001);
        store.audit(None).await.unwrap();
        base.end().await;
    }
}

/// Every rule of the audit finds the row that was tampered with behind the store's back.
#[tokio::test]
async fn the_audit_names_the_row_that_is_wrong() {
    use sea_orm::ConnectionTrait;
    let tampering = [
        ("update purse set balance_fen = balance_fen + 1", "purse stands at", "purse:"),
        ("update purse set held_fen = held_fen - 1", "open holds", "purse:"),
        ("delete from hold", "open holds", "purse:"),
        ("update ledger_rollup set balance_fen = balance_fen + 1", "roll-up", "provider:"),
        ("update provider_fact set amount_fen = 1", "booked with its amount", "4200"),
        ("update provider_fact set verdict = 'duplicate'", "exactly one payment", "YF"),
        ("update orders set state = 'placed'", "exactly one payment", "YF"),
    ];
    for (sql, rule, row) in tampering {
        for base in Base::each().await {
            let store = base.store().await;
            build(&store, 1).await;
            place(&store, 0, 3).await;
            for n in 0..3 {
                store.credit(credit(n, n)).await.unwrap();
            }
            store.roll_up(PROJECT, at(20)).await.unwrap();
            let report = store.audit(Some(PROJECT)).await.unwrap();
            assert_eq!((report.purses, report.open_holds), (1, 3));
            let db = base.raw().await;
            db.execute_unprepared(sql).await.unwrap();
            let error = store.audit(Some(PROJECT)).await.unwrap_err().to_string();
            assert!(error.contains(rule) && error.contains(row), "{sql}: {error}");
            store.audit(Some(ProjectId(8))).await.unwrap();
            db.close().await.unwrap();
            base.end().await;
        }
    }
    assert!(purse().keeps_balance());
}

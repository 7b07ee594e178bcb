use chrono::{DateTime, TimeDelta, Utc};
use domain::{MeterId, Purpose, SeededRng};

use super::*;
use crate::{
    generate,
    template::{self, Purse},
    transaction::Occurrence,
};

const ID: &str = "0193a1b2-0000-7000-8000-000000000001";

fn when(key: &str, second: i64) -> Occurrence {
    let at: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
    Occurrence { key: Key::new(key).unwrap(), at }
}

fn power() -> Purse {
    Purse { account: ID.parse().unwrap(), purpose: Purpose::Electricity }
}

fn hold(no: u8) -> HoldId {
    format!("0193a1b2-0000-7000-8000-0000000000{no:02}").parse().unwrap()
}

fn meter() -> MeterId {
    ID.parse().unwrap()
}

fn fen(fen: i64) -> Money {
    Money::from_fen(fen)
}

/// What a row of a table does.
enum Do {
    Pay(i64),
    Bill(i64),
    Refund(i64),
    Hold(u8, i64),
    HoldUntil(u8, i64, i64),
    Vend(u8, i64),
    Void(u8),
    Expire(u8),
}

fn made(action: &Do, key: &str, second: i64) -> Transaction {
    let o = when(key, second);
    let booked = match *action {
        Do::Pay(a) => template::payment_received(o, ID.parse().unwrap(), power(), fen(a)),
        Do::Bill(a) => template::consumption_billed(o, power(), fen(a)),
        Do::Refund(a) => template::refund_started(o, power(), fen(a)),
        Do::Hold(no, a) => template::vend_held(o, hold(no), power(), fen(a)),
        Do::HoldUntil(no, a, end) => {
            let end = DateTime::UNIX_EPOCH + TimeDelta::seconds(end);
            template::amount_held(o, hold(no), power(), fen(a), end)
        }
        Do::Vend(no, a) => template::vend_applied(o, hold(no), power(), meter(), fen(a)),
        Do::Void(no) => Ok(template::vend_voided(o, hold(no))),
        Do::Expire(no) => Ok(template::hold_expired(o, hold(no))),
    };
    booked.unwrap()
}

/// Runs rows of (second, what happens, answer, posted, held, on the meter).
fn check(name: &str, table: &[(i64, Do, &str, i64, i64, i64)]) -> Book {
    let mut book = Book::new();
    for (row, (second, action, want, posted, held, on_meter)) in table.iter().enumerate() {
        let answer = match book.apply(&made(action, &format!("row:{row}"), *second)) {
            Ok(outcome) => format!("{outcome:?}"),
            Err(refusal) => refusal.to_string(),
        };
        let answer = answer.replace(&LedgerAccount::from(power()).to_string(), "the purse");
        let purse = book.balance(power().into());
        let meter = book.balance(LedgerAccount::OnMeter(meter())).posted.fen();
        let got = (answer.as_str(), purse.posted.fen(), purse.held.fen(), meter);
        assert_eq!(got, (*want, *posted, *held, *on_meter), "{name}: row {row}");
        book.audit().unwrap();
    }
    book
}

#[test]
fn paid_money_is_held_and_then_on_the_meter_or_free_again() {
    check(
        "delivered",
        &[
            (0, Do::Pay(5000), "Applied", 5000, 0, 0),
            (0, Do::Hold(1, 5000), "Applied", 5000, 5000, 0),
            (1, Do::Refund(1), "the purse has only 0.00 to spend", 5000, 5000, 0),
            (2, Do::Hold(2, 1), "the purse has only 0.00 to spend", 5000, 5000, 0),
            (9, Do::Vend(1, 4999), "the postings do not move exactly what is held", 5000, 5000, 0),
            (9, Do::Vend(1, 5000), "Applied", 0, 0, 5000),
            (9, Do::Vend(1, 5000), "the hold is posted already", 0, 0, 5000),
            (9, Do::Void(1), "the hold is posted already", 0, 0, 5000),
        ],
    );
    check(
        "not delivered",
        &[
            (0, Do::Pay(5000), "Applied", 5000, 0, 0),
            (0, Do::Hold(1, 3000), "Applied", 5000, 3000, 0),
            (1, Do::Hold(1, 1000), "the hold's id was used before", 5000, 3000, 0),
            (2, Do::Void(1), "Applied", 5000, 0, 0),
            (3, Do::Vend(1, 3000), "the hold is void already", 5000, 0, 0),
            (4, Do::Refund(5000), "Applied", 0, 0, 0),
            (5, Do::Void(2), "there is no such hold", 0, 0, 0),
        ],
    );
}

#[test]
fn a_hold_runs_out_at_its_end_and_a_vend_never() {
    check(
        "bounded",
        &[
            (0, Do::Pay(5000), "Applied", 5000, 0, 0),
            (0, Do::HoldUntil(1, 2000, 60), "Applied", 5000, 2000, 0),
            (59, Do::Expire(1), "the hold cannot run out now", 5000, 2000, 0),
            (60, Do::Expire(1), "Applied", 5000, 0, 0),
            (61, Do::Expire(1), "the hold is expired already", 5000, 0, 0),
        ],
    );
    check(
        "a vend",
        &[
            (0, Do::Pay(5000), "Applied", 5000, 0, 0),
            (0, Do::Hold(1, 5000), "Applied", 5000, 5000, 0),
            (1 << 40, Do::Expire(1), "the hold cannot run out now", 5000, 5000, 0),
        ],
    );
}

#[test]
fn a_purse_is_never_overspent_but_by_use() {
    check(
        "arrears",
        &[
            (0, Do::Pay(100), "Applied", 100, 0, 0),
            (1, Do::Refund(101), "the purse has only 1.00 to spend", 100, 0, 0),
            (2, Do::Bill(150), "Applied", -50, 0, 0),
            (3, Do::Refund(1), "the purse has only -0.50 to spend", -50, 0, 0),
            (4, Do::Hold(1, 1), "the purse has only -0.50 to spend", -50, 0, 0),
            (5, Do::Pay(51), "Applied", 1, 0, 0),
            (6, Do::Refund(1), "Applied", 0, 0, 0),
        ],
    );
    // The meter has the money already, so the books follow whatever was billed in between.
    check(
        "use under a hold",
        &[
            (0, Do::Pay(100), "Applied", 100, 0, 0),
            (1, Do::Hold(1, 100), "Applied", 100, 100, 0),
            (2, Do::Bill(30), "Applied", 70, 100, 0),
            (3, Do::Vend(1, 100), "Applied", -30, 0, 100),
        ],
    );
}

#[test]
fn a_replay_exists_and_a_contradiction_names_its_field() {
    let mut book = Book::new();
    let pay = |key: &str, second, amount| made(&Do::Pay(amount), key, second);
    assert_eq!(book.apply(&pay("k", 0, 100)), Ok(Outcome::Applied));
    let mut turned = pay("k", 0, 100);
    let p = turned.postings[0];
    turned.postings[0] = Posting::new(p.credit(), p.debit(), p.amount()).unwrap();
    let mut doubled = pay("k", 0, 100);
    doubled.postings.push(p);
    let mut elsewhere = pay("k", 0, 100);
    elsewhere.postings[0] = Posting::new(p.debit(), LedgerAccount::Unmatched, fen(100)).unwrap();
    let mut held = pay("k", 0, 100);
    held.hold = Some(HoldChange::Void { id: hold(1) });
    let table = [
        (pay("k", 9999, 100), Ok(Outcome::Exists)),
        (pay("k", 0, 101), Err(Field::Amount(0))),
        (made(&Do::Bill(100), "k", 0), Err(Field::Template)),
        (turned, Err(Field::Debit(0))),
        (elsewhere, Err(Field::Credit(0))),
        (doubled, Err(Field::Postings)),
        (held, Err(Field::Hold)),
    ];
    for (transaction, want) in table {
        let want = want.map_err(|field| Refusal::Contradiction { field });
        assert_eq!(book.apply(&transaction), want);
        assert_eq!(book.balance(power().into()).posted, fen(100));
    }
}

#[test]
fn a_transaction_that_does_nothing_too_much_or_the_impossible_is_refused() {
    let mut book = Book::new();
    let pay = made(&Do::Pay(1), "k", 0);
    let with = |postings: Vec<Posting>, hold| Transaction { postings, hold, ..pay.clone() };
    let posting = pay.postings[0];
    let odd_place = HoldChange::Place {
        id: hold(1),
        account: LedgerAccount::Unmatched,
        amount: fen(1),
        expires_at: None,
    };
    let most = Posting::new(posting.debit(), posting.credit(), fen(i64::MAX)).unwrap();
    let table = [
        (with(vec![], None), Refusal::Empty),
        (with(vec![posting; 17], None), Refusal::TooLong),
        (with(vec![], Some(odd_place)), Refusal::NoHoldsHere),
        (with(vec![most, posting], None), Refusal::Overflow),
    ];
    for (transaction, want) in table {
        assert_eq!(book.apply(&transaction), Err(want));
        assert_eq!(book.balances().count(), 0, "nothing changed");
    }
    assert_eq!(book.apply(&with(vec![posting; 16], None)), Ok(Outcome::Applied));
}

/// Everything a book says, for comparing before and after.
fn page(book: &Book) -> (Vec<(LedgerAccount, Balance)>, Vec<Hold>, usize) {
    (book.balances().collect(), book.holds().copied().collect(), book.transactions().count())
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 64, ..Default::default() })]

    #[test]
    fn random_sequences_conserve_money_after_every_step(seed: u64) {
        let mut book = Book::new();
        for transaction in generate::sequence(&SeededRng::new(seed), 150) {
            let before = page(&book);
            let answer = book.apply(&transaction);
            let report = book.audit();
            proptest::prop_assert!(report.is_ok(), "seed {}: {:?}", seed, report);
            if answer != Ok(Outcome::Applied) {
                proptest::prop_assert_eq!(page(&book), before, "seed {}: {:?}", seed, answer);
                continue;
            }
            for (account, balance) in book.balances().filter(|(a, _)| a.keeps_balance()) {
                let was = before.0.iter().find(|(a, _)| *a == account).map(|(_, b)| *b);
                let was = was.unwrap_or(Balance::ZERO).available().fen();
                let is = balance.available().fen();
                let follows = transaction.template.allows_arrears()
                    || matches!(transaction.hold, Some(HoldChange::Post { .. }));
                let spent_too_much = is < 0 && is < was && !follows;
                proptest::prop_assert!(!spent_too_much, "seed {}: {:?}", seed, transaction);
            }
        }
    }

    #[test]
    fn replays_and_contradictions_change_nothing(seed: u64) {
        let sequence = generate::sequence(&SeededRng::new(seed), 150);
        let mut book = Book::new();
        let first: Vec<_> = sequence.iter().map(|t| book.apply(t)).collect();
        let after = page(&book);
        for (transaction, answer) in sequence.iter().zip(first) {
            // What was refused for another reason may be possible by now, so it is not tried.
            let want = match answer {
                Ok(_) => Ok(Outcome::Exists),
                Err(Refusal::Contradiction { field }) => Err(Refusal::Contradiction { field }),
                Err(_) => continue,
            };
            proptest::prop_assert_eq!(book.apply(transaction), want, "{:?}", transaction);
        }
        proptest::prop_assert_eq!(page(&book), after);
    }

    #[test]
    fn the_order_of_payments_does_not_matter(seed: u64) {
        let mut sequence = generate::sequence(&SeededRng::new(seed), 150);
        sequence.retain(|t| t.template == crate::Template::PaymentReceived);
        let book_of = |transactions: &[Transaction]| {
            let mut book = Book::new();
            for transaction in transactions {
                let _ = book.apply(transaction);
            }
            page(&book).0
        };
        let mut seen = std::collections::BTreeSet::new();
        sequence.retain(|t| seen.insert(t.key.clone()));
        let forward = book_of(&sequence);
        sequence.reverse();
        proptest::prop_assert_eq!(book_of(&sequence), forward);
    }
}

#[test]
fn an_audit_finds_a_balance_that_was_touched_by_hand() {
    let mut book = Book::new();
    for transaction in generate::sequence(&SeededRng::new(7), 400) {
        let _ = book.apply(&transaction);
    }
    let report = book.audit().unwrap();
    assert!(report.transactions > 100 && report.open_holds > 0 && report.total.is_positive());
    let purse = LedgerAccount::from(power());
    type Spoil = fn(&mut Book, LedgerAccount);
    let table: [Spoil; 4] = [
        |book, purse| {
            let balance = Balance { posted: fen(1), held: Money::ZERO };
            book.balances.insert(purse, balance);
        },
        |book, _| {
            let hold = book.holds.values_mut().find(|h| h.state == HoldState::Held).unwrap();
            hold.state = HoldState::Void;
        },
        |book, _| {
            let last = book.transactions.values_mut().find(|t| !t.postings.is_empty()).unwrap();
            last.postings.clear();
        },
        |book, _| {
            let balance = book.balances.values_mut().next().unwrap();
            balance.held = fen(1);
        },
    ];
    for spoil in table {
        let mut spoilt = book.clone();
        spoil(&mut spoilt, purse);
        assert!(spoilt.audit().is_err());
    }
}

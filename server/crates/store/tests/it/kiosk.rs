//! What is kept about kiosks counts the same on both databases, also for many at once.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{OrderId, ProjectId};
use store::{
    Store, StoreError,
    kiosk::{
        self, Change, Kiosk, command, content, event, file, pairing, play, presence,
        sale::{self, Asked},
        session,
    },
};
use uuid::Uuid;

use crate::{
    base::Base,
    site::{PROJECT, build, place},
};

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_00a0_0000 + number)
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn kiosk(number: u128) -> Kiosk {
    Kiosk {
        project_id: PROJECT.0,
        id: id(number),
        number: format!("K-{number:02}"),
        name: String::new(),
        public_key: format!("{number:064x}"),
        state: "active".to_owned(),
        reason: None,
        settings: "{}".to_owned(),
        settings_version: 1,
        hardware: String::new(),
        software: String::new(),
        boot_id: None,
        boot_at: None,
        paired_at: now(),
        ended_at: None,
        version: 0,
    }
}

async fn entered(store: &Store, number: u128) -> Kiosk {
    let row = kiosk(number);
    let kept = row.clone();
    let done = store.transact(move |tx| Box::pin(async move { kiosk::insert(tx, kept).await }));
    done.await.unwrap();
    row
}

/// One unit of work of the test.
macro_rules! unit {
    ($store:expr, |$tx:ident| $work:expr) => {
        $store.transact(move |$tx| Box::pin(async move { $work.await })).await
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_a_number_are_one_kiosk_and_a_change_is_made_once() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        let first = entered(&store, 1).await;
        let same_key = Kiosk { number: "K-09".to_owned(), id: id(9), ..kiosk(1) };
        let same_number = Kiosk { public_key: "9".repeat(64), id: id(9), ..kiosk(1) };
        for other in [same_key, same_number] {
            let refused = unit!(store, |tx| kiosk::insert(tx, other));
            assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
        }
        let change = Change { settings: Some("{\"a\":1}".to_owned()), ..Change::default() };
        let (known, wish) = (first.clone(), change.clone());
        let changed = unit!(store, |tx| kiosk::change(tx, &known, wish)).unwrap();
        assert_eq!((changed.settings_version, changed.version), (2, 1));
        let stale = unit!(store, |tx| kiosk::change(tx, &first, change));
        assert!(matches!(stale, Err(StoreError::Gone(_))), "{stale:?}");
        assert_eq!(kiosk::locate(store.read(), id(1)).await.unwrap(), Some(PROJECT));
        assert_eq!(kiosk::list(store.read(), Some(ProjectId(99))).await.unwrap(), []);
        base.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_guesses_at_once_five_are_looked_at() {
    for base in Base::each().await {
        let store = base.store().await;
        let row = pairing::Pairing {
            id: id(1),
            selector: "ABC".to_owned(),
            code_hash: "right".to_owned(),
            secret_hash: "s".to_owned(),
            public_key: "k".to_owned(),
            hardware: String::new(),
            software: String::new(),
            created_at: now(),
            expires_at: now() + TimeDelta::minutes(10),
            tries: 0,
            state: "waiting".to_owned(),
            project_id: None,
            kiosk_id: None,
        };
        let kept = row.clone();
        assert!(unit!(store, |tx| pairing::insert(tx, kept)).unwrap());
        let taken = pairing::Pairing { id: id(2), ..row.clone() };
        assert!(!unit!(store, |tx| pairing::insert(tx, taken)).unwrap(), "one selector, one code");
        let guesses = (0..100).map(|n| {
            let (store, guess) = (store.clone(), format!("wrong {n}"));
            tokio::spawn(async move {
                unit!(store, |tx| pairing::try_code(tx, "ABC", &guess, now())).unwrap()
            })
        });
        for guess in guesses.collect::<Vec<_>>() {
            assert_eq!(guess.await.unwrap(), None);
        }
        let seen = pairing::by_id(store.read(), id(1)).await.unwrap().unwrap();
        assert_eq!((seen.tries, seen.state.as_str()), (pairing::TRIES_MAX, "burnt"));
        let late = unit!(store, |tx| pairing::try_code(tx, "ABC", "right", now())).unwrap();
        assert_eq!(late, None);
        base.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_is_redeemed_once_and_a_newer_start_ends_the_older() {
    for base in Base::each().await {
        let store = base.store().await;
        let nonce = session::Challenge {
            hash: "n".to_owned(),
            kiosk_id: id(1),
            expires_at: now() + TimeDelta::minutes(1),
        };
        assert!(unit!(store, |tx| session::insert_challenge(tx, nonce, now())).unwrap());
        let tries = (0..20).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                unit!(store, |tx| session::redeem(tx, "n", id(1), now())).unwrap()
            })
        });
        let mut redeemed = 0;
        for one in tries.collect::<Vec<_>>() {
            redeemed += usize::from(one.await.unwrap());
        }
        assert_eq!(redeemed, 1);
        let session = |hash: &str, boot: u128, after: i64| session::Session {
            hash: hash.to_owned(),
            kiosk_id: id(1),
            project_id: PROJECT.0,
            boot_id: id(boot),
            created_at: now() + TimeDelta::seconds(after),
            expires_at: now() + TimeDelta::seconds(after + 900),
            ended_at: None,
        };
        for row in [session("a", 1, 0), session("b", 1, 10), session("c", 2, 20)] {
            unit!(store, |tx| session::open(tx, row)).unwrap();
        }
        let by = async |hash| session::by_hash(store.read(), hash).await.unwrap().unwrap();
        let older = by("a").await;
        assert_eq!(older.expires_at, now() + TimeDelta::seconds(70), "its requests may end");
        assert!(older.ended_at.is_some() && by("b").await.ended_at.is_some());
        assert!(by("c").await.ended_at.is_none());
        assert!(session::was_replaced(store.read(), id(1), id(1)).await.unwrap());
        assert!(!session::was_replaced(store.read(), id(1), id(2)).await.unwrap());
        base.end().await;
    }
}

fn pulse(at: DateTime<Utc>) -> presence::Pulse {
    presence::Pulse {
        project_id: PROJECT.0,
        kiosk_id: id(1),
        boot_id: id(2),
        heard_at: at,
        way: "socket".to_owned(),
        beat: "{}".to_owned(),
        state: "Idle".to_owned(),
        state_at: at,
        idle: true,
        content_shown: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kiosk_is_online_in_one_interval_at_a_time() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        entered(&store, 1).await;
        let at = |seconds: i64| now() + TimeDelta::seconds(seconds);
        for seconds in [0, 10, 20] {
            unit!(store, |tx| presence::note(tx, pulse(at(seconds)))).unwrap();
        }
        assert!(unit!(store, |tx| presence::gone(tx, PROJECT, id(1), at(20), "silent")).unwrap());
        assert!(!unit!(store, |tx| presence::gone(tx, PROJECT, id(1), at(30), "x")).unwrap());
        unit!(store, |tx| presence::note(tx, pulse(at(100)))).unwrap();
        let rows = presence::intervals(store.read(), PROJECT, id(1), (at(0), at(200))).await;
        let rows = rows.unwrap();
        assert_eq!(rows.len(), 2);
        let table = [(0, 200, 120_000), (10, 110, 20_000), (20, 100, 0), (-50, 5, 5_000)];
        for (from, until, want) in table {
            let online = presence::online_ms(&rows, at(from), at(until));
            assert_eq!(online, want, "{from} {until}");
        }
        let seen = presence::pulse(store.read(), PROJECT, id(1)).await.unwrap().unwrap();
        assert_eq!(seen.heard_at, at(100));
        base.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_has_ended_stays_as_it_ended() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        entered(&store, 1).await;
        let row = command::Command {
            project_id: PROJECT.0,
            id: id(5),
            kiosk_id: id(1),
            verb: "lock".to_owned(),
            args: "{}".to_owned(),
            issued_at: now(),
            expires_at: now() + TimeDelta::seconds(30),
            boot_id: None,
            signature: String::new(),
            state: "queued".to_owned(),
            detail: "{}".to_owned(),
            operator_id: None,
            second_id: None,
            updated_at: now(),
        };
        let late = command::Command { id: id(6), ..row.clone() };
        for row in [row, late] {
            unit!(store, |tx| command::insert(tx, row)).unwrap();
        }
        unit!(store, |tx| command::sent(tx, PROJECT, &[id(5), id(6)], now())).unwrap();
        for state in ["accepted", "done", "running"] {
            let key = (PROJECT, id(1), id(5));
            assert!(unit!(store, |tx| command::report(tx, key, state, "{}", now())).unwrap());
        }
        let foreign = (PROJECT, id(2), id(6));
        assert!(!unit!(store, |tx| command::report(tx, foreign, "done", "{}", now())).unwrap());
        let after = now() + TimeDelta::seconds(31);
        assert_eq!(unit!(store, |tx| command::expire(tx, after)).unwrap(), 1);
        let states = command::list(store.read(), PROJECT, id(1), 10).await.unwrap();
        let mut states: Vec<_> = states.into_iter().map(|row| row.state).collect();
        states.sort();
        assert_eq!(states, ["done", "expired"]);
        base.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_shown_adds_up_and_is_counted_once_per_message() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        entered(&store, 1).await;
        let day = now().date_naive();
        let played = play::Play {
            project_id: PROJECT.0,
            kiosk_id: id(1),
            sha256: "f".to_owned(),
            day,
            plays: 2,
            shown_ms: 500,
        };
        let told = event::Event {
            project_id: PROJECT.0,
            kiosk_id: id(1),
            id: id(7),
            at: now(),
            kind: "played".to_owned(),
            name: String::new(),
            detail: String::new(),
            order_id: None,
            boot_id: None,
            seq: None,
        };
        for _ in 0..3 {
            let (played, told) = (played.clone(), told.clone());
            let done = store.transact(move |tx| {
                Box::pin(async move {
                    if event::note(tx, told).await? {
                        play::add(tx, played.clone()).await?;
                        play::add(tx, played).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            });
            done.await.unwrap();
        }
        let rows = play::report(store.read(), PROJECT, (day, day)).await.unwrap();
        assert_eq!((rows.len(), rows[0].plays, rows[0].shown_ms), (1, 4, 1_000));
        base.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_version_is_published_and_a_file_is_there_once_it_is_whole() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        let row = content::Content {
            project_id: PROJECT.0,
            content_version: 0,
            state: String::new(),
            body: "{}".to_owned(),
            operator_id: None,
            created_at: now(),
            published_at: None,
        };
        for want in [1, 2] {
            let row = row.clone();
            let kept = unit!(store, |tx| content::draft(tx, row)).unwrap();
            assert_eq!(kept.content_version, want);
            assert!(unit!(store, |tx| content::publish(tx, PROJECT, want, now())).unwrap());
        }
        assert!(!unit!(store, |tx| content::publish(tx, PROJECT, 1, now())).unwrap(), "no draft");
        let shown = content::published(store.read(), PROJECT).await.unwrap().unwrap();
        assert_eq!(shown.content_version, 2);

        let file = file::File {
            project_id: PROJECT.0,
            sha256: "d".to_owned(),
            size: 3,
            media_type: "image/png".to_owned(),
            whole: false,
            created_at: now(),
        };
        let part = file::Part {
            project_id: PROJECT.0,
            sha256: "d".to_owned(),
            part: 0,
            bytes: vec![1, 2, 3],
        };
        // An upload that was cut off, and begun anew.
        for _ in 0..2 {
            let (file, part) = (file.clone(), part.clone());
            assert!(unit!(store, |tx| file::begin(tx, file)).unwrap());
            unit!(store, |tx| file::put(tx, part)).unwrap();
        }
        assert_eq!(file::by_digest(store.read(), PROJECT, "d").await.unwrap(), None);
        unit!(store, |tx| file::complete(tx, PROJECT, "d")).unwrap();
        assert!(file::by_digest(store.read(), PROJECT, "d").await.unwrap().is_some());
        let bytes = file::part(store.read(), PROJECT, "d", 0).await.unwrap();
        assert_eq!(bytes, Some(vec![1, 2, 3]));
        assert!(!unit!(store, |tx| file::begin(tx, file)).unwrap(), "it is there");
        base.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_automatic_prints_one_is_the_first() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        place(&store, 0, 1).await;
        entered(&store, 1).await;
        let filter = store::order::Filter { limit: 1, ..Default::default() };
        let orders = store::order::list(store.read(), PROJECT, &filter).await.unwrap();
        let order = OrderId(orders[0].id);
        let wish = move |number: u128, automatic| sale::Print {
            project_id: PROJECT.0,
            id: id(number),
            order_id: order.0,
            kiosk_id: id(1),
            automatic,
            copy_no: 0,
            state: "sent".to_owned(),
            paper_mm: 0,
            requested_at: now(),
            ended_at: None,
        };
        let first = unit!(store, |tx| sale::ask_print(tx, wish(100, true))).unwrap();
        let Asked::Print(first) = first else { panic!("{first:?}") };
        let again = unit!(store, |tx| sale::ask_print(tx, wish(101, true))).unwrap();
        assert_eq!(again, Asked::Already(first.clone()));
        let copy = unit!(store, |tx| sale::ask_print(tx, wish(102, false))).unwrap();
        assert!(matches!(copy, Asked::Print(copy) if copy.copy_no == 1));
        for want in [true, false] {
            let key = (PROJECT, id(1), id(100));
            let noted = unit!(store, |tx| sale::printed(tx, key, "printed", 90, now())).unwrap();
            assert_eq!(noted.unwrap().1, want, "an outcome is noted once");
        }
        let foreign = (PROJECT, id(2), id(100));
        let noted = unit!(store, |tx| sale::printed(tx, foreign, "failed", 0, now())).unwrap();
        assert_eq!(noted, None);
        base.end().await;
    }
}

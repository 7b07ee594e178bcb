//! Persons and their sign-ins, alone and at the same moment.

use chrono::TimeDelta;
use domain::{FamilyId, IdentityKind, PersonId};
use futures::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait};
use store::{
    Store, StoreError,
    entity::{identity, person, person_session},
    person::{
        self as persons, KnownBy, Linked, Preferences,
        session::{self, Opening, Refresh, Refreshed},
        ticket,
    },
};

use crate::{
    base::Base,
    site::{at, id},
};

fn mini(openid: &str) -> KnownBy {
    let kind = IdentityKind::WechatMini;
    KnownBy { kind, scope: "wx01".into(), value: openid.into() }
}

fn page(openid: &str) -> KnownBy {
    KnownBy { kind: IdentityKind::WechatPage, scope: "wx02".into(), value: openid.into() }
}

/// Signs in and answers the person; every call offers another new id.
async fn sign_in(store: &Store, by: KnownBy, union: Option<&str>, new: u128) -> PersonId {
    let union = union.map(str::to_owned);
    let signed = store.transact(move |tx| {
        Box::pin(async move {
            persons::sign_in(tx, &by, union.as_deref(), PersonId(id(new)), at(0)).await
        })
    });
    signed.await.unwrap().person
}

async fn link(store: &Store, person: PersonId, by: KnownBy) -> Linked {
    let linked = store
        .transact(move |tx| Box::pin(async move { persons::link(tx, person, &by, at(1)).await }));
    linked.await.unwrap()
}

async fn set_phone(store: &Store, person: PersonId, number: &'static str) -> Linked {
    store.transact(move |tx| Box::pin(persons::set_phone(tx, person, number, at(2)))).await.unwrap()
}

async fn open(store: &Store, person: PersonId, family: u128, seconds: i64) {
    let opening = Opening {
        family: FamilyId(id(family)),
        person,
        refresh_hash: "r0".into(),
        client: "h5".into(),
        ip: "::1".into(),
        expires_at: at(1_000),
    };
    let opened =
        store.transact(move |tx| Box::pin(session::open(tx, opening, at(seconds)))).await.unwrap();
    assert!(opened.is_some());
}

fn refresh(family: u128, presented: &str, next: &str) -> Refresh {
    Refresh {
        family: FamilyId(id(family)),
        presented_hash: presented.into(),
        next_hash: next.into(),
        client: "h5".into(),
        expires_at: at(1_000),
        grace: TimeDelta::seconds(10),
    }
}

async fn rotate(store: &Store, refresh: Refresh, seconds: i64) -> Refreshed {
    let rotated = store.transact(move |tx| {
        Box::pin(async move { session::rotate(tx, &refresh, at(seconds)).await })
    });
    rotated.await.unwrap()
}

/// What a test compares: the name of the outcome.
fn name(refreshed: &Refreshed) -> &'static str {
    match refreshed {
        Refreshed::Rotated(_) => "rotated",
        Refreshed::Repeated(_) => "repeated",
        Refreshed::Reused(_) => "reused",
        Refreshed::Ended => "ended",
        Refreshed::Unknown => "unknown",
    }
}

#[tokio::test]
async fn parallel_first_sign_ins_make_one_person() {
    for base in Base::each().await {
        let store = base.store().await;
        // Half of them know the unionid, a third come from the other app with the same unionid.
        let visits = (0..100u128).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let (by, union) = match n % 3 {
                    0 => (mini("o-1"), Some("u-1")),
                    1 => (page("p-1"), Some("u-1")),
                    _ => (mini("o-1"), Some("u-1")),
                };
                sign_in(&store, by, union, 100 + n).await
            })
        });
        let mut people: Vec<_> =
            join_all(visits).await.into_iter().map(|person| person.unwrap()).collect();
        people.sort();
        people.dedup();
        assert_eq!(people.len(), 1);
        assert_eq!(person::Entity::find().count(store.read()).await.unwrap(), 1);
        assert_eq!(identity::Entity::find().count(store.read()).await.unwrap(), 3);
        let shown = persons::identities(store.read(), people[0]).await.unwrap();
        assert_eq!(shown.len(), 2, "the union is shown to nobody");
        base.end().await;
    }
}

#[tokio::test]
async fn the_same_openid_with_and_without_its_union_is_one_person_at_once() {
    for base in Base::each().await {
        let store = base.store().await;
        for round in 0..20u128 {
            let openid = format!("o-{round}");
            let union = format!("u-{round}");
            let visits = (0..8u128).map(|n| {
                let (store, by, union) = (store.clone(), mini(&openid), union.clone());
                tokio::spawn(async move {
                    let union = (n % 2 == 0).then_some(union.as_str());
                    sign_in(&store, by, union, 1_000 + round * 10 + n).await
                })
            });
            let people: Vec<_> = join_all(visits).await.into_iter().map(Result::unwrap).collect();
            assert!(people.iter().all(|person| *person == people[0]), "{round}: {people:?}");
            let known = persons::known_by(store.read(), &mini(&openid)).await.unwrap();
            assert_eq!(known, Some(people[0]));
        }
        let count = person::Entity::find().count(store.read()).await.unwrap();
        assert_eq!(count, 20, "nobody is left behind without an identity");
        base.end().await;
    }
}

#[tokio::test]
async fn openids_of_one_union_are_one_person_and_of_none_are_two() {
    for base in Base::each().await {
        let store = base.store().await;
        let first = sign_in(&store, mini("o-1"), Some("u-1"), 100).await;
        assert_eq!(sign_in(&store, page("p-1"), Some("u-1"), 101).await, first);
        assert_eq!(sign_in(&store, mini("o-1"), None, 102).await, first);
        let other = sign_in(&store, mini("o-2"), None, 103).await;
        assert_ne!(other, first);
        // The same value at another app or of another kind is somebody else's.
        let elsewhere = KnownBy { scope: "wx09".into(), ..mini("o-1") };
        assert_ne!(sign_in(&store, elsewhere, None, 104).await, first);
        assert_ne!(sign_in(&store, page("o-1"), None, 105).await, first);
        // Two persons whose union is told late stay two.
        assert_eq!(sign_in(&store, mini("o-2"), Some("u-1"), 106).await, other);
        base.end().await;
    }
}

#[tokio::test]
async fn an_identity_of_somebody_else_is_told_and_never_taken() {
    for base in Base::each().await {
        let store = base.store().await;
        let ann = sign_in(&store, mini("o-1"), None, 100).await;
        let bob = sign_in(&store, KnownBy::phone("13800000001"), None, 101).await;
        assert_eq!(link(&store, ann, KnownBy::phone("13800000001")).await, Linked::Taken);
        assert_eq!(link(&store, ann, page("p-1")).await, Linked::New);
        assert_eq!(link(&store, ann, page("p-1")).await, Linked::Already);
        assert_eq!(link(&store, bob, page("p-1")).await, Linked::Taken);
        assert_eq!(set_phone(&store, ann, "13800000001").await, Linked::Taken);
        assert_eq!(set_phone(&store, ann, "13800000002").await, Linked::New);
        assert_eq!(set_phone(&store, ann, "13800000003").await, Linked::New);
        // The number before was given up and is free for whoever has it now.
        assert_eq!(set_phone(&store, bob, "13800000002").await, Linked::New);
        let kinds = |rows: Vec<persons::Identity>| {
            let one = |row: &persons::Identity| format!("{} {}", row.kind, row.value);
            rows.iter().map(one).collect::<Vec<_>>()
        };
        let of_ann = kinds(persons::identities(store.read(), ann).await.unwrap());
        assert_eq!(of_ann, ["wechat-mini o-1", "wechat-page p-1", "phone 13800000003"]);
        base.end().await;
    }
}

#[tokio::test]
async fn what_a_person_is_known_by_stays_out_of_logs() {
    assert_eq!(format!("{:?}", mini("o-secret")), "wechat-mini@wx01:***");
}

#[tokio::test]
async fn preferences_are_kept() {
    for base in Base::each().await {
        let store = base.store().await;
        let ann = sign_in(&store, mini("o-1"), None, 100).await;
        let wanted =
            Preferences { language: domain::Language::En, elder: true, theme: domain::Theme::Dark };
        let set = move |person| {
            let store = store.clone();
            async move {
                let set = store
                    .transact(move |tx| Box::pin(persons::set_preferences(tx, person, wanted)));
                (set.await.unwrap(), persons::by_id(store.read(), person).await.unwrap())
            }
        };
        let (kept, row) = set(ann).await;
        let row = row.unwrap();
        assert!(kept && row.elder);
        assert_eq!(row.language().unwrap(), domain::Language::En);
        assert_eq!(row.theme().unwrap(), domain::Theme::Dark);
        assert!(!set(PersonId(id(9))).await.0);
        drop(set);
        base.end().await;
    }
}

#[tokio::test]
async fn of_parallel_refreshes_one_rotates() {
    for base in Base::each().await {
        let store = base.store().await;
        let ann = sign_in(&store, mini("o-1"), None, 100).await;
        for grace in [0, 10] {
            let family = 200 + grace as u128;
            open(&store, ann, family, 1).await;
            let tries = (0..100).map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let grace = TimeDelta::seconds(grace);
                    rotate(&store, Refresh { grace, ..refresh(family, "r0", "r1") }, 2).await
                })
            });
            let done: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
            let count = |what| done.iter().filter(|d| name(d) == what).count();
            assert_eq!(count("rotated"), 1, "grace {grace}");
            // Without a grace the first repeat ends the family, with one all get the same answer.
            let want = if grace == 0 { (0, 1, 98) } else { (99, 0, 0) };
            assert_eq!((count("repeated"), count("reused"), count("ended")), want, "{grace}");
        }
        base.end().await;
    }
}

#[tokio::test]
async fn a_used_refresh_token_ends_its_family() {
    // What is presented at which second after r0 -> r1 (at 2) and r1 -> r2 (at 3).
    let table: &[(&str, Refresh, i64, &str)] = &[
        ("the good one", refresh(1, "r2", "r3"), 4, "rotated"),
        ("a lost reply", refresh(1, "r1", "r2"), 12, "repeated"),
        ("too late for a lost reply", refresh(1, "r1", "r2"), 13, "reused"),
        ("a thief who makes another next", refresh(1, "r1", "x"), 4, "reused"),
        ("the one before that", refresh(1, "r0", "r1"), 4, "reused"),
        ("no token of it", refresh(1, "forged", "r3"), 4, "reused"),
        ("an unknown family", refresh(2, "r2", "r3"), 4, "unknown"),
        ("after its time", refresh(1, "r2", "r3"), 1_000, "ended"),
        (
            "another client",
            Refresh { client: "mini".into(), ..refresh(1, "r1", "r2") },
            4,
            "reused",
        ),
    ];
    for base in Base::each().await {
        let store = base.store().await;
        let ann = sign_in(&store, mini("o-1"), None, 100).await;
        for (place, (what, presented, seconds, want)) in table.iter().enumerate() {
            let family = 300 + place as u128;
            open(&store, ann, family, 1).await;
            for (second, (from, to)) in [(2, ("r0", "r1")), (3, ("r1", "r2"))] {
                let rotated = rotate(&store, refresh(family, from, to), second).await;
                assert_eq!(name(&rotated), "rotated", "{what}");
            }
            let known = presented.family == FamilyId(id(1));
            let named = if known { FamilyId(id(family)) } else { FamilyId(id(999)) };
            let presented = Refresh { family: named, ..presented.clone() };
            assert_eq!(name(&rotate(&store, presented, *seconds).await), *want, "{what}");
            let after = session::by_family(store.read(), FamilyId(id(family))).await.unwrap();
            let after = after.unwrap();
            assert_eq!(after.why.as_deref(), (*want == "reused").then_some("reused"), "{what}");
            if *want == "reused" {
                let good = rotate(&store, refresh(family, "r2", "r3"), 14).await;
                assert_eq!(name(&good), "ended", "{what}: the good one is dead as well");
            }
        }
        base.end().await;
    }
}

#[tokio::test]
async fn signing_out_ends_one_or_all_and_no_one_elses() {
    for base in Base::each().await {
        let store = base.store().await;
        let ann = sign_in(&store, mini("o-1"), None, 100).await;
        let bob = sign_in(&store, mini("o-2"), None, 101).await;
        for family in [201, 202, 203] {
            open(&store, ann, family, 1).await;
        }
        open(&store, bob, 204, 1).await;
        let live = async |person| session::live(store.read(), person, at(5)).await.unwrap().len();
        let revoke = async |person, family| {
            let family = FamilyId(id(family));
            let gone = store.transact(move |tx| {
                Box::pin(session::revoke(tx, person, family, "signed-out", at(3)))
            });
            gone.await.unwrap()
        };
        assert!(!revoke(bob, 201).await, "another's sign-in is as good as missing");
        assert!(revoke(ann, 201).await);
        assert!(!revoke(ann, 201).await);
        assert_eq!((live(ann).await, live(bob).await), (2, 1));
        let gone =
            store.transact(move |tx| Box::pin(session::revoke_all(tx, ann, "everywhere", at(4))));
        gone.await.unwrap();
        assert_eq!((live(ann).await, live(bob).await), (0, 1));
        assert_eq!(name(&rotate(&store, refresh(202, "r0", "r1"), 5).await), "ended");
        let row = persons::by_id(store.read(), ann).await.unwrap().unwrap();
        assert_eq!(row.session_version, 1);
        // A sign-in that read the person before and was kept after carries the old number.
        let late = session::Session {
            family: id(205),
            revoked_at: None,
            ..session::by_family(store.read(), FamilyId(id(202))).await.unwrap().unwrap()
        };
        let row = late.clone();
        store.transact(move |tx| Box::pin(store::insert(tx, row))).await.unwrap();
        assert!(!session::is_good(store.read(), &late, at(5)).await.unwrap());
        assert_eq!(name(&rotate(&store, refresh(205, "r0", "r1"), 5).await), "ended");
        base.end().await;
    }
}

#[tokio::test]
async fn one_sign_in_too_many_ends_the_one_used_longest_ago() {
    for base in Base::each().await {
        let store = base.store().await;
        let ann = sign_in(&store, mini("o-1"), None, 100).await;
        let most = session::LIVE_MAX as u128;
        for n in 0..=most {
            open(&store, ann, 200 + n, n as i64).await;
        }
        let live = session::live(store.read(), ann, at(50)).await.unwrap();
        assert_eq!(live.len() as u128, most);
        let first = person_session::Entity::find_by_id(id(200)).one(store.read()).await.unwrap();
        assert_eq!(first.unwrap().why.as_deref(), Some(session::CROWDED));
        base.end().await;
    }
}

#[tokio::test]
async fn a_ticket_works_once_and_in_its_browser() {
    for base in Base::each().await {
        let store = base.store().await;
        let ann = sign_in(&store, mini("o-1"), None, 100).await;
        let row = ticket::Ticket {
            hash: "t".into(),
            person_id: ann.0,
            browser_hash: "b".into(),
            created_at: at(0),
            expires_at: at(60),
            used_at: None,
        };
        let late = ticket::Ticket { hash: "late".into(), ..row.clone() };
        let kept = store.transact(move |tx| {
            Box::pin(async move {
                ticket::insert(tx, row).await?;
                ticket::insert(tx, late).await
            })
        });
        kept.await.unwrap();
        let redeem = |hash: &'static str, browser: &'static str, seconds| {
            let store = store.clone();
            tokio::spawn(async move {
                let used = store
                    .transact(move |tx| Box::pin(ticket::redeem(tx, hash, browser, at(seconds))));
                used.await.map_err(|error: StoreError| error.to_string()).unwrap()
            })
        };
        assert_eq!(redeem("x", "b", 1).await.unwrap(), None);
        assert_eq!(redeem("t", "another", 1).await.unwrap(), None);
        assert_eq!(redeem("late", "b", 60).await.unwrap(), None);
        let used = join_all((0..100).map(|_| redeem("t", "b", 59))).await;
        let used: Vec<_> = used.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(used, [ann]);
        assert!(ticket::by_hash(store.read(), "t").await.unwrap().unwrap().used_at.is_some());
        base.end().await;
    }
}

//! Notices: told once, sent by one, and only as often as was allowed.

use domain::{DeliveryState, NoticeChannel, NoticeId, PersonId, QuietHours};
use futures::future::join_all;
use store::{
    Store, StoreError,
    entity::person,
    notice::{
        self, Notice, Sending,
        choice::{self, Choices},
        delivery::{self, ATTEMPTS_MAX, Delivery},
        quota::{self, Subscription},
    },
};

use crate::{
    base::Base,
    site::{PROJECT, at, id},
};

fn ann() -> PersonId {
    PersonId(id(100))
}

fn notice(n: u128, reason: &str) -> Notice {
    Notice {
        project_id: PROJECT.0,
        id: id(1_000 + n),
        person_id: ann().0,
        account_id: None,
        order_id: None,
        kind: "low-balance".into(),
        reason: reason.into(),
        params: "{}".into(),
        created_at: at(0),
        read_at: None,
    }
}

fn sendings() -> Vec<Sending> {
    let one = |channel, state| Sending { channel, state, next_at: Some(at(10)), why: None };
    vec![
        one(NoticeChannel::InApp, DeliveryState::Delivered),
        one(NoticeChannel::Sms, DeliveryState::Waiting),
        one(NoticeChannel::Wechat, DeliveryState::Skipped),
    ]
}

async fn tell(store: &Store, row: Notice) -> bool {
    let told =
        store.transact(move |tx| Box::pin(async move { notice::tell(tx, row, &sendings()).await }));
    told.await.unwrap()
}

async fn begin(store: &Store, due: &Delivery, until: i64, now: i64) -> Option<Delivery> {
    let due = due.clone();
    let begun = store.transact(move |tx| {
        Box::pin(async move { delivery::begin(tx, &due, at(until), at(now)).await })
    });
    begun.await.unwrap()
}

/// The one delivery that is due.
async fn due(store: &Store, seconds: i64) -> Option<Delivery> {
    let mut due = delivery::due(store.read(), at(seconds), 9).await.unwrap();
    assert!(due.len() <= 1);
    due.pop()
}

/// State, attempts and reason of a notice's message.
async fn sms(store: &Store, row: &Notice) -> (String, i64, Option<String>) {
    let rows = delivery::of_notices(store.read(), std::slice::from_ref(row)).await.unwrap();
    let sms = rows.into_iter().find(|row| row.channel().unwrap() == NoticeChannel::Sms).unwrap();
    (sms.state, sms.attempts, sms.why)
}

#[tokio::test]
async fn a_reason_is_told_once() {
    for base in Base::each().await {
        let store = base.store().await;
        let all = (0..100).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { tell(&store, notice(n, "low-balance:2026-11-20")).await })
        });
        let told = join_all(all).await.into_iter().filter(|told| *told.as_ref().unwrap()).count();
        assert_eq!(told, 1);
        assert!(tell(&store, notice(200, "low-balance:2026-11-21")).await, "another reason");
        let other = Notice { person_id: id(101), ..notice(201, "low-balance:2026-11-20") };
        assert!(tell(&store, other).await, "another person");
        let mine = notice::of_person(store.read(), ann(), None, 100).await.unwrap();
        assert_eq!(mine.len(), 2);
        let sent = delivery::of_notices(store.read(), &mine[1..]).await.unwrap();
        let states: Vec<_> = sent.iter().map(|d| (d.channel.as_str(), d.state.as_str())).collect();
        assert_eq!(states, [("in-app", "delivered"), ("sms", "waiting"), ("wechat", "skipped")]);
        assert!(sent.iter().all(|d| d.next_at.is_some() == (d.state == "waiting")));
        base.end().await;
    }
}

#[tokio::test]
async fn a_person_reads_their_own_notices_page_by_page() {
    for base in Base::each().await {
        let store = base.store().await;
        for n in 0..5 {
            assert!(tell(&store, notice(n, &n.to_string())).await);
        }
        assert!(tell(&store, Notice { person_id: id(101), ..notice(9, "9") }).await);
        let page = async |after: Option<u128>| {
            let after = after.map(|n| NoticeId(id(1_000 + n)));
            let rows = notice::of_person(store.read(), ann(), after, 2).await.unwrap();
            rows.iter().map(|row| row.id.as_u128() - id(1_000).as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(page(None).await, [4, 3]);
        assert_eq!(page(Some(3)).await, [2, 1]);
        assert_eq!(page(Some(1)).await, [0]);
        let read = |one: Option<u128>| {
            let one = one.map(|n| NoticeId(id(1_000 + n)));
            let read = store.transact(move |tx| Box::pin(notice::read(tx, ann(), one, at(5))));
            async { read.await.unwrap_or_else(|error: StoreError| panic!("{error}")) }
        };
        assert_eq!((read(Some(2)).await, read(Some(2)).await, read(Some(9)).await), (1, 0, 0));
        assert_eq!(notice::unread(store.read(), ann()).await.unwrap(), 4);
        assert_eq!((read(None).await, read(None).await), (4, 0));
        assert_eq!(notice::unread(store.read(), PersonId(id(101))).await.unwrap(), 1);
        let foreign = notice::own(store.read(), ann(), NoticeId(id(1_009))).await.unwrap();
        assert_eq!(foreign, None, "a notice of somebody else is as good as missing");
        let own = notice::own(store.read(), ann(), NoticeId(id(1_002))).await.unwrap().unwrap();
        let same = notice::by_id(store.read(), own.project(), own.notice_id()).await.unwrap();
        assert_eq!(same, Some(own));
        base.end().await;
    }
}

#[tokio::test]
async fn a_due_delivery_is_taken_by_one() {
    for base in Base::each().await {
        let store = base.store().await;
        let row = notice(1, "r");
        tell(&store, row.clone()).await;
        assert_eq!(due(&store, 9).await, None, "not before its moment");
        let first = due(&store, 10).await.unwrap();
        let all = (0..50).map(|_| {
            let (store, first) = (store.clone(), first.clone());
            tokio::spawn(async move { begin(&store, &first, 70, 10).await })
        });
        let begun: Vec<_> = join_all(all).await.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(begun.iter().map(|d| d.attempts).collect::<Vec<_>>(), [1]);
        assert_eq!(due(&store, 69).await, None);
        // Whoever had it is gone: the next one takes over, and the first one's end is too late.
        let second = begin(&store, &due(&store, 70).await.unwrap(), 130, 70).await.unwrap();
        let finish = |taken: Delivery, state, no: Option<&str>| {
            let no = no.map(str::to_owned);
            let done = store.transact(move |tx| {
                Box::pin(async move { delivery::finish(tx, &taken, state, no, None, at(71)).await })
            });
            async { done.await.unwrap_or_else(|error: StoreError| panic!("{error}")) }
        };
        finish(begun[0].clone(), DeliveryState::Failed, None).await;
        assert_eq!(sms(&store, &row).await, ("waiting".into(), 2, None));
        finish(second, DeliveryState::Sent, Some("biz-1")).await;
        assert_eq!(due(&store, 1_000).await, None);
        let report = |no: &'static str, arrived: bool| {
            let why = (!arrived).then(|| "absent".to_owned());
            let told = store.transact(move |tx| {
                Box::pin(async move {
                    delivery::report(tx, NoticeChannel::Sms, no, arrived, why, at(80)).await
                })
            });
            async { told.await.unwrap_or_else(|error: StoreError| panic!("{error}")) }
        };
        assert_eq!(report("biz-2", true).await, 0, "about nothing we sent");
        assert_eq!(report("biz-1", true).await, 1);
        assert_eq!(report("biz-1", false).await, 0, "a second report changes nothing");
        assert_eq!(sms(&store, &row).await, ("delivered".into(), 2, None));
        base.end().await;
    }
}

#[tokio::test]
async fn a_delivery_that_never_works_fails_after_its_attempts() {
    for base in Base::each().await {
        let store = base.store().await;
        // One whose attempts fail, and one whose attempts get lost.
        for (n, lost) in [(1, false), (2, true)] {
            let row = notice(n, &n.to_string());
            tell(&store, row.clone()).await;
            let mut now = 10;
            for _ in 0..ATTEMPTS_MAX {
                let taken = begin(&store, &due(&store, now).await.unwrap(), now + 60, now).await;
                let taken = taken.unwrap();
                if !lost {
                    let put = store.transact(move |tx| {
                        Box::pin(async move {
                            delivery::put_off(tx, &taken, at(now + 60), "busy", at(now)).await
                        })
                    });
                    put.await.unwrap();
                }
                now += 60;
            }
            if lost {
                let last = due(&store, now).await.unwrap();
                assert_eq!(begin(&store, &last, now + 60, now).await, None);
            }
            let why = if lost { delivery::EXHAUSTED } else { "busy" };
            assert_eq!(sms(&store, &row).await, ("failed".into(), ATTEMPTS_MAX, Some(why.into())));
            assert_eq!(due(&store, 10_000).await, None);
        }
        base.end().await;
    }
}

#[tokio::test]
async fn of_a_hundred_sendings_as_many_go_out_as_were_accepted() {
    let to =
        || Subscription { app_id: "wx".into(), openid: "o-secret".into(), template_id: "t".into() };
    assert_eq!(format!("{:?}", to()), "t of wx for ***");
    for base in Base::each().await {
        let store = base.store().await;
        let add = || {
            let add = store
                .transact(move |tx| Box::pin(async move { quota::add(tx, &to(), at(0)).await }));
            async { add.await.unwrap_or_else(|error: StoreError| panic!("{error}")) }
        };
        let spend = |to: Subscription| {
            let store = store.clone();
            tokio::spawn(async move {
                let spent = store.transact(move |tx| {
                    Box::pin(async move { quota::spend(tx, &to, at(1)).await })
                });
                spent.await.unwrap_or_else(|error: StoreError| panic!("{error}"))
            })
        };
        for _ in 0..7 {
            add().await;
        }
        let other = Subscription { template_id: "u".into(), ..to() };
        assert!(!spend(other).await.unwrap(), "another template");
        let sent = join_all((0..100).map(|_| spend(to()))).await;
        assert_eq!(sent.into_iter().filter(|sent| *sent.as_ref().unwrap()).count(), 7);
        add().await;
        let clear =
            store.transact(move |tx| Box::pin(async move { quota::clear(tx, &to(), at(2)).await }));
        clear.await.unwrap();
        assert!(!spend(to()).await.unwrap(), "WeChat said that none is left");
        for _ in 0..quota::LEFT_MAX + 5 {
            add().await;
        }
        let counts = quota::of_openid(store.read(), "wx", "o-secret").await.unwrap();
        assert_eq!(counts.iter().map(|c| c.messages_left).collect::<Vec<_>>(), [quota::LEFT_MAX]);
        base.end().await;
    }
}

#[tokio::test]
async fn choices_and_quiet_hours_are_kept_and_replaced() {
    for base in Base::each().await {
        let store = base.store().await;
        let row = person::Model {
            id: ann().0,
            name: None,
            language: "zh-CN".into(),
            elder: false,
            theme: "system".into(),
            created_at: at(0),
            session_version: 0,
        };
        store.transact(move |tx| Box::pin(store::insert(tx, row))).await.unwrap();
        assert_eq!(choice::of_person(store.read(), ann()).await.unwrap(), Choices::default());
        let wanted = [
            Choices {
                kinds: vec![
                    ("low-balance".into(), vec![NoticeChannel::Sms, NoticeChannel::InApp]),
                    ("restored".into(), Vec::new()),
                ],
                quiet: QuietHours::new(1_320, 480),
            },
            Choices { kinds: vec![("restored".into(), vec![NoticeChannel::Wechat])], quiet: None },
        ];
        for wanted in wanted {
            let new = wanted.clone();
            let kept = store
                .transact(move |tx| Box::pin(async move { choice::set(tx, ann(), &new).await }));
            kept.await.unwrap();
            let kept = choice::of_person(store.read(), ann()).await.unwrap();
            assert_eq!(kept, wanted);
            assert!(kept.of("restored").is_some() && kept.of("price").is_none());
        }
        base.end().await;
    }
}

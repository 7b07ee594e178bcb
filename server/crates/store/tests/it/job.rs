//! Jobs: by lease and token, one at a time per meter, parked and never dropped.

use std::time::Duration;

use domain::JobId;
use sea_orm::EntityTrait;
use store::{
    Store, StoreError,
    job::{self, Claim, End, GatewayFilter, Job, Lease},
};

use crate::{
    base::Base,
    site::{PROJECT, at, id},
};

fn claim(now: i64) -> Claim {
    Claim {
        owner: "worker".into(),
        kinds: Vec::new(),
        gateways: GatewayFilter::Any,
        limit: 100,
        background_limit: 100,
        lease: Duration::from_secs(60),
        now: at(now),
        lease_now: at(now),
        take_back: true,
    }
}

/// Job `n` about a meter, created and due `n` seconds after the start.
fn draft(n: u128, meter: Option<&str>) -> Job {
    let id = JobId(id(5_000_000 + n));
    let mut job = job::draft(PROJECT, id, "vend", &format!("key-{n}"), at(n as i64));
    job.order_key = meter.map(str::to_owned);
    job.attempts_max = 3;
    job
}

async fn add(store: &Store, jobs: Vec<Job>) {
    let added = store.transact(|tx| {
        Box::pin(async move {
            for job in jobs {
                job::insert(tx, &job).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    added.await.unwrap();
}

/// The keys of what a claim answers.
async fn keys(store: &Store, claim: Claim) -> Vec<String> {
    store.claim(claim).await.unwrap().into_iter().map(|job| job.key).collect()
}

async fn lease_of(store: &Store, now: i64) -> Lease {
    store.claim(claim(now)).await.unwrap()[0].lease()
}

async fn state(store: &Store, n: u128) -> (String, i32) {
    let key = (PROJECT.0, draft(n, None).id);
    let row = store::entity::job::Entity::find_by_id(key).one(store.read()).await.unwrap().unwrap();
    (row.state, row.attempts)
}

#[tokio::test]
async fn jobs_of_one_meter_are_done_one_at_a_time_in_their_order() {
    for base in Base::each().await {
        let store = base.store().await;
        let (a, b) = (Some("meter-a"), Some("meter-b"));
        add(&store, vec![draft(2, a), draft(1, a), draft(3, b), draft(4, None)]).await;
        assert_eq!(keys(&store, claim(10)).await, ["key-1", "key-3", "key-4"]);
        // While the first is held the second waits, and so it does while the first is to be
        // tried again, and even when it is parked.
        assert!(keys(&store, claim(11)).await.is_empty());
        let first = Lease { project: PROJECT, job: JobId(draft(1, a).id), token: 1 };
        store.end_job(first, End::Retry(at(100), "no answer".into()), at(12)).await.unwrap();
        assert!(keys(&store, claim(13)).await.is_empty());
        let claimed = store.claim(claim(200)).await.unwrap();
        let again = claimed.iter().find(|job| job.key == "key-1").unwrap().lease();
        store.end_job(again, End::Park("refused".into()), at(201)).await.unwrap();
        assert!(!keys(&store, claim(1000)).await.contains(&"key-2".into()));
        let parked = job::parked(store.read(), Some(PROJECT), 10).await.unwrap();
        assert_eq!(parked[0].first_error.as_deref(), Some("no answer"));
        assert_eq!(parked[0].last_error.as_deref(), Some("refused"));
        let unpark = store.transact(|tx| {
            Box::pin(
                async move { job::unpark(tx, PROJECT, JobId(draft(1, None).id), at(1001)).await },
            )
        });
        unpark.await.unwrap();
        let again = lease_of(&store, 1002).await;
        store.end_job(again, End::Done, at(1003)).await.unwrap();
        assert!(keys(&store, claim(1004)).await.contains(&"key-2".into()));
        base.end().await;
    }
}

#[tokio::test]
async fn a_worker_whose_lease_has_passed_on_is_not_heard() {
    for base in Base::each().await {
        let store = base.store().await;
        add(&store, vec![draft(1, None)]).await;
        let slow = lease_of(&store, 10).await;
        assert!(keys(&store, claim(69)).await.is_empty(), "the lease still holds");
        let quick = lease_of(&store, 71).await;
        assert!(quick.token > slow.token);
        for end in [End::Done, End::Again(at(99)), End::Park("late".into())] {
            let late = store.end_job(slow, end, at(72)).await;
            assert!(matches!(late, Err(StoreError::Gone(_))), "{late:?}");
        }
        store.end_job(quick, End::Done, at(73)).await.unwrap();
        assert_eq!(state(&store, 1).await.0, "done");
        base.end().await;
    }
}

#[tokio::test]
async fn attempts_are_bounded_and_then_a_person_is_shown_the_job() {
    for base in Base::each().await {
        let store = base.store().await;
        add(&store, vec![draft(1, None)]).await;
        // Going on is no failure.
        for now in [10, 20] {
            let lease = lease_of(&store, now).await;
            store.end_job(lease, End::Again(at(now + 5)), at(now)).await.unwrap();
            assert_eq!(state(&store, 1).await, ("ready".into(), 0));
        }
        for (now, want) in [(30, "ready"), (40, "ready"), (50, "parked")] {
            let lease = lease_of(&store, now).await;
            store.end_job(lease, End::Retry(at(now + 5), "no".into()), at(now)).await.unwrap();
            assert_eq!(state(&store, 1).await.0, want, "at {now}");
        }
        base.end().await;
    }
}

#[tokio::test]
async fn a_job_that_kills_its_worker_is_parked_as_well() {
    for base in Base::each().await {
        let store = base.store().await;
        add(&store, vec![draft(1, None)]).await;
        for n in 0..3 {
            assert_eq!(keys(&store, claim(10 + n * 100)).await.len(), 1, "attempt {n}");
        }
        assert!(keys(&store, claim(1000)).await.is_empty());
        assert_eq!(state(&store, 1).await, ("parked".into(), 3));
        base.end().await;
    }
}

#[tokio::test]
async fn urgent_work_goes_first_and_only_to_those_who_can_do_it() {
    for base in Base::each().await {
        let store = base.store().await;
        let mut close = draft(5, None);
        (close.priority, close.kind) = (0, "supply".into());
        let mut far = draft(3, None);
        far.gateway_id = Some(id(77));
        add(&store, vec![draft(1, None), far, close]).await;
        let only = |kinds: &[&str], gateways, limit| Claim {
            kinds: kinds.iter().map(|kind| kind.to_string()).collect(),
            gateways,
            limit,
            ..claim(10)
        };
        let mine = GatewayFilter::Within(vec![domain::GatewayId(id(77))]);
        let table = [
            (only(&["notice"], GatewayFilter::Any, 9), vec![]),
            (only(&[], GatewayFilter::Any, 1), vec!["key-5"]),
            (only(&["vend", "notice"], GatewayFilter::Within(Vec::new()), 1), vec!["key-1"]),
            (only(&[], mine, 9), vec!["key-3"]),
        ];
        for (claim, want) in table {
            assert_eq!(keys(&store, claim).await, want);
        }
        base.end().await;
    }
}

#[tokio::test]
async fn a_job_is_added_once_and_can_be_called_again() {
    for base in Base::each().await {
        let store = base.store().await;
        add(&store, vec![draft(1, None), draft(1, None)]).await;
        let lease = lease_of(&store, 10).await;
        store.end_job(lease, End::Done, at(11)).await.unwrap();
        add(&store, vec![draft(1, None)]).await;
        assert!(keys(&store, claim(12)).await.is_empty(), "a known job is left alone");
        let call = store.transact(|tx| {
            Box::pin(async move {
                let mut job = draft(1, None);
                job.run_at = at(20);
                job::schedule(tx, &job).await
            })
        });
        call.await.unwrap();
        assert!(keys(&store, claim(19)).await.is_empty());
        assert_eq!(store.next_job_at().await.unwrap(), Some(at(20)));
        assert_eq!(keys(&store, claim(20)).await, ["key-1"]);
        base.end().await;
    }
}

#[tokio::test]
async fn two_workers_never_hold_the_same_job() {
    for base in Base::each().await {
        let store = base.store().await;
        add(&store, (0..400).map(|n| draft(n, None)).collect()).await;
        let workers = (0..8).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let got = keys(&store, Claim { limit: 7, ..claim(1000) }).await;
                    if got.is_empty() {
                        return mine;
                    }
                    mine.extend(got);
                }
            })
        });
        let mut all = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            all.extend(worker.await.unwrap());
        }
        all.sort();
        let held = all.len();
        all.dedup();
        assert_eq!((held, all.len()), (400, 400));
        base.end().await;
    }
}

#[tokio::test]
async fn a_commit_wakes_whoever_waits_in_this_process_and_in_another() {
    for base in Base::each().await {
        let store = base.store().await;
        let other = Store::open(&base.url).await.unwrap();
        let waits = match base.url.starts_with("sqlite") {
            true => vec![store.clone()],
            false => vec![store.clone(), other.clone()],
        };
        // The first wake-up of a listener says that it listens.
        for waiting in &waits {
            if !base.url.starts_with("sqlite") {
                waiting.wait_for_work(Duration::from_secs(30)).await;
            }
        }
        let waiting = waits.into_iter().map(|store| {
            tokio::spawn(async move {
                let long = Duration::from_secs(30);
                tokio::time::timeout(long / 2, store.wait_for_work(long)).await.is_ok()
            })
        });
        let waiting = waiting.collect::<Vec<_>>();
        add(&store, vec![draft(1, None)]).await;
        for woken in waiting {
            assert!(woken.await.unwrap(), "nobody was woken");
        }
        base.end().await;
    }
}

/// What the database does for a claim does not grow with what waits: it is counted in rows the
/// plan visits, not in time.
#[tokio::test]
async fn a_claim_walks_the_index_of_ready_jobs() {
    use sea_orm::{ConnectionTrait, Statement};
    let base = Base::sqlite();
    let store = base.store().await;
    let db = store.read();
    let sql = "explain query plan select c.project_id, c.id from job c \
         where c.state = 'ready' and c.priority = 2 and c.run_at <= 'x' \
         and (c.order_key is null or not exists (select 1 from job e \
           where e.project_id = c.project_id and e.order_key = c.order_key \
           and e.state <> 'done' and e.id <> c.id and (e.state = 'leased' \
           or (e.created_at, e.id) < (c.created_at, c.id)))) \
         order by c.run_at, c.id limit 10";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let plan: Vec<String> =
        rows.unwrap().iter().map(|row| row.try_get("", "detail").unwrap()).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("job_priority_run_at_id_some"), "{plan}");
    assert!(plan.contains("job_order_key_created_at_id_some"), "{plan}");
    assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN"), "{plan}");
    base.end().await;
}

#[tokio::test]
async fn fifty_failures_far_apart_do_not_park_a_job() {
    for base in Base::each().await {
        let store = base.store().await;
        let mut job = draft(1, None);
        job.attempts_max = 50;
        add(&store, vec![job]).await;
        // A week of looking in vain, with a conflict now and then: none of them in a row.
        for n in 0..60 {
            let now = 10 + n * 10;
            let lease = lease_of(&store, now).await;
            store.end_job(lease, End::Retry(at(now + 1), "raced".into()), at(now)).await.unwrap();
            let lease = lease_of(&store, now + 2).await;
            store.end_job(lease, End::Again(at(now + 3)), at(now + 2)).await.unwrap();
        }
        assert_eq!(state(&store, 1).await, ("ready".into(), 0));
        base.end().await;
    }
}

#[tokio::test]
async fn a_wake_during_the_last_moment_of_a_turn_is_heard() {
    let ends = [
        End::Done,
        End::Again(at(9_000)),
        End::Retry(at(13), "no".into()),
        End::Park("no".into()),
        End::Elsewhere(domain::GatewayId(id(77))),
    ];
    for base in Base::each().await {
        let store = base.store().await;
        add(&store, vec![draft(1, None)]).await;
        for end in ends.clone() {
            let lease = lease_of(&store, 20).await;
            let call = store.transact(|tx| {
                Box::pin(async move {
                    let mut job = draft(1, None);
                    job.run_at = at(11);
                    job::schedule(tx, &job).await
                })
            });
            call.await.unwrap();
            store.end_job(lease, end.clone(), at(12)).await.unwrap();
            assert_eq!(state(&store, 1).await.0, "ready", "{end:?}");
        }
        // The call was heard once: a turn nobody called in ends as it says.
        let lease = lease_of(&store, 20).await;
        store.end_job(lease, End::Done, at(21)).await.unwrap();
        assert_eq!(state(&store, 1).await.0, "done");
        base.end().await;
    }
}

#[tokio::test]
async fn a_job_of_a_gateway_nobody_owns_is_anybodys() {
    use store::entity::gateway;
    for base in Base::each().await {
        let store = base.store().await;
        crate::site::build(&store, 1).await;
        let gateway = gateway::Entity::find().one(store.read()).await.unwrap().unwrap().id;
        let mut about = draft(1, None);
        about.gateway_id = Some(gateway);
        add(&store, vec![about]).await;
        let of = domain::GatewayId(gateway);
        // While another node owns the gateway its jobs are not ours; once its lease is over they
        // are whoever's comes first.
        store.own_gateway(of, "other", at(0), at(60)).await.unwrap().unwrap();
        let ours = |now| Claim { gateways: GatewayFilter::Within(Vec::new()), ..claim(now) };
        assert!(keys(&store, ours(50)).await.is_empty());
        assert_eq!(keys(&store, ours(61)).await, ["key-1"]);
        base.end().await;
    }
}

#[tokio::test]
async fn background_work_gets_no_more_than_its_share() {
    for base in Base::each().await {
        let store = base.store().await;
        let with = |n: u128, priority: i16| Job { priority, ..draft(n, None) };
        let jobs = (0..9).map(|n| with(n, if n < 6 { 3 } else { 1 }));
        add(&store, jobs.collect()).await;
        let share = Claim { background_limit: 2, ..claim(100) };
        assert_eq!(
            keys(&store, share.clone()).await,
            ["key-6", "key-7", "key-8", "key-0", "key-1"]
        );
        let none = Claim { background_limit: 0, ..share };
        assert!(keys(&store, none).await.is_empty());
        base.end().await;
    }
}

#[tokio::test]
async fn waits_beyond_a_moment_are_recalled() {
    for base in Base::each().await {
        let store = base.store().await;
        add(&store, vec![draft(5, None), draft(1_000, None)]).await;
        let recalled = store.transact(|tx| Box::pin(job::recall(tx, at(100), at(2))));
        assert_eq!(recalled.await.unwrap(), 1);
        assert_eq!(keys(&store, claim(2)).await, ["key-1000"]);
        base.end().await;
    }
}

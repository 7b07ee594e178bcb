//! Full disks and killed processes: nothing acknowledged is lost, nothing is acknowledged after a
//! storage error.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use sea_orm::{DbBackend, EntityTrait, Statement};
use store::{Credited, Store, StoreError, StoreOptions, entity::provider_fact};

use crate::{
    base::Base,
    site::{build, credit},
};

/// Credits one after the other until the store ends; answers the trade numbers it acknowledged.
async fn credit_until_it_ends(store: &Store, from: u128) -> (Vec<String>, StoreError) {
    let mut acknowledged = Vec::new();
    for n in from.. {
        place_quietly(store, n).await;
        let wanted = credit(n, n);
        let trade_no = wanted.fact.provider_trade_no.clone();
        match store.credit(wanted).await {
            Ok(Credited::New) => acknowledged.push(trade_no),
            // The order could not be placed any more.
            Ok(_) => continue,
            Err(error) => return (acknowledged, error),
        }
    }
    unreachable!()
}

async fn place_quietly(store: &Store, n: u128) {
    let row = crate::site::order(n);
    let placed: Result<(), StoreError> =
        store.transact(move |tx| Box::pin(async move { store::insert(tx, row).await })).await;
    let _ = placed;
}

async fn check_stopped(store: &Store) {
    tokio::time::timeout(Duration::from_secs(10), store.stopped()).await.unwrap();
    let after: Result<(), StoreError> = store.transact(|_| Box::pin(async { Ok(()) })).await;
    assert!(matches!(after, Err(StoreError::Stopped)), "{after:?}");
    assert!(matches!(store.credit(credit(1, 1)).await, Err(StoreError::Stopped)));
}

/// Opens the file as a restarted process would and looks for what was acknowledged.
async fn check_recovered(url: &str, acknowledged: &[String]) {
    let store = Store::open(url).await.unwrap();
    let facts = provider_fact::Entity::find().all(store.read()).await.unwrap();
    for trade_no in acknowledged {
        assert!(facts.iter().any(|f| f.provider_trade_no == *trade_no), "{trade_no} was lost");
    }
    let report = store.audit(None).await.unwrap();
    // What was not acknowledged may be there all the same: that is why a repeat is harmless.
    assert!(report.credited_facts >= acknowledged.len() as i64);
}

#[tokio::test]
async fn a_full_disk_stops_the_store_and_recovery_finds_what_was_acknowledged() {
    let base = Base::sqlite();
    let store = base.store().await;
    build(&store, 1).await;
    drop(store);
    // The store's own bound makes SQLite answer as on a full disk (SQLITE_FULL).
    let options = StoreOptions { pages_max: Some(300), ..StoreOptions::default() };
    let store = Store::open_with(&base.url, options).await.unwrap();
    let (acknowledged, error) = credit_until_it_ends(&store, 0).await;
    assert!(matches!(error, StoreError::Stopped), "{error}");
    assert!(acknowledged.len() > 10);
    check_stopped(&store).await;
    check_recovered(&base.url, &acknowledged).await;
    base.end().await;
}

/// The same on a real file system of three megabytes, where the container allows to mount one.
#[tokio::test]
async fn a_file_system_without_room_stops_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
        .arg(dir.path())
        .stderr(Stdio::null())
        .status();
    if !mount.is_ok_and(|status| status.success()) {
        eprintln!("NOTICE: no tmpfs can be mounted here; SQLITE_FULL is tested by its page bound");
        return;
    }
    let url = format!("sqlite:{}", dir.path().join("money.db").display());
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    build(&store, 1).await;
    let (acknowledged, error) = credit_until_it_ends(&store, 0).await;
    assert!(matches!(error, StoreError::Stopped), "{error}");
    check_stopped(&store).await;
    drop(store);
    // An operator makes room, then the process starts again.
    let room = Command::new("mount").args(["-o", "remount,size=30m"]).arg(dir.path()).status();
    assert!(room.unwrap().success());
    check_recovered(&url, &acknowledged).await;
    let _ = Command::new("umount").arg("-l").arg(dir.path()).status();
}

/// Only the writer moves the log into the file; it must do so often enough (goal R10).
#[tokio::test]
async fn the_log_stays_bounded_while_payments_go_on() {
    const LOG_MAX: u64 = 32 << 20;
    let base = Base::sqlite();
    let store = base.store().await;
    build(&store, 1).await;
    let file = base.url.strip_prefix("sqlite:").unwrap();
    let size = |suffix: &str| std::fs::metadata(format!("{file}{suffix}")).map_or(0, |m| m.len());
    let mut written = 0;
    for round in 0..6u128 {
        let orders = round * 500..(round + 1) * 500;
        crate::site::place(&store, orders.start, orders.end).await;
        let told = orders.map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.credit(credit(n, n)).await.unwrap() })
        });
        for told in told.collect::<Vec<_>>() {
            assert_eq!(told.await.unwrap(), Credited::New);
        }
        assert!(size("-wal") < LOG_MAX, "{} bytes in the log", size("-wal"));
        written = size("");
    }
    assert!(written > 4 << 20, "{written} bytes have reached the file");
    base.end().await;
}

/// Makes the 40th sync of the database files fail, once: whoever tries again believes in success,
/// while the kernel has already thrown the page away (`reliability.md` 2.3).
const FAILING_SYNC: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
static atomic_int calls;
static int fails(void) { return atomic_fetch_add(&calls, 1) == 40; }
int fsync(int fd) {
    if (fails()) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
int fdatasync(int fd) {
    if (fails()) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
"#;

#[test]
fn after_one_failed_sync_nothing_is_acknowledged_any_more() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let base = Base::sqlite();
    runtime.block_on(async { build(&base.store().await, 1).await });
    let dir = tempfile::tempdir().unwrap();
    let (source, shim) = (dir.path().join("shim.c"), dir.path().join("shim.so"));
    std::fs::write(&source, FAILING_SYNC).unwrap();
    // The same compiler that SQLite itself was built with.
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"]).arg(&shim).arg(&source).arg("-ldl");
    assert!(cc.status().unwrap().success());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stop::the_process_whose_sync_fails", "--nocapture"])
        .env(SYNC_CHILD, &base.url)
        .env("LD_PRELOAD", &shim)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("STOPPED"), "{said}");
    let (before, after) = said.split_once("STOPPED").unwrap();
    let acks = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.split("ACK ").nth(1)).map(str::to_owned).collect()
    };
    assert!(!acks(before).is_empty() && acks(after).is_empty(), "{said}");
    runtime.block_on(check_recovered(&base.url, &acks(before)));
    runtime.block_on(base.end());
}

const SYNC_CHILD: &str = "YUFU_TEST_SYNC_CHILD";

/// Not a test by itself: the process whose sync fails.
#[tokio::test]
async fn the_process_whose_sync_fails() {
    let Ok(url) = std::env::var(SYNC_CHILD) else { return };
    let store = Store::open(&url).await.unwrap();
    let mut stopped = false;
    for n in 0..200 {
        place_quietly(&store, n).await;
        match store.credit(credit(n, n)).await {
            Ok(Credited::New) => println!("ACK {}", credit(n, n).fact.provider_trade_no),
            Err(StoreError::Stopped) if !stopped => {
                stopped = true;
                println!("STOPPED");
            }
            _ => {}
        }
    }
}

/// A server that drops its connections in the middle of commits leaves doubt; whoever says the
/// same again finds out, and every payment is there once (5A, 5B, 5D).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut_in_mid_commit_lose_and_double_nothing() {
    use sea_orm::ConnectionTrait;
    let Some(base) = Base::postgres().await else { return };
    let store = base.store().await;
    build(&store, 1).await;
    crate::site::place(&store, 0, 400).await;
    let (acknowledge, mut acknowledged) = tokio::sync::mpsc::unbounded_channel();
    for lane in 0..40u128 {
        let (store, acknowledge) = (store.clone(), acknowledge.clone());
        tokio::spawn(async move {
            for n in (lane..400).step_by(40) {
                // What a provider does: it says the same until it is acknowledged.
                while store.credit(credit(n, n)).await.is_err() {}
                acknowledge.send(n).unwrap();
            }
        });
    }
    drop(acknowledge);
    let knife = base.raw().await;
    // Only connections of this test carry its schema in their search path.
    let schema = base.url.rsplit_once("%3D").unwrap().1;
    let cut = format!(
        "select pg_terminate_backend(a.pid) from pg_stat_activity a \
         where a.pid <> pg_backend_pid() and a.application_name = '{schema}'"
    );
    let mut count = 0;
    while acknowledged.recv().await.is_some() {
        count += 1;
        if count % 12 == 0 {
            knife.query_all_raw(Statement::from_string(DbBackend::Postgres, &*cut)).await.unwrap();
        }
    }
    assert_eq!(count, 400);
    let report = store.audit(None).await.unwrap();
    assert_eq!((report.credited_facts, report.posted_fen), (400, 400 * 5000));
    knife.close().await.unwrap();
    base.end().await;
}

const CHILD: &str = "YUFU_TEST_KILLED_CHILD";

/// Not a test by itself: the process that is killed. It prints what it has acknowledged.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let store = Store::open(&url).await.unwrap();
    let before = provider_fact::Entity::find().all(store.read()).await.unwrap().len() as u128;
    let credits = (0..8u128).map(|lane| {
        let store = store.clone();
        tokio::spawn(async move {
            for step in 0.. {
                let n = before + 1000 + step * 8 + lane;
                place_quietly(&store, n).await;
                if let Ok(Credited::New) = store.credit(credit(n, n)).await {
                    println!("ACK {}", credit(n, n).fact.provider_trade_no);
                }
            }
        })
    });
    for lane in credits.collect::<Vec<_>>() {
        lane.await.unwrap();
    }
}

#[test]
fn a_killed_process_has_lost_nothing_it_acknowledged() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for base in runtime.block_on(Base::each()) {
        runtime.block_on(async { build(&base.store().await, 1).await });
        let mut acknowledged = Vec::new();
        for cycle in 0..3 {
            acknowledged.extend(kill_after(&base.url, 40 + cycle * 30));
            runtime.block_on(check_recovered(&base.url, &acknowledged));
        }
        runtime.block_on(base.end());
    }
}

/// Runs the child until it has acknowledged so much, kills it, answers what it said.
fn kill_after(url: &str, acknowledgements: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stop::the_process_that_is_killed", "--nocapture"])
        .env(CHILD, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while said.len() < acknowledgements {
        let line = lines.next().expect("the child ended early").unwrap();
        said.extend(line.split("ACK ").nth(1).map(str::to_owned));
    }
    // SIGKILL; whatever it still wrote to the pipe was acknowledged as well.
    child.kill().unwrap();
    child.wait().unwrap();
    let rest = lines.map_while(Result::ok);
    said.extend(rest.filter_map(|line| {
        line.split("ACK ").nth(1).filter(|no| no.len() == 16).map(str::to_owned)
    }));
    said
}

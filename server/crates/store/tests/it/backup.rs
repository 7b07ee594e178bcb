//! A backup is one that was opened and proven.

use store::{
    Store,
    backup::{BackupError, verify},
    setting,
};

use crate::{
    base::Base,
    site::{build, credit, place},
};

#[tokio::test]
async fn a_running_store_is_copied_and_the_copy_proven() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        place(&store, 0, 20).await;
        for n in 0..20 {
            store.credit(credit(n, n)).await.unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("copy.db");
        if !base.url.starts_with("sqlite") {
            assert!(matches!(store.backup(&file).await, Err(BackupError::NotHere)));
            base.end().await;
            continue;
        }
        let report = store.backup(&file).await.unwrap();
        assert_eq!((report.credited_facts, report.posted_fen), (20, 20 * 5000));
        assert!(matches!(store.backup(&file).await, Err(BackupError::Exists)));
        let copy = Store::open(&format!("sqlite:{}", file.display())).await.unwrap();
        assert_eq!(copy.mark_restored().await.unwrap(), 1);
        let safe = setting::get(copy.read(), setting::SAFE_MODE).await.unwrap();
        assert_eq!(safe.as_deref(), Some("on"));
        drop(copy);
        assert_eq!(verify(&file).await.unwrap(), report);
        base.end().await;
    }
}

#[tokio::test]
async fn a_damaged_copy_is_no_backup() {
    let base = Base::sqlite();
    let store = base.store().await;
    build(&store, 1).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("copy.db");
    store.backup(&file).await.unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 20_000].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    assert!(verify(&file).await.is_err());
    base.end().await;
}

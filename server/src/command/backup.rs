//! `yufu backup` and `yufu restore`: a copy that was proven, and the way back that keeps still.

use std::path::{Path, PathBuf};

use serde_json::json;
use store::{
    backup::{self, BackupError},
    ledger::AuditReport,
};

use super::{Done, Exit, Failure, Site, failure::chain, ledger::broken, print_json, site};
use crate::config::Config;

/// The words of `backup`.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// 备份文件，不能已存在 / the backup's file; it must not exist yet
    pub file: PathBuf,
    /// 只验证已有的备份文件 / only prove a backup that exists
    #[arg(long)]
    pub verify: bool,
}

/// The words of `restore`.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// 备份文件 / the backup's file
    pub file: PathBuf,
}

/// Copies the database while the server may be running, and proves the copy.
pub async fn backup(args: &BackupArgs, site: &Site) -> Done {
    if args.verify {
        return told(&args.file, backup::verify(&args.file).await.map_err(failed)?);
    }
    let report = site.store.backup(&args.file).await.map_err(failed)?;
    told(&args.file, report)
}

fn told(file: &Path, report: AuditReport) -> Done {
    print_json(&json!({
        "file": file.display().to_string(),
        "proven": true,
        "postings": report.postings,
        "credited_facts": report.credited_facts,
        "posted_fen": report.posted_fen,
    }));
    Ok(())
}

/// Puts a proven backup in the place of the database and switches safe mode on.
pub async fn restore(args: &RestoreArgs, config: &Config) -> Done {
    let Some(target) = site::sqlite_file(&config.database.url) else {
        return Err(failed(BackupError::NotHere));
    };
    if !args.file.is_file() {
        let name = args.file.display().to_string();
        return Err(Failure::not_found("备份文件", "backup file", &name));
    }
    let target = Path::new(target);
    place_is_free(target)?;
    let partial = target.with_extension("restoring");
    let (report, epoch) = prepare(&args.file, &partial).await?;
    std::fs::rename(&partial, target).map_err(|error| Failure::file(target, &error))?;
    sync_folder(target).map_err(|error| Failure::file(target, &error))?;
    told(target, report)?;
    println!(
        "已恢复，安全模式已打开（第 {epoch} 代）：结束之前不拉闸，也不向表计下发；\n\
         这期间付款的租户要等到安全模式结束才送电，请尽快核对。\n\
         接下来：1) yufu migrate  2) yufu doctor  3) yufu vend list 逐笔核对\n\
         4) 启动服务：备份里已有的订单由查询补齐；备份之后才下的订单不在账上，\n\
         它们的付款列为待办“付款找不到订单”  5) 核对后 yufu safe-mode off，再看隔离的表计\n\
         Restored; safe mode is on (epoch {epoch}): until it ends nobody is cut off, and nothing\n\
         is sent to a meter: whoever pays meanwhile waits for the light. Do not leave it on.\n\
         Next: 1) yufu migrate  2) yufu doctor  3) look through yufu vend list\n\
         4) start the server: its queries settle the orders the backup knows; a payment of an\n\
         order placed after it becomes the work item \"a payment of an order nobody knows\"\n\
         5) when all is well, yufu safe-mode off; then look for quarantined meters"
    );
    Ok(())
}

/// Refuses a place that is taken, by a database or by what SQLite left beside one.
///
/// Invariant: a restored copy never meets another database's journal, which SQLite would play into
/// it; proved by `a_left_over_wal_is_never_joined_to_a_restored_database`.
fn place_is_free(target: &Path) -> Done {
    let database = target.exists().then(|| target.to_owned());
    let Some(taken) = database.into_iter().chain(backup::journals(target)).next() else {
        return Ok(());
    };
    let shown = taken.display();
    Err(Failure::new(
        Exit::Refused,
        "restore.exists",
        format!("现有数据库还在：{shown}"),
        format!("a database, or a part of one, is still in the place: {shown}"),
    )
    .fix(
        "先停止服务，把现有文件连同 -wal、-shm 移走保存，再恢复",
        "stop the server, move the file with its -wal and -shm away and keep them, try again",
    ))
}

/// Makes the copy that is put in place: proven, marked and on the disk before it has its name.
///
/// Invariant: no copy takes the database's name before safe mode is on in it and synced; proved by
/// `a_restore_cut_short_never_leaves_safe_mode_off`.
async fn prepare(file: &Path, partial: &Path) -> Result<(AuditReport, i64), Failure> {
    backup::verify(file).await.map_err(failed)?;
    if let Some(journal) = backup::journals(file).first() {
        return Err(failed(BackupError::Journal(journal.display().to_string())));
    }
    // What a restore that was cut short left here is no part of this one.
    for rest in backup::journals(partial) {
        std::fs::remove_file(&rest).map_err(|error| Failure::file(&rest, &error))?;
    }
    std::fs::copy(file, partial).map_err(|error| Failure::file(partial, &error))?;
    let report = backup::verify(partial).await.map_err(failed)?;
    let epoch = backup::mark_restored(partial).await.map_err(failed)?;
    Ok((report, epoch))
}

/// Writes the folder's new entry through to the disk.
fn sync_folder(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn failed(error: BackupError) -> Failure {
    match error {
        BackupError::Store(error) => error.into(),
        BackupError::Books(error) => broken(error),
        BackupError::NotHere => Failure::new(
            Exit::Refused,
            "backup.postgres",
            "PostgreSQL 用它自己的工具备份",
            "PostgreSQL is backed up by its own tools",
        )
        .fix("用 pg_dump 或基础备份，见 docs/operations.md", "use pg_dump or base backups"),
        BackupError::Exists => Failure::new(
            Exit::Refused,
            "backup.exists",
            "备份文件已存在",
            "the backup's file exists already",
        )
        .fix("换一个文件名", "take another name"),
        BackupError::File(error) => Failure::machine(&error),
        error => Failure::new(Exit::Found, "backup.bad", "备份不可用", "the backup does not hold")
            .fix("换一份备份；重新备份前先运行 yufu doctor", "take another; run `yufu doctor`")
            .detail(chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use store::{Store, setting};

    use super::*;

    fn config(file: &Path) -> Config {
        let mut config = Config::default();
        config.database.url = format!("sqlite:{}", file.display());
        config
    }

    #[tokio::test]
    async fn a_backup_is_proven_and_its_restore_keeps_still_until_a_person_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let store = Store::open(&config(&path("yufu.db")).database.url).await.unwrap();
        store.migrate().await.unwrap();
        let site = Site::of(config(&path("yufu.db")), store);
        let file = path("copy.db");
        let args = BackupArgs { file: file.clone(), verify: false };
        backup(&args, &site).await.unwrap();
        assert_eq!(backup(&args, &site).await.unwrap_err().code(), "backup.exists");
        let back = RestoreArgs { file };
        let taken = restore(&back, &config(&path("yufu.db"))).await.unwrap_err();
        assert_eq!(taken.code(), "restore.exists", "a database in the way is never overwritten");
        let free = config(&path("restored.db"));
        restore(&back, &free).await.unwrap();
        let restored = Store::open(&free.database.url).await.unwrap();
        let mode = setting::get(restored.read(), setting::SAFE_MODE).await.unwrap();
        assert_eq!(mode.as_deref(), Some("on"));
    }

    async fn a_backup(dir: &Path) -> RestoreArgs {
        let store = Store::open(&config(&dir.join("source.db")).database.url).await.unwrap();
        store.migrate().await.unwrap();
        let file = dir.join("copy.db");
        store.backup(&file).await.unwrap();
        RestoreArgs { file }
    }

    #[tokio::test]
    async fn a_left_over_wal_is_never_joined_to_a_restored_database() {
        let dir = tempfile::tempdir().unwrap();
        let back = a_backup(dir.path()).await;
        let target = dir.path().join("yufu.db");
        for left in ["yufu.db-wal", "yufu.db-shm", "yufu.db-journal"] {
            let left = dir.path().join(left);
            std::fs::write(&left, b"pages of another database").unwrap();
            let refused = restore(&back, &config(&target)).await.unwrap_err();
            assert_eq!(refused.code(), "restore.exists", "{}", left.display());
            assert!(!target.exists(), "nothing was put beside {}", left.display());
            std::fs::remove_file(&left).unwrap();
        }
        restore(&back, &config(&target)).await.unwrap();
    }

    #[tokio::test]
    async fn a_restore_cut_short_never_leaves_safe_mode_off() {
        let dir = tempfile::tempdir().unwrap();
        let back = a_backup(dir.path()).await;
        let partial = dir.path().join("yufu.restoring");
        // An earlier one was cut short and left a journal.
        std::fs::write(dir.path().join("yufu.restoring-wal"), b"pages").unwrap();
        prepare(&back.file, &partial).await.unwrap();
        // Cut short here, before the copy takes its name: whatever is renamed later, by whom, is
        // one whole file that keeps still.
        assert!(backup::journals(&partial).is_empty() && backup::journals(&back.file).is_empty());
        let renamed = dir.path().join("renamed.db");
        std::fs::rename(&partial, &renamed).unwrap();
        let store = Store::open(&config(&renamed).database.url).await.unwrap();
        let mode = setting::get(store.read(), setting::SAFE_MODE).await.unwrap();
        assert_eq!(mode.as_deref(), Some("on"));
    }

    #[tokio::test]
    async fn what_is_no_database_is_not_restored() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("noise.db");
        std::fs::write(&file, b"this is no database, only text that is long enough").unwrap();
        let target = dir.path().join("yufu.db");
        let refused = restore(&RestoreArgs { file }, &config(&target)).await;
        assert!(refused.is_err());
        assert!(!target.exists(), "nothing was put in place");
    }
}

//! `yufu ledger`: the proof of the books, and what one account stands at.

use clap::Subcommand;
use domain::ProjectId;
use ledger::LedgerAccount;
use serde_json::json;
use store::ledger::AuditError;

use super::{Done, Exit, Failure, Site, print_json};

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// 逐条验证账本 / prove the books posting by posting
    Audit {
        /// 只查一个项目 / only one project
        #[arg(long, value_name = "ID")]
        project: Option<i64>,
    },
    /// 一个账户的余额 / what an account stands at
    Balance {
        /// 账本科目 / ledger account, as in purse:ACCOUNT_ID:electricity or revenue:water
        account: String,
        /// 项目编号，只有一个项目时可省 / project, may be left out when there is only one
        #[arg(long, value_name = "ID")]
        project: Option<i64>,
    },
}

/// Audits or reads a balance; prints JSON.
pub async fn run(what: What, site: &Site) -> Done {
    match what {
        What::Audit { project } => audit(site, project.map(ProjectId)).await,
        What::Balance { account, project } => balance(site, &account, project).await,
    }
}

async fn audit(site: &Site, project: Option<ProjectId>) -> Done {
    let report = site.store.audit(project).await.map_err(broken)?;
    print_json(&json!({
        "proven": true,
        "transactions": report.transactions,
        "postings": report.postings,
        "purses": report.purses,
        "open_holds": report.open_holds,
        "credited_facts": report.credited_facts,
        "posted_fen": report.posted_fen,
    }));
    Ok(())
}

/// Books that are wrong, as the terminal shows it.
pub fn broken(error: AuditError) -> Failure {
    match error {
        AuditError::Store(error) => error.into(),
        wrong @ AuditError::Broken { .. } => {
            Failure::new(Exit::Found, "ledger.broken", "账本有误", "the books are wrong")
                .fix(
                    "停止充值，保留数据库文件，联系支持",
                    "stop selling, keep the database as it is, and call support",
                )
                .detail(wrong)
        }
    }
}

async fn balance(site: &Site, account: &str, project: Option<i64>) -> Done {
    let account: LedgerAccount = account.parse().map_err(|error| {
        Failure::usage(
            format!("没有这种账本科目：{account}"),
            format!("no such account: {account}"),
        )
        .detail(error)
    })?;
    let project = match project {
        Some(project) => ProjectId(project),
        None => the_only_project(site).await?,
    };
    let db = site.store.read();
    let balance = store::ledger::balance(db, project, account).await?;
    let holds = store::ledger::open_holds(db, project, account).await?;
    print_json(&json!({
        "project": project.0,
        "account": account.to_string(),
        "posted_fen": balance.posted.fen(),
        "held_fen": balance.held.fen(),
        "open_holds": holds.len(),
    }));
    Ok(())
}

/// The project, where a site has only one.
pub async fn the_only_project(site: &Site) -> Result<ProjectId, Failure> {
    match site.projects().await?.as_slice() {
        [one] => Ok(ProjectId(one.id)),
        several => {
            let names = several.iter().map(|p| format!("{} {}", p.id, p.name)).collect::<Vec<_>>();
            Err(Failure::usage("请用 --project 指定项目", "name the project with --project")
                .detail(names.join(" · ")))
        }
    }
}

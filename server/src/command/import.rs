//! `yufu import`: see [`crate::import`].

use std::path::{Path, PathBuf};

use serde_json::json;

use store::operation_log::{self, NewOperation};

use super::{Done, Exit, Failure, Site, failure::chain, print_json, say};
use crate::{
    access::Reach,
    import::{
        self, Count, ImportError,
        top_up::{self, List, Seller},
    },
};

/// The words of `import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// 工作簿（.xlsx）或 CSV 文件夹 / workbook (.xlsx) or folder of CSV
    #[arg(required_unless_present = "template")]
    pub path: Option<PathBuf>,
    /// 只检查并列出全部问题，不改动 / only check and list every bad cell
    #[arg(long)]
    pub dry_run: bool,
    /// 文件是一张充值清单：已收的现金、转账、刷卡 / the file is a list of top-ups paid by hand
    #[arg(long)]
    pub top_ups: bool,
    /// 以谁的名义充值（登录名），导入充值时必填 / login of who sells, needed with --top-ups
    #[arg(long, value_name = "LOGIN", requires = "top_ups")]
    pub operator: Option<String>,
    /// 写出带说明和示例的空工作簿 / write an empty workbook with explanations and examples
    #[arg(long, value_name = "FILE.xlsx", conflicts_with = "path")]
    pub template: Option<PathBuf>,
}

/// Imports, checks only, or writes the template.
pub async fn run(args: Args, config: Option<&Path>) -> Done {
    if let Some(file) = &args.template {
        return template(file, args.top_ups);
    }
    let path = args.path.unwrap_or_default();
    let site = Site::open(config).await?;
    if args.top_ups {
        return top_ups(&site, &path, args.operator.as_deref(), args.dry_run).await;
    }
    let (clock, rng) = (site.clock.as_ref(), site.rng.as_ref());
    let profiles = site.profiles()?;
    let plan = import::prepare(&path, &site.store, &profiles, clock, rng).await.map_err(failed)?;
    let counts: Vec<_> = plan.counts().iter().map(shown).collect();
    let applied = !args.dry_run && !plan.is_empty();
    let joined = plan.let_meters.len();
    if applied {
        import::apply(plan, &site.store, clock).await.map_err(failed)?;
    }
    print_json(&json!({
        "file": path.display().to_string(), "dry_run": args.dry_run, "applied": applied,
        "tables": counts, "meters_joined_to_new_accounts": joined,
    }));
    if applied {
        say(
            "已导入；运行中的服务一分钟内启用 / imported; a running server uses it within a minute",
        );
    }
    Ok(())
}

/// Sells a list of top-ups in an operator's name.
async fn top_ups(site: &Site, path: &Path, login: Option<&str>, dry_run: bool) -> Done {
    let login = login.ok_or_else(|| {
        let (zh, en) = ("须用 --operator 写明操作员", "--operator has to name who sells");
        Failure::new(Exit::Refused, "import.operator", zh, en)
    })?;
    let operator = super::vend::active(site, login).await?;
    let reach = Reach::of(&store::operator::roles(site.store.read(), operator).await?);
    let house = site.selling_house().await?;
    let seller = Seller { operator, reach: &reach, house: &house };
    let profiles = site.profiles()?;
    let senses = (site.clock.as_ref(), site.rng.as_ref());
    let list = top_up::prepare(path, &seller, &profiles, senses).await.map_err(failed)?;
    let (mut sold, mut refused) = (0, None);
    if !dry_run && !list.fresh.is_empty() {
        match top_up::sell(&list, &seller).await {
            Ok(orders) => sold = orders.len(),
            Err(error) => (sold, refused) = (error.sold, Some(error)),
        }
        log_list(site, operator, path, &list, sold).await?;
    }
    print_json(&json!({
        "file": path.display().to_string(), "dry_run": dry_run, "operator": login,
        "to_sell": list.fresh.len(), "to_sell_fen": list.fresh_fen(), "sold": sold,
        "already_sold": list.already.len(),
    }));
    if let Some(error) = refused {
        let (zh, en) = (
            format!("第 {} 行（{}）被拒绝，之前的 {sold} 笔已充值", error.row, error.reference),
            format!(
                "row {} ({}) was refused; {sold} before it are sold",
                error.row, error.reference
            ),
        );
        return Err(Failure::new(Exit::Refused, "import.not_sold", zh, en)
            .fix("处理原因后再导一次，已充值的不会重复", "mend the cause and import it again")
            .detail(chain(&error)));
    }
    match (dry_run, list.fresh.is_empty()) {
        (true, _) => say("只检查，一笔未卖 / only checked, nothing was sold"),
        (_, true) => {
            say("全部是以前导入过的凭证号，一笔未卖 / sold before, nothing was sold again")
        }
        _ => say("已充值；运行中的服务接着下发 / sold; the running server delivers it"),
    }
    Ok(())
}

/// The list stands in the operation log, with who sold how much.
async fn log_list(
    site: &Site,
    operator: domain::OperatorId,
    path: &Path,
    list: &List,
    sold: usize,
) -> Done {
    let detail = json!({
        "file": path.file_name().map(|name| name.to_string_lossy()), "rows": list.fresh.len(),
        "sum_fen": list.fresh_fen(), "sold": sold, "already_sold": list.already.len(),
    });
    let line = NewOperation {
        at: site.clock.now(),
        operator: Some(operator.0),
        project: list.fresh.first().map(|row| row.project),
        action: "order.import".to_owned(),
        target: String::new(),
        detail: detail.to_string(),
        ip: "cli".to_owned(),
        outcome: if sold == list.fresh.len() { "done" } else { "broken off" }.to_owned(),
    };
    let stored = site
        .store
        .transact(move |tx| Box::pin(async move { operation_log::append(tx, line).await }));
    Ok(stored.await?)
}

fn template(file: &Path, top_ups: bool) -> Done {
    let written =
        if top_ups { import::template::write_list(file) } else { import::template::write(file) };
    written.map_err(|error| {
        let zh = format!("模板无法写入：{}", file.display());
        Failure::new(Exit::Failed, "file", zh, "the template cannot be written").detail(error)
    })?;
    say(file.display());
    Ok(())
}

fn shown(count: &Count) -> serde_json::Value {
    json!({
        "table": count.table.en(), "zh": count.table.zh(), "added": count.added,
        "changed": count.changed, "unchanged": count.unchanged,
    })
}

fn failed(error: ImportError) -> Failure {
    match error {
        ImportError::Store(error) => error.into(),
        ImportError::Book(error) => {
            let (zh, en) = ("文件不能导入", "the file cannot be imported");
            Failure::new(Exit::Refused, "import.file", zh, en)
                .fix(
                    "用 yufu import --template 文件.xlsx 生成的工作簿，或每种资料一个 CSV",
                    "use the workbook of `yufu import --template FILE.xlsx`, or a CSV per kind",
                )
                .detail(chain(&error))
        }
        ImportError::Faults(faults) => {
            let count = faults.len();
            let (zh, en) = (
                format!("{count} 处有误，未做任何改动"),
                format!("{count} faults; nothing changed"),
            );
            let failure = Failure::new(Exit::Found, "import.cells", zh, en)
                .fix("按上面逐格改正后重试", "mend the cells above and try again");
            faults.iter().fold(failure, |failure, fault| failure.detail(fault))
        }
    }
}

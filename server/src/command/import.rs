//! `yufu import`: see [`crate::import`].

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Done, Exit, Failure, Site, failure::chain, print_json, say};
use crate::import::{self, Count, ImportError};

/// The words of `import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// 工作簿（.xlsx）或 CSV 文件夹 / workbook (.xlsx) or folder of CSV
    #[arg(required_unless_present = "template")]
    pub path: Option<PathBuf>,
    /// 只检查并列出全部问题，不改动 / only check and list every bad cell
    #[arg(long)]
    pub dry_run: bool,
    /// 写出带说明和示例的空工作簿 / write an empty workbook with explanations and examples
    #[arg(long, value_name = "FILE.xlsx", conflicts_with = "path")]
    pub template: Option<PathBuf>,
}

/// Imports, checks only, or writes the template.
pub async fn run(args: Args, config: Option<&Path>) -> Done {
    if let Some(file) = &args.template {
        return template(file);
    }
    let path = args.path.unwrap_or_default();
    let site = Site::open(config).await?;
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

fn template(file: &Path) -> Done {
    import::template::write(file).map_err(|error| {
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

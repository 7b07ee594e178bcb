//! `yufu kiosk`: kiosks taken up, looked at, asked for something, put out. What is ordered here is
//! written down; the running server tells it with its next look.

use std::{path::PathBuf, sync::Arc};

use clap::Subcommand;
use domain::{OperatorId, ProjectId};
use kiosk_api::{
    Desk, command as commands, content,
    pairing::{self, Acceptance},
};
use kiosk_wire::content::{Holidays, HomeContent};
use serde_json::{Map, Value, json};
use store::kiosk::{self, Kiosk, command, presence};
use tokio::sync::watch;
use uuid::Uuid;

use super::{Done, Exit, Failure, Site, failure::chain, print_json};
use crate::{http::kiosk::problem, serve};

/// Commands shown of one kiosk.
const SHOWN_MAX: u64 = 20;

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// 列出终端 / list kiosks
    List {
        /// 项目编号，省略为全部 / project; none = all of them
        #[arg(long, value_name = "ID")]
        project: Option<i64>,
    },
    /// 一台终端的详情 / one kiosk
    Show {
        /// 终端编号或 id / its number or id
        kiosk: String,
    },
    /// 配对；不给 --fingerprint 则只查看 / take one up; without --fingerprint only look at it
    Pair(Pair),
    /// 吊销 / put one out
    Revoke {
        /// 终端编号或 id / its number or id
        kiosk: String,
        /// 原因 / why
        #[arg(long)]
        reason: String,
    },
    /// 远程命令 / ask one for something
    Command {
        /// 终端编号或 id / its number or id
        kiosk: String,
        /// 命令 / verb: screenshot, lock, unlock, reboot, …
        verb: String,
        /// 参数，JSON 对象 / arguments, a JSON object
        #[arg(long, default_value = "{}")]
        args: String,
    },
    /// 首页内容 / the home screen
    Content {
        /// 做什么 / what to do
        #[command(subcommand)]
        what: Content,
    },
    /// 导入节假日和调休 JSON / import days off and worked
    Holidays {
        /// 文件 / a file of {years, days}
        file: PathBuf,
    },
}

/// A kiosk to be taken up.
#[derive(Debug, clap::Args)]
pub struct Pair {
    /// 屏幕上的八位配对码 / the eight characters on its screen
    pub code: String,
    /// 项目编号 / project
    #[arg(long, value_name = "ID")]
    pub project: i64,
    /// 屏幕上的六位指纹 / the six digits on its screen
    #[arg(long)]
    pub fingerprint: Option<String>,
    /// 机身编号，如 K-03 / what stands on its foot
    #[arg(long, default_value = "")]
    pub number: String,
    /// 名称 / its name
    #[arg(long, default_value = "")]
    pub name: String,
    /// 接管同编号的旧终端 / it takes the place of the one with this number
    #[arg(long)]
    pub take_over: bool,
}

/// What to do with the home screen.
#[derive(Debug, Subcommand)]
pub enum Content {
    /// 打印正在显示的内容 / print what is shown
    Get {
        /// 项目编号 / project
        #[arg(long, value_name = "ID")]
        project: i64,
    },
    /// 从 JSON 文件新建草稿 / keep a draft from a JSON file
    Put {
        /// 项目编号 / project
        #[arg(long, value_name = "ID")]
        project: i64,
        /// 文件 / a file
        file: PathBuf,
    },
    /// 发布草稿，或回退到旧版本 / publish a draft, or an earlier version again
    Publish {
        /// 项目编号 / project
        #[arg(long, value_name = "ID")]
        project: i64,
        /// 版本 / version
        version: i64,
    },
}

/// Lists, shows, pairs, asks, puts out, publishes.
pub async fn run(what: What, site: &Site) -> Done {
    match what {
        What::List { project } => list(site, project.map(ProjectId)).await,
        What::Show { kiosk } => show(site, &kiosk).await,
        What::Pair(wish) => pair(site, wish).await,
        What::Revoke { kiosk, reason } => {
            let (desk, row) = (desk(site).await?, find(site, &kiosk).await?);
            let begun = site.begun("kiosk.revoke", target(&row), Some(row.project()));
            let done = async { pairing::revoke(&desk, row, &reason).await.map_err(refused) };
            print_json(&shown(site, &site.logged(begun, done).await?).await?);
            Ok(())
        }
        What::Command { kiosk, verb, args } => ask(site, &kiosk, verb, &args).await,
        What::Content { what } => written(site, what).await,
        What::Holidays { file } => {
            let list: Holidays = read(&file)?;
            let desk = desk(site).await?;
            let begun = site.begun("kiosk_holiday.import", file.display().to_string(), None);
            let done = async { content::import_holidays(&desk, list).await.map_err(refused) };
            print_json(&json!({ "version": site.logged(begun, done).await? }));
            Ok(())
        }
    }
}

/// What the kiosks' handlers work with, without a line to any meter.
async fn desk(site: &Site) -> Result<Desk, Failure> {
    let house = site.quiet_house()?;
    let (_, stopping) = watch::channel(false);
    let (clock, rng) = (Arc::clone(&site.clock), Arc::clone(&site.rng));
    let failed = |error: serve::StartError| {
        let (zh, en) = ("终端所需的密钥或配置不可用", "the keys of the kiosks cannot be used");
        Failure::new(Exit::Config, "kiosk.keys", zh, en)
            .fix("检查配置和数据库", "check the configuration and the database")
            .detail(chain(&error))
    };
    let addresses = site.addresses();
    let tenants =
        serve::tenants::desk(&house, &site.config, &addresses, (clock, rng), stopping.clone());
    let tenants = Arc::new(tenants.await.map_err(failed)?);
    serve::kiosks::desk(&tenants, stopping).await.map_err(failed)
}

fn refused(failure: kiosk_api::Failure) -> Failure {
    let problem = problem(failure);
    let row = problem.code().row();
    let failure = Failure::new(Exit::Refused, row.code, row.zh, row.en).fix(row.do_zh, row.do_en);
    match problem.cause() {
        Some(cause) => failure.detail(cause),
        None => failure,
    }
}

fn target(row: &Kiosk) -> String {
    format!("kiosk:{}", row.number)
}

async fn find(site: &Site, name: &str) -> Result<Kiosk, Failure> {
    let id = name.parse::<Uuid>().ok();
    let all = kiosk::list(site.store.read(), None).await?;
    let mut found = all.into_iter().filter(|row| Some(row.id) == id || row.number == name);
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Failure::not_found("终端", "kiosk", name)),
        (Some(_), Some(_)) => Err(Failure::usage(
            format!("几个项目都有 {name}，请用 id"),
            format!("several projects have a {name}: name it by its id"),
        )),
    }
}

async fn shown(site: &Site, row: &Kiosk) -> Result<Value, Failure> {
    let (db, project) = (site.store.read(), row.project());
    let pulse = presence::pulse(db, project, row.id).await?;
    let online = presence::is_online(db, project, row.id).await?;
    Ok(json!({
        "id": row.id,
        "project": row.project_id,
        "number": row.number,
        "name": row.name,
        "state": row.state,
        "reason": row.reason,
        "online": online,
        "heard_at": pulse.as_ref().map(|pulse| pulse.heard_at.to_rfc3339()),
        "session": pulse.as_ref().map(|pulse| pulse.state.as_str()),
        "content_shown": pulse.as_ref().and_then(|pulse| pulse.content_shown),
        "software": row.software,
        "fingerprint": pairing::digits_of(&row.public_key).map_err(refused)?,
    }))
}

async fn list(site: &Site, project: Option<ProjectId>) -> Done {
    let mut items = Vec::new();
    for row in kiosk::list(site.store.read(), project).await? {
        items.push(shown(site, &row).await?);
    }
    print_json(&Value::Array(items));
    Ok(())
}

async fn show(site: &Site, name: &str) -> Done {
    let row = find(site, name).await?;
    let rows = command::list(site.store.read(), row.project(), row.id, SHOWN_MAX).await?;
    let now = site.clock.now();
    let told = |row: command::Command| {
        json!({
            "id": row.id,
            "verb": row.verb,
            "state": commands::state_at(&row, now),
            "issued_at": row.issued_at.to_rfc3339(),
            "report": serde_json::from_str::<Value>(&row.detail).unwrap_or_default(),
        })
    };
    let asked: Vec<Value> = rows.into_iter().map(told).collect();
    print_json(&json!({ "kiosk": shown(site, &row).await?, "commands": asked }));
    Ok(())
}

async fn pair(site: &Site, wish: Pair) -> Done {
    let desk = desk(site).await?;
    let nobody = OperatorId(Uuid::nil());
    let Some(fingerprint) = wish.fingerprint else {
        let waiting = pairing::look(&desk, nobody, &wish.code).await.map_err(refused)?;
        print_json(&json!({
            "fingerprint": waiting.fingerprint,
            "hardware": waiting.hardware,
            "software": waiting.software,
            "expires_at": waiting.expires_at.to_rfc3339(),
        }));
        return Ok(());
    };
    let project = ProjectId(wish.project);
    if store::site::project(site.store.read(), project).await?.is_none() {
        return Err(Failure::not_found("项目", "project", &wish.project.to_string()));
    }
    let begun = site.begun("kiosk.pair", format!("kiosk:{}", wish.number), Some(project));
    let wish = Acceptance {
        code: wish.code,
        fingerprint,
        number: wish.number,
        name: wish.name,
        takes_over: wish.take_over,
    };
    let taken = async { pairing::accept(&desk, project, nobody, wish).await.map_err(refused) };
    print_json(&shown(site, &site.logged(begun, taken).await?).await?);
    Ok(())
}

async fn ask(site: &Site, name: &str, verb: String, args: &str) -> Done {
    let args: Map<String, Value> = serde_json::from_str(args).map_err(|error| {
        Failure::usage("--args 应为 JSON 对象", "--args is a JSON object").detail(error)
    })?;
    let (desk, row) = (desk(site).await?, find(site, name).await?);
    let begun =
        site.begun("kiosk.command", format!("{} {verb}", target(&row)), Some(row.project()));
    let operator = OperatorId(Uuid::nil());
    let wish = commands::Wish { verb, args, operator, second: None };
    let done = async { commands::order(&desk, &row, wish).await.map_err(refused) };
    let kept = site.logged(begun, done).await?;
    print_json(&json!({
        "id": kept.id, "verb": kept.verb, "expires_at": kept.expires_at.to_rfc3339(),
    }));
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(file: &std::path::Path) -> Result<T, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage("文件内容不是所需的 JSON", "the file is not the JSON it should be")
            .detail(error)
    })
}

async fn written(site: &Site, what: Content) -> Done {
    let desk = desk(site).await?;
    let (kept, project) = match what {
        Content::Get { project } => {
            let shown = content::shown_in(&desk, ProjectId(project)).await.map_err(refused)?;
            let shown = serde_json::to_value(&shown).unwrap_or_default();
            print_json(&shown);
            return Ok(());
        }
        Content::Put { project, file } => {
            let wish: HomeContent = read(&file)?;
            let begun = site.begun(
                "kiosk_content.draft",
                file.display().to_string(),
                Some(ProjectId(project)),
            );
            let kept = content::draft(&desk, ProjectId(project), None, wish);
            (site.logged(begun, async { kept.await.map_err(refused) }).await?, project)
        }
        Content::Publish { project, version } => {
            let begun = site.begun(
                "kiosk_content.publish",
                format!("content:{version}"),
                Some(ProjectId(project)),
            );
            let kept = content::publish(&desk, ProjectId(project), None, version);
            (site.logged(begun, async { kept.await.map_err(refused) }).await?, project)
        }
    };
    print_json(&json!({
        "project": project, "version": kept.content_version, "state": kept.state,
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use store::{Store, site::Project};

    use super::*;
    use crate::config::Config;

    async fn site(dir: &std::path::Path) -> Site {
        let mut config = Config::default();
        config.database.url = format!("sqlite:{}", dir.join("yufu.db").display());
        let store = Store::open(&config.database.url).await.unwrap();
        store.migrate().await.unwrap();
        let site = Site::of(config, store);
        let project = Project {
            id: 1,
            name: "和园".to_owned(),
            name_en: String::new(),
            currency: "CNY".to_owned(),
            timezone: "+08:00".to_owned(),
            created_at: site.clock.now(),
        };
        let put = site
            .store
            .transact(move |tx| Box::pin(async move { store::insert(tx, project).await }));
        put.await.unwrap();
        site
    }

    /// A kiosk that waits under a code, as the server keeps it.
    async fn waiting(site: &Site, code: &str) -> String {
        let desk = desk(site).await.unwrap();
        let key = "ab".repeat(32);
        let now = site.clock.now();
        let row = kiosk::pairing::Pairing {
            id: Uuid::from_u128(1),
            selector: code[..3].to_owned(),
            code_hash: desk.tenants.keyed.hash("kiosk-pairing", &[code]),
            secret_hash: String::new(),
            public_key: key.clone(),
            hardware: "test".to_owned(),
            software: "1".to_owned(),
            created_at: now,
            expires_at: now + pairing::CODE_LIFE,
            tries: 0,
            state: "waiting".to_owned(),
            project_id: None,
            kiosk_id: None,
        };
        let kept = site
            .store
            .transact(move |tx| Box::pin(async move { kiosk::pairing::insert(tx, row).await }));
        assert!(kept.await.unwrap());
        pairing::digits_of(&key).unwrap()
    }

    #[tokio::test]
    async fn a_kiosk_is_paired_asked_and_put_out_from_the_command_line() {
        let dir = tempfile::tempdir().unwrap();
        let site = site(dir.path()).await;
        let digits = waiting(&site, "7QK2MZ9X").await;
        let wish = |fingerprint: Option<&str>| Pair {
            code: "7qk2-mz9x".to_owned(),
            project: 1,
            fingerprint: fingerprint.map(str::to_owned),
            number: "K-03".to_owned(),
            name: String::new(),
            take_over: false,
        };
        run(What::Pair(wish(None)), &site).await.unwrap();
        let wrong = if digits == "000000" { "000001" } else { "000000" };
        let refused = run(What::Pair(wish(Some(wrong))), &site).await.unwrap_err();
        assert_eq!(refused.code(), "kiosk.fingerprint");
        run(What::Pair(wish(Some(&digits))), &site).await.unwrap();
        run(What::List { project: None }, &site).await.unwrap();
        let ask = |verb: &str, args: &str| What::Command {
            kiosk: "K-03".to_owned(),
            verb: verb.to_owned(),
            args: args.to_owned(),
        };
        run(ask("lock", r#"{"zh":"维护"}"#), &site).await.unwrap();
        for (verb, args, code) in [
            ("lock", "[]", "usage"),
            ("dance", "{}", "malformed"),
            ("reboot", "{}", "kiosk.command_refused"),
        ] {
            let refused = run(ask(verb, args), &site).await.unwrap_err();
            assert_eq!(refused.code(), code, "{verb}");
        }
        run(What::Show { kiosk: "K-03".to_owned() }, &site).await.unwrap();
        let out = What::Revoke { kiosk: "K-03".to_owned(), reason: "stolen".to_owned() };
        run(out, &site).await.unwrap();
        assert_eq!(find(&site, "K-03").await.unwrap().state, "revoked");
        assert!(find(&site, "K-04").await.is_err());
    }

    #[tokio::test]
    async fn the_home_screen_is_written_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let site = site(dir.path()).await;
        let file = dir.path().join("home.json");
        let get = || What::Content { what: Content::Get { project: 1 } };
        run(get(), &site).await.unwrap();
        let put = || What::Content { what: Content::Put { project: 1, file: file.clone() } };
        assert_eq!(run(put(), &site).await.unwrap_err().code(), "file");
        std::fs::write(&file, "{}").unwrap();
        assert_eq!(run(put(), &site).await.unwrap_err().code(), "usage");
        let words = json!({ "zh": "和园物业", "en": "" });
        let empty = json!({ "zh": "", "en": "" });
        let home = json!({
            "version": 0, "company": words, "intro": empty, "logo": null, "tips": [],
            "notice": null, "service_phone": "", "service_hours": empty, "nearest": null,
            "playlist": [],
        });
        std::fs::write(&file, home.to_string()).unwrap();
        run(put(), &site).await.unwrap();
        let publish = What::Content { what: Content::Publish { project: 1, version: 1 } };
        run(publish, &site).await.unwrap();
        let shown = content::shown_in(&desk(&site).await.unwrap(), ProjectId(1)).await.unwrap();
        assert_eq!((shown.version, shown.company.zh.as_str()), (1, "和园物业"));
    }
}

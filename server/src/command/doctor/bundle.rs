//! `yufu doctor --bundle FILE`: what a helper from outside needs to see, and nothing they must not.
//!
//! Every part is made of chosen fields: no key, no password, no token, no tenant, no payer, no
//! amount of a single order. What was written freely (errors, log lines) goes through a scrub.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

use domain::ProjectId;
use serde_json::{Value, json};
use store::{StoreError, job, overview, work_item};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    super::{Done, Exit, Failure, Site},
    Check,
    scrub::Scrub,
};
use crate::{config::Config, metrics::Metrics};

/// The most lines of a log that are taken along, its last ones.
pub const LOG_LINES_MAX: usize = 2_000;
/// The most bytes of a log that are looked at, its last ones.
const LOG_BYTES_MAX: u64 = 1 << 20;
/// The most work items, alarms and parked jobs that are taken along.
const ITEMS_MAX: usize = 500;

/// What the reader of a bundle is told first.
const GUIDE: &str = "\
yufu 支持包 / support bundle

versions.json    程序、系统、数据库版本 / program, system and database versions
config.toml      生效的配置，密码已遮盖 / the configuration in force, secrets as stars
doctor.json      逐项检查的结果 / every check and what came of it
counts.json      各表行数 / rows by table (PostgreSQL: estimates)
metrics.txt      状态计数；请求计数只在运行中的服务里 / states; the running server's /metrics has more
work_items.json  未了结的待办和告警，不含人名和明细 / open work items and alarms, without persons
jobs.json        搁置的任务 / parked jobs
log.txt          日志最后部分，已遮盖（用 --log 指定文件）/ the end of the log, scrubbed (--log FILE)

不含：密钥、密码、令牌、租户、付款人、单笔订单。发送前请自己再看一遍。
Not in it: keys, passwords, tokens, tenants, payers, single orders.
Look through it before you send it.
";

/// Everything a bundle is made of.
pub(super) struct Source<'a> {
    /// The configuration in force.
    pub config: &'a Config,
    /// The open site; none where the database could not be opened.
    pub site: Option<&'a Site>,
    /// What was checked.
    pub checks: &'a [Check],
    /// The log file, if one is named.
    pub log: Option<&'a Path>,
}

/// Writes a bundle into a new file that its owner alone may read.
///
/// Errors: the file exists already or cannot be written.
pub(super) async fn write(file: &Path, source: &Source<'_>) -> Done {
    let scrub = match source.site {
        Some(site) => Scrub::new(persons(site).await.map_err(Failure::from)?),
        None => Scrub::default(),
    };
    let parts = parts(source, &scrub).await?;
    let failed = |error: &dyn std::error::Error| {
        let zh = format!("支持包无法写入：{}", file.display());
        Failure::new(Exit::Failed, "bundle", zh, "the bundle cannot be written")
            .fix("换一个不存在的文件名", "name a file that does not exist yet")
            .detail(error)
    };
    let mut zip = ZipWriter::new(create(file).map_err(|error| failed(&error))?);
    for (name, text) in &parts {
        zip.start_file(*name, SimpleFileOptions::default()).map_err(|error| failed(&error))?;
        zip.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    }
    zip.finish().map_err(|error| failed(&error))?;
    Ok(())
}

fn create(file: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

type Part = (&'static str, String);

async fn parts(source: &Source<'_>, scrub: &Scrub) -> Result<Vec<Part>, Failure> {
    let mut parts = vec![
        ("README.txt", GUIDE.to_owned()),
        ("versions.json", pretty(&versions(source).await)),
        ("config.toml", scrub.text(&config_text(source.config))),
        ("doctor.json", scrub.text(&pretty(&checked(source.checks)))),
    ];
    if let Some(site) = source.site {
        parts.push(("counts.json", pretty(&counts(site).await?)));
        parts.push(("metrics.txt", metrics(site).await?));
        parts.push(("work_items.json", scrub.text(&pretty(&work_items(site).await?))));
        parts.push(("jobs.json", scrub.text(&pretty(&parked(site).await?))));
    }
    if let Some(log) = source.log {
        let text = tail(log).map_err(|error| Failure::file(log, &error))?;
        parts.push(("log.txt", scrub.text(&text)));
    }
    Ok(parts)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Names and phones of everybody the site knows, so that they can be taken out of free texts.
async fn persons(site: &Site) -> Result<Vec<String>, StoreError> {
    let db = site.store.read();
    let mut persons = Vec::new();
    for project in store::site::projects(db).await? {
        let id = ProjectId(project.id);
        for account in store::account::list(db, id).await? {
            persons.push(account.name);
            persons.extend(account.phone);
        }
        for landlord in store::site::landlords(db, id).await? {
            persons.push(landlord.name);
            persons.extend(landlord.phone);
        }
    }
    Ok(persons)
}

async fn versions(source: &Source<'_>) -> Value {
    let (mut steps, mut profiles) = (Value::Null, Value::Null);
    if let Some(site) = source.site {
        steps = json!(overview::missing_migrations(&site.store).await.ok().flatten());
        let known = site.profiles().ok();
        profiles = json!(known.map(|all| all.iter().map(|p| p.name.clone()).collect::<Vec<_>>()));
    }
    let kind = source.config.database.url.split(':').next().unwrap_or_default();
    json!({
        "yufu": env!("CARGO_PKG_VERSION"),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "database": kind,
        "missing_migrations": steps,
        "meter_profiles": profiles,
    })
}

/// The configuration with every address freed of what logs in there.
fn config_text(config: &Config) -> String {
    let mut config = config.clone();
    for url in [
        &mut config.database.url,
        &mut config.server.public_url,
        &mut config.wechat_pay.base_url,
        &mut config.alipay.gateway_url,
        &mut config.alipay.authorize_url,
        &mut config.wechat.base_url,
        &mut config.wechat.authorize_url,
        &mut config.sms.base_url,
    ] {
        *url = without_login(url);
    }
    toml::to_string(&config).unwrap_or_default()
}

/// A URL without user and password: either may be a secret.
fn without_login(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (_, host))) => format!("{scheme}://***@{host}"),
        None => url.to_owned(),
    }
}

fn checked(checks: &[Check]) -> Value {
    let all = checks.iter().map(|check| match &check.outcome {
        Ok(said) => json!({ "check": check.name, "ok": true, "said": said }),
        Err(failure) => json!({
            "check": check.name, "ok": false, "code": failure.code(), "said": failure.to_string(),
        }),
    });
    Value::Array(all.collect())
}

async fn counts(site: &Site) -> Result<Value, StoreError> {
    let counts = overview::table_counts(&site.store).await?;
    Ok(Value::Object(counts.into_iter().map(|(table, rows)| (table, json!(rows))).collect()))
}

async fn metrics(site: &Site) -> Result<String, Failure> {
    let metrics = Metrics::new().map_err(|error| {
        let zh = "计数无法建立";
        Failure::new(Exit::Failed, "metrics", zh, "the counts cannot be set up").detail(error)
    })?;
    metrics.look(&site.quiet_house()?, false, 0).await?;
    Ok(String::from_utf8_lossy(&metrics.render()).into_owned())
}

/// What is open, by kind and moment; the detail of an item may name a person and stays here.
async fn work_items(site: &Site) -> Result<Value, StoreError> {
    let db = site.store.read();
    let mut all = Vec::new();
    for project in store::site::projects(db).await? {
        let id = ProjectId(project.id);
        let items = work_item::open_items(db, id).await?;
        all.extend(items.into_iter().map(|item| {
            json!({
                "project": item.project_id, "id": item.id.to_string(), "kind": item.kind,
                "subject_kind": item.subject_kind, "subject_id": item.subject_id,
                "opened_at": item.opened_at,
            })
        }));
        let alarms = work_item::alarms(db, id).await?;
        all.extend(alarms.into_iter().map(|alarm| {
            json!({
                "project": alarm.project_id, "alarm": alarm.kind,
                "subject_kind": alarm.subject_kind, "subject_id": alarm.subject_id,
                "raised_at": alarm.raised_at,
            })
        }));
    }
    all.truncate(ITEMS_MAX);
    Ok(Value::Array(all))
}

async fn parked(site: &Site) -> Result<Value, StoreError> {
    let jobs = job::parked(site.store.read(), None, ITEMS_MAX as u64).await?;
    let shown = jobs.into_iter().map(|job| {
        json!({
            "project": job.project_id, "kind": job.kind, "key": job.key,
            "attempts": job.attempts, "ended_at": job.ended_at,
            "first_error": job.first_error, "last_error": job.last_error,
        })
    });
    Ok(Value::Array(shown.collect()))
}

/// The last lines of a log, whatever its size.
fn tail(log: &Path) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(LOG_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    // Where the log is longer the first line is cut; it is left out.
    let cut = usize::from(size > LOG_BYTES_MAX);
    let from = lines.len().saturating_sub(LOG_LINES_MAX).max(cut);
    Ok(lines.get(from..).unwrap_or_default().join("\n"))
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;

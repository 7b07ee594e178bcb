//! `yufu doctor`: everything a site needs, checked one by one, each with the way to mend it.

pub mod bundle;
pub mod scrub;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{MeterId, ProjectId};
use serde_json::{Value, json};
use store::{overview, reading::gap};
use vending::{
    gap::GAP_LONG,
    merchant::open,
    password::{self, PasswordFileError},
};

use super::{
    Done, Exit, Failure, Site, failure::chain, merchant::probe, merchant::unusable, print_json,
    say, settings::masked, site,
};
use crate::{config::Config, serve::settings::password_file};

/// Less free disk than this is reported, in bytes.
const DISK_MIN_BYTES: u64 = 1 << 30;
/// More than this between the database's clock and ours is reported.
const CLOCK_SKEW_MAX: TimeDelta = TimeDelta::seconds(5);
/// How long the public address may take to answer.
const PUBLIC_URL_MAX: Duration = Duration::from_secs(5);

/// The words of `doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// 输出 JSON / print JSON
    #[arg(long)]
    pub json: bool,
    /// 不向支付渠道发测试请求 / send no test calls to the providers
    #[arg(long)]
    pub offline: bool,
    /// 另存支持包（zip），不含密钥和租户信息 / also write a support bundle without secrets
    #[arg(long, value_name = "FILE.zip")]
    pub bundle: Option<PathBuf>,
    /// 支持包里带上这个日志文件的最后部分 / take the end of this log file along
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub log: Option<PathBuf>,
}

/// One check and what came of it.
struct Check {
    name: &'static str,
    outcome: Result<String, Failure>,
}

/// Runs every check; exit code 6 when one fails.
pub async fn run(args: &Args, file: Option<&Path>) -> Done {
    let config = site::load(file)?;
    let mut checks = vec![Check {
        name: "config 配置",
        outcome: site::profiles(&config)
            .map(|p| format!("{} 种表计型号 profiles", p.iter().count())),
    }];
    checks.push(Check { name: "disk 磁盘", outcome: disk(&config) });
    if let Some(file) = password_file(&config) {
        let outcome = password::check(&file).map_err(|error| unusable_passwords(&error));
        let outcome = outcome.map(|count| format!("{count} 只表有自己的密码 meters"));
        checks.push(Check { name: "passwords 表计密码", outcome });
    }
    checks.push(Check { name: "dtu_listen 采集端口", outcome: dtu_port(&config) });
    checks.push(Check { name: "public_url 对外地址", outcome: public_url(&config).await });
    checks.push(Check { name: "trusted_proxies 代理", outcome: proxies(&config) });
    let mut opened = None;
    match site::open_store(&config).await {
        Err(failure) => checks.push(Check { name: "database 数据库", outcome: Err(failure) }),
        Ok(store) => {
            let site = Site::of(config.clone(), store);
            let migrated = with_database(&mut checks, &site, args.offline).await;
            opened = migrated.then_some(site);
        }
    }
    if let Some(to) = &args.bundle {
        let (site, log) = (opened.as_ref(), args.log.as_deref());
        let source = bundle::Source { config: &config, site, checks: &checks, log };
        bundle::write(to, &source).await?;
        // Standard output belongs to the checks, which a machine may be reading.
        eprintln!("支持包 / bundle: {}", to.display());
    }
    report(&checks, args.json)
}

fn unusable_passwords(error: &PasswordFileError) -> Failure {
    let (zh, en) = ("表计密码文件无法使用", "the file of meter passwords cannot be used");
    Failure::new(Exit::Found, "meter.password_file", zh, en)
        .fix("按下面一行改正；改好之前不会下发拉合闸", "mend the line named; no relay moves before")
        .detail(chain(error))
}

/// Checks an open database; `false` where its schema is not ours, so that nothing more is read.
async fn with_database(checks: &mut Vec<Check>, site: &Site, offline: bool) -> bool {
    let shown = masked(&site.config.database.url);
    checks.push(Check { name: "database 数据库", outcome: Ok(shown) });
    let schema = site::check_schema(&site.store).await;
    let migrated = schema.is_ok();
    let outcome = schema.map(|()| "已是最新 up to date".to_owned());
    checks.push(Check { name: "migrations 数据库版本", outcome });
    if !migrated {
        return false;
    }
    checks.push(Check { name: "clock 时钟", outcome: clock(site).await });
    checks.push(Check { name: "safe_mode 安全模式", outcome: safe_mode(site).await });
    checks.push(Check { name: "jobs 任务", outcome: jobs(site).await });
    checks.push(Check { name: "gateways 采集网关", outcome: gateways(site).await });
    checks.push(Check { name: "readings 抄表", outcome: readings(site).await });
    let rows = store::site::merchants(site.store.read()).await.unwrap_or_default();
    if rows.is_empty() {
        let (zh, en) = ("还没有商户号", "there is no merchant account");
        let none = Failure::new(Exit::Found, "merchant.none", zh, en)
            .fix("用 yufu merchant add 添加", "add one with `yufu merchant add`");
        checks.push(Check { name: "merchants 商户", outcome: Err(none) });
    }
    for row in &rows {
        let opened = open(row, &site.addresses()).map_err(|error| unusable(&error));
        let outcome = match opened {
            Ok(_) if offline => {
                Ok(format!("{} {} 密钥可读 keys readable", row.provider, row.merchant_no))
            }
            Ok(merchant) => probe(&merchant, site)
                .await
                .map(|proven| format!("{} {} {proven}", row.provider, row.merchant_no)),
            Err(failure) => Err(failure),
        };
        checks.push(Check { name: "merchant 商户", outcome });
    }
    true
}

fn report(checks: &[Check], as_json: bool) -> Done {
    let failed = checks.iter().filter(|check| check.outcome.is_err()).count();
    if as_json {
        let all = checks.iter().map(|check| match &check.outcome {
            Ok(said) => json!({ "check": check.name, "ok": true, "said": said }),
            Err(failure) => json!({
                "check": check.name, "ok": false, "code": failure.code(),
                "said": failure.to_string(),
            }),
        });
        print_json(&Value::Array(all.collect()));
    } else {
        for check in checks {
            match &check.outcome {
                Ok(said) => say(format_args!("✓ {}：{said}", check.name)),
                Err(failure) => {
                    let failure = failure.to_string();
                    say(format_args!("✗ {}\n{}", check.name, failure.trim_end()));
                }
            }
        }
    }
    if failed == 0 {
        return Ok(());
    }
    let (zh, en) = (format!("{failed} 项需要处理"), format!("{failed} checks need attention"));
    Err(Failure::new(Exit::Found, "doctor", zh, en))
}

fn found(code: &str, zh: impl Into<String>, en: impl Into<String>) -> Failure {
    Failure::new(Exit::Found, code, zh, en)
}

/// Free space where the database file lies, asked of `df`, which every Debian has.
fn disk(config: &Config) -> Result<String, Failure> {
    let Some(file) = site::sqlite_file(&config.database.url) else {
        return Ok("数据库不在本机 the database is elsewhere".to_owned());
    };
    let folder = Path::new(file).parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let out = std::process::Command::new("df").arg("-PB1").arg(folder).output();
    let text = out.map_err(|error| Failure::machine(&error))?.stdout;
    let text = String::from_utf8_lossy(&text).into_owned();
    let free = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    let Some(free): Option<u64> = free else {
        return Err(found("disk", "看不到剩余磁盘空间", "the free disk space is not known"));
    };
    let shown = format!("剩余 free {} MiB", free >> 20);
    if free < DISK_MIN_BYTES {
        return Err(found("disk.low", "磁盘快满了", "the disk is nearly full")
            .fix("清理磁盘或扩容；数据库写满会停止收款", "make room; a full disk stops all sales")
            .detail(shown));
    }
    Ok(shown)
}

/// Listens, or somebody (a running yufu) does already.
fn dtu_port(config: &Config) -> Result<String, Failure> {
    let address = config.gateway.dtu_listen.as_str();
    if address.is_empty() {
        return Ok("本进程不接采集网关 this process listens for no DTU".to_owned());
    }
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} 空闲，服务未在运行 free, the server is not running")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Ok(format!("{address} 已在监听 is being listened on"))
        }
        Err(error) => Err(found(
            "gateway.listen",
            format!("采集端口不可用：{address}"),
            format!("{address} cannot be listened on"),
        )
        .fix("改 [gateway] dtu_listen 或检查权限", "change [gateway] dtu_listen or permissions")
        .detail(error)),
    }
}

async fn public_url(config: &Config) -> Result<String, Failure> {
    let url = config.server.public_url.as_str();
    let wrong = |zh: &str, en: &str| {
        found("public_url", zh, en)
            .fix("改 [server] public_url，不带结尾斜杠", "change [server] public_url")
            .detail(url)
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(wrong("对外地址不是网址", "the public URL is no URL"));
    };
    if rest.is_empty() || url.ends_with('/') {
        return Err(wrong("对外地址的写法不对", "the public URL is not of the right form"));
    }
    let host = rest.split(['/', '?']).next().unwrap_or(rest);
    let port = if scheme == "https" { 443 } else { 80 };
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
    let local = is_local(url);
    if !local && scheme != "https" {
        let (zh, en) = ("支付回调要求 https", "payment callbacks need https");
        return Err(wrong(zh, en));
    }
    let connect = tokio::net::TcpStream::connect(&address);
    match tokio::time::timeout(PUBLIC_URL_MAX, connect).await {
        Ok(Ok(_)) => Ok(format!("{url} 可连通 answers")),
        // On this machine the server may simply not be running yet.
        _ if local => Ok(format!("{url} 未在监听 nobody listens yet")),
        _ => Err(wrong("对外地址连不通", "the public URL does not answer")),
    }
}

/// A public address in https that is not answered here is answered by a proxy in front. Unless it
/// is counted, everybody has the proxy's address: one budget, and the metrics page, for all.
fn proxies(config: &Config) -> Result<String, Failure> {
    let server = &config.server;
    let ends_elsewhere =
        server.public_url.starts_with("https://") && server.tls_certificate.is_empty();
    if ends_elsewhere && !is_local(&server.public_url) && server.trusted_proxies == 0 {
        return Err(found(
            "trusted_proxies",
            "对外是 https、本机没有证书，却没有说明前面有几层代理：所有人看起来都来自代理的地址",
            "TLS ends at a proxy in front, and none is counted: everybody seems to be the proxy",
        )
        .fix(
            "把 [server] trusted_proxies 设为代理层数（通常 1），或设置 tls_certificate",
            "set [server] trusted_proxies to how many there are (1, as a rule), or tls_certificate",
        ));
    }
    Ok(format!("{} 层 in front", server.trusted_proxies))
}

fn is_local(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    ["127.", "localhost", "[::1]"].iter().any(|start| host.starts_with(start))
}

async fn clock(site: &Site) -> Result<String, Failure> {
    let before = site.clock.now();
    let theirs = store::clock::now(site.store.read()).await?;
    skew(before, theirs, site.clock.now())
}

/// The database answered between two looks at our clock.
fn skew(
    before: DateTime<Utc>,
    theirs: DateTime<Utc>,
    after: DateTime<Utc>,
) -> Result<String, Failure> {
    let apart = if theirs < before { before - theirs } else { theirs - after };
    let apart = apart.max(TimeDelta::zero());
    let shown = format!("与数据库相差 {} ms apart", apart.num_milliseconds());
    if apart > CLOCK_SKEW_MAX {
        return Err(found(
            "clock",
            "本机与数据库时钟不一致",
            "our clock and the database's differ",
        )
        .fix("两台机器都开启时间同步", "switch time synchronisation on, on both machines")
        .detail(shown));
    }
    Ok(shown)
}

async fn safe_mode(site: &Site) -> Result<String, Failure> {
    let mode = store::setting::get(site.store.read(), store::setting::SAFE_MODE).await?;
    match mode.as_deref() {
        Some("on") => Err(found(
            "safe_mode",
            "安全模式开着：不拉闸，也不向表计下发，已付款的在等",
            "safe mode is on: nobody is cut off, nothing is sent to meters, whoever paid waits",
        )
        .fix(
            "逐笔核对后运行 yufu safe-mode off，见 docs/operations.md",
            "look everything through, then run `yufu safe-mode off` (docs/operations.md)",
        )),
        _ => Ok("关 off".to_owned()),
    }
}

async fn jobs(site: &Site) -> Result<String, Failure> {
    let parked = store::job::parked(site.store.read(), None, 20).await?;
    let Some(first) = parked.first() else {
        return Ok("没有搁置的任务 none parked".to_owned());
    };
    Err(found("jobs.parked", "有任务搁置，等人处理", "jobs are parked and wait for a person")
        .fix("用 yufu vend list 查看，处理后重试", "see `yufu vend list`, mend, try again")
        .detail(format!(
            "{} {}: {}",
            first.kind,
            first.key,
            first.last_error.as_deref().unwrap_or("")
        )))
}

async fn gateways(site: &Site) -> Result<String, Failure> {
    let all = store::site::gateways(site.store.read(), None).await?;
    let online = overview::gateways_online(site.store.read()).await?;
    let off: Vec<&str> = all
        .iter()
        .filter(|gateway| !online.contains(&gateway.id))
        .map(|gateway| gateway.name.as_str())
        .collect();
    let projects = site.projects().await?;
    let mut meters = 0;
    for project in &projects {
        meters += store::meter::list(site.store.read(), ProjectId(project.id)).await?.len();
    }
    let shown = format!("{} 在线 online / {} · {meters} 块表 meters", online.len(), all.len());
    if !off.is_empty() && !online.is_empty() {
        let names = off.iter().take(10).copied().collect::<Vec<_>>().join(", ");
        return Err(found("gateway.offline", "有网关离线", "some gateways are offline")
            .fix("检查网关电源、SIM 卡和中心地址", "check their power, SIM card and target address")
            .detail(format!("{shown} · 离线 offline: {names}")));
    }
    Ok(shown)
}

/// Meters that are not being read. A gap that has become long is a person's work; a short one is
/// told and no more.
async fn readings(site: &Site) -> Result<String, Failure> {
    let db = site.store.read();
    let count = gap::count_open(db).await?;
    let mut oldest: Option<gap::Gap> = None;
    for project in site.projects().await? {
        let first = gap::open(db, ProjectId(project.id)).await?.into_iter().next();
        oldest = oldest.into_iter().chain(first).min_by_key(|gap| gap.from_at);
    }
    let Some(oldest) = oldest else {
        return Ok("没有缺抄的表 no gaps".to_owned());
    };
    let hours = (site.clock.now() - oldest.from_at).num_hours();
    let shown = format!("{count} 块表缺抄 not read，最久 longest {hours} h ({})", oldest.reason);
    if site.clock.now() - oldest.from_at <= GAP_LONG {
        return Ok(shown);
    }
    let meter = store::meter::by_id(db, ProjectId(oldest.project_id), MeterId(oldest.meter_id));
    let meter_no = meter.await?.map_or_else(String::new, |meter| meter.meter_no);
    Err(found("readings.gap", "有表计长时间没有抄到", "meters have not been read for long")
        .fix("检查网关、总线和表计，见工单", "look at gateway, bus and meter; see the work items")
        .detail(format!("{shown} · {meter_no}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_agree_when_the_database_answered_between_two_looks() {
        let at = |s: i64| DateTime::<Utc>::from_timestamp(1_795_000_000 + s, 0).unwrap();
        let table = [(0, 0, 0, true), (0, 1, 2, true), (0, 7, 1, false), (10, 4, 11, false)];
        for (before, theirs, after, fine) in table {
            let verdict = skew(at(before), at(theirs), at(after));
            assert_eq!(verdict.is_ok(), fine, "{before} {theirs} {after}: {verdict:?}");
        }
    }

    #[test]
    fn a_proxy_in_front_that_is_not_counted_is_found() {
        let table = [
            ("https://pay.example.cn", "", 0, false),
            ("https://pay.example.cn", "", 1, true),
            ("https://pay.example.cn", "cert.pem", 0, true),
            ("https://localhost:8443", "", 0, true),
            ("http://127.0.0.1:8080", "", 0, true),
        ];
        for (url, certificate, count, fine) in table {
            let mut config = Config::default();
            config.server.public_url = url.to_owned();
            config.server.tls_certificate = certificate.to_owned();
            config.server.trusted_proxies = count;
            assert_eq!(proxies(&config).is_ok(), fine, "{url} {certificate:?} {count}");
        }
    }
}

use std::{fs, os::unix::fs::PermissionsExt};

use store::{Store, StoreError, account, site, work_item::WorkItem};
use uuid::Uuid;

use super::*;

/// Whatever is planted begins with this.
const CANARY: &str = "CANARY";
const NAME: &str = "王秀英";
const PHONE: &str = "13812340007";

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// A site with a secret or a person in every place that can hold one.
async fn planted(dir: &Path) -> Site {
    let mut config = Config::default();
    config.database.url = format!("sqlite:{}", dir.join("yufu.db").display());
    config.server.public_url = format!("https://u:{CANARY}-1@yufu.example");
    config.wechat_pay.base_url = format!("https://u:{CANARY}-2@pay.example");
    config.alipay.gateway_url = format!("https://{CANARY}-3:x@ali.example/gateway.do");
    let store = Store::open(&config.database.url).await.unwrap();
    store.migrate().await.unwrap();
    let site = Site::of(config, store);
    let now = site.clock.now();
    let keys = dir.join("keys");
    fs::create_dir(&keys).unwrap();
    fs::write(keys.join("merchant.key.pem"), format!("{CANARY}-4")).unwrap();
    let key_dir = keys.display().to_string();
    site.store
        .transact(move |tx| {
            Box::pin(async move {
                plant_people(tx, now).await?;
                plant_merchant(tx, key_dir, now).await?;
                let item = WorkItem {
                    project_id: 1,
                    id: id(5),
                    kind: "account.left_over".to_owned(),
                    subject_kind: "account".to_owned(),
                    subject_id: id(2).to_string(),
                    title_zh: format!("{NAME} 的余额"),
                    title_en: format!("{CANARY}-8"),
                    detail: format!(r#"{{"name":"{NAME}","phone":"{PHONE}","x":"{CANARY}-9"}}"#),
                    state: "open".to_owned(),
                    opened_at: now,
                    closed_at: None,
                    closed_by: None,
                    resolution: None,
                };
                work_item::open(tx, item).await?;
                let project = ProjectId(1);
                let mut job = job::draft(project, domain::JobId(id(6)), "query", "k", now);
                job.state = "parked".to_owned();
                job.ended_at = Some(now);
                job.payload = format!(r#"{{"x":"{CANARY}-10"}}"#);
                job.last_error =
                    Some(format!("refused: Authorization: Bearer {CANARY}-11 for {NAME}"));
                store::insert(tx, job).await?;
                Ok::<_, StoreError>(())
            })
        })
        .await
        .unwrap();
    site
}

async fn plant_people(
    tx: &store::Tx,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), StoreError> {
    let project = site::Project {
        id: 1,
        name: "和园".to_owned(),
        name_en: "Heyuan".to_owned(),
        currency: "CNY".to_owned(),
        timezone: "+08:00".to_owned(),
        created_at: now,
    };
    store::insert(tx, project).await?;
    let room = account::Room {
        project_id: 1,
        id: id(1),
        building: "A".to_owned(),
        floor: 1,
        number: "101".to_owned(),
        area_m2_e2: None,
        landlord_id: None,
        tags: "[]".to_owned(),
    };
    store::insert(tx, room).await?;
    let account = account::Account {
        project_id: 1,
        id: id(2),
        account_no: "1".to_owned(),
        room_id: id(1),
        name: NAME.to_owned(),
        phone: Some(PHONE.to_owned()),
        customer_no: "000000000001".to_owned(),
        state: "open".to_owned(),
        opened_at: now,
        closed_at: None,
        protected: false,
        version: 1,
    };
    store::insert(tx, account).await?;
    let operator = store::operator::Operator {
        id: id(3),
        login: "chief".to_owned(),
        name: NAME.to_owned(),
        password_hash: Some(format!("{CANARY}-5")),
        totp_secret: None,
        totp_last_step: None,
        state: "active".to_owned(),
        setup_token_hash: None,
        setup_expires_at: None,
        failed_count: 0,
        locked_until: None,
        created_at: now,
    };
    store::operator::insert(tx, operator, &[]).await
}

async fn plant_merchant(
    tx: &store::Tx,
    key_dir: String,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), StoreError> {
    let merchant = site::Merchant {
        id: id(4),
        project_id: 1,
        provider: "wechat-pay".to_owned(),
        mode: "ordinary".to_owned(),
        merchant_no: "1900000001".to_owned(),
        sub_merchant_no: String::new(),
        app_id: "wx8888888888888888".to_owned(),
        sub_app_id: None,
        path_token: format!("{CANARY}-6"),
        key_dir,
        config: format!(r#"{{"secret":"{CANARY}-7"}}"#),
        active: true,
        created_at: now,
    };
    store::insert(tx, merchant).await
}

/// The end of a log as it should never have been written.
fn bad_log() -> String {
    let filler = "2026-11-20T06:30:00Z INFO vending: readings stored count=7\n".repeat(3_000);
    format!(
        "first line {CANARY}-12\n{filler}\
         WARN login failed password={CANARY}-13\n\
         WARN {{\"token\":\"{CANARY}-14\",\"status\":401}}\n\
         INFO postgres://yufu:{CANARY}-15@db/yufu is slow\n\
         -----BEGIN PRIVATE KEY-----\n{CANARY}-16\n-----END PRIVATE KEY-----\n\
         WARN tenant {NAME} called from {PHONE}\n\
         INFO order_no=YF2611200000000001 was credited\n"
    )
}

#[tokio::test]
async fn a_bundle_holds_no_secret_and_no_person_wherever_they_were_planted() {
    let dir = tempfile::tempdir().unwrap();
    let site = planted(dir.path()).await;
    let log = dir.path().join("yufu.log");
    fs::write(&log, bad_log()).unwrap();
    let mut checks = Vec::new();
    super::super::with_database(&mut checks, &site, true).await;
    let outcome = Err(super::super::found("x", "x", "x").detail(format!("token {CANARY}-17")));
    checks.push(Check { name: "planted", outcome });
    let source =
        Source { config: &site.config, site: Some(&site), checks: &checks, log: Some(&log) };
    let file = dir.path().join("bundle.zip");
    write(&file, &source).await.unwrap();
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only its owner may read it");
    let mut zip = zip::ZipArchive::new(File::open(&file).unwrap()).unwrap();
    let mut parts = std::collections::BTreeMap::new();
    for index in 0..zip.len() {
        let mut part = zip.by_index(index).unwrap();
        let mut text = String::new();
        part.read_to_string(&mut text).unwrap();
        parts.insert(part.name().to_owned(), text);
    }
    for (name, text) in &parts {
        for planted in [CANARY, NAME, PHONE] {
            assert!(!text.contains(planted), "{planted} in {name}:\n{text}");
        }
    }
    // (part, what a helper has to find in it)
    let table = [
        ("versions.json", "\"missing_migrations\": 0"),
        ("versions.json", env!("CARGO_PKG_VERSION")),
        ("config.toml", "dtu_listen"),
        ("doctor.json", "jobs.parked"),
        ("counts.json", "\"account\": 1"),
        ("metrics.txt", "yufu_jobs"),
        ("work_items.json", "account.left_over"),
        ("jobs.json", "refused"),
        ("log.txt", "YF2611200000000001 was credited"),
    ];
    for (part, holds) in table {
        assert!(parts[part].contains(holds), "{holds} is not in {part}:\n{}", parts[part]);
    }
    assert!(parts["log.txt"].lines().count() <= LOG_LINES_MAX);
    // Another bundle never takes the place of one.
    assert!(write(&file, &source).await.is_err());
}

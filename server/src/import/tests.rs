use std::{collections::BTreeMap, fs, path::Path};

use domain::{ManualClock, ProjectId, SeededRng};
use gateway::Profiles;
use store::{Store, meter, site};

use super::*;

const CLOCK: &str = "2026-11-20T06:30:00Z";

/// A small site that imports; tests replace files of it.
fn small() -> BTreeMap<&'static str, String> {
    let text = |text: &str| text.to_owned();
    BTreeMap::from([
        ("projects", text("number,name\n1,和园公寓\n")),
        ("landlords", text("name,phone\n沈玉兰,13800000001\n")),
        ("rooms", text("building,floor,room,area,landlord\n1 号楼,1,101,45.5,沈玉兰\n")),
        ("accounts", text("account_no,building,room,name\n10001,1 号楼,101,王秀英\n")),
        ("gateways", text("name,registration,baud\nGW-01,YF-GW-0001,2400\n")),
        ("tariffs", text("name,purpose,valid_from,price\n居民用电,电,2026-01-01,0.5883\n")),
        (
            "meters",
            text(
                "meter_no,building,room,gateway,address,profile,tariff\n\
                 202603000001,1 号楼,101,GW-01,202603000001,dlt645-2007-prepaid,居民用电\n",
            ),
        ),
    ])
}

fn folder(files: &BTreeMap<&str, String>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(format!("{name}.csv")), text).unwrap();
    }
    dir
}

struct Rig {
    store: Store,
    profiles: Profiles,
    clock: ManualClock,
    rng: SeededRng,
    _dir: tempfile::TempDir,
}

impl Rig {
    async fn new() -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("yufu.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        Rig {
            store,
            profiles: Profiles::embedded().unwrap(),
            clock: ManualClock::at(CLOCK),
            rng: SeededRng::new(1),
            _dir: dir,
        }
    }

    async fn prepare(&self, path: &Path) -> Result<Plan, ImportError> {
        prepare(path, &self.store, &self.profiles, &self.clock, &self.rng).await
    }

    /// Imports and answers added, changed and unchanged rows over all tables.
    async fn import(&self, path: &Path) -> (usize, usize, usize) {
        let plan = match self.prepare(path).await {
            Ok(plan) => plan,
            Err(ImportError::Faults(faults)) => panic!("{}", lines(&faults).join("\n")),
            Err(error) => panic!("{error}"),
        };
        let sum = plan.counts().iter().fold((0, 0, 0), |(added, changed, same), count| {
            (added + count.added, changed + count.changed, same + count.unchanged)
        });
        apply(plan, &self.store, &self.clock).await.unwrap();
        sum
    }

    async fn faults(&self, path: &Path) -> Vec<String> {
        match self.prepare(path).await {
            Err(ImportError::Faults(faults)) => lines(&faults),
            Err(error) => vec![error.to_string()],
            Ok(plan) => panic!("nothing was wrong: {:?}", plan.counts()),
        }
    }
}

fn lines(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// File, its new content, and how the one fault begins.
const BAD_CELLS: &[(&str, &str, &str)] = &[
    (
        "rooms",
        "building,floor,room\n1 号楼,一,101\n",
        "[rooms] B2 楼层 floor = \"一\"：内容不符合要求；应为：-9–200 的整数 / \
         this is not allowed here; allowed: a whole number -9 to 200",
    ),
    ("rooms", "building,floor,room\n1 号楼,201,101\n", "[rooms] B2 楼层 floor = \"201\"："),
    ("rooms", "building,floor,room\n1 号楼,,101\n", "[rooms] B2 楼层 floor = \"\"：不能为空；"),
    (
        "rooms",
        "building,floor,room,area\n1 号楼,1,101,45.555\n",
        "[rooms] D2 面积 area = \"45.555\"",
    ),
    (
        "rooms",
        "building,floor,room\n1 号楼,1,101\n1 号楼,2,101\n",
        "[rooms] C3 房号 room = \"101\"：与第 2 行重复；",
    ),
    (
        "rooms",
        "building,floor,room,landlord\n1 号楼,1,101,无名氏\n",
        "[rooms] D2 房东 landlord = \"无名氏\"：没有这个房东；",
    ),
    (
        "rooms",
        "building,floor,room\n=cmd|' /C calc'!A0,1,101\n1 号楼,1,101\n",
        "[rooms] A2 楼栋 building = \"=cmd|' /C calc'!A0\"：内容不符合要求；\
         应为：1–80 个字符，不以 = + - @ 开头",
    ),
    (
        "rooms",
        "building,floor,room,colour\n1 号楼,1,101,red\n",
        "[rooms] D1 表头 header = \"colour\"：",
    ),
    ("rooms", "building,room\n1 号楼,101\n", "[rooms] 1：缺少列 楼层 floor / "),
    (
        "landlords",
        "name,phone\n沈玉兰,12x\n",
        "[landlords] B2 电话 phone = \"12x\"：内容不符合要求；",
    ),
    (
        "accounts",
        "account_no,building,room,name\n10001,1 号楼,999,王秀英\n",
        "[accounts] C2 房号 room = \"999\"：没有这个房间；",
    ),
    (
        "accounts",
        "account_no,building,room,name\n10001,1 号楼,101,王\n10002,1 号楼,101,李\n",
        "[accounts] C3 房号 room = \"101\"：房间已有在用的户；",
    ),
    (
        "accounts",
        "account_no,building,room,name,customer_no\n10001,1 号楼,101,王,123\n",
        "[accounts] E2 客户编号 customer_no = \"123\"：",
    ),
    (
        "gateways",
        "name,registration\nGW-01,\n",
        "[gateways] B2 注册号 registration = \"\"：拨入的网关须有注册号；",
    ),
    (
        "gateways",
        "name,registration\nGW-01,A1\nGW-02,A1\n",
        "[gateways] B3 注册号 registration = \"A1\"：注册号已被别的网关使用；",
    ),
    (
        "gateways",
        "name,link,address\nGW-01,modbus-tcp,nowhere\n",
        "[gateways] C2 网关地址 address = \"nowhere\"：",
    ),
    (
        "gateways",
        "name,registration,baud\nGW-01,A1,2401\n",
        "[gateways] C2 波特率 baud = \"2401\"：",
    ),
    (
        "tariffs",
        "name,purpose,valid_from,price\n居民用电,电,2026-02-30,0.5883\n",
        "[tariffs] C2 生效日期 valid_from = \"2026-02-30\"：",
    ),
    (
        "tariffs",
        "name,purpose,valid_from,price\n居民用电,电,2026-01-01,1e9\n",
        "[tariffs] D2 单价 price = \"1e9\"：",
    ),
    (
        "tariffs",
        "name,purpose,valid_from,price\n居民用电,水,2026-01-01,3.45\n",
        "[meters] G2 费率 tariff = \"居民用电\"：费率与表计的用途不同；",
    ),
    (
        "meters",
        "meter_no,gateway,address,profile\n1,GW-01,20260300001,dlt645-2007-prepaid\n",
        "[meters] C2 通信地址 address = \"20260300001\"：不是 12 位表地址（首位的零丢了？",
    ),
    (
        "meters",
        "meter_no,gateway,address,profile\n1,GW-01,AAAAAAAAAAAA,dlt645-2007-prepaid\n",
        "[meters] C2 通信地址 address = \"AAAAAAAAAAAA\"：",
    ),
    (
        "meters",
        "meter_no,gateway,address,profile\n1,GW-01,248,acrel-ddsy1352\n",
        "[meters] C2 通信地址 address = \"248\"：不是 1–247 的从站号",
    ),
    (
        "meters",
        "meter_no,gateway,address,profile\n1,GW-01,1,acrel\n",
        "[meters] D2 型号 profile = \"acrel\"：没有这个型号，已有 ",
    ),
    (
        "meters",
        "meter_no,gateway,address,profile\n1,GW-09,1,acrel-ddsy1352\n",
        "[meters] B2 采集网关 gateway = \"GW-09\"：没有这个网关；",
    ),
    (
        "meters",
        "meter_no,gateway,address,profile\n1,GW-01,7,acrel-ddsy1352\n2,GW-01,7,acrel-ddsy1352\n",
        "[meters] C3 通信地址 address = \"7\"：同一总线上表计 1 已用这个地址；",
    ),
    (
        "meters",
        "meter_no,gateway,address,profile,tariff\n1,GW-01,7,acrel-ddsy1352,没有\n",
        "[meters] E2 费率 tariff = \"没有\"：没有这个费率；",
    ),
    ("colours", "a\n1\n", "[colours] 1：没有这种工作表；应为：项目 projects"),
];

#[tokio::test]
async fn every_bad_cell_is_named_with_sheet_row_column_value_and_what_is_allowed() {
    let rig = Rig::new().await;
    for (file, content, want) in BAD_CELLS {
        let mut files = small();
        files.insert(file, (*content).to_owned());
        let faults = rig.faults(folder(&files).path()).await;
        let found = faults.iter().filter(|line| line.starts_with(want)).count();
        assert_eq!(found, 1, "{file} {content:?}\nwanted {want}\ngot {faults:#?}");
    }
    assert!(site::projects(rig.store.read()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_bad_row_is_named_once_and_not_again_by_those_that_refer_to_it() {
    let rig = Rig::new().await;
    let mut files = small();
    files.insert("rooms", "building,floor,room\n1 号楼,x,101\n".to_owned());
    let faults = rig.faults(folder(&files).path()).await;
    // The room's account and meter are silent about it.
    assert!(faults.len() <= 3, "{faults:#?}");
    assert!(faults[0].starts_with("[rooms] B2"), "{faults:#?}");
}

#[tokio::test]
async fn the_same_import_again_changes_nothing() {
    let rig = Rig::new().await;
    let dir = folder(&small());
    assert_eq!(rig.import(dir.path()).await, (7, 0, 0));
    let before = meter::list(rig.store.read(), ProjectId(1)).await.unwrap();
    assert!(before[0].account_id.is_some(), "the meter is the account's");
    assert_eq!(rig.import(dir.path()).await, (0, 0, 7));
    assert_eq!(meter::list(rig.store.read(), ProjectId(1)).await.unwrap(), before);
}

#[tokio::test]
async fn only_what_may_change_changes() {
    let rig = Rig::new().await;
    rig.import(folder(&small()).path()).await;
    let mut files = small();
    files.insert("landlords", "name,phone\n沈玉兰,13800000009\n".to_owned());
    files.insert("gateways", "name,registration,baud\nGW-01,YF-GW-0001,9600\n".to_owned());
    assert_eq!(rig.import(folder(&files).path()).await, (0, 2, 5));
    let gateways = site::gateways(rig.store.read(), None).await.unwrap();
    assert!(gateways[0].settings.contains("9600"), "{}", gateways[0].settings);
    let refused = [
        ("tariffs", "name,purpose,valid_from,price\n居民用电,电,2026-01-01,0.6\n", "[tariffs] D2"),
        (
            "meters",
            "meter_no,gateway,address,profile\n\
             202603000001,GW-01,202603000002,dlt645-2007-prepaid\n",
            "[meters] C2 通信地址 address = \"202603000002\"：已建档的表计不能用导入改这一项",
        ),
    ];
    for (file, content, want) in refused {
        let mut files = small();
        files.insert(file, content.to_owned());
        let faults = rig.faults(folder(&files).path()).await;
        assert!(faults[0].starts_with(want), "{faults:#?}");
    }
}

#[tokio::test]
async fn meters_that_came_before_the_account_join_it() {
    let rig = Rig::new().await;
    let mut files = small();
    let accounts = files.remove("accounts").unwrap();
    rig.import(folder(&files).path()).await;
    let alone = BTreeMap::from([("accounts", accounts)]);
    assert_eq!(rig.import(folder(&alone).path()).await, (1, 0, 0));
    let meters = meter::list(rig.store.read(), ProjectId(1)).await.unwrap();
    assert!(meters[0].account_id.is_some() && meters[0].version == 2, "{meters:?}");
}

fn seven_hundred() -> BTreeMap<&'static str, String> {
    let mut files = small();
    let mut rooms = "楼栋,楼层,房号\n".to_owned();
    let mut meters = "表号,楼栋,房号,采集网关,通信地址,型号,费率\n".to_owned();
    for n in 1..=700 {
        rooms += &format!("{} 号楼,{},{n}\n", n / 100 + 1, n % 30);
        meters += &format!(
            "2026030{n:05},{} 号楼,{n},GW-01,2026030{n:05},dlt645-2007-prepaid,居民用电\n",
            n / 100 + 1
        );
    }
    files.remove("accounts");
    files.insert("rooms", rooms);
    files.insert("meters", meters);
    files
}

#[tokio::test]
async fn seven_hundred_meters_go_in_at_once() {
    let rig = Rig::new().await;
    let (added, _, _) = rig.import(folder(&seven_hundred()).path()).await;
    assert_eq!(added, 1 + 1 + 700 + 1 + 1 + 700);
    let meters = meter::list(rig.store.read(), ProjectId(1)).await.unwrap();
    assert_eq!(meters.len(), 700);
}

#[tokio::test]
async fn one_bad_cell_among_seven_hundred_changes_nothing() {
    let rig = Rig::new().await;
    let mut files = seven_hundred();
    let meters = files["meters"].replace("202603000699,dlt", "20260300069,dlt");
    files.insert("meters", meters);
    let faults = rig.faults(folder(&files).path()).await;
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert!(
        faults[0].starts_with("[meters] E700 通信地址 address = \"20260300069\""),
        "{faults:?}"
    );
    assert!(site::projects(rig.store.read()).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_import_does_not_overwrite_what_changed_meanwhile() {
    let rig = Rig::new().await;
    rig.import(folder(&small()).path()).await;
    let mut files = small();
    let meters = files["meters"].replace("tariff\n", "tariff,reading_interval_s\n");
    files.insert("meters", meters.replace("居民用电\n", "居民用电,300\n"));
    let plan = rig.prepare(folder(&files).path()).await.unwrap();
    let known = meter::list(rig.store.read(), ProjectId(1)).await.unwrap().remove(0);
    let change = meter::Change { purchase_count: Some(Some(5)), ..Default::default() };
    rig.store
        .transact(move |tx| Box::pin(async move { meter::change(tx, &known, change).await }))
        .await
        .unwrap();
    let refused = apply(plan, &rig.store, &rig.clock).await.unwrap_err();
    assert!(matches!(refused, ImportError::Store(store::StoreError::Gone(_))), "{refused:?}");
    let kept = meter::list(rig.store.read(), ProjectId(1)).await.unwrap().remove(0);
    assert_eq!((kept.purchase_count, kept.reading_interval_s), (Some(5), 900));
}

#[tokio::test]
async fn a_spreadsheets_gbk_and_marked_utf8_read_alike() {
    let rig = Rig::new().await;
    let dir = folder(&BTreeMap::new());
    let (gbk, _, _) = encoding_rs::GB18030.encode("项目编号,名称\n1,和园公寓\n");
    fs::write(dir.path().join("项目.csv"), gbk).unwrap();
    fs::write(dir.path().join("landlords.csv"), "\u{feff}姓名\n沈玉兰\n").unwrap();
    assert_eq!(rig.import(dir.path()).await, (2, 0, 0));
    let projects = site::projects(rig.store.read()).await.unwrap();
    assert_eq!(projects[0].name, "和园公寓");
}

#[tokio::test]
async fn the_template_itself_imports_with_its_examples() {
    let rig = Rig::new().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("模板.xlsx");
    template::write(&file).unwrap();
    let (added, changed, _) = rig.import(&file).await;
    assert_eq!((added, changed), (14, 0));
    assert_eq!(rig.import(&file).await, (0, 0, 14));
}

#[tokio::test]
async fn what_is_too_much_or_no_book_is_refused() {
    let rig = Rig::new().await;
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let no_book = write("a.xlsx", b"this is no archive");
    assert!(matches!(rig.prepare(&no_book).await, Err(ImportError::Book(BookError::Kind { .. }))));
    let large = write("b.xlsx", &vec![0; (FILE_BYTES_MAX + 1) as usize]);
    assert!(matches!(rig.prepare(&large).await, Err(ImportError::Book(BookError::TooLarge(_)))));
    let bomb = write("c.xlsx", &bomb());
    assert!(matches!(rig.prepare(&bomb).await, Err(ImportError::Book(BookError::Bomb))));
    let mut files = small();
    let mut rows = "name\n".to_owned();
    (0..=ROWS_MAX).for_each(|n| rows += &format!("房东{n}\n"));
    files.insert("landlords", rows);
    let many = folder(&files);
    assert!(matches!(
        rig.prepare(many.path()).await,
        Err(ImportError::Book(BookError::TooManyRows))
    ));
    let mut files = small();
    files.insert("landlords", format!("name\n{}\n", "长".repeat(CELL_CHARS_MAX + 1)));
    let faults = rig.faults(folder(&files).path()).await;
    assert!(faults[0].starts_with("[landlords] A2 A = \"长长"), "{faults:#?}");
}

/// A small archive that unpacks to more than is allowed.
fn bomb() -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("xl/workbook.xml", options).unwrap();
    let block = vec![0u8; 1 << 20];
    for _ in 0..=(UNPACKED_BYTES_MAX >> 20) {
        zip.write_all(&block).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn every_framing_that_is_allowed_is_stored_and_can_be_run() {
    let named = [
        ("plain", "plain"),
        ("有人", "usr"),
        ("亿佰特", "ebyte"),
        ("四信", "four-faith"),
        ("宏电", "hongdian"),
        ("安科瑞", "acrel-4g"),
        ("acrel-4g", "acrel-4g"),
    ];
    let rig = Rig::new().await;
    let mut files = small();
    let rows = named.iter().enumerate().map(|(at, (word, _))| {
        let at = at + 1;
        format!("GW-0{at},1230721072008{at},{word}\n")
    });
    files.insert("gateways", format!("name,registration,framing\n{}", rows.collect::<String>()));
    rig.import(folder(&files).path()).await;
    let gateways = site::gateways(rig.store.read(), None).await.unwrap();
    for (at, (word, stored)) in named.iter().enumerate() {
        let name = format!("GW-0{}", at + 1);
        let row = gateways.iter().find(|row| row.name == name).expect(word);
        assert_eq!(row.framing, *stored, "{word}");
        let beside = |_: &meter::Meter| vending::line::Beside::default();
        assert!(vending::line::line_of(&beside, row, &[]).is_ok(), "{word}");
    }
}

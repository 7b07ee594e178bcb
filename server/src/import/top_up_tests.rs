use std::fs;

use domain::{OperatorId, ProjectId};
use store::{Store, operator::OperatorRole};
use uuid::Uuid;

use super::{
    ImportError, Table, book,
    top_up::{self, List, Seller, lines},
};
use crate::{access::Reach, command::Site, config::Config};

const OPERATOR: OperatorId = OperatorId(Uuid::from_u128(9));
/// Rooms of the small site, each with one account and one electricity meter.
const ROOMS: usize = 10;

/// A small site with two projects; the operator may sell in the first.
struct Rig {
    site: Site,
    reach: Reach,
    dir: tempfile::TempDir,
}

fn site_files() -> Vec<(&'static str, String)> {
    let mut rooms = "project,building,floor,room\n".to_owned();
    let mut accounts = "project,account_no,building,room,name\n".to_owned();
    let mut meters = "project,meter_no,building,room,gateway,address,profile,tariff\n".to_owned();
    for n in 0..ROOMS {
        rooms += &format!("1,A,1,{n}\n");
        accounts += &format!("1,1000{n},A,{n},住户 {n}\n");
        meters += &format!("1,M{n},A,{n},GW,00000000000{n},dlt645-2007-remote-fee,电价\n");
    }
    // A second meter in the last room, and a room nobody lives in.
    meters += "1,M10,A,9,GW,000000000010,dlt645-2007-remote-fee,电价\n";
    rooms += "1,A,1,空\n2,B,1,1\n";
    accounts += "2,20000,B,1,别处\n";
    vec![
        ("projects", "number,name\n1,和园\n2,滨江\n".to_owned()),
        ("rooms", rooms),
        ("accounts", accounts),
        ("gateways", "project,name,registration\n1,GW,YF-1\n".to_owned()),
        ("tariffs", "project,name,purpose,valid_from,price\n1,电价,电,2026-01-01,0.6\n".to_owned()),
        ("meters", meters),
    ]
}

impl Rig {
    async fn new() -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.database.url = format!("sqlite:{}", dir.path().join("yufu.db").display());
        let store = Store::open(&config.database.url).await.unwrap();
        store.migrate().await.unwrap();
        let site = Site::of(config, store);
        let folder = dir.path().join("site");
        fs::create_dir(&folder).unwrap();
        for (name, text) in site_files() {
            fs::write(folder.join(format!("{name}.csv")), text).unwrap();
        }
        let profiles = site.profiles().unwrap();
        let (clock, rng) = (site.clock.as_ref(), site.rng.as_ref());
        let plan = super::prepare(&folder, &site.store, &profiles, clock, rng).await.unwrap();
        super::apply(plan, &site.store, clock).await.unwrap();
        let role =
            OperatorRole { operator_id: OPERATOR.0, project_id: 1, role: "operator".to_owned() };
        Rig { site, reach: Reach::of(&[role]), dir }
    }

    /// Checks a list and, if that is wanted and nothing is wrong, sells it.
    async fn tell(&self, text: &str, sell: bool) -> Result<List, Vec<String>> {
        let file = self.dir.path().join("topups.csv");
        fs::write(&file, text).unwrap();
        let house = self.site.selling_house().await.unwrap();
        let seller = Seller { operator: OPERATOR, reach: &self.reach, house: &house };
        let profiles = self.site.profiles().unwrap();
        let senses = (self.site.clock.as_ref(), self.site.rng.as_ref());
        let list = match top_up::prepare(&file, &seller, &profiles, senses).await {
            Ok(list) => list,
            Err(ImportError::Faults(faults)) => return Err(lines(&faults)),
            Err(error) => return Err(vec![error.to_string()]),
        };
        if sell {
            let sold = top_up::sell(&list, &seller).await.unwrap();
            assert_eq!(sold.len(), list.fresh.len());
        }
        Ok(list)
    }

    /// What the operator's drawer holds by the books, in fen; the books are proven first.
    async fn drawer_fen(&self) -> i64 {
        self.site.store.audit(Some(ProjectId(1))).await.unwrap();
        let drawer = ledger::LedgerAccount::Cash(OPERATOR);
        let db = self.site.store.read();
        store::ledger::balance(db, ProjectId(1), drawer).await.unwrap().posted.fen()
    }
}

const HEAD: &str =
    "project,account_no,meter_no,building,room,amount,method,reference,paid_on,remark\n";

/// Row `n` of a long list: named by account, by meter or by room in turn; 1.00 to 7.99 yuan.
fn row(n: usize) -> (String, i64) {
    let (room, fen) = (n % 9, 100 + n as i64);
    let place = match n % 3 {
        0 => format!("1000{room},,,"),
        1 => format!(",M{room},,"),
        _ => format!(",,A,{room}"),
    };
    let line = format!("1,{place},{}.{:02},现金,SJ{n:06},,第 {n} 笔\n", fen / 100, fen % 100);
    (line, fen)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_seven_hundred_top_ups_is_sold_once_however_often_it_is_told() {
    let rig = Rig::new().await;
    let text =
        |rows: std::ops::Range<usize>| rows.fold(HEAD.to_owned(), |text, n| text + &row(n).0);
    let sum = |rows: std::ops::Range<usize>| rows.map(|n| row(n).1).sum::<i64>();
    let dry = rig.tell(&text(0..700), false).await.unwrap();
    assert_eq!((dry.fresh.len(), dry.fresh_fen()), (700, sum(0..700)));
    assert_eq!(rig.drawer_fen().await, 0, "a check sells nothing");
    // The first hundred come in a list of their own, as if the telling had broken off there.
    let first = rig.tell(&text(0..100), true).await.unwrap();
    assert_eq!((first.fresh.len(), first.already.len()), (100, 0));
    assert_eq!(rig.drawer_fen().await, sum(0..100));
    for (fresh, already) in [(600, 100), (0, 700), (0, 700)] {
        let list = rig.tell(&text(0..700), true).await.unwrap();
        assert_eq!((list.fresh.len(), list.already.len()), (fresh, already));
        assert_eq!(rig.drawer_fen().await, sum(0..700));
    }
    // A sale is shown like any other at the counter: by whom, with its number and its word.
    let db = rig.site.store.read();
    let order = store::order::by_client_id(db, ProjectId(1), "list-SJ000007").await.unwrap();
    let order = order.unwrap();
    assert_eq!((order.channel.as_str(), order.operator_id), ("cash", Some(OPERATOR.0)));
    let story = store::timeline::of(db, ProjectId(1), order.order_id()).await.unwrap();
    let paid = story.iter().find(|event| event.kind == "paid").unwrap();
    assert!(paid.detail.contains("SJ000007") && paid.detail.contains("第 7 笔"), "{paid:?}");
}

/// One row after a good one, and how its fault begins.
const BAD_ROWS: &[(&str, &str)] = &[
    ("1,10001,,,,10.005,现金,SJ0002,,", "[topups] F3 金额 amount = \"10.005\"：内容不符合要求"),
    ("1,10001,,,,0,现金,SJ0002,,", "[topups] F3 金额 amount = \"0\"：超出单笔限额"),
    ("1,10001,,,,99999,现金,SJ0002,,", "[topups] F3 金额 amount = \"99999\"：超出单笔限额"),
    ("1,10001,,,,-5,现金,SJ0002,,", "[topups] F3 金额 amount = \"-5\"：内容不符合要求"),
    ("1,10001,,,,5,支票,SJ0002,,", "[topups] G3 收款方式 method = \"支票\"：内容不符合要求"),
    ("1,10001,,,,5,转账,SJ0002,,", "[topups] G3 收款方式 method = \"转账\"：项目没有商户号"),
    ("1,77777,,,,5,现金,SJ0002,,", "[topups] B3 户号 account_no = \"77777\"：没有这一户"),
    ("1,,M99,,,5,现金,SJ0002,,", "[topups] C3 表号 meter_no = \"M99\"：没有这只表"),
    ("1,,,A,99,5,现金,SJ0002,,", "[topups] E3 房号 room = \"99\"：没有这个房间"),
    ("1,,,A,空,5,现金,SJ0002,,", "[topups] E3 房号 room = \"空\"：这个房间没有开户"),
    ("1,,,,,5,现金,SJ0002,,", "[topups] B3 户号 account_no = \"\"：户号、表号、房间至少填一项"),
    ("1,10009,,,,5,现金,SJ0002,,", "[topups] C3 表号 meter_no = \"\"：这一户有多只表"),
    ("1,10001,M2,,,5,现金,SJ0002,,", "[topups] B3 户号 account_no = \"10001\"：表不属于这一户"),
    ("2,20000,,,,5,现金,SJ0002,,", "[topups] A3 项目 project = \"2\"：没有这个项目"),
    ("3,20000,,,,5,现金,SJ0002,,", "[topups] A3 项目 project = \"3\"：没有这个项目"),
    ("1,10001,,,,5,现金,SJ0001,,", "[topups] H3 凭证号 reference = \"SJ0001\"：与第 2 行重复"),
    ("1,10001,,,,5,现金,收据 7,,", "[topups] H3 凭证号 reference = \"收据 7\"：内容不符合要求"),
    ("1,10001,,,,5,现金,,,", "[topups] H3 凭证号 reference = \"\"：不能为空"),
    ("1,10001,,,,5,现金,SJ0002,2099-01-01,", "[topups] I3 收款日期 paid_on = \"2099-01-01\"："),
    ("1,10001,,,,5,现金,SJ0002,,=1+1", "[topups] J3 备注 remark = \"=1+1\"：内容不符合要求"),
];

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_cell_of_a_list_is_named_and_nothing_is_sold() {
    let rig = Rig::new().await;
    for (bad, begins) in BAD_ROWS {
        let text = format!("{HEAD}1,10000,,,,5,现金,SJ0001,,\n{bad}\n");
        let faults = rig.tell(&text, true).await.unwrap_err();
        assert_eq!(faults.len(), 1, "{bad}: {faults:?}");
        assert!(faults[0].starts_with(begins), "{} instead of {begins}", faults[0]);
        assert_eq!(rig.drawer_fen().await, 0, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_means_one_sale_for_ever_also_beside_the_counter() {
    let rig = Rig::new().await;
    rig.tell(&format!("{HEAD}1,10000,,,,5,现金,SJ0001,,\n"), true).await.unwrap();
    // (a later row with the same number, what is said of it)
    let table = [
        ("1,10000,,,,6,现金,SJ0001,,", "凭证号已用于另一笔充值（amount 不同）"),
        ("1,10001,,,,5,现金,SJ0001,,", "凭证号已用于另一笔充值（meter_no 不同）"),
    ];
    for (row, said) in table {
        let faults = rig.tell(&format!("{HEAD}{row}\n"), true).await.unwrap_err();
        assert!(faults[0].contains(said), "{faults:?}");
    }
    let house = rig.site.selling_house().await.unwrap();
    let meter = store::meter::by_no(rig.site.store.read(), ProjectId(1), "M3").await.unwrap();
    let wish = vending::order::PlaceOrder {
        client_id: "by-hand-1".to_owned(),
        meter: meter.unwrap().meter_id(),
        channel: domain::Channel::Cash,
        amount: domain::Money::from_fen(500),
        operator: Some(OPERATOR),
    };
    let slip = Some("SJ0009".to_owned());
    house.sell_at_counter(ProjectId(1), OPERATOR, wish, slip).await.unwrap();
    let faults = rig.tell(&format!("{HEAD}1,10003,,,,5,现金,SJ0009,,\n"), true).await.unwrap_err();
    assert!(faults[0].contains("凭证号已在柜台用过"), "{faults:?}");
    assert_eq!(rig.drawer_fen().await, 1_000);
    // A site's workbook is no list, and a list is no site.
    let faults = rig.tell("account_no,amount\n1,1\n", false).await.unwrap_err();
    assert!(faults.iter().any(|line| line.contains("缺少列 凭证号 reference")), "{faults:?}");
    let file = rig.dir.path().join("topups.csv");
    let as_site = book::read(&file, &Table::ALL).unwrap();
    assert!(as_site.faults.iter().any(|fault| fault.problem[0] == "没有这种工作表"));
}

#[test]
fn the_template_of_a_list_reads_back_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("list.xlsx");
    super::template::write_list(&file).unwrap();
    let book = book::read(&file, &Table::LIST).unwrap();
    assert!(book.faults.is_empty(), "{:?}", book.faults);
    assert_eq!((book.sheets.len(), book.sheets[0].rows.len()), (1, 2));
}

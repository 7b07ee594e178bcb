//! The tables an import knows: their names and columns in two languages, and what each cell may
//! hold. Reading, messages, the template and the guide all go by this one list.

/// One kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Sites.
    Projects,
    /// Landlords.
    Landlords,
    /// Rooms.
    Rooms,
    /// Customer accounts.
    Accounts,
    /// Gateways.
    Gateways,
    /// Tariff versions.
    Tariffs,
    /// Meters.
    Meters,
    /// Top-ups paid by hand; a list of its own, never part of a site.
    TopUps,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The English name in files.
    pub key: &'static str,
    /// The Chinese name in files.
    pub zh: &'static str,
    /// True where a new row needs it.
    pub required: bool,
    /// What is allowed, in Chinese.
    pub allowed_zh: &'static str,
    /// What is allowed, in English.
    pub allowed_en: &'static str,
    /// Values of the template's example rows.
    pub examples: [&'static str; 2],
}

const fn need(
    (key, zh): (&'static str, &'static str),
    (allowed_zh, allowed_en): (&'static str, &'static str),
    examples: [&'static str; 2],
) -> Column {
    Column { key, zh, required: true, allowed_zh, allowed_en, examples }
}

const fn may(
    names: (&'static str, &'static str),
    allowed: (&'static str, &'static str),
    examples: [&'static str; 2],
) -> Column {
    let mut column = need(names, allowed, examples);
    column.required = false;
    column
}

const NAME: (&str, &str) =
    ("1–80 个字符，不以 = + - @ 开头", "1 to 80 characters, not starting with = + - @");
const PHONE: (&str, &str) = ("5–20 位数字，可带 + 和 -", "5 to 20 digits, + and - allowed");
const PROJECT: Column = may(
    ("project", "项目"),
    ("项目编号；只有一个项目时可空", "a project's number; may be empty where there is only one"),
    ["1", "1"],
);
const BUILDING: (&str, &str) = ("building", "楼栋");
const ROOM: (&str, &str) = ("room", "房号");
const A_ROOM: (&str, &str) = ("已有或本次导入的房间", "a room known or in this import");

impl Table {
    /// Every table of a site, in the order rows depend on each other.
    pub const ALL: [Table; 7] = [
        Table::Projects,
        Table::Landlords,
        Table::Rooms,
        Table::Accounts,
        Table::Gateways,
        Table::Tariffs,
        Table::Meters,
    ];

    /// The table of a list of top-ups.
    pub const LIST: [Table; 1] = [Table::TopUps];

    /// The name of its sheet or file in English.
    pub const fn en(self) -> &'static str {
        match self {
            Table::Projects => "projects",
            Table::Landlords => "landlords",
            Table::Rooms => "rooms",
            Table::Accounts => "accounts",
            Table::Gateways => "gateways",
            Table::Tariffs => "tariffs",
            Table::Meters => "meters",
            Table::TopUps => "topups",
        }
    }

    /// The name of its sheet or file in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Table::Projects => "项目",
            Table::Landlords => "房东",
            Table::Rooms => "房间",
            Table::Accounts => "户",
            Table::Gateways => "采集网关",
            Table::Tariffs => "费率",
            Table::Meters => "表计",
            Table::TopUps => "充值",
        }
    }

    /// The table a sheet or file is named after, among those that may stand there.
    pub fn named(name: &str, among: &[Table]) -> Option<Table> {
        let name = folded(name);
        among.iter().copied().find(|table| {
            let (zh, en) = (folded(table.zh()), table.en());
            name == zh || name == en || name == format!("{zh}{en}")
        })
    }

    /// Its columns.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Table::Projects => PROJECTS,
            Table::Landlords => LANDLORDS,
            Table::Rooms => ROOMS,
            Table::Accounts => ACCOUNTS,
            Table::Gateways => GATEWAYS,
            Table::Tariffs => TARIFFS,
            Table::Meters => METERS,
            Table::TopUps => TOP_UPS,
        }
    }

    /// The column a header names.
    pub fn column(self, header: &str) -> Option<&'static Column> {
        let header = folded(header);
        self.columns().iter().find(|column| {
            let (zh, key) = (folded(column.zh), folded(column.key));
            header == zh || header == key || header == format!("{zh}{key}")
        })
    }
}

/// A name without case, blanks and the marks people put around it.
fn folded(name: &str) -> String {
    let dropped = |c: &char| !c.is_whitespace() && !"_*()（）-".contains(*c);
    name.chars().filter(dropped).flat_map(char::to_lowercase).collect()
}

const PROJECTS: &[Column] = &[
    need(("number", "项目编号"), ("1–999999 的整数", "a whole number 1 to 999999"), ["1", "2"]),
    need(("name", "名称"), NAME, ["和园公寓", "滨江商铺"]),
    may(("name_en", "英文名称"), NAME, ["Heyuan Apartments", "Riverside Shops"]),
];

const LANDLORDS: &[Column] = &[
    PROJECT,
    need(("name", "姓名"), NAME, ["沈玉兰", "和园物业"]),
    may(("phone", "电话"), PHONE, ["13800000001", "0571-80000000"]),
];

const ROOMS: &[Column] = &[
    PROJECT,
    need(BUILDING, NAME, ["1 号楼", "1 号楼"]),
    need(("floor", "楼层"), ("-9–200 的整数", "a whole number -9 to 200"), ["1", "2"]),
    need(ROOM, NAME, ["101", "201"]),
    may(
        ("area", "面积"),
        ("平方米，最多两位小数", "square metres, at most two decimals"),
        ["45.5", ""],
    ),
    may(
        ("landlord", "房东"),
        ("已有或本次导入的房东", "a landlord known or in this import"),
        ["沈玉兰", ""],
    ),
    may(("tags", "标签"), ("用逗号分隔", "separated by commas"), ["朝南,带阳台", ""]),
];

const ACCOUNTS: &[Column] = &[
    PROJECT,
    need(
        ("account_no", "户号"),
        ("1–20 位数字或字母", "1 to 20 digits or letters"),
        ["10001", "10002"],
    ),
    need(BUILDING, A_ROOM, ["1 号楼", "1 号楼"]),
    need(ROOM, A_ROOM, ["101", "201"]),
    need(("name", "姓名"), NAME, ["王秀英", "李建国"]),
    may(("phone", "电话"), PHONE, ["13800000002", ""]),
    may(
        ("customer_no", "客户编号"),
        (
            "12 位数字，须与表内一致；空则用户号补零",
            "12 digits, as the meter holds it; empty = the account number padded with zeros",
        ),
        ["000000010001", ""],
    ),
    may(
        ("opened_on", "开户日期"),
        ("日期 2026-01-31", "a date as in 2026-01-31"),
        ["2026-01-31", ""],
    ),
    may(("protected", "保障户"), ("是/否", "yes or no"), ["否", ""]),
];

const GATEWAYS: &[Column] = &[
    PROJECT,
    need(("name", "网关名称"), NAME, ["GW-01", "GW-02"]),
    may(
        ("registration", "注册号"),
        (
            "拨入时必填，全系统唯一；可写 LOGIN:[1001] 或 hex:AA01",
            "needed for dial-in, unique; LOGIN:[1001] or hex:AA01 are possible",
        ),
        ["YF-GW-0001", ""],
    ),
    may(
        ("link", "接入方式"),
        (
            "拨入 / 拨出 / Modbus TCP，默认拨入",
            "dial-in, dial-out or modbus-tcp; dial-in by default",
        ),
        ["拨入", "modbus-tcp"],
    ),
    may(
        ("address", "网关地址"),
        ("主机:端口，拨出和 Modbus TCP 必填", "HOST:PORT, needed for dial-out and modbus-tcp"),
        ["", "192.168.1.20:502"],
    ),
    may(
        ("framing", "报文格式"),
        (
            "plain / usr / ebyte / four-faith / hongdian / acrel-4g，默认 plain",
            "plain, usr, ebyte, four-faith, hongdian or acrel-4g; plain by default",
        ),
        ["plain", ""],
    ),
    may(
        ("heartbeat_s", "心跳秒数"),
        ("0–3600 的整数，默认 60", "a whole number 0 to 3600; 60 by default"),
        ["60", ""],
    ),
    may(
        ("baud", "波特率"),
        (
            "1200 / 2400 / 4800 / 9600 / 19200 / 38400 / 57600 / 115200，默认 2400",
            "1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200; 2400 by default",
        ),
        ["2400", "9600"],
    ),
    may(
        ("heartbeat", "心跳内容"),
        ("1–40 个字符，网关发心跳时填", "1 to 40 characters, where the modem sends any"),
        ["", ""],
    ),
];

const TARIFFS: &[Column] = &[
    PROJECT,
    need(("name", "费率名称"), NAME, ["居民合表用电", "居民用水"]),
    need(("purpose", "用途"), ("电 / 水 / 气", "electricity, water or gas"), ["电", "水"]),
    need(
        ("valid_from", "生效日期"),
        ("日期 2026-01-31", "a date as in 2026-01-31"),
        ["2026-01-01", "2026-01-01"],
    ),
    need(
        ("price", "单价"),
        (
            "每度或每立方米的元，0–1000，最多六位小数",
            "yuan per kWh or cubic metre, 0 to 1000, at most six decimals",
        ),
        ["0.5883", "3.45"],
    ),
];

const METERS: &[Column] = &[
    PROJECT,
    need(
        ("meter_no", "表号"),
        ("1–32 位数字、字母或 -", "1 to 32 digits, letters or -"),
        ["202603000001", "00033020000001"],
    ),
    may(BUILDING, A_ROOM, ["1 号楼", "1 号楼"]),
    may(ROOM, A_ROOM, ["101", "101"]),
    need(
        ("gateway", "采集网关"),
        ("已有或本次导入的网关", "a gateway known or in this import"),
        ["GW-01", "GW-01"],
    ),
    may(
        ("bus", "总线"),
        ("0–31 的整数，默认 0", "a whole number 0 to 31; 0 by default"),
        ["0", ""],
    ),
    need(
        ("address", "通信地址"),
        (
            "DL/T 645 为 12 位数字，CJ/T 188 为 14 位数字，Modbus 为 1–247",
            "12 digits for DL/T 645, 14 digits for CJ/T 188, 1 to 247 for Modbus",
        ),
        ["202603000001", "00033020000001"],
    ),
    need(
        ("profile", "型号"),
        ("已有的表计型号", "a meter profile in force"),
        ["dlt645-2007-prepaid", "cjt188-valve-water"],
    ),
    may(
        ("tariff", "费率"),
        ("已有或本次导入的同用途费率", "a tariff of the same purpose, known or in this import"),
        ["居民合表用电", "居民用水"],
    ),
    may(
        ("ct", "CT"),
        ("1–10000 的整数，默认 1", "a whole number 1 to 10000; 1 by default"),
        ["1", ""],
    ),
    may(
        ("pt", "PT"),
        ("1–10000 的整数，默认 1", "a whole number 1 to 10000; 1 by default"),
        ["1", ""],
    ),
    may(
        ("base_reading", "表底"),
        (
            "度或立方米，最多三位小数，默认 0",
            "kWh or cubic metres, at most three decimals; 0 by default",
        ),
        ["0", ""],
    ),
    may(
        ("reading_interval_s", "抄表间隔秒"),
        ("60–86400 的整数，默认 900", "a whole number 60 to 86400; 900 by default"),
        ["900", "3600"],
    ),
    may(
        ("supply_policy", "送电策略"),
        ("自动 / 手动 / 保电，默认自动", "auto, manual or keep-power; auto by default"),
        ["自动", ""],
    ),
];

const TOP_UPS: &[Column] = &[
    PROJECT,
    may(
        ("account_no", "户号"),
        (
            "已开户的户号；户号、表号、房间至少填一项",
            "an open account; account, meter or room is needed",
        ),
        ["10001", ""],
    ),
    may(
        ("meter_no", "表号"),
        ("已有的表号；一户多表时必填", "a meter; needed where an account has several"),
        ["", "202603000001"],
    ),
    may(BUILDING, ("已有的楼栋", "a building"), ["", ""]),
    may(ROOM, ("已有的房间", "a room"), ["", ""]),
    need(
        ("amount", "金额"),
        (
            "元，最多两位小数，在单笔限额内",
            "yuan, at most two decimals, within the bounds of one sale",
        ),
        ["100", "50.5"],
    ),
    need(("method", "收款方式"), ("现金 / 转账 / 刷卡", "cash, transfer or pos"), ["现金", "转账"]),
    need(
        ("reference", "凭证号"),
        (
            "4–48 位字母、数字、- 或 _，同一项目内永不重复",
            "4 to 48 letters, digits, - or _, never used twice in a project",
        ),
        ["SJ20260131001", "6217000012340001"],
    ),
    may(
        ("paid_on", "收款日期"),
        ("日期 2026-01-31，不晚于今天，不早于一年前", "a date, not after today nor a year ago"),
        ["2026-01-31", ""],
    ),
    may(("remark", "备注"), NAME, ["", "代缴"]),
];

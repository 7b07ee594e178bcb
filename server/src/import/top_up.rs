//! A list of top-ups that were paid by hand (L10, P5): every row is checked before one is sold, and
//! each is then sold as at the counter, once for ever by its reference.

use std::{collections::HashMap, path::Path};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Channel, Clock, MeterId, Money, OperatorId, OrderState, ProjectId, Provider, Rng};
use gateway::Profiles;
use store::{
    Store, fact,
    meter::Meter,
    order::{self, Order},
};
use vending::{House, VendingError, counter::Slip, order::PlaceOrder};

use super::{
    FAULTS_MAX, Fault, ImportError, Table, book,
    cells::Cells,
    known::{Found, Known},
    plan::{Maker, Plan},
};
use crate::access::{Access, Perm, Reach};

/// The most top-ups of one list.
pub const TOP_UPS_MAX: usize = 5_000;
/// Lengths a reference may have; with its prefix it is the order's client id.
const REFERENCE_LENGTH: std::ops::RangeInclusive<usize> = 4..=48;
/// How far back a date of payment may lie.
const PAID_BEFORE_MAX: TimeDelta = TimeDelta::days(366);
/// The largest amount a cell may hold, in fen; what one sale may be is bounded by the site.
const AMOUNT_FEN_MAX: i64 = 99_999_999;

/// One sum received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUp {
    /// The row, as a spreadsheet counts.
    pub row: u32,
    /// The project.
    pub project: ProjectId,
    /// The meter it is for.
    pub meter: MeterId,
    /// How much.
    pub amount: Money,
    /// How it was paid.
    pub channel: Channel,
    /// Its number.
    pub reference: String,
    /// The day it came, if that is told.
    pub paid_at: Option<DateTime<Utc>>,
    /// A word for the timeline.
    pub remark: Option<String>,
}

/// What a list would sell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Rows that are to be sold.
    pub fresh: Vec<TopUp>,
    /// Rows that were sold before, by the same reference with the same contents.
    pub already: Vec<TopUp>,
}

impl List {
    /// The sum of the rows to be sold, in fen.
    pub fn fresh_fen(&self) -> i64 {
        self.fresh.iter().map(|row| row.amount.fen()).sum()
    }
}

/// A row that could not be sold although it was right when it was read.
#[derive(Debug, thiserror::Error)]
#[error("row {row}: {reference}")]
pub struct NotSold {
    /// The row.
    pub row: u32,
    /// Its reference.
    pub reference: String,
    /// How many rows before it were sold.
    pub sold: usize,
    /// Why.
    #[source]
    pub why: VendingError,
}

/// Who sells, and by which rules.
pub struct Seller<'a> {
    /// The operator in whose name it is sold.
    pub operator: OperatorId,
    /// Where they may do what.
    pub reach: &'a Reach,
    /// The house that sells.
    pub house: &'a House,
}

/// Reads a list and works out what it would sell.
///
/// Errors: [`ImportError::Faults`] with every bad cell.
pub async fn prepare(
    path: &Path,
    seller: &Seller<'_>,
    profiles: &Profiles,
    (clock, rng): (&dyn Clock, &dyn Rng),
) -> Result<List, ImportError> {
    let book = book::read(path, &Table::LIST)?;
    let store = seller.house.store();
    let known = Known::load(store).await?;
    let now = clock.now();
    let maker = Maker { known, plan: Plan::default(), profiles, clock, rng, now };
    let mut reader = Reader { maker, seller, now, seen: HashMap::new() };
    let (mut faults, mut list) = (book.faults, List::default());
    for sheet in &book.sheets {
        if sheet.rows.len() > TOP_UPS_MAX {
            return Err(book::BookError::TooManyRows.into());
        }
        for (number, row) in &sheet.rows {
            let mut found = Vec::new();
            let mut cells = Cells::new(sheet, (*number, row), &mut found);
            if let Some(top_up) = reader.row(&mut cells) {
                reader.compare(store, &mut cells, top_up, &mut list).await?;
            }
            faults.extend(found);
            if faults.len() >= FAULTS_MAX {
                return Err(ImportError::Faults(faults));
            }
        }
    }
    if faults.is_empty() { Ok(list) } else { Err(ImportError::Faults(faults)) }
}

/// Sells the rows of a list, one after the other as at the counter. Told again after it broke off,
/// it goes on where it was.
///
/// Errors: [`NotSold`] at the first row that is refused; those before it stand.
pub async fn sell(list: &List, seller: &Seller<'_>) -> Result<Vec<Order>, NotSold> {
    let mut sold = Vec::new();
    for row in &list.fresh {
        let wish = PlaceOrder {
            client_id: client_id(&row.reference),
            meter: row.meter,
            channel: row.channel,
            amount: row.amount,
            operator: Some(seller.operator),
        };
        let slip = Slip {
            no: Some(row.reference.clone()),
            paid_at: row.paid_at,
            remark: row.remark.clone(),
        };
        match seller.house.sell_from_list(row.project, seller.operator, wish, slip).await {
            Ok(order) => sold.push(order),
            Err(why) => {
                let (reference, sold) = (row.reference.clone(), sold.len());
                return Err(NotSold { row: row.row, reference, sold, why });
            }
        }
    }
    Ok(sold)
}

/// The client id of an order out of a list: its reference is unique in the project for ever.
fn client_id(reference: &str) -> String {
    format!("list-{reference}")
}

struct Reader<'a> {
    maker: Maker<'a>,
    seller: &'a Seller<'a>,
    now: DateTime<Utc>,
    /// The row in which a reference of a project came first.
    seen: HashMap<(i64, String), u32>,
}

impl Reader<'_> {
    /// A row whose cells are right; what is wrong is said in them.
    fn row(&mut self, cells: &mut Cells<'_>) -> Option<TopUp> {
        let project = self.project(cells);
        let amount = self.amount(cells);
        let channel = self.channel(cells, project);
        let reference = self.reference(cells, project);
        let paid_at = self.paid_at(cells);
        let remark = match cells.raw("remark").is_empty() {
            true => Some(None),
            false => cells.optional_name("remark").map(Some),
        };
        let meter = project.and_then(|project| self.meter(cells, project));
        Some(TopUp {
            row: cells.number,
            project: ProjectId(project?),
            meter: meter?,
            amount: amount?,
            channel: channel?,
            reference: reference?,
            paid_at: paid_at?,
            remark: remark?,
        })
    }

    /// The project, where the operator may sell; one they may not see is not there.
    fn project(&self, cells: &mut Cells<'_>) -> Option<i64> {
        let id = self.maker.project_of(cells)?;
        match self.seller.reach.access(ProjectId(id), Perm::ImportTopUps) {
            Access::Granted => Some(id),
            Access::Denied => {
                let zh = "操作员在这个项目没有导入充值的权限";
                cells.fault("project", zh, "the operator may not import top-ups here");
                None
            }
            Access::Invisible => {
                cells.fault("project", "没有这个项目", "there is no such project");
                None
            }
        }
    }

    fn amount(&self, cells: &mut Cells<'_>) -> Option<Money> {
        cells.needed("amount")?;
        let amount = Money::from_fen(cells.decimal("amount", 2, AMOUNT_FEN_MAX)?);
        let settings = self.seller.house.settings();
        if (settings.order_min.fen()..=settings.order_max.fen()).contains(&amount.fen()) {
            return Some(amount);
        }
        let (min, max) = (settings.order_min, settings.order_max);
        let zh = format!("超出单笔限额 {min}–{max} 元");
        cells.fault("amount", zh, format!("one sale is {min} to {max} yuan"));
        None
    }

    fn channel(&self, cells: &mut Cells<'_>, project: Option<i64>) -> Option<Channel> {
        const METHODS: &[(&str, &[&str])] = &[
            ("cash", &["现金"]),
            ("bank-transfer", &["transfer", "转账", "银行转账"]),
            ("pos", &["刷卡", "pos机"]),
        ];
        cells.needed("method")?;
        let channel: Channel = cells.choice("method", METHODS)?.parse().ok()?;
        let merchants = self.seller.house.merchants();
        let has_bank = |project: i64| {
            let mut providers = [Provider::WechatPay, Provider::Alipay].into_iter();
            providers.any(|p| merchants.of_project(ProjectId(project), p).is_some())
        };
        if channel != Channel::Cash && project.is_some_and(|project| !has_bank(project)) {
            let zh = "项目没有商户号，转账和刷卡无处入账";
            cells.fault("method", zh, "the project has no merchant account behind it");
            return None;
        }
        Some(channel)
    }

    fn reference(&mut self, cells: &mut Cells<'_>, project: Option<i64>) -> Option<String> {
        cells.needed("reference")?;
        let reference = cells.matching("reference", |text| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            REFERENCE_LENGTH.contains(&text.len()) && text.bytes().all(legal)
        })?;
        let row = cells.number;
        let key = (project?, reference.clone());
        let first = *self.seen.entry(key).or_insert(row);
        if first != row {
            self.maker.twice(cells, "reference", Some(first))?;
        }
        Some(reference)
    }

    /// `Some(None)`: no date is told.
    fn paid_at(&self, cells: &mut Cells<'_>) -> Option<Option<DateTime<Utc>>> {
        if cells.raw("paid_on").is_empty() {
            return Some(None);
        }
        let day = self.maker.day_start(cells.date("paid_on")?)?;
        if day > self.now || self.now - day > PAID_BEFORE_MAX {
            cells.fault("paid_on", "日期晚于今天或早于一年前", "after today or over a year ago");
            return None;
        }
        Some(Some(day))
    }

    /// The one meter a row means, by its own number, its account's or its room's.
    fn meter(&self, cells: &mut Cells<'_>, project: i64) -> Option<MeterId> {
        let known = &self.maker.known;
        let by_no = cells.raw("meter_no");
        if !by_no.is_empty() {
            let key = (project, by_no.to_owned());
            let Found::Row(meter) = known.meters.find(&key) else {
                cells.fault("meter_no", "没有这只表", "there is no such meter");
                return None;
            };
            return self.sellable(cells, "meter_no", meter);
        }
        let (key, account) = self.account(cells, project)?;
        let mut of_account = known
            .meters
            .iter()
            .map(|(_, meter)| meter)
            .filter(|meter| meter.account_id == Some(account) && meter.state != "removed");
        match (of_account.next(), of_account.next()) {
            (Some(meter), None) => self.sellable(cells, key, meter),
            (None, _) => {
                cells.fault(key, "这一户没有表", "the account has no meter");
                None
            }
            (Some(_), Some(_)) => {
                cells.fault("meter_no", "这一户有多只表，须写明表号", "name one of its meters");
                None
            }
        }
    }

    /// The open account a row names, and the column that names it.
    fn account(&self, cells: &mut Cells<'_>, project: i64) -> Option<(&'static str, uuid::Uuid)> {
        let known = &self.maker.known;
        let by_no = cells.raw("account_no");
        if !by_no.is_empty() {
            return match known.accounts.find(&(project, by_no.to_owned())) {
                Found::Row(row) if row.is_open() => Some(("account_no", row.id)),
                Found::Row(_) => {
                    cells.fault("account_no", "这一户已销户", "the account is closed");
                    None
                }
                Found::Bad | Found::Missing => {
                    cells.fault("account_no", "没有这一户", "there is no such account");
                    None
                }
            };
        }
        if cells.raw("building").is_empty() && cells.raw("room").is_empty() {
            let en = "one of account, meter and room is needed";
            cells.fault("account_no", "户号、表号、房间至少填一项", en);
            return None;
        }
        let room = self.maker.room_of(cells, project)?;
        match known.open_in_room.get(&room.id) {
            Some(account) => Some(("room", *account)),
            None => {
                cells.fault("room", "这个房间没有开户", "the room has no open account");
                None
            }
        }
    }

    /// A meter money can be sold for: somebody pays for it, and it has a price.
    fn sellable(&self, cells: &mut Cells<'_>, key: &str, meter: &Meter) -> Option<MeterId> {
        let known = &self.maker.known;
        let open = |id| known.accounts.iter().any(|(_, row)| row.id == id && row.is_open());
        let account_no = cells.raw("account_no");
        let other = |id| {
            let named = known.accounts.get(&(meter.project_id, account_no.to_owned()));
            !account_no.is_empty() && named.is_none_or(|row| row.id != id)
        };
        match meter.account_id {
            _ if meter.state == "removed" => {
                cells.fault(key, "这只表已拆除", "the meter was removed");
            }
            Some(id) if other(id) => {
                cells.fault("account_no", "表不属于这一户", "the meter is another account's");
            }
            Some(id) if open(id) && meter.tariff_id.is_some() => return Some(meter.meter_id()),
            Some(id) if open(id) => cells.fault(key, "这只表没有费率", "the meter has no tariff"),
            _ => cells.fault(key, "这只表没有对应的户", "the meter belongs to no open account"),
        }
        None
    }

    /// Compares a row with what was sold before under its reference.
    async fn compare(
        &self,
        store: &Store,
        cells: &mut Cells<'_>,
        row: TopUp,
        list: &mut List,
    ) -> Result<(), ImportError> {
        let db = store.read();
        let known = order::by_client_id(db, row.project, &client_id(&row.reference)).await?;
        let Some(known) = known else {
            let slip = fact::by_slip_no(db, row.project, row.channel, &row.reference).await?;
            match slip {
                None => list.fresh.push(row),
                Some(_) => {
                    let zh = "凭证号已在柜台用过";
                    cells.fault("reference", zh, "the number was used at the counter before");
                }
            }
            return Ok(());
        };
        let differs = [
            ("amount", known.amount_fen != row.amount.fen()),
            ("method", known.channel != row.channel.as_str()),
            ("meter_no", known.meter_id != row.meter.0),
        ];
        if let Some((field, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            let zh = format!("凭证号已用于另一笔充值（{field} 不同），订单 {}", known.order_no);
            let en = format!("sold before with another {field}, order {}", known.order_no);
            cells.fault("reference", zh, en);
            return Ok(());
        }
        // A sale that broke off between order and money is still to be finished.
        match known.state()? {
            OrderState::Placed | OrderState::Closed => list.fresh.push(row),
            _ => list.already.push(row),
        }
        Ok(())
    }
}

/// Every bad cell as a line of text.
pub fn lines(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

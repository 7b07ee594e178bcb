//! `yufu vend`: deliveries of money to meters that are not settled. These commands only write
//! down what shall happen; the running server takes it up.

use clap::{Subcommand, ValueEnum};
use domain::{OperatorId, ProjectId, VendId, vend::Finding};
use serde_json::json;
use store::{operation_log::NewOperation, vend::Vend};
use vending::vend::resolve::Sight;

use super::{Done, Exit, Failure, Site, print_json};
use crate::access::{Access, Perm, Reach};

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// 列出未了结的下发 / list deliveries that are not settled
    List {
        /// 项目编号，省略为全部 / project; none = all of them
        #[arg(long, value_name = "ID")]
        project: Option<i64>,
    },
    /// 立即重试；结果存疑的只会重新读表 / try again at once; one in doubt is read, never re-sent
    Resend {
        /// 下发编号或订单号 / vend id or order number
        id: String,
    },
    /// 两人现场核对后了结存疑的下发 / settle a doubt by the sight of two persons
    Resolve(Resolve),
}

/// What two persons saw.
#[derive(Debug, clap::Args)]
pub struct Resolve {
    /// 下发编号或订单号 / vend id or order number
    pub id: String,
    /// 结论 / finding
    #[arg(long, value_enum)]
    pub finding: Seen,
    /// 核对人登录名 / login of the person who looked
    #[arg(long)]
    pub operator: String,
    /// 复核人登录名 / login of the person who agrees
    #[arg(long)]
    pub second: String,
    /// 理由 / reason
    #[arg(long)]
    pub reason: String,
    /// 表上显示的购电次数 / purchase count on the display
    #[arg(long)]
    pub count: Option<u32>,
    /// 表上显示的剩余金额，单位分 / money left on the display, in fen
    #[arg(long)]
    pub balance_fen: Option<i64>,
    /// 表上显示的上次购电金额，单位分 / last purchase on the display, in fen
    #[arg(long)]
    pub last_amount_fen: Option<i64>,
}

/// A finding by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Seen {
    /// 已充入 / the purchase is in the meter
    Applied,
    /// 没有充入 / it is not, and cannot arrive any more
    NotDelivered,
}

/// Lists, schedules or settles.
pub async fn run(what: What, site: &Site) -> Done {
    match what {
        What::List { project } => list(site, project).await,
        What::Resend { id } => {
            let vend = find(site, &id).await?;
            let target = format!("vend:{}", vend.vend_id());
            let begun = site.begun("vend.resend", target, Some(vend.project()));
            let house = site.quiet_house()?;
            let resent = async { Ok(house.resend_vend(vend.project(), vend.vend_id()).await?) };
            let row = site.logged(begun, resent).await?;
            print_json(&shown(&row));
            println!("已登记，运行中的服务会接手 / noted; the running server takes it up");
            Ok(())
        }
        What::Resolve(words) => resolve(site, words).await,
    }
}

async fn list(site: &Site, project: Option<i64>) -> Done {
    let mut rows = Vec::new();
    for known in site.projects().await? {
        if project.is_none_or(|wanted| wanted == known.id) {
            let open = store::vend::open(site.store.read(), ProjectId(known.id), None).await?;
            rows.extend(open.iter().map(shown));
        }
    }
    print_json(&json!({ "open": rows.len(), "vends": rows }));
    Ok(())
}

/// Settles a doubt. Whoever stands at the machine is believed in whom they name, but both must be
/// people who may, and it is written down.
async fn resolve(site: &Site, words: Resolve) -> Done {
    let vend = find(site, &words.id).await?;
    let project = vend.project();
    let detail = json!({
        "finding": format!("{:?}", words.finding), "operator": words.operator,
        "second": words.second, "reason": words.reason, "count": words.count,
        "balance_fen": words.balance_fen, "last_amount_fen": words.last_amount_fen,
    });
    let by = store::operator::by_login(site.store.read(), &words.operator).await?;
    let begun = NewOperation {
        operator: by.map(|by| by.id),
        detail: detail.to_string(),
        ..site.begun("vend.resolve", format!("vend:{}", vend.vend_id()), Some(project))
    };
    let row = site.logged(begun, settle(site, &vend, words)).await?;
    print_json(&shown(&row));
    Ok(())
}

async fn settle(site: &Site, vend: &Vend, words: Resolve) -> Result<Vend, Failure> {
    let project = vend.project();
    let sight = Sight {
        count: words.count,
        balance_fen: words.balance_fen,
        last_amount_fen: words.last_amount_fen,
        operator: allowed(site, project, &words.operator, Perm::SettleVend).await?,
        second: allowed(site, project, &words.second, Perm::SettleVend).await?,
        reason: words.reason,
    };
    let finding = Finding::from(words.finding);
    let house = site.quiet_house()?;
    Ok(house.resolve_vend(project, vend.vend_id(), finding, sight).await?)
}

/// An operator who may act at all.
pub(super) async fn active(site: &Site, login: &str) -> Result<OperatorId, Failure> {
    let known = store::operator::by_login(site.store.read(), login).await?;
    let known = known.filter(|known| known.is_active());
    let known =
        known.ok_or_else(|| Failure::not_found("可用的操作员", "active operator", login))?;
    Ok(known.operator_id())
}

/// An active operator who may do this in the project.
pub(super) async fn allowed(
    site: &Site,
    project: ProjectId,
    login: &str,
    perm: Perm,
) -> Result<OperatorId, Failure> {
    let known = active(site, login).await?;
    let roles = store::operator::roles(site.store.read(), known).await?;
    if Reach::of(&roles).access(project, perm) != Access::Granted {
        return Err(Failure::new(
            Exit::Refused,
            "operator.may_not",
            format!("{login} 在该项目没有此项权限"),
            format!("{login} may not do this in the project"),
        )
        .fix(
            "由负责人、运营或维修人员核对",
            "an owner, an operator or an engineer of the project has to look",
        ));
    }
    Ok(known)
}

/// Finds a vend by its own id or its order's number.
async fn find(site: &Site, id: &str) -> Result<Vend, Failure> {
    let db = site.store.read();
    if let Some(order) = store::order::by_no(db, id).await? {
        let found = store::vend::of_order(db, order.project(), order.order_id()).await?;
        return found.ok_or_else(|| Failure::not_found("订单的下发", "vend of order", id));
    }
    let wanted: VendId = id.parse().map_err(|_| Failure::not_found("下发", "vend", id))?;
    for project in site.projects().await? {
        if let Some(found) = store::vend::by_id(db, ProjectId(project.id), wanted).await? {
            return Ok(found);
        }
    }
    Err(Failure::not_found("下发", "vend", id))
}

pub(super) fn shown(row: &Vend) -> serde_json::Value {
    json!({
        "id": row.id.to_string(), "project": row.project_id,
        "order": row.order_id.to_string(), "meter": row.meter_id.to_string(),
        "state": row.state, "amount_fen": row.amount_fen, "purchase_count": row.purchase_count,
        "sent_count": row.sent_count, "created_at": row.created_at, "sent_at": row.sent_at,
        "last_error": row.last_error,
    })
}

//! `yufu meter`: look at one meter; say, by two persons, that one was replaced. The command only
//! writes down what happened; the running server asks the new meter within a minute.

use clap::Subcommand;
use domain::{MeterId, OperatorId, ProjectId, vend::Finding};
use serde_json::{Value, json};
use store::{
    meter::Meter,
    meter_epoch,
    operation_log::{self, NewOperation},
};
use vending::meter::replace::{Replaced, Replacement, Shown};

use super::{Done, Exit, Failure, Site, print_json, vend::allowed};
use crate::access::Perm;

pub mod password;

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// 查看一只表：代次、次数、未完成的下发 / one meter: life, count, open deliveries
    Show {
        /// 表号 / the number on its face
        meter_no: String,
        /// 项目编号，只有一个项目时可省略 / project; may be left out where there is one
        #[arg(long, value_name = "ID")]
        project: Option<i64>,
    },
    /// 两人确认换表或表内钱包初始化，旧表余额转到新表 / two persons end a meter's life
    Replace(Box<Replace>),
    /// 设置表计自己的密码，从标准输入读 / set a meter's own password, read from standard input
    Password(password::Args),
}

/// What two persons saw of the old meter and the new one.
#[derive(Debug, clap::Args)]
pub struct Replace {
    /// 旧表号 / the number on the old meter's face
    pub meter_no: String,
    /// 项目编号，只有一个项目时可省略 / project; may be left out where there is one
    #[arg(long, value_name = "ID")]
    pub project: Option<i64>,
    /// 结束的代次，见 meter show / the life that ends, as `meter show` says
    #[arg(long)]
    pub epoch: i32,
    /// 旧表显示的购电次数 / purchase count on the old meter
    #[arg(long)]
    pub old_count: Option<i64>,
    /// 旧表剩余金额，单位分，透支为负 / money left on the old meter, in fen, a debt below zero
    #[arg(long, allow_negative_numbers = true)]
    pub old_balance_fen: Option<i64>,
    /// 旧表表码，单位 Wh 或升 / register of the old meter, in Wh or litres
    #[arg(long)]
    pub old_register: Option<i64>,
    /// 新表显示的购电次数 / purchase count on the new meter
    #[arg(long)]
    pub new_count: Option<i64>,
    /// 新表剩余金额，单位分 / money on the new meter, in fen
    #[arg(long)]
    pub new_balance_fen: Option<i64>,
    /// 新表表码，单位 Wh 或升 / register of the new meter, in Wh or litres
    #[arg(long)]
    pub new_register: Option<i64>,
    /// 新表号，同一只表初始化时省略 / number of the new meter; none = the same one
    #[arg(long)]
    pub new_meter_no: Option<String>,
    /// 新表通信地址，不变时省略 / address of the new meter; none = it stays
    #[arg(long)]
    pub new_address: Option<String>,
    /// 存疑的下发在旧表上的结论 / what became of a delivery in doubt, by the old display
    #[arg(long, value_enum)]
    pub open: Option<super::vend::Seen>,
    /// 核对人登录名 / login of the person who looked
    #[arg(long)]
    pub operator: String,
    /// 复核人登录名 / login of the person who agrees
    #[arg(long)]
    pub second: String,
    /// 理由 / reason
    #[arg(long)]
    pub reason: String,
    /// 只看会发生什么，不改动 / print what would happen and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Shows or replaces.
pub async fn run(what: What, site: &Site) -> Done {
    match what {
        What::Show { meter_no, project } => {
            let row = find(site, project, &meter_no).await?;
            let open = store::vend::open(site.store.read(), row.project(), Some(row.meter_id()));
            let open: Vec<_> = open.await?.iter().map(super::vend::shown).collect();
            print_json(&json!({ "meter": shown(&row), "open_vends": open }));
            Ok(())
        }
        What::Replace(words) => replace(site, *words).await,
        What::Password(args) => password::run(args, site).await,
    }
}

async fn replace(site: &Site, words: Replace) -> Done {
    let row = find(site, words.project, &words.meter_no).await?;
    let (project, id, dry_run) = (row.project(), row.meter_id(), words.dry_run);
    let wish = Replacement {
        epoch: words.epoch,
        old: Shown {
            count: words.old_count,
            balance_fen: words.old_balance_fen,
            register: words.old_register,
        },
        new: Shown {
            count: words.new_count,
            balance_fen: words.new_balance_fen,
            register: words.new_register,
        },
        meter_no: words.new_meter_no,
        address: words.new_address,
        open: words.open.map(Finding::from),
        operator: allowed(site, project, &words.operator, Perm::ReplaceMeter).await?,
        second: allowed(site, project, &words.second, Perm::ReplaceMeter).await?,
        reason: words.reason,
    };
    let told = wish.clone();
    let done = site.quiet_house()?.replace_meter(project, id, wish, dry_run).await?;
    if !dry_run && !done.repeated {
        log(site, project, id, &told, &done).await?;
    }
    print_json(&outcome(&done, dry_run));
    super::say(match (dry_run, done.repeated) {
        (true, _) => "只是试算，没有改动 / a dry run, nothing was changed",
        (_, true) => "之前已办理，没有再次改动 / done before, nothing was changed again",
        _ => {
            "已登记，运行中的服务一分钟内改抄新表 / noted; the server asks the new meter in a minute"
        }
    });
    Ok(())
}

/// The operation log holds what was done at the command line as well.
async fn log(
    site: &Site,
    project: ProjectId,
    meter: MeterId,
    told: &Replacement,
    done: &Replaced,
) -> Result<(), Failure> {
    let detail =
        json!({ "second": told.second.0, "reason": told.reason, "done": outcome(done, false) });
    let OperatorId(operator) = told.operator;
    let line = NewOperation {
        at: site.clock.now(),
        operator: Some(operator),
        project: Some(project),
        action: "meter.replace".to_owned(),
        target: meter.to_string(),
        detail: detail.to_string(),
        ip: "cli".to_owned(),
        outcome: "done".to_owned(),
    };
    let stored = site
        .store
        .transact(move |tx| Box::pin(async move { operation_log::append(tx, line).await }));
    Ok(stored.await?)
}

/// A meter by its number, or by the number of the one that hung there before.
async fn find(site: &Site, project: Option<i64>, meter_no: &str) -> Result<Meter, Failure> {
    let db = site.store.read();
    let mut found = Vec::new();
    for known in site.projects().await? {
        if project.is_some_and(|wanted| wanted != known.id) {
            continue;
        }
        let id = ProjectId(known.id);
        if let Some(row) = store::meter::by_no(db, id, meter_no).await? {
            found.push(row);
        } else if let Some(ended) = meter_epoch::by_old_no(db, id, meter_no).await? {
            found.extend(store::meter::by_id(db, id, MeterId(ended.meter_id)).await?);
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(row), true) => Ok(row),
        (Some(_), false) => Err(Failure::new(
            Exit::Refused,
            "meter.ambiguous",
            format!("几个项目都有表号 {meter_no}"),
            format!("several projects have a meter {meter_no}"),
        )
        .fix("用 --project 指定项目", "name the project by --project")),
        (None, _) => Err(Failure::not_found("表计", "meter", meter_no)),
    }
}

fn shown(row: &Meter) -> Value {
    json!({
        "id": row.id.to_string(), "project": row.project_id, "meter_no": row.meter_no,
        "address": row.address, "profile": row.profile, "money_model": row.money_model,
        "epoch": row.epoch, "purchase_count": row.purchase_count, "state": row.state,
        "quarantine_reason": row.quarantine_reason,
    })
}

fn outcome(done: &Replaced, dry_run: bool) -> Value {
    let order = done.order.as_ref().filter(|_| !dry_run).map(|order| order.order_no.clone());
    json!({
        "dry_run": dry_run, "repeated": done.repeated,
        "used_fen": done.ended.used_fen, "found_fen": done.ended.found_fen,
        "carried_fen": done.ended.carried_fen, "by_hand_fen": done.by_hand_fen,
        "order_no": order,
        "settled": done.settled.map(|id| id.to_string()),
        "moved": done.moved.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "meter": shown(&done.meter),
    })
}

impl From<super::vend::Seen> for Finding {
    fn from(seen: super::vend::Seen) -> Self {
        match seen {
            super::vend::Seen::Applied => Finding::Applied,
            super::vend::Seen::NotDelivered => Finding::NotDelivered,
        }
    }
}

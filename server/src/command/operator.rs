//! `yufu operator`: accounts are made by a one-time link; there is no default password.

use clap::Subcommand;
use domain::ProjectId;
use serde_json::json;
use store::{StoreError, operator::EVERYWHERE};

use super::{Done, Exit, Failure, Site, print_json};
use crate::{access::Role, operator::setup};

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// 新建账号并打印一次性设置链接 / add an account and print its one-time set-up link
    Invite {
        /// 登录名 / login
        login: String,
        /// 姓名 / name
        #[arg(long, default_value = "")]
        name: String,
        /// 角色 / role: owner, operator, cashier, engineer, auditor
        #[arg(long, default_value = "operator")]
        role: String,
        /// 项目编号，省略为全部 / project; none = all of them
        #[arg(long, value_name = "ID")]
        project: Option<i64>,
        /// 给已有账号换一条新链接 / give an account that exists a new link
        #[arg(long)]
        again: bool,
    },
}

/// Invites an operator and prints the link, once.
pub async fn run(what: What, site: &Site) -> Done {
    let What::Invite { login, project, .. } = &what;
    let begun = site.begun("operator.invite", login.clone(), project.map(ProjectId));
    site.logged(begun, invite(what, site)).await
}

async fn invite(what: What, site: &Site) -> Done {
    let What::Invite { login, name, role, project, again } = what;
    if login.is_empty() || login.chars().count() > setup::NAME_MAX {
        let (zh, en) = ("登录名应为 1–64 个字符", "a login has 1 to 64 characters");
        return Err(Failure::usage(zh, en));
    }
    let role: Role = role.parse().map_err(|_| {
        let names = Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        Failure::usage(format!("没有这个角色：{role}"), format!("there is no role {role}"))
            .detail(names)
    })?;
    let (clock, rng) = (site.clock.as_ref(), site.rng.as_ref());
    let known = store::operator::by_login(site.store.read(), &login).await?;
    let link = match (known, again) {
        (Some(known), true) => {
            let link = setup::renew(&site.store, clock, rng, known.operator_id()).await?;
            link.ok_or_else(|| Failure::not_found("可用的操作员", "active operator", &login))?
        }
        (None, true) => return Err(Failure::not_found("操作员", "operator", &login)),
        (_, false) => {
            let scope = project.map_or(EVERYWHERE, ProjectId);
            let roles = vec![(scope, role.as_str().to_owned())];
            let name = if name.is_empty() { &login } else { &name };
            let invited =
                setup::invite(&site.store, clock, rng, (login.as_str(), name), roles).await;
            invited.map_err(|error| taken(error, &login))?
        }
    };
    print_json(&json!({
        "login": login,
        "open_once": link.url(&site.config.server.public_url),
        "expires_at": link.expires_at.to_rfc3339(),
    }));
    Ok(())
}

fn taken(error: StoreError, login: &str) -> Failure {
    match error {
        StoreError::Refused(_) => Failure::new(
            Exit::Refused,
            "operator.taken",
            format!("登录名已有人用：{login}"),
            format!("the login {login} is taken"),
        )
        .fix("换一个登录名，或加 --again 换新链接", "take another, or add --again for a new link"),
        error => error.into(),
    }
}

//! `yufu safe-mode`: after a restore nobody is cut off until a person ends it.

use clap::ValueEnum;
use serde_json::json;
use store::{
    StoreError,
    operation_log::{self, NewOperation},
    setting::{self, SAFE_MODE},
};

use super::{Done, Failure, Site, print_json};

/// The words of `safe-mode`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// 打开或结束；省略则查看 / switch it on or off; nothing = show it
    #[arg(value_enum)]
    pub wanted: Option<Switch>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// 打开 / on
    On,
    /// 结束 / off
    Off,
}

/// Shows or switches safe mode; a switch stands in the operation log.
pub async fn run(args: &Args, site: &Site) -> Done {
    if let Some(wanted) = args.wanted {
        let value = if wanted == Switch::On { "on" } else { "off" };
        throw(site, SAFE_MODE, "safe-mode", value).await?;
    }
    let mode = setting::get(site.store.read(), SAFE_MODE).await?;
    let epoch = setting::get(site.store.read(), setting::EPOCH).await?;
    print_json(&json!({
        "safe_mode": mode.unwrap_or_else(|| "off".to_owned()),
        "epoch": epoch.unwrap_or_else(|| "0".to_owned()),
    }));
    Ok(())
}

/// Sets one of the site's switches; that it was thrown stands in the operation log with it.
pub(super) async fn throw(
    site: &Site,
    key: &'static str,
    action: &str,
    value: &'static str,
) -> Result<(), Failure> {
    let line = NewOperation {
        at: site.clock.now(),
        operator: None,
        project: None,
        action: action.to_owned(),
        target: value.to_owned(),
        detail: "{}".to_owned(),
        ip: String::new(),
        outcome: "done".to_owned(),
    };
    let thrown = site.store.transact(move |tx| {
        Box::pin(async move {
            setting::set(tx, key, value).await?;
            operation_log::append(tx, line).await?;
            Ok::<_, StoreError>(())
        })
    });
    Ok(thrown.await?)
}

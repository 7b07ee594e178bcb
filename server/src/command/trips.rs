//! `yufu trips`: the red switch. While it is thrown nobody is cut off, whatever their purse says;
//! trips that wait on their bus are taken back.

use clap::ValueEnum;
use serde_json::json;
use store::setting;
use vending::arrears::SETTING_TRIPS_STOPPED;

use super::{Done, Site, print_json, safe_mode::throw};

/// The words of `trips`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// 停止或恢复欠费跳闸；省略则查看 / stop trips or allow them; nothing = show it
    #[arg(value_enum)]
    pub wanted: Option<Wanted>,
}

/// Stopped or allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wanted {
    /// 停止 / nobody is cut off
    Stop,
    /// 恢复 / the rules decide again
    Allow,
}

/// Shows or throws the switch.
pub async fn run(args: &Args, site: &Site) -> Done {
    if let Some(wanted) = args.wanted {
        let value = if wanted == Wanted::Stop { "on" } else { "off" };
        throw(site, SETTING_TRIPS_STOPPED, "trips.stopped", value).await?;
    }
    let stopped = setting::get(site.store.read(), SETTING_TRIPS_STOPPED).await?;
    print_json(&json!({ "trips_stopped": stopped.as_deref() == Some("on") }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use store::Store;

    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn the_red_switch_is_thrown_and_stands_in_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.database.url = format!("sqlite:{}", dir.path().join("yufu.db").display());
        let store = Store::open(&config.database.url).await.unwrap();
        store.migrate().await.unwrap();
        let site = Site::of(config, store);
        for (wanted, value) in [(Wanted::Stop, "on"), (Wanted::Allow, "off")] {
            run(&Args { wanted: Some(wanted) }, &site).await.unwrap();
            let now = setting::get(site.store.read(), SETTING_TRIPS_STOPPED).await.unwrap();
            assert_eq!(now.as_deref(), Some(value));
        }
        let log = store::operation_log::list(site.store.read(), None, None, 10).await.unwrap();
        let told: Vec<_> = log.iter().map(|l| (l.action.as_str(), l.target.as_str())).collect();
        assert_eq!(told, [("trips.stopped", "off"), ("trips.stopped", "on")]);
    }
}

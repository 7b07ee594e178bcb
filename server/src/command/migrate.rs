//! `yufu migrate`: creates or upgrades the database.

use store::Store;

use super::{Done, say};
use crate::config::Config;

/// Applies every step that is missing; a database that is up to date is left alone.
pub async fn run(config: &Config) -> Done {
    let store = Store::open(&config.database.url).await?;
    store.migrate().await?;
    say("数据库已就绪 / the database is ready");
    Ok(())
}

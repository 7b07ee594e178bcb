//! Which database a world opens when its test names none.

use std::{path::Path, sync::Arc};

use futures::future::BoxFuture;

/// Makes an empty database and tells its address.
pub type Maker = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

tokio::task_local! {
    static MAKER: Maker;
}

/// Runs a test whose worlds open what this makes instead of a SQLite file.
pub async fn within(maker: Maker, test: impl Future<Output = ()>) {
    MAKER.scope(maker, Box::pin(test)).await;
}

/// The database of a world: what its test's maker makes, otherwise a SQLite file in this folder.
pub async fn url(dir: &Path) -> String {
    match MAKER.try_with(Arc::clone) {
        Ok(maker) => maker().await,
        Err(_) => format!("sqlite:{}", dir.join("yufu.db").display()),
    }
}

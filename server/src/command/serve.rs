//! `yufu serve`: runs the server until it is told to stop.

use super::{Done, Exit, Failure, failure::chain, site};
use crate::config::Config;

/// Opens the site, runs the server, and ends in good order on Ctrl-C or SIGTERM.
pub async fn run(config: Config) -> Done {
    let store = site::open_store(&config).await?;
    site::check_schema(&store).await?;
    drop(store);
    let server = crate::serve::start(config).await.map_err(|error| failed(&error))?;
    server.run().await.map_err(|error| failed(&error))
}

/// A server that could not start or ended by itself.
pub fn failed(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::new(Exit::Failed, "serve", "服务未能运行", "the server does not run")
        .fix("看下面一行；运行 yufu doctor", "see the line above; run `yufu doctor`")
        .detail(chain(error))
}

//! `yufu serve`: runs the server until it is told to stop.

use super::{Done, Exit, Failure, failure::chain, log, site};
use crate::config::Config;

/// Opens the site, runs the server, and ends in good order on Ctrl-C or SIGTERM.
pub async fn run(config: Config) -> Done {
    log::to_stderr(&config.log)?;
    refuse_newer(&config).await?;
    let server = crate::serve::start(config).await.map_err(|error| failed(&error))?;
    if let Some(link) = server.setup_link() {
        // To the terminal only, never to the log: whoever holds it sets the first password.
        println!("首个账号的一次性设置链接 / set up the first account, once:");
        println!("  {}", link.url(server.public_url()));
    }
    server.run().await.map_err(|error| failed(&error))
}

/// The first start makes and upgrades the database by itself; one that a newer program has
/// upgraded is left alone.
async fn refuse_newer(config: &Config) -> Done {
    let file = site::sqlite_file(&config.database.url);
    if file.is_some_and(|file| !std::path::Path::new(file).is_file()) {
        return Ok(());
    }
    let store = site::open_store(config).await?;
    match site::check_schema(&store).await {
        Err(failure) if failure.code() == site::SCHEMA_NEWER => Err(failure),
        _ => Ok(()),
    }
}

/// A server that could not start or ended by itself.
pub fn failed(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::new(Exit::Failed, "serve", "服务未能运行", "the server does not run")
        .fix("看下面一行；运行 yufu doctor", "see the line above; run `yufu doctor`")
        .detail(chain(error))
}

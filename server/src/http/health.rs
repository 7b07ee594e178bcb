//! Alive, ready, counts.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use serde::Serialize;
use store::overview;
use utoipa::ToSchema;

use super::{App, Code, Problem, client::Client, error::Result};

/// How long the database may take to answer the health page.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// What the health page says.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Health {
    /// True while this process may be sent requests.
    pub ready: bool,
    /// The database answers.
    pub database: bool,
    /// The schema is the one this program knows.
    pub migrations: bool,
    /// Our clock and the providers' agree, as far as callbacks show.
    pub clock: bool,
    /// The process is not being stopped.
    pub running: bool,
    /// Everything that works in the background still does.
    pub workers: bool,
}

/// Serves the three pages.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/healthz").route(web::get().to(alive)))
        .service(web::resource("/readyz").route(web::get().to(ready)))
        .service(web::resource("/metrics").route(web::get().to(metrics)));
}

/// Answers while the process runs at all; restarting would not mend anything else.
async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok")
}

async fn ready(app: Data<App>) -> HttpResponse {
    let health = look(&app).await;
    let mut response =
        if health.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(health)
}

/// Looks at what has to be well before requests are sent here.
pub async fn look(app: &App) -> Health {
    let missing = overview::missing_migrations(app.house.store());
    let missing = tokio::time::timeout(LOOK_MAX, missing).await;
    let database = matches!(missing, Ok(Ok(_)));
    // A database that a newer program has migrated on is fine: its steps are backward compatible.
    let migrations = matches!(missing, Ok(Ok(None | Some(0))));
    let clock = !app.skew.suspected();
    let running = !*app.stopping.borrow();
    let workers = app.ended.borrow().is_none();
    let ready = database && migrations && clock && running && workers;
    Health { ready, database, migrations, clock, running, workers }
}

/// The metrics page, for the machines of the house: from elsewhere it does not exist.
async fn metrics(request: HttpRequest, app: Data<App>) -> Result<HttpResponse> {
    if !Client::of(&request, app.server.trusted_proxies).is_near() {
        return Err(Problem::new(Code::NoSuchRoute));
    }
    if let Err(error) =
        app.metrics.look(&app.house, app.skew.suspected(), app.kiosks.board.refused()).await
    {
        // The counts in memory are worth showing also, and just, when the database is gone.
        tracing::warn!(error = %error, "the metrics page could not look at the database");
    }
    let page = app.metrics.render();
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(page))
}

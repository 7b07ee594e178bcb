//! The running server: everything is opened in order, works until told to stop, and ends in order.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App as ActixApp, HttpResponse, HttpServer,
    dev::ServerHandle,
    middleware::from_fn,
    web::{self, Data, ServiceConfig},
};
use domain::{Clock, Rng, SystemClock};
use gateway::{Gateway, Profiles};
use store::{Store, StoreError};
use tokio::sync::{Semaphore, mpsc, watch};
use vending::{
    House, Parts, Transport, VendingError,
    merchant::{Addresses, MerchantCatalogue},
    reading::Listener,
};

use crate::{
    chance::SystemRng,
    config::{Config, ConfigError},
    http::{
        App, Code, Problem,
        app::CALLBACKS_AT_ONCE_MAX,
        callback::{self, skew::SkewWatch},
        dispatch, health, kiosk, live, openapi, operator, pages, setup_page, tenant, trace,
    },
    metrics::Metrics,
    operator::{
        Passwords, SignIn,
        budget::Budgets,
        password::PasswordError,
        setup::{self, SetupLink},
    },
    tls::{self, TlsError},
    transport::{HttpTransport, TransportSetupError},
};

mod care;
pub mod kiosks;
pub mod notices;
mod part;
pub mod settings;
pub mod tenants;
use part::{Part, Parts as Background};

/// Events of the gateway waiting to be taken; one may carry a thousand readings, and what does not
/// fit waits in the gateway's own outbox, which is bounded as well.
const EVENTS_MAX: usize = 256;
/// How long requests under way may take to end when the server stops.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// How long the last readings and offline notes may take to be stored; readings can be read again.
const LAST_EVENTS_MAX: Duration = Duration::from_millis(500);
/// Workers of the HTTP server; the work itself is done by the store and the buses.
const HTTP_WORKERS: usize = 2;

/// What comes from outside the process. Tests hand in their own.
pub struct Outside {
    /// The present moment.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
    /// The way to the providers.
    pub transport: Arc<dyn Transport>,
    /// The buses' times; `None` = those of the configuration.
    pub timing: Option<gateway::Timing>,
}

impl Outside {
    /// The machine's own clock and chance, and the one HTTP client.
    pub fn real() -> Result<Outside, StartError> {
        Ok(Outside {
            clock: Arc::new(SystemClock::new()),
            rng: Arc::new(SystemRng::new()),
            transport: Arc::new(HttpTransport::new()?),
            timing: None,
        })
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A key of the configuration cannot be used.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// The database cannot be opened, migrated or read.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The lines or the readings cannot be set up.
    #[error("the site cannot be set up")]
    Site(#[from] VendingError),
    /// A meter profile is wrong.
    #[error("the meter profiles cannot be read")]
    Profiles(#[from] gateway::profile::ProfileError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address of the configuration.
        address: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The certificate or the key cannot be used.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// The HTTP client cannot be set up.
    #[error("the way to the providers cannot be set up")]
    Transport(#[from] TransportSetupError),
    /// The metrics cannot be set up.
    #[error("the metrics cannot be set up")]
    Metrics(#[from] prometheus::Error),
    /// The password hash cannot be computed.
    #[error("passwords cannot be hashed")]
    Password(#[from] PasswordError),
}

/// Why a running server ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store stopped after a storage error: the process has to start again through recovery.
    #[error("the store has stopped after a storage error; the process ends to start again")]
    StoreStopped,
    /// The signals cannot be heard.
    #[error("the signals of the system cannot be heard")]
    Signals(#[from] io::Error),
    /// Something that has to work all the time ended by itself, perhaps by a panic.
    #[error("{0} has ended by itself; the process ends to start again")]
    PartEnded(&'static str),
}

/// A running server. Dropping it does not stop it; [`Server::stop`] does, in order.
pub struct Server {
    house: House,
    app: Data<App>,
    http: SocketAddr,
    dtu: Option<SocketAddr>,
    setup_link: Option<SetupLink>,
    handle: ServerHandle,
    stop: watch::Sender<bool>,
    listener: Part,
    parts: Vec<Part>,
    ended: watch::Receiver<Option<&'static str>>,
}

/// Opens the site and serves it, with the machine's own clock, chance and network.
pub async fn start(config: Config) -> Result<Server, StartError> {
    start_with(config, Outside::real()?).await
}

/// The same with another clock, chance, network or bus timing.
pub async fn start_with(config: Config, outside: Outside) -> Result<Server, StartError> {
    let Outside { clock, rng, transport, timing } = outside;
    let mut house_settings = settings::of(&config)?;
    let timing = timing.unwrap_or_else(|| settings::timing(&config));
    let tls = tls::open(&config.server.tls_certificate, &config.server.tls_key)?;
    let listener = bind(&config.server.listen)?;
    let http = listener
        .local_addr()
        .map_err(|source| StartError::Listen { address: config.server.listen.clone(), source })?;
    let store = Store::open(&config.database.url).await?;
    store.migrate().await?;
    let addresses = addresses(&config, http);
    let doors = tenants::doors(&config)?;
    house_settings.notices = notices::channels(&config.notices, &doors, &addresses.public_url)?;
    let merchants = MerchantCatalogue::default();
    care::reload_merchants(&merchants, &store, &addresses).await?;
    let profiles = profiles(&config)?;
    let (events, heard) = mpsc::channel(EVENTS_MAX);
    let gateway = Gateway::start(timing, profiles, clock.clone(), rng.clone(), events);
    let house = House::new(Parts {
        store: store.clone(),
        gateway: gateway.clone(),
        transport,
        merchants,
        clock: clock.clone(),
        rng: rng.clone(),
        settings: house_settings,
    });
    let setup_link = setup::first_link(&store, clock.as_ref(), rng.as_ref()).await?;
    let (stop, stopping) = watch::channel(false);
    let tls_somewhere = tls.is_some() || addresses.public_url.starts_with("https://");
    let budgets = Arc::new(Budgets::new(clock.clone()));
    let background = Background::new(stopping.clone());
    let tenants =
        tenants::desk(&house, &config, &addresses, (clock.clone(), rng.clone()), stopping.clone())
            .await?;
    let tenants = Arc::new(tenants);
    let kiosks = Arc::new(kiosks::desk(&tenants, stopping.clone()).await?);
    let app = Data::new(App {
        house: house.clone(),
        server: config.server.clone(),
        tls: tls_somewhere,
        addresses,
        sign_in: SignIn {
            store,
            clock: clock.clone(),
            rng: rng.clone(),
            passwords: Passwords::new(rng.as_ref())?,
            budgets: Arc::clone(&budgets),
        },
        tenants,
        kiosks,
        clock,
        rng,
        budgets,
        metrics: Metrics::new()?,
        callbacks: Semaphore::new(CALLBACKS_AT_ONCE_MAX),
        skew: SkewWatch::default(),
        live: live::LiveDesk::default(),
        stopping: stopping.clone(),
        ended: background.ended(),
    });
    let (readings, mut parts) = work(&house, &app, heard, &stopping, &background).await?;
    let dtu = listen_for_gateways(&house, &config.gateway.dtu_listen).await?;
    let (handle, serving) = serve(&app, listener, tls, &background)?;
    parts.push(serving);
    tracing::info!(%http, dtu = dtu.map(tracing::field::display), "the server is up");
    let (listener, ended) = (readings, background.ended());
    Ok(Server { house, app, http, dtu, setup_link, handle, stop, listener, parts, ended })
}

/// The meter profiles a configuration names.
fn profiles(config: &Config) -> Result<Profiles, StartError> {
    Ok(match config.gateway.profiles.as_str() {
        "" => Profiles::embedded()?,
        folder => Profiles::with_folder(Path::new(folder))?,
    })
}

/// Our address as the providers see it. A public address with port 0 takes the port in use.
fn addresses(config: &Config, http: SocketAddr) -> Addresses {
    let given = config.server.public_url.trim_end_matches('/');
    let public_url = match given.strip_suffix(":0") {
        Some(host) => format!("{host}:{}", http.port()),
        None => given.to_owned(),
    };
    Addresses {
        wechat_pay_base_url: config.wechat_pay.base_url.clone(),
        alipay_gateway_url: config.alipay.gateway_url.clone(),
        public_url,
    }
}

fn bind(address: &str) -> Result<TcpListener, StartError> {
    let failed = |source| StartError::Listen { address: address.to_owned(), source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Starts everything that works in the background: readings, jobs, the live page, the care.
async fn work(
    house: &House,
    app: &Data<App>,
    heard: mpsc::Receiver<gateway::GatewayEvent>,
    stopping: &watch::Receiver<bool>,
    background: &Background,
) -> Result<(Part, Vec<Part>), StartError> {
    for fault in house.configure_lines().await? {
        tracing::warn!(fault, "a line or meter cannot be used");
    }
    let listener = Listener::new(house.clone()).await?;
    let owner = format!("node-{}", app.fresh_trace_id());
    let listener = background.start("the listener to readings", listener.run(heard));
    let jobs = vending::job::work(house.clone(), owner, stopping.clone());
    let upkeep = vending::upkeep::keep(house.clone(), stopping.clone());
    let mut parts = vec![
        background.start("the job worker", jobs),
        background.start("the upkeep", upkeep),
        background.start("the care for keys and lines", care::keep(app.clone(), stopping.clone())),
        background.start(
            "the watch over kiosks",
            kiosk_api::watch::keep(Arc::clone(&app.kiosks), stopping.clone()),
        ),
    ];
    if app.server.live_page {
        let told = live::tell(app.clone(), stopping.clone());
        parts.push(background.start("the live page", told));
    }
    Ok((listener, parts))
}

async fn listen_for_gateways(
    house: &House,
    address: &str,
) -> Result<Option<SocketAddr>, StartError> {
    if address.is_empty() {
        return Ok(None);
    }
    let failed = |source| StartError::Listen { address: address.to_owned(), source };
    let parsed: SocketAddr = address
        .parse()
        .map_err(|_| failed(io::Error::new(io::ErrorKind::InvalidInput, "not ADDRESS:PORT")))?;
    Ok(Some(house.gateway().listen(parsed).await.map_err(failed)?))
}

/// Everything the server answers. Whatever is not here is a problem like every other.
pub fn routes(config: &mut ServiceConfig) {
    callback::configure(config);
    operator::kiosk_content::configure(config);
    dispatch::configure(config);
    tenant::configure(config);
    kiosk::configure(config);
    health::configure(config);
    openapi::configure(config);
    live::configure(config);
    pages::configure(config);
    setup_page::configure(config);
    config.default_service(web::to(nowhere));
}

async fn nowhere() -> Result<HttpResponse, Problem> {
    Err(Problem::new(Code::NoSuchRoute))
}

fn serve(
    app: &Data<App>,
    listener: TcpListener,
    tls: Option<rustls::ServerConfig>,
    background: &Background,
) -> Result<(ServerHandle, Part), StartError> {
    let settings = &app.server;
    let within = Duration::from_secs(settings.request_timeout_s);
    let data = app.clone();
    let server = HttpServer::new(move || {
        ActixApp::new().app_data(data.clone()).wrap(from_fn(trace::around)).configure(routes)
    })
    .workers(HTTP_WORKERS)
    .client_request_timeout(within)
    .client_disconnect_timeout(within)
    .keep_alive(Duration::from_secs(30))
    .max_connections(settings.connections_max.div_ceil(HTTP_WORKERS))
    .shutdown_timeout(DRAIN_MAX.as_secs())
    .disable_signals();
    let address = settings.listen.clone();
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls),
        None => server.listen(listener),
    };
    let server = server.map_err(|source| StartError::Listen { address, source })?.run();
    let handle = server.handle();
    let serving = background.start("the HTTP server", async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the HTTP server ended");
        }
    });
    Ok((handle, serving))
}

impl Server {
    /// The address HTTP is served on.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The address gateways dial in to, if there is one.
    pub fn dtu(&self) -> Option<SocketAddr> {
        self.dtu
    }

    /// Our own address as others reach it.
    pub fn public_url(&self) -> &str {
        &self.app.addresses.public_url
    }

    /// The house that is served.
    pub fn house(&self) -> &House {
        &self.house
    }

    /// What every handler has at hand, for tests that look at counts.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The link that sets the first account up, while nobody has one.
    pub fn setup_link(&self) -> Option<&SetupLink> {
        self.setup_link.as_ref()
    }

    /// Reads the merchants' keys and the lines anew, after an import or a change of keys.
    pub async fn reload(&self) -> Result<(), StartError> {
        let (store, addresses) = (self.house.store(), &self.app.addresses);
        care::reload_merchants(self.house.merchants(), store, addresses).await?;
        for fault in self.house.configure_lines().await? {
            tracing::warn!(fault, "a line or meter cannot be used");
        }
        Ok(())
    }

    /// Works until Ctrl-C or SIGTERM, then stops in order.
    ///
    /// Errors: [`RunError::StoreStopped`] when nothing may be acknowledged any more; the process
    /// should end at once and start again through recovery (I16). [`RunError::PartEnded`] when a
    /// part of the server is gone: a process that looks well and delivers nothing is worse than one
    /// that starts again.
    pub async fn run(self) -> Result<(), RunError> {
        let store_stopped = self.house.store().stopped();
        let mut ended = self.ended.clone();
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            // A stopped store ends the job worker, too, and is the reason to name.
            biased;
            () = store_stopped => {
                tracing::error!("the store has stopped; the process ends");
                return Err(RunError::StoreStopped);
            }
            part = part::first(&mut ended) => {
                self.stop().await;
                return Err(RunError::PartEnded(part));
            }
            result = tokio::signal::ctrl_c() => result?,
            _ = terminate.recv() => {}
        }
        self.stop().await;
        Ok(())
    }

    /// Stops: no new connections, requests under way end, exchanges on the buses end, then the
    /// workers. Jobs that are cut off run again by their lease.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.handle.stop(true).await;
        self.house.gateway().stop().await;
        self.listener.end(LAST_EVENTS_MAX).await;
        for part in self.parts {
            part.end(DRAIN_MAX).await;
        }
        tracing::info!("the server has stopped");
    }
}

//! The demo: a town on the embedded database, meters and providers on the far side of real wires,
//! one top-up told line by line, and a little life afterwards.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use domain::{Clock, SystemClock};
use store::{Store, StoreError};
use uuid::Uuid;
use vending::VendingError;

use crate::{chance::SystemRng, config::Config};

pub mod far_side;
pub mod founding;
pub mod kiosk;
pub mod life;
pub mod phone;
pub mod templates;
pub mod tenant;
pub mod top_up;
pub mod town;

use tenant::Tenants;
use town::Start;

/// How long the demo waits for its first modem.
const MODEM_MAX: Duration = Duration::from_secs(120);
/// The file in the demo's folder that holds the server's address once it answers.
const ADDRESS_FILE: &str = "http.ready";
/// How often the demo looks whether something has happened.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// What the demo is told.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder of its data.
    pub dir: PathBuf,
    /// The address of the simulated providers.
    pub provider: String,
    /// The folder of the merchants' key files.
    pub keys: PathBuf,
    /// The file to write the modems' address into.
    pub ready: Option<PathBuf>,
    /// The port of the HTTP server; none takes a free one.
    pub port: Option<u16>,
    /// Ends after the first top-up.
    pub once: bool,
}

/// Why the demo ends early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or socket was refused.
    #[error("the machine refused a file or socket")]
    Machine(#[from] io::Error),
    /// The database failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The house refused something.
    #[error("the house refused")]
    Vending(#[from] VendingError),
    /// What the kiosks show was refused.
    #[error("what the kiosks show was refused")]
    Kiosk(#[from] kiosk_api::Failure),
    /// A file of the demo could not be written.
    #[error("a file of the demo cannot be written")]
    Text(#[from] toml::ser::Error),
    /// The house could not be opened.
    #[error("the house cannot be opened: {0}")]
    House(String),
    /// The server did not start, or ended by itself.
    #[error("the server does not run: {0}")]
    Server(String),
    /// The merchants' files are not where they should be.
    #[error("{0} holds no merchant files")]
    Keys(PathBuf),
    /// No modem dialled in.
    #[error("the modem of the first building did not dial in")]
    NoModem,
    /// The simulated wallet refused.
    #[error("the wallet did not pay: {0}")]
    Wallet(String),
    /// The light did not come on in time.
    #[error("the top-up did not end in light: {0}")]
    Dark(String),
}

/// Runs the demo to its end: after one top-up, or when it is told to stop.
pub async fn run(plan: Plan) -> Result<(), DemoError> {
    std::fs::create_dir_all(&plan.dir)?;
    let config = configure(&plan)?;
    let store = Store::open(&config.database.url).await?;
    store.migrate().await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let starts = match store::site::projects(store.read()).await?.is_empty() {
        true => {
            println!("==> 建立演示数据：3 个项目、120 个房间 / 3 sites, 120 rooms");
            founding::found(&store, clock.as_ref(), &SystemRng::new(), &plan.keys).await?
        }
        false => far_side::remembered(&store, &plan.dir.join("meters.toml")).await?,
    };
    let tenants = Tenants::open(&config, &store, &plan.provider).await?;
    let star = tenants.choose(&starts).await?;
    let starts = darkened(starts, star.id);
    far_side::write(&store, &starts, &plan.dir.join("meters.toml")).await?;
    founding::open_purses(&tenants, &starts).await?;

    let began = clock.now();
    let server = crate::serve::start(config.clone())
        .await
        .map_err(|error| DemoError::Server(crate::command::failure::chain(&error)))?;
    kiosk::furnish(&server.app().kiosks, founding::PAYING_PROJECT).await?;
    std::fs::write(plan.dir.join(ADDRESS_FILE), server.public_url())?;
    if let Some(ready) = &plan.ready {
        std::fs::write(ready, &config.gateway.dtu_listen)?;
    }
    println!("==> 等待网关上线 / waiting for the modem of {}", star.meter_no);
    wait_for_modem(&store, &star, began).await?;
    let rooms = tenants.guests(&starts, &star);
    let dark = rooms.iter().map(|room| room.meter_no.clone()).collect::<Vec<_>>();
    let guests = phone::invite(&store, &server, &rooms).await?;
    let told = top_up::perform(&tenants, &star).await;
    if plan.once || told.is_err() {
        server.stop().await;
        return told;
    }
    addresses(&plan, &server, &guests, &dark);
    let mut tenants = tenants;
    tenants.meters.retain(|meter| rooms.iter().all(|room| meter.room_id != room.room_id));
    let life = tokio::spawn(life::live(tenants));
    // Works until Ctrl-C or SIGTERM and stops in order.
    let ended = server.run().await;
    life.abort();
    ended.map_err(|error| DemoError::Server(crate::command::failure::chain(&error)))
}

/// The room of the first top-up has run out: that is why somebody pays.
fn darkened(mut starts: HashMap<Uuid, Start>, star: Uuid) -> HashMap<Uuid, Start> {
    if let Some(start) = starts.get_mut(&star) {
        start.dark = true;
        start.balance_fen = 0;
    }
    starts
}

/// Writes `config.toml`: free ports on this machine, the simulated providers, a quick first poll.
fn configure(plan: &Plan) -> Result<Config, DemoError> {
    let http = match plan.port {
        Some(port) => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
        None => free_port()?,
    };
    let mut config = Config::default();
    config.server.listen = http.to_string();
    config.server.public_url = format!("http://{http}");
    config.server.live_page = true;
    config.server.demo = true;
    config.database.url = format!("sqlite:{}", plan.dir.join("yufu.db").display());
    config.gateway.dtu_listen = free_port()?.to_string();
    config.gateway.first_poll_max_s = 20;
    config.wechat_pay.base_url = plan.provider.clone();
    config.alipay.gateway_url = format!("{}/gateway.do", plan.provider);
    phone::open_doors(&mut config, plan)?;
    std::fs::write(plan.dir.join("config.toml"), toml::to_string(&config)?)?;
    // Secrets lie in files of their own: the file is read back so that both see the same.
    Config::load(Some(&plan.dir.join("config.toml")))
        .map_err(|error| DemoError::Server(error.to_string()))
}

/// A port nobody listens on just now.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

async fn wait_for_modem(
    store: &Store,
    star: &store::meter::Meter,
    began: chrono::DateTime<chrono::Utc>,
) -> Result<(), DemoError> {
    let look = async {
        let mut every = tokio::time::interval(LOOK_EVERY);
        loop {
            every.tick().await;
            let (project, gateway) = (star.project(), star.gateway());
            let db = store.read();
            let stretches = store::site::gateway_intervals(db, project, gateway, began).await?;
            if stretches.iter().any(|stretch| stretch.to_at.is_none()) {
                return Ok(());
            }
        }
    };
    tokio::time::timeout(MODEM_MAX, look).await.unwrap_or(Err(DemoError::NoModem))
}

fn addresses(plan: &Plan, server: &crate::serve::Server, guests: &[phone::Guest], dark: &[String]) {
    let base = server.public_url();
    println!("\n演示数据，不是真实的钱 / demo data, no real money");
    println!("  实况页 live page       {base}/live");
    for (at, guest) in guests.iter().enumerate() {
        let [zh, en] = if at == 0 {
            ["租户页面", "tenant page"]
        } else {
            ["另一间房", "another room"]
        };
        println!("  {zh} {en:<12}  {base}/t/{}", guest.tag);
        println!("           绑定码 binding code {} · 任意手机号 any phone number", guest.code);
    }
    println!("  自助终端查表号 at a kiosk, a dark room's meter {}", dark.join(" · "));
    println!("  短信 text messages     {}/wallet/inbox", plan.provider);
    println!("  支付模拟 wallet        {}/wallet", plan.provider);
    println!("  接口文档 API docs      {base}/api/docs");
    if let Some(link) = server.setup_link() {
        println!("  首个账号 first account {}", link.url(base));
    }
    println!("  数据 data              {}", shown(&plan.dir));
    println!("按 Ctrl-C 结束 / Ctrl-C ends it");
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

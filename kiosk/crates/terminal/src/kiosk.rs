//! The whole kiosk but for its window: one engine over one journal, with what hangs on the machine,
//! and with its server as soon as an operator has taken it up.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, OnceLock, atomic::AtomicU64},
};

use chrono::{DateTime, Utc};
use kiosk_wire::{channel::Down, device::Identity};
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
};

use crate::{
    advert::{Billboard, Keeper, Media, QUOTA, Store},
    ambient::Ambient,
    calendar::{Pages, Tyme, local_day},
    command::{Boot, Queue, Worker},
    config::{Config, ConfigError},
    device::{DeviceKey, KeyError, Papers, Shown},
    engine::{Beat, Cards, Engine, Ports},
    health::Health,
    join::{Deeds, Join, Machine},
    journal::{FileMedium, Journal},
    link::{Line, Link, LinkError, LinkSettings, Mouth, Outbox, PairingEnd, pair},
    remote::Remote,
    session::{Change, Event, Pairing},
};

mod devices;
mod hands;
mod late;
mod vitals;

use hands::Around;
use late::Late;
pub use vitals::STILL_MS;
use vitals::{Paired, Vitals, Window};

/// After a failure of the disk or the settings pairing begins anew after this, in milliseconds.
const AGAIN_MS: u64 = 10_000;
/// The calendar and the reader are looked at this often, in milliseconds.
const LOOK_MS: u64 = 1_000;

/// The kiosk cannot start; the process ends and is begun anew.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What the technician wrote.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Where the server is.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The disk, or no thread.
    #[error("the kiosk's folder or devices cannot be used")]
    Io(#[from] io::Error),
}

/// Who starts it.
pub struct Start {
    /// What hangs on the machine and where the server is.
    pub config: Config,
    /// Where everything is kept that has to survive a restart.
    pub folder: PathBuf,
    /// What the machine around it does.
    pub machine: Arc<dyn Machine>,
    /// Time and chance.
    pub ambient: Arc<dyn Ambient>,
    /// The page's own origin, which may fetch adverts.
    pub origin: Option<String>,
    /// The version of this program.
    pub version: String,
}

/// A running kiosk; it ends when it is dropped.
pub struct Kiosk {
    engine: Engine,
    vitals: Arc<Vitals>,
    mouth: Arc<Mouth>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Kiosk {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// What the parts of a running kiosk share.
struct Room {
    start: Start,
    link: LinkSettings,
    key: Arc<DeviceKey>,
    papers: Papers,
    boot: Boot,
    engine: Engine,
    mouth: Arc<Mouth>,
    vitals: Arc<Vitals>,
}

impl Kiosk {
    /// Starts it from its folder. It serves at once what needs no server. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`]; nothing was sent to anybody.
    pub fn start(start: Start) -> Result<Kiosk, StartError> {
        let (folder, ambient) = (start.folder.as_path(), start.ambient.clone());
        let key = Arc::new(DeviceKey::open(folder, &*ambient)?);
        let papers = Papers::of(folder);
        let link = start.config.link(&papers)?;
        let health = Health::new(folder, ambient.fresh(), &start.version);
        let boot = Boot { id: health.boot_id(), machine: health.machine_boot() };
        let mouth = Arc::new(Mouth::new(Outbox::open(folder)?, ambient.clone()));
        let press = devices::printer(&start.config, folder)?;
        let desk = devices::reader(&start.config)?;
        let cards: Arc<dyn Cards> = match &desk {
            Some(desk) => Arc::new(desk.clone()),
            None => Arc::new(devices::NoCards),
        };
        let (window, beats) = Window::new();
        let (window, late) = (Arc::new(window), Arc::new(Late::default()));
        let ports = Ports {
            server: late.clone(),
            press: Arc::new(press.clone()),
            cards,
            mouth: mouth.clone(),
            watcher: window.clone(),
            clock: ambient.clone(),
        };
        let journal = Journal::open(Box::new(FileMedium::at(folder.join("journal"))));
        if journal.skipped() > 0 {
            mouth.fault("journal_skipped", journal.skipped().to_string());
        }
        let engine = Engine::start(ports, journal)?;
        engine.tell(Event::World(Change::Demo(start.config.demo)));
        let vitals = Arc::new(Vitals {
            engine: engine.clone(),
            press,
            desk,
            window,
            machine: start.machine.clone(),
            late,
            ambient: ambient.clone(),
            health,
            paired: OnceLock::new(),
            turned: AtomicU64::new(0),
            turned_ms: AtomicU64::new(ambient.now_ms()),
        });
        let room = Room {
            start,
            link,
            key,
            papers,
            boot,
            engine: engine.clone(),
            mouth: mouth.clone(),
            vitals: vitals.clone(),
        };
        let time = engine.clone();
        let tasks = vec![
            tokio::spawn(async move { time.run().await }).abort_handle(),
            tokio::spawn(surroundings(vitals.clone())).abort_handle(),
            tokio::spawn(room.live(beats)).abort_handle(),
        ];
        Ok(Kiosk { engine, vitals, mouth, tasks })
    }

    /// The session's engine: what there is to draw, and whom to tell what was touched.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The names of the parts that stand still; none = the process is well. Whether the server
    /// answers is no part of it.
    pub fn still(&self) -> Vec<&'static str> {
        self.vitals.still()
    }

    /// The page has died or hung and is being brought back; `why` is a stable name.
    pub fn page_failed(&self, why: &str) {
        self.mouth.fault(why, "");
        if let Some(paired) = self.vitals.paired.get() {
            paired.keeper.page_failed(why);
        }
    }
}

impl Room {
    /// Until it is dropped: taken up first, then at work.
    async fn live(self, beats: watch::Receiver<Beat>) {
        let identity = self.identity().await;
        // What fails here is the disk or a setting: somebody has to look, and may have.
        loop {
            match self.open(identity.clone()).await {
                Ok((mut work, join, news)) => {
                    work.spawn(join.run(news, beats));
                    self.paired();
                    // None of them ends by itself; one that died stands still and is seen to.
                    while work.join_next().await.is_some() {}
                    return;
                }
                Err(error) => tracing::error!(%error, "kiosk.not_linked"),
            }
            self.start.ambient.sleep(AGAIN_MS).await;
        }
    }

    fn paired(&self) {
        tracing::info!("kiosk.paired");
        self.engine.tell(Event::World(Change::Pairing(Pairing::Paired)));
    }

    /// Who it is: as its papers say, or as an operator says.
    async fn identity(&self) -> Identity {
        let (shown, screen) = watch::channel(None);
        let show = show(self.engine.clone(), self.start.config.clone(), screen);
        let telling = tokio::spawn(show);
        let identity = loop {
            match self.papers.identity() {
                Ok(Some(identity)) => break identity,
                Ok(None) => {}
                // An operator has to take it up again, who sees that it is this one.
                Err(error) => tracing::error!(%error, "kiosk.papers"),
            }
            let of = (self.start.config.hardware.as_str(), self.start.version.as_str());
            let ambient = self.start.ambient.clone();
            match pair(&self.link, &self.key, &self.papers, of, &shown, ambient).await {
                Ok(identity) => break identity,
                Err(error @ (PairingEnd::Link(_) | PairingEnd::Papers(_))) => {
                    tracing::error!(%error, "kiosk.not_paired");
                }
            }
            self.start.ambient.sleep(AGAIN_MS).await;
        };
        telling.abort();
        identity
    }

    /// Everything that speaks with the server, at work but for what joins it to the session.
    async fn open(
        &self,
        identity: Identity,
    ) -> Result<(JoinSet<()>, Join, mpsc::Receiver<Down>), StartError> {
        let (folder, ambient) = (self.start.folder.as_path(), &self.start.ambient);
        let link = Arc::new(Link::new(
            &self.link,
            self.key.clone(),
            self.papers.clone(),
            identity.clone(),
            self.boot.id,
            &self.start.version,
            ambient.clone(),
        )?);
        let media = Arc::new(Media::start(&**ambient, self.start.origin.as_deref()).await?);
        let store = Store::open(&folder.join(devices::FILES), QUOTA)?;
        let mouth = || self.mouth.clone();
        let keeper = Keeper::open(folder, store, link.clone(), mouth(), media, ambient.clone())?;
        let keeper = Arc::new(keeper);
        let press = self.vitals.press.clone();
        let around = Around::new(self.vitals.clone(), link.clone(), folder);
        let deeds = Deeds::new(self.engine.clone(), Arc::new(press), Arc::new(around), folder)?;
        let worker = Arc::new(Worker::new(
            Queue::open(folder, identity, self.boot.clone())?,
            link.clone(),
            mouth(),
            Arc::new(self.engine.clone()),
            Arc::new(deeds),
            ambient.clone(),
        ));
        let (remote, news) = Remote::new(worker.clone(), keeper.clone());
        let pulse = self.vitals.clone();
        let line = Arc::new(Line::new(link.clone(), mouth(), Arc::new(remote), pulse));
        let board = Billboard::new(keeper.clone(), link.clone(), mouth(), ambient.clone());
        let engine = self.engine.clone();
        let join =
            Join::new(engine, link.clone(), line.clone(), keeper.clone(), board, ambient.clone());
        let mut work = JoinSet::new();
        work.spawn(worker.clone().run());
        work.spawn(keeper.clone().run());
        work.spawn(line.clone().run());
        self.vitals.late.found(link);
        // Begun once in a process, like the link itself.
        let _first = self.vitals.paired.set(Paired { line, worker, keeper });
        Ok((work, join, news))
    }
}

/// Puts the code on the screen, and every change of it.
async fn show(engine: Engine, config: Config, mut screen: watch::Receiver<Option<Shown>>) {
    while screen.changed().await.is_ok() {
        let Some(Shown { code, fingerprint }) = screen.borrow_and_update().clone() else {
            continue;
        };
        if config.demo {
            // In a demo a script is the operator. Elsewhere a code is for whoever stands there.
            tracing::info!(code, fingerprint, "kiosk.unpaired");
        }
        let address = config.operator.clone();
        let pairing = Pairing::Unpaired { code, fingerprint, address };
        engine.tell(Event::World(Change::Pairing(pairing)));
    }
}

/// What day it is and how the reader is, told when it changes.
async fn surroundings(vitals: Arc<Vitals>) {
    let mut pages = Pages::new(Tyme);
    let (mut day, mut reader) = (None, "");
    loop {
        let holidays = vitals.paired.get().map(|paired| paired.keeper.holidays().borrow().clone());
        let page = pages.page(local_day(now(&vitals)), &holidays.unwrap_or_default());
        if day.as_ref() != Some(page) {
            day = Some(page.clone());
            vitals.engine.tell(Event::World(Change::Day(Box::new(page.clone()))));
        }
        let state = vitals.reader();
        if reader != state {
            reader = state;
            vitals.engine.tell(Event::World(Change::Reader(state.to_owned())));
        }
        vitals.ambient.sleep(LOOK_MS).await;
    }
}

/// The best there is: the server's clock, or the machine's.
fn now(vitals: &Vitals) -> DateTime<Utc> {
    let wall = || vitals.ambient.now_wall();
    let best = |link: &Arc<Link>| link.time(|time, wall, now_ms| time.best(wall, now_ms));
    vitals.late.link().map_or_else(wall, best)
}

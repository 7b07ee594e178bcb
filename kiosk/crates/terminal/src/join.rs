//! The session joined to the line: the server's word reaches the customer, the page's word reaches
//! the server, and an operator's command reaches whoever does it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use kiosk_wire::{
    channel::{Down, Up},
    command::Verb,
    heartbeat::POLL_MS,
    receipt::PrintOutcome,
    text::Text,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::{
    advert::{Billboard, Keeper, Poster, Seen},
    ambient::Ambient,
    call::{Call, Outcome},
    command::{Gate, Hands, May, Picture, Task},
    disk,
    engine::{Beat, Engine, Mouth as Tells, Press, Server, Watcher},
    link::{Line, Link, Mouth, Standing},
    receipt::{Paper, test_page},
    session::{Change, Event, Remote, Showing},
};

/// How often the link is looked at, in milliseconds.
const LOOK_EVERY_MS: u64 = 1_000;
/// The largest lock that is read back, in bytes.
const LOCK_MAX: u64 = 4096;

#[async_trait]
impl Server for Link {
    async fn call(&self, call: Call) -> Outcome {
        Link::call(self, call).await
    }
}

impl Tells for Mouth {
    fn say(&self, up: Up) {
        Mouth::say(self, up);
    }
}

impl Gate for Engine {
    fn may(&self, verb: Verb) -> May {
        Engine::may(self, verb)
    }
}

/// Hears the page's beats; [`Join::run`] does what they ask.
pub struct Page(watch::Sender<Beat>);

impl Page {
    /// The page's end and the end that is listened at.
    pub fn new() -> (Page, watch::Receiver<Beat>) {
        let (beats, heard) = watch::channel(Beat::default());
        (Page(beats), heard)
    }
}

impl Watcher for Page {
    fn beat(&self, beat: &Beat, _: u64) {
        self.0.send_replace(beat.clone());
    }
}

/// What the machine around the kiosk does. Errors are sentences for an operator.
#[async_trait]
pub trait Machine: Send + Sync {
    /// See [`Hands::picture`].
    async fn picture(&self, full: bool) -> Result<Picture, String>;
    /// See [`Hands::log`].
    async fn log(&self) -> Result<Vec<u8>, String>;
    /// Restart, reboot, shutdown and update: `Ok` means that it has begun. Also a new roll and a
    /// forgotten error, for the printer and the reader, and the self-test.
    async fn act(&self, task: Task) -> Result<Value, String>;
    /// What it knows of its window, for the heartbeat.
    fn looks(&self) -> Looks {
        Looks::default()
    }
}

/// How the window is; what is not known stays unsaid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// The process that draws the page.
    pub page_process: Option<u32>,
    /// The age of the last picture of the screen that differed from the one before, in
    /// milliseconds.
    pub picture_age_ms: Option<u64>,
    /// Whether a touch screen is there.
    pub touch: Option<bool>,
}

/// Does what operators ask: the session's part here, the rest by the machine.
pub struct Deeds {
    engine: Engine,
    press: Arc<dyn Press>,
    machine: Arc<dyn Machine>,
    lock: PathBuf,
}

impl Deeds {
    /// Over a running engine. A lock of before the restart holds again at once.
    ///
    /// # Errors
    /// The disk.
    pub fn new(
        engine: Engine,
        press: Arc<dyn Press>,
        machine: Arc<dyn Machine>,
        folder: &Path,
    ) -> io::Result<Deeds> {
        let lock = folder.join("lock.json");
        if let Some(bytes) = disk::read(&lock, LOCK_MAX)? {
            // One that cannot be read locks as well: somebody wanted it.
            let text: Text = serde_json::from_slice(&bytes).unwrap_or_default();
            engine.tell(Event::World(Change::Locked(Some(text))));
        }
        Ok(Deeds { engine, press, machine, lock })
    }

    async fn remote(&self, remote: Remote) -> Result<Value, String> {
        self.engine.settle(Event::Remote(remote)).await;
        Ok(json!({}))
    }

    async fn test_print(&self) -> Result<Value, String> {
        let width = self.engine.paper_mm();
        let number = self.engine.view().head.number;
        let page = test_page(&number, Paper::of_mm(width), self.engine.now());
        let (outcome, mm) = self.press.print(&page, width).await;
        match outcome {
            PrintOutcome::Printed => Ok(json!({ "paper_mm": mm })),
            PrintOutcome::PaperOut => Err("the paper ran out".to_owned()),
            PrintOutcome::Failed => Err("the printer does not print".to_owned()),
            PrintOutcome::Unknown => Err("the printer does not say whether it printed".to_owned()),
        }
    }
}

fn not_kept(error: io::Error) -> String {
    format!("the disk does not keep it: {error}")
}

#[async_trait]
impl Hands for Deeds {
    async fn picture(&self, full: bool) -> Result<Picture, String> {
        self.machine.picture(full).await
    }

    async fn log(&self) -> Result<Vec<u8>, String> {
        self.machine.log().await
    }

    async fn act(&self, task: Task) -> Result<Value, String> {
        match task {
            Task::CancelSession => self.remote(Remote::Cancel).await,
            Task::Lock { text } => {
                // On the disk first: it holds over a restart.
                let bytes = serde_json::to_vec(&text).unwrap_or_default();
                disk::replace(&self.lock, &bytes, disk::PLAIN).map_err(not_kept)?;
                self.remote(Remote::Lock(text)).await
            }
            Task::Unlock => {
                disk::remove(&self.lock).map_err(not_kept)?;
                self.remote(Remote::Unlock).await
            }
            Task::Reprint { order } => self.remote(Remote::Reprint { order }).await,
            Task::TestPrint => self.test_print().await,
            task => self.machine.act(task).await,
        }
    }
}

/// Carries news between the session and everything that comes from the server.
pub struct Join {
    engine: Engine,
    link: Arc<Link>,
    line: Arc<Line>,
    keeper: Arc<Keeper>,
    ambient: Arc<dyn Ambient>,
    billboard: Mutex<Billboard>,
}

impl Join {
    /// Of these; [`Join::run`] makes it work.
    pub fn new(
        engine: Engine,
        link: Arc<Link>,
        line: Arc<Line>,
        keeper: Arc<Keeper>,
        billboard: Billboard,
        ambient: Arc<dyn Ambient>,
    ) -> Join {
        Join { engine, link, line, keeper, ambient, billboard: Mutex::new(billboard) }
    }

    fn tell(&self, change: Change) {
        self.engine.tell(Event::World(change));
    }

    /// Works until it is dropped; takes the server's news and the page's beats.
    pub async fn run(self, mut news: mpsc::Receiver<Down>, mut beats: watch::Receiver<Beat>) {
        let mut standing = self.link.standing();
        let mut settings = self.link.settings();
        let mut content = self.keeper.content();
        let mut open = self.line.is_open();
        self.tell(Change::Media(self.keeper.base()));
        // What is known before the first change is told as well.
        content.mark_changed();
        settings.mark_changed();
        loop {
            tokio::select! {
                Ok(()) = standing.changed() => {
                    let revoked = *standing.borrow_and_update() == Standing::Revoked;
                    self.tell(Change::Revoked(revoked));
                }
                Ok(()) = settings.changed() => {
                    let settings = settings.borrow_and_update().clone();
                    settings.into_iter().for_each(|s| self.tell(Change::Settings(Box::new(s))));
                }
                Ok(()) = content.changed() => {
                    let content = content.borrow_and_update().clone();
                    let logo = content.logo.as_ref().map(|logo| self.keeper.address(logo));
                    self.tell(Change::Content(Box::new(content), logo));
                }
                Ok(()) = open.changed() => {
                    open.borrow_and_update();
                    self.look();
                }
                Ok(()) = beats.changed() => {
                    let beat = beats.borrow_and_update().clone();
                    self.beat(&beat);
                }
                Some(down) = news.recv() => self.hear(down),
                () = self.ambient.sleep(LOOK_EVERY_MS) => self.look(),
            }
        }
    }

    fn hear(&self, down: Down) {
        match down {
            Down::OrderMoved { order } => self.engine.tell(Event::Moved { order }),
            _ => self.look(),
        }
    }

    /// How the link is now.
    fn look(&self) {
        let age = self.link.heard_age_ms();
        let polled = age.is_some_and(|age| age <= 2 * POLL_MS);
        let up = *self.line.is_open().borrow() || polled;
        self.tell(Change::Link { up });
        if age.is_some_and(|age| age <= LOOK_EVERY_MS) {
            self.tell(Change::Heard);
        }
        let skew = self.link.time(|time, wall, now_ms| time.offset_ms(wall, now_ms));
        skew.into_iter().for_each(|ms| self.tell(Change::Skew { ms }));
    }

    /// The page lives, and says what it shows.
    fn beat(&self, beat: &Beat) {
        beat.shown_content.into_iter().for_each(|version| self.keeper.confirm(version));
        let attract = beat.screen == "attract";
        self.keeper.tick(attract || beat.screen == "home");
        let seen = Seen { on_screen: attract, ended: beat.play_ended, plays: &beat.plays };
        let mut billboard = self.billboard.lock().unwrap_or_else(PoisonError::into_inner);
        let advert = billboard.turn(seen).map(showing);
        self.tell(Change::Advert(advert));
    }
}

fn showing(poster: &Poster) -> Showing {
    Showing {
        url: poster.url.clone(),
        media: poster.media.to_owned(),
        title: poster.title.clone(),
        play: poster.play,
    }
}

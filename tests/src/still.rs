//! A house in which nothing moves by itself: the store and the rooms, but no workers, no server
//! and no connected gateway. What a test does not do does not happen.

use std::{sync::Arc, time::Duration};

use domain::Clock;
use gateway::{Gateway, GatewayEvent, profile::Profiles};
use meter_simulator::Site;
use tokio::sync::{mpsc, watch};
use vending::{House, Parts, Settings, merchant::MerchantCatalogue, transport::Transport};
use yufu::Outside;

use crate::{
    base,
    fixture::{Layout, PROJECT},
    world::fast_timing,
};

/// A house on a database, with these meters; `clock` is the test's own where it sets the time.
pub struct StillHouse {
    pub house: House,
    pub layout: Layout,
    /// Its database, for whoever opens it once more.
    pub url: String,
    _dir: tempfile::TempDir,
    _events: mpsc::Receiver<GatewayEvent>,
}

impl StillHouse {
    /// Opens it on `url`, or on a database of its own, of the kind its test runs on.
    pub async fn open(
        layout: Layout,
        url: Option<String>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> StillHouse {
        let transport = Outside::real().unwrap().transport;
        StillHouse::open_behind(layout, url, clock, settings, transport).await
    }

    /// The same, with the way to the providers the test wants.
    pub async fn open_behind(
        layout: Layout,
        url: Option<String>,
        clock: Arc<dyn Clock>,
        settings: Settings,
        transport: Arc<dyn Transport>,
    ) -> StillHouse {
        let dir = tempfile::tempdir().unwrap();
        let url = match url {
            Some(url) => url,
            None => base::url(dir.path()).await,
        };
        let (house, events) = house_behind(&url, clock, settings, transport).await;
        layout.store(house.store(), Vec::new()).await;
        house.configure_lines().await.unwrap();
        StillHouse { house, layout, url, _dir: dir, _events: events }
    }
}

impl StillHouse {
    /// Lets the simulated meters dial in, and waits until every line is there.
    pub async fn connect(&mut self) -> Site {
        let address = self.house.gateway().listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        self.layout.dial(address);
        let site = Site::start(self.layout.site.clone()).await.unwrap();
        let online = || self.house.gateway().status().iter().all(|line| line.remote.is_some());
        let connected = tokio::time::timeout(PATIENCE, async {
            while !online() {
                self.house.store().wait_for_work(Duration::from_millis(10)).await;
            }
        });
        connected.await.unwrap();
        site
    }

    /// Sets a worker to work on the jobs; it stops when the answer is dropped.
    pub fn work(&self) -> watch::Sender<bool> {
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(vending::job::work(self.house.clone(), "worker".to_owned(), stopping));
        stop
    }

    /// A job as it stands, by its kind and key.
    pub async fn job(&self, kind: &str, key: &str) -> Option<store::job::Job> {
        store::job::by_key(self.house.store().read(), PROJECT, kind, key).await.unwrap()
    }

    /// Waits until something is so, looking again and again.
    pub async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !is_so().await {
                self.house.store().wait_for_work(Duration::from_millis(10)).await;
            }
        });
        assert!(waited.await.is_ok(), "it never came to this: {what}");
    }
}

/// How long a test waits for what it wants to see.
const PATIENCE: Duration = Duration::from_secs(60);

/// A house of its own on a database, as another process would have it.
pub async fn house(
    url: &str,
    clock: Arc<dyn Clock>,
    settings: Settings,
) -> (House, mpsc::Receiver<GatewayEvent>) {
    let transport = Outside::real().unwrap().transport;
    house_behind(url, clock, settings, transport).await
}

/// The same with the way to the providers the test wants.
pub async fn house_behind(
    url: &str,
    clock: Arc<dyn Clock>,
    settings: Settings,
    transport: Arc<dyn Transport>,
) -> (House, mpsc::Receiver<GatewayEvent>) {
    let store = store::Store::open(url).await.unwrap();
    store.migrate().await.unwrap();
    let outside = Outside::real().unwrap();
    let (events, heard) = mpsc::channel(64);
    let profiles = Profiles::embedded().unwrap();
    let gateway =
        Gateway::start(fast_timing(), profiles, clock.clone(), outside.rng.clone(), events);
    let house = House::new(Parts {
        store,
        gateway,
        transport,
        merchants: MerchantCatalogue::default(),
        clock,
        rng: outside.rng,
        settings,
    });
    (house, heard)
}

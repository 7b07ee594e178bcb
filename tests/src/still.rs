//! A house in which nothing moves by itself: the store and the rooms, but no workers, no server
//! and no connected gateway. What a test does not do does not happen.

use std::sync::Arc;

use domain::Clock;
use gateway::{Gateway, GatewayEvent, profile::Profiles};
use tokio::sync::mpsc;
use vending::{House, Parts, Settings, merchant::MerchantCatalogue};
use yufu::Outside;

use crate::{fixture::Layout, world::fast_timing};

/// A house on a database, with these meters; `clock` is the test's own where it sets the time.
pub struct StillHouse {
    pub house: House,
    pub layout: Layout,
    _dir: tempfile::TempDir,
    _events: mpsc::Receiver<GatewayEvent>,
}

impl StillHouse {
    /// Opens it on `url`, or on a SQLite file of its own.
    pub async fn open(
        layout: Layout,
        url: Option<String>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> StillHouse {
        let dir = tempfile::tempdir().unwrap();
        let own = format!("sqlite:{}", dir.path().join("yufu.db").display());
        let (house, events) = house(&url.unwrap_or(own), clock, settings).await;
        layout.store(house.store(), Vec::new()).await;
        house.configure_lines().await.unwrap();
        StillHouse { house, layout, _dir: dir, _events: events }
    }
}

/// A house of its own on a database, as another process would have it.
pub async fn house(
    url: &str,
    clock: Arc<dyn Clock>,
    settings: Settings,
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
        transport: outside.transport,
        merchants: MerchantCatalogue::default(),
        clock,
        rng: outside.rng,
        settings,
    });
    (house, heard)
}

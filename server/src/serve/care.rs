//! What the server looks at now and then: changed keys and new meters are taken up while it runs.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    time::{Duration, SystemTime},
};

use actix_web::web::Data;
use store::{
    Store, StoreError,
    meter::{self, Meter},
    overview,
    site::{self, Gateway},
};
use tokio::sync::watch;
use vending::{
    VendingError,
    merchant::{Addresses, MerchantCatalogue},
};

use crate::http::App;

/// How often keys and meters are looked at.
const OFTEN: Duration = Duration::from_secs(60);

/// Reads the merchants' rows and keys anew. A merchant whose folder is broken keeps the keys it had
/// and is named in the log.
pub async fn reload_merchants(
    merchants: &MerchantCatalogue,
    store: &Store,
    addresses: &Addresses,
) -> Result<(), StoreError> {
    for (merchant, error) in merchants.reload(store, addresses).await? {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(%merchant, %error, cause, "a merchant's keys cannot be used");
    }
    Ok(())
}

/// The site as the lines are set up by it, and what was wrong with it then.
#[derive(Default)]
struct InForce {
    gateways: Vec<Gateway>,
    meters: (i64, i64),
    lines: u64,
    /// When the file of the meters' passwords was written last.
    passwords: Option<SystemTime>,
    faults: Vec<String>,
}

/// Takes care until told to stop. Whatever fails is tried again at the next turn.
pub async fn keep(app: Data<App>, mut stop: watch::Receiver<bool>) {
    let mut known = InForce::default();
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(OFTEN) => {}
            _ = stop.changed() => return,
        }
        if let Err(error) = often(&app, &mut known).await {
            tracing::warn!(%error, "keys or meters could not be looked at");
        }
    }
}

/// Takes up changed keys, and the lines if the site changed. What failed is not known yet.
async fn often(app: &App, known: &mut InForce) -> Result<(), VendingError> {
    let store = app.house.store();
    reload_merchants(app.house.merchants(), store, &app.addresses).await?;
    let gateways = gateways(store).await?;
    let marked = overview::meters_mark(store.read()).await?;
    let passwords = written(app.house.settings().meter_passwords.as_deref());
    let same_passwords = passwords == known.passwords;
    if gateways == known.gateways && marked == known.meters && same_passwords {
        return Ok(());
    }
    let lines = lines_of(&gateways, meter::in_service(store.read(), None).await?);
    if lines != known.lines || !same_passwords {
        // A line that stays the same is not touched by this.
        let faults = app.house.configure_lines().await?;
        if faults != known.faults {
            for fault in &faults {
                tracing::warn!(fault, "a line or meter cannot be used");
            }
        }
        known.faults = faults;
    }
    let faults = std::mem::take(&mut known.faults);
    *known = InForce { gateways, meters: marked, lines, passwords, faults };
    Ok(())
}

/// When a file was written last; nothing if there is none.
fn written(file: Option<&Path>) -> Option<SystemTime> {
    std::fs::metadata(file?).ok()?.modified().ok()
}

/// Every gateway, without what its lease changes all the time.
async fn gateways(store: &Store) -> Result<Vec<Gateway>, StoreError> {
    let rows = site::gateways(store.read(), None).await?.into_iter();
    let bare = |row| Gateway { owner: None, owner_token: 0, lease_until: None, ..row };
    Ok(rows.map(bare).collect())
}

/// One number for everything the lines are made of. A purchase moves a meter's version and count,
/// and no line.
fn lines_of(gateways: &[Gateway], meters: Vec<Meter>) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{gateways:?}").hash(&mut hasher);
    for row in meters {
        let bare = Meter { purchase_count: None, version: 0, ..row };
        format!("{bare:?}").hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use chrono::DateTime;
    use store::{entity::project, roster};
    use tokio::{io::AsyncWriteExt, net::TcpStream};
    use uuid::Uuid;

    use super::*;
    use crate::{Server, config::Config, start};

    const GATEWAY: Uuid = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0301);

    async fn server(dir: &std::path::Path) -> Server {
        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".to_owned();
        config.database.url = format!("sqlite:{}", dir.join("yufu.db").display());
        config.gateway.dtu_listen = "127.0.0.1:0".to_owned();
        start(config).await.unwrap()
    }

    fn line(registration: &str) -> Gateway {
        Gateway {
            id: GATEWAY,
            project_id: 1,
            name: "GW-1".to_owned(),
            registration: Some(registration.to_owned()),
            link: "dial-in".to_owned(),
            address: None,
            framing: "plain".to_owned(),
            heartbeat_s: 60,
            settings: "{}".to_owned(),
            owner: None,
            owner_token: 0,
            lease_until: None,
        }
    }

    /// Dials in under a registration and waits until the line has this connection.
    async fn dial(server: &Server, registration: &str) -> TcpStream {
        let mut modem = TcpStream::connect(server.dtu().unwrap()).await.unwrap();
        modem.write_all(registration.as_bytes()).await.unwrap();
        let from = modem.local_addr().unwrap();
        let connected = async {
            while remote(server) != Some(from) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), connected).await.unwrap();
        modem
    }

    fn remote(server: &Server) -> Option<SocketAddr> {
        server.house().gateway().status().iter().find(|line| line.gateway == GATEWAY)?.remote
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_changed_registration_is_in_force_within_a_minute() {
        let dir = tempfile::tempdir().unwrap();
        let server = server(dir.path()).await;
        let app = server.app.clone();
        let store = server.house().store().clone();
        let mut known = InForce::default();
        often(&app, &mut known).await.unwrap();
        let site = project::Model {
            id: 1,
            name: "和园".to_owned(),
            name_en: String::new(),
            currency: "CNY".to_owned(),
            timezone: "+08:00".to_owned(),
            created_at: app.clock.now(),
        };
        let put = store.transact(move |tx| {
            Box::pin(async move {
                store::insert(tx, site).await?;
                store::insert(tx, line("YF-0001")).await
            })
        });
        put.await.unwrap();
        often(&app, &mut known).await.unwrap();
        let modem = dial(&server, "YF-0001").await;
        drop(modem);
        // The modem was replaced: the counts of the site stay as they were.
        let changed = store.transact(|tx| {
            Box::pin(async { roster::change(tx, &[line("YF-0002")], &["registration"]).await })
        });
        changed.await.unwrap();
        often(&app, &mut known).await.unwrap();
        dial(&server, "YF-0002").await;
        server.stop().await;
    }

    #[test]
    fn a_purchase_changes_no_line_and_another_bus_does() {
        let gateways = [line("YF-0001")];
        let lines = |meter: &Meter| lines_of(&gateways, vec![meter.clone()]);
        let meter = Meter {
            project_id: 1,
            id: Uuid::from_u128(4),
            meter_no: "000030220101".to_owned(),
            room_id: None,
            account_id: None,
            gateway_id: GATEWAY,
            bus: 0,
            address: "000030220101".to_owned(),
            profile: "dlt645-2007-prepaid".to_owned(),
            purpose: "electricity".to_owned(),
            money_model: "meter-held".to_owned(),
            tariff_id: None,
            epoch: 1,
            purchase_count: Some(3),
            state: "in-service".to_owned(),
            quarantine_reason: None,
            ct: 1,
            pt: 1,
            base_reading: 0,
            reading_interval_s: 900,
            supply_policy: "auto".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
            version: 1,
        };
        let bought = Meter { purchase_count: Some(4), version: 2, ..meter.clone() };
        assert_eq!(lines(&meter), lines(&bought));
        assert_ne!(lines(&meter), lines(&Meter { bus: 1, version: 2, ..meter.clone() }));
    }
}

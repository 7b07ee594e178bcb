//! The kiosk put together as its window starts it, without a server that answers.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use terminal::{
    ambient::Manual,
    command::{Picture, Task},
    config::Config,
    engine::Beat,
    join::Machine,
    kiosk::{Kiosk, STILL_MS, Start, StartError},
    view::{Screen, View},
};

use crate::faulty::soon;

struct Nothing;

#[async_trait]
impl Machine for Nothing {
    async fn picture(&self, _: bool) -> Result<Picture, String> {
        Err("no screen".to_owned())
    }

    async fn log(&self) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    async fn act(&self, _: Task) -> Result<Value, String> {
        Ok(json!({}))
    }
}

fn start(folder: &std::path::Path, clock: &Manual, config: &str) -> Result<Kiosk, StartError> {
    Kiosk::start(Start {
        config: Config::read(config).unwrap(),
        folder: folder.to_owned(),
        machine: Arc::new(Nothing),
        ambient: Arc::new(clock.clone()),
        origin: None,
        version: "0.1.0".to_owned(),
    })
}

fn clock() -> Manual {
    Manual::at("2026-11-21T06:00:00Z".parse().unwrap(), 11)
}

/// Nobody listens there: port 9 of this machine discards, if anybody has it.
const NOBODY: &str = "server = \"http://127.0.0.1:9\"\ndemo = true\n";

async fn shows(kiosk: &Kiosk, clock: &Manual, is: impl Fn(&View) -> bool) -> View {
    soon(async {
        loop {
            let view = kiosk.engine().view();
            if is(&view) {
                return view;
            }
            clock.pass(100);
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_kiosk_without_its_server_is_well() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let kiosk = start(folder.path(), &clock, NOBODY).unwrap();
    let unpaired = |view: &View| matches!(view.screen, Screen::Unpaired { .. });
    let view = shows(&kiosk, &clock, unpaired).await;
    assert!(view.head.demo, "a demo says so");
    let Screen::Unpaired { code, fingerprint, .. } = &view.screen else { panic!("paired") };
    assert_eq!((code, fingerprint.len()), (&None, 6), "no server has given a code");
    // Hours without a word: everything turns, and the page is answered.
    for _ in 0..200 {
        clock.pass(STILL_MS / 4);
        kiosk.engine().settle(terminal::session::Event::Tick).await;
        assert_eq!(kiosk.still(), Vec::<&str>::new());
    }
    let beat = Beat { screen: "unpaired".to_owned(), ..Beat::default() };
    assert!(unpaired(&kiosk.engine().beat(&beat)));
}

#[tokio::test]
async fn a_core_that_takes_nothing_in_is_found_to_stand_still() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let kiosk = start(folder.path(), &clock, NOBODY).unwrap();
    kiosk.engine().settle(terminal::session::Event::Tick).await;
    assert_eq!(kiosk.still(), Vec::<&str>::new());
    // Nothing but the monotonic clock moves: no tick reaches the core within this one step.
    clock.pass(STILL_MS + 1);
    assert_eq!(kiosk.still(), ["core_still"]);
}

#[tokio::test]
async fn what_a_technician_wrote_wrong_stops_the_kiosk_before_it_says_a_word() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let wrong = start(folder.path(), &clock, "server = \"yufu\"");
    assert!(matches!(wrong.err(), Some(StartError::Config(_))));
    let pin = "server = \"https://yufu.example\"\nkey_pins = [\"ab\"]";
    assert!(matches!(start(folder.path(), &clock, pin).err(), Some(StartError::Config(_))));
}

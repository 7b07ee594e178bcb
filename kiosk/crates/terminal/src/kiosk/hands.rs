//! What an operator asks of the machine and what this crate sees to itself: the roll, a forgotten
//! error, the self-test, and fetching a release.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Value, json};

use super::vitals::Vitals;
use crate::{
    call::Failure,
    command::{Picture, Task},
    disk, hex,
    join::{Looks, Machine},
    link::{Link, Pulse},
    session::{Change, Event},
};

/// Where releases are laid down for root, in the kiosk's folder.
const RELEASES: &str = "releases";
/// The largest release, in bytes; root takes no larger one.
pub const RELEASE_MAX: u64 = 256 * 1024 * 1024;
/// An operator who has asked for a picture counts as looking for this long, in milliseconds.
const WATCHED_MS: u64 = 10_000;

/// The machine, and what is done before it is asked.
pub(super) struct Around {
    vitals: Arc<Vitals>,
    link: Arc<Link>,
    releases: PathBuf,
}

impl Around {
    pub(super) fn new(vitals: Arc<Vitals>, link: Arc<Link>, folder: &Path) -> Around {
        Around { vitals, link, releases: folder.join(RELEASES) }
    }

    /// Everything at a glance; what is wrong is named and fails the test.
    async fn self_test(&self) -> Result<Value, String> {
        let printer = self.vitals.press.status().await;
        let heartbeat = self.vitals.heartbeat();
        let seen = json!({
            "printer": printer.state,
            "reader": heartbeat.reader,
            "disk_free": heartbeat.disk_free,
            "memory": heartbeat.memory,
            "clock_offset_ms": heartbeat.clock_offset_ms,
            "journal_open": heartbeat.journal_open,
            "faults": heartbeat.faults,
        });
        if heartbeat.faults.is_empty() { Ok(seen) } else { Err(seen.to_string()) }
    }

    /// Fetches a release and lays down the three files root asks for.
    ///
    /// What is signed is the manifest, which maker and kiosk write alike; whether the signature is
    /// the maker's is root's to say, who believes nothing of what lies here.
    async fn fetch(&self, version: &str, digest: &str, signature: &str) -> Result<(), String> {
        fs::create_dir_all(&self.releases).map_err(not_kept)?;
        let beside = |kind: &str| self.releases.join(format!("{digest}.{kind}"));
        self.receive(digest, &beside("part")).await?;
        fs::rename(beside("part"), beside("tar")).map_err(not_kept)?;
        let manifest = format!("{{\"version\":\"{version}\",\"sha256\":\"{digest}\"}}");
        disk::replace(&beside("json"), manifest.as_bytes(), disk::PLAIN).map_err(not_kept)?;
        disk::replace(&beside("sig"), signature.as_bytes(), disk::PLAIN).map_err(not_kept)
    }

    async fn receive(&self, digest: &str, part: &Path) -> Result<(), String> {
        let mut download = self.link.file(digest, 0).await.map_err(|failure| why(&failure))?;
        if download.status != 200 {
            return Err(format!("the server has no release {digest}"));
        }
        let mut file = fs::File::create(part).map_err(not_kept)?;
        let (mut sum, mut bytes) = (Context::new(&SHA256), 0_u64);
        while let Some(chunk) = download.chunk().await.map_err(|failure| why(&failure))? {
            bytes = bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if bytes > RELEASE_MAX {
                return Err(format!("the release is larger than {RELEASE_MAX} bytes"));
            }
            sum.update(&chunk);
            file.write_all(&chunk).map_err(not_kept)?;
        }
        file.sync_all().map_err(not_kept)?;
        if hex::encode(sum.finish().as_ref()) != digest {
            return Err("the release is not what its digest says".to_owned());
        }
        Ok(())
    }
}

#[async_trait]
impl Machine for Around {
    async fn picture(&self, full: bool) -> Result<Picture, String> {
        // Whoever stands there sees that somebody looks.
        self.vitals.engine.settle(Event::World(Change::Watched(true))).await;
        let picture = self.vitals.machine.picture(full).await;
        let vitals = self.vitals.clone();
        tokio::spawn(async move {
            vitals.ambient.sleep(WATCHED_MS).await;
            vitals.engine.tell(Event::World(Change::Watched(false)));
        });
        picture
    }

    async fn log(&self) -> Result<Vec<u8>, String> {
        self.vitals.machine.log().await
    }

    async fn act(&self, task: Task) -> Result<Value, String> {
        match &task {
            Task::PaperChanged { mm } => {
                self.vitals.press.new_roll(i64::from(*mm));
                Ok(json!({ "printer": self.vitals.press.status().await.state }))
            }
            Task::ClearError => {
                self.vitals.press.clear_error();
                Ok(json!({ "printer": self.vitals.press.status().await.state }))
            }
            Task::SelfTest => self.self_test().await,
            Task::Update { version, digest, signature } => {
                self.fetch(version, digest, signature).await?;
                self.vitals.machine.act(task).await
            }
            _ => self.vitals.machine.act(task).await,
        }
    }

    fn looks(&self) -> Looks {
        self.vitals.machine.looks()
    }
}

fn not_kept(error: io::Error) -> String {
    format!("the disk does not keep it: {error}")
}

fn why(failure: &Failure) -> String {
    match failure {
        Failure::Lost => "the line was lost".to_owned(),
        Failure::Refused(problem) => format!("the server refused it: {}", problem.code),
        Failure::Revoked => "the server does not let this kiosk in".to_owned(),
    }
}

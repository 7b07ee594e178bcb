//! What operators ask of the machine around the kiosk: its picture, its log, its power, a release.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicI64, Ordering},
        mpsc::{self, Sender},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use terminal::{
    command::{Picture, Task},
    join::{Looks, Machine},
};
use tokio::task::spawn_blocking;

use crate::{
    order::Order,
    platform,
    root::{self, Action},
    starts,
    tail::Tail,
};

/// How long the main loop may take to give a picture.
const PICTURE_MAX: Duration = Duration::from_secs(10);
/// Nobody has looked yet.
const NEVER: i64 = -1;

/// This machine, as far as its kiosk may move it.
pub struct Cabinet {
    orders: Sender<Order>,
    tail: Tail,
    /// Where the beginnings of this process are remembered.
    starts: PathBuf,
    seen_ms: AtomicI64,
}

impl Cabinet {
    /// With the window's ear, the log's end and the file of [`starts`].
    pub fn new(orders: Sender<Order>, tail: Tail, starts: PathBuf) -> Cabinet {
        Cabinet { orders, tail, starts, seen_ms: AtomicI64::new(NEVER) }
    }

    /// The idle screen was looked at and is another than before.
    pub fn seen(&self) {
        self.seen_ms.store(now_ms(), Ordering::Relaxed);
    }

    /// Ends the process; it is begun anew. That was asked for, and counts as no failure.
    fn begin_anew(&self) -> Result<Value, String> {
        starts::forget_last(&self.starts).map_err(|error| error.to_string())?;
        self.orders.send(Order::Quit).map_err(|_| "the window does not listen".to_owned())?;
        Ok(json!({}))
    }
}

/// The main loop's clock, which never jumps.
fn now_ms() -> i64 {
    i64::try_from(platform::monotonic_ms()).unwrap_or_default()
}

#[async_trait]
impl Machine for Cabinet {
    async fn picture(&self, full: bool) -> Result<Picture, String> {
        let (answer, seen) = mpsc::channel();
        let order = Order::Picture { full, answer };
        self.orders.send(order).map_err(|_| "the window does not listen".to_owned())?;
        let taken = spawn_blocking(move || seen.recv_timeout(PICTURE_MAX)).await;
        let bytes = match taken {
            Ok(Ok(Ok(bytes))) => bytes,
            Ok(Ok(Err(fault))) => return Err(fault.to_string()),
            Ok(Err(_)) | Err(_) => return Err("the screen gives no picture".to_owned()),
        };
        Ok(Picture { media_type: "image/jpeg", bytes })
    }

    async fn log(&self) -> Result<Vec<u8>, String> {
        Ok(self.tail.bytes())
    }

    async fn act(&self, task: Task) -> Result<Value, String> {
        let action = match task {
            Task::RestartApp { .. } => return self.begin_anew(),
            Task::Reboot { .. } => Action::Reboot,
            Task::Shutdown { .. } => Action::PowerOff,
            Task::Update { digest, .. } => Action::Apply { release: digest },
            other => return Err(format!("this machine cannot do {other:?}")),
        };
        let asked = spawn_blocking(move || root::ask(Path::new(root::SOCKET), &action)).await;
        match asked {
            Ok(Ok(())) => Ok(json!({})),
            Ok(Err(fault)) => Err(format!("{fault:#}")),
            Err(fault) => Err(fault.to_string()),
        }
    }

    fn looks(&self) -> Looks {
        let seen = self.seen_ms.load(Ordering::Relaxed);
        let age = u64::try_from(now_ms().saturating_sub(seen)).ok();
        Looks {
            page_process: page_process(),
            picture_age_ms: if seen == NEVER { None } else { age },
            touch: None,
        }
    }
}

/// The child of this process that draws the page.
fn page_process() -> Option<u32> {
    let mine = std::process::id().to_string();
    let of_mine = |entry: fs::DirEntry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        is_page(&stat, &mine).then_some(number)
    };
    fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(of_mine)
}

/// Whether a line of proc_pid_stat(5) is the page's, whose parent is `mine`. The name stands in
/// brackets and may hold anything.
fn is_page(stat: &str, mine: &str) -> bool {
    let after = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
    let Some((name, rest)) = after else { return false };
    name.starts_with("WebKitWeb") && rest.split_whitespace().nth(1) == Some(mine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_of_the_page_is_the_one_that_is_ours() {
        let cases = [
            ("4711 (WebKitWebProces) S 42 4711 1", true),
            ("4711 (WebKitWebProces) S 43 4711 1", false),
            ("4711 (WebKitNetworkPr) S 42 4711 1", false),
            ("4711 (a) S 42) S 7 4711 1", false),
            ("4711 WebKitWebProces S 42", false),
            ("", false),
        ];
        for (stat, want) in cases {
            assert_eq!(is_page(stat, "42"), want, "{stat}");
        }
    }
}

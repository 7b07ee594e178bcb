//! A small control port for other processes: one JSON object per line in, one out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::config::SiteError;
use crate::knob::{Knob, Setting};
use crate::site::Oracle;

/// Longest line of a question.
pub const LINE_MAX: usize = 64 * 1024;

/// Most askers at once.
pub const ASKERS_MAX: usize = 32;

/// Answers one line with one JSON value.
pub type Answerer = Arc<dyn Fn(&str) -> Value + Send + Sync>;

/// A control port that lives until it is dropped.
#[derive(Debug)]
pub struct Control {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Control {
    /// Listens on `address` and answers with `answerer`.
    ///
    /// # Errors
    /// The machine's error when the socket cannot be opened.
    pub async fn start(address: SocketAddr, answerer: Answerer) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, answerer));
        Ok(Self { address, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, answerer: Answerer) {
    let seats = Arc::new(Semaphore::new(ASKERS_MAX));
    let mut askers = JoinSet::new();
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let answerer = Arc::clone(&answerer);
        askers.spawn(async move {
            let _seat = seat;
            // An asker that goes away is its own affair.
            let _ = converse(stream, answerer).await;
        });
        while askers.try_join_next().is_some() {}
    }
}

async fn converse(mut stream: TcpStream, answerer: Answerer) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let mut bytes = vec![0u8; 4_096];
    loop {
        while let Some(end) = buffer.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            let mut answer = answerer(String::from_utf8_lossy(&line).trim()).to_string();
            answer.push('\n');
            stream.write_all(answer.as_bytes()).await?;
        }
        if buffer.len() > LINE_MAX {
            let answer = json!({"ok": false, "error": "the line is too long"});
            stream.write_all(format!("{answer}\n").as_bytes()).await?;
            return Ok(());
        }
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        buffer.extend_from_slice(&bytes[..count]);
    }
}

/// A question to a site.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Ask {
    List,
    Sum,
    Counters,
    Snapshot {
        meter: String,
    },
    Exchanges {
        meter: String,
    },
    PressButton {
        meter: String,
    },
    Load {
        meter: String,
        load_w: u64,
    },
    BuyElsewhere {
        meter: String,
        amount_fen: u64,
    },
    Knob {
        meter: Option<String>,
        bus: Option<usize>,
        knob: Knob,
        #[serde(flatten)]
        setting: Setting,
    },
    Cut {
        bus: usize,
    },
    Restore {
        bus: usize,
    },
    Storm {
        ms: u64,
    },
}

/// Answers questions about a site: `{"op":"snapshot","meter":"…"}` and so on; the answer carries
/// `ok` and either what was asked or `error`.
pub fn site_answerer(oracle: Oracle) -> Answerer {
    Arc::new(move |line| match serde_json::from_str::<Ask>(line) {
        Ok(ask) => answer(&oracle, ask).unwrap_or_else(|error| refusal(&error.to_string())),
        Err(error) => refusal(&error.to_string()),
    })
}

/// An answer that says why not.
pub(crate) fn refusal(why: &str) -> Value {
    json!({"ok": false, "error": why})
}

fn answer(oracle: &Oracle, ask: Ask) -> Result<Value, SiteError> {
    Ok(match ask {
        Ask::List => json!({"ok": true, "meters": oracle.snapshots()}),
        Ask::Sum => json!({
            "ok": true,
            "seed": oracle.seed(),
            "sum_applied_fen": oracle.sum_applied_fen(),
            "applied_topups": oracle.applied_topups(),
        }),
        Ask::Counters => {
            let all: Result<Vec<_>, _> =
                (0..oracle.buses()).map(|bus| oracle.counters(bus)).collect();
            json!({"ok": true, "buses": all?})
        }
        Ask::Snapshot { meter } => {
            json!({"ok": true, "snapshot": oracle.meter(&meter)?.snapshot()})
        }
        Ask::Exchanges { meter } => {
            json!({"ok": true, "exchanges": oracle.meter(&meter)?.exchanges()})
        }
        Ask::PressButton { meter } => {
            json!({"ok": true, "closed": oracle.meter(&meter)?.press_button()})
        }
        Ask::Load { meter, load_w } => {
            oracle.meter(&meter)?.set_load(load_w);
            json!({"ok": true})
        }
        Ask::BuyElsewhere { meter, amount_fen } => {
            oracle.meter(&meter)?.buy_elsewhere(amount_fen);
            json!({"ok": true})
        }
        Ask::Knob { meter: Some(meter), knob, setting, .. } => {
            oracle.meter(&meter)?.turn(knob, setting);
            json!({"ok": true})
        }
        Ask::Knob { bus: Some(bus), knob, setting, .. } => {
            oracle.turn(bus, knob, setting)?;
            json!({"ok": true})
        }
        Ask::Knob { knob, setting, .. } => {
            oracle.turn_all(knob, setting);
            json!({"ok": true})
        }
        Ask::Cut { bus } => {
            oracle.cut(bus)?;
            json!({"ok": true})
        }
        Ask::Restore { bus } => {
            oracle.restore(bus)?;
            json!({"ok": true})
        }
        Ask::Storm { ms } => {
            oracle.storm(Duration::from_millis(ms));
            json!({"ok": true})
        }
    })
}

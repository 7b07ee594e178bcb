//! Who hears what the server says beside the money.

use std::sync::Arc;

use kiosk_wire::channel::Down;
use tokio::sync::mpsc;

use crate::{advert::Keeper, command::Worker, link::Ears};

/// The most words that wait for the session; a moved order that finds no room is found by the
/// session's own questions.
pub const NEWS_MAX: usize = 64;

/// Hands every message to whom it is for.
pub struct Remote {
    worker: Arc<Worker>,
    keeper: Arc<Keeper>,
    news: mpsc::Sender<Down>,
}

impl Remote {
    /// With the end at which the session hears that an order has moved, what time it is, and that
    /// the kiosk is not let in any more.
    pub fn new(worker: Arc<Worker>, keeper: Arc<Keeper>) -> (Remote, mpsc::Receiver<Down>) {
        let (news, heard) = mpsc::channel(NEWS_MAX);
        (Remote { worker, keeper, news }, heard)
    }
}

impl Ears for Remote {
    fn hear(&self, down: Down) {
        match down {
            Down::Command(command) => self.worker.hear(command),
            Down::Versions { .. } => self.keeper.hear(&down),
            Down::OrderMoved { .. } | Down::Time { .. } | Down::Revoked => {
                if self.news.try_send(down).is_err() {
                    tracing::debug!("the session does not listen");
                }
            }
            // The line itself hears what was heard.
            Down::Heard { .. } => {}
        }
    }
}

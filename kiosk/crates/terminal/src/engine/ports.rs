//! What the engine needs of the world: each a trait, so that a test stands on the other side.

use async_trait::async_trait;
use kiosk_wire::{
    card::{CardKeys, CardLookup, Voucher, VoucherReport},
    channel::Up,
    heartbeat::Printer,
    receipt::{PrintOutcome, Receipt},
};
use serde::{Deserialize, Serialize};

use crate::{
    call::{Call, Outcome},
    clock::Clock,
};

/// The server, asked once: repeating is the session's decision.
#[async_trait]
pub trait Server: Send + Sync {
    /// Asks, and comes back within a deadline of its own.
    async fn call(&self, call: Call) -> Outcome;
}

/// The printer.
#[async_trait]
pub trait Press: Send + Sync {
    /// How it is now.
    async fn status(&self) -> Printer;
    /// Prints on paper of that width, in millimetres; says how it ended and how much paper it
    /// took, in millimetres.
    async fn print(&self, receipt: &Receipt, paper_mm: u16) -> (PrintOutcome, u32);
}

/// Why a card was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardFault {
    /// It was taken away.
    Gone,
    /// It does not answer as it should, or there is no reader.
    Unreadable,
}

/// The card reader.
#[async_trait]
pub trait Cards: Send + Sync {
    /// Waits until a card lies there and gives its own number; a card of the number `not` counts
    /// only after it was taken off. Dropping the future ends the waiting.
    async fn wait(&self, not: Option<&str>) -> Result<String, CardFault>;
    /// Reads both copies of the card of that number.
    async fn read(&self, uid: &str, keys: &CardKeys) -> Result<CardLookup, CardFault>;
    /// Writes a voucher to the card of that number and reads it back. Whatever happens, the
    /// report says no more than was proven.
    async fn write(&self, uid: &str, keys: &CardKeys, voucher: &Voucher) -> VoucherReport;
}

/// Says things to the server beside the money: keeps them until they were heard.
pub trait Mouth: Send + Sync {
    /// Takes a message.
    fn say(&self, up: Up);
}

/// The page's sign of life, every second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// The view the page has drawn.
    pub seq: u64,
    /// Its name.
    pub screen: String,
    /// How long ago somebody touched the screen, in milliseconds.
    pub last_input_ms: u64,
    /// What it can play: `mp4`, `webm`.
    #[serde(default)]
    pub plays: Vec<String>,
    /// The version of the home content it has drawn.
    #[serde(default)]
    pub shown_content: Option<i64>,
    /// The showing that has ended.
    #[serde(default)]
    pub play_ended: Option<u64>,
}

/// Who wants to know that the page is alive, and what it has shown.
pub trait Watcher: Send + Sync {
    /// The page has told.
    fn beat(&self, beat: &Beat, at_ms: u64);
}

/// All of them.
#[derive(Clone)]
pub struct Ports {
    /// See [`Server`].
    pub server: std::sync::Arc<dyn Server>,
    /// See [`Press`].
    pub press: std::sync::Arc<dyn Press>,
    /// See [`Cards`].
    pub cards: std::sync::Arc<dyn Cards>,
    /// See [`Mouth`].
    pub mouth: std::sync::Arc<dyn Mouth>,
    /// See [`Watcher`].
    pub watcher: std::sync::Arc<dyn Watcher>,
    /// See [`Clock`].
    pub clock: std::sync::Arc<dyn Clock>,
}

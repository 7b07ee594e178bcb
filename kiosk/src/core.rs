//! What the window asks of the terminal: one answer each, at once.

use async_trait::async_trait;
use serde::Deserialize;
use terminal::{intent::Intent, view::View};

/// The page's sign of life, every second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    /// The newest view the page has drawn.
    pub seq: u64,
    /// The screen that stands there, by its name.
    pub screen: String,
    /// How long ago somebody touched the page, in milliseconds.
    pub last_input_ms: u64,
    /// The films it can play: `mp4`, `webm`.
    pub plays: Vec<String>,
    /// The version of the home content that is really on the screen.
    pub shown_content: Option<i64>,
    /// A showing of an advert that has come to its end.
    pub play_ended: Option<u64>,
}

/// The terminal as its window sees it. Neither call waits for anything outside the process.
#[async_trait]
pub trait Core: Send + Sync {
    /// Hears that the page lives, and says what it has to draw.
    fn beat(&self, beat: Beat) -> View;
    /// Hears what was touched, and says what the page has to draw now.
    async fn intent(&self, intent: Intent) -> View;
}

//! What the window asks of whoever knows what is right: one answer each, at once.

use async_trait::async_trait;
use terminal::{engine::Beat, intent::Intent, view::View};

/// The terminal as its window sees it. No call waits for anything outside the process.
#[async_trait]
pub trait Core: Send + Sync {
    /// Hears that the page lives, and says what it has to draw.
    fn beat(&self, beat: &Beat) -> View;
    /// Hears what was touched, and says what the page has to draw now.
    async fn intent(&self, intent: Intent) -> View;
    /// Hears that the page is being brought back; `why` is a stable name.
    fn page_failed(&self, _why: &str) {}
    /// Hears that the idle screen was looked at and is not what it was.
    fn seen(&self) {}
    /// Names of the parts that stand still; none = well.
    fn still(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

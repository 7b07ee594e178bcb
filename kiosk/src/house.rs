//! The real kiosk behind its window: the terminal at work, with this machine around it.

use std::sync::Arc;

use async_trait::async_trait;
use terminal::{engine::Beat, intent::Intent, kiosk::Kiosk, view::View};

use crate::{cabinet::Cabinet, core::Core};

/// The terminal and the machine it stands in.
pub struct House {
    kiosk: Kiosk,
    cabinet: Arc<Cabinet>,
}

impl House {
    /// A kiosk at work in this cabinet.
    pub fn new(kiosk: Kiosk, cabinet: Arc<Cabinet>) -> House {
        House { kiosk, cabinet }
    }
}

#[async_trait]
impl Core for House {
    fn beat(&self, beat: &Beat) -> View {
        self.kiosk.engine().beat(beat)
    }

    async fn intent(&self, intent: Intent) -> View {
        self.kiosk.engine().intent(intent).await
    }

    fn page_failed(&self, why: &str) {
        self.kiosk.page_failed(why);
    }

    fn seen(&self) {
        self.cabinet.seen();
    }

    fn still(&self) -> Vec<&'static str> {
        self.kiosk.still()
    }
}

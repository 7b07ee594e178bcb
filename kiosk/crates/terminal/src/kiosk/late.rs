//! The server of a kiosk that may not be paired yet.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use crate::{
    call::{Call, Failure, Outcome},
    engine::Server,
    link::Link,
};

/// Answers nothing until there is a link.
#[derive(Default)]
pub(super) struct Late(OnceLock<Arc<Link>>);

impl Late {
    /// The link, which stays the same for as long as the process lives.
    pub(super) fn found(&self, link: Arc<Link>) {
        // A kiosk is paired once in a process; a second link would be the same one.
        let _first = self.0.set(link);
    }

    pub(super) fn link(&self) -> Option<&Arc<Link>> {
        self.0.get()
    }
}

#[async_trait]
impl Server for Late {
    async fn call(&self, call: Call) -> Outcome {
        match self.link() {
            Some(link) => link.call(call).await,
            None => Err(Failure::Lost),
        }
    }
}

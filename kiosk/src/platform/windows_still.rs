//! When the page cannot be kept up there is nothing to paint with here: the log says so, and the
//! window is tried again later.

use std::{thread, time::Duration};

use anyhow::Result;

/// So long it waits before the window is tried again.
const STANDS: Duration = Duration::from_secs(600);

/// Waits ten minutes.
///
/// # Errors
/// None here.
pub fn show() -> Result<()> {
    tracing::error!("still.without_a_page");
    thread::sleep(STANDS);
    Ok(())
}

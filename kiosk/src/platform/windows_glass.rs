//! The page under WebView2, as far as Tauri reaches it: it can be loaded again and given a script.
//! It is not looked at here; a page that dies is found by its silence.

use anyhow::{Result, bail};
use tauri::WebviewWindow;

/// Whether the screen can be looked at here.
pub const SEES: bool = false;
/// What keeps fingers from zooming and from leaving, with what Tauri would say otherwise: WebView2
/// takes it at its start.
pub const ARGUMENTS: &str = "--disable-pinch --overscroll-history-navigation=0 \
    --disable-features=msWebOOUI,msPdfOOUI,msSmartScreenProtection";

/// The page.
#[derive(Clone)]
pub struct Page(WebviewWindow);

/// Gives the window's page, locked down.
///
/// # Errors
/// None here.
pub fn with(window: &WebviewWindow, then: impl FnOnce(Page) + Send + 'static) -> Result<()> {
    then(Page(window.clone()));
    Ok(())
}

/// Loads it again.
pub fn reload(page: &Page) {
    if let Err(fault) = page.0.reload() {
        tracing::warn!(%fault, "page.unloaded");
    }
}

/// Ends its process; here it is loaded again, which ends what runs in it.
pub fn end(page: &Page) {
    reload(page);
}

/// Tells of the end of its process: never here, where its silence tells.
pub fn on_gone(_: &Page, _: impl Fn(&Page, bool) + 'static) {}

/// A picture of the screen.
pub fn picture(_: &Page, _: bool, done: impl FnOnce(Result<Vec<u8>>) + 'static) {
    done(Err(anyhow::anyhow!("there are no pictures of the screen on this platform")));
}

/// Runs a script of our own in the page.
pub fn script(page: &Page, text: &str, done: impl FnOnce(Result<()>) + 'static) {
    done(page.0.eval(text).map_err(Into::into));
}

/// A number that stands for the picture of the screen.
pub fn digest(_: &Page, done: impl FnOnce(Result<u64>) + 'static) {
    let seen = || bail!("the screen cannot be looked at on this platform");
    done(seen());
}

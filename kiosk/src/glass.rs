//! The page's own WebKit view: locked down, looked at, ended and loaded again. Main thread only.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Context, Result, anyhow};
use gtk::{
    cairo, gdk,
    gdk_pixbuf::{InterpType, Pixbuf},
    gio, glib,
    prelude::*,
};
use tauri::WebviewWindow;
use webkit2gtk::{
    SnapshotOptions, SnapshotRegion, WebProcessTerminationReason, WebView, WebViewExt,
};

/// The largest picture that leaves the kiosk, in bytes.
pub const PICTURE_MAX: usize = 1_000_000;
/// Qualities of a JPEG, tried until the picture is small enough.
const QUALITIES: [&str; 4] = ["85", "70", "45", "20"];
/// Paints over what belongs to a person.
const MASK: &str = "document.documentElement.setAttribute('data-masked','')";
/// Takes the paint off again.
const UNMASK: &str = "document.documentElement.removeAttribute('data-masked')";

/// The page.
pub type Page = WebView;
/// Whether the screen can be looked at here.
pub const SEES: bool = true;

/// Gives the window's page, locked down, on the thread of the main loop.
///
/// # Errors
/// If the window is gone.
pub fn with(window: &WebviewWindow, then: impl FnOnce(Page) + Send + 'static) -> Result<()> {
    window.with_webview(move |inner| {
        let page = inner.inner();
        lock_down(&page);
        then(page);
    })?;
    Ok(())
}

/// Loads it again.
pub fn reload(page: &Page) {
    page.reload();
}

/// Ends its process; [`on_gone`] then tells.
pub fn end(page: &Page) {
    page.terminate_web_process();
}

/// Tells of the end of its process, and whether nobody here has ended it.
pub fn on_gone(page: &Page, told: impl Fn(&Page, bool) + 'static) {
    page.connect_web_process_terminated(move |page, reason| {
        tracing::warn!(?reason, "page.gone");
        told(page, reason != WebProcessTerminationReason::TerminatedByApi);
    });
}

/// Takes away what a finger must not find: the menu of a long press, and the pinch that zooms.
fn lock_down(view: &WebView) {
    view.connect_context_menu(|_, _, _, _| true);
    pinch_no_more(view);
}

/// WebKit has no switch for the pinch; its gesture is found by the name the library keeps it under,
/// and nobody hears it any more. What is told of it shows a library that keeps it elsewhere.
#[allow(unsafe_code)]
fn pinch_no_more(view: &WebView) {
    // SAFETY: under this name WebKitGTK keeps the GtkGesture of the view, alive as long as the
    // view; its handlers are ended on the main thread, where they would be called.
    let (before, after) = unsafe {
        let Some(found) = view.data::<gtk::ffi::GtkGestureZoom>("wk-view-zoom-gesture") else {
            tracing::warn!("pinch.unknown");
            return;
        };
        let gesture: gtk::GestureZoom = glib::translate::from_glib_none(found.as_ptr());
        let before = hears_pinch(&gesture);
        glib::gobject_ffi::g_signal_handlers_destroy(found.as_ptr().cast());
        (before, hears_pinch(&gesture))
    };
    tracing::info!(before, after, "pinch.heard");
}

/// Whether anybody would hear two fingers that move apart.
fn hears_pinch(gesture: &gtk::GestureZoom) -> bool {
    glib::subclass::SignalId::lookup("scale-changed", gesture.type_())
        .is_some_and(|signal| glib::signal::signal_has_handler_pending(gesture, signal, None, true))
}

/// A picture of the screen as a JPEG of [`PICTURE_MAX`] bytes at most, films included. What belongs
/// to a person is painted over while it is taken.
/// Half its size unless `full`.
pub fn picture(view: &WebView, full: bool, done: impl FnOnce(Result<Vec<u8>>) + 'static) {
    let shown = view.clone();
    script(view, MASK, move |masked| {
        if let Err(fault) = masked {
            // Without the mask there is no picture.
            return done(Err(anyhow!("the page does not mask itself: {fault}")));
        }
        look(&shown.clone(), move |seen| {
            script(&shown, UNMASK, |_| {});
            done(seen.and_then(|seen| packed(&if full { seen } else { half(&seen)? })));
        });
    });
}

/// Runs a script of our own in the page.
pub fn script(view: &WebView, text: &str, done: impl FnOnce(Result<()>) + 'static) {
    view.evaluate_javascript(text, None, None, gio::Cancellable::NONE, move |ran| {
        done(ran.map(|_| ()).map_err(Into::into));
    });
}

/// A number that stands for the picture of the screen; the picture itself goes nowhere.
pub fn digest(view: &WebView, done: impl FnOnce(Result<u64>) + 'static) {
    look(view, move |seen| {
        done(seen.map(|seen| {
            let mut hasher = DefaultHasher::new();
            seen.read_pixel_bytes().hash(&mut hasher);
            hasher.finish()
        }));
    });
}

fn look(view: &WebView, done: impl FnOnce(Result<Pixbuf>) + 'static) {
    let (region, options) = (SnapshotRegion::Visible, SnapshotOptions::NONE);
    view.snapshot(region, options, gio::Cancellable::NONE, move |surface| {
        done(surface.context("the screen cannot be looked at").and_then(|surface| {
            let image = cairo::ImageSurface::try_from(surface)
                .map_err(|_| anyhow!("the screen's picture is none"))?;
            gdk::pixbuf_get_from_surface(&image, 0, 0, image.width(), image.height())
                .context("the screen's picture is empty")
        }));
    });
}

fn half(seen: &Pixbuf) -> Result<Pixbuf> {
    let (width, height) = ((seen.width() / 2).max(1), (seen.height() / 2).max(1));
    seen.scale_simple(width, height, InterpType::Bilinear).context("the picture is too large")
}

fn packed(seen: &Pixbuf) -> Result<Vec<u8>> {
    for quality in QUALITIES {
        let bytes = seen.save_to_bufferv("jpeg", &[("quality", quality)])?;
        if bytes.len() <= PICTURE_MAX {
            return Ok(bytes);
        }
    }
    Err(anyhow!("the screen's picture is larger than {PICTURE_MAX} bytes"))
}

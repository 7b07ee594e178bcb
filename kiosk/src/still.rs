//! A page without WebKit, for when the page cannot be kept up: what is wrong and whom to ask.

use std::time::Duration;

use anyhow::{Context, Result};
use gtk::{glib, pango, prelude::*};

use crate::{life, platform};

/// So long it stands before the window is tried again.
const STANDS: Duration = Duration::from_secs(600);
/// Between two words to systemd that it still stands, at most.
const TURN: Duration = Duration::from_millis(250);
const WORDS: &str = "暂停服务\nOut of service\n\n付过的钱不会丢，也不会重复入账\n\
    Money you paid is safe and booked once";
/// The size of its letters, in points.
const POINTS: i32 = 40;

/// Shows it, full screen, for ten minutes.
///
/// # Errors
/// If there is no display.
pub fn show() -> Result<()> {
    gtk::init().context("there is no display")?;
    let window = gtk::Window::new(gtk::WindowType::Toplevel);
    window.set_decorated(false);
    window.fullscreen();
    let label = gtk::Label::new(Some(WORDS));
    label.set_justify(gtk::Justification::Center);
    let letters = pango::AttrList::new();
    letters.insert(pango::AttrSize::new(POINTS * pango::SCALE));
    label.set_attributes(Some(&letters));
    window.add(&label);
    window.connect_delete_event(|_, _| glib::Propagation::Stop);
    window.show_all();
    glib::timeout_add_local_once(STANDS, gtk::main_quit);
    // systemd would take one that says nothing for one that hangs.
    life::stands();
    let mut told = life::Teller::default();
    platform::every(TURN, move || told.tell(platform::monotonic_ms(), true));
    tracing::error!("still.shown");
    gtk::main();
    Ok(())
}

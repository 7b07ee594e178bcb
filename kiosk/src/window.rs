//! The one window: full screen, going nowhere, watched.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::Receiver,
    },
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::Value;
use tauri::{
    AppHandle, RunEvent, State, Url, WebviewUrl, WebviewWindowBuilder, WindowEvent,
    webview::NewWindowResponse,
};
use terminal::{engine::Beat, intent::Intent, view::View};

use crate::{
    core::Core,
    glass::{self, Page},
    life,
    order::Order,
    platform,
    watch::{Act, SIGHT_MS, Watch},
};

/// The window's name, in the capability file as well.
const NAME: &str = "main";
/// Where the page comes from, for whoever serves it files.
pub const ORIGIN: &str = platform::ORIGIN;
/// Between two looks at the page's life.
const TICK: Duration = Duration::from_millis(250);
/// A screen on which nobody stands; only such a one is held to change.
const IDLE: &str = "home";

/// What the commands share with the watch.
struct Shell {
    core: Arc<dyn Core>,
    pulse: Arc<Pulse>,
    runtime: PathBuf,
    exhibit: Exhibit,
}

/// A view of a rehearsal that is shown in place of the terminal's, to look at a screen.
type Exhibit = Arc<Mutex<Option<Value>>>;

/// The page's life, as its beats tell it.
struct Pulse {
    watch: Mutex<Watch>,
    screen: Mutex<String>,
    quitting: AtomicBool,
}

impl Pulse {
    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn screen(&self) -> MutexGuard<'_, String> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds of the clock that never jumps.
fn now_ms() -> u64 {
    platform::monotonic_ms()
}

/// The page's sign of life; the answer is what it has to draw.
#[tauri::command(async)]
fn beat(shell: State<'_, Shell>, beat: Beat) -> Result<Value, String> {
    let first = {
        let mut watch = shell.pulse.watch();
        let first = !watch.has_beaten();
        watch.beat(now_ms());
        if beat.screen != IDLE {
            watch.in_use();
        }
        first
    };
    shell.pulse.screen().clone_from(&beat.screen);
    let drawn = beat.seq;
    let view = shell.core.beat(&beat);
    if first {
        life::ready(&shell.runtime);
        tracing::info!("page.up");
    }
    let exhibit = shell.exhibit.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(exhibit) = exhibit {
        if exhibit["seq"] == drawn {
            tracing::info!(drawn, "exhibit.drawn");
        }
        return Ok(exhibit);
    }
    serde_json::to_value(view).map_err(|fault| fault.to_string())
}

/// What was touched; the answer is what the page has to draw now.
#[tauri::command]
async fn intent(shell: State<'_, Shell>, intent: Intent) -> Result<View, ()> {
    Ok(shell.core.intent(intent).await)
}

/// How large the window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The whole panel, and no way out of it.
    Panel,
    /// A window like others, of these pixels: to try the kiosk on a desk.
    Desk(u32, u32),
}

/// Whether a test drives the page, which the unit's environment forbids. WebKit's driver knows no
/// page without a trace: that has a context of its own.
fn is_driven() -> bool {
    std::env::var_os("TAURI_WEBVIEW_AUTOMATION").is_some_and(|word| word == "true")
}

/// Whether the page may go there: it stays with itself.
fn is_own(url: &Url) -> bool {
    let place =
        |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port());
    ORIGIN.parse().is_ok_and(|own| place(&own) == place(url))
}

/// Opens the window and stays until an order ends it. `runtime` is where the sign that the page is
/// up is left.
///
/// # Errors
/// If there is no display, or the window cannot be made.
pub fn run(
    core: Arc<dyn Core>,
    frame: Frame,
    orders: Receiver<Order>,
    runtime: PathBuf,
) -> Result<()> {
    let pulse = Arc::new(Pulse {
        watch: Mutex::new(Watch::new(now_ms())),
        screen: Mutex::default(),
        quitting: AtomicBool::new(false),
    });
    let exhibit = Exhibit::default();
    let shell =
        Shell { core: core.clone(), pulse: pulse.clone(), runtime, exhibit: exhibit.clone() };
    let app = tauri::Builder::default()
        .manage(shell)
        .invoke_handler(tauri::generate_handler![beat, intent])
        .setup({
            let pulse = pulse.clone();
            move |app| {
                let room = Room { core, pulse, exhibit };
                Ok(open(app.handle(), frame, room, orders)?)
            }
        })
        .on_window_event(move |_, event| {
            if frame == Frame::Panel
                && let WindowEvent::CloseRequested { api, .. } = event
            {
                api.prevent_close();
            }
        })
        .build(tauri::generate_context!())
        .context("the window cannot be made")?;
    app.run(move |_, event| {
        if let RunEvent::ExitRequested { api, code, .. } = event {
            // Without a code it is the last window that has closed; nobody has asked for that.
            if frame == Frame::Panel && code.is_none() && !pulse.quitting.load(Ordering::Relaxed) {
                api.prevent_exit();
            }
        }
    });
    Ok(())
}

fn open(app: &AppHandle, frame: Frame, room: Room, orders: Receiver<Order>) -> Result<()> {
    let window = WebviewWindowBuilder::new(app, NAME, WebviewUrl::App("index.html".into()))
        .title("预付 自助终端")
        .focused(true)
        .incognito(!is_driven())
        .zoom_hotkeys_enabled(false)
        .on_navigation(is_own)
        .on_new_window(|_, _| NewWindowResponse::Deny);
    let window = match frame {
        Frame::Panel => window
            .fullscreen(true)
            .decorations(false)
            .resizable(false)
            .always_on_top(true)
            .skip_taskbar(true),
        Frame::Desk(width, height) => window.inner_size(f64::from(width), f64::from(height)),
    };
    #[cfg(windows)]
    let window = window.additional_browser_args(glass::ARGUMENTS);
    let window = window.build()?;
    let handle = app.clone();
    glass::with(&window, move |view| {
        guard(&view, &handle, &room);
        obey(view, handle, room, orders);
    })
}

/// Does what the watch says.
fn act(view: &Page, app: &AppHandle, core: &Arc<dyn Core>, act: Act) {
    match act {
        Act::Reload => {
            tracing::warn!("page.reload");
            glass::reload(view);
        }
        Act::Terminate => {
            tracing::warn!("page.end");
            core.page_failed("page_hung");
            glass::end(view);
        }
        Act::Exit => {
            tracing::error!("page.given_up");
            app.exit(life::FAILED);
        }
    }
}

/// Hears the page's crash, and looks at its life a few times a second.
fn guard(view: &Page, app: &AppHandle, room: &Room) {
    let heard = (app.clone(), room.clone());
    glass::on_gone(view, move |view, by_itself| {
        if by_itself {
            heard.1.core.page_failed("page_crashed");
        }
        let what = heard.1.pulse.watch().gone(now_ms());
        act(view, &heard.0, &heard.1.core, what);
    });
    let (view, app, room) = (view.clone(), app.clone(), room.clone());
    let mut told = life::Teller::default();
    platform::every(TICK, move || {
        let now = now_ms();
        let idle = *room.pulse.screen() == IDLE;
        let (what, well, sight) = {
            let mut watch = room.pulse.watch();
            let what = watch.tick(now).or_else(|| if idle { watch.idle(now) } else { None });
            (what, watch.is_well(now), watch.wants_sight(now))
        };
        if let Some(what) = what {
            act(&view, &app, &room.core, what);
        }
        if glass::SEES && sight && idle {
            see(&view, &app, &room, now);
        }
        told.tell(now, well && room.core.still().is_empty());
    });
}

/// Looks at the idle screen: the same picture twice is a frozen screen under a living page.
fn see(view: &Page, app: &AppHandle, room: &Room, now: u64) {
    let again = (view.clone(), app.clone(), room.clone());
    glass::digest(view, move |seen| match seen {
        Ok(digest) => {
            let what = again.2.pulse.watch().seen(now, digest);
            tracing::debug!(frozen = what.is_some(), "page.seen");
            match what {
                Some(what) => {
                    tracing::warn!("page.frozen");
                    act(&again.0, &again.1, &again.2.core, what);
                }
                None => again.2.core.seen(),
            }
        }
        Err(fault) => tracing::warn!(%fault, "page.unseen"),
    });
}

/// What the watch and the orders reach besides the page.
#[derive(Clone)]
struct Room {
    core: Arc<dyn Core>,
    pulse: Arc<Pulse>,
    exhibit: Exhibit,
}

/// Does what is asked from outside the page, between two turns of the main loop.
fn obey(view: Page, app: AppHandle, room: Room, orders: Receiver<Order>) {
    let mut looks = 0;
    platform::every(TICK / 5, move || {
        while let Ok(order) = orders.try_recv() {
            match order {
                Order::Picture { full, answer } => glass::picture(&view, full, move |seen| {
                    // Who asked may have gone; the picture then goes nowhere.
                    let _ = answer.send(seen);
                }),
                Order::Script(script) => {
                    // A script that loops for ever never answers.
                    glass::script(&view, &script, |_| {});
                }
                Order::Show(exhibit) => {
                    let mut shown = room.exhibit.lock().unwrap_or_else(PoisonError::into_inner);
                    *shown = (!exhibit.is_null()).then_some(exhibit);
                }
                Order::Look => {
                    if *room.pulse.screen() == IDLE {
                        // It counts as the next one that is due.
                        looks += 1;
                        see(&view, &app, &room, now_ms() + looks * SIGHT_MS);
                    }
                }
                Order::Quit => {
                    room.pulse.quitting.store(true, Ordering::Relaxed);
                    app.exit(0);
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_goes_nowhere_but_to_itself() {
        let cases = [
            ("tauri://localhost/index.html", true),
            ("tauri://localhost/", true),
            ("tauri://elsewhere/index.html", false),
            ("http://127.0.0.1:4807/", false),
            ("https://example.com/", false),
            ("file:///etc/passwd", false),
            ("about:blank", false),
            ("javascript:alert(1)", false),
        ];
        for (url, want) in cases {
            assert_eq!(is_own(&url.parse().unwrap()), want, "{url}");
        }
    }
}

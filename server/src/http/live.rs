//! The live page of the site: its files, its state, and the stream of its states.
//!
//! The state is worked out at most once a second for everybody together, however many look; when
//! nobody looks, nothing is worked out. Without `server.live_page` none of it exists.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data, ServiceConfig},
};
use bytes::Bytes;
use rust_embed::RustEmbed;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{App, Code, Problem, client::Client, error::Result};
use crate::operator::budget::network;

pub mod state;

/// How often the state is worked out at most.
pub const FRESH_FOR: Duration = Duration::from_secs(1);
/// The rest of a turn is ten times what working out took, so that a large site is not kept busy.
const REST_FACTOR: u32 = 10;
/// Streams open at once.
pub const STREAMS_MAX: usize = 200;
/// Streams open at once from one address: some screens in the hall and some phones behind one
/// router, and no stranger who takes every place.
pub const STREAMS_PER_ADDRESS_MAX: usize = 20;

/// The page's files, built in.
#[derive(RustEmbed)]
#[folder = "../web/live"]
struct Files;

/// The last state and those who listen for the next.
pub struct LiveDesk {
    last: tokio::sync::Mutex<Last>,
    told: watch::Sender<Arc<str>>,
    places: Arc<Semaphore>,
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    took: Mutex<Duration>,
}

/// A place for one stream; it is free again when this is dropped.
struct Place {
    _of_all: OwnedSemaphorePermit,
    from: IpAddr,
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get_mut(&self.from).map_or(0, |count| {
            *count -= 1;
            *count
        });
        if left == 0 {
            open.remove(&self.from);
        }
    }
}

struct Last {
    at: Option<Duration>,
    text: Arc<str>,
}

impl Default for LiveDesk {
    fn default() -> Self {
        LiveDesk {
            last: tokio::sync::Mutex::new(Last { at: None, text: "{}".into() }),
            told: watch::Sender::new("{}".into()),
            places: Arc::new(Semaphore::new(STREAMS_MAX)),
            addresses: Arc::default(),
            took: Mutex::new(Duration::ZERO),
        }
    }
}

impl LiveDesk {
    /// The state, not older than the rest between two looks. Whoever comes while it is worked out
    /// waits for that one.
    pub async fn state(&self, app: &App) -> Result<Arc<str>> {
        let mut last = self.last.lock().await;
        let now = app.clock.monotonic();
        if last.at.is_some_and(|at| now.saturating_sub(at) < self.rest()) {
            return Ok(Arc::clone(&last.text));
        }
        let state = state::work_out(&app.house, app.server.demo).await?;
        let text = serde_json::to_string(&state);
        let text = text.map_err(|error| Problem::new(Code::Internal).because(error))?;
        last.text = text.into();
        last.at = Some(app.clock.monotonic());
        let took = app.clock.monotonic().saturating_sub(now);
        *self.took.lock().unwrap_or_else(PoisonError::into_inner) = took;
        Ok(Arc::clone(&last.text))
    }

    /// A place for a stream, if there is one for this address.
    fn place(&self, from: IpAddr) -> Option<Place> {
        let from = network(from);
        let of_all = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let mut open = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(from).or_default();
        if *count >= STREAMS_PER_ADDRESS_MAX {
            return None;
        }
        *count += 1;
        Some(Place { _of_all: of_all, from, addresses: Arc::clone(&self.addresses) })
    }

    /// How long to wait before the next look, whoever asks: the stream or a page that polls.
    fn rest(&self) -> Duration {
        rest_after(*self.took.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn rest_after(took: Duration) -> Duration {
    FRESH_FOR.max(took.saturating_mul(REST_FACTOR))
}

/// Tells the streams each new state, while there are any.
pub async fn tell(app: Data<App>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(app.live.rest()) => {}
            _ = stop.changed() => return,
        }
        if app.live.told.receiver_count() == 0 {
            continue;
        }
        match app.live.state(&app).await {
            Ok(text) => {
                app.live.told.send_replace(text);
            }
            Err(problem) => tracing::warn!(cause = problem.cause(), "no state for the live page"),
        }
    }
}

/// Serves the page, its state and its stream.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/live/state").route(web::get().to(current)))
        .service(web::resource("/live/events").route(web::get().to(events)))
        .service(web::resource("/live").route(web::get().to(page)))
        .service(web::resource("/live/{file:.*}").route(web::get().to(page)));
}

fn must_be_on(app: &App) -> Result<()> {
    if app.server.live_page { Ok(()) } else { Err(Problem::new(Code::NoSuchRoute)) }
}

async fn current(app: Data<App>) -> Result<HttpResponse> {
    must_be_on(&app)?;
    let text = app.live.state(&app).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text.to_string()))
}

/// Server-sent events (WHATWG HTML §9.2): the state now, then each new one.
async fn events(request: HttpRequest, app: Data<App>) -> Result<HttpResponse> {
    must_be_on(&app)?;
    let from = Client::of(&request, app.server.trusted_proxies).ip;
    let place = app.live.place(from);
    let place = place.ok_or_else(|| Problem::new(Code::Overloaded).retry_after(15))?;
    let first = app.live.state(&app).await?;
    let told = app.live.told.subscribe();
    let stopping = app.stopping.clone();
    let stream = Stream { first: Some(first), told, stopping, _place: place };
    let stream = futures::stream::unfold(stream, next);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(stream))
}

struct Stream {
    first: Option<Arc<str>>,
    told: watch::Receiver<Arc<str>>,
    stopping: watch::Receiver<bool>,
    _place: Place,
}

async fn next(mut stream: Stream) -> Option<(Result<Bytes, actix_web::Error>, Stream)> {
    let text = match stream.first.take() {
        Some(first) => first,
        None => {
            tokio::select! {
                told = stream.told.changed() => told.ok()?,
                _ = stream.stopping.changed() => return None,
            }
            Arc::clone(&stream.told.borrow_and_update())
        }
    };
    // JSON text has no line breaks, so one event is one line.
    Some((Ok(Bytes::from(format!("event: state\ndata: {text}\n\n"))), stream))
}

async fn page(request: HttpRequest, app: Data<App>) -> Result<HttpResponse> {
    must_be_on(&app)?;
    let name = request.match_info().get("file").filter(|name| !name.is_empty());
    let name = name.unwrap_or("index.html");
    let file = Files::get(name).ok_or_else(|| Problem::new(Code::NoSuchRoute))?;
    let hash = file.metadata.sha256_hash();
    let tag = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
    let tag = format!("\"{tag}\"");
    let known = request.headers().get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok(HttpResponse::NotModified().finish());
    }
    Ok(HttpResponse::Ok()
        .content_type(media_type(name))
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(file.data.into_owned()))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_site_is_not_worked_out_for_every_poll() {
        let ms = Duration::from_millis;
        let table = [(0, 1_000), (99, 1_000), (101, 1_010), (900, 9_000)];
        for (took, rest) in table {
            assert_eq!(rest_after(ms(took)), ms(rest), "{took}");
        }
    }

    #[test]
    fn one_address_does_not_take_every_place_of_the_live_page() {
        let desk = LiveDesk::default();
        let (hall, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let mut held: Vec<_> = (0..STREAMS_PER_ADDRESS_MAX).map(|_| desk.place(hall)).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(desk.place(hall).is_none() && desk.place(other).is_some());
        held.pop();
        let again = desk.place(hall);
        assert!(again.is_some() && desk.place(hall).is_none(), "a closed stream frees its place");
        drop((held, again));
        assert!(desk.addresses.lock().unwrap().is_empty(), "nobody is remembered");
        assert_eq!(desk.places.available_permits(), STREAMS_MAX);
    }

    #[test]
    fn the_page_is_built_in_and_loads_nothing_from_elsewhere() {
        let page = Files::get("index.html").unwrap();
        let text = String::from_utf8(page.data.into_owned()).unwrap();
        for line in text.lines().filter(|line| line.contains("src=") || line.contains("href=")) {
            assert!(!line.contains("http://") && !line.contains("https://"), "{line}");
            assert!(!line.contains("<script>"), "inline scripts are refused: {line}");
        }
        assert_eq!(media_type("live.js"), "text/javascript; charset=utf-8");
    }
}

//! The loopback server the page plays adverts from: WebKit on Linux plays films over HTTP only.
//!
//! It listens on this machine alone, under a path nobody can guess, and serves nothing but the
//! files of the content on the screen.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::{self, SeekFrom},
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bytes::Bytes;
use futures::{Stream, stream};
use http_body_util::{BodyExt, Empty, StreamBody, combinators::BoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use kiosk_wire::content::File;
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncSeekExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};

use crate::{ambient::Ambient, hex};

/// The most connections at a time; a page uses a handful.
pub const CONNECTIONS_MAX: usize = 32;
/// The bytes of one piece of a file.
const PIECE: usize = 64 * 1024;

type Body = BoxBody<Bytes, io::Error>;

#[derive(Clone, Debug)]
struct Served {
    path: PathBuf,
    media_type: HeaderValue,
}

struct Shelf {
    host: String,
    token: String,
    origin: Option<HeaderValue>,
    files: RwLock<BTreeMap<String, Served>>,
}

/// The server; it ends when this is dropped.
pub struct Media {
    shelf: Arc<Shelf>,
    listening: JoinHandle<()>,
}

impl Drop for Media {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Media {
    /// Listens on a port of the system's choice. `origin` is the page's own.
    pub async fn start(ambient: &dyn Ambient, origin: Option<&str>) -> io::Result<Media> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let mut token = [0; 32];
        ambient.random(&mut token);
        let shelf = Arc::new(Shelf {
            host: listener.local_addr()?.to_string(),
            token: hex::encode(&token),
            origin: origin.and_then(|origin| HeaderValue::from_str(origin).ok()),
            files: RwLock::default(),
        });
        let listening = tokio::spawn(listen(listener, Arc::clone(&shelf)));
        Ok(Media { shelf, listening })
    }

    /// Where the files lie: `http://127.0.0.1:PORT/TOKEN`.
    pub fn base(&self) -> String {
        format!("http://{}/{}", self.shelf.host, self.shelf.token)
    }

    /// Where the page finds a file.
    pub fn address(&self, sha256: &str) -> String {
        format!("{}/{sha256}", self.base())
    }

    /// Serves these files and no others from now on.
    pub fn serve(&self, files: impl IntoIterator<Item = (File, PathBuf)>) {
        let served = |(file, path): (File, PathBuf)| {
            let media_type = HeaderValue::from_str(&file.media_type).ok()?;
            Some((file.sha256, Served { path, media_type }))
        };
        let files = files.into_iter().filter_map(served).collect();
        *self.shelf.files.write().unwrap_or_else(PoisonError::into_inner) = files;
    }
}

async fn listen(listener: TcpListener, shelf: Arc<Shelf>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        // An accept that fails is one connection less, not the end of all.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let shelf = Arc::clone(&shelf);
        tokio::spawn(async move {
            connection(stream, shelf).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, shelf: Arc<Shelf>) {
    let service = service_fn(move |request| {
        let shelf = Arc::clone(&shelf);
        async move { Ok::<_, Infallible>(shelf.answer(&request).await) }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "the page left in the middle of a file");
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
}

impl Shelf {
    /// Invariant: nothing is answered with a file but a GET or HEAD under the token for what is on
    /// the screen (`only_what_is_on_the_screen_is_served_under_the_token_on_this_machine`).
    async fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        if host != Some(self.host.as_str()) {
            // Another name for this machine is somebody else's page.
            return empty(StatusCode::FORBIDDEN);
        }
        let Some(served) = self.find(request.uri().path()) else {
            return empty(StatusCode::NOT_FOUND);
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let asked = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
        let head = request.method() == Method::HEAD;
        let mut response = match file(&served, asked, head).await {
            Ok(response) => response,
            Err(error) => {
                tracing::warn!(%error, "a file of the screen cannot be read");
                return empty(StatusCode::NOT_FOUND);
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, served.media_type);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(origin) = &self.origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        response
    }

    fn find(&self, path: &str) -> Option<Served> {
        let (token, sha256) = path.strip_prefix('/')?.split_once('/')?;
        verify_slices_are_equal(token.as_bytes(), self.token.as_bytes()).ok()?;
        self.files.read().unwrap_or_else(PoisonError::into_inner).get(sha256).cloned()
    }
}

async fn file(served: &Served, asked: Option<&str>, head: bool) -> io::Result<Response<Body>> {
    let mut file = fs::File::open(&served.path).await?;
    let length = file.metadata().await?.len();
    let (status, from, count) = match range(asked, length) {
        Range::Whole => (StatusCode::OK, 0, length),
        Range::Part { from, until } => (StatusCode::PARTIAL_CONTENT, from, until - from + 1),
        Range::Beyond => {
            let mut response = empty(StatusCode::RANGE_NOT_SATISFIABLE);
            set(&mut response, header::CONTENT_RANGE, format!("bytes */{length}"));
            return Ok(response);
        }
    };
    let mut response = if head {
        empty(status)
    } else {
        file.seek(SeekFrom::Start(from)).await?;
        let mut response = Response::new(StreamBody::new(pieces(file, count)).boxed());
        *response.status_mut() = status;
        response
    };
    set(&mut response, header::CONTENT_LENGTH, count.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {from}-{}/{length}", from + count - 1);
        set(&mut response, header::CONTENT_RANGE, range);
    }
    Ok(response)
}

fn set(response: &mut Response<Body>, name: header::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(name, value);
    }
}

fn pieces(file: fs::File, count: u64) -> impl Stream<Item = io::Result<Frame<Bytes>>> + Send {
    stream::try_unfold((file, count), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let size = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; size];
        let n = file.read(&mut piece).await?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(n);
        let left = left.saturating_sub(u64::try_from(n).unwrap_or(0));
        Ok(Some((Frame::data(Bytes::from(piece)), (file, left))))
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    Whole,
    Part { from: u64, until: u64 },
    Beyond,
}

/// Reads a range (RFC 9110 section 14.2): what is not one range of bytes is passed over, as it
/// says; what is one beyond the end is refused.
fn range(asked: Option<&str>, length: u64) -> Range {
    let part = || -> Option<(Option<u64>, Option<u64>)> {
        let (first, last) = asked?.strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| -> Option<Option<u64>> {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            match text {
                "" => Some(None),
                _ if digits => Some(Some(text.parse().unwrap_or(u64::MAX))),
                _ => None,
            }
        };
        Some((number(first)?, number(last)?))
    };
    let end = length.saturating_sub(1);
    match part() {
        None | Some((None, None)) => Range::Whole,
        Some((Some(from), Some(until))) if until < from => Range::Whole,
        Some((Some(from), _)) if from >= length => Range::Beyond,
        Some((Some(from), until)) => Range::Part { from, until: until.unwrap_or(end).min(end) },
        Some((None, Some(0))) => Range::Beyond,
        Some((None, Some(_))) if length == 0 => Range::Beyond,
        Some((None, Some(last))) => Range::Part { from: length.saturating_sub(last), until: end },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_rfc_9110_says() {
        let part = |from, until| Range::Part { from, until };
        let table = [
            (None, 10, Range::Whole),
            (Some("bytes=0-"), 10, part(0, 9)),
            (Some("bytes=0-0"), 10, part(0, 0)),
            (Some("bytes=3-5"), 10, part(3, 5)),
            (Some("bytes=3-500"), 10, part(3, 9)),
            (Some("bytes=9-"), 10, part(9, 9)),
            (Some("bytes=10-"), 10, Range::Beyond),
            (Some("bytes=99999999999999999999999-"), 10, Range::Beyond),
            (Some("bytes=-3"), 10, part(7, 9)),
            (Some("bytes=-30"), 10, part(0, 9)),
            (Some("bytes=-0"), 10, Range::Beyond),
            (Some("bytes=0-"), 0, Range::Beyond),
            (Some("bytes=-5"), 0, Range::Beyond),
            (Some("bytes=5-3"), 10, Range::Whole),
            (Some("bytes=-"), 10, Range::Whole),
            (Some("bytes=a-b"), 10, Range::Whole),
            (Some("bytes=+1-3"), 10, Range::Whole),
            (Some("bytes=0-1,3-4"), 10, Range::Whole),
            (Some("lines=0-1"), 10, Range::Whole),
            (Some("bytes"), 10, Range::Whole),
        ];
        for (asked, length, want) in table {
            assert_eq!(range(asked, length), want, "{asked:?} of {length}");
        }
    }
}

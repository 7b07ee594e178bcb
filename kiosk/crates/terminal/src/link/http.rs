//! One request and its answer, bounded in time and bytes. Follows nothing, retries nothing,
//! decodes nothing, keeps no cookies.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::{Client, Method, Response, header};
use rustls::ClientConfig;
use url::Url;

use super::{
    server::{LinkError, LinkSettings},
    time::SharedTime,
};
use crate::{ambient::Ambient, call::Failure};

/// The largest answer that is read, in bytes; files have their own bound.
pub const BODY_MAX: usize = 1024 * 1024;
/// How long a file may stand still while it is fetched, in milliseconds.
pub const CHUNK_MS: u64 = 20_000;
/// How long connecting may take at most, whatever the deadline of the request.
const CONNECT_MAX: Duration = Duration::from_secs(8);
/// Connections nobody uses are closed after this.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

/// A request, below `/api/kiosk/v1`.
pub(super) struct Request<'a> {
    pub method: Method,
    pub path: &'a [&'a str],
    pub query: Option<(&'a str, &'a str)>,
    pub media_type: &'a str,
    pub body: Option<Vec<u8>>,
    pub deadline_ms: u64,
}

impl<'a> Request<'a> {
    /// A question.
    pub fn get(path: &'a [&'a str], deadline_ms: u64) -> Request<'a> {
        let media_type = "application/json";
        Request { method: Method::GET, path, query: None, media_type, body: None, deadline_ms }
    }

    /// Something to take.
    pub fn post(path: &'a [&'a str], body: Vec<u8>, deadline_ms: u64) -> Request<'a> {
        Request { method: Method::POST, body: Some(body), ..Request::get(path, deadline_ms) }
    }
}

/// The one client.
pub(super) struct Http {
    client: Client,
    server: Url,
    pub tls: Arc<ClientConfig>,
    pub time: SharedTime,
    pub ambient: Arc<dyn Ambient>,
}

/// Whether nothing can listen on the way: then it need not be encrypted.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl Http {
    /// Invariant: nothing but this machine itself is spoken to without TLS
    /// (`a_server_elsewhere_is_only_spoken_to_over_tls`).
    pub fn new(settings: &LinkSettings, ambient: Arc<dyn Ambient>) -> Result<Http, LinkError> {
        let server = settings.server.clone();
        let good = match server.scheme() {
            "https" => server.has_host(),
            "http" => is_loopback(&server),
            _ => false,
        };
        if !good || server.cannot_be_a_base() {
            return Err(LinkError::Address);
        }
        let time = SharedTime::not_before(settings.not_before, Arc::clone(&ambient));
        let tls = settings.trust.config(time.clone())?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_MAX)
            .pool_idle_timeout(IDLE_MAX)
            .no_proxy()
            .build()?;
        Ok(Http { client, server, tls: Arc::new(tls), time, ambient })
    }

    /// The address of a path; what stands in it is escaped.
    pub fn url(&self, path: &[&str], query: Option<(&str, &str)>) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(["api", "kiosk", "v1"]).extend(path);
        }
        if let Some((name, value)) = query {
            url.query_pairs_mut().append_pair(name, value);
        }
        url
    }

    /// Sends one request once; `None` where nobody knows what came of it.
    pub async fn send(&self, request: Request<'_>, token: Option<&str>) -> Option<Reply> {
        let url = self.url(request.path, request.query);
        let mut builder = self.client.request(request.method, url);
        if let Some(token) = token {
            builder = builder.bearer_auth(token);
        }
        if let Some(body) = request.body {
            builder = builder.header(header::CONTENT_TYPE, request.media_type).body(body);
        }
        let whole = async {
            let answer = builder.send().await.map_err(|error| not_heard(&error)).ok()?;
            self.dated(&answer);
            let status = answer.status().as_u16();
            Some(Reply { status, body: read(answer).await? })
        };
        tokio::select! {
            reply = whole => reply,
            () = self.ambient.sleep(request.deadline_ms) => None,
        }
    }

    /// Every answer says that it is not earlier than its `Date`.
    fn dated(&self, answer: &Response) {
        let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        if let Some(Ok(date)) = date.map(DateTime::parse_from_rfc2822) {
            self.time.at_least(date.with_timezone(&Utc));
        }
    }

    /// Begins to fetch a file at a byte.
    pub async fn download(&self, sha256: &str, from: u64, token: &str) -> Option<Download> {
        let url = self.url(&["files", sha256], None);
        let mut builder = self.client.get(url).bearer_auth(token);
        if from > 0 {
            builder = builder.header(header::RANGE, format!("bytes={from}-"));
        }
        let answer = tokio::select! {
            answer = builder.send() => answer.map_err(|error| not_heard(&error)).ok()?,
            () = self.ambient.sleep(CHUNK_MS) => return None,
        };
        let status = answer.status().as_u16();
        let range = answer.headers().get(header::CONTENT_RANGE).and_then(|r| r.to_str().ok());
        let start = match status {
            206 => range.and_then(first_byte)?,
            _ => 0,
        };
        let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_problem = kind.is_some_and(|kind| kind.starts_with("application/problem+json"));
        let ambient = Arc::clone(&self.ambient);
        Some(Download { answer, status, start, is_problem, ambient })
    }
}

fn not_heard(error: &reqwest::Error) {
    // Where to and why, never what was asked: the address may name a meter.
    tracing::debug!(connect = error.is_connect(), timeout = error.is_timeout(), "no answer");
}

async fn read(mut answer: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        if body.len() + chunk.len() > BODY_MAX {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

/// The first byte of `bytes 100-199/200`.
fn first_byte(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// A file that is being fetched.
pub struct Download {
    answer: Response,
    ambient: Arc<dyn Ambient>,
    /// 200 for the whole file, 206 for the rest of it, anything else for none.
    pub status: u16,
    /// The byte it begins with.
    pub start: u64,
    /// Whether it is the server's own word that there is no such file.
    pub is_problem: bool,
}

impl Download {
    /// The next part; `Ok(None)` at its end. A line that breaks or stands still is
    /// [`Failure::Lost`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        tokio::select! {
            chunk = self.answer.chunk() => chunk.map_err(|_| Failure::Lost),
            () = self.ambient.sleep(CHUNK_MS) => Err(Failure::Lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ambient::Manual, link::trust::Trust};

    fn http(server: &str) -> Result<Http, LinkError> {
        let now = "2026-11-21T06:00:00Z".parse().unwrap();
        let settings = LinkSettings {
            server: server.parse().map_err(|_| LinkError::Address)?,
            trust: Trust::default(),
            not_before: now,
        };
        Http::new(&settings, Arc::new(Manual::at(now, 1)))
    }

    #[test]
    fn a_server_elsewhere_is_only_spoken_to_over_tls() {
        let good = ["https://yufu.example", "https://10.0.0.1:8443/yufu/", "http://127.0.0.1:8080"];
        for server in good {
            assert!(http(server).is_ok(), "{server}");
        }
        let bad = ["http://yufu.example", "http://127.0.0.1.example", "ftp://localhost", "data:x"];
        for server in bad {
            assert!(matches!(http(server), Err(LinkError::Address)), "{server}");
        }
    }

    #[test]
    fn what_stands_in_a_path_or_a_query_stays_there() {
        let http = http("https://yufu.example/base/").unwrap();
        let table: [(&[&str], _, _); 4] = [
            (&["orders"], None, "orders"),
            (&["meters", "a/../b?c#d"], None, "meters/a%2F..%2Fb%3Fc%23d"),
            (&["meters", "电"], None, "meters/%E7%94%B5"),
            (&["rooms"], Some(("under", "5 栋&x=1")), "rooms?under=5+%E6%A0%8B%26x%3D1"),
        ];
        for (path, query, want) in table {
            let url = http.url(path, query);
            assert_eq!(url.as_str(), format!("https://yufu.example/base/api/kiosk/v1/{want}"));
        }
    }

    #[test]
    fn the_first_byte_of_a_range_is_read_or_nothing_is() {
        let table = [
            ("bytes 100-199/200", Some(100)),
            ("bytes 0-0/*", Some(0)),
            ("bytes */200", None),
            ("items 1-2/3", None),
            ("bytes x-1/2", None),
        ];
        for (text, want) in table {
            assert_eq!(first_byte(text), want, "{text}");
        }
    }
}

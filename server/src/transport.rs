//! The one HTTP client of the house.

use std::time::Duration;

use async_trait::async_trait;
use connector::{Headers, Method, Request, Response};
use futures::StreamExt;
use vending::transport::{Transport, TransportError};

/// How long connecting to a provider may take.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// How long a whole call may take; then its outcome is unknown.
const CALL_MAX: Duration = Duration::from_secs(10);

/// Sends requests over rustls. Follows no redirects, retries nothing, decodes nothing, keeps no
/// cookies, and reads at most the bytes the request allows (S7).
pub struct HttpTransport {
    client: reqwest::Client,
}

/// The HTTP client could not be set up; without it nothing can be paid.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct TransportSetupError(#[from] reqwest::Error);

impl HttpTransport {
    /// A client with the house's bounds.
    pub fn new() -> Result<Self, TransportSetupError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_MAX)
            .timeout(CALL_MAX)
            .pool_idle_timeout(Duration::from_secs(30))
            .no_proxy()
            .build()?;
        Ok(HttpTransport { client })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let mut builder = self.client.request(method, &request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let answer = builder.body(request.body).send().await.map_err(|error| {
            // Only a connection that never came to be proves that nothing was sent.
            if error.is_connect() { TransportError::NotSent } else { TransportError::NoAnswer }
        })?;
        let status = answer.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers =
            answer.headers().iter().map(|(n, v)| (n.as_str().to_owned(), text(v))).collect();
        let mut body = Vec::new();
        let mut stream = answer.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| TransportError::NoAnswer)?;
            if body.len() + chunk.len() > request.response_max {
                return Err(TransportError::NoAnswer);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, headers: Headers::new(headers), body })
    }
}

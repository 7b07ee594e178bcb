//! What every request goes through: a number in the log, the face of every failure, the headers.

use std::time::Duration;

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};

use super::{
    App,
    client::Client,
    error::{Language, Problem},
    headers,
};

/// The request's number, in the answer's header and in the log.
pub const TRACE_HEADER: &str = "x-trace-id";

/// A request's number: sixteen hexadecimal digits.
#[derive(Clone, Debug)]
pub struct TraceId(pub String);

/// The number of a request; empty outside of the middleware.
pub fn trace_id(request: &HttpRequest) -> String {
    request.extensions().get::<TraceId>().map(|id| id.0.clone()).unwrap_or_default()
}

/// The language a request wants first.
pub fn language(request: &HttpRequest) -> Language {
    let wanted = request.headers().get(header::ACCEPT_LANGUAGE);
    Language::of(wanted.and_then(|value| value.to_str().ok()))
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code().as_str())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        // The middleware writes the body, because only it knows the reader's language.
        HttpResponse::new(self.status())
    }
}

/// The middleware around everything.
pub async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let app = request.app_data::<web::Data<App>>().cloned();
    let Some(app) = app else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let id = app.fresh_trace_id();
    request.extensions_mut().insert(TraceId(id.clone()));
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let client = Client::of(request.request(), app.server.trusted_proxies);
    let started = app.clock.monotonic();
    // Handlers and extractors fail inside the answer; nothing else of ours fails around it.
    let response = next.call(request).await?.map_into_boxed_body();
    let mut response = with_face(response, &id);
    let took = app.clock.monotonic().saturating_sub(started);
    let pattern = response.request().match_pattern().unwrap_or_else(|| "-".to_owned());
    let status = response.status().as_u16();
    app.metrics.request(method.as_str(), &pattern, status, took);
    log(&method, &path, status, took, &client, &id);
    let tls = app.tls;
    let headers_out = response.headers_mut();
    headers::add(headers_out, &path, tls, app.server.demo);
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers_out.insert(HeaderName::from_static(TRACE_HEADER), value);
    }
    Ok(response)
}

/// Gives a failure its body: the problem a handler returned, or one for a bare status the HTTP
/// library chose.
fn with_face(response: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let problem = match response.response().error() {
        Some(error) => error.as_error::<Problem>().cloned(),
        None => None,
    };
    let is_bare = !response.headers().contains_key(header::CONTENT_TYPE)
        && (status.is_client_error() || status.is_server_error());
    let is_library_error = response.response().error().is_some() && problem.is_none();
    let problem = match problem {
        Some(problem) => problem,
        None if is_bare || is_library_error => Problem::of_status(status),
        None => return response,
    };
    if let Some(cause) = problem.cause() {
        tracing::error!(trace_id = id, code = problem.code().as_str(), cause, "a request failed");
    }
    let request = response.request().clone();
    let body = problem.respond(language(&request), id);
    ServiceResponse::new(request, body)
}

fn log(
    method: &actix_web::http::Method,
    path: &str,
    status: u16,
    took: Duration,
    client: &Client,
    id: &str,
) {
    let ms = took.as_millis() as u64;
    // A callback's path is a secret, and pollers would drown everything else.
    let shown = if path.starts_with("/callback/") { "/callback/…" } else { path };
    let polls = ["/healthz", "/readyz", "/metrics", "/live/state", "/api/kiosk/v1/poll"];
    let quiet = polls.contains(&path);
    if quiet && status < 500 {
        tracing::debug!(trace_id = id, %method, path = shown, status, ms, "http");
    } else {
        tracing::info!(trace_id = id, %method, path = shown, status, ms, ip = %client.ip, "http");
    }
}

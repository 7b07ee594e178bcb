//! The tenant's API on the wire: each route of `mini_program_api` is read, let in, done once and
//! answered here. What it does is not decided here.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web::{self, Data, Payload, ServiceConfig},
};
use bytes::Bytes;
use futures::StreamExt;
use mini_program_api::{
    Answer, Body, Call, Client as Caller, Effect, Failure, PREFIX, ROUTES, Route, Verb,
    reach::{self, Admitted},
};

use super::{
    App, Code, Problem,
    client::Client,
    dispatch::{check_media_type, read_body},
    error::Result,
    operator::cookie,
    repeat::{self, Repeat},
    route,
};
use crate::operator::token;

/// The largest body of the tenant's API.
pub const BODY_MAX: usize = 16 * 1024;
/// The cookie that ties a provider's sign-in page to the browser that went there.
pub const BROWSER_COOKIE: &str = mini_program_api::session::oauth::BROWSER_COOKIE;

/// Serves every route of the registry.
pub fn configure(config: &mut ServiceConfig) {
    let mut paths: Vec<&'static str> =
        ROUTES.iter().flat_map(|r| r.iter()).map(|r| r.path).collect();
    paths.sort_unstable();
    paths.dedup();
    // A name in braces would take what a fixed word is meant for: fixed words come first.
    paths.sort_by_key(|path| path.matches('{').count());
    for path in paths {
        let mut resource = web::resource(format!("{PREFIX}{path}"));
        for route in ROUTES.iter().flat_map(|routes| routes.iter()).filter(|r| r.path == path) {
            let handler = move |request: HttpRequest, payload: Payload, app: Data<App>| {
                handle(route, request, payload, app)
            };
            resource = resource.route(web::method(method(route.method)).to(handler));
        }
        config.service(resource);
    }
}

fn method(verb: Verb) -> Method {
    match verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
        Verb::Delete => Method::DELETE,
    }
}

async fn handle(
    route: &'static Route,
    request: HttpRequest,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse> {
    let client = Client::of(&request, app.server.trusted_proxies);
    if !app.budgets.request(client.ip) {
        return Err(Problem::new(Code::TooManyRequests).retry_after(1));
    }
    let within = Duration::from_secs(app.server.request_timeout_s);
    let body = read_body(payload, BODY_MAX.min(app.server.body_max), within).await?;
    check_media_type(&request, &body)?;
    let path: Vec<(String, String)> = request
        .match_info()
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let bearer = request.headers().get(header::AUTHORIZATION);
    let bearer = bearer.and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    let Admitted { caller, home, order } =
        reach::admit(&app.tenants, route, bearer, &path).await.map_err(problem)?;
    let call = Call {
        desk: std::sync::Arc::clone(&app.tenants),
        client: Caller {
            ip: client.ip,
            user_agent: client.user_agent,
            browser: cookie::named(&request, BROWSER_COOKIE),
        },
        caller,
        home,
        order,
        path,
        query: request.query_string().to_owned(),
        body,
    };
    let answer = match route.effect {
        Effect::Read | Effect::Write => (route.run)(call).await.map_err(problem)?,
        Effect::Once => once(route, &request, &app, call).await?,
    };
    Ok(respond(answer))
}

/// A write that moves a relay: done once per key, answered again to its repeats.
async fn once(
    route: &'static Route,
    request: &HttpRequest,
    app: &Data<App>,
    call: Call,
) -> Result<Answer> {
    let name = header::HeaderName::from_static("idempotency-key");
    let mut lines = request.headers().get_all(name);
    let (first, second) = (lines.next(), lines.next());
    if second.is_some() {
        return Err(Problem::malformed("Idempotency-Key"));
    }
    let key = repeat::read_key(first.and_then(|value| value.to_str().ok()))?;
    let person = call.caller().map_err(problem)?.person;
    let hash = token::sha256_hex(&[
        route.name.as_bytes(),
        b"\n",
        request.path().as_bytes(),
        b"\n",
        &call.body,
    ]);
    let project = call.home.map(|home| home.project);
    match repeat::begin(app, project, format!("person:{person}"), key, hash).await? {
        Repeat::Again(kept) => {
            Ok(Answer { status: kept.status, body: Body::Json(kept.body), headers: Vec::new() })
        }
        Repeat::First(key) => {
            let answer = (route.run)(call).await;
            let kept = answer.as_ref().ok().and_then(kept_form);
            // A refusal changed nothing: the same wish may be told again once its cause is gone.
            if let Err(error) = repeat::end(app, key, kept.as_ref()).await {
                tracing::warn!(cause = error.cause(), "an answer could not be kept for repeats");
            }
            answer.map_err(problem)
        }
    }
}

fn kept_form(answer: &Answer) -> Option<route::Answer> {
    let Body::Json(json) = &answer.body else { return None };
    Some(route::Answer { status: answer.status, body: json.clone(), cookie: None })
}

fn respond(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    for (name, value) in answer.headers {
        response.append_header((name, value));
    }
    match answer.body {
        Body::Empty => response.finish(),
        Body::Json(json) => response.content_type("application/json").body(json),
        Body::File(kind, bytes) => response.content_type(kind).body(bytes),
        Body::Events(events) => response
            .content_type("text/event-stream")
            // A proxy that gathers the stream would keep the light back from the page.
            .insert_header(("x-accel-buffering", "no"))
            .streaming(events.map(Ok::<Bytes, actix_web::Error>)),
    }
}

/// A tenant's failure as a problem.
pub fn problem(failure: Failure) -> Problem {
    match failure {
        Failure::NotFound(what) => Problem::not_found(what),
        Failure::Unreadable { place, why } => Problem::unreadable(place, &why),
        Failure::Malformed(field) => Problem::malformed(field),
        Failure::SignInRequired => Problem::new(Code::LoginRequired),
        Failure::SessionReused => Problem::new(Code::SessionReused),
        Failure::CodeRefused => Problem::new(Code::CodeRefused),
        Failure::SignedIn => Problem::new(Code::SignedIn),
        Failure::TooMany { retry_after_s } => Problem::new(Code::TooManyTries)
            .with("retry_after_s", retry_after_s)
            .retry_after(retry_after_s),
        Failure::ProofRequired { puzzle, bits } => {
            Problem::new(Code::ProofRequired).with("puzzle", puzzle).with("bits", bits)
        }
        Failure::BindingRefused => Problem::new(Code::BindingRefused),
        Failure::OwnerOnly => Problem::new(Code::OwnerOnly),
        Failure::HomeFull => Problem::new(Code::HomeFull),
        Failure::IdentityTaken => Problem::new(Code::IdentityTaken),
        Failure::DoorClosed(door) => Problem::new(Code::DoorClosed).with("door", door),
        Failure::NotOffered => Problem::new(Code::SignInNotOffered),
        Failure::Refused(refusal) => refusal.into(),
        Failure::Store(error) => error.into(),
        Failure::Internal(why) => Problem::new(Code::Internal).because(why),
    }
}

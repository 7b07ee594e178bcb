//! The one way into the operators' API: budget, body, who, may they, once, log, do.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, Payload, ServiceConfig},
};
use bytes::{Bytes, BytesMut};
use domain::ProjectId;
use futures::StreamExt;
use serde_json::Value;
use store::operation_log::{self, NewOperation};

use super::{
    App, Code, Problem,
    client::Client,
    error::Result,
    operator::{ROUTES, cookie},
    repeat::{self, Repeat},
    route::{Answer, Call, Effect, Need, Route},
};
use crate::{
    access::Access,
    operator::{Caller, token},
};

/// The largest body of the operators' API.
pub const BODY_MAX: usize = 64 * 1024;
/// The header a page shows with its writes.
pub const CSRF_HEADER: &str = "x-csrf-token";
/// The longest detail kept in the operation log, in bytes.
const DETAIL_MAX: usize = 4_096;
/// Fields whose values never reach the log.
const SECRETS: &[&str] =
    &["password", "old_password", "new_password", "totp", "old_totp", "token", "secret"];

/// Serves every route of the registry.
pub fn configure(config: &mut ServiceConfig) {
    let mut paths: Vec<&'static str> =
        ROUTES.iter().flat_map(|r| r.iter()).map(|r| r.path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let mut resource = web::resource(format!("{}{path}", super::route::PREFIX));
        for route in ROUTES.iter().flat_map(|routes| routes.iter()).filter(|r| r.path == path) {
            let handler = move |request: HttpRequest, payload: Payload, app: Data<App>| {
                handle(route, request, payload, app)
            };
            resource = resource.route(web::method(route.method.method()).to(handler));
        }
        config.service(resource);
    }
}

/// Reads a body of at most so many bytes within a time: slow and endless ones are told so (S26).
pub async fn read_body(mut payload: Payload, max: usize, within: Duration) -> Result<Bytes> {
    let reading = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| Problem::new(Code::BadRequest).because(error))?;
            if body.len() + chunk.len() > max {
                return Err(Problem::new(Code::BodyTooLarge).with("bytes_max", max));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    let read = tokio::time::timeout(within, reading).await;
    read.unwrap_or_else(|_| Err(Problem::new(Code::TooSlow)))
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
    let (caller, csrf) = authenticate(route, &request, &app).await?;
    let project = authorise(route, &request, &app, caller.as_ref()).await?;
    let path = request.match_info().iter();
    let path = path.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let query = request.query_string().to_owned();
    let call = Call { app, client, caller, project, path, query, body, csrf };
    let answer = match route.effect {
        Effect::Read => (route.run)(call).await?,
        Effect::Write => logged(route, call).await?,
        Effect::Once => once(route, &request, call).await?,
    };
    Ok(respond(&answer))
}

/// Lets a request in whose body is no JSON: the same budget, login and permission as for every
/// route of the registry.
pub async fn let_in(
    route: &Route,
    request: &HttpRequest,
    app: &App,
) -> Result<(Caller, ProjectId)> {
    let client = Client::of(request, app.server.trusted_proxies);
    if !app.budgets.request(client.ip) {
        return Err(Problem::new(Code::TooManyRequests).retry_after(1));
    }
    let (caller, _) = authenticate(route, request, app).await?;
    let project = authorise(route, request, app, caller.as_ref()).await?;
    let caller = caller.ok_or(Problem::new(Code::LoginRequired))?;
    Ok((caller, project.ok_or_else(|| Problem::not_found("project"))?))
}

/// A line of the operation log about such a request.
pub fn line(
    app: &App,
    request: &HttpRequest,
    route: &Route,
    (caller, project): (&Caller, ProjectId),
    outcome: &str,
) -> NewOperation {
    let values = request.match_info().iter().filter(|(name, _)| *name != "project");
    let target = values.map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>();
    NewOperation {
        at: app.clock.now(),
        operator: Some(caller.operator.id),
        project: Some(project),
        action: route.name.to_owned(),
        target: target.join(" "),
        detail: "{}".to_owned(),
        ip: Client::of(request, app.server.trusted_proxies).ip.to_string(),
        outcome: outcome.to_owned(),
    }
}

fn respond(answer: &Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    if let Some(cookie) = &answer.cookie {
        response.insert_header((header::SET_COOKIE, cookie.as_str()));
    }
    if answer.body.is_empty() {
        return response.finish();
    }
    response.content_type("application/json").body(answer.body.clone())
}

/// A body has to be JSON, where there is one.
pub fn check_media_type(request: &HttpRequest, body: &Bytes) -> Result<()> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if body.is_empty() || essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(Code::UnsupportedMedia))
}

/// Who calls. A bearer token goes before a cookie; a write by cookie also shows the page's own
/// value, which no other site can read (CSRF), and which is answered here.
async fn authenticate(
    route: &Route,
    request: &HttpRequest,
    app: &App,
) -> Result<(Option<Caller>, Option<String>)> {
    if route.need == Need::Nothing {
        return Ok((None, None));
    }
    let denied = || Problem::new(Code::LoginRequired);
    let text = |name: header::HeaderName| {
        request.headers().get(name).and_then(|value| value.to_str().ok())
    };
    let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let (shown, by_cookie) = match bearer {
        Some(token) => (token.trim().to_owned(), false),
        None => (cookie::read(request, app.tls).ok_or_else(denied)?, true),
    };
    let caller = app.sign_in.caller(&shown).await?.ok_or_else(denied)?;
    let csrf = by_cookie.then(|| token::csrf(&shown));
    if let Some(csrf) = csrf.as_deref().filter(|_| route.effect != Effect::Read) {
        let name = header::HeaderName::from_static(CSRF_HEADER);
        let given = text(name).unwrap_or_default();
        if !token::same(given, csrf) {
            return Err(Problem::new(Code::CsrfMissing));
        }
    }
    Ok((Some(caller), csrf))
}

/// Whether they may. Answers the path's project, if it has one.
///
/// Invariant: a project out of reach answers exactly like one that does not exist (S8); proved by
/// `every_route_lets_in_only_who_may_and_tells_strangers_nothing`.
async fn authorise(
    route: &Route,
    request: &HttpRequest,
    app: &App,
    caller: Option<&Caller>,
) -> Result<Option<ProjectId>> {
    let reach = || caller.map(|caller| &caller.reach).ok_or(Problem::new(Code::LoginRequired));
    match route.need {
        Need::Nothing | Need::SignedIn => Ok(None),
        Need::Everywhere(perm) => {
            if reach()?.everywhere(perm) {
                Ok(None)
            } else {
                Err(Problem::new(Code::Forbidden).with("permission", perm.as_str()))
            }
        }
        Need::InProject(perm) => {
            let missing = || Problem::not_found("project");
            let text = request.match_info().get("project").unwrap_or_default();
            let project = text.parse().ok().filter(|id| *id > 0).map(ProjectId);
            let project = project.ok_or_else(missing)?;
            match reach()?.access(project, perm) {
                Access::Invisible => return Err(missing()),
                Access::Denied => {
                    return Err(Problem::new(Code::Forbidden).with("permission", perm.as_str()));
                }
                Access::Granted => {}
            }
            let found = store::site::project(app.house.store().read(), project).await?;
            found.map(|_| Some(project)).ok_or_else(missing)
        }
    }
}

/// A write that moves money or a relay: done once per key, answered again to its repeats.
async fn once(route: &'static Route, request: &HttpRequest, call: Call) -> Result<Answer> {
    let name = header::HeaderName::from_static("idempotency-key");
    let mut lines = request.headers().get_all(name);
    let (first, second) = (lines.next(), lines.next());
    if second.is_some() {
        return Err(Problem::malformed("Idempotency-Key"));
    }
    let key = repeat::read_key(first.and_then(|value| value.to_str().ok()))?;
    let principal = format!("operator:{}", call.caller()?.id());
    let hash = request_hash(route.name, request.path(), &call.body);
    let app = call.app.clone();
    match repeat::begin(&app, call.project, principal, key, hash).await? {
        Repeat::Again(answer) => Ok(answer),
        Repeat::First(key) => {
            let answer = logged(route, call).await;
            // A refusal changed nothing: the same wish may be told again once its cause is gone.
            if let Err(error) = repeat::end(&app, key, answer.as_ref().ok()).await {
                tracing::warn!(cause = error.cause(), "an answer could not be kept for repeats");
            }
            answer
        }
    }
}

/// What tells a repeat from another wish under the same key. It is kept for days, and a password is
/// guessed from an unsalted hash of it: so what is secret is no part of it. What is no JSON is
/// refused by every route.
///
/// Invariant: nothing kept about a request tells its secrets; proved by
/// `no_secret_is_part_of_a_kept_request_hash`.
fn request_hash(route: &str, path: &str, body: &[u8]) -> String {
    let told = without_secrets(body).unwrap_or_default();
    token::sha256_hex(&[route.as_bytes(), b"\n", path.as_bytes(), b"\n", told.as_bytes()])
}

/// Does a write between two lines of the operation log. Without the first nothing is done, so no
/// write is ever missing there (I15).
async fn logged(route: &'static Route, call: Call) -> Result<Answer> {
    let app = call.app.clone();
    let line = NewOperation {
        at: app.clock.now(),
        operator: call.caller.as_ref().map(|caller| caller.operator.id),
        project: call.project,
        action: route.name.to_owned(),
        target: target(&call),
        detail: detail(&call.body),
        ip: call.client.ip.to_string(),
        outcome: "begun".to_owned(),
    };
    append(&app, line.clone()).await?;
    let result = (route.run)(call).await;
    let outcome = match &result {
        Ok(answer) => format!("done {}", answer.status),
        Err(problem) => format!("refused {}", problem.code().as_str()),
    };
    let end = NewOperation { at: app.clock.now(), detail: "{}".to_owned(), outcome, ..line };
    if let Err(error) = append(&app, end).await {
        // The first line stands; what was done is done and is answered as it is.
        tracing::error!(cause = error.cause(), "an outcome could not be logged");
    }
    result
}

/// Keeps a line of the operation log.
pub async fn append(app: &App, line: NewOperation) -> Result<()> {
    let written = app
        .house
        .store()
        .transact(move |tx| Box::pin(async move { operation_log::append(tx, line).await }));
    Ok(written.await?)
}

fn target(call: &Call) -> String {
    let values = call.path.iter().filter(|(name, _)| name != "project");
    values.map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>().join(" ")
}

/// The body for the log: without secrets, and bounded.
fn detail(body: &[u8]) -> String {
    let text = without_secrets(body).unwrap_or_else(|| "{}".to_owned());
    if text.len() <= DETAIL_MAX { text } else { format!("{{\"bytes\":{}}}", text.len()) }
}

/// A JSON body with stars for its secrets.
fn without_secrets(body: &[u8]) -> Option<String> {
    let mut value = serde_json::from_slice::<Value>(body).ok()?;
    redact(&mut value);
    Some(value.to_string())
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if SECRETS.contains(&name.as_str()) {
                    *value = Value::String("***".to_owned());
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_reaches_the_operation_log() {
        let table = [
            (r#"{"login":"a","password":"canary"}"#, r#"{"login":"a","password":"***"}"#),
            (r#"{"second":{"totp":"123456"}}"#, r#"{"second":{"totp":"***"}}"#),
            (r#"[{"token":{"x":"canary"}}]"#, r#"[{"token":"***"}]"#),
            ("not json canary", "{}"),
        ];
        for (body, want) in table {
            assert_eq!(detail(body.as_bytes()), want);
        }
        let codes = detail(br#"{"totp":"1","old_totp":"2","secret":"3"}"#);
        assert!(!codes.contains(['1', '2', '3']), "{codes}");
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(5_000));
        assert_eq!(detail(long.as_bytes()), "{\"bytes\":5008}");
    }
    #[test]
    fn no_secret_is_part_of_a_kept_request_hash() {
        let hash = |body: &str| request_hash("vend.resolve", "/vends/1/resolve", body.as_bytes());
        let first = hash(r#"{"finding":"applied","second":{"login":"li","password":"canary"}}"#);
        let table = [
            // A guessed password makes the same hash as the right one: the hash tells nothing.
            (r#"{"finding":"applied","second":{"login":"li","password":"guess"}}"#, true),
            (r#"{ "second":{"password":"","login":"li"}, "finding":"applied" }"#, true),
            (r#"{"finding":"not-delivered","second":{"login":"li","password":"canary"}}"#, false),
            (r#"{"finding":"applied","second":{"login":"wu","password":"canary"}}"#, false),
            ("", false),
        ];
        for (body, same) in table {
            assert_eq!(hash(body) == first, same, "{body}");
        }
        assert_ne!(first, request_hash("vend.resend", "/vends/1/resolve", b"{}"));
    }
}

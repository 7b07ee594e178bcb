//! The kiosks' API on the wire: each route of `kiosk_api` is read, let in and answered here, and
//! the channel, the files and the uploads are served. What it does is not decided here.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web::{self, Data, Payload, ServiceConfig},
};
use bytes::Bytes;
use domain::ProjectId;
use kiosk_api::{
    Answer, Call, Desk, Failure, Need, PREFIX, ROUTES, Route, Verb,
    call::BODY_MAX,
    file,
    greeting::{self, Caller},
    upload,
};
use serde_json::json;

use super::{
    App, Code, Problem,
    client::Client,
    dispatch::{check_media_type, read_body},
    error::{Language, PROBLEM_JSON},
    trace::trace_id,
};

pub mod socket;

/// The result of everything behind a kiosk's route.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// How long an upload may take.
const UPLOAD_WITHIN: Duration = Duration::from_secs(60);

/// Serves every route of the registry, the channel, the files and the uploads.
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
            let method = match route.method {
                Verb::Get => Method::GET,
                Verb::Post => Method::POST,
            };
            resource = resource.route(web::method(method).to(handler));
        }
        config.service(resource);
    }
    config
        .service(web::resource(format!("{PREFIX}/channel")).route(web::get().to(socket::open)))
        .service(web::resource(format!("{PREFIX}/files/{{sha256}}")).route(web::get().to(fetch)))
        .service(web::resource(format!("{PREFIX}/uploads/{{token}}")).route(web::put().to(put)));
}

async fn handle(
    route: &'static Route,
    request: HttpRequest,
    payload: Payload,
    app: Data<App>,
) -> HttpResponse {
    let done = async {
        let (ip, caller) = admit(&request, &app, route.need).await?;
        let within = Duration::from_secs(app.server.request_timeout_s);
        let body = read_body(payload, BODY_MAX, within).await?;
        check_media_type(&request, &body)?;
        let path = request.match_info().iter();
        let path = path.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = request.query_string().to_owned();
        let desk = Arc::clone(&app.kiosks);
        let call = Call { desk, ip, caller, path, query, body };
        (route.run)(call).await.map_err(problem)
    };
    match done.await {
        Ok(answer) => respond(answer),
        Err(problem) => face(&request, &problem),
    }
}

/// Counts the address, and finds out which kiosk calls.
async fn admit(
    request: &HttpRequest,
    app: &App,
    need: Need,
) -> Result<(std::net::IpAddr, Option<Caller>), Problem> {
    let client = Client::of(request, app.server.trusted_proxies);
    if !app.budgets.request(client.ip) {
        return Err(Problem::new(Code::TooManyRequests).retry_after(1));
    }
    let bearer = request.headers().get(header::AUTHORIZATION);
    let bearer = bearer.and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    let caller = greeting::admit(&app.kiosks, need, bearer).await.map_err(problem)?;
    Ok((client.ip, caller))
}

async fn session(request: &HttpRequest, app: &App) -> Result<Caller, Problem> {
    let (_, caller) = admit(request, app, Need::Session).await?;
    caller.ok_or_else(|| Problem::new(Code::KioskSession))
}

fn respond(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    if answer.body.is_empty() {
        return response.finish();
    }
    response.content_type("application/json").body(answer.body)
}

/// A failure as a kiosk reads it: both languages in fields of their own.
pub fn face(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    let id = trace_id(request);
    let (row, code) = (problem.code().row(), problem.code().as_str());
    if let Some(cause) = problem.cause() {
        tracing::error!(trace_id = id, code, cause, "a request of a kiosk failed");
    }
    let body = problem.body(Language::Chinese, &id);
    let shown = json!({
        "type": body.kind,
        "status": body.status,
        "code": code,
        "title": row.zh,
        "title_en": row.en,
        "detail": row.do_zh,
        "detail_en": row.do_en,
        "params": body.params,
        "errors": body.errors,
        "trace_id": id,
    });
    HttpResponse::build(problem.status())
        .insert_header((header::CONTENT_TYPE, PROBLEM_JSON))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(shown.to_string())
}

/// A kiosk's failure as a problem.
pub fn problem(failure: Failure) -> Problem {
    match failure {
        Failure::NotFound(what) => Problem::not_found(what),
        Failure::Unreadable { place, why } => Problem::unreadable(place, &why),
        Failure::Malformed(field) => Problem::malformed(field),
        Failure::Session => Problem::new(Code::KioskSession),
        Failure::Revoked => Problem::new(Code::KioskRevoked),
        Failure::PairingRefused => Problem::new(Code::KioskPairingRefused),
        Failure::FingerprintDiffers => Problem::new(Code::KioskFingerprint),
        Failure::Taken => Problem::new(Code::AlreadyExists),
        Failure::CodeRefused => Problem::new(Code::CodeRefused),
        Failure::TooMany { retry_after_s } => Problem::new(Code::TooManyTries)
            .with("retry_after_s", retry_after_s)
            .retry_after(retry_after_s),
        Failure::DoorClosed(door) => Problem::new(Code::DoorClosed).with("door", door),
        Failure::OrderUnknown => Problem::new(Code::KioskOrderUnknown),
        Failure::Card(why) => Problem::new(Code::of_card(why)).with("why", why),
        Failure::Command(why) => Problem::new(Code::KioskCommandRefused).with("why", why),
        Failure::Content(field) => {
            let problem = Problem::new(Code::KioskContentRefused).field(&field, "refused");
            problem.with("field", field)
        }
        Failure::File(why) => Problem::new(Code::KioskFileRefused).with("why", why),
        Failure::Refused(refusal) => refusal.into(),
        Failure::Store(error) => error.into(),
        Failure::Internal(why) => Problem::new(Code::Internal).because(why),
    }
}

/// A file of the kiosk's project, whole or one range of it.
async fn fetch(request: HttpRequest, app: Data<App>) -> HttpResponse {
    let done = async {
        let caller = session(&request, &app).await?;
        let sha256 = request.match_info().get("sha256").unwrap_or_default();
        ranged(&request, Arc::clone(&app.kiosks), caller.project(), sha256).await.map_err(problem)
    };
    done.await.unwrap_or_else(|problem| face(&request, &problem))
}

/// Answers a file, or the range of it that was asked for, piece by piece.
pub async fn ranged(
    request: &HttpRequest,
    desk: Arc<Desk>,
    project: ProjectId,
    sha256: &str,
) -> Result<HttpResponse> {
    let row = store::kiosk::file::by_digest(desk.store().read(), project, sha256).await?;
    let row = row.ok_or(Failure::NotFound("file"))?;
    let size = u64::try_from(row.size).unwrap_or(0);
    let asked = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok());
    let (from, until) = match asked.map(|text| range_of(text, size)) {
        None => (0, size),
        Some(Some(range)) => range,
        Some(None) => {
            let mut response = HttpResponse::RangeNotSatisfiable();
            response.insert_header((header::CONTENT_RANGE, format!("bytes */{size}")));
            return Ok(response.content_type("application/octet-stream").finish());
        }
    };
    let mut response =
        if asked.is_some() { HttpResponse::PartialContent() } else { HttpResponse::Ok() };
    if asked.is_some() && until > from {
        let shown = format!("bytes {from}-{}/{size}", until - 1);
        response.insert_header((header::CONTENT_RANGE, shown));
    }
    response.insert_header((header::ACCEPT_RANGES, "bytes"));
    response.insert_header((header::ETAG, format!("\"{}\"", row.sha256)));
    response.content_type(row.media_type.clone()).no_chunking(until - from);
    let pieces = futures::stream::try_unfold(from, move |at| {
        let (desk, row) = (Arc::clone(&desk), row.clone());
        async move {
            if at >= until {
                return Ok(None);
            }
            let piece = file::piece(&desk, &row, at, until).await;
            let piece = piece.map_err(|error| {
                tracing::warn!(%error, "a file could not be read to its end");
                actix_web::error::ErrorInternalServerError("unreadable")
            })?;
            if piece.is_empty() {
                return Err(actix_web::error::ErrorInternalServerError("short"));
            }
            let next = at + piece.len() as u64;
            Ok(Some((Bytes::from(piece), next)))
        }
    });
    Ok(response.streaming::<_, actix_web::Error>(pieces))
}

/// One range (RFC 9110 §14.1.2) as its first byte and the one behind its last; `None` if none of
/// it is there. Of several ranges none is served.
fn range_of(text: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.trim(), last.trim()) {
        ("", last) => (size.saturating_sub(last.parse::<u64>().ok().filter(|n| *n > 0)?), size),
        (first, "") => (first.parse().ok()?, size),
        (first, last) => (first.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?.min(size)),
    };
    (range.0 < range.1).then_some(range)
}

/// A picture of the screen or a log, sent to a one-time address.
async fn put(request: HttpRequest, payload: Payload, app: Data<App>) -> HttpResponse {
    let done = async {
        let caller = session(&request, &app).await?;
        let body = read_body(payload, upload::LOG_MAX, UPLOAD_WITHIN).await?;
        let token = request.match_info().get("token").unwrap_or_default();
        upload::receive(&app.kiosks, &caller, token, body).await.map_err(problem)
    };
    match done.await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(problem) => face(&request, &problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_a_file_is_read_as_the_standard_says() {
        let table = [
            ("bytes=0-499", Some((0, 500))),
            ("bytes=500-", Some((500, 1_000))),
            ("bytes=-200", Some((800, 1_000))),
            ("bytes=-2000", Some((0, 1_000))),
            ("bytes=999-5000", Some((999, 1_000))),
            ("bytes=1000-", None),
            ("bytes=5-4", None),
            ("bytes=-0", None),
            ("bytes=0-1,4-5", None),
            ("lines=0-1", None),
            ("bytes=0-18446744073709551615", None),
        ];
        for (text, want) in table {
            assert_eq!(range_of(text, 1_000), want, "{text}");
        }
    }
}

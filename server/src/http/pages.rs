//! The tenant's pages: the QR on a meter (`/t/…`), the H5 build (`/m/…`) and the link of a receipt
//! (`/r/…`).
//!
//! The build is made by `scripts/web` and built in; a server that was built without it says so in
//! words instead of a white page.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::Write,
    sync::{Arc, OnceLock, RwLock},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Bytes, Data, ServiceConfig},
};
use flate2::{Compression, write::GzEncoder};
use rust_embed::RustEmbed;

use super::{App, Code, Problem, error::Result};

/// Where the H5 build lies.
pub const BASE: &str = "/m/";
/// The longest name of a meter or receipt in a link that is looked at.
const NAME_MAX: usize = 128;
/// Files are sent packed from this size on.
const PACKED_FROM: usize = 1_024;

const UNBUILT: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\">\
    <title>预付</title>\
    <p>租户页面还没有构建：请先运行 scripts/web build。</p>\
    <p>The tenant's pages were not built: run scripts/web build first.</p>";

/// The H5 build.
#[derive(RustEmbed)]
#[folder = "../web/apps/tenant/dist/build/h5"]
#[allow_missing = true]
struct Files;

/// Serves the pages.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/t/{tag}").route(web::get().to(scanned)))
        .service(web::resource("/r/{token}").route(web::get().to(receipt)))
        .service(web::resource("/m").route(web::get().to(to_base)))
        .service(web::resource("/m/{file:.*}").route(web::get().to(file)));
}

/// What a scanner is, by what it calls itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scanner {
    WeChat,
    Alipay,
    Browser,
}

fn scanner(user_agent: &str) -> Scanner {
    if user_agent.contains("MicroMessenger") {
        Scanner::WeChat
    } else if user_agent.contains("AlipayClient") {
        Scanner::Alipay
    } else {
        Scanner::Browser
    }
}

/// Random names of ours: letters and digits. What is none is not carried any further.
fn name_of(request: &HttpRequest, field: &str) -> Result<String> {
    let name = request.match_info().get(field).unwrap_or_default();
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.';
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(legal) {
        return Err(Problem::new(Code::NoSuchRoute));
    }
    Ok(name.to_owned())
}

fn go_to(place: &str) -> HttpResponse {
    HttpResponse::Found()
        .insert_header((header::LOCATION, place))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// The QR on a meter was scanned: in WeChat and Alipay the visitor is asked who they are in
/// silence and comes back to the welcome page itself; elsewhere that page asks for a phone number.
/// Whether the tag exists is told by the page alone, to whoever has the right to know.
async fn scanned(request: HttpRequest, app: Data<App>) -> Result<HttpResponse> {
    let tag = name_of(&request, "tag")?;
    let page = format!("{BASE}#/pages/welcome/welcome?tag={tag}");
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let doors = &app.tenants.doors;
    let place = match scanner(agent.unwrap_or_default()) {
        Scanner::WeChat if doors.wechat_page.is_some() => {
            format!("{}/session/wechat?return_to=/t/{tag}", mini_program_api::PREFIX)
        }
        Scanner::Alipay if doors.alipay.is_some() => {
            format!("{}/session/alipay?return_to=/t/{tag}", mini_program_api::PREFIX)
        }
        _ => page,
    };
    Ok(go_to(&place))
}

async fn receipt(request: HttpRequest) -> Result<HttpResponse> {
    let token = name_of(&request, "token")?;
    Ok(go_to(&format!("{BASE}#/pages/receipt/receipt?token={token}")))
}

async fn to_base() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, BASE)).finish()
}

async fn file(request: HttpRequest) -> Result<HttpResponse> {
    let name = request.match_info().get("file").filter(|name| !name.is_empty());
    let name = name.unwrap_or("index.html");
    let Some(found) = Files::get(name) else {
        if name == "index.html" {
            return Ok(HttpResponse::ServiceUnavailable()
                .content_type("text/html; charset=utf-8")
                .body(UNBUILT));
        }
        return Err(Problem::new(Code::NoSuchRoute));
    };
    let hash = found.metadata.sha256_hash();
    let tag = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
    let tag = format!("\"{tag}\"");
    let known = request.headers().get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok(HttpResponse::NotModified().finish());
    }
    let mut response = HttpResponse::Ok();
    response
        .content_type(media_type(name))
        .insert_header((header::ETAG, tag.clone()))
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header((header::CACHE_CONTROL, kept_for(name)));
    let accepts = request.headers().get(header::ACCEPT_ENCODING);
    let accepts = accepts.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("gzip") && found.data.len() >= PACKED_FROM {
        let packed = packed(&tag, &found.data)?;
        return Ok(response.insert_header((header::CONTENT_ENCODING, "gzip")).body(packed));
    }
    Ok(response.body(match found.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }))
}

/// Names that change with their content may be kept for ever, the others are asked for each time.
fn kept_for(name: &str) -> &'static str {
    if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

/// A file packed once for as long as the process lives.
fn packed(tag: &str, data: &[u8]) -> Result<Bytes> {
    static PACKED: OnceLock<RwLock<HashMap<String, Bytes>>> = OnceLock::new();
    let kept = PACKED.get_or_init(RwLock::default);
    if let Some(known) = kept.read().ok().and_then(|kept| kept.get(tag).cloned()) {
        return Ok(known);
    }
    let failed = |error: std::io::Error| Problem::new(Code::Internal).because(error);
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(data).map_err(failed)?;
    let packed = Bytes::from(packer.finish().map_err(failed)?);
    if let Ok(mut kept) = kept.write() {
        kept.insert(tag.to_owned(), packed.clone());
    }
    Ok(packed)
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// The names of the build's files, for tests that look at all of them.
pub fn built() -> Vec<Arc<str>> {
    Files::iter().map(|name| Arc::from(name.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanner_is_told_by_what_it_calls_itself() {
        let table = [
            ("Mozilla/5.0 (iPhone) AppleWebKit/605 MicroMessenger/8.0.50", Scanner::WeChat),
            ("Mozilla/5.0 (Linux; Android 14) AlipayClient/10.6.0", Scanner::Alipay),
            ("Mozilla/5.0 (Macintosh) Safari/605", Scanner::Browser),
            ("", Scanner::Browser),
        ];
        for (agent, want) in table {
            assert_eq!(scanner(agent), want, "{agent}");
        }
    }

    #[test]
    fn files_named_by_their_content_are_kept_and_the_page_itself_is_asked_for() {
        assert!(kept_for("assets/index-C8N53irK.js").contains("immutable"));
        assert_eq!(kept_for("index.html"), "no-cache");
    }
}

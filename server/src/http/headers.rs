//! Headers every answer carries (S24).

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'; img-src 'self' data:";
/// The API's description, whose component writes styles into its markup.
const POLICY_OF_DOCS: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
     object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
     img-src 'self' data:";
/// The tenant's pages, whose components write styles into their markup.
const POLICY_OF_PAGES: &str = POLICY_OF_DOCS;
/// A year, as browsers want it before they believe it.
const HSTS: &str = "max-age=31536000; includeSubDomains";

/// Says in every answer that money and meters are made up; the pages show it above everything.
const DEMO: HeaderName = HeaderName::from_static("yufu-demo");

/// Adds what is missing. A handler that set one itself keeps it. `demo` is `[server] demo`.
pub fn add(headers: &mut HeaderMap, path: &str, tls: bool, demo: bool) {
    let policy = match path {
        path if path.starts_with("/api/docs") => POLICY_OF_DOCS,
        path if path.starts_with("/m/") => POLICY_OF_PAGES,
        _ => POLICY,
    };
    set(headers, header::CONTENT_SECURITY_POLICY, policy);
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::X_FRAME_OPTIONS, "DENY");
    set(headers, header::REFERRER_POLICY, "no-referrer");
    set(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    let is_private = path.starts_with("/api/operator/") || path.starts_with("/callback/");
    if is_private {
        set(headers, header::CACHE_CONTROL, "no-store");
    }
    if demo {
        set(headers, DEMO, "1");
    }
    if tls {
        set(headers, header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if !headers.contains_key(&name) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_unframeable_and_a_tls_answer_says_so_for_a_year() {
        for (path, tls) in [("/api/operator/v1/me", true), ("/live", false), ("/x", false)] {
            let mut headers = HeaderMap::new();
            add(&mut headers, path, tls, false);
            assert!(!headers.contains_key(DEMO), "{path}");
            let policy = headers.get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
            assert!(policy.contains("frame-ancestors 'none'"), "{path}");
            assert!(!policy.contains("script-src"), "scripts come from us alone: {path}");
            assert!(!policy.contains("unsafe"), "nothing is written inline: {path}");
            assert_eq!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY), tls, "{path}");
        }
    }

    #[test]
    fn a_demo_says_so_in_every_answer() {
        for path in ["/api/mini/v1/homes", "/m/", "/live/state", "/nowhere"] {
            let mut headers = HeaderMap::new();
            add(&mut headers, path, false, true);
            assert_eq!(headers.get(DEMO).unwrap(), "1", "{path}");
        }
    }
}

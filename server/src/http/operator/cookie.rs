//! The login cookie of the console.

use actix_web::{HttpRequest, http::header};

/// Its name over TLS: the prefix makes browsers insist on Secure, Path=/ and no Domain.
pub const NAME_TLS: &str = "__Host-yufu";
/// Its name without TLS, where that prefix would be refused.
pub const NAME_PLAIN: &str = "yufu";

fn name(tls: bool) -> &'static str {
    if tls { NAME_TLS } else { NAME_PLAIN }
}

/// The header that sets it, for so many seconds; 0 ends it.
pub fn set(token: &str, seconds: i64, tls: bool) -> String {
    let secure = if tls { "; Secure" } else { "" };
    let name = name(tls);
    format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
}

/// The token a request brings. Two cookies of the name are none: nobody can say which was meant.
pub fn read(request: &HttpRequest, tls: bool) -> Option<String> {
    named(request, name(tls))
}

/// The value of a cookie by its whole name, if there is one and only one.
pub fn named(request: &HttpRequest, name: &str) -> Option<String> {
    let lines = request.headers().get_all(header::COOKIE).filter_map(|v| v.to_str().ok());
    find(lines, name)
}

fn find<'a>(lines: impl Iterator<Item = &'a str>, name: &str) -> Option<String> {
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(known, _)| known.trim() == name).map(|(_, value)| value.trim());
    match (found.next(), found.next()) {
        (Some(value), None) if !value.is_empty() => Some(value.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let over_tls = set("t", 60, true);
        let want = "__Host-yufu=t; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure";
        assert_eq!(over_tls, want);
        assert!(!set("t", 60, false).contains("Secure"));
    }

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_only_once() {
        let table: &[(&[&str], Option<&str>)] = &[
            (&["a=1; yufu=x; b=2"], Some("x")),
            (&["xyufu=x"], None),
            (&["yufu=x", "yufu=y"], None),
            (&["yufu="], None),
            (&[], None),
        ];
        for (lines, want) in table {
            assert_eq!(find(lines.iter().copied(), "yufu").as_deref(), *want, "{lines:?}");
        }
    }
}

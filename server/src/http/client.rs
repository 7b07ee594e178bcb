//! Who is at the other end: the address behind a counted number of trusted proxies.

use std::net::{IpAddr, SocketAddr};

use actix_web::{HttpRequest, http::header};

/// The longest chain of addresses looked at; a longer one was made to waste time.
const HOPS_MAX: usize = 32;
/// The longest user agent kept.
const USER_AGENT_MAX: usize = 200;

/// The other end of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address; the peer's where the proxies' chain could not be read.
    pub ip: IpAddr,
    /// False where the chain could not be read: nobody knows who it is.
    pub is_known: bool,
    /// What it calls itself.
    pub user_agent: String,
}

impl Client {
    /// Reads it off a request, with this many proxies of ours in front.
    pub fn of(request: &HttpRequest, trusted_proxies: usize) -> Client {
        let peer = request.peer_addr().map(|peer| peer.ip());
        let name = header::HeaderName::from_static("x-forwarded-for");
        // What is no text is no address, and stands in its place all the same.
        let text = |value: &'_ header::HeaderValue| value.to_str().unwrap_or("?").to_owned();
        let lines: Vec<String> = request.headers().get_all(name).map(text).collect();
        let (ip, is_known) = client_ip(peer, lines.iter().map(String::as_str), trusted_proxies);
        let agent = request.headers().get(header::USER_AGENT).and_then(|v| v.to_str().ok());
        let user_agent = agent.unwrap_or_default().chars().take(USER_AGENT_MAX).collect();
        Client { ip, is_known, user_agent }
    }

    /// True for addresses nobody reaches us from over the internet.
    ///
    /// Invariant: an unreadable chain is nobody near, though the proxy that sent it is; proved by
    /// `an_unreadable_chain_of_addresses_is_nobody_near`.
    pub fn is_near(&self) -> bool {
        if !self.is_known {
            return false;
        }
        match self.ip.to_canonical() {
            IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
            IpAddr::V6(v6) => {
                v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()
            }
        }
    }
}

/// The client's address: each trusted proxy has added the address it was called from at the right
/// end, so it is counted from there. Whatever stands further left was written by strangers (S27).
///
/// Answers whether the chain could be read, too; without any entry the peer called by itself.
///
/// Invariant: with fewer entries than trusted proxies, or one that is no address, the peer counts,
/// never a guess; proved by `the_client_is_counted_from_the_right_and_spoofing_changes_nothing`.
pub fn client_ip<'a>(
    peer: Option<IpAddr>,
    forwarded: impl Iterator<Item = &'a str>,
    trusted_proxies: usize,
) -> (IpAddr, bool) {
    let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.to_canonical());
    let Some(from_right) = trusted_proxies.checked_sub(1) else { return (peer, true) };
    let entries: Vec<&str> = forwarded.flat_map(|line| line.split(',')).map(str::trim).collect();
    if entries.is_empty() {
        return (peer, true);
    }
    let entry = entries.iter().rev().nth(from_right).filter(|_| entries.len() <= HOPS_MAX);
    match entry.and_then(|entry| address(entry)) {
        Some(ip) => (ip.to_canonical(), true),
        None => (peer, false),
    }
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_counted_from_the_right_and_spoofing_changes_nothing() {
        let table: &[(&[&str], usize, &str)] = &[
            (&[], 0, "10.0.0.9"),
            (&["1.2.3.4"], 0, "10.0.0.9"),
            (&["1.2.3.4"], 1, "1.2.3.4"),
            (&["6.6.6.6, 1.2.3.4"], 1, "1.2.3.4"),
            (&["6.6.6.6", "1.2.3.4"], 1, "1.2.3.4"),
            (&["6.6.6.6, 1.2.3.4, 10.0.0.1"], 2, "1.2.3.4"),
            (&["1.2.3.4"], 2, "10.0.0.9"),
            (&[], 1, "10.0.0.9"),
            (&["unknown"], 1, "10.0.0.9"),
            (&["1.2.3.4:5678"], 1, "1.2.3.4"),
            (&["[2001:db8::1]:443"], 1, "2001:db8::1"),
            (&["[2001:db8::1]"], 1, "2001:db8::1"),
            (&["::ffff:1.2.3.4"], 1, "1.2.3.4"),
        ];
        let peer = Some("10.0.0.9".parse().unwrap());
        for (lines, proxies, want) in table {
            let (got, _) = client_ip(peer, lines.iter().copied(), *proxies);
            assert_eq!(got.to_string(), *want, "{lines:?} behind {proxies}");
        }
    }

    #[test]
    fn only_private_networks_are_near() {
        let table = [
            ("127.0.0.1", true),
            ("192.168.3.4", true),
            ("::1", true),
            ("fd00::1", true),
            ("8.8.8.8", false),
            ("2001:db8::1", false),
        ];
        for (ip, near) in table {
            let ip = ip.parse().unwrap();
            let client = Client { ip, is_known: true, user_agent: String::new() };
            assert_eq!(client.is_near(), near, "{ip}");
        }
    }

    #[test]
    fn an_unreadable_chain_of_addresses_is_nobody_near() {
        let long = vec!["1.2.3.4"; 33].join(",");
        let table: &[(&[&[u8]], usize, bool)] = &[
            (&[], 0, true),
            (&[b"127.0.0.1"], 1, true),
            // A proxy always adds an entry: without any the peer itself has called.
            (&[], 1, true),
            (&[long.as_bytes()], 1, false),
            (&[b"127.0.0.1, \xff\xfe"], 1, false),
            (&[b"127.0.0.1", b"\xff"], 1, false),
            (&[b"127.0.0.1"], 2, false),
            (&[b"unknown"], 1, false),
        ];
        for (lines, proxies, near) in table {
            let mut request =
                actix_web::test::TestRequest::default().peer_addr("10.0.0.9:4000".parse().unwrap());
            for line in *lines {
                let value = header::HeaderValue::from_bytes(line).unwrap();
                request = request.append_header(("x-forwarded-for", value));
            }
            let client = Client::of(&request.to_http_request(), *proxies);
            assert_eq!(client.is_near(), *near, "{lines:?} behind {proxies}");
        }
    }
}

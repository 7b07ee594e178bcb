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
    /// Its address.
    pub ip: IpAddr,
    /// What it calls itself.
    pub user_agent: String,
}

impl Client {
    /// Reads it off a request, with this many proxies of ours in front.
    pub fn of(request: &HttpRequest, trusted_proxies: usize) -> Client {
        let peer = request.peer_addr().map(|peer| peer.ip());
        let name = header::HeaderName::from_static("x-forwarded-for");
        let lines = request.headers().get_all(name).filter_map(|value| value.to_str().ok());
        let ip = client_ip(peer, lines, trusted_proxies);
        let agent = request.headers().get(header::USER_AGENT).and_then(|v| v.to_str().ok());
        let user_agent = agent.unwrap_or_default().chars().take(USER_AGENT_MAX).collect();
        Client { ip, user_agent }
    }

    /// True for addresses nobody reaches us from over the internet.
    pub fn is_near(&self) -> bool {
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
/// Invariant: with fewer entries than trusted proxies, or one that is no address, the peer counts,
/// never a guess; proved by `the_client_is_counted_from_the_right_and_spoofing_changes_nothing`.
pub fn client_ip<'a>(
    peer: Option<IpAddr>,
    forwarded: impl Iterator<Item = &'a str>,
    trusted_proxies: usize,
) -> IpAddr {
    let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.to_canonical());
    let Some(from_right) = trusted_proxies.checked_sub(1) else { return peer };
    let entries: Vec<&str> = forwarded.flat_map(|line| line.split(',')).map(str::trim).collect();
    if entries.len() > HOPS_MAX {
        return peer;
    }
    let entry = entries.iter().rev().nth(from_right);
    entry.and_then(|entry| address(entry)).map_or(peer, |ip| ip.to_canonical())
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
            let got = client_ip(peer, lines.iter().copied(), *proxies);
            assert_eq!(got.to_string(), *want, "{lines:?} behind {proxies}");
        }
        let long = vec!["1.2.3.4"; 33].join(",");
        assert_eq!(client_ip(peer, [long.as_str()].into_iter(), 1).to_string(), "10.0.0.9");
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
            let client = Client { ip: ip.parse().unwrap(), user_agent: String::new() };
            assert_eq!(client.is_near(), near, "{ip}");
        }
    }
}

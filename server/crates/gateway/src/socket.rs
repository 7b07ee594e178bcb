//! How sockets are set up.

use std::{io, net::SocketAddr};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::timing::Timing;

/// How many probes without an answer end a connection (`meters.md` D).
pub const KEEPALIVE_PROBES: u32 = 3;

/// How many connections the system keeps ready for us: three thousand modems come back together
/// after an outage (`meters.md` H.1 no. 14).
pub const BACKLOG: u32 = 8192;

/// No delay, because modems cut the serial side at idle gaps; keepalive, because a half-open
/// socket lives for hours (`meters.md` D).
///
/// What the system refuses is not fatal: the application's own idle timer remains.
pub(crate) fn prepare(stream: &TcpStream, timing: &Timing) {
    let _ = stream.set_nodelay(true);
    let keepalive = TcpKeepalive::new()
        .with_time(timing.keepalive)
        .with_interval(timing.keepalive)
        .with_retries(KEEPALIVE_PROBES);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

/// A listener that can be taken over after a restart.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

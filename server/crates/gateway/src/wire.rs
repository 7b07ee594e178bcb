//! A line's connection, of either kind.

use std::{net::SocketAddr, time::Duration};

use tokio::time::Instant;

use crate::{
    conn::{Ask, Conn, Outcome, Stray},
    event::OfflineReason,
    mbap::Mbap,
    query::MeterAddress,
    shared::Shared,
};

/// What a line talks through.
pub(crate) enum Wire {
    /// Bytes to a transparent bus.
    Stream(Box<Conn>),
    /// Modbus TCP.
    Mbap(Box<Mbap>),
}

impl Wire {
    pub(crate) fn remote(&self) -> SocketAddr {
        match self {
            Wire::Stream(conn) => conn.remote,
            Wire::Mbap(mbap) => mbap.remote,
        }
    }

    pub(crate) fn closed(&self) -> Option<OfflineReason> {
        match self {
            Wire::Stream(conn) => conn.closed,
            Wire::Mbap(mbap) => mbap.closed,
        }
    }

    /// When the last byte came, where bytes are seen.
    pub(crate) fn heard(&self) -> Option<Instant> {
        match self {
            Wire::Stream(conn) => Some(conn.heard),
            Wire::Mbap(_) => None,
        }
    }

    /// True if anything came since a moment.
    pub(crate) fn spoke(&self, since: Instant) -> bool {
        match self {
            Wire::Stream(conn) => conn.heard > since,
            Wire::Mbap(mbap) => mbap.answered,
        }
    }

    /// How long nothing has come.
    pub(crate) fn silence(&self) -> Duration {
        match self {
            Wire::Stream(conn) => conn.heard.elapsed(),
            Wire::Mbap(_) => Duration::ZERO,
        }
    }

    pub(crate) fn value(&mut self) -> &mut Vec<u8> {
        match self {
            Wire::Stream(conn) => &mut conn.value,
            Wire::Mbap(mbap) => &mut mbap.value,
        }
    }

    pub(crate) fn take_strays(&mut self) -> Vec<Stray> {
        match self {
            Wire::Stream(conn) => std::mem::take(&mut conn.strays),
            Wire::Mbap(_) => Vec::new(),
        }
    }

    pub(crate) async fn readable(&mut self) {
        match self {
            Wire::Stream(conn) => conn.readable().await,
            Wire::Mbap(_) => std::future::pending().await,
        }
    }

    pub(crate) fn idle(&mut self, wire: Option<MeterAddress>, shared: &Shared) {
        if let Wire::Stream(conn) = self {
            conn.idle(wire, shared);
        }
    }

    pub(crate) async fn drain(
        &mut self,
        quiet: Duration,
        wire: Option<MeterAddress>,
        shared: &Shared,
    ) {
        if let Wire::Stream(conn) = self {
            conn.drain(quiet, shared.timing.exchange_max, wire, shared).await;
        }
    }

    pub(crate) async fn ask(&mut self, shared: &Shared, ask: Ask<'_>) -> Outcome {
        match self {
            Wire::Stream(conn) => conn.ask(shared, ask).await,
            // Boxed: the library's futures are large, and most lines never use them.
            Wire::Mbap(mbap) => Box::pin(mbap.ask(shared, ask)).await,
        }
    }
}

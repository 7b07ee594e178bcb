//! Connections that dial in: accepted at a bounded rate, named within a bounded time.
//!
//! Unregistered → Registered → Transparent (design §5). No meter frame is looked for before the
//! modem has named itself.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

use crate::{
    bus::Message,
    conn::{Conn, Place},
    counter::count,
    event::{GatewayEvent, REGISTRATION_BYTES_MAX},
    gateway::Handle,
    registration::SharedDirectory,
    shared::Shared,
    socket,
};

/// Accepts and names connections.
pub(crate) struct Door {
    pub shared: Arc<Shared>,
    pub directory: SharedDirectory<Arc<Handle>>,
    pub unregistered: AtomicUsize,
}

impl Door {
    /// Accepts until the task is aborted.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
        let timing = &self.shared.timing;
        let per_second = timing.accepts_per_second.max(1);
        let mut window = Instant::now();
        let mut accepted = 0u32;
        loop {
            let Ok((stream, remote)) = listener.accept().await else {
                // Out of descriptors: the backlog waits until some connection ends.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            count(&self.shared.counters.accepted);
            let open = self.shared.counters.connections.load(Ordering::Relaxed) as usize;
            let unnamed = self.unregistered.load(Ordering::Relaxed);
            if open >= timing.connections_max || unnamed >= timing.unregistered_max {
                count(&self.shared.counters.refused_connections);
            } else {
                self.unregistered.fetch_add(1, Ordering::Relaxed);
                let place = Place::take(&self.shared.counters);
                tokio::spawn(Arc::clone(&self).admit(stream, remote, place));
            }
            accepted += 1;
            if accepted >= per_second {
                // The rest waits in the system's queue, so that a storm cannot starve the buses.
                tokio::time::sleep_until(window + Duration::from_secs(1)).await;
                accepted = 0;
                window = Instant::now();
            } else if window.elapsed() >= Duration::from_secs(1) {
                accepted = 0;
                window = Instant::now();
            }
        }
    }

    async fn admit(self: Arc<Self>, stream: TcpStream, remote: SocketAddr, place: Place) {
        socket::prepare(&stream, &self.shared.timing);
        let mut heard = Vec::new();
        let named = self.name(&stream, &mut heard).await;
        self.unregistered.fetch_sub(1, Ordering::Relaxed);
        let Some(known) = named else {
            if !heard.is_empty() {
                count(&self.shared.counters.unknown_registrations);
                heard.truncate(REGISTRATION_BYTES_MAX);
                let remote = remote.to_string();
                let event = GatewayEvent::UnknownRegistration { remote, bytes: heard };
                self.shared.outbox.event(event);
            }
            return;
        };
        let mut conn = Conn::new(stream, remote, Some(known.deframer), Some(place));
        conn.begin(known.events, &self.shared);
        // A line that cannot even take this is overwhelmed; the modem will dial again.
        let _ = known.line.inbox.try_send(Box::new(Message::Attach(Box::new(conn))));
    }

    /// Reads until the modem is known, or its time or its bytes are used up.
    async fn name(
        &self,
        stream: &TcpStream,
        heard: &mut Vec<u8>,
    ) -> Option<crate::registration::Known<Arc<Handle>>> {
        let limit = Instant::now() + self.shared.timing.registration;
        loop {
            if tokio::time::timeout_at(limit, stream.readable()).await.is_err() {
                count(&self.shared.counters.registration_timeouts);
                return None;
            }
            let mut chunk = [0u8; REGISTRATION_BYTES_MAX];
            match stream.try_read(&mut chunk) {
                Ok(0) => return None,
                Ok(len) => heard.extend_from_slice(&chunk[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => return None,
            }
            let directory =
                self.directory.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(known) = directory.find(heard, |handle| handle.framing.clone()) {
                return Some(known);
            }
            if heard.len() >= REGISTRATION_BYTES_MAX {
                return None;
            }
        }
    }
}

//! A Modbus TCP device, by tokio-modbus, with the time-out and the reconnect it lacks.
//!
//! After any time-out or error the connection is poisoned and dropped: its transaction ids would
//! hand a late answer to the next request (`meters.md` B.4).

use std::{
    borrow::Cow,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use meter_protocol::modbus;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_modbus::{
    Request, Response, Slave,
    client::{Client, Context as Modbus, tcp},
    slave::SlaveContext,
};

use crate::{
    command::{Direction, FrameRecord},
    conn::{Ask, Outcome},
    counter::{add, count},
    event::OfflineReason,
    query::{Answer, Query, refusal},
    shared::Shared,
};

/// A connection to a Modbus TCP device.
pub(crate) struct Mbap {
    modbus: Modbus,
    traffic: Arc<Mutex<Traffic>>,
    pub remote: SocketAddr,
    pub closed: Option<OfflineReason>,
    /// True once it has answered anything.
    pub answered: bool,
    pub value: Vec<u8>,
}

/// The bytes of one exchange, as they went over the socket.
#[derive(Debug, Default)]
struct Traffic {
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Mbap {
    pub(crate) fn new(stream: TcpStream, remote: SocketAddr) -> Self {
        let traffic = Arc::new(Mutex::new(Traffic::default()));
        let modbus = tcp::attach(Tap { stream, traffic: Arc::clone(&traffic) });
        Mbap { modbus, traffic, remote, closed: None, answered: false, value: Vec::new() }
    }

    pub(crate) async fn ask(&mut self, shared: &Shared, ask: Ask<'_>) -> Outcome {
        self.value.clear();
        let Query::Modbus(request) = ask.query else {
            return Outcome::Lost { written: 0 };
        };
        *lock(&self.traffic) = Traffic::default();
        self.modbus.set_slave(Slave(request.slave()));
        let at = shared.clock.now();
        count(&shared.counters.requests);
        let limit = ask.patience.min(shared.timing.exchange_max);
        let outcome = match self.call(request, limit).await {
            Some(answer) => {
                self.answered = true;
                count(&shared.counters.answers);
                Outcome::Answer(answer)
            }
            None => self.failed(shared),
        };
        let traffic = std::mem::take(&mut *lock(&self.traffic));
        add(&shared.counters.bytes_sent, traffic.sent.len() as u64);
        add(&shared.counters.bytes_received, traffic.received.len() as u64);
        if let Some(frames) = ask.frames {
            let (sent, received) = (traffic.sent, traffic.received);
            frames.push(FrameRecord { at, direction: Direction::Sent, bytes: sent });
            if !received.is_empty() {
                let (at, direction) = (shared.clock.now(), Direction::Received);
                frames.push(FrameRecord { at, direction, bytes: received });
            }
        }
        outcome
    }

    /// The checked answer; none when there was none, which poisons the connection.
    async fn call(&mut self, request: &modbus::Request, limit: Duration) -> Option<Answer> {
        let (start, count) = (request.start(), request.count());
        let call = match request.function() {
            3 => Request::ReadHoldingRegisters(start, count),
            4 => Request::ReadInputRegisters(start, count),
            _ => Request::WriteMultipleRegisters(start, Cow::Borrowed(request.values())),
        };
        let answered = tokio::time::timeout(limit, self.modbus.call(call)).await;
        let registers = match answered {
            Ok(Ok(Ok(
                Response::ReadHoldingRegisters(registers) | Response::ReadInputRegisters(registers),
            ))) => registers,
            // The library only asserts the echo in debug builds; we check it.
            Ok(Ok(Ok(Response::WriteMultipleRegisters(at, written)))) => {
                return ((at, written) == (start, count)).then_some(Answer::Done);
            }
            Ok(Ok(Err(exception))) => return Some(refusal::modbus(exception.into())),
            _ => return None,
        };
        if registers.len() != usize::from(count) {
            return None;
        }
        self.value.extend(registers.iter().flat_map(|register| register.to_be_bytes()));
        Some(Answer::Value { more: false })
    }

    fn failed(&mut self, shared: &Shared) -> Outcome {
        self.closed = Some(OfflineReason::Broken);
        let traffic = lock(&self.traffic);
        match (traffic.sent.len(), traffic.received.len()) {
            (0, _) => Outcome::Lost { written: 0 },
            (_, 0) => {
                count(&shared.counters.timeouts);
                Outcome::Silence
            }
            _ => {
                count(&shared.counters.garbled);
                Outcome::Noise
            }
        }
    }
}

fn lock(traffic: &Mutex<Traffic>) -> MutexGuard<'_, Traffic> {
    traffic.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket that notes what passes: the frames of the command, and the proof of what left.
#[derive(Debug)]
struct Tap {
    stream: TcpStream,
    traffic: Arc<Mutex<Traffic>>,
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buf);
        lock(&self.traffic).received.extend_from_slice(&buf.filled()[before..]);
        polled
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, buf);
        if let Poll::Ready(Ok(len)) = &polled {
            lock(&self.traffic).sent.extend_from_slice(&buf[..*len]);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

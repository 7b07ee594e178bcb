//! Where lines leave their events, so that a slow listener never stops a bus.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, mpsc};

use crate::{
    counter::{Counters, add, count},
    event::{GatewayEvent, READINGS_MAX, Reading},
};

/// Most events that wait for the listener.
pub const EVENTS_MAX: usize = 65_536;

/// Most readings that wait for the listener.
pub const READINGS_WAITING_MAX: usize = 262_144;

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<GatewayEvent>,
    readings: VecDeque<Reading>,
}

/// Events and readings on their way to the listener.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    wake: Notify,
    counters: Arc<Counters>,
}

impl Outbox {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        Outbox { waiting: Mutex::default(), wake: Notify::new(), counters }
    }

    /// Leaves an event; wakes the listener at once.
    pub(crate) fn event(&self, event: GatewayEvent) {
        let mut waiting = self.lock();
        if waiting.events.len() >= EVENTS_MAX {
            drop(waiting);
            count(&self.counters.events_dropped);
            return;
        }
        waiting.events.push_back(event);
        drop(waiting);
        self.wake.notify_one();
    }

    /// Leaves a reading; the listener gets it with the next flush.
    pub(crate) fn readings(&self, readings: &[Reading]) {
        let mut waiting = self.lock();
        if waiting.readings.len() + readings.len() > READINGS_WAITING_MAX {
            drop(waiting);
            add(&self.counters.readings_dropped, readings.len() as u64);
            return;
        }
        let before = waiting.readings.len();
        waiting.readings.extend(readings);
        let full = before < READINGS_MAX && waiting.readings.len() >= READINGS_MAX;
        drop(waiting);
        if full {
            self.wake.notify_one();
        }
    }

    /// Hands everything to the listener, until it hangs up.
    pub(crate) async fn pump(
        self: Arc<Self>,
        listener: mpsc::Sender<GatewayEvent>,
        flush: Duration,
    ) {
        loop {
            let _ = tokio::time::timeout(flush, self.wake.notified()).await;
            loop {
                let (event, readings) = {
                    let mut waiting = self.lock();
                    match waiting.events.pop_front() {
                        Some(event) => (Some(event), Vec::new()),
                        None => {
                            let some = waiting.readings.len().min(READINGS_MAX);
                            let some = waiting.readings.drain(..some).collect::<Vec<_>>();
                            if waiting.readings.is_empty() {
                                // What a slow listener let pile up is not kept for ever.
                                waiting.readings.shrink_to(READINGS_MAX);
                            }
                            (None, some)
                        }
                    }
                };
                if event.is_none() && readings.is_empty() {
                    break;
                }
                add(&self.counters.readings, readings.len() as u64);
                let next = event.unwrap_or(GatewayEvent::Readings(readings));
                if listener.send(next).await.is_err() {
                    return;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Workers: each effect that takes time runs in a task of its own, which leaving a screen does not
//! end. A task that dies says what can still be said: that nobody knows.

use std::future::Future;

use kiosk_wire::{
    card::{VoucherOutcome, VoucherReport},
    receipt::PrintOutcome,
};
use tokio::task::JoinHandle;

use super::{CardFault, Feed, Ports, Sender};
use crate::{
    call::Failure,
    session::{CardAsk, CardSeen, Effect, Event},
};

/// Carries an effect out, and feeds what comes of it.
pub(super) struct Workers {
    pub(super) ports: Ports,
    pub(super) feed: Sender,
    pub(super) runtime: tokio::runtime::Handle,
    /// The wait for a card, by the name of its task.
    pub(super) waiting: Option<(u64, JoinHandle<()>)>,
}

impl Workers {
    /// Begins an effect; journal lines are the core's own.
    pub(super) fn begin(&mut self, effect: Effect, paper_mm: u16) {
        let ports = self.ports.clone();
        match effect {
            Effect::Journal(_) => {}
            Effect::Call { task, call } => {
                let work = async move { ports.server.call(call).await };
                self.spawn(work, move |done| {
                    let outcome = done.unwrap_or(Err(Failure::Lost));
                    Event::Answer { task, outcome }
                });
            }
            Effect::AskPrinter { task } => {
                let work = async move { ports.press.status().await };
                self.spawn(work, move |done| Event::PrinterIs {
                    task,
                    printer: done.unwrap_or_default(),
                });
            }
            Effect::Print { print, receipt } => {
                let work = async move { ports.press.print(&receipt, paper_mm).await };
                self.spawn(work, move |done| {
                    let (outcome, paper_mm) = done.unwrap_or((PrintOutcome::Unknown, 0));
                    Event::Printed { print, outcome, paper_mm }
                });
            }
            Effect::Card { task, ask } => self.card(task, ask),
            Effect::DropCard { task } => {
                if let Some((_, wait)) = self.waiting.take_if(|(waited, _)| *waited == task) {
                    wait.abort();
                }
            }
            Effect::Tell(up) => self.ports.mouth.say(up),
        }
    }

    fn card(&mut self, task: u64, ask: CardAsk) {
        let cards = self.ports.cards.clone();
        match ask {
            CardAsk::Wait { not } => {
                if let Some((_, before)) = self.waiting.take() {
                    before.abort();
                }
                let feed = self.feed.clone();
                let wait = self.runtime.spawn(async move {
                    let seen = match cards.wait(not.as_deref()).await {
                        Ok(uid) => CardSeen::Laid { uid },
                        Err(fault) => seen(fault),
                    };
                    feed.send(Feed::event(Event::Card { task, seen }));
                });
                self.waiting = Some((task, wait));
            }
            CardAsk::Read { uid, keys } => {
                let work = async move { cards.read(&uid, &keys).await };
                self.spawn(work, move |done| {
                    let seen = match done {
                        Some(Ok(lookup)) => CardSeen::Read(lookup),
                        Some(Err(fault)) => seen(fault),
                        None => CardSeen::Unreadable,
                    };
                    Event::Card { task, seen }
                });
            }
            CardAsk::Write { uid, keys, voucher } => {
                let work = async move { cards.write(&uid, &keys, &voucher).await };
                self.spawn(work, move |done| {
                    let outcome = VoucherOutcome::Unknown;
                    let report = done.unwrap_or(VoucherReport { outcome, blocks: Vec::new() });
                    Event::Card { task, seen: CardSeen::Wrote(report) }
                });
            }
        }
    }

    /// Runs `work` and feeds what `say` makes of it; of `None` where the work itself died.
    ///
    /// Invariant: every call, print and write is answered, if only by doubt
    /// (`a_worker_that_dies_leaves_doubt_and_no_silence`).
    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        say: impl FnOnce(Option<T>) -> Event + Send + 'static,
    ) {
        let (feed, runtime) = (self.feed.clone(), self.runtime.clone());
        self.runtime.spawn(async move {
            let done = runtime.spawn(work).await.ok();
            feed.send(Feed::event(say(done)));
        });
    }
}

fn seen(fault: CardFault) -> CardSeen {
    match fault {
        CardFault::Gone => CardSeen::Gone,
        CardFault::Unreadable => CardSeen::Unreadable,
    }
}

//! Carries callbacks to merchants on the providers' retry schedules, and settles refunds when due.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::alipay;
use crate::book::{ProviderKind, RefundStatus, TradeKey};
use crate::event::{Content, Event};
use crate::fault::Fault;
use crate::wechat_pay::callback;
use crate::world::{State, World};

/// How many errands may wait.
pub(crate) const ERRANDS_MAX: usize = 1_000_000;

/// How many deliveries run at one time.
pub(crate) const IN_FLIGHT_MAX: usize = 256;

/// How many bytes of a merchant's answer are kept.
const REPLY_KEPT_MAX: usize = 4_096;

/// How long the courier sleeps when nothing waits, in milliseconds.
const IDLE_MS: i64 = 60_000;

/// WeChat's delays after each failed delivery, in seconds (payments.md A7).
pub const WECHAT_RETRIES_S: [i64; 15] = [
    15, 15, 30, 180, 600, 1_200, 1_800, 1_800, 1_800, 3_600, 10_800, 10_800, 10_800, 21_600, 21_600,
];

/// Alipay's delays after each failed delivery, in seconds (payments.md B8).
pub const ALIPAY_RETRIES_S: [i64; 7] = [240, 600, 600, 3_600, 7_200, 21_600, 54_000];

/// Something to be done at a moment.
pub(crate) enum Errand {
    /// Deliver an event.
    Callback(Box<Event>),
    /// End a refund.
    Settle { key: TradeKey, out_refund_no: String, status: RefundStatus },
    /// Close an unpaid Alipay trade.
    Expire { key: TradeKey },
}

/// A callback as it went over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Where it went.
    pub url: String,
    /// Its headers, in order; a name may occur twice.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What the merchant answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// HTTP status; 0 when there was no answer in time.
    pub status: u16,
    /// The beginning of the body.
    pub body: String,
    /// Whether the provider takes it as an acknowledgement.
    pub acknowledged: bool,
}

/// Everything that waits.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: BTreeMap<(i64, u64), Errand>,
    held: Vec<Event>,
    last: HashMap<TradeKey, Letter>,
    issued: u64,
}

impl Outbox {
    /// Adds an errand; beyond [`ERRANDS_MAX`] it is lost, as if the provider never called.
    pub(crate) fn push(&mut self, due_ms: i64, errand: Errand) {
        if self.waiting.len() < ERRANDS_MAX {
            self.issued += 1;
            self.waiting.insert((due_ms, self.issued), errand);
        }
    }

    /// Takes what is due, and says when the next is.
    fn take_due(&mut self, now_ms: i64) -> (Vec<Errand>, Option<i64>) {
        let later = self.waiting.split_off(&(now_ms + 1, 0));
        let due = std::mem::replace(&mut self.waiting, later);
        let next_ms = self.waiting.first_key_value().map(|((due_ms, _), _)| *due_ms);
        (due.into_values().collect(), next_ms)
    }

    /// The last callback of an order, as it went.
    pub(crate) fn last(&self, key: &TradeKey) -> Option<&Letter> {
        self.last.get(key)
    }

    /// Callbacks and refunds that still wait, held ones included; expiries are not counted.
    pub(crate) fn pending(&self) -> usize {
        let waiting = self.waiting.values();
        let told = waiting.filter(|errand| !matches!(errand, Errand::Expire { .. })).count();
        told + self.held.len()
    }

    /// Lets go of what was kept back.
    pub(crate) fn release_held(&mut self, now_ms: i64) {
        for event in std::mem::take(&mut self.held) {
            self.push(now_ms, Errand::Callback(Box::new(event)));
        }
    }
}

/// A letter that is all but signed; signing is slow and needs no state.
pub(crate) type Draft = Box<dyn FnOnce() -> Letter + Send>;

/// Drafts the event as it will go over the wire, with the faults that strike.
pub(crate) fn draft(world: &World, state: &mut State, event: &Event, faults: &[Fault]) -> Draft {
    match &event.content {
        Content::Wechat(notice) => callback::draft(world, state, &event.url, notice, faults),
        Content::Alipay(fields) => {
            alipay::notify::draft(world, state, &event.key, &event.url, fields, faults)
        }
    }
}

/// The HTTP client of callbacks: no redirects, no proxy, a short patience.
pub(crate) fn client(world: &World) -> Option<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_millis(world.config.callback_timeout_ms))
        .build()
        .ok()
}

/// Posts a letter and reads the answer.
pub(crate) async fn post(
    client: &reqwest::Client,
    provider: ProviderKind,
    letter: &Letter,
) -> Reply {
    let mut headers = HeaderMap::new();
    for (name, value) in &letter.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let sent = client.post(&letter.url).headers(headers).body(letter.body.clone()).send().await;
    let (status, body) = match sent {
        Ok(answer) => {
            let status = answer.status().as_u16();
            (status, answer.bytes().await.unwrap_or_default())
        }
        Err(_) => (0, Default::default()),
    };
    let acknowledged = match provider {
        ProviderKind::WechatPay => matches!(status, 200 | 204),
        ProviderKind::Alipay => status == 200 && body.as_ref() == b"success",
    };
    let kept = &body[..body.len().min(REPLY_KEPT_MAX)];
    Reply { status, body: String::from_utf8_lossy(kept).into_owned(), acknowledged }
}

/// Runs until the simulator stops.
pub(crate) async fn work(world: Arc<World>) {
    let Some(client) = client(&world) else { return };
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    loop {
        let now_ms = world.clock.true_ms();
        let (due, next_ms) = world.state().outbox.take_due(now_ms);
        for errand in due {
            match errand {
                Errand::Settle { key, out_refund_no, status } => {
                    world.settle_due(&key, &out_refund_no, status);
                }
                Errand::Expire { key } => world.expire(&key),
                Errand::Callback(event) => {
                    let (world, client) = (world.clone(), client.clone());
                    let in_flight = in_flight.clone();
                    actix_web::rt::spawn(async move {
                        let _permit = in_flight.acquire().await;
                        deliver(&world, &client, *event).await;
                    });
                }
            }
        }
        tokio::select! {
            () = world.wake.notified() => {}
            () = world.clock.until(next_ms.unwrap_or(now_ms + IDLE_MS)) => {}
        }
    }
}

/// Whether the faults keep the event from going now; then it is put where it belongs.
fn diverted(world: &World, state: &mut State, event: &mut Event, faults: &[Fault]) -> bool {
    let now_ms = world.clock.true_ms();
    for fault in faults {
        match fault {
            Fault::Never => {
                tally(state, &event.key, |tally| tally.swallowed += 1);
                return true;
            }
            Fault::Delay { delay_ms } if !event.put_off => {
                event.put_off = true;
                let errand = Errand::Callback(Box::new(event.clone()));
                state.outbox.push(now_ms + delay_ms.max(&0), errand);
                return true;
            }
            Fault::HoldUntilNext if !event.put_off => {
                event.put_off = true;
                state.outbox.held.push(event.clone());
                return true;
            }
            _ => {}
        }
    }
    false
}

fn tally(state: &mut State, key: &TradeKey, change: impl Fn(&mut crate::book::Tally)) {
    if let Some(trade) = state.book.find_mut(key) {
        change(&mut trade.callbacks);
    }
}

/// Delivers one event once, and plans the next attempt when it was not acknowledged.
pub(crate) async fn deliver(world: &World, client: &reqwest::Client, mut event: Event) {
    let (draft, copies) = {
        let mut state = world.state();
        let faults = state.draw(event.occasion());
        if diverted(world, &mut state, &mut event, &faults) {
            drop(state);
            world.wake.notify_one();
            world.progress.notify_waiters();
            return;
        }
        let copies = faults.iter().find_map(|fault| match fault {
            Fault::Copies { count } => Some((*count).clamp(1, IN_FLIGHT_MAX)),
            _ => None,
        });
        (draft(world, &mut state, &event, &faults), copies.unwrap_or(1))
    };
    let letter = draft();
    world.state().outbox.last.insert(event.key.clone(), letter.clone());
    let posts = (0..copies).map(|_| post(client, event.key.provider, &letter));
    let replies = join_all(posts).await;
    finish(world, event, &replies);
    world.wake.notify_one();
    world.progress.notify_waiters();
}

/// Books the replies and plans what follows.
fn finish(world: &World, mut event: Event, replies: &[Reply]) {
    let now_ms = world.clock.true_ms();
    let mut state = world.state();
    let accepted = replies.iter().filter(|reply| reply.acknowledged).count();
    let (sent, accepted) = (count(replies.len()), count(accepted));
    tally(&mut state, &event.key, |tally| {
        tally.sent += sent;
        tally.acknowledged += accepted;
    });
    if accepted == 0 {
        let schedule = match event.key.provider {
            ProviderKind::WechatPay => &WECHAT_RETRIES_S[..],
            ProviderKind::Alipay => &ALIPAY_RETRIES_S[..],
        };
        match schedule.get(event.attempt) {
            Some(delay_s) => {
                event.attempt += 1;
                let delay_ms = delay_s * 1_000 / i64::from(world.config.time_scale.max(1));
                state.outbox.push(now_ms + delay_ms, Errand::Callback(Box::new(event)));
            }
            None => tally(&mut state, &event.key, |tally| tally.given_up += 1),
        }
    }
    state.outbox.release_held(now_ms);
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_retry_schedules_are_those_the_providers_publish() {
        // 15 retries in about 24 h 4 m; 8 deliveries in about 25 h.
        assert_eq!(WECHAT_RETRIES_S.iter().sum::<i64>(), 24 * 3_600 + 4 * 60);
        assert_eq!(ALIPAY_RETRIES_S.iter().sum::<i64>(), 24 * 3_600 + 24 * 60);
    }

    #[test]
    fn errands_come_out_when_due_in_the_order_they_went_in() {
        let mut outbox = Outbox::default();
        let settle = |no: &str| Errand::Settle {
            key: TradeKey::new(ProviderKind::Alipay, "m", "A"),
            out_refund_no: no.to_owned(),
            status: RefundStatus::Success,
        };
        for (due_ms, no) in [(5, "b"), (9, "d"), (5, "c"), (1, "a")] {
            outbox.push(due_ms, settle(no));
        }
        let mut names = |now_ms| {
            let (due, next_ms) = outbox.take_due(now_ms);
            let names = due.iter().map(|errand| match errand {
                Errand::Settle { out_refund_no, .. } => out_refund_no.as_str(),
                _ => "?",
            });
            (names.collect::<String>(), next_ms)
        };
        assert_eq!(names(5), ("abc".to_owned(), Some(9)));
        assert_eq!(names(8), (String::new(), Some(9)));
        assert_eq!(names(9), ("d".to_owned(), None));
    }
}

//! The live page of an order: server-sent events (WHATWG HTML, 9.2), opened by a ticket that is
//! good once and for a minute, because a browser sends no token with them.
//!
//! Every line of a timeline is written in the transaction of what it tells of, so looking at the
//! newest line's id is enough to know that something moved; only then the order is put together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use chrono::TimeDelta;
use domain::{OrderId, PersonId, ProjectId};
use futures::StreamExt;
use serde::Serialize;
use store::{
    order as orders,
    order_tenant::{self, StreamTicket},
    timeline,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::{self, OrderView, Scene};
use crate::{
    PREFIX,
    answer::Answer,
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    route::{Need, Route},
};

/// Streams open at once in this process.
pub const STREAMS_MAX: usize = 1_000;
/// Streams of one person open at once: their tabs.
pub const STREAMS_PER_PERSON_MAX: usize = 6;
/// How long a ticket opens its stream.
const TICKET_LIFE: TimeDelta = TimeDelta::seconds(60);
/// How often the newest line is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often the order is put together although no line is new: a gateway may have gone.
const LOOK_FULLY: Duration = Duration::from_secs(5);
/// How often a silent stream says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The longest life of a stream; the page takes another ticket then.
const LIFE_MAX: Duration = Duration::from_secs(30 * 60);

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/orders/{order}/stream", "tenant_order.ticket", |call| Box::pin(ticket(call)))
        .needs(Need::Order)
        .says("订单直播凭票", "A ticket that opens the order's live page once, within a minute")
        .answers::<StreamView>(200),
    Route::get("/orders/stream/{ticket}", "tenant_order.stream", |call| Box::pin(open(call)))
        .needs(Need::Nothing)
        .says("订单直播", "The order by server-sent events, until nothing more happens"),
];

/// Where a live page is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StreamView {
    /// The address, good once.
    #[schema(example = "/api/mini/v1/orders/stream/kAXs1b2T7Zc")]
    pub url: String,
}

/// The places for streams in this process.
#[derive(Clone, Default)]
pub struct Places(Arc<Mutex<HashMap<PersonId, usize>>>);

/// A place for one stream; free again when this is dropped.
struct Place {
    person: PersonId,
    places: Places,
}

impl Places {
    fn take(&self, person: PersonId) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let mine = open.entry(person).or_default();
        if all >= STREAMS_MAX || *mine >= STREAMS_PER_PERSON_MAX {
            if *mine == 0 {
                open.remove(&person);
            }
            return None;
        }
        *mine += 1;
        Some(Place { person, places: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get_mut(&self.person).map_or(0, |count| {
            *count -= 1;
            *count
        });
        if left == 0 {
            open.remove(&self.person);
        }
    }
}

fn hash_of(ticket: &str) -> String {
    digest(&SHA256, ticket.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

async fn ticket(call: Call) -> Result<Answer> {
    let (desk, placed, person) = (&call.desk, *call.order()?, call.caller()?.person);
    let mut bytes = [0u8; 24];
    desk.rng.fill(&mut bytes);
    let ticket = URL_SAFE_NO_PAD.encode(bytes);
    let row = StreamTicket {
        hash: hash_of(&ticket),
        person_id: person.0,
        project_id: placed.project.0,
        order_id: placed.order.0,
        expires_at: desk.clock.now() + TICKET_LIFE,
        used_at: None,
    };
    let kept = desk
        .house
        .store()
        .transact(move |tx| Box::pin(async move { order_tenant::insert_ticket(tx, row).await }));
    kept.await?;
    Answer::ok(&StreamView { url: format!("{PREFIX}/orders/stream/{ticket}") })
}

async fn open(call: Call) -> Result<Answer> {
    let missing = || Failure::NotFound("ticket");
    let hash = hash_of(call.text("ticket")?);
    let now = call.desk.clock.now();
    let redeemed = call.desk.house.store().transact(move |tx| {
        Box::pin(async move { order_tenant::redeem_ticket(tx, &hash, now).await })
    });
    let ticket = redeemed.await?.ok_or_else(missing)?;
    let person = PersonId(ticket.person_id);
    let place = call.desk.streams.take(person);
    let place = place.ok_or(Failure::TooMany { retry_after_s: 15 })?;
    let watch = Watch {
        project: ProjectId(ticket.project_id),
        order: OrderId(ticket.order_id),
        person,
        began: call.desk.clock.monotonic(),
        said: call.desk.clock.monotonic(),
        looked: None,
        line: None,
        told: None,
        ends: false,
        desk: Arc::clone(&call.desk),
        _place: place,
    };
    Ok(Answer::events(futures::stream::unfold(watch, next).boxed_local()))
}

/// One stream.
struct Watch {
    desk: Arc<Desk>,
    project: ProjectId,
    order: OrderId,
    person: PersonId,
    began: Duration,
    /// When something was said last.
    said: Duration,
    /// When the order was put together last.
    looked: Option<Duration>,
    /// The newest line seen.
    line: Option<Uuid>,
    /// What was told last.
    told: Option<String>,
    /// Nothing comes after what was said last.
    ends: bool,
    _place: Place,
}

async fn next(mut watch: Watch) -> Option<(Bytes, Watch)> {
    loop {
        let now = watch.desk.clock.monotonic();
        if watch.ends || now.saturating_sub(watch.began) > LIFE_MAX {
            return None;
        }
        match watch.news(now).await {
            Ok(Some(event)) => {
                watch.said = now;
                return Some((event, watch));
            }
            Ok(None) => {}
            Err(error) => {
                // The page asks for the order by itself when the stream ends.
                tracing::warn!(%error, "the stream of an order ends early");
                return None;
            }
        }
        if now.saturating_sub(watch.said) >= HEARTBEAT {
            watch.said = now;
            return Some((Bytes::from_static(b": still here\n\n"), watch));
        }
        let mut stopping = watch.desk.stopping.clone();
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return None,
        }
    }
}

impl Watch {
    /// The order, if it looks otherwise than when it was told last.
    async fn news(&mut self, now: Duration) -> Result<Option<Bytes>> {
        let db = self.desk.house.store().read();
        let newest = timeline::newest(db, self.project, self.order, 1).await?;
        let line = newest.first().map(|event| event.id);
        let due = self.looked.is_none_or(|at| now.saturating_sub(at) >= LOOK_FULLY);
        if line == self.line && !due {
            return Ok(None);
        }
        (self.line, self.looked) = (line, Some(now));
        let view = self.look().await?;
        let text = serde_json::to_string(&view).map_err(|error| Failure::internal(&error))?;
        if self.told.as_deref() == Some(&text) {
            return Ok(None);
        }
        self.ends = view.is_final;
        // JSON text has no line breaks, so one event is one line.
        let event = Bytes::from(format!("event: order\ndata: {text}\n\n"));
        self.told = Some(text);
        Ok(Some(event))
    }

    async fn look(&self) -> Result<OrderView> {
        let db = self.desk.house.store().read();
        let order = orders::by_id(db, self.project, self.order).await?;
        let order = order.ok_or(Failure::NotFound("order"))?;
        let scene = Scene::open(&self.desk, &order).await?;
        view::view(&self.desk, &order, &scene, Some(self.person)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_bounded_by_person_and_a_closed_one_frees_its_place() {
        let places = Places::default();
        let (wang, li) = (PersonId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(2)));
        let mut held: Vec<_> = (0..STREAMS_PER_PERSON_MAX).map(|_| places.take(wang)).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(places.take(wang).is_none());
        assert!(places.take(li).is_some());
        held.pop();
        assert!(places.take(wang).is_some());
        drop(held);
        assert!(places.0.lock().unwrap().is_empty(), "nobody is remembered");
    }
}

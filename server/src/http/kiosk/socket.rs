//! The channel over a WebSocket: frames of one JSON message each.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Session};
use futures::StreamExt;
use kiosk_api::{
    Failure,
    channel::{self, Seen},
    greeting::Caller,
};
use kiosk_wire::channel::{Down, FRAME_MAX};
use serde_json::Value;

use super::{face, session};
use crate::http::{App, Code, Problem};

/// How often a channel looks for news nobody rang it for.
const LOOK: Duration = Duration::from_secs(2);
/// A kiosk that is not heard for so long has gone.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// Opens the channel of the kiosk whose session is shown.
pub async fn open(request: HttpRequest, payload: Payload, app: Data<App>) -> HttpResponse {
    let caller = match session(&request, &app).await {
        Ok(caller) => caller,
        Err(problem) => return face(&request, &problem),
    };
    let Some(seat) = app.kiosks.board.take(caller.kiosk.id) else {
        return face(&request, &Problem::new(Code::Overloaded).retry_after(5));
    };
    let Ok((response, sender, stream)) = actix_ws::handle(&request, payload) else {
        return face(&request, &Problem::new(Code::BadRequest));
    };
    let stream = stream.max_frame_size(FRAME_MAX).aggregate_continuations();
    let stream = stream.max_continuation_size(FRAME_MAX);
    let channel = Channel { app, caller, seat, sender, seen: Seen::default() };
    actix_web::rt::spawn(channel.run(stream));
    response
}

/// One open channel.
struct Channel {
    app: Data<App>,
    caller: Caller,
    seat: kiosk_api::board::Seat,
    sender: Session,
    seen: Seen,
}

/// Why a channel ends.
enum End {
    /// The other side has gone, or was silent for too long.
    Gone,
    /// Another channel of the kiosk has taken its place, or the server stops.
    Elsewhere,
    /// The kiosk is not let in any more.
    Revoked,
}

impl Channel {
    async fn run(mut self, mut stream: AggregatedMessageStream) {
        let end = self.talk(&mut stream).await;
        let (kiosk, number) = (self.caller.kiosk.id, &self.caller.kiosk.number);
        let code = match end {
            End::Gone => CloseCode::Away,
            End::Elsewhere => CloseCode::Restart,
            End::Revoked => CloseCode::Policy,
        };
        tracing::debug!(%kiosk, number, ?code, "a kiosk's channel has ended");
        let reason = CloseReason { code, description: None };
        // A peer that is gone cannot be told so.
        let _ = self.sender.close(Some(reason)).await;
    }

    async fn talk(&mut self, stream: &mut AggregatedMessageStream) -> End {
        let mut stopping = self.app.kiosks.stopping.clone();
        let mut heard = self.app.clock.monotonic();
        if let Some(end) = self.tell_news().await {
            return end;
        }
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let bell = std::sync::Arc::clone(&self.seat.bell);
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return End::Elsewhere,
                message = stream.next() => {
                    heard = self.app.clock.monotonic();
                    let Some(Ok(message)) = message else { return End::Gone };
                    if let Some(end) = self.take(message).await {
                        return end;
                    }
                }
                () = bell.notified() => {
                    if let Some(end) = self.tell_news().await {
                        return end;
                    }
                }
                _ = looks.tick() => {
                    let silent = self.app.clock.monotonic().saturating_sub(heard);
                    if silent > SILENCE_MAX {
                        return End::Gone;
                    }
                    if let Some(end) = self.tell_news().await {
                        return end;
                    }
                }
            }
        }
    }

    async fn take(&mut self, message: AggregatedMessage) -> Option<End> {
        let text = match message {
            AggregatedMessage::Text(text) => text,
            AggregatedMessage::Ping(bytes) => {
                return self.sender.pong(&bytes).await.err().map(|_| End::Gone);
            }
            AggregatedMessage::Pong(_) => return None,
            AggregatedMessage::Binary(_) | AggregatedMessage::Close(_) => return Some(End::Gone),
        };
        // What is no JSON at all is refused like a message nobody knows.
        let up = serde_json::from_str::<Value>(&text).unwrap_or_default();
        match channel::hear(&self.app.kiosks, &self.caller, vec![up], "socket").await {
            Ok(polled) => self.send(polled.down).await,
            Err(Failure::Revoked) => {
                self.send(vec![Down::Revoked]).await;
                Some(End::Revoked)
            }
            Err(error) => {
                tracing::warn!(%error, "a message of a kiosk could not be kept");
                None
            }
        }
    }

    async fn tell_news(&mut self) -> Option<End> {
        if !self.seat.is_mine() {
            return Some(End::Elsewhere);
        }
        match channel::news(&self.app.kiosks, &self.caller, &mut self.seen).await {
            Ok(down) => {
                let revoked = down.contains(&Down::Revoked);
                let gone = self.send(down).await;
                gone.or(revoked.then_some(End::Revoked))
            }
            Err(error) => {
                // The next look tells what this one could not.
                tracing::warn!(%error, "the news of a kiosk could not be read");
                None
            }
        }
    }

    async fn send(&mut self, down: Vec<Down>) -> Option<End> {
        for message in down {
            let Ok(text) = serde_json::to_string(&message) else { continue };
            if self.sender.text(text).await.is_err() {
                return Some(End::Gone);
            }
        }
        None
    }
}

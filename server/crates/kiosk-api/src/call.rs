//! The registry: each route with who may use it, and a request that was let in.

use std::{net::IpAddr, str::FromStr, sync::Arc};

use bytes::Bytes;
use domain::ProjectId;
use futures::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    desk::Desk,
    failure::{Failure, Result},
    greeting::Caller,
};

/// The largest body of a kiosk's request; polls are the largest.
pub const BODY_MAX: usize = kiosk_wire::channel::FRAME_MAX;

/// The methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Look.
    Get,
    /// Do.
    Post,
}

/// What it takes to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the way in itself.
    Nothing,
    /// A session of a kiosk that is let in.
    Session,
    /// A session; a kiosk that was put out meanwhile may still bring what it has sold to its end.
    Sold,
}

/// A handler.
pub type Run = fn(Call) -> BoxFuture<'static, Result<Answer>>;

/// One route.
#[derive(Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: Verb,
    /// The path behind [`crate::PREFIX`].
    pub path: &'static str,
    /// What it takes.
    pub need: Need,
    /// The handler.
    pub run: Run,
}

impl Route {
    /// A route that looks.
    pub const fn get(path: &'static str, run: Run) -> Route {
        Route { method: Verb::Get, path, need: Need::Session, run }
    }

    /// A route that does something.
    pub const fn post(path: &'static str, run: Run) -> Route {
        Route { method: Verb::Post, path, need: Need::Session, run }
    }

    /// What it takes.
    pub const fn needs(mut self, need: Need) -> Route {
        self.need = need;
        self
    }
}

/// A request that was let in.
pub struct Call {
    /// What handlers have at hand.
    pub desk: Arc<Desk>,
    /// The other end's address.
    pub ip: IpAddr,
    /// Which kiosk calls; none on the routes that need nothing.
    pub caller: Option<Caller>,
    /// The path's values by name.
    pub path: Vec<(String, String)>,
    /// The query as sent.
    pub query: String,
    /// The body as sent.
    pub body: Bytes,
}

impl Call {
    /// Which kiosk calls.
    pub fn caller(&self) -> Result<&Caller> {
        self.caller.as_ref().ok_or(Failure::Session)
    }

    /// Its project.
    pub fn project(&self) -> Result<ProjectId> {
        Ok(self.caller()?.project())
    }

    /// A value of the path as it was sent.
    pub fn text(&self, name: &'static str) -> Result<&str> {
        let text = self.path.iter().find(|(known, _)| known == name);
        text.map(|(_, value)| value.as_str()).ok_or(Failure::NotFound(name))
    }

    /// An id of the path. What cannot be an id is answered like an id that is not there.
    pub fn id<T: FromStr>(&self, name: &'static str) -> Result<T> {
        self.text(name)?.parse().map_err(|_| Failure::NotFound(name))
    }

    /// The query. Unknown names are ignored, so that an older server answers a newer kiosk.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T> {
        serde_urlencoded::from_str(&self.query)
            .map_err(|error| Failure::Unreadable { place: "query", why: error.to_string() })
    }

    /// The body. Unknown fields are ignored.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::Unreadable { place: "body", why: error.to_string() })
    }
}

/// What a handler answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The JSON body; empty for none.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer of this status.
    pub fn json(status: u16, body: &impl Serialize) -> Result<Answer> {
        let body = serde_json::to_vec(body).map_err(|error| Failure::internal(&error))?;
        Ok(Answer { status, body })
    }

    /// 200 with a body.
    pub fn ok(body: &impl Serialize) -> Result<Answer> {
        Answer::json(200, body)
    }

    /// 204.
    pub fn none() -> Result<Answer> {
        Ok(Answer { status: 204, body: Vec::new() })
    }
}

//! A request that was let in.

use std::{net::IpAddr, str::FromStr, sync::Arc};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{
    desk::Desk,
    failure::{Failure, Result},
    reach::{Caller, Home, PlacedOrder},
};

/// The other end of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address, behind a counted number of proxies of ours.
    pub ip: IpAddr,
    /// What it calls itself, shortened.
    pub user_agent: String,
    /// The value of the cookie that ties a sign-in page to a browser, if it was sent.
    pub browser: Option<String>,
}

/// A request that was let in.
pub struct Call {
    /// What handlers have at hand.
    pub desk: Arc<Desk>,
    /// The other end.
    pub client: Client,
    /// Who calls; nobody on the routes that need nothing.
    pub caller: Option<Caller>,
    /// The home of the path, which is the caller's.
    pub home: Option<Home>,
    /// The order of the path, which the caller may see.
    pub order: Option<PlacedOrder>,
    /// The path's values by name.
    pub path: Vec<(String, String)>,
    /// The query as sent.
    pub query: String,
    /// The body as sent.
    pub body: Bytes,
}

impl Call {
    /// Who calls.
    pub fn caller(&self) -> Result<&Caller> {
        self.caller.as_ref().ok_or(Failure::SignInRequired)
    }

    /// The home of the path.
    pub fn home(&self) -> Result<&Home> {
        self.home.as_ref().ok_or(Failure::NotFound("home"))
    }

    /// The order of the path.
    pub fn order(&self) -> Result<&PlacedOrder> {
        self.order.as_ref().ok_or(Failure::NotFound("order"))
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

    /// The query, read strictly.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T> {
        serde_urlencoded::from_str(&self.query)
            .map_err(|error| Failure::Unreadable { place: "query", why: error.to_string() })
    }

    /// The body, read strictly: unknown, missing, repeated and wrong fields are named (S9).
    pub fn body<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::Unreadable { place: "body", why: error.to_string() })
    }
}

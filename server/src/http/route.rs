//! The registry of the operators' API: each route with the permission it needs, what it does and
//! how it is described. What does not stand here is not served, and what stands here is served only
//! after its permission was checked (S8, S10).

use std::str::FromStr;

use actix_web::http::Method;
use bytes::Bytes;
use domain::ProjectId;
use futures::future::LocalBoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{RefOr, path::Parameter, schema::Schema},
};
use vending::House;

use super::{App, Code, Problem, client::Client, error::Result};
use crate::{access::Perm, operator::Caller};

/// The path in front of every route here.
pub const PREFIX: &str = "/api/operator/v1";

/// What it takes to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the way in itself.
    Nothing,
    /// Being signed in.
    SignedIn,
    /// A permission in the project of the path's `{project}`.
    InProject(Perm),
    /// A permission for the whole site.
    Everywhere(Perm),
}

/// What a route does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Looks only.
    Read,
    /// Changes something, and stands in the operation log.
    Write,
    /// Moves money or a relay: a write that also takes an `Idempotency-Key`.
    Once,
}

/// A handler.
pub type Run = fn(Call) -> LocalBoxFuture<'static, Result<Answer>>;

/// A named schema with those it refers to.
pub type Shape = (String, RefOr<Schema>, Vec<(String, RefOr<Schema>)>);

/// One route.
#[derive(Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: Verb,
    /// The path behind [`PREFIX`].
    pub path: &'static str,
    /// The stable name in the operation log and the description.
    pub name: &'static str,
    /// What it takes.
    pub need: Need,
    /// What it does to the world.
    pub effect: Effect,
    /// The handler.
    pub run: Run,
    /// One line for people, in Chinese and English.
    pub says: (&'static str, &'static str),
    /// The query's parameters.
    pub query: Option<fn() -> Vec<Parameter>>,
    /// The body's schema.
    pub body: Option<fn() -> Shape>,
    /// The answer's status and schema.
    pub answers: (u16, Option<fn() -> Shape>),
}

/// The methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Look.
    Get,
    /// Do.
    Post,
    /// Set.
    Put,
    /// End.
    Delete,
}

impl Verb {
    /// As the HTTP library names it.
    pub fn method(self) -> Method {
        match self {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
            Verb::Delete => Method::DELETE,
        }
    }
}

impl Route {
    const fn new(method: Verb, path: &'static str, name: &'static str, run: Run) -> Route {
        let effect = if matches!(method, Verb::Get) { Effect::Read } else { Effect::Write };
        Route {
            method,
            path,
            name,
            // A route that names no need is for those who are signed in, never for everybody.
            need: Need::SignedIn,
            effect,
            run,
            says: ("", ""),
            query: None,
            body: None,
            answers: (204, None),
        }
    }

    /// A route that looks.
    pub const fn get(path: &'static str, name: &'static str, run: Run) -> Route {
        Route::new(Verb::Get, path, name, run)
    }

    /// A route that does something.
    pub const fn post(path: &'static str, name: &'static str, run: Run) -> Route {
        Route::new(Verb::Post, path, name, run)
    }

    /// A route that sets something.
    pub const fn put(path: &'static str, name: &'static str, run: Run) -> Route {
        Route::new(Verb::Put, path, name, run)
    }

    /// A route that ends something.
    pub const fn delete(path: &'static str, name: &'static str, run: Run) -> Route {
        Route::new(Verb::Delete, path, name, run)
    }

    /// What it takes.
    pub const fn needs(mut self, need: Need) -> Route {
        self.need = need;
        self
    }

    /// Needs a permission in the path's project.
    pub const fn in_project(self, perm: Perm) -> Route {
        self.needs(Need::InProject(perm))
    }

    /// Moves money or a relay.
    pub const fn once(mut self) -> Route {
        self.effect = Effect::Once;
        self
    }

    /// Its line for people.
    pub const fn says(mut self, zh: &'static str, en: &'static str) -> Route {
        self.says = (zh, en);
        self
    }

    /// Its query.
    pub const fn query<T: IntoParams>(mut self) -> Route {
        self.query = Some(parameters::<T>);
        self
    }

    /// Its body.
    pub const fn body<T: ToSchema>(mut self) -> Route {
        self.body = Some(shape::<T>);
        self
    }

    /// What it answers.
    pub const fn answers<T: ToSchema>(mut self, status: u16) -> Route {
        self.answers = (status, Some(shape::<T>));
        self
    }

    /// The whole path.
    pub fn full_path(&self) -> String {
        format!("{PREFIX}{}", self.path)
    }
}

fn parameters<T: IntoParams>() -> Vec<Parameter> {
    T::into_params(|| Some(utoipa::openapi::path::ParameterIn::Query))
}

fn shape<T: ToSchema>() -> Shape {
    let mut others = Vec::new();
    T::schemas(&mut others);
    (T::name().into_owned(), <T as PartialSchema>::schema(), others)
}

/// A request that was let in.
pub struct Call {
    /// What handlers have at hand.
    pub app: actix_web::web::Data<App>,
    /// The other end.
    pub client: Client,
    /// Who calls; nobody on the routes that need nothing.
    pub caller: Option<Caller>,
    /// The project of the path, which the caller may see.
    pub project: Option<ProjectId>,
    /// The path's other values by name.
    pub path: Vec<(String, String)>,
    /// The query as sent.
    pub query: String,
    /// The body as sent.
    pub body: Bytes,
    /// The value a page has to show with its writes; only for logins by cookie.
    pub csrf: Option<String>,
}

impl Call {
    /// What happens.
    pub fn house(&self) -> &House {
        &self.app.house
    }

    /// Who calls.
    pub fn caller(&self) -> Result<&Caller> {
        self.caller.as_ref().ok_or_else(|| Problem::new(Code::LoginRequired))
    }

    /// The project it is about.
    pub fn project(&self) -> Result<ProjectId> {
        self.project.ok_or_else(|| Problem::not_found("project"))
    }

    /// An id of the path. What cannot be an id is answered like an id that is not there.
    pub fn id<T: FromStr>(&self, name: &'static str) -> Result<T> {
        let text = self.path.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        text.and_then(|text| text.parse().ok()).ok_or_else(|| Problem::not_found(name))
    }

    /// The query, read strictly.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T> {
        let read = actix_web::web::Query::<T>::from_query(&self.query);
        let read = read.map_err(|error| {
            let message = match &error {
                actix_web::error::QueryPayloadError::Deserialize(why) => why.to_string(),
                other => other.to_string(),
            };
            Problem::unreadable("query", &message)
        })?;
        Ok(read.into_inner())
    }

    /// The body, read strictly: unknown, missing, repeated and wrong fields are named (S9).
    pub fn body<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Problem::unreadable("body", &error.to_string()))
    }
}

/// What a handler answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The JSON body; empty for none.
    pub body: Vec<u8>,
    /// A cookie to set.
    pub cookie: Option<String>,
}

impl Answer {
    /// An answer of this status.
    pub fn json(status: u16, body: &impl Serialize) -> Result<Answer> {
        let body = serde_json::to_vec(body);
        let body = body.map_err(|error| Problem::new(Code::Internal).because(error))?;
        Ok(Answer { status, body, cookie: None })
    }

    /// 200 with a body.
    pub fn ok(body: &impl Serialize) -> Result<Answer> {
        Answer::json(200, body)
    }

    /// 201 with what was made.
    pub fn created(body: &impl Serialize) -> Result<Answer> {
        Answer::json(201, body)
    }

    /// 202: it is written down and will be done; the body shows where it stands.
    pub fn accepted(body: &impl Serialize) -> Result<Answer> {
        Answer::json(202, body)
    }

    /// 204.
    pub fn none() -> Result<Answer> {
        Ok(Answer { status: 204, body: Vec::new(), cookie: None })
    }

    /// Sets a cookie with it.
    pub fn with_cookie(mut self, cookie: String) -> Answer {
        self.cookie = Some(cookie);
        self
    }
}

//! The registry of the tenant's API: each route with what it takes to be let in, what it does and
//! how it is described. What does not stand here is not served, and what stands here is served only
//! after its need was met (S8, S10).

use futures::future::LocalBoxFuture;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{RefOr, path::Parameter, schema::Schema},
};

use crate::{PREFIX, answer::Answer, call::Call, failure::Result};

/// What it takes to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the way in itself, and what anybody may see who holds its random name.
    Nothing,
    /// Nothing either; whoever shows a token is known by it, and a bad one is refused.
    Anybody,
    /// Being signed in.
    SignedIn,
    /// A binding to the home of the path's `{home}`; a `{meter}` there has to be that home's.
    Home,
    /// Having placed the order of the path's `{order}`, or living where it was placed for.
    Order,
}

/// What a route does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Looks only.
    Read,
    /// Changes something.
    Write,
    /// Moves a relay: a write that also takes an `Idempotency-Key`.
    Once,
}

/// A handler.
pub type Run = fn(Call) -> LocalBoxFuture<'static, Result<Answer>>;

/// A named schema with those it refers to.
pub type Shape = (String, RefOr<Schema>, Vec<(String, RefOr<Schema>)>);

/// The methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// One route.
#[derive(Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: Verb,
    /// The path behind [`PREFIX`].
    pub path: &'static str,
    /// The stable name in the description.
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

    /// Moves a relay.
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

    /// Sends a browser on to another page.
    pub const fn redirects(mut self) -> Route {
        self.answers = (302, None);
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

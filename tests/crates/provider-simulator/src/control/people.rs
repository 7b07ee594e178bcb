//! The part of the control API that stands in for people with phones: their codes, their
//! subscriptions, and what they were sent.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Shared, conflict, ok};
use crate::alipay;
use crate::code::Purpose;
use crate::people;
use crate::phone::Button;
use crate::wechat_pay::call::query_value;
use crate::world::World;

/// Registers the calls.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    let post = web::post;
    config
        .route("/people/{name}", web::get().to(person))
        .route("/people/{name}", post().to(change))
        .route("/codes", post().to(code))
        .route("/subscriptions", post().to(subscribe))
        .route("/messages", web::get().to(messages))
        .route("/shipping", web::get().to(shipping))
        .route("/sms", web::get().to(texts))
        .route("/tokens/revoke", post().to(revoke));
}

/// A person and their names in every application.
fn shown(world: &World, name: &str) -> Value {
    let person = world.state().people.get(name);
    let mut names = Map::new();
    for app in &world.config.wechat_apps {
        names.insert(app.app_id.clone(), people::openid(&app.app_id, name).into());
    }
    for app in &world.config.alipay_apps {
        let known =
            if app.open_id { people::open_id(&app.app_id, name) } else { people::user_id(name) };
        names.insert(app.app_id.clone(), known.into());
    }
    json!({"name": person.name, "phone": person.phone, "follows": person.follows, "names": names})
}

async fn person(world: Shared, name: web::Path<String>) -> HttpResponse {
    ok(shown(&world, &name))
}

/// What changes about a person.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    phone: Option<String>,
    follows: Option<bool>,
}

async fn change(world: Shared, name: web::Path<String>, change: web::Json<Change>) -> HttpResponse {
    let change = change.into_inner();
    {
        let mut state = world.state();
        let mut person = state.people.get(&name);
        person.phone = change.phone.unwrap_or(person.phone);
        person.follows = change.follows.unwrap_or(person.follows);
        state.people.put(person);
    }
    ok(shown(&world, &name))
}

/// Who presses which button where.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Press {
    app_id: String,
    person: String,
    button: Button,
}

async fn code(world: Shared, press: web::Json<Press>) -> HttpResponse {
    let purpose = match press.button {
        Button::Login => Purpose::Login,
        Button::Phone => Purpose::Phone,
    };
    match world.code(&press.app_id, &press.person, purpose) {
        Some(code) => ok(json!({"code": code})),
        None => conflict("no such application"),
    }
}

/// Who agrees to how many messages of a template.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Agreement {
    app_id: String,
    person: String,
    template_id: String,
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

async fn subscribe(world: Shared, agreement: web::Json<Agreement>) -> HttpResponse {
    let Agreement { app_id, person, template_id, times } = &*agreement;
    match world.subscribe(app_id, person, template_id, *times) {
        Some(left) => ok(json!({"left": left})),
        None => conflict("no such application"),
    }
}

async fn messages(world: Shared, request: HttpRequest) -> HttpResponse {
    let openid = query_value(request.query_string(), "openid").unwrap_or_default();
    ok(world.state().post.to(&openid))
}

async fn shipping(world: Shared) -> HttpResponse {
    let state = world.state();
    ok(state.parcels.shipped.values().collect::<Vec<_>>())
}

async fn texts(world: Shared, request: HttpRequest) -> HttpResponse {
    let phone = query_value(request.query_string(), "phone").unwrap_or_default();
    ok(world.state().texts.to(&phone))
}

/// Whose tokens go out of force.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    app_id: String,
}

async fn revoke(world: Shared, revocation: web::Json<Revocation>) -> HttpResponse {
    world.state().tokens.revoke(&revocation.app_id);
    HttpResponse::NoContent().finish()
}

impl World {
    /// A code as the client of this application hands it out; `None` for an unknown application.
    pub(crate) fn code(&self, app_id: &str, person: &str, purpose: Purpose) -> Option<String> {
        if self.alipay_app(app_id).is_some() {
            return Some(alipay::sign_in::auth_code(self, app_id, person));
        }
        self.wechat_app(app_id)?;
        let now_ms = self.now_ms();
        let mut state = self.state();
        let state = &mut *state;
        Some(state.codes.make(&mut state.chance, app_id, person, purpose, now_ms))
    }

    /// The person's name in an application; `None` for an unknown application.
    pub(crate) fn name_of(&self, app_id: &str, person: &str) -> Option<String> {
        if let Some(app) = self.alipay_app(app_id) {
            let open_id = app.open_id;
            return Some(if open_id {
                people::open_id(app_id, person)
            } else {
                people::user_id(person)
            });
        }
        self.wechat_app(app_id).map(|_| people::openid(app_id, person))
    }

    /// The person agrees to more messages of a template; answers how many may come.
    pub(crate) fn subscribe(
        &self,
        app_id: &str,
        person: &str,
        template: &str,
        times: u32,
    ) -> Option<u32> {
        let openid = self.name_of(app_id, person)?;
        let mut state = self.state();
        state.people.introduce(app_id, &openid, person);
        Some(state.post.subscribe(&openid, template, times))
    }
}

//! Asking staff to be bound, for who has neither paper nor number on file.

use chrono::{DateTime, Utc};
use domain::BindingRequestId;
use serde::{Deserialize, Serialize};
use store::{
    binding::request::{self, Request},
    site,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::named_meter;
use crate::{
    answer::Answer,
    budget,
    call::Call,
    failure::{Failure, Result},
    route::Route,
    tag,
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/binding-requests", "binding_request.make", |call| Box::pin(make(call)))
        .says("申请绑定", "Ask staff to be bound; answered alike whether the meter is known")
        .body::<BindingRequestWish>()
        .answers::<BindingRequestAsked>(202),
    Route::get("/binding-requests", "binding_request.list", |call| Box::pin(list(call)))
        .says("我的绑定申请", "What staff decided about one's own requests")
        .answers::<BindingDecisions>(200),
];

/// The longest name, in characters.
pub const NAME_MAX: usize = 40;
/// The longest note, in characters.
pub const NOTE_MAX: usize = 200;

/// A wish to be bound.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindingRequestWish {
    /// The meter's tag.
    #[serde(default)]
    #[schema(example = "7QK2MZ9XW4RT")]
    pub tag: Option<String>,
    /// Or the number on its face.
    #[serde(default)]
    #[schema(example = "000030220101")]
    pub meter_no: Option<String>,
    /// Who asks, in staff's eyes.
    #[schema(example = "王小明")]
    pub name: String,
    /// What staff should know.
    #[serde(default)]
    #[schema(example = "新搬来的租客")]
    pub note: String,
}

/// The request is on its way, if it is about anything.
#[derive(Debug, Serialize, ToSchema)]
pub struct BindingRequestAsked {
    /// Always `waiting`.
    #[schema(example = "waiting")]
    pub state: String,
}

/// Decided requests, the latest first. What waits is not listed: the list would tell which meter
/// numbers exist.
#[derive(Debug, Serialize, ToSchema)]
pub struct BindingDecisions {
    /// The requests.
    pub items: Vec<BindingDecision>,
}

/// A decided request.
#[derive(Debug, Serialize, ToSchema)]
pub struct BindingDecision {
    /// The request.
    pub id: Uuid,
    /// `accepted`, `refused` or `withdrawn`.
    #[schema(example = "accepted")]
    pub state: String,
    /// The project's name.
    #[schema(example = "和园公寓")]
    pub project_name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// Why, in staff's words.
    pub why: Option<String>,
}

/// Text of a person in so many characters, without signs that are none.
fn is_text(text: &str, max: usize) -> bool {
    text.chars().count() <= max && !text.chars().any(char::is_control)
}

async fn make(call: Call) -> Result<Answer> {
    let wish: BindingRequestWish = call.body()?;
    let meter = named_meter(wish.tag.as_deref(), wish.meter_no.as_deref())?;
    let (name, note) = (wish.name.trim().to_owned(), wish.note.trim().to_owned());
    if name.is_empty() || !is_text(&name, NAME_MAX) {
        return Err(Failure::Malformed("name"));
    }
    if !is_text(&note, NOTE_MAX) {
        return Err(Failure::Malformed("note"));
    }
    let (desk, person, now) = (&call.desk, call.caller()?.person, call.desk.clock.now());
    budget::spend(desk, &[budget::requests(&call)?]).await?;
    // Whether it is new, came before or is about nothing is not told: each would tell of a meter.
    if let Some(found) = tag::meter_of(desk, &meter).await? {
        let new = Request {
            project_id: found.project.0,
            id: BindingRequestId::generate(desk.clock.as_ref(), desk.rng.as_ref()).0,
            account_id: found.account.0,
            meter_id: found.meter.0,
            person_id: person.0,
            name,
            note,
            state: "open".to_owned(),
            created_at: now,
            decided_at: None,
            decided_by: None,
            why: None,
        };
        let store = desk.house.store();
        store.transact(move |tx| Box::pin(async move { request::ask(tx, new).await })).await?;
    }
    Answer::accepted(&BindingRequestAsked { state: "waiting".to_owned() })
}

async fn list(call: Call) -> Result<Answer> {
    let db = call.desk.house.store().read();
    let projects = site::projects(db).await?;
    let found = request::of_person(db, call.caller()?.person).await?;
    let items = found.into_iter().filter(|row| row.state != "open").map(|row| BindingDecision {
        id: row.id,
        project_name: projects
            .iter()
            .find(|project| project.id == row.project_id)
            .map(|project| project.name.clone())
            .unwrap_or_default(),
        state: row.state,
        created_at: row.created_at,
        decided_at: row.decided_at,
        why: row.why,
    });
    Answer::ok(&BindingDecisions { items: items.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_in_characters_and_has_no_control_signs() {
        assert!(is_text(&"王".repeat(NAME_MAX), NAME_MAX));
        assert!(!is_text(&"王".repeat(NAME_MAX + 1), NAME_MAX));
        assert!(!is_text("a\nb", NAME_MAX));
        assert!(!is_text("a\u{7}b", NAME_MAX));
    }
}

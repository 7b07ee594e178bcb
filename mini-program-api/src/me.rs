//! The person who is signed in: by what they are known, how they want to be shown the pages.

use chrono::{DateTime, Utc};
use domain::{Language, Theme};
use serde::{Deserialize, Serialize};
use store::{
    binding, notice,
    person::{self, Identity, Person, Preferences},
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer::Answer,
    call::Call,
    failure::{Failure, Result},
    reach,
    route::Route,
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/me", "me.show", |call| Box::pin(show(call)))
        .says("我的资料", "The person who is signed in")
        .answers::<MeView>(200),
    Route::put("/me/preferences", "me.preferences", |call| Box::pin(prefer(call)))
        .says("语言、长辈版、深色", "Language, elder version, dark pages")
        .body::<PreferencesView>()
        .answers::<MeView>(200),
];

/// How a person wants to be shown the pages.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreferencesView {
    /// `zh-CN` or `en`.
    #[schema(example = "zh-CN")]
    pub language: String,
    /// Larger type and fewer things on a page (长辈版).
    #[schema(example = false)]
    pub elder: bool,
    /// `system`, `light` or `dark`.
    #[schema(example = "system")]
    pub theme: String,
}

/// By what a person is known.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IdentityView {
    /// `wechat-mini`, `wechat-page`, `alipay` or `phone`.
    #[schema(example = "phone")]
    pub kind: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// A person, as shown to themselves.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonView {
    /// The person.
    pub id: Uuid,
    /// The name they gave.
    #[schema(example = "王女士")]
    pub name: Option<String>,
    /// Their phone number, masked.
    #[schema(example = "138****8000")]
    pub phone_masked: Option<String>,
    /// `zh-CN` or `en`.
    #[schema(example = "zh-CN")]
    pub language: String,
    /// By what they are known, the oldest first.
    pub identities: Vec<IdentityView>,
}

/// The person who is signed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeView {
    /// The person.
    #[serde(flatten)]
    pub person: PersonView,
    /// How many homes they belong to.
    #[schema(example = 1)]
    pub homes_count: usize,
    /// Notices they have not read.
    #[schema(example = 0)]
    pub unread_notices: u64,
    /// How they want to be shown the pages.
    pub preferences: PreferencesView,
}

impl PersonView {
    /// A person with what they are known by.
    pub fn of(person: &Person, identities: &[Identity]) -> PersonView {
        let shown = |row: &Identity| IdentityView { kind: row.kind.clone(), since: row.since };
        let phone = identities.iter().find(|row| row.kind == "phone");
        PersonView {
            id: person.id,
            name: person.name.clone(),
            phone_masked: phone.map(|row| masked_phone(&row.value)),
            language: person.language.clone(),
            identities: identities.iter().map(shown).collect(),
        }
    }
}

/// A phone number of which only the first three and the last four digits are shown.
pub fn masked_phone(number: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    if digits.len() < 8 {
        return "*".repeat(digits.len());
    }
    let last = digits.len() - 4;
    let stars = "*".repeat(last - 3);
    let (head, tail): (String, String) =
        (digits[..3].iter().collect(), digits[last..].iter().collect());
    format!("{head}{stars}{tail}")
}

async fn show(call: Call) -> Result<Answer> {
    Answer::ok(&shown(&call).await?)
}

async fn shown(call: &Call) -> Result<MeView> {
    let person = reach::person(&call.desk, call.caller()?).await?;
    let db = call.desk.house.store().read();
    let identities = person::identities(db, person.person_id()).await?;
    let preferences = PreferencesView {
        language: person.language.clone(),
        elder: person.elder,
        theme: person.theme.clone(),
    };
    let homes = binding::homes(db, person.person_id()).await?;
    let unread_notices = notice::unread(db, person.person_id()).await?;
    let homes_count = homes.len();
    let person = PersonView::of(&person, &identities);
    Ok(MeView { person, homes_count, unread_notices, preferences })
}

async fn prefer(call: Call) -> Result<Answer> {
    let wish: PreferencesView = call.body()?;
    let language: Language = wish.language.parse().map_err(|_| Failure::Malformed("language"))?;
    let theme: Theme = wish.theme.parse().map_err(|_| Failure::Malformed("theme"))?;
    let wanted = Preferences { language, elder: wish.elder, theme };
    let id = call.caller()?.person;
    let store = call.desk.house.store();
    store
        .transact(move |tx| Box::pin(async move { person::set_preferences(tx, id, wanted).await }))
        .await?;
    Answer::ok(&shown(&call).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_shows_its_first_three_and_last_four_digits() {
        let table = [
            ("13800138000", "138****8000"),
            ("+8613800138000", "+86*******8000"),
            ("1234567", "*******"),
            ("", ""),
        ];
        for (number, want) in table {
            assert_eq!(masked_phone(number), want);
        }
    }
}

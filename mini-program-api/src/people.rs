//! Who belongs to a home, and whom its owner invites or sends away.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{HomeRole, PersonId};
use serde::Serialize;
use store::{
    binding::{
        self,
        invitation::{self, Invitation, Invited},
    },
    meter_tag, person,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer::Answer,
    binding::invitation_hash,
    call::Call,
    failure::{Failure, Result},
    me::masked_phone,
    route::{Need, Route},
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/homes/{home}/people", "home.people", |call| Box::pin(list(call)))
        .needs(Need::Home)
        .says("同住人", "Who belongs to the home")
        .answers::<HomePeople>(200),
    Route::delete("/homes/{home}/people/{person}", "home.remove_person", |call| {
        Box::pin(remove(call))
    })
    .needs(Need::Home)
    .says("移除同住人", "End somebody's binding; for the owner"),
    Route::post("/homes/{home}/invitations", "home.invite", |call| Box::pin(invite(call)))
        .needs(Need::Home)
        .says("邀请同住人", "A code that binds one person, for a day; for the owner")
        .answers::<InvitationView>(201),
];

/// How many characters an invitation has: 58 random bits.
pub const CODE_LEN: usize = 12;
/// How long it is good for.
pub const LIFE: TimeDelta = TimeDelta::days(1);

/// Who belongs to a home, the longest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct HomePeople {
    /// The persons.
    pub items: Vec<PersonOfHome>,
}

/// Somebody who belongs to a home.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonOfHome {
    /// The person.
    pub id: Uuid,
    /// The name they gave.
    #[schema(example = "王女士")]
    pub name: Option<String>,
    /// Their phone number, masked.
    #[schema(example = "138****8000")]
    pub phone_masked: Option<String>,
    /// `owner` or `member`.
    #[schema(example = "owner")]
    pub role: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// True for whoever asks.
    pub me: bool,
}

/// An invitation, shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationView {
    /// The code, for `POST /homes` by `invitation`.
    #[schema(example = "7QK2MZ9XW4RT")]
    pub code: String,
    /// A page that takes it.
    #[schema(example = "https://yufu.example/m/#/pages/welcome/welcome?invitation=7QK2MZ9XW4RT")]
    pub url: String,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

async fn list(call: Call) -> Result<Answer> {
    let (home, me) = (*call.home()?, call.caller()?.person);
    let db = call.desk.house.store().read();
    let bindings = binding::of_account(db, home.project, home.account).await?;
    let persons = person::by_ids(db, bindings.iter().map(|one| one.person())).await?;
    let mut items = Vec::new();
    for one in bindings {
        let known = persons.iter().find(|person| person.id == one.person_id);
        let identities = person::identities(db, one.person()).await?;
        let phone = identities.iter().find(|row| row.kind == "phone");
        items.push(PersonOfHome {
            id: one.person_id,
            name: known.and_then(|person| person.name.clone()),
            phone_masked: phone.map(|row| masked_phone(&row.value)),
            role: one.role,
            since: one.since,
            me: one.person_id == me.0,
        });
    }
    Answer::ok(&HomePeople { items })
}

/// Ends somebody's binding: the owner anybody's.
async fn remove(call: Call) -> Result<Answer> {
    let home = *call.home()?;
    // Before the right, so that a name that is none is answered alike to owner and member.
    let person: PersonId = call.id("person")?;
    if home.role != HomeRole::Owner {
        return Err(Failure::OwnerOnly);
    }
    let ended = crate::binding::end(&call.desk, &home, person, "removed").await?;
    if ended { Answer::none() } else { Err(Failure::NotFound("person")) }
}

async fn invite(call: Call) -> Result<Answer> {
    let (home, desk, now) = (*call.home()?, &call.desk, call.desk.clock.now());
    let code = meter_tag::draw(desk.rng.as_ref(), CODE_LEN);
    let expires_at = now + LIFE;
    let new = Invitation {
        code_hash: invitation_hash(desk, &code),
        project_id: home.project.0,
        account_id: home.account.0,
        invited_by: call.caller()?.person.0,
        created_at: now,
        expires_at,
        used_by: None,
        used_at: None,
        ended_at: None,
    };
    let store = desk.house.store();
    let invited = store
        .transact(move |tx| Box::pin(async move { invitation::invite(tx, new, now).await }))
        .await?;
    let public_url = &desk.settings.public_url;
    // Behind the # it reaches no server's log on its way.
    let url = format!("{public_url}/m/#/pages/welcome/welcome?invitation={code}");
    match invited {
        Invited::Made => Answer::created(&InvitationView { code, url, expires_at }),
        Invited::NotOwner => Err(Failure::OwnerOnly),
        Invited::TooMany => Err(Failure::HomeFull),
    }
}

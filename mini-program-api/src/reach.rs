//! Who calls, and what is theirs: from the access token and the bindings, never from a request.

use chrono::{DateTime, Utc};
use domain::{AccountId, FamilyId, HomeRole, MeterId, OrderId, PersonId, ProjectId};
use store::{
    binding, meter, order,
    person::{self, session},
};
use uuid::Uuid;

use crate::{
    desk::Desk,
    failure::{Failure, Result},
    route::{Need, Route},
};

/// Somebody who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The person.
    pub person: PersonId,
    /// The sign-in.
    pub family: FamilyId,
}

/// A home that is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// The project.
    pub project: ProjectId,
    /// The account, which is the home's name outside: the next tenant's is another home.
    pub account: AccountId,
    /// The caller's binding to it.
    pub binding: Uuid,
    /// What the caller is there.
    pub role: HomeRole,
}

/// An order that the caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedOrder {
    /// The project.
    pub project: ProjectId,
    /// The order.
    pub order: OrderId,
}

/// Who shows this access token.
///
/// Invariant: a token counts only while its sign-in stands, so that signing out anywhere counts at
/// once (ASVS 7.4.1); proved by `a_token_is_worth_nothing_after_signing_out`.
pub async fn caller(desk: &Desk, token: &str, now: DateTime<Utc>) -> Result<Caller> {
    let holder = desk.keys.read(token, now)?;
    let db = desk.house.store().read();
    let family = FamilyId(holder.family);
    let found = session::by_family(db, family).await?;
    let found = found.ok_or(Failure::SignInRequired)?;
    let same = found.person_id == holder.person && found.session_version == holder.version;
    if !same || !session::is_good(db, &found, now).await? {
        return Err(Failure::SignInRequired);
    }
    Ok(Caller { person: PersonId(holder.person), family })
}

/// The person behind a caller.
pub async fn person(desk: &Desk, caller: &Caller) -> Result<person::Person> {
    let found = person::by_id(desk.house.store().read(), caller.person).await?;
    found.ok_or(Failure::SignInRequired)
}

/// What a request was let in with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Who calls.
    pub caller: Option<Caller>,
    /// The home of the path.
    pub home: Option<Home>,
    /// The order of the path.
    pub order: Option<PlacedOrder>,
}

/// Lets a request in by what its route needs, or says why not. `path` holds the path's values.
///
/// Invariant: a home or an order that is another's answers exactly like one that does not exist
/// (S8); proved by `every_tenant_route_lets_in_only_who_may_and_tells_strangers_nothing`.
pub async fn admit(
    desk: &Desk,
    route: &Route,
    token: Option<&str>,
    path: &[(String, String)],
) -> Result<Admitted> {
    if route.need == Need::Nothing {
        return Ok(Admitted::default());
    }
    if route.need == Need::Anybody && token.is_none() {
        return Ok(Admitted::default());
    }
    let token = token.ok_or(Failure::SignInRequired)?;
    let caller = caller(desk, token, desk.clock.now()).await?;
    let admitted = Admitted { caller: Some(caller), ..Admitted::default() };
    let value = |name: &str| path.iter().find(|(known, _)| known == name).map(|(_, v)| v.as_str());
    match route.need {
        Need::Nothing | Need::Anybody | Need::SignedIn => Ok(admitted),
        Need::Home => {
            let home = home(desk, &caller, value("home")).await?;
            if let Some(meter) = value("meter") {
                own_meter(desk, &home, meter).await?;
            }
            Ok(Admitted { home: Some(home), ..admitted })
        }
        Need::Order => {
            let order = order(desk, &caller, value("order")).await?;
            Ok(Admitted { order: Some(order), ..admitted })
        }
    }
}

/// The caller's home of this name.
async fn home(desk: &Desk, caller: &Caller, name: Option<&str>) -> Result<Home> {
    let missing = || Failure::NotFound("home");
    let account: AccountId = name.and_then(|text| text.parse().ok()).ok_or_else(missing)?;
    home_of(desk, caller.person, account).await
}

/// A person's home; one of somebody else answers like one that does not exist.
pub async fn home_of(desk: &Desk, person: PersonId, account: AccountId) -> Result<Home> {
    let missing = || Failure::NotFound("home");
    let db = desk.house.store().read();
    let found = binding::held(db, person, account).await?.ok_or_else(missing)?;
    Ok(Home {
        project: ProjectId(found.project_id),
        account,
        binding: found.id,
        role: found.role()?,
    })
}

/// Makes sure that a meter is the home's.
async fn own_meter(desk: &Desk, home: &Home, name: &str) -> Result<()> {
    let missing = || Failure::NotFound("meter");
    let id: MeterId = name.parse().map_err(|_| missing())?;
    let found = meter::by_id(desk.house.store().read(), home.project, id).await?;
    let own = found.is_some_and(|meter| meter.account() == Some(home.account));
    if own { Ok(()) } else { Err(missing()) }
}

/// An order that was placed for one of the caller's homes.
async fn order(desk: &Desk, caller: &Caller, name: Option<&str>) -> Result<PlacedOrder> {
    let missing = || Failure::NotFound("order");
    let id: OrderId = name.and_then(|text| text.parse().ok()).ok_or_else(missing)?;
    let db = desk.house.store().read();
    for home in binding::homes(db, caller.person).await? {
        let found = order::by_id(db, home.project(), id).await?;
        if found.is_some_and(|order| order.account_id == home.account().0) {
            return Ok(PlacedOrder { project: home.project(), order: id });
        }
    }
    Err(missing())
}

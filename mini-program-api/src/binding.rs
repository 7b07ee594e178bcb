//! Belonging to a home (绑定): by the printed code, a code to the number on file, or an invitation.
//! What a wrong proof is told says nothing about meters, homes or tenants (S19, T2).

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountId, BindingId, BindingProof, CodePurpose, OperatorId, PersonId, ProjectId};
use serde::Deserialize;
use store::{
    StoreError, Tx, account,
    binding::{
        self, Binding, Bound,
        code::{self, PrintedCode, USES_MAX},
        invitation,
    },
    meter_tag,
    sms_challenge::{self, Said, Tried},
};
use utoipa::ToSchema;
use uuid::Uuid;
use vending::{
    House,
    notice::{note_bound, note_unbound},
};

use crate::{
    answer::Answer,
    budget,
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    home::{self, HomeView},
    phone,
    reach::Home,
    route::{Need, Route},
    tag,
};

pub mod request;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/homes", "home.bind", |call| Box::pin(bind(call)))
        .says("绑定", "Belong to a home by a printed code, a code by SMS, or an invitation")
        .body::<HomeProof>()
        .answers::<HomeView>(201),
    Route::delete("/homes/{home}", "home.leave", |call| Box::pin(leave(call)))
        .needs(Need::Home)
        .says("解绑", "Leave a home"),
];

/// How many characters a printed code has: 49 random bits, in two groups to read and type.
pub const CODE_LEN: usize = 10;
/// How long a printed code is good for.
pub const CODE_LIFE: TimeDelta = TimeDelta::days(90);
/// The longest code a person may type, in bytes.
const TYPED_MAX: usize = 40;

/// A proof to belong to a home.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HomeProof {
    /// `code`, `sms` or `invitation`.
    #[schema(example = "code")]
    pub by: String,
    /// The meter's tag, for `code`.
    #[serde(default)]
    #[schema(example = "7QK2MZ9XW4RT")]
    pub tag: Option<String>,
    /// Or the number on its face.
    #[serde(default)]
    #[schema(example = "000030220101")]
    pub meter_no: Option<String>,
    /// What the request for the code answered, for `sms`.
    #[serde(default)]
    pub challenge: Option<String>,
    /// The printed code, the code of the SMS, or that of the invitation.
    #[schema(example = "K7Q2M-Z9XW4")]
    pub code: String,
}

/// A code for the paper, shown once.
#[derive(Clone, Debug)]
pub struct Printed {
    /// The code, in two groups.
    pub code: String,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
    /// How many persons may bind with it.
    pub uses: i64,
}

/// A proof, its form checked.
enum Shown {
    Code { meter: String, code: String },
    Sms(Said),
    Invitation(String),
}

fn read(call: &Call, proof: &HomeProof) -> Result<Shown> {
    let none = |field: &'static str, value: &Option<String>| match value {
        Some(_) => Err(Failure::Malformed(field)),
        None => Ok(()),
    };
    match proof.by.as_str() {
        "code" => {
            none("challenge", &proof.challenge)?;
            let meter = named_meter(proof.tag.as_deref(), proof.meter_no.as_deref())?;
            Ok(Shown::Code { meter, code: typed_code(&proof.code)? })
        }
        "sms" => {
            none("tag", &proof.tag)?;
            none("meter_no", &proof.meter_no)?;
            let challenge = proof.challenge.as_deref().ok_or(Failure::Malformed("challenge"))?;
            let person = Some(call.caller()?.person);
            phone::said(&call.desk, (challenge, &proof.code), CodePurpose::Bind, person)
                .map(Shown::Sms)
        }
        "invitation" => {
            none("tag", &proof.tag)?;
            none("meter_no", &proof.meter_no)?;
            none("challenge", &proof.challenge)?;
            Ok(Shown::Invitation(typed_code(&proof.code)?))
        }
        _ => Err(Failure::Malformed("by")),
    }
}

/// A tag or a meter number, one of them.
fn named_meter(tag: Option<&str>, meter_no: Option<&str>) -> Result<String> {
    let (field, text) = match (tag, meter_no) {
        (Some(tag), None) => ("tag", tag),
        (None, Some(meter_no)) => ("meter_no", meter_no),
        (None, None) => return Err(Failure::Malformed("tag")),
        (Some(_), Some(_)) => return Err(Failure::Malformed("meter_no")),
    };
    tag::typed(text).ok_or(Failure::Malformed(field))
}

/// A code as a person types it, or reads it to somebody.
fn typed_code(text: &str) -> Result<String> {
    if text.len() > TYPED_MAX {
        return Err(Failure::Malformed("code"));
    }
    let code = meter_tag::tidied(text);
    let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_code { Ok(code) } else { Err(Failure::Malformed("code")) }
}

/// What is stored of a printed code: it is of its account, and worth nothing with another.
fn printed_hash(desk: &Desk, account: AccountId, code: &str) -> String {
    desk.keyed.hash("printed-code", &[&account.to_string(), code])
}

/// What is stored of an invitation.
pub(crate) fn invitation_hash(desk: &Desk, code: &str) -> String {
    desk.keyed.hash("invitation", &[code])
}

/// Binds the caller to a home.
///
/// Invariant: a wrong meter and a wrong code answer the same after the same questions, and how
/// many anybody may try is bounded; proved by `guessing_meters_and_codes_tells_nothing_and_ends`.
async fn bind(call: Call) -> Result<Answer> {
    let proof: HomeProof = call.body()?;
    let shown = read(&call, &proof)?;
    let meter = match &shown {
        Shown::Code { meter, .. } => Some(meter.as_str()),
        Shown::Sms(_) | Shown::Invitation(_) => None,
    };
    budget::spend(&call.desk, &budget::proofs(&call, meter)?).await?;
    let bound = match shown {
        Shown::Code { meter, code } => by_code(&call, &meter, &code).await?,
        Shown::Sms(said) => by_sms(&call, said).await?,
        Shown::Invitation(code) => by_invitation(&call, &code).await?,
    };
    match bound {
        Bound::New(binding) => Answer::created(&home_of(&call.desk, &binding).await?),
        Bound::Already(binding) => Answer::ok(&home_of(&call.desk, &binding).await?),
        Bound::Full => Err(Failure::HomeFull),
        Bound::Refused => Err(Failure::BindingRefused),
    }
}

fn wish(call: &Call, home: (ProjectId, AccountId), proof: BindingProof) -> Result<binding::Bind> {
    let desk = &call.desk;
    Ok(binding::Bind {
        id: BindingId::generate(desk.clock.as_ref(), desk.rng.as_ref()),
        project: home.0,
        account: home.1,
        person: call.caller()?.person,
        proof,
        invited_by: None,
    })
}

async fn by_code(call: &Call, meter: &str, code: &str) -> Result<Bound> {
    let (desk, now) = (&call.desk, call.desk.clock.now());
    // A meter that does not exist is asked for like one that does, in a home nobody has.
    let found = tag::meter_of(desk, meter).await?;
    let nowhere = (ProjectId(0), AccountId(Uuid::nil()));
    let home = found.map_or(nowhere, |meter| (meter.project, meter.account));
    let wish = wish(call, home, BindingProof::Code)?;
    let hash = printed_hash(desk, home.1, code);
    let store = desk.house.store();
    let house = desk.house.clone();
    Ok(store
        .transact(move |tx| {
            Box::pin(async move {
                let bound = code::redeem(tx, &wish, &hash, now).await?;
                told(tx, &house, bound).await
            })
        })
        .await?)
}

async fn by_sms(call: &Call, said: Said) -> Result<Bound> {
    let (desk, now) = (&call.desk, call.desk.clock.now());
    let home = (ProjectId(0), AccountId(Uuid::nil()));
    let mut wish = wish(call, home, BindingProof::Sms)?;
    let (store, house) = (desk.house.store(), desk.house.clone());
    Ok(store
        .transact(move |tx| {
            Box::pin(async move {
                let Tried::Right(challenge) = sms_challenge::try_code(tx, &said, now).await? else {
                    return Ok::<_, StoreError>(Bound::Refused);
                };
                let Some((project, account, _)) = challenge.home() else {
                    return Ok(Bound::Refused);
                };
                (wish.project, wish.account) = (project, account);
                let bound = binding::bind(tx, &wish, now).await?;
                told(tx, &house, bound).await
            })
        })
        .await?)
}

async fn by_invitation(call: &Call, code: &str) -> Result<Bound> {
    let (desk, now) = (&call.desk, call.desk.clock.now());
    let id = BindingId::generate(desk.clock.as_ref(), desk.rng.as_ref());
    let (person, hash) = (call.caller()?.person, invitation_hash(desk, code));
    let (store, house) = (desk.house.store(), desk.house.clone());
    Ok(store
        .transact(move |tx| {
            Box::pin(async move {
                let bound = invitation::redeem(tx, id, person, &hash, now).await?;
                told(tx, &house, bound).await
            })
        })
        .await?)
}

/// Has everybody in a home told of somebody new, in the transaction that binds them.
async fn told(tx: &Tx, house: &House, bound: Bound) -> Result<Bound, StoreError> {
    if let Bound::New(binding) = &bound {
        note_bound(tx, house, binding).await?;
    }
    Ok(bound)
}

/// Ends a person's binding and has everybody there told, in one unit; `false` if there was none.
pub(crate) async fn end(
    desk: &Desk,
    home: &Home,
    person: PersonId,
    why: &'static str,
) -> Result<bool> {
    let (project, account, now) = (home.project, home.account, desk.clock.now());
    let house = desk.house.clone();
    Ok(desk
        .house
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let people = binding::of_account(tx, project, account).await?;
                let leaving: Vec<_> =
                    people.into_iter().filter(|one| one.person() == person).collect();
                note_unbound(tx, &house, &leaving).await?;
                binding::end(tx, project, account, person, why, now).await
            })
        })
        .await?)
}

/// The home of a binding, as the person sees it.
async fn home_of(desk: &Desk, binding: &Binding) -> Result<HomeView> {
    let home = Home {
        project: ProjectId(binding.project_id),
        account: binding.account(),
        binding: binding.id,
        role: binding.role()?,
    };
    home::view(desk, &home).await
}

async fn leave(call: Call) -> Result<Answer> {
    end(&call.desk, call.home()?, call.caller()?.person, "left").await?;
    Answer::none()
}

/// Prints a code for an account, for staff to hand over; the one before it no longer works.
/// `None` if there is no such account or it is closed.
pub async fn print(
    desk: &Desk,
    project: ProjectId,
    account: AccountId,
    by: OperatorId,
) -> Result<Option<Printed>> {
    let now = desk.clock.now();
    let code = meter_tag::draw(desk.rng.as_ref(), CODE_LEN);
    let (expires_at, uses) = (now + CODE_LIFE, USES_MAX);
    let row = PrintedCode {
        project_id: project.0,
        account_id: account.0,
        code_hash: printed_hash(desk, account, &code),
        printed_at: now,
        printed_by: Some(by.0),
        expires_at,
        uses_left: uses,
        tries: 0,
    };
    let store = desk.house.store();
    let kept = store
        .transact(move |tx| {
            Box::pin(async move {
                let found = account::by_id(tx, project, account).await?;
                if !found.is_some_and(|account| account.is_open()) {
                    return Ok::<_, StoreError>(false);
                }
                code::print(tx, row).await.map(|()| true)
            })
        })
        .await?;
    let (head, tail) = code.split_at(CODE_LEN / 2);
    Ok(kept.then(|| Printed { code: format!("{head}-{tail}"), expires_at, uses }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_write_it() {
        let table = [
            ("k7q2m-z9xw4", Some("K7Q2MZ9XW4")),
            (" K7Q2M Z9XW4 ", Some("K7Q2MZ9XW4")),
            ("", None),
            ("- -", None),
            ("绑定码", None),
            ("a' or 1=1", None),
        ];
        for (text, want) in table {
            assert_eq!(typed_code(text).ok().as_deref(), want, "{text:?}");
        }
        assert!(typed_code(&"A".repeat(TYPED_MAX + 1)).is_err());
    }

    #[test]
    fn a_meter_is_named_by_tag_or_number_and_the_wrong_one_is_told() {
        let field = |tag, number| match named_meter(tag, number) {
            Err(Failure::Malformed(field)) => field,
            _ => "",
        };
        assert_eq!(field(Some("7QK2"), None), "");
        assert_eq!(field(None, Some("101")), "");
        assert_eq!(field(None, None), "tag");
        assert_eq!(field(Some("表"), None), "tag");
        assert_eq!(field(None, Some("表")), "meter_no");
        assert_eq!(field(Some("7QK2"), Some("101")), "meter_no");
    }
}

//! Codes by SMS: to sign in, to prove to live behind a meter, to take a phone number for oneself.
//!
//! What is asked for is answered alike whether there is such a number or meter or not; what it
//! costs is bounded before anything is sent ([`spend`]).

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{AccountId, ChallengeId, CodePurpose, DeliveryState, PersonId, ProjectId};
use serde::{Deserialize, Serialize};
use store::{
    StoreError, Tx, account,
    sms_challenge::{self, Challenge},
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer::Answer,
    call::Call,
    desk::Desk,
    door::{SmsWay, Texted, text_code},
    failure::{Failure, Result},
    me::masked_phone,
    phone::{code_hash, mobile},
    route::{Need, Route},
    tag::{self, MeterOf},
};

pub mod kiosk;
pub mod spend;
use spend::{Asking, Spent};

/// The routes.
pub const ROUTES: &[Route] =
    &[Route::post("/sms-codes", "sms_code.send", |call| Box::pin(send(call)))
        .needs(Need::Anybody)
        .says("发送短信验证码", "Send a code; answered alike whether the number or meter is known")
        .body::<CodeWish>()
        .answers::<CodeSent>(202)];

/// How long a code is good for (S18).
pub const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);

/// A code that is wished for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeWish {
    /// `sign-in`; with a token also `bind` or `phone`.
    #[schema(example = "sign-in")]
    pub purpose: String,
    /// The mobile number, for `sign-in` and `phone`.
    #[serde(default)]
    #[schema(example = "13800138000")]
    pub phone: Option<String>,
    /// The meter's tag or number, for `bind`: the code goes to the number on file.
    #[serde(default)]
    #[schema(example = "7QK2MZ9XW4RT")]
    pub meter: Option<String>,
    /// The puzzle of a refusal `sms.proof_required`, a dot, and what makes the SHA-256 of the
    /// whole begin with so many zero bits.
    #[serde(default)]
    pub proof: Option<String>,
}

/// A code that is on its way, if there is anybody to send it to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CodeSent {
    /// What is said back together with the code.
    pub challenge: Uuid,
    /// After how many seconds another one may be asked for.
    #[schema(example = 60)]
    pub resend_after_s: i64,
    /// How long the code is good for.
    #[schema(example = 600)]
    pub expires_in_s: i64,
}

/// What a wish is about, its form checked.
enum About {
    /// A number that was typed.
    Phone(String),
    /// A meter that was scanned or typed.
    Meter(String),
}

/// The number on file of whoever lives behind a meter.
struct OnFile {
    meter: MeterOf,
    phone: String,
}

/// Asks for a code.
///
/// Invariant: no more messages leave than the budgets of the number, the address and the site
/// have, however many ask at once (S17); proved by
/// `a_thousand_at_once_get_exactly_the_cap` and
/// `a_thousand_numbers_at_once_cost_no_more_than_the_days_money`.
/// Invariant: a meter that does not exist, has no tenant or no number on file answers like one
/// that has; proved by `asking_for_a_code_tells_nothing_about_a_meter`.
async fn send(call: Call) -> Result<Answer> {
    let wish: CodeWish = call.body()?;
    let desk = &call.desk;
    let (purpose, about) = read(&wish)?;
    let person = match purpose {
        CodePurpose::SignIn => None,
        CodePurpose::Bind | CodePurpose::Phone => Some(call.caller()?.person),
    };
    if matches!(desk.doors.sms.way, SmsWay::None) {
        return Err(Failure::NotOffered);
    }
    let on_file = match &about {
        About::Phone(_) => None,
        About::Meter(typed) => on_file(desk, typed).await?,
    };
    let id = ChallengeId::generate(desk.clock.as_ref(), desk.rng.as_ref());
    let code = format!("{:06}", desk.rng.below(1_000_000));
    let row = row(desk, (id, purpose, person), &about, on_file.as_ref(), &code);
    let asking = Asking::of(&call, &known_by(&about), row.phone.as_deref(), wish.proof);
    let spent = desk
        .house
        .store()
        .transact(move |tx| Box::pin(async move { spend_and_keep(tx, asking, row).await }))
        .await?;
    let phone = match spent {
        Spent::Send(phone) => Some(phone),
        Spent::Nobody => None,
        Spent::Proof { puzzle, bits } => return Err(Failure::ProofRequired { puzzle, bits }),
        Spent::TooMany { retry_after_s } => return Err(Failure::TooMany { retry_after_s }),
        Spent::Closed => return Err(Failure::DoorClosed("sms")),
    };
    if let Some(phone) = phone {
        if purpose == CodePurpose::Bind {
            // The answer waits for nobody's gateway: how long it takes would tell whether there
            // is a number on file.
            tokio::spawn(deliver(Arc::clone(desk), id, phone, code));
        } else {
            deliver(Arc::clone(desk), id, phone, code).await?;
        }
    }
    Answer::accepted(&CodeSent {
        challenge: id.0,
        resend_after_s: spend::PHONE_EVERY.num_seconds(),
        expires_in_s: CODE_LIFE.num_seconds(),
    })
}

/// Purpose and subject of a wish. What belongs to another purpose is refused by name.
fn read(wish: &CodeWish) -> Result<(CodePurpose, About)> {
    let purpose: CodePurpose = wish.purpose.parse().map_err(|_| Failure::Malformed("purpose"))?;
    let about = match purpose {
        CodePurpose::SignIn | CodePurpose::Phone => {
            if wish.meter.is_some() {
                return Err(Failure::Malformed("meter"));
            }
            let phone = wish.phone.as_deref().and_then(mobile);
            About::Phone(phone.ok_or(Failure::Malformed("phone"))?)
        }
        CodePurpose::Bind => {
            if wish.phone.is_some() {
                return Err(Failure::Malformed("phone"));
            }
            let meter = wish.meter.as_deref().and_then(tag::typed);
            About::Meter(meter.ok_or(Failure::Malformed("meter"))?)
        }
    };
    Ok((purpose, about))
}

/// What budgets know the subject by.
fn known_by(about: &About) -> (&'static str, String) {
    match about {
        About::Phone(phone) => ("phone", phone.clone()),
        About::Meter(typed) => ("meter", tag::known_by(typed)),
    }
}

/// Looks the number on file up, with the same questions whether there is such a meter or not.
async fn on_file(desk: &Desk, typed: &str) -> Result<Option<OnFile>> {
    let meter = tag::meter_of(desk, typed).await?;
    let nowhere = (ProjectId(0), AccountId(Uuid::nil()));
    let (project, account) = meter.map_or(nowhere, |meter| (meter.project, meter.account));
    let account = account::by_id(desk.house.store().read(), project, account).await?;
    let phone = account.filter(|account| account.is_open()).and_then(|account| account.phone);
    let phone = phone.as_deref().and_then(mobile);
    Ok(meter.zip(phone).map(|(meter, phone)| OnFile { meter, phone }))
}

/// The row of a code. One that goes to nobody has no number and is skipped; it looks like any
/// other from outside.
fn row(
    desk: &Desk,
    (id, purpose, person): (ChallengeId, CodePurpose, Option<PersonId>),
    about: &About,
    on_file: Option<&OnFile>,
    code: &str,
) -> Challenge {
    let now = desk.clock.now();
    let phone = match about {
        About::Phone(phone) => Some(phone.clone()),
        About::Meter(_) => on_file.map(|found| found.phone.clone()),
    };
    let meter = on_file.map(|found| found.meter);
    let delivery = if phone.is_some() { DeliveryState::Waiting } else { DeliveryState::Skipped };
    Challenge {
        id: id.0,
        purpose: purpose.as_str().to_owned(),
        phone_hash: phone.as_deref().map_or_else(String::new, |p| desk.keyed.hash("phone", &[p])),
        phone_masked: phone.as_deref().map_or_else(String::new, masked_phone),
        phone,
        code_hash: code_hash(desk, id, code),
        created_at: now,
        expires_at: now + CODE_LIFE,
        tries: 0,
        person_id: person.map(|person| person.0),
        project_id: meter.map(|meter| meter.project.0),
        meter_id: meter.map(|meter| meter.meter.0),
        account_id: meter.map(|meter| meter.account.0),
        used_at: None,
        delivery: delivery.as_str().to_owned(),
        provider_message: None,
        why: None,
    }
}

/// Spends what a message costs and keeps its row in one unit; answers the number it goes to.
async fn spend_and_keep(tx: &Tx, asking: Asking, row: Challenge) -> Result<Spent, StoreError> {
    let spent = spend::all(tx, &asking).await?;
    let row = match &spent {
        Spent::Send(_) => row,
        Spent::Nobody => Challenge {
            phone: None,
            phone_hash: String::new(),
            phone_masked: String::new(),
            delivery: DeliveryState::Skipped.as_str().to_owned(),
            ..row
        },
        Spent::Proof { .. } | Spent::TooMany { .. } | Spent::Closed => return Ok(spent),
    };
    sms_challenge::insert(tx, row).await?;
    Ok(spent)
}

/// Sends a code and notes what became of it. Nobody knowing is not sent again by itself; whoever
/// waits asks for another one after a minute (D3).
///
/// # Errors
/// [`Failure::DoorClosed`] where it was certainly not sent.
async fn deliver(desk: Arc<Desk>, id: ChallengeId, phone: String, code: String) -> Result<()> {
    let texted = match desk.doors.place() {
        Some(_place) => {
            let stamp = desk.stamp();
            text_code(&desk.house, &desk.doors.sms, &stamp, &phone, &code).await
        }
        None => Texted::Refused("crowded".to_owned()),
    };
    let is_refused = matches!(texted, Texted::Refused(_));
    let (state, number, why) = match texted {
        Texted::Taken(number) => (DeliveryState::Sent, number, None),
        Texted::Refused(why) => (DeliveryState::Failed, None, Some(why)),
        Texted::Unknown => (DeliveryState::Failed, None, Some("unknown".to_owned())),
    };
    let noted = desk.house.store().transact(move |tx| {
        Box::pin(async move { sms_challenge::set_delivery(tx, id, state, number, why).await })
    });
    noted.await?;
    if is_refused { Err(Failure::DoorClosed("sms")) } else { Ok(()) }
}

//! Pairing: an unpaired kiosk shows a code and the digits of its key; an operator who stands before
//! it types the one and compares the other.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{OperatorId, ProjectId};
use kiosk_wire::{
    card_format::unhex,
    device::{Identity, PairingCode, PairingOutcome, PairingProof, PairingRequest, fingerprint},
};
use mini_program_api::keyed::{drawn, same, sha256};
use store::{
    StoreError, Tx,
    kiosk::{
        self, ACTIVE, Change, Kiosk, REVOKED,
        pairing::{self, Pairing},
        session,
    },
    meter_tag,
    rate::Budget,
};
use uuid::Uuid;
use vending::Refusal;

use crate::{
    call::{Answer, Call, Need, Route},
    desk::Desk,
    failure::{Failure, Result},
    settings::Wishes,
};

/// How long a code is good for.
pub const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);
/// The characters of a code.
pub const CODE_LEN: usize = 8;
/// The characters of it that find the row; the others prove it.
const SELECTOR_LEN: usize = 3;
/// Codes one address may ask for in an hour.
const CODES_ADDRESS_MAX: i64 = 20;
/// Codes all addresses may ask for in an hour.
const CODES_SITE_MAX: i64 = 400;
/// Codes one operator may say in an hour.
const SAID_MAX: i64 = 40;
/// How often a code is drawn again whose first characters are taken.
const DRAWS_MAX: usize = 5;
/// The longest text a kiosk says about itself.
const TEXT_MAX: usize = 500;
/// The longest number of a kiosk.
const NUMBER_MAX: usize = 20;
/// The longest reason to put one out, in characters.
const REASON_MAX: usize = 200;
/// The longest name of a kiosk, in characters.
const NAME_MAX: usize = 60;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/pairings", |call| Box::pin(ask(call))).needs(Need::Nothing),
    Route::post("/pairings/{pairing}/outcome", |call| Box::pin(outcome(call))).needs(Need::Nothing),
];

/// A public key of 32 bytes as both sides write it.
fn key_of(text: &str) -> Result<Vec<u8>> {
    let lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
    let key = unhex(text).filter(|key| key.len() == 32 && lower);
    key.ok_or(Failure::Malformed("public_key"))
}

/// The six digits of a key, as the kiosk shows them.
pub fn digits_of(public_key: &str) -> Result<String> {
    let hash = digest(&SHA256, &key_of(public_key)?);
    let hash = hash.as_ref().try_into().map_err(|_| Failure::internal(&"a digest of 32 bytes"))?;
    Ok(fingerprint(hash))
}

async fn ask(call: Call) -> Result<Answer> {
    let wish: PairingRequest = call.body()?;
    key_of(&wish.public_key)?;
    if wish.hardware.len() > TEXT_MAX || wish.version.len() > TEXT_MAX {
        return Err(Failure::Malformed("hardware"));
    }
    let desk = &call.desk;
    let (address, hour) = (desk.tenants.keyed.address(call.ip), TimeDelta::hours(1));
    desk.spend(&[
        Budget::new(format!("kiosk:pairing:{address}"), hour, CODES_ADDRESS_MAX),
        Budget::new("kiosk:pairing", hour, CODES_SITE_MAX),
    ])
    .await?;
    let secret = drawn(desk.rng(), 32);
    for _ in 0..DRAWS_MAX {
        let code = meter_tag::draw(desk.rng(), CODE_LEN);
        let row = row(desk, &wish, &code, &secret);
        let pairing_id = row.id;
        let kept = desk
            .store()
            .transact(move |tx| Box::pin(async move { pairing::insert(tx, row).await }));
        if kept.await? {
            let expires_in_ms = u64::try_from(CODE_LIFE.num_milliseconds()).unwrap_or(0);
            return Answer::json(201, &PairingCode { pairing_id, code, secret, expires_in_ms });
        }
    }
    Err(Failure::TooMany { retry_after_s: 60 })
}

fn row(desk: &Desk, wish: &PairingRequest, code: &str, secret: &str) -> Pairing {
    let now = desk.now();
    Pairing {
        id: desk.fresh_id(),
        selector: selector(code),
        code_hash: desk.tenants.keyed.hash("kiosk-pairing", &[code]),
        secret_hash: sha256(secret),
        public_key: wish.public_key.clone(),
        hardware: wish.hardware.clone(),
        software: wish.version.clone(),
        created_at: now,
        expires_at: now + CODE_LIFE,
        tries: 0,
        state: "waiting".to_owned(),
        project_id: None,
        kiosk_id: None,
    }
}

fn selector(code: &str) -> String {
    code.chars().take(SELECTOR_LEN).collect()
}

async fn outcome(call: Call) -> Result<Answer> {
    let missing = || Failure::NotFound("pairing");
    let (proof, id) = (call.body::<PairingProof>()?, call.id::<Uuid>("pairing")?);
    let (desk, db) = (&call.desk, call.desk.store().read());
    let row = pairing::by_id(db, id).await?.ok_or_else(missing)?;
    if !same(&row.secret_hash, &sha256(&proof.secret)) {
        return Err(missing());
    }
    let place = row.project_id.zip(row.kiosk_id);
    let outcome = match (row.state.as_str(), place) {
        ("taken", Some((project, id))) => {
            let kiosk = kiosk::by_id(db, ProjectId(project), id).await?.ok_or_else(missing)?;
            let command_key = desk.keys.command_key();
            PairingOutcome::Paired(Identity { kiosk_id: id, number: kiosk.number, command_key })
        }
        ("waiting", _) if row.expires_at > desk.now() => PairingOutcome::Waiting,
        _ => PairingOutcome::Expired,
    };
    Answer::ok(&outcome)
}

/// A kiosk that waits, as an operator sees it before taking it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The six digits both sides show.
    pub fingerprint: String,
    /// What it is.
    pub hardware: String,
    /// What it runs.
    pub software: String,
    /// Until when its code is good.
    pub expires_at: DateTime<Utc>,
}

/// Looks at the kiosk that shows a code.
pub async fn look(desk: &Desk, operator: OperatorId, typed: &str) -> Result<Waiting> {
    let row = tried(desk, operator, typed).await?;
    Ok(Waiting {
        fingerprint: digits_of(&row.public_key)?,
        hardware: row.hardware,
        software: row.software,
        expires_at: row.expires_at,
    })
}

async fn tried(desk: &Desk, operator: OperatorId, typed: &str) -> Result<Pairing> {
    let said = Budget::new(format!("kiosk:said:{operator}"), TimeDelta::hours(1), SAID_MAX);
    desk.spend(&[said]).await?;
    let code = meter_tag::tidied(typed);
    let (selector, now) = (selector(&code), desk.now());
    let hash = desk.tenants.keyed.hash("kiosk-pairing", &[&code]);
    let tried = desk.store().transact(move |tx| {
        Box::pin(async move { pairing::try_code(tx, &selector, &hash, now).await })
    });
    tried.await?.ok_or(Failure::PairingRefused)
}

/// What an operator decides about a kiosk that waits.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The code on its screen.
    pub code: String,
    /// The six digits the operator saw on its screen.
    pub fingerprint: String,
    /// What stands on its foot.
    pub number: String,
    /// Its name.
    pub name: String,
    /// True to put it in the place of the kiosk that has this number.
    pub takes_over: bool,
}

/// Takes a kiosk up into a project.
///
/// Invariant: a kiosk is taken up once, by somebody who saw its own key's digits; proved by
/// `a_kiosk_is_taken_up_once_by_who_saw_its_digits`.
pub async fn accept(
    desk: &Desk,
    project: ProjectId,
    operator: OperatorId,
    wish: Acceptance,
) -> Result<Kiosk> {
    check_names(&wish.number, &wish.name)?;
    let row = tried(desk, operator, &wish.code).await?;
    if !same(&digits_of(&row.public_key)?, wish.fingerprint.trim()) {
        return Err(Failure::FingerprintDiffers);
    }
    let (now, fresh) = (desk.now(), desk.fresh_id());
    let taken = desk.store().transact(move |tx| {
        Box::pin(async move { take(tx, (project, fresh), (row, wish), now).await })
    });
    match taken.await {
        // The same number or key was taken up at the same moment.
        Err(Failure::Store(StoreError::Refused(_))) => Err(Failure::Taken),
        done => done,
    }
}

async fn take(
    tx: &Tx,
    (project, fresh): (ProjectId, Uuid),
    (row, wish): (Pairing, Acceptance),
    now: DateTime<Utc>,
) -> Result<Kiosk> {
    let known = kiosk::by_number(tx, project, &wish.number).await?;
    let holder = kiosk::by_key(tx, &row.public_key).await?;
    let same_kiosk = known.as_ref().map(|kiosk| kiosk.id);
    let is_held = holder.is_some_and(|(_, id)| Some(id) != same_kiosk);
    if is_held || (known.is_some() && !wish.takes_over) {
        return Err(Failure::Taken);
    }
    let kiosk = match known {
        Some(known) => {
            session::forget(tx, known.id).await?;
            let change = Change {
                name: Some(wish.name),
                state: Some((ACTIVE, None)),
                ended_at: Some(None),
                software: Some(row.software),
                machine: Some((row.public_key, row.hardware, now)),
                ..Change::default()
            };
            kiosk::change(tx, &known, change).await?
        }
        None => {
            let settings = serde_json::to_string(&Wishes::default());
            let new = Kiosk {
                project_id: project.0,
                id: fresh,
                number: wish.number,
                name: wish.name,
                public_key: row.public_key,
                state: ACTIVE.to_owned(),
                reason: None,
                settings: settings.map_err(|error| Failure::internal(&error))?,
                settings_version: 1,
                hardware: row.hardware,
                software: row.software,
                boot_id: None,
                boot_at: None,
                paired_at: now,
                ended_at: None,
                version: 0,
            };
            kiosk::insert(tx, new.clone()).await?;
            new
        }
    };
    match pairing::take(tx, row.id, (project, kiosk.id)).await? {
        true => Ok(kiosk),
        false => Err(Failure::PairingRefused),
    }
}

/// Puts a kiosk out: from now on it is let in again only by another pairing.
///
/// # Errors
/// [`Refusal::ReasonMissing`] without a reason.
pub async fn revoke(desk: &Desk, row: Kiosk, reason: &str) -> Result<Kiosk> {
    if reason.trim().is_empty() || reason.chars().count() > REASON_MAX {
        return Err(Failure::Refused(Refusal::ReasonMissing));
    }
    let change = Change {
        state: Some((REVOKED, Some(reason.to_owned()))),
        ended_at: Some(Some(desk.now())),
        ..Change::default()
    };
    let id = row.id;
    let done = desk
        .store()
        .transact(move |tx| Box::pin(async move { kiosk::change(tx, &row, change).await }));
    let done = done.await?;
    desk.board.ring(id);
    Ok(done)
}

/// Refuses a number or name no foot or list has room for.
pub fn check_names(number: &str, name: &str) -> Result<()> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if number.is_empty() || number.len() > NUMBER_MAX || !number.bytes().all(legal) {
        return Err(Failure::Malformed("number"));
    }
    if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(Failure::Malformed("name"));
    }
    Ok(())
}

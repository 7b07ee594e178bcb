//! The greeting: the kiosk proves its key on a fresh nonce, the server proves the command key on
//! both, and what follows is a session of one start of one process.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use chrono::{DateTime, TimeDelta, Utc};
use domain::ProjectId;
use kiosk_wire::{
    card_format::unhex,
    device::{Challenge, ChallengeRequest, Hello, Welcome},
};
use mini_program_api::keyed::{drawn, sha256};
use store::{
    StoreError, Tx,
    kiosk::{self, Change, Kiosk, QUARANTINED, REVOKED, session},
    rate::Budget,
};
use uuid::Uuid;

use crate::{
    call::{Answer, Call, Need, Route},
    desk::Desk,
    failure::{Failure, Result},
    settings, watch,
};

/// How long a nonce is good for.
pub const NONCE_LIFE: TimeDelta = TimeDelta::seconds(60);
/// How long a session lasts.
pub const SESSION_LIFE: TimeDelta = TimeDelta::minutes(15);
/// Greetings one address may begin in a minute; a whole site may stand behind one.
const ADDRESS_MAX: i64 = 240;
/// Greetings one kiosk may begin in a minute.
const KIOSK_MAX: i64 = 30;
/// The longest version a kiosk says.
const VERSION_MAX: usize = 100;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/challenges", |call| Box::pin(challenge(call))).needs(Need::Nothing),
    Route::post("/hello", |call| Box::pin(hello(call))).needs(Need::Nothing),
];

/// The kiosk that calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The kiosk.
    pub kiosk: Kiosk,
    /// The start of its process.
    pub boot: Uuid,
    /// Until when it need not greet again.
    pub until: DateTime<Utc>,
}

impl Caller {
    /// Its project.
    pub fn project(&self) -> ProjectId {
        self.kiosk.project()
    }
}

async fn challenge(call: Call) -> Result<Answer> {
    let wish: ChallengeRequest = call.body()?;
    let (desk, minute) = (&call.desk, TimeDelta::minutes(1));
    let address = desk.tenants.keyed.address(call.ip);
    desk.spend(&[
        Budget::new(format!("kiosk:greet:address:{address}"), minute, ADDRESS_MAX),
        Budget::new(format!("kiosk:greet:{}", wish.kiosk_id), minute, KIOSK_MAX),
    ])
    .await?;
    let server_nonce = drawn(desk.rng(), 32);
    let known = kiosk::locate(desk.store().read(), wish.kiosk_id).await?;
    // A kiosk that is not there gets a nonce like any other, and nothing is kept.
    if known.is_some() {
        let now = desk.now();
        let row = session::Challenge {
            hash: sha256(&server_nonce),
            kiosk_id: wish.kiosk_id,
            expires_at: now + NONCE_LIFE,
        };
        let kept = desk.store().transact(move |tx| {
            Box::pin(async move { session::insert_challenge(tx, row, now).await })
        });
        if !kept.await? {
            return Err(Failure::TooMany { retry_after_s: 10 });
        }
    }
    Answer::ok(&Challenge { server_nonce })
}

/// What came of a greeting.
enum Greeted {
    Welcome(Box<Kiosk>),
    /// The nonce was used, is too old, or was never given to this kiosk.
    Stale,
    /// The start that greets was replaced by another before: two processes hold one key.
    Cloned(Box<Kiosk>),
}

async fn hello(call: Call) -> Result<Answer> {
    let hello: Hello = call.body()?;
    let (desk, db) = (&call.desk, call.desk.store().read());
    if hello.version.len() > VERSION_MAX {
        return Err(Failure::Malformed("version"));
    }
    // What cannot be signed by a kiosk of ours is answered alike, whatever is wrong with it.
    let project = kiosk::locate(db, hello.kiosk_id).await?.ok_or(Failure::Revoked)?;
    let known = kiosk::by_id(db, project, hello.kiosk_id).await?.ok_or(Failure::Revoked)?;
    if !is_signed(&known, &hello) || unhex(&hello.device_nonce).is_none_or(|n| n.len() != 32) {
        return Err(Failure::Revoked);
    }
    let now = desk.now();
    let token = drawn(desk.rng(), 32);
    let row = session::Session {
        hash: sha256(&token),
        kiosk_id: known.id,
        project_id: project.0,
        boot_id: hello.boot_id,
        created_at: now,
        expires_at: now + SESSION_LIFE,
        ended_at: None,
    };
    let (nonce, version) = (sha256(&hello.server_nonce), hello.version.clone());
    let greeted = desk.store().transact(move |tx| {
        Box::pin(async move { greet(tx, (project, row), &nonce, version).await })
    });
    let kiosk = match greeted.await? {
        Greeted::Welcome(kiosk) => kiosk,
        Greeted::Stale => return Err(Failure::Session),
        Greeted::Cloned(kiosk) => {
            quarantine(desk, *kiosk).await?;
            return Err(Failure::Revoked);
        }
    };
    if !kiosk.is_active() {
        return Err(Failure::Revoked);
    }
    let mut welcome = Welcome {
        token,
        expires_in_ms: u64::try_from(SESSION_LIFE.num_milliseconds()).unwrap_or(0),
        server_time: now,
        settings: settings::of(desk, &kiosk).await?,
        signature: String::new(),
    };
    welcome.signature = desk.keys.sign(&welcome.to_sign(&hello));
    Answer::ok(&welcome)
}

fn is_signed(kiosk: &Kiosk, hello: &Hello) -> bool {
    let (Some(key), Some(signature)) = (unhex(&kiosk.public_key), unhex(&hello.signature)) else {
        return false;
    };
    UnparsedPublicKey::new(&ED25519, key).verify(&hello.to_sign(), &signature).is_ok()
}

/// A start that greets for the first time takes the place of the one before it, which has ended:
/// a process that was killed or lost its power cannot say so. If the earlier one is heard of
/// again it has not ended, and the key is in two places.
///
/// Invariant: of two processes with one key neither is let in for longer than it takes both to be
/// heard once (19N); proved by `a_cloned_key_is_quarantined_in_both_places`.
async fn greet(
    tx: &Tx,
    (project, row): (ProjectId, session::Session),
    nonce: &str,
    version: String,
) -> Result<Greeted, StoreError> {
    let now = row.created_at;
    if !session::redeem(tx, nonce, row.kiosk_id, now).await? {
        return Ok(Greeted::Stale);
    }
    let known = kiosk::by_id(tx, project, row.kiosk_id).await?;
    let Some(known) = known else { return Ok(Greeted::Stale) };
    if !known.is_active() {
        return Ok(Greeted::Welcome(Box::new(known)));
    }
    let is_same = known.boot_id == Some(row.boot_id);
    if !is_same && session::was_replaced(tx, row.kiosk_id, row.boot_id).await? {
        return Ok(Greeted::Cloned(Box::new(known)));
    }
    let boot = (!is_same).then_some((row.boot_id, now));
    let software = (known.software != version).then_some(version);
    let kiosk = match boot.is_some() || software.is_some() {
        true => kiosk::change(tx, &known, Change { boot, software, ..Change::default() }).await?,
        false => known,
    };
    session::open(tx, row).await?;
    Ok(Greeted::Welcome(Box::new(kiosk)))
}

/// Puts a kiosk out whose key spoke for two processes, and tells a person.
async fn quarantine(desk: &Desk, kiosk: Kiosk) -> Result<()> {
    if !kiosk.is_active() {
        return Ok(());
    }
    let now = desk.now();
    let (alarm, item) = watch::told(desk, &kiosk, watch::CLONED);
    let id = kiosk.id;
    desk.store()
        .transact(move |tx| {
            Box::pin(async move {
                let change = Change {
                    state: Some((QUARANTINED, Some("cloned".to_owned()))),
                    ended_at: Some(Some(now)),
                    ..Change::default()
                };
                kiosk::change(tx, &kiosk, change).await?;
                watch::raise(tx, alarm, item).await
            })
        })
        .await?;
    tracing::warn!(kiosk = %id, "one kiosk key was used by two processes");
    desk.board.ring(id);
    Ok(())
}

/// Which kiosk shows this token.
pub async fn admit(desk: &Desk, need: Need, bearer: Option<&str>) -> Result<Option<Caller>> {
    if need == Need::Nothing {
        return Ok(None);
    }
    let (token, db) = (bearer.ok_or(Failure::Session)?, desk.store().read());
    let row = session::by_hash(db, &sha256(token)).await?.ok_or(Failure::Session)?;
    let kiosk = kiosk::by_id(db, ProjectId(row.project_id), row.kiosk_id).await?;
    let kiosk = kiosk.ok_or(Failure::Session)?;
    if row.expires_at <= desk.now() {
        return Err(if kiosk.is_active() { Failure::Session } else { Failure::Revoked });
    }
    if row.ended_at.is_some() {
        quarantine(desk, kiosk).await?;
        return Err(Failure::Revoked);
    }
    let may_finish = need == Need::Sold && kiosk.state == REVOKED;
    if !kiosk.is_active() && !may_finish {
        return Err(Failure::Revoked);
    }
    Ok(Some(Caller { kiosk, boot: row.boot_id, until: row.expires_at }))
}

/// True while the start that speaks is the one that greeted last. One that was replaced and still
/// speaks gives away that its key is in two places.
///
/// # Errors
/// [`Failure::Revoked`] for a kiosk that was put out.
pub async fn still_speaks(desk: &Desk, caller: &Caller) -> Result<bool> {
    let fresh = kiosk::by_id(desk.store().read(), caller.project(), caller.kiosk.id).await?;
    let fresh = fresh.filter(Kiosk::is_active).ok_or(Failure::Revoked)?;
    if fresh.boot_id == Some(caller.boot) {
        return Ok(true);
    }
    quarantine(desk, fresh).await?;
    Ok(false)
}

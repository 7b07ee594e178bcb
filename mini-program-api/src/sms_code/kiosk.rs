//! Codes for somebody who stands at a kiosk and says that a meter is theirs: sent to the number on
//! file, good at that kiosk only, and worth nothing for signing in.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{ChallengeId, CodePurpose, DeliveryState, ProjectId};
use store::{
    StoreError, Tx,
    rate::{self, Budget},
    sms_challenge::{self, Challenge, Said, Tried},
};
use uuid::Uuid;

use super::{CODE_LIFE, deliver, spend};
use crate::{
    budget::spend_in,
    desk::Desk,
    door::SmsWay,
    failure::{Failure, Result},
    me::masked_phone,
};

/// Codes one kiosk may ask for in an hour.
pub const KIOSK_HOUR_MAX: i64 = 60;

/// A code that is wished for at a kiosk.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The kiosk.
    pub kiosk: Uuid,
    /// Its project.
    pub project: ProjectId,
    /// The number that was typed.
    pub phone: String,
    /// True if it is on file there.
    pub is_known: bool,
}

fn code_hash(desk: &Desk, kiosk: Uuid, id: ChallengeId, code: &str) -> String {
    desk.keyed.hash("kiosk-code", &[&kiosk.to_string(), &id.to_string(), code])
}

/// Asks for a code. A number that is not on file costs and answers the same, and gets nothing.
///
/// Invariant: asking tells nothing about a number; proved by
/// `a_phone_number_that_is_not_on_file_answers_like_one_that_is`.
///
/// # Errors
/// [`Failure::TooMany`], [`Failure::NotOffered`], [`Failure::DoorClosed`].
pub async fn send(desk: &Arc<Desk>, wish: Wish) -> Result<ChallengeId> {
    if matches!(desk.doors.sms.way, SmsWay::None) {
        return Err(Failure::NotOffered);
    }
    let now = desk.clock.now();
    let id = ChallengeId::generate(desk.clock.as_ref(), desk.rng.as_ref());
    let code = format!("{:06}", desk.rng.below(1_000_000));
    let known = wish.is_known;
    let subject = desk.keyed.hash("phone", &[&wish.phone]);
    let delivery = if known { DeliveryState::Waiting } else { DeliveryState::Skipped };
    let row = Challenge {
        id: id.0,
        // Without a person nobody can bind with it, and it is none to sign in with.
        purpose: CodePurpose::Bind.as_str().to_owned(),
        phone: known.then(|| wish.phone.clone()),
        // A number that is not on file is typed by a stranger and kept nowhere.
        phone_hash: if known { subject.clone() } else { String::new() },
        phone_masked: if known { masked_phone(&wish.phone) } else { String::new() },
        code_hash: code_hash(desk, wish.kiosk, id, &code),
        created_at: now,
        expires_at: now + CODE_LIFE,
        tries: 0,
        person_id: None,
        project_id: Some(wish.project.0),
        meter_id: None,
        account_id: None,
        used_at: None,
        delivery: delivery.as_str().to_owned(),
        provider_message: None,
        why: None,
    };
    let (keeper, kiosk) = (Arc::clone(desk), wish.kiosk);
    let refused = desk.house.store().transact(move |tx| {
        Box::pin(async move { spend_and_keep(tx, &keeper, (kiosk, &subject), row).await })
    });
    if let Some(refused) = refused.await? {
        return Err(refused);
    }
    if known {
        // The answer waits for nobody's gateway: its time would tell whether anything was sent.
        tokio::spawn(deliver(Arc::clone(desk), id, wish.phone, code));
    }
    Ok(id)
}

async fn spend_and_keep(
    tx: &Tx,
    desk: &Desk,
    (kiosk, subject): (Uuid, &str),
    row: Challenge,
) -> Result<Option<Failure>, StoreError> {
    let (now, sms) = (row.created_at, &desk.doors.sms);
    let of_kiosk = Budget::new(format!("kiosk:sms:{kiosk}"), TimeDelta::hours(1), KIOSK_HOUR_MAX);
    let mut budgets = vec![of_kiosk];
    budgets.extend(spend::of_subject(subject));
    if let Some(retry_after_s) = spend_in(tx, &budgets, now).await? {
        return Ok(Some(Failure::TooMany { retry_after_s }));
    }
    let site = Budget::new("sms:site:day", TimeDelta::days(1), sms.day_budget_li);
    let spent = rate::spent(tx, &site, now).await?.map_or(0, |(spent, _)| spent);
    if spent.saturating_add(sms.price_li) > site.max {
        tracing::error!("the day's budget for text messages is used up");
        return Ok(Some(Failure::DoorClosed("sms")));
    }
    if row.phone.is_some() {
        rate::spend(tx, &site, sms.price_li, now).await?;
    }
    sms_challenge::insert(tx, row).await?;
    Ok(None)
}

/// Says a code back at the kiosk it was asked for at; answers the number it proves.
///
/// # Errors
/// [`Failure::CodeRefused`], whatever is wrong with it.
pub async fn said(desk: &Desk, kiosk: Uuid, challenge: Uuid, code: &str) -> Result<String> {
    let id = ChallengeId(challenge);
    let said = Said {
        id,
        purpose: CodePurpose::Bind,
        person: None,
        code_hash: code_hash(desk, kiosk, id, code),
    };
    let now = desk.clock.now();
    let tried = desk
        .house
        .store()
        .transact(move |tx| Box::pin(async move { sms_challenge::try_code(tx, &said, now).await }));
    match tried.await? {
        Tried::Right(found) => found.phone.ok_or(Failure::CodeRefused),
        Tried::Wrong { .. } | Tried::Dead => Err(Failure::CodeRefused),
    }
}

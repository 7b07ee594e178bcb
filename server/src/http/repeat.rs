//! Repeats of writes: one `Idempotency-Key` is one wish, answered once and again (S21).

use chrono::TimeDelta;
use domain::ProjectId;
use store::{
    StoreError,
    idempotency::{self, Claimed, Key, UNANSWERED},
};

use super::{App, Code, Problem, error::Result, route::Answer};

/// Lengths a key may have.
const KEY_LENGTH: std::ops::RangeInclusive<usize> = 8..=64;
/// After this time without an answer its process is taken to be gone.
const ABANDONED_AFTER: TimeDelta = TimeDelta::minutes(2);
/// Larger answers are not kept; their repeats are answered by the state they show.
const KEPT_MAX: usize = 256 * 1024;

/// What to do with a write under a key.
pub enum Repeat {
    /// It is the first: do it.
    First(Key),
    /// It was done: this was the answer.
    Again(Answer),
}

/// Checks a key's form.
pub fn read_key(header: Option<&str>) -> Result<String> {
    let key = header.ok_or_else(|| Problem::new(Code::IdempotencyKeyMissing))?;
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if KEY_LENGTH.contains(&key.len()) && key.bytes().all(legal) {
        Ok(key.to_owned())
    } else {
        Err(Problem::malformed("Idempotency-Key"))
    }
}

/// Takes the key, or finds the first answer.
pub async fn begin(
    app: &App,
    project: Option<ProjectId>,
    principal: String,
    key: String,
    request_hash: String,
) -> Result<Repeat> {
    let key = Key { project: project.unwrap_or(ProjectId(0)), principal, key };
    let now = app.clock.now();
    let (wanted, hash) = (key.clone(), request_hash.clone());
    let claimed = app.house.store().transact(move |tx| {
        Box::pin(
            async move { idempotency::claim(tx, &wanted, &hash, now, now - ABANDONED_AFTER).await },
        )
    });
    let known = match claimed.await {
        Ok(Claimed::First) => return Ok(Repeat::First(key)),
        Ok(Claimed::Known(known)) => known,
        // Two first ones raced, and the primary key has decided against this one.
        Err(StoreError::Refused(_) | StoreError::Conflict) => {
            let known = idempotency::by_key(app.house.store().read(), &key).await?;
            known.ok_or_else(|| Problem::new(Code::IdempotencyInProgress).retry_after(1))?
        }
        Err(error) => return Err(error.into()),
    };
    if known.request_hash != request_hash {
        return Err(Problem::new(Code::IdempotencyKeyReused));
    }
    if known.status == UNANSWERED {
        return Err(Problem::new(Code::IdempotencyInProgress).retry_after(1));
    }
    let status = u16::try_from(known.status).unwrap_or(200);
    Ok(Repeat::Again(Answer { status, body: known.body, cookie: None }))
}

/// Keeps the answer for the repeats, or gives the key free after a failure of ours.
pub async fn end(app: &App, key: Key, answer: Option<&Answer>) -> Result<()> {
    let store = app.house.store();
    match answer {
        Some(answer) if answer.body.len() <= KEPT_MAX => {
            let (status, body) = (answer.status, answer.body.clone());
            store
                .transact(move |tx| {
                    Box::pin(async move { idempotency::answer(tx, &key, status, body).await })
                })
                .await?;
        }
        _ => {
            store
                .transact(move |tx| Box::pin(async move { idempotency::release(tx, &key).await }))
                .await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_eight_to_sixty_four_plain_characters() {
        let table = [
            (None, Some(Code::IdempotencyKeyMissing)),
            (Some("short"), Some(Code::Malformed)),
            (Some("long enough"), Some(Code::Malformed)),
            (Some("0f8b1c2e-7a55-4c10"), None),
            (Some("ключ-ключ"), Some(Code::Malformed)),
        ];
        for (header, want) in table {
            assert_eq!(read_key(header).err().map(|p| p.code()), want, "{header:?}");
        }
    }
}

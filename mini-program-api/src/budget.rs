//! What a person, an address or a meter may try in a stretch of time (S15, S17–S19).

use chrono::{DateTime, TimeDelta, Utc};
use store::{
    StoreError, Tx,
    rate::{self, Budget},
};

use crate::{
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    tag,
};

/// Sign-ins through a provider from one address in a minute; a whole dormitory may be one.
pub const SIGN_INS_MAX: i64 = 60;
/// Codes said back from one address in ten minutes.
pub const SAID_MAX: i64 = 60;
/// Proofs for a home one person may show in an hour.
pub const PROOFS_PERSON_MAX: i64 = 10;
/// Printed codes, among those, that one person may try in an hour.
pub const CODES_PERSON_MAX: i64 = 5;
/// Proofs for a home that may come from one address in an hour; a whole dormitory may be one.
pub const PROOFS_ADDRESS_MAX: i64 = 60;
/// Printed codes that may be tried at one meter in an hour, whether there is such a meter or not.
///
/// What stops a guesser is the space and not this bound, so it is wide enough that nobody locks a
/// home out of its own print. A print has ten signs of thirty, 30^10 = 5.9 × 10^14 codes. At 3,000
/// an hour a year has 2.6 × 10^7 tries, a chance of one in twenty million; the ninety days of one
/// print, one in ninety million. To use it up a stranger needs 600 persons who have signed in and
/// fifty addresses, within one hour, and the hour after it is whole again. One person (five tries)
/// gets a year's chance of one in ten thousand million.
pub const PROOFS_METER_MAX: i64 = 3_000;
/// Requests to staff one person may make in a day.
pub const REQUESTS_MAX: i64 = 5;

/// Sign-ins through a provider.
pub fn sign_ins(call: &Call) -> Budget {
    of_address(call, "sign-in", TimeDelta::minutes(1), SIGN_INS_MAX)
}

/// Codes said back.
pub fn said(call: &Call) -> Budget {
    of_address(call, "said", TimeDelta::minutes(10), SAID_MAX)
}

/// Proofs for a home: by person, by address and, where a meter is named, by meter. The narrow ones
/// come first, so that whoever has none left takes nothing from the others.
pub fn proofs(call: &Call, meter: Option<&str>) -> Result<Vec<Budget>> {
    let hour = TimeDelta::hours(1);
    let mut budgets = vec![
        of_person(call, "proof", hour, PROOFS_PERSON_MAX)?,
        of_address(call, "proof", hour, PROOFS_ADDRESS_MAX),
    ];
    if let Some(meter) = meter {
        budgets.insert(0, of_person(call, "code", hour, CODES_PERSON_MAX)?);
        let meter = call.desk.keyed.hash("meter", &[&tag::known_by(meter)]);
        budgets.push(Budget::new(format!("proof:meter:{meter}"), hour, PROOFS_METER_MAX));
    }
    Ok(budgets)
}

/// Requests to staff.
pub fn requests(call: &Call) -> Result<Budget> {
    of_person(call, "request", TimeDelta::days(1), REQUESTS_MAX)
}

fn of_person(call: &Call, used_for: &str, window: TimeDelta, max: i64) -> Result<Budget> {
    let person = call.caller()?.person.to_string();
    let person = call.desk.keyed.hash("person", &[&person]);
    Ok(Budget::new(format!("{used_for}:person:{person}"), window, max))
}

fn of_address(call: &Call, used_for: &str, window: TimeDelta, max: i64) -> Budget {
    let address = call.desk.keyed.address(call.client.ip);
    Budget::new(format!("{used_for}:address:{address}"), window, max)
}

/// Spends one from each; a refusal says when to come again.
pub async fn spend(desk: &Desk, budgets: &[Budget]) -> Result<()> {
    let (budgets, now) = (budgets.to_vec(), desk.clock.now());
    let store = desk.house.store();
    let spent = store
        .transact(move |tx| Box::pin(async move { spend_in(tx, &budgets, now).await }))
        .await?;
    match spent {
        None => Ok(()),
        Some(retry_after_s) => Err(Failure::TooMany { retry_after_s }),
    }
}

/// The same in a unit of the caller's: `None`, or the seconds until the exhausted one is whole.
pub async fn spend_in(
    tx: &Tx,
    budgets: &[Budget],
    now: DateTime<Utc>,
) -> Result<Option<u64>, StoreError> {
    let Some(place) = rate::spend_each(tx, budgets, now).await? else { return Ok(None) };
    let until = match budgets.get(place) {
        Some(budget) => rate::spent(tx, budget, now).await?.map(|(_, end)| end),
        None => None,
    };
    Ok(Some(seconds_until(until, now)))
}

/// Whole seconds until a moment, at least one.
fn seconds_until(until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> u64 {
    let seconds = until.map_or(1, |until| (until - now).num_seconds() + 1);
    u64::try_from(seconds).unwrap_or(1).max(1)
}

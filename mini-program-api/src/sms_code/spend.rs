//! What a message costs before it is sent: work after the third of an address, then the budgets of
//! the address, of whoever it goes to, and of the site (S17).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use store::{
    StoreError, Tx,
    rate::{self, Budget},
};

use crate::{budget::spend_in, call::Call, desk::Desk, keyed::sha256, puzzle};

/// One number gets one message in this time.
pub const PHONE_EVERY: TimeDelta = TimeDelta::seconds(60);
/// The most messages to one number in a day.
pub const PHONE_DAY_MAX: i64 = 10;
/// The most messages one address asks for in a minute.
pub const ADDRESS_MINUTE_MAX: i64 = 5;
/// The messages one address gets in an hour before it has to work for the next.
pub const FREE_MAX: i64 = 3;
/// After so many worked for in an hour the work doubles.
const STEP: i64 = 3;

/// Somebody who asks for a message.
pub struct Asking {
    desk: Arc<Desk>,
    address: String,
    /// What is asked about, hashed: a number or a meter.
    subject: String,
    /// What lies behind a meter: the hash of its number on file, or a stand-in where there is
    /// none, so that the work is the same.
    behind: Option<String>,
    phone: Option<String>,
    proof: Option<String>,
    now: DateTime<Utc>,
}

/// What came of the budgets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spent {
    /// A message goes to this number.
    Send(String),
    /// Nobody gets one, and whoever asked is not told.
    Nobody,
    /// Work has to be shown first.
    Proof {
        /// What has to be hashed.
        puzzle: String,
        /// How many leading zero bits the hash has to have.
        bits: u32,
    },
    /// So many seconds to wait.
    TooMany {
        /// Seconds.
        retry_after_s: u64,
    },
    /// The site has spent what it may in a day.
    Closed,
}

impl Asking {
    /// What a request asks for: about what, and the number it would go to.
    pub fn of(
        call: &Call,
        (kind, text): &(&'static str, String),
        phone: Option<&str>,
        proof: Option<String>,
    ) -> Asking {
        let keyed = &call.desk.keyed;
        let behind = (*kind == "meter").then(|| match phone {
            Some(phone) => keyed.hash("phone", &[phone]),
            None => keyed.hash("nobody", &[text]),
        });
        Asking {
            desk: Arc::clone(&call.desk),
            address: keyed.address(call.client.ip),
            subject: keyed.hash(kind, &[text]),
            behind,
            phone: phone.map(str::to_owned),
            proof,
            now: call.desk.clock.now(),
        }
    }

    /// Whom a puzzle is for.
    fn whom(&self) -> String {
        format!("{}:{}", self.address, self.subject)
    }
}

/// One number, or one meter, gets one message a minute and ten a day.
pub(super) fn of_subject(subject: &str) -> [Budget; 2] {
    [
        Budget::new(format!("sms:subject:minute:{subject}"), PHONE_EVERY, 1),
        Budget::new(format!("sms:subject:day:{subject}"), TimeDelta::days(1), PHONE_DAY_MAX),
    ]
}

/// Spends everything a message costs, in the caller's unit.
///
/// Work and address come before the number: otherwise whoever may not ask would use up somebody
/// else's messages. What lies behind a meter is spent silently, because a refusal would tell.
pub async fn all(tx: &Tx, asking: &Asking) -> Result<Spent, StoreError> {
    let now = asking.now;
    if let Some(refused) = work(tx, asking).await? {
        return Ok(refused);
    }
    let minute = TimeDelta::minutes(1);
    let address = format!("sms:address:minute:{}", asking.address);
    let mut budgets = vec![Budget::new(address, minute, ADDRESS_MINUTE_MAX)];
    budgets.extend(of_subject(&asking.subject));
    if let Some(retry_after_s) = spend_in(tx, &budgets, now).await? {
        return Ok(Spent::TooMany { retry_after_s });
    }
    let sms = &asking.desk.doors.sms;
    let site = Budget::new("sms:site:day", TimeDelta::days(1), sms.day_budget_li);
    let spent = rate::spent(tx, &site, now).await?.map_or(0, |(spent, _)| spent);
    if spent.saturating_add(sms.price_li) > site.max {
        tracing::error!("the day's budget for text messages is used up");
        return Ok(Spent::Closed);
    }
    let is_free = match &asking.behind {
        Some(behind) => spend_in(tx, &of_subject(behind), now).await?.is_none(),
        None => true,
    };
    let phone = asking.phone.clone().filter(|_| is_free);
    let price = if phone.is_some() { sms.price_li } else { 0 };
    if !rate::spend(tx, &site, price, now).await? {
        return Ok(Spent::Closed);
    }
    Ok(phone.map_or(Spent::Nobody, Spent::Send))
}

/// The first messages of an address are free; for each further one a puzzle has been solved,
/// which counts once.
///
/// Invariant: a proof buys one message, whoever shows it again; proved by
/// `after_three_messages_an_address_works_for_each`.
async fn work(tx: &Tx, asking: &Asking) -> Result<Option<Spent>, StoreError> {
    let (now, hour) = (asking.now, TimeDelta::hours(1));
    let desk = &asking.desk;
    let worked = Budget::new(format!("sms:worked:{}", asking.address), hour, i64::MAX);
    if let Some(proof) = &asking.proof {
        let solved = puzzle::solved(&desk.keyed, proof, &asking.whom(), now);
        if let Some(solved) = solved {
            let once = Budget::new(format!("puzzle:{}", sha256(solved)), puzzle::LIFE * 2, 1);
            if rate::spend(tx, &once, 1, now).await? {
                rate::spend(tx, &worked, 1, now).await?;
                return Ok(None);
            }
        }
    } else {
        let free = Budget::new(format!("sms:free:{}", asking.address), hour, FREE_MAX);
        if rate::spend(tx, &free, 1, now).await? {
            return Ok(None);
        }
    }
    let before = rate::spent(tx, &worked, now).await?.map_or(0, |(spent, _)| spent);
    let steps = u32::try_from(before / STEP).unwrap_or(0);
    let bits = puzzle::BITS_MIN.saturating_add(steps).min(puzzle::BITS_MAX);
    let puzzle = puzzle::make(&desk.keyed, desk.rng.as_ref(), &asking.whom(), bits, now);
    Ok(Some(Spent::Proof { puzzle, bits }))
}

//! What came into and went out of a home's purses, newest first: top-ups one by one, use by the
//! day, because a purse moves a hundred times a day.

use std::{collections::HashMap, fmt};

use chrono::{DateTime, Utc};
use domain::{AccountId, BusinessDay, ProjectId, Purpose};
use ledger::template::Template;
use serde::{Deserialize, Serialize};
use store::ledger::statement::{MOVEMENTS_MAX, Movement, Side, movements_of};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use vending::posting;

use crate::{
    answer::Answer,
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    page::bounds,
    reach::Home,
    route::{Need, Route},
};

/// Movements looked at for one page, of each side of each purse.
const CHUNK: u64 = 2_000;
/// Days of use one page shows at most.
const DAYS_MAX: usize = 31;

/// The route.
pub const ROUTES: &[Route] =
    &[Route::get("/homes/{home}/entries", "entry.list", |call| Box::pin(list(call)))
        .needs(Need::Home)
        .says("明细", "Top-ups one by one and use by the day")
        .query::<Wanted>()
        .answers::<Entries>(200)];

/// Which entries.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// `top-up`, `use` or `all`; all when not said.
    #[serde(default)]
    pub kind: Option<String>,
    /// The `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// How many at most; 20 when not said, 100 at most.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EntryView {
    /// The entry.
    #[schema(example = "electricity-1201-1296")]
    pub id: String,
    /// When; of a day's use the last time it was billed.
    pub at: DateTime<Utc>,
    /// `top-up`, `use`, `refund` or `correction`.
    #[schema(example = "use")]
    pub kind: String,
    /// `electricity`, `water` or `gas`.
    #[schema(example = "electricity")]
    pub purpose: String,
    /// What it did to the purse, in fen.
    #[schema(example = -597)]
    pub amount_fen: i64,
    /// The order it belongs to.
    pub order_id: Option<Uuid>,
    /// The bill that explains it.
    pub bill_id: Option<String>,
}

/// Entries.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Entries {
    /// The newest first.
    pub items: Vec<EntryView>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// What a movement is to a tenant; `None` for one that only moves money between their purse and
/// their meter, or sets it aside.
pub fn kind_of(template: &str) -> Option<&'static str> {
    use Template::*;
    let template: Template = template.parse().ok()?;
    Some(match template {
        PaymentReceived | CounterSaleCash | CounterSaleBank | CounterSalePos
        | UnmatchedResolved => "top-up",
        ConsumptionBilled | MeterConsumption => "use",
        RefundStarted | RefundDone | RefundPaidAtCounter | RefundFailedBack => "refund",
        VendHeld | VendApplied | VendVoided | CardHeld | CardWritten | AmountHeld
        | HoldReleased | HoldExpired => {
            return None;
        }
        _ => "correction",
    })
}

/// A movement with the purse it is of.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Whose purse: which purpose.
    pub purpose: Purpose,
    /// The movement.
    pub movement: Movement,
}

/// The movements of a home's purses between two numbers, the newest first, and the number below
/// which nothing was looked at.
async fn movements(
    desk: &Desk,
    (project, account): (ProjectId, AccountId),
    before: i64,
    sides: &[Side],
) -> Result<(Vec<Moved>, i64)> {
    let db = desk.house.store().read();
    let (mut all, mut floor) = (Vec::new(), 0);
    for purpose in Purpose::ALL.iter().copied() {
        let purse = posting::purse_of(account, purpose);
        for side in sides {
            let found = movements_of(db, (project, purse), *side, (0, before), CHUNK).await?;
            if found.len() as u64 == CHUNK {
                // There is more of this; nothing older than its last one is complete.
                floor = floor.max(found.last().map_or(0, |last| last.seq));
            }
            all.extend(found.into_iter().map(|movement| Moved { purpose, movement }));
        }
    }
    all.retain(|moved| moved.movement.seq >= floor);
    all.sort_by_key(|moved| std::cmp::Reverse(moved.movement.seq));
    Ok((all, floor))
}

async fn list(call: Call) -> Result<Answer> {
    let wish: Wanted = call.query()?;
    let limit = usize::try_from(bounds(wish.limit)?).unwrap_or(usize::MAX);
    let from = Place::read(wish.after.as_deref())?;
    let kind = wish.kind.as_deref().unwrap_or("all");
    if !matches!(kind, "all" | "use" | "top-up") {
        return Err(Failure::Malformed("kind"));
    }
    let home: &Home = call.home()?;
    let sides: &[Side] = if kind == "top-up" { &[Side::In] } else { &[Side::In, Side::Out] };
    let key = (home.project, home.account);
    let (found, floor) = movements(&call.desk, key, from.before, sides).await?;
    let (items, rest) = page(&found, kind, (limit, from.shown), floor > 0);
    Answer::ok(&Entries { items, next: rest.map(|place| place.to_string()) })
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// The number below which the movements of its first day lie.
    before: i64,
    /// How many entries of that day the page before has shown.
    shown: usize,
}

impl Place {
    /// Reads what a page gave out as `next`.
    fn read(text: Option<&str>) -> Result<Place> {
        let Some(text) = text else { return Ok(Place { before: i64::MAX, shown: 0 }) };
        let wrong = || Failure::Malformed("after");
        let (before, shown) = text.split_once('.').unwrap_or((text, "0"));
        let (before, shown) = (before.parse().ok(), shown.parse().ok());
        Ok(Place { before: before.ok_or_else(wrong)?, shown: shown.ok_or_else(wrong)? })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.before, self.shown)
    }
}

/// A page of entries out of movements, the newest first, and where the next one begins. A page may
/// end within a day; what that day adds up to is counted over the whole of it on both pages, so
/// that a day's use is never told in two parts.
///
/// Invariant: a page has no more entries than were asked for, and page after page tells each
/// entry once; proved by `pages_of_every_size_tell_each_entry_once_and_never_too_many`.
fn page(
    found: &[Moved],
    kind: &str,
    (limit, mut shown): (usize, usize),
    cut: bool,
) -> (Vec<EntryView>, Option<Place>) {
    let day_of = |moved: &Moved| BusinessDay::of(moved.movement.at);
    let (mut items, mut days) = (Vec::<EntryView>::new(), 0);
    let mut at = 0;
    while let Some(first) = found.get(at) {
        let day = day_of(first);
        let end = found[at..].iter().position(|moved| day_of(moved) != day);
        let end = end.map_or(found.len(), |length| at + length);
        // The last day of what was looked at may go on behind it.
        let is_whole = end < found.len() || !cut || days == 0;
        let before = first.movement.seq.saturating_add(1);
        if !is_whole || items.len() >= limit || days >= DAYS_MAX {
            return (items, Some(Place { before, shown: 0 }));
        }
        let told = of_day(&found[at..end]);
        let told: Vec<_> = told
            .into_iter()
            .filter(|item| kind == "all" || item.kind == kind)
            .skip(shown)
            .collect();
        let room = limit - items.len();
        if told.len() > room {
            items.extend(told.into_iter().take(room));
            return (items, Some(Place { before, shown: shown + room }));
        }
        items.extend(told);
        (at, days, shown) = (end, days + 1, 0);
    }
    let last = found.last().filter(|_| cut);
    (items, last.map(|moved| Place { before: moved.movement.seq, shown: 0 }))
}

/// The entries of one day: use summed up by purpose, everything else by itself.
fn of_day(day: &[Moved]) -> Vec<EntryView> {
    let (mut items, mut uses) = (Vec::<EntryView>::new(), HashMap::<Purpose, usize>::new());
    for Moved { purpose, movement } in day {
        let Some(kind) = kind_of(&movement.template) else { continue };
        if kind == "use"
            && let Some(index) = uses.get(purpose)
        {
            let item = &mut items[*index];
            item.amount_fen += movement.amount_fen;
            let high = item.id.rsplit('-').next().unwrap_or_default().to_owned();
            item.id = format!("{purpose}-{}-{high}", movement.seq);
            item.bill_id = Some(item.id.clone());
            continue;
        }
        let is_use = kind == "use";
        let id = match is_use {
            true => format!("{purpose}-{}-{}", movement.seq, movement.seq),
            false => movement.transaction_id.to_string(),
        };
        if is_use {
            uses.insert(*purpose, items.len());
        }
        items.push(EntryView {
            at: movement.at,
            kind: kind.to_owned(),
            purpose: purpose.as_str().to_owned(),
            amount_fen: movement.amount_fen,
            order_id: movement.order_id,
            bill_id: is_use.then(|| id.clone()),
            id,
        });
    }
    items
}

/// Every movement of one purse in a stretch of time, the oldest first, with what it stood at
/// before; for a statement. Errors: a stretch with more than [`MOVEMENTS_MAX`] on a side.
pub async fn stretch(
    desk: &Desk,
    (project, account): (ProjectId, AccountId),
    purpose: Purpose,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(i64, Vec<Movement>)> {
    let db = desk.house.store().read();
    let purse = posting::purse_of(account, purpose);
    let stands = store::ledger::balance(db, project, purse).await?.posted.fen();
    let mut all = Vec::new();
    for side in [Side::In, Side::Out] {
        let mut before = i64::MAX;
        loop {
            let found =
                movements_of(db, (project, purse), side, (0, before), MOVEMENTS_MAX).await?;
            let short = (found.len() as u64) < MOVEMENTS_MAX;
            let older = found.last().is_none_or(|last| last.at < from);
            before = found.last().map_or(0, |last| last.seq);
            all.extend(found.into_iter().filter(|row| row.at >= from));
            if short || older {
                break;
            }
            if all.len() as u64 > 40 * MOVEMENTS_MAX {
                return Err(Failure::Malformed("from"));
            }
        }
    }
    let since: i64 = all.iter().map(|row| row.amount_fen).sum();
    all.retain(|row| row.at < until);
    all.sort_by_key(|row| row.seq);
    Ok((stands - since, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(seq: i64, at: &str, template: &str, amount_fen: i64) -> Moved {
        let at = DateTime::parse_from_rfc3339(at).unwrap().to_utc();
        let movement = Movement {
            seq,
            transaction_id: Uuid::from_u128(seq as u128),
            at,
            amount_fen,
            template: template.to_owned(),
            key: String::new(),
            order_id: None,
        };
        Moved { purpose: Purpose::Electricity, movement }
    }

    #[test]
    fn use_is_one_entry_a_day_and_a_page_ends_with_a_whole_day() {
        let found = [
            moved(9, "2026-11-20T05:00:00Z", "consumption_billed", -3),
            moved(8, "2026-11-20T04:00:00Z", "vend_applied", -5_000),
            moved(7, "2026-11-20T04:00:00Z", "payment_received", 5_000),
            moved(6, "2026-11-20T03:00:00Z", "consumption_billed", -4),
            // The day turns at four in the afternoon, UTC.
            moved(5, "2026-11-19T15:59:00Z", "consumption_billed", -10),
            moved(4, "2026-11-18T17:00:00Z", "refund_started", -20),
            moved(3, "2026-11-17T17:00:00Z", "consumption_billed", -1),
        ];
        let told = |items: &[EntryView]| {
            let word = |item: &EntryView| format!("{} {}", item.kind, item.amount_fen);
            items.iter().map(word).collect::<Vec<_>>().join(", ")
        };
        let whole = |before: i64| Some(Place { before, shown: 0 });
        let (items, next) = page(&found, "all", (2, 0), false);
        assert_eq!((told(&items).as_str(), next), ("use -7, top-up 5000", whole(6)));
        assert_eq!(items[0].bill_id.as_deref(), Some("electricity-6-9"));
        let (items, next) = page(&found[4..], "all", (20, 0), true);
        assert_eq!((told(&items).as_str(), next), ("use -10, refund -20", whole(4)));
        let (items, next) = page(&found, "use", (20, 0), false);
        assert_eq!((told(&items).as_str(), next), ("use -7, use -10, use -1", None));
        assert_eq!(page(&[], "all", (20, 0), false), (Vec::new(), None));
    }
    #[test]
    fn pages_of_every_size_tell_each_entry_once_and_never_too_many() {
        let mut found = vec![
            moved(40, "2026-11-20T05:00:00Z", "consumption_billed", -3),
            moved(30, "2026-11-20T03:00:00Z", "consumption_billed", -4),
            moved(20, "2026-11-19T15:59:00Z", "consumption_billed", -10),
            moved(10, "2026-11-17T17:00:00Z", "consumption_billed", -1),
        ];
        // A day on which much was paid, and nothing used in between.
        let paid = |n: i64| moved(31 + n, "2026-11-20T04:00:00Z", "payment_received", 5_000 + n);
        found.extend((0..7).map(paid));
        found.sort_by_key(|moved| std::cmp::Reverse(moved.movement.seq));
        for kind in ["all", "use", "top-up"] {
            let (want, rest) = page(&found, kind, (100, 0), false);
            assert_eq!(rest, None);
            for limit in 1..=12 {
                let (mut all, mut place) = (Vec::new(), Place { before: i64::MAX, shown: 0 });
                loop {
                    let left: Vec<_> = found
                        .iter()
                        .filter(|moved| moved.movement.seq < place.before)
                        .cloned()
                        .collect();
                    let (items, next) = page(&left, kind, (limit, place.shown), false);
                    assert!(items.len() <= limit, "{kind} {limit}");
                    all.extend(items);
                    let Some(next) = next else { break };
                    assert_eq!(Place::read(Some(&next.to_string())).unwrap(), next);
                    place = next;
                }
                assert_eq!(all, want, "{kind} {limit}");
            }
        }
        for text in ["", ".", "x", "1.x", "1.-1", "99999999999999999999"] {
            assert!(Place::read(Some(text)).is_err(), "{text}");
        }
        assert_eq!(Place::read(Some("7")).unwrap(), Place { before: 7, shown: 0 });
    }
}

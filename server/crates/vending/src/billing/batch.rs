//! Many registers billed in one transaction: what a sweep of platform-held meters brings in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{AccountId, MeterId, MoneyModel, ProjectId};
use serde_json::json;
use store::{
    Tx,
    billing::{
        BillingCursor,
        batch::{self, Batch, Key},
    },
    job::Job,
    meter::Meter,
    reading::gap::Gap,
    tariff::{self, Tariff},
};

use super::{
    Draft, Left, Register, draft, first_cursor, is_ahead, low_balance, may_span_a_gap, passed,
};
use crate::{
    house::House,
    job, posting,
    refusal::{Refusal, Result, VendingError},
};

/// The most registers billed in one transaction, so that money never waits long behind them.
pub const BILL_BATCH_MAX: usize = 512;

/// A register of a meter.
pub type Read = (ProjectId, MeterId, Register);

impl House {
    /// Bills many registers, in the order given, [`BILL_BATCH_MAX`] in a transaction. A batch that
    /// cannot be written is billed one by one, so that nobody loses by a neighbour. Answers what
    /// could not be billed.
    pub async fn bill_all(&self, reads: Vec<Read>) -> Vec<(MeterId, VendingError)> {
        let mut failed = Vec::new();
        for part in reads.chunks(BILL_BATCH_MAX) {
            let (house, reads) = (self.clone(), part.to_vec());
            let billed = self
                .store()
                .transact(move |tx| Box::pin(async move { bill_part(tx, &house, &reads).await }));
            match billed.await {
                Ok(refused) => failed.extend(refused),
                Err(error) => {
                    tracing::warn!(error = %error, count = part.len(), "billed one by one");
                    for (project, meter, read) in part {
                        if let Err(error) = self.bill(*project, *meter, *read).await {
                            failed.push((*meter, error));
                        }
                    }
                }
            }
        }
        failed
    }
}

/// What the readings of a part are judged by.
struct Known {
    meters: HashMap<Key, Meter>,
    cursors: HashMap<Key, BillingCursor>,
    tariffs: HashMap<Key, Vec<Tariff>>,
    gaps: HashMap<Key, Vec<Gap>>,
    /// Those that are sold to with their cards.
    by_card: BTreeSet<Key>,
}

impl Known {
    async fn of(tx: &Tx, reads: &[Read]) -> Result<Known> {
        let asked = reads.iter().map(|(project, meter, _)| (project.0, meter.0));
        let asked = asked.collect::<BTreeSet<_>>();
        let asked: Vec<_> = asked.into_iter().map(|(p, m)| (ProjectId(p), MeterId(m))).collect();
        let meters = batch::meters(tx, &asked).await?;
        let cursors = batch::cursors(tx, &asked).await?;
        let named = meters.values().filter_map(|m| Some((m.project_id, m.tariff_id?)));
        let tariffs = batch::tariffs(tx, named.collect::<BTreeSet<_>>()).await?;
        // A stretch only gets shorter while the part is billed: it begins at the cursor as it is,
        // or at the reading that makes one.
        let (mut begins, mut stretches) = (HashMap::new(), BTreeMap::new());
        for (project, id, read) in reads {
            let key = (project.0, id.0);
            let Some(meter) = meters.get(&key) else { continue };
            let from = cursors.get(&key).map(|cursor| cursor.at);
            let from = *begins.entry(key).or_insert(from.unwrap_or(read.at));
            if may_span_a_gap(meter, from, *read) {
                let until = stretches.entry(key).or_insert((from, read.at));
                until.1 = until.1.max(read.at);
            }
        }
        let stretches = stretches.into_iter().map(|(key, (from, until))| (key, from, until));
        let gaps = batch::gaps(tx, &stretches.collect::<Vec<_>>()).await?;
        let by_card = store::kiosk::card::carried(tx, &asked).await?;
        Ok(Known { meters, cursors, tariffs, gaps, by_card })
    }

    /// The gaps that reach into the stretch from the cursor to the reading.
    fn gaps_of(&self, key: Key, meter: &Meter, cursor: &BillingCursor, read: Register) -> Vec<Gap> {
        if !may_span_a_gap(meter, cursor.at, read) {
            return Vec::new();
        }
        let all = self.gaps.get(&key).map(Vec::as_slice).unwrap_or_default();
        let reaches =
            |gap: &&Gap| gap.from_at < read.at && gap.to_at.is_none_or(|to| to > cursor.at);
        all.iter().filter(reaches).cloned().collect()
    }

    fn price_of(&self, meter: &Meter, read: Register) -> Option<&Tariff> {
        let versions = self.tariffs.get(&(meter.project_id, meter.tariff_id?))?;
        tariff::in_force_of(versions, read.at)
    }
}

/// Bills a part; answers the readings that were refused by themselves.
async fn bill_part(tx: &Tx, house: &House, reads: &[Read]) -> Result<Vec<(MeterId, VendingError)>> {
    let known = Known::of(tx, reads).await?;
    let mut cursors = known.cursors.clone();
    let (mut written, mut refused) = (Batch::default(), Vec::new());
    for (project, id, read) in reads {
        let key = (project.0, id.0);
        let Some(meter) = known.meters.get(&key) else {
            refused.push((*id, Refusal::NotFound { what: "meter" }.into()));
            continue;
        };
        if meter.money_model()? != MoneyModel::PlatformHeld {
            continue;
        }
        let Some(cursor) = cursors.get(&key) else {
            cursors.insert(key, first_cursor(meter, *read));
            continue;
        };
        if !is_ahead(cursor, *read) {
            continue;
        }
        if known.by_card.contains(&key) {
            let moved = passed(cursor, *read);
            cursors.insert(key, moved);
            continue;
        }
        let gaps = known.gaps_of(key, meter, cursor, *read);
        match draft(house, meter, cursor, *read, &gaps, known.price_of(meter, *read)) {
            Ok(Draft::Waits) => {}
            Ok(Draft::Passed(moved)) => {
                cursors.insert(key, moved);
            }
            Ok(Draft::Line(draft)) => {
                cursors.insert(key, draft.moved);
                written.lines.push(draft.line);
                written.bookings.extend(draft.booking);
            }
            Err(error) => refused.push((*id, error)),
        }
    }
    // In the order of their keys, so that two processes lock them alike.
    for (key, cursor) in cursors.into_iter().collect::<BTreeMap<_, _>>() {
        match known.cursors.get(&key) {
            None => written.begun.push(cursor),
            Some(before) if before.version != cursor.version => {
                written.moved.push((cursor, before.version));
            }
            Some(_) => {}
        }
    }
    batch::write(tx, &written).await?;
    let jobs = arrears(tx, house, &known, &written).await?;
    store::job::schedule_all(tx, &jobs).await?;
    Ok(refused)
}

/// The arrears jobs of a part: every line whose purse was empty after it, by what it stood at then.
async fn arrears(tx: &Tx, house: &House, known: &Known, written: &Batch) -> Result<Vec<Job>> {
    let mut purses = Vec::with_capacity(written.lines.len());
    for line in &written.lines {
        let Some(meter) = known.meters.get(&(line.project_id, line.meter_id)) else { continue };
        let purse = posting::purse_of(AccountId(line.account_id), meter.purpose()?);
        purses.push((line, meter, (line.project_id, purse.to_string())));
    }
    let asked = purses.iter().map(|(_, _, purse)| purse.clone()).collect::<BTreeSet<_>>();
    let mut stood = batch::balances(tx, asked).await?;
    // From the last line back: before it the purse held its amount more.
    let (mut jobs, mut low) = (BTreeMap::new(), Vec::new());
    for (line, meter, purse) in purses.into_iter().rev() {
        let balance = stood.entry(purse).or_insert(0);
        let balance_fen = *balance;
        *balance = balance.saturating_add(line.amount_fen);
        let (account, amount_fen) = (AccountId(line.account_id), line.amount_fen);
        let left = Left { account, line: line.id, amount_fen, balance_fen };
        low.extend(low_balance(house, meter, left, line.to_at));
        if balance_fen <= 0 && !meter.keeps_power() {
            let key = (meter.project_id, meter.id);
            let detail = json!({ "balance_fen": balance_fen, "read_at": line.to_at });
            jobs.entry(key).or_insert_with(|| job::arrears_job(house, meter, detail));
        }
    }
    low.extend(jobs.into_values());
    Ok(low)
}

//! The notice job: a fact becomes one notice for each person it concerns, with what is to leave
//! the house for them.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use domain::{
    AccountId, DeliveryState, IdentityKind, MeterId, NoticeChannel, NoticeId, NoticeKind, OrderId,
    OrderState, PersonId, ProjectId, QuietHours, RoomId, arrears::reconnect_amount_fen,
    business_day::china_standard_time,
};
use serde_json::{Value, json};
use store::{
    account, binding,
    job::Job,
    meter,
    notice::{self, Notice, Sending, choice},
    order, person,
};

use super::{fact::Fact, words::Params};
use crate::{
    house::House,
    job::{self, JobEnd},
    posting,
    refusal::{Refusal, Result, VendingError},
};

/// When people are left in peace who have said nothing: from 22 to 8 o'clock.
const USUAL_QUIET: (u16, u16) = (22 * 60, 8 * 60);

/// Why a channel is not used: it is not among those the person wants.
pub const NOT_WANTED: &str = "notice.not_wanted";
/// Why a channel is not used: the site has not set it up for this kind.
pub const NOT_SET_UP: &str = "notice.not_set_up";
/// Why a channel is not used: the person is not known there.
pub const NO_ADDRESS: &str = "notice.no_address";

/// The channels in the order they are tried; the first that takes a message is the only one.
pub(crate) const ORDER: [NoticeChannel; 3] =
    [NoticeChannel::Wechat, NoticeChannel::ServiceAccount, NoticeChannel::Sms];

impl House {
    /// The notice job of one fact.
    ///
    /// Invariant: a person is told once for a reason, and only whoever is bound when it is told;
    /// proved by `twenty_facts_at_once_are_one_notice_for_each_person` and
    /// `the_new_tenant_is_told_nothing_of_the_old_one`.
    pub(crate) async fn run_notice_job(&self, project: ProjectId, job: &Job) -> Result<JobEnd> {
        let fact: Fact = serde_json::from_str(&job.payload)
            .map_err(|_| Refusal::Malformed { field: "payload" })?;
        let kind: NoticeKind =
            fact.kind.parse().map_err(|_| Refusal::Malformed { field: "kind" })?;
        let db = self.store().read();
        let account = AccountId(fact.account);
        let mut people: Vec<_> = fact.people.iter().copied().map(PersonId).collect();
        if people.is_empty() {
            let bound = binding::of_account(db, project, account).await?;
            people.extend(bound.iter().map(binding::Binding::person));
        }
        if people.is_empty() {
            return Ok(JobEnd::Done);
        }
        let params = self.params_of(project, kind, &fact).await?;
        for person in people {
            let sendings = self.sendings(person, kind, &params).await?;
            let row = Notice {
                project_id: project.0,
                id: NoticeId::generate(self.clock(), self.rng()).0,
                person_id: person.0,
                account_id: Some(fact.account),
                order_id: fact.order,
                kind: kind.as_str().to_owned(),
                reason: job.key.clone(),
                params: serde_json::to_string(&params).unwrap_or_default(),
                created_at: self.now(),
                read_at: None,
            };
            self.tell(row, sendings).await?;
        }
        Ok(JobEnd::Done)
    }

    /// Writes a notice with the job that sends it, in one unit.
    async fn tell(&self, row: Notice, sendings: Vec<Sending>) -> Result<()> {
        let first = sendings.iter().filter_map(|sending| sending.next_at).min();
        let send = first.map(|at| send_job(self, &row, at));
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    if notice::tell(tx, row, &sendings).await?
                        && let Some(send) = send
                    {
                        store::job::insert(tx, &send).await?;
                    }
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }

    /// What a fact tells of, as things stand now.
    async fn params_of(&self, project: ProjectId, kind: NoticeKind, fact: &Fact) -> Result<Params> {
        let db = self.store().read();
        let site = store::site::project(db, project).await?;
        let holder = account::by_id(db, project, AccountId(fact.account)).await?;
        let room = match &holder {
            Some(holder) => account::room(db, project, RoomId(holder.room_id)).await?,
            None => None,
        };
        let room = room.map_or_else(String::new, |r| format!("{} {}", r.building, r.number));
        let site = site.map_or_else(String::new, |site| site.name);
        let mut params = Params {
            place: format!("{site} {room}").trim().to_owned(),
            room: room.trim().to_owned(),
            amount_fen: fact.amount_fen,
            balance_fen: fact.balance_fen,
            at: fact.at,
            cut_at: fact.cut_at,
            ..Params::default()
        };
        if let Some(id) = fact.order
            && kind == NoticeKind::Credited
        {
            let order = order::by_id(db, project, OrderId(id)).await?;
            params.lit = order.is_some_and(|o| o.state().is_ok_and(|s| s == OrderState::Restored));
        }
        let Some(id) = fact.meter else { return Ok(params) };
        let Some(row) = meter::by_id(db, project, MeterId(id)).await? else { return Ok(params) };
        let count = row.meter_no.chars().count();
        params.meter = row.meter_no.chars().skip(count.saturating_sub(4)).collect();
        params.purpose = row.purpose.clone();
        let held_here = row.money_model()? == domain::MoneyModel::PlatformHeld;
        if held_here && params.balance_fen.is_none() {
            let purse = posting::purse_of(AccountId(fact.account), row.purpose()?);
            let balance = store::ledger::balance(db, project, purse).await?.posted.fen();
            params.balance_fen = Some(balance);
        }
        if let (true, Some(balance)) = (fact.restore, params.balance_fen) {
            let minimum = self.settings().reconnect_minimum_fen;
            params.amount_fen = Some(reconnect_amount_fen(balance, 0, minimum));
        }
        Ok(params)
    }

    /// What leaves the house for a person: what they chose, in the order it is tried. In the pages
    /// everything is always to be seen.
    async fn sendings(
        &self,
        person: PersonId,
        kind: NoticeKind,
        params: &Params,
    ) -> Result<Vec<Sending>> {
        let db = self.store().read();
        let wanted = choice::of_person(db, person).await?;
        let channels = wanted.of(kind.choice()).unwrap_or_else(|| kind.usual_channels());
        let known = person::identities(db, person).await?;
        let now = self.now();
        let at = match kind.breaks_quiet(params.lit) {
            true => now,
            false => after_quiet(wanted.quiet, now),
        };
        let mut sendings = vec![Sending {
            channel: NoticeChannel::InApp,
            state: DeliveryState::Delivered,
            next_at: None,
            why: None,
        }];
        for channel in ORDER {
            let why = if !channels.contains(&channel) {
                Some(NOT_WANTED)
            } else if !self.settings().notices.offers(channel, kind) {
                Some(NOT_SET_UP)
            } else if self.address_of(channel, &known).is_none() {
                Some(NO_ADDRESS)
            } else {
                None
            };
            let skipped = why.is_some();
            sendings.push(Sending {
                channel,
                state: if skipped { DeliveryState::Skipped } else { DeliveryState::Waiting },
                next_at: (!skipped).then_some(at),
                why: why.map(str::to_owned),
            });
        }
        Ok(sendings)
    }

    /// Where a person is reached in a channel.
    pub(crate) fn address_of(
        &self,
        channel: NoticeChannel,
        known: &[person::Identity],
    ) -> Option<String> {
        let channels = &self.settings().notices;
        let (kind, scope) = match channel {
            NoticeChannel::Wechat => {
                (IdentityKind::WechatMini, channels.mini.as_ref()?.app_id.as_str())
            }
            NoticeChannel::ServiceAccount => {
                (IdentityKind::WechatPage, channels.page.as_ref()?.app_id.as_str())
            }
            NoticeChannel::Sms => (IdentityKind::Phone, ""),
            NoticeChannel::InApp => return None,
        };
        let found = known.iter().find(|row| row.kind == kind.as_str() && row.scope == scope);
        found.map(|row| row.value.clone())
    }
}

/// The job that sends a notice.
fn send_job(house: &House, row: &Notice, at: DateTime<Utc>) -> Job {
    let payload: Value = json!({ "notice": row.id });
    Job {
        payload: payload.to_string(),
        priority: store::job::PRIORITY_MAX,
        ..job::draft(house, ProjectId(row.project_id), "deliver", &row.id.to_string(), at)
    }
}

/// When a message may leave that keeps the quiet hours, in China.
fn after_quiet(quiet: Option<QuietHours>, now: DateTime<Utc>) -> DateTime<Utc> {
    let usual = QuietHours::new(USUAL_QUIET.0, USUAL_QUIET.1);
    let Some(quiet) = quiet.or(usual) else { return now };
    let local = now.with_timezone(&china_standard_time());
    let minute = u16::try_from(local.hour() * 60 + local.minute()).unwrap_or(0);
    match quiet.wait_minutes(minute) {
        0 => now,
        wait => {
            // At the full minute it ends.
            let past = TimeDelta::seconds(i64::from(local.second()));
            now + TimeDelta::minutes(i64::from(wait)) - past
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_night_leaves_at_eight_or_when_the_person_says() {
        let own = QuietHours::new(13 * 60, 14 * 60);
        // quiet hours, now, leaves (UTC; China is eight hours ahead)
        for (quiet, now, leaves) in [
            (None, "2026-11-21T06:00:00Z", "2026-11-21T06:00:00Z"),
            (None, "2026-11-21T13:59:59Z", "2026-11-21T13:59:59Z"),
            (None, "2026-11-21T14:00:00Z", "2026-11-22T00:00:00Z"),
            (None, "2026-11-21T23:59:30Z", "2026-11-22T00:00:00Z"),
            (own, "2026-11-21T05:30:20Z", "2026-11-21T06:00:00Z"),
            (own, "2026-11-21T15:00:00Z", "2026-11-21T15:00:00Z"),
        ] {
            let got = after_quiet(quiet, now.parse().unwrap());
            assert_eq!(got, leaves.parse::<DateTime<Utc>>().unwrap(), "{now}");
        }
    }
}

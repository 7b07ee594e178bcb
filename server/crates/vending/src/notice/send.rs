//! The delivery job: a notice leaves the house through the first channel that takes it.
//!
//! WeChat's subscription comes first (one tap, one message), then the service account, then a
//! text message. Another channel is tried only where the one before certainly sent nothing: what
//! may have got out is not said again elsewhere (D3). An attempt is counted before it is made.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use connector::{
    Outcome, Stamp,
    sms::{self, Text},
    wechat::{self, Subscribed, Template as TemplateMessage},
};
use domain::{
    DeliveryState, Language, NoticeChannel, NoticeId, NoticeKind, PersonId, ProjectId,
    retry::Backoff,
};
use store::{
    StoreError, Tx,
    notice::{
        self, Notice,
        delivery::{self, Delivery},
        quota::{self, Subscription},
    },
    person, rate,
};

use super::{
    channel::{Template, our_fault},
    tell::{NO_ADDRESS, NOT_SET_UP, ORDER},
    words::{self, Params},
};
use crate::{
    house::House,
    job::JobEnd,
    refusal::{Refusal, Result, VendingError},
};

/// How long an attempt may take before another worker may look after it.
const ATTEMPT_MAX: TimeDelta = TimeDelta::minutes(2);
/// The wait between two attempts; all of them fit into the ten minutes in which the service
/// account sends one message once (C5).
const BACKOFF: Backoff = Backoff::seconds(5, 60);

/// Why a channel is not used: another one took the message.
pub const TOLD: &str = "notice.told_elsewhere";
/// Why a channel is not used: nobody knows whether another one took the message.
pub const MAYBE_TOLD: &str = "notice.maybe_told";
/// Why a message failed: an attempt was cut off half way, or its answer did not come.
pub const UNKNOWN: &str = "notice.unknown";
/// Why a channel is not used: the person agreed to no more messages.
pub const NO_QUOTA: &str = "notice.no_quota";
/// Why a message failed: the day's money for text messages is spent.
pub const NO_MONEY: &str = "notice.sms_budget";
/// Why a message is not sent any more: the person left the home meanwhile.
pub const UNBOUND: &str = "notice.unbound";

/// What WeChat says when there is no agreement left (C4).
const NO_AGREEMENT: &str = "43101";

/// What became of a channel.
enum Tried {
    /// It took the message.
    Told,
    /// It may have taken the message.
    Maybe,
    /// It certainly did not and will not.
    Next,
    /// It did not yet.
    Later(Duration),
}

/// Whether an attempt may be made.
enum Taken {
    Yes(Delivery),
    /// The end was written; the next channel is tried.
    No,
    /// Somebody else makes it.
    Elsewhere,
}

/// A notice on its way to a person.
struct Letter {
    notice: Notice,
    kind: NoticeKind,
    params: Params,
    language: Language,
    address: String,
}

impl House {
    /// The delivery job of one notice.
    ///
    /// Invariant: a message that may have got out is not sent again, neither there nor elsewhere
    /// (D3, F4 no. 30); proved by `a_text_message_without_an_answer_is_not_sent_again`.
    pub(crate) async fn run_delivery_job(
        &self,
        project: ProjectId,
        id: NoticeId,
    ) -> Result<JobEnd> {
        let db = self.store().read();
        let Some(row) = notice::by_id(db, project, id).await? else { return Ok(JobEnd::Done) };
        let rows = delivery::of_notices(db, std::slice::from_ref(&row)).await?;
        let mut open = Vec::new();
        for channel in ORDER {
            let waits = |row: &&Delivery| row.channel == channel.as_str() && row.next_at.is_some();
            open.extend(rows.iter().find(waits).cloned());
        }
        if !self.concerns(&row).await? {
            self.skip(open, UNBOUND).await?;
            return Ok(JobEnd::Done);
        }
        while !open.is_empty() {
            let delivery = open.remove(0);
            let now = self.now();
            if let Some(wait) = delivery.next_at.and_then(|at| (at - now).to_std().ok())
                && !wait.is_zero()
            {
                return Ok(JobEnd::Again(wait));
            }
            match self.try_channel(&row, &delivery).await? {
                Tried::Next => {}
                Tried::Later(wait) => return Ok(JobEnd::Again(wait)),
                Tried::Told => self.skip(std::mem::take(&mut open), TOLD).await?,
                Tried::Maybe => self.skip(std::mem::take(&mut open), MAYBE_TOLD).await?,
            }
        }
        Ok(JobEnd::Done)
    }

    /// True while the person is somebody the notice concerns: whoever left the home is told
    /// nothing of it any more but that they left.
    async fn concerns(&self, row: &Notice) -> Result<bool> {
        let Some(account) = row.account_id else { return Ok(true) };
        if row.kind == NoticeKind::BindingEnded.as_str() {
            return Ok(true);
        }
        let db = self.store().read();
        let held = store::binding::held(db, PersonId(row.person_id), domain::AccountId(account));
        Ok(held.await?.is_some())
    }

    async fn skip(&self, rows: Vec<Delivery>, why: &'static str) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let now = self.now();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    for row in rows {
                        let why = Some(why.to_owned());
                        delivery::finish(tx, &row, DeliveryState::Skipped, None, why, now).await?;
                    }
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }

    async fn end(
        &self,
        row: &Delivery,
        state: DeliveryState,
        number: Option<String>,
        why: Option<&str>,
    ) -> Result<()> {
        let (row, why, now) = (row.clone(), why.map(str::to_owned), self.now());
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    delivery::finish(tx, &row, state, number, why, now).await?;
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }

    async fn try_channel(&self, notice: &Notice, row: &Delivery) -> Result<Tried> {
        let channel = row.channel()?;
        // Counted and without a reason: the process died between sending and writing.
        let lost = row.attempts > 0 && row.why.is_none();
        if lost && channel != NoticeChannel::ServiceAccount {
            self.end(row, DeliveryState::Failed, None, Some(UNKNOWN)).await?;
            return Ok(Tried::Maybe);
        }
        let letter = match self.letter(notice, channel).await? {
            Ok(letter) => letter,
            Err(why) => {
                self.end(row, DeliveryState::Skipped, None, Some(why)).await?;
                return Ok(Tried::Next);
            }
        };
        let taken = match self.take(row, channel, &letter).await? {
            Taken::Yes(taken) => taken,
            Taken::No => return Ok(Tried::Next),
            Taken::Elsewhere => return Ok(Tried::Later(Duration::from_secs(5))),
        };
        let outcome = match channel {
            NoticeChannel::Wechat => self.send_subscribed(&letter).await.map(|()| None),
            NoticeChannel::ServiceAccount => {
                self.send_template(&letter).await.map(|number| Some(number.to_string()))
            }
            _ => self.send_text(&letter).await.map(Some),
        };
        self.settle(channel, &letter, &taken, outcome).await
    }

    async fn letter(
        &self,
        notice: &Notice,
        channel: NoticeChannel,
    ) -> Result<std::result::Result<Letter, &'static str>> {
        let kind: NoticeKind =
            notice.kind.parse().map_err(|_| Refusal::Malformed { field: "kind" })?;
        let params: Params = serde_json::from_str(&notice.params)
            .map_err(|_| Refusal::Malformed { field: "params" })?;
        let (db, id) = (self.store().read(), PersonId(notice.person_id));
        let Some(person) = person::by_id(db, id).await? else { return Ok(Err(NO_ADDRESS)) };
        let known = person::identities(db, id).await?;
        let Some(address) = self.address_of(channel, &known) else { return Ok(Err(NO_ADDRESS)) };
        if !self.settings().notices.offers(channel, kind) {
            return Ok(Err(NOT_SET_UP));
        }
        let language = person.language()?;
        Ok(Ok(Letter { notice: notice.clone(), kind, params, language, address }))
    }

    /// Counts the attempt and takes what it costs, in one unit.
    async fn take(&self, row: &Delivery, channel: NoticeChannel, letter: &Letter) -> Result<Taken> {
        let (row, now) = (row.clone(), self.now());
        let channels = &self.settings().notices;
        let cost = match channel {
            NoticeChannel::Wechat => self.subscription(letter).map(Cost::Message),
            NoticeChannel::Sms => {
                Some(Cost::Money(channels.sms_budget(), channels.sms_price_li.max(1)))
            }
            _ => None,
        };
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let Some(taken) = delivery::begin(tx, &row, now + ATTEMPT_MAX, now).await?
                    else {
                        let over = row.attempts >= delivery::ATTEMPTS_MAX;
                        return Ok(if over { Taken::No } else { Taken::Elsewhere });
                    };
                    match spend(tx, cost, now).await? {
                        None => Ok::<_, VendingError>(Taken::Yes(taken)),
                        Some((state, why)) => {
                            let why = Some(why.to_owned());
                            delivery::finish(tx, &taken, state, None, why, now).await?;
                            Ok(Taken::No)
                        }
                    }
                })
            })
            .await
    }

    fn subscription(&self, letter: &Letter) -> Option<Subscription> {
        let channels = &self.settings().notices;
        Some(Subscription {
            app_id: channels.mini.as_ref()?.app_id.clone(),
            openid: letter.address.clone(),
            template_id: channels.mini_templates.get(&letter.kind)?.id.clone(),
        })
    }

    /// Writes down how an attempt ended.
    async fn settle(
        &self,
        channel: NoticeChannel,
        letter: &Letter,
        taken: &Delivery,
        outcome: Outcome<Option<String>>,
    ) -> Result<Tried> {
        let class = outcome.class();
        let (why, again) = match outcome {
            Outcome::Done(number) => {
                self.end(taken, DeliveryState::Sent, number, None).await?;
                return Ok(Tried::Told);
            }
            // The service account sends a message with our number once, so it may be asked again.
            Outcome::Unknown(_) if channel == NoticeChannel::ServiceAccount => {
                (UNKNOWN.to_owned(), true)
            }
            Outcome::Unknown(doubt) => {
                tracing::warn!(%channel, ?doubt, "nobody knows whether a notice went out");
                self.end(taken, DeliveryState::Failed, None, Some(UNKNOWN)).await?;
                return Ok(Tried::Maybe);
            }
            Outcome::Theirs(why) => (why.code, true),
            Outcome::Declined(why) | Outcome::OurFault(why) => {
                let (code, message) = (why.code, why.message);
                tracing::warn!(%channel, class, code, message, "a notice was refused");
                (code, false)
            }
        };
        self.give_back(channel, letter, &why).await?;
        if !again || taken.attempts >= delivery::ATTEMPTS_MAX {
            self.end(taken, DeliveryState::Failed, None, Some(&why)).await?;
            return Ok(Tried::Next);
        }
        let failures = u32::try_from(taken.attempts).unwrap_or(1);
        let wait = self.paced(BACKOFF.drawn(failures, self.rng()));
        let (row, now) = (taken.clone(), self.now());
        let next_at = now + crate::job::span(wait);
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    delivery::put_off(tx, &row, next_at, &why, now).await?;
                    Ok::<_, VendingError>(())
                })
            })
            .await?;
        Ok(Tried::Later(wait))
    }

    /// A message that certainly did not go out used no agreement up; where WeChat knows of none,
    /// ours are nothing either.
    async fn give_back(&self, channel: NoticeChannel, letter: &Letter, why: &str) -> Result<()> {
        if channel != NoticeChannel::Wechat {
            return Ok(());
        }
        let Some(to) = self.subscription(letter) else { return Ok(()) };
        let (now, gone) = (self.now(), why == NO_AGREEMENT);
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    match gone {
                        true => quota::clear(tx, &to, now).await?,
                        false => quota::add(tx, &to, now).await?,
                    }
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }

    async fn send_subscribed(&self, letter: &Letter) -> Outcome<()> {
        let channels = &self.settings().notices;
        let set_up = channels.mini.as_ref().zip(channels.mini_templates.get(&letter.kind));
        let Some((app, template)) = set_up else { return our_fault(&Refusal::NotSupported) };
        let message = Subscribed {
            openid: letter.address.clone(),
            template: template.id.clone(),
            page: "pages/notices/notices".to_owned(),
            language: match letter.language {
                Language::ZhCn => wechat::Language::Chinese,
                Language::En => wechat::Language::English,
            },
            values: values(template, letter),
        };
        let make = |token: &connector::Secret| wechat::send_subscribed(app, token, &message);
        self.ask_wechat(app, make, wechat::read_subscribed).await
    }

    async fn send_template(&self, letter: &Letter) -> Outcome<u64> {
        let channels = &self.settings().notices;
        let set_up = channels.page.as_ref().zip(channels.page_templates.get(&letter.kind));
        let Some((app, template)) = set_up else { return our_fault(&Refusal::NotSupported) };
        let message = TemplateMessage {
            openid: letter.address.clone(),
            template: template.id.clone(),
            url: format!("{}/m/#/pages/notices/notices", channels.public_url),
            client_msg_id: letter.notice.id.simple().to_string(),
            values: values(template, letter),
        };
        let make = |token: &connector::Secret| wechat::send_template(app, token, &message);
        self.ask_wechat(app, make, wechat::read_template).await
    }

    async fn send_text(&self, letter: &Letter) -> Outcome<String> {
        let channels = &self.settings().notices;
        let by_hand = letter.params.is_by_hand(letter.kind);
        // A site that registered no English template sends the Chinese one.
        let found = [letter.language, Language::ZhCn].into_iter().find_map(|language| {
            let key = (letter.kind, by_hand, language);
            channels.sms_templates.get(&key).map(|template| (language, template.clone()))
        });
        let set_up = channels.sms.as_ref().zip(found);
        let Some((gateway, (language, template))) = set_up else {
            return our_fault(&Refusal::NotSupported);
        };
        let Some(params) = words::sms_params(letter.kind, &letter.params, language) else {
            return our_fault(&Refusal::Malformed { field: "params" });
        };
        let text = Text { phone: letter.address.clone(), template, params };
        let stamp = Stamp::new(self.now(), self.rng());
        let request = match sms::send(gateway, &text, &stamp) {
            Ok(request) => request,
            Err(error) => return our_fault(&error),
        };
        let sent =
            self.ask_once(request, |response| sms::read_send(gateway, &text, &response)).await;
        sent.map(|accepted| accepted.provider_no)
    }
}

/// What an attempt uses up.
enum Cost {
    Message(Subscription),
    Money(rate::Budget, i64),
}

/// Takes what an attempt costs; answers how it ends where there is nothing left.
async fn spend(
    tx: &Tx,
    cost: Option<Cost>,
    now: DateTime<Utc>,
) -> std::result::Result<Option<(DeliveryState, &'static str)>, StoreError> {
    Ok(match cost {
        None => None,
        Some(Cost::Message(to)) => {
            let left = quota::spend(tx, &to, now).await?;
            (!left).then_some((DeliveryState::Skipped, NO_QUOTA))
        }
        Some(Cost::Money(budget, price)) => {
            let left = rate::spend(tx, &budget, price, now).await?;
            (!left).then_some((DeliveryState::Failed, NO_MONEY))
        }
    })
}

/// The values of a template by keyword; one that is not known is a dash, which every text takes.
fn values(template: &Template, letter: &Letter) -> BTreeMap<String, String> {
    let value = |name: &str| {
        let known = letter.params.value(name, letter.kind, letter.language);
        known.unwrap_or_else(|| "-".to_owned())
    };
    template.values.iter().map(|(keyword, name)| (keyword.clone(), value(name))).collect()
}

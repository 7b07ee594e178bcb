//! Through what notices leave the house: the WeChat accounts, the SMS gateway, and the templates
//! that were approved there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use connector::{
    Doubt, Outcome, Rejection, Request, Response, Secret,
    sms::Gateway,
    wechat::{self, App, wants_new_token},
};
use domain::{Language, NoticeChannel, NoticeKind};
use store::rate::Budget;

use crate::{house::House, transport::TransportError};

/// The budget of text messages of a day, in li; sign-in codes spend from the same one.
const SMS_DAY: &str = "sms:site:day";
/// A token is fetched again so long before its end: WeChat makes the next one five minutes
/// earlier and lets both work (C3).
const TOKEN_MARGIN: TimeDelta = TimeDelta::seconds(240);

/// A template of messages that was approved at WeChat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// WeChat's number of it.
    pub id: String,
    /// Which value stands under which keyword: `thing1` → `place`; the values are those of
    /// [`super::words::Params::value`].
    pub values: BTreeMap<String, String>,
}

/// What a site has set up to tell people by. Empty: only the pages tell.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    /// The mini-program that sends subscription messages and whose orders are reported as
    /// delivered.
    pub mini: Option<App>,
    /// The service account that sends template messages.
    pub page: Option<App>,
    /// The SMS gateway.
    pub sms: Option<Gateway>,
    /// What one text message costs, in li (a tenth of a fen).
    pub sms_price_li: i64,
    /// What the text messages of a day may cost, in li.
    pub sms_day_li: i64,
    /// The mini-program's templates, by kind.
    pub mini_templates: BTreeMap<NoticeKind, Template>,
    /// The service account's templates, by kind.
    pub page_templates: BTreeMap<NoticeKind, Template>,
    /// The SMS gateway's templates, by kind, whether a cut was made by hand, and language.
    pub sms_templates: BTreeMap<(NoticeKind, bool, Language), String>,
    /// Where the tenants' pages are.
    pub public_url: String,
    /// Below which balances a tenant is told, in fen; once for each until it is topped up.
    pub low_balance_fen: Vec<i64>,
}

impl Channels {
    /// True where the channel is set up for a kind at all.
    pub fn offers(&self, channel: NoticeChannel, kind: NoticeKind) -> bool {
        match channel {
            NoticeChannel::Wechat => self.mini.is_some() && self.mini_templates.contains_key(&kind),
            NoticeChannel::ServiceAccount => {
                self.page.is_some() && self.page_templates.contains_key(&kind)
            }
            NoticeChannel::Sms => {
                self.sms.is_some() && self.sms_templates.keys().any(|(known, ..)| *known == kind)
            }
            NoticeChannel::InApp => true,
        }
    }

    /// What the text messages of a day may cost.
    pub(crate) fn sms_budget(&self) -> Budget {
        Budget::new(SMS_DAY, TimeDelta::days(1), self.sms_day_li)
    }
}

/// The access tokens of the WeChat accounts, fetched by one at a time.
#[derive(Default)]
pub(crate) struct Tokens {
    accounts: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Kept>>>>,
}

/// A token and until when it is good.
type Kept = Option<(Secret, DateTime<Utc>)>;

impl House {
    /// Asks a provider something, once.
    pub(crate) async fn ask_once<T>(
        &self,
        request: Request,
        read: impl FnOnce(Response) -> Outcome<T>,
    ) -> Outcome<T> {
        match self.transport().send(request).await {
            Ok(response) => read(response),
            Err(TransportError::NotSent) => {
                Outcome::Theirs(Rejection::new("NOT_SENT", "no connection"))
            }
            Err(TransportError::NoAnswer) => Outcome::Unknown(Doubt::NoAnswer),
        }
    }

    /// The access token of a WeChat account; `refused` is the one WeChat did not take, if any.
    ///
    /// Invariant: however many need a token at once, it is asked for once, and one that was
    /// refused is replaced once (C3, F4 no. 29); proved by `a_refused_token_is_fetched_once_more`.
    async fn wechat_token(&self, app: &App, refused: Option<&Secret>) -> Outcome<Secret> {
        let account = {
            let mut all = self.tokens().accounts.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(app.app_id.clone()).or_default())
        };
        let mut kept = account.lock().await;
        let now = self.now();
        if let Some((token, _)) = kept.as_ref().filter(|(_, until)| *until > now) {
            // Whoever was refused first has fetched it meanwhile.
            if refused.is_none_or(|refused| refused.expose() != token.expose()) {
                return Outcome::Done(token.clone());
            }
        }
        let request = match wechat::token(app) {
            Ok(request) => request,
            Err(error) => return our_fault(&error),
        };
        self.ask_once(request, wechat::read_token).await.map(|fresh| {
            let life = TimeDelta::seconds(i64::from(fresh.expires_in_s)) - TOKEN_MARGIN;
            *kept = Some((fresh.token.clone(), now + life));
            fresh.token
        })
    }

    /// Asks WeChat something with an account's token; with another one, once, where the first is
    /// refused. A second refusal is not the token's fault.
    pub async fn ask_wechat<T>(
        &self,
        app: &App,
        make: impl Fn(&Secret) -> Result<Request, wechat::OurFault>,
        read: impl Fn(&Response) -> Outcome<T>,
    ) -> Outcome<T> {
        let mut refused: Option<Secret> = None;
        loop {
            let token = match self.wechat_token(app, refused.as_ref()).await {
                Outcome::Done(token) => token,
                Outcome::OurFault(why) | Outcome::Declined(why) => return Outcome::OurFault(why),
                Outcome::Theirs(why) => return Outcome::Theirs(why),
                // Nothing was sent that could have had an effect.
                Outcome::Unknown(_) => {
                    return Outcome::Theirs(Rejection::new("TOKEN", "no access token"));
                }
            };
            let request = match make(&token) {
                Ok(request) => request,
                Err(error) => return our_fault(&error),
            };
            match self.ask_once(request, |response| read(&response)).await {
                Outcome::Theirs(why) if refused.is_none() && wants_new_token(&why) => {
                    refused = Some(token);
                }
                outcome => return outcome,
            }
        }
    }
}

/// What cannot be sent because of us.
pub(crate) fn our_fault<T>(error: &dyn std::error::Error) -> Outcome<T> {
    Outcome::OurFault(Rejection::new("UNMADE", error.to_string()))
}

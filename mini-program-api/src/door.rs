//! The doors to others: who a visitor is (WeChat, Alipay), and sending them a code (SMS).
//!
//! The connectors say what is asked and what the answer means; here it is sent and what came of
//! it becomes an answer for a tenant.

use std::{fmt, sync::Arc};

use connector::{
    Doubt, Outcome, Rejection, Request, Response, Stamp, alipay,
    sms::{self, Gateway, Text},
    wechat,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vending::{
    House, TransportError,
    merchant::{Keys, Merchant},
};

use crate::{
    desk::Desk,
    failure::{Failure, Result},
};

/// Messages on their way at once; beyond it the door is closed for a moment.
pub const SENDING_MAX: usize = 64;

/// How text messages go out.
#[derive(Clone, Debug, Default)]
pub enum SmsWay {
    /// Not at all.
    #[default]
    None,
    /// Into the log, for a demonstration: that there was one; the code only if `with_code`.
    Log {
        /// Whether the log shows the code.
        with_code: bool,
    },
    /// Through a gateway.
    Gateway(Gateway),
}

/// Text messages: the way, the template, and what a day may cost.
#[derive(Clone, Debug, Default)]
pub struct Sms {
    /// The way.
    pub way: SmsWay,
    /// The gateway's number of the approved template whose one variable is `code`.
    pub code_template: String,
    /// What one message costs, in li (厘, a tenth of a fen).
    pub price_li: i64,
    /// What the messages of a day may cost, in li.
    pub day_budget_li: i64,
}

/// Signing in with Alipay.
#[derive(Clone, Debug)]
pub struct AlipayDoor {
    /// The application; one of the merchant accounts has its keys.
    pub app_id: String,
    /// Where a page sends its visitor to be recognised.
    pub authorize_url: String,
}

/// The doors of a site; one that is not set up is not there.
#[derive(Default)]
pub struct Doors {
    /// The WeChat mini-program.
    pub wechat_mini: Option<wechat::App>,
    /// The WeChat service account.
    pub wechat_page: Option<wechat::App>,
    /// Alipay, pages and mini-program.
    pub alipay: Option<AlipayDoor>,
    /// Text messages.
    pub sms: Sms,
    /// What is under way.
    pub traffic: Traffic,
}

/// What is under way through the doors of this process.
pub struct Traffic {
    /// Places for messages on their way.
    sending: Arc<Semaphore>,
}

impl Default for Traffic {
    fn default() -> Self {
        let sending = Arc::new(Semaphore::new(SENDING_MAX));
        Traffic { sending }
    }
}

impl fmt::Debug for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doors")
            .field("wechat_mini", &self.wechat_mini)
            .field("wechat_page", &self.wechat_page)
            .field("alipay", &self.alipay)
            .field("sms", &self.sms)
            .finish_non_exhaustive()
    }
}

impl Doors {
    /// The mini-program of this name; another's is not offered (S20).
    pub fn mini(&self, app_id: &str) -> Result<&wechat::App> {
        let app = self.wechat_mini.as_ref().filter(|app| app.app_id == app_id);
        app.ok_or(Failure::NotOffered)
    }

    /// The keys of the Alipay application, with its door.
    pub fn alipay<'a>(&'a self, house: &House) -> Result<(&'a AlipayDoor, AlipayKeys)> {
        let door = self.alipay.as_ref().ok_or(Failure::NotOffered)?;
        let mut found = house.merchants().all();
        found.sort_by_key(|merchant| merchant.id);
        let fits = |merchant: &Arc<Merchant>| match &merchant.keys {
            Keys::Alipay(keys) => keys.app_id == door.app_id,
            Keys::WechatPay(_) => false,
        };
        let merchant = found.into_iter().find(fits).ok_or(Failure::NotOffered)?;
        Ok((door, AlipayKeys(merchant)))
    }

    /// Takes a place for a message until it is dropped; `None` while [`SENDING_MAX`] are on their
    /// way.
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.traffic.sending).try_acquire_owned().ok()
    }
}

/// A merchant account of Alipay, whose keys also sign sign-ins.
pub struct AlipayKeys(Arc<Merchant>);

impl AlipayKeys {
    /// The keys.
    pub fn get(&self) -> Result<&alipay::Merchant> {
        match &self.0.keys {
            Keys::Alipay(keys) => Ok(keys),
            Keys::WechatPay(_) => Err(Failure::NotOffered),
        }
    }
}

impl Desk {
    /// A moment and a nonce for a request.
    pub fn stamp(&self) -> Stamp {
        Stamp::new(self.clock.now(), self.rng.as_ref())
    }

    /// Asks somebody something, once.
    pub async fn ask<T>(
        &self,
        request: Request,
        read: impl FnOnce(Response) -> Outcome<T>,
    ) -> Outcome<T> {
        ask(&self.house, request, read).await
    }
}

async fn ask<T>(
    house: &House,
    request: Request,
    read: impl FnOnce(Response) -> Outcome<T>,
) -> Outcome<T> {
    match house.transport().send(request).await {
        Ok(response) => read(response),
        Err(TransportError::NotSent) => {
            Outcome::Theirs(Rejection::new("NOT_SENT", "no connection"))
        }
        Err(TransportError::NoAnswer) => Outcome::Unknown(Doubt::NoAnswer),
    }
}

/// What a provider said about a visitor's code: done, refused, or nobody can say just now. A code
/// is never shown twice, because the provider may have taken it.
pub fn settled<T>(door: &'static str, outcome: Outcome<T>) -> Result<T> {
    let class = outcome.class();
    let why = match outcome {
        Outcome::Done(value) => return Ok(value),
        Outcome::Declined(why) => {
            tracing::info!(door, code = why.code, "a visitor's code was refused");
            return Err(Failure::CodeRefused);
        }
        Outcome::OurFault(why) | Outcome::Theirs(why) => Some(why),
        Outcome::Unknown(Doubt::Pending(why) | Doubt::Unproven(why) | Doubt::Unlisted(why)) => {
            Some(why)
        }
        Outcome::Unknown(_) => None,
    };
    // A used or bad code is told in several ways, signed or not; the visitor just starts again.
    let is_code = |why: &Rejection| alipay::wants_new_code(why) || wechat::wants_new_code(why);
    if why.as_ref().is_some_and(is_code) {
        return Err(Failure::CodeRefused);
    }
    let (code, message) = why.map_or_else(Default::default, |why| (why.code, why.message));
    tracing::warn!(door, class, code, message, "a door is closed");
    Err(Failure::DoorClosed(door))
}

/// What became of a text message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Texted {
    /// The gateway took it, under this number.
    Taken(Option<String>),
    /// It was certainly not taken.
    Refused(String),
    /// Nobody knows; it is never sent again by itself (D3).
    Unknown,
}

/// Sends a code to a phone, once.
pub async fn text_code(house: &House, sms: &Sms, stamp: &Stamp, phone: &str, code: &str) -> Texted {
    let gateway = match &sms.way {
        SmsWay::None => return Texted::Refused("none".to_owned()),
        SmsWay::Log { with_code } => {
            let shown = if *with_code { code } else { "******" };
            let to = crate::me::masked_phone(phone);
            tracing::info!(to, code = shown, "a text message of the demonstration");
            return Texted::Taken(None);
        }
        SmsWay::Gateway(gateway) => gateway,
    };
    let text = Text {
        phone: phone.to_owned(),
        template: sms.code_template.clone(),
        params: vec![("code".to_owned(), code.to_owned())],
    };
    let request = match sms::send(gateway, &text, stamp) {
        Ok(request) => request,
        Err(error) => {
            tracing::error!(%error, gateway = gateway.name(), "a text message cannot be made");
            return Texted::Refused("unmade".to_owned());
        }
    };
    let outcome = ask(house, request, |response| sms::read_send(gateway, &text, &response)).await;
    let class = outcome.class();
    match outcome {
        Outcome::Done(taken) => Texted::Taken(Some(taken.provider_no)),
        Outcome::Declined(why) | Outcome::OurFault(why) | Outcome::Theirs(why) => {
            let (gateway, code) = (gateway.name(), why.code.as_str());
            tracing::warn!(gateway, class, code, message = why.message, "a text was refused");
            Texted::Refused(why.code)
        }
        Outcome::Unknown(doubt) => {
            tracing::warn!(gateway = gateway.name(), ?doubt, "nobody knows whether a text went");
            Texted::Unknown
        }
    }
}

//! Placing an order (下单, A8).

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::{Channel, Money, business_day::china_standard_time};
use serde::{Deserialize, Serialize};

use super::{
    answer::{self, Undone},
    code::Call,
    merchant::{Merchant, Mode},
    sign::{OurFault, check_number, check_text, post},
};
use crate::{
    http::{Request, Response, Stamp},
    outcome::{Doubt, Outcome},
};

/// The longest description, in characters (A8).
pub const DESCRIPTION_MAX: usize = 127;

/// The longest attachment, in characters (A8).
pub const ATTACH_MAX: usize = 128;

/// The longest text the payer's device is handed, in bytes.
const PLACED_MAX: usize = 2048;

/// What to place. Sending the same again is harmless; sending other words under the same number
/// is refused by WeChat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The door: `WechatNative`, `WechatJsapi` or `WechatH5`.
    pub channel: Channel,
    /// Our number, 6 to 32 of `[0-9A-Za-z_]`, unique for ever.
    pub out_trade_no: String,
    /// What the payer reads, 1 to 127 characters.
    pub description: String,
    /// The amount, at least one fen.
    pub amount: Money,
    /// When the order stops being payable. WeChat counts the first call only and moves anything
    /// under a minute ahead to one minute.
    pub expires_at: DateTime<Utc>,
    /// The payer, as known under [`Mode::payer_app_id`]; needed for `WechatJsapi`.
    pub payer_openid: Option<String>,
    /// The payer's address; needed for `WechatH5`.
    pub payer_ip: Option<IpAddr>,
    /// Comes back with the callback, at most 128 characters; empty for none.
    pub attach: String,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    account: Account<'a>,
    description: &'a str,
    out_trade_no: &'a str,
    time_expire: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    attach: &'a str,
    notify_url: &'a str,
    amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<Payer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene_info: Option<SceneInfo>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Account<'a> {
    Ordinary {
        appid: &'a str,
        mchid: &'a str,
    },
    Partner {
        sp_appid: &'a str,
        sp_mchid: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        sub_appid: Option<&'a str>,
        sub_mchid: &'a str,
    },
}

#[derive(Serialize)]
struct Amount {
    total: i64,
    currency: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Payer<'a> {
    Openid(&'a str),
    SpOpenid(&'a str),
    SubOpenid(&'a str),
}

#[derive(Serialize)]
struct SceneInfo {
    payer_client_ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    h5_info: Option<H5Info>,
}

#[derive(Serialize)]
struct H5Info {
    r#type: &'static str,
}

/// The request that places an order.
pub fn place(merchant: &Merchant, order: &Place, stamp: &Stamp) -> Result<Request, OurFault> {
    check_number("out_trade_no", &order.out_trade_no, 6..=32)?;
    check_text("description", &order.description, DESCRIPTION_MAX)?;
    if !order.attach.is_empty() {
        check_text("attach", &order.attach, ATTACH_MAX)?;
    }
    if !order.amount.is_positive() {
        return Err(OurFault::Amount { field: "amount.total" });
    }
    let door = match order.channel {
        Channel::WechatNative => "native",
        Channel::WechatJsapi => "jsapi",
        Channel::WechatH5 => "h5",
        _ => return Err(OurFault::Channel),
    };
    let body = Body {
        account: account(&merchant.mode),
        description: &order.description,
        out_trade_no: &order.out_trade_no,
        time_expire: rfc3339(order.expires_at),
        attach: &order.attach,
        notify_url: &merchant.notify_url,
        amount: Amount { total: order.amount.fen(), currency: order.amount.currency().code() },
        payer: payer(&merchant.mode, order)?,
        scene_info: scene_info(order)?,
    };
    let path = match merchant.mode {
        Mode::Ordinary { .. } => format!("/v3/pay/transactions/{door}"),
        Mode::Partner { .. } => format!("/v3/pay/partner/transactions/{door}"),
    };
    post(merchant, &path, &body, stamp)
}

fn account(mode: &Mode) -> Account<'_> {
    match mode {
        Mode::Ordinary { appid, mchid } => Account::Ordinary { appid, mchid },
        Mode::Partner { sp_appid, sp_mchid, sub_appid, sub_mchid } => {
            let sub_appid = sub_appid.as_deref();
            Account::Partner { sp_appid, sp_mchid, sub_appid, sub_mchid }
        }
    }
}

fn payer<'a>(mode: &Mode, order: &'a Place) -> Result<Option<Payer<'a>>, OurFault> {
    if order.channel != Channel::WechatJsapi {
        return Ok(None);
    }
    let openid = order.payer_openid.as_deref().filter(|openid| !openid.is_empty());
    let openid = openid.ok_or(OurFault::Missing("the payer's openid"))?;
    Ok(Some(match mode {
        Mode::Ordinary { .. } => Payer::Openid(openid),
        Mode::Partner { sub_appid: None, .. } => Payer::SpOpenid(openid),
        Mode::Partner { sub_appid: Some(_), .. } => Payer::SubOpenid(openid),
    }))
}

fn scene_info(order: &Place) -> Result<Option<SceneInfo>, OurFault> {
    let is_h5 = order.channel == Channel::WechatH5;
    match order.payer_ip {
        None if is_h5 => Err(OurFault::Missing("the payer's address")),
        None => Ok(None),
        Some(ip) => Ok(Some(SceneInfo {
            payer_client_ip: ip.to_string(),
            h5_info: is_h5.then_some(H5Info { r#type: "Wap" }),
        })),
    }
}

/// A moment as WeChat writes it: RFC 3339 in China Standard Time, whole seconds.
fn rfc3339(at: DateTime<Utc>) -> String {
    at.with_timezone(&china_standard_time()).to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
}

/// What the payer's device needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// Native: the text of the QR code, good for two hours.
    CodeUrl(String),
    /// JSAPI: the id that [`payer_parameters`](super::payer_parameters) signs, good for two
    /// hours.
    PrepayId(String),
    /// H5: the page to open, good for five minutes.
    H5Url(String),
}

#[derive(Deserialize)]
struct PlacedBody {
    code_url: Option<String>,
    prepay_id: Option<String>,
    h5_url: Option<String>,
}

/// Reads the answer to [`place`]. Nothing of it may reach a screen unless it is `Done`: an
/// altered answer would show somebody else's QR code (F4 no. 31).
pub fn read_place(merchant: &Merchant, response: &Response, now: DateTime<Utc>) -> Outcome<Placed> {
    let read = || -> Result<Placed, Undone> {
        let body = answer::body(Call::Place, merchant, response, now)?;
        let body: PlacedBody = answer::value(body)?;
        let unreadable = Outcome::Unknown(Doubt::Unreadable);
        let usable = |text: &String| {
            (1..=PLACED_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        };
        match (body.code_url, body.prepay_id, body.h5_url) {
            (Some(url), None, None) if usable(&url) => Ok(Placed::CodeUrl(url)),
            (None, Some(id), None) if usable(&id) => Ok(Placed::PrepayId(id)),
            (None, None, Some(url)) if usable(&url) => Ok(Placed::H5Url(url)),
            _ => Err(unreadable),
        }
    };
    answer::settle(read())
}

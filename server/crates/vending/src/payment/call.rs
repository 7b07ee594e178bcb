//! One call to a provider: build, send, read; the same three steps for either of them.

use connector::{
    Doubt, Outcome, PaymentFact, Request, Response, Stamp,
    alipay::{self, Placement},
    wechat_pay,
};
use serde::{Deserialize, Serialize};
use store::{attempt::Attempt, order::Order};

use crate::{
    house::House,
    merchant::{Keys, Merchant},
    refusal::{Refusal, Result},
    transport::TransportError,
};

/// Who pays, as far as the channel needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payer {
    /// WeChat's openid under the order's app, or Alipay's `buyer_open_id`.
    pub open_id: Option<String>,
    /// Alipay's older `buyer_id`.
    pub user_id: Option<String>,
    /// The payer's address, for H5.
    pub ip: Option<std::net::IpAddr>,
}

/// What the payer's side needs to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PayerHint {
    /// Show this as a QR code.
    Qr {
        /// The QR code's content.
        code_url: String,
    },
    /// Hand this prepay id to WeChat's payment sheet, signed by `payer_parameters`.
    Prepay {
        /// WeChat's prepay id.
        prepay_id: String,
    },
    /// Hand this trade number to `my.tradePay`.
    Trade {
        /// Alipay's trade number.
        trade_no: String,
    },
    /// Open this page.
    Page {
        /// The address.
        url: String,
    },
}

impl PayerHint {
    /// The stored form.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the stored form.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Asks the provider to open an attempt.
pub async fn place(
    house: &House,
    merchant: &Merchant,
    order: &Order,
    attempt: &Attempt,
    payer: &Payer,
) -> Result<Outcome<PayerHint>> {
    let stamp = Stamp::new(house.now(), house.rng());
    let channel = attempt.channel()?;
    match &merchant.keys {
        Keys::WechatPay(keys) => {
            let wish = wechat_pay::Place {
                channel,
                out_trade_no: attempt.out_trade_no.clone(),
                description: description(order),
                amount: attempt.amount(),
                expires_at: order.expires_at,
                payer_openid: payer.open_id.clone(),
                payer_ip: payer.ip,
                attach: String::new(),
            };
            let Ok(request) = wechat_pay::place(keys, &wish, &stamp) else {
                return Err(Refusal::PayerMissing.into());
            };
            let response = send(house, request).await;
            Ok(read(response, |r| wechat_pay::read_place(keys, r, house.now())).map(wechat_hint))
        }
        Keys::Alipay(keys) => {
            let buyer = match (&payer.open_id, &payer.user_id) {
                (Some(id), _) => Some(alipay::Buyer::OpenId(id.clone())),
                (None, Some(id)) => Some(alipay::Buyer::UserId(id.clone())),
                (None, None) => None,
            };
            let wish = alipay::Place {
                channel,
                out_trade_no: attempt.out_trade_no.clone(),
                subject: description(order),
                amount: attempt.amount(),
                expires_at: order.expires_at,
                buyer,
                quit_url: None,
            };
            let Ok(placement) = alipay::place(keys, &wish, &stamp) else {
                return Err(Refusal::PayerMissing.into());
            };
            match placement {
                Placement::Page { url } => Ok(Outcome::Done(PayerHint::Page { url })),
                Placement::Call(request) => {
                    let response = send(house, request).await;
                    Ok(read(response, |r| {
                        alipay::read_place(keys, channel, &attempt.out_trade_no, r)
                    })
                    .map(alipay_hint))
                }
            }
        }
    }
}

fn wechat_hint(placed: wechat_pay::Placed) -> PayerHint {
    match placed {
        wechat_pay::Placed::CodeUrl(code_url) => PayerHint::Qr { code_url },
        wechat_pay::Placed::PrepayId(prepay_id) => PayerHint::Prepay { prepay_id },
        wechat_pay::Placed::H5Url(h5_url) => PayerHint::Page { url: h5_url },
    }
}

fn alipay_hint(placed: alipay::Placed) -> PayerHint {
    match placed {
        alipay::Placed::QrCode(qr_code) => PayerHint::Qr { code_url: qr_code },
        alipay::Placed::TradeNo(trade_no) => PayerHint::Trade { trade_no },
    }
}

/// What the payer reads on the wallet's page: what the money is for. No `/ = &`, which Alipay
/// refuses in a subject.
fn description(order: &Order) -> String {
    let what = match order.purpose.as_str() {
        "water" => "水费充值",
        "gas" => "燃气充值",
        _ => "电费充值",
    };
    format!("{what} {}", order.order_no)
}

/// Asks the provider how an attempt stands.
pub async fn query(house: &House, merchant: &Merchant, out_trade_no: &str) -> Outcome<PaymentFact> {
    let stamp = Stamp::new(house.now(), house.rng());
    match &merchant.keys {
        Keys::WechatPay(keys) => match wechat_pay::query(keys, out_trade_no, &stamp) {
            Ok(request) => {
                let response = send(house, request).await;
                read(response, |r| wechat_pay::read_query(keys, out_trade_no, r, house.now()))
            }
            Err(fault) => our_fault(&fault),
        },
        Keys::Alipay(keys) => match alipay::query(keys, out_trade_no, &stamp) {
            Ok(request) => {
                let response = send(house, request).await;
                read(response, |r| alipay::read_query(keys, out_trade_no, r))
            }
            Err(fault) => our_fault(&fault),
        },
    }
}

/// Asks the provider to close an attempt. Whatever the answer, a query follows.
pub async fn close(house: &House, merchant: &Merchant, out_trade_no: &str) -> Outcome<()> {
    let stamp = Stamp::new(house.now(), house.rng());
    match &merchant.keys {
        Keys::WechatPay(keys) => match wechat_pay::close(keys, out_trade_no, &stamp) {
            Ok(request) => {
                let response = send(house, request).await;
                read(response, |r| wechat_pay::read_close(keys, r, house.now()))
            }
            Err(fault) => our_fault(&fault),
        },
        Keys::Alipay(keys) => match alipay::close(keys, out_trade_no, &stamp) {
            Ok(request) => {
                let response = send(house, request).await;
                read(response, |r| alipay::read_close(keys, out_trade_no, r)).map(|_| ())
            }
            Err(fault) => our_fault(&fault),
        },
    }
}

async fn send(house: &House, request: Request) -> Result<Response, TransportError> {
    house.transport().send(request).await
}

/// A request we could not even build: a row or a key of ours is wrong.
fn our_fault<T>(fault: &dyn std::error::Error) -> Outcome<T> {
    Outcome::OurFault(connector::Rejection::new("BUILD", fault.to_string()))
}

/// A request that provably never left is theirs to be tried again; any other silence is doubt.
fn read<T>(
    response: Result<Response, TransportError>,
    read: impl FnOnce(&Response) -> Outcome<T>,
) -> Outcome<T> {
    match response {
        Ok(response) => read(&response),
        Err(TransportError::NotSent) => {
            Outcome::Theirs(connector::Rejection::new("NOT_SENT", "nothing was sent"))
        }
        Err(TransportError::NoAnswer) => Outcome::Unknown(Doubt::NoAnswer),
    }
}

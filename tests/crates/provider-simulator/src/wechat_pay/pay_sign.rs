//! The payer's side of a JSAPI order: the parameters the page hands to WeChat, checked as WeChat
//! checks them (payments.md A8, C8).

use serde::{Deserialize, Serialize};

use crate::book::{Pay, PayError, ProviderKind, TradeKey};
use crate::world::World;

/// What a page or mini-program passes to `getBrandWCPayRequest`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PayerParams {
    /// The application that opened the page.
    pub app_id: String,
    /// Seconds, as text.
    pub time_stamp: String,
    /// At most 32 letters and digits.
    pub nonce_str: String,
    /// `prepay_id=…`.
    pub package: String,
    /// `RSA`.
    pub sign_type: String,
    /// Base64.
    pub pay_sign: String,
}

/// Why the wallet does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// `sign_type` is not RSA, or the nonce or time is malformed.
    #[error("the payer-side parameters are malformed")]
    Malformed,
    /// The prepay id is not of an open order of this application.
    #[error("the prepay id is unknown, dead or of another application")]
    Prepay,
    /// The signature is not the merchant's.
    #[error("the payer-side signature does not hold")]
    Signature,
    /// The book refused.
    #[error(transparent)]
    Pay(#[from] PayError),
}

/// Checks the parameters as the wallet does; answers the order they open.
pub(crate) fn check(world: &World, params: &PayerParams) -> Result<TradeKey, OpenError> {
    let digits = params.time_stamp.bytes().all(|byte| byte.is_ascii_digit());
    let nonce = (1..=32).contains(&params.nonce_str.len());
    if params.sign_type != "RSA" || !digits || params.time_stamp.is_empty() || !nonce {
        return Err(OpenError::Malformed);
    }
    let prepay_id = params.package.strip_prefix("prepay_id=").ok_or(OpenError::Malformed)?;
    // `wx`, eight digits of the day, the wallet code.
    let code = prepay_id.get(10..).ok_or(OpenError::Prepay)?;
    let state = world.state();
    let trade = state.book.by_code(code).ok_or(OpenError::Prepay)?;
    if trade.key.provider != ProviderKind::WechatPay || trade.appid != params.app_id {
        return Err(OpenError::Prepay);
    }
    let PayerParams { app_id, time_stamp, nonce_str, package, pay_sign, .. } = params;
    let message = format!("{app_id}\n{time_stamp}\n{nonce_str}\n{package}\n");
    let keys = state.keys.wechat.get(&trade.merchant).ok_or(OpenError::Prepay)?;
    if !keys.merchant.verify(message.as_bytes(), pay_sign) {
        return Err(OpenError::Signature);
    }
    Ok(trade.key.clone())
}

/// Checks the parameters and pays.
pub(crate) fn pay(world: &World, params: &PayerParams, pay: &Pay) -> Result<String, OpenError> {
    let key = check(world, params)?;
    Ok(world.pay(&key, pay)?)
}

//! What the payer's WeChat needs to call the payment up (调起支付, A8).

use serde_json::{Value, json};

use super::{merchant::Merchant, sign::OurFault};
use crate::http::Stamp;

/// Signed parameters for one prepay id. What the payer's side reports afterwards is never proof:
/// query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayerParameters {
    /// The application under which the payer's openid lives.
    pub app_id: String,
    /// Seconds since 1970, as text.
    pub timestamp: String,
    /// The nonce that was signed.
    pub nonce: String,
    /// `prepay_id=…`.
    pub package: String,
    /// The signature over the four above.
    pub pay_sign: String,
}

/// Signs a prepay id for JSAPI and mini-program. Native and H5 need nothing of the kind.
pub fn payer_parameters(
    merchant: &Merchant,
    prepay_id: &str,
    stamp: &Stamp,
) -> Result<PayerParameters, OurFault> {
    let app_id = merchant.mode.payer_app_id().to_owned();
    let timestamp = stamp.now.timestamp().to_string();
    let nonce = stamp.nonce.clone();
    let package = format!("prepay_id={prepay_id}");
    let message = format!("{app_id}\n{timestamp}\n{nonce}\n{package}\n");
    let pay_sign = merchant.signing_key.sign_sha256(message.as_bytes())?;
    Ok(PayerParameters { app_id, timestamp, nonce, package, pay_sign })
}

impl PayerParameters {
    /// For the mini-program's `wx.requestPayment`, which takes no application id.
    pub fn mini_program(&self) -> Value {
        json!({
            "timeStamp": self.timestamp,
            "nonceStr": self.nonce,
            "package": self.package,
            "signType": "RSA",
            "paySign": self.pay_sign,
        })
    }

    /// For the bridge built into WeChat's browser, `getBrandWCPayRequest`.
    pub fn bridge(&self) -> Value {
        json!({
            "appId": self.app_id,
            "timeStamp": self.timestamp,
            "nonceStr": self.nonce,
            "package": self.package,
            "signType": "RSA",
            "paySign": self.pay_sign,
        })
    }

    /// For the JS-SDK's `chooseWXPay`, which spells `timestamp` in small letters.
    pub fn js_sdk(&self) -> Value {
        json!({
            "timestamp": self.timestamp,
            "nonceStr": self.nonce,
            "package": self.package,
            "signType": "RSA",
            "paySign": self.pay_sign,
        })
    }
}

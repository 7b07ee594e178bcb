//! WeChat Pay's callbacks (`payments.md` A7).

use std::{sync::Arc, time::Duration};

use connector::wechat_pay::{self, CallbackError, Notified};
use vending::merchant::{Keys, Merchant};

use super::{Arrived, Verdict, inbox, settle};
use crate::http::App;

/// How long a callback with an unknown serial waits for the certificates. WeChat tells it again in
/// fifteen seconds; they will be there by then.
const CERTIFICATES_WITHIN: Duration = Duration::from_millis(1_200);

/// Judges one callback.
pub async fn judge(app: &App, merchant: &Arc<Merchant>, arrived: &Arrived) -> Verdict {
    let first = read(app, merchant, arrived);
    let read = match first {
        Err(CallbackError::UnknownSerial(_)) => match fetch(app, merchant).await {
            Some(fresh) => read(app, &fresh, arrived),
            None => first,
        },
        read => read,
    };
    match read {
        Ok(callback) => {
            app.skew.fresh();
            match &callback.fact {
                Notified::Payment(fact) => {
                    settle(app, merchant, fact, &callback.plaintext, arrived).await
                }
                // Kept for the refund room; acknowledged because it is durable (F4 no. 18).
                Notified::Refund(_) => inbox::keep(app, merchant, arrived, Verdict::Noted).await,
            }
        }
        Err(CallbackError::StaleTimestamp) => {
            note_stale(app, merchant, arrived);
            Verdict::Stale
        }
        Err(error) => {
            let verdict = verdict_of(&error);
            if error.is_alarming() {
                inbox::alarm(app, merchant, verdict, &error.to_string()).await;
            }
            verdict
        }
    }
}

fn read(
    app: &App,
    merchant: &Merchant,
    arrived: &Arrived,
) -> Result<wechat_pay::Callback, CallbackError> {
    let Keys::WechatPay(keys) = &merchant.keys else { return Err(CallbackError::Unreadable) };
    wechat_pay::read_payment_callback(keys, &arrived.headers, &arrived.body, app.house.now())
}

/// Fetches the certificates, at most once a minute for a merchant, and answers the merchant with
/// them. In a task of its own, so that it ends well even when this callback is given up.
async fn fetch(app: &App, merchant: &Arc<Merchant>) -> Option<Arc<Merchant>> {
    let (house, known) = (app.house.clone(), Arc::clone(merchant));
    let task = tokio::spawn(async move { house.refresh_certificates(&known).await });
    let came = tokio::time::timeout(CERTIFICATES_WITHIN, task).await;
    if !matches!(came, Ok(Ok(true))) {
        return None;
    }
    app.house.merchants().by_id(merchant.id)
}

/// A stale callback with a right signature is a recording, or a sign that our clock is wrong
/// (F4 no. 24): several different ones without a fresh one between them turn the health page red.
fn note_stale(app: &App, merchant: &Merchant, arrived: &Arrived) {
    let Keys::WechatPay(keys) = &merchant.keys else { return };
    let signed_at = arrived.headers.one("Wechatpay-Timestamp").ok();
    let signed_at = signed_at.and_then(|text| text.parse().ok());
    let Some(then) = signed_at.and_then(|s| chrono::DateTime::from_timestamp(s, 0)) else { return };
    let genuine =
        wechat_pay::read_payment_callback(keys, &arrived.headers, &arrived.body, then).is_ok();
    if genuine {
        app.skew.stale(arrived.headers.one("Wechatpay-Signature").unwrap_or_default());
    }
}

fn verdict_of(error: &CallbackError) -> Verdict {
    match error {
        CallbackError::TooLarge => Verdict::TooLarge,
        CallbackError::MissingHeader(_) | CallbackError::BadSignature => Verdict::Forged,
        CallbackError::BadHeader(_) | CallbackError::Unreadable => Verdict::Malformed,
        CallbackError::StaleTimestamp => Verdict::Stale,
        CallbackError::UnknownSerial(_) => Verdict::UnknownKey,
        CallbackError::WrongMerchant(_) => Verdict::Foreign,
        CallbackError::UnknownEvent(_)
        | CallbackError::NotDecryptable
        | CallbackError::Contradiction => Verdict::Unusable,
    }
}

//! Alipay's callbacks (`payments.md` B8).

use std::sync::Arc;

use connector::alipay::{self, Notify, NotifyError};
use vending::merchant::{Keys, Merchant};

use super::{Arrived, Verdict, inbox, settle};
use crate::http::App;

/// Judges one callback.
pub async fn judge(app: &App, merchant: &Arc<Merchant>, arrived: &Arrived) -> Verdict {
    let Keys::Alipay(keys) = &merchant.keys else { return Verdict::NoMerchant };
    let content_type = match arrived.headers.one("content-type") {
        Ok(value) => Some(value),
        Err(connector::http::HeaderError::Missing) => None,
        Err(connector::http::HeaderError::Repeated) => return Verdict::Malformed,
    };
    match alipay::read_notify(keys, content_type, &arrived.body) {
        Ok(Notify::Payment(fact)) => settle(app, merchant, &fact, &arrived.body, arrived).await,
        Ok(Notify::Refund(notice)) => {
            // Only what came in can go back: should this be the first we hear of the payment, it
            // is booked; the refund itself waits for its room (F4 nos. 7, 21).
            let paid = settle(app, merchant, &notice.payment, &arrived.body, arrived).await;
            if !paid.status().is_success() {
                return paid;
            }
            inbox::keep(app, merchant, arrived, Verdict::Noted).await
        }
        // Believed and of a kind nobody listed: it decides nothing, but it is not thrown away.
        Ok(Notify::Other { .. }) => inbox::keep(app, merchant, arrived, Verdict::Noted).await,
        Err(error) => {
            let verdict = verdict_of(&error);
            let genuine = matches!(verdict, Verdict::Foreign | Verdict::Unusable);
            if genuine {
                inbox::alarm(app, merchant, verdict, &error.to_string()).await;
            }
            verdict
        }
    }
}

fn verdict_of(error: &NotifyError) -> Verdict {
    match error {
        NotifyError::TooLarge => Verdict::TooLarge,
        NotifyError::NotAForm | NotifyError::Repeated | NotifyError::BadCharset => {
            Verdict::Malformed
        }
        NotifyError::NotRsa2 | NotifyError::Unsigned | NotifyError::BadSignature => Verdict::Forged,
        NotifyError::UnknownCertificate { .. } => Verdict::UnknownKey,
        NotifyError::ForeignMerchant { .. } => Verdict::Foreign,
        NotifyError::Incomplete { .. } => Verdict::Unusable,
    }
}

//! What the payment providers call us with: verified, made durable, answered; nothing else.
//!
//! Invariant: a 2xx is answered only after the fact is durable, and everything else is not a 2xx,
//! so the provider tells it again (S4, F4 nos. 1, 22, 23); proved by
//! `only_a_genuine_callback_is_acknowledged_and_it_is_credited_once`. Strangers get constant texts
//! and a count.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, Payload, ServiceConfig},
};
use bytes::Bytes;
use connector::Headers;
use domain::Provider;
use vending::{
    VendingError,
    merchant::Merchant,
    payment::reduce::{Reduced, Source},
};

use super::{App, dispatch::read_body};

pub mod alipay;
pub mod inbox;
pub mod skew;
pub mod wechat_pay;

/// WeChat gives up after five seconds; whoever is not answered by then is asked to come again.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long a provider may take to send a body.
const BODY_WITHIN: Duration = Duration::from_secs(3);
/// The largest callback read, in bytes.
const BODY_MAX: usize = 256 << 10;

/// How a callback ended, with its name on the metrics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Durable now.
    Credited,
    /// Durable before.
    Already,
    /// Durable, and a person looks: a second payment or another amount.
    Held,
    /// Durable, and nothing follows from it.
    Noted,
    /// Believed, but about an order nobody knows yet: kept, to be told again.
    Unmatched,
    /// Not believed: unsigned, forged, or a probe.
    Forged,
    /// Signed too long ago, or ahead of our clock.
    Stale,
    /// Signed with a key we do not hold.
    UnknownKey,
    /// Genuine, but for another merchant.
    Foreign,
    /// Genuine, but not to be used.
    Unusable,
    /// Not of any form we read.
    Malformed,
    /// Too large.
    TooLarge,
    /// No such address.
    NoMerchant,
    /// No place or no time; told again later.
    Shed,
    /// Our database failed; told again later.
    StoreFailed,
}

impl Verdict {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Credited => "credited",
            Verdict::Already => "already",
            Verdict::Held => "held",
            Verdict::Noted => "noted",
            Verdict::Unmatched => "unmatched",
            Verdict::Forged => "forged",
            Verdict::Stale => "stale",
            Verdict::UnknownKey => "unknown-key",
            Verdict::Foreign => "foreign",
            Verdict::Unusable => "unusable",
            Verdict::Malformed => "malformed",
            Verdict::TooLarge => "too-large",
            Verdict::NoMerchant => "no-merchant",
            Verdict::Shed => "shed",
            Verdict::StoreFailed => "store-failed",
        }
    }

    /// The HTTP status; one that is no success makes the provider tell it again.
    pub fn status(self) -> StatusCode {
        match self {
            Verdict::Credited | Verdict::Already | Verdict::Held | Verdict::Noted => StatusCode::OK,
            Verdict::Forged | Verdict::Stale | Verdict::UnknownKey => StatusCode::UNAUTHORIZED,
            Verdict::Foreign => StatusCode::FORBIDDEN,
            Verdict::Unusable => StatusCode::UNPROCESSABLE_ENTITY,
            Verdict::Malformed => StatusCode::BAD_REQUEST,
            Verdict::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Verdict::NoMerchant => StatusCode::NOT_FOUND,
            Verdict::Unmatched | Verdict::Shed | Verdict::StoreFailed => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// What the reducer said.
    fn of(reduced: Reduced) -> Verdict {
        match reduced {
            Reduced::Credited => Verdict::Credited,
            Reduced::Already => Verdict::Already,
            Reduced::Duplicate | Reduced::Mismatch | Reduced::Contradiction => Verdict::Held,
            Reduced::Unmatched => Verdict::Unmatched,
            Reduced::NothingPaid => Verdict::Noted,
        }
    }
}

/// A callback as it arrived: raw, with repeated headers still repeated.
pub struct Arrived {
    /// The headers in order.
    pub headers: Headers,
    /// The bytes the signature is over.
    pub body: Bytes,
}

/// Serves both providers' addresses.
pub fn configure(config: &mut ServiceConfig) {
    for provider in [Provider::WechatPay, Provider::Alipay] {
        let handler = move |request: HttpRequest, payload: Payload, app: Data<App>| {
            handle(provider, request, payload, app)
        };
        let path = format!("/callback/{}/{{token}}", provider.as_str());
        config.service(web::resource(path).route(web::post().to(handler)));
    }
}

async fn handle(
    provider: Provider,
    request: HttpRequest,
    payload: Payload,
    app: Data<App>,
) -> HttpResponse {
    let verdict = match app.callbacks.try_acquire() {
        Err(_) => Verdict::Shed,
        Ok(_place) => judge(provider, &request, payload, &app).await,
    };
    app.metrics.callback(provider.as_str(), verdict.as_str());
    tracing::info!(
        trace_id = super::trace::trace_id(&request),
        provider = provider.as_str(),
        verdict = verdict.as_str(),
        "callback"
    );
    answer(provider, verdict)
}

async fn judge(
    provider: Provider,
    request: &HttpRequest,
    payload: Payload,
    app: &Data<App>,
) -> Verdict {
    let token = request.match_info().get("token").unwrap_or_default();
    let merchant = app.house.merchants().by_path_token(token);
    let Some(merchant) = merchant.filter(|m| m.provider == provider) else {
        return Verdict::NoMerchant;
    };
    let body = match read_body(payload, BODY_MAX, BODY_WITHIN).await {
        Ok(body) => body,
        Err(problem) if problem.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Verdict::TooLarge;
        }
        Err(_) => return Verdict::Malformed,
    };
    let arrived = Arrived { headers: headers_of(request), body };
    let work = async {
        match provider {
            Provider::WechatPay => wechat_pay::judge(app, &merchant, &arrived).await,
            Provider::Alipay => alipay::judge(app, &merchant, &arrived).await,
        }
    };
    // What is under way is finished all the same; the provider's repeat will find it durable.
    tokio::time::timeout(ANSWER_WITHIN, work).await.unwrap_or(Verdict::Shed)
}

/// Headers as they arrived. A value that is no text becomes one that fits nothing.
fn headers_of(request: &HttpRequest) -> Headers {
    let text = |value: &header::HeaderValue| match value.to_str() {
        Ok(text) => text.to_owned(),
        Err(_) => "\u{fffd}".to_owned(),
    };
    let fields = request.headers().iter();
    Headers::new(fields.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect())
}

/// Hands a believed payment to the reducer; what fits no order yet is kept in the inbox.
async fn settle(
    app: &App,
    merchant: &Merchant,
    fact: &connector::PaymentFact,
    raw: &[u8],
    arrived: &Arrived,
) -> Verdict {
    match app.house.reduce(merchant, fact, Source::Callback, raw).await {
        Ok(Reduced::Unmatched) => inbox::keep_unmatched(app, merchant, arrived, fact).await,
        // The letter itself is the proof a person needs; the books hold only the first one.
        Ok(Reduced::Contradiction) => inbox::keep(app, merchant, arrived, Verdict::Held).await,
        Ok(reduced) => Verdict::of(reduced),
        Err(error) => store_failed(&error),
    }
}

fn store_failed(error: &VendingError) -> Verdict {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(error = %error, cause, "a believed callback could not be made durable");
    Verdict::StoreFailed
}

/// The answer in the provider's own words; constant for everything that failed.
fn answer(provider: Provider, verdict: Verdict) -> HttpResponse {
    let status = verdict.status();
    match (provider, status.is_success()) {
        (Provider::WechatPay, true) => HttpResponse::NoContent().finish(),
        (Provider::WechatPay, false) => HttpResponse::build(status)
            .content_type("application/json")
            .body(r#"{"code":"FAIL","message":"失败"}"#),
        (Provider::Alipay, true) => {
            HttpResponse::Ok().content_type("text/plain").body(connector::alipay::NOTIFY_REPLY)
        }
        (Provider::Alipay, false) => {
            HttpResponse::build(status).content_type("text/plain").body("failure")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_durable_is_answered_with_success() {
        use Verdict::*;
        let durable = [Credited, Already, Held, Noted];
        let others = [
            Unmatched,
            Forged,
            Stale,
            UnknownKey,
            Foreign,
            Unusable,
            Malformed,
            TooLarge,
            NoMerchant,
            Shed,
            StoreFailed,
        ];
        for provider in [Provider::WechatPay, Provider::Alipay] {
            for verdict in durable {
                assert!(answer(provider, verdict).status().is_success(), "{verdict:?}");
            }
            for verdict in others {
                let status = answer(provider, verdict).status();
                assert!(status.as_u16() >= 400, "{verdict:?}");
            }
        }
        assert_eq!(answer(Provider::WechatPay, Credited).status().as_u16(), 204);
        assert_eq!(answer(Provider::Alipay, Credited).status().as_u16(), 200);
    }

    #[test]
    fn a_missing_order_is_told_again_and_a_mismatch_is_not() {
        let table = [
            (Reduced::Credited, 200),
            (Reduced::Already, 200),
            (Reduced::Duplicate, 200),
            (Reduced::Mismatch, 200),
            (Reduced::Contradiction, 200),
            (Reduced::NothingPaid, 200),
            (Reduced::Unmatched, 503),
        ];
        for (reduced, status) in table {
            assert_eq!(Verdict::of(reduced).status().as_u16(), status, "{reduced:?}");
        }
    }
}

//! Alipay's open API, the far side (payments.md B).

pub(crate) mod answer;
pub(crate) mod bill;
pub(crate) mod notify;
pub(crate) mod refund;
pub(crate) mod request;
pub(crate) mod sign_in;
pub(crate) mod trade;
pub(crate) mod zip;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::book::{Pay, ProviderKind, TradeKey};
use crate::courier;
use crate::event::Event;
use crate::fault::{Fault, Occasion, Site};
use crate::misbehave;
use crate::world::World;
use request::Request;

/// What a method answers: the fields beside `code` and `msg`, or a business failure.
pub(crate) type Outcome = Result<Value, Failure>;

/// A business failure: `sub_code` and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) sub_code: String,
    pub(crate) sub_msg: &'static str,
}

impl Failure {
    /// A failure of the business, code 40004.
    pub(crate) fn new(sub_code: &str, sub_msg: &'static str) -> Self {
        Self { code: "40004", sub_code: sub_code.to_owned(), sub_msg }
    }

    /// A parameter that is missing or wrong.
    pub(crate) fn parameter(sub_msg: &'static str) -> Self {
        Self::new("ACQ.INVALID_PARAMETER", sub_msg)
    }

    /// Code 20000: nobody knows whether it happened.
    pub(crate) fn unknown() -> Self {
        let sub_code = "ACQ.SYSTEM_ERROR".to_owned();
        Self { code: "20000", sub_code, sub_msg: "系统异常，可能成功也可能失败" }
    }
}

fn site(method: &str) -> Site {
    match method {
        "alipay.trade.query" => Site::Query,
        "alipay.trade.close" | "alipay.trade.cancel" => Site::Close,
        "alipay.trade.refund" => Site::Refund,
        "alipay.trade.fastpay.refund.query" => Site::RefundQuery,
        "alipay.data.dataservice.bill.downloadurl.query" => Site::Bill,
        sign_in::OAUTH_TOKEN => Site::SignIn,
        sign_in::TELL => Site::Message,
        _ => Site::Create,
    }
}

/// Answers `gateway.do`, by GET and POST.
pub(crate) async fn serve(
    http: HttpRequest,
    body: web::Bytes,
    world: web::Data<World>,
) -> HttpResponse {
    let request = match Request::read(&world, http.query_string(), &body) {
        Ok(request) => request,
        Err(refusal) => return answer::refused(&refusal),
    };
    let number = request.text("out_trade_no").unwrap_or_default();
    let site = site(&request.method);
    let occasion = Occasion { site, provider: Some(ProviderKind::Alipay), out_trade_no: &number };
    let faults = world.state().draw(occasion);
    let mut outcome = Err(Failure::unknown());
    if misbehave::takes_effect(&faults) {
        outcome = act(&world, &request, &faults);
        world.wake.notify_one();
        if faults.contains(&Fault::PaidBeforeAnswer) {
            pay_first(&world, &request.app_id, &number).await;
        }
        if outcome.is_ok() && faults.contains(&Fault::PaidAfterClose) {
            world.pay_late(&number, ProviderKind::Alipay);
        }
    }
    misbehave::wait(&faults).await;
    if request.method == "alipay.trade.wap.pay" {
        return answer::page(outcome);
    }
    answer::send(&world, &request, outcome, &faults)
}

fn act(world: &World, request: &Request, faults: &[Fault]) -> Outcome {
    match request.method.as_str() {
        "alipay.trade.precreate" | "alipay.trade.create" | "alipay.trade.wap.pay" => {
            trade::place(world, request)
        }
        "alipay.trade.query" => trade::query(world, request),
        "alipay.trade.close" => trade::close(world, request),
        "alipay.trade.cancel" => trade::cancel(world, request),
        "alipay.trade.refund" => refund::place(world, request, faults),
        "alipay.trade.fastpay.refund.query" => refund::query(world, request),
        "alipay.data.dataservice.bill.downloadurl.query" => bill::address(world, request, faults),
        sign_in::OAUTH_TOKEN => sign_in::token(world, request),
        sign_in::TELL => sign_in::tell(world, request),
        _ => Err(Failure::new("isv.invalid-method", "不存在的方法名")),
    }
}

/// The payer scans and pays, and the merchant is told, before the order call is answered.
async fn pay_first(world: &World, app_id: &str, number: &str) {
    let key = TradeKey::new(ProviderKind::Alipay, app_id, number);
    let Ok(provider_trade_no) = world.pay(&key, &Pay::silent()) else { return };
    let event = Event::paid(world, &mut world.state(), &key, &provider_trade_no);
    if let (Some(event), Some(client)) = (event, courier::client(world)) {
        courier::deliver(world, &client, event).await;
    }
}

/// The node of an answer.
pub(crate) fn node(outcome: &Outcome) -> Value {
    match outcome {
        Ok(fields) => {
            let mut node = json!({"code": "10000", "msg": "Success"});
            if let (Some(node), Some(fields)) = (node.as_object_mut(), fields.as_object()) {
                node.extend(fields.clone());
            }
            node
        }
        Err(failure) => {
            let msg = match failure.code {
                "20000" => "Service Currently Unavailable",
                "40002" => "Invalid Arguments",
                _ => "Business Failed",
            };
            json!({"code": failure.code, "msg": msg, "sub_code": failure.sub_code,
                "sub_msg": failure.sub_msg})
        }
    }
}

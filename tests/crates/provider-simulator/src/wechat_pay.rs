//! WeChat Pay APIv3, the far side (payments.md A).

pub(crate) mod answer;
pub(crate) mod bill;
pub(crate) mod call;
pub(crate) mod callback;
pub(crate) mod certificate;
pub(crate) mod front;
pub(crate) mod order;
pub(crate) mod pay_sign;
pub(crate) mod problem;
pub(crate) mod refund;
pub(crate) mod signer;
pub(crate) mod transaction;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use crate::book::{Pay, ProviderKind};
use crate::courier;
use crate::fault::{Fault, Occasion};
use crate::misbehave;
use crate::world::World;
use answer::Answer;
use call::Call;
use front::Caller;
use problem::Problem;

/// Answers every request below `/v3/`.
pub(crate) async fn serve(
    request: HttpRequest,
    body: web::Bytes,
    world: web::Data<World>,
) -> HttpResponse {
    let call = match Call::read(request.method().as_str(), request.uri().path()) {
        Ok(call) => call,
        // An unknown path and an unknown method have empty bodies (payments.md A2).
        Err(status) => return answer::empty(status),
    };
    let caller = match front::check(&world, &request, &body) {
        Ok(caller) => caller,
        Err(problem) => return answer::refused(&world, &problem),
    };
    let json = match read_json(&call, &body) {
        Ok(json) => json,
        Err(problem) => return answer::refused(&world, &problem),
    };
    let out_trade_no = call.out_trade_no(&json, request.query_string());
    let site = call.site();
    let occasion =
        Occasion { site, provider: Some(ProviderKind::WechatPay), out_trade_no: &out_trade_no };
    let faults = world.state().draw(occasion);
    let mut outcome = Err(problem::SYSTEM_ERROR);
    if misbehave::takes_effect(&faults) {
        outcome = act(&world, &caller, &call, request.query_string(), &json, &faults);
        world.wake.notify_one();
        if faults.contains(&Fault::PaidBeforeAnswer) {
            pay_first(&world, &caller, &call, &json).await;
        }
        if outcome.is_ok() && faults.contains(&Fault::RefundedBeforeAnswer) {
            refund::settle_first(&world, &caller, &json).await;
        }
        if outcome.is_ok() && faults.contains(&Fault::PaidAfterClose) {
            world.pay_late(&out_trade_no, ProviderKind::WechatPay);
        }
    }
    misbehave::wait(&faults).await;
    answer::send(&world, &caller, outcome, &faults)
}

fn read_json(call: &Call, body: &[u8]) -> Result<Value, Problem> {
    if !call.has_body() {
        return Ok(Value::Null);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
        _ => Err(Problem::param("", "", "请求体不是合法的JSON")),
    }
}

fn act(
    world: &World,
    caller: &Caller,
    call: &Call,
    query: &str,
    json: &Value,
    faults: &[Fault],
) -> Result<Answer, Problem> {
    match call {
        Call::Place { kind, partner } => order::place(world, caller, *kind, *partner, json),
        Call::QueryNumber { out_trade_no, partner } => {
            order::query_number(world, caller, out_trade_no, *partner, query)
        }
        Call::QueryId { transaction_id, partner } => {
            order::query_id(world, caller, transaction_id, *partner, query)
        }
        Call::Close { out_trade_no, partner } => {
            order::close(world, caller, out_trade_no, *partner, json)
        }
        Call::Refund => refund::place(world, caller, json, faults),
        Call::AbnormalRefund { refund_id } => {
            refund::take_up(world, caller, refund_id, json, faults)
        }
        Call::RefundQuery { out_refund_no } => refund::query(world, caller, out_refund_no, query),
        Call::Certificates => certificate::list(world, caller),
        Call::TradeBill => bill::trade(world, caller, query, faults),
        Call::FundFlowBill => bill::fund_flow(world, caller, query, faults),
        Call::BillFile => bill::file(world, query, faults),
    }
}

/// The payer is faster than the order call's answer (payments.md F4 no. 1).
async fn pay_first(world: &World, caller: &Caller, call: &Call, json: &Value) {
    let Call::Place { partner, .. } = call else { return };
    let Ok(account) = order::account(world, caller, *partner, |name| text(json, name)) else {
        return;
    };
    let number = json["out_trade_no"].as_str().unwrap_or_default();
    let key = account.key(number);
    if world.pay(&key, &Pay::silent()).is_err() {
        return;
    }
    let event = {
        let mut state = world.state();
        let paid = state.book.find(&key).and_then(|trade| trade.payments.last());
        let provider_trade_no = paid.map(|payment| payment.provider_trade_no.clone());
        provider_trade_no.and_then(|no| crate::event::Event::paid(world, &mut state, &key, &no))
    };
    if let (Some(event), Some(client)) = (event, courier::client(world)) {
        courier::deliver(world, &client, event).await;
    }
}

/// A text field at the top of a body.
fn text(json: &Value, name: &str) -> Option<String> {
    json[name].as_str().map(str::to_owned)
}

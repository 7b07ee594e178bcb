//! WeChat beside the payment, the far side (payments.md C): sign-in, tokens, messages.

pub(crate) mod answer;
pub(crate) mod call;
pub(crate) mod message;
pub(crate) mod page;
pub(crate) mod parcel;
pub(crate) mod sign_in;
pub(crate) mod token;
pub(crate) mod value;
pub use message::Message;
pub use parcel::Shipment;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use crate::book::ProviderKind;
use crate::fault::{Fault, Occasion};
use crate::misbehave;
use crate::world::World;
use answer::{Outcome, Refusal};
use call::{Ask, Call};

/// Registers the calls and the page visitors are sent to.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.route("/connect/oauth2/authorize", web::get().to(page::authorize));
    for path in call::PATHS {
        config.service(web::resource(path.0).to(serve));
    }
}

/// Answers every call of an account.
async fn serve(request: HttpRequest, body: web::Bytes, world: web::Data<World>) -> HttpResponse {
    let Some(call) = Call::read(request.method().as_str(), request.path()) else {
        return HttpResponse::MethodNotAllowed().finish();
    };
    let ask = Ask::read(request.query_string(), &body);
    let subject = ask.subject();
    let provider = Some(ProviderKind::WechatPay);
    let occasion = Occasion { site: call.site(), provider, out_trade_no: &subject };
    let faults = world.state().draw(occasion);
    let mut outcome = Err(Refusal::BUSY);
    if misbehave::takes_effect(&faults) {
        outcome = act(&world, call, &ask, &faults);
    }
    misbehave::wait(&faults).await;
    let rid = world.state().chance.hex(8).to_lowercase();
    answer::send(outcome, &faults, &rid)
}

fn act(world: &World, call: Call, ask: &Ask, faults: &[Fault]) -> Outcome {
    if call.is_post() && ask.json == Value::Null {
        return Err(Refusal::new(47001, "data format error"));
    }
    match call {
        Call::Session => sign_in::session(world, ask),
        Call::Exchange => sign_in::exchange(world, ask, faults),
        Call::StableToken => token::stable(world, ask),
        Call::Ticket => token::ticket(world, &token::caller(world, ask)?, ask),
        Call::Phone => sign_in::phone(world, &token::caller(world, ask)?, ask),
        Call::Subscribed => message::subscribed(world, &token::caller(world, ask)?, ask),
        Call::Template => message::template(world, &token::caller(world, ask)?, ask),
        Call::OrderNotice => parcel::notice(world, &token::caller(world, ask)?, ask),
        Call::Shipping => parcel::ship(world, &token::caller(world, ask)?, ask),
        Call::Link => page::link(world, &token::caller(world, ask)?, ask),
    }
}

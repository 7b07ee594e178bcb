//! The control API: everything the handle can do, by JSON over HTTP.
//!
//! | call | body | answer |
//! |---|---|---|
//! | `GET /control/book` | | sums in fen, what waits, all orders |
//! | `GET /control/orders/{no}` | | one order, or 404 |
//! | `GET /control/wallet?url=` | | the wallet page of a scanned code |
//! | `POST /control/orders/{no}/pay` | [`Pay`], may be `{}` | `provider_trade_no`, or 409 |
//! | `POST /control/orders/{no}/scan` | | an Alipay trade begins to exist |
//! | `POST /control/orders/{no}/callback` | list of [`Fault`] | the merchant's answer |
//! | `POST /control/orders/{no}/replay` | | the merchant's answer to the old bytes |
//! | `POST /control/orders/{no}/finish`, `…/close` | | Alipay notices |
//! | `POST /control/orders/{no}/refunds/{refund_no}` | `{"status": …}` | whether it changed |
//! | `POST …/refunds/{refund_no}/callback` | list of [`Fault`] | the merchant's answer |
//! | `POST /control/bills/plant` | `{"provider", "merchant", "day", "seed", "each"}` | planted |
//! | `POST /control/bills/planted` | [`Planted`] | whether it is new |
//! | `DELETE /control/bills/planted` | | bills are the book again |
//! | `POST /control/jsapi` | [`PayerParams`] | `provider_trade_no`, or 409 |
//! | `GET`, `POST`, `DELETE /control/faults`, `DELETE …/{id}` | [`Rule`] | rules, numbered |
//! | `POST /control/release` | | callbacks kept back go out |
//! | `POST /control/keys/rotate`, `…/retire` | | serial of the new certificate |
//! | `POST /control/keys/mode` | `{"mchid", "mode", "grey_permille"}` | |
//! | `POST /control/keys/api-v3` | `{"mchid", "key"}` | |
//! | `POST /control/clock` | `{"skew_ms", "advance_ms"}` | the provider's present |
//! | `GET`, `POST /control/people/{name}` | `{"phone", "follows"}` | a person and their names |
//! | `POST /control/codes` | `{"app_id", "person", "button"}` | the code a client hands out |
//! | `POST /control/subscriptions` | `{"app_id", "person", "template_id", "times"}` | how many |
//! | `GET /control/messages?openid=` | | messages sent by WeChat and Alipay |
//! | `GET /control/sms?phone=` | | texts sent, oldest first |
//! | `GET /control/shipping` | | shipping information uploaded |
//! | `POST /control/tokens/revoke` | `{"app_id"}` | the account's tokens die |

mod people;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bill::plant::plant_day;
use crate::bill::{Planted, Whose};
use crate::book::{Pay, PayError, ProviderKind, RefundStatus};
use crate::config::KeyMode;
use crate::fault::{Fault, Rule};
use crate::provider::CallbackError;
use crate::wechat_pay::call::query_value;
use crate::wechat_pay::pay_sign::{self, PayerParams};
use crate::world::World;

type Shared = web::Data<World>;

/// Registers the calls.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let post = web::post;
    config.service(
        web::scope("/control")
            .route("/book", web::get().to(book))
            .route("/wallet", web::get().to(wallet))
            .route("/orders/{no}", web::get().to(order))
            .route("/orders/{no}/pay", post().to(pay))
            .route("/orders/{no}/scan", post().to(scan))
            .route("/orders/{no}/callback", post().to(callback))
            .route("/orders/{no}/replay", post().to(replay))
            .route("/orders/{no}/finish", post().to(finish))
            .route("/orders/{no}/close", post().to(close))
            .route("/orders/{no}/refunds/{refund_no}", post().to(settle))
            .route("/orders/{no}/refunds/{refund_no}/callback", post().to(refund_callback))
            .route("/bills/plant", post().to(plant))
            .route("/bills/planted", post().to(plant_one))
            .route("/bills/planted", web::delete().to(clear_plants))
            .route("/jsapi", post().to(jsapi))
            .route("/faults", web::get().to(faults))
            .route("/faults", post().to(add_fault))
            .route("/faults", web::delete().to(clear_faults))
            .route("/faults/{id}", web::delete().to(remove_fault))
            .route("/release", post().to(release))
            .route("/keys/rotate", post().to(rotate))
            .route("/keys/retire", post().to(retire))
            .route("/keys/mode", post().to(key_mode))
            .route("/keys/api-v3", post().to(api_v3_key))
            .route("/clock", post().to(clock))
            .configure(people::routes),
    );
}

fn ok(value: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(value)
}

fn missing() -> HttpResponse {
    HttpResponse::NotFound().json(json!({"error": "no such order"}))
}

fn conflict(error: impl std::fmt::Display) -> HttpResponse {
    HttpResponse::Conflict().json(json!({"error": error.to_string()}))
}

async fn book(world: Shared) -> HttpResponse {
    let state = world.state();
    ok(json!({
        "sum_paid_fen": state.book.sum_paid_fen(),
        "sum_refunded_fen": state.book.sum_refunded_fen(),
        "pending": state.outbox.pending(),
        "orders": state.book.trades(),
    }))
}

async fn order(world: Shared, no: web::Path<String>) -> HttpResponse {
    let state = world.state();
    let found: Vec<_> = state.book.by_number(&no, None).collect();
    if found.is_empty() { missing() } else { ok(found) }
}

async fn wallet(world: Shared, request: HttpRequest) -> HttpResponse {
    let url = query_value(request.query_string(), "url").unwrap_or_default();
    let encoded: String = form_urlencoded::byte_serialize(url.as_bytes()).collect();
    ok(json!({"page": format!("{}/wallet/resolve?url={encoded}", world.base_url)}))
}

async fn pay(world: Shared, no: web::Path<String>, pay: web::Json<Pay>) -> HttpResponse {
    let Some(key) = world.key(&no, pay.provider) else { return missing() };
    match world.pay(&key, &pay) {
        Ok(number) => ok(json!({"provider_trade_no": number})),
        Err(PayError::Unknown) => missing(),
        Err(error) => conflict(error),
    }
}

async fn scan(world: Shared, no: web::Path<String>) -> HttpResponse {
    let Some(key) = world.key(&no, Some(ProviderKind::Alipay)) else { return missing() };
    let now_ms = world.now_ms();
    ok(json!({"trade_no": world.state().book.scan(&key, now_ms)}))
}

async fn callback(
    world: Shared,
    no: web::Path<String>,
    faults: web::Json<Vec<Fault>>,
) -> HttpResponse {
    let written = world.letter(&no, &faults);
    posted(&world, written).await
}

async fn refund_callback(
    world: Shared,
    path: web::Path<(String, String)>,
    faults: web::Json<Vec<Fault>>,
) -> HttpResponse {
    let (no, refund_no) = path.into_inner();
    let written = world.refund_letter(&no, &refund_no, &faults);
    posted(&world, written).await
}

async fn replay(world: Shared, no: web::Path<String>) -> HttpResponse {
    let written = world.last_letter(&no);
    posted(&world, written).await
}

async fn posted(
    world: &World,
    written: Result<(ProviderKind, crate::courier::Letter), CallbackError>,
) -> HttpResponse {
    let (provider, letter) = match written {
        Ok(written) => written,
        Err(error) => return conflict(error),
    };
    match world.post(provider, &letter).await {
        Ok(reply) => ok(reply),
        Err(error) => conflict(error),
    }
}

async fn finish(world: Shared, no: web::Path<String>) -> HttpResponse {
    world.finish(&no);
    HttpResponse::NoContent().finish()
}

async fn close(world: Shared, no: web::Path<String>) -> HttpResponse {
    world.close(&no);
    HttpResponse::NoContent().finish()
}

/// How a refund ends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    status: RefundStatus,
}

async fn settle(
    world: Shared,
    path: web::Path<(String, String)>,
    ending: web::Json<Ending>,
) -> HttpResponse {
    let (no, refund_no) = path.into_inner();
    let Some(key) = world.key(&no, None) else { return missing() };
    ok(json!({"changed": world.settle(&key, &refund_no, ending.status)}))
}

/// How many differences of each class in which bill.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planting {
    provider: ProviderKind,
    merchant: String,
    /// `2026-01-01`.
    day: String,
    seed: u64,
    each: usize,
}

async fn plant(world: Shared, planting: web::Json<Planting>) -> HttpResponse {
    let Planting { provider, merchant, day, seed, each } = planting.into_inner();
    let Ok(day) = chrono::NaiveDate::parse_from_str(&day, "%Y-%m-%d") else {
        return conflict("the day is not a date");
    };
    let whose = Whose { provider, merchant: &merchant, sub_merchant: None };
    ok(plant_day(&mut world.state(), whose, day, seed, each))
}

async fn plant_one(world: Shared, planted: web::Json<Planted>) -> HttpResponse {
    ok(json!({"new": world.state().plants.plant(planted.into_inner())}))
}

async fn clear_plants(world: Shared) -> HttpResponse {
    world.state().plants.clear();
    HttpResponse::NoContent().finish()
}

async fn jsapi(world: Shared, params: web::Json<PayerParams>) -> HttpResponse {
    match pay_sign::pay(&world, &params, &Pay::default()) {
        Ok(number) => ok(json!({"provider_trade_no": number})),
        Err(error) => conflict(error),
    }
}

async fn faults(world: Shared) -> HttpResponse {
    let state = world.state();
    let rules = state.faults.list().iter();
    let rules: Vec<_> = rules.map(|(id, rule)| json!({"id": id, "rule": rule})).collect();
    ok(rules)
}

async fn add_fault(world: Shared, rule: web::Json<Rule>) -> HttpResponse {
    match world.state().faults.add(rule.into_inner()) {
        Some(id) => ok(json!({"id": id})),
        None => conflict("too many rules are in force"),
    }
}

async fn clear_faults(world: Shared) -> HttpResponse {
    world.clear_rules();
    HttpResponse::NoContent().finish()
}

async fn remove_fault(world: Shared, id: web::Path<u64>) -> HttpResponse {
    world.state().faults.remove(Some(*id));
    HttpResponse::NoContent().finish()
}

async fn release(world: Shared) -> HttpResponse {
    world.release_held();
    HttpResponse::NoContent().finish()
}

async fn rotate(world: Shared) -> HttpResponse {
    let rotated = world.state().keys.rotate();
    match rotated {
        Ok(serial) => ok(json!({"serial_no": serial})),
        Err(error) => conflict(error),
    }
}

async fn retire(world: Shared) -> HttpResponse {
    world.state().keys.retire();
    HttpResponse::NoContent().finish()
}

/// Which keys sign for a merchant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mode {
    mchid: String,
    mode: KeyMode,
    #[serde(default)]
    grey_permille: u32,
}

async fn key_mode(world: Shared, mode: web::Json<Mode>) -> HttpResponse {
    world.set_key_mode(&mode.mchid, mode.mode, mode.grey_permille);
    HttpResponse::NoContent().finish()
}

/// A merchant's new APIv3 key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiV3 {
    mchid: String,
    key: String,
}

async fn api_v3_key(world: Shared, change: web::Json<ApiV3>) -> HttpResponse {
    if let Some(keys) = world.state().keys.wechat.get_mut(&change.mchid) {
        keys.api_v3_key.clone_from(&change.key);
    }
    HttpResponse::NoContent().finish()
}

/// How the clock is turned.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    skew_ms: Option<i64>,
    advance_ms: Option<i64>,
}

async fn clock(world: Shared, turn: web::Json<Turn>) -> HttpResponse {
    if let Some(skew_ms) = turn.skew_ms {
        world.clock.set_skew_ms(skew_ms);
    }
    if let Some(advance_ms) = turn.advance_ms {
        world.clock.advance(advance_ms);
    }
    ok(json!({"now_ms": world.now_ms()}))
}

//! The wallet: the page a payer sees after scanning, with everything a payer may do, good or bad.

pub(crate) mod inbox;
pub(crate) mod page;
pub(crate) mod part;

use std::collections::HashMap;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::alipay;
use crate::book::{Pay, PayError, ProviderKind, TradeState};
use crate::fault::{Fault, Rule, Site};
use crate::wechat_pay::call::query_value;
use crate::world::World;
use part::Language;

/// No foreign origin, no script: the page is HTML and one style sheet.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; \
     frame-ancestors 'none'";

/// What a coupon pays in the wallet, in fen, when the order is large enough.
const COUPON_FEN: i64 = 100;

/// Registers the pages.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/wallet", web::get().to(list))
        .route("/wallet/", web::get().to(list))
        .route("/wallet/wallet.css", web::get().to(style))
        .route("/wallet/resolve", web::get().to(resolve))
        .route("/wallet/inbox", web::get().to(received))
        .route("/wallet/{code}", web::get().to(show))
        .route("/wallet/{code}", web::post().to(act));
}

fn html(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body)
}

async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .body(include_str!("wallet/wallet.css"))
}

async fn list(request: HttpRequest, world: web::Data<World>) -> HttpResponse {
    let language = Language::of(request.query_string());
    html(page::list(&world, language))
}

async fn received(request: HttpRequest, world: web::Data<World>) -> HttpResponse {
    html(inbox::inbox(&world, Language::of(request.query_string())))
}

/// Turns whatever was scanned into the page: `weixin://…?pr=CODE`, `https://qr.alipay.com/bCODE`.
async fn resolve(request: HttpRequest, world: web::Data<World>) -> HttpResponse {
    let scanned = query_value(request.query_string(), "url").unwrap_or_default();
    let tail = scanned.rsplit(['/', '=']).next().unwrap_or_default();
    let tail = tail.strip_prefix('b').filter(|_| scanned.contains("qr.alipay.com")).unwrap_or(tail);
    match world.state().book.by_code(tail) {
        Some(trade) => {
            let to = format!("/wallet/{}", trade.code);
            HttpResponse::Found().insert_header((LOCATION, to)).finish()
        }
        None => html(page::gone(Language::of(request.query_string()))),
    }
}

/// Shows an order; looking at an Alipay code is what makes its trade exist (payments.md B7).
async fn show(
    request: HttpRequest,
    code: web::Path<String>,
    world: web::Data<World>,
) -> HttpResponse {
    let language = Language::of(request.query_string());
    let done = query_value(request.query_string(), "done");
    let now_ms = world.now_ms();
    let trade = {
        let mut state = world.state();
        let found = state.book.by_code(&code).cloned();
        if let Some(trade) = &found {
            let open = trade.state(now_ms) == TradeState::NotPay;
            if trade.key.provider == ProviderKind::Alipay && open {
                state.book.scan(&trade.key, now_ms);
            }
        }
        found
    };
    let Some(trade) = trade else { return html(page::gone(language)) };
    let back = trade.return_url.as_deref().filter(|_| !trade.payments.is_empty());
    let back = back.map(|url| alipay::notify::return_link(&world, &trade, url));
    html(page::order(&world, &trade, language, done.as_deref(), back.as_deref()))
}

/// How each button pays.
fn pay_of(action: &str, total_fen: i64) -> Option<Pay> {
    let coupon_fen = if total_fen > COUPON_FEN { COUPON_FEN } else { total_fen / 2 };
    match action {
        "approve" | "twice" => Some(Pay::default()),
        "coupon" => Some(Pay { coupon_fen, ..Pay::default() }),
        "late" => Some(Pay { late: true, ..Pay::default() }),
        "again" => Some(Pay { again: true, ..Pay::default() }),
        _ => None,
    }
}

/// Does what the payer chose.
async fn act(
    code: web::Path<String>,
    form: web::Form<HashMap<String, String>>,
    world: web::Data<World>,
) -> HttpResponse {
    let action = form.get("action").map_or("", String::as_str);
    let language = form.get("lang").map_or("zh", String::as_str);
    let found = world.state().book.by_code(&code).cloned();
    let Some(trade) = found else { return html(page::gone(Language::of(""))) };
    let language = if language == "en" { "en" } else { "zh" };
    if action == "late" && trade.state(world.now_ms()) == TradeState::NotPay {
        let rule = Rule::new(Site::Close, Fault::PaidAfterClose).times(1);
        let rule = rule.order(&trade.key.out_trade_no).provider(trade.key.provider);
        let planned = world.state().faults.add(rule).map_or("refused", |_| "planned");
        let to = format!("/wallet/{code}?lang={language}&done={planned}");
        return HttpResponse::SeeOther().insert_header((LOCATION, to)).finish();
    }
    let outcome = pay_of(action, trade.total_fen).map(|pay| {
        let first = world.pay(&trade.key, &pay);
        if action == "twice" && first.is_ok() {
            return world.pay(&trade.key, &Pay { again: true, ..Pay::default() });
        }
        first
    });
    let done = match outcome {
        None => "declined",
        Some(Ok(_)) => "paid",
        Some(Err(PayError::Closed)) => "closed",
        Some(Err(PayError::Paid)) => "already",
        Some(Err(PayError::Unknown | PayError::Amount)) => "refused",
    };
    let to = format!("/wallet/{code}?lang={language}&done={done}");
    HttpResponse::SeeOther().insert_header((LOCATION, to)).finish()
}

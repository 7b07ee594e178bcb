//! Orders: money taken at the counter, orders paid by QR code, and the whole timeline of each.

use chrono::{DateTime, Utc};
use domain::{Channel, MeterId, Money, OrderId, OrderState};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    StoreError, attempt, fact,
    order::{self, Filter, Order},
    timeline, vend,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use vending::{
    VendingError,
    order::PlaceOrder,
    payment::call::{Payer, PayerHint},
};

use super::{
    page::{Paging, cut},
    site::json_of,
    vend::VendView,
};
use crate::{
    access::Perm,
    http::{
        Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects/{project}/orders", "order.list", |call| Box::pin(list(call)))
        .in_project(Perm::ViewMoney)
        .says("订单列表", "Orders, the newest first")
        .query::<Wanted>()
        .answers::<Orders>(200),
    Route::post("/projects/{project}/sales", "order.sell", |call| Box::pin(sell(call)))
        .in_project(Perm::Sell)
        .once()
        .says("柜台收款", "Take cash, a bank transfer or a card slip at the counter")
        .body::<Sale>()
        .answers::<OrderView>(201),
    Route::post("/projects/{project}/orders", "order.place", |call| Box::pin(place(call)))
        .in_project(Perm::Sell)
        .once()
        .says("下单并生成收款码", "Place an order and have a QR code made to pay it")
        .body::<NewOrder>()
        .answers::<Placed>(201),
    Route::get("/projects/{project}/orders/{order}", "order.show", |call| Box::pin(show(call)))
        .in_project(Perm::ViewMoney)
        .says("订单全过程", "An order by id or number, with its whole timeline and every frame")
        .answers::<OrderStory>(200),
    Route::post("/projects/{project}/orders/{order}/payment", "order.pay", |call| {
        Box::pin(pay(call))
    })
    .in_project(Perm::Sell)
    .once()
    .says("再次取收款码", "Have an order offered for payment again")
    .answers::<Placed>(200),
    Route::post("/projects/{project}/orders/{order}/cancel", "order.cancel", |call| {
        Box::pin(cancel(call))
    })
    .in_project(Perm::Sell)
    .once()
    .says("取消订单", "Cancel an order; the answer tells whether it was paid meanwhile")
    .answers::<OrderView>(200),
];

/// Which orders.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Only of this meter.
    #[serde(default)]
    pub meter_id: Option<Uuid>,
    /// Only in this state.
    #[serde(default)]
    #[param(example = "delivering")]
    pub state: Option<String>,
    /// Only placed at or after this moment.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
    /// 1 is the first; only the newest 500 orders are paged, beyond them narrow the question.
    #[serde(default)]
    pub page: Option<usize>,
    /// At most 200; 20 when not said.
    #[serde(default)]
    pub page_size: Option<usize>,
}

/// Orders.
#[derive(Serialize, ToSchema)]
pub struct Orders {
    /// The newest first.
    pub items: Vec<OrderView>,
    /// The page, from 1.
    pub page: usize,
    /// The most rows of a page.
    pub page_size: usize,
}

/// An order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderView {
    /// The order.
    pub id: Uuid,
    /// The number people read out.
    #[schema(example = "YF2611200123456789")]
    pub order_no: String,
    /// The id its client made.
    pub client_id: String,
    /// The account that owns the money.
    pub account_id: Uuid,
    /// The meter to be topped up.
    pub meter_id: Uuid,
    /// `electricity`, `water` or `gas`.
    pub purpose: String,
    /// The door it is paid through.
    #[schema(example = "wechat-native")]
    pub channel: String,
    /// How much, in fen.
    #[schema(example = 5000)]
    pub amount_fen: i64,
    /// The price frozen in it, micro-yuan for one kWh or cubic metre.
    #[schema(example = 610_000)]
    pub price_micro_yuan: i64,
    /// Where it stands.
    #[schema(example = "delivered")]
    pub state: String,
    /// The operator who placed it.
    pub operator_id: Option<Uuid>,
    /// The provider's number, once it is paid.
    pub provider_trade_no: Option<String>,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// Until when it may be paid.
    pub expires_at: DateTime<Utc>,
    /// When its money was booked.
    pub credited_at: Option<DateTime<Utc>>,
    /// When it was read back from the meter.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When supply was read back as on.
    pub restored_at: Option<DateTime<Utc>>,
    /// When it was closed unpaid.
    pub closed_at: Option<DateTime<Utc>>,
}

impl From<Order> for OrderView {
    fn from(row: Order) -> Self {
        OrderView {
            id: row.id,
            order_no: row.order_no,
            client_id: row.client_id,
            account_id: row.account_id,
            meter_id: row.meter_id,
            purpose: row.purpose,
            channel: row.channel,
            amount_fen: row.amount_fen,
            price_micro_yuan: row.price_micro_yuan,
            state: row.state,
            operator_id: row.operator_id,
            provider_trade_no: row.provider_trade_no,
            placed_at: row.placed_at,
            expires_at: row.expires_at,
            credited_at: row.credited_at,
            delivered_at: row.delivered_at,
            restored_at: row.restored_at,
            closed_at: row.closed_at,
        }
    }
}

/// A sale at the counter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sale {
    /// The id the client made and keeps for repeats, 8 to 64 characters.
    #[schema(example = "sale-20261120-0001")]
    pub client_id: String,
    /// The meter to top up.
    pub meter_id: Uuid,
    /// How much, in fen.
    #[schema(example = 5000)]
    pub amount_fen: i64,
    /// `cash`, `bank-transfer` or `pos`.
    #[schema(example = "cash")]
    pub channel: String,
    /// The number on the slip; needed for everything but cash.
    #[serde(default)]
    pub slip_no: Option<String>,
}

/// An order to be paid by QR code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// The id the client made and keeps for repeats, 8 to 64 characters.
    #[schema(example = "counter-20261120-0001")]
    pub client_id: String,
    /// The meter to top up.
    pub meter_id: Uuid,
    /// How much, in fen.
    #[schema(example = 5000)]
    pub amount_fen: i64,
    /// `wechat-native` or `alipay-precreate`.
    #[schema(example = "wechat-native")]
    pub channel: String,
}

/// An order with what it takes to pay it.
#[derive(Serialize, ToSchema)]
pub struct Placed {
    /// The order.
    pub order: OrderView,
    /// Our number for the attempt.
    #[schema(example = "YF261120012345678901")]
    pub out_trade_no: String,
    /// What to show: `{"kind":"qr","code_url":…}`.
    #[schema(value_type = Object)]
    pub payment: Value,
    /// The QR code as an SVG picture, where it is one.
    pub qr_svg: Option<String>,
}

/// Everything known about an order.
#[derive(Serialize, ToSchema)]
pub struct OrderStory {
    /// The order.
    pub order: OrderView,
    /// The attempts to have it paid.
    pub attempts: Vec<AttemptView>,
    /// What providers proved about it.
    pub payments: Vec<PaymentView>,
    /// The delivery to the meter, where the meter keeps the money.
    pub vend: Option<VendView>,
    /// Every frame of the delivery.
    pub frames: Vec<FrameView>,
    /// What happened, oldest first.
    pub timeline: Vec<EventView>,
}

/// An attempt to have an order paid.
#[derive(Serialize, ToSchema)]
pub struct AttemptView {
    /// Our number for it.
    pub out_trade_no: String,
    /// The door.
    pub channel: String,
    /// Where it stands with the provider.
    pub state: String,
    /// How often the provider was asked.
    pub checks: i32,
    /// The last error.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What a provider proved.
#[derive(Serialize, ToSchema)]
pub struct PaymentView {
    /// Who says it.
    pub provider: String,
    /// The provider's number.
    pub provider_trade_no: String,
    /// How much, in fen.
    pub amount_fen: i64,
    /// `callback`, `query`, `bill` or `counter`.
    pub source: String,
    /// `credited`, `duplicate`, `mismatch` or `unmatched`.
    pub verdict: String,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// When we heard of it.
    pub received_at: DateTime<Utc>,
}

/// A frame on the wire.
#[derive(Serialize, ToSchema)]
pub struct FrameView {
    /// When.
    pub at: DateTime<Utc>,
    /// `tx` from us, `rx` from the meter.
    pub direction: String,
    /// Its bytes in hexadecimal.
    pub hex: String,
    /// What it was for.
    pub note: Option<String>,
}

/// A line of the timeline.
#[derive(Serialize, ToSchema)]
pub struct EventView {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    #[schema(example = "credited")]
    pub kind: String,
    /// With what proof.
    #[schema(value_type = Object)]
    pub detail: Value,
}

async fn list(call: Call) -> Result<Answer> {
    let wish: Wanted = call.query()?;
    let (page, page_size) = Paging { page: wish.page, page_size: wish.page_size }.bounds()?;
    let state = wish.state.as_deref().map(str::parse::<OrderState>).transpose();
    let state = state.map_err(|_| Problem::malformed("state"))?;
    let filter = Filter {
        meter: wish.meter_id.map(MeterId),
        states: state.into_iter().collect(),
        since: wish.since,
        limit: (page.saturating_mul(page_size) as u64).min(order::LIST_MAX),
    };
    let rows = order::list(call.house().store().read(), call.project()?, &filter).await?;
    let items = cut(rows, page, page_size).into_iter().map(OrderView::from).collect();
    Answer::ok(&Orders { items, page, page_size })
}

async fn sell(call: Call) -> Result<Answer> {
    let wish: Sale = call.body()?;
    let channel = channel(&wish.channel)?;
    let (project, operator) = (call.project()?, call.caller()?.id());
    let order = PlaceOrder {
        client_id: wish.client_id,
        meter: MeterId(wish.meter_id),
        channel,
        amount: Money::from_fen(wish.amount_fen),
        operator: Some(operator),
    };
    let house = call.house();
    let sell = || house.sell_at_counter(project, operator, order.clone(), wish.slip_no.clone());
    let sold = match sell().await {
        // The same sale was told at the same moment and was faster: it is found now.
        Err(VendingError::Store(StoreError::Refused(_) | StoreError::Conflict)) => sell().await?,
        other => other?,
    };
    Answer::created(&OrderView::from(sold))
}

async fn place(call: Call) -> Result<Answer> {
    let wish: NewOrder = call.body()?;
    let channel = channel(&wish.channel)?;
    if !matches!(channel, Channel::WechatNative | Channel::AlipayPrecreate) {
        return Err(Problem::malformed("channel"));
    }
    let order = PlaceOrder {
        client_id: wish.client_id,
        meter: MeterId(wish.meter_id),
        channel,
        amount: Money::from_fen(wish.amount_fen),
        operator: Some(call.caller()?.id()),
    };
    let (house, project) = (call.house(), call.project()?);
    let placed = match house.place_order(project, order.clone()).await {
        // The same wish was told at the same moment and was faster: it is found now.
        Err(VendingError::Store(StoreError::Refused(_) | StoreError::Conflict)) => {
            house.place_order(project, order).await?
        }
        other => other?,
    };
    Answer::created(&offer(&call, placed).await?)
}

async fn pay(call: Call) -> Result<Answer> {
    let order = find(&call).await?;
    Answer::ok(&offer(&call, order).await?)
}

async fn cancel(call: Call) -> Result<Answer> {
    let order = find(&call).await?;
    let after = call.house().cancel_order(order.project(), order.order_id()).await?;
    Answer::ok(&OrderView::from(after))
}

async fn offer(call: &Call, order: Order) -> Result<Placed> {
    let offer = call.house().start_payment(&order, Payer::default()).await?;
    let qr_svg = match &offer.hint {
        PayerHint::Qr { code_url } => qr(code_url),
        _ => None,
    };
    let payment = json_of(&offer.hint.to_json());
    Ok(Placed { order: order.into(), out_trade_no: offer.attempt.out_trade_no, payment, qr_svg })
}

fn qr(content: &str) -> Option<String> {
    let code = qrcode::QrCode::new(content.as_bytes()).ok()?;
    Some(code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(240, 240).build())
}

fn channel(text: &str) -> Result<Channel> {
    text.parse().map_err(|_| Problem::malformed("channel"))
}

/// An order of the path's project, by its id or the number people read out.
pub(super) async fn find(call: &Call) -> Result<Order> {
    let project = call.project()?;
    let missing = || Problem::not_found("order");
    if let Ok(id) = call.id::<OrderId>("order") {
        return Ok(call.house().order(project, id).await?);
    }
    let no: domain::OrderNo = call.id("order")?;
    let found = order::by_no(call.house().store().read(), no.as_str()).await?;
    found.filter(|row| row.project() == project).ok_or_else(missing)
}

async fn show(call: Call) -> Result<Answer> {
    let order = find(&call).await?;
    let (project, id) = (order.project(), order.order_id());
    let db = call.house().store().read();
    let vend = vend::of_order(db, project, id).await?;
    let frames = match &vend {
        Some(vend) => vend::frames(db, project, vend.vend_id()).await?,
        None => Vec::new(),
    };
    let story = OrderStory {
        order: order.into(),
        attempts: attempt::of_order(db, project, id).await?.into_iter().map(attempt_view).collect(),
        payments: fact::of_order(db, project, id).await?.into_iter().map(payment_view).collect(),
        vend: vend.map(VendView::from),
        frames: frames.into_iter().map(frame_view).collect(),
        timeline: timeline::of(db, project, id).await?.into_iter().map(event_view).collect(),
    };
    Answer::ok(&story)
}

fn attempt_view(row: attempt::Attempt) -> AttemptView {
    AttemptView {
        out_trade_no: row.out_trade_no,
        channel: row.channel,
        state: row.state,
        checks: row.checks,
        last_error: row.last_error,
        created_at: row.created_at,
    }
}

fn payment_view(row: fact::ProviderFact) -> PaymentView {
    PaymentView {
        provider: row.provider,
        provider_trade_no: row.provider_trade_no,
        amount_fen: row.amount_fen,
        source: row.source,
        verdict: row.verdict,
        paid_at: row.paid_at,
        received_at: row.received_at,
    }
}

fn frame_view(row: vend::Frame) -> FrameView {
    let hex = row.bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ");
    FrameView { at: row.at, direction: row.direction, hex, note: row.note }
}

fn event_view(row: timeline::Event) -> EventView {
    EventView { at: row.at, kind: row.kind, detail: json_of(&row.detail) }
}

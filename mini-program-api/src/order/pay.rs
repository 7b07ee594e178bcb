//! Paying an order: the wallet of whoever placed it is opened, with what the provider needs to
//! know about them. That comes from their sign-in and never from the request (S20).

use std::sync::Arc;

use connector::{Stamp, alipay::Buyer, wechat_pay};
use domain::{IdentityKind, PayWay, PersonId, ProjectId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    StoreError,
    order_tenant::{self, OrderTenant},
    person::{self, Identity},
};
use utoipa::ToSchema;
use vending::{
    Refusal, VendingError,
    merchant::{Keys, Merchant},
    payment::{
        Offer,
        call::{Payer, PayerHint},
    },
};

use super::of_path;
use crate::{
    answer::Answer,
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    reach::PlacedOrder,
    route::{Need, Route},
    session::provider::alipay_buyer,
};

/// How often an attempt is looked for again that another tab has begun meanwhile.
const RACES_MAX: usize = 3;

/// The route.
pub const ROUTES: &[Route] =
    &[Route::post("/orders/{order}/pay", "tenant_order.pay", |call| Box::pin(pay(call)))
        .needs(Need::Order)
        .says("去支付", "Open the wallet; asked again it goes on with the same attempt")
        .body::<NoFields>()
        .answers::<PaymentView>(200)];

/// Nothing: everything a payment needs is known here.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

/// How to open the wallet.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct PaymentView {
    /// From which page.
    #[schema(example = "wechat-mini")]
    pub way: String,
    /// What WeChat's bridge takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub params: Option<Value>,
    /// The page to open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What Alipay's bridge takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trade_no: Option<String>,
}

/// Who placed an order by phone, if it was this person.
pub async fn placed_by(
    desk: &Desk,
    placed: PlacedOrder,
    person: PersonId,
) -> Result<Option<OrderTenant>> {
    let db = desk.house.store().read();
    let row = order_tenant::of_order(db, placed.project, placed.order).await?;
    Ok(row.filter(|row| row.person() == person))
}

/// The merchant a way pays to.
pub fn merchant_of(desk: &Desk, project: ProjectId, way: PayWay) -> Option<Arc<Merchant>> {
    desk.house.merchants().of_project(project, way.channel().provider()?)
}

/// As whom a person pays a merchant this way.
///
/// Invariant: an openid is one of the merchant's own app and of the person who is signed in;
/// proved by `a_payer_is_known_under_the_merchants_app_and_by_nothing_else`.
pub fn payer_of(merchant: &Merchant, way: PayWay, known: &[Identity]) -> Option<Payer> {
    let identity = |kind: IdentityKind, app: &str| {
        let found = known.iter().find(|row| row.kind == kind.as_str() && row.scope == app);
        found.map(|row| row.value.clone())
    };
    match (&merchant.keys, way) {
        (Keys::WechatPay(keys), PayWay::WechatMini) => {
            let open_id = identity(IdentityKind::WechatMini, keys.mode.payer_app_id())?;
            Some(Payer { open_id: Some(open_id), ..Payer::default() })
        }
        (Keys::WechatPay(keys), PayWay::WechatPage) => {
            let open_id = identity(IdentityKind::WechatPage, keys.mode.payer_app_id())?;
            Some(Payer { open_id: Some(open_id), ..Payer::default() })
        }
        (Keys::Alipay(keys), PayWay::AlipayMini) => {
            let app = keys.op_app_id.as_deref().unwrap_or(&keys.app_id);
            let id = identity(IdentityKind::Alipay, app)?;
            let (open_id, user_id) = match alipay_buyer(&id) {
                Buyer::OpenId(id) => (Some(id), None),
                Buyer::UserId(id) => (None, Some(id)),
            };
            Some(Payer { open_id, user_id, ip: None })
        }
        (Keys::WechatPay(_), PayWay::WechatH5) | (Keys::Alipay(_), PayWay::AlipayPage) => {
            Some(Payer::default())
        }
        _ => None,
    }
}

async fn pay(call: Call) -> Result<Answer> {
    if !call.body.is_empty() {
        call.body::<NoFields>()?;
    }
    let (desk, placed, person) = (&call.desk, *call.order()?, call.caller()?.person);
    let row = placed_by(desk, placed, person).await?;
    let row = row.ok_or(Failure::Refused(Refusal::PayerMissing))?;
    let way = row.way()?;
    let merchant = merchant_of(desk, placed.project, way);
    let merchant = merchant.ok_or(Failure::Refused(Refusal::ChannelNotOffered))?;
    let known = person::identities(desk.house.store().read(), person).await?;
    let payer = payer_of(&merchant, way, &known);
    let payer = payer.ok_or(Failure::Refused(Refusal::PayerMissing))?;
    let payer = Payer { ip: Some(call.client.ip), ..payer };
    let offer = offer(&call, payer).await?;
    Answer::ok(&shown(desk, way, &merchant, offer)?)
}

/// The attempt to pay; of two tabs that begin at once one is first, and both go on with its.
async fn offer(call: &Call, payer: Payer) -> Result<Offer> {
    let mut raced = StoreError::Conflict;
    for _ in 0..RACES_MAX {
        let order = of_path(call).await?;
        match call.desk.house.start_payment(&order, payer.clone()).await {
            Err(VendingError::Store(
                error @ (StoreError::Refused(_) | StoreError::Conflict | StoreError::Gone(_)),
            )) => raced = error,
            done => return Ok(done?),
        }
    }
    Err(raced.into())
}

fn shown(desk: &Desk, way: PayWay, merchant: &Merchant, offer: Offer) -> Result<PaymentView> {
    let view = PaymentView { way: way.as_str().to_owned(), ..PaymentView::default() };
    Ok(match (offer.hint, &merchant.keys) {
        (PayerHint::Prepay { prepay_id }, Keys::WechatPay(keys)) => {
            let stamp = Stamp::new(desk.clock.now(), desk.rng.as_ref());
            let signed = wechat_pay::payer_parameters(keys, &prepay_id, &stamp);
            let signed = signed.map_err(|error| Failure::internal(&error))?;
            PaymentView { params: Some(signed.bridge()), ..view }
        }
        (PayerHint::Page { url }, _) => PaymentView { url: Some(url), ..view },
        (PayerHint::Trade { trade_no }, _) => PaymentView { trade_no: Some(trade_no), ..view },
        (PayerHint::Qr { .. } | PayerHint::Prepay { .. }, _) => {
            return Err(Failure::internal(&"the provider answered for another way to pay"));
        }
    })
}

/// The ways a person can pay a project from here.
pub fn ways(desk: &Desk, project: ProjectId, known: &[Identity]) -> Vec<PayWay> {
    let can = |way: &PayWay| {
        merchant_of(desk, project, *way)
            .is_some_and(|merchant| payer_of(&merchant, *way, known).is_some())
    };
    PayWay::ALL.iter().copied().filter(can).collect()
}

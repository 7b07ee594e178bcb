//! A notice keyed by the number of a payment made in the mini-program, without a tap (C9).

use chrono::{DateTime, Utc};
use domain::Money;
use serde::{Deserialize, Serialize};

use super::{
    answer,
    app::{App, OPENID_MAX, OurFault, check_text, post},
    code::Call,
};
use crate::{
    http::{Request, Response},
    outcome::Outcome,
    secret::Secret,
};

/// The longest product name we send, in characters.
const PRODUCT_MAX: usize = 60;

/// One step of a notice. The first must come within 24 hours of the payment, later ones within
/// 30 days, each with a higher status; WeChat picks the steps it tells the payer about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderNotice {
    /// The payer.
    pub openid: String,
    /// The kind our account was given: 2003 is virtual goods. Kinds go by the account's category.
    pub notify_type: u32,
    /// WeChat's number of the payment, `4200…`.
    pub transaction_id: String,
    /// How far the order is, in the terms of the kind.
    pub status: u32,
    /// The page it opens: `pages/order/order?id=…`.
    pub page: String,
    /// What was bought; longer than 60 characters is cut.
    pub product_name: String,
    /// A picture of it, https.
    pub product_image: String,
    /// What WeChat checks the first step by; `None` on later ones.
    pub check: Option<PaidCheck>,
}

/// Amount and moment of the payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaidCheck {
    /// Ordered or paid.
    pub amount: Money,
    /// When it was paid.
    pub paid_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct Body<'a> {
    openid: &'a str,
    notify_type: u32,
    notify_code: &'a str,
    // JSON inside a text, both.
    content_json: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_json: Option<String>,
}

#[derive(Serialize)]
struct Content<'a> {
    cur_status: u32,
    wxa_path_query: &'a str,
    product_count: u32,
    product_list: Products<'a>,
}

#[derive(Serialize)]
struct Products<'a> {
    info_list: [Product<'a>; 1],
}

#[derive(Serialize)]
struct Product<'a> {
    product_img: &'a str,
    product_name: String,
    product_path_query: &'a str,
}

#[derive(Serialize)]
struct Check {
    pay_amount: i64,
    pay_time: i64,
}

fn text(value: &impl Serialize) -> Result<String, OurFault> {
    serde_json::to_string(value).map_err(|_| OurFault::Body)
}

/// Tells WeChat how far an order is (`set_user_notify`). The same step may be sent again.
///
/// # Errors
/// What is wrong with the notice; nothing was sent then.
pub fn notify_order(app: &App, token: &Secret, notice: &OrderNotice) -> Result<Request, OurFault> {
    check_text("openid", &notice.openid, OPENID_MAX)?;
    check_text("notify_code", &notice.transaction_id, 64)?;
    let page = notice.page.trim_start_matches('/');
    let content = Content {
        cur_status: notice.status,
        wxa_path_query: page,
        product_count: 1,
        product_list: Products {
            info_list: [Product {
                product_img: &notice.product_image,
                product_name: notice.product_name.chars().take(PRODUCT_MAX).collect(),
                product_path_query: page,
            }],
        },
    };
    let check = notice.check.map(|check| {
        if !check.amount.is_positive() {
            return Err(OurFault::Amount { field: "pay_amount" });
        }
        let (pay_amount, pay_time) = (check.amount.fen(), check.paid_at.timestamp());
        text(&Check { pay_amount, pay_time })
    });
    let body = Body {
        openid: &notice.openid,
        notify_type: notice.notify_type,
        notify_code: &notice.transaction_id,
        content_json: text(&content)?,
        check_json: check.transpose()?,
    };
    post(app, "/wxa/set_user_notify", Some(token), &body)
}

#[derive(Deserialize)]
struct Nothing {}

/// Reads the answer to [`notify_order`]. `Theirs` with 85437 right after the payment only means
/// that WeChat does not know the number yet: again after a minute, a few times.
pub fn read_notify_order(response: &Response) -> Outcome<()> {
    answer::settle(answer::fields::<Nothing>(Call::OrderNotice, response).map(drop))
}

//! Receipts (凭条): what was paid and what became of it, for the payer and for whoever is shown
//! the link.

use chrono::{DateTime, Utc};
use serde::Serialize;
use store::{order as orders, order::Order, order_tenant, site};
use utoipa::ToSchema;
use vending::Refusal;

use crate::{
    answer::Answer,
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    order::{
        of_path,
        view::{self, OrderView, Scene},
    },
    route::{Need, Route},
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/orders/{order}/receipt", "receipt.show", |call| Box::pin(show(call)))
        .needs(Need::Order)
        .says("电子凭条", "The receipt of a paid order")
        .answers::<ReceiptView>(200),
    Route::get("/receipts/{token}", "receipt.verify", |call| Box::pin(verify(call)))
        .needs(Need::Nothing)
        .says("核验凭条", "The receipt behind the link that is printed on it")
        .answers::<ReceiptView>(200),
];

/// A receipt.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// `credited` (已到账) or `paid` (已付款，待充入).
    #[schema(example = "credited")]
    pub kind: String,
    /// The order.
    pub order: OrderView,
    /// Who was paid.
    #[schema(example = "和园公寓")]
    pub payee: String,
    /// The amount in capital characters (大写).
    #[schema(example = "人民币壹佰元整")]
    pub amount_cn: String,
    /// When the money was credited.
    pub issued_at: DateTime<Utc>,
    /// The link that proves it.
    #[schema(example = "https://pay.example/r/7Q2M")]
    pub verify_url: String,
    /// How often it was printed.
    pub printed: u32,
    /// What it is not, in Chinese.
    #[schema(example = "本凭条不作为发票")]
    pub note_zh: String,
    /// What it is not, in English.
    #[schema(example = "This is not an invoice")]
    pub note_en: String,
}

async fn show(call: Call) -> Result<Answer> {
    let order = of_path(&call).await?;
    let state = order.state()?;
    if !state.is_paid() {
        return Err(Failure::Refused(Refusal::WrongState { state }));
    }
    let (project, id, desk) = (order.project(), order.order_id(), &call.desk);
    let known = order_tenant::receipt_of(desk.house.store().read(), project, id).await?;
    if known.is_none() {
        let (now, rng) = (desk.clock.now(), std::sync::Arc::clone(&desk.rng));
        let made = desk.house.store().transact(move |tx| {
            Box::pin(async move { order_tenant::receipt(tx, project, id, rng.as_ref(), now).await })
        });
        made.await?;
    }
    let person = call.caller()?.person;
    let scene = Scene::open(desk, &order).await?;
    let view = view::view(desk, &order, &scene, Some(person)).await?;
    Answer::ok(&receipt(desk, &order, view).await?)
}

async fn verify(call: Call) -> Result<Answer> {
    let missing = || Failure::NotFound("receipt");
    let (desk, db) = (&call.desk, call.desk.house.store().read());
    let found = order_tenant::by_receipt(db, call.text("token")?).await?;
    let (project, id) = found.ok_or_else(missing)?;
    let order = orders::by_id(db, project, id).await?.ok_or_else(missing)?;
    let scene = Scene::open(desk, &order).await?;
    // Whoever holds the link may see the receipt, and do nothing.
    let view = view::view(desk, &order, &scene, None).await?;
    Answer::ok(&receipt(desk, &order, view).await?)
}

async fn receipt(desk: &Desk, order: &Order, view: OrderView) -> Result<ReceiptView> {
    let site = site::project(desk.house.store().read(), order.project()).await?;
    let arrived = matches!(view.state.as_str(), "on-meter" | "restored")
        || !view.steps.iter().any(|step| step.step == "on-meter");
    let token = view.receipt_token.clone().unwrap_or_default();
    let db = desk.house.store().read();
    let printed = store::kiosk::sale::prints(db, order.project(), order.order_id()).await?;
    Ok(ReceiptView {
        kind: if arrived { "credited" } else { "paid" }.to_owned(),
        payee: site.map(|site| site.name).unwrap_or_default(),
        amount_cn: capitals(order.amount_fen),
        issued_at: order.credited_at.unwrap_or(order.placed_at),
        verify_url: format!("{}/r/{token}", desk.settings.public_url),
        printed: u32::try_from(printed.len()).unwrap_or(u32::MAX),
        note_zh: "本凭条不作为发票".to_owned(),
        note_en: "This is not an invoice".to_owned(),
        order: view,
    })
}

/// The digits in capital characters.
const DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];

/// An amount in capital characters, as the People's Bank wants it on slips (《支付结算办法》 附一
/// 《正确填写票据和结算凭证的基本规定》 二、三).
pub fn capitals(fen: i64) -> String {
    let fen = fen.max(0).unsigned_abs();
    let (yuan, jiao, rest) = (fen / 100, (fen / 10 % 10) as usize, (fen % 10) as usize);
    let mut text = String::from("人民币");
    if yuan > 0 {
        text.push_str(&whole(yuan));
        text.push('元');
    }
    match (jiao, rest) {
        (0, 0) if yuan == 0 => text.push_str("零元整"),
        (0, 0) => text.push('整'),
        (0, rest) => {
            if yuan > 0 {
                text.push('零');
            }
            text.extend([DIGITS[rest], '分']);
        }
        (jiao, rest) => {
            // A zero in the yuan's last place is said before the jiao.
            if yuan > 0 && yuan.is_multiple_of(10) {
                text.push('零');
            }
            text.extend([DIGITS[jiao], '角']);
            if rest > 0 {
                text.extend([DIGITS[rest], '分']);
            }
        }
    }
    text
}

/// A whole number of yuan: groups of four digits under 万 and 亿, one 零 for a row of zeros.
fn whole(yuan: u64) -> String {
    let digits: Vec<usize> =
        yuan.to_string().bytes().map(|digit| usize::from(digit - b'0')).collect();
    let (mut text, mut zeros, mut in_group) = (String::new(), false, false);
    for (index, digit) in digits.iter().enumerate() {
        let place = digits.len() - 1 - index;
        if *digit == 0 {
            zeros = true;
        } else {
            if zeros && !text.is_empty() {
                text.push('零');
            }
            text.push(DIGITS[*digit]);
            text.push_str(["", "拾", "佰", "仟"][place % 4]);
            (zeros, in_group) = (false, true);
        }
        if place.is_multiple_of(4) && place > 0 {
            if in_group {
                text.push_str(["", "万", "亿", "万亿"][(place / 4).min(3)]);
                // A zero in the last place of a group is not said before the next group's first.
                zeros = false;
            }
            in_group = false;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_in_capitals_as_the_peoples_bank_shows_it() {
        let table = [
            // The regulation's own examples.
            (140_950, "人民币壹仟肆佰零玖元伍角"),
            (600_714, "人民币陆仟零柒元壹角肆分"),
            (168_032, "人民币壹仟陆佰捌拾元零叁角贰分"),
            (10_700_053, "人民币壹拾万柒仟元零伍角叁分"),
            (1_640_902, "人民币壹万陆仟肆佰零玖元零贰分"),
            (32_504, "人民币叁佰贰拾伍元零肆分"),
            // Whole yuan end with 整.
            (10_000, "人民币壹佰元整"),
            (5, "人民币伍分"),
            (50, "人民币伍角"),
        ];
        for (fen, want) in table {
            assert_eq!(capitals(fen), want, "{fen}");
        }
    }
}

//! Orders as the server tells of them.

use kiosk_wire::{
    order::{OrderState, OrderView, Step},
    text::Text,
};
use uuid::Uuid;

use crate::meters::at;

/// A drawing of our own making in the form of a QR code's.
pub const QR: &str = include_str!("qr.svg");

fn step(name: &str, reached: &str, proof: Option<(&str, &str)>) -> Step {
    Step {
        name: name.into(),
        at: (!reached.is_empty()).then(|| at(&format!("2026-11-20T{reached}Z"))),
        proof: proof.map(|(zh, en)| Text::new(zh, en)),
    }
}

/// The steps of a meter that holds its money, the first `reached` of them done.
fn steps(reached: usize) -> Vec<Step> {
    let all = [
        ("paid", "06:24:41", Some(("微信支付确认", "Confirmed by WeChat Pay"))),
        ("credited", "06:24:42", None),
        ("on_meter", "06:24:49", Some(("第 38 次购电", "Purchase 38"))),
        ("power_on", "06:24:52", Some(("回读为合闸", "Relay reads closed"))),
    ];
    let one = |(number, (name, when, proof)): (usize, (&str, &str, _))| {
        if number < reached { step(name, when, proof) } else { step(name, "", None) }
    };
    all.into_iter().enumerate().map(one).collect()
}

/// Waits to be paid.
pub fn waiting() -> OrderView {
    OrderView {
        id: Uuid::from_u128(0x0193_46f2),
        order_no: "YF2611201424310188".into(),
        state: OrderState::AwaitingPayment,
        amount_fen: 10_000,
        wallet: "wechat".into(),
        qr: Some("weixin://wxpay/bizpayurl?pr=qzHaNbU".into()),
        expires_in_ms: 170_000,
        payee: "和园物业服务有限公司".into(),
        place: "3 号楼 1 单元 0602".into(),
        purpose: "electricity".into(),
        meter_tail: "2268".into(),
        money_model: "meter".into(),
        steps: steps(0),
        what: Text::new("等待付款", "Awaiting payment"),
        safe: Text::new("还没有扣款", "Nothing has been charged"),
        todo: Text::new("请用微信扫码", "Scan with WeChat"),
        balance_before_fen: Some(1_240),
        balance_after_fen: None,
        supply: "on".into(),
        receipt_url: None,
    }
}

/// The same order further on its way.
pub fn in_state(state: OrderState) -> OrderView {
    let (reached, [what, safe, todo]) = told(state);
    let text = |(zh, en): (&str, &str)| Text::new(zh, en);
    let done = matches!(state, OrderState::OnMeter | OrderState::PowerOn);
    OrderView {
        state,
        qr: None,
        expires_in_ms: 0,
        steps: steps(reached),
        what: text(what),
        safe: text(safe),
        todo: text(todo),
        balance_after_fen: done.then_some(11_240),
        supply: if state == OrderState::PaidOffline { "offline" } else { "on" }.into(),
        receipt_url: state.is_paid().then(|| "https://pay.example/r/k7Qm2Xw9Lp4Z".into()),
        ..waiting()
    }
}

/// A card meter's order.
pub fn by_card(state: OrderState) -> OrderView {
    let written = state == OrderState::CardWritten;
    OrderView {
        money_model: "card".into(),
        supply: "unknown".into(),
        steps: vec![
            step("paid", "06:24:41", None),
            step("credited", "06:24:42", None),
            step("card_written", if written { "06:25:10" } else { "" }, None),
        ],
        ..in_state(state)
    }
}

type Sentence = (&'static str, &'static str);

const SAFE: Sentence = ("付过的钱不会丢", "Money you paid is safe");
const IN_METER: Sentence = ("钱已在电表里", "The money is on the meter");
const NOTHING: Sentence = ("不用操作", "Nothing to do");

/// How far an order is in a state, and the three sentences of it.
fn told(state: OrderState) -> (usize, [Sentence; 3]) {
    match state {
        OrderState::AwaitingPayment | OrderState::Confirming => (
            0,
            [
                ("正在确认支付结果", "Checking your payment"),
                SAFE,
                (
                    "请不要再付一次，通常 1 分钟内有结果",
                    "Do not pay again, usually known in a minute",
                ),
            ],
        ),
        OrderState::Closed => (
            0,
            [
                ("订单已关闭", "Order closed"),
                ("没有扣款", "Nothing was charged"),
                ("需要的话重新充值", "Top up again if you need to"),
            ],
        ),
        OrderState::Paid => {
            (2, [("已付款，正在充入电表", "Paid, sending to the meter"), SAFE, NOTHING])
        }
        OrderState::PaidOffline => (
            2,
            [
                ("已付款，电表离线", "Paid, meter offline"),
                ("钱已在你的电费账户", "The money is in your account"),
                ("恢复联网后自动充入并通知你", "It is sent when the meter is back"),
            ],
        ),
        OrderState::InDoubt => (
            2,
            [
                ("充入结果待确认", "Top-up being checked"),
                ("钱已到账，不会充两次", "The money is credited, never twice"),
                ("正在读表核对，有结果就通知你", "The meter is being read, you will be told"),
            ],
        ),
        later => told_later(later),
    }
}

/// The same for states in which the money has come to its end, or stands still.
fn told_later(state: OrderState) -> (usize, [Sentence; 3]) {
    match state {
        OrderState::OnMeter => (
            3,
            [
                ("已充入，还没送电", "Topped up, power not back"),
                IN_METER,
                ("正在重试合闸，已通知值班", "Switching on is retried, staff were told"),
            ],
        ),
        OrderState::PowerOn => (4, [("已充入电表", "On the meter"), IN_METER, NOTHING]),
        OrderState::AwaitingCard => {
            (2, [("已付款，请贴卡", "Paid, place your card"), SAFE, NOTHING])
        }
        OrderState::CardWritten => (
            3,
            [
                ("已写卡，请插表", "Card written, insert it in the meter"),
                ("钱在卡里", "The money is on the card"),
                ("把卡插入电表，听到提示音后取出", "Insert the card until the meter beeps"),
            ],
        ),
        OrderState::Held => (
            1,
            [
                ("金额对不上，已暂停", "Held for review"),
                ("这笔钱已收到，正在人工核对", "The money is here, staff are checking"),
                ("客服会联系你", "You will be called"),
            ],
        ),
        _ => (
            1,
            [
                ("退款处理中", "Refund in progress"),
                ("¥100.00 退回原支付账户", "¥100.00 goes back to your wallet"),
                ("以支付平台到账为准", "See your wallet for its arrival"),
            ],
        ),
    }
}

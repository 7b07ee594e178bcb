//! Whatever happens, in whatever order: fingers, the link, the provider, paper, cards, the disk,
//! operators and power cuts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use kiosk_wire::{heartbeat::Printer, order::OrderState, receipt::PrintOutcome, text::Text};
use proptest::prelude::*;
use terminal::{
    intent::{Errand, Intent, Way},
    session::{Change, Remote},
    view::Screen,
};
use uuid::Uuid;

mod stand;

use stand::{Pen, Stand, UID, Wire, server::METER};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Happening {
    Touch(Intent),
    Pass(u64),
    Wire(Wire),
    Link(bool),
    Order(OrderState),
    PaidBehind(bool),
    Paper(&'static str, Option<PrintOutcome>),
    Lay(&'static str),
    Lift,
    Pen(Pen),
    Disk(bool),
    Skew(i64),
    Model(&'static str),
    Remote(Remote),
    Revoked(bool),
    PowerCut,
    Walk(u8),
}

fn touches() -> impl Strategy<Value = Intent> {
    let typed = |text: &str| Just(Intent::Typed { text: text.to_owned() });
    prop_oneof![
        Just(Intent::Wake),
        Just(Intent::Start { errand: Errand::TopUp }),
        Just(Intent::Start { errand: Errand::Card }),
        Just(Intent::Start { errand: Errand::Receipt }),
        Just(Intent::LookUpBy { way: Way::Meter }),
        Just(Intent::LookUpBy { way: Way::Phone }),
        Just(Intent::LookUpBy { way: Way::Card }),
        typed(METER),
        typed("13800001234"),
        typed("123456"),
        typed("0803"),
        typed("YF2611211431480400"),
        Just(Intent::TopUp),
        Just(Intent::ReadNow),
        Just(Intent::Amount { fen: 5_000 }),
        Just(Intent::Amount { fen: -1 }),
        Just(Intent::Pay { wallet: "wechat".to_owned() }),
        Just(Intent::Pay { wallet: "alipay".to_owned() }),
        Just(Intent::AcceptNoPaper),
        Just(Intent::OtherWallet),
        Just(Intent::Cancel),
        Just(Intent::Reprint),
        Just(Intent::Back),
        Just(Intent::Quit),
        Just(Intent::More),
        Just(Intent::Elder { on: true }),
    ]
}

fn states() -> impl Strategy<Value = OrderState> {
    use OrderState::{
        AwaitingCard, CardWritten, Closed, Confirming, Held, InDoubt, OnMeter, Paid, PaidOffline,
        PowerOn, Refunded,
    };
    prop::sample::select(vec![
        Confirming,
        Closed,
        Paid,
        PaidOffline,
        InDoubt,
        OnMeter,
        PowerOn,
        AwaitingCard,
        CardWritten,
        Held,
        Refunded,
    ])
}

fn happenings() -> impl Strategy<Value = Happening> {
    let papers = prop::sample::select(vec!["ready", "near_end", "paper_out", "unknown"]);
    let ends = prop::sample::select(vec![
        Some(PrintOutcome::Printed),
        Some(PrintOutcome::PaperOut),
        Some(PrintOutcome::Unknown),
        None,
    ]);
    let pens =
        prop::sample::select(vec![Pen::Good, Pen::Torn, Pen::TornLate, Pen::Mismatch, Pen::Stuck]);
    let wires =
        prop::sample::select(vec![Wire::Good, Wire::Good, Wire::Cut, Wire::Deaf, Wire::Slow]);
    let remotes = prop::sample::select(vec![
        Remote::Cancel,
        Remote::Lock(Text::default()),
        Remote::Unlock,
        Remote::Unlock,
    ]);
    prop_oneof![
        8 => touches().prop_map(Happening::Touch),
        6 => (0u8..6).prop_map(Happening::Walk),
        5 => (1u64..40_000).prop_map(Happening::Pass),
        3 => wires.prop_map(Happening::Wire),
        1 => any::<bool>().prop_map(Happening::Link),
        5 => states().prop_map(Happening::Order),
        1 => any::<bool>().prop_map(Happening::PaidBehind),
        1 => (papers, ends).prop_map(|(paper, end)| Happening::Paper(paper, end)),
        2 => prop::sample::select(vec![UID, "0499999999"]).prop_map(Happening::Lay),
        1 => Just(Happening::Lift),
        1 => pens.prop_map(Happening::Pen),
        1 => any::<bool>().prop_map(Happening::Disk),
        1 => prop::sample::select(vec![0, 0, 400_000]).prop_map(Happening::Skew),
        1 => prop::sample::select(vec!["platform", "card"]).prop_map(Happening::Model),
        1 => remotes.prop_map(Happening::Remote),
        1 => prop::sample::select(vec![false, false, true]).prop_map(Happening::Revoked),
        1 => Just(Happening::PowerCut),
    ]
}

/// A customer who knows the way, up to some screen.
fn walk(stand: &mut Stand, steps: u8) {
    let way = [
        Intent::Start { errand: Errand::TopUp },
        Intent::LookUpBy { way: Way::Meter },
        Intent::Typed { text: METER.to_owned() },
        Intent::TopUp,
        Intent::Amount { fen: 5_000 },
        Intent::Pay { wallet: "wechat".to_owned() },
    ];
    stand.touch(Intent::Wake);
    for intent in way.into_iter().take(usize::from(steps) + 1) {
        stand.touch(intent);
    }
}

fn happen(mut stand: Stand, what: Happening) -> Stand {
    match what {
        Happening::Touch(intent) => stand.touch(intent),
        Happening::Pass(ms) => stand.pass(ms),
        Happening::Wire(wire) => stand.wire = wire,
        Happening::Link(up) => stand.world(Change::Link { up }),
        Happening::Order(state) => move_order(&mut stand, state),
        Happening::PaidBehind(paid) => stand.server.paid_behind = paid,
        Happening::Paper(state, end) => {
            stand.printer = Printer { state: state.to_owned(), paper_mm: None };
            stand.prints_end = end;
            stand.world(Change::Printer(stand.printer.clone()));
        }
        Happening::Lay(uid) => stand.lay(uid),
        Happening::Lift => stand.lift(),
        Happening::Pen(pen) => stand.pen = pen,
        Happening::Disk(full) => {
            stand.disk.0.lock().unwrap().full = full;
            if !full && stand.journal.mend().is_ok() {
                stand.world(Change::Journal { writable: true });
            }
        }
        Happening::Skew(ms) => stand.world(Change::Skew { ms }),
        Happening::Model(model) => stand.server.model = model,
        Happening::Remote(remote) => stand.remote(remote),
        Happening::Revoked(revoked) => {
            stand.server.revoked = revoked;
            stand.world(Change::Revoked(revoked));
        }
        Happening::PowerCut => stand = stand.reborn(),
        Happening::Walk(steps) => walk(&mut stand, steps),
    }
    stand
}

/// What the provider and the meter may do to an order: money that came never goes unsaid.
fn move_order(stand: &mut Stand, state: OrderState) {
    let Some(view) = stand.server.orders.values().last() else { return };
    if !view.state.is_paid() || state.is_paid() {
        stand.set(state);
    }
}

/// After every single event.
fn look(stand: &mut Stand) {
    let screen = stand.screen();
    match &screen {
        Screen::Pay { order, qr_svg: Some(_), .. } => {
            let heard = stand.answered_ms.expect("a code without a server");
            assert!(stand.at_ms - heard <= 5_000, "a code while the server is silent");
            let since = *stand.codes.entry(order.id).or_insert(stand.at_ms);
            assert!(stand.at_ms - since <= 120_000, "a code for too long");
            assert!(!stand.heard_paid.contains(&order.id), "a code for what is paid");
            assert!(order.qr.is_none(), "the page has no need of what the code says");
        }
        Screen::Pay { order, .. } | Screen::Confirming { order } => {
            assert!(!stand.heard_paid.contains(&order.id), "doubt about what is paid");
        }
        Screen::Result { order, .. } => {
            let paid = stand.heard_paid.contains(&order.id);
            assert!(!paid || order.state.is_paid(), "paid, and shown as {:?}", order.state);
        }
        Screen::Home { .. }
        | Screen::Attract { .. }
        | Screen::OutOfService { .. }
        | Screen::StillThere
        | Screen::Boot => stand.assert_nobodys(),
        _ => {}
    }
}

fn books(stand: &Stand) {
    let drawn = serde_json::to_string(&stand.view()).unwrap();
    assert!(!drawn.contains("失败"), "{drawn}");
    let mut of_session: BTreeMap<Uuid, usize> = BTreeMap::new();
    for (_, draft) in stand.server.drafts.values() {
        *of_session.entry(draft.session).or_default() += 1;
    }
    assert!(of_session.values().all(|orders| *orders == 1), "{of_session:?}");
    let mut automatic: BTreeMap<Uuid, usize> = BTreeMap::new();
    for (order, by_itself) in stand.server.prints.values() {
        *automatic.entry(*order).or_default() += usize::from(*by_itself);
    }
    assert!(automatic.values().all(|prints| *prints <= 1), "{automatic:?}");
    let mut sent = stand.paper.clone();
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), stand.paper.len(), "one print went to the printer twice");
    for (order, voucher) in &stand.server.vouchers {
        let on_card = stand.server.on_card.iter().filter(|id| **id == voucher.id).count();
        assert!(on_card <= 1, "order {order} is on the card {on_card} times");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_no_session_makes_two_orders_and_no_code_is_shown_while_offline(
        story in prop::collection::vec(happenings(), 1..60)
    ) {
        let mut stand = Stand::new();
        stand.watch = Some(look);
        for what in story {
            stand = happen(stand, what);
            books(&stand);
        }
        // When the world is well again every order finds its end, and home is home.
        stand = happen(stand, Happening::Wire(Wire::Good));
        stand = happen(stand, Happening::Revoked(false));
        stand = happen(stand, Happening::Disk(false));
        stand.world(Change::Link { up: true });
        stand.remote(Remote::Unlock);
        stand.pass(300_000);
        books(&stand);
        for view in stand.server.orders.values() {
            prop_assert_ne!(view.state, OrderState::AwaitingPayment);
        }
    }
}

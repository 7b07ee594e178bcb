//! Rows 22 to 27 of the failure table: cards that are torn, taken away, worn, or somebody else's.
//! The table of all rows stands in `failures.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kiosk_wire::{card::VoucherOutcome, order::OrderState};
use terminal::{
    call::Call,
    intent::{Errand, Intent},
    view::Screen,
};

mod stand;

use stand::{Pen, Stand, UID, Wire};

#[test]
fn a_power_cut_during_a_card_write_is_finished_with_the_same_voucher() {
    for kept in [false, true] {
        let mut stand = Stand::new();
        stand.reach_code_by_card(UID);
        stand.pen = Pen::Stuck;
        stand.set(OrderState::AwaitingCard);
        stand.pass(2_000);
        assert_eq!(stand.card_step(), "writing");
        let (voucher, seq, _) = stand.writes[0];
        let mut stand = stand.reborn();
        stand.card = None;
        stand.pass(1_000);
        let Screen::Home { unfinished: Some(text), .. } = stand.screen() else { panic!() };
        assert!(text.zh.contains("上次写卡未完成"));
        stand.assert_nobodys();
        if kept {
            stand.server.on_card.push(voucher);
        }
        stand.touch(Intent::Start { errand: Errand::Card });
        stand.lay(UID);
        stand.pass(3_000);
        let Screen::Result { order, .. } = stand.screen() else { panic!("{}", stand.name()) };
        assert_eq!(order.state, OrderState::CardWritten);
        let written: Vec<_> = stand.writes.iter().map(|(id, seq, _)| (*id, *seq)).collect();
        assert!(written.iter().all(|made| *made == (voucher, seq)), "{written:?}");
        assert_eq!(written.len(), if kept { 1 } else { 2 }, "what is there is not written again");
        assert_eq!(stand.receipt(), ("none".to_owned(), true), "a copy is there for the asking");
        assert!(stand.paper.is_empty(), "after a restart nothing is printed by itself");
        stand.pass(60_000);
        assert!(matches!(stand.screen(), Screen::Home { unfinished: None, .. }));
    }
}

#[test]
fn a_card_taken_away_is_asked_for_again_and_its_voucher_kept() {
    let mut stand = Stand::new();
    stand.reach_code_by_card(UID);
    stand.lift();
    stand.set(OrderState::AwaitingCard);
    stand.pass(2_000);
    assert_eq!(stand.card_step(), "ask");
    assert_eq!(stand.view().countdown.unwrap().whole_ms, 60_000);
    stand.pass(40_000);
    // Laid on and taken away before it could be read: the time begins again.
    stand.wire = Wire::Slow;
    stand.lay(UID);
    assert_eq!(stand.card_step(), "reading");
    stand.lift();
    stand.wire = Wire::Good;
    stand.pass(500);
    assert_eq!(stand.card_step(), "ask");
    assert!(stand.view().countdown.unwrap().left_ms > 58_000);
    // Nobody comes: home, and the money waits for its card.
    stand.pass(75_000);
    assert!(matches!(stand.screen(), Screen::Home { unfinished: Some(_), .. }));
    assert!(stand.server.vouchers.is_empty(), "no voucher without a card");
    assert_eq!(stand.session.open_sales(), 1);
    stand.touch(Intent::Start { errand: Errand::Card });
    stand.lay(UID);
    stand.pass(3_000);
    assert_eq!(stand.server.vouchers.len(), 1);
    assert_eq!(stand.name(), "result");
}

#[test]
fn a_torn_card_is_read_again_and_written_once() {
    for (pen, writes) in [(Pen::Torn, 2), (Pen::TornLate, 1)] {
        let mut stand = Stand::new();
        stand.reach_code_by_card(UID);
        stand.pen = pen;
        stand.set(OrderState::AwaitingCard);
        stand.pass(2_000);
        assert_eq!(stand.card_step(), "unknown");
        stand.pen = Pen::Good;
        stand.lay(UID);
        stand.pass(3_000);
        assert_eq!(stand.name(), "result");
        assert_eq!(stand.writes.len(), writes, "{pen:?}");
        assert_eq!(stand.writes.iter().filter(|(_, _, kept)| *kept).count(), 1);
        assert!(stand.writes.iter().all(|(id, ..)| *id == stand.writes[0].0));
        assert_eq!(stand.receipt().0, "printed");
    }
}

#[test]
fn another_card_is_sent_away_before_it_is_touched() {
    let mut stand = Stand::new();
    stand.reach_code_by_card(UID);
    stand.lift();
    stand.set(OrderState::AwaitingCard);
    stand.pass(2_000);
    let before = stand.server.calls.len();
    stand.lay("0499999999");
    assert_eq!(stand.card_step(), "other_card");
    let asked = &stand.server.calls[before..];
    let touched = asked.iter().any(|c| matches!(c, Call::CardKeys(_) | Call::Voucher { .. }));
    assert!(!touched, "{asked:?}");
    stand.lay(UID);
    stand.pass(3_000);
    assert_eq!(stand.name(), "result");
}

#[test]
fn a_worn_card_is_tried_three_times_and_then_called_broken() {
    let mut stand = Stand::new();
    stand.reach_code_by_card(UID);
    stand.pen = Pen::Mismatch;
    stand.set(OrderState::AwaitingCard);
    stand.pass(2_000);
    for _ in 0..2 {
        assert_eq!(stand.card_step(), "unknown");
        stand.lay(UID);
    }
    assert_eq!(stand.card_step(), "broken");
    assert_eq!(stand.writes.len(), 3);
    stand.pass(1_000);
    assert_eq!(stand.paper.len(), 1, "a receipt says that it is being looked into");
    stand.pass(60_000);
    assert!(stand.is_home());
    assert_eq!(stand.server.voucher_ends.len(), 3);
    assert!(stand.server.voucher_ends.iter().all(|(_, o)| *o == VoucherOutcome::NotWritten));
    assert_eq!(stand.session.open_sales(), 1, "the voucher is kept");
}

#[test]
fn a_second_voucher_for_an_order_is_never_written() {
    let mut stand = Stand::new();
    stand.reach_code_by_card(UID);
    stand.pen = Pen::Torn;
    stand.set(OrderState::AwaitingCard);
    stand.pass(2_000);
    stand.server.two_vouchers = true;
    stand.pen = Pen::Good;
    stand.lay(UID);
    assert_eq!(stand.card_step(), "broken");
    assert_eq!(stand.writes.len(), 1);
}

#[test]
fn no_card_is_written_while_the_server_is_away() {
    let mut stand = Stand::new();
    stand.reach_code_by_card(UID);
    stand.lift();
    stand.set(OrderState::AwaitingCard);
    stand.pass(2_000);
    stand.wire = Wire::Cut;
    stand.lay(UID);
    stand.pass(10_000);
    assert!(stand.writes.is_empty());
    stand.wire = Wire::Good;
    stand.pass(10_000);
    assert_eq!(stand.writes.len(), 1);
    assert_eq!(stand.name(), "result");
}

#[test]
fn a_card_with_unloaded_money_is_refused_before_paying() {
    for code in ["card.unloaded", "card.seq"] {
        let mut stand = Stand::new();
        stand.server.card_refused = Some(code);
        stand.touch(Intent::Start { errand: Errand::Card });
        stand.lay(UID);
        assert_eq!(stand.trouble(), code);
        assert!(stand.server.orders.is_empty());
    }
    // A card meter that was found by its number is not paid for without its card.
    let mut stand = Stand::new();
    stand.server.model = "card";
    stand.look_up();
    let Screen::Account { closed: Some(_), .. } = stand.screen() else { panic!() };
    stand.touch(Intent::TopUp);
    assert_eq!(stand.name(), "account");
}

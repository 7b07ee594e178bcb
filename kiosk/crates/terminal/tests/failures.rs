//! Every row of the failure table of the kiosk, as a test of the kiosk without a window. Rows whose
//! cause lies in a part beside the session (page, process, printer, card) are played by the bench.
//!
//! | row | test |
//! |---|---|
//! | 1 | `without_a_link_home_stays_and_topping_up_is_greyed` |
//! | 2 | `a_link_lost_while_choosing_ends_the_session_and_nothing_is_made` |
//! | 3 | `a_lost_answer_to_an_order_is_asked_for_again_under_the_same_id` |
//! | 4 | `a_link_lost_after_the_code_was_shown_covers_it_and_keeps_the_order` |
//! | 5 | `whoever_walks_away_unpaid_is_asked_and_the_order_is_closed` |
//! | 6 | `cancelling_while_paying_shows_what_it_came_to` |
//! | 7 | `a_payment_after_the_end_is_not_shown_to_the_next_one` |
//! | 8 | `a_late_notification_is_found_by_asking` |
//! | 9 | `the_other_wallet_is_offered_only_once_the_first_is_closed` |
//! | 10 | `an_amount_that_differs_is_held_and_said_so` |
//! | 11 | `paid_with_the_meter_offline_prints_a_receipt_that_says_so` |
//! | 12 | `paid_with_an_unknown_credit_is_doubt_and_not_failure` |
//! | 13 | `without_paper_one_is_asked_before_paying` |
//! | 14 | `paper_that_ends_after_paying_is_told_and_not_tried_again_by_itself` |
//! | 15 | `paper_that_ends_in_mid_print_is_printed_whole_again_only_when_asked` |
//! | 16 | `a_print_nobody_knows_of_may_be_asked_for_once_more` |
//! | 17 | `a_printer_with_its_cover_open_is_told_before_paying_and_may_close_the_kiosk` |
//! | 18 | `whoever_leaves_while_it_is_credited_leaves_nothing_behind` |
//! | 19 | `a_power_cut_with_the_code_shown_closes_or_credits_the_order` |
//! | 20 | `a_power_cut_after_paying_leaves_nothing_to_do_here` |
//! | 21 | `a_power_cut_during_printing_never_prints_by_itself_again` |
//! | 22 | `cards::a_power_cut_during_a_card_write_is_finished_with_the_same_voucher` |
//! | 23 | `cards::a_card_taken_away_is_asked_for_again_and_its_voucher_kept` |
//! | 24 | `cards::a_torn_card_is_read_again_and_written_once` |
//! | 25 | `cards::another_card_is_sent_away_before_it_is_touched` |
//! | 26 | `cards::a_worn_card_is_tried_three_times_and_then_called_broken` |
//! | 27 | `cards::a_card_with_unloaded_money_is_refused_before_paying` |
//! | 28 | `a_page_that_is_drawn_anew_sees_the_same` |
//! | 29 | `a_core_that_died_goes_on_from_its_journal` |
//! | 30 | `a_restart_from_afar_waits_for_the_customer_and_never_cuts_a_card_write` |
//! | 31 | `when_the_disk_is_full_nothing_that_was_to_be_journalled_is_done` |
//! | 32 | `a_wrong_clock_takes_no_payments` |
//! | 33 | `content_that_comes_later_never_moves_a_customers_screen` |
//! | 34 | `revoked_in_mid_session_the_money_path_is_finished_first` |
//! | 35 | `a_finger_that_never_lets_go_does_not_keep_a_session_alive` |
//! | 36 | `a_stolen_kiosk_holds_no_names_numbers_or_keys` |
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kiosk_wire::{
    account::ReadOutcome, channel::Up, command::Verb, heartbeat::Printer, order::OrderState,
    receipt::PrintOutcome, text::Text,
};
use terminal::{
    call::Call,
    intent::{Errand, Intent, Way},
    session::{Change, May, Remote},
    view::Screen,
};

mod stand;

use stand::{
    Pen, Stand, UID, Wire,
    server::{CODE, HOLDER, METER, PLACE},
};

fn paper(state: &str) -> Printer {
    Printer { state: state.to_owned(), paper_mm: None }
}

#[test]
fn a_person_looks_up_pays_and_takes_a_receipt() {
    let mut stand = Stand::new();
    stand.touch(Intent::Start { errand: Errand::TopUp });
    stand.touch(Intent::LookUpBy { way: Way::Room });
    stand.touch(Intent::Choose { id: "b5".to_owned() });
    stand.touch(Intent::Choose { id: "r0803".to_owned() });
    stand.touch(Intent::Typed { text: "9999".to_owned() });
    assert!(matches!(stand.screen(), Screen::Number { wrong: Some(_), .. }));
    stand.touch(Intent::Typed { text: "0803".to_owned() });
    assert_eq!(stand.name(), "account");
    stand.touch(Intent::TopUp);
    assert!(matches!(stand.screen(), Screen::Amount { quote: None, .. }), "nothing is preselected");
    stand.touch(Intent::Amount { fen: 5_000 });
    stand.touch(Intent::Pay { wallet: "wechat".to_owned() });
    assert!(stand.shows_code());
    stand.pass(4_000);
    stand.set(OrderState::OnMeter);
    stand.pass(2_000);
    assert_eq!(stand.receipt(), ("printed".to_owned(), true));
    stand.set(OrderState::PowerOn);
    stand.pass(2_000);
    assert_eq!(stand.paper.len(), 1, "one receipt by itself");
    stand.pass(31_000);
    assert!(stand.is_home());
    stand.assert_nobodys();
    let told: Vec<&str> = stand.server.events.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(told, ["qr_shown", "result_shown", "left"]);
    assert_eq!(stand.journal.open_ones().sales.len(), 0);
}

#[test]
fn after_a_customer_has_left_nothing_of_them_is_on_the_screen() {
    type Walk = fn(&mut Stand);
    let table: [(&str, Walk); 5] = [
        ("account", |stand| stand.look_up()),
        ("amount", |stand| stand.choose(5_000)),
        ("code", |stand| stand.reach_code()),
        ("number", |stand| {
            stand.touch(Intent::Start { errand: Errand::Balance });
            stand.touch(Intent::LookUpBy { way: Way::Phone });
            stand.touch(Intent::Typed { text: "13800001234".to_owned() });
        }),
        ("card", |stand| {
            stand.server.model = "card";
            stand.touch(Intent::Start { errand: Errand::Card });
            stand.lay(UID);
        }),
    ];
    for (name, go) in table {
        let mut stand = Stand::new();
        stand.touch(Intent::Elder { on: true });
        stand.touch(Intent::Language { to: "en".to_owned() });
        go(&mut stand);
        assert!(!stand.is_home(), "{name}");
        stand.pass(400_000);
        assert!(stand.is_home(), "{name}: {}", stand.name());
        stand.assert_nobodys();
        let mode = stand.view().mode;
        assert!(!mode.elder && mode.language == "zh", "{name}: the mode is the customer's");
    }
}

#[test]
fn every_screen_counts_down_warns_and_asks_whether_somebody_is_there() {
    for (elder, whole) in [(false, 60_000), (true, 120_000)] {
        let mut stand = Stand::new();
        stand.touch(Intent::Elder { on: elder });
        stand.look_up();
        let counts = stand.view().countdown.expect("a countdown");
        assert_eq!((counts.left_ms, counts.whole_ms, counts.warn), (whole, whole, false));
        stand.pass(whole - 15_000);
        assert!(stand.view().countdown.expect("a countdown").warn);
        stand.touch(Intent::More);
        assert_eq!(stand.view().countdown.expect("a countdown").left_ms, whole);
        stand.pass(whole);
        assert_eq!(stand.name(), "still_there");
        stand.assert_nobodys();
        stand.touch(Intent::More);
        assert_eq!(stand.name(), "account");
        stand.pass(whole);
        stand.pass(if elder { 20_000 } else { 10_000 });
        assert!(stand.is_home());
    }
}

#[test]
fn without_a_link_home_stays_and_topping_up_is_greyed() {
    let mut stand = Stand::new();
    stand.world(Change::Link { up: false });
    assert!(!stand.view().head.online);
    let Screen::Home { closed: Some(closed), .. } = stand.screen() else {
        panic!("not a greyed home: {:?}", stand.screen())
    };
    assert!(closed.zh.contains("离线"));
    stand.touch(Intent::Start { errand: Errand::TopUp });
    assert!(stand.is_home(), "nothing is begun that cannot end");
    stand.world(Change::Link { up: true });
    assert!(matches!(stand.screen(), Screen::Home { closed: None, .. }));
}

#[test]
fn a_link_lost_while_choosing_ends_the_session_and_nothing_is_made() {
    let mut stand = Stand::new();
    stand.choose(5_000);
    stand.wire = Wire::Cut;
    stand.world(Change::Link { up: false });
    assert_eq!(stand.trouble(), "offline");
    assert!(stand.view().countdown.is_some());
    stand.pass(31_000);
    assert!(stand.is_home());
    assert!(stand.server.orders.is_empty() && stand.lines.is_empty());
}

#[test]
fn a_lost_answer_to_an_order_is_asked_for_again_under_the_same_id() {
    // The answer comes within eight seconds …
    let mut stand = Stand::new();
    stand.choose(5_000);
    stand.wire = Wire::Deaf;
    stand.touch(Intent::Pay { wallet: "wechat".to_owned() });
    assert_eq!(stand.name(), "busy");
    stand.pass(3_000);
    stand.wire = Wire::Good;
    stand.pass(2_000);
    assert!(stand.shows_code());
    assert_eq!(stand.server.orders.len(), 1);
    // … or never, and the order that was made is closed behind the customer's back.
    let mut stand = Stand::new();
    stand.choose(5_000);
    stand.wire = Wire::Deaf;
    stand.touch(Intent::Pay { wallet: "wechat".to_owned() });
    stand.pass(8_500);
    assert_eq!(stand.trouble(), "order_unknown");
    stand.wire = Wire::Good;
    stand.pass(40_000);
    assert!(stand.is_home());
    assert_eq!(stand.server.orders.len(), 1);
    assert_eq!(stand.server.orders.values().next().unwrap().state, OrderState::Closed);
    assert_eq!(stand.journal.open_ones().sales.len(), 0);
}

#[test]
fn a_link_lost_after_the_code_was_shown_covers_it_and_keeps_the_order() {
    let mut stand = Stand::new();
    stand.reach_code();
    assert!(stand.shows_code());
    stand.wire = Wire::Cut;
    stand.pass(5_500);
    let Screen::Pay { order, qr_svg: None, covered: Some(_), .. } = stand.screen() else {
        panic!("not covered: {:?}", stand.screen())
    };
    assert!(order.todo.zh.contains("请勿重复付款") && order.safe.zh.contains("不会丢"));
    // Back in time: the code comes back. Gone again: home after 120 s in all.
    stand.wire = Wire::Good;
    stand.pass(3_000);
    assert!(stand.shows_code());
    stand.wire = Wire::Cut;
    stand.pass(110_000);
    assert!(!stand.is_home());
    stand.pass(2_000);
    assert!(stand.is_home());
    stand.assert_nobodys();
    // Paid without the kiosk: it hears so afterwards and tells nobody.
    stand.set(OrderState::PowerOn);
    stand.wire = Wire::Good;
    stand.pass(130_000);
    assert!(stand.is_home());
    assert_eq!(stand.session.open_sales(), 0);
    assert!(stand.paper.is_empty());
    // Not paid: the order is closed once the server can be asked.
    let mut stand = Stand::new();
    stand.reach_code();
    stand.wire = Wire::Cut;
    stand.pass(121_000);
    assert!(stand.is_home());
    stand.wire = Wire::Good;
    stand.pass(130_000);
    assert_eq!(stand.server.orders.values().next().unwrap().state, OrderState::Closed);
    assert_eq!(stand.session.open_sales(), 0);
    // At once when the channel says so, too.
    let mut stand = Stand::new();
    stand.reach_code();
    stand.world(Change::Link { up: false });
    assert!(!stand.shows_code());
}

#[test]
fn whoever_walks_away_unpaid_is_asked_and_the_order_is_closed() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.pass(119_500);
    assert!(stand.shows_code());
    stand.pass(500);
    assert_eq!(stand.name(), "still_there");
    let state = stand.server.orders.values().next().unwrap().state;
    assert_eq!(state, OrderState::Closed, "query, close, query again");
    stand.pass(10_000);
    assert!(stand.is_home());
    assert!(stand.lines.len() >= 4);
    // Who is still there begins again, with another order under another session.
    let mut stand = Stand::new();
    stand.reach_code();
    stand.pass(120_000);
    stand.touch(Intent::More);
    assert_eq!(stand.name(), "amount");
    stand.touch(Intent::Amount { fen: 2_000 });
    stand.touch(Intent::Pay { wallet: "alipay".to_owned() });
    assert!(stand.shows_code());
    let sessions: Vec<_> = stand.server.drafts.values().map(|(_, d)| d.session).collect();
    assert_eq!(sessions.len(), 2);
    assert_ne!(sessions[0], sessions[1]);
}

#[test]
fn cancelling_while_paying_shows_what_it_came_to() {
    for (paid_behind, state) in [(false, OrderState::Closed), (true, OrderState::PowerOn)] {
        let mut stand = Stand::new();
        stand.reach_code();
        stand.server.paid_behind = paid_behind;
        stand.wire = Wire::Slow;
        stand.touch(Intent::Cancel);
        let Screen::Confirming { order } = stand.screen() else { panic!("{}", stand.name()) };
        assert_eq!(order.what.zh, "正在确认支付结果");
        assert!(!stand.view().can.quit && !stand.view().can.back);
        stand.wire = Wire::Good;
        stand.pass(2_000);
        let Screen::Result { order, .. } = stand.screen() else { panic!("{}", stand.name()) };
        assert_eq!(order.state, state);
        assert_eq!(stand.paper.len(), usize::from(paid_behind));
    }
    // Nobody answers: after half a minute the customer is let go, with words of doubt.
    let mut stand = Stand::new();
    stand.reach_code();
    stand.wire = Wire::Cut;
    stand.touch(Intent::Cancel);
    stand.pass(30_000);
    assert_eq!(stand.trouble(), "confirming");
    let Screen::Trouble { order_no, .. } = stand.screen() else { panic!() };
    assert!(order_no.is_some());
    stand.pass(30_000);
    assert!(stand.is_home());
    assert_eq!(stand.session.open_sales(), 1, "it is asked about until it is known");
    stand.wire = Wire::Good;
    stand.pass(70_000);
    assert_eq!(stand.session.open_sales(), 0);
}

#[test]
fn a_payment_after_the_end_is_not_shown_to_the_next_one() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.pass(131_000);
    assert!(stand.is_home());
    let order = stand.order();
    stand.look_up();
    // Paid after it was closed: the server's policy, and the next customer sees their own meter.
    stand.server.move_to(order, OrderState::PowerOn);
    stand.feed(terminal::session::Event::Moved { order });
    stand.pass(10_000);
    assert_eq!(stand.name(), "account");
    assert!(stand.paper.is_empty());
}

#[test]
fn an_answer_to_an_earlier_customer_is_dropped() {
    let mut stand = Stand::new();
    stand.wire = Wire::Slow;
    stand.look_up();
    assert_eq!(stand.name(), "busy");
    stand.touch(Intent::Quit);
    stand.touch(Intent::Start { errand: Errand::Balance });
    assert_eq!(stand.name(), "identify");
    stand.wire = Wire::Good;
    stand.pass(1_000);
    assert_eq!(stand.name(), "identify");
    stand.assert_nobodys();
}

#[test]
fn a_late_notification_is_found_by_asking() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.set(OrderState::Confirming);
    stand.pass(2_500);
    assert_eq!(stand.name(), "confirming");
    stand.pass(28_000);
    assert_eq!(stand.name(), "confirming");
    let asked = stand.server.calls.iter().filter(|c| matches!(c, Call::Order { .. })).count();
    assert!((14..=16).contains(&asked), "every two seconds: {asked}");
    stand.set(OrderState::Paid);
    stand.pass(2_000);
    assert_eq!(stand.name(), "result");
}

#[test]
fn the_other_wallet_is_offered_only_once_the_first_is_closed() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.wire = Wire::Slow;
    stand.touch(Intent::OtherWallet);
    assert_eq!(stand.name(), "confirming");
    assert_eq!(stand.server.orders.len(), 1);
    stand.wire = Wire::Good;
    stand.pass(1_000);
    assert!(stand.shows_code());
    let states: Vec<_> =
        stand.server.orders.values().map(|o| (o.state, o.wallet.clone())).collect();
    assert_eq!(states[0], (OrderState::Closed, "wechat".to_owned()));
    assert_eq!(states[1], (OrderState::AwaitingPayment, "alipay".to_owned()));
    // Paid after all: no second order is ever made.
    let mut stand = Stand::new();
    stand.reach_code();
    stand.server.paid_behind = true;
    stand.touch(Intent::OtherWallet);
    assert_eq!(stand.name(), "result");
    assert_eq!(stand.server.orders.len(), 1);
}

#[test]
fn an_amount_that_differs_is_held_and_said_so() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.set(OrderState::Held);
    stand.pass(2_000);
    let Screen::Result { order, .. } = stand.screen() else { panic!("{}", stand.name()) };
    assert_eq!(order.state, OrderState::Held);
    assert_eq!(stand.paper.len(), 1, "a receipt says that it is being looked into");
}

#[test]
fn paid_with_the_meter_offline_prints_a_receipt_that_says_so() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.set(OrderState::PaidOffline);
    stand.pass(2_000);
    assert_eq!(stand.receipt().0, "printed");
    assert_eq!(stand.paper.len(), 1);
    // It comes through while the customer still stands there: told, and not printed again.
    stand.set(OrderState::PowerOn);
    stand.pass(2_000);
    let Screen::Result { order, .. } = stand.screen() else { panic!("{}", stand.name()) };
    assert_eq!(order.state, OrderState::PowerOn);
    assert_eq!(stand.paper.len(), 1);
}

#[test]
fn paid_with_an_unknown_credit_is_doubt_and_not_failure() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.set(OrderState::InDoubt);
    stand.pass(2_000);
    let Screen::Result { order, .. } = stand.screen() else { panic!("{}", stand.name()) };
    assert_eq!(order.state, OrderState::InDoubt);
    let drawn = serde_json::to_string(&stand.view()).unwrap();
    assert!(!drawn.contains("失败"));
}

#[test]
fn what_was_paid_is_never_shown_as_closed_again() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.set(OrderState::Paid);
    stand.pass(2_000);
    for back in [OrderState::Closed, OrderState::AwaitingPayment, OrderState::Confirming] {
        stand.set(back);
        stand.pass(2_500);
        let Screen::Result { order, .. } = stand.screen() else { panic!("{}", stand.name()) };
        assert_eq!(order.state, OrderState::Paid, "after {back:?}");
    }
}

#[test]
fn without_paper_one_is_asked_before_paying() {
    let mut stand = Stand::new();
    stand.printer = paper("paper_out");
    stand.reach_code();
    assert_eq!(stand.name(), "no_paper");
    assert!(stand.server.orders.is_empty());
    stand.touch(Intent::AcceptNoPaper);
    assert!(stand.shows_code());
    assert!(stand.server.drafts.values().all(|(_, draft)| draft.without_paper));
    stand.set(OrderState::PowerOn);
    stand.pass(2_000);
    let Screen::Result { receipt, receipt_svg, reprint, .. } = stand.screen() else { panic!() };
    assert_eq!((receipt.as_str(), reprint), ("none", false));
    assert!(receipt_svg.unwrap().contains("<svg"), "the electronic receipt is there instead");
    // Back from the question is back to the amounts.
    let mut stand = Stand::new();
    stand.printer = paper("paper_out");
    stand.reach_code();
    stand.touch(Intent::Back);
    assert_eq!(stand.name(), "amount");
}

#[test]
fn paper_that_ends_after_paying_is_told_and_not_tried_again_by_itself() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.printer = paper("paper_out");
    stand.world(Change::Printer(paper("paper_out")));
    stand.prints_end = Some(PrintOutcome::PaperOut);
    stand.set(OrderState::PowerOn);
    stand.pass(2_000);
    let Screen::Result { order, receipt, receipt_svg, reprint, .. } = stand.screen() else {
        panic!("{}", stand.name())
    };
    assert_eq!((receipt.as_str(), reprint), ("paper_out", false));
    assert!(receipt_svg.is_some() && !order.order_no.is_empty());
    stand.pass(28_000);
    assert_eq!(stand.name(), "result", "it stays for thirty seconds");
    assert_eq!(stand.paper.len(), 1);
    assert_eq!(stand.server.printed.last().unwrap().1, PrintOutcome::PaperOut);
}

#[test]
fn paper_that_ends_in_mid_print_is_printed_whole_again_only_when_asked() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.prints_end = Some(PrintOutcome::PaperOut);
    stand.set(OrderState::PowerOn);
    stand.pass(2_000);
    stand.prints_end = Some(PrintOutcome::Printed);
    stand.world(Change::Printer(paper("ready")));
    stand.pass(10_000);
    assert_eq!(stand.paper.len(), 1, "nothing by itself");
    stand.touch(Intent::Reprint);
    assert_eq!(stand.receipt(), ("printed".to_owned(), false));
    let automatic: Vec<bool> = stand.server.prints.values().map(|(_, auto)| *auto).collect();
    assert_eq!(automatic.iter().filter(|auto| **auto).count(), 1);
    assert_eq!(automatic.len(), 2);
    let Screen::Result { copies, .. } = stand.screen() else { panic!() };
    assert_eq!(copies, 1, "补打第 1 次");
}

#[test]
fn a_print_nobody_knows_of_may_be_asked_for_once_more() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.prints_end = Some(PrintOutcome::Unknown);
    stand.set(OrderState::PowerOn);
    stand.pass(2_000);
    assert_eq!(stand.receipt(), ("unknown".to_owned(), true));
    assert!(stand.view().countdown.unwrap().left_ms >= 18_000);
    stand.touch(Intent::Reprint);
    assert_eq!(stand.receipt(), ("unknown".to_owned(), false));
    stand.touch(Intent::Reprint);
    assert_eq!(stand.paper.len(), 2);
    // A printer that never says anything at all is given up on, and called unknown.
    let mut stand = Stand::new();
    stand.reach_code();
    stand.prints_end = None;
    stand.set(OrderState::PowerOn);
    stand.pass(28_000);
    assert_eq!(stand.receipt(), ("printing".to_owned(), false));
    stand.pass(60_000);
    assert_eq!(stand.server.printed.last().unwrap().1, PrintOutcome::Unknown);
}

#[test]
fn a_printer_with_its_cover_open_is_told_before_paying_and_may_close_the_kiosk() {
    for state in ["cover_open", "cutter", "offline", "unknown", "none"] {
        let mut stand = Stand::new();
        stand.printer = paper(state);
        stand.reach_code();
        assert!(matches!(stand.screen(), Screen::NoPaper { printer } if printer == state));
    }
    let mut stand = Stand::new();
    let settings = kiosk_wire::device::Settings { printer_required: true, ..stand::settings() };
    stand.world(Change::Settings(Box::new(settings)));
    stand.world(Change::Printer(paper("cover_open")));
    assert!(matches!(stand.screen(), Screen::Home { closed: Some(_), .. }));
    stand.world(Change::Printer(paper("ready")));
    stand.printer = paper("cover_open");
    stand.reach_code();
    assert_eq!(stand.trouble(), "printer_required", "it went between home and the order");
    assert!(stand.server.orders.is_empty());
}

#[test]
fn whoever_leaves_while_it_is_credited_leaves_nothing_behind() {
    let mut stand = Stand::new();
    stand.touch(Intent::Elder { on: true });
    stand.reach_code();
    stand.set(OrderState::Paid);
    stand.pass(2_000);
    stand.touch(Intent::Quit);
    assert!(stand.is_home());
    assert!(!stand.view().mode.elder, "the mode went with the customer");
    stand.set(OrderState::PowerOn);
    stand.pass(60_000);
    assert!(stand.is_home());
    stand.assert_nobodys();
    assert!(stand.paper.is_empty(), "left for 补打");
    // A print that has begun goes on without the customer, and its end is told.
    let mut stand = Stand::new();
    stand.reach_code();
    stand.prints_end = None;
    stand.set(OrderState::PowerOn);
    stand.pass(2_000);
    stand.touch(Intent::Quit);
    let print = stand.paper[0];
    let (outcome, paper_mm) = (PrintOutcome::Printed, 140);
    stand.feed(terminal::session::Event::Printed { print, outcome, paper_mm });
    assert_eq!(stand.server.printed, [(print, PrintOutcome::Printed)]);
    assert!(stand.is_home());
}

#[test]
fn a_power_cut_with_the_code_shown_closes_or_credits_the_order() {
    for (paid_behind, state) in [(false, OrderState::Closed), (true, OrderState::PowerOn)] {
        let mut stand = Stand::new();
        stand.reach_code();
        let order = stand.order();
        stand.server.paid_behind = paid_behind;
        let mut stand = stand.reborn();
        assert!(stand.is_home());
        stand.pass(1_000);
        assert_eq!(stand.server.orders[&order].state, state);
        stand.assert_nobodys();
        let Up::Abandoned { order: told, step, .. } = &stand.told[0] else { panic!() };
        assert_eq!((told, step.as_str()), (&Some(order), "qr_shown"));
        assert_eq!(stand.journal.open_ones().sales.len(), 0);
        assert!(stand.paper.is_empty());
    }
}

#[test]
fn an_order_the_server_has_lost_is_asked_for_until_it_says_that_a_person_looks_after_it() {
    for (code, is_over) in [("not_found", false), ("kiosk.order_unknown", true)] {
        let mut stand = Stand::new();
        stand.reach_code();
        stand.server.orders.clear();
        stand.server.lost = Some(code);
        let mut stand = stand.reborn();
        stand.pass(200_000);
        assert_eq!(stand.session.open_sales() == 0, is_over, "{code}");
        let asked = stand.server.calls.len();
        stand.pass(200_000);
        assert_eq!(stand.server.calls.len() == asked, is_over, "{code}");
    }
}

#[test]
fn a_power_cut_after_paying_leaves_nothing_to_do_here() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.printer = paper("paper_out");
    stand.wire = Wire::Good;
    stand.set(OrderState::Paid);
    stand.pass(2_000);
    let mut stand = stand.reborn();
    stand.pass(10_000);
    assert!(stand.is_home());
    assert_eq!(stand.session.open_sales(), 0);
    assert!(stand.paper.is_empty());
}

#[test]
fn a_power_cut_during_printing_never_prints_by_itself_again() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.prints_end = None;
    stand.set(OrderState::PowerOn);
    stand.pass(2_000);
    let print = stand.paper[0];
    let mut stand = stand.reborn();
    stand.pass(60_000);
    assert_eq!(stand.paper, [print]);
    assert_eq!(stand.server.printed, [(print, PrintOutcome::Unknown)]);
    // Whoever comes back with the order's number may have a copy.
    stand.touch(Intent::Start { errand: Errand::Receipt });
    // The keypad has digits and no letters.
    stand.touch(Intent::Typed { text: "2611211431480400".to_owned() });
    stand.touch(Intent::Typed { text: "0803".to_owned() });
    assert_eq!(stand.receipt(), ("none".to_owned(), true));
    stand.touch(Intent::Reprint);
    assert_eq!(stand.paper.len(), 2);
    let Screen::Result { copies, .. } = stand.screen() else { panic!() };
    assert_eq!(copies, 1);
}

#[test]
fn a_meter_that_does_not_answer_is_not_paid_for() {
    let mut stand = Stand::new();
    stand.server.read = ReadOutcome::Silent;
    stand.look_up();
    assert!(matches!(stand.screen(), Screen::Account { closed: Some(_), .. }));
    stand.touch(Intent::TopUp);
    assert_eq!(stand.name(), "account");
    stand.server.read = ReadOutcome::Fresh;
    stand.touch(Intent::ReadNow);
    stand.touch(Intent::TopUp);
    assert_eq!(stand.name(), "amount");
    // A reading that has grown old is taken again before the order.
    stand.touch(Intent::Amount { fen: 2_000 });
    for fen in [5_000, 2_000, 5_000] {
        stand.pass(50_000);
        stand.touch(Intent::Amount { fen });
    }
    let reads = |stand: &Stand| {
        stand.server.calls.iter().filter(|call| matches!(call, Call::Read { .. })).count()
    };
    let before = reads(&stand);
    stand.touch(Intent::Pay { wallet: "wechat".to_owned() });
    assert_eq!(reads(&stand), before + 1);
    assert!(stand.shows_code());
}

#[test]
fn a_page_that_is_drawn_anew_sees_the_same() {
    let mut stand = Stand::new();
    stand.reach_code();
    // The page holds no truth: it went away and was drawn again, and asks for the view.
    let before = stand.screen();
    for _ in 0..5 {
        assert_eq!(stand.screen(), before);
    }
    assert!(stand.shows_code());
    stand.set(OrderState::PowerOn);
    stand.pass(2_000);
    assert_eq!(stand.screen(), stand.screen());
    assert_eq!(stand.paper.len(), 1);
}

#[test]
fn a_core_that_died_goes_on_from_its_journal() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.set(OrderState::Paid);
    stand.pass(2_000);
    let mut stand = stand.reborn();
    assert!(stand.is_home());
    stand.assert_nobodys();
    stand.reach_code();
    assert!(stand.shows_code(), "the next one is served");
    assert_eq!(stand.server.orders.len(), 2);
}

#[test]
fn a_restart_from_afar_waits_for_the_customer_and_never_cuts_a_card_write() {
    let power = [Verb::RestartApp, Verb::Reboot, Verb::Shutdown, Verb::Update];
    let check = |stand: &Stand, want: May, cancel: May, at: &str| {
        for verb in power {
            assert_eq!(stand.session.may(verb), want, "{verb:?} {at}");
        }
        assert_eq!(stand.session.may(Verb::CancelSession), cancel, "{at}");
        assert_eq!(stand.session.may(Verb::Screenshot), May::Now);
    };
    let mut stand = Stand::new();
    check(&stand, May::Now, May::Now, "at home");
    stand.look_up();
    check(&stand, May::Defer("session"), May::Now, "at the account");
    stand.touch(Intent::Quit);
    stand.reach_code();
    check(&stand, May::Defer("session"), May::Now, "with the code shown");
    stand.set(OrderState::Confirming);
    stand.pass(2_500);
    check(&stand, May::Defer("money"), May::Refuse("money"), "while it is checked");
    stand.set(OrderState::Paid);
    stand.pass(2_500);
    check(&stand, May::Defer("money"), May::Refuse("money"), "paid");
    stand.remote(Remote::Cancel);
    assert_eq!(stand.name(), "result", "what may not be is not done");
    // Locked, it serves the one who is there and nobody after.
    stand.remote(Remote::Lock(Text::new("检修", "Maintenance")));
    assert_eq!(stand.name(), "result");
    stand.touch(Intent::Quit);
    assert!(matches!(stand.screen(), Screen::OutOfService { reason, .. } if reason == "locked"));
    stand.touch(Intent::Start { errand: Errand::TopUp });
    assert_eq!(stand.name(), "out_of_service");
    stand.remote(Remote::Unlock);
    assert!(stand.is_home());
    // Cancelled from afar with the code shown: the provider is asked as ever.
    stand.reach_code();
    stand.remote(Remote::Cancel);
    assert!(matches!(stand.screen(), Screen::Result { order, .. }
        if order.state == OrderState::Closed));
    let mut stand = Stand::new();
    stand.reach_code_by_card(UID);
    stand.pen = Pen::Stuck;
    stand.set(OrderState::AwaitingCard);
    stand.pass(2_000);
    check(&stand, May::Refuse("card"), May::Refuse("card"), "while a card is written");
    assert!(!stand.view().can.quit && !stand.view().can.back, "no button at all");
    stand.pass(200_000);
    assert_eq!(stand.card_step(), "writing", "no clock ends a write");
}

#[test]
fn when_the_disk_is_full_nothing_that_was_to_be_journalled_is_done() {
    // Before the order: nothing is asked for.
    let mut stand = Stand::new();
    stand.choose(5_000);
    stand.disk.0.lock().unwrap().full = true;
    stand.touch(Intent::Pay { wallet: "wechat".to_owned() });
    assert!(stand.server.orders.is_empty());
    assert_eq!(stand.trouble(), "disk");
    stand.pass(31_000);
    assert!(matches!(stand.screen(), Screen::OutOfService { reason, .. } if reason == "disk"));
    stand.touch(Intent::Start { errand: Errand::TopUp });
    assert_eq!(stand.name(), "out_of_service");
    // Before the code: it is not shown, and the order is closed.
    let mut stand = Stand::new();
    stand.choose(5_000);
    stand.wire = Wire::Slow;
    stand.touch(Intent::Pay { wallet: "wechat".to_owned() });
    stand.disk.0.lock().unwrap().full = true;
    stand.wire = Wire::Good;
    stand.feed(terminal::session::Event::Tick);
    assert!(!stand.shows_code(), "{}", stand.name());
    stand.pass(31_000);
    assert_eq!(stand.server.orders.values().next().unwrap().state, OrderState::Closed);
    // Before a print and before a card: neither happens; the money is safe with the server.
    let mut stand = Stand::new();
    stand.reach_code();
    stand.disk.0.lock().unwrap().full = true;
    stand.set(OrderState::PowerOn);
    stand.pass(3_000);
    assert_eq!(stand.name(), "result");
    assert!(stand.paper.is_empty());
    let mut stand = Stand::new();
    stand.reach_code_by_card(UID);
    stand.lift();
    stand.set(OrderState::AwaitingCard);
    stand.pass(2_000);
    stand.disk.0.lock().unwrap().full = true;
    stand.lay(UID);
    assert!(stand.writes.is_empty());
    assert_eq!(stand.card_step(), "broken");
    // Mended, it serves again.
    stand.disk.0.lock().unwrap().full = false;
    stand.journal.mend().unwrap();
    stand.pass(70_000);
    stand.world(Change::Journal { writable: true });
    assert!(stand.is_home());
}

#[test]
fn a_wrong_clock_takes_no_payments() {
    for (ms, open) in
        [(0, true), (299_000, true), (-299_000, true), (301_000, false), (-301_000, false)]
    {
        let mut stand = Stand::new();
        stand.world(Change::Skew { ms });
        let Screen::Home { closed, .. } = stand.screen() else { panic!() };
        assert_eq!(closed.is_none(), open, "{ms} ms");
    }
    let mut stand = Stand::new();
    stand.choose(5_000);
    stand.world(Change::Skew { ms: 400_000 });
    stand.touch(Intent::Pay { wallet: "wechat".to_owned() });
    assert_eq!(stand.trouble(), "clock");
    assert!(stand.server.orders.is_empty());
}

#[test]
fn content_that_comes_later_never_moves_a_customers_screen() {
    let mut stand = Stand::new();
    stand.choose(5_000);
    let before = stand.screen();
    let content = kiosk_wire::content::HomeContent {
        version: 9,
        company: Text::new("和园物业", "Heyuan"),
        ..kiosk_wire::content::HomeContent::default()
    };
    stand.world(Change::Content(Box::new(content), None));
    assert_eq!(stand.screen(), before);
    stand.touch(Intent::Quit);
    let Screen::Home { content, .. } = stand.screen() else { panic!() };
    assert_eq!(content.version, 9);
}

#[test]
fn the_pictures_of_the_home_screen_are_those_whose_time_it_is() {
    use kiosk_wire::content::{Advert, File, HomeContent};
    let advert = |name: &str, kind: &str, from_time: &str, weekdays: &[u8]| Advert {
        file: File { sha256: name.to_owned(), bytes: 9, media_type: kind.to_owned() },
        title: Text::new("公告", "Notice"),
        seconds: 12,
        from_day: String::new(),
        until_day: String::new(),
        from_time: from_time.to_owned(),
        until_time: String::new(),
        weekdays: weekdays.to_vec(),
    };
    let many: Vec<String> = (0..9).map(|n| format!("n{n}")).collect();
    let base = "http://127.0.0.1:4807/k7Qm";
    // It is Saturday, two in the afternoon in China.
    let table: [(Option<&str>, Vec<Advert>, &[&str]); 6] = [
        (Some(base), vec![], &[]),
        (None, vec![advert("a", "image/png", "", &[])], &[]),
        (Some(base), vec![advert("a", "image/png", "", &[])], &["a"]),
        (Some(base), vec![advert("a", "video/mp4", "", &[])], &[]),
        (
            Some(base),
            vec![
                advert("b", "image/jpeg", "14:00", &[]),
                advert("c", "image/png", "14:01", &[]),
                advert("d", "image/webp", "", &[6]),
                advert("e", "image/webp", "", &[1, 7]),
            ],
            &["b", "d"],
        ),
        (
            Some(base),
            many.iter().map(|name| advert(name, "image/png", "", &[])).collect(),
            &["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"],
        ),
    ];
    for (media, playlist, want) in table {
        let mut stand = Stand::new();
        media.into_iter().for_each(|base| stand.world(Change::Media(base.to_owned())));
        let content = HomeContent { version: 1, playlist, ..HomeContent::default() };
        stand.world(Change::Content(Box::new(content), None));
        let Screen::Home { pictures, .. } = stand.screen() else { panic!("not at home") };
        let urls: Vec<String> = want.iter().map(|name| format!("{base}/{name}")).collect();
        assert_eq!(pictures.iter().map(|p| p.url.clone()).collect::<Vec<_>>(), urls);
        assert!(pictures.iter().all(|p| p.seconds == 12 && p.title.zh == "公告"));
    }
}

#[test]
fn revoked_in_mid_session_the_money_path_is_finished_first() {
    let mut stand = Stand::new();
    stand.reach_code();
    stand.server.revoked = true;
    stand.world(Change::Revoked(true));
    assert_eq!(stand.name(), "pay");
    stand.set(OrderState::PowerOn);
    stand.pass(2_500);
    assert_eq!(stand.name(), "result", "open orders are still answered");
    assert_eq!(stand.paper.len(), 1);
    stand.pass(31_000);
    assert!(matches!(stand.screen(), Screen::OutOfService { reason, .. } if reason == "revoked"));
    // Whoever has not paid is sent away at once.
    let mut stand = Stand::new();
    stand.choose(5_000);
    stand.server.revoked = true;
    stand.touch(Intent::Pay { wallet: "wechat".to_owned() });
    assert_eq!(stand.name(), "out_of_service");
    assert!(stand.server.orders.is_empty());
    stand.assert_nobodys();
}

#[test]
fn a_finger_that_never_lets_go_does_not_keep_a_session_alive() {
    let mut stand = Stand::new();
    stand.reach_code();
    // A stuck panel touches the same spot over and over: the code's time is not made longer.
    for _ in 0..240 {
        stand.touch(Intent::More);
        stand.pass(500);
    }
    assert!(!stand.shows_code());
    let name = stand.name();
    assert!(["still_there", "amount"].contains(&name.as_str()), "{name}");
    assert_eq!(stand.server.orders.len(), 1);
    // Nor does it keep anybody's figures on the screen.
    let mut stand = Stand::new();
    stand.look_up();
    for _ in 0..1_400 {
        stand.touch(Intent::More);
        stand.pass(1_000);
    }
    assert!(stand.is_home());
    let stuck = |up: &Up| matches!(up, Up::Fault { name, .. } if name == "touch_stuck");
    assert_eq!(stand.told.iter().filter(|up| stuck(up)).count(), 1, "told once");
}

#[test]
fn a_stolen_kiosk_holds_no_names_numbers_or_keys() {
    let mut stand = Stand::new();
    stand.reach_code_by_card(UID);
    stand.pen = Pen::Stuck;
    stand.set(OrderState::AwaitingCard);
    stand.pass(2_000);
    let disk = String::from_utf8(stand.disk.0.lock().unwrap().bytes.clone()).unwrap();
    assert!(disk.contains("writing"));
    for secret in [HOLDER, PLACE, METER, "0803", CODE, "a0a1a2a3a4a5", "m-1", "YF2611"] {
        assert!(!disk.contains(secret), "{secret} in the journal");
    }
    let debug = format!("{:?}", stand.session);
    assert!(!debug.contains("a0a1a2a3a4a5"), "keys are not even printed");
}

#[test]
fn the_first_touch_on_adverts_or_a_dark_screen_only_wakes() {
    let mut stand = Stand::new();
    let advert = terminal::session::Showing {
        url: "http://127.0.0.1:1/t/aa".to_owned(),
        media: "image".to_owned(),
        title: Text::new("节水", "Save water"),
        play: 3,
    };
    stand.world(Change::Advert(Some(advert)));
    assert!(stand.is_home());
    stand.pass(60_000);
    assert_eq!(stand.name(), "attract");
    stand.touch(Intent::Start { errand: Errand::TopUp });
    assert!(stand.is_home(), "a button nobody could see was not pressed");
    stand.touch(Intent::Start { errand: Errand::TopUp });
    assert_eq!(stand.name(), "identify");
    stand.pass(55_000);
    assert_eq!(stand.name(), "identify", "no adverts in a session");
    // 14:00 local time is within the dark hours.
    let mut stand = Stand::new();
    let settings = kiosk_wire::device::Settings {
        dark_from: "13:00".to_owned(),
        dark_until: "06:00".to_owned(),
        ..stand::settings()
    };
    stand.world(Change::Settings(Box::new(settings)));
    stand.pass(60_000);
    assert!(stand.view().mode.dark);
    stand.session.set_dark(stand::now(stand.at_ms));
    stand.touch(Intent::Start { errand: Errand::TopUp });
    assert!(stand.is_home() && !stand.view().mode.dark);
    stand.touch(Intent::Start { errand: Errand::TopUp });
    assert_eq!(stand.name(), "identify");
}

//! The power goes at every line of the journal: before it is written, and right after.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kiosk_wire::{channel::Up, order::OrderState, receipt::PrintOutcome};
use terminal::{
    intent::{Errand, Intent},
    view::Screen,
};

mod stand;

use stand::{Dies, Disk, Pen, Stand, UID, server::Server};

/// One sale from the first touch to home.
fn sell(stand: &mut Stand, by_card: bool) {
    if by_card {
        stand.reach_code_by_card(UID);
    } else {
        stand.reach_code();
    }
    stand.pass(4_000);
    if stand.dead || stand.server.orders.is_empty() {
        return;
    }
    stand.set(if by_card { OrderState::AwaitingCard } else { OrderState::OnMeter });
    stand.pass(4_000);
    if !by_card && !stand.dead {
        stand.set(OrderState::PowerOn);
    }
    stand.pass(40_000);
}

fn lines_of(by_card: bool) -> usize {
    let mut stand = Stand::new();
    sell(&mut stand, by_card);
    assert!(stand.is_home());
    assert_eq!(stand.paper.len(), 1);
    let open = stand.journal.open_ones();
    assert!(open.sales.is_empty() && open.prints.is_empty(), "{open:?}");
    stand.lines.len()
}

#[test]
fn killed_after_every_journal_line_a_sale_keeps_its_invariants() {
    for by_card in [false, true] {
        let lines = lines_of(by_card);
        assert!(lines >= if by_card { 10 } else { 8 }, "{lines} lines");
        for line in 0..lines {
            for dies in [Dies::Before, Dies::After] {
                for paid_behind in [false, true] {
                    let mut stand = Stand::on(Disk::default(), Server::default(), 1);
                    stand.dies_at = Some((line, dies));
                    sell(&mut stand, by_card);
                    assert!(stand.dead, "line {line} was never written");
                    // Whoever paid in the wallet while the screen was dark has paid.
                    stand.server.paid_behind = paid_behind && !by_card;
                    let at = format!("card {by_card}, line {line}, {dies:?}, paid {paid_behind}");
                    let before = (stand.paper.len(), stand.server.orders.len());
                    check_after(stand.reborn(), by_card, before, &at);
                }
            }
        }
    }
}

/// What has to hold once the power is back, with nobody there.
fn check_after(mut stand: Stand, by_card: bool, before: (usize, usize), at: &str) {
    assert!(stand.is_home(), "{at}: {}", stand.name());
    stand.assert_nobodys();
    stand.pass(200_000);
    assert!(stand.is_home(), "{at}");
    stand.assert_nobodys();
    // KI5, KI6: nothing is ordered or printed by a kiosk that comes back.
    assert_eq!((stand.paper.len(), stand.server.orders.len()), before, "{at}");
    for (session, orders) in sessions(&stand) {
        assert_eq!(orders, 1, "{at}: session {session}");
    }
    // KI1, KI3: the server decides, and decides about every order.
    for view in stand.server.orders.values() {
        let open = [OrderState::AwaitingPayment, OrderState::Confirming];
        assert!(!open.contains(&view.state), "{at}: {:?}", view.state);
    }
    let automatic = stand.server.prints.values().filter(|(_, automatic)| *automatic).count();
    assert!(automatic <= 1, "{at}");
    // Of every receipt whose bytes went out the server knows how it ended.
    for print in &stand.paper {
        let ends = stand.server.printed.iter().filter(|(id, _)| id == print);
        let ends: Vec<PrintOutcome> = ends.map(|(_, outcome)| *outcome).collect();
        assert!(!ends.is_empty(), "{at}: {print} was never told");
    }
    assert!(stand.told.iter().all(|up| matches!(up, Up::Abandoned { .. })), "{at}");
    if by_card {
        finish_card(&mut stand, at);
    }
    let open = stand.journal.open_ones();
    assert!(open.sales.is_empty() && open.prints.is_empty(), "{at}: {open:?}");
    // And the next customer is served.
    stand.server.model = "platform";
    stand.reach_code();
    assert!(stand.shows_code(), "{at}: {}", stand.name());
}

/// Money that waits for its card gets there, once, with the one voucher.
fn finish_card(stand: &mut Stand, at: &str) {
    let waits = stand.server.orders.values().any(|view| view.state == OrderState::AwaitingCard);
    let Screen::Home { unfinished, .. } = stand.screen() else { panic!("{at}") };
    assert_eq!(unfinished.is_some(), waits, "{at}");
    if waits {
        stand.pen = Pen::Good;
        stand.touch(Intent::Start { errand: Errand::Card });
        stand.lay(UID);
        stand.pass(3_000);
        stand.touch(Intent::Quit);
        stand.pass(1_000);
        assert!(stand.is_home(), "{at}");
    }
    let vouchers: Vec<_> = stand.writes.iter().map(|(id, seq, _)| (*id, *seq)).collect();
    assert!(vouchers.windows(2).all(|two| two[0] == two[1]), "{at}: {vouchers:?}");
    assert!(stand.server.vouchers.len() <= 1, "{at}");
    let on_card = stand.server.on_card.len();
    let paid = stand.server.orders.values().filter(|view| view.state.is_paid()).count();
    assert_eq!(on_card, paid, "{at}: what was paid is on the card, once");
}

fn sessions(stand: &Stand) -> Vec<(uuid::Uuid, usize)> {
    let drafts = stand.server.drafts.values();
    drafts.map(|(_, draft)| (draft.session, stand.server.orders_of(draft.session))).collect()
}

#[test]
fn killed_twice_at_every_line_it_still_asks_for_nothing_twice() {
    let lines = lines_of(true);
    for first in 0..lines {
        for second in 0..4 {
            let mut stand = Stand::new();
            stand.dies_at = Some((first, Dies::After));
            sell(&mut stand, true);
            let before = (stand.paper.len(), stand.server.orders.len());
            let mut stand = stand.reborn();
            stand.dies_at = Some((second, Dies::After));
            stand.touch(Intent::Start { errand: Errand::Card });
            stand.lay(UID);
            stand.pass(5_000);
            let prints = stand.paper.len().max(before.0);
            let mut stand = stand.reborn();
            stand.pass(200_000);
            let at = format!("lines {first} and {second}");
            assert_eq!(stand.server.orders.len(), before.1, "{at}");
            assert_eq!(stand.paper.len(), prints, "{at}");
            finish_card(&mut stand, &at);
        }
    }
}

//! Book → bill → rows = book.

use std::sync::{
    LazyLock,
    atomic::{AtomicU32, Ordering},
};

use domain::BusinessDay;
use proptest::prelude::*;
use provider_simulator::{PastOrder, PastRefund, ProviderKind, RefundStatus};

use crate::support::*;

const DAY_MS: i64 = 86_400_000;
const KINDS: [ProviderKind; 2] = [ProviderKind::WechatPay, ProviderKind::Alipay];

/// One world for all cases; each has days of its own.
static WORLD: LazyLock<World> = LazyLock::new(World::new);
static CASES: AtomicU32 = AtomicU32::new(0);

/// What a case enters: name, amount, moment of the day, and per refund amount, delay, end.
type Sale = (String, i64, i64, Vec<(i64, i64, RefundStatus)>);

fn sales() -> impl Strategy<Value = Vec<Sale>> {
    let letter = prop::sample::select(vec![
        '电', '费', '3', '栋', ' ', '`', ',', '\n', '"', '\\', '#', '\t', '🔌', '(', '）',
    ]);
    let name = prop::collection::vec(letter, 0..8).prop_map(|name| name.into_iter().collect());
    let end = prop::sample::select(vec![
        RefundStatus::Success,
        RefundStatus::Processing,
        RefundStatus::Abnormal,
        RefundStatus::Closed,
    ]);
    let refund = (1_i64..20_000, 0..2 * DAY_MS, end);
    let refunds = prop::collection::vec(refund, 0..3);
    let moment = prop_oneof![Just(0), Just(DAY_MS - 1), 0..DAY_MS];
    prop::collection::vec((name, 1_i64..50_000, moment, refunds), 1..12)
}

fn after(day: BusinessDay, days: i64) -> BusinessDay {
    BusinessDay::from_date(day.date() + chrono::TimeDelta::days(days))
}

/// Enters the sales at both providers; answers their first day.
fn enter(world: &World, sales: &[Sale]) -> BusinessDay {
    let case = CASES.fetch_add(1, Ordering::SeqCst);
    let first = after(day("2026-01-01"), i64::from(case) * 4);
    let midnight_ms = first.start().timestamp_millis();
    for provider in KINDS {
        let orders = sales.iter().enumerate().map(|(at, (name, fen, moment_ms, refunds))| {
            let refunds = refunds.iter().enumerate();
            PastOrder {
                provider,
                merchant: merchant_of(provider).to_owned(),
                out_trade_no: format!("R{case}X{at}"),
                description: name.clone(),
                total_fen: *fen,
                paid_ms: midnight_ms + moment_ms,
                refunds: refunds
                    .map(|(part, (refund_fen, later_ms, status))| PastRefund {
                        out_refund_no: format!("F{case}X{at}P{part}"),
                        refund_fen: *refund_fen,
                        settled_ms: midnight_ms + moment_ms + later_ms,
                        status: *status,
                    })
                    .collect(),
            }
        });
        assert_eq!(world.provider.enter(orders).len(), sales.len());
    }
    first
}

fn sorted(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort();
    lines
}

/// What moved on the account: each amount, and each fee the other way.
fn moved(lines: &[Line], is_done: impl Fn(&Line) -> bool) -> Vec<i64> {
    let done = lines.iter().filter(|line| is_done(line));
    let mut moved: Vec<i64> =
        done.flat_map(|line| [line.amount_fen, -line.fee_fen]).filter(|fen| *fen != 0).collect();
    moved.sort_unstable();
    moved
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_bill_that_nobody_bent_is_the_book(sales in sales()) {
        let world = &*WORLD;
        let first = enter(world, &sales);
        for provider in KINDS {
            for later in 0..3 {
                let day = after(first, later);
                let lines = world.trades(provider, day).unwrap();
                prop_assert!(lines.is_sorted_by_key(|line| line.at_s));
                let want = book(&world.provider, provider, day);
                prop_assert_eq!(sorted(lines), sorted(want), "{:?} {:?}", provider, day);
            }
        }
    }

    #[test]
    fn the_account_moves_by_what_the_book_says(sales in sales()) {
        let world = &*WORLD;
        let day = enter(world, &sales);
        let lines = book(&world.provider, ProviderKind::WechatPay, day);
        let done = |line: &Line| line.out_refund_no.is_none() || line.state == "SUCCESS";
        let flows = world.wechat_flows(day).unwrap();
        let mut amounts: Vec<i64> = flows.iter().map(|row| match row.direction {
            connector::wechat_pay::bill::Direction::In => row.amount.fen(),
            connector::wechat_pay::bill::Direction::Out => -row.amount.fen(),
        }).collect();
        let balance = flows.last().map(|row| row.balance.fen());
        prop_assert_eq!(balance, Some(amounts.iter().sum()));
        amounts.sort_unstable();
        prop_assert_eq!(amounts, moved(&lines, done));

        let lines = book(&world.provider, ProviderKind::Alipay, day);
        let flows = world.alipay_flows(day).unwrap();
        let mut amounts: Vec<i64> = flows.iter().map(|row| row.amount.fen()).collect();
        let balance = flows.last().map(|row| row.balance.fen());
        prop_assert_eq!(balance, Some(amounts.iter().sum()));
        amounts.sort_unstable();
        prop_assert_eq!(amounts, moved(&lines, |_| true));
        prop_assert!(flows.iter().all(|row| row.day == day));
    }
}

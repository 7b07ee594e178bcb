//! Bills that differ from the book, and files that are no bill: each is told for what it is.

use std::collections::{BTreeMap, BTreeSet};

use connector::alipay::bill::Kind;
use domain::BusinessDay;
use provider_simulator::{
    Disturbance, Fault, PastOrder, PastRefund, Planted, ProviderKind, RefundStatus, Rule, Site,
};

use crate::support::*;

/// Forty sales of one day, every fourth given back in part.
fn sales(provider: ProviderKind, day: BusinessDay) -> impl Iterator<Item = PastOrder> {
    let start_ms = day.start().timestamp_millis();
    (0..40_i64).map(move |at| PastOrder {
        provider,
        merchant: merchant_of(provider).to_owned(),
        out_trade_no: format!("R{at:04}"),
        description: "电费".to_owned(),
        total_fen: 1_000 + at,
        paid_ms: start_ms + at * 60_000,
        refunds: (at % 4 == 0)
            .then(|| PastRefund {
                out_refund_no: format!("F{at:04}"),
                refund_fen: 500,
                settled_ms: start_ms + at * 60_000 + 3_600_000,
                status: RefundStatus::Success,
            })
            .into_iter()
            .collect(),
    })
}

type Key = (String, Option<String>);

fn by_key(lines: &[Line]) -> BTreeMap<Key, Vec<&Line>> {
    let mut map: BTreeMap<Key, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        let key = (line.out_trade_no.clone(), line.out_refund_no.clone());
        map.entry(key).or_default().push(line);
    }
    map
}

fn name(disturbance: Disturbance) -> &'static str {
    match disturbance {
        Disturbance::Extra => "extra",
        Disturbance::Missing => "missing",
        Disturbance::Amount { .. } => "amount",
        Disturbance::Late => "late",
        Disturbance::Doubled => "doubled",
        Disturbance::Fee { .. } => "fee",
        Disturbance::State => "state",
    }
}

/// The plainest comparison of a book with the bills of a day and of the day after it.
fn found(book: &[Line], bill: &[Line], next: &[Line]) -> BTreeSet<(Key, &'static str)> {
    let (book, bill, next) = (by_key(book), by_key(bill), by_key(next));
    let mut found = BTreeSet::new();
    for key in book.keys().chain(bill.keys()) {
        let class = match (book.get(key).map(|lines| lines[0]), bill.get(key).map(Vec::as_slice)) {
            (None, _) => "extra",
            (Some(_), None) if next.contains_key(key) => "late",
            (Some(_), None) => "missing",
            (Some(_), Some([_, _, ..])) => "doubled",
            (Some(ours), Some([theirs])) if ours.amount_fen != theirs.amount_fen => "amount",
            (Some(ours), Some([theirs])) if ours.fee_fen != theirs.fee_fen => "fee",
            (Some(ours), Some([theirs])) if ours.state != theirs.state => "state",
            _ => continue,
        };
        found.insert((key.clone(), class));
    }
    found
}

#[test]
fn every_planted_difference_is_in_the_bill_and_no_other() {
    let (world, today, tomorrow) = (World::new(), day("2026-03-01"), day("2026-03-02"));
    for (provider, classes) in [(ProviderKind::WechatPay, 7), (ProviderKind::Alipay, 6)] {
        world.provider.enter(sales(provider, today));
        let book = book(&world.provider, provider, today);
        let merchant = merchant_of(provider);
        let planted = world.provider.plant(provider, merchant, today.date(), 7, 3);
        let want: BTreeSet<(Key, &str)> = planted
            .iter()
            .map(|one| {
                ((one.out_trade_no.clone(), one.out_refund_no.clone()), name(one.disturbance))
            })
            .collect();
        assert_eq!(want.len(), 3 * classes, "{provider:?}");
        for _ in 0..2 {
            let bill = world.trades(provider, today).unwrap();
            let next = world.trades(provider, tomorrow).unwrap();
            assert_eq!(found(&book, &bill, &next), want, "{provider:?}");
        }
    }
    // Both bills of a day tell the same story, and without plants the true one.
    assert!(world.wechat_flows(today).unwrap().len() > 80);
    world.provider.clear_plants();
    let bill = world.trades(ProviderKind::WechatPay, today).unwrap();
    let book = book(&world.provider, ProviderKind::WechatPay, today);
    assert_eq!(found(&book, &bill, &[]), BTreeSet::new());
}

#[test]
fn the_seed_chooses_what_is_planted_and_a_script_can() {
    let plants = |seed: u64| {
        let world = World::new();
        let (provider, today) = (ProviderKind::Alipay, day("2026-03-01"));
        world.provider.enter(sales(provider, today));
        world.provider.plant(provider, APP_ID, today.date(), seed, 2)
    };
    assert_eq!(plants(1), plants(1));
    assert_ne!(plants(1), plants(2));
    let world = World::new();
    let (provider, today) = (ProviderKind::WechatPay, day("2026-03-01"));
    world.provider.enter(sales(provider, today));
    let one = Planted {
        provider,
        out_trade_no: "R0004".to_owned(),
        out_refund_no: Some("F0004".to_owned()),
        disturbance: Disturbance::Amount { fen: 1 },
    };
    assert!(world.provider.plant_one(one.clone()));
    assert!(!world.provider.plant_one(one), "one difference a row");
    let bill = world.trades(provider, today).unwrap();
    let back = bill.iter().find(|line| line.out_refund_no.as_deref() == Some("F0004"));
    assert_eq!(back.map(|line| line.amount_fen), Some(-1));
}

/// F4 no. 25, as far as it is about the file.
#[test]
fn a_file_that_is_no_bill_is_told_for_what_it_is() {
    let (world, today) = (World::new(), day("2026-03-01"));
    for provider in [ProviderKind::WechatPay, ProviderKind::Alipay] {
        world.provider.enter(sales(provider, today));
    }
    let status =
        |status: u16, code: &str| Fault::Status { status, code: code.to_owned(), effect: false };
    // site, fault, what WeChat's bill is told to be, what Alipay's is
    for (site, fault, wechat, alipay) in [
        (Site::Bill, Fault::BillNotReady, "STATEMENT_CREATING", "no bill"),
        (Site::Bill, status(400, "NO_STATEMENT_EXIST"), "NO_STATEMENT_EXIST", ""),
        (Site::Bill, status(200, "isp.bill_not_exist"), "", "no bill"),
        (Site::Bill, status(429, "FREQUENCY_LIMITED"), "FREQUENCY_LIMITED", ""),
        (Site::Bill, Fault::BillTruncated, "bill_damaged", "bill_damaged"),
        (Site::Bill, Fault::BillWrongHash, "bill_hash_differs", "whole"),
        (Site::Bill, Fault::BillWrongTotals, "bill_totals_differ", "bill_totals_differ"),
        (Site::Bill, Fault::BillExtraColumn, "whole", "whole"),
        (Site::BillFile, Fault::BillLinkExpired, "bill_not_served", "bill_not_served"),
        (Site::BillFile, status(403, "NO_AUTH"), "bill_not_served", "bill_not_served"),
    ] {
        for (provider, want) in [(ProviderKind::WechatPay, wechat), (ProviderKind::Alipay, alipay)]
        {
            if want.is_empty() {
                continue;
            }
            let rule = Rule::new(site, fault.clone()).provider(provider).times(1);
            world.provider.add_rule(rule).unwrap();
            let bill = match provider {
                ProviderKind::WechatPay => world.wechat_trades(today),
                ProviderKind::Alipay => world.alipay_trades(today),
            };
            let got = bill.map_or_else(|code| code, |_| "whole".to_owned());
            assert_eq!(got, want, "{fault:?} {provider:?}");
        }
    }
}

#[test]
fn a_link_dies_and_the_account_bill_lies_and_is_cut_like_the_other() {
    let (world, today) = (World::new(), day("2026-03-01"));
    world.provider.enter(sales(ProviderKind::Alipay, today));
    let url = world.alipay_link(Kind::Account, today).unwrap();
    let served = |url: &str| world.send(&connector::alipay::bill::request_download(url)).status;
    assert_eq!(served(&url), 200);
    world.clock.advance(30_001);
    assert_eq!(served(&url), 403);
    for (fault, want) in [
        (Fault::BillTruncated, "bill_damaged"),
        (Fault::BillWrongTotals, "bill_totals_differ"),
        (Fault::BillNotReady, "no bill"),
    ] {
        world.provider.add_rule(Rule::new(Site::Bill, fault).times(1)).unwrap();
        assert_eq!(world.alipay_flows(today).err().as_deref(), Some(want));
    }
}

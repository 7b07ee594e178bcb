//! Payments: whatever way a fact comes, however often, in whatever order, it is money once.

use std::time::Duration;

use connector::{Headers, wechat_pay};
use domain::{Channel, Money, OrderId, OrderState};
use provider_simulator::{Fault, Pay, Rule, Site as Place};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};
use vending::{
    Refusal, VendingError,
    merchant::Keys,
    order::PlaceOrder,
    payment::{
        call::Payer,
        reduce::{Reduced, Source},
        sweep::Wish,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_client_id_finds_the_same_order_and_a_contradiction_is_named() {
    let world = World::start(Plan::new(vec![Bus::prepaid(2)])).await;
    let wish = |place: usize, fen: i64, channel: Channel| PlaceOrder {
        client_id: "kiosk-7-0000000001".to_owned(),
        meter: world.layout.places[place].meter.meter_id(),
        channel,
        amount: Money::from_fen(fen),
        operator: None,
    };
    let first = wish(0, 5_000, Channel::WechatNative);
    let placed = world.house.place_order(PROJECT, first.clone()).await.unwrap();
    let copies = (0..20).map(|_| world.house.place_order(PROJECT, first.clone()));
    for copy in futures::future::join_all(copies).await {
        assert_eq!(copy.unwrap().id, placed.id);
    }
    let table = [
        (wish(1, 5_000, Channel::WechatNative), "meter"),
        (wish(0, 5_001, Channel::WechatNative), "amount_fen"),
        (wish(0, 5_000, Channel::AlipayPrecreate), "channel"),
    ];
    for (other, field) in table {
        match world.house.place_order(PROJECT, other).await {
            Err(VendingError::Refused(Refusal::ClientIdReused { field: named })) => {
                assert_eq!(named, field);
            }
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_cannot_be_are_refused_before_anybody_is_asked() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let meter = world.layout.places[0].meter.meter_id();
    let table = [
        ("short", 5_000, "order.client_id_malformed"),
        ("with a blank in it", 5_000, "order.client_id_malformed"),
        ("0123456789abcdef", 0, "order.amount_out_of_range"),
        ("0123456789abcdef", -5_000, "order.amount_out_of_range"),
        ("0123456789abcdef", 99, "order.amount_out_of_range"),
        ("0123456789abcdef", 500_001, "order.amount_out_of_range"),
        ("0123456789abcdef", i64::MAX, "order.amount_out_of_range"),
    ];
    for (client_id, fen, code) in table {
        let wish = PlaceOrder {
            client_id: client_id.to_owned(),
            meter,
            channel: Channel::WechatNative,
            amount: Money::from_fen(fen),
            operator: None,
        };
        match world.house.place_order(PROJECT, wish).await {
            Err(VendingError::Refused(refusal)) => assert_eq!(refusal.code(), code),
            other => panic!("{client_id} {fen}: {other:?}"),
        }
    }
    assert!(world.provider.trades().is_empty());
}

/// The callback the provider would send, read by our connector.
fn fact(world: &World, out_trade_no: &str, faults: &[Fault]) -> connector::PaymentFact {
    let letter = world.provider.letter(out_trade_no, faults).unwrap();
    let merchant = world.house.merchants().by_path_token("wechat-token-1").unwrap();
    let Keys::WechatPay(keys) = &merchant.keys else { panic!("a WeChat merchant") };
    let headers = Headers::new(letter.headers);
    let read = wechat_pay::read_payment_callback(keys, &headers, &letter.body, world.house.now());
    match read.unwrap().fact {
        wechat_pay::Notified::Payment(fact) => fact,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_payment_told_ten_times_at_once_is_credited_once() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let (order, no) = world.order(0, 5_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    let fact = fact(&world, &no, &[]);
    let merchant = world.house.merchants().by_path_token("wechat-token-1").unwrap();
    let told = (0..10).map(|_| world.house.reduce(&merchant, &fact, Source::Callback, b"raw"));
    let told = futures::future::join_all(told).await;
    let credited = told.iter().filter(|r| matches!(r, Ok(Reduced::Credited))).count();
    let already = told.iter().filter(|r| matches!(r, Ok(Reduced::Already))).count();
    // The sweeper may have been first; then all ten are repeats.
    assert!(credited <= 1 && credited + already == 10, "{told:?}");
    world.until(order.order_id(), OrderState::Restored).await;
    // F4 no. 6 and 7: the same old fact hours later changes nothing either.
    let late = world.house.reduce(&merchant, &fact, Source::Bill, b"raw").await.unwrap();
    assert_eq!(late, Reduced::Already);
    let report = world.house.store().audit(Some(PROJECT)).await.unwrap();
    assert_eq!(report.credited_facts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_overtakes_the_create_response_credits_once() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    // The payer pays and the provider calls before the order call is answered (F4 no. 1); the
    // callback itself is told by the query here, because this world has no public address.
    world.provider.add_rule(Rule::new(Place::Create, Fault::PaidBeforeAnswer).times(1));
    let (order, _) = world.order(0, 5_000, Channel::WechatNative).await;
    world.until(order.order_id(), OrderState::Restored).await;
    assert_eq!(world.provider.sum_paid_fen(), 5_000);
    assert_eq!(world.site.sum_applied_fen(), 5_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_call_that_timed_out_is_queried_and_never_replaced_by_another_number() {
    // F4 no. 2: the order took effect, its answer did not come.
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let cut = Rule::new(Place::Create, Fault::Cut { effect: true }).times(1);
    world.provider.add_rule(cut);
    let meter = world.layout.places[0].meter.meter_id();
    let wish = PlaceOrder {
        client_id: "phone-0000000001".to_owned(),
        meter,
        channel: Channel::WechatNative,
        amount: Money::from_fen(5_000),
        operator: None,
    };
    let order = world.house.place_order(PROJECT, wish).await.unwrap();
    let first = world.house.start_payment(&order, Payer::default()).await;
    assert!(matches!(first, Err(VendingError::Refused(Refusal::ProviderUnreachable))));
    let again = world.house.start_payment(&order, Payer::default()).await.unwrap();
    assert_eq!(again.attempt.attempt_no, 1, "the same number goes out again");
    world.provider.pay_now(&again.attempt.out_trade_no, Pay::default()).unwrap();
    world.until(order.order_id(), OrderState::Restored).await;
    assert_eq!(world.provider.trades().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_payment_of_one_order_is_booked_as_unmatched_and_shown() {
    // F4 no. 8: paid by WeChat and by Alipay.
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let (order, no) = world.order(0, 5_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until(order.order_id(), OrderState::Restored).await;
    let merchant = world.house.merchants().by_path_token("wechat-token-1").unwrap();
    let mut second = fact(&world, &no, &[]);
    second.provider_trade_no = Some("4200000000202611209999999999".to_owned());
    for expected in [Reduced::Duplicate, Reduced::Already] {
        let told = world.house.reduce(&merchant, &second, Source::Callback, b"raw").await;
        assert_eq!(told.unwrap(), expected);
    }
    let items = store::work_item::open_items(world.house.store().read(), PROJECT).await.unwrap();
    let kinds: Vec<_> = items.iter().map(|item| item.kind.as_str()).collect();
    assert_eq!(kinds, ["payment.duplicate"]);
    assert!(is_noted(&world, &format!("duplicate:{}", order.id)).await);
    assert_eq!(balance(&world, ledger::LedgerAccount::Unmatched).await, 5_000);
    assert_eq!(world.site.sum_applied_fen(), 5_000);
    world.house.store().audit(Some(PROJECT)).await.unwrap();
}

/// True where the people of an account are told of this reason.
async fn is_noted(world: &World, reason: &str) -> bool {
    let db = world.house.store().read();
    store::job::by_key(db, PROJECT, "notice", reason).await.unwrap().is_some()
}

async fn balance(world: &World, account: ledger::LedgerAccount) -> i64 {
    let db = world.house.store().read();
    store::ledger::balance(db, PROJECT, account).await.unwrap().posted.fen()
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_does_not_fit_the_order_is_held_and_never_credited() {
    // F4 no. 9: smaller, larger, another currency; the coupon case credits the total.
    let world = World::start(Plan::new(vec![Bus::prepaid(4)])).await;
    let merchant = world.house.merchants().by_path_token("wechat-token-1").unwrap();
    let table = [
        (Fault::WrongAmount { total_fen: 4_999 }, 4_999),
        (Fault::WrongAmount { total_fen: 500_000 }, 500_000),
        (Fault::WrongCurrency { currency: "USD".to_owned() }, 0),
    ];
    // The provider's own callback tells the right amount and must not come first.
    let never = world.provider.add_rule(Rule::new(Place::Callback, Fault::Never)).unwrap();
    let mut unmatched = 0;
    for (place, (fault, booked)) in table.into_iter().enumerate() {
        let rule = Rule::new(Place::Query, Fault::SystemError { effect: false });
        let rule = world.provider.add_rule(rule).unwrap();
        let (order, no) = world.order(place, 5_000, Channel::WechatNative).await;
        world.provider.pay_now(&no, Pay::default()).unwrap();
        let wrong = fact(&world, &no, &[fault]);
        for expected in [Reduced::Mismatch, Reduced::Already] {
            let told = world.house.reduce(&merchant, &wrong, Source::Callback, b"raw").await;
            assert_eq!(told.unwrap(), expected);
        }
        unmatched += booked;
        assert_eq!(balance(&world, ledger::LedgerAccount::Unmatched).await, unmatched);
        let held = world.house.order(PROJECT, order.order_id()).await.unwrap();
        assert_eq!(held.state().unwrap(), OrderState::Held);
        assert!(is_noted(&world, &format!("mismatch:{}", order.id)).await);
        // A held payment is not asked for again: the provider has said all there is to say.
        let tries = store::attempt::of_order(world.house.store().read(), PROJECT, order.order_id());
        let open = tries.await.unwrap().iter().any(|a| a.state().unwrap().needs_query());
        assert_eq!(open, booked == 0, "only what cannot be booked is still asked about");
        world.provider.remove_rule(rule);
    }
    world.provider.remove_rule(never);
    let (order, no) = world.order(3, 5_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay { coupon_fen: 1_000, ..Pay::default() }).unwrap();
    world.until(order.order_id(), OrderState::Restored).await;
    assert_eq!(world.site.sum_applied_fen(), 5_000, "the coupon's share is credited as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_told_again_with_another_amount_moves_nothing_and_is_shown_once() {
    let world = World::start(Plan::new(vec![Bus::prepaid(2)])).await;
    let merchant = world.house.merchants().by_path_token("wechat-token-1").unwrap();
    let (order, no) = world.order(0, 5_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until(order.order_id(), OrderState::Restored).await;
    let tell = async |fact: &connector::PaymentFact, source: Source| {
        world.house.reduce(&merchant, fact, source, b"raw").await.unwrap()
    };
    let first = fact(&world, &no, &[]);
    let less = fact(&world, &no, &[Fault::WrongAmount { total_fen: 4_999 }]);
    let more = fact(&world, &no, &[Fault::WrongAmount { total_fen: 500_000 }]);
    let dollars = fact(&world, &no, &[Fault::WrongCurrency { currency: "USD".to_owned() }]);
    // The same trade under the number of another order of ours.
    let (other, other_no) = world.order(1, 5_000, Channel::WechatNative).await;
    let mut strayed = first.clone();
    strayed.out_trade_no = other_no;
    let table = [
        (&less, Source::Query, Reduced::Contradiction),
        (&less, Source::Bill, Reduced::Already),
        (&more, Source::Bill, Reduced::Contradiction),
        (&strayed, Source::Callback, Reduced::Contradiction),
        (&strayed, Source::Query, Reduced::Already),
        (&dollars, Source::Bill, Reduced::Mismatch),
        (&dollars, Source::Bill, Reduced::Already),
        (&first, Source::Callback, Reduced::Already),
    ];
    for (told, source, expected) in table {
        assert_eq!(tell(told, source).await, expected, "{told:?}");
    }
    let items = store::work_item::open_items(world.house.store().read(), PROJECT).await.unwrap();
    let mut kinds: Vec<_> = items.iter().map(|item| item.kind.as_str()).collect();
    kinds.sort_unstable();
    let told_once = ["payment.contradiction"; 3].into_iter().chain(["payment.mismatch"]);
    assert_eq!(kinds, told_once.collect::<Vec<_>>());
    assert_eq!(balance(&world, ledger::LedgerAccount::Unmatched).await, 0);
    assert_eq!(world.site.sum_applied_fen(), 5_000);
    let other = world.house.order(PROJECT, other.order_id()).await.unwrap();
    assert_eq!(other.state().unwrap(), OrderState::Placed, "the other order still waits");
    let report = world.house.store().audit(Some(PROJECT)).await.unwrap();
    assert_eq!(report.credited_facts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_cancelled_and_paid_all_the_same_is_credited() {
    // F4 no. 4: the close raced the payment; late money is real money.
    let world = World::start(Plan::new(vec![Bus::prepaid(2)])).await;
    let (order, no) = world.order(0, 5_000, Channel::WechatNative).await;
    let closed = world.house.cancel_order(PROJECT, order.order_id()).await.unwrap();
    assert_eq!(closed.state().unwrap(), OrderState::Closed);
    // Nobody else tells of the payment before this test does.
    let never = world.provider.add_rule(Rule::new(Place::Callback, Fault::Never)).unwrap();
    let refused = Rule::new(Place::Query, Fault::SystemError { effect: false });
    let refused = world.provider.add_rule(refused).unwrap();
    world.provider.pay_now(&no, Pay { late: true, ..Pay::default() }).unwrap();
    let merchant = world.house.merchants().by_path_token("wechat-token-1").unwrap();
    let late = fact(&world, &no, &[]);
    let told = world.house.reduce(&merchant, &late, Source::Callback, b"raw").await.unwrap();
    assert_eq!(told, Reduced::Credited);
    world.provider.remove_rule(never);
    world.provider.remove_rule(refused);
    world.until(order.order_id(), OrderState::Restored).await;
    // Cancelling what is paid answers where it stands instead of closing it.
    let (paid, no) = world.order(1, 5_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    let after = world.house.cancel_order(PROJECT, paid.order_id()).await;
    let closed = after.is_ok_and(|order| order.state == "closed");
    assert!(!closed, "a paid order cannot be closed");
    world.until(paid.order_id(), OrderState::Restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unscanned_code_is_given_up_only_after_expiry_and_margin() {
    // F4 no. 19: Alipay knows a precreated trade only after somebody scanned it.
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let (order, no) = world.order(0, 5_000, Channel::AlipayPrecreate).await;
    let attempts = store::attempt::of_order(world.house.store().read(), PROJECT, order.order_id());
    let id = attempts.await.unwrap()[0].attempt_id();
    for wish in [Wish::Know, Wish::Close, Wish::Know] {
        let after = world.house.settle_attempt(id, PROJECT, wish).await.unwrap();
        assert!(after.state().unwrap().needs_query(), "{wish:?}: {}", after.state);
    }
    // Scanned and paid at last: it is credited like any other.
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until(order.order_id(), OrderState::Restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_no_such_order_ends_nothing() {
    // F4 no. 28: a broken proxy says 404; the order stays open and is credited when it is paid.
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let rule = Rule::new(Place::Query, Fault::UnsignedMissing).times(3);
    world.provider.add_rule(rule);
    let (order, no) = world.order(0, 5_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until(order.order_id(), OrderState::Restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_restored_from_a_backup_cannot_make_an_old_number_again() {
    // F4 no. 32: numbers hold the day and chance, not a sequence that a restore would turn back.
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let (one, _) = world.order(0, 5_000, Channel::WechatNative).await;
    let (two, _) = world.order(0, 5_000, Channel::WechatNative).await;
    let tail = |no: &str| no[8..].parse::<u64>().unwrap();
    assert!(tail(&one.order_no).abs_diff(tail(&two.order_no)) > 1, "no counter");
    assert_ne!(one.id, OrderId::generate(world.house.clock(), world.house.rng()).0);
    tokio::time::timeout(Duration::from_secs(60), async {
        for order in [one, two] {
            let closed = world.house.cancel_order(PROJECT, order.order_id()).await.unwrap();
            assert_eq!(closed.state().unwrap(), OrderState::Closed);
        }
    })
    .await
    .unwrap();
}

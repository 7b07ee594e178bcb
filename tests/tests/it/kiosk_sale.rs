//! A sale at a kiosk: from the handle through the wallet to the light, the cancelling, the paper.

use chrono::TimeDelta;
use domain::{OrderId, OrderState as Booked};
use kiosk_api::{content, watch};
use kiosk_wire::{
    account::{Quote, QuoteRequest},
    content::HomeContent,
    order::{OrderEvent, OrderFind, OrderState, OrderView},
    receipt::{Line, Print, PrintOutcome, PrintReport, PrintRequest},
    text::Text,
};
use meter_simulator::{Knob, Setting};
use provider_simulator::Pay;
use serde_json::json;
use tests::{
    clock::SkippingClock,
    fixture::{Bus, PROJECT},
    kiosk::{FakeKiosk, code, fresh},
    world::{Plan, World},
};

use super::kiosk_channel::{desk, put};

super::postgres::on_both_databases! {
    a_sale_at_a_kiosk_is_one_order_however_often_it_is_asked_for,
    what_a_kiosk_cancels_is_closed_unless_it_was_paid,
    money_that_cannot_reach_the_meter_yet_is_never_called_arrived,
    one_receipt_comes_by_itself_and_copies_are_numbered,
    an_order_nobody_paid_is_closed_in_minutes_and_an_abandoned_one_at_once,
    an_order_the_books_have_lost_is_shown_to_a_person_and_asked_for_in_vain,
    a_gap_in_what_a_kiosk_tells_of_orders_is_shown_once,
}

/// The provider's number of the one attempt of an order.
async fn attempt(world: &World, order: &OrderView) -> String {
    let db = world.house.store().read();
    let rows = store::attempt::of_order(db, PROJECT, OrderId(order.id)).await.unwrap();
    assert_eq!(rows.len(), 1, "one order, one number");
    rows[0].out_trade_no.clone()
}

async fn pay(world: &World, order: &OrderView, pay: Pay) {
    world.provider.pay_now(&attempt(world, order).await, pay).unwrap();
}

/// Places an order; on a busy machine the provider may take too long, and a kiosk asks again.
async fn placed(kiosk: &FakeKiosk, draft: &kiosk_wire::order::OrderDraft) -> OrderView {
    for _ in 0..5 {
        let reply = kiosk.post("/orders", draft).await;
        if reply.0 != 502 {
            assert!(matches!(reply.0, 200 | 201), "{}", reply.1);
            return serde_json::from_value(reply.1).unwrap();
        }
    }
    panic!("the provider never answered")
}

async fn a_sale_at_a_kiosk_is_one_order_however_often_it_is_asked_for() {
    let world = World::start(Plan::new(vec![Bus::mixed()])).await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    for (place, wallet) in [(0, "wechat"), (1, "alipay")] {
        let handle = kiosk.handle(&world.layout.places[place].meter.meter_no).await;
        let quote = QuoteRequest { handle: handle.clone(), amount_fen: 6_000 };
        let quote: Quote = kiosk.ask("/quotes", &quote).await;
        assert_eq!((quote.fee_fen, quote.quantity), (0, Some(100_000)));
        let draft = kiosk.draft(fresh(server), &handle, 6_000);
        let draft = kiosk_wire::order::OrderDraft { wallet: wallet.to_owned(), ..draft };
        let first = placed(&kiosk, &draft).await;
        assert_eq!((first.state, first.wallet.as_str()), (OrderState::AwaitingPayment, wallet));
        assert!(first.qr.is_some() && first.receipt_url.is_none());
        assert!((180_000..=240_000).contains(&first.expires_in_ms), "{}", first.expires_in_ms);
        let again = (0..10).map(|_| placed(&kiosk, &draft));
        for other in futures::future::join_all(again).await {
            assert_eq!((other.id, &other.qr), (first.id, &first.qr));
        }
        let more = kiosk_wire::order::OrderDraft { amount_fen: 7_000, ..draft.clone() };
        let refused = kiosk.post("/orders", &more).await;
        assert_eq!(code(&refused), (409, "order.client_id_reused"));
        let by_client: OrderView =
            kiosk.look(&format!("/orders/by-client/{}", draft.client_id)).await;
        assert_eq!(by_client.id, first.id);
        tell(&kiosk, server, first.id).await;
        pay(&world, &first, Pay::default()).await;
        world.until(OrderId(first.id), Booked::Restored).await;
        let done = kiosk.order(first.id).await;
        assert_eq!((done.state, done.qr.as_ref()), (OrderState::PowerOn, None));
        assert_eq!(done.supply, "on");
        let steps: Vec<_> = done.steps.iter().map(|step| step.name.as_str()).collect();
        let want: &[&str] = match place {
            0 => &["paid", "credited", "on_meter", "power_on"],
            _ => &["paid", "credited", "power_on"],
        };
        assert_eq!(steps, want);
        assert!(done.steps.iter().all(|step| step.at.is_some()), "{:?}", done.steps);
        let link = done.receipt_url.unwrap();
        assert!(link.contains("/r/"), "{link}");
        let seen = electronic(server, &link).await;
        let amount = (&seen["order"]["order_no"], &seen["order"]["amount_fen"]);
        assert_eq!(amount, (&json!(first.order_no), &json!(6_000)), "{seen:#}");
        let story = world.story(OrderId(first.id)).await;
        for kind in ["kiosk ", "kiosk.qr_shown ", "paid ", "restored "] {
            assert_eq!(story.matches(&format!(" {kind}")).count(), 1, "{kind}:\n{story}");
        }
    }
    world.house.store().audit(Some(PROJECT)).await.unwrap();
    world.stop().await;
}

/// The receipt behind a link, as somebody sees it who was handed no paper and signs in nowhere.
async fn electronic(server: &yufu::Server, link: &str) -> serde_json::Value {
    let token = link.rsplit('/').next().unwrap();
    let at = format!("http://{}{}/receipts/{token}", server.http(), mini_program_api::PREFIX);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let reply = client.get(at).send().await.unwrap();
    assert_eq!(reply.status().as_u16(), 200);
    serde_json::from_str(&reply.text().await.unwrap()).unwrap()
}

/// Tells twice that the code was shown; it stands on the timeline once.
async fn tell(kiosk: &FakeKiosk, server: &yufu::Server, order: uuid::Uuid) {
    let event = OrderEvent { id: fresh(server), name: "qr_shown".to_owned(), seq: None };
    let path = format!("/orders/{order}/events");
    for _ in 0..2 {
        assert_eq!(kiosk.post(&path, &event).await.0, 204);
    }
    let other = OrderEvent { id: fresh(server), name: "refund_me".to_owned(), seq: None };
    assert_eq!(code(&kiosk.post(&path, &other).await), (400, "malformed"));
}

async fn what_a_kiosk_cancels_is_closed_unless_it_was_paid() {
    let world = World::start(Plan::new(vec![Bus::prepaid(3)])).await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let neighbour = FakeKiosk::paired(server, PROJECT, 2).await;
    let order = async |place: usize| {
        let handle = kiosk.handle(&world.layout.places[place].meter.meter_no).await;
        placed(&kiosk, &kiosk.draft(fresh(server), &handle, 2_000)).await
    };
    let cancel = async |who: &FakeKiosk, order: &OrderView| {
        who.post(&format!("/orders/{}/cancel", order.id), &json!({})).await
    };
    let unpaid = order(0).await;
    assert_eq!(code(&cancel(&neighbour, &unpaid).await), (404, "not_found"), "another's");
    let (status, closed) = cancel(&kiosk, &unpaid).await;
    assert_eq!((status, closed["state"].as_str()), (200, Some("closed")), "{closed}");
    assert_eq!(cancel(&kiosk, &unpaid).await.1["state"], "closed", "and again");

    // Paid while the customer pressed 取消: nobody was told, the close finds it out.
    let paid = order(1).await;
    pay(&world, &paid, Pay { callback: false, ..Pay::default() }).await;
    let (status, answer) = cancel(&kiosk, &paid).await;
    let state: OrderState = serde_json::from_value(answer["state"].clone()).unwrap();
    assert!(status == 200 && state.is_paid(), "{answer}");
    world.until(OrderId(paid.id), Booked::Restored).await;

    // Paid after it was closed: the money is real and is never dropped (F.7 no. 7).
    let late = order(2).await;
    cancel(&kiosk, &late).await;
    pay(&world, &late, Pay { late: true, ..Pay::default() }).await;
    world.until_event(OrderId(late.id), "credited").await;
    assert!(kiosk.order(late.id).await.state.is_paid());
    world.stop().await;
}

async fn money_that_cannot_reach_the_meter_yet_is_never_called_arrived() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let place = &world.layout.places[0].meter;
    let handle = kiosk.handle(&place.meter_no).await;
    world.site.meter(&place.address).unwrap().turn(Knob::DropReply, Setting::percent(100));
    let order = placed(&kiosk, &kiosk.draft(fresh(server), &handle, 3_000)).await;
    let early = PrintRequest { print_id: fresh(server), automatic: true };
    let path = format!("/orders/{}/prints", order.id);
    assert_eq!(code(&kiosk.post(&path, &early).await), (409, "order.wrong_state"));
    pay(&world, &order, Pay::default()).await;
    world.until_event(OrderId(order.id), "credited").await;
    let seen = kiosk.order(order.id).await;
    assert!(seen.state.is_paid() && !seen.state.is_settled(), "{:?}", seen.state);
    let print: Print = kiosk.ask(&path, &early).await;
    let text = serde_json::to_string(&print.receipt).unwrap();
    assert!(text.contains("待到账") && !text.contains("已到账") && !text.contains("成功"));
    world.stop().await;
}

async fn one_receipt_comes_by_itself_and_copies_are_numbered() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let handle = kiosk.handle(&world.layout.places[0].meter.meter_no).await;
    let order = placed(&kiosk, &kiosk.draft(fresh(server), &handle, 2_000)).await;
    pay(&world, &order, Pay::default()).await;
    world.until(OrderId(order.id), Booked::Restored).await;
    let path = format!("/orders/{}/prints", order.id);
    let wish = |automatic| PrintRequest { print_id: fresh(server), automatic };
    // However many ask at once for the one that comes by itself, one of them is to print.
    let wishes: Vec<_> = (0..6).map(|_| wish(true)).collect();
    let asked = wishes.iter().map(|wish| kiosk.ask::<Print>(&path, wish));
    let prints: Vec<Print> = futures::future::join_all(asked).await;
    let fresh_ones: Vec<_> = prints.iter().filter(|print| !print.already).collect();
    assert_eq!(fresh_ones.len(), 1);
    let first = fresh_ones[0].print_id;
    let again = PrintRequest { print_id: first, automatic: true };
    let again: Print = kiosk.ask(&path, &again).await;
    assert_eq!((again.print_id, again.copy, again.already), (first, 0, false), "the same print");
    let report = PrintReport { outcome: PrintOutcome::PaperOut, paper_mm: 12 };
    for _ in 0..2 {
        assert_eq!(kiosk.post(&format!("/prints/{first}/outcome"), &report).await.0, 204);
    }
    let missing = kiosk.post(&format!("/prints/{}/outcome", fresh(server)), &report).await;
    assert_eq!(code(&missing), (404, "not_found"));
    for n in 1..=2 {
        let copy: Print = kiosk.ask(&path, &wish(false)).await;
        assert_eq!((copy.copy, copy.already), (n, false));
        assert_eq!(copy.receipt.logo, None, "nothing is published");
        let text = serde_json::to_string(&copy.receipt).unwrap();
        assert!(text.contains(&format!("补打 第 {n} 次")), "{text}");
        let qr = copy.receipt.lines.iter().find_map(|line| match line {
            Line::Qr { content } => Some(content.clone()),
            _ => None,
        });
        assert_eq!(qr, kiosk.order(order.id).await.receipt_url);
        assert_eq!(copy.receipt.lines.last(), Some(&Line::Cut));
    }
    // The logo of the home screen is named where it is of a kind kiosks print.
    let desk = desk(&world);
    let kinds = [(&b"\x89PNG\r\n\x1a\n-"[..], true), (b"RIFF\x24\0\0\0WEBPVP8 ", false)];
    for (bytes, printed) in kinds {
        let logo = put(&world, bytes).await;
        let company = Text::new("和园物业", "");
        let home = HomeContent { company, logo: Some(logo.clone()), ..HomeContent::default() };
        let draft = content::draft(&desk, PROJECT, None, home).await.unwrap();
        content::publish(&desk, PROJECT, None, draft.content_version).await.unwrap();
        let copy: Print = kiosk.ask(&path, &wish(false)).await;
        assert_eq!(copy.receipt.logo, printed.then_some(logo.sha256), "{}", logo.media_type);
    }
    let found = OrderFind { order_no: order.order_no.to_lowercase(), last_four: order.meter_tail };
    let seen: OrderView = kiosk.ask("/orders/find", &found).await;
    assert_eq!(seen.id, order.id);
    let wrong = OrderFind { last_four: "9999".to_owned(), ..found };
    assert_eq!(code(&kiosk.post("/orders/find", &wrong).await), (404, "not_found"));
    let story = world.story(OrderId(order.id)).await;
    assert_eq!(story.matches("kiosk.print ").count(), 5, "{story}");
    assert_eq!(story.matches("kiosk.printed ").count(), 1, "{story}");
    world.stop().await;
}

async fn an_order_nobody_paid_is_closed_in_minutes_and_an_abandoned_one_at_once() {
    let clock = SkippingClock::true_time();
    let plan = Plan { clock: Some(clock.clone()), ..Plan::new(vec![Bus::prepaid(2)]) };
    let world = World::start(plan).await;
    let server = world.server();
    let mut kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let handle = kiosk.handle(&world.layout.places[0].meter.meter_no).await;
    let left = placed(&kiosk, &kiosk.draft(fresh(server), &handle, 2_000)).await;
    // A power cut: the next start tells what the journal knew.
    kiosk.boot = fresh(server);
    kiosk.greet().await;
    let told = kiosk_wire::channel::Up::Abandoned {
        id: fresh(server),
        order: Some(left.id),
        step: "QrShown".to_owned(),
    };
    kiosk.poll(vec![told.clone(), told]).await;
    world.until(OrderId(left.id), Booked::Closed).await;
    let story = world.story(OrderId(left.id)).await;
    assert_eq!(story.matches("kiosk.abandoned ").count(), 1, "{story}");

    let handle = kiosk.handle(&world.layout.places[1].meter.meter_no).await;
    let unpaid = placed(&kiosk, &kiosk.draft(fresh(server), &handle, 2_000)).await;
    // A little more than an order lives, and less than a provider thinks a clock may be off.
    clock.skip(TimeDelta::seconds(250));
    let seen = kiosk.order(unpaid.id).await;
    let over = matches!(seen.state, OrderState::Confirming | OrderState::Closed);
    assert!(over && seen.qr.is_none(), "{:?}", seen.state);
    world.until(OrderId(unpaid.id), Booked::Closed).await;
    assert_eq!(kiosk.order(unpaid.id).await.state, OrderState::Closed);
    world.stop().await;
}

async fn an_order_the_books_have_lost_is_shown_to_a_person_and_asked_for_in_vain() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let neighbour = FakeKiosk::paired(server, PROJECT, 2).await;
    let handle = kiosk.handle(&world.layout.places[0].meter.meter_no).await;
    let known = placed(&kiosk, &kiosk.draft(fresh(server), &handle, 2_000)).await;
    let lost = fresh(server);
    let path = format!("/orders/{lost}");
    assert_eq!(code(&kiosk.get(&path).await), (404, "not_found"), "nobody has told of it");
    let told = |order| kiosk_wire::channel::Up::Abandoned {
        id: fresh(server),
        order: Some(order),
        step: "Confirming".to_owned(),
    };
    for order in [lost, lost, known.id] {
        kiosk.poll(vec![told(order)]).await;
    }
    // Who asks for what, and what they hear.
    let other = format!("/orders/{}", fresh(server));
    let table = [
        (&kiosk, path.as_str(), "kiosk.order_unknown"),
        (&kiosk, other.as_str(), "not_found"),
        (&neighbour, path.as_str(), "not_found"),
    ];
    for (who, path, want) in table {
        assert_eq!(code(&who.get(path).await), (404, want));
    }
    assert_eq!(kiosk.get(&format!("/orders/{}", known.id)).await.0, 200);
    let items = store::work_item::open_items(world.house.store().read(), PROJECT).await.unwrap();
    let items: Vec<_> = items.iter().filter(|item| item.kind == "kiosk.order_unknown").collect();
    assert_eq!(items.len(), 1);
    assert!(items[0].detail.contains(&lost.to_string()), "{}", items[0].detail);
    world.stop().await;
}

/// The numbers one start of a kiosk gives, and how many are missing and come twice.
type Numbers = (&'static [u64], Option<(i64, i64)>);

async fn a_gap_in_what_a_kiosk_tells_of_orders_is_shown_once() {
    let clock = SkippingClock::true_time();
    let plan = Plan { clock: Some(clock.clone()), ..Plan::new(vec![Bus::prepaid(1)]) };
    let world = World::start(plan).await;
    let server = world.server();
    let mut kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let handle = kiosk.handle(&world.layout.places[0].meter.meter_no).await;
    let order = placed(&kiosk, &kiosk.draft(fresh(server), &handle, 2_000)).await;
    let path = format!("/orders/{}/events", order.id);
    let items = async || {
        let all = store::work_item::open_items(world.house.store().read(), PROJECT).await;
        let all = all.unwrap().into_iter().filter(|item| item.kind == "kiosk.sequence");
        all.map(|item| (item.id, item.detail)).collect::<Vec<_>>()
    };
    // The numbers one start of the kiosk gives, and what is missing and what comes twice.
    let table: [Numbers; 7] = [
        (&[1, 2, 3], None),
        (&[2, 1, 4, 3], None),
        (&[7, 8], None),
        (&[1, 2, 5], Some((2, 0))),
        (&[1, 2, 2, 3], Some((0, 1))),
        (&[1, 3, 3, 4], Some((1, 1))),
        (&[9], None),
    ];
    for (numbers, want) in table {
        kiosk.boot = fresh(server);
        kiosk.greet().await;
        for seq in numbers {
            let name = "qr_shown".to_owned();
            let event = OrderEvent { id: fresh(server), name, seq: Some(*seq) };
            for _ in 0..2 {
                assert_eq!(kiosk.post(&path, &event).await.0, 204, "nothing stands in its way");
            }
        }
        let desk = &server.app().kiosks;
        watch::count(desk).await.unwrap();
        assert_eq!(items().await, [], "{numbers:?}: what is missing may be on its way");
        clock.skip(watch::LATE_MAX + TimeDelta::minutes(1));
        for _ in 0..2 {
            watch::count(desk).await.unwrap();
        }
        let found = items().await;
        assert_eq!(found.len(), usize::from(want.is_some()), "{numbers:?}: {found:?}");
        for (id, detail) in found {
            let detail: serde_json::Value = serde_json::from_str(&detail).unwrap();
            let said = (detail["missing"].as_i64(), detail["twice"].as_i64());
            assert_eq!(said, want.map(|(a, b)| (Some(a), Some(b))).unwrap(), "{numbers:?}");
            let (id, now) = (domain::WorkItemId(id), world.house.now());
            let done = world.house.store().transact(move |tx| {
                Box::pin(async move {
                    store::work_item::close(tx, PROJECT, id, "a person", "seen", now).await
                })
            });
            assert!(done.await.unwrap());
        }
        watch::count(desk).await.unwrap();
        assert_eq!(items().await, [], "{numbers:?}: what a person has seen is not shown again");
    }
    world.stop().await;
}

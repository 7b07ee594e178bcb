//! Cards: one voucher per order, numbers that fit, copies that are never both at risk.

use domain::{Channel, Money, OrderId, OrderState as Booked, TransactionId};
use kiosk_api::{card as cards, settings::Wishes};
use kiosk_wire::{
    account::Matches,
    card::{
        Block, CardKeys, CardKeysRequest, CardLookup, Voucher, VoucherOutcome, VoucherReport,
        VoucherRequest,
    },
    card_format::{COPIES, COPY_BLOCKS, Copy, NAME, Purchase},
    order::{OrderDraft, OrderState, OrderView},
};
use ledger::{
    LedgerAccount,
    template::{self, Purse},
    transaction::{Key, Occurrence},
};
use provider_simulator::Pay;
use store::{
    kiosk::{Change, card},
    ledger::{self as books, Booking, statement},
};
use tests::{
    fixture::{Bus, PROJECT},
    kiosk::{FakeKiosk, code, fresh, row},
    world::{Plan, World},
};
use vending::{
    Refusal, VendingError,
    billing::{Billed, Register},
    order::PlaceOrder,
    posting,
};

super::postgres::on_both_databases! {
    an_order_has_one_voucher_and_it_is_delivered_again,
    a_card_is_refused_before_payment_where_its_number_does_not_fit,
    a_written_card_is_booked_once_and_only_when_it_was_read_back,
    a_voucher_is_made_only_of_money_that_is_there,
    a_meter_that_is_sold_to_by_card_is_not_billed_from_its_purse,
}

const UID: &str = "04a1b2c3";
/// The place of the meter that takes cards: its money is kept by us.
const PLACE: usize = 0;

/// A card as it lies on the reader: the six blocks of both copies.
#[derive(Clone)]
struct FakeCard(Vec<Block>);

impl FakeCard {
    fn blank() -> FakeCard {
        let numbers = COPIES.into_iter().flat_map(|first| first..first + COPY_BLOCKS);
        FakeCard(numbers.map(|number| Block { number, bytes: "00".repeat(16) }).collect())
    }

    fn write(&mut self, blocks: &[Block]) {
        for block in blocks {
            let place = self.0.iter_mut().find(|known| known.number == block.number).unwrap();
            place.bytes = block.bytes.clone();
        }
    }

    /// What the meter does: takes the amount and signs the copy anew.
    fn load(&mut self, world: &World, known: &card::Card) {
        for copy in [0, 1] {
            let read = Copy::read(&self.0, copy).unwrap();
            let Some(purchase) = Purchase::from_signed(&read.signed) else { continue };
            let taken = Purchase { amount_fen: 0, ..purchase };
            let signed = cards::signed(&world.server().app().kiosks, known, &taken).unwrap();
            self.write(&signed.blocks(copy));
        }
    }
}

struct Scene {
    world: World,
    kiosk: FakeKiosk,
}

async fn scene() -> Scene {
    let world = World::start(Plan::new(vec![Bus { prepaid: 0, remote: 2, water: 0 }])).await;
    let server = world.server();
    let kiosk = FakeKiosk::paired(server, PROJECT, 1).await;
    let kept = row(server, &kiosk).await;
    let wishes = Wishes { cards: true, ..Wishes::default() };
    let settings = Some(serde_json::to_string(&wishes).unwrap());
    let change = Change { settings, ..Change::default() };
    let set = world
        .house
        .store()
        .transact(move |tx| Box::pin(async move { store::kiosk::change(tx, &kept, change).await }));
    set.await.unwrap();
    cards::enter(&server.app().kiosks, &world.layout.places[PLACE].meter, UID).await.unwrap();
    Scene { world, kiosk }
}

impl Scene {
    async fn known(&self) -> card::Card {
        let db = self.world.house.store().read();
        card::by_uid(db, PROJECT, UID).await.unwrap().unwrap()
    }

    async fn lookup(&self, on: &FakeCard) -> (u16, serde_json::Value) {
        let wish =
            CardLookup { uid: UID.to_uppercase(), format: NAME.to_owned(), blocks: on.0.clone() };
        self.kiosk.post("/lookups/card", &wish).await
    }

    async fn found(&self, on: &FakeCard) -> String {
        let (status, answer) = self.lookup(on).await;
        assert_eq!(status, 200, "{answer}");
        let found: Matches = serde_json::from_value(answer).unwrap();
        found.matches[0].handle.clone()
    }

    fn draft(&self, handle: &str, card: Option<&str>) -> OrderDraft {
        let draft = self.kiosk.draft(fresh(self.world.server()), handle, 5_000);
        OrderDraft { card: card.map(str::to_owned), ..draft }
    }

    /// Buys, pays, and waits until the money is in the books.
    async fn bought(&self, handle: &str) -> OrderView {
        let order: OrderView = self.kiosk.ask("/orders", &self.draft(handle, Some(UID))).await;
        let db = self.world.house.store().read();
        let rows = store::attempt::of_order(db, PROJECT, OrderId(order.id)).await.unwrap();
        self.world.provider.pay_now(&rows[0].out_trade_no, Pay::default()).unwrap();
        self.world.until_event(OrderId(order.id), "credited").await;
        order
    }

    async fn voucher(&self, order: &OrderView, on: &FakeCard) -> (u16, serde_json::Value) {
        let wish = VoucherRequest { uid: UID.to_owned(), blocks: on.0.clone() };
        self.kiosk.post(&format!("/orders/{}/voucher", order.id), &wish).await
    }

    async fn issued(&self, order: &OrderView, on: &FakeCard) -> Voucher {
        let (status, answer) = self.voucher(order, on).await;
        assert_eq!(status, 200, "{answer}");
        serde_json::from_value(answer).unwrap()
    }

    async fn report(&self, voucher: &Voucher, outcome: VoucherOutcome, on: &FakeCard) {
        let report = VoucherReport { outcome, blocks: on.0.clone() };
        let path = format!("/vouchers/{}/outcome", voucher.id);
        assert_eq!(self.kiosk.post(&path, &report).await.0, 204);
    }
}

async fn an_order_has_one_voucher_and_it_is_delivered_again() {
    let scene = scene().await;
    let mut on = FakeCard::blank();
    let keys: CardKeys =
        scene.kiosk.ask("/cards/keys", &CardKeysRequest { uid: UID.to_owned() }).await;
    assert_eq!((keys.key_a.len(), keys.copies), (12, COPIES));
    let handle = scene.found(&on).await;
    let order = scene.bought(&handle).await;
    assert_eq!(scene.kiosk.order(order.id).await.state, OrderState::AwaitingCard);
    // However many ask at once, there is one; and it is the same one later.
    let asked = (0..6).map(|_| scene.issued(&order, &on));
    let all: Vec<Voucher> = futures::future::join_all(asked).await;
    let first = all[0].clone();
    for other in &all {
        assert_eq!((other.id, other.seq, &other.blocks), (first.id, 1, &first.blocks));
    }
    assert_eq!((first.copy, first.on_card, first.blocks.len()), (0, false, 3));
    let said = Purchase::from_signed(&Copy::read(&first.blocks, 0).unwrap().signed).unwrap();
    assert_eq!((said.seq, said.amount_fen, said.tariff_version), (1, 5_000, 1));
    // The power went after two blocks: nothing valid is on the card, and the kiosk cannot say.
    on.write(&first.blocks[..2]);
    scene.report(&first, VoucherOutcome::Unknown, &FakeCard(Vec::new())).await;
    assert_eq!(scene.kiosk.order(order.id).await.state, OrderState::AwaitingCard);
    assert_eq!(code(&scene.lookup(&on).await), (409, "card.pending"), "nothing else is sold");
    let again = scene.issued(&order, &on).await;
    assert_eq!((again.id, again.seq, again.copy), (first.id, 1, 0), "the torn copy is rewritten");
    // The kiosk says that it is written; what it read back says otherwise.
    scene.report(&again, VoucherOutcome::Written, &on).await;
    assert_eq!(scene.kiosk.order(order.id).await.state, OrderState::AwaitingCard);
    on.write(&again.blocks);
    scene.report(&again, VoucherOutcome::Written, &on).await;
    let done = scene.kiosk.order(order.id).await;
    assert_eq!((done.state, done.money_model.as_str()), (OrderState::CardWritten, "card"));
    assert!(done.what.zh.contains("已写卡"), "{:?}", done.what);
    let carried = scene.issued(&order, &on).await;
    assert!(carried.on_card && carried.blocks.is_empty() && carried.id == first.id);

    // The next purchase, once the meter has taken the first, goes onto the other copy.
    assert_eq!(code(&scene.lookup(&on).await), (409, "card.unloaded"));
    on.load(&scene.world, &scene.known().await);
    let handle = scene.found(&on).await;
    let next = scene.bought(&handle).await;
    let second = scene.issued(&next, &on).await;
    assert_eq!((second.seq, second.copy), (2, 1), "never over the only valid copy");
    on.write(&second.blocks);
    scene.report(&second, VoucherOutcome::Written, &on).await;
    assert_eq!(scene.known().await.seq, 2);
    scene.world.stop().await;
}

async fn a_card_is_refused_before_payment_where_its_number_does_not_fit() {
    let scene = scene().await;
    let mut on = FakeCard::blank();
    let handle = scene.found(&on).await;
    let by_number = scene.kiosk.handle(&scene.world.layout.places[PLACE].meter.meter_no).await;
    let other = scene.kiosk.handle(&scene.world.layout.places[1].meter.meter_no).await;
    let table = [
        (scene.draft(&by_number, None), "card.refused"),
        (scene.draft(&handle, Some("0badcafe")), "card.other"),
        (scene.draft(&other, Some(UID)), "card.other"),
    ];
    for (draft, want) in table {
        assert_eq!(code(&scene.kiosk.post("/orders", &draft).await), (409, want));
    }
    let order = scene.bought(&handle).await;
    let stranger = VoucherRequest { uid: "0badcafe".to_owned(), blocks: on.0.clone() };
    let refused = scene.kiosk.post(&format!("/orders/{}/voucher", order.id), &stranger).await;
    assert_eq!(code(&refused), (409, "card.other"), "F.7 no. 25");
    let old = on.clone();
    let voucher = scene.issued(&order, &on).await;
    on.write(&voucher.blocks);
    scene.report(&voucher, VoucherOutcome::Written, &on).await;
    // A copy with another amount under the same MAC is no copy.
    let mut forged = on.clone();
    let block = forged.0.iter_mut().find(|block| block.number == 5).unwrap();
    block.bytes = block.bytes.replacen("1388", "ffff", 1);
    assert_ne!(forged.0[1].bytes, on.0[1].bytes, "the amount is in the second block");
    let (status, unknown) = {
        let wish = CardLookup {
            uid: "0badcafe".to_owned(),
            format: NAME.to_owned(),
            blocks: on.0.clone(),
        };
        scene.kiosk.post("/lookups/card", &wish).await
    };
    assert_eq!((status, unknown["matches"].as_array().unwrap().len()), (200, 0));
    // Nothing valid where the books know of a purchase: an old dump, or somebody's own bytes.
    assert_eq!(code(&scene.lookup(&forged).await), (409, "card.frozen"));
    assert_eq!(code(&scene.lookup(&old).await), (409, "card.frozen"));
    assert_eq!(scene.known().await.reason.as_deref(), Some("behind"));
    let keys = CardKeysRequest { uid: UID.to_owned() };
    assert_eq!(code(&scene.kiosk.post("/cards/keys", &keys).await), (409, "card.frozen"));
    let late = scene.draft(&by_number, Some(UID));
    assert_eq!(code(&scene.kiosk.post("/orders", &late).await), (409, "card.frozen"));
    scene.world.stop().await;
}

impl Scene {
    /// What is in the purse, what of it is held, and what was written to cards, in fen.
    async fn money(&self) -> (i64, i64, i64) {
        let place = &self.world.layout.places[PLACE];
        let purse = posting::purse_of(place.account, place.meter.purpose().unwrap());
        let on_card = LedgerAccount::OnCard(place.meter.meter_id());
        let db = self.world.house.store().read();
        let of = async |account| books::balance(db, PROJECT, account).await.unwrap();
        let (purse, on_card) = (of(purse).await, of(on_card).await);
        (purse.posted.fen(), purse.held.fen(), on_card.posted.fen())
    }

    async fn booked(&self, order: &OrderView) -> Booked {
        let db = self.world.house.store().read();
        let row = store::order::by_id(db, PROJECT, OrderId(order.id)).await.unwrap().unwrap();
        row.state().unwrap()
    }

    async fn audit(&self) {
        self.world.house.store().audit(Some(PROJECT)).await.unwrap();
    }
}

async fn a_written_card_is_booked_once_and_only_when_it_was_read_back() {
    let scene = scene().await;
    let mut on = FakeCard::blank();
    let handle = scene.found(&on).await;
    let order = scene.bought(&handle).await;
    assert_eq!(scene.money().await, (5_000, 0, 0), "paid, and nothing decided");
    let voucher = scene.issued(&order, &on).await;
    assert_eq!(scene.money().await, (5_000, 5_000, 0), "set aside for the card");
    let torn = {
        let mut torn = on.clone();
        torn.write(&voucher.blocks[..2]);
        torn
    };
    // What is told, with what was read back, and whether it is believed.
    let table = [
        (VoucherOutcome::Unknown, FakeCard(Vec::new()), false),
        (VoucherOutcome::Written, FakeCard(Vec::new()), false),
        (VoucherOutcome::Written, torn.clone(), false),
        (VoucherOutcome::NotWritten, on.clone(), false),
        (VoucherOutcome::Unknown, torn, false),
    ];
    for (told, read, is_believed) in table {
        scene.report(&voucher, told, &read).await;
        scene.issued(&order, &on).await;
        assert!(!is_believed);
        assert_eq!(scene.money().await, (5_000, 5_000, 0), "{told:?}");
        assert_eq!(scene.booked(&order).await, Booked::Credited, "{told:?}");
        scene.audit().await;
    }
    on.write(&voucher.blocks);
    // The kiosk lost its power before it could say so: whoever reads the card next hears it.
    assert_eq!(code(&scene.lookup(&on).await), (409, "card.unloaded"));
    for told in [VoucherOutcome::Written, VoucherOutcome::Unknown, VoucherOutcome::NotWritten] {
        assert_eq!(scene.money().await, (0, 0, 5_000), "{told:?}");
        scene.report(&voucher, told, &on).await;
        scene.report(&voucher, told, &FakeCard::blank()).await;
        assert!(scene.issued(&order, &on).await.on_card);
        scene.audit().await;
    }
    assert_eq!(scene.money().await, (0, 0, 5_000), "once");
    assert_eq!(scene.booked(&order).await, Booked::Delivered);
    assert_eq!(scene.kiosk.order(order.id).await.state, OrderState::CardWritten);
    let story = scene.world.story(OrderId(order.id)).await;
    for (kind, times) in [("kiosk.voucher", 1), ("delivered", 1), ("restored", 0)] {
        assert_eq!(story.matches(&format!(" {kind} ")).count(), times, "{kind}:\n{story}");
    }
    let place = &scene.world.layout.places[PLACE];
    let purse = posting::purse_of(place.account, place.meter.purpose().unwrap());
    let span = (0, i64::MAX);
    let db = scene.world.house.store().read();
    let out = statement::movements_of(db, (PROJECT, purse), statement::Side::Out, span, 10).await;
    let out = out.unwrap();
    let told: Vec<_> = out.iter().map(|row| (row.template.as_str(), row.amount_fen)).collect();
    assert_eq!(told, [("card_written", -5_000)], "the purse's statement");
    scene.world.stop().await;
}

async fn a_voucher_is_made_only_of_money_that_is_there() {
    let scene = scene().await;
    let on = FakeCard::blank();
    let handle = scene.found(&on).await;
    let order = scene.bought(&handle).await;
    // Somebody has spent it meanwhile.
    let place = &scene.world.layout.places[PLACE];
    let purse = Purse { account: place.account, purpose: place.meter.purpose().unwrap() };
    let key = Occurrence { key: Key::new("spent").unwrap(), at: scene.world.house.now() };
    let transaction = template::refund_started(key, purse, Money::from_fen(1)).unwrap();
    let id = TransactionId(fresh(scene.world.server()));
    let booking =
        Booking { id, project: PROJECT, order: None, vend: None, memo: None, transaction };
    let store = scene.world.house.store();
    let spent = store.transact(move |tx| Box::pin(async move { books::post(tx, &booking).await }));
    spent.await.unwrap();
    for _ in 0..2 {
        assert_eq!(code(&scene.voucher(&order, &on).await), (409, "card.refused"));
    }
    assert_eq!(scene.money().await, (4_999, 0, 0));
    assert_eq!(scene.known().await.seq, 0, "no number is used up");
    let items = store::work_item::open_items(store.read(), PROJECT).await.unwrap();
    let told = items.iter().filter(|item| item.kind == "card.not_held").count();
    assert_eq!(told, 1, "a person is told, once");
    scene.audit().await;
    scene.world.stop().await;
}

async fn a_meter_that_is_sold_to_by_card_is_not_billed_from_its_purse() {
    let scene = scene().await;
    let house = &scene.world.house;
    let now = house.now();
    // Both meters were read far behind what they show, so that nothing else moves their cursors.
    let read = |kwh: i64, minutes: i64| {
        Register::read(1_000_000_000 + kwh * 1_000, now + chrono::TimeDelta::minutes(minutes))
    };
    let places = &scene.world.layout.places;
    let (by_card, usual) = (places[PLACE].meter.meter_id(), places[1].meter.meter_id());
    for meter in [by_card, usual] {
        house.bill(PROJECT, meter, read(0, 1)).await.unwrap();
        house.bill(PROJECT, meter, read(1, 2)).await.unwrap();
    }
    let billed = async |meter| house.bill(PROJECT, meter, read(2, 3)).await.unwrap();
    assert_eq!(billed(by_card).await, Billed::Nothing);
    assert!(matches!(billed(usual).await, Billed::Line { amount_fen: 60, .. }));
    let many = vec![(PROJECT, by_card, read(3, 4)), (PROJECT, usual, read(3, 4))];
    assert!(house.bill_all(many).await.is_empty());
    assert_eq!(scene.money().await, (0, 0, 0));
    // Money that came by another door would never reach the meter.
    let wish = |meter, client_id: &str| PlaceOrder {
        client_id: client_id.to_owned(),
        meter,
        channel: Channel::WechatNative,
        amount: Money::from_fen(5_000),
        operator: None,
    };
    let refused = house.place_order(PROJECT, wish(by_card, "by-another-door")).await.unwrap_err();
    assert!(matches!(refused, VendingError::Refused(Refusal::ChannelNotOffered)), "{refused}");
    house.place_order(PROJECT, wish(usual, "as-always")).await.unwrap();
    let purse = posting::purse_of(places[1].account, places[1].meter.purpose().unwrap());
    let left = books::balance(house.store().read(), PROJECT, purse).await.unwrap();
    assert!(left.posted.fen() <= -120, "{left:?}");
    scene.world.stop().await;
}

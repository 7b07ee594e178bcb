//! The server of the bench: a few books and the rules of the contract, and nothing of the kiosk's.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kiosk_wire::{
    account::{
        AccountView, Aged, Amounts, Match, Matches, PhoneAsked, Quote, ReadOutcome, RoomNode, Rooms,
    },
    card::{Block, CardKeys, CardLookup, Voucher, VoucherOutcome},
    order::{OrderDraft, OrderState, OrderView},
    receipt::{Print, PrintOutcome, Receipt},
    text::{Problem, Text},
};
use terminal::call::{Answer, Call, Failure, Outcome};
use uuid::Uuid;

/// The meter of whoever stands there.
pub const METER: &str = "110000000803";
/// Whose it is. Nothing of it may be on a screen after they have left.
pub const HOLDER: &str = "张*三";
pub const PLACE: &str = "和园公寓 5-1-0803";
pub const CODE: &str = "weixin://wxpay/bizpayurl?pr=abc123";

#[derive(Clone, Debug)]
pub struct Server {
    pub orders: BTreeMap<Uuid, OrderView>,
    pub drafts: BTreeMap<Uuid, (Uuid, OrderDraft)>,
    pub prints: BTreeMap<Uuid, (Uuid, bool)>,
    pub printed: Vec<(Uuid, PrintOutcome)>,
    pub vouchers: BTreeMap<Uuid, Voucher>,
    pub voucher_ends: Vec<(Uuid, VoucherOutcome)>,
    pub events: Vec<(Uuid, String)>,
    pub on_card: Vec<Uuid>,
    /// `platform` or `card`.
    pub model: &'static str,
    pub read: ReadOutcome,
    /// Orders that the provider will turn out to have been paid for when they are closed.
    pub paid_behind: bool,
    /// What a look-up of a card answers.
    pub card_refused: Option<&'static str>,
    pub place_refused: Option<&'static str>,
    /// A server that hands out another voucher the second time, as it must not.
    pub two_vouchers: bool,
    pub revoked: bool,
    /// What it says of an order it does not have.
    pub lost: Option<&'static str>,
    pub calls: Vec<Call>,
    next: u128,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            orders: BTreeMap::new(),
            drafts: BTreeMap::new(),
            prints: BTreeMap::new(),
            printed: Vec::new(),
            vouchers: BTreeMap::new(),
            voucher_ends: Vec::new(),
            events: Vec::new(),
            on_card: Vec::new(),
            model: "platform",
            read: ReadOutcome::Fresh,
            paid_behind: false,
            card_refused: None,
            place_refused: None,
            two_vouchers: false,
            revoked: false,
            lost: None,
            calls: Vec::new(),
            next: 0xA000_0000_0000_0000_0000_0000_0000,
        }
    }
}

fn no(code: &str) -> Outcome {
    let problem = Problem {
        code: code.to_owned(),
        title: "不行".to_owned(),
        title_en: "No".to_owned(),
        trace_id: "t".to_owned(),
    };
    Err(Failure::Refused(problem))
}

impl Server {
    fn id(&mut self) -> Uuid {
        self.next += 1;
        Uuid::from_u128(self.next)
    }

    pub fn answer(&mut self, call: Call) -> Outcome {
        self.calls.push(call.clone());
        let of_order = matches!(
            call,
            Call::Order { .. } | Call::Cancel { .. } | Call::Print { .. } | Call::Printed { .. }
        );
        if self.revoked && !of_order {
            return Err(Failure::Revoked);
        }
        match call {
            Call::FindMeter(asked) if asked.number == METER => Ok(Answer::Matches(found(true))),
            Call::FindMeter(_) => Ok(Answer::Matches(Matches::default())),
            Call::Rooms { under } => Ok(Answer::Rooms(rooms(under.as_deref()))),
            Call::FindRoom(asked) if asked.last_four == "0803" => Ok(Answer::Matches(found(false))),
            Call::FindRoom(_) => no("not_found"),
            Call::AskPhone(_) => Ok(Answer::PhoneAsked(PhoneAsked {
                challenge: Uuid::from_u128(77),
                masked: "138****1234".to_owned(),
                expires_in_ms: 300_000,
                again_in_ms: 60_000,
            })),
            Call::ProvePhone(proof) if proof.code == "123456" => Ok(Answer::Matches(found(false))),
            Call::ProvePhone(_) => no("code.refused"),
            Call::CardKeys(_) => {
                Ok(Answer::CardKeys(CardKeys { key_a: "a0a1a2a3a4a5".to_owned(), copies: [4, 8] }))
            }
            Call::FindCard(_) => match self.card_refused {
                Some(code) => no(code),
                None => Ok(Answer::Matches(found(false))),
            },
            Call::Account { .. } => Ok(Answer::Account(Box::new(self.account(None)))),
            Call::Read { .. } => Ok(Answer::Account(Box::new(self.account(Some(self.read))))),
            Call::Quote(asked) => Ok(Answer::Quote(Quote {
                amount_fen: asked.amount_fen,
                fee_fen: 0,
                quantity: Some(85_000),
                balance_after_fen: Some(8_640 + asked.amount_fen),
                restores: None,
            })),
            call => self.answer_order(call),
        }
    }

    fn answer_order(&mut self, call: Call) -> Outcome {
        match call {
            Call::Place(draft) => self.place(draft),
            Call::Order { order } => self.show(order),
            Call::OrderByClient { client_id } => {
                let order = self.drafts.get(&client_id).map(|(order, _)| *order);
                order.map_or_else(|| no("not_found"), |order| self.show(order))
            }
            Call::Cancel { order } => {
                let state = self.orders[&order].state;
                if !state.is_paid() {
                    let paid = self.paid_behind;
                    let to = if paid { OrderState::PowerOn } else { OrderState::Closed };
                    self.move_to(order, to);
                }
                self.show(order)
            }
            Call::Find(asked) => {
                let found = self.orders.values().find(|view| view.order_no == asked.order_no);
                match found.map(|view| view.id) {
                    Some(order) if asked.last_four == "0803" => self.show(order),
                    _ => no("not_found"),
                }
            }
            Call::Tell { order, event } => {
                self.events.push((order, event.name));
                Ok(Answer::Heard)
            }
            Call::Print { order, request } => Ok(self.print(order, &request)),
            Call::Printed { print, report } => {
                self.printed.push((print, report.outcome));
                Ok(Answer::Heard)
            }
            Call::Voucher { order, request } => self.voucher(order, &request.uid),
            Call::VoucherEnded { voucher, report } => {
                self.voucher_ends.push((voucher, report.outcome));
                let order = self.vouchers.iter().find(|(_, made)| made.id == voucher);
                if let Some(order) = order.map(|(order, _)| *order)
                    && report.outcome == VoucherOutcome::Written
                {
                    self.move_to(order, OrderState::CardWritten);
                }
                Ok(Answer::Heard)
            }
            other => panic!("no answer to {other:?}"),
        }
    }

    fn place(&mut self, draft: OrderDraft) -> Outcome {
        if let Some(code) = self.place_refused {
            return no(code);
        }
        let known = self.drafts.get(&draft.client_id).map(|(order, _)| *order);
        let order = known.unwrap_or_else(|| {
            let order = self.id();
            let view = order_view(order, &draft, self.model, self.orders.len());
            self.orders.insert(order, view);
            self.drafts.insert(draft.client_id, (order, draft));
            order
        });
        self.show(order)
    }

    fn show(&self, order: Uuid) -> Outcome {
        let code = self.lost.unwrap_or("not_found");
        self.orders
            .get(&order)
            .map_or_else(|| no(code), |view| Ok(Answer::Order(Box::new(view.clone()))))
    }

    fn print(&mut self, order: Uuid, request: &kiosk_wire::receipt::PrintRequest) -> Answer {
        let before = self
            .prints
            .iter()
            .filter(|(print, made)| made.0 == order && **print != request.print_id);
        let copy = u32::try_from(before.clone().count()).unwrap();
        let already = request.automatic && before.count() > 0;
        self.prints.insert(request.print_id, (order, request.automatic));
        let receipt = Receipt::default();
        Answer::Print(Box::new(Print { print_id: request.print_id, copy, already, receipt }))
    }

    fn voucher(&mut self, order: Uuid, uid: &str) -> Outcome {
        let draft = self.drafts.values().find(|(made, _)| *made == order).map(|(_, draft)| draft);
        if draft.and_then(|draft| draft.card.as_deref()).is_some_and(|card| card != uid) {
            return no("card.other");
        }
        if self.two_vouchers {
            self.vouchers.remove(&order);
        }
        if !self.vouchers.contains_key(&order) {
            let id = self.id();
            let blocks = vec![Block { number: 8, bytes: "00".repeat(16) }];
            let seq = 7 + u32::try_from(self.vouchers.len()).unwrap();
            let made = Voucher { id, seq, copy: 1, blocks, on_card: false, expires_in_ms: 120_000 };
            self.vouchers.insert(order, made);
        }
        let mut made = self.vouchers[&order].clone();
        made.on_card = self.on_card.contains(&made.id);
        Ok(Answer::Voucher(made))
    }

    pub fn move_to(&mut self, order: Uuid, state: OrderState) {
        let view = self.orders.get_mut(&order).expect("that order");
        view.state = state;
        if state != OrderState::AwaitingPayment {
            view.qr = None;
        }
        if state.is_paid() {
            view.receipt_url = Some("https://yufu.example/r/tok".to_owned());
        }
    }

    pub fn card_image(&self, uid: &str) -> CardLookup {
        let block = |number| Block { number, bytes: "11".repeat(16) };
        let blocks = [4, 5, 6, 8, 9, 10].map(block).to_vec();
        CardLookup { uid: uid.to_owned(), format: "yufu-m1".to_owned(), blocks }
    }

    /// Orders that were made under each session.
    pub fn orders_of(&self, session: Uuid) -> usize {
        self.drafts.values().filter(|(_, draft)| draft.session == session).count()
    }

    fn account(&self, read: Option<ReadOutcome>) -> AccountView {
        let at: DateTime<Utc> = "2026-11-21T06:00:00Z".parse().unwrap();
        let live = read == Some(ReadOutcome::Fresh);
        AccountView {
            matched: found(false).matches.remove(0),
            money_model: self.model.to_owned(),
            balance_fen: Some(Aged { value: 8_640, at, age_ms: 0, live }),
            register: None,
            used_today: None,
            used_month: None,
            price_e4: Some(5_880),
            supply: "on".to_owned(),
            supply_text: Text::new("供电中", "Power on"),
            restore_fen: None,
            amounts: Amounts { usual_fen: vec![2_000, 5_000], min_fen: 1, max_fen: 100_000 },
            closed: None,
            read,
        }
    }
}

fn found(typed: bool) -> Matches {
    let one = Match {
        handle: "m-1".to_owned(),
        place: PLACE.to_owned(),
        purpose: "electricity".to_owned(),
        meter_tail: "0803".to_owned(),
        meter_number: typed.then(|| METER.to_owned()),
        holder: Some(HOLDER.to_owned()),
    };
    Matches { matches: vec![one] }
}

fn rooms(under: Option<&str>) -> Rooms {
    let node =
        |id: &str, label: &str, room| RoomNode { id: id.to_owned(), label: label.to_owned(), room };
    let nodes = match under {
        None => vec![node("b5", "5 栋", false), node("b6", "6 栋", false)],
        Some("b5") => vec![node("r0803", "0803", true)],
        Some(_) => Vec::new(),
    };
    Rooms { nodes }
}

fn order_view(id: Uuid, draft: &OrderDraft, model: &str, n: usize) -> OrderView {
    OrderView {
        id,
        order_no: format!("YF26112114314804{n:02}"),
        state: OrderState::AwaitingPayment,
        amount_fen: draft.amount_fen,
        wallet: draft.wallet.clone(),
        qr: Some(CODE.to_owned()),
        expires_in_ms: 240_000,
        payee: "和园物业".to_owned(),
        place: PLACE.to_owned(),
        purpose: "electricity".to_owned(),
        meter_tail: "0803".to_owned(),
        money_model: model.to_owned(),
        steps: Vec::new(),
        what: Text::new("待支付", "Awaiting payment"),
        safe: Text::new("还没有付款", "Nothing paid"),
        todo: Text::new("请扫码", "Please scan"),
        balance_before_fen: Some(8_640),
        balance_after_fen: None,
        supply: "on".to_owned(),
        receipt_url: None,
    }
}

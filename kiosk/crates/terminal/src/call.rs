//! What the kiosk asks of the server, and what it hears: one value each, so that the session stays
//! a function of what it is told and every answer can be lost, late or doubled in a test.

use kiosk_wire::{
    account::{
        AccountView, Matches, MeterLookup, PhoneAsked, PhoneLookup, PhoneProof, Quote,
        QuoteRequest, RoomLookup, Rooms,
    },
    card::{CardKeys, CardKeysRequest, CardLookup, Voucher, VoucherReport, VoucherRequest},
    order::{OrderDraft, OrderEvent, OrderFind, OrderView},
    receipt::{Print, PrintReport, PrintRequest},
    text::Problem,
};
use uuid::Uuid;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// `POST /lookups/meter`.
    FindMeter(MeterLookup),
    /// `GET /rooms?under=`.
    Rooms {
        /// What was chosen before; `None` at the top.
        under: Option<String>,
    },
    /// `POST /lookups/room`.
    FindRoom(RoomLookup),
    /// `POST /lookups/phone`.
    AskPhone(PhoneLookup),
    /// `POST /lookups/phone/code`.
    ProvePhone(PhoneProof),
    /// `POST /cards/keys`.
    CardKeys(CardKeysRequest),
    /// `POST /lookups/card`.
    FindCard(CardLookup),
    /// `GET /meters/{handle}`.
    Account {
        /// The meter.
        handle: String,
    },
    /// `POST /meters/{handle}/read`: takes up to 25 s.
    Read {
        /// The meter.
        handle: String,
    },
    /// `POST /quotes`.
    Quote(QuoteRequest),
    /// `POST /orders`, safe to repeat.
    Place(OrderDraft),
    /// `GET /orders/{id}`.
    Order {
        /// The order.
        order: Uuid,
    },
    /// `GET /orders/by-client/{client_id}`, after a lost answer or a restart.
    OrderByClient {
        /// The id the kiosk made.
        client_id: Uuid,
    },
    /// `POST /orders/{id}/cancel`: query, close, query again; the answer says where it stands.
    Cancel {
        /// The order.
        order: Uuid,
    },
    /// `POST /orders/find`.
    Find(OrderFind),
    /// `POST /orders/{id}/events`.
    Tell {
        /// The order.
        order: Uuid,
        /// What happened.
        event: OrderEvent,
    },
    /// `POST /orders/{id}/prints`.
    Print {
        /// The order.
        order: Uuid,
        /// The print.
        request: PrintRequest,
    },
    /// `POST /prints/{id}/outcome`.
    Printed {
        /// The print.
        print: Uuid,
        /// How it ended.
        report: PrintReport,
    },
    /// `POST /orders/{id}/voucher`.
    Voucher {
        /// The order.
        order: Uuid,
        /// The card on the reader.
        request: VoucherRequest,
    },
    /// `POST /vouchers/{id}/outcome`.
    VoucherEnded {
        /// The voucher.
        voucher: Uuid,
        /// How it ended.
        report: VoucherReport,
    },
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To the look-ups.
    Matches(Matches),
    /// To [`Call::Rooms`].
    Rooms(Rooms),
    /// To [`Call::AskPhone`].
    PhoneAsked(PhoneAsked),
    /// To [`Call::CardKeys`].
    CardKeys(CardKeys),
    /// To [`Call::Account`] and [`Call::Read`].
    Account(Box<AccountView>),
    /// To [`Call::Quote`].
    Quote(Quote),
    /// To everything about an order.
    Order(Box<OrderView>),
    /// To [`Call::Print`].
    Print(Box<Print>),
    /// To [`Call::Voucher`].
    Voucher(Voucher),
    /// To what only had to be told.
    Heard,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// Nothing came back, or nothing that can be read: whether the server has done it is not known.
    Lost,
    /// The server has said no and done nothing.
    Refused(Problem),
    /// The server does not let this kiosk in any more.
    Revoked,
}

/// An answer or the reason for none.
pub type Outcome = Result<Answer, Failure>;

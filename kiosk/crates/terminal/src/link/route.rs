//! Which request a call is: a table, without a socket.

use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

use crate::call::{Answer, Call};

/// What an answer is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Answer::Matches`].
    Matches,
    /// [`Answer::Rooms`].
    Rooms,
    /// [`Answer::PhoneAsked`].
    PhoneAsked,
    /// [`Answer::CardKeys`].
    CardKeys,
    /// [`Answer::Account`].
    Account,
    /// [`Answer::Quote`].
    Quote,
    /// [`Answer::Order`].
    Order,
    /// [`Answer::Print`].
    Print,
    /// [`Answer::Voucher`].
    Voucher,
    /// [`Answer::Heard`].
    Heard,
}

/// One request, below `/api/kiosk/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The parts of the path, as they are: whoever puts them together escapes them.
    pub path: Vec<String>,
    /// A parameter.
    pub query: Option<(&'static str, String)>,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// How long the whole of it may take; then nobody knows what came of it.
    pub deadline_ms: u64,
    /// What is expected.
    pub kind: Kind,
}

impl Route {
    fn get<const N: usize>(path: [&str; N], deadline_ms: u64, kind: Kind) -> Route {
        let path = path.map(str::to_owned).to_vec();
        Route { method: Method::GET, path, query: None, body: None, deadline_ms, kind }
    }

    fn post<const N: usize>(path: [&str; N], deadline_ms: u64, kind: Kind) -> Route {
        Route { method: Method::POST, ..Route::get(path, deadline_ms, kind) }
    }

    fn with(self, body: &impl Serialize) -> Route {
        // The types of the wire are plain: what cannot be written cannot be built either.
        Route { body: Some(serde_json::to_vec(body).unwrap_or_default()), ..self }
    }
}

/// The request of a call.
pub fn route(call: &Call) -> Route {
    // Deadlines: what a person waits for before a screen without an answer, F.7 and the contract.
    match call {
        Call::FindMeter(what) => Route::post(["lookups", "meter"], 8_000, Kind::Matches).with(what),
        Call::FindRoom(what) => Route::post(["lookups", "room"], 8_000, Kind::Matches).with(what),
        Call::AskPhone(what) => {
            Route::post(["lookups", "phone"], 8_000, Kind::PhoneAsked).with(what)
        }
        Call::ProvePhone(what) => {
            Route::post(["lookups", "phone", "code"], 8_000, Kind::Matches).with(what)
        }
        Call::CardKeys(what) => Route::post(["cards", "keys"], 5_000, Kind::CardKeys).with(what),
        Call::FindCard(what) => Route::post(["lookups", "card"], 8_000, Kind::Matches).with(what),
        Call::Rooms { under } => {
            let query = under.clone().map(|under| ("under", under));
            Route { query, ..Route::get(["rooms"], 8_000, Kind::Rooms) }
        }
        Call::Account { handle } => Route::get(["meters", handle], 8_000, Kind::Account),
        Call::Read { handle } => Route::post(["meters", handle, "read"], 28_000, Kind::Account),
        Call::Quote(what) => Route::post(["quotes"], 8_000, Kind::Quote).with(what),
        Call::Place(draft) => Route::post(["orders"], 8_000, Kind::Order).with(draft),
        Call::Order { order } => Route::get(["orders", &order.to_string()], 5_000, Kind::Order),
        Call::OrderByClient { client_id } => {
            Route::get(["orders", "by-client", &client_id.to_string()], 5_000, Kind::Order)
        }
        Call::Cancel { order } => {
            Route::post(["orders", &order.to_string(), "cancel"], 10_000, Kind::Order)
        }
        Call::Find(what) => Route::post(["orders", "find"], 8_000, Kind::Order).with(what),
        Call::Tell { order, event } => {
            Route::post(["orders", &order.to_string(), "events"], 8_000, Kind::Heard).with(event)
        }
        Call::Print { order, request } => {
            Route::post(["orders", &order.to_string(), "prints"], 8_000, Kind::Print).with(request)
        }
        Call::Printed { print, report } => {
            Route::post(["prints", &print.to_string(), "outcome"], 8_000, Kind::Heard).with(report)
        }
        Call::Voucher { order, request } => {
            Route::post(["orders", &order.to_string(), "voucher"], 8_000, Kind::Voucher)
                .with(request)
        }
        Call::VoucherEnded { voucher, report } => {
            Route::post(["vouchers", &voucher.to_string(), "outcome"], 8_000, Kind::Heard)
                .with(report)
        }
    }
}

/// Reads an answer; `None` where it is not one to this call.
pub(super) fn answer(call: &Call, kind: Kind, body: &[u8]) -> Option<Answer> {
    let answer = match kind {
        Kind::Matches => Answer::Matches(read(body)?),
        Kind::Rooms => Answer::Rooms(read(body)?),
        Kind::PhoneAsked => Answer::PhoneAsked(read(body)?),
        Kind::CardKeys => Answer::CardKeys(read(body)?),
        Kind::Account => Answer::Account(read(body)?),
        Kind::Quote => Answer::Quote(read(body)?),
        Kind::Order => Answer::Order(read(body)?),
        Kind::Print => Answer::Print(read(body)?),
        Kind::Voucher => Answer::Voucher(read(body)?),
        Kind::Heard => Answer::Heard,
    };
    belongs(call, &answer).then_some(answer)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// Whether an answer is about what was asked for: one about another order is no answer.
fn belongs(call: &Call, answer: &Answer) -> bool {
    match (call, answer) {
        (Call::Order { order } | Call::Cancel { order }, Answer::Order(view)) => view.id == *order,
        (Call::Place(draft), Answer::Order(view)) => {
            view.amount_fen == draft.amount_fen && view.wallet == draft.wallet
        }
        (Call::Quote(asked), Answer::Quote(quote)) => quote.amount_fen == asked.amount_fen,
        (Call::Print { request, .. }, Answer::Print(print)) => print.print_id == request.print_id,
        _ => true,
    }
}

//! A sale at the kiosk: priced and decided by the server, watched by the kiosk.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text::Text;

/// `POST /orders`: the same `client_id` finds the same order for ever (P1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDraft {
    /// Made by the kiosk and in its journal before it is sent.
    pub client_id: Uuid,
    /// The customer's session at the kiosk.
    pub session: Uuid,
    /// The meter.
    pub handle: String,
    /// The amount.
    pub amount_fen: i64,
    /// `wechat` or `alipay`.
    pub wallet: String,
    /// Whether whoever pays has accepted that no receipt can be printed.
    pub without_paper: bool,
    /// The card that is written afterwards, for a card meter.
    pub card: Option<String>,
}

/// An order as the kiosk sees it: `POST /orders`, `GET /orders/{id}`,
/// `GET /orders/by-client/{client_id}`, `POST /orders/{id}/cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// The order.
    pub id: Uuid,
    /// The number people read out, `YF2611201431480417`.
    pub order_no: String,
    /// Where it stands.
    pub state: OrderState,
    /// The amount.
    pub amount_fen: i64,
    /// `wechat` or `alipay`.
    pub wallet: String,
    /// What is shown as a QR code while it can be paid; `None` from then on.
    pub qr: Option<String>,
    /// How long it can be paid for.
    pub expires_in_ms: u64,
    /// To whom the money goes.
    pub payee: String,
    /// Where the meter is.
    pub place: String,
    /// `electricity`, `water` or `gas`.
    pub purpose: String,
    /// The last four digits of the meter's number.
    pub meter_tail: String,
    /// `platform`, `meter` or `card`.
    pub money_model: String,
    /// How far it has come.
    pub steps: Vec<Step>,
    /// What happened, whether the money is safe, what to do.
    pub what: Text,
    /// See `what`.
    pub safe: Text,
    /// See `what`.
    pub todo: Text,
    /// What was there before, as far as it is known.
    pub balance_before_fen: Option<i64>,
    /// What was there afterwards, as far as it is known.
    pub balance_after_fen: Option<i64>,
    /// How supply was last read: `on`, `off`, `confirm`, `offline`, `kept`, `moving`, `unknown`.
    pub supply: String,
    /// The address of the receipt for anybody who is shown it, once there is one.
    pub receipt_url: Option<String>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Not paid, can be.
    AwaitingPayment,
    /// The provider is being asked; it may be paid.
    Confirming,
    /// Not paid, and cannot be any more: nothing was charged.
    Closed,
    /// The money is here, on its way to the meter.
    Paid,
    /// The money is here, the meter cannot be reached.
    PaidOffline,
    /// Whether the meter took it is being found out.
    InDoubt,
    /// The meter has it.
    OnMeter,
    /// The meter has it and supply was read as on.
    PowerOn,
    /// The money is here and waits to be written to the card.
    AwaitingCard,
    /// The card was written and read back.
    CardWritten,
    /// The money is here and a person has to look (amount differs, account closed …).
    Held,
    /// Given back.
    Refunded,
}

impl OrderState {
    /// Whether money has been received: nothing may be cancelled and nothing is called failed.
    pub fn is_paid(self) -> bool {
        !matches!(self, Self::AwaitingPayment | Self::Confirming | Self::Closed)
    }

    /// Whether the customer need not wait for more at the kiosk.
    pub fn is_settled(self) -> bool {
        matches!(
            self,
            Self::Closed | Self::PowerOn | Self::CardWritten | Self::Held | Self::Refunded
        )
    }
}

/// One step of the timeline: `paid`, `credited`, `on_meter`, `power_on` or `card_written`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// When it was reached; `None` = not yet.
    pub at: Option<DateTime<Utc>>,
    /// How that is known: the provider's number, the purchase count …
    pub proof: Option<Text>,
}

/// `POST /orders/find`: an order of whoever asks for its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFind {
    /// The order's number as on the receipt or in the wallet.
    pub order_no: String,
    /// The last four digits of the meter's number.
    pub last_four: String,
}

/// `POST /orders/{id}/events`: what the customer did with it at the kiosk, for its timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// This event; told twice it counts once.
    pub id: Uuid,
    /// `qr_shown`, `qr_hidden`, `left`, `abandoned`, `result_shown`, `card_asked`.
    pub name: String,
    /// Which one it is since the process began, from 1: by what is missing or comes twice somebody
    /// is told that the kiosk's word and the books differ. Absent where a kiosk does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

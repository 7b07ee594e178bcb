//! What is written down before it is done.

use kiosk_wire::{card::VoucherOutcome, order::OrderState, receipt::PrintOutcome};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One line. It names ids and steps; no name, phone, meter or card is in it but the serial number a
/// torn card has to be known again by (F.7, rows 22 and 36).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Line {
    /// An order is about to be asked for.
    Ordering {
        /// The order, by the name the kiosk gave it.
        client: Uuid,
        /// The customer's session.
        session: Uuid,
        /// The card that is written afterwards.
        card: Option<String>,
    },
    /// The server has it.
    Placed {
        /// See [`Line::Ordering`].
        client: Uuid,
        /// The order, by the server's name.
        order: Uuid,
    },
    /// Its code is about to be shown.
    Shown {
        /// The order.
        client: Uuid,
    },
    /// It is about to be closed: the time was up, or somebody gave up.
    Closing {
        /// The order.
        client: Uuid,
    },
    /// The server says it is paid.
    Paid {
        /// The order.
        client: Uuid,
        /// Where it stood.
        state: OrderState,
    },
    /// A receipt is about to be asked for.
    PrintAsked {
        /// The order, by the server's name.
        order: Uuid,
        /// The print.
        print: Uuid,
        /// Whether it comes by itself.
        automatic: bool,
    },
    /// Its bytes are about to go to the printer.
    PrintSent {
        /// The print.
        print: Uuid,
    },
    /// How that ended.
    Printed {
        /// The print.
        print: Uuid,
        /// As far as the printer says.
        outcome: PrintOutcome,
        /// Millimetres of paper.
        paper_mm: u32,
    },
    /// The server knows how that ended.
    PrintTold {
        /// The print.
        print: Uuid,
    },
    /// A voucher is about to be written to a card.
    Writing {
        /// The order.
        client: Uuid,
        /// The voucher.
        voucher: Uuid,
        /// The card's own number.
        uid: String,
        /// The purchase's number on the card.
        seq: u32,
        /// Which copy is written.
        copy: u8,
    },
    /// How that ended.
    Wrote {
        /// The order.
        client: Uuid,
        /// The voucher.
        voucher: Uuid,
        /// As far as the card says.
        outcome: VoucherOutcome,
    },
    /// Nothing of this order is left to do here.
    Done {
        /// The order.
        client: Uuid,
    },
}

//! What a journal leaves open: the sales, prints and cards whose end it does not know.

use kiosk_wire::{
    card::VoucherOutcome,
    order::OrderState,
    receipt::{PrintOutcome, PrintReport},
};
use uuid::Uuid;

use super::Line;

/// The most sales and the most prints that are kept open; the oldest are let go, and the server's
/// own sweep ends them.
pub const OPEN_MAX: usize = 64;

/// Everything that is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Oldest first.
    pub sales: Vec<OpenSale>,
    /// Oldest first.
    pub prints: Vec<OpenPrint>,
}

/// A sale whose end is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSale {
    /// The order, by the kiosk's name.
    pub client: Uuid,
    /// The customer's session.
    pub session: Uuid,
    /// The card that is written afterwards.
    pub card: Option<String>,
    /// The order, by the server's name, once that was heard.
    pub order: Option<Uuid>,
    /// Whether its code may have been seen.
    pub shown: bool,
    /// Whether it was about to be closed.
    pub closing: bool,
    /// What the server last said after it was paid.
    pub paid: Option<OrderState>,
    /// The voucher that may be on the card.
    pub voucher: Option<OpenVoucher>,
}

impl OpenSale {
    /// The step it stood at, by a stable name.
    pub fn step(&self) -> &'static str {
        match self {
            OpenSale { voucher: Some(voucher), .. } => match voucher.outcome {
                None => "card_writing",
                Some(VoucherOutcome::Written) => "card_written",
                Some(_) => "card_unknown",
            },
            OpenSale { paid: Some(_), .. } => "paid",
            OpenSale { closing: true, .. } => "closing",
            OpenSale { shown: true, .. } => "qr_shown",
            OpenSale { order: Some(_), .. } => "placed",
            OpenSale { .. } => "ordering",
        }
    }
}

/// A voucher that was about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenVoucher {
    /// The voucher.
    pub id: Uuid,
    /// The card's own number.
    pub uid: String,
    /// The purchase's number on the card.
    pub seq: u32,
    /// Which copy is written.
    pub copy: u8,
    /// How the last try ended; `None` = nobody knows.
    pub outcome: Option<VoucherOutcome>,
}

/// A print the server was not told the end of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPrint {
    /// The order.
    pub order: Uuid,
    /// The print.
    pub print: Uuid,
    /// Whether it came by itself.
    pub automatic: bool,
    /// Whether bytes may have gone to the printer.
    pub sent: bool,
    /// How it ended.
    pub outcome: Option<(PrintOutcome, u32)>,
}

impl OpenPrint {
    /// What the server is told of it after a restart; `None` where nothing was sent to the printer.
    ///
    /// Invariant: a print that may have begun is *unknown*, and never begun again by itself
    /// (`killed_after_every_journal_line_a_sale_keeps_its_invariants`).
    pub fn report(&self) -> Option<PrintReport> {
        match self.outcome {
            Some((outcome, paper_mm)) => Some(PrintReport { outcome, paper_mm }),
            None if self.sent => Some(PrintReport { outcome: PrintOutcome::Unknown, paper_mm: 0 }),
            None => None,
        }
    }
}

impl Open {
    /// Takes a line in.
    pub fn apply(&mut self, line: &Line) {
        match line {
            Line::Ordering { client, session, card } => self.begin(*client, *session, card.clone()),
            Line::Placed { client, order } => self.on(*client, |sale| sale.order = Some(*order)),
            Line::Shown { client } => self.on(*client, |sale| sale.shown = true),
            Line::Closing { client } => self.on(*client, |sale| sale.closing = true),
            Line::Paid { client, state } => self.on(*client, |sale| sale.paid = Some(*state)),
            Line::Writing { client, voucher, uid, seq, copy } => self.on(*client, |sale| {
                sale.voucher = Some(OpenVoucher {
                    id: *voucher,
                    uid: uid.clone(),
                    seq: *seq,
                    copy: *copy,
                    outcome: None,
                });
            }),
            Line::Wrote { client, voucher, outcome } => self.on(*client, |sale| {
                if let Some(open) = sale.voucher.as_mut().filter(|open| open.id == *voucher) {
                    open.outcome = Some(*outcome);
                }
            }),
            Line::Done { client } => self.sales.retain(|sale| sale.client != *client),
            Line::PrintAsked { order, print, automatic } => {
                self.prints.push(OpenPrint {
                    order: *order,
                    print: *print,
                    automatic: *automatic,
                    sent: false,
                    outcome: None,
                });
                if self.prints.len() > OPEN_MAX {
                    self.prints.remove(0);
                }
            }
            Line::PrintSent { print } => self.on_print(*print, |open| open.sent = true),
            Line::Printed { print, outcome, paper_mm } => {
                self.on_print(*print, |open| open.outcome = Some((*outcome, *paper_mm)));
            }
            Line::PrintTold { print } => self.prints.retain(|open| open.print != *print),
        }
    }

    /// The lines that say the same as this, for a journal written anew.
    pub fn lines(&self) -> Vec<Line> {
        let sales = self.sales.iter().flat_map(sale_lines);
        let prints = self.prints.iter().flat_map(print_lines);
        sales.chain(prints).collect()
    }

    fn begin(&mut self, client: Uuid, session: Uuid, card: Option<String>) {
        if self.sales.iter().any(|sale| sale.client == client) {
            return;
        }
        self.sales.push(OpenSale {
            client,
            session,
            card,
            order: None,
            shown: false,
            closing: false,
            paid: None,
            voucher: None,
        });
        if self.sales.len() > OPEN_MAX {
            self.sales.remove(0);
        }
    }

    fn on(&mut self, client: Uuid, change: impl FnOnce(&mut OpenSale)) {
        if let Some(sale) = self.sales.iter_mut().find(|sale| sale.client == client) {
            change(sale);
        }
    }

    fn on_print(&mut self, print: Uuid, change: impl FnOnce(&mut OpenPrint)) {
        if let Some(open) = self.prints.iter_mut().find(|open| open.print == print) {
            change(open);
        }
    }
}

fn sale_lines(sale: &OpenSale) -> Vec<Line> {
    let client = sale.client;
    let mut lines = vec![Line::Ordering { client, session: sale.session, card: sale.card.clone() }];
    lines.extend(sale.order.map(|order| Line::Placed { client, order }));
    lines.extend(sale.shown.then_some(Line::Shown { client }));
    lines.extend(sale.closing.then_some(Line::Closing { client }));
    lines.extend(sale.paid.map(|state| Line::Paid { client, state }));
    if let Some(OpenVoucher { id, uid, seq, copy, outcome }) = &sale.voucher {
        let (voucher, uid) = (*id, uid.clone());
        lines.push(Line::Writing { client, voucher, uid, seq: *seq, copy: *copy });
        lines.extend(outcome.map(|outcome| Line::Wrote { client, voucher, outcome }));
    }
    lines
}

fn print_lines(open: &OpenPrint) -> Vec<Line> {
    let OpenPrint { order, print, automatic, sent, outcome } = open.clone();
    let mut lines = vec![Line::PrintAsked { order, print, automatic }];
    lines.extend(sent.then_some(Line::PrintSent { print }));
    lines.extend(outcome.map(|(outcome, paper_mm)| Line::Printed { print, outcome, paper_mm }));
    lines
}

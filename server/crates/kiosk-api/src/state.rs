//! Where an order stands, in the kiosk's words.

use domain::OrderState as Booked;
use kiosk_wire::order::OrderState;

/// What the state of an order at a kiosk follows from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Where the books have it.
    pub booked: Booked,
    /// The tenant's word for it, which knows of doubtful payments.
    pub told: &'a str,
    /// True once it can no longer be paid by its own time.
    pub expired: bool,
    /// True if it was closed at some time.
    pub was_closed: bool,
    /// True where we keep the money, and not the meter.
    pub with_us: bool,
    /// True while the meter's gateway is gone.
    pub offline: bool,
    /// True where nothing more happens by itself.
    pub is_final: bool,
    /// Whether its money goes to a card, and whether it is written there.
    pub card: Option<bool>,
}

/// Where an order stands.
///
/// Invariant: power is on, and a meter or card has the money, only where that was read back, and
/// what may be paid is never called closed (KI1, V2); proved by
/// `an_order_stands_where_it_was_proven_to_stand`.
pub fn state_of(facts: &Facts<'_>) -> OrderState {
    let on_its_way = match facts.offline {
        true => OrderState::PaidOffline,
        false => OrderState::Paid,
    };
    match (facts.booked, facts.card) {
        (Booked::Placed, _) if facts.told == "in-doubt" || facts.expired => OrderState::Confirming,
        (Booked::Placed, _) => OrderState::AwaitingPayment,
        (Booked::Closed, _) => OrderState::Closed,
        (Booked::Held, _) => OrderState::Held,
        (Booked::Refunded, _) => OrderState::Refunded,
        (_, Some(true)) => OrderState::CardWritten,
        (_, Some(false)) => OrderState::AwaitingCard,
        (Booked::Restored, None) => OrderState::PowerOn,
        (Booked::Uncertain, None) => OrderState::InDoubt,
        (Booked::Credited, None) if facts.was_closed && !facts.with_us => OrderState::Held,
        (Booked::Delivered, None) if !facts.with_us => OrderState::OnMeter,
        (Booked::Credited | Booked::Delivered, None) if facts.with_us && facts.is_final => {
            OrderState::OnMeter
        }
        (Booked::Credited | Booked::Delivering | Booked::Delivered, None) => on_its_way,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_stands_where_it_was_proven_to_stand() {
        use OrderState::*;
        let usual = Facts {
            booked: Booked::Placed,
            told: "",
            expired: false,
            was_closed: false,
            with_us: false,
            offline: false,
            is_final: false,
            card: None,
        };
        let booked = |booked| Facts { booked, ..usual };
        let table = [
            (booked(Booked::Placed), AwaitingPayment),
            (Facts { told: "in-doubt", ..booked(Booked::Placed) }, Confirming),
            (Facts { expired: true, ..booked(Booked::Placed) }, Confirming),
            (booked(Booked::Closed), Closed),
            (booked(Booked::Held), Held),
            (booked(Booked::Refunded), Refunded),
            (booked(Booked::Credited), Paid),
            (Facts { offline: true, ..booked(Booked::Credited) }, PaidOffline),
            (Facts { was_closed: true, ..booked(Booked::Credited) }, Held),
            (Facts { was_closed: true, with_us: true, ..booked(Booked::Credited) }, Paid),
            (booked(Booked::Delivering), Paid),
            (Facts { offline: true, ..booked(Booked::Delivering) }, PaidOffline),
            (booked(Booked::Uncertain), InDoubt),
            (booked(Booked::Delivered), OnMeter),
            (Facts { with_us: true, ..booked(Booked::Delivered) }, Paid),
            (Facts { with_us: true, is_final: true, ..booked(Booked::Delivered) }, OnMeter),
            (booked(Booked::Restored), PowerOn),
            (Facts { card: Some(false), ..booked(Booked::Delivered) }, AwaitingCard),
            (Facts { card: Some(true), ..booked(Booked::Delivered) }, CardWritten),
            (Facts { card: Some(false), ..booked(Booked::Placed) }, AwaitingPayment),
        ];
        for (facts, want) in table {
            assert_eq!(state_of(&facts), want, "{facts:?}");
        }
    }
}

//! Typed ids: one kind each, so that an order can never be looked up by a meter's id.

use std::{fmt, str::FromStr};

use uuid::{Builder, Uuid};

use crate::{clock::Clock, rng::Rng};

/// The site (项目) a row belongs to. Small and sequential, because it leads every key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectId(pub i64);

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not an id of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a valid {kind} id")]
pub struct IdError {
    /// What kind of id was expected.
    pub kind: &'static str,
}

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident, $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh, time-ordered id (UUID version 7, RFC 9562 §5.7).
            pub fn generate(clock: &dyn Clock, rng: &dyn Rng) -> Self {
                $name(time_ordered(clock, rng))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($kind, ":{}"), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map($name).map_err(|_| IdError { kind: $kind })
            }
        }
    )*};
}

typed_id! {
    /// A customer account (户) of one room.
    AccountId, "account";
    /// A room or shop (房间) that can be let.
    RoomId, "room";
    /// A landlord (房东) of rooms.
    LandlordId, "landlord";
    /// A meter (表计), electricity or water.
    MeterId, "meter";
    /// A gateway or DTU (采集网关) with its buses.
    GatewayId, "gateway";
    /// A tariff version (费率).
    TariffId, "tariff";
    /// A merchant account (商户) at a payment provider.
    MerchantId, "merchant";
    /// A tenant's order (订单).
    OrderId, "order";
    /// One attempt to have an order paid (支付).
    AttemptId, "attempt";
    /// A ledger transaction.
    TransactionId, "transaction";
    /// A hold (冻结) on a purse.
    HoldId, "hold";
    /// A vend (售电下发): one delivery of money to a meter.
    VendId, "vend";
    /// A command to a relay or valve.
    CommandId, "command";
    /// A job in the job table.
    JobId, "job";
    /// An operator (操作员).
    OperatorId, "operator";
    /// An operator's login session.
    SessionId, "session";
    /// A work item a person has to settle.
    WorkItemId, "work item";
    /// A bill line (扣费) for a stretch of use.
    BillLineId, "bill line";
    /// A person (租户) who signs in to the tenant's pages.
    PersonId, "person";
    /// A sign-in of a person with all refresh tokens that follow from it.
    FamilyId, "session family";
    /// A code sent by SMS and waiting to be said back.
    ChallengeId, "challenge";
    /// A person's tie to a home.
    BindingId, "binding";
    /// A request to be bound that staff decide.
    BindingRequestId, "binding request";
    /// A notice (通知) to a person.
    NoticeId, "notice";
}

fn time_ordered(clock: &dyn Clock, rng: &dyn Rng) -> Uuid {
    let mut random = [0u8; 10];
    rng.fill(&mut random);
    let millis = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// The number a person reads out over the phone: `YF` and sixteen digits, the first six the day.
///
/// It is also the stem of what the provider sees, so it holds time and chance: numbers made after
/// a restored backup cannot meet numbers made before it (`payments.md` F4 no. 32).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderNo(String);

impl OrderNo {
    /// A fresh number for an order placed now.
    pub fn generate(clock: &dyn Clock, rng: &dyn Rng) -> Self {
        let day = crate::BusinessDay::of(clock.now()).date().format("%y%m%d");
        let mut random = [0u8; 8];
        rng.fill(&mut random);
        let tail = u64::from_be_bytes(random) % 10_000_000_000;
        OrderNo(format!("YF{day}{tail:010}"))
    }

    /// The number as text, 18 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OrderNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for OrderNo {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text.strip_prefix("YF").unwrap_or_default();
        if digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(OrderNo(text.to_owned()))
        } else {
            Err(IdError { kind: "order number" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ManualClock, SeededRng};

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let (clock, rng) = (ManualClock::at("2026-11-20T06:30:00Z"), SeededRng::new(7));
        let first = OrderId::generate(&clock, &rng);
        clock.advance(std::time::Duration::from_millis(1));
        let second = OrderId::generate(&clock, &rng);
        assert!(first < second);
        assert_eq!(first.to_string().parse(), Ok(first));
    }

    #[test]
    fn an_order_number_names_the_local_day() {
        // 23:30 UTC is already the next morning in Shanghai.
        let clock = ManualClock::at("2026-11-19T23:30:00Z");
        let no = OrderNo::generate(&clock, &SeededRng::new(7));
        assert!(no.as_str().starts_with("YF261120"), "{no}");
        assert_eq!(no.as_str().parse(), Ok(no.clone()));
    }

    #[test]
    fn what_is_no_order_number_is_refused() {
        for text in ["", "YF", "YF26112000000000001", "XX2611200000000000", "YF26112000000000x0"] {
            assert!(text.parse::<OrderNo>().is_err(), "{text:?}");
        }
    }
}

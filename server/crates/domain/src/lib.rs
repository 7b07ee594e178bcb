//! The words of the house: money, energy, volume, typed ids, time, chance and the states an order,
//! a payment, a vend and a supply can be in.
//!
//! This crate knows no database, no JSON and no wire. Everything here is a value; whatever needs
//! the present moment or a random number takes a [`Clock`] or an [`Rng`] as a parameter.

pub mod money;
pub use money::{Currency, Money, MoneyError};
pub mod energy;
pub use energy::Energy;
pub mod volume;
pub use volume::Volume;
pub mod tariff;
pub use tariff::{Carry, Charge, FlatPrice, TariffError};

pub mod id;
pub use id::*;
pub mod clock;
pub use clock::{Clock, ManualClock, SystemClock};
pub mod rng;
pub use rng::{Rng, SeededRng};
pub mod business_day;
pub use business_day::BusinessDay;

pub mod purpose;
pub use purpose::{MoneyModel, Purpose};
pub mod provider;
pub use provider::{Channel, Provider};
pub mod notice;
pub use notice::{NOTICE_CHOICES, NoticeKind};
pub mod person;
pub use person::{
    BindingProof, CodePurpose, DeliveryState, HomeRole, IdentityKind, Language, NoticeChannel,
    PayWay, QuietHours, Theme,
};
pub mod order;
pub use order::{OrderState, OrderTransitionError};
pub mod payment;
pub use payment::AttemptState;

pub mod retry;
pub use retry::{Backoff, payment_query_delay};
pub mod fields;
pub use fields::{FieldError, Fields};
pub mod vend;
pub use vend::{Vend, VendAction, VendEvent, VendRequest, VendState};
pub mod plausibility;
pub use plausibility::{Plausibility, Quality, judge_reading};
pub mod arrears;
pub use arrears::{Situation, TripCause, TripOrder, TripRefusal, TripRules, may_trip};
pub mod supply;
pub use supply::{Supply, SupplyAction, SupplyEvent};

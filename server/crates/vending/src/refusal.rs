//! What the house refuses, and why: every variant is a situation somebody can act on.

use domain::{IdError, Money, OrderState};
use store::StoreError;

/// Why a wish could not be fulfilled. `code` is stable and part of the API; the texts in Chinese
/// and English stand in the server's one error table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing of that name within the caller's reach.
    #[error("there is no such {what}")]
    NotFound {
        /// The kind of thing that was asked for.
        what: &'static str,
    },
    /// The client id was used before, for something else.
    #[error("the client id was used before with another {field}")]
    ClientIdReused {
        /// The first field that differs.
        field: &'static str,
    },
    /// The client id is not 8 to 64 characters of `[0-9A-Za-z_-]`.
    #[error("the client id must have 8 to 64 characters of 0-9 A-Z a-z _ -")]
    ClientIdMalformed,
    /// The amount lies outside what one order may carry.
    #[error("the amount must lie between {min} and {max} yuan")]
    AmountOutOfRange {
        /// The smallest amount.
        min: Money,
        /// The largest amount.
        max: Money,
    },
    /// The account was closed.
    #[error("the account is closed")]
    AccountClosed,
    /// The account is already open, or the room is taken.
    #[error("the room already has an open account")]
    AccountOpen,
    /// The meter belongs to no open account.
    #[error("the meter belongs to no open account")]
    MeterUnassigned,
    /// The meter is quarantined: money commands to it are stopped until a person has looked.
    #[error("the meter is quarantined")]
    MeterQuarantined,
    /// The meter keeps money of its own, which a plain release would forget.
    #[error("the meter keeps money of its own; replace it with what two people saw on it")]
    HoldsMoney,
    /// This life of the meter ended before, with other figures.
    #[error("the meter was replaced before with another {field}")]
    AlreadyReplaced {
        /// The first figure that differs.
        field: &'static str,
    },
    /// The meter has no tariff, so nothing can be priced.
    #[error("the meter has no tariff")]
    NoTariff,
    /// The project has no merchant account for this channel.
    #[error("this way to pay is not offered here")]
    ChannelNotOffered,
    /// The channel needs to know the payer (openid or buyer id).
    #[error("this way to pay needs to know the payer")]
    PayerMissing,
    /// The order is not in a state that allows this.
    #[error("the order is {state}")]
    WrongState {
        /// Where the order stands.
        state: OrderState,
    },
    /// Delivery is in doubt: nothing may be re-sent or paid back before the meter was read.
    #[error("the delivery is in doubt and must be settled by a read-back first")]
    DeliveryInDoubt,
    /// The delivery cannot be sent again, because it is proven or not open.
    #[error("the delivery cannot be sent again: {why}")]
    NotResendable {
        /// Why not, in a few words.
        why: &'static str,
    },
    /// Settling a doubt by hand needs a reason.
    #[error("a reason is required")]
    ReasonMissing,
    /// The switch is refused by a rule of safety.
    #[error("switching is refused: {why}")]
    SwitchRefused {
        /// The rule, by its stable name.
        why: &'static str,
    },
    /// The provider cannot be asked just now.
    #[error("the payment provider cannot be reached just now")]
    ProviderUnreachable,
    /// The provider refused the order.
    #[error("the payment provider refused the order: {code}")]
    ProviderRefused {
        /// The provider's code.
        code: String,
    },
    /// The meter did not answer.
    #[error("the meter did not answer")]
    MeterSilent,
    /// The gateway of the meter is not connected.
    #[error("the meter's gateway is offline")]
    GatewayOffline,
    /// The meter model cannot do this.
    #[error("this meter model cannot do that")]
    NotSupported,
    /// A value is not of the right form.
    #[error("the field {field} is not of the right form")]
    Malformed {
        /// The field's name in the API.
        field: &'static str,
    },
    /// The house keeps still: restored from a backup or stopped by an operator.
    #[error("the system is in safe mode and sends nothing")]
    SafeMode,
}

impl Refusal {
    /// The stable code of the API, as in `order.client_id_reused`.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NotFound { .. } => "not_found",
            Refusal::ClientIdReused { .. } => "order.client_id_reused",
            Refusal::ClientIdMalformed => "order.client_id_malformed",
            Refusal::AmountOutOfRange { .. } => "order.amount_out_of_range",
            Refusal::AccountClosed => "account.closed",
            Refusal::AccountOpen => "account.open",
            Refusal::MeterUnassigned => "meter.unassigned",
            Refusal::MeterQuarantined => "meter.quarantined",
            Refusal::HoldsMoney => "meter.holds_money",
            Refusal::AlreadyReplaced { .. } => "meter.already_replaced",
            Refusal::NoTariff => "meter.no_tariff",
            Refusal::ChannelNotOffered => "payment.channel_not_offered",
            Refusal::PayerMissing => "payment.payer_missing",
            Refusal::WrongState { .. } => "order.wrong_state",
            Refusal::DeliveryInDoubt => "vend.in_doubt",
            Refusal::NotResendable { .. } => "vend.not_resendable",
            Refusal::ReasonMissing => "reason_missing",
            Refusal::SwitchRefused { .. } => "supply.refused",
            Refusal::ProviderUnreachable => "payment.provider_unreachable",
            Refusal::ProviderRefused { .. } => "payment.provider_refused",
            Refusal::MeterSilent => "meter.silent",
            Refusal::GatewayOffline => "gateway.offline",
            Refusal::NotSupported => "meter.not_supported",
            Refusal::Malformed { .. } => "malformed",
            Refusal::SafeMode => "safe_mode",
        }
    }
}

/// A refusal, or a failure of the machinery underneath.
#[derive(Debug, thiserror::Error)]
pub enum VendingError {
    /// The wish was refused; nothing changed.
    #[error("the request was refused")]
    Refused(#[from] Refusal),
    /// The store failed; what had been acknowledged before stands.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl From<IdError> for VendingError {
    fn from(_: IdError) -> Self {
        Refusal::Malformed { field: "id" }.into()
    }
}

/// The result of everything a caller may ask of the house.
pub type Result<T, E = VendingError> = std::result::Result<T, E>;

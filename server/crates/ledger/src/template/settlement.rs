//! Money between us, the providers, the bank and the landlords.

use domain::{LandlordId, MerchantId, Money, Purpose};

use super::{Booked, Template, one};
use crate::{account::LedgerAccount, transaction::Occurrence};

/// The provider kept its fee, by its bill: provider → provider fee.
pub fn provider_fee(occurrence: Occurrence, merchant: MerchantId, amount: Money) -> Booked {
    let provider = LedgerAccount::Provider(merchant);
    one(occurrence, Template::ProviderFee, LedgerAccount::ProviderFee, provider, amount)
}

/// The provider paid out to the bank: provider → bank.
pub fn provider_settled(occurrence: Occurrence, merchant: MerchantId, amount: Money) -> Booked {
    let (bank, provider) = (LedgerAccount::Bank(merchant), LedgerAccount::Provider(merchant));
    one(occurrence, Template::ProviderSettled, bank, provider, amount)
}

/// A statement says what a landlord is owed: revenue → landlord.
pub fn settlement_landlord(
    occurrence: Occurrence,
    purpose: Purpose,
    landlord: LandlordId,
    amount: Money,
) -> Booked {
    let (revenue, owed) = (LedgerAccount::Revenue(purpose), LedgerAccount::Landlord(landlord));
    one(occurrence, Template::SettlementLandlord, revenue, owed, amount)
}

/// A landlord was paid from the bank: landlord → bank.
pub fn settlement_paid(
    occurrence: Occurrence,
    landlord: LandlordId,
    merchant: MerchantId,
    amount: Money,
) -> Booked {
    let (owed, bank) = (LedgerAccount::Landlord(landlord), LedgerAccount::Bank(merchant));
    one(occurrence, Template::SettlementPaid, owed, bank, amount)
}

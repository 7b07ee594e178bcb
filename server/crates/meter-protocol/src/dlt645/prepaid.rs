//! Money in the meter, 03H (A.6): the fee-control layouts and the order-number family.
//!
//! Amounts, counts and MACs are fields here and nothing more; who may send them, and what a reply
//! proves, is decided elsewhere from the read-back.

use super::{Address, CustomerNo, Di, Operator};
use crate::{Payload, PayloadTooLong, bcd_from_u64};
use std::fmt;
use std::str::FromStr;

/// A 03H command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepaid {
    /// 070000FF: identity authentication.
    Authenticate(Authenticate),
    /// 070002FF: end of the authentication.
    AuthEnd(Operator),
    /// 070101FF: open the account, layout of a recharge.
    Open(FeeControl),
    /// 070102FF: recharge, L=1EH.
    Recharge(FeeControl),
    /// 070102FF in the layout of the order-number family, L=22H.
    OrderRecharge(OrderFamily),
    /// 070108FF: refund of the order-number family, same layout.
    OrderRefund(OrderFamily),
    /// 070103FF: wallet initialisation; sets the count to 0.
    WalletInitialise(WalletInitialise),
    /// 078102FF: status query.
    Status(Operator),
}

/// 070000FF: what the encryption machine made for this meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authenticate {
    /// Audit tag.
    pub operator: Operator,
    /// Cipher 1.
    pub cipher: [u8; 8],
    /// Random number 1.
    pub random: [u8; 8],
    /// Diversifier.
    pub diversifier: [u8; 8],
}

/// Recharge or open, fee-control layout, L=1EH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeControl {
    /// Audit tag.
    pub operator: Operator,
    /// Amount in fen, binary.
    pub amount_fen: u32,
    /// The purchase count of this command, binary: the meter's own idempotency key.
    pub purchase_count: u32,
    /// MAC1 over amount and count, from the encryption machine; zeros where no ESAM is.
    pub mac_amount: [u8; 4],
    /// Customer number.
    pub customer: CustomerNo,
    /// MAC2 over the customer number.
    pub mac_customer: [u8; 4],
}

/// Recharge or refund of the order-number family, L=22H. The operator is fixed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderFamily {
    /// Amount in fen, binary.
    pub amount_fen: u32,
    /// Sixteen-digit order number.
    pub order_no: OrderNo,
}

/// 070103FF, L=18H, test key only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletInitialise {
    /// Audit tag.
    pub operator: Operator,
    /// First balance in fen, binary.
    pub amount_fen: u32,
    /// MAC over the amount.
    pub mac_amount: [u8; 4],
    /// MAC over the count, which is always 0.
    pub mac_count: [u8; 4],
}

/// The sixteen-digit order number of the order-number family.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrderNo([u8; 8]);

/// The text is not sixteen digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order number has sixteen decimal digits")]
pub struct OrderNoError;

impl OrderNo {
    /// Takes the eight bytes as they stand after -33H, low byte first.
    #[must_use]
    pub const fn from_wire(wire: [u8; 8]) -> Self {
        OrderNo(wire)
    }
}

impl FromStr for OrderNo {
    type Err = OrderNoError;

    fn from_str(text: &str) -> Result<Self, OrderNoError> {
        if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(OrderNoError);
        }
        let number: u64 = text.parse().map_err(|_| OrderNoError)?;
        let mut wire = [0; 8];
        bcd_from_u64(number, &mut wire).map_err(|_| OrderNoError)?;
        Ok(OrderNo(wire))
    }
}

impl fmt::Display for OrderNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for OrderNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// 83 with balance, count and customer (firmware C, L=12H with its DI).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletReceipt {
    /// Balance after the recharge in fen.
    pub balance_fen: u32,
    /// Purchase count after the recharge.
    pub purchase_count: u32,
    /// Customer number the meter holds.
    pub customer: CustomerNo,
}

/// Answer to 078102FF: 26 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletStatus {
    /// Remaining amount in fen, binary.
    pub remaining_fen: u32,
    /// MAC over the remaining amount.
    pub mac_remaining: [u8; 4],
    /// Purchase count, binary.
    pub purchase_count: u32,
    /// MAC over the count.
    pub mac_count: [u8; 4],
    /// Customer number.
    pub customer: CustomerNo,
    /// Key state.
    pub key: [u8; 4],
}

/// Answer to 070002FF: 18 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthEnd {
    /// Customer number.
    pub customer: CustomerNo,
    /// Remaining amount in fen, binary.
    pub remaining_fen: u32,
    /// Purchase count, binary.
    pub purchase_count: u32,
    /// Key state.
    pub key: [u8; 4],
}

impl Prepaid {
    /// 070000FF.
    pub const AUTHENTICATE: Di = Di(0x0700_00FF);
    /// 070002FF.
    pub const AUTH_END: Di = Di(0x0700_02FF);
    /// 070101FF.
    pub const OPEN: Di = Di(0x0701_01FF);
    /// 070102FF.
    pub const RECHARGE: Di = Di(0x0701_02FF);
    /// 070103FF.
    pub const WALLET_INITIALISE: Di = Di(0x0701_03FF);
    /// 070108FF.
    pub const REFUND: Di = Di(0x0701_08FF);
    /// 078102FF.
    pub const STATUS: Di = Di(0x0781_02FF);

    /// The identifier the command is about.
    #[must_use]
    pub const fn di(&self) -> Di {
        match self {
            Prepaid::Authenticate(_) => Prepaid::AUTHENTICATE,
            Prepaid::AuthEnd(_) => Prepaid::AUTH_END,
            Prepaid::Open(_) => Prepaid::OPEN,
            Prepaid::Recharge(_) | Prepaid::OrderRecharge(_) => Prepaid::RECHARGE,
            Prepaid::OrderRefund(_) => Prepaid::REFUND,
            Prepaid::WalletInitialise(_) => Prepaid::WALLET_INITIALISE,
            Prepaid::Status(_) => Prepaid::STATUS,
        }
    }

    pub(super) fn put(&self, meter: Address, data: &mut Payload) -> Result<(), PayloadTooLong> {
        data.push(&self.di().wire())?;
        match self {
            Prepaid::AuthEnd(operator) | Prepaid::Status(operator) => data.push(&operator.wire()),
            Prepaid::Authenticate(auth) => {
                data.push(&auth.operator.wire())?;
                data.push(&auth.cipher)?;
                data.push(&auth.random)?;
                data.push(&auth.diversifier)
            }
            Prepaid::Open(purchase) | Prepaid::Recharge(purchase) => {
                data.push(&purchase.operator.wire())?;
                data.push(&purchase.amount_fen.to_le_bytes())?;
                data.push(&purchase.purchase_count.to_le_bytes())?;
                data.push(&purchase.mac_amount)?;
                data.push(&purchase.customer.wire())?;
                data.push(&purchase.mac_customer)
            }
            Prepaid::OrderRecharge(purchase) | Prepaid::OrderRefund(purchase) => {
                data.push(&Operator::ORDER_FAMILY.wire())?;
                data.push(&purchase.amount_fen.to_le_bytes())?;
                data.push(&purchase.order_no.0)?;
                data.push(&[0; 4])?;
                data.push(&meter.wire())?;
                data.push(&[0; 4])
            }
            Prepaid::WalletInitialise(wallet) => {
                data.push(&wallet.operator.wire())?;
                data.push(&wallet.amount_fen.to_le_bytes())?;
                data.push(&wallet.mac_amount)?;
                data.push(&[0; 4])?;
                data.push(&wallet.mac_count)
            }
        }
    }
}

/// Cuts fixed-size fields off the front of a reply; `None` once it is too short.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn customer(&mut self) -> Option<CustomerNo> {
        self.take().map(CustomerNo::from_wire)
    }
}

impl WalletReceipt {
    /// Reads the bytes after the DI of an 83; `None` when they are not exactly 14.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let mut fields = Fields(value);
        let receipt = WalletReceipt {
            balance_fen: fields.number()?,
            purchase_count: fields.number()?,
            customer: fields.customer()?,
        };
        fields.0.is_empty().then_some(receipt)
    }
}

impl WalletStatus {
    /// Reads the bytes after the DI of an 83; `None` when they are not exactly 26.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let mut fields = Fields(value);
        let status = WalletStatus {
            remaining_fen: fields.number()?,
            mac_remaining: fields.take()?,
            purchase_count: fields.number()?,
            mac_count: fields.take()?,
            customer: fields.customer()?,
            key: fields.take()?,
        };
        fields.0.is_empty().then_some(status)
    }
}

impl AuthEnd {
    /// Reads the bytes after the DI of an 83; `None` when they are not exactly 18.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let mut fields = Fields(value);
        let end = AuthEnd {
            customer: fields.customer()?,
            remaining_fen: fields.number()?,
            purchase_count: fields.number()?,
            key: fields.take()?,
        };
        fields.0.is_empty().then_some(end)
    }
}

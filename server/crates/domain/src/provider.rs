//! Who moves the tenant's money to us, and through which door.

use std::{fmt, str::FromStr};

use crate::id::IdError;

macro_rules! named_enum {
    (
        $(#[$doc:meta])* $name:ident, $kind:literal,
        $($(#[$vdoc:meta])* $variant:ident = $text:literal,)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// Every value there is.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The stable name in the database and the API.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let found = $name::ALL.iter().copied().find(|v| v.as_str() == text);
                found.ok_or(IdError { kind: $kind })
            }
        }
    };
}
pub(crate) use named_enum;

named_enum! {
    /// A payment provider.
    Provider, "provider",
    /// WeChat Pay (微信支付), APIv3.
    WechatPay = "wechat-pay",
    /// Alipay (支付宝), gateway v1.
    Alipay = "alipay",
}

named_enum! {
    /// The door an order is paid through.
    Channel, "channel",
    /// WeChat Pay inside WeChat: mini-program or service account page.
    WechatJsapi = "wechat-jsapi",
    /// WeChat Pay by a QR code the payer scans.
    WechatNative = "wechat-native",
    /// WeChat Pay from a phone browser outside WeChat.
    WechatH5 = "wechat-h5",
    /// Alipay mini-program (`alipay.trade.create`).
    AlipayCreate = "alipay-create",
    /// Alipay by a QR code the payer scans (`alipay.trade.precreate`).
    AlipayPrecreate = "alipay-precreate",
    /// Alipay from a phone browser (`alipay.trade.wap.pay`).
    AlipayWap = "alipay-wap",
    /// Cash at the counter, taken by an operator.
    Cash = "cash",
    /// A bank transfer an operator has seen arrive.
    BankTransfer = "bank-transfer",
    /// A card terminal at the counter.
    Pos = "pos",
    /// No money comes in: what a replaced meter still held is carried to the one in its place.
    CarriedOver = "carried-over",
}

impl Channel {
    /// The provider behind the door; `None` where none is asked.
    pub fn provider(self) -> Option<Provider> {
        match self {
            Channel::WechatJsapi | Channel::WechatNative | Channel::WechatH5 => {
                Some(Provider::WechatPay)
            }
            Channel::AlipayCreate | Channel::AlipayPrecreate | Channel::AlipayWap => {
                Some(Provider::Alipay)
            }
            Channel::Cash | Channel::BankTransfer | Channel::Pos | Channel::CarriedOver => None,
        }
    }

    /// True where an operator at the counter saw the money.
    pub fn is_counter(self) -> bool {
        matches!(self, Channel::Cash | Channel::BankTransfer | Channel::Pos)
    }
}

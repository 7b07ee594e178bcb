//! A tenant as a person: by what they are known, how they want to be shown the pages, and what
//! they are in a home.

use std::{fmt, str::FromStr};

use crate::{
    id::IdError,
    provider::{Channel, named_enum},
};

named_enum! {
    /// By what a person is known to us.
    IdentityKind, "identity kind",
    /// The openid of a WeChat mini-program; its scope is the app id (`payments.md` C1).
    WechatMini = "wechat-mini",
    /// The openid of a WeChat service account; its scope is the app id (C7).
    WechatPage = "wechat-page",
    /// The user id (or open id) of an Alipay app; its scope is the app id (C10).
    Alipay = "alipay",
    /// A phone number that answered a code; without a scope.
    Phone = "phone",
    /// The unionid by which one visitor's WeChat openids are known to be one person's (C7);
    /// without a scope and shown to nobody.
    WechatUnion = "wechat-union",
}

impl IdentityKind {
    /// True for what a person is told about; a union is only the thread between openids.
    pub fn is_shown(self) -> bool {
        self != IdentityKind::WechatUnion
    }
}

named_enum! {
    /// The language of a person's pages and notices.
    Language, "language",
    /// Chinese, as spoken in the mainland.
    ZhCn = "zh-CN",
    /// English.
    En = "en",
}

named_enum! {
    /// Light or dark pages.
    Theme, "theme",
    /// As the phone has it.
    System = "system",
    /// Light.
    Light = "light",
    /// Dark.
    Dark = "dark",
}

named_enum! {
    /// What a code sent by SMS is good for.
    CodePurpose, "purpose of a code",
    /// Signing in by phone number.
    SignIn = "sign-in",
    /// Proving to live behind a meter: the code goes to the number on file.
    Bind = "bind",
    /// Adding a phone number to a person who is signed in.
    Phone = "phone",
}

named_enum! {
    /// What a person is in a home.
    HomeRole, "role in a home",
    /// Proved to live there; invites others and may end their bindings.
    Owner = "owner",
    /// Lives there by invitation, or came after the owner.
    Member = "member",
}

named_enum! {
    /// How a person proved to belong to a home (S19).
    BindingProof, "proof of a binding",
    /// The code printed for the account.
    Code = "code",
    /// A code sent to the phone number on file.
    Sms = "sms",
    /// An invitation of the owner.
    Invitation = "invitation",
    /// A member of staff looked and agreed.
    Staff = "staff",
}

impl BindingProof {
    /// True where the proof makes an owner when the home has none.
    pub fn makes_owner(self) -> bool {
        self != BindingProof::Invitation
    }
}

named_enum! {
    /// How a notice reaches a person.
    NoticeChannel, "notice channel",
    /// A subscription message of the WeChat mini-program (订阅消息).
    Wechat = "wechat",
    /// A template message of the WeChat service account (模板消息).
    ServiceAccount = "service-account",
    /// A text message.
    Sms = "sms",
    /// The list of notices in the pages.
    InApp = "in-app",
}

named_enum! {
    /// What became of a notice in one channel.
    DeliveryState, "delivery state",
    /// To be sent, or to be sent again.
    Waiting = "waiting",
    /// The provider took it.
    Sent = "sent",
    /// The provider says it arrived.
    Delivered = "delivered",
    /// The provider refused it, or nobody knows and it is not sent again.
    Failed = "failed",
    /// Not sent on purpose: no quota, no number, not wanted.
    Skipped = "skipped",
}

impl DeliveryState {
    /// True while something is still to be done.
    pub fn is_open(self) -> bool {
        self == DeliveryState::Waiting
    }
}

named_enum! {
    /// From which page a person pays an order.
    PayWay, "way to pay",
    /// The WeChat mini-program.
    WechatMini = "wechat-mini",
    /// A page of the WeChat service account.
    WechatPage = "wechat-page",
    /// A phone's browser, handing over to WeChat.
    WechatH5 = "wechat-h5",
    /// The Alipay mini-program.
    AlipayMini = "alipay-mini",
    /// A page in the Alipay app, or a phone's browser handing over to it.
    AlipayPage = "alipay-page",
}

impl PayWay {
    /// The door the money comes through.
    pub fn channel(self) -> Channel {
        match self {
            PayWay::WechatMini | PayWay::WechatPage => Channel::WechatJsapi,
            PayWay::WechatH5 => Channel::WechatH5,
            PayWay::AlipayMini => Channel::AlipayCreate,
            PayWay::AlipayPage => Channel::AlipayWap,
        }
    }
}

/// Minutes in a day.
const DAY_MINUTES: u16 = 1_440;

/// A stretch of the local day in which a person wants to be left in peace; it may pass midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from: u16,
    until: u16,
}

impl QuietHours {
    /// From a minute of the day until another, both 0 to 1439; `None` for what is no minute of a
    /// day or no stretch.
    pub fn new(from_minute: u16, until_minute: u16) -> Option<QuietHours> {
        let fits = from_minute.max(until_minute) < DAY_MINUTES && from_minute != until_minute;
        fits.then_some(QuietHours { from: from_minute, until: until_minute })
    }

    /// The minute it begins.
    pub fn from_minute(self) -> u16 {
        self.from
    }

    /// The first minute after it.
    pub fn until_minute(self) -> u16 {
        self.until
    }

    /// How many minutes a message has to wait at a minute of the day; 0 outside the stretch.
    pub fn wait_minutes(self, minute: u16) -> u16 {
        let since = |a: u16, b: u16| (b + DAY_MINUTES - a % DAY_MINUTES) % DAY_MINUTES;
        let inside = since(self.from, minute % DAY_MINUTES) < since(self.from, self.until);
        if inside { since(minute, self.until) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        assert!(IdentityKind::ALL.iter().all(|k| k.as_str().parse() == Ok(*k)));
        assert!(NoticeChannel::ALL.iter().all(|k| k.as_str().parse() == Ok(*k)));
        assert!("openid".parse::<IdentityKind>().is_err());
    }

    #[test]
    fn an_invitation_makes_no_owner_and_a_union_is_shown_to_nobody() {
        let makes: Vec<_> = BindingProof::ALL.iter().map(|p| p.makes_owner()).collect();
        assert_eq!(makes, [true, true, false, true]);
        let hidden: Vec<_> = IdentityKind::ALL.iter().filter(|k| !k.is_shown()).collect();
        assert_eq!(hidden, [&IdentityKind::WechatUnion]);
    }

    #[test]
    fn every_way_pays_through_a_door_of_its_provider() {
        for way in PayWay::ALL {
            let wechat = way.as_str().starts_with("wechat");
            let provider = way.channel().provider();
            let want = if wechat { crate::Provider::WechatPay } else { crate::Provider::Alipay };
            assert_eq!(provider, Some(want), "{way}");
        }
    }

    #[test]
    fn a_message_waits_until_the_quiet_hours_are_over() {
        // (from, until), minute of the day, minutes to wait
        let table: &[((u16, u16), u16, u16)] = &[
            ((1_320, 480), 1_319, 0),
            ((1_320, 480), 1_320, 600),
            ((1_320, 480), 0, 480),
            ((1_320, 480), 479, 1),
            ((1_320, 480), 480, 0),
            ((780, 840), 779, 0),
            ((780, 840), 800, 40),
            ((780, 840), 840, 0),
            ((0, 1), 0, 1),
            ((1, 0), 0, 0),
            ((1, 0), 1, 1_439),
        ];
        for ((from, until), minute, want) in table {
            let quiet = QuietHours::new(*from, *until).unwrap();
            assert_eq!(quiet.wait_minutes(*minute), *want, "{from}-{until} at {minute}");
        }
        for (from, until) in [(5, 5), (1_440, 0), (0, 1_440)] {
            assert_eq!(QuietHours::new(from, until), None);
        }
    }
}

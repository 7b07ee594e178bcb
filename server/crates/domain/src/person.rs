//! A tenant as a person: by what they are known, how they want to be shown the pages, and what
//! they are in a home.

use std::{fmt, str::FromStr};

use crate::{id::IdError, provider::named_enum};

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
}

//! What a tenant is told about, and how urgent it is (T8).

use std::{fmt, str::FromStr};

use crate::{id::IdError, person::NoticeChannel, provider::named_enum};

named_enum! {
    /// What a notice is about.
    NoticeKind, "kind of a notice",
    /// A top-up arrived; the notice says whether the light is back (已到账, 已送电).
    Credited = "credited",
    /// What became of a top-up is being checked (待确认).
    InDoubt = "in-doubt",
    /// A payment whose amount differs is held for a person (已暂停).
    Held = "held",
    /// An order was paid twice and the second payment goes back (收到两笔付款).
    Refunded = "refunded",
    /// Paid, and still no light after a minute (还没送电).
    Dark = "alarm",
    /// Supply was cut (已断电).
    CutOff = "cut-off",
    /// Supply is back, by hand or after a notice that it was not (已送电).
    Restored = "restored",
    /// A purse fell below one of the site's levels (余额不足).
    LowBalance = "low-balance",
    /// A supply will be cut at an hour that is named (断电前提醒).
    Warning = "warning",
    /// Somebody belongs to a home now.
    BindingAdded = "binding-added",
    /// Somebody no longer belongs to a home.
    BindingEnded = "binding-ended",
}

/// What a person chooses channels for, in the order the pages show it.
pub const NOTICE_CHOICES: [&str; 8] =
    ["low-balance", "warning", "cut-off", "restored", "credited", "refunded", "alarm", "binding"];

impl NoticeKind {
    /// The choice it falls under, one of [`NOTICE_CHOICES`].
    pub fn choice(self) -> &'static str {
        match self {
            NoticeKind::InDoubt | NoticeKind::Held => "credited",
            NoticeKind::BindingAdded | NoticeKind::BindingEnded => "binding",
            other => other.as_str(),
        }
    }

    /// The channels where the person chose none, besides the list in the pages. What costs money
    /// is left to what somebody has to act on.
    pub fn usual_channels(self) -> &'static [NoticeChannel] {
        use NoticeChannel::{ServiceAccount, Sms, Wechat};
        match self {
            NoticeKind::Credited | NoticeKind::BindingAdded | NoticeKind::BindingEnded => {
                &[Wechat, ServiceAccount]
            }
            _ => &[Wechat, ServiceAccount, Sms],
        }
    }

    /// True for what is told at any hour: that supply is gone or back (已断电, 已送电). `lit` says
    /// whether a top-up brought the light back.
    pub fn breaks_quiet(self, lit: bool) -> bool {
        matches!(self, NoticeKind::CutOff | NoticeKind::Restored)
            || (self == NoticeKind::Credited && lit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_falls_under_a_choice_and_every_choice_has_a_kind() {
        for kind in NoticeKind::ALL {
            assert!(NOTICE_CHOICES.contains(&kind.choice()), "{kind}");
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        for choice in NOTICE_CHOICES {
            assert!(NoticeKind::ALL.iter().any(|kind| kind.choice() == choice), "{choice}");
        }
    }

    #[test]
    fn only_light_gone_or_back_is_told_in_quiet_hours() {
        let told = |lit| NoticeKind::ALL.iter().filter(move |kind| kind.breaks_quiet(lit)).count();
        assert_eq!((told(false), told(true)), (2, 3));
    }
}

//! Which class an error code belongs to (`payments.md` B10).

use serde::Deserialize;

use super::wire;
use crate::outcome::{Doubt, Outcome, Rejection};

/// The four fields every answer starts with.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Head {
    #[serde(default, deserialize_with = "wire::text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    msg: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    sub_code: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    sub_msg: Option<String>,
}

/// What a listed business code means for one method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// What was asked about is not there: an answer, not an error.
    Absent,
    /// Refused for good, without effect.
    Declined,
    /// Only a query tells.
    Query,
    /// Our request or configuration.
    OurFault,
    /// Nothing happened; later it may.
    Theirs,
}

/// A method's business codes. The documents contradict themselves on prefixes and spelling, so a
/// code matches where its tail is contained in what was sent; the first match counts.
pub(super) type Table = [(&'static str, Class)];

// Whatever the method: the outcome is open. These stand before every table.
const OPEN: &[&str] = &["SYSTEM_ERROR", "unknow-error"];

// Business codes any method may give.
const COMMON: &Table = &[
    ("INVALID_PARAMETER", Class::OurFault),
    ("ACCESS_FORBIDDEN", Class::OurFault),
    ("PARTNER_ERROR", Class::OurFault),
    ("MERCHANT_STATUS_NOT_NORMAL", Class::OurFault),
    ("RISK_MERCHANT_IP_NOT_EXIST", Class::OurFault),
];

impl Head {
    /// True for the one code that means *accepted*.
    pub fn is_accepted(&self) -> bool {
        self.code.as_deref() == Some("10000")
    }

    /// True where nothing is said about success or failure: no code of either kind.
    pub fn is_bare(&self) -> bool {
        self.code.is_none() && self.sub_code.is_none()
    }

    /// The refusal in Alipay's words: the business code where there is one.
    pub fn rejection(&self) -> Rejection {
        let code = self.sub_code.as_ref().or(self.code.as_ref());
        let message = self.sub_msg.as_ref().or(self.msg.as_ref());
        Rejection::new(code.cloned().unwrap_or_default(), message.cloned().unwrap_or_default())
    }

    /// The class of a signed refusal; `Absent` becomes whatever the method makes of it.
    ///
    /// Invariant: a code nobody listed is unknown (`an_unlisted_code_is_unknown`).
    pub fn settle<T>(&self, table: &Table, absent: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let why = self.rejection();
        match self.class(table) {
            Some(Class::Absent) => absent(),
            Some(Class::Declined) => Outcome::Declined(why),
            Some(Class::Query) => Outcome::Unknown(Doubt::Pending(why)),
            Some(Class::OurFault) => Outcome::OurFault(why),
            Some(Class::Theirs) => Outcome::Theirs(why),
            None => Outcome::Unknown(Doubt::Unlisted(why)),
        }
    }

    /// True where the outer code alone puts the blame on our request, key or permission.
    pub fn blames_us(&self) -> bool {
        matches!(self.code.as_deref(), Some("20001" | "40001" | "40002" | "40003" | "40006"))
            && !self.is_open()
    }

    fn is_open(&self) -> bool {
        let sub_code = self.sub_code.as_deref().unwrap_or_default();
        OPEN.iter().any(|tail| sub_code.contains(tail))
    }

    fn class(&self, table: &Table) -> Option<Class> {
        if self.is_open() {
            return Some(Class::Query);
        }
        let sub_code = self.sub_code.as_deref().unwrap_or_default();
        match self.code.as_deref()? {
            "10003" | "20000" => Some(Class::Query),
            "40004" => {
                let mut rows = table.iter().chain(COMMON);
                rows.find(|(tail, _)| sub_code.contains(tail)).map(|(_, class)| *class)
            }
            "40005" => Some(Class::Theirs),
            _ if self.blames_us() => {
                // The bill service answers business cases under 40002 too.
                let mut rows = table.iter();
                let listed = rows.find(|(tail, _)| sub_code.contains(tail));
                Some(listed.map_or(Class::OurFault, |(_, class)| *class))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &Table =
        &[("TRADE_NOT_EXIST", Class::Absent), ("TRADE_HAS_FINISHED", Class::Declined)];

    fn check(code: &str, sub_code: &str, want: &str) {
        let head = Head {
            code: Some(code.to_owned()),
            sub_code: Some(sub_code.to_owned()).filter(|s| !s.is_empty()),
            ..Head::default()
        };
        let got = head.settle(TABLE, || Outcome::Done(()));
        assert_eq!(got.class(), want, "{code} {sub_code}");
    }

    #[test]
    fn every_listed_code_has_its_class_whatever_its_prefix() {
        for (code, sub_code, want) in [
            ("10003", "", "unknown"),
            ("20000", "isp.unknow-error", "unknown"),
            ("20000", "aop.unknow-error", "unknown"),
            ("40004", "ACQ.SYSTEM_ERROR", "unknown"),
            ("40004", "aop.ACQ.SYSTEM_ERROR", "unknown"),
            ("40004", "AQC.SYSTEM_ERROR", "unknown"),
            ("40004", "SYSTEM_ERROR", "unknown"),
            // Even under a code that blames us, "system error" settles nothing.
            ("40002", "ACQ.SYSTEM_ERROR", "unknown"),
            ("20001", "aop.invalid-auth-token", "our-fault"),
            ("40001", "isv.missing-signature", "our-fault"),
            ("40002", "isv.invalid-signature", "our-fault"),
            ("40002", "isv.invalid-timestamp", "our-fault"),
            ("40002", "isv.suspected-attack", "our-fault"),
            ("40003", "isv.insufficient-isv-permissions", "our-fault"),
            ("40006", "isv.insufficient-isv-permissions", "our-fault"),
            ("40005", "isv.app-call-limited", "theirs"),
            ("40004", "ACQ.TRADE_NOT_EXIST", "done"),
            ("40004", "TRADE_NOT_EXIST", "done"),
            ("40004", "ACQ.TRADE_HAS_FINISHED", "declined"),
            ("40004", "ACQ.INVALID_PARAMETER", "our-fault"),
            ("40004", "ACQ.RISK_MERCHANT_IP_NOT_EXIST", "our-fault"),
        ] {
            check(code, sub_code, want);
        }
    }

    #[test]
    fn an_unlisted_code_is_unknown() {
        for (code, sub_code) in [
            ("40004", "ACQ.SOMETHING_NEW"),
            ("40004", ""),
            ("49999", "x"),
            ("", ""),
            ("10000 ", ""),
        ] {
            check(code, sub_code, "unknown");
        }
    }
}

//! What was sent to whom, and how often that is allowed.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

use crate::config::{SmsAccount, SmsGateway};

/// How many messages are remembered; the oldest goes first.
pub const TEXTS_MAX: usize = 10_000;

/// How many nonces are remembered; the oldest goes first.
const NONCES_MAX: usize = 100_000;

/// Aliyun's limits per number and signature: so many in so many milliseconds (payments.md D1).
const LIMITS: [(usize, i64, &str); 3] =
    [(1, 60_000, "分钟级"), (5, 3_600_000, "小时级"), (10, 86_400_000, "天级")];

/// A message as the phone shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentText {
    /// The gateway that sent it.
    pub gateway: SmsGateway,
    /// The number, `+86` and eleven digits.
    pub phone: String,
    /// The signature it carries.
    pub sign_name: String,
    /// The template.
    pub template: String,
    /// The variables: an object from Aliyun, a list from Tencent.
    pub params: Value,
    /// The gateway's number.
    pub provider_no: String,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// The messages sent and the nonces seen.
#[derive(Default)]
pub(crate) struct Texts {
    sent: VecDeque<SentText>,
    nonces: VecDeque<String>,
}

impl Texts {
    /// Messages to this number (`+86` or not), oldest first; to everybody when empty.
    pub(crate) fn to(&self, phone: &str) -> Vec<SentText> {
        let digits = phone.trim_start_matches('+');
        let meant = |one: &&SentText| phone.is_empty() || one.phone.ends_with(digits);
        self.sent.iter().filter(meant).cloned().collect()
    }

    pub(crate) fn send(&mut self, text: SentText) {
        if self.sent.len() >= TEXTS_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(text);
    }

    /// The limit another message to this number would break.
    pub(crate) fn limit(
        &self,
        account: &SmsAccount,
        phone: &str,
        now_ms: i64,
    ) -> Option<(usize, &'static str)> {
        if !account.limits {
            return None;
        }
        let mine = |one: &&SentText| {
            one.gateway == account.gateway
                && one.phone == phone
                && one.sign_name == account.sign_name
        };
        let broken = LIMITS.iter().find(|(permits, window_ms, _)| {
            let recent = |one: &&SentText| mine(one) && now_ms - one.at_ms < *window_ms;
            self.sent.iter().filter(recent).count() >= *permits
        });
        broken.map(|(permits, _, name)| (*permits, *name))
    }

    /// Remembers a nonce; false when it was seen before.
    pub(crate) fn remember(&mut self, nonce: &str) -> bool {
        if nonce.is_empty() || self.nonces.iter().any(|known| known == nonce) {
            return false;
        }
        if self.nonces.len() >= NONCES_MAX {
            self.nonces.pop_front();
        }
        self.nonces.push_back(nonce.to_owned());
        true
    }
}

/// A mainland number, with or without `+86`, as `+86` and eleven digits.
pub(crate) fn mainland(phone: &str) -> Option<String> {
    let digits = phone.strip_prefix("+86").or(phone.strip_prefix("86")).unwrap_or(phone);
    let good = digits.len() == 11 && digits.starts_with('1');
    (good && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| format!("+86{digits}"))
}

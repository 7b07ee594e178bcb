//! `[notices]`: what tenants are told through WeChat and by text message.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `[notices]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notices {
    /// Below which balances a tenant is told, in fen.
    pub low_balance_fen: Vec<i64>,
    /// The mini-program's subscription templates, by kind of notice.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mini: BTreeMap<String, NoticeTemplate>,
    /// The service account's templates, by kind of notice.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub page: BTreeMap<String, NoticeTemplate>,
    /// The SMS gateway's templates, by kind of notice.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sms: BTreeMap<String, TextTemplate>,
}

impl Default for Notices {
    fn default() -> Self {
        Notices {
            low_balance_fen: vec![2_000, 500],
            mini: BTreeMap::new(),
            page: BTreeMap::new(),
            sms: BTreeMap::new(),
        }
    }
}

/// A template that was approved at WeChat.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoticeTemplate {
    /// WeChat's number of it.
    pub id: String,
    /// Which value stands under which keyword: `thing1 = "place"`.
    pub values: BTreeMap<String, String>,
}

/// A text that was approved at the SMS gateway, by language; empty for none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextTemplate {
    /// The Chinese one.
    pub zh: String,
    /// The English one; empty = whoever reads English gets the Chinese one.
    pub en: String,
}

//! Sentences people read.

use serde::{Deserialize, Serialize};

/// One sentence in both languages; the Chinese one is always there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// 中文.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Text {
    /// A pair.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Text {
        Text { zh: zh.into(), en: en.into() }
    }
}

/// Why the server refuses something (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The stable code.
    pub code: String,
    /// What happened, for people: Chinese.
    #[serde(default)]
    pub title: String,
    /// The same in English.
    #[serde(default)]
    pub title_en: String,
    /// What to quote when asking for help.
    #[serde(default)]
    pub trace_id: String,
}

//! A message to the user of a mini-program (`payments.md` C10).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Buyer, Merchant, OurFault, answer::Answers, class::Table, request::Call};
use crate::{
    http::{Request, Response, Stamp},
    outcome::{Doubt, Outcome},
};

const METHOD: &str = "alipay.open.app.mini.templatemessage.send";

/// One message; the user must have subscribed to its template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who reads it.
    pub to: Buyer,
    /// The template (`user_template_id`).
    pub template: String,
    /// The page it opens, its parameters percent-encoded: `pages/order/order?id%3dYF1`.
    pub page: String,
    /// The values by keyword: `("keyword1", "20.00元")`.
    pub values: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    to_open_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_user_id: Option<&'a str>,
    user_template_id: &'a str,
    page: &'a str,
    // JSON inside a text.
    data: String,
}

#[derive(Serialize)]
struct Value<'a> {
    value: &'a str,
}

/// Sends a message.
///
/// # Errors
/// What is wrong with our keys; nothing was sent then.
pub fn tell(merchant: &Merchant, message: &Message, stamp: &Stamp) -> Result<Request, OurFault> {
    let values: BTreeMap<&str, Value<'_>> =
        message.values.iter().map(|(key, value)| (key.as_str(), Value { value })).collect();
    let (to_open_id, to_user_id) = match &message.to {
        Buyer::OpenId(id) => (Some(id.as_str()), None),
        Buyer::UserId(id) => (None, Some(id.as_str())),
    };
    let content = Content {
        to_open_id,
        to_user_id,
        user_template_id: &message.template,
        page: &message.page,
        // A map of texts always becomes JSON.
        data: serde_json::to_string(&values).unwrap_or_default(),
    };
    Call { method: METHOD, content: &content, notify: false, returns: false }
        .request(merchant, stamp)
}

// The business codes are not documented, so each is unknown: a message is never sent twice on a
// guess.
const REFUSALS: &Table = &[];

#[derive(Deserialize)]
struct Fields {}

/// Reads the answer to [`tell`].
pub fn read_tell(merchant: &Merchant, response: &Response) -> Outcome<()> {
    let done = |_: Fields| Outcome::Done(());
    let absent = || Outcome::Unknown(Doubt::Unreadable);
    Answers { method: METHOD, table: REFUSALS, bare: false }.read(merchant, response, done, absent)
}

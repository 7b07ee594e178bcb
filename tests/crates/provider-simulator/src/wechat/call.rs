//! What is called, with which parameters.

use serde_json::Value;

use crate::fault::Site;
use crate::wechat_pay::call::query_value;

/// The calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Session,
    Exchange,
    StableToken,
    Ticket,
    Phone,
    Subscribed,
    Template,
    OrderNotice,
    Shipping,
    Link,
}

/// Path, verb and call.
pub(crate) const PATHS: [(&str, &str, Call); 10] = [
    ("/sns/jscode2session", "GET", Call::Session),
    ("/sns/oauth2/access_token", "GET", Call::Exchange),
    ("/cgi-bin/stable_token", "POST", Call::StableToken),
    ("/cgi-bin/ticket/getticket", "GET", Call::Ticket),
    ("/wxa/business/getuserphonenumber", "POST", Call::Phone),
    ("/cgi-bin/message/subscribe/send", "POST", Call::Subscribed),
    ("/cgi-bin/message/template/send", "POST", Call::Template),
    ("/wxa/set_user_notify", "POST", Call::OrderNotice),
    ("/wxa/sec/order/upload_shipping_info", "POST", Call::Shipping),
    ("/wxa/generate_urllink", "POST", Call::Link),
];

impl Call {
    pub(crate) fn read(method: &str, path: &str) -> Option<Self> {
        let mut paths = PATHS.iter();
        paths.find(|(known, verb, _)| *known == path && *verb == method).map(|(_, _, call)| *call)
    }

    pub(crate) fn is_post(self) -> bool {
        !matches!(self, Self::Session | Self::Exchange | Self::Ticket)
    }

    pub(crate) fn site(self) -> Site {
        match self {
            Self::Session | Self::Exchange => Site::SignIn,
            Self::StableToken => Site::Token,
            Self::Ticket => Site::Ticket,
            Self::Phone => Site::Phone,
            Self::Subscribed | Self::Template | Self::OrderNotice => Site::Message,
            Self::Shipping => Site::Shipping,
            Self::Link => Site::Link,
        }
    }
}

/// What came with a call: the query, and a JSON object or null.
pub(crate) struct Ask {
    pub(crate) query: String,
    pub(crate) json: Value,
}

impl Ask {
    pub(crate) fn read(query: &str, body: &[u8]) -> Self {
        let json = serde_json::from_slice(body).ok().filter(Value::is_object);
        Self { query: query.to_owned(), json: json.unwrap_or_default() }
    }

    /// A parameter of the query; empty when it is not there.
    pub(crate) fn param(&self, name: &str) -> String {
        query_value(&self.query, name).unwrap_or_default()
    }

    /// A text of the body by its pointer; empty when it is not there or no text.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number of the body by its pointer.
    pub(crate) fn number(&self, pointer: &str) -> Option<i64> {
        self.json.pointer(pointer).and_then(Value::as_i64)
    }

    /// Whom a call is about: the openid it names, so that a rule can mean one person.
    pub(crate) fn subject(&self) -> String {
        let named = ["/touser", "/openid", "/payer/openid"].map(|pointer| self.text(pointer));
        named.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned()
    }
}

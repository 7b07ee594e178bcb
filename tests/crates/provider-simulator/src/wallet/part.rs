//! The pieces the wallet's pages are made of: language, escaping, money, moments.

use crate::book::{ProviderKind, Trade};
use crate::clock;
use crate::wechat_pay::call::query_value;

/// Chinese first, English beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// 中文.
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The language a query string asks for.
    pub(crate) fn of(query: &str) -> Self {
        match query_value(query, "lang").as_deref() {
            Some("en") => Self::English,
            _ => Self::Chinese,
        }
    }

    /// The one of two texts that is in this language.
    pub(crate) fn say<'a>(self, chinese: &'a str, english: &'a str) -> &'a str {
        match self {
            Self::Chinese => chinese,
            Self::English => english,
        }
    }

    /// The code in URLs.
    pub(crate) fn code(self) -> &'static str {
        self.say("zh", "en")
    }

    /// The other language.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Chinese => Self::English,
            Self::English => Self::Chinese,
        }
    }
}

/// Text made safe for HTML.
pub(crate) fn safe(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// An amount: yen sign and fen small, thousands apart.
pub(crate) fn money(fen: i64) -> String {
    let whole = (fen / 100).to_string();
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("<span class=\"money num\"><i>¥</i>{grouped}<small>.{:02}</small></span>", fen % 100)
}

/// The wallet's name in words; no logos.
pub(crate) fn provider(trade: &Trade, language: Language) -> &'static str {
    match trade.key.provider {
        ProviderKind::WechatPay => language.say("微信支付", "WeChat Pay"),
        ProviderKind::Alipay => language.say("支付宝", "Alipay"),
    }
}

/// A time of day with seconds, because it is proof.
pub(crate) fn moment(unix_ms: i64) -> String {
    clock::china(unix_ms).format("%H:%M:%S").to_string()
}

/// A long number in groups of four, so that two people can compare it.
pub(crate) fn grouped(number: &str) -> String {
    let letters: Vec<char> = number.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    let spans = groups.iter().map(|group| format!("<span>{}</span>", safe(group)));
    format!("<span class=\"group num\">{}</span>", spans.collect::<String>())
}

/// An icon of the house: 24 grid, outline.
pub(crate) fn icon(paths: &str) -> String {
    format!("<svg class=\"i\" viewBox=\"0 0 24 24\" aria-hidden=\"true\">{paths}</svg>")
}

pub(crate) const TICK: &str = "<path d=\"M5 12.5 10 17.5 19 7.5\"/>";
pub(crate) const CROSS: &str = "<path d=\"M6.5 6.5 17.5 17.5M17.5 6.5 6.5 17.5\"/>";
pub(crate) const CLOCK: &str =
    "<circle cx=\"12\" cy=\"12\" r=\"8.5\"/><path d=\"M12 7.5V12l3 2\"/>";
pub(crate) const BACK: &str =
    "<path d=\"M9 14.5 4.5 10 9 5.5\"/><path d=\"M4.5 10H14a5.5 5.5 0 0 1 0 11h-3\"/>";
pub(crate) const CHEVRON: &str = "<path d=\"M9.5 6 15.5 12 9.5 18\"/>";
pub(crate) const TWO: &str = concat!(
    "<rect x=\"4\" y=\"8\" width=\"12\" height=\"12\" rx=\"2\"/>",
    "<path d=\"M8 8V6a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-2\"/>"
);
pub(crate) const TICKET: &str = concat!(
    "<path d=\"M4 8a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v2a2 2 0 0 0 0 4v2a2 2 0 0 1-2 2H6",
    "a2 2 0 0 1-2-2v-2a2 2 0 0 0 0-4z\"/>",
    "<path d=\"M14 6v12\" stroke-dasharray=\"2 2.5\"/>"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_numbers_are_set_as_the_screens_ask() {
        assert!(money(191_500).contains("1,915<small>.00"));
        assert!(money(5).contains("</i>0<small>.05"));
        assert!(
            grouped("YF26112014").contains("<span>YF26</span><span>1120</span><span>14</span>")
        );
        assert_eq!(safe("<b a='\"&"), "&lt;b a=&#39;&quot;&amp;");
    }
}

//! What a notice says, in Chinese and English, in the pages and as a text message.
//!
//! The event comes first, then amount, balance, room and time. Only what is known is said. A home
//! is named by its room and a meter by its last four digits; no person is named, and nothing but
//! the purse the notice is about.

use chrono::{DateTime, Utc};
use domain::{Language, Money, NoticeKind, Purpose, business_day::china_standard_time};
use serde::{Deserialize, Serialize};

/// The version of the texts; kept with each notice, so that a notice can be told by the words of
/// its own day.
pub const WORDS_VERSION: u16 = 1;
/// The most characters of a text message with its signature.
pub const SMS_MAX: usize = 70;
/// What a signature may take of them, its brackets included.
pub const SIGNATURE_MAX: usize = 14;
/// The most characters of a room in a text message; the end of a longer one is what tells it.
pub const PLACE_MAX: usize = 10;

/// The values a template may name.
pub const VALUES: [&str; 10] = [
    "place",
    "room",
    "meter",
    "supply",
    "amount",
    "balance",
    "time",
    "title",
    "wechat_amount",
    "wechat_time",
];

/// What a notice tells of, as it stood when it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Params {
    /// The version of the words ([`WORDS_VERSION`]).
    pub v: u16,
    /// The project and the room: `和园公寓 3 1204`.
    pub place: String,
    /// The room alone: `3 1204`.
    pub room: String,
    /// The last four digits of the meter's number; empty where it is about no meter.
    pub meter: String,
    /// What the meter measures.
    pub purpose: String,
    /// How much, in fen: what was paid, or what brings the light back.
    pub amount_fen: Option<i64>,
    /// What the purse holds, in fen, where we hold it.
    pub balance_fen: Option<i64>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// True where the light is back.
    pub lit: bool,
    /// The hour of a cut that is announced.
    pub cut_at: Option<DateTime<Utc>>,
}

impl Default for Params {
    fn default() -> Self {
        Params {
            v: WORDS_VERSION,
            place: String::new(),
            room: String::new(),
            meter: String::new(),
            purpose: String::new(),
            amount_fen: None,
            balance_fen: None,
            at: DateTime::UNIX_EPOCH,
            lit: false,
            cut_at: None,
        }
    }
}

/// A title and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The event.
    pub title: String,
    /// Amount, balance, room and time.
    pub body: String,
}

/// A moment as people read it, in China: `11 月 21 日 14:23`, `21 Nov, 14:23`. Its spaces are ones no
/// line ends at.
fn moment(at: DateTime<Utc>, language: Language) -> String {
    let format = match language {
        Language::ZhCn => "%-m\u{a0}月\u{a0}%-d\u{a0}日\u{a0}%H:%M",
        Language::En => "%-d\u{a0}%b,\u{a0}%H:%M",
    };
    at.with_timezone(&china_standard_time()).format(format).to_string()
}

/// The same in a text message, where every character is paid for: `11月21日14:23`, as Chinese text
/// messages are set, with nothing a gateway does not know.
fn short_moment(at: DateTime<Utc>, language: Language) -> String {
    let format = match language {
        Language::ZhCn => "%-m月%-d日%H:%M",
        Language::En => "%-d %b, %H:%M",
    };
    at.with_timezone(&china_standard_time()).format(format).to_string()
}

fn yuan(fen: i64) -> String {
    Money::from_fen(fen).to_yuan()
}

impl Params {
    /// True for a cut that no payment undoes.
    pub fn is_by_hand(&self, kind: NoticeKind) -> bool {
        kind == NoticeKind::CutOff && self.amount_fen.is_none()
    }

    /// What is supplied.
    fn supply(&self, language: Language) -> &'static str {
        let purpose = self.purpose.parse().unwrap_or(Purpose::Electricity);
        match (purpose, language) {
            (Purpose::Water, Language::ZhCn) => "水",
            (Purpose::Water, Language::En) => "water",
            (Purpose::Gas, Language::ZhCn) => "气",
            (Purpose::Gas, Language::En) => "gas",
            (_, Language::ZhCn) => "电",
            (_, Language::En) => "power",
        }
    }

    /// A value of a text message or of a WeChat template, by its name; `None` for one it has not.
    pub fn value(&self, name: &str, kind: NoticeKind, language: Language) -> Option<String> {
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        match name {
            "place" => filled(&self.place),
            "room" => filled(&short(&self.room)),
            "meter" => filled(&self.meter),
            "supply" => Some(self.supply(language).to_owned()),
            "amount" => self.amount_fen.map(yuan),
            "balance" => self.balance_fen.map(yuan),
            "time" => Some(short_moment(self.cut_at.unwrap_or(self.at), language)),
            "wechat_amount" => {
                self.amount_fen.map(|fen| connector::wechat::value::amount(Money::from_fen(fen)))
            }
            "wechat_time" => Some(connector::wechat::value::time(self.cut_at.unwrap_or(self.at))),
            "title" => Some(words(kind, self, language).title),
            _ => None,
        }
    }
}

/// The end of a room's name, which is what tells it.
fn short(room: &str) -> String {
    let count = room.chars().count();
    if count <= PLACE_MAX {
        return room.to_owned();
    }
    let end: String = room.chars().skip(count + 1 - PLACE_MAX).collect();
    format!("…{end}")
}

/// What a notice says in a language.
pub fn words(kind: NoticeKind, params: &Params, language: Language) -> Words {
    let zh = language == Language::ZhCn;
    let title = if zh { title_zh(kind, params) } else { title_en(kind, params) };
    let mut parts = Vec::new();
    match (kind, params.amount_fen, zh) {
        (NoticeKind::CutOff, Some(fen), true) => {
            parts.push(format!("充 {} 可恢复供{}", shown(fen), params.supply(language)));
        }
        (NoticeKind::CutOff, Some(fen), false) => {
            parts.push(format!("pay {} to bring it back", shown(fen)));
        }
        (NoticeKind::Warning, Some(fen), true) => parts.push(format!("充 {} 可避免", shown(fen))),
        (NoticeKind::Warning, Some(fen), false) => {
            parts.push(format!("pay {} to prevent it", shown(fen)));
        }
        (_, Some(fen), _) => parts.push(shown(fen)),
        (_, None, _) => {}
    }
    if let Some(fen) = params.balance_fen {
        let name = if zh { "余额" } else { "balance" };
        parts.push(format!("{name} {}", shown(fen)));
    }
    parts.extend(safe(kind, zh).map(str::to_owned));
    let meter = match (params.meter.as_str(), zh) {
        ("", _) => String::new(),
        (tail, true) => format!("（表尾号 {tail}）"),
        (tail, false) => format!(" (meter …{tail})"),
    };
    parts.push(format!("{}{meter}", params.place));
    parts.push(moment(params.at, language));
    Words { title, body: parts.join(if zh { "，" } else { ", " }) }
}

/// An amount as people read it: `¥25.64`.
fn shown(fen: i64) -> String {
    let text = yuan(fen);
    text.strip_prefix('-').map_or_else(|| format!("¥{text}"), |debt| format!("-¥{debt}"))
}

/// What is said of the money where it is in doubt.
fn safe(kind: NoticeKind, zh: bool) -> Option<&'static str> {
    Some(match (kind, zh) {
        (NoticeKind::InDoubt, true) => "钱已到账，不会充两次，有结果就通知你",
        (NoticeKind::InDoubt, false) => {
            "the money is booked and never sent twice; you hear of the result"
        }
        (NoticeKind::Held, true) => "这笔钱已收到，正在人工核对",
        (NoticeKind::Held, false) => "the money is here, somebody is checking",
        (NoticeKind::Refunded, true) => "多付的会原路退回，无需申请",
        (NoticeKind::Refunded, false) => "what was paid too much goes back by itself",
        (NoticeKind::Dark, true) => "正在重试，已通知值班",
        (NoticeKind::Dark, false) => "trying again, the staff were told",
        _ => return None,
    })
}

fn title_zh(kind: NoticeKind, params: &Params) -> String {
    let supply = params.supply(Language::ZhCn);
    match kind {
        NoticeKind::Credited if params.lit => format!("充值已到账，已送{supply}"),
        NoticeKind::Credited => "充值已到账".to_owned(),
        NoticeKind::InDoubt => "充入结果待确认".to_owned(),
        NoticeKind::Held => "金额对不上，已暂停".to_owned(),
        NoticeKind::Refunded => "收到两笔付款".to_owned(),
        NoticeKind::Dark => format!("已付款，还没送{supply}"),
        NoticeKind::CutOff => format!("已断{supply}"),
        NoticeKind::Restored => format!("已送{supply}"),
        NoticeKind::LowBalance => "余额不足".to_owned(),
        NoticeKind::Warning => {
            let cut_at = params.cut_at.unwrap_or(params.at);
            format!("将于 {} 断{supply}", moment(cut_at, Language::ZhCn))
        }
        NoticeKind::BindingAdded => "有人绑定了这个住处".to_owned(),
        NoticeKind::BindingEnded => "有人不再绑定这个住处".to_owned(),
    }
}

fn title_en(kind: NoticeKind, params: &Params) -> String {
    let supply = params.supply(Language::En);
    match kind {
        NoticeKind::Credited if params.lit => format!("Top-up credited, {supply} is back"),
        NoticeKind::Credited => "Top-up credited".to_owned(),
        NoticeKind::InDoubt => "Top-up being checked".to_owned(),
        NoticeKind::Held => "Amount differs, held".to_owned(),
        NoticeKind::Refunded => "Paid twice".to_owned(),
        NoticeKind::Dark => format!("Paid, {supply} not back yet"),
        NoticeKind::CutOff => format!("No {supply}"),
        NoticeKind::Restored => format!("The {supply} is back"),
        NoticeKind::LowBalance => "Low balance".to_owned(),
        NoticeKind::Warning => {
            let cut_at = params.cut_at.unwrap_or(params.at);
            format!("No {supply} from {} on", moment(cut_at, Language::En))
        }
        NoticeKind::BindingAdded => "Somebody joined this home".to_owned(),
        NoticeKind::BindingEnded => "Somebody left this home".to_owned(),
    }
}

/// The text message of a kind, as it is registered with the SMS gateway; `by_hand` says whether
/// a cut was made by hand, so that no amount brings the light back. The variables are named as
/// [`Params::value`] names them.
pub fn sms(kind: NoticeKind, by_hand: bool, language: Language) -> &'static str {
    let (zh, en) = match kind {
        NoticeKind::Credited => (
            "充值${amount}元已到账，${room}（表尾号${meter}），${time}",
            "${amount} yuan credited to ${room} (meter ${meter})",
        ),
        NoticeKind::InDoubt => (
            "充值${amount}元待确认，钱已到账，不会充两次。${room}（表尾号${meter}）",
            "${amount} yuan being checked, safe. ${room} (${meter})",
        ),
        NoticeKind::Held => (
            "付款金额对不上，已暂停，钱已收到，正在核对。${room}（表尾号${meter}）",
            "Paid, amount differs, held: ${room} (${meter})",
        ),
        NoticeKind::Refunded => (
            "收到两笔付款，多付的${amount}元会原路退回。${room}（表尾号${meter}）",
            "Paid twice, ${amount} yuan go back: ${room}",
        ),
        NoticeKind::Dark => (
            "已充${amount}元，还没送${supply}，正在重试，已通知值班。${room}",
            "Paid ${amount}, no ${supply} yet, retrying: ${room}",
        ),
        NoticeKind::CutOff if by_hand => (
            "${room}（表尾号${meter}）已断${supply}，由管理方操作",
            "No ${supply} at ${room} (${meter}), cut by the site",
        ),
        NoticeKind::CutOff => (
            "${room}（表尾号${meter}）已断${supply}。充${amount}元可恢复供${supply}",
            "No ${supply} at ${room} (${meter}). Pay ${amount} to restore",
        ),
        NoticeKind::Restored => (
            "${room}（表尾号${meter}）已送${supply}，${time}",
            "The ${supply} is back at ${room} (${meter})",
        ),
        NoticeKind::LowBalance => (
            "${supply}费余额${balance}元，请及时充值。${room}（表尾号${meter}）",
            "${balance} yuan left for ${supply}, ${room} (${meter})",
        ),
        NoticeKind::Warning => (
            "将于${time}断${supply}，充${amount}元可避免。${room}（表尾号${meter}）",
            "${supply} off ${time}, ${room}. Pay ${amount}",
        ),
        NoticeKind::BindingAdded => ("${room}有新成员绑定", "Somebody joined ${room}"),
        NoticeKind::BindingEnded => ("${room}有成员解除绑定", "Somebody left ${room}"),
    };
    if language == Language::ZhCn { zh } else { en }
}

/// The variables of a text message with their values, in the order they first stand in it; `None`
/// where one is not known, because such a message would be refused.
pub fn sms_params(
    kind: NoticeKind,
    params: &Params,
    language: Language,
) -> Option<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    let text = sms(kind, params.is_by_hand(kind), language);
    for part in text.split("${").skip(1) {
        let (name, _) = part.split_once('}')?;
        if !found.iter().any(|(known, _)| known == name) {
            found.push((name.to_owned(), params.value(name, kind, language)?));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extremes() -> Vec<Params> {
        let at = "2026-12-31T15:59:00Z".parse().unwrap();
        let base = Params {
            place: "杭州市余杭区未来科技城和园国际人才公寓 12 32-1204A".to_owned(),
            room: "十二号楼东单元 32-1204A".to_owned(),
            meter: "0086".to_owned(),
            purpose: "electricity".to_owned(),
            amount_fen: Some(999_999_999),
            balance_fen: Some(-999_999_999),
            at,
            lit: true,
            cut_at: Some(at),
            ..Params::default()
        };
        let small =
            Params { amount_fen: Some(1), balance_fen: Some(0), lit: false, ..base.clone() };
        let by_hand = Params { amount_fen: None, cut_at: None, ..base.clone() };
        let water = Params { purpose: "water".to_owned(), ..base.clone() };
        vec![base, small, by_hand, water]
    }

    /// A text message with its values, as a phone shows it.
    fn rendered(kind: NoticeKind, params: &Params, language: Language) -> Option<String> {
        let mut text = sms(kind, params.is_by_hand(kind), language).to_owned();
        for (name, value) in sms_params(kind, params, language)? {
            text = text.replace(&format!("${{{name}}}"), &value);
        }
        Some(text)
    }

    #[test]
    fn a_text_message_has_at_most_seventy_characters_with_its_signature() {
        for params in extremes() {
            for kind in NoticeKind::ALL {
                for language in [Language::ZhCn, Language::En] {
                    let Some(text) = rendered(*kind, &params, language) else {
                        assert!(params.amount_fen.is_none(), "{kind} {language}");
                        continue;
                    };
                    let count = text.chars().count();
                    assert!(count + SIGNATURE_MAX <= SMS_MAX, "{count}: {text}");
                    assert!(!text.contains("${"), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_notice_names_the_event_first_then_amount_balance_room_and_time() {
        let at = "2026-11-21T06:23:00Z".parse().unwrap();
        let params = Params {
            place: "和园公寓 3 1204".to_owned(),
            room: "3 1204".to_owned(),
            meter: "0086".to_owned(),
            purpose: "electricity".to_owned(),
            amount_fen: Some(2_564),
            balance_fen: Some(-1_260),
            at,
            cut_at: Some(at),
            ..Params::default()
        };
        let lit = Params { lit: true, balance_fen: Some(8_640), ..params.clone() };
        // kind, params, Chinese, English
        for (kind, params, zh, en) in [
            (
                NoticeKind::Credited,
                &lit,
                "充值已到账，已送电 ¥25.64，余额 ¥86.40，和园公寓 3 1204（表尾号 0086），11 月 21 日 14:23",
                "Top-up credited, power is back ¥25.64, balance ¥86.40, 和园公寓 3 1204 (meter …0086), \
                 21 Nov, 14:23",
            ),
            (
                NoticeKind::CutOff,
                &params,
                "已断电 充 ¥25.64 可恢复供电，余额 -¥12.60，和园公寓 3 1204（表尾号 0086），\
                 11 月 21 日 14:23",
                "No power pay ¥25.64 to bring it back, balance -¥12.60, 和园公寓 3 1204 \
                 (meter …0086), 21 Nov, 14:23",
            ),
        ] {
            let told = |language| {
                let words = words(kind, params, language);
                format!("{} {}", words.title, words.body).replace('\u{a0}', " ")
            };
            assert_eq!(told(Language::ZhCn), zh);
            assert_eq!(told(Language::En), en);
        }
    }

    #[test]
    fn a_moment_is_named_by_day_and_month_and_no_line_ends_within_it() {
        // moment in UTC, Chinese, English, and both in a text message
        for (at, zh, en, sms_zh, sms_en) in [
            (
                "2026-11-21T06:33:00Z",
                "11 月 21 日 14:33",
                "21 Nov, 14:33",
                "11月21日14:33",
                "21 Nov, 14:33",
            ),
            (
                "2026-12-31T16:05:00Z",
                "1 月 1 日 00:05",
                "1 Jan, 00:05",
                "1月1日00:05",
                "1 Jan, 00:05",
            ),
        ] {
            let at = at.parse().unwrap();
            let params = Params { at, cut_at: Some(at), ..Params::default() };
            for (language, told, short) in
                [(Language::ZhCn, zh, sms_zh), (Language::En, en, sms_en)]
            {
                let words = words(NoticeKind::Warning, &params, language);
                let unbroken = told.replace(' ', "\u{a0}");
                assert!(words.title.contains(&unbroken), "{words:?}");
                assert!(words.body.ends_with(&unbroken), "{words:?}");
                let value = params.value("time", NoticeKind::Warning, language);
                assert_eq!(value.as_deref(), Some(short));
            }
        }
    }

    #[test]
    fn no_notice_cheers_soothes_or_speaks_of_other_fees() {
        for params in extremes() {
            for kind in NoticeKind::ALL {
                let told = words(*kind, &params, Language::ZhCn);
                let text =
                    told.title + &told.body + sms(*kind, params.is_by_hand(*kind), Language::ZhCn);
                for word in ["恭喜", "请放心", "物业"] {
                    assert!(!text.contains(word), "{text}");
                }
            }
        }
    }
}

//! What a keyword of a message takes, and how a value is made to fit (C4, value limits).
//!
//! A value that does not fit is refused with 47003 for ever. What only has to be shorter is cut,
//! with an ellipsis; what would become untrue by cutting (a number, an amount, a time) is an
//! error before anything is sent.

use chrono::{DateTime, Utc};
use domain::{Money, business_day::china_standard_time};

use super::app::OurFault;

/// The most characters of a `thing`.
pub const THING_MAX: usize = 20;

/// The most characters of a keyword nobody lists, which template messages may have.
pub const UNLISTED_MAX: usize = 200;

/// Whether keywords outside the table are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keywords {
    /// Only those of the table: subscription messages.
    Listed,
    /// Others too, cut to [`UNLISTED_MAX`]: template messages of older templates.
    Any,
}

/// A moment as the keyword `time` takes it: `2026年11月21日 15:01`, in China.
pub fn time(at: DateTime<Utc>) -> String {
    at.with_timezone(&china_standard_time()).format("%Y年%-m月%-d日 %H:%M").to_string()
}

/// A day as the keyword `date` takes it: `2026年11月21日`, in China.
pub fn date(at: DateTime<Utc>) -> String {
    at.with_timezone(&china_standard_time()).format("%Y年%-m月%-d日").to_string()
}

/// An amount as the keyword `amount` takes it: `50.00元`.
pub fn amount(amount: Money) -> String {
    format!("{}元", amount.to_yuan())
}

/// The value as it is sent under this keyword (`thing1`, `amount2`, …).
///
/// # Errors
/// [`OurFault::Value`] where it cannot be made to fit without becoming untrue.
pub fn fit(keyword: &str, value: &str, keywords: Keywords) -> Result<String, OurFault> {
    let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let value = value.trim();
    let whole = |is_good: bool| is_good.then(|| value.to_owned());
    let fitted = match keyword.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "thing" => cut(value, THING_MAX),
        "name" => cut(value, if value.is_ascii() { 20 } else { 10 }),
        "number" => whole(is_number(value) && value.len() <= 32),
        "letter" => whole(is_made_of(value, 32, |c| c.is_ascii_alphabetic())),
        "symbol" => whole(is_made_of(value, 5, |c| !c.is_alphanumeric())),
        "character_string" => whole(is_made_of(value, 32, |c| c.is_ascii_graphic())),
        "time" => whole(is_time(value)),
        "date" => whole(is_date(value) || is_time(value)),
        "amount" => whole(is_amount(value)),
        "phone_number" => {
            whole(is_made_of(value, 17, |c| c.is_ascii_digit() || "+-() ".contains(c)))
        }
        "car_number" => whole(is_made_of(value, 8, |c| !c.is_whitespace())),
        "phrase" => whole(is_made_of(value, 5, |c| ('\u{4e00}'..='\u{9fff}').contains(&c))),
        // One of a list we do not know: as it is.
        "enum" => whole(!value.is_empty()),
        _ if keywords == Keywords::Any => cut(value, UNLISTED_MAX),
        _ => None,
    };
    fitted.ok_or_else(|| OurFault::Value { keyword: keyword.to_owned() })
}

/// At most so many characters, the last an ellipsis where something is missing.
fn cut(value: &str, max: usize) -> Option<String> {
    if value.is_empty() {
        return None;
    }
    if value.chars().count() <= max {
        return Some(value.to_owned());
    }
    let kept: String = value.chars().take(max - 1).collect();
    // An ellipsis would turn a name of letters into one of the shorter kind.
    Some(if value.is_ascii() { format!("{kept}.") } else { format!("{kept}…") })
}

fn is_made_of(value: &str, max: usize, is_legal: impl Fn(char) -> bool) -> bool {
    (1..=max).contains(&value.chars().count()) && value.chars().all(is_legal)
}

fn is_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits, perhaps with decimals and a minus.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    is_digits(whole, 1..=32) && is_digits(part, 1..=32)
}

/// One sign of currency, at most ten digits with decimals, perhaps 元.
fn is_amount(text: &str) -> bool {
    let text = text.strip_suffix('元').unwrap_or(text);
    let text = text.strip_prefix(['¥', '￥', '$']).unwrap_or(text);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    is_number(text) && !text.starts_with('-') && digits <= 10
}

fn is_date(text: &str) -> bool {
    let parts = text.split_once('年').and_then(|(year, rest)| {
        let (month, rest) = rest.split_once('月')?;
        Some((year, month, rest.strip_suffix('日')?))
    });
    parts.is_some_and(|(year, month, day)| {
        is_digits(year, 4..=4) && is_digits(month, 1..=2) && is_digits(day, 1..=2)
    })
}

fn is_time(text: &str) -> bool {
    let (day, clock) = text.rsplit_once(' ').map_or((None, text), |(day, c)| (Some(day), c));
    let parts = clock.split_once(':');
    let is_clock = parts.is_some_and(|(h, m)| is_digits(h, 1..=2) && is_digits(m, 2..=2));
    is_clock && day.is_none_or(is_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keyword: &str, value: &str, want: Option<&str>) {
        let got = fit(keyword, value, Keywords::Listed).ok();
        assert_eq!(got.as_deref(), want, "{keyword} {value}");
    }

    #[test]
    fn a_value_is_cut_where_that_stays_true_and_refused_where_it_would_not() {
        let twenty = "一二三四五六七八九十一二三四五六七八九十";
        check("thing1", twenty, Some(twenty));
        check("thing1", &format!("{twenty}一"), Some("一二三四五六七八九十一二三四五六七八九…"));
        check("thing12", " 和园\n公寓 ", Some("和园 公寓"));
        check("thing1", " \n", None);
        check("name3", "欧阳一二三四五六七八九", Some("欧阳一二三四五六七…"));
        check("name3", "Wilhelmina Fitzgerald", Some("Wilhelmina Fitzgera."));
        check("amount2", "50.00元", Some("50.00元"));
        check("amount2", "¥1234567890", Some("¥1234567890"));
        check("amount2", "12345678901", None);
        check("amount2", "-1.00元", None);
        check("amount2", "五十元", None);
        check("time4", "15:01", Some("15:01"));
        check("time4", "2019年10月1日 15:01", Some("2019年10月1日 15:01"));
        check("time4", "2019-10-01 15:01", None);
        check("date4", "2019年10月1日", Some("2019年10月1日"));
        check("character_string5", "YF20261121000123", Some("YF20261121000123"));
        check("character_string5", &"9".repeat(33), None);
        check("character_string5", "订单1", None);
        check("phrase6", "已到账", Some("已到账"));
        check("phrase6", "一二三四五六", None);
        check("phrase6", "paid", None);
        check("number7", "-12.5", Some("-12.5"));
        check("number7", "12度", None);
        check("letter8", "abC", Some("abC"));
        check("symbol9", "+-", Some("+-"));
        check("phone_number10", "138-0000-0000", Some("138-0000-0000"));
        check("car_number11", "粤A8Z888挂", Some("粤A8Z888挂"));
        check("keyword1", "x", None);
        check("first", "x", None);
    }

    #[test]
    fn an_older_template_takes_keywords_nobody_lists() {
        let any = |value: &str| fit("keyword1", value, Keywords::Any).map(|v| v.chars().count());
        assert_eq!(any("到账"), Ok(2));
        assert_eq!(any(&"电".repeat(300)), Ok(UNLISTED_MAX));
        assert!(any("").is_err());
        assert!(fit("amount1", "五十", Keywords::Any).is_err());
    }

    #[test]
    fn moments_and_amounts_are_written_as_the_keywords_take_them() {
        let at = DateTime::parse_from_rfc3339("2026-12-31T16:05:00Z").unwrap().to_utc();
        assert_eq!(time(at), "2027年1月1日 00:05");
        assert_eq!(date(at), "2027年1月1日");
        assert_eq!(amount(Money::from_fen(5_000)), "50.00元");
        check("time1", &time(at), Some("2027年1月1日 00:05"));
        check("date1", &date(at), Some("2027年1月1日"));
        check("amount1", &amount(Money::from_fen(1)), Some("0.01元"));
    }
}

//! What a keyword of a message takes (payments.md C4, value limits).

/// Whether the value fits the keyword, by the kind its name starts with.
pub(crate) fn fits(keyword: &str, value: &str) -> bool {
    let kind = keyword.trim_end_matches(|c: char| c.is_ascii_digit());
    let count = value.chars().count();
    let within = |max: usize| (1..=max).contains(&count);
    match kind {
        "thing" => within(20),
        "number" => within(32) && is_decimal(value),
        "letter" => within(32) && value.bytes().all(|byte| byte.is_ascii_alphabetic()),
        "symbol" => within(5) && !value.chars().any(char::is_alphanumeric),
        "character_string" => within(32) && value.bytes().all(|byte| byte.is_ascii_graphic()),
        "time" => is_time(value),
        "date" => is_date(value) || is_time(value),
        "amount" => is_amount(value),
        "phone_number" => {
            let legal = |byte: u8| byte.is_ascii_digit() || b"+-() ".contains(&byte);
            within(17) && value.bytes().all(legal)
        }
        "car_number" => within(8),
        "name" => within(if value.is_ascii() { 20 } else { 10 }),
        "phrase" => within(5) && value.chars().all(is_han),
        "enum" => within(20),
        _ => false,
    }
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

fn is_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, part)) => is_digits(whole, 1..=32) && is_digits(part, 1..=32),
        None => is_digits(text, 1..=32),
    }
}

/// `15:01`, or a date before it.
fn is_time(text: &str) -> bool {
    let (date, clock) = text.rsplit_once(' ').map_or((None, text), |(d, c)| (Some(d), c));
    let parts: Vec<&str> = clock.split(':').collect();
    let is_clock =
        (2..=3).contains(&parts.len()) && parts.iter().all(|part| is_digits(part, 1..=2));
    is_clock && date.is_none_or(is_date)
}

/// `2019年10月1日`.
fn is_date(text: &str) -> bool {
    let parts = text.split_once('年').and_then(|(year, rest)| {
        let (month, rest) = rest.split_once('月')?;
        Some((year, month, rest.strip_suffix('日')?))
    });
    parts.is_some_and(|(year, month, day)| {
        is_digits(year, 4..=4) && is_digits(month, 1..=2) && is_digits(day, 1..=2)
    })
}

/// One currency sign, at most ten digits, decimals, perhaps 元 at the end.
fn is_amount(text: &str) -> bool {
    let text = text.strip_suffix('元').unwrap_or(text);
    let text = text.strip_prefix(['¥', '￥', '$', '€']).unwrap_or(text);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    is_decimal(text) && !text.starts_with('-') && digits <= 10
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn values_fit_their_kind_or_are_refused() {
        for (keyword, value, want) in [
            ("thing1", "和园公寓 3-2-1204", true),
            ("thing1", "一二三四五六七八九十一二三四五六七八九十", true),
            ("thing1", "一二三四五六七八九十一二三四五六七八九十一", false),
            ("thing1", "", false),
            ("amount2", "20.00元", true),
            ("amount2", "¥20", true),
            ("amount2", "20元整", false),
            ("amount2", "12345678901", false),
            ("amount2", "-1.00", false),
            ("time3", "2019年10月1日 15:01", true),
            ("time3", "15:01", true),
            ("time3", "2019-10-01 15:01", false),
            ("date3", "2019年10月1日", true),
            ("character_string4", "YF2026112100001", true),
            ("character_string4", "订单", false),
            ("phrase5", "已到账", true),
            ("phrase5", "paid", false),
            ("name6", "一二三四五六七八九十一", false),
            ("number7", "12.5", true),
            ("number7", "12度", false),
            ("keyword1", "x", false),
        ] {
            assert_eq!(fits(keyword, value), want, "{keyword} {value}");
        }
    }
}

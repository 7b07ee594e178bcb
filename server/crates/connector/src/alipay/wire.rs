//! How Alipay writes moments, amounts and absent things.

use chrono::{DateTime, NaiveDateTime, Utc};
use domain::{Money, business_day::china_standard_time};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A moment as `yyyy-MM-dd HH:mm:ss` in China Standard Time, without saying so (`payments.md` 0).
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.with_timezone(&china_standard_time()).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Reads such a moment; some fields carry a fraction of a second (`gmt_refund`).
pub(super) fn read_moment(text: &str) -> Option<DateTime<Utc>> {
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    local.and_local_timezone(china_standard_time()).single().map(|at| at.to_utc())
}

/// A field of an answer: absent, `null` and blank are the same.
pub(super) fn text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(input)?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// A moment in an answer.
pub(super) fn time<'de, D: Deserializer<'de>>(input: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(text(input)?.as_deref().and_then(read_moment))
}

/// An amount in an answer: a decimal text, or a number read digit by digit from its own spelling
/// (no binary fraction ever sees it). What is no amount counts as absent, and an absent amount
/// never equals an order's.
pub(super) fn money<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Money>, D::Error> {
    let Some(raw) = Option::<Box<RawValue>>::deserialize(input)? else {
        return Ok(None);
    };
    let unquoted = raw.get().trim_matches('"');
    Ok(Money::parse_yuan(unquoted).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_shanghai_time_whatever_the_machine_thinks() {
        for (utc, wire) in [
            ("2026-11-20T15:59:59Z", "2026-11-20 23:59:59"),
            ("2026-12-31T16:00:00Z", "2027-01-01 00:00:00"),
        ] {
            let at = DateTime::parse_from_rfc3339(utc).unwrap().to_utc();
            assert_eq!(moment(at), wire);
            assert_eq!(read_moment(wire), Some(at));
        }
        assert!(read_moment("2026-11-20 23:59:59.233").is_some());
        assert_eq!(read_moment("2026-11-20T23:59:59"), None);
        assert_eq!(read_moment("2026-02-30 00:00:00"), None);
    }

    #[test]
    fn amounts_are_read_from_their_spelling_and_never_guessed() {
        #[derive(Deserialize)]
        struct Sample {
            #[serde(default, deserialize_with = "money")]
            amount: Option<Money>,
        }
        for (json, fen) in [
            (r#"{"amount":"50.00"}"#, Some(5000)),
            (r#"{"amount":88.88}"#, Some(8888)),
            (r#"{"amount":1e2}"#, None),
            (r#"{"amount":"50.001"}"#, None),
            (r#"{"amount":""}"#, None),
            (r#"{"amount":null}"#, None),
            (r#"{}"#, None),
        ] {
            let sample: Sample = serde_json::from_str(json).unwrap();
            assert_eq!(sample.amount.map(Money::fen), fen, "{json}");
        }
    }
}

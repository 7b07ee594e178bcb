//! Fen, yuan texts and fees; integers only.

/// Half of the divisor of [`fee_fen`], for rounding half up.
const HALF: i64 = 5_000;

/// `50.00` for 5,000 fen.
pub(crate) fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

/// `0.30000` for 30 fen: fees carry five decimals on WeChat's bill.
pub(crate) fn yuan5(fen: i64) -> String {
    format!("{}000", yuan(fen))
}

/// Reads `50`, `50.0` or `50.00` as fen; anything else is `None`.
pub(crate) fn read_yuan(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 || whole.len() > 12 {
        return None;
    }
    let part_fen: i64 = format!("{part:0<2}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(part_fen)
}

/// The provider's fee, rounded half up to the fen.
pub(crate) fn fee_fen(amount_fen: i64, basis_points: i64) -> i64 {
    (amount_fen * basis_points + HALF) / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_texts_are_exact_to_the_fen() {
        for (text, fen) in [
            ("0.01", Some(1)),
            ("50", Some(5_000)),
            ("50.5", Some(5_050)),
            ("50.55", Some(5_055)),
            ("50.555", None),
            ("-1", None),
            ("1e2", None),
            ("", None),
            (".5", None),
        ] {
            assert_eq!(read_yuan(text), fen, "{text}");
        }
        assert_eq!(
            (yuan(-30), yuan(5_005), yuan5(30)),
            ("-0.30".into(), "50.05".into(), "0.30000".into())
        );
    }

    #[test]
    fn fees_round_half_up() {
        for (amount_fen, fee) in [(5_000, 30), (1, 0), (83, 0), (84, 1), (0, 0)] {
            assert_eq!(fee_fen(amount_fen, 60), fee, "{amount_fen}");
        }
    }
}

//! One line of the table in `docs/performance.md`.

/// What a figure has to be.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// Not less.
    AtLeast(f64),
    /// Not more.
    AtMost(f64),
    /// Printed for its own sake.
    None,
}

/// The middle of some samples; of an even number the mean of the middle two.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// The value that `per_cent` of the samples do not pass.
pub fn percentile(samples: &[f64], per_cent: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (per_cent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

/// Prints samples as `| goal | what | median (min–max) | bound | met? |`.
pub fn print(goal: &str, what: &str, unit: &str, samples: &[f64], bound: Bound) {
    let middle = median(samples);
    let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
    let most = samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let spread = match samples.len() {
        0 | 1 => String::new(),
        _ => format!(" ({}–{})", short(least), short(most)),
    };
    let (wanted, met) = match bound {
        Bound::AtLeast(wanted) => (format!("≥ {}", short(wanted)), verdict(middle >= wanted)),
        Bound::AtMost(wanted) => (format!("≤ {}", short(wanted)), verdict(middle <= wanted)),
        Bound::None => ("–".to_owned(), "–"),
    };
    println!("| {goal} | {what} | {}{spread} {unit} | {wanted} | {met} |", short(middle));
}

fn verdict(met: bool) -> &'static str {
    if met { "yes" } else { "**no**" }
}

/// Three digits that mean something.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middles_and_percentiles_are_those_of_the_sorted_samples() {
        let table: [(&[f64], f64, f64); 4] = [
            (&[3.0], 3.0, 3.0),
            (&[4.0, 1.0, 2.0], 2.0, 4.0),
            (&[4.0, 1.0, 2.0, 3.0], 2.5, 4.0),
            (&[5.0, 1.0, 4.0, 2.0, 3.0], 3.0, 5.0),
        ];
        for (samples, middle, top) in table {
            assert_eq!((median(samples), percentile(samples, 99.0)), (middle, top), "{samples:?}");
        }
    }
}

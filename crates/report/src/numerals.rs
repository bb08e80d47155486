//! How numbers are printed: fractions become percent here and nowhere else.

use crate::statistics::Interval;

/// `71.3` of 0.7134: percent without the sign.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.1}", fraction * 100.0)
}

/// `[69.8, 72.9]`: percent without the sign. An interval of values that are all equal has no width, and says so.
pub(crate) fn percent_interval(interval: Interval) -> String {
    if interval.low == interval.high {
        return NO_WIDTH.to_owned();
    }
    format!("[{}, {}]", percent(interval.low), percent(interval.high))
}

/// `+1.2` or `−0.3`: percentage points without the unit. What rounds to nothing has no sign.
pub(crate) fn points(difference: f64) -> String {
    let text = format!("{:.1}", difference.abs() * 100.0);
    match text.as_str() {
        "0.0" => text,
        _ if difference < 0.0 => format!("\u{2212}{text}"),
        _ => format!("+{text}"),
    }
}

/// `[−0.8, +2.1]`: percentage points without the unit. An interval of values that are all equal has no width, and says so.
pub(crate) fn points_interval(interval: Interval) -> String {
    if interval.low == interval.high {
        return NO_WIDTH.to_owned();
    }
    format!("[{}, {}]", points(interval.low), points(interval.high))
}

/// What stands for an interval of values that are all equal.
const NO_WIDTH: &str = "[seeds all equal]";

/// A number with one decimal and a typographic minus sign, none before 0.
pub(crate) fn decimal(value: f64) -> String {
    let text = format!("{:.1}", value.abs());
    if value < 0.0 && text != "0.0" { format!("\u{2212}{text}") } else { text }
}

/// `50,000`.
pub(crate) fn count(n: u64) -> String {
    indicatif::HumanCount(n).to_string()
}

/// `1 image`, `2 images`.
pub(crate) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// `3`, or `2–3` where they differ; empty of none.
pub(crate) fn range(values: impl IntoIterator<Item = u64>) -> String {
    let values: Vec<u64> = values.into_iter().collect();
    match (values.iter().min(), values.iter().max()) {
        (Some(low), Some(high)) if low == high => count(*low),
        (Some(low), Some(high)) => format!("{}\u{2013}{}", count(*low), count(*high)),
        _ => String::new(),
    }
}

/// `95 %` of 0.95, `99.9 %` of 0.999.
pub(crate) fn level(confidence: f64) -> String {
    let text = format!("{:.2}", confidence * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// The text with each number as one sign: sentences that differ in their numbers alone are equal then.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut without = String::new();
    for character in text.chars() {
        match character {
            '0'..='9' if without.ends_with('#') => {}
            '0'..='9' => without.push('#'),
            other => without.push(other),
        }
    }
    without
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_for_readers() {
        assert_eq!(percent(0.7134), "71.3");
        assert_eq!(points(-0.0123), "\u{2212}1.2");
        assert_eq!(points(0.0123), "+1.2");
        assert_eq!(points(-0.0001), "0.0");
        assert_eq!(points_interval(Interval { low: -0.01, high: 0.02 }), "[\u{2212}1.0, +2.0]");
        assert_eq!(points_interval(Interval { low: 0.02, high: 0.02 }), "[seeds all equal]");
        assert_eq!((decimal(-0.04), decimal(-1.25), decimal(2.0)), ("0.0".into(), "\u{2212}1.2".into(), "2.0".into()));
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(range([3, 3]), "3");
        assert_eq!(range([3, 2]), "2\u{2013}3");
        assert_eq!(level(0.95), "95 %");
        assert_eq!(level(0.999), "99.9 %");
        assert_eq!(without_numbers("3 of 500: 12.25 %"), without_numbers("20 of 5: 1.0 %"));
        assert_ne!(without_numbers("3 of 500"), without_numbers("3 in 500"));
        assert_eq!(listed(&["a".to_owned(), "b".to_owned(), "c".to_owned()]), "a, b and c");
    }
}

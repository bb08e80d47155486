//! How numbers are printed: fractions become percent here and nowhere else.

use crate::statistics::{Difference, Interval};

/// `71.34` of 0.71341: percent without the sign.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.2}", fraction * 100.0)
}

/// `+1.20` or `−0.30`: percentage points without the unit. What rounds to nothing has no sign.
pub(crate) fn points(difference: f64) -> String {
    let text = format!("{:.2}", difference.abs() * 100.0);
    match text.as_str() {
        "0.00" => text,
        _ if difference < 0.0 => format!("\u{2212}{text}"),
        _ => format!("+{text}"),
    }
}

/// `[−0.80, +2.10]`.
pub(crate) fn interval(Interval { low, high }: Interval) -> String {
    format!("[{}, {}]", points(low), points(high))
}

/// `+1.20 [+0.80, +2.10]`.
pub(crate) fn difference(Difference { value, interval: of }: Difference) -> String {
    let interval = of.map(|of| format!(" {}", interval(of))).unwrap_or_default();
    format!("{}{interval}", points(value))
}

/// `50,000`.
pub(crate) fn count(n: u64) -> String {
    indicatif::HumanCount(n).to_string()
}

/// `1 image`, `2,000 images`.
pub(crate) fn images(n: u64) -> String {
    format!("{} image{}", count(n), if n == 1 { "" } else { "s" })
}

/// `95 %` of 0.95.
pub(crate) fn level(confidence: f64) -> String {
    let text = format!("{:.2}", confidence * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_for_readers() {
        assert_eq!(
            (points(-0.0123), points(0.0123), points(-0.00001)),
            ("\u{2212}1.23".into(), "+1.23".into(), "0.00".into())
        );
        assert_eq!((count(1_234_567), images(1), level(0.95)), ("1,234,567".into(), "1 image".into(), "95 %".into()));
        assert_eq!(difference(Difference { value: 0.01, interval: None }), "+1.00");
    }
}

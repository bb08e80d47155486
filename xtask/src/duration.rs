//! How long something takes, in words.

use std::time::Duration;

/// Seconds as `4 s`, `3 min 20 s` or `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 if seconds < 10.0 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// Reads `90s`, `30m` or `1h30m`.
///
/// # Errors
/// Says what was expected.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration, expected one such as 90s, 30m or 1h30m");
    let (mut seconds, mut digits) = (0_u64, String::new());
    for letter in text.chars() {
        let unit = match letter {
            '0'..='9' => {
                digits.push(letter);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        seconds = number.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
        digits.clear();
    }
    let is_whole = digits.is_empty() && seconds > 0;
    is_whole.then(|| Duration::from_secs(seconds)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (seconds, expected) in
            [(0.04, "0.0 s"), (9.5, "9.5 s"), (59.4, "59 s"), (61.0, "1 min 1 s"), (7500.0, "2 h 5 min")]
        {
            assert_eq!(duration(seconds), expected);
        }
    }

    #[test]
    fn a_limit_is_read_and_anything_else_refused() {
        for (text, expected) in [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2h5s", 7205)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(expected)), "{text}");
        }
        for text in ["", "90", "h", "0s", "1d", "-1s", "1.5h", "99999999999999999999s"] {
            let expected = format!("`{text}` is no duration, expected one such as 90s, 30m or 1h30m");
            assert_eq!(parse(text), Err(expected));
        }
    }
}

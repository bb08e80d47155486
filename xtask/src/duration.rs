//! How long something takes, in words.

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
}

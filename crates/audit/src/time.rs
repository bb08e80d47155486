//! Points and spans of time as text.

use arrow::datatypes::{
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::temporal_conversions::{as_datetime, as_duration, as_time};

/// A date and a time such as `2026-11-29T08:30:00.250`. In UTC it ends with `Z`, whatever zone its column names.
///
/// A number that is no date of the calendar is shown as it is.
pub(crate) fn timestamp(value: i64, unit: TimeUnit, is_utc: bool) -> String {
    let found = match unit {
        TimeUnit::Second => as_datetime::<TimestampSecondType>(value),
        TimeUnit::Millisecond => as_datetime::<TimestampMillisecondType>(value),
        TimeUnit::Microsecond => as_datetime::<TimestampMicrosecondType>(value),
        TimeUnit::Nanosecond => as_datetime::<TimestampNanosecondType>(value),
    };
    let zone = if is_utc { "Z" } else { "" };
    found.map_or_else(|| format!("{value} {} after 1970-01-01", name(unit)), |found| format!("{found:?}{zone}"))
}

/// A date such as `2026-11-29`, from the days since 1970-01-01.
pub(crate) fn date(n_days: i64) -> String {
    let found = n_days.checked_mul(24 * 60 * 60).and_then(as_datetime::<TimestampSecondType>);
    found.map_or_else(|| format!("{n_days} days after 1970-01-01"), |found| format!("{:?}", found.date()))
}

/// A time of the day such as `08:30:00.250`.
pub(crate) fn time_of_day(value: i64, unit: TimeUnit) -> String {
    const DAY: i64 = 24 * 60 * 60;
    let (n_units, time) = match unit {
        TimeUnit::Second => (DAY, as_time::<Time32SecondType>(value)),
        TimeUnit::Millisecond => (DAY * 1000, as_time::<Time32MillisecondType>(value)),
        TimeUnit::Microsecond => (DAY * 1_000_000, as_time::<Time64MicrosecondType>(value)),
        TimeUnit::Nanosecond => (DAY * 1_000_000_000, as_time::<Time64NanosecondType>(value)),
    };
    let found = time.filter(|_| (0..n_units).contains(&value));
    found.map_or_else(|| format!("{value} {} after midnight", name(unit)), |found| format!("{found:?}"))
}

/// A span of time as ISO 8601 has it, in seconds: `PT90.5S`.
pub(crate) fn duration(value: i64, unit: TimeUnit) -> String {
    let found = match unit {
        TimeUnit::Second => as_duration::<DurationSecondType>(value),
        TimeUnit::Millisecond => as_duration::<DurationMillisecondType>(value),
        TimeUnit::Microsecond => as_duration::<DurationMicrosecondType>(value),
        TimeUnit::Nanosecond => as_duration::<DurationNanosecondType>(value),
    };
    found.map_or_else(|| format!("{value} {}", name(unit)), |found| found.to_string())
}

fn name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "seconds",
        TimeUnit::Millisecond => "milliseconds",
        TimeUnit::Microsecond => "microseconds",
        TimeUnit::Nanosecond => "nanoseconds",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_date_is_a_number_and_never_nothing() {
        assert_eq!(timestamp(1_500, TimeUnit::Millisecond, true), "1970-01-01T00:00:01.500Z");
        assert_eq!(timestamp(-1, TimeUnit::Nanosecond, false), "1969-12-31T23:59:59.999999999");
        assert_eq!(timestamp(i64::MAX, TimeUnit::Second, true), "9223372036854775807 seconds after 1970-01-01");
        assert_eq!(date(20_786), "2026-11-29");
        assert_eq!(date(i32::MAX.into()), "2147483647 days after 1970-01-01");
        assert_eq!(time_of_day(1, TimeUnit::Microsecond), "00:00:00.000001");
        assert_eq!(time_of_day(-1, TimeUnit::Second), "-1 seconds after midnight");
        assert_eq!(time_of_day(90_000, TimeUnit::Second), "90000 seconds after midnight");
        assert_eq!(duration(90_500, TimeUnit::Millisecond), "PT90.5S");
        assert_eq!(duration(i64::MIN, TimeUnit::Second), "-9223372036854775808 seconds");
    }
}

//! From an interval to a verdict.

use twinset_manifest::rows::{Direction, Verdict};

use crate::statistics::Interval;

/// What an interval of a mean difference says of a claim. `smallest_effect` is δ, the smallest that matters.
///
/// Every wrong verdict takes an interval that misses the true difference. So a family errs no more often than its intervals miss.
pub fn verdict(interval: Interval, direction: Direction, smallest_effect: f64) -> Verdict {
    let (is_lower, is_higher) = (interval.high < 0.0, interval.low > 0.0);
    let is_small = -smallest_effect < interval.low && interval.high < smallest_effect;
    match direction {
        Direction::NotHigher if interval.high < smallest_effect => Verdict::Supported,
        // A contrary difference that is certain, however small.
        Direction::Lower | Direction::NotHigher if is_higher => Verdict::Contradicted,
        Direction::Higher if is_lower => Verdict::Contradicted,
        Direction::Lower | Direction::Higher | Direction::Differs if is_small => Verdict::NoEffect,
        Direction::Lower if is_lower => Verdict::Supported,
        Direction::Higher if is_higher => Verdict::Supported,
        Direction::Differs if is_lower || is_higher => Verdict::Supported,
        _ => Verdict::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(direction: Direction, low: f64, high: f64, expected: Verdict) {
        assert_eq!(verdict(Interval { low, high }, direction, 0.02), expected, "{direction} [{low}, {high}]");
    }

    #[test]
    fn a_verdict_is_read_off_its_interval() {
        use Direction::{Differs, Higher, Lower};
        check(Lower, -0.06, -0.03, Verdict::Supported);
        check(Lower, -0.06, -0.001, Verdict::Supported);
        check(Lower, -0.06, 0.001, Verdict::Undecided);
        check(Lower, 0.03, 0.06, Verdict::Contradicted);
        check(Higher, 0.03, 0.06, Verdict::Supported);
        check(Higher, -0.06, -0.03, Verdict::Contradicted);
        check(Differs, -0.06, -0.03, Verdict::Supported);
        check(Differs, 0.03, 0.06, Verdict::Supported);
        check(Differs, -0.03, 0.06, Verdict::Undecided);
    }

    #[test]
    fn no_effect_is_said_only_where_the_whole_interval_is_within_what_does_not_matter() {
        use Direction::{Differs, Higher, Lower};
        for direction in [Lower, Higher, Differs] {
            check(direction, -0.019, 0.019, Verdict::NoEffect);
            check(direction, -0.021, 0.015, Verdict::Undecided);
            check(direction, -0.015, 0.021, Verdict::Undecided);
            check(direction, -0.02, 0.02, Verdict::Undecided);
        }
        // There is an effect as claimed, and it is too small to matter.
        check(Lower, -0.015, -0.005, Verdict::NoEffect);
        check(Differs, -0.015, -0.005, Verdict::NoEffect);
    }

    #[test]
    fn a_contrary_effect_that_is_certain_contradicts_however_small_it_is() {
        check(Direction::Lower, 0.001, 0.004, Verdict::Contradicted);
        check(Direction::Higher, -0.004, -0.001, Verdict::Contradicted);
    }

    #[test]
    fn a_claim_of_no_rise_is_supported_by_a_fall_and_by_a_rise_too_small_to_matter() {
        let not_higher = Direction::NotHigher;
        check(not_higher, -0.06, -0.03, Verdict::Supported);
        check(not_higher, -0.06, 0.019, Verdict::Supported);
        check(not_higher, 0.003, 0.004, Verdict::Supported);
        check(not_higher, 0.003, 0.05, Verdict::Contradicted);
        check(not_higher, -0.01, 0.05, Verdict::Undecided);
    }
}

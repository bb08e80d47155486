//! Accuracies by class.

/// Points classified rightly, of all, by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    negative: Share,
    positive: Share,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Share {
    n_correct: u64,
    n: u64,
}

impl Tally {
    /// Notes a point that stands there `n` times; a classifier says class +1 of it where its decision value is above 0.
    pub(crate) fn note(&mut self, is_positive: bool, decision: f64, n: u64) {
        let share = if is_positive { &mut self.positive } else { &mut self.negative };
        share.n += n;
        share.n_correct += if (decision > 0.0) == is_positive { n } else { 0 };
    }

    /// The accuracy on class -1, 0 to 1.
    pub(crate) fn negative(self) -> f64 {
        self.negative.value()
    }

    /// The accuracy on class +1, 0 to 1.
    pub(crate) fn positive(self) -> f64 {
        self.positive.value()
    }

    /// The mean of the two.
    pub(crate) fn balanced(self) -> f64 {
        f64::midpoint(self.negative(), self.positive())
    }
}

impl Share {
    fn value(self) -> f64 {
        self.n_correct as f64 / self.n as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_count_alike_however_many_points_they_have() {
        let check = |points: &[(bool, f64, u64)], expected: (f64, f64, f64)| {
            let mut tally = Tally::default();
            for (is_positive, decision, n) in points {
                tally.note(*is_positive, *decision, *n);
            }
            assert_eq!((tally.negative(), tally.positive(), tally.balanced()), expected, "{points:?}");
        };
        check(&[(false, -1.0, 1), (true, 2.0, 1)], (1.0, 1.0, 1.0));
        check(&[(false, 0.5, 1), (true, -0.1, 1)], (0.0, 0.0, 0.0));
        check(&[(false, -1.0, 3), (false, 1.0, 1), (true, 1.0, 100), (true, -1.0, 100)], (0.75, 0.5, 0.625));
        // On the line itself nothing speaks for class +1.
        check(&[(false, 0.0, 1), (true, 0.0, 1)], (1.0, 0.0, 0.5));
    }
}

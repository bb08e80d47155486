//! Proportions, differences of proportions, and their intervals.
//!
//! **The overstatement.** Let a share s of n images have leaked, and let a(leaked) and a(clean) be the accuracy on those and on the
//! others. The reported accuracy is s·a(leaked) + (1 − s)·a(clean). So the reported accuracy less a(clean) is
//!
//! > s · (a(leaked) − a(clean))
//!
//! The two accuracies are over different images, and so independent. The images that were reported on are known, s with them. The
//! overstatement's interval is s times an interval of the difference of two independent proportions. Newcombe's is used: it is
//! never empty, also where a model is right on all leaked images, as it often is. An interval that takes the two printed accuracies as
//! independent would be several times too wide, as they share most of their images.
//!
//! McNemar's test does not apply here: it compares two models on the same images. This compares one model on two sets of images.
//!
//! **A lead** is the difference of two models on the same images, and paired by image.

use statrs::distribution::{ContinuousCDF, Normal};

/// How many images a model was right on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proportion {
    /// Images that the model was right on.
    pub n_correct: u64,
    /// Images.
    pub n: u64,
}

/// An interval with its ends.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A difference with its interval; none where nothing could vary.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Difference {
    /// The difference.
    pub value: f64,
    /// Its interval.
    pub interval: Option<Interval>,
}

impl Interval {
    /// Whether 0 is outside.
    pub fn excludes_zero(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

impl Difference {
    /// Whether its interval excludes 0.
    pub fn is_clear(self) -> bool {
        self.interval.is_some_and(Interval::excludes_zero)
    }
}

impl Proportion {
    /// Of these images.
    pub fn of(correct: impl Iterator<Item = bool>) -> Self {
        correct.fold(Self::default(), |sum, is_correct| Self {
            n_correct: sum.n_correct + u64::from(is_correct),
            n: sum.n + 1,
        })
    }

    /// The share; none of no images.
    pub fn share(self) -> Option<f64> {
        (self.n > 0).then(|| self.n_correct as f64 / self.n as f64)
    }

    /// Wilson's score interval; none of no images.
    ///
    /// E. B. Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 22 (1927).
    pub fn wilson(self, confidence: f64) -> Option<Interval> {
        let (share, n) = (self.share()?, self.n as f64);
        let z = normal_quantile(confidence);
        let centre = share + z * z / (2.0 * n);
        let spread = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z * z / n;
        let low = if self.n_correct == 0 { 0.0 } else { ((centre - spread) / scale).max(0.0) };
        let high = if self.n_correct == self.n { 1.0 } else { ((centre + spread) / scale).min(1.0) };
        Some(Interval { low, high })
    }
}

/// The share of `left` less that of `right`, over different images, with Newcombe's interval; none where one has no images.
///
/// R. G. Newcombe, *Interval estimation for the difference between independent proportions*, Statistics in Medicine 17 (1998), method 10.
pub fn independent_difference(left: Proportion, right: Proportion, confidence: f64) -> Option<Difference> {
    let (of_left, of_right) = (left.share()?, right.share()?);
    let (wilson_left, wilson_right) = (left.wilson(confidence)?, right.wilson(confidence)?);
    let value = of_left - of_right;
    let low = value - (of_left - wilson_left.low).hypot(wilson_right.high - of_right);
    let high = value + (wilson_left.high - of_left).hypot(of_right - wilson_right.low);
    Some(Difference { value, interval: Some(Interval { low, high }) })
}

/// The accuracy on leaked and clean images together less that on the clean ones; none where there are no clean ones.
pub fn overstatement(leaked: Proportion, clean: Proportion, confidence: f64) -> Option<Difference> {
    let all = Proportion { n_correct: leaked.n_correct + clean.n_correct, n: leaked.n + clean.n };
    let value = all.share()? - clean.share()?;
    let leaked_share = leaked.n as f64 / all.n as f64;
    let interval = independent_difference(leaked, clean, confidence).and_then(|difference| difference.interval);
    let scaled = |interval: Interval| Interval { low: interval.low * leaked_share, high: interval.high * leaked_share };
    Some(Difference { value, interval: interval.map(scaled) })
}

/// The accuracy of one model less that of another on the same images, with the interval of Agresti and Min; none of no images.
///
/// `pairs` says of each image whether the one and whether the other is right. Half an image is added to each of the four cells, and Wald's
/// interval is taken of these: A. Agresti and Y. Min, *Simple improved confidence intervals for comparing matched proportions*,
/// Statistics in Medicine 24 (2005).
pub fn paired_difference(pairs: impl Iterator<Item = (bool, bool)>, confidence: f64) -> Option<Difference> {
    let (mut n, mut left_alone, mut right_alone) = (0_u64, 0_u64, 0_u64);
    for (left, right) in pairs {
        n += 1;
        left_alone += u64::from(left && !right);
        right_alone += u64::from(right && !left);
    }
    if n == 0 {
        return None;
    }
    let n_more = n as f64 + 2.0;
    let (left_more, right_more) = (left_alone as f64 + 0.5, right_alone as f64 + 0.5);
    let centre = (left_more - right_more) / n_more;
    let spread = ((left_more + right_more) - (left_more - right_more).powi(2) / n_more).sqrt() / n_more;
    let z = normal_quantile(confidence);
    let interval = Interval { low: (centre - z * spread).max(-1.0), high: (centre + z * spread).min(1.0) };
    Some(Difference { value: (left_alone as f64 - right_alone as f64) / n as f64, interval: Some(interval) })
}

/// The normal distribution's quantile for a two-sided interval.
fn normal_quantile(confidence: f64) -> f64 {
    Normal::standard().inverse_cdf(0.5 + confidence / 2.0)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn of(n_correct: u64, n: u64) -> Proportion {
        Proportion { n_correct, n }
    }

    #[track_caller]
    fn expect_near(found: Interval, low: f64, high: f64, tolerance: f64) {
        assert!((found.low - low).abs() < tolerance && (found.high - high).abs() < tolerance, "{found:?}");
    }

    /// Newcombe, Statistics in Medicine 17 (1998), table II, method 10, and Wilson's interval of table I.
    #[test]
    fn intervals_have_the_published_values() {
        expect_near(of(81, 263).wilson(0.95).unwrap(), 0.2553, 0.3662, 5e-5);
        expect_near(of(0, 20).wilson(0.95).unwrap(), 0.0, 0.1611, 5e-5);
        let difference = |left, right| independent_difference(left, right, 0.95).unwrap().interval.unwrap();
        expect_near(difference(of(56, 70), of(48, 80)), 0.0524, 0.3339, 5e-5);
        expect_near(difference(of(9, 10), of(3, 10)), 0.1705, 0.8090, 5e-5);
        expect_near(difference(of(10, 10), of(0, 20)), 0.6791, 1.0, 5e-5);
    }

    #[test]
    fn an_overstatement_is_the_share_of_leaks_times_the_difference() {
        let (leaked, clean) = (of(90, 100), of(700, 900));
        let whole = overstatement(leaked, clean, 0.95).unwrap();
        let parts = independent_difference(leaked, clean, 0.95).unwrap();
        assert!((whole.value - 0.1 * parts.value).abs() < 1e-15);
        assert!((whole.interval.unwrap().low - 0.1 * parts.interval.unwrap().low).abs() < 1e-15);
        assert_eq!(overstatement(of(0, 0), clean, 0.95), Some(Difference { value: 0.0, interval: None }));
        assert_eq!(overstatement(leaked, of(0, 0), 0.95), None);
    }

    /// The share of simulated studies whose interval holds the truth.
    fn coverage(n_studies: u32, mut holds: impl FnMut(&mut ChaCha8Rng) -> bool) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(25);
        f64::from((0..n_studies).map(|_| u32::from(holds(&mut rng))).sum::<u32>()) / f64::from(n_studies)
    }

    /// 4,000 studies a line: the standard error of a coverage is 0.3 points.
    #[test]
    fn an_overstatements_interval_holds_the_truth_in_95_of_100_studies() {
        for (n_leaked, n_clean, of_leaked, of_clean) in [
            (700, 9300, 0.93, 0.85),
            (50, 950, 0.98, 0.7),
            (20, 180, 0.95, 0.9),
            (300, 300, 0.5, 0.5),
            (8, 400, 0.9, 0.6),
        ] {
            let share = f64::from(n_leaked) / f64::from(n_leaked + n_clean);
            let truth = share * (of_leaked - of_clean);
            let found = coverage(4000, |rng| {
                let mut draw = |n: u32, p: f64| Proportion::of((0..n).map(|_| rng.random_bool(p)));
                let (leaked, clean) = (draw(n_leaked, of_leaked), draw(n_clean, of_clean));
                let Interval { low, high } = overstatement(leaked, clean, 0.95).unwrap().interval.unwrap();
                low <= truth && truth <= high
            });
            assert!((0.935..=0.985).contains(&found), "{n_leaked} of {}: {found}", n_leaked + n_clean);
        }
    }

    #[test]
    fn a_leads_interval_holds_the_truth_in_95_of_100_studies() {
        // Shares of images that both, the left one alone and the right one alone are right on.
        for (n, both, left, right) in [(1000, 0.8, 0.06, 0.05), (200, 0.9, 0.04, 0.01), (60, 0.5, 0.2, 0.2)] {
            let found = coverage(4000, |rng| {
                let images = (0..n).map(|_| {
                    let draw: f64 = rng.random();
                    (draw < both + left, draw < both || (draw >= both + left && draw < both + left + right))
                });
                let Interval { low, high } = paired_difference(images, 0.95).unwrap().interval.unwrap();
                low <= left - right && left - right <= high
            });
            assert!((0.935..=0.985).contains(&found), "{n}: {found}");
        }
    }

    #[test]
    fn a_lead_is_counted_over_images_on_which_the_two_differ() {
        let images = [(true, true), (true, false), (true, false), (false, true), (false, false)];
        let found = paired_difference(images.into_iter(), 0.95).unwrap();
        assert_eq!(found.value, 0.2);
        assert!(!found.is_clear());
        assert_eq!(paired_difference(std::iter::empty(), 0.95), None);
    }
}

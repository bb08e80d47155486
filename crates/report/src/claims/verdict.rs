//! From paired differences to a verdict.

use twinset_manifest::rows::{Direction, Verdict};

use crate::statistics::{
    below_p, detectable_difference, effect_size, equivalence_p, mean, seeds_needed, standard_deviation,
};

/// Probability with which a study should find what it looks for.
const POWER: f64 = 0.8;

/// What is claimed of a mean difference.
#[derive(Clone, Copy, Debug)]
pub struct Hypothesis {
    /// Which way it goes.
    pub direction: Direction,
    /// δ: the smallest that matters.
    pub smallest_effect: f64,
    /// The level of the tests.
    pub level: f64,
}

/// What the differences say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// What came of the claim.
    pub verdict: Verdict,
    /// The mean in standard deviations.
    pub effect_size: Option<f64>,
    /// The p-value that the mean is at least δ: either way, or upwards where the claim is that it is not.
    pub p_equivalence: Option<f64>,
    /// The smallest mean that as many seeds find.
    pub detectable_difference: Option<f64>,
    /// Seeds that would find δ.
    pub seeds_needed: Option<usize>,
}

/// Judges differences, one a seed; `p` is the p-value of their t test, adjusted for the family that it is of.
pub fn judge(differences: &[f64], hypothesis: &Hypothesis, p: Option<f64>) -> Judgement {
    let &Hypothesis { direction, smallest_effect, level } = hypothesis;
    let p_equivalence = match direction {
        Direction::NotHigher => below_p(differences, smallest_effect),
        Direction::Lower | Direction::Higher | Direction::Differs => equivalence_p(differences, smallest_effect),
    };
    let deviation = standard_deviation(differences).filter(|_| p_equivalence.is_some());
    let is_small = |p: Option<f64>| p.is_some_and(|p| p <= level);
    let difference = mean(differences, 1.0 - level).map_or(0.0, |mean| mean.mean);
    let verdict = if is_small(p_equivalence) {
        if direction == Direction::NotHigher { Verdict::Supported } else { Verdict::NoEffect }
    } else if !is_small(p) {
        Verdict::Undecided
    } else {
        let is_as_claimed = match direction {
            Direction::Lower | Direction::NotHigher => difference < 0.0,
            Direction::Higher => difference > 0.0,
            Direction::Differs => true,
        };
        if is_as_claimed { Verdict::Supported } else { Verdict::Contradicted }
    };
    Judgement {
        verdict,
        effect_size: effect_size(differences),
        p_equivalence,
        detectable_difference: deviation.and_then(|s| detectable_difference(differences.len(), s, level, POWER)),
        seeds_needed: deviation.and_then(|s| seeds_needed(smallest_effect, s, level, POWER)),
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::statistics::{holm, paired_t_p};

    const LOWER: Hypothesis = Hypothesis { direction: Direction::Lower, smallest_effect: 0.02, level: 0.05 };

    fn verdict(differences: &[f64], hypothesis: &Hypothesis) -> Verdict {
        judge(differences, hypothesis, paired_t_p(differences)).verdict
    }

    #[test]
    fn a_verdict_follows_from_the_differences() {
        let check = |differences: &[f64], expected: Verdict| assert_eq!(verdict(differences, &LOWER), expected);
        check(&[-0.05, -0.06, -0.055], Verdict::Supported);
        check(&[0.05, 0.06, 0.055], Verdict::Contradicted);
        check(&[0.001, -0.001, 0.0005, -0.002], Verdict::NoEffect);
        // Not 0, and yet too small to matter.
        check(&[-0.003, -0.0031, -0.0029, -0.003], Verdict::NoEffect);
        check(&[-0.05, 0.04, -0.01], Verdict::Undecided);
        // Nothing is known of chance.
        check(&[-0.05], Verdict::Undecided);
        check(&[-0.05, -0.05, -0.05], Verdict::Undecided);
        check(&[], Verdict::Undecided);
        let differs = Hypothesis { direction: Direction::Differs, ..LOWER };
        assert_eq!(verdict(&[0.05, 0.06, 0.055], &differs), Verdict::Supported);
        let higher = Hypothesis { direction: Direction::Higher, ..LOWER };
        assert_eq!(verdict(&[-0.05, -0.06, -0.055], &higher), Verdict::Contradicted);
    }

    #[test]
    fn a_claim_of_no_rise_is_supported_by_a_fall_and_by_a_rise_too_small_to_matter() {
        let not_higher = Hypothesis { direction: Direction::NotHigher, ..LOWER };
        let check = |differences: &[f64], expected| assert_eq!(verdict(differences, &not_higher), expected);
        check(&[-0.05, -0.06, -0.055], Verdict::Supported);
        check(&[0.003, 0.0031, 0.0029, 0.003], Verdict::Supported);
        check(&[0.05, 0.06, 0.055], Verdict::Contradicted);
        check(&[0.05, -0.04, 0.01], Verdict::Undecided);
        check(&[-0.05], Verdict::Undecided);
    }

    #[test]
    fn what_is_undecided_says_how_many_seeds_would_decide() {
        let found = judge(&[-0.05, 0.04, -0.01], &LOWER, Some(0.9));
        let n = found.seeds_needed.unwrap();
        assert!(n > 20, "{n}");
        assert!(found.detectable_difference.unwrap() > LOWER.smallest_effect);
        assert_eq!(judge(&[0.1], &LOWER, None).seeds_needed, None);
    }

    /// Normally distributed differences, by the polar method of Box, Muller and Marsaglia.
    fn differences(n: usize, mean: f64, deviation: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut normal = || loop {
            let (x, y): (f64, f64) = (rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        };
        (0..n).map(|_| mean + deviation * normal()).collect()
    }

    /// The issue that asked for verdicts set these bounds.
    #[test]
    fn a_thousand_studies_without_an_effect_and_with_one_are_judged_honestly() {
        let (n_seeds, deviation, n_studies) = (5, 0.01, 1000);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut share = |mean: f64, is_counted: &dyn Fn(&[f64]) -> bool| {
            let counted = (0..n_studies).filter(|_| is_counted(&differences(n_seeds, mean, deviation, &mut rng)));
            counted.count() as f64 / f64::from(n_studies)
        };
        let effect = detectable_difference(n_seeds, deviation, LOWER.level, POWER).unwrap();
        for smallest_effect in [effect / 10.0, effect, 10.0 * effect] {
            let hypothesis = Hypothesis { smallest_effect, ..LOWER };
            let false_alarms = share(0.0, &|differences: &[f64]| {
                matches!(verdict(differences, &hypothesis), Verdict::Supported | Verdict::Contradicted)
            });
            assert!(false_alarms <= 0.065, "{false_alarms} of studies without an effect, δ {smallest_effect}");
        }
        let found = share(-effect, &|differences: &[f64]| {
            verdict(differences, &Hypothesis { smallest_effect: effect, ..LOWER }) == Verdict::Supported
        });
        assert!(found >= 0.75, "{found} of studies with an effect of {effect}");
        let covered = share(-0.013, &|differences: &[f64]| {
            let interval = mean(differences, 0.95).unwrap().interval.unwrap();
            interval.low <= -0.013 && -0.013 <= interval.high
        });
        assert!((0.93..=0.97).contains(&covered), "{covered} of intervals");
        // An effect as large as δ is taken for none no more often than the level says.
        let overlooked =
            share(-LOWER.smallest_effect, &|differences: &[f64]| verdict(differences, &LOWER) == Verdict::NoEffect);
        assert!(overlooked <= 0.065, "{overlooked} of studies with an effect of δ");
        let not_higher = Hypothesis { direction: Direction::NotHigher, ..LOWER };
        let overlooked = share(LOWER.smallest_effect, &|differences: &[f64]| {
            verdict(differences, &not_higher) == Verdict::Supported
        });
        assert!(overlooked <= 0.065, "{overlooked} of studies with a rise of δ");
    }

    /// Four claims at once: of studies without any effect, few call even one.
    #[test]
    fn a_family_of_claims_has_one_level() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let n_studies = 1000;
        let called = (0..n_studies).filter(|_| {
            let family: Vec<_> = (0..4).map(|_| differences(5, 0.0, 0.03, &mut rng)).collect();
            let p_values: Vec<f64> = family.iter().map(|differences| paired_t_p(differences).unwrap()).collect();
            family.iter().zip(holm(&p_values)).any(|(differences, p)| {
                matches!(judge(differences, &LOWER, Some(p)).verdict, Verdict::Supported | Verdict::Contradicted)
            })
        });
        let share = called.count() as f64 / f64::from(n_studies);
        assert!(share <= 0.065, "{share}");
    }
}

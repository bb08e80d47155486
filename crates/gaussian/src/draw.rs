//! The original points of a seed, and which of them are repeated.

use rand::RngExt;
use twinset_manifest::rows::GaussianSelection;

use crate::points::Distribution;
use crate::seeds::{Use, generator};
use crate::{Config, Points};

/// The original points of a seed: the same for every selection and number of duplicates.
pub fn originals(config: &Config, seed: u64) -> Points {
    let of_class = |is_positive| {
        let class = Distribution::of(config, is_positive);
        let mut rng = generator(seed, Use::Original { is_positive });
        (0..config.n_points).map(move |_| class.draw(&mut rng))
    };
    Points { points: of_class(false).chain(of_class(true)).collect(), n_negative: config.n_points }
}

/// So many points to repeat, drawn with replacement, as places among the originals. Fewer are the first of these.
pub fn duplicates(config: &Config, points: &Points, selection: GaussianSelection, seed: u64, n: u64) -> Vec<usize> {
    let (n_negative, n_points) = (points.n_negative, points.points.len());
    let weight = config.weight(selection);
    let (of_negative, of_positive) = (n_negative as f64, (n_points - n_negative) as f64 * weight);
    let mut rng = generator(seed, Use::Duplicates(selection));
    let mut draw = || {
        // Points of class -1 have a stretch of 1 each on a line, points of class +1 one of `weight`.
        let place = rng.random::<f64>() * (of_negative + of_positive);
        let point = if place < of_negative { place } else { of_negative + (place - of_negative) / weight };
        (point as usize).min(n_points - 1)
    };
    (0..n).map(|_| draw()).collect()
}

#[cfg(test)]
mod tests {
    use GaussianSelection::{NonUniform, Uniform};

    use super::*;

    #[test]
    fn a_seed_has_its_points_and_another_has_others() {
        let config = Config { n_points: 5, ..Config::default() };
        let points = originals(&config, 3);
        assert_eq!((points.points.len(), points.n_negative), (10, 5));
        assert_eq!(originals(&config, 3), points);
        let of_other = originals(&config, 4);
        assert!(points.points.iter().all(|point| !of_other.points.contains(point)));
        assert!(!points.is_positive(4) && points.is_positive(5));
        // More points of a class do not move those that were there.
        let more = originals(&Config { n_points: 7, ..config }, 3);
        assert_eq!((&more.points[..5], &more.points[7..12]), (&points.points[..5], &points.points[5..]));
    }

    #[test]
    fn fewer_duplicates_are_the_first_of_more() {
        let config = Config::default();
        let points = originals(&config, 0);
        for selection in [Uniform, NonUniform] {
            let all = duplicates(&config, &points, selection, 0, 400);
            for n in [0, 1, 40, 399] {
                assert_eq!(duplicates(&config, &points, selection, 0, n), all[..n as usize], "{selection} {n}");
            }
            assert_ne!(duplicates(&config, &points, selection, 1, 400), all, "{selection}");
        }
    }

    /// Of 100,000 draws a share has a standard deviation of at most 0.0016.
    #[test]
    fn points_are_drawn_as_often_as_their_weight_says() {
        let check = |selection, weight, expected: f64| {
            let config = Config { positive_weight: weight, ..Config::default() };
            let points = originals(&config, 0);
            let drawn = duplicates(&config, &points, selection, 9, 100_000);
            let share = drawn.iter().filter(|point| points.is_positive(**point)).count() as f64 / 100_000.0;
            assert!((share - expected).abs() < 0.008, "{selection} {weight}: {share}, expected {expected}");
            // Within a class any point is as likely as any other: of a class of 100, none is left out or drawn twice as often.
            for class in [0..100, 100..200] {
                let n_of_class = drawn.iter().filter(|point| class.contains(*point)).count();
                for point in class {
                    let n = drawn.iter().filter(|drawn| **drawn == point).count() * 100;
                    assert!(n > n_of_class / 2 && n < n_of_class * 2, "{point}: {n} of {n_of_class}");
                }
            }
        };
        check(Uniform, 4.0, 0.5);
        check(NonUniform, 4.0, 0.8);
        check(NonUniform, 1.0, 0.5);
        check(NonUniform, 0.25, 0.2);
    }
}

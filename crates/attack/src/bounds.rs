//! Where an attacked pixel may be.

use tch::{Kind, Tensor};
use twinset_manifest::units::PixelRange;

use crate::norm::l2_of_each;
use crate::{AttackError, Attacked, Norm};

/// How far float32 may round a pixel past its bounds: sums of numbers in [0, 1] are within 6e-8 of the truth, and ε
/// itself is rounded; a defect is at least a step, thousands of times as large.
const TOLERANCE: f64 = 1e-6;

/// The ball of radius ε around each image, projected onto the pixel range: the set that an attack keeps to.
///
/// The published protocol projects onto the ball first and clamps to the range then. As clamping is monotone, that is for
/// L∞ one clamp to the interval between both ends of the ball, each clamped to the range. Where the range excludes a whole
/// ball (a dark pixel under the range [0.5, 1]) the interval is one point, the end of the range next to the pixel: past
/// ε, by the protocol's design. Clamping never moves two points apart, so within any ball what is attacked stays within ε
/// of the clamped original, which is the original itself where that is in the range.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) original: Tensor,
    /// The interval of each pixel, for L∞.
    interval: Option<(Tensor, Tensor)>,
    epsilon: f64,
    norm: Norm,
    range: PixelRange,
}

impl Bounds {
    pub(crate) fn new(original: &Tensor, epsilon: f64, norm: Norm, range: PixelRange) -> Result<Self, AttackError> {
        let interval = match norm {
            Norm::L2 => None,
            Norm::LInf => Some((
                original.f_sub_scalar(epsilon)?.f_clamp_(range.low(), range.high())?,
                original.f_add_scalar(epsilon)?.f_clamp_(range.low(), range.high())?,
            )),
        };
        Ok(Self { original: original.shallow_clone(), interval, epsilon, norm, range })
    }

    /// Projects pixels onto the ball and then clamps them to the range, in place.
    pub(crate) fn project(&self, mut pixels: Tensor) -> Result<Tensor, AttackError> {
        if let Some((lower, upper)) = &self.interval {
            return Ok(pixels.f_clamp_tensor_(Some(lower), Some(upper))?);
        }
        let mut change = pixels.f_sub_(&self.original)?;
        let lengths = l2_of_each(&change)?.f_clamp_min_(f64::from(f32::MIN_POSITIVE))?;
        let shrink = lengths.f_reciprocal()?.f_mul_scalar_(self.epsilon)?.f_clamp_max_(1.0)?;
        Ok(change.f_mul_(&shrink)?.f_add_(&self.original)?.f_clamp_(self.range.low(), self.range.high())?)
    }

    /// What an attack came to, checked. `is_attacked` and `is_stuck` are `[n]`.
    pub(crate) fn attacked(
        &self,
        pixels: Tensor,
        n_queries: Vec<u32>,
        is_attacked: &Tensor,
        is_stuck: &Tensor,
    ) -> Result<Attacked, AttackError> {
        self.check(&pixels)?;
        let is_unmoved = pixels.f_eq_tensor(&self.original)?.f_flatten(1, -1)?.f_all_dim(1, false)?;
        let count = |which: &Tensor| -> Result<u64, AttackError> {
            Ok(i64::try_from(which.f_logical_and(is_attacked)?.f_sum(Kind::Int64)?)? as u64)
        };
        let (n_without_gradient, n_unmoved) = (count(is_stuck)?, count(&is_unmoved)?);
        Ok(Attacked { pixels, n_queries, n_without_gradient, n_unmoved, fooled_by: Vec::new() })
    }

    /// Checks that all pixels are in the range, and within ε of the original or, where the range excludes that, of the
    /// point of the range nearest to it.
    ///
    /// Said another way than [`project`](Self::project) computes it, so that one guards the other. NaN is an error.
    pub(crate) fn check(&self, attacked: &Tensor) -> Result<(), AttackError> {
        let (low, high) = (self.range.low(), self.range.high());
        let change = attacked.f_sub(&self.original)?;
        let from_nearest = attacked.f_sub(&self.original.f_clamp(low, high)?)?;
        // How far each pixel, or each image, is beyond its ball, and how large the changes are.
        let (excess, sizes, tolerance) = match self.norm {
            Norm::LInf => {
                let change = change.f_abs()?;
                let excess = change.f_sub_scalar(self.epsilon)?.f_minimum(&from_nearest.f_abs()?)?;
                (excess, change, TOLERANCE)
            }
            Norm::L2 => {
                let n_values: i64 = attacked.size()[1..].iter().product();
                let excess = l2_of_each(&from_nearest)?.f_sub_scalar(self.epsilon)?;
                (excess, l2_of_each(&change)?, TOLERANCE * (n_values as f64).sqrt())
            }
        };
        let found = Tensor::f_stack(&[attacked.f_min()?, attacked.f_max()?, excess.f_max()?, sizes.f_max()?], 0)?;
        let found = Vec::<f64>::try_from(found.f_to_kind(Kind::Double)?)?;
        let [min, max, excess, largest_change] = found[..] else { unreachable!("four scalars were stacked") };
        // Written so that NaN, which torch's min and max pass on, is outside.
        let is_in_range = min >= low - TOLERANCE && max <= high + TOLERANCE;
        if !is_in_range {
            return Err(AttackError::OutOfBounds {
                found: format!("between {min} and {max}"),
                expected: format!("within the pixel range [{low}, {high}]"),
            });
        }
        if excess > tolerance {
            return Err(AttackError::OutOfBounds {
                found: format!("{excess} outside its ball (the largest change is {largest_change})"),
                expected: format!("at most epsilon {} from the original", self.epsilon),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).view([1, 1, 1, -1])
    }

    fn range(low: f64, high: f64) -> PixelRange {
        PixelRange::try_from([low, high]).unwrap()
    }

    #[test]
    fn projecting_is_onto_the_ball_first_and_into_the_range_then() {
        let check = |original: f32, moved: f32, epsilon: f64, range: PixelRange, expected: f32| {
            let original = pixels(&[original]);
            let bounds = Bounds::new(&original, epsilon, Norm::LInf, range).unwrap();
            let projected = bounds.project(pixels(&[moved])).unwrap();
            bounds.check(&projected).unwrap();
            let projected = projected.double_value(&[0, 0, 0, 0]);
            assert!((projected - f64::from(expected)).abs() < 1e-7, "{projected}, expected {expected}");
        };
        check(0.50, 0.60, 0.25, PixelRange::FULL, 0.60);
        check(0.50, 0.90, 0.25, PixelRange::FULL, 0.75);
        check(0.50, 0.10, 0.25, PixelRange::FULL, 0.25);
        check(0.10, -0.20, 0.25, PixelRange::FULL, 0.00);
        check(0.90, 1.20, 0.25, PixelRange::FULL, 1.00);
        // The published range: a dark pixel jumps to mid-grey, past its ball, and stays there ...
        check(0.10, 0.00, 0.25, range(0.5, 1.0), 0.50);
        check(0.10, 0.90, 0.25, range(0.5, 1.0), 0.50);
        // ... and one less dark has what is left of its ball.
        check(0.40, 0.30, 0.25, range(0.5, 1.0), 0.50);
        check(0.40, 0.60, 0.25, range(0.5, 1.0), 0.60);
        check(0.40, 0.90, 0.25, range(0.5, 1.0), 0.65);
        check(0.90, 0.95, 0.10, range(0.0, 0.5), 0.50);
    }

    #[test]
    fn what_leaves_its_bounds_is_an_error_that_says_what_was_found_and_expected() {
        let check = |original: f32, attacked: f32, range: PixelRange, expected: Option<&str>| {
            let original = pixels(&[0.6, original]);
            let bounds = Bounds::new(&original, 0.1, Norm::LInf, range).unwrap();
            let found = bounds.check(&pixels(&[0.6, attacked])).map_err(|error| error.to_string());
            match expected {
                None => assert_eq!(found, Ok(())),
                Some(part) => assert!(found.clone().unwrap_err().contains(part), "{found:?}"),
            }
        };
        let (full, upper_half) = (PixelRange::FULL, range(0.5, 1.0));
        check(0.5, 0.6, full, None);
        check(0.5, 0.6000005, full, None);
        check(0.5, 0.601, full, Some("expected at most epsilon 0.1 from the original"));
        check(0.5, 0.399, full, Some("expected at most epsilon 0.1 from the original"));
        check(0.05, -0.01, full, Some("an attacked pixel is between -0.0"));
        check(0.95, 1.01, full, Some("expected within the pixel range [0, 1]"));
        check(0.1, 0.5, upper_half, None);
        check(0.1, 0.1, upper_half, Some("expected within the pixel range [0.5, 1]"));
        check(0.1, 0.51, upper_half, Some("0.009"));
        check(0.5, f32::NAN, full, Some("NaN"));
        check(0.5, f32::INFINITY, full, Some("inf"));
    }

    #[test]
    fn an_l2_ball_is_each_images_own() {
        let original = Tensor::from_slice(&[0.5f32, 0.5, 0.5, 0.95]).view([2, 1, 1, 2]);
        let bounds = Bounds::new(&original, 0.25, Norm::L2, PixelRange::FULL).unwrap();
        // The first image moves by (0.3, 0.4), twice its radius; the second ends at white.
        let moved = Tensor::from_slice(&[0.8f32, 0.9, 0.5, 1.05]).view([2, 1, 1, 2]);
        let projected = bounds.project(moved.copy()).unwrap();
        bounds.check(&projected).unwrap();
        let projected = Vec::<f32>::try_from(projected.flatten(0, -1)).unwrap();
        for (found, expected) in projected.into_iter().zip([0.65f32, 0.7, 0.5, 1.0]) {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
        let error = bounds.check(&moved.clamp(0.0, 1.0)).unwrap_err().to_string();
        // Processors differ in how they round a norm: 0.5, or a little less.
        let says_change = ["0.5", "0.4999"].iter().any(|size| error.contains(&format!("the largest change is {size}")));
        assert!(error.contains("epsilon 0.25") && error.contains("outside its ball") && says_change, "{error}");
        let upper_half = Bounds::new(&original, 0.0, Norm::L2, range(0.6, 1.0)).unwrap();
        upper_half.check(&upper_half.project(moved).unwrap()).unwrap();
    }
}

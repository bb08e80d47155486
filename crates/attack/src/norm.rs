//! The norm that a ball is measured in.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};
use twinset_manifest::units::Radius;

use crate::{AttackError, InvalidAttack};

/// The norm of a change that an attack's ball, steps and random starts are measured in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Norm {
    /// The largest change of any pixel's channel.
    #[default]
    #[serde(rename = "linf")]
    LInf,
    /// The root of the sum of an image's squared changes.
    #[serde(rename = "l2")]
    L2,
}

impl Norm {
    /// Whether it is L∞, as in the published protocol.
    pub fn is_linf(&self) -> bool {
        *self == Self::LInf
    }

    /// Checks that a radius is one of this norm: for L∞ a part of the range of pixels, for L2 any.
    ///
    /// # Errors
    /// Names `field`, its value, and what it should be.
    pub fn check(self, field: &'static str, radius: Radius) -> Result<(), InvalidAttack> {
        match self {
            Self::L2 => Ok(()),
            Self::LInf => match radius.as_pixel_radius() {
                Ok(_) => Ok(()),
                Err(expected) => Err(InvalidAttack { field, found: radius.to_string(), expected }),
            },
        }
    }

    /// The step of this size up the gradient `[n, c, h, w]`, which is used up: along its sign, or along itself.
    pub(crate) fn step(self, mut gradient: Tensor, step_size: f64) -> Result<Tensor, AttackError> {
        match self {
            Self::LInf => Ok(gradient.f_sign_()?.f_mul_scalar_(step_size)?),
            Self::L2 => Ok(to_unit_length(gradient)?.f_mul_scalar_(step_size)?),
        }
    }

    /// A change drawn uniformly from the ball, of the shape of `like`.
    ///
    /// Drawn in the order of the shape, whatever the order in memory, so that the layout is no part of the result.
    pub(crate) fn noise(self, like: &Tensor, epsilon: f64) -> Result<Tensor, AttackError> {
        let size = like.size();
        let mut noise = Tensor::f_empty(&size, (Kind::Float, like.device()))?;
        match self {
            Self::LInf => Ok(noise.f_uniform_(-epsilon, epsilon)?),
            Self::L2 => {
                // A direction, and a radius whose power of the dimension is uniform.
                let mut direction = noise.f_normal_(0.0, 1.0)?;
                let dimension: i64 = size[1..].iter().product();
                let radii = Tensor::f_rand([size[0], 1, 1, 1], (Kind::Float, like.device()))?;
                let radii = radii.f_pow_tensor_scalar(1.0 / dimension as f64)?.f_mul_scalar_(epsilon)?;
                let lengths = l2_of_each(&direction)?;
                Ok(direction.f_mul_(&radii.f_div(&lengths)?)?)
            }
        }
    }
}

/// Each image scaled to length 1, however tiny it is; one of zeros stays as it is.
pub(crate) fn to_unit_length(mut images: Tensor) -> Result<Tensor, AttackError> {
    let tiniest = f64::from(f32::MIN_POSITIVE);
    // Squares of numbers below 1e-19 are 0 in float32. So the largest comes near 1 first, by a power of two, which rounds nothing.
    let largest = images.f_abs()?.f_amax([1, 2, 3], true)?.f_clamp_min_(tiniest)?;
    let mut images = images.f_div_(&largest.f_log2()?.f_floor()?.f_exp2()?)?;
    let lengths = length_of_each(&images, Norm::L2)?.f_clamp_min_(tiniest)?.f_view([-1, 1, 1, 1])?;
    Ok(images.f_div_(&lengths)?)
}

/// The L2 norm of each image, `[n, 1, 1, 1]`.
pub(crate) fn l2_of_each(images: &Tensor) -> Result<Tensor, AttackError> {
    Ok(images.f_square()?.f_sum_dim_intlist([1i64, 2, 3].as_slice(), true, Kind::Float)?.f_sqrt()?)
}

/// The norm of each image, `[n]`.
pub(crate) fn length_of_each(images: &Tensor, norm: Norm) -> Result<Tensor, AttackError> {
    let flat = images.f_flatten(1, -1)?;
    match norm {
        Norm::LInf => Ok(flat.f_abs()?.f_amax([1], false)?),
        Norm::L2 => Ok(flat.f_square()?.f_sum_dim_intlist([1i64].as_slice(), false, Kind::Float)?.f_sqrt()?),
    }
}

/// Torch's generator is the process's: a test that seeds it keeps it to itself.
#[cfg(test)]
pub(crate) fn torch_for_tests() -> std::sync::MutexGuard<'static, ()> {
    static TORCH: std::sync::Mutex<()> = std::sync::Mutex::new(());
    tch::set_num_threads(1);
    TORCH.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tiny_gradient_keeps_its_direction_and_none_stays_none() {
        for scale in [1.0, 1e-15, 1e-25, 1e-35, 1e-42, 1e30] {
            let gradient = Tensor::from_slice(&[3.0f32, -4.0, 0.0, 0.0]).view([2, 1, 1, 2]) * scale;
            let step = Norm::L2.step(gradient, 0.5).unwrap().flatten(0, -1);
            let found = Vec::<f32>::try_from(step).unwrap();
            for (found, expected) in found.iter().zip([0.3f32, -0.4, 0.0, 0.0]) {
                // A number of 1e-42 has ten bits.
                let tolerance = if scale < 1e-38 { 1e-3 } else { 1e-6 };
                assert!((found - expected).abs() < tolerance, "{scale}: {found}, expected {expected}");
            }
        }
    }
}

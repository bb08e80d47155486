//! The norm that a ball is measured in.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::AttackError;

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

    /// The step of this size up the gradient `[n, c, h, w]`, which is used up: along its sign, or along itself.
    pub(crate) fn step(self, mut gradient: Tensor, step_size: f64) -> Result<Tensor, AttackError> {
        match self {
            Self::LInf => Ok(gradient.f_sign_()?.f_mul_scalar_(step_size)?),
            Self::L2 => {
                // An image without a gradient stays where it is.
                let lengths = l2_of_each(&gradient)?.f_clamp_min_(f64::from(f32::MIN_POSITIVE))?;
                Ok(gradient.f_div_(&lengths)?.f_mul_scalar_(step_size)?)
            }
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

/// The L2 norm of each image, `[n, 1, 1, 1]`.
pub(crate) fn l2_of_each(images: &Tensor) -> Result<Tensor, AttackError> {
    Ok(images.f_square()?.f_sum_dim_intlist([1i64, 2, 3].as_slice(), true, Kind::Float)?.f_sqrt()?)
}

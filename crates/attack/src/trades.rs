//! The attack of TRADES.

use tch::{Kind, Tensor};
use twinset_manifest::units::{PixelRadius, PixelRange};

use crate::bounds::Bounds;
use crate::pgd::{Steps, ascend, check_pixels};
use crate::{AttackError, Attacked, Norm};

/// The standard deviation of the noise that it starts from.
const START: f64 = 0.001;

/// Parameters of [`trades`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trades {
    /// The radius of the ball, in pixel space.
    pub epsilon: PixelRadius,
    /// How far one step goes.
    pub step_size: PixelRadius,
    /// Steps.
    pub n_steps: u32,
    /// The norm that the ball is measured in.
    pub norm: Norm,
    /// What attacked pixels are clamped to.
    pub pixel_range: PixelRange,
}

/// The inner maximisation of TRADES (Zhang et al. 2019, arXiv 1901.08573, algorithm 1): from the image with a little
/// Gaussian noise, steps up the Kullback–Leibler divergence of what the network says of the attacked image from what it
/// says of the image. No label is asked.
///
/// `pixels` are `[n, 3, height, width]`, float32, in [0, 1].
///
/// # Errors
/// As [`pgd`](crate::pgd).
pub fn trades(logits: &dyn Fn(&Tensor) -> Tensor, pixels: &Tensor, config: &Trades) -> Result<Attacked, AttackError> {
    let pixels = pixels.f_detach()?;
    let n_queries = config.n_steps.saturating_add(1);
    if pixels.numel() == 0 {
        return Ok(Attacked { pixels, n_queries });
    }
    check_pixels(&pixels)?;
    let bounds = Bounds::new(&pixels, config.epsilon, config.norm, config.pixel_range)?;
    let natural = tch::no_grad(|| logits(&pixels)).f_to_kind(Kind::Float)?.f_log_softmax(1, Kind::Float)?;
    let loss = |iterate: &Tensor| {
        let attacked = logits(iterate).f_to_kind(Kind::Float)?.f_log_softmax(1, Kind::Float)?;
        Ok(natural.f_exp()?.f_mul(&natural.f_sub(&attacked)?)?.f_sum(Kind::Float)?)
    };
    let noise = Tensor::f_empty(pixels.size(), (Kind::Float, pixels.device()))?.f_normal_(0.0, START)?;
    let start = bounds.project(pixels.f_add(&noise)?)?;
    let steps = Steps { size: config.step_size.get(), n: config.n_steps, norm: config.norm };
    let attacked = ascend(&loss, start, steps, &bounds)?;
    bounds.check(&attacked)?;
    Ok(Attacked { pixels: attacked, n_queries })
}

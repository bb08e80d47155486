//! The attack of TRADES.

use tch::{Kind, Tensor};
use twinset_manifest::units::{PixelRange, Radius};

use crate::ascent::{Steps, ascend};
use crate::bounds::Bounds;
use crate::loss::divergence_direction;
use crate::pgd::check_pixels;
use crate::{AttackError, Attacked, Norm};

/// The standard deviation of the noise that it starts from.
const START: f64 = 0.001;

/// Parameters of [`trades`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trades {
    /// The radius of the ball: for L∞ of pixels in [0, 1], for L2 of whole images.
    pub epsilon: Radius,
    /// How far one step goes.
    pub step_size: Radius,
    /// Steps.
    pub n_steps: u32,
    /// The norm that the ball is measured in.
    pub norm: Norm,
    /// What attacked pixels are clamped to.
    pub pixel_range: PixelRange,
}

/// The inner maximisation of TRADES (Zhang et al. 2019, arXiv 1901.08573, algorithm 1): from the image with a little
/// Gaussian noise, steps up the Kullback–Leibler divergence of what the network says of the attacked image from what it
/// says of the image. No label is asked. The gradient is computed such that large logits do not make it vanish.
///
/// `pixels` are `[n, 3, height, width]`, float32, in [0, 1].
///
/// # Errors
/// As [`pgd`](crate::pgd).
pub fn trades(logits: &dyn Fn(&Tensor) -> Tensor, pixels: &Tensor, config: &Trades) -> Result<Attacked, AttackError> {
    let pixels = pixels.f_detach()?;
    if pixels.numel() == 0 {
        return Ok(Attacked::untouched(pixels));
    }
    check_pixels(&pixels)?;
    let bounds = Bounds::new(&pixels, config.epsilon.get(), config.norm, config.pixel_range)?;
    let natural = log_probabilities(&tch::no_grad(|| logits(&pixels)))?;
    // Its gradient is the direction, which is a constant here.
    let loss = |logits: &Tensor| {
        let direction = divergence_direction(&natural, &log_probabilities(&logits.f_detach()?)?)?;
        Ok(logits.f_mul(&direction)?.f_sum_dim_intlist([1i64].as_slice(), false, Kind::Float)?)
    };
    let noise = Tensor::f_empty(pixels.size(), (Kind::Float, pixels.device()))?.f_normal_(0.0, START)?;
    let start = bounds.project(pixels.f_add(&noise)?)?;
    let steps = Steps { size: config.step_size.get(), n: config.n_steps, norm: config.norm };
    let ascent = ascend(logits, &loss, start, steps, &bounds, &mut |_| Ok(()))?;
    let n_queries = vec![config.n_steps.saturating_add(1); pixels.size()[0] as usize];
    bounds.attacked(ascent.pixels, n_queries, &ascent.is_stuck.f_ones_like()?, &ascent.is_stuck)
}

fn log_probabilities(logits: &Tensor) -> Result<Tensor, AttackError> {
    Ok(logits.f_to_kind(Kind::Float)?.f_log_softmax(1, Kind::Float)?)
}

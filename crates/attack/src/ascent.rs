//! Steps up a loss.

use tch::{Kind, Tensor};

use crate::bounds::Bounds;
use crate::{AttackError, Norm};

/// The steps of one run.
pub(crate) struct Steps {
    pub(crate) size: f64,
    pub(crate) n: u32,
    pub(crate) norm: Norm,
}

/// The end of one run.
pub(crate) struct Ascent {
    /// The last iterate.
    pub(crate) pixels: Tensor,
    /// Whether the loss had no gradient for the image in the last step, so that it stood still. `[n]`
    pub(crate) is_stuck: Tensor,
}

/// One run up a loss of logits, `[n]`, from a start. `visit` is shown each iterate that a gradient is taken at, with its
/// logits and their loss.
///
/// The losses are summed over the batch, so an image's gradient does not depend on how many others there are.
pub(crate) fn ascend(
    logits: &dyn Fn(&Tensor) -> Tensor,
    loss: &dyn Fn(&Tensor) -> Result<Tensor, AttackError>,
    start: Tensor,
    steps: Steps,
    bounds: &Bounds,
    visit: &mut dyn FnMut(Visit<'_>) -> Result<(), AttackError>,
) -> Result<Ascent, AttackError> {
    let mut is_stuck = Tensor::f_zeros([start.size()[0]], (Kind::Bool, start.device()))?;
    let mut pixels = start;
    let mut gradient_sums = Vec::new();
    for index in 0..steps.n {
        let (gradient, logits, losses) = gradient(logits, loss, &pixels)?;
        visit(Visit { pixels: &pixels, logits: &logits, losses: &losses })?;
        gradient_sums.push(gradient.f_sum(Kind::Float)?);
        if index + 1 == steps.n {
            is_stuck = is_zero(&gradient)?;
        }
        let moved = steps.norm.step(gradient, steps.size)?.f_add_(&pixels)?;
        pixels = bounds.project(moved)?;
    }
    check_finite(&gradient_sums)?;
    Ok(Ascent { pixels, is_stuck })
}

/// An iterate, what the network says of it, and the loss of that; all detached.
pub(crate) struct Visit<'a> {
    pub(crate) pixels: &'a Tensor,
    pub(crate) logits: &'a Tensor,
    pub(crate) losses: &'a Tensor,
}

/// The gradient of the losses' sum for the pixels, the logits and the losses. Nothing is computed for, or accumulated in,
/// weights.
pub(crate) fn gradient(
    logits: &dyn Fn(&Tensor) -> Tensor,
    loss: &dyn Fn(&Tensor) -> Result<Tensor, AttackError>,
    pixels: &Tensor,
) -> Result<(Tensor, Tensor, Tensor), AttackError> {
    tch::with_grad(|| {
        let leaf = pixels.f_detach()?.f_set_requires_grad(true)?;
        let logits = logits(&leaf);
        let losses = loss(&logits)?;
        let gradients = Tensor::f_run_backward(&[losses.f_sum(Kind::Float)?], &[leaf], false, false)?;
        let gradient = gradients.into_iter().next().expect("one input has one gradient");
        Ok((gradient, logits.f_detach()?, losses.f_detach()?))
    })
}

/// Which images have a gradient of zeros alone, `[n]`.
pub(crate) fn is_zero(gradient: &Tensor) -> Result<Tensor, AttackError> {
    Ok(gradient.f_flatten(1, -1)?.f_any_dim(1, false)?.f_logical_not()?)
}

/// Looks at the sums of all steps' gradients, which are not finite where a gradient was not: once a run and not once a
/// step, since a GPU has to be waited for.
pub(crate) fn check_finite(gradient_sums: &[Tensor]) -> Result<(), AttackError> {
    if gradient_sums.is_empty() {
        return Ok(());
    }
    let sums = Vec::<f32>::try_from(Tensor::f_stack(gradient_sums, 0)?)?;
    match sums.iter().position(|sum| !sum.is_finite()) {
        None => Ok(()),
        Some(index) => Err(AttackError::NonFiniteGradient { step: index as u32 + 1, n_steps: sums.len() as u32 }),
    }
}

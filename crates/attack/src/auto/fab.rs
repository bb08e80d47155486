//! The fast adaptive boundary attack: the nearest point that is misclassified.

use tch::{Device, Kind, Tensor};
use twinset_manifest::units::{PixelRange, Radius};

use super::projection::onto_hyperplane;
use super::survivors::{Batch, Survivors};
use crate::bounds::Bounds;
use crate::norm::length_of_each;
use crate::{AttackError, Attacked, Norm};

/// Largest weight of the way that begins at the image.
const ALPHA_MAX: f64 = 0.1;
/// How far it goes past the plane, in parts of the way to it.
const OVERSHOOT: f64 = 1.05;
/// Which part of the way from the image is left after a step back.
const BACK: f64 = 0.9;

/// Parameters of [`fab`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fab {
    /// The radius of the ball that a point has to be in: for L∞ of pixels in [0, 1], for L2 of whole images.
    pub epsilon: Radius,
    /// The norm that the ball is measured in.
    pub norm: Norm,
    /// Classes that it goes towards, one after the other: the likeliest but the first. 0 is all at once, each step to the nearest.
    pub n_targets: u32,
    /// Steps of one run.
    pub n_steps: u32,
    /// Runs, each for the images that those before left right; from the second on from a random point within half of the ball.
    pub n_restarts: u32,
}

/// FAB (Croce, Hein 2020, arXiv 1907.02044), as AutoAttack's authors have it.
///
/// `pixels` are `[n, 3, height, width]`, float32, in [0, 1]; `labels` are `[n]`, int64. An image that is misclassified
/// without an attack is left as it is, as is one for which no misclassified point is found in the ball. Random starts come from
/// torch's generator for the CPU, which the caller seeds.
///
/// # Errors
/// As [`pgd`](crate::pgd).
pub fn fab(
    logits: &dyn Fn(&Tensor) -> Tensor,
    pixels: &Tensor,
    labels: &Tensor,
    config: &Fab,
) -> Result<Attacked, AttackError> {
    config.norm.check("epsilon", config.epsilon)?;
    let Some(mut left) = Survivors::of(logits, pixels, labels)? else {
        return Ok(Attacked::untouched(pixels.detach()));
    };
    left.check_classes(2)?;
    let is_targeted = config.n_targets > 0;
    let ranks = if is_targeted { 2..=1 + left.n_targets(config.n_targets) } else { 2..=2 };
    for rank in ranks {
        for run in 0..config.n_restarts {
            let Some(batch) = left.batch(rank)? else { break };
            let found = nearest(logits, &batch, is_targeted, run > 0, config)?;
            let is_near = found.distances.f_le(config.epsilon.get())?;
            let said = tch::no_grad(|| logits(&found.pixels)).f_argmax(1, false)?;
            let is_wrong = said.f_ne_tensor(&batch.labels)?.f_logical_and(&is_near)?;
            let n_queries = vec![2 * config.n_steps + 1; batch.labels.size()[0] as usize];
            left.add(&batch, &found.pixels, &is_wrong, &n_queries, Some(&found.is_stuck))?;
        }
    }
    let bounds = Bounds::new(&left.original, config.epsilon.get(), config.norm, PixelRange::FULL)?;
    left.into_attacked(&bounds)
}

/// The nearest misclassified points of a run, wherever they are.
#[derive(Debug)]
pub(super) struct Nearest {
    /// The image where there are none.
    pub(super) pixels: Tensor,
    /// Infinite where there are none. `[n]`
    pub(super) distances: Tensor,
    /// Whether no class had a gradient in the last step. `[n]`
    is_stuck: Tensor,
}

pub(super) fn nearest(
    logits: &dyn Fn(&Tensor) -> Tensor,
    batch: &Batch,
    is_targeted: bool,
    random_start: bool,
    config: &Fab,
) -> Result<Nearest, AttackError> {
    let Fab { norm, n_steps, .. } = *config;
    let Batch { pixels: original, labels, targets, .. } = batch;
    let size = original.size();
    let n = size[0];
    let flat = |images: &Tensor| images.f_flatten(1, -1);
    let mut pixels = original.shallow_clone();
    if random_start {
        let noise = half_ball(&size, norm, config.epsilon.get())?.f_to_device(original.device())?;
        pixels = original.f_add(&noise)?.f_clamp_(0.0, 1.0)?;
    }
    let mut found = Nearest {
        pixels: original.shallow_clone(),
        distances: Tensor::f_full([n], f64::INFINITY, (Kind::Float, original.device()))?,
        is_stuck: Tensor::f_zeros([n], (Kind::Bool, original.device()))?,
    };
    for _ in 0..n_steps {
        let (margin, w) = if is_targeted {
            towards(logits, &pixels, labels, targets)?
        } else {
            towards_nearest(logits, &pixels, labels, norm)?
        };
        let w = flat(&w)?;
        found.is_stuck = w.f_any_dim(1, false)?.f_logical_not()?;
        // The plane on which both classes are alike, as the gradient has it.
        let b = w.f_mul(&flat(&pixels)?)?.f_sum_dim_intlist([1i64].as_slice(), false, Kind::Double)?.f_sub(&margin)?;
        let from_here = onto_hyperplane(&flat(&pixels)?, &w, &b, norm)?.f_view(size.as_slice())?;
        let from_image = onto_hyperplane(&flat(original)?, &w, &b, norm)?.f_view(size.as_slice())?;
        let length =
            |change: &Tensor| -> Result<Tensor, AttackError> { Ok(length_of_each(change, norm)?.f_clamp_min(1e-8)?) };
        let (here, there) = (length(&from_here)?, length(&from_image)?);
        let alpha = here.f_div(&here.f_add(&there)?)?.f_clamp(0.0, ALPHA_MAX)?.f_view([-1, 1, 1, 1])?;
        let end = |start: &Tensor, change: &Tensor| start.f_add(&change.f_mul_scalar(OVERSHOOT)?);
        let rest = alpha.f_neg()?.f_add_scalar(1.0)?;
        let to = end(&pixels, &from_here)?.f_mul(&rest)?.f_add(&end(original, &from_image)?.f_mul(&alpha)?)?;
        pixels = to.f_clamp(0.0, 1.0)?;

        let said = tch::no_grad(|| logits(&pixels)).f_argmax(1, false)?;
        let is_wrong = said.f_ne_tensor(labels)?;
        let change = pixels.f_sub(original)?;
        let distances = length_of_each(&change, norm)?;
        let is_nearer = distances.f_lt_tensor(&found.distances)?.f_logical_and(&is_wrong)?;
        found.pixels = pixels.f_where_self(&is_nearer.f_view([-1, 1, 1, 1])?, &found.pixels)?;
        found.distances = distances.f_where_self(&is_nearer, &found.distances)?;
        let back = original.f_add(&change.f_mul_scalar(BACK)?)?;
        pixels = back.f_where_self(&is_wrong.f_view([-1, 1, 1, 1])?, &pixels)?;
    }
    Ok(found)
}

/// By how much the target's logit exceeds the label's, `[n]`, and the gradient of that.
fn towards(
    logits: &dyn Fn(&Tensor) -> Tensor,
    pixels: &Tensor,
    labels: &Tensor,
    targets: &Tensor,
) -> Result<(Tensor, Tensor), AttackError> {
    let margin = |logits: &Tensor| {
        let of = |classes: &Tensor| logits.f_gather(1, &classes.f_unsqueeze(1)?, false)?.f_squeeze_dim(1);
        Ok(of(targets)?.f_sub(&of(labels)?)?.f_to_kind(Kind::Float)?)
    };
    let (w, _, margins) = crate::ascent::gradient(logits, &margin, pixels)?;
    Ok((margins, w))
}

/// The same for the class whose boundary is the nearest, as the gradients have it.
fn towards_nearest(
    logits: &dyn Fn(&Tensor) -> Tensor,
    pixels: &Tensor,
    labels: &Tensor,
    norm: Norm,
) -> Result<(Tensor, Tensor), AttackError> {
    let (said, gradients) = tch::with_grad(|| -> Result<_, AttackError> {
        let leaf = pixels.f_detach()?.f_set_requires_grad(true)?;
        let said = logits(&leaf).f_to_kind(Kind::Float)?;
        let n_classes = said.size()[1];
        let mut gradients = Vec::new();
        for class in 0..n_classes {
            let of_class = said.f_select(1, class)?.f_sum(Kind::Float)?;
            let keeps_graph = class + 1 < n_classes;
            gradients.extend(Tensor::f_run_backward(&[of_class], &[&leaf], keeps_graph, false)?);
        }
        Ok((said.f_detach()?, Tensor::f_stack(&gradients, 1)?))
    })?;
    let n = labels.size()[0];
    let own_places = labels.f_view([n, 1, 1, 1, 1])?.f_expand_as(&gradients.f_narrow(1, 0, 1)?)?;
    let directions = gradients.f_sub(&gradients.f_gather(1, &own_places, false)?)?;
    let labels = labels.f_unsqueeze(1)?;
    let margins = said.f_sub(&said.f_gather(1, &labels, false)?)?;
    let sizes = directions.f_flatten(2, -1)?;
    // The norm that is dual to the ball's.
    let sizes = match norm {
        Norm::LInf => sizes.f_abs()?.f_sum_dim_intlist([2i64].as_slice(), false, Kind::Float)?,
        Norm::L2 => sizes.f_square()?.f_sum_dim_intlist([2i64].as_slice(), false, Kind::Float)?.f_sqrt()?,
    };
    let distances = margins.f_abs()?.f_div(&sizes.f_add_scalar(1e-12)?)?.f_scatter_value(1, &labels, f64::INFINITY)?;
    let nearest = distances.f_argmin(1, true)?;
    let places = nearest.f_view([n, 1, 1, 1, 1])?.f_expand_as(&directions.f_narrow(1, 0, 1)?)?;
    let w = directions.f_gather(1, &places, false)?.f_squeeze_dim(1)?;
    Ok((margins.f_gather(1, &nearest, false)?.f_squeeze_dim(1)?, w))
}

/// A random direction of half the radius for each image, drawn on the CPU.
fn half_ball(size: &[i64], norm: Norm, epsilon: f64) -> Result<Tensor, AttackError> {
    let on = (Kind::Float, Device::Cpu);
    let drawn = match norm {
        Norm::LInf => Tensor::f_rand(size, on)?.f_mul_scalar(2.0)?.f_sub_scalar(1.0)?,
        Norm::L2 => Tensor::f_randn(size, on)?,
    };
    let lengths = length_of_each(&drawn, norm)?.f_view([-1, 1, 1, 1])?;
    Ok(drawn.f_mul_scalar(epsilon)?.f_div(&lengths)?.f_mul_scalar(0.5)?)
}

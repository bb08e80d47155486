//! Projected gradient descent.

use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};
use twinset_manifest::units::{PixelRadius, PixelRange};

use crate::bounds::Bounds;
use crate::{AttackError, Attacked, InvalidAttack, Norm};

/// Parameters of [`pgd`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pgd {
    /// The radius of the ball, in pixel space.
    pub epsilon: PixelRadius,
    /// How far one step moves a pixel, for L∞, or an image, for L2.
    pub step_size: PixelRadius,
    /// Steps of one run. 0, allowed with a random start, is noise alone.
    pub n_steps: u32,
    /// Whether a run begins anywhere in the ball (uniformly) instead of at the image.
    pub random_start: bool,
    /// Runs, of which each image keeps the worst; more than one only with a random start.
    #[serde(default = "one")]
    pub n_restarts: u32,
    /// The norm that the ball is measured in.
    #[serde(default, skip_serializing_if = "Norm::is_linf")]
    pub norm: Norm,
    /// What attacked pixels are clamped to.
    #[serde(default)]
    pub pixel_range: PixelRange,
}

fn one() -> u32 {
    1
}

impl Pgd {
    /// Checks that this is an attack at all: it moves, and its restarts differ.
    ///
    /// # Errors
    /// Names the parameter, its value, and what it should be.
    pub fn validate(&self) -> Result<(), InvalidAttack> {
        let unless = |is_valid: bool, field, found: &dyn ToString, expected| {
            if is_valid { Ok(()) } else { Err(InvalidAttack { field, found: found.to_string(), expected }) }
        };
        let Self { epsilon, step_size, n_steps, random_start, n_restarts, .. } = *self;
        let can_move = step_size > PixelRadius::ZERO || epsilon == PixelRadius::ZERO || n_steps == 0;
        unless(can_move, "step-size", &step_size, "more than 0")?;
        unless(n_steps > 0 || random_start, "n-steps", &n_steps, "at least 1 where there is no random start")?;
        unless(n_restarts > 0, "n-restarts", &n_restarts, "at least 1")?;
        let restarts_differ = n_restarts == 1 || random_start;
        unless(
            restarts_differ,
            "n-restarts",
            &n_restarts,
            "1 where there is no random start, since all would be the same",
        )
    }
}

/// Projected gradient descent on the ball (Madry et al. 2018, arXiv 1706.06083): from the image, or from a random point of
/// its ball, [`n_steps`](Pgd::n_steps) times a step along the sign of the gradient of the cross-entropy (for L2, along the
/// image's gradient itself), each projected onto the ball and then clamped to the pixel range.
///
/// `pixels` are `[n, 3, height, width]`, float32, in [0, 1]; `labels` are `[n]`, int64. As in the published protocol, a run
/// without random start begins at the image itself, even where the pixel range excludes it; what comes out is in the
/// range. With ε = 0 the images come out as they were, bit for bit, if they are in the pixel range.
///
/// The loss is summed over the batch, so an image's gradient does not depend on how many others there are. An image's last
/// iterate counts; of several restarts it keeps the first that is misclassified, else the one with the highest loss, which
/// costs one forward pass more a restart.
///
/// # Errors
/// When the config is no attack, shapes, labels or pixels are not as said, a gradient is not finite, or (a defect) an
/// attacked pixel left its bounds.
pub fn pgd(
    logits: &dyn Fn(&Tensor) -> Tensor,
    pixels: &Tensor,
    labels: &Tensor,
    config: &Pgd,
) -> Result<Attacked, AttackError> {
    config.validate()?;
    check_shapes(pixels, labels)?;
    let pixels = pixels.f_detach()?;
    let n_queries_per_run = config.n_steps + u32::from(config.n_restarts > 1);
    let n_queries = n_queries_per_run.saturating_mul(config.n_restarts);
    if pixels.numel() == 0 {
        return Ok(Attacked { pixels, n_queries });
    }
    check_pixels(&pixels)?;
    let bounds = Bounds::new(&pixels, config.epsilon, config.norm, config.pixel_range)?;
    let loss = |iterate: &Tensor| cross_entropy(&logits(iterate), labels, Reduction::Sum);
    let run = || {
        let start = if config.random_start {
            // The sum has the layout of its first term.
            bounds.project(pixels.f_add(&config.norm.noise(&pixels, config.epsilon.get())?)?)?
        } else {
            pixels.f_detach()?
        };
        ascend(&loss, start, Steps { size: config.step_size.get(), n: config.n_steps, norm: config.norm }, &bounds)
    };
    let attacked = if config.n_restarts == 1 {
        run()?
    } else {
        let mut worst = Worst::of(logits, run()?, labels)?;
        for _ in 1..config.n_restarts {
            worst = worst.or(Worst::of(logits, run()?, labels)?)?;
        }
        worst.pixels
    };
    bounds.check(&attacked)?;
    Ok(Attacked { pixels: attacked, n_queries })
}

/// The steps of one run.
pub(crate) struct Steps {
    pub(crate) size: f64,
    pub(crate) n: u32,
    pub(crate) norm: Norm,
}

/// One run up a loss that is summed over the batch: the last iterate.
pub(crate) fn ascend(
    loss: &dyn Fn(&Tensor) -> Result<Tensor, AttackError>,
    start: Tensor,
    steps: Steps,
    bounds: &Bounds<'_>,
) -> Result<Tensor, AttackError> {
    let mut iterate = start;
    let mut gradient_sums = Vec::new();
    for _ in 0..steps.n {
        let gradient = gradient(loss, &iterate)?;
        gradient_sums.push(gradient.f_sum(Kind::Float)?);
        let moved = steps.norm.step(gradient, steps.size)?.f_add_(&iterate)?;
        iterate = bounds.project(moved)?;
    }
    check_finite(&gradient_sums)?;
    Ok(iterate)
}

/// The gradient of a loss for the pixels alone: nothing is computed for, or accumulated in, weights.
fn gradient(loss: &dyn Fn(&Tensor) -> Result<Tensor, AttackError>, iterate: &Tensor) -> Result<Tensor, AttackError> {
    tch::with_grad(|| {
        let leaf = iterate.f_detach()?.f_set_requires_grad(true)?;
        let gradients = Tensor::f_run_backward(&[loss(&leaf)?], &[leaf], false, false)?;
        Ok(gradients.into_iter().next().expect("one input has one gradient"))
    })
}

fn cross_entropy(logits: &Tensor, labels: &Tensor, reduction: Reduction) -> Result<Tensor, AttackError> {
    const IGNORE_NO_LABEL: i64 = -100;
    let logits = logits.f_to_kind(Kind::Float)?;
    Ok(logits.f_cross_entropy_loss(labels, None::<&Tensor>, reduction, IGNORE_NO_LABEL, 0.0)?)
}

/// The worst that restarts have done to each image so far.
struct Worst {
    pixels: Tensor,
    /// `[n]`
    is_wrong: Tensor,
    /// `[n]`
    loss: Tensor,
}

impl Worst {
    fn of(logits: &dyn Fn(&Tensor) -> Tensor, pixels: Tensor, labels: &Tensor) -> Result<Self, AttackError> {
        let logits = tch::no_grad(|| logits(&pixels));
        let is_wrong = logits.f_argmax(1, false)?.f_ne_tensor(labels)?;
        let loss = cross_entropy(&logits, labels, Reduction::None)?;
        Ok(Self { pixels, is_wrong, loss })
    }

    /// Image by image the worse of both; the first where they are alike.
    fn or(self, other: Self) -> Result<Self, AttackError> {
        let is_newly_wrong = other.is_wrong.f_logical_and(&self.is_wrong.f_logical_not()?)?;
        let both_right = self.is_wrong.f_logical_or(&other.is_wrong)?.f_logical_not()?;
        let has_more_loss = other.loss.f_gt_tensor(&self.loss)?.f_logical_and(&both_right)?;
        let is_worse = is_newly_wrong.f_logical_or(&has_more_loss)?;
        Ok(Self {
            pixels: other.pixels.f_where_self(&is_worse.f_view([-1, 1, 1, 1])?, &self.pixels)?,
            is_wrong: self.is_wrong.f_logical_or(&other.is_wrong)?,
            loss: other.loss.f_where_self(&is_worse, &self.loss)?,
        })
    }
}

fn check_shapes(pixels: &Tensor, labels: &Tensor) -> Result<(), AttackError> {
    let describe = |tensor: &Tensor| match tensor.f_kind() {
        Ok(kind) => format!("{kind:?} {:?}", tensor.size()),
        Err(_) => format!("{:?} of an unknown type", tensor.size()),
    };
    if pixels.dim() != 4 || pixels.f_kind().ok() != Some(Kind::Float) {
        let expected = "Float [n, 3, height, width]";
        return Err(AttackError::Shape { what: "pixels", found: describe(pixels), expected });
    }
    if labels.size() != pixels.size()[..1] || labels.f_kind().ok() != Some(Kind::Int64) {
        let expected = "Int64 [n], one for each image";
        return Err(AttackError::Shape { what: "labels", found: describe(labels), expected });
    }
    Ok(())
}

pub(crate) fn check_pixels(pixels: &Tensor) -> Result<(), AttackError> {
    let (min, max) = (f64::try_from(pixels.f_min()?)?, f64::try_from(pixels.f_max()?)?);
    if min >= 0.0 && max <= 1.0 { Ok(()) } else { Err(AttackError::NotPixels { min, max }) }
}

/// Looks at the sums of all steps' gradients, which are not finite where a gradient was not: once a run and not once a
/// step, since a GPU has to be waited for.
fn check_finite(gradient_sums: &[Tensor]) -> Result<(), AttackError> {
    if gradient_sums.is_empty() {
        return Ok(());
    }
    let sums = Vec::<f32>::try_from(Tensor::f_stack(gradient_sums, 0)?)?;
    match sums.iter().position(|sum| !sum.is_finite()) {
        None => Ok(()),
        Some(index) => Err(AttackError::NonFiniteGradient { step: index as u32 + 1, n_steps: sums.len() as u32 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Pgd {
        Pgd {
            epsilon: "8/255".parse().unwrap(),
            step_size: "2/255".parse().unwrap(),
            n_steps: 7,
            random_start: true,
            n_restarts: 1,
            norm: Norm::LInf,
            pixel_range: PixelRange::FULL,
        }
    }

    #[test]
    fn what_is_no_attack_is_refused() {
        let check = |change: &dyn Fn(&mut Pgd), expected: Option<&str>| {
            let mut config = config();
            change(&mut config);
            let found = config.validate().err().map(|invalid| invalid.to_string());
            assert_eq!(found.as_deref(), expected);
        };
        let zero = PixelRadius::ZERO;
        check(&|_| {}, None);
        check(&|c| c.n_steps = 0, None);
        check(&|c| (c.epsilon, c.step_size) = (zero, zero), None);
        check(&|c| c.step_size = zero, Some("`step-size` is 0/255, expected more than 0"));
        check(
            &|c| (c.n_steps, c.random_start) = (0, false),
            Some("`n-steps` is 0, expected at least 1 where there is no random start"),
        );
        check(&|c| c.n_restarts = 0, Some("`n-restarts` is 0, expected at least 1"));
        check(
            &|c| (c.n_restarts, c.random_start) = (2, false),
            Some("`n-restarts` is 2, expected 1 where there is no random start, since all would be the same"),
        );
    }
}

//! Projected gradient descent.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};
use twinset_manifest::units::{PixelRange, Radius};

use crate::ascent::{Ascent, Steps, Visit, ascend};
use crate::bounds::Bounds;
use crate::loss::log_odds;
use crate::worst::Worst;
use crate::{AttackError, Attacked, InvalidAttack, Norm};

/// Parameters of [`pgd`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pgd {
    /// The radius of the ball: for L∞ of pixels in [0, 1], for L2 of whole images.
    pub epsilon: Radius,
    /// How far one step moves a pixel, for L∞, or an image, for L2.
    pub step_size: Radius,
    /// Steps of one run. 0, allowed with a random start, is noise alone.
    pub n_steps: u32,
    /// Whether a run begins anywhere in the ball (uniformly) instead of at the image.
    pub random_start: bool,
    /// Runs, of which each image keeps the worst; more than one only with a random start.
    #[serde(default = "one")]
    pub n_restarts: u32,
    /// Which iterate of a run counts; the last where none is given, as adversarial training has it.
    #[serde(default, skip_serializing_if = "Iterate::is_last")]
    pub iterate: Iterate,
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

/// Which iterate of a run an image keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Iterate {
    /// The last, as published: a step may undo what the one before it did.
    #[default]
    Last,
    /// The first that is misclassified, else the one with the highest loss. The clean image is the first of all, so an
    /// image that is wrong without an attack is not attacked.
    Worst,
}

impl Iterate {
    /// Whether it is the last.
    pub fn is_last(&self) -> bool {
        *self == Self::Last
    }
}

impl Pgd {
    /// Checks that this is an attack at all: its radii are of its norm, it moves, and its restarts differ.
    ///
    /// # Errors
    /// Names the parameter, its value, and what it should be.
    pub fn validate(&self) -> Result<(), InvalidAttack> {
        let unless = |is_valid: bool, field, found: &dyn ToString, expected: &str| {
            let (found, expected) = (found.to_string(), expected.to_owned());
            if is_valid { Ok(()) } else { Err(InvalidAttack { field, found, expected }) }
        };
        let Self { epsilon, step_size, n_steps, random_start, n_restarts, norm, .. } = *self;
        norm.check("epsilon", epsilon)?;
        norm.check("step-size", step_size)?;
        let can_move = step_size > Radius::ZERO || epsilon == Radius::ZERO || n_steps == 0;
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

    /// What is odd about it, though it is an attack: its steps cannot reach the border of its ball.
    pub fn warning(&self) -> Option<String> {
        let Self { epsilon, step_size, n_steps, random_start, .. } = *self;
        let reach = f64::from(n_steps) * step_size.get();
        // A little less is what rounding makes of 4 steps of 2/255 in a ball of 8/255.
        if random_start || reach >= epsilon.get() * (1.0 - 1e-9) {
            return None;
        }
        let steps = if n_steps == 1 { "1 step".to_owned() } else { format!("{n_steps} steps") };
        Some(format!("{steps} of {step_size} cannot reach the border of the ball of epsilon {epsilon}"))
    }

    fn steps(&self) -> Steps {
        Steps { size: self.step_size.get(), n: self.n_steps, norm: self.norm }
    }
}

/// Projected gradient descent on the ball (Madry et al. 2018, arXiv 1706.06083): from the image, or from a random point of
/// its ball, [`n_steps`](Pgd::n_steps) times a step along the sign of the gradient of the cross-entropy (for L2, along the
/// image's gradient itself), each projected onto the ball and then clamped to the pixel range. The gradient is computed such
/// that large logits do not make it vanish.
///
/// `pixels` are `[n, 3, height, width]`, float32, in [0, 1]; `labels` are `[n]`, int64. As in the published protocol, a run
/// without random start begins at the image itself, even where the pixel range excludes it; what comes out is in the
/// range. With ε = 0 the images come out as they were, bit for bit, if they are in the pixel range.
///
/// An image's gradient does not depend on how many others there are. [`Iterate`] says which iterate counts; of
/// several restarts an image keeps the first result that is misclassified, else the one with the highest loss. An image that is
/// misclassified is in no later restart. Where results are compared, each run costs one forward pass more.
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
    if pixels.numel() == 0 {
        return Ok(Attacked::untouched(pixels));
    }
    check_pixels(&pixels)?;
    let bounds = Bounds::new(&pixels, config.epsilon.get(), config.norm, config.pixel_range)?;
    let start = || -> Result<Tensor, AttackError> {
        if !config.random_start {
            return Ok(pixels.f_detach()?);
        }
        // The sum has the layout of its first term.
        bounds.project(pixels.f_add(&config.norm.noise(&pixels, config.epsilon.get())?)?)
    };
    let n = pixels.size()[0] as usize;
    if config.iterate == Iterate::Last && config.n_restarts == 1 {
        let loss = |logits: &Tensor| log_odds(logits, labels);
        let Ascent { pixels, is_stuck } = ascend(logits, &loss, start()?, config.steps(), &bounds, &mut |_| Ok(()))?;
        return bounds.attacked(pixels, vec![config.n_steps; n], &is_stuck.f_ones_like()?, &is_stuck);
    }

    let mut worst = match config.iterate {
        Iterate::Worst => Some(Worst::of(logits, &bounds.project(pixels.copy())?, labels)?),
        Iterate::Last => None,
    };
    let is_attacked = match &worst {
        None => Tensor::f_ones([n as i64], (Kind::Bool, pixels.device()))?,
        Some(worst) => worst.is_wrong.f_logical_not()?,
    };
    let mut n_queries = vec![u32::from(worst.is_some()); n];
    let mut is_stuck = Tensor::f_zeros([n as i64], (Kind::Bool, pixels.device()))?;
    for run in 0..config.n_restarts {
        // Drawn for all images, so that a run's start does not depend on which of them are left.
        let start = start()?;
        let places = match &worst {
            None => Tensor::f_arange(n as i64, (Kind::Int64, pixels.device()))?,
            Some(worst) => worst.survivors()?,
        };
        if places.numel() == 0 {
            break;
        }
        let of = |tensor: &Tensor| tensor.f_index_select(0, &places);
        let (found, stuck) = one_run(logits, &of(&pixels)?, &of(labels)?, of(&start)?, config)?;
        let stuck = if run == 0 { stuck } else { stuck.f_logical_and(&of(&is_stuck)?)? };
        is_stuck = is_stuck.f_index_copy(0, &places, &stuck)?;
        match &mut worst {
            None => worst = Some(found),
            Some(worst) => worst.replace(&places, &worst.select(&places)?.or(&found)?)?,
        }
        for place in Vec::<i64>::try_from(&places)? {
            n_queries[place as usize] += config.n_steps + 1;
        }
    }
    let worst = worst.expect("there is at least one run");
    bounds.attacked(worst.pixels, n_queries, &is_attacked, &is_stuck)
}

/// The worst that one run finds, and which images were stuck at its end.
fn one_run(
    logits: &dyn Fn(&Tensor) -> Tensor,
    pixels: &Tensor,
    labels: &Tensor,
    start: Tensor,
    config: &Pgd,
) -> Result<(Worst, Tensor), AttackError> {
    let bounds = Bounds::new(pixels, config.epsilon.get(), config.norm, config.pixel_range)?;
    let mut worst: Option<Worst> = None;
    // Without a random start the first is the clean image, which has been looked at, and may be outside the pixel range.
    let mut is_known = !config.random_start;
    let mut visit = |visit: Visit<'_>| {
        if config.iterate == Iterate::Worst && !std::mem::take(&mut is_known) {
            let found = Worst::known(visit.pixels, visit.logits, visit.losses, labels)?;
            worst = Some(match worst.take() {
                None => found,
                Some(worst) => worst.or(&found)?,
            });
        }
        Ok(())
    };
    let loss = |logits: &Tensor| log_odds(logits, labels);
    let ascent = ascend(logits, &loss, start, config.steps(), &bounds, &mut visit)?;
    let last = Worst::of(logits, &ascent.pixels, labels)?;
    let worst = match worst {
        None => last,
        Some(worst) => worst.or(&last)?,
    };
    Ok((worst, ascent.is_stuck))
}

pub(crate) fn check_shapes(pixels: &Tensor, labels: &Tensor) -> Result<(), AttackError> {
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
            iterate: Iterate::Last,
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
        let zero = Radius::ZERO;
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
        let of_linf = "expected a part of 1, such as \"8/255\" if that is meant: a pixel is between 0 and 1";
        let radius = |json: &str| serde_json::from_str::<Radius>(json).unwrap();
        check(&|c| c.epsilon = radius("8"), Some(&format!("`epsilon` is 8, {of_linf}")));
        check(&|c| c.step_size = radius("1"), Some(&format!("`step-size` is 1, {}", of_linf.replace('8', "1"))));
        let at_most_1 = "expected at most 1, such as \"8/255\": a pixel is between 0 and 1";
        check(&|c| c.epsilon = radius("2.5"), Some(&format!("`epsilon` is 2.5, {at_most_1}")));
        check(&|c| (c.epsilon, c.norm) = (radius("8"), Norm::L2), None);
        check(&|c| (c.epsilon, c.step_size, c.norm) = (radius("2.5"), radius("1"), Norm::L2), None);
    }

    #[test]
    fn steps_that_cannot_reach_the_border_are_warned_of() {
        let check = |epsilon: &str, step_size: &str, n_steps: u32, random_start: bool, expected: Option<&str>| {
            let (epsilon, step_size) = (epsilon.parse().unwrap(), step_size.parse().unwrap());
            let found = Pgd { epsilon, step_size, n_steps, random_start, ..config() }.warning();
            assert_eq!(found.as_deref(), expected);
        };
        check("8/255", "2/255", 4, false, None);
        check("0.3", "0.1", 3, false, None);
        check("8/255", "2/255", 3, true, None);
        check("8/255", "0", 0, true, None);
        check(
            "0.25",
            "0.005",
            10,
            false,
            Some("10 steps of 0.005 cannot reach the border of the ball of epsilon 0.25"),
        );
        check("8/255", "4/255", 1, false, Some("1 step of 4/255 cannot reach the border of the ball of epsilon 8/255"));
    }
}

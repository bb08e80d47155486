//! Auto-PGD: projected gradient descent that finds its own step sizes.

use tch::{Device, Kind, Tensor};
use twinset_manifest::units::{PixelRange, Radius};

use super::objective::Objective;
use super::survivors::Survivors;
use crate::ascent::{check_finite, gradient, is_zero};
use crate::bounds::Bounds;
use crate::norm::{length_of_each, to_unit_length};
use crate::{AttackError, Attacked, Norm};

/// Share of the way to a new point that is gone; the rest goes on as before.
const MOMENTUM: f64 = 0.75;
/// Share of the steps between checkpoints of which more have to raise the loss, or the step size is halved.
const RHO: f64 = 0.75;

/// Parameters of [`apgd`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apgd {
    /// The radius of the ball: for L∞ of pixels in [0, 1], for L2 of whole images.
    pub epsilon: Radius,
    /// The norm that the ball is measured in.
    pub norm: Norm,
    /// What it raises.
    pub objective: Objective,
    /// Classes that a targeted objective goes towards, one after the other: the likeliest but the first.
    pub n_targets: u32,
    /// Steps of one run.
    pub n_steps: u32,
    /// Runs, of which each is for the images that those before left right.
    pub n_restarts: u32,
    /// Passes through the network whose mean gradient a step follows; more than one for a network that is random.
    pub n_gradients: u32,
}

/// Auto-PGD (Croce, Hein 2020, arXiv 2003.01690), as the authors' code has it.
///
/// `pixels` are `[n, 3, height, width]`, float32, in [0, 1]; `labels` are `[n]`, int64. An image that is misclassified
/// without an attack is left as it is, as is one that is never misclassified; the others come out as the first misclassified point
/// on their way. Random starts come from torch's generator for the CPU, which the caller seeds.
///
/// # Errors
/// As [`pgd`](crate::pgd), and when there are fewer classes than the objective needs.
pub fn apgd(
    logits: &dyn Fn(&Tensor) -> Tensor,
    pixels: &Tensor,
    labels: &Tensor,
    config: &Apgd,
) -> Result<Attacked, AttackError> {
    config.norm.check("epsilon", config.epsilon)?;
    let Some(mut left) = Survivors::of(logits, pixels, labels)? else {
        return Ok(Attacked::untouched(pixels.detach()));
    };
    left.check_classes(config.objective.n_classes())?;
    let ranks = match config.objective {
        Objective::TargetedDlr => 2..=1 + left.n_targets(config.n_targets),
        Objective::CrossEntropy | Objective::Dlr | Objective::Margin => 2..=2,
    };
    for rank in ranks {
        for _ in 0..config.n_restarts {
            let Some(batch) = left.batch(rank)? else { break };
            let mut run = Run::begin(logits, config, &batch.pixels, &batch.labels, &batch.targets)?;
            run.go(logits, LeaveOut::Wrong)?;
            left.add(&batch, &run.wrong, &run.is_wrong, &run.n_queries()?, Some(&run.is_stuck))?;
        }
    }
    let bounds = Bounds::new(&left.original, config.epsilon.get(), config.norm, PixelRange::FULL)?;
    left.into_attacked(&bounds)
}

/// Which images a run leaves out on its way. An image's way does not depend on the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeaveOut {
    /// Those that are misclassified.
    Wrong,
    /// None, as the reference does.
    #[cfg(test)]
    None,
}

/// A point of each image's way.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) pixels: Tensor,
    gradient: Tensor,
    /// `[n]`
    pub(super) losses: Tensor,
}

impl Point {
    fn shallow_clone(&self) -> Self {
        let of = Tensor::shallow_clone;
        Self { pixels: of(&self.pixels), gradient: of(&self.gradient), losses: of(&self.losses) }
    }

    /// Image by image the other one where `takes` (`[n]`) says so.
    fn take(&mut self, takes: &Tensor, other: &Self) -> Result<(), AttackError> {
        let takes_image = takes.f_view([-1, 1, 1, 1])?;
        self.pixels = other.pixels.f_where_self(&takes_image, &self.pixels)?;
        self.gradient = other.gradient.f_where_self(&takes_image, &self.gradient)?;
        self.losses = other.losses.f_where_self(takes, &self.losses)?;
        Ok(())
    }

    fn select(&mut self, places: &Tensor) -> Result<(), AttackError> {
        for tensor in [&mut self.pixels, &mut self.gradient, &mut self.losses] {
            *tensor = tensor.f_index_select(0, places)?;
        }
        Ok(())
    }
}

/// One run. What is of each image is of those that are still in it; what came of all is in `wrong` and so on.
#[derive(Debug)]
pub(super) struct Run<'a> {
    config: &'a Apgd,
    bounds: Bounds,
    labels: Tensor,
    targets: Tensor,
    /// Where they stand among all. `[n]`
    places: Tensor,
    pub(super) now: Point,
    pub(super) best: Point,
    /// The pixels before the last step.
    previous: Tensor,
    /// `[n, 1, 1, 1]`
    step_sizes: Tensor,
    /// The loss of the last step. `[n]`
    last_losses: Tensor,
    /// Steps since the last checkpoint that raised the loss. `[n]`
    n_increases: Tensor,
    /// At the last checkpoint. `[n]`
    was_halved: Tensor,
    /// The best losses at the last checkpoint. `[n]`
    checked: Tensor,
    /// For all images: the last point that was misclassified, whether there is one, the passes it was in, and whether its start
    /// had no gradient.
    pub(super) wrong: Tensor,
    pub(super) is_wrong: Tensor,
    n_passes: Tensor,
    is_stuck: Tensor,
    /// To tell whether gradients were finite.
    gradient_sums: Vec<Tensor>,
}

impl<'a> Run<'a> {
    /// A random point at the border of each ball.
    pub(super) fn begin(
        logits: &dyn Fn(&Tensor) -> Tensor,
        config: &'a Apgd,
        pixels: &Tensor,
        labels: &Tensor,
        targets: &Tensor,
    ) -> Result<Self, AttackError> {
        let n = pixels.size()[0];
        let on = (Kind::Float, pixels.device());
        let epsilon = config.epsilon.get();
        let start = random_start(&pixels.size(), config.norm)?.f_to_device(pixels.device())?;
        let start = pixels.f_add(&start.f_mul_scalar(epsilon)?)?.f_clamp_(0.0, 1.0)?;
        let zero =
            Point { pixels: start.shallow_clone(), gradient: start.f_zeros_like()?, losses: Tensor::f_zeros([n], on)? };
        let mut run = Self {
            config,
            bounds: Bounds::new(pixels, epsilon, config.norm, PixelRange::FULL)?,
            labels: labels.shallow_clone(),
            targets: targets.shallow_clone(),
            places: Tensor::f_arange(n, (Kind::Int64, pixels.device()))?,
            previous: start.shallow_clone(),
            step_sizes: Tensor::f_full([n, 1, 1, 1], 2.0 * epsilon, on)?,
            last_losses: Tensor::f_full([n], config.objective.before_the_first(), on)?,
            n_increases: Tensor::f_zeros([n], on)?,
            was_halved: Tensor::f_ones([n], (Kind::Bool, pixels.device()))?,
            checked: Tensor::f_zeros([n], on)?,
            wrong: start.copy(),
            is_wrong: Tensor::f_zeros([n], (Kind::Bool, pixels.device()))?,
            n_passes: Tensor::f_zeros([n], (Kind::Int64, pixels.device()))?,
            is_stuck: Tensor::f_zeros([n], (Kind::Bool, pixels.device()))?,
            now: zero.shallow_clone(),
            best: zero,
            gradient_sums: Vec::new(),
        };
        run.visit(logits, start)?;
        run.is_stuck = is_zero(&run.now.gradient)?;
        run.best = run.now.shallow_clone();
        run.checked = run.best.losses.shallow_clone();
        Ok(run)
    }

    /// All steps.
    pub(super) fn go(&mut self, logits: &dyn Fn(&Tensor) -> Tensor, leave_out: LeaveOut) -> Result<(), AttackError> {
        let checkpoints = checkpoints(self.config.n_steps);
        let mut last_checkpoint = 0;
        for step in 1..=self.config.n_steps {
            if leave_out == LeaveOut::Wrong && !self.leave_out_wrong()? {
                break;
            }
            self.step(logits, step == 1)?;
            if checkpoints.contains(&step) {
                self.check(step - last_checkpoint)?;
                last_checkpoint = step;
            }
        }
        check_finite(&self.gradient_sums)
    }

    /// Goes to the next point.
    fn step(&mut self, logits: &dyn Fn(&Tensor) -> Tensor, is_first: bool) -> Result<(), AttackError> {
        let now = &self.now.pixels;
        let share = if is_first { 1.0 } else { MOMENTUM };
        let momentum = now.f_sub(&self.previous)?.f_mul_scalar(1.0 - share)?;
        let direction = match self.config.norm {
            Norm::LInf => self.now.gradient.f_sign()?,
            Norm::L2 => to_unit_length(self.now.gradient.copy())?,
        };
        let moved = self.project(now.f_add(&direction.f_mul(&self.step_sizes)?)?)?;
        let next = now.f_add(&moved.f_sub(now)?.f_mul_scalar(share)?)?.f_add(&momentum)?;
        let next = self.project(next)?;
        self.previous = now.shallow_clone();
        self.visit(logits, next)?;
        let grows = self.now.losses.f_gt_tensor(&self.last_losses)?.f_to_kind(Kind::Float)?;
        self.n_increases = self.n_increases.f_add(&grows)?;
        self.last_losses = self.now.losses.shallow_clone();
        self.best.take(&self.now.losses.f_gt_tensor(&self.best.losses)?, &self.now)
    }

    /// Brings pixels into the ball, and then into [0, 1]. For L2 with the roundings of the reference, which a hundred steps make
    /// grow.
    fn project(&self, pixels: Tensor) -> Result<Tensor, AttackError> {
        if self.config.norm == Norm::LInf {
            return self.bounds.project(pixels);
        }
        let change = pixels.f_sub(&self.bounds.original)?;
        let length = length_of_each(&change, Norm::L2)?.f_view([-1, 1, 1, 1])?;
        let direction = change.f_div(&length.f_add_scalar(1e-12)?)?;
        let change = direction.f_mul(&length.f_clamp_max(self.config.epsilon.get())?)?;
        Ok(self.bounds.original.f_add(&change)?.f_clamp_(0.0, 1.0)?)
    }

    /// Asks the network about a point, which becomes the current one.
    fn visit(&mut self, logits: &dyn Fn(&Tensor) -> Tensor, pixels: Tensor) -> Result<(), AttackError> {
        let Apgd { objective, n_gradients, .. } = *self.config;
        let loss = |logits: &Tensor| objective.losses(logits, &self.labels, &self.targets);
        let (mut mean, mut said, mut losses) = gradient(logits, &loss, &pixels)?;
        // The gradients' weights differ from pass to pass. The largest so far counts as 1.
        let mut largest = objective.log_weights(&losses)?;
        for _ in 1..n_gradients {
            let found;
            (found, said, losses) = gradient(logits, &loss, &pixels)?;
            let weights = objective.log_weights(&losses)?;
            let now = largest.f_maximum(&weights)?;
            let scale = |from: &Tensor| from.f_sub(&now)?.f_exp()?.f_view([-1, 1, 1, 1]);
            mean = mean.f_mul(&scale(&largest)?)?.f_add(&found.f_mul(&scale(&weights)?)?)?;
            largest = now;
        }
        self.gradient_sums.push(mean.f_sum(Kind::Float)?);
        let is_wrong = said.f_argmax(1, false)?.f_ne_tensor(&self.labels)?;
        let before = self.wrong.f_index_select(0, &self.places)?;
        let wrong = pixels.f_where_self(&is_wrong.f_view([-1, 1, 1, 1])?, &before)?;
        self.wrong = self.wrong.f_index_copy(0, &self.places, &wrong)?;
        let was_wrong = self.is_wrong.f_index_select(0, &self.places)?;
        self.is_wrong = self.is_wrong.f_index_copy(0, &self.places, &was_wrong.f_logical_or(&is_wrong)?)?;
        let passes = self.places.f_full_like(i64::from(n_gradients))?;
        self.n_passes = self.n_passes.f_index_add(0, &self.places, &passes)?;
        self.now = Point { pixels, gradient: mean, losses };
        Ok(())
    }

    /// A checkpoint, `n_steps` after the last one: halves the step sizes that were too large, and goes back to the best
    /// point there.
    fn check(&mut self, n_steps: u32) -> Result<(), AttackError> {
        let oscillates = self.n_increases.f_le(RHO * f64::from(n_steps))?;
        let stands_still =
            self.checked.f_ge_tensor(&self.best.losses)?.f_logical_and(&self.was_halved.f_logical_not()?)?;
        let halves = oscillates.f_logical_or(&stands_still)?;
        let factors = halves.f_to_kind(Kind::Float)?.f_mul_scalar(-0.5)?.f_add_scalar(1.0)?;
        self.step_sizes = self.step_sizes.f_mul(&factors.f_view([-1, 1, 1, 1])?)?;
        self.now.take(&halves, &self.best)?;
        self.was_halved = halves;
        self.checked = self.best.losses.shallow_clone();
        self.n_increases = self.n_increases.f_zeros_like()?;
        Ok(())
    }

    /// Goes on with the images that are right. Whether there are any.
    fn leave_out_wrong(&mut self) -> Result<bool, AttackError> {
        let is_right = self.is_wrong.f_index_select(0, &self.places)?.f_logical_not()?;
        let right = is_right.f_nonzero()?.f_squeeze_dim(1)?;
        let n_right = right.size()[0];
        if n_right == 0 || n_right == self.places.size()[0] {
            return Ok(n_right > 0);
        }
        let original = self.bounds.original.f_index_select(0, &right)?;
        self.bounds = Bounds::new(&original, self.config.epsilon.get(), self.config.norm, PixelRange::FULL)?;
        self.now.select(&right)?;
        self.best.select(&right)?;
        for tensor in [
            &mut self.labels,
            &mut self.targets,
            &mut self.places,
            &mut self.previous,
            &mut self.step_sizes,
            &mut self.last_losses,
            &mut self.n_increases,
            &mut self.was_halved,
            &mut self.checked,
        ] {
            *tensor = tensor.f_index_select(0, &right)?;
        }
        Ok(true)
    }

    fn n_queries(&self) -> Result<Vec<u32>, AttackError> {
        Ok(Vec::<i64>::try_from(&self.n_passes)?.into_iter().map(|n| n as u32).collect())
    }
}

/// A random direction for each image: of L∞ norm 1, with one channel of one pixel at the border, or of L2 norm 1.
///
/// Drawn on the CPU in the order of the shape, so that all devices start alike.
fn random_start(size: &[i64], norm: Norm) -> Result<Tensor, AttackError> {
    let on = (Kind::Float, Device::Cpu);
    let (drawn, lengths) = match norm {
        Norm::LInf => {
            let drawn = Tensor::f_rand(size, on)?.f_mul_scalar(2.0)?.f_sub_scalar(1.0)?;
            let lengths = drawn.f_abs()?.f_flatten(1, -1)?.f_amax([1], false)?;
            (drawn, lengths)
        }
        Norm::L2 => {
            let drawn = Tensor::f_randn(size, on)?;
            let squares = drawn.f_square()?.f_flatten(1, -1)?;
            let lengths = squares.f_sum_dim_intlist([-1i64].as_slice(), false, Kind::Float)?.f_sqrt()?;
            (drawn, lengths)
        }
    };
    Ok(drawn.f_div(&lengths.f_view([-1, 1, 1, 1])?.f_add_scalar(1e-12)?)?)
}

/// The steps, counted from 1, after which step sizes are looked at.
fn checkpoints(n_steps: u32) -> Vec<u32> {
    let share = |share: f64| ((share * f64::from(n_steps)) as u32).max(1);
    let (mut interval, shortest, shrinks_by) = (share(0.22), share(0.06), share(0.03));
    let (mut step, mut steps) = (interval, Vec::new());
    while step <= n_steps {
        steps.push(step);
        interval = interval.saturating_sub(shrinks_by).max(shortest);
        step += interval;
    }
    steps
}

#[cfg(test)]
mod tests;

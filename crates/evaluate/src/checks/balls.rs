//! What the checks' own attacks do within a ball.

use tch::Tensor;
use twinset_attack::{Attack, AttackError, Attacked, Fgsm, Iterate, Norm, Pgd, Square, fgsm, pgd, square};
use twinset_manifest::units::{PixelRange, Radius};

use super::Images;
use crate::Config;

/// Steps of the checks' PGD.
pub(super) const N_STEPS: u32 = 20;
/// Steps that follow from another start.
pub(super) const N_MORE_STEPS: u32 = 40;
/// Queries of the checks' square attack.
pub(super) const N_QUERIES: u32 = 100;
/// Rows of the smallest images that the square attack takes for L2.
const SMALLEST_SQUARE: i64 = 5;

/// Forward and backward passes for an image, where half of them withstand PGD, and half of the rest each larger radius: one step,
/// 20 steps, and for those that are left 40 more, squares, larger radii, and 20 in the other norm.
pub(super) const PASSES: u64 = 1 + 22 + (42 + 34 + 22) / 2 + 21;

/// A ball that images may move in, within all of the pixels' range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ball {
    pub(super) norm: Norm,
    pub(super) epsilon: Radius,
}

impl std::fmt::Display for Ball {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.norm {
            Norm::LInf => write!(f, "linf {}", self.epsilon),
            Norm::L2 => write!(f, "l2 {:.2}", self.epsilon.get()),
        }
    }
}

impl Ball {
    /// That of an attack that may use all of the pixels' range; none of another.
    pub(super) fn of(attack: &Attack) -> Option<Self> {
        let is_whole = attack.may_move() && attack.pixel_range() == PixelRange::FULL;
        is_whole.then(|| Self { norm: attack.norm(), epsilon: attack.epsilon() })
    }

    pub(super) fn pgd(self, n_steps: u32) -> Pgd {
        let Self { norm, epsilon } = self;
        let step_size = radius(epsilon.get() / 4.0);
        let (random_start, n_restarts, iterate, pixel_range) = (true, 1, Iterate::Worst, PixelRange::FULL);
        Pgd { epsilon, step_size, n_steps, random_start, n_restarts, iterate, norm, pixel_range }
    }

    /// Larger ones, each twice as large as the one before, up to the one that has every image in it.
    fn larger(self, pixels: &Tensor) -> Vec<Self> {
        let n_values: i64 = pixels.size()[1..].iter().product();
        let largest = match self.norm {
            Norm::LInf => 1.0,
            Norm::L2 => (n_values as f64).sqrt(),
        };
        let mut balls = Vec::new();
        let mut epsilon = 2.0 * self.epsilon.get();
        while epsilon < largest {
            balls.push(Self { epsilon: radius(epsilon), ..self });
            epsilon *= 2.0;
        }
        balls.push(Self { epsilon: radius(largest), ..self });
        balls
    }
}

pub(super) fn radius(value: f64) -> Radius {
    Radius::new(value).expect("radii that are made of radii are radii")
}

/// The balls that the checks attack in: for each norm the one of the first attack, or of the first one that may use all of the
/// pixels' range.
pub(super) fn balls(config: &Config) -> Vec<Ball> {
    let mut balls: Vec<Ball> = Vec::new();
    let of_any = |attack: &Attack| attack.may_move().then(|| Ball { norm: attack.norm(), epsilon: attack.epsilon() });
    let of_whole = config.attacks.iter().filter_map(Ball::of);
    for ball in of_whole.chain(config.attacks.iter().filter_map(of_any)) {
        if balls.iter().all(|other| other.norm != ball.norm) {
            balls.push(ball);
        }
    }
    balls
}

/// What became of images that are right without an attack.
pub(super) struct Measured {
    pub(super) n_without_gradient: usize,
    /// Right under one step.
    pub(super) n_single_step: usize,
    /// Right under [`N_STEPS`] steps.
    pub(super) after_steps: Images,
    /// Of these, right under [`N_MORE_STEPS`] from another start.
    pub(super) after_more_steps: Images,
    /// Of those after [`N_STEPS`], right under [`N_QUERIES`] of the square attack; none where the images are too small for it.
    pub(super) n_after_square: Option<usize>,
    /// Larger balls, and how many of those after [`N_STEPS`] are right there. After a ball without any there is none.
    pub(super) larger: Vec<(Ball, usize)>,
}

impl Measured {
    /// Attacks these images, all of which are right.
    pub(super) fn of(
        logits: &dyn Fn(&Tensor) -> Tensor,
        images: &Images,
        ball: Ball,
        seed: i64,
    ) -> Result<Self, AttackError> {
        let Ball { norm, epsilon } = ball;
        tch::manual_seed(seed);
        let attack = |images: &Images, config: &Pgd| -> Result<Images, AttackError> {
            let attacked = pgd(logits, &images.pixels, &images.labels, config)?;
            Ok(images.right(logits, &attacked.pixels))
        };
        let config = Fgsm { epsilon, norm, pixel_range: PixelRange::FULL };
        let Attacked { pixels, n_without_gradient, .. } = fgsm(logits, &images.pixels, &images.labels, &config)?;
        let n_single_step = images.right(logits, &pixels).len();
        let after_steps = attack(images, &ball.pgd(N_STEPS))?;
        let after_more_steps = attack(&after_steps, &ball.pgd(N_MORE_STEPS))?;
        let n_after_square = match images.pixels.size()[2] {
            side if norm == Norm::L2 && side < SMALLEST_SQUARE => None,
            _ => {
                let config = Square { epsilon, norm, n_queries: N_QUERIES };
                let attacked = square(logits, &after_steps.pixels, &after_steps.labels, &config)?;
                Some(after_steps.right(logits, &attacked.pixels).len())
            }
        };
        let mut larger = Vec::new();
        let mut left = after_steps.right(logits, &after_steps.pixels);
        for ball in ball.larger(&images.pixels) {
            if left.len() == 0 {
                break;
            }
            left = attack(&left, &ball.pgd(N_STEPS))?;
            larger.push((ball, left.len()));
        }
        let n_without_gradient = n_without_gradient as usize;
        Ok(Self { n_without_gradient, n_single_step, after_steps, after_more_steps, n_after_square, larger })
    }
}

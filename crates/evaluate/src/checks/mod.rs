//! Is the evaluation sound? Checks that run with every evaluation that has an attack.
//!
//! They follow Carlini et al. 2019 (arXiv 1902.06705) and the checks of AutoAttack. Attacks that are too weak, and networks that
//! hide their gradients, make a network look robust that is not. Each check looks for one sign of that. They look at the
//! predictions, and at a [sample](sample) of at most 64 images that they attack themselves.

mod balls;
mod elsewhere;
mod outputs;
mod strength;

use std::collections::HashSet;

use tch::Tensor;
use twinset_manifest::rows::Prediction;
use twinset_manifest::{Check, CheckOutcome};

use crate::seed::{Purpose, torch_seed};
use crate::{CLEAN, Config, Other};
use balls::{Ball, Measured, balls};

/// Images that the checks attack, at most and at least, and the part of all images that they are in between.
const MOST_IMAGES: usize = 64;
const FEWEST_IMAGES: usize = 16;
const ONE_OF: usize = 16;

/// By how much the accuracy on a sample may be off before a check fails, as a part of it, and at least one image.
const TOLERANCE: f64 = 0.05;
/// The same of all predictions: 0.2 points, as AutoAttack's authors have it.
const TOLERANCE_OF_ALL: f64 = 0.002;

/// The checks' names, in order.
pub const CHECKS: [&str; 11] = [
    "steps-reach-border",
    "outputs-not-random",
    "outputs-are-logits",
    "gradients-not-zero",
    "single-step-not-stronger",
    "black-box-not-stronger",
    "noise-not-stronger",
    "falls-with-epsilon",
    "plateau",
    "transfer-not-stronger",
    "unseen-norm",
];

/// What is checked.
pub struct Subject<'a> {
    /// The network: pixels `[n, 3, height, width]` to logits `[n, n_classes]`.
    pub logits: &'a dyn Fn(&Tensor) -> Tensor,
    /// The images that the checks attack: `[n, 3, height, width]`, float32, in [0, 1]. One at least.
    pub pixels: &'a Tensor,
    /// Their labels, `[n]`, int64.
    pub labels: &'a Tensor,
    /// Their ids in the predictions.
    pub image_ids: &'a [u64],
    /// What the evaluation came to.
    pub predictions: &'a [Prediction],
    /// What it was told.
    pub config: &'a Config,
    /// Other networks for the same images; images that are made to fool them are tried on this one.
    pub others: &'a [Other],
}

/// Which of `n` images in order the checks attack: a sixteenth of them, but at least 16 and at most 64, spread over all such
/// that no period in the order of classes matters.
pub fn sample(n: usize) -> Vec<usize> {
    let count = (n / ONE_OF).clamp(FEWEST_IMAGES, MOST_IMAGES).min(n);
    let place = |index: usize| {
        // A low-discrepancy place within each of `count` equal parts.
        let within = (index as f64 * 0.618_033_988_749_895).fract();
        (((index as f64 + within) * n as f64 / count as f64) as usize).min(n - 1)
    };
    let mut places: Vec<_> = (0..count).map(place).collect();
    places.dedup();
    places
}

/// Forward and backward passes of all checks, where about half of the images withstand PGD; a pass forward alone is a third.
pub(crate) fn estimate(n_images: u64, config: &Config) -> u64 {
    if !config.checks || config.attacks.is_empty() {
        return 0;
    }
    let n = sample(usize::try_from(n_images).unwrap_or(usize::MAX)).len() as u64;
    let outputs = 2;
    let of_attacks = config.attacks.len() as u64 * u64::from(strength::N_NOISES).div_ceil(3);
    n * (outputs + of_attacks + balls(config).len() as u64 * balls::PASSES)
}

/// Runs the checks: each of [`CHECKS`] once, in that order; none where there is no attack. Torch's generator is seeded from the
/// config's seed.
///
/// # Panics
/// When pixels, labels and ids are not as [`Subject`] says.
pub fn check(subject: &Subject<'_>) -> Vec<Check> {
    let config = subject.config;
    if config.attacks.is_empty() {
        return Vec::new();
    }
    if !config.checks {
        return CHECKS.iter().map(|name| skipped(name, "switched off by `checks = false`")).collect();
    }
    let seed = torch_seed(config.seed, Purpose::Checks, config.splits[0], 0);
    tch::manual_seed(seed);
    let all = Images::all(subject);
    let mut checks = vec![
        steps_reach_border(config),
        outputs::not_random(subject.logits, &all),
        outputs::are_logits(subject.logits, &all),
    ];
    let right = all.right(subject.logits, &all.pixels);
    let balls = balls(config);
    let why_not = if right.len() == 0 {
        format!("none of {} images is right without an attack", all.len())
    } else {
        "no attack has a radius above 0".to_owned()
    };
    if right.len() == 0 || balls.is_empty() {
        checks.extend(CHECKS[checks.len()..].iter().map(|name| skipped(name, &why_not)));
        return checks;
    }
    let measure = |ball: Ball| (ball, Measured::of(subject.logits, &right, ball, seed));
    let measured: Vec<_> = balls.into_iter().map(measure).collect();
    let survey = strength::Survey { subject, n: all.len(), right: &right, measured: &measured };
    checks.extend([
        survey.gradients(),
        survey.single_step(),
        survey.black_box(),
        survey.noise(seed),
        survey.growth(),
        survey.plateau(),
        survey.transfer(subject.others),
        survey.unseen_norm(),
    ]);
    checks
}

fn steps_reach_border(config: &Config) -> Check {
    let short = |attack: &twinset_attack::Attack| {
        attack.short_steps().map(|warning| format!("attack `{}`: {warning}", attack.name()))
    };
    let short: Vec<_> = config.attacks.iter().filter_map(short).collect();
    let detail =
        if short.is_empty() { "the steps of each attack reach its border".to_owned() } else { short.join("; ") };
    Check { name: CHECKS[0].to_owned(), outcome: outcome(!short.is_empty()), detail }
}

fn outcome(is_wrong: bool) -> CheckOutcome {
    if is_wrong { CheckOutcome::Failed } else { CheckOutcome::Passed }
}

fn skipped(name: &str, why: &str) -> Check {
    Check { name: name.to_owned(), outcome: CheckOutcome::Skipped, detail: why.to_owned() }
}

/// What a check found at one place.
struct Finding {
    is_wrong: bool,
    text: String,
}

/// One check from what it found at several places.
fn conclude(name: &str, findings: Vec<Finding>, nothing: &str) -> Check {
    if findings.is_empty() {
        return skipped(name, nothing);
    }
    let is_wrong = findings.iter().any(|finding| finding.is_wrong);
    let detail = findings.into_iter().map(|finding| finding.text).collect::<Vec<_>>().join("; ");
    Check { name: name.to_owned(), outcome: outcome(is_wrong), detail }
}

/// Whether so many images of `n` are too many: more than this part, and more than one.
fn is_too_many(found: usize, n: usize, tolerance: f64) -> bool {
    found as f64 > (tolerance * n as f64).max(1.0)
}

/// Images of the sample.
struct Images {
    pixels: Tensor,
    labels: Tensor,
    ids: Vec<u64>,
}

impl Images {
    fn all(subject: &Subject<'_>) -> Self {
        let (pixels, labels) = (subject.pixels.shallow_clone(), subject.labels.shallow_clone());
        Self { pixels, labels, ids: subject.image_ids.to_vec() }
    }

    fn len(&self) -> usize {
        self.ids.len()
    }

    /// Those that the network has right where they look like these.
    fn right(&self, logits: &dyn Fn(&Tensor) -> Tensor, as_these: &Tensor) -> Self {
        let is_right = match self.len() {
            0 => {
                return Self {
                    pixels: self.pixels.shallow_clone(),
                    labels: self.labels.shallow_clone(),
                    ids: Vec::new(),
                };
            }
            _ => tch::no_grad(|| logits(as_these)).argmax(1, false).eq_tensor(&self.labels),
        };
        let places = is_right.nonzero().squeeze_dim(1);
        let ids = Vec::<i64>::try_from(&places).expect("places are integers");
        Self {
            pixels: self.pixels.index_select(0, &places),
            labels: self.labels.index_select(0, &places),
            ids: ids.into_iter().map(|place| self.ids[place as usize]).collect(),
        }
    }
}

/// The images of the sample that are right without an attack and under all these attacks.
fn right_under(subject: &Subject<'_>, attacks: &[String]) -> HashSet<u64> {
    let sample: HashSet<_> = subject.image_ids.iter().copied().collect();
    let is_of = |row: &&Prediction| row.attack == CLEAN || attacks.contains(&row.attack);
    let wrong: HashSet<_> =
        subject.predictions.iter().filter(is_of).filter(|row| !row.is_correct).map(|row| row.image_id).collect();
    sample.difference(&wrong).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_and_has_no_period() {
        for n in [1, 7, 16, 100, 500, 1_000, 10_000, 50_000] {
            let places = sample(n);
            let expected = if n <= 16 { n } else { (n / 16).clamp(16, 64) };
            assert_eq!(places.len(), expected, "{n}");
            assert!(places.is_sorted_by(|a, b| a < b) && *places.last().unwrap() < n, "{places:?}");
        }
        // Ten classes in turn: each is there.
        let classes: HashSet<_> = sample(10_000).into_iter().map(|place| place % 10).collect();
        assert_eq!(classes.len(), 10);
    }
}

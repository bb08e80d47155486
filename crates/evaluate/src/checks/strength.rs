//! Whether attacks are as strong as they should be beside one another.

use std::collections::HashSet;

use twinset_attack::{Attack, AttackError, Component, Iterate, Pgd, pgd};
use twinset_manifest::Check;

use super::balls::{Ball, Measured, N_MORE_STEPS, N_QUERIES, N_STEPS};
use super::{CHECKS, Finding, Images, Subject, TOLERANCE, TOLERANCE_OF_ALL, conclude, is_too_many, right_under};

/// Points of a ball that are tried at random.
pub(super) const N_NOISES: u32 = 8;

/// The sample, what the checks' own attacks came to, and the predictions.
pub(super) struct Survey<'a> {
    pub(super) subject: &'a Subject<'a>,
    /// Images of the sample.
    pub(super) n: usize,
    /// Those that are right without an attack.
    pub(super) right: &'a Images,
    pub(super) measured: &'a [(Ball, Result<Measured, AttackError>)],
}

impl Survey<'_> {
    /// Looks at each ball.
    pub(super) fn each(&self, find: impl Fn(Ball, &Measured) -> Option<Finding>) -> Vec<Finding> {
        let of = |(ball, measured): &(Ball, Result<Measured, AttackError>)| match measured {
            Ok(measured) => find(*ball, measured),
            Err(error) => {
                Some(Finding { is_wrong: true, text: format!("within {ball} it could not be measured: {error}") })
            }
        };
        self.measured.iter().filter_map(of).collect()
    }

    pub(super) fn is_too_many(&self, found: usize) -> bool {
        is_too_many(found, self.n, TOLERANCE)
    }

    pub(super) fn gradients(&self) -> Check {
        let n = self.right.len();
        let findings = self.each(|ball, measured| {
            let found = measured.n_without_gradient;
            Some(Finding {
                is_wrong: found > 0,
                text: format!("within {ball}, {found} of {n} images have no gradient"),
            })
        });
        conclude(CHECKS[3], findings, "")
    }

    /// One step is no stronger than many.
    pub(super) fn single_step(&self) -> Check {
        let mut findings = self.each(|ball, measured| {
            let (one, many) = (measured.n_single_step, measured.after_steps.len());
            let text = format!(
                "within {ball}, {one} of {} images are right under one step and {many} under {N_STEPS}",
                self.n
            );
            Some(Finding { is_wrong: self.is_too_many(many.saturating_sub(one)), text })
        });
        let attacks = &self.subject.config.attacks;
        for single in attacks.iter().filter(|attack| attack.n_steps() == Some(1)) {
            let is_like = |other: &&Attack| {
                let is_iterative = other.n_steps().is_none_or(|n| n > 1);
                is_iterative && Ball::of(other).is_some() && Ball::of(other) == Ball::of(single)
            };
            for many in attacks.iter().filter(is_like) {
                let (one, n) = self.n_right(&single.name());
                let (of_many, _) = self.n_right(&many.name());
                findings.push(Finding {
                    is_wrong: is_too_many(of_many.saturating_sub(one), n, TOLERANCE_OF_ALL),
                    text: format!(
                        "of all {n} images {one} are right under `{}` and {of_many} under `{}`",
                        single.name(),
                        many.name()
                    ),
                });
            }
        }
        conclude(CHECKS[4], findings, "")
    }

    /// Attacks without gradients are no stronger than those with.
    pub(super) fn black_box(&self) -> Check {
        let mut findings = self.each(|ball, measured| {
            let before = measured.after_steps.len();
            let broken = before - measured.n_after_square?;
            let text = format!(
                "of {before} images that are right under {N_STEPS} steps within {ball}, {N_QUERIES} queries of the square attack break {broken}"
            );
            Some(Finding { is_wrong: self.is_too_many(broken), text })
        });
        for attack in &self.subject.config.attacks {
            if attack.components().iter().position(|&part| part == Component::Square).is_none_or(|place| place == 0) {
                continue;
            }
            let name = attack.name();
            let (part, (_, n)) = (format!("{name}/{}", Component::Square), self.n_right(&name));
            let rows = self.subject.predictions.iter();
            let broken = rows.filter(|row| row.fooled_by.as_ref() == Some(&part)).count();
            findings.push(Finding {
                is_wrong: is_too_many(broken, n, TOLERANCE_OF_ALL),
                text: format!("of all {n} images `{part}` alone breaks {broken}"),
            });
        }
        conclude(CHECKS[5], findings, "the images are too small for the square attack")
    }

    /// Noise is no stronger than an attack.
    pub(super) fn noise(&self, seed: i64) -> Check {
        let of = |attack: &Attack| {
            let name = attack.name();
            if !attack.may_move() {
                return None;
            }
            let found = self.right_under_noise(attack, seed).map(|noise| {
                let noise = noise.len();
                let attacked = right_under(self.subject, std::slice::from_ref(&name)).len();
                let text = format!(
                    "of {} images {attacked} are right under `{name}` and {noise} under {N_NOISES} random changes as large",
                    self.n
                );
                Finding { is_wrong: self.is_too_many(attacked.saturating_sub(noise)), text }
            });
            Some(found.unwrap_or_else(|error| Finding {
                is_wrong: true,
                text: format!("noise as large as `{name}` could not be measured: {error}"),
            }))
        };
        conclude(CHECKS[6], self.subject.config.attacks.iter().filter_map(of).collect(), "")
    }

    fn right_under_noise(&self, attack: &Attack, seed: i64) -> Result<Images, AttackError> {
        let (epsilon, norm, pixel_range) = (attack.epsilon(), attack.norm(), attack.pixel_range());
        // No steps are noise alone, of which each image keeps the worst.
        let (step_size, n_steps, random_start, iterate) = (epsilon, 0, true, Iterate::Worst);
        let n_restarts = N_NOISES;
        let config = Pgd { epsilon, step_size, n_steps, random_start, n_restarts, iterate, norm, pixel_range };
        tch::manual_seed(seed);
        let Images { pixels, labels, .. } = self.right;
        let attacked = pgd(self.subject.logits, pixels, labels, &config)?;
        Ok(self.right.right(self.subject.logits, &attacked.pixels))
    }

    /// The accuracy falls to 0 as the ball grows.
    pub(super) fn growth(&self) -> Check {
        let n = self.n;
        let findings = self.each(|ball, measured| {
            let first = format!("{} within {ball}", measured.after_steps.len());
            let larger = measured.larger.iter().map(|(ball, n_right)| format!("{n_right} within {ball}"));
            let curve: Vec<_> = std::iter::once(first).chain(larger).collect();
            let left = measured.larger.last().map_or(measured.after_steps.len(), |&(_, n_right)| n_right);
            let text = format!("of {n} images {} are right without an attack, {}", self.right.len(), curve.join(", "));
            Some(Finding { is_wrong: left > 0, text })
        });
        conclude(CHECKS[7], findings, "")
    }

    /// More steps do not lower the accuracy.
    pub(super) fn plateau(&self) -> Check {
        let findings = self.each(|ball, measured| {
            let (steps, more) = (&measured.after_steps, &measured.after_more_steps);
            let names = self.attacks_in(ball);
            let mut is_wrong = self.is_too_many(steps.len() - more.len());
            let mut text = format!("within {ball}, ");
            if !names.is_empty() {
                let run = right_under(self.subject, &names);
                let left = |images: &Images| images.ids.iter().copied().collect::<HashSet<_>>().intersection(&run).count();
                is_wrong |= self.is_too_many(run.len() - left(more));
                text += &format!(
                    "{} of {} images are right under the attacks that were run ({}); of these {} under {N_STEPS} steps as well and \
                     {} under {N_MORE_STEPS} from another start; ",
                    run.len(),
                    self.n,
                    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
                    left(steps),
                    left(more),
                );
            }
            text += &format!("{N_STEPS} steps alone leave {} right, {N_MORE_STEPS} from another start {}", steps.len(), more.len());
            Some(Finding { is_wrong, text })
        });
        conclude(CHECKS[8], findings, "")
    }

    /// The names of the attacks that were run in this ball.
    fn attacks_in(&self, ball: Ball) -> Vec<String> {
        let like = self.subject.config.attacks.iter().filter(|attack| Ball::of(attack) == Some(ball));
        like.map(Attack::name).collect()
    }

    /// The images of the sample that are right without an attack and under those that were run in this ball.
    pub(super) fn right_in(&self, ball: Ball) -> HashSet<u64> {
        right_under(self.subject, &self.attacks_in(ball))
    }

    /// How many images are right under an attack, and of how many.
    fn n_right(&self, attack: &str) -> (usize, usize) {
        let rows: Vec<_> = self.subject.predictions.iter().filter(|row| row.attack == attack).collect();
        (rows.iter().filter(|row| row.is_correct).count(), rows.len())
    }
}

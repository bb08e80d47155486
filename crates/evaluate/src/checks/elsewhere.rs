//! Whether what was found holds elsewhere: under images that were made on other networks, and in a ball of the other norm.

use std::collections::HashSet;

use twinset_attack::{Norm, pgd};
use twinset_manifest::Check;

use super::balls::{Ball, N_STEPS, radius};
use super::strength::Survey;
use super::{CHECKS, Finding, Images, conclude};
use crate::Other;

/// The radii that are usual beside one another, L2 and L-infinity, and the values of an image that they are usual for.
const USUAL: (f64, f64, f64) = (0.5, 8.0 / 255.0, 3072.0);
/// Fewer images that withstand the attacks say nothing of a share of them.
const FEWEST: usize = 4;

impl Survey<'_> {
    /// Images that were made on another network are no stronger than those made on this one.
    pub(super) fn transfer(&self, others: &[Other]) -> Check {
        let mut findings = Vec::new();
        for Other { name, network } in others {
            let frozen = network.frozen();
            findings.extend(self.each(|ball, measured| {
                let attack = ball.pgd(N_STEPS);
                let made = pgd(&|pixels| frozen.forward(pixels), &self.right.pixels, &self.right.labels, &attack);
                let made = match made {
                    Ok(made) => made.pixels,
                    Err(error) => {
                        let text = format!("images within {ball} could not be made on `{name}`: {error}");
                        return Some(Finding { is_wrong: true, text });
                    }
                };
                let ids = |images: &Images| images.ids.iter().copied().collect::<HashSet<_>>();
                let right = ids(&self.right.right(self.subject.logits, &made));
                let withstand: HashSet<_> = &ids(&measured.after_steps) & &self.right_in(ball);
                let broken = withstand.difference(&right).count();
                let text = format!(
                    "of {} images that are right without an attack, those made on `{name}` within {ball} break {}; of {} that \
                     withstand the attacks they break {broken}",
                    self.right.len(),
                    self.right.len() - right.len(),
                    withstand.len(),
                );
                Some(Finding { is_wrong: self.is_too_many(broken), text })
            }));
        }
        conclude(CHECKS[9], findings, "no other network was named: --transfer-from names one")
    }

    /// Of the images that withstand the attacks, at least half withstand a ball of the other norm.
    pub(super) fn unseen_norm(&self) -> Check {
        let attacked: Vec<_> = self.measured.iter().map(|(ball, _)| ball.norm).collect();
        let findings = self.each(|ball, measured| {
            let unseen = beside(ball, self.right.pixels.size()[1..].iter().product::<i64>() as f64);
            if attacked.contains(&unseen.norm) || measured.after_steps.len() < FEWEST {
                return None;
            }
            let Images { pixels, labels, .. } = &measured.after_steps;
            let n = measured.after_steps.len();
            let found = pgd(self.subject.logits, pixels, labels, &unseen.pgd(N_STEPS))
                .map(|attacked| measured.after_steps.right(self.subject.logits, &attacked.pixels).len());
            Some(match found {
                Ok(left) => Finding {
                    is_wrong: 2 * left < n,
                    text: format!(
                        "of {n} images that withstand {N_STEPS} steps within {ball}, {left} withstand as many within {unseen}"
                    ),
                },
                Err(error) => {
                    Finding { is_wrong: true, text: format!("within {unseen} it could not be measured: {error}") }
                }
            })
        });
        let why_not = "both norms were attacked in, or fewer than 4 images withstand the attacks";
        conclude(CHECKS[10], findings, why_not)
    }
}

/// The ball of the other norm that is usual beside this one, for images of so many values. Beside an L2 ball it is the largest
/// L-infinity ball within it.
fn beside(ball: Ball, n_values: f64) -> Ball {
    let (l2, linf, n_usual) = USUAL;
    let epsilon = ball.epsilon.get();
    match ball.norm {
        Norm::LInf => Ball { norm: Norm::L2, epsilon: radius(epsilon / linf * l2 * (n_values / n_usual).sqrt()) },
        Norm::L2 => Ball { norm: Norm::LInf, epsilon: radius((epsilon / n_values.sqrt()).min(1.0)) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ball_beside_is_the_usual_one() {
        let of = |norm, epsilon: f64, n_values| {
            let Ball { norm, epsilon } = beside(Ball { norm, epsilon: radius(epsilon) }, n_values);
            (norm, (epsilon.get() * 1e4).round() / 1e4)
        };
        assert_eq!(of(Norm::LInf, 8.0 / 255.0, 3072.0), (Norm::L2, 0.5));
        assert_eq!(of(Norm::LInf, 4.0 / 255.0, 4.0 * 3072.0), (Norm::L2, 0.5));
        assert_eq!(of(Norm::L2, 0.5, 3072.0), (Norm::LInf, 0.009));
    }
}

//! Watching for catastrophic overfitting: a network that learns to withstand one step and no more.

use tch::Tensor;
use twinset_attack::{AttackError, Pgd, pgd};
use twinset_model::{ImageSet, Mode, Network};

use crate::Sample;

/// Training images that are attacked after each epoch.
const N_IMAGES: usize = 512;
/// How far PGD's accuracy may fall below its best so far (Wong et al.'s own training stops at such a fall), and lie below that
/// of the one step in the epoch's training.
const FALL: f64 = 0.2;

/// The training images that are watched, evenly spread, and what attacks them.
#[derive(Debug)]
pub(crate) struct Watch {
    attack: Pgd,
    images: Tensor,
    labels: Tensor,
}

impl Watch {
    pub(crate) fn new(attack: Pgd, samples: &[Sample], network: &Network) -> Self {
        let n = samples.len().min(N_IMAGES);
        let chosen: Vec<_> = (0..n).map(|index| samples[index * samples.len() / n]).collect();
        let tensor = |values: Vec<i64>| Tensor::from_slice(&values).to_device(network.device());
        Self {
            attack,
            images: tensor(chosen.iter().map(|sample| sample.image as i64).collect()),
            labels: tensor(chosen.iter().map(|sample| i64::from(sample.label)).collect()),
        }
    }

    /// The accuracy of the network, as it is evaluated, on the attacked images.
    pub(crate) fn accuracy(&self, network: &Network, images: &ImageSet, batch_size: i64) -> Result<f64, AttackError> {
        let logits = |pixels: &Tensor| network.forward(pixels, Mode::Eval);
        let mut n_correct = 0.0;
        for (images_of_batch, labels) in self.images.split(batch_size, 0).iter().zip(self.labels.split(batch_size, 0)) {
            let attacked = pgd(&logits, &images.batch(images_of_batch), &labels, &self.attack)?.pixels;
            let is_right = tch::no_grad(|| logits(&attacked)).argmax(1, false).eq_tensor(&labels);
            n_correct += is_right.sum(tch::Kind::Int64).double_value(&[]);
        }
        Ok(n_correct / self.images.size()[0] as f64)
    }

    /// What is to be said of PGD's accuracies, and of those under the one step in training, one an epoch: the first fall.
    pub(crate) fn warning(&self, accuracies: &[f64], in_training: &[f64]) -> Option<String> {
        let (epoch, above, found) = first_fall(accuracies, in_training)?;
        Some(format!(
            "catastrophic overfitting: after epoch {epoch} PGD-{} leaves {:.1} % of {} training images classified rightly, \
             and before, or one step in training, left {:.1} %",
            self.attack.n_steps,
            100.0 * found,
            self.images.size()[0],
            100.0 * above,
        ))
    }
}

/// The first epoch, counted from 1, whose accuracy is far below the best before it or that in training; which; and it.
fn first_fall(accuracies: &[f64], in_training: &[f64]) -> Option<(usize, f64, f64)> {
    let mut best = f64::NEG_INFINITY;
    for (index, (&accuracy, &in_training)) in accuracies.iter().zip(in_training).enumerate() {
        let above = best.max(in_training);
        if above - accuracy > FALL {
            return Some((index + 1, above, accuracy));
        }
        best = best.max(accuracy);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fall_is_measured_from_the_best_and_from_what_one_step_leaves() {
        let check = |accuracies: &[f64], in_training: &[f64], expected: Option<(usize, f64, f64)>| {
            assert_eq!(first_fall(accuracies, in_training), expected, "{accuracies:?}, {in_training:?}");
        };
        check(&[], &[], None);
        check(&[0.0, 0.0], &[0.0; 2], None);
        check(&[0.3, 0.4, 0.25, 0.21], &[0.3; 4], None);
        check(&[0.3, 0.45, 0.4, 0.01, 0.5], &[0.2; 5], Some((4, 0.45, 0.01)));
        check(&[0.45, 0.35, 0.24], &[0.0; 3], Some((3, 0.45, 0.24))); // Little by little is a fall, too.
        check(&[0.1, 0.1, 0.1], &[0.1, 0.25, 0.6], Some((3, 0.6, 0.1))); // PGD was never withstood.
    }
}

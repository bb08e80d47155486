//! Watching for catastrophic overfitting: a network that learns to withstand one step and no more.

use tch::Tensor;
use twinset_attack::{AttackError, Pgd, pgd};
use twinset_model::{ImageSet, Mode, Network};

use crate::Sample;

/// Training images that are attacked after each epoch.
const N_IMAGES: usize = 512;
/// A fall of accuracy below the best so far that is reported. Wong et al.'s own training stops at such a fall.
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

    /// What is to be said of these accuracies, one an epoch: the first fall.
    pub(crate) fn warning(&self, accuracies: &[f64]) -> Option<String> {
        let (epoch, best, found) = first_fall(accuracies)?;
        Some(format!(
            "catastrophic overfitting: after epoch {epoch} PGD-{} leaves {:.1} % of {} training images classified rightly, \
             and left {:.1} % before",
            self.attack.n_steps,
            100.0 * found,
            self.images.size()[0],
            100.0 * best,
        ))
    }
}

/// The first epoch, counted from 1, whose accuracy is far below the best before it; that best; and the accuracy.
fn first_fall(accuracies: &[f64]) -> Option<(usize, f64, f64)> {
    let mut best = f64::NEG_INFINITY;
    for (index, &accuracy) in accuracies.iter().enumerate() {
        if best - accuracy > FALL {
            return Some((index + 1, best, accuracy));
        }
        best = best.max(accuracy);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fall_is_measured_from_the_best() {
        let check = |accuracies: &[f64], expected: Option<(usize, f64, f64)>| {
            assert_eq!(first_fall(accuracies), expected, "{accuracies:?}");
        };
        check(&[], None);
        check(&[0.0, 0.0], None);
        check(&[0.3, 0.4, 0.25, 0.21], None);
        check(&[0.3, 0.45, 0.4, 0.01, 0.5], Some((4, 0.45, 0.01)));
        check(&[0.45, 0.35, 0.24], Some((3, 0.45, 0.24))); // Little by little is a fall, too.
    }
}
